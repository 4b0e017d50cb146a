/* SPDX-License-Identifier: ISC */
/*
 * Where an upstream is, as one worker remembers it: what DNS answered, for as
 * long as it may be believed, and which addresses failed a moment ago.
 */
#ifndef XO_PLACES_H
#define XO_PLACES_H

#include <net/resolve.h>

/* An address that failed a moment ago. */
struct xo_dead {
	struct xo_place place;
	uint64_t until;
};
#define XO_DEAD_MAX 32

/* Of one upstream. All-zero: nothing is known. */
struct xo_places {
	struct xo_dead dead[XO_DEAD_MAX];
	struct xo_known_host *known_hosts;
	struct xo_mx *mx;
	size_t n_mx;
	uint64_t mx_until;
};

void xo_places_fini(struct xo_places *places);

/* What DNS said of a host; nothing is kept whose TTL is 0. */
void xo_places_learn_host(struct xo_places *places, const char *name,
    uint16_t port, const struct xo_resolved *list, size_t n);
/* NULL: not known, or not any more. Valid until the next answer. */
const struct xo_resolved *xo_places_known_host(const struct xo_places *places,
    const char *name, uint16_t port, size_t *n_r);
/* None: the domain itself is the host (RFC 5321 5.1). */
void xo_places_learn_mx(struct xo_places *places, const char *domain,
    const struct xo_mx *list, size_t n);
const struct xo_mx *xo_places_known_mx(const struct xo_places *places,
    size_t *n_r);
bool xo_places_is_dead(struct xo_places *places, const struct xo_place *place);
void xo_places_set_dead(struct xo_places *places, const struct xo_place *place,
    bool is_dead);

#endif
