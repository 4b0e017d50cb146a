/* SPDX-License-Identifier: ISC */
/*
 * Postfix's socketmap protocol: a netstring "MAP KEY" gets one that says what is
 * there. A connection has one question at a time, since replies have no number, and
 * the texts of a question are asked one after the other.
 */
#include "client.h"

#include <conf/guest.h>
#include <table/netstring.h>

#define REPLY_MAX (XO_GUEST_RECORD_MAX + 3)	/* "OK " */

static size_t
greet(const struct xo_conf *conf, const struct xo_conf_table *table,
    struct xo_buf *out)
{
	(void)conf;
	(void)table;
	(void)out;
	return 0;
}

static void
ask(const struct xo_conf *conf, const struct xo_conf_table *table,
    const struct xo_client_request *request, struct xo_buf *out)
{
	struct xo_buf text = {0};

	(void)conf;
	xo_buf_add_all(&text, table->name, " ", (char *)NULL);
	xo_buf_add(&text, request->question->texts[request->step]);
	xo_netstring_write(out, xo_buf_span(&text));
	if (text.err != XO_OK)
		out->err = text.err;
	xo_buf_fini(&text);
}

/* The word, alone or with a blank behind it. */
static bool
is_word(struct xo_span reply, struct xo_span word)
{
	return xo_span_is_equal(xo_span_first(reply, word.len), word) &&
	    (reply.len == word.len || reply.p[word.len] == ' ');
}

static enum xo_client_progress
take_reply(struct xo_client_request *request, struct xo_span reply,
    struct xo_source_answer *answer)
{
	const struct xo_span ok = XO_LIT("OK ");

	answer->why = NULL;
	if (is_word(reply, XO_LIT("NOTFOUND"))) {
		answer->known = XO_KNOWN_NOBODY;
		return ++request->step < request->n ?
		    XO_CLIENT_AGAIN : XO_CLIENT_DONE;
	}
	if (xo_span_is_equal(xo_span_first(reply, ok.len), ok)) {
		/* What it points into goes before it is read. */
		xo_buf_add(&request->record, xo_span_from(reply, ok.len));
		answer->known = request->record.err == XO_OK ?
		    XO_KNOWN_TENANT : XO_KNOWN_NOT_NOW;
		answer->record = xo_buf_span(&request->record);
	} else if (is_word(reply, XO_LIT("TEMP"))) {
		answer->why = "TEMP";
	} else if (is_word(reply, XO_LIT("TIMEOUT"))) {
		answer->why = "TIMEOUT";
	} else if (is_word(reply, XO_LIT("PERM"))) {
		answer->why = "PERM";
	} else {
		answer->why = "a reply of no word that is known";
		return XO_CLIENT_BAD;
	}
	return XO_CLIENT_DONE;
}

static enum xo_client_progress
read_reply(struct xo_client_request *request, struct xo_span in,
    size_t *used_r, struct xo_source_answer *answer)
{
	struct xo_span reply;
	enum xo_err err = xo_netstring_read(in, REPLY_MAX, &reply, used_r);

	if (err == XO_MORE)
		return XO_CLIENT_MORE;
	if (err == XO_OK)
		return take_reply(request, reply, answer);
	answer->why = err == XO_ERR_LIMIT ? "a reply that is too long" :
	    "a reply that is no netstring";
	return XO_CLIENT_BAD;
}

static const struct xo_client_dialect dialect = {
	.connections = 4,
	.depth = 1,
	.most = REPLY_MAX + XO_NETSTRING_FRAME,
	.greet = greet,
	.ask = ask,
	.read = read_reply,
};

static void *
open_source(const struct xo_env *env, const struct xo_conf_table *table)
{
	return xo_client_open(env, table, &dialect);
}

const struct xo_source_type xo_source_socketmap = {
	.kind = XO_TABLE_SOCKETMAP,
	.open = open_source,
	.close = xo_client_close,
	.ask = xo_client_ask,
	.cancel = xo_client_cancel,
	.is_remote = true,
};
