/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: the MTAs behind the gateway, at the ports of its upstreams, and
 * before it, towards the port of a listener. What they need is in recipes;
 * here stands with what in them.
 */
#include <cmd/setup/setup_mta.h>

#include <arpa/inet.h>

#include <cmd/setup/recipe.h>
#include <cmd/common/tool.h>

static const char *const handover_words[XO_HANDOVER_COUNT] = {
	[XO_HANDOVER_NONE] = "none",
	[XO_HANDOVER_XCLIENT] = "xclient",
	[XO_HANDOVER_PROXY] = "proxy",
	[XO_HANDOVER_PROXY_V2] = "proxy-v2",
};

bool
xo_setup_mta_takes(enum xo_setup_mta mta, enum xo_handover handover)
{
	return xo_setup_mtas[mta].takes[handover];
}

/* --- the configuration --------------------------------------------------- */

static const struct xo_conf_host *
first_host(const struct xo_conf *conf, size_t i)
{
	return &conf->upstreams[i].hosts[0];
}

/* An upstream of the gateway that an MTA of ours listens for. */
static bool
is_behind(const struct xo_conf *conf, size_t i)
{
	return (xo_setup_upstream_roles(conf, (int)i) & (XO_SETUP_VERIFIED |
	    XO_SETUP_DEMOTED)) != 0 && conf->upstreams[i].n_hosts > 0;
}

/* Where anything else comes, too, verified mail has no more rights than it. */
static bool
is_for(const struct xo_conf *conf, size_t i, enum xo_setup_when when)
{
	bool is_verified =
	    (xo_setup_upstream_roles(conf, (int)i) & XO_SETUP_DEMOTED) == 0;

	if (!is_behind(conf, i))
		return false;
	if (when == XO_SETUP_FOR_UNTOLD)
		return !is_verified && conf->policy.upstreams[i].handover ==
		    XO_HANDOVER_NONE;
	return is_verified == (when == XO_SETUP_FOR_VERIFIED);
}

/* Whether mail that comes by it may leave for anywhere. */
static bool
is_relaying(const struct xo_conf *conf, size_t upstream)
{
	const struct xo_policy *policy = &conf->policy;

	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *tenant = &policy->tenants[i];

		if (tenant->relay && (tenant->upstream == XO_NOBODY ||
		    tenant->upstream == (int)upstream))
			return is_for(conf, upstream, XO_SETUP_FOR_VERIFIED);
	}
	return false;
}

static bool
is_any_relaying(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (is_relaying(conf, i))
			return true;
	}
	return false;
}

/* The first address of the first listener for our own systems, or NULL. */
static const struct xo_conf_host *
find_way_out(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		if (xo_setup_is_own(conf, i) && conf->listeners[i].n_listen > 0)
			return &conf->listeners[i].listen[0];
	}
	return NULL;
}

bool
xo_setup_mta_fits(enum xo_setup_mta mta, const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (is_behind(conf, i) &&
		    !xo_setup_mta_takes(mta,
		    conf->policy.upstreams[i].handover))
			return false;
	}
	return true;
}

/* --- values -------------------------------------------------------------- */

static bool
is_ipv6(const struct xo_conf_host *host)
{
	return strchr(host->host, ':') != NULL;
}

/* An address of ours, brackets around IPv6; other hosts: the port alone. */
static void
add_endpoint(struct xo_buf *out, const struct xo_conf_host *host)
{
	if (xo_setup_is_loopback(host->host)) {
		xo_buf_add_cstr(out, is_ipv6(host) ? "[" : "");
		xo_setup_quote_postfix(out, xo_span_from_cstr(host->host));
		xo_buf_add_cstr(out, is_ipv6(host) ? "]:" : ":");
	}
	xo_buf_add_u64(out, host->port);
}

/* As Exim's local_interfaces has it: addresses alone. */
static void
add_interface(struct xo_buf *out, const struct xo_conf_host *host)
{
	struct in6_addr address;
	bool is_address = inet_pton(is_ipv6(host) ? AF_INET6 : AF_INET,
	                      host->host, &address) == 1;

	xo_buf_add_all(out, out->len > 0 ? " ; [" : "[",
	    is_address ? host->host : "127.0.0.1", "]:", (char *)NULL);
	xo_buf_add_u64(out, host->port);
}

static void
set_upstream(struct xo_recipe_values *values,
    const struct xo_setup_mta_table *mta, const struct xo_conf *conf, size_t i)
{
	enum xo_handover handover = conf->policy.upstreams[i].handover;
	const struct xo_conf_host *host = first_host(conf, i);
	bool is_verified = is_for(conf, i, XO_SETUP_FOR_VERIFIED);

	add_endpoint(
	    xo_recipe_value(values, is_verified ? "VERIFIED" : "ORDINARY"),
	    host);
	xo_buf_add_u64(xo_recipe_value(values,
	                   is_verified ? "VERIFIED_PORT" : "ORDINARY_PORT"),
	    host->port);
	xo_recipe_set(values, "GATEWAY",
	    xo_setup_is_loopback(host->host) ? "127.0.0.1,[::1]"
	                                     : "$xoorg_gateway");
	xo_recipe_set(values, "HANDOVER_WORD",
	    handover == XO_HANDOVER_NONE ? "" : handover_words[handover]);
	xo_recipe_set_part(values, "HANDOVER", mta->handover_files[handover]);
}

static void
set_domains(struct xo_recipe_values *values,
    const struct xo_setup_mta_table *mta, const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		const struct xo_tenant *tenant = &conf->policy.tenants[i];

		for (size_t j = 0; j < tenant->n_recipient_domains; j++) {
			struct xo_span domain = tenant->recipient_domains[j];

			/* *.contoso.com is .contoso.com there. */
			if (domain.len > 0 && domain.p[0] == '*')
				domain = xo_span_from(domain, 1);
			mta->quote(&values->domains, domain);
			xo_buf_add_byte(&values->domains, '\n');
		}
	}
}

static void
set_values(struct xo_recipe_values *values,
    const struct xo_setup_mta_table *mta, const struct xo_conf *conf)
{
	const struct xo_conf_host *out = find_way_out(conf);
	struct xo_buf *interfaces = xo_recipe_value(values, "INTERFACES");

	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (is_behind(conf, i))
			add_interface(interfaces, first_host(conf, i));
	}
	/* The ports of both are in one piece of some MTAs. */
	for (size_t i = conf->policy.n_upstreams; i-- > 0;) {
		if (is_behind(conf, i))
			set_upstream(values, mta, conf, i);
	}
	if (mta->etc != NULL)
		xo_recipe_set(values, "MTA_ETC", mta->etc);
	if (out != NULL) {
		mta->quote(xo_recipe_value(values, "OUT_HOST"),
		    xo_setup_connect_host(conf, out));
		xo_buf_add_u64(xo_recipe_value(values, "OUT_PORT"), out->port);
	}
	if (conf->policy.n_tenants == 1 &&
	    conf->policy.tenants[0].n_originator_orgs > 0)
		mta->quote(xo_recipe_value(values, "XOORG"),
		    conf->policy.tenants[0].originator_orgs[0]);
	set_domains(values, mta, conf);
}

/* --- printing ------------------------------------------------------------ */

static void
add_warnings(struct xo_buf *out, const struct xo_setup_mta_table *mta,
    const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		const struct xo_upstream *upstream = &conf->policy.upstreams[i];

		if (!is_behind(conf, i))
			continue;
		if (!mta->takes[upstream->handover]) {
			xo_buf_add_cstr(out, "# WARNING: upstream ");
			xo_setup_quote_comment(out, upstream->name);
			xo_buf_add_all(out, ": handover = \"",
			    handover_words[upstream->handover], "\", which ",
			    mta->name, " does not take\n", (char *)NULL);
		}
		if (!xo_setup_is_loopback(first_host(conf, i)->host)) {
			xo_buf_add_cstr(out, "# Upstream ");
			xo_setup_quote_comment(out, upstream->name);
			xo_buf_add_cstr(out,
			    " is elsewhere: nobody but the "
			    "gateway may reach its port; its address stands in "
			    "the place of 127.0.0.1 (Postfix: main.cf, "
			    "xoorg_gateway = ...)\n");
		}
	}
}

static const char *
file_for(const struct xo_setup_piece *piece, bool is_relaying)
{
	return piece->relaying != NULL && is_relaying ? piece->relaying
	                                              : piece->file;
}

static void
add_piece(struct xo_buf *out, const struct xo_setup_mta_table *mta,
    const struct xo_setup_piece *piece, const struct xo_conf *conf,
    struct xo_recipe_values *values)
{
	if (piece->when == XO_SETUP_FOR_WAY_BACK && find_way_out(conf) == NULL)
		return;
	if (piece->where != NULL)
		xo_buf_add_all(out, "\n## ", piece->where, "\n", (char *)NULL);
	if (piece->when == XO_SETUP_ALWAYS ||
	    piece->when == XO_SETUP_FOR_WAY_BACK) {
		xo_recipe_print(
		    out, file_for(piece, is_any_relaying(conf)), values);
		return;
	}
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (!is_for(conf, i, piece->when))
			continue;
		set_upstream(values, mta, conf, i);
		xo_recipe_print(
		    out, file_for(piece, is_relaying(conf, i)), values);
	}
}

void
xo_setup_mta(const struct xo_setup *setup, enum xo_setup_mta which)
{
	const struct xo_setup_mta_table *mta = &xo_setup_mtas[which];
	struct xo_recipe_values values = {.n = 0};
	struct xo_buf out = {.p = NULL};

	xo_buf_add_all(&out, "# ", mta->name,
	    ". Other settings: "
	    "doc/cookbook.\n",
	    (char *)NULL);
	add_warnings(&out, mta, setup->conf);
	set_values(&values, mta, setup->conf);
	for (size_t i = 0; i < mta->n_pieces; i++)
		add_piece(&out, mta, &mta->pieces[i], setup->conf, &values);
	fputs(xo_tool_cstr(&out), setup->out);
	xo_recipe_values_fini(&values);
	xo_buf_fini(&out);
}
