/* SPDX-License-Identifier: ISC */
/*
 * Errors for people: one line, cut, with the nearest known word.
 */
#include <conf/fail.h>

#include <stdarg.h>

#define LINE_SIZE 2048
#define WORD_MAX 48

void
xo_conf_add_shown(struct xo_buf *error, struct xo_span s)
{
	uint32_t code = 0;

	for (size_t n; s.len > 0; s = xo_span_from(s, n > 0 ? n : 1)) {
		n = xo_utf8_first(s, &code);
		if (n == 0 || code < ' ' || (code >= 0x7f && code < 0xa0))
			xo_buf_add_byte(error, '?');
		else
			xo_buf_add(error, xo_span_first(s, n));
	}
}

bool
xo_conf_fail(struct xo_buf *error, const struct xo_conf_where *where,
    const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;

	if (error->len != 0)
		return false;
	if (where->line > 0)
		(void)snprintf(line, sizeof(line), "%s:%d: ", where->file,
		    where->line);
	else
		(void)snprintf(line, sizeof(line), "%s: ", where->file);
	xo_conf_add_shown(error, xo_span_from_cstr(line));
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	xo_conf_add_shown(error, xo_span_from_cstr(line));
	return false;
}

bool
xo_conf_fail_memory(struct xo_buf *error)
{
	if (error->len == 0)
		xo_buf_add_cstr(error, "out of memory");
	return false;
}

struct xo_conf_shown
xo_conf_show(struct xo_span text)
{
	struct xo_conf_shown shown = {""};
	size_t max = sizeof(shown.text) - 4;
	size_t n = text.len < max ? text.len : max;

	if (n != 0)
		memcpy(shown.text, text.p, n);
	if (n < text.len)
		memcpy(shown.text + n, "...", 3);
	return shown;
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's, one row kept; case counts nothing. */
static size_t
distance(struct xo_span a, struct xo_span b)
{
	size_t row[WORD_MAX + 1];
	size_t i, j;

	for (j = 0; j <= b.len; j++)
		row[j] = j;
	for (i = 0; i < a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (j = 0; j < b.len; j++) {
			size_t change = diagonal +
			    (xo_ascii_lower(a.p[i]) != xo_ascii_lower(b.p[j]));

			diagonal = row[j + 1];
			row[j + 1] = smallest(row[j] + 1, row[j + 1] + 1,
			    change);
		}
	}
	return row[b.len];
}

void
xo_conf_nearest_try(struct xo_conf_nearest *nearest, const char *candidate)
{
	struct xo_span a = xo_span_from_cstr(nearest->word);
	struct xo_span b = xo_span_from_cstr(candidate);
	size_t n;

	if (a.len > WORD_MAX || b.len > WORD_MAX || a.len == 0 || b.len == 0)
		return;
	n = distance(a, b);
	/* One letter in four is wrong, and one more. */
	if (n > 1 + a.len / 4 || n >= b.len)
		return;
	if (nearest->best == NULL || n < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = n;
	}
}

struct xo_conf_shown
xo_conf_nearest_hint(const struct xo_conf_nearest *nearest)
{
	struct xo_conf_shown shown = {""};

	if (nearest->best != NULL)
		(void)snprintf(shown.text, sizeof(shown.text),
		    "; did you mean `%s`?", nearest->best);
	return shown;
}
