/* SPDX-License-Identifier: ISC */
/*
 * The scanner and the stuffer: security 2.1, a.4, a.5. The scanner, fed in any
 * pieces, is held against a decoder that sees the whole input and looks ahead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/content.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROW(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define IN_MAX 64
#define ROUNDS 200000

/* What came out: content as itself behind a 'c', events as two letters. */
struct trace {
	char p[16 * IN_MAX];
	size_t len;
	size_t used;		/* input up to the end of data */
	bool has_end;
	bool has_open_cr;
};

static uint64_t random_state = 20260101;

static unsigned int
random_below(unsigned int n)
{
	random_state = random_state * 6364136223846793005U +
	    1442695040888963407U;
	return (unsigned int)(random_state >> 33) % n;
}

static void
put(struct trace *t, char kind, char c)
{
	assert_true(t->len + 2 <= sizeof(t->p));
	t->p[t->len++] = kind;
	t->p[t->len++] = c;
}

static void
decode(struct xo_span in, bool is_stuffed, struct trace *t)
{
	const char *s = (const char *)in.p;
	bool is_bol = true;
	size_t i = 0;

	memset(t, 0, sizeof(*t));
	while (i < in.len && !t->has_end) {
		size_t left = in.len - i;

		if (is_stuffed && is_bol && s[i] == '.') {
			if (left >= 3 && memcmp(s + i, ".\r\n", 3) == 0) {
				t->has_end = true;
				i += 3;
				continue;
			}
			i++;
			is_bol = false;
		} else if (left >= 2 && s[i] == '\r' && s[i + 1] == '\n') {
			put(t, 'c', '\r');
			put(t, 'c', '\n');
			i += 2;
			is_bol = true;
		} else if (s[i] == '\r' && left == 1) {
			t->has_open_cr = true;
			i++;
		} else {
			bool is_flaw = s[i] == '\r' || s[i] == '\n' ||
			    s[i] == '\0';

			put(t, is_flaw ? 'f' : 'c', s[i++]);
			is_bol = false;
		}
	}
	t->used = i;
}

static void
check_span(struct xo_span span)
{
	const char *s = (const char *)span.p;

	assert_true(span.len > 0);
	assert_true(s[0] != '\n' && s[span.len - 1] != '\r');
	for (size_t i = 0; i < span.len; i++) {
		assert_true(s[i] != '\0');
		assert_true(s[i] != '\r' || s[i + 1] == '\n');
		assert_true(s[i] != '\n' || s[i - 1] == '\r');
		assert_true(i == 0 || s[i] != '.' || s[i - 1] != '\n');
	}
}

static void
note(struct trace *t, enum xo_content event, struct xo_span span)
{
	switch (event) {
	case XO_CONTENT_SPAN:
		check_span(span);
		for (size_t i = 0; i < span.len; i++)
			put(t, 'c', (char)span.p[i]);
		break;
	case XO_CONTENT_BARE_CR:
		put(t, 'f', '\r');
		break;
	case XO_CONTENT_BARE_LF:
		put(t, 'f', '\n');
		break;
	case XO_CONTENT_NUL:
		put(t, 'f', '\0');
		break;
	case XO_CONTENT_END:
		t->has_end = true;
		break;
	case XO_CONTENT_MORE:
	default:
		break;
	}
}

/* One piece, to its end or the end of data. */
static void
scan_piece(struct xo_scanner *scanner, struct xo_span piece, struct trace *t)
{
	unsigned int zeros = 0;

	while (piece.len > 0 && !t->has_end) {
		struct xo_span span;
		size_t used;
		enum xo_content event = xo_scan(scanner, piece, &span, &used);

		assert_true(used <= piece.len);
		assert_true(event == XO_CONTENT_SPAN || span.len == 0);
		assert_true(event != XO_CONTENT_MORE || used == piece.len);
		assert_true(used > 0 || event == XO_CONTENT_BARE_CR);
		zeros = used > 0 ? 0 : zeros + 1;
		assert_true(zeros < 2);
		note(t, event, span);
		t->used += used;
		piece = xo_span_from(piece, used);
	}
}

static void
want_trace(struct xo_span in, const struct trace *got,
    const struct trace *want, size_t cut)
{
	if (got->len == want->len && got->used == want->used &&
	    got->has_end == want->has_end &&
	    got->has_open_cr == want->has_open_cr &&
	    memcmp(got->p, want->p, got->len) == 0)
		return;
	for (size_t i = 0; i < in.len; i++)
		print_message("%02x ", in.p[i]);
	fail_msg("cut %zu: got %zu octets, used %zu, end %d, CR %d; "
	    "want %zu, %zu, %d, %d", cut, got->len, got->used, got->has_end,
	    got->has_open_cr, want->len, want->used, want->has_end,
	    want->has_open_cr);
}

/* In pieces of `first` octets, then one of `second`, then the rest. */
static void
compare(struct xo_span in, bool is_stuffed, size_t first, size_t second)
{
	struct xo_scanner scanner = {.is_stuffed = is_stuffed};
	struct trace got, want;
	struct xo_span rest = xo_span_from(in, first);

	memset(&got, 0, sizeof(got));
	decode(in, is_stuffed, &want);
	scan_piece(&scanner, xo_span_first(in, first), &got);
	scan_piece(&scanner, xo_span_first(rest, second), &got);
	scan_piece(&scanner, xo_span_from(rest, second), &got);
	got.has_open_cr = xo_scan_has_open_cr(&scanner);
	want_trace(in, &got, &want, first);
}

static void
compare_all(struct xo_span in)
{
	for (size_t i = 0; i <= in.len; i++) {
		for (size_t j = 0; i + j <= in.len; j++) {
			compare(in, true, i, j);
			compare(in, false, i, j);
		}
	}
}

static void
compare_drip(struct xo_span in, bool is_stuffed)
{
	struct xo_scanner scanner = {.is_stuffed = is_stuffed};
	struct trace got, want;

	memset(&got, 0, sizeof(got));
	decode(in, is_stuffed, &want);
	for (size_t i = 0; i < in.len; i++)
		scan_piece(&scanner, xo_span(in.p + i, 1), &got);
	got.has_open_cr = xo_scan_has_open_cr(&scanner);
	want_trace(in, &got, &want, 1);
}

/* What each row must come to, said by hand. */
static void
test_rows(void **state)
{
	static const struct {
		const char *id;
		struct xo_span in;
		struct xo_span content;	/* flaws left out */
		size_t flaws;
		bool has_end;
	} rows[] = {
		{"plain", ROW("x\r\n.\r\n"), ROW("x\r\n"), 0, true},
		{"E50", ROW(".\r\n"), ROW(""), 0, true},
		{"E51", ROW("..\r\n...\r\n.x\r\n.\r\n"),
		    ROW(".\r\n..\r\nx\r\n"), 0, true},
		{"E46", ROW("x\r\n..\r\n"), ROW("x\r\n.\r\n"), 0, false},
		{"E45", ROW("x\r\n\0.\r\n"), ROW("x\r\n.\r\n"), 1, false},
		{"LF.LF", ROW("x\n.\n"), ROW("x."), 2, false},
		{"LF.CRLF", ROW("x\n.\r\n"), ROW("x.\r\n"), 1, false},
		{"CR.CRLF", ROW("x\r.\r\n"), ROW("x.\r\n"), 1, false},
		{"CR.CR", ROW("x\r.\ry"), ROW("x.y"), 2, false},
		{"CRLF.LF", ROW("x\r\n.\n"), ROW("x\r\n"), 1, false},
		{"CRLF.CR", ROW("x\r\n.\ry"), ROW("x\r\ny"), 1, false},
		{"CRLF.CRCRLF", ROW("x\r\n.\r\r\n"), ROW("x\r\n\r\n"), 1,
		    false},
		{"CRCRLF.CRLF", ROW("x\r\r\n.\r\n"), ROW("x\r\n"), 1, true},
		{"CRCRLF.CRCRLF", ROW("x\r\r\n.\r\r\n"), ROW("x\r\n\r\n"), 2,
		    false},
		{"LFCR.CRLF", ROW("x\n\r.\r\n"), ROW("x.\r\n"), 2, false},
		{"E04", ROW("x\r\n.\0\r\n"), ROW("x\r\n\r\n"), 1, false},
		{"E05", ROW("x\r\n. \r\n"), ROW("x\r\n \r\n"), 0, false},
		{"E06", ROW("x\r\n.\t\r\n"), ROW("x\r\n\t\r\n"), 0, false},
		{"E08", ROW("x\r\n.\x85\r\n"), ROW("x\r\n\x85\r\n"), 0,
		    false},
		{"E47", ROW("a\nb\r\n.\r\n"), ROW("ab\r\n"), 1, true},
		{"E48", ROW("a\rb\r\n.\r\n"), ROW("ab\r\n"), 1, true},
		{"behind a flaw", ROW("a\n.\r\n.\r\n"), ROW("a.\r\n"), 1,
		    true},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_scanner scanner = {.is_stuffed = true};
		struct trace got;
		size_t n = 0, flaws = 0;

		memset(&got, 0, sizeof(got));
		scan_piece(&scanner, rows[i].in, &got);
		for (size_t j = 0; j < got.len; j += 2) {
			if (got.p[j] == 'f')
				flaws++;
			else
				got.p[n++] = got.p[j + 1];
		}
		if (!xo_span_is_equal(xo_span(got.p, n), rows[i].content) ||
		    flaws != rows[i].flaws || got.has_end != rows[i].has_end)
			fail_msg("%s: got '%.*s', %zu flaws, end %d",
			    rows[i].id, (int)n, got.p, flaws, got.has_end);
		compare_all(rows[i].in);
		compare_drip(rows[i].in, true);
		compare_drip(rows[i].in, false);
	}
}

/* The product of security 2.1: only the true end ends. */
static void
test_ends(void **state)
{
	static const struct xo_span fronts[] = {
		ROW("\r\n"), ROW("\n"), ROW("\r"), ROW("\r\r\n"), ROW("\n\r"),
		ROW("\r\n\0"),
	};
	static const struct xo_span backs[] = {
		ROW("\r\n"), ROW("\n"), ROW("\r"), ROW("\r\r\n"),
		ROW("\0\r\n"), ROW(" \r\n"), ROW("\t\r\n"), ROW("\r \n"),
		ROW("\x85\r\n"),
	};
	static const struct xo_span rest = ROW("MAIL FROM:<s>\r\n.\r\n");
	struct xo_buf b = {.max = 0};
	struct trace t;

	(void)state;
	for (size_t i = 0; i < N(fronts) * N(backs); i++) {
		size_t front = i / N(backs), back = i % N(backs);
		bool is_true_end = back == 0 && (front == 0 || front == 3);

		xo_buf_clear(&b);
		xo_buf_add_byte(&b, 'x');
		xo_buf_add(&b, fronts[front]);
		xo_buf_add_byte(&b, '.');
		xo_buf_add(&b, backs[back]);
		xo_buf_add(&b, rest);
		assert_int_equal(b.err, XO_OK);
		decode(xo_buf_span(&b), true, &t);
		assert_true(t.has_end);
		assert_int_equal(t.used,
		    is_true_end ? b.len - rest.len : b.len);
		compare_all(xo_buf_span(&b));
		compare_drip(xo_buf_span(&b), true);
	}
	xo_buf_fini(&b);
}

static size_t
random_input(uint8_t *in)
{
	static const uint8_t octets[] = {'\r', '\n', '.', 'x', '\0', '\r'};
	size_t len = random_below(IN_MAX / 2);

	for (size_t i = 0; i < len; i++) {
		/* CRLF often, so that lines begin. */
		if (random_below(3) == 0 && i + 1 < len) {
			in[i++] = '\r';
			in[i] = '\n';
		} else {
			in[i] = octets[random_below(N(octets))];
		}
	}
	return len;
}

static void
test_random(void **state)
{
	uint8_t in[IN_MAX];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = random_input(in);
		size_t first = random_below((unsigned int)len + 1);
		size_t second = random_below((unsigned int)len + 1);

		compare(xo_span(in, len), i % 2 == 0, first, second);
		if (i % 8 == 0)
			compare_drip(xo_span(in, len), i % 16 == 0);
	}
}

/* Through scanner and stuffer, in pieces; flaws become CRLF. */
static void
restuff(struct xo_span in, bool is_stuffed, size_t cut, struct xo_buf *wire,
    struct xo_buf *content)
{
	struct xo_scanner scanner = {.is_stuffed = is_stuffed};
	struct xo_stuffer stuffer = {.is_inside_line = false};
	struct xo_span pieces[2] = {xo_span_first(in, cut),
		xo_span_from(in, cut)};
	enum xo_content event = XO_CONTENT_MORE;

	for (size_t i = 0; i < 2; i++) {
		while (pieces[i].len > 0 && event != XO_CONTENT_END) {
			struct xo_span span;
			size_t used;

			event = xo_scan(&scanner, pieces[i], &span, &used);
			pieces[i] = xo_span_from(pieces[i], used);
			if (event != XO_CONTENT_SPAN &&
			    event != XO_CONTENT_MORE &&
			    event != XO_CONTENT_END)
				span = XO_LIT("\r\n");
			if (xo_stuff(&stuffer, span))
				xo_buf_add_byte(wire, '.');
			xo_buf_add(wire, span);
			xo_buf_add(content, span);
		}
	}
	if (stuffer.is_inside_line)
		xo_buf_add_cstr(content, "\r\n");
	xo_buf_add(wire, xo_stuff_end(&stuffer));
	assert_int_equal(wire->err, XO_OK);
}

/*
 * What leaves has one end of data, at its end, no bare CR or LF, and is the
 * content again when it is read by the decoder.
 */
static void
test_wire(void **state)
{
	struct xo_buf wire = {.max = 0}, content = {.max = 0};
	uint8_t in[IN_MAX];

	(void)state;
	for (int i = 0; i < ROUNDS / 4; i++) {
		size_t len = random_input(in), n = 0;
		struct trace t;

		xo_buf_clear(&wire);
		xo_buf_clear(&content);
		restuff(xo_span(in, len), i % 2 == 0,
		    random_below((unsigned int)len + 1), &wire, &content);
		decode(xo_buf_span(&wire), true, &t);
		assert_true(t.has_end);
		assert_int_equal(t.used, wire.len);
		for (size_t j = 0; j < t.len; j += 2) {
			assert_int_equal(t.p[j], 'c');
			t.p[n++] = t.p[j + 1];
		}
		assert_true(xo_span_is_equal(xo_span(t.p, n),
		    xo_buf_span(&content)));
		for (size_t j = 0; j < wire.len; j++)
			assert_true(wire.p[j] != '\n' || (j > 0 &&
			    wire.p[j - 1] == '\r'));
	}
	xo_buf_fini(&wire);
	xo_buf_fini(&content);
}

static void
test_stuff(void **state)
{
	struct xo_stuffer s = {.is_inside_line = false};

	(void)state;
	assert_false(xo_stuff(&s, xo_span(NULL, 0)));
	assert_false(s.is_inside_line);
	assert_true(xo_span_is_equal(xo_stuff_end(&s), XO_LIT(".\r\n")));
	assert_true(xo_stuff(&s, XO_LIT(".")));
	assert_true(s.is_inside_line);
	assert_false(xo_stuff(&s, XO_LIT(".")));
	assert_false(xo_stuff(&s, xo_span(NULL, 0)));
	assert_true(s.is_inside_line);
	assert_true(xo_span_is_equal(xo_stuff_end(&s), XO_LIT("\r\n.\r\n")));
	assert_false(xo_stuff(&s, XO_LIT("\r\n")));
	assert_true(xo_stuff(&s, XO_LIT(".\r\n")));
	assert_true(xo_stuff(&s, XO_LIT("..\r\n")));
	assert_false(xo_stuff(&s, XO_LIT("x.\r\ny")));
	assert_true(s.is_inside_line);
}

static void
test_stuff_text(void **state)
{
	static const struct xo_span text =
	    ROW(".\r\n..\r\na.\r\n\r\n.b\r\nc");
	static const char want[] = "..\r\n...\r\na.\r\n\r\n..b\r\nc";
	struct xo_buf b = {.max = 0};

	(void)state;
	for (size_t cut = 0; cut <= text.len; cut++) {
		struct xo_stuffer s = {.is_inside_line = false};

		xo_buf_clear(&b);
		xo_stuff_text(&s, xo_span_first(text, cut),
		    &b);
		assert_int_equal(b.err, XO_OK);
		xo_stuff_text(&s, xo_span_from(text, cut),
		    &b);
		assert_int_equal(b.err, XO_OK);
		assert_true(s.is_inside_line);
		if (!xo_span_is_equal(xo_buf_span(&b),
		    xo_span_from_cstr(want)))
			fail_msg("cut at %zu: got '%.*s'", cut, (int)b.len,
			    (const char *)b.p);
	}
	xo_buf_fini(&b);
}

/* Each way of finding against the other, at every offset and length. */
static void
test_find(void **state)
{
	uint8_t *p = malloc(100);

	(void)state;
	assert_non_null(p);
	assert_int_equal(xo_find_line_octet(xo_span(NULL, 0)), 0);
	for (unsigned int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 100; at++) {
			size_t want = c == 0 || c == 10 || c == 13 ? at : 100;

			memset(p, c == 'x' ? 'y' : 'x', 100);
			p[at] = (uint8_t)c;
			assert_int_equal(xo_find_line_octet(xo_span(p, 100)),
			    want);
			assert_int_equal(xo_find_line_octet_plain(
			    xo_span(p, 100)), want);
		}
	}
	for (int i = 0; i < 20000; i++) {
		size_t start = random_below(100);
		size_t len = random_below((unsigned int)(101 - start));
		struct xo_span s = xo_span(p + start, len);

		p[random_below(100)] = (uint8_t)random_below(40);
		p[random_below(100)] = 'x';
		assert_int_equal(xo_find_line_octet(s),
		    xo_find_line_octet_plain(s));
	}
	free(p);
}

/* All that a scanner says of `in`, given to it in pieces of `piece` octets. */
static void
tell(struct xo_span in, bool is_stuffed, size_t piece, struct xo_buf *out)
{
	struct xo_scanner scanner = {.is_stuffed = is_stuffed};
	size_t at = 0, used;
	struct xo_span span;

	xo_buf_clear(out);
	while (at < in.len) {
		enum xo_content event = xo_scan(&scanner, xo_span_first(
		    xo_span_from(in, at), piece), &span, &used);

		at += used;
		if (event == XO_CONTENT_SPAN) {
			for (size_t i = 2; i < span.len; i++)
				assert_false(span.p[i] == '.' &&
				    span.p[i - 1] == '\n');
			xo_buf_add(out, span);
		} else if (event != XO_CONTENT_MORE) {
			xo_buf_add_byte(out, (uint8_t)(0xf0 + event));
		}
		if (event == XO_CONTENT_END)
			break;
	}
}

/* Many octets at a time against one: lines, ends and flaws wherever they fall. */
static void
test_blocks(void **state)
{
	static const struct xo_span pieces[] = {
		ROW("\r\n"), ROW("\r\n"), ROW("\r\n"), ROW("\r\n."),
		ROW("\r\n.."), ROW("\r\n.\r\n"), ROW("\n"), ROW("\r"),
		ROW("\0"), ROW("\n."), ROW("."),
	};
	struct xo_buf in = {0}, whole = {0}, bytes = {0};

	(void)state;
	for (int round = 0; round < 20000; round++) {
		/* Flawless ones, and those with flaws. */
		unsigned int kinds = round % 2 == 0 ? 5 : (unsigned int)N(pieces);

		xo_buf_clear(&in);
		while (in.len < 300) {
			for (unsigned int n = random_below(150); n > 0; n--)
				xo_buf_add_byte(&in, 'x');
			xo_buf_add(&in, pieces[random_below(kinds)]);
		}
		for (int is_stuffed = 0; is_stuffed < 2; is_stuffed++) {
			tell(xo_buf_span(&in), is_stuffed, SIZE_MAX, &whole);
			tell(xo_buf_span(&in), is_stuffed, 1, &bytes);
			if (!xo_span_is_equal(xo_buf_span(&whole),
			    xo_buf_span(&bytes)))
				fail_msg("round %d: '%.*s'", round, (int)in.len,
				    (const char *)in.p);
		}
	}
	xo_buf_fini(&in);
	xo_buf_fini(&whole);
	xo_buf_fini(&bytes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_stuff),
		cmocka_unit_test(test_stuff_text),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
