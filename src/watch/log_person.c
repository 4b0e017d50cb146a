/* SPDX-License-Identifier: ISC */
/*
 * Addresses of persons in the log: as they are, or with a keyed hash instead
 * of the local part, so that lines about one person can still be found
 * together, and nobody can be named without the key. See log.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "log_line.h"
#include "siphash.h"

#define KEY_MIN 32
#define KEY_MAX 4096

bool
xo_log_key_read(const char *path, uint8_t key_r[XO_LOG_KEY_SIZE])
{
	static const uint8_t halves[2][XO_SIPHASH_KEY] = {{1}, {2}};
	uint8_t text[KEY_MAX];
	FILE *f = fopen(path, "re");
	size_t len = f != NULL ? fread(text, 1, sizeof(text), f) : 0;

	if (f != NULL)
		(void)fclose(f);
	if (len < KEY_MIN)
		return false;
	for (size_t i = 0; i < 2; i++) {
		uint64_t half = xo_siphash(halves[i], text, len);

		memcpy(key_r + i * sizeof(half), &half, sizeof(half));
	}
	explicit_bzero(text, sizeof(text));
	return true;
}

bool
xo_log_hide_persons(struct xo_log *log, bool is_hiding,
    const uint8_t key[XO_LOG_KEY_SIZE])
{
	log->is_hiding = is_hiding;
	if (!is_hiding)
		return true;
	/* One of ours is for the life of the process: a reload does not part
	 * its lines. */
	if (key == NULL && log->has_own_key)
		return true;
	if (key != NULL)
		memcpy(log->key, key, XO_LOG_KEY_SIZE);
	log->has_own_key = key == NULL;
	log->has_key = key != NULL || getrandom(log->key, XO_LOG_KEY_SIZE,
	    0) == XO_LOG_KEY_SIZE;
	return log->has_key;
}

/* Without case, which no mailbox of today is told apart by. */
static void
add_hash(const struct xo_log *log, struct xo_buf *out, struct xo_span local)
{
	struct xo_buf folded = {.p = NULL};
	char text[20];

	if (!log->has_key) {
		xo_buf_add_byte(out, '#');
		return;
	}
	for (size_t i = 0; i < local.len; i++)
		xo_buf_add_byte(&folded, xo_ascii_lower(local.p[i]));
	(void)snprintf(text, sizeof(text), "#%016llx",
	    (unsigned long long)xo_siphash(log->key, folded.p, folded.len));
	xo_buf_fini(&folded);
	xo_buf_add_cstr(out, text);
}

/* Where the local part begins that ends at `at`. */
static size_t
local_start(struct xo_span text, size_t at)
{
	size_t start = at;

	if (start > 1 && text.p[start - 1] == '"') {
		for (start--; start > 0 && text.p[start - 1] != '"'; start--)
			;
		return start > 0 ? start - 1 : 0;
	}
	while (start > 0 && text.p[start - 1] > ' ' &&
	    strchr("@<>()[],;:\"'", text.p[start - 1]) == NULL)
		start--;
	return start;
}

static void
hide_in_text(const struct xo_log *log, struct xo_buf *out,
    struct xo_span text)
{
	size_t done = 0;

	for (size_t at = 0; at < text.len; at++) {
		size_t start;

		if (text.p[at] != '@')
			continue;
		start = local_start(text, at);
		if (start < done || start == at)
			continue;
		xo_buf_add(out, xo_span(text.p + done, start - done));
		add_hash(log, out, xo_span(text.p + start, at - start));
		done = at;
	}
	xo_buf_add(out, xo_span_from(text, done));
}

static void
hide_address(const struct xo_log *log, struct xo_buf *out,
    struct xo_span address)
{
	size_t at = address.len;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	/* One without a domain is all local part. */
	at = at > 0 ? at - 1 : address.len;
	if (at > 0)
		add_hash(log, out, xo_span_first(address, at));
	xo_buf_add(out, xo_span_from(address, at));
}

static void
put(struct xo_log_line *line, const char *key, struct xo_span value,
    void (*hide)(const struct xo_log *, struct xo_buf *, struct xo_span))
{
	struct xo_buf hidden = {.p = NULL};

	if (line == NULL || !line->log->is_hiding) {
		xo_log_str(line, key, value);
		return;
	}
	hide(line->log, &hidden, value);
	/* Without memory there is no value, and nobody's name. */
	xo_log_str(line, key, hidden.err == XO_OK ? xo_buf_span(&hidden) :
	    XO_LIT(""));
	xo_buf_fini(&hidden);
}

void
xo_log_address(struct xo_log_line *line, const char *key, struct xo_span value)
{
	put(line, key, value, hide_address);
}

void
xo_log_words(struct xo_log_line *line, const char *key, struct xo_span value)
{
	put(line, key, value, hide_in_text);
}

bool
xo_log_hides_persons(const struct xo_log_line *line)
{
	return line != NULL && line->log->is_hiding;
}
