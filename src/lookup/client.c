/* SPDX-License-Identifier: ISC */
/*
 * Connections and questions: see client.h.
 */
#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include <net/clock.h>
#include <xoorg/address.h>

/* Questions that wait, of one source in one worker. */
#define REQUESTS_MAX 4096
/* ms before a connection is tried again: at first, and at most. */
#define PAUSE_MIN 100
#define PAUSE_MAX 5000
#define READ_SIZE 16384

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
	int fd;				/* -1: none */
	struct event *readable, *writable;
	bool is_connected;
	bool is_greeting;		/* the reply to that is awaited */
	bool is_broken;			/* and no more is asked on it */
	size_t n_answers;
	struct queue sent;		/* in their order */
	struct xo_buf in, out;
};

struct xo_client {
	const struct xo_env *env;
	const struct xo_conf_table *table;
	const struct xo_client_dialect *dialect;
	struct queue waiting;
	size_t n_requests;
	uint64_t n_ids;
	uint64_t retry_at;		/* ms */
	uint32_t pause;
	const char *problem;		/* why there is no connection */
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

static void
close_connection(struct connection *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	close(c->fd);
	xo_buf_fini(&c->in);
	xo_buf_fini(&c->out);
	c->readable = c->writable = NULL;
	c->fd = -1;
}

/* Not before a while again, unless it has worked so far. */
static void
set_pause(struct xo_client *client, bool has_worked, const char *why)
{
	client->problem = why;
	if (has_worked) {
		client->pause = 0;
		client->retry_at = 0;
		return;
	}
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
	close_connection(c);
	set_pause(client, has_worked && c->n_answers > 0, why);
	/* analyser: each that is told is out of the queue */
	while (lost.first != NULL)
		finish_without(lost.first, why);
	pump(client);
}

static void
write_out(struct connection *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			/* The other side of it says so, from the loop. */
			c->is_broken = true;
			event_active(c->readable, EV_READ, 0);
			return;
		}
		if (n < 0)
			break;
		xo_buf_consume(&c->out, (size_t)n);
	}
	if (c->out.len > 0)
		event_add(c->writable, NULL);
}

static void
say(struct connection *c, const struct request *r)
{
	const struct xo_client *client = c->client;

	client->dialect->ask(client->env->conf, client->table, &r->r, &c->out);
	if (c->out.err != XO_OK) {
		c->is_broken = true;
		event_active(c->readable, EV_READ, 0);
	} else {
		write_out(c);
	}
}

/* What came when nothing was asked, or the end: it is not to be used. */
static bool
is_quiet(const struct connection *c)
{
	char octet;

	return c->in.len == 0 && recv(c->fd, &octet, 1, MSG_PEEK |
	    MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool
has_room(struct connection *c)
{
	if (c->fd < 0 || !c->is_connected || c->is_greeting || c->is_broken ||
	    c->sent.n >= c->client->dialect->depth)
		return false;
	if (c->sent.n > 0 || is_quiet(c))
		return true;
	c->is_broken = true;
	event_active(c->readable, EV_READ, 0);
	return false;
}

/* --- replies --------------------------------------------------------------- */

/* False: the connection is gone. */
static bool
take_reply(struct connection *c, enum xo_client_progress progress,
    const struct xo_source_answer *answer)
{
	struct request *r = c->sent.first;

	switch (progress) {
	case XO_CLIENT_MORE:
	case XO_CLIENT_NEXT:
		break;
	case XO_CLIENT_AGAIN:
		if (c->in.len > 0) {
			drop(c, false, "a reply to nothing that was asked");
			return false;
		}
		if (r->r.question != NULL)
			say(c, r);
		else
			finish(r, answer);
		break;
	case XO_CLIENT_DONE:
		if (c->is_greeting) {
			c->is_greeting = false;
			break;
		}
		c->n_answers++;
		c->client->pause = 0;
		finish(r, answer);
		break;
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

	while (c->in.len > 0 && progress != XO_CLIENT_MORE) {
		struct xo_source_answer answer = {.why = "words that are no "
			"reply"};
		size_t used = 0;

		if (!c->is_greeting && c->sent.first == NULL) {
			drop(c, false, "a reply to nothing that was asked");
			return false;
		}
		progress = d->read(c->is_greeting ? NULL : &c->sent.first->r,
		    xo_buf_span(&c->in), &used, &answer);
		/* Before the request goes, which has what is of use of it. */
		xo_buf_consume(&c->in, used);
		if (!take_reply(c, progress, &answer))
			return false;
	}
	if (c->in.len <= d->most)
		return true;
	drop(c, false, "a reply that is too long");
	return false;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	struct xo_client *client = c->client;
	uint8_t *to = xo_buf_reserve(&c->in, READ_SIZE);
	ssize_t n = to != NULL ? recv(fd, to, READ_SIZE, 0) : 0;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !c->is_broken)
		return;
	if (n <= 0) {
		/* Without a word, and with nothing asked: it may end. */
		drop(c, c->sent.first == NULL, n < 0 ? strerror(errno) :
		    "the end of the connection");
		return;
	}
	c->in.len += (size_t)n;
	if (c->is_broken)
		drop(c, false, "a reply to nothing that was asked");
	else if (read_replies(c))
		pump(client);
}

/* --- opening --------------------------------------------------------------- */

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	struct xo_client *client = c->client;
	int e = 0;
	socklen_t len = sizeof(e);

	(void)what;
	if (!c->is_connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
			e = errno;
		if (e != 0) {
			drop(c, false, strerror(e));
			return;
		}
		c->is_connected = true;
		c->is_greeting = client->dialect->greet(client->env->conf,
		    &c->out);
		event_add(c->readable, NULL);
	}
	write_out(c);
	pump(client);
}

static socklen_t
set_local(struct sockaddr_storage *at, const char *path)
{
	struct sockaddr_un *local = (struct sockaddr_un *)at;
	size_t n = strlen(path);

	if (n >= sizeof(local->sun_path))
		return 0;
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, n + 1);
	return (socklen_t)sizeof(*local);
}

static socklen_t
set_address(struct sockaddr_storage *at, const struct xo_conf_host *host)
{
	struct sockaddr_in *four = (struct sockaddr_in *)at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)at;

	if (evutil_inet_pton(AF_INET, host->host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(host->port);
		return (socklen_t)sizeof(*four);
	}
	memset(at, 0, sizeof(*at));
	if (evutil_inet_pton(AF_INET6, host->host, &six->sin6_addr) != 1)
		return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(host->port);
	return (socklen_t)sizeof(*six);
}

static int
dial(const struct xo_conf_table *table)
{
	struct sockaddr_storage at = {0};
	socklen_t len = table->path != NULL ? set_local(&at, table->path) :
	    set_address(&at, &table->host);
	int fd = len == 0 ? -1 : socket(at.ss_family, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int e;

	if (fd < 0)
		return -1;
	if (table->path == NULL)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A full backlog of a local socket is EAGAIN: no. */
	if (connect(fd, (const struct sockaddr *)&at, len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

/* False: see client->problem. */
static bool
open_connection(struct connection *c)
{
	struct xo_client *client = c->client;
	struct event_base *base = client->env->base;

	c->fd = dial(client->table);
	if (c->fd < 0) {
		set_pause(client, false, strerror(errno));
		return false;
	}
	c->is_connected = c->is_greeting = c->is_broken = false;
	c->n_answers = 0;
	c->in.max = client->dialect->most + 2 * READ_SIZE;
	c->readable = event_new(base, c->fd, EV_READ | EV_PERSIST, on_readable,
	    c);
	c->writable = event_new(base, c->fd, EV_WRITE, on_writable, c);
	if (c->readable != NULL && c->writable != NULL &&
	    event_add(c->writable, NULL) == 0)
		return true;
	close_connection(c);
	set_pause(client, false, "no memory");
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

		n += c->fd >= 0;
		*opening_r += c->fd >= 0 && (!c->is_connected ||
		    c->is_greeting);
	}
	return n;
}

static void
open_one_more(struct xo_client *client)
{
	size_t opening;
	size_t n = count_open(client, &opening);

	if (client->waiting.n <= opening ||
	    n == client->dialect->connections ||
	    xo_clock_now() < client->retry_at)
		return;
	for (size_t i = 0; i < client->dialect->connections; i++)
		if (client->connections[i].fd < 0) {
			(void)open_connection(&client->connections[i]);
			return;
		}
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
		finish_without(r, r->client->problem != NULL ?
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
	for (size_t i = 0; i < dialect->connections; i++) {
		client->connections[i].client = client;
		client->connections[i].fd = -1;
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
		if (c->connections[i].fd >= 0)
			close_connection(&c->connections[i]);
	}
	free(c);
}
