/* SPDX-License-Identifier: ISC */
/*
 * A blind byte pump of two legs: the floor under every relay. It knows nothing
 * of what it moves: what arrives on one socket goes out on the other.
 *
 *   pump LISTEN TARGET
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define BUFFER ((size_t)64 * 1024)
#define EVENTS 256

struct pair;

struct side {
	struct pair *pair;
	int fd;
	bool is_readable, is_writable;
	bool has_fin;			/* of the peer, in the socket */
	bool has_ended;			/* and read */
	bool has_shut;			/* our own end is said */
	uint8_t *held;			/* what the other could not take */
	size_t held_len;
};

struct pair {
	struct side sides[2];
	bool is_dead;
	struct pair *next_dead;
};

static uint8_t scratch[BUFFER];
static struct pair *dead;

static struct side *
other(struct side *side)
{
	return side == &side->pair->sides[0] ? &side->pair->sides[1] :
	    &side->pair->sides[0];
}

/* Events of this turn may still point to it: freed behind them. */
static void
end_pair(struct pair *pair)
{
	if (pair->is_dead)
		return;
	pair->is_dead = true;
	pair->next_dead = dead;
	dead = pair;
	(void)close(pair->sides[0].fd);
	(void)close(pair->sides[1].fd);
}

static void
free_dead(void)
{
	while (dead != NULL) {
		struct pair *next = dead->next_dead;

		free(dead->sides[0].held);
		free(dead->sides[1].held);
		free(dead);
		dead = next;
	}
}

/* Octets taken, as many as go. */
static size_t
put(struct side *to, const uint8_t *p, size_t len)
{
	ssize_t n = send(to->fd, p, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		end_pair(to->pair);
		return len;
	}
	if (n < 0 || (size_t)n < len)
		to->is_writable = false;
	return n > 0 ? (size_t)n : 0;
}

static void
keep(struct side *from, const uint8_t *p, size_t len)
{
	if (from->held == NULL)
		from->held = bench_alloc(1, BUFFER);
	memmove(from->held, p, len);
	from->held_len = len;
}

/* False: nothing moved. */
static bool
move(struct side *from)
{
	struct side *to = other(from);
	const uint8_t *p = scratch;
	ssize_t n;
	size_t done;

	if (from->pair->is_dead || !to->is_writable)
		return false;
	if (from->held_len > 0) {
		p = from->held;
		n = (ssize_t)from->held_len;
		from->held_len = 0;
	} else if (!from->is_readable || from->has_ended) {
		return false;
	} else {
		n = recv(from->fd, scratch, sizeof(scratch), 0);
		/* Short: empty, and more is another edge. */
		if (n < (ssize_t)sizeof(scratch) && !from->has_fin)
			from->is_readable = false;
		if (n == 0)
			from->has_ended = true;
		else if (n < 0 && errno != EAGAIN)
			end_pair(from->pair);
		if (n <= 0) {
			from->is_readable = false;
			return false;
		}
	}
	done = put(to, p, (size_t)n);
	if (done < (size_t)n)
		keep(from, p + done, (size_t)n - done);
	return true;
}

static void
run(struct pair *pair)
{
	struct side *a = &pair->sides[0], *b = &pair->sides[1];
	bool has_moved;

	do {
		has_moved = move(a);
		if (move(b))
			has_moved = true;
	} while (has_moved);
	for (int i = 0; i < 2 && !pair->is_dead; i++) {
		struct side *from = &pair->sides[i], *to = other(from);

		if (from->has_ended && from->held_len == 0 && !to->has_shut) {
			to->has_shut = true;
			(void)shutdown(to->fd, SHUT_WR);
		}
	}
	if (a->has_ended && b->has_ended && a->held_len + b->held_len == 0)
		end_pair(pair);
}

static void
add(int epoll, struct side *side)
{
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = side,
	};

	bench_set_nodelay(side->fd);
	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, side->fd, &e);
}

static void
take(int epoll, int listener, const char *target)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		int out = bench_connect(target);
		struct pair *pair;

		if (out < 0) {
			(void)close(fd);
			continue;
		}
		pair = bench_alloc(1, sizeof(*pair));
		pair->sides[0] = (struct side){.pair = pair, .fd = fd};
		pair->sides[1] = (struct side){.pair = pair, .fd = out};
		add(epoll, &pair->sides[0]);
		add(epoll, &pair->sides[1]);
	}
}

static void
dispatch(const struct epoll_event *e)
{
	struct side *side = e->data.ptr;

	if (side->pair->is_dead)
		return;
	if ((e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		side->is_readable = true;
	if ((e->events & EPOLLRDHUP) != 0)
		side->has_fin = true;
	if ((e->events & EPOLLOUT) != 0)
		side->is_writable = true;
	run(side->pair);
}

int
main(int argc, char **argv)
{
	struct epoll_event e = {.events = EPOLLIN}, events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int listener;

	if (argc != 3 || epoll < 0)
		bench_die("usage: pump LISTEN TARGET", NULL);
	bench_raise_limit();
	(void)signal(SIGPIPE, SIG_IGN);
	listener = bench_listen(argv[1]);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0)
		bench_die("epoll_ctl", strerror(errno));
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				take(epoll, listener, argv[2]);
			else
				dispatch(&events[i]);
		}
		free_dead();
	}
}
