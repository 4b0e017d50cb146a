/* SPDX-License-Identifier: ISC */
/*
 * One side of a session on the wire: a non-blocking socket, TLS or not, what
 * waits to be sent and what was read and not yet used.
 *
 * The socket is registered once, edge-triggered, for both directions; the leg
 * remembers what it may still do. Its owner is called when that changes, moves
 * what can be moved, and flushes at the end of its turn: what belongs together
 * leaves in one segment.
 */
#ifndef XO_LEG_H
#define XO_LEG_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <xoorg/bytes.h>

#include "tls.h"

/* Waiting octets above this stop the reading of the other side. */
#define XO_LEG_HIGH ((size_t)128 * 1024)
/* One read, into the worker's own buffer: fewer calls for large messages. */
#define XO_LEG_READ ((size_t)128 * 1024)

struct xo_leg;
typedef void xo_leg_ready(struct xo_leg *leg, void *owner);

struct xo_leg {
	int fd;				/* -1: closed */
	struct event event;
	bool is_registered;
	struct xo_tls *tls;		/* NULL: clear text */
	bool is_readable, is_writable;	/* until EAGAIN says otherwise */
	bool has_fin;			/* the peer's end is in the socket */
	bool is_handshaking;
	bool has_ended;			/* nothing more will be read */
	bool is_broken;			/* reset, or a TLS error */
	struct xo_buf in;		/* read, not yet used */
	struct xo_buf out;		/* accepted, not yet written */
	uint64_t written;		/* octets, for progress */
	xo_leg_ready *ready;
	void *owner;
};

/* Takes `fd` over: connected, or connecting. All-zero `leg` before. */
bool xo_leg_open(struct xo_leg *leg, struct event_base *base, int fd,
    xo_leg_ready *ready, void *owner);
/* Closes at once; what waits is lost. Safe on a leg that never was open. */
void xo_leg_close(struct xo_leg *leg);

/* Calls `ready` again in the next turn of the loop. */
void xo_leg_again(struct xo_leg *leg);

/*
 * A reset that arrived together with octets tells of itself by no edge once they
 * are read (libevent gives an error as EV_READ): to be looked for now and then
 * where somebody is waited for.
 */
void xo_leg_look_for_end(struct xo_leg *leg);

/*
 * Reads once. The result is what there is to use: old unused octets and new
 * ones behind them, in `scratch` (XO_LEG_READ octets) or in leg->in. Empty:
 * nothing came. Tell xo_leg_used() how much was used before reading again.
 */
struct xo_span xo_leg_read(struct xo_leg *leg, uint8_t *scratch);
void xo_leg_used(struct xo_leg *leg, struct xo_span got, size_t used);
/* Unused octets from before, if any. */
static inline struct xo_span
xo_leg_left(const struct xo_leg *leg)
{
	return xo_buf_span(&leg->in);
}

/* Large spans may be written at once, small ones wait for the flush. */
void xo_leg_send(struct xo_leg *leg, struct xo_span s);
void xo_leg_flush(struct xo_leg *leg);
static inline bool
xo_leg_is_full(const struct xo_leg *leg)
{
	return leg->out.len >= XO_LEG_HIGH;
}

/* Begins or continues the handshake; leg->tls was set by the owner. */
enum xo_io xo_leg_handshake(struct xo_leg *leg);

#endif
