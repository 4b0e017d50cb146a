/* SPDX-License-Identifier: ISC */
/*
 * The wall itself: which fields go, which change, what is stamped.
 */
#include <xoorg/wall.h>

#include <trust/promote.h>
#include <xoorg/domain.h>

#define MAX_LINE 16384
/* Nobody cuts a line before here. */
#define CUT_MIN ((size_t)990)
#define NAME(s) ("" s), sizeof(s) - 1

#define ORGANIZATION "X-MS-Exchange-Organization-"
#define CROSS_PREMISES "X-MS-Exchange-CrossPremises-"

/* Compared without case; a prefix as far as it goes. */
static const struct protected_name {
	const char *name;
	size_t len;
	bool is_prefix;
	enum xo_wall_family family;
} protected_names[] = {
	{NAME("X-OriginatorOrg"), false, XO_WALL_ORIGINATOR_ORG},
	{NAME("X-OriginatorOrganization"), false, XO_WALL_ORIGINATOR_ORG},
	{NAME(ORGANIZATION), true, XO_WALL_ORGANIZATION},
	{NAME("X-MS-Exchange-Forest-"), true, XO_WALL_FOREST},
	{NAME(CROSS_PREMISES), true, XO_WALL_CROSS_PREMISES},
	{NAME("X-MS-Exchange-CrossTenant-"), true, XO_WALL_CROSS_TENANT},
	{NAME("X-MS-Exchange-Transport-CrossTenantHeaders"), true,
	    XO_WALL_CROSS_TENANT},
	{NAME("Authentication-Results"), false, XO_WALL_AUTH_RESULTS},
	{NAME("X-CrossPremisesHeadersPromoted"), false, XO_WALL_TRACE},
	{NAME("X-CrossPremisesHeadersFiltered"), false, XO_WALL_TRACE},
};

/* One application of the wall. */
struct work {
	const struct xo_wall *wall;
	uint32_t remove;
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

#define N_PROTECTED (sizeof(protected_names) / sizeof(protected_names[0]))

/* 0: no protected name. */
static uint32_t
family_of(struct xo_span name)
{
	size_t i;

	for (i = 0; i < N_PROTECTED; i++) {
		const struct protected_name *n = &protected_names[i];
		struct xo_span wanted = xo_span(n->name, n->len);

		if (name.len < n->len || (!n->is_prefix && name.len > n->len))
			continue;
		if (xo_span_has_prefix_nocase(name, wanted))
			return (uint32_t)n->family;
	}
	return 0;
}

/* The family because of which this field goes, or 0. */
static uint32_t
to_be_removed(const struct work *w, const struct xo_field *field)
{
	uint32_t family = family_of(field->name) & w->remove;

	if (family == XO_WALL_AUTH_RESULTS &&
	    !xo_field_is_authserv(xo_field_value(field), w->wall->hostname))
		return 0;
	return family;
}

/*
 * Exchange cuts a line behind 998 octets, others elsewhere, and somebody may
 * take what is left for a field of its own. True: a name that goes would then
 * be at its front.
 */
static bool
hides_name(const struct work *w, struct xo_span line)
{
	size_t at, i;

	for (at = CUT_MIN; at < line.len; at++) {
		struct xo_span rest = xo_span_from(line, at);

		for (i = 0; i < N_PROTECTED; i++) {
			const struct protected_name *n = &protected_names[i];

			if ((n->family & w->remove) != 0 &&
			    n->family != XO_WALL_AUTH_RESULTS &&
			    xo_span_has_prefix_nocase(rest,
			    xo_span(n->name, n->len)))
				return true;
		}
	}
	return false;
}

static bool
has_hidden_name(const struct work *w, const struct xo_field *field)
{
	struct xo_span rest = field->raw;

	while (rest.len > CUT_MIN) {
		size_t len = xo_span_find(rest, '\n');

		if (hides_name(w, xo_span_first(rest, len)))
			return true;
		rest = xo_span_from(rest, len + 1);
	}
	return false;
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
		if (family_of(field.name) != XO_WALL_CROSS_PREMISES)
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
		family = to_be_removed(w, &field);
		if (family != 0)
			take_out(w, &field, family);
		else if (field.has_fold || has_hidden_name(w, &field))
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
		.remove = wall->remove | XO_WALL_ALWAYS,
		.out = out,
		.report = report_r,
	};
	enum xo_refusal refusal;

	*report_r = (struct xo_wall_report){0};
	refusal = xo_field_check_octets(section);
	if (refusal == XO_REFUSAL_NONE && wall->promote) {
		w.remove |= XO_WALL_CROSS_PREMISES;
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
