/* SPDX-License-Identifier: ISC */
/*
 * The content scanner against a decoder that looks at one octet at a time, cut
 * in two places; and what is stuffed again is the same message with one end.
 */
#include <xoorg/content.h>

#include "fuzz.h"

/* What a message is, and which flaws it had. */
struct decoded {
	struct xo_buf text;
	size_t n_flaws;
	size_t end;			/* octets up to the end of data; 0: none */
};

/* Without states: the octets before are looked at again for each. */
static void
decode_plainly(struct xo_span in, bool is_stuffed, struct decoded *d)
{
	for (size_t i = 0; i < in.len; i++) {
		bool is_begin = i == 0 || (i > 1 && in.p[i - 1] == '\n' &&
		    in.p[i - 2] == '\r');
		bool has_cr = i > 0 && in.p[i - 1] == '\r';
		bool has_lf = i + 1 < in.len && in.p[i + 1] == '\n';

		if (is_stuffed && is_begin && in.p[i] == '.') {
			if (i + 2 < in.len && in.p[i + 1] == '\r' &&
			    in.p[i + 2] == '\n') {
				d->end = i + 3;
				return;
			}
			continue;
		}
		/* What the end cuts off is not known yet. */
		if (in.p[i] == '\r' && i + 1 == in.len)
			return;
		if ((in.p[i] == '\r' && !has_lf) || in.p[i] == '\0' ||
		    (in.p[i] == '\n' && !has_cr)) {
			d->n_flaws++;
			continue;
		}
		xo_buf_add_byte(&d->text, in.p[i]);
	}
}

static void
scan_part(struct xo_scanner *scanner, struct xo_stuffer *stuffer,
    struct xo_span in, size_t *used_r, struct decoded *d, struct xo_buf *wire)
{
	struct xo_span span;
	enum xo_content event = XO_CONTENT_SPAN;
	size_t n, idle = 0;

	while (in.len > 0 && event != XO_CONTENT_END) {
		event = xo_scan(scanner, in, &span, &n);
		MUST(n <= in.len && (n > 0 || idle++ == 0));
		if (n > 0)
			idle = 0;
		*used_r += n;
		in = xo_span_from(in, n);
		if (event == XO_CONTENT_SPAN) {
			MUST(span.len > 0);
			if (xo_stuff(stuffer, span))
				xo_buf_add_byte(wire, '.');
			xo_buf_add(wire, span);
			xo_buf_add(&d->text, span);
		} else if (event != XO_CONTENT_MORE &&
		    event != XO_CONTENT_END) {
			MUST(span.len == 0);
			d->n_flaws++;
		}
	}
	if (event == XO_CONTENT_END)
		d->end = *used_r;
}

/* The wire has one end of data, and it is the last. */
static void
check_wire(const struct decoded *d, struct xo_buf *wire)
{
	struct decoded again = {.n_flaws = 0};
	size_t len = d->text.len;

	decode_plainly(xo_buf_span(wire), true, &again);
	MUST(again.end == wire->len && again.n_flaws == 0);
	/* A final CRLF may have been added. */
	MUST(again.text.len == len || again.text.len == len + 2);
	MUST(len == 0 || memcmp(again.text.p, d->text.p, len) == 0);
	xo_buf_fini(&again.text);
}

static void
compare(struct xo_span in, bool is_stuffed, size_t one, size_t two)
{
	struct decoded want = {.n_flaws = 0}, got = {.n_flaws = 0};
	struct xo_scanner scanner = {.is_stuffed = is_stuffed};
	struct xo_stuffer stuffer = {false};
	struct xo_buf wire = {0};
	size_t used = 0;

	decode_plainly(in, is_stuffed, &want);
	scan_part(&scanner, &stuffer, xo_span_first(in, one), &used, &got,
	    &wire);
	if (got.end == 0 && one < in.len)
		scan_part(&scanner, &stuffer, xo_span_first(
		    xo_span(in.p + one, in.len - one), two), &used, &got,
		    &wire);
	if (got.end == 0 && one < in.len && two < in.len - one)
		scan_part(&scanner, &stuffer, xo_span(in.p + one + two,
		    in.len - one - two), &used, &got, &wire);
	MUST(got.end == want.end);
	MUST(got.n_flaws == want.n_flaws);
	MUST(xo_span_is_equal(xo_buf_span(&got.text), xo_buf_span(&want.text)));
	/* Flaws that were left out may have joined what is no line. */
	if (got.n_flaws == 0 && (got.end != 0 || !is_stuffed)) {
		xo_buf_add(&wire, xo_stuff_end(&stuffer));
		check_wire(&got, &wire);
	}
	xo_buf_fini(&wire);
	xo_buf_fini(&want.text);
	xo_buf_fini(&got.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);

	if (size < 2)
		return 0;
	in = xo_span_from(in, 2);
	compare(in, true, data[0], data[1]);
	compare(in, false, data[0], data[1]);
	MUST(xo_find_line_octet(in) == xo_find_line_octet_plain(in));
	return 0;
}
