/* SPDX-License-Identifier: ISC */
/*
 * The wall itself: which fields go, which change, what is stamped.
 */
#include <xoorg/wall.h>

#include <trust/promote.h>
#include <trust/protected.h>
#include <xoorg/domain.h>

#define MAX_LINE 16384
#define ORGANIZATION "X-MS-Exchange-Organization-"
#define CROSS_PREMISES "X-MS-Exchange-CrossPremises-"

/* One application of the wall. */
struct work {
	const struct xo_wall *wall;
	struct xo_protection protection;
	struct xo_promote promote;
	struct xo_buf *out;
	struct xo_wall_report *report;
};

enum xo_err
xo_header_find(struct xo_header_finder *finder, struct xo_span section,
    size_t *len_r)
{
	while (finder->scanned < section.len) {
		struct xo_span rest = xo_span_from(section, finder->scanned);
		size_t lf = xo_span_find(rest, '\n');

		if (lf == rest.len) {
			finder->scanned = section.len;
			break;
		}
		lf += finder->scanned;
		finder->scanned = lf + 1;
		if (lf == 0 || section.p[lf - 1] != '\r')
			continue;
		if (lf - 1 == finder->line_start) {
			*len_r = lf + 1;
			return XO_OK;
		}
		finder->line_start = lf + 1;
	}
	return XO_MORE;
}

static void
keep(struct work *w, const struct xo_field *field)
{
	if (!field->has_blanks) {
		(void)xo_buf_add(w->out, field->raw);
		return;
	}
	(void)xo_buf_add(w->out, field->name);
	(void)xo_buf_add(w->out, field->colon);
}

/* True: it goes on under its Organization name. */
static bool
promote(struct work *w, const struct xo_field *field)
{
	const struct xo_promote_entry *e;

	if (!w->wall->promote)
		return false;
	e = &w->promote.entries[w->promote.next++];
	/* analyser: a promotion has entries */
	if (!e->is_promoted)
		return false;
	(void)xo_buf_add(w->out, XO_LIT(ORGANIZATION));
	(void)xo_buf_add(w->out, e->suffix);
	(void)xo_buf_add(w->out, field->colon);
	w->report->n_promoted++;
	return true;
}

static void
take_out(struct work *w, const struct xo_field *field, uint32_t family)
{
	w->report->removed |= family;
	if (family == XO_WALL_CROSS_PREMISES && promote(w, field))
		return;
	w->report->n_removed++;
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
	(void)xo_buf_add_cstr(w->out, name);
	(void)xo_buf_add(w->out, XO_LIT(": "));
	(void)xo_buf_add(w->out, w->wall->hostname);
	(void)xo_buf_add(w->out, XO_LIT("\r\n"));
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
reader_of(const struct xo_wall *wall, struct xo_span section)
{
	return (struct xo_field_reader){
		.rest = section,
		.max_line = wall->max_line != 0 ? wall->max_line : MAX_LINE,
		.max_fields = wall->max_fields,
	};
}

/* Which of several wins is known only at the end: hence a pass of its own. */
static enum xo_refusal
collect(struct work *w, struct xo_span section)
{
	struct xo_field_reader reader = reader_of(w->wall, section);
	struct xo_field field;
	enum xo_refusal refusal;

	for (;;) {
		refusal = xo_field_next(&reader, &field);
		if (refusal != XO_REFUSAL_NONE)
			return refusal;
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

static enum xo_refusal
write_section(struct work *w, struct xo_span section)
{
	struct xo_field_reader reader = reader_of(w->wall, section);
	struct xo_field field;
	enum xo_refusal refusal;
	size_t start = w->out->len;

	for (;;) {
		uint32_t family;

		refusal = xo_field_next(&reader, &field);
		w->report->n_fields = reader.n_fields;
		if (refusal != XO_REFUSAL_NONE)
			return refusal;
		if (field.raw.len == 0)
			break;
		if (is_one_hop_too_many(w, &field))
			return XO_REFUSAL_HEADER_LOOP;
		family = xo_protected_field(&w->protection, &field);
		if (family != 0)
			take_out(w, &field, family);
		else if (field.has_fold || xo_protected_is_hidden(
		    &w->protection, &field))
			return XO_REFUSAL_HEADER_SYNTAX;
		else
			keep(w, &field);
	}
	/* The message ended in its header, and not with a line end. */
	if (w->out->err == XO_OK && w->out->len > start &&
	    w->out->p[w->out->len - 1] != '\n')
		(void)xo_buf_add(w->out, XO_LIT("\r\n"));
	stamp(w);
	(void)xo_buf_add(w->out, reader.end);
	return XO_REFUSAL_NONE;
}

enum xo_refusal
xo_wall_apply(const struct xo_wall *wall, struct xo_span section,
    struct xo_buf *out, struct xo_wall_report *report_r)
{
	struct work w = {
		.wall = wall,
		.protection = {
			.families = wall->remove | XO_WALL_ALWAYS,
			.hostname = wall->hostname,
		},
		.out = out,
		.report = report_r,
	};
	enum xo_refusal refusal;

	*report_r = (struct xo_wall_report){0};
	refusal = xo_field_check_octets(section);
	if (refusal == XO_REFUSAL_NONE && wall->promote) {
		w.protection.families |= XO_WALL_CROSS_PREMISES;
		refusal = collect(&w, section);
	}
	if (refusal == XO_REFUSAL_NONE)
		refusal = write_section(&w, section);
	xo_promote_fini(&w.promote);
	if (refusal != XO_REFUSAL_NONE)
		return refusal;
	if (out->err != XO_OK)
		return out->err == XO_ERR_LIMIT ? XO_REFUSAL_HEADER_LIMIT :
		    XO_REFUSAL_MEMORY;
	return XO_REFUSAL_NONE;
}
