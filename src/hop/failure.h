/* SPDX-License-Identifier: ISC */
/* The log of a place that will not do: where, why, and what was missing. */
#ifndef XO_FAILURE_H
#define XO_FAILURE_H

#include <xoorg/opening.h>

struct xo_hops;
struct xo_candidate;

struct xo_failure {
	int upstream;
	const struct xo_candidate *candidate;		/* NULL: */
	const char *name;			/* that was looked up in vain */
	const struct xo_opening *opening;	/* NULL: it came to none */
	enum xo_refusal why;
	struct xo_span said;
};

void xo_hop_log_failure(const struct xo_hops *hops,
    const struct xo_failure *failure);

#endif
