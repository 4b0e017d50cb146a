/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: what the fields of a header say about trust, as notes under a
 * few topics, and what follows from them together (protocol.md 5 to 9).
 *
 * Everything from a message is somebody's claim: it is kept as a span into the
 * section and reaches a note only through xo_explain_add_printable().
 */
#ifndef XO_EXPLAIN_H
#define XO_EXPLAIN_H

#include <stdio.h>

#include <xoorg/bytes.h>
#include <xoorg/refusal.h>

enum xo_explain_topic {
	XO_EXPLAIN_HANDOVER,		/* who handed it over */
	XO_EXPLAIN_TRUST,		/* internal or not */
	XO_EXPLAIN_CROSS_PREMISES,	/* what became of those headers */
	XO_EXPLAIN_GATEWAY,		/* what a gateway like ours stamped */
	XO_EXPLAIN_PATH,		/* Received, newest first */
	XO_EXPLAIN_TOPIC_COUNT
};

struct xo_explain_note {
	enum xo_explain_topic topic;
	bool is_warning;
	struct xo_buf name;
	struct xo_buf value;
	struct xo_buf meaning;		/* sentences */
};

/* What the conclusions are drawn from; values are those of the first. */
enum xo_explain_fact {
	XO_FACT_NONE,
	XO_FACT_ORIGINATOR_ORG,
	XO_FACT_AUTHAS,			/* of the organisation */
	XO_FACT_AUTHAS_CROSS_PREMISES,
	XO_FACT_AUTHAS_CROSS_TENANT,
	XO_FACT_TENANT_ID,
	XO_FACT_ATTRIBUTED,		/* X-EOPTenantAttributedMessage */
	XO_FACT_CROSS_PREMISES,		/* a header of that family */
	XO_FACT_PRESERVED,
	XO_FACT_PROMOTED,
	XO_FACT_FILTERED,
	XO_FACT_FILTERED_BY_CONNECTOR,
	XO_FACT_BLOCKED,
	XO_FACT_VERDICT,		/* of the gateway: policy.verdict */
	XO_FACT_FROM,			/* the header From */
	XO_FACT_COUNT
};

/* All-zero is empty. */
struct xo_explain {
	struct xo_explain_note *notes;
	size_t n_notes;
	size_t room;
	struct xo_span facts[XO_FACT_COUNT];
	size_t n_facts[XO_FACT_COUNT];	/* how often each was seen */
	bool differs[XO_FACT_COUNT];	/* with more than one value */
	size_t n_fields;
	size_t n_refused;		/* lines that are no field */
	struct xo_buf summary;		/* lines, LF behind each */
	struct xo_buf warnings;		/* the same */
};

void xo_explain_fini(struct xo_explain *explain);

/*
 * The rest of the program reads only what this wrote: runs of blanks and line
 * ends become one space, other octets outside 33..126 a `?`; cut at `max`.
 */
void xo_explain_add_printable(struct xo_buf *out, struct xo_span s, size_t max);

bool xo_explain_contains(struct xo_span s, const char *what);

/* The note is valid until the next one is made. */
struct xo_explain_note *xo_explain_note(struct xo_explain *explain,
    enum xo_explain_topic topic, struct xo_span name, struct xo_span value);

void xo_explain_keep_fact(struct xo_explain *explain,
    enum xo_explain_fact fact, struct xo_span value);

/* `section` is canonical: CRLFs only, no NUL, no empty line. */
void xo_explain_section(struct xo_explain *explain, struct xo_span section);
void xo_explain_received(struct xo_explain *explain, struct xo_span value);
void xo_explain_results(struct xo_explain *explain, struct xo_span value);
/* Fills `summary` and `warnings`, after all else. */
void xo_explain_conclude(struct xo_explain *explain);

void xo_explain_print_text(const struct xo_explain *explain, FILE *out);
void xo_explain_print_json(const struct xo_explain *explain, FILE *out);
/* Wrapped at 78 columns, `indent` blanks before each line. */
void xo_explain_print_wrapped(FILE *out, struct xo_span text, int indent,
    const char *bullet);

/* An exit code: XO_EXIT_FAILED if no line of the log is a message's. */
int xo_explain_log(struct xo_span text, bool is_json, FILE *out);

/* Why the gateway refuses something, and what to do. NULL: it never says that. */
struct xo_explain_own {
	const char *cause;
	const char *remedy;
};

const struct xo_explain_own *xo_explain_refusal(enum xo_refusal refusal);

/* A reply, or a line of the log that has one. An exit code: XO_EXIT_FAILED if the
 * text is not known. */
int xo_explain_reply(const char *text, bool is_json, FILE *out);

#endif
