/* SPDX-License-Identifier: ISC */
/*
 * One connection of a client: see client_link.h.
 */
#include "client_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include <net/clock.h>
#include <net/tls.h>

static bool
fail(struct xo_client_link *link, const char *what, const char *why)
{
	(void)snprintf(link->problem, sizeof(link->problem), "%s%s", what,
	    why);
	return false;
}

/* --- connecting ------------------------------------------------------------ */

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

/* False: not yet, or see `problem`. */
static bool
connect_link(struct xo_client_link *link)
{
	int e = 0;
	socklen_t len = sizeof(e);

	if (link->is_connected)
		return true;
	if (!link->leg.is_writable)
		return false;
	if (getsockopt(link->leg.fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
		e = errno;
	if (e != 0)
		return fail(link, "", strerror(e));
	link->is_connected = true;
	return true;
}

/* --- TLS ------------------------------------------------------------------- */

static struct xo_tls *
new_tls(const struct xo_client_link *link)
{
	const char *name = link->env->conf->lookup.redis.tls_name;

	return link->env->redis == NULL ? NULL : xo_tls_new_client(
	    link->env->redis, link->leg.fd, name != NULL ? name :
	    link->table->host.host, NULL);
}

/* False: not yet, or see `problem`. */
static bool
secure(struct xo_client_link *link)
{
	if (!link->table->is_tls || link->is_open)
		return true;
	if (link->leg.tls == NULL)
		link->leg.tls = new_tls(link);
	if (link->leg.tls == NULL)
		return fail(link, "TLS: ", "no memory");
	switch (xo_leg_handshake(&link->leg)) {
	case XO_IO_OK:
		return true;
	case XO_IO_WANT_READ:
	case XO_IO_WANT_WRITE:
		return false;
	case XO_IO_CLOSED:
	case XO_IO_ERROR:
	default:
		return fail(link, "TLS: ", xo_tls_error(link->leg.tls));
	}
}

/* --- events ---------------------------------------------------------------- */

static void
on_ready(struct xo_leg *leg, void *owner)
{
	struct xo_client_link *link = owner;

	(void)leg;
	if (link->problem[0] == '\0' && connect_link(link) && secure(link))
		link->is_open = true;
	if (link->is_open || link->problem[0] != '\0')
		link->ready(link, link->owner);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_client_link *link = arg;

	(void)fd;
	(void)what;
	(void)fail(link, !link->is_connected ? "no connection" :
	    !link->is_open ? "TLS: no handshake" : "no greeting", " in time");
	link->ready(link, link->owner);
}

bool
xo_client_link_open(struct xo_client_link *link, uint32_t limit)
{
	struct timeval tv = xo_clock_timeval(limit);
	int fd = dial(link->table);

	link->problem[0] = '\0';
	link->is_connected = link->is_open = false;
	link->leg = (struct xo_leg){.fd = -1};
	if (fd < 0)
		return fail(link, "", strerror(errno));
	if (!xo_leg_open(&link->leg, link->env->base, fd, on_ready, link))
		return fail(link, "", "no memory");
	link->timer = evtimer_new(link->env->base, on_timer, link);
	if (link->timer != NULL && evtimer_add(link->timer, &tv) == 0)
		return true;
	xo_client_link_close(link);
	return fail(link, "", "no memory");
}

void
xo_client_link_is_served(struct xo_client_link *link)
{
	(void)evtimer_del(link->timer);
}

void
xo_client_link_close(struct xo_client_link *link)
{
	xo_leg_close(&link->leg);
	if (link->timer != NULL)
		event_free(link->timer);
	link->timer = NULL;
	xo_buf_fini(&link->in);
}

/* --- octets ---------------------------------------------------------------- */

bool
xo_client_link_read(struct xo_client_link *link)
{
	struct xo_leg *leg = &link->leg;
	struct xo_span got = xo_leg_read(leg, link->env->scratch);

	xo_buf_add(&link->in, got);
	xo_leg_used(leg, got, got.len);
	if (link->in.err != XO_OK)
		return fail(link, "", "a reply that is too long");
	if (got.len > 0)
		return true;
	if (leg->is_broken && leg->tls != NULL)
		return fail(link, "TLS: ", xo_tls_error(leg->tls));
	if (leg->is_broken || leg->has_ended)
		return fail(link, "", leg->is_broken ?
		    "the connection is broken" : "the end of the connection");
	return false;
}

void
xo_client_link_flush(struct xo_client_link *link)
{
	xo_leg_flush(&link->leg);
	if (link->leg.is_broken || link->leg.out.err != XO_OK)
		xo_leg_again(&link->leg);
}

bool
xo_client_link_is_quiet(struct xo_client_link *link)
{
	/* The loop may not have told yet. */
	link->leg.is_readable = true;
	return link->in.len == 0 && !xo_client_link_read(link) &&
	    link->problem[0] == '\0';
}
