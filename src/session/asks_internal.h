/* SPDX-License-Identifier: ISC */
/*
 * What a connection at which Postfix asks is made of:
 *
 *   asks.c          all of them: how they come, wait and go
 *   asks_answer.c   a question: its answer, its line, its counters
 */
#ifndef XO_ASKS_INTERNAL_H
#define XO_ASKS_INTERNAL_H

#include <conf/conf.h>
#include <lookup/lookups.h>
#include <net/clock.h>
#include <net/env.h>
#include <net/leg.h>
#include <watch/log_rate.h>
#include <watch/metrics.h>

#include "asks.h"
#include "session_id.h"

/* Of the attribute `instance`, which is about thirty. */
#define XO_INSTANCE_MAX 64

enum xo_ask_wait {
	XO_ASK_NEW,
	XO_ASK_IDLE,
	XO_ASK_BUSY,			/* a question, or an answer, is half */
	XO_ASK_LOOKUP,			/* a table is asked for the answer */
	XO_ASK_LINGERS,
};

struct xo_ask {
	struct xo_asks *all;
	struct xo_ask *next, *previous;
	int listener;
	struct xo_leg leg;
	struct event *timer;
	uint64_t began;
	enum xo_ask_wait wait;		/* what the timer runs for */
	struct xo_lookup_wait lookup;
	bool is_told;			/* by a table, or it was too late */
	bool is_closing;		/* nothing more is read */
	bool has_said_end;
	uint32_t n_questions;
	/* The message that was asked about last; it has several recipients. */
	uint8_t instance[XO_INSTANCE_MAX];
	size_t instance_len;
	char id[XO_SESSION_ID_SIZE];
};

struct xo_asks {
	const struct xo_env *env;
	struct xo_ask *first;		/* a list */
	size_t n, most;
	bool is_draining;
	void (*emptied)(void *arg);
	void *arg;
	struct xo_log_rate log_rate;
};

/*
 * Answers the question that `in` begins with; the answer waits in the leg. XO_OK:
 * *used_r octets were one. XO_MORE: it is not whole,
 * or it waits for a table. Others: nothing behind it can
 * be read, which has been told.
 */
enum xo_err xo_ask_answer(struct xo_ask *ask, struct xo_span in,
    size_t *used_r);

/* A line for a connection that is refused or cut. */
void xo_ask_log_refusal(struct xo_asks *all, int listener, const char *id,
    enum xo_refusal why);
void xo_ask_log_end(struct xo_ask *ask);

#endif
