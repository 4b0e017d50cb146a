/* SPDX-License-Identifier: ISC */
/* See names.h. */
#include <trust/names.h>

#include <xoorg/guests.h>

static struct xo_key
key_of(const struct xo_question *question, size_t i)
{
	return (struct xo_key){XO_KEY_CERTIFICATE, question->names[i]};
}

/* One record, or two that say the same of both names. */
static bool
go_together(const struct xo_policy *policy, int a, const struct xo_key *a_key,
    int b, const struct xo_key *b_key)
{
	return xo_guest_answers(xo_tenant_at(policy, a), b_key) &&
	    xo_guest_answers(xo_tenant_at(policy, b), a_key);
}

struct claim {
	int tenant;			/* XO_NOBODY: none yet */
	struct xo_key key;		/* by which it is claimed */
	bool is_torn;
};

/* False: it is not known. */
static bool
take(const struct xo_policy *policy, const struct xo_key *key,
    struct claim *claim)
{
	int tenant;

	if (xo_tenants_find(policy, key, &tenant) == XO_KNOWN_NOT_NOW)
		return false;
	if (tenant == XO_NOBODY)
		return true;
	if (claim->tenant == XO_NOBODY) {
		claim->tenant = tenant;
		claim->key = *key;
	} else if (!xo_tenants_are_one(policy, claim->tenant, tenant)) {
		claim->is_torn = true;
	} else {
		return go_together(policy, claim->tenant, &claim->key, tenant,
		    key);
	}
	return true;
}

bool
xo_names_settle(const struct xo_policy *policy, struct xo_question *question)
{
	struct claim claim = {.tenant = XO_NOBODY};

	for (size_t i = 0; i < question->n_names; i++) {
		struct xo_key key = key_of(question, i);

		if (!take(policy, &key, &claim))
			return false;
	}
	if (claim.tenant == XO_NOBODY)
		return true;
	/* A session that two tenants claim could speak for one as the other. */
	claim.is_torn |= question->is_attributed && question->is_by_name;
	question->is_attributed = question->is_by_name = !claim.is_torn;
	question->tenant = claim.is_torn ? XO_NOBODY : claim.tenant;
	if (claim.is_torn)
		question->rights &= ~(uint32_t)XO_RIGHT_RELAY;
	else
		question->rights |= XO_RIGHT_RELAY;
	return true;
}
