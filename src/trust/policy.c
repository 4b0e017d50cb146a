/* SPDX-License-Identifier: ISC */
/*
 * What a policy holds, by its number; the words of verdicts and decisions.
 */
#include <xoorg/guests.h>
#include <xoorg/policy.h>

static const char *const verdict_names[] = {
	[XO_VERDICT_VERIFIED] = "verified",
	[XO_VERDICT_UNKNOWN_ORG] = "unknown_org",
	[XO_VERDICT_NO_ORG] = "no_org",
	[XO_VERDICT_SENDER_MISMATCH] = "sender_mismatch",
	[XO_VERDICT_UNAUTHENTICATED] = "unauthenticated",
	[XO_VERDICT_OURS] = "ours",
	[XO_VERDICT_ATTRIBUTED] = "attributed",
};
_Static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) ==
    XO_VERDICT_COUNT, "a verdict without a name");

static const char *const decision_names[] = {
	[XO_DECISION_REJECT] = "reject",
	[XO_DECISION_TEMPFAIL] = "tempfail",
	[XO_DECISION_DEMOTE] = "demote",
	[XO_DECISION_ACCEPT] = "accept",
};
_Static_assert(sizeof(decision_names) / sizeof(decision_names[0]) ==
    XO_DECISION_COUNT, "a decision without a name");

const struct xo_upstream *
xo_upstream_at(const struct xo_policy *policy, int i)
{
	static const struct xo_upstream none = {
		.cross_premises = XO_CROSS_PREMISES_STRIP
	};

	if (i < 0 || (size_t)i >= policy->n_upstreams)
		return &none;
	return &policy->upstreams[i];
}

const struct xo_tenant *
xo_tenant_at(const struct xo_policy *policy, int i)
{
	if (i < 0)
		return NULL;
	if ((size_t)i < policy->n_tenants)
		return &policy->tenants[i];
	return xo_guests_tenant(policy->guests, i - (int)policy->n_tenants);
}

bool
xo_tenant_is_guest(const struct xo_policy *policy, int i)
{
	return i >= 0 && (size_t)i >= policy->n_tenants;
}

int
xo_listener_upstream(const struct xo_listener *listener)
{
	return listener->has_upstream ? listener->upstream : XO_NOBODY;
}

int
xo_listener_demote_to(const struct xo_listener *listener)
{
	return listener->has_demote_to ? listener->demote_to : XO_NOBODY;
}

int
xo_tenant_upstream(const struct xo_tenant *tenant)
{
	return tenant->has_upstream ? tenant->upstream : XO_NOBODY;
}

bool
xo_listener_is_asked(const struct xo_listener *listener)
{
	return listener->service != XO_SERVICE_SMTP;
}

bool
xo_listener_repairs(const struct xo_listener *listener)
{
	return listener->malformed_header == XO_MALFORMED_HEADER_REPAIR ||
	    listener->mode == XO_MODE_OBSERVE;
}

const char *
xo_verdict_name(enum xo_verdict verdict)
{
	if ((unsigned int)verdict >= XO_VERDICT_COUNT)
		return "?";
	return verdict_names[verdict];
}

const char *
xo_decision_name(enum xo_decision decision)
{
	if ((unsigned int)decision >= XO_DECISION_COUNT)
		return "?";
	return decision_names[decision];
}
