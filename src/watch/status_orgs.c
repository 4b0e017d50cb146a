/* SPDX-License-Identifier: ISC */
/*
 * /orgs: the originator orgs of the real traffic, as JSON, most used first.
 */
#include <jansson.h>

#include <xoorg/tenants.h>

#include "metrics_table.h"
#include "status_html.h"
#include "text.h"

/* jansson takes nothing but UTF-8. */
static json_t *
text(struct xo_span s)
{
	struct xo_buf clean = {0};
	uint32_t code = 0;
	json_t *json = NULL;

	for (size_t n; s.len > 0; s = xo_span_from(s, n)) {
		n = xo_utf8_first(s, &code);
		xo_buf_add(&clean, n > 0 ? xo_span_first(s, n) : XO_LIT("?"));
		n = n > 0 ? n : 1;
	}
	if (clean.err == XO_OK)
		json = json_stringn(clean.p != NULL ?
		    (const char *)clean.p : "", clean.len);
	xo_buf_fini(&clean);
	return json;
}

static json_t *
date(int64_t seconds)
{
	char stamp[XO_TIME_LEN + 1];

	xo_time_write(stamp, seconds);
	stamp[XO_TIME_LEN] = 'Z';
	return json_stringn(stamp, sizeof(stamp));
}

struct xo_span
xo_status_whose(const struct xo_conf *conf, const struct xo_metrics_org *org)
{
	const struct xo_tenant *tenant = xo_tenant_at(&conf->policy,
	    xo_tenants_by_org(&conf->policy, xo_span(org->name, org->len)));

	if (tenant != NULL)
		return tenant->name;
	return conf->policy.guests != NULL &&
	    (org->verdict == XO_VERDICT_VERIFIED ||
	    org->verdict == XO_VERDICT_SENDER_MISMATCH) ?
	    XO_LIT(XO_GUESTS_LABEL) : XO_LIT("");
}

static json_t *
tenant(const struct xo_conf *conf, const struct xo_metrics_org *org)
{
	struct xo_span whose = xo_status_whose(conf, org);

	return whose.len == 0 ? json_null() : text(whose);
}

static json_t *
messages(const struct xo_metrics_org *org)
{
	json_t *json = json_object();

	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		(void)json_object_set_new(json,
		    xo_verdict_name((enum xo_verdict)v),
		    json_integer((json_int_t)org->messages[v]));
	return json;
}

/* A set of NULL, no memory, is an error that shows in its return. */
static json_t *
describe(const struct xo_conf *conf, const struct xo_metrics_org *org)
{
	struct xo_span name = xo_span(org->name, org->len);
	json_t *json = json_object();
	int failed = 0;

	failed |= json_object_set_new(json, "originator_org", text(name));
	failed |= json_object_set_new(json, "tenant", tenant(conf, org));
	failed |= json_object_set_new(json, "verdict",
	    json_string(xo_verdict_name(org->verdict)));
	failed |= json_object_set_new(json, "action",
	    json_string(xo_decision_name(org->decision)));
	failed |= json_object_set_new(json, "enforced",
	    json_string(xo_decision_name(org->would)));
	failed |= json_object_set_new(json, "messages", messages(org));
	failed |= json_object_set_new(json, "first", date(org->first));
	failed |= json_object_set_new(json, "last", date(org->last));
	if (failed == 0)
		return json;
	json_decref(json);
	return NULL;
}

/* Whom enforcing refuses, or would refuse. */
static json_t *
describe_recipient(const struct xo_metrics_recipient *r)
{
	json_t *json = json_object();
	int failed = 0;

	failed |= json_object_set_new(json, "recipient_domain",
	    text(r->domain));
	failed |= json_object_set_new(json, "tenant",
	    r->tenant.len > 0 ? text(r->tenant) : json_null());
	failed |= json_object_set_new(json, "reason",
	    json_string(xo_refusal_info(r->reason)->id));
	failed |= json_object_set_new(json, "refused",
	    json_integer((json_int_t)r->n_refused));
	failed |= json_object_set_new(json, "observed",
	    json_integer((json_int_t)r->n_observed));
	failed |= json_object_set_new(json, "first", date(r->first));
	failed |= json_object_set_new(json, "last", date(r->last));
	if (failed == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *
list_recipients(const struct xo_snapshot *snapshot, int *failed_r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snapshot->n_recipients; i++) {
		struct xo_metrics_recipient r =
		    xo_snapshot_recipient(snapshot, i);

		*failed_r |= json_array_append_new(list,
		    describe_recipient(&r));
	}
	return list;
}

static int
append(const char *p, size_t len, void *arg)
{
	struct xo_buf *out = arg;

	xo_buf_add(out, xo_span(p, len));
	return out->err == XO_OK ? 0 : -1;
}

enum xo_err
xo_status_orgs(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out)
{
	json_t *root = json_object();
	json_t *list = json_array();
	int failed = 0;

	for (size_t i = 0; i < snapshot->n_orgs; i++)
		failed |= json_array_append_new(list,
		    describe(conf, &snapshot->orgs[i]));
	failed |= json_object_set_new(root, "orgs", list);
	failed |= json_object_set_new(root, "recipients",
	    list_recipients(snapshot, &failed));
	failed |= json_object_set_new(root, "forgotten",
	    json_integer((json_int_t)xo_snapshot_cell(snapshot,
	    XO_METRIC_ORGS_FORGOTTEN, 0).value));
	if (failed != 0 || json_dump_callback(root, append, out,
	    JSON_INDENT(1)) != 0)
		out->err = XO_ERR_MEMORY;
	xo_buf_add_byte(out, '\n');
	json_decref(root);
	return out->err;
}
