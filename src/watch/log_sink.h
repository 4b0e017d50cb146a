/* SPDX-License-Identifier: ISC */
/*
 * Where log lines go: a file, a pipe, a terminal, a socket, the syslog. Private
 * to log.c. Nothing waits.
 */
#ifndef XO_LOG_SINK_H
#define XO_LOG_SINK_H

#include <xoorg/bytes.h>

enum xo_log_sink_kind {
	XO_LOG_SINK_FILE,		/* writes do not block */
	XO_LOG_SINK_STREAM,		/* O_NONBLOCK, our own description */
	XO_LOG_SINK_POLLED,		/* somebody else's: ask before */
	XO_LOG_SINK_SOCKET,		/* MSG_DONTWAIT */
	XO_LOG_SINK_SYSLOG,		/* a datagram a line */
	XO_LOG_SINK_KIND_COUNT
};

struct xo_log_sink {
	enum xo_log_sink_kind kind;
	int fd;
	bool is_ours;			/* close it */
	char *path;			/* of FILE by name, else NULL */
	int64_t tried;			/* SYSLOG: second of the last connect */
};

/* False: errno says why. */
bool xo_log_sink_open(struct xo_log_sink *sink, const char *target);
void xo_log_sink_from_fd(struct xo_log_sink *sink, int fd);
bool xo_log_sink_reopen(struct xo_log_sink *sink);
/* Of a file by name, which somebody else opened anew; false: closed instead. */
bool xo_log_sink_take(struct xo_log_sink *sink, int fd);
void xo_log_sink_close(struct xo_log_sink *sink);

/*
 * `lines`: whole ones, or the rest of one and whole ones. Returns the octets
 * that are done with, 0 if none could go now.
 */
size_t xo_log_sink_write(struct xo_log_sink *sink, struct xo_span lines);
/* For the end of a process: until it might take more, at most `ms`. */
void xo_log_sink_wait(const struct xo_log_sink *sink, int ms);

#endif
