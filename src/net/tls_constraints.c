/* SPDX-License-Identifier: ISC */
/*
 * What the issuers of a chain say of the names below them. OpenSSL judges the
 * SANs of a leaf by it, as they stand, and a common name only if it looks like
 * a host's and no SAN is there: what a name is used for it cannot know. Which
 * name is used, and whether it may be, is for rights.h.
 */
#include <stdlib.h>

#include <openssl/err.h>

#include "tls_internal.h"

/* Adds the dNSNames of one kind; `list` NULL: only counts. */
static size_t
add_kind(const STACK_OF(GENERAL_SUBTREE) *trees, size_t issuer,
    bool is_excluded, struct xo_name_constraint *list)
{
	size_t n = 0;

	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_NAME *base =
		    sk_GENERAL_SUBTREE_value(trees, i)->base;

		if (base->type != GEN_DNS)
			continue;
		if (list != NULL)
			list[n] = (struct xo_name_constraint){
				.issuer = issuer,
				.is_excluded = is_excluded,
				.base = xo_tls_span(base->d.dNSName),
			};
		n++;
	}
	return n;
}

static size_t
add_all(const struct xo_tls_constraints *c, struct xo_name_constraint *list)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_read; i++) {
		const NAME_CONSTRAINTS *nc = c->read[i];

		if (nc == NULL)
			continue;
		n += add_kind(nc->permittedSubtrees, i, false,
		    list != NULL ? list + n : NULL);
		n += add_kind(nc->excludedSubtrees, i, true,
		    list != NULL ? list + n : NULL);
	}
	return n;
}

bool
xo_tls_constraints_read(struct xo_tls_constraints *c,
    const STACK_OF(X509) *chain)
{
	int n = sk_X509_num(chain);
	int criticality;

	c->read = calloc(n > 0 ? (size_t)n : 1, sizeof(*c->read));
	if (c->read == NULL)
		return false;
	/* Above the leaf; the root's bind, too. */
	for (int i = 1; i < n; i++) {
		c->read[c->n_read] = X509_get_ext_d2i(sk_X509_value(chain, i),
		    NID_name_constraints, &criticality, NULL);
		/* -1: there are none; else they cannot be told. */
		if (c->read[c->n_read++] == NULL && criticality != -1)
			return false;
	}
	c->n = add_all(c, NULL);
	c->list = calloc(c->n + 1, sizeof(*c->list));
	if (c->list == NULL)
		return false;
	(void)add_all(c, c->list);
	return true;
}

void
xo_tls_constraints_fini(struct xo_tls_constraints *c)
{
	for (size_t i = 0; i < c->n_read; i++)
		NAME_CONSTRAINTS_free(c->read[i]);
	free(c->read);
	free(c->list);
	*c = (struct xo_tls_constraints){0};
}
