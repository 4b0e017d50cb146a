/* SPDX-License-Identifier: ISC */
/*
 * What a session is made of, and what the files of it share:
 *
 *   sessions.c       all of them
 *   session_begin.c  PROXY header, bounds, banner
 *   session.c        a turn: moving octets, taking the relay's actions
 *   session_lookup.c whose a message is, asked of tables
 *   session_time.c   deadlines and stalls
 *   session_close.c  closing
 *   session_bounds.c how many may be here, and begin TLS
 *   session_client.c who the client is
 *   session_log.c    what is told about it
 */
#ifndef XO_SESSION_INTERNAL_H
#define XO_SESSION_INTERNAL_H

#include <conf/conf.h>
#include <hop/claim.h>
#include <hop/hop.h>
#include <lookup/lookups.h>
#include <net/clock.h>
#include <net/env.h>
#include <net/leg.h>
#include <watch/log_rate.h>
#include <watch/metrics.h>
#include <xoorg/relay.h>

#include "session_id.h"
#include "sessions.h"

struct xo_sessions {
	const struct xo_env *env;
	struct xo_hops *hops;
	struct xo_session *first;	/* a list */
	size_t n;
	size_t most;			/* as descriptors allow; 0: any */
	void (*emptied)(void *arg);
	void *arg;
	struct xo_log_rate log_rate;
	bool is_pressed;		/* max_sessions are here */
};

/* A next hop that it wants. */
struct xo_want {
	struct xo_claim *claim;		/* being opened */
	int upstream, tenant;		/* of the wish; the rest is said then */
	bool is_fresh;
	struct xo_client_name *name;	/* for the next hop; NULL: not asked */
	struct xo_place lost;		/* where the link dropped last went */
	bool is_settled;		/* and the relay has not been told yet */
	enum xo_refusal why;		/* there is none */
	struct xo_buf said;		/* by the next hop, to that */
};

/* When what it waits for is over, beside the relay's own deadline. */
struct xo_times {
	struct event *event;
	uint64_t armed_for;
	uint64_t proxy;			/* a PROXY header */
	uint64_t caps;			/* what upstreams can do */
	uint64_t stall;			/* octets that do not go */
	uint64_t written;		/* by both legs, when that began */
	uint64_t linger;		/* the client's end */
};

/*
 * Where the client stands. A session goes down this list, and up only from a
 * handshake to SMTP. What is no phase is true in several of them, and is a bool
 * of its own: the relay may wait for capabilities when the client goes, and what
 * the bounds know of a session they know until its end.
 */
enum xo_phase {
	XO_PHASE_PROXY,			/* before the banner: a PROXY header */
	XO_PHASE_SMTP,			/* what comes is the relay's */
	XO_PHASE_TLS,			/* STARTTLS has its 220: a handshake */
	XO_PHASE_GONE,			/* and the relay knows: it finishes */
	XO_PHASE_CLOSING,		/* last words go out, none are heard */
	XO_PHASE_ENDED,			/* our end is said: its end is awaited */
};

struct xo_session {
	struct xo_sessions *all;
	struct xo_session *next, *previous;
	int listener;
	struct xo_relay *relay;
	struct xo_leg front;
	struct xo_link *link;		/* the next hop's, while in use */
	struct xo_want want;
	struct xo_lookup_wait lookup;
	struct xo_times time;
	enum xo_phase phase;
	bool waits_for_caps;		/* of upstreams, for the answer to EHLO */
	bool is_counted;		/* in the census, under `address`; after
					 * the banner false: 421 was that */
	bool is_exempt;			/* one of our own systems */
	struct xo_address address, server;
	uint16_t port, server_port;
	uint64_t began;
	uint32_t n_messages;
	char id[XO_SESSION_ID_SIZE];
};

/* session_begin.c */
/* As xo_sessions_take(). */
void xo_session_new(struct xo_sessions *all, int fd, int listener,
    const struct sockaddr *peer);
/* SMTP begins: the banner. False: no memory, and the session is closing. */
bool xo_session_begin(struct xo_session *s, bool is_proxied);
/* True: the header is read, and SMTP has begun. */
bool xo_session_move_proxy(struct xo_session *s);

/* session_bounds.c */
/* Counts it in; what its greeting is to be. Its address is known by now. */
enum xo_refusal xo_session_enter(struct xo_session *s);
void xo_session_leave(struct xo_session *s);
/* Tells the relay what STARTTLS would get now. */
void xo_session_look_at_tls(struct xo_session *s);
void xo_session_count_tls(struct xo_session *s);

/* session.c */
/* A turn. The session may be gone afterwards. */
void xo_session_run(struct xo_session *s);
void xo_session_on_leg(struct xo_leg *leg, void *owner);
void xo_session_set_time(struct xo_session *s);
void xo_session_take_actions(struct xo_session *s);

/* session_client.c */
void xo_session_set_addresses(struct xo_session *s,
    const struct sockaddr *peer);
/* As a next hop shall see it; spans valid until the next hello. */
struct xo_handover_info xo_session_client(const struct xo_session *s);

/* session_lookup.c */
/* `done`, of the session, is for the answer. */
void xo_session_look_up(struct xo_session *s, void (*done)(void *arg));
/* The relay may not want to know any more. */
void xo_session_mind_lookup(struct xo_session *s);

/* session_time.c */
void xo_session_arm(struct xo_session *s);
void xo_session_on_timer(evutil_socket_t fd, short what, void *arg);
void xo_session_watch_stall(struct xo_session *s);

/* session_close.c */
/* To be closed, once what was said has gone out. */
void xo_session_close(struct xo_session *s);
/* To be closed without another word. */
void xo_session_cut(struct xo_session *s);
/* While it is closing: true if it need not wait for the client any more. */
bool xo_session_may_close(struct xo_session *s);
void xo_session_free(struct xo_session *s);

/* session_log.c */
void xo_session_log_message(struct xo_session *s,
    const struct xo_report *report);
void xo_session_log_refusal(struct xo_session *s, const struct xo_action *a);
/* What the next hop said, and no client is told. */
void xo_session_log_said(struct xo_session *s, const struct xo_action *a);
void xo_session_log_observed(struct xo_session *s, const struct xo_action *a);
/* A listed proxy did not begin with a header. */
void xo_session_log_proxy(struct xo_session *s);
void xo_session_log_handshake(struct xo_session *s, bool is_ok);
/* One line a session, when it ends. */
void xo_session_log_end(struct xo_session *s);

#endif
