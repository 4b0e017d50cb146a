/* SPDX-License-Identifier: ISC */
/* How a message ends, for whatever cause; and refusals. */
#ifndef XO_RELAY_FINISH_H
#define XO_RELAY_FINISH_H

#include "relay_internal.h"

/* Replies as the table says, counts errors, closes if the table says so. */
void relay_refuse(struct xo_relay *r, enum xo_refusal why);
void finish_with_refusal(struct xo_relay *r, enum xo_refusal why);
/* With what finish_note_reply() kept. */
void finish_with_noted(struct xo_relay *r);
/* Without a reply: RSET, EHLO, the client is gone. */
void finish_quietly(struct xo_relay *r, enum xo_refusal why);
/* Keep the next hop's own words as the outcome: of the reply just read, or with
 * another code. */
void finish_note_said(struct xo_relay *r);
void finish_note_reply(struct xo_relay *r, uint16_t code, struct xo_span text);
/* The text of a refusal of ours: the table's, and what is wrong with the header
 * if it is that. */
void finish_write_text(const struct xo_relay *r, struct xo_buf *out,
    enum xo_refusal why);
struct xo_span finish_noted(const struct xo_relay *r);
void transaction_clear(struct xo_relay *r);

#endif
