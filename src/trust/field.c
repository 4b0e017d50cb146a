/* SPDX-License-Identifier: ISC */
/*
 * Canonical or refused: see wall.h.
 */
#include <trust/field.h>

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/*
 * Controls that no field has and some readers end a line at. The shifts of
 * ISO 2022 (ESC, SO, SI) stand raw in the subjects of old programs, and end
 * nothing.
 */
static bool
is_odd_control(uint8_t c)
{
	return (c < ' ' || c == 0x7f) && !is_blank(c) && c != '\r' &&
	    c != 0x1b && c != 0x0e && c != 0x0f;
}

enum xo_refusal
xo_field_check_octets(struct xo_span section)
{
	size_t i;

	for (i = 0; i < section.len; i++) {
		if (section.p[i] >= ' ' && section.p[i] != 0x7f)
			continue;
		if (section.p[i] == '\0')
			return XO_REFUSAL_CONTENT_NUL;
		if (section.p[i] == '\n')
			return XO_REFUSAL_HEADER_BARE_NEWLINE;
		if (is_odd_control(section.p[i]))
			return XO_REFUSAL_HEADER_SYNTAX;
		if (section.p[i] != '\r')
			continue;
		if (i + 1 == section.len || section.p[i + 1] != '\n')
			return XO_REFUSAL_HEADER_BARE_NEWLINE;
		i++;
	}
	return XO_REFUSAL_NONE;
}

/* The length of the first line; *size_r with its CRLF, if it has one. */
static size_t
find_line(struct xo_span s, size_t *size_r)
{
	size_t len = xo_span_find(s, '\r');

	*size_r = len < s.len ? len + 2 : len;
	return len;
}

/* The first line and all that continue it. */
static enum xo_refusal
read_lines(struct xo_field_reader *reader, struct xo_span *raw_r)
{
	struct xo_span rest = reader->rest;
	size_t size;

	do {
		if (find_line(rest, &size) > reader->max_line)
			return XO_REFUSAL_HEADER_LIMIT;
		rest = xo_span_from(rest, size);
	} while (rest.len > 0 && is_blank(rest.p[0]));
	*raw_r = xo_span_first(reader->rest, reader->rest.len - rest.len);
	reader->rest = rest;
	return XO_REFUSAL_NONE;
}

static enum xo_refusal
split(struct xo_field *field)
{
	struct xo_span raw = field->raw;
	size_t n = 0;
	size_t i;

	/* A comment would be no part of the name to who knows RFC 822. */
	while (n < raw.len && raw.p[n] > ' ' && raw.p[n] < 0x7f &&
	    raw.p[n] != ':' && raw.p[n] != '(')
		n++;
	for (i = n; i < raw.len && raw.p[i] != ':'; i++) {
		if (raw.p[i] == '\r' || raw.p[i] == '\n')
			field->has_fold = true;
		else if (!is_blank(raw.p[i]))
			return XO_REFUSAL_HEADER_SYNTAX;
	}
	/* Who unstuffs once too often finds another name behind a dot. */
	if (n == 0 || i == raw.len || raw.p[0] == '.')
		return XO_REFUSAL_HEADER_SYNTAX;
	field->name = xo_span_first(raw, n);
	field->colon = xo_span_from(raw, i);
	field->has_blanks = i > n;
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
			return XO_REFUSAL_HEADER_SYNTAX;
		reader->end = rest;
		reader->rest = xo_span(NULL, 0);
		return XO_REFUSAL_NONE;
	}
	if (reader->max_fields != 0 && reader->n_fields >= reader->max_fields)
		return XO_REFUSAL_HEADER_LIMIT;
	reader->n_fields++;
	refusal = read_lines(reader, &field_r->raw);
	if (refusal != XO_REFUSAL_NONE)
		return refusal;
	return split(field_r);
}

struct xo_span
xo_field_value(const struct xo_field *field)
{
	struct xo_span s = xo_span_from(field->colon, 1);

	while (s.len > 0 && (is_blank(s.p[0]) || s.p[0] == '\r' ||
	    s.p[0] == '\n'))
		s = xo_span_from(s, 1);
	while (s.len > 0 && (is_blank(s.p[s.len - 1]) ||
	    s.p[s.len - 1] == '\r' || s.p[s.len - 1] == '\n'))
		s.len--;
	return s;
}
