/* SPDX-License-Identifier: ISC */
/* How a session ends: the orderly close, and what it leaves behind. */
#include <stdlib.h>
#include <sys/socket.h>

#include <hop/claim.h>
#include <hop/link.h>
#include <hop/pool.h>
#include <net/client_name.h>

#include "session_internal.h"

static void
remove_session(struct xo_sessions *all, struct xo_session *s)
{
	if (s->previous != NULL)
		s->previous->next = s->next;
	else
		all->first = s->next;
	if (s->next != NULL)
		s->next->previous = s->previous;
	if (--all->n == 0)
		all->emptied(all->arg);
}

void
xo_session_free(struct xo_session *s)
{
	xo_session_log_end(s);
	xo_session_leave(s);
	xo_lookups_leave(&s->lookup);
	xo_claim_cancel(&s->want.claim);
	if (s->link != NULL)
		xo_link_close(s->link);
	if (s->relay != NULL) {
		struct xo_handover_info client = xo_session_client(s);

		xo_hops_client_gone(s->all->hops, &client);
	}
	xo_client_name_free(&s->want.name);
	xo_leg_close(&s->front);
	if (s->time.event != NULL)
		event_free(s->time.event);
	xo_relay_free(&s->relay);
	remove_session(s->all, s);
	xo_buf_fini(&s->want.said);
	free(s);
}

void
xo_session_close(struct xo_session *s)
{
	/* A handshake that is cut short has failed; the relay says why. */
	if (s->phase == XO_PHASE_TLS && s->front.is_handshaking)
		xo_metrics_tls(s->all->env->metrics, s->listener,
		    XO_TLS_RESULT_FAILED);
	if (s->phase < XO_PHASE_CLOSING)
		s->phase = XO_PHASE_CLOSING;
}

void
xo_session_cut(struct xo_session *s)
{
	s->front.is_broken = true;
	xo_session_close(s);
}

/* What the client still says is read and forgotten. True: that was all. */
static bool
has_client_ended(struct xo_session *s)
{
	uint8_t *scratch = s->all->env->scratch;
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
		return xo_clock_now() >= s->time.linger;
	/* It has said nothing yet that could cost it our word. */
	if (!s->is_counted)
		return true;
	if (s->phase != XO_PHASE_ENDED) {
		s->phase = XO_PHASE_ENDED;
		if (s->front.tls != NULL && !s->front.is_handshaking)
			xo_tls_shutdown(s->front.tls);
		shutdown(s->front.fd, SHUT_WR);
	}
	return has_client_ended(s) || xo_clock_now() >= s->time.linger;
}
