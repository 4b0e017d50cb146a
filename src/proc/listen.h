/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: the master's, one for each address and worker, so that no
 * connection in a backlog is lost when a worker dies or a configuration changes.
 * A unix socket has one name, and so one backlog, which all workers share.
 */
#ifndef XO_LISTEN_H
#define XO_LISTEN_H

#include <conf/conf.h>

struct xo_socket {
	char *address;			/* "host port", as configured */
	int listener;			/* index in the configuration */
	size_t slot;			/* its worker's, or: */
#define XO_SLOT_STATUS SIZE_MAX
#define XO_SLOT_SHARED (SIZE_MAX - 1)	/* a unix socket: all workers' */
	int fd;
};

struct xo_sockets {
	struct xo_socket *list;
	size_t n;
};

/*
 * Binds what `conf` wants for `n_workers`, and for the status server; sockets that
 * `old` has already are taken over and are then both's. False: one line in `error`,
 * nothing is open that was not before.
 */
bool xo_sockets_open(struct xo_sockets *sockets, const struct xo_conf *conf,
    size_t n_workers, const struct xo_sockets *old, struct xo_buf *error);
/* Closes those of `sockets` that `kept` does not share, and takes their names
 * away, unless another has them now. NULL: all are closed, and names stay. */
void xo_sockets_close(struct xo_sockets *sockets,
    const struct xo_sockets *kept);
/* -1: none. */
int xo_sockets_find(const struct xo_sockets *sockets, const char *address,
    size_t slot);

/*
 * A service manager that keeps descriptors keeps the sockets while one program
 * makes way for the next, so that a restart refuses no connection: those that
 * come meanwhile wait in the backlog (sd_notify(3), FDSTORE).
 *
 * What the last one left, as `old` of xo_sockets_open(); empty without a manager.
 */
void xo_sockets_inherit(struct xo_sockets *sockets);
/* The manager keeps those of `sockets` that are not in `known` as well. */
void xo_sockets_keep(const struct xo_sockets *sockets,
    const struct xo_sockets *known);
/* It forgets those that are not in `kept`: nobody would answer there. */
void xo_sockets_forget(const struct xo_sockets *sockets,
    const struct xo_sockets *kept);

#endif
