/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink: the transaction. Strict: only CRLF, only what was announced.
 */
#include <stdio.h>
#include <unistd.h>

#include <cmd/sink/sink.h>

#include <cmd/common/tool.h>

#define RCPTS_MAX 1000

void
xo_sink_mail_reset(struct xo_sink_session *session)
{
	struct xo_sink_mail *mail = &session->mail;

	xo_sink_content_drop(session);
	json_decref(mail->rcpts);
	mail->rcpts = NULL;
	mail->n_rcpts = 0;
	mail->n_chunks = 0;
	mail->is_open = false;
	xo_buf_clear(&mail->from);
	xo_buf_clear(&mail->params);
	xo_buf_clear(&mail->xoorg);
}

void
xo_sink_on_rset(struct xo_sink_session *session, struct xo_span args)
{
	(void)args;
	xo_sink_mail_reset(session);
	xo_sink_reply(session, 250, "2.0.0", "Resetting");
}

void
xo_sink_on_mail(struct xo_sink_session *session, struct xo_span args)
{
	struct xo_sink_mail *mail = &session->mail;
	struct xo_mail parsed;
	enum xo_refusal refusal;

	if (mail->is_open) {
		xo_sink_reply_refusal(session, XO_REFUSAL_MAIL_NESTED);
		return;
	}
	refusal = xo_mail_parse(args, session->announced, NULL,
	    XO_SYNTAX_STRICT, &parsed);
	if (refusal == XO_REFUSAL_NONE && session->sink->caps.size > 0 &&
	    parsed.has_size && parsed.size > session->sink->caps.size)
		refusal = XO_REFUSAL_SIZE;
	if (refusal != XO_REFUSAL_NONE) {
		xo_sink_reply_refusal(session, refusal);
		return;
	}
	if (xo_sink_refuse(session, XO_SINK_AT_MAIL, parsed.from.address))
		return;
	xo_buf_add(&mail->from, parsed.from.address);
	xo_buf_add(&mail->params, xo_span_trim(parsed.params));
	xo_buf_add(&mail->xoorg, xo_mail_xoorg(&parsed));
	if (!parsed.has_xoorg)
		xo_buf_clear(&mail->xoorg);
	mail->body = parsed.body;
	mail->is_utf8 = parsed.is_utf8;
	mail->rcpts = xo_tool_require(json_array());
	mail->is_open = true;
	xo_sink_reply(session, 250, "2.1.0", "Sender OK");
}

void
xo_sink_on_rcpt(struct xo_sink_session *session, struct xo_span args)
{
	struct xo_sink_mail *mail = &session->mail;
	struct xo_rcpt parsed;
	enum xo_refusal refusal;

	if (!mail->is_open || mail->content.is_open) {
		xo_sink_reply_refusal(session, XO_REFUSAL_COMMAND_SEQUENCE);
		return;
	}
	refusal = xo_rcpt_parse(args, session->announced, NULL, mail->is_utf8,
	    XO_SYNTAX_STRICT, &parsed);
	if (refusal == XO_REFUSAL_NONE && mail->n_rcpts == RCPTS_MAX)
		refusal = XO_REFUSAL_RCPT_TOO_MANY;
	if (refusal != XO_REFUSAL_NONE) {
		xo_sink_reply_refusal(session, refusal);
		return;
	}
	if (xo_sink_refuse(session, XO_SINK_AT_RCPT, parsed.to.address))
		return;
	json_array_append_new(mail->rcpts, xo_tool_require(json_pack(
	    "{s:o, s:o}", "to", xo_json_text(parsed.to.address), "params",
	    xo_json_text(xo_span_trim(parsed.params)))));
	mail->n_rcpts++;
	xo_sink_reply(session, 250, "2.1.5", "Recipient OK");
}

/* One message more; the last of --count wakes the main thread. */
static void
count_message(struct xo_sink *sink)
{
	bool is_enough;

	pthread_mutex_lock(&sink->lock);
	sink->n_accepted++;
	is_enough = sink->settings.count > 0 &&
	    sink->n_accepted >= sink->settings.count;
	pthread_mutex_unlock(&sink->lock);
	if (is_enough && write(sink->wake[1], "", 1) < 0)
		xo_tool_complain("sink: cannot wake up");
}

static void
note_flaw(struct xo_sink_content *content, enum xo_refusal refusal)
{
	if (content->refusal == XO_REFUSAL_NONE)
		content->refusal = refusal;
}

/* An octet that only BINARYMIME may have. */
static struct xo_span
take_flaw(struct xo_sink_session *session, enum xo_refusal refusal,
    struct xo_span octet)
{
	if (session->mail.body != XO_BODY_BINARYMIME)
		note_flaw(&session->mail.content, refusal);
	return octet;
}

/* The end of the content: its reply, the only 250 that means a message. */
static void
finish(struct xo_sink_session *session)
{
	struct xo_sink_content *content = &session->mail.content;
	uint64_t number;
	char text[80];

	if (xo_scan_has_open_cr(&content->scanner))
		xo_sink_content_add(session, take_flaw(session,
		    XO_REFUSAL_CONTENT_BARE_NEWLINE, XO_LIT("\r")));
	if (content->refusal != XO_REFUSAL_NONE) {
		xo_sink_reply_refusal(session, content->refusal);
	} else if (!xo_sink_refuse(session, XO_SINK_AT_FINAL,
	    (struct xo_span){NULL, 0})) {
		if (xo_sink_content_commit(session, &number)) {
			snprintf(text, sizeof(text),
			    "<%06llu@sink> Queued mail for delivery",
			    (unsigned long long)number);
			xo_sink_reply(session, 250, "2.6.0", text);
			count_message(session->sink);
		} else {
			xo_sink_reply(session, 452, "4.3.1",
			    "Cannot store the message");
		}
	}
	xo_sink_mail_reset(session);
}

/*
 * Takes content out of `in`. True: the end of data was there. *used_r octets
 * are done with.
 */
static bool
take_content(struct xo_sink_session *session, struct xo_span in,
    size_t *used_r)
{
	struct xo_sink_content *content = &session->mail.content;
	struct xo_span span = {NULL, 0};
	enum xo_content what;
	size_t used;

	*used_r = 0;
	do {
		what = xo_scan(&content->scanner, xo_span_from(in, *used_r),
		    &span, &used);
		*used_r += used;
		switch (what) {
		case XO_CONTENT_SPAN:
			break;
		case XO_CONTENT_BARE_CR:
			span = take_flaw(session,
			    XO_REFUSAL_CONTENT_BARE_NEWLINE, XO_LIT("\r"));
			break;
		case XO_CONTENT_BARE_LF:
			span = take_flaw(session,
			    XO_REFUSAL_CONTENT_BARE_NEWLINE, XO_LIT("\n"));
			break;
		case XO_CONTENT_NUL:
			span = take_flaw(session, XO_REFUSAL_CONTENT_NUL,
			    XO_LIT("\0"));
			break;
		case XO_CONTENT_MORE:
			return false;
		case XO_CONTENT_END:
			return true;
		}
		xo_sink_content_add(session, span);
		if (session->sink->caps.size > 0 &&
		    content->size > session->sink->caps.size)
			note_flaw(content, XO_REFUSAL_SIZE);
	} while (true);
}

void
xo_sink_on_data(struct xo_sink_session *session, struct xo_span args)
{
	struct xo_sink_mail *mail = &session->mail;
	struct xo_wire *wire = &session->wire;
	enum xo_refusal refusal = XO_REFUSAL_NONE;
	bool is_end = false;
	size_t used;

	if (args.len > 0)
		refusal = XO_REFUSAL_COMMAND_SYNTAX;
	else if (!mail->is_open || mail->content.is_open)
		refusal = XO_REFUSAL_COMMAND_SEQUENCE;
	else if (mail->n_rcpts == 0)
		refusal = XO_REFUSAL_NO_RECIPIENTS;
	else if (mail->body == XO_BODY_BINARYMIME)
		refusal = XO_REFUSAL_BINARY_NEEDS_BDAT;
	if (refusal != XO_REFUSAL_NONE) {
		xo_sink_reply_refusal(session, refusal);
		return;
	}
	if (xo_sink_refuse(session, XO_SINK_AT_DATA,
	    (struct xo_span){NULL, 0}))
		return;
	xo_sink_content_open(session, true);
	xo_sink_reply(session, 354, NULL,
	    "Start mail input; end with <CRLF>.<CRLF>");
	while (!is_end) {
		if (xo_wire_input(wire).len == 0 && !xo_wire_fill(wire)) {
			session->is_over = true;
			return;
		}
		is_end = take_content(session, xo_wire_input(wire), &used);
		xo_wire_consume(wire, used);
	}
	finish(session);
}

/* Reads `size` octets of a chunk, to the message or to nowhere. */
static bool
take_chunk(struct xo_sink_session *session, uint64_t size, bool is_kept)
{
	struct xo_wire *wire = &session->wire;
	struct xo_span in;
	size_t used;

	while (size > 0) {
		in = xo_wire_input(wire);
		if (in.len == 0) {
			if (!xo_wire_fill(wire)) {
				session->is_over = true;
				return false;
			}
			continue;
		}
		if (in.len > size)
			in = xo_span_first(in, (size_t)size);
		if (is_kept)
			(void)take_content(session, in, &used);
		xo_wire_consume(wire, in.len);
		size -= in.len;
	}
	return true;
}

static enum xo_refusal
check_bdat(const struct xo_sink_session *session)
{
	const struct xo_sink_mail *mail = &session->mail;

	if ((session->announced & XO_CAP_BIT(XO_CAP_CHUNKING)) == 0)
		return XO_REFUSAL_COMMAND_DISABLED;
	if (!mail->is_open)
		return XO_REFUSAL_COMMAND_SEQUENCE;
	if (mail->n_rcpts == 0)
		return XO_REFUSAL_NO_RECIPIENTS;
	return XO_REFUSAL_NONE;
}

void
xo_sink_on_bdat(struct xo_sink_session *session, struct xo_span args)
{
	struct xo_sink_mail *mail = &session->mail;
	struct xo_chunk chunk;
	enum xo_refusal refusal = xo_bdat_parse(args, &chunk);
	char text[64];

	if (refusal != XO_REFUSAL_NONE) {
		/* Nobody knows where the next command begins. */
		xo_sink_reply_refusal(session, refusal);
		session->is_over = true;
		return;
	}
	refusal = check_bdat(session);
	if (refusal != XO_REFUSAL_NONE) {
		if (take_chunk(session, chunk.size, false))
			xo_sink_reply_refusal(session, refusal);
		return;
	}
	if (!mail->content.is_open)
		xo_sink_content_open(session, false);
	mail->n_chunks++;
	if (!take_chunk(session, chunk.size, true))
		return;
	if (mail->n_chunks == 1 && xo_sink_refuse(session, XO_SINK_AT_DATA,
	    (struct xo_span){NULL, 0})) {
		xo_sink_mail_reset(session);
		return;
	}
	if (chunk.is_last) {
		finish(session);
		return;
	}
	snprintf(text, sizeof(text), "%llu octets received",
	    (unsigned long long)chunk.size);
	xo_sink_reply(session, 250, "2.0.0", text);
}
