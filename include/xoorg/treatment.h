/* SPDX-License-Identifier: ISC */
/*
 * Whom the gateway trusts, and what follows from it: for each message, whose it
 * is, where it goes, which recipients it may have, whose certificate and which
 * XOORG go with it, which fields stay and which are written (doc/protocol.md 9).
 *
 * All of this is decided here and in verdict.c, by functions that are pure and
 * total: for a policy with holes in it, and for indexes out of range, they give
 * the answer that trusts nobody. The relay keeps order, framing and time, and
 * asks. Each of them starts from untrusted.
 */
#ifndef XOORG_TREATMENT_H
#define XOORG_TREATMENT_H

#include <xoorg/guests.h>
#include <xoorg/param.h>
#include <xoorg/rights.h>
#include <xoorg/verdict.h>

XO_API_BEGIN

/* Whose mail it is. */
enum xo_origin {
	XO_ORIGIN_OTHER,		/* anybody's */
	XO_ORIGIN_VERIFIED,		/* a tenant's, by XOORG */
	XO_ORIGIN_OURS,			/* our own systems' */
	XO_ORIGIN_COUNT
};

/*
 * Our own systems: they have the right relay and not the right xoorg. A peer with
 * the right xoorg is never ours, whatever other rights it has: mail for which it
 * does not vouch by XOORG is a stranger's. This is the one place that says so.
 */
bool xo_rights_are_ours(uint32_t rights);

/* What must be asked first: each of these. It points into what was given. */
struct xo_lack {
	struct xo_key key;		/* none, if its domain is empty */
	const struct xo_span *names;	/* each by XO_KEY_CERTIFICATE */
	size_t n_names;
};

/* One transaction's, from MAIL on. All-zero is no transaction's, as is
 * XO_TREATMENT_NONE: it gets no recipient and no tenant's certificate. */
struct xo_treatment {
	struct xo_answer answer;
	enum xo_origin origin;
	uint32_t rights;		/* of the session, for this message */
	bool has_sender;		/* not the null sender */
	/* To the upstream for verified mail, so that recipients are ours to
	 * judge; of ordinary mail the MTA behind decides. */
	bool is_trusted;
	bool is_observed;		/* demoted, because it is only observed */
	int upstream;			/* XO_NOBODY: there is none */
	int tenant;			/* whose certificate and XOORG go out */
	/* Attributed by a name that only a source could say whose it is. */
	bool is_by_open_name;
	struct xo_lack lacks;		/* of XO_REFUSAL_TENANT_NOT_KNOWN */
};

#define XO_TREATMENT_NONE ((struct xo_treatment){			\
	.answer = {.verdict = XO_VERDICT_UNAUTHENTICATED,		\
	    .tenant = XO_NOBODY, .decision = XO_DECISION_REJECT,	\
	    .would = XO_DECISION_REJECT},				\
	.upstream = XO_NOBODY, .tenant = XO_NOBODY})

/* What MAIL asks in a session with these rights; points into `mail`. Its names,
 * if there are open ones, are the caller's to add. */
struct xo_question xo_treatment_question(const struct xo_rights *rights,
    const struct xo_mail *mail);

/*
 * At MAIL. XO_REFUSAL_NONE: the transaction may begin, and `upstream` is one of
 * the policy's, or is known only at RCPT: the first recipient decides for a null
 * sender of our own systems. Otherwise the reason why not: the verdict's refusal
 * if that is its action, or if there is nothing to demote to;
 * XO_REFUSAL_TRY_LATER if the action is tempfail, or if there is no upstream for
 * what is accepted, which the operator can mend; XO_REFUSAL_NO_TENANT for mail of
 * our own systems whose sender belongs to no tenant, where the next hop is a
 * tenant's or wants a tenant's certificate, unless it is only observed and can be
 * demoted.
 *
 * XO_REFUSAL_TENANT_NOT_KNOWN: whose it is must be asked first; `lacks` says what.
 * Nothing else follows, in either mode: it can be called again with the answer
 * in policy->guests, and without one this is the refusal.
 */
XO_MUST_CHECK enum xo_refusal xo_treatment_mail(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_treatment *treatment_r);

/*
 * May its envelope be read as devices write it (XO_SYNTAX_LENIENT)? Only that
 * of ordinary mail, on whose addresses no right depends, and only where the
 * listener has `lenient_envelope`. Asked after xo_treatment_mail().
 */
bool xo_treatment_is_lenient(const struct xo_listener *listener,
    const struct xo_treatment *treatment);

/* The same of the name of EHLO, before there is any mail: only of a session that
 * may neither vouch nor relay. `rights`: xo_rights_most(). */
bool xo_treatment_takes_hello(const struct xo_listener *listener,
    uint32_t rights);

/*
 * At RCPT: XO_REFUSAL_COMMAND_SEQUENCE if MAIL was refused, or there was none;
 * XO_REFUSAL_NONE; what xo_recipient_check() says of a recipient of
 * trusted mail, unless it is the postmaster of verified mail; or
 * XO_REFUSAL_NO_TENANT as above. `is_first`: no next hop has been asked for yet,
 * so it may still be another.
 *
 * In observe mode none of these refusals is given if there is something to demote
 * to: the whole message becomes ordinary mail, and never more than that, so that
 * nothing is relayed because it is observed. If the message is already on its way
 * to the upstream for verified mail, the recipient gets XO_REFUSAL_RCPT_APART, for
 * which clients begin another transaction.
 * *would_r: what enforcing would have said, in either mode.
 *
 * XO_REFUSAL_TENANT_NOT_KNOWN as at MAIL, for the first recipient of a bounce of
 * our own systems; the treatment is as it was but for `lacks`.
 */
XO_MUST_CHECK enum xo_refusal xo_treatment_rcpt(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_path *to,
    bool is_first, struct xo_treatment *treatment, enum xo_refusal *would_r);

/*
 * The value that goes out with it, if the next hop announces XOORG; empty:
 * none (protocol.md 3.2). `said`: by MAIL; `brought`: by the message itself, as
 * xo_treatment_takes_value() let it, else empty.
 */
struct xo_span xo_treatment_xoorg(const struct xo_policy *policy,
    const struct xo_treatment *treatment, struct xo_span said,
    struct xo_span brought);

/*
 * xoorg = "message": does the X-OriginatorOrg that the message brought count?
 * The MTA behind us queues what we once verified, and the value survives in
 * what we stamped. It counts only from our own systems, and only if it belongs to
 * a tenant; in an attributed session, only if that tenant's.
 */
bool xo_treatment_takes_value(const struct xo_policy *policy,
    const struct xo_treatment *treatment, struct xo_span org);

/*
 * Must a source be asked before that can be said? Then it is `lacks`. Without an
 * answer the message cannot go on: XO_REFUSAL_TENANT_NOT_KNOWN.
 */
bool xo_treatment_lacks_value(const struct xo_policy *policy,
    struct xo_treatment *treatment, struct xo_span org);

/* Whose certificate the next hop is shown, and so which links to it can be
 * used, or XO_NOBODY. A guest has none, unless the policy's have. Its number is
 * its own while it is pinned: links that are kept go by its name. */
int xo_treatment_credential(const struct xo_policy *policy,
    const struct xo_treatment *treatment);

/*
 * What the wall does (protocol.md 5.5, 6): families of enum xo_wall_family to
 * remove; *promotes_r: those of CrossPremises are promoted. `is_sent`: XOORG
 * goes out with it.
 */
uint32_t xo_treatment_removes(const struct xo_policy *policy,
    const struct xo_treatment *treatment, bool is_sent, bool *promotes_r);

/* X-OriginatorOrg as it is written, empty: none (protocol.md 5.4). `sent`: the
 * value of XOORG that goes out, else empty. */
struct xo_span xo_treatment_originator_org(
    const struct xo_treatment *treatment, struct xo_span said,
    struct xo_span sent);

/* Is Authentication-Results written? There is no verdict on our own systems. */
bool xo_treatment_has_results(const struct xo_treatment *treatment);

/*
 * Which next hops a session with these rights can still be given: EHLO may
 * announce what all of them have, whatever sources will say of its open names.
 */
struct xo_ways {
	bool upstream, demote_to;	/* the listener's */
	bool tenants;			/* each tenant's own */
};

struct xo_ways xo_treatment_ways(const struct xo_listener *listener,
    const struct xo_rights *rights);

XO_API_END

#endif
