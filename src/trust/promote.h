/* SPDX-License-Identifier: ISC */
/*
 * Promotion of cross-premises fields (protocol.md 5.5): which of them become
 * X-MS-Exchange-Organization-*. Of several with one name the last one wins.
 */
#ifndef XO_PROMOTE_H
#define XO_PROMOTE_H

#include <trust/field.h>

struct xo_promote_entry {
	struct xo_span suffix;	/* behind the prefix; keeps its pointer */
	bool is_promoted;
};

/* All-zero is empty. Entries stand in the order of their fields. */
struct xo_promote {
	struct xo_promote_entry *entries;
	size_t n;
	size_t cap;
	size_t next;		/* for the writer */
};

XO_MUST_CHECK enum xo_err xo_promote_add(struct xo_promote *promote,
    struct xo_span suffix, const struct xo_field *field);
/* After the last add: leaves one entry of each name. */
void xo_promote_settle(struct xo_promote *promote);
void xo_promote_fini(struct xo_promote *promote);

#endif
