/* SPDX-License-Identifier: ISC */
/*
 * From a node to the field of a setting, by its type.
 */
#ifndef XO_CONF_VALUE_H
#define XO_CONF_VALUE_H

#include <conf/settings.h>
#include <conf/tree.h>

/* A group of settings on its way into a record: `upstreams.exchange`. */
struct xo_conf_entry {
	const char *name;		/* NULL for TOP and LIMITS */
	const struct xo_node *group;	/* NULL: no such group, all defaults */
	struct xo_conf_where where;
	void *record;
};

struct xo_conf_entries {
	struct xo_conf_entry *entries;
	size_t n;
};

struct xo_setter {
	struct xo_conf_arena *arena;
	struct xo_buf *error;
	const char *folder;		/* of the configuration, absolute */
	const struct xo_conf_entries *sections;	/* [XO_SECTION_COUNT] */
	bool is_partial;		/* not all tenants are there */
	/* which one */
	const struct xo_setting *row;
	const struct xo_conf_entry *entry;
};

/* False: see the error. */
bool xo_value_set(const struct xo_setter *setter, const struct xo_node *node);
bool xo_value_set_default(const struct xo_setter *setter);

/* What a value of the type is, or each element of a list. */
enum xo_node_kind xo_value_kind(enum xo_setting_type type, bool *is_list_r);

/* "upstreams.exchange.tls", "hostname" */
struct xo_conf_shown xo_conf_full_name(enum xo_section section,
    const struct xo_conf_entry *entry, const char *name);

#endif
