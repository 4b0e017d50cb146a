/* SPDX-License-Identifier: ISC */
/*
 * The table of originator orgs seen: sets of eight entries by hash, in each of
 * which the one not seen for longest gives way.
 *
 * One process writes a table; another may read it meanwhile. `turn` tells the
 * reader that an entry changed while it was read.
 */
#include <stdlib.h>

#include "metrics_table.h"

#define WAYS 8
#define NAME_WORDS ((XO_ORG_MAX + 1) / 8)

struct name {
	uint64_t words[NAME_WORDS];	/* zeros behind it */
	size_t n;			/* words in use */
};

static uint32_t
hash(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 16;
}

/* Length, verdict, decision and would-be decision, an octet each. */
static uint32_t
pack(const struct xo_metrics_org *org)
{
	return (uint32_t)org->len | (uint32_t)org->verdict << 8 |
	    (uint32_t)org->decision << 16 | (uint32_t)org->would << 24;
}

static uint32_t
entry_state(const struct xo_org_entry *entry)
{
	return atomic_load_explicit(&entry->state, memory_order_relaxed);
}

static bool
is_named(const struct xo_org_entry *entry, const struct name *name, size_t len)
{
	if ((entry_state(entry) & 0xFF) != len)
		return false;
	for (size_t i = 0; i < name->n; i++) {
		if (xo_cell_get(&entry->name[i]) != name->words[i])
			return false;
	}
	return true;
}

/* The entry of that name, else an empty one, else the oldest. */
static struct xo_org_entry *
find(struct xo_org_entry *set, const struct name *name, size_t len,
    bool *is_found_r)
{
	struct xo_org_entry *best = set;

	*is_found_r = false;
	for (size_t i = 0; i < WAYS; i++) {
		if (is_named(&set[i], name, len)) {
			*is_found_r = true;
			return &set[i];
		}
		/* Empty ones were last seen in 1970. */
		if (xo_cell_get(&set[i].last) < xo_cell_get(&best->last))
			best = &set[i];
	}
	return best;
}

static void
rename_entry(struct xo_org_entry *entry, const struct name *name,
    const struct xo_metrics_org *org)
{
	for (size_t i = 0; i < NAME_WORDS; i++)
		xo_cell_set(&entry->name[i], name->words[i]);
	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		xo_cell_set(&entry->messages[v], 0);
	xo_cell_set(&entry->first, (uint64_t)org->first);
	xo_cell_set(&entry->last, 0);
}

static void
update_entry(struct xo_org_entry *entry, const struct xo_metrics_org *org)
{
	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		xo_cell_add(&entry->messages[v], org->messages[v]);
	if ((uint64_t)org->first < xo_cell_get(&entry->first))
		xo_cell_set(&entry->first, (uint64_t)org->first);
	if ((uint64_t)org->last >= xo_cell_get(&entry->last)) {
		xo_cell_set(&entry->last, (uint64_t)org->last);
		atomic_store_explicit(&entry->state, pack(org),
		    memory_order_relaxed);
	}
}

void
xo_org_add(struct xo_org_entry *table, size_t n_entries,
    const struct xo_metrics_org *org, _Atomic uint64_t *forgotten)
{
	struct name name = {.n = ((size_t)org->len + 7) / 8};
	struct xo_org_entry *entry;
	uint32_t turn;
	bool is_found;

	if (org->len == 0)
		return;
	memcpy(name.words, org->name, org->len);
	entry = find(&table[hash(org->name, org->len) %
	    (n_entries / WAYS) * WAYS], &name,
	    org->len, &is_found);
	/* Odd already if a worker died here. */
	turn = atomic_load_explicit(&entry->turn, memory_order_relaxed) | 1;
	atomic_store_explicit(&entry->turn, turn, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	if (!is_found) {
		if (entry_state(entry) != 0 && forgotten != NULL)
			xo_cell_add(forgotten, 1);
		rename_entry(entry, &name, org);
	}
	update_entry(entry, org);
	atomic_store_explicit(&entry->turn, turn + 1, memory_order_release);
}

void
xo_metrics_org(struct xo_metrics *metrics, struct xo_span org,
    const struct xo_answer *answer, int64_t now)
{
	struct xo_metrics_org seen = {.verdict = answer->verdict,
		.decision = answer->decision, .would = answer->would,
		.first = now, .last = now};

	if (metrics == NULL ||
	    (unsigned int)answer->verdict >= XO_VERDICT_COUNT)
		return;
	org = xo_span_first(org, XO_ORG_MAX);
	for (size_t i = 0; i < org.len; i++)
		seen.name[i] = xo_ascii_lower(org.p[i]);
	seen.len = (uint8_t)org.len;
	seen.messages[seen.verdict] = 1;
	xo_org_add(metrics->own->orgs, XO_ORGS_PER_SLOT, &seen, &metrics->own->cells[
	    metrics->offset[XO_METRIC_ORGS_FORGOTTEN]]);
}

/* Cut in the domain, which may be anything; a tenant's name is ours. */
static void
name_recipient(struct xo_metrics_org *seen, struct xo_span domain,
    struct xo_span tenant)
{
	tenant = xo_span_first(tenant, XO_ORG_MAX / 2);
	domain = xo_span_first(domain, XO_ORG_MAX - 1 - tenant.len);
	for (size_t i = 0; i < domain.len; i++)
		seen->name[i] = domain.p[i] == ' ' ? '?' :
		    xo_ascii_lower(domain.p[i]);
	seen->name[domain.len] = ' ';
	if (tenant.len > 0)
		memcpy(seen->name + domain.len + 1, tenant.p, tenant.len);
	seen->len = (uint8_t)(domain.len + 1 + tenant.len);
}

void
xo_metrics_recipient_domain(struct xo_metrics *metrics, struct xo_span domain,
    struct xo_span tenant, enum xo_refusal refusal, bool is_observed,
    int64_t now)
{
	struct xo_metrics_org seen = {.decision = is_observed ?
		XO_DECISION_DEMOTE : XO_DECISION_REJECT,
		.would = XO_DECISION_REJECT, .first = now, .last = now};
	size_t reason = 0;

	while (reason < XO_RECIPIENT_REASONS &&
	    xo_recipient_reasons[reason] != refusal)
		reason++;
	if (metrics == NULL || reason == XO_RECIPIENT_REASONS)
		return;
	seen.verdict = (enum xo_verdict)reason;
	seen.messages[is_observed ? XO_MODE_OBSERVE : XO_MODE_ENFORCE] = 1;
	name_recipient(&seen, domain, tenant);
	xo_org_add(metrics->own->recipients, XO_RECIPIENTS_PER_SLOT, &seen,
	    NULL);
}

struct xo_metrics_recipient
xo_snapshot_recipient(const struct xo_snapshot *snapshot, size_t i)
{
	const struct xo_metrics_org *seen = &snapshot->recipients[i];
	struct xo_span name = xo_span(seen->name, seen->len);
	size_t n = xo_span_find(name, ' ');
	size_t reason = (size_t)seen->verdict;

	return (struct xo_metrics_recipient){
		.domain = xo_span_first(name, n),
		.tenant = xo_span_from(name, n + 1),
		/* What other processes wrote may be anything. */
		.reason = reason < XO_RECIPIENT_REASONS ?
		    xo_recipient_reasons[reason] : XO_REFUSAL_NONE,
		.n_refused = seen->messages[XO_MODE_ENFORCE],
		.n_observed = seen->messages[XO_MODE_OBSERVE],
		.first = seen->first, .last = seen->last,
	};
}

static void
copy_entry(const struct xo_org_entry *entry, struct xo_metrics_org *org)
{
	uint64_t words[NAME_WORDS];
	uint32_t state = entry_state(entry);

	for (size_t i = 0; i < NAME_WORDS; i++)
		words[i] = xo_cell_get(&entry->name[i]);
	memcpy(org->name, words, sizeof(org->name));
	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		org->messages[v] = xo_cell_get(&entry->messages[v]);
	org->len = (uint8_t)(state & 0xFF);
	org->verdict = (enum xo_verdict)(state >> 8 & 0xFF);
	org->decision = (enum xo_decision)(state >> 16 & 0xFF);
	org->would = (enum xo_decision)(state >> 24);
	org->first = (int64_t)xo_cell_get(&entry->first);
	org->last = (int64_t)xo_cell_get(&entry->last);
}

/* The worker that wrote it may have been taken over. */
static bool
is_possible(const struct xo_metrics_org *org)
{
	return (unsigned int)org->verdict < XO_VERDICT_COUNT &&
	    (unsigned int)org->decision < XO_DECISION_COUNT &&
	    (unsigned int)org->would < XO_DECISION_COUNT;
}

bool
xo_org_read(const struct xo_org_entry *entry, struct xo_metrics_org *org_r)
{
	for (int i = 0; i < 100; i++) {
		uint32_t turn = atomic_load_explicit(&entry->turn,
		    memory_order_acquire);

		if (turn == 0)
			return false;
		copy_entry(entry, org_r);
		atomic_thread_fence(memory_order_acquire);
		/* A writer that died half-way leaves it odd for ever. */
		if ((turn & 1) == 0 && turn == atomic_load_explicit(
		    &entry->turn, memory_order_relaxed))
			return org_r->len > 0 && is_possible(org_r);
	}
	return false;
}

static int
compare_orgs(const void *a, const void *b)
{
	const struct xo_metrics_org *x = a;
	const struct xo_metrics_org *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->name, y->name, x->len);
}

size_t
xo_orgs_join(struct xo_metrics_org *orgs, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(orgs, n, sizeof(*orgs), compare_orgs);
	for (size_t i = 1; i < n; i++) {
		struct xo_metrics_org *o = &orgs[kept];

		if (compare_orgs(o, &orgs[i]) != 0) {
			orgs[++kept] = orgs[i];
			continue;
		}
		for (int v = 0; v < XO_VERDICT_COUNT; v++)
			o->messages[v] += orgs[i].messages[v];
		if (orgs[i].first < o->first)
			o->first = orgs[i].first;
		if (orgs[i].last > o->last) {
			o->last = orgs[i].last;
			o->verdict = orgs[i].verdict;
			o->decision = orgs[i].decision;
			o->would = orgs[i].would;
		}
	}
	return kept + 1;
}
