/* SPDX-License-Identifier: ISC */
/*
 * The status server: /metrics for Prometheus, /healthz (is it alive?), /readyz (can
 * it hand mail on?), /orgs (JSON: every originator org of the real traffic), and a
 * page for people. A process of its
 * own, without keys and privileges, fed from shared memory alone; it can be
 * killed at any time, and mail does not notice.
 *
 * It speaks plain HTTP and asks for no password: it belongs on a loopback
 * address, or behind a proxy that asks.
 */
#ifndef XO_STATUS_H
#define XO_STATUS_H

#include <sys/types.h>

#include "metrics.h"

struct xo_status_setup {
	const struct xo_conf *conf;
	const struct xo_metrics *metrics;
	int listen_fd;			/* of xo_status_listen() */
	pid_t parent;			/* ends when this one does */
	/* Drops privileges, confines itself. False: the process exits. */
	bool (*confine)(void *arg);	/* NULL: nothing to do */
	void *arg;
};

/*
 * In the master, once: it survives reloads, and the port needs its rights.
 * -1: one line in `error`.
 */
int xo_status_listen(const struct xo_conf_host *host, struct xo_buf *error);

/*
 * In a child of the master, with no descriptors but 0, 1, 2 and listen_fd: a
 * listening socket of a worker held open here would swallow connections.
 * SIGTERM ends it. After a reload the master starts a new one.
 */
_Noreturn void xo_status_run(const struct xo_status_setup *setup);

#endif
