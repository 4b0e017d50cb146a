/* SPDX-License-Identifier: ISC */
/*
 * One session in the world: the relay's bytes and events between two sockets.
 * It decides nothing; it moves what can be moved and says when time is up.
 */
#ifndef XO_GATE_SESSION_H
#define XO_GATE_SESSION_H

#include <sys/socket.h>

#include <proc/worker.h>

/* Takes the socket over. `listener`: index in the policy. */
void xo_session_new(struct xo_worker *worker, int fd, int listener,
    const struct sockaddr *peer);
/* What sessions wait for is known as far as it will be (xo_hops_learn). */
void xo_sessions_caps(struct xo_worker *worker);
/* Tells of log lines that were left out, once their second is over. */
void xo_sessions_tell_held(struct xo_worker *worker);
/* The worker's is_pressed has changed. */
void xo_sessions_press(struct xo_worker *worker);
/* `is_final`: their time is up. */
void xo_sessions_shutdown(struct xo_worker *worker, bool is_final);

#endif
