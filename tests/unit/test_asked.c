/* SPDX-License-Identifier: ISC */
/*
 * An MTA asks: the tables of doc/protocol.md 9.10 and 9.11 in its own words,
 * which tests/lint/test_treatment.py holds against the page, and behind them what
 * they leave to the code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/asked.h>
#include <xoorg/domain.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define XOORG ((uint32_t)XO_RIGHT_XOORG)
#define RELAY ((uint32_t)XO_RIGHT_RELAY)

enum { CONTOSO, TRANSPORT };

static const struct xo_span names[] = {S("mx.example.com")};
static const struct xo_span contoso[] = {S("contoso.com")};
static const struct xo_span transport[] = {S("transport.example")};

static struct xo_peer peer;
static struct xo_tenant tenants[2];
static struct xo_listener listener;
static struct xo_policy policy;
static const int peers[] = {0};

static int
set_up(void **state)
{
	int first, second;

	(void)state;
	peer = (struct xo_peer){.names = names, .n_names = 1,
		.crl = XO_CRL_INHERIT};
	tenants[CONTOSO] = (struct xo_tenant){
		.originator_orgs = contoso, .n_originator_orgs = 1,
		.sender_domains = contoso, .n_sender_domains = 1,
		.recipient_domains = contoso, .n_recipient_domains = 1};
	tenants[TRANSPORT] = (struct xo_tenant){
		.originator_orgs = transport, .n_originator_orgs = 1,
		.sender_domains = transport, .n_sender_domains = 1,
		.recipient_domains = transport, .n_recipient_domains = 1,
		.relay = true, .has_upstream = true, .upstream = 7};
	listener = (struct xo_listener){
		.service = XO_SERVICE_POLICY, .peers = peers, .n_peers = 1,
		.on = {
			[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT,
			[XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
			[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT,
			[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE,
		},
	};
	xo_tenants_index_free(&policy.tenant_index);
	policy = (struct xo_policy){.peers = &peer, .n_peers = 1,
		.tenants = tenants, .n_tenants = 2};
	return xo_tenants_index(&policy, &first, &second) == XO_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}

static bool
is(const char *cell, const char *word)
{
	return strcmp(cell, word) == 0;
}

static bool
has(const char *cell, const char *words)
{
	return strstr(cell, words) != NULL;
}

/* protocol.md 9.10 */
static const char *const table_9_10[][5] = {
	{"no name", "cn-too", "none", "none", "none"},
	{"another name", "cn-too", "none", "none", "none"},
	{"another name as xoorg_ccert_name, and ccert_subject", "cn-too",
	    "none", "none", "none"},
	{"ccert_subject", "san", "none", "none", "none"},
	{"ccert_subject, no TLS", "cn-too", "none", "none", "none"},
	{"ccert_subject", "cn-too", "none", "relay", "none"},
	{"xoorg_ccert_name, no TLS", "san", "none", "none", "none"},
	{"xoorg_ccert_name, and an eku asked for", "san", "refused", "refused",
	    "refused"},
	{"xoorg_ccert_name, and crl hard", "san", "refused", "refused",
	    "refused"},
	{"xoorg_ccert_name", "san", "xoorg", "relay", "both"},
};

static struct xo_asked
asked_by(const char *cell)
{
	struct xo_asked asked = {.has_tls = !has(cell, "no TLS")};

	if (has(cell, "another name"))
		asked.name = asked.common_name = xo_span_from_cstr(
		    "other.example.com");
	else if (has(cell, "xoorg_ccert_name"))
		asked.name = names[0];
	if (has(cell, "ccert_subject"))
		asked.common_name = names[0];
	return asked;
}

static const char *
word_of(const struct xo_rights *rights)
{
	if (rights->is_refused)
		return rights->rights == 0 ? "refused" : "refused, with rights";
	switch (rights->rights) {
	case 0:
		return "none";
	case (uint32_t)XO_RIGHT_XOORG:
		return "xoorg";
	case (uint32_t)XO_RIGHT_RELAY:
		return "relay";
	case (uint32_t)(XO_RIGHT_XOORG | XO_RIGHT_RELAY):
		return "both";
	default:
		return "others";
	}
}

static void
test_9_10(void **state)
{
	static const uint32_t given[] = {XOORG, RELAY, XOORG | RELAY};

	(void)state;
	for (size_t i = 0; i < N(table_9_10); i++) {
		const char *const *row = table_9_10[i];
		struct xo_asked asked = asked_by(row[0]);

		peer.match = is(row[1], "cn-too") ? XO_MATCH_CN_TOO :
		    XO_MATCH_SAN;
		peer.crl = has(row[0], "crl hard") ? XO_CRL_HARD : XO_CRL_OFF;
		for (int eku = XO_EKU_SERVER; eku < XO_EKU_COUNT; eku++) {
			peer.eku = has(row[0], "eku") ? (enum xo_eku)eku :
			    XO_EKU_EITHER;
			for (size_t k = 0; k < N(given); k++) {
				struct xo_rights rights;

				peer.rights = given[k];
				memset(&rights, 0xee, sizeof(rights));
				xo_asked_rights(&policy, &listener, &asked,
				    &rights);
				if (!is(word_of(&rights), row[2 + k]))
					fail_msg("%s, %s: %s instead of %s",
					    row[0], row[1], word_of(&rights),
					    row[2 + k]);
			}
		}
	}
}

/* By an address as anywhere. */
static void
test_address(void **state)
{
	struct xo_network network = {.bits = 128};
	struct xo_asked asked = {.address = &network.address};
	struct xo_rights rights;

	(void)state;
	assert_int_equal(xo_address_read(xo_span_from_cstr("192.0.2.7"),
	    &network.address), XO_OK);
	peer.networks = &network;
	peer.n_networks = 1;
	peer.rights = XOORG;
	xo_asked_rights(&policy, &listener, &asked, &rights);
	assert_int_equal(rights.rights, 0);
	peer.rights = RELAY;
	xo_asked_rights(&policy, &listener, &asked, &rights);
	assert_int_equal(rights.rights, RELAY);
	asked.address = NULL;
	xo_asked_rights(&policy, &listener, &asked, &rights);
	assert_int_equal(rights.rights, 0);
}

/* protocol.md 9.11 */
static const char *const table_9_11[][4] = {
	{"unauthenticated, demoted", "none", "DUNNO", "DUNNO"},
	{"unauthenticated, accepted", "none", "DUNNO", "refused"},
	{"without XOORG, demoted", "none", "DUNNO", "DUNNO"},
	{"of an unknown organisation, refused", "none", "refused", "refused"},
	{"of an unknown organisation, accepted", "none", "DUNNO", "refused"},
	{"of an unknown organisation, observed", "none", "DUNNO", "DUNNO"},
	{"of another sender, accepted", "relay", "DUNNO", "DUNNO"},
	{"attributed, of another sender, accepted", "without relay", "DUNNO",
	    "refused"},
	{"verified", "without relay", "DUNNO", "refused"},
	{"verified, observed", "without relay", "DUNNO", "DUNNO"},
	{"verified", "relay", "OK", "OK"},
	{"attributed", "without relay", "OK", "OK"},
	{"of our own systems", "none", "OK", "OK"},
};

static struct xo_rights
rights_for(const char *cell)
{
	struct xo_rights rights = {.peer = XO_NOBODY, .rights = XOORG};

	if (has(cell, "unauthenticated"))
		rights.rights = 0;
	if (has(cell, "attributed") || has(cell, "own systems"))
		rights.rights = RELAY;
	rights.is_attributed = has(cell, "attributed");
	rights.tenant = CONTOSO;
	return rights;
}

static struct xo_question
question_for(const char *const *row, const struct xo_rights *rights)
{
	const char *org = is(row[1], "relay") ? "transport.example" :
	    "contoso.com";
	struct xo_question question = {
		.rights = rights->rights,
		.has_xoorg = !has(row[0], "without XOORG"),
		.xoorg = xo_span_from_cstr(has(row[0], "unknown") ?
		    "nobody.example" : org),
		.sender = xo_span_from_cstr(has(row[0], "another sender") ?
		    "a@other.example" : is(org, "contoso.com") ?
		    "a@contoso.com" : "a@transport.example"),
		.is_attributed = rights->is_attributed,
		.tenant = rights->tenant,
	};

	return question;
}

static const char *
answer_for(const char *const *row, const char *to)
{
	struct xo_rights rights = rights_for(row[0]);
	struct xo_question question = question_for(row, &rights);
	struct xo_path path = {.address = xo_span_from_cstr(to),
		.domain = xo_address_domain(xo_span_from_cstr(to))};
	struct xo_treatment t;
	enum xo_refusal would, why;

	listener.mode = has(row[0], "observed") ? XO_MODE_OBSERVE :
	    XO_MODE_ENFORCE;
	for (int v = 0; has(row[0], "accepted") && v < XO_VERDICT_COUNT; v++)
		listener.on[v] = XO_DECISION_ACCEPT;
	memset(&t, 0xee, sizeof(t));
	why = xo_asked_judge(&policy, &listener, &rights, &question, &path,
	    &t, &would);
	/* What is not only observed is what would be said. */
	if (listener.mode == XO_MODE_ENFORCE)
		assert_int_equal(why, would);
	if (why != XO_REFUSAL_NONE)
		return "refused";
	return xo_asked_may_relay(&policy, &t) ? "OK" : "DUNNO";
}

static void
test_9_11(void **state)
{
	for (size_t i = 0; i < N(table_9_11); i++) {
		const char *const *row = table_9_11[i];
		const char *own = is(row[1], "relay") ?
		    "r@transport.example" : "r@contoso.com";

		(void)set_up(state);
		assert_string_equal(answer_for(row, own), row[2]);
		assert_string_equal(answer_for(row, "r@outside.example"),
		    row[3]);
	}
}

/* Refused rights are refused whatever else there is; and also observing. */
static void
test_refused(void **state)
{
	struct xo_rights rights = {.is_refused = true, .rights = RELAY};
	struct xo_question question = {.rights = RELAY};
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	for (int mode = 0; mode < XO_MODE_COUNT; mode++) {
		listener.mode = (enum xo_mode)mode;
		assert_int_equal(xo_asked_judge(&policy, &listener, &rights,
		    &question, NULL, &t, &would), XO_REFUSAL_TLS_CERTIFICATE);
		assert_false(xo_asked_may_relay(&policy, &t));
	}
}

/* What is not trusted goes nowhere, whosever it is. */
static void
test_untrusted(void **state)
{
	struct xo_treatment t = XO_TREATMENT_NONE;

	(void)state;
	t.origin = XO_ORIGIN_OURS;
	assert_false(xo_asked_may_relay(&policy, &t));
	t.origin = XO_ORIGIN_VERIFIED;
	t.answer.tenant = TRANSPORT;
	assert_false(xo_asked_may_relay(&policy, &t));
	t.is_trusted = true;
	assert_true(xo_asked_may_relay(&policy, &t));
	t.answer.tenant = 1000000;
	assert_false(xo_asked_may_relay(&policy, &t));
}

/* What is observed is told, of the verdict and of the recipient. */
static void
test_would(void **state)
{
	struct xo_rights rights = {.rights = XOORG};
	struct xo_question question = {.rights = XOORG, .has_xoorg = true,
		.xoorg = S("nobody.example"), .sender = S("a@contoso.com")};
	struct xo_path to = {S("r@outside.example"), S("outside.example"),
		false};
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	listener.mode = XO_MODE_OBSERVE;
	assert_int_equal(xo_asked_judge(&policy, &listener, &rights, &question,
	    &to, &t, &would), XO_REFUSAL_NONE);
	assert_int_equal(would, XO_REFUSAL_UNKNOWN_ORG);
	question.xoorg = contoso[0];
	assert_int_equal(xo_asked_judge(&policy, &listener, &rights, &question,
	    &to, &t, &would), XO_REFUSAL_NONE);
	assert_int_equal(would, XO_REFUSAL_RCPT_RELAY);
	assert_false(xo_asked_may_relay(&policy, &t));
}

/* Tempfail is 451 also where there is no next hop to be late. */
static void
test_tempfail(void **state)
{
	struct xo_rights rights = {.rights = 0};
	struct xo_question question = {.sender = S("a@contoso.com")};
	struct xo_treatment t;
	enum xo_refusal would;

	(void)state;
	listener.on[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_TEMPFAIL;
	assert_int_equal(xo_asked_judge(&policy, &listener, &rights, &question,
	    NULL, &t, &would), XO_REFUSAL_TRY_LATER);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_9_10),
		TEST(test_9_11),
		TEST(test_address),
		TEST(test_refused),
		TEST(test_untrusted),
		TEST(test_would),
		TEST(test_tempfail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
