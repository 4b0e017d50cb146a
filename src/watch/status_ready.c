/* SPDX-License-Identifier: ISC */
/*
 * /readyz: whether mail that came now could be handed on. For who chooses among
 * gateways; /healthz is for who restarts one, and none of this is cured by that.
 */
#include "status_html.h"

static uint64_t
value(const struct xo_snapshot *snapshot, enum xo_metric row, size_t i)
{
	return xo_snapshot_cell(snapshot, row, i).value;
}

static void
add_reason(struct xo_buf *out, const char *what, const char *name,
    const char *why)
{
	xo_buf_add_all(out, what, name, why, "\n", (char *)NULL);
}

static void
look_at_upstream(const struct xo_snapshot *snapshot, int upstream,
    struct xo_buf *out)
{
	struct xo_cell cell;

	if (upstream < 0)
		return;
	cell = xo_snapshot_cell(snapshot, XO_METRIC_UPSTREAM_DOWN,
	    (size_t)upstream);
	if (cell.value != 0)
		add_reason(out, "upstream ", cell.labels[0],
		    ": the last try to connect failed");
}

static void
look_at_certificates(const struct xo_snapshot *snapshot, enum xo_metric row,
    int64_t now, struct xo_buf *out)
{
	for (size_t i = 0; i < xo_snapshot_n_cells(snapshot, row); i++) {
		struct xo_cell cell = xo_snapshot_cell(snapshot, row, i);

		if (cell.value != 0 && (int64_t)cell.value < now)
			add_reason(out, "certificate of ", cell.labels[1],
			    ": expired");
	}
}

/* Upstreams of listeners, in which all mail is; those of one tenant are not. */
static void
look_at_upstreams(const struct xo_conf *conf,
    const struct xo_snapshot *snapshot, struct xo_buf *out)
{
	const struct xo_policy *policy = &conf->policy;

	for (int u = 0; u < (int)policy->n_upstreams; u++) {
		bool is_used = false;

		for (size_t i = 0; i < policy->n_listeners; i++) {
			const struct xo_listener *l = &policy->listeners[i];

			is_used = is_used || xo_listener_upstream(l) == u ||
			    xo_listener_demote_to(l) == u;
		}
		if (is_used)
			look_at_upstream(snapshot, u, out);
	}
}

enum xo_err
xo_status_ready(const struct xo_conf *conf, const struct xo_snapshot *snapshot,
    struct xo_buf *out, int64_t now)
{
	if (value(snapshot, XO_METRIC_WORKERS, 0) == 0)
		xo_buf_add_cstr(out, "no worker is alive\n");
	if (xo_metrics_is_draining(snapshot->metrics))
		xo_buf_add_cstr(out, "draining\n");
	look_at_upstreams(conf, snapshot, out);
	look_at_certificates(snapshot, XO_METRIC_EXPIRY, now, out);
	look_at_certificates(snapshot, XO_METRIC_EXPIRY_UPSTREAM, now, out);
	return out->err;
}
