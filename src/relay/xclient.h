/* SPDX-License-Identifier: ISC */
/* For whom a proxy of ours speaks. */
#ifndef XO_RELAY_XCLIENT_H
#define XO_RELAY_XCLIENT_H

#include "relay_internal.h"

void xclient(struct xo_relay *r, struct xo_span args);

#endif
