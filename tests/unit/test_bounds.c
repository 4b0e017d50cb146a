/* SPDX-License-Identifier: ISC */
/* How many may be here: in all, from an address, from a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon_world.h"

#define MANY 20

static struct client clients[MANY];
static size_t n_clients;

/* What its greeting is. */
static const char *
come(const char *address)
{
	struct client *c = &clients[n_clients++];

	assert_true(n_clients <= MANY);
	client_come(c, address);
	return client_says(c, "");
}

static void
go(size_t i)
{
	client_goes(&clients[i]);
}

static void
end(void)
{
	while (n_clients > 0)
		go(--n_clients);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	world_end();
}

static void
assert_in(const char *address)
{
	assert_memory_equal(come(address), "220 ", 4);
}

static void
assert_out(const char *address, const char *want)
{
	assert_memory_equal(come(address), want, strlen(want));
	/* It is not waited for, and takes no place. */
	assert_true(clients[n_clients - 1].has_ended);
}

static void
test_in_all(void **state)
{
	(void)state;
	world_begin("max_sessions = 3;", "");
	assert_in("192.0.2.1");
	assert_in("198.51.100.1");
	assert_in("203.0.113.1");
	for (int i = 0; i < 5; i++)
		assert_out("192.0.2.2", "421 4.3.1 ");
	go(0);
	assert_in("192.0.2.2");
	assert_out("192.0.2.3", "421 4.3.1 ");
	end();
}

static void
test_per_address(void **state)
{
	static const char *const rows[][3] = {
		{"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		/* An IPv6 client is its /64. */
		{"2001:db8::1", "2001:db8::ffff:2:3:4", "2001:db8:0:1::1"},
		{"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_begin("max_sessions_per_address = 2;", "");
		assert_in(rows[i][0]);
		assert_in(rows[i][1]);
		assert_out(rows[i][0], "421 4.7.0 ");
		assert_out(rows[i][1], "421 4.7.0 ");
		assert_in(rows[i][2]);
		go(1);
		assert_in(rows[i][0]);
		assert_out(rows[i][1], "421 4.7.0 ");
		end();
	}
}

static void
test_per_network(void **state)
{
	static const char *const rows[][4] = {
		{"192.0.2.1", "192.0.2.77", "192.0.2.254", "192.0.3.1"},
		{"2001:db8:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1",
		    "2001:db8:2::1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_begin("max_sessions_per_network = 2;", "");
		assert_in(rows[i][0]);
		assert_in(rows[i][1]);
		assert_out(rows[i][2], "421 4.7.0 ");
		assert_in(rows[i][3]);
		go(0);
		assert_in(rows[i][2]);
		end();
	}
}

/* A crowd at the door keeps nobody out. */
static void
test_turned_away_takes_no_place(void **state)
{
	(void)state;
	world_begin("max_sessions = 3; max_sessions_per_address = 1;", "");
	assert_in("192.0.2.1");
	for (int i = 0; i < 10; i++)
		assert_out("192.0.2.1", "421 4.7.0 ");
	assert_in("192.0.2.2");
	assert_in("192.0.2.3");
	end();
}

/* Nor one that does not even hear that it is. */
static void
test_turned_away_and_deaf(void **state)
{
	(void)state;
	world_begin("max_sessions = 3; max_sessions_per_address = 1;", "");
	assert_in("192.0.2.1");
	for (int i = 0; i < 10; i++)
		client_come_deaf(&clients[n_clients++], "192.0.2.1");
	assert_int_equal(xo_sessions_count(world.sessions), 11);
	assert_in("192.0.2.2");
	assert_in("192.0.2.3");
	world_pass(500);
	assert_int_equal(xo_sessions_count(world.sessions), 3);
	end();
}

/* Who has rights by its address is one of our own systems. */
static void
test_own_are_exempt(void **state)
{
	(void)state;
	world_begin("max_sessions = 4; max_sessions_per_address = 1;"
	    " max_sessions_per_network = 1;", "");
	assert_in("203.0.113.9");
	assert_in("203.0.113.9");
	assert_in("203.0.113.9");
	assert_in("192.0.2.1");
	assert_out("192.0.2.1", "421 4.3.1 ");
	assert_out("203.0.113.9", "421 4.3.1 ");
	end();
}

/* Behind a proxy the client is meant, and the proxy itself is not bounded. */
static void
test_behind_a_proxy(void **state)
{
	static const char *const from[] = {"192.0.2.1", "192.0.2.1",
	    "192.0.2.1", "192.0.2.2"};

	(void)state;
	world_begin("max_sessions_per_address = 2;", "");
	for (size_t i = 0; i < 4; i++) {
		char header[80];

		assert_string_equal(come("198.51.100.7"), "");
		(void)snprintf(header, sizeof(header),
		    "PROXY TCP4 %s 192.0.2.25 1234 25\r\n", from[i]);
		assert_memory_equal(client_says(&clients[i], header),
		    i == 2 ? "421 4.7.0 " : "220 ", 4);
	}
	end();
}

/* Each needs two descriptors: more than there can be are told so. */
static void
test_descriptors(void **state)
{
	struct xo_sessions_setup setup = {.env = &world.env, .most = 2};

	(void)state;
	world_begin("", "");
	setup.hops = world.hops;
	setup.emptied = world.emptied;
	xo_sessions_free(&world.sessions);
	world.sessions = xo_sessions_new(&setup);
	assert_non_null(world.sessions);
	assert_in("192.0.2.1");
	assert_in("192.0.2.2");
	assert_out("192.0.2.3", "421 4.3.1 ");
	go(0);
	assert_in("192.0.2.3");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_all),
		cmocka_unit_test(test_per_address),
		cmocka_unit_test(test_per_network),
		cmocka_unit_test(test_turned_away_takes_no_place),
		cmocka_unit_test(test_turned_away_and_deaf),
		cmocka_unit_test(test_own_are_exempt),
		cmocka_unit_test(test_behind_a_proxy),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
