/* SPDX-License-Identifier: ISC */
/*
 * Memory and generations of the metrics: see metrics.h.
 */
#include <stdlib.h>
#include <time.h>

#include "metrics_table.h"

struct xo_slot *
xo_metrics_slot(const struct xo_metrics *metrics, size_t i)
{
	uint8_t *first = metrics->memory.p + xo_shared_page();

	return (struct xo_slot *)(void *)(first + i * metrics->slot_size);
}

static size_t
master_slot(const struct xo_metrics *metrics)
{
	return metrics->n_slots - 1;
}

static void
lay_out(struct xo_metrics *metrics)
{
	size_t at = 0;

	for (int row = 0; row < XO_METRIC_COUNT; row++) {
		const struct xo_metric_info *info =
		    xo_metric_info((enum xo_metric)row);
		size_t n = 1;

		for (int i = 0; i < XO_METRIC_LABELS; i++)
			n *= metrics->names[info->dims[i]].n;
		metrics->offset[row] = at;
		at += n;
	}
	metrics->offset[XO_METRIC_COUNT] = at;
}

static bool
map_memory(struct xo_metrics *metrics)
{
	size_t align = xo_shared_page();
	size_t n = sizeof(struct xo_slot) +
	    metrics->offset[XO_METRIC_COUNT] * sizeof(uint64_t);

	/* The head has a page of its own: it is the master's alone. */
	metrics->slot_size = (n + align - 1) / align * align;
	if (!xo_shared_map(&metrics->memory, align + metrics->n_slots *
	    metrics->slot_size))
		return false;
	metrics->head = (struct xo_metrics_head *)(void *)metrics->memory.p;
	return true;
}

struct named {
	const char *name;
	size_t index;
};

static int
compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
	    ((const struct named *)b)->name);
}

/* Where the names of `from` stand in `to`. NULL: no memory. */
static size_t *
map_names(const struct xo_names *from, const struct xo_names *to)
{
	size_t *map = calloc(from->n + 1, sizeof(*map));
	struct named *sorted = calloc(to->n + 1, sizeof(*sorted));

	if (map == NULL || sorted == NULL) {
		free(sorted);
		free(map);
		return NULL;
	}
	for (size_t i = 0; i < to->n; i++)
		sorted[i] = (struct named){to->names[i], i};
	qsort(sorted, to->n, sizeof(*sorted), compare_named);
	for (size_t i = 0; i < from->n; i++) {
		struct named key = {from->names[i], 0};
		const struct named *found = bsearch(&key, sorted, to->n,
		    sizeof(*sorted), compare_named);

		map[i] = found != NULL ? found->index : SIZE_MAX;
	}
	free(sorted);
	return map;
}

static bool
follow(struct xo_metrics *metrics, struct xo_metrics *previous)
{
	for (int d = 0; d < XO_DIM_COUNT; d++) {
		metrics->map[d] = map_names(&previous->names[d],
		    &metrics->names[d]);
		if (metrics->map[d] == NULL)
			return false;
	}
	metrics->head->start = previous->head->start;
	metrics->drops = previous->drops;
	metrics->previous = previous;
	return true;
}

size_t
xo_metrics_map_cell(const struct xo_metrics *metrics, enum xo_metric row,
    size_t i)
{
	const struct xo_metric_info *info = xo_metric_info(row);
	size_t cell = 0;
	size_t stride = 1;

	/* The last label turns fastest. */
	for (int l = XO_METRIC_LABELS - 1; l >= 0; l--) {
		enum xo_dim dim = info->dims[l];
		size_t n = metrics->previous->names[dim].n;
		size_t to = metrics->map[dim][i % n];

		if (to == SIZE_MAX)
			return SIZE_MAX;
		cell += to * stride;
		stride *= metrics->names[dim].n;
		i /= n;
	}
	return cell;
}

struct xo_metrics *
xo_metrics_new(const struct xo_conf *conf, size_t n_workers,
    struct xo_metrics *previous)
{
	struct xo_metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL)
		return NULL;
	metrics->n_slots = n_workers + 1;
	if (!xo_names_init(metrics->names, conf))
		goto failed;
	lay_out(metrics);
	if (!map_memory(metrics))
		goto failed;
	metrics->own = xo_metrics_slot(metrics, master_slot(metrics));
	metrics->head->start = (int64_t)time(NULL);
	if (previous == NULL || follow(metrics, previous))
		return metrics;
failed:
	xo_metrics_free(&metrics);
	return NULL;
}

void
xo_metrics_free(struct xo_metrics **metrics)
{
	struct xo_metrics *m = *metrics;

	if (m == NULL)
		return;
	xo_metrics_free(&m->previous);
	for (int d = 0; d < XO_DIM_COUNT; d++)
		free(m->map[d]);
	xo_names_fini(m->names);
	xo_shared_unmap(&m->memory);
	free(m);
	*metrics = NULL;
}

static void
take_over_hour(struct xo_slot *slot, const struct xo_snapshot *sums,
    uint64_t now)
{
	uint64_t minute = now / 60000 + 1;

	for (uint64_t i = 0; i < XO_MINUTES && i < minute; i++) {
		struct xo_minute *m = xo_minute_at(slot->hour, minute - i);

		for (int v = 0; v < XO_VERDICT_COUNT; v++)
			xo_cell_add(&m->messages[v], sums->minutes[i][v]);
	}
}

static void
take_over(struct xo_metrics *metrics, const struct xo_snapshot *sums)
{
	struct xo_slot *slot = xo_metrics_slot(metrics, master_slot(metrics));
	_Atomic uint64_t *forgotten = &slot->cells[
	    metrics->offset[XO_METRIC_ORGS_FORGOTTEN]];

	for (int row = 0; row < XO_METRIC_COUNT; row++) {
		const size_t *old = metrics->previous->offset;
		enum xo_metric r = (enum xo_metric)row;

		if (xo_metric_info(r)->type != XO_METRIC_COUNTER)
			continue;
		for (size_t i = 0; i < old[row + 1] - old[row]; i++) {
			size_t to = xo_metrics_map_cell(metrics, r, i);

			if (to != SIZE_MAX)
				xo_cell_add(
				    &slot->cells[metrics->offset[row] + to],
				    sums->cells[old[row] + i]);
		}
	}
	for (size_t i = 0; i < sums->n_orgs; i++)
		xo_org_add(slot->orgs, XO_ORGS_PER_SLOT, &sums->orgs[i],
		    forgotten);
	for (size_t i = 0; i < sums->n_recipients; i++)
		xo_org_add(slot->recipients, XO_RECIPIENTS_PER_SLOT,
		    &sums->recipients[i], NULL);
}

void
xo_metrics_settle(struct xo_metrics *metrics, uint64_t now)
{
	struct xo_metrics_head *head = metrics->head;
	struct xo_snapshot sums;
	uint32_t turn;

	/* Without memory for it the old ones stay, and are read as before. */
	if (metrics->previous == NULL ||
	    !xo_snapshot_init(&sums, metrics->previous, now))
		return;
	turn = atomic_load_explicit(&head->turn, memory_order_relaxed);
	atomic_store_explicit(&head->turn, turn + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	take_over(metrics, &sums);
	take_over_hour(metrics->own, &sums, now);
	atomic_store_explicit(&head->is_settled, 1, memory_order_relaxed);
	atomic_store_explicit(&head->turn, turn + 2, memory_order_release);
	xo_snapshot_fini(&sums);
	xo_metrics_free(&metrics->previous);
}

void
xo_metrics_attach(struct xo_metrics *metrics, size_t slot)
{
	if (slot < master_slot(metrics))
		metrics->own = xo_metrics_slot(metrics, slot);
	metrics->drops = 0;
}

void
xo_metrics_guard(struct xo_metrics *metrics, bool has_slot)
{
	const uint8_t *own = (const uint8_t *)metrics->own;

	if (has_slot)
		xo_shared_keep(&metrics->memory,
		    (size_t)(own - metrics->memory.p), metrics->slot_size);
	else
		xo_shared_keep(&metrics->memory, 0, 0);
	for (struct xo_metrics *m = metrics->previous; m != NULL;
	    m = m->previous)
		xo_shared_keep(&m->memory, 0, 0);
}

void
xo_metrics_worker_gone(struct xo_metrics *metrics, size_t slot)
{
	struct xo_slot *s;

	if (slot >= master_slot(metrics))
		return;
	s = xo_metrics_slot(metrics, slot);
	xo_cell_set(&s->beat, 0);
	for (int row = 0; row < XO_METRIC_COUNT; row++) {
		enum xo_metric_type type =
		    xo_metric_info((enum xo_metric)row)->type;

		if (type != XO_METRIC_GAUGE && type != XO_METRIC_EXPIRES)
			continue;
		for (size_t i = metrics->offset[row];
		    i < metrics->offset[row + 1]; i++)
			xo_cell_set(&s->cells[i], 0);
	}
}

void
xo_metrics_beat(struct xo_metrics *metrics, uint64_t now)
{
	xo_cell_set(&metrics->own->beat, now);
}

size_t
xo_metrics_alive(const struct xo_metrics *metrics, uint64_t now, uint64_t age)
{
	size_t n = 0;

	for (; metrics != NULL; metrics = metrics->previous) {
		for (size_t i = 0; i < master_slot(metrics); i++) {
			uint64_t beat = xo_cell_get(
			    &xo_metrics_slot(metrics, i)->beat);

			/* A beat may be newer than `now`, by a moment. */
			if (beat != 0 && (beat > now ? beat - now :
			    now - beat) <= age)
				n++;
		}
	}
	return n;
}
