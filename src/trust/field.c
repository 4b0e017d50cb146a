/* SPDX-License-Identifier: ISC */
/*
 * Canonical or refused: see wall.h.
 */
#include <trust/field.h>

bool
xo_field_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/*
 * Controls that no field has and some readers end a line at. The shifts of
 * ISO 2022 (ESC, SO, SI) stand raw in the subjects of old programs, and end
 * nothing.
 */
bool
xo_field_is_odd_control(uint8_t c)
{
	return (c < ' ' || c == 0x7f) && !xo_field_is_blank(c) && c != '\r' &&
	    c != '\n' && c != 0x1b && c != 0x0e && c != 0x0f;
}

/* Behind those from `i` on that are no control, eight at a time. */
static size_t
skip_plain(struct xo_span s, size_t i)
{
	static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t eight, del;

	while (s.len - i >= sizeof(eight)) {
		memcpy(&eight, s.p + i, sizeof(eight));
		del = eight ^ ones * 0x7f;
		/* Some octet is below a blank, or 0x7f. */
		if ((((eight - ones * ' ') & ~eight) |
		    ((del - ones) & ~del)) & tops)
			break;
		i += sizeof(eight);
	}
	return i;
}

enum xo_fault_kind
xo_field_check_octets(struct xo_span section, bool *has_controls_r,
    struct xo_span *at_r)
{
	size_t i;

	for (i = 0; i < section.len; i++) {
		if (section.p[i] >= ' ' && section.p[i] != 0x7f) {
			i = skip_plain(section, i + 1) - 1;
			continue;
		}
		*at_r = xo_span_from(section, i);
		if (section.p[i] == '\0')
			return XO_FAULT_NUL;
		if (section.p[i] == '\n')
			return XO_FAULT_BARE_NEWLINE;
		if (xo_field_is_odd_control(section.p[i])) {
			if (has_controls_r == NULL)
				return XO_FAULT_CONTROL;
			*has_controls_r = true;
		}
		if (section.p[i] != '\r')
			continue;
		if (i + 1 == section.len || section.p[i + 1] != '\n')
			return XO_FAULT_BARE_NEWLINE;
		i++;
	}
	return XO_FAULT_NONE;
}

/* The length of the first line; *size_r with its CRLF, if it has one. */
static size_t
find_line(struct xo_span s, size_t *size_r)
{
	size_t len = xo_span_find(s, '\r');

	*size_r = len < s.len ? len + 2 : len;
	return len;
}

static enum xo_refusal
refuse(struct xo_field_reader *reader, enum xo_refusal why,
    enum xo_fault_kind fault, struct xo_span at)
{
	reader->fault = fault;
	reader->at = at;
	return why;
}

/* The first line and all that continue it. */
static enum xo_refusal
read_lines(struct xo_field_reader *reader, struct xo_span *raw_r)
{
	struct xo_span rest = reader->rest;
	size_t size;

	do {
		if (find_line(rest, &size) > reader->max_line)
			return refuse(reader, XO_REFUSAL_HEADER_LIMIT,
			    XO_FAULT_LINE, rest);
		rest = xo_span_from(rest, size);
	} while (rest.len > 0 && xo_field_is_blank(rest.p[0]));
	*raw_r = xo_span_first(reader->rest, reader->rest.len - rest.len);
	reader->rest = rest;
	return XO_REFUSAL_NONE;
}

/* 33..126 but the colon and, since a comment would be no part of the name to who
 * knows RFC 822, the parenthesis. One table, one look an octet. */
static bool
is_name_octet(uint8_t c)
{
	static const uint32_t set[8] = {
		0, 0xfbfffefe, 0xffffffff, 0x7fffffff, 0, 0, 0, 0
	};

	return (set[c >> 5] >> (c & 31) & 1) != 0;
}

/* Something else than blanks stands between the name and the first colon. */
static enum xo_fault_kind
name_fault(struct xo_span text)
{
	struct xo_span line = xo_span_first(text, xo_span_find(text, '\r'));

	return xo_span_find(line, ':') < line.len ? XO_FAULT_NAME :
	    XO_FAULT_NO_COLON;
}

enum xo_fault_kind
xo_field_read_head(struct xo_span text, struct xo_field_head *head_r)
{
	size_t n = 0;
	size_t i;

	*head_r = (struct xo_field_head){0};
	while (n < text.len && is_name_octet(text.p[n]))
		n++;
	for (i = n; i < text.len && text.p[i] != ':'; i++) {
		if (text.p[i] == '\r' || text.p[i] == '\n')
			head_r->has_fold = true;
		else if (!xo_field_is_blank(text.p[i]))
			return name_fault(text);
	}
	head_r->name_len = n;
	head_r->colon = i;
	if (text.len > 0 && xo_field_is_blank(text.p[0]))
		return XO_FAULT_LEADING_BLANK;
	if (i == text.len)
		return XO_FAULT_NO_COLON;
	if (n == 0)
		return XO_FAULT_EMPTY_NAME;
	/* Who unstuffs once too often finds another name behind a dot. */
	return text.p[0] == '.' ? XO_FAULT_LEADING_DOT : XO_FAULT_NONE;
}

static enum xo_refusal
split(struct xo_field_reader *reader, struct xo_field *field)
{
	struct xo_field_head head;
	enum xo_fault_kind fault = xo_field_read_head(field->raw, &head);

	if (fault != XO_FAULT_NONE)
		return refuse(reader, XO_REFUSAL_HEADER_SYNTAX, fault,
		    field->raw);
	field->name = xo_span_first(field->raw, head.name_len);
	field->colon = xo_span_from(field->raw, head.colon);
	field->has_blanks = head.colon > head.name_len;
	field->has_fold = head.has_fold;
	return XO_REFUSAL_NONE;
}

enum xo_refusal
xo_field_next(struct xo_field_reader *reader, struct xo_field *field_r)
{
	struct xo_span rest = reader->rest;
	enum xo_refusal refusal;

	*field_r = (struct xo_field){0};
	if (rest.len == 0)
		return XO_REFUSAL_NONE;
	if (rest.p[0] == '\r') {
		/* Fields behind the empty line would be seen by nobody. */
		if (rest.len > 2)
			return refuse(reader, XO_REFUSAL_HEADER_SYNTAX,
			    XO_FAULT_AFTER_END, xo_span_from(rest, 2));
		reader->end = rest;
		reader->rest = xo_span(NULL, 0);
		return XO_REFUSAL_NONE;
	}
	if (reader->max_fields != 0 && reader->n_fields >= reader->max_fields)
		return refuse(reader, XO_REFUSAL_HEADER_LIMIT, XO_FAULT_FIELDS,
		    rest);
	reader->n_fields++;
	refusal = read_lines(reader, &field_r->raw);
	if (refusal != XO_REFUSAL_NONE)
		return refusal;
	return split(reader, field_r);
}

struct xo_span
xo_field_value(const struct xo_field *field)
{
	struct xo_span s = xo_span_from(field->colon, 1);

	while (s.len > 0 && (xo_field_is_blank(s.p[0]) || s.p[0] == '\r' ||
	    s.p[0] == '\n'))
		s = xo_span_from(s, 1);
	while (s.len > 0 && (xo_field_is_blank(s.p[s.len - 1]) ||
	    s.p[s.len - 1] == '\r' || s.p[s.len - 1] == '\n'))
		s.len--;
	return s;
}
