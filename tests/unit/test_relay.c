/* SPDX-License-Identifier: ISC */
/*
 * Sessions over the pure relay: framing, faults of the next hop,
 * vanishing clients, retries, limits, timers. See relay_world.h for what
 * is held true in each of them beside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <relay/actions.h>
#include <relay/relay_internal.h>

#include "relay_world.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define BDAT "CHUNKING ENHANCEDSTATUSCODES"
#define FULL "PIPELINING " BDAT " 8BITMIME DSN SIZE SMTPUTF8 BINARYMIME"
#define EHLO "EHLO c.example\r\n"
#define MAIL "MAIL FROM:<a@example.org>\r\n"
#define RCPT "RCPT TO:<b@contoso.com>\r\n"
#define HEAD "From: a@example.org\r\nSubject: x\r\n"
#define TEXT HEAD "\r\nBody.\r\n"

static void
complain(const struct world *w, const char *what, const char *got,
    const char *want)
{
	fprintf(stderr, "%s: got %s, want %s\n%.*s", what, got, want,
	    (int)w->transcript.len, (const char *)w->transcript.p);
	fail();
}

static void
expect_sound(const struct world *w, const char *what)
{
	if (w->violation[0] != '\0')
		complain(w, what, w->violation, "no breach");
}

static void
expect_codes(struct world *w, const char *what, const char *want)
{
	expect_sound(w, what);
	if (strcmp(world_codes(w), want) != 0)
		complain(w, what, world_codes(w), want);
}

static void
expect_number(const struct world *w, const char *what, size_t got,
    size_t want)
{
	char a[32], b[32];

	(void)snprintf(a, sizeof(a), "%zu", got);
	(void)snprintf(b, sizeof(b), "%zu", want);
	if (got != want)
		complain(w, what, a, b);
}

static uint16_t
last_code(const struct world *w)
{
	return w->n_replies > 0 ? w->replies[w->n_replies - 1] : 0;
}

/* The last commit is our stamp and then exactly `want`. */
static void
expect_content(const struct world *w, const char *what, struct xo_span want)
{
	struct xo_span got = {NULL, 0};

	if (w->n_commits > 0)
		got = xo_buf_span(&w->commits[w->n_commits - 1].content);
	if (got.len <= want.len || !xo_span_is_equal(
	    xo_span_from(got, got.len - want.len), want))
		complain(w, what, "other content", "the one sent");
	got.len -= want.len;
	if (!world_span_has(got, "Received: from c.example") ||
	    got.p[got.len - 1] != '\n' || world_span_has(got, "\r\n\r\n"))
		complain(w, what, "something else above it", "our stamp");
}

/* Sessions as data */

struct session {
	const char *name;
	struct world_options options;
	const char *say[12];
	const char *want;	/* codes */
	size_t n_commits;
	const char *content;	/* of the last, below the stamp */
	const char *envelope;	/* of the last */
};

#define PLANS(...) .plans = (const struct hop_plan[]){__VA_ARGS__}, \
	.n_plans = sizeof((const struct hop_plan[]){__VA_ARGS__}) / \
	    sizeof(struct hop_plan)

static const struct session sessions[] = {
	{"one message", {.caps = FULL},
	    {EHLO, MAIL, RCPT, "DATA\r\n", TEXT ".\r\n", "QUIT\r\n"},
	    "220 250 250 250 354 250 221", 1, TEXT, MAIL RCPT},
	{"a plain next hop", {.caps = ""},
	    {EHLO, MAIL, RCPT, "DATA\r\n", TEXT ".\r\n", "QUIT\r\n"},
	    "220 250 250 250 354 250 221", 1, TEXT, MAIL RCPT},
	{"asked for its capabilities", {.caps = FULL, .is_unknown = true},
	    {EHLO, MAIL, RCPT, "DATA\r\n", TEXT ".\r\n"},
	    "220 250 250 250 354 250", 1, TEXT, MAIL RCPT},
	{"a group", {.caps = FULL},
	    {EHLO, MAIL RCPT RCPT RCPT "DATA\r\n", TEXT ".\r\n" MAIL RCPT
	    "DATA\r\n", TEXT ".\r\nQUIT\r\n"},
	    "220 250 250 250 250 250 354 250 250 250 354 250 221", 2, TEXT,
	    MAIL RCPT},
	{"a group to a slow one", {.caps = ""},
	    {EHLO, MAIL RCPT RCPT RCPT "DATA\r\n", TEXT ".\r\n" MAIL RCPT
	    "DATA\r\n", TEXT ".\r\nQUIT\r\n"},
	    "220 250 250 250 250 250 354 250 250 250 354 250 221", 2, TEXT,
	    MAIL RCPT},
	{"RSET in a group", {.caps = FULL},
	    {EHLO, MAIL RCPT "RSET\r\n" MAIL RCPT RCPT "DATA\r\n",
	    TEXT ".\r\n"},
	    "220 250 250 250 250 250 250 250 354 250", 1, TEXT,
	    MAIL RCPT RCPT},
	{"refused recipients in order", {.caps = FULL,
	    PLANS({HOP_RCPT, .nth = 1, .reply = "550 5.1.1 no\r\n"},
	    {HOP_RCPT, .nth = 3, .reply = "450 4.2.1 later\r\n"})},
	    {EHLO, MAIL RCPT RCPT RCPT "RCPT TO:<>\r\n" RCPT "DATA\r\n",
	    TEXT ".\r\n"},
	    "220 250 250 550 250 450 501 250 354 250", 1, TEXT,
	    MAIL RCPT RCPT},
	{"no recipient left", {.caps = FULL,
	    PLANS({HOP_RCPT, .reply = "550 5.1.1 no\r\n"})},
	    {EHLO, MAIL RCPT RCPT "DATA\r\n", MAIL, "RSET\r\n"},
	    "220 250 250 550 550 554 503 250", 0, NULL, NULL},
	{"a refused sender", {.caps = FULL,
	    PLANS({HOP_MAIL, .connection = 1, .reply = "550-5.7.1 go\r\n"
	    "550 5.7.1 away\r\n"})},
	    {EHLO, MAIL RCPT RCPT, RCPT "RSET\r\n", MAIL RCPT},
	    "220 250 250 550 550 550 250 250 250", 0, NULL, NULL},
	{"dots", {.caps = ""},
	    {EHLO, MAIL RCPT "DATA\r\n", HEAD "\r\n..\r\n...\r\n..x\r\n.y\r\n"
	    "a.\r\n" ".\r\n"},
	    "220 250 250 250 354 250", 1,
	    HEAD "\r\n.\r\n..\r\n.x\r\ny\r\na.\r\n", NULL},
	{"dots to BDAT", {.caps = FULL},
	    {EHLO, MAIL RCPT "DATA\r\n", HEAD "\r\n..\r\n...\r\n..x\r\n.y\r\n"
	    ".\r\n"},
	    "220 250 250 250 354 250", 1,
	    HEAD "\r\n.\r\n..\r\n.x\r\ny\r\n", NULL},
	{"an empty body", {.caps = ""},
	    {EHLO, MAIL RCPT "DATA\r\n", HEAD "\r\n.\r\n"},
	    "220 250 250 250 354 250", 1, HEAD "\r\n", NULL},
	{"ends in the header", {.caps = ""},
	    {EHLO, MAIL RCPT "DATA\r\n", HEAD ".\r\n"},
	    "220 250 250 250 354 250", 1, HEAD, NULL},
	{"ends in the header, chunk", {.caps = FULL},
	    {EHLO, MAIL RCPT "BDAT 33 LAST\r\n" HEAD},
	    "220 250 250 250 250", 1, HEAD, NULL},
	{"protected, ends in the header", {.caps = ""},
	    {EHLO, MAIL RCPT "DATA\r\n", "X-OriginatorOrg: contoso.com\r\n"
	    HEAD "X-MS-Exchange-Organization-AuthAs: Internal\r\n.\r\n"},
	    "220 250 250 250 354 250", 1, HEAD, NULL},
	{"nothing at all", {.caps = FULL},
	    {EHLO, MAIL RCPT "DATA\r\n", ".\r\n"},
	    "220 250 250 250 354 250", 1, "", NULL},
	{"B03", {.caps = FULL}, {EHLO, MAIL RCPT "BDAT 0 LAST\r\n", "NOOP\r\n"},
	    "220 250 250 250 250 250", 1, "", NULL},
	{"B01 behind RCPT", {.caps = FULL},
	    {EHLO, MAIL RCPT RCPT "BDAT 42 LAST\r\n" TEXT MAIL RCPT
	    "BDAT 42 LAST\r\n" TEXT "QUIT\r\n"},
	    "220 250 250 250 250 250 250 250 250 221", 2, TEXT, MAIL RCPT},
	{"B02", {.caps = FULL},
	    {EHLO, MAIL RCPT "BDAT 42\r\n" TEXT, "BDAT 0 LAST\r\n"},
	    "220 250 250 250 250 250", 1, TEXT, NULL},
	{"B02 to DATA", {.caps = ""},
	    {EHLO, MAIL RCPT "BDAT 42\r\n" TEXT, "BDAT 0 LAST\r\n"},
	    "220 250 250 250 250 250", 1, TEXT, NULL},
	{"no pipelining of chunks", {.caps = BDAT},
	    {EHLO, MAIL RCPT "BDAT 42\r\n" TEXT "BDAT 3\r\nabcBDAT 0\r\n"
	    "BDAT 3 LAST\r\nd\r\nNOOP\r\n"},
	    "220 250 250 250 250 250 250 250 250", 1, TEXT "abcd\r\n", NULL},
	{"B17", {.caps = FULL},
	    {EHLO, MAIL RCPT "BDAT 5\r\na: b\n", "DATA\r\n", "MAIL FROM:<>\r\n",
	    RCPT, "RSET\r\n", "BDAT 3 LAST\r\nabc", "NOOP\r\n"},
	    "220 250 250 250 250 503 503 503 250 503 250", 0, NULL, NULL},
	{"B18", {.caps = ""},
	    {EHLO, MAIL RCPT "BDAT 73 LAST\r\n" TEXT
	    ".\r\nMAIL FROM:<smuggled@x>\r\n..\r\n"},
	    "220 250 250 250 250", 1,
	    TEXT ".\r\nMAIL FROM:<smuggled@x>\r\n..\r\n", NULL},
	{"B20", {.caps = FULL}, {EHLO, MAIL RCPT "BDAT 41 LAST\r\n" HEAD
	    "\r\nBody.x"},
	    "220 250 250 250 250", 1, HEAD "\r\nBody.x", NULL},
	{"B20 to DATA", {.caps = ""}, {EHLO, MAIL RCPT "BDAT 41 LAST\r\n" HEAD
	    "\r\nBody.x"},
	    "220 250 250 250 250", 1, HEAD "\r\nBody.x\r\n", NULL},
	{"B21 passed", {.caps = FULL}, {EHLO, MAIL RCPT "BDAT 46 LAST\r\n" TEXT
	    "\n.\r\n", "NOOP\r\n"},
	    "220 250 250 250 250 250", 1, TEXT "\n.\r\n", NULL},
	{"B21 refused", {.caps = ""}, {EHLO, MAIL RCPT "BDAT 46 LAST\r\n" TEXT
	    "\n.\r\n", "NOOP\r\n"},
	    "220 250 250 250 554 250", 0, NULL, NULL},
	{"a CR at the end", {.caps = ""}, {EHLO, MAIL RCPT "BDAT 43 LAST\r\n"
	    TEXT "\r", "NOOP\r\n"},
	    "220 250 250 250 554 250", 0, NULL, NULL},
	{"a CR between chunks", {.caps = ""}, {EHLO, MAIL RCPT "BDAT 43\r\n"
	    TEXT "\r", "BDAT 2 LAST\r\n\nx"},
	    "220 250 250 250 250 250", 1, TEXT "\r\nx\r\n", NULL},
	/* What BDAT brings and DATA takes, made good (TEXT has 42 octets). */
	{"chunk made good", {.caps = "", .normalizes = true}, {EHLO,
	    MAIL RCPT "BDAT 48 LAST\r\n" TEXT "\n.\r\n.\n", "NOOP\r\n"},
	    "220 250 250 250 250 250", 1, TEXT "\r\n.\r\n.\r\n", NULL},
	{"chunks made good", {.caps = "", .normalizes = true}, {EHLO,
	    MAIL RCPT "BDAT 42\r\n" TEXT, "BDAT 3\r\na\n.", "BDAT 5 LAST\r\n"
	    "\n\r.\rx", "NOOP\r\n"},
	    "220 250 250 250 250 250 250 250", 1,
	    TEXT "a\r\n.\r\n\r\n.\r\nx\r\n", NULL},
	{"a CR at the end made good", {.caps = "", .normalizes = true}, {EHLO,
	    MAIL RCPT "BDAT 43 LAST\r\n" TEXT "\r", "NOOP\r\n"},
	    "220 250 250 250 250 250", 1, TEXT "\r\n", NULL},
	{"B22", {.caps = FULL},
	    {EHLO, MAIL RCPT "BDAT 42\r\n" TEXT, "RSET\r\n", "BDAT 3 LAST\r\n"
	    "abcNOOP\r\n"},
	    "220 250 250 250 250 250 503 250", 0, NULL, NULL},
	{"stray chunks weigh nothing", {.caps = FULL, .size_limit = 200},
	    {EHLO, "BDAT 90\r\n" TEXT TEXT "123456BDAT 90 LAST\r\n" TEXT TEXT
	    "123456", MAIL RCPT "BDAT 84 LAST\r\n" TEXT TEXT},
	    "220 250 503 503 250 250 250", 1, TEXT TEXT, NULL},
	{"Q06", {.caps = FULL}, {EHLO, "BDAT 18 LAST\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
	    "QUIT\r\n"}, "220 250 503 221", 0, NULL, NULL},
	{"P04", {.caps = FULL}, {EHLO, MAIL RCPT "DATA\r\n", TEXT ".\r\n" MAIL
	    RCPT, "DATA\r\n", TEXT ".\r\n"},
	    "220 250 250 250 354 250 250 250 354 250", 2, TEXT, NULL},
	{"bare LF", {.caps = FULL}, {EHLO, MAIL RCPT "DATA\r\n", TEXT
	    "a\n.\nb\r\n.\r\nMAIL FROM:<smuggled@x>\r\n"},
	    "220 250 250 250 354 550", 0, NULL, NULL},
	{"bare CR", {.caps = ""}, {EHLO, MAIL RCPT "DATA\r\n", TEXT
	    "a\r.\r\r\n.\r\nMAIL FROM:<smuggled@x>\r\n"},
	    "220 250 250 250 354 550", 0, NULL, NULL},
	{"bare newlines made good", {.caps = "", .normalizes = true},
	    {EHLO, MAIL RCPT "DATA\r\n", TEXT "a\n.\nb\r..\r\n.\r\n"
	    "NOOP\r\n"},
	    "220 250 250 250 354 250 250", 1,
	    TEXT "a\r\n.\r\nb\r\n..\r\n", NULL},
	{"the same, by BDAT", {.caps = FULL, .normalizes = true},
	    {EHLO, MAIL RCPT "DATA\r\n", TEXT "a\n.\nb\r..\r\n.\r\n"
	    "NOOP\r\n"},
	    "220 250 250 250 354 250 250", 1,
	    TEXT "a\r\n.\r\nb\r\n..\r\n", NULL},
	{"protected header", {.caps = FULL},
	    {EHLO, MAIL RCPT "DATA\r\n", "X-OriginatorOrg: contoso.com\r\n"
	    HEAD "x-ms-exchange-organization-AuthAs\t:\r\n Internal\r\n"
	    "\r\nBody.\r\n.\r\n"},
	    "220 250 250 250 354 250", 1, TEXT, NULL},
	{"no header", {.caps = FULL}, {EHLO, MAIL RCPT "DATA\r\n",
	    "garbage\r\n\r\nX\r\n.\r\n", "NOOP\r\n"},
	    "220 250 250 250 354 554 250", 0, NULL, NULL},
	{"Q05", {.caps = FULL}, {EHLO, MAIL RCPT, "EHLO again\r\n", "DATA\r\n",
	    "BDAT 3\r\nabc"},
	    "220 250 250 250 250 503 503", 0, NULL, NULL},
	{"HELO announces nothing", {.caps = FULL}, {"HELO x\r\n",
	    "MAIL FROM:<a@b> SIZE=3\r\n", MAIL RCPT "BDAT 3\r\nabc"
	    "DATA\r\n", TEXT ".\r\n"},
	    "220 250 555 250 250 502 354 250", 1, NULL, NULL},
	{"safe", {.caps = FULL, .is_safe = true}, {EHLO, MAIL RCPT
	    "BDAT 3\r\nabcDATA\r\n", TEXT ".\r\n"},
	    "220 250 250 250 502 354 250", 1, TEXT, NULL},
	{"parameters", {.caps = FULL}, {EHLO,
	    "MAIL FROM:<a@example.org> SIZE=5 BODY=8BITMIME RET=HDRS\r\n"
	    "RCPT TO:<b@contoso.com> NOTIFY=NEVER\r\n" RCPT "DATA\r\n",
	    TEXT ".\r\n"}, "220 250 250 250 250 354 250", 1, TEXT,
	    "MAIL FROM:<a@example.org> SIZE=5 BODY=8BITMIME RET=HDRS\r\n"
	    "RCPT TO:<b@contoso.com> NOTIFY=NEVER\r\n" RCPT},
	{"verified", {.caps = FULL, .client = CLIENT_EXCHANGE},
	    {EHLO, "STARTTLS\r\n", MAIL, EHLO, "MAIL FROM:<a@example.org> "
	    "XOORG=contoso.com\r\n" RCPT "RCPT TO:<a@elsewhere.example>\r\n"
	    "BDAT 42 LAST\r\n" TEXT},
	    "220 250 220 503 250 250 250 550 250", 1, TEXT, MAIL RCPT},
	{"M36", {.caps = FULL, .client = CLIENT_EXCHANGE},
	    {EHLO, "STARTTLS\r\n", EHLO, "MAIL FROM:<a@example.org> "
	    "XOORG=contoso.com\r\n" RCPT "BDAT 42 LAST\r\n" TEXT MAIL RCPT
	    "BDAT 42 LAST\r\n" TEXT},
	    "220 250 220 250 250 250 250 250 250 250", 2, TEXT, MAIL RCPT},
	{"verdicts", {.caps = FULL, .client = CLIENT_EXCHANGE},
	    {EHLO, MAIL "RSET\r\nMAIL FROM:<a@b> XOORG=contoso.com\r\n",
	    "STARTTLS\r\n", EHLO, "MAIL FROM:<a@b> XOORG=fabrikam.com\r\n"
	    "MAIL FROM:<a@b> XOORG=\r\n" MAIL RCPT "RSET\r\nSTARTTLS\r\n"},
	    "220 250 250 250 501 220 250 550 501 250 250 250 503", 0, NULL,
	    NULL},
	{"a value in the message", {.caps = FULL " XOORG",
	    .client = CLIENT_LOCAL, .has_message_xoorg = true},
	    {EHLO, MAIL RCPT RCPT "DATA\r\n", "X-OriginatorOrg: Contoso.com"
	    "\r\n" TEXT ".\r\n" MAIL RCPT "DATA\r\n", TEXT ".\r\n"},
	    "220 250 250 250 250 354 250 250 250 354 250", 2, TEXT, MAIL RCPT},
	{"its envelope", {.caps = "XOORG",
	    .client = CLIENT_LOCAL, .has_message_xoorg = true},
	    {EHLO, MAIL RCPT RCPT "BDAT 72 LAST\r\n" "X-OriginatorOrg: "
	    "contoso.com\r\n" TEXT}, "220 250 250 250 250 250", 1, TEXT,
	    "MAIL FROM:<a@example.org> XOORG=contoso.com\r\n" RCPT RCPT},
	{"nobody's value", {.caps = FULL " XOORG",
	    .client = CLIENT_LOCAL, .has_message_xoorg = true},
	    {EHLO, MAIL RCPT "DATA\r\n", "X-OriginatorOrg: fabrikam.com\r\n"
	    TEXT ".\r\n"}, "220 250 250 250 354 250", 1, TEXT, MAIL RCPT},
	{"a stranger's value", {.caps = FULL " XOORG",
	    .has_message_xoorg = true},
	    {EHLO, MAIL RCPT "DATA\r\n", "X-OriginatorOrg: contoso.com\r\n"
	    TEXT ".\r\n"}, "220 250 250 250 354 250", 1, TEXT, MAIL RCPT},
	{"taken, and refused with the value", {.caps = FULL " XOORG", .client = CLIENT_LOCAL,
	    .has_message_xoorg = true, PLANS({HOP_MAIL, .nth = 2,
	    .reply = "501 5.5.4 Invalid arguments\r\n"})},
	    {EHLO, MAIL RCPT RCPT "DATA\r\n", "X-OriginatorOrg: contoso.com"
	    "\r\n" TEXT ".\r\nNOOP\r\n"},
	    "220 250 250 250 250 354 451 250", 0, NULL, NULL},
	{"LMTP", {.caps = FULL, .is_lmtp = true},
	    {EHLO, MAIL RCPT RCPT RCPT "DATA\r\n", TEXT ".\r\nNOOP\r\n"},
	    "220 250 250 250 250 250 354 250 250", 1, TEXT,
	    MAIL RCPT RCPT RCPT},
	{"LMTP in chunks", {.caps = BDAT, .is_lmtp = true,
	    PLANS({HOP_RCPT, .nth = 2, .reply = "550 no\r\n"})},
	    {EHLO, MAIL RCPT RCPT RCPT "BDAT 42\r\n" TEXT "BDAT 0 LAST\r\n"},
	    "220 250 250 250 550 250 250 250", 1, TEXT, MAIL RCPT RCPT},
	{"our own", {.caps = FULL, .client = CLIENT_LOCAL},
	    {EHLO, MAIL "RCPT TO:<a@elsewhere.example>\r\n" "DATA\r\n",
	    TEXT ".\r\n"}, "220 250 250 250 354 250", 1, TEXT, NULL},
};

static void
play(struct world *w, const struct session *s,
    const struct world_options *options)
{
	assert_true(world_init(w, options));
	for (size_t i = 0; i < N(s->say) && s->say[i] != NULL; i++)
		world_say(w, s->say[i]);
	expect_codes(w, s->name, s->want);
	expect_number(w, s->name, w->n_commits, s->n_commits);
	expect_number(w, "delivered", w->n_delivered, s->n_commits);
	if (s->content != NULL && s->n_commits > 0)
		expect_content(w, s->name, xo_span_from_cstr(s->content));
	if (s->envelope != NULL) {
		const struct commit *c = &w->commits[w->n_commits - 1];

		if (!xo_span_is_equal(xo_buf_span(&c->envelope),
		    xo_span_from_cstr(s->envelope)))
			complain(w, s->name, "another envelope", s->envelope);
	}
}

/* The client must see the same, octet for octet. */
static void
replay(const struct session *s, const struct world_options *options,
    struct xo_span want)
{
	struct world w;

	play(&w, s, options);
	if (!xo_span_is_equal(xo_buf_span(&w.got), want))
		complain(&w, s->name, "other replies when cut", "the same");
	world_fini(&w);
}

static void
replay_cut(const struct session *s, const struct world *first)
{
	struct world_options o = s->options;
	struct xo_span want = xo_buf_span(&first->got);

	for (o.front_cut = 1; o.front_cut < first->fed; o.front_cut++)
		replay(s, &o, want);
	o.front_cut = 0;
	for (o.hop_cut = 1; o.hop_cut < first->hop.total; o.hop_cut++)
		replay(s, &o, want);
	o.hop_cut = 0;
	o.is_hop_bytewise = true;
	replay(s, &o, want);
	o.is_front_bytewise = true;
	replay(s, &o, want);
	o.is_hop_first = true;
	replay(s, &o, want);
	o.is_hop_bytewise = false;
	replay(s, &o, want);
	o.is_front_bytewise = false;
	replay(s, &o, want);
}

static void
test_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(sessions); i++) {
		struct world w;

		play(&w, &sessions[i], &sessions[i].options);
		replay_cut(&sessions[i], &w);
		world_fini(&w);
	}
}

/* What depends on whether octets came along: not to be cut. */
static void
test_followed(void **state)
{
	static const struct session rows[] = {
		{"P01", {.caps = FULL}, {EHLO MAIL}, "220 554", 0, NULL, NULL},
		{"P02", {.caps = FULL}, {EHLO, MAIL RCPT "DATA\r\n" TEXT
		    ".\r\nMAIL FROM:<smuggled@x>\r\n"}, "220 250 250 250 554",
		    0, NULL, NULL},
		{"P02 refused", {.caps = FULL}, {EHLO, "DATA\r\n" TEXT},
		    "220 250 554", 0, NULL, NULL},
		{"T01", {.caps = FULL}, {EHLO, "STARTTLS\r\n" MAIL},
		    "220 250 554", 0, NULL, NULL},
		{"L01", {.caps = FULL}, {EHLO, "NOOP\n" "NOOP\r\n"},
		    "220 250 500", 0, NULL, NULL},
		{"behind QUIT", {.caps = FULL}, {EHLO, "QUIT\r\n" MAIL},
		    "220 250 221", 0, NULL, NULL},
		{"B04", {.caps = FULL}, {EHLO, MAIL RCPT "BDAT -1\r\n" MAIL},
		    "220 250 250 250 501", 0, NULL, NULL},
		{"2^64", {.caps = FULL}, {EHLO, MAIL RCPT
		    "BDAT 18446744073709551616\r\n" MAIL},
		    "220 250 250 250 552", 0, NULL, NULL},
		{"too large a stray", {.caps = FULL}, {EHLO,
		    "BDAT 1048577 LAST\r\nabc"}, "220 250 503", 0, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		play(&w, &rows[i], &rows[i].options);
		if (!w.is_closed)
			complain(&w, rows[i].name, "open", "closed");
		expect_number(&w, "left at the next hop", w.hop.is_linked, 0);
		world_fini(&w);
	}
}

/* Chunk borders at each octet of a message. */

#define BORDERS "From: a@example.org\r\n" \
	"X-MS-Exchange-Organization-AuthAs: Internal\r\nSubject: x\r\n\r\n" \
	".\r\n..\r\nline\r\n.x\r\n\r\n.end"
#define BORDERS_KEPT HEAD "\r\n.\r\n..\r\nline\r\n.x\r\n\r\n.end"

static void
add_chunk(struct xo_buf *b, struct xo_span s, bool is_last)
{
	xo_buf_add_cstr(b, "BDAT ");
	xo_buf_add_u64(b, s.len);
	xo_buf_add_cstr(b, is_last ? " LAST\r\n" : "\r\n");
	xo_buf_add(b, s);
}

static void
send_chunks(const char *caps, size_t one, size_t two, bool is_bytewise)
{
	struct xo_span all = XO_LIT(BORDERS);
	struct xo_span rest = xo_span(all.p + one, all.len - one);
	struct world_options o = {.caps = caps,
	    .is_front_bytewise = is_bytewise};
	struct xo_buf b = {0};
	struct world w;
	char what[64];

	(void)snprintf(what, sizeof(what), "chunks of %zu and %zu, %s", one,
	    two, caps);
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	xo_buf_add_cstr(&b, MAIL RCPT);
	add_chunk(&b, xo_span_first(all, one), false);
	add_chunk(&b, xo_span_first(rest, two), false);
	add_chunk(&b, xo_span(rest.p + two, rest.len - two), true);
	xo_buf_add_cstr(&b, "NOOP\r\n");
	world_send(&w, xo_buf_span(&b));
	expect_codes(&w, what, "220 250 250 250 250 250 250 250");
	expect_number(&w, what, w.n_commits, 1);
	expect_content(&w, what, w.commits[0].by_data ?
	    XO_LIT(BORDERS_KEPT "\r\n") : XO_LIT(BORDERS_KEPT));
	xo_buf_fini(&b);
	world_fini(&w);
}

static void
test_chunk_borders(void **state)
{
	static const char *const caps[] = {
		"", "PIPELINING", BDAT, ("PIPELINING " BDAT), "CHUNKING"
	};
	size_t len = sizeof(BORDERS) - 1;

	(void)state;
	for (size_t c = 0; c < N(caps); c++) {
		for (size_t one = 0; one <= len; one++) {
			send_chunks(caps[c], one, 0, false);
			send_chunks(caps[c], one, (len - one) / 2, true);
			send_chunks(caps[c], one, len - one, false);
		}
		for (size_t one = len - 30; one < len; one++)
			for (size_t two = 0; two <= len - one; two++)
				send_chunks(caps[c], one, two, false);
	}
}

/* Faults of the next hop */

enum framing { BY_DATA, BY_CHUNK, BY_CHUNKS, FRAMING_COUNT };

/* A client that reads: gives the code that its message came to; 0: none. */
static uint16_t
deliver(struct world *w, enum framing how, bool is_group)
{
	size_t n = w->n_replies;

	if (is_group) {
		world_say(w, MAIL RCPT RCPT);
	} else {
		world_say(w, MAIL);
		world_say(w, RCPT);
		world_say(w, RCPT);
	}
	while (w->n_replies < n + 3 && world_wait(w))
		;
	if (w->n_replies < n + 3)
		return w->is_closed ? last_code(w) : 0;
	if (w->replies[n + 1] != 250 && w->replies[n + 2] != 250)
		return w->replies[n + 2];
	n = w->n_replies;
	if (how == BY_DATA) {
		world_say(w, "DATA\r\n");
		if (last_code(w) != 354)
			return last_code(w);
		n++;
		world_say(w, HEAD "\r\nBo");
		world_say(w, "dy.\r\n.\r\n");
	} else if (how == BY_CHUNK) {
		world_say(w, "BDAT 42 LAST\r\n" HEAD "\r\nBo");
		world_say(w, "dy.\r\n");
	} else {
		world_say(w, "BDAT 37\r\n" HEAD "\r\nBo");
		if (w->n_replies > n && last_code(w) != 250)
			return last_code(w);
		world_say(w, "BDAT 5 LAST\r\ndy.\r\n");
		n++;
	}
	while (w->n_replies <= n && world_wait(w))
		;
	return w->n_replies > n ? w->replies[n] : 0;
}

struct fault {
	const char *id;
	struct hop_plan plan;
	int want;		/* class of the reply */
	int want_reused;	/* the same on a kept connection; 0: as above */
};

#define SAYS(p, r) {p, .connection = 1, .nth = 1, .reply = r}
#define ENDS(p) {p, .connection = 1, .nth = 1, .closes = true}
#define STALLS(p) {p, .connection = 1, .nth = 1, .is_silent = true}
#define TWICE(p, r) {p, .connection = 1, .nth = 1, .reply = r, \
	.is_before = true}
#define LONG8 "250-aaaaaaaa\r\n250-aaaaaaaa\r\n250-aaaaaaaa\r\n250-a\r\n"

static const struct fault faults[] = {
	{"connect", {.phase = HOP_ACQUIRE}, 4, 4},
	{"MAIL closed", ENDS(HOP_MAIL), 4, 2},
	{"MAIL stalls", STALLS(HOP_MAIL), 4, 4},
	{"MAIL 4xx", SAYS(HOP_MAIL, "451 4.3.0 no\r\n"), 4, 4},
	{"MAIL 5xx", SAYS(HOP_MAIL, "550 5.7.1 no\r\n"), 5, 5},
	{"MAIL 421", {HOP_MAIL, .connection = 1, .nth = 1,
	    .reply = "421 4.3.2 bye\r\n", .closes = true}, 4, 2},
	{"MAIL garbage", SAYS(HOP_MAIL, "Hello\r\n"), 4, 4},
	{"MAIL 354", SAYS(HOP_MAIL, "354 go\r\n"), 4, 4},
	{"MAIL two codes", SAYS(HOP_MAIL, "250-a\r\n451 b\r\n"), 4, 4},
	{"MAIL 251", SAYS(HOP_MAIL, "251 a\r\n"), 4, 4},
	{"MAIL 999", SAYS(HOP_MAIL, "999 a\r\n"), 4, 4},
	{"MAIL answered twice", TWICE(HOP_MAIL, "250 a\r\n"), 4, 4},
	{"RCPT closed", ENDS(HOP_RCPT), 4, 2},
	{"RCPT stalls", STALLS(HOP_RCPT), 4, 4},
	{"RCPT 421", {HOP_RCPT, 1, 1, "421 4.3.2 bye\r\n", .closes = true},
	    4, 2},
	{"RCPT garbage", SAYS(HOP_RCPT, "\x80\x81\r\n"), 4, 4},
	{"RCPT 354", SAYS(HOP_RCPT, "354 go\r\n"), 4, 4},
	{"RCPT 252", SAYS(HOP_RCPT, "252 a\r\n"), 4, 4},
	{"RCPT answered twice", {HOP_RCPT, 1, 2, "250 a\r\n",
	    .is_before = true}, 4, 4},
	{"DATA closed", ENDS(HOP_DATA), 4, 4},
	{"DATA stalls", STALLS(HOP_DATA), 4, 4},
	{"DATA 4xx", SAYS(HOP_DATA, "451 4.3.0 no\r\n"), 4, 4},
	{"DATA 5xx", SAYS(HOP_DATA, "554 5.3.0 no\r\n"), 5, 5},
	{"DATA 421", {HOP_DATA, 1, 1, "421 4.3.2 bye\r\n", .closes = true},
	    4, 4},
	{"DATA 250", SAYS(HOP_DATA, "250 a\r\n"), 4, 4},
	{"DATA 350", SAYS(HOP_DATA, "350 a\r\n"), 4, 4},
	{"DATA 355", SAYS(HOP_DATA, "355 a\r\n"), 4, 4},
	{"DATA garbage", SAYS(HOP_DATA, "354"  "x\r\n"), 4, 4},
	{"DATA answered twice", SAYS(HOP_DATA, "354 a\r\n250 b\r\n"), 4, 4},
	{"body closed", ENDS(HOP_BODY), 4, 4},
	{"body 4xx", SAYS(HOP_BODY, "452 4.3.1 no\r\n"), 4, 4},
	{"body 5xx", SAYS(HOP_BODY, "552 5.3.4 no\r\n"), 5, 5},
	{"body 2xx", SAYS(HOP_BODY, "250 a\r\n"), 4, 4},
	{"body 421", {HOP_BODY, 1, 1, "421 4.3.2 bye\r\n", .closes = true},
	    4, 4},
	{"body garbage", SAYS(HOP_BODY, "?\r\n"), 4, 4},
	{"chunk 4xx", SAYS(HOP_CHUNK, "452 4.3.1 no\r\n"), 4, 4},
	{"chunk 5xx", SAYS(HOP_CHUNK, "552 5.3.4 no\r\n"), 5, 5},
	{"chunk 354", SAYS(HOP_CHUNK, "354 a\r\n"), 4, 4},
	{"chunk closed", ENDS(HOP_CHUNK), 4, 4},
	{"chunk stalls", STALLS(HOP_CHUNK), 4, 4},
	{"final closed", ENDS(HOP_FINAL), 4, 4},
	{"final stalls", STALLS(HOP_FINAL), 4, 4},
	{"final 4xx", SAYS(HOP_FINAL, "451 4.3.0 no\r\n"), 4, 4},
	{"final 5xx", SAYS(HOP_FINAL, "554 5.6.0 no\r\n"), 5, 5},
	{"final 421", {HOP_FINAL, 1, 1, "421 4.3.2 bye\r\n", .closes = true},
	    4, 4},
	{"final 251", SAYS(HOP_FINAL, "251 a\r\n"), 4, 4},
	{"final 354", SAYS(HOP_FINAL, "354 a\r\n"), 4, 4},
	{"final 999", SAYS(HOP_FINAL, "999 a\r\n"), 4, 4},
	{"final two codes", {HOP_FINAL, 1, 1, "250-a\r\n451 b\r\n",
	    .commits = true}, 4, 4},
	{"final binary", SAYS(HOP_FINAL, "\xff\xfe\r\n"), 4, 4},
	{"commits, no reply", {HOP_FINAL, 1, 1, NULL, true, .commits = true},
	    4, 4},
	{"commits, 25", {HOP_FINAL, 1, 1, "25", true, .commits = true}, 4, 4},
	{"commits, no CRLF", {HOP_FINAL, 1, 1, "250 text", true,
	    .commits = true}, 4, 4},
	{"commits, CR only", {HOP_FINAL, 1, 1, "250 text\r", true,
	    .commits = true}, 4, 4},
	{"commits, 250-", {HOP_FINAL, 1, 1, "250-text\r\n", true,
	    .commits = true}, 4, 4},
	{"commits, stalls", {HOP_FINAL, 1, 1, "250-text\r\n",
	    .commits = true, .is_silent = true}, 4, 4},
	{"commits, two replies", SAYS(HOP_FINAL, "250 2.0.0 a\r\n"
	    "250 2.0.0 b\r\n"), 2, 2},
	{"commits, closes", {HOP_FINAL, 1, 1, "250 2.0.0 a\r\n",
	    .closes = true}, 2, 2},
	{"commits, as to RCPT", SAYS(HOP_FINAL, "250 2.1.5 a\r\n"), 2, 2},
	{"commits, no status", SAYS(HOP_FINAL, "250 a\r\n"), 2, 2},
	{"commits, no text", SAYS(HOP_FINAL, "250\r\n"), 2, 2},
	{"commits, LF only", SAYS(HOP_FINAL, "250 2.0.0 a\n"), 2, 2},
	{"commits, lines", SAYS(HOP_FINAL, LONG8 "250 x\r\n"), 2, 2},
	{"commits, worded lines", SAYS(HOP_FINAL, "250-2.0.0 a\r\n" LONG8
	    "250 x\r\n"), 2, 2},
	{"hello closed", ENDS(HOP_HELLO), 2, 2},
	{"hello stalls", STALLS(HOP_HELLO), 2, 2},
	{"hello 4xx", SAYS(HOP_HELLO, "451 4.3.0 no\r\n"), 2, 2},
	{"hello 5xx", SAYS(HOP_HELLO, "554 5.6.0 no\r\n"), 2, 2},
	{"hello 250", SAYS(HOP_HELLO, "250 2.0.0 ok\r\n"), 2, 2},
	{"hello of another", SAYS(HOP_HELLO, "250-a\r\n250 DSN\r\n"), 2, 2},
	{"hello answered twice", TWICE(HOP_HELLO, "250 2.0.0 ok\r\n"), 2, 2},
};

/* Where another class follows if it goes by one BDAT, or by several: what ends
 * them may be another command's answer. */
static const struct {
	const char *id;
	int want[2];
} by_bdat[] = {
	{"commits, two replies", {2, 4}},
	{"commits, closes", {2, 4}},
	{"commits, as to RCPT", {4, 2}},
	{"commits, no status", {4, 2}},
	{"commits, no text", {4, 2}},
	{"commits, lines", {4, 2}},
	{"hello closed", {2, 4}},
	{"hello stalls", {2, 4}},
	{"hello 4xx", {2, 4}},
	{"hello 5xx", {2, 4}},
	{"hello 250", {2, 4}},
	{"hello of another", {2, 4}},
	{"hello answered twice", {2, 4}},
};

static int
wanted(const struct fault *f, const char *caps, enum framing how,
    bool is_reused)
{
	for (size_t i = 0; i < N(by_bdat) && how != BY_DATA &&
	    strstr(caps, BDAT) != NULL; i++)
		if (strcmp(by_bdat[i].id, f->id) == 0)
			return by_bdat[i].want[how == BY_CHUNKS];
	return is_reused && f->want_reused != 0 ? f->want_reused : f->want;
}

static void
check_fault(const struct fault *f, const char *caps, enum framing how,
    bool is_group, bool is_reused)
{
	struct world_options o = {
		.caps = caps, .is_reused = is_reused, .plans = &f->plan,
		.n_plans = 1,
	};
	int want = wanted(f, caps, how, is_reused);
	struct world w;
	uint16_t code;
	char what[160];
	bool has_met;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	code = deliver(&w, how, is_group);
	has_met = f->plan.phase == HOP_ACQUIRE || w.hop.n_connections > 1 ||
	    w.hop.n[f->plan.phase] > 0;
	(void)snprintf(what, sizeof(what), "%s, framing %d, %s%s[%s]: %u",
	    f->id, how, is_group ? "group " : "", is_reused ? "kept " : "",
	    caps, code);
	expect_sound(&w, what);
	/* A phase of the other framing: nothing happens. A connection that was
	 * left keeps no count. */
	if (code / 100 != want && !(code == 250 && !has_met &&
	    f->plan.phase != HOP_FINAL && (f->plan.phase == HOP_DATA ||
	    f->plan.phase == HOP_CHUNK)))
		complain(&w, what, "another class", f->id);
	if (code == 250 && w.n_acked == 0)
		complain(&w, what, "250", "the next hop's 250 before");
	if (w.n_acked > 0 && code != 250 && want == 2)
		complain(&w, what, "a needless retry", "250");
	if (want == 4 && f->plan.phase <= HOP_RCPT &&
	    w.hop.n_acquires > 1 + (is_reused ? 1 : 0))
		complain(&w, what, "another connection", "none");
	/* Still in step, and the next message goes. */
	if (!w.is_closed) {
		size_t n = w.n_replies;

		world_say(&w, "RSET\r\n");
		expect_number(&w, what, w.n_replies, n + 1);
		n = w.n_delivered;
		w.options.n_plans = 0;
		code = deliver(&w, how, is_group);
		expect_sound(&w, what);
		expect_number(&w, what, code, 250);
		expect_number(&w, what, w.n_delivered, n + 1);
	}
	world_fini(&w);
}

static void
test_faults(void **state)
{
	static const char *const caps[] = {"", "PIPELINING", FULL, BDAT, "CHUNKING"};

	(void)state;
	for (size_t i = 0; i < N(faults); i++)
		for (size_t c = 0; c < N(caps); c++)
			for (int mode = 0; mode < 4 * FRAMING_COUNT; mode++)
				check_fault(&faults[i], caps[c],
				    (enum framing)(mode / 4), mode & 1,
				    mode & 2);
}

/*
 * What the next hop refuses, and whom that is about: its words on sender,
 * recipient and content are the client's to hear; those on the gateway are not.
 */
static const struct {
	enum hop_phase phase;
	const char *reply;
	bool is_about_us;
} blames[] = {
	/* about the mail */
	{HOP_MAIL, "550 5.7.1 sender refused\r\n", false},
	{HOP_MAIL, "550 5.1.8 no such domain\r\n", false},
	{HOP_MAIL, "552 5.3.4 too large\r\n", false},
	{HOP_MAIL, "553 5.1.7 no address\r\n", false},
	{HOP_MAIL, "554 5.7.1 no\r\n", false},
	{HOP_MAIL, "501 5.1.7 bad sender\r\n", false},
	{HOP_MAIL, "501 5.5.4 Invalid arguments\r\n", false},
	{HOP_MAIL, "504 5.5.2 <a>: need fully-qualified address\r\n", false},
	{HOP_MAIL, "555 5.5.4 unsupported parameter\r\n", false},
	{HOP_MAIL, "521 5.7.1 no mail from there\r\n", false},
	{HOP_MAIL, "550 5.7.57 client not authenticated\r\n", false},
	{HOP_RCPT, "550 5.1.1 no such user\r\n", false},
	{HOP_RCPT, "550 no such user\r\n", false},
	{HOP_RCPT, "551 5.1.6 moved\r\n", false},
	{HOP_RCPT, "552 5.2.2 full\r\n", false},
	{HOP_RCPT, "550 5.4.1 Access denied\r\n", false},
	{HOP_RCPT, "550 5.5.0 mailbox unavailable\r\n", false},
	{HOP_RCPT, "550 5.7.1 Unable to relay\r\n", false},
	{HOP_RCPT, "554 5.7.1 Relay access denied\r\n", false},
	{HOP_RCPT, "504 5.5.2 <b>: need fully-qualified address\r\n", false},
	{HOP_RCPT, "556 5.1.10 takes no mail\r\n", false},
	{HOP_DATA, "554 5.7.1 no\r\n", false},
	{HOP_DATA, "550 no\r\n", false},
	{HOP_FINAL, "550 5.1.1 no such user\r\n", false},
	{HOP_FINAL, "552 5.3.4 too large\r\n", false},
	{HOP_FINAL, "554 5.7.1 spam\r\n", false},
	{HOP_FINAL, "554 5.6.0 malformed\r\n", false},
	{HOP_FINAL, "554 no\r\n", false},
	/* about us */
	{HOP_MAIL, "530 5.7.0 Must issue a STARTTLS command first\r\n", true},
	{HOP_MAIL, "530 Authentication required\r\n", true},
	{HOP_MAIL, "530 5.7.57 Client not authenticated\r\n", true},
	{HOP_MAIL, "535 5.7.8 no\r\n", true},
	{HOP_MAIL, "538 5.7.11 encryption needed\r\n", true},
	{HOP_MAIL, "534 5.7.9 too weak\r\n", true},
	{HOP_MAIL, "550 5.7.10 encryption needed\r\n", true},
	{HOP_MAIL, "554 5.3.2 no mail here\r\n", true},
	{HOP_MAIL, "554 5.3.5 misconfigured\r\n", true},
	{HOP_MAIL, "521 no mail here\r\n", true},
	{HOP_MAIL, "500 5.5.2 what?\r\n", true},
	{HOP_MAIL, "502 5.5.1 not implemented\r\n", true},
	{HOP_MAIL, "503 5.5.1 EHLO first\r\n", true},
	{HOP_RCPT, "530 5.7.0 STARTTLS first\r\n", true},
	{HOP_RCPT, "500 what?\r\n", true},
	{HOP_RCPT, "502 5.5.1 not implemented\r\n", true},
	{HOP_RCPT, "503 5.5.1 MAIL first\r\n", true},
	{HOP_RCPT, "550 5.3.2 no mail here\r\n", true},
	{HOP_DATA, "503 5.5.1 RCPT first\r\n", true},
	{HOP_DATA, "554 5.5.1 no valid recipients\r\n", true},
	{HOP_DATA, "500 what?\r\n", true},
	{HOP_DATA, "502 5.5.1 not implemented\r\n", true},
	{HOP_DATA, "530 5.7.0 STARTTLS first\r\n", true},
	{HOP_CHUNK, "500 what?\r\n", true},
	{HOP_CHUNK, "503 5.5.1 RCPT first\r\n", true},
	{HOP_FINAL, "500 what?\r\n", true},
	{HOP_FINAL, "502 5.5.1 no BDAT here\r\n", true},
	{HOP_FINAL, "503 5.5.1 RCPT first\r\n", true},
	{HOP_FINAL, "530 5.7.0 STARTTLS first\r\n", true},
	{HOP_FINAL, "554 5.3.5 misconfigured\r\n", true},
};

static void
check_blame(size_t row, const char *caps, enum framing how, bool is_lmtp)
{
	bool is_each = is_lmtp && blames[row].phase == HOP_FINAL;
	char reply[160];
	const struct hop_plan plan = {blames[row].phase, .reply = reply};
	struct world_options o = {.caps = caps, .is_lmtp = is_lmtp,
	    .plans = &plan, .n_plans = 1};
	bool is_us = blames[row].is_about_us;
	uint16_t code, want = is_us ? 451 :
	    (uint16_t)atoi(blames[row].reply);
	struct world w;

	/* LMTP: to each of two recipients. */
	(void)snprintf(reply, sizeof(reply), "%s%s", blames[row].reply,
	    is_each ? blames[row].reply : "");
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	code = deliver(&w, how, true);
	expect_sound(&w, plan.reply);
	if (w.hop.n[plan.phase] == 0 && code == 250) {
		world_fini(&w);		/* a phase of the other framing */
		return;
	}
	expect_number(&w, plan.reply, code, want);
	if (is_us != world_has(&w, "451 4.3.5 Next hop does not accept mail"))
		complain(&w, plan.reply, "another reason", "upstream-setup");
	world_say(&w, "RSET\r\n");
	expect_sound(&w, plan.reply);
	world_fini(&w);
}

static void
test_blames(void **state)
{
	static const char *const caps[] = {"", "PIPELINING", FULL};

	(void)state;
	for (size_t i = 0; i < N(blames); i++)
		for (size_t c = 0; c < N(caps); c++)
			for (int mode = 0; mode < 2 * FRAMING_COUNT; mode++)
				check_blame(i, caps[c],
				    (enum framing)(mode / 2), mode & 1);
}

/* XOORG= is ours: a next hop that announced it and does not know it means us; 501
 * is final, as Exchange has it. */
static void
test_blame_of_xoorg(void **state)
{
	static const struct {
		const char *reply;
		bool has_value;
		bool is_about_us;
	} rows[] = {
		{"501 5.5.4 Invalid arguments\r\n", true, false},
		{"555 5.5.4 unknown parameter\r\n", true, true},
		{"501 5.1.7 bad sender\r\n", true, false},
		{"550 5.7.1 no\r\n", true, false},
		{"501 5.5.4 Invalid arguments\r\n", false, false},
		{"555 5.5.4 unknown parameter\r\n", false, false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct hop_plan plan = {HOP_MAIL, .reply = rows[i].reply};
		struct world_options o = {.caps = "XOORG", .plans = &plan,
		    .n_plans = 1, .client = CLIENT_EXCHANGE,
		    .has_message_xoorg = true};
		struct world w;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, "STARTTLS\r\n");
		world_say(&w, EHLO);
		world_say(&w, rows[i].has_value ?
		    "MAIL FROM:<a@contoso.com> XOORG=contoso.com\r\n" : MAIL);
		world_say(&w, RCPT);
		expect_sound(&w, rows[i].reply);
		expect_number(&w, rows[i].reply, last_code(&w),
		    rows[i].is_about_us ? 451 :
		    (size_t)atoi(rows[i].reply));
		world_fini(&w);
	}
}

/*
 * What the next hop says goes on, at each phase: what its last words become for
 * the client, with their status, and that the log has them.
 */

#define BUSY "Server busy, try later"
#define MANY "421-4.7.66 Server busy,\r\n421 4.7.66 try later\r\n"

static const struct words {
	const char *reply;		/* of the next hop */
	const char *want;		/* in what the client gets; NULL: none */
	const char *said;		/* in the log; NULL: nothing */
} words_kept[] = {
	{"421 4.7.66 " BUSY "\r\n", "451 4.7.66 " BUSY "\r\n",
	    "421 4.7.66 " BUSY},
	{"421 " BUSY "\r\n", "451 4.0.0 " BUSY "\r\n", "421 " BUSY},
	{"421 5.7.1 " BUSY "\r\n", "451 4.7.1 " BUSY "\r\n",
	    "421 5.7.1 " BUSY},
	{MANY, "451-4.7.66 Server busy,\r\n451 4.7.66 try later\r\n",
	    "421 4.7.66 Server busy,\n4.7.66 try later"},
	/* Nothing said. */
	{"421\r\n", "451 4.4.2 Connection to the next hop was lost", NULL},
	{"451 4.7.66 " BUSY "\r\n", "451 4.7.66 " BUSY "\r\n", NULL},
	{"450 " BUSY "\r\n", "450 4.0.0 " BUSY "\r\n", NULL},
	{"550 5.7.64 " BUSY "\r\n", "550 5.7.64 " BUSY "\r\n", NULL},
	{"550 4.7.64 " BUSY "\r\n", "550 5.7.64 " BUSY "\r\n", NULL},
	{"550 " BUSY "\r\n", "550 5.0.0 " BUSY "\r\n", NULL},
	{"530 5.7.0 " BUSY "\r\n", "451 4.3.5 Next hop does not accept mail",
	    "530 5.7.0 " BUSY},
	{"290 2.0.0 " BUSY "\r\n", "451 4.3.0 Next hop", "290 2.0.0 " BUSY},
};

/* False: the phase is not one of this framing. */
static bool
check_words(const struct words *row, enum hop_phase phase, enum framing how,
    bool is_retried)
{
	struct hop_plan plan = {.phase = phase, .reply = row->reply,
	    .connection = is_retried ? 1 : 0};
	struct world_options o = {.plans = &plan, .n_plans = 1, .caps = BDAT,
	    .is_reused = is_retried};
	struct xo_span got;
	struct world w;
	char what[160];

	(void)snprintf(what, sizeof(what), "phase %d, framing %d%s: %s",
	    (int)phase, (int)how, is_retried ? " kept" : "", row->reply);
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	if (deliver(&w, how, false) == 250 && !is_retried) {
		world_fini(&w);
		return false;
	}
	expect_sound(&w, what);
	got = xo_buf_span(&w.got);
	if (!is_retried && !world_span_has(got, row->want))
		complain(&w, what, "another reply", row->want);
	expect_number(&w, what, w.n_said > 0, row->said != NULL);
	if (row->said != NULL && !world_span_has(xo_buf_span(&w.said),
	    row->said))
		complain(&w, what, "other words in the log", row->said);
	if (is_retried)
		expect_number(&w, what, w.n_delivered, 1);
	world_fini(&w);
	return true;
}

static void
test_words_kept(void **state)
{
	static const enum hop_phase phases[] = {HOP_MAIL, HOP_RCPT, HOP_DATA,
		HOP_CHUNK, HOP_FINAL};

	(void)state;
	for (size_t i = 0; i < N(words_kept); i++)
		for (size_t p = 0; p < N(phases); p++) {
			int n = 0;

			for (int how = 0; how < FRAMING_COUNT; how++)
				n += check_words(&words_kept[i], phases[p],
				    (enum framing)how, false);
			assert_true(n > 0);
		}
	/* Another connection takes it, and the log has the words all the same. */
	for (size_t i = 0; i < 4; i++)
		for (size_t p = 0; p < 2; p++)
			assert_true(check_words(&words_kept[i], phases[p],
			    BY_DATA, true));
}

/* Between commands, and in the place of a connection. */
static void
test_words_kept_unasked(void **state)
{
	static const struct {
		const char *said, *want;
	} rows[] = {
		{"421 4.7.66 " BUSY, "451 4.7.66 " BUSY "\r\n"},
		{"421 " BUSY, "451 4.0.0 " BUSY "\r\n"},
		{"421 ", "451 4.4.2 Next hop does not accept mail"},
		{"554 5.7.1 " BUSY, "451 4.4.2 Next hop does not accept mail"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct hop_plan plan = {HOP_ACQUIRE,
		    .reply = rows[i].said};
		struct world_options o = {.plans = &plan, .n_plans = 1};
		struct world w;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, MAIL RCPT);
		expect_sound(&w, rows[i].said);
		if (!world_span_has(xo_buf_span(&w.got), rows[i].want))
			complain(&w, rows[i].said, "another reply",
			    rows[i].want);
		world_fini(&w);
	}
}

/* LMTP: a reply for each recipient, of which the client hears one. */
static void
test_lmtp(void **state)
{
	static const struct {
		const char *reply;
		bool closes;
		uint16_t want;
	} rows[] = {
		{"250 a\r\n250 b\r\n250 c\r\n", false, 250},
		{"250 a\r\n451 b\r\n250 c\r\n", false, 451},
		/* 5xx only if another try would bring it to nobody. */
		{"451 a\r\n550 b\r\n250 c\r\n", false, 451},
		{"550 a\r\n452 b\r\n250 c\r\n", false, 452},
		{"550 a\r\n452 b\r\n451 c\r\n", false, 452},
		{"452 a\r\n550 b\r\n550 c\r\n", false, 452},
		{"550 a\r\n554 b\r\n451 c\r\n", false, 451},
		{"550 a\r\n552 b\r\n250 c\r\n", false, 550},
		{"250 a\r\n250 b\r\n552 c\r\n", false, 552},
		{"250 a\r\n250 b\r\n", true, 451},
		{"250 a\r\n250 b\r\n250 c", true, 451},
		{"250 a\r\n250 b\r\n421 c\r\n", true, 451},
		{"250 a\r\n250 b\r\n354 c\r\n", false, 451},
		{"250 a\r\n250 b\r\n", false, 451},
		/* One answer more than recipients: which is whose? */
		{"250 a\r\n250 b\r\n250 c\r\n250 d\r\n", false, 451},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct hop_plan plan = {HOP_FINAL, .nth = 1,
		    .reply = rows[i].reply, .closes = rows[i].closes,
		    .commits = true};
		struct world_options o = {.caps = FULL, .is_lmtp = true,
		    .plans = &plan, .n_plans = 1,
		    .is_hop_bytewise = i % 2 != 0};
		struct world w;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, MAIL RCPT RCPT RCPT "BDAT 42 LAST\r\n" TEXT);
		while (w.n_replies < 7 && world_wait(&w))
			;
		expect_sound(&w, rows[i].reply);
		expect_number(&w, rows[i].reply, last_code(&w), rows[i].want);
		world_say(&w, "NOOP\r\n");
		expect_number(&w, rows[i].reply, w.n_replies, 8);
		world_fini(&w);
	}
}

/* Replies to nothing, in front of what they would answer so well. */
static void
expect_disbelief(const struct hop_plan *plan, const char *caps,
    const char *say, const char *more)
{
	struct world_options o = {.caps = caps, .plans = plan, .n_plans = 1};
	struct world w;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, say);
	if (more != NULL)
		world_say(&w, more);
	while (last_code(&w) / 100 < 4 && !w.is_closed && world_wait(&w))
		;
	expect_sound(&w, say);
	if (w.n_acked > 0 || w.n_delivered > 0 || last_code(&w) / 100 < 4)
		complain(&w, say, "belief", "none");
	world_fini(&w);
}

static void
test_disbelief(void **state)
{
	static const struct hop_plan early[] = {
		{HOP_MAIL, .reply = "250 a\r\n", .is_before = true},
		{HOP_RCPT, .reply = "250 a\r\n", .is_before = true},
		{HOP_RCPT, .reply = "250 a\r\n", .closes = true},
		{HOP_DATA, .reply = "354 a\r\n250 b\r\n"},
		{HOP_BODY, .reply = "250 a\r\n", .closes = true},
	};
	static const char *const caps[] = {
		"", "PIPELINING", BDAT, ("PIPELINING " BDAT), "CHUNKING"
	};

	(void)state;
	for (size_t c = 0; c < N(caps); c++) {
		for (size_t i = 0; i < 2; i++)
			expect_disbelief(&early[i], caps[c], MAIL RCPT RCPT
			    "BDAT 42 LAST\r\n" TEXT, NULL);
		for (size_t i = 0; i < 3; i++)
			expect_disbelief(&early[i], caps[c], MAIL RCPT RCPT
			    "DATA\r\n", TEXT ".\r\n");
	}
	for (size_t c = 0; c < 2; c++)
		expect_disbelief(&early[3], caps[c], MAIL RCPT "DATA\r\n",
		    TEXT ".\r\n");
	expect_disbelief(&early[4], BDAT, MAIL RCPT "BDAT 42\r\n" HEAD
	    "\r\n", "Body.\r\nBDAT 1 LAST\r\nx");
}

/* The end of a message is answered twice: it counts, and is the last there. */
static void
test_last_words(void **state)
{
	static const struct hop_plan twice = {HOP_FINAL, .connection = 1,
	    .reply = "250 2.0.0 a\r\n250 2.0.0 b\r\n", .commits = true};
	struct world_options o = {.caps = FULL, .plans = &twice};

	(void)state;
	for (o.n_plans = 0; o.n_plans < 2; o.n_plans++) {
		struct world w;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, MAIL RCPT "BDAT 42 LAST\r\n" TEXT);
		expect_codes(&w, "twice", "220 250 250 250 250");
		expect_number(&w, "dropped", world_span_has(
		    xo_buf_span(&w.transcript), "   drop"), o.n_plans);
		world_fini(&w);
	}
}

/* A client that vanishes at each octet. */

static void
vanish(const char *caps, struct xo_span all, size_t n, bool is_hop_slow)
{
	const struct hop_plan slow = {HOP_RCPT, .is_silent = true};
	struct world_options o = {.caps = caps, .plans = &slow,
	    .n_plans = is_hop_slow};
	struct world w;
	char what[64];

	(void)snprintf(what, sizeof(what), "gone after %zu of %zu [%s]", n,
	    all.len, caps);
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT);
	world_send(&w, xo_span_first(all, n));
	world_leave(&w);
	expect_sound(&w, what);
	expect_number(&w, what, w.n_commits, n == all.len && !is_hop_slow);
	expect_number(&w, what, w.n_reports, 1);
	if (!w.is_closed)
		complain(&w, what, "open", "closed");
	world_fini(&w);
}

static void
vanish_in_data(const char *caps, size_t n)
{
	struct world_options o = {.caps = caps};
	struct xo_span all = XO_LIT(TEXT "..\r\n.\r\n");
	struct world w;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "DATA\r\n");
	world_send(&w, xo_span_first(all, n));
	world_leave(&w);
	expect_sound(&w, "gone in DATA");
	expect_number(&w, "gone in DATA", w.n_commits, n == all.len);
	expect_number(&w, "gone in DATA", w.n_reports, 1);
	world_fini(&w);
}

static void
test_vanishing(void **state)
{
	static const char *const caps[] = {"", FULL, BDAT, "CHUNKING"};
	struct xo_span chunks = XO_LIT("BDAT 21\r\nFrom: a@example.org\r\n"
	    "BDAT 3\r\nA: BDAT 9 LAST\r\nb\r\n\r\nc\r\n.");

	(void)state;
	for (size_t c = 0; c < N(caps); c++) {
		for (size_t n = 0; n <= chunks.len; n++) {
			vanish(caps[c], chunks, n, false);
			vanish(caps[c], chunks, n, true);
		}
		for (size_t n = 0; n <= sizeof(TEXT "..\r\n.\r\n") - 1; n++)
			vanish_in_data(caps[c], n);
	}
}

/* Gone behind the end of the content: the next hop's word is awaited. */
static void
test_gone_behind_the_dot(void **state)
{
	const struct hop_plan slow = {HOP_FINAL, .is_silent = true,
	    .commits = true};
	struct world_options o = {.caps = "", .plans = &slow, .n_plans = 1};
	struct world w;

	(void)state;
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "DATA\r\n");
	world_say(&w, TEXT ".\r\n");
	world_leave(&w);
	expect_number(&w, "not closed yet", w.is_closed, false);
	xo_buf_add_cstr(&w.hop.out, "250 queued\r\n");
	w.hop.has_final_250 = true;
	w.hop.final_end = w.hop.out.len;
	world_settle(&w);
	expect_sound(&w, "gone behind the dot");
	expect_number(&w, "reported", w.n_delivered, 1);
	expect_number(&w, "closed", w.is_closed, true);
	world_fini(&w);
}

/* A kept connection that is lost is replaced, once. */

static void
test_retry_each_time(void **state)
{
	const struct hop_plan rcpt = {HOP_RCPT, .nth = 1, .closes = true};
	struct world_options o = {.caps = FULL, .is_reused = true,
	    .plans = &rcpt, .n_plans = 1};
	struct world w;

	(void)state;
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT RCPT "DATA\r\n");
	expect_codes(&w, "lost twice", "220 250 250 451 451 554");
	expect_number(&w, "connections", w.hop.n_acquires, 2);
	world_fini(&w);
}

/* Lost between RCPT and DATA: the client has its yes, all is said again. */
static void
lose_in_between(const char *later, const struct hop_plan *plan,
    const char *want, size_t n_commits)
{
	struct world_options o = {.caps = FULL, .later_caps = later,
	    .is_reused = true, .plans = plan, .n_plans = plan != NULL};
	struct world w;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL "RCPT TO:<b@contoso.com> NOTIFY=NEVER\r\n" RCPT);
	w.hop.closes = true;
	world_settle(&w);
	world_say(&w, RCPT);
	world_say(&w, "DATA\r\n");
	if (last_code(&w) == 354)
		world_say(&w, TEXT ".\r\n");
	while (last_code(&w) == 354 && world_wait(&w))
		;
	expect_codes(&w, later, want);
	expect_number(&w, later, w.n_commits, n_commits);
	if (n_commits == 1)
		expect_number(&w, later, w.commits[0].n_rcpts, 3);
	world_say(&w, "NOOP\r\n");
	expect_number(&w, "NOOP", last_code(&w), 250);
	world_fini(&w);
}

static void
test_retry_in_between(void **state)
{
	const struct hop_plan refuses_mail = {HOP_MAIL, .connection = 2,
	    .reply = "550 5.7.1 no\r\n"};
	const struct hop_plan refuses_rcpt = {HOP_RCPT, .connection = 2,
	    .nth = 2, .reply = "550 5.1.1 no\r\n"};

	(void)state;
	lose_in_between(FULL, NULL, "220 250 250 250 250 250 354 250", 1);
	lose_in_between("PIPELINING", NULL,
	    "220 250 250 250 250 451 451", 0);
	lose_in_between("", NULL, "220 250 250 250 250 451 451", 0);
	lose_in_between(FULL, &refuses_mail,
	    "220 250 250 250 250 451 451", 0);
	lose_in_between(FULL, &refuses_rcpt,
	    "220 250 250 250 250 451 451", 0);
}

/* The next connection announces less than the message needs. */
static void
test_retry_with_less(void **state)
{
	const struct hop_plan lost = {HOP_MAIL, .connection = 1, .nth = 1,
	    .closes = true};
	struct world_options o = {.caps = FULL, .later_caps = "PIPELINING",
	    .is_reused = true, .plans = &lost, .n_plans = 1};
	struct world w;

	(void)state;
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, "MAIL FROM:<u@contoso.com> BODY=8BITMIME\r\n" RCPT);
	expect_codes(&w, "8BITMIME", "220 250 250 451");
	expect_number(&w, "connections", w.hop.n_connections, 2);
	world_fini(&w);
}

/* The same while the client is in its content, or waits for the end. */
static void
lose_in_content(const char *later, const struct hop_plan *plan, uint16_t want)
{
	struct world_options o = {.caps = FULL, .later_caps = later,
	    .is_reused = true, .plans = plan, .n_plans = plan != NULL};
	struct world w;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL "RCPT TO:<b@contoso.com> NOTIFY=NEVER\r\n" RCPT
	    "DATA\r\n");
	w.hop.closes = true;
	world_say(&w, "Subject: ");
	world_say(&w, "x\r\n\r\nBody\r\n.\r\n");
	while (last_code(&w) == 354 && world_wait(&w))
		;
	expect_sound(&w, later);
	expect_number(&w, later, last_code(&w), want);
	expect_number(&w, later, w.n_commits, want == 250);
	world_fini(&w);
}

static void
test_retry_in_content(void **state)
{
	const struct hop_plan refuses_mail = {HOP_MAIL, .connection = 2,
	    .reply = "550 5.7.1 no\r\n"};
	const struct hop_plan refuses_rcpt = {HOP_RCPT, .connection = 2,
	    .nth = 2, .reply = "450 4.1.1 no\r\n"};
	const struct hop_plan fails = {HOP_ACQUIRE, .connection = 2};

	(void)state;
	lose_in_content(FULL, NULL, 250);
	lose_in_content("DSN", NULL, 250);
	lose_in_content("", NULL, 451);
	lose_in_content(FULL, &refuses_mail, 451);
	lose_in_content(FULL, &refuses_rcpt, 451);
	lose_in_content(FULL, &fails, 451);
}

/* Limits */

static void
expect_limit(const struct world_options *o, const char *say, const char *want,
    bool is_closed)
{
	struct world w;

	assert_true(world_init(&w, o));
	world_say(&w, EHLO);
	world_say(&w, say);
	expect_codes(&w, say, want);
	expect_number(&w, say, w.is_closed, is_closed);
	world_fini(&w);
}

static void
test_limits(void **state)
{
	const struct world_options o = {.caps = FULL, .size_limit = 100};
	const struct hop_plan refuses = {HOP_RCPT, .reply = "550 5.1.1 no\r\n"};
	/* One at a time: those that wait together count as accepted. */
	struct world_options refused = {.caps = FULL, .plans = &refuses,
	    .n_plans = 1, .is_front_bytewise = true};

	(void)state;
	expect_limit(&o, "A\r\nB\r\nC\r\nD\r\nE\r\nF\r\n",
	    "220 250 500 500 500 500 500 421", true);
	expect_limit(&o, MAIL RCPT "RCPT TO:<>\r\nRCPT TO:<>\r\nRCPT TO:<>\r\n"
	    "RCPT TO:<>\r\nRCPT TO:<>\r\nA\r\nNOOP\r\n",
	    "220 250 250 250 501 501 501 501 501 500 421", true);
	expect_limit(&o, MAIL RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT
	    RCPT RCPT, "220 250 250 250 250 250 250 250 250 250 250 250 250 "
	    "452 452", false);
	expect_limit(&refused, MAIL RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT
	    RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT
	    "NOOP\r\n", "220 250 250 550 550 550 550 550 550 550 550 550 550 "
	    "550 550 550 550 550 550 550 550 550 550 452 452 250", false);
	expect_limit(&o, MAIL "RSET\r\n" MAIL "RSET\r\n" MAIL "RSET\r\n" MAIL
	    "RSET\r\n", "220 250 250 250 250 250 250 250 250 421", true);
	expect_limit(&o, MAIL RCPT "BDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\n"
	    "BDAT 0\r\nBDAT 0\r\n", "220 250 250 250 250 250 250 250 250 421",
	    true);
	expect_limit(&o, "MAIL FROM:<a@b> SIZE=101\r\nMAIL FROM:<a@b> SIZE=1\r\n"
	    RCPT "BDAT 101\r\n", "220 250 552 250 250 552", true);
	expect_limit(&o, MAIL RCPT "BDAT 42\r\n" TEXT "BDAT 59\r\n",
	    "220 250 250 250 250 552", true);
}

static void
count_three(struct world *w)
{
	w->policy.limits.commands = 3;
}

static void
require_tls(struct world *w)
{
	w->listener.require_tls = true;
}

/* At the bound, and one behind it. */
static void
test_commands(void **state)
{
	const struct world_options three = {.caps = FULL,
	    .shape = count_three};

	(void)state;
	expect_limit(&three, "NOOP\r\nRSET\r\n" MAIL RCPT,
	    "220 250 250 250 250 250", false);
	expect_limit(&three, "NOOP\r\nRSET\r\nVRFY u\r\n" MAIL,
	    "220 250 250 250 421", true);
}

static void
test_first_words(void **state)
{
	const struct world_options secret = {.caps = FULL,
	    .shape = require_tls};
	const struct world_options plain = {.caps = FULL};

	(void)state;
	expect_limit(&secret, MAIL, "220 250 451", false);
	expect_limit(&plain, "EHLO a b\r\n", "220 250 501", false);
	expect_limit(&plain, "HELO \r\n", "220 250 501", false);
	expect_limit(&plain, "EHLO a\x01z\r\n", "220 250 501", false);
}

/* Content that grows too large or slow is read to its end. */
static void
expect_too_much(const struct world_options *o, const char *what,
    struct xo_span line, size_t n, const char *want)
{
	struct world w;

	assert_true(world_init(&w, o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "DATA\r\n");
	for (size_t i = 0; i < n; i++)
		world_send(&w, line);
	world_say(&w, "\r\nx\r\n.\r\nNOOP\r\n");
	expect_codes(&w, what, want);
	expect_number(&w, what, w.n_commits, 0);
	world_fini(&w);
}

static void
test_too_much(void **state)
{
	const struct world_options small = {.caps = "", .size_limit = 100};
	const struct world_options any = {.caps = FULL};

	(void)state;
	expect_too_much(&small, "size", XO_LIT("a: b\r\n"), 20,
	    "220 250 250 250 354 552 250");
	expect_too_much(&any, "fields", XO_LIT("a: b\r\n"), 21,
	    "220 250 250 250 354 552 250");
	expect_too_much(&any, "octets", XO_LIT("a: 123456789 123456789 "
	    "123456789 123456789 123456789 123456789 123456789 123456789 "
	    "123456789 123456789 123456789 123456789 123456789\r\n"), 17,
	    "220 250 250 250 354 552 250");
}

/* Timers */

static void
expect_timer(const struct world_options *o, const char *say, const char *more,
    uint64_t after, const char *want, bool is_closed)
{
	struct world w;
	uint64_t begin;

	assert_true(world_init(&w, o));
	if (say != NULL)
		world_say(&w, EHLO);
	if (say != NULL)
		world_say(&w, say);
	if (more != NULL)
		world_say(&w, more);
	begin = w.now;
	assert_true(world_wait(&w));
	expect_codes(&w, say, want);
	expect_number(&w, say, (size_t)(w.now - begin), (size_t)after);
	expect_number(&w, say, w.is_closed, is_closed);
	world_fini(&w);
}

static void
test_timers(void **state)
{
	const struct world_options o = {.caps = ""};
	const struct hop_plan mail = {HOP_MAIL, .is_silent = true};
	const struct hop_plan data = {HOP_DATA, .is_silent = true};
	const struct hop_plan chunk = {HOP_CHUNK, .is_silent = true};
	const struct hop_plan final = {HOP_FINAL, .is_silent = true};
	struct world_options stalls = {.caps = "", .n_plans = 1};

	(void)state;
	expect_timer(&o, NULL, NULL, 300000, "220 421", true);
	expect_timer(&o, "NOOP\r\n", NULL, 300000, "220 250 250 421", true);
	expect_timer(&o, "NOO", NULL, 60000, "220 250 421", true);
	expect_timer(&o, MAIL RCPT, NULL, 300000, "220 250 250 250 421", true);
	expect_timer(&o, MAIL RCPT "DATA\r\n", HEAD, 180000,
	    "220 250 250 250 354 421", true);
	expect_timer(&o, MAIL RCPT "DATA\r\n", HEAD "\r\na", 180000,
	    "220 250 250 250 354 421", true);
	expect_timer(&o, MAIL RCPT "BDAT 100\r\n" HEAD, NULL, 180000,
	    "220 250 250 250 421", true);
	expect_timer(&o, MAIL RCPT "BDAT 33\r\n" HEAD, NULL, 300000,
	    "220 250 250 250 250 421", true);
	expect_timer(&o, "BDAT 33\r\nx", NULL, 180000, "220 250 421", true);
	stalls.plans = &mail;
	expect_timer(&stalls, MAIL RCPT "DATA\r\n", NULL, 300000,
	    "220 250 250 451 554", false);
	stalls.plans = &data;
	expect_timer(&stalls, MAIL RCPT "DATA\r\n", TEXT ".\r\n", 180000,
	    "220 250 250 250 354 451", false);
	stalls.plans = &final;
	expect_timer(&stalls, MAIL RCPT "DATA\r\n", TEXT ".\r\nNOOP\r\n",
	    600000, "220 250 250 250 354 451 250", false);
	stalls.caps = BDAT;
	stalls.plans = &chunk;
	expect_timer(&stalls, MAIL RCPT "BDAT 42\r\n" TEXT, NULL, 180000,
	    "220 250 250 250 250", false);
	expect_timer(&stalls, MAIL RCPT "BDAT 42\r\n" TEXT
	    "BDAT 3 LAST\r\nabcNOOP\r\n", NULL, 180000,
	    "220 250 250 250 250 451 250", false);
}

/* A slow next hop is no fault of the client's. */
static void
test_patience(void **state)
{
	const struct hop_plan data = {HOP_DATA, .is_silent = true};
	struct world_options o = {.caps = "", .plans = &data, .n_plans = 1};
	struct world w;

	(void)state;
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "DATA\r\n");
	world_say(&w, HEAD "\r\na");
	w.now += 179000;
	w.hop.is_silent = false;
	xo_buf_add_cstr(&w.hop.out, "354 go\r\n");
	world_settle(&w);
	w.now += 100;
	world_say(&w, "b\r\n");
	if (xo_relay_deadline(w.relay) <= w.now)
		complain(&w, "patience", "due", "more time");
	world_say(&w, ".\r\n");
	expect_codes(&w, "patience", "220 250 250 250 354 250");
	world_fini(&w);
	/* The same for a command that waited behind recipients. */
	o = (struct world_options){.caps = "", .plans = (const struct
	    hop_plan[]){{HOP_RCPT, .is_silent = true}}, .n_plans = 1};
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "NOOP\r\nNO");
	w.now += 200000;
	w.hop.is_silent = false;
	xo_buf_add_cstr(&w.hop.out, "250 ok\r\n");
	world_settle(&w);
	if (xo_relay_deadline(w.relay) < w.now + 60000)
		complain(&w, "patience", "due", "more time");
	expect_codes(&w, "patience", "220 250 250 250 250");
	world_fini(&w);
}

/* Some octets each nine seconds: after how many of those is it over? */
static size_t
drip(size_t octets, const char *want)
{
	const struct world_options o = {.caps = ""};
	struct world w;
	size_t n, i;

	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	world_say(&w, MAIL RCPT "DATA\r\n" );
	world_say(&w, HEAD "\r\n");
	for (n = 0; n < 20 && !w.is_closed; n++) {
		w.now += 9000;
		for (i = 0; i < octets; i += 50)
			world_say(&w, octets == 1 ? "x" : "234567890123456789"
			    "012345678901234567890123456789\r\n");
		if (xo_relay_deadline(w.relay) <= w.now)
			(void)world_wait(&w);
	}
	expect_codes(&w, "slow", want);
	expect_number(&w, "commits", w.n_commits, 0);
	world_fini(&w);
	return n;
}

/* The world's data_rate is 500 a second, behind a minute of grace. */
static void
test_slow_content(void **state)
{
	(void)state;
	assert_int_equal(drip(1, "220 250 250 250 354 421"), 7);
	assert_int_equal(drip(4300, "220 250 250 250 354 421"), 7);
	assert_int_equal(drip(4700, "220 250 250 250 354"), 20);
}

/* Shutdown in each state */
static void
expect_shutdown(const char *say, const char *more, bool is_final,
    const char *then, const char *want, size_t n_commits)
{
	const struct world_options o = {.caps = FULL};
	struct world w;

	assert_true(world_init(&w, &o));
	world_say(&w, say);
	if (more != NULL)
		world_say(&w, more);
	world_shutdown(&w, is_final);
	if (then != NULL)
		world_say(&w, then);
	expect_codes(&w, say, want);
	expect_number(&w, say, w.n_commits, n_commits);
	if (!w.is_closed)
		complain(&w, say, "open", "closed");
	world_fini(&w);
}

static void
test_shutdown(void **state)
{
	(void)state;
	expect_shutdown("", NULL, false, NULL, "220 421", 0);
	expect_shutdown(EHLO, NULL, false, NULL, "220 250 421", 0);
	expect_shutdown(EHLO, "STARTTLS\r\nx", true, NULL, "220 250 554", 0);
	expect_shutdown(EHLO, MAIL RCPT, true, NULL, "220 250 250 250 421", 0);
	expect_shutdown(EHLO, MAIL RCPT, false, "RSET\r\n" MAIL,
	    "220 250 250 250 250 421", 0);
	expect_shutdown(EHLO, MAIL RCPT "DATA\r\n", true, NULL,
	    "220 250 250 250 354 421", 0);
	expect_shutdown(EHLO, MAIL RCPT "BDAT 42 LAST\r\n" HEAD, false,
	    "\r\nBody.\r\nNOOP\r\n", "220 250 250 250 250 421", 1);
}

/* Handshakes that end after the session did change nothing. */
static void
test_late_handshake(void **state)
{
	const struct xo_certificate none = {.is_present = false};
	const struct world_options o = {.caps = FULL};
	struct world w;
	struct xo_action a;

	(void)state;
	assert_true(world_init(&w, &o));
	world_say(&w, EHLO);
	xo_relay_tls_done(w.relay, &none, "TLSv1.3", 256);
	assert_false(xo_relay_next(w.relay, &a));
	assert_false(xo_relay_is_tls(w.relay));
	world_fini(&w);
}

/* More than one step may emit: no such step is known, and none may cost a reply
 * unseen. */
static void
test_lost_actions(void **state)
{
	const struct world_options o = {.caps = FULL};
	struct xo_action a;

	(void)state;
	for (int ends = 0; ends < 2; ends++) {
		struct world w;
		size_t n = 0, n_closes = 0, n_drops = 0;

		assert_true(world_init(&w, &o));
		world_say(&w, EHLO);
		world_say(&w, MAIL RCPT);
		for (size_t i = 0; i < ACTIONS_MAX; i++)
			relay_send_span(w.relay, XO_BACK, XO_LIT("x"));
		if (ends == 1)
			relay_close(w.relay);
		relay_reply(w.relay, 250, NULL, XO_LIT("lost"));
		while (xo_relay_next(w.relay, &a) && ++n < 1000) {
			if (n <= ACTIONS_MAX)
				assert_true(a.type == XO_ACTION_SEND &&
				    a.side == XO_BACK && a.bytes.len == 1);
			n_closes += a.type == XO_ACTION_CLOSE;
			n_drops += a.type == XO_ACTION_DROP;
		}
		expect_number(&w, "closes", n_closes, 1);
		expect_number(&w, "drops", n_drops, 1);
		assert_true(n < 1000);
		assert_false(xo_relay_next(w.relay, &a));
		world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_chunk_borders),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_blames),
		cmocka_unit_test(test_blame_of_xoorg),
		cmocka_unit_test(test_words_kept),
		cmocka_unit_test(test_words_kept_unasked),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_disbelief),
		cmocka_unit_test(test_vanishing),
		cmocka_unit_test(test_gone_behind_the_dot),
		cmocka_unit_test(test_retry_each_time),
		cmocka_unit_test(test_retry_in_between),
		cmocka_unit_test(test_retry_with_less),
		cmocka_unit_test(test_retry_in_content),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_first_words),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_slow_content),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_late_handshake),
		cmocka_unit_test(test_lost_actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
