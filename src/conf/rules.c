/* SPDX-License-Identifier: ISC */
/*
 * Rules over several settings, as a table: what is broken, which setting to
 * point at, what was expected. They look at values and not at what was
 * written, so that a printed configuration obeys them too.
 */
#include <conf/load.h>
#include <conf/table_place.h>

struct rule {
	enum xo_section section;
	bool (*is_broken)(const void *record);
	const char *setting;		/* its place, else the group's */
	const char *expected;
	const char *found;		/* NULL: the upstream's `tls` */
};

static bool
lacks_crl_file(const void *record)
{
	const struct xo_conf_tls *tls = record;

	return tls->crl != XO_CRL_OFF && tls->crl_file.path == NULL;
}

static bool
lacks_identity(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.n_names == 0 && peer->policy.n_networks == 0 &&
	    !peer->policy.has_tenant_names;
}

static bool
peer_lacks_crl_file(const void *record)
{
	const struct xo_peer_record *peer = record;

	return (peer->policy.crl == XO_CRL_SOFT ||
	    peer->policy.crl == XO_CRL_HARD) &&
	    peer->conf.crl_file.path == NULL;
}

/* Else it would wait in vain for a tls that asks for lists. */
static bool
peer_lacks_crl(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.crl == XO_CRL_INHERIT &&
	    peer->conf.crl_file.path != NULL;
}

static bool
lacks_names(const void *record)
{
	const struct xo_peer_record *peer = record;

	return (peer->policy.rights & XO_RIGHT_XOORG) != 0 &&
	    peer->policy.n_names == 0;
}

/* By the address alone it would be one of our own systems, whatever its
 * certificate: the addresses of a cloud are all its tenants'. */
static bool
relays_beside_xoorg(const void *record)
{
	const struct xo_peer_record *peer = record;
	uint32_t both = XO_RIGHT_XOORG | XO_RIGHT_RELAY;

	return (peer->policy.rights & both) == both &&
	    peer->policy.n_networks > 0;
}

static bool
lacks_relay(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.has_tenant &&
	    (peer->policy.rights & XO_RIGHT_RELAY) == 0;
}

/* An own identity beside it would have its right as nobody's system. */
static bool
has_identity_and_tenant_names(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.has_tenant_names && (peer->policy.n_names > 0 ||
	    peer->policy.n_networks > 0 || peer->policy.has_tenant);
}

/* Tenants speak for themselves, and for no client behind them. */
static bool
has_more_than_relay(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.has_tenant_names &&
	    peer->policy.rights != XO_RIGHT_RELAY;
}

/* One that covers another's name would make its system this tenant's. */
static bool
has_wildcard_name(const void *record)
{
	const struct xo_tenant_record *tenant = record;

	for (size_t i = 0; i < tenant->policy.n_certificate_names; i++)
		if (tenant->policy.certificate_names[i].p[0] == '*')
			return true;
	return false;
}

/* There XOORG says whose mail it is. */
static bool
has_xoorg_and_tenant(const void *record)
{
	const struct xo_peer_record *peer = record;

	return peer->policy.has_tenant &&
	    (peer->policy.rights & XO_RIGHT_XOORG) != 0;
}

/* The first one is the value that goes out for `xoorg = "tenant"`. */
static bool
begins_with_wildcard(const void *record)
{
	const struct xo_tenant_record *tenant = record;

	return tenant->policy.originator_orgs[0].p[0] == '*';
}

static bool
tenant_lacks_key(const void *record)
{
	const struct xo_tenant_record *tenant = record;

	return tenant->conf.client_certificate.path != NULL &&
	    tenant->conf.client_key.path == NULL;
}

static bool
tenant_lacks_certificate(const void *record)
{
	const struct xo_tenant_record *tenant = record;

	return tenant->conf.client_certificate.path == NULL &&
	    tenant->conf.client_key.path != NULL;
}

static bool
lacks_way_on(const void *record)
{
	const struct xo_listener_record *listener = record;

	return !xo_listener_is_asked(&listener->policy) &&
	    !listener->policy.has_upstream &&
	    !listener->policy.has_demote_to;
}

static bool
requires_no_tls(const void *record)
{
	const struct xo_listener_record *listener = record;

	return listener->policy.require_tls && listener->conf.tls == XO_NOBODY;
}

static bool
lacks_hosts(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->conf.n_hosts == 0 && upstream->conf.mx == NULL;
}

static bool
has_hosts_and_mx(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->conf.n_hosts != 0 && upstream->conf.mx != NULL;
}

static bool
shows_certificate_without_tls(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls == XO_TLS_NONE &&
	    (upstream->conf.client_certificate.path != NULL ||
	    upstream->policy.has_tenant_certificate);
}

static bool
says_xoorg_unverified(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls != XO_TLS_VERIFY &&
	    upstream->policy.xoorg_source != XO_XOORG_NONE;
}

static bool
requires_xoorg_unverified(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls != XO_TLS_VERIFY &&
	    upstream->policy.require_xoorg;
}

static bool
upstream_lacks_crl_file(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->conf.crl != XO_CRL_OFF &&
	    upstream->conf.crl_file.path == NULL;
}

static bool
asks_lists_unverified(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls != XO_TLS_VERIFY &&
	    upstream->conf.crl != XO_CRL_OFF;
}

static bool
trusts_unverified(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls != XO_TLS_VERIFY &&
	    strcmp(upstream->conf.trust, "system") != 0;
}

static bool
has_name_without_tls(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls == XO_TLS_NONE &&
	    upstream->conf.tls_name != NULL;
}

/* It would look as if the way to the server were safe. */
static bool
has_redis_name_without_tls(const void *record)
{
	const struct xo_conf *conf = record;

	return conf->lookup.redis.tls_name != NULL &&
	    !xo_tables_have_tls(conf);
}

static bool
trusts_redis_without_tls(const void *record)
{
	const struct xo_conf *conf = record;

	return strcmp(conf->lookup.redis.trust, "system") != 0 &&
	    !xo_tables_have_tls(conf);
}

static bool
shows_redis_certificate_without_tls(const void *record)
{
	const struct xo_conf *conf = record;

	return conf->lookup.redis.client_certificate.path != NULL &&
	    !xo_tables_have_tls(conf);
}

static bool
redis_lacks_key(const void *record)
{
	const struct xo_conf *conf = record;

	return conf->lookup.redis.client_certificate.path != NULL &&
	    conf->lookup.redis.client_key.path == NULL;
}

static bool
redis_lacks_certificate(const void *record)
{
	const struct xo_conf *conf = record;

	return conf->lookup.redis.client_certificate.path == NULL &&
	    conf->lookup.redis.client_key.path != NULL;
}

static bool
has_ciphers_without_tls(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls == XO_TLS_NONE &&
	    upstream->conf.ciphers != NULL;
}

static bool
has_groups_without_tls(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls == XO_TLS_NONE &&
	    upstream->conf.groups != NULL;
}

static bool
upstream_lacks_key(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->conf.client_certificate.path != NULL &&
	    upstream->conf.client_key.path == NULL;
}

static bool
upstream_lacks_certificate(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->conf.client_certificate.path == NULL &&
	    upstream->conf.client_key.path != NULL;
}

#define VERIFY "tls = \"verify\" beside it"
#define TO_VERIFIED VERIFY " (for the eyes of a verified server only)"
#define ENCRYPT "tls = \"verify\" or \"encrypt\" beside it"

static const struct rule rules[] = {
	{XO_SECTION_TLS, lacks_crl_file, "crl", "crl_file beside it", "none"},
	{XO_SECTION_PEERS, has_identity_and_tenant_names, "tenant_names",
	    "neither names, networks nor tenant beside it", "one of them"},
	{XO_SECTION_PEERS, has_more_than_relay, "tenant_names",
	    "the right relay beside it, and no other", "another, or none"},
	{XO_SECTION_PEERS, lacks_identity, "", "names or networks", "neither"},
	{XO_SECTION_PEERS, lacks_names, "rights",
	    "names beside the right xoorg (an address never gives it)",
	    "none"},
	{XO_SECTION_PEERS, peer_lacks_crl_file, "crl", "crl_file beside it",
	    "none"},
	{XO_SECTION_PEERS, peer_lacks_crl, "crl_file", "crl beside it",
	    "none"},
	{XO_SECTION_PEERS, relays_beside_xoorg, "networks",
	    "no rights xoorg and relay beside it (an address alone would relay; "
	    "write another peer)", "both"},
	{XO_SECTION_PEERS, lacks_relay, "tenant", "the right relay beside it",
	    "none"},
	{XO_SECTION_PEERS, has_xoorg_and_tenant, "tenant",
	    "no right xoorg beside it (there XOORG names the tenant)", "both"},
	{XO_SECTION_TENANTS, begins_with_wildcard, "originator_orgs",
	    "a domain as the first", "a wildcard"},
	{XO_SECTION_TENANTS, has_wildcard_name, "certificate_names",
	    "names without a wildcard", "one"},
	{XO_SECTION_TENANTS, tenant_lacks_key, "client_certificate",
	    "client_key beside it", "none"},
	{XO_SECTION_TENANTS, tenant_lacks_certificate, "client_key",
	    "client_certificate beside it", "none"},
	{XO_SECTION_LISTENERS, lacks_way_on, "", "upstream or demote_to",
	    "neither"},
	{XO_SECTION_TOP, has_redis_name_without_tls, "redis_tls_name",
	    "a rediss: table in tenant_tables", "none"},
	{XO_SECTION_TOP, trusts_redis_without_tls, "redis_trust",
	    "a rediss: table in tenant_tables", "none"},
	{XO_SECTION_TOP, shows_redis_certificate_without_tls,
	    "redis_client_certificate", "a rediss: table in tenant_tables",
	    "none"},
	{XO_SECTION_TOP, redis_lacks_key, "redis_client_certificate",
	    "redis_client_key beside it", "none"},
	{XO_SECTION_TOP, redis_lacks_certificate, "redis_client_key",
	    "a file as redis_client_certificate beside it", "none"},
	{XO_SECTION_LISTENERS, requires_no_tls, "require_tls",
	    "tls beside it", "none"},
	{XO_SECTION_UPSTREAMS, lacks_hosts, "", "hosts or mx", "neither"},
	{XO_SECTION_UPSTREAMS, has_hosts_and_mx, "mx", "hosts or mx", "both"},
	{XO_SECTION_UPSTREAMS, shows_certificate_without_tls,
	    "client_certificate", ENCRYPT, NULL},
	{XO_SECTION_UPSTREAMS, says_xoorg_unverified, "xoorg", TO_VERIFIED,
	    NULL},
	{XO_SECTION_UPSTREAMS, requires_xoorg_unverified, "require_xoorg",
	    TO_VERIFIED, NULL},
	{XO_SECTION_UPSTREAMS, trusts_unverified, "trust", VERIFY, NULL},
	{XO_SECTION_UPSTREAMS, upstream_lacks_crl_file, "crl",
	    "crl_file beside it", "none"},
	{XO_SECTION_UPSTREAMS, asks_lists_unverified, "crl", VERIFY, NULL},
	{XO_SECTION_UPSTREAMS, has_name_without_tls, "tls_name", ENCRYPT,
	    NULL},
	{XO_SECTION_UPSTREAMS, has_ciphers_without_tls, "ciphers", ENCRYPT,
	    NULL},
	{XO_SECTION_UPSTREAMS, has_groups_without_tls, "groups", ENCRYPT,
	    NULL},
	{XO_SECTION_UPSTREAMS, upstream_lacks_key, "client_certificate",
	    "client_key beside it", "none"},
	{XO_SECTION_UPSTREAMS, upstream_lacks_certificate, "client_key",
	    "a file as client_certificate beside it", "none"},
};

static const char *
found(const struct rule *rule, const struct xo_conf_entry *entry)
{
	const struct xo_upstream_record *upstream = entry->record;

	if (rule->found != NULL)
		return rule->found;
	return xo_setting_find(XO_SECTION_UPSTREAMS, XO_LIT("tls"))->
	    words[upstream->policy.tls];
}

bool
xo_loader_check_rules(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry)
{
	struct xo_conf_where where;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];

		if (rule->section != section ||
		    !rule->is_broken(entry->record))
			continue;
		where = xo_conf_entry_where(entry, rule->setting);
		return xo_conf_fail(loader->error, &where,
		    "%s: expected %s, found %s", xo_conf_full_name(section,
		    entry, rule->setting).text, rule->expected,
		    found(rule, entry));
	}
	return true;
}
