/* SPDX-License-Identifier: ISC */
/* Rights x value x sender x mode x actions: what becomes of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/path.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))

#define NONE 0
#define XOORG XO_RIGHT_XOORG
#define RELAY XO_RIGHT_RELAY
#define OTHER (XO_RIGHT_XCLIENT | XO_RIGHT_PROXY)

static const struct xo_span contoso[] = {
	S("contoso.com"), S("contoso.onmicrosoft.com")
};
static const struct xo_span ruled[] = {S("ruled.example")};
static const struct xo_span ruled_senders[] = {
	S("ruled.example"), S("*.ruled.example")
};
static const struct xo_span transport[] = {S("transport.example")};

enum { CONTOSO, RULED, TRANSPORT };

static const struct xo_tenant tenants[] = {
	[CONTOSO] = {.originator_orgs = contoso, .n_originator_orgs = 2,
	    .recipient_domains = contoso, .n_recipient_domains = 1},
	[RULED] = {.originator_orgs = ruled, .n_originator_orgs = 1,
	    .sender_domains = ruled_senders, .n_sender_domains = 2,
	    .recipient_domains = ruled_senders, .n_recipient_domains = 2},
	[TRANSPORT] = {.originator_orgs = transport, .n_originator_orgs = 1,
	    .relay = true},
};

static const struct {
	const char *id;
	uint32_t rights;
	const char *xoorg;		/* NULL: none */
	const char *sender;
	enum xo_verdict want;
	int want_tenant;
} rows[] = {
	/* verified */
	{"M1", XOORG, "contoso.com", "u@contoso.com", XO_VERDICT_VERIFIED,
	    CONTOSO},
	{"M3", XOORG, "Contoso.COM", "u@contoso.com", XO_VERDICT_VERIFIED,
	    CONTOSO},
	{"M4", XOORG, "contoso.onmicrosoft.com", "", XO_VERDICT_VERIFIED,
	    CONTOSO},
	{"no sender rule", XOORG, "contoso.com", "a@elsewhere.example",
	    XO_VERDICT_VERIFIED, CONTOSO},
	{"sender rule", XOORG, "ruled.example", "u@RULED.example",
	    XO_VERDICT_VERIFIED, RULED},
	{"sender rule, below", XOORG, "ruled.example", "u@a.ruled.example",
	    XO_VERDICT_VERIFIED, RULED},
	{"sender rule, null", XOORG, "ruled.example", "", XO_VERDICT_VERIFIED,
	    RULED},
	{"both rights", XOORG | RELAY, "contoso.com", "u@contoso.com",
	    XO_VERDICT_VERIFIED, CONTOSO},
	/* not verified */
	{"M5", XOORG, NULL, "u@contoso.com", XO_VERDICT_NO_ORG, XO_NOBODY},
	{"M5 null", XOORG, NULL, "", XO_VERDICT_NO_ORG, XO_NOBODY},
	{"no org, relay too", XOORG | RELAY, NULL, "u@contoso.com",
	    XO_VERDICT_NO_ORG, XO_NOBODY},
	{"M18", XOORG, "localhost", "", XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"M19", XOORG, "_a-.contoso.com", "u@contoso.com",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"M26", XOORG, "fabrikam.com", "u@contoso.com",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"M27", XOORG, "sct-15-20-9412-4-msonline-outlook-990eb"
	    ".templateTenant", "u@contoso.com", XO_VERDICT_UNKNOWN_ORG,
	    XO_NOBODY},
	{"below", XOORG, "a.contoso.com", "u@contoso.com",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"above", XOORG, "onmicrosoft.com", "u@contoso.com",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"empty", XOORG, "", "u@contoso.com", XO_VERDICT_UNKNOWN_ORG,
	    XO_NOBODY},
	{"final dot", XOORG, "contoso.com.", "u@contoso.com",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"unknown, relay too", XOORG | RELAY, "fabrikam.com", "",
	    XO_VERDICT_UNKNOWN_ORG, XO_NOBODY},
	{"foreign sender", XOORG, "ruled.example", "u@elsewhere.example",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender of another tenant", XOORG, "ruled.example", "u@contoso.com",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender looks alike", XOORG, "ruled.example", "u@xruled.example",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender in local part", XOORG, "ruled.example",
	    "\"u@ruled.example\"@evil.example", XO_VERDICT_SENDER_MISMATCH,
	    RULED},
	{"sender goes on", XOORG, "ruled.example",
	    "u@ruled.example.evil.example", XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender without domain", XOORG, "ruled.example", "postmaster",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender is a route", XOORG, "ruled.example",
	    "u%elsewhere.example@ruled.example", XO_VERDICT_SENDER_MISMATCH,
	    RULED},
	{"sender is a quoted route", XOORG, "ruled.example",
	    "\"u@elsewhere.example\"@ruled.example",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender ends with at", XOORG, "ruled.example", "u@",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"sender is a literal", XOORG, "ruled.example", "u@[192.0.2.1]",
	    XO_VERDICT_SENDER_MISMATCH, RULED},
	{"M28", NONE, "contoso.com", "u@contoso.com",
	    XO_VERDICT_UNAUTHENTICATED, XO_NOBODY},
	{"ordinary", NONE, NULL, "u@contoso.com", XO_VERDICT_UNAUTHENTICATED,
	    XO_NOBODY},
	{"null", NONE, NULL, "", XO_VERDICT_UNAUTHENTICATED, XO_NOBODY},
	{"other rights", OTHER, "contoso.com", "u@contoso.com",
	    XO_VERDICT_UNAUTHENTICATED, XO_NOBODY},
	{"ours", RELAY, NULL, "u@contoso.com", XO_VERDICT_OURS,
	    XO_NOBODY},
	{"ours, value", RELAY, "contoso.com", "u@contoso.com",
	    XO_VERDICT_OURS, XO_NOBODY},
	{"ours, null sender", RELAY | OTHER, NULL, "", XO_VERDICT_OURS,
	    XO_NOBODY},
	{"relay, but a peer that vouches", XOORG | RELAY, NULL,
	    "u@contoso.com", XO_VERDICT_NO_ORG, XO_NOBODY},
};

static void
index_tenants(struct xo_policy *policy)
{
	int first, second;

	*policy = (struct xo_policy){
		.tenants = tenants, .n_tenants = N(tenants)
	};
	assert_int_equal(xo_tenants_index(policy, &first, &second), XO_OK);
}

/* Every row with every mode and every action for its verdict. */
static void
check_row(const struct xo_policy *policy, size_t i, enum xo_mode mode,
    enum xo_decision on)
{
	struct xo_question question = {
		.rights = rows[i].rights,
		.has_xoorg = rows[i].xoorg != NULL,
		.xoorg = xo_span_from_cstr(rows[i].xoorg),
		.sender = xo_span_from_cstr(rows[i].sender),
	};
	struct xo_listener listener = {.mode = mode};
	bool is_accepted = rows[i].want == XO_VERDICT_VERIFIED ||
	    rows[i].want == XO_VERDICT_OURS;
	enum xo_decision would = is_accepted ? XO_DECISION_ACCEPT : on;
	enum xo_decision want = would;
	struct xo_answer got;
	size_t j;

	/* Another action than the verdict's would show. */
	for (j = 0; j < XO_VERDICT_COUNT; j++)
		listener.on[j] = on == XO_DECISION_REJECT ?
		    XO_DECISION_ACCEPT : XO_DECISION_REJECT;
	listener.on[rows[i].want] = on;
	if (mode == XO_MODE_OBSERVE && would != XO_DECISION_ACCEPT)
		want = XO_DECISION_DEMOTE;
	memset(&got, 0xee, sizeof(got));
	xo_verdict_decide(policy, &listener, &question, &got);
	if (got.verdict != rows[i].want || got.tenant != rows[i].want_tenant ||
	    got.decision != want || got.would != would)
		fail_msg("%s, mode %d, on %s: "
		    "got %s %d %s %s, want %s %d %s %s",
		    rows[i].id, (int)mode, xo_decision_name(on),
		    xo_verdict_name(got.verdict), got.tenant,
		    xo_decision_name(got.decision), xo_decision_name(got.would),
		    xo_verdict_name(rows[i].want), rows[i].want_tenant,
		    xo_decision_name(want), xo_decision_name(would));
}

static void
test_matrix(void **state)
{
	struct xo_policy policy;
	size_t i;
	int mode, on;

	(void)state;
	index_tenants(&policy);
	for (i = 0; i < N(rows); i++)
		for (mode = 0; mode < XO_MODE_COUNT; mode++)
			for (on = 0; on < XO_DECISION_COUNT; on++)
				check_row(&policy, i, (enum xo_mode)mode,
				    (enum xo_decision)on);
	xo_tenants_index_free(&policy.tenant_index);
}

/* A policy that lost its table trusts nobody. */
static void
test_without_index(void **state)
{
	struct xo_policy policy = {.tenants = tenants, .n_tenants = N(tenants)};
	struct xo_listener listener = {.n_peers = 0};
	struct xo_question question = {
		.rights = XOORG, .has_xoorg = true, .xoorg = contoso[0]
	};
	struct xo_answer got;

	(void)state;
	xo_verdict_decide(&policy, &listener, &question, &got);
	assert_int_equal(got.verdict, XO_VERDICT_UNKNOWN_ORG);
	/* What nobody has set is no decision for anybody. */
	assert_int_equal(got.decision, XO_DECISION_REJECT);
}

#define OK XO_REFUSAL_NONE
#define NO XO_REFUSAL_RCPT_RELAY

static void
test_recipients(void **state)
{
	static const struct {
		const char *id;
		int tenant;
		uint32_t rights;
		const char *domain;
		enum xo_refusal want;
	} cases[] = {
		{"own", CONTOSO, XOORG, "contoso.com", OK},
		{"own, case", CONTOSO, XOORG, "CONTOSO.com", OK},
		{"own, below", RULED, XOORG, "a.ruled.example", OK},
		{"M44", TRANSPORT, XOORG, "elsewhere.example", OK},
		{"M44 both", TRANSPORT, XOORG | RELAY, "elsewhere.example",
		    OK},
		{"ours", XO_NOBODY, RELAY, "elsewhere.example", OK},
		{"ours, tenant", CONTOSO, RELAY, "elsewhere.example", OK},
		{"M43", CONTOSO, XOORG, "elsewhere.example", NO},
		{"M43 both rights", CONTOSO, XOORG | RELAY,
		    "elsewhere.example", NO},
		{"not listed org", CONTOSO, XOORG, "contoso.onmicrosoft.com",
		    NO},
		{"other tenant's", CONTOSO, XOORG, "ruled.example", NO},
		{"below, not listed", CONTOSO, XOORG, "a.contoso.com", NO},
		{"empty", CONTOSO, XOORG, "", NO},
		{"final dot", CONTOSO, XOORG, "contoso.com.", NO},
		/* accepted for nobody: to a tenant's own, never beyond */
		{"nobody", XO_NOBODY, XOORG, "contoso.com", OK},
		{"nobody, below", XO_NOBODY, XOORG, "a.ruled.example", OK},
		{"nobody, none", XO_NOBODY, NONE, "contoso.com", OK},
		{"nobody, elsewhere", XO_NOBODY, XOORG, "elsewhere.example",
		    NO},
		{"nobody, both rights", XO_NOBODY, XOORG | RELAY,
		    "elsewhere.example", NO},
		{"nobody, no right", XO_NOBODY, NONE, "elsewhere.example",
		    NO},
		{"nobody, others", XO_NOBODY, OTHER, "elsewhere.example", NO},
		{"nobody, an org", XO_NOBODY, XOORG,
		    "contoso.onmicrosoft.com", NO},
		{"nobody, who relays", XO_NOBODY, XOORG, "transport.example",
		    NO},
		{"no such tenant", 3, XOORG, "elsewhere.example", NO},
	};
	struct xo_policy policy;
	size_t i;

	(void)state;
	index_tenants(&policy);
	for (i = 0; i < N(cases); i++) {
		struct xo_path to = {
			.address = XO_LIT("r@"),
			.domain = xo_span_from_cstr(cases[i].domain),
		};
		enum xo_refusal got = xo_recipient_check(&policy,
		    cases[i].tenant, cases[i].rights, &to);

		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].id, (int)got,
			    (int)cases[i].want);
	}
	xo_tenants_index_free(&policy.tenant_index);
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(xo_verdict_name(XO_VERDICT_SENDER_MISMATCH),
	    "sender_mismatch");
	assert_string_equal(xo_verdict_name(XO_VERDICT_COUNT), "?");
	assert_string_equal(xo_decision_name(XO_DECISION_TEMPFAIL), "tempfail");
	assert_string_equal(xo_decision_name(XO_DECISION_COUNT), "?");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_without_index),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
