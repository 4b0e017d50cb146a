/* SPDX-License-Identifier: ISC */
/*
 * Connections of the soak: see soak.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soak.h"

int
conn_poll_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = epoll_create1(EPOLL_CLOEXEC);
	return fd;
}

static void
watch(struct conn *c, int operation, bool for_write)
{
	struct epoll_event e = {
		.events = EPOLLIN | (for_write ? EPOLLOUT : 0),
		.data.ptr = c,
	};

	c->is_watched_for_write = for_write;
	(void)epoll_ctl(conn_poll_fd(), operation, c->fd, &e);
}

bool
conn_open(struct conn *c, int fd)
{
	int one = 1;

	c->fd = fd;
	c->in_len = c->out_len = 0;
	c->is_connecting = false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(c, EPOLL_CTL_ADD, false);
	return true;
}

bool
conn_connect(struct conn *c)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(options.connect_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return false;
	}
	return conn_open(c, fd);
}

static void
flush(struct conn *c)
{
	ssize_t n = 0;

	while (c->out_len > 0 &&
	    (n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL)) > 0) {
		memmove(c->out, c->out + n, c->out_len - (size_t)n);
		c->out_len -= (size_t)n;
	}
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		c->out_len = 0;		/* reading will tell */
	if ((c->out_len > 0) != c->is_watched_for_write)
		watch(c, EPOLL_CTL_MOD, c->out_len > 0);
}

void
conn_send(struct conn *c, const void *p, size_t len)
{
	if (c->fd < 0 || len > BUFFER_MAX - c->out_len)
		return;
	memcpy(c->out + c->out_len, p, len);
	c->out_len += len;
	flush(c);
}

void
conn_say(struct conn *c, const char *text)
{
	conn_send(c, text, strlen(text));
}

void
conn_close(struct conn *c, enum ending how)
{
	struct linger reset = {.l_onoff = 1};

	if (c->fd < 0)
		return;
	if (how == ENDING_RST)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
	close(c->fd);
	c->fd = -1;
}

void
conn_event(struct conn *c, uint32_t events)
{
	ssize_t n;

	if (c->fd < 0)
		return;
	if ((events & EPOLLOUT) != 0)
		flush(c);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	n = recv(c->fd, c->in + c->in_len, BUFFER_MAX - c->in_len, 0);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		conn_close(c, ENDING_FIN);
	else
		return;
	c->ready(c);
}

void
conn_used(struct conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

bool
conn_line(struct conn *c, char *line, size_t size)
{
	const uint8_t *end = memchr(c->in, '\n', c->in_len);
	size_t len, kept;

	if (end == NULL)
		return false;
	len = (size_t)(end - c->in) + 1;
	kept = len - 1;
	if (kept > 0 && c->in[kept - 1] == '\r')
		kept--;
	if (kept >= size)
		kept = size - 1;
	memcpy(line, c->in, kept);
	line[kept] = '\0';
	conn_used(c, len);
	return true;
}
