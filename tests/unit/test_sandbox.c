/* SPDX-License-Identifier: ISC */
/*
 * The sandbox, each case in a child: what a role may do works, what it may not
 * fails, and what only an attacker would call is the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gate/landlock.h>
#include <gate/sandbox.h>

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
		.readable = role == XO_SANDBOX_WORKER ? readable : NULL,
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
	{"status: memory", XO_SANDBOX_STATUS, use_memory_and_time, 0},
	{"status: socket", XO_SANDBOX_STATUS, make_no_socket, 0},
	{"status: file", XO_SANDBOX_STATUS, read_another, 0},
	{"status: exec", XO_SANDBOX_STATUS, run_a_program, ENDS},
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
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
