/* SPDX-License-Identifier: ISC */
/*
 * The table of metrics and the shape of their memory. Private to metrics*.c.
 */
#ifndef XO_METRICS_TABLE_H
#define XO_METRICS_TABLE_H

#include <stdatomic.h>

#include "metrics.h"
#include "shared.h"

/* The values of a label: either fixed words or names of the configuration. */
enum xo_dim {
	XO_DIM_NONE,
	XO_DIM_LISTENER,
	XO_DIM_UPSTREAM,
	XO_DIM_TENANT,			/* 0 is "", then the tenants */
	XO_DIM_NO_TENANT,
	XO_DIM_VERDICT,			/* those that may have a tenant */
	XO_DIM_VERDICT_OTHER,
	XO_DIM_ACTION,
	XO_DIM_REASON,
	XO_DIM_RECIPIENT,		/* of XO_RECIPIENT_REASONS */
	XO_DIM_MODE,			/* enforce, observe */
	XO_DIM_REPAIR,
	XO_DIM_FAMILY,
	XO_DIM_TLS_RESULT,
	XO_DIM_RESULT,
	XO_DIM_ANSWER,
	XO_DIM_KIND_TLS,
	XO_DIM_KIND_UPSTREAM,
	XO_DIM_KIND_TENANT,
	XO_DIM_KIND_PEER,
	XO_DIM_NAME_TLS,
	XO_DIM_NAME_UPSTREAM,
	XO_DIM_NAME_TENANT,
	XO_DIM_NAME_PEER,
	XO_DIM_VERSION,
	XO_DIM_COUNT
};

enum xo_metric_type {
	XO_METRIC_COUNTER,	/* added up, carried over at a reload */
	XO_METRIC_GAUGE,	/* added up; dies with its worker */
	XO_METRIC_EXPIRES,	/* a time, shown as what is left; set anew */
	XO_METRIC_STATE,	/* set anew by the master */
	XO_METRIC_COMPUTED,	/* by the reader */
};

struct xo_metric_info {
	const char *name;
	enum xo_metric_type type;
	bool is_sparse;			/* zeros are not shown */
	enum xo_dim dims[XO_METRIC_LABELS];
	const char *help;		/* NULL: goes on with the row before */
};

const struct xo_metric_info *xo_metric_info(enum xo_metric row);
const char *xo_dim_label(enum xo_dim dim);
/* Reasons that are about a recipient of a tenant's. */
#define XO_RECIPIENT_REASONS 3
extern const enum xo_refusal xo_recipient_reasons[XO_RECIPIENT_REASONS];
/* Where a verdict stands in XO_DIM_VERDICT or _OTHER. */
struct xo_verdict_cell {
	bool has_tenant;
	size_t index;
};
struct xo_verdict_cell xo_verdict_cell(enum xo_verdict verdict);

/* The one label of all guests: no group of the configuration can bear it. */
#define XO_GUESTS_LABEL "(table)"

struct xo_names {
	char **names;
	size_t n;
};

/* Fixed words and names of `conf`, copied. False: no memory. */
bool xo_names_init(struct xo_names names[XO_DIM_COUNT],
    const struct xo_conf *conf);
void xo_names_fini(struct xo_names names[XO_DIM_COUNT]);

/* One value of the table of orgs, guarded by `turn`: odd while it changes. */
struct xo_org_entry {
	_Atomic uint32_t turn;
	_Atomic uint32_t state;		/* length, verdict, decision, would */
	_Atomic uint64_t messages[XO_VERDICT_COUNT];
	_Atomic uint64_t first;
	_Atomic uint64_t last;
	_Atomic uint64_t name[(XO_ORG_MAX + 1) / 8];
};

/* Into a table of `n_entries`; `forgotten` (NULL: nobody asks) counts those that
 * made room. */
void xo_org_add(struct xo_org_entry *table, size_t n_entries,
    const struct xo_metrics_org *org, _Atomic uint64_t *forgotten);
/* False: the entry is empty, or changed all the time. */
bool xo_org_read(const struct xo_org_entry *entry,
    struct xo_metrics_org *org_r);
/* Sorts and joins equal names; returns how many are left. */
size_t xo_orgs_join(struct xo_metrics_org *orgs, size_t n);

/*
 * The shared memory: this head, then the slots, each from a page on. Slot
 * n_workers is the master's, which also takes in what earlier generations
 * counted.
 */
struct xo_metrics_head {
	_Atomic uint32_t turn;		/* odd while generations are joined */
	_Atomic uint32_t is_draining;
	_Atomic uint32_t is_settled;	/* `previous` is in the master's slot */
	int64_t start;			/* of the first generation */
};

/* A minute of the last hour; `minute` of CLOCK_MONOTONIC, plus one. */
struct xo_minute {
	_Atomic uint64_t minute;	/* 0: none yet */
	_Atomic uint64_t messages[XO_VERDICT_COUNT];
};

/* `minute` as above. Zeros where it held an older one. */
struct xo_minute *xo_minute_at(struct xo_minute *hour, uint64_t minute);

/* A slot: this, the orgs, the recipients, the cells; aligned to cache lines. */
struct xo_slot {
	_Alignas(64) _Atomic uint64_t beat;	/* 0: no worker */
	struct xo_minute hour[XO_MINUTES];
	struct xo_org_entry orgs[XO_ORGS_PER_SLOT];
	/* Named "DOMAIN TENANT"; `messages` by mode, `verdict` by reason. */
	struct xo_org_entry recipients[XO_RECIPIENTS_PER_SLOT];
	_Atomic uint64_t cells[];
};

struct xo_metrics {
	struct xo_shared memory;
	struct xo_metrics_head *head;	/* its first page */
	size_t slot_size;
	size_t n_slots;			/* workers and the master */
	struct xo_slot *own;
	uint64_t drops;			/* of this process, counted so far */
	struct xo_metrics *previous;
	/* previous's index of each dim -> ours, SIZE_MAX: gone */
	size_t *map[XO_DIM_COUNT];
	size_t offset[XO_METRIC_COUNT + 1];	/* first cell of each row */
	struct xo_names names[XO_DIM_COUNT];
};

struct xo_slot *xo_metrics_slot(const struct xo_metrics *metrics, size_t i);
/* Cell of a row of `previous` as an index into `metrics`, or SIZE_MAX. */
size_t xo_metrics_map_cell(const struct xo_metrics *metrics,
    enum xo_metric row, size_t i);

static inline uint64_t
xo_cell_get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

static inline void
xo_cell_set(_Atomic uint64_t *cell, uint64_t value)
{
	atomic_store_explicit(cell, value, memory_order_relaxed);
}

/* One writer a cell: no locked instruction. */
static inline void
xo_cell_add(_Atomic uint64_t *cell, uint64_t n)
{
	xo_cell_set(cell, xo_cell_get(cell) + n);
}

#endif
