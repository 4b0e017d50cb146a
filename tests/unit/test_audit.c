/* SPDX-License-Identifier: ISC */
/*
 * Warnings, and the errors that need the whole configuration: each rule of
 * warning.c with a configuration that brings it about. What is changed is one
 * text of `good`, which has no warning; rows of `fine` are its negatives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <conf/place.h>
#include <conf/warning.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char good[] =
    "hostname = \"gw.contoso.com\"\n"				/* 1 */
    "user = \"nobody\"; log = \"syslog\"\n"			/* 2 */
    "status = \"127.0.0.1:9025\"; pid_file = \"\"\n"		/* 3 */
    "tls = { default = {\n"					/* 4 */
    "  certificate = \"gw.pem\"; key = \"gw.key\" } }\n"	/* 5 */
    "peers = {\n"						/* 6 */
    "  exo = { names = [\"mail.protection.outlook.com\"]\n"	/* 7 */
    "    rights = [\"xoorg\"] }\n"				/* 8 */
    "  mta = { networks = [\"127.0.0.0/8\"]\n"			/* 9 */
    "    rights = [\"relay\"] } }\n"				/* 10 */
    "tenants = {\n"						/* 11 */
    "  contoso = {\n"						/* 12 */
    "    originator_orgs = [\"contoso.com\"]\n"			/* 13 */
    "    sender_domains = [\"contoso.com\"]\n"			/* 14 */
    "    recipient_domains = [\"contoso.com\"]\n"		/* 15 */
    "    client_certificate = \"gw.pem\"\n"			/* 16 */
    "    client_key = \"gw.key\"\n"				/* 17 */
    "    upstream = \"\" } }\n"					/* 18 */
    "listeners = {\n"						/* 19 */
    "  in = {\n"						/* 20 */
    "    listen = [\"0.0.0.0:25\"]; tls = \"default\"\n"	/* 21 */
    "    peers = [\"exo\"]; mode = \"enforce\"\n"		/* 22 */
    "    unauthenticated = \"demote\"\n"			/* 23 */
    "    upstream = \"verified\"\n"				/* 24 */
    "    demote_to = \"ordinary\" }\n"				/* 25 */
    "  out = {\n"						/* 26 */
    "    listen = [\"127.0.0.1:10027\"]\n"			/* 27 */
    "    peers = [\"mta\"]\n"					/* 28 */
    "    upstream = \"exchange\"\n"				/* 29 */
    "    demote_to = \"\" } }\n"				/* 30 */
    "upstreams = {\n"						/* 31 */
    "  verified = {\n"						/* 32 */
    "    hosts = [\"127.0.0.1:10025\"]\n"			/* 33 */
    "    handover = \"xclient\" }\n"				/* 34 */
    "  ordinary = {\n"						/* 35 */
    "    hosts = [\"127.0.0.1:10026\"]\n"			/* 36 */
    "    handover = \"xclient\" }\n"				/* 37 */
    "  exchange = {\n"						/* 38 */
    "    mx = \"contoso.com\"; tls = \"verify\"\n"		/* 39 */
    "    client_certificate = \"tenant\"\n"			/* 40 */
    "    xoorg = \"tenant\" } }\n";				/* 41 */

struct row {
	const char *from;
	const char *to;
	int line;
	enum xo_rule_id rule;
	const char *want;
	const char *from_too;		/* NULL: one change is enough */
	const char *to_too;
};

#define TENANTS \
    "tenants = {\n" \
    "  contoso = {\n" \
    "    originator_orgs = [\"contoso.com\"]\n" \
    "    sender_domains = [\"contoso.com\"]\n" \
    "    recipient_domains = [\"contoso.com\"]\n" \
    "    client_certificate = \"gw.pem\"\n" \
    "    client_key = \"gw.key\"\n" \
    "    upstream = \"\" } }\n"

#define VERIFIED "\"127.0.0.1:10025\""
#define ORDINARY "\"127.0.0.1:10026\""
#define EXCHANGE "mx = \"contoso.com\"; tls = \"verify\""
/* Certificate, key and value need TLS. */
#define EXCHANGE_WHOLE EXCHANGE "\n    client_certificate = \"tenant\"\n" \
    "    xoorg = \"tenant\""

#define NO NULL, NULL

/* The tenant has an upstream, and the listener only one for other mail. */
#define IN_OF_TENANTS IN_OF_TENANTS_FROM, IN_OF_TENANTS_TO
#define IN_OF_TENANTS_FROM \
    "    upstream = \"\" } }\nlisteners = {\n  in = {\n" \
    "    listen = [\"0.0.0.0:25\"]; tls = \"default\"\n" \
    "    peers = [\"exo\"]; mode = \"enforce\"\n" \
    "    unauthenticated = \"demote\"\n" \
    "    upstream = \"verified\"\n"
#define IN_OF_TENANTS_TO \
    "    upstream = \"verified\" } }\nlisteners = {\n  in = {\n" \
    "    listen = [\"0.0.0.0:25\"]; tls = \"default\"\n" \
    "    peers = [\"exo\"]; mode = \"enforce\"\n" \
    "    unauthenticated = \"demote\"\n" \
    "    upstream = \"ordinary\"\n"

/* Two applications at the listener for our own, the second with `more`; each has
 * a tenant. */
#define APPS(first, second, tenant) \
    "  mta = { networks = [\"127.0.0.0/8\"]\n    rights = [\"relay\"] } }\n" \
    "tenants = {\n", \
    "  one = { rights = [\"relay\"]; tenant = \"contoso\"; " first " }\n" \
    "  two = { rights = [\"relay\"]; tenant = \"" tenant "\"; " second " } }\n" \
    "tenants = {\n  fabrikam = { originator_orgs = [\"fabrikam.com\"]\n" \
    "    client_certificate = \"gw.pem\"; client_key = \"gw.key\" }\n"
/* The first of one tenant's, the second of all by their names. */
#define NAMED(name) \
    "  mta = { networks = [\"127.0.0.0/8\"]\n    rights = [\"relay\"] } }\n" \
    "tenants = {\n", \
    "  one = { rights = [\"relay\"]; tenant = \"contoso\"; names = [" name "] }\n" \
    "  two = { rights = [\"relay\"]; tenant_names = true } }\n" \
    "tenants = {\n  fabrikam = { originator_orgs = [\"fabrikam.com\"]\n" \
    "    certificate_names = [\"a.fabrikam.com\"]\n" \
    "    client_certificate = \"gw.pem\"; client_key = \"gw.key\" }\n"
#define BOTH_FROM "peers = [\"mta\"]"
#define BOTH_TO "tls = \"default\"; peers = [\"one\", \"two\"]"
#define TORN(first, second) {APPS(first, second, "fabrikam"), 30, \
    XO_RULE_TWO_TENANTS, "listeners.out.peers: `one` and `two` can match one " \
    "client, and name two tenants; such a client may not relay", BOTH_FROM, BOTH_TO}

#define APART(first, second, tenant) {APPS(first, second, tenant), \
    .from_too = BOTH_FROM, .to_too = BOTH_TO}

static const struct row rows[] = {
	/* A listener, or a tenant, without a next hop. */
	{"    upstream = \"verified\"\n", "", 20, XO_RULE_NO_NEXT_HOP,
	    "listeners.in.upstream: expected an upstream for all mail that is "
	    "accepted, found none here and none of tenant `contoso`; it would "
	    "have no next hop", NO},
	{"    upstream = \"verified\"\n", "    upstream = \"\"\n", 24,
	    XO_RULE_NO_NEXT_HOP, "none of tenant `contoso`", NO},
	{"    upstream = \"\" } }\nlisteners = {\n  in = {\n"
	    "    listen = [\"0.0.0.0:25\"]; tls = \"default\"\n"
	    "    peers = [\"exo\"]; mode = \"enforce\"\n"
	    "    unauthenticated = \"demote\"\n"
	    "    upstream = \"verified\"\n",
	    "upstream = \"verified\" }\n"
	    "fabrikam = { originator_orgs = [\"fabrikam.com\"] } }\n"
	    "listeners = {\n  in = {\n"
	    "    listen = [\"0.0.0.0:25\"]; tls = \"default\"\n"
	    "    peers = [\"exo\"]; mode = \"enforce\"\n",
	    21, XO_RULE_NO_NEXT_HOP, "none of tenant `fabrikam`", NO},
	{"    upstream = \"exchange\"\n    demote_to = \"\"",
	    "    demote_to = \"ordinary\"", 26, XO_RULE_NO_NEXT_HOP,
	    "listeners.out.upstream: expected an upstream for all mail that is "
	    "accepted, found none here and none of tenant `contoso`", NO},
	{TENANTS, "", 18, XO_RULE_NO_NEXT_HOP,
	    "none for mail of peers with the right relay",
	    "    upstream = \"exchange\"\n    demote_to = \"\"",
	    "    demote_to = \"ordinary\""},
	{"peers = [\"exo\"]; mode = \"enforce\"\n"
	    "    unauthenticated = \"demote\"\n    upstream = \"verified\"\n",
	    "unauthenticated = \"accept\"\n", 22, XO_RULE_NO_NEXT_HOP,
	    "listeners.in.unauthenticated: expected an upstream for all mail "
	    "that is accepted, found \"accept\" and no upstream", NO},
	/* Mail of strangers at the place of trusted mail. */
	{"demote_to = \"ordinary\"", "demote_to = \"verified\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "found `verified`, which takes trusted "
	    "mail, too; mail of strangers would arrive where trusted mail", NO},
	{ORDINARY, VERIFIED, 25, XO_RULE_DEMOTE_TO_VERIFIED,
	    "found `ordinary`, which is at the place of `verified`", NO},
	{ORDINARY, "\"localhost:10025\"", 25, XO_RULE_DEMOTE_TO_VERIFIED,
	    "at the place of", NO},
	{ORDINARY, "\"LOCALHOST:10025\"", 25, XO_RULE_DEMOTE_TO_VERIFIED,
	    "at the place of", NO},
	{ORDINARY, "\"mta.localhost:10025\"", 25, XO_RULE_DEMOTE_TO_VERIFIED,
	    "at the place of", NO},
	{ORDINARY, "\"[::ffff:127.0.0.1]:10025\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "at the place of", NO},
	{ORDINARY, "\"[::ffff:7f00:1]:10025\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "at the place of", NO},
	{ORDINARY, "\"0.0.0.0:10025\"", 25, XO_RULE_DEMOTE_TO_VERIFIED,
	    "at the place of", NO},
	{ORDINARY, "\"192.0.2.9\", \"127.0.0.1:10025\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "at the place of", NO},
	{"demote_to = \"\" ", "demote_to = \"exchange\" ", 30,
	    XO_RULE_DEMOTE_TO_VERIFIED, "listeners.out.demote_to", NO},
	{"demote_to = \"\" ", "demote_to = \"verified\" ", 30,
	    XO_RULE_DEMOTE_TO_VERIFIED, "listeners.out.demote_to", NO},
	{"demote_to = \"ordinary\"", "demote_to = \"exchange\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "listeners.in.demote_to", NO},
	{"hosts = [" ORDINARY "]", "mx = \"CONTOSO.com\"; tls = \"verify\"; "
	    "client_certificate = \"gw.pem\"; client_key = \"gw.key\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "at the place of `exchange`", NO},
	{"hosts = [" ORDINARY "]", "mx = \"CONTOSO.com\"", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "at the place of `exchange`",
	    "    client_certificate = \"tenant\"\n", ""},
	{"upstream = \"\" }", "upstream = \"ordinary\" }", 25,
	    XO_RULE_DEMOTE_TO_VERIFIED, "`ordinary`, which takes trusted", NO},
	/* Observing, what would be refused is demoted. */
	{"mode = \"enforce\"\n    unauthenticated = \"demote\"\n",
	    "mode = \"observe\"; unauthenticated = \"reject\"; no_org = "
	    "\"reject\"\n", 24, XO_RULE_DEMOTE_TO_VERIFIED,
	    "`verified`, which takes trusted mail", "demote_to = \"ordinary\"",
	    "demote_to = \"verified\""},
	/* And what cannot be known. */
	{ORDINARY, "\"[::1]:10025\"", 25, XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	    "may be at", NO},
	{ORDINARY, "\"127.0.0.2:10025\"", 25, XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	    "listeners.in.demote_to: `ordinary`, which may be at the place of "
	    "`verified`, which takes trusted mail; if they are one server", NO},
	{ORDINARY, "\"mta.contoso.com:10025\"", 25,
	    XO_RULE_DEMOTE_MAY_BE_VERIFIED, "may be at", NO},
	{ORDINARY, "\"192.0.2.1:10025\"", 25, XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	    "may be at", NO},
	{ORDINARY, "\"192.0.2.1\"", 25, XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	    "may be at the place of `exchange`",
	    "    client_certificate = \"tenant\"\n", ""},
	{"hosts = [" ORDINARY "]", "mx = \"fabrikam.com\"", 25,
	    XO_RULE_DEMOTE_MAY_BE_VERIFIED, "may be at",
	    "    client_certificate = \"tenant\"\n", ""},
	/* What the next hop makes of it. */
	{ORDINARY "]", ORDINARY "]; tls = \"encrypt\"; client_certificate = "
	    "\"gw.pem\"; client_key = \"gw.key\"", 25,
	    XO_RULE_DEMOTE_WITH_CERTIFICATE, "shown our client certificate", NO},
	{"unauthenticated = \"demote\"", "unauthenticated = \"accept\"", 23,
	    XO_RULE_ACCEPTS_UNVERIFIED, "listeners.in.unauthenticated: "
	    "\"accept\" sends it to `verified`", NO},
	{"unauthenticated = \"demote\"", "unknown_org = \"accept\"", 23,
	    XO_RULE_ACCEPTS_UNVERIFIED, "in.unknown_org", NO},
	{"unauthenticated = \"demote\"", "no_org = \"accept\"", 23,
	    XO_RULE_ACCEPTS_UNVERIFIED, "in.no_org", NO},
	{"unauthenticated = \"demote\"", "sender_mismatch = \"accept\"", 23,
	    XO_RULE_ACCEPTS_UNVERIFIED, "in.sender_mismatch", NO},
	{ORDINARY "]\n    handover = \"xclient\"", ORDINARY "]", 25,
	    XO_RULE_STRANGERS_AS_LOCAL, "listeners.in.demote_to: `ordinary` is "
	    "on this machine and has handover = \"none\"; an MTA takes every "
	    "stranger for this machine", NO},
	{ORDINARY "]\n    handover = \"xclient\"", "\"localhost:10026\"]", 25,
	    XO_RULE_STRANGERS_AS_LOCAL, "on this machine", NO},
	{ORDINARY "]\n    handover = \"xclient\"", "\"[::1]:10026\"]", 25,
	    XO_RULE_STRANGERS_AS_LOCAL, "on this machine", NO},
	{ORDINARY "]\n    handover = \"xclient\"", "\"192.0.2.1:10026\"]", 25,
	    XO_RULE_STRANGERS_AS_LOCAL, "on this machine", "0.0.0.0:25",
	    "192.0.2.1:25"},
	{EXCHANGE_WHOLE, "hosts = [\"198.51.100.7:2525\"]", 39,
	    XO_RULE_VERIFIED_IN_CLEAR, "upstreams.exchange.hosts: trusted mail "
	    "goes in clear text to 198.51.100.7, a public address", NO},
	{EXCHANGE_WHOLE, "hosts = [\"[2001:db8::7]:2525\"]", 39,
	    XO_RULE_VERIFIED_IN_CLEAR, "clear text to 2001:db8::7", NO},
	{EXCHANGE_WHOLE, "mx = \"contoso.com\"", 39, XO_RULE_VERIFIED_IN_CLEAR,
	    "upstreams.exchange.mx: trusted mail goes in clear", NO},
	{"mode = \"enforce\"\n    unauthenticated = \"demote\"\n"
	    "    upstream = \"verified\"\n    demote_to = \"ordinary\" }",
	    "mode = \"observe\"\n upstream = \"verified\" }", 22,
	    XO_RULE_OBSERVE_REFUSES, "\"observe\" without demote_to", NO},
	{"    client_certificate = \"gw.pem\"\n    client_key = \"gw.key\"\n",
	    "", 38, XO_RULE_TENANT_CERTIFICATE, "upstreams.exchange."
	    "client_certificate: \"tenant\", and tenant `contoso` has none", NO},
	{ORDINARY "]", ORDINARY "]; tls = \"encrypt\"; client_certificate = "
	    "\"tenant\"", 36, XO_RULE_NEEDS_TENANT, "mail without a tenant is "
	    "sent there", NO},
	/* Places. */
	{ORDINARY, "\"127.0.0.1:10027\"", 36, XO_RULE_UPSTREAM_IS_LISTENER,
	    "127.0.0.1 port 10027, where listener `out` itself listens", NO},
	{VERIFIED, "\"localhost:25\"", 33, XO_RULE_UPSTREAM_IS_LISTENER,
	    "localhost port 25, where listener `in` itself listens", NO},
	{ORDINARY, "\"[::ffff:127.0.0.1]:10027\"", 36,
	    XO_RULE_UPSTREAM_IS_LISTENER, "where listener `out`", NO},
	{"127.0.0.1:9025", "127.0.0.1:10027", 3, XO_RULE_STATUS_IS_LISTENER,
	    "status: expected a port of its own, found port 10027, where "
	    "listener `out` listens", NO},
	{"127.0.0.1:9025", "127.0.0.1:25", 3, XO_RULE_STATUS_IS_LISTENER,
	    "listener `in`", NO},
	{"127.0.0.1:9025", "0.0.0.0:10027", 3, XO_RULE_STATUS_IS_LISTENER,
	    "listener `out`", NO},
	{"127.0.0.1:9025", "192.0.2.1:9025", 3, XO_RULE_STATUS_PUBLIC,
	    "192.0.2.1 is a public address", NO},
	{"127.0.0.1:9025", "0.0.0.0:9025", 3, XO_RULE_STATUS_PUBLIC,
	    "every address of this machine", NO},
	{"127.0.0.1:9025", "[::]:9025", 3, XO_RULE_STATUS_PUBLIC, "every", NO},
	/* Wider than meant. */
	{"127.0.0.0/8", "0.0.0.0/0", 9, XO_RULE_OPEN_RELAY,
	    "peers.mta.networks: expected the networks of your own systems, "
	    "found 0.0.0.0/0; everybody could send", "[\"exo\"]",
	    "[\"exo\", \"mta\"]"},
	{"127.0.0.0/8", "::/0", 9, XO_RULE_OPEN_RELAY, "::/0", "[\"exo\"]",
	    "[\"exo\", \"mta\"]"},
	{"127.0.0.0/8", "::ffff:0:0/96", 9, XO_RULE_OPEN_RELAY, "0.0.0.0/0",
	    "[\"exo\"]", "[\"exo\", \"mta\"]"},
	{"127.0.0.0/8\"]", "198.0.0.0/8\"]", 9, XO_RULE_WIDE_NETWORK,
	    "peers.mta.networks: 198.0.0.0/8; everybody in it has these", NO},
	{"127.0.0.0/8\"]", "0.0.0.0/0\"]", 9, XO_RULE_WIDE_NETWORK,
	    "0.0.0.0/0", NO},
	{"127.0.0.0/8\"]", "8000::/1\"]", 9, XO_RULE_WIDE_NETWORK, "8000::/1", NO},
	{"127.0.0.0/8\"]\n    rights = [\"relay\"]", "::/0\"]\n"
	    "    rights = [\"relay\", \"proxy\"]", 9, XO_RULE_WIDE_NETWORK,
	    "::/0", NO},
	{"mail.protection.outlook.com", "*.com", 7, XO_RULE_WIDE_NAME,
	    "peers.exo.names: expected the name of a server, found \"*.com\"", NO},
	{"mail.protection.outlook.com", "com", 7, XO_RULE_WIDE_NAME, "\"com\"", NO},
	{"mail.protection.outlook.com", "a.b\", \"*.co.uk", 7,
	    XO_RULE_WIDE_NAME, "\"*.co.uk\"", NO},
	{"    upstream = \"\" } }\n", "    certificate_names = [\"com\"] } }\n",
	    18, XO_RULE_WIDE_NAME, "tenants.contoso.certificate_names: "
	    "expected the name of a server, found \"com\"",
	    "[\"relay\"] } }\n", "[\"relay\"] }; x = { tenant_names = true; "
	    "rights = [\"relay\"] } }\n"},
	{"    upstream = \"\" } }\n", "    certificate_names = "
	    "[\"MAIL.protection.outlook.com\"] } }\n", 7, XO_RULE_NAME_OF_TWO,
	    "peers.exo.names: expected a name that is in no tenant's "
	    "certificate_names, found \"mail.protection.outlook.com\", a name "
	    "of tenant `contoso`", NO},
	{"    upstream = \"\" } }\n", "    certificate_names = "
	    "[\"app.contoso.com\"] } }\n", 18, XO_RULE_NAMES_UNUSED,
	    "tenants.contoso.certificate_names: no peer has tenant_names", NO},
	{"orgs = [\"contoso.com\"", "orgs = [\"com\"", 13, XO_RULE_WIDE_ORG,
	    "tenants.contoso.originator_orgs: expected a domain that belongs to "
	    "the tenant alone, found \"com\"", NO},
	{"orgs = [\"contoso.com\"", "orgs = [\"contoso.com\", \"*.onmicrosoft"
	    ".com\"", 13, XO_RULE_WIDE_ORG, "\"*.onmicrosoft.com\"", NO},
	{"orgs = [\"contoso.com\"", "orgs = [\"contoso.com\", \"*.Mail."
	    "onmicrosoft.com\"", 13, XO_RULE_WIDE_ORG, "\"*.Mail.", NO},
	{"orgs = [\"contoso.com\"", "orgs = [\"Co.Uk\"", 13, XO_RULE_WIDE_ORG,
	    "\"Co.Uk\"", NO},
	{"sender_domains = [\"", "sender_domains = [\"*.de\", \"", 14,
	    XO_RULE_WIDE_DOMAIN, "tenants.contoso.sender_domains: \"*.de\"", NO},
	{"recipient_domains = [\"", "recipient_domains = [\"*.com\", \"", 15,
	    XO_RULE_WIDE_DOMAIN, "tenants.contoso.recipient_domains", NO},
	{"gw.contoso.com\"\n", "192.0.2.1\"\n", 1, XO_RULE_HOSTNAME_ADDRESS,
	    "hostname: expected a domain, found the address 192.0.2.1", NO},
	{"gw.contoso.com\"\n", "localhost\"\n", 1, XO_RULE_HOSTNAME_LOCAL,
	    "hostname: \"localhost\" is no full name", NO},
	{"gw.contoso.com\"\n", "gw\"\n", 1, XO_RULE_HOSTNAME_LOCAL, "\"gw\"", NO},
	{"gw.contoso.com\"\n", "localhost.localdomain\"\n", 1,
	    XO_RULE_HOSTNAME_LOCAL, "localdomain", NO},
	/* Between two tenants. */
	{NAMED("\"x.example\", \"A.fabrikam.com\""), 31, XO_RULE_TWO_TENANTS,
	    "listeners.out.peers: `one` and `two` can match one client",
	    BOTH_FROM, BOTH_TO},
	TORN("networks = [\"10.0.0.0/8\"]",
	    "networks = [\"192.0.2.1\", \"10.1.2.3\"]"),
	TORN("networks = [\"2001:db8::7\"]", "networks = [\"2001:db8::/32\"]"),
	TORN("names = [\"a.contoso.com\", \"b.contoso.com\"]",
	    "names = [\"B.contoso.com\"]"),
	TORN("names = [\"*.contoso.com\"]",
	    "names = [\"a.contoso.com\"]; wildcards = true"),
	TORN("names = [\"a.contoso.com\"]; wildcards = true",
	    "names = [\"*.contoso.com\"]"),
	TORN("names = [\"a.contoso.com\"]; wildcards = true",
	    "names = [\"b.contoso.com\"]; wildcards = true"),
	/* What does nothing. */
	{TENANTS, "", 14, XO_RULE_NO_TENANTS, "listeners.in.peers: a peer has "
	    "the right xoorg, and there are no tenants; no mail is ever", NO},
	{TENANTS, "", 42, XO_RULE_XOORG_OF_NOBODY, "there are no tenants whose "
	    "value could be sent", "listeners", "\n\n\n\n\n\n\n\n\nlisteners"},
	{"xoorg = \"tenant\"", "xoorg = \"fabrikam.com\"", 41,
	    XO_RULE_XOORG_OF_NOBODY, "upstreams.exchange.xoorg: "
	    "\"fabrikam.com\" is no tenant's", NO},
	{"    sender_domains = [\"contoso.com\"]\n", "    relay = true\n", 14,
	    XO_RULE_RELAY_ANY_SENDER, "true without sender_domains", NO},
	{"rights = [\"xoorg\"]", "rights = [\"xclient\"]", 12,
	    XO_RULE_TENANT_UNUSED, "tenants.contoso: no listener has a peer "
	    "with the right xoorg or relay", "[\"relay\"]", "[\"proxy\"]"},
	{"rights = [\"relay\"] } }", "rights = [\"relay\"] }\n"
	    "  more = { networks = [\"10.0.0.1\"]; rights = [\"relay\"] } }",
	    11, XO_RULE_PEER_UNUSED, "peers.more: no listener names it", NO},
	{"rights = [\"relay\"] }", "rights = [] }", 10,
	    XO_RULE_PEER_WITHOUT_RIGHTS, "peers.mta.rights: it has none", NO},
	{"  exchange = {", "  more = { hosts = [\"192.0.2.3\"] }\n"
	    "  exchange = {", 38, XO_RULE_UPSTREAM_UNUSED, "upstreams.more: no "
	    "listener and no tenant sends mail there", NO},
	{"key = \"gw.key\" } }\n", "key = \"gw.key\" }\n  more = { certificate "
	    "= \"gw.pem\"; key = \"gw.key\" } }\n", 6, XO_RULE_TLS_UNUSED,
	    "tls.more: no listener names it", NO},
};

/* None of these has a warning. */
static const struct row fine[] = {
	/* Two applications, of two tenants, or of one. */
	{NAMED("\"b.fabrikam.com\""), .from_too = BOTH_FROM, .to_too = BOTH_TO},
	APART("networks = [\"10.0.0.0/8\"]",
	    "networks = [\"192.0.2.1\"]", "fabrikam"),
	APART("networks = [\"10.0.0.1\"]",
	    "networks = [\"10.0.0.2\", \"fd00::1\"]", "fabrikam"),
	APART("networks = [\"10.0.0.0/8\"]",
	    "networks = [\"10.0.0.2\"]", "contoso"),
	APART("names = [\"a.contoso.com\"]",
	    "names = [\"b.contoso.com\"]", "fabrikam"),
	APART("names = [\"*.contoso.com\"]",
	    "names = [\"a.contoso.com\"]", "fabrikam"),
	APART("names = [\"a.contoso.com\"]; wildcards = true",
	    "names = [\"b.contoso.com\"]", "fabrikam"),
	APART("names = [\"a.contoso.com\"]; wildcards = true",
	    "names = [\"b.fabrikam.com\"]; wildcards = true", "fabrikam"),
	APART("names = [\"a.contoso.com\"]",
	    "names = [\"a.contoso.com\"]", "contoso"),
	/* A certificate's comes before an address's. */
	APART("names = [\"a.contoso.com\"]",
	    "networks = [\"10.0.0.2\"]", "fabrikam"),
	{.from = "upstream = \"\" }", .to = "upstream = \"verified\" }"},
	/* Each tenant has its own, and there is no other mail to accept. */
	{.from = "upstream = \"\" }", .to = "upstream = \"verified\" }",
	    .from_too = "    upstream = \"verified\"\n", .to_too = ""},
	/* The same where the address gives nothing: nobody comes there trusted. */
	{.from = IN_OF_TENANTS_FROM, .to = IN_OF_TENANTS_TO},
	/* Our own mail, each tenant's to its own; what is nobody's is 550. */
	{.from = "upstream = \"\" }", .to = "upstream = \"exchange\" }\n"
	    "  fabrikam = { originator_orgs = [\"fabrikam.com\"]\n"
	    "    upstream = \"verified\" }",
	    .from_too = "    upstream = \"exchange\"\n    demote_to = \"\"",
	    .to_too = "    demote_to = \"ordinary\""},
	/* Nobody is trusted there: one place for all. */
	{.from = "[\"exo\"]; mode = \"enforce\"\n"
	    "    unauthenticated = \"demote\"\n    upstream = \"verified\"",
	    .to = "[\"exo\"]; mode = \"observe\"\n"
	    "    upstream = \"verified\""},
	{.from = "    unauthenticated = \"demote\"\n    upstream = \"verified\""
	    "\n    demote_to = \"ordinary\" }",
	    .to = "    unauthenticated = \"reject\"; no_org = \"reject\"\n"
	    "    upstream = \"verified\" }",
	    .from_too = "  ordinary = {\n    hosts = [" ORDINARY "]\n"
	    "    handover = \"xclient\" }\n", .to_too = ""},
	/* Nothing is demoted: the place is told of nobody. */
	{.from = "    unauthenticated = \"demote\"\n    upstream = \"verified\""
	    "\n    demote_to = \"ordinary\" }",
	    .to = "    unauthenticated = \"reject\"; no_org = \"reject\"\n"
	    "    upstream = \"verified\"; demote_to = \"verified\" }",
	    .from_too = "  ordinary = {\n    hosts = [" ORDINARY "]\n"
	    "    handover = \"xclient\" }\n", .to_too = ""},
	{.from = ORDINARY, .to = "\"mta.contoso.com:26\""},
	{.from = ORDINARY, .to = "\"203.0.113.77:26\"",
	    .from_too = "handover = \"xclient\" }\n  exchange",
	    .to_too = "} exchange"},
	{.from = "handover = \"xclient\" }\n  exchange",
	    .to = "handover = \"proxy\" } exchange"},
	/* Exchange knows us by our certificate, and is shown none for these. */
	{.from = "hosts = [" ORDINARY "]", .to = "mx = \"contoso.com\""},
	/* Local delivery relays nothing. */
	{.from = "handover = \"xclient\" }\n  exchange",
	    .to = "protocol = \"lmtp\" } exchange"},
	/* Only this machine comes. */
	{.from = "handover = \"xclient\" }\n  exchange",
	    .to = "} exchange", .from_too = "0.0.0.0:25",
	    .to_too = "127.0.0.1:25"},
	{.from = "unauthenticated = \"demote\"",
	    .to = "unauthenticated = \"tempfail\""},
	{.from = "127.0.0.1:9025", .to = "10.0.0.1:9025"},
	{.from = "127.0.0.1:9025", .to = "[::1]:9025"},
	{.from = "127.0.0.1:9025", .to = ""},
	{.from = "127.0.0.0/8", .to = "10.0.0.0/8"},
	{.from = "127.0.0.0/8", .to = "fc00::/7"},
	{.from = "127.0.0.0/8", .to = "198.51.0.0/16"},
	{.from = "127.0.0.0/8", .to = "2001:db8::/32"},
	{.from = "mail.protection.outlook.com",
	    .to = "*.mail.protection.outlook.com"},
	{.from = "orgs = [\"contoso.com\"",
	    .to = "orgs = [\"contoso.com\", \"contoso.onmicrosoft.com\", "
	    "\"*.contoso.com\", \"contoso.co.uk\""},
	{.from = "sender_domains = [\"",
	    .to = "sender_domains = [\"*.contoso.com\", \""},
	{.from = "sender_domains", .to = "relay = true; sender_domains"},
	{.from = "xoorg = \"tenant\"", .to = "xoorg = \"Contoso.com\""},
	{.from = EXCHANGE_WHOLE, .to = "hosts = [\"10.0.0.7:2525\"]"},
};

static char folder[] = "/tmp/xoorg-test-audit.XXXXXX";

static void
change(struct xo_buf *text, const char *from, const char *to)
{
	const char *at;
	struct xo_buf changed = {0};

	xo_buf_add_byte(text, '\0');
	at = strstr((const char *)text->p, from);
	if (at == NULL)
		fail_msg("`%s` does not occur", from);
	xo_buf_add(&changed, xo_span(text->p,
	    (size_t)(at - (const char *)text->p)));
	xo_buf_add_all(&changed, to, at + strlen(from), (char *)NULL);
	xo_buf_fini(text);
	*text = changed;
}

static void
write_changed(const struct row *row)
{
	struct xo_buf text = {0};
	FILE *file = fopen("test.conf", "w");

	assert_non_null(file);
	xo_buf_add_cstr(&text, good);
	if (row != NULL)
		change(&text, row->from, row->to);
	if (row != NULL && row->from_too != NULL)
		change(&text, row->from_too, row->to_too);
	assert_int_equal(fwrite(text.p, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	xo_buf_fini(&text);
}

/* "test.conf:LINE: KIND...WANT... [ID]" */
static bool
is_so(const char *got, const struct row *row)
{
	const struct xo_rule *rule = xo_rule(row->rule);
	char start[64], end[64];
	size_t len = strlen(got);

	(void)snprintf(start, sizeof(start), "test.conf:%d: %s", row->line,
	    rule->severity == XO_SEVERITY_WARNING ? "warning: " : "");
	(void)snprintf(end, sizeof(end), " [%s]", rule->id);
	return strncmp(got, start, strlen(start)) == 0 &&
	    len > strlen(end) && strcmp(got + len - strlen(end), end) == 0 &&
	    strstr(got, row->want) != NULL && strpbrk(got, "\r\n") == NULL;
}

static bool
has_warning(const struct xo_warnings *warnings, const struct row *row)
{
	for (size_t i = 0; i < warnings->n; i++)
		if (is_so(warnings->list[i].text, row))
			return warnings->list[i].rule == row->rule;
	return false;
}

static void
show(const struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		print_error("    %s\n", warnings->list[i].text);
}

/* test.conf; the error ends with a NUL. */
static struct xo_conf *
load(struct xo_buf *error)
{
	struct xo_conf *conf = xo_conf_load("test.conf", error);

	xo_buf_add_byte(error, '\0');
	return conf;
}

static bool
is_told(const struct row *row)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = load(&error);
	bool is_error = xo_rule(row->rule)->severity == XO_SEVERITY_ERROR;
	bool is_good = is_error ? conf == NULL &&
	    is_so((const char *)error.p, row) :
	    conf != NULL && has_warning(&conf->warnings, row);

	if (!is_good) {
		print_error("%s: `%s` as `%s`, line %d, want %s\n    %s\n",
		    xo_rule(row->rule)->id, row->from, row->to, row->line,
		    row->want, (const char *)error.p);
		if (conf != NULL)
			show(&conf->warnings);
	}
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return is_good;
}

static void
test_rows(void **state)
{
	size_t n_bad = 0;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		write_changed(&rows[i]);
		n_bad += !is_told(&rows[i]);
	}
	assert_int_equal(n_bad, 0);
}

static bool
has_none(const struct row *row)
{
	struct xo_buf error = {0};
	struct xo_conf *conf;
	bool is_good;

	write_changed(row);
	conf = load(&error);
	is_good = conf != NULL && conf->warnings.n == 0;
	if (!is_good)
		print_error("`%s` as `%s`: %s\n", row != NULL ? row->from : "",
		    row != NULL ? row->to : "", (const char *)error.p);
	if (conf != NULL)
		show(&conf->warnings);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return is_good;
}

static void
test_none(void **state)
{
	size_t n_bad = 0;

	(void)state;
	assert_true(has_none(NULL));
	for (size_t i = 0; i < N(fine); i++)
		n_bad += !has_none(&fine[i]);
	assert_int_equal(n_bad, 0);
}

/* All of them are listed. */
static void
test_all(void **state)
{
	static const struct row row = {.from = "127.0.0.1:9025",
		.to = "0.0.0.0:9025", .from_too = "gw.contoso.com\"\n",
		.to_too = "gw\"\n"};
	struct xo_buf error = {0};
	struct xo_conf *conf;

	(void)state;
	write_changed(&row);
	conf = xo_conf_load("test.conf", &error);
	assert_non_null(conf);
	assert_int_equal(conf->warnings.n, 2);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
}

/* Many, and lists of them. */
static void
test_list(void **state)
{
	struct xo_warnings one = {NULL, 0}, two = {NULL, 0};
	const struct xo_conf_where where = {"file", 7};

	(void)state;
	for (int i = 0; i < 100; i++)
		xo_warnings_add(&one, XO_RULE_TLS_UNUSED, &where, "tls.a",
		    "number %d", i);
	assert_int_equal(one.n, 100);
	assert_string_equal(one.list[99].text, "file:7: warning: tls.a: number "
	    "99; nobody is offered it; name it there or take it out "
	    "[tls-unused]");
	xo_warnings_join(&two, &one);
	assert_true(xo_warnings_are_equal(&one, &two));
	xo_warnings_add(&two, XO_RULE_TLS_UNUSED, &where, "", "more");
	assert_string_equal(two.list[100].text, "file:7: warning: more; nobody "
	    "is offered it; name it there or take it out [tls-unused]");
	assert_false(xo_warnings_are_equal(&one, &two));
	xo_warnings_fini(&one);
	xo_warnings_fini(&two);
	assert_int_equal(two.n, 0);
}

/* Rights of files. */

static void
write_file(const char *name, mode_t mode)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(name, mode), 0);
}

struct file_row {
	const char *name;		/* of the file that is changed */
	mode_t mode;
	bool is_others_group;		/* needs root */
	bool is_others;
	enum xo_rule_id rule;		/* XO_RULE_COUNT: none */
	const char *want;
};

static const struct file_row file_rows[] = {
	{"gw.key", 0600, false, false, XO_RULE_COUNT, NULL},
	{"gw.key", 0640, false, false, XO_RULE_COUNT, NULL},
	{"gw.key", 0604, false, false, XO_RULE_KEY_READABLE,
	    "test.conf:5: warning: tls.default.key: "},
	{"gw.key", 0640, true, false, XO_RULE_KEY_READABLE, "a group that"},
	{"gw.key", 0600, false, true, XO_RULE_KEY_READABLE, "its owner"},
	{"gw.key", 0602, false, false, XO_RULE_FILE_WRITABLE,
	    "gw.key can be written by everybody"},
	{"gw.pem", 0644, false, false, XO_RULE_COUNT, NULL},
	{"gw.pem", 0664, false, false, XO_RULE_COUNT, NULL},
	{"gw.pem", 0646, false, false, XO_RULE_FILE_WRITABLE,
	    "tls.default.certificate: "},
	{"gw.pem", 0664, true, false, XO_RULE_FILE_WRITABLE, "a group that"},
	{"gw.pem", 0644, false, true, XO_RULE_FILE_WRITABLE, "its owner"},
	{"test.conf", 0644, false, false, XO_RULE_COUNT, NULL},
	{"test.conf", 0666, false, false, XO_RULE_FILE_WRITABLE,
	    "test.conf: warning: "},
	{".", 0755, false, false, XO_RULE_COUNT, NULL},
	{".", 01777, false, false, XO_RULE_COUNT, NULL},
	{".", 0777, false, false, XO_RULE_FOLDER_WRITABLE, "everybody"},
	{".", 0775, true, false, XO_RULE_FOLDER_WRITABLE, "a group"},
	{".", 0755, false, true, XO_RULE_FOLDER_WRITABLE, "its owner"},
};

static void
check_file_row(const struct file_row *row)
{
	struct xo_buf error = {0};
	struct xo_warnings found = {NULL, 0};
	struct xo_conf *conf;
	const char *text = "(none)";
	struct stat before;

	write_changed(NULL);
	assert_int_equal(stat(row->name, &before), 0);
	assert_int_equal(chmod(row->name, row->mode), 0);
	assert_int_equal(chown(row->name, row->is_others ? 4242 :
	    before.st_uid, row->is_others_group ? 4242 : before.st_gid), 0);
	conf = xo_conf_load("test.conf", &error);
	assert_non_null(conf);
	assert_true(xo_conf_check_files(conf, false, &found, &error));
	for (size_t i = 0; i < found.n; i++)
		if (text[0] == '(' && (found.list[i].rule == row->rule ||
		    row->rule == XO_RULE_COUNT))
			text = found.list[i].text;
	if (row->rule == XO_RULE_COUNT ? found.n != 0 :
	    strstr(text, row->want) == NULL)
		fail_msg("%s %o: got %s, want %s", row->name,
		    (unsigned int)row->mode, text,
		    row->want != NULL ? row->want : "(none)");
	assert_int_equal(chown(row->name, before.st_uid, before.st_gid), 0);
	assert_int_equal(chmod(row->name, before.st_mode & 07777), 0);
	xo_warnings_fini(&found);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
}

static void
test_file_rights(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(file_rows); i++) {
		if (geteuid() != 0 &&
		    (file_rows[i].is_others || file_rows[i].is_others_group))
			continue;
		check_file_row(&file_rows[i]);
	}
}

/* What the user of the processes can read, and where they write. */
struct system_row {
	const char *from;
	const char *to;
	mode_t key_mode;
	bool is_test;
	bool needs_root;
	enum xo_rule_id rule;		/* XO_RULE_COUNT: none */
	const char *want;
};

static const struct system_row system_rows[] = {
	{"user", "user", 0600, true, true, XO_RULE_USER_CANNOT_READ,
	    "test.conf:5: warning: tls.default.key: user nobody cannot read "},
	{"user", "user", 0600, false, true, XO_RULE_COUNT, NULL},
	{"\"nobody\"", "\"\"", 0600, false, true, XO_RULE_RUNS_AS_ROOT,
	    "test.conf:2: warning: user: \"\", and root starts it"},
	{"pid_file = \"\"", "pid_file = \"none/pid\"", 0600, false, false,
	    XO_RULE_PID_FOLDER, "test.conf:3: warning: pid_file: "},
	{"pid_file = \"\"", "pid_file = \"pid\"", 0600, false, false,
	    XO_RULE_COUNT, NULL},
	{"pid_file = \"\"", "seen_file = \"none/seen\"", 0600, false, false,
	    XO_RULE_PID_FOLDER, "test.conf:3: warning: seen_file: "},
	{"pid_file = \"\"", "seen_file = \"seen\"", 0600, false, false,
	    XO_RULE_COUNT, NULL},
	{"pid_file = \"\"", "seen_file = \"off\"", 0600, false, false,
	    XO_RULE_COUNT, NULL},
	{"\"syslog\"", "\"none/log\"", 0600, false, false,
	    XO_RULE_LOG_FOLDER, "test.conf:2: log: expected a file that can be "
	    "written, found "},
	{"\"syslog\"", "\".\"", 0600, false, false, XO_RULE_LOG_FOLDER,
	    "Is a directory"},
	{"\"syslog\"", "\"log\"", 0600, false, false, XO_RULE_COUNT, NULL},
};

static void
check_system_row(const struct system_row *row)
{
	const struct row change = {.from = row->from, .to = row->to};
	struct xo_buf error = {0};
	struct xo_warnings found = {NULL, 0};
	struct xo_conf *conf;
	const char *text = "(none)";
	bool is_error = row->rule != XO_RULE_COUNT &&
	    xo_rule(row->rule)->severity == XO_SEVERITY_ERROR;

	write_changed(&change);
	assert_int_equal(chmod("test.conf", 0644), 0);
	assert_int_equal(chmod("gw.key", row->key_mode), 0);
	conf = xo_conf_load("test.conf", &error);
	assert_non_null(conf);
	assert_int_equal(xo_conf_check_files(conf, row->is_test, &found,
	    &error), !is_error);
	xo_buf_add_byte(&error, '\0');
	if (is_error)
		text = (const char *)error.p;
	for (size_t i = 0; i < found.n; i++)
		if (text[0] == '(' && (found.list[i].rule == row->rule ||
		    row->rule == XO_RULE_COUNT))
			text = found.list[i].text;
	if (row->rule == XO_RULE_COUNT ? found.n != 0 :
	    strstr(text, row->want) == NULL)
		fail_msg("%s as %s: got %s, want %s", row->from, row->to, text,
		    row->want != NULL ? row->want : "(none)");
	xo_warnings_fini(&found);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
}

static void
test_system(void **state)
{
	(void)state;
	assert_int_equal(chmod(".", 0755), 0);
	for (size_t i = 0; i < N(system_rows); i++)
		if (geteuid() == 0 || !system_rows[i].needs_root)
			check_system_row(&system_rows[i]);
}

/* Places. */

static const struct {
	const char *a;
	const char *b;
	enum xo_meeting want;
} meetings[] = {
	{"127.0.0.1", "127.0.0.1", XO_MEETING_YES},
	{"127.0.0.1", "localhost", XO_MEETING_YES},
	{"::1", "localhost", XO_MEETING_YES},
	{"::1", "0:0:0:0:0:0:0:1", XO_MEETING_YES},
	{"2001:DB8::1", "2001:db8:0::1", XO_MEETING_YES},
	{"::ffff:192.0.2.1", "192.0.2.1", XO_MEETING_YES},
	{"::", "::1", XO_MEETING_YES},
	{"localhost", "ip6-localhost", XO_MEETING_YES},
	{"MTA.example", "mta.EXAMPLE", XO_MEETING_YES},
	{"127.0.0.1", "::1", XO_MEETING_PERHAPS},
	{"127.0.0.2", "localhost", XO_MEETING_PERHAPS},
	{"127.0.0.1", "10.0.0.1", XO_MEETING_PERHAPS},
	{"localhost", "10.0.0.1", XO_MEETING_PERHAPS},
	{"mta.example", "10.0.0.1", XO_MEETING_PERHAPS},
	{"mta.example", "localhost", XO_MEETING_PERHAPS},
	{"mta.example", "mtb.example", XO_MEETING_PERHAPS},
	{"10.0.0.1", "10.0.0.2", XO_MEETING_NO},
	{"2001:db8::1", "2001:db8::2", XO_MEETING_NO},
};

static void
test_meetings(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(meetings); i++) {
		struct xo_conf_host a = {.host = meetings[i].a, .port = 25};
		struct xo_conf_host b = {.host = meetings[i].b, .port = 25};

		if (xo_hosts_meet(&a, &b) != meetings[i].want ||
		    xo_hosts_meet(&b, &a) != meetings[i].want)
			fail_msg("%s %s: got %d, want %d", a.host, b.host,
			    (int)xo_hosts_meet(&a, &b),
			    (int)meetings[i].want);
		b.port = 26;
		assert_int_equal(xo_hosts_meet(&a, &b), XO_MEETING_NO);
	}
}

/* The loopback interface has these, and nobody the others. */
static void
test_own(void **state)
{
	static const char *const own[] = {"127.0.0.1", "::ffff:127.0.0.1"};
	static const char *const others[] = {"203.0.113.77", "2001:db8::77",
		"127.0.0.9", "localhost", "mta.example"};

	(void)state;
	for (size_t i = 0; i < N(own); i++)
		assert_true(xo_host_is_own(&(struct xo_conf_host){
		    .host = own[i]}));
	for (size_t i = 0; i < N(others); i++)
		assert_false(xo_host_is_own(&(struct xo_conf_host){
		    .host = others[i]}));
}

/* An IPv4 address of another interface than loopback; false: there is none. */
static bool
find_own(char *text_r, socklen_t size)
{
	struct ifaddrs *all = NULL;
	bool is_found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL && !is_found;
	    i = i->ifa_next)
		is_found = i->ifa_addr != NULL &&
		    i->ifa_addr->sa_family == AF_INET &&
		    (i->ifa_flags & IFF_LOOPBACK) == 0 &&
		    getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in), text_r,
		    size, NULL, 0, NI_NUMERICHOST) == 0;
	freeifaddrs(all);
	return is_found;
}

static void
test_strangers_at_own(void **state)
{
	char address[64], place[96];
	struct row row = {ORDINARY "]\n    handover = \"xclient\"", place, 25,
		XO_RULE_STRANGERS_AS_LOCAL, "is on this machine", NO};

	(void)state;
	if (!find_own(address, sizeof(address))) {
		print_error("SKIPPED: no interface but loopback\n");
		skip();
	}
	(void)snprintf(place, sizeof(place), "\"%s:10026\"]", address);
	write_changed(&row);
	assert_true(is_told(&row));
}

static const struct {
	const char *domain;
	bool want;
} suffixes[] = {
	{"com", true}, {"*.com", true}, {"Co.UK", true}, {"*.com.au", true},
	{"onmicrosoft.com", true}, {"*.mail.onmicrosoft.com", true},
	{"ONMICROSOFT.COM", true}, {"localhost", true},
	{"contoso.com", false}, {"*.contoso.com", false},
	{"contoso.onmicrosoft.com", false}, {"contoso.co.uk", false},
	{"co.example", false}, {"contoso.de", false},
	{"notonmicrosoft.com", false}, {"mail.protection.outlook.com", false},
};

static void
test_suffixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(suffixes); i++)
		if (xo_domain_is_shared(xo_span_from_cstr(suffixes[i].domain))
		    != suffixes[i].want)
			fail_msg("%s", suffixes[i].domain);
}

/* Each rule that needs no more than the text has a row. */
static void
test_all_rules_have_rows(void **state)
{
	(void)state;
	for (int rule = 0; rule < XO_RULE_KEY_READABLE; rule++) {
		bool is_there = false;

		for (size_t i = 0; i < N(rows); i++)
			is_there |= (int)rows[i].rule == rule;
		if (!is_there)
			fail_msg("no row for %s",
			    xo_rule((enum xo_rule_id)rule)->id);
	}
}

static int
set_up(void **state)
{
	(void)state;
	(void)umask(022);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	write_file("gw.pem", 0644);
	write_file("gw.key", 0600);
	return chmod(folder, 0755);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink("gw.pem");
	(void)unlink("gw.key");
	(void)unlink("test.conf");
	return chdir("/") != 0 ? -1 : rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_file_rights),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_meetings),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_strangers_at_own),
		cmocka_unit_test(test_suffixes),
		cmocka_unit_test(test_all_rules_have_rows),
	};

	return cmocka_run_group_tests_name("audit", tests, set_up, tear_down);
}
