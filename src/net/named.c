/* SPDX-License-Identifier: ISC */
/*
 * See named.h. So few slots are looked through one by one: hashes lie side by
 * side, and a signature costs a thousand times as much.
 */
#include "named.h"

bool
xo_named_is_fit(struct xo_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!xo_ascii_is_alpha(name.p[i]) &&
		    !xo_ascii_is_digit(name.p[i]) && name.p[i] != '-' &&
		    name.p[i] != '_')
			return false;
	return name.len > 0 && name.len <= XO_NAMED_MAX;
}

/* FNV-1a: slots are looked through one by one, whatever it says. */
static uint32_t
hash(struct xo_span name)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.p[i]) * 16777619U;
	return h;
}

static struct xo_span
name_of(const struct xo_named *named, size_t slot)
{
	return xo_span(named->names[slot], named->lengths[slot]);
}

size_t
xo_named_find(struct xo_named *named, struct xo_span name)
{
	uint32_t h = hash(name);

	for (size_t i = 0; i < named->n; i++) {
		if (named->hashes[i] != h ||
		    !xo_span_is_equal(name_of(named, i), name))
			continue;
		named->used[i] = ++named->turn;
		return i;
	}
	return XO_NAMED_NOWHERE;
}

static size_t
oldest(const struct xo_named *named)
{
	size_t slot = 0;

	for (size_t i = 1; i < named->n; i++)
		if (named->used[i] < named->used[slot])
			slot = i;
	return slot;
}

size_t
xo_named_take(struct xo_named *named, struct xo_span name)
{
	size_t slot = oldest(named);

	/* One that was left was used before all others. */
	if (named->n < XO_NAMED_SLOTS && (named->n == 0 ||
	    named->lengths[slot] > 0))
		slot = named->n++;
	named->hashes[slot] = hash(name);
	named->used[slot] = ++named->turn;
	named->lengths[slot] = (uint8_t)name.len;
	memcpy(named->names[slot], name.p, name.len);
	return slot;
}

void
xo_named_leave(struct xo_named *named, size_t slot)
{
	named->lengths[slot] = 0;
	named->used[slot] = 0;
}
