/* SPDX-License-Identifier: ISC */
/* Verbs, hello names, paths, chunk sizes: security a.1, a.5, a.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/command.h>
#include <xoorg/path.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A250 A50 A50 A50 A50 A50
/* 63 octets and a dot, three times */
#define L64 A50 A10 "aaa."
#define L192 L64 L64 L64

#define STRICT XO_SYNTAX_STRICT
#define OK XO_REFUSAL_NONE
#define BAD XO_REFUSAL_ADDRESS_SYNTAX

/* Copied to the heap without a final NUL, so that reading on is noticed. */
static struct xo_span
copy(const char *s)
{
	size_t len = strlen(s);
	uint8_t *p = malloc(len > 0 ? len : 1);

	assert_non_null(p);
	memcpy(p, s, len);
	return xo_span(p, len);
}

static void
drop(struct xo_span s)
{
	union {
		const uint8_t *borrowed;
		uint8_t *owned;
	} p = {.borrowed = s.p};

	free(p.owned);
}

static void
test_verbs(void **state)
{
	static const struct {
		const char *line;
		enum xo_verb verb;
		const char *args;
	} rows[] = {
		{"EHLO x", XO_VERB_EHLO, "x"},
		{"ehlo x", XO_VERB_EHLO, "x"},
		{"HELO x", XO_VERB_HELO, "x"},
		{"NOOP", XO_VERB_NOOP, ""},
		{"NOOP ", XO_VERB_NOOP, ""},
		{"NOOP \t \t", XO_VERB_NOOP, ""},
		{"NOOP  a b \t", XO_VERB_NOOP, " a b"},
		{"STARTTLS x", XO_VERB_STARTTLS, "x"},
		{"STARTTLS", XO_VERB_STARTTLS, ""},
		{"mail FROM:<a> X=1", XO_VERB_MAIL, "FROM:<a> X=1"},
		{"RCPT TO:<a>", XO_VERB_RCPT, "TO:<a>"},
		{"DATA", XO_VERB_DATA, ""},
		{"BDAT 5 LAST", XO_VERB_BDAT, "5 LAST"},
		{"RSET", XO_VERB_RSET, ""},
		{"VRFY a", XO_VERB_VRFY, "a"},
		{"HELP", XO_VERB_HELP, ""},
		{"QUIT", XO_VERB_QUIT, ""},
		{"AUTH PLAIN AGEAYg==", XO_VERB_AUTH, "PLAIN AGEAYg=="},
		{"XCLIENT A=1", XO_VERB_XCLIENT, "A=1"},
		{"XFORWARD A=1", XO_VERB_XFORWARD, "A=1"},
		{"GET / HTTP/1.1", XO_VERB_HTTP, "/ HTTP/1.1"},
		{"POST / HTTP/1.1", XO_VERB_HTTP, "/ HTTP/1.1"},
		{"CONNECT a:25 HTTP/1.1", XO_VERB_HTTP, "a:25 HTTP/1.1"},
		{"GET", XO_VERB_UNKNOWN, ""},
		{"", XO_VERB_UNKNOWN, ""},
		{" NOOP", XO_VERB_UNKNOWN, "NOOP"},
		{"\tNOOP", XO_VERB_UNKNOWN, ""},
		{"NOOP\x0b", XO_VERB_UNKNOWN, ""},
		{"NOOP\tx", XO_VERB_UNKNOWN, ""},
		{"NOOPS", XO_VERB_UNKNOWN, ""},
		{"NOO", XO_VERB_UNKNOWN, ""},
		{"JUNK", XO_VERB_UNKNOWN, ""},
		{"MAIL\xc2\xa0" "FROM:<>", XO_VERB_UNKNOWN, ""},
		{"\x16\x03\x01", XO_VERB_UNKNOWN, ""},
		{"X-ANONYMOUSTLS", XO_VERB_UNKNOWN, ""},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span line = copy(rows[i].line);
		struct xo_command got;

		xo_command_parse(line, &got);
		if (got.verb != rows[i].verb || !xo_span_is_equal(got.args,
		    xo_span_from_cstr(rows[i].args)))
			fail_msg("'%s': got %d '%.*s'", rows[i].line,
			    got.verb, (int)got.args.len,
			    (const char *)got.args.p);
		drop(line);
	}
}

static void
test_hello(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{"x", true}, {"mail.contoso.com", true}, {"WIN_7-PC", true},
		{"contoso.com.", true}, {"192.0.2.1", true},
		{"[192.0.2.1]", true}, {"[IPv6:2001:db8::1]", true},
		{"-a-", true}, {A250 "aaaaa", true},
		{"", false}, {".", false}, {"a..b", false}, {".a", false},
		{"[]", false}, {"[", false}, {"[a", false}, {"a]", false},
		{"[a b]", false}, {"[a]b]", false}, {"[(a)]", false},
		{"[\xc3\xb6]", false}, {"[<a>]", false}, {"..", false},
		{"h\xc3\xa9", false}, {"a\x1b[2Jb\x7f", false},
		{"x DESTADDR=1.2.3.4", false}, {"a b", false}, {" a", false},
		{"a\tb", false}, {"(a)", false}, {"a@b", false},
		{"a\"b", false}, {A250 "aaaaaa", false},
		{A250 A250 A50 A50, false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span name = copy(rows[i].name);

		if (xo_hello_name_is_valid(name) != rows[i].want)
			fail_msg("'%s': want %d", rows[i].name, rows[i].want);
		drop(name);
	}
	assert_false(xo_hello_name_is_valid(xo_span("a\0b", 3)));
}

static const struct {
	const char *id;
	const char *keyword;
	const char *args;
	enum xo_refusal want;
	const char *address;
	const char *domain;
	const char *params;
	bool has_utf8;
} paths[] = {
	{"M1", "FROM:", "FROM:<u@contoso.com> SIZE=1", XO_REFUSAL_NONE,
	    "u@contoso.com", "contoso.com", " SIZE=1", false},
	{"M3", "FROM:", "from:<U@Contoso.com>", XO_REFUSAL_NONE,
	    "U@Contoso.com", "Contoso.com", "", false},
	{"M4", "FROM:", "FROM:<> A", XO_REFUSAL_NONE, "", "", " A", false},
	{"one SP", "FROM:", "FROM: <a@b>", XO_REFUSAL_NONE, "a@b", "b", "",
	    false},
	{"two SP", "FROM:", "FROM:  <a@b>", BAD, "", "", "", false},
	{"TAB", "FROM:", "FROM:\t<a@b>", BAD, "", "", "", false},
	{"M13 glued", "FROM:", "FROM:<a@b>XOORG=b", XO_REFUSAL_NONE, "a@b",
	    "b", "XOORG=b", false},
	{"TO", "TO:", "TO:<a@b>", XO_REFUSAL_NONE, "a@b", "b", "", false},
	{"TO null", "TO:", "TO:<>", XO_REFUSAL_NONE, "", "", "", false},
	{"postmaster", "TO:", "to:<PostMaster>", XO_REFUSAL_NONE,
	    "PostMaster", "", "", false},
	{"postmaster from", "FROM:", "FROM:<postmaster>", BAD, "", "", "",
	    false},
	{"user", "TO:", "TO:<user>", BAD, "", "", "", false},
	{"wrong keyword", "FROM:", "TO:<a@b>", XO_REFUSAL_MAIL_SYNTAX, "", "",
	    "", false},
	{"no keyword", "FROM:", "<a@b>", XO_REFUSAL_MAIL_SYNTAX, "", "", "",
	    false},
	{"SP in keyword", "FROM:", "FROM :<a@b>", XO_REFUSAL_MAIL_SYNTAX, "",
	    "", "", false},
	{"nothing", "FROM:", "", XO_REFUSAL_MAIL_SYNTAX, "", "", "", false},
	{"keyword only", "FROM:", "FROM:", BAD, "", "", "", false},
	{"no <", "FROM:", "FROM:a@b", BAD, "", "", "", false},
	{"M26 no >", "FROM:", "FROM:<a@b", BAD, "", "", "", false},
	{"M26 SIZE", "FROM:", "FROM:<a@b SIZE=1", BAD, "", "", "", false},
	{"only <", "FROM:", "FROM:<", BAD, "", "", "", false},
	{"<<", "FROM:", "FROM:<<a@b>>", BAD, "", "", "", false},
	{"M21", "FROM:", "FROM:<;id;@example.org>", BAD, "", "", "", false},
	{"M22", "FROM:", "FROM:<;sleep 5;>", BAD, "", "", "", false},
	{"pipe is atext", "FROM:", "FROM:<|id|@b>", XO_REFUSAL_NONE,
	    "|id|@b", "b", "", false},
	{"dots", "FROM:", "FROM:<a..b.@b>", XO_REFUSAL_NONE, "a..b.@b",
	    "b", "", false},
	{"first dot, local", "FROM:", "FROM:<.a@b>", BAD, "", "", "", false},
	{"UTF-8 in route", "TO:", "TO:<@\xc3\xb6:d@e>", XO_REFUSAL_NONE,
	    "d@e", "e", "", false},
	{"SRS", "FROM:", "FROM:<SRS0=x=y=c.d=u@b.c>", XO_REFUSAL_NONE,
	    "SRS0=x=y=c.d=u@b.c", "b.c", "", false},
	{"empty local", "FROM:", "FROM:<@b>", BAD, "", "", "", false},
	{"empty domain", "FROM:", "FROM:<a@>", BAD, "", "", "", false},
	{"two @", "FROM:", "FROM:<a@b@c>", BAD, "", "", "", false},
	{"empty label", "FROM:", "FROM:<a@b..c>", BAD, "", "", "", false},
	{"first dot", "FROM:", "FROM:<a@.b>", BAD, "", "", "", false},
	{"final dot", "FROM:", "FROM:<a@b.>", BAD, "", "", "", false},
	{"underscore", "FROM:", "FROM:<a@b_c.d>", XO_REFUSAL_NONE,
	    "a@b_c.d", "b_c.d", "", false},
	{"SP in domain", "FROM:", "FROM:<a@b c>", BAD, "", "", "", false},
	{"colon", "FROM:", "FROM:<a@b:25>", BAD, "", "", "", false},
	{"literal", "TO:", "TO:<a@[192.0.2.1]>", XO_REFUSAL_NONE,
	    "a@[192.0.2.1]", "[192.0.2.1]", "", false},
	{"literal 6", "TO:", "TO:<a@[IPv6:::1]>", XO_REFUSAL_NONE,
	    "a@[IPv6:::1]", "[IPv6:::1]", "", false},
	{"open literal", "TO:", "TO:<a@[1>", BAD, "", "", "", false},
	{"empty literal", "TO:", "TO:<a@[]>", BAD, "", "", "", false},
	{"literal with >", "TO:", "TO:<a@[1>2]>", BAD, "", "", "", false},
	{"literal, text", "TO:", "TO:<a@[1]b>", BAD, "", "", "", false},
	{"literal UTF-8", "TO:", "TO:<a@[\xc3\xb6]>", BAD, "", "", "", false},
	{"quoted", "FROM:", "FROM:<\"a b>c@d\"@e> P", XO_REFUSAL_NONE,
	    "\"a b>c@d\"@e", "e", " P", false},
	{"escaped", "FROM:", "FROM:<\"a\\\"\\\\b\"@e>", XO_REFUSAL_NONE,
	    "\"a\\\"\\\\b\"@e", "e", "", false},
	{"quoted empty", "FROM:", "FROM:<\"\"@e>", XO_REFUSAL_NONE,
	    "\"\"@e", "e", "", false},
	{"open quote", "FROM:", "FROM:<\"a@e>", BAD, "", "", "", false},
	{"open escape", "FROM:", "FROM:<\"a\\", BAD, "", "", "", false},
	{"escape at end", "FROM:", "FROM:<\"a\\\">", BAD, "", "", "", false},
	{"quote, text", "FROM:", "FROM:<\"a\"b@e>", BAD, "", "", "", false},
	{"text, quote", "FROM:", "FROM:<b\"a\"@e>", BAD, "", "", "", false},
	{"quoted TAB", "FROM:", "FROM:<\"a\tb\"@e>", BAD, "", "", "", false},
	{"escaped ESC", "FROM:", "FROM:<\"\\\x1b\"@e>", BAD, "", "", "",
	    false},
	{"ESC", "FROM:", "FROM:<a\x1b@e>", BAD, "", "", "", false},
	{"DEL", "FROM:", "FROM:<a\x7f@e>", BAD, "", "", "", false},
	{"CR", "FROM:", "FROM:<a\r@e>", BAD, "", "", "", false},
	{"comment", "FROM:", "FROM:<a(b)@e>", BAD, "", "", "", false},
	{"comma", "FROM:", "FROM:<a,b@e>", BAD, "", "", "", false},
	{"route", "TO:", "TO:<@a.b,@c:d@e>", XO_REFUSAL_NONE, "d@e", "e", "",
	    false},
	{"route one", "TO:", "TO:<@a:d@e>", XO_REFUSAL_NONE, "d@e", "e", "",
	    false},
	{"route, null", "FROM:", "FROM:<@a:>", BAD, "", "", "", false},
	{"route, comma", "TO:", "TO:<@a,:d@e>", BAD, "", "", "", false},
	{"route, no @", "TO:", "TO:<@a,b:d@e>", BAD, "", "", "", false},
	{"route, mailbox", "TO:", "TO:<@a,b@c>", BAD, "", "", "", false},
	{"route, open", "TO:", "TO:<@a,", BAD, "", "", "", false},
	{"route, no colon", "TO:", "TO:<@a d@e>", BAD, "", "", "", false},
	{"UTF-8 local", "FROM:", "FROM:<b\xc3\xbc@e>", XO_REFUSAL_NONE,
	    "b\xc3\xbc@e", "e", "", true},
	{"UTF-8 quoted", "FROM:", "FROM:<\"b\xc3\xbc\"@e>", XO_REFUSAL_NONE,
	    "\"b\xc3\xbc\"@e", "e", "", true},
	{"UTF-8 domain", "FROM:", "FROM:<a@b\xc3\xbc.e>", XO_REFUSAL_NONE,
	    "a@b\xc3\xbc.e", "b\xc3\xbc.e", "", true},
	{"Latin-1", "FROM:", "FROM:<b\xfc@e>", BAD, "", "", "", false},
	{"overlong", "FROM:", "FROM:<\xc0\xaf@e>", BAD, "", "", "", false},
	{"C1", "FROM:", "FROM:<\xc2\x85@e>", BAD, "", "", "", false},
	{"cut UTF-8", "FROM:", "FROM:<a@e\xe2\x82>", BAD, "", "", "", false},
	{"local 255", "FROM:", "FROM:<" A250 "bbbbb@e>", XO_REFUSAL_NONE,
	    A250 "bbbbb@e", "e", "", false},
	{"local 256", "FROM:", "FROM:<" A250 "bbbbbb@e>", BAD, "", "", "",
	    false},
	{"domain 255", "FROM:", "FROM:<a@" L192 A50 A10 "bbb>",
	    XO_REFUSAL_NONE, "a@" L192 A50 A10 "bbb", L192 A50 A10 "bbb", "",
	    false},
	{"domain 256", "FROM:", "FROM:<a@" L192 A50 A10 "bbbb>", BAD, "", "",
	    "", false},
	{"both", "FROM:", "FROM:<" A250 "@" L64 A10 ">", BAD, "", "", "",
	    false},
	{"M25", "FROM:", "FROM:<" A250 A250 A250 A250 A250 A250 A250 A250
	    "@e>", BAD, "", "", "", false},
};

static void
test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(paths); i++) {
		struct xo_span args = copy(paths[i].args), params;
		struct xo_path got;
		enum xo_refusal why = xo_path_parse(args,
		    xo_span_from_cstr(paths[i].keyword), STRICT, &got, &params);

		if (why != paths[i].want)
			fail_msg("%s: got %d, want %d", paths[i].id, why,
			    paths[i].want);
		if (why == XO_REFUSAL_NONE && (!xo_span_is_equal(got.address,
		    xo_span_from_cstr(paths[i].address)) ||
		    !xo_span_is_equal(got.domain,
		    xo_span_from_cstr(paths[i].domain)) ||
		    !xo_span_is_equal(params,
		    xo_span_from_cstr(paths[i].params)) ||
		    got.has_utf8 != paths[i].has_utf8))
			fail_msg("%s: got '%.*s' '%.*s' '%.*s'", paths[i].id,
			    (int)got.address.len,
			    (const char *)got.address.p, (int)got.domain.len,
			    (const char *)got.domain.p, (int)params.len,
			    (const char *)params.p);
		drop(args);
	}
}

#define NOT XO_REFUSAL_MAIL_SYNTAX

/* As devices write it. Whatever is good strictly, is so here. */
static const struct {
	const char *id;
	const char *keyword;
	const char *args;
	enum xo_refusal want;
	const char *address, *domain, *params;
} lenient[] = {
	/* two readings */
	{"SP inside", "FROM:", "FROM:<a b@x>", BAD, "", "", ""},
	{"SP, bare", "FROM:", "FROM:a b@x", OK, "a", "", " b@x"},
	{"name and address", "FROM:", "FROM:Root <a@x>", OK, "Root", "",
	    " <a@x>"},
	{"quoted name", "FROM:", "FROM:\"Root\" <a@x>", BAD, "", "", ""},
	{"quoted, bare", "FROM:", "FROM:\"a\"@x", BAD, "", "", ""},
	{"quoted SP, bare", "FROM:", "FROM:\"a b\"@x", BAD, "", "", ""},
	{"quoted, alone", "FROM:", "FROM:<\"root\">", BAD, "", "", ""},
	{"open quote", "FROM:", "FROM:<\"a@x>", BAD, "", "", ""},
	{"comment", "FROM:", "FROM:<a(b)@x>", BAD, "", "", ""},
	{"comment behind", "FROM:", "FROM:<a@x (b)>", BAD, "", "", ""},
	{"comment, bare", "FROM:", "FROM:a@x(b)", BAD, "", "", ""},
	{"two", "FROM:", "FROM:<a@x,b@x>", BAD, "", "", ""},
	{"two, bare", "FROM:", "FROM:a@x,b@x", BAD, "", "", ""},
	{"two @", "FROM:", "FROM:<a@b@x>", BAD, "", "", ""},
	{"two @, bare", "FROM:", "FROM:a@b@x", BAD, "", "", ""},
	{"no >", "FROM:", "FROM:<a@x", BAD, "", "", ""},
	{"no > but SP", "FROM:", "FROM:<a@x SIZE=1", BAD, "", "", ""},
	{"no <", "FROM:", "FROM:a@x>", BAD, "", "", ""},
	{"no <, final dot", "FROM:", "FROM:a@x.>", BAD, "", "", ""},
	{"<<", "FROM:", "FROM:<<a@x>>", BAD, "", "", ""},
	{"< <", "FROM:", "FROM:< <a@x>>", BAD, "", "", ""},
	{"> in name", "FROM:", "FROM:<ro>ot>", OK, "ro", "", "ot>"},
	{"route, bare", "FROM:", "FROM:@a:b@x", BAD, "", "", ""},
	{"route, final dot", "FROM:", "FROM:<@a.:b@x>", BAD, "", "", ""},
	{"route, name", "FROM:", "FROM:<@a:root>", OK, "root", "", ""},
	{"percent, alone", "TO:", "TO:<victim%outside.example>", BAD, "", "",
	    ""},
	{"bang, alone", "TO:", "TO:<outside!victim>", BAD, "", "", ""},
	{"slash, alone", "TO:", "TO:</etc/passwd>", BAD, "", "", ""},
	{"pipe, alone", "TO:", "TO:<|id>", BAD, "", "", ""},
	{"option, alone", "TO:", "TO:<-froot>", BAD, "", "", ""},
	{"include, alone", "TO:", "TO:<:include:/x>", BAD, "", "", ""},
	{"backslash, alone", "TO:", "TO:<\\root>", BAD, "", "", ""},
	{"UTF-8, alone", "FROM:", "FROM:<b\xc3\xbcro>", BAD, "", "", ""},
	{"dot in front, alone", "FROM:", "FROM:<.root>", BAD, "", "", ""},
	{"parameter for address", "FROM:", "FROM: SIZE=100", BAD, "", "", ""},
	{"parameter, glued", "FROM:", "FROM:SIZE=100", BAD, "", "", ""},
	{"glued behind", "FROM:", "FROM:<root>SIZE=1", OK, "root", "",
	    "SIZE=1"},
	{"nothing", "FROM:", "FROM:", BAD, "", "", ""},
	{"blanks only", "FROM:", "FROM: \t ", BAD, "", "", ""},
	{"dots only", "FROM:", "FROM:<...@x>", BAD, "", "", ""},
	{"two final dots", "FROM:", "FROM:<a@x..>", BAD, "", "", ""},
	{"only a dot", "FROM:", "FROM:<a@.>", BAD, "", "", ""},
	{"literal, final dot", "FROM:", "FROM:<a@[192.0.2.1].>", BAD, "", "",
	    ""},
	{"empty local", "FROM:", "FROM:<@x>", BAD, "", "", ""},
	{"Latin-1", "FROM:", "FROM:<b\xfc@x>", BAD, "", "", ""},
	{"C1", "FROM:", "FROM:<\xc2\x85@x>", BAD, "", "", ""},
	{"ESC", "FROM:", "FROM:<a\x1b@x>", BAD, "", "", ""},
	{"CR", "FROM:", "FROM:<a\r@x>", BAD, "", "", ""},
	{"FF in front", "FROM:", "FROM:\f<a@x>", BAD, "", "", ""},
	{"wrong keyword", "FROM:", "TO:<a@x>", NOT, "", "", ""},
	{"SP in keyword", "FROM:", "FROM :<a@x>", NOT, "", "", ""},
	{"no colon", "FROM:", "FROM <a@x>", NOT, "", "", ""},
	{"local 256", "FROM:", "FROM:<" A250 "bbbbbb>", BAD, "", "", ""},
	{"domain 256", "FROM:", "FROM:<a@" L192 A50 A10 "bbbb.>", BAD, "", "",
	    ""},
	/* one */
	{"strict", "FROM:", "FROM:<u@x> SIZE=1", OK, "u@x", "x", " SIZE=1"},
	{"strict, quoted", "FROM:", "FROM:<\"a b>c\"@x>", OK, "\"a b>c\"@x",
	    "x", ""},
	{"no < >", "FROM:", "FROM:a@x", OK, "a@x", "x", ""},
	{"no < >, SP", "FROM:", "FROM: a@x SIZE=1", OK, "a@x", "x",
	    " SIZE=1"},
	{"no < >, TO", "TO:", "TO:a@x", OK, "a@x", "x", ""},
	{"no < >, final dot", "TO:", "TO:a@x. B", OK, "a@x", "x", " B"},
	{"no < >, literal", "TO:", "TO:a@[192.0.2.1]", OK, "a@[192.0.2.1]",
	    "[192.0.2.1]", ""},
	{"no < >, name", "FROM:", "FROM:root", OK, "root", "", ""},
	{"root", "FROM:", "FROM:<root>", OK, "root", "", ""},
	{"root, TO", "TO:", "TO:<root>", OK, "root", "", ""},
	{"machine", "FROM:", "FROM:<SCAN_01-b.c+d$>", OK, "SCAN_01-b.c+d$", "",
	    ""},
	{"postmaster", "TO:", "TO:<Postmaster>", OK, "Postmaster", "", ""},
	{"< >", "FROM:", "FROM:< >", OK, "", "", ""},
	{"< > P", "FROM:", "FROM:<\t > SIZE=1", OK, "", "", " SIZE=1"},
	{"blanks inside", "FROM:", "FROM:< a@x\t>", OK, "a@x", "x", ""},
	{"two SP", "FROM:", "FROM:  <a@x>", OK, "a@x", "x", ""},
	{"TAB", "FROM:", "FROM:\t<a@x>", OK, "a@x", "x", ""},
	{"SP in front", "FROM:", " \tFROM:<a@x>", OK, "a@x", "x", ""},
	{"dots", "FROM:", "FROM:<..a..b..@x>", OK, "..a..b..@x", "x", ""},
	{"final dot", "FROM:", "FROM:<a@x.y.>", OK, "a@x.y", "x.y", ""},
	{"final dot, SP", "FROM:", "FROM:<a@x. >", OK, "a@x", "x", ""},
	{"domain 255", "FROM:", "FROM:<a@" L192 A50 A10 "bbb.>", OK,
	    "a@" L192 A50 A10 "bbb", L192 A50 A10 "bbb", ""},
};

static void
want_lenient(size_t i, enum xo_syntax syntax)
{
	struct xo_span args = copy(lenient[i].args), params;
	struct xo_path got;
	enum xo_refusal why = xo_path_parse(args,
	    xo_span_from_cstr(lenient[i].keyword), syntax, &got, &params);

	if (syntax == XO_SYNTAX_LENIENT && why != lenient[i].want)
		fail_msg("%s: got %d, want %d", lenient[i].id, why,
		    lenient[i].want);
	if (why == XO_REFUSAL_NONE && (!xo_span_is_equal(got.address,
	    xo_span_from_cstr(lenient[i].address)) ||
	    !xo_span_is_equal(got.domain,
	    xo_span_from_cstr(lenient[i].domain)) ||
	    !xo_span_is_equal(params, xo_span_from_cstr(lenient[i].params))))
		fail_msg("%s: got '%.*s' '%.*s' '%.*s'", lenient[i].id,
		    (int)got.address.len, (const char *)got.address.p,
		    (int)got.domain.len, (const char *)got.domain.p,
		    (int)params.len, (const char *)params.p);
	drop(args);
}

static void
test_lenient_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(lenient); i++) {
		want_lenient(i, XO_SYNTAX_LENIENT);
		/* What both take, they read alike. */
		want_lenient(i, XO_SYNTAX_STRICT);
	}
}

static void
test_lenient_takes_what_strict_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(paths); i++) {
		struct xo_span args = xo_span_from_cstr(paths[i].args), params;
		struct xo_path got;

		if (paths[i].want != XO_REFUSAL_NONE)
			continue;
		if (xo_path_parse(args, xo_span_from_cstr(paths[i].keyword),
		    XO_SYNTAX_LENIENT, &got, &params) != XO_REFUSAL_NONE ||
		    !xo_span_is_equal(got.address,
		    xo_span_from_cstr(paths[i].address)) ||
		    !xo_span_is_equal(params,
		    xo_span_from_cstr(paths[i].params)))
			fail_msg("%s: another reading", paths[i].id);
	}
}

static void
test_odd_names(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{"", false}, {"gw.contoso.com", false}, {"[192.0.2.1]", false},
		{"a\x1b", false}, {"a\tb", false}, {"a\x7f", false},
		{"a\rb", false}, {A250 "bbbbb ", false},
		{"my printer", true}, {"*", true}, {"b\xc3\xbcro", true},
		{"b\xfcro", true}, {"a(b)", true}, {"\"a\"", true},
		{"a@b", true}, {"..", true}, {A250 "bbbb ", true},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (xo_hello_name_is_odd(xo_span_from_cstr(rows[i].name)) !=
		    rows[i].want)
			fail_msg("'%s': want %d", rows[i].name, rows[i].want);
	assert_false(xo_hello_name_is_odd(xo_span("a\0b ", 4)));
}

/* What is cut before its `>` is never a path; L05 never gets here. */
static void
test_paths_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(paths); i++) {
		size_t end = strlen(paths[i].args) - strlen(paths[i].params);

		if (paths[i].want != XO_REFUSAL_NONE)
			continue;
		for (size_t n = 0; n < end; n++) {
			uint8_t *p = malloc(n > 0 ? n : 1);
			struct xo_path got;
			struct xo_span params;

			assert_non_null(p);
			memcpy(p, paths[i].args, n);
			if (xo_path_parse(xo_span(p, n), xo_span_from_cstr(
			    paths[i].keyword), STRICT, &got, &params) ==
			    XO_REFUSAL_NONE)
				fail_msg("%s cut at %zu", paths[i].id, n);
			free(p);
		}
	}
}

static void
test_path_nul(void **state)
{
	struct xo_path got;
	struct xo_span params;

	(void)state;
	assert_int_equal(xo_path_parse(XO_LIT("FROM:<a\0@b>"),
	    XO_LIT("FROM:"), STRICT, &got, &params), BAD);
	assert_int_equal(xo_path_parse(XO_LIT("FROM:<a@b\0>"),
	    XO_LIT("FROM:"), STRICT, &got, &params), BAD);
	assert_int_equal(xo_path_parse(XO_LIT("FROM:<\"\0\"@b>"),
	    XO_LIT("FROM:"), STRICT, &got, &params), BAD);
	assert_int_equal(xo_path_parse(XO_LIT("FROM:<\"\\\0\"@b>"),
	    XO_LIT("FROM:"), STRICT, &got, &params), BAD);
	assert_int_equal(xo_path_parse(XO_LIT("FROM:<a@[\0]>"),
	    XO_LIT("FROM:"), STRICT, &got, &params), BAD);
}

static void
test_bdat(void **state)
{
	static const struct {
		const char *id;
		const char *args;
		enum xo_refusal want;
		uint64_t size;
		bool is_last;
	} rows[] = {
		{"B01", "86 LAST", XO_REFUSAL_NONE, 86, true},
		{"nocase", "86 last", XO_REFUSAL_NONE, 86, true},
		{"B02", "86", XO_REFUSAL_NONE, 86, false},
		{"B03", "0 LAST", XO_REFUSAL_NONE, 0, true},
		{"zero", "0", XO_REFUSAL_NONE, 0, false},
		{"05", "05", XO_REFUSAL_NONE, 5, false},
		{"2^32+5", "4294967301", XO_REFUSAL_NONE, 4294967301, false},
		{"2^63-1", "9223372036854775807", XO_REFUSAL_NONE,
		    9223372036854775807, false},
		{"2^64", "18446744073709551616", XO_REFUSAL_BDAT_TOO_LARGE,
		    0, false},
		{"-1", "-1", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"+5", "+5", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"0x10", "0x10", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"1e3", "1e3", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"5 FIRST", "5 FIRST", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"5 LAST LAST", "5 LAST LAST", XO_REFUSAL_BDAT_SYNTAX, 0,
		    false},
		{"empty", "", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"5LAST", "5LAST", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"05 LAST x", "05 LAST x", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"arabic", "\xd9\xa5", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"TAB", "5\tLAST", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"two SP", "5  LAST", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"first SP", " 5", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"LAST", "LAST", XO_REFUSAL_BDAT_SYNTAX, 0, false},
		{"comma", "5,000", XO_REFUSAL_BDAT_SYNTAX, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_span args = copy(rows[i].args);
		struct xo_chunk got;
		enum xo_refusal why = xo_bdat_parse(args, &got);

		if (why != rows[i].want || got.size != rows[i].size ||
		    got.is_last != rows[i].is_last)
			fail_msg("%s: got %d %llu %d", rows[i].id, why,
			    (unsigned long long)got.size, got.is_last);
		drop(args);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_lenient_paths),
		cmocka_unit_test(test_lenient_takes_what_strict_takes),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_paths_cut),
		cmocka_unit_test(test_path_nul),
		cmocka_unit_test(test_bdat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
