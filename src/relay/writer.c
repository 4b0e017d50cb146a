/* SPDX-License-Identifier: ISC */
/*
 * Content to the next hop, in the framing it takes: BDAT for the client's own
 * chunks, which may hold what is no lines, and for a message that is here whole
 * if the final reply will be told from others (about.c); else DATA. This is the
 * one place where content is stuffed and where an end of data is written.
 */
#include "about.h"
#include "actions.h"
#include "back.h"
#include "content.h"
#include "writer.h"

void
writer_open(struct xo_relay *r)
{
	struct transaction *t = &r->t;
	const struct content *c = &t->content;
	bool is_in_step = t->envelope.is_in_step;
	bool is_single = !c->is_chunked || c->chunk.is_last;
	bool is_lmtp = upstream_of(r)->protocol == XO_PROTOCOL_LMTP;

	/* What comes by BDAT may yet turn out to be no lines. */
	t->writer.uses_bdat = has_cap(r->back.caps, XO_CAP_CHUNKING) &&
	    (is_in_step ? c->is_chunked || c->is_complete :
	    c->is_chunked && about_can_prove(r));
	t->final.wants_hello = (t->writer.uses_bdat &&
	    !(is_in_step && is_single)) ||
	    (is_lmtp && t->envelope.n_accepted > 1);
	if (t->writer.uses_bdat) {
		content_go(r);
	} else {
		relay_send(r, XO_BACK, XO_LIT("DATA\r\n"));
		back_expect(r, EXPECT_DATA);
	}
}

void
writer_chunk_begin(struct xo_relay *r, uint64_t size, bool is_last)
{
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;

	if (!r->t.writer.uses_bdat || (size == 0 && !is_last))
		return;
	xo_buf_add_cstr(out, "BDAT ");
	xo_buf_add_u64(out, size);
	xo_buf_add_cstr(out, is_last ? " LAST\r\n" : "\r\n");
	relay_send_end(r, XO_BACK, start);
	r->t.writer.has_chunk_out = true;
}

void
writer_chunk_end(struct xo_relay *r)
{
	if (r->t.writer.has_chunk_out)
		back_expect(r, EXPECT_CHUNK);
	r->t.writer.has_chunk_out = false;
}

static struct xo_span
held_body(const struct xo_relay *r)
{
	return xo_span_from(xo_buf_span(&r->header), r->t.content.header_len);
}

static void
held_to_bdat(struct xo_relay *r)
{
	const struct content *c = &r->t.content;
	struct xo_span body = held_body(r);
	uint64_t size = r->clean.len + body.len;

	if (c->is_chunked)
		writer_chunk_begin(r, size + c->chunk_left, c->chunk.is_last);
	else
		writer_chunk_begin(r, size, true);
	relay_send_span(r, XO_BACK, xo_buf_span(&r->clean));
	relay_send_span(r, XO_BACK, body);
	/* The client's chunk ended while the next hop was awaited. */
	if (c->is_chunked && c->chunk_left == 0 && !c->chunk.is_last &&
	    r->front.state != FRONT_CHUNK)
		writer_chunk_end(r);
}

bool
writer_mends(const struct xo_relay *r, enum xo_content event,
    struct xo_span *span)
{
	bool is_bare = event == XO_CONTENT_BARE_CR ||
	    event == XO_CONTENT_BARE_LF;

	if (is_bare && r->setup.listener->bare_newline ==
	    XO_BARE_NEWLINE_NORMALIZE) {
		*span = XO_LIT("\r\n");
		return true;
	}
	return event == XO_CONTENT_SPAN || event == XO_CONTENT_MORE;
}

/* A body that came by BDAT and must be lines now. False: it cannot be. */
static bool
stuff_held_chunks(struct xo_relay *r, struct xo_buf *out)
{
	struct xo_span body = held_body(r), span;
	enum xo_content event;
	size_t n;

	while (body.len > 0) {
		event = xo_scan(&r->t.writer.scanner, body, &span, &n);
		body = xo_span_from(body, n);
		if (!writer_mends(r, event, &span))
			return false;
		if (event == XO_CONTENT_MORE)
			continue;
		if (xo_stuff(&r->t.writer.stuffer, span))
			xo_buf_add_byte(out, '.');
		xo_buf_add(out, span);
	}
	return true;
}

static void
held_to_data(struct xo_relay *r)
{
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;
	struct xo_span body = held_body(r), part;
	struct writer *w = &r->t.writer;
	bool is_clean = true;

	xo_stuff_text(&w->stuffer, xo_buf_span(&r->clean), out);
	if (r->t.content.is_chunked)
		is_clean = stuff_held_chunks(r, out);
	relay_send_end(r, XO_BACK, start);
	if (!is_clean)
		content_fail(r, XO_REFUSAL_CONTENT_NEEDS_CHUNKING);
	if (r->t.content.is_chunked)
		return;
	/* Most bodies have no line that begins with a dot: no need to look. */
	part = w->has_held_dot ? xo_stuff_free(&w->stuffer, body) : body;
	if (!w->has_held_dot)
		(void)xo_stuff(&w->stuffer, body);
	relay_send_span(r, XO_BACK, part);
	start = out->len;
	xo_stuff_text(&w->stuffer, xo_span_from(body, part.len), out);
	relay_send_end(r, XO_BACK, start);
}

void
writer_held(struct xo_relay *r)
{
	if (r->t.writer.uses_bdat)
		held_to_bdat(r);
	else
		held_to_data(r);
	if (r->out.sends.err != XO_OK && r->t.content.state == CONTENT_BODY)
		content_fail(r, XO_REFUSAL_MEMORY);
}

void
writer_span(struct xo_relay *r, struct xo_span span)
{
	if (!r->t.writer.uses_bdat && xo_stuff(&r->t.writer.stuffer, span))
		relay_send(r, XO_BACK, XO_LIT("."));
	relay_send_span(r, XO_BACK, span);
}

void
writer_end(struct xo_relay *r)
{
	if (!r->t.writer.uses_bdat) {
		struct xo_span span;

		if (r->t.content.is_chunked &&
		    xo_scan_has_open_cr(&r->t.writer.scanner)) {
			if (!writer_mends(r, XO_CONTENT_BARE_CR, &span)) {
				content_fail(r,
				    XO_REFUSAL_CONTENT_NEEDS_CHUNKING);
				return;
			}
			writer_span(r, span);
		}
		relay_send(r, XO_BACK, xo_stuff_end(&r->t.writer.stuffer));
	}
	back_expect(r, EXPECT_FINAL);
	/* LMTP: a reply for each (RFC 2033 4.2). */
	for (size_t i = 1; i < r->t.envelope.n_accepted &&
	    upstream_of(r)->protocol == XO_PROTOCOL_LMTP; i++)
		back_expect(r, EXPECT_FINAL);
	/* Its time runs from here, whatever was awaited before. */
	r->back.since = r->now;
}
