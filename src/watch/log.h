/* SPDX-License-Identifier: ISC */
/*
 * The log: one line an event, `key=value` or JSON, never in the way of mail.
 *
 *     struct xo_log_line *line = xo_log_begin(log, XO_LOG_INFO, "message");
 *     xo_log_cstr(line, "session", id);
 *     xo_log_str(line, "from", sender);
 *     xo_log_end(line);
 *
 * Lines are gathered in a buffer of the process; xo_log_flush(), once a turn of
 * the loop, writes what the target takes at once. Nothing here ever waits. With
 * the buffer full a line is dropped and counted, and once there is room again,
 * `event=log_dropped count=N` stands where the lines would have.
 *
 * Levels: error, the operator must act; warning, policy refused something odd;
 * info, one a message or session; debug, the wire.
 *
 * The target is opened by the master before privileges go. Workers have no
 * descriptor of it: their lines go through a socket each to a process that does
 * nothing else (log_writer.h). A file is opened for appending, so that the master
 * and that process may share it. Callers ignore SIGPIPE and SIGXFSZ.
 */
#ifndef XO_LOG_H
#define XO_LOG_H

#include <conf/conf.h>

struct xo_log;
struct xo_log_line;

enum xo_log_level {
	XO_LOG_ERROR,
	XO_LOG_WARNING,
	XO_LOG_INFO,
	XO_LOG_DEBUG,
	XO_LOG_LEVEL_COUNT
};

/* Octets of one line, its end included: what a pipe takes in one piece. */
#define XO_LOG_LINE_MAX 4096
/* Octets of one untrusted value, as written, without the quotes. */
#define XO_LOG_VALUE_MAX 255
#define XO_LOG_BUFFER_SIZE 65536

/*
 * `target`: "stderr", "syslog", or the name of a file. NULL: one line in
 * `error`. The level is info.
 */
struct xo_log *xo_log_open(const char *target, enum xo_log_format format,
    struct xo_buf *error);
/* The same, onto `fd`, which is neither closed nor made non-blocking. */
struct xo_log *xo_log_open_fd(int fd, enum xo_log_format format);
/* Flushes; waits up to a second for it. */
void xo_log_close(struct xo_log **log);
void xo_log_set_level(struct xo_log *log, enum xo_log_level level);

/*
 * From now on the local parts of addresses are written as a keyed hash,
 * "#0123456789abcdef@contoso.com", or are as they are. `key`: NULL for one that
 * is drawn once and is gone with the process. False: there is no randomness, and
 * of a local part "#" alone is written.
 */
#define XO_LOG_KEY_SIZE 16
bool xo_log_hide_persons(struct xo_log *log, bool is_hiding,
    const uint8_t key[XO_LOG_KEY_SIZE]);
/* From all of a file: false if it cannot be read or is shorter than 32 octets. */
bool xo_log_key_read(const char *path, uint8_t key_r[XO_LOG_KEY_SIZE]);

/* In a child, before its first line: the parent's lines are the parent's. */
void xo_log_after_fork(struct xo_log *log);

/* In a worker: lines go into `fd`, a socket of records, which is the log's from
 * now on; the target is closed. */
void xo_log_divert(struct xo_log *log, int fd);

/* Of another process: whole lines, the end of the last one is added if it is
 * missing. At most XO_LOG_LINE_MAX octets, and only if there is room. */
void xo_log_add_lines(struct xo_log *log, struct xo_span lines);
bool xo_log_has_room(struct xo_log *log);

/*
 * After a rotation: opens the file anew. False: it could not, and the old one
 * is still in use; errno says why. A confined process cannot: it takes the
 * master's.
 */
bool xo_log_reopen(struct xo_log *log);
/* Of the target, for xo_log_take() of others. */
int xo_log_fd(const struct xo_log *log);
/* `fd` is the log's from now on, if its target is a file; else it is closed. */
void xo_log_take(struct xo_log *log, int fd);

/*
 * A new line; NULL, which all calls below take, if `log` is NULL or does not
 * want this level. One line is open at a time: a second begin ends the first.
 * `event` and all keys are words of ours.
 */
struct xo_log_line *xo_log_begin(struct xo_log *log, enum xo_log_level level,
    const char *event);
/*
 * An untrusted value: quoted when needed, controls escaped as in JSON, what is
 * no UTF-8 shown as `?`, cut at XO_LOG_VALUE_MAX.
 */
void xo_log_str(struct xo_log_line *line, const char *key,
    struct xo_span value);
/* Words of ours: the same, not cut. NULL is the empty one. */
void xo_log_cstr(struct xo_log_line *line, const char *key, const char *value);
/*
 * The same of untrusted values in which persons may be named: an address, and
 * words in which there may be some. log_person.c.
 */
void xo_log_address(struct xo_log_line *line, const char *key,
    struct xo_span value);
void xo_log_words(struct xo_log_line *line, const char *key,
    struct xo_span value);
bool xo_log_hides_persons(const struct xo_log_line *line);
void xo_log_u64(struct xo_log_line *line, const char *key, uint64_t value);
/*
 * A pair that found no room in the line is left out, and the line says
 * `cut=true`.
 */
void xo_log_end(struct xo_log_line *line);

/* A whole line with one value, `text`; for start-up and the odd. */
void xo_log_note(struct xo_log *log, enum xo_log_level level,
    const char *event, const char *text);

/* Writes what can be written now. True: nothing is left. */
bool xo_log_flush(struct xo_log *log);

/* Lines dropped in this process, since its start or xo_log_after_fork(). */
uint64_t xo_log_drops(const struct xo_log *log);

#endif
