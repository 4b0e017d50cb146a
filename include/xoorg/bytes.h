/* SPDX-License-Identifier: ISC */
/*
 * Counted bytes: spans that borrow, buffers that own.
 *
 * A span is never NUL-terminated and is valid only as long as what it points
 * into. A call does not keep a span unless its header says so.
 * Case is folded by an ASCII table of our own: SMTP knows no locale.
 */
#ifndef XOORG_BYTES_H
#define XOORG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xoorg/err.h>

XO_API_BEGIN

struct xo_span {
	const uint8_t *p;
	size_t len;
};

/* A span over a string literal; XO_TEXT: the same for what is static. */
#define XO_TEXT(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define XO_LIT(s) ((struct xo_span)XO_TEXT(s))

static inline struct xo_span
xo_span(const void *p, size_t len)
{
	return (struct xo_span){p, len};
}

/* NULL gives the empty span. */
static inline struct xo_span
xo_span_from_cstr(const char *s)
{
	return (struct xo_span){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}

/* What is left of `s` after its first `n` octets; empty if it is shorter. */
static inline struct xo_span
xo_span_from(struct xo_span s, size_t n)
{
	if (n >= s.len)
		return (struct xo_span){NULL, 0};
	return (struct xo_span){s.p + n, s.len - n};
}

/* The first `n` octets of `s`, or all of it. */
static inline struct xo_span
xo_span_first(struct xo_span s, size_t n)
{
	return (struct xo_span){s.p, n < s.len ? n : s.len};
}

/* ASCII only; every other octet is itself. */
static inline uint8_t
xo_ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool
xo_ascii_is_alpha(uint8_t c)
{
	c = xo_ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static inline bool
xo_ascii_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* -1 if it is no hexadecimal digit of either case. */
static inline int
xo_ascii_hex_value(uint8_t c)
{
	if (xo_ascii_is_digit(c))
		return c - '0';
	c = xo_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool xo_span_is_equal(struct xo_span a, struct xo_span b);
bool xo_span_is_equal_nocase(struct xo_span a, struct xo_span b);
bool xo_span_has_prefix_nocase(struct xo_span s, struct xo_span prefix);
/* Index of the first `c`, or s.len. */
size_t xo_span_find(struct xo_span s, uint8_t c);
/* Without SP and TAB at both ends. */
struct xo_span xo_span_trim(struct xo_span s);
/*
 * Octets of the UTF-8 character that `s` begins with, 1 to 4, and its code point;
 * 0 if it begins with none (RFC 3629 3), and the code point is left alone.
 */
size_t xo_utf8_first(struct xo_span s, uint32_t *code_r);
/* The same, and 0 for a C1 control character, too. */
size_t xo_utf8_len(struct xo_span s);
/*
 * An unsigned decimal of 1 to 19 digits, the whole span, no sign, no blank.
 * XO_ERR_SYNTAX if it is none, XO_ERR_LIMIT if it has more digits.
 */
XO_MUST_CHECK enum xo_err xo_span_to_u64(struct xo_span s, uint64_t *n_r);

/*
 * A growing buffer. All-zero is a valid empty one without a bound. `max` bounds
 * its length (0: none): an append beyond it changes nothing and is
 * XO_ERR_LIMIT. What adds to a buffer, here and elsewhere (xo_..._write()),
 * returns nothing: an error sticks in `err`, nothing is added any more, and a run
 * of appends is checked once, at its end.
 */
struct xo_buf {
	uint8_t *p;
	size_t len;
	size_t cap;
	size_t max;
	enum xo_err err;
};

static inline struct xo_span
xo_buf_span(const struct xo_buf *b)
{
	return (struct xo_span){b->p, b->len};
}

void xo_buf_fini(struct xo_buf *b);
/* Forgets content and error, keeps the memory. */
void xo_buf_clear(struct xo_buf *b);
/* Room for `n` more octets; returns where they go, or NULL (and b->err). */
uint8_t *xo_buf_reserve(struct xo_buf *b, size_t n);
/* Takes the first `n` octets away, or all. */
void xo_buf_consume(struct xo_buf *b, size_t n);
/* `s` does not point into `b`. */
void xo_buf_add(struct xo_buf *b, struct xo_span s);
void xo_buf_add_byte(struct xo_buf *b, uint8_t c);
void xo_buf_add_cstr(struct xo_buf *b, const char *s);
void xo_buf_add_u64(struct xo_buf *b, uint64_t n);
/* Decimal with leading zeros up to `width`. */
void xo_buf_add_padded(struct xo_buf *b, uint64_t n, int width);
/* Several strings in a row, all or none; the last argument is (char *)NULL. */
void xo_buf_add_all(struct xo_buf *b, ...) __attribute__((sentinel));
/*
 * For log lines and headers that only people read: octets outside 33..126 and
 * `"` and `\` become `?`; more than `max` octets are cut.
 */
void xo_buf_add_printable(struct xo_buf *b, struct xo_span s,
    size_t max);

XO_API_END

#endif
