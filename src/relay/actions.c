/* SPDX-License-Identifier: ISC */
/*
 * The cellar: what is to be done for the caller of the relay, and what is said
 * to both sides. All other files stand on it, and it calls none of them.
 */
#include <stdlib.h>

#include "actions.h"

/* Room for what one step may emit is kept free: see relay_is_full(). Should it
 * ever not do, what is lost would be a reply or a release: see give_up(). */
static struct queued *
room_for_action(struct xo_relay *r)
{
	if (r->out.n_actions == r->out.cap_actions &&
	    r->out.cap_actions < ACTIONS_MAX) {
		size_t cap = 2 * r->out.cap_actions < ACTIONS_MAX ?
		    2 * r->out.cap_actions : ACTIONS_MAX;
		/* analyser: room for ACTIONS_FEW at least, so never for 0 */
		struct queued *p = realloc(r->out.actions, cap * sizeof(*p));

		if (p != NULL) {
			r->out.actions = p;
			r->out.cap_actions = cap;
		}
	}
	if (r->out.n_actions < r->out.cap_actions)
		return &r->out.actions[r->out.n_actions++];
	r->out.has_lost = true;
	return &r->out.lost;
}

static struct queued *
queue(struct xo_relay *r, enum xo_action_type type)
{
	struct queued *q = room_for_action(r);

	*q = (struct queued){.action = {
		.type = type,
		.upstream = r->t.trust.upstream,
		.tenant = xo_treatment_credential(r->setup.policy,
		    &r->t.trust),
	}};
	return q;
}

struct xo_action *
relay_act(struct xo_relay *r, enum xo_action_type type)
{
	return &queue(r, type)->action;
}

void
relay_act_refused(struct xo_relay *r, enum xo_refusal why)
{
	struct xo_action *a = relay_act(r, XO_ACTION_REFUSED);

	a->refusal = why;
	a->recipient = r->recipient;
	a->is_reported = r->has_reported && r->report.reason == why;
}

void
relay_act_said(struct xo_relay *r, size_t start)
{
	struct queued *q;

	if (r->out.sends.err != XO_OK)
		return;
	q = queue(r, XO_ACTION_SAID);
	q->action.bytes = (struct xo_span){NULL, r->out.sends.len - start};
	q->offset = start;
}

/* One client step emits at most a dozen actions; a reply of the next hop that
 * settles a queue of recipients coalesces into one SEND. */
bool
relay_is_full(const struct xo_relay *r)
{
	return r->out.n_actions > ACTIONS_MAX / 2;
}

void
relay_send_span(struct xo_relay *r, enum xo_side side, struct xo_span s)
{
	struct xo_action *a;

	if (s.len == 0 || r->out.sends.err != XO_OK)
		return;
	a = relay_act(r, XO_ACTION_SEND);
	a->side = side;
	a->bytes = s;
}

struct xo_buf *
relay_send_begin(struct xo_relay *r)
{
	return &r->out.sends;
}

void
relay_send_end(struct xo_relay *r, enum xo_side side, size_t start)
{
	struct queued *last =
	    r->out.n_actions > 0 ? &r->out.actions[r->out.n_actions - 1] : NULL;
	size_t len;

	/* Half a command, or content after a dot that is missing, is worse
	 * than silence: nothing more is said, see give_up(). */
	if (r->out.sends.err != XO_OK)
		r->out.sends.len = start;
	len = r->out.sends.len - start;
	if (len == 0 || (side == XO_FRONT && r->front.is_gone))
		return;
	if (last != NULL && last->action.type == XO_ACTION_SEND &&
	    last->action.side == side && last->action.bytes.p == NULL &&
	    last->offset + last->action.bytes.len == start) {
		last->action.bytes.len += len;
		return;
	}
	last = queue(r, XO_ACTION_SEND);
	last->action.side = side;
	last->action.bytes = (struct xo_span){NULL, len};
	last->offset = start;
}

void
relay_send(struct xo_relay *r, enum xo_side side, struct xo_span s)
{
	size_t start = r->out.sends.len;

	xo_buf_add(relay_send_begin(r), s);
	relay_send_end(r, side, start);
}

void
relay_reply(struct xo_relay *r, uint16_t code, const char *enhanced,
    struct xo_span text)
{
	size_t start = r->out.sends.len;

	xo_reply_write(relay_send_begin(r), code, enhanced, text);
	relay_send_end(r, XO_FRONT, start);
}

void
relay_close(struct xo_relay *r)
{
	if (r->front.state == FRONT_CLOSED)
		return;
	r->front.state = FRONT_CLOSED;
	relay_act(r, XO_ACTION_CLOSE);
}

void
relay_count_error(struct xo_relay *r, enum xo_refusal why)
{
	if (xo_refusal_info(why)->counts)
		r->front.errors++;
}

void
relay_client_turn(struct xo_relay *r)
{
	r->front.since = r->now;
	if (r->front.request_since != 0)
		r->front.request_since = r->now;
}

void
relay_banner(struct xo_relay *r)
{
	size_t start = r->out.sends.len;

	xo_buf_add_cstr(relay_send_begin(r), "220 ");
	xo_buf_add(&r->out.sends, r->setup.policy->hostname);
	xo_buf_add_cstr(&r->out.sends, " ESMTP\r\n");
	relay_send_end(r, XO_FRONT, start);
}
