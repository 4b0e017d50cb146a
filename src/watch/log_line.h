/* SPDX-License-Identifier: ISC */
/*
 * What log.c (buffer, target) and log_line.c (records) share.
 */
#ifndef XO_LOG_LINE_H
#define XO_LOG_LINE_H

#include "log.h"
#include "log_sink.h"
#include "text.h"

struct xo_log_line {
	struct xo_log *log;
	bool is_open;
	bool is_cut;
	size_t len;
	char text[XO_LOG_LINE_MAX];
};

struct xo_log {
	struct xo_log_sink sink;
	enum xo_log_format format;
	enum xo_log_level level;
	bool is_hiding;			/* local parts of addresses */
	bool has_key;
	bool has_own_key;		/* and drew it */
	uint8_t key[XO_LOG_KEY_SIZE];
	bool is_inside;			/* half a line was written */
	uint64_t drops;
	uint64_t reported;		/* of these */
	int64_t second;			/* that `stamp` and `legacy` show */
	char stamp[XO_TIME_LEN];
	char legacy[15];		/* "Nov  3 21:44:40", RFC 3164 4.1.2 */
	int pid;
	size_t head;			/* written so far, of tail */
	size_t tail;
	struct xo_log_line line;
	uint8_t buffer[XO_LOG_BUFFER_SIZE];
};

/* Closes the record; log.c takes it from there. */
void xo_log_line_finish(struct xo_log_line *line);

#endif
