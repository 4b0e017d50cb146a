/* SPDX-License-Identifier: ISC */
/*
 * A worker: one process, one event loop, its own listening sockets, its own
 * links to the next hops. It shares nothing with the others but the
 * counters, and knows one configuration all its life.
 */
#ifndef XO_WORKER_H
#define XO_WORKER_H

#include <sys/types.h>

#include "listen.h"

struct xo_runtime;

struct xo_worker_setup {
	struct xo_runtime *runtime;
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

#endif
