/* SPDX-License-Identifier: ISC */
/*
 * Addresses against inet_pton(3), there and back, and networks bit by bit.
 */
#include <arpa/inet.h>
#include <string.h>

#include <xoorg/policy.h>

#include "fuzz.h"

static bool
reference(struct xo_span text, struct xo_address *a)
{
	char copy[64];

	if (text.len >= sizeof(copy) || xo_span_find(text, '\0') < text.len)
		return false;
	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, copy, a->octets) == 1)
		return true;
	a->octets[10] = a->octets[11] = 0xff;
	return inet_pton(AF_INET, copy, a->octets + 12) == 1;
}

static bool
is_inside_bitwise(const struct xo_network *n, const struct xo_address *a)
{
	/* IPv4 is the network's family or not at all. */
	if (xo_address_is_ipv4(a) != (xo_address_is_ipv4(&n->address) &&
	    n->bits >= 96))
		return false;
	for (size_t i = 0; i < n->bits; i++)
		if (((n->address.octets[i / 8] ^ a->octets[i / 8]) &
		    0x80 >> i % 8) != 0)
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_address got, want, again;
	struct xo_network network;
	struct xo_buf text = {0};
	struct xo_span in;

	if (size < 17)
		return 0;
	in = xo_span(data + 17, size - 17);
	if (reference(in, &want)) {
		MUST(xo_address_read(in, &got) == XO_OK);
		MUST(memcmp(&got, &want, sizeof(got)) == 0);
	} else {
		MUST(xo_address_read(in, &got) != XO_OK);
	}
	memcpy(got.octets, data, 16);
	xo_address_write(&text, &got);
	MUST(text.err == XO_OK);
	MUST(xo_address_read(xo_buf_span(&text), &again) == XO_OK);
	MUST(memcmp(&got, &again, sizeof(got)) == 0);
	xo_buf_fini(&text);
	network.address = got;
	network.bits = (uint8_t)(data[16] % 129);
	/* A near one: all but one bit. */
	again = got;
	again.octets[data[16] % 16] ^= (uint8_t)(1 << data[16] % 8);
	MUST(xo_network_contains(&network, &again) ==
	    is_inside_bitwise(&network, &again));
	MUST(xo_network_contains(&network, &want) ==
	    is_inside_bitwise(&network, &want));
	return 0;
}
