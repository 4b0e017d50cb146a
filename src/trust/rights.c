/* SPDX-License-Identifier: ISC */
/*
 * Certificate names and addresses to rights. Everything starts at none.
 */
#include <xoorg/rights.h>

#include <assert.h>

#include <xoorg/domain.h>
#include <xoorg/tenants.h>

/*
 * `*.x`: exactly one label in front of x, which has a dot itself. A wildcard
 * for a whole top-level domain is nobody's name.
 */
static bool
covers(struct xo_span wildcard, struct xo_span name)
{
	struct xo_span parent;
	size_t dot = xo_span_find(name, '.');

	if (!xo_span_has_prefix_nocase(wildcard, XO_LIT("*.")))
		return false;
	parent = xo_span_from(wildcard, 2);
	if (xo_span_find(parent, '.') == parent.len ||
	    !xo_domain_is_valid(parent))
		return false;
	return xo_span_is_equal_nocase(parent, xo_span_from(name, dot + 1));
}

bool
xo_certificate_name_matches(struct xo_span configured,
    struct xo_span presented, bool has_wildcards)
{
	if (configured.len == 0 || presented.len == 0)
		return false;
	if (xo_span_is_equal_nocase(configured, presented))
		return true;
	return has_wildcards && xo_domain_is_valid(configured) &&
	    covers(presented, configured);
}

/* The base itself, and what has labels in front of it; all is within "". */
static bool
is_within(struct xo_span base, struct xo_span name)
{
	struct xo_span front;

	if (base.len > name.len ||
	    !xo_span_is_equal_nocase(base,
	    xo_span_from(name, name.len - base.len)))
		return false;
	front = xo_span_first(name, name.len - base.len);
	return front.len == 0 || base.len == 0 || base.p[0] == '.' ||
	    front.p[front.len - 1] == '.';
}

static bool
is_excluded(struct xo_span base, struct xo_span name)
{
	return is_within(base, name) ||
	    (xo_span_has_prefix_nocase(name, XO_LIT("*.")) &&
	    is_within(xo_span_from(name, 1), base));
}

bool
xo_certificate_permits(const struct xo_certificate *certificate,
    struct xo_span name)
{
	const struct xo_name_constraint *last = NULL;	/* that permits */
	bool is_met = true;		/* by one of the same issuer */

	for (size_t i = 0; i < certificate->n_constraints; i++) {
		const struct xo_name_constraint *c =
		    &certificate->constraints[i];

		if (c->is_excluded && is_excluded(c->base, name))
			return false;
		if (c->is_excluded)
			continue;
		if (last == NULL || last->issuer != c->issuer) {
			if (!is_met)
				return false;
			is_met = false;
		}
		last = c;
		if (is_within(c->base, name))
			is_met = true;
	}
	return is_met;
}

struct xo_span
xo_server_name(struct xo_span host, struct xo_span domain)
{
	return domain.len == 0 || is_within(domain, host) ? host : domain;
}

/* Only where there is no SAN, or by the peer's `match`; as it stands, since
 * wildcards are a SAN's. */
static bool
common_name_counts(const struct xo_certificate *certificate,
    const struct xo_peer *peer)
{
	return (!certificate->has_alt_names &&
	    certificate->n_dns_names == 0) || peer->match == XO_MATCH_CN_TOO;
}

static bool
certificate_has_name(const struct xo_certificate *certificate,
    struct xo_span configured, const struct xo_peer *peer)
{
	size_t i;

	for (i = 0; i < certificate->n_dns_names; i++) {
		if (xo_certificate_name_matches(configured,
		    certificate->dns_names[i], peer->has_wildcards))
			return true;
	}
	return common_name_counts(certificate, peer) &&
	    xo_certificate_name_matches(configured, certificate->common_name,
	    false);
}

/* The first of the peer's names that the certificate has and may have; else the
 * first that it has, or NULL. */
static const struct xo_span *
find_name(const struct xo_peer *peer, const struct xo_certificate *certificate)
{
	const struct xo_span *found = NULL;

	for (size_t i = 0; i < peer->n_names; i++) {
		if (!certificate_has_name(certificate, peer->names[i], peer))
			continue;
		if (xo_certificate_permits(certificate, peer->names[i]))
			return &peer->names[i];
		if (found == NULL)
			found = &peer->names[i];
	}
	return found;
}

static bool
has_address(const struct xo_peer *peer, const struct xo_address *address)
{
	size_t i;

	for (i = 0; i < peer->n_networks; i++) {
		if (xo_network_contains(&peer->networks[i], address))
			return true;
	}
	return false;
}

/* Cuts at the end of the room; a sentence is only read by people. */
static void
say(struct xo_rights *rights, struct xo_span text)
{
	size_t used = strlen(rights->reason);
	size_t room = sizeof(rights->reason) - 1 - used;

	text = xo_span_first(text, room);
	if (text.len > 0)
		memcpy(rights->reason + used, text.p, text.len);
	rights->reason[used + text.len] = '\0';
}

static enum xo_crl_mode
crl_mode(const struct xo_peer *peer, const struct xo_listener *listener)
{
	return peer->crl == XO_CRL_INHERIT ? listener->crl : peer->crl;
}

/* Why the certificate is not good for this peer; NULL: it is. */
static const char *
flaw_for(const struct xo_certificate *certificate, struct xo_span name,
    const struct xo_peer *peer, const struct xo_listener *listener)
{
	enum xo_crl_mode mode = crl_mode(peer, listener);

	if (!certificate->is_chain_valid)
		return certificate->flaw != NULL ? certificate->flaw :
		    "not verified";
	if (!xo_certificate_permits(certificate, name))
		return "outside name constraints";
	if ((peer->eku == XO_EKU_SERVER && !certificate->is_for_servers) ||
	    (peer->eku == XO_EKU_CLIENT && !certificate->is_for_clients))
		return "wrong usage";
	if (mode == XO_CRL_OFF)
		return NULL;
	if (certificate->crl == XO_CRL_REVOKED)
		return "revoked";
	/* Only a mode of this table's is lenient. */
	return mode == XO_CRL_SOFT || certificate->crl == XO_CRL_GOOD ?
	    NULL : "CRL unusable";
}

/* Whose the session is, by peers that were known in one way. */
struct claim {
	bool is_made;
	bool is_torn;			/* between two tenants */
	int tenant;
};

/* Of a name that is one of too many to be open. */
#define NO_PLACE SIZE_MAX

/* What the matching peers gave, before it is put together. */
struct findings {
	struct claim certificate_claim, address_claim;
	int certificate_peer;		/* first whose name matched */
	struct xo_span name;
	const char *flaw;		/* of the certificate, for that one */
	int address_peer;		/* first whose network matched */
	uint32_t by_certificate;
	uint32_t by_address;
	bool is_refused;
	uint64_t open;			/* names */
	size_t n_open;
	int open_peer;
	const char *open_flaw;		/* why a name is not open */
};

static void
claim(const struct xo_policy *policy, int tenant, struct claim *claim)
{
	claim->is_torn |= (claim->is_made && claim->tenant != tenant) ||
	    tenant < 0 || (size_t)tenant >= policy->n_tenants;
	claim->is_made = true;
	claim->tenant = tenant;
}

/* The certificate has this name, which is peer i's. False: it is not good. */
static bool
take_name(const struct xo_policy *policy, const struct xo_listener *listener,
    int i, const struct xo_certificate *certificate, struct xo_span name,
    struct findings *found)
{
	const struct xo_peer *peer = &policy->peers[i];
	const char *flaw = flaw_for(certificate, name, peer, listener);
	bool refuses = flaw != NULL &&
	    peer->bad_certificate != XO_BAD_CERTIFICATE_UNTRUSTED;
	/* Told of is who refuses, else who believes, else the first. */
	if (found->certificate_peer == XO_NOBODY ||
	    (refuses && !found->is_refused) ||
	    (flaw == NULL && found->flaw != NULL && !found->is_refused)) {
		found->certificate_peer = i;
		found->name = name;
		found->flaw = flaw;
	}
	if (flaw == NULL)
		found->by_certificate |= peer->rights;
	found->is_refused |= refuses;
	return flaw == NULL;
}

/* It vouches for every organisation: no source makes it one's. */
static bool
is_name_with_xoorg(const struct xo_policy *policy, struct xo_span name)
{
	for (size_t i = 0; i < policy->n_peers; i++) {
		const struct xo_peer *peer = &policy->peers[i];

		for (size_t k = 0; (peer->rights & XO_RIGHT_XOORG) != 0 &&
		    k < peer->n_names; k++)
			if (xo_span_is_equal_nocase(peer->names[k], name))
				return true;
	}
	return false;
}

/* No source is asked for a certificate that is not good: anybody has one. */
static void
leave_open(const struct xo_policy *policy, const struct xo_listener *listener,
    int i, const struct xo_certificate *certificate, struct xo_span name,
    size_t place, struct findings *found)
{
	const char *flaw;

	if (policy->guests == NULL || !xo_domain_is_valid(name) ||
	    is_name_with_xoorg(policy, name))
		return;
	flaw = flaw_for(certificate, name, &policy->peers[i], listener);
	if (flaw != NULL) {
		found->open_flaw = flaw;
		return;
	}
	if (found->open_peer == XO_NOBODY)
		found->open_peer = i;
	if (place == NO_PLACE) {
		found->n_open = XO_OPEN_NAMES_MAX + 1;
		return;
	}
	found->n_open += (found->open >> place & 1) == 0;
	found->open |= (uint64_t)1 << place;
}

/* `place`: among the open names. */
static void
take_tenants_name(const struct xo_policy *policy,
    const struct xo_listener *listener, int i,
    const struct xo_certificate *certificate, struct xo_span name,
    size_t place, struct findings *found)
{
	int tenant = xo_tenants_by_certificate_name(policy, name);

	if (tenant == XO_NOBODY)
		leave_open(policy, listener, i, certificate, name, place,
		    found);
	else if (take_name(policy, listener, i, certificate, name, found))
		claim(policy, tenant, &found->certificate_claim);
}

/* The names of the certificate are looked up, since there may be thousands of
 * tenants: each that is a tenant's counts, and two of two tenants are torn. */
static void
judge_tenants(const struct xo_policy *policy,
    const struct xo_listener *listener, int i,
    const struct xo_certificate *certificate, struct findings *found)
{
	for (size_t k = 0; k < certificate->n_dns_names; k++)
		take_tenants_name(policy, listener, i, certificate,
		    certificate->dns_names[k], k < XO_OPEN_NAMES_CN ? k :
		    NO_PLACE, found);
	if (common_name_counts(certificate, &policy->peers[i]))
		take_tenants_name(policy, listener, i, certificate,
		    certificate->common_name, XO_OPEN_NAMES_CN, found);
}

static void
judge_certificate(const struct xo_policy *policy,
    const struct xo_listener *listener, int i,
    const struct xo_certificate *certificate, struct findings *found)
{
	const struct xo_peer *peer = &policy->peers[i];
	const struct xo_span *name = find_name(peer, certificate);

	if (peer->has_tenant_names)
		judge_tenants(policy, listener, i, certificate, found);
	if (name != NULL && take_name(policy, listener, i, certificate, *name,
	    found) && peer->has_tenant)
		claim(policy, peer->tenant, &found->certificate_claim);
}

/* Without xoorg the right relay would make it one of our own systems, which a peer
 * with both never is. */
static uint32_t
by_address(const struct xo_peer *peer)
{
	uint32_t never = (peer->rights & XO_RIGHT_XOORG) != 0 ?
	    XO_RIGHT_XOORG | XO_RIGHT_RELAY : 0;

	return peer->rights & ~never;
}

static void
judge_address(const struct xo_policy *policy, int i,
    const struct xo_address *address, struct findings *found)
{
	const struct xo_peer *peer = &policy->peers[i];

	if (!has_address(peer, address))
		return;
	if (found->address_peer == XO_NOBODY)
		found->address_peer = i;
	found->by_address |= by_address(peer);
	if (peer->has_tenant)
		claim(policy, peer->tenant, &found->address_claim);
}

/* A session that two tenants claim could speak for one as the other. */
static void
attribute(struct xo_rights *rights, const struct findings *found)
{
	const struct claim *claim = found->certificate_claim.is_made ?
	    &found->certificate_claim : &found->address_claim;

	if (claim->is_torn) {
		rights->rights &= ~(uint32_t)XO_RIGHT_RELAY;
		say(rights, XO_LIT(", but two tenants claim it"));
	} else if (claim->is_made) {
		rights->is_attributed = true;
		rights->is_by_name = claim == &found->certificate_claim;
		rights->tenant = claim->tenant;
	}
}

/* What XOORG decides no name does, nor what two tenants claim already. */
static void
keep_open(struct xo_rights *rights, const struct findings *found)
{
	if (found->n_open == 0 || found->certificate_claim.is_torn ||
	    (rights->rights & XO_RIGHT_XOORG) != 0)
		return;
	if (found->n_open > XO_OPEN_NAMES_MAX) {
		rights->rights &= ~(uint32_t)XO_RIGHT_RELAY;
		rights->is_attributed = false;
		say(rights, XO_LIT(", but its names are too many to ask for"));
		return;
	}
	rights->open_names = found->open;
	rights->open_peer = found->open_peer;
}

static void
explain_certificate(struct xo_rights *rights, const struct xo_policy *policy,
    const struct xo_listener *listener,
    const struct xo_certificate *certificate, const struct findings *found)
{
	say(rights, XO_LIT("the certificate names "));
	say(rights, found->name);
	if (found->flaw != NULL) {
		say(rights, XO_LIT(" but its chain is not valid: "));
		say(rights, xo_span_from_cstr(found->flaw));
		return;
	}
	say(rights, XO_LIT(" and is valid"));
	if (certificate->crl != XO_CRL_GOOD && crl_mode(
	    &policy->peers[found->certificate_peer], listener) != XO_CRL_OFF)
		say(rights, XO_LIT(", CRL unusable, tolerated"));
}

static void
explain(struct xo_rights *rights, const struct xo_policy *policy,
    const struct xo_listener *listener,
    const struct xo_certificate *certificate, const struct findings *found)
{
	if (found->certificate_peer != XO_NOBODY) {
		explain_certificate(rights, policy, listener, certificate,
		    found);
	} else if (found->n_open > 0) {
		say(rights, XO_LIT("the certificate is valid, and tables are "
		    "asked for its names"));
	} else if (found->address_peer != XO_NOBODY) {
		say(rights, XO_LIT("the address belongs to the peer "));
		say(rights, policy->peers[found->address_peer].name);
	} else if (certificate == NULL) {
		say(rights, XO_LIT("the session is not encrypted"));
	} else if (!certificate->is_present) {
		say(rights, XO_LIT("no client certificate was presented"));
	} else if (found->open_flaw != NULL) {
		say(rights, XO_LIT("no table is asked for the certificate's "
		    "names, since its chain is not valid: "));
		say(rights, xo_span_from_cstr(found->open_flaw));
	} else {
		say(rights, XO_LIT(
		    "the certificate names none of the configured peers"));
	}
}

void
xo_rights_decide(const struct xo_policy *policy,
    const struct xo_listener *listener,
    const struct xo_certificate *certificate, const struct xo_address *address,
    struct xo_rights *rights_r)
{
	struct findings found = {
		.certificate_peer = XO_NOBODY, .address_peer = XO_NOBODY,
		.open_peer = XO_NOBODY
	};
	bool is_shown = certificate != NULL && certificate->is_present;
	size_t i;

	*rights_r = (struct xo_rights){.peer = XO_NOBODY,
		.open_peer = XO_NOBODY};
	for (i = 0; i < listener->n_peers; i++) {
		int peer = listener->peers[i];

		if (peer < 0 || (size_t)peer >= policy->n_peers)
			continue;
		if (is_shown)
			judge_certificate(policy, listener, peer, certificate,
			    &found);
		if (address != NULL)
			judge_address(policy, peer, address, &found);
	}
	explain(rights_r, policy, listener, certificate, &found);
	rights_r->name = found.name;
	rights_r->is_refused = found.is_refused;
	if (found.is_refused) {
		rights_r->peer = found.certificate_peer;
		return;
	}
	rights_r->rights = found.by_certificate | found.by_address;
	attribute(rights_r, &found);
	keep_open(rights_r, &found);
	rights_r->is_verified = found.certificate_peer != XO_NOBODY &&
	    found.flaw == NULL;
	/* A name without a valid chain is a claim, not an identity. */
	if (rights_r->is_verified)
		rights_r->peer = found.certificate_peer;
	else
		rights_r->peer = found.address_peer;
	assert((rights_r->rights & XO_RIGHT_XOORG) == 0 ||
	    rights_r->is_verified);
}

size_t
xo_rights_open_names(const struct xo_rights *rights,
    const struct xo_certificate *certificate,
    struct xo_span names_r[XO_OPEN_NAMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i <= XO_OPEN_NAMES_CN && n < XO_OPEN_NAMES_MAX; i++) {
		if ((rights->open_names >> i & 1) == 0)
			continue;
		if (i == XO_OPEN_NAMES_CN)
			names_r[n++] = certificate->common_name;
		else if (i < certificate->n_dns_names)
			names_r[n++] = certificate->dns_names[i];
	}
	return n;
}

uint32_t
xo_rights_most(const struct xo_rights *rights)
{
	return rights->open_names == 0 ? rights->rights :
	    rights->rights | XO_RIGHT_RELAY;
}
