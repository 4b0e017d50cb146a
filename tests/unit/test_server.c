/* SPDX-License-Identifier: ISC */
/*
 * Servers of tenants, socketmap and Redis, each lie and each failure of one a row:
 * what comes of the question, and whether the connection is used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include <conf/table_place.h>
#include <lookup/tables.h>
#include <net/clock.h>
#include <net/leg.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
/* Turns of the loop, and ms of each, that a test waits at most. */
#define TURNS 400

static char path[] = "/tmp/xoorg-test-server.XXXXXX/s";
static struct xo_upstream upstreams[] = {{.name = {(const uint8_t *)"u", 1}}};
static struct xo_listener listener = {.has_upstream = true, .upstream = 0};
static struct xo_conf_table table;
static struct xo_conf conf = {
	.policy = {
		.upstreams = upstreams, .n_upstreams = 1,
		.listeners = &listener, .n_listeners = 1,
		.limits = {.lookup_timeout = 200},
	},
	.tables = &table,
	.n_tables = 1,
	.lookup.fresh = 60000,
	.lookup.nobody_fresh = 10000,
	.lookup.stale = 90000,
};
static uint8_t scratch[XO_LEG_READ];
static struct xo_env env = {.conf = &conf, .scratch = scratch};
static struct xo_tables *world;
static int listening = -1, server = -1;

/* --- the other end --------------------------------------------------------- */

static void
start_listening(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)unlink(path);
	memcpy(at.sun_path, path, sizeof(path));
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	assert_int_equal(bind(listening, (const struct sockaddr *)&at,
	    sizeof(at)), 0);
	assert_int_equal(listen(listening, 8), 0);
}

static void
hang_up(void)
{
	if (server >= 0)
		close(server);
	server = -1;
}

/* A turn of both; what was asked is added to `said`. */
static void
turn(struct xo_buf *said)
{
	struct timeval tv = {.tv_usec = 2000};
	ssize_t n;

	(void)event_base_loopexit(env.base, &tv);
	(void)event_base_dispatch(env.base);
	if (server < 0)
		server = accept4(listening, NULL, NULL, SOCK_NONBLOCK |
		    SOCK_CLOEXEC);
	if (server < 0)
		return;
	n = recv(server, xo_buf_reserve(said, 8192), 8192, 0);
	said->len += n > 0 ? (size_t)n : 0;
}

static bool
is_hung_up(void)
{
	char octet;
	ssize_t n = recv(server, &octet, 1, MSG_PEEK);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void
say(struct xo_span text)
{
	assert_int_equal(send(server, text.p, text.len, MSG_NOSIGNAL),
	    text.len);
}

/* --- this end -------------------------------------------------------------- */

struct got {
	int n;
	enum xo_knowledge known;
	uint32_t fresh, stale;
};

static void
note(void *arg, const struct xo_table_answer *answer)
{
	struct got *got = arg;
	struct xo_guest *guest = answer->guest;

	got->n++;
	got->known = answer->known;
	got->fresh = answer->fresh;
	got->stale = answer->stale;
	assert_int_equal(guest != NULL, got->known == XO_KNOWN_TENANT);
	xo_guest_free(&guest);
}

static struct xo_table_ask *
ask(struct got *got, const char *domain)
{
	const struct xo_key key = {XO_KEY_ORG, xo_span_from_cstr(domain)};

	*got = (struct got){0};
	return xo_tables_ask(world, &key, note, got);
}

static void
set_world(const char *text, struct xo_conf_arena *arena)
{
	assert_null(xo_table_place_parse(text, arena, &table));
	xo_tables_free(&world);
	hang_up();
	world = xo_tables_new(&env);
	assert_non_null(world);
	assert_int_equal(xo_tables_count(world), 1);
}

/* --- rows ------------------------------------------------------------------ */

#define CONTOSO "{\"name\":\"c\",\"originator_orgs\":[\"contoso.com\"]}"
#define FOREIGN "{\"name\":\"f\",\"originator_orgs\":[\"fabrikam.com\"]}"

struct row {
	const char *name;
	const char *reply;		/* to each thing that is asked */
	bool hangs_up;			/* behind it */
	enum xo_knowledge want;
	bool stays;			/* the connection is used again */
};

/* `asks`: what ends a question of one of these. */
static void
run_row(const struct row *row, struct xo_span asks_end)
{
	struct xo_buf said = {0};
	struct got got;
	bool has_hung_up = false;

	assert_non_null(ask(&got, "contoso.com"));
	for (int i = 0; i < TURNS && got.n == 0; i++) {
		struct xo_span s;

		turn(&said);
		s = xo_buf_span(&said);
		if (has_hung_up || s.len < asks_end.len || !xo_span_is_equal(
		    xo_span_from(s, s.len - asks_end.len), asks_end))
			continue;
		xo_buf_clear(&said);
		say(xo_span_from_cstr(row->reply));
		if (row->hangs_up)
			hang_up();
		has_hung_up = row->hangs_up;
	}
	if (got.n != 1 || got.known != row->want)
		fail_msg("%s: got %d (%d answers), want %d", row->name,
		    got.known, got.n, row->want);
	assert_int_equal(got.fresh, row->want == XO_KNOWN_TENANT ? 60000 :
	    row->want == XO_KNOWN_NOBODY ? 10000 : 0);
	assert_int_equal(got.stale, row->want == XO_KNOWN_TENANT ? 90000 : 0);
	/* What came behind the reply is seen at the latest with the next. */
	for (int i = 0; i < 3; i++)
		turn(&said);
	if (!row->hangs_up && is_hung_up() == row->stays)
		fail_msg("%s: the connection %s", row->name, row->stays ?
		    "is gone" : "stays");
	xo_buf_fini(&said);
}

static void
run_rows(const char *kind, const char *name, const struct row *rows, size_t n,
    struct xo_span asks_end)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s:unix:%s%s", kind, path, name);
	for (size_t i = 0; i < n; i++) {
		struct xo_conf_arena *arena = xo_conf_arena_new();

		set_world(text, arena);
		run_row(&rows[i], asks_end);
		xo_tables_free(&world);
		xo_conf_arena_free(&arena);
	}
}

#define NOT_NOW XO_KNOWN_NOT_NOW

static void
test_socketmap(void **state)
{
	static const struct row rows[] = {
		{"silent", "", false, NOT_NOW, false},
		{"half", "9:NOTFO", false, NOT_NOW, false},
		{"half, closed", "9:NOTFO", true, NOT_NOW, false},
		{"closed", "", true, NOT_NOW, false},
		{"no netstring", "NOTFOUND \n", false, NOT_NOW, false},
		{"too short a length", "8:NOTFOUND ,", false, NOT_NOW, false},
		{"too long a length", "10:NOTFOUND ,", false, NOT_NOW, false},
		{"too long", "65540:OK x", false, NOT_NOW, false},
		{"endless", "99999999999", false, NOT_NOW, false},
		{"empty", "0:,", false, NOT_NOW, false},
		{"no word", "3:YES,", false, NOT_NOW, false},
		{"lower case", "9:notfound ,", false, NOT_NOW, false},
		{"longer word", "9:NOTFOUNDS,", false, NOT_NOW, false},
		{"nothing behind OK", "2:OK,", false, NOT_NOW, false},
		{"two replies", "5:PERM ,5:PERM ,", false, NOT_NOW, false},
		{"the same twice", "9:NOTFOUND ,9:NOTFOUND ,", false, NOT_NOW,
		    false},
		{"and a tail", "5:PERM ,5", false, NOT_NOW, false},
		{"TEMP", "5:TEMP ,", false, NOT_NOW, true},
		{"TEMP, why", "11:TEMP locked,", false, NOT_NOW, true},
		{"TIMEOUT", "8:TIMEOUT ,", false, NOT_NOW, true},
		{"PERM", "5:PERM ,", false, NOT_NOW, true},
		{"empty record", "3:OK ,", false, NOT_NOW, true},
		{"no object", "10:OK contoso,", false, NOT_NOW, true},
		{"another's", "54:OK " FOREIGN ",", false, NOT_NOW, false},
		{"NOTFOUND", "9:NOTFOUND ,", false, XO_KNOWN_NOBODY, true},
		{"NOTFOUND, why", "13:NOTFOUND none,", false, XO_KNOWN_NOBODY,
		    true},
		{"OK", "52:OK " CONTOSO ",", false, XO_KNOWN_TENANT, true},
	};
	struct row fitting[N(rows)];
	static char replies[N(rows)][256];

	(void)state;
	memcpy(fitting, rows, sizeof(rows));
	for (size_t i = 0; i < N(rows); i++) {
		const char *record = strstr(rows[i].reply, "OK {");

		if (record == NULL)
			continue;
		/* The length that it has. */
		(void)snprintf(replies[i], sizeof(replies[i]), "%zu:%s",
		    strlen(record) - 1, record);
		fitting[i].reply = replies[i];
		fitting[i].stays = true;
	}
	run_rows("socketmap", ":tenants", fitting, N(rows), XO_LIT(","));
}

/* What a question is: three texts, here two; mark, GETs, ECHO. */
#define MARK "$1\r\n1\r\n"
#define NIL "$-1\r\n"
#define ECHO "$1\r\n1\r\n"
#define VALUE(n, text) "$" n "\r\n" text "\r\n"

static void
test_redis(void **state)
{
	static const struct row rows[] = {
		{"silent", "", false, NOT_NOW, false},
		{"half", MARK NIL, false, NOT_NOW, false},
		{"half, closed", MARK NIL, true, NOT_NOW, false},
		{"closed", "", true, NOT_NOW, false},
		{"no reply", "hello\r\n", false, NOT_NOW, false},
		{"bare lf", "+OK\n", false, NOT_NOW, false},
		{"a number", ":1\r\n", false, NOT_NOW, false},
		{"an array", "*2\r\n" NIL NIL, false, NOT_NOW, false},
		{"pushed", ">2\r\n" NIL NIL, false, NOT_NOW, false},
		{"null of RESP3", MARK "_\r\n" NIL ECHO, false, NOT_NOW,
		    false},
		{"too long", MARK "$65537\r\n", false, NOT_NOW, false},
		{"negative", MARK "$-2\r\n", false, NOT_NOW, false},
		{"shorter than it says", MARK "$3\r\nab\r\n" NIL ECHO, false,
		    NOT_NOW, false},
		{"longer than it says", MARK "$1\r\nab\r\n" NIL ECHO, false,
		    NOT_NOW, false},
		{"one too few", MARK NIL ECHO, false, NOT_NOW, false},
		{"one too many", MARK NIL NIL NIL ECHO, false, NOT_NOW, false},
		{"and a tail", MARK NIL NIL ECHO "$", false, XO_KNOWN_NOBODY,
		    false},
		{"another's echo", MARK NIL NIL "$1\r\n2\r\n", false, NOT_NOW,
		    false},
		{"no echo", MARK NIL NIL "-NOPERM echo\r\n", false, NOT_NOW,
		    false},
		{"loading", "-LOADING a\r\n-LOADING a\r\n-LOADING a\r\n"
		    "-LOADING a\r\n", false, NOT_NOW, false},
		{"loading, but for the echo", "-LOADING a\r\n-LOADING a\r\n"
		    "-LOADING a\r\n" ECHO, false, NOT_NOW, true},
		{"flushed", NIL NIL NIL ECHO, false, NOT_NOW, true},
		{"another mark", "$1\r\n2\r\n" NIL NIL ECHO, false, NOT_NOW,
		    true},
		{"no mark, and a tenant", NIL VALUE("46", CONTOSO) NIL ECHO,
		    false, NOT_NOW, true},
		{"wrong type", MARK "-WRONGTYPE a\r\n" NIL ECHO, false,
		    NOT_NOW, true},
		{"wrong type behind it", MARK VALUE("46", CONTOSO)
		    "-WRONGTYPE a\r\n" ECHO, false, NOT_NOW, true},
		{"a status", MARK "+QUEUED\r\n" NIL ECHO, false, NOT_NOW,
		    true},
		{"empty record", MARK "$0\r\n\r\n" NIL ECHO, false, NOT_NOW,
		    true},
		{"no object", MARK "$2\r\n[]\r\n" NIL ECHO, false, NOT_NOW,
		    true},
		{"another's", MARK VALUE("47", FOREIGN) NIL ECHO, false,
		    NOT_NOW, true},
		{"another's, before its own", MARK VALUE("47", FOREIGN)
		    VALUE("46", CONTOSO) ECHO, false, NOT_NOW, true},
		{"nobody", MARK NIL NIL ECHO, false, XO_KNOWN_NOBODY, true},
		{"its own, before another's", MARK VALUE("46", CONTOSO)
		    VALUE("47", FOREIGN) ECHO, false, XO_KNOWN_TENANT, true},
		{"a tenant", MARK VALUE("46", CONTOSO) NIL ECHO, false,
		    XO_KNOWN_TENANT, true},
	};

	(void)state;
	assert_int_equal(strlen(CONTOSO), 46);
	assert_int_equal(strlen(FOREIGN), 47);
	run_rows("redis", "", rows, N(rows), XO_LIT("$4\r\nECHO\r\n$1\r\n1\r\n"));
}

/* --- what is asked, and when ----------------------------------------------- */

static void
wait_for(struct xo_buf *said, const char *text)
{
	struct xo_span want = xo_span_from_cstr(text);

	for (int i = 0; i < TURNS && said->len < want.len; i++)
		turn(said);
	if (!xo_span_is_equal(xo_buf_span(said), want))
		fail_msg("got %.*s, want %s", (int)said->len,
		    (const char *)said->p, text);
	xo_buf_clear(said);
}

static void
wait_for_end(struct xo_buf *said, const char *text)
{
	struct xo_span end = xo_span_from_cstr(text);

	for (int i = 0; i < TURNS; i++) {
		turn(said);
		if (said->len >= end.len && xo_span_is_equal(xo_span_from(
		    xo_buf_span(said), said->len - end.len), end))
			return;
	}
	fail_msg("%s: not said", text);
}

static void
wait_until(const struct got *got, int n)
{
	struct xo_buf said = {0};

	for (int i = 0; i < TURNS && got->n < n; i++)
		turn(&said);
	assert_int_equal(got->n, n);
	xo_buf_fini(&said);
}

static void
test_words(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	char text[128];
	struct got got;

	(void)state;
	(void)snprintf(text, sizeof(text), "socketmap:unix:%s:my-map", path);
	set_world(text, arena);
	(void)ask(&got, "EU.contoso.com");
	wait_for(&said, "25:my-map org:eu.contoso.com,");
	say(XO_LIT("9:NOTFOUND ,"));
	wait_for(&said, "24:my-map org:*.contoso.com,");
	say(XO_LIT("9:NOTFOUND ,"));
	wait_for(&said, "16:my-map org:*.com,");
	say(XO_LIT("9:NOTFOUND ,"));
	wait_until(&got, 1);
	conf.lookup.redis = (struct xo_conf_redis){.user = "gw", .password = "pw",
		.prefix = "x:"};
	(void)snprintf(text, sizeof(text), "redis:unix:%s", path);
	set_world(text, arena);
	(void)ask(&got, "contoso.com");
	wait_for(&said, "*3\r\n$4\r\nAUTH\r\n$2\r\ngw\r\n$2\r\npw\r\n");
	say(XO_LIT("+OK\r\n"));
	wait_for(&said, "*2\r\n$3\r\nGET\r\n$15\r\nx:xoorg:tenants\r\n"
	    "*2\r\n$3\r\nGET\r\n$17\r\nx:org:contoso.com\r\n"
	    "*2\r\n$3\r\nGET\r\n$11\r\nx:org:*.com\r\n"
	    "*2\r\n$4\r\nECHO\r\n$1\r\n1\r\n");
	say(XO_LIT(MARK NIL NIL ECHO));
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOBODY);
	/* Not let in. */
	conf.lookup.redis.user = NULL;
	set_world(text, arena);
	(void)ask(&got, "contoso.com");
	wait_for(&said, "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n");
	say(XO_LIT("-WRONGPASS a\r\n"));
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOT_NOW);
	conf.lookup.redis = (struct xo_conf_redis){0};
	xo_tables_free(&world);
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

/* Who takes a connection and says nothing is not waited for for ever. */
static void
test_no_greeting(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	char text[128];
	struct got got;

	(void)state;
	conf.lookup.redis.password = "pw";
	(void)snprintf(text, sizeof(text), "redis:unix:%s", path);
	set_world(text, arena);
	(void)ask(&got, "contoso.com");
	wait_for(&said, "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n");
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOT_NOW);
	for (int i = 0; i < TURNS && !is_hung_up(); i++)
		turn(&said);
	assert_true(is_hung_up());
	hang_up();
	xo_buf_clear(&said);
	/* Another one, in its time. */
	for (int i = 0; i < TURNS && server < 0; i++) {
		(void)ask(&got, "contoso.com");
		turn(&said);
		wait_until(&got, server < 0 ? 1 : 0);
	}
	wait_for_end(&said, "AUTH\r\n$2\r\npw\r\n");
	conf.lookup.redis.password = NULL;
	xo_tables_free(&world);
	hang_up();
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

/* A reply that came late, or doubled, is not that to the next question. */
static void
test_late(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	char text[128];
	struct got got;

	(void)state;
	(void)snprintf(text, sizeof(text), "socketmap:unix:%s:m", path);
	set_world(text, arena);
	(void)ask(&got, "com");
	wait_for(&said, "9:m org:com,");
	say(XO_LIT("9:NOTFOUND ,"));
	wait_until(&got, 1);
	say(XO_LIT("9:NOTFOUND ,"));
	/* It lies there when this is asked. */
	(void)ask(&got, "net");
	assert_int_equal(got.n, 0);
	for (int i = 0; i < TURNS && !is_hung_up(); i++)
		turn(&said);
	hang_up();
	xo_buf_clear(&said);
	wait_for(&said, "9:m org:net,");
	assert_int_equal(got.n, 0);
	say(XO_LIT("5:TEMP ,"));
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOT_NOW);
	xo_tables_free(&world);
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

/* So many wait, and who comes then hears at once that nothing is known. */
static void
test_too_many(void **state)
{
	enum { MOST = 4096 };
	static struct got gots[MOST + 2];
	struct xo_conf_arena *arena = xo_conf_arena_new();
	char text[128];

	(void)state;
	(void)snprintf(text, sizeof(text), "socketmap:unix:%s:m", path);
	set_world(text, arena);
	for (size_t i = 0; i < N(gots); i++)
		assert_int_equal(ask(&gots[i], "com") != NULL, i < MOST);
	for (size_t i = 0; i < N(gots); i++) {
		assert_int_equal(gots[i].n, i >= MOST);
		assert_int_equal(gots[i].known, XO_KNOWN_NOT_NOW);
	}
	xo_tables_free(&world);
	while ((server = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		hang_up();
	xo_conf_arena_free(&arena);
}

/* Nobody waits any more: its reply is its own, all the same. */
static void
test_cancelled(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	struct got first, second;
	struct xo_table_ask *asked;
	char text[128];

	(void)state;
	(void)snprintf(text, sizeof(text), "redis:unix:%s", path);
	set_world(text, arena);
	asked = ask(&first, "com");
	wait_for_end(&said, "ECHO\r\n$1\r\n1\r\n");
	xo_tables_cancel(&asked);
	assert_null(asked);
	(void)ask(&second, "net");
	wait_for_end(&said, "ECHO\r\n$1\r\n2\r\n");
	say(XO_LIT(MARK VALUE("46", CONTOSO) ECHO));
	say(XO_LIT(MARK NIL "$1\r\n2\r\n"));
	wait_until(&second, 1);
	assert_int_equal(second.known, XO_KNOWN_NOBODY);
	assert_int_equal(first.n, 0);
	/* And before it was sent; and with all. */
	asked = ask(&first, "org");
	xo_tables_cancel(&asked);
	(void)ask(&first, "example");
	xo_tables_free(&world);
	assert_int_equal(first.n, 0);
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

/* Of what nobody waits for no more is asked, and the connection goes on. */
static void
test_cancelled_midway(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	struct got first, second;
	struct xo_table_ask *asked;
	char text[128];

	(void)state;
	(void)snprintf(text, sizeof(text), "socketmap:unix:%s:m", path);
	set_world(text, arena);
	asked = ask(&first, "contoso.com");
	wait_for(&said, "17:m org:contoso.com,");
	xo_tables_cancel(&asked);
	say(XO_LIT("9:NOTFOUND ,"));
	for (int i = 0; i < 5; i++)
		turn(&said);
	assert_int_equal(said.len, 0);
	(void)ask(&second, "net");
	wait_for(&said, "9:m org:net,");
	say(XO_LIT("9:NOTFOUND ,"));
	wait_until(&second, 1);
	assert_int_equal(second.known, XO_KNOWN_NOBODY);
	assert_int_equal(first.n, 0);
	xo_tables_free(&world);
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

/* Gone: at once. Back: after a while, which does not grow without end. */
static void
test_gone(void **state)
{
	struct xo_conf_arena *arena = xo_conf_arena_new();
	struct xo_buf said = {0};
	struct got got;
	char text[128];
	int n;

	(void)state;
	(void)snprintf(text, sizeof(text), "redis:unix:%s", path);
	close(listening);
	(void)unlink(path);
	set_world(text, arena);
	(void)ask(&got, "com");
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOT_NOW);
	(void)ask(&got, "com");
	wait_until(&got, 1);
	assert_int_equal(got.known, XO_KNOWN_NOT_NOW);
	start_listening();
	for (n = 0; n < TURNS && server < 0; n++) {
		(void)ask(&got, "com");
		turn(&said);
		turn(&said);
	}
	assert_true(server >= 0);
	for (int i = 0; i < TURNS && said.len < 60; i++)
		turn(&said);
	assert_true(said.len >= 60);
	xo_tables_free(&world);
	xo_buf_fini(&said);
	xo_conf_arena_free(&arena);
}

static void
test_places(void **state)
{
	static const struct {
		const char *text, *want;	/* NULL: good */
	} rows[] = {
		{"redis:", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:/run/redis.sock", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:unix:redis.sock", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:unix:/", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:inet:localhost:6379", "an IP address behind inet:"},
		{"redis:inet:127.0.0.1:0", ""},
		{"redis:inet:8.8.8.8:6379", "an address of this machine or of"},
		{"redis://127.0.0.1:6379/0", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:unix:/a,10.0.0.1:6379", NULL},
		{"redis:inet:10.0.0.1,10.0.0.2", "an IPv4 address or a name"},
		{"redis:inet:10.0.0.1,", "HOST:PORT"},
		{"redis:inet:10.0.0.1,inet:", "HOST:PORT"},
		{"redis:inet:10.0.0.1,inet:8.8.8.8", "of a private network"},
		{"redis:,unix:/a", "unix:/PATH or inet:ADDRESS:PORT"},
		{"redis:inet:10.0.0.1,inet:10.0.0.2,inet:10.0.0.3,"
		    "inet:10.0.0.4,inet:10.0.0.5", "at most four servers"},
		{"rediss:inet:10.0.0.1,unix:/a", "inet:ADDRESS:PORT behind"},
		{"redis:unix:/a,b,unix:/c,inet:10.0.0.1", NULL},
		{"rediss:inet:10.0.0.1,inet:[::1]:1,inet:8.8.8.8", NULL},
		{"socketmap:unix:/a,unix:/b:m", NULL},
		{"rediss:", "inet:ADDRESS:PORT behind rediss:"},
		{"rediss://127.0.0.1:6379/0", "inet:ADDRESS:PORT behind "},
		{"rediss:unix:/run/s", "inet:ADDRESS:PORT behind rediss:"},
		{"rediss:inet:redis.contoso.com:6379", "an IP address behind"},
		{"redisss:inet:127.0.0.1:6379", "csv:FILE, jsonl:FILE, "},
		{"socketmap:unix:/run/s", "unix:/PATH or inet:ADDRESS:PORT"},
		{"socketmap:unix:/run/s:", "the name of a map at the end"},
		{"socketmap:unix:/run/s:a b", "the name of a map at the end"},
		{"socketmap:inet:127.0.0.1:m", "ADDRESS:PORT"},
		{"socketmap:", "the name of a map at the end"},
		{"Redis:unix:/run/s", "csv:FILE, jsonl:FILE, cdb:FILE, "},
		{"redis:unix:/run/s", NULL},
		{"redis:inet:127.0.0.1:6379", NULL},
		{"redis:inet:[::1]:6379", NULL},
		{"redis:inet:10.0.0.1", NULL},
		{"rediss:inet:127.0.0.1:6379", NULL},
		{"rediss:inet:8.8.8.8", NULL},
		{"socketmap:unix:/run/a:b:c", NULL},
		{"socketmap:inet:127.0.0.1:8888:tenants", NULL},
	};
	struct xo_conf_arena *arena = xo_conf_arena_new();

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_conf_table t;
		const char *got = xo_table_place_parse(rows[i].text, arena, &t);

		if ((got == NULL) != (rows[i].want == NULL) ||
		    (got != NULL && strstr(got, rows[i].want) == NULL))
			fail_msg("%s: got %s, want %s", rows[i].text,
			    got != NULL ? got : "taken", rows[i].want != NULL ?
			    rows[i].want : "taken");
		/* Never by accident without. */
		for (const struct xo_conf_table *s = &t; got == NULL &&
		    s != NULL; s = s->next)
			if (s->is_tls != (strncmp(rows[i].text, "rediss:",
			    7) == 0))
				fail_msg("%s: TLS %d", rows[i].text,
				    s->is_tls);
	}
	xo_conf_arena_free(&arena);
}

static int
set_up(void **state)
{
	(void)state;
	path[sizeof(path) - 3] = '\0';
	if (mkdtemp(path) == NULL)
		return -1;
	path[sizeof(path) - 3] = '/';
	env.base = event_base_new();
	start_listening();
	return env.base != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	hang_up();
	close(listening);
	event_base_free(env.base);
	(void)unlink(path);
	path[sizeof(path) - 3] = '\0';
	return rmdir(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_socketmap),
		cmocka_unit_test(test_redis),
		cmocka_unit_test(test_no_greeting),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_cancelled_midway),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
