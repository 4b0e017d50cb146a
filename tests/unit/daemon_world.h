/* SPDX-License-Identifier: ISC */
/*
 * A worker without a process: sessions and next hops on a loop of their own, with
 * a time that passes only when a test says so, also for libevent. There is no
 * network: a connect() of the gateway gets one end of a socketpair, and the
 * servers at the other ends are played here; clients are socketpairs, too, and
 * come from whatever address a test likes.
 *
 * A test links with -Wl,--wrap=connect.
 */
#ifndef DAEMON_WORLD_H
#define DAEMON_WORLD_H

#include <conf/conf.h>
#include <hop/claim.h>
#include <hop/hop.h>
#include <hop/learn.h>
#include <hop/link.h>
#include <hop/pool.h>
#include <net/env.h>
#include <net/leg.h>
#include <session/sessions.h>
#include <xoorg/relay.h>

#define SERVERS_MAX 64
#define TEXT_MAX 8192

/* One connection to a next hop, as the next hop sees it. */
struct server {
	int fd;				/* -1: closed from here */
	char place[64];			/* where it was called, "192.0.2.25" */
	char heard[TEXT_MAX];		/* all that was said to it */
	size_t n_heard, n_used;
	bool is_in_data;
	bool has_client;		/* XCLIENT was said */
	bool has_ended;			/* the gateway closed it */
};

struct client {
	int fd;
	bool has_ended;
	char said[TEXT_MAX];		/* by the gateway, since last asked */
};

/* What came of a claim. */
struct claimed {
	struct xo_claim *claim;
	struct xo_link *link;
	enum xo_refusal why;
	unsigned int n_calls;
};

struct world {
	struct xo_conf *conf;
	struct xo_env env;
	struct xo_hops *hops;
	struct xo_sessions *sessions;
	unsigned int n_learnt, n_emptied;
	void (*emptied)(void *arg);	/* for a test's own sessions */
	struct server servers[SERVERS_MAX];
	size_t n_servers;
	/* how servers are */
	const char *refused;		/* this place, or "all": connect() fails */
	const char *connecting;		/* the same: it takes for ever */
	const char *hanging;		/* the same: no greeting */
	const char *greeting;		/* NULL: 220 */
	char tried[TEXT_MAX];		/* last octets of places, "25 26 " */
	const char *caps;		/* "DSN,SIZE 1000" */
	const char *caps_then;		/* once XCLIENT was said; NULL: the same */
	bool is_deaf;			/* content is not read */
	uint8_t scratch[XO_LEG_READ];
};

/* The one that plays. */
extern struct world world;

/* `settings` of the file's top level come behind a hostname and the like, those
 * of the upstream "main" behind its hosts, 192.0.2.25 and .26. */
void world_begin(const char *settings, const char *upstream);
/* Changes what is const for the gateway. */
struct xo_upstream *world_upstream(int u);
void world_end(void);

/* Everybody does what there is to do, without time passing. */
void world_settle(void);
/* So many milliseconds, at most a second at a time: each with what it brings. */
void world_pass(uint64_t milliseconds);

/* From "192.0.2.1" or "2001:db8::1". */
void client_come(struct client *c, const char *address);
/* The same; it reads nothing, and nothing can be said to it. */
void client_come_deaf(struct client *c, const char *address);
/* What was said to it since, as text; "" for NULL is to listen only. */
const char *client_says(struct client *c, const char *text);
void client_goes(struct client *c);

/* Connections that are open; `n_all_r`: that ever were. */
size_t servers_open(void);
/* The last one that was opened. */
struct server *server_last(void);
void server_says(struct server *s, const char *text);
void server_closes(struct server *s);

void claim_begin(struct claimed *c, const struct xo_wish *wish);
/* The same, settled. */
void claim_now(struct claimed *c, int tenant);

#endif
