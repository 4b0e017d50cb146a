/* SPDX-License-Identifier: ISC */
/*
 * Keys of a server: see tenant_keys.h.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant_keys.h>

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	struct xo_span first = ((const struct xo_tenant_key *)a)->text;
	struct xo_span second = ((const struct xo_tenant_key *)b)->text;
	size_t n = first.len < second.len ? first.len : second.len;
	int order = memcmp(first.p, second.p, n);

	return order != 0 ? order : (first.len > second.len) -
	    (first.len < second.len);
}

void
xo_tenant_keys_add(struct xo_tenant_keys *keys, struct xo_span text)
{
	if (keys->arena == NULL)
		keys->arena = xo_tool_require(xo_conf_arena_new());
	if (keys->n == keys->room) {
		keys->room = keys->room == 0 ? 1024 : 2 * keys->room;
		keys->list = xo_tool_require(realloc(keys->list, keys->room *
		    sizeof(*keys->list)));
	}
	keys->list[keys->n++] = (struct xo_tenant_key){
		.text = xo_span(xo_tool_require(xo_conf_arena_copy(
		    keys->arena, text)), text.len),
	};
}

void
xo_tenant_keys_sort(struct xo_tenant_keys *keys)
{
	size_t n = 0;

	if (keys->n == 0)
		return;
	qsort(keys->list, keys->n, sizeof(*keys->list), compare);
	for (size_t i = 1; i < keys->n; i++)
		if (compare(&keys->list[n], &keys->list[i]) != 0)
			keys->list[++n] = keys->list[i];
	keys->n = n + 1;
}

struct xo_tenant_key *
xo_tenant_keys_find(const struct xo_tenant_keys *keys, struct xo_span text)
{
	const struct xo_tenant_key wanted = {.text = text};

	return keys->n == 0 ? NULL : bsearch(&wanted, keys->list, keys->n,
	    sizeof(*keys->list), compare);
}

void
xo_tenant_keys_fini(struct xo_tenant_keys *keys)
{
	free(keys->list);
	xo_conf_arena_free(&keys->arena);
	*keys = (struct xo_tenant_keys){0};
}
