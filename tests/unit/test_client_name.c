/* SPDX-License-Identifier: ISC */
/* A client's name: there and back again, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <net/client_name.h>
#include <net/resolve.h>
#include <xoorg/policy.h>

#include "dns_server.h"

/* More than a loaded machine needs for a few packets on loopback. */
#define PATIENCE 20
/* Where the server never answers. */
#define SHORT_LIMIT 200

#define ZONE_MAX 6
#define TEXT_MAX 300

#define FOUR "192.0.2.7"
#define PTR4 "7.2.0.192.in-addr.arpa", DNS_PTR
#define SIX "2001:db8::7"
#define PTR6 "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0" \
	".0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define L61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
/* The longest that DNS has, the longest that a domain may be, and one more. */
#define T253 L63 "." L63 "." L63 "." L61
#define T255 L63 "." L63 "." L63 "." L63
#define T257 T255 ".a"

/* What is not to be had now; "" is that there is none. */
#define LATER "?"

struct bench {
	struct event_base *base;
	struct dns_server server;
	struct xo_resolver *resolver;
	struct xo_client_name *name;
	bool is_asking;			/* inside xo_client_name_ask() */
	size_t n_calls;
	char reverse[TEXT_MAX], forward[TEXT_MAX];
};

static size_t allocations_left = SIZE_MAX;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left != SIZE_MAX)
		allocations_left--;
	return __real_calloc(n, size);
}

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->base = event_base_new();
	assert_non_null(bench->base);
	dns_server_start(&bench->server, bench->base);
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	xo_client_name_free(&bench->name);
	assert_null(bench->name);
	xo_resolver_free(&bench->resolver);
	dns_server_stop(&bench->server);
	event_base_free(bench->base);
	free(bench);
	libevent_global_shutdown();
	return 0;
}

/* A world of its own, with nothing known from an earlier one. */
static void
begin(struct bench *bench, const struct dns_row *zone, size_t n_rows)
{
	char servers[32];

	xo_client_name_free(&bench->name);
	xo_resolver_free(&bench->resolver);
	bench->server.rows = zone;
	bench->server.n_rows = n_rows;
	bench->server.n_asked = 0;
	bench->n_calls = 0;
	(void)snprintf(servers, sizeof(servers), "127.0.0.1:%u",
	    bench->server.port);
	bench->resolver = xo_resolver_new(bench->base, servers);
	assert_non_null(bench->resolver);
	xo_resolver_set_limit(bench->resolver, PATIENCE * 1000);
}

static void
done(void *arg)
{
	struct bench *bench = arg;

	assert_false(bench->is_asking);
	bench->n_calls++;
}

static struct xo_address
address_of(const char *text)
{
	struct xo_address address;

	assert_int_equal(XO_OK, xo_address_read(xo_span_from_cstr(text),
	    &address));
	return address;
}

static bool
ask(struct bench *bench, const char *text)
{
	struct xo_address address = address_of(text);
	bool is_known;

	bench->is_asking = true;
	is_known = xo_client_name_ask(&bench->name, bench->resolver, &address,
	    done, bench);
	bench->is_asking = false;
	return is_known;
}

static void
ask_and_wait(struct bench *bench, const char *text)
{
	bench->n_calls = 0;
	if (ask(bench, text))
		return;
	dns_run_until(bench->base, &bench->n_calls, 1, PATIENCE * 1000);
	assert_int_equal(1, bench->n_calls);
}

static void
write_text(char *to, struct xo_span name, bool is_uncertain)
{
	assert_true(name.len < TEXT_MAX);
	assert_false(name.len > 0 && is_uncertain);
	(void)snprintf(to, TEXT_MAX, "%.*s", (int)name.len,
	    name.len > 0 ? (const char *)name.p : "");
	if (is_uncertain)
		(void)snprintf(to, TEXT_MAX, LATER);
}

/* What is told about this address, to `reverse` and `forward`. */
static void
tell(struct bench *bench, const char *text)
{
	struct xo_address address = address_of(text);
	struct xo_handover_info info = {.address = &address};

	xo_client_name_tell(bench->name, &info);
	write_text(bench->reverse, info.reverse_name,
	    info.is_reverse_uncertain);
	write_text(bench->forward, info.name, info.is_name_uncertain);
}

static void
check_told(struct bench *bench, const char *text, const char *id,
    const char *reverse, const char *forward)
{
	tell(bench, text);
	if (strcmp(bench->reverse, reverse) != 0 ||
	    strcmp(bench->forward, forward) != 0)
		fail_msg("%s: got reverse \"%s\", name \"%s\", want \"%s\", "
		    "\"%s\"", id, bench->reverse, bench->forward, reverse,
		    forward);
}

struct row {
	const char *id;
	const char *address;
	struct dns_row zone[ZONE_MAX];
	const char *reverse;
	const char *forward;
	bool is_short;		/* the server never gives an answer of use */
};

static size_t
count(const struct dns_row *zone)
{
	size_t n = 0;

	while (n < ZONE_MAX && zone[n].name != NULL)
		n++;
	return n;
}

static void
check_rows(struct bench *bench, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		begin(bench, row->zone, count(row->zone));
		if (row->is_short)
			xo_resolver_set_limit(bench->resolver, SHORT_LIMIT);
		ask_and_wait(bench, row->address);
		check_told(bench, row->address, row->id, row->reverse,
		    row->forward);
	}
}

#define CHECK_ROWS(state, rows) \
	check_rows(*(state), rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_leads_back(void **state)
{
	static const struct row rows[] = {
		{"ipv4", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, FOUR, 0, 0}}, "c.test", "c.test", 0},
		{"ipv6", SIX, {{PTR6, "c.test", 0, 0},
		    {"c.test", DNS_AAAA, SIX, 0, 0}}, "c.test", "c.test", 0},
		{"one-of-many", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, "192.0.2.6", 0, 0},
		    {"c.test", DNS_AAAA, SIX, 0, 0},
		    {"c.test", DNS_A, FOUR, 0, 0},
		    {"c.test", DNS_A, "192.0.2.8", 0, 0}},
		    "c.test", "c.test", 0},
		{"case", FOUR, {{PTR4, "C.Test", 0, 0},
		    {"c.test", DNS_A, FOUR, 0, 0}}, "C.Test", "C.Test", 0},
		{"over-tcp", FOUR, {{PTR4, "c.test", 0, DNS_TRUNCATES},
		    {"c.test", DNS_A, FOUR, 0, DNS_TRUNCATES}},
		    "c.test", "c.test", 0},
		{"other-family-fails", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, FOUR, 0, 0},
		    {"c.test", DNS_AAAA, "", 0, DNS_SERVFAIL}},
		    "c.test", "c.test", 0},
		{"longest", FOUR, {{PTR4, T253, 0, 0},
		    {T253, DNS_A, FOUR, 0, 0}}, T253, T253, 0},
		{"hyphens", FOUR, {{PTR4, "192-0--2-7.c-1.test", 0, 0},
		    {"192-0--2-7.c-1.test", DNS_A, FOUR, 0, 0}},
		    "192-0--2-7.c-1.test", "192-0--2-7.c-1.test", 0},
		{"underscore", FOUR, {{PTR4, "_c.test", 0, 0},
		    {"_c.test", DNS_A, FOUR, 0, 0}}, "_c.test", "_c.test", 0},
	};

	CHECK_ROWS(state, rows);
}

static void
test_does_not_lead_back(void **state)
{
	static const struct row rows[] = {
		{"other", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, "192.0.2.6", 0, 0}}, "c.test", "", 0},
		{"other-ipv6", SIX, {{PTR6, "c.test", 0, 0},
		    {"c.test", DNS_AAAA, "2001:db8::6", 0, 0}},
		    "c.test", "", 0},
		{"ipv6-alone", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_AAAA, SIX, 0, 0}}, "c.test", "", 0},
		{"ipv4-alone", SIX, {{PTR6, "c.test", 0, 0},
		    {"c.test", DNS_A, FOUR, 0, 0}}, "c.test", "", 0},
		{"mapped", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_AAAA, "::ffff:" FOUR, 0, 0}},
		    "c.test", "", 0},
		{"nobody", FOUR, {{PTR4, "c.test", 0, 0}}, "c.test", "", 0},
		{"no-address", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_MX, "c.test", 10, 0}}, "c.test", "", 0},
		/* In /etc/hosts. */
		{"localhost", FOUR, {{PTR4, "localhost", 0, 0}},
		    "localhost", "", 0},
	};

	CHECK_ROWS(state, rows);
}

static void
test_no_name(void **state)
{
	static const struct row rows[] = {
		{"nobody", FOUR, {{"c.test", DNS_A, FOUR, 0, 0}}, "", "", 0},
		{"nobody-ipv6", SIX, {{"c.test", DNS_AAAA, SIX, 0, 0}},
		    "", "", 0},
		{"no-ptr", FOUR, {{"7.2.0.192.in-addr.arpa", DNS_MX, "c.test",
		    10, 0}}, "", "", 0},
		{"neighbour", "192.0.2.70", {{PTR4, "c.test", 0, 0}},
		    "", "", 0},
		{"root", FOUR, {{PTR4, "", 0, 0}}, "", "", 0},
		{"slash", FOUR, {{PTR4, "a/b.test", 0, 0}}, "", "", 0},
	};

	CHECK_ROWS(state, rows);
}

/* No name in any case; c-ares takes some of them for a broken answer. */
static void
test_illegal_name(void **state)
{
	static const char *const names[] = {
		"c c.test", "c\r\nRSET.test", "c\t.test", "\x01.test",
		"c.test NAME=other.test", "c+20ADDR=x.test", "[TEMPUNAVAIL]",
		"c\\.test", "\"c\".test", "c,d.test", "c@test", "*.test",
		"gr\xc3\xbc\xc3\x9f" "e.test", "\xff.test", L63 "a.test",
		T257,
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct dns_row zone[] = {
			{PTR4, names[i], 0, 0}, {names[i], DNS_A, FOUR, 0, 0},
		};

		begin(bench, zone, 2);
		ask_and_wait(bench, FOUR);
		tell(bench, FOUR);
		if (strcmp(bench->reverse, LATER) != 0 ||
		    strcmp(bench->forward, LATER) != 0)
			check_told(bench, FOUR, names[i], "", "");
	}
}

/* Good domains, but Postfix takes no such name. */
static void
test_no_host_name(void **state)
{
	static const struct row rows[] = {
		{"hyphen-first", FOUR, {{PTR4, "-c.test", 0, 0},
		    {"-c.test", DNS_A, FOUR, 0, 0}}, "", "", 0},
		{"hyphen-last", FOUR, {{PTR4, "c-.test", 0, 0},
		    {"c-.test", DNS_A, FOUR, 0, 0}}, "", "", 0},
		{"hyphen-behind", FOUR, {{PTR4, "c.test-", 0, 0},
		    {"c.test-", DNS_A, FOUR, 0, 0}}, "", "", 0},
		{"hyphen-within", FOUR, {{PTR4, "c.-c.test", 0, 0},
		    {"c.-c.test", DNS_A, FOUR, 0, 0}}, "", "", 0},
		{"hyphen", FOUR, {{PTR4, "-", 0, 0}, {"-", DNS_A, FOUR, 0, 0}},
		    "", "", 0},
		/* It would lead back without any question. */
		{"address", FOUR, {{PTR4, FOUR, 0, 0}}, "", "", 0},
		{"number", FOUR, {{PTR4, "7", 0, 0}}, "", "", 0},
	};

	CHECK_ROWS(state, rows);
}

static void
test_no_answer(void **state)
{
	static const struct row rows[] = {
		{"sick", FOUR, {{PTR4, "", 0, DNS_SERVFAIL}},
		    LATER, LATER, 0},
		{"mangled", FOUR, {{PTR4, "c.test", 0, DNS_MANGLES},
		    {"c.test", DNS_A, FOUR, 0, 0}}, LATER, LATER, 1},
		{"rubbish", FOUR, {{PTR4, "c.test", 0, DNS_RUBBISH}},
		    LATER, LATER, 1},
		{"silent", FOUR, {{PTR4, "", 0, DNS_SILENT}},
		    LATER, LATER, 1},
		{"silent-ipv6", SIX, {{PTR6, "", 0, DNS_SILENT}},
		    LATER, LATER, 1},
		{"sick-back", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, "", 0, DNS_SERVFAIL}},
		    "c.test", LATER, 0},
		{"silent-back", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, "", 0, DNS_SILENT},
		    {"c.test", DNS_AAAA, "", 0, DNS_SILENT}},
		    "c.test", LATER, 1},
		{"rubbish-back", FOUR, {{PTR4, "c.test", 0, 0},
		    {"c.test", DNS_A, FOUR, 0, DNS_RUBBISH}},
		    "c.test", LATER, 1},
		/* A domain of ours, but no name of DNS. */
		{"too-long-back", FOUR, {{PTR4, T255, 0, 0}}, T255, LATER, 0},
	};

	CHECK_ROWS(state, rows);
}

/* One of them counts, whichever; never another's address for its name. */
static void
test_several(void **state)
{
	static const struct dns_row zone[] = {
		{PTR4, "a.test", 0, 0}, {PTR4, "b.test", 0, 0},
		{PTR4, "c.test", 0, 0}, {"a.test", DNS_A, FOUR, 0, 0},
		{"b.test", DNS_A, FOUR, 0, 0}, {"c.test", DNS_A, FOUR, 0, 0},
		{"a.test", DNS_A, "192.0.2.6", 0, 0},
		{"b.test", DNS_A, "192.0.2.6", 0, 0},
		{"c.test", DNS_A, "192.0.2.6", 0, 0},
	};
	struct bench *bench = *state;

	begin(bench, zone, 6);
	ask_and_wait(bench, FOUR);
	tell(bench, FOUR);
	assert_int_equal(6, strlen(bench->reverse));
	assert_non_null(strstr("a.test b.test c.test", bench->reverse));
	assert_string_equal(bench->reverse, bench->forward);
	for (size_t good = 3; good < 6; good++) {
		struct dns_row mixed[6];

		for (size_t i = 0; i < 6; i++)
			mixed[i] = zone[i < 3 || i == good ? i : i + 3];
		begin(bench, mixed, 6);
		ask_and_wait(bench, FOUR);
		tell(bench, FOUR);
		assert_string_equal(strcmp(bench->reverse,
		    zone[good].name) == 0 ? zone[good].name : "",
		    bench->forward);
	}
}

static const struct dns_row good[] = {
	{PTR4, "c.test", 0, 0},
	{"c.test", DNS_A, FOUR, 0, 0},
};

#define N_GOOD (sizeof(good) / sizeof(good[0]))

/* Loopback is known at once, and what has been asked for stays. */
static void
test_known(void **state)
{
	static const char *const loopback[] = {
		"127.0.0.1", "127.255.255.254", "::1",
	};
	struct bench *bench = *state;
	size_t asked;

	begin(bench, good, N_GOOD);
	check_told(bench, FOUR, "nothing asked", "", "");
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		assert_true(ask(bench, loopback[i]));
		check_told(bench, loopback[i], loopback[i], "", "");
	}
	assert_int_equal(0, bench->server.n_asked);
	assert_false(ask(bench, FOUR));
	check_told(bench, FOUR, "not yet", "", "");
	ask_and_wait(bench, FOUR);
	asked = bench->server.n_asked;
	assert_true(ask(bench, FOUR));
	check_told(bench, FOUR, "known", "c.test", "c.test");
	check_told(bench, "192.0.2.8", "another's", "", "");
	assert_int_equal(asked, bench->server.n_asked);
	/* Another client of the same session. */
	ask_and_wait(bench, "192.0.2.8");
	check_told(bench, "192.0.2.8", "the other", "", "");
	check_told(bench, FOUR, "the first", "", "");
	assert_true(bench->server.n_asked > asked);
}

/* The next question takes the place of one that is still open. */
static void
test_asked_over(void **state)
{
	static const struct dns_row zone[] = {
		{"8.2.0.192.in-addr.arpa", DNS_PTR, "", 0, DNS_SILENT},
		{PTR4, "c.test", 0, 0}, {"c.test", DNS_A, FOUR, 0, 0},
	};
	struct bench *bench = *state;

	begin(bench, zone, 3);
	assert_false(ask(bench, "192.0.2.8"));
	ask_and_wait(bench, FOUR);
	dns_run_until(bench->base, &bench->n_calls, 2, 100);
	assert_int_equal(1, bench->n_calls);
	check_told(bench, FOUR, "over", "c.test", "c.test");
}

/* Before the server hears of it, before its first answer, between the two. */
static void
test_cancelled(void **state)
{
	static const struct dns_row zone[] = {
		{PTR4, "c.test", 0, 0},
		{"c.test", DNS_A, "", 0, DNS_SILENT},
		{"c.test", DNS_AAAA, "", 0, DNS_SILENT},
	};
	struct bench *bench = *state;

	xo_client_name_cancel(NULL);
	for (size_t asked = 0; asked <= 2; asked++) {
		begin(bench, zone, 3);
		assert_false(ask(bench, FOUR));
		dns_run_until(bench->base, &bench->server.n_asked, asked,
		    PATIENCE * 1000);
		assert_int_equal(asked, bench->server.n_asked);
		xo_client_name_cancel(bench->name);
		xo_client_name_cancel(bench->name);
		dns_run_until(bench->base, &bench->n_calls, 1, 100);
		assert_int_equal(0, bench->n_calls);
		check_told(bench, FOUR, "cancelled", "", "");
		/* It can be asked for again. */
		bench->server.rows = good;
		bench->server.n_rows = N_GOOD;
		ask_and_wait(bench, FOUR);
		check_told(bench, FOUR, "again", "c.test", "c.test");
		/* And what is known survives this. */
		xo_client_name_cancel(bench->name);
		check_told(bench, FOUR, "kept", "c.test", "c.test");
	}
}

static void
test_freed_meanwhile(void **state)
{
	struct bench *bench = *state;

	for (size_t asked = 0; asked <= 2; asked++) {
		begin(bench, good, N_GOOD);
		assert_false(ask(bench, FOUR));
		dns_run_until(bench->base, &bench->server.n_asked, asked,
		    PATIENCE * 1000);
		xo_client_name_free(&bench->name);
		assert_null(bench->name);
		dns_run_until(bench->base, &bench->n_calls, 1, 50);
		assert_int_equal(0, bench->n_calls);
	}
	xo_client_name_free(&bench->name);
}

/* Each allocation fails once: later, or nothing, but never what is not so. Without a
 * watch on its socket the resolver waits in vain. */
static void
test_no_memory(void **state)
{
	struct bench *bench = *state;
	size_t n = 0;

	do {
		assert_true(n < 20);
		begin(bench, good, N_GOOD);
		xo_resolver_set_limit(bench->resolver, 2 * SHORT_LIMIT);
		allocations_left = n++;
		ask_and_wait(bench, FOUR);
		allocations_left = SIZE_MAX;
		if (bench->name == NULL) {
			check_told(bench, FOUR, "none", "", "");
			continue;
		}
		tell(bench, FOUR);
		if (strcmp(bench->reverse, LATER) != 0)
			assert_string_equal("c.test", bench->reverse);
		if (strcmp(bench->forward, LATER) != 0)
			assert_string_equal("c.test", bench->forward);
	} while (bench->name == NULL || strcmp(bench->forward, "c.test") != 0);
	assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_leads_back),
		TEST(test_does_not_lead_back),
		TEST(test_no_name),
		TEST(test_illegal_name),
		TEST(test_no_host_name),
		TEST(test_no_answer),
		TEST(test_several),
		TEST(test_known),
		TEST(test_asked_over),
		TEST(test_cancelled),
		TEST(test_freed_meanwhile),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
