/* SPDX-License-Identifier: ISC */
/*
 * Tenants as records under keys, and records as rows of tenants again.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <errno.h>
#include <jansson.h>

#include <conf/cdb.h>
#include <conf/guest.h>
#include <table/question.h>

/* --- out of a source ------------------------------------------------------- */

bool
xo_tenant_rows_complain(const struct xo_tenant_rows *rows, struct xo_span key,
    const char *what)
{
	xo_tool_complain("tenant: %s: key %.*s: %s", rows->source,
	    (int)key.len, (const char *)key.p, what);
	return false;
}

static void
add_keys(struct xo_tenant_record *record, const json_t *list,
    enum xo_key_kind kind, struct xo_conf_arena *arena)
{
	struct xo_buf text = {0};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *entry = json_string_value(json_array_get(list, i));

		xo_buf_clear(&text);
		if (entry != NULL)
			xo_question_write(&text, kind, xo_span_from_cstr(entry));
		record->keys[record->n++] = xo_span(xo_tool_require(
		    xo_conf_arena_copy(arena, xo_buf_span(&text))), text.len);
	}
	xo_buf_fini(&text);
}

bool
xo_tenant_record_read(struct xo_span text, struct xo_conf_arena *arena,
    struct xo_tenant_record *record_r)
{
	json_t *object = json_loadb((const char *)text.p, text.len, 0, NULL);
	const json_t *orgs = json_object_get(object, "originator_orgs");
	const json_t *senders = json_object_get(object, "sender_domains");
	const json_t *names = json_object_get(object, "certificate_names");
	size_t n = json_array_size(orgs) + json_array_size(senders) +
	    json_array_size(names);
	bool is_good = json_array_size(orgs) > 0;

	*record_r = (struct xo_tenant_record){.text = text};
	if (is_good) {
		record_r->keys = xo_tool_require(xo_conf_arena_alloc(arena, n,
		    sizeof(*record_r->keys)));
		add_keys(record_r, orgs, XO_KEY_ORG, arena);
		add_keys(record_r, senders, XO_KEY_SENDER, arena);
		add_keys(record_r, names, XO_KEY_CERTIFICATE, arena);
	}
	json_decref(object);
	return is_good;
}

size_t
xo_tenant_record_find(const struct xo_tenant_record *record,
    struct xo_span key)
{
	size_t i = 0;

	while (i < record->n && !xo_span_is_equal(record->keys[i], key))
		i++;
	return i;
}

bool
xo_tenant_rows_read(const struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span text, struct xo_tenant_record *record_r, size_t *at_r)
{
	if (!xo_tenant_record_read(text, rows->scratch, record_r))
		return xo_tenant_rows_complain(rows, key, "expected a JSON "
		    "object with originator_orgs");
	*at_r = xo_tenant_record_find(record_r, key);
	return *at_r < record_r->n || xo_tenant_rows_complain(rows, key,
	    "expected a record that lists it");
}

/* A line: no string of JSON has a line end in it. */
void
xo_tenant_rows_put(struct xo_tenant_rows *rows, struct xo_span record)
{
	for (size_t i = 0; i < record.len; i++)
		xo_buf_add_byte(rows->out, record.p[i] == '\n' ||
		    record.p[i] == '\r' ? ' ' : record.p[i]);
	xo_buf_add_byte(rows->out, '\n');
	(void)xo_tool_require(rows->out->err == XO_OK ? rows : NULL);
}

bool
xo_tenant_rows_add(struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span text)
{
	struct xo_tenant_record record;
	size_t at;

	if (xo_span_is_equal(key, XO_LIT(XO_QUESTION_MARK)))
		return true;
	xo_conf_arena_clear(rows->scratch);
	if (!xo_tenant_rows_read(rows, key, text, &record, &at))
		return false;
	rows->n_keys++;
	/* Under the first of its organisations each tenant stands once. */
	if (at > 0)
		return true;
	rows->n_entries += record.n;
	xo_tenant_rows_put(rows, text);
	return true;
}

bool
xo_tenant_rows_end(const struct xo_tenant_rows *rows)
{
	if (rows->n_keys == rows->n_entries)
		return true;
	xo_tool_complain("tenant: %s: expected a key for each entry of "
	    "originator_orgs, sender_domains and certificate_names, %zu, found "
	    "%zu", rows->source, rows->n_entries, rows->n_keys);
	return false;
}

/* --- into one -------------------------------------------------------------- */

static bool
put_list(const struct xo_span *list, size_t n, enum xo_key_kind kind,
    struct xo_span record, xo_tenant_put *put, void *arg)
{
	struct xo_buf key = {0};
	bool is_good = true;

	for (size_t i = 0; is_good && i < n; i++) {
		xo_buf_clear(&key);
		xo_question_write(&key, kind, list[i]);
		is_good = key.err == XO_OK && put(arg, xo_buf_span(&key),
		    record, kind == XO_KEY_ORG && i == 0);
	}
	xo_buf_fini(&key);
	return is_good;
}

/* False: complained. */
static bool
print_record(const struct xo_conf *conf, size_t i, struct xo_buf *record)
{
	const struct xo_tenant *t = &conf->policy.tenants[i];

	if (t->has_client_certificate) {
		xo_tool_complain("tenant: %.*s: client_certificate: expected "
		    "none in a record, since a source names no files",
		    (int)t->name.len, (const char *)t->name.p);
		return false;
	}
	xo_buf_clear(record);
	xo_conf_print_object(conf, i, record);
	(void)xo_tool_require(record->err == XO_OK ? record : NULL);
	if (record->len <= XO_GUEST_RECORD_MAX)
		return true;
	xo_tool_complain("tenant: %.*s: expected a record of at most %zu "
	    "octets, found %zu", (int)t->name.len, (const char *)t->name.p,
	    XO_GUEST_RECORD_MAX, record->len);
	return false;
}

static bool
put_tenant(const struct xo_conf *conf, size_t i, struct xo_buf *record,
    xo_tenant_put *put, void *arg)
{
	const struct xo_tenant *t = &conf->policy.tenants[i];

	if (!print_record(conf, i, record)) {
		errno = 0;
		return false;
	}
	return put_list(t->originator_orgs, t->n_originator_orgs, XO_KEY_ORG,
	    xo_buf_span(record), put, arg) &&
	    put_list(t->sender_domains, t->n_sender_domains, XO_KEY_SENDER,
	    xo_buf_span(record), put, arg) &&
	    put_list(t->certificate_names, t->n_certificate_names,
	    XO_KEY_CERTIFICATE, xo_buf_span(record), put, arg);
}

bool
xo_tenant_records_put(const struct xo_conf *conf, xo_tenant_put *put, void *arg)
{
	struct xo_buf record = {0};
	bool is_good = true;

	for (size_t i = 0; is_good && i < conf->policy.n_tenants; i++)
		is_good = put_tenant(conf, i, &record, put, arg);
	xo_buf_fini(&record);
	return is_good;
}

static bool
put_into_cdb(void *arg, struct xo_span key, struct xo_span record,
    bool is_first)
{
	(void)is_first;
	return xo_cdb_add(arg, key, record);
}

bool
xo_tenant_write_cdb(const struct xo_conf *conf, int fd)
{
	struct xo_cdb_maker *maker = xo_cdb_make(fd);
	bool is_good = maker != NULL && xo_tenant_records_put(conf, put_into_cdb, maker);
	int e = errno;

	if (maker != NULL && !xo_cdb_finish(&maker) && is_good) {
		e = errno;
		is_good = false;
	}
	if (!is_good && e != 0)
		xo_tool_complain("tenant: a cdb file: %s", strerror(e));
	return is_good;
}
