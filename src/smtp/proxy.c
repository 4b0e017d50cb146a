/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol: see proxy.h.
 */
#include <xoorg/proxy.h>

static const uint8_t signature[12] = {
	'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'
};

#define V2_FIXED 16
#define V2_LOCAL 0x20
#define V2_PROXY 0x21
#define V2_TCP4 0x11
#define V2_TCP6 0x21

/* Version 1: "PROXY TCP4 client server port port" CRLF */

/* One word and the blank behind it. */
static struct xo_span
take_word(struct xo_span *rest)
{
	size_t n = xo_span_find(*rest, ' ');
	struct xo_span word = xo_span_first(*rest, n);

	*rest = xo_span_from(*rest, n + 1);
	return word;
}

/* As the protocol wants it, no zero in front: that would be octal to some. */
static bool
read_port(struct xo_span word, uint16_t *port_r)
{
	uint64_t n;

	/* analyser: what has octets has a place */
	if ((word.len > 1 && word.p[0] == '0') || xo_span_to_u64(word, &n) != XO_OK || n > 65535)
		return false;
	*port_r = (uint16_t)n;
	return true;
}

/* IPv4 as such, not mapped into IPv6. */
static bool
is_dotted(struct xo_span word)
{
	return xo_span_find(word, ':') == word.len;
}

static bool
read_v1_words(struct xo_span line, struct xo_proxy *p)
{
	struct xo_span family = take_word(&line);
	bool is_ipv4 = xo_span_is_equal(family, XO_LIT("TCP4"));
	struct xo_span client, server, client_port, server_port;

	if (xo_span_is_equal(family, XO_LIT("UNKNOWN"))) {
		p->is_local = true;
		return true;
	}
	client = take_word(&line);
	server = take_word(&line);
	client_port = take_word(&line);
	server_port = line;	/* to the end: no blank behind it */
	return (is_ipv4 || xo_span_is_equal(family, XO_LIT("TCP6"))) &&
	    xo_address_read(client, &p->client) == XO_OK &&
	    xo_address_read(server, &p->server) == XO_OK &&
	    /* TCP6 may bring mapped addresses: IPv4 at a socket for both. */
	    is_dotted(client) == is_ipv4 && is_dotted(server) == is_ipv4 &&
	    read_port(client_port, &p->client_port) &&
	    read_port(server_port, &p->server_port);
}

static enum xo_err
read_v1(struct xo_span in, struct xo_proxy *p, size_t *used_r)
{
	size_t lf = xo_span_find(in, '\n');

	if (lf == in.len)
		return in.len >= XO_PROXY_V1_MAX ? XO_ERR_LIMIT : XO_MORE;
	if (lf >= XO_PROXY_V1_MAX)
		return XO_ERR_LIMIT;
	if (lf < 6 || in.p[lf - 1] != '\r' ||
	    !read_v1_words(xo_span(in.p + 6, lf - 7), p))
		return XO_ERR_SYNTAX;
	*used_r = lf + 1;
	return XO_OK;
}

/* Version 2: binary */

static void
copy_ipv4(struct xo_address *a, const uint8_t *p)
{
	memset(a, 0, sizeof(*a));
	a->octets[10] = a->octets[11] = 0xff;
	memcpy(a->octets + 12, p, 4);
}

static uint16_t
read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum xo_err
read_v2_addresses(const uint8_t *p, size_t len, uint8_t family,
    struct xo_proxy *proxy)
{
	size_t n = family == V2_TCP4 ? 4 : 16;

	if (family != V2_TCP4 && family != V2_TCP6) {
		/* Not TCP over IP: nothing to say about a client. */
		proxy->is_local = true;
		return XO_OK;
	}
	if (len < 2 * n + 4)
		return XO_ERR_SYNTAX;
	if (family == V2_TCP4) {
		copy_ipv4(&proxy->client, p);
		copy_ipv4(&proxy->server, p + n);
	} else {
		memcpy(proxy->client.octets, p, n);
		memcpy(proxy->server.octets, p + n, n);
	}
	proxy->client_port = read_u16(p + 2 * n);
	proxy->server_port = read_u16(p + 2 * n + 2);
	return XO_OK;
}

static enum xo_err
read_v2(struct xo_span in, struct xo_proxy *p, size_t *used_r)
{
	size_t len;

	if (in.len < V2_FIXED)
		return XO_MORE;
	len = read_u16(in.p + 14);
	if (V2_FIXED + len > XO_PROXY_V2_MAX)
		return XO_ERR_LIMIT;
	if (in.p[12] != V2_LOCAL && in.p[12] != V2_PROXY)
		return XO_ERR_SYNTAX;
	if (in.len < V2_FIXED + len)
		return XO_MORE;
	if (in.p[12] == V2_LOCAL)
		p->is_local = true;
	else if (read_v2_addresses(in.p + V2_FIXED, len, in.p[13], p) != XO_OK)
		return XO_ERR_SYNTAX;
	*used_r = V2_FIXED + len;
	return XO_OK;
}

static bool
begins_like(struct xo_span in, const void *what, size_t len)
{
	return memcmp(in.p, what, in.len < len ? in.len : len) == 0;
}

enum xo_err
xo_proxy_read(struct xo_span in, struct xo_proxy *proxy_r, size_t *used_r)
{
	*proxy_r = (struct xo_proxy){.is_local = false};
	*used_r = 0;
	if (in.len == 0)
		return XO_MORE;
	if (begins_like(in, signature, sizeof(signature)))
		return in.len < sizeof(signature) ? XO_MORE :
		    read_v2(in, proxy_r, used_r);
	if (begins_like(in, "PROXY ", 6))
		return in.len < 6 ? XO_MORE : read_v1(in, proxy_r, used_r);
	return XO_ERR_SYNTAX;
}

/* As IPv6, also what is IPv4: a header has one family. */
static void
write_ipv6(struct xo_buf *out, const struct xo_address *a)
{
	if (xo_address_is_ipv4(a))
		xo_buf_add_cstr(out, "::ffff:");
	xo_address_write(out, a);
}

static bool
is_all_ipv4(const struct xo_proxy *p)
{
	return xo_address_is_ipv4(&p->client) && xo_address_is_ipv4(&p->server);
}

void
xo_proxy_write_v1(struct xo_buf *out, const struct xo_proxy *p)
{
	if (p->is_local) {
		xo_buf_add_cstr(out, "PROXY UNKNOWN\r\n");
		return;
	}
	if (is_all_ipv4(p)) {
		xo_buf_add_cstr(out, "PROXY TCP4 ");
		xo_address_write(out, &p->client);
		xo_buf_add_byte(out, ' ');
		xo_address_write(out, &p->server);
	} else {
		xo_buf_add_cstr(out, "PROXY TCP6 ");
		write_ipv6(out, &p->client);
		xo_buf_add_byte(out, ' ');
		write_ipv6(out, &p->server);
	}
	xo_buf_add_byte(out, ' ');
	xo_buf_add_u64(out, p->client_port);
	xo_buf_add_byte(out, ' ');
	xo_buf_add_u64(out, p->server_port);
	xo_buf_add_cstr(out, "\r\n");
}

static void
add_u16(struct xo_buf *out, uint16_t n)
{
	xo_buf_add_byte(out, (uint8_t)(n >> 8));
	xo_buf_add_byte(out, (uint8_t)(n & 0xff));
}

void
xo_proxy_write_v2(struct xo_buf *out, const struct xo_proxy *p)
{
	bool is_ipv4 = is_all_ipv4(p);
	/* An IPv4 address is the tail of its mapped form. */
	size_t skip = is_ipv4 ? 12 : 0, n = 16 - skip;

	xo_buf_add(out, xo_span(signature, sizeof(signature)));
	xo_buf_add_byte(out, p->is_local ? V2_LOCAL : V2_PROXY);
	xo_buf_add_byte(out, p->is_local ? 0 :
	    is_ipv4 ? V2_TCP4 : V2_TCP6);
	add_u16(out, p->is_local ? 0 : (uint16_t)(2 * n + 4));
	if (p->is_local)
		return;
	xo_buf_add(out, xo_span(p->client.octets + skip, n));
	xo_buf_add(out, xo_span(p->server.octets + skip, n));
	add_u16(out, p->client_port);
	add_u16(out, p->server_port);
}
