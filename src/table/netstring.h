/* SPDX-License-Identifier: ISC */
/*
 * Netstrings: the length in decimal, a colon, that many octets, a comma. There
 * is one way to write each: no sign, no blank, no leading zero.
 *
 * Pure: what is read points into the input.
 */
#ifndef XO_TABLE_NETSTRING_H
#define XO_TABLE_NETSTRING_H

#include <xoorg/bytes.h>

/* Of eight digits at most; and what stands around that many octets. */
#define XO_NETSTRING_MAX ((size_t)99999999)
#define XO_NETSTRING_FRAME 10

/*
 * The netstring that `in` begins with: what it holds, and its octets with all
 * around them. XO_MORE: it is good so far, and not whole. XO_ERR_LIMIT: it holds
 * more than `max` octets (of at most XO_NETSTRING_MAX), said as soon as its
 * length is known. XO_ERR_SYNTAX: it is none, and nothing behind it can be read.
 */
XO_MUST_CHECK enum xo_err xo_netstring_read(struct xo_span in, size_t max,
    struct xo_span *text_r, size_t *used_r);

/* Appends one that holds `text`, of at most XO_NETSTRING_MAX octets. */
void xo_netstring_write(struct xo_buf *out, struct xo_span text);

#endif
