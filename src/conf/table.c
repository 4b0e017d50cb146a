/* SPDX-License-Identifier: ISC */
/*
 * Tables of tenants: a header line names the columns, `name` and settings of
 * the group tenants; each further row is one tenant. A row becomes the nodes
 * that the same tenant in the configuration would be, so that both are set and
 * checked by the same code.
 */
#include <conf/load.h>

#include <stdlib.h>

#include <conf/file.h>
#include <conf/warning.h>
#include <table/csv.h>

#define TABLE_MAX ((size_t)512 << 20)
/* In a cell: a list that is given, and empty. */
#define EMPTY_LIST "[]"
#define NAME_EXPECTED "a name of letters, digits, `-` and `_` that begins " \
	"with a letter"

struct reader {
	struct xo_loader *loader;
	struct xo_loader row_loader;	/* the same, with an error of its own */
	struct xo_buf error;
	struct xo_conf_where where;	/* of the row */
	struct xo_csv csv;
	const struct xo_setting *columns[XO_CSV_CELLS];	/* NULL: `name` */
	size_t n_columns;
	struct xo_conf_arena *nodes;	/* of one row */
};

/* --- the header ------------------------------------------------------------ */

static bool
fail_syntax(const struct reader *r)
{
	return xo_conf_fail(r->row_loader.error, &r->where,
	    "expected %s, found %s", r->csv.expected, r->csv.found.len > 0 ?
	    xo_conf_show(r->csv.found).text : "none");
}

static bool
next_row(struct reader *r, struct xo_csv_row *row)
{
	enum xo_err err = xo_csv_next(&r->csv, row);

	r->where.line = r->csv.line;
	return err == XO_OK || fail_syntax(r);
}

static bool
fail_column(const struct reader *r, struct xo_span name)
{
	char *word = xo_conf_arena_copy(r->nodes, name);
	struct xo_conf_nearest nearest = {.word = word};
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	if (word == NULL)
		return xo_conf_fail_memory(r->row_loader.error);
	xo_conf_nearest_try(&nearest, "name");
	for (i = 0; i < n; i++)
		if (rows[i].section == XO_SECTION_TENANTS)
			xo_conf_nearest_try(&nearest, rows[i].name);
	return xo_conf_fail(r->row_loader.error, &r->where,
	    "expected a header line of `name` and settings of tenants, found "
	    "`%s`%s", xo_conf_show(name).text,
	    xo_conf_nearest_hint(&nearest).text);
}

static bool
is_column(const struct reader *r, const struct xo_setting *setting)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (r->columns[i] == setting)
			return true;
	return false;
}

static bool
read_column(struct reader *r, struct xo_span name)
{
	const struct xo_setting *setting = xo_setting_find(XO_SECTION_TENANTS,
	    name);

	if (setting == NULL && !xo_span_is_equal(name, XO_LIT("name")))
		return fail_column(r, name);
	if (is_column(r, setting))
		return xo_conf_fail(r->row_loader.error, &r->where,
		    "expected each column once, found `%s` again",
		    xo_conf_show(name).text);
	r->columns[r->n_columns++] = setting;
	return true;
}

static bool
read_header(struct reader *r)
{
	struct xo_csv_row row;

	r->where.line = 1;
	if (!xo_csv_has_row(&r->csv))
		return xo_conf_fail(r->row_loader.error, &r->where,
		    "expected a header line, found none");
	if (!next_row(r, &row))
		return false;
	for (size_t i = 0; i < row.n; i++)
		if (!read_column(r, row.cells[i].text))
			return false;
	return is_column(r, NULL) || xo_conf_fail(r->row_loader.error,
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
set_text(const struct reader *r, struct xo_node *node, struct xo_span text)
{
	const char *copy = xo_conf_arena_copy(r->nodes, text);

	node->text = xo_span(copy, text.len);
	node->where = r->where;
	return copy != NULL || xo_conf_fail_memory(r->row_loader.error);
}

static bool
set_list(const struct reader *r, struct xo_node *node, enum xo_node_kind kind)
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
		return xo_conf_fail_memory(r->row_loader.error);
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
set_node(const struct reader *r, const struct xo_setting *column,
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

static bool
is_name(struct xo_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!xo_ascii_is_alpha(name.p[i]) && (i == 0 ||
		    (!xo_ascii_is_digit(name.p[i]) && name.p[i] != '-' &&
		    name.p[i] != '_')))
			return false;
	return name.len > 0;
}

static bool
set_name(const struct reader *r, struct xo_span text,
    struct xo_conf_entry *entry)
{
	if (!is_name(text))
		return xo_conf_fail(r->row_loader.error, &r->where,
		    "name: expected " NAME_EXPECTED ", found \"%s\"",
		    xo_conf_show(text).text);
	entry->name = xo_conf_arena_copy(r->loader->arena, text);
	return entry->name != NULL ||
	    xo_conf_fail_memory(r->row_loader.error);
}

/* An empty cell is a setting that is not given. */
static bool
set_cells(const struct reader *r, const struct xo_csv_row *row,
    struct xo_conf_entry *entry, struct xo_node *group)
{
	struct xo_node *nodes = xo_conf_arena_alloc(r->nodes, row->n,
	    sizeof(*nodes));
	struct xo_buf text = {0};
	bool is_good = true;

	if (nodes == NULL)
		return xo_conf_fail_memory(r->row_loader.error);
	group->children = nodes;
	for (size_t i = 0; is_good && i < row->n; i++) {
		xo_buf_clear(&text);
		xo_csv_read_cell(&text, &row->cells[i]);
		if (text.err != XO_OK)
			is_good = xo_conf_fail_memory(r->row_loader.error);
		else if (r->columns[i] == NULL)
			is_good = set_name(r, xo_buf_span(&text), entry);
		else if (text.len > 0)
			is_good = set_node(r, r->columns[i],
			    xo_buf_span(&text), &nodes[group->n_children++]);
	}
	xo_buf_fini(&text);
	return is_good;
}

static bool
read_row(struct reader *r, struct xo_conf_entry *entry)
{
	struct xo_node group = {.kind = XO_NODE_GROUP};
	struct xo_csv_row row;
	bool is_good;

	if (!next_row(r, &row))
		return false;
	*entry = (struct xo_conf_entry){.where = r->where};
	if (row.n != r->n_columns)
		return xo_conf_fail(r->row_loader.error, &r->where,
		    "expected %zu cells, as the header has, found %zu",
		    r->n_columns, row.n);
	entry->record = xo_conf_arena_alloc(r->loader->scratch, 1,
	    xo_section_size(XO_SECTION_TENANTS));
	if (entry->record == NULL)
		return xo_conf_fail_memory(r->row_loader.error);
	entry->group = &group;
	is_good = set_cells(r, &row, entry, &group) &&
	    xo_loader_set_entry(&r->row_loader, XO_SECTION_TENANTS, entry) &&
	    xo_loader_check_rules(&r->row_loader, XO_SECTION_TENANTS, entry);
	entry->group = NULL;
	xo_conf_arena_clear(r->nodes);
	return is_good;
}

/* --- a table --------------------------------------------------------------- */

/* What is wrong with the row, without its place; NULL: it is not the row. */
static const char *
row_error(struct reader *r)
{
	size_t n = strlen(r->where.file);
	char line[32];
	const char *text;

	xo_buf_add_byte(&r->error, '\0');
	if (r->error.err != XO_OK)
		return NULL;
	text = (const char *)r->error.p;
	(void)snprintf(line, sizeof(line), ":%d: ", r->where.line);
	if (strncmp(text, r->where.file, n) != 0 ||
	    strncmp(text + n, line, strlen(line)) != 0)
		return NULL;
	return text + n + strlen(line);
}

/* False: it is no reason to go on. */
static bool
skip_row(struct reader *r)
{
	const char *what;

	if (r->loader->conf->table_errors != XO_TABLE_ERRORS_SKIP)
		return false;
	what = row_error(r);
	if (what == NULL)
		return false;
	xo_warnings_add(&r->loader->conf->warnings, XO_RULE_ROW_SKIPPED,
	    &r->where, "", "%s", what);
	xo_buf_clear(&r->error);
	return true;
}

static bool
read_rows(struct reader *r)
{
	struct xo_conf_entries *in =
	    &r->loader->sections[XO_SECTION_TENANTS];

	while (xo_csv_has_row(&r->csv)) {
		if (read_row(r, &in->entries[in->n]))
			in->n++;
		else if (!skip_row(r))
			return false;
	}
	return true;
}

/* Room for as many tenants more as there are lines. */
static bool
grow(struct xo_loader *loader, struct xo_span text)
{
	struct xo_conf_entries *in =
	    &loader->sections[XO_SECTION_TENANTS];
	struct xo_conf_entry *entries;
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '\n';
	entries = xo_conf_arena_alloc(loader->scratch, in->n + n,
	    sizeof(*entries));
	if (entries == NULL)
		return false;
	if (in->n > 0)
		memcpy(entries, in->entries, in->n * sizeof(*entries));
	in->entries = entries;
	return true;
}

static bool
read_text(struct xo_loader *loader, const struct xo_conf_table *table,
    struct xo_span text)
{
	struct reader r = {
		.loader = loader,
		.row_loader = *loader,
		.where = {table->path, 0},
		.nodes = xo_conf_arena_new(),
	};
	bool is_good = false;

	r.row_loader.error = &r.error;
	xo_csv_init(&r.csv, text);
	if (r.nodes == NULL || !grow(loader, text))
		(void)xo_conf_fail_memory(&r.error);
	else
		is_good = read_header(&r) && read_rows(&r);
	if (!is_good)
		xo_buf_add(loader->error, xo_buf_span(&r.error));
	xo_conf_arena_free(&r.nodes);
	xo_buf_fini(&r.error);
	return is_good;
}

static bool
read_table(struct xo_loader *loader, const struct xo_conf_table *table)
{
	struct xo_buf text = {.max = TABLE_MAX};
	const char *problem = xo_file_read(table->path, &text);
	bool is_good = problem == NULL ?
	    read_text(loader, table, xo_buf_span(&text)) :
	    xo_conf_fail(loader->error, &table->where,
	    "tenant_tables: expected a readable file, found %s: %s",
	    table->path, problem);

	xo_buf_fini(&text);
	return is_good;
}

static int
compare_names(const void *a, const void *b)
{
	const struct xo_conf_entry *first = *(void *const *)a;
	const struct xo_conf_entry *second = *(void *const *)b;
	int order = strcmp(first->name, second->name);

	/* Entries are in one array, in the order of reading. */
	return order != 0 ? order : first < second ? -1 : first > second;
}

/* In the group of the configuration libconfig sees to it. */
static bool
check_names(const struct xo_loader *loader)
{
	const struct xo_conf_entries *in =
	    &loader->sections[XO_SECTION_TENANTS];
	const struct xo_conf_entry **sorted = xo_conf_arena_alloc(
	    loader->scratch, in->n, sizeof(*sorted));

	if (sorted == NULL)
		return xo_conf_fail_memory(loader->error);
	for (size_t i = 0; i < in->n; i++)
		sorted[i] = &in->entries[i];
	qsort(sorted, in->n, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < in->n; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
			continue;
		return xo_conf_fail(loader->error, &sorted[i]->where,
		    "expected each tenant once, found `%.60s` again, which is "
		    "in %s:%d already", sorted[i]->name,
		    sorted[i - 1]->where.file, sorted[i - 1]->where.line);
	}
	return true;
}

bool
xo_loader_read_tables(struct xo_loader *loader)
{
	const struct xo_conf *conf = loader->conf;
	const struct xo_conf_table only = {loader->table, {loader->table, 0}};

	if (loader->table != NULL)
		return read_table(loader, &only) && check_names(loader);
	for (size_t i = 0; i < conf->n_tables; i++)
		if (!read_table(loader, &conf->tables[i]))
			return false;
	return conf->n_tables == 0 || check_names(loader);
}
