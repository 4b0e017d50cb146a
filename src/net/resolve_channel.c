/* SPDX-License-Identifier: ISC */
/*
 * c-ares on the event loop: its sockets, and one timer for its timeouts.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "resolve_internal.h"

#define TIMEOUT 5000			/* ms: of the first try, doubled then */
#define TRIES 2
#define EDNS_SIZE 1232

struct xo_channel_watch {
	struct event *event;
	ares_socket_t fd;
	struct xo_channel_watch *next;
};

void
xo_channel_set_timer(struct xo_channel *channel)
{
	struct timeval wait;

	if (ares_timeout(channel->ares, NULL, &wait) != NULL)
		(void)evtimer_add(channel->timer, &wait);
	else
		(void)evtimer_del(channel->timer);
}

static void
timer_due(evutil_socket_t fd, short what, void *arg)
{
	struct xo_channel *channel = arg;

	(void)fd;
	(void)what;
	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	xo_channel_set_timer(channel);
}

static void
socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct xo_channel *channel = arg;

	ares_process_fd(channel->ares,
	    (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	xo_channel_set_timer(channel);
}

static void
unwatch(struct xo_channel_watch **p)
{
	struct xo_channel_watch *watch = *p;

	*p = watch->next;
	event_free(watch->event);
	free(watch);
}

/* An event that cannot be had leaves the question to its timeout. */
static void
watch_socket(struct xo_channel *channel, ares_socket_t fd, int what)
{
	struct xo_channel_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return;
	watch->fd = fd;
	watch->next = channel->watches;
	watch->event = event_new(channel->base, fd, (short)what, socket_ready,
	    channel);
	if (watch->event == NULL) {
		free(watch);
		return;
	}
	channel->watches = watch;
	if (event_add(watch->event, NULL) != 0)
		unwatch(&channel->watches);
}

/* c-ares tells what it waits for, and neither before it closes. */
static void
socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct xo_channel *channel = arg;
	struct xo_channel_watch **p = &channel->watches;

	while (*p != NULL && (*p)->fd != fd)
		p = &(*p)->next;
	if (*p != NULL)
		unwatch(p);
	if (readable || writable)
		watch_socket(channel, fd, EV_PERSIST |
		    (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
}

/*
 * Sockets are made at once as c-ares wants them: a worker may not change a
 * descriptor's flags afterwards (sandbox.c).
 */
static ares_socket_t
make_socket(int family, int type, int protocol, void *arg)
{
	(void)protocol;
	(void)arg;
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int
connect_socket(ares_socket_t fd, const struct sockaddr *address,
    ares_socklen_t len, void *arg)
{
	(void)arg;
	return connect(fd, address, len);
}

static ares_ssize_t
receive(ares_socket_t fd, void *p, size_t n, int flags,
    struct sockaddr *address, ares_socklen_t *len, void *arg)
{
	(void)arg;
	return recvfrom(fd, p, n, flags, address, len);
}

static ares_ssize_t
send_pieces(ares_socket_t fd, const struct iovec *pieces, int n, void *arg)
{
	const struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
		.msg_iovlen = (size_t)n};

	(void)arg;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	.asocket = make_socket,
	.aclose = close_socket,
	.aconnect = connect_socket,
	.arecvfrom = receive,
	.asendv = send_pieces,
};

bool
xo_channel_open(struct xo_channel *channel, struct event_base *base,
    const char *servers)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
		    ARES_FLAG_EDNS,
		.timeout = TIMEOUT,
		.tries = TRIES,
		.ndots = 1,
		.ednspsz = EDNS_SIZE,
		/* 1.18 heeds the list where it does not heed NOSEARCH. */
		.domains = NULL,
		.ndomains = 0,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = channel,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_NDOTS | ARES_OPT_EDNSPSZ | ARES_OPT_DOMAINS |
	    ARES_OPT_SOCK_STATE_CB;

	channel->base = base;
	channel->timer = evtimer_new(base, timer_due, channel);
	if (channel->timer == NULL)
		return false;
	if (ares_init_options(&channel->ares, &options, mask) !=
	    ARES_SUCCESS) {
		channel->ares = NULL;
		return false;
	}
	ares_set_socket_functions(channel->ares, &socket_functions, NULL);
	return servers == NULL || ares_set_servers_ports_csv(channel->ares,
	    servers) == ARES_SUCCESS;
}

void
xo_channel_close(struct xo_channel *channel)
{
	if (channel->ares != NULL)
		ares_destroy(channel->ares);
	channel->ares = NULL;
	while (channel->watches != NULL)
		unwatch(&channel->watches);
	if (channel->timer != NULL)
		event_free(channel->timer);
	channel->timer = NULL;
}
