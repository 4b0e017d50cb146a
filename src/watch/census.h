/* SPDX-License-Identifier: ISC */
/*
 * Who is here: open sessions in all, by address and by network, and the TLS
 * sessions that an address began in this minute. The limits are the machine's,
 * not a worker's, so all workers count in shared memory.
 *
 * As with the metrics each worker writes into a slot of its own and a reader
 * adds the slots up: no lock, and what a worker that died had open is forgotten
 * with its slot. The memory is bounded: keys are 64-bit hashes under a secret of
 * this start, so that nobody can choose addresses that fall together, and a key
 * has few entries where it may stand. A session that finds none of them free is
 * not counted (at the sizes chosen here: never in practice); of addresses that
 * begin TLS the one with the fewest sessions makes room.
 *
 * A worker that was taken over can write into its own slot what it likes, and
 * into no other (shared.h). So nobody believes the others without end: see
 * xo_census_exceeds().
 *
 * An IPv6 client is its /64: that is what one customer gets at least.
 */
#ifndef XO_CENSUS_H
#define XO_CENSUS_H

#include <xoorg/policy.h>

struct xo_census;

struct xo_census_setup {
	size_t n_workers;
	uint32_t max_sessions;		/* what the memory is made for */
	uint8_t prefix_ipv4;		/* of a network, in bits */
	uint8_t prefix_ipv6;
};

/* In the master. NULL: no memory. */
struct xo_census *xo_census_new(const struct xo_census_setup *setup);
/*
 * The generation before, or NULL: its workers still have sessions, which count.
 * It is the new one's until xo_census_settle().
 */
void xo_census_follow(struct xo_census *census, struct xo_census *previous);
/* The generations before, too. */
void xo_census_free(struct xo_census **census);
/* In the master, when no worker of an earlier generation is left. */
void xo_census_settle(struct xo_census *census);
/* In the master: the slot's worker is gone. Of its own generation. */
void xo_census_worker_gone(struct xo_census *census, size_t slot);

/* In a worker, first. */
void xo_census_attach(struct xo_census *census, size_t slot);
/* Then: all but its slot can only be read, for good. */
void xo_census_guard(struct xo_census *census);

struct xo_count {
	uint64_t all;			/* this worker's among them */
	uint64_t own;
};

struct xo_crowd {
	struct xo_count sessions;
	struct xo_count from_address;
	struct xo_count from_network;
};

/*
 * More than `limit` (0: none), as far as others are believed: a worker has an
 * eighth of its even share whatever they say, so that one that lies can shut
 * out nobody for ever. Where shares are even, or the limit is below eight for
 * each worker, this is `all > limit`.
 */
bool xo_census_exceeds(const struct xo_census *census, struct xo_count count,
    uint32_t limit);

/*
 * A session begins: counted first and then looked at, so that of two that come
 * at once to two workers none slips past a limit. Counts include it.
 */
void xo_census_enter(struct xo_census *census, const struct xo_address *address,
    struct xo_crowd *crowd_r);
/* Once for each that entered. */
void xo_census_leave(struct xo_census *census,
    const struct xo_address *address);
struct xo_count xo_census_sessions(const struct xo_census *census);

/*
 * TLS sessions that the address began in the minute of `now` (ms of a clock that
 * only goes forward). Two minutes that meet may hold one limit each.
 */
struct xo_count xo_census_tls(const struct xo_census *census,
    const struct xo_address *address, uint64_t now);
void xo_census_begin_tls(struct xo_census *census,
    const struct xo_address *address, uint64_t now);

#endif
