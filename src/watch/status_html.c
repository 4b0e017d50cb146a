/* SPDX-License-Identifier: ISC */
/*
 * The look of the status page: style sheet and tables. See status_html.h.
 *
 * On a narrow screen a row is a card: each cell has its heading beside it, and
 * zeros are left out, so that nothing has to be scrolled sideways.
 */
#include "status_html.h"
#include "text.h"

_Static_assert(XO_VERDICT_COUNT == 7, "a colour for each verdict");

static const char HEAD[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n<style>\n"
    ":root{--fg:#1c2430;--dim:#5b6675;--bg:#fff;--line:#d9dee5;"
    "--head:#f3f5f8;--good:#11693a;--bad:#b3201b;--warn:#8a5800;"
    "--link:#0b57c2;--goodbg:#e7f5ec;--badbg:#fdebea;--warnbg:#fdf3dc;"
    "--v0:#1f8a4c;--v1:#c9302a;--v2:#d9a21b;--v3:#8e4ec6;--v4:#8793a3;"
    "--v5:#2f6fd0;--v6:#12918f}\n"
    "@media (prefers-color-scheme:dark){:root{--fg:#e4e8ee;--dim:#9aa5b4;"
    "--bg:#14181f;--line:#333b47;--head:#1d232c;--good:#5fd08f;"
    "--bad:#ff8a80;--warn:#f2b84b;--link:#8ab4f8;--goodbg:#16291e;"
    "--badbg:#321b1b;--warnbg:#2e2614;--v0:#3fb574;--v1:#e5605a;"
    "--v2:#e3b341;--v3:#b083e0;--v4:#7d8896;--v5:#6b9ff0;--v6:#3bb8b5}}\n"
    "*{box-sizing:border-box}"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--fg);"
    "background:var(--bg);max-width:72rem;margin:0 auto;padding:1.2rem;"
    "overflow-wrap:anywhere}\n"
    "h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .4rem}\n"
    "p{margin:.3rem 0;color:var(--dim)}a{color:var(--link)}\n"
    ".good{color:var(--good)}.bad{color:var(--bad);font-weight:600}"
    ".warn{color:var(--warn);font-weight:600}\n"
    ".state{font-size:1.15rem;font-weight:600;margin:1rem 0 .6rem;"
    "padding:.7rem .9rem;border-left:.35rem solid;border-radius:.2rem}\n"
    ".state.good{background:var(--goodbg)}.state.bad{background:var(--badbg)}"
    ".state.warn{background:var(--warnbg)}\n"
    ".todo{margin:.2rem 0;padding:0 0 0 1.1rem}.todo li{margin:.5rem 0}\n"
    "figure{margin:0}svg{display:block;width:100%;height:8rem;"
    "background:var(--head);border-bottom:1px solid var(--dim)}\n"
    "svg line{stroke:var(--line);vector-effect:non-scaling-stroke}\n"
    ".v0{fill:var(--v0);background:var(--v0)}"
    ".v1{fill:var(--v1);background:var(--v1)}"
    ".v2{fill:var(--v2);background:var(--v2)}"
    ".v3{fill:var(--v3);background:var(--v3)}"
    ".v4{fill:var(--v4);background:var(--v4)}"
    ".v5{fill:var(--v5);background:var(--v5)}"
    ".v6{fill:var(--v6);background:var(--v6)}\n"
    ".axis{display:flex;justify-content:space-between;color:var(--dim);"
    "font-size:.85rem}\n"
    ".key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin-top:.4rem}"
    ".key i{display:inline-block;width:.75rem;height:.75rem;"
    "margin-right:.4rem;border-radius:.15rem}\n"
    "form{display:flex;gap:.5rem;margin:2rem 0 0}"
    "input,button{font:inherit;color:inherit;background:var(--bg);"
    "border:1px solid var(--dim);border-radius:.25rem;padding:.4rem .7rem}"
    "input{flex:1;min-width:0;max-width:28rem}button{background:var(--head)}\n"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:left;padding:.3rem .7rem;vertical-align:top;"
    "border-bottom:1px solid var(--line);overflow-wrap:normal}\n"
    "td:first-child{overflow-wrap:anywhere;min-width:9rem}"
    "td.w{overflow-wrap:anywhere}\n"
    "th{background:var(--head);font-weight:600}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}"
    "td.z{color:var(--dim)}td.t,td.warn{white-space:nowrap}\n"
    "@media (max-width:46rem){body{padding:.9rem}thead{display:none}"
    "table,tbody,tr,td,td.n{display:block;width:100%}"
    "tr{border-bottom:1px solid var(--line);padding:.45rem 0}"
    "td,td.n,td.t,td.warn{display:flex;justify-content:space-between;gap:1rem;"
    "border:0;padding:.05rem 0;text-align:right;white-space:normal;"
    "overflow-wrap:anywhere}"
    "td::before{content:attr(data-h);color:var(--dim);font-weight:400;"
    "text-align:left;flex:none;max-width:60%}"
    "td.z{display:none}td.z:nth-child(2){display:flex}"
    ".state{font-size:1.05rem}"
    "td:first-child{display:block;text-align:left;font-weight:600}"
    "td:first-child::before{content:none}}\n"
    "</style>\n";

void
xo_html_put_style(struct xo_buf *out)
{
	xo_buf_add(out, xo_span(HEAD, sizeof(HEAD) - 1));
}

static bool
is_number(const char *head)
{
	return head[0] == '#';
}

static const char *
head_text(const char *head)
{
	return head + (is_number(head) ? 1 : 0);
}

void
xo_html_open_table(struct xo_html *html, const struct xo_page *page,
    const struct xo_html_table *table, struct xo_buf *out)
{
	*html = (struct xo_html){.out = out, .table = table,
		.query = page->query};
	xo_buf_add_all(out, "<h2>", table->title, "</h2>\n<div class=\"scroll\">"
	    "<table><thead><tr>", (char *)NULL);
	for (int i = 0; i < XO_HTML_HEADS && table->heads[i] != NULL; i++)
		xo_buf_add_all(out, is_number(table->heads[i]) ?
		    "<th class=\"n\">" : "<th>", head_text(table->heads[i]),
		    "</th>", (char *)NULL);
	xo_buf_add_cstr(out, "</tr></thead><tbody>\n");
}

static bool
contains(struct xo_span s, struct xo_span part)
{
	for (; s.len >= part.len; s = xo_span_from(s, 1)) {
		if (xo_span_has_prefix_nocase(s, part))
			return true;
		if (s.len == 0)
			break;
	}
	return false;
}

bool
xo_html_open_row(struct xo_html *html, struct xo_span name,
    struct xo_span other)
{
	size_t most = html->query.len > 0 ? XO_HTML_ROWS_FOUND : XO_HTML_ROWS;

	if (html->query.len > 0 && !contains(name, html->query) &&
	    !contains(other, html->query))
		return false;
	html->column = 0;
	if (html->n_rows++ >= most)
		return false;
	xo_buf_add_cstr(html->out, "<tr>");
	return true;
}

void
xo_html_close_row(struct xo_html *html)
{
	xo_buf_add_cstr(html->out, "</tr>\n");
}

void
xo_html_close_table(struct xo_html *html, const char *more)
{
	size_t most = html->query.len > 0 ? XO_HTML_ROWS_FOUND : XO_HTML_ROWS;

	xo_buf_add_cstr(html->out, "</tbody></table></div>\n");
	if (html->n_rows == 0) {
		xo_buf_add_cstr(html->out, html->query.len > 0 ?
		    "<p>Nothing of that name.</p>\n" : "<p>None.</p>\n");
	} else if (html->n_rows > most) {
		xo_buf_add_cstr(html->out, "<p>And ");
		xo_html_add_number(html->out, html->n_rows - most);
		xo_buf_add_all(html->out, " more: search for them, or see "
		    "<a href=\"", more, "\">", more, "</a>.</p>\n",
		    (char *)NULL);
	}
}

/* The heading stands in each cell, for narrow screens; it is a word of ours. */
static void
open_cell(struct xo_html *html, const char *class)
{
	const char *head = html->table->heads[html->column++];

	xo_buf_add_all(html->out, "<td data-h=\"", head_text(head), "\"",
	    (char *)NULL);
	if (class[0] != '\0')
		xo_buf_add_all(html->out, " class=\"", class, "\"",
		    (char *)NULL);
	xo_buf_add_byte(html->out, '>');
}

void
xo_html_put_class(struct xo_html *html, const char *class, struct xo_span s)
{
	open_cell(html, class);
	xo_buf_add_html(html->out, s);
	xo_buf_add_cstr(html->out, "</td>");
}

void
xo_html_put_text(struct xo_html *html, struct xo_span s)
{
	xo_html_put_class(html, s.len > 0 ? "" : "z", s);
}

void
xo_html_put_cstr(struct xo_html *html, const char *s)
{
	xo_html_put_text(html, xo_span_from_cstr(s));
}

void
xo_html_add_number(struct xo_buf *out, uint64_t n)
{
	if (n >= 1000) {
		xo_html_add_number(out, n / 1000);
		xo_buf_add_byte(out, ',');
		xo_buf_add_padded(out, n % 1000, 3);
	} else {
		xo_buf_add_u64(out, n);
	}
}

void
xo_html_put_number(struct xo_html *html, uint64_t n)
{
	open_cell(html, n > 0 ? "n" : "n z");
	xo_html_add_number(html->out, n);
	xo_buf_add_cstr(html->out, "</td>");
}

void
xo_html_put_octets(struct xo_html *html, uint64_t n)
{
	static const char *const units[] = {" B", " kB", " MB", " GB", " TB"};
	size_t unit = 0;
	uint64_t tenths = 0;

	open_cell(html, n > 0 ? "n" : "n z");
	while (n >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		tenths = n % 1000 / 100;
		n /= 1000;
		unit++;
	}
	xo_html_add_number(html->out, n);
	if (unit > 0 && n < 100) {
		xo_buf_add_byte(html->out, '.');
		xo_buf_add_u64(html->out, tenths);
	}
	xo_buf_add_all(html->out, units[unit], "</td>", (char *)NULL);
}

void
xo_html_put_time(struct xo_html *html, int64_t seconds)
{
	char stamp[XO_TIME_LEN];

	xo_time_write(stamp, seconds);
	stamp[10] = ' ';
	xo_html_put_class(html, "t", xo_span(stamp, sizeof(stamp)));
}
