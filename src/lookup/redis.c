/* SPDX-License-Identifier: ISC */
/*
 * Redis and Valkey: all texts of a question go in one round trip, a GET each, behind
 * one for the mark of a table that is whole. An ECHO of the question's number ends
 * it, so that no reply can be taken for that to another question.
 */
#include "client.h"

#include <conf/guest.h>
#include <table/resp.h>

/* Replies of one question that came at once, and the longest of them. */
#define REPLIES_MAX ((XO_QUESTION_TEXTS + 2) * (XO_GUEST_RECORD_MAX + 32))

static void
get(const struct xo_conf *conf, struct xo_span key, struct xo_buf *out)
{
	xo_resp_write_head(out, 2);
	xo_resp_write_word(out, XO_LIT("GET"), XO_LIT(""));
	xo_resp_write_word(out, conf->lookup.redis.prefix != NULL ?
	    xo_span_from_cstr(conf->lookup.redis.prefix) : XO_LIT(""), key);
}

static size_t
authenticate(const struct xo_conf *conf, struct xo_buf *out)
{
	const struct xo_span words[] = {
		XO_LIT("AUTH"),
		xo_span_from_cstr(conf->lookup.redis.user),
		xo_span_from_cstr(conf->lookup.redis.password),
	};
	const struct xo_span alone[] = {words[0], words[2]};

	if (conf->lookup.redis.password == NULL)
		return 0;
	if (conf->lookup.redis.user != NULL)
		xo_resp_write(out, words, 3);
	else
		xo_resp_write(out, alone, 2);
	return 1;
}

/* Where there is another server, one that is loading, or a replica that has lost its
 * master, is to be known before it is asked. */
static size_t
greet(const struct xo_conf *conf, const struct xo_conf_table *table,
    struct xo_buf *out)
{
	size_t n = authenticate(conf, out);

	if (table->next == NULL)
		return n;
	get(conf, XO_LIT(XO_QUESTION_MARK), out);
	return n + 1;
}

static struct xo_span
number(uint64_t id, char text[24])
{
	return xo_span(text, (size_t)snprintf(text, 24, "%llu",
	    (unsigned long long)id));
}

static void
ask(const struct xo_conf *conf, const struct xo_conf_table *table,
    const struct xo_client_request *request, struct xo_buf *out)
{
	char text[24];
	const struct xo_span echo[] = {XO_LIT("ECHO"),
		number(request->id, text)};

	(void)table;
	get(conf, XO_LIT(XO_QUESTION_MARK), out);
	for (size_t i = 0; i < request->question->n; i++)
		get(conf, request->question->texts[i], out);
	xo_resp_write(out, echo, 2);
}

/* "LOADING", "NOAUTH" and the like are ours to say; the rest is the server's. */
static const char *
explain(const struct xo_resp *reply)
{
	static const char *const words[] = {"LOADING", "NOAUTH", "NOPERM",
		"WRONGTYPE", "WRONGPASS", "MASTERDOWN", "MOVED", "ASK",
		"CLUSTERDOWN", "OOM", "BUSY", "ERR"};

	if (reply->kind != XO_RESP_ERROR)
		return "a reply of another kind than a value";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (xo_span_has_prefix_nocase(reply->text,
		    xo_span_from_cstr(words[i])))
			return words[i];
	return "an error";
}

static enum xo_client_progress
end(struct xo_client_request *request, const struct xo_resp *reply,
    struct xo_source_answer *answer)
{
	char text[24];

	if (reply->kind != XO_RESP_VALUE || !xo_span_is_equal(reply->text,
	    number(request->id, text))) {
		answer->why = reply->kind == XO_RESP_ERROR ? explain(reply) :
		    "a reply to another question";
		return XO_CLIENT_BAD;
	}
	answer->why = request->why;
	if (answer->why == NULL && request->record.err != XO_OK)
		answer->why = "no memory";
	if (answer->why == NULL)
		answer->known = request->is_found ? XO_KNOWN_TENANT :
		    XO_KNOWN_NOBODY;
	answer->record = xo_buf_span(&request->record);
	return request->is_of_server ? XO_CLIENT_LEAVE : XO_CLIENT_DONE;
}

static enum xo_client_progress
take_reply(struct xo_client_request *request, const struct xo_resp *reply,
    struct xo_source_answer *answer)
{
	size_t step = request->step++;

	if (step > request->n)
		return end(request, reply, answer);
	if (reply->kind != XO_RESP_VALUE && reply->kind != XO_RESP_NIL) {
		if (request->why == NULL)
			request->why = explain(reply);
		/* LOADING, MASTERDOWN: it may be all of the server. */
		request->is_of_server |= reply->kind == XO_RESP_ERROR &&
		    !xo_span_has_prefix_nocase(reply->text,
		    XO_LIT("WRONGTYPE"));
	} else if (step == 0) {
		if (!xo_span_is_equal(reply->text,
		    XO_LIT(XO_QUESTION_MARK_VALUE)))
			request->why = "no key " XO_QUESTION_MARK;
	} else if (reply->kind == XO_RESP_VALUE && !request->is_found) {
		request->is_found = true;
		xo_buf_add(&request->record, reply->text);
	}
	return XO_CLIENT_NEXT;
}

static enum xo_client_progress
read_reply(struct xo_client_request *request, struct xo_span in,
    size_t *used_r, struct xo_source_answer *answer)
{
	struct xo_resp reply;
	enum xo_err err = xo_resp_read(in, XO_GUEST_RECORD_MAX, &reply,
	    used_r);

	if (err == XO_MORE)
		return XO_CLIENT_MORE;
	if (err != XO_OK) {
		answer->why = err == XO_ERR_LIMIT ? "a reply that is too long" :
		    "a reply that is none of Redis, or of another kind";
		return XO_CLIENT_BAD;
	}
	if (request != NULL)
		return take_reply(request, &reply, answer);
	if (reply.kind != XO_RESP_ERROR)
		return XO_CLIENT_DONE;
	answer->why = explain(&reply);
	return XO_CLIENT_BAD;
}

static const struct xo_client_dialect dialect = {
	.connections = 1,
	.depth = 1024,
	.most = REPLIES_MAX,
	.greet = greet,
	.ask = ask,
	.read = read_reply,
};

static void *
open_source(const struct xo_env *env, const struct xo_conf_table *table)
{
	return xo_client_open(env, table, &dialect);
}

const struct xo_source_type xo_source_redis = {
	.kind = XO_TABLE_REDIS,
	.open = open_source,
	.close = xo_client_close,
	.ask = xo_client_ask,
	.cancel = xo_client_cancel,
	.is_remote = true,
};
