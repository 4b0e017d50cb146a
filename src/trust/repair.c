/* SPDX-License-Identifier: ISC */
/*
 * Making a header section canonical where that leaves one reading: see
 * repair.h.
 */
#include <trust/repair.h>

#include <trust/field.h>

struct xo_span
xo_repair_skip_mark(struct xo_span section)
{
	if (section.len >= 3 && memcmp(section.p, "\xef\xbb\xbf", 3) == 0)
		return xo_span_from(section, 3);
	return section;
}

static bool
is_mbox_from(struct xo_span line)
{
	/* analyser: a span with octets has a place */
	while (line.len > 0 && line.p[0] == '>')
		line = xo_span_from(line, 1);
	return line.len >= 5 && memcmp(line.p, "From ", 5) == 0;
}

enum xo_fault_kind
xo_repair_look(struct xo_span line, struct xo_span *rest_r)
{
	*rest_r = line;
	/* analyser: a span with octets has a place */
	if (is_mbox_from(line))
		return XO_FAULT_MBOX_FROM;
	if (line.len == 0 || !xo_field_is_blank(line.p[0]))
		return XO_FAULT_NONE;
	while (rest_r->len > 0 && xo_field_is_blank(rest_r->p[0]))
		*rest_r = xo_span_from(*rest_r, 1);
	return XO_FAULT_LEADING_BLANK;
}

bool
xo_repair_copy(struct xo_buf *out, struct xo_span s)
{
	uint8_t *p = xo_buf_reserve(out, s.len);
	bool has_changed = false;
	size_t i;

	if (p == NULL)
		return false;
	/* analyser: a span with octets has a place */
	for (i = 0; i < s.len; i++) {
		bool is_odd = xo_field_is_odd_control(s.p[i]);

		p[i] = is_odd ? ' ' : s.p[i];
		has_changed |= is_odd;
	}
	out->len += s.len;
	return has_changed;
}

static struct xo_span
first_line(struct xo_span section)
{
	return xo_span_first(section, xo_span_find(section, '\r'));
}

enum xo_fault_kind
xo_repair_first_fault(struct xo_span section)
{
	struct xo_span rest;

	if (xo_repair_skip_mark(section).len != section.len)
		return XO_FAULT_BYTE_ORDER_MARK;
	return xo_repair_look(first_line(section), &rest);
}

static void
write_mbox_from(struct xo_buf *out, struct xo_span line,
    struct xo_wall_report *report)
{
	xo_buf_add_cstr(out, "X-Mailbox-Line: ");
	if (xo_repair_copy(out, line))
		report->n_repaired[XO_FAULT_CONTROL]++;
	xo_buf_add_cstr(out, "\r\n");
}

struct xo_span
xo_repair_start(struct xo_span section, struct xo_buf *out,
    struct xo_wall_report *report)
{
	struct xo_span start = section, line, rest;

	section = xo_repair_skip_mark(section);
	if (section.len != start.len)
		report->n_repaired[XO_FAULT_BYTE_ORDER_MARK]++;
	for (;;) {
		enum xo_fault_kind kind;

		line = first_line(section);
		kind = xo_repair_look(line, &rest);
		if (kind == XO_FAULT_NONE)
			return section;
		report->n_repaired[kind]++;
		if (kind == XO_FAULT_LEADING_BLANK && rest.len > 0)
			return xo_span_from(section, line.len - rest.len);
		if (kind == XO_FAULT_MBOX_FROM)
			write_mbox_from(out, line, report);
		section = xo_span_from(section, line.len + 2);
	}
}
