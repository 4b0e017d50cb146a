/* SPDX-License-Identifier: ISC */
/* What a reply of the next hop is about: the one just read, in r->back.reply. */
#ifndef XO_RELAY_ABOUT_H
#define XO_RELAY_ABOUT_H

#include "relay_internal.h"

/* The reply just read is about MAIL or RCPT: x.1.y. */
bool about_envelope(const struct xo_relay *r);
/* More than that: it is MAIL's 2.1.0, or RCPT's 2.1.5. */
bool about_itself(const struct xo_relay *r, enum expected what);
/* It is about this gateway and what it says, and no fault of the message. */
bool about_us(const struct xo_relay *r, enum expected what);
/* Its like was heard before on this link, and EHLO can tell. */
bool about_before(const struct xo_relay *r);
/* It is an answer to EHLO or LHLO, and to nothing else. */
bool about_hello(const struct xo_relay *r);
/* Its EHLO announces what can be told from all else. */
bool about_can_prove(const struct xo_relay *r);
/* What it carries belongs to another command than `what`. */
bool about_another(const struct xo_relay *r, enum expected what);

#endif
