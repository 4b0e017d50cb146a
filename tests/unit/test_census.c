/* SPDX-License-Identifier: ISC */
/*
 * Counting heads over workers and generations, and the hash under it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <watch/census.h>
#include <watch/siphash.h>

#define MINUTE 60000

static struct xo_address
address(const char *text)
{
	struct xo_address a;

	assert_int_equal(xo_address_read(xo_span_from_cstr(text), &a), XO_OK);
	return a;
}

static struct xo_census *
new_census(size_t n_workers)
{
	const struct xo_census_setup setup = {
		.n_workers = n_workers, .max_sessions = 1000,
		.prefix_ipv4 = 24, .prefix_ipv6 = 64,
	};
	struct xo_census *census = xo_census_new(&setup);

	assert_non_null(census);
	return census;
}

static struct xo_crowd
enter(struct xo_census *census, const char *text)
{
	struct xo_address a = address(text);
	struct xo_crowd crowd;

	xo_census_enter(census, &a, &crowd);
	return crowd;
}

static void
leave(struct xo_census *census, const char *text)
{
	struct xo_address a = address(text);

	xo_census_leave(census, &a);
}

static void
check(struct xo_crowd got, uint64_t sessions, uint64_t from_address,
    uint64_t from_network)
{
	assert_int_equal(got.sessions.all, sessions);
	assert_int_equal(got.from_address.all, from_address);
	assert_int_equal(got.from_network.all, from_network);
}

static void
test_address_and_network(void **state)
{
	struct xo_census *c = new_census(1);

	(void)state;
	check(enter(c, "192.0.2.1"), 1, 1, 1);
	check(enter(c, "192.0.2.1"), 2, 2, 2);
	check(enter(c, "192.0.2.2"), 3, 1, 3);
	check(enter(c, "192.0.3.1"), 4, 1, 1);
	/* One /64 is one client; the next is another. */
	check(enter(c, "2001:db8::1"), 5, 1, 1);
	check(enter(c, "2001:db8::ffff:1:2:3"), 6, 2, 2);
	check(enter(c, "2001:db8:0:1::1"), 7, 1, 1);
	leave(c, "192.0.2.1");
	leave(c, "2001:db8::1");
	check(enter(c, "192.0.2.1"), 6, 2, 3);
	check(enter(c, "2001:db8::2"), 7, 2, 2);
	xo_census_free(&c);
	assert_null(c);
}

/* Two workers are two mappings of one memory here: attach() switches. */
static void
test_workers(void **state)
{
	struct xo_census *c = new_census(3);

	(void)state;
	xo_census_attach(c, 0);
	check(enter(c, "192.0.2.1"), 1, 1, 1);
	xo_census_attach(c, 1);
	check(enter(c, "192.0.2.1"), 2, 2, 2);
	xo_census_attach(c, 2);
	check(enter(c, "192.0.2.9"), 3, 1, 3);
	xo_census_worker_gone(c, 1);
	assert_int_equal(xo_census_sessions(c).all, 2);
	check(enter(c, "192.0.2.1"), 3, 2, 3);
	/* What was given back must not be given back twice. */
	xo_census_attach(c, 1);
	leave(c, "192.0.2.1");
	assert_int_equal(xo_census_sessions(c).all, 3);
	check(enter(c, "192.0.2.1"), 4, 3, 4);
	xo_census_worker_gone(c, 99);
	xo_census_free(&c);
}

static void
test_generations(void **state)
{
	struct xo_census *old = new_census(2);
	struct xo_census *c = new_census(1);

	(void)state;
	xo_census_attach(old, 1);
	check(enter(old, "192.0.2.1"), 1, 1, 1);
	xo_census_follow(c, old);
	check(enter(c, "192.0.2.1"), 2, 2, 2);
	leave(old, "192.0.2.1");
	check(enter(c, "192.0.2.1"), 2, 2, 2);
	xo_census_settle(c);
	assert_int_equal(xo_census_sessions(c).all, 2);
	xo_census_free(&c);
}

/* Whatever is mapped of the memory that processes share: garbage, where that can
 * be written, or can be made so. Returns how many mappings took it. */
static int
write_garbage(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		char *at = line, mode[5] = "";
		uintptr_t first = strtoull(line, &at, 16), end;

		end = strtoull(at + 1, &at, 16);
		memcpy(mode, at + 1, 4);
		if (strstr(line, "memfd:xoorg") == NULL)
			continue;
		if (mode[1] != 'w' && mprotect((void *)first, end - first,
		    PROT_READ | PROT_WRITE) != 0)
			continue;
		memset((void *)first, 0xa5, end - first);
		n++;
	}
	if (maps != NULL)
		(void)fclose(maps);
	return n;
}

/* A worker that was taken over: its slot is its own, and no more. */
static void
test_liar(void **state)
{
	struct xo_census *old = new_census(2);
	struct xo_census *c = new_census(2);
	struct xo_crowd crowd;
	int status = -1;
	pid_t pid;

	(void)state;
	(void)enter(old, "192.0.2.1");
	xo_census_follow(c, old);
	check(enter(c, "192.0.2.1"), 2, 2, 2);
	pid = fork();
	if (pid == 0) {
		xo_census_attach(c, 1);
		xo_census_guard(c);
		_exit(write_garbage());
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	/* What it said is large, and is not believed without end. */
	crowd = enter(c, "192.0.2.1");
	assert_true(crowd.sessions.all >= UINT32_MAX);
	assert_true(crowd.sessions.all < UINT64_MAX / 2);
	assert_int_equal(crowd.sessions.own, 2);
	assert_int_equal(crowd.from_address.own, 2);
	assert_false(xo_census_exceeds(c, crowd.sessions, 1000));
	/* The same with what would be no lie. */
	for (int i = 0; i < 61; i++)
		crowd = enter(c, "192.0.2.1");
	assert_true(xo_census_exceeds(c, crowd.sessions, 1000));
	/* And it goes with its worker. */
	xo_census_worker_gone(c, 1);
	check(enter(c, "192.0.2.1"), 65, 65, 65);
	assert_int_equal(xo_census_sessions(c).own, 64);
	xo_census_free(&c);
}

static void
test_exceeds(void **state)
{
	static const struct {
		size_t n_workers;
		uint64_t all, own;
		uint32_t limit;
		bool want;
	} rows[] = {
		{1, 11, 11, 10, true}, {1, 10, 10, 10, false},
		{1, 1000, 1000, 0, false}, {2, 1001, 500, 1000, true},
		{2, 1001, 63, 1000, true}, {2, 1001, 62, 1000, false},
		{2, 1001, 1, 1000, false}, {4, 4, 1, 3, true},
		{4, 32, 1, 31, true}, {4, 33, 1, 32, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_census *c = new_census(rows[i].n_workers);
		bool got = xo_census_exceeds(c, (struct xo_count){
		    rows[i].all, rows[i].own}, rows[i].limit);

		if (got != rows[i].want)
			fail_msg("row %zu: got %d", i, got);
		xo_census_free(&c);
	}
}

static void
begin(struct xo_census *c, const char *text, uint64_t now)
{
	struct xo_address a = address(text);

	xo_census_begin_tls(c, &a, now);
}

static uint64_t
tls(const struct xo_census *c, const char *text, uint64_t now)
{
	struct xo_address a = address(text);

	return xo_census_tls(c, &a, now).all;
}

static void
test_tls_rate(void **state)
{
	struct xo_census *c = new_census(2);
	int i;

	(void)state;
	assert_int_equal(tls(c, "192.0.2.1", 5), 0);
	for (i = 0; i < 5; i++) {
		xo_census_attach(c, (size_t)(i % 2));
		begin(c, "192.0.2.1", 10 + (uint64_t)i);
	}
	begin(c, "2001:db8::1", 20);
	begin(c, "2001:db8::2", 20);
	assert_int_equal(tls(c, "192.0.2.1", 30), 5);
	assert_int_equal(tls(c, "192.0.2.2", 30), 0);
	assert_int_equal(tls(c, "2001:db8::3", 30), 2);
	/* A new minute, a new count. */
	assert_int_equal(tls(c, "192.0.2.1", MINUTE), 0);
	begin(c, "192.0.2.1", MINUTE + 1);
	assert_int_equal(tls(c, "192.0.2.1", MINUTE + 2), 1);
	xo_census_free(&c);
}

/* A /32 of IPv6 has more /64s than any table: who floods is still known. */
static void
test_tls_rate_flood(void **state)
{
	struct xo_census *c = new_census(1);
	struct xo_address a = address("2001:db8::");
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		begin(c, "192.0.2.1", 1);
	for (i = 0; i < 300000; i++) {
		memcpy(a.octets + 4, &i, sizeof(i));
		xo_census_begin_tls(c, &a, 2);
	}
	assert_int_equal(tls(c, "192.0.2.1", 3), 1000);
	xo_census_free(&c);
}

/* Any order of coming and going ends at nobody, and counts right between. */
static void
test_random(void **state)
{
	enum { N = 600 };
	struct xo_census *c = new_census(1);
	uint8_t here[N] = {0};
	size_t n = 0;
	uint32_t seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		size_t who;
		struct xo_address a = address("192.0.2.0");

		seed = seed * 1664525 + 1013904223;
		who = seed >> 8;
		who %= N;
		a.octets[14] = (uint8_t)(who >> 8);
		a.octets[15] = (uint8_t)who;
		if (here[who] > 0 && (seed >> 4 & 1) != 0) {
			xo_census_leave(c, &a);
			here[who]--;
			n--;
		} else if (n < 1000) {
			struct xo_crowd crowd;

			xo_census_enter(c, &a, &crowd);
			here[who]++;
			n++;
			assert_int_equal(crowd.sessions.all, n);
			assert_int_equal(crowd.from_address.all, here[who]);
		}
	}
	xo_census_free(&c);
}

/* The first and the last of the vectors of the authors. */
static void
test_siphash(void **state)
{
	uint8_t key[XO_SIPHASH_KEY], in[63];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	assert_true(xo_siphash(key, in, 0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(xo_siphash(key, in, 8) == UINT64_C(0x93f5f5799a932462));
	assert_true(xo_siphash(key, in, 15) == UINT64_C(0xa129ca6149be45e5));
	assert_true(xo_siphash(key, in, 63) == UINT64_C(0x958a324ceb064572));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_and_network),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_liar),
		cmocka_unit_test(test_exceeds),
		cmocka_unit_test(test_tls_rate),
		cmocka_unit_test(test_tls_rate_flood),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
