/* SPDX-License-Identifier: ISC */
/*
 * The messages that `xoorg send` sends.
 */
#include <cmd/send/send_body.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmd/common/tool.h>

#define PIECE (32 * 1024)
#define LINE 78			/* of a generated body, line end included */

static const char default_text[] = "This is a test message.\r\n";

/* Standard input can be read only once: it is copied to a nameless file. */
static int
spool_input(void)
{
	char buffer[PIECE];
	FILE *spool = tmpfile();
	size_t n;
	int fd;

	if (spool == NULL)
		return -1;
	while ((n = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		fwrite(buffer, 1, n, spool);
	if (ferror(stdin) || fflush(spool) != 0) {
		fclose(spool);
		return -1;
	}
	fd = dup(fileno(spool));
	fclose(spool);
	return fd;
}

static bool
map_file(struct xo_send_body *body, const char *name)
{
	int fd = strcmp(name, "-") == 0 ? spool_input()
	    : open(name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *map = NULL;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) != 0)
		goto out;
	if (status.st_size > 0) {
		map = mmap(NULL, (size_t)status.st_size, PROT_READ,
		    MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			goto out;
	}
	close(fd);
	body->map = map;
	body->map_len = (size_t)status.st_size;
	return true;
out:
	close(fd);
	return false;
}

bool
xo_send_body_open(struct xo_send_body *body,
    const struct xo_send_body_settings *settings, char *error,
    size_t error_len)
{
	memset(body, 0, sizeof(*body));
	body->settings = settings;
	if (settings->file != NULL && !map_file(body, settings->file)) {
		snprintf(error, error_len, "%s: %s", settings->file,
		    strerror(errno));
		return false;
	}
	return true;
}

/* One of the given header lines has this name. */
static bool
is_given(const struct xo_option_list *headers, const char *name)
{
	struct xo_span wanted = xo_span_from_cstr(name);

	for (size_t i = 0; i < headers->n; i++) {
		struct xo_span line = xo_span_from_cstr(headers->v[i]);

		if (xo_span_is_equal_nocase(wanted,
		    xo_span_first(line, xo_span_find(line, ':'))))
			return true;
	}
	return false;
}

static void
add_field(struct xo_send_body *body, const char *name, const char *value)
{
	if (!is_given(&body->settings->headers, name))
		xo_buf_add_all(&body->header, name, ": ", value, "\r\n",
		    (char *)NULL);
}

/* The names of days and months must not depend on a locale. */
static void
add_date(struct xo_send_body *body)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm tm;
	char text[64];

	gmtime_r(&now, &tm);
	snprintf(text, sizeof(text), "%.3s, %02d %.3s %d %02d:%02d:%02d +0000",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	add_field(body, "Date", text);
}

/* Header lines go before a file, which has its own; else we write one. */
static void
write_header(struct xo_send_body *body, uint64_t number)
{
	const struct xo_send_body_settings *settings = body->settings;
	char text[96];

	xo_buf_clear(&body->header);
	for (size_t i = 0; i < settings->headers.n; i++)
		xo_buf_add_all(&body->header, settings->headers.v[i], "\r\n",
		    (char *)NULL);
	if (settings->file != NULL)
		return;
	add_field(body, "From", settings->from[0] != '\0'
	    ? settings->from : "postmaster@localhost");
	add_field(body, "To", settings->to);
	snprintf(text, sizeof(text), "xoorg test message %llu",
	    (unsigned long long)number + 1);
	add_field(body, "Subject", text);
	add_date(body);
	snprintf(text, sizeof(text), "<%llu.%llu.%lld@xoorg.invalid>",
	    (unsigned long long)settings->seed,
	    (unsigned long long)number + 1, (long long)getpid());
	add_field(body, "Message-ID", text);
	xo_buf_add_cstr(&body->header, "\r\n");
	if (!settings->has_size)
		xo_buf_add_cstr(&body->header, default_text);
}

/* xorshift64*, never zero: test data, not secrets. */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1Du;
}

/* A line of `len` octets; one in eight begins with a dot. */
static void
generate_line(struct xo_send_body *body, size_t len)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
	uint8_t *p = xo_tool_require(xo_buf_reserve(&body->piece, len));
	uint64_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			bits = next_random(&body->random);
		p[i] = (uint8_t)letters[bits & 63];
		bits >>= 8;
	}
	if ((p[0] & 7) == 0)
		p[0] = '.';
	if (len >= 2) {
		p[len - 2] = '\r';
		p[len - 1] = '\n';
	}
	body->piece.len += len;
}

/* Every line has its end, so the last one must not be left with one octet. */
static size_t
next_line_len(uint64_t left)
{
	if (left <= LINE)
		return (size_t)left;
	return left == LINE + 1 ? LINE - 2 : LINE;
}

static struct xo_span
next_generated(struct xo_send_body *body)
{
	xo_buf_clear(&body->piece);
	while (body->left > 0 && body->piece.len < PIECE) {
		size_t len = next_line_len(body->left);

		generate_line(body, len);
		body->left -= len;
	}
	return xo_buf_span(&body->piece);
}

static struct xo_span
next_of_file(struct xo_send_body *body)
{
	struct xo_span rest = xo_span(body->map + body->map_at,
	    body->map_len - body->map_at);

	rest = xo_span_first(rest, PIECE);
	body->map_at += rest.len;
	if (body->settings->is_raw)
		return rest;
	xo_buf_clear(&body->piece);
	while (rest.len > 0) {
		size_t n = xo_span_find(rest, '\n');

		xo_buf_add(&body->piece, xo_span_first(rest, n));
		if (n > 0)
			body->last = rest.p[n - 1];
		if (n < rest.len) {
			xo_buf_add_cstr(&body->piece,
			    body->last == '\r' ? "\n" : "\r\n");
			body->last = '\n';
			n++;
		}
		rest = xo_span_from(rest, n);
	}
	xo_tool_require(body->piece.p);
	return xo_buf_span(&body->piece);
}

static void
rewind_body(struct xo_send_body *body, uint64_t number)
{
	const struct xo_send_body_settings *settings = body->settings;

	body->is_header_out = false;
	body->map_at = 0;
	body->last = '\n';
	body->left = settings->file == NULL && settings->has_size
	    ? settings->size : 0;
	body->random = (settings->seed + number) * 0x9E3779B97F4A7C15u;
	if (body->random == 0)
		body->random = 1;
}

void
xo_send_body_start(struct xo_send_body *body, uint64_t number)
{
	struct xo_span piece;

	write_header(body, number);
	body->total = 0;
	rewind_body(body, number);
	/* Line ends may grow: only reading it all tells the length. */
	if (body->settings->file != NULL && !body->settings->is_raw) {
		while ((piece = xo_send_body_next(body)).len > 0)
			body->total += piece.len;
		rewind_body(body, number);
	} else {
		body->total = body->header.len + body->map_len + body->left;
	}
}

struct xo_span
xo_send_body_next(struct xo_send_body *body)
{
	if (!body->is_header_out) {
		body->is_header_out = true;
		if (body->header.len > 0)
			return xo_buf_span(&body->header);
	}
	if (body->map != NULL && body->map_at < body->map_len)
		return next_of_file(body);
	return next_generated(body);
}

void
xo_send_body_fini(struct xo_send_body *body)
{
	if (body->map != NULL)
		munmap((void *)(uintptr_t)body->map, body->map_len);
	xo_buf_fini(&body->header);
	xo_buf_fini(&body->piece);
}
