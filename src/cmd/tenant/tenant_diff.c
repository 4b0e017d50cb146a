/* SPDX-License-Identifier: ISC */
/*
 * Two sources, tenant by tenant and setting by setting.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <stdio.h>
#include <stdlib.h>

#include <table/csv.h>

/* Indexes by name. */
struct sorted {
	const struct xo_conf *conf;
	const struct xo_tenant **tenants;
	size_t n;
};

static int
compare_spans(struct xo_span a, struct xo_span b)
{
	int order = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_tenants(const void *a, const void *b)
{
	return compare_spans((*(const struct xo_tenant *const *)a)->name,
	    (*(const struct xo_tenant *const *)b)->name);
}

static struct sorted
sort(const struct xo_tenant_source *source)
{
	struct sorted s = {.conf = source->conf, .n = source->n};

	s.tenants = xo_tool_require(calloc(s.n + 1,
	    sizeof(const struct xo_tenant *)));
	for (size_t i = 0; i < s.n; i++)
		s.tenants[i] = &s.conf->policy.tenants[i];
	qsort(s.tenants, s.n, sizeof(const struct xo_tenant *),
	    compare_tenants);
	return s;
}

static void
tell(char sign, const struct xo_tenant *tenant)
{
	printf("%c %.*s\n", sign, (int)tenant->name.len,
	    (const char *)tenant->name.p);
}

/* The settings that differ, each in a line. */
static bool
compare(const struct sorted *a, size_t i, const struct sorted *b, size_t k)
{
	const char *columns[XO_CSV_CELLS];
	size_t n = xo_conf_tenant_columns(columns, XO_CSV_CELLS);
	struct xo_buf old = {0}, new = {0};
	bool is_same = true;

	for (size_t c = 0; c < n; c++) {
		xo_conf_print_cell(a->conf, (size_t)(a->tenants[i] -
		    a->conf->policy.tenants), columns[c], &old);
		xo_conf_print_cell(b->conf, (size_t)(b->tenants[k] -
		    b->conf->policy.tenants), columns[c], &new);
		if (xo_span_is_equal(xo_buf_span(&old), xo_buf_span(&new)))
			continue;
		if (is_same)
			tell('~', a->tenants[i]);
		is_same = false;
		printf("    %s: %s -> %s\n", columns[c], old.len > 0 ?
		    xo_tool_cstr(&old) : "(not given)", new.len > 0 ?
		    xo_tool_cstr(&new) : "(not given)");
	}
	xo_buf_fini(&old);
	xo_buf_fini(&new);
	return is_same;
}

int
xo_tenant_diff(const struct xo_tenant_source *from,
    const struct xo_tenant_source *to)
{
	struct sorted a = sort(from), b = sort(to);
	size_t i = 0, k = 0;
	bool is_same = true;

	while (i < a.n || k < b.n) {
		int order = i == a.n ? 1 : k == b.n ? -1 :
		    compare_tenants(&a.tenants[i], &b.tenants[k]);

		if (order == 0) {
			is_same &= compare(&a, i++, &b, k++);
			continue;
		}
		is_same = false;
		if (order < 0)
			tell('-', a.tenants[i++]);
		else
			tell('+', b.tenants[k++]);
	}
	free(a.tenants);
	free(b.tenants);
	return is_same ? XO_EXIT_OK : XO_EXIT_FAILED;
}
