/* SPDX-License-Identifier: ISC */
/* Which certificate a next hop is shown for a tenant. */
#ifndef XO_SHOWN_H
#define XO_SHOWN_H

#include <stdbool.h>

struct xo_buf;
struct xo_hops;
struct xo_tls_credential;
struct xo_wish;

/*
 * `*credential_r`, good until the next call: NULL if none is to be shown, for
 * nobody or a tenant of the configuration without one where there is no folder.
 * False: one is, and it is not to be had; `why` says which file, and what is
 * wrong. Of wish->guest, if there is one, else of wish->tenant.
 */
bool xo_hop_shown(const struct xo_hops *hops, const struct xo_wish *wish,
    const struct xo_tls_credential **credential_r, struct xo_buf *why);

#endif
