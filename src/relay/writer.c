/* SPDX-License-Identifier: ISC */
/*
 * Content to the next hop, in the framing it takes: BDAT for the client's own
 * chunks, which may hold what is no lines, and for a message that is here whole
 * if the final reply will be told from others (about.c); else DATA. This is the
 * one place where content is stuffed and where an end of data is written.
 */
#include "session.h"

void
writer_open(struct xo_relay *r)
{
	struct transaction *t = &r->t;

	bool is_single = !t->is_chunked || t->chunk.is_last;
	bool is_lmtp = upstream_of(r)->protocol == XO_PROTOCOL_LMTP;

	/* What comes by BDAT may yet turn out to be no lines. */
	t->uses_bdat = has_cap(r->back_caps, XO_CAP_CHUNKING) &&
	    (t->is_in_step ? t->is_chunked || t->is_complete :
	    t->is_chunked && about_can_prove(r));
	t->wants_hello = (t->uses_bdat && !(t->is_in_step && is_single)) ||
	    (is_lmtp && t->n_accepted > 1);
	if (t->uses_bdat) {
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

	if (!r->t.uses_bdat || (size == 0 && !is_last))
		return;
	(void)xo_buf_add_cstr(out, "BDAT ");
	(void)xo_buf_add_u64(out, size);
	(void)xo_buf_add_cstr(out, is_last ? " LAST\r\n" : "\r\n");
	relay_send_end(r, XO_BACK, start);
	r->t.has_chunk_out = true;
}

void
writer_chunk_end(struct xo_relay *r)
{
	if (r->t.has_chunk_out)
		back_expect(r, EXPECT_CHUNK);
	r->t.has_chunk_out = false;
}

static struct xo_span
held_body(const struct xo_relay *r)
{
	return xo_span_from(xo_buf_span(&r->header), r->t.header_len);
}

static void
held_to_bdat(struct xo_relay *r)
{
	struct transaction *t = &r->t;
	struct xo_span body = held_body(r);
	uint64_t size = r->clean.len + body.len;

	if (t->is_chunked)
		writer_chunk_begin(r, size + t->chunk_left, t->chunk.is_last);
	else
		writer_chunk_begin(r, size, true);
	relay_send_span(r, XO_BACK, xo_buf_span(&r->clean));
	relay_send_span(r, XO_BACK, body);
	/* The client's chunk ended while the next hop was awaited. */
	if (t->is_chunked && t->chunk_left == 0 && !t->chunk.is_last &&
	    r->state != FRONT_CHUNK)
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
		event = xo_scan(&r->t.rescanner, body, &span, &n);
		body = xo_span_from(body, n);
		if (!writer_mends(r, event, &span))
			return false;
		if (event == XO_CONTENT_MORE)
			continue;
		if (xo_stuff(&r->t.stuffer, span))
			(void)xo_buf_add_byte(out, '.');
		(void)xo_buf_add(out, span);
	}
	return true;
}

static void
held_to_data(struct xo_relay *r)
{
	struct xo_buf *out = relay_send_begin(r);
	size_t start = out->len;
	struct xo_span body = held_body(r), part;
	bool is_clean = true;

	(void)xo_stuff_text(&r->t.stuffer, xo_buf_span(&r->clean), out);
	if (r->t.is_chunked)
		is_clean = stuff_held_chunks(r, out);
	relay_send_end(r, XO_BACK, start);
	if (!is_clean)
		content_fail(r, XO_REFUSAL_CONTENT_NEEDS_CHUNKING);
	if (r->t.is_chunked)
		return;
	/* Most bodies have no line that begins with a dot: no need to look. */
	part = r->t.has_held_dot ? xo_stuff_free(&r->t.stuffer, body) : body;
	if (!r->t.has_held_dot)
		(void)xo_stuff(&r->t.stuffer, body);
	relay_send_span(r, XO_BACK, part);
	start = out->len;
	(void)xo_stuff_text(&r->t.stuffer, xo_span_from(body, part.len), out);
	relay_send_end(r, XO_BACK, start);
}

void
writer_held(struct xo_relay *r)
{
	if (r->t.uses_bdat)
		held_to_bdat(r);
	else
		held_to_data(r);
	if (r->sends.err != XO_OK && r->t.content == CONTENT_BODY)
		content_fail(r, XO_REFUSAL_MEMORY);
}

void
writer_span(struct xo_relay *r, struct xo_span span)
{
	if (!r->t.uses_bdat && xo_stuff(&r->t.stuffer, span))
		relay_send(r, XO_BACK, XO_LIT("."));
	relay_send_span(r, XO_BACK, span);
}

void
writer_end(struct xo_relay *r)
{
	if (!r->t.uses_bdat) {
		struct xo_span span;

		if (r->t.is_chunked && xo_scan_has_open_cr(&r->t.rescanner)) {
			if (!writer_mends(r, XO_CONTENT_BARE_CR, &span)) {
				content_fail(r,
				    XO_REFUSAL_CONTENT_NEEDS_CHUNKING);
				return;
			}
			writer_span(r, span);
		}
		relay_send(r, XO_BACK, xo_stuff_end(&r->t.stuffer));
	}
	back_expect(r, EXPECT_FINAL);
	/* LMTP: a reply for each (RFC 2033 4.2). */
	for (size_t i = 1; i < r->t.n_accepted &&
	    upstream_of(r)->protocol == XO_PROTOCOL_LMTP; i++)
		back_expect(r, EXPECT_FINAL);
	/* Its time runs from here, whatever was awaited before. */
	r->back_since = r->now;
}
