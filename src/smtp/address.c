/* SPDX-License-Identifier: ISC */
/*
 * Addresses of clients and the networks of peers. IPv4 is kept mapped
 * (::ffff:0:0/96) and is yet a family of its own: an IPv6 network that happens
 * to hold the mapped range, ::/0 above all, holds no IPv4 address.
 */
#include <xoorg/address.h>

#define MAPPED_BITS 96
#define ADDRESS_BITS 128
#define GROUPS 8

static const uint8_t mapped_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

bool
xo_address_is_ipv4(const struct xo_address *a)
{
	return memcmp(a->octets, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool
xo_network_contains(const struct xo_network *n, const struct xo_address *a)
{
	size_t whole = n->bits / 8;
	unsigned int mask;

	if (n->bits > ADDRESS_BITS)
		return false;
	if (xo_address_is_ipv4(a) && n->bits < MAPPED_BITS)
		return false;
	if (memcmp(n->address.octets, a->octets, whole) != 0)
		return false;
	if (n->bits % 8 == 0)
		return true;
	mask = 0xff00U >> (n->bits % 8) & 0xffU;
	return ((n->address.octets[whole] ^ a->octets[whole]) & mask) == 0;
}

static unsigned int
group(const struct xo_address *a, int i)
{
	return (unsigned int)a->octets[2 * i] << 8 | a->octets[2 * i + 1];
}

/* The longest run of two or more zero groups, the first of equals. */
static int
find_zeros(const struct xo_address *a, int *n_r)
{
	int first = -1;
	int i;
	int run = 0;

	*n_r = 1;
	for (i = 0; i < GROUPS; i++) {
		run = group(a, i) == 0 ? run + 1 : 0;
		if (run > *n_r) {
			*n_r = run;
			first = i - run + 1;
		}
	}
	return first;
}

static void
add_group(struct xo_buf *out, unsigned int value)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && value >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		xo_buf_add_byte(out, (uint8_t)digits[value >> shift & 0xf]);
}

/* RFC 5952. */
static void
write_ipv6(struct xo_buf *out, const struct xo_address *a)
{
	int n_zeros;
	int zeros = find_zeros(a, &n_zeros);
	int i;

	for (i = 0; i < GROUPS; i++) {
		if (i == zeros) {
			xo_buf_add_cstr(out, "::");
			i += n_zeros - 1;
			continue;
		}
		if (i > 0 && (zeros < 0 || i != zeros + n_zeros))
			xo_buf_add_byte(out, ':');
		add_group(out, group(a, i));
	}
}

void
xo_address_write(struct xo_buf *out, const struct xo_address *a)
{
	size_t i;

	if (!xo_address_is_ipv4(a)) {
		write_ipv6(out, a);
		return;
	}
	for (i = sizeof(mapped_prefix); i < sizeof(a->octets); i++) {
		if (i > sizeof(mapped_prefix))
			xo_buf_add_byte(out, '.');
		xo_buf_add_u64(out, a->octets[i]);
	}
}
