/* SPDX-License-Identifier: ISC */
/*
 * What claim.c (opening one connection) and claim_search.c (which one is next)
 * share.
 */
#ifndef XO_CLAIM_INTERNAL_H
#define XO_CLAIM_INTERNAL_H

#include "hop_internal.h"

#define XO_TARGETS_MAX 32

struct xo_claim {
	struct xo_claim *next, *previous;	/* of all in hops->claims */
	struct xo_hops *hops;
	struct xo_wish wish;
	xo_claim_done *done;
	void *arg;
	struct event *timer;
	struct xo_lookup *lookup;
	struct xo_link *link;		/* being opened; in the end the result */
	bool is_kept;			/* it came from the pool */
	bool is_connecting;
	bool is_over;			/* `done` is to be called */
	uint64_t deadline;		/* of the whole search */
	/* hosts, then their addresses */
	struct xo_mx *names;
	size_t n_names, next_name;
	struct xo_target targets[XO_TARGETS_MAX];
	size_t n_targets, next_target;
	struct xo_target *target;	/* the one that is tried */
	size_t n_attempts;
	bool is_last_resort;		/* the turn of those left out */
	enum xo_refusal why;
	struct xo_buf said;
};

/* claim.c */
/* It is over, with c->link or without: the loop will tell its owner, and free
 * it. Nobody else does but by cancelling it. */
void xo_claim_conclude(struct xo_claim *c);
/* A place that will not do: note why. */
void xo_claim_note_failure(struct xo_claim *c, enum xo_refusal why,
    struct xo_span said);
/* To c->target. False: at once refused, errno says why. */
bool xo_claim_connect(struct xo_claim *c);

/* claim_search.c */
/* The next address, the next name, or the end. */
void xo_claim_go_on(struct xo_claim *c);

static inline struct hop *
xo_claim_hop(const struct xo_claim *c)
{
	return &c->hops->hops[c->wish.upstream];
}

#endif
