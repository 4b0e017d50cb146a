/* SPDX-License-Identifier: ISC */
/*
 * Message content between two framings (RFC 5321 4.5.2, RFC 3030).
 *
 * A scanner takes wire bytes and gives back spans of content without copying
 * them; a stuffer says where a dot must be added on the way out. Nothing that
 * is stuffed is ever passed on as it came: what leaves is unstuffed, checked
 * and stuffed again, so that the wire behind us holds no CR and no LF outside
 * CRLF and no end of data but ours.
 */
#ifndef XOORG_CONTENT_H
#define XOORG_CONTENT_H

#include <xoorg/bytes.h>

XO_API_BEGIN

enum xo_content {
	XO_CONTENT_MORE,	/* all input is used; nothing to pass on */
	XO_CONTENT_SPAN,	/* clean content */
	XO_CONTENT_BARE_CR,	/* one octet; passing it on is up to the caller */
	XO_CONTENT_BARE_LF,
	XO_CONTENT_NUL,
	XO_CONTENT_END,		/* CRLF . CRLF: only when stuffed */
};

/*
 * All-zero is ready for a message. `is_stuffed`: the input is DATA's; else
 * BDAT's, where a dot means nothing. The state outlives any border between two
 * inputs or two chunks.
 */
struct xo_scanner {
	bool is_stuffed;
	uint8_t state;
};

/*
 * The next event in `in`; *used_r octets are done with. A span may begin with a
 * dot only where its first line does: no other line in it starts with one, so
 * that a stuffer need look at the first octet alone. A span may begin or end
 * inside a line, but never between CR and LF. It points into `in` or to
 * constant bytes.
 *
 * A CR at the end of `in` is used and waits for what follows. If that is no LF,
 * XO_CONTENT_BARE_CR comes with *used_r 0 where the CR was the last octet of
 * the input before: call again with the same input, which then uses some. Zero
 * is thus no sign that input is missing; XO_CONTENT_MORE is.
 *
 * After BARE_CR, BARE_LF and NUL the scanner is inside a line, whatever the
 * caller makes of the octet: only CRLF begins a line, so that a dot after it is
 * content and not the end of data. A caller that refuses the message goes on
 * scanning to the true END; one that writes CRLF instead passes that CRLF to its
 * stuffer, which looks for itself.
 */
enum xo_content xo_scan(struct xo_scanner *scanner, struct xo_span in,
    struct xo_span *span_r, size_t *used_r);

/*
 * At the end of BDAT content: true if a CR still waits for its LF, and so was
 * bare.
 */
bool xo_scan_has_open_cr(const struct xo_scanner *scanner);

/* Index of the first NUL, CR or LF, or s.len. */
size_t xo_find_line_octet(struct xo_span s);
/* The same, octet by octet: for other machines, for the rest, and for tests. */
size_t xo_find_line_octet_plain(struct xo_span s);

/* All-zero is ready for a message. */
struct xo_stuffer {
	bool is_inside_line;
};

/*
 * True: a dot goes before `span`, which came from xo_scan(). Notes how the span
 * ends. An empty span changes nothing.
 */
bool xo_stuff(struct xo_stuffer *stuffer, struct xo_span span);

/*
 * What of `text`, any number of lines of ours, goes out before the first dot that
 * needs another; all of it if none does. Notes how that ends.
 */
struct xo_span xo_stuff_free(struct xo_stuffer *stuffer, struct xo_span text);

/* All of such text, copied to `out`. It may be cut anywhere, between CR and LF
 * too. */
void xo_stuff_text(struct xo_stuffer *stuffer, struct xo_span text,
    struct xo_buf *out);

/* The end of data, with a CRLF before it if the content lacks its own. */
struct xo_span xo_stuff_end(const struct xo_stuffer *stuffer);

XO_API_END

#endif
