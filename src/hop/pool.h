/* SPDX-License-Identifier: ISC */
/*
 * Links that are kept for the next message, the last used first. One that
 * speaks while it is kept, or ends, is closed.
 */
#ifndef XO_POOL_H
#define XO_POOL_H

#include "claim.h"
#include "hop_internal.h"

/* Back into the pool, if it may be kept. */
void xo_link_release(struct xo_link *link, bool needs_reset);
/* A kept link that still stands and can serve this wish, or NULL. */
struct xo_link *xo_hop_take_idle(struct xo_hops *hops,
    const struct xo_wish *wish);
/* Closes the one that was idle longest. False: there is none. */
bool xo_hop_close_oldest(struct hop_upstream *upstream);
/* Closes those that could have served this client alone. */
void xo_hops_client_gone(struct xo_hops *hops,
    const struct xo_handover_info *client);
/* Closes all. */
void xo_hop_close_idle(struct hop_upstream *upstream);
/* Closes those that were idle for `idle_timeout` ms. */
void xo_hop_close_stale(struct hop_upstream *upstream, uint32_t idle_timeout);

#endif
