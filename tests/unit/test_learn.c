/* SPDX-License-Identifier: ISC */
/* What upstreams can do, and when they are asked; under virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/guests.h>

#include "daemon_world.h"

static bool
has(enum xo_cap cap)
{
	const struct xo_known *known = xo_hops_known(world.hops);

	return known->is_known && xo_caps_has(&known->caps, cap);
}

static void
test_asked_once(void **state)
{
	(void)state;
	world_begin("", "");
	assert_true(xo_hops_learn(world.hops));
	assert_true(xo_hops_learn(world.hops));
	assert_int_equal(world.n_learnt, 0);
	assert_false(xo_hops_known(world.hops)->is_known);
	world_settle();
	assert_int_equal(world.n_learnt, 1);
	assert_true(has(XO_CAP_DSN));
	assert_false(has(XO_CAP_SMTPUTF8));
	assert_int_equal(world.n_servers, 1);
	assert_false(xo_hops_learn(world.hops));
	/* Kept for the first message. */
	assert_int_equal(servers_open(), 1);
	world_end();
}

/* Who waits hears so, and nobody waits for what is not asked again yet. */
static void
test_not_there(void **state)
{
	(void)state;
	world_begin("", "");
	world.refused = "all";
	assert_true(xo_hops_learn(world.hops));
	assert_int_equal(world.n_learnt, 0);
	world_settle();
	assert_int_equal(world.n_learnt, 1);
	assert_false(xo_hops_known(world.hops)->is_known);
	assert_string_equal(world.tried, "25 26 ");
	world_pass(9999);
	assert_false(xo_hops_learn(world.hops));
	world_pass(1);
	world.refused = NULL;
	assert_true(xo_hops_learn(world.hops));
	world_settle();
	assert_int_equal(world.n_learnt, 2);
	assert_true(has(XO_CAP_DSN));
	world_end();
}

/* In the background: whoever comes hears the last that is known. */
static void
test_refresh(void **state)
{
	(void)state;
	world_begin("", "refresh = 50; idle_timeout = 10;");
	(void)xo_hops_learn(world.hops);
	world_settle();
	world.caps = "SMTPUTF8";
	world_pass(49999);
	xo_hops_refresh(world.hops);
	world_settle();
	assert_int_equal(world.n_servers, 1);
	/* It has looked just now, and looks again in a second. */
	world_pass(1);
	xo_hops_refresh(world.hops);
	world_settle();
	assert_int_equal(world.n_servers, 1);
	world_pass(999);
	xo_hops_refresh(world.hops);
	xo_hops_refresh(world.hops);
	assert_true(has(XO_CAP_DSN));
	world_settle();
	assert_int_equal(world.n_servers, 2);
	assert_true(has(XO_CAP_SMTPUTF8));
	assert_false(has(XO_CAP_DSN));
	world_end();
}

static void
test_refresh_fails(void **state)
{
	(void)state;
	world_begin("", "refresh = 50;");
	(void)xo_hops_learn(world.hops);
	world_settle();
	world.refused = "all";
	world_pass(50000);
	xo_hops_refresh(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 25 26 ");
	assert_true(has(XO_CAP_DSN));
	assert_false(xo_hops_learn(world.hops));
	world_end();
}

/* Mail has told, too: not asked for another `refresh`. */
static void
test_heard_by_chance(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "refresh = 50;");
	(void)xo_hops_learn(world.hops);
	world_settle();
	world.caps = "SMTPUTF8";
	world_pass(40000);
	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY,
	    .is_fresh = true});
	world_settle();
	assert_true(has(XO_CAP_SMTPUTF8));
	xo_link_close(c.link);
	world_pass(49999);
	xo_hops_refresh(world.hops);
	world_settle();
	assert_int_equal(world.n_servers, 2);
	world_end();
}

/* Others may keep mail away until it is there again: asked without any. */
static void
test_lost_is_asked(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	(void)xo_hops_learn(world.hops);
	world_settle();
	xo_hops_tick(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 ");
	server_closes(server_last());
	world.refused = "all";
	world_pass(60000);
	claim_now(&c, XO_NOBODY);
	assert_null(c.link);
	assert_string_equal(world.tried, "25 25 26 ");
	xo_hops_tick(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 25 26 25 26 ");
	world_pass(9999);
	xo_hops_tick(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 25 26 25 26 ");
	world_pass(1);
	world.refused = NULL;
	xo_hops_tick(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 25 26 25 26 25 ");
	world_pass(20000);
	xo_hops_tick(world.hops);
	world_settle();
	assert_string_equal(world.tried, "25 25 26 25 26 25 ");
	world_end();
}

static void
test_drained(void **state)
{
	(void)state;
	world_begin("", "refresh = 50;");
	(void)xo_hops_learn(world.hops);
	world_settle();
	xo_hops_drain(world.hops);
	world_pass(60000);
	xo_hops_refresh(world.hops);
	xo_hops_tick(world.hops);
	world_settle();
	assert_int_equal(world.n_servers, 1);
	world_end();
}

/* More than it was asked for: no BDAT from now on, whatever it announces. */
static void
test_out_of_step(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.caps = "CHUNKING,BINARYMIME,DSN";
	claim_now(&c, XO_NOBODY);
	assert_true(xo_caps_has(xo_link_caps(c.link), XO_CAP_CHUNKING));
	xo_link_release(c.link, false);
	server_says(server_last(), "250 2.0.0 and another\r\n");
	world_settle();
	assert_false(has(XO_CAP_CHUNKING));
	claim_now(&c, XO_NOBODY);
	assert_int_equal(world.n_servers, 2);
	assert_false(xo_caps_has(xo_link_caps(c.link), XO_CAP_CHUNKING));
	assert_false(xo_caps_has(xo_link_caps(c.link), XO_CAP_BINARYMIME));
	assert_true(xo_caps_has(xo_link_caps(c.link), XO_CAP_DSN));
	xo_link_close(c.link);
	world_end();
}

static bool
serves_tenants(void)
{
	struct xo_hops *hops = xo_hops_new(&world.env, NULL, NULL);
	bool serves;

	assert_non_null(hops);
	serves = xo_hops_known(hops)[0].serves_tenants;
	xo_hops_free(&hops);
	return serves;
}

/* Guests may be of any upstream, which none of the configuration's tenants has;
 * but not of one that wants a certificate that they have not. */
static void
test_guests(void **state)
{
	(void)state;
	world_begin("", "");
	assert_false(serves_tenants());
	world.conf->policy.guests = xo_guests_new(1);
	assert_true(serves_tenants());
	world_upstream(0)->has_tenant_certificate = true;
	assert_false(serves_tenants());
	world.conf->policy.guests_have_certificates = true;
	assert_true(serves_tenants());
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_refresh_fails),
		cmocka_unit_test(test_heard_by_chance),
		cmocka_unit_test(test_lost_is_asked),
		cmocka_unit_test(test_drained),
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_out_of_step),
	};

	return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
