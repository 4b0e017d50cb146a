/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: Postfix and Exim behind the gateway, at the ports of its
 * upstreams, and before it, towards the ports of its listeners.
 */
#include <cmd/setup.h>

#include <cmd/tool.h>

static const char *
role_text(unsigned int roles)
{
	if ((roles & XO_SETUP_VERIFIED) != 0 && (roles & XO_SETUP_DEMOTED) != 0)
		return "verified mail and all other; tell them apart by "
		    "Authentication-Results";
	return (roles & XO_SETUP_VERIFIED) != 0 ? "verified mail" :
	    "all mail that is not verified";
}

/* An upstream of the gateway that an MTA of ours listens for. */
static bool
is_behind(const struct xo_conf *conf, size_t i)
{
	return (xo_setup_upstream_roles(conf, (int)i) & (XO_SETUP_VERIFIED |
	    XO_SETUP_DEMOTED)) != 0 && conf->upstreams[i].n_hosts > 0;
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

static bool
may_relay(const struct xo_conf *conf, unsigned int roles)
{
	return xo_setup_has_relay(conf) && (roles & XO_SETUP_VERIFIED) != 0 &&
	    (roles & XO_SETUP_DEMOTED) == 0;
}

/* --- Postfix ------------------------------------------------------------- */

static void
add_postfix_handover(struct xo_buf *out, const struct xo_upstream *upstream,
    bool is_local)
{
	switch (upstream->handover) {
	case XO_HANDOVER_XCLIENT:
		xo_buf_add_all(out, "    -o smtpd_authorized_xclient_hosts=",
		    is_local ? "127.0.0.1,[::1]" : "$xoorg_gateway", "\n",
		    (char *)NULL);
		break;
	case XO_HANDOVER_PROXY:
	case XO_HANDOVER_PROXY_V2:
		xo_buf_add_cstr(out,
		    "    -o smtpd_upstream_proxy_protocol=haproxy\n");
		break;
	case XO_HANDOVER_NONE:
	case XO_HANDOVER_COUNT:
		break;
	}
}

/* An address of ours, brackets around IPv6; other hosts: the port alone. */
static void
add_postfix_endpoint(struct xo_buf *out, const struct xo_conf_host *host)
{
	if (xo_setup_is_loopback(host->host)) {
		bool is_ipv6 = xo_span_find(xo_span_from_cstr(host->host),
		    ':') < strlen(host->host);

		xo_buf_add_cstr(out, is_ipv6 ? "[" : "");
		xo_setup_quote_postfix(out, xo_span_from_cstr(host->host));
		xo_buf_add_cstr(out, is_ipv6 ? "]:" : ":");
	}
	xo_buf_add_u64(out, host->port);
}

static void
add_postfix_service(struct xo_buf *out, const struct xo_conf *conf, size_t i)
{
	const struct xo_upstream *upstream = &conf->policy.upstreams[i];
	const struct xo_conf_host *host = &conf->upstreams[i].hosts[0];
	unsigned int roles = xo_setup_upstream_roles(conf, (int)i);
	bool is_local = xo_setup_is_loopback(host->host);

	xo_buf_add_cstr(out, "\n# Upstream ");
	xo_setup_quote_comment(out, upstream->name);
	xo_buf_add_all(out, ": ", role_text(roles), ".\n", (char *)NULL);
	if (!is_local)
		xo_buf_add_cstr(out, "# Nobody but the gateway may reach this "
		    "port. In main.cf: xoorg_gateway = its address\n");
	add_postfix_endpoint(out, host);
	xo_buf_add_cstr(out, " inet n - y - - smtpd\n    -o syslog_name=");
	xo_buf_add_cstr(out, "postfix/");
	xo_setup_quote_postfix(out, upstream->name);
	xo_buf_add_byte(out, '\n');
	add_postfix_handover(out, upstream, is_local);
	if (may_relay(conf, roles))
		/* Postfix refuses to start on "permit,reject". */
		xo_buf_add_cstr(out, "    -o smtpd_relay_restrictions="
		    "check_client_access,static:OK,reject\n");
	else
		xo_buf_add_cstr(out, "    -o smtpd_relay_restrictions="
		    "permit_auth_destination,reject\n");
}

static void
add_postfix_transports(struct xo_buf *out, const struct xo_conf *conf,
    struct xo_span next_hop)
{
	xo_buf_add_cstr(out, "transport_maps = inline:{\n");
	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		const struct xo_tenant *tenant = &conf->policy.tenants[i];

		for (size_t j = 0; j < tenant->n_recipient_domains; j++) {
			struct xo_span domain = tenant->recipient_domains[j];

			/* *.contoso.com is .contoso.com here. */
			if (domain.p[0] == '*')
				domain = xo_span_from(domain, 1);
			xo_buf_add_cstr(out, "    { ");
			xo_setup_quote_postfix(out, domain);
			xo_buf_add_cstr(out, " = smtp:");
			xo_buf_add(out, next_hop);
			xo_buf_add_cstr(out, " }\n");
		}
	}
	xo_buf_add_cstr(out, "    }\n");
}

static void
add_postfix_way_out(struct xo_buf *out, const struct xo_conf *conf)
{
	const struct xo_conf_host *host = find_way_out(conf);
	struct xo_buf hop = {.p = NULL};

	if (host == NULL) {
		xo_buf_add_cstr(out, "# No listener takes mail of our own "
		    "systems: nothing to send through the gateway.\n");
		return;
	}
	xo_buf_add_byte(&hop, '[');
	xo_setup_quote_postfix(&hop, xo_setup_connect_host(conf, host));
	xo_buf_add_cstr(&hop, "]:");
	xo_buf_add_u64(&hop, host->port);
	xo_buf_add_cstr(out, "# Mail to the tenants' domains goes through the "
	    "gateway; put them into relay_domains,\n# too. Lists of more than "
	    "a few domains belong in a hash: or lmdb: table.\n");
	add_postfix_transports(out, conf, xo_buf_span(&hop));
	xo_buf_add_all(out, "# Or all mail that leaves:\n# relayhost = ",
	    xo_tool_cstr(&hop), "\n", (char *)NULL);
	xo_buf_fini(&hop);
}

void
xo_setup_postfix(const struct xo_setup *setup)
{
	const struct xo_conf *conf = setup->conf;
	struct xo_buf out = {.p = NULL};

	xo_buf_add_cstr(&out, "# /etc/postfix/master.cf\n");
	if (xo_setup_listens_on(conf, 25))
		xo_buf_add_cstr(&out, "# The gateway has port 25: take the line "
		    "\"smtp inet ... smtpd\" out, and copy its -o\n# settings "
		    "to the service below that takes mail that is not "
		    "verified.\n");
	if (xo_setup_has_relay(conf))
		xo_buf_add_cstr(&out, "# Verified mail may be relayed "
		    "(tenants.*.relay): the gateway alone decides to whom, so\n"
		    "# nobody else may reach the port.\n");
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (is_behind(conf, i))
			add_postfix_service(&out, conf, i);
	}
	xo_buf_add_cstr(&out, "\n# /etc/postfix/main.cf\n");
	add_postfix_way_out(&out, conf);
	fputs(xo_tool_cstr(&out), setup->out);
	xo_buf_fini(&out);
}

/* --- Exim ---------------------------------------------------------------- */

static bool
has_handover(const struct xo_conf *conf, enum xo_handover handover)
{
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (is_behind(conf, i) &&
		    conf->policy.upstreams[i].handover == handover)
			return true;
	}
	return false;
}

/* Addresses and ports of upstreams, as local_interfaces has them. */
static void
add_exim_interfaces(struct xo_buf *out, const struct xo_conf *conf)
{
	size_t n = 0;

	/* Another separator than the colon, for the sake of IPv6. */
	xo_buf_add_cstr(out, "local_interfaces = <; ");
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		const struct xo_conf_host *host = conf->upstreams[i].hosts;

		if (!is_behind(conf, i))
			continue;
		xo_buf_add_cstr(out, n++ > 0 ? " ; [" : "[");
		xo_setup_quote_comment(out, xo_span_from_cstr(
		    xo_setup_is_loopback(host->host) &&
		    strcmp(host->host, "localhost") != 0 ? host->host :
		    "127.0.0.1"));
		xo_buf_add_cstr(out, "]:");
		xo_buf_add_u64(out, host->port);
	}
	xo_buf_add_byte(out, '\n');
}

static void
add_exim_main(struct xo_buf *out, const struct xo_conf *conf)
{
	xo_buf_add_cstr(out, "# Main section. Add the ports you had besides 25 "
	    "(submission).\n");
	if (has_handover(conf, XO_HANDOVER_XCLIENT))
		xo_buf_add_cstr(out, "# WARNING: an upstream has handover = "
		    "\"xclient\", which Exim does not take; use \"proxy\".\n");
	add_exim_interfaces(out, conf);
	if (has_handover(conf, XO_HANDOVER_PROXY) ||
	    has_handover(conf, XO_HANDOVER_PROXY_V2))
		xo_buf_add_cstr(out, "hosts_proxy = <; 127.0.0.1 ; ::1\n");
}

static void
add_exim_acl(struct xo_buf *out, const struct xo_conf *conf)
{
	xo_buf_add_cstr(out, "\n# At the top of the ACL for RCPT: verified mail "
	    "is told by the port it came to.\n");
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		unsigned int roles = xo_setup_upstream_roles(conf, (int)i);

		if (!is_behind(conf, i) || (roles & XO_SETUP_VERIFIED) == 0)
			continue;
		xo_buf_add_all(out, (roles & XO_SETUP_DEMOTED) != 0 ?
		    "# WARNING: other mail comes to the same port.\n" : "",
		    "  ", "accept  condition = ${if eq{$received_port}{",
		    (char *)NULL);
		xo_buf_add_u64(out, conf->upstreams[i].hosts[0].port);
		xo_buf_add_cstr(out, "}}\n");
		if (!may_relay(conf, roles))
			xo_buf_add_cstr(out, "          domains = "
			    "+local_domains : +relay_to_domains\n");
		xo_buf_add_cstr(out, "          verify = recipient\n");
	}
}

static void
add_exim_domains(struct xo_buf *out, const struct xo_conf *conf)
{
	size_t n = 0;

	xo_buf_add_cstr(out, "  domains = ");
	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		const struct xo_tenant *tenant = &conf->policy.tenants[i];

		for (size_t j = 0; j < tenant->n_recipient_domains; j++) {
			xo_buf_add_cstr(out, n++ > 0 ? " : " : "");
			xo_setup_quote_exim(out, tenant->recipient_domains[j]);
		}
	}
	xo_buf_add_byte(out, '\n');
}

static void
add_exim_way_out(struct xo_buf *out, const struct xo_conf *conf)
{
	const struct xo_conf_host *host = find_way_out(conf);

	if (host == NULL)
		return;
	xo_buf_add_cstr(out, "\n# First of the routers: mail to the tenants' "
	    "domains goes through the gateway.\nxoorgd:\n"
	    "  driver = manualroute\n");
	add_exim_domains(out, conf);
	xo_buf_add_cstr(out, "  transport = xoorgd_smtp\n"
	    "  route_list = * \"<; ");
	xo_setup_quote_comment(out, xo_setup_connect_host(conf, host));
	xo_buf_add_cstr(out, "\" byname\n  self = send\n"
	    "\n# Transports.\nxoorgd_smtp:\n  driver = smtp\n"
	    "  allow_localhost\n  port = ");
	xo_buf_add_u64(out, host->port);
	xo_buf_add_byte(out, '\n');
}

void
xo_setup_exim(const struct xo_setup *setup)
{
	struct xo_buf out = {.p = NULL};

	xo_buf_add_cstr(&out, "# Exim: pieces for its configuration.\n");
	add_exim_main(&out, setup->conf);
	add_exim_acl(&out, setup->conf);
	add_exim_way_out(&out, setup->conf);
	fputs(xo_tool_cstr(&out), setup->out);
	xo_buf_fini(&out);
}
