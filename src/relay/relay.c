/* SPDX-License-Identifier: ISC */
/*
 * The door: a session's life, its clock, and the loop over what the client
 * sends. What the bytes mean is decided elsewhere (relay_internal.h lists where).
 */
#include <stdlib.h>

#include "actions.h"
#include "announce.h"
#include "back.h"
#include "content.h"
#include "envelope.h"
#include "finish.h"
#include "front.h"
#include "lookup.h"

/* An address that a proxy tells gives no right; after XCLIENT the certificate is
 * the proxy's, too, and gives none either. */
static void
decide_rights(struct xo_relay *r,
    const struct xo_certificate *certificate)
{
	xo_rights_decide(r->setup.policy, r->setup.listener,
	    r->spoken.is_set ? NULL : certificate,
	    r->setup.is_proxied ? NULL : &r->setup.address, &r->front.rights);
	lookup_keep_names(r, certificate);
}

struct xo_relay *
xo_relay_new(const struct xo_relay_setup *setup, uint64_t now)
{
	struct xo_relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->out.cap_actions = ACTIONS_FEW;
	r->out.actions = calloc(ACTIONS_FEW, sizeof(*r->out.actions));
	if (r->out.actions == NULL) {
		free(r);
		return NULL;
	}
	r->setup = *setup;
	r->now = now;
	r->front.since = now;
	r->front.rights.peer = XO_NOBODY;
	decide_rights(r, NULL);
	/* The client's own right, whomever it will speak for. */
	r->spoken.is_permitted =
	    (r->front.rights.rights & XO_RIGHT_XCLIENT) != 0;
	transaction_clear(r);
	return r;
}

void
xo_relay_free(struct xo_relay **relay)
{
	struct xo_relay *r = *relay;

	if (r == NULL)
		return;
	lookup_forget(r);
	free(r->front.open);
	free(r->out.actions);
	free(r->t.envelope.slots);
	free(r->back.expected);
	xo_reply_fini(&r->back.reply);
	xo_buf_fini(&r->front.hello);
	xo_buf_fini(&r->front.odd_hello);
	xo_buf_fini(&r->spoken.hello);
	xo_buf_fini(&r->spoken.name);
	xo_buf_fini(&r->spoken.reverse_name);
	xo_buf_fini(&r->args);
	xo_buf_fini(&r->text);
	xo_buf_fini(&r->header);
	xo_buf_fini(&r->clean);
	xo_buf_fini(&r->out.sends);
	free(r);
	*relay = NULL;
}

void
xo_relay_set_time(struct xo_relay *r, uint64_t now, int64_t wall_clock)
{
	r->now = now;
	r->wall_clock = wall_clock;
	if (r->setup.policy->guests != NULL)
		xo_guests_set_time(r->setup.policy->guests, now);
}

void
xo_relay_set_tls_refusal(struct xo_relay *r, enum xo_refusal tls_refusal)
{
	r->front.tls_refusal = tls_refusal;
}

void
xo_relay_set_pressed(struct xo_relay *r, bool is_pressed)
{
	r->front.is_pressed = is_pressed;
}

/* Something could not be said, for want of memory or of room: neither side can
 * be kept in step any more. What could be said has been. */
static void
give_up(struct xo_relay *r)
{
	r->out.next_action = r->out.n_actions = 0;
	if (r->out.has_lost) {
		/* The end may be what was lost. */
		r->out.has_lost = false;
		back_drop(r);
		if (r->front.state == FRONT_CLOSED)
			relay_act(r, XO_ACTION_CLOSE);
	}
	finish_quietly(r, XO_REFUSAL_MEMORY);
	relay_close(r);
}

bool
xo_relay_next(struct xo_relay *r, struct xo_action *action_r)
{
	struct queued *q;

	if (r->out.next_action == r->out.n_actions &&
	    (r->out.sends.err != XO_OK || r->out.has_lost))
		give_up(r);
	if (r->out.next_action == r->out.n_actions) {
		r->out.next_action = r->out.n_actions = 0;
		if (r->out.sends.cap > KEEP_IDLE && r->t.envelope.n_slots == 0)
			xo_buf_fini(&r->out.sends);
		else
			xo_buf_clear(&r->out.sends);
		if (r->has_ended)
			transaction_clear(r);
		return false;
	}
	q = &r->out.actions[r->out.next_action++];
	if (q->action.bytes.len > 0 && q->action.bytes.p == NULL)
		q->action.bytes.p = r->out.sends.p + q->offset;
	*action_r = q->action;
	return true;
}

void
xo_relay_start(struct xo_relay *r, enum xo_refusal refusal)
{
	if (refusal != XO_REFUSAL_NONE) {
		relay_refuse(r, refusal);
		relay_close(r);
	} else {
		relay_banner(r);
	}
}

bool
xo_relay_is_waiting(const struct xo_relay *r)
{
	switch (r->front.state) {
	case FRONT_WAIT_CAPS:
	case FRONT_WAIT_TENANT:
	case FRONT_HANDSHAKE:
	case FRONT_FINAL:
		return true;
	case FRONT_CHUNKS:
	case FRONT_DATA:
	case FRONT_CHUNK:
		return content_is_waiting(r);
	case FRONT_GREETED:
	case FRONT_READY:
	case FRONT_MAIL:
	case FRONT_CLOSED:
	default:
		return false;
	}
}

/* What these octets are depends on the state; returns how many were used. */
static size_t
take_front(struct xo_relay *r, struct xo_span in)
{
	if (r->front.state == FRONT_CLOSED)
		return in.len;
	if (r->front.state == FRONT_DATA)
		return content_data_bytes(r, in);
	if (r->front.state == FRONT_CHUNK)
		return content_chunk_bytes(r, in);
	return front_command(r, in);
}

size_t
xo_relay_front_bytes(struct xo_relay *r, struct xo_span in)
{
	size_t used = 0, n;

	if (r->front.state == FRONT_DATA || r->front.state == FRONT_CHUNK)
		r->t.content.waited += r->now - r->front.since;
	while (used < in.len && !r->has_ended && !relay_is_full(r) &&
	    !xo_relay_is_waiting(r)) {
		n = take_front(r, xo_span_from(in, used));
		if (n == 0)
			break;
		used += n;
	}
	if (used > 0)
		r->front.since = r->now;
	if (r->front.state >= FRONT_COMMAND_STATES || used == in.len)
		r->front.request_since = 0;
	else if (used > 0 || r->front.request_since == 0)
		r->front.request_since = r->now;
	return used;
}

void
xo_relay_tls_done(struct xo_relay *r, const struct xo_certificate *certificate,
    const char *description, int bits)
{
	size_t len = strlen(description);

	if (r->front.state != FRONT_HANDSHAKE)
		return;
	if (len >= sizeof(r->front.tls_description))
		len = sizeof(r->front.tls_description) - 1;
	memcpy(r->front.tls_description, description, len);
	r->front.tls_description[len] = '\0';
	r->front.is_tls = true;
	r->front.is_weak = bits < 128;
	decide_rights(r, certificate);
	r->front.state = FRONT_GREETED;
	r->front.since = r->now;
}

void
xo_relay_front_closed(struct xo_relay *r)
{
	if (r->front.is_gone)
		return;
	r->front.is_gone = true;
	/* After the end of the content the next hop's word is awaited all the
	 * same: it is the one thing left to log. */
	if (r->front.state == FRONT_FINAL &&
	    r->t.outcome.why == XO_REFUSAL_NONE)
		return;
	finish_quietly(r, XO_REFUSAL_NONE);
	relay_close(r);
}

void
xo_relay_caps_arrived(struct xo_relay *r)
{
	if (r->front.state == FRONT_WAIT_CAPS)
		announce_hello(r, true);
}

void
xo_relay_tenant_arrived(struct xo_relay *r)
{
	bool is_at_front = r->front.state == FRONT_WAIT_TENANT;

	if (!xo_relay_wants_tenant(r))
		return;
	lookup_end(r);
	if (!is_at_front)
		back_pump(r);
	else if (r->front.state == FRONT_READY)
		envelope_mail_again(r);
	else
		envelope_rcpt(r, xo_buf_span(&r->lookup.args));
	r->lookup.is_answered = false;
}

void
xo_relay_shutdown(struct xo_relay *r, bool is_final)
{
	r->front.is_draining = true;
	if (r->front.state == FRONT_CLOSED)
		return;
	if (!is_final && xo_relay_is_busy(r))
		return;
	if (r->front.state != FRONT_HANDSHAKE)
		relay_refuse(r, XO_REFUSAL_SHUTDOWN);
	else
		relay_close(r);
}

/* A deadline of the client's: `since` and one of the limits. */
static uint64_t
due(const struct xo_relay *r, uint64_t since, uint32_t timeout)
{
	if (r->front.is_pressed && timeout > limits(r)->load_timeout)
		timeout = limits(r)->load_timeout;
	return since + timeout;
}

static uint64_t
front_deadline(const struct xo_relay *r)
{
	switch (r->front.state) {
	case FRONT_HANDSHAKE:
		return due(r, r->front.since, limits(r)->handshake_timeout);
	case FRONT_DATA:
	case FRONT_CHUNK:
		if (content_is_waiting(r))
			return UINT64_MAX;
		return due(r, r->front.since, limits(r)->content_timeout);
	case FRONT_GREETED:
	case FRONT_READY:
	case FRONT_MAIL:
	case FRONT_CHUNKS:
		if (!envelope_is_settled(r) || xo_relay_is_waiting(r))
			return UINT64_MAX;
		if (r->front.request_since != 0)
			return due(r, r->front.request_since,
			    limits(r)->request_timeout);
		return due(r, r->front.since, limits(r)->command_timeout);
	case FRONT_WAIT_CAPS:
	case FRONT_WAIT_TENANT:
	case FRONT_FINAL:
	case FRONT_CLOSED:
	default:
		return UINT64_MAX;
	}
}

static uint64_t
back_deadline(const struct xo_relay *r)
{
	if (r->back.state != BACK_READY || r->back.n_expected == 0)
		return UINT64_MAX;
	switch ((enum expected)r->back.expected[r->back.expected_head]) {
	case EXPECT_FINAL:
		return r->back.since + limits(r)->final_timeout;
	case EXPECT_DATA:
	case EXPECT_CHUNK:
	case EXPECT_HELLO:
		return r->back.since + limits(r)->data_timeout;
	case EXPECT_RSET:
	case EXPECT_MAIL:
	case EXPECT_RCPT:
	default:
		return r->back.since + limits(r)->mail_timeout;
	}
}

static uint64_t
lookup_deadline(const struct xo_relay *r)
{
	return xo_relay_wants_tenant(r) ?
	    due(r, r->lookup.since, limits(r)->lookup_timeout) : UINT64_MAX;
}

/* Slow on purpose: fewer octets a second than the least, after a grace. */
static bool
is_too_slow(const struct xo_relay *r)
{
	const struct content *c = &r->t.content;

	return (r->front.state == FRONT_DATA ||
	    r->front.state == FRONT_CHUNK) &&
	    c->waited > limits(r)->data_grace &&
	    c->size * 1000 / c->waited < limits(r)->data_rate;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
xo_relay_deadline(const struct xo_relay *r)
{
	if (is_too_slow(r))
		return r->now;
	return sooner(front_deadline(r),
	    sooner(back_deadline(r), lookup_deadline(r)));
}

void
xo_relay_timer(struct xo_relay *r)
{
	if (r->now >= back_deadline(r)) {
		back_fail(r, XO_REFUSAL_UPSTREAM_TIMEOUT);
		return;
	}
	if (r->now >= lookup_deadline(r)) {
		xo_relay_tenant_arrived(r);
		return;
	}
	if (is_too_slow(r)) {
		relay_refuse(r, XO_REFUSAL_SLOW);
	} else if (r->now >= front_deadline(r)) {
		/* Words would be no part of a handshake. */
		if (r->front.state != FRONT_HANDSHAKE)
			relay_refuse(r, XO_REFUSAL_TIMEOUT);
		else
			relay_act_refused(r, XO_REFUSAL_TIMEOUT);
		relay_close(r);
	}
}
