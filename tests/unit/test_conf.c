/* SPDX-License-Identifier: ISC */
/*
 * The configuration: what a good one means, and the one line for each way to
 * write a bad one. A bad one is the good one with one text replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <conf/settings.h>
#include <xoorg/tenants.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char good[] =
    "hostname = \"gw.contoso.com\"\n"				/* 1 */
    "user = \"\"; workers = 2;\n"				/* 2 */
    "log = \"syslog\"\n"					/* 3 */
    "status = \"127.0.0.1\"; extensions = [\"XVERP\", \"rrvs\"]\n" /* 4 */
    "limits = {\n"						/* 5 */
    "  recipients = 500\n"					/* 6 */
    "  command_timeout = 20\n"					/* 7 */
    "}\n"							/* 8 */
    "tls = {\n"							/* 9 */
    "  default = {\n"						/* 10 */
    "    certificate = \"gw.pem\"\n"				/* 11 */
    "    key = \"gw.key\" /* a comment\n"			/* 12 */
    "    of two lines */ crl = \"off\"\n"			/* 13 */
    "  }\n"							/* 14 */
    "}\n"							/* 15 */
    "peers = {\n"						/* 16 */
    "  exchange-online = {\n"					/* 17 */
    "    names = [\"mail.protection.outlook.com\"]\n"		/* 18 */
    "    rights = [\"xoorg\"]\n"				/* 19 */
    "  }\n"							/* 20 */
    "  local-mta = {\n"						/* 21 */
    "    networks = [\"127.0.0.0/8\", \"::1\"]\n"		/* 22 */
    "    rights = [\"relay\", \"xclient\"]\n"			/* 23 */
    "  }\n"							/* 24 */
    "}\n"							/* 25 */
    "tenants = {\n"						/* 26 */
    "  contoso = {\n"						/* 27 */
    "    originator_orgs = [\"contoso.com\",\n"			/* 28 */
    "      \"Contoso.onmicrosoft.com\"\n"			/* 29 */
    "    ]\n"							/* 30 */
    "  }\n"							/* 31 */
    "  fabrikam = {\n"						/* 32 */
    "    originator_orgs = [\"fabrikam.com\"]\n"		/* 33 */
    "    recipient_domains = []\n"				/* 34 */
    "    client_certificate = \"gw.pem\"\n"			/* 35 */
    "    client_key = \"gw.key\"\n"				/* 36 */
    "    upstream = \"postfix\"\n"				/* 37 */
    "  }\n"							/* 38 */
    "}\n"							/* 39 */
    "listeners = {\n"						/* 40 */
    "  from-exchange-online = {\n"				/* 41 */
    "    listen = [\"0.0.0.0:25\", \"[::]:2525\"]\n"		/* 42 */
    "    tls = \"default\"\n"					/* 43 */
    "    peers = [\"exchange-online\"]\n"			/* 44 */
    "    mode = \"observe\"; demote_to = \"ordinary\"\n"	/* 45 */
    "    upstream = \"postfix\"\n"				/* 46 */
    "    size_limit = 5000000000\n"				/* 47 */
    "  }\n"							/* 48 */
    "  to-exchange = {\n"					/* 49 */
    "    listen = [\"127.0.0.1:10027\"]\n"			/* 50 */
    "    peers = [\"local-mta\"]\n"				/* 51 */
    "    upstream = \"exchange\"\n"				/* 52 */
    "  }\n"							/* 53 */
    "}\n"							/* 54 */
    "upstreams = {\n"						/* 55 */
    "  postfix = {\n"						/* 56 */
    "    hosts = [\"127.0.0.1:10025\", \"mail\", \"[::1]\"]\n"	/* 57 */
    "    handover = \"xclient\"\n"				/* 58 */
    "  }\n"							/* 59 */
    "  exchange = {\n"						/* 60 */
    "    mx = \"contoso.com\"\n"				/* 61 */
    "    tls = \"verify\"\n"					/* 62 */
    "    tls_name = \"mail.contoso.com\"\n"			/* 63 */
    "    client_certificate = \"tenant\"\n"			/* 64 */
    "    xoorg = \"tenant\"\n"					/* 65 */
    "    require_xoorg = true\n"				/* 66 */
    "    cross_premises = \"keep\"\n"				/* 67 */
    "  } ordinary = { hosts = [\"192.0.2.1\"] }\n"		/* 68 */
    "}\n";							/* 69 */

struct bad {
	const char *from;
	const char *to;
	int line;
	const char *want;
};

/* A hundred letters. */
#define LONG_5 "nnnnnnnnnnnnnnnnnnnn"
#define LONG LONG_5 LONG_5 LONG_5 LONG_5 LONG_5

static const struct bad bads[] = {
	/* Grammar. */
	{"workers = 2", "workers == 2", 2, "expected a value (a string in"},
	{"workers = 2;", "workers 2", 2, "`=` behind the name `workers`"},
	{"workers = 2", "workers", 2, "the name `workers`, found `;`"},
	{"workers = 2", "workers = ", 2, "expected a value"},
	{"workers = 2;", "workers = 2;;", 2, "NAME = VALUE, found `;`"},
	{"workers = 2", "\"workers\" = 2", 2, "NAME = VALUE, found \"work"},
	{"workers = 2", "workers = 2 \"2\"", 2, "NAME = VALUE, found \"2\""},
	{"workers = 2", "workers = 1e3", 2, "expected a value"},
	{"workers = 2", "2 = workers", 2, "expected a name of letters"},
	{"tls = {\n", "tls = { {\n", 9, "NAME = VALUE, found `{`"},
	{"\"gw.contoso.com\"", "\"gw\" )(", 1, "no bracket is open"},
	{"  }\n}\npeers", "  }\npeers", 9, "to close this `{`"},
	{"[\"127.0.0.1:10027\"]", "[\"127.0.0.1:10027\"}", 50, "found `}`"},
	{"[\"127.0.0.1:10027\"]", "[\"127.0.0.1:10027\"", 51,
	    "expected `,` or `]`, found `peers`"},
	{"[\"127.0.0.1:10027\"]", "[\"127.0.0.1:10027\",]", 50,
	    "expected a value"},
	{"[\"127.0.0.1:10027\"]", "[[\"127.0.0.1:10027\"]]", 50, "in [ ]"},
	{"[\"127.0.0.1:10027\"]", "(\"127.0.0.1:10027\" 1)", 50,
	    "expected `,` or `)`, found `1`"},
	{"[\"127.0.0.1:10027\"]", "((((((((((((((((((", 50, "at most 16"},
	{"log = ", "}\nlog = ", 3, "no bracket is open"},
	{"\"gw.contoso.com\"", "\"gw.contoso.com", 1, "end the string"},
	{"of two lines */", "of two lines", 12, "end the comment"},
	{"\"observe\"", "observe", 45, "expected a value"},
	{"  contoso =", "  contoso.com =", 27, "expected a name of letters"},
	{"hostname", "%hostname", 1, "found %hostname"},
	{"\"syslog\"", "\"sys\\x00log\"", 3, "\\x00"},
	{"\"127.0.0.0/8\", ", "\"127.0.0.0/8\" ", 22, "expected `,` between"},
	{"\"contoso.com\",", "\"contoso.com\"", 29, "expected `,` between"},
	{"\"gw.contoso.com\"", "\"gw.\" // x\n/**/\"com\"", 2,
	    "expected `,` between"},
	{"[\"relay\",", "[1,", 23, "one type"},
	{"  fabrikam = {", "  contoso = {", 32, "`contoso` again, which is "},
	{"  fabrikam = {", "  contoso = {", 32, ":27 already"},
	{"log = ", "workers = 3\nlog = ", 3, "`workers` again"},
	/* Names. */
	{"  fabrikam = {", "  f" LONG " = {", 32, "tenants: expected a name of "
	    "at most 100 octets, found fnnn"},
	{"workers", "wrokers", 2, "found `wrokers`; did you mean `workers`?"},
	{"upstreams =", "upstream =", 55, "did you mean `upstreams`?"},
	{"handover", "handovers", 58, "upstreams.postfix: expected a known"},
	{"  recipients", "  hostname", 6, "it belongs outside of all groups"},
	{"    rights = [\"xoorg\"]", "    listen = []", 19, "in listeners"},
	{"log = ", "nonsense = 1\nlog = ", 3, "found `nonsense`"},
	{"\"postfix\"\n  }\n}\nlist", "\"postfx\"\n  }\n}\nlist", 37,
	    "tenants.fabrikam.upstream: expected a name from `upstreams`, "
	    "found \"postfx\"; did you mean `postfix`?"},
	{"tls = \"default\"", "tls = \"other\"", 43, "a name from `tls`"},
	{"[\"local-mta\"]", "[\"local\"]", 51, "a name from `peers`"},
	{"[\"local-mta\"]", "[\"\"]", 51, "a name from `peers`"},
	{"\"exchange\"", "\"exchnge\"", 52, "did you mean `exchange`?"},
	{"\"xclient\"]", "\"xclinet\"]", 23,
	    "one of xoorg, relay, xclient, proxy, found \"xclinet\""},
	/* Types. */
	{"workers = 2", "workers = \"2\"", 2, "a whole number, found \"2\""},
	{"workers = 2", "workers = 2.5", 2, "found 2.5"},
	{"workers = 2", "workers = true", 2, "found true"},
	{"workers = 2", "workers = [2]", 2, "found a list"},
	{"= true", "= \"true\"", 66, "expected true or false"},
	{"\"syslog\"", "1", 3, "expected a string, found 1"},
	{"tls = \"verify\"", "tls = {}", 62, "found a group"},
	{"[\"127.0.0.1:10027\"]", "\"127.0.0.1:10027\"", 50, "expected a list"},
	{"[\"contoso.com\",\n      \"Contoso.onmicrosoft.com\"\n",
	    "[1, 2\n", 28, "a list of domains, found 1"},
	{"limits = {\n  recipients = 500\n  command_timeout = 20\n}",
	    "limits = 3", 5, "limits = { ... }, found 3"},
	{"  contoso = {", "  contoso = 3; c = {", 27,
	    "tenants: expected a group, contoso = { ... }, found 3"},
	/* Values. */
	{"workers = 2", "workers = -1", 2, "from 0 to 1024, found -1"},
	{"workers = 2", "workers = 1025", 2, "from 0 to 1024"},
	{"workers = 2", "workers = 4294967298", 2, "found 4294967298"},
	{"workers = 2", "workers = 18446744073709551618", 2, "18 digits"},
	{"workers = 2", "workers = 0x10000000000000002", 2, "18 digits"},
	{"workers = 2", "workers = 0x100000002", 2, "found 0x100000002"},
	{"command_timeout = 20", "command_timeout = 0", 7,
	    "from 1 to 86400 (seconds)"},
	{"5000000000", "1099511627777", 47, "listeners.from-exchange-online"},
	{"\"gw.contoso.com\"", "\"\"", 1, "hostname: expected a domain"},
	{"\"gw.contoso.com\"", "\"a..b\"", 1, "found \"a..b\""},
	{"hostname = \"gw.contoso.com\"", "", 1, "found no such setting"},
	{"\"syslog\"", "\"\"", 3, "the name of a file"},
	{"\"observe\"", "\"obey\"", 45, "one of enforce, observe"},
	{"\"keep\"", "\"kept\"", 67, "one of \"\", keep, strip, promote"},
	{"\"xclient\"\n", "\"XCLIENT\"\n", 58, "none, xclient, proxy"},
	{"\"Contoso.onmicrosoft.com\"", "\"contoso com\"", 29, "a domain or"},
	{"\"Contoso.onmicrosoft.com\"", "\"\"", 29, "a domain or"},
	{"\"mail.protection.outlook.com\"", "\"*.*.com\"", 18, "a domain or"},
	{"\"127.0.0.0/8\"", "\"127.0.0.1/8\"", 22, "zeros behind its bits"},
	{"\"127.0.0.0/8\"", "\"127.0.0.0/33\"", 22, "0 to 32 bits"},
	{"\"127.0.0.0/8\"", "\"127.0.0.0/\"", 22, "0 to 32 bits"},
	{"\"::1\"", "\"::1/129\"", 22, "0 to 128 bits"},
	{"\"::1\"", "\"::1/64\"", 22, "zeros behind its bits"},
	{"\"::1\"", "\"localhost\"", 22, "expected a network"},
	{"\"127.0.0.1\"", "\"localhost:9025\"", 4, "IP:PORT"},
	{"\"0.0.0.0:25\"", "\"gw:25\"", 42, "IP:PORT"},
	{"\"0.0.0.0:25\"", "\"0.0.0.0:0\"", 42, "a port from 1 to 65535"},
	{"\"0.0.0.0:25\"", "\"0.0.0.0:65536\"", 42, "a port from 1 to"},
	{"\"[::]:2525\"", "\"::\"", 42, "expected HOST:PORT"},
	{"\"[::]:2525\"", "\"[::]2525\"", 42, "expected HOST:PORT"},
	{"\"[::]:2525\"", "\"[1.2.3.4]:25\"", 42, "an IPv6 address in"},
	{"\"mail\"", "\"mail:smtp\"", 57, "a port from 1"},
	{"\"mail\"", "\"10.0.0.300\"", 57, "an IPv4 address or a name"},
	{"\"mail\"", "\"\"", 57, "expected HOST:PORT"},
	{"\"mail\"", "\"ma il\"", 57, "expected HOST:PORT"},
	{"\"contoso.com\"\n    tls", "\"contoso..com\"\n    tls", 61, "mx: exp"},
	{"xoorg = \"tenant\"", "xoorg = \"the tenant\"", 65, "\"tenant\" or"},
	{"xoorg = \"tenant\"", "xoorg = \"a domain\"", 65, "\"tenant\" or"},
	{"\"gw.pem\"\n    key", "\"no.pem\"\n    key", 11, "/no.pem: No such"},
	{"\"gw.pem\"\n    key", "\"\"\n    key", 11, "the name of a file"},
	{"\"gw.pem\"\n    key", "\".\"\n    key", 11, "Is a directory"},
	{"\"gw.key\" ", "\"no.key\" ", 12, "tls.default.key: expected a read"},
	{"crl = \"off\"", "trust = \"no.pem\"", 13, "expected a readable"},
	{"crl = \"off\"", "crl_file = \"no.pem\"", 13, "expected a readable"},
	/* One value against another. */
	{"crl = \"off\"", "crl = \"soft\"", 13, "crl_file beside it"},
	{"rights = [\"xoorg\"]", "rights = [\"xoorg\"]; crl = \"hard\"", 19,
	    "crl: expected crl_file beside it"},
	{"rights = [\"xoorg\"]", "rights = [\"xoorg\"]; crl_file = \"gw.pem\"", 19,
	    "crl_file: expected crl beside it"},
	{"handover", "crl = \"soft\"; handover", 58, "crl_file beside it"},
	{"handover", "crl = \"soft\"; crl_file = \"gw.pem\"; handover", 58,
	    "crl: expected tls = \"verify\""},
	{"    certificate = \"gw.pem\"\n", "", 10, "found no such setting"},
	{"names = [\"mail.protection.outlook.com\"]", "", 17,
	    "peers.exchange-online: expected names or networks"},
	{"[\"relay\", \"xclient\"]", "[\"xoorg\"]", 23, "expected names"},
	{"originator_orgs = [\"fabrikam.com\"]", "", 32,
	    "tenants.fabrikam.originator_orgs: expected a list of domains"},
	{"[\"fabrikam.com\"]", "[]", 33, "at least one, found an empty list"},
	{"\"fabrikam.com\"", "\"*.fabrikam.com\"", 33, "as the first"},
	{"\"fabrikam.com\"", "\"CONTOSO.com\"", 33,
	    "\"CONTOSO.com\" in tenant `contoso` and in tenant `fabrikam`"},
	{"\"Contoso.onmicrosoft.com\"", "\"contoso.COM\"", 28,
	    "\"contoso.COM\" in tenant `contoso`"},
	{"[\"relay\", \"xclient\"]", "[\"xclient\"]; tenant = \"contoso\"", 23,
	    "local-mta.tenant: expected the right relay beside it"},
	{"[\"relay\", \"xclient\"]", "[\"relay\"]; tenant = \"contosa\"", 23,
	    "expected a name from `tenants`, found \"contosa\"; did you mean "
	    "`contoso`?"},
	{"    rights = [\"xoorg\"]", "    rights = [\"xoorg\", \"relay\"]; "
	    "tenant = \"contoso\"", 19, "tenant: expected no right xoorg"},
	{"    rights = [\"xoorg\"]", "    rights = [\"xoorg\", \"relay\"]; "
	    "networks = [\"192.0.2.0/24\"]", 19,
	    "exchange-online.networks: expected no rights xoorg and relay"},
	{"    client_certificate = \"gw.pem\"\n", "", 35,
	    "fabrikam.client_key: expected client_certificate"},
	{"    client_key = \"gw.key\"\n", "", 35,
	    "fabrikam.client_certificate: expected client_key"},
	{"[\"127.0.0.1:10027\"]", "[]", 50, "at least one"},
	{"    upstream = \"exchange\"\n", "", 49, "upstream or demote_to"},
	{"    tls = \"default\"\n", "", 43, "`exchange-online` is known by"},
	{"[\"local-mta\"]", "[\"local-mta\"]; require_tls = true", 51,
	    "require_tls: expected tls"},
	{"\"127.0.0.1:10027\"", "\"0.0.0.0\"", 50,
	    "0.0.0.0 port 25, which listener `from-exchange-online`"},
	{"\"[::]:2525\"", "\"0.0.0.0\"", 42, "each address once"},
	{"\"[::]:2525\"", "\"[::1]:26\", \"[0:0::1]:26\"", 42,
	    "each address once, found 0:0::1 port 26"},
	{"\"[::]:2525\"", "\"[::ffff:127.0.0.1]:10027\"", 50,
	    "each address once, found 127.0.0.1 port 10027, which listener "
	    "`from-exchange-online` has too"},
	{"    mx = \"contoso.com\"\n", "", 60, "hosts or mx, found neither"},
	{"mx = ", "hosts = [\"a\"]; mx = ", 61, "hosts or mx, found both"},
	{"mx = ", "hosts = []; mx = \"\" #", 60, "hosts or mx, found neither"},
	{"\"tenant\"\n    xoorg", "\"tenant\"; client_key = \"gw.key\"\n    xoorg",
	    64, "client_key: expected a file as client_certificate"},
	{"\"tenant\"\n    xoorg", "\"gw.pem\"\n    xoorg", 64,
	    "expected client_key beside"},
	{"tls = \"verify\"", "tls = \"encrypt\"", 65, "found encrypt"},
	{"tls = \"verify\"\n    tls_name = \"mail.contoso.com\"\n"
	    "    client_certificate = \"tenant\"\n", "", 62, "exchange.xoorg: "},
	{"tls = \"verify\"\n    tls_name = \"mail.contoso.com\"\n"
	    "    client_certificate = \"tenant\"\n    xoorg = \"tenant\"\n", "",
	    62, "require_xoorg: expected tls = \"verify\""},
	{"handover", "tls_name = \"a\"; handover", 58, "\"verify\" or \"encr"},
	{"handover", "ciphers = \"a\"; handover", 58, "\"verify\" or \"encr"},
	{"handover", "groups = \"a\"; handover", 58, "\"verify\" or \"encr"},
	{"handover", "trust = \"gw.pem\"; handover", 58, "tls = \"verify\""},
	{"\"rrvs\"]", "\"xverp\"]", 4,
	    "extensions: expected each keyword once, found \"xverp\""},
	{"\"rrvs\"]", "\"\"]", 4, "expected a keyword as in"},
	{"\"rrvs\"]", "\"NO-SOLICITING=SOLICIT\"]", 4,
	    "expected a keyword as in"},
	{"\"rrvs\"]", "\"BURL\"]", 4, "extensions: expected a keyword "
	    "that only adds parameters of its name, found \"BURL\""},
	{"\"rrvs\"]", "\"dsn\"]", 4, "that the gateway does not know itself"},
	{"\"rrvs\"]", "\"ENVID\"]", 4, "that the gateway does not know itself"},
	{"[\"XVERP\", \"rrvs\"]", "[4]", 4,
	    "expected a list of keywords, found 4"},
	{"[\"XVERP\", \"rrvs\"]", "\"XVERP\"", 4,
	    "expected a list of keywords"},
	{"\"rrvs\"]", "\"A\", \"B\", \"C\",\n \"D\", \"E\", \"F\", \"G\", "
	    "\"H\"]", 4, "expected a list of keywords with at "
	    "most 8, found 9"},
	/* Includes. */
	{"log = ", "@include \"none.conf\"\nlog =", 3, "none.conf: No such"},
	{"log = ", "@include none\nlog =", 3, "@include \"FILE\", found"},
	{"log = ", "@include \"a\" \"b\"\nlog =", 3, "nothing behind"},
	{"log = ", "@include \"test.conf\"\nlog =", 3, "at most 10 deep"},
};

static char sample_path[PATH_MAX + sizeof("doc/xoorgd.conf.sample")];
static char folder[] = "/tmp/xoorg-test-conf.XXXXXX";

static void
write_file(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* `good` with the first `from` replaced, as test.conf. */
static void
write_changed(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	struct xo_buf text = {0};

	if (at == NULL)
		fail_msg("`%s` does not occur", from);
	xo_buf_add(&text, xo_span(good, (size_t)(at - good)));
	xo_buf_add_all(&text, to, at + strlen(from), (char *)NULL);
	write_file("test.conf", (const char *)text.p, text.len);
	xo_buf_fini(&text);
}

static struct xo_conf *
load(const char *name)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = xo_conf_load(name, &error);

	if (conf == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	assert_int_equal(error.len, 0);
	xo_buf_fini(&error);
	return conf;
}

/* One line, "NAME:LINE: ...", with `want` in it. */
static bool
is_failure(const char *name, int line, const char *want, bool is_shown)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = xo_conf_load(name, &error);
	char start[128] = "";
	const char *got;
	bool is_good;

	if (line > 0)
		(void)snprintf(start, sizeof(start), "%s:%d: ", name, line);
	xo_buf_add_byte(&error, '\0');
	got = (const char *)error.p;
	is_good = conf == NULL && strncmp(got, start, strlen(start)) == 0 &&
	    strstr(got, want) != NULL && strpbrk(got, "\r\n") == NULL &&
	    strlen(got) + 1 == error.len;
	if (!is_good)
		print_error("got  %s\nwant %s...%s\n", conf != NULL ?
		    "(a configuration)" : got, start, want);
	else if (is_shown)
		print_message("%s\n", got);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return is_good;
}

static char *
print(const struct xo_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(xo_conf_print(conf, false, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
check_span(struct xo_span got, const char *want)
{
	if (!xo_span_is_equal(got, xo_span_from_cstr(want)))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.len,
		    (const char *)got.p, want);
}

static void
test_top(void **state)
{
	struct xo_conf *conf;
	char path[128];

	(void)state;
	write_text("test.conf", good);
	conf = load("test.conf");
	check_span(conf->policy.hostname, "gw.contoso.com");
	assert_null(conf->process.user);
	assert_int_equal(conf->process.user_where.line, 2);
	assert_int_equal(conf->process.workers, 2);
	assert_string_equal(conf->log.target, "syslog");
	assert_true(conf->status.is_set);
	assert_int_equal(conf->status.host.port, 9025);
	assert_int_equal(conf->policy.extensions.n, 2);
	check_span(conf->policy.extensions.names[1], "rrvs");
	assert_null(conf->process.pid_file.path);
	assert_int_equal(conf->process.drain_timeout, 600000);
	assert_int_equal(conf->policy.limits.recipients, 500);
	assert_int_equal(conf->policy.limits.command_timeout, 20000);
	assert_int_equal(conf->policy.limits.final_timeout, 600000);
	assert_int_equal(conf->n_tls, 1);
	assert_string_equal(conf->tls[0].name, "default");
	assert_int_equal(conf->tls[0].where.line, 10);
	assert_string_equal(conf->tls[0].certificate.where.file, "test.conf");
	assert_int_equal(conf->tls[0].certificate.where.line, 11);
	(void)snprintf(path, sizeof(path), "%s/gw.key", folder);
	assert_string_equal(conf->tls[0].key.path, path);
	assert_string_equal(conf->tls[0].trust, "system");
	assert_int_equal(conf->tls[0].minimum, XO_TLS_1_2);
	assert_null(conf->tls[0].ciphers);
	xo_conf_free(&conf);
	assert_null(conf);
	xo_conf_free(&conf);
}

static void
test_peers_and_tenants(void **state)
{
	struct xo_conf *conf;
	const struct xo_peer *peer;
	const struct xo_tenant *tenant;

	(void)state;
	write_text("test.conf", good);
	conf = load("test.conf");
	assert_int_equal(conf->policy.n_peers, 2);
	peer = &conf->policy.peers[0];
	check_span(peer->names[0], "mail.protection.outlook.com");
	assert_int_equal(peer->rights, XO_RIGHT_XOORG);
	assert_int_equal(peer->bad_certificate, XO_BAD_CERTIFICATE_REFUSE);
	assert_false(peer->has_wildcards);
	peer = &conf->policy.peers[1];
	check_span(peer->name, "local-mta");
	assert_int_equal(peer->rights, XO_RIGHT_RELAY | XO_RIGHT_XCLIENT);
	assert_int_equal(peer->n_networks, 2);
	assert_int_equal(peer->networks[0].bits, 104);
	assert_true(xo_address_is_ipv4(&peer->networks[0].address));
	assert_int_equal(peer->networks[1].bits, 128);
	assert_int_equal(conf->policy.n_tenants, 2);
	tenant = &conf->policy.tenants[0];
	assert_int_equal(tenant->n_recipient_domains, 2);
	check_span(tenant->recipient_domains[1], "Contoso.onmicrosoft.com");
	assert_int_equal(tenant->upstream, XO_NOBODY);
	assert_false(tenant->has_client_certificate);
	tenant = &conf->policy.tenants[1];
	assert_int_equal(tenant->n_recipient_domains, 0);
	assert_int_equal(tenant->upstream, 0);
	assert_true(tenant->has_client_certificate);
	assert_int_equal(conf->tenants[1].client_key.where.line, 36);
	assert_int_equal(xo_tenants_by_org(&conf->policy,
	    XO_LIT("contoso.ONmicrosoft.com")), 0);
	assert_int_equal(xo_tenants_by_org(&conf->policy,
	    XO_LIT("fabrikam.com")), 1);
	xo_conf_free(&conf);
}

static void
test_listeners(void **state)
{
	struct xo_conf *conf;
	const struct xo_listener *listener;

	(void)state;
	write_text("test.conf", good);
	conf = load("test.conf");
	assert_int_equal(conf->policy.n_listeners, 2);
	listener = &conf->policy.listeners[0];
	assert_int_equal(conf->listeners[0].n_listen, 2);
	assert_string_equal(conf->listeners[0].listen[1].host, "::");
	assert_int_equal(conf->listeners[0].listen[1].port, 2525);
	assert_int_equal(conf->listeners[0].tls, 0);
	assert_true(listener->has_tls);
	assert_int_equal(listener->n_peers, 1);
	assert_int_equal(listener->peers[0], 0);
	assert_int_equal(listener->mode, XO_MODE_OBSERVE);
	assert_int_equal(listener->on[XO_VERDICT_VERIFIED],
	    XO_DECISION_ACCEPT);
	assert_int_equal(listener->on[XO_VERDICT_UNKNOWN_ORG],
	    XO_DECISION_REJECT);
	assert_int_equal(listener->on[XO_VERDICT_NO_ORG], XO_DECISION_DEMOTE);
	assert_int_equal(listener->on[XO_VERDICT_SENDER_MISMATCH],
	    XO_DECISION_REJECT);
	assert_int_equal(listener->on[XO_VERDICT_UNAUTHENTICATED],
	    XO_DECISION_DEMOTE);
	assert_int_equal(listener->upstream, 0);
	assert_int_equal(xo_listener_demote_to(listener), 2);
	assert_true(listener->size_limit == 5000000000U);
	listener = &conf->policy.listeners[1];
	assert_false(listener->has_tls);
	assert_int_equal(conf->listeners[1].tls, XO_NOBODY);
	assert_int_equal(listener->peers[0], 1);
	assert_int_equal(listener->upstream, 1);
	assert_int_equal(xo_listener_demote_to(listener), XO_NOBODY);
	assert_true(listener->size_limit == 157286400U);
	xo_conf_free(&conf);
}

static void
test_upstreams(void **state)
{
	struct xo_conf *conf;
	const struct xo_upstream *policy;
	const struct xo_conf_upstream *upstream;

	(void)state;
	write_text("test.conf", good);
	conf = load("test.conf");
	policy = &conf->policy.upstreams[0];
	upstream = &conf->upstreams[0];
	assert_int_equal(upstream->n_hosts, 3);
	assert_int_equal(upstream->hosts[0].port, 10025);
	assert_string_equal(upstream->hosts[1].host, "mail");
	assert_int_equal(upstream->hosts[1].port, 25);
	assert_string_equal(upstream->hosts[2].host, "::1");
	assert_int_equal(upstream->max_idle, 20);
	assert_int_equal(upstream->idle_timeout, 60000);
	assert_int_equal(policy->tls, XO_TLS_NONE);
	assert_int_equal(policy->handover, XO_HANDOVER_XCLIENT);
	assert_int_equal(policy->xoorg_source, XO_XOORG_NONE);
	assert_int_equal(policy->cross_premises, XO_CROSS_PREMISES_DEFAULT);
	policy = &conf->policy.upstreams[1];
	upstream = &conf->upstreams[1];
	assert_string_equal(upstream->mx, "contoso.com");
	assert_string_equal(upstream->tls_name, "mail.contoso.com");
	assert_int_equal(policy->tls, XO_TLS_VERIFY);
	assert_true(policy->has_tenant_certificate);
	assert_null(upstream->client_certificate.path);
	assert_int_equal(policy->xoorg_source, XO_XOORG_TENANT);
	assert_true(policy->require_xoorg);
	assert_int_equal(policy->cross_premises, XO_CROSS_PREMISES_KEEP);
	xo_conf_free(&conf);
}

static void
test_errors(void **state)
{
	size_t n_bad = 0;
	size_t i;
	bool is_shown = getenv("XO_TEST_SHOW") != NULL;

	(void)state;
	for (i = 0; i < N(bads); i++) {
		write_changed(bads[i].from, bads[i].to);
		if (is_failure("test.conf", bads[i].line, bads[i].want,
		    is_shown))
			continue;
		print_error("with `%s` as `%s`\n", bads[i].from, bads[i].to);
		n_bad++;
	}
	assert_int_equal(n_bad, 0);
}

static void
test_files(void **state)
{
	static const char nul[] = "hostname = \"a\"\nuser = \"\"\0\nworkers = x";

	(void)state;
	assert_true(is_failure("absent.conf", 0,
	    "absent.conf: cannot be read: No such", false));
	assert_true(is_failure(".", 0, ".: cannot be read: Is a dir", false));
	write_text("test.conf", "");
	assert_true(is_failure("test.conf", 1, "hostname", false));
	write_text("test.conf", "hostname = \"a\"\nuser\n");
	assert_true(is_failure("test.conf", 2, "end of the file", false));
	write_text("test.conf", "hostname = \"a\"\n\nlisteners = {}\n");
	assert_true(is_failure("test.conf", 3, "at least one", false));
	write_file("test.conf", nul, sizeof(nul) - 1);
	assert_true(is_failure("test.conf", 2, "a NUL octet", false));
}

/* Relative to the including file; the lines are those of each file. */
static void
test_include(void **state)
{
	struct xo_conf *conf;

	(void)state;
	write_changed("log = \"syslog\"\n", "@include \"sub/a.conf\" # here\n");
	write_text("sub/a.conf", "\xef\xbb\xbf// @include \"none\"\n"
	    "/*\n@include \"none\" */\n  @include \"b.conf\"\nlog = \"stderr\"");
	write_text("sub/b.conf", "pid_file = \"p\";\n");
	conf = load("test.conf");
	assert_string_equal(conf->log.target, "stderr");
	assert_string_equal(conf->process.pid_file.where.file, "sub/b.conf");
	assert_int_equal(conf->process.pid_file.where.line, 1);
	/* Files are relative to the main file. */
	assert_null(strstr(conf->process.pid_file.path, "sub"));
	assert_int_equal(conf->tls[0].certificate.where.line, 11);
	xo_conf_free(&conf);
	write_text("sub/b.conf", "pid_file = \"p\"\n\nlog = ( \"\" }\n");
	assert_true(is_failure("test.conf", 0, "sub/b.conf:3: ", false));
	write_text("sub/b.conf", "pid_file = \"p\"\n\nworkers = 3\n");
	assert_true(is_failure("test.conf", 0,
	    "sub/b.conf:3: expected each name once in its group, found "
	    "`workers` again, which is in test.conf:2 already", false));
	write_text("sub/b.conf", "\npid_file = 1");
	assert_true(is_failure("test.conf", 0, "sub/b.conf:2: pid_file: ",
	    false));
	write_text("sub/b.conf", "\npid_file = = 1");
	assert_true(is_failure("test.conf", 0, "sub/b.conf:2: ", false));
}

/* What is printed loads, and prints the same. */
static void
test_print(void **state)
{
	struct xo_conf *conf;
	char *first, *second;

	(void)state;
	write_changed("\"syslog\"", "\"a \\\"quoted\\\" \\\\ log\\n\"");
	conf = load("test.conf");
	first = print(conf);
	assert_non_null(strstr(first, "\"::1/128\""));
	assert_non_null(strstr(first, "\"127.0.0.0/8\""));
	assert_non_null(strstr(first, "\"[::]:2525\""));
	assert_non_null(strstr(first, "size_limit = 5000000000\n"));
	assert_non_null(strstr(first, "command_timeout = 20\n"));
	assert_non_null(strstr(first, "a \\\"quoted\\\" \\\\ log\\x0a\""));
	xo_conf_free(&conf);
	write_text("sub/printed.conf", first);
	conf = load("sub/printed.conf");
	second = print(conf);
	assert_string_equal(first, second);
	xo_conf_free(&conf);
	free(first);
	free(second);
}

/* The words of the file are the words of the log. */
static void
test_words(void **state)
{
	const struct xo_setting *row = xo_setting_find(XO_SECTION_LISTENERS,
	    XO_LIT("no_org"));
	int i;

	(void)state;
	assert_non_null(row);
	for (i = 0; i < XO_DECISION_COUNT; i++)
		assert_string_equal(row->words[i],
		    xo_decision_name((enum xo_decision)i));
}

static void
test_table(void **state)
{
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	(void)state;
	for (i = 0; i < n; i++) {
		assert_ptr_equal(xo_setting_find(rows[i].section,
		    xo_span_from_cstr(rows[i].name)), &rows[i]);
		assert_true(rows[i].offset < xo_section_size(rows[i].section));
		assert_true(rows[i].help != NULL && rows[i].help[0] != '\0');
		assert_null(strchr(rows[i].help, '\n'));
	}
}

/* The sample is a good configuration and names every setting. */
static void
test_sample(void **state)
{
	struct xo_buf sample = {0};
	FILE *file = fopen(sample_path, "r");
	struct xo_conf *conf;
	char name[64];
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	(void)state;
	if (file == NULL) {
		print_error("SKIPPED: %s is not here\n", sample_path);
		skip();
	}
	assert_non_null(xo_buf_reserve(&sample, 65536));
	sample.len = fread(sample.p, 1, 65535, file);
	(void)fclose(file);
	write_file("test.conf", (const char *)sample.p, sample.len);
	conf = load("test.conf");
	xo_conf_free(&conf);
	xo_buf_add_byte(&sample, '\0');
	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s = ", rows[i].name);
		if (strstr((const char *)sample.p, name) == NULL)
			fail_msg("no `%s` in the sample", rows[i].name);
	}
	xo_buf_fini(&sample);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	write_text("gw.pem", "");
	write_text("gw.key", "");
	return mkdir("sub", 0700);
}

static int
tear_down(void **state)
{
	static const char *const names[] = {"gw.pem", "gw.key", "test.conf",
	    "sub/a.conf", "sub/b.conf", "sub/printed.conf"};
	size_t i;

	(void)state;
	for (i = 0; i < N(names); i++)
		(void)unlink(names[i]);
	(void)rmdir("sub");
	return chdir("/") != 0 ? -1 : rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_peers_and_tenants),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_upstreams),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sample),
	};
	char here[PATH_MAX];
	char *tests_folder;

	/* Before set_up leaves the folder that __FILE__ is relative to. */
	if (realpath(__FILE__, here) != NULL &&
	    (tests_folder = strstr(here, "tests/unit/")) != NULL) {
		*tests_folder = '\0';
		(void)snprintf(sample_path, sizeof(sample_path), "%s%s", here,
		    "doc/xoorgd.conf.sample");
	}

	return cmocka_run_group_tests_name("conf", tests, set_up, tear_down);
}
