/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns_server.h"

#define HEAD 12
#define MESSAGE_MAX 4096

struct message {
	uint8_t p[MESSAGE_MAX];
	size_t len;
};

static void
put16(struct message *m, unsigned value)
{
	m->p[m->len++] = (uint8_t)(value >> 8);
	m->p[m->len++] = (uint8_t)value;
}

static void
put_name(struct message *m, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		m->p[m->len++] = (uint8_t)len;
		memcpy(m->p + m->len, name, len);
		m->len += len;
		name += len + (name[len] == '.');
	}
	m->p[m->len++] = 0;
}

static void
put_record(struct message *m, const struct dns_row *row)
{
	size_t size_at;

	put16(m, 0xc000 | HEAD);		/* the name that was asked */
	put16(m, row->type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 300);				/* TTL */
	size_at = m->len;
	put16(m, 0);
	switch (row->type) {
	case DNS_A:
		assert_int_equal(1, inet_pton(AF_INET, row->data,
		    m->p + m->len));
		m->len += 4;
		break;
	case DNS_AAAA:
		assert_int_equal(1, inet_pton(AF_INET6, row->data,
		    m->p + m->len));
		m->len += 16;
		break;
	case DNS_MX:
		put16(m, row->preference);
		put_name(m, row->data);
		break;
	case DNS_PTR:
		put_name(m, row->data);
		break;
	}
	m->p[size_at] = (uint8_t)((m->len - size_at - 2) >> 8);
	m->p[size_at + 1] = (uint8_t)(m->len - size_at - 2);
}

/* The name as text; returns where the question ends, or 0. */
static size_t
read_question(const uint8_t *p, size_t len, char name[256], unsigned *type_r)
{
	size_t at = HEAD, to = 0;

	while (at < len && p[at] != 0) {
		size_t label = p[at++];

		if (label > 63 || at + label >= len || to + label + 1 >= 256)
			return 0;
		memcpy(name + to, p + at, label);
		to += label;
		at += label;
		name[to++] = '.';
	}
	if (at + 5 > len)
		return 0;
	name[to > 0 ? to - 1 : 0] = '\0';
	*type_r = (unsigned)p[at + 1] << 8 | p[at + 2];
	return at + 5;
}

static void
put_head(struct message *m, const uint8_t *question, size_t len, unsigned rcode,
    bool is_cut, size_t n)
{
	memcpy(m->p, question, len);
	m->len = 2;
	put16(m, 0x8180 | (is_cut ? 0x0200U : 0) | rcode);
	put16(m, 1);
	put16(m, (unsigned)n);
	put16(m, 0);
	put16(m, 0);
	m->len = len;
}

/* False: nothing is said. */
static bool
answer(struct dns_server *server, const uint8_t *in, size_t len, bool is_tcp,
    struct message *m)
{
	const struct dns_row *found[MESSAGE_MAX / 64], *row = NULL;
	size_t n = 0, i, end;
	bool exists = false;
	unsigned type;
	char name[256];

	end = read_question(in, len, name, &type);
	if (end == 0)
		return false;
	server->n_asked++;
	for (i = 0; i < server->n_rows; i++) {
		if (strcasecmp(server->rows[i].name, name) != 0)
			continue;
		exists = true;
		if (server->rows[i].type == type)
			found[n++] = &server->rows[i];
	}
	row = n > 0 ? found[0] : NULL;
	if (row == NULL) {
		put_head(m, in, end, exists ? 0 : 3, false, 0);
		return true;
	}
	if (row->manner == DNS_SILENT)
		return false;
	if (row->manner == DNS_SERVFAIL || (row->manner == DNS_TRUNCATES &&
	    !is_tcp)) {
		put_head(m, in, end, row->manner == DNS_SERVFAIL ? 2 : 0,
		    row->manner == DNS_TRUNCATES, 0);
		return true;
	}
	put_head(m, in, end, 0, false, n);
	for (i = 0; i < n; i++)
		put_record(m, found[i]);
	if (row->manner == DNS_MANGLES)
		memset(m->p + end, 0xff, m->len - end);
	if (row->manner == DNS_RUBBISH)
		memset(m->p, 0xaa, m->len);
	return true;
}

static void
udp_ready(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t in[512];
	struct message m;
	ssize_t got = recvfrom(fd, in, sizeof(in), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &from_len);

	(void)what;
	if (got > HEAD && answer(arg, in, (size_t)got, false, &m))
		(void)sendto(fd, m.p, m.len, 0, (struct sockaddr *)&from,
		    from_len);
}

/* One question a connection, written in one go: enough for a test. */
static void
client_ready(evutil_socket_t fd, short what, void *arg)
{
	uint8_t in[514], size[2];
	struct message m;
	ssize_t got = recv(fd, in, sizeof(in), MSG_DONTWAIT);

	(void)what;
	if (got > 2 + HEAD && answer(arg, in + 2, (size_t)got - 2, true, &m)) {
		size[0] = (uint8_t)(m.len >> 8);
		size[1] = (uint8_t)m.len;
		(void)send(fd, size, 2, MSG_NOSIGNAL);
		(void)send(fd, m.p, m.len, MSG_NOSIGNAL);
	}
	(void)close(fd);
}

static void
tcp_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dns_server *server = arg;
	int client = accept(fd, NULL, NULL);

	(void)what;
	if (client < 0)
		return;
	server->n_asked_tcp++;
	assert_int_equal(0, event_base_once(event_get_base(server->tcp),
	    client, EV_READ, client_ready, server, NULL));
}

/* A port that both UDP and TCP have free. */
static bool
bind_both(int udp, int tcp, uint16_t *port_r)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(tcp, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(tcp, (struct sockaddr *)&address, &len) != 0 ||
	    bind(udp, (struct sockaddr *)&address, len) != 0)
		return false;
	*port_r = ntohs(address.sin_port);
	return listen(tcp, 8) == 0;
}

void
dns_server_start(struct dns_server *server, struct event_base *base)
{
	int udp = -1, tcp = -1;
	bool is_bound = false;

	for (int i = 0; i < 20 && !is_bound; i++) {
		if (i > 0) {
			(void)close(udp);
			(void)close(tcp);
		}
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		is_bound = bind_both(udp, tcp, &server->port);
	}
	assert_true(is_bound);
	server->udp = event_new(base, udp, EV_READ | EV_PERSIST, udp_ready,
	    server);
	server->tcp = event_new(base, tcp, EV_READ | EV_PERSIST, tcp_ready,
	    server);
	assert_non_null(server->udp);
	assert_non_null(server->tcp);
	assert_int_equal(0, event_add(server->udp, NULL));
	assert_int_equal(0, event_add(server->tcp, NULL));
}

void
dns_server_stop(struct dns_server *server)
{
	(void)close(event_get_fd(server->udp));
	(void)close(event_get_fd(server->tcp));
	event_free(server->udp);
	event_free(server->tcp);
}

static void
time_is_up(evutil_socket_t fd, short what, void *arg)
{
	bool *is_up = arg;

	(void)fd;
	(void)what;
	*is_up = true;
}

void
dns_run_until(struct event_base *base, const size_t *counter, size_t want,
    unsigned milliseconds)
{
	struct timeval time = {
		.tv_sec = milliseconds / 1000,
		.tv_usec = milliseconds % 1000 * 1000,
	};
	bool is_up = false;
	struct event *alarm = evtimer_new(base, time_is_up, &is_up);

	assert_non_null(alarm);
	assert_int_equal(0, evtimer_add(alarm, &time));
	while (*counter != want && !is_up)
		(void)event_base_loop(base, EVLOOP_ONCE);
	event_free(alarm);
}
