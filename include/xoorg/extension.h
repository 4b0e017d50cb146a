/* SPDX-License-Identifier: ISC */
/*
 * ESMTP extensions that only the operator knows: keywords whose parameters are
 * passed on unread, in their order, to a next hop that announced the same.
 */
#ifndef XOORG_EXTENSION_H
#define XOORG_EXTENSION_H

#include <xoorg/bytes.h>

XO_API_BEGIN

#define XO_EXTENSIONS_MAX 8
#define XO_EXTENSION_LEN_MAX 64

/* All-zero: none. The names are the owner's, as announced, and the names of
 * their parameters, too. */
struct xo_extensions {
	const struct xo_span *names;
	size_t n;			/* at most XO_EXTENSIONS_MAX */
};

/* The index of `name`, without case; XO_EXTENSIONS_MAX if it is not there.
 * `extensions` may be NULL. */
size_t xo_extensions_find(const struct xo_extensions *extensions,
    struct xo_span name);

/*
 * NULL: may be in such a list. Else what was expected instead of `name`:
 * an ehlo-keyword (RFC 5321 4.1.1.1) that the library does not know, as a
 * keyword or as a parameter, and whose extension is not known to be more than
 * parameters.
 */
const char *xo_extension_expected(struct xo_span name);

XO_API_END

#endif
