/* SPDX-License-Identifier: ISC */
/*
 * The tenant table, and the verdict on one message.
 *
 * Domains are compared without case, exactly; `*.contoso.com` in a list matches
 * every subdomain of contoso.com, and contoso.com not.
 */
#ifndef XOORG_TENANTS_H
#define XOORG_TENANTS_H

#include <xoorg/command.h>
#include <xoorg/policy.h>
#include <xoorg/refusal.h>

XO_API_BEGIN

/*
 * Builds policy->tenant_index, so that a lookup costs the same for ten tenants
 * as for ten thousand. XO_ERR_POLICY: an originator org stands twice; *first_r
 * and *second_r name its tenants, which may be the same. Without an index no
 * tenant is found. A former index is the caller's to free.
 */
XO_MUST_CHECK enum xo_err xo_tenants_index(struct xo_policy *policy,
    int *first_r, int *second_r);
void xo_tenants_index_free(struct xo_tenant_index **index);

/*
 * The tenant with this originator org, or XO_NOBODY. An exact entry wins over a
 * wildcard, a near wildcard over a far one.
 */
int xo_tenants_by_org(const struct xo_policy *policy, struct xo_span org);

/*
 * On the way out: the tenant that this envelope address belongs to, by its
 * domain; XO_NOBODY if none, or if the address holds a route (routing.h) and
 * the tenant does not allow that: another reader would take it for another's.
 */
int xo_tenants_by_address(const struct xo_policy *policy,
    struct xo_span address);

/*
 * The same for a domain: by the sender_domains, else the originator_orgs. If
 * several tenants list a sender domain, the first has it.
 */
int xo_tenants_by_sender_domain(const struct xo_policy *policy,
    struct xo_span domain);

bool xo_domain_is_listed(const struct xo_span *list, size_t n,
    struct xo_span domain);

/* What is known at MAIL. */
struct xo_question {
	uint32_t rights;		/* of the session */
	bool has_xoorg;
	struct xo_span xoorg;		/* decoded, syntax checked */
	struct xo_span sender;		/* envelope sender; empty: null */
};

struct xo_answer {
	enum xo_verdict verdict;
	int tenant;			/* XO_NOBODY unless the org is known */
	enum xo_decision decision;	/* what happens */
	enum xo_decision would;		/* what enforcing would have done */
};

/*
 * It starts from untrusted. Only a listed organisation in a session with the
 * right XO_RIGHT_XOORG is verified. A sender that holds a route (routing.h) is in
 * no tenant's sender_domains. In observe mode a refusal becomes a demotion. A
 * session that has XO_RIGHT_RELAY and not XO_RIGHT_XOORG is one of our own
 * systems: its verdict is `ours` and its mail is accepted.
 */
void xo_verdict_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_answer *answer_r);

/*
 * May this recipient be given to the upstream for verified mail? By the
 * tenant's recipient_domains, its `relay`, or the session's relay right.
 * Mail without a tenant that the operator accepts all the same may go to any
 * tenant's own recipients, never beyond. XO_REFUSAL_NONE: yes;
 * XO_REFUSAL_RCPT_RELAY: its domain is not among them; XO_REFUSAL_RCPT_ROUTED:
 * it is, but the address holds a route (routing.h), by which mail without the
 * right to relay could leave, and the tenant has no `allow_untrusted_routing`.
 */
XO_MUST_CHECK enum xo_refusal xo_recipient_check(
    const struct xo_policy *policy, int tenant, uint32_t rights,
    const struct xo_path *to);

/*
 * Is it `<postmaster>`, or the postmaster of one of this tenant's
 * recipient_domains or originator_orgs, in any case? Verified mail to it is never
 * refused (RFC 5321 4.5.1). No other form of the word counts, neither in quotes
 * nor with a route in it.
 */
bool xo_recipient_is_postmaster(const struct xo_policy *policy, int tenant,
    const struct xo_path *to);

XO_API_END

#endif
