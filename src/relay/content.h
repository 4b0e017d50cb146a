/* SPDX-License-Identifier: ISC */
/* DATA and BDAT in, the header held for the wall. */
#ifndef XO_RELAY_CONTENT_H
#define XO_RELAY_CONTENT_H

#include "relay_internal.h"

void content_data(struct xo_relay *r);
void content_bdat(struct xo_relay *r, struct xo_span args);
size_t content_data_bytes(struct xo_relay *r, struct xo_span in);
size_t content_chunk_bytes(struct xo_relay *r, struct xo_span in);
/* The header is whole and the envelope done: past the wall, on to the next hop. */
void content_open(struct xo_relay *r);
/* The next hop is ready for content. */
void content_go(struct xo_relay *r);
/* The message cannot be delivered: the rest of it is read and dropped. */
void content_fail(struct xo_relay *r, enum xo_refusal why);
bool content_is_waiting(const struct xo_relay *r);

#endif
