/* SPDX-License-Identifier: ISC */
/*
 * What hop.c (the pool) and claim.c (the search for a connection) share.
 */
#ifndef XO_HOP_INTERNAL_H
#define XO_HOP_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "hop.h"
#include "resolve.h"
#include "worker.h"

struct xo_link {
	struct xo_hops *hops;
	struct xo_leg leg;
	struct xo_opening opening;
	int upstream;
	int tenant;
	bool is_counted;
	bool is_reused;
	bool needs_reset;
	bool is_idle;
	uint64_t idle_since;
	struct xo_link *next;		/* in the pool, the last used first */
};

/* One upstream. */
struct hop {
	struct xo_link *idle;
	size_t n_idle;
	size_t n_links;
	bool is_learning;
	uint64_t asked_at;		/* 0: never */
	uint64_t *dead_until;		/* one a host of the configuration */
};

struct xo_hops {
	struct xo_worker *worker;
	struct hop *hops;
	size_t n;
	size_t n_learning;
	bool is_draining;
};

const struct xo_upstream *xo_hop_policy(const struct xo_hops *hops, int u);
const struct xo_conf_upstream *xo_hop_conf(const struct xo_hops *hops, int u);
/* A kept connection that still stands, or NULL. */
struct xo_link *xo_hop_take_idle(struct xo_hops *hops, int upstream,
    int tenant);
struct xo_link *xo_link_new(struct xo_hops *hops, int upstream, int tenant);

#endif
