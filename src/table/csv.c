/* SPDX-License-Identifier: ISC */
/*
 * Comma-separated values, line by line: see csv.h.
 */
#include <table/csv.h>

#define QUOTE '"'
#define BYTE_ORDER_MARK XO_LIT("\xef\xbb\xbf")

static bool
has_mark(struct xo_span text)
{
	return xo_span_has_prefix_nocase(text, BYTE_ORDER_MARK);
}

void
xo_csv_init(struct xo_csv *csv, struct xo_span text)
{
	*csv = (struct xo_csv){.rest = text};
	if (has_mark(text))
		csv->rest = xo_span_from(text, BYTE_ORDER_MARK.len);
}

static enum xo_err
fail(struct xo_csv *csv, const char *expected, struct xo_span found)
{
	csv->expected = expected;
	csv->found = found;
	return XO_ERR_SYNTAX;
}

/* The next line without its end; false: it has none. */
static bool
take_line(struct xo_csv *csv, struct xo_span *line_r)
{
	size_t end = xo_span_find(csv->rest, '\n');
	bool has_end = end < csv->rest.len;

	*line_r = xo_span_first(csv->rest, end);
	if (line_r->len > 0 && line_r->p[line_r->len - 1] == '\r')
		line_r->len--;
	csv->rest = xo_span_from(csv->rest, has_end ? end + 1 : end);
	csv->line++;
	return has_end;
}

bool
xo_csv_has_row(struct xo_csv *csv)
{
	while (csv->rest.len > 0) {
		struct xo_csv next = *csv;
		struct xo_span line;

		if (!take_line(&next, &line) || xo_span_trim(line).len > 0)
			return true;
		*csv = next;
	}
	return false;
}

/* The first octet that no text has, or the length. */
static size_t
find_control(struct xo_span s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			break;
	return i;
}

/* Behind the quote that opens it. */
static enum xo_err
take_quoted(struct xo_csv *csv, struct xo_span *line,
    struct xo_csv_cell *cell)
{
	struct xo_span in = *line;
	size_t end = xo_span_find(in, QUOTE);

	cell->has_quotes = false;
	while (end + 1 < in.len && in.p[end + 1] == QUOTE) {
		cell->has_quotes = true;
		end += 2 + xo_span_find(xo_span_from(in, end + 2), QUOTE);
	}
	if (end == in.len)
		return fail(csv, "a closing quote in this line", in);
	cell->text = xo_span_first(in, end);
	*line = xo_span_trim(xo_span_from(in, end + 1));
	return line->len == 0 || line->p[0] == ',' ? XO_OK :
	    fail(csv, "a comma or the line's end behind the closing quote",
	    *line);
}

/* Up to the comma behind it, or to the end. */
static enum xo_err
take_cell(struct xo_csv *csv, struct xo_span *line,
    struct xo_csv_cell *cell)
{
	size_t end;

	*line = xo_span_trim(*line);
	if (line->len > 0 && line->p[0] == QUOTE) {
		*line = xo_span_from(*line, 1);
		return take_quoted(csv, line, cell);
	}
	end = xo_span_find(*line, ',');
	cell->text = xo_span_trim(xo_span_first(*line, end));
	cell->has_quotes = false;
	*line = xo_span_from(*line, end);
	return xo_span_find(cell->text, QUOTE) == cell->text.len ? XO_OK :
	    fail(csv, "quotes around the whole cell", cell->text);
}

enum xo_err
xo_csv_next(struct xo_csv *csv, struct xo_csv_row *row)
{
	struct xo_span line;
	enum xo_err err;

	row->n = 0;
	if (!take_line(csv, &line))
		return fail(csv, "a line end behind the last row, since the "
		    "file may have been cut", line);
	if (find_control(line) < line.len)
		return fail(csv, "text without control characters", line);
	for (;;) {
		if (row->n == XO_CSV_CELLS)
			return fail(csv, "at most 32 cells", line);
		err = take_cell(csv, &line, &row->cells[row->n++]);
		if (err != XO_OK || line.len == 0)
			return err;
		line = xo_span_from(line, 1);
	}
}
_Static_assert(XO_CSV_CELLS == 32, "the text says 32");

void
xo_csv_read_cell(struct xo_buf *out, const struct xo_csv_cell *cell)
{
	struct xo_span in = cell->text;

	while (cell->has_quotes && in.len > 0) {
		size_t n = xo_span_find(in, QUOTE);

		/* The first of the two. */
		xo_buf_add(out, xo_span_first(in, n < in.len ? n + 1 : n));
		in = xo_span_from(in, n + 2);
	}
	xo_buf_add(out, in);
}

static bool
needs_quotes(struct xo_span text)
{
	return xo_span_find(text, ',') < text.len ||
	    xo_span_find(text, QUOTE) < text.len ||
	    xo_span_trim(text).len < text.len || has_mark(text);
}

void
xo_csv_write_cell(struct xo_buf *out, struct xo_span text)
{
	if (!needs_quotes(text)) {
		xo_buf_add(out, text);
		return;
	}
	xo_buf_add_byte(out, QUOTE);
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == QUOTE)
			xo_buf_add_byte(out, QUOTE);
		xo_buf_add_byte(out, text.p[i]);
	}
	xo_buf_add_byte(out, QUOTE);
}
