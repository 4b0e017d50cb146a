/* SPDX-License-Identifier: ISC */
/*
 * Counting heads in shared memory: see census.h.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "census.h"
#include "shared.h"
#include "siphash.h"

/* Entries among which a key may stand, one behind the other. */
#define WAYS 16
/* Addresses whose TLS sessions of a minute a worker remembers. */
#define TLS_ENTRIES ((size_t)16384)
#define SESSION_ENTRIES_MIN ((size_t)4096)
#define SESSION_ENTRIES_MAX ((size_t)1 << 20)
#define MINUTE 60000

/* Which count a key is for: the same octets may be both. */
enum kind {
	KIND_ADDRESS,
	KIND_NETWORK,
};

struct entry {
	_Atomic uint64_t key;
	_Atomic uint32_t count;		/* 0: free */
	_Atomic uint32_t minute;	/* of `count`, where it is of TLS */
};

/* A worker's; one writer. */
struct slot {
	_Alignas(64) _Atomic uint64_t sessions;
	_Alignas(64) struct entry entries[];	/* TLS's, then sessions' */
};

struct xo_census {
	struct xo_shared memory;
	size_t slot_size;
	size_t n_slots;
	size_t n_entries;		/* of sessions, a power of two */
	struct slot *own;
	uint8_t secret[XO_SIPHASH_KEY];
	uint8_t prefix[2];		/* IPv4, IPv6 */
	struct xo_census *previous;
};

static struct slot *
slot_at(const struct xo_census *census, size_t i)
{
	return (struct slot *)(void *)(census->memory.p +
	    i * census->slot_size);
}

/* Two keys a session, and three quarters of the entries free. */
static size_t
entries_for(uint32_t max_sessions)
{
	size_t n = SESSION_ENTRIES_MIN;

	while (n < (size_t)max_sessions * 8 && n < SESSION_ENTRIES_MAX)
		n *= 2;
	return max_sessions == 0 ? SESSION_ENTRIES_MAX : n;
}

static bool
map_memory(struct xo_census *census)
{
	size_t align = xo_shared_page();
	size_t n = sizeof(struct slot) +
	    (TLS_ENTRIES + census->n_entries) * sizeof(struct entry);

	census->slot_size = (n + align - 1) / align * align;
	/* Pages come as they are touched. */
	return xo_shared_map(&census->memory,
	    census->n_slots * census->slot_size);
}

struct xo_census *
xo_census_new(const struct xo_census_setup *setup)
{
	struct xo_census *census = calloc(1, sizeof(*census));

	if (census == NULL)
		return NULL;
	census->n_slots = setup->n_workers > 0 ? setup->n_workers : 1;
	census->n_entries = entries_for(setup->max_sessions);
	census->prefix[0] = setup->prefix_ipv4;
	census->prefix[1] = setup->prefix_ipv6;
	if (getrandom(census->secret, sizeof(census->secret), 0) !=
	    (ssize_t)sizeof(census->secret) || !map_memory(census)) {
		xo_census_free(&census);
		return NULL;
	}
	census->own = slot_at(census, 0);
	return census;
}

void
xo_census_follow(struct xo_census *census, struct xo_census *previous)
{
	census->previous = previous;
}

void
xo_census_free(struct xo_census **census)
{
	struct xo_census *c = *census;

	if (c == NULL)
		return;
	xo_census_free(&c->previous);
	xo_shared_unmap(&c->memory);
	free(c);
	*census = NULL;
}

void
xo_census_settle(struct xo_census *census)
{
	xo_census_free(&census->previous);
}

static void
set(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static uint32_t
get(const _Atomic uint32_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void
xo_census_worker_gone(struct xo_census *census, size_t slot)
{
	struct slot *s;

	if (slot >= census->n_slots)
		return;
	s = slot_at(census, slot);
	atomic_store(&s->sessions, 0);
	/* Those of TLS, too: it may have died of what was written here. */
	for (size_t i = 0; i < TLS_ENTRIES + census->n_entries; i++) {
		struct entry *e = &s->entries[i];

		/* Reading makes no page of what was never written. */
		if (get(&e->count) != 0)
			set(&e->count, 0);
	}
}

void
xo_census_attach(struct xo_census *census, size_t slot)
{
	if (slot < census->n_slots)
		census->own = slot_at(census, slot);
}

void
xo_census_guard(struct xo_census *census)
{
	const uint8_t *own = (const uint8_t *)census->own;

	xo_shared_keep(&census->memory, (size_t)(own - census->memory.p),
	    census->slot_size);
	for (struct xo_census *c = census->previous; c != NULL; c = c->previous)
		xo_shared_keep(&c->memory, 0, 0);
}

bool
xo_census_exceeds(const struct xo_census *census, struct xo_count count,
    uint32_t limit)
{
	return limit != 0 && count.all > limit &&
	    count.own > limit / (8 * census->n_slots);
}

/* Never 0. The client's address is all of IPv4's, and IPv6's /64. */
static uint64_t
key_of(const struct xo_census *census, enum kind kind,
    const struct xo_address *address)
{
	bool is_ipv4 = xo_address_is_ipv4(address);
	unsigned int bits = is_ipv4 ? 128 : 64;
	uint8_t octets[1 + sizeof(address->octets)] = {(uint8_t)kind};
	uint64_t key;

	if (kind == KIND_NETWORK)
		bits = is_ipv4 ? 96U + census->prefix[0] : census->prefix[1];
	for (unsigned int i = 0; i < sizeof(address->octets); i++) {
		unsigned int left = bits > 8 * i ? bits - 8 * i : 0;

		octets[1 + i] = (uint8_t)(address->octets[i] &
		    (left >= 8 ? 0xffU : 0xff00U >> left));
	}
	key = xo_siphash(census->secret, octets, sizeof(octets));
	return key != 0 ? key : 1;
}

/* The entries among which `key` may stand: WAYS of them. */
static struct entry *
ways_of(struct slot *slot, bool is_tls, size_t n_entries, uint64_t key)
{
	size_t n = is_tls ? TLS_ENTRIES : n_entries;
	size_t first = (size_t)(key % (n / WAYS)) * WAYS;

	return slot->entries + (is_tls ? 0 : TLS_ENTRIES) + first;
}

static bool
is_at(const struct entry *e, uint64_t key)
{
	return get(&e->count) != 0 &&
	    atomic_load_explicit(&e->key, memory_order_relaxed) == key;
}

static struct entry *
find(struct entry *ways, uint64_t key)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (is_at(&ways[i], key))
			return &ways[i];
	}
	return NULL;
}

static void
occupy(struct entry *e, uint64_t key, uint32_t minute)
{
	set(&e->count, 0);
	atomic_store_explicit(&e->key, key, memory_order_relaxed);
	set(&e->minute, minute);
	atomic_thread_fence(memory_order_release);
	set(&e->count, 1);
}

static void
add(struct xo_census *census, uint64_t key)
{
	struct entry *ways = ways_of(census->own, false,
	    census->n_entries, key);
	struct entry *e = find(ways, key);

	if (e != NULL) {
		set(&e->count, get(&e->count) + 1);
		return;
	}
	for (size_t i = 0; i < WAYS; i++) {
		if (get(&ways[i].count) == 0) {
			occupy(&ways[i], key, 0);
			return;
		}
	}
}

static void
subtract(struct xo_census *census, uint64_t key)
{
	struct entry *e = find(ways_of(census->own, false,
	    census->n_entries, key), key);

	if (e != NULL)
		set(&e->count, get(&e->count) - 1);
}

/* No sum of what one slot can say overflows. */
static void
count(struct xo_count *sum, uint64_t n, bool is_own)
{
	n = n < UINT32_MAX ? n : UINT32_MAX;
	sum->all += n;
	if (is_own)
		sum->own += n;
}

/* All slots of one generation; `minute` of TLS, else 0. */
static void
add_up(const struct xo_census *census, bool is_tls, uint64_t key,
    uint32_t minute, struct xo_count *sum)
{
	for (size_t i = 0; i < census->n_slots; i++) {
		struct slot *slot = slot_at(census, i);
		const struct entry *e = find(ways_of(slot, is_tls,
		    census->n_entries, key), key);

		if (e != NULL && get(&e->minute) == minute)
			count(sum, get(&e->count), slot == census->own);
	}
}

/* Generations have secrets of their own, hence keys; of earlier ones nothing is
 * this worker's. */
static struct xo_count
add_up_all(const struct xo_census *census, enum kind kind,
    const struct xo_address *address)
{
	struct xo_count sum = {0, 0};
	struct xo_count old = {0, 0};

	add_up(census, false, key_of(census, kind, address), 0, &sum);
	for (census = census->previous; census != NULL;
	    census = census->previous)
		add_up(census, false, key_of(census, kind, address), 0, &old);
	sum.all += old.all;
	return sum;
}

struct xo_count
xo_census_sessions(const struct xo_census *census)
{
	const struct slot *own = census->own;
	struct xo_count sum = {0, 0};

	for (; census != NULL; census = census->previous) {
		for (size_t i = 0; i < census->n_slots; i++) {
			const struct slot *slot = slot_at(census, i);

			count(&sum, atomic_load(&slot->sessions), slot == own);
		}
	}
	return sum;
}

void
xo_census_enter(struct xo_census *census, const struct xo_address *address,
    struct xo_crowd *crowd_r)
{
	add(census, key_of(census, KIND_ADDRESS, address));
	add(census, key_of(census, KIND_NETWORK, address));
	/* In one order with those of other workers: see census.h. */
	(void)atomic_fetch_add(&census->own->sessions, 1);
	crowd_r->sessions = xo_census_sessions(census);
	crowd_r->from_address = add_up_all(census, KIND_ADDRESS, address);
	crowd_r->from_network = add_up_all(census, KIND_NETWORK, address);
}

void
xo_census_leave(struct xo_census *census, const struct xo_address *address)
{
	subtract(census, key_of(census, KIND_ADDRESS, address));
	subtract(census, key_of(census, KIND_NETWORK, address));
	if (atomic_load(&census->own->sessions) > 0)
		(void)atomic_fetch_sub(&census->own->sessions, 1);
}

static uint32_t
minute_of(uint64_t now)
{
	return (uint32_t)(now / MINUTE);
}

struct xo_count
xo_census_tls(const struct xo_census *census, const struct xo_address *address,
    uint64_t now)
{
	struct xo_count sum = {0, 0};

	add_up(census, true, key_of(census, KIND_ADDRESS, address),
	    minute_of(now), &sum);
	return sum;
}

void
xo_census_begin_tls(struct xo_census *census, const struct xo_address *address,
    uint64_t now)
{
	uint64_t key = key_of(census, KIND_ADDRESS, address);
	uint32_t minute = minute_of(now);
	struct entry *ways = ways_of(census->own, true,
	    census->n_entries, key);
	struct entry *e = find(ways, key);

	if (e != NULL && get(&e->minute) == minute) {
		set(&e->count, get(&e->count) + 1);
		return;
	}
	/* Its own of an earlier minute, else a stale one, else the least. */
	for (size_t i = 0; e == NULL && i < WAYS; i++) {
		if (get(&ways[i].count) == 0 ||
		    get(&ways[i].minute) != minute)
			e = &ways[i];
	}
	for (size_t i = 0; e == NULL && i < WAYS; i++) {
		bool is_least = true;

		for (size_t j = 0; j < WAYS; j++)
			is_least = is_least && get(&ways[i].count) <=
			    get(&ways[j].count);
		if (is_least)
			e = &ways[i];
	}
	if (e != NULL)
		occupy(e, key, minute);
}
