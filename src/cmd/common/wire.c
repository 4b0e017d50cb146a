/* SPDX-License-Identifier: ISC */
/*
 * One connection of the tool, plain or TLS, with a deadline on every wait.
 */
#include <cmd/common/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmd/common/tool.h>

#define OUTPUT_HIGH (64 * 1024)
/* Far more than any sane reply. */
#define REPLY_MAX (64 * 1024)
#define LINGER_MS 1000

bool
xo_target_parse(const char *text, const char *default_port,
    struct xo_target *target_r)
{
	const char *port = default_port, *end, *colon;
	size_t len;
	uint64_t n;

	if (text[0] == '[') {
		end = strchr(++text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		len = (size_t)(end - text);
		if (end[1] == ':')
			port = end + 2;
	} else {
		colon = strchr(text, ':');
		len = strlen(text);
		/* More than one: a bare IPv6 address. */
		if (colon != NULL && strchr(colon + 1, ':') == NULL) {
			len = (size_t)(colon - text);
			port = colon + 1;
		}
	}
	if (len == 0 || len >= sizeof(target_r->host) ||
	    xo_span_to_u64(xo_span_from_cstr(port), &n) != XO_OK || n > 65535)
		return false;
	memcpy(target_r->host, text, len);
	target_r->host[len] = '\0';
	snprintf(target_r->port, sizeof(target_r->port), "%u", (unsigned)n);
	return true;
}

static bool
fail(struct xo_wire *wire, const char *what, const char *why)
{
	snprintf(wire->error, sizeof(wire->error), "%.100s: %s", what, why);
	return false;
}

static bool
fail_late(struct xo_wire *wire)
{
	snprintf(wire->error, sizeof(wire->error),
	    "no answer: timed out after %lld s",
	    (long long)(wire->timeout / 1000));
	wire->is_timeout = true;
	return false;
}

/* Shows the line that ends or goes on at `at` in what came in. */
static bool
fail_reply(struct xo_wire *wire, size_t at)
{
	struct xo_span in = xo_wire_input(wire);
	size_t start = at;
	char line[64];
	size_t n = 0;

	while (start > 0 && in.p[start - 1] != '\n')
		start--;
	for (; start < in.len && n < sizeof(line) - 1; start++) {
		uint8_t c = in.p[start];

		if (c == '\r' || c == '\n')
			break;
		line[n++] = c < ' ' || c > '~' ? '?' : (char)c;
	}
	line[n] = '\0';
	snprintf(wire->error, sizeof(wire->error),
	    "this is no SMTP reply: \"%s\"", line);
	return false;
}

static bool
wait_for(struct xo_wire *wire, short events, int64_t deadline)
{
	struct pollfd pfd = {.fd = wire->fd, .events = events};
	int64_t left;
	int n;

	for (;;) {
		left = deadline - xo_tool_now();
		if (left <= 0)
			return fail_late(wire);
		n = poll(&pfd, 1, left < 60000 ? (int)left : 60000);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return fail(wire, "poll", strerror(errno));
	}
}

static void
init(struct xo_wire *wire, int fd, int64_t timeout)
{
	wire->fd = fd;
	wire->tls = NULL;
	wire->timeout = timeout;
	wire->input_start = wire->input_end = 0;
	wire->is_closed = wire->is_timeout = false;
	wire->error[0] = '\0';
	xo_buf_clear(&wire->output);
}

static void
set_socket_options(int fd)
{
	int one = 1;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void
xo_wire_accept(struct xo_wire *wire, int fd, int64_t timeout)
{
	set_socket_options(fd);
	init(wire, fd, timeout);
}

static bool
connect_one(struct xo_wire *wire, const struct addrinfo *to, int64_t timeout)
{
	int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return fail(wire, "socket", strerror(errno));
	xo_wire_accept(wire, fd, timeout);
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		error = errno;
	else if (!wait_for(wire, POLLOUT, xo_tool_now() + timeout))
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		return true;
	close(fd);
	wire->fd = -1;
	return fail(wire, "connect", strerror(error));
}

bool
xo_wire_connect(struct xo_wire *wire, const struct xo_target *target,
    int64_t timeout)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	bool is_connected = false;
	int error;

	init(wire, -1, timeout);
	error = getaddrinfo(target->host, target->port, &hints, &list);
	if (error != 0)
		return fail(wire, target->host, gai_strerror(error));
	for (struct addrinfo *to = list; to != NULL; to = to->ai_next) {
		is_connected = connect_one(wire, to, timeout);
		if (is_connected)
			break;
	}
	freeaddrinfo(list);
	return is_connected;
}

void
xo_wire_linger(struct xo_wire *wire)
{
	int64_t deadline = xo_tool_now() + LINGER_MS;

	if (wire->is_closed)
		return;
	if (wire->tls != NULL)
		xo_tls_shutdown(wire->tls);
	xo_tls_free(&wire->tls);
	if (shutdown(wire->fd, SHUT_WR) != 0)
		return;
	while (wait_for(wire, POLLIN, deadline)) {
		if (read(wire->fd, wire->input, sizeof(wire->input)) <= 0)
			return;
	}
}

void
xo_wire_close(struct xo_wire *wire)
{
	if (wire->tls != NULL)
		xo_tls_shutdown(wire->tls);
	xo_tls_free(&wire->tls);
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
	xo_buf_fini(&wire->output);
}

void
xo_wire_peer_address(const struct xo_wire *wire, char *text, size_t text_len)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	text[0] = '\0';
	if (getpeername(wire->fd, (struct sockaddr *)&address, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		/* analyser: the kernel wrote it */
		snprintf(text, text_len, address.ss_family == AF_INET6 ?
		    "[%s]:%s" : "%s:%s", host, port);
}

static bool
read_end(const struct sockaddr_storage *end, struct xo_address *address_r,
    uint16_t *port_r)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	uint64_t n;

	/* analyser: the kernel wrote it */
	if (getnameinfo((const struct sockaddr *)end, sizeof(*end), host,
	    sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
	    xo_address_read(xo_span_from_cstr(host), address_r) != XO_OK ||
	    xo_span_to_u64(xo_span_from_cstr(port), &n) != XO_OK)
		return false;
	*port_r = (uint16_t)n;
	return true;
}

bool
xo_wire_ends(struct xo_wire *wire, struct xo_address *own_r,
    uint16_t *own_port_r, struct xo_address *peer_r, uint16_t *peer_port_r)
{
	struct sockaddr_storage own, peer;
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	return (getsockname(wire->fd, (struct sockaddr *)&own, &own_len) == 0 &&
	    getpeername(wire->fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
	    read_end(&own, own_r, own_port_r) &&
	    read_end(&peer, peer_r, peer_port_r)) ||
	    fail(wire, "PROXY", "an end of the connection has no address");
}

static enum xo_io
read_plain(struct xo_wire *wire, void *p, size_t len, size_t *n_r)
{
	ssize_t n = read(wire->fd, p, len);

	*n_r = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return XO_IO_OK;
	if (n == 0)
		return XO_IO_CLOSED;
	return errno == EAGAIN || errno == EINTR
	    ? XO_IO_WANT_READ : XO_IO_ERROR;
}

static enum xo_io
write_plain(struct xo_wire *wire, const void *p, size_t len, size_t *n_r)
{
	ssize_t n = write(wire->fd, p, len);

	*n_r = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return XO_IO_OK;
	return errno == EAGAIN || errno == EINTR
	    ? XO_IO_WANT_WRITE : XO_IO_ERROR;
}

/* After `io`: true if the call is to be repeated. */
static bool
may_repeat(struct xo_wire *wire, enum xo_io io, const char *what,
    int64_t deadline)
{
	switch (io) {
	case XO_IO_WANT_READ:
		return wait_for(wire, POLLIN, deadline);
	case XO_IO_WANT_WRITE:
		return wait_for(wire, POLLOUT, deadline);
	case XO_IO_CLOSED:
		wire->is_closed = true;
		return fail(wire, what, "the peer closed the connection");
	case XO_IO_OK:
	case XO_IO_ERROR:
		break;
	}
	return fail(wire, what, wire->tls != NULL
	    ? xo_tls_error(wire->tls) : strerror(errno));
}

bool
xo_wire_start_tls(struct xo_wire *wire, struct xo_tls *tls)
{
	int64_t deadline = xo_tool_now() + wire->timeout;
	enum xo_io io;

	wire->tls = tls;
	if (xo_wire_input(wire).len > 0)
		return fail(wire, "STARTTLS", "the server sent clear text "
		    "behind its 220, which anybody may have put there");
	for (;;) {
		io = xo_tls_handshake(tls);
		if (io == XO_IO_OK)
			return true;
		if (io == XO_IO_ERROR) {
			snprintf(wire->error, sizeof(wire->error), "%s",
			    xo_tls_error(tls));
			return false;
		}
		if (!may_repeat(wire, io, "TLS handshake", deadline))
			return false;
	}
}

void
xo_wire_consume(struct xo_wire *wire, size_t n)
{
	wire->input_start += n;
	if (wire->input_start == wire->input_end)
		wire->input_start = wire->input_end = 0;
}

static bool
fill_until(struct xo_wire *wire, int64_t deadline)
{
	enum xo_io io;
	size_t n, room;

	if (wire->input_start > 0 && wire->input_end == XO_WIRE_INPUT) {
		memmove(wire->input, wire->input + wire->input_start,
		    wire->input_end - wire->input_start);
		wire->input_end -= wire->input_start;
		wire->input_start = 0;
	}
	room = XO_WIRE_INPUT - wire->input_end;
	if (room == 0)
		return fail(wire, "read", "line too long");
	for (;;) {
		io = wire->tls != NULL
		    ? xo_tls_read(wire->tls,
		    wire->input + wire->input_end, room, &n)
		    : read_plain(wire, wire->input + wire->input_end, room, &n);
		if (io == XO_IO_OK) {
			wire->input_end += n;
			return true;
		}
		if (!may_repeat(wire, io, "read", deadline))
			return false;
	}
}

bool
xo_wire_fill(struct xo_wire *wire)
{
	return xo_wire_flush(wire) &&
	    fill_until(wire, xo_tool_now() + wire->timeout);
}

bool
xo_wire_put(struct xo_wire *wire, struct xo_span s)
{
	xo_buf_add(&wire->output, s);
	if (wire->output.err != XO_OK)
		return fail(wire, "write", "out of memory");
	return wire->output.len < OUTPUT_HIGH || xo_wire_flush(wire);
}

bool
xo_wire_flush(struct xo_wire *wire)
{
	struct xo_span rest = xo_buf_span(&wire->output);
	int64_t deadline = xo_tool_now() + wire->timeout;
	enum xo_io io;
	size_t n;

	if (wire->output.err != XO_OK)
		return fail(wire, "write", "out of memory");
	while (rest.len > 0) {
		io = wire->tls != NULL
		    ? xo_tls_write(wire->tls, rest.p, rest.len, &n)
		    : write_plain(wire, rest.p, rest.len, &n);
		if (io == XO_IO_OK) {
			rest = xo_span_from(rest, n);
			deadline = xo_tool_now() + wire->timeout;
		} else if (!may_repeat(wire, io, "write", deadline)) {
			xo_buf_clear(&wire->output);
			return false;
		}
	}
	xo_buf_clear(&wire->output);
	return true;
}

bool
xo_wire_read_reply(struct xo_wire *wire, struct xo_reply *reply)
{
	int64_t deadline;
	size_t used;

	xo_reply_clear(reply);
	if (!xo_wire_flush(wire))
		return false;
	deadline = xo_tool_now() + wire->timeout;
	for (;;) {
		enum xo_err err = xo_reply_read(reply, xo_wire_input(wire),
		    REPLY_MAX, &used);

		if (err == XO_OK) {
			xo_wire_consume(wire, used);
			return true;
		}
		if (err == XO_ERR_SYNTAX)
			return fail_reply(wire, used > 0 ? used - 1 : 0);
		if (err != XO_MORE)
			return fail(wire, "read", err == XO_ERR_LIMIT ?
			    "the reply does not end" : "out of memory");
		xo_wire_consume(wire, xo_wire_input(wire).len);
		if (!fill_until(wire, deadline))
			return false;
	}
}
