/* SPDX-License-Identifier: ISC */
/* Where Postfix asks: see asks.h. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asks_internal.h"

/* Rounds of one turn, so that one busy connection starves nobody. */
#define ROUNDS_MAX 32
/* ms for its last answer to be read, before the socket is closed. */
#define LINGER 500

struct xo_asks *
xo_asks_new(const struct xo_asks_setup *setup)
{
	struct xo_asks *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->env = setup->env;
	all->most = setup->most;
	all->emptied = setup->emptied;
	all->arg = setup->arg;
	all->log_rate.most = setup->env->conf->log.rate;
	return all;
}

static void
free_ask(struct xo_ask *a)
{
	struct xo_asks *all = a->all;

	xo_ask_log_end(a);
	xo_lookups_leave(&a->lookup);
	xo_leg_close(&a->leg);
	if (a->timer != NULL)
		event_free(a->timer);
	if (a->previous != NULL)
		a->previous->next = a->next;
	else
		all->first = a->next;
	if (a->next != NULL)
		a->next->previous = a->previous;
	free(a);
	if (--all->n == 0)
		all->emptied(all->arg);
}

void
xo_asks_free(struct xo_asks **asks)
{
	struct xo_asks *all = *asks;

	if (all == NULL)
		return;
	/* analyser: what is freed is in no list any more */
	while (all->first != NULL)
		free_ask(all->first);
	free(all);
	*asks = NULL;
}

size_t
xo_asks_count(const struct xo_asks *all)
{
	return all->n;
}

/* Answers all that is whole in `got`; returns its octets. */
static size_t
use(struct xo_ask *a, struct xo_span got)
{
	size_t done = 0, used;

	while (!a->is_closing && done < got.len) {
		enum xo_err err = xo_ask_answer(a, xo_span_from(got, done),
		    &used);

		if (err == XO_MORE)
			break;
		if (err != XO_OK) {
			a->is_closing = true;
			return got.len;
		}
		a->n_questions++;
		done += used;
	}
	return done;
}

/* True: there may be more to do. */
static bool
move(struct xo_ask *a)
{
	size_t left = xo_leg_left(&a->leg).len;
	struct xo_span got;

	if (a->is_closing || xo_lookups_is_waiting(&a->lookup) ||
	    a->leg.has_ended || !a->leg.is_readable ||
	    xo_leg_is_full(&a->leg))
		return false;
	got = xo_leg_read(&a->leg, a->all->env->scratch);
	if (got.len > left)
		xo_leg_used(&a->leg, got, use(a, got));
	return a->leg.is_readable;
}

/* What comes now is not looked at; true: it was all. A socket that is closed with
 * octets in it takes its last answer back. */
static bool
has_ended(struct xo_ask *a)
{
	if (!a->has_said_end)
		(void)shutdown(a->leg.fd, SHUT_WR);
	a->has_said_end = true;
	xo_buf_clear(&a->leg.in);
	while (a->leg.is_readable && !a->leg.has_ended &&
	    xo_leg_read(&a->leg, a->all->env->scratch).len > 0)
		;
	return a->leg.has_ended;
}

static bool
may_go(struct xo_ask *a)
{
	bool is_half = xo_leg_left(&a->leg).len > 0;

	if (a->leg.is_broken)
		return true;
	if (a->leg.out.len > 0)
		return false;
	if (a->leg.has_ended)
		return true;
	if (a->is_closing)
		return has_ended(a);
	return a->all->is_draining && !is_half;
}

/*
 * Between questions Postfix may be silent; one that has begun, and an answer that
 * is not taken, have less time.
 */
static void
arm(struct xo_ask *a)
{
	const struct xo_limits *limits = &a->all->env->conf->policy.limits;
	enum xo_ask_wait wait = XO_ASK_IDLE;
	struct timeval tv = xo_clock_timeval(limits->command_timeout);

	if (a->is_closing) {
		wait = XO_ASK_LINGERS;
		tv = xo_clock_timeval(LINGER);
	} else if (xo_lookups_is_waiting(&a->lookup)) {
		wait = XO_ASK_LOOKUP;
		tv = xo_clock_timeval(limits->lookup_timeout);
	} else if (xo_leg_left(&a->leg).len > 0 || a->leg.out.len > 0) {
		wait = XO_ASK_BUSY;
		tv = xo_clock_timeval(limits->request_timeout);
	}
	if (wait == a->wait)
		return;
	a->wait = wait;
	evtimer_add(a->timer, &tv);
}

static void
run(struct xo_ask *a)
{
	uint32_t before = a->n_questions;
	int rounds = 0;

	do {
		bool has_moved = move(a);
		bool was_full = xo_leg_is_full(&a->leg);

		xo_leg_flush(&a->leg);
		if (!has_moved && (!was_full || xo_leg_is_full(&a->leg)))
			break;
	} while (++rounds < ROUNDS_MAX);
	if (rounds == ROUNDS_MAX)
		xo_leg_again(&a->leg);
	if (may_go(a)) {
		free_ask(a);
		return;
	}
	/* Another question is another beginning. */
	if (a->n_questions != before)
		a->wait = XO_ASK_NEW;
	arm(a);
}

static void
on_leg(struct xo_leg *leg, void *owner)
{
	(void)leg;
	run(owner);
}

/* The question that waited is answered, whatever is known by now. */
static void
on_known(void *arg)
{
	struct xo_ask *a = arg;
	struct xo_span left = xo_leg_left(&a->leg);

	a->is_told = true;
	a->wait = XO_ASK_NEW;
	xo_leg_used(&a->leg, left, use(a, left));
	run(a);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_ask *a = arg;

	(void)fd;
	(void)what;
	if (a->wait == XO_ASK_LOOKUP) {
		xo_lookups_leave(&a->lookup);
		on_known(a);
		return;
	}
	/* Silence between two questions is nothing to tell of. */
	if (a->wait == XO_ASK_BUSY)
		xo_ask_log_refusal(a->all, a->listener, a->id,
		    XO_REFUSAL_TIMEOUT);
	free_ask(a);
}

static void
add(struct xo_asks *all, struct xo_ask *a)
{
	a->all = all;
	a->next = all->first;
	if (a->next != NULL)
		a->next->previous = a;
	all->first = a;
	all->n++;
	a->began = xo_clock_now();
	xo_session_id_write(a->id);
	xo_metrics_session_opened(all->env->metrics, a->listener);
}

void
xo_asks_take(struct xo_asks *all, int fd, int listener)
{
	struct xo_ask *a;
	int one = 1;

	/* Of a unix socket that is none. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (all->most != 0 && all->n >= all->most) {
		xo_ask_log_refusal(all, listener, "", XO_REFUSAL_DESCRIPTORS);
		close(fd);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL) {
		close(fd);
		return;
	}
	a->listener = listener;
	a->lookup.done = on_known;
	a->lookup.arg = a;
	if (!xo_leg_open(&a->leg, all->env->base, fd, on_leg, a)) {
		free(a);
		return;
	}
	add(all, a);
	a->timer = evtimer_new(all->env->base, on_timer, a);
	if (a->timer == NULL) {
		free_ask(a);
		return;
	}
	a->leg.is_writable = true;
	run(a);
}

void
xo_asks_tick(struct xo_asks *all)
{
	xo_log_rate_tell(&all->log_rate, all->env->log, xo_clock_now());
}

void
xo_asks_shutdown(struct xo_asks *all, bool is_final)
{
	struct xo_ask *a, *next;

	all->is_draining = true;
	for (a = all->first; a != NULL; a = next) {
		next = a->next;
		if (is_final)
			a->leg.is_broken = true;
		run(a);
	}
}
