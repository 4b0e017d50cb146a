/* SPDX-License-Identifier: ISC */
/*
 * sink: the next hop of the benchmark. On SIGUSR1 it prints its counts as a
 * line of JSON, on SIGTERM it ends.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sink.h"

#define EVENTS 256
#define LISTENERS_MAX 8

struct listener {
	int fd;
	bool is_implicit;
};

struct options {
	const char *cert, *key, *ca;
	const char *where[LISTENERS_MAX];
	bool is_implicit[LISTENERS_MAX];
	size_t n;
};

static const char usage[] =
    "usage: sink --listen HOST:PORT ... [--listen-tls HOST:PORT ...]\n"
    "            [--cert FILE --key FILE [--ca FILE]] [--delay MS]\n"
    "            [--no-pipelining] [--no-chunking]";

static void
add_listener(struct options *o, const char *where, bool is_implicit)
{
	if (o->n == LISTENERS_MAX)
		bench_die(where, "too many");
	o->where[o->n] = where;
	o->is_implicit[o->n++] = is_implicit;
}

static void
parse(struct sink *sink, struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"listen", 1, NULL, 'l'}, {"listen-tls", 1, NULL, 'L'},
		{"cert", 1, NULL, 'c'}, {"key", 1, NULL, 'k'},
		{"ca", 1, NULL, 'a'}, {"delay", 1, NULL, 'd'},
		{"no-pipelining", 0, NULL, 'p'}, {"no-chunking", 0, NULL, 'b'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
		case 'L':
			add_listener(o, optarg, c == 'L');
			break;
		case 'c':
			o->cert = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'a':
			o->ca = optarg;
			break;
		case 'd':
			sink->delay = bench_number("--delay", optarg, 10000) *
			    1000;
			break;
		case 'p':
			sink->has_pipelining = false;
			break;
		case 'b':
			sink->has_chunking = false;
			break;
		default:
			bench_die(usage, NULL);
		}
	}
	if (optind != argc || o->n == 0 || (o->cert == NULL) != (o->key == NULL))
		bench_die(usage, NULL);
}

static void
print_counts(const struct sink_counts *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} table[] = {
		{"connections", c->connections}, {"open", c->open},
		{"handshakes", c->handshakes}, {"resumed", c->resumed},
		{"failed_handshakes", c->failed_handshakes},
		{"certificates", c->certificates}, {"messages", c->messages},
		{"octets", c->octets}, {"data", c->data}, {"bdat", c->bdat},
		{"unknown", c->unknown},
	};
	const char *before = "{";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		(void)printf("%s\"%s\": %llu", before, table[i].name,
		    (unsigned long long)table[i].n);
		before = ", ";
	}
	(void)puts("}");
	(void)fflush(stdout);
}

static int
signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void
on_signal(const struct sink *sink, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGUSR1)
		exit(0);
	print_counts(&sink->counts);
}

static void
accept_all(struct sink *sink, const struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		session_new(sink, fd, l->is_implicit);
}

static void
free_dead(struct sink *sink)
{
	while (sink->dead != NULL) {
		struct session *s = sink->dead;

		/* One that waits is freed when its time has come. */
		sink->dead = s->next_dead;
		if (s->is_waiting)
			continue;
		free(s->line);
		free(s->out);
		free(s);
	}
}

static void
serve_due(struct sink *sink)
{
	uint64_t now = sink->first_due != NULL ? bench_now() : 0;

	while (sink->first_due != NULL && sink->first_due->due <= now) {
		struct session *s = sink->first_due;

		sink->first_due = s->next_due;
		if (sink->first_due == NULL)
			sink->last_due = NULL;
		s->is_waiting = false;
		if (s->is_dead) {
			s->next_dead = sink->dead;
			sink->dead = s;
		} else {
			session_flush(sink, s);
			session_run(sink, s);
		}
	}
}

static int
timeout_of(const struct sink *sink)
{
	uint64_t now;

	if (sink->first_due == NULL)
		return -1;
	now = bench_now();
	return sink->first_due->due <= now ? 0 :
	    (int)((sink->first_due->due - now + 999) / 1000);
}

static void
dispatch(struct sink *sink, const struct epoll_event *e)
{
	struct session *s = e->data.ptr;

	if (s->is_dead)
		return;
	if ((e->events & ~(uint32_t)EPOLLOUT) != 0)
		s->is_readable = true;
	if ((e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		s->has_fin = true;
	if ((e->events & EPOLLOUT) != 0)
		s->is_writable = true;
	session_run(sink, s);
}

static _Noreturn void
loop(struct sink *sink, struct listener *listeners, size_t n, int signal_fd)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int k = epoll_wait(sink->epoll, events, EVENTS,
		    timeout_of(sink));

		for (int i = 0; i < k; i++) {
			void *p = events[i].data.ptr;

			if (p == NULL)
				on_signal(sink, signal_fd);
			else if (p >= (void *)listeners &&
			    p < (void *)(listeners + n))
				accept_all(sink, p);
			else
				dispatch(sink, &events[i]);
		}
		serve_due(sink);
		free_dead(sink);
	}
}

int
main(int argc, char **argv)
{
	static struct sink sink = {
		.has_pipelining = true, .has_chunking = true,
	};
	static struct listener listeners[LISTENERS_MAX];
	struct options o = {0};
	struct epoll_event e = {.events = EPOLLIN};
	int signal_fd;

	parse(&sink, &o, argc, argv);
	bench_raise_limit();
	signal_fd = signals();
	if (o.cert != NULL)
		sink.tls = bench_tls_server(o.cert, o.key, o.ca);
	sink.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sink.epoll < 0 || signal_fd < 0 ||
	    epoll_ctl(sink.epoll, EPOLL_CTL_ADD, signal_fd, &e) != 0)
		bench_die("epoll", strerror(errno));
	for (size_t i = 0; i < o.n; i++) {
		if (o.is_implicit[i] && sink.tls == NULL)
			bench_die(o.where[i], "no --cert");
		listeners[i] = (struct listener){bench_listen(o.where[i]),
		    o.is_implicit[i]};
		e.data.ptr = &listeners[i];
		if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, listeners[i].fd,
		    &e) != 0)
			bench_die("epoll_ctl", strerror(errno));
	}
	(void)puts("ready");
	(void)fflush(stdout);
	loop(&sink, listeners, o.n, signal_fd);
}
