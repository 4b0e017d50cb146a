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

/* The page, and /orgs as JSON. `now`: seconds since 1970. */
enum xo_err xo_status_page(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out, int64_t now);
enum xo_err xo_status_orgs(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out);

/* /readyz: why mail should go elsewhere, a line each; empty: it is ready. */
enum xo_err xo_status_ready(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out, int64_t now);

/* Rows of one table; /metrics and /orgs have the rest. */
#define XO_HTML_ROWS 200
#define XO_HTML_HEADS 8

/* A `#` in front of a heading: its column holds numbers. */
struct xo_html_table {
	const char *title;
	const char *heads[XO_HTML_HEADS];
};

/* From the doctype into <head>. */
void xo_html_put_style(struct xo_buf *out);
void xo_html_open_table(struct xo_buf *out, const struct xo_html_table *table);
/* `more`: where all rows are, if there were more than XO_HTML_ROWS. */
void xo_html_close_table(struct xo_buf *out, size_t n_rows, const char *more);
/* Table cells; text is escaped. */
void xo_html_put_text(struct xo_buf *out, struct xo_span s);
void xo_html_put_cstr(struct xo_buf *out, const char *s);
void xo_html_put_number(struct xo_buf *out, uint64_t n);
void xo_html_put_time(struct xo_buf *out, int64_t seconds);

#endif
