/* SPDX-License-Identifier: ISC */
/*
 * Reading the metrics: slots and generations added up, and written for
 * Prometheus (text format 0.0.4).
 */
#include <stdlib.h>

#include "metrics_table.h"
#include "text.h"

static void
add_hour(struct xo_snapshot *snapshot, const struct xo_slot *slot,
    uint64_t now)
{
	uint64_t minute = now / 60000 + 1;

	for (uint64_t i = 0; i < XO_MINUTES && i < minute; i++) {
		const struct xo_minute *m =
		    &slot->hour[(minute - i) % XO_MINUTES];

		if (atomic_load_explicit(&m->minute, memory_order_acquire) !=
		    minute - i)
			continue;
		for (int v = 0; v < XO_VERDICT_COUNT; v++)
			snapshot->minutes[i][v] += xo_cell_get(
			    &m->messages[v]);
	}
}

/* Of one that several saw, the newest stands. */
static void
add_cells(struct xo_snapshot *snapshot, enum xo_metric row,
    const struct xo_slot *slot)
{
	const size_t *offset = snapshot->metrics->offset;
	bool is_time = xo_metric_info(row)->type == XO_METRIC_EXPIRES;

	for (size_t i = offset[row]; i < offset[row + 1]; i++) {
		uint64_t value = xo_cell_get(&slot->cells[i]);

		if (!is_time)
			snapshot->cells[i] += value;
		else if (value > snapshot->cells[i])
			snapshot->cells[i] = value;
	}
}

static void
add_slot(struct xo_snapshot *snapshot, const struct xo_slot *slot,
    uint64_t now)
{
	add_hour(snapshot, slot, now);
	for (int row = 0; row < XO_METRIC_COUNT; row++)
		add_cells(snapshot, (enum xo_metric)row, slot);
	for (size_t i = 0; i < XO_ORGS_PER_SLOT; i++) {
		if (xo_org_read(&slot->orgs[i],
		    &snapshot->orgs[snapshot->n_orgs]))
			snapshot->n_orgs++;
	}
	for (size_t i = 0; i < XO_RECIPIENTS_PER_SLOT; i++) {
		if (xo_org_read(&slot->recipients[i],
		    &snapshot->recipients[snapshot->n_recipients]))
			snapshot->n_recipients++;
	}
}

/* What the generation before counted, under our indexes. */
static void
add_previous(struct xo_snapshot *snapshot, const struct xo_snapshot *old)
{
	const struct xo_metrics *metrics = snapshot->metrics;

	for (int row = 0; row < XO_METRIC_COUNT; row++) {
		const size_t *from = old->metrics->offset;
		enum xo_metric r = (enum xo_metric)row;
		enum xo_metric_type type = xo_metric_info(r)->type;

		if (type != XO_METRIC_COUNTER && type != XO_METRIC_GAUGE)
			continue;
		for (size_t i = 0; i < from[row + 1] - from[row]; i++) {
			size_t to = xo_metrics_map_cell(metrics, r, i);

			if (to != SIZE_MAX)
				snapshot->cells[metrics->offset[row] + to] +=
				    old->cells[from[row] + i];
		}
	}
	memcpy(&snapshot->orgs[snapshot->n_orgs], old->orgs,
	    old->n_orgs * sizeof(*old->orgs));
	snapshot->n_orgs += old->n_orgs;
	memcpy(&snapshot->recipients[snapshot->n_recipients], old->recipients,
	    old->n_recipients * sizeof(*old->recipients));
	snapshot->n_recipients += old->n_recipients;
	for (int i = 0; i < XO_MINUTES; i++)
		for (int v = 0; v < XO_VERDICT_COUNT; v++)
			snapshot->minutes[i][v] += old->minutes[i][v];
}

/* Of all generations. */
static size_t
count_slots(const struct xo_metrics *metrics)
{
	size_t n = 0;

	for (; metrics != NULL; metrics = metrics->previous)
		n += metrics->n_slots;
	return n;
}

static bool
allocate(struct xo_snapshot *snapshot, const struct xo_metrics *metrics)
{
	size_t n_slots = count_slots(metrics);

	snapshot->metrics = metrics;
	snapshot->n_orgs = snapshot->n_recipients = 0;
	memset(snapshot->minutes, 0, sizeof(snapshot->minutes));
	snapshot->cells = calloc(metrics->offset[XO_METRIC_COUNT],
	    sizeof(*snapshot->cells));
	/* One more: reading an empty entry goes there. */
	snapshot->orgs = calloc(n_slots * XO_ORGS_PER_SLOT + 1,
	    sizeof(*snapshot->orgs));
	snapshot->recipients = calloc(n_slots * XO_RECIPIENTS_PER_SLOT + 1,
	    sizeof(*snapshot->recipients));
	if (snapshot->cells != NULL && snapshot->orgs != NULL &&
	    snapshot->recipients != NULL)
		return true;
	xo_snapshot_fini(snapshot);
	return false;
}

static bool
sum_up(struct xo_snapshot *snapshot, const struct xo_metrics *metrics,
    uint64_t now)
{
	struct xo_snapshot old;

	if (!allocate(snapshot, metrics))
		return false;
	for (size_t i = 0; i < metrics->n_slots; i++)
		add_slot(snapshot, xo_metrics_slot(metrics, i), now);
	if (metrics->previous != NULL && atomic_load_explicit(
	    &metrics->head->is_settled, memory_order_relaxed) == 0) {
		if (!sum_up(&old, metrics->previous, now)) {
			xo_snapshot_fini(snapshot);
			return false;
		}
		add_previous(snapshot, &old);
		xo_snapshot_fini(&old);
	}
	snapshot->n_orgs = xo_orgs_join(snapshot->orgs, snapshot->n_orgs);
	snapshot->n_recipients = xo_orgs_join(snapshot->recipients,
	    snapshot->n_recipients);
	return true;
}

static void
compute(struct xo_snapshot *snapshot, uint64_t now)
{
	const struct xo_metrics *metrics = snapshot->metrics;
	uint64_t unknown = 0;

	for (size_t i = 0; i < snapshot->n_orgs; i++)
		unknown += snapshot->orgs[i].verdict == XO_VERDICT_UNKNOWN_ORG;
	snapshot->cells[metrics->offset[XO_METRIC_UNKNOWN_ORGS]] = unknown;
	snapshot->cells[metrics->offset[XO_METRIC_SEEN_ORGS]] =
	    snapshot->n_orgs;
	snapshot->cells[metrics->offset[XO_METRIC_WORKERS]] =
	    xo_metrics_alive(metrics, now, XO_METRICS_BEAT_AGE);
	snapshot->cells[metrics->offset[XO_METRIC_BUILD_INFO]] = 1;
	snapshot->cells[metrics->offset[XO_METRIC_START_TIME]] =
	    (uint64_t)metrics->head->start;
}

bool
xo_snapshot_init(struct xo_snapshot *snapshot,
    const struct xo_metrics *metrics, uint64_t now)
{
	const struct xo_metrics_head *head = metrics->head;

	/* Again if generations were joined meanwhile. */
	for (int i = 0; i < 100; i++) {
		uint32_t turn = atomic_load_explicit(&head->turn,
		    memory_order_acquire);

		if (!sum_up(snapshot, metrics, now))
			return false;
		atomic_thread_fence(memory_order_acquire);
		if ((turn & 1) == 0 && turn == atomic_load_explicit(
		    &head->turn, memory_order_relaxed)) {
			compute(snapshot, now);
			return true;
		}
		xo_snapshot_fini(snapshot);
	}
	return false;
}

void
xo_snapshot_fini(struct xo_snapshot *snapshot)
{
	free(snapshot->cells);
	free(snapshot->orgs);
	free(snapshot->recipients);
	snapshot->cells = NULL;
	snapshot->orgs = snapshot->recipients = NULL;
	snapshot->n_orgs = snapshot->n_recipients = 0;
}

size_t
xo_snapshot_n_cells(const struct xo_snapshot *snapshot, enum xo_metric row)
{
	const size_t *offset = snapshot->metrics->offset;

	return offset[row + 1] - offset[row];
}

struct xo_cell
xo_snapshot_cell(const struct xo_snapshot *snapshot, enum xo_metric row,
    size_t i)
{
	const struct xo_metric_info *info = xo_metric_info(row);
	struct xo_cell cell = {
		.value = snapshot->cells[snapshot->metrics->offset[row] + i]};

	for (int l = XO_METRIC_LABELS - 1; l >= 0; l--) {
		const struct xo_names *names =
		    &snapshot->metrics->names[info->dims[l]];

		cell.index[l] = i % names->n;
		cell.labels[l] = names->names[i % names->n];
		i /= names->n;
	}
	return cell;
}

const char *
xo_snapshot_tenant(const struct xo_snapshot *snapshot, size_t i)
{
	const struct xo_names *names =
	    &snapshot->metrics->names[XO_DIM_TENANT];

	return i < names->n ? names->names[i] : "";
}

static void
write_label_value(struct xo_buf *out, const char *value)
{
	struct xo_span s = xo_span_from_cstr(value);
	uint32_t code = 0;

	for (size_t n; s.len > 0; s = xo_span_from(s, n)) {
		n = xo_utf8_first(s, &code);
		if (n == 0) {
			xo_buf_add_byte(out, '?');
			n = 1;
		} else if (code == '\n') {
			xo_buf_add_cstr(out, "\\n");
		} else {
			if (code == '"' || code == '\\')
				xo_buf_add_byte(out, '\\');
			xo_buf_add(out, xo_span_first(s, n));
		}
	}
}

static void
write_value(struct xo_buf *out, enum xo_metric_type type, uint64_t value,
    int64_t now)
{
	int64_t left;

	if (type != XO_METRIC_EXPIRES) {
		xo_buf_add_u64(out, value);
		return;
	}
	left = (int64_t)value - now;
	if (left < 0)
		xo_buf_add_byte(out, '-');
	xo_buf_add_u64(out, (uint64_t)(left < 0 ? -left : left));
}

static void
write_cell(struct xo_buf *out, const struct xo_metric_info *info,
    const struct xo_cell *cell, int64_t now)
{
	bool is_open = false;

	xo_buf_add_cstr(out, info->name);
	for (int l = 0; l < XO_METRIC_LABELS; l++) {
		if (info->dims[l] == XO_DIM_NONE)
			continue;
		xo_buf_add_all(out, is_open ? "," : "{",
		    xo_dim_label(info->dims[l]), "=\"", (char *)NULL);
		write_label_value(out, cell->labels[l]);
		xo_buf_add_byte(out, '"');
		is_open = true;
	}
	xo_buf_add_cstr(out, is_open ? "} " : " ");
	write_value(out, info->type, cell->value, now);
	xo_buf_add_byte(out, '\n');
}

enum xo_err
xo_snapshot_write(const struct xo_snapshot *snapshot, struct xo_buf *out,
    int64_t now)
{
	for (int row = 0; row < XO_METRIC_COUNT; row++) {
		enum xo_metric r = (enum xo_metric)row;
		const struct xo_metric_info *info = xo_metric_info(r);

		if (info->help != NULL)
			xo_buf_add_all(out, "# HELP ", info->name, " ",
			    info->help, "\n# TYPE ", info->name,
			    info->type == XO_METRIC_COUNTER ? " counter\n" :
			    " gauge\n", (char *)NULL);
		for (size_t i = 0; i < xo_snapshot_n_cells(snapshot, r); i++) {
			struct xo_cell cell = xo_snapshot_cell(snapshot, r, i);

			if (cell.value != 0 || !info->is_sparse)
				write_cell(out, info, &cell, now);
		}
	}
	return out->err;
}
