/* SPDX-License-Identifier: ISC */
/*
 * An arena as a list of blocks. What is larger than a block gets its own.
 */
#include <conf/arena.h>

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_SIZE ((size_t)16384)
#define ALIGNMENT alignof(max_align_t)

struct block {
	struct block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char octets[];
};

struct xo_conf_arena {
	struct block *blocks;		/* the first is the one in use */
	size_t block_size;
};

struct xo_conf_arena *
xo_conf_arena_new(void)
{
	return xo_conf_arena_new_of(BLOCK_SIZE);
}

struct xo_conf_arena *
xo_conf_arena_new_of(size_t block)
{
	struct xo_conf_arena *arena = calloc(1, sizeof(*arena));

	if (arena != NULL)
		arena->block_size = block;
	return arena;
}

static void
free_blocks(struct block *block)
{
	struct block *next;

	for (; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
}

void
xo_conf_arena_clear(struct xo_conf_arena *arena)
{
	struct block *block = arena->blocks;

	if (block == NULL)
		return;
	free_blocks(block->next);
	block->next = NULL;
	memset(block->octets, 0, block->used);
	block->used = 0;
}

void
xo_conf_arena_free(struct xo_conf_arena **arena)
{
	if (*arena == NULL)
		return;
	free_blocks((*arena)->blocks);
	free(*arena);
	*arena = NULL;
}

static struct block *
add_block(struct xo_conf_arena *arena, size_t need)
{
	size_t size = need > arena->block_size ? need : arena->block_size;
	struct block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	if (need > arena->block_size && arena->blocks != NULL) {
		/* The one in use still has room: it stays first. */
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	return block;
}

void *
xo_conf_arena_alloc(struct xo_conf_arena *arena, size_t n, size_t size)
{
	struct block *block = arena->blocks;
	size_t need;
	void *p;

	if (size != 0 && n > (SIZE_MAX / 2) / size)
		return NULL;
	need = (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (need == 0)
		need = ALIGNMENT;
	if (block == NULL || block->size - block->used < need) {
		block = add_block(arena, need);
		if (block == NULL)
			return NULL;
	}
	p = block->octets + block->used;
	block->used += need;
	return p;
}

char *
xo_conf_arena_copy(struct xo_conf_arena *arena, struct xo_span text)
{
	char *copy;

	if (text.len == SIZE_MAX)
		return NULL;
	copy = xo_conf_arena_alloc(arena, text.len + 1, 1);
	if (copy != NULL && text.len != 0)
		memcpy(copy, text.p, text.len);
	return copy;
}
