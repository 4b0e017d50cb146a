/* SPDX-License-Identifier: ISC */
/* The status server: what it serves, and the process that does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <watch/status_html.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define NOW 1795470280
#define HOSTILE "<script>alert('\"&\xff\x1b\n"

static const struct xo_span orgs[] = {S("contoso.com")};
static const struct xo_tenant tenants[] = {
	{.name = S("contoso"), .originator_orgs = orgs, .n_originator_orgs = 1},
};
static const struct xo_listener listeners[] = {
	{.name = S("from-exchange-online"), .mode = XO_MODE_OBSERVE,
	    .has_upstream = true, .upstream = 0},
};
static const struct xo_upstream upstreams[] = {{.name = S("postfix")}};
static const struct xo_conf_upstream places[] = {{.n_hosts = 0}};

static struct xo_span status_names[] = {S("status.contoso.com")};

struct world {
	struct xo_conf conf;
	struct xo_metrics *metrics;
};

static void
open_world(struct world *w)
{
	int first;
	int second;

	memset(w, 0, sizeof(*w));
	w->conf.policy.hostname = XO_LIT("gw.contoso.com");
	w->conf.policy.listeners = listeners;
	w->conf.policy.n_listeners = 1;
	w->conf.policy.tenants = tenants;
	w->conf.policy.n_tenants = 1;
	w->conf.policy.upstreams = upstreams;
	w->conf.policy.n_upstreams = 1;
	w->conf.upstreams = places;
	w->conf.status.names = status_names;
	w->conf.status.n_names = 1;
	assert_int_equal(xo_tenants_index(&w->conf.policy, &first, &second),
	    XO_OK);
	w->metrics = xo_metrics_new(&w->conf, 1, NULL);
	assert_non_null(w->metrics);
}

static void
close_world(struct world *w)
{
	xo_metrics_free(&w->metrics);
	xo_tenants_index_free(&w->conf.policy.tenant_index);
}

static void
seen(struct world *w, struct xo_span org, enum xo_verdict verdict)
{
	struct xo_answer answer = {.verdict = verdict, .tenant = XO_NOBODY,
		.decision = XO_DECISION_DEMOTE, .would = XO_DECISION_REJECT};

	xo_metrics_org(w->metrics, org, &answer, NOW);
}

static void
test_orgs(void **state)
{
	struct world w;
	struct xo_snapshot snapshot;
	struct xo_buf out = {0};
	json_error_t error;
	json_t *root;
	json_t *list;
	json_t *one;

	(void)state;
	open_world(&w);
	seen(&w, XO_LIT("contoso.com"), XO_VERDICT_VERIFIED);
	seen(&w, XO_LIT(HOSTILE), XO_VERDICT_UNKNOWN_ORG);
	xo_metrics_recipient_domain(w.metrics, XO_LIT(HOSTILE),
	    XO_LIT("contoso"), XO_REFUSAL_RCPT_RELAY, true, 1763934280);
	assert_true(xo_snapshot_init(&snapshot, w.metrics, 1));
	assert_int_equal(xo_status_orgs(&w.conf, &snapshot, &out), XO_OK);
	root = json_loadb((const char *)out.p, out.len, 0, &error);
	assert_non_null(root);
	list = json_object_get(root, "orgs");
	assert_int_equal(json_array_size(list), 2);
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "tenant")),
	    "contoso");
	assert_string_equal(json_string_value(json_object_get(one, "last")),
	    "2026-11-23T21:44:40Z");
	assert_int_equal(json_integer_value(json_object_get(
	    json_object_get(one, "messages"), "verified")), 1);
	one = json_array_get(list, 1);
	assert_true(json_is_null(json_object_get(one, "tenant")));
	assert_string_equal(json_string_value(json_object_get(one,
	    "originator_org")), "<script>alert('\"&?\x1b\n");
	assert_string_equal(json_string_value(json_object_get(one,
	    "enforced")), "reject");
	list = json_object_get(root, "recipients");
	assert_int_equal(json_array_size(list), 1);
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "tenant")),
	    "contoso");
	assert_string_equal(json_string_value(json_object_get(one, "reason")),
	    "rcpt-relay");
	assert_int_equal(json_integer_value(json_object_get(one, "observed")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(one, "refused")),
	    0);
	json_decref(root);
	xo_buf_fini(&out);
	xo_snapshot_fini(&snapshot);
	close_world(&w);
}

/* One request, the whole answer; "" if the connection failed. */
static const char *
ask(int port, const char *request)
{
	static char got[65536];
	struct sockaddr_in sin = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t len = 0;
	ssize_t n = -1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
		while (len < sizeof(got) - 1 && (n = recv(fd, got + len,
		    sizeof(got) - 1 - len, 0)) > 0)
			len += (size_t)n;
	}
	(void)close(fd);
	got[len] = '\0';
	return got;
}

static int
listen_somewhere(int *port_r)
{
	struct xo_conf_host host = {.host = "127.0.0.1", .port = 0,
		.where = {"test.conf", 7}};
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);
	struct xo_buf error = {0};
	int fd = xo_status_listen(&host, &error);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port_r = ntohs(sin.sin_port);

	/* In use: says where and why. */
	host.port = (uint16_t)*port_r;
	assert_int_equal(xo_status_listen(&host, &error), -1);
	xo_buf_add_byte(&error, '\0');
	assert_non_null(strstr((const char *)error.p,
	    "test.conf:7: status: cannot listen on 127.0.0.1: "));
	xo_buf_fini(&error);
	return fd;
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool
confine(void *arg)
{
	return *(const bool *)arg;
}

#define HOST(name) "GET /orgs HTTP/1.0\r\nHost: " name "\r\n\r\n"

static void
test_answers(int port, struct world *w)
{
	static const struct {
		const char *request;
		const char *status;
		const char *wants;
	} rows[] = {
		{"GET /metrics HTTP/1.0\r\n\r\n", "200 ", "xoorg_workers 1\n"},
		{"GET / HTTP/1.0\r\n\r\n", "200 ", "gw.contoso.com</h1>"},
		{"GET / HTTP/1.0\r\n\r\n", "200 ", "default-src 'none'"},
		{"GET /?q=%20con%3Cb%3E HTTP/1.0\r\n\r\n", "200 ",
			"\"con&lt;b&gt;\""},
		{"GET / HTTP/1.0\r\n\r\n", "200 ", "form-action 'self'"},
		{"GET /orgs HTTP/1.0\r\n\r\n", "200 ", "\"orgs\": []"},
		{"GET /healthz HTTP/1.0\r\n\r\n", "200 ", "ok\n"},
		{"GET /healthz?x=y HTTP/1.0\r\n\r\n", "200 ", "ok\n"},
		{"HEAD /healthz HTTP/1.0\r\n\r\n", "200 ", "Content-Length: 3"},
		{"GET /readyz HTTP/1.0\r\n\r\n", "200 ", "ready\n"},
		{"GET /etc/passwd HTTP/1.0\r\n\r\n", "404 ", "/metrics"},
		/* Names of ours, and addresses. */
		{HOST("localhost:9025"), "200 ", "\"orgs\""},
		{HOST("LOCALHOST."), "200 ", "\"orgs\""},
		{HOST("127.0.0.1"), "200 ", "\"orgs\""},
		{HOST("192.0.2.77:1"), "200 ", "\"orgs\""},
		{HOST("[::1]:9025"), "200 ", "\"orgs\""},
		{HOST("gw.contoso.com:9025"), "200 ", "\"orgs\""},
		{HOST("status.contoso.com"), "200 ", "\"orgs\""},
		/* Nobody else's: it may lead here all of a sudden. */
		{HOST("attacker.example"), "421 ", "status_names"},
		{HOST("attacker.example:9025"), "421 ", "status_names"},
		{HOST("gw.contoso.com.attacker.example"), "421 ", "not a name"},
		{HOST("localhost.attacker.example"), "421 ", "not a name"},
		{HOST("127.0.0.1.attacker.example"), "421 ", "not a name"},
		{HOST("contoso.com"), "421 ", "not a name"},
		{HOST("[attacker.example]"), "421 ", "not a name"},
		{HOST(""), "421 ", "not a name"},
		{HOST("."), "421 ", "not a name"},
		{HOST("localhost\r\nHost: attacker.example"), "421 ", "not a"},
		{"GET http://attacker.example/orgs HTTP/1.0\r\n\r\n", "404 ",
			"/metrics"},
		{HOST("localhost\r\nOrigin: http://attacker.example"), "200 ",
			"Cross-Origin-Resource-Policy: same-origin"},
		{HOST("localhost"), "200 ", "X-Frame-Options: DENY"},
		{"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "405 ",
			"Allow: GET, HEAD"},
		{"DELETE /metrics HTTP/1.0\r\n\r\n", "405 ", "only GET"},
		{"GET /\r\n\r\n", "", ""},
	};

	assert_non_null(strstr(ask(port, "GET /healthz HTTP/1.0\r\n\r\n"),
	    " 503 "));
	xo_metrics_beat(w->metrics, now_ms());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = ask(port, rows[i].request);

		if (strstr(got, rows[i].status) == NULL ||
		    strstr(got, rows[i].wants) == NULL)
			fail_msg("%s: got %s want %s %s", rows[i].request, got,
			    rows[i].status, rows[i].wants);
		/* Nobody else's page may read it. */
		assert_null(strstr(got, "Access-Control"));
	}
}

static const char *
ready(const struct world *w)
{
	static char text[1024];
	struct xo_snapshot snapshot;
	struct xo_buf out = {0};

	assert_true(xo_snapshot_init(&snapshot, w->metrics, 1));
	assert_int_equal(xo_status_ready(&w->conf, &snapshot, &out, NOW),
	    XO_OK);
	xo_snapshot_fini(&snapshot);
	assert_true(out.len < sizeof(text));
	if (out.len > 0)
		memcpy(text, out.p, out.len);
	text[out.len] = '\0';
	xo_buf_fini(&out);
	return text;
}

/* Each reason alone, and gone again. */
static void
test_ready(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_string_equal(ready(&w), "no worker is alive\n");
	xo_metrics_attach(w.metrics, 0);
	xo_metrics_beat(w.metrics, 1);
	assert_string_equal(ready(&w), "");
	xo_metrics_upstream_connect(w.metrics, 0, false);
	assert_string_equal(ready(&w),
	    "upstream postfix: the last try to connect failed\n");
	xo_metrics_upstream_connect(w.metrics, 0, true);
	assert_string_equal(ready(&w), "");
	xo_metrics_expiry(w.metrics, XO_METRIC_EXPIRY_UPSTREAM, 0, NOW + 1);
	assert_string_equal(ready(&w), "");
	xo_metrics_expiry(w.metrics, XO_METRIC_EXPIRY_UPSTREAM, 0, NOW - 1);
	assert_string_equal(ready(&w), "certificate of postfix: expired\n");
	xo_metrics_expiry(w.metrics, XO_METRIC_EXPIRY_UPSTREAM, 0, 0);
	xo_metrics_drain(w.metrics);
	assert_string_equal(ready(&w), "draining\n");
	close_world(&w);
}

/* One tenant's next hop is not the gateway's. */
static void
test_ready_without_tenants(void **state)
{
	static const struct xo_listener other = {.name = S("other")};
	struct world w;

	(void)state;
	open_world(&w);
	w.conf.policy.listeners = &other;
	xo_metrics_attach(w.metrics, 0);
	xo_metrics_beat(w.metrics, 1);
	xo_metrics_upstream_connect(w.metrics, 0, false);
	assert_string_equal(ready(&w), "");
	close_world(&w);
}

static void
test_process(void **state)
{
	struct world w;
	bool is_confined = true;
	int status;
	int port;
	pid_t pid;
	struct xo_status_setup setup = {.conf = &w.conf, .confine = confine,
		.arg = &is_confined, .parent = getpid()};

	(void)state;
	open_world(&w);
	xo_metrics_attach(w.metrics, 0);
	setup.metrics = w.metrics;
	setup.listen_fd = listen_somewhere(&port);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		xo_status_run(&setup);
	test_answers(port, &w);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);

	/* Not confined: it does not serve. */
	is_confined = false;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		xo_status_run(&setup);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(setup.listen_fd);
	close_world(&w);
}

/* Its parent gone, it goes: seen by its end of a pipe, kept as stderr. */
static void
test_orphan(void **state)
{
	struct world w;
	struct xo_status_setup setup = {.conf = &w.conf};
	int ends[2];
	int status;
	int port;
	pid_t pid;
	char byte;

	(void)state;
	open_world(&w);
	setup.metrics = w.metrics;
	setup.listen_fd = listen_somewhere(&port);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		setup.parent = getpid();
		if (fork() == 0)
			xo_status_run(&setup);
		/* Serving, and so past its start. */
		_exit(strstr(ask(port, "GET /metrics HTTP/1.0\r\n\r\n"),
		    " 200 ") != NULL ? 0 : 1);
	}
	(void)close(ends[1]);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	/* End of file: nobody holds the other end any more. */
	assert_int_equal(read(ends[0], &byte, 1), 0);
	(void)close(ends[0]);
	(void)close(setup.listen_fd);
	close_world(&w);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orgs),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_ready_without_tenants),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_orphan),
	};

	/* Whatever goes wrong, no test waits for ever. */
	(void)alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
