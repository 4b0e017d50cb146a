/* SPDX-License-Identifier: ISC */
/*
 * Names of a client's certificate that only a source can say whose they are: which
 * are asked for, and what follows from each answer. doc/protocol.md 9.13.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/tenants.h>
#include <xoorg/treatment.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define RELAY ((uint32_t)XO_RIGHT_RELAY)
#define XOORG ((uint32_t)XO_RIGHT_XOORG)

enum { NOBODY = XO_NOBODY, OWN, OTHER, N_OWN };

/* OWN has app.own.example; the peers are those below, in this order. */
static const struct xo_span own_names[] = {S("app.own.example")};
static const struct xo_span own_orgs[] = {S("own.example")};
static const struct xo_span other_orgs[] = {S("other.example")};
static const struct xo_tenant tenants[N_OWN] = {
	{.name = S("own"), .certificate_names = own_names,
	    .n_certificate_names = 1, .originator_orgs = own_orgs,
	    .n_originator_orgs = 1},
	{.name = S("other"), .originator_orgs = other_orgs,
	    .n_originator_orgs = 1},
};
static const struct xo_network network = {
	{{[10] = 0xff, 0xff, 192, 0, 2, 1}}, 128
};
static const struct xo_span cloud[] = {S("cloud.example")};
static const struct xo_span old[] = {S("old.other.example")};

enum { P_NAMES, P_ADDRESS, P_CLOUD, P_OLD, P_STRICT, N_PEERS };

static struct xo_peer peers[N_PEERS];
static struct xo_listener listener;
static int listed[N_PEERS];
static struct xo_policy policy;
static const struct xo_upstream upstreams[1];

static int
set_up(void **state)
{
	int first, second;

	(void)state;
	peers[P_NAMES] = (struct xo_peer){.has_tenant_names = true,
		.rights = RELAY, .has_wildcards = true};
	peers[P_ADDRESS] = (struct xo_peer){.networks = &network,
		.n_networks = 1, .rights = RELAY};
	peers[P_CLOUD] = (struct xo_peer){.names = cloud, .n_names = 1,
		.rights = XOORG};
	peers[P_OLD] = (struct xo_peer){.names = old, .n_names = 1,
		.rights = RELAY, .has_tenant = true, .tenant = OTHER};
	peers[P_STRICT] = (struct xo_peer){.has_tenant_names = true,
		.rights = RELAY, .eku = XO_EKU_CLIENT};
	listener = (struct xo_listener){.peers = listed, .n_peers = 1,
		.has_upstream = true};
	listed[0] = P_NAMES;
	policy = (struct xo_policy){.peers = peers, .n_peers = N_PEERS,
		.tenants = tenants, .n_tenants = N_OWN,
		.listeners = &listener, .n_listeners = 1,
		.upstreams = upstreams, .n_upstreams = 1};
	policy.guests = xo_guests_new(32);
	return policy.guests != NULL &&
	    xo_tenants_index(&policy, &first, &second) == XO_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_tenants_index_free(&policy.tenant_index);
	xo_guests_free(&policy.guests);
	return 0;
}

/* --- which are open --------------------------------------------------------- */

struct open_row {
	const char *id;
	const char *dns[4];		/* NULL: no more */
	const char *cn;
	bool is_absent, is_bad, is_outside, is_for_servers;
	enum xo_match match;
	enum xo_crl_mode crl;
	int beside[2];			/* peers; 0: none */
	bool is_not_named;
	uint64_t want;
	bool is_revoked;
};

static const uint64_t cn_bit = (uint64_t)1 << XO_OPEN_NAMES_CN;

static const struct open_row open_rows[] = {
	{"no certificate", {NULL}, NULL, .is_absent = true},
	{"another listener", {"a.g.example"}, NULL, .is_not_named = true},
	{"chain not valid", {"a.g.example"}, NULL, .is_bad = true},
	{"outside of constraints", {"a.g.example"}, NULL, .is_outside = true},
	{"no list", {"a.g.example"}, NULL, .crl = XO_CRL_HARD},
	{"revoked", {"a.g.example"}, NULL, .crl = XO_CRL_SOFT,
	    .is_revoked = true},
	{"a wildcard", {"*.g.example"}, NULL, .want = 0},
	{"a final dot", {"a.g.example."}, NULL, .want = 0},
	{"no domain", {"a@g.example", "", "a b"}, NULL, .want = 0},
	{"a tenant's of the configuration", {"app.own.example"}, NULL, .want = 0},
	{"the CN beside a SAN", {"*.g.example"}, "a.g.example", .want = 0},
	{"a name with xoorg", {"cloud.example"}, NULL, .want = 0},
	{"a name with xoorg, capitals", {"CLOUD.example"}, NULL, .want = 0},
	{"beside one with xoorg", {"cloud.example", "a.g.example"}, NULL,
	    .beside = {P_CLOUD}},
	{"beside two tenants'", {"app.own.example", "old.other.example",
	    "a.g.example"}, NULL, .beside = {P_OLD}},
	{"a name", {"a.g.example"}, NULL, .want = 1},
	{"a name, and no one's list", {"a.g.example"}, NULL,
	    .crl = XO_CRL_SOFT, .want = 1},
	{"behind others", {"*.g.example", "app.own.example", "a.g.example"},
	    NULL, .want = 4},
	{"two", {"a.g.example", "b.g.example"}, NULL, .want = 3},
	{"the CN alone", {NULL}, "a.g.example", .want = cn_bit},
	{"the CN, cn-too", {"b.g.example"}, "a.g.example",
	    .match = XO_MATCH_CN_TOO, .want = cn_bit | 1},
	{"one peer of two", {"a.g.example"}, NULL, .beside = {P_STRICT},
	    .is_for_servers = true, .want = 1},
	{"a name of a tenant's peer", {"old.other.example"}, NULL,
	    .beside = {P_OLD}, .want = 1},
};

static struct xo_rights
decide(const struct open_row *row, struct xo_span *dns,
    struct xo_certificate *certificate_r)
{
	static const struct xo_name_constraint fence = {
		.base = S("fence.example"), .issuer = 1
	};
	struct xo_rights got;

	*certificate_r = (struct xo_certificate){
		.is_present = !row->is_absent, .dns_names = dns,
		.is_chain_valid = !row->is_bad, .is_for_servers = true,
		.is_for_clients = !row->is_for_servers,
		.common_name = xo_span_from_cstr(row->cn != NULL ? row->cn :
		    ""),
		.crl = row->is_revoked ? XO_CRL_REVOKED : XO_CRL_NOT_ASKED,
		.constraints = &fence, .n_constraints = row->is_outside,
	};
	while (certificate_r->n_dns_names < N(row->dns) &&
	    row->dns[certificate_r->n_dns_names] != NULL) {
		dns[certificate_r->n_dns_names] = xo_span_from_cstr(
		    row->dns[certificate_r->n_dns_names]);
		certificate_r->n_dns_names++;
	}
	certificate_r->has_alt_names = certificate_r->n_dns_names > 0;
	peers[P_NAMES].match = row->match;
	peers[P_NAMES].crl = row->crl;
	for (size_t i = 0; i < N(row->beside); i++)
		if (row->beside[i] != 0)
			listed[listener.n_peers++] = row->beside[i];
	if (row->is_not_named)
		listener.n_peers = 0;
	xo_rights_decide(&policy, &listener, certificate_r, NULL, &got);
	return got;
}

static void
test_open(void **state)
{
	for (size_t i = 0; i < N(open_rows); i++) {
		struct xo_certificate certificate;
		struct xo_span dns[4];
		struct xo_rights got;

		assert_int_equal(tear_down(state) + set_up(state), 0);
		got = decide(&open_rows[i], dns, &certificate);
		if (got.open_names != open_rows[i].want ||
		    (got.open_names != 0) != (got.open_peer == P_NAMES))
			fail_msg("%s: got %llx, peer %d: %s", open_rows[i].id,
			    (unsigned long long)got.open_names, got.open_peer,
			    got.reason);
		/* An open name gives nothing by itself. */
		if (got.open_names != 0 && open_rows[i].beside[0] != P_OLD &&
		    open_rows[i].want != 4)
			assert_true(got.rights == 0 && !got.is_attributed);
		/* Where no tenant is asked for, none is open. */
		xo_guests_free(&policy.guests);
		listener.n_peers = 1;
		got = decide(&open_rows[i], dns, &certificate);
		assert_int_equal(got.open_names, 0);
	}
}

/* Nobody's, whatever else it has, and nothing is asked. */
static void
test_too_many(void **state)
{
	static char text[80][16];
	struct xo_span names[80], open[XO_OPEN_NAMES_MAX];
	struct xo_certificate certificate = {.is_present = true,
		.has_alt_names = true, .dns_names = names,
		.is_chain_valid = true};
	struct xo_rights got;

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		(void)snprintf(text[i], sizeof(text[i]), "n%zu.g.example", i);
		names[i] = xo_span_from_cstr(text[i]);
	}
	listed[1] = P_ADDRESS;
	listener.n_peers = 2;
	for (size_t n = 1; n <= N(names); n++) {
		certificate.n_dns_names = n;
		xo_rights_decide(&policy, &listener, &certificate,
		    &network.address, &got);
		assert_int_equal(got.open_names != 0, n <= XO_OPEN_NAMES_MAX);
		assert_int_equal(xo_rights_open_names(&got, &certificate, open),
		    n <= XO_OPEN_NAMES_MAX ? n : 0);
		assert_int_equal(got.rights, n <= XO_OPEN_NAMES_MAX ? RELAY :
		    0);
	}
	/* Also if they are few, but far behind. */
	for (size_t i = 0; i < 79; i++)
		names[i] = (struct xo_span)S("*.g.example");
	xo_rights_decide(&policy, &listener, &certificate, &network.address,
	    &got);
	assert_true(got.open_names == 0 && got.rights == 0);
	names[62] = (struct xo_span)S("a.g.example");
	certificate.n_dns_names = 63;
	xo_rights_decide(&policy, &listener, &certificate, NULL, &got);
	assert_int_equal(xo_rights_open_names(&got, &certificate, open), 1);
	assert_true(xo_span_is_equal(open[0], names[62]));
	/* And if one of them is a tenant's of the configuration. */
	for (size_t i = 0; i < N(names); i++)
		names[i] = i == 0 ? own_names[0] : xo_span_from_cstr(text[i]);
	certificate.n_dns_names = N(names);
	xo_rights_decide(&policy, &listener, &certificate, NULL, &got);
	assert_true(!got.is_attributed && got.rights == 0);
}

/* --- what follows from the answers ------------------------------------------ */

static struct xo_span names_of[][2] = {
	{S("a.one.example"), S("b.one.example")},
	{S("a.two.example"), S("both.example")},
	{S("a.one.example"), S("x.example")},
	{S("*.one.example"), S("both.example")},
};
static const struct xo_span orgs_of[][1] = {
	{S("one.example")}, {S("two.example")},
};
static struct xo_guest records[] = {
	{.tenant = {.name = S("one"), .certificate_names = names_of[0],
	    .n_certificate_names = 2, .originator_orgs = orgs_of[0],
	    .n_originator_orgs = 1}},
	{.tenant = {.name = S("two"), .certificate_names = names_of[1],
	    .n_certificate_names = 2, .originator_orgs = orgs_of[1],
	    .n_originator_orgs = 1}},
	/* As "one", but of another time: it has not the same names. */
	{.tenant = {.name = S("one"), .certificate_names = names_of[2],
	    .n_certificate_names = 2, .originator_orgs = orgs_of[0],
	    .n_originator_orgs = 1}},
	{.tenant = {.name = S("wild"), .certificate_names = names_of[3],
	    .n_certificate_names = 1, .originator_orgs = orgs_of[0],
	    .n_originator_orgs = 1}},
};

/* What is said of a name: a record, or one of these. */
enum { R_ONE, R_TWO, R_ONE_THEN, R_WILD, R_NOBODY, R_NOT_NOW };

struct said {
	const char *name;
	int what;
};

enum want { W_LATER, W_STRANGER, W_OURS, W_ONE, W_TWO, W_OWN };

struct answer_row {
	const char *id;
	struct said said[3];
	uint32_t rights;		/* without them */
	int tenant;			/* attributed to, without them */
	bool is_by_name;
	const char *sender;		/* NULL: "a@one.example" */
	enum want want;
};

#define UNATTRIBUTED 0, XO_NOBODY, false, NULL

static const struct answer_row answer_rows[] = {
	{"not known", {{"a.one.example", R_NOT_NOW}}, UNATTRIBUTED, W_LATER},
	{"one of two not known", {{"a.one.example", R_ONE}, {"b.one.example",
	    R_NOT_NOW}}, UNATTRIBUTED, W_LATER},
	{"two tenants, a third not known", {{"a.one.example", R_ONE},
	    {"a.two.example", R_TWO}, {"x.example", R_NOT_NOW}}, UNATTRIBUTED,
	    W_LATER},
	{"not known, ours by address", {{"a.one.example", R_NOT_NOW}}, RELAY,
	    XO_NOBODY, false, NULL, W_LATER},
	{"another's record", {{"a.one.example", R_TWO}}, UNATTRIBUTED,
	    W_LATER},
	{"the record of a name below", {{"x.a.one.example", R_ONE}},
	    UNATTRIBUTED, W_LATER},
	{"a record with a wildcard", {{"c.one.example", R_WILD}},
	    UNATTRIBUTED, W_LATER},
	{"one tenant, two records of it", {{"a.one.example", R_ONE_THEN},
	    {"b.one.example", R_ONE}}, UNATTRIBUTED, W_LATER},
	{"one tenant, the other record first", {{"b.one.example", R_ONE},
	    {"a.one.example", R_ONE_THEN}}, UNATTRIBUTED, W_LATER},
	{"nobody's", {{"a.one.example", R_NOBODY}}, UNATTRIBUTED, W_STRANGER},
	{"two tenants", {{"a.one.example", R_ONE}, {"a.two.example", R_TWO}},
	    UNATTRIBUTED, W_STRANGER},
	{"two tenants, nobody's between", {{"a.one.example", R_ONE},
	    {"x.example", R_NOBODY}, {"a.two.example", R_TWO}}, UNATTRIBUTED,
	    W_STRANGER},
	{"two tenants, ours by address", {{"a.one.example", R_ONE},
	    {"a.two.example", R_TWO}}, RELAY, XO_NOBODY, false, NULL,
	    W_STRANGER},
	{"beside a name of the configuration's tenant", {{"a.one.example",
	    R_ONE}}, RELAY, OWN, true, NULL, W_STRANGER},
	{"another's sender", {{"a.one.example", R_ONE}}, 0, XO_NOBODY, false,
	    "a@two.example", W_STRANGER},
	{"a sender of the configuration's tenant", {{"a.one.example", R_ONE}},
	    0, XO_NOBODY, false, "a@own.example", W_STRANGER},
	{"nobody's, ours by address", {{"a.one.example", R_NOBODY}}, RELAY,
	    XO_NOBODY, false, "a@own.example", W_OURS},
	{"nobody's, a name of the configuration's tenant", {{"a.one.example",
	    R_NOBODY}}, RELAY, OWN, true, "a@own.example", W_OWN},
	{"nobody's, the address of a tenant", {{"a.one.example", R_NOBODY}},
	    RELAY, OWN, false, "a@own.example", W_OWN},
	{"the address of another tenant", {{"a.one.example", R_ONE}}, RELAY,
	    OWN, false, NULL, W_ONE},
	{"ours by address", {{"a.one.example", R_ONE}}, RELAY, XO_NOBODY,
	    false, NULL, W_ONE},
	{"two of one", {{"a.one.example", R_ONE}, {"b.one.example", R_ONE}},
	    UNATTRIBUTED, W_ONE},
	{"one, and nobody's", {{"x.example", R_NOBODY}, {"a.one.example",
	    R_ONE}}, UNATTRIBUTED, W_ONE},
	{"one", {{"A.one.example", R_ONE}}, UNATTRIBUTED, W_ONE},
	{"the other", {{"a.two.example", R_TWO}}, 0, XO_NOBODY, false,
	    "a@two.example", W_TWO},
	{"one, null sender", {{"a.one.example", R_ONE}}, 0, XO_NOBODY, false,
	    "", W_ONE},
};

static void
hear(const struct said *said)
{
	const struct xo_key key = {XO_KEY_CERTIFICATE,
		xo_span_from_cstr(said->name)};
	struct xo_guest *given = said->what < R_NOBODY ?
	    &records[said->what] : NULL;

	(void)xo_guests_put(policy.guests, &key, said->what < R_NOBODY ?
	    XO_KNOWN_TENANT : said->what == R_NOBODY ? XO_KNOWN_NOBODY :
	    XO_KNOWN_NOT_NOW, &given, 1000, 0);
}

static void
check(const struct answer_row *row)
{
	struct xo_span names[3];
	struct xo_question question = {
		.rights = row->rights,
		.is_attributed = row->tenant != XO_NOBODY,
		.is_by_name = row->is_by_name, .tenant = row->tenant,
		.sender = xo_span_from_cstr(row->sender != NULL ? row->sender :
		    "a@one.example"),
		.names = names,
	};
	const struct xo_tenant *tenant;
	struct xo_treatment t;
	enum xo_refusal why;
	bool is_good;

	for (size_t i = 0; i < 3 && row->said[i].name != NULL; i++) {
		names[question.n_names++] = xo_span_from_cstr(
		    row->said[i].name);
		hear(&row->said[i]);
	}
	listener.on[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT;
	why = xo_treatment_mail(&policy, &listener, &question, &t);
	tenant = xo_tenant_at(&policy, t.tenant);
	is_good = why == (row->want == W_LATER ? XO_REFUSAL_TENANT_NOT_KNOWN :
	    row->want == W_STRANGER ? XO_REFUSAL_UNAUTHENTICATED :
	    XO_REFUSAL_NONE) || (row->want == W_STRANGER &&
	    why == XO_REFUSAL_SENDER_MISMATCH);
	if (row->want <= W_STRANGER)
		is_good &= tenant == NULL && t.upstream == XO_NOBODY &&
		    (t.rights & RELAY) == 0;
	else
		is_good &= t.origin == XO_ORIGIN_OURS && t.upstream == 0 &&
		    t.answer.verdict == (row->want == W_OURS ?
		    XO_VERDICT_OURS : XO_VERDICT_ATTRIBUTED);
	if (row->want >= W_ONE)
		is_good &= tenant != NULL && xo_span_is_equal(tenant->name,
		    xo_span_from_cstr(row->want == W_ONE ? "one" :
		    row->want == W_TWO ? "two" : "own"));
	is_good &= t.is_by_open_name == (row->want == W_ONE ||
	    row->want == W_TWO || why == XO_REFUSAL_SENDER_MISMATCH);
	/* All of the names, for one question. */
	is_good &= row->want == W_LATER ? t.lacks.n_names ==
	    question.n_names && t.lacks.names == names : t.lacks.n_names == 0;
	if (!is_good)
		fail_msg("%s: got %s, origin %d, verdict %s, tenant %.*s",
		    row->id, xo_refusal_info(why)->id, t.origin,
		    xo_verdict_name(t.answer.verdict),
		    tenant != NULL ? (int)tenant->name.len : 0,
		    tenant != NULL ? (const char *)tenant->name.p : "");
}

static void
test_answers(void **state)
{
	for (size_t i = 0; i < N(answer_rows); i++) {
		assert_int_equal(tear_down(state) + set_up(state), 0);
		check(&answer_rows[i]);
	}
}

/* With the names, and only if it may be needed, the sender is asked for, too. */
static void
test_asked_together(void **state)
{
	struct xo_span name[] = {S("a.one.example")};
	struct xo_question question = {.names = name, .n_names = 1,
		.sender = S("a@one.example"), .tenant = XO_NOBODY};
	struct xo_treatment t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		question.rights = i > 0 ? RELAY : 0;
		question.is_attributed = i == 2;
		question.tenant = i == 2 ? OWN : XO_NOBODY;
		assert_int_equal(xo_treatment_mail(&policy, &listener,
		    &question, &t), XO_REFUSAL_TENANT_NOT_KNOWN);
		assert_int_equal(t.lacks.n_names, 1);
		assert_int_equal(t.lacks.key.domain.len, i == 1 ? 11 : 0);
	}
	/* Whose name it is, is whose mail it is: the sender need not be known. */
	hear(&(struct said){"a.one.example", R_ONE});
	question.rights = RELAY;
	question.is_attributed = false;
	assert_int_equal(xo_treatment_mail(&policy, &listener, &question, &t),
	    XO_REFUSAL_NONE);
	assert_int_equal(t.lacks.n_names + t.lacks.key.domain.len, 0);
}

/* A number that came otherwise is nobody's. */
static void
test_guest_without_name(void **state)
{
	struct xo_span name[] = {S("a.one.example")};
	const struct xo_key key = {XO_KEY_CERTIFICATE, name[0]};
	struct xo_question question = {.rights = RELAY, .is_attributed = true,
		.sender = S("a@one.example")};
	struct xo_treatment t;

	(void)state;
	hear(&(struct said){"a.one.example", R_ONE});
	assert_int_equal(xo_tenants_find(&policy, &key, &question.tenant),
	    XO_KNOWN_TENANT);
	assert_int_equal(xo_treatment_mail(&policy, &listener, &question, &t),
	    XO_REFUSAL_UNAUTHENTICATED);
	question.is_by_name = true;
	question.tenant++;
	assert_int_equal(xo_treatment_mail(&policy, &listener, &question, &t),
	    XO_REFUSAL_UNAUTHENTICATED);
}

/* X-OriginatorOrg counts only if it is its tenant's, by whatever key that was
 * found. */
static void
test_value(void **state)
{
	static struct xo_upstream told[1] = {
		{.xoorg_source = XO_XOORG_MESSAGE}
	};
	static const struct xo_span own = S("own.example"),
	    one = S("one.example"), two = S("two.example");
	struct xo_span name[] = {S("a.one.example")};
	struct xo_question question = {.names = name, .n_names = 1,
		.sender = S("a@one.example"), .tenant = XO_NOBODY};
	struct xo_guest *given = &records[R_ONE];
	struct xo_treatment t;

	(void)state;
	policy.upstreams = told;
	hear(&(struct said){"a.one.example", R_ONE});
	assert_int_equal(xo_treatment_mail(&policy, &listener, &question, &t),
	    XO_REFUSAL_NONE);
	for (int i = 0; i < 2; i++) {
		assert_false(xo_treatment_takes_value(&policy, &t, own));
		assert_false(xo_treatment_takes_value(&policy, &t, two));
		assert_false(xo_treatment_lacks_value(&policy, &t, two));
		assert_true(xo_treatment_takes_value(&policy, &t, one));
		/* It is known by its organisation as well, under another
		 * number. */
		if (i == 0)
			assert_int_equal(xo_guests_put(policy.guests,
			    &(struct xo_key){XO_KEY_ORG, one},
			    XO_KNOWN_TENANT, &given, 1000, 0),
			    XO_KNOWN_TENANT);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_too_many),
		TEST(test_answers),
		TEST(test_asked_together),
		TEST(test_guest_without_name),
		TEST(test_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
