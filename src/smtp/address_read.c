/* SPDX-License-Identifier: ISC */
/*
 * Addresses from text, as PROXY and XCLIENT write them.
 */
#include <xoorg/address.h>

#define GROUPS 8
/* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" */
#define TEXT_MAX 48

static bool
read_octet(struct xo_span word, uint8_t *octet_r)
{
	uint64_t n;

	/* analyser: a span with octets has a place */
	if (word.len > 3 || (word.len > 1 && word.p[0] == '0') ||
	    xo_span_to_u64(word, &n) != XO_OK || n > 255)
		return false;
	*octet_r = (uint8_t)n;
	return true;
}

static bool
read_ipv4(struct xo_span text, struct xo_address *a)
{
	memset(a, 0, sizeof(*a));
	a->octets[10] = a->octets[11] = 0xff;
	for (size_t i = 12; i < 16; i++) {
		size_t n = xo_span_find(text, '.');

		if ((n < text.len) != (i < 15) ||
		    !read_octet(xo_span_first(text, n), &a->octets[i]))
			return false;
		text = xo_span_from(text, n + 1);
	}
	return true;
}

static bool
read_group(struct xo_span word, uint16_t *group_r)
{
	unsigned int value = 0;

	if (word.len == 0 || word.len > 4)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		int digit = xo_ascii_hex_value(word.p[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned int)digit;
	}
	*group_r = (uint16_t)value;
	return true;
}

/* Groups parted by single colons; false if there is anything else. */
static bool
read_groups(struct xo_span text, uint16_t *groups, size_t *n_r)
{
	for (*n_r = 0; text.len > 0; (*n_r)++) {
		size_t n = xo_span_find(text, ':');

		if (*n_r == GROUPS || n + 1 == text.len ||
		    !read_group(xo_span_first(text, n), &groups[*n_r]))
			return false;
		text = xo_span_from(text, n + 1);
	}
	return true;
}

/* Index of "::", or text.len. */
static size_t
find_gap(struct xo_span text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.p[i] == ':' && text.p[i + 1] == ':')
			return i;
	return text.len;
}

/* "64:ff9b::192.0.2.1", "::ffff:192.0.2.1": the tail is a dotted quad, which is
 * rewritten as two groups (RFC 4291 2.2). */
static bool
read_quad_tail(struct xo_span *text, char *copy, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	struct xo_address quad;
	size_t colon = text->len, n = 0;

	if (xo_span_find(*text, '.') == text->len)
		return true;
	while (colon > 0 && text->p[colon - 1] != ':')
		colon--;
	if (colon + 10 > cap || !read_ipv4(xo_span_from(*text, colon), &quad))
		return false;
	memcpy(copy, text->p, colon);
	n = colon;
	for (size_t i = 12; i < 16; i++) {
		copy[n++] = hex[quad.octets[i] >> 4];
		copy[n++] = hex[quad.octets[i] & 15];
		if (i == 13)
			copy[n++] = ':';
	}
	*text = xo_span(copy, n);
	return true;
}

static bool
read_ipv6(struct xo_span text, struct xo_address *a)
{
	uint16_t head[GROUPS] = {0}, tail[GROUPS] = {0};
	char copy[TEXT_MAX];
	size_t gap, n_head, n_tail;

	if (!read_quad_tail(&text, copy, sizeof(copy)))
		return false;
	gap = find_gap(text);
	if (!read_groups(xo_span_first(text, gap), head, &n_head) ||
	    !read_groups(xo_span_from(text, gap + 2), tail, &n_tail) ||
	    (gap == text.len ? n_head != GROUPS : n_head + n_tail >= GROUPS))
		return false;
	for (size_t i = 0; i < n_tail; i++)
		head[GROUPS - n_tail + i] = tail[i];
	for (size_t i = 0; i < GROUPS; i++) {
		a->octets[2 * i] = (uint8_t)(head[i] >> 8);
		a->octets[2 * i + 1] = (uint8_t)(head[i] & 0xff);
	}
	return true;
}

enum xo_err
xo_address_read(struct xo_span text, struct xo_address *a)
{
	bool is_ipv6 = xo_span_find(text, ':') < text.len;

	if (is_ipv6 ? read_ipv6(text, a) : read_ipv4(text, a))
		return XO_OK;
	return XO_ERR_SYNTAX;
}
