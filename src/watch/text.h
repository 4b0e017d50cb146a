/* SPDX-License-Identifier: ISC */
/*
 * Text as outsiders send it, before it is shown to people or programs: is it
 * UTF-8, and could it deceive who reads it. For log, metrics and status page.
 */
#ifndef XO_TEXT_H
#define XO_TEXT_H

#include <xoorg/bytes.h>

/*
 * Octets of the valid UTF-8 sequence that `s` begins with, 1 to 4, and its
 * code point; 0 if it begins with none (RFC 3629 3).
 */
size_t xo_utf8_first(struct xo_span s, uint32_t *code_r);

/*
 * Code points that steer a terminal or change the order of what is shown:
 * controls, line separators, bidirectional and invisible marks.
 */
bool xo_code_is_deceptive(uint32_t code);

/* For HTML text and quoted attributes; invalid octets become `?`. */
void xo_buf_add_html(struct xo_buf *out, struct xo_span s);

/* "2026-11-23T21:44:40", without fraction and zone, not terminated. */
#define XO_TIME_LEN 19
void xo_time_write(char out[XO_TIME_LEN], int64_t seconds);

#endif
