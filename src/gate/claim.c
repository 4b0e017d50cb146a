/* SPDX-License-Identifier: ISC */
/*
 * The search for a connection: a kept one, else one place after the other
 * (claim_search.c) until one has been opened as policy demands.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <xoorg/proxy.h>

#include "claim_internal.h"
#include "gate.h"

static void on_leg(struct xo_leg *leg, void *owner);

static void
add_claim(struct xo_claim *c)
{
	c->next = c->hops->claims;
	if (c->next != NULL)
		c->next->previous = c;
	c->hops->claims = c;
}

static void
remove_claim(struct xo_claim *c)
{
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		c->hops->claims = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
}

static void
claim_free(struct xo_claim *c)
{
	remove_claim(c);
	xo_lookup_cancel(&c->lookup);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->link != NULL && c->is_over)
		xo_link_quit(c->link);
	else if (c->link != NULL)
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

void
xo_hops_look_for_ends(struct xo_hops *hops)
{
	for (struct xo_claim *c = hops->claims; c != NULL; c = c->next)
		if (c->link != NULL)
			xo_leg_look_for_end(&c->link->leg);
}

void
xo_claim_conclude(struct xo_claim *c)
{
	struct xo_hops *hops = c->hops;
	struct xo_known *known = &hops->worker->known[c->wish.upstream];

	c->is_over = true;
	evtimer_del(c->timer);
	event_active(c->timer, EV_TIMEOUT, 1);
	if (c->link != NULL && !c->is_kept) {
		known->caps = c->link->opening.caps;
		known->is_known = true;
		xo_claim_hop(c)->asked_at = xo_worker_now();
		xo_metrics_upstream_connect(hops->worker->metrics,
		    c->wish.upstream, true);
	} else if (c->link != NULL) {
		xo_metrics_upstream_reused(hops->worker->metrics,
		    c->wish.upstream);
	}
}

/* Straight from the loop, and the last that is done with a claim. */
static void
tell(struct xo_claim *c)
{
	struct xo_link *link = c->link;

	c->link = NULL;
	c->done(c->arg, link, c->why, xo_buf_span(&c->said));
	claim_free(c);
}

static void
set_timer(struct xo_claim *c, uint32_t milliseconds)
{
	uint64_t now = xo_worker_now();
	uint64_t left = c->deadline > now ? c->deadline - now : 0;
	struct timeval tv = xo_worker_timeval(
	    left < milliseconds ? left : milliseconds);

	evtimer_add(c->timer, &tv);
}

void
xo_claim_note_failure(struct xo_claim *c, enum xo_refusal why, struct xo_span said)
{
	struct xo_log_line *line = xo_log_begin(c->hops->worker->log,
	    XO_LOG_WARNING, "upstream");

	c->why = why;
	xo_buf_clear(&c->said);
	(void)xo_buf_add(&c->said, said);
	xo_log_str(line, "upstream", xo_hop_policy(c->hops,
	    c->wish.upstream)->name);
	if (c->target != NULL) {
		xo_hop_set_dead(xo_claim_hop(c), c->target, true);
		xo_log_cstr(line, "host", c->target->name);
	}
	xo_log_cstr(line, "reason", xo_refusal_info(why)->id);
	xo_log_str(line, "said", said);
	xo_log_end(line);
	xo_metrics_upstream_connect(c->hops->worker->metrics,
	    c->wish.upstream, false);
}

/* This connection will not do: try what is next. */
static void
give_up_link(struct xo_claim *c, enum xo_refusal why, struct xo_span said)
{
	if (!c->is_kept)
		xo_claim_note_failure(c, why, said);
	/* Who is out of step may take QUIT for something else. */
	if (c->link->opening.state == XO_OPENING_FAILED &&
	    why != XO_REFUSAL_UPSTREAM_CONFUSED &&
	    why != XO_REFUSAL_UPSTREAM_TLS)
		xo_link_quit(c->link);
	else
		xo_link_close(c->link);
	c->link = NULL;
	c->is_kept = false;
	c->is_connecting = false;
	evtimer_del(c->timer);
	xo_claim_go_on(c);
}

static void
opened(struct xo_claim *c)
{
	struct xo_link *link = c->link;

	if (c->target != NULL) {
		xo_hop_set_dead(xo_claim_hop(c), c->target, false);
		link->place.address = c->target->address;
		link->place.len = c->target->len;
		link->has_others = c->n_names > 1 || c->n_targets > 1;
	}
	if (link->opening.is_handed_over)
		xo_link_set_client(link, &c->wish.client);
	c->why = XO_REFUSAL_NONE;
	xo_claim_conclude(c);
}

/* The opening dialogue */

/* Whom the server has to prove to be, or is asked for: NUL-terminated as all of
 * these are. */
static const char *
name_of_server(const struct xo_claim *c)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);
	struct xo_span domain = {NULL, 0};

	if (conf->tls_name != NULL)
		return conf->tls_name;
	if (conf->mx != NULL &&
	    xo_hop_policy(c->hops, c->wish.upstream)->tls == XO_TLS_VERIFY)
		domain = xo_span_from_cstr(conf->mx);
	return (const char *)xo_server_name(
	    xo_span_from_cstr(c->target->name), domain).p;
}

static bool
start_tls(struct xo_claim *c)
{
	struct xo_link *link = c->link;
	const struct xo_gate *gate = c->hops->worker->gate;
	const struct xo_tls_credential *credential = NULL;

	if (c->wish.tenant != XO_NOBODY)
		credential = gate->tenants[c->wish.tenant];
	link->leg.tls = xo_tls_new_client(gate->upstreams[c->wish.upstream],
	    link->leg.fd, name_of_server(c), credential);
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
	    &c->hops->worker->conf->policy.extensions,
	    c->wish.is_question ? NULL : &c->wish.client);
	say_proxy(c);
	/* What is said next must not be taken for the rest of a header. */
	if (c->link->opening.out.err != XO_OK) {
		give_up_link(c, XO_REFUSAL_MEMORY, XO_LIT("no memory"));
		return false;
	}
	set_timer(c, c->hops->worker->conf->policy.limits.greeting_timeout);
	return true;
}

static void
run(struct xo_claim *c)
{
	while (!c->is_over && c->link != NULL) {
		if (c->is_connecting) {
			if (!connected(c))
				break;
		} else if (!step(c)) {
			break;
		}
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
	if (c->is_over)
		tell(c);
	else if (c->link != NULL)
		give_up_link(c, c->is_connecting ? XO_REFUSAL_UPSTREAM_CONNECT :
		    c->link->opening.state == XO_OPENING_HANDSHAKE ?
		    XO_REFUSAL_UPSTREAM_TLS : XO_REFUSAL_UPSTREAM_TIMEOUT,
		    XO_LIT("timed out"));
}

/* Connecting */

bool
xo_claim_connect(struct xo_claim *c)
{
	const struct xo_target *t = c->target;
	struct xo_hops *hops = c->hops;
	int one = 1;
	int fd = socket(t->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&t->address, t->len) != 0 &&
	    errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		errno = error;
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
	xo_claim_hop(c)->n_links++;
	xo_metrics_upstream_connections(hops->worker->metrics,
	    c->wish.upstream, 1);
	c->is_connecting = true;
	set_timer(c, hops->worker->conf->policy.limits.connect_timeout);
	return true;
}

static bool
claim_kept(struct xo_claim *c)
{
	if (c->wish.is_fresh || c->wish.is_question)
		return false;
	c->link = xo_hop_take_idle(c->hops, &c->wish);
	if (c->link == NULL)
		return false;
	c->is_kept = true;
	xo_link_attach(c->link, on_leg, c);
	xo_opening_resume(&c->link->opening, c->link->needs_reset,
	    xo_link_is_for(c->link, &c->wish.client) ? NULL :
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

static void
shun(struct xo_claim *c, const struct xo_place *place)
{
	struct xo_target target = {.address = place->address,
	    .len = place->len};

	xo_hop_set_dead(xo_claim_hop(c), &target, true);
}

struct xo_claim *
xo_hops_claim(struct xo_hops *hops, const struct xo_wish *wish,
    xo_claim_done *done, void *arg)
{
	struct xo_claim *c = calloc(1, sizeof(*c));
	const struct xo_conf_upstream *conf = xo_hop_conf(hops, wish->upstream);

	if (c != NULL)
		c->timer = evtimer_new(hops->worker->base, on_timer, c);
	if (c == NULL || c->timer == NULL) {
		free(c);
		return NULL;
	}
	c->hops = hops;
	add_claim(c);
	c->wish = *wish;
	c->done = done;
	c->arg = arg;
	c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	c->n_names = conf->mx != NULL ? 0 : conf->n_hosts;
	/* The client waits for its reply to RCPT meanwhile. */
	c->deadline = xo_worker_now() +
	    hops->worker->conf->policy.limits.mail_timeout;
	/* A tenant's certificate is part of a connection's identity only where
	 * it is shown. */
	if (!xo_hop_policy(hops, wish->upstream)->has_tenant_certificate)
		c->wish.tenant = XO_NOBODY;
	if (wish->lost.len > 0)
		shun(c, &wish->lost);
	if (!claim_kept(c))
		xo_claim_go_on(c);
	return c;
}
