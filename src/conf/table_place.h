/* SPDX-License-Identifier: ISC */
/*
 * Where a table of tenants is: KIND:PLACE.
 */
#ifndef XO_CONF_TABLE_PLACE_H
#define XO_CONF_TABLE_PLACE_H

#include <conf/arena.h>
#include <conf/conf.h>

/* Servers of a redis: table, at most. */
#define XO_TABLE_SERVERS 4

/*
 * Reads "csv:FILE" or the like into `table_r`, which points into `text` and
 * `arena`. NULL, or what was expected.
 */
const char *xo_table_place_parse(const char *text,
    struct xo_conf_arena *arena, struct xo_conf_table *table_r);
/* "csv:" */
const char *xo_table_place_word(enum xo_table_kind kind);
/* Its place is the name of a file, and no more. */
bool xo_table_place_is_file(enum xo_table_kind kind);

/* It is asked while mail waits, instead of read with the configuration. */
static inline bool
xo_table_is_source(const struct xo_conf_table *table)
{
	return table->kind >= XO_TABLE_CDB;
}
/* Some table of the configuration is. */
bool xo_tables_have_source(const struct xo_conf *conf);
/* Some server is asked by TLS. */
bool xo_tables_have_tls(const struct xo_conf *conf);

#endif
