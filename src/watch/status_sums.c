/* SPDX-License-Identifier: ISC */
/*
 * Messages in sum: by verdict, then by tenant.
 */
#include <stdlib.h>

#include "status_html.h"
#include "text.h"

struct tally {
	const char *name;
	uint64_t all;
	uint64_t by_verdict[XO_VERDICT_COUNT];
	uint64_t by_decision[XO_DECISION_COUNT];
	uint64_t recipients;		/* refused, or would have been */
};

/* Verdicts first, then "" and the tenants in the order of their cells. */
struct sums {
	struct tally verdicts[XO_VERDICT_COUNT];
	struct tally *tenants;
	size_t n_tenants;
};

static int
verdict_of(const char *word)
{
	int v = 0;

	while (v < XO_VERDICT_COUNT &&
	    strcmp(word, xo_verdict_name((enum xo_verdict)v)) != 0)
		v++;
	return v;
}

static void
count(struct tally *t, uint64_t n, int verdict, size_t decision)
{
	t->all += n;
	t->by_verdict[verdict] += n;
	t->by_decision[decision] += n;
}

static void
add_row(const struct xo_snapshot *snapshot, enum xo_metric row, bool has_tenant,
    struct sums *sums)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(snapshot, row); i++) {
		struct xo_cell cell;
		int v;

		cell = xo_snapshot_cell(snapshot, row, i);
		if (cell.value == 0)
			continue;
		v = verdict_of(cell.labels[2]);
		if (v == XO_VERDICT_COUNT)
			continue;
		count(&sums->verdicts[v], cell.value, v, cell.index[3]);
		if (has_tenant)
			count(&sums->tenants[cell.index[1]], cell.value, v,
			    cell.index[3]);
	}
}

static void
add_recipients(const struct xo_snapshot *snapshot, struct sums *sums)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(snapshot,
	    XO_METRIC_RECIPIENTS); i++) {
		struct xo_cell cell = xo_snapshot_cell(snapshot,
		    XO_METRIC_RECIPIENTS, i);

		sums->tenants[cell.index[0]].recipients += cell.value;
	}
}

/* The busiest first, then by name. */
static int
compare(const void *a, const void *b)
{
	const struct tally *x = a;
	const struct tally *y = b;

	if (x->all != y->all)
		return x->all > y->all ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* False: no memory. */
static bool
add_up(const struct xo_page *page, struct sums *sums)
{
	const struct xo_policy *policy = &page->conf->policy;

	memset(sums, 0, sizeof(*sums));
	sums->n_tenants = 1 + policy->n_tenants + (policy->guests != NULL);
	sums->tenants = calloc(sums->n_tenants, sizeof(*sums->tenants));
	if (sums->tenants == NULL)
		return false;
	for (size_t i = 0; i < sums->n_tenants; i++)
		sums->tenants[i].name = xo_snapshot_tenant(page->snapshot, i);
	add_row(page->snapshot, XO_METRIC_MESSAGES, true, sums);
	add_row(page->snapshot, XO_METRIC_MESSAGES_OTHER, false, sums);
	add_recipients(page->snapshot, sums);
	return true;
}

static void
write_verdicts(const struct xo_page *page, const struct sums *sums,
    struct xo_buf *out)
{
	static const struct xo_html_table table = {"Messages by verdict",
		{"verdict", "#messages", "#last hour", "#accepted", "#demoted",
		"#refused", "#put off"}};
	static const enum xo_decision columns[] = {XO_DECISION_ACCEPT,
	    XO_DECISION_DEMOTE, XO_DECISION_REJECT, XO_DECISION_TEMPFAIL};
	_Static_assert(sizeof(columns) / sizeof(columns[0]) ==
	    XO_DECISION_COUNT, "a column for each decision");
	const struct xo_page all = {.query = {NULL, 0}};
	struct xo_html html;

	xo_html_open_table(&html, &all, &table, out);
	for (size_t v = 0; v < XO_VERDICT_COUNT; v++) {
		uint64_t hour = 0;

		for (int i = 0; i < XO_MINUTES; i++)
			hour += page->snapshot->minutes[i][v];
		if (!xo_html_open_row(&html, all.query, all.query))
			continue;
		xo_html_put_cstr(&html, xo_verdict_name((enum xo_verdict)v));
		xo_html_put_number(&html, sums->verdicts[v].all);
		xo_html_put_number(&html, hour);
		for (size_t d = 0; d < XO_DECISION_COUNT; d++)
			xo_html_put_number(&html,
			    sums->verdicts[v].by_decision[columns[d]]);
		xo_html_close_row(&html);
	}
	xo_html_close_table(&html, "/metrics");
}

static void
write_tenant(const struct tally *t, struct xo_html *html)
{
	struct xo_span name = xo_span_from_cstr(t->name);

	if (!xo_html_open_row(html, name, name))
		return;
	xo_html_put_text(html, name);
	xo_html_put_number(html, t->all);
	xo_html_put_number(html, t->by_verdict[XO_VERDICT_VERIFIED]);
	xo_html_put_number(html, t->by_verdict[XO_VERDICT_OURS]);
	xo_html_put_number(html, t->by_verdict[XO_VERDICT_ATTRIBUTED]);
	xo_html_put_number(html, t->by_verdict[XO_VERDICT_SENDER_MISMATCH]);
	xo_html_put_number(html, t->recipients);
	xo_html_close_row(html);
}

static void
write_tenants(const struct xo_page *page, const struct sums *sums,
    struct xo_buf *out)
{
	static const struct xo_html_table table = {"Tenants", {"tenant",
		"#messages", "#verified", "#ours", "#attributed",
		"#sender_mismatch",
		"#recipients refused or observed"}};
	struct xo_html html;

	qsort(sums->tenants, sums->n_tenants, sizeof(*sums->tenants), compare);
	xo_html_open_table(&html, page, &table, out);
	/* Nobody's is in the verdicts. */
	for (size_t i = 0; i < sums->n_tenants; i++)
		if (sums->tenants[i].name[0] != '\0')
			write_tenant(&sums->tenants[i], &html);
	xo_html_close_table(&html, "/metrics");
}

static void
write_search(const struct xo_page *page, struct xo_buf *out)
{
	xo_buf_add_cstr(out, "<form action=\"/\" method=\"get\" "
	    "role=\"search\"><input name=\"q\" aria-label=\"Name\" "
	    "placeholder=\"tenant, organisation, upstream\" maxlength=\"100\" "
	    "value=\"");
	xo_buf_add_html(out, page->query);
	xo_buf_add_cstr(out, "\"><button>Search</button></form>\n");
	if (page->query.len == 0)
		return;
	xo_buf_add_cstr(out, "<p>Below are only rows with \"");
	xo_buf_add_html(out, page->query);
	xo_buf_add_cstr(out, "\" in a name. <a href=\"/\">Show all</a></p>\n");
}

void
xo_status_sums(const struct xo_page *page, struct xo_buf *out)
{
	struct sums sums;

	if (!add_up(page, &sums)) {
		out->err = XO_ERR_MEMORY;
		return;
	}
	write_verdicts(page, &sums, out);
	write_search(page, out);
	write_tenants(page, &sums, out);
	free(sums.tenants);
}
