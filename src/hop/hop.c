/* SPDX-License-Identifier: ISC */
/* All upstreams of a worker: see hop.h. */
#include <stdlib.h>

#include "hop.h"
#include "hop_internal.h"
#include "learn.h"
#include "pool.h"

/* A guest may name any upstream, but for one that wants a certificate that it has
 * not. */
static bool
serves_guests(const struct xo_policy *policy, size_t upstream)
{
	return policy->guests != NULL && (policy->guests_have_certificates ||
	    !policy->upstreams[upstream].has_tenant_certificate);
}

static void
set_known(struct xo_hops *hops)
{
	const struct xo_policy *policy = &hops->env->conf->policy;

	for (size_t i = 0; i < policy->n_tenants; i++)
		if (policy->tenants[i].has_upstream)
			hops->known[policy->tenants[i].upstream]
			    .serves_tenants = true;
	for (size_t u = 0; u < policy->n_upstreams; u++)
		hops->known[u].serves_tenants |= serves_guests(policy, u);
}

struct xo_hops *
xo_hops_new(const struct xo_env *env, void (*learnt)(void *arg), void *arg)
{
	struct xo_hops *hops = calloc(1, sizeof(*hops));

	if (hops == NULL)
		return NULL;
	hops->env = env;
	hops->learnt = learnt;
	hops->arg = arg;
	hops->n = env->conf->policy.n_upstreams;
	hops->upstreams = calloc(hops->n + 1, sizeof(*hops->upstreams));
	hops->known = calloc(hops->n + 1, sizeof(*hops->known));
	if (hops->upstreams == NULL || hops->known == NULL)
		xo_hops_free(&hops);
	else
		set_known(hops);
	return hops;
}

void
xo_hops_free(struct xo_hops **hops)
{
	struct xo_hops *h = *hops;

	if (h == NULL)
		return;
	for (size_t u = 0; h->upstreams != NULL && u < h->n; u++) {
		xo_hop_give_up_asking(&h->upstreams[u]);
		xo_hop_close_idle(&h->upstreams[u]);
		xo_places_fini(&h->upstreams[u].places);
	}
	free(h->upstreams);
	free(h->known);
	free(h);
	*hops = NULL;
}

const struct xo_known *
xo_hops_known(const struct xo_hops *hops)
{
	return hops->known;
}

void
xo_hops_tick(struct xo_hops *hops)
{
	xo_hops_ask_the_lost(hops);
	for (size_t u = 0; u < hops->n; u++)
		xo_hop_close_stale(&hops->upstreams[u],
		    xo_hop_conf(hops, (int)u)->idle_timeout);
}

void
xo_hops_drain(struct xo_hops *hops)
{
	hops->is_draining = true;
	for (size_t u = 0; u < hops->n; u++)
		xo_hop_close_idle(&hops->upstreams[u]);
}
