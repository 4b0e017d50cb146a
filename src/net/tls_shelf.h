/* SPDX-License-Identifier: ISC */
/*
 * Certificates of tenants out of a folder, in a process that has neither the
 * folder nor their keys: each is asked for by the tenant's name, from who has
 * them (tls_folder.h), and asked for again when it is used a second later. At
 * most XO_NAMED_SLOTS are kept.
 */
#ifndef XO_TLS_SHELF_H
#define XO_TLS_SHELF_H

#include "tls.h"
#include "tls_folder.h"

/* Between two questions about one tenant, ms. */
#define XO_TLS_SHELF_AGE ((uint64_t)1000)

/*
 * What xo_tls_folder_look() says. False: there is no answer. Must not wait for
 * long.
 */
typedef bool xo_tls_shelf_ask(void *arg, const struct xo_tls_owner *known,
    struct xo_buf *answer);

struct xo_tls_shelf;

/* NULL: no memory. */
struct xo_tls_shelf *xo_tls_shelf_new(xo_tls_shelf_ask *ask, void *arg);
void xo_tls_shelf_free(struct xo_tls_shelf **shelf);

/*
 * `now`: ms of a clock that does not go back. NULL: `*problem_r` says why; it
 * and what is returned are good until the next call.
 */
const struct xo_tls_credential *xo_tls_shelf_get(struct xo_tls_shelf *shelf,
    struct xo_span name, uint64_t now, const char **problem_r);

#endif
