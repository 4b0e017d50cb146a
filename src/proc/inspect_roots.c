/* SPDX-License-Identifier: ISC */
/*
 * Whether we believe the CA that Exchange Online's certificates come from today
 * (protocol.md 4.4). It changed in 2018 and in 2026, and a store that nobody
 * updates still has the one before: then the name is right, the chain is not, and
 * every message gets 454 4.7.5.
 *
 * A file with none of the CAs that Microsoft ever used says that another one is
 * meant: a trial, or another cloud. It is left alone.
 */
#include <conf/warning.h>
#include <xoorg/domain.h>

#include "inspect.h"

#define SETTING_SIZE 128

static const struct {
	const char *name;
	uint8_t sha1[XO_TLS_SHA1_SIZE];
} roots[] = {
	/* Today's. */
	{"DigiCert Global Root G2",
	    {0xdf, 0x3c, 0x24, 0xf9, 0xbf, 0xd6, 0x66, 0x76, 0x1b, 0x26,
	    0x80, 0x73, 0xfe, 0x06, 0xd1, 0xcc, 0x8d, 0x4f, 0x82, 0xa4}},
	/* Those before. */
	{"DigiCert Global Root CA",
	    {0xa8, 0x98, 0x5d, 0x3a, 0x65, 0xe5, 0xe5, 0xc4, 0xb2, 0xd7,
	    0xd6, 0x6d, 0x40, 0xc6, 0xdd, 0x2f, 0xb1, 0x9c, 0x54, 0x36}},
	{"GlobalSign Root CA",
	    {0xb1, 0xbc, 0x96, 0x8b, 0xd4, 0xf4, 0x9d, 0x62, 0x2a, 0xa8,
	    0x9a, 0x81, 0xf2, 0x15, 0x01, 0x52, 0xa4, 0x1d, 0x82, 0x9c}},
	{"Baltimore CyberTrust Root",
	    {0xd4, 0xde, 0x20, 0xd0, 0x5e, 0x66, 0xfc, 0x53, 0xfe, 0x1a,
	    0x50, 0x88, 0x2c, 0x78, 0xdb, 0x28, 0x52, 0xca, 0xe4, 0x74}},
};

#define N_ROOTS (sizeof(roots) / sizeof(roots[0]))

static bool
is_microsoft(struct xo_span name)
{
	static const char below[] = "protection.outlook.com";
	size_t len = sizeof(below) - 1;

	return name.len >= len && xo_span_is_equal_nocase(
	    xo_span_from(name, name.len - len), xo_span_from_cstr(below));
}

/* One of its peers is Exchange Online. */
static bool
is_for_microsoft(const struct xo_policy *policy, const struct xo_listener *l)
{
	for (size_t i = 0; i < l->n_peers; i++) {
		const struct xo_peer *peer = &policy->peers[l->peers[i]];

		for (size_t k = 0; k < peer->n_names; k++)
			if (is_microsoft(peer->names[k]))
				return true;
	}
	return false;
}

static bool
leads_to_microsoft(const struct xo_conf_upstream *u)
{
	if (u->mx != NULL && is_microsoft(xo_span_from_cstr(u->mx)))
		return true;
	for (size_t i = 0; i < u->n_hosts; i++)
		if (is_microsoft(xo_span_from_cstr(u->hosts[i].host)))
			return true;
	return false;
}

static void
check(struct xo_warnings *warnings, const struct xo_tls_context *context,
    const char *trust, const struct xo_conf_where *where, const char *setting)
{
	bool is_meant = strcmp(trust, "system") == 0;

	if (xo_tls_context_trusts(context, roots[0].sha1))
		return;
	for (size_t i = 1; i < N_ROOTS && !is_meant; i++)
		is_meant = xo_tls_context_trusts(context, roots[i].sha1);
	if (is_meant)
		xo_warnings_add(warnings, XO_RULE_MICROSOFT_ROOT, where,
		    setting, "%s lacks %s", trust, roots[0].name);
}

void
xo_runtime_inspect_roots(const struct xo_runtime *r,
    struct xo_warnings *warnings)
{
	const struct xo_policy *policy = &r->conf->policy;
	char setting[SETTING_SIZE];

	for (size_t i = 0; i < policy->n_listeners; i++) {
		const struct xo_conf_tls *tls;

		if (r->listeners[i] == NULL ||
		    !is_for_microsoft(policy, &policy->listeners[i]))
			continue;
		tls = &r->conf->tls[r->conf->listeners[i].tls];
		(void)snprintf(setting, sizeof(setting), "tls.%.60s.trust",
		    tls->name);
		check(warnings, r->listeners[i], tls->trust, &tls->trust_where,
		    setting);
	}
	for (size_t i = 0; i < policy->n_upstreams; i++) {
		const struct xo_conf_upstream *u = &r->conf->upstreams[i];
		struct xo_span name = policy->upstreams[i].name;

		if (policy->upstreams[i].tls != XO_TLS_VERIFY ||
		    !leads_to_microsoft(u))
			continue;
		(void)snprintf(setting, sizeof(setting),
		    "upstreams.%.*s.trust",
		    (int)(name.len < 60 ? name.len : 60),
		    (const char *)name.p);
		check(warnings, r->upstreams[i], u->trust, &u->trust_where,
		    setting);
	}
}
