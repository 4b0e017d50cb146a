/* SPDX-License-Identifier: ISC */
/* What is remembered of places: see places.h. */
#include <stdlib.h>

#include <net/clock.h>

#include "places.h"

/* How long an address that failed is left out while others stand. */
#define DEAD_FOR ((uint64_t)30 * 1000)
/* Nothing is believed longer, whatever its TTL says. */
#define TTL_MAX ((uint32_t)86400)
/* The answer that there is no MX has none that we could see. */
#define NO_MX_TTL ((uint32_t)60)

struct xo_known_host {
	struct xo_known_host *next;
	uint64_t until;
	char name[XO_MX_NAME_SIZE];
	uint16_t port;
	size_t n;
	struct xo_resolved list[];
};

static uint64_t
end_of(uint32_t ttl)
{
	return xo_clock_now() +
	    (uint64_t)(ttl < TTL_MAX ? ttl : TTL_MAX) * 1000;
}

static bool
is_of(const struct xo_known_host *known, const char *name, uint16_t port)
{
	return known->port == port && strcmp(known->name, name) == 0;
}

/* Those whose time is over go, and the one that is replaced. */
static void
forget_hosts(struct xo_places *p, const char *name, uint16_t port)
{
	struct xo_known_host **at = &p->known_hosts;
	uint64_t now = xo_clock_now();

	while (*at != NULL) {
		struct xo_known_host *known = *at;

		if (known->until > now && !is_of(known, name, port)) {
			at = &known->next;
			continue;
		}
		*at = known->next;
		free(known);
	}
}

void
xo_places_learn_host(struct xo_places *p, const char *name, uint16_t port,
    const struct xo_resolved *list, size_t n)
{
	struct xo_known_host *known;
	uint32_t ttl = TTL_MAX;

	for (size_t i = 0; i < n; i++)
		if (list[i].ttl < ttl)
			ttl = list[i].ttl;
	forget_hosts(p, name, port);
	/* None: /etc/hosts, or an answer for this once. */
	if (ttl == 0 || strlen(name) >= sizeof(known->name))
		return;
	known = calloc(1, sizeof(*known) + n * sizeof(*list));
	if (known == NULL)
		return;
	known->until = end_of(ttl);
	memcpy(known->name, name, strlen(name) + 1);
	known->port = port;
	known->n = n;
	memcpy(known->list, list, n * sizeof(*list));
	known->next = p->known_hosts;
	p->known_hosts = known;
}

const struct xo_resolved *
xo_places_known_host(const struct xo_places *p, const char *name, uint16_t port,
    size_t *n_r)
{
	const struct xo_known_host *known = p->known_hosts;

	while (known != NULL && !is_of(known, name, port))
		known = known->next;
	if (known == NULL || known->until <= xo_clock_now())
		return NULL;
	*n_r = known->n;
	return known->list;
}

static void
forget_mx(struct xo_places *p)
{
	free(p->mx);
	p->mx = NULL;
	p->n_mx = 0;
}

void
xo_places_learn_mx(struct xo_places *p, const char *domain,
    const struct xo_mx *list, size_t n)
{
	bool has_mx = n > 0;
	size_t len = strlen(domain);

	forget_mx(p);
	p->mx = calloc(has_mx ? n : 1, sizeof(*p->mx));
	if (p->mx == NULL || len >= sizeof(p->mx->name)) {
		forget_mx(p);
		return;
	}
	if (has_mx)
		memcpy(p->mx, list, n * sizeof(*list));
	else
		memcpy(p->mx->name, domain, len + 1);
	p->n_mx = has_mx ? n : 1;
	p->mx_until = end_of(has_mx ? list->ttl : NO_MX_TTL);
}

const struct xo_mx *
xo_places_known_mx(const struct xo_places *p, size_t *n_r)
{
	*n_r = p->n_mx;
	return p->mx_until > xo_clock_now() ? p->mx : NULL;
}

static struct xo_dead *
find_dead(struct xo_places *p, const struct xo_place *place)
{
	for (size_t i = 0; i < XO_DEAD_MAX; i++)
		if (xo_place_is_equal(&p->dead[i].place, place))
			return &p->dead[i];
	return NULL;
}

bool
xo_places_is_dead(struct xo_places *p, const struct xo_place *place)
{
	const struct xo_dead *dead = find_dead(p, place);

	return dead != NULL && dead->until > xo_clock_now();
}

void
xo_places_set_dead(struct xo_places *p, const struct xo_place *place,
    bool is_dead)
{
	struct xo_dead *dead = find_dead(p, place);

	if (dead == NULL && is_dead) {
		/* The one whose time is over first gives its place. */
		dead = &p->dead[0];
		for (size_t i = 1; i < XO_DEAD_MAX; i++)
			if (p->dead[i].until < dead->until)
				dead = &p->dead[i];
		dead->place = *place;
	}
	if (dead != NULL)
		dead->until = is_dead ? xo_clock_now() + DEAD_FOR : 0;
}

void
xo_places_fini(struct xo_places *p)
{
	while (p->known_hosts != NULL) {
		struct xo_known_host *known = p->known_hosts;

		p->known_hosts = known->next;
		free(known);
	}
	forget_mx(p);
}
