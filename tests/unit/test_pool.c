/* SPDX-License-Identifier: ISC */
/* Connections that are kept, under virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/guests.h>

#include "daemon_world.h"

#define XCLIENT "XCLIENT NAME ADDR PORT PROTO HELO"
#define TENANTS "tenants = {"						\
	" a = { originator_orgs = [\"a.example\"]; };"			\
	" b = { originator_orgs = [\"b.example\"]; }; };"

/* One that has done its work, kept again. */
static void
use(int tenant)
{
	struct claimed c;

	claim_now(&c, tenant);
	assert_int_equal(c.n_calls, 1);
	assert_non_null(c.link);
	xo_link_release(c.link, false);
	world_settle();
}

static void
test_kept_for_the_next(void **state)
{
	(void)state;
	world_begin("", "");
	use(XO_NOBODY);
	use(XO_NOBODY);
	assert_int_equal(world.n_servers, 1);
	assert_int_equal(servers_open(), 1);
	world_end();
}

static void
test_fresh_is_a_new_one(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	use(XO_NOBODY);
	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY,
	    .is_fresh = true});
	world_settle();
	assert_non_null(c.link);
	assert_int_equal(world.n_servers, 2);
	assert_true(xo_link_fresh_place(c.link).len > 0);
	xo_link_close(c.link);
	world_end();
}

/* Whose certificate it showed is what it is. */
static void
test_tenants_do_not_mix(void **state)
{
	(void)state;
	world_begin(TENANTS, "");
	world_upstream(0)->has_tenant_certificate = true;
	use(0);
	use(1);
	assert_int_equal(world.n_servers, 2);
	use(XO_NOBODY);
	assert_int_equal(world.n_servers, 3);
	use(0);
	use(1);
	use(XO_NOBODY);
	assert_int_equal(world.n_servers, 3);
	world_end();
}

/* Where none is shown all share. */
static void
test_tenants_without_certificate(void **state)
{
	(void)state;
	world_begin(TENANTS, "");
	use(0);
	use(1);
	assert_int_equal(world.n_servers, 1);
	world_end();
}

/* Without a folder there is nothing that a guest could be shown as: no connection
 * is made for it, nor is one taken that shows another's certificate or none. */
static void
test_guest_without_certificate(void **state)
{
	static const struct xo_span org = {(const uint8_t *)"g.example", 9};
	struct xo_guest guest = {.tenant = {.name = XO_LIT("g"),
		.originator_orgs = &org, .n_originator_orgs = 1}}, *given = &guest;
	const struct xo_key key = {XO_KEY_ORG, org};
	struct claimed c;

	(void)state;
	world_begin(TENANTS, "");
	world.conf->policy.guests = xo_guests_new(1);
	world_upstream(0)->has_tenant_certificate = true;
	use(XO_NOBODY);
	use(0);
	for (int i = 0; i < 3; i++) {
		/* Not there yet, there, and a number that no slot has. */
		if (i == 1)
			assert_int_equal(xo_guests_put(
			    world.conf->policy.guests, &key, XO_KNOWN_TENANT,
			    &given, 1000, 0), XO_KNOWN_TENANT);
		claim_now(&c, i < 2 ? 2 : 3);
		assert_int_equal(c.n_calls, 1);
		assert_null(c.link);
		assert_int_equal(c.why, XO_REFUSAL_TENANT_CERTIFICATE);
	}
	assert_int_equal(world.n_servers, 2);
	/* Where none is shown it is like anybody. */
	world_upstream(0)->has_tenant_certificate = false;
	use(2);
	assert_int_equal(world.n_servers, 2);
	world_end();
}

static void
test_idle_timeout(void **state)
{
	(void)state;
	world_begin("", "idle_timeout = 20;");
	use(XO_NOBODY);
	world_pass(19999);
	xo_hops_tick(world.hops);
	world_settle();
	assert_int_equal(servers_open(), 1);
	world_pass(1);
	xo_hops_tick(world.hops);
	world_settle();
	assert_int_equal(servers_open(), 0);
	assert_non_null(strstr(server_last()->heard, "\r\nQUIT\r\n"));
	/* Each use begins it anew. */
	use(XO_NOBODY);
	world_pass(15000);
	use(XO_NOBODY);
	world_pass(15000);
	xo_hops_tick(world.hops);
	world_settle();
	assert_int_equal(servers_open(), 1);
	assert_int_equal(world.n_servers, 2);
	world_end();
}

/* So many of four that are given back at once. */
static void
check_max_idle(const char *setting, size_t want)
{
	struct claimed c[4];

	world_begin("", setting);
	for (size_t i = 0; i < 4; i++)
		claim_now(&c[i], XO_NOBODY);
	assert_int_equal(servers_open(), 4);
	for (size_t i = 0; i < 4; i++)
		xo_link_release(c[i].link, false);
	world_settle();
	assert_int_equal(servers_open(), want);
	for (size_t i = 0; i < world.n_servers; i++)
		assert_true(!world.servers[i].has_ended ||
		    strstr(world.servers[i].heard, "\r\nQUIT\r\n") != NULL);
	world_end();
}

static void
test_max_idle(void **state)
{
	(void)state;
	check_max_idle("max_idle = 0;", 0);
	check_max_idle("max_idle = 1;", 1);
	check_max_idle("max_idle = 3;", 3);
}

/* Its end, and a word of it, cost no message. */
static void
test_ends_while_idle(void **state)
{
	static const char *const words[] = {NULL, "421 4.3.2 bye\r\n",
	    "250 2.0.0 once more\r\n"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		world_begin("", "");
		use(XO_NOBODY);
		if (words[i] != NULL)
			server_says(server_last(), words[i]);
		else
			server_closes(server_last());
		world_settle();
		assert_int_equal(servers_open(), 0);
		use(XO_NOBODY);
		assert_int_equal(world.n_servers, 2);
		assert_int_equal(servers_open(), 1);
		world_end();
	}
}

/* The same, in the instant in which it is claimed: no edge has told of it. */
static void
test_ends_when_claimed(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	use(XO_NOBODY);
	server_closes(server_last());
	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY});
	world_settle();
	assert_non_null(c.link);
	assert_int_equal(world.n_servers, 2);
	xo_link_close(c.link);
	world_end();
}

static void
test_max_connections(void **state)
{
	struct claimed c, d;

	(void)state;
	world_begin("", "max_connections = 1;");
	claim_now(&c, XO_NOBODY);
	claim_now(&d, XO_NOBODY);
	assert_int_equal(d.n_calls, 1);
	assert_null(d.link);
	assert_int_equal(d.why, XO_REFUSAL_UPSTREAM_CONNECT);
	assert_int_equal(world.n_servers, 1);
	xo_link_close(c.link);
	claim_now(&d, XO_NOBODY);
	assert_non_null(d.link);
	xo_link_close(d.link);
	world_end();
}

/* What is kept for somebody else gives way. */
static void
test_kept_gives_way(void **state)
{
	(void)state;
	world_begin(TENANTS, "max_connections = 1;");
	world_upstream(0)->has_tenant_certificate = true;
	use(0);
	use(1);
	assert_int_equal(world.n_servers, 2);
	assert_int_equal(servers_open(), 1);
	assert_true(world.servers[0].has_ended);
	world_end();
}

static void
test_rset_first(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	claim_now(&c, XO_NOBODY);
	xo_link_release(c.link, true);
	world_settle();
	assert_null(strstr(server_last()->heard, "RSET"));
	use(XO_NOBODY);
	assert_int_equal(world.n_servers, 1);
	assert_non_null(strstr(server_last()->heard, "\r\nRSET\r\n"));
	world_end();
}

static void
test_drain(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	claim_now(&c, XO_NOBODY);
	use(XO_NOBODY);
	assert_int_equal(servers_open(), 2);
	xo_hops_drain(world.hops);
	world_settle();
	assert_int_equal(servers_open(), 1);
	xo_link_release(c.link, false);
	world_settle();
	assert_int_equal(servers_open(), 0);
	world_end();
}

/* For a client of this name. */
static struct xo_handover_info
client(const char *name)
{
	static const struct xo_address address = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9}};

	return (struct xo_handover_info){
		.address = &address,
		.port = 999,
		.server = &address,
		.server_port = 25,
		.hello = xo_span_from_cstr(name),
		.is_esmtp = true,
	};
}

static void
use_for(const char *name)
{
	struct claimed c;

	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY,
	    .client = client(name)});
	world_settle();
	assert_int_equal(c.n_calls, 1);
	assert_non_null(c.link);
	xo_link_release(c.link, false);
	world_settle();
}

static size_t
count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		n++;
	return n;
}

/* Told of each client, and of the same one once. */
static void
test_xclient(void **state)
{
	(void)state;
	world_begin("", "handover = \"xclient\"; client_names = false;");
	world.caps = XCLIENT;
	use_for("a.example");
	assert_int_equal(count(server_last()->heard, "\r\nXCLIENT "), 1);
	use_for("a.example");
	assert_int_equal(count(server_last()->heard, "\r\nXCLIENT "), 1);
	use_for("b.example");
	assert_int_equal(count(server_last()->heard, "\r\nXCLIENT "), 2);
	assert_int_equal(world.n_servers, 1);
	/* It can serve others. */
	xo_hops_client_gone(world.hops,
	    &(struct xo_handover_info){.address = client("b.example").address,
	    .port = 999, .hello = XO_LIT("b.example")});
	world_settle();
	assert_int_equal(servers_open(), 1);
	world_end();
}

/* Many take no second XCLIENT: such a one is this client's alone. */
static void
test_xclient_once(void **state)
{
	struct xo_handover_info a = client("a.example");

	(void)state;
	world_begin("", "handover = \"xclient\"; client_names = false;");
	world.caps = XCLIENT;
	world.caps_then = "DSN";
	use_for("a.example");
	use_for("b.example");
	assert_int_equal(world.n_servers, 2);
	use_for("a.example");
	assert_int_equal(world.n_servers, 2);
	xo_hops_client_gone(world.hops, &a);
	world_settle();
	assert_true(world.servers[0].has_ended);
	assert_non_null(strstr(world.servers[0].heard, "\r\nQUIT\r\n"));
	assert_false(world.servers[1].has_ended);
	world_end();
}

/* A connection behind a PROXY header is one client's. */
static void
test_proxy_is_not_kept(void **state)
{
	(void)state;
	world_begin("", "handover = \"proxy\";");
	use_for("a.example");
	assert_int_equal(servers_open(), 0);
	assert_memory_equal(server_last()->heard,
	    "PROXY TCP4 192.0.2.9 192.0.2.9 999 25\r\nEHLO ", 44);
	use_for("a.example");
	assert_int_equal(world.n_servers, 2);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_for_the_next),
		cmocka_unit_test(test_fresh_is_a_new_one),
		cmocka_unit_test(test_tenants_do_not_mix),
		cmocka_unit_test(test_tenants_without_certificate),
		cmocka_unit_test(test_guest_without_certificate),
		cmocka_unit_test(test_idle_timeout),
		cmocka_unit_test(test_max_idle),
		cmocka_unit_test(test_ends_while_idle),
		cmocka_unit_test(test_ends_when_claimed),
		cmocka_unit_test(test_max_connections),
		cmocka_unit_test(test_kept_gives_way),
		cmocka_unit_test(test_rset_first),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_xclient),
		cmocka_unit_test(test_xclient_once),
		cmocka_unit_test(test_proxy_is_not_kept),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
