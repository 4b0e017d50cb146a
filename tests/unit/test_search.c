/* SPDX-License-Identifier: ISC */
/* Which place is next, under a clock of our own: search.c and places.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include <hop/search.h>
#include <net/clock.h>

#define MAX 40
#define GOT_MAX 400

static struct xo_conf_host hosts[MAX];
static struct xo_places places;
static uint64_t now;

static void
pass(uint64_t milliseconds)
{
	now += milliseconds;
	xo_clock_set(now, 0);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&places, 0, sizeof(places));
	now = 1000000;
	pass(0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_places_fini(&places);
	return 0;
}

static struct xo_resolved
address(unsigned int last, uint32_t ttl)
{
	struct xo_resolved r = {.place.len = sizeof(struct sockaddr_in),
	    .ttl = ttl};
	struct sockaddr_in in = {.sin_family = AF_INET};

	in.sin_port = htons(25);
	in.sin_addr.s_addr = htonl(0xc0000200 | last);
	memcpy(&r.place.address, &in, sizeof(in));
	return r;
}

static unsigned int
last_octet(const struct xo_candidate *t)
{
	struct sockaddr_in in;

	memcpy(&in, &t->place.address, sizeof(in));
	return ntohl(in.sin_addr.s_addr) & 0xff;
}

static void
add_text(char *got, const char *text)
{
	size_t len = strlen(got);

	(void)snprintf(got + len, GOT_MAX - len, "%s", text);
}

static void
add(char *got, unsigned int n)
{
	char text[12];

	(void)snprintf(text, sizeof(text), "%u ", n);
	add_text(got, text);
}

/* The last octets of all places in their turn, "1 2 3"; each fails. Names are
 * told to have `found`. */
static const char *
walk(const struct xo_conf_upstream *conf, const struct xo_resolved *found,
    size_t n)
{
	static char got[GOT_MAX];
	struct xo_search s = {0};
	bool is_over = false;

	got[0] = '\0';
	xo_search_init(&s, conf, &places);
	while (!is_over && strlen(got) < GOT_MAX - 1) {
		switch (xo_search_next(&s)) {
		case XO_SEARCH_TRY:
			add(got, last_octet(s.candidate));
			xo_places_set_dead(&places, &s.candidate->place, true);
			break;
		case XO_SEARCH_ASK_HOST:
			add_text(got, "? ");
			if (n > 0)
				xo_search_found_host(&s, found, n);
			break;
		case XO_SEARCH_ASK_MX:
			add_text(got, "mx? ");
			break;
		case XO_SEARCH_END:
			is_over = true;
			break;
		}
	}
	xo_search_fini(&s);
	return got;
}

static struct xo_conf_upstream
numeric(size_t n)
{
	static char names[MAX][20];
	struct xo_conf_upstream conf = {.hosts = hosts, .n_hosts = n};

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "192.0.2.%zu", i + 1);
		hosts[i] = (struct xo_conf_host){.host = names[i], .port = 25};
	}
	return conf;
}

static void
test_in_order(void **state)
{
	struct xo_conf_upstream conf = numeric(3);

	(void)state;
	assert_string_equal(walk(&conf, NULL, 0), "1 2 3 ");
}

/* Half a minute, and only while others stand. */
static void
test_dead(void **state)
{
	struct xo_conf_upstream conf = numeric(2);
	struct xo_search s = {0};

	(void)state;
	xo_search_init(&s, &conf, &places);
	assert_int_equal(xo_search_next(&s), XO_SEARCH_TRY);
	xo_places_set_dead(&places, &s.candidate->place, true);
	xo_search_fini(&s);
	pass(29999);
	assert_string_equal(walk(&conf, NULL, 0), "2 1 ");
	/* Both failed then: half a minute on, they are as ever. */
	pass(30000);
	assert_string_equal(walk(&conf, NULL, 0), "1 2 ");
}

static void
test_bounded(void **state)
{
	struct xo_conf_upstream conf = numeric(30);

	(void)state;
	assert_string_equal(walk(&conf, NULL, 0), "1 2 3 4 5 6 7 8 9 10 ");
	assert_string_equal(walk(&conf, NULL, 0),
	    "11 12 13 14 15 16 17 18 19 20 ");
}

/* An answer is remembered for its TTL, and none is not asked for twice. */
static void
test_names(void **state)
{
	const struct xo_resolved found[] = {address(7, 60), address(8, 30)};
	struct xo_conf_upstream conf = {.hosts = hosts, .n_hosts = 1};

	(void)state;
	hosts[0] = (struct xo_conf_host){.host = "a.test", .port = 25};
	assert_string_equal(walk(&conf, NULL, 0), "? ");
	assert_string_equal(walk(&conf, found, 2), "? 7 8 ");
	pass(29999);
	assert_string_equal(walk(&conf, found, 2), "7 8 ");
	pass(1);
	assert_string_equal(walk(&conf, found, 2), "? 7 8 ");
}

static void
test_mx(void **state)
{
	const struct xo_mx list[] = {
		{.name = "192.0.2.1", .preference = 10, .ttl = 60},
		{.name = "192.0.2.2", .preference = 20, .ttl = 60},
	};
	struct xo_conf_upstream conf = {.mx = "a.test"};

	(void)state;
	/* No answer: nowhere to go. */
	assert_string_equal(walk(&conf, NULL, 0), "mx? ");
	xo_places_learn_mx(&places, "a.test", list, 2);
	assert_string_equal(walk(&conf, NULL, 0), "1 2 ");
	pass(60000);
	assert_string_equal(walk(&conf, NULL, 0), "mx? ");
	/* There is none: the domain itself, for a minute. */
	xo_places_learn_mx(&places, "192.0.2.9", NULL, 0);
	pass(59999);
	assert_string_equal(walk(&conf, NULL, 0), "9 ");
	pass(1);
	assert_string_equal(walk(&conf, NULL, 0), "mx? ");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_dead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mx, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
