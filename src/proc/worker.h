/* SPDX-License-Identifier: ISC */
/*
 * A worker: one process, one event loop, its own listening sockets, its own
 * connections to the next hops. It shares nothing with the others but the
 * counters, and knows one configuration all its life.
 */
#ifndef XO_WORKER_H
#define XO_WORKER_H

#include <sys/types.h>

#include <event2/event.h>

#include <conf/conf.h>
#include <net/clock.h>
#include <net/leg.h>
#include <net/tls.h>
#include <watch/log.h>
#include <watch/metrics.h>
#include <xoorg/relay.h>

#include "listen.h"

struct xo_gate;
struct xo_hops;
struct xo_resolver;
struct xo_session;

struct xo_worker {
	struct event_base *base;
	struct xo_gate *gate;		/* what was loaded before the fork */
	const struct xo_conf *conf;
	struct xo_log *log;
	struct xo_metrics *metrics;	/* with this worker's slot */
	struct xo_census *census;	/* the same */
	struct xo_resolver *resolver;
	struct xo_hops *hops;
	struct xo_known *known;		/* one an upstream */
	struct event **listeners;
	size_t n_listeners;
	struct event *tick;		/* heartbeat, log */
	struct event *terminate;
	struct event *drained;
	struct xo_session *sessions;	/* all of them, a list */
	size_t n_sessions;
	size_t most_sessions;		/* as descriptors allow; 0: any */
	uint64_t n_ids;
	uint64_t log_second;		/* the one in which log_lines came */
	uint32_t log_lines;
	uint64_t log_held;		/* lines left out, not yet told of */
	int null_fd;
	int spare_fd;			/* another: for a last word */
	bool is_pressed;		/* max_sessions are here */
	bool is_draining;
	bool is_over;			/* and the time for it is up */
	uint8_t scratch[XO_LEG_READ];
};

struct xo_worker_setup {
	struct xo_gate *gate;
	const struct xo_sockets *sockets;
	size_t slot;			/* in the counters and the sockets */
	pid_t parent;			/* the master: gone is a SIGTERM, too */
	int key_fd;			/* to the key process; -1: none */
	int log_fd;			/* to the log process */
};

/*
 * Runs until it is told to drain (SIGTERM) and has drained; returns the exit
 * status of the process.
 */
int xo_worker_run(const struct xo_worker_setup *setup);

/* A session is gone; the last one of a draining worker ends it. */
void xo_worker_forget(struct xo_worker *worker, struct xo_session *session);

#endif
