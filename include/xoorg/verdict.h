/* SPDX-License-Identifier: ISC */
/*
 * The verdict on one message: whose it is, what follows from that, and which
 * recipients it may have (protocol.md 5.1, 9.3).
 */
#ifndef XOORG_VERDICT_H
#define XOORG_VERDICT_H

#include <xoorg/path.h>
#include <xoorg/policy.h>
#include <xoorg/refusal.h>

XO_API_BEGIN

/* What is known at MAIL. */
struct xo_question {
	uint32_t rights;		/* of the session */
	bool has_xoorg;
	struct xo_span xoorg;		/* decoded, syntax checked */
	struct xo_span sender;		/* envelope sender; empty: null */
	bool is_attributed;		/* of the session: xo_rights.tenant */
	bool is_by_name;		/* the same: xo_rights.is_by_name */
	int tenant;
	/* Of the client's certificate, those of xo_rights.open_names: decided
	 * by what the sources say of them, in xo_treatment_mail(). */
	const struct xo_span *names;
	size_t n_names;
};

struct xo_answer {
	enum xo_verdict verdict;
	/* XO_NOBODY unless the org is known, or the session is attributed. */
	int tenant;
	enum xo_decision decision;	/* what happens */
	enum xo_decision would;		/* what enforcing would have done */
};

/*
 * It starts from untrusted. Only a listed organisation in a session with the
 * right XO_RIGHT_XOORG is verified. A sender that holds a route (routing.h) is in
 * no tenant's sender_domains. In observe mode a refusal becomes a demotion. A
 * session that has XO_RIGHT_RELAY and not XO_RIGHT_XOORG is one of our own
 * systems: its verdict is `ours` and its mail is accepted. If such a session is a
 * tenant's (xo_rights), it is `attributed` with a sender of that tenant, or with
 * none, and else sender_mismatch, with no more rights than a stranger's.
 */
void xo_verdict_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_question *question,
    struct xo_answer *answer_r);

/*
 * May this recipient be given to the upstream for verified mail? By the
 * tenant's recipient_domains, its `relay`, or the session's relay right.
 * Mail without a tenant that the operator accepts all the same may go to any
 * tenant's own recipients, never beyond. XO_REFUSAL_NONE: yes;
 * XO_REFUSAL_RCPT_RELAY: its domain is not among them; XO_REFUSAL_RCPT_ROUTED:
 * it is, but the address holds a route (routing.h), by which mail without the
 * right to relay could leave, and the tenant has no `allow_untrusted_routing`.
 */
XO_MUST_CHECK enum xo_refusal xo_recipient_check(
    const struct xo_policy *policy, int tenant, uint32_t rights,
    const struct xo_path *to);

/*
 * Is it `<postmaster>`, or the postmaster of one of this tenant's
 * recipient_domains or originator_orgs, in any case? Verified mail to it is never
 * refused (RFC 5321 4.5.1). No other form of the word counts, neither in quotes
 * nor with a route in it.
 */
bool xo_recipient_is_postmaster(const struct xo_policy *policy, int tenant,
    const struct xo_path *to);

XO_API_END

#endif
