/* SPDX-License-Identifier: ISC */
/* Which certificate a next hop is shown for a tenant. */
#ifndef XO_SHOWN_H
#define XO_SHOWN_H

#include <stdbool.h>

struct xo_buf;
struct xo_hops;
struct xo_tls_credential;

/*
 * `*credential_r`, good until the next call: NULL if none is to be shown, for
 * nobody (XO_NOBODY) or a tenant without one where there is no folder. False:
 * one is, and it is not to be had; `why` says which file, and what is wrong.
 */
bool xo_hop_shown(const struct xo_hops *hops, int tenant,
    const struct xo_tls_credential **credential_r, struct xo_buf *why);

#endif
