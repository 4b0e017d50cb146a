/* SPDX-License-Identifier: ISC */
/*
 * A tenant of its own, with an arena: see guest.h.
 */
#include <conf/guest.h>

#include <stdlib.h>

#include <conf/place.h>
#include <conf/routes.h>
#include <conf/table_row.h>
#include <xoorg/tenants.h>

/* What most have room in: a domain or two; and their nodes and a record. */
#define GUEST_BLOCK 256
#define SCRATCH_BLOCK 3072

struct xo_guest_reader {
	const struct xo_policy *policy;
	struct xo_loader loader;	/* with the names of upstreams */
	const struct xo_tenant **by_name;	/* those of the configuration */
};

struct owned {
	struct xo_guest guest;		/* the first: they are cast */
	struct xo_conf_arena *arena;
};

/* What references in a record are looked up in. */
static bool
name_upstreams(struct xo_loader *loader, const struct xo_policy *policy)
{
	struct xo_conf_entry *entries = xo_conf_arena_alloc(loader->arena,
	    policy->n_upstreams, sizeof(*entries));

	for (size_t i = 0; entries != NULL && i < policy->n_upstreams; i++) {
		entries[i].name = xo_conf_arena_copy(loader->arena,
		    policy->upstreams[i].name);
		if (entries[i].name == NULL)
			return false;
	}
	loader->sections[XO_SECTION_UPSTREAMS] =
	    (struct xo_conf_entries){entries, policy->n_upstreams};
	return entries != NULL;
}

/* As letters in file names, case counts. */
static int
compare_names(struct xo_span a, struct xo_span b)
{
	int order = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_tenants(const void *a, const void *b)
{
	return compare_names((*(const struct xo_tenant *const *)a)->name,
	    (*(const struct xo_tenant *const *)b)->name);
}

static int
compare_name_and_tenant(const void *name, const void *tenant)
{
	return compare_names(*(const struct xo_span *)name,
	    (*(const struct xo_tenant *const *)tenant)->name);
}

static bool
sort_tenants(struct xo_guest_reader *reader)
{
	size_t n = reader->policy->n_tenants;

	reader->by_name = calloc(n + 1, sizeof(const struct xo_tenant *));
	if (reader->by_name == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		reader->by_name[i] = &reader->policy->tenants[i];
	qsort(reader->by_name, n, sizeof(const struct xo_tenant *),
	    compare_tenants);
	return true;
}

struct xo_guest_reader *
xo_guest_reader_new(const struct xo_conf *conf)
{
	struct xo_guest_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->policy = &conf->policy;
	reader->loader.folder = "/";
	reader->loader.arena = xo_conf_arena_new();
	if (reader->loader.arena == NULL || !sort_tenants(reader) ||
	    !name_upstreams(&reader->loader, &conf->policy))
		xo_guest_reader_free(&reader);
	return reader;
}

void
xo_guest_reader_free(struct xo_guest_reader **reader)
{
	if (*reader == NULL)
		return;
	xo_conf_arena_free(&(*reader)->loader.arena);
	free((*reader)->by_name);
	free(*reader);
	*reader = NULL;
}

static void
free_guest(struct xo_guest *guest)
{
	struct owned *owned = (struct owned *)guest;

	xo_conf_arena_free(&owned->arena);
	free(owned);
}

/* Before its value is looked at, which opens the file. */
static bool
names_no_file(const struct xo_row_reader *r, const struct xo_node *group)
{
	for (size_t i = 0; i < group->n_children; i++) {
		const char *name = group->children[i].name;
		const struct xo_setting *row = xo_setting_find(
		    XO_SECTION_TENANTS, xo_span_from_cstr(name));

		if (row != NULL && row->type == XO_SETTING_FILE)
			return xo_conf_fail(r->loader.error, &r->where,
			    "expected no files in a record, found %s", name);
	}
	return true;
}

/* Its mail is trusted there, and that of strangers goes elsewhere. */
static bool
goes_its_way(const struct xo_row_reader *r, const struct xo_policy *policy,
    int upstream)
{
	return upstream == XO_NOBODY ||
	    xo_upstream_takes_guests(policy, upstream) ||
	    xo_conf_fail(r->loader.error, &r->where, "upstream: expected a "
	    "place other than that of demoted mail, found `%s`",
	    xo_conf_show(policy->upstreams[upstream].name).text);
}

/* By its name it has its certificate and its place in the log. */
static bool
has_own_name(const struct xo_row_reader *r,
    const struct xo_guest_reader *reader, struct xo_span name)
{
	return bsearch(&name, reader->by_name, reader->policy->n_tenants,
	    sizeof(const struct xo_tenant *), compare_name_and_tenant) ==
	    NULL || xo_conf_fail(r->loader.error, &r->where,
	    "name: expected one that no tenant of the configuration has, found "
	    "`%s`", xo_conf_show(name).text);
}

/* What a table that is read with the configuration is refused for: a domain that
 * another has, and one that many share (wide-org, wide-name). With the first of
 * its organisations its mail goes out, and comes in as a tenant's. */
static bool
is_its_own(const struct xo_row_reader *r, const struct xo_policy *policy,
    const char *setting, const struct xo_key *key)
{
	int whose;

	(void)xo_tenants_find(policy, key, &whose);
	if (whose != XO_NOBODY && !xo_tenant_is_guest(policy, whose))
		return xo_conf_fail(r->loader.error, &r->where,
		    "%s: expected a domain that no tenant of the configuration "
		    "has, found \"%s\"", setting,
		    xo_conf_show(key->domain).text);
	return !xo_domain_is_shared(key->domain) ||
	    xo_conf_fail(r->loader.error, &r->where,
	    "%s: expected a domain that belongs to the tenant alone, found "
	    "\"%s\"", setting, xo_conf_show(key->domain).text);
}

static bool
are_its_own(const struct xo_row_reader *r, const struct xo_policy *policy,
    const struct xo_tenant *tenant)
{
	for (size_t i = 0; i < tenant->n_originator_orgs; i++)
		if (!is_its_own(r, policy, "originator_orgs", &(struct xo_key){
		    XO_KEY_ORG, tenant->originator_orgs[i]}))
			return false;
	for (size_t i = 0; i < tenant->n_certificate_names; i++)
		if (!is_its_own(r, policy, "certificate_names",
		    &(struct xo_key){XO_KEY_CERTIFICATE,
		    tenant->certificate_names[i]}))
			return false;
	return true;
}

static bool
read_record(struct xo_row_reader *r, const struct xo_guest_reader *reader,
    struct xo_span text, struct xo_tenant *tenant)
{
	struct xo_conf_entry entry = {.where = r->where};
	struct xo_node group = {.kind = XO_NODE_GROUP};

	if (text.len > XO_GUEST_RECORD_MAX)
		return xo_conf_fail(r->loader.error, &r->where,
		    "expected at most 65536 octets, found %zu", text.len);
	if (!xo_row_read_object(r, text, &entry, &group) ||
	    !names_no_file(r, &group) || !xo_row_set(r, &entry, &group))
		return false;
	*tenant = ((const struct xo_tenant_record *)entry.record)->policy;
	tenant->name = xo_span_from_cstr(entry.name);
	return has_own_name(r, reader, tenant->name) &&
	    are_its_own(r, reader->policy, tenant) &&
	    goes_its_way(r, reader->policy, xo_tenant_upstream(tenant));
}
_Static_assert(XO_GUEST_RECORD_MAX == 65536, "the text says 65536");

struct xo_guest *
xo_guest_read(const struct xo_guest_reader *reader, struct xo_span record,
    struct xo_buf *error)
{
	struct owned *owned = calloc(1, sizeof(*owned));
	struct xo_row_reader r = {
		.loader = reader->loader,
		.where = {"record", 0},
	};
	bool is_good = false;

	xo_buf_clear(error);
	r.loader.error = error;
	r.loader.scratch = r.nodes = xo_conf_arena_new_of(SCRATCH_BLOCK);
	r.loader.arena = xo_conf_arena_new_of(GUEST_BLOCK);
	if (owned == NULL || r.nodes == NULL || r.loader.arena == NULL)
		(void)xo_conf_fail_memory(error);
	else
		is_good = read_record(&r, reader, record,
		    &owned->guest.tenant);
	xo_conf_arena_free(&r.nodes);
	/* analyser: free_guest() frees all of it */
	if (is_good) {
		owned->arena = r.loader.arena;
		owned->guest.free = free_guest;
		return &owned->guest;
	}
	xo_conf_arena_free(&r.loader.arena);
	free(owned);
	return NULL;
}
