/* SPDX-License-Identifier: ISC */
/*
 * The oracle behind the header wall: how other programs might read a header
 * section. It shares no code with the wall and is as careless as they are.
 */
#ifndef XO_WALL_VIEWS_H
#define XO_WALL_VIEWS_H

#include <xoorg/bytes.h>

/* Habits of readers; a view is any set of them. */
enum view_habit {
	VIEW_CR_ENDS = 1 << 0,		/* CR alone ends a line, too */
	VIEW_NO_NUL = 1 << 1,		/* NULs are dropped first */
	VIEW_UNFOLDS_FIRST = 1 << 2,	/* LF + blanks are a blank */
	VIEW_SKIPS_GARBAGE = 1 << 3,	/* no colon: not the end */
	VIEW_NO_END = 1 << 4,		/* an empty line is garbage */
	VIEW_TRIMS_NAMES = 1 << 5,	/* of all that is no name */
	VIEW_FIRST_BLANK = 1 << 6,	/* a first line may begin with one */
	VIEW_ALL = (1 << 7) - 1
};

/* Where readers are known to cut a long line; what follows begins a line. */
#define VIEW_CUTS {0, 990, 998, 1000, 1024, 2048, 4096}

struct view_search {
	/* Prefixes of names, whole names behind a `=`; NULL ends them. */
	const char *const *prefixes;
	struct xo_span hostname;	/* of a foreign Authentication-Results */
	int without;			/* habits that are not asked for */
};

/* The first view in which something is found, or -1; *name_r says what. */
int views_find(struct xo_span header, const struct view_search *search,
    char *name_r, size_t size);

#endif
