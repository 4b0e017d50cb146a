/* SPDX-License-Identifier: ISC */
/* The client's commands: a table, state x verb. */
#ifndef XO_RELAY_FRONT_H
#define XO_RELAY_FRONT_H

#include "relay_internal.h"

/* Octets used. */
size_t front_command(struct xo_relay *r, struct xo_span in);

#endif
