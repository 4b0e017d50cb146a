/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: the next hops, as the gateway will find them.
 */
#include <cmd/check/check.h>

#include <xoorg/domain.h>

/* What a look at one upstream goes by. */
struct look {
	struct xo_live *live;
	const struct xo_upstream *policy;
	const struct xo_conf_upstream *conf;
	struct xo_tls_tool_context *context;
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
	char where[320];

	snprintf(visit.target.host, sizeof(visit.target.host), "%s", host);
	snprintf(visit.target.port, sizeof(visit.target.port), "%u", port);
	snprintf(where, sizeof(where), strchr(host, ':') != NULL
	    ? "[%s]:%u" : "%s:%u", host, port);
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

/* Ours for it; of "tenant" that of the first who has one. */
static void
choose_certificate(const struct look *l, struct xo_tls_tool_settings *tls)
{
	const struct xo_conf *conf = l->live->conf;

	tls->certificate = l->conf->client_certificate.path;
	tls->key = l->conf->client_key.path;
	if (!l->policy->has_tenant_certificate)
		return;
	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		tls->certificate = conf->tenants[i].client_certificate.path;
		tls->key = conf->tenants[i].client_key.path;
		if (tls->certificate != NULL)
			return;
	}
}

static bool
make_context(struct look *l)
{
	const struct xo_finding_of of = {"upstream", l->policy->name, ""};
	struct xo_tls_tool_settings tls = {.trust = l->conf->trust};
	char error[256];

	choose_certificate(l, &tls);
	l->context = xo_tls_tool_context_new(&tls, error, sizeof(error));
	if (l->context != NULL)
		return true;
	xo_findings_add(l->live->findings, XO_FINDING_WARNING, &of,
	    "looked at without our client certificate: %s", error);
	tls.certificate = tls.key = NULL;
	l->context = xo_tls_tool_context_new(&tls, error, sizeof(error));
	return l->context != NULL;
}

void
xo_check_upstream(struct xo_live *live, size_t i)
{
	const struct xo_policy *policy = &live->conf->policy;
	struct look l = {.live = live, .policy = &policy->upstreams[i],
	    .conf = &live->conf->upstreams[i]};

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
	if (!make_context(&l))
		return;
	if (l.conf->mx != NULL)
		visit_exchangers(&l);
	for (size_t k = 0; k < l.conf->n_hosts; k++)
		visit_host(&l, l.conf->hosts[k].host, l.conf->hosts[k].port);
	xo_tls_tool_context_free(&l.context);
}
