/* SPDX-License-Identifier: ISC */
/*
 * MAIL and RCPT: the verdict, the upstream that follows from it, and replies in
 * the order of the commands.
 *
 * MAIL is answered here as soon as policy allows it and goes to the next hop
 * with the first recipient: one round trip less, and a client that only asks
 * costs no link. A next hop that refuses the sender is heard at RCPT.
 */
#include <stdlib.h>

#include "actions.h"
#include "back.h"
#include "envelope.h"
#include "finish.h"
#include "lookup.h"

/* Octets that a recipient may take, on average, its reply included. */
#define RCPT_OCTETS ((size_t)1024)

static enum xo_refusal
judge(struct xo_relay *r)
{
	struct xo_question question = xo_treatment_question(&r->front.rights,
	    &r->t.mail);
	enum xo_refusal why;

	if (r->front.open != NULL) {
		question.names = r->front.open->names;
		question.n_names = r->front.open->n;
	}
	why = xo_treatment_mail(r->setup.policy, r->setup.listener, &question,
	    &r->t.trust);
	if (r->t.trust.is_by_open_name)
		r->front.rights.peer = r->front.rights.open_peer;
	lookup_pin(r);
	return why;
}

enum xo_syntax
envelope_syntax(const struct xo_relay *r)
{
	return xo_treatment_is_lenient(r->setup.listener, &r->t.trust) ?
	    XO_SYNTAX_LENIENT : XO_SYNTAX_STRICT;
}

static enum xo_refusal
parse_mail(struct xo_relay *r, enum xo_syntax syntax)
{
	return xo_mail_parse(xo_buf_span(&r->args), r->front.announced,
	    extensions(r), syntax, &r->t.mail);
}

/* Only what is read says whether it may be read leniently. If not, it is refused
 * as if it had not been read. */
static enum xo_refusal
read_mail(struct xo_relay *r)
{
	enum xo_refusal why = parse_mail(r, XO_SYNTAX_STRICT);

	if (why == XO_REFUSAL_NONE ||
	    parse_mail(r, XO_SYNTAX_LENIENT) != XO_REFUSAL_NONE)
		return why;
	if (judge(r) == XO_REFUSAL_TENANT_NOT_KNOWN)
		return XO_REFUSAL_TENANT_NOT_KNOWN;
	return envelope_syntax(r) == XO_SYNTAX_LENIENT ? XO_REFUSAL_NONE : why;
}

static enum xo_refusal
check_mail(struct xo_relay *r)
{
	struct xo_mail *mail = &r->t.mail;
	enum xo_refusal why;

	if (r->setup.listener->require_tls && !r->front.is_tls)
		return XO_REFUSAL_TLS_REQUIRED;
	why = read_mail(r);
	if (why != XO_REFUSAL_NONE)
		return why;
	if (mail->has_size && r->front.size_limit != 0 &&
	    mail->size > r->front.size_limit)
		return XO_REFUSAL_SIZE;
	return XO_REFUSAL_NONE;
}

/* An answer that is awaited is no refusal yet. */
static void
refuse_mail(struct xo_relay *r, enum xo_refusal why)
{
	if (why == XO_REFUSAL_TENANT_NOT_KNOWN && lookup_for_mail(r))
		return;
	r->front.state = FRONT_MAIL;
	finish_with_refusal(r, why);
}

void
envelope_mail_again(struct xo_relay *r)
{
	enum xo_refusal why = check_mail(r);

	if (why != XO_REFUSAL_NONE && why != XO_REFUSAL_TENANT_NOT_KNOWN) {
		relay_refuse(r, why);
		transaction_clear(r);
		return;
	}
	if (why == XO_REFUSAL_NONE)
		why = judge(r);
	if (why != XO_REFUSAL_NONE) {
		refuse_mail(r, why);
		return;
	}
	r->front.state = FRONT_MAIL;
	relay_reply(r, 250, "2.1.0", XO_LIT("Sender OK"));
}

void
envelope_mail(struct xo_relay *r, struct xo_span args)
{
	if (r->front.is_draining) {
		relay_refuse(r, XO_REFUSAL_SHUTDOWN);
		return;
	}
	xo_buf_clear(&r->args);
	xo_buf_add(&r->args, args);
	if (r->args.err != XO_OK) {
		relay_refuse(r, XO_REFUSAL_MEMORY);
		return;
	}
	r->t.began = r->now;
	envelope_mail_again(r);
}

/* No recipient waits for its reply. */
bool
envelope_is_settled(const struct xo_relay *r)
{
	return r->t.envelope.n_told == r->t.envelope.n_slots;
}

/*
 * Recipients that are remembered for a message, refused ones too; and what they
 * and their replies take, which is a tenth of that unless somebody means harm.
 */
bool
envelope_is_full(const struct xo_relay *r)
{
	return r->t.envelope.n_slots / 2 >= limits(r)->recipients ||
	    r->text.len / RCPT_OCTETS >= limits(r)->recipients;
}

/* Tells the client what stands first in the queue and is known. */
static void
tell(struct xo_relay *r)
{
	struct envelope *e = &r->t.envelope;

	while (e->n_told < e->n_slots &&
	    e->slots[e->n_told].state != SLOT_WAITING) {
		const struct slot *s = &e->slots[e->n_told++];

		relay_reply(r, s->code, NULL,
		    xo_span_first(xo_span_from(xo_buf_span(&r->text),
		    s->reply), s->reply_len));
		relay_client_turn(r);
	}
}

void
envelope_answer(struct xo_relay *r, struct slot *slot, bool is_accepted,
    uint16_t code, const char *enhanced, struct xo_span text)
{
	if (slot->state != SLOT_WAITING)
		return;
	slot->state = is_accepted ? SLOT_ACCEPTED : SLOT_REFUSED;
	slot->why = is_accepted ? XO_REFUSAL_NONE : XO_REFUSAL_UPSTREAM_SAID;
	slot->code = code;
	slot->reply = r->text.len;
	if (enhanced == NULL) {
		xo_reply_add_status(&r->text, code, text);
	} else {
		xo_buf_add_all(&r->text, enhanced, " ", (char *)NULL);
		xo_buf_add(&r->text, text);
	}
	slot->reply_len = r->text.len - slot->reply;
	if (is_accepted)
		r->t.envelope.n_accepted++;
	tell(r);
}

void
envelope_answer_refusal(struct xo_relay *r, struct slot *slot,
    enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);

	envelope_answer(r, slot, false, info->code, info->enhanced,
	    xo_span_from_cstr(info->text));
	slot->why = why;
}

void
envelope_answer_noted(struct xo_relay *r, struct slot *slot)
{
	slot->state = SLOT_REFUSED;
	slot->why = XO_REFUSAL_UPSTREAM_SAID;
	slot->code = r->t.outcome.code;
	slot->reply = r->t.outcome.text;
	slot->reply_len = r->t.outcome.text_len;
	tell(r);
}

static struct slot *
add_slot(struct xo_relay *r, struct xo_span command)
{
	struct envelope *e = &r->t.envelope;
	struct slot *s;

	if (e->n_slots == e->cap_slots) {
		size_t cap = e->cap_slots == 0 ? 8 : 2 * e->cap_slots;

		s = reallocarray(e->slots, cap, sizeof(*s));
		if (s == NULL)
			return NULL;
		e->slots = s;
		e->cap_slots = cap;
	}
	s = &e->slots[e->n_slots];
	*s = (struct slot){.command = r->text.len, .command_len = command.len};
	xo_buf_add(&r->text, command);
	if (r->text.err != XO_OK)
		return NULL;
	e->n_slots++;
	return s;
}

/* As long as no next hop was asked for, it may still be another. */
static enum xo_refusal
judge_recipient(struct xo_relay *r, const struct xo_path *to)
{
	enum xo_refusal would;
	enum xo_refusal why = xo_treatment_rcpt(r->setup.policy,
	    r->setup.listener, to, r->back.state == BACK_NONE, &r->t.trust,
	    &would);
	struct xo_action *a;

	lookup_pin(r);
	if (would != why) {
		a = relay_act(r, XO_ACTION_OBSERVED);
		a->refusal = would;
		a->recipient = to->address;
	}
	return why;
}

static enum xo_refusal
check_rcpt(struct xo_relay *r, struct xo_span args)
{
	const struct envelope *e = &r->t.envelope;
	struct xo_rcpt rcpt;
	enum xo_refusal why;

	why = xo_rcpt_parse(args, r->front.announced, extensions(r),
	    r->t.mail.is_utf8, envelope_syntax(r), &rcpt);
	if (why != XO_REFUSAL_NONE)
		return why;
	r->recipient = rcpt.to.address;
	why = judge_recipient(r, &rcpt.to);
	if (why != XO_REFUSAL_NONE)
		return why;
	if (envelope_is_full(r) || e->n_accepted +
	    (e->n_slots - e->n_answered) >= limits(r)->recipients)
		return XO_REFUSAL_RCPT_TOO_MANY;
	if (r->back.state == BACK_READY && (rcpt.needs & ~r->back.caps) != 0)
		return XO_REFUSAL_UPSTREAM_CAPABILITY;
	return XO_REFUSAL_NONE;
}

static void
refuse_rcpt(struct xo_relay *r, enum xo_refusal why)
{
	struct slot *s;

	if (envelope_is_settled(r)) {
		relay_refuse(r, why);
		return;
	}
	s = add_slot(r, (struct xo_span){NULL, 0});
	if (s == NULL) {
		relay_refuse(r, XO_REFUSAL_OVERLOAD);
		return;
	}
	s->is_local = true;
	r->t.envelope.n_answered++;
	envelope_answer_refusal(r, s, why);
	relay_act_refused(r, why);
	relay_count_error(r, why);
}

static void
take_rcpt(struct xo_relay *r, struct xo_span args)
{
	enum xo_refusal why = check_rcpt(r, args);

	if (why == XO_REFUSAL_TENANT_NOT_KNOWN && lookup_for_rcpt(r, args))
		return;
	if (why != XO_REFUSAL_NONE) {
		refuse_rcpt(r, why);
		return;
	}
	if (add_slot(r, args) == NULL) {
		relay_refuse(r, XO_REFUSAL_OVERLOAD);
		return;
	}
	if (r->back.state == BACK_NONE)
		back_acquire(r, false);
	else
		back_pump(r);
}

void
envelope_rcpt(struct xo_relay *r, struct xo_span args)
{
	take_rcpt(r, args);
	/* It points into what was read. */
	r->recipient = (struct xo_span){NULL, 0};
}
