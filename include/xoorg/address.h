/* SPDX-License-Identifier: ISC */
/*
 * Addresses of clients, and networks of them: to and from text, and whether the
 * one is in the other.
 */
#ifndef XOORG_ADDRESS_H
#define XOORG_ADDRESS_H

#include <xoorg/bytes.h>

XO_API_BEGIN

/* An address as 16 octets, IPv4 mapped into ::ffff:0:0/96. */
struct xo_address {
	uint8_t octets[16];
};

struct xo_network {
	struct xo_address address;
	uint8_t bits;			/* 0..128 */
};

/* Text of an address, "192.0.2.1" or "2001:db8::1", without brackets. */
void xo_address_write(struct xo_buf *out, const struct xo_address *a);
/* The whole of `text`; IPv6 without brackets and zone. */
XO_MUST_CHECK enum xo_err xo_address_read(struct xo_span text,
    struct xo_address *a);
bool xo_address_is_ipv4(const struct xo_address *a);
/* An IPv6 network, even ::/0, holds no IPv4 address. */
bool xo_network_contains(const struct xo_network *n,
    const struct xo_address *a);

XO_API_END

#endif
