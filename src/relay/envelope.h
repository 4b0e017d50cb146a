/* SPDX-License-Identifier: ISC */
/* MAIL and RCPT: verdict, upstream, replies in order. */
#ifndef XO_RELAY_ENVELOPE_H
#define XO_RELAY_ENVELOPE_H

#include "relay_internal.h"

void envelope_mail(struct xo_relay *r, struct xo_span args);
/* With the arguments that it had. */
void envelope_mail_again(struct xo_relay *r);
void envelope_rcpt(struct xo_relay *r, struct xo_span args);
/* How its addresses may be read. */
enum xo_syntax envelope_syntax(const struct xo_relay *r);
bool envelope_is_settled(const struct xo_relay *r);
/* No room for another recipient until it is settled. */
bool envelope_is_full(const struct xo_relay *r);
/* Gives `slot` its reply; tells the client what is next in order. */
void envelope_answer(struct xo_relay *r, struct slot *slot, bool is_accepted,
    uint16_t code, const char *enhanced, struct xo_span text);
void envelope_answer_refusal(struct xo_relay *r, struct slot *slot,
    enum xo_refusal why);
/* The same with what finish_note_reply() kept. */
void envelope_answer_noted(struct xo_relay *r, struct slot *slot);

#endif
