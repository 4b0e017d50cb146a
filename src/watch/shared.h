/* SPDX-License-Identifier: ISC */
/*
 * Memory that processes share, of which each writes a part of its own: counters
 * (metrics.h) and heads (census.h). A process that was taken over can forge its
 * own part, and of the others read what is there.
 */
#ifndef XO_SHARED_H
#define XO_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All-zero: none. */
struct xo_shared {
	uint8_t *p;
	size_t size;
	int fd;				/* -1: none, or of a worker */
};

/* What a part must begin at, and be a multiple of. */
size_t xo_shared_page(void);

/*
 * In the master, who may write all of it; zeros. False: no memory. Where files
 * may not grow (RLIMIT_FSIZE), and on kernels before 5.1, what xo_shared_keep()
 * takes away can be had back by who asks for it.
 */
bool xo_shared_map(struct xo_shared *shared, size_t size);
void xo_shared_unmap(struct xo_shared *shared);

/* In a child: of all this, `len` octets at `from` stay writable, for good. No
 * part: 0, 0. */
void xo_shared_keep(struct xo_shared *shared, size_t from, size_t len);

#endif
