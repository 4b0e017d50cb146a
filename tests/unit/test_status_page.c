/* SPDX-License-Identifier: ISC */
/*
 * The status page as a person reads it. With XOORG_PAGES=FOLDER the pages are
 * written there, for a browser to look at them (tests/e2e/test_page.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <watch/status_html.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define NOW 1795470280
#define MONOTONIC ((uint64_t)7200000)	/* ms: two hours */
#define HOSTILE "<script>alert('\"&\xff\x1b\n"
#define MANY 500

static const struct xo_listener listeners[] = {
	{.name = S("from-exchange-online"), .mode = XO_MODE_OBSERVE},
	{.name = S("to-exchange")},
};
static const struct xo_upstream upstreams[] = {
	{.name = S("postfix")}, {.name = S("exchange")},
};
static const struct xo_conf_host hosts[] = {
	{.host = "127.0.0.1", .port = 10025},
};
static const struct xo_conf_upstream places[] = {
	{.hosts = hosts, .n_hosts = 1}, {.mx = "contoso.com"},
};
static const struct xo_conf_tls tls[] = {{.name = "default"}};

struct world {
	struct xo_conf conf;
	struct xo_metrics *metrics;
	struct xo_tenant tenants[MANY];
	struct xo_span orgs[MANY];
	char names[MANY][2][48];
};

static void
add_tenant(struct world *w, size_t i, const char *name)
{
	(void)snprintf(w->names[i][0], sizeof(w->names[i][0]), "%s", name);
	(void)snprintf(w->names[i][1], sizeof(w->names[i][1]), "%s.example",
	    name);
	w->orgs[i] = xo_span_from_cstr(w->names[i][1]);
	w->tenants[i] = (struct xo_tenant){
		.name = xo_span_from_cstr(w->names[i][0]),
		.originator_orgs = &w->orgs[i], .n_originator_orgs = 1};
}

static struct world *
open_world(size_t n_tenants)
{
	struct world *w = calloc(1, sizeof(*w));
	int first, second;

	assert_non_null(w);
	for (size_t i = 0; i < n_tenants; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "tenant-%03zu", i);
		add_tenant(w, i, i == 0 ? "contoso" : name);
	}
	w->conf.policy.hostname = XO_LIT("gw.contoso.com");
	w->conf.policy.listeners = listeners;
	w->conf.policy.n_listeners = 2;
	w->conf.policy.tenants = w->tenants;
	w->conf.policy.n_tenants = n_tenants;
	w->conf.policy.upstreams = upstreams;
	w->conf.policy.n_upstreams = 2;
	w->conf.upstreams = places;
	w->conf.tls = tls;
	w->conf.n_tls = 1;
	assert_int_equal(xo_tenants_index(&w->conf.policy, &first, &second),
	    XO_OK);
	w->metrics = xo_metrics_new(&w->conf, 1, NULL);
	assert_non_null(w->metrics);
	xo_metrics_expiry(w->metrics, XO_METRIC_EXPIRY, 0,
	    NOW + 60 * XO_STATUS_DAY);
	xo_metrics_attach(w->metrics, 0);
	xo_metrics_beat(w->metrics, MONOTONIC);
	return w;
}

static void
close_world(struct world *w)
{
	xo_metrics_free(&w->metrics);
	xo_tenants_index_free(&w->conf.policy.tenant_index);
	free(w);
}

/* The caller frees it. */
static char *
render(const struct world *w, const char *query)
{
	struct xo_snapshot snapshot;
	struct xo_buf out = {0};
	const struct xo_page page = {.conf = &w->conf, .snapshot = &snapshot,
		.now = NOW, .query = xo_span_from_cstr(query)};

	assert_true(xo_snapshot_init(&snapshot, w->metrics, MONOTONIC));
	assert_int_equal(xo_status_page(&page, &out), XO_OK);
	xo_buf_add_byte(&out, '\0');
	assert_int_equal(out.err, XO_OK);
	xo_snapshot_fini(&snapshot);
	return (char *)out.p;
}

/* `wanted` in this order, up to NULL. */
static void
expect(const struct world *w, const char *query, const char *const *wanted)
{
	char *got = render(w, query);
	const char *at = got;

	for (; *wanted != NULL; wanted++) {
		at = strstr(at, *wanted);
		if (at == NULL)
			fail_msg("no %s, or not in its place, in\n%s", *wanted,
			    strchr(got, '\0') - got > 0 ?
			    strstr(got, "<body>") : "");
	}
	free(got);
}

static void
expect_not(const struct world *w, const char *query, const char *unwanted)
{
	char *got = render(w, query);

	if (strstr(got, unwanted) != NULL)
		fail_msg("%s in\n%s", unwanted, strstr(got, "<body>"));
	free(got);
}

#define EXPECT(w, query, ...) \
	expect(w, query, (const char *const[]){__VA_ARGS__, NULL})

static void
seen(struct world *w, const char *org, enum xo_verdict verdict, int tenant,
    uint64_t n, uint64_t ago)
{
	bool is_bad = verdict == XO_VERDICT_UNKNOWN_ORG ||
	    verdict == XO_VERDICT_SENDER_MISMATCH;
	struct xo_answer answer = {.verdict = verdict, .tenant = tenant,
		.decision = verdict == XO_VERDICT_VERIFIED ||
		    verdict == XO_VERDICT_OURS ? XO_DECISION_ACCEPT :
		    XO_DECISION_DEMOTE};

	answer.would = is_bad ? XO_DECISION_REJECT : answer.decision;
	for (uint64_t i = 0; i < n; i++)
		xo_metrics_message(w->metrics, verdict == XO_VERDICT_OURS,
		    &answer, 4321, MONOTONIC - ago * 60000);
	if (org != NULL)
		xo_metrics_org(w->metrics, xo_span_from_cstr(org), &answer,
		    NOW - (int64_t)ago * 60);
}

/* An hour of a small site: its tenant's mail, the Internet's, its own. */
static void
play(struct world *w)
{
	static const uint64_t rates[] = {12, 14, 9, 22, 31, 27, 18, 11, 8, 16};

	xo_metrics_session_opened(w->metrics, 0);
	for (uint64_t ago = 60; ago-- > 0;) {
		uint64_t n = rates[ago % 10] + rates[ago / 7 % 10] / 2;

		seen(w, "contoso.example", XO_VERDICT_VERIFIED, 0, n, ago);
		seen(w, NULL, XO_VERDICT_UNAUTHENTICATED, XO_NOBODY, n / 2,
		    ago);
		seen(w, NULL, XO_VERDICT_OURS, 0, n / 3, ago);
	}
}

static void
test_empty(void **state)
{
	struct world *w = open_world(0);

	(void)state;
	EXPECT(w, "", "<h1>gw.contoso.com</h1>",
	    "<p class=\"state good\">All is well; no client has come yet.</p>",
	    "<h2>The last hour</h2>\n<p>No message.</p>",
	    "<h2>Messages by verdict</h2>", "<form action=\"/\" method=\"get\"",
	    "<h2>Tenants</h2>", "<p>None.</p>");
	expect_not(w, "", "<svg");
	expect_not(w, "", "class=\"todo\"");
	expect_not(w, "", "<script");
	close_world(w);
}

static void
test_sentence(void **state)
{
	struct world *w = open_world(2);

	(void)state;
	play(w);
	EXPECT(w, "", "<p class=\"state good\">All is well.</p>");
	seen(w, "fabrikam.example", XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 1, 3);
	EXPECT(w, "", "<p class=\"state warn\">Mail flows, but look at this: "
	    "the unknown organisation fabrikam.example is waiting; "
	    "1 message would have been refused.</p>",
	    "<li><span class=\"warn\">The unknown organisation "
	    "fabrikam.example is waiting.</span> If one is yours: "
	    "xoorg orgs --authorize ORG --tenant NAME.");
	seen(w, "woodgrove.example", XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 36, 2);
	EXPECT(w, "", ": 2 unknown organisations are waiting; 37 messages "
	    "would have been refused.</p>", "fabrikam.example, "
	    "woodgrove.example.</span>");
	xo_metrics_upstream_connect(w->metrics, 0, false);
	EXPECT(w, "", "<p class=\"state bad\">Not all is well: the upstream "
	    "postfix (127.0.0.1:10025) cannot be reached; 2 unknown");
	xo_metrics_upstream_connect(w->metrics, 1, false);
	EXPECT(w, "", "2 upstreams cannot be reached", "postfix "
	    "(127.0.0.1:10025), exchange (mail servers of contoso.com)");
	close_world(w);
}

/* What a reload made somebody's waits no more. */
static void
test_authorised(void **state)
{
	struct world *w = open_world(2);

	(void)state;
	seen(w, "contoso.example", XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 0, 3);
	expect_not(w, "", "is waiting");
	close_world(w);
}

static void
test_ends(void **state)
{
	static const struct {
		enum xo_metric row;
		int64_t left;
		const char *want;
	} rows[] = {
		{XO_METRIC_EXPIRY, -1, "bad\">Not all is well: the certificate "
		    "of tls default has expired.<"},
		{XO_METRIC_EXPIRY, 2 * XO_STATUS_DAY, "warn\">Mail flows, but "
		    "look at this: the certificate of tls default ends in 2 "
		    "days.<"},
		{XO_METRIC_EXPIRY, 22 * XO_STATUS_DAY, "good\">All is well"},
		{XO_METRIC_EXPIRY_UPSTREAM, XO_STATUS_DAY, "upstream postfix "
		    "ends in 1 day.<"},
		{XO_METRIC_EXPIRY_TENANT, -1, "tenant contoso has expired.<"},
		{XO_METRIC_CRL_EXPIRY, -1, "the revocation list of tls default "
		    "is stale.<"},
		{XO_METRIC_CRL_EXPIRY_UPSTREAM, 3600, "list of upstream "
		    "postfix ends in 0 days.<"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = open_world(1);

		/* The master's slot is the one that has them. */
		xo_metrics_attach(w->metrics, 1);
		xo_metrics_expiry(w->metrics, XO_METRIC_EXPIRY, 0, 0);
		xo_metrics_free(&w->metrics);
		w->metrics = xo_metrics_new(&w->conf, 1, NULL);
		xo_metrics_expiry(w->metrics, rows[i].row, 0,
		    NOW + rows[i].left);
		xo_metrics_attach(w->metrics, 0);
		xo_metrics_beat(w->metrics, MONOTONIC);
		EXPECT(w, "", rows[i].want);
		close_world(w);
	}
}

static void
test_other_trouble(void **state)
{
	struct world *w = open_world(1);

	(void)state;
	xo_metrics_refusal(w->metrics, XO_REFUSAL_TLS_CERTIFICATE);
	EXPECT(w, "", "1 client was refused for its certificate.<");
	xo_metrics_worker_restarted(w->metrics);
	xo_metrics_worker_restarted(w->metrics);
	EXPECT(w, "", "; 2 workers died.<");
	xo_metrics_log_drops(w->metrics, 1200);
	EXPECT(w, "", "; 1,200 lines of the log were lost.<");
	xo_metrics_drain(w->metrics);
	EXPECT(w, "", "log were lost; and 1 more below.<", "It is stopping.<");
	xo_metrics_reload(w->metrics, false);
	EXPECT(w, "", "bad\">Not all is well: the last reload failed; 1 client "
	    "was refused for its certificate; 2 workers died; and 2 more "
	    "below.<");
	xo_metrics_reload(w->metrics, true);
	expect_not(w, "", "reload failed");
	xo_metrics_beat(w->metrics, MONOTONIC - XO_METRICS_BEAT_AGE - 1);
	EXPECT(w, "", "bad\">Not all is well: no worker is alive; ");
	close_world(w);
}

/* What strangers send is text: in the sentence, the table and the form. */
static void
test_hostile(void **state)
{
	struct world *w = open_world(1);

	(void)state;
	seen(w, HOSTILE, XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 1, 0);
	xo_metrics_recipient_domain(w->metrics, XO_LIT(HOSTILE),
	    XO_LIT("contoso"), XO_REFUSAL_RCPT_RELAY, true, NOW);
	EXPECT(w, "", "the unknown organisation &lt;script&gt;alert(&#39;"
	    "&quot;&amp;" "?" "?" "? is waiting",
	    "<td data-h=\"originator org\">&lt;script&gt;alert(&#39;&quot;"
	    "&amp;" "?" "?" "?</td><td data-h=\"tenant\" class=\"warn\">nobody "
	    "here</td><td data-h=\"last verdict\">unknown_org</td>"
	    "<td data-h=\"action\">demote</td>"
	    "<td data-h=\"if enforced\">reject</td>",
	    "<td data-h=\"recipient domain\">&lt;script&gt;");
	expect_not(w, "", "<script");
	EXPECT(w, "\"><script>x", "value=\"&quot;&gt;&lt;script&gt;x\"",
	    "with \"&quot;&gt;&lt;script&gt;x\" in a name");
	expect_not(w, "\"><script>x", "<script");
	close_world(w);
}

static size_t
count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void
test_many_tenants(void **state)
{
	struct world *w = open_world(MANY);
	char *got;

	(void)state;
	for (int i = 0; i < MANY; i++)
		seen(w, w->names[i][1], XO_VERDICT_VERIFIED, i,
		    (uint64_t)i / 50 + 1, 1);
	/* Sums before rows, and the busiest rows alone. */
	EXPECT(w, "", "<h2>Messages by verdict</h2>",
	    "verified</td><td data-h=\"messages\" class=\"n\">2,750</td>",
	    "<td data-h=\"accepted\" class=\"n\">2,750</td>",
	    "<h2>Tenants</h2>", "tenant-450</td>", "tenant-469</td>",
	    "And 480 more: search for them, or see", "<h2>Originator");
	got = render(w, "");
	assert_int_equal(count(got, "<td data-h=\"tenant\">"), 2 * 20 - 20);
	free(got);
	/* By the form. */
	EXPECT(w, "ANT-12", "value=\"ANT-12\"", "tenant-120</td>",
	    "tenant-129</td>", "<h2>Originator", "tenant-125.example");
	expect_not(w, "ANT-12", "tenant-130");
	EXPECT(w, "no such", "<p>Nothing of that name.</p>");
	close_world(w);
}

static void
test_plot(void **state)
{
	struct world *w = open_world(1);
	char *got;

	(void)state;
	/* Too old, the oldest, and now. */
	seen(w, NULL, XO_VERDICT_VERIFIED, 0, 5, 60);
	seen(w, NULL, XO_VERDICT_VERIFIED, 0, 3, 59);
	seen(w, NULL, XO_VERDICT_NO_ORG, XO_NOBODY, 1, 0);
	got = render(w, "");
	assert_int_equal(count(got, "<rect "), 2);
	free(got);
	EXPECT(w, "", "<span>5 a minute</span><span>4 messages</span>",
	    "<g><title>59 min ago: 3</title><rect class=\"v0\" x=\"1\" "
	    "y=\"80\" width=\"8\" height=\"120\"/>",
	    "<g><title>0 min ago: 1</title><rect class=\"v2\" x=\"591\" "
	    "y=\"160\" width=\"8\" height=\"40\"/>",
	    "verified 3</span>", "no_org 1</span>");
	/* One among thousands is seen. */
	seen(w, NULL, XO_VERDICT_VERIFIED, 0, 4000, 10);
	seen(w, NULL, XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 1, 10);
	EXPECT(w, "", "<span>5,000 a minute</span>",
	    "<rect class=\"v1\" x=\"491\" y=\"38\" width=\"8\" height=\"2\"/>");
	close_world(w);
}

/* For a browser. */

static void
save(const struct world *w, const char *folder, const char *name)
{
	char path[512];
	char *got = render(w, "");
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.html", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(got, f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(got);
}

static void
break_it(struct world *w)
{
	static const char *const strange[] = {"fabrikam.onmicrosoft.com",
		("a-very-long-name-that-nobody-would-choose-"
		"but-somebody-can-send-all-the-same-0123456789abcdef.example"),
		HOSTILE, "woodgrove.example"};

	for (size_t i = 0; i < 4; i++)
		seen(w, strange[i], XO_VERDICT_UNKNOWN_ORG, XO_NOBODY, 9, i);
	seen(w, "contoso.example", XO_VERDICT_SENDER_MISMATCH, 0, 1, 5);
	xo_metrics_recipient_domain(w->metrics, XO_LIT("elsewhere.example"),
	    XO_LIT("contoso"), XO_REFUSAL_RCPT_RELAY, true, NOW);
	for (int i = 0; i < 4; i++)
		xo_metrics_upstream_connect(w->metrics, 0, false);
	for (int i = 0; i < 7; i++)
		xo_metrics_refusal(w->metrics, XO_REFUSAL_TLS_CERTIFICATE);
	xo_metrics_refusal(w->metrics, XO_REFUSAL_UPSTREAM_CONNECT);
	xo_metrics_worker_restarted(w->metrics);
	xo_metrics_expiry(w->metrics, XO_METRIC_EXPIRY_UPSTREAM, 1, NOW - 1);
	xo_metrics_expiry(w->metrics, XO_METRIC_EXPIRY_TENANT, 2,
	    NOW + 5 * XO_STATUS_DAY);
}

static int
save_all(const char *folder)
{
	struct world *w = open_world(0);

	save(w, folder, "empty");
	close_world(w);
	w = open_world(3);
	play(w);
	save(w, folder, "three");
	break_it(w);
	save(w, folder, "broken");
	close_world(w);
	w = open_world(MANY);
	play(w);
	for (int i = 1; i < MANY; i++)
		seen(w, w->names[i][1], XO_VERDICT_VERIFIED, i,
		    (uint64_t)i * 37 % 113, (uint64_t)i % 60);
	save(w, folder, "many");
	close_world(w);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_authorised),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_other_trouble),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_many_tenants),
		cmocka_unit_test(test_plot),
	};

	if (getenv("XOORG_PAGES") != NULL)
		return save_all(getenv("XOORG_PAGES"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
