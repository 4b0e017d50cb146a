/* SPDX-License-Identifier: ISC */
/*
 * Listeners at which Postfix asks: what is an error in them, where they may be,
 * and that a printed configuration is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <conf/address.h>
#include <conf/warning.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char before[] =
    "hostname = \"gw.contoso.com\"; user = \"\"; seen_file = \"off\"\n"	/* 1 */
    "tls = { t = { certificate = \"gw.pem\"; key = \"gw.key\" } }\n"	/* 2 */
    "peers = { e = { names = [\"e.example\"]; rights = [\"xoorg\"] }\n"	/* 3 */
    "  k = { names = [\"k.example\"]; rights = [\"xoorg\"]\n"		/* 4 */
    "    eku = \"client\" }\n"						/* 5 */
    "  h = { names = [\"h.example\"]; rights = [\"xoorg\"]\n"		/* 6 */
    "    crl = \"hard\"; crl_file = \"gw.pem\" } }\n"			/* 7 */
    "tenants = { c = { originator_orgs = [\"contoso.com\"] } }\n"	/* 8 */
    "listeners = { l = {\n";						/* 9 */
static const char behind[] =
    "\n} }\n"
    "upstreams = { u = { hosts = [\"127.0.0.1:2\"]; tls = \"none\" } }\n";

static char folder[] = "/tmp/xoorg-test-service.XXXXXX";

static struct xo_conf *
load(const char *settings, struct xo_buf *error)
{
	FILE *out = fopen("test.conf", "w");

	assert_non_null(out);
	assert_true(fprintf(out, "%s%s%s", before, settings, behind) > 0);
	assert_int_equal(fclose(out), 0);
	xo_buf_clear(error);
	return xo_conf_load("test.conf", error);
}

#define AT "listen = [\"127.0.0.1:10040\"]\n"
#define POLICY "protocol = \"policy\"; "
#define MAP "protocol = \"socketmap\"; "

static void
test_errors(void **state)
{
	static const struct {
		const char *settings, *want;
	} rows[] = {
		{"protocol = \"lmtp\"; " AT, ":10: listeners.l.protocol: "},
		/* who may reach it */
		{POLICY "listen = [\"0.0.0.0:10040\"]", "listeners.l.listen: "
		    "expected unix:/PATH or a loopback address"},
		{POLICY "listen = [\"[::]:10040\"]", "loopback address"},
		{POLICY "listen = [\"10.0.0.1:10040\"]", "loopback address"},
		{MAP "listen = [\"127.0.0.1:1\", \"192.0.2.1:10040\"]",
		    "loopback address"},
		{"upstream = \"u\"; listen = [\"unix:/tmp/a\"]",
		    "(unix: is for protocol = \"policy\" and \"socketmap\")"},
		/* paths */
		{POLICY "listen = [\"unix:\"]", "a path without blanks"},
		{POLICY "listen = [\"unix:/a b\"]", "a path without blanks"},
		{POLICY "listen = [\"unix:/a\\\"b\"]", "a path without blanks"},
		{POLICY "listen = [\"unix:/1234567890123456789012345678901234567"
		    "890123456789012345678901234567890123456789012345678901234"
		    "56789012345678\"]", "at most 107 octets"},
		{POLICY "listen = [\"unix:/tmp/a\", \"unix:/tmp/a\"]",
		    "expected each address once, found /tmp/a, which"},
		{POLICY "socket_mode = \"0777\"; " AT, "socket_mode: "},
		/* what counts for nothing there */
		{POLICY AT "tls = \"t\"", "listeners.l.tls: expected protocol = "
		    "\"smtp\" beside it, found \"policy\""},
		{POLICY AT "upstream = \"u\"", ":11: listeners.l.upstream: "},
		{POLICY AT "demote_to = \"u\"", "listeners.l.demote_to: "},
		{POLICY AT "size_limit = 1000", "listeners.l.size_limit: "},
		{POLICY AT "size_limit = 0", "listeners.l.size_limit: "},
		{POLICY AT "bare_newline = \"normalize\"", "bare_newline: "},
		{POLICY AT "malformed_header = \"refuse\"",
		    "malformed_header: "},
		{POLICY AT "lenient_envelope = false", "lenient_envelope: "},
		{POLICY AT "safe = true", "listeners.l.safe: "},
		{MAP AT "safe = true", "found \"socketmap\""},
		{MAP AT "peers = [\"e\"]", "expected protocol = \"smtp\" or "
		    "\"policy\" beside it, found \"socketmap\""},
		{MAP AT "no_org = \"reject\"", "listeners.l.no_org: "},
		{MAP AT "sender_mismatch = \"accept\"", "sender_mismatch: "},
		{MAP AT "unauthenticated = \"reject\"", "unauthenticated: "},
		{"upstream = \"u\"; socket_mode = \"0666\"; " AT,
		    "socket_mode: expected protocol = \"policy\" or "
		    "\"socketmap\" beside it, found \"smtp\""},
		/* whom Postfix cannot tell */
		{POLICY AT "peers = [\"e\", \"k\"]", "listeners.l.peers: "
		    "expected peers without eku and without crl = \"hard\", of "
		    "which Postfix says nothing, found k"},
		{POLICY AT "peers = [\"h\"]", "found h"},
		/* the other protocol still wants its own */
		{AT, "expected upstream or demote_to"},
		{AT "upstream = \"u\"; peers = [\"e\"]", "expected tls beside"},
	};
	struct xo_buf error = {0};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_conf *conf = load(rows[i].settings, &error);

		xo_buf_add_byte(&error, '\0');
		if (conf != NULL)
			fail_msg("%s: taken", rows[i].settings);
		if (strstr((const char *)error.p, rows[i].want) == NULL)
			fail_msg("%s: %s", rows[i].settings,
			    (const char *)error.p);
	}
	xo_buf_fini(&error);
}

static bool
has_warning(const struct xo_conf *conf, const char *words)
{
	for (size_t i = 0; i < conf->warnings.n; i++)
		if (strstr(conf->warnings.list[i].text, words) != NULL)
			return true;
	return false;
}

/* Taken, and taken again as it is printed. */
static void
test_good(void **state)
{
	static const char *const rows[] = {
		POLICY AT "peers = [\"e\"]; mode = \"observe\"",
		POLICY "listen = [\"unix:sock\", \"[::1]:10040\"]\n"
		    "peers = [\"e\"]; socket_mode = \"0600\"",
		POLICY AT "unauthenticated = \"reject\"; no_org = \"tempfail\"\n"
		    "sender_mismatch = \"accept\"; unknown_org = \"demote\"",
		MAP AT "mode = \"observe\"; unknown_org = \"tempfail\"",
	};
	struct xo_buf error = {0};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_conf *conf = load(rows[i], &error), *again;
		FILE *out = fopen("print.conf", "w");

		xo_buf_add_byte(&error, '\0');
		if (conf == NULL)
			fail_msg("%s: %s", rows[i], (const char *)error.p);
		assert_non_null(out);
		assert_int_equal(xo_conf_print(conf, false, out), 0);
		assert_int_equal(fclose(out), 0);
		assert_false(has_warning(conf, "observe"));
		assert_false(has_warning(conf, "[no-next-hop]"));
		xo_buf_clear(&error);
		again = xo_conf_load("print.conf", &error);
		xo_buf_add_byte(&error, '\0');
		if (again == NULL)
			fail_msg("%s: %s", rows[i], (const char *)error.p);
		assert_int_equal(again->policy.listeners[0].service,
		    conf->policy.listeners[0].service);
		assert_int_equal(again->listeners[0].socket_mode,
		    conf->listeners[0].socket_mode);
		assert_string_equal(again->listeners[0].listen[0].host,
		    conf->listeners[0].listen[0].host);
		xo_conf_free(&conf);
		xo_conf_free(&again);
		xo_buf_clear(&error);
	}
	xo_buf_fini(&error);
}

/* A path is the folder's of the configuration. */
static void
test_path(void **state)
{
	struct xo_buf error = {0}, text = {0};
	struct xo_conf *conf = load(MAP "listen = [\"unix:sock\"]", &error);
	char want[128];

	(void)state;
	assert_non_null(conf);
	(void)snprintf(want, sizeof(want), "unix:%s/sock", folder);
	assert_true(xo_conf_host_is_unix(&conf->listeners[0].listen[0]));
	assert_int_equal(conf->listeners[0].socket_mode, XO_SOCKET_GROUP);
	xo_conf_host_write(&text, &conf->listeners[0].listen[0]);
	assert_int_equal(text.len, strlen(want));
	assert_memory_equal(text.p, want, text.len);
	/* Tenants are used if they are only looked up. */
	assert_false(has_warning(conf, "[tenant-unused]"));
	xo_buf_fini(&text);
	xo_buf_fini(&error);
	xo_conf_free(&conf);
}

static void
write_text(const char *name)
{
	FILE *out = fopen(name, "w");

	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_path),
	};
	int failed;

	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 1;
	write_text("gw.pem");
	write_text("gw.key");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink("gw.pem");
	(void)unlink("gw.key");
	(void)unlink("test.conf");
	(void)unlink("print.conf");
	return rmdir(folder) == 0 ? failed : 1;
}
