/* SPDX-License-Identifier: ISC */
/*
 * Where a header section ends: at its empty line or, to be repaired, before the
 * first line that is no field. Each line is looked at once.
 */
#include <xoorg/header.h>

#include <trust/field.h>
#include <trust/repair.h>
#include <xoorg/content.h>

static bool
is_continuation(const struct xo_header_finder *finder, struct xo_span line)
{
	/* analyser: a span with octets has a place */
	return finder->has_begun && line.len > 0 &&
	    xo_field_is_blank(line.p[0]);
}

/* A line behind a name without a colon, which begins with a blank. */
static enum xo_fault_kind
continue_head(struct xo_header_finder *finder, struct xo_span line)
{
	/* analyser: a span with octets has a place */
	while (line.len > 0 && xo_field_is_blank(line.p[0]))
		line = xo_span_from(line, 1);
	if (line.len == 0)
		return XO_FAULT_NONE;
	if (line.p[0] != ':')
		return XO_FAULT_NO_COLON;
	finder->awaits_colon = false;
	return XO_FAULT_NONE;
}

/* `at`: where the line stands in the section. */
static enum xo_fault_kind
begin_field(struct xo_header_finder *finder, struct xo_span line, size_t at)
{
	struct xo_field_head head;
	enum xo_fault_kind fault;

	if (!finder->has_begun) {
		struct xo_span rest;
		enum xo_fault_kind kind = xo_repair_look(line, &rest);

		if (kind == XO_FAULT_MBOX_FROM || (rest.len == 0 &&
		    kind == XO_FAULT_LEADING_BLANK))
			return XO_FAULT_NONE;
		/* Text that begins with a blank would go on with the empty
		 * line to who unfolds first. */
		at += line.len - rest.len;
		line = rest;
	}
	finder->has_begun = true;
	finder->field_start = at;
	/* analyser: a span with octets has a place */
	fault = xo_field_read_head(line, &head);
	if (fault != XO_FAULT_NO_COLON || head.colon != line.len ||
	    line.p[0] == '.')
		return fault;
	finder->awaits_colon = true;
	return XO_FAULT_NONE;
}

/* False: the section ends at `field_start`. */
static bool
take_line(struct xo_header_finder *finder, struct xo_span line, size_t at)
{
	enum xo_fault_kind fault = XO_FAULT_NONE;

	if (is_continuation(finder, line)) {
		if (finder->awaits_colon)
			fault = continue_head(finder, line);
	} else if (finder->awaits_colon) {
		fault = XO_FAULT_NO_COLON;
	} else if (line.len > 0) {
		fault = begin_field(finder, line, at);
	}
	/* What has NUL, or CR or LF on its own, has more readings than one: it
	 * is left to be refused. */
	if (fault == XO_FAULT_NONE || xo_find_line_octet(line) < line.len)
		return true;
	finder->fault = fault;
	return false;
}

/* A line that is whole, up to `end`. False: go on. */
static bool
is_end(struct xo_header_finder *finder, struct xo_span section, size_t end,
    size_t *len_r)
{
	size_t start = finder->line_start;
	struct xo_span line = xo_span_first(xo_span_from(section, start),
	    end - 2 - start);

	if (finder->repairs) {
		if (start == 0)
			line = xo_repair_skip_mark(line);
		if (!take_line(finder, line, end - 2 - line.len)) {
			*len_r = finder->field_start;
			return true;
		}
	}
	if (line.len > 0)
		return false;
	*len_r = end;
	return true;
}

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
		if (is_end(finder, section, lf + 1, len_r))
			return XO_OK;
		finder->line_start = lf + 1;
	}
	return XO_MORE;
}

size_t
xo_header_end(struct xo_header_finder *finder, struct xo_span section)
{
	struct xo_span line = xo_span_from(section, finder->line_start);

	if (!finder->repairs || finder->fault != XO_FAULT_NONE)
		return section.len;
	if (line.len > 0 && finder->line_start == 0)
		line = xo_repair_skip_mark(line);
	if (line.len > 0 && !take_line(finder, line, section.len - line.len))
		return finder->field_start;
	if (!finder->awaits_colon)
		return section.len;
	finder->fault = XO_FAULT_NO_COLON;
	return finder->field_start;
}
