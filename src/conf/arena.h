/* SPDX-License-Identifier: ISC */
/*
 * Memory of one lifetime: taken piece by piece, given back all at once. Reading
 * a configuration uses one for what stays and one for what does not.
 */
#ifndef XO_CONF_ARENA_H
#define XO_CONF_ARENA_H

#include <stddef.h>

#include <xoorg/bytes.h>

struct xo_conf_arena;

struct xo_conf_arena *xo_conf_arena_new(void);
/* The same in blocks of so many octets: for what is small, and many. */
struct xo_conf_arena *xo_conf_arena_new_of(size_t block);
/* Gives all back, and keeps room for as much of small things. */
void xo_conf_arena_clear(struct xo_conf_arena *arena);
void xo_conf_arena_free(struct xo_conf_arena **arena);

/* `n` objects of `size` octets, all zero, aligned for any type; or NULL. */
void *xo_conf_arena_alloc(struct xo_conf_arena *arena, size_t n, size_t size);
/* A copy with a NUL behind it; or NULL. */
char *xo_conf_arena_copy(struct xo_conf_arena *arena, struct xo_span text);

#endif
