/* SPDX-License-Identifier: ISC */
/*
 * Every way that mail can take through a listener, by its configuration: what
 * the verdict may be, for which tenant, and which upstream follows. The rules
 * are those of xo_verdict_decide() and of the relay; fuzz_conf.c holds the two
 * against each other.
 */
#ifndef XO_CONF_ROUTES_H
#define XO_CONF_ROUTES_H

#include <xoorg/policy.h>

struct xo_route {
	enum xo_verdict verdict;
	bool is_ours;			/* a peer with the right relay */
	int tenant;			/* XO_NOBODY: of none */
	enum xo_decision decision;
	int upstream;			/* XO_NOBODY: refused, or a hole */
};

typedef void xo_route_fn(void *arg, const struct xo_route *route);

void xo_routes_visit(const struct xo_policy *policy,
    const struct xo_listener *listener, xo_route_fn *visit, void *arg);

/* Verified mail, or that of our own systems: the next hop trusts it. */
bool xo_route_is_trusted(const struct xo_route *route);

/* Mail of tenants may come: XOORG names one, or an own system's sender does. */
bool xo_listener_takes_tenants(const struct xo_policy *policy,
    const struct xo_listener *listener);

/*
 * A tenant that stands in no configuration may name this upstream. It may not
 * name one that takes what a listener demotes: its mail is trusted.
 */
bool xo_upstream_takes_guests(const struct xo_policy *policy, int upstream);

/* Sessions with this right may come; RELAY: that have not XOORG as well. */
bool xo_listener_has_right(const struct xo_policy *policy,
    const struct xo_listener *listener, enum xo_right right);

#endif
