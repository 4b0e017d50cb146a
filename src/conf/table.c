/* SPDX-License-Identifier: ISC */
/*
 * Tables of tenants that are read whole, with the configuration: a row is one
 * tenant behind those of the group tenants.
 */
#include <conf/load.h>

#include <stdlib.h>

#include <conf/file.h>
#include <conf/table_place.h>
#include <conf/table_row.h>
#include <conf/warning.h>

#define TABLE_MAX ((size_t)512 << 20)

/* What is wrong with the row, without its place; NULL: it is not the row. */
static const char *
row_error(struct xo_row_reader *r)
{
	size_t n = strlen(r->where.file);
	struct xo_buf *error = r->loader.error;
	char line[32];
	const char *text;

	xo_buf_add_byte(error, '\0');
	if (error->err != XO_OK)
		return NULL;
	text = (const char *)error->p;
	(void)snprintf(line, sizeof(line), ":%d: ", r->where.line);
	if (strncmp(text, r->where.file, n) != 0 ||
	    strncmp(text + n, line, strlen(line)) != 0)
		return NULL;
	return text + n + strlen(line);
}

/* False: it is no reason to go on. */
static bool
skip_row(struct xo_row_reader *r)
{
	struct xo_conf *conf = r->loader.conf;
	const char *what;

	if (conf->table_errors != XO_TABLE_ERRORS_SKIP)
		return false;
	what = row_error(r);
	if (what == NULL)
		return false;
	xo_warnings_add(&conf->warnings, XO_RULE_ROW_SKIPPED, &r->where, "",
	    "%s", what);
	xo_buf_clear(r->loader.error);
	return true;
}

static bool
read_row(struct xo_row_reader *r, const struct xo_row_format *format,
    struct xo_conf_entry *entry)
{
	struct xo_node group = {.kind = XO_NODE_GROUP};
	bool is_good;

	*entry = (struct xo_conf_entry){0};
	is_good = format->read(r, entry, &group);
	entry->where = group.where = r->where;
	is_good = is_good && xo_row_set(r, entry, &group);
	xo_conf_arena_clear(r->nodes);
	return is_good;
}

static bool
read_rows(struct xo_row_reader *r, const struct xo_row_format *format,
    struct xo_conf_entries *in)
{
	while (format->has_row(r)) {
		if (read_row(r, format, &in->entries[in->n]))
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
read_text(struct xo_loader *loader, const struct xo_row_format *format,
    const char *file, struct xo_span text)
{
	struct xo_buf error = {0};
	struct xo_row_reader r = {
		.loader = *loader,
		.where = {file, 0},
		.nodes = xo_conf_arena_new(),
	};
	bool is_good = false;

	r.loader.error = &error;
	if (r.nodes == NULL || !grow(loader, text))
		(void)xo_conf_fail_memory(&error);
	else
		is_good = format->begin(&r, text) && read_rows(&r, format,
		    &loader->sections[XO_SECTION_TENANTS]);
	if (!is_good)
		xo_buf_add(loader->error, xo_buf_span(&error));
	xo_conf_arena_free(&r.nodes);
	xo_buf_fini(&error);
	return is_good;
}

static const struct xo_row_format *const formats[] = {
	[XO_TABLE_CSV] = &xo_row_csv,
	[XO_TABLE_JSONL] = &xo_row_json,
};

static bool
read_table(struct xo_loader *loader, const struct xo_conf_table *table)
{
	struct xo_buf text = {.max = TABLE_MAX};
	/* One that a tool was given stands in no configuration. */
	struct xo_conf_where where = table->where.file != NULL ?
	    table->where : (struct xo_conf_where){table->path, 0};
	const char *problem = table->content.p != NULL ? NULL :
	    xo_file_read(table->path, &text);
	bool is_good = problem == NULL ?
	    read_text(loader, formats[table->kind], table->path,
	    table->content.p != NULL ? table->content : xo_buf_span(&text)) :
	    xo_conf_fail(loader->error, &where,
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

	if (loader->table != NULL)
		return read_table(loader, loader->table) &&
		    check_names(loader);
	for (size_t i = 0; i < conf->n_tables; i++)
		if (!xo_table_is_source(&conf->tables[i]) &&
		    !read_table(loader, &conf->tables[i]))
			return false;
	return conf->n_tables == 0 || check_names(loader);
}
