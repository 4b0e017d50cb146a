/* SPDX-License-Identifier: ISC */
/*
 * The ways of mail: see routes.h.
 */
#include <conf/routes.h>

struct tour {
	const struct xo_policy *policy;
	const struct xo_listener *listener;
	xo_route_fn *visit;
	void *arg;
};

bool
xo_listener_has_right(const struct xo_policy *policy,
    const struct xo_listener *listener, enum xo_right right)
{
	for (size_t i = 0; i < listener->n_peers; i++) {
		const struct xo_peer *peer =
		    &policy->peers[listener->peers[i]];
		bool has_xoorg = (peer->rights & XO_RIGHT_XOORG) != 0;

		if ((peer->rights & (uint32_t)right) == 0)
			continue;
		/* By its address alone it has the other rights. */
		if (right != XO_RIGHT_RELAY || !has_xoorg ||
		    peer->n_networks > 0)
			return true;
	}
	return false;
}

bool
xo_route_is_trusted(const struct xo_route *route)
{
	return route->decision == XO_DECISION_ACCEPT &&
	    (route->is_ours || route->verdict == XO_VERDICT_VERIFIED);
}

static int
upstream_of(const struct tour *t, const struct xo_route *route)
{
	if (route->decision == XO_DECISION_DEMOTE)
		return t->listener->demote_to;
	if (route->decision != XO_DECISION_ACCEPT)
		return XO_NOBODY;
	if (route->tenant != XO_NOBODY &&
	    t->policy->tenants[route->tenant].upstream != XO_NOBODY)
		return t->policy->tenants[route->tenant].upstream;
	return t->listener->upstream;
}

static void
visit(const struct tour *t, enum xo_verdict verdict, bool is_ours, int tenant)
{
	struct xo_route route = {
		.verdict = verdict,
		.is_ours = is_ours,
		.tenant = tenant,
		.decision = XO_DECISION_ACCEPT,
	};

	if (verdict != XO_VERDICT_VERIFIED && !is_ours) {
		route.decision = t->listener->on[verdict];
		if (t->listener->mode == XO_MODE_OBSERVE &&
		    route.decision != XO_DECISION_ACCEPT)
			route.decision = XO_DECISION_DEMOTE;
	}
	route.upstream = upstream_of(t, &route);
	t->visit(t->arg, &route);
}

void
xo_routes_visit(const struct xo_policy *policy,
    const struct xo_listener *listener, xo_route_fn *fn, void *arg)
{
	const struct tour t = {policy, listener, fn, arg};
	bool has_xoorg = xo_listener_has_right(policy, listener,
	    XO_RIGHT_XOORG);
	bool has_ours = xo_listener_has_right(policy, listener,
	    XO_RIGHT_RELAY);

	visit(&t, XO_VERDICT_UNAUTHENTICATED, false, XO_NOBODY);
	if (has_ours)
		visit(&t, XO_VERDICT_OURS, true, XO_NOBODY);
	if (has_xoorg) {
		visit(&t, XO_VERDICT_UNKNOWN_ORG, false, XO_NOBODY);
		visit(&t, XO_VERDICT_NO_ORG, false, XO_NOBODY);
	}
	for (size_t i = 0; i < policy->n_tenants; i++) {
		if (has_ours)
			visit(&t, XO_VERDICT_OURS, true, (int)i);
		if (!has_xoorg)
			continue;
		visit(&t, XO_VERDICT_VERIFIED, false, (int)i);
		if (policy->tenants[i].n_sender_domains > 0)
			visit(&t, XO_VERDICT_SENDER_MISMATCH, false, (int)i);
	}
}
