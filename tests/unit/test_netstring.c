/* SPDX-License-Identifier: ISC */
/* Netstrings: what is none, what is not whole, and back; split at each octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <table/netstring.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define MAX 12

static void
test_bad(void **state)
{
	static const struct {
		const char *text;
		enum xo_err want;
	} rows[] = {
		{":,", XO_ERR_SYNTAX},
		{",", XO_ERR_SYNTAX},
		{" 1:a,", XO_ERR_SYNTAX},
		{"+1:a,", XO_ERR_SYNTAX},
		{"-1:a,", XO_ERR_SYNTAX},
		{"1 :a,", XO_ERR_SYNTAX},
		{"1;a,", XO_ERR_SYNTAX},
		{"01:a,", XO_ERR_SYNTAX},
		{"00:,", XO_ERR_SYNTAX},
		{"0x1:a,", XO_ERR_SYNTAX},
		{"1:ab,", XO_ERR_SYNTAX},
		{"2:a,x", XO_ERR_SYNTAX},
		{"0:a,", XO_ERR_SYNTAX},
		{"a", XO_ERR_SYNTAX},
		{"\n", XO_ERR_SYNTAX},
		{"13:", XO_ERR_LIMIT},
		{"99999999:", XO_ERR_LIMIT},
		{"100000000", XO_ERR_LIMIT},
		{"999999999999999999999999999999", XO_ERR_LIMIT},
		{"18446744073709551617:a,", XO_ERR_LIMIT},
		{"", XO_MORE},
		{"1", XO_MORE},
		{"12", XO_MORE},
		{"0:", XO_MORE},
		{"12:hello world!", XO_MORE},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span text = xo_span(NULL, 0);
		size_t used = 0;
		enum xo_err got = xo_netstring_read(
		    xo_span_from_cstr(rows[i].text), MAX, &text, &used);

		if (got != rows[i].want)
			fail_msg("\"%s\": got %d, want %d", rows[i].text, got,
			    rows[i].want);
		assert_int_equal(used, 0);
	}
}

/* Commas and digits within, octets of any kind, and what comes behind. */
static void
test_good(void **state)
{
	const struct {
		struct xo_span in, want;
	} rows[] = {
		{XO_LIT("0:,"), XO_LIT("")},
		{XO_LIT("1:a,"), XO_LIT("a")},
		{XO_LIT("3:ab,,4:"), XO_LIT("ab,")},
		{XO_LIT("12:hello world!,"), XO_LIT("hello world!")},
		{XO_LIT("4:\0\n\xff:,0:,"), XO_LIT("\0\n\xff:")},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span in = rows[i].in;
		struct xo_buf back = {0};
		struct xo_span got;
		size_t used = 0;

		if (xo_netstring_read(in, MAX, &got, &used) != XO_OK ||
		    !xo_span_is_equal(got, rows[i].want))
			fail_msg("row %zu: not read", i);
		xo_netstring_write(&back, got);
		assert_true(xo_span_is_equal(xo_buf_span(&back),
		    xo_span_first(in, used)));
		for (size_t n = 0; n < used; n++)
			assert_int_equal(xo_netstring_read(xo_span_first(in, n),
			    MAX, &got, &used), XO_MORE);
		xo_buf_fini(&back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
