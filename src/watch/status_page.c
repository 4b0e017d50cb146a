/* SPDX-License-Identifier: ISC */
/*
 * The status page: one HTML document that loads nothing, says what there is to
 * say in tables, and shows values of strangers escaped.
 */
#include <conf/warning.h>
#include <xoorg/tenants.h>

#include "status_html.h"
#include "text.h"

#define DAY 86400
#define SOON 21				/* days left: renewal is overdue */

static uint64_t
value(const struct xo_snapshot *snapshot, enum xo_metric row, size_t i)
{
	return xo_snapshot_cell(snapshot, row, i).value;
}

static void
write_head(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out, int64_t now)
{
	uint64_t workers = value(snapshot, XO_METRIC_WORKERS, 0);
	int64_t up = now - (int64_t)value(snapshot, XO_METRIC_START_TIME, 0);

	up = up < 0 ? 0 : up;
	xo_html_put_style(out);
	xo_buf_add_cstr(out, "<title>xoorgd on ");
	xo_buf_add_html(out, conf->policy.hostname);
	xo_buf_add_cstr(out, "</title></head><body>\n<h1>");
	xo_buf_add_html(out, conf->policy.hostname);
	xo_buf_add_cstr(out, "</h1>\n<p>xoorgd " XO_VERSION ", up ");
	xo_buf_add_u64(out, (uint64_t)(up / DAY));
	xo_buf_add_cstr(out, " d ");
	xo_buf_add_u64(out, (uint64_t)(up % DAY / 3600));
	xo_buf_add_cstr(out, " h ");
	xo_buf_add_u64(out, (uint64_t)(up % 3600 / 60));
	xo_buf_add_all(out, " min, <span class=\"",
	    workers > 0 ? "good" : "bad", "\">workers alive: ", (char *)NULL);
	xo_buf_add_u64(out, workers);
	xo_buf_add_cstr(out, "</span>. Times are UTC. <a href=\"/metrics\">"
	    "metrics</a> <a href=\"/orgs\">orgs</a> "
	    "<a href=\"/healthz\">health</a> "
	    "<a href=\"/readyz\">readiness</a></p>\n");
}

static void
write_listeners(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out)
{
	static const struct xo_html_table table = {"Listeners",
		{"listener", "mode", "#sessions now", "#sessions",
		"#message octets"}};
	size_t n = conf->policy.n_listeners;

	xo_html_open_table(out, &table);
	for (size_t i = 0; i < n && i < XO_HTML_ROWS; i++) {
		const struct xo_listener *l = &conf->policy.listeners[i];

		xo_buf_add_cstr(out, "<tr>");
		xo_html_put_text(out, l->name);
		xo_html_put_cstr(out, l->mode == XO_MODE_OBSERVE ? "observe" :
		    "enforce");
		xo_html_put_number(out, value(snapshot, XO_METRIC_SESSIONS, i));
		xo_html_put_number(out, value(snapshot,
		    XO_METRIC_SESSIONS_TOTAL, i));
		xo_html_put_number(out, value(snapshot,
		    XO_METRIC_MESSAGE_BYTES, i));
		xo_buf_add_cstr(out, "</tr>\n");
	}
	xo_html_close_table(out, n, "/metrics");
}

/* The cells of a counter that are not zero, a row each. */
static size_t
write_cells(const struct xo_snapshot *snapshot, struct xo_buf *out,
    enum xo_metric row, int n_labels, size_t n_rows)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(snapshot, row); i++) {
		struct xo_cell cell;

		if (value(snapshot, row, i) == 0 || n_rows++ >= XO_HTML_ROWS)
			continue;
		cell = xo_snapshot_cell(snapshot, row, i);
		xo_buf_add_cstr(out, "<tr>");
		for (int l = 0; l < n_labels; l++)
			xo_html_put_cstr(out, cell.labels[l]);
		xo_html_put_number(out, cell.value);
		xo_buf_add_cstr(out, "</tr>\n");
	}
	return n_rows;
}

static void
write_counters(const struct xo_snapshot *snapshot, struct xo_buf *out)
{
	static const struct xo_html_table messages = {"Messages", {"listener",
		"tenant", "verdict", "action", "#messages"}};
	static const struct xo_html_table refusals = {"Refusals", {"reason",
		"#given"}};
	static const struct xo_html_table handshakes = {"Client certificates",
		{"listener", "result", "#handshakes"}};
	size_t n;

	xo_html_open_table(out, &messages);
	n = write_cells(snapshot, out, XO_METRIC_MESSAGES, 4, 0);
	n = write_cells(snapshot, out, XO_METRIC_MESSAGES_OTHER, 4, n);
	xo_html_close_table(out, n, "/metrics");
	xo_html_open_table(out, &handshakes);
	n = write_cells(snapshot, out, XO_METRIC_TLS_HANDSHAKES, 2, 0);
	xo_html_close_table(out, n, "/metrics");
	xo_html_open_table(out, &refusals);
	n = write_cells(snapshot, out, XO_METRIC_REFUSALS, 1, 0);
	xo_html_close_table(out, n, "/metrics");
}

static void
write_org(const struct xo_conf *conf, const struct xo_metrics_org *org,
    struct xo_buf *out)
{
	struct xo_span name = xo_span(org->name, org->len);
	int tenant = xo_tenants_by_org(&conf->policy, name);
	uint64_t n = 0;

	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		n += org->messages[v];
	xo_buf_add_cstr(out, "<tr>");
	xo_html_put_text(out, name);
	if (tenant == XO_NOBODY)
		xo_buf_add_cstr(out, "<td class=\"warn\">nobody here</td>");
	else
		xo_html_put_text(out, conf->policy.tenants[tenant].name);
	xo_html_put_cstr(out, xo_verdict_name(org->verdict));
	xo_html_put_cstr(out, xo_decision_name(org->decision));
	xo_html_put_cstr(out, xo_decision_name(org->would));
	xo_html_put_number(out, n);
	xo_html_put_time(out, org->first);
	xo_html_put_time(out, org->last);
	xo_buf_add_cstr(out, "</tr>\n");
}

static void
write_orgs(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out)
{
	static const struct xo_html_table table = {
		"Originator organisations seen",
		{"originator org", "tenant", "last verdict", "action",
		"if enforced", "#messages", "first", "last"}};

	xo_html_open_table(out, &table);
	for (size_t i = 0; i < snapshot->n_orgs && i < XO_HTML_ROWS; i++)
		write_org(conf, &snapshot->orgs[i], out);
	xo_html_close_table(out, snapshot->n_orgs, "/orgs");
}

static void
write_upstreams(const struct xo_snapshot *snapshot, struct xo_buf *out)
{
	static const struct xo_html_table table = {"Upstreams", {"upstream",
		"#open now", "#connected", "#failed", "#reused"}};
	size_t n = xo_snapshot_n_cells(snapshot, XO_METRIC_UPSTREAM_REUSED);

	xo_html_open_table(out, &table);
	for (size_t i = 0; i < n && i < XO_HTML_ROWS; i++) {
		struct xo_cell reused = xo_snapshot_cell(snapshot,
		    XO_METRIC_UPSTREAM_REUSED, i);

		xo_buf_add_cstr(out, "<tr>");
		xo_html_put_cstr(out, reused.labels[0]);
		xo_html_put_number(out, value(snapshot,
		    XO_METRIC_UPSTREAM_CONNECTIONS, i));
		/* ok and failed of each */
		xo_html_put_number(out, value(snapshot,
		    XO_METRIC_UPSTREAM_CONNECTS, 2 * i));
		xo_html_put_number(out, value(snapshot,
		    XO_METRIC_UPSTREAM_CONNECTS, 2 * i + 1));
		xo_html_put_number(out, reused.value);
		xo_buf_add_cstr(out, "</tr>\n");
	}
	xo_html_close_table(out, n, "/metrics");
}

static void
write_certificate(const struct xo_cell *cell, struct xo_buf *out, int64_t now)
{
	int64_t left = (int64_t)cell->value - now;
	int64_t days = left / DAY;

	xo_buf_add_cstr(out, "<tr>");
	xo_html_put_cstr(out, cell->labels[0]);
	xo_html_put_cstr(out, cell->labels[1]);
	xo_html_put_time(out, (int64_t)cell->value);
	xo_buf_add_all(out, "<td class=\"n ", left < 0 ? "bad\">expired" :
	    days < SOON ? "warn\">" : "good\">", (char *)NULL);
	if (left >= 0)
		xo_buf_add_u64(out, (uint64_t)days);
	xo_buf_add_cstr(out, "</td></tr>\n");
}

static void
write_certificates(const struct xo_snapshot *snapshot, struct xo_buf *out,
    int64_t now)
{
	static const struct xo_html_table table = {"Our certificates",
		{"kind", "name", "until", "#days left"}};
	static const enum xo_metric rows[] = {XO_METRIC_EXPIRY,
		XO_METRIC_EXPIRY_UPSTREAM, XO_METRIC_EXPIRY_TENANT};
	size_t n = 0;

	xo_html_open_table(out, &table);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (size_t i = 0; i < xo_snapshot_n_cells(snapshot, rows[r]);
		    i++) {
			struct xo_cell cell = xo_snapshot_cell(snapshot,
			    rows[r], i);

			if (cell.value != 0 && n++ < XO_HTML_ROWS)
				write_certificate(&cell, out, now);
		}
	}
	xo_html_close_table(out, n, "/metrics");
}

static size_t
write_warning_list(const struct xo_warnings *warnings, struct xo_buf *out,
    size_t n_rows)
{
	for (size_t i = 0; i < warnings->n; i++) {
		if (n_rows++ >= XO_HTML_ROWS)
			continue;
		xo_buf_add_cstr(out, "<tr>");
		xo_html_put_cstr(out, xo_rule(warnings->list[i].rule)->id);
		xo_html_put_cstr(out, warnings->list[i].text);
		xo_buf_add_cstr(out, "</tr>\n");
	}
	return n_rows;
}

static void
write_warnings(const struct xo_conf *conf, struct xo_buf *out)
{
	static const struct xo_html_table table = {
		"Warnings about the configuration", {"id", "warning"}};
	size_t n;

	xo_html_open_table(out, &table);
	n = write_warning_list(&conf->warnings, out, 0);
	n = write_warning_list(&conf->found, out, n);
	xo_html_close_table(out, n, "/metrics");
}

enum xo_err
xo_status_page(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out, int64_t now)
{
	write_head(conf, snapshot, out, now);
	write_listeners(conf, snapshot, out);
	write_counters(snapshot, out);
	write_orgs(conf, snapshot, out);
	write_upstreams(snapshot, out);
	write_certificates(snapshot, out, now);
	write_warnings(conf, out);
	xo_buf_add_cstr(out, "</body></html>\n");
	return out->err;
}
