/* SPDX-License-Identifier: ISC */
/*
 * One session of the load at a time, and the next one behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "load.h"

#define LINE_MAX_LEN 1024

struct client {
	struct wire wire;
	bool is_open, is_readable, is_writable, is_shaking, has_fin;
	size_t step;
	size_t written;			/* octets of the step */
	size_t replies;			/* replies to the step */
	uint64_t messages;		/* of this connection */
	uint64_t began, message_began;
	size_t line_len;
	char line[LINE_MAX_LEN];
};

static char scratch[64 * 1024];

struct client *
client_new(void)
{
	return bench_alloc(1, sizeof(struct client));
}

static void
finish(struct load *load, struct client *c)
{
	wire_close(&c->wire);
	c->is_open = false;
	if (load->is_idle || !client_start(load, c))
		load->n_live--;
}

static void
fail(struct load *load, struct client *c, const char *what)
{
	load->failed++;
	if (*load->complaint == '\0')
		(void)snprintf(load->complaint, sizeof(load->complaint),
		    "step %zu: %.200s", c->step, what);
	/* A peer that refuses everything must not keep us busy for ever. */
	if (load->failed > 1000)
		load->until = 1;
	finish(load, c);
}

static bool
is_over(const struct load *load)
{
	return (load->until != 0 && bench_now() >= load->until) ||
	    (load->total != 0 && load->begun >= load->total);
}

static void
start_tls(struct load *load, struct client *c)
{
	c->wire.ssl = SSL_new(load->ctx);
	if (c->wire.ssl == NULL || SSL_set_fd(c->wire.ssl, c->wire.fd) != 1)
		bench_die("no memory", NULL);
	SSL_set_connect_state(c->wire.ssl);
	c->is_shaking = true;
}

bool
client_start(struct load *load, struct client *c)
{
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c,
	};

	if (is_over(load))
		return false;
	memset(c, 0, offsetof(struct client, line));
	c->began = bench_now();
	c->wire.fd = bench_connect(load->target);
	if (c->wire.fd < 0 ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->wire.fd, &e) != 0) {
		load->failed++;
		(void)snprintf(load->complaint, sizeof(load->complaint),
		    "connect: %s", strerror(errno));
		return false;
	}
	c->is_open = true;
	load->connections++;
	/* Counted when it begins: the bound is on messages, not sessions. */
	if (load->tls == LOAD_IMPLICIT)
		start_tls(load, c);
	return true;
}

static void
begin_step(struct load *load, struct client *c, size_t step)
{
	c->step = step;
	c->written = c->replies = 0;
	if (load->script.steps[step].begins_message) {
		c->message_began = bench_now();
		load->begun++;
	}
}

static void
end_message(struct load *load, struct client *c)
{
	uint64_t us = bench_now() - c->message_began;

	samples_add(&load->message_times, us);
	load->done++;
	c->messages++;
	if (load->over != 0 && us > load->over)
		load->n_over++;
}

/* The step has its replies. False: the session is over, or idle. */
static bool
next_step(struct load *load, struct client *c)
{
	const struct script *script = &load->script;
	const struct step *step = &script->steps[c->step];
	size_t next = c->step + 1;

	if (step->ends_message) {
		end_message(load, c);
		next = c->messages < load->messages && !is_over(load) ?
		    script->first : script->end;
	} else if (next == script->first &&
	    (load->is_idle || is_over(load))) {
		if (load->is_idle) {
			load->n_ready++;
			return false;
		}
		next = script->end;
	}
	if (next == script->n) {
		samples_add(&load->connection_times, bench_now() - c->began);
		finish(load, c);
		return false;
	}
	if (step->begins_tls)
		start_tls(load, c);
	begin_step(load, c, next);
	return true;
}

/* A whole line. False: the session is gone or idle. */
static bool
on_line(struct load *load, struct client *c)
{
	const struct step *step = &load->script.steps[c->step];

	c->line[c->line_len] = '\0';
	if (c->line_len < 4)
		return fail(load, c, c->line), false;
	if (c->line[3] == '-')
		return true;
	if (c->replies >= strlen(step->wants) ||
	    c->line[0] != step->wants[c->replies])
		return fail(load, c, c->line), false;
	c->replies++;
	if (step->wants[c->replies] != '\0')
		return true;
	return next_step(load, c);
}

static bool
take(struct load *load, struct client *c, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->line_len < LINE_MAX_LEN - 1)
			c->line[c->line_len++] = p[i];
		if (p[i] != '\n')
			continue;
		if (!on_line(load, c))
			return false;
		c->line_len = 0;
	}
	return true;
}

/* Writes what the step has. False: gone. */
static bool
put(struct load *load, struct client *c)
{
	const struct step *step = &load->script.steps[c->step];

	while (c->is_writable && c->written < step->len) {
		long n = wire_write(&c->wire, step->text + c->written,
		    step->len - c->written);

		if (n == WIRE_BLOCKED)
			c->is_writable = false;
		else if (n < 0)
			return fail(load, c, "lost while writing"), false;
		else
			c->written += (size_t)n;
	}
	return true;
}

/* False: nothing more for now. */
static bool
get(struct load *load, struct client *c)
{
	long n;

	if (!c->is_readable)
		return false;
	n = wire_read(&c->wire, scratch, sizeof(scratch));
	if (n == WIRE_BLOCKED) {
		c->is_readable = false;
		return false;
	}
	if (n < 0) {
		fail(load, c, "lost");
		return false;
	}
	if (c->wire.ssl == NULL && (size_t)n < sizeof(scratch) && !c->has_fin)
		c->is_readable = false;
	return take(load, c, scratch, (size_t)n);
}

static bool
shake(struct load *load, struct client *c)
{
	int result = wire_handshake(&c->wire);

	if (result == WIRE_BLOCKED)
		return false;
	if (result < 0)
		return fail(load, c, "TLS handshake"), false;
	c->is_shaking = false;
	c->is_readable = c->is_writable = true;
	return true;
}

void
client_event(struct load *load, struct client *c, uint32_t events)
{
	int fd = c->wire.fd;

	if (!c->is_open)
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		c->is_readable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->has_fin = true;
	if ((events & EPOLLOUT) != 0)
		c->is_writable = true;
	do {
		if (c->is_shaking && !shake(load, c))
			return;
		if (!put(load, c))
			return;
	} while (get(load, c) && c->is_open && c->wire.fd == fd);
}
