/* SPDX-License-Identifier: ISC */
/* See seen_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <net/clock.h>
#include <watch/seen.h>

#include "seen_file.h"

#define EVERY ((uint64_t)60 * 1000)

/* Of paths that systemd gives, with colons between, the first. */
static bool
add_state_directory(struct xo_buf *path)
{
	const char *list = getenv("STATE_DIRECTORY");
	struct xo_span all = list != NULL ? xo_span_from_cstr(list) :
	    XO_LIT("");
	struct xo_span first = xo_span_first(all, xo_span_find(all, ':'));

	if (first.len == 0 || first.p[0] != '/')
		return false;
	xo_buf_add(path, first);
	xo_buf_add_cstr(path, "/seen");
	return true;
}

bool
xo_seen_file_path(const struct xo_conf *conf, struct xo_buf *path_r)
{
	const char *is = conf->process.seen_file;

	if (strcmp(is, "off") == 0)
		return false;
	if (strcmp(is, "auto") != 0)
		xo_buf_add_cstr(path_r, is);
	else if (!add_state_directory(path_r))
		return false;
	xo_buf_add_byte(path_r, '\0');
	return path_r->err == XO_OK;
}

static void
complain(struct xo_log *log, const char *path, const char *what)
{
	struct xo_buf text = {0};

	xo_buf_add_all(&text, path, ": ", what, (char *)NULL);
	xo_buf_add_byte(&text, '\0');
	if (text.err == XO_OK)
		xo_log_note(log, XO_LOG_WARNING, "seen_file",
		    (const char *)text.p);
	xo_buf_fini(&text);
}

/* Nothing but a file of our size: no link, no FIFO to wait for. NULL, or what is
 * wrong. */
static const char *
read_file(const char *path, struct xo_buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY);
	const char *problem = NULL;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		problem = "is no file";
	while (problem == NULL && n > 0 && text->len <= XO_SEEN_MAX) {
		uint8_t *p = xo_buf_reserve(text, 65536);

		n = p != NULL ? read(fd, p, 65536) : -1;
		if (n < 0)
			problem = "cannot be read";
		else
			text->len += (size_t)n;
	}
	close(fd);
	return problem;
}

void
xo_seen_file_load(const struct xo_conf *conf, struct xo_metrics *metrics,
    struct xo_log *log)
{
	struct xo_buf path = {0}, text = {0};
	const char *problem;

	if (xo_seen_file_path(conf, &path)) {
		problem = read_file((const char *)path.p, &text);
		if (problem == NULL && text.len > 0 && !xo_seen_read(metrics,
		    xo_buf_span(&text), (int64_t)time(NULL)))
			problem = "is not what this version writes; begun anew";
		if (problem != NULL)
			complain(log, (const char *)path.p, problem);
	}
	xo_buf_fini(&text);
	xo_buf_fini(&path);
}

static int
write_all(int fd, struct xo_span text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n > 0)
			text = xo_span_from(text, (size_t)n);
		else if (n == 0)
			return EIO;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* A new file instead of the old one, whole or not at all. 0, or an errno. */
static int
write_file(const char *path, struct xo_span text)
{
	struct xo_buf new = {0};
	const char *name;
	int error = ENOMEM;
	int fd = -1;

	xo_buf_add_all(&new, path, ".new", (char *)NULL);
	xo_buf_add_byte(&new, '\0');
	name = (const char *)new.p;
	if (new.err == XO_OK) {
		(void)unlink(name);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0640);
		error = fd < 0 ? errno : write_all(fd, text);
	}
	if (fd >= 0 && close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && rename(name, path) != 0)
		error = errno;
	if (error != 0 && fd >= 0)
		(void)unlink(name);
	xo_buf_fini(&new);
	return error;
}

/* A buffer changes its owner. */
static void
move(struct xo_buf *to, struct xo_buf *from)
{
	xo_buf_fini(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

static void
write_anew(struct xo_seen_file *file, struct xo_buf *path, struct xo_buf *text,
    struct xo_log *log)
{
	bool is_same = xo_span_is_equal(xo_buf_span(path),
	    xo_buf_span(&file->path));
	int error;

	if (is_same && xo_span_is_equal(xo_buf_span(text),
	    xo_buf_span(&file->written)))
		return;
	error = write_file((const char *)path->p, xo_buf_span(text));
	if (error != 0 && (error != file->error || !is_same))
		complain(log, (const char *)path->p, strerror(error));
	file->error = error;
	move(&file->path, path);
	if (error == 0)
		move(&file->written, text);
	else
		xo_buf_clear(&file->written);
}

void
xo_seen_file_save(struct xo_seen_file *file, const struct xo_conf *conf,
    const struct xo_metrics *metrics, struct xo_log *log, bool is_now)
{
	struct xo_buf path = {0}, text = {0};
	struct xo_snapshot snapshot;
	uint64_t now = xo_clock_now();

	if (!is_now && now < file->write_at)
		return;
	file->write_at = now + EVERY;
	if (xo_seen_file_path(conf, &path) &&
	    xo_snapshot_init(&snapshot, metrics, now)) {
		xo_seen_write(&snapshot, &text);
		xo_snapshot_fini(&snapshot);
		if (text.err == XO_OK)
			write_anew(file, &path, &text, log);
	}
	xo_buf_fini(&text);
	xo_buf_fini(&path);
}

void
xo_seen_file_fini(struct xo_seen_file *file)
{
	xo_buf_fini(&file->path);
	xo_buf_fini(&file->written);
}
