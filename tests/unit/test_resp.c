/* SPDX-License-Identifier: ISC */
/* Replies of Redis: what is none, what is not whole, and what one is, cut at each
 * octet; commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <table/resp.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define MAX 5

static void
test_bad(void **state)
{
	static const struct {
		const char *text;
		enum xo_err want;
	} rows[] = {
		{"OK\r\n", XO_ERR_SYNTAX},
		{"\r\n", XO_ERR_SYNTAX},
		{"+OK\n", XO_ERR_SYNTAX},
		{"+OK\rx", XO_ERR_SYNTAX},
		{"+O\nK\r\n", XO_ERR_SYNTAX},
		{":1\r\n", XO_ERR_SYNTAX},
		{"*1\r\n", XO_ERR_SYNTAX},
		{"_\r\n", XO_ERR_SYNTAX},
		{">1\r\n", XO_ERR_SYNTAX},
		{"$\r\n", XO_ERR_SYNTAX},
		{"$-\r\n", XO_ERR_SYNTAX},
		{"$-2\r\n", XO_ERR_SYNTAX},
		{"$+1\r\na\r\n", XO_ERR_SYNTAX},
		{"$ 1\r\na\r\n", XO_ERR_SYNTAX},
		{"$1x\r\na\r\n", XO_ERR_SYNTAX},
		{"$1\r\nab\r\n", XO_ERR_SYNTAX},
		{"$1\r\na\rb", XO_ERR_SYNTAX},
		{"$1\r\na\n", XO_ERR_SYNTAX},
		{"$6\r\n", XO_ERR_LIMIT},
		{"$18446744073709551617\r\n", XO_ERR_LIMIT},
		{"$3\r\na\r\n", XO_MORE},
		{"$3\r\n", XO_MORE},
		{"", XO_MORE},
		{"$", XO_MORE},
		{"-ERR", XO_MORE},
	};
	char line[XO_RESP_LINE + 1];
	struct xo_resp reply;
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		enum xo_err got = xo_resp_read(xo_span_from_cstr(rows[i].text),
		    MAX, &reply, &used);

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].text, got,
			    rows[i].want);
		assert_int_equal(used, 0);
	}
	memset(line, '+', sizeof(line));
	assert_int_equal(xo_resp_read(xo_span(line, sizeof(line)), MAX, &reply,
	    &used), XO_ERR_LIMIT);
}

static void
test_good(void **state)
{
	static const struct {
		struct xo_span in;
		enum xo_resp_kind kind;
		struct xo_span want;
		size_t used;
	} rows[] = {
		{XO_TEXT("+OK\r\n$1"), XO_RESP_STATUS, XO_TEXT("OK"), 5},
		{XO_TEXT("+\r\n"), XO_RESP_STATUS, XO_TEXT(""), 3},
		{XO_TEXT("-LOADING a b\r\n"), XO_RESP_ERROR,
		    XO_TEXT("LOADING a b"), 14},
		{XO_TEXT("$-1\r\n"), XO_RESP_NIL, XO_TEXT(""), 5},
		{XO_TEXT("$0\r\n\r\n"), XO_RESP_VALUE, XO_TEXT(""), 6},
		{XO_TEXT("$5\r\n\r\n\0$1\r\n+"), XO_RESP_VALUE,
		    XO_TEXT("\r\n\0$1"), 11},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_resp reply;
		size_t used = 0;

		for (size_t n = 0; n < rows[i].used; n++)
			assert_int_equal(xo_resp_read(xo_span_first(rows[i].in,
			    n), MAX, &reply, &used), XO_MORE);
		assert_int_equal(xo_resp_read(rows[i].in, MAX, &reply, &used),
		    XO_OK);
		assert_int_equal(reply.kind, rows[i].kind);
		assert_int_equal(used, rows[i].used);
		assert_true(xo_span_is_equal(reply.text, rows[i].want));
	}
}

static void
test_number(void **state)
{
	static const struct {
		const char *text;
		char sign;
		enum xo_err want;
		uint64_t n;
	} rows[] = {
		{"*1\r\n", ':', XO_ERR_SYNTAX, 0},
		{":1\r\n", '*', XO_ERR_SYNTAX, 0},
		{"-ERR\r\n", '*', XO_ERR_SYNTAX, 0},
		{"$1\r\n", '*', XO_ERR_SYNTAX, 0},
		{"*-1\r\n", '*', XO_ERR_SYNTAX, 0},
		{"*\r\n", '*', XO_ERR_SYNTAX, 0},
		{"*1\n", '*', XO_ERR_SYNTAX, 0},
		{":1x\r\n", ':', XO_ERR_SYNTAX, 0},
		{":18446744073709551617\r\n", ':', XO_ERR_LIMIT, 0},
		{"", '*', XO_MORE, 0},
		{"*12", '*', XO_MORE, 0},
		{"*12\r", '*', XO_MORE, 0},
		{"*12\r\n$1", '*', XO_OK, 12},
		{"*0\r\n", '*', XO_OK, 0},
		{":500\r\n", ':', XO_OK, 500},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		uint64_t n = 0;
		size_t used = 0;
		enum xo_err got = xo_resp_read_number(xo_span_from_cstr(
		    rows[i].text), rows[i].sign, &n, &used);

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].text, got,
			    rows[i].want);
		if (got != XO_OK)
			assert_int_equal(used, 0);
		else
			assert_int_equal(n, rows[i].n);
	}
}

static void
test_written(void **state)
{
	const struct xo_span words[] = {XO_LIT("GET"), XO_LIT("a\r\nb")};
	struct xo_buf out = {0};

	(void)state;
	xo_resp_write(&out, words, N(words));
	assert_true(xo_span_is_equal(xo_buf_span(&out),
	    XO_LIT("*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n")));
	xo_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
