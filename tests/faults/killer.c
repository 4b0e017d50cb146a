/* SPDX-License-Identifier: ISC */
/*
 * killer PID K: kills a process as it enters its K-th system call from now on.
 * Says "attached" when counting has begun. Exit 0: it did; 1: the process ended
 * or somebody ended the killer before; 2: it may not trace.
 *
 * strace can inject a signal, but counts each kind of call by itself.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Lets it go on to its next stop, with the signal it was stopped for. */
static bool
go_on(pid_t pid, int signal_number)
{
	return ptrace(PTRACE_SYSCALL, pid, NULL, (long)signal_number) == 0;
}

/* True: it has been killed. */
static bool
count_to(pid_t pid, unsigned long k)
{
	unsigned long n = 0;
	bool is_entry = true;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		int why = WSTOPSIG(status);

		if (why == (SIGTRAP | 0x80)) {
			if (is_entry && ++n == k)
				return kill(pid, SIGKILL) == 0;
			is_entry = !is_entry;
			why = 0;
		} else if (status >> 16 != 0) {
			/* A stop of the tracer's, not a signal. */
			why = 0;
		}
		if (!go_on(pid, why))
			break;
	}
	return false;
}

int
main(int argc, char **argv)
{
	pid_t pid;
	unsigned long k;

	if (argc != 3) {
		fputs("usage: killer PID K\n", stderr);
		return 2;
	}
	pid = (pid_t)strtol(argv[1], NULL, 10);
	k = strtoul(argv[2], NULL, 10);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (long)PTRACE_O_TRACESYSGOOD) != 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0) {
		fprintf(stderr, "killer: %s\n", strerror(errno));
		return 2;
	}
	puts("attached");
	fflush(stdout);
	return count_to(pid, k) ? 0 : 1;
}
