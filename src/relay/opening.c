/* SPDX-License-Identifier: ISC */
/*
 * The opening dialogue with a next hop, as a table: what each state sends, and
 * what is done with the reply.
 */
#include <xoorg/opening.h>
#include <xoorg/xtext.h>

#include "xclient_table.h"

/* Octets of one reply: a next hop that greets for ever is not waited for. */
#define REPLY_MAX 4096

static void
fail(struct xo_opening *o, enum xo_refusal why)
{
	o->state = XO_OPENING_FAILED;
	o->why = why;
	xo_buf_clear(&o->said);
	if (o->reply.code != 0) {
		xo_buf_add_u64(&o->said, o->reply.code);
		xo_buf_add_byte(&o->said, ' ');
	}
	xo_buf_add(&o->said, xo_buf_span(&o->reply.text));
}

static void
say(struct xo_opening *o, enum xo_opening_state state, const char *verb,
    struct xo_span argument)
{
	xo_buf_add_cstr(&o->out, verb);
	if (argument.len > 0) {
		xo_buf_add_byte(&o->out, ' ');
		xo_buf_add(&o->out, argument);
	}
	xo_buf_add_cstr(&o->out, "\r\n");
	o->state = state;
	if (o->out.err != XO_OK)
		fail(o, XO_REFUSAL_MEMORY);
}

static void
say_ehlo(struct xo_opening *o)
{
	struct xo_span name = o->hostname;

	/* After XCLIENT it is the client that says hello: what it called
	 * itself is what the next hop's rules are about. */
	if (o->is_handed_over && o->handover->hello.len > 0)
		name = o->handover->hello;
	memset(&o->caps, 0, sizeof(o->caps));
	say(o, XO_OPENING_EHLO, o->upstream->protocol == XO_PROTOCOL_LMTP ?
	    "LHLO" : "EHLO", name);
}

/* Did the next hop announce it? */
static bool
is_attribute(const struct xo_opening *o, enum xo_xclient attribute)
{
	return xo_xclient_is_listed(xo_caps_argument(&o->caps, XO_CAP_XCLIENT),
	    attribute);
}

static void
add_or(struct xo_opening *o, enum xo_xclient attribute, struct xo_span value,
    const char *otherwise)
{
	if (!is_attribute(o, attribute))
		return;
	xo_buf_add_all(&o->out, " ", xo_xclient_name(attribute), "=",
	    (char *)NULL);
	if (value.len == 0)
		xo_buf_add_cstr(&o->out, otherwise);
	else
		xo_xtext_encode(&o->out, value);
}

static void
add_attribute(struct xo_opening *o, enum xo_xclient attribute,
    struct xo_span value)
{
	add_or(o, attribute, value, "[UNAVAILABLE]");
}

static void
add_name(struct xo_opening *o, enum xo_xclient attribute, struct xo_span value,
    bool is_uncertain)
{
	add_or(o, attribute, value, is_uncertain ? "[TEMPUNAVAIL]" :
	    "[UNAVAILABLE]");
}

/* All-zero: not known, in either family. */
static bool
is_unknown(const struct xo_address *a)
{
	static const struct xo_address none;
	static const struct xo_address none_ipv4 = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}
	};

	return memcmp(a, &none, sizeof(none)) == 0 ||
	    memcmp(a, &none_ipv4, sizeof(none_ipv4)) == 0;
}

/*
 * The client as the next hop shall see it. What we do not know is said to be
 * unavailable, so that nothing of an earlier client remains.
 */
static void
say_xclient(struct xo_opening *o)
{
	const struct xo_handover_info *h = o->handover;
	struct xo_span none = {NULL, 0};
	struct xo_buf value = {0};

	xo_buf_add_cstr(&o->out, "XCLIENT");
	add_name(o, XO_XCLIENT_NAME, h->name, h->is_name_uncertain);
	add_name(o, XO_XCLIENT_REVERSE_NAME, h->reverse_name,
	    h->is_reverse_uncertain);
	if (!is_unknown(h->address))
		xo_xclient_write_address(&value, h->address);
	add_attribute(o, XO_XCLIENT_ADDR, xo_buf_span(&value));
	xo_buf_clear(&value);
	if (h->port != 0)
		xo_buf_add_u64(&value, h->port);
	add_attribute(o, XO_XCLIENT_PORT, xo_buf_span(&value));
	add_attribute(o, XO_XCLIENT_HELO, h->hello);
	add_attribute(o, XO_XCLIENT_PROTO, h->is_esmtp ? XO_LIT("ESMTP") :
	    XO_LIT("SMTP"));
	add_attribute(o, XO_XCLIENT_LOGIN, none);
	xo_buf_clear(&value);
	if (h->server != NULL) {
		xo_xclient_write_address(&value, h->server);
		add_attribute(o, XO_XCLIENT_DESTADDR, xo_buf_span(&value));
		xo_buf_clear(&value);
		xo_buf_add_u64(&value, h->server_port);
		add_attribute(o, XO_XCLIENT_DESTPORT, xo_buf_span(&value));
	}
	if (value.err != XO_OK)
		o->out.err = value.err;
	xo_buf_fini(&value);
	o->is_handed_over = true;
	say(o, XO_OPENING_XCLIENT, "", none);
}

static bool
wants_xclient(const struct xo_opening *o)
{
	return o->upstream->handover == XO_HANDOVER_XCLIENT &&
	    o->handover != NULL && !o->is_handed_over;
}

/* Without the address it would take our own for the client's, which it may well
 * trust. */
static void
hand_over(struct xo_opening *o)
{
	if (xo_caps_has(&o->caps, XO_CAP_XCLIENT) &&
	    is_attribute(o, XO_XCLIENT_ADDR))
		say_xclient(o);
	else
		fail(o, XO_REFUSAL_UPSTREAM_HANDOVER);
}

/* The last EHLO has been answered: what is still to do? */
static void
settle(struct xo_opening *o)
{
	if (wants_xclient(o)) {
		hand_over(o);
		return;
	}
	/* Only what is said inside verified TLS says anything, and only there
	 * is REQUIRETLS met (RFC 8689 4.2.1). */
	if (!o->is_tls || o->upstream->tls != XO_TLS_VERIFY)
		o->caps.set &= ~(XO_CAP_BIT(XO_CAP_XOORG) |
		    XO_CAP_BIT(XO_CAP_REQUIRETLS));
	if (o->upstream->require_xoorg &&
	    !xo_caps_has(&o->caps, XO_CAP_XOORG))
		fail(o, XO_REFUSAL_UPSTREAM_XOORG);
	else
		o->state = XO_OPENING_DONE;
}

static void
on_greeting(struct xo_opening *o)
{
	if (o->reply.code == 220)
		say_ehlo(o);
	else
		fail(o, XO_REFUSAL_UPSTREAM_GREETING);
}

static void
on_ehlo(struct xo_opening *o)
{
	struct xo_span text = xo_buf_span(&o->reply.text), line;

	if (o->reply.code >= 500 &&
	    o->upstream->protocol == XO_PROTOCOL_SMTP) {
		say(o, XO_OPENING_HELO, "HELO", o->hostname);
		return;
	}
	if (o->reply.code != 250) {
		fail(o, XO_REFUSAL_UPSTREAM_GREETING);
		return;
	}
	(void)xo_reply_line(&text, &line);
	while (xo_reply_line(&text, &line))
		xo_caps_add_line(&o->caps, line, o->extensions);
	if (o->is_tls || o->upstream->tls == XO_TLS_NONE)
		settle(o);
	else if (xo_caps_has(&o->caps, XO_CAP_STARTTLS))
		say(o, XO_OPENING_STARTTLS, "STARTTLS",
		    (struct xo_span){NULL, 0});
	else
		fail(o, XO_REFUSAL_UPSTREAM_TLS);
}

static void
on_helo(struct xo_opening *o)
{
	if (o->reply.code != 250)
		fail(o, XO_REFUSAL_UPSTREAM_GREETING);
	else if (!o->is_tls && o->upstream->tls != XO_TLS_NONE)
		fail(o, XO_REFUSAL_UPSTREAM_TLS);
	else
		settle(o);
}

static void
on_starttls(struct xo_opening *o)
{
	if (o->reply.code == 220)
		o->state = XO_OPENING_HANDSHAKE;
	else
		fail(o, XO_REFUSAL_UPSTREAM_TLS);
}

static void
on_rset(struct xo_opening *o)
{
	struct xo_enhanced e;

	/* x.1.y is MAIL's or RCPT's: it is a reply behind (relay/about.c). */
	if (xo_reply_enhanced(&o->reply, &e) && e.subject == 1)
		fail(o, XO_REFUSAL_UPSTREAM_OUT_OF_STEP);
	else if (o->reply.code != 250)
		fail(o, XO_REFUSAL_UPSTREAM_LOST);
	else if (wants_xclient(o))
		hand_over(o);
	else
		o->state = XO_OPENING_DONE;
	xo_heard_note(&o->heard, &o->reply, false);
}

static void
on_xclient(struct xo_opening *o)
{
	if (o->reply.code == 220)
		say_ehlo(o);
	else
		fail(o, XO_REFUSAL_UPSTREAM_HANDOVER);
}

static void (*const on_reply[XO_OPENING_STATE_COUNT])(struct xo_opening *) = {
	[XO_OPENING_GREETING] = on_greeting,
	[XO_OPENING_EHLO] = on_ehlo,
	[XO_OPENING_HELO] = on_helo,
	[XO_OPENING_STARTTLS] = on_starttls,
	[XO_OPENING_RSET] = on_rset,
	[XO_OPENING_XCLIENT] = on_xclient,
};

size_t
xo_opening_bytes(struct xo_opening *o, struct xo_span in)
{
	enum xo_refusal stray = o->state == XO_OPENING_STARTTLS ?
	    XO_REFUSAL_UPSTREAM_TLS : XO_REFUSAL_UPSTREAM_CONFUSED;
	enum xo_err err;
	size_t used = 0;

	if (on_reply[o->state] == NULL) {
		fail(o, XO_REFUSAL_UPSTREAM_CONFUSED);
		return in.len;
	}
	err = xo_reply_read(&o->reply, in, REPLY_MAX, &used);
	if (err == XO_MORE)
		return used;
	if (err != XO_OK)
		fail(o, XO_REFUSAL_UPSTREAM_CONFUSED);
	else if (used < in.len)
		/* One command, one reply: what came along was injected, or is
		 * not for us (CVE-2021-38371). */
		fail(o, stray);
	else
		on_reply[o->state](o);
	xo_reply_clear(&o->reply);
	return in.len;
}

void
xo_opening_tls_done(struct xo_opening *o)
{
	o->is_tls = true;
	say_ehlo(o);
}

void
xo_opening_start(struct xo_opening *o, const struct xo_upstream *upstream,
    struct xo_span hostname, const struct xo_extensions *extensions,
    const struct xo_handover_info *handover)
{
	o->upstream = upstream;
	o->hostname = hostname;
	o->extensions = extensions;
	o->handover = handover;
	o->state = XO_OPENING_GREETING;
}

void
xo_opening_resume(struct xo_opening *o, bool needs_reset,
    const struct xo_handover_info *handover)
{
	o->handover = handover;
	o->is_handed_over = false;
	if (needs_reset)
		say(o, XO_OPENING_RSET, "RSET", (struct xo_span){NULL, 0});
	else if (wants_xclient(o))
		hand_over(o);
}

void
xo_opening_fini(struct xo_opening *o)
{
	xo_reply_fini(&o->reply);
	xo_buf_fini(&o->out);
	xo_buf_fini(&o->said);
}
