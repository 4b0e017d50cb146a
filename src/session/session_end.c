/* SPDX-License-Identifier: ISC */
/*
 * Time and ends of sessions: deadlines, stalls, the orderly close, and what is
 * told to all of them.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include <hop/hop.h>
#include <net/client_name.h>
#include <proc/gate.h>

#include "session.h"
#include "session_internal.h"

void
xo_session_free(struct xo_session *s)
{
	xo_session_log_end(s);
	xo_session_leave(s);
	xo_claim_cancel(&s->claim);
	if (s->link != NULL)
		xo_link_close(s->link);
	if (s->relay != NULL) {
		struct xo_handover_info client = xo_session_client(s);

		xo_hops_client_gone(s->worker->hops, &client);
	}
	xo_client_name_free(&s->name);
	xo_leg_close(&s->front);
	if (s->timer != NULL)
		event_free(s->timer);
	xo_relay_free(&s->relay);
	xo_worker_forget(s->worker, s);
	free(s);
}

/* What the client still says is read and forgotten. True: that was all. */
static bool
has_client_ended(struct xo_session *s)
{
	uint8_t *scratch = s->worker->scratch;
	ssize_t n;

	if (s->front.tls == NULL || s->front.is_handshaking) {
		while ((n = recv(s->front.fd, scratch, XO_LEG_READ, 0)) > 0)
			;
		return n == 0;
	}
	xo_buf_clear(&s->front.in);
	while (s->front.is_readable && !s->front.has_ended &&
	    xo_leg_read(&s->front, scratch).len > 0)
		;
	return s->front.has_ended;
}

/*
 * A socket closed with unread octets in it sends RST, which can destroy the
 * reply before the client has read it: say our end first and let it finish.
 */
bool
xo_session_may_close(struct xo_session *s)
{
	if (s->front.is_broken || s->front.has_ended)
		return true;
	xo_leg_flush(&s->front);
	if (s->front.out.len > 0)
		return xo_clock_now() >= s->linger_until;
	/* It has said nothing yet that could cost it our word. */
	if (s->is_turned_away)
		return true;
	if (!s->has_said_end) {
		s->has_said_end = true;
		if (s->front.tls != NULL && !s->front.is_handshaking)
			xo_tls_shutdown(s->front.tls);
		shutdown(s->front.fd, SHUT_WR);
	}
	return has_client_ended(s) || xo_clock_now() >= s->linger_until;
}

void
xo_session_arm(struct xo_session *s)
{
	uint64_t now = xo_clock_now();
	uint64_t due = s->awaits_proxy ? s->proxy_deadline :
	    xo_relay_deadline(s->relay);
	struct timeval tv;

	if (s->waits_for_caps && s->caps_deadline < due)
		due = s->caps_deadline;
	if (s->is_closing && s->linger_until < due)
		due = s->linger_until;
	if (s->stall_deadline < due)
		due = s->stall_deadline;
	if (due == UINT64_MAX || due >= s->armed_for)
		return;
	s->armed_for = due;
	tv = xo_clock_timeval(due > now ? due - now : 0);
	evtimer_add(s->timer, &tv);
}

/* Octets that have to go in one data_timeout. */
static uint64_t
least_progress(const struct xo_session *s)
{
	const struct xo_limits *l = &s->worker->conf->policy.limits;
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
		s->stall_deadline = UINT64_MAX;
		return;
	}
	if (s->stall_deadline != UINT64_MAX &&
	    written - s->stall_written < least_progress(s))
		return;
	s->stall_deadline = xo_clock_now() +
	    s->worker->conf->policy.limits.data_timeout;
	s->stall_written = written;
}

static void
end_stall(struct xo_session *s)
{
	s->stall_deadline = UINT64_MAX;
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
	s->armed_for = UINT64_MAX;
	if (s->awaits_proxy) {
		s->is_closing = s->front.is_broken = true;
		xo_session_run(s);
		return;
	}
	xo_session_set_time(s);
	if (s->waits_for_caps && now >= s->caps_deadline) {
		s->waits_for_caps = false;
		xo_relay_caps_arrived(s->relay);
		xo_session_take_actions(s);
	}
	if (now >= s->stall_deadline)
		end_stall(s);
	if (now >= xo_relay_deadline(s->relay)) {
		xo_relay_timer(s->relay);
		xo_session_take_actions(s);
	}
	xo_session_run(s);
}

/* All sessions */

void
xo_sessions_press(struct xo_worker *worker)
{
	for (struct xo_session *s = worker->sessions; s != NULL; s = s->next) {
		if (s->relay == NULL)
			continue;
		xo_relay_set_pressed(s->relay, worker->is_pressed);
		xo_session_arm(s);
	}
}

void
xo_sessions_caps(struct xo_worker *worker)
{
	struct xo_session *s, *next;

	for (s = worker->sessions; s != NULL; s = next) {
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
xo_sessions_shutdown(struct xo_worker *worker, bool is_final)
{
	struct xo_session *s, *next;

	for (s = worker->sessions; s != NULL; s = next) {
		next = s->next;
		if (s->relay == NULL) {
			s->front.is_broken = s->is_closing = true;
		} else {
			xo_session_set_time(s);
			xo_relay_shutdown(s->relay, is_final);
			xo_session_take_actions(s);
		}
		xo_session_run(s);
	}
}
