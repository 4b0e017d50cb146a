/* SPDX-License-Identifier: ISC */
/*
 * What is said to the next hop during a transaction: as much as it allows in
 * advance, and what each reply will answer.
 */
#include <stdlib.h>

#include <xoorg/xtext.h>

#include "actions.h"
#include "back.h"
#include "content.h"
#include "envelope.h"

void
back_expect(struct xo_relay *r, enum expected what)
{
	struct back *b = &r->back;

	if (b->expected_head + b->n_expected == b->cap_expected) {
		size_t cap = b->cap_expected == 0 ? 16 : 2 * b->cap_expected;
		uint8_t *p;

		if (b->expected_head > 0) {
			memmove(b->expected, b->expected + b->expected_head,
			    b->n_expected);
			b->expected_head = 0;
		} else if ((p = realloc(b->expected, cap)) != NULL) {
			b->expected = p;
			b->cap_expected = cap;
		} else {
			back_fail(r, XO_REFUSAL_MEMORY);
			return;
		}
	}
	if (b->n_expected == 0)
		b->since = r->now;
	b->expected[b->expected_head + b->n_expected++] = (uint8_t)what;
}

static bool
may_pipeline(const struct xo_relay *r)
{
	return r->back.n_expected == 0 ||
	    has_cap(r->back.caps, XO_CAP_PIPELINING);
}

struct xo_span
back_xoorg(const struct xo_relay *r)
{
	const struct transaction *t = &r->t;
	struct xo_span value = xo_span_from(xo_buf_span(&r->text),
	    t->envelope.message_xoorg);

	return xo_treatment_xoorg(r->setup.policy, &t->trust,
	    xo_mail_xoorg(&t->mail),
	    xo_span_first(value, t->envelope.message_xoorg_len));
}

static void
send_mail(struct xo_relay *r)
{
	struct transaction *t = &r->t;
	struct xo_span xoorg = back_xoorg(r);
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;

	xo_buf_add_cstr(out, "MAIL FROM:<");
	xo_buf_add(out, t->mail.from.address);
	xo_buf_add_byte(out, '>');
	(void)xo_params_write(out, t->mail.params, r->back.caps,
	    extensions(r));
	t->envelope.has_xoorg_out = xoorg.len > 0 &&
	    has_cap(r->back.caps, XO_CAP_XOORG);
	if (t->envelope.has_xoorg_out) {
		xo_buf_add_cstr(out, " XOORG=");
		xo_xtext_encode(out, xoorg);
	}
	xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	t->envelope.state = MAIL_SENT;
	back_expect(r, EXPECT_MAIL);
}

static void
send_rcpt(struct xo_relay *r, struct slot *s)
{
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;
	struct xo_rcpt rcpt;

	/* It was parsed once, so it parses again. */
	if (xo_rcpt_parse(xo_span(r->text.p + s->command, s->command_len),
	    r->front.announced, extensions(r), r->t.mail.is_utf8,
	    envelope_syntax(r), &rcpt) != XO_REFUSAL_NONE ||
	    (rcpt.needs & ~r->back.caps) != 0) {
		/* Its yes was that of a link that is lost. */
		if (s->state != SLOT_WAITING) {
			back_fail(r, XO_REFUSAL_UPSTREAM_CAPABILITY);
			return;
		}
		s->is_local = true;
		r->t.envelope.n_answered++;
		envelope_answer_refusal(r, s, XO_REFUSAL_UPSTREAM_CAPABILITY);
		return;
	}
	xo_buf_add_cstr(out, "RCPT TO:<");
	xo_buf_add(out, rcpt.to.address);
	xo_buf_add_byte(out, '>');
	(void)xo_params_write(out, rcpt.params, r->back.caps, extensions(r));
	xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	s->is_sent = true;
	back_expect(r, EXPECT_RCPT);
}

void
back_refuse_waiting(struct xo_relay *r)
{
	struct envelope *e = &r->t.envelope;

	for (size_t i = 0; i < e->n_slots; i++) {
		if (e->slots[i].state != SLOT_WAITING)
			continue;
		e->n_answered++;
		if (r->back.state == BACK_FAILED &&
		    r->back.why != XO_REFUSAL_UPSTREAM_SAID)
			envelope_answer_refusal(r, &e->slots[i], r->back.why);
		else
			envelope_answer_noted(r, &e->slots[i]);
	}
	e->next_send = e->n_slots;
}

/* Every recipient was said and answered. */
static bool
is_envelope_done(const struct xo_relay *r)
{
	const struct envelope *e = &r->t.envelope;

	return e->state == MAIL_ACCEPTED && r->back.n_expected == 0 &&
	    e->next_send == e->n_slots;
}

/* Recipients, as many as the next hop takes before it answers. Refused once
 * stays refused when those of a lost link are given to a new one. */
static void
send_rcpts(struct xo_relay *r)
{
	struct envelope *e = &r->t.envelope;

	while (r->back.state == BACK_READY && e->state != MAIL_UNSENT &&
	    e->next_send < e->n_slots && may_pipeline(r)) {
		struct slot *s = &e->slots[e->next_send++];

		if (!s->is_local && s->state != SLOT_REFUSED)
			send_rcpt(r, s);
	}
}

void
back_pump(struct xo_relay *r)
{
	struct transaction *t = &r->t;

	if (r->has_ended)
		return;
	if (r->back.state == BACK_FAILED || t->envelope.state == MAIL_REFUSED) {
		back_refuse_waiting(r);
		return;
	}
	if (r->back.state != BACK_READY)
		return;
	if (t->envelope.state == MAIL_UNSENT && may_pipeline(r))
		send_mail(r);
	send_rcpts(r);
	if (t->content.state == CONTENT_OPENING && !t->writer.is_opened &&
	    is_envelope_done(r))
		content_open(r);
}

void
back_forget_said(struct envelope *e)
{
	e->state = MAIL_UNSENT;
	e->next_send = e->next_reply = 0;
	for (size_t i = 0; i < e->n_slots; i++)
		e->slots[i].is_sent = false;
}

void
back_say_again(struct xo_relay *r)
{
	back_forget_said(&r->t.envelope);
	relay_send(r, XO_BACK, XO_LIT("RSET\r\n"));
	back_expect(r, EXPECT_RSET);
	back_pump(r);
}

void
back_say_hello(struct xo_relay *r)
{
	const struct xo_upstream *u = upstream_of(r);
	struct xo_buf *out = relay_send_begin(r);
	struct xo_span name = r->setup.policy->hostname;
	size_t start = out->len;

	if (u->handover == XO_HANDOVER_XCLIENT && xo_relay_hello(r).len > 0)
		name = xo_relay_hello(r);
	xo_buf_add_cstr(out, u->protocol == XO_PROTOCOL_LMTP ?
	    "LHLO " : "EHLO ");
	xo_buf_add(out, name);
	xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	back_expect(r, EXPECT_HELLO);
}
