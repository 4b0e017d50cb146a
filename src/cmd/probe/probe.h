/* SPDX-License-Identifier: ISC */
/*
 * Between the parts of `xoorg probe`: what was asked for, and what is made of a
 * visit.
 */
#ifndef XO_PROBE_H
#define XO_PROBE_H

#include <cmd/common/visit.h>

struct xo_probe_settings {
	struct xo_visit_settings visit;
	const char *certificate;
	const char *key;
	const char *trust;
	const char *domain;		/* whose MX the server is; or NULL */
	const char *resolver;		/* IP:PORT; NULL: the system's */
	bool is_json;
	bool must_announce;
	bool is_exchange_online;	/* looks as Exchange Online would */
};

/* One plain sentence: why XOORG was or was not announced. */
void xo_probe_explain(const struct xo_visit *probe, struct xo_buf *out);
/* What must hold before XOORG is sent here; empty if it holds. */
void xo_probe_warn(const struct xo_visit *probe, struct xo_buf *out);

void xo_probe_print_text(const struct xo_visit *probe, FILE *out);
void xo_probe_print_json(const struct xo_visit *probe, FILE *out);

/* Several visits, as Exchange Online, a stranger and a forger; the exit code. */
int xo_probe_as_exchange_online(const struct xo_probe_settings *settings,
    const struct xo_target *target);

#endif
