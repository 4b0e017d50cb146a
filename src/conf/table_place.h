/* SPDX-License-Identifier: ISC */
/*
 * Where a table of tenants is: KIND:PLACE.
 */
#ifndef XO_CONF_TABLE_PLACE_H
#define XO_CONF_TABLE_PLACE_H

#include <conf/conf.h>

/*
 * Reads "csv:FILE" or the like into `table_r`, which points into `text`. NULL, or
 * what was expected.
 */
const char *xo_table_place_parse(const char *text,
    struct xo_conf_table *table_r);
/* "csv:" */
const char *xo_table_place_word(enum xo_table_kind kind);

#endif
