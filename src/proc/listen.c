/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: see listen.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <conf/address.h>
#include <watch/status.h>

#include "listen.h"
#include "listen_unix.h"
#include "notify.h"

#define BACKLOG 4096

static void
tell(struct xo_buf *error, const struct xo_conf_host *at, const char *what)
{
	char where[64];

	(void)snprintf(where, sizeof(where), ":%d: expected an address that "
	    "can be bound, found ", at->where.line);
	xo_buf_add_all(error, at->where.file, where, (char *)NULL);
	xo_conf_host_write(error, at);
	xo_buf_add_all(error, ": ", what, (char *)NULL);
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
open_socket(const struct xo_conf_host *at, struct xo_buf *error)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST,
	};
	struct addrinfo *list = NULL;
	char port[8];
	int fd = -1, e;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)at->port);
	e = getaddrinfo(at->host, port, &hints, &list);
	if (e != 0) {
		tell(error, at, gai_strerror(e));
		return -1;
	}
	fd = bind_one(list);
	if (fd < 0)
		tell(error, at, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

int
xo_sockets_find(const struct xo_sockets *sockets, const char *address,
    size_t slot)
{
	for (size_t i = 0; sockets != NULL && i < sockets->n; i++)
		if (sockets->list[i].slot == slot &&
		    strcmp(sockets->list[i].address, address) == 0)
			return sockets->list[i].fd;
	return -1;
}

/* What the one before has, unless somebody took its name away. */
static int
inherit(const struct xo_sockets *old, const struct xo_socket *s,
    const struct xo_conf_host *at, enum xo_socket_mode mode)
{
	int fd = xo_sockets_find(old, s->address, s->slot);

	if (fd < 0 || !xo_conf_host_is_unix(at))
		return fd;
	xo_unix_set_mode(at->host, mode);
	return xo_unix_is_there(at->host) ? fd : -1;
}

static int
open_unix(const struct xo_conf_host *at, enum xo_socket_mode mode,
    struct xo_buf *error)
{
	int fd = xo_unix_listen(at->host, mode, BACKLOG);

	if (fd < 0)
		tell(error, at, strerror(errno));
	return fd;
}

static bool
add(struct xo_sockets *sockets, const struct xo_conf_host *at, int listener,
    size_t slot, enum xo_socket_mode mode, const struct xo_sockets *old,
    struct xo_buf *error)
{
	struct xo_socket *s = &sockets->list[sockets->n];

	*s = (struct xo_socket){.listener = listener, .slot = slot, .fd = -1};
	if (asprintf(&s->address, "%s %u", at->host,
	    (unsigned)at->port) < 0) {
		s->address = NULL;
		xo_buf_add_cstr(error, "no memory");
		return false;
	}
	s->fd = inherit(old, s, at, mode);
	if (s->fd < 0 && slot == XO_SLOT_SHARED)
		s->fd = open_unix(at, mode, error);
	else if (s->fd < 0)
		s->fd = slot == XO_SLOT_STATUS ?
		    xo_status_listen(at, error) : open_socket(at, error);
	sockets->n++;
	return s->fd >= 0;
}

/* One for each address and worker. */
static bool
add_listener(struct xo_sockets *sockets, const struct xo_conf *conf, size_t l,
    size_t n_workers, const struct xo_sockets *old, struct xo_buf *error)
{
	const struct xo_conf_listener *listener = &conf->listeners[l];

	for (size_t a = 0; a < listener->n_listen; a++) {
		const struct xo_conf_host *at = &listener->listen[a];
		bool is_unix = xo_conf_host_is_unix(at);

		for (size_t slot = 0; slot < (is_unix ? 1 : n_workers); slot++)
			if (!add(sockets, at, (int)l,
			    is_unix ? XO_SLOT_SHARED : slot,
			    listener->socket_mode, old, error))
				return false;
	}
	return true;
}

static bool
add_all(struct xo_sockets *sockets, const struct xo_conf *conf,
    size_t n_workers, const struct xo_sockets *old, struct xo_buf *error)
{
	for (size_t l = 0; l < conf->policy.n_listeners; l++)
		if (!add_listener(sockets, conf, l, n_workers, old, error))
			return false;
	return !conf->status.is_set || add(sockets, &conf->status.host, -1,
	    XO_SLOT_STATUS, XO_SOCKET_OWNER, old, error);
}

bool
xo_sockets_open(struct xo_sockets *sockets, const struct xo_conf *conf,
    size_t n_workers, const struct xo_sockets *old, struct xo_buf *error)
{
	size_t n = 0;

	for (size_t l = 0; l < conf->policy.n_listeners; l++)
		n += conf->listeners[l].n_listen;
	sockets->n = 0;
	sockets->list = calloc(n * n_workers + 2, sizeof(*sockets->list));
	if (sockets->list == NULL) {
		xo_buf_add_cstr(error, "no memory");
		return false;
	}
	if (add_all(sockets, conf, n_workers, old, error))
		return true;
	xo_sockets_close(sockets, old);
	return false;
}

/* "PATH 0". */
static void
remove_name(char *address)
{
	char *blank = strrchr(address, ' ');

	if (blank == NULL)
		return;
	*blank = '\0';
	xo_unix_remove(address);
	*blank = ' ';
}

void
xo_sockets_close(struct xo_sockets *sockets, const struct xo_sockets *kept)
{
	for (size_t i = 0; i < sockets->n; i++) {
		struct xo_socket *s = &sockets->list[i];

		int other = xo_sockets_find(kept, s->address, s->slot);

		if (s->fd >= 0 && other != s->fd)
			close(s->fd);
		if (s->fd >= 0 && other < 0 && kept != NULL &&
		    s->slot == XO_SLOT_SHARED)
			remove_name(s->address);
		free(s->address);
	}
	free(sockets->list);
	sockets->list = NULL;
	sockets->n = 0;
}

/* Over a restart */

#define FIRST_FD 3		/* sd_listen_fds(3) */
#define NAME_MAX_LEN 200

/* "7 192.0.2.1 25": a name of a descriptor has no colon, an address may. */
static void
write_name(char name[NAME_MAX_LEN], const struct xo_socket *s)
{
	int n;

	if (s->slot == XO_SLOT_STATUS)
		n = snprintf(name, NAME_MAX_LEN, "status %s", s->address);
	else if (s->slot == XO_SLOT_SHARED)
		n = snprintf(name, NAME_MAX_LEN, "unix %s", s->address);
	else
		n = snprintf(name, NAME_MAX_LEN, "%zu %s", s->slot,
		    s->address);
	for (int i = 0; i < n && i < NAME_MAX_LEN; i++)
		if (name[i] == ':')
			name[i] = '|';
}

static bool
read_name(const char *name, size_t len, struct xo_socket *s_r)
{
	struct xo_span rest = xo_span(name, len);
	size_t blank = xo_span_find(rest, ' ');
	struct xo_span slot = xo_span_first(rest, blank);
	uint64_t n = XO_SLOT_STATUS;

	if (blank == len)
		return false;
	if (xo_span_is_equal(slot, XO_LIT("unix")))
		n = XO_SLOT_SHARED;
	else if (!xo_span_is_equal(slot, XO_LIT("status")) &&
	    xo_span_to_u64(slot, &n) != XO_OK)
		return false;
	s_r->slot = (size_t)n;
	s_r->address = strndup(name + blank + 1, len - blank - 1);
	for (char *p = s_r->address; p != NULL && *p != '\0'; p++)
		if (*p == '|')
			*p = ':';
	return s_r->address != NULL;
}

/* Ours, says the manager. 0: there are none. */
static size_t
count_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	uint64_t value;

	if (pid == NULL || n == NULL || xo_span_to_u64(xo_span_from_cstr(pid),
	    &value) != XO_OK || value != (uint64_t)getpid() ||
	    xo_span_to_u64(xo_span_from_cstr(n), &value) != XO_OK ||
	    value > 65536)
		return 0;
	return (size_t)value;
}

void
xo_sockets_inherit(struct xo_sockets *sockets)
{
	const char *names = getenv("LISTEN_FDNAMES");
	size_t n = count_inherited();

	*sockets = (struct xo_sockets){.n = 0};
	if (n > 0)
		sockets->list = calloc(n, sizeof(*sockets->list));
	for (size_t i = 0; i < n; i++) {
		struct xo_socket s = {.listener = -1,
		    .fd = FIRST_FD + (int)i};
		size_t len = names != NULL ? strcspn(names, ":") : 0;

		(void)fcntl(s.fd, F_SETFD, FD_CLOEXEC);
		if (sockets->list != NULL && len > 0 &&
		    read_name(names, len, &s))
			sockets->list[sockets->n++] = s;
		else
			close(s.fd);
		names = names != NULL && names[len] != '\0' ?
		    names + len + 1 : NULL;
	}
}

void
xo_sockets_keep(const struct xo_sockets *sockets,
    const struct xo_sockets *known)
{
	char name[NAME_MAX_LEN], text[NAME_MAX_LEN + 64];

	for (size_t i = 0; i < sockets->n; i++) {
		const struct xo_socket *s = &sockets->list[i];

		if (s->fd < 0 ||
		    xo_sockets_find(known, s->address, s->slot) == s->fd)
			continue;
		write_name(name, s);
		(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s",
		    name);
		xo_notify_fd(text, s->fd);
	}
}

void
xo_sockets_forget(const struct xo_sockets *sockets,
    const struct xo_sockets *kept)
{
	char name[NAME_MAX_LEN], text[NAME_MAX_LEN + 64];

	for (size_t i = 0; i < sockets->n; i++) {
		const struct xo_socket *s = &sockets->list[i];

		if (xo_sockets_find(kept, s->address, s->slot) >= 0)
			continue;
		write_name(name, s);
		(void)snprintf(text, sizeof(text),
		    "FDSTOREREMOVE=1\nFDNAME=%s", name);
		xo_notify_fd(text, -1);
	}
}
