/* SPDX-License-Identifier: ISC */
/* See shown.h. */
#include <conf/folder.h>
#include <net/tls_shelf.h>

#include "claim.h"
#include "hop_internal.h"
#include "shown.h"

/* For the metric, which has no row for guests. */
static void
note_end(const struct xo_env *env, int tenant,
    const struct xo_tls_credential *credential)
{
	if (tenant != XO_NOBODY)
		xo_metrics_expiry(env->metrics, XO_METRIC_EXPIRY_TENANT,
		    (size_t)tenant, xo_tls_credential_expiry(credential));
}

static bool
take_from_folder(const struct xo_env *env, struct xo_span name,
    const struct xo_tls_credential **credential_r, struct xo_buf *why)
{
	const char *problem;

	*credential_r = xo_tls_shelf_get(env->shelf, name, xo_clock_now(),
	    &problem);
	if (*credential_r != NULL)
		return true;
	if (xo_folder_file(env->conf, name, why))
		why->len--;
	xo_buf_add_all(why, ": ", problem, (char *)NULL);
	return false;
}

/* Without the folder it would go without. */
static bool
find_guests(const struct xo_env *env, struct xo_span name,
    const struct xo_tls_credential **credential_r, struct xo_buf *why)
{
	if (env->shelf != NULL)
		return take_from_folder(env, name, credential_r, why);
	xo_buf_add_cstr(why, "no tenant_certificates");
	return false;
}

bool
xo_hop_shown(const struct xo_hops *hops, const struct xo_wish *wish,
    const struct xo_tls_credential **credential_r, struct xo_buf *why)
{
	const struct xo_env *env = hops->env;
	const struct xo_tenant *who;

	*credential_r = NULL;
	if (wish->guest != NULL)
		return find_guests(env, xo_span_from_cstr(wish->guest),
		    credential_r, why);
	if (wish->tenant == XO_NOBODY)
		return true;
	/* `env->tenants` has an entry for each tenant of the configuration. */
	if (env->tenants != NULL)
		*credential_r = env->tenants[wish->tenant];
	if (*credential_r != NULL || env->shelf == NULL)
		return true;
	who = xo_tenant_at(&env->conf->policy, wish->tenant);
	if (!take_from_folder(env, who != NULL ? who->name : XO_LIT(""),
	    credential_r, why))
		return false;
	note_end(env, wish->tenant, *credential_r);
	return true;
}
