/* SPDX-License-Identifier: ISC */
/* Next hops that are out of step: see step.h. */
#include <watch/log.h>
#include <watch/metrics.h>

#include "hop_internal.h"
#include "step.h"

void
xo_hop_trim(const struct hop_upstream *upstream, struct xo_caps *caps)
{
	if (upstream->was_out_of_step)
		caps->set &= ~(XO_CAP_BIT(XO_CAP_CHUNKING) |
		    XO_CAP_BIT(XO_CAP_BINARYMIME));
}

void
xo_hops_out_of_step(struct xo_hops *hops, int upstream)
{
	enum xo_refusal why = XO_REFUSAL_UPSTREAM_OUT_OF_STEP;
	struct xo_log_line *line = xo_log_begin(hops->env->log,
	    XO_LOG_WARNING, "out-of-step");

	xo_log_str(line, "upstream", xo_hop_policy(hops, upstream)->name);
	xo_log_cstr(line, "reason", xo_refusal_info(why)->id);
	xo_log_end(line);
	xo_metrics_upstream_out_of_step(hops->env->metrics, upstream);
	hops->upstreams[upstream].was_out_of_step = true;
	xo_hop_trim(&hops->upstreams[upstream],
	    &hops->known[upstream].caps);
}
