/* SPDX-License-Identifier: ISC */
/*
 * The next hop of a transaction: got, let go, failed (back.c), and what is said to
 * it (back_ask.c). What it replies comes by relay.h (back_answer.c).
 */
#ifndef XO_RELAY_BACK_H
#define XO_RELAY_BACK_H

#include "relay_internal.h"

/* To the treatment's upstream; fails at once if that is none. */
void back_acquire(struct xo_relay *r, bool is_fresh);
void back_fail(struct xo_relay *r, enum xo_refusal why);
/* What was said on a lost link is said on another, if it may be. */
bool back_retry(struct xo_relay *r, enum xo_refusal why);
/* For the log: what the client does not get to hear. */
void back_tell_said(struct xo_relay *r);
/* The link goes: to be used again if it may, else closed. */
void back_leave(struct xo_relay *r);
void back_drop(struct xo_relay *r);

/* Says what may be said by now: MAIL, recipients, content. */
void back_pump(struct xo_relay *r);
/* What the next reply but those that are due will answer. */
void back_expect(struct xo_relay *r, enum expected what);
/* The same envelope again, after RSET, with what is known by now. */
void back_say_again(struct xo_relay *r);
/* EHLO after the content, as opening.c said it. */
void back_say_hello(struct xo_relay *r);
void back_forget_said(struct envelope *e);
/* No next hop, or one that refused the sender: nobody will be accepted. */
void back_refuse_waiting(struct xo_relay *r);
/* The value for XOORG= on this transaction; empty: none. */
struct xo_span back_xoorg(const struct xo_relay *r);

#endif
