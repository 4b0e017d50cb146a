/* SPDX-License-Identifier: ISC */
/*
 * The wall itself: which fields go, which change, what is stamped.
 */
#include <xoorg/wall.h>

#include <trust/promote.h>
#include <trust/protected.h>
#include <trust/repair.h>
#include <xoorg/domain.h>
#include <xoorg/header.h>

#define ORGANIZATION "X-MS-Exchange-Organization-"
#define CROSS_PREMISES "X-MS-Exchange-CrossPremises-"

/* One application of the wall. */
struct work {
	const struct xo_wall *wall;
	struct xo_span section;		/* all of it, as it came */
	struct xo_span fields;		/* from its first field on */
	size_t start;			/* in `out` */
	bool has_controls;
	struct xo_protection protection;
	struct xo_promote promote;
	struct xo_buf *out;
	struct xo_wall_report *report;
};

/* Why the message is refused; `at` lies in the section. */
static enum xo_refusal
refuse(struct work *w, enum xo_refusal why, enum xo_fault_kind kind,
    struct xo_span at)
{
	w->report->fault = xo_fault_in(w->section, kind, at);
	if (kind == XO_FAULT_FIELDS)
		w->report->fault.bound = w->wall->max_fields;
	if (kind == XO_FAULT_LINE)
		w->report->fault.bound = w->wall->max_line;
	if (kind == XO_FAULT_HOPS)
		w->report->fault.bound = w->wall->max_hops;
	return why;
}

/* What the reader would not read; how a section begins has words of its own. */
static enum xo_refusal
refuse_field(struct work *w, enum xo_refusal why,
    const struct xo_field_reader *reader)
{
	enum xo_fault_kind kind = reader->fault;

	if (why == XO_REFUSAL_HEADER_SYNTAX && reader->at.p == w->section.p &&
	    xo_repair_first_fault(w->section) != XO_FAULT_NONE)
		kind = xo_repair_first_fault(w->section);
	return refuse(w, why, kind, reader->at);
}

static void
add(struct work *w, struct xo_span s)
{
	if (!w->has_controls)
		xo_buf_add(w->out, s);
	else if (xo_repair_copy(w->out, s))
		w->report->n_repaired[XO_FAULT_CONTROL]++;
}

static void
keep(struct work *w, const struct xo_field *field)
{
	if (field->has_fold)
		w->report->n_repaired[XO_FAULT_FOLDED_NAME]++;
	if (!field->has_blanks) {
		add(w, field->raw);
		return;
	}
	xo_buf_add(w->out, field->name);
	add(w, field->colon);
}

/* Whether, and how, it goes on under its Organization name. NULL: it does not. */
static const struct xo_promote_entry *
find_promotion(struct work *w, uint32_t family)
{
	const struct xo_promote_entry *e;

	if (family != XO_WALL_CROSS_PREMISES || !w->wall->promote)
		return NULL;
	e = &w->promote.entries[w->promote.next++];
	/* analyser: a promotion has entries */
	return e->is_promoted ? e : NULL;
}

static void
promote(struct work *w, const struct xo_field *field,
    const struct xo_promote_entry *e)
{
	xo_buf_add(w->out, XO_LIT(ORGANIZATION));
	xo_buf_add(w->out, e->suffix);
	add(w, field->colon);
	w->report->n_promoted++;
}

static void
take_out(struct work *w, const struct xo_field *field, uint32_t family)
{
	size_t i = 0;

	while (i + 1 < XO_WALL_FAMILIES && (family & 1U << i) == 0)
		i++;
	w->report->n_removed++;
	w->report->n_of[i]++;
	if (family == XO_WALL_ORIGINATOR_ORG &&
	    xo_span_is_equal_nocase(field->name, XO_LIT("X-OriginatorOrg"))) {
		struct xo_span value = xo_field_value(field);

		w->report->originator_org = xo_domain_is_valid(value) ? value :
		    xo_span(NULL, 0);
	}
}

static void
add_stamp(struct work *w, const char *name)
{
	xo_buf_add_cstr(w->out, name);
	xo_buf_add(w->out, XO_LIT(": "));
	xo_buf_add(w->out, w->wall->hostname);
	xo_buf_add(w->out, XO_LIT("\r\n"));
	w->report->n_stamped++;
}

/* protocol.md 5.5: what was done is said. */
static void
stamp(struct work *w)
{
	if (w->report->n_promoted > 0) {
		add_stamp(w, "X-CrossPremisesHeadersPromoted");
		add_stamp(w, ORGANIZATION "Cross-Premises-Headers-Promoted");
	}
	if ((w->report->removed & XO_WALL_CROSS_PREMISES) != 0)
		add_stamp(w, "X-CrossPremisesHeadersFiltered");
	if (w->wall->promote)
		add_stamp(w, ORGANIZATION "Cross-Premises-Headers-Processed");
}

static struct xo_field_reader
reader_of(const struct work *w)
{
	return (struct xo_field_reader){
		.rest = w->fields,
		.max_line = w->wall->max_line != 0 ? w->wall->max_line :
		    SIZE_MAX,
		.max_fields = w->wall->max_fields,
	};
}

/* Which of several wins is known only at the end: hence a pass of its own. */
static enum xo_refusal
collect(struct work *w)
{
	struct xo_field_reader reader = reader_of(w);
	struct xo_field field;
	enum xo_refusal refusal;

	for (;;) {
		refusal = xo_field_next(&reader, &field);
		if (refusal != XO_REFUSAL_NONE)
			return refuse_field(w, refusal, &reader);
		if (field.raw.len == 0)
			break;
		if (xo_protected_family(field.name) != XO_WALL_CROSS_PREMISES)
			continue;
		/* Not xo_span_from(): an empty rest keeps its place, too. */
		if (xo_promote_add(&w->promote, xo_span(field.name.p +
		    sizeof(CROSS_PREMISES) - 1, field.name.len -
		    (sizeof(CROSS_PREMISES) - 1)), &field) != XO_OK)
			return XO_REFUSAL_MEMORY;
	}
	xo_promote_settle(&w->promote);
	return XO_REFUSAL_NONE;
}

/* Each system that a message passes adds one Received, as we do. */
static bool
is_one_hop_too_many(struct work *w, const struct xo_field *field)
{
	if (!xo_span_is_equal_nocase(field->name, XO_LIT("Received")))
		return false;
	w->report->n_hops++;
	return w->wall->max_hops != 0 && w->report->n_hops > w->wall->max_hops;
}

/* Of what was written from `start` on: a repair and a promotion move what stands
 * in a line. */
static bool
hides_what_goes(struct work *w, size_t start)
{
	struct xo_field made = {0};

	made.raw = xo_span_from(xo_buf_span(w->out), start);
	return w->out->err == XO_OK &&
	    xo_protected_is_hidden(&w->protection, &made);
}

static enum xo_refusal
write_field(struct work *w, const struct xo_field *field)
{
	uint32_t family = xo_protected_field(&w->protection, field);
	const struct xo_promote_entry *e = find_promotion(w, family);
	size_t start = w->out->len;

	w->report->removed |= family;
	if (family != 0 && e == NULL) {
		take_out(w, field, family);
		return XO_REFUSAL_NONE;
	}
	if (field->has_fold && e == NULL && !w->wall->repairs)
		return refuse(w, XO_REFUSAL_HEADER_SYNTAX,
		    XO_FAULT_FOLDED_NAME, field->raw);
	if (e != NULL)
		promote(w, field, e);
	else
		keep(w, field);
	if (hides_what_goes(w, start))
		return refuse(w, XO_REFUSAL_HEADER_SYNTAX,
		    XO_FAULT_HIDDEN_NAME, field->raw);
	return XO_REFUSAL_NONE;
}

/* What stands in front of the first field, if that may be repaired. */
static enum xo_refusal
write_start(struct work *w)
{
	size_t start = w->out->len;

	w->fields = w->section;
	if (!w->wall->repairs)
		return XO_REFUSAL_NONE;
	w->fields = xo_repair_start(w->section, w->out, w->report);
	if (w->wall->max_fields != 0 &&
	    w->report->n_repaired[XO_FAULT_MBOX_FROM] > w->wall->max_fields)
		return refuse(w, XO_REFUSAL_HEADER_LIMIT, XO_FAULT_FIELDS,
		    w->section);
	if (hides_what_goes(w, start))
		return refuse(w, XO_REFUSAL_HEADER_SYNTAX,
		    XO_FAULT_HIDDEN_NAME, w->section);
	return XO_REFUSAL_NONE;
}

static void
write_end(struct work *w, struct xo_span end)
{
	/* The message ended in its header, and not with a line end. */
	if (w->out->err == XO_OK && w->out->len > w->start &&
	    w->out->p[w->out->len - 1] != '\n')
		xo_buf_add(w->out, XO_LIT("\r\n"));
	stamp(w);
	if (w->wall->ends_early == XO_FAULT_NONE) {
		xo_buf_add(w->out, end);
		return;
	}
	w->report->n_repaired[w->wall->ends_early]++;
	xo_buf_add(w->out, XO_LIT("\r\n"));
}

static enum xo_refusal
write_section(struct work *w)
{
	struct xo_field_reader reader = reader_of(w);
	struct xo_field field;
	enum xo_refusal refusal;

	for (;;) {
		refusal = xo_field_next(&reader, &field);
		w->report->n_fields = reader.n_fields;
		if (refusal != XO_REFUSAL_NONE)
			return refuse_field(w, refusal, &reader);
		if (field.raw.len == 0)
			break;
		if (is_one_hop_too_many(w, &field))
			return refuse(w, XO_REFUSAL_HEADER_LOOP, XO_FAULT_HOPS,
			    field.raw);
		refusal = write_field(w, &field);
		if (refusal != XO_REFUSAL_NONE)
			return refusal;
	}
	write_end(w, reader.end);
	return XO_REFUSAL_NONE;
}

static enum xo_refusal
check_octets(struct work *w)
{
	struct xo_span at;
	enum xo_fault_kind kind = xo_field_check_octets(w->section,
	    w->wall->repairs ? &w->has_controls : NULL, &at);

	if (kind == XO_FAULT_NONE)
		return XO_REFUSAL_NONE;
	if (kind == XO_FAULT_NUL)
		return refuse(w, XO_REFUSAL_CONTENT_NUL, kind, at);
	if (kind == XO_FAULT_BARE_NEWLINE)
		return refuse(w, XO_REFUSAL_HEADER_BARE_NEWLINE, kind, at);
	return refuse(w, XO_REFUSAL_HEADER_SYNTAX, kind, at);
}

enum xo_refusal
xo_wall_apply(const struct xo_wall *wall, struct xo_span section,
    struct xo_buf *out, struct xo_wall_report *report_r)
{
	struct work w = {
		.wall = wall,
		.section = section,
		.start = out->len,
		.protection = {
			.families = wall->remove | XO_WALL_ALWAYS,
			.hostname = wall->hostname,
		},
		.out = out,
		.report = report_r,
	};
	enum xo_refusal refusal;

	*report_r = (struct xo_wall_report){0};
	if (wall->promote)
		w.protection.families |= XO_WALL_CROSS_PREMISES;
	refusal = check_octets(&w);
	if (refusal == XO_REFUSAL_NONE)
		refusal = write_start(&w);
	if (refusal == XO_REFUSAL_NONE && wall->promote)
		refusal = collect(&w);
	if (refusal == XO_REFUSAL_NONE)
		refusal = write_section(&w);
	xo_promote_fini(&w.promote);
	if (refusal != XO_REFUSAL_NONE) {
		*report_r = (struct xo_wall_report){.fault = report_r->fault};
		return refusal;
	}
	if (out->err != XO_OK)
		return out->err == XO_ERR_LIMIT ? XO_REFUSAL_HEADER_LIMIT :
		    XO_REFUSAL_MEMORY;
	return XO_REFUSAL_NONE;
}

enum xo_refusal
xo_wall_message(const struct xo_wall *wall, struct xo_span message,
    struct xo_buf *out, struct xo_wall_report *report_r)
{
	struct xo_header_finder finder = {.repairs = wall->repairs};
	struct xo_wall found = *wall;
	enum xo_refusal refusal;
	size_t len;

	if (xo_header_find(&finder, message, &len) != XO_OK)
		len = xo_header_end(&finder, message);
	found.ends_early = finder.fault;
	refusal = xo_wall_apply(&found, xo_span_first(message, len), out,
	    report_r);
	if (refusal != XO_REFUSAL_NONE)
		return refusal;
	xo_buf_add(out, xo_span_from(message, len));
	return out->err == XO_OK ? XO_REFUSAL_NONE : XO_REFUSAL_MEMORY;
}

const char *
xo_wall_family_name(size_t i)
{
	static const char *const names[XO_WALL_FAMILIES] = {
		"originator-org", "organization", "forest", "cross-premises",
		"cross-tenant", "auth-results", "trace", "sender-trace",
	};

	return i < XO_WALL_FAMILIES ? names[i] : "none";
}
