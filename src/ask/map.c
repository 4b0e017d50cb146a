/* SPDX-License-Identifier: ISC */
/*
 * The tenants as Postfix' lookup tables: see map.h.
 */
#include <ask/map.h>

#include <ask/delegation.h>
#include <xoorg/domain.h>
#include <xoorg/tenants.h>

/* `a@b`, `@b` or `b`, as Postfix asks in turn. */
static struct xo_span
domain_of(struct xo_span key)
{
	return xo_span_find(key, '@') == key.len ? key :
	    xo_address_domain(key);
}

static int
find_sender(const struct xo_policy *policy, struct xo_span key)
{
	if (!xo_domain_is_valid(domain_of(key)))
		return XO_NOBODY;
	return xo_span_find(key, '@') == key.len ?
	    xo_tenants_by_sender_domain(policy, key) :
	    xo_tenants_by_address(policy, key);
}

static int
find_recipient(const struct xo_policy *policy, struct xo_span key)
{
	struct xo_span domain = domain_of(key);

	return xo_domain_is_valid(domain) ?
	    xo_tenants_by_recipient_domain(policy, domain, false) : XO_NOBODY;
}

static struct xo_span
name_of(const struct xo_policy *policy, const struct xo_listener *listener,
    int tenant)
{
	const struct xo_tenant *t = xo_tenant_at(policy, tenant);

	(void)listener;
	return t != NULL ? t->name : xo_span(NULL, 0);
}

static struct xo_span
org_of(const struct xo_policy *policy, const struct xo_listener *listener,
    int tenant)
{
	const struct xo_tenant *t = xo_tenant_at(policy, tenant);

	(void)listener;
	return t != NULL && t->n_originator_orgs > 0 ? t->originator_orgs[0] :
	    xo_span(NULL, 0);
}

static enum xo_refusal
refuse_org(const struct xo_listener *listener, int tenant)
{
	if (tenant != XO_NOBODY || listener->mode == XO_MODE_OBSERVE)
		return XO_REFUSAL_NONE;
	switch (listener->on[XO_VERDICT_UNKNOWN_ORG]) {
	case XO_DECISION_ACCEPT:
	case XO_DECISION_DEMOTE:
		return XO_REFUSAL_NONE;
	case XO_DECISION_TEMPFAIL:
		return XO_REFUSAL_TRY_LATER;
	case XO_DECISION_REJECT:
	case XO_DECISION_COUNT:
	default:
		return XO_REFUSAL_UNKNOWN_ORG;
	}
}

static const struct map {
	const char *name;
	int (*find)(const struct xo_policy *policy, struct xo_span key);
	/* NULL: an action of access(5), of what there is not, too. */
	struct xo_span (*value)(const struct xo_policy *policy,
	    const struct xo_listener *listener, int tenant);
	/* What a source is asked for; COUNT: nothing. */
	enum xo_key_kind kind;
} maps[] = {
	{"org", xo_tenants_by_org, name_of, XO_KEY_ORG},
	{"org_access", xo_tenants_by_org, NULL, XO_KEY_ORG},
	{"sender", find_sender, name_of, XO_KEY_SENDER},
	{"sender_xoorg", find_sender, org_of, XO_KEY_SENDER},
	{"recipient", find_recipient, name_of, XO_KEY_KIND_COUNT},
};

/* Not to be found is no answer while it is not known. */
static bool
lacks(const struct xo_policy *policy, const struct map *map,
    struct xo_map_answer *answer)
{
	answer->lacks.key = (struct xo_key){map->kind,
		map->kind == XO_KEY_SENDER ? domain_of(answer->key) :
		answer->key};
	return map->kind != XO_KEY_KIND_COUNT &&
	    xo_tenants_lack(policy, &answer->lacks.key);
}

static const struct map *
find_map(struct xo_span name)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (xo_span_is_equal(name, xo_span_from_cstr(maps[i].name)))
			return &maps[i];
	return NULL;
}

static void
write_action(struct xo_buf *out, const struct xo_listener *listener,
    struct xo_map_answer *answer)
{
	answer->result = XO_MAP_OK;
	answer->is_access = true;
	answer->refusal = refuse_org(listener, answer->tenant);
	xo_buf_add_cstr(out, "OK ");
	xo_delegation_write_action(out, false, answer->refusal);
}

void
xo_map_answer(const struct xo_policy *policy,
    const struct xo_listener *listener, struct xo_span request,
    struct xo_buf *out, struct xo_map_answer *answer_r)
{
	size_t blank = xo_span_find(request, ' ');
	const struct map *map = find_map(xo_span_first(request, blank));
	struct xo_span value;

	*answer_r = (struct xo_map_answer){
		.result = XO_MAP_PERM,
		.map = xo_span_first(request, blank),
		.key = xo_span_from(request, blank + 1),
		.tenant = XO_NOBODY,
	};
	if (map == NULL || blank == request.len) {
		xo_buf_add_cstr(out, map == NULL ? "PERM no such table" :
		    "PERM no key");
		return;
	}
	if (lacks(policy, map, answer_r)) {
		answer_r->result = XO_MAP_TEMP;
		answer_r->is_access = map->value == NULL;
		answer_r->refusal = XO_REFUSAL_TENANT_NOT_KNOWN;
		xo_buf_add_all(out, "TEMP ", xo_refusal_info(
		    answer_r->refusal)->text, (char *)NULL);
		return;
	}
	answer_r->tenant = map->find(policy, answer_r->key);
	if (map->value == NULL) {
		write_action(out, listener, answer_r);
		return;
	}
	value = map->value(policy, listener, answer_r->tenant);
	answer_r->result = value.len > 0 ? XO_MAP_OK : XO_MAP_NOTFOUND;
	xo_buf_add_cstr(out, value.len > 0 ? "OK " : "NOTFOUND ");
	xo_buf_add(out, value);
}
