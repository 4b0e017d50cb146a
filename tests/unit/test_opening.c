/* SPDX-License-Identifier: ISC */
/*
 * The opening of a connection to a next hop: dialogues as data, each cut at
 * every octet of what the next hop says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/opening.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

#define HELLO "EHLO gw.contoso.com\r\n"
#define LHELLO "LHLO gw.contoso.com\r\n"
#define TLS "(handshake)"
#define XCLIENT_CAP "XCLIENT NAME REVERSE_NAME ADDR PORT PROTO HELO LOGIN " \
	"DESTADDR DESTPORT"
#define XCLIENT "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] " \
	"ADDR=192.0.2.1 PORT=4321 HELO=c.example PROTO=ESMTP " \
	"LOGIN=[UNAVAILABLE]\r\n"

enum {
	NONE = XO_TLS_NONE << 4, ENCRYPT = XO_TLS_ENCRYPT << 4,
	VERIFY = XO_TLS_VERIFY << 4, TLS_BITS = 3 << 4,
	REQUIRE = 1, HANDOVER = 2, LMTP = 4,
};

struct dialogue {
	const char *name;
	int upstream;
	/* What it says, and what we answer; TLS: the handshake instead. */
	const char *turns[12];
	enum xo_opening_state state;
	enum xo_refusal why;
	bool has_xoorg;
};

#define OK XO_OPENING_DONE, XO_REFUSAL_NONE
#define BAD(why) XO_OPENING_FAILED, XO_REFUSAL_UPSTREAM_##why, false

static const struct dialogue dialogues[] = {
	{"plain", NONE, {"220 x\r\n", HELLO, "250-x\r\n250 SIZE 5\r\n", ""},
	    OK, false},
	{"lines of greeting", NONE, {"220-x\r\n220 y\r\n", HELLO,
	    "250 x\r\n", ""}, OK, false},
	{"HELO", NONE, {"220 x\r\n", HELLO, "500 what\r\n",
	    "HELO gw.contoso.com\r\n", "250 x\r\n", ""}, OK, false},
	{"HELO and no TLS", VERIFY, {"220 x\r\n", HELLO, "500 what\r\n",
	    "HELO gw.contoso.com\r\n", "250 x\r\n", ""}, BAD(TLS)},
	{"neither", NONE, {"220 x\r\n", HELLO, "500 what\r\n",
	    "HELO gw.contoso.com\r\n", "500 x\r\n", ""}, BAD(GREETING)},
	{"later", NONE, {"220 x\r\n", HELLO, "451 later\r\n", ""},
	    BAD(GREETING)},
	{"554 greeting", NONE, {"554 no\r\n", ""}, BAD(GREETING)},
	{"421 greeting", NONE, {"421 no\r\n", ""}, BAD(GREETING)},
	{"250 greeting", NONE, {"250 x\r\n", ""}, BAD(GREETING)},
	{"354 to EHLO", NONE, {"220 x\r\n", HELLO, "354 x\r\n", ""},
	    BAD(GREETING)},
	{"garbage", NONE, {"hello\r\n", ""}, BAD(CONFUSED)},
	{"two codes", NONE, {"220 x\r\n", HELLO, "250-x\r\n451 y\r\n", ""},
	    BAD(CONFUSED)},
	{"verified", VERIFY, {"220 x\r\n", HELLO, "250-x\r\n250 STARTTLS\r\n",
	    "STARTTLS\r\n", "220 go\r\n", "", TLS, HELLO,
	    "250-x\r\n250 xoorg whatever\r\n", ""}, OK, true},
	{"U07", VERIFY, {"220 x\r\n", HELLO, "250-x\r\n250-XOORG\r\n"
	    "250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", "", TLS, HELLO,
	    "250 x\r\n", ""}, OK, false},
	{"C5", VERIFY | REQUIRE, {"220 x\r\n", HELLO, "250-x\r\n250-XOORG\r\n"
	    "250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", "", TLS, HELLO,
	    "250 x\r\n", ""}, BAD(XOORG)},
	{"C6", VERIFY | REQUIRE, {"220 x\r\n", HELLO, "250-x\r\n"
	    "250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", "", TLS, HELLO,
	    "500 x\r\n", "HELO gw.contoso.com\r\n", "250 x\r\n", ""},
	    BAD(XOORG)},
	{"encrypted, not verified", ENCRYPT, {"220 x\r\n", HELLO,
	    "250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", "", TLS,
	    HELLO, "250-x\r\n250 XOORG\r\n", ""}, OK, false},
	{"encrypted, required", ENCRYPT | REQUIRE, {"220 x\r\n", HELLO,
	    "250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", "", TLS,
	    HELLO, "250-x\r\n250 XOORG\r\n", ""}, BAD(XOORG)},
	{"clear text", NONE, {"220 x\r\n", HELLO, "250-x\r\n250 XOORG\r\n",
	    ""}, OK, false},
	{"U02", VERIFY, {"220 x\r\n", HELLO, "250-x\r\n250 SIZE\r\n", ""},
	    BAD(TLS)},
	{"454 STARTTLS", VERIFY, {"220 x\r\n", HELLO, "250-x\r\n"
	    "250 STARTTLS\r\n", "STARTTLS\r\n", "454 no\r\n", ""}, BAD(TLS)},
	{"250 STARTTLS", VERIFY, {"220 x\r\n", HELLO, "250-x\r\n"
	    "250 STARTTLS\r\n", "STARTTLS\r\n", "250 no\r\n", ""}, BAD(TLS)},
	{"in place of the name", VERIFY, {"220 x\r\n", HELLO,
	    "250 STARTTLS\r\n", ""}, BAD(TLS)},
	{"XCLIENT", NONE | HANDOVER, {"220 x\r\n", HELLO,
	    "250-x\r\n250 XCLIENT NAME REVERSE_NAME ADDR PORT PROTO HELO "
	    "LOGIN\r\n", XCLIENT, "220 x\r\n", "EHLO c.example\r\n",
	    "250 x\r\n", ""}, OK, false},
	{"XCLIENT, some", NONE | HANDOVER, {"220 x\r\n", HELLO,
	    "250-x\r\n250 XCLIENT proto ADDR\r\n",
	    "XCLIENT ADDR=192.0.2.1 PROTO=ESMTP\r\n", "220 x\r\n",
	    "EHLO c.example\r\n", "250 x\r\n", ""}, OK, false},
	{"no XCLIENT", NONE | HANDOVER, {"220 x\r\n", HELLO, "250 x\r\n", ""},
	    BAD(HANDOVER)},
	{"no ADDR", NONE | HANDOVER, {"220 x\r\n", HELLO,
	    "250-x\r\n250 XCLIENT NAME\r\n", ""}, BAD(HANDOVER)},
	{"XCLIENT refused", NONE | HANDOVER, {"220 x\r\n", HELLO,
	    "250-x\r\n250 XCLIENT ADDR\r\n", "XCLIENT ADDR=192.0.2.1\r\n",
	    "550 x\r\n", ""}, BAD(HANDOVER)},
	{"LMTP", NONE | LMTP, {"220 x\r\n", LHELLO, "250 x\r\n", ""}, OK,
	    false},
	{"no LMTP", NONE | LMTP, {"220 x\r\n", LHELLO, "500 x\r\n", ""},
	    BAD(GREETING)},
};

static void
complain(const struct dialogue *d, const char *what, struct xo_span got,
    const char *want)
{
	fprintf(stderr, "%s: %s: got \"%.*s\", want \"%s\"\n", d->name, what,
	    (int)got.len, (const char *)got.p, want);
	fail();
}

/* In memory of its own size. */
static void
feed(struct xo_opening *o, const char *text, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	assert_non_null(p);
	memcpy(p, text, len);
	if (len > 0 && xo_opening_bytes(o, xo_span(p, len)) != len)
		fail_msg("octets left");
	free(p);
}

/* `cut`: octets of each text that come first; 0: one at a time. */
static void
hear(struct xo_opening *o, const char *text, size_t cut)
{
	size_t len = strlen(text), step = cut == 0 ? 1 : cut;

	while (len > 0) {
		size_t n = step < len ? step : len;

		feed(o, text, n);
		text += n;
		len -= n;
		step = cut == 0 ? 1 : len;
	}
}

static struct xo_upstream
upstream_of(const struct dialogue *d)
{
	return (struct xo_upstream){
		.tls = (enum xo_tls_level)((d->upstream & TLS_BITS) >> 4),
		.require_xoorg = (d->upstream & REQUIRE) != 0,
		.handover = (d->upstream & HANDOVER) != 0 ?
		    XO_HANDOVER_XCLIENT : XO_HANDOVER_NONE,
		.protocol = (d->upstream & LMTP) != 0 ? XO_PROTOCOL_LMTP :
		    XO_PROTOCOL_SMTP,
	};
}

static const struct xo_address client = {
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}
};

static void
hold(const struct dialogue *d, size_t cut)
{
	const struct xo_handover_info info = {
		.address = &client, .port = 4321, .is_esmtp = true,
		.hello = S("c.example"),
	};
	struct xo_upstream upstream = upstream_of(d);
	struct xo_opening o = {0};

	xo_opening_start(&o, &upstream, XO_LIT("gw.contoso.com"), NULL, &info);
	for (size_t i = 0; i < N(d->turns) && d->turns[i] != NULL; i += 2) {
		if (strcmp(d->turns[i], TLS) == 0) {
			assert_int_equal(o.state, XO_OPENING_HANDSHAKE);
			xo_opening_tls_done(&o);
		} else {
			hear(&o, d->turns[i], cut);
		}
		if (!xo_span_is_equal(xo_buf_span(&o.out),
		    xo_span_from_cstr(d->turns[i + 1])))
			complain(d, d->turns[i], xo_buf_span(&o.out),
			    d->turns[i + 1]);
		xo_buf_clear(&o.out);
	}
	if (o.state != d->state || (d->state == XO_OPENING_FAILED &&
	    o.why != d->why))
		complain(d, "end", xo_span_from_cstr(xo_refusal_info(
		    o.why)->id), xo_refusal_info(d->why)->id);
	if (o.state == XO_OPENING_DONE)
		assert_int_equal(xo_caps_has(&o.caps, XO_CAP_XOORG),
		    d->has_xoorg);
	xo_opening_fini(&o);
}

/* REQUIRETLS holds behind verified TLS alone (RFC 8689 4.2.1). */
static void
test_requiretls(void **state)
{
	static const char *const levels[] = {"none", "encrypt", "verify"};

	(void)state;
	for (int tls = XO_TLS_NONE; tls < XO_TLS_LEVEL_COUNT; tls++) {
		struct xo_upstream u = {.tls = (enum xo_tls_level)tls};
		struct xo_opening o = {0};

		xo_opening_start(&o, &u, XO_LIT("gw"), NULL, NULL);
		feed(&o, "220 x\r\n", 7);
		if (tls != XO_TLS_NONE) {
			feed(&o, "250-x\r\n250 STARTTLS\r\n", 21);
			feed(&o, "220 go\r\n", 8);
			xo_opening_tls_done(&o);
		}
		feed(&o, "250-x\r\n250-DSN\r\n250 REQUIRETLS\r\n", 32);
		if (o.state != XO_OPENING_DONE ||
		    !xo_caps_has(&o.caps, XO_CAP_DSN) ||
		    xo_caps_has(&o.caps, XO_CAP_REQUIRETLS) !=
		    (tls == XO_TLS_VERIFY))
			fail_msg("%s: state %d, caps %x", levels[tls],
			    o.state, o.caps.set);
		xo_opening_fini(&o);
	}
}

static void
test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(dialogues); i++)
		for (size_t cut = 0; cut < 80; cut++)
			hold(&dialogues[i], cut);
}

/* More than was asked for: what came along was injected. */
static void
test_too_much(void **state)
{
	static const struct {
		enum xo_opening_state at;
		const char *text;
		enum xo_refusal why;
	} rows[] = {
		{XO_OPENING_GREETING, "220 x\r\n250 y\r\n",
		    XO_REFUSAL_UPSTREAM_CONFUSED},
		{XO_OPENING_EHLO, "250 x\r\n250 y\r\n",
		    XO_REFUSAL_UPSTREAM_CONFUSED},
		{XO_OPENING_STARTTLS, "220 x\r\n250-XOORG\r\n250 SIZE\r\n",
		    XO_REFUSAL_UPSTREAM_TLS},
		{XO_OPENING_STARTTLS, "220 x\r\n2", XO_REFUSAL_UPSTREAM_TLS},
		{XO_OPENING_HANDSHAKE, "2", XO_REFUSAL_UPSTREAM_CONFUSED},
		{XO_OPENING_XCLIENT, "220 x\r\n220 y\r\n",
		    XO_REFUSAL_UPSTREAM_CONFUSED},
		{XO_OPENING_RSET, "250 x\r\n250 y\r\n",
		    XO_REFUSAL_UPSTREAM_CONFUSED},
		{XO_OPENING_DONE, "421 bye\r\n", XO_REFUSAL_UPSTREAM_CONFUSED},
	};
	const struct xo_upstream upstream = {.tls = XO_TLS_VERIFY};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_opening o = {0};

		xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, NULL);
		o.state = rows[i].at;
		feed(&o, rows[i].text, strlen(rows[i].text));
		assert_int_equal(o.state, XO_OPENING_FAILED);
		assert_int_equal(o.why, rows[i].why);
		assert_int_equal(o.out.len, 0);
		xo_opening_fini(&o);
	}
}

static void
test_endless(void **state)
{
	const struct xo_upstream upstream = {.tls = XO_TLS_NONE};
	struct xo_opening o = {0};
	size_t n = 0;

	(void)state;
	xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, NULL);
	while (o.state == XO_OPENING_GREETING && n < 1000) {
		feed(&o, "220-x\r\n", 7);
		n++;
	}
	assert_int_equal(o.state, XO_OPENING_FAILED);
	assert_true(n > 500 && n < 700);
	xo_opening_fini(&o);
}

/* A kept connection for another client. */
static void
resume(bool needs_reset, const char *const *turns)
{
	const struct xo_handover_info info = {.address = &client};
	const struct xo_upstream upstream = {.handover = XO_HANDOVER_NONE};
	struct xo_opening o = {0};

	xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, &info);
	o.state = XO_OPENING_DONE;
	xo_opening_resume(&o, needs_reset, &info);
	for (size_t i = 0; turns[i] != NULL; i += 2) {
		assert_true(xo_span_is_equal(xo_buf_span(&o.out),
		    xo_span_from_cstr(turns[i])));
		xo_buf_clear(&o.out);
		if (turns[i + 1] != NULL)
			feed(&o, turns[i + 1], strlen(turns[i + 1]));
		else
			break;
	}
	assert_int_equal(o.state, XO_OPENING_DONE);
	xo_opening_fini(&o);
}

#define AGAIN "XCLIENT ADDR=192.0.2.1 PORT=[UNAVAILABLE] " \
	"HELO=x+20DESTADDR+3D1.2.3.4\r\n"

static void
test_resume(void **state)
{
	static const char *const nothing[] = {"", NULL};
	static const char *const reset[] = {"RSET\r\n", "250 x\r\n", "", NULL};

	(void)state;
	resume(false, nothing);
	resume(true, reset);
}

static void
test_resume_handover(void **state)
{
	/* Names from the wire may hold what xtext must hide (Y04). */
	const struct xo_handover_info other = {
		.address = &client, .hello = S("x DESTADDR=1.2.3.4"),
	};
	const struct xo_upstream upstream = {.handover = XO_HANDOVER_XCLIENT};
	struct xo_opening o = {0};

	(void)state;
	xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, &other);
	o.state = XO_OPENING_DONE;
	o.is_handed_over = true;
	xo_caps_add_line(&o.caps, XO_LIT("XCLIENT ADDR PORT HELO"), NULL);
	xo_opening_resume(&o, true, &other);
	xo_buf_clear(&o.out);
	feed(&o, "250 x\r\n", 7);
	assert_int_equal(o.state, XO_OPENING_XCLIENT);
	assert_int_equal(o.out.len, strlen(AGAIN));
	assert_memory_equal(o.out.p, AGAIN, strlen(AGAIN));
	xo_opening_fini(&o);
	/* A next hop that has forgotten how to. */
	o = (struct xo_opening){0};
	xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, &other);
	o.state = XO_OPENING_RSET;
	feed(&o, "500 x\r\n", 7);
	assert_int_equal(o.state, XO_OPENING_FAILED);
	assert_int_equal(o.why, XO_REFUSAL_UPSTREAM_LOST);
	xo_opening_fini(&o);
}

/* RSET's answer is not MAIL's, nor RCPT's: who gives one is a reply behind. */
static void
test_reset_out_of_step(void **state)
{
	static const struct {
		const char *reply;
		enum xo_opening_state state;
		enum xo_refusal why;
	} rows[] = {
		{"250 2.1.0 Ok\r\n", XO_OPENING_FAILED,
		    XO_REFUSAL_UPSTREAM_OUT_OF_STEP},
		{"250 2.1.5 Ok\r\n", XO_OPENING_FAILED,
		    XO_REFUSAL_UPSTREAM_OUT_OF_STEP},
		{"550 5.1.1 no\r\n", XO_OPENING_FAILED,
		    XO_REFUSAL_UPSTREAM_OUT_OF_STEP},
		{"451 4.3.0 no\r\n", XO_OPENING_FAILED,
		    XO_REFUSAL_UPSTREAM_LOST},
		{"250 2.0.0 Ok\r\n", XO_OPENING_DONE, XO_REFUSAL_NONE},
		{"250 Ok\r\n", XO_OPENING_DONE, XO_REFUSAL_NONE},
		{"250 5.1.0 Ok\r\n", XO_OPENING_DONE, XO_REFUSAL_NONE},
	};
	const struct xo_upstream upstream = {.tls = XO_TLS_NONE};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_opening o = {.upstream = &upstream,
		    .state = XO_OPENING_DONE};

		xo_opening_resume(&o, true, NULL);
		(void)xo_opening_bytes(&o, xo_span_from_cstr(rows[i].reply));
		assert_int_equal(o.state, rows[i].state);
		assert_int_equal(o.why, rows[i].why);
		xo_opening_fini(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_requiretls),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_reset_out_of_step),
		cmocka_unit_test(test_resume_handover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
