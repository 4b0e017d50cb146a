/* SPDX-License-Identifier: ISC */
/*
 * All sessions of a worker. One session is the relay's bytes and events between
 * two sockets: it decides nothing; it moves what can be moved and says when
 * time is up.
 */
#ifndef XO_SESSIONS_H
#define XO_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <net/env.h>

struct xo_hops;
struct xo_sessions;

struct xo_sessions_setup {
	const struct xo_env *env;	/* both kept */
	struct xo_hops *hops;
	size_t most;			/* as descriptors allow; 0: any */
	/* The last session is gone; more may come. */
	void (*emptied)(void *arg);
	void *arg;
};

/* NULL: no memory. */
struct xo_sessions *xo_sessions_new(const struct xo_sessions_setup *setup);
/* Cuts all that are left. */
void xo_sessions_free(struct xo_sessions **sessions);

/* A client has come: takes the socket over. `listener`: index in the policy. */
void xo_sessions_take(struct xo_sessions *sessions, int fd, int listener,
    const struct sockaddr *peer);
size_t xo_sessions_count(const struct xo_sessions *sessions);

/* What sessions wait for is known as far as it will be (xo_hops_learn). */
void xo_sessions_learnt(struct xo_sessions *sessions);
/* Once a second: a lost side is noticed before its time is over, and log lines
 * that were left out are told of. */
void xo_sessions_tick(struct xo_sessions *sessions);
/* Whether max_sessions are here, and clients get load_timeout. */
void xo_sessions_press(struct xo_sessions *sessions, bool is_pressed);
/* `is_final`: their time is up. */
void xo_sessions_shutdown(struct xo_sessions *sessions, bool is_final);

#endif
