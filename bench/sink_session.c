/* SPDX-License-Identifier: ISC */
/*
 * A session of the sink: its socket, its TLS, and replies that wait. All
 * replies to one read leave in one write, `delay` later.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sink.h"

void
session_end(struct sink *sink, struct session *s)
{
	if (s->is_dead)
		return;
	s->is_dead = true;
	s->next_dead = sink->dead;
	sink->dead = s;
	sink->counts.open--;
	wire_close(&s->wire);
}

static void
begin_tls(struct sink *sink, struct session *s)
{
	s->wants_tls = false;
	s->state = SESSION_HANDSHAKE;
	s->wire.ssl = SSL_new(sink->tls);
	if (s->wire.ssl == NULL || SSL_set_fd(s->wire.ssl, s->wire.fd) != 1)
		bench_die("no memory", NULL);
	SSL_set_accept_state(s->wire.ssl);
}

static void
wait_delay(struct sink *sink, struct session *s)
{
	s->is_waiting = true;
	s->due = bench_now() + sink->delay;
	s->next_due = NULL;
	if (sink->last_due != NULL)
		sink->last_due->next_due = s;
	else
		sink->first_due = s;
	sink->last_due = s;
}

void
session_flush(struct sink *sink, struct session *s)
{
	if (s->out_len == 0 || s->is_waiting || !s->is_writable)
		return;
	if (sink->delay > 0 && s->due == 0) {
		wait_delay(sink, s);
		return;
	}
	while (s->out_len > 0) {
		long n = wire_write(&s->wire, s->out, s->out_len);

		if (n == WIRE_BLOCKED) {
			s->is_writable = false;
			return;
		}
		if (n < 0) {
			session_end(sink, s);
			return;
		}
		s->out_len -= (size_t)n;
		memmove(s->out, s->out + n, s->out_len);
	}
	free(s->out);
	s->out = NULL;
	s->out_cap = 0;
	s->due = 0;
	if (s->state == SESSION_QUIT)
		session_end(sink, s);
	else if (s->wants_tls)
		begin_tls(sink, s);
}

static bool
handshake(struct sink *sink, struct session *s)
{
	int result = wire_handshake(&s->wire);

	if (result == WIRE_BLOCKED)
		return false;
	if (result < 0) {
		sink->counts.failed_handshakes++;
		session_end(sink, s);
		return false;
	}
	sink->counts.handshakes++;
	if (SSL_session_reused(s->wire.ssl) == 1)
		sink->counts.resumed++;
	if (SSL_get0_peer_certificate(s->wire.ssl) != NULL)
		sink->counts.certificates++;
	s->state = SESSION_COMMAND;
	s->is_readable = true;
	return true;
}

static void
read_all(struct sink *sink, struct session *s)
{
	while (s->is_readable && !s->is_dead && !s->is_waiting &&
	    !s->wants_tls && s->state != SESSION_QUIT) {
		long n = wire_read(&s->wire, sink->scratch, SINK_READ);
		size_t used = 0;

		if (n == WIRE_BLOCKED) {
			s->is_readable = false;
			return;
		}
		if (n < 0) {
			session_end(sink, s);
			return;
		}
		if (s->wire.ssl == NULL && (size_t)n < SINK_READ && !s->has_fin)
			s->is_readable = false;
		while (used < (size_t)n && !s->is_dead && !s->wants_tls)
			used += session_take(sink, s, sink->scratch + used,
			    (size_t)n - used);
	}
}

void
session_run(struct sink *sink, struct session *s)
{
	if (!s->is_dead && s->state == SESSION_HANDSHAKE && !s->wants_tls &&
	    s->wire.ssl != NULL && handshake(sink, s) && s->owes_greeting) {
		s->owes_greeting = false;
		session_say(s, "220 sink.example ESMTP\r\n");
	}
	if (s->is_dead || (s->state == SESSION_HANDSHAKE && !s->wants_tls))
		return;
	read_all(sink, s);
	if (!s->is_dead)
		session_flush(sink, s);
	/* STARTTLS: the client may have begun already. */
	if (!s->is_dead && s->state == SESSION_HANDSHAKE && !s->wants_tls &&
	    handshake(sink, s))
		session_run(sink, s);
}

void
session_new(struct sink *sink, int fd, bool is_implicit)
{
	struct session *s = bench_alloc(1, sizeof(*s));
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = s,
	};

	s->wire.fd = fd;
	s->is_writable = true;
	bench_set_nodelay(fd);
	sink->counts.connections++;
	sink->counts.open++;
	if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		bench_die("epoll_ctl", NULL);
	if (is_implicit) {
		begin_tls(sink, s);
		s->owes_greeting = true;
	} else {
		session_say(s, "220 sink.example ESMTP\r\n");
	}
	session_run(sink, s);
}
