/* SPDX-License-Identifier: ISC */
/*
 * The domain test of protocol.md 2.1, the same for the wire and for the
 * configuration. It is no resolver's: a single label, `_`, and a `-` at either
 * end of a label are fine, because Exchange takes them.
 */
#include <xoorg/domain.h>

#define LABEL_MAX 63

static bool
is_label_octet(uint8_t c)
{
	return xo_ascii_is_alpha(c) || xo_ascii_is_digit(c) || c == '-' ||
	    c == '_';
}

bool
xo_domain_is_valid(struct xo_span domain)
{
	size_t label = 0;
	size_t i;

	if (domain.len == 0 || domain.len > XO_DOMAIN_MAX)
		return false;
	for (i = 0; i < domain.len; i++) {
		if (domain.p[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_label_octet(domain.p[i]) ||
		    ++label > LABEL_MAX) {
			return false;
		}
	}
	return label != 0;
}

struct xo_span
xo_address_domain(struct xo_span address)
{
	size_t i;

	for (i = address.len; i > 0; i--) {
		if (address.p[i - 1] == '@')
			return xo_span_from(address, i);
	}
	return xo_span(NULL, 0);
}
