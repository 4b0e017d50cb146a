/* SPDX-License-Identifier: ISC */
/*
 * What the next hop replies during a transaction. It is believed as little as a
 * client: a reply that does not fit what was asked is a temporary failure, never
 * a success.
 */
#include "about.h"
#include "actions.h"
#include "back.h"
#include "content.h"
#include "envelope.h"
#include "final.h"
#include "finish.h"

#define REPLY_MAX ((size_t)512 * 1024)

static bool
is_refusal(const struct xo_relay *r)
{
	return r->back.reply.code >= 400 && r->back.reply.code <= 599;
}

static void
on_rset(struct xo_relay *r)
{
	if (r->back.reply.code != 250)
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
}

/*
 * The sender was taken and is refused now that the message's value is said with
 * it. What was answered both ways is not settled: never for good.
 */
static void
note_another_answer(struct xo_relay *r)
{
	uint16_t code = r->back.reply.code;

	finish_note_reply(r, code >= 500 ? 451 : code,
	    xo_buf_span(&r->back.reply.text));
	content_fail(r, XO_REFUSAL_UPSTREAM_SAID);
}

static void
on_mail(struct xo_relay *r)
{
	if (r->back.reply.code == 250) {
		r->t.envelope.state = MAIL_ACCEPTED;
		/* To LMTP's end of data x.1.y is a proper answer, too. */
		r->t.envelope.is_in_step = about_itself(r, EXPECT_MAIL) &&
		    has_cap(r->back.caps, XO_CAP_ENHANCEDSTATUSCODES) &&
		    upstream_of(r)->protocol == XO_PROTOCOL_SMTP;
		return;
	}
	if (!is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (r->t.envelope.is_said_again) {
		note_another_answer(r);
		return;
	}
	if (about_us(r, EXPECT_MAIL)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	/* Said yes, lost the link, says no: the client has yeses. */
	if (r->t.envelope.n_accepted > 0) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	r->t.envelope.state = MAIL_REFUSED;
	finish_note_said(r);
	back_refuse_waiting(r);
}

static struct slot *
next_answered(struct envelope *e)
{
	while (e->next_reply < e->n_slots &&
	    !e->slots[e->next_reply].is_sent)
		e->next_reply++;
	return e->next_reply < e->n_slots ? &e->slots[e->next_reply++] : NULL;
}

static void
on_rcpt(struct xo_relay *r)
{
	struct slot *s = next_answered(&r->t.envelope);
	bool is_accepted = r->back.reply.code == 250 ||
	    r->back.reply.code == 251;

	if (s == NULL || r->t.envelope.state == MAIL_REFUSED)
		return;
	if (!is_accepted && !is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (about_us(r, EXPECT_RCPT)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	r->t.envelope.is_in_step &= !is_accepted ||
	    about_itself(r, EXPECT_RCPT);
	if (s->state == SLOT_WAITING) {
		r->t.envelope.n_answered++;
		envelope_answer(r, s, is_accepted, r->back.reply.code, NULL,
		    xo_buf_span(&r->back.reply.text));
	} else if (!is_accepted && s->state == SLOT_ACCEPTED) {
		/* Said yes, lost the link, says no: the client has its
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
	finish_note_said(r);
	content_fail(r, XO_REFUSAL_UPSTREAM_SAID);
}

static void
on_data(struct xo_relay *r)
{
	if (r->back.reply.code == 354) {
		/* What came after it answers nothing that we said. */
		if (r->back.is_ahead)
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
	} else if (!is_expected && r->back.reply.code / 100 == 2) {
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	} else if (!is_expected || r->back.reply.code != 250) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
	} else if (r->front.state == FRONT_CHUNKS) {
		relay_client_turn(r);
	}
}

/* All final replies are here, and they are this message's. */
static void
finish(struct xo_relay *r)
{
	/* A next hop that answers twice is not used again. */
	if (r->back.is_ahead) {
		relay_act(r, XO_ACTION_OUT_OF_STEP);
		back_drop(r);
	} else {
		relay_act(r, XO_ACTION_RELEASE);
		r->back.state = BACK_NONE;
	}
	if (upstream_of(r)->protocol == XO_PROTOCOL_LMTP)
		final_sum_up(r);
	finish_with_noted(r);
}

static void
on_final(struct xo_relay *r)
{
	if (r->back.reply.code != 250 && !is_refusal(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
		return;
	}
	if (about_us(r, EXPECT_FINAL)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_SETUP);
		return;
	}
	final_note(r);
	r->t.final.wants_hello |= about_before(r);
	xo_heard_note(r->back.heard, &r->back.reply, false);
	if (r->back.n_expected > 0)
		return;
	if (!r->t.final.wants_hello || r->t.final.worst != 250)
		finish(r);
	else if (r->back.is_ahead)
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	else
		back_say_hello(r);
}

/* A reply to nothing must not answer what is about to be said. */
static bool
is_ahead(const struct xo_relay *r, enum expected what)
{
	return r->back.is_ahead && r->back.n_expected == 0 &&
	    (what == EXPECT_RSET || what == EXPECT_MAIL ||
	    what == EXPECT_RCPT);
}

/*
 * 421 closes, whatever was asked. To our client, whose session goes on, it is a
 * 451 with the same words: they say whom to ask, and for how long to wait. The
 * log has them too, if they lead to another try.
 */
static void
on_closing(struct xo_relay *r)
{
	struct xo_span text = xo_buf_span(&r->back.reply.text);

	back_tell_said(r);
	if (text.len == 0) {
		back_fail(r, XO_REFUSAL_UPSTREAM_LOST);
	} else if (!back_retry(r, XO_REFUSAL_UPSTREAM_LOST)) {
		finish_note_reply(r, 451, text);
		back_fail(r, XO_REFUSAL_UPSTREAM_SAID);
	}
}

/* The oldest that is due. */
static enum expected
next_expected(struct back *b)
{
	enum expected what = (enum expected)b->expected[b->expected_head++];

	if (--b->n_expected == 0)
		b->expected_head = 0;
	return what;
}

static void
on_expected(struct xo_relay *r, enum expected what)
{
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
}

static void
on_reply(struct xo_relay *r)
{
	enum expected what;

	r->back.since = r->now;
	if (r->back.reply.code == 421) {
		on_closing(r);
		return;
	}
	if (r->back.n_expected == 0) {
		if (r->t.writer.is_opened)
			on_chunk(r, false);
		else
			back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
		return;
	}
	what = next_expected(&r->back);
	if (about_another(r, what)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
		return;
	}
	if (what != EXPECT_FINAL && r->back.reply.code / 100 == 2)
		xo_heard_note(r->back.heard, &r->back.reply,
		    what == EXPECT_MAIL || what == EXPECT_RCPT);
	on_expected(r, what);
	if (r->back.state == BACK_READY && is_ahead(r, what))
		back_fail(r, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	else
		back_pump(r);
}

size_t
xo_relay_back_bytes(struct xo_relay *r, struct xo_span in)
{
	size_t used = 0, n;

	while (used < in.len && r->back.state == BACK_READY && !r->has_ended &&
	    !relay_is_full(r)) {
		enum xo_err err = xo_reply_read(&r->back.reply,
		    xo_span_from(in, used), REPLY_MAX, &n);

		used += n;
		r->back.is_ahead = err == XO_MORE || used < in.len;
		if (err == XO_MORE)
			break;
		if (err != XO_OK) {
			back_fail(r, XO_REFUSAL_UPSTREAM_CONFUSED);
			break;
		}
		on_reply(r);
		xo_reply_clear(&r->back.reply);
	}
	return used;
}

void
xo_relay_back_closed(struct xo_relay *r)
{
	if (r->back.state == BACK_READY)
		back_fail(r, XO_REFUSAL_UPSTREAM_LOST);
}
