/* SPDX-License-Identifier: ISC */
/*
 * Encoded words (RFC 2047), read leniently: wherever they stand in a value, in
 * quotes and comments too.
 */
#ifndef XO_ENCODED_H
#define XO_ENCODED_H

#include <xoorg/bytes.h>

/*
 * Appends `value` to `out`, encoded words decoded to octets of their charset.
 * False: one could not be decoded, or not all readers would decode it alike;
 * `out` then ends where it stood. False, too, without memory.
 */
bool xo_encoded_read(struct xo_span value, struct xo_buf *out);

#endif
