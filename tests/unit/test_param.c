/* SPDX-License-Identifier: ISC */
/* ESMTP parameters: vectors.md b.2, and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/param.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A60 A50 A10
#define A100 A50 A50
#define A500 A100 A100 A100 A100 A100
#define D255 A60 "aaa." A60 "aaa." A60 "aaa." A60 "aaa"
#define S(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define ALL (XO_CAP_BIT(XO_CAP_MAX) - 1)
/* In the state TX of vectors.md b.2; T0 and C are without XOORG. */
#define TX ALL
#define T0 (ALL & ~XO_CAP_BIT(XO_CAP_XOORG))
#define U "FROM:<u@contoso.com>"

#define OK XO_REFUSAL_NONE
#define MALFORMED XO_REFUSAL_XOORG_MALFORMED
#define SYNTAX XO_REFUSAL_PARAM_SYNTAX
#define UNKNOWN XO_REFUSAL_PARAM_UNKNOWN
#define TWICE XO_REFUSAL_PARAM_TWICE

/* The operator's: the first two of XO_CAP_EXTENSIONS. */
static const struct xo_span names[] = {S("XVERP"), S("RRVS")};
static const struct xo_extensions extensions = {names, N(names)};
#define XVERP XO_CAP_BIT(XO_CAP_COUNT)
#define RRVS XO_CAP_BIT(XO_CAP_COUNT + 1)

static const struct {
	const char *id;
	uint32_t announced;
	const char *args;
	enum xo_refusal want;
	const char *xoorg;
} mails[] = {
	{"M1", TX, U " SIZE=1000 XOORG=contoso.com", OK, "contoso.com"},
	{"M2", TX, U " XOORG=contoso.com SIZE=1000 BODY=8BITMIME", OK,
	    "contoso.com"},
	{"M3", TX, "from:<u@contoso.com> xoorg=Contoso.COM", OK,
	    "Contoso.COM"},
	{"M4", TX, "FROM:<> XOORG=contoso.onmicrosoft.com", OK,
	    "contoso.onmicrosoft.com"},
	{"M5", TX, U, OK, ""},
	{"M6", TX, U " XOORG=", MALFORMED, ""},
	{"M7", TX, U " XOORG", MALFORMED, ""},
	{"M8", TX, U " XOORG=contoso.com XOORG=contoso.com", TWICE, ""},
	{"M9", TX, U " XOORG=contoso.com xoorg=fabrikam.com", TWICE, ""},
	{"M10", TX, U " XOORG=contoso+2Ecom", OK, "contoso.com"},
	{"M11", TX, U " XOORG=contoso+2ecom", OK, "contoso.com"},
	{"M12 short", TX, U " XOORG=contoso+2", MALFORMED, ""},
	{"M12 bare", TX, U " XOORG=contoso+", MALFORMED, ""},
	{"M12 no hex", TX, U " XOORG=contoso+ZZcom", MALFORMED, ""},
	{"M13", TX, U " XOORG=a=b.com", MALFORMED, ""},
	{"M13 first", TX, U " XOORG==x", MALFORMED, ""},
	{"M14", TX, U " XOORG=contoso.com.", MALFORMED, ""},
	{"M15 front", TX, U " XOORG=.contoso.com", MALFORMED, ""},
	{"M15 middle", TX, U " XOORG=contoso..com", MALFORMED, ""},
	{"M16 v4", TX, U " XOORG=[192.0.2.1]", MALFORMED, ""},
	{"M16 v6", TX, U " XOORG=[IPv6:::1]", MALFORMED, ""},
	{"M17 at", TX, U " XOORG=user@contoso.com", MALFORMED, ""},
	{"M17 star", TX, U " XOORG=con*oso.com", MALFORMED, ""},
	{"M17 slash", TX, U " XOORG=con/toso.com", MALFORMED, ""},
	{"M18", TX, U " XOORG=localhost", OK, "localhost"},
	{"M19", TX, U " XOORG=_a-.contoso.com", OK, "_a-.contoso.com"},
	{"M20 63", TX, U " XOORG=" A60 "aaa.com", OK, A60 "aaa.com"},
	{"M20 64", TX, U " XOORG=" A60 "aaaa.com", MALFORMED, ""},
	{"M21 255", TX, U " XOORG=" D255, OK, D255},
	{"M21 256", TX, U " XOORG=a." A60 "aa." A60 "aaa." A60 "aaa." A60
	    "aaa", MALFORMED, ""},
	{"M21 encoded", TX, U " XOORG=" A60 "aaa+2E" A60 "aaa+2E" A60
	    "aaa+2E" A60 "aaa", OK, D255},
	{"too long encoded", TX, U " XOORG=" A500 A500 "a", MALFORMED, ""},
	{"M12/300 octets", TX, U " XOORG=" D255 ".a" A50, MALFORMED, ""},
	{"M22", TX, U " XOORG=conto\xc3\xb6so.com", MALFORMED, ""},
	{"M22 UTF-8", TX, U " SMTPUTF8 XOORG=conto\xc3\xb6so.com", MALFORMED,
	    ""},
	{"M22 Latin-1", TX, U " XOORG=conto\xf6so.com", MALFORMED, ""},
	{"M22 encoded", TX, U " XOORG=conto+C3+B6so.com", MALFORMED, ""},
	{"M23 NUL", TX, U " XOORG=contoso+00.com", MALFORMED, ""},
	{"M23 CR LF", TX, U " XOORG=contoso+0D+0Acom", MALFORMED, ""},
	{"M23 SP", TX, U " XOORG=contoso+20com", MALFORMED, ""},
	{"M24", TX, U " XOORG=xn--bcher-kva.example", OK,
	    "xn--bcher-kva.example"},
	{"M25", TX, U " XOORG=contoso\\x{2E}com", MALFORMED, ""},
	{"M26", TX, U " XOORG=fabrikam.com", OK, "fabrikam.com"},
	{"M27", TX, U " XOORG=sct-15-20-9412-4-msonline-outlook-990eb."
	    "templateTenant", OK, "sct-15-20-9412-4-msonline-outlook-990eb."
	    "templateTenant"},
	{"M28", T0, U " XOORG=contoso.com", XO_REFUSAL_XOORG_NOT_ANNOUNCED,
	    ""},
	{"M28 HELO", 0, U " XOORG=contoso.com",
	    XO_REFUSAL_XOORG_NOT_ANNOUNCED, ""},
	{"M28 then", T0, U, OK, ""},
	{"M29", T0, U " XOORG=", MALFORMED, ""},
	{"M29 twice", T0, U " XOORG=a XOORG=b", TWICE, ""},
	{"M30", TX, U " SIZE=99999999 XOORG=contoso.com", OK, "contoso.com"},
	{"M31", TX, U " SIZE=99999999 XOORG=!", MALFORMED, ""},
	{"M32", TX, U " XOORG=contoso.com FOO=bar", UNKNOWN, ""},
	{"syntax before meaning", T0, U " XOORG=contoso.com SIZE=x", SYNTAX,
	    ""},
	{"first of two not announced", 0, U " BODY=7BIT XOORG=a", UNKNOWN,
	    ""},
	{"first of two not announced", 0, U " XOORG=a BODY=7BIT",
	    XO_REFUSAL_XOORG_NOT_ANNOUNCED, ""},
	{"M41", TX, U " SIZE=1000\tXOORG=contoso.com", OK, "contoso.com"},
	{"M14", TX, U "\tXOORG=contoso.com", XO_REFUSAL_PARAM_SYNTAX, NULL},
	{"many blanks", TX, U " \t  SIZE=1000  XOORG=contoso.com \t", OK,
	    "contoso.com"},
	{"glued", TX, U "XOORG=contoso.com", SYNTAX, ""},
	{"glued later", TX, U "X XOORG=contoso.com", SYNTAX, ""},
	{"VT", TX, U " SIZE=1\x0bXOORG=contoso.com", SYNTAX, ""},
	{"NBSP", TX, U "\xc2\xa0XOORG=contoso.com", SYNTAX, ""},
	{"quoted value", TX, U " XOORG=\"contoso.com\"", MALFORMED, ""},
	{"in the address", TX, "FROM:<\"a> XOORG=b.c\"@d> SIZE=1", OK, ""},
	{"other name", TX, U " XOORGS=contoso.com", UNKNOWN, ""},
	{"X-OORG", TX, U " X-OORG=contoso.com", UNKNOWN, ""},
	/* Exchange's own */
	{"XSHADOW", TX, U " XSHADOW=a", UNKNOWN, ""},
	{"XMESSAGECONTEXT", TX, U " XMESSAGECONTEXT=a", UNKNOWN, ""},
	{"XATTRDIRECT", TX, U " XATTRDIRECT=a", UNKNOWN, ""},
	{"XATTRORGID", TX, U " XATTRORGID=a", UNKNOWN, ""},
	{"XSYSPROBEID", TX, U " XSYSPROBEID=a", UNKNOWN, ""},
	{"XMSGID", TX, U " XMSGID=a", UNKNOWN, ""},
	{"XORIGFROM", TX, U " XORIGFROM=a", UNKNOWN, ""},
	/* security a.6 */
	{"M17", T0, U " AUTH=a+0D+0AQUIT", SYNTAX, ""},
	{"AUTH <>", 0, U " AUTH=<>", OK, ""},
	{"AUTH", 0, U " AUTH=a+40b", OK, ""},
	{"AUTH empty", 0, U " AUTH=", SYNTAX, ""},
	{"AUTH no value", 0, U " AUTH", SYNTAX, ""},
	{"AUTH twice", 0, U " AUTH=<> auth=<>", TWICE, ""},
	{"AUTH 500", 0, U " AUTH=" A500, OK, ""},
	{"AUTH 501", 0, U " AUTH=" A500 "a", SYNTAX, ""},
	{"M18", T0, U " FOO=bar", UNKNOWN, ""},
	{"M20", TX, U " SIZE=-1", SYNTAX, ""},
	{"SIZE +", TX, U " SIZE=+1", SYNTAX, ""},
	{"SIZE hex", TX, U " SIZE=0x10", SYNTAX, ""},
	{"SIZE no value", TX, U " SIZE", SYNTAX, ""},
	{"SIZE empty", TX, U " SIZE=", SYNTAX, ""},
	{"SIZE 20 digits", TX, U " SIZE=18446744073709551616", SYNTAX, ""},
	{"M27 twice", TX, U " SIZE=1 SIZE=1", TWICE, ""},
	{"SIZE unannounced", 0, U " SIZE=1", UNKNOWN, ""},
	{"M24", TX, "FROM:<b\xc3\xbc@c>", XO_REFUSAL_ADDRESS_UTF8, ""},
	{"UTF-8", TX, "FROM:<b\xc3\xbc@c> SMTPUTF8", OK, ""},
	{"UTF-8 unannounced", 0, "FROM:<b\xc3\xbc@c> SMTPUTF8", UNKNOWN, ""},
	{"SMTPUTF8=1", TX, U " SMTPUTF8=1", SYNTAX, ""},
	{"SMTPUTF8 twice", TX, U " SMTPUTF8 smtputf8", TWICE, ""},
	{"M26", TX, "FROM:<a@b", XO_REFUSAL_ADDRESS_SYNTAX, ""},
	{"no FROM", TX, "TO:<a@b>", XO_REFUSAL_MAIL_SYNTAX, ""},
	{"M30 NUL", TX, U " ENVID=a+00", SYNTAX, ""},
	{"ENVID 100", TX, U " ENVID=" A100, OK, ""},
	{"ENVID 101", TX, U " ENVID=" A100 "a", SYNTAX, ""},
	{"RET", TX, U " RET=full ENVID=a+2Bb", OK, ""},
	{"RET other", TX, U " RET=HALF", SYNTAX, ""},
	{"RET no value", TX, U " RET", SYNTAX, ""},
	{"RET unannounced", T0 & ~XO_CAP_BIT(XO_CAP_DSN), U " RET=HDRS",
	    UNKNOWN, ""},
	{"BODY other", TX, U " BODY=9BIT", XO_REFUSAL_PARAM_BODY, ""},
	{"BODY no value", TX, U " BODY", SYNTAX, ""},
	{"BODY twice", TX, U " BODY=7BIT BODY=8BITMIME", TWICE, ""},
	{"BINARYMIME unannounced", TX & ~XO_CAP_BIT(XO_CAP_BINARYMIME),
	    U " BODY=binarymime", UNKNOWN, ""},
	{"REQUIRETLS", TX, U " REQUIRETLS", OK, ""},
	{"REQUIRETLS=1", TX, U " REQUIRETLS=1", SYNTAX, ""},
	{"MT-PRIORITY", TX, U " MT-PRIORITY=-9", OK, ""},
	{"MT-PRIORITY 10", TX, U " MT-PRIORITY=10", SYNTAX, ""},
	{"MT-PRIORITY -", TX, U " MT-PRIORITY=-", SYNTAX, ""},
	{"BY", TX, U " BY=-120;RT", OK, ""},
	{"BY mode", TX, U " BY=120;X", SYNTAX, ""},
	{"BY number", TX, U " BY=;R", SYNTAX, ""},
	{"HOLDFOR", TX, U " HOLDFOR=999999999", OK, ""},
	{"HOLDFOR long", TX, U " HOLDFOR=9999999999", SYNTAX, ""},
	{"HOLDFOR no value", TX, U " HOLDFOR", SYNTAX, ""},
	{"HOLDUNTIL", TX, U " HOLDUNTIL=2030-01-01T00:00:00.5+01:00", OK,
	    ""},
	{"HOLDUNTIL text", TX, U " HOLDUNTIL=tomorrow", SYNTAX, ""},
	{"NOTIFY is RCPT's", TX, U " NOTIFY=NEVER", UNKNOWN, ""},
	{"extension", TX, U " SIZE=1 xverp RRVS=a;b XOORG=a.b", OK, "a.b"},
	{"extension empty", TX, U " XVERP=", SYNTAX, ""},
	{"extension, =", TX, U " XVERP=a=b", SYNTAX, ""},
	{"extension, only =", TX, U " XVERP==", SYNTAX, ""},
	{"extension, UTF-8", TX, U " SMTPUTF8 XVERP=\xc3\xa9", SYNTAX, ""},
	{"extension twice", TX, U " XVERP XVERP", TWICE, ""},
	{"extension twice, other case", TX, U " XVERP=a SIZE=1 xverp=a", TWICE,
	    ""},
	{"extension unannounced", TX & ~XVERP, U " XVERP", UNKNOWN, ""},
	{"extension, other announced", RRVS, U " XVERP=a", UNKNOWN, ""},
	{"extension unannounced, syntax", 0, U " XVERP=a=b", SYNTAX, ""},
	{"extension unannounced, twice", 0, U " XVERP XVERP", TWICE, ""},
	{"extension, longer", TX, U " XVERPS", UNKNOWN, ""},
	{"not in the list", TX, U " MTRK=a", UNKNOWN, ""},
	{"only =", TX, U " =", SYNTAX, ""},
	{"no name", TX, U " =a", SYNTAX, ""},
	{"name -", TX, U " -SIZE=1", SYNTAX, ""},
	{"name _", TX, U " SI_ZE=1", SYNTAX, ""},
};

static void
want_mail(size_t i, struct xo_span args)
{
	struct xo_mail got;
	enum xo_refusal why = xo_mail_parse(args, mails[i].announced,
	    &extensions, XO_SYNTAX_STRICT, &got);
	struct xo_span xoorg = xo_mail_xoorg(&got);

	if (why != mails[i].want)
		fail_msg("%s: got %s, want %s", mails[i].id,
		    xo_refusal_info(why)->id,
		    xo_refusal_info(mails[i].want)->id);
	if (!xo_span_is_equal(xoorg, xo_span_from_cstr(mails[i].xoorg)) ||
	    got.has_xoorg != (xoorg.len > 0))
		fail_msg("%s: got '%.*s'", mails[i].id, (int)xoorg.len,
		    (const char *)xoorg.p);
}

static uint8_t *
copy(const char *s, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	assert_non_null(p);
	memcpy(p, s, len);
	return p;
}

static void
test_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(mails); i++) {
		size_t len = strlen(mails[i].args);
		uint8_t *p = copy(mails[i].args, len);

		want_mail(i, xo_span(p, len));
		free(p);
	}
}

/* No prefix of a line makes the parser read on; see ASan. */
static void
test_mail_cut(void **state)
{
	struct xo_mail got;

	(void)state;
	for (size_t i = 0; i < N(mails); i++) {
		for (size_t n = 0; n < strlen(mails[i].args); n++) {
			uint8_t *p = copy(mails[i].args, n);

			if (xo_mail_parse(xo_span(p, n), mails[i].announced,
			    &extensions, XO_SYNTAX_STRICT, &got) != OK)
				assert_false(got.has_xoorg);
			free(p);
		}
	}
}

/* Every octet but those of xtext is refused inside the value. */
static void
test_octets(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		char line[] = U " XOORG=contos?.com";
		bool is_label = xo_ascii_is_alpha((uint8_t)c) ||
		    xo_ascii_is_digit((uint8_t)c) || c == '-' || c == '_';
		struct xo_mail got;
		enum xo_refusal why;

		*strchr(line, '?') = (char)c;
		why = xo_mail_parse(xo_span(line, sizeof(line) - 1), TX,
		    NULL, XO_SYNTAX_STRICT, &got);
		if (c == ' ' || c == '\t')
			assert_int_equal(why, SYNTAX);	/* ".com" */
		else
			assert_int_equal(why, is_label ? OK : MALFORMED);
	}
}

static void
test_fields(void **state)
{
	static const struct {
		const char *params;
		uint32_t needs;
		bool has_size;
		uint64_t size;
		enum xo_body body;
		bool is_utf8;
	} rows[] = {
		{"", 0, false, 0, XO_BODY_7BIT, false},
		{" SIZE=0", XO_CAP_BIT(XO_CAP_SIZE), true, 0, XO_BODY_7BIT,
		    false},
		{" size=9999999999999999999", XO_CAP_BIT(XO_CAP_SIZE), true,
		    9999999999999999999U, XO_BODY_7BIT, false},
		{" BODY=7BIT", 0, false, 0, XO_BODY_7BIT, false},
		{" BODY=8bitmime", XO_CAP_BIT(XO_CAP_8BITMIME), false, 0,
		    XO_BODY_8BITMIME, false},
		{" BODY=BINARYMIME", XO_CAP_BIT(XO_CAP_BINARYMIME), false, 0,
		    XO_BODY_BINARYMIME, false},
		{" SMTPUTF8", XO_CAP_BIT(XO_CAP_SMTPUTF8), false, 0,
		    XO_BODY_7BIT, true},
		{" AUTH=<>", 0, false, 0, XO_BODY_7BIT, false},
		{" XOORG=a RET=HDRS REQUIRETLS", XO_CAP_BIT(XO_CAP_XOORG) |
		    XO_CAP_BIT(XO_CAP_DSN) | XO_CAP_BIT(XO_CAP_REQUIRETLS),
		    false, 0, XO_BODY_7BIT, false},
		{" RRVS=1 XVERP", RRVS | XVERP, false, 0, XO_BODY_7BIT, false},
	};
	char line[200];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t n = strlen(rows[i].params);
		struct xo_mail got;

		memcpy(line, U, sizeof(U) - 1);
		memcpy(line + sizeof(U) - 1, rows[i].params, n);
		assert_int_equal(xo_mail_parse(xo_span(line,
		    sizeof(U) - 1 + n), TX, &extensions, XO_SYNTAX_STRICT, &got), OK);
		if (got.needs != rows[i].needs ||
		    got.has_size != rows[i].has_size ||
		    got.size != rows[i].size || got.body != rows[i].body ||
		    got.is_utf8 != rows[i].is_utf8 || got.params.len != n)
			fail_msg("'%s': got %x %llu", rows[i].params,
			    got.needs, (unsigned long long)got.size);
	}
}

static void
test_rcpt(void **state)
{
	static const struct {
		const char *id;
		uint32_t announced;
		bool allow_utf8;
		const char *args;
		enum xo_refusal want;
	} rows[] = {
		{"plain", 0, false, "TO:<a@b>", OK},
		{"postmaster", 0, false, "TO:<postmaster>", OK},
		{"null", 0, false, "TO:<>", XO_REFUSAL_RCPT_SYNTAX},
		{"FROM", 0, false, "FROM:<a@b>", XO_REFUSAL_RCPT_SYNTAX},
		{"no domain", 0, false, "TO:<a>", XO_REFUSAL_RCPT_SYNTAX},
		{"glued", ALL, false, "TO:<a@b>NOTIFY=NEVER", SYNTAX},
		{"NOTIFY", ALL, false, "TO:<a@b> NOTIFY=never", OK},
		{"NOTIFY list", ALL, false,
		    "TO:<a@b> NOTIFY=SUCCESS,failure,DELAY", OK},
		{"NOTIFY mixed", ALL, false, "TO:<a@b> NOTIFY=NEVER,DELAY",
		    SYNTAX},
		{"NOTIFY comma", ALL, false, "TO:<a@b> NOTIFY=DELAY,",
		    SYNTAX},
		{"NOTIFY word", ALL, false, "TO:<a@b> NOTIFY=x", SYNTAX},
		{"NOTIFY no value", ALL, false, "TO:<a@b> NOTIFY", SYNTAX},
		{"NOTIFY twice", ALL, false,
		    "TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", TWICE},
		{"NOTIFY unannounced", 0, false, "TO:<a@b> NOTIFY=NEVER",
		    UNKNOWN},
		{"ORCPT", ALL, false, "TO:<a@b> ORCPT=rfc822;a+2Bb@c", OK},
		{"M29", ALL, false, "TO:<a@b> ORCPT=rfc822;a+0D+0AQUIT",
		    SYNTAX},
		{"ORCPT NUL", ALL, false, "TO:<a@b> ORCPT=rfc822;a+00",
		    SYNTAX},
		{"ORCPT no type", ALL, false, "TO:<a@b> ORCPT=;a", SYNTAX},
		{"ORCPT no ;", ALL, false, "TO:<a@b> ORCPT=a@b", SYNTAX},
		{"ORCPT empty", ALL, false, "TO:<a@b> ORCPT=rfc822;",
		    SYNTAX},
		{"ORCPT no value", ALL, false, "TO:<a@b> ORCPT", SYNTAX},
		{"ORCPT type", ALL, false, "TO:<a@b> ORCPT=rf_c;a", SYNTAX},
		{"ORCPT =", ALL, false, "TO:<a@b> ORCPT=rfc822;a=b@c",
		    SYNTAX},
		{"ORCPT 500", ALL, false, "TO:<a@b> ORCPT=rfc822;" A100 A100
		    A100 A100 A50 A10 A10 A10 A10 "aaa", OK},
		{"ORCPT 501", ALL, false, "TO:<a@b> ORCPT=rfc822;" A100 A100
		    A100 A100 A50 A10 A10 A10 A10 "aaaa", SYNTAX},
		{"ORCPT UTF-8", ALL, true,
		    "TO:<a@b> ORCPT=utf-8;b\xc3\xbc\xe2\x82\xac+2Bx@c", OK},
		{"ORCPT bad UTF-8", ALL, true,
		    "TO:<a@b> ORCPT=utf-8;b\xfc@c", SYNTAX},
		{"ORCPT UTF-8, CR", ALL, true,
		    "TO:<a@b> ORCPT=utf-8;b\xc3\xbc+0D@c", SYNTAX},
		{"ORCPT UTF-8, split +", ALL, true,
		    "TO:<a@b> ORCPT=utf-8;b+\xc3\xbc" "41@c", SYNTAX},
		{"ORCPT UTF-8 not allowed", ALL, false,
		    "TO:<a@b> ORCPT=utf-8;b\xc3\xbc@c", SYNTAX},
		{"UTF-8", ALL, true, "TO:<b\xc3\xbc@c>", OK},
		{"UTF-8 not allowed", ALL, false, "TO:<b\xc3\xbc@c>",
		    XO_REFUSAL_ADDRESS_UTF8},
		{"XOORG is MAIL's", ALL, false, "TO:<a@b> XOORG=c", UNKNOWN},
		{"XOORG empty", ALL, false, "TO:<a@b> XOORG=", SYNTAX},
		{"RRVS", ALL, false, "TO:<a@b> RRVS=2014-04-03T23:01:00Z", OK},
		{"RRVS unannounced", ALL & ~RRVS, false,
		    "TO:<a@b> RRVS=2014-04-03T23:01:00Z", UNKNOWN},
		{"RRVS twice", ALL, false, "TO:<a@b> RRVS=1 NOTIFY=NEVER RRVS",
		    TWICE},
		{"RRVS UTF-8", ALL, true, "TO:<a@b> RRVS=\xc3\xa9", OK},
		{"RRVS UTF-8 not allowed", ALL, false,
		    "TO:<a@b> RRVS=\xc3\xa9", SYNTAX},
		{"CONPERM", ALL, false, "TO:<a@b> CONPERM", UNKNOWN},
		{"SIZE", ALL, false, "TO:<a@b> SIZE=1", UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_rcpt got;
		enum xo_refusal why = xo_rcpt_parse(
		    xo_span_from_cstr(rows[i].args), rows[i].announced,
		    &extensions, rows[i].allow_utf8, XO_SYNTAX_STRICT, &got);

		if (why != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].id,
			    xo_refusal_info(why)->id,
			    xo_refusal_info(rows[i].want)->id);
	}
}

static void
test_write(void **state)
{
	static const struct {
		uint32_t caps;
		const char *in;
		const char *want;
	} rows[] = {
		{ALL, "", ""},
		{ALL, " size=5\t body=8bitMIME  RET=hdrs",
		    " SIZE=5 BODY=8bitMIME RET=hdrs"},
		{ALL, " SIZE=5 XOORG=a.b SMTPUTF8 AUTH=<>",
		    " SIZE=5 SMTPUTF8"},
		{ALL, " xoorg=a.b", ""},
		{0, " SIZE=5 BODY=7BIT SMTPUTF8 NOTIFY=NEVER", ""},
		{XO_CAP_BIT(XO_CAP_8BITMIME), " BODY=BINARYMIME SIZE=5", ""},
		{XO_CAP_BIT(XO_CAP_BINARYMIME), " BODY=BINARYMIME",
		    " BODY=BINARYMIME"},
		{ALL, " NOTIFY=NEVER ORCPT=utf-8;b\xc3\xbc@c",
		    " NOTIFY=NEVER ORCPT=utf-8;b\xc3\xbc@c"},
		{ALL, " FOO=bar", ""},
		{ALL, " xVerp RET=hdrs  RRVS=+;,A SIZE=1",
		    " xVerp RET=hdrs RRVS=+;,A SIZE=1"},
		{ALL & ~XVERP, " XVERP=a SIZE=1 RRVS", " SIZE=1 RRVS"},
	};
	struct xo_buf b = {.max = 0};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		xo_buf_clear(&b);
		assert_int_equal(xo_params_write(&b,
		    xo_span_from_cstr(rows[i].in), rows[i].caps, &extensions),
		    XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&b),
		    xo_span_from_cstr(rows[i].want)))
			fail_msg("'%s': got '%.*s'", rows[i].in, (int)b.len,
			    (const char *)b.p);
	}
	assert_int_equal(xo_params_write(&b, XO_LIT("SIZE=5"), ALL, NULL),
	    XO_ERR_SYNTAX);
	xo_buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_mail_cut),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
