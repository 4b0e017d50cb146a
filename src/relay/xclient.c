/* SPDX-License-Identifier: ISC */
/*
 * XCLIENT from those who have the right to it (Postfix XCLIENT_README): a proxy
 * or filter of ours tells whom it speaks for. What it tells is for the log, the
 * Received line and the next hop. It takes all rights away, and never gives one.
 */
#include <xoorg/domain.h>
#include <xoorg/xtext.h>

#include "actions.h"
#include "finish.h"
#include "lookup.h"
#include "xclient.h"
#include "xclient_table.h"

#define VALUE_MAX 255

struct word {
	uint8_t text[VALUE_MAX];
	size_t len;
};

struct told {
	struct xo_address address;
	bool has_address;
	bool has_port;
	uint16_t port;
	struct word hello, name, reverse_name;
	bool has_server, has_server_port;
	struct xo_address server;
	uint16_t server_port;
};

static bool
is_unavailable(struct xo_span value)
{
	return xo_span_is_equal_nocase(value, XO_LIT("[UNAVAILABLE]")) ||
	    xo_span_is_equal_nocase(value, XO_LIT("[TEMPUNAVAIL]"));
}

static bool
read_port(struct xo_span value, uint16_t *port_r)
{
	uint64_t n;

	if (xo_span_to_u64(value, &n) != XO_OK || n > 65535)
		return false;
	*port_r = (uint16_t)n;
	return true;
}

static void
set_word(struct word *word, struct xo_span value)
{
	memcpy(word->text, value.p, value.len);
	word->len = value.len;
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
	return value.len == 0 ||
	    xo_xclient_read_address(value, &told->address);
}

static bool
take_port(struct told *told, struct xo_span value)
{
	told->port = 0;
	told->has_port = true;
	return value.len == 0 || read_port(value, &told->port);
}

static bool
take_hello(struct told *told, struct xo_span value)
{
	told->hello.len = 0;
	if (value.len == 0)
		return true;
	if (!xo_hello_name_is_valid(value))
		return false;
	set_word(&told->hello, value);
	return true;
}

/* What is no name is not handed on; it is no reason to lose the mail. */
static bool
take_name(struct told *told, struct xo_span value)
{
	told->name.len = 0;
	if (xo_domain_is_valid(value))
		set_word(&told->name, value);
	return true;
}

static bool
take_reverse_name(struct told *told, struct xo_span value)
{
	told->reverse_name.len = 0;
	if (xo_domain_is_valid(value))
		set_word(&told->reverse_name, value);
	return true;
}

static bool
take_server(struct told *told, struct xo_span value)
{
	told->has_server = value.len > 0;
	return value.len == 0 ||
	    xo_xclient_read_address(value, &told->server);
}

static bool
take_server_port(struct told *told, struct xo_span value)
{
	told->has_server_port = value.len > 0;
	return value.len == 0 || read_port(value, &told->server_port);
}

/* Well-formed, and of no use to us: PROTO is what it says hello with, and LOGIN
 * would be a right of its client's. */
static bool
ignore(struct told *told, struct xo_span value)
{
	(void)told;
	(void)value;
	return true;
}

static bool (*const takes[])(struct told *, struct xo_span) = {
	[XO_XCLIENT_NAME] = take_name,
	[XO_XCLIENT_ADDR] = take_address,
	[XO_XCLIENT_PORT] = take_port,
	[XO_XCLIENT_PROTO] = ignore,
	[XO_XCLIENT_HELO] = take_hello,
	[XO_XCLIENT_REVERSE_NAME] = take_reverse_name,
	[XO_XCLIENT_DESTADDR] = take_server,
	[XO_XCLIENT_DESTPORT] = take_server_port,
	[XO_XCLIENT_LOGIN] = ignore,
};
_Static_assert(sizeof(takes) / sizeof(takes[0]) == XO_XCLIENT_COUNT,
    "a reader for each attribute");

static bool
take(struct told *told, struct xo_span name, struct xo_span value)
{
	uint8_t decoded[VALUE_MAX];
	size_t len;
	enum xo_xclient attribute = xo_xclient_find(name);

	if (attribute == XO_XCLIENT_COUNT)
		return false;
	if (is_unavailable(value))
		return takes[attribute](told, (struct xo_span){NULL, 0});
	return value.len > 0 && xo_xtext_is_clean(value) &&
	    xo_xtext_decode(value, decoded, sizeof(decoded), &len) == XO_OK &&
	    takes[attribute](told, xo_span(decoded, len));
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

static void
set_buffer(struct xo_buf *b, const struct word *word)
{
	xo_buf_clear(b);
	xo_buf_add(b, xo_span(word->text, word->len));
}

void
xclient(struct xo_relay *r, struct xo_span args)
{
	struct told told = {.has_address = false};

	if (!r->spoken.is_permitted) {
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
	xo_buf_clear(&r->front.hello);
	xo_buf_clear(&r->front.odd_hello);
	set_buffer(&r->spoken.hello, &told.hello);
	set_buffer(&r->spoken.name, &told.name);
	set_buffer(&r->spoken.reverse_name, &told.reverse_name);
	r->spoken.told = (struct xo_told){
		.name = xo_buf_span(&r->spoken.name),
		.reverse_name = xo_buf_span(&r->spoken.reverse_name),
		.has_server = told.has_server && told.has_server_port,
		.server = told.server,
		.server_port = told.server_port,
	};
	/* It speaks for another client from here on. */
	r->setup.is_proxied = r->spoken.is_set = true;
	r->front.rights.rights = 0;
	r->front.rights.is_attributed = false;
	r->front.rights.open_names = 0;
	lookup_keep_names(r, NULL);
	r->front.announced = 0;
	r->front.size_limit = 0;
	r->front.state = FRONT_GREETED;
	relay_banner(r);
}
