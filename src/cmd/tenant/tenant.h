/* SPDX-License-Identifier: ISC */
/*
 * xoorg tenant: the parts of the subcommand. A source is a configuration that
 * was loaded, and which of its tenants are meant.
 */
#ifndef XO_CMD_TENANT_H
#define XO_CMD_TENANT_H

#include <conf/conf.h>

struct xo_tenant_source {
	const char *name;		/* as it was given */
	struct xo_conf *conf;
	size_t n;			/* the first so many */
};

struct xo_tenant_settings {
	const char *config;
	uint64_t days;
	bool is_json;
};

/*
 * `name`: "conf", the group tenants of the configuration; "csv:FILE" or the
 * like, a table that need not be named in it; NULL: all that is in force. False: complained.
 */
bool xo_tenant_source_open(const struct xo_tenant_settings *settings,
    const char *name, struct xo_tenant_source *source_r);
void xo_tenant_source_close(struct xo_tenant_source *source);

/* By its name; SIZE_MAX: there is none. */
size_t xo_tenant_source_find(const struct xo_tenant_source *source,
    struct xo_span name);

/* The verbs, each of which returns an enum xo_exit. */
int xo_tenant_export(const struct xo_tenant_source *source, bool is_json);
/* Reads rows from standard input. */
int xo_tenant_import(const struct xo_tenant_settings *settings,
    const char *target);
int xo_tenant_diff(const struct xo_tenant_source *from,
    const struct xo_tenant_source *to);
int xo_tenant_check(const struct xo_tenant_source *source, uint64_t days);

#endif
