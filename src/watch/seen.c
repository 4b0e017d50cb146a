/* SPDX-License-Identifier: ISC */
/*
 * See seen.h. The first line names all words that stand as numbers in the others,
 * so that a version that has others takes nothing for what it is not:
 *
 *     xoorg-seen 1 verified unknown_org ... accept demote ...
 *     org contoso.com 1795470280 1795470299 0 0 0 17 0 0 0 0 0
 *     rcpt fabrikam.com+20contoso 1795470280 1795470280 0 1 2 0 1 0 0 0 0
 *
 * name, first, last, verdict, decision, would, and a count for each verdict; of
 * recipients as metrics.h keeps them. Names are xtext.
 */
#include <stdlib.h>

#include <xoorg/xtext.h>

#include "metrics_table.h"
#include "seen.h"

/* More is no count, and would come near to the end of an integer in JSON. */
#define COUNT_MAX ((uint64_t)1000 * 1000 * 1000 * 1000 * 1000)
/* first, last, verdict, decision, would */
#define NUMBERS (5 + XO_VERDICT_COUNT)

static void
add_word(struct xo_buf *out, const char *word)
{
	xo_buf_add_byte(out, ' ');
	xo_buf_add_cstr(out, word);
}

static void
write_head(struct xo_buf *out)
{
	xo_buf_add_cstr(out, "xoorg-seen 1");
	for (int i = 0; i < XO_VERDICT_COUNT; i++)
		add_word(out, xo_verdict_name((enum xo_verdict)i));
	for (int i = 0; i < XO_DECISION_COUNT; i++)
		add_word(out, xo_decision_name((enum xo_decision)i));
	for (int i = 0; i < XO_RECIPIENT_REASONS; i++)
		add_word(out, xo_refusal_info(xo_recipient_reasons[i])->id);
	xo_buf_add_byte(out, '\n');
}

static void
add_number(struct xo_buf *out, uint64_t n)
{
	xo_buf_add_byte(out, ' ');
	xo_buf_add_u64(out, n);
}

static void
write_line(struct xo_buf *out, const char *kind, const struct xo_metrics_org *o)
{
	xo_buf_add_cstr(out, kind);
	xo_buf_add_byte(out, ' ');
	xo_xtext_encode(out, xo_span(o->name, o->len));
	add_number(out, (uint64_t)o->first);
	add_number(out, (uint64_t)o->last);
	add_number(out, (uint64_t)o->verdict);
	add_number(out, (uint64_t)o->decision);
	add_number(out, (uint64_t)o->would);
	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		add_number(out, o->messages[v]);
	xo_buf_add_byte(out, '\n');
}

/* By name where it is the same: nothing new is the same text. */
static int
compare_last(const void *a, const void *b)
{
	const struct xo_metrics_org *x = a;
	const struct xo_metrics_org *y = b;

	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return memcmp(x->name, y->name, sizeof(x->name));
}

static void
write_all(struct xo_buf *out, const char *kind, struct xo_metrics_org *orgs,
    size_t n, size_t most)
{
	if (n > 0)
		qsort(orgs, n, sizeof(*orgs), compare_last);
	for (size_t i = 0; i < n && i < most; i++)
		write_line(out, kind, &orgs[i]);
}

void
xo_seen_write(struct xo_snapshot *snapshot, struct xo_buf *out)
{
	write_head(out);
	write_all(out, "org", snapshot->orgs, snapshot->n_orgs,
	    XO_ORGS_PER_SLOT);
	write_all(out, "rcpt", snapshot->recipients, snapshot->n_recipients,
	    XO_RECIPIENTS_PER_SLOT);
}

/* The next word of `line`, which is moved behind it and its blank. */
static struct xo_span
take_word(struct xo_span *line)
{
	size_t n = xo_span_find(*line, ' ');
	struct xo_span word = xo_span_first(*line, n);

	*line = xo_span_from(*line, n + 1);
	return word;
}

static bool
take_name(struct xo_span *line, struct xo_metrics_org *o)
{
	size_t len = 0;

	if (xo_xtext_decode(take_word(line), o->name, sizeof(o->name),
	    &len) != XO_OK || len == 0)
		return false;
	o->len = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		o->name[i] = xo_ascii_lower(o->name[i]);
	return true;
}

static bool
read_line(struct xo_span line, int64_t now, struct xo_metrics_org *o)
{
	uint64_t n[NUMBERS];

	*o = (struct xo_metrics_org){.len = 0};
	if (!take_name(&line, o))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (xo_span_to_u64(take_word(&line), &n[i]) != XO_OK ||
		    n[i] > COUNT_MAX)
			return false;
	if (line.len > 0 || n[0] > n[1] || n[2] >= XO_VERDICT_COUNT ||
	    n[3] >= XO_DECISION_COUNT || n[4] >= XO_DECISION_COUNT)
		return false;
	/* What was seen tomorrow would never make room. */
	o->last = (int64_t)n[1] < now ? (int64_t)n[1] : now;
	o->first = (int64_t)n[0] < o->last ? (int64_t)n[0] : o->last;
	o->verdict = (enum xo_verdict)n[2];
	o->decision = (enum xo_decision)n[3];
	o->would = (enum xo_decision)n[4];
	memcpy(o->messages, n + 5, sizeof(o->messages));
	return true;
}

/* One line; `slot` is NULL at the first reading, which takes nothing. */
static bool
take_line(struct xo_span line, int64_t now, struct xo_slot *slot)
{
	struct xo_span kind = take_word(&line);
	bool is_org = xo_span_is_equal(kind, XO_LIT("org"));
	struct xo_metrics_org o;

	if ((!is_org && !xo_span_is_equal(kind, XO_LIT("rcpt"))) ||
	    !read_line(line, now, &o))
		return false;
	if (slot != NULL && is_org)
		xo_org_add(slot->orgs, XO_ORGS_PER_SLOT, &o, NULL);
	else if (slot != NULL)
		xo_org_add(slot->recipients, XO_RECIPIENTS_PER_SLOT, &o, NULL);
	return true;
}

static bool
take_all(struct xo_span text, int64_t now, struct xo_slot *slot)
{
	while (text.len > 0) {
		size_t n = xo_span_find(text, '\n');

		/* A line that does not end was cut. */
		if (n == text.len || !take_line(xo_span_first(text, n), now,
		    slot))
			return false;
		text = xo_span_from(text, n + 1);
	}
	return true;
}

bool
xo_seen_read(struct xo_metrics *metrics, struct xo_span text, int64_t now)
{
	struct xo_buf head = {0};
	struct xo_span first;
	bool is_fine;

	write_head(&head);
	first = xo_span_first(text, head.len);
	is_fine = head.err == XO_OK && text.len <= XO_SEEN_MAX &&
	    xo_span_is_equal(first, xo_buf_span(&head));
	text = xo_span_from(text, head.len);
	xo_buf_fini(&head);
	/* All of it or nothing. */
	return is_fine && take_all(text, now, NULL) &&
	    take_all(text, now, metrics->own);
}
