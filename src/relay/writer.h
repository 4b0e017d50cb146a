/* SPDX-License-Identifier: ISC */
/* Content out, in the next hop's framing. */
#ifndef XO_RELAY_WRITER_H
#define XO_RELAY_WRITER_H

#include "relay_internal.h"

/* Says DATA, or goes on at once with BDAT. */
void writer_open(struct xo_relay *r);
/* What was held: the cleaned header, and the body that came with it. */
void writer_held(struct xo_relay *r);
/* A chunk of the client's begins or ends; nothing happens towards DATA. */
void writer_chunk_begin(struct xo_relay *r, uint64_t size, bool is_last);
void writer_chunk_end(struct xo_relay *r);
/* Content that a scanner has seen, or raw octets towards BDAT. */
void writer_span(struct xo_relay *r, struct xo_span span);
void writer_end(struct xo_relay *r);
/* BDAT in, DATA out: what the scanner found can go on, as *span: CR and LF alone
 * as CRLF, if bare_newline says so. */
bool writer_mends(const struct xo_relay *r, enum xo_content event,
    struct xo_span *span);

#endif
