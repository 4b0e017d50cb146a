/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: cmdlets for Exchange Online and for Exchange on premises
 * (protocol.md 3.3). What would lock others out, or is not meant to be set
 * by hand, is printed as a comment.
 */
#include <cmd/setup/setup.h>

#include <cmd/common/tool.h>

#include <conf/folder.h>

/* A tenant, as the cmdlets see it. */
struct tenant {
	const struct xo_tenant *policy;
	struct xo_span hostname;
	struct xo_buf to;		/* names of connectors */
	struct xo_buf from;
	struct xo_buf only;
	struct xo_buf client;		/* name in our client certificate */
};

static void
add_quoted(struct xo_buf *out, const char *before, struct xo_span s,
    const char *after)
{
	xo_buf_add_cstr(out, before);
	xo_setup_quote_powershell(out, s);
	xo_buf_add_cstr(out, after);
}

/* Never all domains: that is what `relay` is for. */
static void
add_recipients(struct xo_buf *out, const struct xo_tenant *tenant)
{
	bool is_empty = tenant->n_recipient_domains == 0;
	const struct xo_span *domains = is_empty ? tenant->originator_orgs :
	    tenant->recipient_domains;
	size_t n = is_empty ? tenant->n_originator_orgs :
	    tenant->n_recipient_domains;

	for (size_t i = 0; i < n; i++)
		add_quoted(out, i > 0 ? "," : "", domains[i], "");
}

static void
add_warnings(struct xo_buf *out, const struct xo_conf *conf)
{
	const char *flaw = xo_setup_server_flaw(conf);

	if (flaw != NULL)
		xo_buf_add_all(out, "# WARNING: ", flaw, "\n", (char *)NULL);
	if (!xo_setup_listens_on(conf, 25))
		xo_buf_add_cstr(out, "# WARNING: smart hosts have no port: "
		    "Exchange Online connects to port 25, and no\n# listener "
		    "for it has that port. Let a firewall lead there.\n");
}

/* They judge the gateway's own name: DNSSEC with TLSA, a policy by https. */
static void
add_modes(struct xo_buf *out, const struct tenant *t)
{
	xo_buf_add_cstr(out,
	    "# DANE and MTA-STS of this connector. What is Mandatory fails "
	    "(4.7.321 to 4.7.325)\n# unless the gateway's name has DNSSEC and "
	    "a TLSA record that fits its certificate,\n# or a policy.\n");
	add_quoted(out, "Get-OutboundConnector -Identity ",
	    xo_buf_span(&t->to), " | Format-List SmtpDaneMode,MtaStsMode\n");
}

static void
add_outbound(struct xo_buf *out, const struct tenant *t, bool is_hybrid)
{
	xo_buf_add_cstr(out, "# From Exchange Online to the gateway.\n");
	add_quoted(out, "New-OutboundConnector -Name ", xo_buf_span(&t->to),
	    " `\n    -ConnectorType OnPremises -UseMXRecord $false `\n");
	add_quoted(out, "    -SmartHosts ", t->hostname, " `\n");
	if (t->policy->relay) {
		xo_buf_add_cstr(out, "    -RecipientDomains '*' "
		    "-RouteAllMessagesViaOnPremises $true `\n");
	} else {
		xo_buf_add_cstr(out, "    -RecipientDomains ");
		add_recipients(out, t->policy);
		xo_buf_add_cstr(out, " `\n");
	}
	add_quoted(out, "    -TlsSettings DomainValidation -TlsDomain ",
	    t->hostname, is_hybrid ? " `\n    -CloudServicesMailEnabled $true\n"
	    : "\n");
	xo_buf_add_cstr(out,
	    "# WARNING: CloudServicesMailEnabled keeps mail internal in a "
	    "hybrid, by sending\n# the cross-premises headers along (with the "
	    "addresses of clients). Microsoft\n# wants it to be set by the "
	    "Hybrid Configuration Wizard only, and supports no\n# other host "
	    "than Exchange in that path.\n");
	if (!is_hybrid)
		add_quoted(out, "# Set-OutboundConnector -Identity ",
		    xo_buf_span(&t->to), " -CloudServicesMailEnabled $true\n");
	add_modes(out, t);
	xo_buf_add_cstr(out, "# Test it:\n");
	add_quoted(out, "# Validate-OutboundConnector -Identity ",
	    xo_buf_span(&t->to), " -Recipients 'postmaster@");
	/* Within the quotes: a domain has none. */
	xo_setup_quote_comment(out, t->policy->originator_orgs[0]);
	xo_buf_add_cstr(out, "'\n");
}

static void
add_inbound(struct xo_buf *out, const struct tenant *t, bool is_hybrid)
{
	xo_buf_add_cstr(out,
	    "\n# From the gateway to Exchange Online. The certificate must "
	    "come from a public CA\n# and be sent with its whole chain; its "
	    "name must be an accepted domain of the\n# tenant, or lie in one "
	    "for a wildcard. New tenants need a support case to have\n# such "
	    "connectors (OrganizationInboundConnectorProhibitedException).\n");
	add_quoted(out, "New-InboundConnector -Name ", xo_buf_span(&t->from),
	    " `\n    -ConnectorType OnPremises -SenderDomains '*' "
	    "-RequireTls $true `\n");
	add_quoted(out, "    -TlsSenderCertificateName ",
	    xo_buf_span(&t->client),
	    is_hybrid ? " `\n    -CloudServicesMailEnabled $true\n" : "\n");
	xo_buf_add_cstr(out, "# To make it internal, one of these, never "
	    "both; the second is for a site\n# without Exchange:\n");
	if (!is_hybrid)
		add_quoted(out, "# Set-InboundConnector -Identity ",
		    xo_buf_span(&t->from), " -CloudServicesMailEnabled $true\n");
	add_quoted(out, "# Set-InboundConnector -Identity ",
	    xo_buf_span(&t->from), " -TreatMessagesAsInternal $true\n");
}

static void
add_lock_down(struct xo_buf *out, const struct tenant *t)
{
	xo_buf_add_cstr(out,
	    "\n# Lock-down: once the MX record of the tenant's domains leads "
	    "to the gateway, only\n# the gateway may bring mail. WARNING: all "
	    "other mail to the tenant is refused\n# from then on, and the "
	    "second line also stops forwards without SRS.\n");
	add_quoted(out, "# New-InboundConnector -Name ", xo_buf_span(&t->only),
	    " -ConnectorType Partner -SenderDomains '*' -RequireTls $true");
	add_quoted(out, " -RestrictDomainsToCertificate $true "
	    "-TlsSenderCertificateName ", xo_buf_span(&t->client), "\n");
	xo_buf_add_cstr(out,
	    "# Set-OrganizationConfig -RejectDirectSend $true\n");
}

static void
add_shared(struct xo_buf *out, const struct xo_conf *conf, size_t i)
{
	struct xo_shown shown = {.key = {.path = NULL}};

	if (conf->policy.n_tenants > 1 && !xo_shown_find(&shown, conf, i))
		xo_buf_add_cstr(out, "# WARNING: several tenants would show the "
		    "same certificate. Exchange Online tells\n# tenants apart "
		    "by it: give each its own (client_certificate).\n");
	xo_shown_fini(&shown);
}

static void
add_tenant(struct xo_buf *out, const struct xo_setup *setup, size_t i)
{
	const struct xo_conf *conf = setup->conf;
	struct tenant t = {
		.policy = &conf->policy.tenants[i],
		.hostname = conf->policy.hostname,
	};

	xo_buf_add_cstr(&t.to, "To ");
	xo_buf_add(&t.to, t.hostname);
	xo_buf_add_cstr(&t.from, "From ");
	xo_buf_add(&t.from, t.hostname);
	xo_buf_add_cstr(&t.only, "Only through ");
	xo_buf_add(&t.only, t.hostname);
	xo_setup_client_name(conf, (int)i, &t.client);
	xo_buf_add_cstr(out, "\n# Tenant ");
	xo_setup_quote_comment(out, t.policy->name);
	xo_buf_add_cstr(out, ", in its own session (Connect-ExchangeOnline):\n");
	add_outbound(out, &t, setup->is_hybrid);
	if (xo_setup_has_own(conf)) {
		add_shared(out, conf, i);
		add_inbound(out, &t, setup->is_hybrid);
		add_lock_down(out, &t);
	}
	xo_buf_fini(&t.to);
	xo_buf_fini(&t.from);
	xo_buf_fini(&t.only);
	xo_buf_fini(&t.client);
}

void
xo_setup_exchange_online(const struct xo_setup *setup)
{
	struct xo_buf out = {.p = NULL};

	xo_buf_add_cstr(&out, "# Exchange Online PowerShell. Connectors are "
	    "named as the tenant sees them: outbound\n# leads to us.\n");
	add_warnings(&out, setup->conf);
	if (!xo_setup_has_own(setup->conf))
		xo_buf_add_cstr(&out, "# No listener takes mail of our own "
		    "systems: no connector for the way back.\n");
	for (size_t i = 0; i < setup->conf->policy.n_tenants; i++)
		add_tenant(&out, setup, i);
	fputs(xo_tool_cstr(&out), setup->out);
	xo_buf_fini(&out);
}

/* --- on premises --------------------------------------------------------- */

static void
add_receive_connector(struct xo_buf *out, const struct xo_conf *conf)
{
	struct xo_buf entry = {.p = NULL};

	xo_setup_client_name(conf, XO_NOBODY, &entry);
	xo_buf_add_cstr(&entry, ":AcceptCloudServicesMail");
	xo_buf_add_cstr(out,
	    "# From the gateway to Exchange: announce XOORG to its "
	    "certificate, as to Microsoft's.\n# The certificate must be "
	    "trusted by Windows and be good for serverAuth.\n"
	    "$receive = \"$env:COMPUTERNAME\\Default Frontend "
	    "$env:COMPUTERNAME\"\n");
	add_quoted(out, "Set-ReceiveConnector -Identity $receive "
	    "-TlsDomainCapabilities @{Add=", xo_buf_span(&entry), "}\n");
	xo_buf_add_cstr(out,
	    "Get-ReceiveConnector -Identity $receive | Format-List "
	    "TlsDomainCapabilities,TlsCertificateName,AuthMechanism\n"
	    "# The originator organisations must be accepted domains here:\n"
	    "Get-AcceptedDomain | Format-Table DomainName,DomainType\n"
	    "# WARNING: never use ExternalAuthoritative for the gateway: it "
	    "would make Internet\n# mail internal, too.\n");
	xo_buf_fini(&entry);
}

static void
add_send_connector(struct xo_buf *out, const struct xo_conf *conf,
    size_t listener)
{
	const struct xo_conf_listener *l = &conf->listeners[listener];
	const struct xo_conf_host *at = &l->listen[0];

	xo_buf_add_cstr(out, "\n# From Exchange to the gateway, listener ");
	xo_setup_quote_comment(out, conf->policy.listeners[listener].name);
	xo_buf_add_cstr(out, ".\n");
	if (l->tls == XO_NOBODY)
		xo_buf_add_cstr(out, "# WARNING: this listener has no `tls`, "
		    "which RequireTLS needs.\n");
	if (xo_setup_is_loopback(at->host))
		xo_buf_add_cstr(out, "# WARNING: this listener is on loopback; "
		    "let it listen where Exchange can reach it.\n");
	xo_buf_add_cstr(out, "# Put the name of your connector here:\n"
	    "$send = 'Outbound to Office 365'\n");
	add_quoted(out, "Set-SendConnector -Identity $send -SmartHosts ",
	    xo_setup_is_loopback(at->host) ? conf->policy.hostname :
	    xo_setup_connect_host(conf, at), " -Port ");
	xo_buf_add_u64(out, at->port);
	add_quoted(out, " -DNSRoutingEnabled $false `\n    -RequireTLS $true "
	    "-TlsAuthLevel DomainValidation -TlsDomain ",
	    conf->policy.hostname, " `\n    -CloudServicesMailEnabled $true\n");
}

void
xo_setup_exchange(const struct xo_setup *setup)
{
	struct xo_buf out = {.p = NULL};
	bool has_own = false;

	xo_buf_add_cstr(&out, "# Exchange Management Shell, on each server.\n");
	add_receive_connector(&out, setup->conf);
	for (size_t i = 0; i < setup->conf->policy.n_listeners; i++) {
		/* One is enough: the others are for other MTAs. */
		if (!has_own && xo_setup_is_own(setup->conf, i)) {
			add_send_connector(&out, setup->conf, i);
			has_own = true;
		}
	}
	if (!has_own)
		xo_buf_add_cstr(&out, "# No listener takes mail of our own "
		    "systems: no send connector.\n");
	fputs(xo_tool_cstr(&out), setup->out);
	xo_buf_fini(&out);
}
