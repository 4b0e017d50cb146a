/* SPDX-License-Identifier: ISC */
/*
 * What a reply of Exchange Online or Exchange means for the operator of the
 * gateway, in a few words for the log. `xoorg explain --reply` has all of it.
 */
#ifndef XO_GATE_HINT_H
#define XO_GATE_HINT_H

#include <xoorg/bytes.h>

/* By the enhanced status code at the start of `reply`; NULL: nothing known. */
const char *xo_hint_of_reply(struct xo_span reply);

#endif
