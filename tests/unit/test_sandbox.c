/* SPDX-License-Identifier: ISC */
/*
 * The sandbox, each case in a child: what a role may do works, what it may not
 * fails, and what only an attacker would call is the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <proc/landlock.h>
#include <proc/sandbox.h>

static bool
is_on(void)
{
	struct xo_buf text = {0};
	bool is_sanitized;

	xo_sandbox_describe(XO_SANDBOX_AUTO, &text);
	is_sanitized = xo_span_has_prefix_nocase(xo_buf_span(&text),
	    XO_LIT("none"));
	xo_buf_fini(&text);
	return !is_sanitized;
}

/* wait(2)'s status of a child that was sandboxed and did `part`. */
static int
in_child(enum xo_sandbox_role role, int (*part)(void))
{
	static const char *const readable[] = {"/etc/hosts",
		"/no/such/file", NULL};
	const struct xo_sandbox sandbox = {
		.role = role,
		.mode = XO_SANDBOX_REQUIRED,
		.readable = role == XO_SANDBOX_WORKER ||
		    role == XO_SANDBOX_KEYS_FOLDER ? readable : NULL,
	};
	struct xo_buf error = {0};
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		if (!xo_sandbox_enter(&sandbox, &error))
			_exit(99);
		_exit(part());
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

static int
read_hosts(void)
{
	char octet;
	int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &octet, 1) >= 0 ? 0 : 1;
}

static int
read_another(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? 0 : 1;
}

static int
read_no_link(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOFOLLOW) < 0 &&
	    errno == EACCES ? 0 : 1;
}

static int
write_one(void)
{
	return open("/tmp/xoorg-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600) < 0 && errno == EPERM ? 0 : 1;
}

static int
make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	    errno == EPERM ? 0 : 1;
}

static int
make_a_child(void)
{
	return fork() < 0 ? 0 : 1;
}

static int
use_memory_and_time(void)
{
	struct timespec ts;
	void *p = malloc((size_t)1 << 22);

	free(p);
	return p != NULL && clock_gettime(CLOCK_REALTIME, &ts) == 0 ? 0 : 1;
}

static int
make_a_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && close(fd) == 0 ? 0 : 1;
}

static int
make_no_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 &&
	    errno == EPERM ? 0 : 1;
}

static int
make_a_raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 &&
	    errno == EPERM ? 0 : 1;
}

static int
kill_the_parent(void)
{
	return kill(getppid(), 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
run_a_program(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int
trace(void)
{
	(void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	return 1;
}

static int
read_others_memory(void)
{
	char octet;
	struct iovec local = {&octet, 1}, remote = {&octet, 1};

	(void)process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
	return 1;
}

static int
give_up(void)
{
	abort();
}

/*
 * What a call may do and what it may not: each of these is tried outside of the
 * sandbox, where it must succeed, and inside, where it must be EPERM. Descriptors
 * are made before: 'log' is a file for appending, `local` listens.
 */
static int log_fd, other_fd, local_fd;
static struct sockaddr_un local = {.sun_family = AF_UNIX};

#define TRY(name, call) \
	static int name(void) { return (call) >= 0 ? 0 : errno; }
#define FREE_SOCKET(name, family, type, protocol) \
	TRY(name, socket(family, type, protocol))

TRY(take_append, fcntl(log_fd, F_SETFL, O_NONBLOCK))
TRY(set_async, fcntl(other_fd, F_SETFL, O_ASYNC))
TRY(set_nonblock, fcntl(other_fd, F_SETFL, O_APPEND | O_NONBLOCK))
TRY(set_owner, fcntl(other_fd, F_SETOWN, getppid()))
TRY(set_signal, fcntl(other_fd, F_SETSIG, SIGWINCH))
TRY(set_lock, flock(log_fd, LOCK_EX | LOCK_NB))
TRY(keep_at_exec, fcntl(log_fd, F_SETFD, 0))
TRY(duplicate, fcntl(log_fd, F_DUPFD, 0))
TRY(duplicate_closing, fcntl(log_fd, F_DUPFD_CLOEXEC, 0))
TRY(read_flags, fcntl(log_fd, F_GETFL))
TRY(set_owner_by_ioctl, ioctl(other_fd, FIOSETOWN, &(int){getppid()}))
TRY(set_async_by_ioctl, ioctl(other_fd, FIOASYNC, &(int){1}))
TRY(rewind_log, lseek(log_fd, 0, SEEK_SET))
TRY(cut_log, ftruncate(log_fd, 0))
TRY(write_at, pwrite(log_fd, "x", 1, 0))
FREE_SOCKET(local_stream, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
FREE_SOCKET(local_datagram, AF_UNIX, SOCK_DGRAM, 0)
FREE_SOCKET(netlink, AF_NETLINK, SOCK_RAW, 0)
FREE_SOCKET(raw, AF_INET, SOCK_RAW, IPPROTO_ICMP)
FREE_SOCKET(multipath, AF_INET, SOCK_STREAM, 262)
FREE_SOCKET(udp_lite, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE)
FREE_SOCKET(datagram, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0)
TRY(connect_local, connect(local_fd, (const struct sockaddr *)&local,
    sizeof(local)))
TRY(bind_a_port, bind(other_fd, (const struct sockaddr *)&(struct sockaddr_in){
    .sin_family = AF_INET}, sizeof(struct sockaddr_in)))
TRY(set_option, setsockopt(other_fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1},
    sizeof(int)))
TRY(set_no_delay, setsockopt(other_fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
    sizeof(int)))
TRY(set_other_tcp, setsockopt(other_fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1},
    sizeof(int)))
TRY(set_dumpable, prctl(PR_SET_DUMPABLE, 1))
TRY(set_death, prctl(PR_SET_PDEATHSIG, SIGTERM))
TRY(set_limit, prlimit(0, RLIMIT_NOFILE, &(struct rlimit){64, 64}, NULL))
TRY(signal_itself, kill(getpid(), 0))
TRY(signal_group, kill(0, 0))
TRY(signal_parent, (int)syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(queue_signal, (int)syscall(SYS_pidfd_open, getppid(), 0))
TRY(open_as_path, open("/etc/hosts", O_PATH | O_CLOEXEC))
TRY(open_folder, open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
TRY(open_hosts, open("/etc/hosts", O_RDONLY | O_CLOEXEC))
TRY(open_no_link, open("/etc/hosts", O_RDONLY | O_CLOEXEC | O_NOFOLLOW))
TRY(open_to_write, open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOFOLLOW))
TRY(make_memory_file, memfd_create("x", MFD_CLOEXEC))
TRY(grow_dump, madvise((void *)((uintptr_t)&local & ~(uintptr_t)4095), 4096,
    MADV_DODUMP))
TRY(make_namespace, (int)syscall(SYS_clone, CLONE_NEWUTS | CLONE_NEWUSER |
    SIGCHLD, NULL, NULL, NULL, NULL))
TRY(set_name, prctl(PR_SET_NAME, "x"))

#define W (1U << XO_SANDBOX_WORKER)
#define S (1U << XO_SANDBOX_STATUS)
#define F (1U << XO_SANDBOX_KEYS_FOLDER)
#define K (1U << XO_SANDBOX_KEYS | F)
#define L (1U << XO_SANDBOX_LOG)
#define M (1U << XO_SANDBOX_MASTER)
#define ALL (W | S | K | L)

static const struct {
	const char *name;
	int (*try)(void);
	unsigned int forbidden;		/* roles */
	unsigned int allowed;
	bool needs_more;		/* than anybody has: outside it may fail */
} arguments[] = {
	{"F_SETFL without O_APPEND", take_append, ALL, M, false},
	{"F_SETFL O_ASYNC", set_async, ALL, M, false},
	{"F_SETFL", set_nonblock, ALL, M, false},
	{"F_SETOWN", set_owner, ALL, M, false},
	{"F_SETSIG", set_signal, ALL, M, false},
	{"flock", set_lock, ALL, M, false},
	{"F_SETFD", keep_at_exec, ALL, M, false},
	{"F_DUPFD", duplicate, ALL, M, false},
	{"F_DUPFD_CLOEXEC", duplicate_closing, S | K | L, W | M, false},
	{"F_GETFL", read_flags, K | L, W | S | M, false},
	{"FIOSETOWN", set_owner_by_ioctl, ALL, M, false},
	{"FIOASYNC", set_async_by_ioctl, ALL, M, false},
	{"lseek", rewind_log, ALL, M, false},
	{"ftruncate", cut_log, ALL, M, false},
	{"pwrite", write_at, ALL, M, false},
	{"AF_UNIX stream", local_stream, ALL, M, false},
	{"AF_UNIX datagram", local_datagram, ALL, M, false},
	{"AF_NETLINK", netlink, ALL, M, false},
	{"raw", raw, ALL, 0, true},
	{"MPTCP", multipath, ALL, 0, true},
	{"UDP-Lite", udp_lite, ALL, 0, true},
	{"datagram", datagram, S | K | L, W | M, false},
	{"connect to a local socket", connect_local, S | K, 0, false},
	{"bind", bind_a_port, ALL, 0, false},
	{"SOL_SOCKET", set_option, ALL, M, false},
	{"TCP_NODELAY", set_no_delay, K | L, W | S | M, false},
	{"TCP_QUICKACK", set_other_tcp, ALL, M, false},
	{"PR_SET_DUMPABLE", set_dumpable, ALL, M, false},
	{"PR_SET_PDEATHSIG", set_death, W | K | L, S | M, false},
	{"PR_SET_NAME", set_name, ALL, M, false},
	{"prlimit", set_limit, ALL, M, false},
	{"kill of itself", signal_itself, ALL, M, false},
	{"kill of the group", signal_group, ALL, M, false},
	{"tgkill of another", signal_parent, ALL, M, false},
	{"pidfd_open", queue_signal, ALL, M, false},
	{"O_PATH", open_as_path, ALL, M, false},
	{"O_DIRECTORY", open_folder, ALL, M, false},
	{"O_RDONLY", open_hosts, S | K | L, W | M, false},
	{"O_NOFOLLOW", open_no_link, ALL & ~F, F | M, false},
	{"O_NOFOLLOW to write", open_to_write, ALL, M, false},
	{"memfd_create", make_memory_file, ALL, M, false},
	{"MADV_DODUMP", grow_dump, ALL, M, false},
	{"clone of a namespace", make_namespace, ALL | M, 0, true},
};

static void
make_descriptors(void)
{
	char name[] = "/tmp/xoorg-sandbox-XXXXXX";
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	log_fd = mkostemp(name, O_APPEND | O_CLOEXEC);
	assert_true(log_fd >= 0 && unlink(name) == 0);
	other_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	local_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Of the abstract kind: nothing is left of it. */
	(void)snprintf(local.sun_path + 1, sizeof(local.sun_path) - 1,
	    "xoorg-sandbox-%ld", (long)getpid());
	assert_int_equal(bind(listening, (const struct sockaddr *)&local,
	    sizeof(local)), 0);
	assert_int_equal(listen(listening, 64), 0);
}

static int
outside(int (*try)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try());
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_arguments(void **state)
{
	(void)state;
	if (!is_on() || xo_landlock_abi() == 0) {
		print_message("# no sandbox in this build or on this kernel\n");
		return;
	}
	make_descriptors();
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		int free_one = outside(arguments[i].try);

		if (free_one != 0 && !arguments[i].needs_more)
			fail_msg("%s, free: %s", arguments[i].name,
			    strerror(free_one));
		for (int role = 0; role < XO_SANDBOX_ROLE_COUNT; role++) {
			bool no = (arguments[i].forbidden >> role & 1) != 0;
			bool yes = (arguments[i].allowed >> role & 1) != 0;
			int got;

			if (!no && !yes)
				continue;
			got = in_child((enum xo_sandbox_role)role,
			    arguments[i].try);
			if (!WIFEXITED(got) || WEXITSTATUS(got) !=
			    (no ? EPERM : 0))
				fail_msg("%s, role %d: status %x",
				    arguments[i].name, role, (unsigned int)got);
		}
	}
}

#define ENDS (-1)			/* by SIGSYS */

static const struct {
	const char *name;
	enum xo_sandbox_role role;
	int (*part)(void);
	int want;
} cases[] = {
	{"worker: hosts", XO_SANDBOX_WORKER, read_hosts, 0},
	{"worker: passwd", XO_SANDBOX_WORKER, read_another, 0},
	{"worker: write", XO_SANDBOX_WORKER, write_one, 0},
	{"worker: code", XO_SANDBOX_WORKER, make_code, 0},
	{"worker: fork", XO_SANDBOX_WORKER, make_a_child, 0},
	{"worker: memory", XO_SANDBOX_WORKER, use_memory_and_time, 0},
	{"worker: socket", XO_SANDBOX_WORKER, make_a_socket, 0},
	{"worker: raw", XO_SANDBOX_WORKER, make_a_raw_socket, 0},
	{"worker: kill", XO_SANDBOX_WORKER, kill_the_parent, 0},
	{"worker: exec", XO_SANDBOX_WORKER, run_a_program, ENDS},
	{"worker: ptrace", XO_SANDBOX_WORKER, trace, ENDS},
	{"worker: readv", XO_SANDBOX_WORKER, read_others_memory, ENDS},
	{"keys: memory", XO_SANDBOX_KEYS, use_memory_and_time, 0},
	{"keys: socket", XO_SANDBOX_KEYS, make_no_socket, 0},
	{"keys: file", XO_SANDBOX_KEYS, read_another, 0},
	{"keys: code", XO_SANDBOX_KEYS, make_code, 0},
	{"keys: exec", XO_SANDBOX_KEYS, run_a_program, ENDS},
	{"folder: memory", XO_SANDBOX_KEYS_FOLDER, use_memory_and_time, 0},
	{"folder: socket", XO_SANDBOX_KEYS_FOLDER, make_no_socket, 0},
	{"folder: file", XO_SANDBOX_KEYS_FOLDER, read_another, 0},
	{"folder: file elsewhere", XO_SANDBOX_KEYS_FOLDER, read_no_link, 0},
	{"folder: code", XO_SANDBOX_KEYS_FOLDER, make_code, 0},
	{"folder: exec", XO_SANDBOX_KEYS_FOLDER, run_a_program, ENDS},
	{"status: memory", XO_SANDBOX_STATUS, use_memory_and_time, 0},
	{"status: socket", XO_SANDBOX_STATUS, make_no_socket, 0},
	{"status: file", XO_SANDBOX_STATUS, read_another, 0},
	{"status: exec", XO_SANDBOX_STATUS, run_a_program, ENDS},
	{"log: memory", XO_SANDBOX_LOG, use_memory_and_time, 0},
	{"log: socket", XO_SANDBOX_LOG, make_no_socket, 0},
	{"log: file", XO_SANDBOX_LOG, read_another, 0},
	{"log: exec", XO_SANDBOX_LOG, run_a_program, ENDS},
	{"master: hosts", XO_SANDBOX_MASTER, read_hosts, 0},
	{"master: exec", XO_SANDBOX_MASTER, run_a_program, ENDS},
	{"master: ptrace", XO_SANDBOX_MASTER, trace, ENDS},
};

static void
test_cases(void **state)
{
	(void)state;
	if (!is_on() || xo_landlock_abi() == 0) {
		print_message("# no sandbox in this build or on this kernel\n");
		return;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = in_child(cases[i].role, cases[i].part);

		if (cases[i].want == ENDS ? !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGSYS :
		    !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: status %x", cases[i].name,
			    (unsigned int)status);
	}
}

static void
test_abort(void **state)
{
	int status;

	(void)state;
	if (!is_on())
		return;
	status = in_child(XO_SANDBOX_WORKER, give_up);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
test_off(void **state)
{
	const struct xo_sandbox sandbox = {
		.role = XO_SANDBOX_KEYS,
		.mode = XO_SANDBOX_OFF,
	};
	struct xo_buf error = {0};

	(void)state;
	assert_true(xo_sandbox_enter(&sandbox, &error));
	assert_int_equal(read_hosts(), 0);
	assert_int_equal(error.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
