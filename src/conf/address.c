/* SPDX-License-Identifier: ISC */
/*
 * Hosts, ports and networks as text. Nothing is looked up here.
 */
#include <conf/address.h>

#include <arpa/inet.h>

#include <xoorg/domain.h>

#define EXPECTED_HOST "HOST:PORT (IPv6 addresses in brackets)"
#define MAPPED_BITS 96

static bool
parse_ip(int family, struct xo_span text, void *octets_r)
{
	char name[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(name) ||
	    xo_span_find(text, '\0') != text.len)
		return false;
	memcpy(name, text.p, text.len);
	name[text.len] = '\0';
	return inet_pton(family, name, octets_r) == 1;
}

/* Nobody means 10.0.0.300 as a name. */
static bool
has_numeric_end(struct xo_span name)
{
	size_t i = name.len;

	while (i > 0 && xo_ascii_is_digit(name.p[i - 1]))
		i--;
	return i < name.len && (i == 0 || name.p[i - 1] == '.');
}

static const char *
check_host(struct xo_span host, bool has_brackets)
{
	uint8_t octets[16];

	if (has_brackets)
		return parse_ip(AF_INET6, host, octets) ? NULL :
		    "an IPv6 address in the brackets";
	if (xo_span_find(host, ':') != host.len)
		return EXPECTED_HOST;
	if (has_numeric_end(host))
		return parse_ip(AF_INET, host, octets) ? NULL :
		    "an IPv4 address or a name before the port";
	return xo_domain_is_valid(host) ? NULL : EXPECTED_HOST;
}

/* Index of the colon before the port, or text.len. */
static size_t
find_port(struct xo_span text)
{
	size_t colon = xo_span_find(text, ':');
	size_t bracket = xo_span_find(text, ']');

	if (bracket < text.len)
		return bracket + 1 + xo_span_find(xo_span_from(text,
		    bracket + 1), ':');
	/* More than one, and no brackets: IPv6, which the host says. */
	if (xo_span_find(xo_span_from(text, colon + 1), ':') + colon + 1 <
	    text.len)
		return text.len;
	return colon;
}

const char *
xo_conf_host_parse(struct xo_span text, uint16_t default_port,
    struct xo_conf_arena *arena, struct xo_conf_host *host_r)
{
	size_t colon = find_port(text);
	struct xo_span host = xo_span_first(text, colon);
	bool has_brackets;
	uint64_t port = default_port;
	const char *expected;

	if (colon < text.len && (xo_span_to_u64(xo_span_from(text, colon + 1),
	    &port) != XO_OK || port == 0 || port > UINT16_MAX))
		return "a port from 1 to 65535 behind the host";
	has_brackets = host.len >= 2 && host.p[0] == '[' &&
	    host.p[host.len - 1] == ']';
	if (has_brackets)
		host = xo_span(host.p + 1, host.len - 2);
	expected = check_host(host, has_brackets);
	if (expected != NULL)
		return expected;
	host_r->host = xo_conf_arena_copy(arena, host);
	host_r->port = (uint16_t)port;
	return host_r->host != NULL ? NULL : "more memory";
}

bool
xo_conf_host_is_address(const struct xo_conf_host *host)
{
	struct xo_span name = xo_span_from_cstr(host->host);
	uint8_t octets[16];

	return parse_ip(AF_INET, name, octets) ||
	    parse_ip(AF_INET6, name, octets);
}

bool
xo_conf_host_is_unix(const struct xo_conf_host *host)
{
	return host->port == 0;
}

void
xo_conf_host_write(struct xo_buf *out, const struct xo_conf_host *host)
{
	bool has_brackets = strchr(host->host, ':') != NULL;

	if (xo_conf_host_is_unix(host)) {
		xo_buf_add_all(out, "unix:", host->host, (char *)NULL);
		return;
	}
	xo_buf_add_all(out, has_brackets ? "[" : "", host->host,
	    has_brackets ? "]:" : ":", (char *)NULL);
	xo_buf_add_u64(out, host->port);
}

static bool
has_host_bits(const struct xo_network *network)
{
	size_t i;

	for (i = network->bits; i < 128; i++) {
		if ((network->address.octets[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	}
	return false;
}

const char *
xo_conf_network_parse(struct xo_span text, struct xo_network *network_r)
{
	static const uint8_t mapped[12] = {[10] = 255, [11] = 255};
	size_t slash = xo_span_find(text, '/');
	struct xo_span address = xo_span_first(text, slash);
	uint8_t *octets = network_r->address.octets;
	uint64_t most = 128;
	uint64_t bits;

	if (parse_ip(AF_INET, address, octets + sizeof(mapped))) {
		memcpy(octets, mapped, sizeof(mapped));
		most = 32;
	} else if (!parse_ip(AF_INET6, address, octets)) {
		return "a network, ADDRESS/BITS or ADDRESS";
	}
	bits = most;
	if (slash < text.len && (xo_span_to_u64(xo_span_from(text, slash + 1),
	    &bits) != XO_OK || bits > most))
		return most == 32 ? "0 to 32 bits behind the `/`" :
		    "0 to 128 bits behind the `/`";
	network_r->bits = (uint8_t)(most == 32 ? bits + MAPPED_BITS : bits);
	return has_host_bits(network_r) ?
	    "a network whose address ends in zeros behind its bits" : NULL;
}

void
xo_conf_network_write(struct xo_buf *out, const struct xo_network *network)
{
	bool is_ipv4 = xo_address_is_ipv4(&network->address) &&
	    network->bits >= MAPPED_BITS;

	xo_address_write(out, &network->address);
	xo_buf_add_byte(out, '/');
	xo_buf_add_u64(out, (uint64_t)network->bits -
	    (is_ipv4 ? MAPPED_BITS : 0));
}
