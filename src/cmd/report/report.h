/* SPDX-License-Identifier: ISC */
/*
 * xoorg report: what a log of xoorgd says of a day or a week. A line becomes a
 * record, records are added up in a JSON object, and that is printed as text, as
 * HTML or as it is.
 *
 * The object (all counts are messages unless said):
 *
 *   from, to        first and last time seen
 *   lines, unread   lines that were counted, lines that are no record
 *   verdicts        {verdict: {action: n}}
 *   would           {what enforcing would have done: n}
 *   orgs            {originator org: {messages, tenant, verdict, would}}
 *   tenants         {tenant: n}
 *   refusals        {reason: n}, of messages and of commands
 *   upstreams       {upstream: {delivered, failed, reasons: {reason: n}}}
 *   certificates    {sentence: n}, of sessions
 *   trouble         {event: n}
 */
#ifndef XO_REPORT_H
#define XO_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include <xoorg/bytes.h>

#define XO_RECORD_FIELDS 40

/* One line of the log. Spans point into the line, or into `text`. */
struct xo_record {
	struct xo_span time;		/* "2026-11-29T09:04:55.721Z" */
	struct {
		struct xo_span key, value;
	} fields[XO_RECORD_FIELDS];
	size_t n;
	struct xo_buf text;		/* of values that had to be decoded */
};

/*
 * Text or JSON, whatever stands in front of it (the journal, syslog). False: it is
 * no line of xoorgd. All-zero is ready; the next call forgets the last record.
 */
bool xo_record_read(struct xo_record *record, struct xo_span line);
/* Empty if it has none. */
struct xo_span xo_record_value(const struct xo_record *record, const char *key);
void xo_record_fini(struct xo_record *record);

/* A new one; the end of the program without memory. */
json_t *xo_report_new(void);
void xo_report_add(json_t *report, const struct xo_record *record);

/* A row of a table, as both printers show it. */
struct xo_report_row {
	const char *name;
	json_int_t n;
	json_t *value;
};

/* The `top` largest of an object of numbers, or of objects with `messages`;
 * free() the rows. */
struct xo_report_row *xo_report_rows(const json_t *object, size_t top,
    size_t *n_r);
json_int_t xo_report_sum(const json_t *object);
/* Messages that came to `action`, by any verdict. */
json_int_t xo_report_action(const json_t *report, const char *action);

void xo_report_print_text(const json_t *report, size_t top, FILE *out);
void xo_report_print_html(const json_t *report, size_t top, FILE *out);

#endif
