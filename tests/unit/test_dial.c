/* SPDX-License-Identifier: ISC */
/* How a connection is had: places, time, failures; under virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon_world.h"

/* A claim that has come to its end. */
static struct claimed
done(void)
{
	struct claimed c;

	claim_now(&c, XO_NOBODY);
	assert_int_equal(c.n_calls, 1);
	return c;
}

static void
finish(struct xo_link *link)
{
	assert_non_null(link);
	xo_link_close(link);
	world_settle();
}

static void
test_next_place(void **state)
{
	(void)state;
	world_begin("", "");
	world.refused = "192.0.2.25";
	finish(done().link);
	assert_string_equal(world.tried, "25 26 ");
	assert_string_equal(server_last()->place, "192.0.2.26");
	world_end();
}

/* What failed a moment ago is left out for half a minute. */
static void
test_dead_place(void **state)
{
	(void)state;
	world_begin("", "");
	world.refused = "192.0.2.25";
	finish(done().link);
	world.refused = NULL;
	world_pass(29999);
	finish(done().link);
	assert_string_equal(world.tried, "25 26 26 ");
	world_pass(1);
	finish(done().link);
	assert_string_equal(world.tried, "25 26 26 25 ");
	world_end();
}

/* All are dead: better one of them than none. */
static void
test_last_resort(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.refused = "all";
	c = done();
	assert_null(c.link);
	assert_int_equal(c.why, XO_REFUSAL_UPSTREAM_CONNECT);
	world.refused = "192.0.2.25";
	finish(done().link);
	assert_string_equal(world.tried, "25 26 25 26 ");
	/* It has been heard: it is not dead any more. */
	finish(done().link);
	assert_string_equal(world.tried, "25 26 25 26 26 ");
	world_end();
}

/* The place where the session's own connection broke off. */
static void
test_lost_place(void **state)
{
	struct claimed c;
	struct xo_wish wish = {.tenant = XO_NOBODY, .is_fresh = true};

	(void)state;
	world_begin("", "");
	c = done();
	wish.lost = xo_link_fresh_place(c.link);
	finish(c.link);
	claim_begin(&c, &wish);
	world_settle();
	finish(c.link);
	assert_string_equal(world.tried, "25 26 ");
	world_end();
}

static void
test_connect_timeout(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.connecting = "192.0.2.25";
	claim_now(&c, XO_NOBODY);
	world_pass(29999);
	assert_string_equal(world.tried, "25 ");
	world_pass(1);
	assert_string_equal(world.tried, "25 26 ");
	assert_int_equal(c.n_calls, 1);
	finish(c.link);
	world_end();
}

static void
test_greeting_timeout(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.hanging = "192.0.2.25";
	claim_now(&c, XO_NOBODY);
	world_pass(59999);
	assert_string_equal(world.tried, "25 ");
	world_pass(1);
	assert_string_equal(world.tried, "25 26 ");
	finish(c.link);
	world_end();
}

/* The client waits for its RCPT: not longer for two places than for one. */
static void
test_deadline_of_all(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("limits = { mail_timeout = 80; };", "");
	world.hanging = "all";
	claim_now(&c, XO_NOBODY);
	world_pass(79999);
	assert_string_equal(world.tried, "25 26 ");
	assert_int_equal(c.n_calls, 0);
	world_pass(1);
	assert_int_equal(c.n_calls, 1);
	assert_null(c.link);
	assert_int_equal(c.why, XO_REFUSAL_UPSTREAM_TIMEOUT);
	assert_int_equal(servers_open(), 0);
	world_end();
	/* No other place is tried when it is over. */
	world_begin("limits = { mail_timeout = 50; };", "");
	world.hanging = "all";
	claim_now(&c, XO_NOBODY);
	world_pass(50000);
	assert_int_equal(c.n_calls, 1);
	assert_null(c.link);
	assert_string_equal(world.tried, "25 ");
	world_end();
}

static void
test_refused_greeting(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.greeting = "554 5.3.2 not now\r\n";
	c = done();
	assert_null(c.link);
	assert_int_equal(c.why, XO_REFUSAL_UPSTREAM_GREETING);
	assert_string_equal(world.tried, "25 26 ");
	assert_string_equal(server_last()->heard, "QUIT\r\n");
	world_end();
}

static void
test_lost_greeting(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	world.hanging = "all";
	claim_now(&c, XO_NOBODY);
	server_closes(server_last());
	world_settle();
	assert_string_equal(world.tried, "25 26 ");
	server_closes(server_last());
	world_settle();
	assert_int_equal(c.n_calls, 1);
	assert_null(c.link);
	assert_int_equal(c.why, XO_REFUSAL_UPSTREAM_GREETING);
	world_end();
}

/* Nobody is called any more, and nothing stays open. */
static void
test_cancelled(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	/* before anything */
	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY});
	xo_claim_cancel(&c.claim);
	world_settle();
	assert_int_equal(servers_open(), 0);
	/* in the middle */
	world.hanging = "all";
	claim_now(&c, XO_NOBODY);
	xo_claim_cancel(&c.claim);
	assert_null(c.claim);
	world_pass(400000);
	assert_int_equal(c.n_calls, 0);
	assert_int_equal(servers_open(), 0);
	world_end();
}

/* One that has been opened, and nobody was told yet: it is in step. */
static void
test_cancelled_at_the_end(void **state)
{
	struct claimed c;

	(void)state;
	world_begin("", "");
	claim_now(&c, XO_NOBODY);
	xo_link_release(c.link, false);
	claim_begin(&c, &(struct xo_wish){.tenant = XO_NOBODY});
	xo_claim_cancel(&c.claim);
	world_settle();
	assert_int_equal(world.n_servers, 1);
	assert_true(server_last()->has_ended);
	assert_non_null(strstr(server_last()->heard, "QUIT\r\n"));
	assert_int_equal(c.n_calls, 0);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_place),
		cmocka_unit_test(test_dead_place),
		cmocka_unit_test(test_last_resort),
		cmocka_unit_test(test_lost_place),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_greeting_timeout),
		cmocka_unit_test(test_deadline_of_all),
		cmocka_unit_test(test_refused_greeting),
		cmocka_unit_test(test_lost_greeting),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_cancelled_at_the_end),
	};

	return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
