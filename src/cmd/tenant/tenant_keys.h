/* SPDX-License-Identifier: ISC */
/*
 * The keys of a table that a server has, without its prefix: gathered, then sorted,
 * each once, and ticked off.
 */
#ifndef XO_CMD_TENANT_KEYS_H
#define XO_CMD_TENANT_KEYS_H

#include <conf/arena.h>

struct xo_tenant_key {
	struct xo_span text;
	bool is_claimed;		/* by a tenant */
	bool is_gone;			/* since it was listed */
};

/* All-zero is empty. */
struct xo_tenant_keys {
	struct xo_conf_arena *arena;
	struct xo_tenant_key *list;
	size_t n, room;
};

/* A copy. */
void xo_tenant_keys_add(struct xo_tenant_keys *keys, struct xo_span text);
/* When all have been added; what was added twice is there once. */
void xo_tenant_keys_sort(struct xo_tenant_keys *keys);
/* Of sorted ones. NULL: it is not among them. */
struct xo_tenant_key *xo_tenant_keys_find(const struct xo_tenant_keys *keys,
    struct xo_span text);
void xo_tenant_keys_fini(struct xo_tenant_keys *keys);

#endif
