/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: see listen.h.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

#define BACKLOG 4096

static void
tell(struct xo_buf *error, const struct xo_conf_host *host, const char *what)
{
	char place[64], port[16];

	(void)snprintf(place, sizeof(place), ":%d: expected an address that "
	    "can be bound, found ", host->where.line);
	(void)snprintf(port, sizeof(port), ":%u: ", (unsigned)host->port);
	(void)xo_buf_add_all(error, host->where.file, place, host->host, port,
	    what, (char *)NULL);
}

static int
bind_one(const struct addrinfo *ai)
{
	int one = 1;
	int fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) !=
	    0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_socket(const struct xo_conf_host *host, struct xo_buf *error)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST,
	};
	struct addrinfo *list = NULL;
	char port[8];
	int fd = -1, e;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)host->port);
	e = getaddrinfo(host->host, port, &hints, &list);
	if (e != 0) {
		tell(error, host, gai_strerror(e));
		return -1;
	}
	fd = bind_one(list);
	if (fd < 0)
		tell(error, host, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

static int
find(const struct xo_sockets *sockets, const char *address, size_t slot)
{
	for (size_t i = 0; sockets != NULL && i < sockets->n; i++)
		if (sockets->list[i].slot == slot &&
		    strcmp(sockets->list[i].address, address) == 0)
			return sockets->list[i].fd;
	return -1;
}

static bool
add(struct xo_sockets *sockets, const struct xo_conf_host *host, int listener,
    size_t slot, const struct xo_sockets *old, struct xo_buf *error)
{
	struct xo_socket *s = &sockets->list[sockets->n];

	*s = (struct xo_socket){.listener = listener, .slot = slot, .fd = -1};
	if (asprintf(&s->address, "%s %u", host->host,
	    (unsigned)host->port) < 0) {
		s->address = NULL;
		(void)xo_buf_add_cstr(error, "no memory");
		return false;
	}
	s->fd = find(old, s->address, slot);
	if (s->fd < 0)
		s->fd = open_socket(host, error);
	sockets->n++;
	return s->fd >= 0;
}

bool
xo_sockets_open(struct xo_sockets *sockets, const struct xo_conf *conf,
    size_t n_workers, const struct xo_sockets *old, struct xo_buf *error)
{
	size_t n = 0;

	for (size_t l = 0; l < conf->policy.n_listeners; l++)
		n += conf->listeners[l].n_listen;
	sockets->n = 0;
	sockets->list = calloc(n * n_workers + 1, sizeof(*sockets->list));
	if (sockets->list == NULL) {
		(void)xo_buf_add_cstr(error, "no memory");
		return false;
	}
	for (size_t l = 0; l < conf->policy.n_listeners; l++)
		for (size_t a = 0; a < conf->listeners[l].n_listen; a++)
			for (size_t slot = 0; slot < n_workers; slot++)
				if (!add(sockets, &conf->listeners[l].listen[a],
				    (int)l, slot, old, error)) {
					xo_sockets_close(sockets, old);
					return false;
				}
	return true;
}

void
xo_sockets_close(struct xo_sockets *sockets, const struct xo_sockets *kept)
{
	for (size_t i = 0; i < sockets->n; i++) {
		struct xo_socket *s = &sockets->list[i];

		if (s->fd >= 0 && find(kept, s->address, s->slot) != s->fd)
			close(s->fd);
		free(s->address);
	}
	free(sockets->list);
	sockets->list = NULL;
	sockets->n = 0;
}
