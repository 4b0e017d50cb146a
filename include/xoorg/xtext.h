/* SPDX-License-Identifier: ISC */
/*
 * xtext, the encoding of ESMTP parameter values (RFC 3461 4).
 */
#ifndef XOORG_XTEXT_H
#define XOORG_XTEXT_H

#include <xoorg/bytes.h>

XO_API_BEGIN

/*
 * Decodes the whole of `in`: 33..126 without `=`, `+HH` with hexadecimal
 * digits of either case. Octets that a command line must not hold come out of
 * `+HH` like any other: the caller must test the result. XO_ERR_LIMIT: more than
 * `cap` octets.
 */
XO_MUST_CHECK enum xo_err xo_xtext_decode(struct xo_span in, uint8_t *out,
    size_t cap, size_t *len_r);

/* Well-formed, and nothing decodes to a control character (NUL, CR, LF...). */
bool xo_xtext_is_clean(struct xo_span in);

/* `+`, `=` and all outside 33..126 become `+HH` with capital digits. */
void xo_xtext_encode(struct xo_buf *out, struct xo_span in);

XO_API_END

#endif
