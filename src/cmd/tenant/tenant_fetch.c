/* SPDX-License-Identifier: ISC */
/*
 * All tenants of a redis: table, while others write it. What is read is no picture
 * of one moment: a tenant that comes or goes meanwhile may be in it or not. But of
 * each tenant all keys were seen at one moment with the same record.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>
#include <cmd/tenant/tenant_link.h>

#include <unistd.h>

#include <table/question.h>

/* Keys that are asked for at once. */
#define PAGE 256
/* How often, and every so many us, a tenant is looked at that is being written. */
#define TRIES 5
#define PAUSE 100000

struct fetch {
	struct xo_tenant_link *link;
	struct xo_tenant_keys keys;
	struct xo_tenant_rows *rows;
	/* Of a page: those that stand under the first of their keys. */
	struct xo_tenant_record found[PAGE];
	bool is_odd[PAGE];
	size_t n;
};

/* --- one tenant ------------------------------------------------------------ */

/* A tenant is taken once, by the first of its keys. */
static void
take(struct fetch *f, const struct xo_tenant_record *record)
{
	struct xo_tenant_key *first = xo_tenant_keys_find(&f->keys,
	    record->keys[0]);

	if (first == NULL || !first->is_claimed)
		xo_tenant_rows_put(f->rows, record->text);
	for (size_t i = 0; i < record->n; i++) {
		struct xo_tenant_key *key = xo_tenant_keys_find(&f->keys,
		    record->keys[i]);

		if (key != NULL)
			key->is_claimed = true;
	}
}

static void
ask_all(const struct fetch *f, const struct xo_tenant_record *record)
{
	xo_tenant_link_say(f->link, "MGET", record->n);
	for (size_t i = 0; i < record->n; i++)
		xo_tenant_link_key(f->link, record->keys[i]);
}

/* *differs_r: which of its keys has not this record; `n`: all have. */
static bool
read_all(const struct fetch *f, const struct xo_tenant_record *record,
    size_t *differs_r)
{
	struct xo_resp reply;
	uint64_t n;

	*differs_r = record->n;
	if (!xo_tenant_link_read_number(f->link, '*', record->n, &n))
		return false;
	if (n < record->n)
		return xo_tenant_link_complain(f->link, "MGET", "too few "
		    "values");
	for (size_t i = 0; i < n; i++) {
		if (!xo_tenant_link_read(f->link, &reply))
			return false;
		if (*differs_r == record->n && !xo_span_is_equal(reply.text,
		    record->text))
			*differs_r = i;
	}
	return true;
}

/* What stands under a key now, in memory of its own. *at_r of its keys it is; SIZE_MAX:
 * nothing is there any more. */
static bool
read_again(const struct fetch *f, struct xo_span key,
    struct xo_tenant_record *record, size_t *at_r)
{
	struct xo_resp reply;
	char *copy;

	*at_r = SIZE_MAX;
	xo_tenant_link_say(f->link, "GET", 1);
	xo_tenant_link_key(f->link, key);
	if (!xo_tenant_link_read(f->link, &reply))
		return false;
	if (reply.kind != XO_RESP_VALUE)
		return true;
	copy = xo_tool_require(xo_conf_arena_copy(f->rows->scratch,
	    reply.text));
	return xo_tenant_rows_read(f->rows, key, xo_span(copy, reply.text.len),
	    record, at_r);
}

/* Its keys did not agree when they were read. Perhaps they do now. */
static bool
settle(struct fetch *f, struct xo_span key)
{
	struct xo_tenant_record record;
	size_t at, differs = 0;

	for (int i = 0; i < TRIES; i++) {
		if (i > 0)
			(void)usleep(PAUSE);
		if (!read_again(f, key, &record, &at))
			return false;
		if (at == SIZE_MAX)
			return true;
		ask_all(f, &record);
		if (!read_all(f, &record, &differs))
			return false;
		if (differs == record.n) {
			take(f, &record);
			return true;
		}
	}
	xo_tool_complain("tenant: %s: key %.*s: expected the record that is "
	    "under %.*s, which lists it", f->rows->source,
	    (int)record.keys[differs].len,
	    (const char *)record.keys[differs].p, (int)key.len,
	    (const char *)key.p);
	return false;
}

/* --- all of them ----------------------------------------------------------- */

static bool
look(struct fetch *f, struct xo_tenant_key *key)
{
	struct xo_tenant_record *record = &f->found[f->n];
	struct xo_resp reply;
	char *copy;
	size_t at;

	if (!xo_tenant_link_read(f->link, &reply))
		return xo_tenant_rows_complain(f->rows, key->text,
		    "expected a value");
	key->is_gone = reply.kind != XO_RESP_VALUE;
	if (key->is_gone)
		return true;
	copy = xo_tool_require(xo_conf_arena_copy(f->rows->scratch,
	    reply.text));
	if (!xo_tenant_rows_read(f->rows, key->text, xo_span(copy,
	    reply.text.len), record, &at))
		return false;
	if (at > 0 || key->is_claimed)
		return true;
	if (record->n > 1)
		ask_all(f, record);
	f->n++;
	return true;
}

static bool
read_page(struct fetch *f, struct xo_tenant_key *list, size_t n)
{
	f->n = 0;
	xo_conf_arena_clear(f->rows->scratch);
	for (size_t i = 0; i < n; i++) {
		xo_tenant_link_say(f->link, "GET", 1);
		xo_tenant_link_key(f->link, list[i].text);
	}
	for (size_t i = 0; i < n; i++)
		if (!look(f, &list[i]))
			return false;
	for (size_t i = 0; i < f->n; i++) {
		size_t differs = f->found[i].n;

		if (f->found[i].n > 1 && !read_all(f, &f->found[i], &differs))
			return false;
		f->is_odd[i] = differs < f->found[i].n;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (!f->is_odd[i])
			take(f, &f->found[i]);
		else if (!settle(f, f->found[i].keys[0]))
			return false;
	}
	return true;
}

/* Those that no tenant has that was read: of one that came meanwhile, or left from
 * one that changed. */
static bool
read_left(struct fetch *f)
{
	for (size_t i = 0; i < f->keys.n; i++) {
		const struct xo_tenant_key *key = &f->keys.list[i];

		xo_conf_arena_clear(f->rows->scratch);
		if (!key->is_gone && !key->is_claimed &&
		    !settle(f, key->text))
			return false;
	}
	return true;
}

static bool
read_table(struct fetch *f)
{
	bool has_mark = false;

	if (!xo_tenant_link_has_mark(f->link, &has_mark))
		return false;
	if (!has_mark)
		return xo_tenant_link_complain(f->link, "no key "
		    XO_QUESTION_MARK, "it is no table, or not a whole one");
	if (!xo_tenant_link_scan(f->link, &f->keys))
		return false;
	for (size_t i = 0; i < f->keys.n; i += PAGE)
		if (!read_page(f, &f->keys.list[i], f->keys.n - i < PAGE ?
		    f->keys.n - i : PAGE))
			return false;
	return read_left(f);
}

bool
xo_tenant_fetch(const struct xo_conf *conf, const struct xo_conf_table *table,
    struct xo_tenant_rows *rows)
{
	static struct fetch fetch;
	bool is_good;

	fetch = (struct fetch){
		.link = xo_tenant_link_open(conf, table),
		.rows = rows,
	};
	is_good = fetch.link != NULL && read_table(&fetch);
	xo_tenant_keys_fini(&fetch.keys);
	xo_tenant_link_close(&fetch.link);
	return is_good;
}
