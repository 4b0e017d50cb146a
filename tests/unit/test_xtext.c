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
		{"empty", XO_LIT(""), XO_OK, XO_LIT(""), true},
		{"M1", XO_LIT("contoso.com"), XO_OK, XO_LIT("contoso.com"),
		    true},
		{"M10", XO_LIT("contoso+2Ecom"), XO_OK,
		    XO_LIT("contoso.com"), true},
		{"M11", XO_LIT("contoso+2ecom"), XO_OK,
		    XO_LIT("contoso.com"), true},
		{"M12 short", XO_LIT("contoso+2"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"M12 bare", XO_LIT("contoso+"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"M12 no hex", XO_LIT("a+ZZb"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"half hex", XO_LIT("a+2Gb"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"M13", XO_LIT("a=b.com"), XO_ERR_SYNTAX, XO_LIT(""), false},
		{"M22", XO_LIT("b\xc3\xbc"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"M23 NUL", XO_LIT("a+00"), XO_OK, XO_LIT("a\0"), false},
		{"M23 CR LF", XO_LIT("a+0D+0AQ"), XO_OK, XO_LIT("a\r\nQ"),
		    false},
		{"M23 SP", XO_LIT("a+20"), XO_OK, XO_LIT("a "), true},
		{"DEL", XO_LIT("a+7F"), XO_OK, XO_LIT("a\x7f"), false},
		{"high", XO_LIT("+ff+C3"), XO_OK, XO_LIT("\xff\xc3"), true},
		{"plus", XO_LIT("+2B+3D"), XO_OK, XO_LIT("+="), true},
		{"SP", XO_LIT("a b"), XO_ERR_SYNTAX, XO_LIT(""), false},
		{"raw DEL", XO_LIT("a\x7f"), XO_ERR_SYNTAX, XO_LIT(""),
		    false},
		{"raw NUL", XO_LIT("a\0"), XO_ERR_SYNTAX, XO_LIT(""), false},
		{"backslash", XO_LIT("\\x{2E}"), XO_OK, XO_LIT("\\x{2E}"),
		    true},
		{"fits", XO_LIT("123456789012"), XO_OK,
		    XO_LIT("123456789012"), true},
		{"does not fit", XO_LIT("1234567890123"), XO_ERR_LIMIT,
		    XO_LIT(""), true},
		{"<>", XO_LIT("<>"), XO_OK, XO_LIT("<>"), true},
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
	assert_int_equal(xo_xtext_encode(&b, xo_span(all, sizeof(all))),
	    XO_OK);
	for (size_t i = 0; i < b.len; i++)
		assert_in_range(b.p[i], 33, 126);
	assert_int_equal(xo_xtext_decode(xo_buf_span(&b), back, sizeof(back),
	    &len), XO_OK);
	assert_int_equal(len, sizeof(all));
	assert_memory_equal(back, all, sizeof(all));
	xo_buf_clear(&b);
	assert_int_equal(xo_xtext_encode(&b, XO_LIT("a+b=c \x0f\xfe.com")),
	    XO_OK);
	assert_true(xo_span_is_equal(xo_buf_span(&b),
	    XO_LIT("a+2Bb+3Dc+20+0F+FE.com")));
	xo_buf_clear(&b);
	b.max = 4;
	assert_int_equal(xo_xtext_encode(&b, XO_LIT("a==")), XO_ERR_LIMIT);
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
