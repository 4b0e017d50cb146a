/* SPDX-License-Identifier: ISC */
/*
 * Records, added up.
 */
#include <cmd/common/json.h>
#include <cmd/report/report.h>
#include <cmd/common/tool.h>

#include <stdlib.h>

/* Events that are trouble by themselves, and the field that tells them apart. */
static const struct {
	const char *event;
	const char *field;
} troubles[] = {
	{"worker_died", NULL},
	{"keys_died", NULL},
	{"status_died", NULL},
	{"log_dropped", NULL},
	{"reload", "reason"},
	{"load", NULL},
	{"configuration", "id"},
};

static const char *const tables[] = {
	"verdicts", "would", "orgs", "tenants", "refusals", "upstreams",
	"certificates", "trouble",
};

json_t *
xo_report_new(void)
{
	json_t *report = xo_tool_require(json_object());

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		(void)json_object_set_new(report, tables[i], json_object());
	return report;
}

/* `name` as a key: valid UTF-8, never empty. Decref it. */
static json_t *
key_of(struct xo_span name)
{
	return xo_tool_require(name.len > 0 ? xo_json_text(name) :
	    json_string("-"));
}

/* The object under this name, made if need be. */
static json_t *
inner(json_t *object, struct xo_span name)
{
	json_t *key = key_of(name);
	json_t *found = json_object_get(object, json_string_value(key));

	if (found == NULL) {
		found = xo_tool_require(json_object());
		(void)json_object_set_new(object, json_string_value(key),
		    found);
	}
	json_decref(key);
	return found;
}

static void
count(json_t *object, struct xo_span name)
{
	json_t *key = key_of(name);
	json_int_t n = json_integer_value(json_object_get(object,
	    json_string_value(key)));

	(void)json_object_set_new(object, json_string_value(key),
	    json_integer(n + 1));
	json_decref(key);
}

static void
set(json_t *object, const char *key, struct xo_span value)
{
	(void)json_object_set_new(object, key, xo_json_text(value));
}

static bool
is(struct xo_span value, const char *word)
{
	return xo_span_is_equal(value, xo_span_from_cstr(word));
}

static void
add_org(json_t *report, const struct xo_record *record)
{
	struct xo_span xoorg = xo_record_value(record, "xoorg");
	struct xo_span would = xo_record_value(record, "would");
	json_t *org;

	if (xoorg.len == 0)
		return;
	org = inner(json_object_get(report, "orgs"), xoorg);
	count(org, XO_LIT("messages"));
	set(org, "tenant", xo_record_value(record, "tenant"));
	set(org, "verdict", xo_record_value(record, "verdict"));
	set(org, "would", would.len > 0 ? would :
	    xo_record_value(record, "action"));
}

static void
add_upstream(json_t *report, const struct xo_record *record,
    struct xo_span reason)
{
	struct xo_span name = xo_record_value(record, "upstream");
	json_t *upstream;

	if (name.len == 0)
		return;
	upstream = inner(json_object_get(report, "upstreams"), name);
	if (is(reason, "delivered")) {
		count(upstream, XO_LIT("delivered"));
		return;
	}
	count(upstream, XO_LIT("failed"));
	count(inner(upstream, XO_LIT("reasons")), reason);
}

static void
add_message(json_t *report, const struct xo_record *record)
{
	struct xo_span reason = xo_record_value(record, "reason");
	struct xo_span would = xo_record_value(record, "would");
	struct xo_span tenant = xo_record_value(record, "tenant");

	count(inner(json_object_get(report, "verdicts"),
	    xo_record_value(record, "verdict")),
	    xo_record_value(record, "action"));
	if (would.len > 0)
		count(json_object_get(report, "would"), would);
	if (tenant.len > 0)
		count(json_object_get(report, "tenants"), tenant);
	if (!is(reason, "delivered"))
		count(json_object_get(report, "refusals"), reason);
	add_org(report, record);
	add_upstream(report, record, reason);
}

static void
add_trouble(json_t *report, const struct xo_record *record,
    struct xo_span event)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		struct xo_span field;

		if (!is(event, troubles[i].event))
			continue;
		field = troubles[i].field == NULL ? event :
		    xo_record_value(record, troubles[i].field);
		if (!is(xo_record_value(record, "level"), "info"))
			count(json_object_get(report, "trouble"),
			    field.len > 0 ? field : event);
	}
}

static void
note_time(json_t *report, struct xo_span time)
{
	const char *from = json_string_value(json_object_get(report, "from"));
	const char *to = json_string_value(json_object_get(report, "to"));

	if (from == NULL || memcmp(time.p, from, time.len) < 0)
		set(report, "from", time);
	if (to == NULL || memcmp(time.p, to, time.len) > 0)
		set(report, "to", time);
}

void
xo_report_add(json_t *report, const struct xo_record *record)
{
	struct xo_span event = xo_record_value(record, "event");
	struct xo_span reason = xo_record_value(record, "reason");

	note_time(report, record->time);
	if (is(event, "message"))
		add_message(report, record);
	else if (is(event, "refused"))
		count(json_object_get(report, "refusals"), reason);
	else if (is(event, "upstream"))
		add_upstream(report, record, reason);
	else if (is(event, "tls"))
		count(json_object_get(report, "certificates"), reason);
	else
		add_trouble(report, record, event);
}

static json_int_t
number_of(const json_t *value)
{
	return json_is_integer(value) ? json_integer_value(value) :
	    json_integer_value(json_object_get(value, "messages"));
}

static int
compare(const void *a, const void *b)
{
	const struct xo_report_row *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return strcmp(x->name, y->name);
}

struct xo_report_row *
xo_report_rows(const json_t *object, size_t top, size_t *n_r)
{
	size_t n = json_object_size(object), i = 0;
	struct xo_report_row *rows =
	    xo_tool_require(calloc(n + 1, sizeof(*rows)));
	const char *key;
	json_t *value;

	/* jansson's iterators want no const. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		rows[i++] = (struct xo_report_row){key, number_of(value),
		    value};
	qsort(rows, n, sizeof(*rows), compare);
	*n_r = n < top ? n : top;
	return rows;
}

json_int_t
xo_report_sum(const json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		sum += json_is_object(value) ? xo_report_sum(value) :
		    json_integer_value(value);
	return sum;
}

json_int_t
xo_report_action(const json_t *report, const char *action)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(report, "verdicts"), key, value)
		sum += json_integer_value(json_object_get(value, action));
	return sum;
}
