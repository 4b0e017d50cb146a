/* SPDX-License-Identifier: ISC */
/*
 * A group of settings: from its nodes, and from defaults, to its record.
 */
#include <conf/load.h>

static bool
find_section(struct xo_span name, enum xo_section *section_r)
{
	int i;

	for (i = XO_SECTION_LIMITS; i < XO_SECTION_COUNT; i++) {
		*section_r = (enum xo_section)i;
		if (xo_span_is_equal(name,
		    xo_span_from_cstr(xo_section_name(*section_r))))
			return true;
	}
	return false;
}

/* The name is known, but elsewhere. */
static struct xo_conf_shown
elsewhere_hint(const char *name)
{
	struct xo_conf_shown shown = {""};
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);
	const char *section;

	for (i = 0; i < n; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		section = xo_section_name(rows[i].section);
		(void)snprintf(shown.text, sizeof(shown.text),
		    "; it belongs %s%s", section[0] != '\0' ? "in " :
		    "outside of all groups", section);
		break;
	}
	return shown;
}

static bool
fail_unknown(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry, const struct xo_node *node)
{
	struct xo_conf_nearest nearest = {.word = node->name};
	struct xo_conf_shown hint;
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	for (i = 0; i < n; i++) {
		if (rows[i].section == section)
			xo_conf_nearest_try(&nearest, rows[i].name);
	}
	for (i = XO_SECTION_LIMITS; section == XO_SECTION_TOP &&
	    i < XO_SECTION_COUNT; i++)
		xo_conf_nearest_try(&nearest,
		    xo_section_name((enum xo_section)i));
	hint = nearest.best != NULL ? xo_conf_nearest_hint(&nearest) :
	    elsewhere_hint(node->name);
	return xo_conf_fail(loader->error, &node->where,
	    "%s%sexpected a known setting, found `%s`%s",
	    xo_conf_full_name(section, entry, "").text,
	    section == XO_SECTION_TOP ? "" : ": ",
	    xo_conf_show(xo_span_from_cstr(node->name)).text, hint.text);
}

static bool
set_given(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry, struct xo_setter *setter)
{
	enum xo_section other;
	size_t i;

	for (i = 0; entry->group != NULL && i < entry->group->n_children; i++) {
		const struct xo_node *node = &entry->group->children[i];
		struct xo_span name = xo_span_from_cstr(node->name);

		if (section == XO_SECTION_TOP && find_section(name, &other))
			continue;
		setter->row = xo_setting_find(section, name);
		if (setter->row == NULL)
			return fail_unknown(loader, section, entry, node);
		if (!xo_value_set(setter, node))
			return false;
	}
	return true;
}

/* Absent is not empty: a tenant gets its own mail. */
static void
complete_tenant(const struct xo_conf_entry *entry)
{
	struct xo_tenant_record *record = entry->record;
	struct xo_tenant *tenant = &record->policy;

	if (xo_node_member(entry->group, "recipient_domains") != NULL)
		return;
	tenant->recipient_domains = tenant->originator_orgs;
	tenant->n_recipient_domains = tenant->n_originator_orgs;
}

bool
xo_loader_set_entry(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry)
{
	struct xo_setter setter = {
		.arena = loader->arena,
		.error = loader->error,
		.folder = loader->folder,
		.sections = loader->sections,
		.entry = entry,
		.is_partial = loader->table != NULL,
	};
	size_t i, n;
	const struct xo_setting *rows = xo_settings(&n);

	if (!set_given(loader, section, entry, &setter))
		return false;
	for (i = 0; i < n; i++) {
		setter.row = &rows[i];
		if (rows[i].section == section &&
		    xo_node_member(entry->group, rows[i].name) == NULL &&
		    !xo_value_set_default(&setter))
			return false;
	}
	if (section == XO_SECTION_TENANTS)
		complete_tenant(entry);
	return true;
}
