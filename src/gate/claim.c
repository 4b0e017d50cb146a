/* SPDX-License-Identifier: ISC */
/*
 * The search for a connection: a kept one, else the upstream's hosts in order
 * (or those of its MX), each with all its addresses, until one has been opened
 * as policy demands. What fails costs the next host nothing but its share of
 * the time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <xoorg/proxy.h>

#include "gate.h"
#include "hop_internal.h"

#define ADDRESSES_MAX 32
#define ATTEMPTS_MAX 10
#define DEAD_FOR ((uint64_t)30 * 1000)

/* One place to connect to. */
struct target {
	struct sockaddr_storage address;
	socklen_t len;
	char name[256];			/* for TLS */
	int host;			/* of the configuration, or -1 */
};

struct xo_claim {
	struct xo_hops *hops;
	struct xo_wish wish;
	xo_claim_done *done;
	void *arg;
	struct event *timer;
	struct xo_lookup *lookup;
	struct xo_link *link;		/* being opened */
	bool is_kept;			/* it came from the pool */
	bool is_connecting;
	bool is_busy;			/* in a function of this file */
	bool is_over;
	/* hosts, then their addresses */
	struct xo_mx *names;
	size_t n_names, next_name;
	struct target targets[ADDRESSES_MAX];
	size_t n_targets, next_target;
	size_t n_attempts;
	bool has_skipped;		/* a host known to be dead */
	enum xo_refusal why;
	struct xo_buf said;
};

static void go_on(struct xo_claim *c);
static void on_leg(struct xo_leg *leg, void *owner);

static void
claim_free(struct xo_claim *c)
{
	xo_lookup_cancel(&c->lookup);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->link != NULL)
		xo_link_close(c->link);
	free(c->names);
	xo_buf_fini(&c->said);
	free(c);
}

void
xo_claim_cancel(struct xo_claim **claim)
{
	struct xo_claim *c = *claim;

	*claim = NULL;
	if (c != NULL)
		claim_free(c);
}

/* The last thing done with a claim. */
static void
conclude(struct xo_claim *c, struct xo_link *link)
{
	struct xo_hops *hops = c->hops;
	struct xo_known *known = &hops->worker->known[c->wish.upstream];

	c->is_over = true;
	if (link != NULL && !c->is_kept) {
		known->caps = link->opening.caps;
		known->is_known = true;
		xo_metrics_upstream_connect(hops->worker->metrics,
		    c->wish.upstream, true);
	} else if (link != NULL) {
		xo_metrics_upstream_reused(hops->worker->metrics,
		    c->wish.upstream);
	}
	c->done(c->arg, link, c->why, xo_buf_span(&c->said));
	if (!c->is_busy)
		claim_free(c);
}

static void
set_timer(struct xo_claim *c, uint32_t milliseconds)
{
	struct timeval tv = xo_worker_timeval(milliseconds);

	evtimer_add(c->timer, &tv);
}

/* This connection will not do: note why, and try what is next. */
static void
give_up_link(struct xo_claim *c, enum xo_refusal why, struct xo_span said)
{
	const struct target *t = c->next_target > 0 ?
	    &c->targets[c->next_target - 1] : NULL;
	struct hop *hop = &c->hops->hops[c->wish.upstream];

	if (!c->is_kept) {
		struct xo_log_line *line = xo_log_begin(c->hops->worker->log,
		    XO_LOG_WARNING, "upstream");

		c->why = why;
		xo_buf_clear(&c->said);
		(void)xo_buf_add(&c->said, said);
		if (t != NULL && t->host >= 0)
			hop->dead_until[t->host] = xo_worker_now() + DEAD_FOR;
		xo_log_str(line, "upstream", xo_hop_policy(c->hops,
		    c->wish.upstream)->name);
		if (t != NULL)
			xo_log_cstr(line, "host", t->name);
		xo_log_cstr(line, "reason", xo_refusal_info(why)->id);
		xo_log_str(line, "said", said);
		xo_log_end(line);
		xo_metrics_upstream_connect(c->hops->worker->metrics,
		    c->wish.upstream, false);
	}
	xo_link_close(c->link);
	c->link = NULL;
	c->is_kept = false;
	c->is_connecting = false;
	evtimer_del(c->timer);
	go_on(c);
}

static void
opened(struct xo_claim *c)
{
	struct xo_link *link = c->link;
	const struct target *t = c->next_target > 0 ?
	    &c->targets[c->next_target - 1] : NULL;

	if (!c->is_kept && t != NULL && t->host >= 0)
		c->hops->hops[c->wish.upstream].dead_until[t->host] = 0;
	c->link = NULL;
	c->why = XO_REFUSAL_NONE;
	evtimer_del(c->timer);
	conclude(c, link);
}

/* The opening dialogue */

static bool
start_tls(struct xo_claim *c)
{
	struct xo_link *link = c->link;
	const struct xo_gate *gate = c->hops->worker->gate;
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);
	const char *name = conf->tls_name != NULL ? conf->tls_name :
	    c->targets[c->next_target - 1].name;
	const struct xo_tls_credential *credential = NULL;

	if (c->wish.tenant != XO_NOBODY)
		credential = gate->tenants[c->wish.tenant];
	link->leg.tls = xo_tls_new_client(gate->upstreams[c->wish.upstream],
	    link->leg.fd, name, credential);
	return link->leg.tls != NULL;
}

static bool
handshake(struct xo_claim *c)
{
	struct xo_link *link = c->link;

	if (link->leg.tls == NULL && !start_tls(c)) {
		give_up_link(c, XO_REFUSAL_UPSTREAM_TLS, XO_LIT("no memory"));
		return false;
	}
	switch (xo_leg_handshake(&link->leg)) {
	case XO_IO_OK:
		xo_opening_tls_done(&link->opening);
		return true;
	case XO_IO_WANT_READ:
	case XO_IO_WANT_WRITE:
		return false;
	case XO_IO_CLOSED:
	case XO_IO_ERROR:
	default:
		give_up_link(c, XO_REFUSAL_UPSTREAM_TLS,
		    xo_span_from_cstr(xo_tls_error(link->leg.tls)));
		return false;
	}
}

/* A refused client certificate shows only at the first read (TLS 1.3). */
static void
lost(struct xo_claim *c)
{
	struct xo_leg *leg = &c->link->leg;

	if (leg->tls != NULL && leg->is_broken)
		give_up_link(c, XO_REFUSAL_UPSTREAM_TLS,
		    xo_span_from_cstr(xo_tls_error(leg->tls)));
	else
		give_up_link(c, XO_REFUSAL_UPSTREAM_GREETING,
		    XO_LIT("connection lost"));
}

static void
flush_opening(struct xo_link *link)
{
	xo_leg_send(&link->leg, xo_buf_span(&link->opening.out));
	xo_buf_clear(&link->opening.out);
	xo_leg_flush(&link->leg);
}

/* True: something moved, look again. */
static bool
step(struct xo_claim *c)
{
	struct xo_link *link = c->link;
	struct xo_opening *o = &link->opening;
	struct xo_span got;

	if (o->state == XO_OPENING_HANDSHAKE)
		return handshake(c);
	flush_opening(link);
	got = xo_leg_read(&link->leg, c->hops->worker->scratch);
	if (got.len > 0) {
		xo_leg_used(&link->leg, got, xo_opening_bytes(o, got));
		flush_opening(link);
		set_timer(c, o->state == XO_OPENING_HANDSHAKE ?
		    c->hops->worker->conf->policy.limits.handshake_timeout :
		    c->hops->worker->conf->policy.limits.greeting_timeout);
	}
	if (o->state == XO_OPENING_DONE) {
		opened(c);
		return false;
	}
	if (o->state == XO_OPENING_FAILED) {
		give_up_link(c, o->why, xo_buf_span(&o->said));
		return false;
	}
	if (link->leg.is_broken || (link->leg.has_ended && got.len == 0)) {
		lost(c);
		return false;
	}
	return got.len > 0;
}

/* Before the greeting: the PROXY protocol's header. */
static void
say_proxy(struct xo_claim *c)
{
	enum xo_handover how =
	    xo_hop_policy(c->hops, c->wish.upstream)->handover;
	const struct xo_handover_info *h = &c->wish.client;
	struct xo_proxy proxy = {.is_local = true};
	struct xo_buf *out = &c->link->opening.out;

	if (!c->wish.is_question)
		proxy = (struct xo_proxy){
			.client = *h->address,
			.client_port = h->port,
			.server = *h->server,
			.server_port = h->server_port,
		};
	if (how == XO_HANDOVER_PROXY)
		(void)xo_proxy_write_v1(out, &proxy);
	else if (how == XO_HANDOVER_PROXY_V2)
		(void)xo_proxy_write_v2(out, &proxy);
}

static bool
connected(struct xo_claim *c)
{
	struct xo_leg *leg = &c->link->leg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (!leg->is_writable && !leg->is_readable)
		return false;
	if (getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		give_up_link(c, XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span_from_cstr(strerror(error)));
		return false;
	}
	c->is_connecting = false;
	xo_opening_start(&c->link->opening,
	    xo_hop_policy(c->hops, c->wish.upstream),
	    c->hops->worker->conf->policy.hostname,
	    c->wish.is_question ? NULL : &c->wish.client);
	say_proxy(c);
	set_timer(c, c->hops->worker->conf->policy.limits.greeting_timeout);
	return true;
}

static void
run(struct xo_claim *c)
{
	bool is_outermost = !c->is_busy;

	c->is_busy = true;
	while (!c->is_over && c->link != NULL) {
		if (c->is_connecting) {
			if (!connected(c))
				break;
		} else if (!step(c)) {
			break;
		}
	}
	if (is_outermost) {
		c->is_busy = false;
		if (c->is_over)
			claim_free(c);
	}
}

static void
on_leg(struct xo_leg *leg, void *owner)
{
	(void)leg;
	run(owner);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_claim *c = arg;

	(void)fd;
	(void)what;
	c->is_busy = true;
	if (c->link != NULL)
		give_up_link(c, c->is_connecting ? XO_REFUSAL_UPSTREAM_CONNECT :
		    c->link->opening.state == XO_OPENING_HANDSHAKE ?
		    XO_REFUSAL_UPSTREAM_TLS : XO_REFUSAL_UPSTREAM_TIMEOUT,
		    XO_LIT("timed out"));
	c->is_busy = false;
	if (c->is_over)
		claim_free(c);
}

/* Connecting */

/* False: at once refused; go on with the next. */
static bool
connect_to(struct xo_claim *c, const struct target *t)
{
	struct xo_hops *hops = c->hops;
	int one = 1;
	int fd = socket(t->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&t->address, t->len) != 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return false;
	}
	c->link = xo_link_new(hops, c->wish.upstream, c->wish.tenant);
	if (c->link == NULL) {
		close(fd);
		return false;
	}
	if (!xo_leg_open(&c->link->leg, hops->worker->base, fd, on_leg, c)) {
		xo_link_close(c->link);
		c->link = NULL;
		return false;
	}
	c->link->is_counted = true;
	hops->hops[c->wish.upstream].n_links++;
	xo_metrics_upstream_connections(hops->worker->metrics,
	    c->wish.upstream, 1);
	c->is_connecting = true;
	set_timer(c, hops->worker->conf->policy.limits.connect_timeout);
	return true;
}

/* Names */

static void
add_target(struct xo_claim *c, const void *address, socklen_t len,
    const char *name, int host)
{
	struct target *t;

	if (c->n_targets == ADDRESSES_MAX || len > sizeof(t->address))
		return;
	t = &c->targets[c->n_targets++];
	memset(t, 0, sizeof(*t));
	memcpy(&t->address, address, len);
	t->len = len;
	t->host = host;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
}

static bool
add_numeric(struct xo_claim *c, const char *host, uint16_t port, int index)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		in.sin_port = htons(port);
		add_target(c, &in, sizeof(in), host, index);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		in6.sin6_port = htons(port);
		add_target(c, &in6, sizeof(in6), host, index);
		return true;
	}
	return false;
}

static const char *
name_of(const struct xo_claim *c, size_t i)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);

	return conf->mx != NULL ? c->names[i].name : conf->hosts[i].host;
}

static void
found_addresses(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct xo_claim *c = arg;
	size_t i = c->next_name - 1;
	int host = xo_hop_conf(c->hops, c->wish.upstream)->mx != NULL ? -1 :
	    (int)i;

	c->lookup = NULL;
	if (result != XO_LOOKUP_OK)
		c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	for (size_t k = 0; k < n && result == XO_LOOKUP_OK; k++)
		add_target(c, &list[k].address, list[k].len, name_of(c, i),
		    host);
	go_on(c);
}

static void
found_mx(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	struct xo_claim *c = arg;
	const char *domain = xo_hop_conf(c->hops, c->wish.upstream)->mx;

	c->lookup = NULL;
	c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	if (result == XO_LOOKUP_TEMPORARY || result == XO_LOOKUP_NO_MAIL) {
		conclude(c, NULL);
		return;
	}
	/* No MX: the domain itself is the host (RFC 5321 5.1). */
	c->n_names = result == XO_LOOKUP_OK ? n : 1;
	c->names = calloc(c->n_names + 1, sizeof(*c->names));
	if (c->names == NULL)
		c->n_names = 0;
	else if (result == XO_LOOKUP_OK)
		memcpy(c->names, list, n * sizeof(*list));
	else
		(void)snprintf(c->names[0].name, sizeof(c->names[0].name),
		    "%s", domain);
	go_on(c);
}

/* A host that failed a moment ago is left out while others stand. */
static bool
is_skipped(struct xo_claim *c, size_t i)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);

	if (conf->mx != NULL || conf->n_hosts < 2 || c->has_skipped)
		return false;
	return c->hops->hops[c->wish.upstream].dead_until[i] >
	    xo_worker_now();
}

/* False: no name left. */
static bool
next_name(struct xo_claim *c)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);
	bool skipped = false;

	for (; c->next_name < c->n_names; c->next_name++) {
		if (!is_skipped(c, c->next_name))
			break;
		skipped = true;
	}
	if (c->next_name == c->n_names) {
		if (!skipped || c->has_skipped || c->n_attempts > 0)
			return false;
		/* All of them are: then it is their turn all the same. */
		c->has_skipped = true;
		c->next_name = 0;
	}
	size_t i = c->next_name++;
	uint16_t port = conf->mx != NULL ? 25 : conf->hosts[i].port;

	if (add_numeric(c, name_of(c, i), port,
	    conf->mx != NULL ? -1 : (int)i))
		return true;
	c->lookup = xo_resolver_host(c->hops->worker->resolver, name_of(c, i),
	    port, found_addresses, c);
	if (c->lookup == NULL)
		c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	return true;
}

/* The next address, the next name, or the end. */
static void
go_on(struct xo_claim *c)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);

	while (c->link == NULL && c->lookup == NULL && !c->is_over) {
		if (c->next_target < c->n_targets &&
		    c->n_attempts < ATTEMPTS_MAX) {
			c->n_attempts++;
			if (!connect_to(c, &c->targets[c->next_target++]))
				c->why = XO_REFUSAL_UPSTREAM_CONNECT;
		} else if (conf->mx != NULL && c->names == NULL) {
			c->lookup = xo_resolver_mx(c->hops->worker->resolver,
			    conf->mx, found_mx, c);
			if (c->lookup == NULL)
				conclude(c, NULL);
			return;
		} else if (c->n_attempts >= ATTEMPTS_MAX || !next_name(c)) {
			conclude(c, NULL);
			return;
		}
	}
}

static bool
claim_kept(struct xo_claim *c)
{
	if (c->wish.is_fresh || c->wish.is_question)
		return false;
	c->link = xo_hop_take_idle(c->hops, c->wish.upstream, c->wish.tenant);
	if (c->link == NULL)
		return false;
	c->is_kept = true;
	xo_link_attach(c->link, on_leg, c);
	xo_opening_resume(&c->link->opening, c->link->needs_reset,
	    &c->wish.client);
	c->link->needs_reset = false;
	if (c->link->opening.state == XO_OPENING_DONE) {
		opened(c);
	} else {
		set_timer(c,
		    c->hops->worker->conf->policy.limits.greeting_timeout);
		run(c);
	}
	return true;
}

struct xo_claim *
xo_hops_claim(struct xo_hops *hops, const struct xo_wish *wish,
    xo_claim_done *done, void *arg)
{
	struct xo_claim *c = calloc(1, sizeof(*c));
	const struct xo_conf_upstream *conf = xo_hop_conf(hops, wish->upstream);
	bool is_over;

	if (c != NULL)
		c->timer = evtimer_new(hops->worker->base, on_timer, c);
	if (c == NULL || c->timer == NULL) {
		free(c);
		done(arg, NULL, XO_REFUSAL_MEMORY, (struct xo_span){NULL, 0});
		return NULL;
	}
	c->hops = hops;
	c->wish = *wish;
	c->done = done;
	c->arg = arg;
	c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	c->n_names = conf->mx != NULL ? 0 : conf->n_hosts;
	/* A tenant's certificate is part of a connection's identity only where
	 * it is shown. */
	if (!xo_hop_policy(hops, wish->upstream)->has_tenant_certificate)
		c->wish.tenant = XO_NOBODY;
	c->is_busy = true;
	if (!claim_kept(c)) {
		if (conf->max_connections != 0 &&
		    hops->hops[wish->upstream].n_links >= conf->max_connections)
			conclude(c, NULL);
		else
			go_on(c);
	}
	c->is_busy = false;
	is_over = c->is_over;
	if (is_over)
		claim_free(c);
	return is_over ? NULL : c;
}
