/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: what of a configuration concerns the neighbours.
 */
#include <cmd/setup/setup.h>

#include <cmd/common/tls_tool.h>
#include <cmd/common/tool.h>

#include <conf/folder.h>
#include <xoorg/domain.h>

static uint32_t
rights_at(const struct xo_policy *policy, const struct xo_listener *listener)
{
	uint32_t rights = 0;

	/* No mail comes in there. */
	if (xo_listener_is_asked(listener))
		return 0;
	for (size_t i = 0; i < listener->n_peers; i++)
		rights |= policy->peers[listener->peers[i]].rights;
	return rights;
}

bool
xo_setup_is_public(const struct xo_conf *conf, size_t listener)
{
	return (rights_at(&conf->policy, &conf->policy.listeners[listener]) &
	    XO_RIGHT_XOORG) != 0;
}

bool
xo_setup_is_own(const struct xo_conf *conf, size_t listener)
{
	uint32_t rights = rights_at(&conf->policy,
	    &conf->policy.listeners[listener]);

	return (rights & XO_RIGHT_XOORG) == 0 &&
	    (rights & XO_RIGHT_RELAY) != 0;
}

bool
xo_setup_has_own(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		if (xo_setup_is_own(conf, i))
			return true;
	}
	return false;
}

unsigned int
xo_setup_upstream_roles(const struct xo_conf *conf, int upstream)
{
	const struct xo_policy *policy = &conf->policy;
	unsigned int roles = 0;
	bool has_public = false;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		const struct xo_listener *listener = &policy->listeners[i];

		if (xo_setup_is_own(conf, i)) {
			if (xo_listener_upstream(listener) == upstream)
				roles |= XO_SETUP_OUT;
			continue;
		}
		has_public = has_public || xo_setup_is_public(conf, i);
		if (xo_listener_upstream(listener) == upstream)
			roles |= XO_SETUP_VERIFIED;
		if (xo_listener_demote_to(listener) == upstream)
			roles |= XO_SETUP_DEMOTED;
	}
	for (size_t i = 0; i < policy->n_tenants; i++) {
		if (xo_tenant_upstream(&policy->tenants[i]) == upstream)
			roles |= has_public ? XO_SETUP_VERIFIED : XO_SETUP_OUT;
	}
	return roles;
}

bool
xo_setup_listens_on(const struct xo_conf *conf, uint16_t port)
{
	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		for (size_t j = 0; j < conf->listeners[i].n_listen; j++) {
			if (xo_setup_is_public(conf, i) &&
			    conf->listeners[i].listen[j].port == port)
				return true;
		}
	}
	return false;
}

bool
xo_setup_has_relay(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		if (conf->policy.tenants[i].relay)
			return true;
	}
	return false;
}

bool
xo_setup_is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "localhost") == 0;
}

struct xo_span
xo_setup_connect_host(const struct xo_conf *conf,
    const struct xo_conf_host *listen)
{
	if (strcmp(listen->host, "0.0.0.0") == 0 ||
	    strcmp(listen->host, "::") == 0)
		return conf->policy.hostname;
	return xo_span_from_cstr(listen->host);
}

static bool
is_domain_or_wildcard(struct xo_span name)
{
	if (xo_span_has_prefix_nocase(name, XO_LIT("*.")))
		name = xo_span_from(name, 2);
	return xo_domain_is_valid(name);
}

/* Appends the leaf's first name. False: the files cannot be used. */
static bool
read_name(const struct xo_conf_path *certificate,
    const struct xo_conf_path *key, struct xo_buf *name_r)
{
	struct xo_tls_tool_settings settings = {
		.certificate = certificate->path,
		.key = key->path,
		.trust = "system",
	};
	struct xo_tls_tool_chain chain = {NULL, 0};
	struct xo_tls_context *context;
	char error[256];
	struct xo_span name;
	bool is_found = false;

	if (certificate->path == NULL)
		return false;
	context = xo_tls_tool_context_new(&settings, error, sizeof(error));
	if (context == NULL)
		return false;
	xo_tls_tool_own_chain(context, &chain);
	if (chain.n > 0) {
		name = xo_span_from_cstr(xo_tls_tool_certificate_name(
		    &chain.certificates[0]));
		is_found = is_domain_or_wildcard(name);
		if (is_found)
			xo_buf_add(name_r, name);
	}
	xo_tls_tool_chain_fini(&chain);
	xo_tls_context_free(&context);
	return is_found;
}

void
xo_setup_client_name(const struct xo_conf *conf, int tenant,
    struct xo_buf *name_r)
{
	struct xo_shown shown = {.key = {.path = NULL}};
	bool has_own = tenant != XO_NOBODY &&
	    xo_shown_find(&shown, conf, (size_t)tenant) &&
	    read_name(&shown.certificate, &shown.key, name_r);

	xo_shown_fini(&shown);
	if (has_own)
		return;
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		const struct xo_conf_upstream *upstream = &conf->upstreams[i];

		if ((xo_setup_upstream_roles(conf, (int)i) &
		    XO_SETUP_OUT) != 0 && read_name(
		    &upstream->client_certificate, &upstream->client_key,
		    name_r))
			return;
	}
	xo_buf_add(name_r, conf->policy.hostname);
}

static bool
chain_has_name(const struct xo_tls_tool_chain *chain, struct xo_span wanted)
{
	const struct xo_tls_tool_certificate *leaf;
	size_t dot = xo_span_find(wanted, '.');

	if (chain->n == 0)
		return false;
	leaf = &chain->certificates[0];
	for (size_t i = 0; i < leaf->n_names; i++) {
		struct xo_span name = xo_span_from_cstr(leaf->names[i]);

		if (!xo_span_has_prefix_nocase(name, XO_LIT("DNS:")))
			continue;
		name = xo_span_from(name, 4);
		if (xo_span_is_equal_nocase(name, wanted))
			return true;
		if (xo_span_has_prefix_nocase(name, XO_LIT("*.")) &&
		    xo_span_is_equal_nocase(xo_span_from(name, 1),
		    xo_span_from(wanted, dot)))
			return true;
	}
	return false;
}

static const char *
server_flaw(const struct xo_conf *conf, const struct xo_conf_tls *tls)
{
	struct xo_tls_tool_settings settings = {
		.certificate = tls->certificate.path,
		.key = tls->key.path,
		.trust = "system",
		.is_server = true,
	};
	struct xo_tls_tool_chain chain = {NULL, 0};
	struct xo_tls_context *context;
	const char *flaw = NULL;
	char error[256];

	context = xo_tls_tool_context_new(&settings, error, sizeof(error));
	if (context == NULL)
		return "The gateway's certificate could not be read here.";
	xo_tls_tool_own_chain(context, &chain);
	if (!chain_has_name(&chain, conf->policy.hostname))
		flaw = "The gateway's certificate does not carry the name of "
		    "the gateway: DomainValidation will fail.";
	else if (chain.certificates[0].days_left < 0)
		flaw = "The gateway's certificate has expired.";
	xo_tls_tool_chain_fini(&chain);
	xo_tls_context_free(&context);
	return flaw;
}

const char *
xo_setup_server_flaw(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		if (!xo_setup_is_public(conf, i))
			continue;
		if (conf->listeners[i].tls == XO_NOBODY)
			return "A listener for Exchange Online has no `tls`.";
		return server_flaw(conf, &conf->tls[conf->listeners[i].tls]);
	}
	return "No listener gives anybody the right xoorg.";
}
