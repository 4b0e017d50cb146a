/* SPDX-License-Identifier: ISC */
/*
 * Tenants out of a source, as a table, and into another.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <conf/beside.h>
#include <conf/table_place.h>
#include <table/csv.h>

#define INPUT_MAX ((size_t)512 << 20)

static void
add_cells(const struct xo_conf *conf, size_t i, const char *const *columns,
    size_t n_columns, struct xo_buf *line)
{
	struct xo_buf cell = {0};

	xo_csv_write_cell(line, conf->policy.tenants[i].name);
	for (size_t k = 0; k < n_columns; k++) {
		xo_conf_print_cell(conf, i, columns[k], &cell);
		xo_buf_add_byte(line, ',');
		xo_csv_write_cell(line, xo_buf_span(&cell));
		(void)xo_tool_require(cell.err == XO_OK ? line : NULL);
	}
	xo_buf_fini(&cell);
}

static void
add_header(const char *const *columns, size_t n_columns, struct xo_buf *line)
{
	xo_buf_add_cstr(line, "name");
	for (size_t k = 0; k < n_columns; k++)
		xo_buf_add_all(line, ",", columns[k], (char *)NULL);
	xo_buf_add_byte(line, '\n');
}

static bool
write_line(struct xo_buf *line, FILE *out)
{
	bool is_good = line->err == XO_OK &&
	    fwrite(line->p, 1, line->len, out) == line->len;

	xo_buf_clear(line);
	return is_good;
}

/* The first `n` tenants as a table. */
static bool
write_rows(const struct xo_conf *conf, size_t n, enum xo_table_kind kind,
    FILE *out)
{
	const char *columns[XO_CSV_CELLS];
	size_t n_columns = xo_conf_tenant_columns(columns, XO_CSV_CELLS - 1);
	struct xo_buf line = {0};
	bool is_good = true;

	if (kind == XO_TABLE_CSV)
		add_header(columns, n_columns, &line);
	for (size_t i = 0; is_good && i < n; i++) {
		if (kind == XO_TABLE_CSV)
			add_cells(conf, i, columns, n_columns, &line);
		else
			xo_conf_print_object(conf, i, &line);
		xo_buf_add_byte(&line, '\n');
		is_good = write_line(&line, out);
	}
	is_good = is_good && write_line(&line, out);
	xo_buf_fini(&line);
	return is_good;
}

int
xo_tenant_export(const struct xo_tenant_source *source, bool is_json)
{
	bool is_good = write_rows(source->conf, source->n, is_json ?
	    XO_TABLE_JSONL : XO_TABLE_CSV, stdout);

	if (!is_good)
		xo_tool_complain("tenant: cannot write");
	return is_good ? XO_EXIT_OK : XO_EXIT_FAILED;
}

/* A new file beside `path`, with its owner and mode if it is there. */
static FILE *
open_beside(const char *path, char beside[PATH_MAX])
{
	int fd = xo_beside_open(path, beside);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out == NULL) {
		xo_tool_complain("tenant: %s: %s", path, strerror(errno));
		if (fd >= 0) {
			close(fd);
			unlink(beside);
		}
	}
	return out;
}

static bool
end_file(FILE *out, bool is_good)
{
	is_good = is_good && fflush(out) == 0 && fsync(fileno(out)) == 0;
	return fclose(out) == 0 && is_good;
}

/* Put in the place of `path`, or taken away. */
static int
settle(const char *path, const char *beside, bool is_good)
{
	if (is_good && rename(beside, path) == 0)
		return XO_EXIT_OK;
	xo_tool_complain("tenant: %s: cannot write", path);
	unlink(beside);
	return XO_EXIT_FAILED;
}

static bool
write_group(const struct xo_conf *conf, FILE *out)
{
	struct xo_buf text = {0};
	bool is_good;

	xo_buf_add_cstr(&text, "tenants = {\n");
	for (size_t i = 0; i < conf->policy.n_tenants; i++)
		xo_conf_print_tenant(conf, i, &text);
	xo_buf_add_cstr(&text, "}\n");
	is_good = write_line(&text, out);
	xo_buf_fini(&text);
	return is_good;
}

/* As it was read, if it is of the same kind. */
static int
write_file(const struct xo_conf *conf, const struct xo_conf_table *input,
    const struct xo_conf_table *target)
{
	char beside[PATH_MAX];
	FILE *out = open_beside(target->path, beside);
	bool is_good;

	if (out == NULL)
		return XO_EXIT_FAILED;
	if (target->kind == XO_TABLE_KIND_COUNT)
		is_good = write_group(conf, out);
	else if (target->kind == XO_TABLE_CDB)
		is_good = xo_tenant_write_cdb(conf, fileno(out));
	else if (target->kind == input->kind)
		is_good = fwrite(input->content.p, 1, input->content.len,
		    out) == input->content.len;
	else
		is_good = write_rows(conf, conf->policy.n_tenants,
		    target->kind, out);
	return settle(target->path, beside, end_file(out, is_good));
}

static int
write_target(const struct xo_conf *conf, const struct xo_conf_table *input,
    const struct xo_conf_table *target)
{
	if (target->kind == XO_TABLE_REDIS)
		return xo_tenant_store(conf, target) ? XO_EXIT_OK :
		    XO_EXIT_FAILED;
	return write_file(conf, input, target);
}

static int
import_text(const struct xo_tenant_settings *settings, struct xo_span text,
    const struct xo_conf_table *target)
{
	static const char name[] = "standard input";
	size_t blanks = 0;
	struct xo_conf_table input = {
		.kind = XO_TABLE_CSV, .text = name, .path = name,
		.content = text,
	};
	struct xo_buf error = {0};
	struct xo_conf *conf;
	int result = XO_EXIT_FAILED;

	while (blanks < text.len && strchr(" \t\r\n", text.p[blanks]) != NULL)
		blanks++;
	/* An object begins with a brace, no header line does. */
	if (blanks < text.len && text.p[blanks] == '{')
		input.kind = XO_TABLE_JSONL;
	conf = xo_conf_load_table(settings->config, &input, &error);
	if (conf == NULL) {
		xo_tool_complain("tenant: %s", xo_tool_cstr(&error));
	} else {
		result = write_target(conf, &input, target);
		if (result == XO_EXIT_OK)
			printf("%s: %zu tenants\n", target->kind ==
			    XO_TABLE_REDIS ? target->text : target->path,
			    conf->policy.n_tenants);
	}
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return result;
}

static bool
read_input(struct xo_buf *text)
{
	size_t n;

	do {
		uint8_t *to = xo_buf_reserve(text, 65536);

		if (to == NULL)
			break;
		n = fread(to, 1, 65536, stdin);
		text->len += n;
	} while (n > 0);
	if (text->err == XO_OK && ferror(stdin) == 0)
		return true;
	xo_tool_complain("tenant: cannot read standard input");
	return false;
}

/* A kind of KIND_COUNT: the group of a configuration. */
static bool
parse_target(const char *text, struct xo_conf_arena *arena,
    struct xo_conf_table *target)
{
	const char *expected;

	if (strncmp(text, "conf:", 5) == 0 && text[5] != '\0') {
		*target = (struct xo_conf_table){
			.kind = XO_TABLE_KIND_COUNT,
			.text = text,
			.path = text + 5,
		};
		return true;
	}
	expected = xo_table_place_parse(text, arena, target);
	if (expected == NULL && target->kind == XO_TABLE_SOCKETMAP)
		expected = "a file or redis:SERVER, since a socketmap is only "
		    "asked";
	if (expected != NULL)
		xo_tool_complain("tenant: expected conf:FILE, or %s: '%s'",
		    expected, text);
	return expected == NULL;
}

int
xo_tenant_import(const struct xo_tenant_settings *settings,
    const char *name)
{
	struct xo_conf_table target;
	struct xo_conf_arena *arena = xo_tool_require(xo_conf_arena_new());
	struct xo_buf text = {.max = INPUT_MAX};
	int result = XO_EXIT_FAILED;

	if (!parse_target(name, arena, &target))
		result = XO_EXIT_USAGE;
	else if (read_input(&text))
		result = import_text(settings, xo_buf_span(&text), &target);
	xo_buf_fini(&text);
	xo_conf_arena_free(&arena);
	return result;
}
