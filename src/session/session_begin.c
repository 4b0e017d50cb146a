/* SPDX-License-Identifier: ISC */
/*
 * How a session begins: whose it is, the PROXY header before it, its bounds.
 */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <hop/hop.h>
#include <hop/learn.h>
#include <xoorg/proxy.h>

#include "session_internal.h"

/* How long a proxy's header may take. */
#define PROXY_WAIT ((uint64_t)5 * 1000)

static bool
is_from_proxy(const struct xo_session *s)
{
	const struct xo_policy *policy = &s->all->env->conf->policy;
	struct xo_rights rights;

	xo_rights_decide(policy, &policy->listeners[s->listener], NULL,
	    &s->address, &rights);
	return (rights.rights & XO_RIGHT_PROXY) != 0;
}

/* SMTP begins: the banner. False: no memory, and the session is closing. */
bool
xo_session_begin(struct xo_session *s, bool is_proxied)
{
	const struct xo_policy *policy = &s->all->env->conf->policy;
	struct xo_relay_setup setup = {
		.policy = policy,
		.listener = &policy->listeners[s->listener],
		.known = xo_hops_known(s->all->hops),
		.session = s->id,
		.address = s->address,
		.port = s->port,
		.is_proxied = is_proxied,
	};

	s->phase = XO_PHASE_SMTP;
	s->relay = xo_relay_new(&setup, xo_clock_now());
	if (s->relay == NULL) {
		xo_session_cut(s);
		return false;
	}
	xo_hops_refresh(s->all->hops);
	xo_session_set_time(s);
	xo_relay_set_pressed(s->relay, s->all->is_pressed);
	xo_relay_start(s->relay, xo_session_enter(s));
	xo_session_take_actions(s);
	return true;
}

/*
 * A listed proxy must begin with exactly one header; anything else closes the
 * connection. Afterwards the session is its client's.
 */
bool
xo_session_move_proxy(struct xo_session *s)
{
	struct xo_span got = xo_leg_read(&s->front, s->all->env->scratch);
	struct xo_proxy proxy;
	size_t used;

	switch (xo_proxy_read(got, &proxy, &used)) {
	case XO_OK:
		break;
	case XO_MORE:
		xo_leg_used(&s->front, got, 0);
		if (s->front.has_ended)
			xo_session_close(s);
		return false;
	case XO_END:
	case XO_ERR_SYNTAX:
	case XO_ERR_LIMIT:
	case XO_ERR_POLICY:
	case XO_ERR_STATE:
	case XO_ERR_MEMORY:
	default:
		xo_session_log_proxy(s);
		xo_session_cut(s);
		return false;
	}
	xo_leg_used(&s->front, got, used);
	if (!proxy.is_local) {
		s->address = proxy.client;
		s->port = proxy.client_port;
		s->server = proxy.server;
		s->server_port = proxy.server_port;
	}
	/* Also behind LOCAL and UNKNOWN: it is not the proxy that speaks now. */
	return xo_session_begin(s, true);
}

static bool
set_up(struct xo_session *s, const struct sockaddr *peer)
{
	xo_session_id_write(s->id);
	xo_session_set_addresses(s, peer);
	s->began = xo_clock_now();
	s->time.armed_for = s->time.stall = UINT64_MAX;
	s->time.event = evtimer_new(s->all->env->base, xo_session_on_timer, s);
	s->phase = is_from_proxy(s) ? XO_PHASE_PROXY : XO_PHASE_SMTP;
	s->time.proxy = s->began + PROXY_WAIT;
	return s->time.event != NULL;
}

static void
add_session(struct xo_sessions *all, struct xo_session *s)
{
	s->next = all->first;
	if (s->next != NULL)
		s->next->previous = s;
	all->first = s;
	all->n++;
	xo_metrics_session_opened(all->env->metrics, s->listener);
}

void
xo_session_new(struct xo_sessions *all, int fd, int listener,
    const struct sockaddr *peer)
{
	struct xo_session *s = calloc(1, sizeof(*s));
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s == NULL) {
		close(fd);
		return;
	}
	s->all = all;
	s->listener = listener;
	if (!xo_leg_open(&s->front, all->env->base, fd, xo_session_on_leg, s)) {
		free(s);
		return;
	}
	add_session(all, s);
	if (!set_up(s, peer)) {
		xo_session_free(s);
		return;
	}
	/* The banner needs no edge to tell that a new socket can be written. */
	s->front.is_writable = true;
	if (s->phase == XO_PHASE_SMTP)
		(void)xo_session_begin(s, false);
	xo_session_run(s);
}
