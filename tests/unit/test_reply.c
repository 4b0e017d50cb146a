/* SPDX-License-Identifier: ISC */
/* Replies, read and written: security a.8 U04 to U06, section (b). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/reply.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROW(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define MAX 64

static const struct {
	const char *id;
	struct xo_span in;
	enum xo_err err;
	uint16_t code;
	const char *text;
	size_t used;		/* of a whole reply */
} rows[] = {
	{"plain", ROW("250 ok\r\n"), XO_OK, 250, "ok", 8},
	{"and more", ROW("220 go\r\n250-XOORG\r\n"), XO_OK, 220, "go", 8},
	{"two lines", ROW("250-a\r\n250 b\r\n"), XO_OK, 250, "a\nb", 14},
	{"empty line", ROW("250-\r\n250 b\r\n"), XO_OK, 250, "\nb", 13},
	{"no text", ROW("250\r\n"), XO_OK, 250, "", 5},
	{"SP, no text", ROW("250 \r\n"), XO_OK, 250, "", 6},
	{"code ends more", ROW("250-a\r\n250\r\n"), XO_OK, 250, "a\n", 12},
	{"LF only", ROW("250 ok\n"), XO_OK, 250, "ok", 7},
	{"LF, no text", ROW("250\n"), XO_OK, 250, "", 4},
	{"LF mixed", ROW("250-a\n250 b\r\n"), XO_OK, 250, "a\nb", 13},
	{"text as is", ROW("550 5.7.1 a\tb~\r\n"), XO_OK, 550,
	    "5.7.1 a\tb~", 16},
	{"dash in text", ROW("250 -a\r\n"), XO_OK, 250, "-a", 8},
	{"U06", ROW("550 a\rb\0c\xc3\x1b[2J\x7f\r\n"), XO_OK, 550,
	    "a?b?c??[2J?", 17},
	{"CR CR LF", ROW("550 a\r\r\n"), XO_OK, 550, "a?", 8},
	{"CR after code", ROW("250\rx\r\n"), XO_OK, 250, "?x", 7},
	{"354", ROW("354 go\r\n"), XO_OK, 354, "go", 8},
	{"599", ROW("599 x\r\n"), XO_OK, 599, "x", 7},
	{"U04 codes", ROW("250-a\r\n451 b\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"other way", ROW("451-a\r\n250 b\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"U04 999", ROW("999 x\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"600", ROW("600 x\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"199", ROW("199 x\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"000", ROW("000 x\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"25", ROW("25\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"25 SP", ROW("25 ok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"2500", ROW("2500 ok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"250ok", ROW("250ok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"TAB", ROW("250\tok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"first SP", ROW(" 250 ok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"empty", ROW("\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"LF alone", ROW("\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"sign", ROW("-25 ok\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"binary", ROW("\x16\x03\x01"), XO_ERR_SYNTAX, 0, "", 0},
	{"second without code", ROW("250-a\r\nb\r\n"), XO_ERR_SYNTAX, 0, "",
	    0},
	{"short second", ROW("250-a\r\n25\r\n"), XO_ERR_SYNTAX, 0, "", 0},
	{"half code", ROW("25"), XO_MORE, 0, "", 0},
	{"no end", ROW("250 text"), XO_MORE, 0, "", 0},
	{"CR at end", ROW("250 text\r"), XO_MORE, 0, "", 0},
	{"only 250-", ROW("250-\r\n"), XO_MORE, 0, "", 0},
	{"nothing", ROW(""), XO_MORE, 0, "", 0},
	{"at the limit", ROW("250-456789012345678901234567890\r\n"
	    "250 4567890123456789012345678\r\n"), XO_OK, 250,
	    "456789012345678901234567890\n4567890123456789012345678", 64},
	{"above it", ROW("250-456789012345678901234567890\r\n"
	    "250 456789012345678901234567890\r\n"), XO_ERR_LIMIT, 0, "", 0},
	{"U05 endless", ROW("250 4567890123456789012345678901234567890"
	    "1234567890123456789012345678901234567890"), XO_ERR_LIMIT, 0, "",
	    0},
};

/* In two pieces, the first of `cut` octets. */
static void
read_split(size_t i, size_t cut)
{
	struct xo_reply reply = {.code = 0};
	size_t used, n;
	enum xo_err err;

	err = xo_reply_read(&reply, xo_span_first(rows[i].in, cut), MAX,
	    &used);
	if (err == XO_MORE) {
		assert_int_equal(used, cut < rows[i].in.len ? cut :
		    rows[i].in.len);
		err = xo_reply_read(&reply, xo_span_from(rows[i].in, cut),
		    MAX, &n);
		used += n;
	}
	if (err != rows[i].err)
		fail_msg("%s at %zu: got %d, want %d", rows[i].id, cut, err,
		    rows[i].err);
	if (err == XO_OK && (reply.code != rows[i].code ||
	    used != rows[i].used || !xo_span_is_equal(
	    xo_buf_span(&reply.text), xo_span_from_cstr(rows[i].text))))
		fail_msg("%s at %zu: got %u '%.*s', %zu used", rows[i].id,
		    cut, reply.code, (int)reply.text.len,
		    (const char *)reply.text.p, used);
	/* Nothing more before a clear. */
	if (err != XO_MORE)
		assert_int_equal(xo_reply_read(&reply, XO_LIT("250 x\r\n"),
		    MAX, &used), XO_ERR_STATE);
	xo_reply_clear(&reply);
	assert_int_equal(xo_reply_read(&reply, XO_LIT("221 x\r\n"), MAX,
	    &used), XO_OK);
	assert_int_equal(reply.code, 221);
	assert_int_equal(reply.text.len, 1);
	xo_reply_fini(&reply);
}

static void
test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		for (size_t cut = 0; cut <= rows[i].in.len; cut++)
			read_split(i, cut);
	}
}

/* One octet at a time. */
static void
test_drip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_reply reply = {.code = 0};
		enum xo_err err = XO_MORE;
		size_t used, at = 0;

		while (err == XO_MORE && at < rows[i].in.len) {
			err = xo_reply_read(&reply,
			    xo_span_first(xo_span_from(rows[i].in, at), 1),
			    MAX, &used);
			at += used;
		}
		if (err != rows[i].err ||
		    (err == XO_OK && at != rows[i].used))
			fail_msg("%s: got %d at %zu", rows[i].id, err, at);
		xo_reply_fini(&reply);
	}
}

/* U05: what is kept is bounded, what is read is not bounded by that. */
static void
test_much(void **state)
{
	struct xo_reply reply = {.code = 0};
	size_t used, total = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(xo_reply_read(&reply, XO_LIT("550-text\r\n"),
		    100000, &used), XO_MORE);
		total += used;
	}
	assert_int_equal(total, 30000);
	assert_int_equal(xo_reply_read(&reply, XO_LIT("550 end\r\n"), 100000,
	    &used), XO_OK);
	assert_int_equal(reply.text.len, XO_REPLY_TEXT_MAX);
	xo_reply_fini(&reply);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *text;
		const char *want[3];
	} texts[] = {
		{"", {NULL}}, {"a", {"a"}}, {"a\nb", {"a", "b"}},
		{"\nb", {"", "b"}}, {"a\n\nb", {"a", "", "b"}},
		{"a\n", {"a"}},
	};

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		struct xo_span text = xo_span_from_cstr(texts[i].text), line;
		size_t n = 0;

		while (xo_reply_line(&text, &line)) {
			assert_true(n < 3 && texts[i].want[n] != NULL);
			assert_true(xo_span_is_equal(line,
			    xo_span_from_cstr(texts[i].want[n])));
			n++;
		}
		assert_true(n == 3 || texts[i].want[n] == NULL);
	}
}

static void
test_write(void **state)
{
	static const struct {
		uint16_t code;
		const char *enhanced;
		const char *text;
		const char *want;
	} replies[] = {
		{250, "2.1.0", "Sender OK", "250 2.1.0 Sender OK\r\n"},
		{250, NULL, "2.0.0 queued", "250 2.0.0 queued\r\n"},
		{250, NULL, "a\nb\nc", "250-a\r\n250-b\r\n250 c\r\n"},
		{550, "5.7.1", "a\nb", "550-5.7.1 a\r\n550 5.7.1 b\r\n"},
		{250, NULL, "", "250 \r\n"},
		{250, NULL, "a\n", "250 a\r\n"},
		{250, NULL, "\nb", "250-\r\n250 b\r\n"},
		{550, NULL, "a\r\x1b\xc3\tb", "550 a???\tb\r\n"},
		{550, NULL, "a\r\n250 b", "550-a?\r\n550 250 b\r\n"},
		{999, NULL, "x", "451 x\r\n"},
		{0, NULL, "x", "451 x\r\n"},
	};
	struct xo_buf b = {.max = 0};

	(void)state;
	for (size_t i = 0; i < N(replies); i++) {
		xo_buf_clear(&b);
		xo_reply_write(&b, replies[i].code,
		    replies[i].enhanced,
		    xo_span_from_cstr(replies[i].text));
		assert_int_equal(b.err, XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&b),
		    xo_span_from_cstr(replies[i].want)))
			fail_msg("%zu: got '%.*s', want '%s'", i, (int)b.len,
			    (const char *)b.p, replies[i].want);
	}
	xo_buf_fini(&b);
}

static void
test_write_long(void **state)
{
	struct xo_buf b = {.max = 0};
	uint8_t text[1200];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[600] = '\n';
	xo_reply_write(&b, 550, "5.7.1",
	    xo_span(text, sizeof(text)));
	assert_int_equal(b.err, XO_OK);
	assert_int_equal(b.len, 1024);
	assert_memory_equal(b.p + 510, "\r\n550 5.7.1 a", 13);
	assert_memory_equal(b.p + 1022, "\r\n", 2);
	xo_buf_clear(&b);
	b.max = 1000;
	xo_reply_write(&b, 550, "5.7.1",
	    xo_span(text, sizeof(text)));
	assert_int_equal(b.err, XO_ERR_LIMIT);
	assert_int_equal(b.len, 0);
	xo_buf_fini(&b);
}

/* Each row of the table is a reply that its own reader takes. */
static void
test_refusals(void **state)
{
	struct xo_reply reply = {.code = 0};
	struct xo_buf b = {.max = 0};

	(void)state;
	for (int i = 0; i < XO_REFUSAL_COUNT; i++) {
		const struct xo_refusal_info *info =
		    xo_refusal_info((enum xo_refusal)i);
		size_t used;

		assert_non_null(info->id);
		assert_in_range(info->code, 400, 599);
		assert_int_equal(info->enhanced[0] - '0', info->code / 100 ==
		    4 && info->enhanced[0] == '5' ? 5 : info->code / 100);
		assert_true(info->code != 421 || info->closes);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(info->id,
			    xo_refusal_info((enum xo_refusal)j)->id);
		xo_buf_clear(&b);
		xo_reply_clear(&reply);
		xo_refusal_write(&b, (enum xo_refusal)i);
		assert_int_equal(b.err, XO_OK);
		assert_int_equal(xo_reply_read(&reply, xo_buf_span(&b), 512,
		    &used), XO_OK);
		assert_int_equal(used, b.len);
		assert_int_equal(reply.code, info->code);
	}
	assert_int_equal(xo_refusal_info(XO_REFUSAL_COUNT)->code, 451);
	assert_string_equal(xo_refusal_info(XO_REFUSAL_LINE_BARE_LF)->id,
	    "line-bare-lf");
	xo_buf_clear(&b);
	xo_refusal_write(&b, XO_REFUSAL_TLS_REQUIRED);
	assert_int_equal(b.err, XO_OK);
	assert_true(xo_span_is_equal(xo_buf_span(&b),
	    XO_LIT("451 5.7.3 STARTTLS is required to send mail\r\n")));
	xo_buf_fini(&b);
	xo_reply_fini(&reply);
}

/* RFC 2034: every line has one, of the reply's class. */
static void
test_add_status(void **state)
{
	static const struct {
		uint16_t code;
		const char *text, *want;
	} statuses[] = {
		{250, "OK", "2.0.0 OK"},
		{250, "", "2.0.0"},
		{250, "2.1.5 OK", "2.1.5 OK"},
		{250, "2.1.5", "2.1.5"},
		{450, "later", "4.0.0 later"},
		{550, "no", "5.0.0 no"},
		{550, "5.7.64 no", "5.7.64 no"},
		{550, "4.7.64 no", "5.7.64 no"},
		{451, "5.7.64 no", "4.7.64 no"},
		{250, "5.1.1 no", "2.1.1 no"},
		{354, "Go", "Go"},
		{354, "2.0.0 Go", "2.0.0 Go"},
		{220, "ready", "2.0.0 ready"},
		/* not one */
		{550, "5.7", "5.0.0 5.7"},
		{550, "5.7.64no", "5.0.0 5.7.64no"},
		{550, "5.7.6400 no", "5.0.0 5.7.6400 no"},
		{550, "192.0.2.1 is listed", "5.0.0 192.0.2.1 is listed"},
		{550, "3.7.1 no", "5.0.0 3.7.1 no"},
		{550, " 5.7.1 no", "5.0.0  5.7.1 no"},
		/* lines */
		{550, "a\nb", "5.0.0 a\n5.0.0 b"},
		{550, "5.7.1 a\nb", "5.7.1 a\n5.7.1 b"},
		{550, "a\n5.7.1 b", "5.7.1 a\n5.7.1 b"},
		{550, "5.7.1 a\n5.7.2 b", "5.7.1 a\n5.7.2 b"},
		{451, "5.7.1 a\n\nb", "4.7.1 a\n4.7.1\n4.7.1 b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct xo_buf out = {0}, again = {0};

		xo_reply_add_status(&out, statuses[i].code,
		    xo_span_from_cstr(statuses[i].text));
		assert_int_equal(out.err, XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&out),
		    xo_span_from_cstr(statuses[i].want)))
			fail_msg("%u %s: got '%.*s', want '%s'",
			    statuses[i].code, statuses[i].text, (int)out.len,
			    (const char *)out.p, statuses[i].want);
		/* Once is enough. */
		xo_reply_add_status(&again, statuses[i].code,
		    xo_buf_span(&out));
		assert_int_equal(again.err, XO_OK);
		assert_true(xo_span_is_equal(xo_buf_span(&again),
		    xo_buf_span(&out)));
		xo_buf_fini(&out);
		xo_buf_fini(&again);
	}
}

static void
test_enhanced(void **state)
{
	static const struct {
		const char *reply;
		bool is_one;
		unsigned int subject, detail;
	} codes[] = {
		{"250 2.0.0 Ok\r\n", true, 0, 0},
		{"250 2.1.5\r\n", true, 1, 5},
		{"550 5.7.509 no\r\n", true, 7, 509},
		{"250-2.1.0 a\r\n250 b\r\n", true, 1, 0},
		{"250-a\r\n250 2.1.0 b\r\n", false, 0, 0},
		{"250 5.1.0 Ok\r\n", false, 0, 0},
		{"250 2.1 Ok\r\n", false, 0, 0},
		{"250 2.1.\r\n", false, 0, 0},
		{"250 2.1.0x Ok\r\n", false, 0, 0},
		{"250 2.1.5000 Ok\r\n", false, 0, 0},
		{"250  2.1.0 Ok\r\n", false, 0, 0},
		{"250 2.1.0.0 Ok\r\n", false, 0, 0},
		{"250 -2.1.0 Ok\r\n", false, 0, 0},
		{"250 Ok\r\n", false, 0, 0},
		{"250\r\n", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct xo_reply reply = {0};
		struct xo_enhanced e;
		size_t used;
		bool is_one;

		assert_int_equal(xo_reply_read(&reply,
		    xo_span_from_cstr(codes[i].reply), 1000, &used), XO_OK);
		is_one = xo_reply_enhanced(&reply, &e);
		if (is_one != codes[i].is_one || (is_one &&
		    (e.subject != codes[i].subject ||
		    e.detail != codes[i].detail)))
			fail_msg("%s", codes[i].reply);
		xo_reply_fini(&reply);
	}
}

static void
test_heard(void **state)
{
	struct xo_heard heard = {0};
	struct xo_reply reply = {.code = 250};

	(void)state;
	xo_buf_add_cstr(&reply.text, "2.0.0 Ok");
	assert_false(xo_heard_before(&heard, &reply));
	xo_heard_note(&heard, &reply, false);
	assert_true(xo_heard_before(&heard, &reply));
	reply.code = 251;
	assert_false(xo_heard_before(&heard, &reply));
	reply.code = 250;
	/* What is said within envelopes does not push it out. */
	for (int i = 0; i < 3 * XO_HEARD_MAX; i++) {
		xo_buf_clear(&reply.text);
		xo_buf_add_u64(&reply.text, (uint64_t)i);
		xo_heard_note(&heard, &reply, true);
		assert_true(xo_heard_before(&heard, &reply));
	}
	xo_buf_clear(&reply.text);
	xo_buf_add_cstr(&reply.text, "2.0.0 Ok");
	assert_true(xo_heard_before(&heard, &reply));
	xo_reply_fini(&reply);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enhanced),
		cmocka_unit_test(test_add_status),
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_drip),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_long),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
