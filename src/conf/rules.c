/* SPDX-License-Identifier: ISC */
/*
 * Rules over several settings, as a table: what is broken, which setting to
 * point at, what was expected. They look at values and not at what was
 * written, so that a printed configuration obeys them too.
 */
#include <conf/load.h>

struct rule {
	enum xo_section section;
	bool (*is_broken)(const void *record);
	const char *setting;		/* its place, else the group's */
	const char *text;
};

static bool
lacks_crl_file(const void *record)
{
	const struct xo_conf_tls *tls = record;

	return tls->crl != XO_CRL_OFF && tls->crl_file.path == NULL;
}

static bool
lacks_crl(const void *record)
{
	const struct xo_conf_tls *tls = record;

	return tls->crl == XO_CRL_OFF && tls->crl_file.path != NULL;
}

static bool
lacks_identity(const void *record)
{
	const struct xo_peer *peer = record;

	return peer->n_names == 0 && peer->n_networks == 0;
}

static bool
lacks_names(const void *record)
{
	const struct xo_peer *peer = record;

	return (peer->rights & XO_RIGHT_XOORG) != 0 && peer->n_names == 0;
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

	return listener->policy.upstream == XO_NOBODY &&
	    listener->policy.demote_to == XO_NOBODY;
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
shows_certificate_unverified(const void *record)
{
	const struct xo_upstream_record *upstream = record;

	return upstream->policy.tls != XO_TLS_VERIFY &&
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

#define TO_VERIFIED "expected tls = \"verify\" beside it (only a verified " \
	"server may see it), found another"

static const struct rule rules[] = {
	{XO_SECTION_TLS, lacks_crl_file, "crl",
	    "expected crl_file beside it, found none"},
	{XO_SECTION_TLS, lacks_crl, "crl_file",
	    "expected crl = \"soft\" or \"hard\" beside it, found \"off\""},
	{XO_SECTION_PEERS, lacks_identity, "",
	    "expected names or networks, found neither"},
	{XO_SECTION_PEERS, lacks_names, "rights",
	    "expected names beside the right xoorg (an address never gives "
	    "it), found none"},
	{XO_SECTION_TENANTS, begins_with_wildcard, "originator_orgs",
	    "expected a domain as the first, found a wildcard"},
	{XO_SECTION_TENANTS, tenant_lacks_key, "client_certificate",
	    "expected client_key beside it, found none"},
	{XO_SECTION_TENANTS, tenant_lacks_certificate, "client_key",
	    "expected client_certificate beside it, found none"},
	{XO_SECTION_LISTENERS, lacks_way_on, "",
	    "expected upstream or demote_to, found neither"},
	{XO_SECTION_LISTENERS, requires_no_tls, "require_tls",
	    "expected tls beside it, found none"},
	{XO_SECTION_UPSTREAMS, lacks_hosts, "",
	    "expected hosts or mx, found neither"},
	{XO_SECTION_UPSTREAMS, has_hosts_and_mx, "mx",
	    "expected hosts or mx, found both"},
	{XO_SECTION_UPSTREAMS, shows_certificate_unverified,
	    "client_certificate", TO_VERIFIED},
	{XO_SECTION_UPSTREAMS, says_xoorg_unverified, "xoorg", TO_VERIFIED},
	{XO_SECTION_UPSTREAMS, requires_xoorg_unverified, "require_xoorg",
	    TO_VERIFIED},
	{XO_SECTION_UPSTREAMS, trusts_unverified, "trust",
	    "expected tls = \"verify\" beside it, found another"},
	{XO_SECTION_UPSTREAMS, has_name_without_tls, "tls_name",
	    "expected tls = \"verify\" or \"encrypt\" beside it, found "
	    "\"none\""},
	{XO_SECTION_UPSTREAMS, has_ciphers_without_tls, "ciphers",
	    "expected tls = \"verify\" or \"encrypt\" beside it, found "
	    "\"none\""},
	{XO_SECTION_UPSTREAMS, has_groups_without_tls, "groups",
	    "expected tls = \"verify\" or \"encrypt\" beside it, found "
	    "\"none\""},
	{XO_SECTION_UPSTREAMS, upstream_lacks_key, "client_certificate",
	    "expected client_key beside it, found none"},
	{XO_SECTION_UPSTREAMS, upstream_lacks_certificate, "client_key",
	    "expected a file as client_certificate beside it, found none"},
};

bool
xo_loader_check_rules(const struct xo_loader *loader, enum xo_section section,
    const struct xo_conf_entry *entry)
{
	struct xo_conf_where where;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].section != section ||
		    !rules[i].is_broken(entry->record))
			continue;
		where = xo_conf_entry_where(entry, rules[i].setting);
		return xo_conf_fail(loader->error, &where, "%s: %s",
		    xo_conf_full_name(section, entry, rules[i].setting).text,
		    rules[i].text);
	}
	return true;
}
