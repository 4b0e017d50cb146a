/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: what follows from all headers together (protocol.md 5.6: a
 * verified session, a known organisation and cross-premises headers make a
 * message internal, and all three are needed).
 */
#include <cmd/explain/explain.h>

#include <xoorg/domain.h>

#define SHOWN_MAX 128

static bool
has(const struct xo_explain *explain, enum xo_explain_fact fact)
{
	return explain->n_facts[fact] > 0;
}

static bool
is_internal(const struct xo_explain *explain, enum xo_explain_fact fact)
{
	return has(explain, fact) && xo_span_is_equal_nocase(
	    explain->facts[fact], XO_LIT("Internal"));
}

static void
add_fact(struct xo_buf *out, const struct xo_explain *explain,
    enum xo_explain_fact fact)
{
	xo_explain_add_printable(out, explain->facts[fact], SHOWN_MAX);
}

static void
conclude_org(struct xo_explain *explain)
{
	struct xo_buf *out = &explain->summary;

	if (!has(explain, XO_FACT_ORIGINATOR_ORG)) {
		xo_buf_add_cstr(out, "No organisation stands behind it: "
		    "there is no X-OriginatorOrg, or a server on the way "
		    "removed it.\n");
		return;
	}
	xo_buf_add_cstr(out, "Handed over by the organisation ");
	add_fact(out, explain, XO_FACT_ORIGINATOR_ORG);
	xo_buf_add_cstr(out, " (X-OriginatorOrg).\n");
}

/* Why is it not internal? */
static const char *
find_cause(const struct xo_explain *explain)
{
	if (has(explain, XO_FACT_FILTERED_BY_CONNECTOR))
		return "The sending server's connector removed the cross-premises "
		    "headers: CloudServicesMailEnabled is off there.";
	if (has(explain, XO_FACT_BLOCKED))
		return "The sending organisation removed the cross-premises "
		    "headers: the recipient's domain is not a remote domain "
		    "with TrustedMailOutboundEnabled there.";
	if (has(explain, XO_FACT_FILTERED) && !has(explain, XO_FACT_PROMOTED))
		return "The cross-premises headers arrived and were not "
		    "believed: the client certificate matched no "
		    "TlsDomainCapabilities entry, or XOORG was missing or not "
		    "an accepted domain.";
	if (has(explain, XO_FACT_PROMOTED))
		return "The cross-premises headers were believed: the sending "
		    "side did not take it for internal either.";
	if (has(explain, XO_FACT_CROSS_PREMISES))
		return "The cross-premises headers are still there: no Exchange "
		    "behind them has decided on them.";
	return "No cross-premises headers arrived: the sending connector has "
	    "CloudServicesMailEnabled off, or a host on the way removed "
	    "them.";
}

static void
conclude_trust(struct xo_explain *explain)
{
	struct xo_buf *out = &explain->summary;

	if (is_internal(explain, XO_FACT_AUTHAS)) {
		xo_buf_add_cstr(out, "The receiving Exchange took it for "
		    "internal.\n");
	} else if (has(explain, XO_FACT_AUTHAS)) {
		xo_buf_add_cstr(out, "The receiving Exchange did not take it "
		    "for internal (AuthAs: ");
		add_fact(out, explain, XO_FACT_AUTHAS);
		xo_buf_add_all(out, "). ", find_cause(explain), "\n",
		    (char *)NULL);
	} else if (is_internal(explain, XO_FACT_AUTHAS_CROSS_PREMISES)) {
		xo_buf_add_cstr(out, "The sending side took it for internal; no "
		    "receiving Exchange has decided yet. It will be internal "
		    "if the session has an accepted certificate and XOORG "
		    "names an accepted domain.\n");
	} else if (has(explain, XO_FACT_AUTHAS_CROSS_TENANT)) {
		xo_buf_add_cstr(out, "The tenant that sent it took it as ");
		add_fact(out, explain, XO_FACT_AUTHAS_CROSS_TENANT);
		xo_buf_add_cstr(out, "; for the receiver this means "
		    "nothing.\n");
	} else {
		xo_buf_add_cstr(out, "Nothing says whether Exchange took it for "
		    "internal.\n");
	}
}

static void
conclude_verdict(struct xo_explain *explain)
{
	if (!has(explain, XO_FACT_VERDICT))
		return;
	xo_buf_add_cstr(&explain->summary, "The gateway's verdict: ");
	add_fact(&explain->summary, explain, XO_FACT_VERDICT);
	xo_buf_add_cstr(&explain->summary, ".\n");
}

/* The last one, be it in a comment or in brackets. */
static struct xo_span
domain_of_from(struct xo_span from)
{
	struct xo_span domain = xo_address_domain(from);
	size_t n = 0;

	while (n < domain.len && domain.p[n] > ' ' && domain.p[n] != '>' &&
	    domain.p[n] != ')' && domain.p[n] != '"' && domain.p[n] != ',')
		n++;
	return xo_span_first(domain, n);
}

static void
warn_from(struct xo_explain *explain)
{
	struct xo_span domain = domain_of_from(explain->facts[XO_FACT_FROM]);
	struct xo_buf *out = &explain->warnings;

	if (!has(explain, XO_FACT_ORIGINATOR_ORG) ||
	    !xo_domain_is_valid(domain) || xo_domain_is_equal(domain,
	    explain->facts[XO_FACT_ORIGINATOR_ORG]))
		return;
	xo_buf_add_cstr(out, "From is in ");
	xo_explain_add_printable(out, domain, SHOWN_MAX);
	xo_buf_add_cstr(out, ", the originator organisation is ");
	add_fact(out, explain, XO_FACT_ORIGINATOR_ORG);
	xo_buf_add_cstr(out, ". That is common (default accepted domain, "
	    "forwarding, relayed mail), and it is what a forgery through "
	    "another tenant looks like.\n");
}

static void
warn_doubles(struct xo_explain *explain)
{
	static const struct {
		enum xo_explain_fact fact;
		const char *name;
	} table[] = {
		{XO_FACT_ORIGINATOR_ORG, "X-OriginatorOrg"},
		{XO_FACT_TENANT_ID, "X-MS-Exchange-CrossTenant-Id"},
		{XO_FACT_AUTHAS, "X-MS-Exchange-Organization-AuthAs"},
		{XO_FACT_AUTHAS_CROSS_PREMISES,
		    "X-MS-Exchange-CrossPremises-AuthAs"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (explain->differs[table[i].fact])
			xo_buf_add_all(&explain->warnings, table[i].name,
			    " stands there with different values: Exchange "
			    "leaves one, so at least one is somebody else's.\n",
			    (char *)NULL);
	}
}

static void
warn_attribution(struct xo_explain *explain)
{
	struct xo_buf *out = &explain->warnings;

	if (!has(explain, XO_FACT_TENANT_ID) ||
	    !has(explain, XO_FACT_ATTRIBUTED) || xo_span_is_equal_nocase(
	    explain->facts[XO_FACT_TENANT_ID],
	    explain->facts[XO_FACT_ATTRIBUTED]))
		return;
	xo_buf_add_cstr(out, "The session was attributed to the tenant ");
	add_fact(out, explain, XO_FACT_ATTRIBUTED);
	xo_buf_add_cstr(out, ", and the message says ");
	add_fact(out, explain, XO_FACT_TENANT_ID);
	xo_buf_add_cstr(out, ". If it should have been the same one, look for "
	    "an address or a certificate that connectors of two tenants "
	    "share.\n");
}

static void
warn_lines(struct xo_explain *explain)
{
	if (explain->n_refused == 0)
		return;
	xo_buf_add_u64(&explain->warnings, explain->n_refused);
	xo_buf_add_cstr(&explain->warnings, explain->n_refused == 1 ?
	    " line is no header field and was passed over.\n" :
	    " lines are no header fields and were passed over.\n");
}

void
xo_explain_conclude(struct xo_explain *explain)
{
	if (explain->n_notes == 0) {
		xo_buf_add_cstr(&explain->summary, "There is nothing of "
		    "Exchange in this header.\n");
		warn_lines(explain);
		return;
	}
	conclude_org(explain);
	conclude_trust(explain);
	conclude_verdict(explain);
	warn_doubles(explain);
	warn_attribution(explain);
	warn_from(explain);
	warn_lines(explain);
	xo_buf_add_cstr(&explain->warnings, "Headers prove nothing by "
	    "themselves: anybody can write all of these. Believe what your own "
	    "servers wrote, and what they let pass from a verified session.\n");
}
