/* SPDX-License-Identifier: ISC */
/*
 * The next hops as one worker sees them: connections being opened, in use and
 * kept for the next message, and what each upstream can do.
 *
 * A connection is kept under everything its identity depends on: upstream and
 * tenant (whose certificate it showed). With XCLIENT the client is told anew at
 * each claim; with PROXY a connection serves one session and is not kept.
 */
#ifndef XO_HOP_H
#define XO_HOP_H

#include <net/leg.h>
#include <net/place.h>
#include <xoorg/opening.h>
#include <xoorg/relay.h>

struct xo_worker;
struct xo_hops;
struct xo_link;			/* one connection */
struct xo_claim;		/* one search for a connection */

struct xo_hops *xo_hops_new(struct xo_worker *worker);
void xo_hops_free(struct xo_hops **hops);

/*
 * Asks each upstream whose capabilities are not known; xo_session_caps() is
 * called for the sessions that wait once all have answered or failed. False:
 * there is nobody left to ask.
 */
bool xo_hops_learn(struct xo_hops *hops);

/* What xo_leg_look_for_end() is for, where a connection is being opened. */
void xo_hops_look_for_ends(struct xo_hops *hops);
/*
 * Asks again, in the background, whoever has not been heard for his `refresh`:
 * a client has come, who will be told what they announce.
 */
void xo_hops_refresh(struct xo_hops *hops);

/* Closes kept connections that were idle too long. */
void xo_hops_tick(struct xo_hops *hops);
/* It answered more than it was asked: logged, counted, and told no BDAT from
 * here on. Its connection is the caller's to close. */
void xo_hops_out_of_step(struct xo_hops *hops, int upstream);
/* Closes kept connections that could have served this client alone. */
void xo_hops_client_gone(struct xo_hops *hops,
    const struct xo_handover_info *client);
/* Keeps none from now on. */
void xo_hops_drain(struct xo_hops *hops);

struct xo_wish {
	int upstream;
	int tenant;			/* XO_NOBODY: none */
	bool is_fresh;			/* no kept connection */
	struct xo_place lost;		/* it broke off a moment ago: left out
					   as long as others stand */
	bool is_question;		/* only to learn: no handover */
	struct xo_handover_info client;	/* spans kept until the claim ends */
};

/*
 * `link` is the caller's from now on, or NULL, and `why` says why. `said`: what
 * the next hop said, for the log.
 */
typedef void xo_claim_done(void *arg, struct xo_link *link,
    enum xo_refusal why, struct xo_span said);

/*
 * Finds or opens a connection. `done` is called once, from the loop: never
 * before this returns, nor after xo_claim_cancel(); the claim is over then. It
 * may do anything with sessions, links and other claims. NULL: no memory, and no
 * call.
 */
struct xo_claim *xo_hops_claim(struct xo_hops *hops, const struct xo_wish *wish,
    xo_claim_done *done, void *arg);
void xo_claim_cancel(struct xo_claim **claim);

struct xo_leg *xo_link_leg(struct xo_link *link);
const struct xo_caps *xo_link_caps(const struct xo_link *link);
struct xo_heard *xo_link_heard(struct xo_link *link);
/* It carried a message before, or there are other places to go to: if it is lost
 * before anything is committed, another may stand in for it. */
bool xo_link_is_replaceable(const struct xo_link *link);
/* Where it goes, if it was opened just now: the end of one that was kept says
 * nothing of the place. */
struct xo_place xo_link_fresh_place(const struct xo_link *link);
/* Whom the leg calls from now on. */
void xo_link_attach(struct xo_link *link, xo_leg_ready *ready, void *owner);
/* Back into the pool, if it may be kept. */
void xo_link_release(struct xo_link *link, bool needs_reset);
void xo_link_close(struct xo_link *link);

#endif
