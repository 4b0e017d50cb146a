/* SPDX-License-Identifier: ISC */
/*
 * What the files of this folder share. Each calls those below it alone:
 *
 *   hop.c     all upstreams of a worker
 *   learn.c   what they can do
 *   claim.c   how a link is had
 *   dial.c    one that is being opened
 *   failure.c why one could not be: the log of it
 *   shown.c   which certificate it is shown
 *   search.c  which place is next
 *   pool.c    the links that are kept
 *   link.c    one link
 *   step.c    what is not trusted any more
 *   places.c  what is remembered of places
 */
#ifndef XO_HOP_INTERNAL_H
#define XO_HOP_INTERNAL_H

#include <conf/conf.h>
#include <net/clock.h>
#include <net/env.h>
#include <net/leg.h>
#include <net/named.h>
#include <net/tls_keyring.h>
#include <watch/log.h>
#include <watch/metrics.h>
#include <xoorg/opening.h>
#include <xoorg/relay.h>

#include "places.h"

struct xo_link {
	struct xo_hops *hops;
	struct xo_leg leg;
	struct xo_opening opening;
	int upstream;
	int tenant;			/* as in its wish */
	char guest[XO_NAMED_MAX + 1];	/* "": none */
	uint8_t mark[XO_TLS_MARK_SIZE];	/* of the certificate that was shown */
	struct xo_place place;
	bool has_others;		/* places to go to, beside it */
	bool is_counted;
	bool is_reused;
	bool needs_reset;
	bool is_idle;
	/* XCLIENT told it whom it serves; many take no second one. */
	bool has_client;
	struct xo_address client;
	uint16_t client_port;
	struct xo_buf client_hello;
	uint64_t idle_since;
	struct xo_link *next;		/* in the pool, the last used first */
};

/* What is kept of one upstream. */
struct hop_upstream {
	struct xo_link *idle;
	size_t n_idle;
	size_t n_links;
	struct hop_question *question;	/* what it can do; NULL: is not asked */
	bool was_out_of_step;		/* no BDAT any more */
	uint64_t asked_at;		/* or heard by chance; 0: never */
	struct xo_places places;
};

struct xo_hops {
	const struct xo_env *env;
	void (*learnt)(void *arg);
	void *arg;
	struct hop_upstream *upstreams;
	struct xo_known *known;		/* one an upstream */
	size_t n;
	size_t n_learning;
	uint64_t refresh_at;		/* when to look whose time is over */
	bool is_draining;
	struct xo_claim *claims;	/* under way */
};

static inline const struct xo_upstream *
xo_hop_policy(const struct xo_hops *hops, int u)
{
	return &hops->env->conf->policy.upstreams[u];
}

static inline const struct xo_conf_upstream *
xo_hop_conf(const struct xo_hops *hops, int u)
{
	return &hops->env->conf->upstreams[u];
}

#endif
