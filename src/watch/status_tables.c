/* SPDX-License-Identifier: ISC */
/*
 * The tables of the status page, behind its sums.
 */
#include <stdlib.h>

#include <conf/warning.h>

#include "status_html.h"

static uint64_t
value(const struct xo_page *page, enum xo_metric row, size_t i)
{
	return xo_snapshot_cell(page->snapshot, row, i).value;
}

static void
write_org(const struct xo_metrics_org *org, struct xo_span tenant,
    struct xo_html *html)
{
	struct xo_span name = xo_span(org->name, org->len);
	struct xo_span whose = tenant.len > 0 ? tenant : XO_LIT("nobody here");
	uint64_t n = 0;

	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		n += org->messages[v];
	if (!xo_html_open_row(html, name, whose))
		return;
	xo_html_put_text(html, name);
	xo_html_put_class(html, tenant.len == 0 ? "warn" : "w", whose);
	xo_html_put_cstr(html, xo_verdict_name(org->verdict));
	xo_html_put_cstr(html, xo_decision_name(org->decision));
	xo_html_put_cstr(html, xo_decision_name(org->would));
	xo_html_put_number(html, n);
	xo_html_put_time(html, org->first);
	xo_html_put_time(html, org->last);
	xo_html_close_row(html);
}

/* Those that wait for a decision before those that have one. */
static void
write_orgs(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {
		"Originator organisations seen",
		{"originator org", "tenant", "last verdict", "action",
		"if enforced", "#messages", "first", "last"}};
	struct xo_html html;

	xo_html_open_table(&html, page, &table, out);
	for (int known = 0; known < 2; known++) {
		for (size_t i = 0; i < page->snapshot->n_orgs; i++) {
			const struct xo_metrics_org *org =
			    &page->snapshot->orgs[i];
			struct xo_span tenant = xo_status_whose(page->conf,
			    org);

			if ((tenant.len > 0) == (known == 1))
				write_org(org, tenant, &html);
		}
	}
	xo_html_close_table(&html, "/orgs");
}

static void
write_recipients(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {
		"Recipients that a tenant's mail may not go to",
		{"recipient domain", "tenant", "reason", "#refused",
		"#observed", "last"}};
	struct xo_html html;

	xo_html_open_table(&html, page, &table, out);
	for (size_t i = 0; i < page->snapshot->n_recipients; i++) {
		struct xo_metrics_recipient r =
		    xo_snapshot_recipient(page->snapshot, i);

		if (!xo_html_open_row(&html, r.domain, r.tenant))
			continue;
		xo_html_put_text(&html, r.domain);
		xo_html_put_class(&html, "w", r.tenant);
		xo_html_put_cstr(&html, xo_refusal_info(r.reason)->id);
		xo_html_put_number(&html, r.n_refused);
		xo_html_put_number(&html, r.n_observed);
		xo_html_put_time(&html, r.last);
		xo_html_close_row(&html);
	}
	xo_html_close_table(&html, "/orgs");
}

static void
write_listeners(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {"Listeners",
		{"listener", "mode", "#sessions now", "#sessions",
		"#content"}};
	const struct xo_policy *policy = &page->conf->policy;
	struct xo_html html;

	xo_html_open_table(&html, page, &table, out);
	for (size_t i = 0; i < policy->n_listeners; i++) {
		const struct xo_listener *l = &policy->listeners[i];

		if (!xo_html_open_row(&html, l->name, l->name))
			continue;
		xo_html_put_text(&html, l->name);
		xo_html_put_cstr(&html, l->mode == XO_MODE_OBSERVE ?
		    "observe" : "enforce");
		xo_html_put_number(&html, value(page, XO_METRIC_SESSIONS, i));
		xo_html_put_number(&html, value(page,
		    XO_METRIC_SESSIONS_TOTAL, i));
		xo_html_put_octets(&html, value(page,
		    XO_METRIC_MESSAGE_BYTES, i));
		xo_html_close_row(&html);
	}
	xo_html_close_table(&html, "/metrics");
}

/* "mail.contoso.com:25", "MX of contoso.com" */
static void
put_hosts(struct xo_html *html, const struct xo_conf_upstream *u)
{
	struct xo_buf text = {0};

	if (u->mx != NULL)
		xo_buf_add_all(&text, "MX of ", u->mx, (char *)NULL);
	for (size_t i = 0; u->mx == NULL && i < u->n_hosts; i++) {
		xo_buf_add_all(&text, i > 0 ? ", " : "", u->hosts[i].host,
		    ":", (char *)NULL);
		xo_buf_add_u64(&text, u->hosts[i].port);
	}
	xo_html_put_class(html, "w", xo_buf_span(&text));
	xo_buf_fini(&text);
}

static void
put_state(const struct xo_page *page, size_t i, struct xo_html *html)
{
	if (value(page, XO_METRIC_UPSTREAM_DOWN, i) != 0)
		xo_html_put_class(html, "bad", XO_LIT("cannot be reached"));
	else if (value(page, XO_METRIC_UPSTREAM_CONNECTS, 2 * i) != 0)
		xo_html_put_class(html, "good", XO_LIT("ok"));
	else
		xo_html_put_text(html, XO_LIT("not asked yet"));
}

static void
write_upstream(const struct xo_page *page, size_t i, struct xo_html *html)
{
	struct xo_span name = page->conf->policy.upstreams[i].name;

	if (!xo_html_open_row(html, name, name))
		return;
	xo_html_put_text(html, name);
	put_hosts(html, &page->conf->upstreams[i]);
	put_state(page, i, html);
	xo_html_put_number(html, value(page,
	    XO_METRIC_UPSTREAM_CONNECTIONS, i));
	/* ok and failed of each */
	xo_html_put_number(html, value(page, XO_METRIC_UPSTREAM_CONNECTS,
	    2 * i));
	xo_html_put_number(html, value(page, XO_METRIC_UPSTREAM_CONNECTS,
	    2 * i + 1));
	xo_html_put_number(html, value(page, XO_METRIC_UPSTREAM_REUSED, i));
	xo_html_close_row(html);
}

static void
write_upstreams(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {"Upstreams", {"upstream",
		"where", "state", "#open now", "#connected", "#failed",
		"#reused"}};
	struct xo_html html;

	xo_html_open_table(&html, page, &table, out);
	for (size_t i = 0; i < page->conf->policy.n_upstreams; i++)
		write_upstream(page, i, &html);
	xo_html_close_table(&html, "/metrics");
}

/* The cells of a counter that are not zero, a row each. */
static void
write_cells(const struct xo_page *page, const struct xo_html_table *table,
    enum xo_metric row, size_t n_labels, struct xo_buf *out)
{
	struct xo_html html;

	xo_html_open_table(&html, page, table, out);
	for (size_t i = 0; i < xo_snapshot_n_cells(page->snapshot, row); i++) {
		struct xo_cell cell = xo_snapshot_cell(page->snapshot, row, i);

		if (cell.value == 0 || !xo_html_open_row(&html,
		    xo_span_from_cstr(cell.labels[0]),
		    xo_span_from_cstr(cell.labels[n_labels - 1])))
			continue;
		for (size_t l = 0; l < n_labels; l++)
			xo_html_put_cstr(&html, cell.labels[l]);
		xo_html_put_number(&html, cell.value);
		xo_html_close_row(&html);
	}
	xo_html_close_table(&html, "/metrics");
}

static int
compare_ends(const void *a, const void *b)
{
	uint64_t x = ((const struct xo_cell *)a)->value;
	uint64_t y = ((const struct xo_cell *)b)->value;

	return x < y ? -1 : x > y;
}

static void
write_certificate(const struct xo_page *page, const struct xo_cell *cell,
    struct xo_html *html)
{
	int64_t left = (int64_t)cell->value - page->now;
	struct xo_span name = xo_span_from_cstr(cell->labels[1]);
	struct xo_buf days = {0};

	if (!xo_html_open_row(html, name, name))
		return;
	xo_html_put_text(html, name);
	xo_html_put_cstr(html, cell->labels[0]);
	xo_html_put_time(html, (int64_t)cell->value);
	if (left < 0)
		xo_buf_add_cstr(&days, "expired");
	else
		xo_buf_add_u64(&days, (uint64_t)(left / XO_STATUS_DAY));
	xo_html_put_class(html, left < 0 ? "n bad" : left <
	    XO_STATUS_SOON * XO_STATUS_DAY ? "n warn" : "n good",
	    xo_buf_span(&days));
	xo_buf_fini(&days);
	xo_html_close_row(html);
}

/* Appends those that there are; returns how many are there now. */
static size_t
take_ends(const struct xo_page *page, enum xo_metric row, struct xo_cell *cells,
    size_t n)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(page->snapshot, row); i++) {
		cells[n] = xo_snapshot_cell(page->snapshot, row, i);
		n += cells[n].value != 0;
	}
	return n;
}

/* The next to end first. */
static void
write_certificates(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {"Our certificates",
		{"name", "of", "until", "#days left"}};
	static const enum xo_metric rows[] = {XO_METRIC_EXPIRY,
		XO_METRIC_EXPIRY_UPSTREAM, XO_METRIC_EXPIRY_TENANT};
	struct xo_cell *cells;
	struct xo_html html;
	size_t n = 1;		/* a cell that is not there is read, too */

	for (size_t r = 0; r < 3; r++)
		n += xo_snapshot_n_cells(page->snapshot, rows[r]);
	cells = calloc(n, sizeof(*cells));
	if (cells == NULL) {
		out->err = XO_ERR_MEMORY;
		return;
	}
	n = 0;
	for (size_t r = 0; r < 3; r++)
		n = take_ends(page, rows[r], cells, n);
	qsort(cells, n, sizeof(*cells), compare_ends);
	xo_html_open_table(&html, page, &table, out);
	for (size_t i = 0; i < n; i++)
		write_certificate(page, &cells[i], &html);
	xo_html_close_table(&html, "/metrics");
	free(cells);
}

static void
write_warning_list(const struct xo_warnings *warnings, struct xo_html *html)
{
	for (size_t i = 0; i < warnings->n; i++) {
		struct xo_span id = xo_span_from_cstr(
		    xo_rule(warnings->list[i].rule)->id);
		struct xo_span text = xo_span_from_cstr(warnings->list[i].text);

		if (!xo_html_open_row(html, id, text))
			continue;
		xo_html_put_text(html, id);
		xo_html_put_class(html, "w", text);
		xo_html_close_row(html);
	}
}

static void
write_warnings(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table table = {
		"Warnings about the configuration", {"id", "warning"}};
	struct xo_html html;

	xo_html_open_table(&html, page, &table, out);
	write_warning_list(&page->conf->warnings, &html);
	write_warning_list(&page->conf->found, &html);
	xo_html_close_table(&html, "/metrics");
}

void
xo_status_tables(const struct xo_page *page, struct xo_buf *out)
{
	static const struct xo_html_table refusals = {"Refusals", {"reason",
		"#given"}};
	static const struct xo_html_table handshakes = {"Client certificates",
		{"listener", "result", "#handshakes"}};

	write_orgs(page, out);
	write_recipients(page, out);
	write_listeners(page, out);
	write_upstreams(page, out);
	write_cells(page, &refusals, XO_METRIC_REFUSALS, 1, out);
	write_cells(page, &handshakes, XO_METRIC_TLS_HANDSHAKES, 2, out);
	write_certificates(page, out);
	write_warnings(page, out);
}
