/* SPDX-License-Identifier: ISC */
/*
 * Guest tenants: an array of slots, found by a hash table of chains. Slots that
 * nobody works with stand in a list, the one used last in front; from its end
 * they are taken when there is no free one. A slot that is pinned, or whose
 * answer is being told, stands in no list and cannot be taken.
 *
 * Keys are a stranger's, who may choose them to meet in one chain: that costs
 * what a walk over all slots costs, and those are bounded.
 */
#include <xoorg/guests.h>

#include <stdlib.h>

#include <xoorg/domain.h>
#include <xoorg/tenants.h>

#define NONE (-1)

struct slot {
	enum xo_knowledge known;
	enum xo_key_kind kind;
	struct xo_buf domain;		/* empty: found by no key */
	struct xo_guest *guest;
	uint64_t fresh_until, stale_until;
	uint32_t n_pins, n_telling;
	int chain;			/* the next of the same hash, or free */
	int newer, older;		/* in the list of those not in use */
	bool is_listed;
};

struct xo_guests {
	struct slot *slots;
	int *chains;			/* first slot of each hash */
	size_t n;			/* slots, and chains */
	uint64_t now;
	int free;
	int newest, oldest;
	size_t n_kept, n_pinned;
};

void
xo_guest_free(struct xo_guest **guest)
{
	if (*guest != NULL && (*guest)->free != NULL)
		(*guest)->free(*guest);
	*guest = NULL;
}

/* As they stand, as in xo_tenants_by_certificate_name(). */
static bool
has_certificate_name(const struct xo_tenant *tenant, struct xo_span name)
{
	for (size_t i = 0; i < tenant->n_certificate_names; i++)
		if (xo_domain_is_equal(tenant->certificate_names[i], name))
			return true;
	return false;
}

bool
xo_guest_answers(const struct xo_tenant *tenant, const struct xo_key *key)
{
	if (tenant == NULL || tenant->has_client_certificate ||
	    !xo_domain_is_valid(key->domain))
		return false;
	if (key->kind == XO_KEY_CERTIFICATE)
		return has_certificate_name(tenant, key->domain);
	if (key->kind == XO_KEY_SENDER && xo_domain_is_listed(
	    tenant->sender_domains, tenant->n_sender_domains, key->domain))
		return true;
	return (key->kind == XO_KEY_ORG || key->kind == XO_KEY_SENDER) &&
	    xo_domain_is_listed(tenant->originator_orgs,
	    tenant->n_originator_orgs, key->domain);
}

struct xo_guests *
xo_guests_new(size_t n_slots)
{
	struct xo_guests *g;

	if (n_slots == 0 || n_slots > INT32_MAX / 2)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	g->n = n_slots;
	g->slots = calloc(n_slots, sizeof(*g->slots));
	g->chains = calloc(n_slots, sizeof(*g->chains));
	if (g->slots == NULL || g->chains == NULL) {
		xo_guests_free(&g);
		return NULL;
	}
	for (size_t i = 0; i < n_slots; i++) {
		g->chains[i] = NONE;
		g->slots[i].chain = i + 1 < n_slots ? (int)i + 1 : NONE;
		g->slots[i].newer = g->slots[i].older = NONE;
	}
	g->free = 0;
	g->newest = g->oldest = NONE;
	return g;
}

void
xo_guests_free(struct xo_guests **guests)
{
	struct xo_guests *g = *guests;

	if (g == NULL)
		return;
	for (size_t i = 0; g->slots != NULL && i < g->n; i++) {
		xo_guest_free(&g->slots[i].guest);
		xo_buf_fini(&g->slots[i].domain);
	}
	free(g->slots);
	free(g->chains);
	free(g);
	*guests = NULL;
}

void
xo_guests_set_time(struct xo_guests *g, uint64_t now)
{
	if (g != NULL)
		g->now = now;
}

/* The list of those not in use */

static void
unlist(struct xo_guests *g, int i)
{
	struct slot *s = &g->slots[i];

	if (!s->is_listed)
		return;
	if (s->newer != NONE)
		g->slots[s->newer].older = s->older;
	else
		g->newest = s->older;
	if (s->older != NONE)
		g->slots[s->older].newer = s->newer;
	else
		g->oldest = s->newer;
	s->newer = s->older = NONE;
	s->is_listed = false;
}

static void
list(struct xo_guests *g, int i)
{
	struct slot *s = &g->slots[i];

	unlist(g, i);
	s->older = g->newest;
	if (g->newest != NONE)
		g->slots[g->newest].newer = i;
	else
		g->oldest = i;
	g->newest = i;
	s->is_listed = true;
}

/* By key */

static int *
chain_of(struct xo_guests *g, enum xo_key_kind kind, struct xo_span domain)
{
	uint64_t h = 0xcbf29ce484222325U ^ (uint64_t)kind;

	for (size_t i = 0; i < domain.len; i++) {
		h ^= xo_ascii_lower(domain.p[i]);
		h *= 0x100000001b3U;
	}
	return &g->chains[(h ^ h >> 32) % g->n];
}

static int
find(struct xo_guests *g, const struct xo_key *key)
{
	int i = *chain_of(g, key->kind, key->domain);

	while (i != NONE && (g->slots[i].kind != key->kind ||
	    !xo_domain_is_equal(xo_buf_span(&g->slots[i].domain), key->domain)))
		i = g->slots[i].chain;
	return i;
}

/* No key finds it any more. */
static void
forget_key(struct xo_guests *g, int i)
{
	struct slot *s = &g->slots[i];
	int *at;

	if (s->domain.len == 0)
		return;
	at = chain_of(g, s->kind, xo_buf_span(&s->domain));
	while (*at != i)
		at = &g->slots[*at].chain;
	*at = s->chain;
	s->chain = NONE;
	xo_buf_fini(&s->domain);
	g->n_kept--;
}

static bool
is_usable(const struct xo_guests *g, const struct slot *s)
{
	return s->n_telling > 0 || g->now < s->fresh_until;
}

static bool
is_stale(const struct xo_guests *g, const struct slot *s)
{
	return g->now < s->stale_until;
}

static void
empty(struct xo_guests *g, int i)
{
	struct slot *s = &g->slots[i];

	unlist(g, i);
	forget_key(g, i);
	xo_guest_free(&s->guest);
	*s = (struct slot){.chain = g->free, .newer = NONE, .older = NONE};
	g->free = i;
}

/* Nobody works with it any more, or nobody did. */
static void
settle(struct xo_guests *g, int i)
{
	struct slot *s = &g->slots[i];

	if (s->n_pins > 0 || s->n_telling > 0)
		return;
	if (s->domain.len == 0 || (!is_usable(g, s) && !is_stale(g, s)))
		empty(g, i);
	else
		list(g, i);
}

/* Another answer takes its place; those who work with it keep it. */
static void
retire(struct xo_guests *g, int i)
{
	g->slots[i].n_telling = 0;
	forget_key(g, i);
	settle(g, i);
}

enum xo_knowledge
xo_guests_find(struct xo_guests *g, const struct xo_key *key, int *slot_r)
{
	int i;

	*slot_r = XO_NOBODY;
	if (g == NULL || key->domain.len == 0)
		return XO_KNOWN_NOT_NOW;
	i = find(g, key);
	if (i == NONE || !is_usable(g, &g->slots[i]))
		return XO_KNOWN_NOT_NOW;
	if (g->slots[i].is_listed)
		list(g, i);
	if (g->slots[i].known == XO_KNOWN_TENANT)
		*slot_r = i;
	return g->slots[i].known;
}

/* NONE: all are in use. */
static int
take_slot(struct xo_guests *g)
{
	int i;

	if (g->free == NONE && g->oldest != NONE)
		empty(g, g->oldest);
	i = g->free;
	if (i != NONE) {
		g->free = g->slots[i].chain;
		g->slots[i].chain = NONE;
	}
	return i;
}

static bool
set_key(struct xo_guests *g, int i, const struct xo_key *key)
{
	struct slot *s = &g->slots[i];
	int *first;

	xo_buf_add(&s->domain, key->domain);
	if (s->domain.err != XO_OK) {
		xo_buf_fini(&s->domain);
		return false;
	}
	first = chain_of(g, key->kind, key->domain);
	s->kind = key->kind;
	s->chain = *first;
	*first = i;
	g->n_kept++;
	return true;
}

/* What there is of it, if it may be used. */
static enum xo_knowledge
fall_back(struct xo_guests *g, const struct xo_key *key)
{
	int i = find(g, key);

	if (i == NONE || (!is_usable(g, &g->slots[i]) &&
	    !is_stale(g, &g->slots[i])))
		return XO_KNOWN_NOT_NOW;
	unlist(g, i);
	g->slots[i].n_telling++;
	return g->slots[i].known;
}

static bool
is_answer(enum xo_knowledge known, const struct xo_guest *guest,
    const struct xo_key *key)
{
	if (!xo_domain_is_valid(key->domain) ||
	    (unsigned int)key->kind >= XO_KEY_KIND_COUNT)
		return false;
	return known == XO_KNOWN_NOBODY || (known == XO_KNOWN_TENANT &&
	    guest != NULL && xo_guest_answers(&guest->tenant, key));
}

enum xo_knowledge
xo_guests_put(struct xo_guests *g, const struct xo_key *key,
    enum xo_knowledge known, struct xo_guest **guest, uint32_t fresh,
    uint32_t stale)
{
	struct xo_guest *given = guest != NULL ? *guest : NULL;
	uint32_t n_telling = 1;
	struct slot *s;
	int i;

	if (guest != NULL)
		*guest = NULL;
	if (g == NULL || !is_answer(known, given, key)) {
		xo_guest_free(&given);
		return g == NULL ? XO_KNOWN_NOT_NOW : fall_back(g, key);
	}
	i = find(g, key);
	if (i != NONE) {
		n_telling += g->slots[i].n_telling;
		retire(g, i);
	}
	i = take_slot(g);
	if (i == NONE || !set_key(g, i, key)) {
		xo_guest_free(&given);
		if (i != NONE)
			empty(g, i);
		return XO_KNOWN_NOT_NOW;
	}
	s = &g->slots[i];
	s->known = known;
	s->n_telling = n_telling;
	s->fresh_until = g->now + fresh;
	/* "Nobody's" is never stale: it would be a refusal for good. */
	s->stale_until = known == XO_KNOWN_TENANT ? g->now + stale : 0;
	if (known == XO_KNOWN_TENANT)
		s->guest = given;
	else
		xo_guest_free(&given);
	return known;
}

void
xo_guests_told(struct xo_guests *g, const struct xo_key *key)
{
	int i = g != NULL && key->domain.len > 0 ? find(g, key) : NONE;

	if (i == NONE || g->slots[i].n_telling == 0)
		return;
	g->slots[i].n_telling--;
	settle(g, i);
}

bool
xo_guests_hold(struct xo_guests *g, const struct xo_key *key)
{
	int i = g != NULL && key->domain.len > 0 ? find(g, key) : NONE;

	if (i == NONE || !is_usable(g, &g->slots[i]))
		return false;
	unlist(g, i);
	g->slots[i].n_telling++;
	return true;
}

/* By slot */

static struct slot *
slot_at(struct xo_guests *g, int i)
{
	if (g == NULL || i < 0 || (size_t)i >= g->n ||
	    g->slots[i].guest == NULL)
		return NULL;
	return &g->slots[i];
}

const struct xo_tenant *
xo_guests_tenant(const struct xo_guests *g, int i)
{
	if (g == NULL || i < 0 || (size_t)i >= g->n ||
	    g->slots[i].guest == NULL)
		return NULL;
	return &g->slots[i].guest->tenant;
}

void
xo_guests_pin(struct xo_guests *g, int i)
{
	struct slot *s = slot_at(g, i);

	if (s == NULL)
		return;
	unlist(g, i);
	if (s->n_pins++ == 0)
		g->n_pinned++;
}

void
xo_guests_unpin(struct xo_guests *g, int i)
{
	struct slot *s = slot_at(g, i);

	if (s == NULL || s->n_pins == 0)
		return;
	if (--s->n_pins == 0)
		g->n_pinned--;
	settle(g, i);
}

size_t
xo_guests_count(const struct xo_guests *g, size_t *pinned_r)
{
	*pinned_r = g != NULL ? g->n_pinned : 0;
	return g != NULL ? g->n_kept : 0;
}
