/* SPDX-License-Identifier: ISC */
/* Command lines: security a.1, each split at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/line.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROW(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define LIMIT 16

static const struct {
	const char *id;
	struct xo_span in;
	enum xo_err err;
	enum xo_line_flaw flaw;
	size_t text;
	size_t size;
} rows[] = {
	{"plain", ROW("NOOP\r\n"), XO_OK, XO_LINE_CLEAN, 4, 6},
	{"first of two", ROW("NOOP\r\nRSET\r\n"), XO_OK, XO_LINE_CLEAN,
	    4, 6},
	{"L10 empty", ROW("\r\n"), XO_OK, XO_LINE_CLEAN, 0, 2},
	{"nothing", ROW(""), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"cut before CR", ROW("NOOP"), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"cut before LF", ROW("NOOP\r"), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"L01", ROW("NOOP\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF, 4, 5},
	{"LF alone", ROW("\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF, 0, 1},
	{"LF, then CRLF", ROW("A\nB\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF,
	    1, 2},
	{"L02", ROW("NOOP\rRSET\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_CR,
	    9, 11},
	{"L03", ROW("NOOP\r\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_CR, 5, 7},
	{"L04", ROW("NO\0OP\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 5, 7},
	{"L05", ROW("<a>\0<b>\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 7, 9},
	{"NUL and CR", ROW("\r\0\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 2, 4},
	{"at the limit", ROW("NOOP 678901234\r\n"), XO_OK, XO_LINE_CLEAN,
	    14, 16},
	{"L08 above it", ROW("NOOP 6789012345\r\n"), XO_ERR_LIMIT,
	    XO_LINE_CLEAN, 15, 17},
	{"L08 far above", ROW("NOOP 678901234567890\r\nRSET\r\n"),
	    XO_ERR_LIMIT, XO_LINE_CLEAN, 20, 22},
	{"L09 endless", ROW("NOOP 67890123456"), XO_ERR_LIMIT,
	    XO_LINE_CLEAN, 0, 0},
	{"one below endless", ROW("NOOP 6789012345"), XO_MORE,
	    XO_LINE_CLEAN, 0, 0},
	{"long, bare LF", ROW("NOOP 678901234567890\nRSET\r\n"),
	    XO_ERR_SYNTAX, XO_LINE_BARE_LF, 20, 21},
	{"L18", ROW("NOOP\x0b\r\n"), XO_OK, XO_LINE_CLEAN, 5, 7},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_line got;
		enum xo_err err = xo_line_next(rows[i].in, LIMIT, &got);

		if (err != rows[i].err || got.flaw != rows[i].flaw ||
		    got.text.len != rows[i].text ||
		    got.size != rows[i].size)
			fail_msg("%s: got %d %d %zu %zu, want %d %d %zu %zu",
			    rows[i].id, err, got.flaw, got.text.len, got.size,
			    rows[i].err, rows[i].flaw, rows[i].text,
			    rows[i].size);
	}
}

/* Until the LF is there, the answer is MORE or, without end, LIMIT. */
static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		for (size_t cut = 0; cut < rows[i].in.len; cut++) {
			struct xo_span in = xo_span_first(rows[i].in, cut);
			enum xo_err want = cut < LIMIT ? XO_MORE :
			    XO_ERR_LIMIT;
			struct xo_line got;
			enum xo_err err;

			if (rows[i].size != 0 && cut >= rows[i].size)
				want = rows[i].err;
			err = xo_line_next(in, LIMIT, &got);
			if (err != want)
				fail_msg("%s at %zu: got %d, want %d",
				    rows[i].id, cut, err, want);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
