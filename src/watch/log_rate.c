/* SPDX-License-Identifier: ISC */
/* So many lines a second: see log_rate.h. */
#include "log.h"
#include "log_rate.h"

bool
xo_log_rate_take(struct xo_log_rate *r, struct xo_log *log, uint64_t now)
{
	uint64_t second = now / 1000;

	if (r->most == 0)
		return true;
	if (second != r->second) {
		xo_log_rate_tell(r, log, now);
		r->second = second;
		r->n = 0;
	}
	if (r->n < r->most) {
		r->n++;
		return true;
	}
	r->n_held++;
	return false;
}

void
xo_log_rate_tell(struct xo_log_rate *r, struct xo_log *log, uint64_t now)
{
	struct xo_log_line *line;

	if (r->n_held == 0 || r->second == now / 1000)
		return;
	line = xo_log_begin(log, XO_LOG_WARNING, "log_limited");
	xo_log_u64(line, "count", r->n_held);
	xo_log_end(line);
	r->n_held = 0;
}
