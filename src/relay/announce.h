/* SPDX-License-Identifier: ISC */
/* What EHLO announces, and the reply to it. */
#ifndef XO_RELAY_ANNOUNCE_H
#define XO_RELAY_ANNOUNCE_H

#include "relay_internal.h"

void announce_hello(struct xo_relay *r, bool is_final);

#endif
