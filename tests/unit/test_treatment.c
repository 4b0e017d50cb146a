/* SPDX-License-Identifier: ISC */
/*
 * Whom the gateway trusts: the tables of doc/protocol.md in its own words, which
 * tests/lint/test_treatment.py holds against the page, and what each word asks
 * of the code. What the tables leave to the code is tried behind them: policies
 * with holes, and every combination of rights.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/domain.h>
#include <xoorg/tenants.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define XOORG ((uint32_t)XO_RIGHT_XOORG)
#define RELAY ((uint32_t)XO_RIGHT_RELAY)
#define REST ((uint32_t)(XO_RIGHT_XCLIENT | XO_RIGHT_PROXY))

/* The world: three tenants, four next hops. */

enum { CONTOSO, FABRIKAM, TRANSPORT };
enum { UPSTREAM, DEMOTE_TO, OWN, SPARE };

static const struct xo_span contoso[] = {
	S("contoso.com"), S("contoso.onmicrosoft.com")
};
static const struct xo_span fabrikam[] = {S("fabrikam.com")};
static const struct xo_span transport[] = {S("transport.example")};

static struct xo_tenant tenants[3];
static struct xo_upstream upstreams[4];
static struct xo_listener listener;
static struct xo_policy policy;
/* XO_NOBODY: the session is no tenant's. */
static int attributed;

static int
set_up(void **state)
{
	int first, second;

	(void)state;
	attributed = XO_NOBODY;
	tenants[CONTOSO] = (struct xo_tenant){
		.originator_orgs = contoso, .n_originator_orgs = 2,
		.sender_domains = contoso, .n_sender_domains = 1,
		.recipient_domains = contoso, .n_recipient_domains = 1};
	tenants[FABRIKAM] = (struct xo_tenant){
		.originator_orgs = fabrikam, .n_originator_orgs = 1,
		.recipient_domains = fabrikam, .n_recipient_domains = 1,
		.has_upstream = true, .upstream = OWN};
	tenants[TRANSPORT] = (struct xo_tenant){
		.originator_orgs = transport, .n_originator_orgs = 1,
		.recipient_domains = transport, .n_recipient_domains = 1,
		.relay = true};
	memset(upstreams, 0, sizeof(upstreams));
	listener = (struct xo_listener){
		.has_upstream = true, .upstream = UPSTREAM,
		.has_demote_to = true, .demote_to = DEMOTE_TO,
		.on = {
			[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT,
			[XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
			[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT,
			[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE,
		},
	};
	xo_tenants_index_free(&policy.tenant_index);
	policy = (struct xo_policy){
		.tenants = tenants, .n_tenants = 3,
		.upstreams = upstreams, .n_upstreams = 4,
	};
	return xo_tenants_index(&policy, &first, &second) == XO_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}

static struct xo_span
span(const char *s)
{
	return xo_span_from_cstr(s);
}

/* Of the client's certificate; empty: none. */
static struct xo_span open_name;

static enum xo_refusal
mail(uint32_t rights, const char *xoorg, const char *sender,
    struct xo_treatment *t)
{
	struct xo_question question = {
		.rights = rights, .has_xoorg = xoorg != NULL,
		.xoorg = span(xoorg), .sender = span(sender),
		.is_attributed = attributed != XO_NOBODY,
		.tenant = attributed,
		.names = &open_name, .n_names = open_name.len > 0,
	};

	memset(t, 0xee, sizeof(*t));
	return xo_treatment_mail(&policy, &listener, &question, t);
}

static enum xo_refusal
rcpt_as(const char *to, bool is_first, struct xo_treatment *t,
    enum xo_refusal *would_r)
{
	struct xo_path path = {.address = span(to)};

	path.domain = xo_address_domain(path.address);
	return xo_treatment_rcpt(&policy, &listener, &path, is_first, t,
	    would_r);
}

static enum xo_refusal
rcpt(const char *to, struct xo_treatment *t)
{
	enum xo_refusal would;
	enum xo_refusal why = rcpt_as(to, true, t, &would);

	/* Enforcing, both are one. */
	assert_int_equal(would, why);
	return why;
}

static bool
is(const char *cell, const char *word)
{
	return strcmp(cell, word) == 0;
}

static bool
has(const char *cell, const char *word)
{
	return strstr(cell, word) != NULL;
}

/* "550 5.7.1" */
static bool
is_reply(const char *cell, enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);
	char reply[32];

	(void)snprintf(reply, sizeof(reply), "%u %s", info->code,
	    info->enhanced);
	return is(cell, reply);
}

/* The columns of 3.2, 5.4 and 5.5. */
static struct xo_treatment
mail_of(size_t column)
{
	static const struct {
		uint32_t rights;
		const char *xoorg;
	} kinds[] = {
		[1] = {XOORG, "contoso.onmicrosoft.com"}, [2] = {RELAY, NULL},
		[3] = {0, NULL},
	};
	struct xo_treatment t;

	assert_int_equal(mail(kinds[column].rights, kinds[column].xoorg,
	    "a@contoso.com", &t), XO_REFUSAL_NONE);
	return t;
}

static const char *
text(struct xo_span s)
{
	static char copy[300];

	(void)snprintf(copy, sizeof(copy), "%.*s", (int)s.len,
	    s.p != NULL ? (const char *)s.p : "");
	return copy;
}

static void
expect_org(const char *where, const char *cell, struct xo_span got)
{
	static const struct {
		const char *word, *value;
	} words[] = {
		{"none", ""}, {"the domain", "gate.example"},
		{"its own", "contoso.onmicrosoft.com"},
		{"what MAIL said", "contoso.onmicrosoft.com"},
		{"first of the tenant's originator_orgs, by envelope sender",
		    "contoso.com"},
		{"the X-OriginatorOrg of its header, if a tenant's",
		    "fabrikam.com"},
		{"what goes out", "sent.example"},
	};

	for (size_t i = 0; i < N(words); i++)
		if (is(words[i].word, cell)) {
			if (!is(text(got), words[i].value))
				fail_msg("%s: got %s, want %s", where,
				    text(got), cell);
			return;
		}
	fail_msg("%s: nobody knows \"%s\"", where, cell);
}

/* protocol.md 3.2 */
static const char *const table_3_2[][4] = {
	{"\"\"", "none", "none", "none"},
	{"a domain", "the domain", "the domain", "none"},
	{"\"tenant\"", "its own",
	    "first of the tenant's originator_orgs, by envelope sender", "none"},
	{"\"message\"", "its own",
	    "the X-OriginatorOrg of its header, if a tenant's", "none"},
};

static const enum xo_xoorg_source sources[] = {
	XO_XOORG_NONE, XO_XOORG_DOMAIN, XO_XOORG_TENANT, XO_XOORG_MESSAGE
};

static void
test_3_2(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_3_2); i++)
		for (size_t k = 1; k < 4; k++) {
			struct xo_treatment t = mail_of(k);

			for (size_t u = 0; u < 4; u++) {
				upstreams[u].xoorg_source = sources[i];
				upstreams[u].xoorg = span("gate.example");
			}
			expect_org(table_3_2[i][0], table_3_2[i][k],
			    xo_treatment_xoorg(&policy, &t,
			    span("contoso.onmicrosoft.com"),
			    span("fabrikam.com")));
		}
}

/* protocol.md 5.4 */
static const char *const table_5_4[][4] = {
	{"yes", "what MAIL said", "what goes out", "none"},
	{"no", "what MAIL said", "none", "none"},
};

static void
test_5_4(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_5_4); i++)
		for (size_t k = 1; k < 4; k++) {
			struct xo_treatment t = mail_of(k);
			/* Of other mail there is never one. */
			struct xo_span sent = is(table_5_4[i][0], "yes") &&
			    k < 3 ? span("sent.example") : span("");

			expect_org(table_5_4[i][0], table_5_4[i][k],
			    xo_treatment_originator_org(&t,
			    span("contoso.onmicrosoft.com"), sent));
		}
}

/* protocol.md 5.5 */
static const char *const table_5_5[][4] = {
	{"\"\"", "kept", "removed", "removed"},
	{"keep", "kept", "kept", "removed"},
	{"strip", "removed", "removed", "removed"},
	{"promote", "promoted", "promoted", "removed"},
	{"any, if XOORG should go out and does not", "removed", "removed",
	    "removed"},
};

static const enum xo_cross_premises settings[] = {
	XO_CROSS_PREMISES_DEFAULT, XO_CROSS_PREMISES_KEEP,
	XO_CROSS_PREMISES_STRIP, XO_CROSS_PREMISES_PROMOTE
};

static void
set_fields(enum xo_cross_premises setting, enum xo_xoorg_source source)
{
	for (size_t u = 0; u < 4; u++) {
		upstreams[u].cross_premises = setting;
		upstreams[u].xoorg_source = source;
	}
}

static void
expect_fate(const char *row, size_t column, bool is_sent, const char *want)
{
	struct xo_treatment t = mail_of(column);
	bool promotes = false;
	uint32_t removes = xo_treatment_removes(&policy, &t, is_sent,
	    &promotes);
	const char *got = (removes & XO_WALL_CROSS_PREMISES) != 0 ? "removed" :
	    promotes ? "promoted" : "kept";

	if (!is(got, want) || (is(got, "removed") && promotes))
		fail_msg("%s, column %zu: got %s, want %s", row, column, got,
		    want);
}

static void
test_5_5(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(settings); i++)
		for (size_t k = 1; k < 4; k++) {
			set_fields(settings[i], XO_XOORG_NONE);
			expect_fate(table_5_5[i][0], k, false, table_5_5[i][k]);
			set_fields(settings[i], XO_XOORG_TENANT);
			expect_fate(table_5_5[i][0], k, true, table_5_5[i][k]);
			for (size_t s = 1; s < N(sources); s++) {
				set_fields(settings[i], sources[s]);
				expect_fate(table_5_5[4][0], k, false,
				    table_5_5[4][k]);
			}
		}
}

/* protocol.md 6 */
static const char *const table_6[][2] = {
	{"X-OriginatorOrg, X-OriginatorOrganization", "everybody"},
	{"X-MS-Exchange-Organization-*", "everybody"},
	{"X-MS-Exchange-Forest-*", "everybody"},
	{"Authentication-Results with our hostname, or that cannot be decoded",
	    "everybody"},
	{"X-CrossPremisesHeadersPromoted, X-CrossPremisesHeadersFiltered",
	    "everybody"},
	{"X-MS-Exchange-CrossPremises-*", "see 5.5"},
	{"X-MS-Exchange-CrossTenant-*, "
	    "X-MS-Exchange-Transport-CrossTenantHeaders*",
	    "sessions with neither the right xoorg nor relay"},
	{"X-OrganizationHeadersPreserved, X-CrossPremiseHeadersBlocked, "
	    "X-CrossPremisesHeadersBlocked, "
	    "X-CrossPremisesHeadersFilteredBySendConnector", "the same"},
};

static const uint32_t families[] = {
	XO_WALL_ORIGINATOR_ORG, XO_WALL_ORGANIZATION, XO_WALL_FOREST,
	XO_WALL_AUTH_RESULTS, XO_WALL_TRACE, XO_WALL_CROSS_PREMISES,
	XO_WALL_CROSS_TENANT, XO_WALL_SENDER_TRACE,
};
_Static_assert(N(families) == N(table_6), "a family for each row");

static void
test_6(void **state)
{
	(void)state;
	for (uint32_t rights = 0; rights < 16; rights++) {
		struct xo_treatment t;
		bool promotes, is_stranger = (rights & (XOORG | RELAY)) == 0;
		uint32_t got;

		assert_int_equal(mail(rights, NULL, "a@contoso.com", &t),
		    XO_REFUSAL_NONE);
		got = xo_treatment_removes(&policy, &t, false, &promotes);
		for (size_t i = 0; i < N(table_6); i++) {
			bool is_all = is(table_6[i][1], "everybody");

			if (is(table_6[i][1], "see 5.5"))
				continue;
			if (((got & families[i]) != 0) !=
			    (is_all || is_stranger))
				fail_msg("%s, rights %u", table_6[i][0],
				    rights);
		}
	}
}

/* protocol.md 9.1 */
static const char *const table_9_1[][3] = {
	{"xoorg", "a tenant's, with a sender of it", "verified"},
	{"xoorg", "a tenant's, with another's sender", "other"},
	{"xoorg", "nobody's here", "other"},
	{"xoorg", "none", "other"},
	{"xoorg, relay", "a tenant's, with a sender of it", "verified"},
	{"xoorg, relay", "a tenant's, with another's sender", "other"},
	{"xoorg, relay", "nobody's here", "other"},
	{"xoorg, relay", "none", "other"},
	{"relay", "none", "ours"},
	{"relay", "a tenant's, with a sender of it", "ours"},
	{"none", "none", "other"},
	{"none", "a tenant's, with a sender of it", "other"},
	{"xclient, proxy", "none", "other"},
};

static const char *const origin_words[] = {
	[XO_ORIGIN_OTHER] = "other", [XO_ORIGIN_VERIFIED] = "verified",
	[XO_ORIGIN_OURS] = "ours",
};
_Static_assert(N(origin_words) == XO_ORIGIN_COUNT, "a word for each");

static void
test_9_1(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_9_1); i++) {
		const char *const *row = table_9_1[i];
		uint32_t rights = (has(row[0], "xoorg") ? XOORG : 0) |
		    (has(row[0], "relay") ? RELAY : 0) |
		    (has(row[0], "xclient") ? REST : 0);
		const char *value = is(row[1], "none") ? NULL :
		    has(row[1], "nobody") ? "other.example" : "contoso.com";
		const char *sender = has(row[1], "another's") ?
		    "a@fabrikam.com" : "a@contoso.com";

		for (uint32_t rest = 0; rest < 2; rest++) {
			struct xo_treatment t;

			(void)mail(rights | (rest != 0 ? REST : 0), value,
			    sender, &t);
			if (!is(origin_words[t.origin], row[2]))
				fail_msg("%s, %s: got %s, want %s", row[0],
				    row[1], origin_words[t.origin], row[2]);
			if (xo_treatment_has_results(&t) == is(row[2], "ours"))
				fail_msg("%s, %s: results", row[0], row[1]);
		}
	}
}

/* Which mail is meant: rights, value, sender, the action for it. */

static const struct kind {
	const char *name;
	uint32_t rights;
	const char *xoorg, *sender;
	enum xo_verdict verdict;
	enum xo_decision on;
} kinds[] = {
	{"verified", XOORG, "contoso.com", "a@contoso.com",
	    XO_VERDICT_VERIFIED, XO_DECISION_ACCEPT},
	{"verified", XOORG, "fabrikam.com", "a@contoso.com",
	    XO_VERDICT_VERIFIED, XO_DECISION_ACCEPT},
	{"verified", XOORG | RELAY, "contoso.com", "",
	    XO_VERDICT_VERIFIED, XO_DECISION_ACCEPT},
	{"verified, relay = true", XOORG, "transport.example",
	    "a@contoso.com", XO_VERDICT_VERIFIED, XO_DECISION_ACCEPT},
	{"ours", RELAY, NULL, "a@contoso.com",
	    XO_VERDICT_OURS, XO_DECISION_REJECT},
	{"ours", RELAY, NULL, "a@other.example",
	    XO_VERDICT_OURS, XO_DECISION_DEMOTE},
	{"ours, the sender is a tenant's", RELAY, NULL, "a@contoso.com",
	    XO_VERDICT_OURS, XO_DECISION_REJECT},
	{"ours, the sender is a tenant's", RELAY | REST, NULL,
	    "a@fabrikam.com", XO_VERDICT_OURS,
	    XO_DECISION_REJECT},
	{"ours, the sender is nobody's", RELAY, NULL, "a@other.example",
	    XO_VERDICT_OURS, XO_DECISION_REJECT},
	{"ours, null sender, the first recipient is a tenant's", RELAY, NULL,
	    "", XO_VERDICT_OURS, XO_DECISION_REJECT},
	{"ours, null sender, the first recipient is nobody's", RELAY, NULL,
	    "", XO_VERDICT_OURS, XO_DECISION_REJECT},
#define OTHER(word, action) \
	{"other, " word, 0, NULL, "a@contoso.com", \
	    XO_VERDICT_UNAUTHENTICATED, action}, \
	{"other, " word, REST, NULL, "a@fabrikam.com", \
	    XO_VERDICT_UNAUTHENTICATED, action}, \
	{"other, " word, XOORG, NULL, "a@contoso.com", \
	    XO_VERDICT_NO_ORG, action}, \
	{"other, " word, XOORG | RELAY, NULL, "a@fabrikam.com", \
	    XO_VERDICT_NO_ORG, action}, \
	{"other, " word, XOORG, "other.example", "a@contoso.com", \
	    XO_VERDICT_UNKNOWN_ORG, action}
	OTHER("accept", XO_DECISION_ACCEPT),
	OTHER("demote", XO_DECISION_DEMOTE),
	OTHER("reject", XO_DECISION_REJECT),
	OTHER("tempfail", XO_DECISION_TEMPFAIL),
};

static enum xo_refusal
mail_as(const struct kind *k, const char *sender, struct xo_treatment *t)
{
	for (size_t v = 0; v < XO_VERDICT_COUNT; v++)
		listener.on[v] = XO_DECISION_TEMPFAIL;
	listener.on[k->verdict] = k->on;
	return mail(k->rights, k->xoorg, sender, t);
}

/* protocol.md 9.2 */
static const char *const table_9_2[][3] = {
	{"verified", "its tenant's upstream, else the listener's",
	    "451 4.7.1"},
	{"ours, the sender is a tenant's",
	    "the tenant's upstream, else the listener's", "550 5.7.1"},
	{"ours, the sender is nobody's", "the listener's upstream",
	    "550 5.7.1"},
	{"ours, null sender, the first recipient is a tenant's",
	    "the tenant's upstream, else the listener's", "550 5.7.1"},
	{"ours, null sender, the first recipient is nobody's",
	    "the listener's upstream", "550 5.7.1"},
	{"other, accept", "the listener's upstream", "451 4.7.1"},
	{"other, demote", "demote_to", "550 5.7.1"},
	{"other, reject", "nowhere", "550 5.7.1"},
	{"other, tempfail", "nowhere", "451 4.7.1"},
};

static int
wanted_upstream(const char *cell, const struct kind *k)
{
	bool is_fabrikams = (k->xoorg != NULL &&
	    is(k->xoorg, "fabrikam.com")) || (k->xoorg == NULL &&
	    (is(k->sender, "a@fabrikam.com") || is(k->sender, "")));

	if (is(cell, "demote_to"))
		return DEMOTE_TO;
	return has(cell, "tenant's") && is_fabrikams ? OWN : UPSTREAM;
}

/* MAIL, and RCPT if only that tells. */
static enum xo_refusal
way_of(const char *const *row, const struct kind *k, struct xo_treatment *t)
{
	enum xo_refusal why = mail_as(k, k->sender, t);

	if (has(row[0], "null sender")) {
		assert_int_equal(why, XO_REFUSAL_NONE);
		why = rcpt(has(row[0], "nobody's") ? "r@other.example" :
		    "r@fabrikam.com", t);
	}
	return why;
}

/* With and without what it should go to; the other one is never taken. */
static void
check_way(const char *const *row, const struct kind *k)
{
	struct xo_treatment t;
	enum xo_refusal why = way_of(row, k, &t);
	int want = wanted_upstream(row[1], k);

	if (is(row[1], "nowhere") ? !is_reply(row[2], why) :
	    (why != XO_REFUSAL_NONE || t.upstream != want ||
	    t.is_trusted == (want == DEMOTE_TO)))
		fail_msg("%s, rights %u: got %s, upstream %d, want %s", row[0],
		    k->rights, xo_refusal_info(why)->id, t.upstream, row[1]);
	if (want == DEMOTE_TO)
		listener.has_demote_to = false;
	else
		listener.has_upstream = false;
	tenants[FABRIKAM].has_upstream = false;
	why = way_of(row, k, &t);
	if (!is_reply(row[2], why))
		fail_msg("%s, rights %u, none: got %s, want %s", row[0],
		    k->rights, xo_refusal_info(why)->id, row[2]);
}

static size_t
for_each_kind(const char *const *row,
    void (*check)(const char *const *row, const struct kind *k))
{
	size_t n = 0;

	for (size_t i = 0; i < N(kinds); i++)
		if (is(kinds[i].name, row[0])) {
			assert_int_equal(set_up(NULL), 0);
			check(row, &kinds[i]);
			n++;
		}
	return n;
}

static void
test_9_2(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_9_2); i++)
		assert_true(for_each_kind(table_9_2[i], check_way) > 0);
}

/* protocol.md 9.3 */
static const char *const table_9_3[][4] = {
	{"verified", "yes", "no", "no"},
	{"verified, relay = true", "yes", "yes", "yes"},
	{"ours", "yes", "yes", "yes"},
	{"other, accept", "yes", "yes", "no"},
	{"other, demote", "yes", "yes", "yes"},
};

static void
check_recipients(const char *const *row, const struct kind *k)
{
	bool is_fabrikams = k->xoorg != NULL && is(k->xoorg, "fabrikam.com");
	const char *const to[] = {
		[1] = is_fabrikams ? "r@fabrikam.com" :
		    has(row[0], "relay") ? "r@transport.example" :
		    "r@contoso.com",
		[2] = is_fabrikams ? "r@contoso.com" : "r@fabrikam.com",
		[3] = "r@elsewhere.example",
	};

	for (size_t i = 1; i < N(to); i++) {
		struct xo_treatment t;
		enum xo_refusal why = mail_as(k, k->sender, &t);

		assert_int_equal(why, XO_REFUSAL_NONE);
		why = rcpt(to[i], &t);
		if (why != (is(row[i], "yes") ? XO_REFUSAL_NONE :
		    XO_REFUSAL_RCPT_RELAY))
			fail_msg("%s, rights %u, to %s: got %s, want %s",
			    row[0], k->rights, to[i], xo_refusal_info(why)->id,
			    row[i]);
	}
}

static void
test_9_3(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_9_3); i++)
		assert_true(for_each_kind(table_9_3[i], check_recipients) > 0);
}

/* protocol.md 9.4 */
static const char *const table_9_4[][5] = {
	{"verified", "its own", "its own", "its own", "its own"},
	{"ours", "the sender's", "550 5.7.1", "the recipient's", "550 5.7.1"},
	{"other, accept", "550 5.7.1", "550 5.7.1", "550 5.7.1", "550 5.7.1"},
	{"other, demote", "550 5.7.1", "550 5.7.1", "550 5.7.1", "550 5.7.1"},
};

static int
wanted_tenant(const char *cell, const struct kind *k)
{
	if (is(cell, "its own"))
		return is(k->xoorg, "contoso.com") ? CONTOSO : FABRIKAM;
	return is(cell, "the sender's") ? TRANSPORT : CONTOSO;
}

static void
check_certificate(const char *const *row, const struct kind *k)
{
	static const struct {
		const char *sender, *to;
	} columns[] = {
		[1] = {"a@transport.example", "r@contoso.com"},
		[2] = {"a@other.example", "r@contoso.com"},
		[3] = {"", "r@contoso.com"},
		[4] = {"", "r@other.example"},
	};

	tenants[CONTOSO].n_sender_domains = 0;
	tenants[CONTOSO].relay = tenants[FABRIKAM].relay = true;
	for (size_t u = 0; u < 4; u++)
		upstreams[u].has_tenant_certificate = true;
	for (size_t i = 1; i < N(columns); i++) {
		bool is_refused = has(row[i], "550");
		struct xo_treatment t;
		enum xo_refusal why = mail_as(k, columns[i].sender, &t);

		/* By the sender if there is one, else by the recipient. */
		if ((why != XO_REFUSAL_NONE) !=
		    (is_refused && columns[i].sender[0] != '\0'))
			fail_msg("%s, rights %u, column %zu: MAIL is %s",
			    row[0], k->rights, i, xo_refusal_info(why)->id);
		/* Where it may not go, it is not told whose it is, either. */
		if (why == XO_REFUSAL_NONE)
			why = rcpt(columns[i].to, &t);
		if (is_refused ? why == XO_REFUSAL_NONE ||
		    !is_reply(row[i], why) || t.tenant != XO_NOBODY :
		    why != XO_REFUSAL_NONE || t.tenant !=
		    wanted_tenant(row[i], k))
			fail_msg("%s, rights %u, column %zu: got %s, tenant "
			    "%d, want %s", row[0], k->rights, i,
			    xo_refusal_info(why)->id, t.tenant, row[i]);
	}
}

static void
test_9_4(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_9_4); i++)
		assert_true(for_each_kind(table_9_4[i], check_certificate) > 0);
}

/* protocol.md 9.5 */
static const char *const table_9_5[][2] = {
	{"xoorg", "upstream, each tenant's; demote_to if unknown_org, no_org or "
	    "sender_mismatch demotes, or it is only observed"},
	{"relay", "upstream, each tenant's; demote_to if it is only observed"},
	{"relay, of a tenant's peer", "upstream, each tenant's; demote_to if "
	    "sender_mismatch demotes, or it is only observed"},
	{"none, or relay, and a name that is asked for", "upstream, each "
	    "tenant's; demote_to if unauthenticated or sender_mismatch "
	    "demotes, or it is only observed"},
	{"none", "demote_to; upstream if unauthenticated accepts; none if it "
	    "refuses"},
};

static bool
demotes(enum xo_verdict verdict)
{
	return listener.on[verdict] == XO_DECISION_DEMOTE ||
	    (listener.mode == XO_MODE_OBSERVE &&
	    listener.on[verdict] != XO_DECISION_ACCEPT);
}

static void
check_ways(const char *const *row, uint32_t rights)
{
	bool is_asked = has(row[0], "asked");
	bool is_attributed = has(row[0], "tenant");
	struct xo_ways got = xo_treatment_ways(&listener,
	    &(struct xo_rights){.rights = rights, .open_names = is_asked,
	    .is_attributed = is_attributed});
	bool is_stranger = is(row[0], "none");
	bool want_upstream = !is_stranger ||
	    listener.on[XO_VERDICT_UNAUTHENTICATED] == XO_DECISION_ACCEPT;
	bool want_demote = is_stranger ?
	    demotes(XO_VERDICT_UNAUTHENTICATED) :
	    listener.mode == XO_MODE_OBSERVE || ((is_attributed || is_asked) &&
	    demotes(XO_VERDICT_SENDER_MISMATCH)) ||
	    (is_asked && demotes(XO_VERDICT_UNAUTHENTICATED)) || (is(row[0], "xoorg") &&
	    (demotes(XO_VERDICT_UNKNOWN_ORG) || demotes(XO_VERDICT_NO_ORG) ||
	    demotes(XO_VERDICT_SENDER_MISMATCH)));

	if (got.upstream != want_upstream || got.demote_to != want_demote ||
	    got.tenants == is_stranger)
		fail_msg("%s, mode %d: got %d %d %d, want %d %d %d", row[0],
		    (int)listener.mode, got.upstream, got.demote_to,
		    got.tenants, want_upstream, want_demote, !is_stranger);
}

static void
test_9_5(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * 256; i++) {
		listener.mode = i < 256 ? XO_MODE_ENFORCE : XO_MODE_OBSERVE;
		for (unsigned int v = 0; v < 4; v++)
			listener.on[XO_VERDICT_UNKNOWN_ORG + v] =
			    (enum xo_decision)(i >> 2 * v & 3);
		check_ways(table_9_5[0], XOORG);
		check_ways(table_9_5[0], XOORG | RELAY | REST);
		check_ways(table_9_5[1], RELAY);
		check_ways(table_9_5[1], RELAY | REST);
		check_ways(table_9_5[2], RELAY);
		check_ways(table_9_5[3], 0);
		check_ways(table_9_5[3], REST);
		check_ways(table_9_5[3], RELAY);
		check_ways(table_9_5[4], 0);
		check_ways(table_9_5[4], REST);
	}
}

/* protocol.md 9.6 */
static const char *const table_9_6[][3] = {
	{"accepts, the first one", "to upstream", "to upstream"},
	{"refuses, the first one", "demoted, with the whole message",
	    "refused"},
	{"refuses, after one that it accepts", "452 4.5.3", "refused"},
	{"refuses, in a demoted message", "demoted", "there is none"},
	{"accepts, in a demoted message", "demoted", "there is none"},
};

/* A demoted message gains nothing: it is anybody's. */
static void
expect_ordinary(const char *name, const struct xo_treatment *t)
{
	bool promotes;

	if (t->upstream != DEMOTE_TO || t->is_trusted ||
	    t->origin != XO_ORIGIN_OTHER || t->tenant != XO_NOBODY ||
	    t->answer.decision != XO_DECISION_DEMOTE ||
	    t->answer.would != XO_DECISION_REJECT)
		fail_msg("%s: not ordinary mail: upstream %d, origin %d", name,
		    t->upstream, (int)t->origin);
	assert_int_equal(xo_treatment_xoorg(&policy, t, span("contoso.com"),
	    span("contoso.com")).len, 0);
	assert_int_equal(xo_treatment_originator_org(t, span("contoso.com"),
	    span("")).len, 0);
	assert_true(xo_treatment_removes(&policy, t, true, &promotes) &
	    XO_WALL_CROSS_PREMISES);
	assert_false(promotes);
	assert_true(xo_treatment_has_results(t));
}

/* Mail that is observed, and recipients that enforcing refuses it. */
static const struct {
	const char *name;
	uint32_t rights;
	const char *xoorg, *sender, *good, *bad;
	enum xo_verdict accepts;
	bool has_certificate;		/* UPSTREAM wants a tenant's */
	enum xo_refusal why;
} observed[] = {
	{"domain", XOORG, "contoso.com", "a@contoso.com", "r@contoso.com",
	    "r@forgotten.example", XO_VERDICT_VERIFIED, false,
	    XO_REFUSAL_RCPT_RELAY},
	{"route", XOORG | RELAY, "contoso.com", "", "r@contoso.com",
	    "r%x@contoso.com", XO_VERDICT_VERIFIED, true,
	    XO_REFUSAL_RCPT_ROUTED},
	{"no org", XOORG, NULL, "a@contoso.com", "r@contoso.com",
	    "r@forgotten.example", XO_VERDICT_NO_ORG, false,
	    XO_REFUSAL_RCPT_RELAY},
	{"ours", RELAY, NULL, "", "r@contoso.com", "r@forgotten.example",
	    XO_VERDICT_VERIFIED, true, XO_REFUSAL_NO_TENANT},
};

static void
begin_observed(size_t i, bool has_demote_to, struct xo_treatment *t)
{
	assert_int_equal(set_up(NULL), 0);
	listener.mode = XO_MODE_OBSERVE;
	listener.has_demote_to = has_demote_to;
	if (observed[i].accepts != XO_VERDICT_VERIFIED)
		listener.on[observed[i].accepts] = XO_DECISION_ACCEPT;
	for (size_t u = 0; u < 4; u++) {
		upstreams[u].xoorg_source = XO_XOORG_TENANT;
		upstreams[u].cross_premises = XO_CROSS_PREMISES_PROMOTE;
	}
	upstreams[UPSTREAM].has_tenant_certificate =
	    observed[i].has_certificate;
	assert_int_equal(mail(observed[i].rights, observed[i].xoorg,
	    observed[i].sender, t), XO_REFUSAL_NONE);
}

/* One recipient; what enforcing would have said is told in either case. */
static enum xo_refusal
give(size_t i, bool is_good, bool is_first, struct xo_treatment *t)
{
	enum xo_refusal would, why;

	why = rcpt_as(is_good ? observed[i].good : observed[i].bad, is_first,
	    t, &would);
	if (would != (is_good ? XO_REFUSAL_NONE : observed[i].why) &&
	    !(t->is_observed && observed[i].why == XO_REFUSAL_NO_TENANT))
		fail_msg("%s: would be %s", observed[i].name,
		    xo_refusal_info(would)->id);
	return why;
}

static void
check_observed(size_t row, size_t i, bool has_demote_to)
{
	const char *want = table_9_6[row][has_demote_to ? 1 : 2];
	bool is_good = table_9_6[row][0][0] == 'a';
	bool is_first = has(table_9_6[row][0], "first one");
	struct xo_treatment t;
	enum xo_refusal why;

	if (is(want, "there is none"))
		return;
	/* Once it is told whose mail it is, ours may go to anybody. */
	if (has(table_9_6[row][0], "after") &&
	    observed[i].why == XO_REFUSAL_NO_TENANT)
		return;
	begin_observed(i, has_demote_to, &t);
	if (!is_first)
		assert_int_equal(give(i, !has(table_9_6[row][0], "demoted"),
		    true, &t), XO_REFUSAL_NONE);
	why = give(i, is_good, is_first, &t);
	if (is(want, "refused") ? why != observed[i].why :
	    has(want, "452") ? !is_reply(want, why) : why != XO_REFUSAL_NONE)
		fail_msg("%s, %s: got %s, want %s", observed[i].name,
		    table_9_6[row][0], xo_refusal_info(why)->id, want);
	if (has(want, "demoted"))
		expect_ordinary(observed[i].name, &t);
	else
		assert_int_equal(t.upstream, UPSTREAM);
}

static void
test_9_6(void **state)
{
	(void)state;
	for (size_t row = 0; row < N(table_9_6); row++)
		for (size_t i = 0; i < N(observed); i++) {
			check_observed(row, i, true);
			check_observed(row, i, false);
		}
}

/* At MAIL, too; and where demoted mail would need a tenant's certificate, or
 * goes nowhere, or it is enforced, the refusal stands. */
static void
test_observed_mail(void **state)
{
	struct xo_treatment t;

	(void)state;
	upstreams[UPSTREAM].has_tenant_certificate = true;
	assert_int_equal(mail(RELAY, NULL, "a@other.example", &t),
	    XO_REFUSAL_NO_TENANT);
	listener.mode = XO_MODE_OBSERVE;
	assert_int_equal(mail(RELAY, NULL, "a@other.example", &t),
	    XO_REFUSAL_NONE);
	expect_ordinary("ours", &t);
	assert_int_equal(rcpt("r@contoso.com", &t), XO_REFUSAL_NONE);
	assert_int_equal(t.tenant, XO_NOBODY);
	upstreams[DEMOTE_TO].has_tenant_certificate = true;
	assert_int_equal(mail(RELAY, NULL, "a@other.example", &t),
	    XO_REFUSAL_NO_TENANT);
	assert_int_equal(mail(XOORG, "contoso.com", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@elsewhere.example", &t),
	    XO_REFUSAL_RCPT_RELAY);
	listener.has_upstream = false;
	assert_int_equal(mail(XOORG, "contoso.com", "", &t),
	    XO_REFUSAL_TRY_LATER);
}

/* protocol.md 9.7 */
static const char *const table_9_7[][3] = {
	{"postmaster@elsewhere.example", "no", "no"},
	{"postmaster@ another tenant's recipient domain", "no", "yes"},
	{"postmaster@ another tenant's originator org", "no", "no"},
	{"postmaster@ below the tenant's domain", "no", "no"},
	{"postmaster@ the tenant's domain in a literal or with a final dot",
	    "no", "no"},
	{"postmaster%victim@ the tenant's originator org", "no", "no"},
	{"\"postmaster\"@ the tenant's originator org", "no", "no"},
	{"hostmaster@ the tenant's originator org", "no", "no"},
	{"<postmaster>", "yes", "no"},
	{"postmaster@ the tenant's originator org", "yes", "no"},
	{"postmaster@ the tenant's recipient domain", "yes", "yes"},
};

/* The tenant is contoso, whose second org is no recipient domain. */
static const char *const postmasters[N(table_9_7)][2] = {
	{"postmaster@elsewhere.example", "POSTMASTER@evil-contoso.com"},
	{"postmaster@fabrikam.com", "Postmaster@FABRIKAM.com"},
	{"postmaster@other-org.example", "postmaster@a.wild.example"},
	{"postmaster@sub.contoso.com", "postmaster@a.contoso.onmicrosoft.com"},
	{"postmaster@[contoso.com]", "postmaster@contoso.com."},
	{"postmaster%victim@contoso.onmicrosoft.com",
	    "postmaster!victim@contoso.onmicrosoft.com"},
	{"\"postmaster\"@contoso.onmicrosoft.com",
	    "\"postmaster@contoso.com\"@contoso.onmicrosoft.com"},
	{"hostmaster@contoso.onmicrosoft.com", "@contoso.onmicrosoft.com"},
	{"postmaster", "PostMaster"},
	{"postmaster@contoso.onmicrosoft.com",
	    "Postmaster@CONTOSO.onmicrosoft.com"},
	{"postmaster@contoso.com", "POSTMASTER@Contoso.com"},
};

/* Fabrikam has an org that is no recipient domain, and a contoso.* of contoso's
 * wildcard below it. */
static void
add_orgs(void)
{
	static const struct xo_span fabrikams[] = {
		S("fabrikam.com"), S("other-org.example"), S("a.wild.example")
	};
	static const struct xo_span contosos[] = {
		S("contoso.com"), S("contoso.onmicrosoft.com"),
		S("*.wild.example")
	};
	int first, second;

	tenants[FABRIKAM].originator_orgs = fabrikams;
	tenants[FABRIKAM].n_originator_orgs = N(fabrikams);
	tenants[CONTOSO].originator_orgs = contosos;
	tenants[CONTOSO].n_originator_orgs = N(contosos);
	xo_tenants_index_free(&policy.tenant_index);
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
}

static void
test_9_7(void **state)
{
	(void)state;
	add_orgs();
	listener.on[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_ACCEPT;
	for (size_t i = 0; i < 2 * N(table_9_7); i++)
		for (size_t column = 1; column < 3; column++) {
			const char *to = postmasters[i / 2][i % 2];
			bool want = is(table_9_7[i / 2][column], "yes");
			struct xo_treatment t;
			enum xo_refusal why;

			assert_int_equal(mail(column == 1 ? XOORG : 0,
			    column == 1 ? "contoso.com" : NULL, "", &t),
			    XO_REFUSAL_NONE);
			assert_true(t.is_trusted);
			why = rcpt(to, &t);
			if ((why == XO_REFUSAL_NONE) != want)
				fail_msg("column %zu, %s: got %s", column, to,
				    xo_refusal_info(why)->id);
		}
}

/* Not for who only says that he is the tenant; nor is it told as a refusal of
 * verified mail that is only observed. */
static void
test_postmaster_of_others(void **state)
{
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_ACCEPT;
	assert_int_equal(mail(XOORG, "contoso.com", "a@fabrikam.com", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(rcpt("postmaster@contoso.onmicrosoft.com", &t),
	    XO_REFUSAL_RCPT_RELAY);
	listener.mode = XO_MODE_OBSERVE;
	assert_int_equal(mail(XOORG, "contoso.com", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt_as("r@elsewhere.example", true, &t, &would),
	    XO_REFUSAL_NONE);
	assert_int_equal(rcpt_as("postmaster", false, &t, &would),
	    XO_REFUSAL_NONE);
	assert_int_equal(would, XO_REFUSAL_NONE);
	for (int nobody = -1; nobody < 4; nobody += 4) {
		struct xo_path to = {.address = XO_LIT("postmaster")};

		assert_false(xo_recipient_is_postmaster(&policy, nobody, &to));
	}
}

/* protocol.md 9.8 */
static const char *const table_9_8[][3] = {
	{"verified", "strictly", "strictly"},
	{"ours", "strictly", "strictly"},
	{"other, accept", "strictly", "strictly"},
	{"other, demote", "leniently", "strictly"},
	{"EHLO with the right xoorg", "strictly", "strictly"},
	{"EHLO with the right relay", "strictly", "strictly"},
	{"EHLO with a name that is asked for", "strictly", "strictly"},
	{"EHLO with neither", "leniently", "strictly"},
};

static void
check_syntax(const char *const *row, const struct kind *k)
{
	for (size_t column = 1; column < 3; column++) {
		struct xo_treatment t;

		listener.lenient_envelope = column == 1;
		assert_int_equal(mail_as(k, k->sender, &t), XO_REFUSAL_NONE);
		if (xo_treatment_is_lenient(&listener, &t) !=
		    is(row[column], "leniently"))
			fail_msg("%s, rights %u: want %s", row[0], k->rights,
			    row[column]);
	}
}

static void
check_hello_syntax(const char *const *row)
{
	uint32_t right = has(row[0], "xoorg") ? XOORG :
	    has(row[0], "relay") ? RELAY : 0;

	for (uint32_t rights = 0; rights < 16; rights++) {
		if (right == 0 ? (rights & (XOORG | RELAY)) != 0 :
		    (rights & right) == 0)
			continue;
		for (size_t column = 1; column < 3; column++) {
			listener.lenient_envelope = column == 1;
			if (xo_treatment_takes_hello(&listener,
			    xo_rights_most(&(struct xo_rights){
			    .rights = rights, .open_names = has(row[0],
			    "asked")})) != is(row[column], "leniently"))
				fail_msg("%s, rights %u: want %s", row[0],
				    rights, row[column]);
		}
	}
}

static void
test_9_8(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(table_9_8); i++)
		if (has(table_9_8[i][0], "EHLO"))
			check_hello_syntax(table_9_8[i]);
		else
			assert_true(for_each_kind(table_9_8[i],
			    check_syntax) > 0);
}

/* None was asked for, what is refused, and what is trusted all the same. */
static void
test_strict_otherwise(void **state)
{
	struct xo_treatment t = XO_TREATMENT_NONE;

	(void)state;
	listener.lenient_envelope = true;
	assert_false(xo_treatment_is_lenient(&listener, &t));
	assert_int_equal(mail(XOORG, "other.example", "root", &t),
	    XO_REFUSAL_UNKNOWN_ORG);
	assert_false(xo_treatment_is_lenient(&listener, &t));
	assert_int_equal(mail(XOORG, "contoso.com", "root", &t),
	    XO_REFUSAL_SENDER_MISMATCH);
	assert_false(xo_treatment_is_lenient(&listener, &t));
	listener.mode = XO_MODE_OBSERVE;
	assert_int_equal(mail(XOORG, "contoso.com", "root", &t),
	    XO_REFUSAL_NONE);
	assert_true(xo_treatment_is_lenient(&listener, &t));
	assert_int_equal(mail(XOORG, "contoso.com", "", &t), XO_REFUSAL_NONE);
	assert_false(xo_treatment_is_lenient(&listener, &t));
}

/* Behind the tables */

static void
test_ours(void **state)
{
	(void)state;
	for (uint32_t rights = 0; rights < 16; rights++)
		if (xo_rights_are_ours(rights) !=
		    ((rights & (XOORG | RELAY)) == RELAY))
			fail_msg("rights %u", rights);
}

/* A value in a message counts from ours, as a tenant's, where it is set so. */
static void
test_takes_value(void **state)
{
	static const struct {
		size_t column;
		enum xo_xoorg_source source;
		const char *org;
		bool want;
	} rows[] = {
		{2, XO_XOORG_MESSAGE, "fabrikam.com", true},
		{2, XO_XOORG_MESSAGE, "CONTOSO.onmicrosoft.com", true},
		{2, XO_XOORG_MESSAGE, "other.example", false},
		{2, XO_XOORG_MESSAGE, "sub.contoso.com", false},
		{2, XO_XOORG_MESSAGE, "", false},
		{2, XO_XOORG_TENANT, "fabrikam.com", false},
		{2, XO_XOORG_DOMAIN, "fabrikam.com", false},
		{2, XO_XOORG_NONE, "fabrikam.com", false},
		{1, XO_XOORG_MESSAGE, "fabrikam.com", false},
		{3, XO_XOORG_MESSAGE, "fabrikam.com", false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_treatment t = mail_of(rows[i].column);

		upstreams[t.upstream].xoorg_source = rows[i].source;
		if (xo_treatment_takes_value(&policy, &t, span(rows[i].org)) !=
		    rows[i].want)
			fail_msg("column %zu, source %d, %s: want %d",
			    rows[i].column, (int)rows[i].source, rows[i].org,
			    rows[i].want);
	}
}

/* Another's sender, accepted: the tenant's recipients and next hop. */
static void
test_mismatch_accepted(void **state)
{
	struct xo_treatment t;

	(void)state;
	listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_ACCEPT;
	tenants[CONTOSO].has_upstream = true;
	tenants[CONTOSO].upstream = SPARE;
	upstreams[SPARE].xoorg_source = XO_XOORG_TENANT;
	assert_int_equal(mail(XOORG, "contoso.com", "a@fabrikam.com", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(t.origin, XO_ORIGIN_OTHER);
	assert_int_equal(t.upstream, SPARE);
	assert_int_equal(t.tenant, CONTOSO);
	assert_int_equal(rcpt("r@contoso.com", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@fabrikam.com", &t), XO_REFUSAL_RCPT_RELAY);
	assert_int_equal(rcpt("r%x@contoso.com", &t), XO_REFUSAL_RCPT_ROUTED);
	assert_int_equal(xo_treatment_xoorg(&policy, &t, span("contoso.com"),
	    span("contoso.com")).len, 0);
}

/* Whose a bounce is stays so: its next hop was asked for. */
static void
test_first_recipient(void **state)
{
	enum xo_refusal would;
	struct xo_treatment t;

	(void)state;
	assert_int_equal(mail(RELAY, NULL, "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@other.example", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt_as("r@fabrikam.com", false, &t, &would),
	    XO_REFUSAL_NONE);
	assert_int_equal(t.tenant, XO_NOBODY);
	assert_int_equal(t.upstream, UPSTREAM);
	assert_int_equal(mail(RELAY, NULL, "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@fabrikam.com", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt_as("r@contoso.com", false, &t, &would),
	    XO_REFUSAL_NONE);
	assert_int_equal(t.tenant, FABRIKAM);
	assert_int_equal(t.upstream, OWN);
}

/* A sender or a recipient with a route in it is of no tenant. */
static void
test_routes(void **state)
{
	struct xo_treatment t;

	(void)state;
	upstreams[UPSTREAM].has_tenant_certificate = true;
	assert_int_equal(mail(RELAY, NULL, "a%b@contoso.com", &t),
	    XO_REFUSAL_NO_TENANT);
	assert_int_equal(mail(RELAY, NULL, "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("a%b@contoso.com", &t), XO_REFUSAL_NO_TENANT);
	assert_int_equal(mail(XOORG, "contoso.com", "a@contoso.com", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(rcpt("a%b@contoso.com", &t), XO_REFUSAL_RCPT_ROUTED);
}

/* No mail finds a way. */
static void
check_nowhere(void)
{
	static const char *const orgs[] = {NULL, "contoso.com", "nobody.com"};
	static const char *const senders[] = {"", "a@contoso.com", "a@b.com"};
	static const uint32_t rights[] = {0, XOORG, RELAY, XOORG | RELAY};
	struct xo_treatment t;

	for (size_t r = 0; r < N(rights); r++)
		for (size_t o = 0; o < N(orgs); o++)
			for (size_t s = 0; s < N(senders); s++) {
				enum xo_refusal why = mail(rights[r], orgs[o],
				    senders[s], &t);

				/* Of a bounce, only RCPT can tell. */
				if (why == XO_REFUSAL_NONE)
					why = rcpt("r@contoso.com", &t);
				assert_int_not_equal(why, XO_REFUSAL_NONE);
				assert_int_equal(t.upstream, XO_NOBODY);
			}
}

/* What is all-zero leads nowhere, and so does a number that nobody vouches for:
 * not to the first upstream, and to no tenant's own. */
static void
test_forgotten(void **state)
{
	const struct xo_treatment never[] = {
		{.upstream = 0}, XO_TREATMENT_NONE
	};
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	for (size_t i = 0; i < N(never); i++) {
		t = never[i];
		assert_int_equal(rcpt("r@contoso.com", &t),
		    XO_REFUSAL_COMMAND_SEQUENCE);
		assert_int_equal(rcpt("postmaster", &t),
		    XO_REFUSAL_COMMAND_SEQUENCE);
		assert_int_equal(xo_treatment_credential(&policy, &t),
		    XO_NOBODY);
	}
	assert_int_equal(mail(XOORG, "nobody.com", "a@b.com", &t),
	    XO_REFUSAL_UNKNOWN_ORG);
	assert_int_equal(rcpt_as("r@contoso.com", false, &t, &would),
	    XO_REFUSAL_COMMAND_SEQUENCE);
	tenants[FABRIKAM].has_upstream = false;
	for (int upstream = 0; upstream < 2; upstream++)
		for (int on = 0; on < XO_DECISION_COUNT; on++)
			for (int mode = 0; mode < XO_MODE_COUNT; mode++) {
				listener = (struct xo_listener){
					.mode = (enum xo_mode)mode,
					.upstream = upstream,
					.demote_to = upstream};
				for (size_t v = 0; v < XO_VERDICT_COUNT; v++)
					listener.on[v] =
					    (enum xo_decision)on;
				check_nowhere();
			}
	/* Its own is none: the listener's. */
	assert_int_equal(set_up(NULL), 0);
	tenants[FABRIKAM].has_upstream = false;
	assert_int_equal(mail(XOORG, "fabrikam.com", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(t.upstream, UPSTREAM);
}

/* Total: numbers that are none, tables that are empty. */
static void
test_holes(void **state)
{
	static const int numbers[] = {XO_NOBODY, -7, 4, 1000000};
	struct xo_policy empty = {.n_tenants = 0};
	bool promotes;

	(void)state;
	for (size_t i = 0; i < N(numbers); i++) {
		struct xo_treatment t = XO_TREATMENT_NONE;

		t.upstream = t.tenant = numbers[i];
		t.origin = XO_ORIGIN_OURS;
		assert_int_equal(xo_treatment_xoorg(&policy, &t, span("a.b"),
		    span("a.b")).len, 0);
		upstreams[0].xoorg_source = XO_XOORG_TENANT;
		t.upstream = 0;
		assert_int_equal(xo_treatment_xoorg(&policy, &t, span("a.b"),
		    span("a.b")).len, 0);
		t.upstream = numbers[i];
		assert_int_equal(xo_treatment_removes(&policy, &t, true,
		    &promotes) & XO_WALL_CROSS_PREMISES,
		    XO_WALL_CROSS_PREMISES);
		assert_false(promotes);
		assert_false(xo_treatment_takes_value(&policy, &t,
		    span("contoso.com")));
		listener.upstream = listener.demote_to = numbers[i];
		tenants[FABRIKAM].upstream = numbers[i];
		assert_int_equal(mail(XOORG, "fabrikam.com", "", &t),
		    XO_REFUSAL_TRY_LATER);
		assert_int_equal(mail(XOORG, "contoso.com", "", &t),
		    XO_REFUSAL_TRY_LATER);
		assert_int_equal(mail(0, NULL, "", &t),
		    XO_REFUSAL_UNAUTHENTICATED);
		assert_int_equal(t.upstream, XO_NOBODY);
	}
	assert_int_equal(set_up(NULL), 0);
	xo_tenants_index_free(&policy.tenant_index);
	policy = empty;
	for (uint32_t rights = 0; rights < 16; rights++) {
		struct xo_treatment t;

		assert_int_not_equal(mail(rights, "contoso.com",
		    "a@contoso.com", &t), XO_REFUSAL_NONE);
		assert_int_not_equal(t.origin, XO_ORIGIN_VERIFIED);
		assert_int_equal(t.upstream, XO_NOBODY);
	}
}

/* protocol.md 9.9 */
static const char *const table_9_9[][5] = {
	{"another tenant's", "sender_mismatch", "other",
	    "its tenant's recipients", "none"},
	{"nobody's", "sender_mismatch", "other", "its tenant's recipients",
	    "none"},
	{"below its tenant's domain", "sender_mismatch", "other",
	    "its tenant's recipients", "none"},
	{"its tenant's, with a route in it", "sender_mismatch", "other",
	    "its tenant's recipients", "none"},
	{"an originator org beside sender_domains", "sender_mismatch", "other",
	    "its tenant's recipients", "none"},
	{"none, the first recipient is another tenant's", "attributed", "ours",
	    "anybody", "its tenant's"},
	{"none", "attributed", "ours", "anybody", "its tenant's"},
	{"its tenant's", "attributed", "ours", "anybody", "its tenant's"},
};

static const char *
sender_of(const char *cell)
{
	static const struct {
		const char *word, *address;
	} words[] = {
		{"another tenant's", "a@fabrikam.com"},
		{"nobody's", "a@nobody.example"},
		{"below its tenant's domain", "a@mail.contoso.com"},
		{"its tenant's, with a route in it", "a%b@contoso.com"},
		{"an originator org beside sender_domains",
		    "a@contoso.onmicrosoft.com"},
		{"its tenant's", "a@contoso.com"},
	};

	for (size_t i = 0; i < N(words); i++)
		if (is(cell, words[i].word))
			return words[i].address;
	return "";
}

/* With the action that gives the most. */
static void
check_attributed(const char *const *row)
{
	bool is_ours = is(row[2], "ours");
	bool reaches_all = is(row[3], "anybody");
	const char *first = has(row[0], "first recipient") ?
	    "r@fabrikam.com" : "r@contoso.com";
	struct xo_treatment t;
	enum xo_refusal would;

	assert_int_equal(mail(RELAY, NULL, sender_of(row[0]), &t),
	    XO_REFUSAL_NONE);
	assert_string_equal(xo_verdict_name(t.answer.verdict), row[1]);
	assert_string_equal(origin_words[t.origin], row[2]);
	assert_int_equal(t.answer.tenant, CONTOSO);
	assert_int_equal(rcpt(first, &t), XO_REFUSAL_NONE);
	assert_int_equal(t.tenant, CONTOSO);
	assert_int_equal(t.upstream, UPSTREAM);
	assert_int_equal(rcpt_as("r@fabrikam.com", false, &t, &would) ==
	    XO_REFUSAL_NONE, reaches_all);
	assert_int_equal(rcpt_as("r@nobody.example", false, &t, &would) ==
	    XO_REFUSAL_NONE, reaches_all);
	upstreams[UPSTREAM].xoorg_source = XO_XOORG_TENANT;
	assert_string_equal(text(xo_treatment_xoorg(&policy, &t, span(""),
	    span(""))), is(row[4], "none") ? "" : "contoso.com");
	upstreams[UPSTREAM].xoorg_source = XO_XOORG_MESSAGE;
	assert_false(xo_treatment_takes_value(&policy, &t,
	    span("fabrikam.com")));
	assert_false(xo_treatment_takes_value(&policy, &t,
	    span("nobody.example")));
	assert_int_equal(xo_treatment_takes_value(&policy, &t,
	    span("contoso.onmicrosoft.com")), is_ours);
	assert_int_equal((t.rights & RELAY) != 0, is_ours);
}

static void
test_9_9(void **state)
{
	(void)state;
	attributed = CONTOSO;
	for (size_t i = 0; i < N(table_9_9); i++) {
		struct xo_treatment t;
		bool is_refused = is(table_9_9[i][2], "other");

		listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT;
		assert_int_equal(mail(RELAY, NULL, sender_of(table_9_9[i][0]),
		    &t), is_refused ? XO_REFUSAL_SENDER_MISMATCH :
		    XO_REFUSAL_NONE);
		listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_ACCEPT;
		check_attributed(table_9_9[i]);
	}
}

/* What is a stranger's or speaks XOORG is nobody's by attribution; and a tenant
 * that there is not gives nothing. */
static void
test_attributed_otherwise(void **state)
{
	static const int numbers[] = {XO_NOBODY - 1, -7, 3, 1000000};
	struct xo_treatment t;

	(void)state;
	attributed = CONTOSO;
	assert_int_equal(mail(0, NULL, "a@contoso.com", &t), XO_REFUSAL_NONE);
	assert_int_equal(t.answer.verdict, XO_VERDICT_UNAUTHENTICATED);
	assert_int_equal(t.tenant, XO_NOBODY);
	(void)mail(XOORG | RELAY, NULL, "a@contoso.com", &t);
	assert_int_equal(t.answer.verdict, XO_VERDICT_NO_ORG);
	assert_int_equal(t.tenant, XO_NOBODY);
	(void)mail(XOORG | RELAY, "fabrikam.com", "a@contoso.com", &t);
	assert_int_equal(t.answer.verdict, XO_VERDICT_VERIFIED);
	assert_int_equal(t.tenant, FABRIKAM);
	for (size_t i = 0; i < N(numbers); i++) {
		attributed = numbers[i];
		listener.on[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_ACCEPT;
		(void)mail(RELAY, NULL, "a@contoso.com", &t);
		assert_int_equal(t.origin, XO_ORIGIN_OTHER);
		assert_int_equal(t.rights & RELAY, 0);
		assert_int_equal(t.tenant, XO_NOBODY);
		assert_int_equal(rcpt("r@nobody.example", &t),
		    XO_REFUSAL_RCPT_RELAY);
	}
	/* Without sender_domains its originator_orgs say. */
	attributed = FABRIKAM;
	assert_int_equal(mail(RELAY, NULL, "a@contoso.com", &t),
	    XO_REFUSAL_SENDER_MISMATCH);
	assert_int_equal(mail(RELAY, NULL, "", &t), XO_REFUSAL_NONE);
	assert_int_equal(t.answer.verdict, XO_VERDICT_ATTRIBUTED);
	assert_int_equal(mail(RELAY, NULL, "a@fabrikam.com", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(t.upstream, OWN);
}

/* protocol.md 9.12 */
static const char *const table_9_12[][5] = {
	{"XOORG, with the right xoorg", "MAIL", "verified", "550 5.7.1",
	    "451 4.3.0"},
	{"our own mail's sender", "MAIL", "the tenant's upstream",
	    "the listener's upstream", "451 4.3.0"},
	{"the first recipient of our own mail without a sender", "RCPT",
	    "the tenant's upstream", "the listener's upstream", "451 4.3.0"},
	{"X-OriginatorOrg of our own mail, xoorg = \"message\"",
	    "the end of the header", "goes out", "does not go out",
	    "451 4.3.0"},
	{"a name of the client's certificate, at a peer with tenant_names",
	    "MAIL", "attributed", "a stranger's", "451 4.3.0"},
	{"XOORG, without the right", "never", "-", "-", "-"},
	{"a name of a certificate that is not good for the peer", "never", "-",
	    "-", "-"},
	{"a stranger's sender", "never", "-", "-", "-"},
	{"the sender from a tenant's peer", "never", "-", "-", "-"},
	{"another recipient", "never", "-", "-", "-"},
};

static const struct xo_span guest_orgs[] = {
	S("guest.example"), S("*.guest.example"),
};
static struct xo_guest guest;

/* What the sources say of this key, from now on. */
static void
answer(enum xo_key_kind kind, enum xo_knowledge known)
{
	struct xo_key key = {kind, span("guest.example")};
	struct xo_guest *given = known == XO_KNOWN_TENANT ? &guest : NULL;

	guest = (struct xo_guest){.tenant = {
		.name = S("guest"),
		.originator_orgs = guest_orgs, .n_originator_orgs = 2,
		.certificate_names = guest_orgs, .n_certificate_names = 1,
		.recipient_domains = guest_orgs, .n_recipient_domains = 1,
		.has_upstream = true, .upstream = OWN}};
	xo_guests_free(&policy.guests);
	policy.guests = xo_guests_new(8);
	assert_int_equal(xo_guests_put(policy.guests, &key, known, &given,
	    1000, 0), known);
}

struct asked {
	enum xo_refusal why;		/* the first that says no */
	bool has_lacked;		/* of TENANT_NOT_KNOWN */
	bool takes_value;
	struct xo_treatment t;
};

/* One message of the row, as far as it comes. */
static struct asked
play(const char *what)
{
	bool is_attributed = is(what, "the sender from a tenant's peer");
	bool is_bounce = has(what, "without a sender");
	bool is_value = has(what, "X-OriginatorOrg");
	uint32_t rights = is(what, "XOORG, with the right xoorg") ? XOORG :
	    has(what, "stranger") || has(what, "without the right") ||
	    has(what, "certificate") ? 0 : RELAY;
	struct asked a = {.why = XO_REFUSAL_NONE};
	enum xo_refusal would;

	attributed = is_attributed ? CONTOSO : XO_NOBODY;
	open_name = span(has(what, "tenant_names") ? "guest.example" : "");
	upstreams[UPSTREAM].xoorg_source = XO_XOORG_MESSAGE;
	listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_ACCEPT;
	a.why = mail(rights, has(what, "XOORG,") ? "guest.example" : NULL,
	    is_bounce ? "" : is_value || has(what, "another recipient") ?
	    "a@contoso.com" : "a@guest.example", &a.t);
	if (a.why == XO_REFUSAL_NONE)
		a.why = rcpt_as(has(what, "recipient") || rights == XOORG ?
		    "r@guest.example" : "r@contoso.com", true, &a.t, &would);
	if (a.why == XO_REFUSAL_NONE && is_value) {
		a.has_lacked = xo_treatment_lacks_value(&policy, &a.t,
		    span("guest.example"));
		a.takes_value = xo_treatment_takes_value(&policy, &a.t,
		    span("guest.example"));
		assert_false(a.has_lacked && a.takes_value);
	}
	a.has_lacked |= a.why == XO_REFUSAL_TENANT_NOT_KNOWN;
	if (a.has_lacked)
		assert_true(xo_span_is_equal(has(what, "tenant_names") ?
		    a.t.lacks.names[0] : a.t.lacks.key.domain,
		    span("guest.example")));
	open_name = span("");
	return a;
}

static void
check_cell(const char *what, const char *cell, const struct asked *a)
{
	bool is_good = is(cell, "451 4.3.0") ? a->has_lacked && !a->takes_value :
	    is(cell, "550 5.7.1") ? a->why == XO_REFUSAL_UNKNOWN_ORG :
	    is(cell, "verified") ? a->t.origin == XO_ORIGIN_VERIFIED &&
	    a->t.upstream == OWN :
	    is(cell, "attributed") ? a->t.answer.verdict ==
	    XO_VERDICT_ATTRIBUTED && a->t.upstream == OWN :
	    is(cell, "a stranger's") ? a->t.answer.verdict ==
	    XO_VERDICT_UNAUTHENTICATED && a->t.rights == 0 :
	    is(cell, "the tenant's upstream") ? a->t.upstream == OWN :
	    is(cell, "the listener's upstream") ? a->t.upstream == UPSTREAM :
	    is(cell, "goes out") ? a->takes_value :
	    is(cell, "does not go out") ? !a->takes_value : is(cell, "-");

	if (!is_good || (!is(cell, "451 4.3.0") && a->has_lacked) ||
	    (a->why != XO_REFUSAL_NONE && !is(cell, "451 4.3.0") &&
	    !is(cell, "550 5.7.1") && !is(cell, "-")))
		fail_msg("%s: %s: got %s, origin %d, upstream %d", what, cell,
		    xo_refusal_info(a->why)->id, a->t.origin, a->t.upstream);
}

static void
test_9_12(void **state)
{
	static const enum xo_knowledge cells[] = {XO_KNOWN_TENANT,
		XO_KNOWN_NOBODY, XO_KNOWN_NOT_NOW};

	(void)state;
	for (size_t i = 0; i < N(table_9_12); i++) {
		const char *const *row = table_9_12[i];
		enum xo_key_kind kind = has(row[0], "certificate") ?
		    XO_KEY_CERTIFICATE : has(row[0], "rg") ||
		    has(row[0], "XOORG") ? XO_KEY_ORG : XO_KEY_SENDER;

		for (size_t k = 0; k < N(cells); k++) {
			struct asked a;

			answer(kind, cells[k]);
			a = play(row[0]);
			check_cell(row[0], row[2 + k], &a);
			/* It is asked at no other time. */
			assert_true(!a.has_lacked || (is(row[1], "MAIL") ?
			    a.t.origin == XO_ORIGIN_OTHER : is(row[1], "RCPT") ?
			    a.why != XO_REFUSAL_NONE : a.why ==
			    XO_REFUSAL_NONE));
		}
	}
	xo_guests_free(&policy.guests);
}

/* Nothing follows from what is not known, in whatever mode and by whatever
 * action. */
static void
test_not_known(void **state)
{
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	for (int mode = 0; mode < XO_MODE_COUNT; mode++) {
		listener.mode = (enum xo_mode)mode;
		for (int d = 0; d < XO_DECISION_COUNT; d++) {
			for (int v = 0; v < XO_VERDICT_COUNT; v++)
				listener.on[v] = (enum xo_decision)d;
			answer(XO_KEY_ORG, XO_KNOWN_NOT_NOW);
			assert_int_equal(mail(XOORG, "guest.example",
			    "a@guest.example", &t),
			    XO_REFUSAL_TENANT_NOT_KNOWN);
			assert_int_equal(t.upstream, XO_NOBODY);
			assert_int_equal(t.answer.decision,
			    XO_DECISION_TEMPFAIL);
			assert_int_equal(mail(RELAY, NULL, "a@guest.example",
			    &t), XO_REFUSAL_TENANT_NOT_KNOWN);
			assert_int_equal(t.upstream, XO_NOBODY);
			assert_int_equal(mail(RELAY, NULL, "", &t),
			    XO_REFUSAL_NONE);
			assert_int_equal(rcpt_as("r@guest.example", true, &t,
			    &would), XO_REFUSAL_TENANT_NOT_KNOWN);
			assert_int_equal(would, XO_REFUSAL_TENANT_NOT_KNOWN);
			assert_false(t.is_observed);
			assert_int_equal(t.tenant, XO_NOBODY);
		}
	}
	xo_guests_free(&policy.guests);
}

/* What a guest may not, where a tenant of the configuration may. */
static void
test_guest(void **state)
{
	struct xo_treatment t;
	enum xo_refusal would;
	int number;

	(void)state;
	answer(XO_KEY_ORG, XO_KNOWN_TENANT);
	number = xo_tenants_by_org(&policy, span("guest.example"));
	assert_true(xo_tenant_is_guest(&policy, number));
	/* No certificate of its own, and nobody else's. */
	upstreams[OWN].has_tenant_certificate = true;
	assert_int_equal(mail(XOORG, "guest.example", "a@guest.example", &t),
	    XO_REFUSAL_NO_TENANT);
	assert_int_equal(mail(XOORG, "guest.example", "", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@guest.example", &t), XO_REFUSAL_NO_TENANT);
	assert_int_equal(t.tenant, number);
	assert_int_equal(xo_treatment_credential(&policy, &t), XO_NOBODY);
	/* Or its own, where there are any: nobody else's mail goes with it. */
	policy.guests_have_certificates = true;
	assert_int_equal(mail(0, NULL, "a@guest.example", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(xo_treatment_credential(&policy, &t), XO_NOBODY);
	assert_int_equal(mail(XOORG, "guest.example", "a@guest.example", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(xo_treatment_credential(&policy, &t), number);
	assert_int_equal(mail(XOORG, "guest.example", "", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(xo_treatment_credential(&policy, &t), number);
	t.tenant = number + 1;
	assert_int_equal(xo_treatment_credential(&policy, &t), XO_NOBODY);
	upstreams[OWN].has_tenant_certificate = false;
	assert_int_equal(mail(XOORG, "fabrikam.com", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(xo_treatment_credential(&policy, &t), FABRIKAM);
	/* A peer cannot be a guest. */
	attributed = number;
	(void)mail(RELAY, NULL, "a@guest.example", &t);
	assert_int_equal(t.answer.verdict, XO_VERDICT_UNAUTHENTICATED);
	assert_int_equal(t.tenant, XO_NOBODY);
	attributed = XO_NOBODY;
	/* Its recipients are its own, and nobody's whom XOORG does not claim. */
	assert_int_equal(mail(XOORG, "guest.example", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@guest.example", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@contoso.com", &t), XO_REFUSAL_RCPT_RELAY);
	assert_int_equal(rcpt("r@nobody.example", &t), XO_REFUSAL_RCPT_RELAY);
	listener.on[XO_VERDICT_NO_ORG] = XO_DECISION_ACCEPT;
	assert_int_equal(mail(XOORG, NULL, "a@b.example", &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(rcpt("r@guest.example", &t), XO_REFUSAL_RCPT_RELAY);
	assert_int_equal(rcpt("r@contoso.com", &t), XO_REFUSAL_NONE);
	/* The postmaster of what it lists, not of what lies below. */
	guest.tenant.n_recipient_domains = 0;
	assert_int_equal(mail(XOORG, "guest.example", "", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("postmaster@guest.example", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("postmaster", &t), XO_REFUSAL_NONE);
	assert_int_equal(rcpt("postmaster@a.guest.example", &t),
	    XO_REFUSAL_RCPT_RELAY);
	assert_int_equal(rcpt("postmaster@contoso.com", &t),
	    XO_REFUSAL_RCPT_RELAY);
	guest.tenant.originator_orgs = contoso;
	assert_int_equal(rcpt("postmaster@contoso.com", &t),
	    XO_REFUSAL_RCPT_RELAY);
	/* Gone: nobody's recipients. */
	t.answer.tenant = number + 1;
	assert_int_equal(rcpt_as("r@contoso.com", true, &t, &would),
	    XO_REFUSAL_RCPT_RELAY);
	xo_guests_free(&policy.guests);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_3_2),
		TEST(test_5_4),
		TEST(test_5_5),
		TEST(test_6),
		TEST(test_9_1),
		TEST(test_9_2),
		TEST(test_9_3),
		TEST(test_9_4),
		TEST(test_9_5),
		TEST(test_9_6),
		TEST(test_9_7),
		TEST(test_9_8),
		TEST(test_9_9),
		TEST(test_9_12),
		TEST(test_not_known),
		TEST(test_guest),
		TEST(test_attributed_otherwise),
		TEST(test_strict_otherwise),
		TEST(test_postmaster_of_others),
		TEST(test_observed_mail),
		TEST(test_ours),
		TEST(test_takes_value),
		TEST(test_first_recipient),
		TEST(test_mismatch_accepted),
		TEST(test_routes),
		TEST(test_forgotten),
		TEST(test_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
