/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: connectors as JSON, by tenant; each object is what CIPP's
 * "Deploy Connector" takes as its parameters.
 */
#include <cmd/setup/setup.h>

#include <cmd/common/json.h>
#include <cmd/common/tool.h>

static json_t *
text(const char *before, struct xo_span s)
{
	struct xo_buf out = {.p = NULL};
	json_t *json;

	xo_buf_add_cstr(&out, before);
	xo_setup_quote_comment(&out, s);
	json = xo_json_text(xo_buf_span(&out));
	xo_buf_fini(&out);
	return json;
}

/* Without `relay` never all domains. */
static json_t *
domains(const struct xo_tenant *tenant)
{
	bool is_empty = tenant->n_recipient_domains == 0;
	const struct xo_span *list = is_empty ? tenant->originator_orgs :
	    tenant->recipient_domains;
	size_t n = is_empty ? tenant->n_originator_orgs :
	    tenant->n_recipient_domains;
	json_t *json = xo_tool_require(json_array());

	if (tenant->relay)
		json_array_append_new(json, json_string("*"));
	for (size_t i = 0; !tenant->relay && i < n; i++)
		json_array_append_new(json, text("", list[i]));
	return json;
}

static json_t *
outbound(const struct xo_setup *setup, const struct xo_tenant *tenant)
{
	struct xo_span hostname = setup->conf->policy.hostname;

	return xo_tool_require(json_pack(
	    "{s:s, s:o, s:s, s:b, s:b, s:[o], s:o, s:s, s:o, s:b, s:b}",
	    "cippConnectorType", "Outbound",
	    "name", text("To ", hostname),
	    "ConnectorType", "OnPremises",
	    "Enabled", true,
	    "UseMXRecord", false,
	    "SmartHosts", text("", hostname),
	    "RecipientDomains", domains(tenant),
	    "TlsSettings", "DomainValidation",
	    "TlsDomain", text("", hostname),
	    "CloudServicesMailEnabled", setup->is_hybrid,
	    "RouteAllMessagesViaOnPremises", tenant->relay));
}

static json_t *
inbound(const struct xo_setup *setup, size_t tenant)
{
	struct xo_buf name = {.p = NULL};
	json_t *json;

	xo_setup_client_name(setup->conf, (int)tenant, &name);
	json = xo_tool_require(json_pack(
	    "{s:s, s:o, s:s, s:b, s:[s], s:b, s:o, s:b}",
	    "cippConnectorType", "Inbound",
	    "name", text("From ", setup->conf->policy.hostname),
	    "ConnectorType", "OnPremises",
	    "Enabled", true,
	    "SenderDomains", "*",
	    "RequireTls", true,
	    "TlsSenderCertificateName", text("", xo_buf_span(&name)),
	    "CloudServicesMailEnabled", setup->is_hybrid));
	xo_buf_fini(&name);
	return json;
}

void
xo_setup_cipp(const struct xo_setup *setup)
{
	json_t *all = xo_tool_require(json_object());

	for (size_t i = 0; i < setup->conf->policy.n_tenants; i++) {
		const struct xo_tenant *tenant =
		    &setup->conf->policy.tenants[i];
		json_t *list = xo_tool_require(json_array());
		struct xo_buf name = {.p = NULL};

		json_array_append_new(list, outbound(setup, tenant));
		if (xo_setup_has_own(setup->conf))
			json_array_append_new(list, inbound(setup, i));
		xo_setup_quote_comment(&name, tenant->name);
		json_object_set_new(all, xo_tool_cstr(&name), list);
		xo_buf_fini(&name);
	}
	json_dumpf(all, setup->out, JSON_INDENT(2));
	fputc('\n', setup->out);
	json_decref(all);
}
