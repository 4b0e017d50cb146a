/* SPDX-License-Identifier: ISC */
/* Spans and buffers, and memory that runs out at every place it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/param.h>
#include <xoorg/reply.h>
#include <xoorg/xtext.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The linker sends the library's realloc() here. */
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned int fail_at;	/* 0: never */

void *
__wrap_realloc(void *p, size_t size)
{
	if (fail_at > 0 && --fail_at == 0)
		return NULL;
	return __real_realloc(p, size);
}

static struct xo_span
text(const char *s)
{
	return xo_span_from_cstr(s);
}

static void
test_ascii(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		bool is_upper = c >= 'A' && c <= 'Z';
		bool is_lower = c >= 'a' && c <= 'z';
		bool is_digit = c >= '0' && c <= '9';
		int hex = -1;

		if (is_digit)
			hex = (int)c - '0';
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			hex = (int)(c | 0x20) - 'a' + 10;
		assert_int_equal(xo_ascii_lower((uint8_t)c),
		    is_upper ? c + 32 : c);
		assert_int_equal(xo_ascii_is_alpha((uint8_t)c),
		    is_upper || is_lower);
		assert_int_equal(xo_ascii_is_digit((uint8_t)c), is_digit);
		assert_int_equal(xo_ascii_hex_value((uint8_t)c), hex);
	}
}

static void
test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_equal, is_equal_nocase, has_prefix_nocase;
	} rows[] = {
		{"", "", true, true, true},
		{"a", "", false, false, true},
		{"", "a", false, false, false},
		{"XOORG", "xoorg", false, true, true},
		{"XOORG", "XOORG", true, true, true},
		{"XOORG=a", "xoorg", false, false, true},
		{"@", "`", false, false, false},
		{"[", "{", false, false, false},
		{"\xc4", "\xe4", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span a = text(rows[i].a), b = text(rows[i].b);

		assert_int_equal(xo_span_is_equal(a, b), rows[i].is_equal);
		assert_int_equal(xo_span_is_equal_nocase(a, b),
		    rows[i].is_equal_nocase);
		assert_int_equal(xo_span_has_prefix_nocase(a, b),
		    rows[i].has_prefix_nocase);
	}
	assert_false(xo_span_is_equal(xo_span("a\0b", 3), xo_span("a\0c", 3)));
}

static void
test_cut(void **state)
{
	struct xo_span s = XO_LIT(" \t a b\t ");

	(void)state;
	assert_true(xo_span_is_equal(xo_span_trim(s), XO_LIT("a b")));
	assert_int_equal(xo_span_trim(XO_LIT(" \t ")).len, 0);
	assert_int_equal(xo_span_trim(xo_span(NULL, 0)).len, 0);
	assert_int_equal(xo_span_find(s, 'b'), 5);
	assert_int_equal(xo_span_find(s, 'x'), s.len);
	assert_int_equal(xo_span_find(xo_span(NULL, 0), 'x'), 0);
	assert_int_equal(xo_span_from(s, s.len).len, 0);
	assert_int_equal(xo_span_from(s, 100).len, 0);
	assert_int_equal(xo_span_first(s, 100).len, s.len);
}

static void
test_u64(void **state)
{
	static const struct {
		const char *in;
		enum xo_err err;
		uint64_t n;
	} rows[] = {
		{"0", XO_OK, 0},
		{"007", XO_OK, 7},
		{"4294967301", XO_OK, 4294967301},
		{"9999999999999999999", XO_OK, 9999999999999999999U},
		{"18446744073709551616", XO_ERR_LIMIT, 0},
		{"00000000000000000001", XO_ERR_LIMIT, 0},
		{"", XO_ERR_SYNTAX, 0},
		{"+5", XO_ERR_SYNTAX, 0},
		{"-1", XO_ERR_SYNTAX, 0},
		{"0x10", XO_ERR_SYNTAX, 0},
		{"1e3", XO_ERR_SYNTAX, 0},
		{" 5", XO_ERR_SYNTAX, 0},
		{"5 ", XO_ERR_SYNTAX, 0},
		{"\xd9\xa5", XO_ERR_SYNTAX, 0},
		{"18446744073709551616x", XO_ERR_SYNTAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		uint64_t got = 0;
		enum xo_err err = xo_span_to_u64(text(rows[i].in), &got);

		if (err != rows[i].err || got != rows[i].n)
			fail_msg("%s: got %d %llu", rows[i].in, err,
			    (unsigned long long)got);
	}
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *in;
		size_t want;
	} rows[] = {
		{"", 0}, {"a", 1}, {"\x7f", 1},
		{"\xc3\xb6x", 2}, {"\xc2\xa0", 2}, {"\xdf\xbf", 2},
		{"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3}, {"\xef\xbf\xbf", 3},
		{"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4},
		/* C1, lone tail, overlong, surrogate, too high, cut */
		{"\xc2\x85", 0}, {"\x80", 0}, {"\xbf", 0}, {"\xc0\xae", 0},
		{"\xc1\xbf", 0}, {"\xe0\x9f\xbf", 0}, {"\xed\xa0\x80", 0},
		{"\xf0\x8f\xbf\xbf", 0}, {"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0}, {"\xff", 0}, {"\xc3", 0},
		{"\xe2\x82", 0}, {"\xf0\x90\x80", 0}, {"\xc3" "a", 0},
		{"\xe2\x82" "a", 0}, {"\xe2" "a\xac", 0},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t got = xo_utf8_len(text(rows[i].in));

		if (got != rows[i].want)
			fail_msg("row %zu: got %zu, want %zu", i, got,
			    rows[i].want);
	}
	/* What stands behind the span is none of its octets. */
	assert_int_equal(xo_utf8_len(xo_span("\xc3\xb6", 1)), 0);
	assert_int_equal(xo_utf8_len(xo_span("\xe2\x82\xac", 2)), 0);
}

static void
test_utf8_code(void **state)
{
	static const struct {
		const char *in;
		size_t want;
		uint32_t code;
	} rows[] = {
		{"a", 1, 'a'}, {"\xc2\x85", 2, 0x85}, {"\xc3\xb6x", 2, 0xf6},
		{"\xe2\x82\xac", 3, 0x20ac}, {"\xf0\x9f\x98\x80", 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		/* Left alone. */
		{"", 0, 7}, {"\x80", 0, 7}, {"\xc0\xae", 0, 7},
		{"\xed\xa0\x80", 0, 7}, {"\xf4\x90\x80\x80", 0, 7},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		uint32_t code = 7;

		assert_int_equal(xo_utf8_first(text(rows[i].in), &code),
		    rows[i].want);
		assert_int_equal(code, rows[i].code);
	}
}

static void
want_buf(const struct xo_buf *b, const char *want)
{
	if (!xo_span_is_equal(xo_buf_span(b), text(want)))
		fail_msg("got '%.*s', want '%s'", (int)b->len,
		    (const char *)b->p, want);
}

static void
test_buf_writes(void **state)
{
	struct xo_buf b = {.max = 0};

	(void)state;
	xo_buf_add(&b, xo_span(NULL, 0));
	assert_int_equal(b.err, XO_OK);
	assert_int_equal(b.len, 0);
	xo_buf_add_cstr(&b, "a");
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_byte(&b, '=');
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_u64(&b, 0);
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_byte(&b, ' ');
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_u64(&b, UINT64_MAX);
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_byte(&b, ' ');
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_padded(&b, 7, 3);
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_padded(&b, 1234, 2);
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_all(&b, "<", "b", ">", (char *)NULL);
	assert_int_equal(b.err, XO_OK);
	want_buf(&b, "a=0 18446744073709551615 0071234<b>");
	xo_buf_consume(&b, 4);
	want_buf(&b, "18446744073709551615 0071234<b>");
	xo_buf_consume(&b, 1000);
	want_buf(&b, "");
	xo_buf_add_printable(&b,
	    xo_span("a b\"c\\\r\n\0\x1b\xc3" "d~efgh", 16), 13);
	assert_int_equal(b.err, XO_OK);
	want_buf(&b, "a?b?c??????d~");
	xo_buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_true(b.cap > 0);
	xo_buf_fini(&b);
	xo_buf_fini(&b);
	assert_null(b.p);
}

static void
test_buf_limit(void **state)
{
	struct xo_buf b = {.max = 5};

	(void)state;
	xo_buf_add_cstr(&b, "abc");
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_cstr(&b, "def");
	assert_int_equal(b.err, XO_ERR_LIMIT);
	want_buf(&b, "abc");
	/* It sticks, though this would fit. */
	xo_buf_add_cstr(&b, "d");
	assert_int_equal(b.err, XO_ERR_LIMIT);
	xo_buf_add(&b, xo_span(NULL, 0));
	assert_int_equal(b.err, XO_ERR_LIMIT);
	assert_null(xo_buf_reserve(&b, 0));
	want_buf(&b, "abc");
	xo_buf_clear(&b);
	xo_buf_add_cstr(&b, "abcde");
	assert_int_equal(b.err, XO_OK);
	xo_buf_add_byte(&b, 'f');
	assert_int_equal(b.err, XO_ERR_LIMIT);
	xo_buf_clear(&b);
	xo_buf_add_all(&b, "abc", "def", (char *)NULL);
	assert_int_equal(b.err, XO_ERR_LIMIT);
	want_buf(&b, "");
	xo_buf_clear(&b);
	assert_null(xo_buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, XO_ERR_LIMIT);
	xo_buf_fini(&b);
	xo_buf_add_byte(&b, 'x');
	assert_int_equal(b.err, XO_OK);
	b.max = 0;
	assert_null(xo_buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, XO_ERR_LIMIT);
	xo_buf_fini(&b);
}

/* Appends that need memory several times over. */
static enum xo_err
write_much(struct xo_buf *b)
{
	static const uint8_t zeros[300];

	xo_buf_add(b, xo_span(zeros, sizeof(zeros)));
	xo_buf_add_u64(b, 5);
	xo_buf_add_printable(b, xo_span(zeros, sizeof(zeros)), 300);
	xo_xtext_encode(b, xo_span(zeros, sizeof(zeros)));
	for (int i = 0; i < XO_REFUSAL_COUNT; i++)
		xo_refusal_write(b, (enum xo_refusal)i);
	(void)xo_params_write(b, XO_LIT(" SIZE=5"), XO_CAP_BIT(XO_CAP_SIZE),
	    NULL);
	return b->err;
}

static enum xo_err
read_much(struct xo_buf *unused)
{
	struct xo_reply reply = {.code = 0};
	enum xo_err err = XO_MORE;
	size_t used;

	(void)unused;
	for (int i = 0; i < 50 && err == XO_MORE; i++)
		err = xo_reply_read(&reply,
		    XO_LIT("250-some words of a server\r\n"), 100000, &used);
	if (err == XO_MORE)
		err = xo_reply_read(&reply, XO_LIT("250 end\r\n"), 100000,
		    &used);
	xo_reply_fini(&reply);
	return err;
}

static void
fail_nth(enum xo_err (*work)(struct xo_buf *b))
{
	unsigned int n;

	for (n = 1; n < 1000; n++) {
		struct xo_buf b = {.max = 0};
		enum xo_err err;

		fail_at = n;
		err = work(&b);
		if (fail_at > 0) {
			/* There were fewer than n. */
			fail_at = 0;
			assert_int_equal(err, XO_OK);
			xo_buf_fini(&b);
			break;
		}
		assert_int_equal(err, XO_ERR_MEMORY);
		assert_true(b.len <= b.cap);
		xo_buf_fini(&b);
	}
	assert_in_range(n, 3, 999);
}

static void
test_memory(void **state)
{
	(void)state;
	fail_nth(write_much);
	fail_nth(read_much);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_code),
		cmocka_unit_test(test_buf_writes),
		cmocka_unit_test(test_buf_limit),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
