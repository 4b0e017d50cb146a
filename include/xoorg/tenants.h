/* SPDX-License-Identifier: ISC */
/*
 * The tenant table: whose a value of XOORG is, or an address on the way out.
 *
 * Domains are compared without case, exactly; `*.contoso.com` in a list matches
 * every subdomain of contoso.com, and contoso.com not.
 */
#ifndef XOORG_TENANTS_H
#define XOORG_TENANTS_H

#include <xoorg/guests.h>
#include <xoorg/policy.h>

XO_API_BEGIN

/*
 * Builds policy->tenant_index, so that a lookup costs the same for ten tenants
 * as for ten thousand. XO_ERR_POLICY: an originator org stands twice, or a name
 * of certificate_names does; *first_r and *second_r name its tenants, which may
 * be the same. Without an index no tenant is found. A former index is the caller's to free.
 */
XO_MUST_CHECK enum xo_err xo_tenants_index(struct xo_policy *policy,
    int *first_r, int *second_r);
void xo_tenants_index_free(struct xo_tenant_index **index);

/*
 * The tenant with this originator org, or XO_NOBODY. An exact entry wins over a
 * wildcard, a near wildcard over a far one. Guests are found after these, and
 * only while they are known: see xo_tenants_lack().
 */
int xo_tenants_by_org(const struct xo_policy *policy, struct xo_span org);

/*
 * The tenant with this name among its certificate_names, or XO_NOBODY. Neither a
 * wildcard nor a guest is ever found.
 */
int xo_tenants_by_certificate_name(const struct xo_policy *policy,
    struct xo_span name);

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

/*
 * The first tenant that has this domain among its recipient_domains, or XO_NOBODY;
 * `is_routed`: the first of those with allow_untrusted_routing. A guest is never
 * found: no source is asked by a recipient.
 */
int xo_tenants_by_recipient_domain(const struct xo_policy *policy,
    struct xo_span domain, bool is_routed);

/*
 * Whose it is, as far as it is known: by the configuration, else by a source's
 * answer. *tenant_r: of XO_KNOWN_TENANT, else XO_NOBODY.
 */
enum xo_knowledge xo_tenants_find(const struct xo_policy *policy,
    const struct xo_key *key, int *tenant_r);

/* Two numbers of one tenant: a guest has one by each key that it was found by. */
bool xo_tenants_are_one(const struct xo_policy *policy, int a, int b);

/*
 * Is it one of its originator orgs? Of a tenant of the configuration the nearest
 * entry says so. For a guest no source is asked: only what it lists as it is
 * counts, and what no other tenant is known to have.
 */
bool xo_tenants_has_org(const struct xo_policy *policy, int tenant,
    struct xo_span domain);

/*
 * Whose it is stands in no configuration and has not been answered: nothing may
 * follow from that XO_NOBODY, a source must be asked. Never of what is no valid
 * domain: no source has that.
 */
bool xo_tenants_lack(const struct xo_policy *policy, const struct xo_key *key);

enum xo_tenant_list {
	XO_TENANT_ORGS,			/* originator_orgs */
	XO_TENANT_SENDERS,		/* sender_domains */
	XO_TENANT_RECIPIENTS,		/* recipient_domains */
	XO_TENANT_LIST_COUNT
};

/* Is it in this list of this tenant's, a guest's, too? As xo_domain_is_listed()
 * has it, and as quick for a long list of the configuration as for a short one. */
bool xo_tenant_lists(const struct xo_policy *policy, int tenant,
    enum xo_tenant_list list, struct xo_span domain);

bool xo_domain_is_listed(const struct xo_span *list, size_t n,
    struct xo_span domain);

XO_API_END

#endif
