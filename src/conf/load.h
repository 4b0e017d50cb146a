/* SPDX-License-Identifier: ISC */
/*
 * A configuration on its way: sections as entries with a record each, which are
 * checked and then become the arrays of struct xo_conf. Private to conf.c,
 * rules.c, check.c, record.c and print.c.
 */
#ifndef XO_CONF_LOAD_H
#define XO_CONF_LOAD_H

#include <conf/value.h>

struct xo_loader {
	struct xo_conf *conf;
	struct xo_conf_arena *arena;	/* what stays */
	struct xo_conf_arena *scratch;
	struct xo_buf *error;
	const char *folder;
	const struct xo_node *root;
	struct xo_conf_entries sections[XO_SECTION_COUNT];
	size_t n_own_tenants;		/* the first; others: tables */
	const struct xo_conf_table *table;	/* instead of all tenants; or NULL */
};

/* Octets of an entry's name, which stands in a line of a header. */
#define XO_CONF_NAME_MAX ((size_t)100)

/* entry.c: from the nodes of entry->group, and defaults, to the record. */
bool xo_loader_set_entry(const struct xo_loader *loader,
    enum xo_section section, const struct xo_conf_entry *entry);

/*
 * table.c: the rows of tenant_tables behind the tenants of the configuration,
 * set and checked as these are. A row has no nodes left: its settings are all
 * in its line.
 */
bool xo_loader_read_tables(struct xo_loader *loader);

/* rules.c: what no setting of a group can know alone. */
bool xo_loader_check_rules(const struct xo_loader *loader,
    enum xo_section section, const struct xo_conf_entry *entry);

/* service.c: a listener at which Postfix asks, and what counts there. */
bool xo_loader_check_service(const struct xo_loader *loader,
    const struct xo_conf_entry *entry);

/* check.c: what no group can know alone; calls the former. */
bool xo_loader_check(const struct xo_loader *loader);
/* The tenant index; an organisation in two tenants is found here. */
bool xo_loader_index(const struct xo_loader *loader);

/* audit.c: what needs the whole; errors, and the list of warnings. */
bool xo_loader_audit(const struct xo_loader *loader);

/* The place of a setting of this group; if it is not given, the group's. */
struct xo_conf_where xo_conf_entry_where(const struct xo_conf_entry *entry,
    const char *setting);

/* record.c: from records to the arrays, and what follows from others. */
bool xo_loader_install(const struct xo_loader *loader);

union xo_record {
	struct xo_conf_tls tls;
	struct xo_peer_record peer;
	struct xo_tenant_record tenant;
	struct xo_listener_record listener;
	struct xo_upstream_record upstream;
};

/* And back: entries of a section (without those of tables), the name and the record of one. */
size_t xo_record_count(const struct xo_conf *conf, enum xo_section section);
struct xo_span xo_record_name(const struct xo_conf *conf,
    enum xo_section section, size_t i);
/* Points to `space` or into `conf`. */
const void *xo_record_get(const struct xo_conf *conf, enum xo_section section,
    size_t i, union xo_record *space);

#endif
