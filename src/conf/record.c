/* SPDX-License-Identifier: ISC */
/*
 * Records to the arrays of a configuration, and back for the printout. conf.h
 * and policy.h keep two halves of an entry apart, because trust decisions need
 * only the one.
 */
#include <conf/load.h>

static const struct xo_conf_entry *
entry_of(const struct xo_loader *loader, enum xo_section section, size_t i)
{
	return &loader->sections[section].entries[i];
}

static struct xo_span
name_of(const struct xo_conf_entry *entry)
{
	return xo_span_from_cstr(entry->name);
}

static bool
install_tls(const struct xo_loader *loader, size_t n)
{
	struct xo_conf_tls *tls = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*tls));
	size_t i;

	for (i = 0; tls != NULL && i < n; i++) {
		const struct xo_conf_entry *entry = entry_of(loader,
		    XO_SECTION_TLS, i);

		tls[i] = *(const struct xo_conf_tls *)entry->record;
		tls[i].name = entry->name;
		tls[i].where = entry->where;
	}
	loader->conf->tls = tls;
	loader->conf->n_tls = n;
	return tls != NULL;
}

static bool
install_peers(const struct xo_loader *loader, size_t n)
{
	struct xo_peer *policy = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*policy));
	struct xo_conf_peer *conf = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*conf));
	size_t i;

	if (policy == NULL || conf == NULL)
		return false;
	for (i = 0; i < n; i++) {
		const struct xo_conf_entry *entry = entry_of(loader,
		    XO_SECTION_PEERS, i);
		const struct xo_peer_record *record = entry->record;

		policy[i] = record->policy;
		conf[i] = record->conf;
		policy[i].name = name_of(entry);
	}
	loader->conf->policy.peers = policy;
	loader->conf->policy.n_peers = n;
	loader->conf->peers = conf;
	return true;
}

static void
install_tenant(const struct xo_conf_entry *entry, struct xo_tenant *policy,
    struct xo_conf_tenant *conf)
{
	const struct xo_tenant_record *record = entry->record;

	*policy = record->policy;
	*conf = record->conf;
	policy->name = name_of(entry);
	policy->has_client_certificate =
	    conf->client_certificate.path != NULL;
	conf->where = entry->where;
}

static bool
install_tenants(const struct xo_loader *loader, size_t n)
{
	struct xo_tenant *policy = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*policy));
	struct xo_conf_tenant *conf = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*conf));
	size_t i;

	if (policy == NULL || conf == NULL)
		return false;
	for (i = 0; i < n; i++)
		install_tenant(entry_of(loader, XO_SECTION_TENANTS, i),
		    &policy[i], &conf[i]);
	loader->conf->policy.tenants = policy;
	loader->conf->policy.n_tenants = n;
	loader->conf->tenants = conf;
	loader->conf->n_own_tenants = loader->n_own_tenants;
	return true;
}

static bool
install_listeners(const struct xo_loader *loader, size_t n)
{
	struct xo_listener *policy = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*policy));
	struct xo_conf_listener *conf = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*conf));
	size_t i;

	if (policy == NULL || conf == NULL)
		return false;
	for (i = 0; i < n; i++) {
		const struct xo_conf_entry *entry = entry_of(loader,
		    XO_SECTION_LISTENERS, i);
		const struct xo_listener_record *record = entry->record;

		policy[i] = record->policy;
		conf[i] = record->conf;
		policy[i].name = name_of(entry);
		policy[i].on[XO_VERDICT_VERIFIED] = XO_DECISION_ACCEPT;
		policy[i].has_tls = conf[i].tls != XO_NOBODY;
		if (policy[i].has_tls)
			policy[i].crl = loader->conf->tls[conf[i].tls].crl;
		conf[i].where = entry->where;
	}
	loader->conf->policy.listeners = policy;
	loader->conf->policy.n_listeners = n;
	loader->conf->listeners = conf;
	return true;
}

static bool
install_upstreams(const struct xo_loader *loader, size_t n)
{
	struct xo_upstream *policy = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*policy));
	struct xo_conf_upstream *conf = xo_conf_arena_alloc(loader->arena, n,
	    sizeof(*conf));
	size_t i;

	if (policy == NULL || conf == NULL)
		return false;
	for (i = 0; i < n; i++) {
		const struct xo_conf_entry *entry = entry_of(loader,
		    XO_SECTION_UPSTREAMS, i);
		const struct xo_upstream_record *record = entry->record;

		policy[i] = record->policy;
		conf[i] = record->conf;
		policy[i].name = name_of(entry);
		conf[i].where = entry->where;
	}
	loader->conf->policy.upstreams = policy;
	loader->conf->policy.n_upstreams = n;
	loader->conf->upstreams = conf;
	return true;
}

bool
xo_loader_install(const struct xo_loader *loader)
{
	const struct xo_conf_entries *in = loader->sections;

	if (!install_tls(loader, in[XO_SECTION_TLS].n) ||
	    !install_peers(loader, in[XO_SECTION_PEERS].n) ||
	    !install_tenants(loader, in[XO_SECTION_TENANTS].n) ||
	    !install_listeners(loader, in[XO_SECTION_LISTENERS].n) ||
	    !install_upstreams(loader, in[XO_SECTION_UPSTREAMS].n))
		return xo_conf_fail_memory(loader->error);
	return true;
}

size_t
xo_record_count(const struct xo_conf *conf, enum xo_section section)
{
	switch (section) {
	case XO_SECTION_TLS:
		return conf->n_tls;
	case XO_SECTION_PEERS:
		return conf->policy.n_peers;
	case XO_SECTION_TENANTS:
		return conf->n_own_tenants;
	case XO_SECTION_LISTENERS:
		return conf->policy.n_listeners;
	case XO_SECTION_UPSTREAMS:
		return conf->policy.n_upstreams;
	case XO_SECTION_TOP:
	case XO_SECTION_LIMITS:
	case XO_SECTION_COUNT:
		break;
	}
	return 1;
}

struct xo_span
xo_record_name(const struct xo_conf *conf, enum xo_section section, size_t i)
{
	switch (section) {
	case XO_SECTION_TLS:
		return xo_span_from_cstr(conf->tls[i].name);
	case XO_SECTION_PEERS:
		return conf->policy.peers[i].name;
	case XO_SECTION_TENANTS:
		return conf->policy.tenants[i].name;
	case XO_SECTION_LISTENERS:
		return conf->policy.listeners[i].name;
	case XO_SECTION_UPSTREAMS:
		return conf->policy.upstreams[i].name;
	case XO_SECTION_TOP:
	case XO_SECTION_LIMITS:
	case XO_SECTION_COUNT:
		break;
	}
	return xo_span(NULL, 0);
}

const void *
xo_record_get(const struct xo_conf *conf, enum xo_section section, size_t i,
    union xo_record *space)
{
	switch (section) {
	case XO_SECTION_TLS:
		return &conf->tls[i];
	case XO_SECTION_PEERS:
		space->peer.policy = conf->policy.peers[i];
		space->peer.conf = conf->peers[i];
		return space;
	case XO_SECTION_TENANTS:
		space->tenant.policy = conf->policy.tenants[i];
		space->tenant.conf = conf->tenants[i];
		return space;
	case XO_SECTION_LISTENERS:
		space->listener.policy = conf->policy.listeners[i];
		space->listener.conf = conf->listeners[i];
		return space;
	case XO_SECTION_UPSTREAMS:
		space->upstream.policy = conf->policy.upstreams[i];
		space->upstream.conf = conf->upstreams[i];
		return space;
	case XO_SECTION_TOP:
	case XO_SECTION_LIMITS:
	case XO_SECTION_COUNT:
		break;
	}
	return conf;
}
