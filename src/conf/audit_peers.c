/* SPDX-License-Identifier: ISC */
/*
 * Peers of one listener that claim one client for two tenants, by the rules of
 * rights.c.
 */
#include <conf/audit.h>

#include <xoorg/rights.h>
#include <xoorg/tenants.h>

/* What stands below the first label. */
static struct xo_span
parent(struct xo_span name)
{
	return xo_span_from(name, xo_span_find(name, '.'));
}

/* Some certificate has a name that is both's: one of the two, or the wildcard
 * that covers both. */
static bool
names_meet(const struct xo_peer *p, struct xo_span a, const struct xo_peer *q,
    struct xo_span b)
{
	return xo_certificate_name_matches(a, b, p->has_wildcards) ||
	    xo_certificate_name_matches(b, a, q->has_wildcards) ||
	    (p->has_wildcards && q->has_wildcards &&
	    xo_span_is_equal_nocase(parent(a), parent(b)));
}

static bool
meet_by_name(const struct xo_peer *p, const struct xo_peer *q)
{
	for (size_t i = 0; i < p->n_names; i++)
		for (size_t k = 0; k < q->n_names; k++)
			if (names_meet(p, p->names[i], q, q->names[k]))
				return true;
	return false;
}

static bool
meet_by_address(const struct xo_peer *p, const struct xo_peer *q)
{
	for (size_t i = 0; i < p->n_networks; i++)
		for (size_t k = 0; k < q->n_networks; k++)
			if (xo_network_contains(&p->networks[i],
			    &q->networks[k].address) ||
			    xo_network_contains(&q->networks[k],
			    &p->networks[i].address))
				return true;
	return false;
}

/* The one's name is among the certificate_names of a tenant that is not its. */
static bool
has_anothers_name(const struct xo_policy *policy, const struct xo_peer *p)
{
	for (size_t i = 0; i < p->n_names; i++) {
		int tenant = xo_tenants_by_certificate_name(policy,
		    p->names[i]);

		if (tenant != XO_NOBODY && tenant != p->tenant)
			return true;
	}
	return false;
}

static bool
are_torn(const struct xo_policy *policy, const struct xo_peer *p,
    const struct xo_peer *q)
{
	if (p->has_tenant_names || q->has_tenant_names)
		return (p->has_tenant && has_anothers_name(policy, p)) ||
		    (q->has_tenant && has_anothers_name(policy, q));
	return p->has_tenant && q->has_tenant && p->tenant != q->tenant &&
	    (meet_by_name(p, q) || meet_by_address(p, q));
}

static void
look_for_two_tenants(struct xo_audit *a, size_t i)
{
	const struct xo_listener *l = &a->policy->listeners[i];
	const struct xo_peer *peers = a->policy->peers;

	for (size_t n = 0; n < l->n_peers; n++)
		for (size_t k = 0; k < n; k++)
			if (are_torn(a->policy, &peers[l->peers[k]],
			    &peers[l->peers[n]]))
				xo_audit_tell(a, NULL, "`%.60s` and `%.60s` "
				    "can match one client, and name two "
				    "tenants", xo_audit_name(a,
				    XO_SECTION_PEERS, l->peers[k]),
				    xo_audit_name(a, XO_SECTION_PEERS,
				    l->peers[n]));
}

const struct xo_look xo_looks_at_peers[] = {
	{XO_SECTION_LISTENERS, "peers", XO_RULE_TWO_TENANTS,
	    look_for_two_tenants},
	{.look = NULL},
};
