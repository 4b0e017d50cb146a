/* SPDX-License-Identifier: ISC */
/*
 * Where the header section of a message ends, which comes in pieces: the wall
 * (wall.h) judges it whole.
 */
#ifndef XOORG_HEADER_H
#define XOORG_HEADER_H

#include <xoorg/fault.h>

XO_API_BEGIN

/*
 * Finds the end of a header section that comes in pieces. All-zero is ready;
 * `repairs` is set before the first call. What else is in it is its own, but
 * `fault`: after XO_OK, why the section ends before its empty line.
 */
struct xo_header_finder {
	bool repairs;
	enum xo_fault_kind fault;
	size_t line_start;
	size_t scanned;
	size_t field_start;
	bool has_begun;			/* a field came */
	bool awaits_colon;		/* its name came, and its colon not */
};

/*
 * `section` is all content so far. XO_OK: *len_r octets are the header section,
 * its empty line included, or all fields in front of the first line that is
 * none. XO_MORE: neither has come.
 */
XO_MUST_CHECK enum xo_err xo_header_find(struct xo_header_finder *finder,
    struct xo_span section, size_t *len_r);
/* After XO_MORE: no more will come. Its length, and maybe `fault`. */
size_t xo_header_end(struct xo_header_finder *finder, struct xo_span section);

XO_API_END

#endif
