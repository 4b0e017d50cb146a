/* SPDX-License-Identifier: ISC */
/* Certificate names (vectors.md b.4) and rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/rights.h>
#include <xoorg/tenants.h>

#define EXO "mail.protection.outlook.com"
#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

struct name_row {
	const char *id;
	struct xo_span configured;
	struct xo_span dns_names[3];
	size_t n_dns_names;
	struct xo_span common_name;
	bool has_wildcards;
	bool want;
};

static const struct name_row name_rows[] = {
	{"N1 C19", S(EXO), {{0}}, 0, S(EXO), false, true},
	{"N2 C30", S(EXO), {S("MAIL.Protection.Outlook.com")}, 1, {0}, false,
	    true},
	{"N3 on", S(EXO), {S("*.protection.outlook.com")}, 1, {0}, true, true},
	{"N3 C22", S(EXO), {S("*.protection.outlook.com")}, 1, {0}, false,
	    false},
	{"N3 CN on", S(EXO), {{0}}, 0, S("*.protection.outlook.com"), true,
	    false},
	{"C50", S(EXO), {{0}}, 0, S(EXO "."), true, false},
	{"C51", S(EXO), {{0}}, 0, S(" " EXO), true, false},
	{"C51 behind", S(EXO), {{0}}, 0, S(EXO " "), true, false},
	{"C52", S(EXO), {{0}}, 0, S("MAIL.Protection.Outlook.com"), false,
	    true},
	{"underscore", S(EXO), {{0}}, 0, S("_" EXO), true, false},
	{"C54", S(EXO), {{0}}, 0, S("m\xd0\xb0il.protection.outlook.com"),
	    true, false},
	{"N3 CN", S(EXO), {{0}}, 0, S("*.protection.outlook.com"), false,
	    false},
	{"N4 C28", S(EXO), {S("*." EXO)}, 1, {0}, false, false},
	{"N4 C28 on", S(EXO), {S("*." EXO)}, 1, {0}, true, false},
	{"N5 C23", S(EXO), {S("*.outlook.com")}, 1, {0}, true, false},
	{"N6 behind", S(EXO), {S(EXO ".evil.example")}, 1, {0}, true, false},
	{"N6 before", S(EXO), {S("evil" EXO)}, 1, {0}, true, false},
	{"N7 C20", S(EXO), {{0}}, 0, S(EXO "\0.evil.example"), true, false},
	{"C20 end", S(EXO), {{0}}, 0, S(EXO "\0"), true, false},
	{"C21", S(EXO), {S(EXO "\0.evil.example")}, 1, {0}, true, false},
	{"C21 wildcard", S(EXO), {S("*.protection.outlook.com\0.x.example")},
	    1, {0}, true, false},
	{"N8", S("*.mail.protection.partner.outlook.cn"),
	    {S("*.mail.protection.partner.outlook.cn")}, 1, {0}, false, true},
	{"N8 CN", S("*.mail.protection.partner.outlook.cn"), {{0}}, 0,
	    S("*.mail.protection.partner.outlook.cn"), false, true},
	{"N8 host", S("*.mail.protection.partner.outlook.cn"),
	    {S("a.mail.protection.partner.outlook.cn")}, 1, {0}, false, false},
	{"N8 host on", S("*.mail.protection.partner.outlook.cn"),
	    {S("a.mail.protection.partner.outlook.cn")}, 1, {0}, true, false},
	{"N8 parent", S("*.mail.protection.partner.outlook.cn"),
	    {S("mail.protection.partner.outlook.cn")}, 1, {0}, true, false},
	{"N8 deeper", S("*.mail.protection.partner.outlook.cn"),
	    {S("*.a.mail.protection.partner.outlook.cn")}, 1, {0}, true, false},
	{"N8 higher", S("*.mail.protection.partner.outlook.cn"),
	    {S("*.protection.partner.outlook.cn")}, 1, {0}, true, false},
	{"C17", S(EXO), {S("other.example")}, 1, S(EXO), true, false},
	{"C18", S(EXO), {S("a.example"), S("b.example"), S(EXO)}, 3,
	    S("other.example"), false, true},
	{"C24", S(EXO), {S("*.com")}, 1, {0}, true, false},
	{"C25", S(EXO), {S("*")}, 1, {0}, true, false},
	{"C26", S(EXO), {S("m*.protection.outlook.com")}, 1, {0}, true, false},
	{"C26 b", S(EXO), {S("*l.protection.outlook.com")}, 1, {0}, true,
	    false},
	{"C27", S(EXO), {S("mail.*.outlook.com")}, 1, {0}, true, false},
	{"C27 b", S(EXO), {S("*.*.outlook.com")}, 1, {0}, true, false},
	{"C29", S(EXO), {S(EXO ".")}, 1, {0}, true, false},
	{"C29 b", S(EXO), {S("*.protection.outlook.com.")}, 1, {0}, true,
	    false},
	{"top level", S("outlook.com"), {S("*.com")}, 1, {0}, true, false},
	{"C31", S(EXO), {{0}}, 0, S("client.example"), true, false},
	{"C32 C33", S(EXO), {{0}}, 0, {0}, true, false},
	{"C34", S(EXO), {S("client.example")}, 1, S("client.example"), true,
	    false},
	{"C35 digit", S(EXO), {S("mail.protecti0n.outlook.com")}, 1, {0}, true,
	    false},
	{"C35 A-label", S(EXO), {S("mail.xn--prtection-vsi.outlook.com")}, 1,
	    {0}, true, false},
	{"C35 8-bit", S(EXO), {S("mail.protecti\xd0\xbe" "n.outlook.com")}, 1,
	    {0}, true, false},
	{"blank", S(EXO), {S(" " EXO)}, 1, {0}, true, false},
	{"empty SAN", S(EXO), {S("")}, 1, S(EXO), true, false},
	{"empty both", S(""), {S("")}, 1, S(""), true, false},
	{"dotted", S(".protection.outlook.com"),
	    {S("*.protection.outlook.com")}, 1, {0}, true, false},
};

static const uint32_t all_rights = XO_RIGHT_XOORG | XO_RIGHT_RELAY |
    XO_RIGHT_XCLIENT | XO_RIGHT_PROXY;

/* Decides for one listener with the first `n` of `peers`. */
static struct xo_rights
decide(const struct xo_peer *peers, size_t n,
    const struct xo_certificate *certificate, const struct xo_address *address)
{
	static const int indexes[] = {0, 1, 2, 3};
	struct xo_policy policy = {
		.peers = peers, .n_peers = n, .n_tenants = 2
	};
	struct xo_listener listener = {.peers = indexes, .n_peers = n};
	struct xo_rights rights;

	xo_rights_decide(&policy, &listener, certificate, address, &rights);
	return rights;
}

static void
test_names(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(name_rows) / sizeof(name_rows[0]); i++) {
		const struct name_row *row = &name_rows[i];
		struct xo_peer peer = {
			.names = &row->configured, .n_names = 1,
			.rights = XO_RIGHT_XOORG,
			.has_wildcards = row->has_wildcards,
		};
		struct xo_certificate certificate = {
			.is_present = true, .is_chain_valid = true,
			.dns_names = row->dns_names,
			.n_dns_names = row->n_dns_names,
			.common_name = row->common_name,
			.has_alt_names = row->n_dns_names > 0,
		};
		struct xo_rights rights = decide(&peer, 1, &certificate, NULL);
		bool got = rights.rights == XO_RIGHT_XOORG;

		if (got != row->want)
			fail_msg("%s: got %d, want %d", row->id, got,
			    row->want);
		assert_int_equal(rights.peer, row->want ? 0 : XO_NOBODY);
		assert_false(rights.is_refused);
		/* A name that does not match never has its chain looked at. */
		certificate.is_chain_valid = false;
		rights = decide(&peer, 1, &certificate, NULL);
		assert_int_equal(rights.rights, 0);
		assert_int_equal(rights.is_refused, row->want);
	}
}

/* C39: 300 names, the right one last. */
static void
test_many_names(void **state)
{
	static struct xo_span names[300];
	struct xo_span configured = XO_LIT(EXO);
	struct xo_peer peer = {
		.names = &configured, .n_names = 1, .rights = XO_RIGHT_XOORG,
	};
	struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = true,
		.dns_names = names, .n_dns_names = 300,
	};
	size_t i;

	(void)state;
	for (i = 0; i < 300; i++)
		names[i] = XO_LIT("other.example");
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights, 0);
	names[299] = configured;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights,
	    XO_RIGHT_XOORG);
}

enum shown { CLEAR, NOTHING, OTHER, GOOD, BAD, BOTH };

static const struct {
	const char *id;
	enum shown shown;
	bool is_near;			/* the address is in the networks */
	enum xo_bad_certificate bad;
	uint32_t want;
	int want_peer;
	bool want_refused;
	const char *want_reason;
} decide_rows[] = {
	/* local-mta has xoorg, too: its address gives no relay. */
	{"clear", CLEAR, false, XO_BAD_CERTIFICATE_REFUSE, 0, XO_NOBODY, false,
	    "the session is not encrypted"},
	{"clear, near", CLEAR, true, XO_BAD_CERTIFICATE_REFUSE,
	    XO_RIGHT_PROXY, 1, false,
	    "the address belongs to the peer local-mta"},
	{"no certificate", NOTHING, false, XO_BAD_CERTIFICATE_REFUSE, 0,
	    XO_NOBODY, false, "no client certificate was presented"},
	{"no certificate, near", NOTHING, true, XO_BAD_CERTIFICATE_REFUSE,
	    XO_RIGHT_PROXY, 1, false,
	    "the address belongs to the peer local-mta"},
	{"other", OTHER, false, XO_BAD_CERTIFICATE_REFUSE, 0, XO_NOBODY, false,
	    "the certificate names none of the configured peers"},
	{"other, near", OTHER, true, XO_BAD_CERTIFICATE_REFUSE,
	    XO_RIGHT_PROXY, 1, false,
	    "the address belongs to the peer local-mta"},
	{"bad, refuse", BAD, false, XO_BAD_CERTIFICATE_REFUSE, 0, 0, true,
	    "the certificate names " EXO " but its chain is not valid: "
	    "certificate has expired"},
	{"bad, refuse, near", BAD, true, XO_BAD_CERTIFICATE_REFUSE, 0, 0, true,
	    "the certificate names " EXO " but its chain is not valid: "
	    "certificate has expired"},
	{"bad, untrusted", BAD, false, XO_BAD_CERTIFICATE_UNTRUSTED, 0,
	    XO_NOBODY, false, "the certificate names " EXO
	    " but its chain is not valid: certificate has expired"},
	{"bad, untrusted, near", BAD, true, XO_BAD_CERTIFICATE_UNTRUSTED,
	    XO_RIGHT_PROXY, 1, false,
	    "the certificate names " EXO " but its chain is not valid: "
	    "certificate has expired"},
	{"good", GOOD, false, XO_BAD_CERTIFICATE_REFUSE,
	    XO_RIGHT_XOORG | XO_RIGHT_XCLIENT, 0, false,
	    "the certificate names " EXO " and is valid"},
	{"good, near", GOOD, true, XO_BAD_CERTIFICATE_REFUSE, XO_RIGHT_XOORG |
	    XO_RIGHT_XCLIENT | XO_RIGHT_PROXY, 0, false,
	    "the certificate names " EXO " and is valid"},
	{"names of two peers", BOTH, false, XO_BAD_CERTIFICATE_REFUSE, 15, 0,
	    false, "the certificate names " EXO " and is valid"},
};

static void
test_decide(void **state)
{
	static const struct xo_span exo[] = {S("b.example"), S(EXO)};
	static const struct xo_span mta[] = {S("mta.contoso.com")};
	static const struct xo_span shown[] = {
		S("mta.contoso.com"), S(EXO), S("client.example")
	};
	const struct xo_network networks[] = {
		{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}}, 104},
	};
	const struct xo_address near = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}
	};
	const struct xo_address far = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(decide_rows) / sizeof(decide_rows[0]); i++) {
		enum shown s = decide_rows[i].shown;
		const struct xo_peer peers[] = {
			{.name = XO_LIT("exchange-online"), .names = exo,
			    .n_names = 2,
			    .rights = XO_RIGHT_XOORG | XO_RIGHT_XCLIENT,
			    .bad_certificate = decide_rows[i].bad},
			{.name = XO_LIT("local-mta"), .names = mta,
			    .n_names = 1, .networks = networks,
			    .n_networks = 1, .rights = XO_RIGHT_XOORG |
			    XO_RIGHT_RELAY | XO_RIGHT_PROXY},
		};
		const struct xo_certificate certificate = {
			.is_present = s != NOTHING,
			.dns_names = s == BOTH ? shown :
			    s == OTHER ? &shown[2] : &shown[1],
			.n_dns_names = s == BOTH ? 3 : 1,
			.is_chain_valid = s == GOOD || s == BOTH || s == OTHER,
			.flaw = "certificate has expired",
		};
		struct xo_rights got = decide(peers, 2,
		    s == CLEAR ? NULL : &certificate,
		    decide_rows[i].is_near ? &near : &far);

		if (got.rights != decide_rows[i].want ||
		    got.peer != decide_rows[i].want_peer ||
		    got.is_refused != decide_rows[i].want_refused)
			fail_msg("%s: got %u %d %d, want %u %d %d",
			    decide_rows[i].id, got.rights, got.peer,
			    got.is_refused, decide_rows[i].want,
			    decide_rows[i].want_peer,
			    decide_rows[i].want_refused);
		if (strcmp(got.reason, decide_rows[i].want_reason) != 0)
			fail_msg("%s: got %s, want %s", decide_rows[i].id,
			    got.reason, decide_rows[i].want_reason);
	}
}

/* N9, N10, and what a broken chain does to several peers of one name. */
static void
test_several_peers(void **state)
{
	static const struct xo_span a[] = {S("*.x.test")};
	static const struct xo_span b[] = {S("a.x.test"), S("b.x.test")};
	static const struct xo_span shown[] = {S("b.x.test"), S("a.x.test")};
	struct xo_peer peers[] = {
		{.names = a, .n_names = 1, .rights = XO_RIGHT_RELAY,
		    .has_wildcards = true},
		{.names = b, .n_names = 2, .rights = XO_RIGHT_XOORG,
		    .bad_certificate = XO_BAD_CERTIFICATE_UNTRUSTED},
		{.names = b, .n_names = 1, .rights = XO_RIGHT_XCLIENT},
	};
	struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = true,
		.dns_names = &shown[1], .n_dns_names = 1,
	};
	struct xo_rights got = decide(peers, 2, &certificate, NULL);

	(void)state;
	assert_int_equal(got.rights, XO_RIGHT_XOORG);	/* N9 */
	certificate.dns_names = shown;
	certificate.n_dns_names = 2;
	got = decide(peers, 2, &certificate, NULL);	/* N10 */
	assert_int_equal(got.rights, XO_RIGHT_XOORG);
	assert_string_equal(got.reason,
	    "the certificate names a.x.test and is valid");
	certificate.is_chain_valid = false;
	got = decide(peers, 2, &certificate, NULL);
	assert_false(got.is_refused);
	assert_int_equal(got.rights, 0);
	assert_int_equal(got.peer, XO_NOBODY);
	got = decide(peers, 3, &certificate, NULL);
	assert_true(got.is_refused);
	assert_int_equal(got.rights, 0);
	assert_int_equal(got.peer, 2);
	peers[0] = peers[2];		/* the strict one first */
	got = decide(peers, 2, &certificate, NULL);
	assert_true(got.is_refused);
	assert_int_equal(got.peer, 0);
	assert_string_equal(got.reason, "the certificate names a.x.test but "
	    "its chain is not valid: not verified");
}

/* What each peer makes of usage and revocation, and what it inherits. */
static const struct {
	const char *id;
	enum xo_eku eku;
	enum xo_crl_mode crl, listener_crl;
	bool is_for_servers, is_for_clients;
	enum xo_crl_finding finding;
	const char *flaw;		/* NULL: good */
	bool is_tolerated;
} peer_rows[] = {
	{"either, server", XO_EKU_EITHER, XO_CRL_OFF, XO_CRL_OFF, true, false,
	    XO_CRL_NOT_ASKED, NULL, false},
	{"server, both", XO_EKU_SERVER, XO_CRL_OFF, XO_CRL_OFF, true, true,
	    XO_CRL_NOT_ASKED, NULL, false},
	{"server, client", XO_EKU_SERVER, XO_CRL_OFF, XO_CRL_OFF, false, true,
	    XO_CRL_NOT_ASKED, "wrong usage", false},
	{"client, server", XO_EKU_CLIENT, XO_CRL_OFF, XO_CRL_OFF, true, false,
	    XO_CRL_NOT_ASKED, "wrong usage", false},
	{"client, client", XO_EKU_CLIENT, XO_CRL_OFF, XO_CRL_OFF, false, true,
	    XO_CRL_NOT_ASKED, NULL, false},
	{"off, revoked", XO_EKU_EITHER, XO_CRL_OFF, XO_CRL_HARD, true, true,
	    XO_CRL_REVOKED, NULL, false},
	{"soft, good", XO_EKU_EITHER, XO_CRL_SOFT, XO_CRL_OFF, true, true,
	    XO_CRL_GOOD, NULL, false},
	{"soft, unusable", XO_EKU_EITHER, XO_CRL_SOFT, XO_CRL_HARD, true, true,
	    XO_CRL_UNUSABLE, NULL, true},
	{"soft, revoked", XO_EKU_EITHER, XO_CRL_SOFT, XO_CRL_OFF, true, true,
	    XO_CRL_REVOKED, "revoked", false},
	{"hard, good", XO_EKU_EITHER, XO_CRL_HARD, XO_CRL_OFF, true, true,
	    XO_CRL_GOOD, NULL, false},
	{"hard, unusable", XO_EKU_EITHER, XO_CRL_HARD, XO_CRL_OFF, true, true,
	    XO_CRL_UNUSABLE, "CRL unusable", false},
	{"hard, never asked", XO_EKU_EITHER, XO_CRL_HARD, XO_CRL_OFF, true,
	    true, XO_CRL_NOT_ASKED, "CRL unusable", false},
	{"hard, revoked", XO_EKU_EITHER, XO_CRL_HARD, XO_CRL_OFF, true, true,
	    XO_CRL_REVOKED, "revoked", false},
	{"inherits off", XO_EKU_EITHER, XO_CRL_INHERIT, XO_CRL_OFF, true, true,
	    XO_CRL_REVOKED, NULL, false},
	{"inherits soft", XO_EKU_EITHER, XO_CRL_INHERIT, XO_CRL_SOFT, true,
	    true, XO_CRL_UNUSABLE, NULL, true},
	{"inherits hard", XO_EKU_EITHER, XO_CRL_INHERIT, XO_CRL_HARD, true,
	    true, XO_CRL_UNUSABLE, "CRL unusable", false},
};

static void
test_usage_and_revocation(void **state)
{
	static const struct xo_span name[] = {S("a.x.test")};
	static const int first[] = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(peer_rows) / sizeof(peer_rows[0]); i++) {
		struct xo_peer peer = {
			.names = name, .n_names = 1, .rights = XO_RIGHT_XOORG,
			.eku = peer_rows[i].eku, .crl = peer_rows[i].crl,
		};
		struct xo_listener listener = {
			.peers = first, .n_peers = 1,
			.crl = peer_rows[i].listener_crl,
		};
		struct xo_policy policy = {.peers = &peer, .n_peers = 1};
		struct xo_certificate certificate = {
			.is_present = true, .is_chain_valid = true,
			.dns_names = name, .n_dns_names = 1,
			.is_for_servers = peer_rows[i].is_for_servers,
			.is_for_clients = peer_rows[i].is_for_clients,
			.crl = peer_rows[i].finding,
		};
		bool is_good = peer_rows[i].flaw == NULL;
		struct xo_rights got;

		xo_rights_decide(&policy, &listener, &certificate, NULL, &got);
		if (got.is_refused != !is_good || got.is_verified != is_good ||
		    got.rights != (is_good ? XO_RIGHT_XOORG : 0))
			fail_msg("%s: got %d %u", peer_rows[i].id,
			    got.is_refused, got.rights);
		if (!is_good && strstr(got.reason, peer_rows[i].flaw) == NULL)
			fail_msg("%s: %s", peer_rows[i].id, got.reason);
		if ((strstr(got.reason, "tolerated") != NULL) !=
		    peer_rows[i].is_tolerated)
			fail_msg("%s: %s", peer_rows[i].id, got.reason);
		/* No list and no usage makes a bad chain good. */
		certificate.is_chain_valid = false;
		xo_rights_decide(&policy, &listener, &certificate, NULL, &got);
		assert_int_equal(got.rights, 0);
		assert_false(got.is_verified);
	}
}

/* Two peers of one name: who is lenient believes, who is strict refuses. */
static void
test_each_peer_decides(void **state)
{
	static const struct xo_span name[] = {S("a.x.test")};
	struct xo_peer peers[] = {
		{.names = name, .n_names = 1, .rights = XO_RIGHT_RELAY,
		    .crl = XO_CRL_HARD,
		    .bad_certificate = XO_BAD_CERTIFICATE_UNTRUSTED},
		{.names = name, .n_names = 1, .rights = XO_RIGHT_XOORG,
		    .crl = XO_CRL_SOFT},
	};
	const struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = true,
		.dns_names = name, .n_dns_names = 1, .crl = XO_CRL_UNUSABLE,
	};
	struct xo_rights got = decide(peers, 2, &certificate, NULL);

	(void)state;
	assert_int_equal(got.rights, XO_RIGHT_XOORG);
	assert_int_equal(got.peer, 1);
	assert_true(got.is_verified);
	peers[0].bad_certificate = XO_BAD_CERTIFICATE_REFUSE;
	got = decide(peers, 2, &certificate, NULL);
	assert_int_equal(got.rights, 0);
	assert_true(got.is_refused);
	assert_int_equal(got.peer, 0);
}

/* One letter a constraint: whose it is, and p permits, x excludes. */
static const struct {
	const char *id;
	struct xo_span name;
	const char *issuers, *kinds;
	struct xo_span bases[3];
	bool want;
} constraint_rows[] = {
	{"none", S("a.b.test"), "", "", {{0}}, true},
	{"other", S("a.b.test"), "1", "p", {S("c.test")}, false},
	{"ends like it", S("a.xb.test"), "1", "p", {S("b.test")}, false},
	{"above", S("test"), "1", "p", {S("b.test")}, false},
	{"itself", S("b.test"), "1", "p", {S("B.Test")}, true},
	{"below", S("a.b.test"), "1", "p", {S("b.test")}, true},
	{"dotted", S("b.test"), "1", "p", {S(".b.test")}, false},
	{"dotted, below", S("a.b.test"), "1", "p", {S(".b.test")}, true},
	{"all", S("a.b.test"), "1", "p", {S("")}, true},
	{"one of two", S("a.b.test"), "11", "pp", {S("c.test"), S("b.test")},
	    true},
	{"first of two", S("a.b.test"), "11", "pp", {S("b.test"), S("c.test")},
	    true},
	{"each issuer, 1st", S("a.b.test"), "12", "pp",
	    {S("c.test"), S("b.test")}, false},
	{"each issuer, 2nd", S("a.b.test"), "12", "pp",
	    {S("b.test"), S("c.test")}, false},
	{"each issuer, both", S("a.b.test"), "12", "pp",
	    {S("b.test"), S("a.b.test")}, true},
	{"excluded", S("a.b.test"), "1", "x", {S("b.test")}, false},
	{"excluded, all", S("a.b.test"), "1", "x", {S("")}, false},
	{"excluded, other", S("a.b.test"), "1", "x", {S("c.test")}, true},
	{"excluded, below", S("b.test"), "1", "x", {S("a.b.test")}, true},
	{"excluded first", S("a.b.test"), "11", "xp",
	    {S("c.test"), S("d.test")}, false},
	{"permitted and excluded", S("a.b.test"), "11", "px",
	    {S("b.test"), S("a.b.test")}, false},
	{"excluded above", S("a.b.test"), "12", "px",
	    {S("b.test"), S("a.b.test")}, false},
	{"wildcard", S("*.b.test"), "1", "p", {S("b.test")}, true},
	{"wildcard, other", S("*.b.test"), "1", "p", {S("c.test")}, false},
	{"wildcard, excluded", S("*.b.test"), "1", "x", {S("a.b.test")},
	    false},
	{"wildcard, excluded parent", S("*.b.test"), "1", "x", {S("b.test")},
	    false},
	{"wildcard, excluded other", S("*.b.test"), "1", "x", {S("a.c.test")},
	    true},
};

static void
test_constraints(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(constraint_rows) /
	    sizeof(constraint_rows[0]); i++) {
		const char *issuers = constraint_rows[i].issuers;
		struct xo_name_constraint list[3];
		struct xo_certificate certificate = {
			.constraints = list, .n_constraints = strlen(issuers),
		};
		bool got;

		for (size_t k = 0; k < strlen(issuers); k++)
			list[k] = (struct xo_name_constraint){
				.issuer = (size_t)(issuers[k] - '0'),
				.is_excluded =
				    constraint_rows[i].kinds[k] == 'x',
				.base = constraint_rows[i].bases[k],
			};
		got = xo_certificate_permits(&certificate,
		    constraint_rows[i].name);
		if (got != constraint_rows[i].want)
			fail_msg("%s: got %d, want %d", constraint_rows[i].id,
			    got, constraint_rows[i].want);
	}
}

/* A name that matched, wherever it stood, has to be permitted: as the peer has
 * it, whatever the certificate has. */
static void
test_constraints_of_what_is_used(void **state)
{
	static const struct xo_span names[] = {S("a.x.test"), S("b.x.test")};
	static const struct xo_span wild[] = {S("*.x.test")};
	const struct xo_name_constraint fence = {
		.is_excluded = true, .base = S("a.x.test")
	};
	struct xo_peer peer = {
		.names = names, .n_names = 1, .rights = XO_RIGHT_XOORG,
		.has_wildcards = true,
	};
	struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = true,
		.has_alt_names = true, .dns_names = wild, .n_dns_names = 1,
		.constraints = &fence, .n_constraints = 1,
	};
	struct xo_rights got = decide(&peer, 1, &certificate, NULL);

	(void)state;
	assert_int_equal(got.rights, 0);
	assert_true(got.is_refused);
	assert_string_equal(got.reason, "the certificate names a.x.test but "
	    "its chain is not valid: outside name constraints");
	/* Another of its names may be had. */
	peer.n_names = 2;
	got = decide(&peer, 1, &certificate, NULL);
	assert_int_equal(got.rights, XO_RIGHT_XOORG);
	assert_string_equal(got.reason,
	    "the certificate names b.x.test and is valid");
	peer.n_names = 1;
	peer.match = XO_MATCH_CN_TOO;
	certificate.dns_names = &names[1];
	certificate.common_name = names[0];
	got = decide(&peer, 1, &certificate, NULL);
	assert_int_equal(got.rights, 0);
	assert_true(got.is_refused);
	peer.bad_certificate = XO_BAD_CERTIFICATE_UNTRUSTED;
	got = decide(&peer, 1, &certificate, NULL);
	assert_int_equal(got.rights, 0);
	assert_false(got.is_refused);
	assert_false(got.is_verified);
}

static const struct {
	struct xo_span host, domain, want;
} server_rows[] = {
	{S("mail.x.test"), {NULL, 0}, S("mail.x.test")},
	{S("mx.b.test"), S("b.test"), S("mx.b.test")},
	{S("MX.a.B.test"), S("b.test"), S("MX.a.B.test")},
	{S("b.test"), S("b.test"), S("b.test")},
	{S("mx.evil.test"), S("b.test"), S("b.test")},
	{S("xb.test"), S("b.test"), S("b.test")},
	{S("b.test.evil.test"), S("b.test"), S("b.test")},
	{S("test"), S("b.test"), S("b.test")},
	{S("mx.b.test."), S("b.test"), S("b.test")},
	{S("192.0.2.1"), S("b.test"), S("b.test")},
	{S(""), S("b.test"), S("b.test")},
};

/* What unsigned DNS says is no identity outside of what was configured. */
static void
test_server_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(server_rows) / sizeof(server_rows[0]);
	    i++) {
		struct xo_span got = xo_server_name(server_rows[i].host,
		    server_rows[i].domain);

		if (!xo_span_is_equal(got, server_rows[i].want))
			fail_msg("row %zu: got %.*s, want %.*s", i,
			    (int)got.len, got.p, (int)server_rows[i].want.len,
			    server_rows[i].want.p);
	}
}

/* C17: by option only, and never with two CNs (an empty one stands here). */
static void
test_cn_too(void **state)
{
	static const struct xo_span name[] = {S("a.x.test")};
	static const struct xo_span other[] = {S("other.example")};
	struct xo_peer peer = {
		.names = name, .n_names = 1, .rights = XO_RIGHT_XOORG,
	};
	struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = true,
		.dns_names = other, .n_dns_names = 1, .common_name = name[0],
	};

	(void)state;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights, 0);
	peer.match = XO_MATCH_CN_TOO;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights,
	    XO_RIGHT_XOORG);
	/* Beside one of another kind, too; but not as a wildcard. */
	certificate.n_dns_names = 0;
	certificate.has_alt_names = true;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights,
	    XO_RIGHT_XOORG);
	peer.match = XO_MATCH_SAN;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights, 0);
	peer.match = XO_MATCH_CN_TOO;
	certificate.common_name = XO_LIT("*.x.test");
	peer.has_wildcards = true;
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights, 0);
	certificate.common_name = (struct xo_span){NULL, 0};
	assert_int_equal(decide(&peer, 1, &certificate, NULL).rights, 0);
}

/* Peers of other listeners give nothing; the sentence has an end. */
static void
test_listener_and_length(void **state)
{
	static const struct xo_span name[] = {S("a.x.test")};
	static const int nobody[] = {7, XO_NOBODY};
	static char flaw[1000];
	const struct xo_peer peer = {
		.names = name, .n_names = 1, .rights = all_rights
	};
	const struct xo_certificate certificate = {
		.is_present = true, .is_chain_valid = false,
		.dns_names = name, .n_dns_names = 1, .flaw = flaw,
	};
	struct xo_policy policy = {.peers = &peer, .n_peers = 1};
	struct xo_listener listener = {.peers = nobody, .n_peers = 2};
	struct xo_rights got;

	(void)state;
	memset(flaw, 'x', sizeof(flaw) - 1);
	xo_rights_decide(&policy, &listener, &certificate, NULL, &got);
	assert_int_equal(got.rights, 0);
	assert_false(got.is_refused);
	got = decide(&peer, 1, &certificate, NULL);
	assert_true(got.is_refused);
	assert_int_equal(strlen(got.reason), XO_REASON_SIZE - 1);
}

/* protocol.md 9.9: whose the session is, by the tenants of the peers that match. */
static void
test_attribution(void **state)
{
	static const struct xo_span names[] = {
		S("a.example"), S("b.example"), S("c.example")
	};
	static const struct xo_network at = {
		{{[10] = 0xff, 0xff, 192, 0, 2, 1}}, 128
	};
	enum { NO = -1, A, B };
	static const struct {
		const char *id;
		int by_name[3], by_address[2];	/* tenants; -2: no such peer */
		bool is_bad;
		int want;			/* -2: without relay */
	} rows[] = {
		{"two by certificate", {A, B, -2}, {-2, -2}, false, -2},
		{"two by certificate, address", {A, B, -2}, {A, -2}, false,
		    -2},
		{"two by address", {-2, -2, -2}, {A, B}, false, -2},
		{"two by address, free certificate", {NO, -2, -2}, {A, B},
		    false, -2},
		{"no such tenant", {7, -2, -2}, {-2, -2}, false, -2},
		{"no such tenant, address", {-2, -2, -2}, {2, -2}, false, -2},
		{"bad certificate", {A, -2, -2}, {-2, -2}, true, -2},
		{"bad certificate, address", {A, -2, -2}, {B, -2}, true,
		    B},
		{"nobody's", {NO, -2, -2}, {NO, -2}, false, NO},
		{"certificate first", {A, -2, -2}, {B, -2}, false, A},
		{"certificate first, two addresses", {B, -2, -2}, {A, B},
		    false, B},
		{"certificate, one without", {NO, B, -2}, {-2, -2}, false,
		    B},
		{"twice the same", {A, A, -2}, {-2, -2}, false, A},
		{"address", {-2, -2, -2}, {B, NO}, false, B},
		{"address, free certificate", {NO, -2, -2}, {A, -2}, false,
		    A},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_peer peers[5];
		const struct xo_certificate certificate = {
			.is_present = true, .dns_names = names,
			.n_dns_names = 3, .is_chain_valid = !rows[i].is_bad,
			.is_for_servers = true, .is_for_clients = true,
		};
		struct xo_rights got;
		size_t n = 0;

		for (size_t k = 0; k < 5; k++) {
			int tenant = k < 3 ? rows[i].by_name[k] :
			    rows[i].by_address[k - 3];

			if (tenant == -2)
				continue;
			peers[n++] = (struct xo_peer){
				.names = k < 3 ? &names[k] : NULL,
				.n_names = k < 3, .networks = &at,
				.n_networks = k >= 3, .rights = XO_RIGHT_RELAY,
				.bad_certificate = XO_BAD_CERTIFICATE_UNTRUSTED,
				.has_tenant = tenant != NO, .tenant = tenant,
			};
		}
		got = decide(peers, n, &certificate, &at.address);
		if (got.is_attributed != (rows[i].want >= 0) ||
		    (got.is_attributed && got.tenant != rows[i].want) ||
		    ((got.rights & XO_RIGHT_RELAY) != 0) !=
		    (rows[i].want != -2))
			fail_msg("%s: got %d %d, rights %u", rows[i].id,
			    got.is_attributed, got.tenant, got.rights);
	}
}

/* protocol.md 9.13: whose the session is, by names of tenants. */

enum { NOBODY = -1, TENANT_A, TENANT_B };

static const struct xo_span a_names[] = {
	S("app.a.example"), S("erp.a.example")
};
static const struct xo_span b_names[] = {S("app.b.example")};
static const struct xo_tenant named_tenants[] = {
	{.certificate_names = a_names, .n_certificate_names = 2},
	{.certificate_names = b_names, .n_certificate_names = 1},
};

struct tenant_row {
	const char *id;
	const char *dns[3];		/* NULL: no more */
	const char *cn;
	bool is_absent, is_clear, is_bad, is_refusing, is_outside;
	bool is_not_named;		/* the listener names no such peer */
	enum xo_match match;
	enum xo_eku eku;
	enum xo_crl_mode crl;
	uint32_t rights;
	int want;			/* NOBODY: not attributed */
	bool is_refused;
};

static const struct tenant_row tenant_rows[] = {
	{"no certificate", {NULL}, NULL, .is_absent = true, .want = NOBODY},
	{"clear text", {"app.a.example"}, NULL, .is_clear = true,
	    .want = NOBODY},
	{"nobody's name", {"app.c.example"}, NULL, .want = NOBODY},
	{"below", {"x.app.a.example"}, NULL, .want = NOBODY},
	{"above", {"a.example"}, NULL, .want = NOBODY},
	{"a wildcard", {"*.a.example"}, NULL, .want = NOBODY},
	{"a final dot", {"app.a.example."}, NULL, .want = NOBODY},
	{"chain not valid", {"app.a.example"}, NULL, .is_bad = true,
	    .want = NOBODY},
	{"chain not valid, refused", {"app.a.example"}, NULL, .is_bad = true,
	    .is_refusing = true, .want = NOBODY, .is_refused = true},
	{"chain not valid, nobody's name", {"app.c.example"}, NULL,
	    .is_bad = true, .is_refusing = true, .want = NOBODY},
	{"outside of constraints", {"app.a.example"}, NULL, .is_outside = true,
	    .want = NOBODY},
	{"for clients only", {"app.a.example"}, NULL, .eku = XO_EKU_CLIENT,
	    .want = NOBODY},
	{"no list", {"app.a.example"}, NULL, .crl = XO_CRL_HARD,
	    .want = NOBODY},
	{"two tenants", {"app.a.example", "app.b.example"}, NULL,
	    .want = NOBODY},
	{"two tenants, another between", {"app.b.example", "x.example",
	    "erp.a.example"}, NULL, .want = NOBODY},
	{"the CN beside a SAN", {"app.c.example"}, "app.a.example",
	    .want = NOBODY},
	{"a tenant and another's CN, cn-too", {"app.a.example"},
	    "app.b.example", .match = XO_MATCH_CN_TOO, .want = NOBODY},
	{"another listener", {"app.a.example"}, NULL, .is_not_named = true,
	    .want = NOBODY},
	{"the CN alone", {NULL}, "app.a.example", .rights = XO_RIGHT_RELAY,
	    .want = TENANT_A},
	{"the CN, cn-too", {"app.c.example"}, "app.a.example",
	    .match = XO_MATCH_CN_TOO, .rights = XO_RIGHT_RELAY,
	    .want = TENANT_A},
	{"a tenant and another's CN", {"app.a.example"}, "app.b.example",
	    .rights = XO_RIGHT_RELAY, .want = TENANT_A},
	{"two names of one", {"app.a.example", "erp.a.example"}, NULL,
	    .rights = XO_RIGHT_RELAY, .want = TENANT_A},
	{"a name", {"x.example", "app.b.example"}, NULL,
	    .rights = XO_RIGHT_RELAY, .want = TENANT_B},
	{"capitals", {"APP.B.example"}, NULL, .rights = XO_RIGHT_RELAY,
	    .want = TENANT_B},
};

static struct xo_rights
decide_for_tenants(const struct tenant_row *row, const struct xo_peer *peers,
    size_t n, const struct xo_address *address)
{
	static const int listed[] = {0, 1, 2};
	static const struct xo_name_constraint fence = {
		.base = S("fence.example"), .issuer = 1
	};
	struct xo_span dns[3];
	struct xo_certificate certificate = {
		.is_present = !row->is_absent, .dns_names = dns,
		.is_chain_valid = !row->is_bad, .is_for_servers = true,
		.common_name = xo_span_from_cstr(row->cn != NULL ? row->cn :
		    ""),
		.constraints = &fence, .n_constraints = row->is_outside,
	};
	struct xo_policy policy = {.peers = peers, .n_peers = n,
		.tenants = named_tenants, .n_tenants = 2};
	const struct xo_listener listener = {.peers = listed,
		.n_peers = row->is_not_named ? 0 : n};
	struct xo_rights got;
	int first, second;

	while (certificate.n_dns_names < 3 &&
	    row->dns[certificate.n_dns_names] != NULL) {
		dns[certificate.n_dns_names] = xo_span_from_cstr(
		    row->dns[certificate.n_dns_names]);
		certificate.n_dns_names++;
	}
	certificate.has_alt_names = certificate.n_dns_names > 0;
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	xo_rights_decide(&policy, &listener, row->is_clear ? NULL :
	    &certificate, address, &got);
	xo_tenants_index_free(&policy.tenant_index);
	return got;
}

static void
test_tenant_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tenant_rows) / sizeof(tenant_rows[0]);
	    i++) {
		const struct tenant_row *row = &tenant_rows[i];
		const struct xo_peer peer = {
			.has_tenant_names = true, .has_wildcards = true,
			.rights = XO_RIGHT_RELAY, .match = row->match,
			.eku = row->eku,
			.crl = row->crl,
			.bad_certificate = row->is_refusing ?
			    XO_BAD_CERTIFICATE_REFUSE :
			    XO_BAD_CERTIFICATE_UNTRUSTED,
		};
		struct xo_rights got = decide_for_tenants(row, &peer, 1,
		    NULL);

		if (got.rights != row->rights ||
		    got.is_refused != row->is_refused ||
		    got.is_attributed != (row->want != NOBODY) ||
		    (got.is_attributed && got.tenant != row->want))
			fail_msg("%s: rights %u, refused %d, attributed %d to "
			    "%d: %s", row->id, got.rights, got.is_refused,
			    got.is_attributed, got.tenant, got.reason);
	}
}

/* Beside other peers: an address never says otherwise, and one peer's tenant and
 * another's name tear the session. */
static void
test_tenant_names_beside(void **state)
{
	static const struct xo_network at = {
		{{[10] = 0xff, 0xff, 192, 0, 2, 1}}, 128
	};
	static const struct xo_span name[] = {S("app.a.example")};
	static const struct tenant_row row = {.id = "",
		.dns = {"app.a.example"}};
	static const struct tenant_row other = {.id = "",
		.dns = {"app.c.example"}};
	struct xo_peer peers[] = {
		{.has_tenant_names = true, .rights = XO_RIGHT_RELAY},
		{.networks = &at, .n_networks = 1, .rights = XO_RIGHT_RELAY,
		    .has_tenant = true, .tenant = TENANT_B},
	};
	struct xo_rights got;

	(void)state;
	got = decide_for_tenants(&other, peers, 2, &at.address);
	assert_true(got.is_attributed && got.tenant == TENANT_B);
	got = decide_for_tenants(&row, peers, 2, &at.address);
	assert_true(got.is_attributed && got.tenant == TENANT_A);
	/* A peer of that name that is B's. */
	peers[1] = (struct xo_peer){.names = name, .n_names = 1,
		.rights = XO_RIGHT_RELAY, .has_tenant = true,
		.tenant = TENANT_B};
	got = decide_for_tenants(&row, peers, 2, NULL);
	assert_false(got.is_attributed);
	assert_int_equal(got.rights, 0);
	assert_non_null(strstr(got.reason, "but two tenants claim it"));
	/* One without a tenant is no claim; and A's own agrees. */
	peers[1].has_tenant = false;
	got = decide_for_tenants(&row, peers, 2, NULL);
	assert_true(got.is_attributed && got.tenant == TENANT_A);
	peers[1].has_tenant = true;
	peers[1].tenant = TENANT_A;
	got = decide_for_tenants(&row, peers, 2, NULL);
	assert_true(got.is_attributed && got.tenant == TENANT_A);
	/* Without the setting they are nobody's names. */
	peers[0].has_tenant_names = false;
	got = decide_for_tenants(&row, peers, 1, NULL);
	assert_int_equal(got.rights, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_several_peers),
		cmocka_unit_test(test_usage_and_revocation),
		cmocka_unit_test(test_each_peer_decides),
		cmocka_unit_test(test_attribution),
		cmocka_unit_test(test_tenant_names),
		cmocka_unit_test(test_tenant_names_beside),
		cmocka_unit_test(test_cn_too),
		cmocka_unit_test(test_constraints),
		cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_constraints_of_what_is_used),
		cmocka_unit_test(test_listener_and_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
