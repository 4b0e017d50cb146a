/* SPDX-License-Identifier: ISC */
/*
 * The look of the status page: style sheet and tables. See status_html.h.
 */
#include "status_html.h"
#include "text.h"

static const char HEAD[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n<style>\n"
    ":root{--fg:#1c2430;--dim:#5b6675;--bg:#fff;--line:#d9dee5;"
    "--head:#f3f5f8;--good:#11693a;--bad:#b3201b;--warn:#8a5800;"
    "--link:#0b57c2}\n"
    "@media (prefers-color-scheme:dark){:root{--fg:#e4e8ee;--dim:#9aa5b4;"
    "--bg:#14181f;--line:#333b47;--head:#1d232c;--good:#5fd08f;"
    "--bad:#ff8a80;--warn:#f2b84b;--link:#8ab4f8}}\n"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--fg);"
    "background:var(--bg);max-width:72rem;margin:0 auto;padding:1.5rem}\n"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .4rem}\n"
    "p{margin:.3rem 0;color:var(--dim)}a{color:var(--link)}\n"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:left;padding:.3rem .7rem;vertical-align:top;"
    "white-space:nowrap;border-bottom:1px solid var(--line)}\n"
    "td:first-child{white-space:normal;overflow-wrap:anywhere;"
    "min-width:9rem}\n"
    "th{background:var(--head);font-weight:600}\n"
    "td.n,th.n{text-align:right}\n"
    ".good{color:var(--good)}.bad{color:var(--bad);font-weight:600}"
    ".warn{color:var(--warn);font-weight:600}\n"
    "</style>\n";

void
xo_html_put_style(struct xo_buf *out)
{
	xo_buf_add(out, xo_span(HEAD, sizeof(HEAD) - 1));
}

void
xo_html_open_table(struct xo_buf *out, const struct xo_html_table *table)
{
	xo_buf_add_all(out, "<h2>", table->title, "</h2>\n"
	    "<div class=\"scroll\"><table><tr>", (char *)NULL);
	for (int i = 0; i < XO_HTML_HEADS && table->heads[i] != NULL; i++) {
		bool is_number = table->heads[i][0] == '#';

		xo_buf_add_all(out, is_number ? "<th class=\"n\">" : "<th>",
		    table->heads[i] + (is_number ? 1 : 0), "</th>",
		    (char *)NULL);
	}
	xo_buf_add_cstr(out, "</tr>\n");
}

void
xo_html_close_table(struct xo_buf *out, size_t n_rows, const char *more)
{
	xo_buf_add_cstr(out, "</table></div>\n");
	if (n_rows == 0)
		xo_buf_add_cstr(out, "<p>None yet.</p>\n");
	else if (n_rows > XO_HTML_ROWS)
		xo_buf_add_all(out, "<p>Only the first rows; all are in "
		    "<a href=\"", more, "\">", more, "</a>.</p>\n",
		    (char *)NULL);
}

void
xo_html_put_text(struct xo_buf *out, struct xo_span s)
{
	xo_buf_add_cstr(out, "<td>");
	xo_buf_add_html(out, s);
	xo_buf_add_cstr(out, "</td>");
}

void
xo_html_put_cstr(struct xo_buf *out, const char *s)
{
	xo_html_put_text(out, xo_span_from_cstr(s));
}

void
xo_html_put_number(struct xo_buf *out, uint64_t n)
{
	xo_buf_add_cstr(out, "<td class=\"n\">");
	xo_buf_add_u64(out, n);
	xo_buf_add_cstr(out, "</td>");
}

void
xo_html_put_time(struct xo_buf *out, int64_t seconds)
{
	char stamp[XO_TIME_LEN];

	xo_time_write(stamp, seconds);
	stamp[10] = ' ';
	xo_html_put_text(out, xo_span(stamp, sizeof(stamp)));
}
