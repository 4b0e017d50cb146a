/* SPDX-License-Identifier: ISC */
/*
 * What Postfix asks and is answered: questions of policy delegation, hostile ones
 * first, and lookups in the tables. A question is the good one with lines
 * replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ask/delegation.h>
#include <ask/map.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct xo_span names[] = {S("mail.protection.outlook.com")};
static const struct xo_span app_names[] = {S("app.contoso.com")};
static const struct xo_span contoso[] = {S("contoso.com"), S("*.contoso.com")};
static const struct xo_span fabrikam[] = {S("fabrikam.com")};
static const struct xo_span sales[] = {S("sales.example")};
static struct xo_network own_network = {.bits = 128};

static const struct xo_peer peers[] = {
	{.name = S("exchange-online"), .names = names, .n_names = 1,
	    .rights = XO_RIGHT_XOORG},
	{.name = S("app"), .names = app_names, .n_names = 1,
	    .rights = XO_RIGHT_RELAY, .match = XO_MATCH_CN_TOO,
	    .has_tenant = true, .tenant = 0},
	{.name = S("own"), .networks = &own_network, .n_networks = 1,
	    .rights = XO_RIGHT_RELAY},
};
static const int all_peers[] = {0, 1, 2};
static const struct xo_tenant tenants[] = {
	{.name = S("contoso"), .originator_orgs = contoso,
	    .n_originator_orgs = 2, .recipient_domains = contoso,
	    .n_recipient_domains = 2},
	{.name = S("fabrikam"), .originator_orgs = fabrikam,
	    .n_originator_orgs = 1, .sender_domains = sales,
	    .n_sender_domains = 1, .recipient_domains = fabrikam,
	    .n_recipient_domains = 1, .relay = true},
};
static struct xo_listener listener;
static struct xo_policy policy;

static int
set_up(void **state)
{
	int first, second;

	(void)state;
	if (xo_address_read(xo_span_from_cstr("192.0.2.9"),
	    &own_network.address) != XO_OK)
		return -1;
	listener = (struct xo_listener){
		.service = XO_SERVICE_POLICY, .peers = all_peers,
		.n_peers = N(all_peers),
		.on = {
			[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT,
			[XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
			[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT,
			[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE,
		},
	};
	xo_tenants_index_free(&policy.tenant_index);
	policy = (struct xo_policy){.peers = peers, .n_peers = N(peers),
		.tenants = tenants, .n_tenants = N(tenants)};
	return xo_tenants_index(&policy, &first, &second) == XO_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}

/* As Postfix 3.7 sends it, with two attributes of Postfix with XOORG. */
#define GOOD \
	"request=smtpd_access_policy\n" \
	"protocol_state=RCPT\n" \
	"protocol_name=ESMTP\n" \
	"client_address=192.0.2.1\n" \
	"client_name=mail.example\n" \
	"client_port=4711\n" \
	"reverse_client_name=mail.example\n" \
	"server_address=192.0.2.25\n" \
	"server_port=25\n" \
	"helo_name=mail.example\n" \
	"sender=a@contoso.com\n" \
	"recipient=r@contoso.com\n" \
	"recipient_count=0\n" \
	"queue_id=\n" \
	"instance=1a2b.3c4d5e6f.7\n" \
	"size=1024\n" \
	"etrn_domain=\n" \
	"stress=\n" \
	"sasl_method=\n" \
	"sasl_username=\n" \
	"sasl_sender=\n" \
	"ccert_subject=\n" \
	"ccert_issuer=\n" \
	"ccert_fingerprint=\n" \
	"ccert_pubkey_fingerprint=\n" \
	"encryption_protocol=TLSv1.3\n" \
	"encryption_cipher=TLS_AES_256_GCM_SHA384\n" \
	"encryption_keysize=256\n" \
	"xoorg=contoso.com\n" \
	"xoorg_ccert_name=mail.protection.outlook.com\n" \
	"policy_context=\n" \
	"\n"

/* The good question; of each "name=value" in `changes` (by '\n') the line of that
 * name is replaced, or the line added. In a buffer of its own. */
static const char *
changed(const char *changes)
{
	static char out[4096];
	char text[4096], list[1024];
	char *save = NULL;

	(void)snprintf(out, sizeof(out), "%s", GOOD);
	(void)snprintf(list, sizeof(list), "%s", changes);
	for (char *line = strtok_r(list, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		size_t name = strcspn(line, "=") + 1;
		char *at = out;

		while (*at != '\n' && strncmp(at, line, name) != 0)
			at = strchr(at, '\n') + 1;
		(void)snprintf(text, sizeof(text), "%s", *at == '\n' ? at :
		    strchr(at, '\n') + 1);
		(void)snprintf(at, sizeof(out) - (size_t)(at - out), "%s\n%s",
		    line, text);
	}
	return out;
}

static enum xo_err
read_all(const char *text, size_t len)
{
	struct xo_delegation question;
	size_t used = 0;
	enum xo_err err = xo_delegation_read(xo_span(text, len), &question,
	    &used);

	if (err == XO_OK)
		assert_int_equal(used, len);
	return err;
}

static void
test_bad_questions(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum xo_err want;
	} rows[] = {
#define ROW(text, want) {text, sizeof(text) - 1, want}
		ROW("\n", XO_ERR_SYNTAX),
		ROW("request\n\n", XO_ERR_SYNTAX),
		ROW("=smtpd_access_policy\n\n", XO_ERR_SYNTAX),
		ROW("request=a\nrequest=b\n\n", XO_ERR_SYNTAX),
		ROW("xoorg=contoso.com\nxoorg=contoso.com\n\n", XO_ERR_SYNTAX),
		ROW("xoorg=\nxoorg=contoso.com\n\n", XO_ERR_SYNTAX),
		ROW("xoorg_ccert_name=a\nxoorg_ccert_name=a\n\n",
		    XO_ERR_SYNTAX),
		ROW("client_address=1\nx=y\nclient_address=2\n\n",
		    XO_ERR_SYNTAX),
		ROW("sender=a\0@contoso.com\n\n", XO_ERR_SYNTAX),
		ROW("other=a\0b\n\n", XO_ERR_SYNTAX),
		ROW("o\0ther=ab\n\n", XO_ERR_SYNTAX),
		ROW("sender=a@contoso.com\r\n\r\n", XO_ERR_SYNTAX),
		ROW("recipient=a\t@contoso.com\n\n", XO_ERR_SYNTAX),
		ROW("recipient=a\177@contoso.com\n\n", XO_ERR_SYNTAX),
		ROW("GET / HTTP/1.1\r\n", XO_ERR_SYNTAX),
		ROW("EHLO mail.example\r\n", XO_ERR_SYNTAX),
		ROW("", XO_MORE),
		ROW("request=smtpd_access_policy\n", XO_MORE),
		ROW("request=smtpd_access_policy", XO_MORE),
		ROW("other=a\nother=b\n\n", XO_OK),
		ROW("other=a\tb\r\n\n", XO_OK),
		ROW("sender=a=b@contoso.com\n\n", XO_OK),
		ROW(GOOD, XO_OK),
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (read_all(rows[i].text, rows[i].len) != rows[i].want)
			fail_msg("row %zu: %s", i, rows[i].text);
}

/* Split at each octet it is not whole, and not wrong. */
static void
test_split(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++)
		assert_int_equal(read_all(GOOD, n), XO_MORE);
}

/* A run of `n` octets, and what is read of it. */
static enum xo_err
read_run(const char *head, size_t n, const char *tail)
{
	struct xo_buf text = {0};
	struct xo_delegation question;
	enum xo_err err;
	size_t used;

	xo_buf_add_cstr(&text, head);
	for (size_t i = 0; i < n; i++)
		xo_buf_add_byte(&text, 'x');
	xo_buf_add_cstr(&text, tail);
	err = xo_delegation_read(xo_buf_span(&text), &question, &used);
	xo_buf_fini(&text);
	return err;
}

static void
test_bounds(void **state)
{
	struct xo_buf text = {0};

	(void)state;
	assert_int_equal(read_run("", XO_DELEGATION_LINE, ""), XO_ERR_LIMIT);
	assert_int_equal(read_run("a=", XO_DELEGATION_LINE - 2, "\n\n"),
	    XO_ERR_LIMIT);
	assert_int_equal(read_run("a=", XO_DELEGATION_LINE - 3, "\n\n"),
	    XO_OK);
	for (size_t i = 0; i < XO_DELEGATION_LINES; i++)
		xo_buf_add_cstr(&text, "a=b\n");
	assert_int_equal(read_all((const char *)text.p, text.len), XO_MORE);
	xo_buf_add_cstr(&text, "a=b\n\n");
	assert_int_equal(read_all((const char *)text.p, text.len),
	    XO_ERR_LIMIT);
	xo_buf_clear(&text);
	while (text.len <= XO_DELEGATION_OCTETS) {
		xo_buf_add_cstr(&text, "a=");
		for (int i = 0; i < 1000; i++)
			xo_buf_add_byte(&text, 'x');
		xo_buf_add_cstr(&text, "\n");
	}
	assert_int_equal(read_all((const char *)text.p, text.len),
	    XO_ERR_LIMIT);
	xo_buf_fini(&text);
}

/* The action, or "bad"; in a buffer of its own. */
static const char *
ask(const char *text)
{
	static char out[256];
	struct xo_delegation question;
	struct xo_delegation_answer answer;
	struct xo_buf action = {0};
	size_t used = 0;

	assert_int_equal(xo_delegation_read(xo_span_from_cstr(text), &question,
	    &used), XO_OK);
	assert_int_equal(used, strlen(text));
	memset(&answer, 0xee, sizeof(answer));
	if (xo_delegation_judge(&policy, &listener, &question, &answer) !=
	    XO_OK) {
		assert_int_equal(answer.rights.rights, 0);
		assert_false(answer.may_relay);
		assert_false(answer.treatment.is_trusted);
		return "bad";
	}
	xo_delegation_write(&action, answer.may_relay, answer.refusal);
	(void)snprintf(out, sizeof(out), "%.*s", (int)action.len - 2,
	    (const char *)action.p);
	assert_memory_equal(action.p + action.len - 2, "\n\n", 2);
	xo_buf_fini(&action);
	assert_memory_equal(out, "action=", 7);
	return out + 7;
}

#define RELAY_REFUSED "550 5.7.1 Unable to relay"
#define UNKNOWN "550 5.7.1 Originator organisation not authorised here"
#define MISMATCH "550 5.7.1 Sender not authorised for this originator organisation"
#define NO_CERT "xoorg_ccert_name=\n"
#define FABRIKAM "xoorg=fabrikam.com\nsender=a@sales.example\n"

static void
test_answers(void **state)
{
	static const struct {
		const char *changes, *want;
	} rows[] = {
		/* what Postfix would not say */
		{"request=other", "bad"},
		{"request=", "bad"},
		{"protocol_state=", "bad"},
		{"xoorg=contoso.com.", "bad"},
		{"xoorg=*.contoso.com", "bad"},
		{"xoorg=contoso com", "bad"},
		{"recipient=", "bad"},
		{"ccert_subject=+4", "bad"},
		{"ccert_subject=a b", "bad"},
		/* verified, and what it may not */
		{"recipient=r@outside.example", RELAY_REFUSED},
		{"recipient=r%outside.example@contoso.com",
		    "550 5.7.1 Address with a route is not accepted here"},
		{"recipient=r@fabrikam.com", RELAY_REFUSED},
		{"recipient=r", RELAY_REFUSED},
		{"xoorg=nobody.example", UNKNOWN},
		{"xoorg=xcontoso.com", UNKNOWN},
		{"xoorg=fabrikam.com", MISMATCH},
		{"xoorg=fabrikam.com\nsender=a%b@sales.example", MISMATCH},
		/* who does not vouch may not relay, and is ordinary mail */
		{NO_CERT, "DUNNO"},
		{NO_CERT FABRIKAM "recipient=r@outside.example", "DUNNO"},
		{NO_CERT FABRIKAM "ccert_subject=mail.protection.outlook.com",
		    "DUNNO"},
		{"encryption_protocol=\n" FABRIKAM, "DUNNO"},
		{"xoorg_ccert_name=evil.example\n" FABRIKAM, "DUNNO"},
		{"xoorg_ccert_name=x.mail.protection.outlook.com\n" FABRIKAM,
		    "DUNNO"},
		{NO_CERT "client_address=192.0.2.8", "DUNNO"},
		{NO_CERT "client_address=unknown", "DUNNO"},
		{NO_CERT "client_address=", "DUNNO"},
		{NO_CERT "client_address=192.0.2.9 ", "DUNNO"},
		/* certificate of an application: its tenant's mail only */
		{NO_CERT "ccert_subject=app.contoso.com\n"
		    "sender=a@sales.example", MISMATCH},
		{NO_CERT "ccert_subject=app.contoso.com\n"
		    "encryption_protocol=", "DUNNO"},
		{NO_CERT "ccert_subject=+61pp.contoso.com.", "DUNNO"},
		/* before there is a sender nothing is said */
		{"protocol_state=CONNECT\nxoorg=nobody.example", "DUNNO"},
		{"protocol_state=EHLO\nsender=", "DUNNO"},
		{"protocol_state=VRFY\n" FABRIKAM, "DUNNO"},
		/* of the sender alone: never OK */
		{"protocol_state=MAIL\nrecipient=\n" FABRIKAM, "DUNNO"},
		{"protocol_state=MAIL\nrecipient=\nxoorg=nobody.example",
		    UNKNOWN},
		{"protocol_state=DATA\nrecipient=\nxoorg=nobody.example",
		    UNKNOWN},
		{"protocol_state=END-OF-MESSAGE\n" FABRIKAM, "DUNNO"},
		{"protocol_state=rcpt\n" FABRIKAM, "DUNNO"},
		/* what is granted */
		{"recipient=postmaster", "DUNNO"},
		{"", "DUNNO"},
		{"recipient=r@mail.contoso.com", "DUNNO"},
		{"xoorg=x.contoso.com", "DUNNO"},
		{FABRIKAM "recipient=r@outside.example", "OK"},
		{NO_CERT "ccert_subject=app.contoso.com\n"
		    "recipient=r@outside.example", "OK"},
		{NO_CERT "ccert_subject=+61pp.contoso.com\n"
		    "recipient=r@outside.example", "OK"},
		{NO_CERT "client_address=192.0.2.9\n"
		    "recipient=r@outside.example", "OK"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *got = ask(changed(rows[i].changes));

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s instead of %s", rows[i].changes, got,
			    rows[i].want);
	}
}

/* Nothing is refused, and nothing more is granted. */
static void
test_observed(void **state)
{
	static const char *const changes[] = {
		"recipient=r@outside.example", "xoorg=nobody.example",
		"xoorg=fabrikam.com",
	};

	(void)state;
	listener.mode = XO_MODE_OBSERVE;
	for (size_t i = 0; i < N(changes); i++)
		assert_string_equal(ask(changed(changes[i])), "DUNNO");
}

/* An address that cannot be read is none, whatever network a peer has. */
static void
test_no_address(void **state)
{
	(void)state;
	own_network.bits = 96;
	assert_string_equal(ask(changed(NO_CERT "client_address=unknown")),
	    "DUNNO");
	assert_string_equal(ask(changed(NO_CERT "client_address=192.0.2")),
	    "DUNNO");
	assert_string_equal(ask(changed(NO_CERT "client_address=192.0.2.1")),
	    "OK");
	own_network.bits = 128;
}

static void
test_refused_certificate(void **state)
{
	struct xo_peer strict = peers[0];

	(void)state;
	strict.eku = XO_EKU_CLIENT;
	policy.peers = &strict;
	policy.n_peers = 1;
	assert_string_equal(ask(changed("")),
	    "454 4.7.5 Certificate validation failure");
	assert_string_equal(ask(changed("protocol_state=EHLO")), "DUNNO");
}

/* --- tables --- */

static const char *
look_up(const char *request)
{
	static char out[256];
	struct xo_buf reply = {0};
	struct xo_map_answer answer;

	memset(&answer, 0xee, sizeof(answer));
	xo_map_answer(&policy, &listener, xo_span_from_cstr(request), &reply,
	    &answer);
	(void)snprintf(out, sizeof(out), "%.*s", (int)reply.len,
	    (const char *)reply.p);
	xo_buf_fini(&reply);
	return out;
}

static void
test_maps(void **state)
{
	static const struct {
		const char *request, *want;
	} rows[] = {
		{"", "PERM no such table"},
		{" ", "PERM no such table"},
		{" org contoso.com", "PERM no such table"},
		{"ORG contoso.com", "PERM no such table"},
		{"other contoso.com", "PERM no such table"},
		{"org", "PERM no key"},
		{"org_access", "PERM no key"},
		{"org ", "NOTFOUND "},
		{"org nobody.example", "NOTFOUND "},
		{"org *.contoso.com", "NOTFOUND "},
		{"org .contoso.com", "NOTFOUND "},
		{"org contoso.com ", "NOTFOUND "},
		{"org contoso.com\n", "NOTFOUND "},
		{"org a@contoso.com", "NOTFOUND "},
		{"org Contoso.com", "OK contoso"},
		{"org x.contoso.com", "OK contoso"},
		{"org_access nobody.example", "OK " UNKNOWN},
		{"org_access ", "OK " UNKNOWN},
		{"org_access *", "OK " UNKNOWN},
		{"org_access contoso.com", "OK DUNNO"},
		/* its tenant may relay, but a key proves nothing */
		{"org_access fabrikam.com", "OK DUNNO"},
		{"sender <>", "NOTFOUND "},
		{"sender a@fabrikam.example", "NOTFOUND "},
		{"sender a%b@sales.example", "NOTFOUND "},
		{"sender @b@c.example", "NOTFOUND "},
		{"sender a@sales.example", "OK fabrikam"},
		{"sender @sales.example", "OK fabrikam"},
		{"sender sales.example", "OK fabrikam"},
		{"sender fabrikam.com", "OK fabrikam"},
		{"sender_xoorg a@nobody.example", "NOTFOUND "},
		{"sender_xoorg a@sales.example", "OK fabrikam.com"},
		{"sender_xoorg a@x.contoso.com", "OK contoso.com"},
		{"recipient sales.example", "NOTFOUND "},
		{"recipient com", "NOTFOUND "},
		{"recipient fabrikam.com", "OK fabrikam"},
		{"recipient r@fabrikam.com", "OK fabrikam"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *got = look_up(rows[i].request);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s instead of %s", rows[i].request, got,
			    rows[i].want);
	}
}

/* By the settings of the listener; what is a tenant's is always let pass. */
static void
test_org_access(void **state)
{
	static const char *const want[] = {
		[XO_DECISION_ACCEPT] = "OK DUNNO",
		[XO_DECISION_DEMOTE] = "OK DUNNO",
		[XO_DECISION_REJECT] = "OK " UNKNOWN,
		[XO_DECISION_TEMPFAIL] = "OK 451 4.7.1 Not accepted at the "
		    "moment, try again later",
	};

	(void)state;
	for (int d = 0; d < XO_DECISION_COUNT; d++) {
		listener.on[XO_VERDICT_UNKNOWN_ORG] = (enum xo_decision)d;
		listener.mode = XO_MODE_ENFORCE;
		assert_string_equal(look_up("org_access nobody.example"),
		    want[d]);
		assert_string_equal(look_up("org_access contoso.com"),
		    "OK DUNNO");
		listener.mode = XO_MODE_OBSERVE;
		assert_string_equal(look_up("org_access nobody.example"),
		    "OK DUNNO");
	}
}

/* Tenants that are in a table which must be asked: "not found" and "refuse it" are
 * answers, and there is none yet. */
static void
test_maps_lack(void **state)
{
	static const char temp[] = "TEMP Organisations cannot be looked up at "
	    "the moment, try again later";
	static const struct {
		const char *request, *want, *nobody;
	} rows[] = {
		{"org nobody.example", temp, "NOTFOUND "},
		{"org_access nobody.example", temp, "OK " UNKNOWN},
		{"sender nobody.example", temp, "NOTFOUND "},
		{"sender a@nobody.example", temp, "NOTFOUND "},
		{"sender_xoorg @nobody.example", temp, "NOTFOUND "},
		/* what no source can have, what it is not asked for, what stands
		 * in the configuration */
		{"org .contoso.com", "NOTFOUND ", NULL},
		{"org_access *", "OK " UNKNOWN, NULL},
		{"sender <>", "NOTFOUND ", NULL},
		{"recipient nobody.example", "NOTFOUND ", NULL},
		{"org_access contoso.com", "OK DUNNO", NULL},
		{"sender sales.example", "OK fabrikam", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_key keys[] = {
			{XO_KEY_ORG, XO_LIT("nobody.example")},
			{XO_KEY_SENDER, XO_LIT("nobody.example")},
		};
		const char *want = rows[i].nobody != NULL ? rows[i].nobody :
		    rows[i].want;

		policy.guests = xo_guests_new(8);
		assert_string_equal(look_up(rows[i].request), rows[i].want);
		for (size_t k = 0; k < N(keys); k++)
			assert_int_equal(xo_guests_put(policy.guests, &keys[k],
			    XO_KNOWN_NOBODY, NULL, 1, 0), XO_KNOWN_NOBODY);
		assert_string_equal(look_up(rows[i].request), want);
		xo_guests_free(&policy.guests);
	}
}

/* The same of a client of the MTA. */
static void
test_answers_lack(void **state)
{
	(void)state;
	policy.guests = xo_guests_new(8);
	assert_string_equal(ask(changed("xoorg=nobody.example")),
	    "451 4.3.0 Organisations cannot be looked up at the moment, try "
	    "again later");
	xo_guests_free(&policy.guests);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_bad_questions),
		TEST(test_split),
		TEST(test_bounds),
		TEST(test_answers),
		TEST(test_answers_lack),
		TEST(test_maps_lack),
		TEST(test_observed),
		TEST(test_no_address),
		TEST(test_refused_certificate),
		TEST(test_maps),
		TEST(test_org_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
