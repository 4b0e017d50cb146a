/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: the next hops, as the gateway will find them.
 */
#include <cmd/check/check.h>

#include <cmd/common/tool.h>
#include <conf/folder.h>
#include <conf/routes.h>
#include <xoorg/domain.h>

#include <stdlib.h>

/* As whom an upstream with "tenant" is looked at: so many, lest a look at a
 * provider's gateway takes hours. */
#define TENANTS_MAX 16

/* What a look at one upstream goes by. */
struct look {
	struct xo_live *live;
	const struct xo_upstream *policy;
	const struct xo_conf_upstream *conf;
	struct xo_tls_context *context;
	int tenant;			/* whose certificate it is shown */
	struct xo_visit_settings settings;
	char hostname[XO_DOMAIN_MAX + 1];
};

static void
check_tls(struct look *l, const struct xo_finding_of *of,
    const struct xo_visit *visit)
{
	struct xo_findings *findings = l->live->findings;

	if (l->policy->tls == XO_TLS_NONE)
		return;
	if (!visit->is_tls) {
		xo_findings_add(findings, XO_FINDING_CRITICAL, of,
		    "STARTTLS is not announced, and tls is not \"none\"");
		return;
	}
	if (l->policy->tls == XO_TLS_VERIFY && visit->flaw[0] != '\0')
		xo_findings_add(findings, XO_FINDING_CRITICAL, of,
		    "its certificate is not accepted: %s", visit->flaw);
	if (l->policy->tls == XO_TLS_VERIFY && !visit->has_name)
		xo_findings_add(findings, XO_FINDING_CRITICAL, of,
		    "its certificate does not carry the name %s",
		    xo_visit_tls_name(visit));
	if (visit->own.n > 0 && !visit->was_asked)
		xo_findings_add(findings, XO_FINDING_WARNING, of,
		    "it does not ask for our client certificate");
	xo_check_end(l->live, of, visit);
}

static void
check_extensions(struct look *l, const struct xo_finding_of *of,
    const struct xo_visit *visit)
{
	struct xo_findings *findings = l->live->findings;
	const struct xo_caps *caps = xo_visit_caps(visit);

	if (l->policy->handover == XO_HANDOVER_XCLIENT &&
	    !xo_caps_has(caps, XO_CAP_XCLIENT))
		xo_findings_add(findings, XO_FINDING_CRITICAL, of,
		    "XCLIENT is not announced to this machine: "
		    "smtpd_authorized_xclient_hosts?");
	if (l->policy->xoorg_source != XO_XOORG_NONE &&
	    !xo_visit_is_announced(visit))
		xo_findings_add(findings, l->policy->require_xoorg
		    ? XO_FINDING_CRITICAL : XO_FINDING_WARNING, of,
		    "XOORG is not announced to us%s: TlsDomainCapabilities of "
		    "its Receive connector?", visit->own.n > 0 ? "" :
		    ", who showed no client certificate");
}

static void
judge(struct look *l, const struct xo_finding_of *of,
    const struct xo_visit *visit)
{
	size_t before = l->live->findings->n;

	xo_check_banner_time(l->live, of, xo_buf_span(&visit->banner));
	if (!xo_check_visit(l->live, of, visit))
		return;
	check_tls(l, of, visit);
	check_extensions(l, of, visit);
	if (l->live->findings->n == before)
		xo_findings_add(l->live->findings, XO_FINDING_OK, of,
		    "%s%s%s", visit->is_tls ? visit->version :
		    "it answers in clear text",
		    l->policy->handover == XO_HANDOVER_XCLIENT
		    ? ", XCLIENT" : "",
		    l->policy->xoorg_source != XO_XOORG_NONE ? ", XOORG" : "");
}

static void
visit_host(struct look *l, const char *host, uint16_t port)
{
	struct xo_visit visit = {.settings = &l->settings};
	struct xo_span tenant = l->tenant != XO_NOBODY ?
	    l->live->conf->policy.tenants[l->tenant].name : XO_LIT("");
	char where[480];

	snprintf(visit.target.host, sizeof(visit.target.host), "%s", host);
	snprintf(visit.target.port, sizeof(visit.target.port), "%u", port);
	snprintf(where, sizeof(where), strchr(host, ':') != NULL
	    ? "[%s]:%u%s%.*s" : "%s:%u%s%.*s", host, port,
	    tenant.len > 0 ? " as " : "", (int)tenant.len,
	    (const char *)tenant.p);
	xo_visit_make(&visit, l->context);
	judge(l, &(struct xo_finding_of){"upstream", l->policy->name, where},
	    &visit);
	xo_visit_fini(&visit);
}

static void
visit_exchangers(struct look *l)
{
	const struct xo_finding_of of = {"upstream", l->policy->name,
	    l->conf->mx};
	struct xo_mx list[XO_MX_MAX];
	enum xo_lookup_result result = XO_LOOKUP_TEMPORARY;
	size_t n = 0;

	if (l->live->names != NULL)
		result = xo_names_mx(l->live->names, l->conf->mx, list, &n);
	if (result == XO_LOOKUP_NOT_FOUND)
		visit_host(l, l->conf->mx, 25);
	else if (result != XO_LOOKUP_OK)
		xo_findings_add(l->live->findings, XO_FINDING_CRITICAL, &of,
		    "its mail exchangers: %s", xo_lookup_result_name(result));
	for (size_t i = 0; i < n; i++)
		visit_host(l, list[i].name, 25);
}

/* Ours for it; false: it is shown none. */
static bool
find_certificate(const struct look *l, struct xo_shown *shown)
{
	if (l->tenant != XO_NOBODY)
		return xo_shown_find(shown, l->live->conf, (size_t)l->tenant);
	shown->certificate = l->conf->client_certificate;
	shown->key = l->conf->client_key;
	return shown->certificate.path != NULL;
}

static bool
make_context(struct look *l, struct xo_shown *shown)
{
	const struct xo_finding_of of = {"upstream", l->policy->name, ""};
	struct xo_tls_tool_settings tls = {.trust = l->conf->trust};
	char error[256];

	if (find_certificate(l, shown)) {
		tls.certificate = shown->certificate.path;
		tls.key = shown->key.path;
	}
	l->context = xo_tls_tool_context_new(&tls, error, sizeof(error));
	if (l->context != NULL)
		return true;
	xo_findings_add(l->live->findings, XO_FINDING_WARNING, &of,
	    "looked at without our client certificate: %s", error);
	tls.certificate = tls.key = NULL;
	l->context = xo_tls_tool_context_new(&tls, error, sizeof(error));
	return l->context != NULL;
}

static void
visit_all(struct look *l)
{
	struct xo_shown shown = {.key = {.path = NULL}};

	if (make_context(l, &shown)) {
		if (l->conf->mx != NULL)
			visit_exchangers(l);
		for (size_t k = 0; k < l->conf->n_hosts; k++)
			visit_host(l, l->conf->hosts[k].host,
			    l->conf->hosts[k].port);
		xo_tls_context_free(&l->context);
	}
	xo_shown_fini(&shown);
}

/* Tenants whose mail goes there. */
struct users {
	const struct look *look;
	bool *is_one;
};

static void
note_user(void *arg, const struct xo_route *route)
{
	const struct users *users = arg;
	const struct xo_live *live = users->look->live;

	if (route->tenant != XO_NOBODY && route->upstream >= 0 &&
	    &live->conf->policy.upstreams[route->upstream] ==
	    users->look->policy)
		users->is_one[route->tenant] = true;
}

/* As each of the tenants that it is shown a certificate of. */
static void
visit_as_tenants(struct look *l)
{
	const struct xo_finding_of of = {"upstream", l->policy->name, ""};
	const struct xo_policy *policy = &l->live->conf->policy;
	struct users users = {.look = l, .is_one = xo_tool_require(calloc(
	    policy->n_tenants + 1, sizeof(bool)))};
	struct xo_shown shown = {.key = {.path = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < policy->n_listeners; i++)
		xo_routes_visit(policy, &policy->listeners[i], note_user,
		    &users);
	for (size_t i = 0; i < policy->n_tenants; i++) {
		if (!users.is_one[i] ||
		    !xo_shown_find(&shown, l->live->conf, i) ||
		    n++ >= TENANTS_MAX)
			continue;
		l->tenant = (int)i;
		visit_all(l);
	}
	xo_shown_fini(&shown);
	free(users.is_one);
	if (n == 0) {
		l->tenant = XO_NOBODY;
		visit_all(l);
	}
	if (n > TENANTS_MAX)
		xo_findings_add(l->live->findings, XO_FINDING_OK, &of,
		    "looked at as %d of %zu tenants", TENANTS_MAX, n);
}

void
xo_check_upstream(struct xo_live *live, size_t i)
{
	const struct xo_policy *policy = &live->conf->policy;
	struct look l = {.live = live, .policy = &policy->upstreams[i],
	    .conf = &live->conf->upstreams[i], .tenant = XO_NOBODY};

	snprintf(l.hostname, sizeof(l.hostname), "%.*s",
	    (int)policy->hostname.len, (const char *)policy->hostname.p);
	l.settings = (struct xo_visit_settings){
		.tls_name = l.conf->tls_name,
		.helo = l.hostname,
		.is_without_tls = l.policy->tls == XO_TLS_NONE,
		.is_lmtp = l.policy->protocol == XO_PROTOCOL_LMTP,
		.proxy = l.policy->handover == XO_HANDOVER_PROXY ? 1 :
		    l.policy->handover == XO_HANDOVER_PROXY_V2 ? 2 : 0,
		.timeout = live->timeout,
	};
	if (l.policy->has_tenant_certificate)
		visit_as_tenants(&l);
	else
		visit_all(&l);
}
