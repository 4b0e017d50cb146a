/* SPDX-License-Identifier: ISC */
/*
 * Private to status*.c: what is served, and the pieces of its page.
 */
#ifndef XO_STATUS_HTML_H
#define XO_STATUS_HTML_H

#include <microhttpd.h>

#include "status.h"

/* Of libmicrohttpd; `arg` is the const struct xo_status_setup. */
enum MHD_Result xo_status_handle(void *arg, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version,
    const char *upload_data, size_t *upload_data_size, void **state);

/* What a page is made from. */
struct xo_page {
	const struct xo_conf *conf;
	const struct xo_snapshot *snapshot;
	int64_t now;			/* seconds since 1970 */
	struct xo_span query;		/* what is looked for; empty: all */
};

/* The page, and /orgs as JSON. */
enum xo_err xo_status_page(const struct xo_page *page, struct xo_buf *out);
enum xo_err xo_status_orgs(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out);

/* Whose it is; empty: nobody's here. Guests are known to the workers alone: of
 * them it is a word, from what was said of their last message. */
struct xo_span xo_status_whose(const struct xo_conf *conf,
    const struct xo_metrics_org *org);

/* /readyz: why mail should go elsewhere, a line each; empty: it is ready.
 * `now`: seconds since 1970. */
enum xo_err xo_status_ready(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out, int64_t now);

/* The parts of the page, from its top. */
void xo_status_trouble(const struct xo_page *page, struct xo_buf *out);
void xo_status_plot(const struct xo_page *page, struct xo_buf *out);
void xo_status_sums(const struct xo_page *page, struct xo_buf *out);
void xo_status_tables(const struct xo_page *page, struct xo_buf *out);

/* Days left: renewal is overdue. */
#define XO_STATUS_SOON 21
#define XO_STATUS_DAY 86400

/* Rows of one table, and of one in which something is looked for; /metrics and
 * /orgs have the rest. */
#define XO_HTML_ROWS 20
#define XO_HTML_ROWS_FOUND 200
#define XO_HTML_HEADS 8

/* A `#` in front of a heading: its column holds numbers. */
struct xo_html_table {
	const char *title;
	const char *heads[XO_HTML_HEADS];
};

/* A table that is being written. */
struct xo_html {
	struct xo_buf *out;
	const struct xo_html_table *table;
	struct xo_span query;
	size_t column;
	size_t n_rows;			/* that belong in it */
};

/* From the doctype into <head>. */
void xo_html_put_style(struct xo_buf *out);
void xo_html_open_table(struct xo_html *html, const struct xo_page *page,
    const struct xo_html_table *table, struct xo_buf *out);
/* False: not to be written, since it has neither name that is looked for, or the
 * table is full. */
bool xo_html_open_row(struct xo_html *html, struct xo_span name,
    struct xo_span other);
void xo_html_close_row(struct xo_html *html);
/* `more`: where all rows are. */
void xo_html_close_table(struct xo_html *html, const char *more);
/* Cells, one a heading; text is escaped. `class`: good, warn, bad. */
void xo_html_put_text(struct xo_html *html, struct xo_span s);
void xo_html_put_cstr(struct xo_html *html, const char *s);
void xo_html_put_class(struct xo_html *html, const char *class,
    struct xo_span s);
void xo_html_put_number(struct xo_html *html, uint64_t n);
/* "3.4 MB" */
void xo_html_put_octets(struct xo_html *html, uint64_t n);
void xo_html_put_time(struct xo_html *html, int64_t seconds);

/* "1,234,567" */
void xo_html_add_number(struct xo_buf *out, uint64_t n);

#endif
