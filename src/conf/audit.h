/* SPDX-License-Identifier: ISC */
/*
 * The rules of warning.h over a whole configuration. Private to audit*.c: each
 * has a table of looks, which are asked about every group of their section.
 */
#ifndef XO_CONF_AUDIT_H
#define XO_CONF_AUDIT_H

#include <conf/load.h>
#include <conf/warning.h>

struct xo_audit;

struct xo_look {
	enum xo_section section;
	const char *setting;		/* told of, unless the look says more */
	enum xo_rule_id rule;
	/* Tells with xo_audit_tell(). `i`: index into the section. */
	void (*look)(struct xo_audit *audit, size_t i);
};

struct xo_audit {
	const struct xo_loader *loader;
	const struct xo_conf *conf;
	const struct xo_policy *policy;
	struct xo_warnings *warnings;
	/* What is asked now. */
	const struct xo_look *look;
	size_t i;
	/* Further tenants will be found while mail waits. */
	bool has_guests;
	/* By upstream: trusted mail goes there; any mail does. */
	bool *is_trusted;
	bool *is_used;
};

/*
 * An error ends the load, a warning is listed. `where`: NULL for the place of
 * the setting of this group.
 */
void xo_audit_tell(struct xo_audit *audit, const struct xo_conf_where *where,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same about another setting of the group. */
void xo_audit_tell_of(struct xo_audit *audit, const char *setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Of a group, for messages. */
const char *xo_audit_name(const struct xo_audit *audit,
    enum xo_section section, int i);

/* The tables, ended by a row without a look. */
extern const struct xo_look xo_looks_at_routes[];
extern const struct xo_look xo_looks_at_places[];
extern const struct xo_look xo_looks_at_names[];
extern const struct xo_look xo_looks_at_peers[];

#endif
