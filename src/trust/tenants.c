/* SPDX-License-Identifier: ISC */
/*
 * The tenant table: hash tables over lower-cased domains, one of each kind of
 * list. A wildcard stands under its parent domain with a mark of its own; it is
 * found by walking up from the domain asked for, so that the nearest one wins and
 * an exact entry before all. Of recipient domains all that match count.
 */
#include <xoorg/tenants.h>

#include <stdlib.h>

#include <xoorg/domain.h>
#include <xoorg/routing.h>

/* A list as long as that is looked through sooner than the index. */
#define SHORT_LIST 8

struct slot {
	struct xo_span key;		/* empty: free */
	bool is_wildcard;
	int tenant;
};

struct table {
	struct slot *slots;
	size_t mask;
	bool has_wildcards;
};

struct xo_tenant_index {
	struct table orgs;
	struct table senders;
	struct table names;
	struct table recipients;
	struct table routed;		/* those with allow_untrusted_routing */
};

static bool
is_wildcard(struct xo_span entry)
{
	return entry.len > 2 && entry.p[0] == '*' && entry.p[1] == '.';
}

/* FNV-1a; the keys are the operator's, not a stranger's. */
static size_t
hash(struct xo_span key, bool wildcard)
{
	uint64_t h = wildcard ? 0x9ae16a3b2f90404fU : 0xcbf29ce484222325U;
	size_t i;

	for (i = 0; i < key.len; i++) {
		h ^= xo_ascii_lower(key.p[i]);
		h *= 0x100000001b3U;
	}
	return (size_t)(h ^ h >> 32);
}

/* The slot of this key, or the free one where it belongs. */
static struct slot *
find_slot(const struct table *table, struct xo_span key, bool wildcard)
{
	size_t i = hash(key, wildcard) & table->mask;

	while (table->slots[i].key.len != 0 &&
	    (table->slots[i].is_wildcard != wildcard ||
	    !xo_domain_is_equal(table->slots[i].key, key)))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

/* Twice as many slots as keys at least, so that there is always a free one. */
static enum xo_err
table_init(struct table *table, size_t n_keys)
{
	size_t n = 8;

	while (n / 2 < n_keys) {
		if (n > SIZE_MAX / 2 / sizeof(*table->slots))
			return XO_ERR_MEMORY;
		n *= 2;
	}
	table->slots = calloc(n, sizeof(*table->slots));
	if (table->slots == NULL)
		return XO_ERR_MEMORY;
	table->mask = n - 1;
	return XO_OK;
}

/* XO_NOBODY if the entry is new, else the tenant that already has it. */
static int
table_add(struct table *table, struct xo_span entry, int tenant)
{
	bool wildcard = is_wildcard(entry);
	struct slot *slot;

	if (wildcard)
		entry = xo_span_from(entry, 2);
	if (entry.len == 0)
		return XO_NOBODY;
	slot = find_slot(table, entry, wildcard);
	if (slot->key.len != 0)
		return slot->tenant;
	*slot = (struct slot){entry, wildcard, tenant};
	table->has_wildcards |= wildcard;
	return XO_NOBODY;
}

/* Which of the tenants whose entries match. */
enum choice {
	NEAREST,			/* exact, or by the nearest wildcard */
	FIRST,				/* of the policy */
};

static int
table_find(const struct table *table, struct xo_span domain,
    enum choice choice)
{
	const struct slot *slot;
	int tenant = XO_NOBODY;
	size_t dot;

	if (domain.len == 0)
		return XO_NOBODY;
	slot = find_slot(table, domain, false);
	if (slot->key.len != 0)
		tenant = slot->tenant;
	if (!table->has_wildcards || !xo_domain_is_valid(domain))
		return tenant;
	for (dot = xo_span_find(domain, '.'); dot < domain.len &&
	    (tenant == XO_NOBODY || choice == FIRST);
	    dot = xo_span_find(domain, '.')) {
		domain = xo_span_from(domain, dot + 1);
		slot = find_slot(table, domain, true);
		if (slot->key.len != 0 && (tenant == XO_NOBODY ||
		    slot->tenant < tenant))
			tenant = slot->tenant;
	}
	return tenant;
}

/* Each of the tenant's; false: another has one of them, or it has one twice. */
static bool
add_own(struct table *table, const struct xo_span *list, size_t n, int tenant,
    int *first_r, int *second_r)
{
	for (size_t i = 0; list != NULL && i < n; i++) {
		int other = table_add(table, list[i], tenant);

		if (other == XO_NOBODY)
			continue;
		*first_r = other;
		*second_r = tenant;
		return false;
	}
	return true;
}

static enum xo_err
index_own(struct xo_tenant_index *index, const struct xo_policy *policy,
    int *first_r, int *second_r)
{
	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *tenant = &policy->tenants[i];

		if (!add_own(&index->orgs, tenant->originator_orgs,
		    tenant->n_originator_orgs, (int)i, first_r, second_r) ||
		    !add_own(&index->names, tenant->certificate_names,
		    tenant->n_certificate_names, (int)i, first_r, second_r))
			return XO_ERR_POLICY;
	}
	return XO_OK;
}

/* Such a domain may stand in several tenants; the first has it. */
static void
add_shared(struct table *table, const struct xo_span *list, size_t n,
    int tenant)
{
	for (size_t i = 0; list != NULL && i < n; i++)
		(void)table_add(table, list[i], tenant);
}

static void
index_shared(struct xo_tenant_index *index, const struct xo_policy *policy)
{
	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *t = &policy->tenants[i];

		add_shared(&index->senders, t->sender_domains,
		    t->n_sender_domains, (int)i);
		add_shared(&index->recipients, t->recipient_domains,
		    t->n_recipient_domains, (int)i);
		if (t->allow_untrusted_routing)
			add_shared(&index->routed, t->recipient_domains,
			    t->n_recipient_domains, (int)i);
	}
}

static enum xo_err
index_init(struct xo_tenant_index *index, const struct xo_policy *policy)
{
	size_t n_orgs = 0, n_senders = 0, n_names = 0;
	size_t n_recipients = 0, n_routed = 0;

	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *t = &policy->tenants[i];

		n_orgs += t->n_originator_orgs;
		n_senders += t->n_sender_domains;
		n_names += t->n_certificate_names;
		n_recipients += t->n_recipient_domains;
		if (t->allow_untrusted_routing)
			n_routed += t->n_recipient_domains;
	}
	if (table_init(&index->orgs, n_orgs) != XO_OK ||
	    table_init(&index->senders, n_senders) != XO_OK ||
	    table_init(&index->names, n_names) != XO_OK ||
	    table_init(&index->recipients, n_recipients) != XO_OK)
		return XO_ERR_MEMORY;
	return table_init(&index->routed, n_routed);
}

enum xo_err
xo_tenants_index(struct xo_policy *policy, int *first_r, int *second_r)
{
	struct xo_tenant_index *index = calloc(1, sizeof(*index));
	enum xo_err err;

	*first_r = *second_r = XO_NOBODY;
	policy->tenant_index = NULL;
	if (index == NULL)
		return XO_ERR_MEMORY;
	err = index_init(index, policy);
	if (err == XO_OK)
		err = index_own(index, policy, first_r, second_r);
	if (err != XO_OK)
		goto out;
	index_shared(index, policy);
	policy->tenant_index = index;
	index = NULL;
out:
	xo_tenants_index_free(&index);
	return err;
}

void
xo_tenants_index_free(struct xo_tenant_index **index)
{
	if (*index == NULL)
		return;
	free((*index)->orgs.slots);
	free((*index)->senders.slots);
	free((*index)->names.slots);
	free((*index)->recipients.slots);
	free((*index)->routed.slots);
	free(*index);
	*index = NULL;
}

static int
find_own(const struct xo_policy *policy, const struct xo_key *key)
{
	int tenant = XO_NOBODY;

	if (policy->tenant_index == NULL)
		return XO_NOBODY;
	if (key->kind == XO_KEY_CERTIFICATE)
		return xo_tenants_by_certificate_name(policy, key->domain);
	if (key->kind == XO_KEY_SENDER)
		tenant = table_find(&policy->tenant_index->senders,
		    key->domain, NEAREST);
	if (tenant != XO_NOBODY)
		return tenant;
	return table_find(&policy->tenant_index->orgs, key->domain, NEAREST);
}

enum xo_knowledge
xo_tenants_find(const struct xo_policy *policy, const struct xo_key *key,
    int *tenant_r)
{
	enum xo_knowledge known;
	int slot;

	*tenant_r = find_own(policy, key);
	if (*tenant_r != XO_NOBODY)
		return XO_KNOWN_TENANT;
	if (policy->guests == NULL)
		return XO_KNOWN_NOBODY;
	known = xo_guests_find(policy->guests, key, &slot);
	if (slot != XO_NOBODY)
		*tenant_r = (int)policy->n_tenants + slot;
	return known;
}

static int
find_any(const struct xo_policy *policy, const struct xo_key *key)
{
	int tenant;

	(void)xo_tenants_find(policy, key, &tenant);
	return tenant;
}

int
xo_tenants_by_org(const struct xo_policy *policy, struct xo_span org)
{
	return find_any(policy, &(struct xo_key){XO_KEY_ORG, org});
}

int
xo_tenants_by_sender_domain(const struct xo_policy *policy,
    struct xo_span domain)
{
	return find_any(policy, &(struct xo_key){XO_KEY_SENDER, domain});
}

int
xo_tenants_by_certificate_name(const struct xo_policy *policy,
    struct xo_span name)
{
	const struct slot *slot;

	if (policy->tenant_index == NULL || name.len == 0)
		return XO_NOBODY;
	slot = find_slot(&policy->tenant_index->names, name, false);
	return slot->key.len != 0 ? slot->tenant : XO_NOBODY;
}

int
xo_tenants_by_recipient_domain(const struct xo_policy *policy,
    struct xo_span domain, bool is_routed)
{
	const struct xo_tenant_index *index = policy->tenant_index;

	if (index == NULL)
		return XO_NOBODY;
	return table_find(is_routed ? &index->routed : &index->recipients,
	    domain, FIRST);
}

bool
xo_tenants_lack(const struct xo_policy *policy, const struct xo_key *key)
{
	int slot;

	return policy->guests != NULL && xo_domain_is_valid(key->domain) &&
	    find_own(policy, key) == XO_NOBODY &&
	    xo_guests_find(policy->guests, key, &slot) == XO_KNOWN_NOT_NOW;
}

bool
xo_tenants_are_one(const struct xo_policy *policy, int a, int b)
{
	const struct xo_tenant *first = xo_tenant_at(policy, a);
	const struct xo_tenant *second = xo_tenant_at(policy, b);

	if (first == NULL || second == NULL)
		return false;
	/* No guest has the name of another tenant. */
	return a == b || (xo_tenant_is_guest(policy, a) &&
	    xo_tenant_is_guest(policy, b) &&
	    xo_span_is_equal(first->name, second->name));
}

bool
xo_tenants_has_org(const struct xo_policy *policy, int i,
    struct xo_span domain)
{
	const struct xo_tenant *tenant = xo_tenant_at(policy, i);
	int whose = xo_tenants_by_org(policy, domain);

	if (xo_tenants_are_one(policy, whose, i))
		return true;
	if (tenant == NULL || whose != XO_NOBODY ||
	    !xo_tenant_is_guest(policy, i))
		return false;
	for (size_t k = 0; k < tenant->n_originator_orgs; k++)
		if (xo_domain_is_equal(tenant->originator_orgs[k], domain))
			return true;
	return false;
}

int
xo_tenants_by_address(const struct xo_policy *policy, struct xo_span address)
{
	int tenant = xo_tenants_by_sender_domain(policy,
	    xo_address_domain(address));

	if (tenant != XO_NOBODY && xo_address_is_routed(address) &&
	    !xo_tenant_at(policy, tenant)->allow_untrusted_routing)
		return XO_NOBODY;
	return tenant;
}

static bool
is_below(struct xo_span domain, struct xo_span parent)
{
	size_t n;

	if (domain.len <= parent.len + 1 || !xo_domain_is_valid(domain))
		return false;
	n = domain.len - parent.len;
	return domain.p[n - 1] == '.' &&
	    xo_domain_is_equal(xo_span_from(domain, n), parent);
}

bool
xo_domain_is_listed(const struct xo_span *list, size_t n, struct xo_span domain)
{
	size_t i;

	if (domain.len == 0)
		return false;
	for (i = 0; list != NULL && i < n; i++) {
		if (is_wildcard(list[i])) {
			if (is_below(domain, xo_span_from(list[i], 2)))
				return true;
		} else if (xo_domain_is_equal(list[i], domain)) {
			return true;
		}
	}
	return false;
}

/* The first tenant of the configuration that lists it. */
static int
find_first(const struct xo_tenant_index *index, enum xo_tenant_list list,
    struct xo_span domain)
{
	const struct table *const tables[XO_TENANT_LIST_COUNT] = {
		[XO_TENANT_ORGS] = &index->orgs,
		[XO_TENANT_SENDERS] = &index->senders,
		[XO_TENANT_RECIPIENTS] = &index->recipients,
	};

	return table_find(tables[list], domain, FIRST);
}

bool
xo_tenant_lists(const struct xo_policy *policy, int tenant,
    enum xo_tenant_list list, struct xo_span domain)
{
	const struct xo_tenant *t = xo_tenant_at(policy, tenant);
	const struct xo_span *entries = NULL;
	size_t n = 0;

	if (t == NULL)
		return false;
	if (list == XO_TENANT_ORGS) {
		entries = t->originator_orgs;
		n = t->n_originator_orgs;
	} else if (list == XO_TENANT_SENDERS) {
		entries = t->sender_domains;
		n = t->n_sender_domains;
	} else if (list == XO_TENANT_RECIPIENTS) {
		entries = t->recipient_domains;
		n = t->n_recipient_domains;
	}
	if (n > SHORT_LIST && policy->tenant_index != NULL &&
	    !xo_tenant_is_guest(policy, tenant)) {
		int first = find_first(policy->tenant_index, list, domain);

		/* Behind the first there may be others. */
		if (first == XO_NOBODY || first == tenant)
			return first == tenant;
	}
	return xo_domain_is_listed(entries, n, domain);
}
