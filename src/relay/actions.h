/* SPDX-License-Identifier: ISC */
/* The cellar: what is to be done, and what is said to whom. */
#ifndef XO_RELAY_ACTIONS_H
#define XO_RELAY_ACTIONS_H

#include "relay_internal.h"

struct xo_action *relay_act(struct xo_relay *r, enum xo_action_type type);
void relay_act_refused(struct xo_relay *r, enum xo_refusal why);
/* What the next hop said: `sends` from there on. */
void relay_act_said(struct xo_relay *r, size_t start);
/* Bytes of the caller's, passed on as they are. */
void relay_send_span(struct xo_relay *r, enum xo_side side, struct xo_span s);
/* Between these two, text is added to the returned buffer. */
struct xo_buf *relay_send_begin(struct xo_relay *r);
void relay_send_end(struct xo_relay *r, enum xo_side side, size_t start);
void relay_send(struct xo_relay *r, enum xo_side side, struct xo_span s);
void relay_reply(struct xo_relay *r, uint16_t code, const char *enhanced,
    struct xo_span text);
/* Only counts: the reply waits in a queue. */
void relay_count_error(struct xo_relay *r, enum xo_refusal why);
/* What the client waited for is here: its own time begins anew. */
void relay_client_turn(struct xo_relay *r);
void relay_close(struct xo_relay *r);
void relay_banner(struct xo_relay *r);
bool relay_is_full(const struct xo_relay *r);

#endif
