/* SPDX-License-Identifier: ISC */
/*
 * Connections and questions: see client.h.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include <net/clock.h>

#include "client_link.h"

/* Questions that wait, of one source in one worker. */
#define REQUESTS_MAX 4096
/* ms before a connection is tried again: at first, and at most. */
#define PAUSE_MIN 100
#define PAUSE_MAX 5000

struct queue {
	struct request *first;
	size_t n;
};

struct request {
	struct xo_client_request r;
	struct xo_client *client;
	struct connection *connection;	/* NULL: it waits for one */
	struct queue *queue;		/* in which it is */
	struct request *next;
	struct event *timer;
	xo_source_done *done;		/* NULL: nobody wants it any more */
	void *arg;
};

struct connection {
	struct xo_client *client;
	struct xo_client_link link;
	bool has_begun;			/* it is open, and was greeted */
	size_t n_greeting;		/* replies to that, which are awaited */
	bool is_broken;			/* and no more is asked on it */
	size_t n_answers;
	struct queue sent;		/* in their order */
};

struct xo_client {
	const struct xo_env *env;
	const struct xo_conf_table *table;
	const struct xo_client_dialect *dialect;
	const struct xo_conf_table *server;	/* of the table's: now */
	size_t n_servers;
	size_t n_failed;		/* of its servers, one after the other */
	struct queue waiting;
	size_t n_requests;
	uint64_t n_ids;
	uint64_t retry_at;		/* ms */
	uint32_t pause;
	/* Why there is no connection; "": there was none to fail. */
	char problem[XO_CLIENT_PROBLEM_SIZE];
	struct connection connections[];
};

/* --- queues ---------------------------------------------------------------- */

static void
append(struct queue *q, struct request *r)
{
	struct request **end = &q->first;

	while (*end != NULL)
		end = &(*end)->next;
	r->next = NULL;
	r->queue = q;
	*end = r;
	q->n++;
}

static void
take_out(struct request *r)
{
	struct request **at = &r->queue->first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->queue->n--;
}

static void
free_request(struct request *r)
{
	take_out(r);
	r->client->n_requests--;
	xo_buf_fini(&r->r.record);
	event_free(r->timer);
	free(r);
}

static void
finish(struct request *r, const struct xo_source_answer *answer)
{
	xo_source_done *done = r->done;
	void *arg = r->arg;

	/* What it asks for now may be asked at once. */
	r->done = NULL;
	if (done != NULL)
		done(arg, answer);
	free_request(r);
}

static void
finish_without(struct request *r, const char *why)
{
	const struct xo_source_answer answer = {.why = why};

	finish(r, &answer);
}

/* --- a connection ---------------------------------------------------------- */

static void pump(struct xo_client *client);

/* Not before a while again, unless it has worked so far, or another is left. */
static void
set_pause(struct xo_client *client, bool has_worked, const char *why)
{
	if (why != client->problem)
		(void)snprintf(client->problem, sizeof(client->problem), "%s",
		    why);
	if (has_worked) {
		client->pause = 0;
		client->retry_at = 0;
		return;
	}
	client->server = client->server->next != NULL ?
	    client->server->next : client->table;
	if (++client->n_failed < client->n_servers)
		return;
	client->n_failed = 0;
	client->pause = client->pause == 0 ? PAUSE_MIN : client->pause * 2;
	if (client->pause > PAUSE_MAX)
		client->pause = PAUSE_MAX;
	client->retry_at = xo_clock_now() + client->pause;
}

/* From the loop only: those that wait on it hear of it. */
static void
drop(struct connection *c, bool has_worked, const char *why)
{
	struct xo_client *client = c->client;
	struct queue lost = c->sent;

	/* The connection may be opened anew while they are told. */
	c->sent = (struct queue){NULL, 0};
	for (struct request *r = lost.first; r != NULL; r = r->next)
		r->queue = &lost;
	set_pause(client, has_worked && c->n_answers > 0, why);
	xo_client_link_close(&c->link);
	/* analyser: each that is told is out of the queue */
	while (lost.first != NULL)
		finish_without(lost.first, client->problem);
	pump(client);
}

/* What is not to be used any more is told from the loop. */
static void
break_off(struct connection *c)
{
	c->is_broken = true;
	xo_leg_again(&c->link.leg);
}

static void
say(struct connection *c, const struct request *r)
{
	const struct xo_client *client = c->client;

	client->dialect->ask(client->env->conf, client->table, &r->r,
	    &c->link.leg.out);
	if (c->link.leg.out.err != XO_OK)
		break_off(c);
	else
		xo_client_link_flush(&c->link);
}

static bool
has_room(struct connection *c)
{
	if (!c->has_begun || c->n_greeting > 0 || c->is_broken ||
	    c->sent.n >= c->client->dialect->depth)
		return false;
	/* What came when nothing was asked, or the end: it is not to be used. */
	if (c->sent.n > 0 || xo_client_link_is_quiet(&c->link))
		return true;
	break_off(c);
	return false;
}

/* --- replies --------------------------------------------------------------- */

/* False: the connection is gone. */
static bool
take_reply(struct connection *c, enum xo_client_progress progress,
    const struct xo_source_answer *answer)
{
	struct request *r = c->sent.first;

	if (progress == XO_CLIENT_LEAVE && c->client->n_servers == 1)
		progress = XO_CLIENT_DONE;
	switch (progress) {
	case XO_CLIENT_MORE:
	case XO_CLIENT_NEXT:
		break;
	case XO_CLIENT_AGAIN:
		if (c->link.in.len > 0) {
			drop(c, false, "a reply to nothing that was asked");
			return false;
		}
		if (r->r.question != NULL)
			say(c, r);
		else
			finish(r, answer);
		break;
	case XO_CLIENT_DONE:
		if (c->n_greeting > 0) {
			if (--c->n_greeting == 0)
				xo_client_link_is_served(&c->link);
			break;
		}
		c->n_answers++;
		c->client->pause = 0;
		c->client->n_failed = 0;
		finish(r, answer);
		break;
	case XO_CLIENT_LEAVE:
	case XO_CLIENT_BAD:
	default:
		drop(c, false, answer->why);
		return false;
	}
	return true;
}

/* All replies that are whole. False: the connection is gone. */
static bool
read_replies(struct connection *c)
{
	const struct xo_client_dialect *d = c->client->dialect;
	enum xo_client_progress progress = XO_CLIENT_NEXT;

	while (c->link.in.len > 0 && progress != XO_CLIENT_MORE) {
		struct xo_source_answer answer = {.why = "words that are no "
			"reply"};
		size_t used = 0;

		if (c->n_greeting == 0 && c->sent.first == NULL) {
			drop(c, false, "a reply to nothing that was asked");
			return false;
		}
		progress = d->read(c->n_greeting > 0 ? NULL : &c->sent.first->r,
		    xo_buf_span(&c->link.in), &used, &answer);
		/* Before the request goes, which has what is of use of it. */
		xo_buf_consume(&c->link.in, used);
		if (!take_reply(c, progress, &answer))
			return false;
	}
	if (c->link.in.len <= d->most)
		return true;
	drop(c, false, "a reply that is too long");
	return false;
}

/* --- opening --------------------------------------------------------------- */

static void
begin(struct connection *c)
{
	const struct xo_client *client = c->client;

	c->has_begun = true;
	c->n_greeting = client->dialect->greet(client->env->conf,
	    client->table, &c->link.leg.out);
	if (c->n_greeting == 0)
		xo_client_link_is_served(&c->link);
}

static void
on_ready(struct xo_client_link *link, void *owner)
{
	struct connection *c = owner;
	struct xo_client *client = c->client;

	if (link->is_open && !c->has_begun && link->problem[0] == '\0')
		begin(c);
	while (link->problem[0] == '\0' && xo_client_link_read(link)) {
		if (c->is_broken)
			break;
		if (!read_replies(c))
			return;
	}
	if (link->problem[0] != '\0') {
		/* Without a word, and with nothing asked: it may end. */
		drop(c, c->sent.first == NULL, link->problem);
	} else if (c->is_broken) {
		drop(c, false, "a reply to nothing that was asked");
	} else {
		xo_client_link_flush(link);
		pump(client);
	}
}

/* False: see client->problem. */
static bool
open_connection(struct connection *c)
{
	struct xo_client *client = c->client;

	c->has_begun = c->is_broken = false;
	c->n_greeting = c->n_answers = 0;
	c->link.table = client->server;
	c->link.in.max = client->dialect->most + XO_LEG_READ;
	if (xo_client_link_open(&c->link,
	    client->env->conf->policy.limits.lookup_timeout /
	    (uint32_t)(client->n_servers + 1)))
		return true;
	set_pause(client, false, c->link.problem);
	return false;
}

/* --- questions ------------------------------------------------------------- */

static struct connection *
find_room(struct xo_client *client)
{
	for (size_t i = 0; i < client->dialect->connections; i++)
		if (has_room(&client->connections[i]))
			return &client->connections[i];
	return NULL;
}

/* How many may answer, now or when they are open. */
static size_t
count_open(const struct xo_client *client, size_t *opening_r)
{
	size_t n = 0;

	*opening_r = 0;
	for (size_t i = 0; i < client->dialect->connections; i++) {
		const struct connection *c = &client->connections[i];

		if (xo_client_link_is_closed(&c->link))
			continue;
		n++;
		*opening_r += !c->has_begun || c->n_greeting > 0;
	}
	return n;
}

static struct connection *
find_closed(struct xo_client *client)
{
	for (size_t i = 0; i < client->dialect->connections; i++)
		if (xo_client_link_is_closed(&client->connections[i].link))
			return &client->connections[i];
	return NULL;
}

static void
open_one_more(struct xo_client *client)
{
	size_t opening;
	struct connection *c;

	(void)count_open(client, &opening);
	if (client->waiting.n <= opening)
		return;
	/* To the next server, if one fails at once; then there is a pause. */
	do
		c = find_closed(client);
	while (c != NULL && xo_clock_now() >= client->retry_at &&
	    !open_connection(c));
}

/* Sends what can be sent. What cannot is told from the loop. */
static void
pump(struct xo_client *client)
{
	struct connection *c;
	size_t opening;

	while (client->waiting.first != NULL &&
	    (c = find_room(client)) != NULL) {
		struct request *r = client->waiting.first;

		take_out(r);
		append(&c->sent, r);
		r->connection = c;
		say(c, r);
	}
	open_one_more(client);
	if (count_open(client, &opening) > 0)
		return;
	for (struct request *r = client->waiting.first; r != NULL; r = r->next)
		event_active(r->timer, EV_TIMEOUT, 0);
}

/* Time is up, a moment before it is for those who wait, so that they hear what is
 * remembered; or there is no connection to wait for. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct request *r = arg;
	struct connection *c = r->connection;

	(void)fd;
	(void)what;
	if (c != NULL)
		drop(c, false, "no reply in time");
	else
		finish_without(r, r->client->problem[0] != '\0' ?
		    r->client->problem : "no connection in time");
}

void *
xo_client_ask(void *source, const struct xo_question *question,
    xo_source_done *done, void *arg)
{
	struct xo_client *client = source;
	const struct xo_source_answer busy = {.why = "too many questions"};
	uint32_t ms = client->env->conf->policy.limits.lookup_timeout;
	struct timeval tv = xo_clock_timeval(ms - ms / 8);
	struct request *r = client->n_requests < REQUESTS_MAX ?
	    calloc(1, sizeof(*r)) : NULL;

	if (r != NULL)
		r->timer = evtimer_new(client->env->base, on_timer, r);
	if (r == NULL || r->timer == NULL || evtimer_add(r->timer, &tv) != 0) {
		if (r != NULL && r->timer != NULL)
			event_free(r->timer);
		free(r);
		done(arg, &busy);
		return NULL;
	}
	r->r.question = question;
	r->r.n = question->n;
	r->r.id = ++client->n_ids;
	r->client = client;
	r->done = done;
	r->arg = arg;
	client->n_requests++;
	append(&client->waiting, r);
	pump(client);
	return r;
}

/* What was sent has a reply to come, in its turn. */
void
xo_client_cancel(void *source, void *request)
{
	struct request *r = request;

	(void)source;
	r->done = NULL;
	r->r.question = NULL;
	if (r->connection == NULL)
		free_request(r);
}

void *
xo_client_open(const struct xo_env *env, const struct xo_conf_table *table,
    const struct xo_client_dialect *dialect)
{
	struct xo_client *client = calloc(1, sizeof(*client) +
	    dialect->connections * sizeof(client->connections[0]));

	if (client == NULL)
		return NULL;
	client->env = env;
	client->table = table;
	client->dialect = dialect;
	client->server = table;
	for (const struct xo_conf_table *t = table; t != NULL; t = t->next)
		client->n_servers++;
	for (size_t i = 0; i < dialect->connections; i++) {
		struct connection *c = &client->connections[i];

		c->client = client;
		c->link = (struct xo_client_link){
			.env = env,
			.table = table,
			.ready = on_ready,
			.owner = c,
		};
	}
	return client;
}

void
xo_client_close(void *source)
{
	struct xo_client *c = source;

	/* analyser: what is freed is in no queue any more */
	while (c->waiting.first != NULL)
		free_request(c->waiting.first);
	for (size_t i = 0; i < c->dialect->connections; i++) {
		while (c->connections[i].sent.first != NULL)
			free_request(c->connections[i].sent.first);
		xo_client_link_close(&c->connections[i].link);
	}
	free(c);
}
