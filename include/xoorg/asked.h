/* SPDX-License-Identifier: ISC */
/*
 * When an MTA asks about mail of its own clients (doc/protocol.md 9.10, 9.11):
 * the rights that its client has by what the MTA says of it, and what may be
 * done with a recipient. The MTA saw the certificate, and nobody here did; so a
 * name counts only as far as the MTA has checked it.
 */
#ifndef XOORG_ASKED_H
#define XOORG_ASKED_H

#include <xoorg/rights.h>
#include <xoorg/treatment.h>

XO_API_BEGIN

/* What an MTA says of its client. */
struct xo_asked {
	bool has_tls;
	/* A DNS name of its certificate, found and verified by the rules of
	 * rights.h; empty: none. */
	struct xo_span name;
	/* The one CN of a certificate whose chain is verified; empty: none. */
	struct xo_span common_name;
	const struct xo_address *address;	/* NULL: not known */
};

/*
 * As xo_rights_decide(). Without TLS there is no certificate. `common_name`
 * counts where there is no `name`, for peers with XO_MATCH_CN_TOO, and never
 * gives XO_RIGHT_XOORG, nor XO_RIGHT_RELAY beside it: whether the DNS names of
 * the certificate and the issuers above permit it, the MTA has not looked at.
 * Usage and revocation are not known: a peer with an `eku` or with XO_CRL_HARD
 * is not believed.
 */
void xo_asked_rights(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_asked *asked,
    struct xo_rights *rights_r);

/* Its one name, if that is open; else empty. */
struct xo_span xo_asked_open_name(const struct xo_asked *asked,
    const struct xo_rights *rights);

/*
 * At MAIL (`to` is NULL) and at each RCPT anew: XO_REFUSAL_TLS_CERTIFICATE if
 * `rights` are refused, else what xo_treatment_mail() and then
 * xo_treatment_rcpt() say. `question` has the rights of `rights`. *would_r:
 * what enforcing would have said.
 */
XO_MUST_CHECK enum xo_refusal xo_asked_judge(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_rights *rights,
    const struct xo_question *question, const struct xo_path *to,
    struct xo_treatment *treatment_r, enum xo_refusal *would_r);

/*
 * May the MTA send it to a recipient that is not its own, after
 * xo_asked_judge() refused nothing? Only mail of our own systems, or verified
 * mail of a tenant with `relay`.
 */
bool xo_asked_may_relay(const struct xo_policy *policy,
    const struct xo_treatment *treatment);

XO_API_END

#endif
