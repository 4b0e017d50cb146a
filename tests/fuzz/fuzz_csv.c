/* SPDX-License-Identifier: ISC */
/*
 * Comma-separated values against a reader that goes octet by octet; spans stay
 * in the text; and what is written of a row is read as it was.
 */
#include <string.h>

#include <table/csv.h>

#include "fuzz.h"

/* One line without its end. False: it is no row. */
static bool
read_plainly(struct xo_span line, struct xo_buf *cells)
{
	enum { START, PLAIN, QUOTED, BEHIND } at = START;
	size_t blanks = 0;		/* that may be the cell's, or behind it */

	for (size_t i = 0; i <= line.len; i++) {
		int c = i < line.len ? line.p[i] : ',';

		if (at == QUOTED && i == line.len)
			return false;
		if (at == QUOTED && c == '"' && i + 1 < line.len &&
		    line.p[i + 1] == '"') {
			xo_buf_add_byte(cells, '"');
			i++;
		} else if (at == QUOTED && c == '"') {
			at = BEHIND;
		} else if (at == QUOTED) {
			xo_buf_add_byte(cells, (uint8_t)c);
		} else if (c == ',') {
			xo_buf_add_byte(cells, '\0');
			at = START;
			blanks = 0;
		} else if (c == ' ' || c == '\t') {
			blanks += at == PLAIN;
		} else if (at == BEHIND || (c == '"' && at == PLAIN)) {
			return false;
		} else if (c == '"') {
			at = QUOTED;
		} else {
			for (; blanks > 0; blanks--)
				xo_buf_add_byte(cells, line.p[i - blanks]);
			xo_buf_add_byte(cells, (uint8_t)c);
			at = PLAIN;
		}
	}
	return true;
}

static bool
has_control(struct xo_span line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((line.p[i] < 32 && line.p[i] != '\t') || line.p[i] == 127)
			return true;
	return false;
}

static void
write_back(const struct xo_csv_row *row, const struct xo_buf *cells)
{
	struct xo_buf line = {0}, again = {0};
	struct xo_csv_row back;
	struct xo_csv csv;
	size_t n = 0;

	for (size_t i = 0; i < row->n; i++) {
		struct xo_span cell = xo_span_from(xo_buf_span(cells), n);

		cell = xo_span_first(cell, xo_span_find(cell, '\0'));
		xo_csv_write_cell(&line, cell);
		xo_buf_add_cstr(&line, i + 1 < row->n ? "," : "\n");
		n += cell.len + 1;
	}
	xo_csv_init(&csv, xo_buf_span(&line));
	if (row->n == 1 && line.len == 1) {
		MUST(!xo_csv_has_row(&csv));
	} else {
		MUST(xo_csv_next(&csv, &back) == XO_OK && back.n == row->n);
		for (size_t i = 0; i < back.n; i++) {
			xo_csv_read_cell(&again, &back.cells[i]);
			xo_buf_add_byte(&again, '\0');
		}
		MUST(xo_span_is_equal(xo_buf_span(&again),
		    xo_buf_span(cells)));
	}
	xo_buf_fini(&line);
	xo_buf_fini(&again);
}

static void
check_row(const struct xo_csv_row *row, struct xo_span line,
    struct xo_span whole)
{
	struct xo_buf got = {0}, want = {0};

	for (size_t i = 0; i < row->n; i++) {
		MUST(fuzz_is_inside(row->cells[i].text, whole));
		xo_csv_read_cell(&got, &row->cells[i]);
		xo_buf_add_byte(&got, '\0');
	}
	MUST(read_plainly(line, &want));
	MUST(xo_span_is_equal(xo_buf_span(&got), xo_buf_span(&want)));
	write_back(row, &got);
	xo_buf_fini(&got);
	xo_buf_fini(&want);
}

static void
check_bad(const struct xo_csv *csv, struct xo_span line, bool has_end,
    struct xo_span whole)
{
	struct xo_buf cells = {0};
	size_t n = 1;

	MUST(csv->expected != NULL && fuzz_is_inside(csv->found, whole));
	for (size_t i = 0; i < line.len; i++)
		n += line.p[i] == ',';
	MUST(!has_end || has_control(line) || n > XO_CSV_CELLS ||
	    !read_plainly(line, &cells));
	xo_buf_fini(&cells);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span whole = xo_span(data, size);
	struct xo_csv_row row;
	struct xo_csv csv;
	int last = 0;

	xo_csv_init(&csv, whole);
	while (xo_csv_has_row(&csv)) {
		size_t n = xo_span_find(csv.rest, '\n');
		struct xo_span line = xo_span_first(csv.rest, n);
		bool has_end = n < csv.rest.len;

		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (xo_csv_next(&csv, &row) == XO_OK) {
			MUST(has_end && !has_control(line) && row.n > 0);
			check_row(&row, line, whole);
		} else {
			check_bad(&csv, line, has_end, whole);
		}
		MUST(csv.line > last);
		last = csv.line;
	}
	return 0;
}
