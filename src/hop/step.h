/* SPDX-License-Identifier: ISC */
/*
 * A next hop that answered more than it was asked is told no BDAT from then on:
 * by DATA it shows before the content is said.
 */
#ifndef XO_STEP_H
#define XO_STEP_H

#include <xoorg/caps.h>

struct hop_upstream;
struct xo_hops;

/* It is logged and counted. Its link is the caller's to close. */
void xo_hops_out_of_step(struct xo_hops *hops, int upstream);
/* What it announced, but for what it is not trusted with. */
void xo_hop_trim(const struct hop_upstream *upstream, struct xo_caps *caps);

#endif
