/* SPDX-License-Identifier: ISC */
/*
 * What DNS says, for a tool that may wait: net/resolve.h, one question at a
 * time.
 */
#ifndef XO_NAMES_H
#define XO_NAMES_H

#include <net/resolve.h>

struct xo_names;

/* `server`: IP:PORT, or NULL for the system's. NULL: it cannot be read. */
struct xo_names *xo_names_new(const char *server);
void xo_names_free(struct xo_names **names);

/* At most so many; *n_r of them are written. */
enum xo_lookup_result xo_names_hosts(struct xo_names *names, const char *name,
    struct xo_resolved list[XO_RESOLVED_MAX], size_t *n_r);
enum xo_lookup_result xo_names_mx(struct xo_names *names, const char *domain,
    struct xo_mx list[XO_MX_MAX], size_t *n_r);
enum xo_lookup_result xo_names_of(struct xo_names *names,
    const struct sockaddr *address, char name_r[XO_MX_NAME_SIZE]);

#endif
