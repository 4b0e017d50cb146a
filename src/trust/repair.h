/* SPDX-License-Identifier: ISC */
/*
 * The parts of a repair: what stands in front of the first field, and controls
 * in values. Where a section ends early is for xo_header_find() to say.
 */
#ifndef XO_REPAIR_H
#define XO_REPAIR_H

#include <xoorg/wall.h>

/* Without the byte order mark that it may begin with. */
struct xo_span xo_repair_skip_mark(struct xo_span section);

/*
 * A line, without its end, before which there is no field. _MBOX_FROM: it
 * becomes a field. _LEADING_BLANK: its blanks go; *rest_r is what is left, and
 * if that is nothing the line goes. XO_FAULT_NONE: a field should be here.
 */
enum xo_fault_kind xo_repair_look(struct xo_span line, struct xo_span *rest_r);

/* Appends `s`, each odd control in it a blank. True: there was one. */
bool xo_repair_copy(struct xo_buf *out, struct xo_span s);

/* How the section begins, if not with a field. */
enum xo_fault_kind xo_repair_first_fault(struct xo_span section);

/*
 * Appends what `section` has before its first field, repaired, and counts.
 * Returns the rest, which begins with a field, with no field, or with the empty
 * line.
 */
struct xo_span xo_repair_start(struct xo_span section, struct xo_buf *out,
    struct xo_wall_report *report);

#endif
