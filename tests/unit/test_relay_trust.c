/* SPDX-License-Identifier: ISC */
/*
 * Whom a session trusts, seen from both its ends: for each kind of mail where it
 * goes, whose certificate and which XOORG go with it, which fields stay, which
 * are stamped, and to whom it may go. Tables of protocol.md 3.2, 5.4 and 5.5;
 * most rows say who may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay_world.h"

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define EHLO "EHLO c.example\r\n"
#define RIGHT(r) ((uint32_t)XO_RIGHT_ ## r)

/* The policy: two tenants, and what a test sets in `p`. */

enum { CONTOSO, FABRIKAM };
enum { TRUSTED, ORDINARY };

static const struct xo_span contoso[] = {
	S("contoso.com"), S("contoso.onmicrosoft.com")
};
static const struct xo_span fabrikam[] = {S("fabrikam.com")};
static const struct xo_span exchange_names[] = {
	S("mail.protection.outlook.com")
};
static const struct xo_network loopback[] = {
	{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}}, 104}
};

static struct {
	uint32_t exchange, local;	/* rights */
	enum xo_xoorg_source source;
	enum xo_cross_premises cross_premises;
	bool has_tenant_certificate;
	enum xo_verdict accepts;	/* this verdict too, but _VERIFIED */
	enum xo_mode mode;
	bool has_sender_rule;
	bool is_lenient;
	unsigned int holes;
} p;

static struct xo_peer peers[2];
static struct xo_tenant tenants[2];

static void
shape(struct world *w)
{
	peers[0] = (struct xo_peer){.name = XO_LIT("exchange"),
		.names = exchange_names, .n_names = 1, .rights = p.exchange};
	peers[1] = (struct xo_peer){.name = XO_LIT("local"),
		.networks = loopback, .n_networks = 1, .rights = p.local};
	tenants[CONTOSO] = (struct xo_tenant){.name = XO_LIT("contoso"),
		.originator_orgs = contoso, .n_originator_orgs = 2,
		.sender_domains = contoso,
		.n_sender_domains = p.has_sender_rule ? 1 : 0,
		.recipient_domains = contoso, .n_recipient_domains = 1};
	tenants[FABRIKAM] = (struct xo_tenant){.name = XO_LIT("fabrikam"),
		.originator_orgs = fabrikam, .n_originator_orgs = 1,
		.recipient_domains = fabrikam, .n_recipient_domains = 1};
	w->policy.peers = peers;
	w->policy.tenants = tenants;
	w->policy.n_tenants = 2;
	w->listener.mode = p.mode;
	w->listener.lenient_envelope = p.is_lenient;
	if (p.accepts != XO_VERDICT_VERIFIED)
		w->listener.on[p.accepts] = XO_DECISION_ACCEPT;
	for (size_t i = 0; i < 2; i++) {
		w->upstreams[i].xoorg_source = p.source;
		w->upstreams[i].xoorg = (struct xo_span)S("gate.example");
		w->upstreams[i].cross_premises = p.cross_premises;
		w->upstreams[i].has_tenant_certificate =
		    p.has_tenant_certificate;
	}
}

static void
usual_policy(void)
{
	memset(&p, 0, sizeof(p));
	p.exchange = RIGHT(XOORG);
	p.local = RIGHT(RELAY);
}

/* The client greets, by TLS if it is Exchange. */
static void
begin(struct world *w, enum world_client client, const char *caps)
{
	struct world_options o = {.client = client, .caps = caps,
		.shape = shape, .holes = p.holes,
		.has_message_xoorg = p.source == XO_XOORG_MESSAGE};

	assert_true(world_init(w, &o));
	world_say(w, EHLO);
	if (client == CLIENT_EXCHANGE) {
		world_say(w, "STARTTLS\r\n");
		world_say(w, EHLO);
	}
}

static uint16_t
say(struct world *w, const char *text)
{
	world_say(w, text);
	return w->n_replies > 0 ? w->replies[w->n_replies - 1] : 0;
}

static void
end(struct world *w)
{
	if (w->violation[0] != '\0')
		fail_msg("%s", w->violation);
	world_fini(w);
}

static bool
has_line(struct xo_span content, const char *line)
{
	return world_span_has(content, line);
}

/* Kinds of mail */

enum origin { VERIFIED, OURS, OTHER };

static const struct kind {
	const char *name;
	enum origin origin;
	enum world_client client;
	uint32_t exchange, local;	/* rights; 0: the usual */
	enum xo_verdict accepts;
	const char *mail;
	int upstream;
} kinds[] = {
	{"verified", VERIFIED, CLIENT_EXCHANGE, 0, 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com> XOORG=contoso.onmicrosoft.com\r\n",
	    TRUSTED},
	{"verified, null sender", VERIFIED, CLIENT_EXCHANGE, 0, 0,
	    XO_VERDICT_VERIFIED,
	    "MAIL FROM:<> XOORG=contoso.onmicrosoft.com\r\n", TRUSTED},
	{"verified, relay right too", VERIFIED, CLIENT_EXCHANGE,
	    RIGHT(XOORG) | RIGHT(RELAY), 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com> XOORG=contoso.onmicrosoft.com\r\n",
	    TRUSTED},
	{"verified, other's sender", VERIFIED, CLIENT_EXCHANGE, 0, 0,
	    XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@fabrikam.com> XOORG=contoso.onmicrosoft.com\r\n",
	    TRUSTED},
	{"ours", OURS, CLIENT_LOCAL, 0, 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com>\r\n", TRUSTED},
	{"ours, by certificate", OURS, CLIENT_EXCHANGE, RIGHT(RELAY), 0,
	    XO_VERDICT_VERIFIED, "MAIL FROM:<a@contoso.com>\r\n", TRUSTED},
	{"stranger", OTHER, CLIENT_STRANGER, 0, 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com>\r\n", ORDINARY},
	{"stranger, null sender", OTHER, CLIENT_STRANGER, 0, 0,
	    XO_VERDICT_VERIFIED, "MAIL FROM:<>\r\n", ORDINARY},
	{"stranger, accepted", OTHER, CLIENT_STRANGER, 0, 0,
	    XO_VERDICT_UNAUTHENTICATED, "MAIL FROM:<a@contoso.com>\r\n",
	    TRUSTED},
	{"other rights", OTHER, CLIENT_LOCAL, 0,
	    RIGHT(XCLIENT) | RIGHT(PROXY), XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com>\r\n", ORDINARY},
	{"no org", OTHER, CLIENT_EXCHANGE, 0, 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com>\r\n", ORDINARY},
	{"no org, accepted", OTHER, CLIENT_EXCHANGE, 0, 0, XO_VERDICT_NO_ORG,
	    "MAIL FROM:<a@contoso.com>\r\n", TRUSTED},
	{"no org, relay right too", OTHER, CLIENT_EXCHANGE,
	    RIGHT(XOORG) | RIGHT(RELAY), 0, XO_VERDICT_VERIFIED,
	    "MAIL FROM:<a@contoso.com>\r\n", ORDINARY},
	{"no org, relay right too, accepted", OTHER, CLIENT_EXCHANGE,
	    RIGHT(XOORG) | RIGHT(RELAY), 0, XO_VERDICT_NO_ORG,
	    "MAIL FROM:<a@contoso.com>\r\n", TRUSTED},
	{"unknown org, accepted", OTHER, CLIENT_EXCHANGE, 0, 0,
	    XO_VERDICT_UNKNOWN_ORG,
	    "MAIL FROM:<a@contoso.com> XOORG=other.example\r\n", TRUSTED},
	{"sender mismatch, accepted", OTHER, CLIENT_EXCHANGE, 0, 0,
	    XO_VERDICT_SENDER_MISMATCH,
	    "MAIL FROM:<a@fabrikam.com> XOORG=contoso.com\r\n", TRUSTED},
};

static void
set_kind(const struct kind *k)
{
	if (k->exchange != 0)
		p.exchange = k->exchange;
	if (k->local != 0)
		p.local = k->local;
	p.accepts = k->accepts;
	p.has_sender_rule = k->accepts == XO_VERDICT_SENDER_MISMATCH;
}

#define HEADER "X-OriginatorOrg: contoso.onmicrosoft.com\r\n"		\
	"X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"		\
	"X-MS-Exchange-CrossTenant-Id: 1\r\n"				\
	"X-MS-Exchange-Organization-AuthAs: Internal\r\n"		\
	"From: a@contoso.com\r\n"

/* A message of this kind, to the end. */
static const struct commit *
deliver(struct world *w, const struct kind *k, const char *caps)
{
	begin(w, k->client, caps);
	(void)say(w, k->mail);
	(void)say(w, "RCPT TO:<r@contoso.com>\r\n");
	(void)say(w, "DATA\r\n");
	if (say(w, HEADER "\r\nBody.\r\n.\r\n") != 250 || w->n_commits != 1)
		fail_msg("%s: got %s, not delivered\n%.*s", k->name,
		    world_codes(w), (int)w->transcript.len,
		    (const char *)w->transcript.p);
	if (w->acquired != k->upstream)
		fail_msg("%s: got upstream %d, want %d", k->name, w->acquired,
		    k->upstream);
	return &w->commits[0];
}

/* protocol.md 3.2 */

static const char *const wanted_xoorg[XO_XOORG_SOURCE_COUNT][3] = {
	[XO_XOORG_NONE] = {NULL, NULL, NULL},
	[XO_XOORG_DOMAIN] = {"gate.example", "gate.example", NULL},
	[XO_XOORG_TENANT] = {"contoso.onmicrosoft.com", "contoso.com", NULL},
	[XO_XOORG_MESSAGE] = {"contoso.onmicrosoft.com",
	    "contoso.onmicrosoft.com", NULL},
};

/* And protocol.md 5.4: what was accepted, or what was sent. */
static const char *
wanted_stamp(const struct kind *k, const char *xoorg, bool is_announced)
{
	if (k->origin == VERIFIED)
		return "contoso.onmicrosoft.com";
	return is_announced ? xoorg : NULL;
}

static void
check_xoorg(const struct kind *k, enum xo_xoorg_source source,
    bool is_announced)
{
	const char *value = wanted_xoorg[source][k->origin];
	const char *stamp = wanted_stamp(k, value, is_announced);
	const struct commit *c;
	char want[64], field[96];
	struct xo_span envelope;
	struct world w;

	usual_policy();
	p.source = source;
	set_kind(k);
	c = deliver(&w, k, is_announced ? "XOORG PIPELINING" : "PIPELINING");
	envelope = xo_buf_span(&c->envelope);
	(void)snprintf(want, sizeof(want), " XOORG=%s\r\n",
	    value != NULL ? value : "");
	if (world_span_has(envelope, " XOORG=") !=
	    (value != NULL && is_announced) ||
	    (value != NULL && is_announced && !world_span_has(envelope, want)))
		fail_msg("%s, source %d, announced %d: got %.*s, want %s",
		    k->name, (int)source, is_announced, (int)envelope.len,
		    (const char *)envelope.p, value != NULL ? value : "none");
	(void)snprintf(field, sizeof(field), "X-OriginatorOrg: %s\r\n",
	    stamp != NULL ? stamp : "");
	if (has_line(xo_buf_span(&c->content), "X-OriginatorOrg") !=
	    (stamp != NULL) || (stamp != NULL &&
	    !has_line(xo_buf_span(&c->content), field)))
		fail_msg("%s, source %d, announced %d: stamped %.*s, want %s",
		    k->name, (int)source, is_announced, (int)c->content.len,
		    (const char *)c->content.p,
		    stamp != NULL ? stamp : "none");
	/* Received, Authentication-Results, it, and what the wall did. */
	assert_int_equal(w.last_stamped, 1 + (size_t)(k->origin != OURS) +
	    (size_t)(stamp != NULL) +
	    (size_t)has_line(xo_buf_span(&c->content),
	    "X-CrossPremisesHeadersFiltered"));
	end(&w);
}

static void
test_xoorg(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(kinds); i++)
		for (int s = 0; s < XO_XOORG_SOURCE_COUNT; s++)
			for (int a = 0; a < 2; a++)
				check_xoorg(&kinds[i],
				    (enum xo_xoorg_source)s, a == 1);
}

/* protocol.md 5.5 and 6 */

enum fate { KEPT, REMOVED, PROMOTED };

static const enum fate wanted_fate[XO_CROSS_PREMISES_COUNT][3] = {
	[XO_CROSS_PREMISES_DEFAULT] = {KEPT, REMOVED, REMOVED},
	[XO_CROSS_PREMISES_KEEP] = {KEPT, KEPT, REMOVED},
	[XO_CROSS_PREMISES_STRIP] = {REMOVED, REMOVED, REMOVED},
	[XO_CROSS_PREMISES_PROMOTE] = {PROMOTED, PROMOTED, REMOVED},
};

static enum fate
fate_of(struct xo_span content)
{
	if (has_line(content, "X-MS-Exchange-CrossPremises-AuthAs: Internal"))
		return KEPT;
	return has_line(content, "X-MS-Exchange-Organization-AuthAs: Internal")
	    ? PROMOTED : REMOVED;
}

static bool
is_trusted_session(const struct kind *k)
{
	return k->client == CLIENT_EXCHANGE || k->origin == OURS;
}

static void
check_fields(const struct kind *k, enum xo_cross_premises setting,
    bool lacks_xoorg)
{
	enum fate want = lacks_xoorg ? REMOVED : wanted_fate[setting][k->origin];
	const struct commit *c;
	struct xo_span got;
	struct world w;

	usual_policy();
	p.cross_premises = setting;
	p.source = lacks_xoorg ? XO_XOORG_TENANT : XO_XOORG_NONE;
	set_kind(k);
	c = deliver(&w, k, "PIPELINING");
	got = xo_buf_span(&c->content);
	if (fate_of(got) != want)
		fail_msg("%s, cross_premises %d, lacks XOORG %d: got fate %d, "
		    "want %d", k->name, (int)setting, lacks_xoorg,
		    (int)fate_of(got), (int)want);
	if (has_line(got, "CrossTenant") != is_trusted_session(k))
		fail_msg("%s: CrossTenant kept %d, want %d", k->name,
		    has_line(got, "CrossTenant"), is_trusted_session(k));
	if (has_line(got, "Authentication-Results: gw.contoso.com;") !=
	    (k->origin != OURS) || has_line(got, "x-xoorg=pass") !=
	    (k->origin == VERIFIED))
		fail_msg("%s: other results: %.*s", k->name, (int)got.len,
		    (const char *)got.p);
	end(&w);
}

static void
test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(kinds); i++)
		for (int c = 0; c < XO_CROSS_PREMISES_COUNT; c++)
			for (int x = 0; x < 2; x++)
				check_fields(&kinds[i],
				    (enum xo_cross_premises)c, x == 1);
}

/* A value in the message counts as a tenant's alone. */
static void
test_message_value(void **state)
{
	static const struct {
		const char *name, *header, *want;
	} rows[] = {
		{"a tenant's", "X-OriginatorOrg: fabrikam.com\r\n",
		    "fabrikam.com"},
		{"nobody's", "X-OriginatorOrg: other.example\r\n", NULL},
		{"no domain", "X-OriginatorOrg: contoso.com.\r\n", NULL},
		{"none", "", NULL},
		{"another field", "X-OriginatorOrganization: contoso.com\r\n"
		    "X-Other: contoso.com\r\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;
		struct xo_span got;

		usual_policy();
		p.source = XO_XOORG_MESSAGE;
		begin(&w, CLIENT_LOCAL, "XOORG");
		(void)say(&w, "MAIL FROM:<a@contoso.com>\r\n");
		(void)say(&w, "RCPT TO:<r@contoso.com>\r\n");
		(void)say(&w, "DATA\r\n");
		(void)say(&w, rows[i].header);
		assert_int_equal(say(&w, "A: b\r\n\r\nBody.\r\n.\r\n"), 250);
		got = xo_buf_span(&w.commits[0].envelope);
		if (world_span_has(got, " XOORG=") != (rows[i].want != NULL) ||
		    (rows[i].want != NULL &&
		    !world_span_has(got, rows[i].want)))
			fail_msg("%s: got %.*s", rows[i].name, (int)got.len,
			    (const char *)got.p);
		end(&w);
	}
}

/* To whom it may go: relaying is for our own systems alone. */

static const struct {
	const char *to;
	bool is_a_tenants;
} recipients[] = {
	{"r@contoso.com", true},
	{"r@CONTOSO.com", true},
	{"r@fabrikam.com", true},
	{"r@elsewhere.example", false},
	{"r@contoso.onmicrosoft.com", false},
	{"r@contoso.com.evil.example", false},
	{"r@evil-contoso.com", false},
	{"r@sub.contoso.com", false},
	{"r@[127.0.0.1]", false},
	{"postmaster", false},
	{"Postmaster@contoso.onmicrosoft.com", false},
	{"postmaster@elsewhere.example", false},
};
/* Of verified mail, these are let through, too (RFC 5321 4.5.1). */
#define POSTMASTER 9
#define POSTMASTER_LAST 10

static bool
is_let_through(const struct kind *k, size_t i)
{
	if (k->origin == OURS || k->upstream == ORDINARY)
		return true;
	if (k->origin == VERIFIED && i >= POSTMASTER && i <= POSTMASTER_LAST)
		return true;
	if (k->origin == VERIFIED || k->accepts == XO_VERDICT_SENDER_MISMATCH)
		return i < 2;
	return recipients[i].is_a_tenants;
}

static void
test_recipients(void **state)
{
	(void)state;
	for (size_t k = 0; k < N(kinds); k++)
		for (size_t i = 0; i < N(recipients); i++) {
			struct world w;
			char line[64];
			bool got;

			usual_policy();
			set_kind(&kinds[k]);
			begin(&w, kinds[k].client, "");
			assert_int_equal(say(&w, kinds[k].mail), 250);
			(void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n",
			    recipients[i].to);
			got = say(&w, line) == 250;
			if (got != is_let_through(&kinds[k], i) || (!got &&
			    (w.last_refused != XO_REFUSAL_RCPT_RELAY ||
			    w.acquired != XO_NOBODY)))
				fail_msg("%s to %s: got %s", kinds[k].name,
				    recipients[i].to, world_codes(&w));
			end(&w);
		}
}

/* As devices write it: of ordinary mail only, and written on in one way. */

static const struct {
	const char *mail, *rcpt;	/* what follows MAIL and RCPT */
	const char *want;		/* what the next hop gets */
} devices[] = {
	{" FROM:<root>", " TO:<root>",
	    "MAIL FROM:<root>\r\nRCPT TO:<root>\r\n"},
	{" FROM:root", " TO:r@contoso.com",
	    "MAIL FROM:<root>\r\nRCPT TO:<r@contoso.com>\r\n"},
	{" FROM:< >", " TO:  <r@contoso.com>",
	    "MAIL FROM:<>\r\nRCPT TO:<r@contoso.com>\r\n"},
	{" FROM:\t<a@contoso.com>", " TO:<r@contoso.com.>",
	    "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<r@contoso.com>\r\n"},
	{"  FROM:<..a..b..@x.>", " TO:< r@contoso.com >",
	    "MAIL FROM:<..a..b..@x>\r\nRCPT TO:<r@contoso.com>\r\n"},
};

static void
check_device(const struct kind *k, size_t i, bool is_lenient)
{
	const char *value = strstr(k->mail, " XOORG=");
	bool want = is_lenient && k->upstream == ORDINARY;
	struct xo_span got;
	char line[128];
	struct world w;
	uint16_t code;

	usual_policy();
	set_kind(k);
	p.is_lenient = is_lenient;
	begin(&w, k->client, "");
	(void)snprintf(line, sizeof(line), "MAIL%s%s", devices[i].mail,
	    value != NULL ? value : "\r\n");
	code = say(&w, line);
	if (code != (want ? 250 : 501) || (!want && w.acquired != XO_NOBODY))
		fail_msg("%s, %s: got %s", k->name, line, world_codes(&w));
	/* A recipient of what was written as it should be. */
	if (!want)
		(void)say(&w, k->mail);
	(void)snprintf(line, sizeof(line), "RCPT%s\r\n", devices[i].rcpt);
	code = say(&w, line);
	if (code != (want ? 250 : 501))
		fail_msg("%s, %s: got %s", k->name, line, world_codes(&w));
	got = xo_buf_span(&w.hop.envelope);
	if (want && !world_span_has(got, devices[i].want))
		fail_msg("%s, %s: got %.*s", k->name, devices[i].mail,
		    (int)got.len, (const char *)got.p);
	end(&w);
}

static void
test_devices(void **state)
{
	(void)state;
	for (size_t k = 0; k < N(kinds); k++)
		for (size_t i = 0; i < N(devices); i++)
			for (int lenient = 0; lenient < 2; lenient++)
				check_device(&kinds[k], i, lenient == 1);
}

static void
test_device_hello(void **state)
{
	static const struct {
		enum world_client client;
		uint32_t local;
		bool is_lenient;
		uint16_t want;
	} rows[] = {
		{CLIENT_STRANGER, 0, false, 501},
		{CLIENT_LOCAL, RIGHT(RELAY), true, 501},
		/* By its address it may not vouch. */
		{CLIENT_LOCAL, RIGHT(XOORG), true, 250},
		{CLIENT_LOCAL, RIGHT(RELAY) | RIGHT(XCLIENT), true, 501},
		{CLIENT_EXCHANGE, 0, true, 501},
		{CLIENT_LOCAL, RIGHT(PROXY), true, 250},
		{CLIENT_STRANGER, 0, true, 250},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		usual_policy();
		p.local = rows[i].local;
		p.is_lenient = rows[i].is_lenient;
		begin(&w, rows[i].client, "");
		if (say(&w, "EHLO my printer\r\n") != rows[i].want)
			fail_msg("row %zu: got %s", i, world_codes(&w));
		assert_int_equal(say(&w, "EHLO a\tb\r\n"), 501);
		end(&w);
	}
}

/* Whose certificate: never a tenant's for a stranger. */
static void
test_certificate(void **state)
{
	static const struct {
		const char *name;
		enum world_client client;
		uint32_t exchange, local;
		enum xo_verdict accepts;
		const char *mail, *rcpt;
		uint16_t want_mail, want_rcpt;
		int tenant;
	} rows[] = {
		{"verified", CLIENT_EXCHANGE, 0, 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<a@fabrikam.com> XOORG=contoso.com\r\n",
		    "r@contoso.com", 250, 250, CONTOSO},
		{"ours", CLIENT_LOCAL, 0, 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<a@fabrikam.com>\r\n", "r@contoso.com", 250, 250,
		    FABRIKAM},
		{"ours, nobody's", CLIENT_LOCAL, 0, 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<a@other.example>\r\n", "r@contoso.com", 550, 503,
		    XO_NOBODY},
		{"ours, null sender", CLIENT_LOCAL, 0, 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<>\r\n", "r@fabrikam.com", 250, 250, FABRIKAM},
		{"ours, null sender, nobody's", CLIENT_LOCAL, 0, 0,
		    XO_VERDICT_VERIFIED, "MAIL FROM:<>\r\n", "r@other.example",
		    250, 550, XO_NOBODY},
		{"ours, null sender, postmaster", CLIENT_LOCAL, 0, 0,
		    XO_VERDICT_VERIFIED, "MAIL FROM:<>\r\n", "postmaster", 250,
		    550, XO_NOBODY},
		{"stranger", CLIENT_STRANGER, 0, 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<a@contoso.com>\r\n", "r@contoso.com", 550, 503,
		    XO_NOBODY},
		{"stranger, null sender", CLIENT_STRANGER, 0, 0,
		    XO_VERDICT_VERIFIED, "MAIL FROM:<>\r\n", "r@contoso.com",
		    250, 550, XO_NOBODY},
		{"stranger, accepted", CLIENT_STRANGER, 0, 0,
		    XO_VERDICT_UNAUTHENTICATED,
		    "MAIL FROM:<a@contoso.com>\r\n", "r@contoso.com", 550, 503,
		    XO_NOBODY},
		{"other rights", CLIENT_LOCAL, 0, RIGHT(XCLIENT),
		    XO_VERDICT_VERIFIED, "MAIL FROM:<a@contoso.com>\r\n",
		    "r@contoso.com", 550, 503, XO_NOBODY},
		{"no org, relay right too", CLIENT_EXCHANGE,
		    RIGHT(XOORG) | RIGHT(RELAY), 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<a@contoso.com>\r\n", "r@contoso.com", 550, 503,
		    XO_NOBODY},
		{"no org, relay right too, null sender", CLIENT_EXCHANGE,
		    RIGHT(XOORG) | RIGHT(RELAY), 0, XO_VERDICT_VERIFIED,
		    "MAIL FROM:<>\r\n", "r@contoso.com", 250, 550, XO_NOBODY},
		{"unknown org, accepted", CLIENT_EXCHANGE, 0, 0,
		    XO_VERDICT_UNKNOWN_ORG,
		    "MAIL FROM:<a@contoso.com> XOORG=other.example\r\n",
		    "r@contoso.com", 550, 503, XO_NOBODY},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;
		char line[64];
		uint16_t mail, rcpt;

		usual_policy();
		p.has_tenant_certificate = true;
		p.exchange = rows[i].exchange != 0 ? rows[i].exchange :
		    p.exchange;
		p.local = rows[i].local != 0 ? rows[i].local : p.local;
		p.accepts = rows[i].accepts;
		begin(&w, rows[i].client, "");
		mail = say(&w, rows[i].mail);
		(void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n",
		    rows[i].rcpt);
		rcpt = say(&w, line);
		if (mail != rows[i].want_mail || rcpt != rows[i].want_rcpt ||
		    w.acquired_tenant != rows[i].tenant || (rcpt != 250) !=
		    (w.acquired == XO_NOBODY))
			fail_msg("%s: got %s, tenant %d", rows[i].name,
			    world_codes(&w), w.acquired_tenant);
		if (rows[i].want_mail == 550 || rows[i].want_rcpt == 550)
			assert_int_equal(w.n_reports > 0 ? w.last_reason :
			    w.last_refused, XO_REFUSAL_NO_TENANT);
		end(&w);
	}
}

/*
 * XCLIENT takes all rights away, whatever comes behind it: the client that is
 * told of has neither our proxy's network nor its certificate.
 */
static void
test_xclient(void **state)
{
	static const struct {
		const char *name;
		uint32_t exchange, local;
		const char *say[5];
	} rows[] = {
		{"alone", 0, RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT ADDR=192.0.2.9\r\n", EHLO}},
		{"told of a right network", 0, RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT ADDR=127.0.0.1\r\n", EHLO}},
		{"STARTTLS behind it", 0, RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT ADDR=192.0.2.9\r\n", EHLO, "STARTTLS\r\n", EHLO}},
		{"a right network, STARTTLS", 0, RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT ADDR=127.0.0.1\r\n", EHLO, "STARTTLS\r\n", EHLO}},
		{"no address, STARTTLS", 0, RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT HELO=x.example\r\n", EHLO, "STARTTLS\r\n", EHLO}},
		{"STARTTLS in front of it", RIGHT(XOORG),
		    RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"STARTTLS\r\n", EHLO, "XCLIENT ADDR=192.0.2.9\r\n", EHLO}},
		{"a certificate behind it", RIGHT(XOORG),
		    RIGHT(RELAY) | RIGHT(XCLIENT),
		    {"XCLIENT ADDR=192.0.2.9\r\n", EHLO, "STARTTLS\r\n", EHLO}},
		{"a relay's certificate behind it", RIGHT(RELAY),
		    RIGHT(XCLIENT),
		    {"XCLIENT ADDR=192.0.2.9\r\n", EHLO, "STARTTLS\r\n", EHLO}},
		{"twice", RIGHT(RELAY), RIGHT(XCLIENT) | RIGHT(RELAY),
		    {"XCLIENT ADDR=192.0.2.9\r\n", EHLO,
		    "XCLIENT ADDR=127.0.0.2\r\n", EHLO}},
	};
	static const struct xo_certificate good = {
		.is_present = true, .dns_names = exchange_names,
		.n_dns_names = 1, .is_chain_valid = true
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world_options o = {.client = CLIENT_LOCAL, .caps = "",
			.shape = shape};
		struct world w;

		usual_policy();
		p.exchange = rows[i].exchange;
		p.local = rows[i].local;
		if (rows[i].exchange != 0)
			o.certificate = &good;
		assert_true(world_init(&w, &o));
		(void)say(&w, EHLO);
		for (size_t j = 0; j < N(rows[i].say) &&
		    rows[i].say[j] != NULL; j++)
			assert_int_equal(say(&w, rows[i].say[j]) / 100, 2);
		if (say(&w, "MAIL FROM:<a@contoso.com> XOORG=contoso.com\r\n")
		    == 250)
			fail_msg("%s: XOORG is believed", rows[i].name);
		(void)say(&w, "MAIL FROM:<a@contoso.com>\r\n");
		(void)say(&w, "RCPT TO:<r@elsewhere.example>\r\n");
		if (w.acquired != ORDINARY ||
		    xo_relay_rights(w.relay)->rights != 0)
			fail_msg("%s: got upstream %d, rights %u", rows[i].name,
			    w.acquired, xo_relay_rights(w.relay)->rights);
		end(&w);
	}
}

/* Whom XCLIENT is not taken from, and when it is not: nothing of it counts. */
static void
test_no_xclient(void **state)
{
	static const struct {
		const char *name;
		enum world_client client;
		uint32_t local;
		const char *before;		/* it; or NULL */
		uint16_t want;
	} rows[] = {
		{"a stranger", CLIENT_STRANGER, RIGHT(XCLIENT), NULL, 500},
		{"Exchange", CLIENT_EXCHANGE, RIGHT(XCLIENT), NULL, 500},
		{"without the right", CLIENT_LOCAL, RIGHT(RELAY), NULL, 500},
		{"behind MAIL", CLIENT_LOCAL, RIGHT(RELAY) | RIGHT(XCLIENT),
		    "MAIL FROM:<a@contoso.com>\r\n", 503},
		{"with it", CLIENT_LOCAL, RIGHT(RELAY) | RIGHT(XCLIENT), NULL,
		    220},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;
		uint32_t rights;

		usual_policy();
		p.local = rows[i].local;
		begin(&w, rows[i].client, "");
		if (rows[i].before != NULL)
			assert_int_equal(say(&w, rows[i].before), 250);
		rights = xo_relay_rights(w.relay)->rights;
		if (say(&w, "XCLIENT ADDR=192.0.2.9\r\n") != rows[i].want)
			fail_msg("%s: got %s", rows[i].name, world_codes(&w));
		assert_int_equal(xo_relay_rights(w.relay)->rights,
		    rows[i].want == 220 ? 0 : rights);
		end(&w);
	}
}

/* A policy that leads nowhere: no reply but a refusal, and no next hop. */
static void
test_nowhere(void **state)
{
	static const struct {
		const char *name;
		size_t kind;
		unsigned int holes;
		uint16_t want;
		enum xo_refusal why;
	} rows[] = {
		{"verified", 0, HOLE_UPSTREAM, 451, XO_REFUSAL_TRY_LATER},
		{"verified, null sender", 1, HOLE_UPSTREAM, 451,
		    XO_REFUSAL_TRY_LATER},
		{"verified, neither", 0, HOLE_UPSTREAM | HOLE_DEMOTE_TO, 451,
		    XO_REFUSAL_TRY_LATER},
		{"ours", 4, HOLE_UPSTREAM, 550, XO_REFUSAL_NO_TENANT},
		{"stranger", 6, HOLE_DEMOTE_TO, 550,
		    XO_REFUSAL_UNAUTHENTICATED},
		{"stranger, neither", 6, HOLE_UPSTREAM | HOLE_DEMOTE_TO, 550,
		    XO_REFUSAL_UNAUTHENTICATED},
		{"stranger, accepted", 8, HOLE_UPSTREAM, 451,
		    XO_REFUSAL_TRY_LATER},
		{"no org", 10, HOLE_DEMOTE_TO, 550, XO_REFUSAL_NO_ORG},
		{"unknown org, accepted", 14, HOLE_UPSTREAM, 451,
		    XO_REFUSAL_TRY_LATER},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct kind *k = &kinds[rows[i].kind];
		struct world w;
		uint16_t got;

		usual_policy();
		p.holes = rows[i].holes;
		set_kind(k);
		begin(&w, k->client, "");
		got = say(&w, k->mail);
		if (got != rows[i].want || w.last_refused != rows[i].why ||
		    w.acquired != XO_NOBODY)
			fail_msg("%s: got %s", rows[i].name, world_codes(&w));
		end(&w);
	}
}

/* A cipher below 128 bits gives nothing, whatever certificate came by it. */
static void
test_weak_cipher(void **state)
{
	static const struct {
		int bits;
		const char *want;
	} rows[] = {
		{-1, "220 250 220 454"}, {40, "220 250 220 454"},
		{56, "220 250 220 454"}, {64, "220 250 220 454"},
		{112, "220 250 220 454"}, {127, "220 250 220 454"},
		{128, "220 250 220 250"}, {256, "220 250 220 250"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct world_options o = {
			.caps = "SIZE", .client = CLIENT_EXCHANGE,
			.bits = rows[i].bits,
		};
		struct world w;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, "STARTTLS\r\n");
		world_say(&w, EHLO);
		if (strcmp(world_codes(&w), rows[i].want) != 0)
			fail_msg("%d bits: got %s, want %s", rows[i].bits,
			    world_codes(&w), rows[i].want);
		end(&w);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xoorg),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_message_value),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_device_hello),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_xclient),
		cmocka_unit_test(test_no_xclient),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_weak_cipher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
