/* SPDX-License-Identifier: ISC */
/*
 * What needs more than one record: listeners against peers and each other,
 * tenants against each other.
 */
#include <conf/address.h>
#include <conf/load.h>
#include <conf/place.h>

#include <xoorg/tenants.h>

struct xo_conf_where
xo_conf_entry_where(const struct xo_conf_entry *entry, const char *setting)
{
	const struct xo_node *node = xo_node_member(entry->group, setting);

	return node != NULL ? node->where : entry->where;
}

/* Certificates come with TLS: without it such a peer would never be known. */
/* By its certificate, or not at all; the address of one with xoorg gives less. */
static bool
needs_certificate(const struct xo_peer *peer)
{
	if (peer->has_tenant_names)
		return true;
	return peer->n_names > 0 && ((peer->rights & XO_RIGHT_XOORG) != 0 ||
	    peer->n_networks == 0);
}

static bool
check_peers(const struct xo_loader *loader, const struct xo_conf_entry *entry)
{
	const struct xo_listener_record *listener = entry->record;
	const struct xo_conf_entry *peers =
	    loader->sections[XO_SECTION_PEERS].entries;
	struct xo_conf_where where = xo_conf_entry_where(entry, "peers");
	size_t i;

	if (listener->conf.tls != XO_NOBODY ||
	    xo_listener_is_asked(&listener->policy))
		return true;
	for (i = 0; i < listener->policy.n_peers; i++) {
		const struct xo_conf_entry *entry_of_peer =
		    &peers[listener->policy.peers[i]];
		const struct xo_peer_record *record = entry_of_peer->record;
		const struct xo_peer *peer = &record->policy;

		if (!needs_certificate(peer))
			continue;
		return xo_conf_fail(loader->error, &where,
		    "%s: expected tls beside it, since `%.60s` is known by its "
		    "certificate, found none", xo_conf_full_name(
		    XO_SECTION_LISTENERS, entry, "peers").text,
		    entry_of_peer->name);
	}
	return true;
}

/* The first of n hosts that is at the same place, or n. */
static size_t
find_host(const struct xo_conf_host *hosts, size_t n,
    const struct xo_conf_host *host)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (xo_host_is_any(&hosts[i]) != xo_host_is_any(host))
			continue;
		if (xo_hosts_meet(&hosts[i], host) == XO_MEETING_YES)
			break;
	}
	return i;
}

static bool
tell_address(const struct xo_loader *loader, const struct xo_conf_entry *entry,
    const struct xo_conf_host *host, const struct xo_conf_entry *other)
{
	char port[16] = "";

	if (!xo_conf_host_is_unix(host))
		(void)snprintf(port, sizeof(port), " port %u",
		    (unsigned int)host->port);
	return xo_conf_fail(loader->error, &host->where,
	    "%s: expected each address once, found %s%s, which listener "
	    "`%.60s` has too", xo_conf_full_name(XO_SECTION_LISTENERS, entry,
	    "listen").text, host->host, port, other->name);
}

/* With SO_REUSEPORT the second would silently take half of the sessions. */
static bool
check_address(const struct xo_loader *loader, const struct xo_conf_entry *entry,
    size_t i)
{
	const struct xo_listener_record *listener = entry->record;
	const struct xo_conf_host *host = &listener->conf.listen[i];
	const struct xo_conf_entry *other =
	    loader->sections[XO_SECTION_LISTENERS].entries;

	for (; other <= entry; other++) {
		const struct xo_listener_record *first = other->record;
		size_t n = other == entry ? i : first->conf.n_listen;

		if (find_host(first->conf.listen, n, host) == n)
			continue;
		return tell_address(loader, entry, host, other);
	}
	return true;
}

static bool
check_listener(const struct xo_loader *loader,
    const struct xo_conf_entry *entry)
{
	const struct xo_listener_record *listener = entry->record;
	size_t i;

	for (i = 0; i < listener->conf.n_listen; i++) {
		if (!check_address(loader, entry, i))
			return false;
	}
	return check_peers(loader, entry) && xo_loader_check_service(loader,
	    entry);
}

/* The second would have a bit that nothing sets. */
static bool
check_extensions(const struct xo_loader *loader)
{
	const struct xo_extensions *extensions =
	    &loader->conf->policy.extensions;
	const struct xo_node *node = xo_node_member(loader->root,
	    "extensions");
	size_t n = node != NULL ? node->n_children : 0;

	for (size_t i = 0; i < n; i++) {
		if (xo_extensions_find(extensions, extensions->names[i]) == i)
			continue;
		return xo_conf_fail(loader->error, &node->children[i].where,
		    "extensions: expected each keyword once, found %s",
		    xo_node_show(&node->children[i]).text);
	}
	return true;
}

/* The workers could not read it, and are not to. */
static bool
check_folder(const struct xo_loader *loader)
{
	const struct xo_conf *conf = loader->conf;

	return conf->tenant_certificates.path == NULL ||
	    conf->process.key_process || xo_conf_fail(loader->error,
	    &conf->tenant_certificates.where, "tenant_certificates: expected "
	    "key_process = true beside it, found false");
}

static bool
check_entry(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry)
{
	if (!xo_loader_check_rules(loader, section, entry))
		return false;
	return section != XO_SECTION_LISTENERS || check_listener(loader, entry);
}

bool
xo_loader_check(const struct xo_loader *loader)
{
	size_t section, i;
	struct xo_conf_where where = loader->root->where;
	const struct xo_node *listeners = xo_node_member(loader->root,
	    "listeners");

	for (section = 0; section < XO_SECTION_COUNT; section++) {
		const struct xo_conf_entries *in = &loader->sections[section];

		for (i = 0; i < in->n; i++) {
			if (!check_entry(loader, (enum xo_section)section,
			    &in->entries[i]))
				return false;
		}
	}
	if (!check_extensions(loader) || !check_folder(loader))
		return false;
	if (loader->sections[XO_SECTION_LISTENERS].n != 0)
		return true;
	if (listeners != NULL)
		where = listeners->where;
	return xo_conf_fail(loader->error, &where,
	    "listeners: expected at least one, found none");
}

struct list {
	const struct xo_span *list;
	size_t n;
};

/* What stands in both; in one list, what it has twice. */
static struct xo_span
find_shared(struct list first, struct list second)
{
	for (size_t i = 0; i < second.n; i++) {
		size_t n = first.list == second.list ? i : first.n;

		for (size_t j = 0; j < n; j++)
			if (xo_span_is_equal_nocase(first.list[j],
			    second.list[i]))
				return second.list[i];
	}
	return xo_span(NULL, 0);
}

static struct list
orgs_of(const struct xo_tenant *tenant)
{
	return (struct list){tenant->originator_orgs,
	    tenant->n_originator_orgs};
}

static struct list
names_of(const struct xo_tenant *tenant)
{
	return (struct list){tenant->certificate_names,
	    tenant->n_certificate_names};
}

/* `what` of these two stands twice in all, in the setting `name`. */
static bool
fail_shared(const struct xo_loader *loader, const char *name, const char *what,
    struct xo_span shared, int first, int second)
{
	const struct xo_conf_entry *tenants =
	    loader->sections[XO_SECTION_TENANTS].entries;
	const struct xo_conf_entry *entry = &tenants[second];
	struct xo_conf_where where = xo_conf_entry_where(entry, name);

	return xo_conf_fail(loader->error, &where,
	    "%s: expected each %s once in all tenants, found \"%s\" "
	    "in tenant `%.60s` and in tenant `%.60s`, the first "
	    "of them in %s:%d",
	    xo_conf_full_name(XO_SECTION_TENANTS, entry, name).text, what,
	    xo_conf_show(shared).text, tenants[first].name, entry->name,
	    tenants[first].where.file, tenants[first].where.line);
}

bool
xo_loader_index(const struct xo_loader *loader)
{
	struct xo_policy *policy = &loader->conf->policy;
	const struct xo_tenant *a, *b;
	struct xo_span shared;
	int first, second;
	enum xo_err err = xo_tenants_index(policy, &first, &second);

	if (err == XO_OK)
		return true;
	if (err != XO_ERR_POLICY || first == XO_NOBODY || second == XO_NOBODY)
		return xo_conf_fail_memory(loader->error);
	a = &policy->tenants[first];
	b = &policy->tenants[second];
	shared = find_shared(orgs_of(a), orgs_of(b));
	if (shared.len > 0)
		return fail_shared(loader, "originator_orgs", "organisation",
		    shared, first, second);
	return fail_shared(loader, "certificate_names", "name",
	    find_shared(names_of(a), names_of(b)), first, second);
}
