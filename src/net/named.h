/* SPDX-License-Identifier: ISC */
/*
 * Slots for what is kept by name, a fixed number of them: who has which, and
 * which was used longest ago. What is in a slot is its owner's, in an array
 * beside this.
 */
#ifndef XO_NAMED_H
#define XO_NAMED_H

#include <xoorg/bytes.h>

#define XO_NAMED_SLOTS 1024
#define XO_NAMED_NOWHERE SIZE_MAX
/* Octets of a name. */
#define XO_NAMED_MAX ((size_t)100)

struct xo_named {
	size_t n;			/* that were ever taken */
	uint64_t turn;
	uint32_t hashes[XO_NAMED_SLOTS];
	uint64_t used[XO_NAMED_SLOTS];
	uint8_t lengths[XO_NAMED_SLOTS];	/* 0: nobody's */
	uint8_t names[XO_NAMED_SLOTS][XO_NAMED_MAX];
};

/*
 * A name that may be that of a file: letters, digits, `-` and `_`, at least one,
 * at most XO_NAMED_MAX. No others may be given to what follows.
 */
bool xo_named_is_fit(struct xo_span name);

/* Its slot, now the one used last; or XO_NAMED_NOWHERE. */
size_t xo_named_find(struct xo_named *named, struct xo_span name);
/* A slot for one that has none: an empty one, or that which was used longest
 * ago. Its owner has to empty it first. */
size_t xo_named_take(struct xo_named *named, struct xo_span name);
/* From now on the slot is nobody's. */
void xo_named_leave(struct xo_named *named, size_t slot);

#endif
