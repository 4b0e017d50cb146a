/* SPDX-License-Identifier: ISC */
/*
 * What a look at something that runs has found: a list of rows, worst first to
 * be read by a person or by a monitor. The exit code is that of monitoring
 * plugins: 0 ok, 1 warning, 2 critical.
 */
#ifndef XO_FINDING_H
#define XO_FINDING_H

#include <stdio.h>

#include <jansson.h>

#include <xoorg/bytes.h>

enum xo_finding_level {
	XO_FINDING_OK = 0,
	XO_FINDING_WARNING = 1,
	XO_FINDING_CRITICAL = 2,
};

struct xo_finding {
	enum xo_finding_level level;
	const char *kind;		/* "upstream": static text */
	char *name;			/* of the group; "" if it has none */
	char *where;			/* "192.0.2.1:25"; "" if nowhere */
	char *text;
};

/* All-zero is empty. */
struct xo_findings {
	struct xo_finding *list;
	size_t n;
};

/* What is said of one thing; the texts are copied, made printable. */
struct xo_finding_of {
	const char *kind;
	struct xo_span name;
	const char *where;
};

void xo_findings_add(struct xo_findings *findings, enum xo_finding_level level,
    const struct xo_finding_of *of, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The worst since the row `from`. */
enum xo_finding_level xo_findings_worst(const struct xo_findings *findings,
    size_t from);
void xo_findings_fini(struct xo_findings *findings);

/* "warning". */
const char *xo_finding_level_name(enum xo_finding_level level);
/* A line that sums up, "XOORG WARNING - ...", and a line for each row. */
void xo_findings_print(const struct xo_findings *findings, FILE *out);
/* An array of result, kind, name, where, text. */
json_t *xo_findings_json(const struct xo_findings *findings);

#endif
