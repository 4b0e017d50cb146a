/* SPDX-License-Identifier: ISC */
/*
 * One connection of a client (client.h): to a local socket or an address, with TLS
 * or without. With TLS the server is verified, chain and name, before anything is
 * said to it, and clear text is never tried instead.
 *
 * All-zero is closed. `ready` is only called from the loop.
 */
#ifndef XO_LOOKUP_CLIENT_LINK_H
#define XO_LOOKUP_CLIENT_LINK_H

#include <conf/conf.h>
#include <net/env.h>
#include <net/leg.h>

#define XO_CLIENT_PROBLEM_SIZE 192

struct xo_client_link;
typedef void xo_client_link_ready(struct xo_client_link *link, void *owner);

struct xo_client_link {
	const struct xo_env *env;
	const struct xo_conf_table *table;
	xo_client_link_ready *ready;
	void *owner;
	struct event *timer;		/* NULL: closed */
	struct xo_leg leg;		/* what is to be sent: leg.out */
	bool is_connected;
	bool is_open;			/* TLS is, too */
	struct xo_buf in;		/* read, and not yet used */
	char problem[XO_CLIENT_PROBLEM_SIZE];	/* not "": it is over */
};

/*
 * Begins; calls `ready` when something can be read, or can not any more, and when it
 * is open; and, `limit` ms from now, unless xo_client_link_is_served() was called.
 * All are kept. False: see `problem`; it is closed.
 */
bool xo_client_link_open(struct xo_client_link *link, uint32_t limit);
/* The server has said something to the point: no more limit. */
void xo_client_link_is_served(struct xo_client_link *link);
/* Closed is fine. `problem` stays. */
void xo_client_link_close(struct xo_client_link *link);

static inline bool
xo_client_link_is_closed(const struct xo_client_link *link)
{
	return link->timer == NULL;
}

/* Adds what came to `in`. False: nothing did, or see `problem`. */
bool xo_client_link_read(struct xo_client_link *link);
/* Sends what is in leg.out, now or when it can. `ready` is told of what fails. */
void xo_client_link_flush(struct xo_client_link *link);
/* Nothing came that was not read, and it has not ended. */
bool xo_client_link_is_quiet(struct xo_client_link *link);

#endif
