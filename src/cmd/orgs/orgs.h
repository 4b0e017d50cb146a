/* SPDX-License-Identifier: ISC */
/*
 * xoorg orgs: the originator organisations that gateways have seen, merged over
 * gateways, and the way from seen to authorised.
 */
#ifndef XO_ORGS_H
#define XO_ORGS_H

#include <stdio.h>

#include <jansson.h>

#include <xoorg/bytes.h>

/* What /orgs of this gateway says (URL of its status page, with or without
 * /orgs); NULL: `why` says why. */
json_t *xo_orgs_fetch(const char *url, struct xo_buf *why);

/*
 * Adds what one gateway said to {org: row}. Counts are added, first is the
 * earliest, last, verdict and enforced are the newest's; organisations are the
 * same without case. False: that is no answer of /orgs.
 */
bool xo_orgs_merge(json_t *all, const json_t *said);

/* The rows, most messages first, as an array. Decref it. */
json_t *xo_orgs_sorted(const json_t *all, bool is_unknown_only);
void xo_orgs_print(const json_t *sorted, FILE *out);

#endif
