/* SPDX-License-Identifier: ISC */
/*
 * The top of the page: one sentence on whether all is well, and for each thing
 * that is not, what to do.
 */
#include <conf/warning.h>
#include <xoorg/tenants.h>

#include "status_html.h"
#include "text.h"

enum kind {
	NO_WORKER,
	UPSTREAM_DOWN,
	CERTIFICATE_ENDED,
	CRL_STALE,
	RELOAD_FAILED,
	CERTIFICATE_ENDS,
	CRL_ENDS,
	UNKNOWN_ORG,
	WOULD_REFUSE,
	CERTIFICATE_REFUSED,
	WORKER_DIED,
	LOG_DROPPED,
	CONFIGURATION,
	DRAINING,
	KIND_COUNT
};

/* One of it is `before`, its name, `behind`; of more the number and `many`. */
static const struct {
	bool is_bad;			/* mail suffers, or soon will */
	const char *before, *behind, *many;
	const char *remedy;
} kinds[] = {
	[NO_WORKER] = {true, "no worker is alive", "", "",
	    "No mail is taken. The log says why: journalctl -u xoorgd."},
	[UPSTREAM_DOWN] = {true, "the upstream ", " cannot be reached",
	    " upstreams cannot be reached",
	    "Clients get 451 and try again. Does the server run, and does the "
	    "port answer? The log's event=upstream lines say what was "
	    "missing; so does xoorg check --live."},
	[CERTIFICATE_ENDED] = {true, "the certificate of ", " has expired",
	    " certificates have expired",
	    "Renew it, then reload: systemctl reload xoorgd."},
	[CRL_STALE] = {true, "the revocation list of ", " is stale",
	    " revocation lists are stale",
	    "Fetch it anew, then reload. With crl = \"hard\" no certificate "
	    "that it covers is accepted."},
	[RELOAD_FAILED] = {true, "the last reload failed", "", "",
	    "The configuration before is in force. xoorgd -t says what is "
	    "wrong with the new one."},
	[CERTIFICATE_ENDS] = {false, "the certificate of ", "",
	    " certificates end soon",
	    "Renew it, then reload: systemctl reload xoorgd. The connector of "
	    "Exchange Online must expect the new one's name."},
	[CRL_ENDS] = {false, "the revocation list of ", "",
	    " revocation lists end soon", "Fetch it anew, then reload."},
	[UNKNOWN_ORG] = {false, "the unknown organisation ", " is waiting",
	    " unknown organisations are waiting",
	    "If one is yours: xoorg orgs --authorize ORG --tenant NAME. If "
	    "not, there is nothing to do: its mail is not trusted."},
	[WOULD_REFUSE] = {false, "1 message would have been refused", "",
	    " messages would have been refused",
	    "A listener only observes. Look at the organisations and "
	    "recipients below; once the rest is foreign: mode = \"enforce\"."},
	[CERTIFICATE_REFUSED] = {false,
	    "1 client was refused for its certificate", "",
	    " clients were refused for their certificate",
	    "It has the name of a peer and is not valid: Microsoft changed "
	    "it, our trust store is old, or somebody tries. The log's "
	    "event=tls lines say which."},
	[WORKER_DIED] = {false, "1 worker died", "", " workers died",
	    "The clients try again. The log's event=worker_died names the "
	    "signal; please report it."},
	[LOG_DROPPED] = {false, "1 line of the log was lost", "",
	    " lines of the log were lost",
	    "The log's target took no more. Mail goes on."},
	[CONFIGURATION] = {false, "1 warning about the configuration", "",
	    " warnings about the configuration",
	    "They stand at the end of this page; xoorgd.conf(5), CHECKS, "
	    "explains each."},
	[DRAINING] = {false, "it is stopping", "", "",
	    "Open sessions finish; new mail should go elsewhere."},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == KIND_COUNT,
    "a row for each kind");

/* Names that are shown, and things that the sentence says. */
#define NAMES 5
#define THINGS 3

struct trouble {
	struct {
		uint64_t n;
		struct xo_buf names;	/* HTML, with commas */
	} found[KIND_COUNT];
};

static uint64_t
value(const struct xo_page *page, enum xo_metric row, size_t i)
{
	return xo_snapshot_cell(page->snapshot, row, i).value;
}

static uint64_t
sum_of(const struct xo_page *page, enum xo_metric row)
{
	uint64_t n = 0;

	for (size_t i = 0; i < xo_snapshot_n_cells(page->snapshot, row); i++)
		n += value(page, row, i);
	return n;
}

/* NULL: what is more goes without a name. */
static struct xo_buf *
add_name(struct trouble *t, enum kind kind)
{
	struct xo_buf *names = &t->found[kind].names;

	if (t->found[kind].n++ >= NAMES)
		return NULL;
	if (names->len > 0)
		xo_buf_add_cstr(names, ", ");
	return names;
}

static void
find_upstreams(const struct xo_page *page, struct trouble *t)
{
	for (size_t i = 0; i < page->conf->policy.n_upstreams; i++) {
		const struct xo_conf_upstream *u = &page->conf->upstreams[i];
		struct xo_buf *names;

		if (value(page, XO_METRIC_UPSTREAM_DOWN, i) == 0 ||
		    (names = add_name(t, UPSTREAM_DOWN)) == NULL)
			continue;
		xo_buf_add_html(names, page->conf->policy.upstreams[i].name);
		if (u->mx != NULL) {
			xo_buf_add_cstr(names, " (mail servers of ");
			xo_buf_add_html(names, xo_span_from_cstr(u->mx));
			xo_buf_add_byte(names, ')');
		} else if (u->n_hosts > 0) {
			xo_buf_add_cstr(names, " (");
			xo_buf_add_html(names, xo_span_from_cstr(
			    u->hosts[0].host));
			xo_buf_add_byte(names, ':');
			xo_buf_add_u64(names, u->hosts[0].port);
			xo_buf_add_byte(names, ')');
		}
	}
}

static void
add_end(struct xo_buf *names, const struct xo_cell *cell, int64_t left)
{
	uint64_t days = left > 0 ? (uint64_t)(left / XO_STATUS_DAY) : 0;

	if (names == NULL)
		return;
	xo_buf_add_all(names, cell->labels[0], " ", (char *)NULL);
	xo_buf_add_html(names, xo_span_from_cstr(cell->labels[1]));
	if (left < 0)
		return;
	xo_buf_add_cstr(names, " ends in ");
	xo_buf_add_u64(names, days);
	xo_buf_add_cstr(names, days == 1 ? " day" : " days");
}

static void
find_ends(const struct xo_page *page, enum xo_metric row, enum kind ended,
    enum kind ends, int64_t soon, struct trouble *t)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(page->snapshot, row); i++) {
		struct xo_cell cell = xo_snapshot_cell(page->snapshot, row, i);
		int64_t left = (int64_t)cell.value - page->now;

		if (cell.value != 0 && left < soon)
			add_end(add_name(t, left < 0 ? ended : ends), &cell,
			    left);
	}
}

static void
find_all_ends(const struct xo_page *page, struct trouble *t)
{
	static const enum xo_metric certificates[] = {XO_METRIC_EXPIRY,
		XO_METRIC_EXPIRY_UPSTREAM, XO_METRIC_EXPIRY_TENANT};
	static const enum xo_metric lists[] = {XO_METRIC_CRL_EXPIRY,
		XO_METRIC_CRL_EXPIRY_PEER, XO_METRIC_CRL_EXPIRY_UPSTREAM};

	for (size_t i = 0; i < 3; i++) {
		find_ends(page, certificates[i], CERTIFICATE_ENDED,
		    CERTIFICATE_ENDS, XO_STATUS_SOON * XO_STATUS_DAY, t);
		find_ends(page, lists[i], CRL_STALE, CRL_ENDS,
		    2 * XO_STATUS_DAY, t);
	}
}

/* Those that a reload has made a tenant's wait no more. */
static void
find_orgs(const struct xo_page *page, struct trouble *t)
{
	for (size_t i = 0; i < page->snapshot->n_orgs; i++) {
		const struct xo_metrics_org *org = &page->snapshot->orgs[i];
		struct xo_span name = xo_span(org->name, org->len);
		struct xo_buf *names;

		if (org->verdict != XO_VERDICT_UNKNOWN_ORG ||
		    xo_tenants_by_org(&page->conf->policy, name) != XO_NOBODY)
			continue;
		names = add_name(t, UNKNOWN_ORG);
		if (names != NULL)
			xo_buf_add_html(names, name);
	}
}

static void
find(const struct xo_page *page, struct trouble *t)
{
	const struct xo_conf *conf = page->conf;

	t->found[NO_WORKER].n = value(page, XO_METRIC_WORKERS, 0) == 0;
	t->found[DRAINING].n = xo_metrics_is_draining(page->snapshot->metrics);
	t->found[RELOAD_FAILED].n = value(page, XO_METRIC_RELOAD_FAILED, 0);
	t->found[WOULD_REFUSE].n = sum_of(page, XO_METRIC_OBSERVED);
	t->found[CERTIFICATE_REFUSED].n = value(page, XO_METRIC_REFUSALS,
	    XO_REFUSAL_TLS_CERTIFICATE - 1);
	t->found[WORKER_DIED].n = value(page, XO_METRIC_WORKER_RESTARTS, 0);
	t->found[LOG_DROPPED].n = value(page, XO_METRIC_LOG_DROPPED, 0);
	t->found[CONFIGURATION].n = conf->warnings.n + conf->found.n;
	find_upstreams(page, t);
	find_all_ends(page, t);
	find_orgs(page, t);
}

static void
add_thing(const struct trouble *t, size_t kind, struct xo_buf *out)
{
	uint64_t n = t->found[kind].n;

	if (n > 1 && kinds[kind].many[0] != '\0') {
		xo_html_add_number(out, n);
		xo_buf_add_cstr(out, kinds[kind].many);
		return;
	}
	xo_buf_add_cstr(out, kinds[kind].before);
	xo_buf_add(out, xo_buf_span(&t->found[kind].names));
	xo_buf_add_cstr(out, kinds[kind].behind);
}

static void
say(const struct xo_page *page, const struct trouble *t, struct xo_buf *out)
{
	bool is_bad = false;
	size_t n = 0;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		is_bad = is_bad || (t->found[i].n > 0 && kinds[i].is_bad);
		n += t->found[i].n > 0;
	}
	xo_buf_add_cstr(out, n == 0 ? "<p class=\"state good\">All is well" :
	    is_bad ? "<p class=\"state bad\">Not all is well: " :
	    "<p class=\"state warn\">Mail flows, but look at this: ");
	if (n == 0 && sum_of(page, XO_METRIC_SESSIONS_TOTAL) == 0)
		xo_buf_add_cstr(out, "; no client has come yet");
	for (size_t i = 0, shown = 0; i < KIND_COUNT && shown < THINGS; i++) {
		if (t->found[i].n == 0)
			continue;
		if (shown++ > 0)
			xo_buf_add_cstr(out, "; ");
		add_thing(t, i, out);
	}
	if (n > THINGS) {
		xo_buf_add_cstr(out, "; and ");
		xo_buf_add_u64(out, n - THINGS);
		xo_buf_add_cstr(out, " more below");
	}
	xo_buf_add_cstr(out, ".</p>\n");
}

static void
add_remedy(const struct trouble *t, size_t kind, struct xo_buf *out)
{
	uint64_t n = t->found[kind].n;
	size_t begin;

	xo_buf_add_all(out, "<li><span class=\"", kinds[kind].is_bad ? "bad" :
	    "warn", "\">", (char *)NULL);
	begin = out->len;
	add_thing(t, kind, out);
	if (out->err == XO_OK && out->p[begin] >= 'a')
		out->p[begin] = (uint8_t)(out->p[begin] - 'a' + 'A');
	if (n > 1 && t->found[kind].names.len > 0) {
		xo_buf_add_cstr(out, ": ");
		xo_buf_add(out, xo_buf_span(&t->found[kind].names));
		if (n > NAMES) {
			xo_buf_add_cstr(out, " and ");
			xo_html_add_number(out, n - NAMES);
			xo_buf_add_cstr(out, " more");
		}
	}
	xo_buf_add_all(out, ".</span> ", kinds[kind].remedy, "</li>\n",
	    (char *)NULL);
}

void
xo_status_trouble(const struct xo_page *page, struct xo_buf *out)
{
	struct trouble t = {0};
	bool is_open = false;

	find(page, &t);
	say(page, &t, out);
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (t.found[i].n > 0 && !is_open)
			xo_buf_add_cstr(out, "<ul class=\"todo\">\n");
		if (t.found[i].n > 0) {
			is_open = true;
			add_remedy(&t, i, out);
		}
		if (t.found[i].names.err != XO_OK)
			out->err = t.found[i].names.err;
		xo_buf_fini(&t.found[i].names);
	}
	if (is_open)
		xo_buf_add_cstr(out, "</ul>\n");
}
