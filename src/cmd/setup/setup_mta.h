/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: which recipes an MTA needs, and when.
 */
#ifndef XO_SETUP_MTA_H
#define XO_SETUP_MTA_H

#include <cmd/setup/setup.h>

enum xo_setup_when {
	XO_SETUP_ALWAYS,
	XO_SETUP_FOR_VERIFIED, /* once for each upstream of verified mail */
	XO_SETUP_FOR_ORDINARY, /* ... of all other mail */
	XO_SETUP_FOR_UNTOLD, /* the same, if it is told no address */
	XO_SETUP_FOR_WAY_BACK,
};

struct xo_setup_piece {
	const char *where; /* NULL: in the same place as the last */
	const char *file;
	const char *relaying; /* in its place where verified mail relays */
	enum xo_setup_when when;
};

struct xo_setup_mta_table {
	const char *name;
	const char *etc;
	void (*quote)(struct xo_buf *out, struct xo_span s);
	/* By handover: the recipe in the place of @HANDOVER@, and whether the
	 * MTA takes it. */
	const char *handover_files[XO_HANDOVER_COUNT];
	bool takes[XO_HANDOVER_COUNT];
	const struct xo_setup_piece *pieces;
	size_t n_pieces;
};

extern const struct xo_setup_mta_table xo_setup_mtas[XO_SETUP_MTA_COUNT];

#endif
