/* SPDX-License-Identifier: ISC */
/*
 * A few connections to a server of tenants, on a local socket or an address, and
 * the questions that wait for it. What is said on them is the dialect's.
 *
 * A connection is made when there is a question; after a failure not before a
 * while, which doubles. If the table has several servers, the next is tried at once,
 * and stayed with while it answers. Replies come in the order of questions. A reply
 * that is not one, one too many, one that is late: the connection is closed, and all
 * that wait on it get no answer, since none can be told from another any more.
 * `done` is only called from the loop.
 */
#ifndef XO_LOOKUP_CLIENT_H
#define XO_LOOKUP_CLIENT_H

#include "source.h"

/* A question. The dialect's: `step`, 0 at first, and what it found. */
struct xo_client_request {
	const struct xo_question *question;	/* NULL: nobody waits any more */
	size_t n;			/* texts of it */
	size_t step;
	uint64_t id;			/* each has another */
	struct xo_buf record;
	bool is_found;
	const char *why;		/* there will be no answer */
	bool is_of_server;		/* for what the server is, not the key */
};

enum xo_client_progress {
	XO_CLIENT_MORE,			/* not a whole reply yet */
	XO_CLIENT_NEXT,			/* taken; there is another to come */
	XO_CLIENT_AGAIN,		/* taken; ask() has more to say */
	XO_CLIENT_DONE,			/* see `answer` */
	XO_CLIENT_LEAVE,		/* the same; another server may know it */
	XO_CLIENT_BAD,			/* answer->why; the connection is over */
};

struct xo_client_dialect {
	size_t connections;		/* at most */
	size_t depth;			/* questions on one at a time */
	size_t most;			/* octets of replies that are not whole */
	/* Appends what is said first. How many replies to it are awaited. */
	size_t (*greet)(const struct xo_conf *conf,
	    const struct xo_conf_table *table, struct xo_buf *out);
	void (*ask)(const struct xo_conf *conf,
	    const struct xo_conf_table *table,
	    const struct xo_client_request *request, struct xo_buf *out);
	/* `request` NULL: a reply to the greeting. */
	enum xo_client_progress (*read)(struct xo_client_request *request,
	    struct xo_span in, size_t *used_r,
	    struct xo_source_answer *answer);
};

/* A client. NULL: no memory. `env`, `table` and `dialect` are kept. */
void *xo_client_open(const struct xo_env *env,
    const struct xo_conf_table *table,
    const struct xo_client_dialect *dialect);

/* The functions of struct xo_source_type, with a client as the source. */
void xo_client_close(void *client);
void *xo_client_ask(void *client, const struct xo_question *question,
    xo_source_done *done, void *arg);
void xo_client_cancel(void *client, void *request);

#endif
