/* SPDX-License-Identifier: ISC */
/*
 * Where mail goes: that all that is accepted has a next hop, that mail of
 * strangers does not arrive where trusted mail does, and what the next hop
 * makes of it.
 */
#include <conf/audit.h>
#include <conf/place.h>
#include <conf/routes.h>

/* A route that was searched for, and how many there are. */
struct found {
	struct xo_audit *audit;
	const struct xo_listener *listener;
	struct xo_route route;		/* the first */
	size_t n;
};

static struct found
search(struct xo_audit *a, size_t i, xo_route_fn *matches)
{
	struct found found = {.audit = a,
		.listener = &a->policy->listeners[i]};

	xo_routes_visit(a->policy, found.listener, matches, &found);
	return found;
}

static void
note(struct found *found, const struct xo_route *route)
{
	if (found->n++ == 0)
		found->route = *route;
}

/* Of our own mail what belongs to no tenant may be refused for that: 550. */
static void
note_hole(void *arg, const struct xo_route *route)
{
	const struct found *found = arg;

	if (route->is_ours && route->tenant == XO_NOBODY &&
	    found->audit->policy->n_tenants > 0)
		return;
	if (route->decision == XO_DECISION_ACCEPT &&
	    route->upstream == XO_NOBODY)
		note(arg, route);
}

static bool
lacks_upstream_of_guests(const struct xo_audit *a, size_t i)
{
	const struct xo_listener *l = &a->policy->listeners[i];

	return !l->has_upstream && !xo_listener_is_asked(l) &&
	    xo_listener_takes_tenants(a->policy, l);
}

/* Of one listener by each of its kinds of mail; the first is enough. */
static void
look_for_holes(struct xo_audit *a, size_t i)
{
	struct found hole = search(a, i, note_hole);
	const struct xo_route *r = &hole.route;

	if (hole.n == 0 && a->has_guests &&
	    lacks_upstream_of_guests(a, i))
		xo_audit_tell(a, NULL, "none here for the tenants of "
		    "tenant_tables");
	if (hole.n == 0)
		return;
	if (r->tenant != XO_NOBODY)
		xo_audit_tell(a, NULL, "none here and none of tenant `%.60s`",
		    xo_audit_name(a, XO_SECTION_TENANTS, r->tenant));
	/* analyser: where one was found its route is set */
	else if (r->is_ours)
		xo_audit_tell(a, NULL, "none for mail of peers with the right "
		    "relay");
	else
		xo_audit_tell_of(a, xo_verdict_name(r->verdict),
		    "\"accept\" and no upstream");
}

static void
note_demoted(void *arg, const struct xo_route *route)
{
	if (route->decision == XO_DECISION_DEMOTE)
		note(arg, route);
}

static bool
demotes(struct xo_audit *a, size_t i)
{
	return a->policy->listeners[i].has_demote_to &&
	    search(a, i, note_demoted).n > 0;
}

static bool
shows_certificate(const struct xo_audit *a, size_t upstream)
{
	return a->conf->upstreams[upstream].client_certificate.path != NULL ||
	    a->policy->upstreams[upstream].has_tenant_certificate;
}

/* One server, which knows trusted mail by our certificate and not by where it
 * comes in, as Exchange does. */
static bool
are_told_apart(const struct xo_audit *a, size_t trusted, size_t other)
{
	return shows_certificate(a, trusted) && !shows_certificate(a, other);
}

/* The first upstream of trusted mail that is so near, or XO_NOBODY. */
static int
find_trusted(const struct xo_audit *a, int upstream, enum xo_meeting meeting)
{
	for (size_t u = 0; u < a->policy->n_upstreams; u++) {
		enum xo_meeting is = (int)u == upstream ? XO_MEETING_YES :
		    xo_upstreams_meet(&a->conf->upstreams[upstream],
		    &a->conf->upstreams[u]);

		if (a->is_trusted[u] && is == meeting &&
		    !are_told_apart(a, u, (size_t)upstream))
			return (int)u;
	}
	return XO_NOBODY;
}

static void
tell_meeting(struct xo_audit *a, size_t i, enum xo_meeting meeting)
{
	int to = a->policy->listeners[i].demote_to;
	int other;

	if (!demotes(a, i))
		return;
	other = find_trusted(a, to, meeting);
	if (other == XO_NOBODY)
		return;
	if (other == to)
		xo_audit_tell(a, NULL, "`%.60s`, which takes trusted mail, too",
		    xo_audit_name(a, XO_SECTION_UPSTREAMS, to));
	else
		xo_audit_tell(a, NULL, "`%.60s`, which %s the place of "
		    "`%.60s`, which takes trusted mail",
		    xo_audit_name(a, XO_SECTION_UPSTREAMS, to),
		    meeting == XO_MEETING_YES ? "is at" : "may be at",
		    xo_audit_name(a, XO_SECTION_UPSTREAMS, other));
}

static void
look_for_demoted(struct xo_audit *a, size_t i)
{
	tell_meeting(a, i, XO_MEETING_YES);
}

static void
look_for_perhaps_demoted(struct xo_audit *a, size_t i)
{
	tell_meeting(a, i, XO_MEETING_PERHAPS);
}

static void
look_at_shown_certificate(struct xo_audit *a, size_t i)
{
	int to = a->policy->listeners[i].demote_to;

	if (demotes(a, i) &&
	    a->conf->upstreams[to].client_certificate.path != NULL)
		xo_audit_tell(a, NULL, "`%.60s`, which is shown our client "
		    "certificate", xo_audit_name(a, XO_SECTION_UPSTREAMS, to));
}

static void
note_unverified(void *arg, const struct xo_route *route)
{
	const struct found *found = arg;

	if (found->n == 0 && route->decision == XO_DECISION_ACCEPT &&
	    !xo_route_is_trusted(route) && route->upstream != XO_NOBODY &&
	    find_trusted(found->audit, route->upstream, XO_MEETING_YES) !=
	    XO_NOBODY)
		note(arg, route);
}

static void
look_for_unverified(struct xo_audit *a, size_t i)
{
	struct found accepted = search(a, i, note_unverified);

	if (accepted.n > 0)
		xo_audit_tell_of(a, xo_verdict_name(accepted.route.verdict),
		    "\"accept\" sends it to `%.60s`, a place of trusted mail",
		    xo_audit_name(a, XO_SECTION_UPSTREAMS,
		    accepted.route.upstream));
}

/* From outside of this machine, or through a proxy on it. */
static bool
is_reached(const struct xo_audit *a, size_t i)
{
	const struct xo_conf_listener *listener = &a->conf->listeners[i];
	const struct xo_listener *policy = &a->policy->listeners[i];

	for (size_t k = 0; k < listener->n_listen; k++)
		if (!xo_host_is_loopback(&listener->listen[k]) ||
		    xo_host_is_any(&listener->listen[k]))
			return true;
	return xo_listener_has_right(a->policy, policy, XO_RIGHT_PROXY) ||
	    xo_listener_has_right(a->policy, policy, XO_RIGHT_XCLIENT);
}

/* Loopback, an address of an interface, or one that we listen on ourselves,
 * which may come and go. */
static bool
is_here(const struct xo_audit *a, const struct xo_conf_host *host)
{
	struct xo_conf_host at = *host;

	if (xo_host_is_loopback(host) || xo_host_is_any(host) ||
	    xo_host_is_own(host))
		return true;
	for (size_t i = 0; i < a->policy->n_listeners; i++) {
		const struct xo_conf_listener *l = &a->conf->listeners[i];

		for (size_t k = 0; k < l->n_listen; k++) {
			at.port = l->listen[k].port;
			if (xo_hosts_meet(&at, &l->listen[k]) ==
			    XO_MEETING_YES)
				return true;
		}
	}
	return false;
}

static void
note_strangers(void *arg, const struct xo_route *route)
{
	const struct found *found = arg;
	const struct xo_policy *policy = found->audit->policy;
	int u = route->upstream;
	const struct xo_conf_upstream *conf;

	if (u == XO_NOBODY || xo_route_is_trusted(route) ||
	    policy->upstreams[u].handover != XO_HANDOVER_NONE ||
	    policy->upstreams[u].protocol != XO_PROTOCOL_SMTP)
		return;
	conf = &found->audit->conf->upstreams[u];
	for (size_t i = 0; i < conf->n_hosts; i++)
		if (is_here(found->audit, &conf->hosts[i]))
			note(arg, route);
}

static void
look_at_strangers(struct xo_audit *a, size_t i)
{
	struct found strangers;
	int u;

	if (!is_reached(a, i))
		return;
	strangers = search(a, i, note_strangers);
	u = strangers.route.upstream;
	if (strangers.n > 0)
		xo_audit_tell_of(a, u ==
		    xo_listener_demote_to(&a->policy->listeners[i]) ?
		    "demote_to" : "upstream", "`%.60s` is on this machine and "
		    "has handover = \"none\"",
		    xo_audit_name(a, XO_SECTION_UPSTREAMS, u));
}

static void
look_at_observing(struct xo_audit *a, size_t i)
{
	const struct xo_listener *l = &a->policy->listeners[i];

	if (l->mode == XO_MODE_OBSERVE && !l->has_demote_to &&
	    !xo_listener_is_asked(l))
		xo_audit_tell(a, NULL, "\"observe\" without demote_to");
}

static void
look_at_clear_text(struct xo_audit *a, size_t i)
{
	const struct xo_conf_upstream *u = &a->conf->upstreams[i];

	if (!a->is_trusted[i] || a->policy->upstreams[i].tls != XO_TLS_NONE)
		return;
	if (u->mx != NULL)
		xo_audit_tell_of(a, "mx", "trusted mail goes in clear text to "
		    "the mail exchangers of %.60s", u->mx);
	for (size_t k = 0; k < u->n_hosts; k++) {
		if (!xo_host_is_public(&u->hosts[k]))
			continue;
		xo_audit_tell(a, &u->hosts[k].where, "trusted mail goes in "
		    "clear text to %.60s, a public address", u->hosts[k].host);
		return;
	}
}

/* An upstream and a route to it. */
struct search_to {
	const struct xo_audit *audit;
	int upstream;
	int tenant;			/* the first without a certificate */
	size_t n;			/* those after another */
};

static void
note_bare_tenant(void *arg, const struct xo_route *route)
{
	struct search_to *s = arg;

	if (route->upstream != s->upstream || route->tenant == XO_NOBODY ||
	    s->audit->policy->tenants[route->tenant].has_client_certificate)
		return;
	if (s->n++ == 0)
		s->tenant = route->tenant;
}

static void
look_at_tenant_certificates(struct xo_audit *a, size_t i)
{
	struct search_to s = {.audit = a, .upstream = (int)i};

	/* Where there is a folder its files tell: folder.h. */
	if (!a->policy->upstreams[i].has_tenant_certificate ||
	    a->conf->tenant_certificates.path != NULL)
		return;
	for (size_t k = 0; k < a->policy->n_listeners; k++)
		xo_routes_visit(a->policy, &a->policy->listeners[k],
		    note_bare_tenant, &s);
	if (s.n > 0)
		xo_audit_tell(a, NULL, "\"tenant\", and tenant `%.60s` has "
		    "none", xo_audit_name(a, XO_SECTION_TENANTS, s.tenant));
	else if (a->has_guests && a->is_trusted[i])
		xo_audit_tell(a, NULL, "\"tenant\", and those of "
		    "tenant_tables that are asked have none");
}

static void
note_nobodys(void *arg, const struct xo_route *route)
{
	struct search_to *s = arg;

	/* In mail of our own systems that is what it is for. */
	if (route->upstream == s->upstream && route->tenant == XO_NOBODY &&
	    !route->is_ours)
		s->n++;
}

static void
look_at_nobodys(struct xo_audit *a, size_t i)
{
	struct search_to s = {.audit = a, .upstream = (int)i};

	if (!a->policy->upstreams[i].has_tenant_certificate)
		return;
	for (size_t k = 0; k < a->policy->n_listeners; k++)
		xo_routes_visit(a->policy, &a->policy->listeners[k],
		    note_nobodys, &s);
	if (s.n > 0)
		xo_audit_tell(a, NULL, "\"tenant\", and mail without a tenant "
		    "is sent there");
}

const struct xo_look xo_looks_at_routes[] = {
	{XO_SECTION_LISTENERS, "upstream", XO_RULE_NO_NEXT_HOP,
	    look_for_holes},
	{XO_SECTION_LISTENERS, "demote_to", XO_RULE_DEMOTE_TO_VERIFIED,
	    look_for_demoted},
	{XO_SECTION_LISTENERS, "demote_to", XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	    look_for_perhaps_demoted},
	{XO_SECTION_LISTENERS, "demote_to", XO_RULE_DEMOTE_WITH_CERTIFICATE,
	    look_at_shown_certificate},
	{XO_SECTION_LISTENERS, "unauthenticated", XO_RULE_ACCEPTS_UNVERIFIED,
	    look_for_unverified},
	{XO_SECTION_LISTENERS, "demote_to", XO_RULE_STRANGERS_AS_LOCAL,
	    look_at_strangers},
	{XO_SECTION_LISTENERS, "mode", XO_RULE_OBSERVE_REFUSES,
	    look_at_observing},
	{XO_SECTION_UPSTREAMS, "hosts", XO_RULE_VERIFIED_IN_CLEAR,
	    look_at_clear_text},
	{XO_SECTION_UPSTREAMS, "client_certificate",
	    XO_RULE_TENANT_CERTIFICATE, look_at_tenant_certificates},
	{XO_SECTION_UPSTREAMS, "client_certificate", XO_RULE_NEEDS_TENANT,
	    look_at_nobodys},
	{.look = NULL},
};
