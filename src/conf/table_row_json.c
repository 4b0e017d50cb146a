/* SPDX-License-Identifier: ISC */
/*
 * Rows of JSON, an object a line: `name`, and settings of the group tenants by
 * their names, lists as arrays. What a value must be is the setting's.
 */
#include <conf/table_row.h>

#include <jansson.h>

#define LIST_MAX 10000

/* --- values ---------------------------------------------------------------- */

static bool
fail_value(const struct xo_row_reader *r, const char *name,
    const char *expected, const char *found)
{
	return xo_conf_fail(r->loader.error, &r->where,
	    "%s: expected %s, found %s",
	    xo_conf_show(xo_span_from_cstr(name)).text, expected, found);
}

static bool
set_text(const struct xo_row_reader *r, const char *name,
    struct xo_node *node, struct xo_span text)
{
	const char *copy = xo_conf_arena_copy(r->nodes, text);

	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < ' ' || text.p[i] == 0x7f)
			return fail_value(r, name, "text without control "
			    "characters", xo_conf_show(text).text);
	node->text = xo_span(copy, text.len);
	return copy != NULL || xo_conf_fail_memory(r->loader.error);
}

static bool
set_number(const struct xo_row_reader *r, struct xo_node *node,
    const json_t *value)
{
	char text[64];
	int n;

	if (json_is_integer(value)) {
		n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
		node->kind = XO_NODE_NUMBER;
	} else {
		n = snprintf(text, sizeof(text), "%g", json_real_value(value));
		node->kind = XO_NODE_FRACTION;
	}
	return set_text(r, "", node, xo_span(text, (size_t)n));
}

/* All but lists and objects. */
static bool
set_scalar(const struct xo_row_reader *r, const char *name,
    struct xo_node *node, const json_t *value)
{
	node->where = r->where;
	if (json_is_string(value)) {
		node->kind = XO_NODE_STRING;
		return set_text(r, name, node, xo_span(json_string_value(value),
		    json_string_length(value)));
	}
	if (json_is_boolean(value)) {
		node->kind = XO_NODE_BOOL;
		return set_text(r, name, node, json_is_true(value) ?
		    XO_LIT("true") : XO_LIT("false"));
	}
	if (json_is_number(value))
		return set_number(r, node, value);
	return fail_value(r, name, "text, a number, true or false",
	    json_is_null(value) ? "null" : json_is_array(value) ?
	    "an array" : "an object");
}

static bool
set_list(const struct xo_row_reader *r, const char *name,
    struct xo_node *node, const json_t *list)
{
	size_t n = json_array_size(list);
	struct xo_node *elements;

	node->kind = XO_NODE_LIST;
	node->where = r->where;
	if (n > LIST_MAX)
		return fail_value(r, name, "at most 10000 elements", "more");
	elements = xo_conf_arena_alloc(r->nodes, n, sizeof(*elements));
	if (elements == NULL)
		return xo_conf_fail_memory(r->loader.error);
	for (size_t i = 0; i < n; i++)
		if (!set_scalar(r, name, &elements[i], json_array_get(list, i)))
			return false;
	node->children = elements;
	node->n_children = n;
	return true;
}
_Static_assert(LIST_MAX == 10000, "the text says 10000");

/* --- an object ------------------------------------------------------------- */

static bool
set_name(struct xo_row_reader *r, const json_t *value,
    struct xo_conf_entry *entry)
{
	if (!json_is_string(value))
		return fail_value(r, "name", "a string", value == NULL ?
		    "none" : "another value");
	return xo_row_set_name(r, xo_span(json_string_value(value),
	    json_string_length(value)), entry);
}

static bool
set_member(const struct xo_row_reader *r, const char *name,
    struct xo_node *node, const json_t *value)
{
	node->name = xo_conf_arena_copy(r->nodes, xo_span_from_cstr(name));
	if (node->name == NULL)
		return xo_conf_fail_memory(r->loader.error);
	return json_is_array(value) ? set_list(r, name, node, value) :
	    set_scalar(r, name, node, value);
}

static bool
set_members(struct xo_row_reader *r, json_t *object,
    struct xo_conf_entry *entry, struct xo_node *group)
{
	struct xo_node *nodes = xo_conf_arena_alloc(r->nodes,
	    json_object_size(object), sizeof(*nodes));
	const char *name;
	json_t *value;

	if (nodes == NULL)
		return xo_conf_fail_memory(r->loader.error);
	group->children = nodes;
	json_object_foreach(object, name, value) {
		if (strcmp(name, "name") == 0)
			continue;
		if (!set_member(r, name, &nodes[group->n_children], value))
			return false;
		group->n_children++;
	}
	return set_name(r, json_object_get(object, "name"), entry);
}

bool
xo_row_read_object(struct xo_row_reader *r, struct xo_span text,
    struct xo_conf_entry *entry, struct xo_node *group)
{
	json_error_t error;
	json_t *object = json_loadb((const char *)text.p, text.len,
	    JSON_REJECT_DUPLICATES, &error);
	bool is_good;

	if (!json_is_object(object)) {
		json_decref(object);
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected a JSON object, found %s", object == NULL ?
		    xo_conf_show(xo_span_from_cstr(error.text)).text :
		    xo_conf_show(text).text);
	}
	is_good = set_members(r, object, entry, group);
	json_decref(object);
	return is_good;
}

/* --- a file ---------------------------------------------------------------- */

static bool
begin(struct xo_row_reader *r, struct xo_span text)
{
	r->rest = text;
	return true;
}

/* The next line without its end; false: it has none. */
static bool
take_line(struct xo_row_reader *r, struct xo_span *line_r)
{
	size_t end = xo_span_find(r->rest, '\n');
	bool has_end = end < r->rest.len;

	*line_r = xo_span_first(r->rest, end);
	if (line_r->len > 0 && line_r->p[line_r->len - 1] == '\r')
		line_r->len--;
	r->rest = xo_span_from(r->rest, has_end ? end + 1 : end);
	r->where.line++;
	return has_end;
}

/* Empty lines are no rows. */
static bool
has_row(struct xo_row_reader *r)
{
	while (r->rest.len > 0) {
		struct xo_row_reader next = *r;
		struct xo_span line;

		if (!take_line(&next, &line) || xo_span_trim(line).len > 0)
			return true;
		*r = next;
	}
	return false;
}

static bool
read_row(struct xo_row_reader *r, struct xo_conf_entry *entry,
    struct xo_node *group)
{
	struct xo_span line;

	if (!take_line(r, &line))
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected a line end behind the last row, since the file "
		    "may have been cut, found %s", xo_conf_show(line).text);
	return xo_row_read_object(r, line, entry, group);
}

const struct xo_row_format xo_row_json = {begin, has_row, read_row};
