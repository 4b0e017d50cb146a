/* SPDX-License-Identifier: ISC */
/*
 * Loading: files to a tree, the tree along the table of settings to records,
 * records checked and made into a configuration.
 */
#include <conf/load.h>
#include <conf/file.h>
#include <conf/table_place.h>
#include <conf/warning.h>

#include <xoorg/tenants.h>

/* Of the file, of which one line counts. */
#define PASSWORD_MAX ((size_t)1 << 20)

static bool
is_named(enum xo_section section)
{
	return section >= XO_SECTION_TLS;
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
	if (name.len > XO_CONF_NAME_MAX)
		return xo_conf_fail(loader->error, &group->where,
		    "%s: expected a name of at most 100 octets, found %s",
		    xo_section_name(section), xo_conf_show(name).text);
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

/* While it may still be read: its first line. */
static bool
read_password(const struct xo_loader *loader)
{
	struct xo_conf_redis *redis = &loader->conf->lookup.redis;
	struct xo_buf text = {.max = PASSWORD_MAX};
	const char *problem;

	if (redis->password_file.path == NULL)
		return true;
	problem = xo_file_read(redis->password_file.path, &text);
	if (problem == NULL) {
		text.len = xo_span_find(xo_buf_span(&text), '\n');
		redis->password = xo_conf_arena_copy(loader->arena,
		    xo_buf_span(&text));
		if (redis->password == NULL)
			problem = "no memory";
		else if (redis->password[0] == '\0')
			problem = "an empty first line";
	}
	xo_buf_fini(&text);
	return problem == NULL || xo_conf_fail(loader->error,
	    &redis->password_file.where, "redis_password_file: expected a "
	    "password in the first line, found %s: %s",
	    redis->password_file.path, problem);
}

/* What is asked while mail waits is remembered for a while. */
static bool
set_guests(const struct xo_loader *loader)
{
	struct xo_conf *conf = loader->conf;

	if (!read_password(loader))
		return false;
	if (!xo_tables_have_source(conf))
		return true;
	conf->policy.guests = xo_guests_new(conf->lookup.cache);
	conf->policy.guests_have_certificates =
	    conf->tenant_certificates.path != NULL;
	return conf->policy.guests != NULL ||
	    xo_conf_fail_memory(loader->error);
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
	    set_guests(loader) && xo_loader_audit(loader);
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
xo_conf_load_table(const char *path, const struct xo_conf_table *table,
    struct xo_buf *error)
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
	xo_guests_free(&(*conf)->policy.guests);
	xo_warnings_fini(&(*conf)->warnings);
	xo_warnings_fini(&(*conf)->found);
	xo_conf_arena_free(&arena);
	*conf = NULL;
}
