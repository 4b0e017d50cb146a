/* SPDX-License-Identifier: ISC */
/* xtext. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/xtext.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROW(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define CAP 12

static void
test_decode(void **state)
{
	static const struct {
		const char *id;
		struct xo_span in;
		enum xo_err err;
		struct xo_span want;
		bool is_clean;
	} rows[] = {
		{"empty", ROW(""), XO_OK, ROW(""), true},
		{"M1", ROW("contoso.com"), XO_OK, ROW("contoso.com"),
		    true},
		{"M10", ROW("contoso+2Ecom"), XO_OK,
		    ROW("contoso.com"), true},
		{"M11", ROW("contoso+2ecom"), XO_OK,
		    ROW("contoso.com"), true},
		{"M12 short", ROW("contoso+2"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"M12 bare", ROW("contoso+"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"M12 no hex", ROW("a+ZZb"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"half hex", ROW("a+2Gb"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"M13", ROW("a=b.com"), XO_ERR_SYNTAX, ROW(""), false},
		{"M22", ROW("b\xc3\xbc"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"M23 NUL", ROW("a+00"), XO_OK, ROW("a\0"), false},
		{"M23 CR LF", ROW("a+0D+0AQ"), XO_OK, ROW("a\r\nQ"),
		    false},
		{"M23 SP", ROW("a+20"), XO_OK, ROW("a "), true},
		{"DEL", ROW("a+7F"), XO_OK, ROW("a\x7f"), false},
		{"high", ROW("+ff+C3"), XO_OK, ROW("\xff\xc3"), true},
		{"plus", ROW("+2B+3D"), XO_OK, ROW("+="), true},
		{"SP", ROW("a b"), XO_ERR_SYNTAX, ROW(""), false},
		{"raw DEL", ROW("a\x7f"), XO_ERR_SYNTAX, ROW(""),
		    false},
		{"raw NUL", ROW("a\0"), XO_ERR_SYNTAX, ROW(""), false},
		{"backslash", ROW("\\x{2E}"), XO_OK, ROW("\\x{2E}"),
		    true},
		{"fits", ROW("123456789012"), XO_OK,
		    ROW("123456789012"), true},
		{"does not fit", ROW("1234567890123"), XO_ERR_LIMIT,
		    ROW(""), true},
		{"<>", ROW("<>"), XO_OK, ROW("<>"), true},
	};
	uint8_t out[CAP];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len = 0;
		enum xo_err err = xo_xtext_decode(rows[i].in, out, CAP, &len);
		bool is_clean = xo_xtext_is_clean(rows[i].in);

		if (err != rows[i].err || is_clean != rows[i].is_clean ||
		    !xo_span_is_equal(xo_span(out, len), rows[i].want))
			fail_msg("%s: got %d %d '%.*s'", rows[i].id, err,
			    is_clean, (int)len, (const char *)out);
	}
	/* What stands behind the span is none of its octets. */
	assert_false(xo_xtext_is_clean(xo_span("+41", 2)));
	assert_false(xo_xtext_is_clean(xo_span("+41", 1)));
}

/* Every octet, there and back. */
static void
test_encode(void **state)
{
	struct xo_buf b = {.max = 0};
	uint8_t all[256], back[256];
	size_t len = 0;

	(void)state;
	for (unsigned int c = 0; c < sizeof(all); c++)
		all[c] = (uint8_t)c;
	xo_xtext_encode(&b, xo_span(all, sizeof(all)));
	assert_int_equal(b.err, XO_OK);
	for (size_t i = 0; i < b.len; i++)
		assert_in_range(b.p[i], 33, 126);
	assert_int_equal(xo_xtext_decode(xo_buf_span(&b), back, sizeof(back),
	    &len), XO_OK);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(back, all, sizeof(all));
	xo_buf_clear(&b);
	xo_xtext_encode(&b, XO_LIT("a+b=c \x0f\xfe.com"));
	assert_int_equal(b.err, XO_OK);
	assert_true(xo_span_is_equal(xo_buf_span(&b),
	    XO_LIT("a+2Bb+3Dc+20+0F+FE.com")));
	xo_buf_clear(&b);
	b.max = 4;
	xo_xtext_encode(&b, XO_LIT("a=="));
	assert_int_equal(b.err, XO_ERR_LIMIT);
	assert_int_equal(b.len, 0);
	xo_buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
