/* SPDX-License-Identifier: ISC */
/*
 * A line of the log as a record: key=value, or a JSON object.
 */
#include <cmd/report/report.h>
#include <cmd/common/tool.h>

#include <stdlib.h>

#define TIME_LEN 24

static void
add(struct xo_record *record, struct xo_span key, struct xo_span value)
{
	if (record->n == XO_RECORD_FIELDS)
		return;
	record->fields[record->n].key = key;
	record->fields[record->n++].value = value;
}

static bool
is_time(struct xo_span s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	if (s.len < TIME_LEN)
		return false;
	for (size_t i = 0; i < TIME_LEN; i++)
		if (form[i] == 'd' ? !xo_ascii_is_digit(s.p[i]) :
		    s.p[i] != (uint8_t)form[i])
			return false;
	return true;
}

/* What the logger wrote for the character behind a backslash. */
static uint8_t
unescaped(uint8_t c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* Behind the opening quote; *used_r is what it took, the closing one included. */
static struct xo_span
quoted(struct xo_record *record, struct xo_span in, size_t *used_r)
{
	size_t start = record->text.len, i;

	for (i = 0; i < in.len && in.p[i] != '"'; i++) {
		bool is_escaped = in.p[i] == '\\' && i + 1 < in.len;

		if (is_escaped)
			i++;
		xo_buf_add_byte(&record->text,
		    is_escaped ? unescaped(in.p[i]) : in.p[i]);
	}
	*used_r = i < in.len ? i + 1 : i;
	return xo_span(record->text.p + start, record->text.len - start);
}

/* A value never grows when it is decoded: so `text` never moves. */
static bool
reserve(struct xo_record *record, size_t len)
{
	xo_buf_clear(&record->text);
	return xo_buf_reserve(&record->text, len + 1) != NULL;
}

static bool
read_pairs(struct xo_record *record, struct xo_span rest)
{
	while (rest.len > 0) {
		size_t end = xo_span_find(rest, '='), used;
		struct xo_span key = xo_span_trim(xo_span_first(rest, end));

		if (end == rest.len || key.len == 0)
			return record->n > 0;
		rest = xo_span_from(rest, end + 1);
		if (rest.len > 0 && rest.p[0] == '"') {
			rest = xo_span_from(rest, 1);
			add(record, key, quoted(record, rest, &used));
		} else {
			used = xo_span_find(rest, ' ');
			add(record, key, xo_span_first(rest, used));
		}
		rest = xo_span_from(rest, used);
	}
	return record->n > 0;
}

static bool
add_json(struct xo_record *record, const char *key, const json_t *value)
{
	struct xo_buf *text = &record->text;
	struct xo_span name = xo_span_from_cstr(key), copy;
	size_t start = text->len;

	xo_buf_add(text, name);
	if (json_is_string(value))
		xo_buf_add(text, xo_span(json_string_value(value),
		    json_string_length(value)));
	else if (json_is_integer(value) && json_integer_value(value) >= 0)
		xo_buf_add_u64(text,
		    (uint64_t)json_integer_value(value));
	if (text->err != XO_OK)
		return false;
	copy = xo_span(text->p + start, text->len - start);
	if (xo_span_is_equal(name, XO_LIT("time")))
		record->time = xo_span_from(copy, name.len);
	else
		add(record, xo_span_first(copy, name.len),
		    xo_span_from(copy, name.len));
	return true;
}

static bool
read_object(struct xo_record *record, struct xo_span line)
{
	json_t *object = json_loadb((const char *)line.p, line.len, 0, NULL);
	bool is_fine = json_is_object(object);
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
		is_fine = is_fine && add_json(record, key, value);
	json_decref(object);
	return is_fine && is_time(record->time);
}

bool
xo_record_read(struct xo_record *record, struct xo_span line)
{
	record->n = 0;
	record->time = (struct xo_span){NULL, 0};
	/* Numbers in JSON may grow a little. */
	if (!reserve(record, 2 * line.len + 64))
		return false;
	while (line.len > 0 && (line.p[line.len - 1] == '\n' ||
	    line.p[line.len - 1] == '\r'))
		line.len--;
	for (size_t i = 0; i < line.len; i++) {
		struct xo_span rest = xo_span_from(line, i);

		if (line.p[i] == '{')
			return read_object(record, rest);
		if (!is_time(rest))
			continue;
		record->time = xo_span_first(rest, TIME_LEN);
		return read_pairs(record, xo_span_from(rest, TIME_LEN));
	}
	return false;
}

struct xo_span
xo_record_value(const struct xo_record *record, const char *key)
{
	for (size_t i = 0; i < record->n; i++)
		if (xo_span_is_equal(record->fields[i].key,
		    xo_span_from_cstr(key)))
			return record->fields[i].value;
	return (struct xo_span){NULL, 0};
}

void
xo_record_fini(struct xo_record *record)
{
	xo_buf_fini(&record->text);
}
