/* SPDX-License-Identifier: ISC */
/*
 * Counters in shared memory, one slot a process, and what is read from them.
 *
 * One table (metrics_table.c) says name, type, help and labels of each metric;
 * memory layout, output and what becomes of a counter at a reload come from it.
 * The master makes the memory before it forks. Each worker writes into a slot
 * of its own, so no cache line that another core writes is touched per message;
 * a reader adds the slots up. A generation of workers belongs to one
 * configuration; while the old ones drain, both count, and both are read.
 */
#ifndef XO_METRICS_H
#define XO_METRICS_H

#include <conf/conf.h>
#include <xoorg/refusal.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>
#include <xoorg/wall.h>

struct xo_metrics;

/* Rows of the table; _OTHER, _UPSTREAM, _TENANT go on with the row before. */
enum xo_metric {
	XO_METRIC_MESSAGES,
	XO_METRIC_MESSAGES_OTHER,	/* verdicts that have no tenant */
	XO_METRIC_OBSERVED,
	XO_METRIC_MESSAGE_BYTES,
	XO_METRIC_SESSIONS,
	XO_METRIC_SESSIONS_TOTAL,
	XO_METRIC_REFUSALS,
	XO_METRIC_RECIPIENTS,
	XO_METRIC_HEADER_REPAIRS,
	XO_METRIC_FIELDS_REMOVED,
	XO_METRIC_TLS_HANDSHAKES,
	XO_METRIC_UPSTREAM_CONNECTIONS,
	XO_METRIC_UPSTREAM_CONNECTS,
	XO_METRIC_UPSTREAM_REUSED,
	XO_METRIC_UPSTREAM_DOWN,
	XO_METRIC_UPSTREAM_OUT_OF_STEP,
	XO_METRIC_EXPIRY,
	XO_METRIC_EXPIRY_UPSTREAM,
	XO_METRIC_EXPIRY_TENANT,
	XO_METRIC_CRL_EXPIRY,
	XO_METRIC_CRL_EXPIRY_PEER,
	XO_METRIC_CRL_EXPIRY_UPSTREAM,
	XO_METRIC_QUESTIONS,
	XO_METRIC_SEEN_ORGS,
	XO_METRIC_UNKNOWN_ORGS,
	XO_METRIC_ORGS_FORGOTTEN,
	XO_METRIC_LOG_DROPPED,
	XO_METRIC_LOG_LIMITED,
	XO_METRIC_WORKERS,
	XO_METRIC_WORKER_RESTARTS,
	XO_METRIC_RELOADS,
	XO_METRIC_RELOAD_FAILED,
	XO_METRIC_WARNINGS,
	XO_METRIC_BUILD_INFO,
	XO_METRIC_START_TIME,
	XO_METRIC_COUNT
};

/* What Postfix is answered where it asks. */
enum xo_answered {
	XO_ANSWERED_OK,
	XO_ANSWERED_DUNNO,
	XO_ANSWERED_REFUSED,		/* 5xx */
	XO_ANSWERED_DEFERRED,		/* 4xx */
	XO_ANSWERED_NOTFOUND,
	XO_ANSWERED_ERROR,		/* the question is none */
	XO_ANSWERED_COUNT
};

enum xo_tls_result {
	XO_TLS_RESULT_VERIFIED,
	XO_TLS_RESULT_NO_CERTIFICATE,
	XO_TLS_RESULT_OTHER_NAME,	/* no peer of ours has this name */
	XO_TLS_RESULT_BAD_CERTIFICATE,	/* name matched, chain did not */
	XO_TLS_RESULT_FAILED,		/* no handshake at all */
	XO_TLS_RESULT_COUNT
};

/*
 * In the master. Keeps nothing of `conf`. `previous` (NULL: none) is the
 * generation before: what it counted, and what its workers will still count, is
 * in the new one's sums by name; it stays mapped, owned by the new one, until
 * xo_metrics_settle(). NULL: no memory, and `previous` is still the caller's.
 */
struct xo_metrics *xo_metrics_new(const struct xo_conf *conf, size_t n_workers,
    struct xo_metrics *previous);
/* The generations before, too. */
void xo_metrics_free(struct xo_metrics **metrics);

/*
 * In the master, when no worker of an earlier generation is left: adds their
 * sums to this one and unmaps them. Readers that were forked in between see it.
 * `now`: CLOCK_MONOTONIC, ms.
 */
void xo_metrics_settle(struct xo_metrics *metrics, uint64_t now);

/* In a worker, first: counts into slot 0..n_workers-1 from now on. */
void xo_metrics_attach(struct xo_metrics *metrics, size_t slot);
/* Then, or in who only reads: all but its slot can only be read, for good. What
 * other processes wrote is never believed further than the memory goes. */
void xo_metrics_guard(struct xo_metrics *metrics, bool has_slot);
/*
 * In the master: the slot's worker is gone, and with it what it had open. Of
 * the generation that the worker belonged to.
 */
void xo_metrics_worker_gone(struct xo_metrics *metrics, size_t slot);

/* A worker that has not said so for longer, in ms, is not alive. */
#define XO_METRICS_BEAT_AGE 10000
/* Each second or so; `now`: CLOCK_MONOTONIC, ms. */
void xo_metrics_beat(struct xo_metrics *metrics, uint64_t now);
/* Workers of all generations whose last beat is not older than `age` ms. */
size_t xo_metrics_alive(const struct xo_metrics *metrics, uint64_t now,
    uint64_t age);

/* The last hour, minute by minute. */
#define XO_MINUTES 60

/* Indexes are those of the configuration; one out of range counts nothing. All
 * guests (guests.h) count as one.
 * `now`: CLOCK_MONOTONIC, ms. */
void xo_metrics_message(struct xo_metrics *metrics, int listener,
    const struct xo_answer *answer, uint64_t bytes, uint64_t now);
void xo_metrics_session_opened(struct xo_metrics *metrics, int listener);
void xo_metrics_session_closed(struct xo_metrics *metrics, int listener);
void xo_metrics_refusal(struct xo_metrics *metrics, enum xo_refusal refusal);
/* A recipient that is refused by what a tenant may, or would be. Other refusals
 * count nothing. `tenant`: XO_NOBODY: of no tenant's mail. */
void xo_metrics_recipient(struct xo_metrics *metrics, int tenant,
    enum xo_refusal refusal, bool is_observed);
/* The same by its domain, in a table as that of the orgs below; `tenant` is a
 * name, or empty. */
void xo_metrics_recipient_domain(struct xo_metrics *metrics,
    struct xo_span domain, struct xo_span tenant, enum xo_refusal refusal,
    bool is_observed, int64_t now);
/* What the wall did to a message. */
void xo_metrics_wall(struct xo_metrics *metrics, int listener,
    const struct xo_wall_report *report);
void xo_metrics_question(struct xo_metrics *metrics, int listener,
    enum xo_answered answered);
void xo_metrics_tls(struct xo_metrics *metrics, int listener,
    enum xo_tls_result result);
void xo_metrics_upstream_connect(struct xo_metrics *metrics, int upstream,
    bool is_ok);
/* In a worker: its last one failed. */
bool xo_metrics_is_upstream_down(const struct xo_metrics *metrics,
    int upstream);
void xo_metrics_upstream_reused(struct xo_metrics *metrics, int upstream);
void xo_metrics_upstream_out_of_step(struct xo_metrics *metrics, int upstream);
/* Opened connections: +1, -1. */
void xo_metrics_upstream_connections(struct xo_metrics *metrics, int upstream,
    int change);
/* `total`: xo_log_drops() of this process. */
void xo_metrics_log_drops(struct xo_metrics *metrics, uint64_t total);
void xo_metrics_log_limited(struct xo_metrics *metrics);
/* The master's, once it ends; and whether it said so. */
void xo_metrics_drain(struct xo_metrics *metrics);
bool xo_metrics_is_draining(const struct xo_metrics *metrics);
/* The master's. */
void xo_metrics_worker_restarted(struct xo_metrics *metrics);
void xo_metrics_reload(struct xo_metrics *metrics, bool is_ok);
void xo_metrics_warnings(struct xo_metrics *metrics, size_t n);
/*
 * The master's, and a worker's for what it got at run time: `row` is
 * XO_METRIC_EXPIRY or _CRL_EXPIRY (index into conf->tls), or one that goes on
 * with it; seconds since 1970, 0: no certificate, no list.
 */
void xo_metrics_expiry(struct xo_metrics *metrics, enum xo_metric row,
    size_t index, int64_t time);

/*
 * The originator orgs seen: a bounded table in each slot, in which a new value
 * takes the place of the one not seen for longest. Values are folded to lower
 * case and cut at XO_ORG_MAX.
 */
#define XO_ORG_MAX 255
#define XO_ORGS_PER_SLOT 1024

struct xo_metrics_org {
	uint8_t name[XO_ORG_MAX];
	uint8_t len;
	enum xo_verdict verdict;	/* of the last message */
	enum xo_decision decision;
	enum xo_decision would;		/* had it been enforced */
	uint64_t messages[XO_VERDICT_COUNT];
	int64_t first;			/* seconds since 1970 */
	int64_t last;
};

void xo_metrics_org(struct xo_metrics *metrics, struct xo_span org,
    const struct xo_answer *answer, int64_t now);

#define XO_RECIPIENTS_PER_SLOT 256

struct xo_metrics_recipient {
	struct xo_span domain, tenant;
	enum xo_refusal reason;		/* of the last one */
	uint64_t n_refused, n_observed;
	int64_t first, last;
};

/* All slots and generations added up, as they were at one time. */
struct xo_snapshot {
	const struct xo_metrics *metrics;
	uint64_t *cells;
	struct xo_metrics_org *orgs;	/* by name, each once */
	size_t n_orgs;
	struct xo_metrics_org *recipients;	/* xo_snapshot_recipient() */
	size_t n_recipients;
	/* Messages; [0] is the minute that `now` is in. */
	uint64_t minutes[XO_MINUTES][XO_VERDICT_COUNT];
};

/* False: no memory. `now`: CLOCK_MONOTONIC, ms. */
bool xo_snapshot_init(struct xo_snapshot *snapshot,
    const struct xo_metrics *metrics, uint64_t now);
void xo_snapshot_fini(struct xo_snapshot *snapshot);
/* Number `i` of them; its spans point into the snapshot. */
struct xo_metrics_recipient xo_snapshot_recipient(
    const struct xo_snapshot *snapshot, size_t i);

/* The Prometheus text format 0.0.4; `now`: seconds since 1970. */
enum xo_err xo_snapshot_write(const struct xo_snapshot *snapshot,
    struct xo_buf *out, int64_t now);

#define XO_METRIC_LABELS 4

struct xo_cell {
	uint64_t value;
	const char *labels[XO_METRIC_LABELS];	/* their values, in order */
	size_t index[XO_METRIC_LABELS];		/* which of its values it is */
};

size_t xo_snapshot_n_cells(const struct xo_snapshot *snapshot,
    enum xo_metric row);
/* Cell `i` of a row; its labels live as long as the metrics. */
struct xo_cell xo_snapshot_cell(const struct xo_snapshot *snapshot,
    enum xo_metric row, size_t i);
/* The value number `i` of the label tenant: 0 is "", then the tenants. */
const char *xo_snapshot_tenant(const struct xo_snapshot *snapshot, size_t i);

#endif
