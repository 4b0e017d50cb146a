/* SPDX-License-Identifier: ISC */
/*
 * A row that was read, whatever its format: see table_row.h.
 */
#include <conf/table_row.h>

#define NAME_EXPECTED "a name of letters, digits, `-` and `_` that begins " \
	"with a letter, of at most 100"

static bool
is_name(struct xo_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!xo_ascii_is_alpha(name.p[i]) && (i == 0 ||
		    (!xo_ascii_is_digit(name.p[i]) && name.p[i] != '-' &&
		    name.p[i] != '_')))
			return false;
	return name.len > 0 && name.len <= XO_CONF_NAME_MAX;
}
_Static_assert(XO_CONF_NAME_MAX == 100, "the text says 100");

bool
xo_row_set_name(struct xo_row_reader *r, struct xo_span text,
    struct xo_conf_entry *entry)
{
	if (!is_name(text))
		return xo_conf_fail(r->loader.error, &r->where,
		    "name: expected " NAME_EXPECTED ", found \"%s\"",
		    xo_conf_show(text).text);
	entry->name = xo_conf_arena_copy(r->loader.arena, text);
	return entry->name != NULL ||
	    xo_conf_fail_memory(r->loader.error);
}

bool
xo_row_set(struct xo_row_reader *r, struct xo_conf_entry *entry,
    const struct xo_node *group)
{
	bool is_good;

	entry->record = xo_conf_arena_alloc(r->loader.scratch, 1,
	    xo_section_size(XO_SECTION_TENANTS));
	if (entry->record == NULL)
		return xo_conf_fail_memory(r->loader.error);
	entry->group = group;
	is_good = xo_loader_set_entry(&r->loader, XO_SECTION_TENANTS, entry) &&
	    xo_loader_check_rules(&r->loader, XO_SECTION_TENANTS, entry);
	/* A row has no nodes left: its settings are all in its line. */
	entry->group = NULL;
	return is_good;
}
