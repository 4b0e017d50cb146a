/* SPDX-License-Identifier: ISC */
/*
 * One connection to a next hop. Its owner closes it, or gives it to the pool
 * (pool.h).
 */
#ifndef XO_LINK_H
#define XO_LINK_H

#include <net/leg.h>
#include <net/place.h>
#include <xoorg/opening.h>

struct xo_hops;
struct xo_link;
struct xo_wish;

/* Not connected yet. NULL: no memory. */
struct xo_link *xo_link_new(struct xo_hops *hops, const struct xo_wish *wish);
/* It is connected, or about to be: it counts until it is closed. */
void xo_link_count(struct xo_link *link);
void xo_link_close(struct xo_link *link);
/* Closes one that is in step and outside of a message: with QUIT (RFC 5321
 * 4.1.1.10). */
void xo_link_quit(struct xo_link *link);

struct xo_leg *xo_link_leg(struct xo_link *link);
const struct xo_caps *xo_link_caps(const struct xo_link *link);
struct xo_heard *xo_link_heard(struct xo_link *link);
/* It carried a message before, or there are other places to go to: if it is lost
 * before anything is committed, another may stand in for it. */
bool xo_link_is_replaceable(const struct xo_link *link);
/* Where it goes, if it was opened just now: the end of one that was kept says
 * nothing of the place. */
struct xo_place xo_link_fresh_place(const struct xo_link *link);
/* Whom the leg calls from now on. */
void xo_link_attach(struct xo_link *link, xo_leg_ready *ready, void *owner);

/* Was it this client that XCLIENT told the next hop of? */
bool xo_link_is_for(const struct xo_link *link,
    const struct xo_handover_info *client);
void xo_link_set_client(struct xo_link *link,
    const struct xo_handover_info *client);

#endif
