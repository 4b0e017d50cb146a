/* SPDX-License-Identifier: ISC */
/*
 * Text as outsiders send it, before it is shown to people or programs: could it
 * deceive a reader? For log, metrics and status page.
 */
#ifndef XO_TEXT_H
#define XO_TEXT_H

#include <xoorg/bytes.h>

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
