/* SPDX-License-Identifier: ISC */
/*
 * What listens where: that the gateway does not talk to itself, and that its
 * status page is not for everybody.
 */
#include <conf/audit.h>
#include <conf/place.h>

/* Its mail to itself: each session would open the next, or a stranger's mail
 * come to a listener where this machine has rights. */
static void
look_for_loops(struct xo_audit *a, size_t i)
{
	const struct xo_conf_upstream *u = &a->conf->upstreams[i];

	for (size_t h = 0; h < u->n_hosts; h++) {
		const struct xo_conf_host *to = &u->hosts[h];

		for (size_t k = 0; k < a->policy->n_listeners; k++) {
			const struct xo_conf_listener *l =
			    &a->conf->listeners[k];

			for (size_t n = 0; n < l->n_listen; n++)
				if (xo_host_reaches(to, &l->listen[n]))
					xo_audit_tell(a, &to->where, "%s port "
					    "%u, where listener `%.60s` itself "
					    "listens", to->host, to->port,
					    xo_audit_name(a,
					    XO_SECTION_LISTENERS, (int)k));
		}
	}
}

static void
look_at_status(struct xo_audit *a, size_t i)
{
	const struct xo_conf_host *status = &a->conf->status.host;

	(void)i;
	if (!a->conf->status.is_set)
		return;
	for (size_t k = 0; k < a->policy->n_listeners; k++) {
		const struct xo_conf_listener *l = &a->conf->listeners[k];

		for (size_t n = 0; n < l->n_listen; n++)
			if (xo_host_reaches(status, &l->listen[n]) ||
			    xo_host_reaches(&l->listen[n], status) ||
			    (status->port == l->listen[n].port &&
			    xo_host_is_any(status)))
				xo_audit_tell(a, NULL, "port %u, where listener "
				    "`%.60s` listens", status->port,
				    xo_audit_name(a, XO_SECTION_LISTENERS,
				    (int)k));
	}
}

static void
look_at_status_address(struct xo_audit *a, size_t i)
{
	const struct xo_conf_host *status = &a->conf->status.host;

	(void)i;
	if (a->conf->status.is_set && (xo_host_is_any(status) ||
	    xo_host_is_public(status)))
		xo_audit_tell(a, NULL, "%s is %s", status->host,
		    xo_host_is_any(status) ? "every address of this machine" :
		    "a public address");
}

const struct xo_look xo_looks_at_places[] = {
	{XO_SECTION_UPSTREAMS, "hosts", XO_RULE_UPSTREAM_IS_LISTENER,
	    look_for_loops},
	{XO_SECTION_TOP, "status", XO_RULE_STATUS_IS_LISTENER, look_at_status},
	{XO_SECTION_TOP, "status", XO_RULE_STATUS_PUBLIC,
	    look_at_status_address},
	{.look = NULL},
};
