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
#include <table/csv.h>

static bool
write_row(const struct xo_conf *conf, size_t i, const char *const *columns,
    size_t n_columns)
{
	struct xo_buf line = {0}, cell = {0};
	bool is_good;

	xo_csv_write_cell(&line, conf->policy.tenants[i].name);
	for (size_t k = 0; k < n_columns; k++) {
		xo_conf_print_cell(conf, i, columns[k], &cell);
		xo_buf_add_byte(&line, ',');
		xo_csv_write_cell(&line, xo_buf_span(&cell));
	}
	xo_buf_add_byte(&line, '\n');
	is_good = line.err == XO_OK && cell.err == XO_OK &&
	    fwrite(line.p, 1, line.len, stdout) == line.len;
	xo_buf_fini(&line);
	xo_buf_fini(&cell);
	return is_good;
}

int
xo_tenant_export(const struct xo_tenant_source *source)
{
	const char *columns[XO_CSV_CELLS];
	size_t n = xo_conf_tenant_columns(columns, XO_CSV_CELLS - 1);
	bool is_good = true;

	printf("name");
	for (size_t k = 0; k < n; k++)
		printf(",%s", columns[k]);
	putchar('\n');
	for (size_t i = 0; is_good && i < source->n; i++)
		is_good = write_row(source->conf, i, columns, n);
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
copy_input(FILE *out)
{
	char block[65536];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), stdin)) > 0)
		if (fwrite(block, 1, n, out) != n)
			return false;
	return ferror(stdin) == 0;
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

/* In the words of the loader, but the file is called standard input. */
static void
complain_of_input(const char *beside, struct xo_buf *error)
{
	const char *text = xo_tool_cstr(error);
	size_t n = strlen(beside);

	if (strncmp(text, beside, n) == 0)
		xo_tool_complain("tenant: standard input%s", text + n);
	else
		xo_tool_complain("tenant: %s", text);
}

static int
write_group(const struct xo_conf *conf, const char *path)
{
	char beside[PATH_MAX];
	struct xo_buf text = {0};
	FILE *out = open_beside(path, beside);
	bool is_good;

	if (out == NULL)
		return XO_EXIT_FAILED;
	xo_buf_add_cstr(&text, "tenants = {\n");
	for (size_t i = 0; i < conf->policy.n_tenants; i++)
		xo_conf_print_tenant(conf, i, &text);
	xo_buf_add_cstr(&text, "}\n");
	is_good = text.err == XO_OK &&
	    fwrite(text.p, 1, text.len, out) == text.len;
	xo_buf_fini(&text);
	return settle(path, beside, end_file(out, is_good));
}

int
xo_tenant_import(const struct xo_tenant_settings *settings,
    const char *target)
{
	bool is_group = strncmp(target, "conf:", 5) == 0;
	const char *path = is_group ? target + 5 :
	    strncmp(target, "csv:", 4) == 0 ? target + 4 : "";
	char beside[PATH_MAX];
	struct xo_buf error = {0};
	struct xo_conf *conf = NULL;
	int result = XO_EXIT_FAILED;
	FILE *out;

	if (*path == '\0') {
		xo_tool_complain("tenant: expected csv:FILE or conf:FILE: '%s'",
		    target);
		return XO_EXIT_USAGE;
	}
	out = open_beside(path, beside);
	if (out == NULL)
		return XO_EXIT_FAILED;
	if (!end_file(out, copy_input(out)))
		return settle(path, beside, false);
	conf = xo_conf_load_table(settings->config, beside, &error);
	if (conf == NULL) {
		complain_of_input(beside, &error);
		unlink(beside);
	} else if (is_group) {
		unlink(beside);
		result = write_group(conf, path);
	} else {
		result = settle(path, beside, true);
	}
	if (result == XO_EXIT_OK)
		printf("%s: %zu tenants\n", path, conf->policy.n_tenants);
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return result;
}
