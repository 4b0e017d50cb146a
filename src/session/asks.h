/* SPDX-License-Identifier: ISC */
/*
 * Where Postfix asks: the connections of a worker's listeners with the protocols
 * `policy` and `socketmap`. Many questions come on each, one after the other, and
 * are answered in that order. What is answered stands in src/ask.
 */
#ifndef XO_ASKS_H
#define XO_ASKS_H

#include <stdbool.h>
#include <stddef.h>

#include <net/env.h>

struct xo_asks;

struct xo_asks_setup {
	const struct xo_env *env;	/* kept */
	size_t most;			/* as descriptors allow; 0: any */
	/* The last connection is gone; more may come. */
	void (*emptied)(void *arg);
	void *arg;
};

/* NULL: no memory. */
struct xo_asks *xo_asks_new(const struct xo_asks_setup *setup);
/* Cuts all that are left. */
void xo_asks_free(struct xo_asks **asks);

/* Somebody has come: takes the socket over. `listener`: index in the policy. */
void xo_asks_take(struct xo_asks *asks, int fd, int listener);
size_t xo_asks_count(const struct xo_asks *asks);

/* Once a second: log lines that were left out are told of. */
void xo_asks_tick(struct xo_asks *asks);
/* What has been asked is answered, and then each is closed, which Postfix takes
 * for nothing: it asks anew. `is_final`: they are closed now. */
void xo_asks_shutdown(struct xo_asks *asks, bool is_final);

#endif
