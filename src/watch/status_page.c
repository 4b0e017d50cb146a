/* SPDX-License-Identifier: ISC */
/*
 * The status page: one HTML document that loads nothing. It says in a sentence
 * whether all is well and what to do, then shows the last hour, sums and tables.
 * Values of strangers are escaped.
 */
#include "status_html.h"
#include "text.h"

static void
add_uptime(struct xo_buf *out, int64_t up)
{
	up = up < 0 ? 0 : up;
	xo_buf_add_u64(out, (uint64_t)(up / XO_STATUS_DAY));
	xo_buf_add_cstr(out, " d ");
	xo_buf_add_u64(out, (uint64_t)(up % XO_STATUS_DAY / 3600));
	xo_buf_add_cstr(out, " h ");
	xo_buf_add_u64(out, (uint64_t)(up % 3600 / 60));
	xo_buf_add_cstr(out, " min");
}

static void
write_head(const struct xo_page *page, struct xo_buf *out)
{
	struct xo_span name = page->conf->policy.hostname;
	uint64_t workers = xo_snapshot_cell(page->snapshot, XO_METRIC_WORKERS,
	    0).value;

	xo_html_put_style(out);
	xo_buf_add_cstr(out, "<title>xoorgd on ");
	xo_buf_add_html(out, name);
	xo_buf_add_cstr(out, "</title></head><body>\n<h1>");
	xo_buf_add_html(out, name);
	xo_buf_add_cstr(out, "</h1>\n<p>xoorgd " XO_VERSION ", up ");
	add_uptime(out, page->now - (int64_t)xo_snapshot_cell(page->snapshot,
	    XO_METRIC_START_TIME, 0).value);
	xo_buf_add_cstr(out, ", workers alive: ");
	xo_buf_add_u64(out, workers);
	xo_buf_add_cstr(out, ". Times are UTC, sums since the start.</p>\n");
}

enum xo_err
xo_status_page(const struct xo_page *page, struct xo_buf *out)
{
	write_head(page, out);
	xo_status_trouble(page, out);
	xo_status_plot(page, out);
	xo_status_sums(page, out);
	xo_status_tables(page, out);
	xo_buf_add_cstr(out, "<p><a href=\"/metrics\">metrics</a> "
	    "<a href=\"/orgs\">orgs</a> <a href=\"/healthz\">health</a> "
	    "<a href=\"/readyz\">readiness</a></p>\n</body></html>\n");
	return out->err;
}
