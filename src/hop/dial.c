/* SPDX-License-Identifier: ISC */
/* One link being opened: see dial.h. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <xoorg/proxy.h>

#include "dial.h"
#include "hop_internal.h"
#include "link.h"
#include "shown.h"

static const struct xo_limits *
limits_of(const struct xo_dial *d)
{
	return &d->hops->env->conf->policy.limits;
}

static const struct xo_upstream *
policy_of(const struct xo_dial *d)
{
	return xo_hop_policy(d->hops, d->wish->upstream);
}

static enum xo_dial_result
fail(struct xo_dial *d, enum xo_refusal why, struct xo_span said)
{
	d->why = why;
	d->said = said;
	return XO_DIAL_FAILED;
}

static struct xo_link *
open_link(struct xo_dial *d, int fd, xo_leg_ready *ready, void *owner)
{
	struct xo_link *link = xo_link_new(d->hops, d->wish);

	if (link == NULL) {
		close(fd);
		return NULL;
	}
	if (!xo_leg_open(&link->leg, d->hops->env->base, fd, ready,
	    owner)) {
		xo_link_close(link);
		return NULL;
	}
	xo_link_count(link);
	return link;
}

bool
xo_dial_connect(struct xo_dial *d, const struct xo_candidate *candidate,
    xo_leg_ready *ready, void *owner)
{
	int one = 1;
	int fd = socket(candidate->place.address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&candidate->place.address,
	    candidate->place.len) != 0 && errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		errno = error;
		return false;
	}
	d->link = open_link(d, fd, ready, owner);
	if (d->link == NULL) {
		errno = ENOMEM;
		return false;
	}
	d->candidate = candidate;
	d->is_connecting = true;
	d->timeout = limits_of(d)->connect_timeout;
	return true;
}

void
xo_dial_resume(struct xo_dial *d, struct xo_link *link, xo_leg_ready *ready,
    void *owner)
{
	d->link = link;
	d->candidate = NULL;
	d->is_connecting = false;
	d->timeout = limits_of(d)->greeting_timeout;
	xo_link_attach(link, ready, owner);
	xo_opening_resume(&link->opening, link->needs_reset,
	    xo_link_is_for(link, &d->wish->client) ? NULL : &d->wish->client);
	link->needs_reset = false;
}

/* TLS */

/* Whom the next hop has to prove to be, or is asked for: NUL-terminated as all of
 * these are. */
static const char *
name_of_server(const struct xo_dial *d)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(d->hops, d->wish->upstream);
	struct xo_span domain = {NULL, 0};

	if (conf->tls_name != NULL)
		return conf->tls_name;
	if (conf->mx != NULL && policy_of(d)->tls == XO_TLS_VERIFY)
		domain = xo_span_from_cstr(conf->mx);
	return (const char *)xo_server_name(
	    xo_span_from_cstr(d->candidate->name), domain).p;
}

static bool
start_tls(struct xo_dial *d)
{
	struct xo_link *link = d->link;
	const struct xo_tls_credential *credential;

	if (!xo_hop_shown(d->hops, d->wish, &credential, &d->text)) {
		(void)fail(d, XO_REFUSAL_TENANT_CERTIFICATE,
		    xo_buf_span(&d->text));
		return false;
	}
	if (credential != NULL)
		memcpy(link->mark, xo_tls_credential_mark(credential),
		    sizeof(link->mark));
	link->leg.tls = xo_tls_new_client(
	    d->hops->env->upstreams[d->wish->upstream], link->leg.fd,
	    name_of_server(d), credential);
	if (link->leg.tls == NULL)
		(void)fail(d, XO_REFUSAL_UPSTREAM_TLS, XO_LIT("no memory"));
	return link->leg.tls != NULL;
}

static enum xo_dial_result
handshake(struct xo_dial *d)
{
	struct xo_link *link = d->link;

	if (link->leg.tls == NULL && !start_tls(d))
		return XO_DIAL_FAILED;
	switch (xo_leg_handshake(&link->leg)) {
	case XO_IO_OK:
		xo_opening_tls_done(&link->opening);
		d->timeout = limits_of(d)->greeting_timeout;
		return XO_DIAL_MOVED;
	case XO_IO_WANT_READ:
	case XO_IO_WANT_WRITE:
		return XO_DIAL_WAITS;
	case XO_IO_CLOSED:
	case XO_IO_ERROR:
	default:
		return fail(d, XO_REFUSAL_UPSTREAM_TLS,
		    xo_span_from_cstr(xo_tls_error(link->leg.tls)));
	}
}

/* The opening dialogue */

/* A refused client certificate shows only at the first read (TLS 1.3). */
static enum xo_dial_result
lost(struct xo_dial *d)
{
	struct xo_leg *leg = &d->link->leg;

	return leg->tls != NULL && leg->is_broken ?
	    fail(d, XO_REFUSAL_UPSTREAM_TLS,
	    xo_span_from_cstr(xo_tls_error(leg->tls))) :
	    fail(d, XO_REFUSAL_UPSTREAM_GREETING, XO_LIT("connection lost"));
}

static void
flush_opening(struct xo_link *link)
{
	xo_leg_send(&link->leg, xo_buf_span(&link->opening.out));
	xo_buf_clear(&link->opening.out);
	xo_leg_flush(&link->leg);
}

static enum xo_dial_result
talk(struct xo_dial *d)
{
	struct xo_link *link = d->link;
	struct xo_opening *o = &link->opening;
	struct xo_span got;

	flush_opening(link);
	got = xo_leg_read(&link->leg, d->hops->env->scratch);
	if (got.len > 0) {
		xo_leg_used(&link->leg, got, xo_opening_bytes(o, got));
		flush_opening(link);
		d->timeout = o->state == XO_OPENING_HANDSHAKE ?
		    limits_of(d)->handshake_timeout :
		    limits_of(d)->greeting_timeout;
	}
	if (o->state == XO_OPENING_DONE)
		return XO_DIAL_OPEN;
	if (o->state == XO_OPENING_FAILED)
		return fail(d, o->why, xo_buf_span(&o->said));
	if (link->leg.is_broken || (link->leg.has_ended && got.len == 0))
		return lost(d);
	return got.len > 0 ? XO_DIAL_MOVED : XO_DIAL_WAITS;
}

/* Before the greeting: the PROXY protocol's header. */
static void
say_proxy(struct xo_dial *d)
{
	enum xo_handover how = policy_of(d)->handover;
	const struct xo_handover_info *h = &d->wish->client;
	struct xo_proxy proxy = {.is_local = true};
	struct xo_buf *out = &d->link->opening.out;

	if (!d->wish->is_question)
		proxy = (struct xo_proxy){
			.client = *h->address,
			.client_port = h->port,
			.server = *h->server,
			.server_port = h->server_port,
		};
	if (how == XO_HANDOVER_PROXY)
		xo_proxy_write_v1(out, &proxy);
	else if (how == XO_HANDOVER_PROXY_V2)
		xo_proxy_write_v2(out, &proxy);
}

static enum xo_dial_result
connected(struct xo_dial *d)
{
	struct xo_leg *leg = &d->link->leg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (!leg->is_writable && !leg->is_readable)
		return XO_DIAL_WAITS;
	if (getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		return fail(d, XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span_from_cstr(strerror(error)));
	d->is_connecting = false;
	xo_opening_start(&d->link->opening, policy_of(d),
	    d->hops->env->conf->policy.hostname,
	    &d->hops->env->conf->policy.extensions,
	    d->wish->is_question ? NULL : &d->wish->client);
	say_proxy(d);
	/* What is said next must not be taken for the rest of a header. */
	if (d->link->opening.out.err != XO_OK)
		return fail(d, XO_REFUSAL_MEMORY, XO_LIT("no memory"));
	d->timeout = limits_of(d)->greeting_timeout;
	return XO_DIAL_MOVED;
}

enum xo_dial_result
xo_dial_move(struct xo_dial *d)
{
	if (d->is_connecting)
		return connected(d);
	if (d->link->opening.state == XO_OPENING_HANDSHAKE)
		return handshake(d);
	return talk(d);
}

enum xo_refusal
xo_dial_timed_out(const struct xo_dial *d)
{
	if (d->is_connecting)
		return XO_REFUSAL_UPSTREAM_CONNECT;
	return d->link->opening.state == XO_OPENING_HANDSHAKE ?
	    XO_REFUSAL_UPSTREAM_TLS : XO_REFUSAL_UPSTREAM_TIMEOUT;
}
