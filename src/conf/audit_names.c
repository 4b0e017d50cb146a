/* SPDX-License-Identifier: ISC */
/*
 * Names and networks that are wider than meant, and groups that do nothing.
 */
#include <conf/audit.h>
#include <conf/address.h>
#include <conf/place.h>
#include <conf/routes.h>

#include <xoorg/tenants.h>

#define IPV4_BITS 96

/* Some listener that others than this machine reach names this peer. */
static bool
is_named_outside(const struct xo_audit *a, size_t peer)
{
	for (size_t i = 0; i < a->policy->n_listeners; i++) {
		const struct xo_listener *l = &a->policy->listeners[i];
		const struct xo_conf_listener *conf = &a->conf->listeners[i];
		bool is_outside = false;
		bool is_named = false;

		for (size_t k = 0; k < l->n_peers; k++)
			is_named |= l->peers[k] == (int)peer;
		for (size_t k = 0; k < conf->n_listen; k++)
			is_outside |= xo_host_is_any(&conf->listen[k]) ||
			    !xo_host_is_loopback(&conf->listen[k]);
		if (is_named && is_outside)
			return true;
	}
	return false;
}

static bool
is_everybody(const struct xo_network *network)
{
	return network->bits == 0 || (network->bits == IPV4_BITS &&
	    xo_address_is_ipv4(&network->address));
}

/* More than an organisation has: beyond /16, of IPv6 /32. */
static bool
is_wide(const struct xo_network *network)
{
	bool is_ipv4 = network->bits >= IPV4_BITS &&
	    xo_address_is_ipv4(&network->address);

	return network->bits < (is_ipv4 ? IPV4_BITS + 16 : 32) &&
	    !xo_network_is_private(network);
}

static void
tell_network(struct xo_audit *a, const struct xo_network *network)
{
	struct xo_buf text = {0};

	xo_conf_network_write(&text, network);
	xo_buf_add_byte(&text, '\0');
	if (text.err == XO_OK)
		xo_audit_tell(a, NULL, "%s", (const char *)text.p);
	xo_buf_fini(&text);
}

static bool
is_open_relay(const struct xo_audit *a, size_t peer,
    const struct xo_network *network)
{
	return (a->policy->peers[peer].rights & XO_RIGHT_RELAY) != 0 &&
	    is_everybody(network) && is_named_outside(a, peer);
}

static void
look_for_open_relay(struct xo_audit *a, size_t i)
{
	const struct xo_peer *peer = &a->policy->peers[i];

	for (size_t k = 0; k < peer->n_networks; k++)
		if (is_open_relay(a, i, &peer->networks[k]))
			tell_network(a, &peer->networks[k]);
}

static void
look_for_wide_networks(struct xo_audit *a, size_t i)
{
	const struct xo_peer *peer = &a->policy->peers[i];
	uint32_t by_address = peer->rights & ~(uint32_t)XO_RIGHT_XOORG;

	for (size_t k = 0; by_address != 0 && k < peer->n_networks; k++)
		if (is_wide(&peer->networks[k]))
			tell_network(a, &peer->networks[k]);
}

/* The first of them that many share. */
static void
look_for_shared(struct xo_audit *a, const struct xo_span *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!xo_domain_is_shared(list[i]))
			continue;
		xo_audit_tell(a, NULL, "\"%s\"", xo_conf_show(list[i]).text);
		return;
	}
}

static void
look_at_names(struct xo_audit *a, size_t i)
{
	const struct xo_peer *peer = &a->policy->peers[i];

	if (peer->rights != 0)
		look_for_shared(a, peer->names, peer->n_names);
}

/* Only the first of them says that nobody asks for any. */
static void
look_for_unused_names(struct xo_audit *a, size_t i)
{
	const struct xo_policy *policy = a->policy;

	if (policy->tenants[i].n_certificate_names == 0)
		return;
	for (size_t k = 0; k < i; k++)
		if (policy->tenants[k].n_certificate_names > 0)
			return;
	for (size_t k = 0; k < policy->n_peers; k++)
		if (policy->peers[k].has_tenant_names)
			return;
	xo_audit_tell(a, NULL, "no peer has tenant_names");
}

static void
look_at_certificate_names(struct xo_audit *a, size_t i)
{
	look_for_shared(a, a->policy->tenants[i].certificate_names,
	    a->policy->tenants[i].n_certificate_names);
}

/* One session would be both. */
static void
look_for_tenants_names(struct xo_audit *a, size_t i)
{
	const struct xo_peer *peer = &a->policy->peers[i];

	for (size_t k = 0; (peer->rights & XO_RIGHT_XOORG) != 0 &&
	    k < peer->n_names; k++) {
		int tenant = xo_tenants_by_certificate_name(a->policy,
		    peer->names[k]);

		if (tenant == XO_NOBODY)
			continue;
		xo_audit_tell(a, NULL, "\"%s\", a name of tenant `%.60s`",
		    xo_conf_show(peer->names[k]).text,
		    xo_audit_name(a, XO_SECTION_TENANTS, tenant));
		return;
	}
}

static void
look_at_orgs(struct xo_audit *a, size_t i)
{
	look_for_shared(a, a->policy->tenants[i].originator_orgs,
	    a->policy->tenants[i].n_originator_orgs);
}

static void
look_at_senders(struct xo_audit *a, size_t i)
{
	look_for_shared(a, a->policy->tenants[i].sender_domains,
	    a->policy->tenants[i].n_sender_domains);
}

static void
look_at_recipients(struct xo_audit *a, size_t i)
{
	look_for_shared(a, a->policy->tenants[i].recipient_domains,
	    a->policy->tenants[i].n_recipient_domains);
}

static void
look_at_hostname(struct xo_audit *a, size_t i)
{
	struct xo_address address;

	(void)i;
	if (xo_address_read(a->policy->hostname, &address) == XO_OK)
		xo_audit_tell(a, NULL, "the address %s",
		    xo_conf_show(a->policy->hostname).text);
}

static void
look_at_local_hostname(struct xo_audit *a, size_t i)
{
	struct xo_span name = a->policy->hostname;
	size_t dot = xo_span_find(name, '.');

	(void)i;
	if (dot == name.len || xo_span_is_equal_nocase(xo_span_from(name, dot),
	    XO_LIT(".localdomain")) || xo_span_is_equal_nocase(
	    xo_span_from(name, dot), XO_LIT(".localhost")))
		xo_audit_tell(a, NULL, "\"%s\" is no full name",
		    xo_conf_show(name).text);
}

static bool
some_listener_has(const struct xo_audit *a, enum xo_right right)
{
	for (size_t i = 0; i < a->policy->n_listeners; i++)
		if (xo_listener_has_right(a->policy, &a->policy->listeners[i],
		    right))
			return true;
	return false;
}

static void
look_for_tenants(struct xo_audit *a, size_t i)
{
	if (a->policy->n_tenants == 0 && !a->has_guests &&
	    xo_listener_has_right(a->policy, &a->policy->listeners[i],
	    XO_RIGHT_XOORG))
		xo_audit_tell(a, NULL, "a peer has the right xoorg, and there "
		    "are no tenants");
}

static void
look_at_xoorg(struct xo_audit *a, size_t i)
{
	const struct xo_upstream *u = &a->policy->upstreams[i];

	if (a->has_guests)
		return;
	if (u->xoorg_source == XO_XOORG_DOMAIN && a->policy->n_tenants > 0 &&
	    xo_tenants_by_org(a->policy, u->xoorg) == XO_NOBODY)
		xo_audit_tell(a, NULL, "\"%s\" is no tenant's",
		    xo_conf_show(u->xoorg).text);
	if ((u->xoorg_source == XO_XOORG_TENANT ||
	    u->xoorg_source == XO_XOORG_MESSAGE) && a->policy->n_tenants == 0)
		xo_audit_tell(a, NULL, "there are no tenants whose value could "
		    "be sent");
}

static void
look_at_relaying(struct xo_audit *a, size_t i)
{
	const struct xo_tenant *tenant = &a->policy->tenants[i];

	if (tenant->relay && tenant->n_sender_domains == 0 &&
	    some_listener_has(a, XO_RIGHT_XOORG))
		xo_audit_tell(a, NULL, "true without sender_domains");
}

static void
look_for_unnamed_peer(struct xo_audit *a, size_t i)
{
	for (size_t k = 0; k < a->policy->n_listeners; k++) {
		const struct xo_listener *l = &a->policy->listeners[k];

		for (size_t n = 0; n < l->n_peers; n++)
			if (l->peers[n] == (int)i)
				return;
	}
	xo_audit_tell(a, NULL, "no listener names it");
}

static void
look_at_rights(struct xo_audit *a, size_t i)
{
	if (a->policy->peers[i].rights == 0)
		xo_audit_tell(a, NULL, "it has none");
}

/* Postfix looks the tenants up. */
static bool
some_listener_is_map(const struct xo_audit *a)
{
	for (size_t i = 0; i < a->policy->n_listeners; i++)
		if (a->policy->listeners[i].service == XO_SERVICE_SOCKETMAP)
			return true;
	return false;
}

/* Of all tenants at once: the first tells it. */
static void
look_for_users(struct xo_audit *a, size_t i)
{
	if (i == 0 && !some_listener_is_map(a) && !some_listener_has(a, XO_RIGHT_XOORG) &&
	    !some_listener_has(a, XO_RIGHT_RELAY))
		xo_audit_tell(a, NULL, "no listener has a peer with the right "
		    "xoorg or relay");
}

static void
look_for_unused_upstream(struct xo_audit *a, size_t i)
{
	if (!a->is_used[i])
		xo_audit_tell(a, NULL, "no listener and no tenant sends mail "
		    "there");
}

static void
look_for_unused_tls(struct xo_audit *a, size_t i)
{
	for (size_t k = 0; k < a->policy->n_listeners; k++)
		if (a->conf->listeners[k].tls == (int)i)
			return;
	xo_audit_tell(a, NULL, "no listener names it");
}

const struct xo_look xo_looks_at_names[] = {
	{XO_SECTION_TOP, "hostname", XO_RULE_HOSTNAME_ADDRESS,
	    look_at_hostname},
	{XO_SECTION_TOP, "hostname", XO_RULE_HOSTNAME_LOCAL,
	    look_at_local_hostname},
	{XO_SECTION_PEERS, "networks", XO_RULE_OPEN_RELAY,
	    look_for_open_relay},
	{XO_SECTION_PEERS, "networks", XO_RULE_WIDE_NETWORK,
	    look_for_wide_networks},
	{XO_SECTION_PEERS, "names", XO_RULE_WIDE_NAME, look_at_names},
	{XO_SECTION_TENANTS, "certificate_names", XO_RULE_WIDE_NAME,
	    look_at_certificate_names},
	{XO_SECTION_PEERS, "names", XO_RULE_NAME_OF_TWO,
	    look_for_tenants_names},
	{XO_SECTION_TENANTS, "certificate_names", XO_RULE_NAMES_UNUSED,
	    look_for_unused_names},
	{XO_SECTION_TENANTS, "originator_orgs", XO_RULE_WIDE_ORG,
	    look_at_orgs},
	{XO_SECTION_TENANTS, "sender_domains", XO_RULE_WIDE_DOMAIN,
	    look_at_senders},
	{XO_SECTION_TENANTS, "recipient_domains", XO_RULE_WIDE_DOMAIN,
	    look_at_recipients},
	{XO_SECTION_LISTENERS, "peers", XO_RULE_NO_TENANTS, look_for_tenants},
	{XO_SECTION_UPSTREAMS, "xoorg", XO_RULE_XOORG_OF_NOBODY,
	    look_at_xoorg},
	{XO_SECTION_TENANTS, "relay", XO_RULE_RELAY_ANY_SENDER,
	    look_at_relaying},
	{XO_SECTION_PEERS, "", XO_RULE_PEER_UNUSED, look_for_unnamed_peer},
	{XO_SECTION_PEERS, "rights", XO_RULE_PEER_WITHOUT_RIGHTS,
	    look_at_rights},
	{XO_SECTION_TENANTS, "", XO_RULE_TENANT_UNUSED, look_for_users},
	{XO_SECTION_UPSTREAMS, "", XO_RULE_UPSTREAM_UNUSED,
	    look_for_unused_upstream},
	{XO_SECTION_TLS, "", XO_RULE_TLS_UNUSED, look_for_unused_tls},
	{.look = NULL},
};
