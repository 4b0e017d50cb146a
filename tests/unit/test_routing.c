/* SPDX-License-Identifier: ISC */
/* protocol.md 5.7: which addresses hold a route, whoever reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/command.h>
#include <xoorg/domain.h>
#include <xoorg/path.h>
#include <xoorg/routing.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define AT "@contoso.com"

static const struct {
	const char *address;
	bool want;
} rows[] = {
	/* what people have */
	{"anna" AT, false},
	{"a.b-c_d+tag" AT, false},
	{"o'hara" AT, false},
	{"SRS0=HHH=TT=outside.example=user" AT, false},
	{"bounces+user=outside.example" AT, false},
	{"prvs=1234567890=user" AT, false},
	{"anna_outside.example#EXT#" AT, false},
	{"SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}" AT, false},
	{"IMCEAEX-_o=contoso_ou=first+20group_cn=anna" AT, false},
	{"imceaex-_o=contoso" AT, false},
	{"imcea" AT, false},
	{"a&b*c?d$e`f~g" AT, false},
	{"\"anna\"" AT, false},
	{"\"anna berg\"" AT, false},
	{"\"a..b\"" AT, false},
	{"\"\\a\\n\\n\\a\"" AT, false},
	{"\"\"" AT, false},
	{"m\xc3\xbcller" AT, false},
	{"\xe6\x97\xa5\xe6\x9c\xac" AT, false},
	{"\xef\xbd\x81nna" AT, false},		/* a wide `a` */
	{"Postmaster", false},
	{"", false},
	/* another domain */
	{"victim%outside.example" AT, true},
	{"outside.example!victim" AT, true},
	{"a!b!victim" AT, true},
	{"victim%a%b" AT, true},
	{"%" AT, true},
	{"victim%" AT, true},
	{"!victim" AT, true},
	{"\"victim@outside.example\"" AT, true},
	{"\"victim\\@outside.example\"" AT, true},
	{"\"victim%outside.example\"" AT, true},
	{"\"victim\\%outside.example\"" AT, true},
	{"\"outside.example!victim\"" AT, true},
	{"\"\\o\\u\\t\\!victim\"" AT, true},
	{"victim@outside.example" AT, true},
	{"victim" AT AT, true},
	{"\"@outside.example:victim\"" AT, true},
	{"\"@a,@b:victim@outside.example\"" AT, true},
	{"\"<victim@outside.example>\"" AT, true},
	{"\"node::victim\"" AT, true},
	{"host^victim" AT, true},
	/* quotes in quotes, comments, lists, literals */
	{"\"\\\"victim@outside.example\\\"\"" AT, true},
	{"\"a\\\"b\"" AT, true},
	{"\"a\\\\b\"" AT, true},
	{"\"victim(comment)\"" AT, true},
	{"\"victim[192.0.2.1]\"" AT, true},
	{"\"list:a,b;\"" AT, true},
	{"\"a,b\"" AT, true},
	{"\"a;b\"" AT, true},
	/* X.400, files, programs, options */
	{"/c=de/a=x/p=y/s=victim/" AT, true},
	{"/etc/passwd" AT, true},
	{"a/b" AT, true},
	{"|sh" AT, true},
	{"\"|/bin/sh\"" AT, true},
	{"\":include:/etc/passwd\"" AT, true},
	{"-f" AT, true},
	{"\"-f\"" AT, true},
	{"\"\\-f\"" AT, true},
	{"-" AT, true},
	/* Exchange's own packing */
	{"IMCEASMTP-victim+40outside+2Eexample" AT, true},
	{"imceasmtp-victim+40outside+2Eexample" AT, true},
	{"\"IMCEASMTP-victim+40outside+2Eexample\"" AT, true},
	{"\"I\\MCEASMTP-victim+40outside+2Eexample\"" AT, true},
	{"IMCEAFAX-victim+40+2B1+20555" AT, true},
	{"IMCEAX400-_c=de_a=x" AT, true},
	{"IMCEANOTES-victim" AT, true},
	{"IMCEA-x" AT, true},
	/* wide and small forms */
	{"victim\xef\xbc\x85outside.example" AT, true},
	{"victim\xef\xbc\xa0outside.example" AT, true},
	{"victim\xef\xbc\x81" AT, true},
	{"a\xef\xbc\x8f" "b" AT, true},
	{"a\xef\xbd\x9c" "b" AT, true},
	{"victim\xef\xb9\xab" AT, true},
	{"victim\xef\xb9\xaa" AT, true},
	{"victim\xef\xb9\x97" AT, true},
	/* its last `@` is where the domain begins */
	{"anna@[192.0.2.1]", false},
	{"anna@contoso.com.", false},
	{"anna@b%c", false},
	{"a%b", true},
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (xo_address_is_routed(xo_span_from_cstr(rows[i].address)) !=
		    rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].address,
			    !rows[i].want, rows[i].want);
}

/* Each octet alone, in front and behind, bare, quoted and escaped. */
static void
test_every_octet(void **state)
{
	static const char routes[] = "@%!/|:;,<>()[]\\\"^";

	(void)state;
	for (int c = 33; c < 127; c++) {
		bool is_route = strchr(routes, c) != NULL;
		char bare[] = "a?b" AT, quoted[] = "\"a\\?b\"" AT;
		char front[] = "\"\\?a\"" AT, back[] = "\"a\\?\"" AT;
		bool got;

		bare[1] = quoted[3] = front[2] = back[3] = (char)c;
		got = xo_address_is_routed(xo_span_from_cstr(bare));
		if (got != is_route)
			fail_msg("%c: got %d", c, got);
		got = xo_address_is_routed(xo_span_from_cstr(quoted)) &&
		    xo_address_is_routed(xo_span_from_cstr(back));
		if (got != is_route)
			fail_msg("quoted %c: got %d", c, got);
		got = xo_address_is_routed(xo_span_from_cstr(front));
		if (got != (is_route || c == '-'))
			fail_msg("in front, %c: got %d", c, got);
	}
}

/* What the parser takes for a path, and what of it passes on. */
static void
test_paths(void **state)
{
	static const struct {
		const char *args;
		bool is_path, is_routed;
	} paths[] = {
		{"TO:<@outside.example:anna" AT ">", true, false},
		{"TO:<anna@contoso.com@outside.example>", false, false},
		{"TO:<anna@outside.example@contoso.com>", false, false},
		{"TO:<anna@contoso.com.>", false, false},
		{"TO:<(x)anna" AT ">", false, false},
		{"TO:<\"a\"b" AT ">", false, false},
		{"TO:<a\\@b" AT ">", false, false},
		{"TO:<anna@[x@contoso.com]>", true, true},
		{"TO:<\"@a:b@c\"" AT ">", true, true},
	};

	(void)state;
	for (size_t i = 0; i < N(paths); i++) {
		struct xo_path path;
		struct xo_span params;
		bool is_path = xo_path_parse(xo_span_from_cstr(paths[i].args),
		    XO_LIT("TO:"), XO_SYNTAX_STRICT, &path, &params) == XO_REFUSAL_NONE &&
		    params.len == 0;

		if (is_path != paths[i].is_path)
			fail_msg("%s: a path %d", paths[i].args, is_path);
		if (is_path && xo_address_is_routed(path.address) !=
		    paths[i].is_routed)
			fail_msg("%s: want %d", paths[i].args,
			    paths[i].is_routed);
	}
}

/* What a tenant allows, it allows its own addresses alone. */

static const struct xo_span contoso[] = {S("contoso.com")};
static const struct xo_span fabrikam[] = {S("fabrikam.com")};
static const struct xo_span shared[] = {S("contoso.com"), S("shared.example")};
static const struct xo_span transport[] = {S("transport.example")};

enum { STRICT, LOOSE, RELAYS };

static const struct xo_tenant tenants[] = {
	[STRICT] = {.originator_orgs = contoso, .n_originator_orgs = 1,
	    .sender_domains = shared, .n_sender_domains = 2,
	    .recipient_domains = shared, .n_recipient_domains = 2},
	[LOOSE] = {.originator_orgs = fabrikam, .n_originator_orgs = 1,
	    .sender_domains = fabrikam, .n_sender_domains = 1,
	    .recipient_domains = fabrikam, .n_recipient_domains = 1,
	    .allow_untrusted_routing = true},
	[RELAYS] = {.originator_orgs = transport, .n_originator_orgs = 1,
	    .recipient_domains = transport, .n_recipient_domains = 1,
	    .relay = true},
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

static void
test_recipients(void **state)
{
	static const struct {
		int tenant;
		uint32_t rights;
		const char *to;
		enum xo_refusal want;
	} cases[] = {
		{STRICT, XO_RIGHT_XOORG, "a@contoso.com", XO_REFUSAL_NONE},
		{STRICT, XO_RIGHT_XOORG, "a%b@contoso.com",
		    XO_REFUSAL_RCPT_ROUTED},
		{STRICT, XO_RIGHT_XOORG, "a%b@shared.example",
		    XO_REFUSAL_RCPT_ROUTED},
		{STRICT, XO_RIGHT_XOORG, "\"a@b\"@CONTOSO.com",
		    XO_REFUSAL_RCPT_ROUTED},
		{STRICT, XO_RIGHT_XOORG, "a%b@outside.example",
		    XO_REFUSAL_RCPT_RELAY},
		{STRICT, XO_RIGHT_XOORG | XO_RIGHT_RELAY, "a%b@contoso.com",
		    XO_REFUSAL_RCPT_ROUTED},
		{STRICT, XO_RIGHT_RELAY, "a%b@contoso.com", XO_REFUSAL_NONE},
		{LOOSE, XO_RIGHT_XOORG, "a%b@fabrikam.com", XO_REFUSAL_NONE},
		{LOOSE, XO_RIGHT_XOORG, "a%b@contoso.com",
		    XO_REFUSAL_RCPT_RELAY},
		{RELAYS, XO_RIGHT_XOORG, "a%b@outside.example",
		    XO_REFUSAL_NONE},
		{RELAYS, XO_RIGHT_XOORG, "a%b@contoso.com", XO_REFUSAL_NONE},
		/* accepted without a tenant: by whose recipient it is */
		{XO_NOBODY, XO_RIGHT_XOORG, "a@contoso.com", XO_REFUSAL_NONE},
		{XO_NOBODY, XO_RIGHT_XOORG, "a%b@contoso.com",
		    XO_REFUSAL_RCPT_ROUTED},
		{XO_NOBODY, XO_RIGHT_XOORG, "a%b@fabrikam.com",
		    XO_REFUSAL_NONE},
		{XO_NOBODY, XO_RIGHT_XOORG, "a%b@transport.example",
		    XO_REFUSAL_RCPT_ROUTED},
		{XO_NOBODY, XO_RIGHT_XOORG, "a@outside.example",
		    XO_REFUSAL_RCPT_RELAY},
		{XO_NOBODY, 0, "a%b@contoso.com", XO_REFUSAL_RCPT_ROUTED},
		{XO_NOBODY, XO_RIGHT_RELAY, "a%b@outside.example",
		    XO_REFUSAL_NONE},
	};
	struct xo_policy policy;

	(void)state;
	index_tenants(&policy);
	for (size_t i = 0; i < N(cases); i++) {
		struct xo_path to = {.address = xo_span_from_cstr(cases[i].to)};
		enum xo_refusal got;

		to.domain = xo_address_domain(to.address);
		got = xo_recipient_check(&policy, cases[i].tenant,
		    cases[i].rights, &to);
		if (got != cases[i].want)
			fail_msg("%d to %s: got %s, want %s", cases[i].tenant,
			    cases[i].to, xo_refusal_info(got)->id,
			    xo_refusal_info(cases[i].want)->id);
	}
	xo_tenants_index_free(&policy.tenant_index);
}

static void
test_senders(void **state)
{
	static const struct {
		const char *org, *sender;
		enum xo_verdict want;
		int of_ours;		/* whose it is, from our own systems */
	} cases[] = {
		{"contoso.com", "a@contoso.com", XO_VERDICT_VERIFIED, STRICT},
		{"contoso.com", "a%b@contoso.com", XO_VERDICT_SENDER_MISMATCH,
		    XO_NOBODY},
		{"contoso.com", "\"evil@other.example\"@contoso.com",
		    XO_VERDICT_SENDER_MISMATCH, XO_NOBODY},
		{"contoso.com", "other.example!a@shared.example",
		    XO_VERDICT_SENDER_MISMATCH, XO_NOBODY},
		{"contoso.com", "", XO_VERDICT_VERIFIED, XO_NOBODY},
		{"fabrikam.com", "a%b@fabrikam.com", XO_VERDICT_VERIFIED,
		    LOOSE},
		{"fabrikam.com", "a%b@contoso.com",
		    XO_VERDICT_SENDER_MISMATCH, XO_NOBODY},
		/* no sender rule: from anybody, but not of anybody */
		{"transport.example", "a%b@transport.example",
		    XO_VERDICT_VERIFIED, XO_NOBODY},
		{"transport.example", "a@transport.example",
		    XO_VERDICT_VERIFIED, RELAYS},
	};
	static const struct xo_listener listener = {.mode = XO_MODE_ENFORCE};
	struct xo_policy policy;

	(void)state;
	index_tenants(&policy);
	for (size_t i = 0; i < N(cases); i++) {
		struct xo_question question = {
			.rights = XO_RIGHT_XOORG, .has_xoorg = true,
			.xoorg = xo_span_from_cstr(cases[i].org),
			.sender = xo_span_from_cstr(cases[i].sender),
		};
		struct xo_answer answer;
		int got;

		xo_verdict_decide(&policy, &listener, &question, &answer);
		if (answer.verdict != cases[i].want)
			fail_msg("%s from %s: got %s", cases[i].org,
			    cases[i].sender, xo_verdict_name(answer.verdict));
		got = xo_tenants_by_address(&policy, question.sender);
		if (got != cases[i].of_ours)
			fail_msg("%s is %d's, want %d", cases[i].sender, got,
			    cases[i].of_ours);
	}
	xo_tenants_index_free(&policy.tenant_index);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
