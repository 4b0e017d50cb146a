/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink: the content on its way to the file, and the envelope beside it.
 *
 * Both are written under names of their own and renamed into place, the message
 * first: who sees NNNNNN.json may read NNNNNN.eml.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmd/sink/sink.h>
#include <cmd/common/tool.h>

/* Of the header; what comes later is not looked at. */
#define HEADER_MAX (256 * 1024)

static void
make_path(const struct xo_sink *sink, const char *name, struct xo_buf *path)
{
	xo_buf_clear(path);
	xo_buf_add_all(path, sink->settings.directory, "/", name,
	    (char *)NULL);
	xo_tool_cstr(path);
}

/* Messages of an earlier run stay: numbers go on behind them. */
bool
xo_sink_store_open(struct xo_sink *sink)
{
	DIR *directory;
	const struct dirent *entry;
	uint64_t n;

	if (sink->settings.directory == NULL)
		return true;
	directory = opendir(sink->settings.directory);
	if (directory == NULL ||
	    access(sink->settings.directory, W_OK) != 0) {
		xo_tool_complain("sink: %s: %s", sink->settings.directory,
		    strerror(errno));
		if (directory != NULL)
			closedir(directory);
		return false;
	}
	while ((entry = readdir(directory)) != NULL) {
		struct xo_span name = xo_span_from_cstr(entry->d_name);
		size_t dot = xo_span_find(name, '.');

		if (xo_span_to_u64(xo_span_first(name, dot), &n) == XO_OK &&
		    n > sink->last_number)
			sink->last_number = n;
	}
	closedir(directory);
	return true;
}

void
xo_sink_content_open(struct xo_sink_session *session, bool is_stuffed)
{
	struct xo_sink_content *content = &session->mail.content;
	struct xo_buf path = {.p = NULL};

	memset(&content->scanner, 0, sizeof(content->scanner));
	content->scanner.is_stuffed = is_stuffed;
	content->is_open = true;
	content->size = 0;
	content->refusal = XO_REFUSAL_NONE;
	content->has_failed = false;
	xo_buf_clear(&content->header);
	content->digest = xo_tls_tool_digest_new();
	if (session->sink->settings.directory == NULL)
		return;
	/* One message at a time in a session: its id is name enough. */
	snprintf(content->name, sizeof(content->name), ".tmp-%llu.eml",
	    (unsigned long long)session->id);
	make_path(session->sink, content->name, &path);
	content->file = fopen((const char *)path.p, "wbe");
	if (content->file == NULL) {
		xo_tool_complain("sink: %s: %s", (const char *)path.p,
		    strerror(errno));
		content->has_failed = true;
	}
	xo_buf_fini(&path);
}

void
xo_sink_content_add(struct xo_sink_session *session, struct xo_span span)
{
	struct xo_sink_content *content = &session->mail.content;
	size_t room = HEADER_MAX - content->header.len;

	content->size += span.len;
	xo_tls_tool_digest_add(content->digest, span);
	xo_buf_add(&content->header, xo_span_first(span, room));
	if (content->file != NULL &&
	    fwrite(span.p, 1, span.len, content->file) != span.len)
		content->has_failed = true;
}

static json_t *
text_or_null(const struct xo_buf *b)
{
	return b->len > 0 ? xo_json_text(xo_buf_span(b)) : json_null();
}

static json_t *
json_peer(const struct xo_sink_session *session)
{
	json_t *peer;

	if (session->peer.n == 0)
		return json_null();
	peer = xo_json_certificate(&session->peer.certificates[0]);
	json_object_set_new(peer, "chain_valid",
	    json_boolean(session->peer_flaw == NULL));
	json_object_set_new(peer, "flaw", session->peer_flaw != NULL
	    ? json_string(session->peer_flaw) : json_null());
	return peer;
}

static json_t *
json_tls(const struct xo_sink_session *session)
{
	const struct xo_tls *tls = session->wire.tls;

	if (tls == NULL)
		return json_null();
	return xo_tool_require(json_sprintf("%s %s",
	    xo_tls_version(tls), xo_tls_cipher(tls)));
}

/*
 * What Exchange would see: a mail is internal if XOORG was announced and given
 * and the cross-premises headers say so (protocol.md 5.6).
 */
static void
add_exchange_view(const struct xo_sink_session *session, json_t *envelope)
{
	const struct xo_sink_mail *mail = &session->mail;
	bool is_announced =
	    (session->announced & XO_CAP_BIT(XO_CAP_XOORG)) != 0;
	struct xo_buf authas = {.p = NULL};
	bool is_internal;

	if (mail->xoorg.len > 0)
		xo_sink_header_find(&mail->content.header,
		    "X-MS-Exchange-CrossPremises-AuthAs", &authas);
	is_internal = is_announced && mail->xoorg.len > 0 &&
	    xo_span_is_equal_nocase(xo_buf_span(&authas), XO_LIT("Internal"));
	json_object_set_new(envelope, "xoorg_announced",
	    json_boolean(is_announced));
	json_object_set_new(envelope, "xoorg", text_or_null(&mail->xoorg));
	json_object_set_new(envelope, "authas", text_or_null(&authas));
	json_object_set_new(envelope, "internal", json_boolean(is_internal));
	xo_buf_fini(&authas);
}

static json_t *
json_envelope(const struct xo_sink_session *session, uint64_t number,
    const char *sha256)
{
	const struct xo_sink_mail *mail = &session->mail;
	json_t *envelope = xo_tool_require(json_pack(
	    "{s:I, s:I, s:s, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:O, "
	    "s:s, s:I, s:I, s:s}",
	    "number", (json_int_t)number,
	    "session", (json_int_t)session->id,
	    "client", session->client,
	    "time", (json_int_t)time(NULL),
	    "helo", xo_json_text(xo_buf_span(&session->hello)),
	    "hello", session->is_ehlo ? "EHLO" : "HELO",
	    "tls", json_tls(session),
	    "client_certificate", json_peer(session),
	    "xclient", session->xclient != NULL
	    ? json_incref(session->xclient) : json_null(),
	    "mail_from", xo_json_text(xo_buf_span(&mail->from)),
	    "mail_params", xo_json_text(xo_buf_span(&mail->params)),
	    "rcpts", mail->rcpts,
	    "mode", mail->n_chunks > 0 ? "BDAT" : "DATA",
	    "chunks", (json_int_t)mail->n_chunks,
	    "size", (json_int_t)mail->content.size,
	    "sha256", sha256));

	add_exchange_view(session, envelope);
	return envelope;
}

/* Under the lock, so that numbers have no gaps and appear in order. */
static bool
put_in_place(struct xo_sink_session *session, const char *sha256,
    uint64_t number)
{
	struct xo_sink *sink = session->sink;
	struct xo_buf from = {.p = NULL}, to = {.p = NULL};
	char name[48];
	json_t *envelope = json_envelope(session, number, sha256);
	bool is_there;

	make_path(sink, session->mail.content.name, &from);
	snprintf(name, sizeof(name), "%06llu.eml", (unsigned long long)number);
	make_path(sink, name, &to);
	is_there = rename((const char *)from.p, (const char *)to.p) == 0;
	snprintf(name, sizeof(name), ".tmp-%llu.json",
	    (unsigned long long)session->id);
	make_path(sink, name, &from);
	snprintf(name, sizeof(name), "%06llu.json",
	    (unsigned long long)number);
	make_path(sink, name, &to);
	is_there = is_there &&
	    json_dump_file(envelope, (const char *)from.p,
	    JSON_INDENT(2)) == 0 &&
	    rename((const char *)from.p, (const char *)to.p) == 0;
	if (!is_there)
		xo_tool_complain("sink: %s: %s", (const char *)to.p,
		    strerror(errno));
	json_decref(envelope);
	xo_buf_fini(&from);
	xo_buf_fini(&to);
	return is_there;
}

static void
print_line(const struct xo_sink_session *session, uint64_t number)
{
	const struct xo_sink_mail *mail = &session->mail;
	struct xo_buf line = {.p = NULL};

	xo_buf_add_cstr(&line, "event=message number=");
	xo_buf_add_padded(&line, number, 6);
	xo_buf_add_all(&line, " client=", session->client, " helo=",
	    (char *)NULL);
	xo_buf_add_printable(&line, xo_buf_span(&session->hello), 255);
	xo_buf_add_all(&line, " tls=", session->wire.tls != NULL
	    ? xo_tls_version(session->wire.tls) : "none", " peer=",
	    session->peer.n > 0 ? xo_tls_tool_certificate_name(
	    &session->peer.certificates[0]) : "none", " mode=",
	    mail->n_chunks > 0 ? "BDAT" : "DATA", " size=", (char *)NULL);
	xo_buf_add_u64(&line, mail->content.size);
	xo_buf_add_cstr(&line, " rcpts=");
	xo_buf_add_u64(&line, mail->n_rcpts);
	xo_buf_add_cstr(&line, " xoorg=");
	xo_buf_add_printable(&line, mail->xoorg.len > 0
	    ? xo_buf_span(&mail->xoorg) : XO_LIT("none"), 255);
	xo_buf_add_cstr(&line, " from=<");
	xo_buf_add_printable(&line, xo_buf_span(&mail->from), 255);
	xo_buf_add_cstr(&line, ">");
	puts(xo_tool_cstr(&line));
	xo_buf_fini(&line);
}

bool
xo_sink_content_commit(struct xo_sink_session *session, uint64_t *number_r)
{
	struct xo_sink *sink = session->sink;
	struct xo_sink_content *content = &session->mail.content;
	char sha256[65];
	bool is_there = !content->has_failed;

	xo_tls_tool_digest_end(&content->digest, sha256);
	if (content->file != NULL && fclose(content->file) != 0)
		is_there = false;
	content->file = NULL;
	pthread_mutex_lock(&sink->lock);
	*number_r = sink->last_number + 1;
	if (is_there && sink->settings.directory != NULL)
		is_there = put_in_place(session, sha256, *number_r);
	if (is_there) {
		sink->last_number++;
		if (!sink->settings.is_quiet)
			print_line(session, *number_r);
	}
	pthread_mutex_unlock(&sink->lock);
	if (is_there)
		content->name[0] = '\0';
	return is_there;
}

void
xo_sink_content_drop(struct xo_sink_session *session)
{
	struct xo_sink_content *content = &session->mail.content;
	struct xo_buf path = {.p = NULL};
	char unused[65];

	content->is_open = false;
	xo_tls_tool_digest_end(&content->digest, unused);
	if (content->file != NULL)
		fclose(content->file);
	content->file = NULL;
	if (content->name[0] == '\0')
		return;
	make_path(session->sink, content->name, &path);
	unlink((const char *)path.p);
	xo_buf_fini(&path);
	content->name[0] = '\0';
}
