/* SPDX-License-Identifier: ISC */
/*
 * Rows of tables. A row becomes the nodes that the same tenant in the
 * configuration would be, so that both are set and checked by the same code.
 * Private to table.c (files), table_row*.c and guest.c (a row alone).
 */
#ifndef XO_CONF_TABLE_ROW_H
#define XO_CONF_TABLE_ROW_H

#include <conf/load.h>
#include <table/csv.h>

struct xo_row_reader {
	struct xo_loader loader;	/* with an error of its own */
	struct xo_conf_arena *nodes;	/* of one row */
	struct xo_conf_where where;	/* of the row */
	/* Of a file: what is left of it. */
	struct xo_csv csv;
	struct xo_span rest;
	const struct xo_setting *columns[XO_CSV_CELLS];	/* NULL: `name` */
	size_t n_columns;
};

/* Each false: see the error of the loader. */
struct xo_row_format {
	bool (*begin)(struct xo_row_reader *reader, struct xo_span text);
	bool (*has_row)(struct xo_row_reader *reader);
	/* Moves on, whatever it returns: the next call reads the row behind. */
	bool (*read)(struct xo_row_reader *reader, struct xo_conf_entry *entry,
	    struct xo_node *group);
};
extern const struct xo_row_format xo_row_csv;
extern const struct xo_row_format xo_row_json;

/* One row, which is an object. */
bool xo_row_read_object(struct xo_row_reader *reader, struct xo_span text,
    struct xo_conf_entry *entry, struct xo_node *group);

/* The name of a tenant, from its row. */
bool xo_row_set_name(struct xo_row_reader *reader, struct xo_span text,
    struct xo_conf_entry *entry);
/* From the nodes of `group` to a record of its own, set and checked. */
bool xo_row_set(struct xo_row_reader *reader, struct xo_conf_entry *entry,
    const struct xo_node *group);

#endif
