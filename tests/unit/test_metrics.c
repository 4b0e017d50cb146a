/* SPDX-License-Identifier: ISC */
/* Metrics: slots, generations, the table of orgs, the text for Prometheus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <watch/metrics.h>

#define S(s) {(const uint8_t *)("" s), sizeof(s) - 1}

/* Two generations: names move, come and go. */
static const struct xo_listener listeners1[] = {
	{.name = S("from-exchange-online")}, {.name = S("to-exchange")},
};
static const struct xo_tenant tenants1[] = {
	{.name = S("contoso")}, {.name = S("fabrikam")}, {.name = S("gone")},
};
static const struct xo_upstream upstreams1[] = {
	{.name = S("postfix")}, {.name = S("exchange")},
};
static const struct xo_conf_tls tls1[] = {{.name = "default"}};

static const struct xo_listener listeners2[] = {
	{.name = S("new")}, {.name = S("from-exchange-online")},
};
static const struct xo_tenant tenants2[] = {
	{.name = S("adatum")}, {.name = S("fabrikam")}, {.name = S("contoso")},
};

static struct xo_conf
conf1(void)
{
	struct xo_conf conf = {.tls = tls1, .n_tls = 1};

	conf.policy.listeners = listeners1;
	conf.policy.n_listeners = 2;
	conf.policy.tenants = tenants1;
	conf.policy.n_tenants = 3;
	conf.policy.upstreams = upstreams1;
	conf.policy.n_upstreams = 2;
	return conf;
}

static struct xo_conf
conf2(void)
{
	struct xo_conf conf = conf1();

	conf.policy.listeners = listeners2;
	conf.policy.tenants = tenants2;
	conf.policy.n_upstreams = 1;
	return conf;
}

#define NOW 1795470280

/* What /metrics says; the caller frees it. */
static char *
scrape(const struct xo_metrics *metrics)
{
	struct xo_snapshot snapshot;
	struct xo_buf out = {0};

	assert_true(xo_snapshot_init(&snapshot, metrics, 5000));
	assert_int_equal(xo_snapshot_write(&snapshot, &out, NOW), XO_OK);
	xo_buf_add_byte(&out, '\0');
	assert_int_equal(out.err, XO_OK);
	xo_snapshot_fini(&snapshot);
	return (char *)out.p;
}

/* `line` begins and ends at line borders; "!" in front: must not be there. */
static void
expect(const struct xo_metrics *metrics, const char *line)
{
	char *got = scrape(metrics);
	bool wants = line[0] != '!';
	char want[256];

	(void)snprintf(want, sizeof(want), wants ? "\n%s\n" : "\n%s",
	    wants ? line : line + 1);
	if ((strstr(got, want) != NULL) != wants)
		fail_msg("want %s got\n%s", line, got);
	free(got);
}

static void
message(struct xo_metrics *m, int listener, enum xo_verdict verdict,
    int tenant)
{
	struct xo_answer answer = {.verdict = verdict, .tenant = tenant,
		.decision = XO_DECISION_ACCEPT, .would = XO_DECISION_ACCEPT};

	xo_metrics_message(m, listener, &answer, 100, 5000);
}

/* Guests are one label, and no number of theirs is another's. */
static void
test_guests(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);

	(void)state;
	/* Without sources there is no place for such a number. */
	xo_metrics_attach(m, 0);
	message(m, 0, XO_VERDICT_VERIFIED, 3);
	message(m, 0, XO_VERDICT_VERIFIED, 4);
	xo_metrics_recipient(m, 3, XO_REFUSAL_RCPT_RELAY, false);
	expect(m, "!xoorg_recipients_refused_total{tenant=\"(table)\"");
	expect(m, "!xoorg_messages_total{");
	xo_metrics_free(&m);
	conf.policy.guests = xo_guests_new(8);
	m = xo_metrics_new(&conf, 1, NULL);
	xo_metrics_attach(m, 0);
	message(m, 0, XO_VERDICT_VERIFIED, 3);
	message(m, 0, XO_VERDICT_VERIFIED, 10);
	message(m, 0, XO_VERDICT_VERIFIED, 1000000);
	xo_metrics_recipient(m, 7, XO_REFUSAL_RCPT_RELAY, false);
	expect(m, "xoorg_messages_total{listener=\"from-exchange-online\","
	    "tenant=\"(table)\",verdict=\"verified\",action=\"accept\"} 3");
	expect(m, "xoorg_recipients_refused_total{tenant=\"(table)\","
	    "reason=\"rcpt-relay\",mode=\"enforce\"} 1");
	xo_metrics_free(&m);
	xo_guests_free(&conf.policy.guests);
}

/* Each slot in a process of its own, as it will be. */
static void
test_slots(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 3, NULL);

	(void)state;
	assert_non_null(m);
	for (size_t slot = 0; slot < 3; slot++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid > 0) {
			assert_true(waitpid(pid, &status, 0) == pid);
			assert_int_equal(status, 0);
			continue;
		}
		xo_metrics_attach(m, slot);
		for (size_t i = 0; i <= slot; i++) {
			message(m, 0, XO_VERDICT_VERIFIED, 1);
			message(m, 0, XO_VERDICT_NO_ORG, XO_NOBODY);
		}
		xo_metrics_session_opened(m, 1);
		xo_metrics_refusal(m, XO_REFUSAL_UNKNOWN_ORG);
		xo_metrics_tls(m, 0, XO_TLS_RESULT_OTHER_NAME);
		xo_metrics_upstream_connect(m, 1, true);
		xo_metrics_upstream_connect(m, 1, false);
		xo_metrics_upstream_connections(m, 1, 2);
		xo_metrics_upstream_connections(m, 1, -1);
		xo_metrics_upstream_reused(m, 0);
		xo_metrics_log_drops(m, 4);
		xo_metrics_log_drops(m, 4);
		xo_metrics_log_drops(m, 5);
		xo_metrics_beat(m, slot == 2 ? 4000 : 5000);
		_exit(0);
	}
	xo_metrics_reload(m, true);
	xo_metrics_reload(m, false);
	xo_metrics_worker_restarted(m);
	expect(m, "xoorg_messages_total{listener=\"from-exchange-online\","
	    "tenant=\"fabrikam\",verdict=\"verified\",action=\"accept\"} 6");
	expect(m, "xoorg_messages_total{listener=\"from-exchange-online\","
	    "tenant=\"\",verdict=\"no_org\",action=\"accept\"} 6");
	expect(m, "!xoorg_messages_total{listener=\"to-exchange\"");
	expect(m, "xoorg_message_bytes_total"
	    "{listener=\"from-exchange-online\"} 1200");
	expect(m, "xoorg_sessions{listener=\"to-exchange\"} 3");
	expect(m, "xoorg_sessions_total{listener=\"to-exchange\"} 3");
	expect(m, "xoorg_tls_handshakes_total"
	    "{listener=\"from-exchange-online\",result=\"other_name\"} 3");
	expect(m, "xoorg_upstream_connects_total"
	    "{upstream=\"exchange\",result=\"failed\"} 3");
	expect(m, "xoorg_upstream_connections{upstream=\"exchange\"} 3");
	expect(m, "xoorg_upstream_reused_total{upstream=\"postfix\"} 3");
	expect(m, "xoorg_log_dropped_total 15");
	expect(m, "xoorg_worker_restarts_total 1");
	expect(m, "xoorg_reloads_total{result=\"ok\"} 1");
	expect(m, "xoorg_reloads_total{result=\"failed\"} 1");
	expect(m, "xoorg_workers 3");
	assert_int_equal(xo_metrics_alive(m, 5000, 500), 2);
	assert_int_equal(xo_metrics_alive(m, 50000, 500), 0);

	/* One dies: what it had open is gone, what it counted is not. */
	xo_metrics_worker_gone(m, 1);
	xo_metrics_worker_gone(m, 99);
	expect(m, "xoorg_sessions{listener=\"to-exchange\"} 2");
	expect(m, "xoorg_sessions_total{listener=\"to-exchange\"} 3");
	expect(m, "xoorg_upstream_connections{upstream=\"exchange\"} 2");
	expect(m, "xoorg_workers 2");
	xo_metrics_free(&m);
	assert_null(m);
}

/* Nothing counts what is nobody's, and nothing is written elsewhere. */
static void
test_out_of_range(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);
	char *before = scrape(m);
	char *after;

	(void)state;
	message(m, XO_NOBODY, XO_VERDICT_VERIFIED, 0);
	message(m, 2, XO_VERDICT_VERIFIED, 0);
	message(m, 0, XO_VERDICT_COUNT, 0);
	xo_metrics_refusal(m, XO_REFUSAL_NONE);
	xo_metrics_refusal(m, XO_REFUSAL_COUNT);
	xo_metrics_tls(m, 0, XO_TLS_RESULT_COUNT);
	xo_metrics_upstream_reused(m, XO_NOBODY);
	xo_metrics_upstream_connections(m, 0, -3);
	xo_metrics_session_closed(m, 0);
	xo_metrics_expiry(m, XO_METRIC_EXPIRY, 1, NOW);
	xo_metrics_expiry(m, XO_METRIC_RELOADS, 0, NOW);
	after = scrape(m);
	assert_string_equal(before, after);
	free(before);
	free(after);
	message(NULL, 0, XO_VERDICT_VERIFIED, 0);
	xo_metrics_refusal(NULL, XO_REFUSAL_SIZE);
	xo_metrics_free(&m);
}

static void
test_observed(void **state)
{
	static const struct xo_answer observed = {
		.verdict = XO_VERDICT_UNKNOWN_ORG, .tenant = XO_NOBODY,
		.decision = XO_DECISION_DEMOTE, .would = XO_DECISION_REJECT};
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);

	(void)state;
	message(m, 0, XO_VERDICT_VERIFIED, 0);
	expect(m, "!xoorg_messages_observed_total{");
	xo_metrics_message(m, 0, &observed, 1, 5000);
	expect(m, "xoorg_messages_observed_total{"
	    "listener=\"from-exchange-online\",action=\"reject\"} 1");
	xo_metrics_reload(m, false);
	expect(m, "xoorg_reload_failed 1");
	xo_metrics_reload(m, true);
	expect(m, "xoorg_reload_failed 0");
	xo_metrics_free(&m);
}

static void
expect_reloaded(const struct xo_metrics *m)
{
	expect(m, "xoorg_messages_total{listener=\"from-exchange-online\","
	    "tenant=\"contoso\",verdict=\"verified\",action=\"accept\"} 2");
	expect(m, "xoorg_messages_total{listener=\"from-exchange-online\","
	    "tenant=\"fabrikam\",verdict=\"verified\",action=\"accept\"} 1");
	expect(m, "xoorg_messages_total{listener=\"new\","
	    "tenant=\"adatum\",verdict=\"verified\",action=\"accept\"} 1");
	expect(m, "xoorg_message_bytes_total"
	    "{listener=\"from-exchange-online\"} 400");
	expect(m, "xoorg_reloads_total{result=\"ok\"} 2");
	expect(m, "xoorg_upstream_reused_total{upstream=\"postfix\"} 2");
	expect(m, "xoorg_log_dropped_total 7");
}

static void
test_generations(void **state)
{
	struct xo_conf first = conf1();
	struct xo_conf second = conf2();
	struct xo_metrics *old = xo_metrics_new(&first, 1, NULL);
	struct xo_metrics *new;
	struct xo_metrics *last;

	(void)state;
	assert_non_null(old);
	xo_metrics_attach(old, 0);
	message(old, 0, XO_VERDICT_VERIFIED, 0);
	message(old, 0, XO_VERDICT_VERIFIED, 2);
	message(old, 1, XO_VERDICT_VERIFIED, 0);
	xo_metrics_upstream_reused(old, 0);
	xo_metrics_reload(old, true);
	xo_metrics_log_drops(old, 5);
	xo_metrics_session_opened(old, 0);
	xo_metrics_expiry(old, XO_METRIC_EXPIRY, 0, NOW + 5);

	new = xo_metrics_new(&second, 2, old);
	assert_non_null(new);
	xo_metrics_log_drops(new, 7);
	message(new, 1, XO_VERDICT_VERIFIED, 2);
	message(new, 0, XO_VERDICT_VERIFIED, 0);
	xo_metrics_reload(new, true);
	xo_metrics_upstream_reused(new, 0);
	/* The old worker still drains: both count. */
	message(old, 0, XO_VERDICT_VERIFIED, 1);
	expect_reloaded(new);
	expect(new, "xoorg_sessions{listener=\"from-exchange-online\"} 1");
	expect(new, "!xoorg_certificate_expiry_seconds{");
	xo_metrics_session_closed(old, 0);
	xo_metrics_settle(new, 5000);
	expect_reloaded(new);
	expect(new, "xoorg_sessions{listener=\"from-exchange-online\"} 0");
	xo_metrics_settle(new, 5000);
	expect_reloaded(new);

	/* Two generations in a row, read through and settled at once. */
	last = xo_metrics_new(&second, 1, new);
	assert_non_null(last);
	expect_reloaded(last);
	new = xo_metrics_new(&second, 1, last);
	assert_non_null(new);
	expect_reloaded(new);
	xo_metrics_settle(new, 5000);
	expect_reloaded(new);
	xo_metrics_free(&new);
}

static uint64_t
in_minute(const struct xo_metrics *m, uint64_t now, int ago)
{
	struct xo_snapshot snapshot;
	uint64_t n;

	assert_true(xo_snapshot_init(&snapshot, m, now));
	n = snapshot.minutes[ago][XO_VERDICT_VERIFIED];
	xo_snapshot_fini(&snapshot);
	return n;
}

/* The last hour goes on over reloads, and forgets what is older. */
static void
test_hour(void **state)
{
	static const struct xo_answer answer = {.verdict = XO_VERDICT_VERIFIED};
	const uint64_t minute = 60000, now = 100 * minute;
	struct xo_conf conf = conf1();
	struct xo_metrics *old = xo_metrics_new(&conf, 1, NULL);
	struct xo_metrics *new;

	(void)state;
	xo_metrics_attach(old, 0);
	xo_metrics_message(old, 0, &answer, 1, now - 60 * minute);
	xo_metrics_message(old, 0, &answer, 1, now - 59 * minute);
	xo_metrics_message(old, 0, &answer, 1, now);
	xo_metrics_message(old, 9, &answer, 1, now);
	assert_int_equal(in_minute(old, now, 59), 1);
	assert_int_equal(in_minute(old, now, 0), 1);
	assert_int_equal(in_minute(old, now + minute, 59), 0);
	assert_int_equal(in_minute(old, now + minute, 0), 0);
	assert_int_equal(in_minute(old, now + minute, 1), 1);
	new = xo_metrics_new(&conf, 1, old);
	xo_metrics_attach(new, 0);
	xo_metrics_message(new, 0, &answer, 1, now);
	assert_int_equal(in_minute(new, now, 0), 2);
	/* The master's slot takes them in. */
	xo_metrics_attach(new, 1);
	xo_metrics_settle(new, now);
	assert_int_equal(in_minute(new, now, 59), 1);
	assert_int_equal(in_minute(new, now, 0), 2);
	/* A clock that has just begun. */
	assert_int_equal(in_minute(new, 0, 1), 0);
	xo_metrics_free(&new);
}

/* A reader of before sees what was settled once, not twice. */
static void
test_settled_reader(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *old = xo_metrics_new(&conf, 1, NULL);
	struct xo_metrics *new;
	int go[2];
	int status;
	char byte;
	pid_t pid;

	(void)state;
	message(old, 0, XO_VERDICT_VERIFIED, 0);
	new = xo_metrics_new(&conf, 1, old);
	assert_non_null(new);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *got;
		bool is_once;

		(void)!read(go[0], &byte, 1);
		got = scrape(new);
		is_once = strstr(got, "verdict=\"verified\","
		    "action=\"accept\"} 1\n") != NULL;
		free(got);
		_exit(is_once ? 0 : 1);
	}
	xo_metrics_settle(new, 5000);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	(void)close(go[0]);
	(void)close(go[1]);
	xo_metrics_free(&new);
}

static void
test_labels(void **state)
{
	static const struct xo_listener hostile[] = {
		{.name = S("a\"b\\c\nd\xff{},= \xc3\xbc")},
	};
	struct xo_conf conf = conf1();
	struct xo_metrics *m;

	(void)state;
	conf.policy.listeners = hostile;
	conf.policy.n_listeners = 1;
	m = xo_metrics_new(&conf, 1, NULL);
	assert_non_null(m);
	expect(m, "xoorg_sessions{listener="
	    "\"a\\\"b\\\\c\\nd?{},= \xc3\xbc\"} 0");
	xo_metrics_free(&m);
}

static void
test_text(void **state)
{
	struct xo_wall_report wall = {0};
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);
	char *got;
	size_t n = 0;

	(void)state;
	xo_metrics_expiry(m, XO_METRIC_EXPIRY, 0, NOW + 86400);
	xo_metrics_expiry(m, XO_METRIC_EXPIRY_UPSTREAM, 1, NOW - 7);
	xo_metrics_expiry(m, XO_METRIC_EXPIRY_TENANT, 2, NOW);
	expect(m, "xoorg_certificate_expiry_seconds"
	    "{kind=\"tls\",name=\"default\"} 86400");
	expect(m, "xoorg_certificate_expiry_seconds"
	    "{kind=\"upstream\",name=\"exchange\"} -7");
	expect(m, "xoorg_certificate_expiry_seconds"
	    "{kind=\"tenant\",name=\"gone\"} 0");
	expect(m, "!xoorg_certificate_expiry_seconds{kind=\"tenant\","
	    "name=\"contoso\"");
	expect(m, "# TYPE xoorg_certificate_expiry_seconds gauge");
	expect(m, "# TYPE xoorg_messages_total counter");
	expect(m, "xoorg_build_info{version=\"" XO_VERSION "\"} 1");
	expect(m, "xoorg_refusals_total{reason=\"unknown-org\"} 0");
	wall.n_repaired[XO_FAULT_MBOX_FROM] = 2;
	wall.n_repaired[XO_FAULT_CONTROL] = 1;
	wall.n_of[0] = 3;
	wall.n_of[XO_WALL_FAMILIES - 1] = 4;
	xo_metrics_wall(m, 1, &wall);
	xo_metrics_wall(m, 1, &wall);
	expect(m, "xoorg_header_repairs_total{listener=\"to-exchange\","
	    "repair=\"mbox-from\"} 4");
	expect(m, "xoorg_header_repairs_total{listener=\"to-exchange\","
	    "repair=\"control\"} 2");
	expect(m, "!xoorg_header_repairs_total{listener=\"from-exchange-online\"");
	expect(m, "xoorg_fields_removed_total{listener=\"to-exchange\","
	    "family=\"originator-org\"} 6");
	expect(m, "xoorg_fields_removed_total{listener=\"to-exchange\","
	    "family=\"sender-trace\"} 8");
	expect(m, "!xoorg_fields_removed_total{listener=\"to-exchange\","
	    "family=\"forest\"}");

	/* One header each, ahead of all its samples. */
	got = scrape(m);
	for (const char *p = got; (p = strstr(p, "# TYPE ")) != NULL; n++) {
		char type[64];
		size_t len = strcspn(p + 7, "\n");

		p += 7;
		assert_true(len < sizeof(type) - 1);
		memcpy(type, p, len);
		memcpy(type + len, "\n", 2);
		if (strstr(p + 1, type) != NULL)
			fail_msg("twice: %s", type);
	}
	assert_true(n > 15);
	free(got);
	xo_metrics_free(&m);
}

static void
seen(struct xo_metrics *m, const char *org, enum xo_verdict verdict,
    int64_t now)
{
	struct xo_answer answer = {.verdict = verdict, .tenant = XO_NOBODY,
		.decision = XO_DECISION_DEMOTE, .would = XO_DECISION_REJECT};

	xo_metrics_org(m, xo_span_from_cstr(org), &answer, now);
}

static void
expect_orgs(const struct xo_metrics *m)
{
	struct xo_snapshot snapshot;
	const struct xo_metrics_org *org;

	assert_true(xo_snapshot_init(&snapshot, m, 0));
	assert_int_equal(snapshot.n_orgs, 2);
	org = &snapshot.orgs[0];
	assert_int_equal(org->len, 11);
	assert_memory_equal(org->name, "contoso.com", 11);
	assert_int_equal(org->messages[XO_VERDICT_VERIFIED], 2);
	assert_int_equal(org->messages[XO_VERDICT_SENDER_MISMATCH], 1);
	assert_int_equal(org->verdict, XO_VERDICT_VERIFIED);
	assert_int_equal(org->first, 90);
	assert_int_equal(org->last, 120);
	org = &snapshot.orgs[1];
	assert_memory_equal(org->name, "fabrikam.com", 12);
	assert_int_equal(org->messages[XO_VERDICT_UNKNOWN_ORG], 1);
	assert_int_equal(org->would, XO_DECISION_REJECT);
	xo_snapshot_fini(&snapshot);
	expect(m, "xoorg_seen_orgs 2");
	expect(m, "xoorg_unknown_orgs 1");
}

static void
expect_recipients(const struct xo_metrics *m)
{
	struct xo_metrics_recipient r;
	struct xo_snapshot snapshot;

	assert_true(xo_snapshot_init(&snapshot, m, 0));
	assert_int_equal(snapshot.n_recipients, 2);
	r = xo_snapshot_recipient(&snapshot, 0);
	assert_true(xo_span_is_equal(r.domain, XO_LIT("a.example")));
	assert_int_equal(r.tenant.len, 0);
	assert_int_equal(r.reason, XO_REFUSAL_NO_TENANT);
	assert_int_equal(r.n_refused, 1);
	assert_int_equal(r.n_observed, 0);
	r = xo_snapshot_recipient(&snapshot, 1);
	assert_true(xo_span_is_equal(r.domain, XO_LIT("a.example")));
	assert_true(xo_span_is_equal(r.tenant, XO_LIT("contoso")));
	assert_int_equal(r.reason, XO_REFUSAL_RCPT_ROUTED);
	assert_int_equal(r.n_refused, 1);
	assert_int_equal(r.n_observed, 2);
	assert_int_equal(r.first, 100);
	assert_int_equal(r.last, 130);
	/* They are nobody's orgs. */
	assert_int_equal(snapshot.n_orgs, 0);
	xo_snapshot_fini(&snapshot);
}

/* Recipients that a tenant's mail may not go to, by domain; over a reload. */
static void
test_recipients(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 2, NULL);
	struct xo_metrics *new;
	struct xo_span to = XO_LIT("A.example"), tenant = XO_LIT("contoso");

	(void)state;
	assert_non_null(m);
	xo_metrics_attach(m, 0);
	xo_metrics_recipient_domain(m, to, tenant, XO_REFUSAL_RCPT_RELAY, true,
	    100);
	xo_metrics_recipient_domain(m, to, tenant, XO_REFUSAL_RCPT_RELAY, true,
	    120);
	xo_metrics_attach(m, 1);
	xo_metrics_recipient_domain(m, to, tenant, XO_REFUSAL_RCPT_ROUTED,
	    false, 130);
	xo_metrics_recipient_domain(m, to, XO_LIT(""), XO_REFUSAL_NO_TENANT,
	    false, 140);
	/* Not for what the recipient is. */
	xo_metrics_recipient_domain(m, to, tenant, XO_REFUSAL_RCPT_TOO_MANY,
	    false, 150);
	xo_metrics_recipient_domain(NULL, to, tenant, XO_REFUSAL_RCPT_RELAY,
	    false, 150);
	expect_recipients(m);
	xo_metrics_recipient(m, 0, XO_REFUSAL_RCPT_RELAY, true);
	xo_metrics_recipient(m, XO_NOBODY, XO_REFUSAL_NO_TENANT, false);
	xo_metrics_recipient(m, 0, XO_REFUSAL_RCPT_APART, false);
	expect(m, "xoorg_recipients_refused_total{tenant=\"contoso\","
	    "reason=\"rcpt-relay\",mode=\"observe\"} 1");
	expect(m, "xoorg_recipients_refused_total{tenant=\"\","
	    "reason=\"no-tenant\",mode=\"enforce\"} 1");
	new = xo_metrics_new(&conf, 1, m);
	assert_non_null(new);
	expect_recipients(new);
	xo_metrics_settle(new, 5000);
	expect_recipients(new);
	xo_metrics_free(&new);
}

static void
test_orgs(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 2, NULL);
	struct xo_metrics *new;

	(void)state;
	assert_non_null(m);
	xo_metrics_attach(m, 0);
	seen(m, "Contoso.COM", XO_VERDICT_VERIFIED, 100);
	seen(m, "contoso.com", XO_VERDICT_VERIFIED, 120);
	seen(m, "", XO_VERDICT_NO_ORG, 120);
	xo_metrics_attach(m, 1);
	seen(m, "contoso.com", XO_VERDICT_SENDER_MISMATCH, 90);
	seen(m, "fabrikam.com", XO_VERDICT_UNKNOWN_ORG, 95);
	expect_orgs(m);
	new = xo_metrics_new(&conf, 1, m);
	assert_non_null(new);
	expect_orgs(new);
	xo_metrics_settle(new, 5000);
	expect_orgs(new);
	xo_metrics_free(&new);
}

/* More values than there are places: bounded, counted, the latest is there. */
static void
test_many_orgs(void **state)
{
	struct xo_conf conf = conf1();
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);
	struct xo_snapshot snapshot;
	struct xo_cell forgotten;
	static char name[300];
	bool is_there = false;

	(void)state;
	xo_metrics_attach(m, 0);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "%d.example", i);
		seen(m, name, XO_VERDICT_UNKNOWN_ORG, 1000 + i);
	}
	memset(name, 'x', sizeof(name) - 1);
	seen(m, name, XO_VERDICT_UNKNOWN_ORG, 9999);
	assert_true(xo_snapshot_init(&snapshot, m, 0));
	assert_true(snapshot.n_orgs <= XO_ORGS_PER_SLOT);
	assert_true(snapshot.n_orgs > XO_ORGS_PER_SLOT / 2);
	forgotten = xo_snapshot_cell(&snapshot, XO_METRIC_ORGS_FORGOTTEN, 0);
	assert_true(forgotten.value + snapshot.n_orgs == 5001);
	for (size_t i = 0; i < snapshot.n_orgs; i++) {
		const struct xo_metrics_org *org = &snapshot.orgs[i];

		if (org->len == XO_ORG_MAX && org->name[254] == 'x')
			is_there = true;
	}
	assert_true(is_there);
	xo_snapshot_fini(&snapshot);
	xo_metrics_free(&m);
}

/* Memory for a large table of tenants: a cell each only where there is one. */
static void
test_many_tenants(void **state)
{
	enum { N = 10000 };
	struct xo_conf conf = conf1();
	struct xo_tenant *tenants = calloc(N, sizeof(*tenants));
	char (*names)[16] = calloc(N, sizeof(*names));
	struct xo_metrics *m;
	struct xo_metrics *new;
	struct xo_snapshot snapshot;

	(void)state;
	assert_non_null(tenants);
	assert_non_null(names);
	for (int i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "t%d", i);
		tenants[i].name = xo_span_from_cstr(names[i]);
	}
	conf.policy.tenants = tenants;
	conf.policy.n_tenants = N;
	m = xo_metrics_new(&conf, 4, NULL);
	assert_non_null(m);
	message(m, 1, XO_VERDICT_VERIFIED, N - 1);
	message(m, 1, XO_VERDICT_VERIFIED, N);
	new = xo_metrics_new(&conf, 4, m);
	assert_non_null(new);
	expect(new, "xoorg_messages_total{listener=\"to-exchange\","
	    "tenant=\"t9999\",verdict=\"verified\",action=\"accept\"} 1");
	assert_true(xo_snapshot_init(&snapshot, new, 0));
	assert_int_equal(xo_snapshot_n_cells(&snapshot, XO_METRIC_MESSAGES),
	    2 * (N + 1) * 4 * 4);
	xo_snapshot_fini(&snapshot);
	xo_metrics_free(&new);
	free(names);
	free(tenants);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_observed),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_hour),
		cmocka_unit_test(test_settled_reader),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_orgs),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_many_orgs),
		cmocka_unit_test(test_many_tenants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
