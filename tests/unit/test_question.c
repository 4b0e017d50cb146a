/* SPDX-License-Identifier: ISC */
/* What a table of tenants is asked, in which order, and what is no question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <table/question.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
test_none(void **state)
{
	static const char *const rows[] = {
		"", ".", "contoso..com", ".contoso.com", "contoso.com.",
		"*.contoso.com", "a b.example", "a:b.example", "[192.0.2.1]",
		"contoso.com\r\nFLUSHALL", "org:contoso.com",
	};
	char longest[XO_QUESTION_DOMAIN + 2];
	struct xo_question q;
	struct xo_key key = {XO_KEY_ORG, {NULL, 0}};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		key.domain = xo_span_from_cstr(rows[i]);
		if (xo_question_make(&q, &key))
			fail_msg("%s: a question", rows[i]);
		assert_int_equal(q.n, 0);
	}
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 64 == 63 ? '.' : 'a';
	key.domain = xo_span(longest, sizeof(longest));
	assert_false(xo_question_make(&q, &key));
}

static void
check(enum xo_key_kind kind, const char *domain, const char *want)
{
	const struct xo_key key = {kind, xo_span_from_cstr(domain)};
	struct xo_question q;
	struct xo_buf got = {0};

	assert_true(xo_question_make(&q, &key));
	for (size_t i = 0; i < q.n; i++) {
		xo_buf_add(&got, q.texts[i]);
		xo_buf_add_byte(&got, ' ');
	}
	if (!xo_span_is_equal(xo_buf_span(&got), xo_span_from_cstr(want)))
		fail_msg("%s: got %.*s, want %s", domain, (int)got.len,
		    (const char *)got.p, want);
	xo_buf_fini(&got);
}

static void
test_texts(void **state)
{
	(void)state;
	check(XO_KEY_ORG, "localhost", "org:localhost ");
	check(XO_KEY_ORG, "EU.Contoso.COM",
	    "org:eu.contoso.com org:*.contoso.com org:*.com ");
	check(XO_KEY_SENDER, "contoso.com", "sender:contoso.com sender:*.com "
	    "org:contoso.com org:*.com ");
	/* No wildcard stands for another's name. */
	check(XO_KEY_CERTIFICATE, "App.EU.Contoso.com",
	    "certificate:app.eu.contoso.com ");
	/* Of eight parents, the nearest. */
	check(XO_KEY_ORG, "a.b.c.d.e.f.g.h.i.j", "org:a.b.c.d.e.f.g.h.i.j "
	    "org:*.b.c.d.e.f.g.h.i.j org:*.c.d.e.f.g.h.i.j "
	    "org:*.d.e.f.g.h.i.j org:*.e.f.g.h.i.j org:*.f.g.h.i.j "
	    "org:*.g.h.i.j org:*.h.i.j org:*.i.j ");
}

/* The longest domain with the most labels has room. */
static void
test_longest(void **state)
{
	char domain[XO_QUESTION_DOMAIN + 1];
	const struct xo_key key = {XO_KEY_SENDER,
		xo_span(domain, XO_QUESTION_DOMAIN)};
	struct xo_question q;

	(void)state;
	for (size_t i = 0; i < XO_QUESTION_DOMAIN; i++)
		domain[i] = i % 2 == 1 ? '.' : 'A';
	assert_true(xo_question_make(&q, &key));
	assert_int_equal(q.n, XO_QUESTION_TEXTS);
	for (size_t i = 0; i < q.n; i++)
		assert_true(q.texts[i].p + q.texts[i].len <=
		    q.octets + sizeof(q.octets));
}

/* A record stands under what is asked. */
static void
test_written(void **state)
{
	struct xo_buf out = {0};

	(void)state;
	xo_question_write(&out, XO_KEY_ORG, XO_LIT("*.Contoso.com"));
	xo_buf_add_byte(&out, ' ');
	xo_question_write(&out, XO_KEY_SENDER, XO_LIT("x.example"));
	xo_buf_add_byte(&out, ' ');
	xo_question_write(&out, XO_KEY_CERTIFICATE, XO_LIT("App.x.example"));
	assert_true(xo_span_is_equal(xo_buf_span(&out),
	    XO_LIT("org:*.contoso.com sender:x.example "
	    "certificate:app.x.example")));
	xo_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
