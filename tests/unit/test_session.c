/* SPDX-License-Identifier: ISC */
/* A session between its sockets: turns, deadlines, stalls, ends; in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "daemon_world.h"

#define SLOW_READER (1024 * 1024)

static void
assert_begins(const char *got, const char *want)
{
	if (strncmp(got, want, strlen(want)) != 0)
		fail_msg("got \"%.60s\", want \"%s\"", got, want);
}

/* One that has come so far. */
static void
hello(struct client *c)
{
	client_come(c, "192.0.2.1");
	assert_begins(client_says(c, ""), "220 mx.example ");
	assert_begins(client_says(c, "EHLO client.example\r\n"), "250-");
}

static void
to_content(struct client *c)
{
	hello(c);
	assert_begins(client_says(c, "MAIL FROM:<a@b.example>\r\n"), "250 ");
	assert_begins(client_says(c, "RCPT TO:<c@d.example>\r\n"), "250 ");
	assert_begins(client_says(c, "DATA\r\n"), "354 ");
}

static void
test_message(void **state)
{
	struct client c;

	(void)state;
	world_begin("", "");
	to_content(&c);
	assert_begins(client_says(&c, "Subject: s\r\n\r\nHello.\r\n.\r\n"),
	    "250 2.0.0 taken\r\n");
	assert_non_null(strstr(server_last()->heard, "\r\nHello.\r\n.\r\n"));
	assert_begins(client_says(&c, "QUIT\r\n"), "221 ");
	client_goes(&c);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	assert_int_equal(world.n_emptied, 1);
	/* The next hop's is kept. */
	assert_int_equal(servers_open(), 1);
	world_end();
}

/* What is said when time is up, and to the millisecond when. */
static void
check_deadline(struct client *c, uint64_t milliseconds, const char *want)
{
	world_pass(milliseconds - 1);
	if (client_says(c, "")[0] != '\0' || c->has_ended)
		fail_msg("too soon: \"%.60s\"", c->said);
	world_pass(1);
	assert_begins(client_says(c, ""), want);
	assert_true(c->has_ended);
	client_goes(c);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
}

static void
test_command_timeout(void **state)
{
	struct client c;

	(void)state;
	world_begin("limits = { command_timeout = 100; };", "");
	client_come(&c, "192.0.2.1");
	assert_begins(client_says(&c, ""), "220 ");
	check_deadline(&c, 100000, "421 4.4.2 ");
	/* Each command begins it anew. */
	hello(&c);
	world_pass(99999);
	assert_begins(client_says(&c, "NOOP\r\n"), "250 ");
	check_deadline(&c, 100000, "421 4.4.2 ");
	world_end();
}

/* A deadline is the request's, not a read's. */
static void
test_request_timeout(void **state)
{
	struct client c;

	(void)state;
	world_begin("limits = { request_timeout = 20; };", "");
	hello(&c);
	(void)client_says(&c, "MAIL FROM:<");
	for (int i = 0; i < 19; i++) {
		world_pass(1000);
		assert_string_equal(client_says(&c, "a"), "");
	}
	check_deadline(&c, 1000, "421 4.4.2 ");
	world_end();
}

static void
test_content_timeout(void **state)
{
	struct client c;

	(void)state;
	world_begin("limits = { content_timeout = 70; data_rate = 0; };", "");
	to_content(&c);
	(void)client_says(&c, "Subject: s\r\n\r\n");
	world_pass(69999);
	assert_string_equal(client_says(&c, "more\r\n"), "");
	check_deadline(&c, 70000, "421 4.4.2 ");
	world_end();
}

static void
test_data_rate(void **state)
{
	struct client c;
	int i;

	(void)state;
	world_begin("limits = { data_grace = 10; data_rate = 100; };", "");
	to_content(&c);
	(void)client_says(&c, "Subject: s\r\n\r\n");
	/* Fast enough is never too slow. */
	for (i = 0; i < 60; i++) {
		char text[121];

		memset(text, 'a', 118);
		memcpy(text + 118, "\r\n", 3);
		world_pass(1000);
		assert_string_equal(client_says(&c, text), "");
	}
	for (i = 0; i < 60 && client_says(&c, "a")[0] == '\0'; i++)
		world_pass(1000);
	assert_begins(c.said, "421 4.4.2 ");
	assert_in_range(i, 5, 40);
	client_goes(&c);
	world_end();
}

/* A listed proxy says its header first, or nothing is said to it. */
static void
test_proxy_header(void **state)
{
	struct client c;

	(void)state;
	world_begin("", "");
	client_come(&c, "198.51.100.7");
	assert_string_equal(client_says(&c, "PROXY TCP4 192.0.2.9 "), "");
	assert_begins(client_says(&c, "192.0.2.1 1234 25\r\n"), "220 ");
	client_goes(&c);
	client_come(&c, "198.51.100.7");
	assert_string_equal(client_says(&c, "EHLO client.example\r\n"), "");
	assert_true(c.has_ended);
	client_goes(&c);
	client_come(&c, "198.51.100.7");
	assert_string_equal(client_says(&c, "PROXY "), "");
	check_deadline(&c, 5000, "");
	assert_int_equal(world.n_servers, 0);
	world_end();
}

/* EHLO waits for what upstreams can do, and not for ever. The next hop says so
 * much at first, and so much each second. */
static void
check_wait_for_caps(const char *first, const char *then)
{
	struct client c;

	world_begin("", "");
	world.hanging = "all";
	client_come(&c, "192.0.2.1");
	(void)client_says(&c, "");
	assert_string_equal(client_says(&c, "EHLO client.example\r\n"), "");
	server_says(server_last(), first);
	for (int i = 0; i < 4; i++) {
		world_pass(1000);
		server_says(server_last(), then);
	}
	world_pass(999);
	assert_string_equal(client_says(&c, ""), "");
	world_pass(1);
	assert_begins(client_says(&c, ""), "250");
	assert_null(strstr(c.said, "DSN"));
	client_goes(&c);
	world_end();
}

static void
test_waits_for_caps(void **state)
{
	(void)state;
	check_wait_for_caps("", "");
	check_wait_for_caps("220 hop.example\r\n", "");
	check_wait_for_caps("220 hop.example\r\n", "250-DSN\r\n");
	check_wait_for_caps("220 ", "x");
}

static void
test_hears_caps(void **state)
{
	struct client c, d;

	(void)state;
	world_begin("", "");
	world.hanging = "all";
	client_come(&c, "192.0.2.1");
	client_come(&d, "192.0.2.1");
	(void)client_says(&c, "EHLO client.example\r\n");
	(void)client_says(&d, "EHLO client.example\r\n");
	assert_int_equal(world.n_servers, 1);
	world_pass(1000);
	world.hanging = NULL;
	server_says(server_last(), "220 hop.example\r\n");
	assert_non_null(strstr(client_says(&c, ""), "250-DSN\r\n"));
	assert_non_null(strstr(client_says(&d, ""), "250-DSN\r\n"));
	assert_int_equal(world.n_learnt, 1);
	client_goes(&c);
	client_goes(&d);
	world_end();
}

/* One of them may close all others' session meanwhile: nobody is skipped. */
static void
test_gone_while_waiting(void **state)
{
	struct client c[3];

	(void)state;
	world_begin("", "");
	world.hanging = "all";
	for (size_t i = 0; i < 3; i++) {
		client_come(&c[i], "192.0.2.1");
		(void)client_says(&c[i], "EHLO client.example\r\n");
	}
	close(c[1].fd);
	c[1].fd = -1;
	world.hanging = NULL;
	server_says(server_last(), "220 hop.example\r\n");
	assert_non_null(strstr(client_says(&c[0], ""), "250-DSN\r\n"));
	assert_non_null(strstr(client_says(&c[2], ""), "250-DSN\r\n"));
	client_goes(&c[0]);
	client_goes(&c[2]);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	world_end();
}

/* Our end is said at once; the client has a moment for its own. */
static void
test_linger(void **state)
{
	struct client c;

	(void)state;
	world_begin("", "");
	hello(&c);
	assert_begins(client_says(&c, "QUIT\r\n"), "221 ");
	assert_true(c.has_ended);
	assert_int_equal(xo_sessions_count(world.sessions), 1);
	world_pass(499);
	assert_int_equal(xo_sessions_count(world.sessions), 1);
	world_pass(1);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	client_goes(&c);
	/* Who ends, too, is not waited for. */
	hello(&c);
	(void)client_says(&c, "QUIT\r\n");
	client_goes(&c);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	world_end();
}

/* Asks, and does not read: nothing goes any more. */
static void
ask_without_reading(struct client *c)
{
	static const char line[] = "HELP\r\n";

	hello(c);
	for (int i = 0; i < SLOW_READER / (int)sizeof(line); i++) {
		if (send(c->fd, line, sizeof(line) - 1, MSG_NOSIGNAL |
		    MSG_DONTWAIT) < 0)
			world_settle();
	}
	world_settle();
}

static void
test_slow_reader(void **state)
{
	struct client c;

	(void)state;
	world_begin("limits = { commands = 0; data_timeout = 30; };", "");
	ask_without_reading(&c);
	world_pass(29999);
	assert_int_equal(xo_sessions_count(world.sessions), 1);
	world_pass(1);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	client_goes(&c);
	world_end();
}

/* Progress below data_rate is none. */
static void
test_slow_reader_who_reads_a_little(void **state)
{
	static char octets[2000000];
	struct client c;

	(void)state;
	world_begin("limits = { commands = 0; data_timeout = 30;"
	    " data_rate = 100000; };", "");
	ask_without_reading(&c);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(xo_sessions_count(world.sessions), 1);
		(void)recv(c.fd, octets, 2000, 0);
		world_pass(1000);
	}
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	client_goes(&c);
	world_end();
}

/* All that goes, until nothing goes any more. */
static void
send_content(struct client *c)
{
	static char octets[SLOW_READER];
	ssize_t n = 1;

	for (size_t i = 0; i < sizeof(octets); i += 64)
		memcpy(octets + i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaa\r\n", 64);
	while (n > 0) {
		n = send(c->fd, octets, sizeof(octets), MSG_NOSIGNAL);
		world_settle();
	}
}

/* The client is not held for ever: 451, and its message is its own again. The
 * next hop reads so many octets a second. */
static void
check_slow_next_hop(size_t a_second)
{
	static char octets[100000];
	struct client c;

	world_begin("limits = { data_timeout = 30; data_rate = 100000; };",
	    "");
	world.is_deaf = true;
	to_content(&c);
	(void)client_says(&c, "Subject: s\r\n\r\n");
	for (int i = 0; i < 30; i++) {
		send_content(&c);
		assert_string_equal(client_says(&c, ""), "");
		assert_int_equal(recv(server_last()->fd, octets, a_second,
		    0) > 0, a_second > 0);
		world_pass(1000);
	}
	/* What has gone is read, and then the end. */
	world.is_deaf = false;
	for (int i = 0; i < 10; i++)
		world_settle();
	assert_true(server_last()->has_ended);
	assert_begins(client_says(&c, "\r\n.\r\n"), "451 4.4.2 ");
	assert_false(c.has_ended);
	client_goes(&c);
	world_end();
}

static void
test_slow_next_hop(void **state)
{
	(void)state;
	check_slow_next_hop(0);
	check_slow_next_hop(200);
	check_slow_next_hop(20000);
}

/* Nor while none is found. */
static void
test_no_next_hop_in_time(void **state)
{
	struct client c;

	(void)state;
	world_begin("limits = { mail_timeout = 80; };", "max_idle = 0;");
	hello(&c);
	world.hanging = "all";
	(void)client_says(&c, "MAIL FROM:<a@b.example>\r\n");
	assert_string_equal(client_says(&c, "RCPT TO:<c@d.example>\r\n"), "");
	world_pass(79999);
	assert_string_equal(client_says(&c, ""), "");
	world_pass(1);
	assert_begins(client_says(&c, ""), "451 ");
	client_goes(&c);
	world_end();
}

/* With max_sessions here the silent ones make room sooner. */
static void
test_pressed(void **state)
{
	struct client c, d;

	(void)state;
	world_begin("limits = { load_timeout = 10; };", "");
	hello(&c);
	xo_sessions_press(world.sessions, true);
	hello(&d);
	world_pass(9999);
	assert_begins(client_says(&d, "NOOP\r\n"), "250 ");
	assert_string_equal(client_says(&c, ""), "");
	world_pass(1);
	assert_begins(client_says(&c, ""), "421 4.4.2 ");
	client_goes(&c);
	assert_int_equal(xo_sessions_count(world.sessions), 1);
	/* It is over: the usual time is back. */
	xo_sessions_press(world.sessions, false);
	world_pass(60000);
	assert_begins(client_says(&d, "NOOP\r\n"), "250 ");
	client_goes(&d);
	world_end();
}

/* Who is between two messages hears it at once, the others when they are done. */
static void
test_shutdown(void **state)
{
	struct client c, d;

	(void)state;
	world_begin("", "");
	hello(&c);
	to_content(&d);
	xo_sessions_shutdown(world.sessions, false);
	assert_begins(client_says(&c, ""), "421 4.3.2 ");
	assert_true(c.has_ended);
	assert_begins(client_says(&d, "Subject: s\r\n\r\n.\r\n"),
	    "250 2.0.0 taken\r\n421 4.3.2 ");
	client_goes(&c);
	assert_int_equal(world.n_emptied, 0);
	client_goes(&d);
	assert_int_equal(world.n_emptied, 1);
	world_end();
}

static void
test_shutdown_of_all(void **state)
{
	struct client c, d;

	(void)state;
	world_begin("", "");
	to_content(&c);
	client_come(&d, "198.51.100.7");
	xo_sessions_shutdown(world.sessions, true);
	assert_begins(client_says(&c, ""), "421 4.3.2 ");
	assert_string_equal(client_says(&d, ""), "");
	assert_true(d.has_ended);
	client_goes(&c);
	client_goes(&d);
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	world_end();
}

/* The client is gone with its RCPT under way: so is all that was for it. */
static void
test_gone_while_claiming(void **state)
{
	struct client c;

	(void)state;
	world_begin("", "max_idle = 0;");
	hello(&c);
	world.hanging = "all";
	(void)client_says(&c, "MAIL FROM:<a@b.example>\r\n");
	(void)client_says(&c, "RCPT TO:<c@d.example>\r\n");
	assert_int_equal(servers_open(), 1);
	client_goes(&c);
	xo_sessions_tick(world.sessions);
	world_settle();
	assert_int_equal(xo_sessions_count(world.sessions), 0);
	assert_int_equal(servers_open(), 0);
	world_end();
}

/* All are cut, and nobody is told of what they waited for. */
static void
test_cut_while_claiming(void **state)
{
	struct client c;

	(void)state;
	world_begin("", "max_idle = 0;");
	hello(&c);
	world.hanging = "all";
	(void)client_says(&c, "MAIL FROM:<a@b.example>\r\n");
	(void)client_says(&c, "RCPT TO:<c@d.example>\r\n");
	assert_int_equal(servers_open(), 1);
	xo_sessions_free(&world.sessions);
	world_settle();
	assert_int_equal(world.n_emptied, 1);
	assert_int_equal(servers_open(), 0);
	client_goes(&c);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_command_timeout),
		cmocka_unit_test(test_request_timeout),
		cmocka_unit_test(test_content_timeout),
		cmocka_unit_test(test_data_rate),
		cmocka_unit_test(test_proxy_header),
		cmocka_unit_test(test_waits_for_caps),
		cmocka_unit_test(test_hears_caps),
		cmocka_unit_test(test_gone_while_waiting),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_slow_reader_who_reads_a_little),
		cmocka_unit_test(test_slow_next_hop),
		cmocka_unit_test(test_no_next_hop_in_time),
		cmocka_unit_test(test_pressed),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_shutdown_of_all),
		cmocka_unit_test(test_gone_while_claiming),
		cmocka_unit_test(test_cut_while_claiming),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
