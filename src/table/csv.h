/* SPDX-License-Identifier: ISC */
/*
 * Rows of comma-separated values (RFC 4180), one a line. Lines end with LF or
 * CRLF, the last one too: a file without its end may be one that was cut. Blanks
 * around a cell count nothing. A cell in quotes may hold commas and, doubled,
 * quotes, but no line end. Empty lines are no rows, and there are no comments.
 *
 * Pure: it keeps nothing but spans into the text.
 */
#ifndef XO_TABLE_CSV_H
#define XO_TABLE_CSV_H

#include <xoorg/bytes.h>

#define XO_CSV_CELLS 32

struct xo_csv {
	struct xo_span rest;
	int line;			/* of the last row; 0: none yet */
	/* What is wrong with it. */
	const char *expected;
	struct xo_span found;
};

struct xo_csv_cell {
	struct xo_span text;		/* without the quotes around it */
	bool has_quotes;		/* in it, doubled */
};

struct xo_csv_row {
	struct xo_csv_cell cells[XO_CSV_CELLS];
	size_t n;
};

/* A byte order mark at the beginning counts nothing. */
void xo_csv_init(struct xo_csv *csv, struct xo_span text);

/* Skips empty lines. False: no row is left. */
bool xo_csv_has_row(struct xo_csv *csv);

/*
 * The next row; each has at least one cell. XO_ERR_SYNTAX: see `expected` and
 * `found`; the next call goes on with the line behind it.
 */
XO_MUST_CHECK enum xo_err xo_csv_next(struct xo_csv *csv,
    struct xo_csv_row *row_r);

/* Appends what the cell means. */
void xo_csv_read_cell(struct xo_buf *out, const struct xo_csv_cell *cell);
/* Appends `text`, which has no line end, in quotes if it needs them. */
void xo_csv_write_cell(struct xo_buf *out, struct xo_span text);

#endif
