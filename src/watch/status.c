/* SPDX-License-Identifier: ISC */
/*
 * The process behind the status address: see status.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "status.h"
#include "status_door.h"
#include "status_html.h"

/* More than are let in: those that are shown out take a moment. */
#define MAX_CONNECTIONS (2 * XO_DOOR_ALL)
#define TIMEOUT 10			/* seconds */
#define CONNECTION_MEMORY 65536

static int
listen_on(const struct addrinfo *ai)
{
	int on = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, MAX_CONNECTIONS) == 0)
		return fd;
	on = errno;
	(void)close(fd);
	errno = on;
	return -1;
}

int
xo_status_listen(const struct xo_conf_host *host, struct xo_buf *error)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	struct xo_buf port = {0};
	const char *why = "no memory";
	int fd = -1;
	int failed;

	xo_buf_add_u64(&port, host->port);
	xo_buf_add_byte(&port, '\0');
	if (port.err != XO_OK)
		goto out;
	failed = getaddrinfo(host->host, (const char *)port.p, &hints, &list);
	if (failed != 0) {
		why = gai_strerror(failed);
		goto out;
	}
	for (const struct addrinfo *ai = list; ai != NULL && fd < 0;
	    ai = ai->ai_next)
		fd = listen_on(ai);
	why = strerror(errno);
	freeaddrinfo(list);
out:
	if (fd < 0) {
		xo_buf_add_all(error, host->where.file, ":", (char *)NULL);
		xo_buf_add_u64(error, (uint64_t)host->where.line);
		xo_buf_add_all(error, ": status: cannot listen on ",
		    host->host, ": ", why, (char *)NULL);
	}
	xo_buf_fini(&port);
	return fd;
}

static void
end(int signal)
{
	(void)signal;
	_exit(0);
}

/* The parent's handlers and mask are not ours. */
static void
set_signals(void)
{
	struct sigaction ends = {.sa_handler = end};
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	static const int deaf[] = {SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t none;

	(void)sigaction(SIGTERM, &ends, NULL);
	(void)sigaction(SIGINT, &ends, NULL);
	(void)sigaction(SIGQUIT, &ends, NULL);
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		(void)sigaction(deaf[i], &ignored, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void
xo_status_run(const struct xo_status_setup *setup)
{
	struct MHD_Daemon *daemon;

	set_signals();
	(void)prctl(PR_SET_NAME, "xoorgd: status");
	if (setup->confine != NULL && !setup->confine(setup->arg))
		_exit(1);
	/* Late: a change of user clears it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != setup->parent)
		_exit(0);
	daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL,
	    xo_status_handle, (void *)(uintptr_t)setup,
	    MHD_OPTION_LISTEN_SOCKET, setup->listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MAX_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)TIMEOUT,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_NOTIFY_CONNECTION, xo_status_notify, NULL,
	    MHD_OPTION_END);
	if (daemon == NULL)
		_exit(1);
	while (MHD_run_wait(daemon, 1000) == MHD_YES)
		xo_status_sweep();
	_exit(1);
}
