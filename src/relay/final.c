/* SPDX-License-Identifier: ISC */
/*
 * The replies to the end of the content: one, or by LMTP one for each recipient,
 * and what they come to for the client.
 */
#include "final.h"
#include "finish.h"

/* What is to be tried again outweighs what is refused for good. */
static int
weight(uint16_t code)
{
	return code >= 500 ? 2 : code >= 400 ? 3 : code >= 200 ? 1 : 0;
}

/*
 * LMTP answers for each recipient, and our client hears one word. 250 only if
 * all have it, and 5xx only if nobody would get it by another try: some may get
 * the message twice, but nobody is left without it unheard.
 */
void
final_note(struct xo_relay *r)
{
	struct transaction *t = &r->t;

	t->final.n++;
	if (r->back.reply.code == 250)
		t->final.n_delivered++;
	if (weight(r->back.reply.code) <= weight(t->final.worst))
		return;
	t->final.worst = r->back.reply.code;
	finish_note_said(r);
}

/* The one word, with how many have it. */
void
final_sum_up(struct xo_relay *r)
{
	struct transaction *t = &r->t;
	struct xo_buf text = {0};

	if (t->final.n_delivered > 0 && t->final.n_delivered < t->final.n) {
		xo_buf_add_cstr(&text, "Delivered to ");
		xo_buf_add_u64(&text, t->final.n_delivered);
		xo_buf_add_cstr(&text, " of ");
		xo_buf_add_u64(&text, t->final.n);
		xo_buf_add_cstr(&text, " recipients, not to others:\n");
	}
	xo_buf_add(&text, finish_noted(r));
	finish_note_reply(r, t->final.worst, xo_buf_span(&text));
	xo_buf_fini(&text);
}
