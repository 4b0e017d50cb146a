/* SPDX-License-Identifier: ISC */
/* The resolver against a name server that has its bad days. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <net/resolve.h>

#include "dns_server.h"

/* More than a loaded machine needs for a few packets on loopback. */
#define PATIENCE 20
/* Where the server never answers. */
#define SHORT_LIMIT 200

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static const struct dns_row zone[] = {
	{"four.test", DNS_A, "192.0.2.4", 0, DNS_ANSWERS},
	{"six.test", DNS_AAAA, "2001:db8::6", 0, DNS_ANSWERS},
	{"both.test", DNS_A, "192.0.2.1", 0, DNS_ANSWERS},
	{"both.test", DNS_A, "192.0.2.2", 0, DNS_ANSWERS},
	{"both.test", DNS_A, "192.0.2.3", 0, DNS_ANSWERS},
	{"both.test", DNS_AAAA, "2001:db8::1", 0, DNS_ANSWERS},
	{"both.test", DNS_AAAA, "2001:db8::2", 0, DNS_ANSWERS},
	{"sick.test", DNS_A, "", 0, DNS_SERVFAIL},
	{"sick.test", DNS_AAAA, "", 0, DNS_SERVFAIL},
	{"sick.test", DNS_MX, "", 0, DNS_SERVFAIL},
	{"sick6.test", DNS_AAAA, "", 0, DNS_SERVFAIL},
	{"sick4.test", DNS_A, "", 0, DNS_SERVFAIL},
	{"lame6.test", DNS_A, "192.0.2.5", 0, DNS_ANSWERS},
	{"lame6.test", DNS_AAAA, "", 0, DNS_SERVFAIL},
	{"long.test", DNS_A, "192.0.2.6", 0, DNS_TRUNCATES},
	{"long.test", DNS_MX, "mx.test", 10, DNS_TRUNCATES},
	{"mangled.test", DNS_A, "192.0.2.7", 0, DNS_MANGLES},
	{"mangled.test", DNS_MX, "mx.test", 10, DNS_MANGLES},
	{"rubbish.test", DNS_A, "192.0.2.7", 0, DNS_RUBBISH},
	{"rubbish.test", DNS_MX, "mx.test", 10, DNS_RUBBISH},
	{"silent.test", DNS_A, "", 0, DNS_SILENT},
	{"silent.test", DNS_AAAA, "", 0, DNS_SILENT},
	{"silent.test", DNS_MX, "", 0, DNS_SILENT},
	{"silent6.test", DNS_A, "192.0.2.8", 0, DNS_ANSWERS},
	{"silent6.test", DNS_AAAA, "", 0, DNS_SILENT},
	{"sorted.test", DNS_MX, "c.test", 30, DNS_ANSWERS},
	{"sorted.test", DNS_MX, "a.test", 1, DNS_ANSWERS},
	{"sorted.test", DNS_MX, "d.test", 65535, DNS_ANSWERS},
	{"sorted.test", DNS_MX, "b.test", 20, DNS_ANSWERS},
	{"equal.test", DNS_MX, "a.test", 10, DNS_ANSWERS},
	{"equal.test", DNS_MX, "b.test", 10, DNS_ANSWERS},
	{"null.test", DNS_MX, "", 0, DNS_ANSWERS},
	{"odd.test", DNS_MX, "", 0, DNS_ANSWERS},
	{"odd.test", DNS_MX, "a b.test", 5, DNS_ANSWERS},
	{"odd.test", DNS_MX, "mx.test", 10, DNS_ANSWERS},
	{"wrong.test", DNS_MX, "a/b.test", 5, DNS_ANSWERS},
};

struct bench {
	struct event_base *base;
	struct dns_server server;
	struct xo_resolver *resolver;
	struct xo_lookup *lookup;	/* the one the next field is about */
	bool is_asking;			/* inside xo_resolver_*() */
	size_t n_calls;
	enum xo_lookup_result result;
	char list[1024];
};

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char servers[32];

	assert_non_null(bench);
	bench->base = event_base_new();
	assert_non_null(bench->base);
	bench->server.rows = zone;
	bench->server.n_rows = sizeof(zone) / sizeof(zone[0]);
	dns_server_start(&bench->server, bench->base);
	(void)snprintf(servers, sizeof(servers), "127.0.0.1:%u",
	    bench->server.port);
	bench->resolver = xo_resolver_new(bench->base, servers);
	assert_non_null(bench->resolver);
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	xo_resolver_free(&bench->resolver);
	dns_server_stop(&bench->server);
	event_base_free(bench->base);
	free(bench);
	libevent_global_shutdown();
	return 0;
}

/* Until so many answers have come. */
static void
run(struct bench *bench, size_t calls)
{
	dns_run_until(bench->base, &bench->n_calls, calls, PATIENCE * 1000);
	assert_int_equal(calls, bench->n_calls);
}

/* Lets everything happen that happens in this time. */
static void
settle(struct bench *bench, unsigned milliseconds)
{
	dns_run_until(bench->base, &bench->n_calls, SIZE_MAX, milliseconds);
}

static void
called(struct bench *bench, enum xo_lookup_result result)
{
	assert_false(bench->is_asking);
	bench->lookup = NULL;
	bench->n_calls++;
	bench->result = result;
	bench->list[0] = '\0';
}

static void
add(struct bench *bench, const char *text, unsigned number)
{
	size_t len = strlen(bench->list);

	(void)snprintf(bench->list + len, sizeof(bench->list) - len,
	    "%s%s/%u", len > 0 ? " " : "", text, number);
}

static void
host_done(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	called(arg, result);
	assert_int_equal(result == XO_LOOKUP_OK, n > 0);
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in6 in6;
		struct sockaddr_in in;
		char text[INET6_ADDRSTRLEN];

		memcpy(&in, &list[i].place.address, sizeof(in));
		memcpy(&in6, &list[i].place.address, sizeof(in6));
		if (list[i].place.address.ss_family == AF_INET6) {
			assert_int_equal(sizeof(in6), list[i].place.len);
			(void)inet_ntop(AF_INET6, &in6.sin6_addr, text,
			    sizeof(text));
			add(arg, text, ntohs(in6.sin6_port));
		} else {
			assert_int_equal(sizeof(in), list[i].place.len);
			(void)inet_ntop(AF_INET, &in.sin_addr, text,
			    sizeof(text));
			add(arg, text, ntohs(in.sin_port));
		}
	}
}

static void
mx_done(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	called(arg, result);
	assert_int_equal(result == XO_LOOKUP_OK, n > 0);
	for (size_t i = 0; i < n; i++)
		add(arg, list[i].name, list[i].preference);
}

static void
start(struct bench *bench, const char *name, bool is_mx)
{
	bench->is_asking = true;
	bench->lookup = is_mx ?
	    xo_resolver_mx(bench->resolver, name, mx_done, bench) :
	    xo_resolver_host(bench->resolver, name, 2525, host_done, bench);
	bench->is_asking = false;
	assert_non_null(bench->lookup);
}

struct row {
	const char *name;
	bool is_mx;
	bool is_short;		/* the server never gives an answer of use */
	enum xo_lookup_result want;
	const char *list;
};

static void
check_rows(struct bench *bench, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		xo_resolver_set_limit(bench->resolver, rows[i].is_short ?
		    SHORT_LIMIT : PATIENCE * 1000);
		bench->n_calls = 0;
		start(bench, rows[i].name, rows[i].is_mx);
		run(bench, 1);
		if (bench->result != rows[i].want ||
		    strcmp(bench->list, rows[i].list) != 0)
			fail_msg("%s: got %s \"%s\", want %s \"%s\"",
			    rows[i].name,
			    xo_lookup_result_name(bench->result), bench->list,
			    xo_lookup_result_name(rows[i].want), rows[i].list);
	}
}

static void
test_host(void **state)
{
	static const struct row rows[] = {
		{"four.test", false, false, XO_LOOKUP_OK, "192.0.2.4/2525"},
		{"FOUR.Test", false, false, XO_LOOKUP_OK, "192.0.2.4/2525"},
		{"four.test.", false, false, XO_LOOKUP_OK, "192.0.2.4/2525"},
		{"six.test", false, false, XO_LOOKUP_OK, "2001:db8::6/2525"},
		{"both.test", false, false, XO_LOOKUP_OK,
		    "2001:db8::1/2525 192.0.2.1/2525 "
		    "2001:db8::2/2525 192.0.2.2/2525 192.0.2.3/2525"},
		{"nobody.test", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{"sorted.test", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{"sick.test", false, false, XO_LOOKUP_TEMPORARY, ""},
		{"sick4.test", false, false, XO_LOOKUP_TEMPORARY, ""},
		{"sick6.test", false, false, XO_LOOKUP_TEMPORARY, ""},
		{"lame6.test", false, false, XO_LOOKUP_OK, "192.0.2.5/2525"},
		{"long.test", false, false, XO_LOOKUP_OK, "192.0.2.6/2525"},
		{"mangled.test", false, true, XO_LOOKUP_TEMPORARY, ""},
		{"rubbish.test", false, true, XO_LOOKUP_TEMPORARY, ""},
		{"silent.test", false, true, XO_LOOKUP_TEMPORARY, ""},
		{L63 "a.test", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{L63 "." L63 "." L63 "." L63 "." L63, false, false,
		    XO_LOOKUP_NOT_FOUND, ""},
		{"a..test", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{"four\\.test", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{"", false, false, XO_LOOKUP_NOT_FOUND, ""},
		{".", false, false, XO_LOOKUP_NOT_FOUND, ""},
	};

	check_rows(*state, rows, sizeof(rows) / sizeof(rows[0]));
	assert_true(((struct bench *)*state)->server.n_asked_tcp > 0);
}

static void
test_mx(void **state)
{
	static const struct row rows[] = {
		{"sorted.test", true, false, XO_LOOKUP_OK,
		    "a.test/1 b.test/20 c.test/30 d.test/65535"},
		{"null.test", true, false, XO_LOOKUP_NO_MAIL, ""},
		{"odd.test", true, false, XO_LOOKUP_OK, "mx.test/10"},
		{"wrong.test", true, false, XO_LOOKUP_NO_MAIL, ""},
		{"nobody.test", true, false, XO_LOOKUP_NOT_FOUND, ""},
		{"four.test", true, false, XO_LOOKUP_NOT_FOUND, ""},
		{"sick.test", true, false, XO_LOOKUP_TEMPORARY, ""},
		{"long.test", true, false, XO_LOOKUP_OK, "mx.test/10"},
		{"mangled.test", true, true, XO_LOOKUP_TEMPORARY, ""},
		{"rubbish.test", true, true, XO_LOOKUP_TEMPORARY, ""},
		{"silent.test", true, true, XO_LOOKUP_TEMPORARY, ""},
		{L63 "a.test", true, false, XO_LOOKUP_NOT_FOUND, ""},
		{".", true, false, XO_LOOKUP_NOT_FOUND, ""},
	};

	check_rows(*state, rows, sizeof(rows) / sizeof(rows[0]));
}

/* RFC 5321 5.1: both orders come up. */
static void
test_equal_mx(void **state)
{
	struct bench *bench = *state;
	bool seen_ab = false, seen_ba = false;

	for (size_t i = 1; i <= 200 && !(seen_ab && seen_ba); i++) {
		start(bench, "equal.test", true);
		run(bench, i);
		if (strcmp(bench->list, "a.test/10 b.test/10") == 0)
			seen_ab = true;
		else if (strcmp(bench->list, "b.test/10 a.test/10") == 0)
			seen_ba = true;
		else
			fail_msg("%s", bench->list);
	}
	assert_true(seen_ab);
	assert_true(seen_ba);
}

/* c-ares knows this name at once; the answer comes later all the same. */
static void
test_hosts_file(void **state)
{
	struct bench *bench = *state;

	start(bench, "localhost", false);
	run(bench, 1);
	assert_int_equal(XO_LOOKUP_OK, bench->result);
	assert_int_equal(0, bench->server.n_asked);
}

static void
test_cancel(void **state)
{
	struct bench *bench = *state;
	struct xo_lookup *none = NULL;
	size_t asked;

	xo_lookup_cancel(&none);
	/* Asked, queued, and asked without ever an answer. */
	start(bench, "both.test", false);
	xo_lookup_cancel(&bench->lookup);
	assert_null(bench->lookup);
	start(bench, "localhost", false);
	xo_lookup_cancel(&bench->lookup);
	start(bench, "sorted.test", true);
	xo_lookup_cancel(&bench->lookup);
	start(bench, "silent.test", true);
	xo_lookup_cancel(&bench->lookup);
	/* Between its two questions, too. */
	start(bench, "nobody.test", false);
	asked = bench->server.n_asked;
	dns_run_until(bench->base, &bench->server.n_asked, asked + 3, PATIENCE * 1000);
	xo_lookup_cancel(&bench->lookup);
	settle(bench, 200);
	assert_int_equal(0, bench->n_calls);
	/* And others go on. */
	start(bench, "four.test", false);
	run(bench, 1);
	assert_int_equal(XO_LOOKUP_OK, bench->result);
}

/* An answer that comes after the limit is nobody's. */
static void
test_late_answer(void **state)
{
	struct bench *bench = *state;

	xo_resolver_set_limit(bench->resolver, 0);
	start(bench, "four.test", false);
	run(bench, 1);
	settle(bench, 100);
	assert_int_equal(1, bench->n_calls);
}

static size_t freed;

static void
free_in_call(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct bench *bench = arg;

	(void)list;
	(void)n;
	called(bench, result);
	xo_resolver_free(&bench->resolver);
	freed = 1;
}

static void
test_freeing(void **state)
{
	struct bench *bench = *state;

	start(bench, "silent.test", false);
	start(bench, "silent.test", true);
	start(bench, "both.test", false);
	start(bench, "localhost", false);
	start(bench, "localhost", false);
	assert_non_null(xo_resolver_host(bench->resolver, "four.test", 25,
	    free_in_call, bench));
	dns_run_until(bench->base, &freed, 1, PATIENCE * 1000);
	assert_null(bench->resolver);
	bench->n_calls = 0;
	settle(bench, 50);
	assert_int_equal(0, bench->n_calls);
}

static void
ask_in_call(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	struct bench *bench = arg;
	struct xo_lookup *own = bench->lookup;

	(void)list;
	(void)n;
	/* Its own handle is void, and harmless. */
	xo_lookup_cancel(&own);
	called(bench, result);
	start(bench, "four.test", false);
}

static void
test_ask_in_call(void **state)
{
	struct bench *bench = *state;

	bench->lookup = xo_resolver_mx(bench->resolver, "null.test",
	    ask_in_call, bench);
	run(bench, 2);
	assert_int_equal(XO_LOOKUP_OK, bench->result);
	assert_string_equal("192.0.2.4/2525", bench->list);
}

static void
test_many_at_once(void **state)
{
	struct bench *bench = *state;

	for (size_t i = 0; i < 60; i++)
		start(bench, i % 2 ? "both.test" : "sorted.test", i % 2 == 0);
	run(bench, 60);
	assert_int_equal(XO_LOOKUP_OK, bench->result);
}

static void
test_servers(void **state)
{
	struct bench *bench = *state;
	struct xo_resolver *resolver;

	assert_null(xo_resolver_new(bench->base, "not an address"));
	resolver = xo_resolver_new(bench->base, NULL);
	assert_non_null(resolver);
	xo_resolver_free(&resolver);
	assert_null(resolver);
	xo_resolver_free(&resolver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_host),
		TEST(test_mx),
		TEST(test_equal_mx),
		TEST(test_hosts_file),
		TEST(test_cancel),
		TEST(test_late_answer),
		TEST(test_freeing),
		TEST(test_ask_in_call),
		TEST(test_many_at_once),
		TEST(test_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
