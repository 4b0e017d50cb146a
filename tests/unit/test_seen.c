/* SPDX-License-Identifier: ISC */
/* What was seen, as text: written, read again, and refused if it is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <watch/seen.h>

#define NOW 1795470280
#define HEAD "xoorg-seen 1 verified unknown_org no_org sender_mismatch " \
	"unauthenticated ours attributed reject tempfail demote accept " \
	"rcpt-relay rcpt-routed no-tenant\n"
/* Twelve numbers: first, last, three words, a count for each verdict. */
#define ORG "org contoso.com 1795470000 1795470100 0 0 0 17 0 0 0 0 0 0\n"
_Static_assert(XO_VERDICT_COUNT == 7, "as many counts as verdicts");

static struct xo_metrics *
new_metrics(void)
{
	static struct xo_conf conf;
	struct xo_metrics *m = xo_metrics_new(&conf, 1, NULL);

	assert_non_null(m);
	return m;
}

static struct xo_snapshot
look(const struct xo_metrics *m)
{
	struct xo_snapshot s;

	assert_true(xo_snapshot_init(&s, m, 1));
	return s;
}

/* The caller frees it. */
static struct xo_buf
write_out(const struct xo_metrics *m)
{
	struct xo_snapshot s = look(m);
	struct xo_buf out = {0};

	xo_seen_write(&s, &out);
	assert_int_equal(out.err, XO_OK);
	xo_snapshot_fini(&s);
	return out;
}

static void
see(struct xo_metrics *m, const char *org, enum xo_verdict verdict, int64_t at)
{
	struct xo_answer answer = {.verdict = verdict,
		.decision = XO_DECISION_DEMOTE, .would = XO_DECISION_REJECT};

	xo_metrics_org(m, xo_span_from_cstr(org), &answer, at);
}

static void
test_round(void **state)
{
	struct xo_metrics *m = new_metrics(), *other = new_metrics();
	struct xo_snapshot s;
	struct xo_buf first, second;

	(void)state;
	see(m, "contoso.com", XO_VERDICT_VERIFIED, NOW - 9);
	see(m, "contoso.com", XO_VERDICT_UNKNOWN_ORG, NOW - 5);
	see(m, "a b+c=\xff\n.example", XO_VERDICT_UNKNOWN_ORG, NOW - 7);
	xo_metrics_recipient_domain(m, XO_LIT("fabrikam.com"),
	    XO_LIT("contoso"), XO_REFUSAL_RCPT_RELAY, true, NOW - 3);
	first = write_out(m);
	assert_true(xo_seen_read(other, xo_buf_span(&first), NOW));
	second = write_out(other);
	assert_true(xo_span_is_equal(xo_buf_span(&first),
	    xo_buf_span(&second)));
	s = look(other);
	assert_int_equal(s.n_orgs, 2);
	assert_int_equal(s.n_recipients, 1);
	assert_int_equal(xo_snapshot_recipient(&s, 0).n_observed, 1);
	assert_true(xo_span_is_equal(xo_snapshot_recipient(&s, 0).tenant,
	    XO_LIT("contoso")));
	xo_snapshot_fini(&s);
	/* And it goes on from there. */
	see(other, "contoso.com", XO_VERDICT_VERIFIED, NOW);
	s = look(other);
	for (size_t i = 0; i < s.n_orgs; i++)
		if (s.orgs[i].len == 11) {
			assert_int_equal(s.orgs[i].messages[0], 2);
			assert_int_equal(s.orgs[i].first, NOW - 9);
			assert_int_equal(s.orgs[i].last, NOW);
		}
	xo_snapshot_fini(&s);
	xo_buf_fini(&first);
	xo_buf_fini(&second);
	xo_metrics_free(&m);
	xo_metrics_free(&other);
}

/* Bounded, the last seen stay, and it is as large as may be read again. */
static void
test_full(void **state)
{
	struct xo_metrics *m = new_metrics(), *other = new_metrics();
	struct xo_buf text;
	char name[256];

	(void)state;
	for (int slot = 0; slot < 2; slot++) {
		xo_metrics_attach(m, (size_t)slot);
		for (int i = 0; i < 3000; i++) {
			memset(name, '\xff', 255);
			(void)snprintf(name, 12, "%d-%d", slot, i);
			name[strlen(name)] = '\xff';
			name[255] = '\0';
			see(m, name, XO_VERDICT_UNKNOWN_ORG, NOW - 3000 + i);
		}
	}
	text = write_out(m);
	assert_true(text.len <= XO_SEEN_MAX);
	assert_true(xo_seen_read(other, xo_buf_span(&text), NOW));
	xo_buf_fini(&text);
	xo_metrics_free(&m);
	xo_metrics_free(&other);
}

static void
test_hostile(void **state)
{
	static const char *const rows[] = {
		"", "x", "\n", HEAD "x\n", HEAD "\n", HEAD " \n",
		/* of another version, or none of ours */
		"xoorg-seen 2\n" ORG, ORG,
		"xoorg-seen 1 unknown_org verified\n" ORG,
		/* cut, or with more in it */
		HEAD "org contoso.com 1795470000 1795470100 0 0 0 17 0 0 0 0 0 0",
		HEAD "org contoso.com 1795470000 1795470100 0 0 0 17 0 0 0 0 0\n",
		HEAD "org contoso.com 1795470000 1795470100 0 0 0 1 0 0 0 0 0 0 0\n",
		HEAD "org contoso.com  1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\r\n",
		HEAD "tag contoso.com 1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		/* what no number of ours is */
		HEAD "org contoso.com 1795470000 1795470100 7 0 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 1795470000 1795470100 0 4 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 1795470000 1795470100 0 0 4 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com -1 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 1795470100 1795470000 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 0 99999999999999999999 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org contoso.com 0 1 0 0 0 1000000000000001 0 0 0 0 0 0\n",
		/* names */
		HEAD "org  1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org a+2 1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		HEAD "org a=b 1795470000 1795470100 0 0 0 1 0 0 0 0 0 0\n",
		/* a good line does not save a bad one, nor the other way */
		HEAD ORG "x\n", HEAD "x\n" ORG,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_metrics *m = new_metrics();
		struct xo_snapshot s;

		if (xo_seen_read(m, xo_span_from_cstr(rows[i]), NOW))
			fail_msg("taken: %s", rows[i]);
		s = look(m);
		assert_int_equal(s.n_orgs, 0);
		xo_snapshot_fini(&s);
		xo_metrics_free(&m);
	}
}

/* What was seen tomorrow was seen now, or it would never make room. */
static void
test_future(void **state)
{
	struct xo_metrics *m = new_metrics();
	struct xo_snapshot s;

	(void)state;
	assert_true(xo_seen_read(m, XO_LIT(HEAD "org CONTOSO.com 1795470281 "
	    "1999999999 0 0 0 1 0 0 0 0 0 0\n"), NOW));
	s = look(m);
	assert_int_equal(s.n_orgs, 1);
	assert_int_equal(s.orgs[0].last, NOW);
	assert_int_equal(s.orgs[0].first, NOW);
	assert_memory_equal(s.orgs[0].name, "contoso.com", 11);
	xo_snapshot_fini(&s);
	xo_metrics_free(&m);
}

static void
test_too_large(void **state)
{
	struct xo_metrics *m = new_metrics();
	struct xo_buf text = {0};

	(void)state;
	xo_buf_add_cstr(&text, HEAD);
	while (text.len <= XO_SEEN_MAX)
		xo_buf_add_cstr(&text, ORG);
	assert_false(xo_seen_read(m, xo_buf_span(&text), NOW));
	xo_buf_fini(&text);
	xo_metrics_free(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
