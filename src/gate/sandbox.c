/* SPDX-License-Identifier: ISC */
/*
 * Lists of system calls, and the rest of the sandbox: see sandbox.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "landlock.h"
#include "sandbox.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

#define W (1U << XO_SANDBOX_WORKER)
#define S (1U << XO_SANDBOX_STATUS)
#define K (1U << XO_SANDBOX_KEYS)

/* Who may call what. Arguments of some are looked at as well: see `guards`. */
static const struct {
	const char *name;
	unsigned int roles;
} allowed[] = {
	/* memory */
	{"brk", W | S | K}, {"madvise", W | S | K}, {"mremap", W | S | K},
	{"munmap", W | S | K}, {"membarrier", W},
	/* the process itself */
	{"exit", W | S | K}, {"exit_group", W | S | K}, {"futex", W | S | K},
	{"getpid", W | S | K}, {"getppid", W | S}, {"gettid", W | S | K},
	{"getuid", W}, {"geteuid", W}, {"getgid", W}, {"getegid", W},
	{"getrandom", W | S | K}, {"restart_syscall", W | S | K},
	{"rt_sigaction", W | S}, {"rt_sigprocmask", W | S | K},
	{"rt_sigreturn", W | S | K}, {"sched_yield", W | S | K},
	{"sigaltstack", W},
	/* time */
	{"clock_getres", W | S}, {"clock_gettime", W | S | K},
	{"clock_nanosleep", W | S}, {"gettimeofday", W | S | K},
	{"nanosleep", W | S}, {"time", W | S | K},
	/* descriptors */
	{"close", W | S | K}, {"epoll_ctl", W | S}, {"epoll_pwait", W | S},
	{"epoll_pwait2", W | S}, {"epoll_wait", W | S}, {"eventfd2", S},
	{"fcntl", W | S}, {"fstat", W | S}, {"lseek", W},
	{"newfstatat", W | S}, {"poll", W | S | K}, {"ppoll", W | S | K},
	{"read", W | S}, {"readv", W}, {"write", W | S}, {"writev", W | S},
	/* sockets */
	{"accept4", W | S}, {"bind", W}, {"connect", W},
	{"getpeername", W | S}, {"getsockname", W | S}, {"getsockopt", W | S},
	{"recvfrom", W | S | K}, {"recvmsg", W | S | K}, {"sendmmsg", W},
	{"sendmsg", W | S}, {"sendto", W | S | K}, {"sendfile", S},
	{"setsockopt", W | S}, {"shutdown", W | S},
};

/* No honest part of ours calls these. */
static const char *const never[] = {
	"acct", "add_key", "bpf", "chroot", "delete_module", "execve",
	"execveat", "finit_module", "init_module", "io_uring_enter",
	"io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load",
	"keyctl", "mount", "move_mount", "name_to_handle_at", "open_by_handle_at",
	"open_tree", "perf_event_open", "pidfd_getfd", "pivot_root",
	"process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot",
	"request_key", "setdomainname", "sethostname", "setns", "swapoff",
	"swapon", "umount2", "unshare", "userfaultfd",
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* True: added, or this machine has no such call. */
static bool
add(scmp_filter_ctx filter, uint32_t action, const char *name,
    unsigned int n, const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);
	int e;

	if (number == __NR_SCMP_ERROR)
		return true;
	e = seccomp_rule_add_array(filter, action, number, n, args);
	/* Not on this machine's architecture. */
	return e == 0 || e == -EDOM || e == -EACCES;
}

/* Memory to run is not made any more; files are only read; sockets are those
 * of the Internet and of the machine's own log. */
static bool
add_guarded(scmp_filter_ctx filter, enum xo_sandbox_role role)
{
	const struct scmp_arg_cmp not_executable[] = {
		{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
	};
	const struct scmp_arg_cmp read_only[] = {
		{2, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
		    O_RDONLY},
	};
	const struct scmp_arg_cmp end[] = {
		{0, SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0},
	};
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	bool is_ok = add(filter, SCMP_ACT_ALLOW, "mmap", 1, not_executable) &&
	    add(filter, SCMP_ACT_ALLOW, "mprotect", 1, not_executable);

	/* Its libraries start in here. */
	if (role == XO_SANDBOX_STATUS)
		return is_ok && add(filter, SCMP_ACT_ALLOW, "prctl", 1, end) &&
		    add(filter, SCMP_ACT_ALLOW, "epoll_create1", 0, NULL);
	if (role != XO_SANDBOX_WORKER)
		return is_ok;
	is_ok = is_ok && add(filter, SCMP_ACT_ALLOW, "openat", 1, read_only);
	for (size_t i = 0; is_ok && i < N(families); i++) {
		const struct scmp_arg_cmp family[] = {
			{0, SCMP_CMP_EQ, (scmp_datum_t)families[i], 0},
		};

		is_ok = add(filter, SCMP_ACT_ALLOW, "socket", 1, family);
	}
	return is_ok;
}

/* abort() and raise() reach the process itself, and nobody else. */
static bool
add_abort(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp own[] = {
		{0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0},
	};

	return add(filter, SCMP_ACT_ALLOW, "tgkill", 1, own);
}

static bool
add_rules(scmp_filter_ctx filter, enum xo_sandbox_role role)
{
	bool is_ok = true;

	for (size_t i = 0; is_ok && i < N(never); i++)
		is_ok = add(filter, SCMP_ACT_KILL_PROCESS, never[i], 0, NULL);
	if (role == XO_SANDBOX_MASTER)
		return is_ok;
	for (size_t i = 0; is_ok && i < N(allowed); i++)
		if ((allowed[i].roles & 1U << role) != 0)
			is_ok = add(filter, SCMP_ACT_ALLOW, allowed[i].name, 0,
			    NULL);
	return is_ok && add_guarded(filter, role) && add_abort(filter);
}

static bool
filter_calls(enum xo_sandbox_role role)
{
	scmp_filter_ctx filter = seccomp_init(role == XO_SANDBOX_MASTER ?
	    SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	bool is_ok = filter != NULL && add_rules(filter, role) &&
	    seccomp_load(filter) == 0;

	if (filter != NULL)
		seccomp_release(filter);
	return is_ok;
}

static bool
limit_resources(const struct xo_sandbox *s)
{
	const struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_NPROC, &none) == 0 &&
	    (s->is_writing_files || setrlimit(RLIMIT_FSIZE, &none) == 0);
}

static bool
fail(enum xo_sandbox_mode mode, struct xo_buf *error, const char *what)
{
	if (mode != XO_SANDBOX_REQUIRED)
		return true;
	(void)xo_buf_add_all(error, "sandbox = \"required\", and this system "
	    "has no ", what, (char *)NULL);
	return false;
}

bool
xo_sandbox_enter(const struct xo_sandbox *s, struct xo_buf *error)
{
	bool has_children = s->role == XO_SANDBOX_MASTER;

	if (IS_SANITIZED || s->mode == XO_SANDBOX_OFF)
		return true;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(s->mode, error, "PR_SET_NO_NEW_PRIVS");
	if (!has_children && !limit_resources(s) &&
	    !fail(s->mode, error, "limit of processes and files"))
		return false;
	if (!has_children && !xo_landlock_enter(s->readable) &&
	    !fail(s->mode, error, "Landlock"))
		return false;
	return filter_calls(s->role) || fail(s->mode, error, "seccomp");
}

void
xo_sandbox_describe(enum xo_sandbox_mode mode, struct xo_buf *out)
{
	int abi;

	if (IS_SANITIZED) {
		(void)xo_buf_add_cstr(out, "none in a build with sanitizers");
	} else if (mode == XO_SANDBOX_OFF) {
		(void)xo_buf_add_cstr(out, "off");
	} else {
		abi = xo_landlock_abi();
		(void)xo_buf_add_cstr(out, prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >=
		    0 ? "seccomp" : "no seccomp");
		(void)xo_buf_add_cstr(out, abi > 0 ? ", Landlock " :
		    ", no Landlock");
		if (abi > 0)
			(void)xo_buf_add_u64(out, (uint64_t)abi);
	}
}
