/* SPDX-License-Identifier: ISC */
/*
 * Sources, opened as a configuration whose tenants are theirs.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <conf/cdb.h>
#include <conf/table_place.h>

static bool
add_records(struct xo_cdb *cdb, struct xo_tenant_rows *rows)
{
	struct xo_span key, record;
	enum xo_cdb_found found;
	unsigned int at = 0;

	while ((found = xo_cdb_next(cdb, &at, &key, &record)) == XO_CDB_FOUND)
		if (!xo_tenant_rows_add(rows, key, record))
			return false;
	if (found == XO_CDB_BROKEN)
		xo_tool_complain("tenant: %s: a cdb file that is broken",
		    rows->source);
	return found == XO_CDB_NONE && xo_tenant_rows_end(rows);
}

static bool
read_cdb(const char *path, struct xo_tenant_rows *rows)
{
	const char *problem;
	struct xo_cdb *cdb = xo_cdb_open(path, &problem);
	bool is_good = cdb != NULL && add_records(cdb, rows);

	if (cdb == NULL)
		xo_tool_complain("tenant: expected a readable file, found %s: "
		    "%s", path, problem);
	xo_cdb_close(&cdb);
	return is_good;
}

/* Who we are to the server, and how long it may take, is the configuration's. */
static bool
read_server(const struct xo_tenant_settings *settings,
    const struct xo_conf_table *table, const char *wanted,
    struct xo_tenant_rows *rows)
{
	struct xo_buf error = {0};
	struct xo_conf *conf;
	bool is_good;

	if (wanted == NULL && table->kind != XO_TABLE_REDIS) {
		xo_tool_complain("tenant: expected a table whose tenants can "
		    "be listed, since a socketmap is only asked for one (get): "
		    "'%s'", table->text);
		return false;
	}
	conf = xo_conf_load(settings->config, &error);
	if (conf == NULL)
		xo_tool_complain("tenant: %s", xo_tool_cstr(&error));
	is_good = conf != NULL && (wanted != NULL ?
	    xo_tenant_ask(conf, table, wanted, rows->out) :
	    xo_tenant_fetch(conf, table, rows));
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return is_good;
}

/* Into the form of a table that is read whole. */
static bool
read_source(const struct xo_tenant_settings *settings,
    struct xo_tenant_source *source, const char *wanted,
    struct xo_conf_table *table)
{
	struct xo_tenant_rows rows = {
		.source = table->text,
		.out = &source->rows,
	};
	bool is_good;

	if (!xo_table_is_source(table))
		return true;
	rows.scratch = xo_tool_require(xo_conf_arena_new());
	is_good = xo_table_place_is_file(table->kind) ?
	    read_cdb(table->path, &rows) :
	    read_server(settings, table, wanted, &rows);
	xo_conf_arena_free(&rows.scratch);
	*table = (struct xo_conf_table){
		.kind = XO_TABLE_JSONL,
		.text = table->text,
		.path = table->text,
		.content = source->rows.len > 0 ?
		    xo_buf_span(&source->rows) : XO_LIT("\n"),
	};
	return is_good;
}

static bool
load(const struct xo_tenant_settings *settings,
    const struct xo_conf_table *table, struct xo_tenant_source *source)
{
	struct xo_buf error = {0};

	source->conf = xo_conf_load_table(settings->config, table, &error);
	if (source->conf == NULL)
		xo_tool_complain("tenant: %s", xo_tool_cstr(&error));
	else
		source->n = source->conf->policy.n_tenants;
	xo_buf_fini(&error);
	return source->conf != NULL;
}

static bool
open_table(const struct xo_tenant_settings *settings, const char *wanted,
    struct xo_tenant_source *source)
{
	struct xo_conf_table table;
	const char *expected = xo_table_place_parse(source->name,
	    source->arena, &table);

	if (expected != NULL) {
		xo_tool_complain("tenant: expected conf, or %s: '%s'", expected,
		    source->name);
		return false;
	}
	return read_source(settings, source, wanted, &table) &&
	    load(settings, &table, source);
}

bool
xo_tenant_source_open(const struct xo_tenant_settings *settings,
    const char *name, const char *wanted, struct xo_tenant_source *source)
{
	bool is_group = name != NULL && strcmp(name, "conf") == 0;
	bool is_good;

	*source = (struct xo_tenant_source){.name = name};
	source->arena = xo_tool_require(xo_conf_arena_new());
	if (name != NULL && !is_group)
		is_good = open_table(settings, wanted, source);
	else
		is_good = load(settings, NULL, source);
	if (is_good && is_group)
		source->n = source->conf->n_own_tenants;
	if (!is_good)
		xo_tenant_source_close(source);
	return is_good;
}

void
xo_tenant_source_close(struct xo_tenant_source *source)
{
	xo_conf_free(&source->conf);
	xo_buf_fini(&source->rows);
	xo_conf_arena_free(&source->arena);
}

size_t
xo_tenant_source_find(const struct xo_tenant_source *source,
    struct xo_span name)
{
	for (size_t i = 0; i < source->n; i++)
		if (xo_span_is_equal(source->conf->policy.tenants[i].name,
		    name))
			return i;
	return SIZE_MAX;
}
