/* SPDX-License-Identifier: ISC */
/*
 * A worker's doors: connections are taken from its listening sockets and given
 * to its sessions. Who cannot be taken for want of a descriptor hears so.
 */
#ifndef XO_ACCEPT_H
#define XO_ACCEPT_H

#include <net/env.h>
#include <session/sessions.h>

#include "listen.h"

struct xo_doors;

/*
 * Opens those of `sockets` that are of `slot`, and closes the others. `env` and
 * `sessions` are kept. NULL: no memory.
 */
struct xo_doors *xo_doors_open(const struct xo_env *env,
    struct xo_sessions *sessions, const struct xo_sockets *sockets,
    size_t slot);
/* Nobody is taken any more; the sockets are closed. */
void xo_doors_close(struct xo_doors **doors);

#endif
