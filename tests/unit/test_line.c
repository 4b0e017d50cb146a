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
#define LIMIT 16

static const struct {
	const char *id;
	struct xo_span in;
	enum xo_err err;
	enum xo_line_flaw flaw;
	size_t text;
	size_t size;
} rows[] = {
	{"plain", XO_LIT("NOOP\r\n"), XO_OK, XO_LINE_CLEAN, 4, 6},
	{"first of two", XO_LIT("NOOP\r\nRSET\r\n"), XO_OK, XO_LINE_CLEAN,
	    4, 6},
	{"L10 empty", XO_LIT("\r\n"), XO_OK, XO_LINE_CLEAN, 0, 2},
	{"nothing", XO_LIT(""), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"cut before CR", XO_LIT("NOOP"), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"cut before LF", XO_LIT("NOOP\r"), XO_MORE, XO_LINE_CLEAN, 0, 0},
	{"L01", XO_LIT("NOOP\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF, 4, 5},
	{"LF alone", XO_LIT("\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF, 0, 1},
	{"LF, then CRLF", XO_LIT("A\nB\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_LF,
	    1, 2},
	{"L02", XO_LIT("NOOP\rRSET\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_CR,
	    9, 11},
	{"L03", XO_LIT("NOOP\r\r\n"), XO_ERR_SYNTAX, XO_LINE_BARE_CR, 5, 7},
	{"L04", XO_LIT("NO\0OP\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 5, 7},
	{"L05", XO_LIT("<a>\0<b>\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 7, 9},
	{"NUL and CR", XO_LIT("\r\0\r\n"), XO_ERR_SYNTAX, XO_LINE_NUL, 2, 4},
	{"at the limit", XO_LIT("NOOP 678901234\r\n"), XO_OK, XO_LINE_CLEAN,
	    14, 16},
	{"L08 above it", XO_LIT("NOOP 6789012345\r\n"), XO_ERR_LIMIT,
	    XO_LINE_CLEAN, 15, 17},
	{"L08 far above", XO_LIT("NOOP 678901234567890\r\nRSET\r\n"),
	    XO_ERR_LIMIT, XO_LINE_CLEAN, 20, 22},
	{"L09 endless", XO_LIT("NOOP 67890123456"), XO_ERR_LIMIT,
	    XO_LINE_CLEAN, 0, 0},
	{"one below endless", XO_LIT("NOOP 6789012345"), XO_MORE,
	    XO_LINE_CLEAN, 0, 0},
	{"long, bare LF", XO_LIT("NOOP 678901234567890\nRSET\r\n"),
	    XO_ERR_SYNTAX, XO_LINE_BARE_LF, 20, 21},
	{"L18", XO_LIT("NOOP\x0b\r\n"), XO_OK, XO_LINE_CLEAN, 5, 7},
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
