/* SPDX-License-Identifier: ISC */
/*
 * See status_door.h. MHD closes a connection that was shut down.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "status_door.h"

/* The name or address of a Host field, without its port. */
static struct xo_span
host_of(struct xo_span value)
{
	size_t n;

	if (value.len > 0 && value.p[0] == '[') {
		n = xo_span_find(value, ']');
		value = xo_span_from(xo_span_first(value, n), 1);
	} else {
		value = xo_span_first(value, xo_span_find(value, ':'));
	}
	/* The root's dot. */
	if (value.len > 1 && value.p[value.len - 1] == '.')
		value.len--;
	return value;
}

static bool
is_ours(const struct xo_conf *conf, struct xo_span host)
{
	struct xo_address address;

	if (xo_address_read(host, &address) == XO_OK ||
	    xo_span_is_equal_nocase(host, XO_LIT("localhost")) ||
	    xo_span_is_equal_nocase(host, conf->policy.hostname))
		return true;
	for (size_t i = 0; i < conf->status.n_names; i++)
		if (xo_span_is_equal_nocase(host, conf->status.names[i]))
			return true;
	return conf->status.host.host != NULL && xo_span_is_equal_nocase(host,
	    xo_span_from_cstr(conf->status.host.host));
}

struct question {
	const struct xo_conf *conf;
	bool is_refused;
};

static enum MHD_Result
look(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct question *q = arg;

	(void)kind;
	if (!xo_span_is_equal_nocase(xo_span_from_cstr(name),
	    XO_LIT(MHD_HTTP_HEADER_HOST)))
		return MHD_YES;
	if (value == NULL ||
	    !is_ours(q->conf, host_of(xo_span_from_cstr(value))))
		q->is_refused = true;
	return MHD_YES;
}

bool
xo_status_is_addressed(struct MHD_Connection *connection,
    const struct xo_conf *conf)
{
	struct question q = {.conf = conf};

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &q);
	return !q.is_refused;
}

/* Connections */

struct guest {
	int fd;
	uint64_t since;
	struct in6_addr address;	/* IPv4's mapped */
};

/* The oldest first. One more than may stay: the new one. */
static struct guest guests[XO_DOOR_ALL + 1];
static size_t n_guests;

static uint64_t
monotonic_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
forget(size_t i)
{
	n_guests--;
	memmove(&guests[i], &guests[i + 1],
	    (n_guests - i) * sizeof(guests[0]));
}

static void
show_out(size_t i)
{
	(void)shutdown(guests[i].fd, SHUT_RDWR);
	forget(i);
}

static struct in6_addr
address_of(const struct sockaddr *sa)
{
	struct in6_addr a = {0};

	if (sa != NULL && sa->sa_family == AF_INET6) {
		memcpy(&a, &((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr, sizeof(a));
	} else if (sa != NULL && sa->sa_family == AF_INET) {
		a.s6_addr[10] = a.s6_addr[11] = 0xff;
		memcpy(a.s6_addr + 12, &((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr, 4);
	}
	return a;
}

static void
let_in(int fd, const struct sockaddr *sa)
{
	struct guest g = {.fd = fd, .since = monotonic_ms(),
		.address = address_of(sa)};
	size_t first = SIZE_MAX, n = 0;

	for (size_t i = 0; i < n_guests; i++) {
		if (memcmp(&guests[i].address, &g.address,
		    sizeof(g.address)) != 0)
			continue;
		first = first == SIZE_MAX ? i : first;
		n++;
	}
	guests[n_guests++] = g;
	if (n >= XO_DOOR_EACH)
		show_out(first);
	else if (n_guests > XO_DOOR_ALL)
		show_out(0);
}

/* What MHD tells stands in one place, until it is asked for the next: newer
 * versions have no more room for it. */
void
xo_status_notify(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int fd = info != NULL ? info->connect_fd : -1;

	(void)arg;
	(void)context;
	if (fd < 0)
		return;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection,
		    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		let_in(fd, info != NULL ? info->client_addr : NULL);
		return;
	}
	for (size_t i = 0; i < n_guests; i++) {
		if (guests[i].fd == fd) {
			forget(i);
			return;
		}
	}
}

void
xo_status_sweep(void)
{
	uint64_t now = monotonic_ms();

	while (n_guests > 0 && now - guests[0].since > XO_DOOR_AGE)
		show_out(0);
}
