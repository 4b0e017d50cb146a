/* SPDX-License-Identifier: ISC */
/* Comma-separated values: what is refused, what a cell means, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <table/csv.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *expected, *found;
	} rows[] = {
		{"a,b", "a line end behind the last row", "a,b"},
		{"a\r", "a line end behind the last row", "a"},
		{" ", "a line end behind the last row", " "},
		{"\"a\n", "a closing quote", "a"},
		{"\"a\nb\"\n", "a closing quote", "a"},
		{"\"\n", "a closing quote", ""},
		{"\"a\"\"\n", "a closing quote", "a\"\""},
		{"a,\"\"\"\n", "a closing quote", "\"\""},
		{"\"a\"b\n", "a comma or the line's end", "b"},
		{"\"a\" \"b\"\n", "a comma or the line's end", "\"b\""},
		{"\"a\"\"b\"c,d\n", "a comma or the line's end", "c,d"},
		{"a\"b\n", "quotes around the whole cell", "a\"b"},
		{"a\"\n", "quotes around the whole cell", "a\""},
		{"a, b\"\",c\n", "quotes around the whole cell", "b\"\""},
		{"a\rb\n", "text without control", "a\rb"},
		{"a\r\r\n", "text without control", "a\r"},
		{"a\x01\n", "text without control", "a\x01"},
		{"a\x7f\n", "text without control", "a\x7f"},
		{"\"a\x0b\"\n", "text without control", "\"a\x0b\""},
		{",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", "at most 32 cells", ""},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_csv csv;
		struct xo_csv_row row;

		xo_csv_init(&csv, xo_span_from_cstr(rows[i].text));
		assert_true(xo_csv_has_row(&csv));
		if (xo_csv_next(&csv, &row) != XO_ERR_SYNTAX)
			fail_msg("%s: taken", rows[i].text);
		if (strncmp(csv.expected, rows[i].expected,
		    strlen(rows[i].expected)) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].text,
			    csv.expected, rows[i].expected);
		if (!xo_span_is_equal(csv.found,
		    xo_span_from_cstr(rows[i].found)))
			fail_msg("%s: found \"%.*s\", want \"%s\"",
			    rows[i].text, (int)csv.found.len,
			    (const char *)csv.found.p, rows[i].found);
	}
}

static void
test_nul(void **state)
{
	struct xo_csv csv;
	struct xo_csv_row row;

	(void)state;
	xo_csv_init(&csv, XO_LIT("a\0b\n"));
	assert_int_equal(xo_csv_next(&csv, &row), XO_ERR_SYNTAX);
}

/* The cells of the first row, each in < >. */
static void
read_row(struct xo_csv *csv, struct xo_buf *out)
{
	struct xo_csv_row row;

	assert_true(xo_csv_has_row(csv));
	assert_int_equal(xo_csv_next(csv, &row), XO_OK);
	for (size_t i = 0; i < row.n; i++) {
		xo_buf_add_byte(out, '<');
		xo_csv_read_cell(out, &row.cells[i]);
		xo_buf_add_byte(out, '>');
	}
}

static void
test_cells(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"a\n", "<a>"},
		{"a\r\n", "<a>"},
		{"a,b\n", "<a><b>"},
		{",\n", "<><>"},
		{"a,\n", "<a><>"},
		{",,b\r\n", "<><><b>"},
		{" a ,\tb c\t\n", "<a><b c>"},
		{"\"\"\n", "<>"},
		{"\"a,b\", c\n", "<a,b><c>"},
		{" \"a\" , \" b \"\n", "<a>< b >"},
		{"\"a\"\"b\"\n", "<a\"b>"},
		{"\"\"\"\"\n", "<\">"},
		{"\"\"\"a\"\"\"\"\"\n", "<\"a\"\">"},
		{"\xef\xbb\xbf" "a\n", "<a>"},
		{"\n \n\t\r\na\n", "<a>"},
		{"#a\n", "<#a>"},
		{"\xc3\xa9;x\n", "<\xc3\xa9;x>"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_buf got = {0};
		struct xo_csv csv;

		xo_csv_init(&csv, xo_span_from_cstr(rows[i].text));
		read_row(&csv, &got);
		if (!xo_span_is_equal(xo_buf_span(&got),
		    xo_span_from_cstr(rows[i].want)))
			fail_msg("%s: got %.*s, want %s", rows[i].text,
			    (int)got.len, (const char *)got.p, rows[i].want);
		assert_false(xo_csv_has_row(&csv));
		xo_buf_fini(&got);
	}
}

/* A bad row costs its own line only, and lines are counted. */
static void
test_goes_on(void **state)
{
	struct xo_buf got = {0};
	struct xo_csv csv;
	struct xo_csv_row row;

	(void)state;
	xo_csv_init(&csv, XO_LIT("a\n\n\"b\nc\n\n"));
	read_row(&csv, &got);
	assert_int_equal(csv.line, 1);
	assert_true(xo_csv_has_row(&csv));
	assert_int_equal(xo_csv_next(&csv, &row), XO_ERR_SYNTAX);
	assert_int_equal(csv.line, 3);
	read_row(&csv, &got);
	assert_int_equal(csv.line, 4);
	assert_false(xo_csv_has_row(&csv));
	assert_true(xo_span_is_equal(xo_buf_span(&got), XO_LIT("<a><c>")));
	xo_buf_fini(&got);
	xo_csv_init(&csv, XO_LIT("\n\r\n \n"));
	assert_false(xo_csv_has_row(&csv));
}

static void
test_write(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"contoso.com *.contoso.com", "contoso.com *.contoso.com"},
		{"a,b", "\"a,b\""},
		{"a\"b", "\"a\"\"b\""},
		{" a", "\" a\""},
		{"a\t", "\"a\t\""},
		{"\xef\xbb\xbf" "a", "\"\xef\xbb\xbf" "a\""},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_buf got = {0}, back = {0};
		struct xo_csv csv;

		xo_csv_write_cell(&got, xo_span_from_cstr(rows[i].text));
		if (!xo_span_is_equal(xo_buf_span(&got),
		    xo_span_from_cstr(rows[i].want)))
			fail_msg("%s: got %.*s", rows[i].text, (int)got.len,
			    (const char *)got.p);
		xo_buf_add_cstr(&got, ",\n");
		xo_csv_init(&csv, xo_buf_span(&got));
		read_row(&csv, &back);
		assert_int_equal(back.len, strlen(rows[i].text) + 4);
		assert_memory_equal(back.p + 1, rows[i].text,
		    strlen(rows[i].text));
		xo_buf_fini(&got);
		xo_buf_fini(&back);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
