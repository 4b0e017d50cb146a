/* SPDX-License-Identifier: ISC */
/*
 * How many sessions may be here, and how fast an address may begin TLS. What is
 * refused has cost nothing yet: 421 instead of the banner, 454 instead of a
 * private key's work.
 *
 * A client with rights by its address is one of our own systems: only the bounds
 * on all sessions together apply to it.
 */
#include <watch/census.h>

#include "session_internal.h"

static enum xo_refusal
check_crowd(const struct xo_session *s, const struct xo_crowd *crowd)
{
	const struct xo_conf *conf = s->all->env->conf;
	const struct xo_census *census = s->all->env->census;
	uint32_t all = conf->clients.max_sessions;
	uint32_t each = conf->clients.max_sessions_per_address;
	uint32_t network = conf->clients.max_sessions_per_network;

	if (xo_census_exceeds(census, crowd->sessions, all))
		return XO_REFUSAL_OVERLOAD;
	if (s->is_exempt)
		return XO_REFUSAL_NONE;
	if (xo_census_exceeds(census, crowd->from_address, each))
		return XO_REFUSAL_TOO_MANY_SESSIONS;
	if (xo_census_exceeds(census, crowd->from_network, network))
		return XO_REFUSAL_TOO_MANY_FROM_NETWORK;
	return XO_REFUSAL_NONE;
}

/* A client that is turned away is not counted: a crowd at the door must not count
 * as one inside. */
enum xo_refusal
xo_session_enter(struct xo_session *s)
{
	const struct xo_sessions *all = s->all;
	enum xo_refusal why = XO_REFUSAL_DESCRIPTORS;
	struct xo_crowd crowd;

	s->is_exempt = xo_relay_rights(s->relay)->rights != 0;
	if (all->most == 0 || all->n <= all->most) {
		s->is_counted = true;
		xo_census_enter(all->env->census, &s->address, &crowd);
		why = check_crowd(s, &crowd);
	}
	if (why != XO_REFUSAL_NONE)
		xo_session_leave(s);
	return why;
}

void
xo_session_leave(struct xo_session *s)
{
	if (s->is_counted)
		xo_census_leave(s->all->env->census, &s->address);
	s->is_counted = false;
}

void
xo_session_look_at_tls(struct xo_session *s)
{
	const struct xo_env *env = s->all->env;
	uint32_t most = env->conf->clients.max_tls_per_minute;
	struct xo_count begun;

	if (most == 0 || s->is_exempt || s->front.tls != NULL ||
	    env->listeners[s->listener] == NULL)
		return;
	begun = xo_census_tls(env->census, &s->address, xo_clock_now());
	/* With the one that would begin. */
	begun.all++;
	begun.own++;
	xo_relay_set_tls_refusal(s->relay, xo_census_exceeds(env->census, begun,
	    most) ? XO_REFUSAL_TLS_RATE : XO_REFUSAL_NONE);
}

void
xo_session_count_tls(struct xo_session *s)
{
	if (s->all->env->conf->clients.max_tls_per_minute != 0 && !s->is_exempt)
		xo_census_begin_tls(s->all->env->census, &s->address,
		    xo_clock_now());
}
