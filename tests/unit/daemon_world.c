/* SPDX-License-Identifier: ISC */
/* Sessions and next hops without network and time: see daemon_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/clock.h>
#include <watch/census.h>
#include <watch/metrics.h>

#include "daemon_world.h"

struct world world;
static uint64_t now;

/* In the place of the C library's, for libevent, too. */
int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = (time_t)(now / 1000);
	ts->tv_nsec = (long)(now % 1000) * 1000000;
	return 0;
}

static void
set_time(uint64_t at)
{
	now = at;
	xo_clock_set(at, (int64_t)(at / 1000));
}

/* the next hops */

static void
pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
}

static bool
is_at(const char *which, const char *place)
{
	return which != NULL && (strcmp(which, "all") == 0 ||
	    strcmp(which, place) == 0);
}

static void
note_try(const struct server *s)
{
	size_t len = strlen(world.tried);

	(void)snprintf(world.tried + len, TEXT_MAX - len, "%s ",
	    strrchr(s->place, '.') + 1);
}

/* Nothing can be written: as if it were not connected yet. */
static void
fill(int fd)
{
	static const char octets[4096];

	while (send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0)
		;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);

int
__wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct server *s = &world.servers[world.n_servers];
	struct sockaddr_in in;
	int fds[2];

	assert_int_equal(len, sizeof(in));
	assert_true(world.n_servers < SERVERS_MAX);
	memset(s, 0, sizeof(*s));
	memcpy(&in, address, sizeof(in));
	(void)inet_ntop(AF_INET, &in.sin_addr, s->place, sizeof(s->place));
	note_try(s);
	if (is_at(world.refused, s->place)) {
		errno = ECONNREFUSED;
		return -1;
	}
	pair(fds);
	if (is_at(world.connecting, s->place))
		fill(fds[0]);
	assert_int_equal(dup3(fds[0], fd, O_CLOEXEC), fd);
	close(fds[0]);
	s->fd = fds[1];
	world.n_servers++;
	if (is_at(world.connecting, s->place)) {
		errno = EINPROGRESS;
		return -1;
	}
	if (!is_at(world.hanging, s->place))
		server_says(s, world.greeting != NULL ? world.greeting :
		    "220 hop.example ESMTP\r\n");
	return 0;
}

void
server_says(struct server *s, const char *text)
{
	(void)send(s->fd, text, strlen(text), MSG_NOSIGNAL);
}

void
server_closes(struct server *s)
{
	close(s->fd);
	s->fd = -1;
}

static void
say_caps(struct server *s)
{
	char text[TEXT_MAX] = "250-hop.example\r\n", words[TEXT_MAX];
	char *rest = words;

	(void)snprintf(words, sizeof(words), "%s", s->has_client &&
	    world.caps_then != NULL ? world.caps_then : world.caps);
	for (char *word = strtok_r(words, ",", &rest); word != NULL;
	    word = strtok_r(NULL, ",", &rest)) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "250-%s\r\n",
		    word);
	}
	server_says(s, text);
	server_says(s, "250 8BITMIME\r\n");
}

static void
answer(struct server *s, const char *line)
{
	if (s->is_in_data) {
		s->is_in_data = strcmp(line, ".") != 0;
		if (!s->is_in_data)
			server_says(s, "250 2.0.0 taken\r\n");
	} else if (strncmp(line, "EHLO", 4) == 0) {
		say_caps(s);
	} else if (strncmp(line, "PROXY ", 6) == 0) {
		;	/* no command */
	} else if (strncmp(line, "XCLIENT ", 8) == 0) {
		s->has_client = true;
		server_says(s, "220 hop.example ESMTP\r\n");
	} else if (strcmp(line, "DATA") == 0) {
		s->is_in_data = true;
		server_says(s, "354 go\r\n");
	} else {
		server_says(s, strcmp(line, "QUIT") == 0 ?
		    "221 bye\r\n" : "250 2.0.0 ok\r\n");
	}
}

static void
serve(struct server *s)
{
	ssize_t n = -1;
	char *end;

	errno = EAGAIN;
	if (s->fd < 0 || is_at(world.connecting, s->place) ||
	    (world.is_deaf && s->is_in_data))
		return;
	while (s->n_heard < TEXT_MAX - 1 && (n = recv(s->fd, s->heard +
	    s->n_heard, TEXT_MAX - 1 - s->n_heard, 0)) > 0)
		s->n_heard += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		s->has_ended = true;
		server_closes(s);
	}
	while (!is_at(world.hanging, s->place) &&
	    (end = strstr(s->heard + s->n_used, "\r\n")) != NULL) {
		char line[TEXT_MAX];

		(void)snprintf(line, sizeof(line), "%.*s",
		    (int)(end - (s->heard + s->n_used)),
		    s->heard + s->n_used);
		s->n_used = (size_t)(end + 2 - s->heard);
		answer(s, line);
	}
	/* What was long, and answered, is forgotten. */
	if (s->n_heard == TEXT_MAX - 1) {
		s->n_heard -= s->n_used;
		memmove(s->heard, s->heard + s->n_used, s->n_heard + 1);
		memset(s->heard + s->n_heard, 0, s->n_used);
		s->n_used = 0;
	}
}

size_t
servers_open(void)
{
	size_t n = 0;

	for (size_t i = 0; i < world.n_servers; i++)
		if (world.servers[i].fd >= 0)
			n++;
	return n;
}

struct server *
server_last(void)
{
	assert_true(world.n_servers > 0);
	return &world.servers[world.n_servers - 1];
}

/* time */

void
world_settle(void)
{
	for (int i = 0; i < 20; i++) {
		(void)event_base_loop(world.env.base, EVLOOP_NONBLOCK);
		for (size_t s = 0; s < world.n_servers; s++)
			serve(&world.servers[s]);
	}
}

void
world_pass(uint64_t milliseconds)
{
	while (milliseconds > 0) {
		uint64_t step = milliseconds < 1000 ? milliseconds : 1000;

		set_time(now + step);
		milliseconds -= step;
		world_settle();
	}
}

/* clients */

static socklen_t
read_address(struct sockaddr_storage *at, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(999)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(999)};

	memset(at, 0, sizeof(*at));
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		memcpy(at, &in, sizeof(in));
		return sizeof(in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	memcpy(at, &in6, sizeof(in6));
	return sizeof(in6);
}

static void
come(struct client *c, const char *address, bool is_deaf)
{
	struct sockaddr_storage at;
	int fds[2];

	memset(c, 0, sizeof(*c));
	pair(fds);
	if (is_deaf)
		fill(fds[0]);
	c->fd = fds[1];
	(void)read_address(&at, address);
	xo_sessions_take(world.sessions, fds[0], 0,
	    (const struct sockaddr *)&at);
	world_settle();
}

void
client_come(struct client *c, const char *address)
{
	come(c, address, false);
}

void
client_come_deaf(struct client *c, const char *address)
{
	come(c, address, true);
}

const char *
client_says(struct client *c, const char *text)
{
	size_t len = 0;
	ssize_t n;

	if (text[0] != '\0')
		(void)send(c->fd, text, strlen(text), MSG_NOSIGNAL);
	world_settle();
	while (len < TEXT_MAX - 1 && (n = recv(c->fd, c->said + len,
	    TEXT_MAX - 1 - len, 0)) >= 0) {
		if (n == 0) {
			c->has_ended = true;
			break;
		}
		len += (size_t)n;
	}
	c->said[len] = '\0';
	return c->said;
}

void
client_goes(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	world_settle();
}

/* claims */

static void
on_claimed(void *arg, struct xo_link *link, enum xo_refusal why,
    struct xo_span said)
{
	struct claimed *c = arg;

	(void)said;
	c->claim = NULL;
	c->link = link;
	c->why = why;
	c->n_calls++;
}

void
claim_begin(struct claimed *c, const struct xo_wish *wish)
{
	static const struct xo_address address;
	struct xo_wish mine = *wish;

	memset(c, 0, sizeof(*c));
	if (mine.client.address == NULL)
		mine.client = (struct xo_handover_info){
			.address = &address,
			.server = &address,
			.hello = XO_LIT("client.example"),
		};
	c->claim = xo_hops_claim(world.hops, &mine, on_claimed, c);
	assert_non_null(c->claim);
	assert_int_equal(c->n_calls, 0);
}

void
claim_now(struct claimed *c, int tenant)
{
	claim_begin(c, &(struct xo_wish){.tenant = tenant});
	world_settle();
}

/* the world */

static void
on_learnt(void *arg)
{
	(void)arg;
	world.n_learnt++;
	xo_sessions_learnt(world.sessions);
}

static void
on_emptied(void *arg)
{
	(void)arg;
	world.n_emptied++;
}

static struct xo_conf *
load(const char *settings, const char *upstream)
{
	char path[] = "/tmp/xoorg-world-XXXXXX";
	int fd = mkstemp(path);
	struct xo_buf error = {0};
	struct xo_conf *conf;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "hostname = \"mx.example\";\nuser = \"\";\n"
	    "%s\n"
	    "peers = { proxy = { networks = [\"198.51.100.7\"];\n"
	    "  rights = [\"proxy\"]; };\n"
	    "  own = { networks = [\"203.0.113.9\"];\n"
	    "  rights = [\"xclient\"]; }; };\n"
	    "listeners = { in = { listen = [\"192.0.2.1:25\"];\n"
	    "  peers = [\"proxy\", \"own\"];\n"
	    "  demote_to = \"main\"; }; };\n"
	    "upstreams = { main = { tls = \"none\";\n"
	    "  hosts = [\"192.0.2.25:25\", \"192.0.2.26:25\"];\n"
	    "  %s }; };\n", settings, upstream) > 0);
	close(fd);
	conf = xo_conf_load(path, &error);
	unlink(path);
	if (conf == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	return conf;
}

void
world_begin(const char *settings, const char *upstream)
{
	struct xo_census_setup census = {.n_workers = 1, .max_sessions = 100,
		.prefix_ipv4 = 24, .prefix_ipv6 = 48};
	struct xo_sessions_setup sessions = {.emptied = on_emptied};

	memset(&world, 0, sizeof(world));
	world.emptied = on_emptied;
	set_time(1000000);
	world.caps = "DSN";
	world.conf = load(settings, upstream);
	world.env = (struct xo_env){
		.base = event_base_new(),
		.conf = world.conf,
		.metrics = xo_metrics_new(world.conf, 1, NULL),
		.census = xo_census_new(&census),
		.scratch = world.scratch,
		.listeners = calloc(2, sizeof(struct xo_tls_context *)),
	};
	assert_non_null(world.env.base);
	assert_non_null(world.env.metrics);
	assert_non_null(world.env.census);
	assert_non_null(world.env.listeners);
	xo_metrics_attach(world.env.metrics, 0);
	xo_census_attach(world.env.census, 0);
	world.hops = sessions.hops = xo_hops_new(&world.env, on_learnt, NULL);
	sessions.env = &world.env;
	world.sessions = xo_sessions_new(&sessions);
	assert_non_null(world.hops);
	assert_non_null(world.sessions);
}

struct xo_upstream *
world_upstream(int u)
{
	return (struct xo_upstream *)(uintptr_t)&world.conf->policy
	    .upstreams[u];
}

void
world_end(void)
{
	xo_sessions_free(&world.sessions);
	xo_hops_free(&world.hops);
	for (size_t i = 0; i < world.n_servers; i++)
		if (world.servers[i].fd >= 0)
			server_closes(&world.servers[i]);
	event_base_free(world.env.base);
	xo_metrics_free(&world.env.metrics);
	xo_census_free(&world.env.census);
	free((void *)(uintptr_t)world.env.listeners);
	xo_conf_free(&world.conf);
}
