/* SPDX-License-Identifier: ISC */
/* See shown.h. */
#include <conf/folder.h>
#include <net/tls_shelf.h>

#include "hop_internal.h"
#include "shown.h"

/* For the metric, which has no place for guests. */
static void
note_end(const struct xo_env *env, int tenant,
    const struct xo_tls_credential *credential)
{
	if (!xo_tenant_is_guest(&env->conf->policy, tenant))
		xo_metrics_expiry(env->metrics, XO_METRIC_EXPIRY_TENANT,
		    (size_t)tenant, xo_tls_credential_expiry(credential));
}

bool
xo_hop_shown(const struct xo_hops *hops, int tenant,
    const struct xo_tls_credential **credential_r, struct xo_buf *why)
{
	const struct xo_env *env = hops->env;
	const struct xo_policy *policy = &env->conf->policy;
	const struct xo_tenant *who;
	const char *problem;
	struct xo_span name;

	*credential_r = NULL;
	if (tenant == XO_NOBODY)
		return true;
	/* `env->tenants` has a place for each tenant of the configuration. */
	if (!xo_tenant_is_guest(policy, tenant) && env->tenants != NULL)
		*credential_r = env->tenants[tenant];
	if (*credential_r != NULL || env->shelf == NULL)
		return true;
	who = xo_tenant_at(policy, tenant);
	name = who != NULL ? who->name : XO_LIT("");
	*credential_r = xo_tls_shelf_get(env->shelf, name, xo_clock_now(),
	    &problem);
	if (*credential_r != NULL) {
		note_end(env, tenant, *credential_r);
		return true;
	}
	if (xo_folder_file(env->conf, name, why))
		why->len--;
	xo_buf_add_all(why, ": ", problem, (char *)NULL);
	return false;
}
