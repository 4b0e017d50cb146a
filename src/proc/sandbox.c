/* SPDX-License-Identifier: ISC */
/*
 * Lists of system calls, and the rest of the sandbox: see sandbox.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
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
#define F (1U << XO_SANDBOX_KEYS_FOLDER)
#define L (1U << XO_SANDBOX_LOG)
#define ALL (W | S | K | F | L)

/* A worker whose tables of tenants are behind a local socket. */
#define U (1U << XO_SANDBOX_ROLE_COUNT)

/* What an argument must be, in the bits of the mask. */
#define MASK(arg, mask, value) \
	{arg, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)}

/* An int's upper half is not always zero in the register. */
#define INT 0xffffffffU
#define PLAIN_SOCKET (INT & ~(unsigned int)(SOCK_NONBLOCK | SOCK_CLOEXEC))
#define PLAIN_OPEN (INT & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK | O_NOCTTY | \
	O_LARGEFILE_BIT))
/* The C library's O_LARGEFILE is 0 where all files are large. */
#define O_LARGEFILE_BIT 0100000

#define ARGS_MAX 3
#define NONE {{0}}

/*
 * Who may call what, and with which arguments: of a call with several rows one
 * must fit. None that changes a descriptor of others: no F_SETFL, which would
 * take O_APPEND from a log, and no owner for signals; no socket but for the
 * Internet's streams and datagrams, hence no connect() to a local one but where a
 * table of tenants is behind it.
 */
static const struct {
	const char *name;
	unsigned int roles;
	struct scmp_arg_cmp args[ARGS_MAX];	/* all-zero: no more */
} allowed[] = {
	/* memory: none to run is made any more */
	{"brk", ALL, NONE}, {"mremap", ALL, NONE}, {"munmap", ALL, NONE},
	{"mmap", ALL, {MASK(2, PROT_EXEC, 0)}},
	{"mprotect", ALL, {MASK(2, PROT_EXEC, 0)}},
	{"madvise", ALL, {MASK(2, INT, MADV_DONTNEED)}},
	{"madvise", ALL, {MASK(2, INT, MADV_FREE)}},
	{"madvise", ALL, {MASK(2, INT, MADV_DONTDUMP)}},
	{"membarrier", W, NONE},
	/* the process itself */
	{"exit", ALL, NONE}, {"exit_group", ALL, NONE}, {"futex", ALL, NONE},
	{"getpid", ALL, NONE}, {"getppid", W | S, NONE}, {"gettid", ALL, NONE},
	{"getuid", W, NONE}, {"geteuid", W, NONE}, {"getgid", W, NONE},
	{"getegid", W, NONE}, {"getrandom", ALL, NONE},
	{"restart_syscall", ALL, NONE}, {"rt_sigaction", W | S, NONE},
	{"rt_sigprocmask", ALL, NONE}, {"rt_sigreturn", ALL, NONE},
	{"sched_yield", ALL, NONE}, {"sigaltstack", W, NONE},
	{"prctl", S, {MASK(0, INT, PR_SET_PDEATHSIG)}},
	/* time */
	{"clock_getres", W | S, NONE}, {"clock_gettime", ALL, NONE},
	{"clock_nanosleep", W | S, NONE}, {"gettimeofday", ALL, NONE},
	{"nanosleep", W | S, NONE}, {"time", ALL, NONE},
	/* descriptors; the status server's libraries start in here */
	{"close", ALL, NONE}, {"epoll_ctl", W | S, NONE},
	{"epoll_create1", S, NONE}, {"epoll_pwait", W | S, NONE},
	{"epoll_pwait2", W | S, NONE}, {"epoll_wait", W | S, NONE},
	{"eventfd2", S, NONE},
	{"fcntl", W | S, {MASK(1, INT, F_GETFL)}},
	{"fcntl", W | S, {MASK(1, INT, F_GETFD)}},
	{"fcntl", W, {MASK(1, INT, F_DUPFD_CLOEXEC)}},
	{"fstat", W | S | F, NONE}, {"newfstatat", W | S | F, NONE},
	{"openat", W, {MASK(2, PLAIN_OPEN, O_RDONLY)}},
	{"openat", F, {MASK(2, PLAIN_OPEN, O_NOFOLLOW)}},
	{"poll", ALL, NONE}, {"ppoll", ALL, NONE}, {"read", W | S | F, NONE},
	{"readv", W, NONE}, {"write", W | S | L, NONE},
	{"writev", W | S, NONE},
	/* sockets */
	{"accept4", W | S, NONE}, {"connect", W | L, NONE},
	{"getpeername", W | S, NONE}, {"getsockname", W | S, NONE},
	{"getsockopt", W | S, NONE}, {"recvfrom", ALL, NONE},
	{"recvmsg", ALL, NONE}, {"sendmmsg", W, NONE},
	{"sendmsg", W | S, NONE}, {"sendto", ALL, NONE},
	{"sendfile", S, NONE}, {"shutdown", W | S, NONE},
	{"socket", W, {MASK(0, INT, AF_INET),
	    MASK(1, PLAIN_SOCKET, SOCK_STREAM), MASK(2, INT, 0)}},
	{"socket", W, {MASK(0, INT, AF_INET),
	    MASK(1, PLAIN_SOCKET, SOCK_DGRAM), MASK(2, INT, 0)}},
	{"socket", W, {MASK(0, INT, AF_INET6),
	    MASK(1, PLAIN_SOCKET, SOCK_STREAM), MASK(2, INT, 0)}},
	{"socket", W, {MASK(0, INT, AF_INET6),
	    MASK(1, PLAIN_SOCKET, SOCK_DGRAM), MASK(2, INT, 0)}},
	{"socket", U, {MASK(0, INT, AF_UNIX),
	    MASK(1, PLAIN_SOCKET, SOCK_STREAM), MASK(2, INT, 0)}},
	{"setsockopt", W | S, {MASK(1, INT, IPPROTO_TCP),
	    MASK(2, INT, TCP_NODELAY)}},
	{"setsockopt", W | S, {MASK(1, INT, IPPROTO_TCP),
	    MASK(2, INT, TCP_CORK)}},
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

/* Rows of the table that have no more arguments end with an empty one. */
static unsigned int
count_args(const struct scmp_arg_cmp args[ARGS_MAX])
{
	unsigned int n = 0;

	while (n < ARGS_MAX && args[n].op != _SCMP_CMP_MIN)
		n++;
	return n;
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

/*
 * The master starts processes, and reads what it is told to. It makes no
 * namespace, where it would have rights again, and types nothing into the
 * terminal that it was started from.
 */
static bool
add_masters(scmp_filter_ctx filter)
{
	static const int namespaces[] = {CLONE_NEWNS, CLONE_NEWCGROUP,
		CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
		CLONE_NEWNET};
	static const unsigned int typing[] = {TIOCSTI, TIOCLINUX};
	/* Its arguments are in memory; the C library then calls clone. */
	bool is_ok = add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);

	for (size_t i = 0; is_ok && i < N(namespaces); i++) {
		const struct scmp_arg_cmp flag[] = {
			MASK(0, namespaces[i], namespaces[i]),
		};

		is_ok = add(filter, SCMP_ACT_ERRNO(EPERM), "clone", 1, flag);
	}
	for (size_t i = 0; is_ok && i < N(typing); i++) {
		const struct scmp_arg_cmp command[] = {
			MASK(1, INT, typing[i]),
		};

		is_ok = add(filter, SCMP_ACT_ERRNO(EPERM), "ioctl", 1, command);
	}
	return is_ok;
}

static bool
add_rules(scmp_filter_ctx filter, const struct xo_sandbox *s)
{
	enum xo_sandbox_role role = s->role;
	unsigned int roles = 1U << role | (s->has_local_server ? U : 0);
	bool is_ok = true;

	for (size_t i = 0; is_ok && i < N(never); i++)
		is_ok = add(filter, SCMP_ACT_KILL_PROCESS, never[i], 0, NULL);
	if (role == XO_SANDBOX_MASTER)
		return is_ok && add_masters(filter);
	for (size_t i = 0; is_ok && i < N(allowed); i++)
		if ((allowed[i].roles & roles) != 0)
			is_ok = add(filter, SCMP_ACT_ALLOW, allowed[i].name,
			    count_args(allowed[i].args), allowed[i].args);
	return is_ok && add_abort(filter);
}

static bool
filter_calls(const struct xo_sandbox *s)
{
	scmp_filter_ctx filter = seccomp_init(s->role == XO_SANDBOX_MASTER ?
	    SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	bool is_ok = filter != NULL && add_rules(filter, s) &&
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
	xo_buf_add_all(error, "sandbox = \"required\", and this system "
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
	return filter_calls(s) || fail(s->mode, error, "seccomp");
}

bool
xo_sandbox_is_sanitized(void)
{
	return IS_SANITIZED;
}

void
xo_sandbox_describe(enum xo_sandbox_mode mode, struct xo_buf *out)
{
	int abi;

	if (IS_SANITIZED) {
		xo_buf_add_cstr(out, "none in a build with sanitizers");
	} else if (mode == XO_SANDBOX_OFF) {
		xo_buf_add_cstr(out, "off");
	} else {
		abi = xo_landlock_abi();
		xo_buf_add_cstr(out, prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >=
		    0 ? "seccomp" : "no seccomp");
		xo_buf_add_cstr(out, abi > 0 ? ", Landlock " :
		    ", no Landlock");
		if (abi > 0)
			xo_buf_add_u64(out, (uint64_t)abi);
	}
}
