/* SPDX-License-Identifier: ISC */
/*
 * One message through the relay, whatever its body: DATA or chunks come in, DATA
 * or chunks go out, cut anywhere. The first octets choose:
 *
 *   0  how it comes and goes    1, 2  where the client's and the next hop's
 *   3  where chunks end               octets are cut
 *
 * The body is judged here octet by octet: if it can be said in the framing that
 * goes out it must arrive, once and unchanged; else it must not, and the client
 * must not be told that it did.
 */
#include <unit/relay_watch.h>

#include "fuzz.h"

#define OPTIONS 4
#define HEADER "Subject: x\r\n\r\n"

static bool
is_lines(struct xo_span body)
{
	for (size_t i = 0; i < body.len; i++) {
		if (body.p[i] == '\0' || (body.p[i] == '\n' &&
		    (i == 0 || body.p[i - 1] != '\r')) ||
		    (body.p[i] == '\r' && (i + 1 == body.len ||
		    body.p[i + 1] != '\n')))
			return false;
	}
	return true;
}

static void
write_data(struct xo_buf *out, struct xo_span body)
{
	bool is_begin = true;

	xo_buf_add_cstr(out, HEADER);
	for (size_t i = 0; i < body.len; i++) {
		if (is_begin && body.p[i] == '.')
			xo_buf_add_byte(out, '.');
		xo_buf_add_byte(out, body.p[i]);
		is_begin = body.p[i] == '\n' && i > 0 && body.p[i - 1] == '\r';
	}
	xo_buf_add_cstr(out, is_begin ? ".\r\n" : "\r\n.\r\n");
}

static void
write_chunks(struct xo_buf *out, struct xo_span body, size_t size)
{
	struct xo_buf all = {0};
	struct xo_span rest;
	size_t n;

	xo_buf_add_cstr(&all, HEADER);
	xo_buf_add(&all, body);
	rest = xo_buf_span(&all);
	do {
		n = size == 0 || rest.len < size ? rest.len : size;
		xo_buf_add_cstr(out, "BDAT ");
		xo_buf_add_u64(out, n);
		xo_buf_add_cstr(out, n == rest.len ? " LAST\r\n" :
		    "\r\n");
		xo_buf_add(out, xo_span_first(rest, n));
		rest = xo_span_from(rest, n);
		/* An even size grows, so that few chunks do. */
		size += size % 2 == 0 ? size : 0;
	} while (rest.len > 0);
	xo_buf_fini(&all);
}

static struct xo_span
body_of(const struct commit *c)
{
	struct xo_span all = xo_buf_span(&c->content);
	const uint8_t *end = memmem(all.p, all.len, "\r\n\r\n", 4);

	MUST(end != NULL);
	return xo_span_from(all, (size_t)(end - all.p) + 4);
}

static void
check(struct world *w, struct xo_span body, bool by_data)
{
	struct xo_span got;
	bool is_sayable = is_lines(body) || (!by_data &&
	    xo_caps_has(&w->hop.caps, XO_CAP_CHUNKING));

	MUST(w->n_commits == (is_sayable ? 1 : 0));
	MUST((w->last_code == 250) == is_sayable);
	if (!is_sayable)
		return;
	got = body_of(&w->commits[0]);
	/* What does not end a line gets its end, once, where lines count. */
	if (got.len == body.len + 2)
		MUST((by_data || w->commits[0].by_data) &&
		    memcmp(got.p + body.len, "\r\n", 2) == 0 &&
		    (body.len == 0 || body.p[body.len - 1] != '\n'));
	got = xo_span_first(got, body.len);
	MUST(xo_span_is_equal(got, body));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const caps[] = {
		"", "CHUNKING DSN", "PIPELINING", "PIPELINING CHUNKING"
	};
	static struct world w;
	static struct watch watch;
	struct world_options options = {
		.limits = {.recipients = 10, .errors = 50, .resets = 50,
		    .empty_chunks = 50, .header_octets = 5000,
		    .header_fields = 50, .data_rate = 1, .data_grace = 60000,
		    .load_timeout = 10000, .command_timeout = 10000,
		    .request_timeout = 10000, .handshake_timeout = 10000,
		    .content_timeout = 10000, .mail_timeout = 10000,
		    .data_timeout = 10000, .final_timeout = 10000},
		.watch = &watch.hook,
	};
	struct xo_buf wire = {0};
	struct xo_span body;
	bool by_data;

	if (size < OPTIONS)
		return 0;
	body = xo_span(data + OPTIONS, size - OPTIONS);
	by_data = (data[0] & 1) != 0;
	options.caps = caps[(data[0] >> 1) & 3];
	options.is_front_bytewise = (data[0] & 8) != 0;
	options.is_hop_first = (data[0] & 16) != 0;
	options.front_cut = data[1] == 0 ? 0 : 100U + data[1];
	options.hop_cut = data[2];
	watch_init(&watch, &w);
	MUST(world_init(&w, &options));
	world_say(&w, "EHLO c\r\n");
	world_say(&w, "MAIL FROM:<a@b>\r\n");
	world_say(&w, "RCPT TO:<b@contoso.com>\r\n");
	if (by_data) {
		world_say(&w, "DATA\r\n");
		write_data(&wire, body);
	} else {
		write_chunks(&wire, body, data[3]);
	}
	world_send(&w, xo_buf_span(&wire));
	if (w.violation[0] != '\0') {
		fprintf(stderr, "%s\n%.*s", w.violation, (int)w.transcript.len,
		    (const char *)w.transcript.p);
		abort();
	}
	check(&w, body, by_data);
	xo_buf_fini(&wire);
	world_fini(&w);
	watch_fini(&watch);
	return 0;
}
