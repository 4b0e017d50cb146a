/* SPDX-License-Identifier: ISC */
/* All sessions of a worker: see sessions.h. */
#include <stdlib.h>

#include <conf/conf.h>
#include <hop/link.h>
#include <net/clock.h>

#include "session_internal.h"

struct xo_sessions *
xo_sessions_new(const struct xo_sessions_setup *setup)
{
	struct xo_sessions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->env = setup->env;
	all->hops = setup->hops;
	all->most = setup->most;
	all->emptied = setup->emptied;
	all->arg = setup->arg;
	all->log_rate.most = setup->env->conf->log.rate;
	return all;
}

void
xo_sessions_free(struct xo_sessions **sessions)
{
	struct xo_sessions *all = *sessions;

	if (all == NULL)
		return;
	/* They tell when they are gone, and are counted then. */
	while (all->first != NULL)
		xo_session_free(all->first);
	free(all);
	*sessions = NULL;
}

void
xo_sessions_take(struct xo_sessions *all, int fd, int listener,
    const struct sockaddr *peer)
{
	xo_session_new(all, fd, listener, peer);
}

size_t
xo_sessions_count(const struct xo_sessions *all)
{
	return all->n;
}

void
xo_sessions_tick(struct xo_sessions *all)
{
	xo_log_rate_tell(&all->log_rate, all->env->log, xo_clock_now());
	for (struct xo_session *s = all->first; s != NULL; s = s->next) {
		if (s->relay != NULL && xo_relay_is_busy(s->relay))
			xo_leg_look_for_end(&s->front);
		if (s->link != NULL)
			xo_leg_look_for_end(xo_link_leg(s->link));
	}
}

void
xo_sessions_press(struct xo_sessions *all, bool is_pressed)
{
	all->is_pressed = is_pressed;
	for (struct xo_session *s = all->first; s != NULL; s = s->next) {
		if (s->relay == NULL)
			continue;
		xo_relay_set_pressed(s->relay, is_pressed);
		xo_session_arm(s);
	}
}

void
xo_sessions_learnt(struct xo_sessions *all)
{
	struct xo_session *s, *next;

	for (s = all->first; s != NULL; s = next) {
		next = s->next;
		if (!s->waits_for_caps)
			continue;
		s->waits_for_caps = false;
		xo_session_set_time(s);
		xo_relay_caps_arrived(s->relay);
		xo_session_take_actions(s);
		xo_session_run(s);
	}
}

void
xo_sessions_shutdown(struct xo_sessions *all, bool is_final)
{
	struct xo_session *s, *next;

	for (s = all->first; s != NULL; s = next) {
		next = s->next;
		if (s->relay == NULL) {
			xo_session_cut(s);
		} else {
			xo_session_set_time(s);
			xo_relay_shutdown(s->relay, is_final);
			xo_session_take_actions(s);
		}
		xo_session_run(s);
	}
}
