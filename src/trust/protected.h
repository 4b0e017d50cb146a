/* SPDX-License-Identifier: ISC */
/*
 * The list of protected names, and the two ways to find one: as the name of a
 * field, and in the middle of a long line, where it would begin a line of its
 * own if somebody cut there. There is no other list.
 */
#ifndef XO_PROTECTED_H
#define XO_PROTECTED_H

#include <trust/field.h>

struct xo_protection {
	uint32_t families;		/* of enum xo_wall_family */
	struct xo_span hostname;	/* whose Authentication-Results */
	unsigned int n_looks;		/* values read behind a cut; see there */
};

/* The family of a field of that name, whatever its value; 0: none. */
uint32_t xo_protected_family(struct xo_span name);

/* The family because of which this field goes, or 0. */
uint32_t xo_protected_field(const struct xo_protection *protection,
    const struct xo_field *field);

/*
 * True: cut where some reader cuts long lines, `field` would show a field that
 * goes. Values are read for the first few names only: a field with more of them
 * is taken for one, so that the work stays linear.
 */
bool xo_protected_is_hidden(struct xo_protection *protection,
    const struct xo_field *field);

#endif
