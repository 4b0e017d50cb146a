/* SPDX-License-Identifier: ISC */
/* Places by name: which names are fit, and who has to go when there is no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <net/named.h>

static struct xo_named named;

static void
test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "/etc",
		"a.pem", "a b", "a\n", "a%00", "a\\b", "\xc3\xa4", "a:b", "*",
		"a,b", "~", "a.", ".a"};
	static const char *const good[] = {"a", "A9", "-", "_", "0", "con-to_so",
		"4f2c1f0e-7a3b-4c55-9f0e-0a1b2c3d4e5f"};
	char longest[XO_NAMED_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (xo_named_is_fit(xo_span_from_cstr(bad[i])))
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!xo_named_is_fit(xo_span_from_cstr(good[i])))
			fail_msg("%s", good[i]);
	assert_false(xo_named_is_fit(XO_LIT("a\0b")));
	memset(longest, 'a', sizeof(longest));
	assert_true(xo_named_is_fit(xo_span((const uint8_t *)longest,
	    XO_NAMED_MAX)));
	assert_false(xo_named_is_fit(xo_span((const uint8_t *)longest,
	    XO_NAMED_MAX + 1)));
}

static struct xo_span
name_of(size_t i)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "tenant-%zu", i);
	return xo_span_from_cstr(text);
}

static void
test_places(void **state)
{
	size_t first;

	(void)state;
	named = (struct xo_named){.n = 0};
	assert_int_equal(xo_named_find(&named, name_of(0)), XO_NAMED_NOWHERE);
	for (size_t i = 0; i < XO_NAMED_SLOTS; i++)
		assert_int_equal(xo_named_take(&named, name_of(i)), i);
	/* Used a moment ago: the second has waited longest now. */
	first = xo_named_find(&named, name_of(0));
	assert_int_equal(first, 0);
	assert_int_equal(xo_named_take(&named, name_of(5000)), 1);
	assert_int_equal(xo_named_find(&named, name_of(1)), XO_NAMED_NOWHERE);
	assert_int_equal(xo_named_find(&named, name_of(0)), 0);
	assert_int_equal(xo_named_find(&named, name_of(5000)), 1);
	/* A longer or shorter name is another. */
	assert_int_equal(xo_named_find(&named, XO_LIT("tenant-")),
	    XO_NAMED_NOWHERE);
	/* What was left goes first, and is found no more. */
	xo_named_leave(&named, 700);
	assert_int_equal(xo_named_find(&named, name_of(700)),
	    XO_NAMED_NOWHERE);
	assert_int_equal(xo_named_take(&named, name_of(6000)), 700);
	assert_int_equal(xo_named_take(&named, name_of(6001)), 2);
}

static void
test_left(void **state)
{
	(void)state;
	named = (struct xo_named){.n = 0};
	(void)xo_named_take(&named, name_of(0));
	(void)xo_named_take(&named, name_of(1));
	xo_named_leave(&named, 1);
	assert_int_equal(xo_named_take(&named, name_of(2)), 1);
	assert_int_equal(xo_named_take(&named, name_of(3)), 2);
	assert_int_equal(xo_named_find(&named, name_of(0)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
