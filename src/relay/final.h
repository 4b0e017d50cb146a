/* SPDX-License-Identifier: ISC */
/* What the replies to the content come to. */
#ifndef XO_RELAY_FINAL_H
#define XO_RELAY_FINAL_H

#include "relay_internal.h"

/* The reply just read is one of them. */
void final_note(struct xo_relay *r);
/* LMTP: all of them in one. */
void final_sum_up(struct xo_relay *r);

#endif
