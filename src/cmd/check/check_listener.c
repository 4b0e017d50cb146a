/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: our own listeners as a stranger sees them, from this
 * machine. A stranger has no certificate and gets no XOORG.
 */
#include <cmd/check/check.h>

#include <conf/address.h>
#include <conf/place.h>
#include <xoorg/domain.h>

/* A peer that must begin with PROXY, at the address we come from. */
static bool
wants_proxy(const struct xo_policy *policy, const struct xo_listener *listener,
    const char *host)
{
	struct xo_address own;

	if (xo_address_read(xo_span_from_cstr(host), &own) != XO_OK)
		return false;
	for (size_t i = 0; i < listener->n_peers; i++) {
		const struct xo_peer *peer =
		    &policy->peers[listener->peers[i]];

		for (size_t k = 0; k < peer->n_networks; k++)
			if ((peer->rights & XO_RIGHT_PROXY) != 0 &&
			    xo_network_contains(&peer->networks[k], &own))
				return true;
	}
	return false;
}

/* One that was renewed is shown only after a reload. */
static void
check_file(struct xo_live *live, const struct xo_finding_of *of, size_t i,
    const struct xo_visit *visit)
{
	char file[XO_TLS_FINGERPRINT_SIZE];

	xo_tls_leaf_fingerprint(xo_tls_context_leaf(live->runtime->listeners[i]),
	    file);
	if (visit->chain.n > 0 && strcmp(file,
	    visit->chain.certificates[0].fingerprint) != 0)
		xo_findings_add(live->findings, XO_FINDING_WARNING, of,
		    "it shows another certificate than its file has: reload");
}

static void
check_tls(struct xo_live *live, const struct xo_finding_of *of, size_t i,
    const struct xo_visit *visit)
{
	if (!live->conf->policy.listeners[i].has_tls)
		return;
	if (!visit->is_tls) {
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
		    "STARTTLS is not announced");
		return;
	}
	if (visit->flaw[0] != '\0')
		xo_findings_add(live->findings, XO_FINDING_WARNING, of,
		    "no CA of this system vouches for its certificate: %s",
		    visit->flaw);
	if (!visit->has_name)
		xo_findings_add(live->findings, XO_FINDING_WARNING, of,
		    "its certificate does not carry the name %s",
		    xo_visit_tls_name(visit));
	xo_check_end(live, of, visit);
	check_file(live, of, i, visit);
}

static void
judge(struct xo_live *live, const struct xo_finding_of *of, size_t i,
    const struct xo_visit *visit)
{
	size_t before = live->findings->n;

	if (!xo_check_visit(live, of, visit))
		return;
	if (xo_caps_has(&visit->caps_before, XO_CAP_XOORG) ||
	    xo_caps_has(&visit->caps_after, XO_CAP_XOORG))
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
		    "it announces XOORG to a client without a certificate");
	check_tls(live, of, i, visit);
	if (live->findings->n == before)
		xo_findings_add(live->findings, XO_FINDING_OK, of,
		    "%s; a stranger is not offered XOORG", visit->is_tls
		    ? visit->version : "it answers in clear text");
}

static void
visit_place(struct xo_live *live, size_t i, const struct xo_conf_host *listen,
    struct xo_tls_context *context, const char *name)
{
	const struct xo_policy *policy = &live->conf->policy;
	const char *host = !xo_host_is_any(listen) ? listen->host :
	    strchr(listen->host, ':') != NULL ? "::1" : "127.0.0.1";
	struct xo_visit_settings settings = {
		.tls_name = name, .helo = name, .timeout = live->timeout,
		.proxy = wants_proxy(policy, &policy->listeners[i], host),
	};
	struct xo_visit visit = {.settings = &settings};
	struct xo_buf where = {.p = NULL};

	snprintf(visit.target.host, sizeof(visit.target.host), "%s", host);
	snprintf(visit.target.port, sizeof(visit.target.port), "%u",
	    listen->port);
	xo_conf_host_write(&where, listen);
	xo_buf_add_byte(&where, '\0');
	xo_visit_make(&visit, context);
	judge(live, &(struct xo_finding_of){"listener",
	    policy->listeners[i].name, (const char *)where.p}, i, &visit);
	xo_buf_fini(&where);
	xo_visit_fini(&visit);
}

void
xo_check_listener(struct xo_live *live, size_t i)
{
	const struct xo_conf_listener *listener = &live->conf->listeners[i];
	struct xo_span hostname = live->conf->policy.hostname;
	char name[XO_DOMAIN_MAX + 1];
	char error[256];
	struct xo_tls_context *context = xo_tls_tool_context_new(
	    &(struct xo_tls_tool_settings){.trust = "system"}, error,
	    sizeof(error));

	if (context == NULL)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)hostname.len,
	    (const char *)hostname.p);
	for (size_t k = 0; k < listener->n_listen; k++)
		visit_place(live, i, &listener->listen[k], context, name);
	xo_tls_context_free(&context);
}
