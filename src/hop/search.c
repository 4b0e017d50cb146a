/* SPDX-License-Identifier: ISC */
/* The places of an upstream, one after the other: see search.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "search.h"

#define ATTEMPTS_MAX 10
#define SMTP_PORT 25

void
xo_search_init(struct xo_search *s, const struct xo_conf_upstream *conf,
    struct xo_places *places)
{
	s->conf = conf;
	s->places = places;
	s->is_named = conf->mx == NULL;
	s->n_names = conf->mx == NULL ? conf->n_hosts : 0;
}

void
xo_search_fini(struct xo_search *s)
{
	free(s->names);
	free(s->candidates);
}

static void
add_candidate(struct xo_search *s, const void *address, socklen_t len,
    const char *name)
{
	struct xo_candidate *c;

	if (s->n_candidates == XO_CANDIDATES_MAX ||
	    len > sizeof(c->place.address))
		return;
	if (s->candidates == NULL)
		s->candidates = calloc(XO_CANDIDATES_MAX,
		    sizeof(*s->candidates));
	/* Without memory there is no place to try. */
	if (s->candidates == NULL)
		return;
	c = &s->candidates[s->n_candidates++];
	memcpy(&c->place.address, address, len);
	c->place.len = len;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
}

static bool
add_numeric(struct xo_search *s, const char *host, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		in.sin_port = htons(port);
		add_candidate(s, &in, sizeof(in), host);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		in6.sin6_port = htons(port);
		add_candidate(s, &in6, sizeof(in6), host);
		return true;
	}
	return false;
}

static void
add_resolved(struct xo_search *s, const struct xo_resolved *list, size_t n,
    const char *name)
{
	for (size_t i = 0; i < n; i++)
		add_candidate(s, &list[i].place.address, list[i].place.len,
		    name);
}

const char *
xo_search_name(const struct xo_search *s, uint16_t *port_r)
{
	size_t i = s->next_name - 1;

	if (s->conf->mx != NULL) {
		*port_r = SMTP_PORT;
		return s->names[i].name;
	}
	*port_r = s->conf->hosts[i].port;
	return s->conf->hosts[i].host;
}

void
xo_search_found_host(struct xo_search *s, const struct xo_resolved *list,
    size_t n)
{
	uint16_t port;
	const char *name = xo_search_name(s, &port);

	xo_places_learn_host(s->places, name, port, list, n);
	add_resolved(s, list, n, name);
}

/* Equals in random order, each time anew: the answer is remembered, and no
 * exchanger shall have all mail for the whole of its TTL (RFC 5321 5.1). */
static void
shuffle_equals(struct xo_mx *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		size_t first = i, other;
		uint32_t lot = 0;
		struct xo_mx mx = list[i];

		while (first > 0 &&
		    list[first - 1].preference == mx.preference)
			first--;
		/* Without randomness: as DNS gave them. */
		if (getrandom(&lot, sizeof(lot), GRND_NONBLOCK) < 0)
			return;
		other = first + lot % (i - first + 1);
		list[i] = list[other];
		list[other] = mx;
	}
}

/* Without memory there are none. */
static void
take_names(struct xo_search *s, const struct xo_mx *list, size_t n)
{
	if (n == 0 || (s->names = calloc(n, sizeof(*s->names))) == NULL)
		return;
	memcpy(s->names, list, n * sizeof(*list));
	shuffle_equals(s->names, n);
	s->n_names = n;
}

void
xo_search_found_mx(struct xo_search *s, const struct xo_mx *list, size_t n)
{
	xo_places_learn_mx(s->places, s->conf->mx, list, n);
	take_names(s, s->places->mx, s->places->n_mx);
}

/* True: they are known. */
static bool
find_names(struct xo_search *s)
{
	size_t n;
	const struct xo_mx *list = xo_places_known_mx(s->places, &n);

	s->is_named = true;
	if (list == NULL)
		return false;
	take_names(s, list, n);
	return true;
}

/* True: where it is is known. */
static bool
find_next_name(struct xo_search *s)
{
	const struct xo_resolved *list;
	const char *name;
	uint16_t port;
	size_t n;

	s->next_name++;
	name = xo_search_name(s, &port);
	if (add_numeric(s, name, port))
		return true;
	list = xo_places_known_host(s->places, name, port, &n);
	if (list == NULL)
		return false;
	add_resolved(s, list, n, name);
	return true;
}

/* The next address in its turn; those that failed a moment ago come when all
 * others have failed, too. */
static bool
next_candidate(struct xo_search *s)
{
	while (s->next_candidate < s->n_candidates) {
		struct xo_candidate *c = &s->candidates[s->next_candidate++];

		if (s->is_last_resort ? !c->is_skipped :
		    xo_places_is_dead(s->places, &c->place)) {
			c->is_skipped = true;
			continue;
		}
		s->candidate = c;
		return true;
	}
	return false;
}

enum xo_search_step
xo_search_next(struct xo_search *s)
{
	while (s->n_attempts < ATTEMPTS_MAX) {
		if (next_candidate(s)) {
			s->n_attempts++;
			return XO_SEARCH_TRY;
		}
		if (!s->is_named) {
			if (!find_names(s))
				return XO_SEARCH_ASK_MX;
		} else if (s->next_name < s->n_names) {
			if (!find_next_name(s))
				return XO_SEARCH_ASK_HOST;
		} else if (!s->is_last_resort) {
			s->is_last_resort = true;
			s->next_candidate = 0;
		} else {
			break;
		}
	}
	return XO_SEARCH_END;
}

bool
xo_search_has_others(const struct xo_search *s)
{
	return s->n_names > 1 || s->n_candidates > 1;
}
