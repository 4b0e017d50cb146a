/* SPDX-License-Identifier: ISC */
/*
 * Only replies that a setting, a certificate or a connector of the operator's
 * own mends: all others are for the sender, who gets them unchanged.
 */
#include "hint.h"

static const struct {
	const char *enhanced;
	const char *text;
} hints[] = {
	{"5.7.64", "no tenant's inbound connector knows our client "
	    "certificate: its chain, its name, an accepted domain"},
	{"5.7.51", "a Partner connector requires another client certificate "
	    "than ours"},
	{"5.7.68", "the tenant refuses direct send: it needs an inbound "
	    "connector for our client certificate"},
	{"4.4.317", "TLS does not meet the connector's settings: its TlsDomain, "
	    "or STARTTLS"},
	{"4.7.5", "our client certificate is known there, but its chain is "
	    "not accepted"},
	{"4.7.320", "the receiver's certificate or its chain is not accepted"},
	{"4.7.230", "an Exchange server in the path is too old, and throttled"},
	{"5.7.230", "an Exchange server in the path is too old, and blocked"},
	{"5.7.3", "the receiver requires TLS, or XOORG, which this session "
	    "lacks"},
};

const char *
xo_hint_of_reply(struct xo_span reply)
{
	struct xo_span code = xo_span_first(reply, xo_span_find(reply, ' '));

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (xo_span_is_equal(code, xo_span_from_cstr(hints[i].enhanced)))
			return hints[i].text;
	}
	return NULL;
}
