/* SPDX-License-Identifier: ISC */
/* Equal questions are one: see lookups.h. */
#include "lookups.h"

#include <stdlib.h>

#include <event2/event.h>

#include <conf/conf.h>
#include <net/clock.h>
#include <xoorg/domain.h>

#include "tables.h"

struct xo_lookup {
	struct xo_lookups *all;
	struct xo_lookup *next, *previous;
	struct xo_table_ask *ask;	/* NULL: not any more */
	struct xo_lookup_wait *first;	/* in the order in which they came */
	struct xo_lookup_wait *last;
	struct xo_key key;		/* its domain is below */
	uint8_t domain[XO_DOMAIN_MAX];
	bool is_answered;
	bool is_telling;		/* xo_guests_told() is due */
};

struct xo_lookups {
	const struct xo_env *env;
	struct xo_tables *tables;
	struct event *event;		/* some are answered */
	struct xo_lookup *first;	/* a list */
};

static struct xo_guests *
guests_of(const struct xo_lookups *all)
{
	return all->env->conf->policy.guests;
}

static void
forget(struct xo_lookup *l)
{
	/* analyser: what is freed is in no list any more */
	if (l->previous != NULL)
		l->previous->next = l->next;
	else
		l->all->first = l->next;
	if (l->next != NULL)
		l->next->previous = l->previous;
	xo_tables_cancel(&l->ask);
	if (l->is_telling)
		xo_guests_told(guests_of(l->all), &l->key);
	free(l);
}

static void
join(struct xo_lookup *l, struct xo_lookup_wait *wait)
{
	wait->lookup = l;
	wait->next = NULL;
	wait->previous = l->last;
	if (l->last != NULL)
		l->last->next = wait;
	else
		l->first = wait;
	l->last = wait;
}

static void
part(struct xo_lookup_wait *wait)
{
	struct xo_lookup *l = wait->lookup;

	/* analyser: one in a list has the list's question */
	*(wait->previous != NULL ? &wait->previous->next : &l->first) =
	    wait->next;
	*(wait->next != NULL ? &wait->next->previous : &l->last) =
	    wait->previous;
	wait->lookup = NULL;
}

/* Who is told may ask again, or be gone. */
static void
tell(struct xo_lookup *l)
{
	while (l->first != NULL) {
		struct xo_lookup_wait *wait = l->first;

		part(wait);
		wait->done(wait->arg);
	}
	forget(l);
}

/* What is asked while these are told is told in another turn. */
static void
on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct xo_lookups *all = arg;
	struct xo_lookup *l = all->first, *next;

	(void)fd;
	(void)what;
	for (; l != NULL; l = next) {
		next = l->next;
		if (l->is_answered)
			tell(l);
	}
}

static void
on_answer(void *arg, const struct xo_table_answer *answer)
{
	struct xo_lookup *l = arg;
	struct xo_guest *guest = answer->guest;

	l->ask = NULL;
	l->is_answered = true;
	xo_guests_set_time(guests_of(l->all), xo_clock_now());
	l->is_telling = xo_guests_put(guests_of(l->all), &l->key,
	    answer->known, &guest, answer->fresh, answer->stale) !=
	    XO_KNOWN_NOT_NOW;
	event_active(l->all->event, EV_TIMEOUT, 0);
}

struct xo_lookups *
xo_lookups_new(const struct xo_env *env)
{
	struct xo_lookups *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->env = env;
	all->tables = xo_tables_new(env);
	all->event = event_new(env->base, -1, 0, on_answers, all);
	if (all->tables == NULL || all->event == NULL)
		xo_lookups_free(&all);
	return all;
}

void
xo_lookups_free(struct xo_lookups **lookups)
{
	struct xo_lookups *all = *lookups;

	if (all == NULL)
		return;
	/* analyser: forget() takes it out of the list */
	while (all->first != NULL)
		forget(all->first);
	xo_tables_free(&all->tables);
	if (all->event != NULL)
		event_free(all->event);
	free(all);
	*lookups = NULL;
}

/* One that is answered is an earlier question's. */
static struct xo_lookup *
find(struct xo_lookups *all, const struct xo_key *key)
{
	struct xo_lookup *l = all->first;

	while (l != NULL && (l->is_answered || l->key.kind != key->kind ||
	    !xo_domain_is_equal(l->key.domain, key->domain)))
		l = l->next;
	return l;
}

static struct xo_lookup *
new_lookup(struct xo_lookups *all, const struct xo_key *key)
{
	struct xo_lookup *l;

	if (key->domain.len == 0 || key->domain.len > XO_DOMAIN_MAX)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->all = all;
	memcpy(l->domain, key->domain.p, key->domain.len);
	l->key = (struct xo_key){key->kind,
		xo_span(l->domain, key->domain.len)};
	l->next = all->first;
	if (l->next != NULL)
		l->next->previous = l;
	all->first = l;
	return l;
}

bool
xo_lookups_ask(struct xo_lookups *all, struct xo_lookup_wait *wait,
    const struct xo_key *key)
{
	struct xo_lookup *l;

	/* First, since it may be gone with the one that leaves it. */
	xo_lookups_leave(wait);
	l = find(all, key);
	if (l != NULL) {
		join(l, wait);
		return true;
	}
	l = new_lookup(all, key);
	if (l == NULL)
		return false;
	join(l, wait);
	l->ask = xo_tables_ask(all->tables, &l->key, on_answer, l);
	return true;
}

void
xo_lookups_leave(struct xo_lookup_wait *wait)
{
	struct xo_lookup *l = wait->lookup;

	if (l == NULL)
		return;
	part(wait);
	/* Answered, it is the loop's to forget. */
	if (l->first == NULL && !l->is_answered)
		forget(l);
}
