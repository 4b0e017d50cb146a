/* SPDX-License-Identifier: ISC */
/*
 * Loading: files to a tree, the tree along the table of settings to records,
 * records checked and made into a configuration.
 */
#include <conf/load.h>
#include <conf/file.h>
#include <conf/warning.h>

#include <xoorg/tenants.h>

static bool
is_named(enum xo_section section)
{
	return section >= XO_SECTION_TLS;
}

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

static bool
set_section(const struct xo_loader *loader, enum xo_section section, size_t n)
{
	const struct xo_conf_entries *in = &loader->sections[section];

	for (size_t i = 0; i < n; i++) {
		if (!xo_loader_set_entry(loader, section, &in->entries[i]))
			return false;
	}
	return true;
}

/* Tables are named at the top, and others name their tenants. */
static bool
set_all(struct xo_loader *loader)
{
	loader->n_own_tenants = loader->sections[XO_SECTION_TENANTS].n;
	if (!set_section(loader, XO_SECTION_TOP, 1) ||
	    !xo_loader_read_tables(loader))
		return false;
	for (size_t i = XO_SECTION_TOP + 1; i < XO_SECTION_COUNT; i++) {
		enum xo_section section = (enum xo_section)i;

		if (!set_section(loader, section,
		    section == XO_SECTION_TENANTS ? loader->n_own_tenants :
		    loader->sections[section].n))
			return false;
	}
	return true;
}

static bool
init_entry(const struct xo_loader *loader, enum xo_section section,
    const struct xo_node *group, struct xo_conf_entry *entry)
{
	struct xo_span name = xo_span_from_cstr(group->name);

	entry->group = group;
	entry->where = group->where;
	if (group->kind != XO_NODE_GROUP)
		return xo_conf_fail(loader->error, &group->where,
		    "%s: expected a group, %s = { ... }, found %s",
		    xo_section_name(section), xo_conf_show(name).text,
		    xo_node_show(group).text);
	entry->name = xo_conf_arena_copy(loader->arena, name);
	entry->record = xo_conf_arena_alloc(loader->scratch, 1,
	    xo_section_size(section));
	if (entry->name == NULL || entry->record == NULL)
		return xo_conf_fail_memory(loader->error);
	return true;
}

/* All names before all settings, since these may refer to those. */
static bool
init_named(struct xo_loader *loader, enum xo_section section,
    const struct xo_node *group)
{
	struct xo_conf_entries *in = &loader->sections[section];
	size_t i;

	in->entries = xo_conf_arena_alloc(loader->scratch, group->n_children,
	    sizeof(*in->entries));
	if (in->entries == NULL)
		return xo_conf_fail_memory(loader->error);
	in->n = group->n_children;
	for (i = 0; i < in->n; i++) {
		if (!init_entry(loader, section, &group->children[i],
		    &in->entries[i]))
			return false;
	}
	return true;
}

/* TOP and LIMITS: one entry, given or not. */
static bool
init_single(struct xo_loader *loader, enum xo_section section,
    const struct xo_node *group)
{
	struct xo_conf_entry *entry = xo_conf_arena_alloc(loader->scratch, 1,
	    sizeof(*entry));

	if (entry == NULL)
		return xo_conf_fail_memory(loader->error);
	entry->group = group;
	entry->where = group != NULL ? group->where : loader->root->where;
	entry->record = loader->conf;
	loader->sections[section] = (struct xo_conf_entries){entry, 1};
	return true;
}

static bool
init_section(struct xo_loader *loader, enum xo_section section)
{
	const struct xo_node *group = section == XO_SECTION_TOP ?
	    loader->root :
	    xo_node_member(loader->root, xo_section_name(section));

	if (group != NULL && group->kind != XO_NODE_GROUP)
		return xo_conf_fail(loader->error, &group->where,
		    "expected a group, %s = { ... }, found %s", group->name,
		    xo_node_show(group).text);
	if (section == XO_SECTION_TENANTS && loader->table != NULL)
		return true;
	if (!is_named(section))
		return init_single(loader, section, group);
	return group == NULL || init_named(loader, section, group);
}

static bool
load(struct xo_loader *loader)
{
	size_t section;

	for (section = 0; section < XO_SECTION_COUNT; section++) {
		if (!init_section(loader, (enum xo_section)section))
			return false;
	}
	return set_all(loader) && xo_loader_check(loader) &&
	    xo_loader_install(loader) && xo_loader_index(loader) &&
	    xo_loader_audit(loader);
}

static bool
note_files(const struct xo_loader *loader, const struct xo_source *source)
{
	size_t n = source->files.len / sizeof(const char *);
	const char **files = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*files));

	if (files == NULL)
		return xo_conf_fail_memory(loader->error);
	memcpy(files, source->files.p, source->files.len);
	loader->conf->files = files;
	loader->conf->n_files = n;
	return true;
}

static bool
load_path(struct xo_loader *loader, const char *path)
{
	struct xo_source source = {
		.names = loader->arena,
		.scratch = loader->scratch,
		.error = loader->error,
	};
	bool is_good = false;

	loader->folder = xo_file_folder(loader->scratch, path);
	loader->conf = xo_conf_arena_alloc(loader->arena, 1,
	    sizeof(*loader->conf));
	if (loader->conf != NULL)
		loader->conf->arena = loader->arena;
	if (loader->folder == NULL || loader->conf == NULL)
		return xo_conf_fail_memory(loader->error);
	if (xo_source_read(&source, path) && note_files(loader, &source))
		loader->root = xo_tree_read(&source, path);
	if (loader->root != NULL)
		is_good = load(loader);
	xo_source_fini(&source);
	return is_good;
}

struct xo_conf *
xo_conf_load_table(const char *path, const char *table, struct xo_buf *error)
{
	struct xo_loader loader = {.error = error, .table = table};
	struct xo_conf *conf = NULL;

	xo_buf_clear(error);
	loader.arena = xo_conf_arena_new();
	loader.scratch = xo_conf_arena_new();
	if (loader.arena == NULL || loader.scratch == NULL)
		(void)xo_conf_fail_memory(error);
	else if (load_path(&loader, path))
		conf = loader.conf;
	xo_conf_arena_free(&loader.scratch);
	if (conf == NULL && loader.conf != NULL)
		xo_conf_free(&loader.conf);
	else if (conf == NULL)
		xo_conf_arena_free(&loader.arena);
	return conf;
}

struct xo_conf *
xo_conf_load(const char *path, struct xo_buf *error)
{
	return xo_conf_load_table(path, NULL, error);
}

void
xo_conf_free(struct xo_conf **conf)
{
	struct xo_conf_arena *arena;

	if (*conf == NULL)
		return;
	arena = (*conf)->arena;
	xo_tenants_index_free(&(*conf)->policy.tenant_index);
	xo_warnings_fini(&(*conf)->warnings);
	xo_warnings_fini(&(*conf)->found);
	xo_conf_arena_free(&arena);
	*conf = NULL;
}
