/* SPDX-License-Identifier: ISC */
/*
 * How a message ends, for whatever cause: the client gets its reply, the log its
 * report, the next hop is let go, and nothing is left of the transaction. There
 * is no other way out of one.
 */
#include <assert.h>
#include <stdlib.h>

#include "actions.h"
#include "back.h"
#include "envelope.h"
#include "finish.h"
#include "lookup.h"

/* Message buffers are kept for the next message unless one was large. */
static void
clear_buffer(struct xo_buf *b)
{
	if (b->cap > KEEP_MAX)
		xo_buf_fini(b);
	else
		xo_buf_clear(b);
}

void
transaction_clear(struct xo_relay *r)
{
	struct slot *slots = r->t.envelope.slots;
	size_t cap_slots = r->t.envelope.cap_slots;

	if (cap_slots > 256) {
		free(slots);
		slots = NULL;
		cap_slots = 0;
	}
	lookup_forget(r);
	memset(&r->t, 0, sizeof(r->t));
	r->t.envelope.slots = slots;
	r->t.envelope.cap_slots = cap_slots;
	r->t.trust = XO_TREATMENT_NONE;
	r->has_ended = r->has_reported = false;
	if (r->back.state == BACK_FAILED)
		r->back.state = BACK_NONE;
	clear_buffer(&r->args);
	clear_buffer(&r->text);
	clear_buffer(&r->header);
	clear_buffer(&r->clean);
}

void
finish_note_reply(struct xo_relay *r, uint16_t code, struct xo_span text)
{
	r->t.outcome.code = code;
	r->t.outcome.text = r->text.len;
	r->t.outcome.text_len = 0;
	xo_reply_add_status(&r->text, code, text);
	if (r->text.err == XO_OK)
		r->t.outcome.text_len = r->text.len - r->t.outcome.text;
}

void
finish_note_said(struct xo_relay *r)
{
	finish_note_reply(r, r->back.reply.code,
	    xo_buf_span(&r->back.reply.text));
}

struct xo_span
finish_noted(const struct xo_relay *r)
{
	return xo_span_first(xo_span_from(xo_buf_span(&r->text),
	    r->t.outcome.text), r->t.outcome.text_len);
}

void
finish_write_text(const struct xo_relay *r, struct xo_buf *out,
    enum xo_refusal why)
{
	const struct xo_fault *fault = &r->t.wall.fault;

	xo_buf_add_cstr(out, xo_refusal_info(why)->text);
	if (why != r->t.outcome.why || fault->kind == XO_FAULT_NONE)
		return;
	xo_buf_add(out, XO_LIT(", "));
	xo_fault_write(out, fault);
}

/* The same for the log, with its enhanced code, as the client has it. */
static void
note_refusal(struct xo_relay *r, enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);

	r->t.outcome.code = info->code;
	r->t.outcome.text = r->text.len;
	r->t.outcome.text_len = 0;
	xo_buf_add_all(&r->text, info->enhanced, " ", (char *)NULL);
	finish_write_text(r, &r->text, why);
	if (r->text.err == XO_OK)
		r->t.outcome.text_len = r->text.len - r->t.outcome.text;
}

static void
forget(struct xo_relay *r)
{
	r->has_ended = true;
	if (r->front.state != FRONT_CLOSED)
		r->front.state = FRONT_READY;
	relay_client_turn(r);
}

/* Its refusal is in no other line of the log. */
static bool
is_refused(const struct slot *s)
{
	return s->state == SLOT_REFUSED && !s->is_local;
}

static size_t
count_refused(const struct envelope *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_slots; i++)
		n += is_refused(&e->slots[i]);
	return n;
}

/* NULL: nobody. */
static const struct slot *
blamed_slot(const struct envelope *e, enum xo_refusal why)
{
	const struct slot *blamed = NULL;

	for (size_t i = 0; i < e->n_slots; i++) {
		const struct slot *s = &e->slots[i];

		if (why != XO_REFUSAL_NONE && s->state == SLOT_ACCEPTED)
			return s;
		if (is_refused(s))
			blamed = s;
	}
	/* The message ended before any was answered. */
	if (blamed == NULL && why != XO_REFUSAL_NONE && e->n_slots > 0)
		blamed = &e->slots[0];
	return blamed;
}

/* Empty: none, or one that cannot be read. It was parsed once, so it parses
 * again. */
static struct xo_span
blamed_recipient(const struct xo_relay *r, enum xo_refusal why)
{
	const struct slot *s = blamed_slot(&r->t.envelope, why);
	struct xo_rcpt rcpt;

	if (s == NULL || s->command_len == 0 ||
	    xo_rcpt_parse(xo_span(r->text.p + s->command, s->command_len),
	    r->front.announced, extensions(r), r->t.mail.is_utf8,
	    envelope_syntax(r), &rcpt) != XO_REFUSAL_NONE)
		return (struct xo_span){NULL, 0};
	return rcpt.to.address;
}

/* The transaction is over: what is left of it is the report. */
static void
end(struct xo_relay *r, enum xo_refusal why, uint16_t code)
{
	struct transaction *t = &r->t;

	r->report = (struct xo_report){
		.answer = t->trust.answer,
		.has_xoorg = t->mail.has_xoorg,
		.xoorg = xo_mail_xoorg(&t->mail),
		.sender = t->mail.from.address,
		.xoorg_sent = t->envelope.has_xoorg_out ? back_xoorg(r) :
		    (struct xo_span){NULL, 0},
		.recipient = blamed_recipient(r, why),
		.n_recipients = t->envelope.n_accepted,
		.n_refused = count_refused(&t->envelope),
		.size = t->content.size,
		.upstream = t->trust.upstream,
		.tenant = t->trust.answer.tenant != XO_NOBODY ?
		    t->trust.answer.tenant : t->trust.tenant,
		.reason = why,
		.code = code,
		.reply = finish_noted(r),
		.is_client_gone = r->front.is_gone,
		.began = t->began,
		.wall = &t->wall,
	};
	relay_act(r, XO_ACTION_REPORT);
	r->has_reported = true;
	forget(r);
}

/* What waited for the message to end. */
static void
after(struct xo_relay *r)
{
	if (r->front.state == FRONT_CLOSED)
		return;
	if (r->front.is_gone)
		relay_close(r);
	else if (r->front.is_draining)
		relay_refuse(r, XO_REFUSAL_SHUTDOWN);
}

void
finish_with_noted(struct xo_relay *r)
{
	uint16_t code = r->t.outcome.code;

	/* Nobody hears 250 that the next hop has not said, of each. */
	assert(code != 250 || (r->t.final.n > 0 &&
	    r->t.final.n_delivered == r->t.final.n));
	relay_reply(r, code, NULL, finish_noted(r));
	if (code == 250)
		r->front.resets = 0;
	end(r, code == 250 ? XO_REFUSAL_NONE : XO_REFUSAL_UPSTREAM_SAID, code);
	after(r);
}

void
finish_with_refusal(struct xo_relay *r, enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);

	back_leave(r);
	if (why == XO_REFUSAL_UPSTREAM_SAID) {
		relay_reply(r, r->t.outcome.code, NULL, finish_noted(r));
		end(r, why, r->t.outcome.code);
	} else {
		note_refusal(r, why);
		end(r, why, info->code);
		relay_refuse(r, why);
	}
	after(r);
}

/* All recipients were refused: the last refusal stands for the message. */
static void
end_refused(struct xo_relay *r)
{
	const struct slot *s = &r->t.envelope.slots[r->t.envelope.n_told - 1];

	r->t.outcome.text = s->reply;
	r->t.outcome.text_len = s->reply_len;
	end(r, s->why, s->code);
}

/* A refusal that ends the session was the last word on the message, too. */
static void
end_unanswered(struct xo_relay *r, enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);

	if (why == XO_REFUSAL_NONE || !info->closes) {
		end(r, why, 0);
		return;
	}
	note_refusal(r, why);
	end(r, why, info->code);
}

void
finish_quietly(struct xo_relay *r, enum xo_refusal why)
{
	if (r->has_ended || !xo_relay_is_busy(r))
		return;
	back_leave(r);
	/* Nobody was named: there was no message to speak of. */
	if (r->t.envelope.n_slots == 0)
		forget(r);
	else if (r->t.envelope.n_accepted == 0 && r->t.envelope.n_told > 0)
		end_refused(r);
	else
		end_unanswered(r, why);
}

void
relay_refuse(struct xo_relay *r, enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);
	size_t start = r->out.sends.len;
	struct xo_buf text = {0};

	finish_write_text(r, &text, why);
	xo_reply_write(relay_send_begin(r), info->code, info->enhanced,
	    text.err == XO_OK ? xo_buf_span(&text) :
	    xo_span_from_cstr(info->text));
	xo_buf_fini(&text);
	relay_send_end(r, XO_FRONT, start);
	/* One line says it: the message's, if there is a message. */
	if (info->closes)
		finish_quietly(r, why);
	relay_act_refused(r, why);
	if (info->closes)
		relay_close(r);
	else if (info->counts && ++r->front.errors >= limits(r)->errors)
		relay_refuse(r, XO_REFUSAL_TOO_MANY_ERRORS);
}
