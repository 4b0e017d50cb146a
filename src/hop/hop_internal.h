/* SPDX-License-Identifier: ISC */
/*
 * What hop.c (the pool), claim.c (how a connection is had), dial.c (one that is
 * being opened), search.c (which place is next) and target.c (where upstreams
 * are) share.
 */
#ifndef XO_HOP_INTERNAL_H
#define XO_HOP_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <net/resolve.h>
#include <proc/worker.h>

#include "hop.h"

struct xo_link {
	struct xo_hops *hops;
	struct xo_leg leg;
	struct xo_opening opening;
	int upstream;
	int tenant;
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

/* One place to connect to. */
struct xo_target {
	struct xo_place place;
	bool is_skipped;
	char name[XO_MX_NAME_SIZE];	/* for TLS */
};

/* An address that failed a moment ago. */
struct xo_dead {
	struct xo_place place;
	uint64_t until;
};
#define XO_DEAD_MAX 32

/* One upstream. */
struct hop {
	struct xo_link *idle;
	size_t n_idle;
	size_t n_links;
	bool is_learning;
	bool was_out_of_step;		/* no BDAT any more */
	uint64_t asked_at;		/* or heard by chance; 0: never */
	struct xo_dead dead[XO_DEAD_MAX];
	struct xo_known_host *known_hosts;
	struct xo_mx *mx;
	size_t n_mx;
	uint64_t mx_until;
};

struct xo_hops {
	struct xo_worker *worker;
	struct hop *hops;
	size_t n;
	size_t n_learning;
	uint64_t refresh_at;		/* when to look whose time is over */
	bool is_draining;
	struct xo_claim *claims;	/* under way */
};

const struct xo_upstream *xo_hop_policy(const struct xo_hops *hops, int u);
const struct xo_conf_upstream *xo_hop_conf(const struct xo_hops *hops, int u);
/* A kept connection that still stands and can serve this wish, or NULL. */
struct xo_link *xo_hop_take_idle(struct xo_hops *hops,
    const struct xo_wish *wish);
/* What it announced, but for what it is not trusted with. */
void xo_hop_trim(const struct hop *hop, struct xo_caps *caps);
/* Was it this client that XCLIENT told the next hop of? */
bool xo_link_is_for(const struct xo_link *link,
    const struct xo_handover_info *client);
void xo_link_set_client(struct xo_link *link,
    const struct xo_handover_info *client);
struct xo_link *xo_link_new(struct xo_hops *hops, int upstream, int tenant);
/* It is connected, or about to be: it counts until it is closed. */
void xo_link_count(struct xo_link *link);
/* Closes one that is in step and outside of a message: with QUIT (RFC 5321
 * 4.1.1.10). */
void xo_link_quit(struct xo_link *link);
/* Closes the kept connection that was idle longest. False: there is none. */
bool xo_hop_close_oldest(struct hop *hop);

/* target.c: what DNS said of a host; nothing is kept whose TTL is 0. */
void xo_hop_learn_host(struct hop *hop, const char *name, uint16_t port,
    const struct xo_resolved *list, size_t n);
/* NULL: not known, or not any more. Valid until the next answer. */
const struct xo_resolved *xo_hop_known_host(const struct hop *hop,
    const char *name, uint16_t port, size_t *n_r);
/* None: the domain itself is the host (RFC 5321 5.1). */
void xo_hop_learn_mx(struct hop *hop, const char *domain,
    const struct xo_mx *list, size_t n);
const struct xo_mx *xo_hop_known_mx(const struct hop *hop, size_t *n_r);
bool xo_hop_is_dead(struct hop *hop, const struct xo_place *place);
void xo_hop_set_dead(struct hop *hop, const struct xo_place *place,
    bool is_dead);
void xo_hop_forget_targets(struct hop *hop);

#endif
