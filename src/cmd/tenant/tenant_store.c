/* SPDX-License-Identifier: ISC */
/*
 * Tenants into a redis: table, while gateways ask it. The order is what keeps them
 * right: first all that is there from now on, each tenant at one moment; then, when
 * no question is under way any more that was begun before, away with the rest; last
 * the mark, if there was none. So a tenant of both tables is never nobody, and of a
 * table that is being made nothing is known.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>
#include <cmd/tenant/tenant_link.h>

#include <unistd.h>

#include <table/question.h>

/* Octets and keys of a transaction, which ends with a tenant. */
#define OCTETS_MAX ((size_t)1 << 20)
#define KEYS_MAX 1000
/* Keys that are looked at, and taken away, at once. */
#define PAGE 256
/* Complaints of keys that are not ours to take away. */
#define COMPLAINTS_MAX 10

struct store {
	struct xo_tenant_link *link;
	struct xo_tenant_keys old;
	struct xo_tenant_rows rows;	/* for reading what is old */
	size_t n, octets;		/* of this transaction; 0: none */
	size_t n_foreign;
};

/* --- what there is from now on --------------------------------------------- */

static bool
end_transaction(struct store *s)
{
	struct xo_resp reply;
	uint64_t n = 0;

	if (s->n == 0)
		return true;
	xo_tenant_link_say(s->link, "EXEC", 0);
	/* MULTI, and what was queued; then what came of it. */
	for (size_t i = 0; i <= s->n; i++)
		if (!xo_tenant_link_read(s->link, &reply))
			return false;
	if (!xo_tenant_link_read_number(s->link, '*', s->n, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!xo_tenant_link_read(s->link, &reply))
			return false;
	if (n < s->n)
		return xo_tenant_link_complain(s->link, "EXEC", "not all was "
		    "done");
	s->n = s->octets = 0;
	return true;
}

static bool
put(void *arg, struct xo_span key, struct xo_span record, bool is_first)
{
	struct store *s = arg;
	struct xo_tenant_key *old = xo_tenant_keys_find(&s->old, key);

	if (is_first && (s->n >= KEYS_MAX || s->octets >= OCTETS_MAX) &&
	    !end_transaction(s))
		return false;
	if (s->n == 0)
		xo_tenant_link_say(s->link, "MULTI", 0);
	if (old != NULL)
		old->is_claimed = true;
	xo_tenant_link_say(s->link, "SET", 2);
	xo_tenant_link_key(s->link, key);
	xo_tenant_link_word(s->link, record);
	s->n++;
	s->octets += record.len;
	return true;
}

static bool
put_nowhere(void *arg, struct xo_span key, struct xo_span record,
    bool is_first)
{
	(void)arg;
	(void)key;
	(void)record;
	(void)is_first;
	return true;
}

/* --- what goes ------------------------------------------------------------- */

/* Another's key may look like one of ours: it is, if a record is there that lists
 * it. One of another kind is nil here. */
static bool
is_ours(struct store *s, const struct xo_tenant_key *key,
    const struct xo_resp *reply)
{
	struct xo_tenant_record record;

	xo_conf_arena_clear(s->rows.scratch);
	if (reply->kind == XO_RESP_VALUE && xo_tenant_record_read(reply->text,
	    s->rows.scratch, &record) && xo_tenant_record_find(&record,
	    key->text) < record.n)
		return true;
	if (s->n_foreign++ < COMPLAINTS_MAX)
		(void)xo_tenant_rows_complain(&s->rows, key->text, "expected a "
		    "record that lists it; it is left as it is");
	return false;
}

static bool
remove_page(struct store *s, struct xo_tenant_key *const *list, size_t n)
{
	struct xo_resp reply;
	uint64_t got = 0;
	bool is_good = true;
	size_t n_ours = 0;
	struct xo_tenant_key *ours[PAGE];

	xo_tenant_link_say(s->link, "MGET", n);
	for (size_t i = 0; i < n; i++)
		xo_tenant_link_key(s->link, list[i]->text);
	if (!xo_tenant_link_read_number(s->link, '*', n, &got))
		return false;
	for (size_t i = 0; is_good && i < got; i++) {
		is_good = xo_tenant_link_read(s->link, &reply);
		/* analyser: `got` is at most n */
		if (is_good && is_ours(s, list[i], &reply))
			ours[n_ours++] = list[i];
	}
	if (!is_good || n_ours == 0)
		return is_good;
	xo_tenant_link_say(s->link, "DEL", n_ours);
	for (size_t i = 0; i < n_ours; i++)
		xo_tenant_link_key(s->link, ours[i]->text);
	return xo_tenant_link_read_number(s->link, ':', n_ours, &got);
}

static bool
remove_old(struct store *s, uint32_t pause)
{
	struct xo_tenant_key *list[PAGE];
	size_t n = 0;
	bool is_good = true;

	for (size_t i = 0; is_good && i < s->old.n; i++) {
		if (s->old.list[i].is_claimed)
			continue;
		if (n == 0 && pause > 0)
			(void)usleep(pause * 1000);
		pause = 0;
		list[n++] = &s->old.list[i];
		if (n < PAGE)
			continue;
		is_good = remove_page(s, list, n);
		n = 0;
	}
	return is_good && (n == 0 || remove_page(s, list, n));
}

/* --- all of it ------------------------------------------------------------- */

static bool
write_mark(struct xo_tenant_link *link)
{
	struct xo_resp reply;

	xo_tenant_link_say(link, "SET", 2);
	xo_tenant_link_key(link, XO_LIT(XO_QUESTION_MARK));
	xo_tenant_link_word(link, XO_LIT(XO_QUESTION_MARK_VALUE));
	return xo_tenant_link_read(link, &reply);
}

static bool
write_table(struct store *s, const struct xo_conf *conf)
{
	bool has_mark = false;
	uint32_t pause = conf->policy.limits.lookup_timeout;

	if (!xo_tenant_link_has_mark(s->link, &has_mark) ||
	    !xo_tenant_link_scan(s->link, &s->old))
		return false;
	if (xo_tenant_records_put(conf, put, s) && end_transaction(s) &&
	    remove_old(s, has_mark ? pause : 0) && write_mark(s->link))
		return true;
	return xo_tenant_link_complain(s->link, "not all of it was written",
	    "the old tenants are in it beside the new ones, until it is "
	    "imported again");
}

bool
xo_tenant_store(const struct xo_conf *conf, const struct xo_conf_table *table)
{
	struct store s = {.rows.source = table->text};
	bool is_good;

	/* What cannot be a record is told before anything is changed. */
	if (!xo_tenant_records_put(conf, put_nowhere, NULL))
		return false;
	s.rows.scratch = xo_tool_require(xo_conf_arena_new());
	s.link = xo_tenant_link_open(conf, table);
	is_good = s.link != NULL && write_table(&s, conf);
	if (s.n_foreign > COMPLAINTS_MAX)
		xo_tool_complain("tenant: %s: and %zu more such keys",
		    table->text, s.n_foreign - COMPLAINTS_MAX);
	xo_tenant_keys_fini(&s.old);
	xo_tenant_link_close(&s.link);
	xo_conf_arena_free(&s.rows.scratch);
	return is_good && s.n_foreign == 0;
}
