/* SPDX-License-Identifier: ISC */
/* Tenants that must be asked for before a message can go on. */
#ifndef XO_RELAY_LOOKUP_H
#define XO_RELAY_LOOKUP_H

#include "relay_internal.h"

/* Each of the three asks for `trust.lacks`; false: this is the answer, and it is
 * still not known. */
bool lookup_for_mail(struct xo_relay *r);
bool lookup_for_rcpt(struct xo_relay *r, struct xo_span args);
bool lookup_for_value(struct xo_relay *r);
/* There is an answer, or none: the state is what it was. */
void lookup_end(struct xo_relay *r);
/* It waits, and the transaction has begun. */
bool lookup_is_in_transaction(const struct xo_relay *r);
/* The guest that the treatment names by now stays until the transaction ends. */
void lookup_pin(struct xo_relay *r);
/* No question, and nobody's guest. */
void lookup_forget(struct xo_relay *r);
/* The open names of its rights, which are gone without memory for them. */
void lookup_keep_names(struct xo_relay *r,
    const struct xo_certificate *certificate);

#endif
