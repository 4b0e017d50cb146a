/* SPDX-License-Identifier: ISC */
/* Who comes in: see accept.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <watch/log.h>
#include <watch/metrics.h>
#include <xoorg/refusal.h>

#include "accept.h"

/* Connections taken from one socket in one turn. */
#define ACCEPT_MAX 64

struct door {
	struct xo_doors *all;
	int listener;
	struct event *event;
};

struct xo_doors {
	const struct xo_env *env;
	struct xo_sessions *sessions;
	struct xo_asks *asks;
	int null_fd;
	int spare_fd;			/* another: for a last word */
	size_t n;
	struct door list[];
};

static void
log_turned_away(struct xo_log *log, const struct xo_refusal_info *info)
{
	struct xo_log_line *line = xo_log_begin(log, XO_LOG_ERROR, "refused");

	xo_log_u64(line, "reply", info->code);
	xo_log_cstr(line, "reason", info->id);
	xo_log_end(line);
}

/*
 * No descriptor is left, for links that are kept or the like: the spare one
 * goes, so that the client hears why and the socket is not ready for ever.
 * False: there was nobody.
 */
static bool
turn_away(struct xo_doors *all, int listener_fd)
{
	const struct xo_refusal_info *info =
	    xo_refusal_info(XO_REFUSAL_DESCRIPTORS);
	char text[256];
	int len = snprintf(text, sizeof(text), "%u %s %s\r\n",
	    (unsigned int)info->code, info->enhanced, info->text);
	int s;

	if (all->spare_fd >= 0)
		close(all->spare_fd);
	s = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s >= 0) {
		(void)send(s, text, (size_t)len, MSG_NOSIGNAL);
		close(s);
		xo_metrics_refusal(all->env->metrics, XO_REFUSAL_DESCRIPTORS);
		log_turned_away(all->env->log, info);
	}
	all->spare_fd = fcntl(all->null_fd, F_DUPFD_CLOEXEC, 0);
	return s >= 0;
}

static void
take(const struct door *door, int fd, const struct sockaddr *peer)
{
	if (xo_listener_is_asked(&door->all->env->conf->policy.listeners[
	    door->listener]))
		xo_asks_take(door->all->asks, fd, door->listener);
	else
		xo_sessions_take(door->all->sessions, fd, door->listener,
		    peer);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	const struct door *door = arg;
	struct sockaddr_storage peer;

	(void)what;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		socklen_t len = sizeof(peer);
		int s = accept4(fd, (struct sockaddr *)&peer, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (s < 0 && (errno == EMFILE || errno == ENFILE) &&
		    turn_away(door->all, fd))
			continue;
		if (s < 0)
			break;
		take(door, s, (const struct sockaddr *)&peer);
	}
}

static bool
open_door(struct xo_doors *all, const struct xo_socket *s)
{
	struct door *door = &all->list[all->n];

	*door = (struct door){.all = all, .listener = s->listener};
	door->event = event_new(all->env->base, s->fd, EV_READ | EV_PERSIST,
	    on_accept, door);
	if (door->event == NULL)
		return false;
	all->n++;
	return event_add(door->event, NULL) == 0;
}

struct xo_doors *
xo_doors_open(const struct xo_env *env, struct xo_sessions *sessions,
    struct xo_asks *asks, const struct xo_sockets *sockets, size_t slot)
{
	struct xo_doors *all = calloc(1, sizeof(*all) +
	    sockets->n * sizeof(all->list[0]));

	if (all == NULL)
		return NULL;
	all->env = env;
	all->sessions = sessions;
	all->asks = asks;
	all->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	all->spare_fd = fcntl(all->null_fd, F_DUPFD_CLOEXEC, 0);
	for (size_t i = 0; i < sockets->n; i++) {
		if (sockets->list[i].slot != slot &&
		    sockets->list[i].slot != XO_SLOT_SHARED) {
			close(sockets->list[i].fd);
		} else if (!open_door(all, &sockets->list[i])) {
			xo_doors_close(&all);
			return NULL;
		}
	}
	return all;
}

void
xo_doors_close(struct xo_doors **doors)
{
	struct xo_doors *all = *doors;

	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++) {
		close(event_get_fd(all->list[i].event));
		event_free(all->list[i].event);
	}
	close(all->spare_fd);
	close(all->null_fd);
	free(all);
	*doors = NULL;
}
