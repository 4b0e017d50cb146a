/* SPDX-License-Identifier: ISC */
/*
 * The log's target and buffer: see log.h. Records are log_line.c's, writing
 * them is log_sink.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "log_line.h"

/* For `event=log_dropped` with its stamp and count, in either format. */
#define NOTICE_MAX 192

static struct xo_log *
new_log(enum xo_log_format format)
{
	struct xo_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->format = format;
	log->level = XO_LOG_INFO;
	log->second = -1;
	log->pid = (int)getpid();
	return log;
}

struct xo_log *
xo_log_open(const char *target, enum xo_log_format format, struct xo_buf *error)
{
	struct xo_log *log = new_log(format);

	if (log != NULL && xo_log_sink_open(&log->sink, target))
		return log;
	xo_buf_add_all(error, "log \"", target, "\": ",
	    log == NULL ? "no memory" : strerror(errno), (char *)NULL);
	free(log);
	return NULL;
}

struct xo_log *
xo_log_open_fd(int fd, enum xo_log_format format)
{
	struct xo_log *log = new_log(format);

	if (log != NULL)
		xo_log_sink_from_fd(&log->sink, fd);
	return log;
}

void
xo_log_close(struct xo_log **log)
{
	if (*log == NULL)
		return;
	for (int i = 0; i < 5 && !xo_log_flush(*log); i++)
		xo_log_sink_wait(&(*log)->sink, 200);
	xo_log_sink_close(&(*log)->sink);
	free(*log);
	*log = NULL;
}

void
xo_log_set_level(struct xo_log *log, enum xo_log_level level)
{
	log->level = level;
}

void
xo_log_after_fork(struct xo_log *log)
{
	if (log == NULL)
		return;
	log->head = log->tail = 0;
	log->is_inside = false;
	log->line.is_open = false;
	log->drops = log->reported = 0;
	log->pid = (int)getpid();
}

/* The first half of a line stands in the old file: the rest is not for the new
 * one. */
static void
end_broken_line(struct xo_log *log)
{
	struct xo_span rest = {log->buffer + log->head, log->tail - log->head};

	if (log->is_inside)
		log->head += xo_span_find(rest, '\n') + 1;
	log->is_inside = false;
}

bool
xo_log_reopen(struct xo_log *log)
{
	if (!xo_log_sink_reopen(&log->sink))
		return false;
	end_broken_line(log);
	return true;
}

int
xo_log_fd(const struct xo_log *log)
{
	return log->sink.fd;
}

void
xo_log_take(struct xo_log *log, int fd)
{
	if (xo_log_sink_take(&log->sink, fd))
		end_broken_line(log);
}

void
xo_log_divert(struct xo_log *log, int fd)
{
	xo_log_sink_close(&log->sink);
	log->sink = (struct xo_log_sink){.kind = XO_LOG_SINK_SOCKET, .fd = fd,
		.is_ours = true};
}

static size_t
room(struct xo_log *log)
{
	if (log->head > 0) {
		memmove(log->buffer, log->buffer + log->head,
		    log->tail - log->head);
		log->tail -= log->head;
		log->head = 0;
	}
	return sizeof(log->buffer) - log->tail;
}

bool
xo_log_has_room(struct xo_log *log)
{
	return room(log) > XO_LOG_LINE_MAX + NOTICE_MAX;
}

void
xo_log_add_lines(struct xo_log *log, struct xo_span lines)
{
	if (lines.len == 0 || lines.len > XO_LOG_LINE_MAX ||
	    !xo_log_has_room(log))
		return;
	memcpy(log->buffer + log->tail, lines.p, lines.len);
	log->tail += lines.len;
	if (lines.p[lines.len - 1] != '\n')
		log->buffer[log->tail++] = '\n';
}

static void
gather(struct xo_log *log)
{
	memcpy(log->buffer + log->tail, log->line.text, log->line.len);
	log->tail += log->line.len;
}

static void
tell_drops(struct xo_log *log)
{
	struct xo_log_line *line = xo_log_begin(log, XO_LOG_ERROR,
	    "log_dropped");

	xo_log_u64(line, "count", log->drops - log->reported);
	log->reported = log->drops;
	xo_log_line_finish(line);
	gather(log);
}

static bool
write_out(struct xo_log *log)
{
	while (log->head < log->tail) {
		struct xo_span rest = {log->buffer + log->head,
			log->tail - log->head};
		size_t n = xo_log_sink_write(&log->sink, rest);

		if (n == 0)
			return false;
		log->head += n;
		log->is_inside = log->buffer[log->head - 1] != '\n';
	}
	log->head = log->tail = 0;
	return true;
}

void
xo_log_end(struct xo_log_line *line)
{
	struct xo_log *log;
	size_t extra;

	if (line == NULL || !line->is_open)
		return;
	log = line->log;
	xo_log_line_finish(line);
	extra = log->drops > log->reported ? NOTICE_MAX : 0;
	if (sizeof(log->buffer) - log->tail < line->len + extra) {
		(void)write_out(log);
		/* While lines are missing none goes past the gap. */
		if (room(log) < line->len + extra) {
			log->drops++;
			return;
		}
	}
	if (extra > 0) {
		struct xo_log_line kept = *line;

		tell_drops(log);
		*line = kept;
	}
	gather(log);
}

void
xo_log_note(struct xo_log *log, enum xo_log_level level, const char *event,
    const char *text)
{
	struct xo_log_line *line = xo_log_begin(log, level, event);

	xo_log_cstr(line, "text", text);
	xo_log_end(line);
}

bool
xo_log_flush(struct xo_log *log)
{
	if (log == NULL)
		return true;
	if (!write_out(log))
		return false;
	if (log->drops == log->reported || log->line.is_open)
		return true;
	tell_drops(log);
	return write_out(log);
}

uint64_t
xo_log_drops(const struct xo_log *log)
{
	return log != NULL ? log->drops : 0;
}
