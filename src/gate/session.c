/* SPDX-License-Identifier: ISC */
/*
 * A session: the relay between two legs. See session.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <xoorg/proxy.h>

#include "gate.h"
#include "hop.h"
#include "session.h"
#include "session_log.h"

/* Rounds of moving in one turn, so that one busy session starves nobody. */
#define ROUNDS_MAX 32
/* How long EHLO waits for what upstreams can do. */
#define CAPS_WAIT ((uint64_t)5 * 1000)
/* How long a proxy's header may take. */
#define PROXY_WAIT ((uint64_t)5 * 1000)
/* How long a refused client may still talk before its socket is closed. */
#define LINGER ((uint64_t)500)

static void run(struct xo_session *s);
static bool begin(struct xo_session *s, bool is_proxied);
static void on_leg(struct xo_leg *leg, void *owner);

static void
session_free(struct xo_session *s)
{
	xo_session_log_end(s);
	xo_claim_cancel(&s->claim);
	if (s->link != NULL)
		xo_link_close(s->link);
	xo_leg_close(&s->front);
	if (s->timer != NULL)
		event_free(s->timer);
	xo_relay_free(&s->relay);
	xo_worker_forget(s->worker, s);
	free(s);
}

/* Actions */

static void
on_claimed(void *arg, struct xo_link *link, enum xo_refusal why,
    struct xo_span said)
{
	struct xo_session *s = arg;

	(void)said;
	s->claim = NULL;
	s->has_claimed = true;
	s->link = link;
	s->claim_why = why;
	if (link != NULL)
		xo_link_attach(link, on_leg, s);
	if (!s->is_running)
		run(s);
}

static void
acquire(struct xo_session *s, const struct xo_action *a)
{
	struct xo_wish wish = {
		.upstream = a->upstream,
		.tenant = a->tenant,
		.is_fresh = a->is_fresh,
		.client = {
			.address = xo_relay_address(s->relay),
			.port = xo_relay_port(s->relay),
			.hello = xo_relay_hello(s->relay),
			.is_esmtp = xo_relay_is_esmtp(s->relay),
			.server = &s->server,
			.server_port = s->server_port,
		},
	};

	s->claim = xo_hops_claim(s->worker->hops, &wish, on_claimed, s);
}

static void
drop(struct xo_session *s)
{
	xo_claim_cancel(&s->claim);
	s->has_claimed = false;
	if (s->link != NULL)
		xo_link_close(s->link);
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
		s->wants_tls = true;
		break;
	case XO_ACTION_NEED_CAPS:
		s->waits_for_caps = true;
		s->caps_deadline = xo_worker_now() + CAPS_WAIT;
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
	case XO_ACTION_CLOSE:
		s->is_closing = true;
		break;
	case XO_ACTION_REFUSED:
		xo_session_log_refusal(s, a);
		break;
	case XO_ACTION_REPORT:
		xo_session_log_message(s, xo_relay_report(s->relay));
		break;
	}
}

static void
take_actions(struct xo_session *s)
{
	struct xo_action a;

	while (xo_relay_next(s->relay, &a))
		act(s, &a);
}

static void
set_time(struct xo_session *s)
{
	xo_relay_set_time(s->relay, xo_worker_now(), (int64_t)time(NULL));
}

/* Moving: each says whether it may have something more to do. */

static bool
move_handshake(struct xo_session *s)
{
	struct xo_gate *gate = s->worker->gate;

	if (s->front.out.len > 0) {
		xo_leg_flush(&s->front);
		return false;
	}
	if (s->front.tls == NULL) {
		s->front.tls = xo_tls_new_server(gate->listeners[s->listener],
		    s->front.fd);
		if (s->front.tls == NULL) {
			s->front.is_broken = true;
			return false;
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
		s->wants_tls = false;
		return true;
	}
	s->wants_tls = false;
	xo_relay_tls_done(s->relay, xo_tls_peer(s->front.tls),
	    xo_tls_description(s->front.tls), xo_tls_bits(s->front.tls));
	xo_session_log_handshake(s, true);
	take_actions(s);
	return true;
}

static bool
use_front(struct xo_session *s, struct xo_span got)
{
	size_t used = xo_relay_front_bytes(s->relay, got);

	/* Actions first: they may point into what was read. */
	take_actions(s);
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

/*
 * Who is listed as a proxy must begin with a header, exactly one; what comes
 * instead closes the connection. Afterwards the session is its client's.
 */
static bool
move_proxy(struct xo_session *s)
{
	struct xo_span got = xo_leg_read(&s->front, s->worker->scratch);
	struct xo_proxy proxy;
	size_t used;

	switch (xo_proxy_read(got, &proxy, &used)) {
	case XO_OK:
		break;
	case XO_MORE:
		xo_leg_used(&s->front, got, 0);
		if (s->front.has_ended)
			s->is_closing = true;
		return false;
	case XO_END:
	case XO_ERR_SYNTAX:
	case XO_ERR_LIMIT:
	case XO_ERR_POLICY:
	case XO_ERR_STATE:
	case XO_ERR_MEMORY:
	default:
		xo_session_log_proxy(s);
		s->front.is_broken = s->is_closing = true;
		return false;
	}
	xo_leg_used(&s->front, got, used);
	s->awaits_proxy = false;
	if (!proxy.is_local) {
		s->address = proxy.client;
		s->port = proxy.client_port;
		s->server = proxy.server;
		s->server_port = proxy.server_port;
	}
	return begin(s, !proxy.is_local);
}

static bool
move_front(struct xo_session *s)
{
	struct xo_span left = xo_leg_left(&s->front), got;

	if (s->awaits_proxy)
		return s->is_closing ? false : move_proxy(s);
	if (s->wants_tls)
		return move_handshake(s);
	if (s->is_closing)
		return false;
	if (left.len > 0 && use_front(s, left))
		return true;
	if (may_read_front(s)) {
		left = xo_leg_left(&s->front);
		got = xo_leg_read(&s->front, s->worker->scratch);
		if (got.len > left.len)
			return use_front(s, got) || s->front.is_readable;
	}
	/* Its last commands have been answered as far as they can be. */
	if ((s->front.has_ended || s->front.is_broken) && !s->is_front_told &&
	    (s->front.is_broken || !xo_relay_is_waiting(s->relay))) {
		s->is_front_told = true;
		xo_relay_front_closed(s->relay);
		take_actions(s);
		return true;
	}
	return false;
}

static bool
move_claim(struct xo_session *s)
{
	if (!s->has_claimed)
		return false;
	s->has_claimed = false;
	if (s->link != NULL)
		xo_relay_back_ready(s->relay, xo_link_caps(s->link),
		    xo_link_is_reused(s->link));
	else
		xo_relay_back_failed(s->relay, s->claim_why);
	take_actions(s);
	return true;
}

static bool
move_back(struct xo_session *s)
{
	struct xo_leg *leg;
	struct xo_span got;

	if (s->awaits_proxy)
		return false;
	if (move_claim(s))
		return true;
	if (s->link == NULL || xo_leg_is_full(&s->front))
		return false;
	leg = xo_link_leg(s->link);
	got = xo_leg_read(leg, s->worker->scratch);
	if (got.len > 0) {
		size_t used = xo_relay_back_bytes(s->relay, got);

		xo_leg_used(leg, got, used);
		take_actions(s);
		return used > 0;
	}
	if (leg->has_ended || leg->is_broken) {
		xo_relay_back_closed(s->relay);
		take_actions(s);
		return true;
	}
	return false;
}

static void
ask_caps(struct xo_session *s)
{
	if (!s->waits_for_caps || xo_hops_learn(s->worker->hops))
		return;
	s->waits_for_caps = false;
	xo_relay_caps_arrived(s->relay);
	take_actions(s);
}

/* Ending */

/*
 * A socket closed with unread octets in it sends RST, which can destroy the
 * reply before the client has read it: say our end first and let it finish.
 */
static bool
may_close_now(struct xo_session *s)
{
	uint8_t *scratch = s->worker->scratch;

	if (s->front.is_broken || s->front.has_ended)
		return true;
	xo_leg_flush(&s->front);
	if (s->front.out.len > 0)
		return xo_worker_now() >= s->linger_until;
	if (!s->has_said_end) {
		s->has_said_end = true;
		if (s->front.tls != NULL && !s->front.is_handshaking)
			xo_tls_shutdown(s->front.tls);
		shutdown(s->front.fd, SHUT_WR);
	}
	if (s->front.tls == NULL || s->front.is_handshaking) {
		ssize_t n;

		while ((n = recv(s->front.fd, scratch, XO_LEG_READ, 0)) > 0)
			;
		if (n == 0)
			return true;
	} else {
		xo_buf_clear(&s->front.in);
		while (s->front.is_readable && !s->front.has_ended &&
		    xo_leg_read(&s->front, scratch).len > 0)
			;
		if (s->front.has_ended)
			return true;
	}
	return xo_worker_now() >= s->linger_until;
}

static void
arm(struct xo_session *s)
{
	uint64_t now = xo_worker_now();
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
	tv = xo_worker_timeval(due > now ? due - now : 0);
	evtimer_add(s->timer, &tv);
}

/* Octets that wait and do not go: the other side has stopped reading. */
static void
watch_stall(struct xo_session *s)
{
	struct xo_leg *back = s->link != NULL ? xo_link_leg(s->link) : NULL;
	uint64_t written = s->front.written +
	    (back != NULL ? back->written : 0);
	bool is_stuck = s->front.out.len > 0 ||
	    (back != NULL && back->out.len > 0);

	if (!is_stuck)
		s->stall_deadline = UINT64_MAX;
	else if (s->stall_deadline == UINT64_MAX || written != s->written)
		s->stall_deadline = xo_worker_now() +
		    s->worker->conf->policy.limits.data_timeout;
	s->written = written;
}

static void
end_stall(struct xo_session *s)
{
	s->stall_deadline = UINT64_MAX;
	if (s->front.out.len > 0)
		s->front.is_broken = s->front.has_ended = true;
	else
		xo_relay_back_closed(s->relay);
	take_actions(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_session *s = arg;
	uint64_t now = xo_worker_now();

	(void)fd;
	(void)what;
	s->armed_for = UINT64_MAX;
	if (s->awaits_proxy) {
		s->is_closing = s->front.is_broken = true;
		run(s);
		return;
	}
	set_time(s);
	if (s->waits_for_caps && now >= s->caps_deadline) {
		s->waits_for_caps = false;
		xo_relay_caps_arrived(s->relay);
		take_actions(s);
	}
	if (now >= s->stall_deadline)
		end_stall(s);
	if (now >= xo_relay_deadline(s->relay)) {
		xo_relay_timer(s->relay);
		take_actions(s);
	}
	run(s);
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

static void
run(struct xo_session *s)
{
	int rounds = 0;

	s->is_running = true;
	if (s->relay != NULL)
		set_time(s);
	do {
		bool has_moved = move_front(s);

		if (move_back(s))
			has_moved = true;
		ask_caps(s);
		if (flush(s))
			has_moved = true;
		if (!has_moved)
			break;
	} while (++rounds < ROUNDS_MAX);
	s->is_running = false;
	if (rounds == ROUNDS_MAX)
		xo_leg_again(&s->front);
	if (s->is_closing) {
		if (s->linger_until == 0)
			s->linger_until = xo_worker_now() + LINGER;
		if (may_close_now(s)) {
			session_free(s);
			return;
		}
	}
	watch_stall(s);
	arm(s);
}

static void
on_leg(struct xo_leg *leg, void *owner)
{
	(void)leg;
	run(owner);
}

/* Beginning */

static void
set_address(struct xo_address *a, uint16_t *port, const struct sockaddr *from)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof(*a));
	if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof(in));
		a->octets[10] = a->octets[11] = 0xff;
		memcpy(a->octets + 12, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
	} else if (from->sa_family == AF_INET6) {
		memcpy(&in6, from, sizeof(in6));
		memcpy(a->octets, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
	}
}

static void
set_addresses(struct xo_session *s, const struct sockaddr *peer)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);

	set_address(&s->address, &s->port, peer);
	if (getsockname(s->front.fd, (struct sockaddr *)&local, &len) == 0)
		set_address(&s->server, &s->server_port,
		    (const struct sockaddr *)&local);
}

/* Time, process, count: unique, and in the order of arrival. */
static void
set_id(struct xo_session *s)
{
	static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
	uint64_t n = ((uint64_t)time(NULL) << 28) ^
	    ((uint64_t)getpid() << 14) ^ s->worker->n_ids++;
	size_t i = sizeof(s->id) - 1;

	s->id[i] = '\0';
	while (i > 0) {
		s->id[--i] = digits[n % (sizeof(digits) - 1)];
		n /= sizeof(digits) - 1;
	}
}

static size_t
count_from(const struct xo_worker *worker, const struct xo_session *s)
{
	size_t n = 0;

	for (const struct xo_session *o = worker->sessions; o != NULL;
	    o = o->next)
		if (memcmp(&o->address, &s->address, sizeof(s->address)) == 0)
			n++;
	return n;
}

static enum xo_refusal
check_bounds(const struct xo_session *s)
{
	const struct xo_worker *w = s->worker;
	uint32_t each = w->conf->max_sessions_per_address;

	if (w->conf->max_sessions != 0 && w->n_sessions > w->conf->max_sessions)
		return XO_REFUSAL_OVERLOAD;
	if (each != 0 && count_from(w, s) > each)
		return XO_REFUSAL_TOO_MANY_SESSIONS;
	return XO_REFUSAL_NONE;
}

static bool
is_from_proxy(const struct xo_session *s)
{
	const struct xo_policy *policy = &s->worker->conf->policy;
	struct xo_rights rights;

	xo_rights_decide(policy, &policy->listeners[s->listener], NULL,
	    &s->address, &rights);
	return (rights.rights & XO_RIGHT_PROXY) != 0;
}

/* SMTP begins: the banner. False: no memory, and the session is closing. */
static bool
begin(struct xo_session *s, bool is_proxied)
{
	const struct xo_policy *policy = &s->worker->conf->policy;
	struct xo_relay_setup setup = {
		.policy = policy,
		.listener = &policy->listeners[s->listener],
		.known = s->worker->known,
		.session = s->id,
		.address = s->address,
		.port = s->port,
		.is_proxied = is_proxied,
	};

	s->relay = xo_relay_new(&setup, xo_worker_now());
	if (s->relay == NULL) {
		s->front.is_broken = s->is_closing = true;
		return false;
	}
	set_time(s);
	xo_relay_start(s->relay, check_bounds(s));
	take_actions(s);
	return true;
}

static bool
set_up(struct xo_session *s, const struct sockaddr *peer)
{
	set_id(s);
	set_addresses(s, peer);
	s->began = xo_worker_now();
	s->armed_for = s->stall_deadline = UINT64_MAX;
	s->timer = evtimer_new(s->worker->base, on_timer, s);
	s->awaits_proxy = is_from_proxy(s);
	s->proxy_deadline = s->began + PROXY_WAIT;
	return s->timer != NULL;
}

static void
add_session(struct xo_worker *worker, struct xo_session *s)
{
	s->next = worker->sessions;
	if (s->next != NULL)
		s->next->previous = s;
	worker->sessions = s;
	worker->n_sessions++;
	xo_metrics_session_opened(worker->metrics, s->listener);
}

void
xo_session_new(struct xo_worker *worker, int fd, int listener,
    const struct sockaddr *peer)
{
	struct xo_session *s = calloc(1, sizeof(*s));
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s == NULL) {
		close(fd);
		return;
	}
	s->worker = worker;
	s->listener = listener;
	if (!xo_leg_open(&s->front, worker->base, fd, on_leg, s)) {
		free(s);
		return;
	}
	add_session(worker, s);
	if (!set_up(s, peer)) {
		session_free(s);
		return;
	}
	/* The banner needs no edge to tell that a new socket can be written. */
	s->front.is_writable = true;
	if (!s->awaits_proxy)
		(void)begin(s, false);
	run(s);
}

/* All sessions */

void
xo_sessions_caps(struct xo_worker *worker)
{
	struct xo_session *s, *next;

	for (s = worker->sessions; s != NULL; s = next) {
		next = s->next;
		if (!s->waits_for_caps || s->is_running)
			continue;
		s->waits_for_caps = false;
		set_time(s);
		xo_relay_caps_arrived(s->relay);
		take_actions(s);
		run(s);
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
			set_time(s);
			xo_relay_shutdown(s->relay, is_final);
			take_actions(s);
		}
		run(s);
	}
}
