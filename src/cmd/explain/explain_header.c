/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: the table of headers and their meaning. A row stands for one
 * name, or for a suffix behind the prefixes of several families.
 */
#include <cmd/explain/explain.h>

#include <trust/field.h>
#include <xoorg/domain.h>

struct word {
	const char *value;
	const char *meaning;
};

/* Families: X-MS-Exchange-<family>-<suffix>. */
enum {
	ORG = 1 << 0,
	PREM = 1 << 1,
	TENANT = 1 << 2,
	ALL = ORG | PREM | TENANT,
};

struct row {
	const char *name;		/* whole, or the suffix */
	unsigned int families;		/* 0: the name is whole */
	enum xo_explain_topic topic;
	enum xo_explain_fact fact;
	const char *meaning;
	const struct word *words;	/* by value */
	void (*explain)(struct xo_explain *explain, struct xo_span value,
	    struct xo_explain_note *note);
};

static const struct word authas_words[] = {
	{"Internal", "Internal: from inside, authenticated."},
	{"Anonymous", "Anonymous: from outside, not authenticated."},
	{"External", "External: from outside, known."},
	{"Partner", "Partner: from a partner's connector."},
	{"Other", "Other."},
	{NULL, "Not one of the known values."},
};

static const struct word mechanism_words[] = {
	{"00", "00: none."},
	{"01", "01: Sender ID."},
	{"02", "02: mutual TLS."},
	{"03", "03: MAPI submission."},
	{"04", "04: secure MAPI submission."},
	{"05", "05: secure internal submission."},
	{"06", "06: AUTH LOGIN over TLS."},
	{"07", "07: AUTH LOGIN."},
	{"08", "08: the pickup directory."},
	{"0a", "0a: NTLM."},
	{"0b", "0b: GSSAPI."},
	{"0c", "0c: mutual GSSAPI."},
	{"0d", "0d: custom."},
	{"10", "10: secure external submission (a connector with "
	    "ExternalAuthoritative)."},
	{"11", "11: direct trust TLS."},
	{"12", "12: the replay directory."},
	{"14", "14: sent by Exchange Online; its meaning is not documented."},
	{NULL, "Not one of the known values."},
};

static const struct word direction_words[] = {
	{"Originating", "Originating: the organisation's own mail, going out."},
	{"Incoming", "Incoming: somebody else's mail, coming in."},
	{NULL, "Not one of the known values."},
};

static const struct word entity_words[] = {
	{"Hosted", "Hosted: from a mailbox in the tenant."},
	{"HybridOnPrem", "HybridOnPrem: relayed for the tenant's own site."},
	{"Internet", "Internet: from outside of the tenant."},
	{NULL, "Not one of the known values."},
};

static const struct word scl_words[] = {
	{"-1", "-1: spam filtering was bypassed."},
	{NULL, ""},
};

static bool
has_suffix(struct xo_span s, const char *suffix)
{
	struct xo_span wanted = xo_span_from_cstr(suffix);

	return s.len >= wanted.len && xo_span_is_equal_nocase(
	    xo_span_from(s, s.len - wanted.len), wanted);
}

static void
explain_org(struct xo_explain *explain, struct xo_span value,
    struct xo_explain_note *note)
{
	(void)explain;
	if (!xo_domain_is_valid(value)) {
		note->is_warning = true;
		xo_buf_add_cstr(&note->meaning, " This is no domain: no "
		    "Exchange accepts it as a value.");
	} else if (has_suffix(value, ".templateTenant")) {
		xo_buf_add_cstr(&note->meaning, " A pseudo domain of the "
		    "consumer service (outlook.com); never yours.");
	} else if (has_suffix(value, ".onmicrosoft.com")) {
		xo_buf_add_cstr(&note->meaning, " An initial or default "
		    "accepted domain of a tenant, used for example for mail "
		    "relayed for its own site: list it in originator_orgs "
		    "beside the mail domains.");
	}
}

static void
explain_tenant(struct xo_explain *explain, struct xo_span value,
    struct xo_explain_note *note)
{
	(void)explain;
	if (xo_explain_contains(value, "84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa"))
		xo_buf_add_cstr(&note->meaning, " This is the consumer "
		    "service (outlook.com, hotmail.com).");
}

/* "<guid>:0" */
static void
explain_attributed(struct xo_explain *explain, struct xo_span value,
    struct xo_explain_note *note)
{
	xo_explain_keep_fact(explain, XO_FACT_ATTRIBUTED,
	    xo_span_first(value, xo_span_find(value, ':')));
	explain_tenant(explain, value, note);
}

static void
explain_source(struct xo_explain *explain, struct xo_span value,
    struct xo_explain_note *note)
{
	(void)explain;
	if (xo_span_has_prefix_nocase(value,
	    XO_LIT("TreatMessagesAsInternal-")))
		xo_buf_add_cstr(&note->meaning, " An inbound connector with "
		    "TreatMessagesAsInternal made it internal.");
}

#define PRESERVED "Cross-premises headers were written on the way out: " \
	"Organization headers were copied to CrossPremises ones, by this server."
#define PROMOTED "This server believed the cross-premises headers and turned " \
	"them into its own Organization headers."
#define FILTERED "This server removed cross-premises headers; if it did not " \
	"promote them too, it did not believe them."
#define BLOCKED "Cross-premises headers were removed before the message left, " \
	"since the recipient's domain is not a trusted one."

static const struct row rows[] = {
	{"X-OriginatorOrg", 0, XO_EXPLAIN_HANDOVER, XO_FACT_ORIGINATOR_ORG,
	    "The organisation that handed the message over: the same value as "
	    "XOORG on the wire. It says who sent it on, not who wrote it.",
	    NULL, explain_org},
	{"X-OriginatorOrganization", 0, XO_EXPLAIN_HANDOVER,
	    XO_FACT_ORIGINATOR_ORG, "Older name of X-OriginatorOrg.", NULL,
	    explain_org},
	{"OriginatorOrganization", ORG, XO_EXPLAIN_HANDOVER, XO_FACT_NONE,
	    "The originator organisation, as this Exchange organisation hands "
	    "it from server to server.", NULL, explain_org},
	{"Id", TENANT, XO_EXPLAIN_HANDOVER, XO_FACT_TENANT_ID,
	    "The tenant (its GUID) that Exchange Online sent this for. Not "
	    "always present; an extra check, never the only one.", NULL,
	    explain_tenant},
	{"X-EOPTenantAttributedMessage", 0, XO_EXPLAIN_HANDOVER, XO_FACT_NONE,
	    "The tenant (its GUID) that Exchange Online attributed the session "
	    "to: by client certificate, else by address and sender.", NULL,
	    explain_attributed},
	{"X-EOPAttributedMessage", 0, XO_EXPLAIN_HANDOVER, XO_FACT_NONE,
	    "Exchange Online attributed the session to a tenant; 0 or 1, "
	    "undocumented.", NULL, NULL},
	{"FromEntityHeader", ALL, XO_EXPLAIN_HANDOVER, XO_FACT_NONE,
	    "What kind of sender the tenant saw.", entity_words, NULL},
	{"OriginalAttributedTenantConnectingIp", TENANT, XO_EXPLAIN_HANDOVER,
	    XO_FACT_NONE, "Tenant, address and HELO name of the host that "
	    "brought it to Exchange Online.", NULL, explain_tenant},
	{"AuthAs", ORG, XO_EXPLAIN_TRUST, XO_FACT_AUTHAS,
	    "How Exchange took it; nothing else makes a message internal.",
	    authas_words, NULL},
	{"AuthAs", PREM, XO_EXPLAIN_TRUST, XO_FACT_AUTHAS_CROSS_PREMISES,
	    "How the sending organisation took it; a claim, until promoted.",
	    authas_words, NULL},
	{"AuthAs", TENANT, XO_EXPLAIN_TRUST, XO_FACT_AUTHAS_CROSS_TENANT,
	    "How the tenant took it that sent it; nothing for the receiver.",
	    authas_words, NULL},
	{"AuthMechanism", ALL, XO_EXPLAIN_TRUST, XO_FACT_NONE,
	    "How the sender authenticated.", mechanism_words, NULL},
	{"AuthSource", ALL, XO_EXPLAIN_TRUST, XO_FACT_NONE,
	    "The server that decided this.", NULL, explain_source},
	{"AuthDomain", ALL, XO_EXPLAIN_TRUST, XO_FACT_NONE,
	    "The domain it was authenticated for.", NULL, NULL},
	{"MessageDirectionality", ALL, XO_EXPLAIN_TRUST, XO_FACT_NONE,
	    "The direction Exchange saw.", direction_words, NULL},
	{"SCL", ORG | PREM, XO_EXPLAIN_TRUST, XO_FACT_NONE,
	    "The spam confidence level.", scl_words, NULL},
	{"OriginalClientIPAddress", PREM, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_NONE, "The address of the sender's own device: personal "
	    "data, which every host on the way can read.", NULL, NULL},
	{"X-OrganizationHeadersPreserved", 0, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_PRESERVED, PRESERVED, NULL, NULL},
	{"Cross-Premises-Headers-Preserved", ORG, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_PRESERVED, PRESERVED, NULL, NULL},
	{"X-CrossPremisesHeadersPromoted", 0, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_PROMOTED, PROMOTED, NULL, NULL},
	{"Cross-Premises-Headers-Promoted", ORG, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_PROMOTED, PROMOTED, NULL, NULL},
	{"X-CrossPremisesHeadersFiltered", 0, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_FILTERED, FILTERED, NULL, NULL},
	{"X-CrossPremisesHeadersFilteredBySendConnector", 0,
	    XO_EXPLAIN_CROSS_PREMISES, XO_FACT_FILTERED_BY_CONNECTOR,
	    "This server's send connector removed the cross-premises headers: "
	    "CloudServicesMailEnabled is off there.", NULL, NULL},
	{"X-CrossPremiseHeadersBlocked", 0, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_BLOCKED, BLOCKED, NULL, NULL},
	{"Cross-Premises-Headers-Blocked", ORG, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_BLOCKED, BLOCKED, NULL, NULL},
	{"Cross-Premises-Headers-Processed", ORG, XO_EXPLAIN_CROSS_PREMISES,
	    XO_FACT_NONE, "Exchange has decided on the cross-premises headers; "
	    "it will not do so again.", NULL, NULL},
	{"X-MS-Exchange-Transport-CrossTenantHeadersStamped", 0,
	    XO_EXPLAIN_HANDOVER, XO_FACT_NONE, "This server of Exchange Online "
	    "wrote the CrossTenant headers as the message left the tenant.",
	    NULL, NULL},
	{"X-MS-Exchange-Transport-CrossTenantHeadersStripped", 0,
	    XO_EXPLAIN_HANDOVER, XO_FACT_NONE, "This server of Exchange Online "
	    "removed CrossTenant headers that came from an untrusted source.",
	    NULL, NULL},
	{"X-MS-Exchange-Transport-CrossTenantHeadersPromoted", 0,
	    XO_EXPLAIN_HANDOVER, XO_FACT_NONE, "This server of Exchange Online "
	    "took over the CrossTenant headers of its own edge.", NULL, NULL},
};

static const struct {
	unsigned int family;
	const char *prefix;
} families[] = {
	{ORG, "X-MS-Exchange-Organization-"},
	{PREM, "X-MS-Exchange-CrossPremises-"},
	{TENANT, "X-MS-Exchange-CrossTenant-"},
};

static const struct row *
find_row(struct xo_span name, unsigned int *family_r)
{
	struct xo_span suffix = name;

	*family_r = 0;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct xo_span prefix = xo_span_from_cstr(families[i].prefix);

		if (xo_span_has_prefix_nocase(name, prefix)) {
			*family_r = families[i].family;
			suffix = xo_span_from(name, prefix.len);
		}
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (xo_span_is_equal_nocase(xo_span_from_cstr(row->name),
		    row->families == 0 ? name : suffix) &&
		    (row->families == 0 || (row->families & *family_r) != 0))
			return row;
	}
	return NULL;
}

static void
add_word(struct xo_buf *meaning, const struct word *words,
    struct xo_span value)
{
	while (words->value != NULL && !xo_span_is_equal_nocase(value,
	    xo_span_from_cstr(words->value)))
		words++;
	if (words->meaning[0] != '\0')
		xo_buf_add_all(meaning, " ", words->meaning, (char *)NULL);
}

/* One that only says that the family is there. */
static void
note_unknown(struct xo_explain *explain, unsigned int family,
    struct xo_span name, struct xo_span value)
{
	struct xo_explain_note *note;

	if (family != PREM)
		return;
	note = xo_explain_note(explain, XO_EXPLAIN_CROSS_PREMISES, name, value);
	xo_buf_add_cstr(&note->meaning, "An Organization header of the sending "
	    "side, on its way.");
}

static void
explain_field(struct xo_explain *explain, struct xo_span name,
    struct xo_span value)
{
	unsigned int family;
	const struct row *row = find_row(name, &family);
	struct xo_explain_note *note;

	if (family == PREM)
		xo_explain_keep_fact(explain, XO_FACT_CROSS_PREMISES, value);
	if (xo_span_is_equal_nocase(name, XO_LIT("Received"))) {
		xo_explain_received(explain, value);
	} else if (xo_span_is_equal_nocase(name,
	    XO_LIT("Authentication-Results"))) {
		xo_explain_results(explain, value);
	} else if (xo_span_is_equal_nocase(name, XO_LIT("From"))) {
		xo_explain_keep_fact(explain, XO_FACT_FROM, value);
	} else if (row == NULL) {
		note_unknown(explain, family, name, value);
	} else {
		xo_explain_keep_fact(explain, row->fact, value);
		note = xo_explain_note(explain, row->topic, name, value);
		xo_buf_add_cstr(&note->meaning, row->meaning);
		if (row->words != NULL)
			add_word(&note->meaning, row->words, value);
		if (row->explain != NULL)
			row->explain(explain, value, note);
	}
}

void
xo_explain_section(struct xo_explain *explain, struct xo_span section)
{
	struct xo_field_reader reader = {
		.rest = section,
		.max_line = SIZE_MAX,
	};
	struct xo_field field;

	while (reader.rest.len > 0) {
		if (xo_field_next(&reader, &field) != XO_REFUSAL_NONE) {
			/* The reader went on to the next line. */
			explain->n_refused++;
			continue;
		}
		if (field.raw.len == 0)
			break;
		explain->n_fields++;
		explain_field(explain, field.name, xo_field_value(&field));
	}
}
