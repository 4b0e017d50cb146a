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

static bool
has_right(const struct xo_peer *peer, enum xo_right right)
{
	bool has_xoorg = (peer->rights & XO_RIGHT_XOORG) != 0;

	if ((peer->rights & (uint32_t)right) == 0)
		return false;
	/* Beside xoorg it makes nobody one of our own systems. */
	return right != XO_RIGHT_RELAY || !has_xoorg;
}

bool
xo_listener_has_right(const struct xo_policy *policy,
    const struct xo_listener *listener, enum xo_right right)
{
	for (size_t i = 0; i < listener->n_peers; i++)
		if (has_right(&policy->peers[listener->peers[i]], right))
			return true;
	return false;
}

bool
xo_listener_takes_tenants(const struct xo_policy *policy,
    const struct xo_listener *listener)
{
	return xo_listener_has_right(policy, listener, XO_RIGHT_XOORG) ||
	    xo_listener_has_right(policy, listener, XO_RIGHT_RELAY);
}

bool
xo_upstream_takes_guests(const struct xo_policy *policy, int upstream)
{
	for (size_t i = 0; i < policy->n_listeners; i++)
		if (xo_listener_demote_to(&policy->listeners[i]) == upstream)
			return false;
	return true;
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
		return xo_listener_demote_to(t->listener);
	if (route->decision != XO_DECISION_ACCEPT)
		return XO_NOBODY;
	if (route->tenant != XO_NOBODY &&
	    t->policy->tenants[route->tenant].has_upstream)
		return t->policy->tenants[route->tenant].upstream;
	return xo_listener_upstream(t->listener);
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

/* Own systems whose sender says whose mail it is. */
static bool
has_free_relay(const struct tour *t)
{
	for (size_t i = 0; i < t->listener->n_peers; i++) {
		const struct xo_peer *peer =
		    &t->policy->peers[t->listener->peers[i]];

		if (!peer->has_tenant && !peer->has_tenant_names &&
		    has_right(peer, XO_RIGHT_RELAY))
			return true;
	}
	return false;
}

static void
visit_attributed_to(const struct tour *t, int tenant)
{
	visit(t, XO_VERDICT_ATTRIBUTED, true, tenant);
	visit(t, XO_VERDICT_SENDER_MISMATCH, false, tenant);
}

static void
visit_attributed(const struct tour *t)
{
	for (size_t i = 0; i < t->listener->n_peers; i++) {
		const struct xo_peer *peer =
		    &t->policy->peers[t->listener->peers[i]];

		if (peer->has_tenant)
			visit_attributed_to(t, peer->tenant);
		for (size_t k = 0; peer->has_tenant_names &&
		    k < t->policy->n_tenants; k++)
			if (t->policy->tenants[k].n_certificate_names > 0)
				visit_attributed_to(t, (int)k);
	}
}

void
xo_routes_visit(const struct xo_policy *policy,
    const struct xo_listener *listener, xo_route_fn *fn, void *arg)
{
	const struct tour t = {policy, listener, fn, arg};
	bool has_xoorg = xo_listener_has_right(policy, listener,
	    XO_RIGHT_XOORG);
	bool has_ours = has_free_relay(&t);

	if (xo_listener_is_asked(listener))
		return;
	visit(&t, XO_VERDICT_UNAUTHENTICATED, false, XO_NOBODY);
	if (has_ours)
		visit(&t, XO_VERDICT_OURS, true, XO_NOBODY);
	visit_attributed(&t);
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
