/* SPDX-License-Identifier: ISC */
/*
 * How a link is had: a kept one, else one place after the other
 * (search.h) until one has been opened (dial.h) as policy demands.
 */
#ifndef XO_CLAIM_H
#define XO_CLAIM_H

#include <net/place.h>
#include <net/tls_keyring.h>
#include <xoorg/opening.h>

struct xo_claim;		/* one search for a link */
struct xo_hops;
struct xo_link;

struct xo_wish {
	int upstream;
	int tenant;			/* XO_NOBODY: none */
	/* Its name, if it is a guest: `tenant` is XO_NOBODY then. The claim sets
	 * it, since a guest's number may be another's once its mail is gone. */
	const char *guest;
	bool is_fresh;			/* no kept link */
	struct xo_place lost;		/* it broke off a moment ago: left out
					   as long as others stand */
	bool is_question;		/* only to learn: no handover */
	/* Which certificate is shown; zeros: any. The claim sets it. */
	uint8_t mark[XO_TLS_MARK_SIZE];
	struct xo_handover_info client;	/* spans kept until the claim ends */
};

/*
 * `link` is the caller's from now on, or NULL, and `why` says why. `said`: what
 * the next hop said, for the log.
 */
typedef void xo_claim_done(void *arg, struct xo_link *link,
    enum xo_refusal why, struct xo_span said);

/*
 * Finds or opens a link. `done` is called once, from the loop: never
 * before this returns, nor after xo_claim_cancel(); the claim is over then. It
 * may do anything with sessions, links and other claims. NULL: no memory, and
 * no call.
 */
struct xo_claim *xo_hops_claim(struct xo_hops *hops, const struct xo_wish *wish,
    xo_claim_done *done, void *arg);
void xo_claim_cancel(struct xo_claim **claim);

/* What xo_leg_look_for_end() is for, where a link is being opened. */
void xo_hops_look_for_ends(struct xo_hops *hops);

#endif
