/* SPDX-License-Identifier: ISC */
/*
 * A socket with or without TLS: see leg.h.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "leg.h"

/* Spans from here on are not copied if they can be written at once. */
#define DIRECT_MIN ((size_t)8 * 1024)

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct xo_leg *leg = arg;

	(void)fd;
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		leg->is_readable = true;
	if ((what & EV_CLOSED) != 0)
		leg->has_fin = true;
	if ((what & EV_WRITE) != 0)
		leg->is_writable = true;
	leg->ready(leg, leg->owner);
}

bool
xo_leg_open(struct xo_leg *leg, struct event_base *base, int fd,
    xo_leg_ready *ready, void *owner)
{
	leg->fd = fd;
	leg->ready = ready;
	leg->owner = owner;
	if (event_assign(&leg->event, base, fd,
	    EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event, leg) != 0 ||
	    event_add(&leg->event, NULL) != 0) {
		close(fd);
		leg->fd = -1;
		return false;
	}
	leg->is_registered = true;
	return true;
}

void
xo_leg_close(struct xo_leg *leg)
{
	if (leg->is_registered) {
		event_del(&leg->event);
		leg->is_registered = false;
		xo_tls_free(&leg->tls);
		close(leg->fd);
		leg->fd = -1;
	}
	leg->has_ended = true;
	xo_buf_fini(&leg->in);
	xo_buf_fini(&leg->out);
}

void
xo_leg_again(struct xo_leg *leg)
{
	if (leg->is_registered)
		event_active(&leg->event, 0, 1);
}

void
xo_leg_look_for_end(struct xo_leg *leg)
{
	struct pollfd p = {.fd = leg->fd, .events = POLLRDHUP};

	if (!leg->is_registered || leg->is_readable || leg->has_ended ||
	    poll(&p, 1, 0) != 1)
		return;
	leg->is_readable = true;
	xo_leg_again(leg);
}

static size_t
tls_read(struct xo_leg *leg, uint8_t *p, size_t len)
{
	size_t n = 0;

	switch (xo_tls_read(leg->tls, p, len, &n)) {
	case XO_IO_OK:
		return n;
	case XO_IO_WANT_READ:
	case XO_IO_WANT_WRITE:
		leg->is_readable = false;
		return 0;
	case XO_IO_CLOSED:
		leg->has_ended = true;
		return 0;
	case XO_IO_ERROR:
	default:
		leg->has_ended = leg->is_broken = true;
		return 0;
	}
}

static size_t
plain_read(struct xo_leg *leg, uint8_t *p, size_t len)
{
	ssize_t n;

	do
		n = recv(leg->fd, p, len, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		/* Short: the socket is empty, and what comes next is an edge;
		 * unless it came already, and was the end. */
		if ((size_t)n < len && !leg->has_fin)
			leg->is_readable = false;
		return (size_t)n;
	}
	leg->is_readable = false;
	if (n == 0)
		leg->has_ended = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		leg->has_ended = leg->is_broken = true;
	return 0;
}

static size_t
read_some(struct xo_leg *leg, uint8_t *p, size_t len)
{
	if (leg->has_ended || !leg->is_readable)
		return 0;
	return leg->tls != NULL ? tls_read(leg, p, len) :
	    plain_read(leg, p, len);
}

struct xo_span
xo_leg_read(struct xo_leg *leg, uint8_t *scratch)
{
	size_t n;
	uint8_t *room;

	if (leg->in.len == 0) {
		n = read_some(leg, scratch, XO_LEG_READ);
		return xo_span(scratch, n);
	}
	room = xo_buf_reserve(&leg->in, XO_LEG_READ);
	if (room == NULL) {
		leg->has_ended = leg->is_broken = true;
		return (struct xo_span){NULL, 0};
	}
	leg->in.len += read_some(leg, room, XO_LEG_READ);
	return xo_buf_span(&leg->in);
}

void
xo_leg_used(struct xo_leg *leg, struct xo_span got, size_t used)
{
	if (got.p == leg->in.p && leg->in.len > 0) {
		xo_buf_consume(&leg->in, used);
		if (leg->in.len == 0)
			xo_buf_fini(&leg->in);
		return;
	}
	xo_buf_add(&leg->in, xo_span_from(got, used));
	if (leg->in.err != XO_OK)
		leg->has_ended = leg->is_broken = true;
}

static size_t
tls_write(struct xo_leg *leg, struct xo_span s)
{
	size_t done = 0, n;

	while (done < s.len) {
		enum xo_io io = xo_tls_write(leg->tls, s.p + done,
		    s.len - done, &n);

		if (io == XO_IO_OK) {
			done += n;
		} else {
			if (io == XO_IO_ERROR || io == XO_IO_CLOSED)
				leg->is_broken = true;
			leg->is_writable = false;
			break;
		}
	}
	return done;
}

/* Both parts in one call: a reply and what follows it share a segment. */
static size_t
plain_write(struct xo_leg *leg, struct xo_span a, struct xo_span b)
{
	struct iovec iov[2] = {
		{(void *)(uintptr_t)a.p, a.len},
		{(void *)(uintptr_t)b.p, b.len},
	};
	struct msghdr msg = {
		.msg_iov = a.len > 0 ? iov : iov + 1,
		.msg_iovlen = a.len > 0 && b.len > 0 ? 2 : 1,
	};
	ssize_t n;

	do
		n = sendmsg(leg->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		if ((size_t)n < a.len + b.len)
			leg->is_writable = false;
		return (size_t)n;
	}
	leg->is_writable = false;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		leg->is_broken = true;
	return 0;
}

static size_t
write_some(struct xo_leg *leg, struct xo_span a, struct xo_span b)
{
	size_t n;

	if (leg->is_broken || !leg->is_registered || leg->is_handshaking ||
	    !leg->is_writable || a.len + b.len == 0)
		return 0;
	if (leg->tls == NULL) {
		n = plain_write(leg, a, b);
	} else {
		n = tls_write(leg, a);
		if (n == a.len)
			n += tls_write(leg, b);
	}
	leg->written += n;
	return n;
}

void
xo_leg_send(struct xo_leg *leg, struct xo_span s)
{
	size_t n;

	if (leg->is_broken || !leg->is_registered)
		return;
	if (s.len >= DIRECT_MIN) {
		n = write_some(leg, xo_buf_span(&leg->out), s);
		if (n < leg->out.len) {
			xo_buf_consume(&leg->out, n);
		} else {
			s = xo_span_from(s, n - leg->out.len);
			xo_buf_clear(&leg->out);
		}
	}
	xo_buf_add(&leg->out, s);
	if (leg->out.err != XO_OK)
		leg->is_broken = true;
}

void
xo_leg_flush(struct xo_leg *leg)
{
	size_t n;

	if (leg->out.len == 0)
		return;
	n = write_some(leg, xo_buf_span(&leg->out), (struct xo_span){NULL, 0});
	if (n < leg->out.len)
		xo_buf_consume(&leg->out, n);
	else
		xo_buf_fini(&leg->out);
}

enum xo_io
xo_leg_handshake(struct xo_leg *leg)
{
	enum xo_io io;

	leg->is_handshaking = true;
	io = xo_tls_handshake(leg->tls);
	switch (io) {
	case XO_IO_OK:
		leg->is_handshaking = false;
		/* What followed the handshake may have been read with it: no
		 * edge will tell. */
		leg->is_readable = leg->is_writable = true;
		break;
	case XO_IO_WANT_READ:
		leg->is_readable = false;
		break;
	case XO_IO_WANT_WRITE:
		leg->is_writable = false;
		break;
	case XO_IO_CLOSED:
	case XO_IO_ERROR:
	default:
		leg->is_broken = leg->has_ended = true;
		break;
	}
	return io;
}
