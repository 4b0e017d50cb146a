/* SPDX-License-Identifier: ISC */
/*
 * What each upstream can do is learnt from a link that nobody waits for,
 * and from each that is opened for mail: before the first client is told what
 * it may use, and again now and then.
 */
#ifndef XO_LEARN_H
#define XO_LEARN_H

#include <stdbool.h>

struct hop_upstream;
struct xo_hops;

/*
 * Asks each upstream whose capabilities are not known; `learnt` (hop.h) is
 * called once all have answered or failed. False: there is nobody left to ask.
 */
bool xo_hops_learn(struct xo_hops *hops);
/*
 * Asks again, in the background, each upstream that has not been heard for its
 * `refresh`: a client has come that will be told what they announce.
 */
void xo_hops_refresh(struct xo_hops *hops);
/* What could not be connected to is tried again without mail, which others may
 * keep away until they hear that it is there: /readyz. */
void xo_hops_ask_the_lost(struct xo_hops *hops);
/* The answer is not waited for any more; `learnt` is not called for it. */
void xo_hop_give_up_asking(struct hop_upstream *upstream);

#endif
