/* SPDX-License-Identifier: ISC */
/* Where a host is reached: an address with its port. */
#ifndef XO_PLACE_H
#define XO_PLACE_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

struct xo_place {
	struct sockaddr_storage address;
	socklen_t len;			/* 0: nowhere in particular */
};

static inline bool
xo_place_is_equal(const struct xo_place *a, const struct xo_place *b)
{
	return a->len == b->len && memcmp(&a->address, &b->address, a->len) == 0;
}

#endif
