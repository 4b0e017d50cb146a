/* SPDX-License-Identifier: ISC */
/*
 * What of a worker waits for the tables: equal questions become one, its answer
 * goes into the policy's guests, and each who waits is told. All of that happens
 * in a turn of the loop of its own, never within a call. Who asks for several keys
 * is told once, when all are answered.
 */
#ifndef XO_LOOKUP_LOOKUPS_H
#define XO_LOOKUP_LOOKUPS_H

#include <net/env.h>
#include <xoorg/treatment.h>

struct xo_lookup;
struct xo_lookup_group;
struct xo_lookups;

/* One that waits, in the struct of its owner. All-zero: it does not. */
struct xo_lookup_wait {
	struct xo_lookup *lookup;		/* for one key; else NULL */
	struct xo_lookup_group *group;		/* for several; else NULL */
	struct xo_lookup_wait *next, *previous;
	void (*done)(void *arg);
	void *arg;
};

/* With the tables of `env`, which is kept. NULL: no memory. */
struct xo_lookups *xo_lookups_new(const struct xo_env *env);
/* Nobody hears any more; but those who wait must have left. */
void xo_lookups_free(struct xo_lookups **lookups);

/*
 * Asks for what is lacked, valid domains; it is copied. `wait->done` is called
 * once, from the loop: all answers that there are are found in policy->guests until
 * it returns. `wait` is kept until then, and may be used again, or be gone, within
 * it. One that waits already leaves its former question. False: no memory, and
 * `done` is not called.
 */
bool xo_lookups_ask(struct xo_lookups *lookups,
    struct xo_lookup_wait *wait, const struct xo_lack *lack);
bool xo_lookups_is_waiting(const struct xo_lookup_wait *wait);
/* `done` is not called any more. Fine if it does not wait. */
void xo_lookups_leave(struct xo_lookup_wait *wait);

#endif
