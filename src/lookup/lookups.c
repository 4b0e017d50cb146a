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
	struct xo_lookup *next, **at;	/* in one of the lists below */
	struct xo_table_ask *ask;	/* NULL: not any more */
	struct xo_lookup_wait *first;	/* in the order in which they came */
	struct xo_lookup_wait *last;
	struct xo_key key;		/* its domain is below */
	uint8_t domain[XO_DOMAIN_MAX];
	bool is_answered;		/* it is the loop's to forget */
	bool is_telling;		/* xo_guests_told() is due */
};

struct xo_lookups {
	const struct xo_env *env;
	struct xo_tables *tables;
	struct event *event;		/* some are answered */
	struct xo_lookup *open, *answered, *telling;
};

static struct xo_guests *
guests_of(const struct xo_lookups *all)
{
	return all->env->conf->policy.guests;
}

static void
add(struct xo_lookup **list, struct xo_lookup *l)
{
	l->next = *list;
	if (l->next != NULL)
		l->next->at = &l->next;
	*list = l;
	l->at = list;
}

static void
take_out(struct xo_lookup *l)
{
	/* analyser: what is freed is in no list any more */
	*l->at = l->next;
	if (l->next != NULL)
		l->next->at = l->at;
}

static void
forget(struct xo_lookup *l)
{
	take_out(l);
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

/* What is answered while these are told is told in another turn. */
static void
on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct xo_lookups *all = arg;

	(void)fd;
	(void)what;
	all->telling = all->answered;
	all->answered = NULL;
	if (all->telling != NULL)
		all->telling->at = &all->telling;
	/* analyser: tell() takes it out of the list */
	while (all->telling != NULL)
		tell(all->telling);
}

static void
on_answer(void *arg, const struct xo_table_answer *answer)
{
	struct xo_lookup *l = arg;
	struct xo_guest *guest = answer->guest;

	l->ask = NULL;
	l->is_answered = true;
	take_out(l);
	add(&l->all->answered, l);
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

static void
forget_all(struct xo_lookup **list)
{
	/* analyser: forget() takes each out of the list */
	while (*list != NULL)
		forget(*list);
}

void
xo_lookups_free(struct xo_lookups **lookups)
{
	struct xo_lookups *all = *lookups;

	if (all == NULL)
		return;
	forget_all(&all->open);
	forget_all(&all->answered);
	forget_all(&all->telling);
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
	struct xo_lookup *l = all->open;

	while (l != NULL && (l->key.kind != key->kind ||
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
	add(&all->open, l);
	return l;
}

static bool
ask_one(struct xo_lookups *all, struct xo_lookup_wait *wait,
    const struct xo_key *key)
{
	struct xo_lookup *l = find(all, key);

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

static void
leave_one(struct xo_lookup_wait *wait)
{
	struct xo_lookup *l = wait->lookup;

	if (l == NULL)
		return;
	part(wait);
	/* Answered, it is the loop's to forget. */
	if (l->first == NULL && !l->is_answered)
		forget(l);
}

/* Several keys, for one that waits: what is answered is held until all are. */

struct member {
	struct xo_lookup_group *group;
	struct xo_lookup_wait wait;
	struct xo_key key;		/* its domain is below */
	uint8_t domain[XO_DOMAIN_MAX];
	bool is_held;			/* xo_guests_told() is due */
};

struct xo_lookup_group {
	struct xo_lookups *all;
	struct xo_lookup_wait *owner;
	size_t n, n_open;
	struct member members[];
};

static void
free_group(struct xo_lookup_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		leave_one(&g->members[i].wait);
		if (g->members[i].is_held)
			xo_guests_told(guests_of(g->all), &g->members[i].key);
	}
	free(g);
}

static void
hold(struct member *m)
{
	m->is_held = xo_guests_hold(guests_of(m->group->all), &m->key);
}

static void
on_member(void *arg)
{
	struct member *m = arg;
	struct xo_lookup_group *g = m->group;
	struct xo_lookup_wait *owner = g->owner;

	hold(m);
	if (--g->n_open > 0)
		return;
	/* It may ask again, or be gone. */
	owner->group = NULL;
	owner->done(owner->arg);
	free_group(g);
}

static const struct xo_key *
key_at(const struct xo_lack *lack, size_t i, struct xo_key *space)
{
	if (i == lack->n_names)
		return &lack->key;
	*space = (struct xo_key){XO_KEY_CERTIFICATE, lack->names[i]};
	return space;
}

/* What is known already need not be asked, if something else is. */
static bool
add_member(struct xo_lookup_group *g, const struct xo_key *key, bool is_last)
{
	struct member *m = &g->members[g->n++];

	if (key->domain.len == 0 || key->domain.len > sizeof(m->domain))
		return false;
	memcpy(m->domain, key->domain.p, key->domain.len);
	m->group = g;
	m->key = (struct xo_key){key->kind, xo_span(m->domain,
		key->domain.len)};
	m->wait.done = on_member;
	m->wait.arg = m;
	if (!is_last || g->n_open > 0)
		hold(m);
	if (m->is_held)
		return true;
	g->n_open++;
	return ask_one(g->all, &m->wait, &m->key);
}

static bool
ask_group(struct xo_lookups *all, struct xo_lookup_wait *wait,
    const struct xo_lack *lack)
{
	size_t n = lack->n_names + (lack->key.domain.len > 0);
	struct xo_lookup_group *g = calloc(1, sizeof(*g) +
	    n * sizeof(g->members[0]));
	struct xo_key space;

	if (g == NULL)
		return false;
	g->all = all;
	g->owner = wait;
	for (size_t i = 0; i < n; i++)
		if (!add_member(g, key_at(lack, i, &space), i + 1 == n)) {
			free_group(g);
			return false;
		}
	wait->group = g;
	return true;
}

bool
xo_lookups_ask(struct xo_lookups *all, struct xo_lookup_wait *wait,
    const struct xo_lack *lack)
{
	/* First, since another question may be gone with it. */
	xo_lookups_leave(wait);
	if (lack->n_names > 0)
		return ask_group(all, wait, lack);
	return ask_one(all, wait, &lack->key);
}

bool
xo_lookups_is_waiting(const struct xo_lookup_wait *wait)
{
	return wait->lookup != NULL || wait->group != NULL;
}

void
xo_lookups_leave(struct xo_lookup_wait *wait)
{
	if (wait->group != NULL)
		free_group(wait->group);
	wait->group = NULL;
	leave_one(wait);
}
