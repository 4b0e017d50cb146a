/* SPDX-License-Identifier: ISC */
/* Time in a session: deadlines, and octets that do not go. */
#include <hop/link.h>

#include "session_internal.h"

void
xo_session_arm(struct xo_session *s)
{
	uint64_t now = xo_clock_now();
	uint64_t due = s->relay == NULL ? s->time.proxy :
	    xo_relay_deadline(s->relay);
	struct timeval tv;

	if (s->waits_for_caps && s->time.caps < due)
		due = s->time.caps;
	if (s->phase >= XO_PHASE_CLOSING && s->time.linger < due)
		due = s->time.linger;
	if (s->time.stall < due)
		due = s->time.stall;
	if (due == UINT64_MAX || due >= s->time.armed_for)
		return;
	s->time.armed_for = due;
	tv = xo_clock_timeval(due > now ? due - now : 0);
	evtimer_add(s->time.event, &tv);
}

/* Octets that have to go in one data_timeout. */
static uint64_t
least_progress(const struct xo_session *s)
{
	const struct xo_limits *l = &s->all->env->conf->policy.limits;
	uint64_t n = (uint64_t)l->data_rate * l->data_timeout / 1000;

	return n > 0 ? n : 1;
}

/*
 * Octets that wait and do not go: the other side has stopped reading, or reads
 * one at a time. A window lasts until all are gone or its time is up.
 */
void
xo_session_watch_stall(struct xo_session *s)
{
	struct xo_leg *back = s->link != NULL ? xo_link_leg(s->link) : NULL;
	uint64_t written = s->front.written +
	    (back != NULL ? back->written : 0);
	bool is_stuck = s->front.out.len > 0 ||
	    (back != NULL && back->out.len > 0);

	if (!is_stuck) {
		s->time.stall = UINT64_MAX;
		return;
	}
	if (s->time.stall != UINT64_MAX &&
	    written - s->time.written < least_progress(s))
		return;
	s->time.stall = xo_clock_now() +
	    s->all->env->conf->policy.limits.data_timeout;
	s->time.written = written;
}

static void
end_stall(struct xo_session *s)
{
	s->time.stall = UINT64_MAX;
	if (s->front.out.len > 0)
		s->front.is_broken = s->front.has_ended = true;
	else
		xo_relay_back_closed(s->relay);
	xo_session_take_actions(s);
}

void
xo_session_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_session *s = arg;
	uint64_t now = xo_clock_now();

	(void)fd;
	(void)what;
	s->time.armed_for = UINT64_MAX;
	if (s->relay == NULL) {
		xo_session_cut(s);
		xo_session_run(s);
		return;
	}
	xo_session_set_time(s);
	if (s->waits_for_caps && now >= s->time.caps) {
		s->waits_for_caps = false;
		xo_relay_caps_arrived(s->relay);
		xo_session_take_actions(s);
	}
	if (now >= s->time.stall)
		end_stall(s);
	if (now >= xo_relay_deadline(s->relay)) {
		xo_relay_timer(s->relay);
		xo_session_take_actions(s);
	}
	xo_session_run(s);
}
