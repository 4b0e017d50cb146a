/* SPDX-License-Identifier: ISC */
/*
 * Tenants as records under keys, and records as rows of tenants again.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <errno.h>
#include <jansson.h>

#include <conf/cdb.h>
#include <table/question.h>

/* --- out of a source ------------------------------------------------------- */

static bool
complain(const struct xo_tenant_rows *rows, struct xo_span key,
    const char *what)
{
	xo_tool_complain("tenant: %s: key %.*s: %s", rows->source,
	    (int)key.len, (const char *)key.p, what);
	return false;
}

/* Which of a list stands under this key; SIZE_MAX: none. */
static size_t
find_entry(const json_t *list, enum xo_key_kind kind, struct xo_span key)
{
	struct xo_buf text = {0};
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const char *entry = json_string_value(json_array_get(list, i));

		xo_buf_clear(&text);
		xo_question_write(&text, kind, xo_span_from_cstr(entry));
		if (xo_span_is_equal(xo_buf_span(&text), key))
			break;
	}
	if (i == json_array_size(list))
		i = SIZE_MAX;
	xo_buf_fini(&text);
	return i;
}

/* A line: no string of JSON has a line end in it. */
static void
add_row(struct xo_tenant_rows *rows, struct xo_span record)
{
	for (size_t i = 0; i < record.len; i++)
		xo_buf_add_byte(rows->out, record.p[i] == '\n' ||
		    record.p[i] == '\r' ? ' ' : record.p[i]);
	xo_buf_add_byte(rows->out, '\n');
}

static bool
add_record(struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span record, const json_t *object)
{
	const json_t *orgs = json_object_get(object, "originator_orgs");
	const json_t *senders = json_object_get(object, "sender_domains");
	bool is_org = xo_span_has_prefix_nocase(key, XO_LIT("org:"));
	size_t i = find_entry(is_org ? orgs : senders, is_org ? XO_KEY_ORG :
	    XO_KEY_SENDER, key);

	if (i == SIZE_MAX)
		return complain(rows, key, "expected a record that lists it");
	rows->n_keys++;
	/* Under the first of its organisations each tenant stands once. */
	if (!is_org || i > 0)
		return true;
	rows->n_entries += json_array_size(orgs) + json_array_size(senders);
	add_row(rows, record);
	(void)xo_tool_require(rows->out->err == XO_OK ? rows : NULL);
	return true;
}

bool
xo_tenant_rows_add(struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span record)
{
	json_t *object;
	bool is_good;

	if (xo_span_is_equal(key, XO_LIT(XO_QUESTION_MARK)))
		return true;
	object = json_loadb((const char *)record.p, record.len, 0, NULL);
	is_good = json_is_object(object) ?
	    add_record(rows, key, record, object) :
	    complain(rows, key, "expected a JSON object");
	json_decref(object);
	return is_good;
}

bool
xo_tenant_rows_end(const struct xo_tenant_rows *rows)
{
	if (rows->n_keys == rows->n_entries)
		return true;
	xo_tool_complain("tenant: %s: expected a key for each entry of "
	    "originator_orgs and sender_domains, %zu, found %zu", rows->source,
	    rows->n_entries, rows->n_keys);
	return false;
}

/* --- into one -------------------------------------------------------------- */

typedef bool put_fn(void *arg, struct xo_span key, struct xo_span record);

static bool
put_list(const struct xo_span *list, size_t n, enum xo_key_kind kind,
    struct xo_span record, put_fn *put, void *arg)
{
	struct xo_buf key = {0};
	bool is_good = true;

	for (size_t i = 0; is_good && i < n; i++) {
		xo_buf_clear(&key);
		xo_question_write(&key, kind, list[i]);
		is_good = key.err == XO_OK && put(arg, xo_buf_span(&key),
		    record);
	}
	xo_buf_fini(&key);
	return is_good;
}

static bool
put_tenant(const struct xo_conf *conf, size_t i, struct xo_buf *record,
    put_fn *put, void *arg)
{
	const struct xo_tenant *t = &conf->policy.tenants[i];

	if (t->has_client_certificate) {
		xo_tool_complain("tenant: %.*s: client_certificate: expected "
		    "none in a record, since a source names no files",
		    (int)t->name.len, (const char *)t->name.p);
		errno = 0;
		return false;
	}
	xo_buf_clear(record);
	xo_conf_print_object(conf, i, record);
	return record->err == XO_OK &&
	    put_list(t->originator_orgs, t->n_originator_orgs, XO_KEY_ORG,
	    xo_buf_span(record), put, arg) &&
	    put_list(t->sender_domains, t->n_sender_domains, XO_KEY_SENDER,
	    xo_buf_span(record), put, arg);
}

static bool
put_all(const struct xo_conf *conf, put_fn *put, void *arg)
{
	struct xo_buf record = {0};
	bool is_good = true;

	for (size_t i = 0; is_good && i < conf->policy.n_tenants; i++)
		is_good = put_tenant(conf, i, &record, put, arg);
	xo_buf_fini(&record);
	return is_good;
}

static bool
put_into_cdb(void *arg, struct xo_span key, struct xo_span record)
{
	return xo_cdb_add(arg, key, record);
}

bool
xo_tenant_write_cdb(const struct xo_conf *conf, int fd)
{
	struct xo_cdb_maker *maker = xo_cdb_make(fd);
	bool is_good = maker != NULL && put_all(conf, put_into_cdb, maker);
	int e = errno;

	if (maker != NULL && !xo_cdb_finish(&maker) && is_good) {
		e = errno;
		is_good = false;
	}
	if (!is_good && e != 0)
		xo_tool_complain("tenant: a cdb file: %s", strerror(e));
	return is_good;
}
