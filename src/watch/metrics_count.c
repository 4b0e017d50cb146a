/* SPDX-License-Identifier: ISC */
/*
 * Counting: every call here is a few plain stores into this process's slot.
 */
#include "metrics_table.h"

/*
 * The cell of a row by the indexes of its labels; NULL if one is out of range.
 * Unused labels have one value, 0.
 */
static _Atomic uint64_t *
cell(struct xo_metrics *metrics, enum xo_metric row,
    const size_t index[XO_METRIC_LABELS])
{
	const struct xo_metric_info *info = xo_metric_info(row);
	size_t at = 0;

	for (int i = 0; i < XO_METRIC_LABELS; i++) {
		size_t n = metrics->names[info->dims[i]].n;

		if (index[i] >= n)
			return NULL;
		at = at * n + index[i];
	}
	return &metrics->own->cells[metrics->offset[row] + at];
}

static void
add(struct xo_metrics *metrics, enum xo_metric row, size_t a, size_t b,
    uint64_t n)
{
	_Atomic uint64_t *c;

	if (metrics == NULL)
		return;
	c = cell(metrics, row, (const size_t[XO_METRIC_LABELS]){a, b, 0, 0});
	if (c != NULL)
		xo_cell_add(c, n);
}

/* Down to zero: a gauge that was reset must not go below it. */
static void
subtract(struct xo_metrics *metrics, enum xo_metric row, size_t a)
{
	_Atomic uint64_t *c;

	if (metrics == NULL)
		return;
	c = cell(metrics, row, (const size_t[XO_METRIC_LABELS]){a, 0, 0, 0});
	if (c != NULL && xo_cell_get(c) > 0)
		xo_cell_set(c, xo_cell_get(c) - 1);
}

/* XO_NOBODY and other negatives are out of any range. */
static size_t
position(int index)
{
	return index < 0 ? SIZE_MAX : (size_t)index;
}

struct xo_minute *
xo_minute_at(struct xo_minute *hour, uint64_t minute)
{
	struct xo_minute *m = &hour[minute % XO_MINUTES];

	if (xo_cell_get(&m->minute) == minute)
		return m;
	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		xo_cell_set(&m->messages[v], 0);
	/* A reader that sees it sees the zeros, too. */
	atomic_store_explicit(&m->minute, minute, memory_order_release);
	return m;
}

/* In XO_DIM_TENANT: nobody, those of the configuration, all guests. */
static size_t
tenant_position(const struct xo_metrics *metrics, int tenant)
{
	size_t n = metrics->names[XO_DIM_NAME_TENANT].n;

	if (tenant < 0)
		return 0;
	return (size_t)tenant < n ? (size_t)tenant + 1 : n + 1;
}

void
xo_metrics_message(struct xo_metrics *metrics, int listener,
    const struct xo_answer *answer, uint64_t bytes, uint64_t now)
{
	size_t index[XO_METRIC_LABELS] = {position(listener), 0, 0,
		(size_t)answer->decision};
	enum xo_metric row = XO_METRIC_MESSAGES_OTHER;
	struct xo_verdict_cell verdict;
	_Atomic uint64_t *c;

	if (metrics == NULL ||
	    (unsigned int)answer->verdict >= XO_VERDICT_COUNT)
		return;
	verdict = xo_verdict_cell(answer->verdict);
	index[2] = verdict.index;
	if (verdict.has_tenant) {
		row = XO_METRIC_MESSAGES;
		index[1] = tenant_position(metrics, answer->tenant);
	}
	c = cell(metrics, row, index);
	if (c == NULL)
		return;
	xo_cell_add(c, 1);
	xo_cell_add(&xo_minute_at(metrics->own->hour,
	    now / 60000 + 1)->messages[answer->verdict], 1);
	if (answer->would != answer->decision)
		add(metrics, XO_METRIC_OBSERVED, position(listener),
		    (size_t)answer->would, 1);
	add(metrics, XO_METRIC_MESSAGE_BYTES, position(listener), 0, bytes);
}

void
xo_metrics_session_opened(struct xo_metrics *metrics, int listener)
{
	add(metrics, XO_METRIC_SESSIONS, position(listener), 0, 1);
	add(metrics, XO_METRIC_SESSIONS_TOTAL, position(listener), 0, 1);
}

void
xo_metrics_session_closed(struct xo_metrics *metrics, int listener)
{
	subtract(metrics, XO_METRIC_SESSIONS, position(listener));
}

void
xo_metrics_refusal(struct xo_metrics *metrics, enum xo_refusal refusal)
{
	/* XO_REFUSAL_NONE has no cell. */
	add(metrics, XO_METRIC_REFUSALS, position((int)refusal - 1), 0, 1);
}

void
xo_metrics_recipient(struct xo_metrics *metrics, int tenant,
    enum xo_refusal refusal, bool is_observed)
{
	size_t index[XO_METRIC_LABELS] = {0, 0, is_observed ? XO_MODE_OBSERVE : XO_MODE_ENFORCE};
	_Atomic uint64_t *c;

	if (metrics == NULL)
		return;
	index[0] = tenant_position(metrics, tenant);
	while (index[1] < XO_RECIPIENT_REASONS &&
	    xo_recipient_reasons[index[1]] != refusal)
		index[1]++;
	c = cell(metrics, XO_METRIC_RECIPIENTS, index);
	if (c != NULL)
		xo_cell_add(c, 1);
}

void
xo_metrics_question(struct xo_metrics *metrics, int listener,
    enum xo_answered answered)
{
	add(metrics, XO_METRIC_QUESTIONS, position(listener),
	    (size_t)answered, 1);
}

void
xo_metrics_wall(struct xo_metrics *metrics, int listener,
    const struct xo_wall_report *report)
{
	size_t i;

	for (i = 1; i < XO_FAULT_REPAIRABLE; i++) {
		if (report->n_repaired[i] > 0)
			add(metrics, XO_METRIC_HEADER_REPAIRS,
			    position(listener), i - 1, report->n_repaired[i]);
	}
	for (i = 0; i < XO_WALL_FAMILIES; i++) {
		if (report->n_of[i] > 0)
			add(metrics, XO_METRIC_FIELDS_REMOVED,
			    position(listener), i, report->n_of[i]);
	}
}

void
xo_metrics_tls(struct xo_metrics *metrics, int listener,
    enum xo_tls_result result)
{
	add(metrics, XO_METRIC_TLS_HANDSHAKES, position(listener),
	    (size_t)result, 1);
}

void
xo_metrics_upstream_connect(struct xo_metrics *metrics, int upstream,
    bool is_ok)
{
	_Atomic uint64_t *c;

	add(metrics, XO_METRIC_UPSTREAM_CONNECTS, position(upstream),
	    is_ok ? 0 : 1, 1);
	if (metrics == NULL)
		return;
	c = cell(metrics, XO_METRIC_UPSTREAM_DOWN,
	    (const size_t[XO_METRIC_LABELS]){position(upstream), 0, 0, 0});
	if (c != NULL)
		xo_cell_set(c, is_ok ? 0 : 1);
}

bool
xo_metrics_is_upstream_down(const struct xo_metrics *metrics, int upstream)
{
	size_t first = metrics->offset[XO_METRIC_UPSTREAM_DOWN];

	return xo_cell_get(&metrics->own->cells[first + (size_t)upstream]) != 0;
}

void
xo_metrics_drain(struct xo_metrics *metrics)
{
	atomic_store(&metrics->head->is_draining, 1);
}

bool
xo_metrics_is_draining(const struct xo_metrics *metrics)
{
	return atomic_load(&metrics->head->is_draining) != 0;
}

void
xo_metrics_upstream_reused(struct xo_metrics *metrics, int upstream)
{
	add(metrics, XO_METRIC_UPSTREAM_REUSED, position(upstream), 0, 1);
}

void
xo_metrics_upstream_out_of_step(struct xo_metrics *metrics, int upstream)
{
	add(metrics, XO_METRIC_UPSTREAM_OUT_OF_STEP, position(upstream), 0, 1);
}

void
xo_metrics_upstream_connections(struct xo_metrics *metrics, int upstream,
    int change)
{
	for (; change > 0; change--)
		add(metrics, XO_METRIC_UPSTREAM_CONNECTIONS,
		    position(upstream), 0, 1);
	for (; change < 0; change++)
		subtract(metrics, XO_METRIC_UPSTREAM_CONNECTIONS,
		    position(upstream));
}

void
xo_metrics_log_drops(struct xo_metrics *metrics, uint64_t total)
{
	if (metrics == NULL || total <= metrics->drops)
		return;
	add(metrics, XO_METRIC_LOG_DROPPED, 0, 0, total - metrics->drops);
	metrics->drops = total;
}

void
xo_metrics_log_limited(struct xo_metrics *metrics)
{
	add(metrics, XO_METRIC_LOG_LIMITED, 0, 0, 1);
}

void
xo_metrics_worker_restarted(struct xo_metrics *metrics)
{
	add(metrics, XO_METRIC_WORKER_RESTARTS, 0, 0, 1);
}

static void
set(struct xo_metrics *metrics, enum xo_metric row, uint64_t value)
{
	if (metrics != NULL)
		xo_cell_set(&metrics->own->cells[metrics->offset[row]], value);
}

void
xo_metrics_reload(struct xo_metrics *metrics, bool is_ok)
{
	add(metrics, XO_METRIC_RELOADS, is_ok ? 0 : 1, 0, 1);
	set(metrics, XO_METRIC_RELOAD_FAILED, !is_ok);
}

void
xo_metrics_warnings(struct xo_metrics *metrics, size_t n)
{
	set(metrics, XO_METRIC_WARNINGS, n);
}

void
xo_metrics_expiry(struct xo_metrics *metrics, enum xo_metric row, size_t index,
    int64_t time)
{
	_Atomic uint64_t *c;

	if (metrics == NULL ||
	    xo_metric_info(row)->type != XO_METRIC_EXPIRES)
		return;
	c = cell(metrics, row,
	    (const size_t[XO_METRIC_LABELS]){0, index, 0, 0});
	if (c != NULL)
		xo_cell_set(c, (uint64_t)time);
}
