/* SPDX-License-Identifier: ISC */
/*
 * Local parts that somebody could act on. They are looked at as the loosest
 * reader would: without quotes, backslashes and the width of a letter.
 */
#include <xoorg/routing.h>

#define ROUTES "@%!/|:;,<>()[]\\\"^"

/* U+FF01 to U+FF5E are the wide forms of `!` to `~`. */
#define WIDE_FIRST 0xff01U
#define WIDE_LAST 0xff5eU
/* U+FE50 to U+FE6B: small forms, hardly one of which is a letter. */
#define SMALL_FIRST 0xfe50U
#define SMALL_LAST 0xfe6bU

static bool
is_route(uint32_t c)
{
	if (c >= WIDE_FIRST && c <= WIDE_LAST)
		c = c - WIDE_FIRST + '!';
	if (c >= SMALL_FIRST && c <= SMALL_LAST)
		return true;
	return c < 0x80 && memchr(ROUTES, (int)c, sizeof(ROUTES) - 1) != NULL;
}

/* Of three octets; all others are ASCII or of no interest. */
static uint32_t
character(struct xo_span s)
{
	if (s.p[0] < 0xe0 || s.p[0] > 0xef || s.len < 3)
		return s.p[0];
	return (s.p[0] & 0x0fU) << 12 | (s.p[1] & 0x3fU) << 6 |
	    (s.p[2] & 0x3fU);
}

static struct xo_span
local_part(struct xo_span address)
{
	size_t n = address.len;

	while (n > 0 && address.p[n - 1] != '@')
		n--;
	return n > 0 ? xo_span_first(address, n - 1) : address;
}

/* Of the first octets that stand there without quotes and backslashes. */
static bool
begins(struct xo_span local, struct xo_span word)
{
	size_t n = 0;

	for (size_t i = 0; i < local.len && n < word.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			continue;
		if (xo_ascii_lower(local.p[i]) != xo_ascii_lower(word.p[n]))
			return false;
		n++;
	}
	return n == word.len;
}

static bool
is_packed(struct xo_span local)
{
	return begins(local, XO_LIT("IMCEA")) &&
	    xo_span_find(local, '-') < local.len &&
	    !begins(local, XO_LIT("IMCEAEX-"));
}

bool
xo_address_is_routed(struct xo_span address)
{
	struct xo_span s = local_part(address);
	bool is_quoted = s.len > 1 && s.p[0] == '"' &&
	    s.p[s.len - 1] == '"';

	if (is_quoted)
		s = xo_span_first(xo_span_from(s, 1), s.len - 2);
	if (begins(s, XO_LIT("-")) || is_packed(s))
		return true;
	for (size_t i = 0; i < s.len; i++) {
		/* What it guards is looked at in its turn. */
		if (is_quoted && s.p[i] == '\\' && i + 1 < s.len &&
		    s.p[i + 1] != '\\' && s.p[i + 1] != '"')
			continue;
		if (is_route(character(xo_span_from(s, i))))
			return true;
	}
	return false;
}
