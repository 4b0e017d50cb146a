/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink: one connection. With --announce-xoorg-to it plays an Exchange
 * receive connector (protocol.md 1.3): XOORG for a verified certificate of
 * that name, 454 4.7.5 for a bad one of that name, nothing for all others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmd/sink/sink.h>
#include <cmd/common/tool.h>
#include <xoorg/xtext.h>

#define LINE_MAX_LENGTH 4096
#define XCLIENT_NAMES \
	"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

static void
wait_ms(uint64_t ms)
{
	struct timespec time = {.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000};

	if (ms > 0)
		nanosleep(&time, NULL);
}

static void
reply_span(struct xo_sink_session *session, uint16_t code,
    const char *enhanced, struct xo_span text)
{
	wait_ms(session->sink->settings.delay);
	xo_reply_write(&session->wire.output, code, enhanced, text);
}

void
xo_sink_reply(struct xo_sink_session *session, uint16_t code,
    const char *enhanced, const char *text)
{
	reply_span(session, code, enhanced, xo_span_from_cstr(text));
}

void
xo_sink_reply_refusal(struct xo_sink_session *session, enum xo_refusal refusal)
{
	wait_ms(session->sink->settings.delay);
	xo_refusal_write(&session->wire.output, refusal);
	if (xo_refusal_info(refusal)->closes)
		session->is_over = true;
}

static bool
announces_xoorg(const struct xo_sink_session *session)
{
	switch ((enum xo_sink_xoorg)session->sink->settings.xoorg) {
	case XO_SINK_XOORG_ALWAYS:
		return true;
	case XO_SINK_XOORG_BEFORE_TLS:
		return session->wire.tls == NULL;
	case XO_SINK_XOORG_NAMED:
		return session->has_right;
	case XO_SINK_XOORG_NEVER:
		break;
	}
	return false;
}

/* Without port and brackets. */
static struct xo_span
client_address(const struct xo_sink_session *session)
{
	struct xo_span text = xo_span_from_cstr(session->client);

	while (text.len > 0 && text.p[text.len - 1] != ':')
		text.len--;
	text = xo_span_first(text, text.len > 0 ? text.len - 1 : 0);
	if (text.len > 2 && text.p[0] == '[')
		text = xo_span(text.p + 1, text.len - 2);
	return text;
}

static void
greet(struct xo_sink_session *session)
{
	const struct xo_sink *sink = session->sink;
	struct xo_buf text = {.p = NULL};

	session->announced = sink->caps.set;
	xo_buf_add_all(&text, sink->settings.hostname, " Hello [",
	    (char *)NULL);
	xo_buf_add(&text, client_address(session));
	xo_buf_add_cstr(&text, "]\n");
	xo_buf_add(&text, xo_buf_span(&sink->extensions));
	if (sink->tls != NULL && session->wire.tls == NULL) {
		xo_buf_add_cstr(&text, "STARTTLS\n");
		session->announced |= XO_CAP_BIT(XO_CAP_STARTTLS);
	}
	if (sink->settings.has_xclient) {
		xo_buf_add_cstr(&text, XCLIENT_NAMES "\n");
		session->announced |= XO_CAP_BIT(XO_CAP_XCLIENT);
	}
	if (announces_xoorg(session)) {
		xo_buf_add_cstr(&text, "XOORG\n");
		session->announced |= XO_CAP_BIT(XO_CAP_XOORG);
	}
	reply_span(session, 250, NULL,
	    xo_span_first(xo_buf_span(&text), text.len - 1));
	xo_buf_fini(&text);
}

static void
hello(struct xo_sink_session *session, struct xo_span args, bool is_ehlo)
{
	xo_sink_mail_reset(session);
	session->announced = 0;
	if (!xo_hello_name_is_valid(args)) {
		xo_sink_reply_refusal(session, XO_REFUSAL_HELLO_NAME);
		return;
	}
	if (session->is_refused) {
		xo_sink_reply_refusal(session, XO_REFUSAL_TLS_CERTIFICATE);
		session->is_over = true;
		return;
	}
	if (xo_sink_refuse(session, XO_SINK_AT_EHLO, args))
		return;
	xo_buf_clear(&session->hello);
	xo_buf_add(&session->hello, args);
	session->is_ehlo = is_ehlo;
	if (is_ehlo)
		greet(session);
	else
		xo_sink_reply(session, 250, NULL,
		    session->sink->settings.hostname);
}

static void
on_ehlo(struct xo_sink_session *session, struct xo_span args)
{
	hello(session, args, true);
}

static void
on_helo(struct xo_sink_session *session, struct xo_span args)
{
	hello(session, args, false);
}

/* After the handshake: who the client is, and what rights that gives. */
static void
judge_peer(struct xo_sink_session *session)
{
	struct xo_tls *tls = session->wire.tls;
	const struct xo_option_list *names = &session->sink->settings.names;
	bool is_known = false;

	xo_tls_tool_chain_fini(&session->peer);
	xo_tls_tool_peer_chain(tls, &session->peer);
	session->peer_flaw = xo_tls_tool_flaw(tls);
	for (size_t i = 0; i < names->n; i++) {
		if (xo_tls_tool_has_name(tls, names->v[i], false))
			is_known = true;
	}
	session->has_right = is_known && session->peer_flaw == NULL;
	session->is_refused = is_known && session->peer_flaw != NULL;
}

static void
on_starttls(struct xo_sink_session *session, struct xo_span args)
{
	struct xo_sink *sink = session->sink;
	enum xo_refusal refusal = XO_REFUSAL_NONE;

	if (args.len > 0)
		refusal = XO_REFUSAL_COMMAND_SYNTAX;
	else if (session->wire.tls != NULL)
		refusal = XO_REFUSAL_TLS_TWICE;
	else if (sink->tls == NULL)
		refusal = XO_REFUSAL_TLS_NOT_OFFERED;
	else if (xo_wire_input(&session->wire).len > 0)
		refusal = XO_REFUSAL_PIPELINING;
	if (refusal != XO_REFUSAL_NONE) {
		xo_sink_reply_refusal(session, refusal);
		/* Clear text that waited for the handshake is never run. */
		if (refusal == XO_REFUSAL_PIPELINING)
			session->is_over = true;
		return;
	}
	if (xo_sink_refuse(session, XO_SINK_AT_STARTTLS,
	    (struct xo_span){NULL, 0}))
		return;
	xo_sink_mail_reset(session);
	xo_buf_clear(&session->hello);
	session->announced = 0;
	xo_sink_reply(session, 220, "2.0.0", "SMTP server ready");
	if (!xo_wire_flush(&session->wire) ||
	    !xo_wire_start_tls(&session->wire,
	    xo_tool_require(xo_tls_new_server(sink->tls, session->wire.fd)))) {
		xo_tool_complain("sink: client %s: %s", session->client,
		    session->wire.error);
		session->is_over = true;
		return;
	}
	judge_peer(session);
}

/* One NAME=value of XCLIENT; values are xtext. */
static bool
take_attribute(struct xo_sink_session *session, struct xo_span word)
{
	size_t equals = xo_span_find(word, '=');
	struct xo_buf name = {.p = NULL};
	uint8_t value[1024];
	size_t len;
	bool is_good = equals > 0 && equals < word.len &&
	    xo_xtext_decode(xo_span_from(word, equals + 1), value,
	    sizeof(value), &len) == XO_OK;

	if (is_good) {
		/* Jansson refuses keys that are no UTF-8: so be it. */
		xo_buf_add_printable(&name, xo_span_first(word, equals), 64);
		json_object_set_new(session->xclient, xo_tool_cstr(&name),
		    xo_json_text(xo_span(value, len)));
	}
	xo_buf_fini(&name);
	return is_good;
}

static void
on_xclient(struct xo_sink_session *session, struct xo_span args)
{
	bool is_good = args.len > 0;

	if (!session->sink->settings.has_xclient || session->mail.is_open) {
		xo_sink_reply_refusal(session, session->mail.is_open
		    ? XO_REFUSAL_COMMAND_SEQUENCE
		    : XO_REFUSAL_COMMAND_DISABLED);
		return;
	}
	if (session->xclient == NULL)
		session->xclient = xo_tool_require(json_object());
	while (args.len > 0 && is_good) {
		size_t end = xo_span_find(args, ' ');

		is_good = take_attribute(session, xo_span_first(args, end));
		args = xo_span_trim(xo_span_from(args, end));
	}
	if (!is_good) {
		xo_sink_reply_refusal(session, XO_REFUSAL_PARAM_SYNTAX);
		return;
	}
	xo_buf_clear(&session->hello);
	session->announced = 0;
	xo_sink_reply(session, 220, NULL, session->sink->settings.hostname);
}

static void
on_noop(struct xo_sink_session *session, struct xo_span args)
{
	(void)args;
	xo_sink_reply(session, 250, "2.0.0", "OK");
}

static void
on_vrfy(struct xo_sink_session *session, struct xo_span args)
{
	(void)args;
	xo_sink_reply(session, 252, "2.1.5", "Cannot VRFY user");
}

static void
on_help(struct xo_sink_session *session, struct xo_span args)
{
	(void)args;
	xo_sink_reply(session, 214, "2.0.0", "xoorg sink, a server for tests");
}

static void
on_quit(struct xo_sink_session *session, struct xo_span args)
{
	(void)args;
	xo_sink_reply(session, 221, "2.0.0",
	    "Service closing transmission channel");
	session->is_over = true;
}

static const struct {
	void (*handle)(struct xo_sink_session *session, struct xo_span args);
	bool needs_hello;
} verbs[XO_VERB_COUNT] = {
	[XO_VERB_HELO] = {on_helo, false},
	[XO_VERB_EHLO] = {on_ehlo, false},
	[XO_VERB_STARTTLS] = {on_starttls, true},
	[XO_VERB_MAIL] = {xo_sink_on_mail, true},
	[XO_VERB_RCPT] = {xo_sink_on_rcpt, true},
	[XO_VERB_DATA] = {xo_sink_on_data, true},
	/* Says itself what is missing: the chunk must be read in any case. */
	[XO_VERB_BDAT] = {xo_sink_on_bdat, false},
	[XO_VERB_RSET] = {xo_sink_on_rset, false},
	[XO_VERB_NOOP] = {on_noop, false},
	[XO_VERB_VRFY] = {on_vrfy, false},
	[XO_VERB_HELP] = {on_help, false},
	[XO_VERB_QUIT] = {on_quit, false},
	[XO_VERB_XCLIENT] = {on_xclient, false},
};

static void
dispatch(struct xo_sink_session *session, struct xo_span text)
{
	struct xo_command command;

	xo_command_parse(text, &command);
	if (verbs[command.verb].handle == NULL)
		xo_sink_reply_refusal(session, command.verb == XO_VERB_HTTP
		    ? XO_REFUSAL_COMMAND_HTTP : XO_REFUSAL_COMMAND_UNKNOWN);
	else if (verbs[command.verb].needs_hello && session->hello.len == 0)
		xo_sink_reply_refusal(session, XO_REFUSAL_HELLO_FIRST);
	else
		verbs[command.verb].handle(session, command.args);
}

static enum xo_refusal
refusal_of_flaw(const struct xo_line *line)
{
	switch (line->flaw) {
	case XO_LINE_BARE_LF:
		return XO_REFUSAL_LINE_BARE_LF;
	case XO_LINE_BARE_CR:
		return XO_REFUSAL_LINE_BARE_CR;
	case XO_LINE_NUL:
		return XO_REFUSAL_LINE_NUL;
	case XO_LINE_CLEAN:
	case XO_LINE_FLAW_COUNT:
		break;
	}
	return XO_REFUSAL_COMMAND_SYNTAX;
}

/* One command, or a wait for more input. */
static void
step(struct xo_sink_session *session)
{
	struct xo_wire *wire = &session->wire;
	uint8_t copy[LINE_MAX_LENGTH];
	struct xo_line line;

	switch (xo_line_next(xo_wire_input(wire), LINE_MAX_LENGTH, &line)) {
	case XO_OK:
		/* The input is consumed first: handlers read what follows. */
		if (line.text.len > 0)
			memcpy(copy, line.text.p, line.text.len);
		xo_wire_consume(wire, line.size);
		dispatch(session, xo_span(copy, line.text.len));
		return;
	case XO_MORE:
		if (!xo_wire_fill(wire))
			session->is_over = true;
		return;
	case XO_ERR_SYNTAX:
		xo_wire_consume(wire, line.size);
		xo_sink_reply_refusal(session, refusal_of_flaw(&line));
		return;
	case XO_ERR_LIMIT:
		xo_wire_consume(wire, line.size);
		xo_sink_reply_refusal(session, line.size > 0
		    ? XO_REFUSAL_LINE_TOO_LONG : XO_REFUSAL_LINE_ENDLESS);
		if (line.size == 0)
			session->is_over = true;
		return;
	case XO_END:
	case XO_ERR_POLICY:
	case XO_ERR_STATE:
	case XO_ERR_MEMORY:
		session->is_over = true;
		return;
	}
}

static void
talk(struct xo_sink_session *session)
{
	char text[300];

	if (!xo_sink_refuse(session, XO_SINK_AT_BANNER,
	    (struct xo_span){NULL, 0})) {
		snprintf(text, sizeof(text), "%s ESMTP sink",
		    session->sink->settings.hostname);
		xo_sink_reply(session, 220, NULL, text);
	}
	while (!session->is_over)
		step(session);
	if (xo_wire_flush(&session->wire))
		xo_wire_linger(&session->wire);
}

void *
xo_sink_session_run(void *arg)
{
	struct xo_sink_session *session = arg;
	struct xo_sink *sink = session->sink;
	size_t slot = session->slot;

	xo_wire_accept(&session->wire, session->fd,
	    (int64_t)sink->settings.timeout * 1000);
	xo_wire_peer_address(&session->wire, session->client,
	    sizeof(session->client));
	talk(session);
	xo_sink_mail_reset(session);
	pthread_mutex_lock(&sink->lock);
	sink->slots[slot].fd = -1;
	xo_wire_close(&session->wire);
	pthread_mutex_unlock(&sink->lock);
	xo_buf_fini(&session->mail.from);
	xo_buf_fini(&session->mail.params);
	xo_buf_fini(&session->mail.xoorg);
	xo_buf_fini(&session->mail.content.header);
	xo_buf_fini(&session->hello);
	xo_tls_tool_chain_fini(&session->peer);
	json_decref(session->xclient);
	free(session);
	pthread_mutex_lock(&sink->lock);
	sink->slots[slot].is_done = true;
	pthread_mutex_unlock(&sink->lock);
	if (write(sink->wake[1], "", 1) < 0)
		xo_tool_complain("sink: cannot wake up");
	return NULL;
}
