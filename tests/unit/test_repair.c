/* SPDX-License-Identifier: ISC */
/*
 * Header sections that are none: what is made of them, and that no reader of the
 * result sees a protected field, neither in it nor in what has become body.
 *
 * XOORG_ROUNDS=N: so many random sections instead of 20,000. XOORG_SEED=N: the
 * seed, which is printed, instead of one from the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <xoorg/header.h>
#include <xoorg/wall.h>

#include "wall_views.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define HOST "gw.contoso.com"
#define ORG "X-MS-Exchange-Organization-"
#define PREM "X-MS-Exchange-CrossPremises-"
#define P ORG "AuthAs: Internal\r\n"
#define A "Subject: a\r\n"
#define Z "From: z@example\r\n"
#define B "\r\nBody.\r\n"
/* Stands above all that the wall writes. */
#define STAMP "Received: by " HOST "\r\n"

enum who { STRANGER, VERIFIED, PROMOTING, WHO_COUNT };

static const struct xo_wall walls[] = {
	[STRANGER] = {
		.remove = XO_WALL_ALWAYS | XO_WALL_CROSS_PREMISES |
		    XO_WALL_CROSS_TENANT | XO_WALL_SENDER_TRACE,
		.hostname = S(HOST), .max_fields = 1000, .repairs = true,
	},
	[VERIFIED] = {.hostname = S(HOST), .max_fields = 1000, .repairs = true},
	[PROMOTING] = {
		.promote = true, .hostname = S(HOST), .max_fields = 1000,
		.repairs = true,
	},
};

static const char *const stranger_names[] = {
	ORG, PREM, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization", "X-MS-Exchange-CrossTenant-",
	"X-MS-Exchange-Transport-CrossTenantHeaders",
	"=X-OrganizationHeadersPreserved", NULL
};
static const char *const verified_names[] = {
	ORG, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization", "=X-CrossPremisesHeadersPromoted", NULL
};
/* Organization fields are there, but ours. */
static const char *const promoting_names[] = {
	PREM, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization", ORG "OriginatorOrganization", NULL
};
static const struct view_search searches[] = {
	[STRANGER] = {stranger_names, S(HOST), 0},
	[VERIFIED] = {verified_names, S(HOST), 0},
	[PROMOTING] = {promoting_names, S(HOST), 0},
};

struct result {
	enum xo_refusal refusal;
	size_t header_len;		/* of what came */
	bool ends_early;
	struct xo_buf out;		/* the stamp and the header */
	struct xo_buf whole;		/* the same and the body */
	struct xo_wall_report report;
};

/* `step`: octets that come at a time. */
static void
pass(const struct xo_wall *wall, struct xo_span content, size_t step,
    struct result *result_r)
{
	struct xo_header_finder finder = {.repairs = wall->repairs};
	struct xo_wall with_end = *wall;
	enum xo_err err = XO_MORE;
	size_t n = 0;

	*result_r = (struct result){0};
	while (err == XO_MORE && n < content.len) {
		n = content.len - n < step ? content.len : n + step;
		err = xo_header_find(&finder, xo_span_first(content, n),
		    &result_r->header_len);
	}
	if (err == XO_MORE)
		result_r->header_len = xo_header_end(&finder, content);
	with_end.ends_early = finder.fault;
	result_r->ends_early = finder.fault != XO_FAULT_NONE;
	xo_buf_add_cstr(&result_r->out, STAMP);
	assert_int_equal(result_r->out.err, XO_OK);
	result_r->refusal = xo_wall_apply(&with_end,
	    xo_span_first(content, result_r->header_len), &result_r->out,
	    &result_r->report);
	xo_buf_add(&result_r->whole,
	    xo_buf_span(&result_r->out));
	assert_int_equal(result_r->whole.err, XO_OK);
	xo_buf_add(&result_r->whole,
	    xo_span_from(content, result_r->header_len));
	assert_int_equal(result_r->whole.err, XO_OK);
}

static void
result_fini(struct result *result)
{
	xo_buf_fini(&result->out);
	xo_buf_fini(&result->whole);
}

static void
fail_content(const char *id, const char *what, struct xo_span content,
    struct xo_span got)
{
	fail_msg("%s: %s\nof\n%.*s\ncame\n%.*s", id, what, (int)content.len,
	    (const char *)content.p, (int)got.len, (const char *)got.p);
}

/* Nobody sees anything; and there are lines, and CRLFs. */
static void
check(const char *id, enum who who, struct xo_span content,
    const struct result *result)
{
	struct view_search search = searches[who];
	struct xo_span out = xo_buf_span(&result->out);
	struct xo_span whole = xo_buf_span(&result->whole);
	char name[100];
	size_t i;

	if (views_find(out, &search, name, sizeof(name)) >= 0)
		fail_content(id, name, content, out);
	/* Only who takes an empty line for nothing reads a body as header; and,
	 * of a body as it came, who unfolds before looking for its end. */
	search.without = VIEW_NO_END;
	if (!result->ends_early)
		search.without |= VIEW_UNFOLDS_FIRST;
	if (views_find(whole, &search, name, sizeof(name)) >= 0)
		fail_content(id, name, content, whole);
	for (i = 0; i < out.len; i++) {
		if (out.p[i] == '\0' || (out.p[i] == '\n' &&
		    out.p[i - 1] != '\r') || (out.p[i] == '\r' &&
		    (i + 1 == out.len || out.p[i + 1] != '\n')))
			fail_content(id, "octets", content, out);
	}
	if (result->header_len < content.len && (out.len < 4 ||
	    memcmp(out.p + out.len - 4, "\r\n\r\n", 4) != 0))
		fail_content(id, "no empty line", content, out);
}

#define A9 "aaaaaaaaa"
#define A99 A9 A9 A9 A9 A9 A9 A9 A9 A9 A9 A9
#define LONG A99 A99 A99 A99 A99 A99 A99 A99 A99 A99

struct row {
	const char *id;
	enum xo_fault_kind fault;	/* that is repaired, or refused for */
	size_t line;			/* of a refusal */
	struct xo_span in, want;	/* empty: refused */
};

#define REPAIRED(id, fault, in, want) {id, fault, 0, S(in), S(STAMP want)}
#define REFUSED(id, fault, line, in) {id, fault, line, S(in), {NULL, 0}}

static const struct row rows[] = {
	REPAIRED("mbox", XO_FAULT_MBOX_FROM,
	    "From a@b Mon Nov 23 21:44:40 2026\r\n" P A B,
	    "X-Mailbox-Line: From a@b Mon Nov 23 21:44:40 2026\r\n" A B),
	REPAIRED("mbox, control", XO_FAULT_CONTROL, "From a\fb\r\n" A B,
	    "X-Mailbox-Line: From a b\r\n" A B),
	REPAIRED("mbox, quoted", XO_FAULT_MBOX_FROM, ">>From a\r\n" A B,
	    "X-Mailbox-Line: >>From a\r\n" A B),
	REPAIRED("mbox, blank", XO_FAULT_MBOX_FROM, "From a\r\n " P A B,
	    "X-Mailbox-Line: From a\r\n" A B),
	REPAIRED("mbox later", XO_FAULT_NO_COLON, A "From a\r\n" P B,
	    A "\r\nFrom a\r\n" P B),
	REPAIRED("a From field", XO_FAULT_NONE, Z A B, Z A B),
	REPAIRED("mbox alone", XO_FAULT_MBOX_FROM, "From a",
	    "X-Mailbox-Line: From a\r\n"),
	REPAIRED("blank first", XO_FAULT_LEADING_BLANK, " " A Z B, A Z B),
	REPAIRED("blanks first", XO_FAULT_LEADING_BLANK, "\t \t" P A B, A B),
	REPAIRED("blank line first", XO_FAULT_LEADING_BLANK, " \t\r\n" P A B,
	    A B),
	REPAIRED("blank, no field", XO_FAULT_NO_COLON, " Hello\r\n" P B,
	    "\r\nHello\r\n" P B),
	REPAIRED("blank line, end", XO_FAULT_LEADING_BLANK, " " B, B),
	REPAIRED("no colon", XO_FAULT_NO_COLON, A "garbage\r\n" P Z B,
	    A "\r\ngarbage\r\n" P Z B),
	REPAIRED("no colon, words", XO_FAULT_NO_COLON, A "gar bage\r\n" P B,
	    A "\r\ngar bage\r\n" P B),
	REPAIRED("no colon, folded", XO_FAULT_NO_COLON,
	    A "garbage\r\n \r\n\tx: y\r\n" P B,
	    A "\r\ngarbage\r\n \r\n\tx: y\r\n" P B),
	REPAIRED("no colon, then the end", XO_FAULT_NO_COLON, A "garbage\r\n" B,
	    A "\r\ngarbage\r\n" B),
	REPAIRED("no colon, no end", XO_FAULT_NO_COLON, A "garbage\r\n",
	    A "\r\ngarbage\r\n"),
	REPAIRED("no colon, no line end", XO_FAULT_NO_COLON, A "garbage",
	    A "\r\ngarbage"),
	REPAIRED("two names", XO_FAULT_NO_COLON, "a\r\nb\r\n : c\r\n" B,
	    "\r\na\r\nb\r\n : c\r\n" B),
	REPAIRED("text alone", XO_FAULT_NO_COLON,
	    "Hello world,\r\nthis: is a text.\r\n" B,
	    "\r\nHello world,\r\nthis: is a text.\r\n" B),
	REPAIRED("text, no end", XO_FAULT_NO_COLON, "Hello world", "\r\nHello world"),
	REPAIRED("MIME border", XO_FAULT_NO_COLON, A "--b\r\n" P B,
	    A "\r\n--b\r\n" P B),
	REPAIRED("protected without a colon", XO_FAULT_NO_COLON,
	    ORG "AuthAs\r\n" P B, "\r\n" ORG "AuthAs\r\n" P B),
	REPAIRED("empty name", XO_FAULT_EMPTY_NAME, A ": x\r\n" P B,
	    A "\r\n: x\r\n" P B),
	REPAIRED("8-bit name", XO_FAULT_NAME, A ORG "AuthAs\xa0: x\r\n" P B,
	    A "\r\n" ORG "AuthAs\xa0: x\r\n" P B),
	REPAIRED("control in a name", XO_FAULT_NAME, A "\v" P P B,
	    A "\r\n\v" P P B),
	REPAIRED("comment", XO_FAULT_NAME, A ORG "AuthAs (x): y\r\n" P B,
	    A "\r\n" ORG "AuthAs (x): y\r\n" P B),
	REPAIRED("leading dot", XO_FAULT_LEADING_DOT, A "." P P B,
	    A "\r\n." P P B),
	REPAIRED("leading dot, folded", XO_FAULT_NO_COLON,
	    A ".a\r\n : x\r\n" P B, A "\r\n.a\r\n : x\r\n" P B),
	REPAIRED("BOM", XO_FAULT_BYTE_ORDER_MARK, "\xef\xbb\xbf" P A B, A B),
	REPAIRED("BOM and text", XO_FAULT_NO_COLON,
	    "\xef\xbb\xbfHello\r\n" P B, "\r\nHello\r\n" P B),
	REPAIRED("BOM, blank and text", XO_FAULT_NO_COLON,
	    "\xef\xbb\xbf \t.Hello\r\n" P B, "\r\n.Hello\r\n" P B),
	REPAIRED("BOM and text, no end", XO_FAULT_NO_COLON,
	    "\xef\xbb\xbfHello", "\r\nHello"),
	REPAIRED("BOM and body", XO_FAULT_BYTE_ORDER_MARK, "\xef\xbb\xbf" B, B),
	REPAIRED("BOM, From, blank", XO_FAULT_BYTE_ORDER_MARK,
	    "\xef\xbb\xbf" "From a\r\n " P A B,
	    "X-Mailbox-Line: From a\r\n" A B),
	REPAIRED("BOM later", XO_FAULT_NAME, A "\xef\xbb\xbf" P B,
	    A "\r\n\xef\xbb\xbf" P B),
	REPAIRED("form feed", XO_FAULT_CONTROL, "X: a\f" P "\tb\x7f\r\n" Z B,
	    "X: a " P "\tb \r\n" Z B),
	REPAIRED("DEL among others", XO_FAULT_CONTROL,
	    "X: abcdefghijklm\x7fnopqrstuvwxyz\r\n" Z B,
	    "X: abcdefghijklm nopqrstuvwxyz\r\n" Z B),
	REPAIRED("form feed, protected", XO_FAULT_NONE, ORG "a: \f" P A B, A B),
	REPAIRED("folded name", XO_FAULT_FOLDED_NAME, A "X \r\n\t : y\r\n" Z B,
	    A "X: y\r\n" Z B),
	REPAIRED("folded name, protected", XO_FAULT_NONE,
	    A ORG "AuthAs\r\n : y\r\n" Z B, A Z B),
	REPAIRED("nothing wrong", XO_FAULT_NONE, A " b\r\n" P Z B, A " b\r\n" Z B),
	REPAIRED("fields alone", XO_FAULT_NONE, A P, A),
	REPAIRED("body alone", XO_FAULT_NONE, B, B),
	REFUSED("bare LF", XO_FAULT_BARE_NEWLINE, 2, A "X: a\n" P B),
	REFUSED("bare CR", XO_FAULT_BARE_NEWLINE, 2, A "X: a\r" P B),
	REFUSED("bare LF, no field", XO_FAULT_BARE_NEWLINE, 1, "gar\nbage\r\n" P B),
	REFUSED("mbox, hidden", XO_FAULT_HIDDEN_NAME, 1, "From " LONG P A B),
	REFUSED("hidden by a fold that goes", XO_FAULT_HIDDEN_NAME, 2,
	    A LONG "aaaaa\r\n : (" P B),
	REFUSED("hidden behind a shift", XO_FAULT_HIDDEN_NAME, 2,
	    A "X: " LONG "aaaaaaa\x1b\r\n " P B),
	REFUSED("hidden behind 8-bit octets", XO_FAULT_HIDDEN_NAME, 2,
	    A "X: " LONG "aaaaaaa\xa0 \xa0\r\n \x1b\r\n\t" P B),
	REPAIRED("blanks at a cut", XO_FAULT_CONTROL,
	    "X: " LONG "aaaaaaa\f\r\n " P B, "X: " LONG "aaaaaaa \r\n " P B),
	REPAIRED("a colon at a cut", XO_FAULT_CONTROL,
	    "X: " LONG "aaaaaa:\f\r\n " P B, "X: " LONG "aaaaaa: \r\n " P B),
	REPAIRED("octets at no cut", XO_FAULT_CONTROL,
	    "X: a\f\x1b\r\n " P " " LONG "a\r\n" B,
	    "X: a \x1b\r\n " P " " LONG "a\r\n" B),
	REFUSED("NUL", XO_FAULT_NUL, 3, A Z "X: a\0b\r\n" B),
	REFUSED("NUL, no field", XO_FAULT_NUL, 3, A Z "\0" P B),
};

static void
check_row(const struct row *row, size_t step)
{
	struct result got;
	uint32_t n_repaired = 0;
	size_t i;

	pass(&walls[STRANGER], row->in, step, &got);
	if ((got.refusal == XO_REFUSAL_NONE) != (row->want.len > 0))
		fail_msg("%s: refusal %d", row->id, (int)got.refusal);
	if (row->want.len == 0) {
		if (got.report.fault.kind != row->fault ||
		    got.report.fault.line != row->line)
			fail_msg("%s: fault %s in line %zu", row->id,
			    xo_fault_name(got.report.fault.kind),
			    got.report.fault.line);
	} else {
		check(row->id, STRANGER, row->in, &got);
		if (!xo_span_is_equal(xo_buf_span(&got.whole), row->want))
			fail_content(row->id, "not as wanted", row->in,
			    xo_buf_span(&got.whole));
		for (i = 0; i < XO_FAULT_COUNT; i++)
			n_repaired += got.report.n_repaired[i];
		if (row->fault == XO_FAULT_NONE ? n_repaired != 0 :
		    got.report.n_repaired[row->fault] == 0)
			fail_msg("%s: %u repairs, %u of %s", row->id,
			    n_repaired, got.report.n_repaired[row->fault],
			    xo_fault_name(row->fault));
	}
	result_fini(&got);
}

/* A whole message is what comes of its pieces. */
static void
test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_wall_report report;
		struct xo_buf out = {0};
		struct result want;

		pass(&walls[STRANGER], rows[i].in, 1, &want);
		xo_buf_add_cstr(&out, STAMP);
		if (xo_wall_message(&walls[STRANGER], rows[i].in, &out,
		    &report) != want.refusal)
			fail_msg("%s: not %d", rows[i].id, (int)want.refusal);
		if (want.refusal == XO_REFUSAL_NONE && !xo_span_is_equal(
		    xo_buf_span(&out), xo_buf_span(&want.whole)))
			fail_content(rows[i].id, "not as in pieces", rows[i].in,
			    xo_buf_span(&out));
		assert_memory_equal(&report.n_repaired,
		    &want.report.n_repaired, sizeof(report.n_repaired));
		xo_buf_fini(&out);
		result_fini(&want);
	}
}

static void
test_rows(void **state)
{
	size_t i, step;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		for (step = 1; step <= rows[i].in.len; step++)
			check_row(&rows[i], step);
	}
}

/* What is promoted hides nowhere, not in a From line either. */
static void
test_promoting(void **state)
{
	static const struct xo_span contents[] = {
		S("From " LONG PREM "a: b\r\n" A B),
		S(A LONG "aaaaa\r\n : (" PREM "a: b\r\n" B),
		S("X: " LONG "\x0e\r\n " PREM "a: b\r\n" B),
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(contents); i++) {
		struct result got;

		pass(&walls[PROMOTING], contents[i], contents[i].len, &got);
		if (got.refusal != XO_REFUSAL_HEADER_SYNTAX ||
		    got.report.fault.kind != XO_FAULT_HIDDEN_NAME)
			fail_msg("%zu: refusal %d", i, (int)got.refusal);
		result_fini(&got);
	}
}

/* Where nothing may be repaired each of them is refused, and told apart. */
static void
test_refused(void **state)
{
	struct xo_wall strict = walls[STRANGER];
	size_t n_refused = 0;
	size_t i;

	(void)state;
	strict.repairs = false;
	for (i = 0; i < N(rows); i++) {
		struct result got;
		bool is_clean = rows[i].fault == XO_FAULT_NONE &&
		    memchr(rows[i].in.p, '\f', rows[i].in.len) == NULL;

		pass(&strict, rows[i].in, rows[i].in.len, &got);
		if ((got.refusal == XO_REFUSAL_NONE) != is_clean)
			fail_msg("%s: refusal %d", rows[i].id,
			    (int)got.refusal);
		if (!is_clean && got.report.fault.kind == XO_FAULT_NONE)
			fail_msg("%s: no fault is named", rows[i].id);
		if (!is_clean && (got.report.n_removed != 0 ||
		    got.report.removed != 0 || got.report.n_fields != 0))
			fail_msg("%s: counts of a refusal", rows[i].id);
		n_refused += !is_clean;
		result_fini(&got);
	}
	assert_true(n_refused > 30);
}

/* Each of them grows: so they are bounded as fields are. */
static void
test_many_from(void **state)
{
	struct xo_buf content = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 1001; i++) {
		struct result got;

		xo_buf_add_cstr(&content, "From \r\n");
		assert_int_equal(content.err, XO_OK);
		if (i < 999)
			continue;
		pass(&walls[STRANGER], xo_buf_span(&content), content.len, &got);
		assert_int_equal(got.refusal, i < 1000 ? XO_REFUSAL_NONE :
		    XO_REFUSAL_HEADER_LIMIT);
		result_fini(&got);
	}
	xo_buf_fini(&content);
}

static void
test_words(void **state)
{
	static const struct {
		struct xo_span in;
		const char *text, *place;
	} refused[] = {
		{S(A "gar bage\r\n" B), "line 2: no colon", "gar bage"},
		{S(A "X\xa0: y\r\n" B), "line 2: octet not allowed in a name",
		    "X?"},
		{S(": y\r\n" B), "line 1: colon without a name", ""},
		{S(".a: y\r\n" B), "line 1: dot before a name", ".a"},
		{S(" a: y\r\n" B), "line 1: blank before the first field",
		    " a"},
		{S("From a\r\n" B), "line 1: mbox From line", "From a"},
		{S("\xef\xbb\xbf" A B), "line 1: byte order mark",
		    "???Subject"},
		{S(A "X: a\r\n b\f\"c\\\r\n" B), "line 3: control character",
		    "??c?"},
		{S(A "X\r\n : a\r\n" B), "line 2: line break before the colon",
		    "X"},
		{S(A "X: a\nb\r\n" B), "line 2: bare CR or LF", ""},
		{S(A "X: a\0b\r\n" B), "line 2: NUL", "?b"},
		{S(A Z "a: b\r\n" "a: b\r\n"), "more than 3 fields", "a"},
	};
	struct xo_wall strict = walls[STRANGER];
	struct xo_buf text = {0};
	size_t i;

	(void)state;
	strict.repairs = false;
	strict.max_fields = 3;
	for (i = 0; i < N(refused); i++) {
		struct result got;

		pass(&strict, refused[i].in, 1, &got);
		xo_buf_clear(&text);
		xo_fault_write(&text, &got.report.fault);
		assert_int_equal(text.err, XO_OK);
		xo_buf_add_byte(&text, '|');
		assert_int_equal(text.err, XO_OK);
		xo_fault_write_place(&text,
		    &got.report.fault);
		assert_int_equal(text.err, XO_OK);
		xo_buf_add_byte(&text, '\0');
		assert_int_equal(text.err, XO_OK);
		if (strncmp((const char *)text.p, refused[i].text,
		    strlen(refused[i].text)) != 0 ||
		    strcmp(strchr((const char *)text.p, '|') + 1,
		    refused[i].place) != 0)
			fail_msg("%zu: got %s, want %s|%s", i,
			    (const char *)text.p, refused[i].text,
			    refused[i].place);
		result_fini(&got);
	}
	xo_buf_fini(&text);
}

static uint32_t
next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*seed >> 33);
}

static const struct xo_span pieces[] = {
	S("\r\n"), S("\r\n"), S("\r\n"), S("\r\n"), S("\r\n"), S(": "),
	S(": "), S(":"), S(" "), S("\t"), S("\r\n "), S("\r\n\t"),
	S("\r\n\r\n"), S("\r"), S("\n"), S("\0"), S("\xa0"), S("\v"),
	S("\f"), S("\x7f"), S("\x1b"), S("\xef\xbb\xbf"), S("From a b\r\n"),
	S(">From "), S("garbage\r\n"), S("gar bage"), S("--b\r\n"), S("."),
	S("("), S(")"), S(P), S(P), S(ORG), S(ORG "AuthAs"), S("X-MS-Exchange-"),
	S("x-ms-exchange-ORGANIZATION-scl"), S("Organization-a"),
	S(PREM "a: b\r\n"), S(PREM "A"), S("X-MS-Exchange-Forest-a: b\r\n"),
	S("X-OriginatorOrg"), S("x-originatororganization: a\r\n"),
	S("X-MS-Exchange-CrossTenant-Id: a\r\n"),
	S("X-CrossPremisesHeadersPromoted: a\r\n"),
	S("Authentication-Results: " HOST "; x-xoorg=pass\r\n"),
	S("Authentication-Results"), S(HOST), S(A), S("Subject"), S("a"),
	S(LONG), S("X: " LONG), S("DKIM-Signature: a\r\n b\r\n"),
};

/* Nearly all that has a way out is a section that was none. */
static void
make_content(uint64_t *seed, struct xo_buf *content_r)
{
	size_t n = 1 + next_random(seed) % 14;
	bool is_plain = next_random(seed) % 4 != 0;

	*content_r = (struct xo_buf){0};
	while (n-- > 0) {
		struct xo_span piece = pieces[next_random(seed) % N(pieces)];

		if (is_plain && piece.len == 1 && (piece.p[0] == '\0' ||
		    piece.p[0] == '\r' || piece.p[0] == '\n'))
			continue;
		xo_buf_add(content_r, piece);
		assert_int_equal(content_r->err, XO_OK);
	}
	if (next_random(seed) % 2 == 0)
		xo_buf_add_cstr(content_r, "\r\n" B);
	assert_int_equal(content_r->err, XO_OK);
}

static bool
may_be_refused(enum xo_fault_kind kind)
{
	return kind == XO_FAULT_BARE_NEWLINE || kind == XO_FAULT_NUL ||
	    kind == XO_FAULT_HIDDEN_NAME;
}

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
test_random(void **state)
{
	uint64_t seed = number_of("XOORG_SEED", (uint64_t)time(NULL));
	uint64_t n = number_of("XOORG_ROUNDS", 20000);
	size_t n_repaired = 0, n_refused = 0;
	uint64_t round;
	char id[100];
	size_t i;

	(void)state;
	(void)snprintf(id, sizeof(id), "seed %llu", (unsigned long long)seed);
	print_message("%s\n", id);
	for (round = 0; round < n; round++) {
		enum who who = (enum who)(round % WHO_COUNT);
		struct xo_buf content;
		struct result got;
		bool is_repaired = false;

		make_content(&seed, &content);
		pass(&walls[who], xo_buf_span(&content),
		    1 + next_random(&seed) % 9, &got);
		if (got.refusal == XO_REFUSAL_NONE)
			check(id, who, xo_buf_span(&content), &got);
		else if (!may_be_refused(got.report.fault.kind))
			fail_content(id, xo_fault_name(got.report.fault.kind),
			    xo_buf_span(&content), xo_buf_span(&got.out));
		for (i = 0; i < XO_FAULT_COUNT; i++)
			is_repaired |= got.report.n_repaired[i] > 0;
		n_repaired += got.refusal == XO_REFUSAL_NONE && is_repaired;
		n_refused += got.refusal != XO_REFUSAL_NONE;
		result_fini(&got);
		xo_buf_fini(&content);
	}
	print_message("%llu sections, %zu repaired, %zu refused, 0 seen\n",
	    (unsigned long long)n, n_repaired, n_refused);
	assert_true(n_repaired > n / 4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_promoting),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_from),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
