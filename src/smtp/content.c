/* SPDX-License-Identifier: ISC */
/*
 * The content scanner and the stuffer. The body goes through here once, so the
 * scanner looks for line ends sixteen octets at a time where it can; everything
 * else is told from the few octets around them.
 */
#include <xoorg/content.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum scan_state {
	SCAN_BOL,	/* at the beginning of a line; first, for all-zero */
	SCAN_MID,	/* inside a line */
	SCAN_CR,	/* a CR was used; LF would complete the line end */
	SCAN_DOT,	/* a dot that begins a stuffed line was used */
	SCAN_DOT_CR,	/* and a CR behind it: LF would be the end of data */
};

static const uint8_t crlf[2] = {'\r', '\n'};

size_t
xo_find_line_octet_plain(struct xo_span s)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0')
		i++;
	return i;
}

#ifdef __SSE2__
size_t
xo_find_line_octet(struct xo_span s)
{
	const __m128i cr = _mm_set1_epi8('\r');
	const __m128i lf = _mm_set1_epi8('\n');
	const __m128i nul = _mm_setzero_si128();
	size_t i = 0;

	for (; s.len - i >= sizeof(cr); i += sizeof(cr)) {
		__m128i x = _mm_loadu_si128((const void *)(s.p + i));
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, nul),
		    _mm_or_si128(_mm_cmpeq_epi8(x, cr),
		    _mm_cmpeq_epi8(x, lf)));
		int mask = _mm_movemask_epi8(hit);

		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned int)mask);
	}
	return i + xo_find_line_octet_plain(xo_span_from(s, i));
}

#define BLOCK 64

/* All bits set where an octet, the one before it known, is no part of a run: a
 * LF without CR, a CR without LF, a NUL, a dot that begins a line. */
static __m128i
flaws(const uint8_t *p)
{
	const __m128i lf = _mm_set1_epi8('\n');
	__m128i x = _mm_loadu_si128((const void *)p);
	__m128i before = _mm_loadu_si128((const void *)(p - 1));
	__m128i ends = _mm_xor_si128(_mm_cmpeq_epi8(x, lf),
	    _mm_cmpeq_epi8(before, _mm_set1_epi8('\r')));
	__m128i dots = _mm_and_si128(_mm_cmpeq_epi8(before, lf),
	    _mm_cmpeq_epi8(x, _mm_set1_epi8('.')));

	return _mm_or_si128(_mm_or_si128(ends, dots),
	    _mm_cmpeq_epi8(x, _mm_setzero_si128()));
}

/* Whole blocks from in.p[at] on that are part of a run, where in.p[at - 1] is no
 * CR; most of a body goes this way. The end of them, never behind a CR. */
static size_t
blocks_end(struct xo_span in, size_t at)
{
	size_t i = at;

	for (; in.len - i >= BLOCK; i += BLOCK) {
		__m128i bad = _mm_or_si128(
		    _mm_or_si128(flaws(in.p + i), flaws(in.p + i + 16)),
		    _mm_or_si128(flaws(in.p + i + 32), flaws(in.p + i + 48)));

		if (_mm_movemask_epi8(bad) != 0)
			break;
	}
	return i > at && in.p[i - 1] == '\r' ? i - 1 : i;
}
#else
size_t
xo_find_line_octet(struct xo_span s)
{
	return xo_find_line_octet_plain(s);
}

static size_t
blocks_end(struct xo_span in, size_t at)
{
	(void)in;
	return at;
}
#endif

/*
 * The longest clean run from in.p[at] on, which begins as scanner->state says.
 * Returns where it ends and leaves the state there; a CR that ends the input
 * stays outside.
 */
static size_t
run_end(struct xo_scanner *scanner, struct xo_span in, size_t at)
{
	for (;;) {
		size_t i = at + xo_find_line_octet(xo_span_from(in, at));

		if (i > at)
			scanner->state = SCAN_MID;
		if (i + 1 >= in.len || in.p[i] != '\r' || in.p[i + 1] != '\n')
			return i;
		at = blocks_end(in, i + 2);
		scanner->state = in.p[at - 1] == '\n' ? SCAN_BOL : SCAN_MID;
		/* Drop or stuff: either way another span begins here. */
		if (at == in.len ||
		    (scanner->state == SCAN_BOL && in.p[at] == '.'))
			return at;
	}
}

/* The event of an octet that is no part of a run. */
static enum xo_content
flaw_of(struct xo_scanner *scanner, uint8_t c)
{
	scanner->state = SCAN_MID;
	if (c == '\n')
		return XO_CONTENT_BARE_LF;
	return c == '\0' ? XO_CONTENT_NUL : XO_CONTENT_BARE_CR;
}

/* From in.p[at], not behind a CR: a run, a flaw, or a CR that ends it all. */
static enum xo_content
scan_run(struct xo_scanner *scanner, struct xo_span in, size_t at,
    struct xo_span *span_r, size_t *used_r)
{
	size_t end = run_end(scanner, in, at);

	*used_r = end;
	if (end + 1 == in.len && in.p[end] == '\r') {
		scanner->state = SCAN_CR;
		*used_r = in.len;
		if (end == at)
			return XO_CONTENT_MORE;
	} else if (end == at) {
		*used_r = at + 1;
		return flaw_of(scanner, in.p[at]);
	}
	*span_r = xo_span(in.p + at, end - at);
	return XO_CONTENT_SPAN;
}

/* At in.p[at], behind a CR that was used. */
static enum xo_content
scan_behind_cr(struct xo_scanner *scanner, struct xo_span in, size_t at,
    struct xo_span *span_r, size_t *used_r)
{
	bool is_dot = scanner->state == SCAN_DOT_CR;

	*used_r = at;
	if (in.p[at] != '\n') {
		scanner->state = SCAN_MID;
		return XO_CONTENT_BARE_CR;
	}
	*used_r = at + 1;
	scanner->state = SCAN_BOL;
	if (is_dot)
		return XO_CONTENT_END;
	*span_r = xo_span(crlf, sizeof(crlf));
	return XO_CONTENT_SPAN;
}

enum xo_content
xo_scan(struct xo_scanner *scanner, struct xo_span in, struct xo_span *span_r,
    size_t *used_r)
{
	size_t at = 0;

	*span_r = xo_span(NULL, 0);
	if (scanner->is_stuffed && scanner->state == SCAN_BOL &&
	    in.len > 0 && in.p[0] == '.') {
		scanner->state = SCAN_DOT;
		at++;
	}
	if (scanner->state == SCAN_DOT && at < in.len) {
		scanner->state = SCAN_MID;
		if (in.p[at] == '\r') {
			scanner->state = SCAN_DOT_CR;
			at++;
		}
	}
	*used_r = at;
	if (at == in.len)
		return XO_CONTENT_MORE;
	if (scanner->state == SCAN_CR || scanner->state == SCAN_DOT_CR)
		return scan_behind_cr(scanner, in, at, span_r, used_r);
	return scan_run(scanner, in, at, span_r, used_r);
}

bool
xo_scan_has_open_cr(const struct xo_scanner *scanner)
{
	return scanner->state == SCAN_CR || scanner->state == SCAN_DOT_CR;
}

bool
xo_stuff(struct xo_stuffer *stuffer, struct xo_span span)
{
	bool needs_dot;

	if (span.len == 0)
		return false;
	needs_dot = !stuffer->is_inside_line && span.p[0] == '.';
	stuffer->is_inside_line = span.p[span.len - 1] != '\n';
	return needs_dot;
}

struct xo_span
xo_stuff_free(struct xo_stuffer *stuffer, struct xo_span text)
{
	bool is_inside = stuffer->is_inside_line;
	struct xo_span part;
	size_t n = 0;

	for (;; n++) {
		n += xo_span_find(xo_span_from(text, n), '.');
		if (n == text.len)
			break;
		if (n > 0 ? text.p[n - 1] == '\n' : !is_inside)
			break;
	}
	part = xo_span_first(text, n);
	(void)xo_stuff(stuffer, part);
	return part;
}

void
xo_stuff_text(struct xo_stuffer *stuffer, struct xo_span text,
    struct xo_buf *out)
{
	while (text.len > 0) {
		struct xo_span part = xo_stuff_free(stuffer, text);

		xo_buf_add(out, part);
		text = xo_span_from(text, part.len);
		if (text.len == 0)
			break;
		xo_buf_add(out, XO_LIT(".."));
		stuffer->is_inside_line = true;
		text = xo_span_from(text, 1);
	}
}

struct xo_span
xo_stuff_end(const struct xo_stuffer *stuffer)
{
	return stuffer->is_inside_line ? XO_LIT("\r\n.\r\n") : XO_LIT(".\r\n");
}
