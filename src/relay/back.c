/* SPDX-License-Identifier: ISC */
/*
 * The next hop of a transaction: how it is got and let go, and what becomes of
 * the message when it fails.
 */
#include "actions.h"
#include "back.h"
#include "content.h"
#include "finish.h"

/* For a kept link a new one, and for a place that breaks off the next. */
#define RETRIES_MAX 2

/* Something that MAIL asks for cannot be passed on; SIZE is ours to check, and
 * XOORG has its own rules. */
static bool
is_lacking(const struct xo_relay *r)
{
	uint32_t needs = r->t.mail.needs & ~(XO_CAP_BIT(XO_CAP_XOORG) |
	    XO_CAP_BIT(XO_CAP_SIZE));

	if (r->t.mail.body == XO_BODY_BINARYMIME)
		needs |= XO_CAP_BIT(XO_CAP_CHUNKING);
	return (needs & ~r->back.caps) != 0;
}

void
xo_relay_back_ready(struct xo_relay *r, const struct xo_caps *caps,
    struct xo_heard *heard, bool is_replaceable)
{
	if (r->back.state != BACK_ACQUIRING)
		return;
	r->back.state = BACK_READY;
	r->back.is_replaceable = is_replaceable;
	r->back.is_ahead = false;
	r->back.caps = caps->set;
	r->back.heard = heard;
	r->back.since = r->now;
	xo_reply_clear(&r->back.reply);
	r->back.expected_head = r->back.n_expected = 0;
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
	if (r->back.state != BACK_ACQUIRING)
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
	if (r->back.state == BACK_READY || r->back.state == BACK_ACQUIRING)
		relay_act(r, XO_ACTION_DROP);
	r->back.state = BACK_NONE;
	r->back.n_expected = 0;
}

/* What said yes to MAIL may have been another command's word. The next envelope
 * could not see that: RSET's reply and the one before are worded alike. */
static bool
may_be_behind(const struct xo_relay *r)
{
	return r->t.envelope.state == MAIL_ACCEPTED &&
	    !r->t.envelope.is_in_step &&
	    has_cap(r->back.caps, XO_CAP_CHUNKING) &&
	    has_cap(r->back.caps, XO_CAP_ENHANCEDSTATUSCODES) &&
	    upstream_of(r)->protocol == XO_PROTOCOL_SMTP;
}

void
back_leave(struct xo_relay *r)
{
	if (r->back.state != BACK_READY && r->back.state != BACK_ACQUIRING)
		return;
	if (r->back.state == BACK_READY && r->back.n_expected == 0 &&
	    !r->t.writer.is_opened && !r->back.is_ahead && !may_be_behind(r)) {
		relay_act(r, XO_ACTION_RELEASE_RESET);
		r->back.state = BACK_NONE;
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
	r->back.state = BACK_ACQUIRING;
	relay_act(r, XO_ACTION_ACQUIRE)->is_fresh = is_fresh;
}

/*
 * A link that is lost before anything of the message was committed is replaced by
 * a new one, if it was a kept one or there is another place; what was said on it
 * is said again.
 */
bool
back_retry(struct xo_relay *r, enum xo_refusal why)
{
	struct envelope *e = &r->t.envelope;

	if (why != XO_REFUSAL_UPSTREAM_LOST || !r->back.is_replaceable ||
	    e->n_retries == RETRIES_MAX || r->t.writer.is_opened)
		return false;
	back_drop(r);
	e->n_retries++;
	back_forget_said(e);
	back_acquire(r, true);
	return true;
}

void
back_tell_said(struct xo_relay *r)
{
	struct xo_buf *out = &r->out.sends;
	size_t start = out->len;

	if (r->back.reply.text.len == 0)
		return;
	if (r->back.reply.code != 0) {
		xo_buf_add_u64(out, r->back.reply.code);
		xo_buf_add_byte(out, ' ');
	}
	xo_buf_add(out, xo_buf_span(&r->back.reply.text));
	relay_act_said(r, start);
}

/* Words of ours stand instead of its own. */
static bool
is_wordless(enum xo_refusal why)
{
	return why == XO_REFUSAL_UPSTREAM_SETUP ||
	    why == XO_REFUSAL_UPSTREAM_CONFUSED ||
	    why == XO_REFUSAL_UPSTREAM_OUT_OF_STEP;
}

/* It left instead of proving its 250; after DATA it need not. */
static bool
is_hello_due(const struct xo_relay *r)
{
	return r->back.n_expected > 0 && r->t.writer.uses_bdat &&
	    r->back.expected[r->back.expected_head] == EXPECT_HELLO;
}

void
back_fail(struct xo_relay *r, enum xo_refusal why)
{
	if (r->back.state == BACK_FAILED || back_retry(r, why))
		return;
	if (is_wordless(why))
		back_tell_said(r);
	if (why == XO_REFUSAL_UPSTREAM_OUT_OF_STEP || is_hello_due(r))
		relay_act(r, XO_ACTION_OUT_OF_STEP);
	back_drop(r);
	r->back.state = BACK_FAILED;
	r->back.why = why;
	back_refuse_waiting(r);
	if (r->front.state == FRONT_DATA || r->front.state == FRONT_CHUNK ||
	    r->front.state == FRONT_FINAL || r->front.state == FRONT_CHUNKS)
		content_fail(r, why);
}
