/* SPDX-License-Identifier: ISC */
/*
 * Domains as XOORG knows them (protocol.md 2.1): letters, digits, `-` and
 * `_` in labels of 1 to 63, 255 in all, no final dot, no address literal.
 */
#ifndef XOORG_DOMAIN_H
#define XOORG_DOMAIN_H

#include <xoorg/bytes.h>

XO_API_BEGIN

#define XO_DOMAIN_MAX 255

bool xo_domain_is_valid(struct xo_span domain);

/* ASCII case-insensitive, exact: no trailing dot, no wildcard. */
static inline bool
xo_domain_is_equal(struct xo_span a, struct xo_span b)
{
	return xo_span_is_equal_nocase(a, b);
}

/* What follows the last `@`, or the empty span. */
struct xo_span xo_address_domain(struct xo_span address);

XO_API_END

#endif
