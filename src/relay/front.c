/* SPDX-License-Identifier: ISC */
/*
 * The client's commands: one table, state x verb -> handler or refusal. An empty
 * cell is a 503 by construction.
 */
#include "actions.h"
#include "announce.h"
#include "content.h"
#include "envelope.h"
#include "finish.h"
#include "front.h"
#include "xclient.h"

typedef void handler(struct xo_relay *r, struct xo_span args);

/* NOOP and its like cost us a reply and move no mail: a client could go on for
 * ever. A message resets the count. What leaves a transaction counts as a reset
 * instead. True: one too many. */
static bool
is_command_too_many(struct xo_relay *r, enum xo_verb verb)
{
	static const bool is_idle[XO_VERB_COUNT] = {
		[XO_VERB_HELO] = true, [XO_VERB_EHLO] = true,
		[XO_VERB_NOOP] = true, [XO_VERB_VRFY] = true,
		[XO_VERB_HELP] = true, [XO_VERB_RSET] = true,
		[XO_VERB_STARTTLS] = true,
	};

	if (!is_idle[verb] || limits(r)->commands == 0 ||
	    (xo_relay_is_busy(r) && (verb == XO_VERB_RSET ||
	    verb == XO_VERB_EHLO || verb == XO_VERB_HELO)) ||
	    ++r->front.commands <= limits(r)->commands)
		return false;
	relay_refuse(r, XO_REFUSAL_TOO_MANY_COMMANDS);
	return true;
}

/* Leaving a transaction without a message. True: once too often. */
static bool
is_reset_too_often(struct xo_relay *r)
{
	if (!xo_relay_is_busy(r) || ++r->front.resets <= limits(r)->resets)
		return false;
	relay_refuse(r, XO_REFUSAL_TOO_MANY_RESETS);
	return true;
}

/* What is no name is passed on as the client's address (RFC 5321 4.1.4), and kept
 * for the log. */
static void
keep_hello(struct xo_relay *r, struct xo_span name)
{
	struct xo_buf *hello = &r->front.hello;

	xo_buf_clear(hello);
	xo_buf_clear(&r->front.odd_hello);
	if (xo_hello_name_is_valid(name)) {
		xo_buf_add(hello, name);
		return;
	}
	xo_buf_add(&r->front.odd_hello, name);
	xo_buf_add_cstr(hello, xo_address_is_ipv4(&r->setup.address) ?
	    "[" : "[IPv6:");
	xo_address_write(hello, &r->setup.address);
	xo_buf_add_byte(hello, ']');
}

static bool
is_hello_good(const struct xo_relay *r, struct xo_span name)
{
	return xo_hello_name_is_valid(name) ||
	    (xo_hello_name_is_odd(name) && xo_treatment_takes_hello(
	    r->setup.listener, xo_rights_most(&r->front.rights)));
}

static void
handle_hello(struct xo_relay *r, struct xo_span args, bool is_esmtp)
{
	/* QUIT may: the two together are how people try us by hand. */
	if (r->front.is_followed && !r->front.is_followed_by_quit) {
		relay_refuse(r, XO_REFUSAL_PIPELINING);
		return;
	}
	if (!is_hello_good(r, args)) {
		relay_refuse(r, XO_REFUSAL_HELLO_NAME);
		return;
	}
	if (r->front.rights.is_refused ||
	    (r->front.is_tls && r->front.is_weak)) {
		relay_refuse(r, XO_REFUSAL_TLS_CERTIFICATE);
		return;
	}
	if (is_reset_too_often(r))
		return;
	finish_quietly(r, XO_REFUSAL_NONE);
	keep_hello(r, args);
	r->front.is_esmtp = is_esmtp;
	announce_hello(r, false);
}

static void
handle_ehlo(struct xo_relay *r, struct xo_span args)
{
	handle_hello(r, args, true);
}

static void
handle_helo(struct xo_relay *r, struct xo_span args)
{
	handle_hello(r, args, false);
}

static void
handle_starttls(struct xo_relay *r, struct xo_span args)
{
	enum xo_refusal why = XO_REFUSAL_NONE;

	if (args.len > 0)
		why = XO_REFUSAL_COMMAND_SYNTAX;
	else if (r->front.is_tls)
		why = XO_REFUSAL_TLS_TWICE;
	else if (!r->setup.listener->has_tls)
		why = XO_REFUSAL_TLS_NOT_OFFERED;
	else if (r->front.is_followed)
		why = XO_REFUSAL_PIPELINING;
	else
		why = r->front.tls_refusal;
	if (why != XO_REFUSAL_NONE) {
		relay_refuse(r, why);
		return;
	}
	finish_quietly(r, XO_REFUSAL_NONE);
	relay_reply(r, 220, "2.0.0", XO_LIT("SMTP server ready"));
	relay_act(r, XO_ACTION_START_TLS);
	/* Nothing said in clear text outlives it (RFC 3207 4.2). */
	xo_buf_clear(&r->front.hello);
	xo_buf_clear(&r->front.odd_hello);
	r->front.announced = 0;
	r->front.size_limit = 0;
	r->front.state = FRONT_HANDSHAKE;
}

static void
handle_data(struct xo_relay *r, struct xo_span args)
{
	if (args.len > 0)
		relay_refuse(r, XO_REFUSAL_COMMAND_SYNTAX);
	else
		content_data(r);
}

static void
handle_rset(struct xo_relay *r, struct xo_span args)
{
	if (args.len > 0) {
		relay_refuse(r, XO_REFUSAL_COMMAND_SYNTAX);
		return;
	}
	if (is_reset_too_often(r))
		return;
	finish_quietly(r, XO_REFUSAL_NONE);
	if (r->front.state != FRONT_GREETED)
		r->front.state = FRONT_READY;
	relay_reply(r, 250, "2.0.0", XO_LIT("Resetting"));
}

static void
handle_noop(struct xo_relay *r, struct xo_span args)
{
	(void)args;
	relay_reply(r, 250, "2.0.0", XO_LIT("OK"));
}

static void
handle_vrfy(struct xo_relay *r, struct xo_span args)
{
	if (args.len == 0)
		relay_refuse(r, XO_REFUSAL_COMMAND_SYNTAX);
	else
		relay_reply(r, 252, "2.1.5",
		    XO_LIT("Cannot VRFY user, send some mail"));
}

static void
handle_help(struct xo_relay *r, struct xo_span args)
{
	(void)args;
	relay_reply(r, 214, "2.0.0",
	    XO_LIT("EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP QUIT"));
}

static void
handle_quit(struct xo_relay *r, struct xo_span args)
{
	(void)args;
	finish_quietly(r, XO_REFUSAL_NONE);
	relay_reply(r, 221, "2.0.0", XO_LIT("Bye"));
	relay_close(r);
}

/* Octets that are no commands may follow such a line. */
static bool
may_be_bdat(struct xo_span line)
{
	for (; line.len >= 4; line = xo_span_from(line, 1))
		if (xo_span_has_prefix_nocase(line, XO_LIT("BDAT")))
			return true;
	return false;
}

/* All-zero: 503. */
struct cell {
	handler *handle;
	enum xo_refusal why;		/* without a handler */
};

#define CALL(function) {.handle = (function)}
#define REFUSE(reason) {.why = XO_REFUSAL_##reason}

/* In every state. */
#define ANYWHERE							\
	[XO_VERB_UNKNOWN] = REFUSE(COMMAND_UNKNOWN),			\
	[XO_VERB_HTTP] = REFUSE(COMMAND_HTTP),				\
	[XO_VERB_PROXY] = REFUSE(COMMAND_HTTP),				\
	[XO_VERB_AUTH] = REFUSE(COMMAND_DISABLED),			\
	[XO_VERB_XCLIENT] = CALL(xclient),				\
	[XO_VERB_XFORWARD] = REFUSE(COMMAND_UNKNOWN),			\
	[XO_VERB_HELO] = CALL(handle_helo),				\
	[XO_VERB_EHLO] = CALL(handle_ehlo),				\
	[XO_VERB_NOOP] = CALL(handle_noop),				\
	[XO_VERB_VRFY] = CALL(handle_vrfy),				\
	[XO_VERB_HELP] = CALL(handle_help),				\
	[XO_VERB_RSET] = CALL(handle_rset),				\
	[XO_VERB_QUIT] = CALL(handle_quit),				\
	[XO_VERB_BDAT] = CALL(content_bdat)	/* its octets come in any case */

static const struct cell cells[FRONT_COMMAND_STATES][XO_VERB_COUNT] = {
	[FRONT_GREETED] = {
		ANYWHERE,
		[XO_VERB_STARTTLS] = REFUSE(HELLO_FIRST),
		[XO_VERB_MAIL] = REFUSE(HELLO_FIRST),
		[XO_VERB_RCPT] = REFUSE(HELLO_FIRST),
		[XO_VERB_DATA] = REFUSE(HELLO_FIRST),
	},
	[FRONT_READY] = {
		ANYWHERE,
		[XO_VERB_STARTTLS] = CALL(handle_starttls),
		[XO_VERB_MAIL] = CALL(envelope_mail),
	},
	[FRONT_MAIL] = {
		ANYWHERE,
		[XO_VERB_STARTTLS] = CALL(handle_starttls),
		[XO_VERB_MAIL] = REFUSE(MAIL_NESTED),
		[XO_VERB_RCPT] = CALL(envelope_rcpt),
		[XO_VERB_DATA] = CALL(handle_data),
	},
	[FRONT_CHUNKS] = {
		ANYWHERE,
		[XO_VERB_MAIL] = REFUSE(MAIL_NESTED),
	},
};

/*
 * Commands whose reply says what the next octets will be: content, a handshake,
 * credentials, another client's session. A client that did not wait has sent
 * those already; after a refusal they would run as commands, or in its own name.
 */
static bool
must_wait(const struct xo_relay *r, enum xo_verb verb)
{
	return verb == XO_VERB_DATA || verb == XO_VERB_STARTTLS ||
	    verb == XO_VERB_AUTH ||
	    (verb == XO_VERB_XCLIENT && r->spoken.is_permitted);
}

static void
dispatch(struct xo_relay *r, struct xo_span line,
    const struct xo_command *command)
{
	const struct cell *cell = &cells[r->front.state][command->verb];

	if (is_command_too_many(r, command->verb))
		return;
	if (command->verb == XO_VERB_UNKNOWN && may_be_bdat(line))
		relay_refuse(r, XO_REFUSAL_BDAT_SYNTAX);
	else if (r->front.is_followed && must_wait(r, command->verb))
		relay_refuse(r, XO_REFUSAL_PIPELINING);
	else if (cell->handle != NULL)
		cell->handle(r, command->args);
	else
		relay_refuse(r, cell->why != XO_REFUSAL_NONE ? cell->why :
		    XO_REFUSAL_COMMAND_SEQUENCE);
}

/* A line that was not read: what it meant is not known, nor what was to follow
 * it. Each of these refusals ends the session. */
static size_t
refuse_line(struct xo_relay *r, struct xo_span in, const struct xo_line *line)
{
	static const enum xo_refusal flaws[XO_LINE_FLAW_COUNT] = {
		[XO_LINE_CLEAN] = XO_REFUSAL_LINE_ENDLESS,
		[XO_LINE_BARE_LF] = XO_REFUSAL_LINE_BARE_LF,
		[XO_LINE_BARE_CR] = XO_REFUSAL_LINE_BARE_CR,
		[XO_LINE_NUL] = XO_REFUSAL_LINE_NUL,
	};

	if (!envelope_is_settled(r))
		return 0;
	relay_refuse(r, flaws[line->flaw]);
	return in.len;
}

/* Too long: commands go on after its end, if it has one and was no BDAT. */
static size_t
refuse_limit(struct xo_relay *r, struct xo_span in, const struct xo_line *line)
{
	bool is_known = line->size > 0 && !may_be_bdat(line->text) &&
	    xo_span_find(line->text, '\r') == line->text.len &&
	    xo_span_find(line->text, '\0') == line->text.len;

	if (!envelope_is_settled(r))
		return 0;
	relay_refuse(r, is_known ? XO_REFUSAL_LINE_TOO_LONG :
	    XO_REFUSAL_LINE_ENDLESS);
	return is_known ? line->size : in.len;
}

size_t
front_command(struct xo_relay *r, struct xo_span in)
{
	struct xo_line line;
	struct xo_command command;

	switch (xo_line_next(in, limits(r)->line_octets, &line)) {
	case XO_OK:
		break;
	case XO_MORE:
		return 0;
	case XO_ERR_SYNTAX:
		return refuse_line(r, in, &line);
	case XO_ERR_LIMIT:
	case XO_END:
	case XO_ERR_POLICY:
	case XO_ERR_STATE:
	case XO_ERR_MEMORY:
	default:
		return refuse_limit(r, in, &line);
	}
	xo_command_parse(line.text, &command);
	/* Replies keep the order of the commands: only recipients may wait
	 * together for the next hop. */
	if (!envelope_is_settled(r) && (command.verb != XO_VERB_RCPT ||
	    envelope_is_full(r)))
		return 0;
	r->front.is_followed = in.len > line.size;
	r->front.is_followed_by_quit = xo_span_is_equal_nocase(
	    xo_span_from(in, line.size), XO_LIT("QUIT\r\n"));
	dispatch(r, line.text, &command);
	return line.size;
}
