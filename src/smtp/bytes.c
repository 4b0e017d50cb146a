/* SPDX-License-Identifier: ISC */
/*
 * Spans and buffers. All memory of the pure code is taken here, in one place
 * where a failure can be injected.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include <xoorg/bytes.h>

#define BUF_MIN 128
#define U64_DIGITS 20
#define C1_END 0xa0		/* control characters of ISO 8859 */
#define PADDED_MAX 32

bool
xo_span_is_equal(struct xo_span a, struct xo_span b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
xo_span_is_equal_nocase(struct xo_span a, struct xo_span b)
{
	return a.len == b.len && xo_span_has_prefix_nocase(a, b);
}

bool
xo_span_has_prefix_nocase(struct xo_span s, struct xo_span prefix)
{
	if (s.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++) {
		if (xo_ascii_lower(s.p[i]) != xo_ascii_lower(prefix.p[i]))
			return false;
	}
	return true;
}

size_t
xo_span_find(struct xo_span s, uint8_t c)
{
	const uint8_t *found = s.len > 0 ? memchr(s.p, c, s.len) : NULL;

	return found != NULL ? (size_t)(found - s.p) : s.len;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct xo_span
xo_span_trim(struct xo_span s)
{
	while (s.len > 0 && is_blank(s.p[0]))
		s = xo_span_from(s, 1);
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static bool
is_utf8_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

size_t
xo_utf8_first(struct xo_span s, uint32_t *code_r)
{
	/* The least code point that needs so many octets. */
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;
	size_t n;

	if (s.len == 0)
		return 0;
	if (s.p[0] < 0x80) {
		*code_r = s.p[0];
		return 1;
	}
	n = s.p[0] >= 0xf0 ? 4 : s.p[0] >= 0xe0 ? 3 : 2;
	if (s.p[0] < 0xc2 || s.p[0] > 0xf4 || s.len < n)
		return 0;
	code = s.p[0] & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (!is_utf8_tail(s.p[i]))
			return 0;
		code = code << 6 | (s.p[i] & 0x3Fu);
	}
	if (code < least[n] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*code_r = code;
	return n;
}

size_t
xo_utf8_len(struct xo_span s)
{
	uint32_t code = 0;
	size_t n = xo_utf8_first(s, &code);

	return code >= 0x80 && code < C1_END ? 0 : n;
}

enum xo_err
xo_span_to_u64(struct xo_span s, uint64_t *n_r)
{
	uint64_t n = 0;

	if (s.len == 0)
		return XO_ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		if (!xo_ascii_is_digit(s.p[i]))
			return XO_ERR_SYNTAX;
		if (i < U64_DIGITS - 1)
			n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (s.len >= U64_DIGITS)
		return XO_ERR_LIMIT;
	*n_r = n;
	return XO_OK;
}

void
xo_buf_fini(struct xo_buf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = 0;
	b->cap = 0;
	b->err = XO_OK;
}

void
xo_buf_clear(struct xo_buf *b)
{
	b->len = 0;
	b->err = XO_OK;
}

static bool
grow(struct xo_buf *b, size_t want)
{
	size_t cap = b->cap > BUF_MIN ? b->cap : BUF_MIN;
	uint8_t *p;

	while (cap < want)
		cap = cap <= SIZE_MAX / 2 ? cap * 2 : want;
	p = realloc(b->p, cap);
	if (p == NULL)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

uint8_t *
xo_buf_reserve(struct xo_buf *b, size_t n)
{
	size_t limit = b->max != 0 ? b->max : SIZE_MAX;

	if (b->err != XO_OK)
		return NULL;
	if (b->len > limit || n > limit - b->len) {
		b->err = XO_ERR_LIMIT;
		return NULL;
	}
	if ((b->p == NULL || b->cap - b->len < n) && !grow(b, b->len + n)) {
		b->err = XO_ERR_MEMORY;
		return NULL;
	}
	assert(n <= b->cap - b->len);
	return b->p + b->len;
}

void
xo_buf_consume(struct xo_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	b->len -= n;
	memmove(b->p, b->p + n, b->len);
}

void
xo_buf_add(struct xo_buf *b, struct xo_span s)
{
	uint8_t *to;

	if (s.len == 0)
		return;
	to = xo_buf_reserve(b, s.len);
	if (to == NULL)
		return;
	memcpy(to, s.p, s.len);
	b->len += s.len;
}

void
xo_buf_add_byte(struct xo_buf *b, uint8_t c)
{
	if (b->len < b->cap && b->max == 0 && b->err == XO_OK) {
		b->p[b->len++] = c;
		return;
	}
	xo_buf_add(b, xo_span(&c, 1));
}

void
xo_buf_add_cstr(struct xo_buf *b, const char *s)
{
	xo_buf_add(b, xo_span_from_cstr(s));
}

void
xo_buf_add_u64(struct xo_buf *b, uint64_t n)
{
	xo_buf_add_padded(b, n, 1);
}

void
xo_buf_add_padded(struct xo_buf *b, uint64_t n, int width)
{
	uint8_t digits[PADDED_MAX];
	size_t at = sizeof(digits);
	size_t least = width < 1 ? 1 : (size_t)width;

	if (least > sizeof(digits))
		least = sizeof(digits);
	while (n != 0 || sizeof(digits) - at < least) {
		digits[--at] = (uint8_t)('0' + n % 10);
		n /= 10;
	}
	xo_buf_add(b, xo_span(digits + at, sizeof(digits) - at));
}

void
xo_buf_add_all(struct xo_buf *b, ...)
{
	size_t start = b->len;
	const char *s;
	va_list args;

	va_start(args, b);
	while ((s = va_arg(args, const char *)) != NULL)
		xo_buf_add_cstr(b, s);
	va_end(args);
	if (b->err != XO_OK)
		b->len = start;
}

void
xo_buf_add_printable(struct xo_buf *b, struct xo_span s, size_t max)
{
	uint8_t *to;

	s = xo_span_first(s, max);
	to = xo_buf_reserve(b, s.len);
	if (to == NULL)
		return;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];
		bool is_plain = c > 32 && c < 127 && c != '"' && c != '\\';

		to[i] = is_plain ? c : '?';
	}
	b->len += s.len;
}
