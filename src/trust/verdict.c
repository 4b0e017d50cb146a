/* SPDX-License-Identifier: ISC */
/*
 * The verdict on one message, and what follows from it.
 */
#include <xoorg/verdict.h>

#include <xoorg/domain.h>
#include <xoorg/routing.h>
#include <xoorg/tenants.h>
#include <xoorg/treatment.h>

static bool
is_from(const struct xo_policy *policy, int tenant, enum xo_tenant_list list,
    struct xo_span sender)
{
	return xo_tenant_lists(policy, tenant, list,
	    xo_address_domain(sender)) && (!xo_address_is_routed(sender) ||
	    xo_tenant_at(policy, tenant)->allow_untrusted_routing);
}

/* XOORG says who handed the mail over, not who wrote it: hence this rule. */
static bool
may_send(const struct xo_policy *policy, int tenant, struct xo_span sender)
{
	if (sender.len == 0 ||
	    xo_tenant_at(policy, tenant)->n_sender_domains == 0)
		return true;
	return is_from(policy, tenant, XO_TENANT_SENDERS, sender);
}

/* For a session that is a tenant's: by the domains that say, for any other of our
 * own systems, whose mail it is. */
static bool
may_speak(const struct xo_policy *policy, int tenant, struct xo_span sender)
{
	if (sender.len == 0)
		return true;
	if (xo_tenant_at(policy, tenant)->n_sender_domains == 0)
		return is_from(policy, tenant, XO_TENANT_ORGS, sender);
	return may_send(policy, tenant, sender);
}

static enum xo_verdict
judge_ours(const struct xo_policy *policy, const struct xo_question *question,
    int *tenant_r)
{
	if (!question->is_attributed)
		return XO_VERDICT_OURS;
	/* A peer's tenant stands beside it, in the configuration. */
	if (xo_tenant_at(policy, question->tenant) == NULL ||
	    (xo_tenant_is_guest(policy, question->tenant) &&
	    !question->is_by_name))
		return XO_VERDICT_UNAUTHENTICATED;
	*tenant_r = question->tenant;
	return may_speak(policy, question->tenant, question->sender) ?
	    XO_VERDICT_ATTRIBUTED : XO_VERDICT_SENDER_MISMATCH;
}

static enum xo_verdict
judge(const struct xo_policy *policy, const struct xo_question *question,
    int *tenant_r)
{
	*tenant_r = XO_NOBODY;
	if (xo_rights_are_ours(question->rights))
		return judge_ours(policy, question, tenant_r);
	if ((question->rights & XO_RIGHT_XOORG) == 0)
		return XO_VERDICT_UNAUTHENTICATED;
	if (!question->has_xoorg)
		return XO_VERDICT_NO_ORG;
	*tenant_r = xo_tenants_by_org(policy, question->xoorg);
	if (*tenant_r == XO_NOBODY)
		return XO_VERDICT_UNKNOWN_ORG;
	if (!may_send(policy, *tenant_r, question->sender))
		return XO_VERDICT_SENDER_MISMATCH;
	return XO_VERDICT_VERIFIED;
}

void
xo_verdict_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_answer *answer_r)
{
	enum xo_verdict verdict = judge(policy, question, &answer_r->tenant);

	answer_r->verdict = verdict;
	if (verdict == XO_VERDICT_VERIFIED || verdict == XO_VERDICT_OURS ||
	    verdict == XO_VERDICT_ATTRIBUTED)
		answer_r->would = XO_DECISION_ACCEPT;
	else
		answer_r->would = listener->on[verdict];
	answer_r->decision = answer_r->would;
	if (listener->mode == XO_MODE_OBSERVE &&
	    answer_r->would != XO_DECISION_ACCEPT)
		answer_r->decision = XO_DECISION_DEMOTE;
}

/* By its domain, and by nothing that its local part asks for beside. */
static enum xo_refusal
check_own(const struct xo_policy *policy, int tenant, const struct xo_path *to)
{
	if (!xo_tenant_lists(policy, tenant, XO_TENANT_RECIPIENTS, to->domain))
		return XO_REFUSAL_RCPT_RELAY;
	return !xo_tenant_at(policy, tenant)->allow_untrusted_routing &&
	    xo_address_is_routed(to->address) ? XO_REFUSAL_RCPT_ROUTED :
	    XO_REFUSAL_NONE;
}

/* By any tenant of the configuration. */
static enum xo_refusal
check_anybodys(const struct xo_policy *policy, const struct xo_path *to)
{
	bool is_routed = xo_address_is_routed(to->address);

	if (xo_tenants_by_recipient_domain(policy, to->domain, is_routed) !=
	    XO_NOBODY)
		return XO_REFUSAL_NONE;
	return is_routed && xo_tenants_by_recipient_domain(policy, to->domain,
	    false) != XO_NOBODY ? XO_REFUSAL_RCPT_ROUTED :
	    XO_REFUSAL_RCPT_RELAY;
}

/* RFC 5321 4.5.1. The nearest entry says whose an originator org is, so that
 * a wildcard of one tenant takes nothing from another. */
bool
xo_recipient_is_postmaster(const struct xo_policy *policy, int tenant,
    const struct xo_path *to)
{
	struct xo_span local = to->address;
	const struct xo_tenant *t;

	t = xo_tenant_at(policy, tenant);
	if (t == NULL)
		return false;
	local = xo_span_first(local, xo_span_find(local, '@'));
	if (!xo_span_is_equal_nocase(local, XO_LIT("postmaster")))
		return false;
	return to->address.len == local.len ||
	    xo_tenant_lists(policy, tenant, XO_TENANT_RECIPIENTS,
	    to->domain) || xo_tenants_has_org(policy, tenant, to->domain);
}

enum xo_refusal
xo_recipient_check(const struct xo_policy *policy, int tenant,
    uint32_t rights, const struct xo_path *to)
{
	const struct xo_tenant *t = xo_tenant_at(policy, tenant);

	if (xo_rights_are_ours(rights))
		return XO_REFUSAL_NONE;
	if (tenant == XO_NOBODY)
		return check_anybodys(policy, to);
	if (t == NULL)
		return XO_REFUSAL_RCPT_RELAY;
	return t->relay ? XO_REFUSAL_NONE : check_own(policy, tenant, to);
}
