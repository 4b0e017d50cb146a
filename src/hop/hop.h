/* SPDX-License-Identifier: ISC */
/*
 * The next hops as one worker sees them: links being opened (claim.h), in use
 * (link.h) and kept for the next message (pool.h), and what each upstream can do
 * (learn.h).
 *
 * The words for what stands behind the gateway, here and everywhere:
 *
 *   upstream   a group of the configuration, to which mail is sent by its name
 *   host       one of an upstream's servers, as configured or as its MX says
 *   place      address and port of a host (net/place.h); while a search goes
 *              through them, a candidate (search.h)
 *   next hop   the server there that we speak to
 *   link       one connection to a next hop
 *   back       the relay's side of a session towards it; the client's is front
 *
 * A link is kept under everything its identity depends on: upstream and tenant
 * (whose certificate it showed). With XCLIENT the client is told anew at each
 * claim; with PROXY a link serves one session and is not kept.
 */
#ifndef XO_HOP_H
#define XO_HOP_H

#include <net/env.h>
#include <xoorg/relay.h>

struct xo_hops;

/*
 * `env` is kept. `learnt` is called, from the loop, each time all that were
 * asked have answered or failed. NULL: no memory.
 */
struct xo_hops *xo_hops_new(const struct xo_env *env,
    void (*learnt)(void *arg), void *arg);
/* No claim may be under way, and no link in use. */
void xo_hops_free(struct xo_hops **hops);
/* What upstreams can do, one each; it changes, and lives as long as `hops`. */
const struct xo_known *xo_hops_known(const struct xo_hops *hops);
/* Once a second: closes kept links that were idle too long, and asks upstreams
 * that could not be connected to. */
void xo_hops_tick(struct xo_hops *hops);
/* Keeps none from now on. */
void xo_hops_drain(struct xo_hops *hops);

#endif
