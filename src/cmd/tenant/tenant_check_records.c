/* SPDX-License-Identifier: ISC */
/*
 * Records of a table that is asked, as the gateway would read them beside the
 * configuration: what it would not take is no answer, and defers the tenant's mail.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <stdio.h>

#include <conf/guest.h>

/* False, and told of: it is none. */
static bool
check_record(const struct xo_guest_reader *reader,
    const struct xo_tenant_source *source, size_t i, struct xo_buf *record)
{
	const struct xo_conf_where *where = &source->conf->tenants[i].where;
	struct xo_span name = source->conf->policy.tenants[i].name;
	struct xo_buf error = {0};
	struct xo_guest *guest;

	xo_buf_clear(record);
	xo_conf_print_object(source->conf, i, record);
	(void)xo_tool_require(record->err == XO_OK ? record : NULL);
	guest = xo_guest_read(reader, xo_buf_span(record), &error);
	if (guest == NULL)
		printf("%s:%d: %.*s: %s\n", where->file, where->line,
		    (int)name.len, (const char *)name.p, xo_tool_cstr(&error));
	xo_buf_fini(&error);
	if (guest == NULL)
		return false;
	xo_guest_free(&guest);
	return true;
}

size_t
xo_tenant_check_records(const struct xo_tenant_settings *settings,
    const struct xo_tenant_source *source)
{
	struct xo_buf error = {0}, record = {0};
	struct xo_guest_reader *reader;
	struct xo_conf *conf;
	size_t n_found = 0;

	/* Only these are read otherwise than they are asked for. */
	if (source->rows.len == 0)
		return 0;
	conf = xo_conf_load(settings->config, &error);
	if (conf == NULL) {
		xo_tool_complain("tenant: %s", xo_tool_cstr(&error));
		xo_buf_fini(&error);
		return 1;
	}
	reader = xo_tool_require(xo_guest_reader_new(conf));
	for (size_t i = 0; i < source->n; i++)
		n_found += !check_record(reader, source, i, &record);
	xo_guest_reader_free(&reader);
	xo_conf_free(&conf);
	xo_buf_fini(&record);
	xo_buf_fini(&error);
	return n_found;
}
