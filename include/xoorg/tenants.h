/* SPDX-License-Identifier: ISC */
/*
 * The tenant table, and the verdict on one message.
 *
 * Domains are compared without case, exactly; `*.contoso.com` in a list matches
 * every subdomain of contoso.com, and contoso.com not.
 */
#ifndef XOORG_TENANTS_H
#define XOORG_TENANTS_H

#include <xoorg/policy.h>

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
 * On the way out: the tenant that this envelope domain belongs to, by its
 * sender_domains, else its originator_orgs; XO_NOBODY if none. Of several with
 * one sender domain the first has it.
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
 * Untrusted is where it starts; only a named organisation of a session with
 * the right is verified. Observing, a refusal becomes a demotion. A session
 * that has XO_RIGHT_RELAY and not XO_RIGHT_XOORG is one of our own systems: its
 * verdict is `unauthenticated` and its mail accepted.
 */
void xo_verdict_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_answer *answer_r);

/*
 * May this recipient be given to the upstream for verified mail? By the
 * tenant's recipient_domains, its `relay`, or the session's relay right.
 */
bool xo_recipient_is_allowed(const struct xo_policy *policy, int tenant,
    uint32_t rights, struct xo_span domain);

XO_API_END

#endif
