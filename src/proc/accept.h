/* SPDX-License-Identifier: ISC */
/*
 * A worker's doors: connections are taken from its listening sockets and given
 * to its sessions, or to those that ask. Who cannot be taken for want of a descriptor hears so.
 */
#ifndef XO_ACCEPT_H
#define XO_ACCEPT_H

#include <net/env.h>
#include <session/asks.h>
#include <session/sessions.h>

#include "listen.h"

struct xo_doors;

/*
 * Opens those of `sockets` that are of `slot` or shared, and closes the others.
 * `env`, `sessions` and `asks` are kept. NULL: no memory.
 */
struct xo_doors *xo_doors_open(const struct xo_env *env,
    struct xo_sessions *sessions, struct xo_asks *asks,
    const struct xo_sockets *sockets, size_t slot);
/* Nobody is taken any more; the sockets are closed. */
void xo_doors_close(struct xo_doors **doors);

#endif
