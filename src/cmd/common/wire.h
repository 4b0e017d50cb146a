/* SPDX-License-Identifier: ISC */
/*
 * One connection of the tool, plain or TLS, with a deadline on every wait.
 *
 * Input is buffered; output is gathered and goes out when there is much of it,
 * when the caller flushes, or when the caller waits for input. All calls that may
 * fail return false and leave one line in `error`.
 */
#ifndef XO_WIRE_H
#define XO_WIRE_H

#include <cmd/common/tls_tool.h>
#include <xoorg/line.h>
#include <xoorg/policy.h>
#include <xoorg/reply.h>

/* HOST[:PORT], "[2001:db8::1]:25", "2001:db8::1". */
struct xo_target {
	char host[256];
	char port[6];
};

bool xo_target_parse(const char *text, const char *default_port,
    struct xo_target *target_r);

#define XO_WIRE_INPUT (64 * 1024)

/* Filled by connect or accept; `tls` is owned. */
struct xo_wire {
	int fd;
	struct xo_tls *tls;	/* NULL: plain */
	int64_t timeout;		/* ms, of each wait */
	size_t input_start;
	size_t input_end;
	struct xo_buf output;
	bool is_closed;			/* the peer ended it */
	bool is_timeout;
	char error[256];
	uint8_t input[XO_WIRE_INPUT];
};

/* Tries all addresses of the target. */
bool xo_wire_connect(struct xo_wire *wire, const struct xo_target *target,
    int64_t timeout);
/* Takes `fd`, a socket that accept() gave. */
void xo_wire_accept(struct xo_wire *wire, int fd, int64_t timeout);
/*
 * Before closing: says that no more comes, and reads away what the peer still
 * sends, for a second at most. Else our last reply could be lost with it.
 */
void xo_wire_linger(struct xo_wire *wire);
/* Says close_notify, closes, frees. Closing twice is fine. */
void xo_wire_close(struct xo_wire *wire);

/* "192.0.2.1:25", "[2001:db8::1]:25"; empty if it is not known. */
void xo_wire_peer_address(const struct xo_wire *wire, char *text,
    size_t text_len);

/* Address and port of both ends. */
bool xo_wire_ends(struct xo_wire *wire, struct xo_address *own_r,
    uint16_t *own_port_r, struct xo_address *peer_r, uint16_t *peer_port_r);

/* Takes `tls`. What was buffered before is an attack: the call fails. */
bool xo_wire_start_tls(struct xo_wire *wire, struct xo_tls *tls);

/* What came in and is not consumed yet. */
static inline struct xo_span
xo_wire_input(const struct xo_wire *wire)
{
	return xo_span(wire->input + wire->input_start,
	    wire->input_end - wire->input_start);
}

void xo_wire_consume(struct xo_wire *wire, size_t n);
/* Flushes, then waits for at least one octet more. */
bool xo_wire_fill(struct xo_wire *wire);

bool xo_wire_put(struct xo_wire *wire, struct xo_span s);
bool xo_wire_flush(struct xo_wire *wire);

/* Flushes, then reads one reply, whole within one deadline. */
bool xo_wire_read_reply(struct xo_wire *wire, struct xo_reply *reply);

#endif
