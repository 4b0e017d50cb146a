/* SPDX-License-Identifier: ISC */
/*
 * Where log lines go: see log_sink.h.
 *
 * O_NONBLOCK belongs to the open file description, which an inherited stderr
 * shares with other processes. So it is not set there: a pipe or terminal is
 * opened once more by its name in /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log_sink.h"

static const char SYSLOG_SOCKET[] = "/dev/log";

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK, 0640);
}

static bool
connect_syslog(int fd)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	_Static_assert(sizeof(SYSLOG_SOCKET) <= sizeof(sun.sun_path),
	    "name fits");
	memcpy(sun.sun_path, SYSLOG_SOCKET, sizeof(SYSLOG_SOCKET));
	return connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
}

static bool
open_syslog(struct xo_log_sink *sink)
{
	sink->kind = XO_LOG_SINK_SYSLOG;
	sink->is_ours = true;
	sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (sink->fd < 0)
		return false;
	if (connect_syslog(sink->fd))
		return true;
	xo_log_sink_close(sink);
	return false;
}

/* A description of our own for the pipe or terminal behind `fd`, or -1. */
static int
open_again(int fd)
{
	char name[32] = "/proc/self/fd/";
	char *p = name + strlen(name);
	char digits[12];
	size_t n = 0;

	if (fd < 0)
		return -1;
	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	while (n > 0)
		/* analyser: n digits were written */
		*p++ = digits[--n];
	*p = '\0';
	return open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void
xo_log_sink_from_fd(struct xo_log_sink *sink, int fd)
{
	struct stat st;
	int own = -1;

	sink->fd = fd;
	sink->is_ours = false;
	sink->kind = XO_LOG_SINK_POLLED;
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode)) {
		/* Opened again it would lose its offset. */
		sink->kind = XO_LOG_SINK_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		sink->kind = XO_LOG_SINK_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		own = open_again(fd);
	}
	if (own < 0)
		return;
	sink->kind = XO_LOG_SINK_STREAM;
	sink->fd = own;
	sink->is_ours = true;
}

bool
xo_log_sink_open(struct xo_log_sink *sink, const char *target)
{
	struct stat st;

	memset(sink, 0, sizeof(*sink));
	sink->fd = -1;
	if (strcmp(target, "stderr") == 0) {
		xo_log_sink_from_fd(sink, STDERR_FILENO);
		return true;
	}
	if (strcmp(target, "syslog") == 0)
		return open_syslog(sink);
	sink->path = strdup(target);
	if (sink->path == NULL)
		return false;
	sink->is_ours = true;
	sink->fd = open_file(target);
	if (sink->fd < 0 || fstat(sink->fd, &st) < 0) {
		xo_log_sink_close(sink);
		return false;
	}
	/* A named pipe or a device may be given as a file, too. */
	sink->kind = S_ISREG(st.st_mode) ? XO_LOG_SINK_FILE :
	    XO_LOG_SINK_STREAM;
	return true;
}

bool
xo_log_sink_reopen(struct xo_log_sink *sink)
{
	int fd;

	if (sink->kind == XO_LOG_SINK_SYSLOG)
		return connect_syslog(sink->fd);
	if (sink->path == NULL)
		return true;
	fd = open_file(sink->path);
	if (fd < 0)
		return false;
	(void)close(sink->fd);
	sink->fd = fd;
	return true;
}

bool
xo_log_sink_take(struct xo_log_sink *sink, int fd)
{
	int old = sink->path != NULL ? sink->fd : fd;

	if (old != fd)
		sink->fd = fd;
	(void)close(old);
	return old != fd;
}

/* Keeps errno for who tells the reason. */
void
xo_log_sink_close(struct xo_log_sink *sink)
{
	int saved = errno;

	if (sink->is_ours && sink->fd >= 0)
		(void)close(sink->fd);
	sink->fd = -1;
	free(sink->path);
	sink->path = NULL;
	errno = saved;
}

/*
 * As many whole lines as a pipe takes in one piece, so that the lines of
 * several processes do not mix.
 */
static size_t
piece(struct xo_span lines)
{
	size_t end = xo_span_find(lines, '\n');

	for (size_t n = end; n < lines.len && n < PIPE_BUF;) {
		end = n;
		n += 1 + xo_span_find(xo_span_from(lines, n + 1), '\n');
	}
	return end < lines.len ? end + 1 : lines.len;
}

/* The daemon behind /dev/log may be a new one: look once a second. */
static bool
try_again(struct xo_log_sink *sink)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (sink->tried == (int64_t)now.tv_sec)
		return false;
	sink->tried = (int64_t)now.tv_sec;
	return connect_syslog(sink->fd);
}

static size_t
send_line(struct xo_log_sink *sink, struct xo_span lines)
{
	size_t len = xo_span_find(lines, '\n');
	size_t used = len < lines.len ? len + 1 : len;

	for (int i = 0; i < 2; i++) {
		if (send(sink->fd, lines.p, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return used;
		if (errno == EMSGSIZE)
			return used;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR ||
		    !try_again(sink))
			return 0;
	}
	return 0;
}

static bool
is_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

size_t
xo_log_sink_write(struct xo_log_sink *sink, struct xo_span lines)
{
	ssize_t n = -1;

	switch (sink->kind) {
	case XO_LOG_SINK_FILE:
		n = write(sink->fd, lines.p, lines.len);
		break;
	case XO_LOG_SINK_POLLED:
		if (!is_ready(sink->fd))
			return 0;
		n = write(sink->fd, lines.p, piece(lines));
		break;
	case XO_LOG_SINK_STREAM:
		n = write(sink->fd, lines.p, piece(lines));
		break;
	case XO_LOG_SINK_SOCKET:
		n = send(sink->fd, lines.p, piece(lines),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case XO_LOG_SINK_SYSLOG:
		return send_line(sink, lines);
	case XO_LOG_SINK_KIND_COUNT:
		break;
	}
	return n > 0 ? (size_t)n : 0;
}

void
xo_log_sink_wait(const struct xo_log_sink *sink, int ms)
{
	struct pollfd p = {.fd = sink->fd, .events = POLLOUT};

	(void)poll(&p, 1, ms);
}
