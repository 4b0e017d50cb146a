/* SPDX-License-Identifier: ISC */
/*
 * The verdict on one message, and what follows from it.
 */
#include <xoorg/tenants.h>

#include <xoorg/domain.h>

/* XOORG says who handed the mail over, not who wrote it: hence this rule. */
static bool
may_send(const struct xo_tenant *tenant, struct xo_span sender)
{
	return sender.len == 0 || tenant->n_sender_domains == 0 ||
	    xo_domain_is_listed(tenant->sender_domains,
	    tenant->n_sender_domains, xo_address_domain(sender));
}

static enum xo_verdict
judge(const struct xo_policy *policy, const struct xo_question *question,
    int *tenant_r)
{
	*tenant_r = XO_NOBODY;
	if ((question->rights & XO_RIGHT_XOORG) == 0)
		return XO_VERDICT_UNAUTHENTICATED;
	if (!question->has_xoorg)
		return XO_VERDICT_NO_ORG;
	*tenant_r = xo_tenants_by_org(policy, question->xoorg);
	if (*tenant_r == XO_NOBODY)
		return XO_VERDICT_UNKNOWN_ORG;
	if (!may_send(&policy->tenants[*tenant_r], question->sender))
		return XO_VERDICT_SENDER_MISMATCH;
	return XO_VERDICT_VERIFIED;
}

void
xo_verdict_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_answer *answer_r)
{
	enum xo_verdict verdict = judge(policy, question, &answer_r->tenant);
	bool is_ours = (question->rights & XO_RIGHT_RELAY) != 0 &&
	    (question->rights & XO_RIGHT_XOORG) == 0;

	answer_r->verdict = verdict;
	if (verdict == XO_VERDICT_VERIFIED || is_ours)
		answer_r->would = XO_DECISION_ACCEPT;
	else
		answer_r->would = listener->on[verdict];
	answer_r->decision = answer_r->would;
	if (listener->mode == XO_MODE_OBSERVE &&
	    answer_r->would != XO_DECISION_ACCEPT)
		answer_r->decision = XO_DECISION_DEMOTE;
}

bool
xo_recipient_is_allowed(const struct xo_policy *policy, int tenant,
    uint32_t rights, struct xo_span domain)
{
	const struct xo_tenant *t;

	if ((rights & XO_RIGHT_RELAY) != 0 && (rights & XO_RIGHT_XOORG) == 0)
		return true;
	if (tenant < 0 || (size_t)tenant >= policy->n_tenants)
		return false;
	t = &policy->tenants[tenant];
	return t->relay || xo_domain_is_listed(t->recipient_domains,
	    t->n_recipient_domains, domain);
}
