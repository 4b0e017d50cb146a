/* SPDX-License-Identifier: ISC */
/*
 * A session's turn: what can be moved between the two legs is moved, and the
 * relay's actions are taken.
 */
#include <hop/learn.h>
#include <hop/link.h>
#include <hop/pool.h>
#include <hop/step.h>
#include <net/client_name.h>

#include "session_internal.h"

/* Rounds of moving in one turn, so that one busy session starves nobody. */
#define ROUNDS_MAX 32
/* How long EHLO waits for what upstreams can do. */
#define CAPS_WAIT ((uint64_t)5 * 1000)
/* How long a refused client may still talk before its socket is closed. */
#define LINGER ((uint64_t)500)

/* Actions */

static void
on_claimed(void *arg, struct xo_link *link, enum xo_refusal why,
    struct xo_span said)
{
	struct xo_session *s = arg;

	xo_buf_clear(&s->want.said);
	xo_buf_add(&s->want.said, said);
	s->want.claim = NULL;
	s->want.is_settled = true;
	s->link = link;
	s->want.why = why;
	if (link != NULL)
		xo_link_attach(link, xo_session_on_leg, s);
	xo_session_run(s);
}

/* The turn that is under way, or follows, tells the relay if it cannot be. */
static void
claim(struct xo_session *s)
{
	struct xo_wish wish = {
		.upstream = s->want.upstream,
		.tenant = s->want.tenant,
		.is_fresh = s->want.is_fresh,
		.lost = s->want.lost,
		.client = xo_session_client(s),
	};

	if (!wish.is_fresh)
		wish.lost.len = 0;
	s->want.claim = xo_hops_claim(s->all->hops, &wish, on_claimed, s);
	s->want.is_settled = s->want.claim == NULL;
	s->want.why = XO_REFUSAL_MEMORY;
	xo_buf_fini(&s->want.said);
}

static void
on_named(void *arg)
{
	struct xo_session *s = arg;

	claim(s);
	xo_session_run(s);
}

/* A client's name is asked for only when somebody is to be told of it. */
static bool
is_named(struct xo_session *s)
{
	const struct xo_conf *conf = s->all->env->conf;
	int u = s->want.upstream;

	return conf->policy.upstreams[u].handover != XO_HANDOVER_XCLIENT ||
	    !conf->upstreams[u].client_names ||
	    xo_client_name_ask(&s->want.name, s->all->env->resolver,
	    xo_relay_address(s->relay), on_named, s);
}

static void
acquire(struct xo_session *s, const struct xo_action *a)
{
	s->want.upstream = a->upstream;
	s->want.tenant = a->tenant;
	s->want.is_fresh = a->is_fresh;
	if (is_named(s))
		claim(s);
}

static void
drop(struct xo_session *s)
{
	xo_client_name_cancel(s->want.name);
	xo_claim_cancel(&s->want.claim);
	s->want.is_settled = false;
	s->want.lost.len = 0;
	if (s->link != NULL) {
		s->want.lost = xo_link_fresh_place(s->link);
		xo_link_close(s->link);
	}
	s->link = NULL;
}

static void
release(struct xo_session *s, bool needs_reset)
{
	if (s->link != NULL)
		xo_link_release(s->link, needs_reset);
	s->link = NULL;
}

static void
on_tenant(void *arg)
{
	struct xo_session *s = arg;

	xo_session_set_time(s);
	xo_relay_tenant_arrived(s->relay);
	xo_session_take_actions(s);
	xo_session_run(s);
}

static void
act(struct xo_session *s, const struct xo_action *a)
{
	switch (a->type) {
	case XO_ACTION_SEND:
		if (a->side == XO_FRONT)
			xo_leg_send(&s->front, a->bytes);
		else if (s->link != NULL)
			xo_leg_send(xo_link_leg(s->link), a->bytes);
		break;
	case XO_ACTION_START_TLS:
		s->phase = XO_PHASE_TLS;
		xo_session_count_tls(s);
		break;
	case XO_ACTION_NEED_CAPS:
		s->waits_for_caps = true;
		s->time.caps = xo_clock_now() + CAPS_WAIT;
		break;
	case XO_ACTION_LOOKUP:
		xo_session_look_up(s, on_tenant);
		break;
	case XO_ACTION_ACQUIRE:
		acquire(s, a);
		break;
	case XO_ACTION_RELEASE:
		release(s, false);
		break;
	case XO_ACTION_RELEASE_RESET:
		release(s, true);
		break;
	case XO_ACTION_DROP:
		drop(s);
		break;
	case XO_ACTION_OUT_OF_STEP:
		xo_hops_out_of_step(s->all->hops, a->upstream);
		break;
	case XO_ACTION_SAID:
		xo_session_log_said(s, a);
		break;
	case XO_ACTION_CLOSE:
		xo_session_close(s);
		break;
	case XO_ACTION_REFUSED:
		xo_session_log_refusal(s, a);
		break;
	case XO_ACTION_OBSERVED:
		xo_session_log_observed(s, a);
		break;
	case XO_ACTION_REPORT:
		xo_session_log_message(s, xo_relay_report(s->relay));
		break;
	}
}

void
xo_session_take_actions(struct xo_session *s)
{
	struct xo_action a;

	while (xo_relay_next(s->relay, &a))
		act(s, &a);
}

void
xo_session_set_time(struct xo_session *s)
{
	xo_relay_set_time(s->relay, xo_clock_now(), xo_clock_wall());
}

/* Moving: each says whether it may have something more to do. */

static bool
move_handshake(struct xo_session *s)
{
	const struct xo_env *env = s->all->env;

	/* Also if our 220 could not be kept: nobody would begin. */
	if (s->front.is_broken) {
		s->phase = XO_PHASE_SMTP;
		return true;
	}
	if (s->front.out.len > 0) {
		xo_leg_flush(&s->front);
		return false;
	}
	if (s->front.tls == NULL) {
		s->front.tls = xo_tls_new_server(env->listeners[s->listener],
		    s->front.fd);
		if (s->front.tls == NULL) {
			s->front.is_broken = true;
			s->phase = XO_PHASE_SMTP;
			return true;
		}
	}
	switch (xo_leg_handshake(&s->front)) {
	case XO_IO_OK:
		break;
	case XO_IO_WANT_READ:
	case XO_IO_WANT_WRITE:
		return false;
	case XO_IO_CLOSED:
	case XO_IO_ERROR:
	default:
		xo_session_log_handshake(s, false);
		s->phase = XO_PHASE_SMTP;
		return true;
	}
	s->phase = XO_PHASE_SMTP;
	xo_relay_tls_done(s->relay, xo_tls_peer(s->front.tls),
	    xo_tls_description(s->front.tls), xo_tls_bits(s->front.tls));
	xo_session_log_handshake(s, true);
	xo_session_take_actions(s);
	return true;
}

static bool
use_front(struct xo_session *s, struct xo_span got)
{
	size_t used;

	xo_session_look_at_tls(s);
	used = xo_relay_front_bytes(s->relay, got);
	/* Actions first: they may point into what was read. */
	xo_session_take_actions(s);
	xo_leg_used(&s->front, got, used);
	return used > 0;
}

static bool
may_read_front(const struct xo_session *s)
{
	return s->front.is_readable && !s->front.has_ended &&
	    s->front.in.len < XO_LEG_READ && !xo_leg_is_full(&s->front) &&
	    !xo_relay_is_waiting(s->relay) &&
	    (s->link == NULL || !xo_leg_is_full(xo_link_leg(s->link)));
}

static bool
move_smtp(struct xo_session *s)
{
	struct xo_span left = xo_leg_left(&s->front), got;

	if (left.len > 0 && use_front(s, left))
		return true;
	if (may_read_front(s)) {
		left = xo_leg_left(&s->front);
		got = xo_leg_read(&s->front, s->all->env->scratch);
		if (got.len > left.len)
			return use_front(s, got) || s->front.is_readable;
	}
	/* Its last commands have been answered as far as they can be. */
	if (s->front.is_broken ||
	    (s->front.has_ended && !xo_relay_is_waiting(s->relay))) {
		s->phase = XO_PHASE_GONE;
		xo_relay_front_closed(s->relay);
		xo_session_take_actions(s);
		return true;
	}
	return false;
}

static bool
move_front(struct xo_session *s)
{
	switch (s->phase) {
	case XO_PHASE_PROXY:
		return xo_session_move_proxy(s);
	case XO_PHASE_SMTP:
		return move_smtp(s);
	case XO_PHASE_TLS:
		return move_handshake(s);
	case XO_PHASE_GONE:
	case XO_PHASE_CLOSING:
	case XO_PHASE_ENDED:
		break;
	}
	return false;
}

static bool
move_claim(struct xo_session *s)
{
	if (!s->want.is_settled)
		return false;
	s->want.is_settled = false;
	if (s->link != NULL)
		xo_relay_back_ready(s->relay, xo_link_caps(s->link),
		    xo_link_heard(s->link),
		    xo_link_is_replaceable(s->link));
	else
		xo_relay_back_failed(s->relay, s->want.why,
		    xo_buf_span(&s->want.said));
	xo_session_take_actions(s);
	return true;
}

static bool
move_back(struct xo_session *s)
{
	struct xo_leg *leg;
	struct xo_span got;

	if (move_claim(s))
		return true;
	if (s->link == NULL || xo_leg_is_full(&s->front))
		return false;
	leg = xo_link_leg(s->link);
	got = xo_leg_read(leg, s->all->env->scratch);
	if (got.len > 0) {
		size_t used = xo_relay_back_bytes(s->relay, got);

		xo_leg_used(leg, got, used);
		xo_session_take_actions(s);
		/* What was too much to use up has ended the link: the client
		 * may be free to go on. */
		return used > 0 || s->link == NULL;
	}
	if (leg->has_ended || leg->is_broken) {
		xo_relay_back_closed(s->relay);
		xo_session_take_actions(s);
		return true;
	}
	return false;
}

static void
ask_caps(struct xo_session *s)
{
	if (!s->waits_for_caps || xo_hops_learn(s->all->hops))
		return;
	s->waits_for_caps = false;
	xo_relay_caps_arrived(s->relay);
	xo_session_take_actions(s);
}

/* What this round had to say leaves together. True: a leg that was full, and
 * so stopped the other, has room again. */
static bool
flush(struct xo_session *s)
{
	struct xo_leg *back = s->link != NULL ? xo_link_leg(s->link) : NULL;
	bool was_full = xo_leg_is_full(&s->front) ||
	    (back != NULL && xo_leg_is_full(back));

	xo_leg_flush(&s->front);
	if (back != NULL)
		xo_leg_flush(back);
	return was_full && !xo_leg_is_full(&s->front) &&
	    (back == NULL || !xo_leg_is_full(back));
}

void
xo_session_run(struct xo_session *s)
{
	int rounds = 0;

	if (s->relay != NULL)
		xo_session_set_time(s);
	do {
		bool has_moved = move_front(s);

		if (move_back(s))
			has_moved = true;
		ask_caps(s);
		xo_session_mind_lookup(s);
		if (flush(s))
			has_moved = true;
		if (!has_moved)
			break;
	} while (++rounds < ROUNDS_MAX);
	if (rounds == ROUNDS_MAX)
		xo_leg_again(&s->front);
	if (s->phase >= XO_PHASE_CLOSING) {
		if (s->time.linger == 0)
			s->time.linger = xo_clock_now() + LINGER;
		if (xo_session_may_close(s)) {
			xo_session_free(s);
			return;
		}
	}
	xo_session_watch_stall(s);
	xo_session_arm(s);
}

void
xo_session_on_leg(struct xo_leg *leg, void *owner)
{
	(void)leg;
	xo_session_run(owner);
}
