/* SPDX-License-Identifier: ISC */
/*
 * Tables of tenants: a row is what the same group in the configuration is, for
 * good and for bad; the one line for each way to write a bad one, which is the
 * good one with one text replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <conf/warning.h>
#include <xoorg/tenants.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char head[] =
    "hostname = \"gw.contoso.com\"; user = \"\"\n"
    "peers = { e = { names = [\"e.example\"]; rights = [\"xoorg\"] }\n"
    "  app = { names = [\"app.example\"]; rights = [\"relay\"]\n"
    "    tenant = \"b\" } }\n"
    "tls = { t = { certificate = \"gw.pem\"; key = \"gw.key\" } }\n"
    "listeners = { l = { listen = [\"127.0.0.1:10027\"]; tls = \"t\"\n"
    "  peers = [\"e\"]; upstream = \"u\"; demote_to = \"d\" } }\n"
    "upstreams = { u = { hosts = [\"127.0.0.1:1\"] }\n"
    "  v = { hosts = [\"127.0.0.1:2\"] }\n"
    "  d = { hosts = [\"127.0.0.1:3\"]; handover = \"xclient\" } }\n";
static const char own[] =
    "tenants = { own = { originator_orgs = [\"own.example\"]\n"
    "  recipient_domains = [] } }\n";
static const char fatal[] = "tenant_tables = [\"csv:a.csv\", \"csv:b.csv\"]\n";
static const char skip[] = "tenant_tables = [\"csv:a.csv\", \"csv:b.csv\"]\n"
    "tenant_table_errors = \"skip\"\n";

static const char table_a[] =
    "name,originator_orgs,sender_domains,recipient_domains,relay,"
    "allow_untrusted_routing,client_certificate,client_key,upstream\n"	/* 1 */
    "contoso,contoso.com *.contoso.com,contoso.com; x.example,,true,"
    "true,gw.pem,gw.key,v\n"						/* 2 */
    "\n"								/* 3 */
    "fabrikam-2_x, Fabrikam.com ,,[],false,,,,\n"			/* 4 */
    "\"quoted\",\"quoted.example\",\"a.example b.example\",c.example,,,,,u\n";
static const char table_b[] =
    "originator_orgs,name\r\n"						/* 1 */
    "b.example,b\r\n";							/* 2 */

static char folder[] = "/tmp/xoorg-test-table.XXXXXX";

static void
write_text(const char *name, const char *text)
{
	FILE *out = fopen(name, "w");

	assert_non_null(out);
	assert_int_equal(fputs(text, out) < 0, 0);
	assert_int_equal(fclose(out), 0);
}

/* `text` with the first `from` as `to`; in a buffer of its own. */
static const char *
replace(const char *text, const char *from, const char *to)
{
	static char out[4096];
	const char *at = strstr(text, from);

	if (at == NULL)
		fail_msg("%s: not in the text", from);
	(void)snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - text), text,
	    to, at + strlen(from));
	return out;
}

static struct xo_conf *
load(const char *tables, const char *a, const char *b, struct xo_buf *error)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "%s%s%s", head, own, tables);
	write_text("test.conf", text);
	write_text("a.csv", a);
	write_text("b.csv", b);
	return xo_conf_load("test.conf", error);
}

static struct xo_conf *
must_load(const char *tables, const char *a, const char *b)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = load(tables, a, b, &error);

	if (conf == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	xo_buf_fini(&error);
	return conf;
}

static const struct xo_tenant *
tenant_of(const struct xo_conf *conf, const char *org)
{
	int i = xo_tenants_by_org(&conf->policy, xo_span_from_cstr(org));

	return i != XO_NOBODY ? &conf->policy.tenants[i] : NULL;
}

static void
must_be(struct xo_span got, const char *want)
{
	if (!xo_span_is_equal(got, xo_span_from_cstr(want)))
		fail_msg("got %.*s, want %s", (int)got.len,
		    (const char *)got.p, want);
}

struct bad {
	const char *from, *to;
	int line;
	const char *want;
};

static const struct bad bads[] = {
	/* The header. */
	{"name,orig", "nmae,orig", 1,
	    "expected a header line of `name` and settings of tenants, found "
	    "`nmae`; did you mean `name`?"},
	{"relay,", "Relay,", 1, "found `Relay`; did you mean `relay`?"},
	{"relay,", "hostname,", 1, "found `hostname`"},
	{"relay,", ",", 1, "found ``"},
	{"relay,", "name,", 1, "each column once, found `name` again"},
	{"sender_domains,", "relay,", 1, "found `relay` again"},
	{"name,orig", "upstream,orig", 1, "found `upstream` again"},
	{"relay,", "\"relay,", 1, "expected a closing quote"},
	{"originator_orgs,sender_domains,", "sender_domains,upstream,", 1,
	    "found `upstream` again"},
	/* The form of a row. */
	{"true,gw.pem", "true,,gw.pem", 2,
	    "expected 9 cells, as the header has, found 10"},
	{"true,gw.pem,", "gw.pem,", 2, "found 8"},
	{"\"quoted\"", "\"quoted", 5, "expected a comma or the line's end"},
	{"c.example,,,,,u\n", "c.example,,,,,u", 5,
	    "expected a line end behind the last row"},
	{"quoted.example\"", "quo\x01ted.example\"", 5, "control characters"},
	/* Names. */
	{"\ncontoso,", "\n,", 2, "name: expected a name of letters, digits"},
	{"\ncontoso,", "\n2contoso,", 2, "found \"2contoso\""},
	{"\ncontoso,", "\ncontoso.com,", 2, "found \"contoso.com\""},
	{"\ncontoso,", "\ncon toso,", 2, "found \"con toso\""},
	{"\ncontoso,", "\n\"con\"\"toso\",", 2, "found \"con\"toso\""},
	{"\ncontoso,", "\nown,", 2, "each tenant once, found `own` again, "
	    "which is in "},
	{"\ncontoso,", "\nown,", 2, "test.conf:11 already"},
	{"\nfabrikam-2_x,", "\ncontoso,", 4, "a.csv:2 already"},
	/* Values, as in the configuration. */
	{"contoso.com *.contoso.com", "", 2,
	    "tenants.contoso.originator_orgs: expected a list of domains, "
	    "found no such setting"},
	{"contoso.com *.contoso.com", "[]", 2, "with at least one"},
	{"contoso.com *.contoso.com", " ; ", 2, "with at least one"},
	{"contoso.com *.contoso.com", "*.contoso.com", 2,
	    "tenants.contoso.originator_orgs: expected a domain as the first, "
	    "found a wildcard"},
	{"contoso.com *.contoso.com", "contoso..com", 2,
	    "expected a domain or *.DOMAIN, found \"contoso..com\""},
	{"contoso.com *.contoso.com", "\"contoso.com,x.example\"", 2,
	    "found \"contoso.com,x.example\""},
	{"x.example", "[]", 2, "found \"[]\""},
	{",true,true", ",yes,true", 2,
	    "tenants.contoso.relay: expected true or false, found \"yes\""},
	{",true,true", ",TRUE,true", 2, "found \"TRUE\""},
	{",true,true", ",1,true", 2, "found \"1\""},
	{",true,true", ",[],true", 2, "found \"[]\""},
	{"gw.pem", "none.pem", 2, "tenants.contoso.client_certificate: "
	    "expected a readable file"},
	{"gw.pem", "", 2, "client_key: expected client_certificate beside it"},
	{"gw.key", "", 2, "client_certificate: expected client_key beside it"},
	{"gw.key,v", "gw.key,w", 2,
	    "expected a name from `upstreams`, found \"w\""},
};

static void
check_bad(const struct bad *bad)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = load(fatal, replace(table_a, bad->from,
	    bad->to), table_b, &error);
	char place[32];

	if (conf != NULL)
		fail_msg("%s as %s: taken", bad->from, bad->to);
	xo_buf_add_byte(&error, '\0');
	(void)snprintf(place, sizeof(place), "a.csv:%d: ", bad->line);
	if (strstr((char *)error.p, place) == NULL ||
	    strstr((char *)error.p, bad->want) == NULL)
		fail_msg("%s as %s: got %s, want %s%s", bad->from, bad->to,
		    (char *)error.p, place, bad->want);
	xo_buf_fini(&error);
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bads); i++)
		check_bad(&bads[i]);
}

/* What no setting excuses: the same words, whatever becomes of bad rows. */
static void
test_never_skipped(void **state)
{
	static const struct {
		const char *from, *to, *want;
	} rows[] = {
		{"name,", "nmae,", "a.csv:1: expected a header line"},
		{"\ncontoso,", "\nown,", "a.csv:2: expected each tenant once"},
		{"contoso.com *", "own.example *", "a.csv:2: tenants.contoso."
		    "originator_orgs: expected each organisation once in all "
		    "tenants, found \"own.example\" in tenant `own` and in "
		    "tenant `contoso`, the first of them in "},
		{"Fabrikam.com", "CONTOSO.com", "a.csv:4: tenants.fabrikam-2_x"
		    ".originator_orgs: expected each organisation once in all "
		    "tenants, found \"CONTOSO.com\" in tenant `contoso` and "
		    "in tenant `fabrikam-2_x`, the first of them in "},
		{"Fabrikam.com", "contoso.COM", "a.csv:2"},
		{"Fabrikam.com", "b.example", "b.csv:2: tenants.b."},
		{"Fabrikam.com", "onmicrosoft.com", "a.csv:4: tenants."
		    "fabrikam-2_x.originator_orgs: expected a domain that "
		    "belongs to the tenant alone, found \"onmicrosoft.com\""},
		{"Fabrikam.com", "f.example *.co.uk", "found \"*.co.uk\""},
		{"gw.key,v", "gw.key,d", "expected a place other than that of "
		    "trusted mail, found `d`"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows) * 2; i++) {
		struct xo_buf error = {0};
		struct xo_conf *conf = load(i % 2 == 0 ? fatal : skip,
		    replace(table_a, rows[i / 2].from, rows[i / 2].to),
		    table_b, &error);

		if (conf != NULL)
			fail_msg("%s: taken", rows[i / 2].to);
		xo_buf_add_byte(&error, '\0');
		if (strstr((char *)error.p, rows[i / 2].want) == NULL)
			fail_msg("%s: got %s, want %s", rows[i / 2].to,
			    (char *)error.p, rows[i / 2].want);
		xo_buf_fini(&error);
	}
}

static void
test_no_table(void **state)
{
	static const struct {
		const char *setting, *want;
	} rows[] = {
		{"tenant_tables = \"csv:a.csv\"", "a list of tables"},
		{"tenant_tables = [\"a.csv\"]", "expected csv:FILE, jsonl:FILE, cdb:FILE, socketmap:"},
		{"tenant_tables = [\"cdb:a.csv\"]", "a.csv: shorter than a cdb"},
		{"tenant_tables = [\"cdb:none\"]", "a readable file, found"},
		{"tenant_tables = [\"dbm:a.csv\"]", "jsonl:FILE, cdb:FILE, "},
		{"tenant_tables = [\"CSV:a.csv\"]", "expected csv:FILE, jsonl:FILE, cdb:FILE, socketmap:"},
		{"tenant_tables = [\"csv:\"]", "a file behind "},
		{"tenant_tables = [\"jsonl:\"]", "a file behind "},
		{"tenant_tables = [\"jsonl:none\"]", "a readable file, found"},
		{"tenant_tables = [\"jsonl:a.csv\"]",
		    "a.csv:1: expected a JSON object"},
		{"tenant_tables = [\"csv:none.csv\"]", "a readable file, found"},
		{"tenant_tables = [\"csv:.\"]", "Is a directory"},
		{"tenant_tables = [\"csv:a.csv\", \"csv:a.csv\"]",
		    "a.csv:2: expected each tenant once"},
		{"tenant_table_errors = \"ignore\"", "one of fatal, skip"},
	};
	struct xo_buf error = {0};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_null(load(rows[i].setting, table_a, table_b, &error));
		xo_buf_add_byte(&error, '\0');
		if (strstr((char *)error.p, rows[i].want) == NULL)
			fail_msg("%s: got %s, want %s", rows[i].setting,
			    (char *)error.p, rows[i].want);
	}
	assert_null(load(fatal, table_a, "", &error));
	xo_buf_add_byte(&error, '\0');
	assert_non_null(strstr((char *)error.p,
	    "b.csv:1: expected a header line, found none"));
	xo_buf_fini(&error);
}

static void
test_good(void **state)
{
	struct xo_conf *conf = must_load(fatal, table_a, table_b);
	const struct xo_tenant *t = tenant_of(conf, "contoso.com");

	(void)state;
	assert_int_equal(conf->policy.n_tenants, 5);
	assert_int_equal(conf->n_own_tenants, 1);
	assert_non_null(t);
	must_be(t->name, "contoso");
	must_be(t->originator_orgs[1], "*.contoso.com");
	assert_int_equal(t->n_sender_domains, 2);
	must_be(t->sender_domains[1], "x.example");
	/* Absent: its own; given and empty: none. */
	assert_ptr_equal(t->recipient_domains, t->originator_orgs);
	assert_int_equal(t->n_recipient_domains, 2);
	assert_true(t->relay && t->allow_untrusted_routing &&
	    t->has_client_certificate);
	assert_int_equal(t->upstream, 1);
	t = tenant_of(conf, "fabrikam.com");
	assert_non_null(t);
	must_be(t->name, "fabrikam-2_x");
	assert_int_equal(t->n_recipient_domains, 0);
	assert_int_equal(t->n_sender_domains, 0);
	assert_false(t->relay || t->allow_untrusted_routing ||
	    t->has_client_certificate);
	assert_int_equal(t->upstream, XO_NOBODY);
	t = tenant_of(conf, "quoted.example");
	assert_non_null(t);
	assert_int_equal(t->n_recipient_domains, 1);
	must_be(tenant_of(conf, "b.example")->name, "b");
	must_be(tenant_of(conf, "own.example")->name, "own");
	assert_null(tenant_of(conf, "x.example"));
	assert_int_equal(conf->tenants[1].where.line, 2);
	/* A peer may be that of a table's tenant. */
	assert_false(conf->policy.peers[0].has_tenant);
	assert_true(conf->policy.peers[1].has_tenant);
	must_be(conf->policy.tenants[conf->policy.peers[1].tenant].name, "b");
	xo_conf_free(&conf);
}

/* A row without a right costs its tenant alone, and is told of. */
static void
test_skip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bads); i++) {
		struct xo_buf error = {0};
		struct xo_conf *conf;
		bool is_told = false;

		/* Lines 2 and 4 can be skipped, the names in them not twice. */
		if (bads[i].line == 1 || strstr(bads[i].want, "once") != NULL ||
		    strstr(bads[i].want, "already") != NULL)
			continue;
		conf = load(skip, replace(table_a, bads[i].from, bads[i].to),
		    table_b, &error);
		if (conf == NULL)
			fail_msg("%s: %.*s", bads[i].to, (int)error.len,
			    (const char *)error.p);
		for (size_t k = 0; k < conf->warnings.n; k++)
			is_told |= conf->warnings.list[k].rule ==
			    XO_RULE_ROW_SKIPPED && strstr(
			    conf->warnings.list[k].text, bads[i].want) != NULL;
		if (!is_told)
			fail_msg("%s: nobody is told", bads[i].to);
		assert_int_equal(conf->policy.n_tenants, 4);
		if (bads[i].line == 2)
			assert_null(tenant_of(conf, "contoso.com"));
		assert_non_null(tenant_of(conf, "b.example"));
		xo_conf_free(&conf);
		xo_buf_fini(&error);
	}
}

/* Both say the same of it, each in its place. */
static void
test_warnings(void **state)
{
	struct xo_conf *conf = must_load(fatal, replace(table_a,
	    "contoso.com; x.example", ""), table_b);
	bool is_told = false;

	(void)state;
	for (size_t k = 0; k < conf->warnings.n; k++)
		is_told |= conf->warnings.list[k].rule ==
		    XO_RULE_RELAY_ANY_SENDER && strstr(
		    conf->warnings.list[k].text, "a.csv:2: warning: "
		    "tenants.contoso.relay: ") != NULL;
	assert_true(is_told);
	xo_conf_free(&conf);
}

/* Whole, or what is not as by default. */
static void
check_printed(bool is_changed)
{
	struct xo_conf *conf = must_load(fatal, table_a, table_b);
	struct xo_buf error = {0};
	FILE *out = fopen("printed.conf", "w");

	assert_non_null(out);
	assert_int_equal(xo_conf_print(conf, is_changed, out), 0);
	assert_int_equal(fclose(out), 0);
	xo_conf_free(&conf);
	conf = xo_conf_load("printed.conf", &error);
	if (conf == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	assert_int_equal(conf->policy.n_tenants, 5);
	assert_int_equal(conf->n_own_tenants, 1);
	/* Not the same as none given. */
	assert_int_equal(conf->policy.tenants[0].n_recipient_domains, 0);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
}

static void
test_printed(void **state)
{
	(void)state;
	check_printed(false);
	check_printed(true);
}

/* --- JSON lines ------------------------------------------------------------ */

static const char lines[] = "tenant_tables = [\"jsonl:a.csv\", \"csv:b.csv\"]\n";
static const char lines_skip[] =
    "tenant_tables = [\"jsonl:a.csv\", \"csv:b.csv\"]\n"
    "tenant_table_errors = \"skip\"\n";
static const char table_json[] =
    "{\"name\": \"contoso\", \"originator_orgs\": [\"contoso.com\", "
    "\"*.contoso.com\"],\"sender_domains\":[\"x.example\"],\"relay\":true,"
    "\"client_certificate\":\"gw.pem\",\"client_key\":\"gw.key\","
    "\"upstream\":\"v\"}\n"						/* 1 */
    " \r\n"								/* 2 */
    "{\"originator_orgs\":[\"fabrikam.com\"],\"name\":\"fabrikam\","
    "\"recipient_domains\":[]}\r\n";					/* 3 */

static const struct bad json_bads[] = {
	/* The form of a row. */
	{"{\"name\"", "{{\"name\"", 1, "expected a JSON object, found "},
	{"{\"originator", "[\"originator", 3, "expected a JSON object, found "},
	{"{\"originator_orgs\":[\"fabrikam.com\"],\"name\":\"fabrikam\","
	    "\"recipient_domains\":[]}", "[1]", 3,
	    "expected a JSON object, found [1]"},
	{"[]}\r\n", "[]} {}\r\n", 3, "expected a JSON object, found "},
	{"[]}\r\n", "[]},\r\n", 3, "expected a JSON object, found "},
	{"[]}\r\n", "[]}", 3, "expected a line end behind the last row"},
	{"[]}\r\n", "[],}\r\n", 3, "expected a JSON object, found "},
	{"\"name\":\"fabrikam\"", "\"name\":\"fabrikam\",\"name\":\"b\"", 3,
	    "expected a JSON object, found duplicate object key"},
	{"fabrikam.com", "fabrikam\\u0000.com", 3, "expected a JSON object"},
	{"fabrikam.com", "fabrikam\\n.com", 3,
	    "originator_orgs: expected text without control characters"},
	{"fabrikam.com", "\xff.com", 3, "expected a JSON object"},
	/* Names. */
	{"\"name\":\"fabrikam\"", "\"relay\":false", 3,
	    "name: expected a string, found none"},
	{"\"name\":\"fabrikam\"", "\"name\":[\"fabrikam\"]", 3,
	    "name: expected a string, found another value"},
	{"\"name\":\"fabrikam\"", "\"name\":\"\"", 3, "name: expected a name "},
	{"\"name\":\"fabrikam\"", "\"name\":\"2\"", 3, "found \"2\""},
	/* Values, as in the configuration. */
	{"\"recipient_domains\"", "\"recipient_domain\"", 3, "tenants.fabrikam: "
	    "expected a known setting, found `recipient_domain`; did you mean "
	    "`recipient_domains`?"},
	{"\"recipient_domains\"", "\"hostname\"", 3, "found `hostname`"},
	{":[]}", ":null}", 3, "recipient_domains: expected text, a number, "
	    "true or false, found null"},
	{":[]}", ":{}}", 3, "found an object"},
	{":[]}", ":[[]]}", 3, "found an array"},
	{":[]}", ":[null]}", 3, "found null"},
	{":[]}", ":\"a.example\"}", 3, "expected a list of domains, found"},
	{":[]}", ":[1]}", 3, "expected a list of domains, found 1"},
	{":[]}", ":[1.5]}", 3, "expected a list of domains, found 1.5"},
	{":[]}", ":[true]}", 3, "expected a list of domains, found true"},
	{"[\"fabrikam.com\"]", "[]", 3, "with at least one"},
	{"\"originator_orgs\":[\"fabrikam.com\"],", "", 3,
	    "originator_orgs: expected a list of domains, found no such "
	    "setting"},
	{"fabrikam.com", "*.fabrikam.com", 3, "found a wildcard"},
	{"\"relay\":true", "\"relay\":\"true\"", 1,
	    "tenants.contoso.relay: expected true or false"},
	{"\"relay\":true", "\"relay\":1", 1, "expected true or false, found 1"},
	{"gw.pem", "none.pem", 1, "client_certificate: expected a readable"},
	{"\"upstream\":\"v\"", "\"upstream\":\"v\xc2\x9b\xc3\xa4\"", 1,
	    "found \"v?\xc3\xa4\""},
	{"\"upstream\":\"v\"", "\"upstream\":\"w\"", 1,
	    "expected a name from `upstreams`, found \"w\""},
	{"contoso.com", "own.example", 1, "each organisation once"},
	{"contoso.com", "co.uk", 1, "belongs to the tenant alone"},
	{"\"name\": \"contoso\"", "\"name\": \"own\"", 1, "each tenant once"},
};

static void
check_json_bad(const struct bad *bad)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = load(lines, replace(table_json, bad->from,
	    bad->to), table_b, &error);
	char place[32];

	if (conf != NULL)
		fail_msg("%s as %s: taken", bad->from, bad->to);
	xo_buf_add_byte(&error, '\0');
	(void)snprintf(place, sizeof(place), "a.csv:%d: ", bad->line);
	if (strstr((char *)error.p, place) == NULL ||
	    strstr((char *)error.p, bad->want) == NULL)
		fail_msg("%s as %s: got %s, want %s%s", bad->from, bad->to,
		    (char *)error.p, place, bad->want);
	xo_buf_fini(&error);
}

/* Skipped where a row of the other kind is, and only there. */
static void
check_json_skip(const struct bad *bad)
{
	struct xo_buf error = {0};
	struct xo_conf *conf = load(lines_skip, replace(table_json, bad->from,
	    bad->to), table_b, &error);
	bool is_told = false;

	if (strstr(bad->want, "once") != NULL ||
	    strstr(bad->want, "alone") != NULL) {
		assert_null(conf);
		xo_buf_fini(&error);
		return;
	}
	if (conf == NULL)
		fail_msg("%s: %.*s", bad->to, (int)error.len,
		    (const char *)error.p);
	for (size_t k = 0; k < conf->warnings.n; k++)
		is_told |= strstr(conf->warnings.list[k].text,
		    bad->want) != NULL;
	assert_true(is_told);
	assert_int_equal(conf->policy.n_tenants, 3);
	assert_null(tenant_of(conf, bad->line == 3 ? "fabrikam.com" :
	    "contoso.com"));
	xo_conf_free(&conf);
	xo_buf_fini(&error);
}

static void
test_json_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(json_bads); i++) {
		check_json_bad(&json_bads[i]);
		check_json_skip(&json_bads[i]);
	}
}

static void
test_json_good(void **state)
{
	struct xo_conf *conf = must_load(lines, table_json, table_b);
	const struct xo_tenant *t = tenant_of(conf, "eu.contoso.com");
	struct xo_buf out = {0};

	(void)state;
	assert_int_equal(conf->policy.n_tenants, 4);
	assert_non_null(t);
	must_be(t->name, "contoso");
	assert_true(t->relay && t->has_client_certificate);
	assert_int_equal(t->upstream, 1);
	assert_int_equal(t->n_sender_domains, 1);
	assert_ptr_equal(t->recipient_domains, t->originator_orgs);
	t = tenant_of(conf, "fabrikam.com");
	assert_non_null(t);
	assert_int_equal(t->n_recipient_domains, 0);
	assert_int_equal(conf->tenants[2].where.line, 3);
	/* And back. */
	xo_conf_print_object(conf, 2, &out);
	must_be(xo_buf_span(&out), "{\"name\": \"fabrikam\", "
	    "\"originator_orgs\": [\"fabrikam.com\"], "
	    "\"recipient_domains\": []}");
	xo_buf_fini(&out);
	xo_conf_free(&conf);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	write_text("gw.pem", "");
	write_text("gw.key", "");
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = {"gw.pem", "gw.key", "test.conf",
	    "a.csv", "b.csv", "printed.conf"};

	(void)state;
	for (size_t i = 0; i < N(names); i++)
		(void)unlink(names[i]);
	return chdir("/") != 0 ? -1 : rmdir(folder);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_never_skipped),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_json_bad),
		cmocka_unit_test(test_json_good),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
