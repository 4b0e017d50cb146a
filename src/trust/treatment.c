/* SPDX-License-Identifier: ISC */
/*
 * What follows from a verdict. The tables that these functions are stand in
 * doc/protocol.md 9, and are held against it row by row (test_treatment.c).
 */
#include <assert.h>

#include <trust/names.h>
#include <xoorg/domain.h>
#include <xoorg/tenants.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

static const struct xo_span nothing = {NULL, 0};

static const enum xo_refusal verdict_refusals[XO_VERDICT_COUNT] = {
	[XO_VERDICT_VERIFIED] = XO_REFUSAL_TRY_LATER,	/* never refused */
	[XO_VERDICT_UNKNOWN_ORG] = XO_REFUSAL_UNKNOWN_ORG,
	[XO_VERDICT_NO_ORG] = XO_REFUSAL_NO_ORG,
	[XO_VERDICT_SENDER_MISMATCH] = XO_REFUSAL_SENDER_MISMATCH,
	[XO_VERDICT_UNAUTHENTICATED] = XO_REFUSAL_UNAUTHENTICATED,
	[XO_VERDICT_OURS] = XO_REFUSAL_UNAUTHENTICATED,	/* if demoted */
	[XO_VERDICT_ATTRIBUTED] = XO_REFUSAL_UNAUTHENTICATED,	/* the same */
};

bool
xo_rights_are_ours(uint32_t rights)
{
	return (rights & XO_RIGHT_RELAY) != 0 &&
	    (rights & XO_RIGHT_XOORG) == 0;
}

/* Of one who may neither vouch nor relay. */
static bool
is_strangers(uint32_t rights)
{
	return (rights & (XO_RIGHT_XOORG | XO_RIGHT_RELAY)) == 0;
}

/* One that may relay as a tenant may do nothing in another's name. */
static uint32_t
rights_for(uint32_t rights, enum xo_verdict verdict)
{
	if (!xo_rights_are_ours(rights) || verdict == XO_VERDICT_OURS ||
	    verdict == XO_VERDICT_ATTRIBUTED)
		return rights;
	return rights & ~(uint32_t)XO_RIGHT_RELAY;
}

static enum xo_origin
origin_of(uint32_t rights, enum xo_verdict verdict)
{
	if (verdict == XO_VERDICT_VERIFIED)
		return XO_ORIGIN_VERIFIED;
	return xo_rights_are_ours(rights) ? XO_ORIGIN_OURS : XO_ORIGIN_OTHER;
}

/* The tenant whose certificate and value go out: the verified one's, or of our
 * own mail the one that the address belongs to. Never one for a stranger. */
static void
choose_tenant(const struct xo_policy *policy, struct xo_span address,
    struct xo_treatment *t)
{
	if (t->answer.tenant != XO_NOBODY)
		t->tenant = t->answer.tenant;
	else if (t->origin == XO_ORIGIN_OURS && address.len > 0)
		t->tenant = xo_tenants_by_address(policy, address);
}

static void
choose_upstream(const struct xo_policy *policy,
    const struct xo_listener *listener, struct xo_treatment *t)
{
	const struct xo_tenant *tenant = xo_tenant_at(policy, t->tenant);

	t->is_trusted = t->answer.decision == XO_DECISION_ACCEPT;
	t->upstream = XO_NOBODY;
	if (xo_listener_is_asked(listener))
		return;
	if (!t->is_trusted)
		t->upstream = xo_listener_demote_to(listener);
	else if (tenant != NULL && tenant->has_upstream)
		t->upstream = tenant->upstream;
	else
		t->upstream = xo_listener_upstream(listener);
	if (t->upstream < 0 || (size_t)t->upstream >= policy->n_upstreams)
		t->upstream = XO_NOBODY;
}

/* False: MAIL was refused, or has not been judged at all. */
static bool
has_begun(const struct xo_treatment *t)
{
	return t->answer.decision == XO_DECISION_ACCEPT ||
	    t->answer.decision == XO_DECISION_DEMOTE;
}

/* A bounce of our own systems: whose it is says its first recipient, unless the
 * session did (choose_tenant). */
static bool
is_by_recipient(const struct xo_treatment *t)
{
	return t->origin == XO_ORIGIN_OURS && !t->has_sender;
}

static enum xo_refusal
refuse_nowhere(const struct xo_treatment *t)
{
	if (!t->is_trusted)
		return verdict_refusals[t->answer.verdict];
	return t->origin == XO_ORIGIN_OURS && t->answer.tenant == XO_NOBODY ?
	    XO_REFUSAL_NO_TENANT : XO_REFUSAL_TRY_LATER;
}

/* Where an MTA asks, the next hop is its own. */
static bool
is_nowhere(const struct xo_listener *listener, const struct xo_treatment *t)
{
	return t->upstream == XO_NOBODY && !xo_listener_is_asked(listener);
}

/* Another tenant's certificate must never speak for this sender. */
static bool
lacks_tenant(const struct xo_policy *policy, const struct xo_treatment *t)
{
	return xo_treatment_credential(policy, t) == XO_NOBODY &&
	    xo_upstream_at(policy, t->upstream)->has_tenant_certificate;
}

/* Notes the key, if the sources must be asked for it. */
static bool
lacks(const struct xo_policy *policy, enum xo_key_kind kind,
    struct xo_span domain, struct xo_treatment *t)
{
	struct xo_key key = {kind, domain};

	if (!xo_tenants_lack(policy, &key))
		return false;
	t->lacks.key = key;
	return true;
}

/* Only what decides: nobody has a source asked for a stranger, nor for a session
 * that is a tenant's already. */
static bool
lacks_mail(const struct xo_policy *policy, const struct xo_question *question,
    struct xo_treatment *t)
{
	if (policy->guests == NULL)
		return false;
	if (xo_rights_are_ours(question->rights))
		return !question->is_attributed && lacks(policy,
		    XO_KEY_SENDER, xo_address_domain(question->sender), t);
	return (question->rights & XO_RIGHT_XOORG) != 0 &&
	    question->has_xoorg && lacks(policy, XO_KEY_ORG, question->xoorg,
	    t);
}

/* Whose the session is by its certificate comes first, but what else must be known
 * if that is nobody is asked at once. */
static bool
lacks_names(const struct xo_policy *policy, struct xo_question *question,
    struct xo_treatment *t)
{
	const struct xo_span *names = question->names;

	if (xo_names_settle(policy, question)) {
		t->is_by_open_name = question->is_attributed &&
		    xo_tenant_is_guest(policy, question->tenant);
		return false;
	}
	(void)lacks_mail(policy, question, t);
	t->lacks.names = names;
	t->lacks.n_names = question->n_names;
	return true;
}

/* Ordinary mail of nobody's, for the MTA at demote_to to judge: it must not
 * gain anything by that. False: there is no such MTA, and all is as it was. */
static bool
demote(const struct xo_policy *policy, const struct xo_listener *listener,
    struct xo_treatment *t)
{
	struct xo_treatment ordinary = *t;

	ordinary.answer.decision = XO_DECISION_DEMOTE;
	ordinary.answer.would = XO_DECISION_REJECT;
	ordinary.origin = XO_ORIGIN_OTHER;
	ordinary.tenant = XO_NOBODY;
	ordinary.is_observed = true;
	choose_upstream(policy, listener, &ordinary);
	if (is_nowhere(listener, &ordinary) || lacks_tenant(policy, &ordinary))
		return false;
	*t = ordinary;
	return true;
}

/* A refusal where nothing is to be refused. */
static enum xo_refusal
observe(const struct xo_policy *policy, const struct xo_listener *listener,
    enum xo_refusal why, bool is_first, struct xo_treatment *t)
{
	if (listener->mode != XO_MODE_OBSERVE)
		return why;
	if (t->is_observed || (is_first && demote(policy, listener, t)))
		return XO_REFUSAL_NONE;
	return is_first || !listener->has_demote_to ? why :
	    XO_REFUSAL_RCPT_APART;
}

struct xo_question
xo_treatment_question(const struct xo_rights *rights,
    const struct xo_mail *mail)
{
	return (struct xo_question){
		.rights = rights->rights,
		.has_xoorg = mail->has_xoorg,
		.xoorg = xo_mail_xoorg(mail),
		.sender = mail->from.address,
		.is_attributed = rights->is_attributed,
		.is_by_name = rights->is_by_name,
		.tenant = rights->tenant,
	};
}

enum xo_refusal
xo_treatment_mail(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_treatment *treatment_r)
{
	struct xo_treatment *t = treatment_r;
	struct xo_question settled;
	bool lacks = false;

	*t = XO_TREATMENT_NONE;
	if (question->n_names > 0) {
		settled = *question;
		lacks = lacks_names(policy, &settled, t);
		question = &settled;
	}
	if (lacks || lacks_mail(policy, question, t)) {
		t->answer.decision = t->answer.would = XO_DECISION_TEMPFAIL;
		return XO_REFUSAL_TENANT_NOT_KNOWN;
	}
	t->has_sender = question->sender.len > 0;
	xo_verdict_decide(policy, listener, question, &t->answer);
	t->rights = rights_for(question->rights, t->answer.verdict);
	t->origin = origin_of(t->rights, t->answer.verdict);
	if (t->answer.decision == XO_DECISION_TEMPFAIL)
		return XO_REFUSAL_TRY_LATER;
	if (t->answer.decision == XO_DECISION_REJECT)
		return verdict_refusals[t->answer.verdict];
	choose_tenant(policy, question->sender, t);
	choose_upstream(policy, listener, t);
	assert(t->origin != XO_ORIGIN_VERIFIED ||
	    ((t->rights & XO_RIGHT_XOORG) != 0 && t->tenant != XO_NOBODY));
	if (is_by_recipient(t))
		return XO_REFUSAL_NONE;
	if (is_nowhere(listener, t))
		return refuse_nowhere(t);
	if (t->has_sender && lacks_tenant(policy, t))
		return observe(policy, listener, XO_REFUSAL_NO_TENANT, true,
		    t);
	return XO_REFUSAL_NONE;
}

bool
xo_treatment_is_lenient(const struct xo_listener *listener,
    const struct xo_treatment *t)
{
	return listener->lenient_envelope && t->origin == XO_ORIGIN_OTHER &&
	    t->answer.decision == XO_DECISION_DEMOTE && !t->is_trusted;
}

bool
xo_treatment_takes_hello(const struct xo_listener *listener, uint32_t rights)
{
	return listener->lenient_envelope && is_strangers(rights);
}

static enum xo_refusal
judge_recipient(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_path *to,
    bool is_first, struct xo_treatment *t)
{
	bool is_postmaster = t->answer.verdict == XO_VERDICT_VERIFIED &&
	    xo_recipient_is_postmaster(policy, t->answer.tenant, to);
	enum xo_refusal why = XO_REFUSAL_NONE;

	if ((t->is_trusted || t->is_observed) && !is_postmaster)
		why = xo_recipient_check(policy, t->answer.tenant, t->rights,
		    to);
	if (why != XO_REFUSAL_NONE)
		return why;
	if (is_first && is_by_recipient(t)) {
		if (t->answer.tenant == XO_NOBODY && lacks(policy,
		    XO_KEY_SENDER, xo_address_domain(to->address), t))
			return XO_REFUSAL_TENANT_NOT_KNOWN;
		choose_tenant(policy, to->address, t);
		choose_upstream(policy, listener, t);
	}
	if (is_nowhere(listener, t))
		return refuse_nowhere(t);
	return lacks_tenant(policy, t) ? XO_REFUSAL_NO_TENANT : XO_REFUSAL_NONE;
}

enum xo_refusal
xo_treatment_rcpt(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_path *to,
    bool is_first, struct xo_treatment *t, enum xo_refusal *would_r)
{
	*would_r = XO_REFUSAL_COMMAND_SEQUENCE;
	if (!has_begun(t))
		return *would_r;
	*would_r = judge_recipient(policy, listener, to, is_first, t);
	if (*would_r == XO_REFUSAL_NONE ||
	    *would_r == XO_REFUSAL_TENANT_NOT_KNOWN)
		return *would_r;
	return observe(policy, listener, *would_r, is_first, t);
}

/* "tenant": of verified mail its own, else the tenant's first. */
static struct xo_span
tenant_value(const struct xo_policy *policy, const struct xo_treatment *t)
{
	const struct xo_tenant *tenant = xo_tenant_at(policy, t->tenant);

	return tenant != NULL && tenant->n_originator_orgs > 0 ?
	    tenant->originator_orgs[0] : nothing;
}

struct xo_span
xo_treatment_xoorg(const struct xo_policy *policy,
    const struct xo_treatment *t, struct xo_span said, struct xo_span brought)
{
	const struct xo_upstream *u = xo_upstream_at(policy, t->upstream);
	bool is_verified = t->origin == XO_ORIGIN_VERIFIED;

	/* Mail of unknown origin carries no organisation's name. */
	if (!is_verified && t->origin != XO_ORIGIN_OURS)
		return nothing;
	switch (u->xoorg_source) {
	case XO_XOORG_DOMAIN:
		return u->xoorg;
	case XO_XOORG_TENANT:
		return is_verified ? said : tenant_value(policy, t);
	case XO_XOORG_MESSAGE:
		return is_verified ? said : brought;
	case XO_XOORG_NONE:
	case XO_XOORG_SOURCE_COUNT:
	default:
		return nothing;
	}
}

static bool
may_bring_value(const struct xo_policy *policy, const struct xo_treatment *t,
    struct xo_span org)
{
	return t->origin == XO_ORIGIN_OURS && org.len > 0 &&
	    xo_upstream_at(policy, t->upstream)->xoorg_source ==
	    XO_XOORG_MESSAGE;
}

bool
xo_treatment_takes_value(const struct xo_policy *policy,
    const struct xo_treatment *t, struct xo_span org)
{
	if (!may_bring_value(policy, t, org))
		return false;
	return t->answer.tenant == XO_NOBODY ?
	    xo_tenants_by_org(policy, org) != XO_NOBODY :
	    xo_tenants_has_org(policy, t->answer.tenant, org);
}

bool
xo_treatment_lacks_value(const struct xo_policy *policy,
    struct xo_treatment *t, struct xo_span org)
{
	return policy->guests != NULL && may_bring_value(policy, t, org) &&
	    t->answer.tenant == XO_NOBODY && lacks(policy, XO_KEY_ORG, org, t);
}

int
xo_treatment_credential(const struct xo_policy *policy,
    const struct xo_treatment *t)
{
	if (!has_begun(t) || xo_tenant_at(policy, t->tenant) == NULL ||
	    (xo_tenant_is_guest(policy, t->tenant) &&
	    !policy->guests_have_certificates))
		return XO_NOBODY;
	return t->tenant;
}

/* Are the CrossPremises fields believed? They say what a tenant's own Exchange
 * found; where XOORG should vouch for them and does not go, nobody does. */
static bool
keeps_cross_premises(const struct xo_upstream *u, enum xo_origin origin,
    bool is_sent)
{
	bool is_ours = origin == XO_ORIGIN_OURS;

	if (u->xoorg_source != XO_XOORG_NONE && !is_sent)
		return false;
	switch (u->cross_premises) {
	case XO_CROSS_PREMISES_DEFAULT:
		return origin == XO_ORIGIN_VERIFIED;
	case XO_CROSS_PREMISES_KEEP:
	case XO_CROSS_PREMISES_PROMOTE:
		return origin == XO_ORIGIN_VERIFIED || is_ours;
	case XO_CROSS_PREMISES_STRIP:
	case XO_CROSS_PREMISES_COUNT:
	default:
		return false;
	}
}

uint32_t
xo_treatment_removes(const struct xo_policy *policy,
    const struct xo_treatment *t, bool is_sent, bool *promotes_r)
{
	const struct xo_upstream *u = xo_upstream_at(policy, t->upstream);
	bool keeps = keeps_cross_premises(u, t->origin, is_sent);
	uint32_t families = XO_WALL_ALWAYS;

	if (is_strangers(t->rights))
		families |= XO_WALL_CROSS_TENANT | XO_WALL_SENDER_TRACE;
	if (!keeps)
		families |= XO_WALL_CROSS_PREMISES;
	*promotes_r = keeps && u->cross_premises == XO_CROSS_PREMISES_PROMOTE;
	return families;
}

struct xo_span
xo_treatment_originator_org(const struct xo_treatment *t, struct xo_span said,
    struct xo_span sent)
{
	return t->origin == XO_ORIGIN_VERIFIED ? said : sent;
}

bool
xo_treatment_has_results(const struct xo_treatment *t)
{
	return t->origin != XO_ORIGIN_OURS;
}

/* What is refused gets no next hop; observing, it is demoted instead. */
static void
add_way(const struct xo_listener *listener, enum xo_verdict verdict,
    struct xo_ways *ways)
{
	enum xo_decision decision = listener->on[verdict];

	if (decision == XO_DECISION_ACCEPT)
		ways->upstream = true;
	else if (decision == XO_DECISION_DEMOTE ||
	    listener->mode == XO_MODE_OBSERVE)
		ways->demote_to = true;
}

static struct xo_ways
ways_with(const struct xo_listener *listener, uint32_t rights,
    bool is_attributed)
{
	struct xo_ways ways = {.upstream = false};
	bool has_xoorg = (rights & XO_RIGHT_XOORG) != 0;

	if (!has_xoorg && !xo_rights_are_ours(rights)) {
		add_way(listener, XO_VERDICT_UNAUTHENTICATED, &ways);
		return ways;
	}
	ways.upstream = ways.tenants = true;
	/* Whatever would be refused later. */
	ways.demote_to = listener->mode == XO_MODE_OBSERVE;
	if (is_attributed)
		add_way(listener, XO_VERDICT_SENDER_MISMATCH, &ways);
	for (int v = XO_VERDICT_UNKNOWN_ORG;
	    has_xoorg && v < XO_VERDICT_UNAUTHENTICATED; v++)
		add_way(listener, (enum xo_verdict)v, &ways);
	return ways;
}

static void
add_ways(struct xo_ways *ways, struct xo_ways more)
{
	ways->upstream |= more.upstream;
	ways->demote_to |= more.demote_to;
	ways->tenants |= more.tenants;
}

struct xo_ways
xo_treatment_ways(const struct xo_listener *listener,
    const struct xo_rights *rights)
{
	struct xo_ways ways = ways_with(listener, rights->rights,
	    rights->is_attributed);

	if (rights->open_names == 0)
		return ways;
	/* They are one tenant's, or two tenants'. */
	add_ways(&ways, ways_with(listener, xo_rights_most(rights), true));
	add_ways(&ways, ways_with(listener,
	    rights->rights & ~(uint32_t)XO_RIGHT_RELAY, false));
	return ways;
}
