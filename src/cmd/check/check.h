/* SPDX-License-Identifier: ISC */
/*
 * Between the parts of `xoorg check`: what was asked for, and the looks at what
 * runs (--live). Each look adds at least one row to the findings, also if all is
 * well.
 */
#ifndef XO_CHECK_H
#define XO_CHECK_H

#include <cmd/common/finding.h>
#include <cmd/common/names.h>
#include <cmd/common/visit.h>
#include <proc/runtime.h>

struct xo_check_settings {
	bool is_changed;		/* print what is not as by default */
	bool is_live;
	bool is_json;
	uint64_t timeout;		/* s */
};

struct xo_live {
	const struct xo_conf *conf;
	const struct xo_runtime *runtime;
	struct xo_names *names;		/* NULL: no resolver */
	struct xo_findings *findings;
	uint64_t timeout;
};

/* Everything; `findings` has what was found so far. */
void xo_check_live(const struct xo_runtime *runtime,
    const struct xo_check_settings *settings, struct xo_findings *findings);

/* check_listener.c: from outside, as a client without a certificate. */
void xo_check_listener(struct xo_live *live, size_t i);
/* check_upstream.c: as the gateway will, up to the second EHLO. */
void xo_check_upstream(struct xo_live *live, size_t i);
/* check_names.c: hostname, its addresses' names, MX of the tenants' domains. */
void xo_check_names(struct xo_live *live);
/* check_clock.c */
void xo_check_clock(struct xo_live *live);
/* The time that a banner tells, as Exchange's do, against ours. */
void xo_check_banner_time(struct xo_live *live,
    const struct xo_finding_of *of, struct xo_span banner);

/* check_live.c: how a visit ended, if it is not as it should; true: well. */
bool xo_check_visit(struct xo_live *live, const struct xo_finding_of *of,
    const struct xo_visit *visit);
/* The server's certificate ends soon, or has. */
void xo_check_end(struct xo_live *live, const struct xo_finding_of *of,
    const struct xo_visit *visit);

#endif
