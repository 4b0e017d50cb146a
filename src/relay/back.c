/* SPDX-License-Identifier: ISC */
/*
 * The next hop during a transaction: commands out as far as it allows them in
 * advance, replies in, and what becomes of the message when it fails.
 *
 * It is believed as little as a client: a reply that does not fit what was
 * asked is a temporary failure, never a success.
 */
#include <stdlib.h>

#include <xoorg/xtext.h>

#include "session.h"

#define REPLY_MAX ((size_t)512 * 1024)
/* For a kept connection a new one, and for a host that breaks off the next. */
#define RETRIES_MAX 2

void
back_expect(struct xo_relay *r, enum expected what)
{
	if (r->expected_head + r->n_expected == r->cap_expected) {
		size_t cap = r->cap_expected == 0 ? 16 : 2 * r->cap_expected;
		uint8_t *p;

		if (r->expected_head > 0) {
			memmove(r->expected, r->expected + r->expected_head,
			    r->n_expected);
			r->expected_head = 0;
		} else if ((p = realloc(r->expected, cap)) != NULL) {
			r->expected = p;
			r->cap_expected = cap;
		} else {
			back_fail(r, XO_REFUSAL_MEMORY);
			return;
		}
	}
	if (r->n_expected == 0)
		r->back_since = r->now;
	r->expected[r->expected_head + r->n_expected++] = (uint8_t)what;
}

static bool
may_pipeline(const struct xo_relay *r)
{
	return r->n_expected == 0 ||
	    has_cap(r->back_caps, XO_CAP_PIPELINING);
}

struct xo_span
back_xoorg(const struct xo_relay *r)
{
	const struct transaction *t = &r->t;

	return xo_treatment_xoorg(r->setup.policy, &t->trust,
	    xo_mail_xoorg(&t->mail), xo_span_first(xo_span_from(
	    xo_buf_span(&r->text), t->message_xoorg), t->message_xoorg_len));
}

static void
send_mail(struct xo_relay *r)
{
	struct transaction *t = &r->t;
	struct xo_span xoorg = back_xoorg(r);
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;

	(void)xo_buf_add_cstr(out, "MAIL FROM:<");
	(void)xo_buf_add(out, t->mail.from.address);
	(void)xo_buf_add_byte(out, '>');
	(void)xo_params_write(out, t->mail.params, r->back_caps,
	    extensions(r));
	t->has_xoorg_out = xoorg.len > 0 &&
	    has_cap(r->back_caps, XO_CAP_XOORG);
	if (t->has_xoorg_out) {
		(void)xo_buf_add_cstr(out, " XOORG=");
		(void)xo_xtext_encode(out, xoorg);
	}
	(void)xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	t->mail_state = MAIL_SENT;
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
	    r->announced, extensions(r), r->t.mail.is_utf8,
	    envelope_syntax(r), &rcpt) != XO_REFUSAL_NONE ||
	    (rcpt.needs & ~r->back_caps) != 0) {
		/* Its yes was a connection's that is lost. */
		if (s->state != SLOT_WAITING) {
			back_fail(r, XO_REFUSAL_UPSTREAM_CAPABILITY);
			return;
		}
		s->is_local = true;
		r->t.n_answered++;
		envelope_answer_refusal(r, s, XO_REFUSAL_UPSTREAM_CAPABILITY);
		return;
	}
	(void)xo_buf_add_cstr(out, "RCPT TO:<");
	(void)xo_buf_add(out, rcpt.to.address);
	(void)xo_buf_add_byte(out, '>');
	(void)xo_params_write(out, rcpt.params, r->back_caps, extensions(r));
	(void)xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	s->is_sent = true;
	back_expect(r, EXPECT_RCPT);
}

/* No next hop, or one that refused the sender: nobody will be accepted. */
static void
refuse_waiting(struct xo_relay *r)
{
	struct transaction *t = &r->t;

	for (size_t i = 0; i < t->n_slots; i++) {
		if (t->slots[i].state != SLOT_WAITING)
			continue;
		t->n_answered++;
		if (r->back == BACK_FAILED &&
		    r->back_why != XO_REFUSAL_UPSTREAM_SAID)
			envelope_answer_refusal(r, &t->slots[i], r->back_why);
		else
			envelope_answer_noted(r, &t->slots[i]);
	}
	t->next_send = t->n_slots;
}

/* Every recipient was said and answered. */
static bool
is_envelope_done(const struct xo_relay *r)
{
	return r->t.mail_state == MAIL_ACCEPTED && r->n_expected == 0 &&
	    r->t.next_send == r->t.n_slots;
}

/* Recipients, as many as the next hop takes before it answers. Refused once
 * stays refused when a lost connection's are given to a new one. */
static void
send_rcpts(struct xo_relay *r)
{
	struct transaction *t = &r->t;

	while (r->back == BACK_READY && t->mail_state != MAIL_UNSENT &&
	    t->next_send < t->n_slots && may_pipeline(r)) {
		struct slot *s = &t->slots[t->next_send++];

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
	if (r->back == BACK_FAILED || t->mail_state == MAIL_REFUSED) {
		refuse_waiting(r);
		return;
	}
	if (r->back != BACK_READY)
		return;
	if (t->mail_state == MAIL_UNSENT && may_pipeline(r))
		send_mail(r);
	send_rcpts(r);
	if (t->content == CONTENT_OPENING && !t->is_opened &&
	    is_envelope_done(r))
		content_open(r);
}

/* Something that MAIL asks for cannot be passed on; SIZE is ours to check, and
 * XOORG has its own rules. */
static bool
is_lacking(const struct xo_relay *r)
{
	uint32_t needs = r->t.mail.needs & ~(XO_CAP_BIT(XO_CAP_XOORG) |
	    XO_CAP_BIT(XO_CAP_SIZE));

	if (r->t.mail.body == XO_BODY_BINARYMIME)
		needs |= XO_CAP_BIT(XO_CAP_CHUNKING);
	return (needs & ~r->back_caps) != 0;
}

void
xo_relay_back_ready(struct xo_relay *r, const struct xo_caps *caps,
    struct xo_heard *heard, bool is_replaceable)
{
	if (r->back != BACK_ACQUIRING)
		return;
	r->back = BACK_READY;
	r->is_back_replaceable = is_replaceable;
	r->is_back_ahead = false;
	r->back_caps = caps->set;
	r->heard = heard;
	r->back_since = r->now;
	xo_reply_clear(&r->reply);
	r->expected_head = r->n_expected = 0;
	if (is_lacking(r)) {
		/* It announced more when it was asked last. */
		back_fail(r, XO_REFUSAL_UPSTREAM_CAPABILITY);
		return;
	}
	back_pump(r);
}

void
xo_relay_back_failed(struct xo_relay *r, enum xo_refusal why,
    struct xo_span said)
{
	if (r->back != BACK_ACQUIRING)
		return;
	/* As on_closing(); all else that it may say is about us. */
	if (said.len > 4 && xo_span_has_prefix_nocase(said, XO_LIT("421 "))) {
		finish_note_reply(r, 451, xo_span_from(said, 4));
		why = XO_REFUSAL_UPSTREAM_SAID;
	}
	back_fail(r, why);
}

void
back_drop(struct xo_relay *r)
{
	if (r->back == BACK_READY || r->back == BACK_ACQUIRING)
		relay_act(r, XO_ACTION_DROP);
	r->back = BACK_NONE;
	r->n_expected = 0;
}

/* What said yes to MAIL may have been another command's word. The next envelope
 * could not see that: RSET's reply and the one before are worded alike. */
static bool
may_be_behind(const struct xo_relay *r)
{
	return r->t.mail_state == MAIL_ACCEPTED && !r->t.is_in_step &&
	    has_cap(r->back_caps, XO_CAP_CHUNKING) &&
	    has_cap(r->back_caps, XO_CAP_ENHANCEDSTATUSCODES) &&
	    upstream_of(r)->protocol == XO_PROTOCOL_SMTP;
}

void
back_leave(struct xo_relay *r)
{
	if (r->back == BACK_READY && r->n_expected == 0 && !r->t.is_opened &&
	    !r->is_back_ahead && !may_be_behind(r)) {
		relay_act(r, XO_ACTION_RELEASE_RESET);
		r->back = BACK_NONE;
	} else {
		back_drop(r);
	}
}

/*
 * The one door to a next hop: there is no ACQUIRE without an upstream. Should a
 * policy lead nowhere, that is a next hop that cannot be reached.
 */
void
back_acquire(struct xo_relay *r, bool is_fresh)
{
	if (r->t.trust.upstream < 0 ||
	    (size_t)r->t.trust.upstream >= r->setup.policy->n_upstreams) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONNECT);
		return;
	}
	r->back = BACK_ACQUIRING;
	relay_act(r, XO_ACTION_ACQUIRE)->is_fresh = is_fresh;
}

static void
forget_said(struct transaction *t)
{
	t->mail_state = MAIL_UNSENT;
	t->next_send = t->next_reply = 0;
	for (size_t i = 0; i < t->n_slots; i++)
		t->slots[i].is_sent = false;
}

void
back_say_again(struct xo_relay *r)
{
	forget_said(&r->t);
	relay_send(r, XO_BACK, XO_LIT("RSET\r\n"));
	back_expect(r, EXPECT_RSET);
	back_pump(r);
}

/*
 * A connection that is lost before anything of the message was committed is
 * replaced by a new one, if it was a kept one or there is another host; what was
 * said to it is said again.
 */
static bool
retry(struct xo_relay *r, enum xo_refusal why)
{
	struct transaction *t = &r->t;

	if (why != XO_REFUSAL_UPSTREAM_LOST || !r->is_back_replaceable ||
	    t->n_retries == RETRIES_MAX || t->is_opened)
		return false;
	back_drop(r);
	t->n_retries++;
	forget_said(t);
	back_acquire(r, true);
	return true;
}

/* For the log: what the client does not get to hear. */
static void
tell_said(struct xo_relay *r)
{
	struct xo_buf *out = &r->sends;
	size_t start = out->len;

	if (r->reply.text.len == 0)
		return;
	if (r->reply.code != 0) {
		(void)xo_buf_add_u64(out, r->reply.code);
		(void)xo_buf_add_byte(out, ' ');
	}
	(void)xo_buf_add(out, xo_buf_span(&r->reply.text));
	relay_act_said(r, start);
}

/* Words of ours stand in the place of its own. */
static bool
is_wordless(enum xo_refusal why)
{
	return why == XO_REFUSAL_UPSTREAM_SETUP ||
	    why == XO_REFUSAL_UPSTREAM_CONFUSED ||
	    why == XO_REFUSAL_UPSTREAM_OUT_OF_STEP;
}

/* It went instead of proving its 250: by DATA it need not. */
static bool
is_hello_due(const struct xo_relay *r)
{
	return r->n_expected > 0 && r->t.uses_bdat &&
	    r->expected[r->expected_head] == EXPECT_HELLO;
}

void
back_fail(struct xo_relay *r, enum xo_refusal why)
{
	if (r->back == BACK_FAILED || retry(r, why))
		return;
	if (is_wordless(why))
		tell_said(r);
	if (why == XO_REFUSAL_UPSTREAM_OUT_OF_STEP || is_hello_due(r))
		relay_act(r, XO_ACTION_OUT_OF_STEP);
	back_drop(r);
	r->back = BACK_FAILED;
	r->back_why = why;
	refuse_waiting(r);
	if (r->state == FRONT_DATA || r->state == FRONT_CHUNK ||
	    r->state == FRONT_FINAL || r->state == FRONT_CHUNKS)
		content_fail(r, why);
}

/*
 * 421 closes, whatever was asked. To our client, whose session goes on, it is a
 * 451 with the same words: they say whom to ask, and for how long to wait. The
 * log has them too, if they lead to another try.
 */
static void
on_closing(struct xo_relay *r)
{
	struct xo_span text = xo_buf_span(&r->reply.text);

	tell_said(r);
	if (text.len == 0) {
		back_fail(r, XO_REFUSAL_UPSTREAM_LOST);
	} else if (!retry(r, XO_REFUSAL_UPSTREAM_LOST)) {
		finish_note_reply(r, 451, text);
		back_fail(r, XO_REFUSAL_UPSTREAM_SAID);
	}
}

static bool
is_refusal(const struct xo_relay *r)
{
	return r->reply.code >= 400 && r->reply.code <= 599;
}

static void
on_rset(struct xo_relay *r)
{
	if (r->reply.code != 250)
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
}

/*
 * The sender was taken and is refused now that the message's value is said with
 * it. What was answered both ways is not settled: never for good.
 */
static void
note_another_answer(struct xo_relay *r)
{
	finish_note_reply(r, r->reply.code >= 500 ? 451 : r->reply.code,
	    xo_buf_span(&r->reply.text));
	content_fail(r, XO_REFUSAL_UPSTREAM_SAID);
}

static void
on_mail(struct xo_relay *r)
{
	if (r->reply.code == 250) {
		r->t.mail_state = MAIL_ACCEPTED;
		/* To LMTP's end of data x.1.y is a proper answer, too. */
		r->t.is_in_step = about_itself(r, EXPECT_MAIL) &&
		    has_cap(r->back_caps, XO_CAP_ENHANCEDSTATUSCODES) &&
		    upstream_of(r)->protocol == XO_PROTOCOL_SMTP;
		return;
	}
	if (!is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (r->t.is_said_again) {
		note_another_answer(r);
		return;
	}
	if (about_us(r, EXPECT_MAIL)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	/* Said yes, lost the connection, says no: the client has yeses. */
	if (r->t.n_accepted > 0) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	r->t.mail_state = MAIL_REFUSED;
	finish_note_reply(r, r->reply.code, xo_buf_span(&r->reply.text));
	refuse_waiting(r);
}

static struct slot *
next_answered(struct transaction *t)
{
	while (t->next_reply < t->n_slots &&
	    !t->slots[t->next_reply].is_sent)
		t->next_reply++;
	return t->next_reply < t->n_slots ? &t->slots[t->next_reply++] : NULL;
}

static void
on_rcpt(struct xo_relay *r)
{
	struct slot *s = next_answered(&r->t);
	bool is_accepted = r->reply.code == 250 || r->reply.code == 251;

	if (s == NULL || r->t.mail_state == MAIL_REFUSED)
		return;
	if (!is_accepted && !is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (about_us(r, EXPECT_RCPT)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	r->t.is_in_step &= !is_accepted || about_itself(r, EXPECT_RCPT);
	if (s->state == SLOT_WAITING) {
		r->t.n_answered++;
		envelope_answer(r, s, is_accepted, r->reply.code, NULL,
		    xo_buf_span(&r->reply.text));
	} else if (!is_accepted && s->state == SLOT_ACCEPTED) {
		/* Said yes, lost the connection, says no: the client has its
		 * yes already. */
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
	}
}

/* The message is refused, by a word that is about it or about us. */
static void
refuse_content(struct xo_relay *r, enum expected what)
{
	if (about_us(r, what)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	finish_note_reply(r, r->reply.code, xo_buf_span(&r->reply.text));
	content_fail(r, XO_REFUSAL_UPSTREAM_SAID);
}

static void
on_data(struct xo_relay *r)
{
	if (r->reply.code == 354) {
		/* What came behind it answers nothing that we said. */
		if (r->is_back_ahead)
			back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
		else
			content_go(r);
	} else if (is_refusal(r)) {
		refuse_content(r, EXPECT_DATA);
	} else {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
	}
}

/* A chunk that is not the last, or anything nobody asked for. */
static void
on_chunk(struct xo_relay *r, bool is_expected)
{
	if (is_refusal(r)) {
		refuse_content(r, EXPECT_CHUNK);
	} else if (!is_expected && r->reply.code / 100 == 2) {
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	} else if (!is_expected || r->reply.code != 250) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
	} else if (r->state == FRONT_CHUNKS) {
		relay_client_turn(r);
	}
}

/* All final replies are here, and they are this message's. */
static void
finish(struct xo_relay *r)
{
	/* Somebody who answers twice is not talked to again. */
	if (r->is_back_ahead) {
		relay_act(r, XO_ACTION_OUT_OF_STEP);
		back_drop(r);
	} else {
		relay_act(r, XO_ACTION_RELEASE);
		r->back = BACK_NONE;
	}
	if (upstream_of(r)->protocol == XO_PROTOCOL_LMTP)
		final_sum_up(r);
	finish_with_noted(r);
}

/* As it was said when the connection was opened (opening.c). */
static void
send_hello(struct xo_relay *r)
{
	const struct xo_upstream *u = upstream_of(r);
	struct xo_buf *out = relay_send_begin(r);
	struct xo_span name = r->setup.policy->hostname;
	size_t start = out->len;

	if (u->handover == XO_HANDOVER_XCLIENT && xo_relay_hello(r).len > 0)
		name = xo_relay_hello(r);
	(void)xo_buf_add_cstr(out, u->protocol == XO_PROTOCOL_LMTP ?
	    "LHLO " : "EHLO ");
	(void)xo_buf_add(out, name);
	(void)xo_buf_add_cstr(out, "\r\n");
	relay_send_end(r, XO_BACK, start);
	back_expect(r, EXPECT_HELLO);
}

static void
on_final(struct xo_relay *r)
{
	if (r->reply.code != 250 && !is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (about_us(r, EXPECT_FINAL)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	final_note(r);
	r->t.wants_hello |= about_before(r);
	xo_heard_note(r->heard, &r->reply, false);
	if (r->n_expected > 0)
		return;
	if (!r->t.wants_hello || r->t.worst != 250)
		finish(r);
	else if (r->is_back_ahead)
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	else
		send_hello(r);
}

/* A reply to nothing must not answer what is about to be said. */
static bool
is_ahead(const struct xo_relay *r, enum expected what)
{
	return r->is_back_ahead && r->n_expected == 0 &&
	    (what == EXPECT_RSET || what == EXPECT_MAIL ||
	    what == EXPECT_RCPT);
}

static void
on_reply(struct xo_relay *r)
{
	enum expected what;

	r->back_since = r->now;
	if (r->reply.code == 421) {
		on_closing(r);
		return;
	}
	if (r->n_expected == 0) {
		if (r->t.is_opened)
			on_chunk(r, false);
		else
			back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
		return;
	}
	what = (enum expected)r->expected[r->expected_head++];
	if (--r->n_expected == 0)
		r->expected_head = 0;
	if (about_another(r, what)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
		return;
	}
	if (what != EXPECT_FINAL && r->reply.code / 100 == 2)
		xo_heard_note(r->heard, &r->reply, what == EXPECT_MAIL ||
		    what == EXPECT_RCPT);
	switch (what) {
	case EXPECT_RSET:
		on_rset(r);
		break;
	case EXPECT_MAIL:
		on_mail(r);
		break;
	case EXPECT_RCPT:
		on_rcpt(r);
		break;
	case EXPECT_DATA:
		on_data(r);
		break;
	case EXPECT_CHUNK:
		on_chunk(r, true);
		break;
	case EXPECT_FINAL:
		on_final(r);
		break;
	case EXPECT_HELLO:
		finish(r);
		break;
	}
	if (r->back == BACK_READY && is_ahead(r, what))
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	else
		back_pump(r);
}

size_t
xo_relay_back_bytes(struct xo_relay *r, struct xo_span in)
{
	size_t used = 0, n;

	while (used < in.len && r->back == BACK_READY && !r->has_ended &&
	    !relay_is_full(r)) {
		enum xo_err err = xo_reply_read(&r->reply,
		    xo_span_from(in, used), REPLY_MAX, &n);

		used += n;
		r->is_back_ahead = err == XO_MORE || used < in.len;
		if (err == XO_MORE)
			break;
		if (err != XO_OK) {
			back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
			break;
		}
		on_reply(r);
		xo_reply_clear(&r->reply);
	}
	return used;
}

void
xo_relay_back_closed(struct xo_relay *r)
{
	if (r->back == BACK_READY)
		back_fail(r, XO_REFUSAL_UPSTREAM_LOST);
}
