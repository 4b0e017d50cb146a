/* SPDX-License-Identifier: ISC */
/*
 * XCLIENT from those who have the right to it (Postfix XCLIENT_README): a proxy
 * or filter of ours tells whom it speaks for. What it tells is for the log, the
 * Received line and the next hop. It takes all rights away, and never gives one.
 */
#include <xoorg/xtext.h>

#include "session.h"

#define VALUE_MAX 255

struct told {
	struct xo_address address;
	bool has_address;
	bool has_port;
	uint16_t port;
	uint8_t hello[VALUE_MAX];
	size_t hello_len;
};

static bool
is_unavailable(struct xo_span value)
{
	return xo_span_is_equal_nocase(value, XO_LIT("[UNAVAILABLE]")) ||
	    xo_span_is_equal_nocase(value, XO_LIT("[TEMPUNAVAIL]"));
}

/* These take an empty value for one that is not available: what was told of an
 * earlier client must not stand for this one. */
static bool
take_address(struct told *told, struct xo_span value)
{
	static const struct xo_address unknown = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}
	};

	told->address = unknown;
	told->has_address = true;
	if (value.len == 0)
		return true;
	if (xo_span_has_prefix_nocase(value, XO_LIT("IPV6:")))
		value = xo_span_from(value, 5);
	return xo_address_read(value, &told->address) == XO_OK;
}

static bool
take_port(struct told *told, struct xo_span value)
{
	uint64_t n = 0;

	if (value.len > 0 && (xo_span_to_u64(value, &n) != XO_OK || n > 65535))
		return false;
	told->has_port = true;
	told->port = (uint16_t)n;
	return true;
}

static bool
take_hello(struct told *told, struct xo_span value)
{
	told->hello_len = 0;
	if (value.len == 0)
		return true;
	if (!xo_hello_name_is_valid(value))
		return false;
	memcpy(told->hello, value.p, value.len);
	told->hello_len = value.len;
	return true;
}

/* Well-formed, and of no use to us. */
static bool
ignore(struct told *told, struct xo_span value)
{
	(void)told;
	(void)value;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct told *told, struct xo_span value);
} attributes[] = {
	{"ADDR", take_address},
	{"PORT", take_port},
	{"HELO", take_hello},
	{"NAME", ignore},
	{"REVERSE_NAME", ignore},
	{"PROTO", ignore},
	{"LOGIN", ignore},
	{"DESTADDR", ignore},
	{"DESTPORT", ignore},
};

static bool
take(struct told *told, struct xo_span name, struct xo_span value)
{
	uint8_t decoded[VALUE_MAX];
	size_t len;

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]);
	    i++) {
		if (!xo_span_is_equal_nocase(name,
		    xo_span_from_cstr(attributes[i].name)))
			continue;
		if (is_unavailable(value))
			return attributes[i].take(told,
			    (struct xo_span){NULL, 0});
		return value.len > 0 && xo_xtext_is_clean(value) &&
		    xo_xtext_decode(value, decoded, sizeof(decoded), &len) ==
		    XO_OK && attributes[i].take(told, xo_span(decoded, len));
	}
	return false;
}

/* "NAME=value NAME=value". */
static bool
read_all(struct told *told, struct xo_span args)
{
	size_t n, equals;

	if (args.len == 0)
		return false;
	for (; args.len > 0; args = xo_span_from(args, n + 1)) {
		struct xo_span word;

		n = xo_span_find(args, ' ');
		word = xo_span_first(args, n);
		equals = xo_span_find(word, '=');
		if (equals == word.len || !take(told,
		    xo_span_first(word, equals),
		    xo_span_from(word, equals + 1)))
			return false;
	}
	return true;
}

void
xclient(struct xo_relay *r, struct xo_span args)
{
	struct told told = {.has_address = false};

	if (!r->may_xclient) {
		relay_refuse(r, XO_REFUSAL_COMMAND_UNKNOWN);
		return;
	}
	if (xo_relay_is_busy(r)) {
		relay_refuse(r, XO_REFUSAL_COMMAND_SEQUENCE);
		return;
	}
	if (!read_all(&told, args)) {
		relay_refuse(r, XO_REFUSAL_COMMAND_SYNTAX);
		return;
	}
	if (told.has_address)
		r->setup.address = told.address;
	if (told.has_port)
		r->setup.port = told.port;
	xo_buf_clear(&r->hello);
	xo_buf_clear(&r->told_hello);
	(void)xo_buf_add(&r->told_hello, xo_span(told.hello, told.hello_len));
	/* Whoever it speaks for is not itself. */
	r->setup.is_proxied = true;
	r->rights.rights = 0;
	memset(&r->announced, 0, sizeof(r->announced));
	r->state = FRONT_GREETED;
	relay_banner(r);
}
