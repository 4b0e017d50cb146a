/* SPDX-License-Identifier: ISC */
/*
 * Rows of comma-separated values: a header line names the columns, `name` and
 * settings of the group tenants; each further row is one tenant.
 */
#include <conf/table_row.h>

/* In a cell: a list that is given, and empty. */
#define EMPTY_LIST "[]"

/* --- the header ------------------------------------------------------------ */

static bool
fail_syntax(const struct xo_row_reader *r)
{
	return xo_conf_fail(r->loader.error, &r->where,
	    "expected %s, found %s", r->csv.expected, r->csv.found.len > 0 ?
	    xo_conf_show(r->csv.found).text : "none");
}

static bool
next_row(struct xo_row_reader *r, struct xo_csv_row *row)
{
	enum xo_err err = xo_csv_next(&r->csv, row);

	r->where.line = r->csv.line;
	return err == XO_OK || fail_syntax(r);
}

static bool
fail_column(const struct xo_row_reader *r, struct xo_span name)
{
	char *word = xo_conf_arena_copy(r->nodes, name);
	struct xo_conf_nearest nearest = {.word = word};
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	if (word == NULL)
		return xo_conf_fail_memory(r->loader.error);
	xo_conf_nearest_try(&nearest, "name");
	for (i = 0; i < n; i++)
		if (rows[i].section == XO_SECTION_TENANTS)
			xo_conf_nearest_try(&nearest, rows[i].name);
	return xo_conf_fail(r->loader.error, &r->where,
	    "expected a header line of `name` and settings of tenants, found "
	    "`%s`%s", xo_conf_show(name).text,
	    xo_conf_nearest_hint(&nearest).text);
}

static bool
is_column(const struct xo_row_reader *r, const struct xo_setting *setting)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (r->columns[i] == setting)
			return true;
	return false;
}

static bool
read_column(struct xo_row_reader *r, struct xo_span name)
{
	const struct xo_setting *setting = xo_setting_find(XO_SECTION_TENANTS,
	    name);

	if (setting == NULL && !xo_span_is_equal(name, XO_LIT("name")))
		return fail_column(r, name);
	if (is_column(r, setting))
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected each column once, found `%s` again",
		    xo_conf_show(name).text);
	r->columns[r->n_columns++] = setting;
	return true;
}

static bool
read_header(struct xo_row_reader *r)
{
	struct xo_csv_row row;

	r->where.line = 1;
	if (!xo_csv_has_row(&r->csv))
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected a header line, found none");
	if (!next_row(r, &row))
		return false;
	for (size_t i = 0; i < row.n; i++)
		if (!read_column(r, row.cells[i].text))
			return false;
	return is_column(r, NULL) || xo_conf_fail(r->loader.error,
	    &r->where, "expected a column `name`, found none");
}

/* --- a row ----------------------------------------------------------------- */

static bool
is_separator(uint8_t c)
{
	return c == ' ' || c == '\t' || c == ';';
}

/* The next word of a list; empty: there is none. */
static struct xo_span
next_word(struct xo_span *list)
{
	struct xo_span word;

	while (list->len > 0 && is_separator(list->p[0]))
		*list = xo_span_from(*list, 1);
	word = xo_span_first(*list, 0);
	while (word.len < list->len && !is_separator(word.p[word.len]))
		word.len++;
	*list = xo_span_from(*list, word.len);
	return word;
}

static bool
set_text(const struct xo_row_reader *r, struct xo_node *node, struct xo_span text)
{
	const char *copy = xo_conf_arena_copy(r->nodes, text);

	node->text = xo_span(copy, text.len);
	node->where = r->where;
	return copy != NULL || xo_conf_fail_memory(r->loader.error);
}

static bool
set_list(const struct xo_row_reader *r, struct xo_node *node, enum xo_node_kind kind)
{
	struct xo_span rest = node->text;
	struct xo_node *words;
	size_t n = 0;

	if (xo_span_is_equal(node->text, XO_LIT(EMPTY_LIST)))
		return true;
	while (next_word(&rest).len > 0)
		n++;
	words = xo_conf_arena_alloc(r->nodes, n, sizeof(*words));
	if (words == NULL)
		return xo_conf_fail_memory(r->loader.error);
	rest = node->text;
	for (size_t i = 0; i < n; i++) {
		words[i].kind = kind;
		if (!set_text(r, &words[i], next_word(&rest)))
			return false;
	}
	node->children = words;
	node->n_children = n;
	return true;
}

/* As the parser of the configuration would see it. */
static bool
set_node(const struct xo_row_reader *r, const struct xo_setting *column,
    struct xo_span text, struct xo_node *node)
{
	bool is_list;
	enum xo_node_kind kind = xo_value_kind(column->type, &is_list);

	node->name = column->name;
	node->kind = is_list ? XO_NODE_LIST : kind;
	if (kind == XO_NODE_BOOL && !xo_span_is_equal(text, XO_LIT("true")) &&
	    !xo_span_is_equal(text, XO_LIT("false")))
		node->kind = XO_NODE_STRING;
	return set_text(r, node, text) && (!is_list ||
	    set_list(r, node, kind));
}

/* An empty cell is a setting that is not given. */
static bool
set_cells(struct xo_row_reader *r, const struct xo_csv_row *row,
    struct xo_conf_entry *entry, struct xo_node *group)
{
	struct xo_node *nodes = xo_conf_arena_alloc(r->nodes, row->n,
	    sizeof(*nodes));
	struct xo_buf text = {0};
	bool is_good = true;

	if (nodes == NULL)
		return xo_conf_fail_memory(r->loader.error);
	group->children = nodes;
	for (size_t i = 0; is_good && i < row->n; i++) {
		xo_buf_clear(&text);
		xo_csv_read_cell(&text, &row->cells[i]);
		if (text.err != XO_OK)
			is_good = xo_conf_fail_memory(r->loader.error);
		else if (r->columns[i] == NULL)
			is_good = xo_row_set_name(r, xo_buf_span(&text), entry);
		else if (text.len > 0)
			is_good = set_node(r, r->columns[i],
			    xo_buf_span(&text), &nodes[group->n_children++]);
	}
	xo_buf_fini(&text);
	return is_good;
}

static bool
begin(struct xo_row_reader *r, struct xo_span text)
{
	xo_csv_init(&r->csv, text);
	return read_header(r);
}

static bool
has_row(struct xo_row_reader *r)
{
	return xo_csv_has_row(&r->csv);
}

static bool
read_row(struct xo_row_reader *r, struct xo_conf_entry *entry,
    struct xo_node *group)
{
	struct xo_csv_row row;

	if (!next_row(r, &row))
		return false;
	if (row.n != r->n_columns)
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected %zu cells, as the header has, found %zu",
		    r->n_columns, row.n);
	return set_cells(r, &row, entry, group);
}

const struct xo_row_format xo_row_csv = {begin, has_row, read_row};
