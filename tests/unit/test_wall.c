/* SPDX-License-Identifier: ISC */
/*
 * The header wall: vectors.md b.3 (H1..), and other forms (H01..), each
 * row's output read in every view of wall_views.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/header.h>
#include <xoorg/wall.h>

#include "wall_views.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define HOST "gw.contoso.com"
#define ORG "X-MS-Exchange-Organization-"
#define PREM "X-MS-Exchange-CrossPremises-"
#define FILTERED "X-CrossPremisesHeadersFiltered: " HOST "\r\n"
#define PROMOTED "X-CrossPremisesHeadersPromoted: " HOST "\r\n" \
	ORG "Cross-Premises-Headers-Promoted: " HOST "\r\n"
#define PROCESSED ORG "Cross-Premises-Headers-Processed: " HOST "\r\n"
#define A "Subject: a\r\n"
#define Z "From: z@example\r\n\r\n"

enum who { STRANGER, VERIFIED, PROMOTING, WHO_COUNT };

static const struct xo_wall walls[] = {
	[STRANGER] = {
		.remove = XO_WALL_ALWAYS | XO_WALL_CROSS_PREMISES |
		    XO_WALL_CROSS_TENANT | XO_WALL_SENDER_TRACE,
		.hostname = S(HOST), .max_fields = 1000,
	},
	/* Removed without being asked for: XO_WALL_ALWAYS. */
	[VERIFIED] = {.hostname = S(HOST), .max_fields = 1000},
	[PROMOTING] = {
		.promote = true, .hostname = S(HOST), .max_fields = 1000,
	},
};

static const char *const stranger_names[] = {
	ORG, PREM, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization",
	"X-MS-Exchange-CrossTenant-",
	"X-MS-Exchange-Transport-CrossTenantHeaders", NULL
};
static const char *const verified_names[] = {
	ORG, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization", NULL
};
/* Organization fields are there, but ours: see check_single(). */
static const char *const promoting_names[] = {
	PREM, "X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization",
	ORG "OriginatorOrganization", NULL
};
static const struct view_search searches[] = {
	[STRANGER] = {stranger_names, S(HOST), 0},
	[VERIFIED] = {verified_names, S(HOST), 0},
	[PROMOTING] = {promoting_names, S(HOST), 0},
};

struct row {
	const char *id;
	enum who who;
	enum xo_refusal refusal;
	struct xo_span in;
	struct xo_span want;
};

#define OK XO_REFUSAL_NONE
#define SYNTAX XO_REFUSAL_HEADER_SYNTAX
#define NEWLINE XO_REFUSAL_HEADER_BARE_NEWLINE
#define NUL XO_REFUSAL_CONTENT_NUL

/* Something protected between two fields that stay. */
#define DROPPED(id, text) {id, STRANGER, OK, S(A text Z), S(A Z)}
#define REFUSED(id, why, text) {id, STRANGER, why, S(A text Z), {0}}
#define KEPT(id, text) {id, STRANGER, OK, S(A text Z), S(A text Z)}

static const struct row protocol_rows[] = {
	DROPPED("H1", "X-OriginatorOrg: contoso.com\r\n"),
	{"H2", VERIFIED, OK, S(A "X-OriginatorOrg: fabrikam.com\r\n" Z),
	    S(A Z)},
	{"H2 long name", VERIFIED, OK,
	    S(A "X-OriginatorOrganization: fabrikam.com\r\n" Z), S(A Z)},
	{"H2 header of rank 2", VERIFIED, OK,
	    S(A ORG "OriginatorOrganization: fabrikam.com\r\n" Z), S(A Z)},
	{"H3", VERIFIED, OK, S("x-originatororg: contoso.com\r\n" A Z),
	    S(A Z)},
	DROPPED("H4", ORG "SCL: -1\r\n"),
	{"H4 verified", VERIFIED, OK, S(A ORG "SCL: -1\r\n" Z), S(A Z)},
	{"H4 promoting", PROMOTING, OK, S(A ORG "SCL: -1\r\n" Z),
	    S(A "From: z@example\r\n" PROCESSED "\r\n")},
	DROPPED("H5", "x-ms-exchange-ORGANIZATION-authas: Internal\r\n"
	    "x-ms-exchange-ORGANIZATION-authas:\r\n\tInternal\r\n"
	    "X-MS-EXCHANGE-ORGANIZATION-AUTHAS: a\r\n  b\r\n c\r\n"),
	{"H6", PROMOTING, OK, S(A PREM "AuthAs: Internal\r\n" Z),
	    S(A ORG "AuthAs: Internal\r\nFrom: z@example\r\n" PROMOTED
	    FILTERED PROCESSED "\r\n")},
	{"H6 beside one", PROMOTING, OK, S(ORG "AuthAs: Internal\r\n"
	    PREM "AuthAs: Anonymous\r\n" ORG "authas: Internal\r\n" Z),
	    S(ORG "AuthAs: Anonymous\r\nFrom: z@example\r\n" PROMOTED
	    FILTERED PROCESSED "\r\n")},
	{"H6 folded", PROMOTING, OK,
	    S(PREM "AuthAs \t:\r\n Internal\r\n\tx\r\n" Z),
	    S(ORG "AuthAs:\r\n Internal\r\n\tx\r\nFrom: z@example\r\n"
	    PROMOTED FILTERED PROCESSED "\r\n")},
	{"H6 trace of another", PROMOTING, OK,
	    S("X-CrossPremisesHeadersPromoted: evil\r\n"
	    "X-CrossPremisesHeadersFiltered: evil\r\n" PREM "SCL: 1\r\n\r\n"),
	    S(ORG "SCL: 1\r\n" PROMOTED FILTERED PROCESSED "\r\n")},
	{"H7 H8", STRANGER, OK, S(A PREM "AuthAs: Internal\r\n" Z),
	    S(A "From: z@example\r\n" FILTERED "\r\n")},
	{"H9", PROMOTING, OK, S(PREM "BCC:\r\n" PREM "SCL: 1\r\n"
	    PREM "scl: 5\r\n" PREM "Bcc2: \r\n\r\n"),
	    S(ORG "BCC:\r\n" ORG "scl: 5\r\n" ORG "Bcc2: \r\n" PROMOTED
	    FILTERED PROCESSED "\r\n")},
	{"H9 of many", PROMOTING, OK, S(PREM "b: 1\r\n" PREM "a: 1\r\n"
	    PREM "B: 2\r\n" A PREM "c: 1\r\n" PREM "A: 2\r\n" PREM "b: 3\r\n"
	    "\r\n"), S(A ORG "c: 1\r\n" ORG "A: 2\r\n" ORG "b: 3\r\n" PROMOTED
	    FILTERED PROCESSED "\r\n")},
	{"H9 scan context", PROMOTING, OK,
	    S(PREM "Antispam-ScanContext: a\r\n"
	    PREM "antispam-scancontext: \r\n\t\r\n\r\n"),
	    S(FILTERED PROCESSED "\r\n")},
	{"H9 scan context kept", PROMOTING, OK,
	    S(PREM "Antispam-ScanContext:\r\n"
	    PREM "Antispam-ScanContext: SKIP:0;\r\n\r\n"),
	    S(ORG "Antispam-ScanContext: SKIP:0;\r\n" PROMOTED FILTERED
	    PROCESSED "\r\n")},
	{"H10", PROMOTING, OK,
	    S(ORG "Cross-Premises-Headers-Processed: x\r\n"
	    ORG "Cross-Premises-Headers-Preserved: x\r\n"
	    PREM "SCL: 1\r\n\r\n"), S(ORG "SCL: 1\r\n" PROMOTED FILTERED
	    PROCESSED "\r\n")},
	{"H10 promoted", PROMOTING, OK,
	    S(PREM "Cross-Premises-Headers-Processed: x\r\n"
	    PREM "Cross-Premises-Headers-Promoted: x\r\n"
	    PREM "cross-premises-headers-preserved: x\r\n"
	    PREM "OriginatorOrganization: fabrikam.com\r\n"
	    PREM ": x\r\n\r\n"), S(FILTERED PROCESSED "\r\n")},
	DROPPED("traces", "X-CrossPremisesHeadersPromoted: " HOST "\r\n"
	    "x-crosspremisesheadersFILTERED: " HOST "\r\n"
	    "X-OrganizationHeadersPreserved: ex.contoso.com\r\n"
	    "X-CrossPremiseHeadersBlocked: ex.contoso.com\r\n"
	    "X-CrossPremisesHeadersBlocked: ex.contoso.com\r\n"
	    "X-CrossPremisesHeadersFilteredBySendConnector: ex\r\n"),
	{"traces, verified", VERIFIED, OK,
	    S(A "X-CrossPremisesHeadersPromoted: " HOST "\r\n"
	    "X-CrossPremisesHeadersFiltered: " HOST "\r\n"
	    "X-OrganizationHeadersPreserved: ex.contoso.com\r\n" Z),
	    S(A "X-OrganizationHeadersPreserved: ex.contoso.com\r\n" Z)},
	KEPT("traces alike", "X-CrossPremisesHeadersPromotedX: a\r\n"
	    "X-OrganizationHeaders: a\r\n"),
	{"nothing to promote", PROMOTING, OK, S("\r\n"), S(PROCESSED "\r\n")},
	DROPPED("H12 hardened", "X-MS-Exchange-CrossTenant-Id: 1\r\n"
	    "X-MS-Exchange-Transport-CrossTenantHeadersStamped: x\r\n"),
	{"H12 verified", VERIFIED, OK,
	    S(A "X-MS-Exchange-CrossTenant-Id: 1\r\n" Z),
	    S(A "X-MS-Exchange-CrossTenant-Id: 1\r\n" Z)},
	{"keep cross-premises", VERIFIED, OK, S(A PREM "SCL: 1\r\n" Z),
	    S(A PREM "SCL: 1\r\n" Z)},
	DROPPED("H13 blanks", ORG "AuthAs \t : Internal\r\n"),
	REFUSED("H13 NUL", NUL, ORG "AuthAs\0: Internal\r\n"),
	REFUSED("H13 CR", NEWLINE, ORG "AuthAs\r: Internal\r\n"),
};

#define H ORG "AuthAs"
#define V "Internal\r\n"

static const struct row form_rows[] = {
	DROPPED("H01", H ": " V),
	DROPPED("H02", "x-Ms-eXCHANGE-oRGANIZATION-aUTHaS: " V),
	DROPPED("H03", H " : " V),
	DROPPED("H03 many", H "        : " V),
	DROPPED("H04", H "\t: " V),
	DROPPED("H04 fold TAB", H "\r\n\t: " V),
	DROPPED("H05", H ":\r\n " V),
	DROPPED("H06", H "\r\n : " V),
	DROPPED("H06 folds", H " \r\n\t\r\n  \t: " V),
	DROPPED("H07", H ":" V),
	{"H08", STRANGER, OK, S(H ": " V A Z), S(A Z)},
	{"H08 only", STRANGER, OK, S(H ": " V "\r\n"), S("\r\n")},
	{"H09", STRANGER, SYNTAX, S(" " H ": " V A Z), {0}},
	{"H09 TAB", STRANGER, SYNTAX, S("\t" H ": " V A Z), {0}},
	{"H09 blank line", STRANGER, SYNTAX, S(" \r\n" H ": " V A Z), {0}},
	{"H09 harmless", STRANGER, SYNTAX, S(" " A Z), {0}},
	REFUSED("H10", NEWLINE, "X: a\n" H ": " V),
	REFUSED("H11", NEWLINE, "X: a\r" H ": " V),
	REFUSED("H12", NEWLINE, "X: a\r\r\n" H ": " V),
	REFUSED("H33", NEWLINE, "X: a\n\r" H ": " V),
	REFUSED("H33 LF CRLF", NEWLINE, "X: a\n\r\n" H ": " V),
	REFUSED("LF LF", NEWLINE, "X: a\n\n" H ": " V),
	REFUSED("end CR", NEWLINE, "X: a\r\n\r" H ": " V),
	REFUSED("H13", NUL, "\0" H ": " V),
	REFUSED("H14", NUL, "X-MS-Exchange-\0Organization-AuthAs: " V),
	REFUSED("H15", NUL, H "\0: " V),
	REFUSED("H45", NUL, H " \0 : " V),
	REFUSED("NUL in value", NUL, "X: a\0b\r\n"),
	REFUSED("H16", SYNTAX, H "\xc2\xa0: " V),
	REFUSED("H16 Latin-1", SYNTAX, H "\xa0: " V),
	REFUSED("H29", SYNTAX, H "\f: " V),
	REFUSED("H28", SYNTAX, "\v" H ": " V),
	REFUSED("H36", SYNTAX, H " (x) : " V),
	REFUSED("DEL", SYNTAX, H "\x7f: " V),
	REFUSED("8-bit", SYNTAX, "\xef\xbb\xbf" H ": " V),
	REFUSED("no colon", SYNTAX, "garbage\r\n" H ": " V),
	REFUSED("garbage words", SYNTAX, "gar bage: x\r\n" H ": " V),
	REFUSED("protected without colon", SYNTAX, H "\r\n"),
	REFUSED("colon alone", SYNTAX, ": " V),
	REFUSED("blank colon", SYNTAX, "X: a\r\n" "\x01: " V),
	{"H18", STRANGER, SYNTAX,
	    S("From a@b Mon Nov 23 21:44:40 2026\r\n" H ": " V Z), {0}},
	REFUSED("H18 inside", SYNTAX, "From a@b\r\n" H ": " V),
	REFUSED("H18 quoted", SYNTAX, ">From a: b\r\n" H ": " V),
	DROPPED("H23 unstuffed", H ": " V),
	REFUSED("fold before a harmless colon", SYNTAX, "Subject2\r\n : x\r\n"),
	REFUSED("fold before a kept colon", SYNTAX,
	    "Authentication-Results\r\n : other.example; none\r\n"),
	{"fold, family kept", VERIFIED, SYNTAX, S(A PREM "a\r\n : x\r\n" Z),
	    {0}},
	DROPPED("H26", H ": " V H ": " V H ": " V),
	{"H26 apart", STRANGER, OK, S(H ": " V A H ": " V Z), S(A Z)},
	{"H27", STRANGER, OK, S(A H ": " V), S(A)},
	{"H27 no CRLF", STRANGER, OK, S(A H ": Internal"), S(A)},
	{"H27 kept", STRANGER, OK, S(H ": " V "Subject: a"), S(A)},
	{"H27 stamped", STRANGER, OK, S(PREM "a: b\r\nSubject: a"),
	    S(A FILTERED)},
	{"H27 no colon", STRANGER, SYNTAX, S(A H), {0}},
	{"H27 CR", STRANGER, NEWLINE, S(A H ": x\r"), {0}},
	{"H31", STRANGER, OK, S(A PREM "a: b\r\n"
	    "X-MS-Exchange-CrossTenant-a: b\r\nX-MS-Exchange-Forest-a: b\r\n"
	    "X-OriginatorOrg: a\r\nX-OriginatorOrganization: a\r\n" Z),
	    S(A "From: z@example\r\n" FILTERED "\r\n")},
	{"H31 forest, verified", VERIFIED, OK,
	    S(A "X-MS-Exchange-Forest-a: b\r\n" Z), S(A Z)},
	DROPPED("H37", H ":\r\n \r\n\t\r\n Internal\r\n \t \r\n"),
	KEPT("H37 kept", "X:\r\n \r\n\t\r\n a\r\n \t \r\n"),
	/* stricter than vectors.md b.3: not even from a verified peer. */
	{"H46", VERIFIED, OK, S(A H ": " V Z), S(A Z)},
	KEPT("H48", "DKIM-Signature: v=1; a=rsa-sha256; bh=\r\n\tx=;\r\n"
	    "  h=from:subject;\r\n\tb=abc\r\nX-Mixed:   two  blanks \t\r\n"
	    "Received: from a\r\n\tby b; date\r\nX-Empty:\r\nX-Blank: \r\n"),
	{"blank dropped", STRANGER, OK, S("Subject \t: a\r\n" Z), S(A Z)},
	KEPT("8-bit value", "X: \xc3\xa9\xff\r\n"),
	KEPT("shifts in a value", "X: \x1b$B%F\x1b(B\x0e\x0f\r\n"),
	REFUSED("VT in a value", SYNTAX, "X: a\v" H ": " V),
	REFUSED("FF in a value", SYNTAX, "X: a\f" H ": " V),
	REFUSED("FS in a value", SYNTAX, "X: a\x1c" H ": " V),
	REFUSED("RS in a value", SYNTAX, "X: a\x1e\r\n"),
	REFUSED("SOH in a value", SYNTAX, "X: a\x01\r\n"),
	REFUSED("DEL in a value", SYNTAX, "X: a\x7f\r\n"),
	REFUSED("dot before the name", SYNTAX, "." H ": " V),
	REFUSED("comment before the colon", SYNTAX, H "(a): " V),
	REFUSED("comment, exact name", SYNTAX, "X-OriginatorOrg(a): b\r\n"),
	KEPT("odd name", "!#$%&'*+-./09;<=>?@AZ[\\]^_`az{|}~: x\r\n"),
	KEPT("alike", "X-MS-Exchange-Organization: a\r\n"
	    "X-MS-Exchange-OrganizationX-AuthAs: a\r\n"
	    "XX-MS-Exchange-Organization-AuthAs: a\r\n"
	    "X-OriginatorOrgs: a\r\nX-Originator: a\r\n"
	    "X-MS-Exchange-CrossTenant: a\r\nX-MS-Exchange-Cross: a\r\n"),
	KEPT("name in a value", "Subject: " H ": Internal\r\n"),
	KEPT("name in a fold", "Subject: a\r\n " H ": Internal\r\n"),
	{"empty", STRANGER, OK, {NULL, 0}, {NULL, 0}},
	{"empty line", STRANGER, OK, S("\r\n"), S("\r\n")},
	{"two ends", STRANGER, SYNTAX, S(A "\r\n" H ": " V), {0}},
};

#define R "Authentication-Results"
#define GONE(id, text) DROPPED("A-R " id, R text "; x-xoorg=pass\r\n")
#define STAYS(id, text) KEPT("A-R " id, R text "; x-xoorg=pass\r\n")

static const struct row results_rows[] = {
	GONE("plain", ": " HOST),
	GONE("case", ": GW.Contoso.COM"),
	GONE("no blank", ":" HOST),
	GONE("folded", ":\r\n\t" HOST),
	GONE("fold before", "\r\n : " HOST),
	GONE("blank before", " : " HOST),
	GONE("version", ": " HOST " 1"),
	GONE("version glued", ": " HOST "/1"),
	GONE("comment before", ": (x) " HOST),
	GONE("comment glued", ": (x)" HOST "(y)"),
	GONE("nested", ": (a (b) (c (d))) " HOST),
	GONE("nested, and a quoted one", ": (a(b)\\)c) " HOST),
	GONE("quoted parenthesis", ": (a \\) (b\\() c) " HOST),
	GONE("without quoted pairs", ": (a \\) " HOST "; b=c ) other.example"),
	GONE("with quoted pairs", ": (a \\) other.example; b=c ) " HOST),
	GONE("without nesting", ": (a (b) " HOST "; ) other.example"),
	GONE("without comments", ": (" HOST "; ) other.example"),
	GONE("folded comment", ": (a\r\n b)\r\n " HOST),
	GONE("quoted", ": \"" HOST "\""),
	GONE("quoted pairs", ": \"g\\w.contoso.com\""),
	GONE("quoted within", ": gw.\"contoso\".com"),
	GONE("comment within", ": gw(x).contoso.com"),
	GONE("blank within", ": gw .contoso.com"),
	GONE("8-bit behind", ": " HOST "\xc2\xa0"),
	GONE("8-bit in front", ": \xc2\xa0" HOST),
	GONE("shift behind", ": " HOST "\x0e"),
	GONE("final dot", ": " HOST "."),
	GONE("slash", ": " HOST "/x"),
	GONE("equals", ": " HOST "=pass"),
	GONE("open comment", ": (" HOST),
	GONE("open comment alone", ": (x"),
	GONE("open comment within", ": gw(.contoso.com"),
	GONE("open comment in the middle", ": gw(x"),
	GONE("equals first", ": =" HOST),
	GONE("semicolon first", ": ; " HOST),
	GONE("Q", ": =?utf-8?q?" HOST "?="),
	GONE("Q upper", ": =?UTF-8?Q?" HOST "=3B_x?="),
	GONE("Q hex", ": =?us-ascii?Q?=67=77.contoso.com?="),
	GONE("Q in two", ": =?utf-8?q?gw.con?=\r\n =?utf-8?q?toso.com?="),
	GONE("Q and plain", ": gw.=?utf-8?q?contoso?=.com"),
	GONE("Q quoted", ": \"=?utf-8?q?" HOST "?=\""),
	GONE("Q in a comment", ": =?utf-8?q?=28x=29?= " HOST),
	GONE("Q parentheses", ": =?utf-8?q?=28?= " HOST),
	GONE("Q language", ": =?utf-8*en?q?" HOST "?="),
	GONE("Q of one, plain of two", ": =?x?q?y?=" HOST),
	GONE("B", ": =?utf-8?B?Z3cuY29udG9zby5jb20=?="),
	GONE("B no padding", ": =?utf-8?b?Z3cuY29udG9zby5jb20?="),
	GONE("B in two", ": =?utf-8?B?Z3cu?= =?utf-8?B?Y29udG9zby5jb20=?="),
	GONE("B UTF-16", ": =?utf-16?B?ZwB3AC4AYwBvAG4AdABvAHMAbwAuAGMAbwBt"
	    "AA==?="),
	GONE("Q underscore", ": =?utf-8?q?" HOST "_x?="),
	/* What nobody can decode, or not all decode alike. */
	GONE("B broken, skipped", ": =?utf-8?b?Z3c*b3RoZXI=?="),
	GONE("Q broken behind a comment", ": (a) =?utf-8?q?gw=ZZ?="),
	GONE("Q no end", ": =?utf-8?q?other.example"),
	GONE("B no end", ": =?utf-8?b?b3RoZXIuZXhhbXBsZQ=="),
	GONE("B broken", ": =?utf-8?b?Z3cu*Y29udG9zby5jb20=?="),
	GONE("Q broken", ": =?utf-8?q?gw=ZZ?="),
	GONE("unknown charset", ": =?utf-7?q?+AGcAdw-?="),
	GONE("unknown encoding", ": =?utf-8?x?other?="),
	STAYS("Q of Exchange", ": =?utf-8?q?spf=3Dpass_=28sender_IP?=\r\n"
	    " =?utf-8?q?_is_192.0.2.1=29?="),
	STAYS("B of another", ": =?utf-8?B?b3RoZXIuZXhhbXBsZQ==?="),
	STAYS("Q of another", ": =?iso-8859-1?q?other=2Eexample?="),
	STAYS("Q later", ": other.example; a==?utf-8?q?" HOST "?="),
	STAYS("no encoded word", ": =?x; a"),
	STAYS("no token", ": =?other x?q?gw?= y"),
	STAYS("empty", ":"),
	STAYS("only a comment", ": (x)"),
	STAYS("quoted nothing", ": \"\""),
	STAYS("quoted other", ": \"other.example\""),
	STAYS("equals", ": =x"),
	KEPT("A-R nothing", R ":\r\n"),
	KEPT("A-R nothing folded", R ": \r\n \r\n"),
	DROPPED("A-R only the id", R ": " HOST "\r\n"),
	STAYS("other", ": other.example"),
	STAYS("longer", ": " HOST ".evil.example"),
	STAYS("longer label", ": " HOST "x"),
	STAYS("longer label with digit", ": " HOST "1"),
	STAYS("shorter", ": gw.contoso"),
	STAYS("prefix", ": xgw.contoso.com"),
	STAYS("in a comment", ": other.example (" HOST ")"),
	STAYS("later", ": other.example; a=b " HOST),
	KEPT("A-R of Exchange", R ": spf=pass (sender IP is 192.0.2.1)\r\n"
	    " smtp.mailfrom=contoso.com; dkim=pass (signature was verified)\r\n"
	    " header.d=contoso.com;dmarc=pass action=none\r\n"),
	KEPT("A-R other field", "ARC-" R ": i=1; " HOST "; none\r\n"
	    "X-" R ": " HOST "; none\r\n" R "-X: " HOST "; none\r\n"),
};

static void
fail_row(const char *id, struct xo_span got, struct xo_span want)
{
	fail_msg("%s:\ngot\n%.*s\nwant\n%.*s", id, (int)got.len,
	    (const char *)got.p, (int)want.len, (const char *)want.p);
}

/* What every output must be. */
static void
check_output(const char *id, enum who who, struct xo_span got)
{
	char name[100];
	int view = views_find(got, &searches[who], name, sizeof(name));
	size_t i;

	if (view >= 0)
		fail_msg("%s: view %d finds %s in\n%.*s", id, view, name,
		    (int)got.len, (const char *)got.p);
	if (got.len > 0 && got.p[got.len - 1] != '\n')
		fail_msg("%s: no CRLF at the end", id);
	for (i = 0; i < got.len; i++) {
		if (got.p[i] == '\0' || (got.p[i] == '\n' &&
		    (i == 0 || got.p[i - 1] != '\r')) ||
		    (got.p[i] == '\r' && got.p[i + 1] != '\n'))
			fail_msg("%s: octet %zu", id, i);
	}
}

static void
run(const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct xo_wall_report report;
		struct xo_buf got = {0};
		enum xo_refusal refusal = xo_wall_apply(&walls[rows[i].who],
		    rows[i].in, &got, &report);

		if (refusal != rows[i].refusal)
			fail_msg("%s: got refusal %d, want %d", rows[i].id,
			    (int)refusal, (int)rows[i].refusal);
		if (refusal == OK) {
			check_output(rows[i].id, rows[i].who,
			    xo_buf_span(&got));
			if (!xo_span_is_equal(xo_buf_span(&got), rows[i].want))
				fail_row(rows[i].id, xo_buf_span(&got),
				    rows[i].want);
		}
		xo_buf_fini(&got);
	}
}

static void
test_protocol(void **state)
{
	(void)state;
	run(protocol_rows, N(protocol_rows));
}

static void
test_forms(void **state)
{
	(void)state;
	run(form_rows, N(form_rows));
}

static void
test_results(void **state)
{
	(void)state;
	run(results_rows, N(results_rows));
}

/* The oracle sees what it must see, or its silence would mean nothing. */
static void
test_oracle(void **state)
{
	static const struct xo_span seen[] = {
		S(H ": " V), S(H " \t: " V), S(A H ":\r\n " V),
		S("X: a\n" H ": " V), S("X: a\r" H ": " V),
		S("X: a\r\r\n" H ": " V), S("X: a\n\r" H ": " V),
		S("\0" H ": " V), S("X-MS-Exchange-\0Organization-a: " V),
		S(H "\0: " V), S(H "\xa0: " V), S("\v" H ": " V),
		S("garbage\r\n" H ": " V), S(" " H ": " V),
		S(H "\r\n : " V), S(H "\r\n\t\r\n : " V),
		S(A "\r\n" H ": " V), S(" a\r\n" H ": " V),
		S(R ": " HOST ";"), S(R ":\r\n (x) " HOST " 1;"),
		S("x-originatorORG :a"),
	};
	char name[100];
	size_t i;

	(void)state;
	for (i = 0; i < N(seen); i++) {
		if (views_find(seen[i], &searches[STRANGER], name,
		    sizeof(name)) < 0)
			fail_msg("not seen: %.*s", (int)seen[i].len,
			    (const char *)seen[i].p);
	}
	assert_true(views_find((struct xo_span)S(A Z), &searches[STRANGER],
	    name, sizeof(name)) < 0);
}

static void
test_report(void **state)
{
	static const struct {
		enum who who;
		struct xo_span in;
		uint32_t removed;
		size_t n_removed, n_promoted, n_fields;
		const char *originator_org;
	} rows[] = {
		{STRANGER, S(A Z), 0, 0, 0, 2, ""},
		{STRANGER, S(A H ": a\r\n" H ": b\r\n" Z),
		    XO_WALL_ORGANIZATION, 2, 0, 4, ""},
		{VERIFIED, S("X-OriginatorOrg: a.example\r\n"
		    "x-originatororg:\r\n\t b.example \r\n" R ": " HOST "\r\n" Z),
		    XO_WALL_ORIGINATOR_ORG | XO_WALL_AUTH_RESULTS, 3, 0, 4,
		    "b.example"},
		{VERIFIED, S("X-OriginatorOrg: a.example\r\n"
		    "X-OriginatorOrg: not a domain\r\n" Z),
		    XO_WALL_ORIGINATOR_ORG, 2, 0, 3, ""},
		{VERIFIED, S("X-OriginatorOrg: a.example\r\n"
		    "X-OriginatorOrganization: b.example\r\n\r\n"),
		    XO_WALL_ORIGINATOR_ORG, 2, 0, 2, "a.example"},
		{STRANGER, S("X-OriginatorOrg: a.example"),
		    XO_WALL_ORIGINATOR_ORG, 1, 0, 1, "a.example"},
		{STRANGER, S("X-OriginatorOrg:"), XO_WALL_ORIGINATOR_ORG, 1, 0,
		    1, ""},
		{PROMOTING, S(PREM "a: 1\r\n" PREM "A: 2\r\n" PREM "b: 1\r\n"
		    Z), XO_WALL_CROSS_PREMISES, 1, 2, 4, ""},
		{STRANGER, S(PREM "a: 1\r\n" PREM "A: 2\r\n" Z),
		    XO_WALL_CROSS_PREMISES, 2, 0, 3, ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct xo_wall_report got;
		struct xo_buf out = {0};

		assert_int_equal(xo_wall_apply(&walls[rows[i].who], rows[i].in,
		    &out, &got), OK);
		if (got.removed != rows[i].removed ||
		    got.n_removed != rows[i].n_removed ||
		    got.n_promoted != rows[i].n_promoted ||
		    got.n_fields != rows[i].n_fields)
			fail_msg("row %zu: got %u %zu %zu %zu", i, got.removed,
			    got.n_removed, got.n_promoted, got.n_fields);
		if (!xo_span_is_equal(got.originator_org,
		    xo_span_from_cstr(rows[i].originator_org)))
			fail_msg("row %zu: got %.*s, want %s", i,
			    (int)got.originator_org.len,
			    (const char *)got.originator_org.p,
			    rows[i].originator_org);
		xo_buf_fini(&out);
	}
}

static enum xo_refusal
apply_many(const struct xo_wall *wall, const char *field, size_t n,
    struct xo_buf *out)
{
	struct xo_wall_report report;
	struct xo_buf in = {0};
	enum xo_refusal refusal;
	size_t i;

	for (i = 0; i < n; i++)
		xo_buf_add_cstr(&in, field);
	xo_buf_add_cstr(&in, H ": " V "\r\n");
	assert_int_equal(in.err, XO_OK);
	xo_buf_clear(out);
	refusal = xo_wall_apply(wall, xo_buf_span(&in), out, &report);
	xo_buf_fini(&in);
	return refusal;
}

static void
test_limits(void **state)
{
	static const enum xo_refusal limit = XO_REFUSAL_HEADER_LIMIT;
	struct xo_wall wall = walls[STRANGER];
	struct xo_buf out = {0};

	(void)state;
	/* The protected field is one more. */
	assert_int_equal(apply_many(&wall, A, 999, &out), OK);
	check_output("999", STRANGER, xo_buf_span(&out));
	assert_int_equal(apply_many(&wall, A, 1000, &out), limit);
	assert_int_equal(apply_many(&wall, A " b\r\n", 999, &out), OK);
	wall.max_fields = 0;
	assert_int_equal(apply_many(&wall, A, 2999, &out), OK); /* H38 */
	check_output("H38", STRANGER, xo_buf_span(&out));
	wall = walls[PROMOTING];
	assert_int_equal(apply_many(&wall, PREM "a: b\r\n", 999, &out), OK);
	check_output("promoting", PROMOTING, xo_buf_span(&out));
	assert_int_equal(apply_many(&wall, PREM "a: b\r\n", 1000, &out), limit);
	wall.max_fields = 0;
	assert_int_equal(apply_many(&wall, PREM "a: b\r\n", 20000, &out), OK);
	wall = walls[STRANGER];
	wall.max_line = 30;
	assert_int_equal(apply_many(&wall, "X: 456789012345678901234567890\r\n",
	    1, &out), limit);		/* the protected one */
	wall.max_line = strlen(H ": Internal");
	assert_int_equal(apply_many(&wall, A, 1, &out), OK);
	wall.max_line--;
	assert_int_equal(apply_many(&wall, A, 1, &out), limit);
	assert_int_equal(apply_many(&wall, "X:\r\n "
	    "4567890123456789012345678901234567890\r\n", 1, &out), limit);
	wall = walls[STRANGER];
	wall.max_hops = 3;
	assert_int_equal(apply_many(&wall, "received : b\r\n", 3, &out), OK);
	assert_int_equal(apply_many(&wall, "Receive: b\r\n", 4, &out), OK);
	assert_int_equal(apply_many(&wall, "Received-: b\r\n", 4, &out), OK);
	assert_int_equal(apply_many(&wall, "Received: b\r\n", 4, &out),
	    XO_REFUSAL_HEADER_LOOP);
	wall.max_hops = 0;
	xo_buf_fini(&out);
	out.max = 20;
	assert_int_equal(apply_many(&wall, A, 3, &out), limit);
	xo_buf_fini(&out);
}

/* No bound of its own: it ends with the section. */
static void
test_long_line(void **state)
{
	static char text[200003];
	struct xo_wall wall = walls[STRANGER];
	struct xo_buf out = {0};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1] = ':';
	memcpy(text + sizeof(text) - 3, "\r\n", 3);
	assert_int_equal(apply_many(&wall, text, 1, &out), OK);
	wall.max_line = sizeof(text) - 4;
	assert_int_equal(apply_many(&wall, text, 1, &out),
	    XO_REFUSAL_HEADER_LIMIT);
	xo_buf_fini(&out);
}

/* Cut anywhere where somebody might cut, no protected name is at the front. */
static void
test_hidden_name(void **state)
{
	static const char *const names[] = {
		ORG "AuthAs: Internal", "X-MS-EXCHANGE-Forest-a: b",
		"x-originatororg : contoso.com", PREM "a: b",
		R ": " HOST "; x-xoorg=pass", R " :(a) GW.contoso.com",
		R "(a): " HOST "; x-xoorg=pass",
		R ":\r\n " HOST "; x-xoorg=pass", R "\xa0: " HOST,
		R ": =?utf-8?q?" HOST "?=", "X-CrossPremisesHeadersFiltered: a",
		"X-OrganizationHeadersPreserved: a",
	};
	static const char *const harmless[] = {
		R ":Subject\r\n", R ": other.example; a=b\r\n",
		R "-Original: " HOST "\r\n", "X-OriginatorOrgs: a\r\n",
		R " " HOST "\r\n",
	};
	static char text[4200];
	struct xo_buf out = {0};
	size_t at, i;

	(void)state;
	for (i = 0; i < N(names); i++) {
		for (at = 0; at < 4096; at += at < 900 || at > 1030 ? 97 : 1) {
			enum xo_refusal want = at < 990 ? OK :
			    XO_REFUSAL_HEADER_SYNTAX;
			size_t len = strlen(names[i]);

			memset(text, 'x', sizeof(text));
			memcpy(text, "A:", 2);
			memcpy(text + 2 + (at < 2 ? 0 : at - 2), names[i], len);
			memcpy(text + (at < 2 ? 2 : at) + len, "\r\n", 3);
			if (at < 2)
				want = OK;
			xo_buf_clear(&out);
			if (apply_many(&walls[STRANGER], text, 1, &out) != want)
				fail_msg("%s at %zu", names[i], at);
		}
	}
	/* Who keeps a family lets its names stand in long lines, too. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "A:", 2);
	memcpy(text + 1000, PREM "a: b\r\n", sizeof(PREM "a: b\r\n"));
	assert_int_equal(apply_many(&walls[VERIFIED], text, 1, &out), OK);
	/* Nor is a list of names in a signature anybody's header. */
	for (i = 0; i < N(harmless); i++) {
		memcpy(text + 1000, harmless[i], strlen(harmless[i]) + 1);
		assert_int_equal(apply_many(&walls[STRANGER], text, 1, &out),
		    OK);
	}
	xo_buf_fini(&out);
}

static void
test_find(void **state)
{
	static const struct {
		const char *id;
		struct xo_span in;
		size_t want;		/* 0: not yet */
	} rows[] = {
		{"usual", S(A Z "body\r\n\r\n"), sizeof(A Z) - 1},
		{"at once", S("\r\nbody"), 2},
		{"no end", S(A "From: z@example\r\n"), 0},
		{"nothing", S(""), 0},
		{"CR", S(A "\r"), 0},
		{"LF LF", S("Subject: a\n\nbody\r\n"), 0},
		{"LF CRLF", S("Subject: a\n\r\nbody\r\n"), 0},
		{"CRLF LF", S("Subject: a\r\n\nbody\r\n"), 0},
		{"CRLF CR CRLF", S("Subject: a\r\n\r\r\nbody\r\n"), 0},
		{"CR CRLF CRLF", S("a\r\r\n\r\nb"), 6},
		{"LF first", S("\n\r\n\r\nb"), 5},
		{"blank line", S("a\r\n \r\n\r\nb"), 8},
		{"NUL", S("a\r\n\0\r\n\r\nb"), 8},
	};
	size_t i, cut, step;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		/* In two pieces, cut anywhere, and octet by octet. */
		for (cut = 0; cut <= rows[i].in.len; cut++) {
			struct xo_header_finder finder = {0};
			size_t got = 0;
			enum xo_err err = XO_MORE;

			step = cut == 0 ? 1 : cut;
			while (err == XO_MORE && step <= rows[i].in.len) {
				err = xo_header_find(&finder,
				    xo_span_first(rows[i].in, step), &got);
				if (step == rows[i].in.len)
					break;
				step = cut == 0 ? step + 1 : rows[i].in.len;
			}
			if (got != rows[i].want ||
			    (err == XO_OK) != (rows[i].want != 0))
				fail_msg("%s, cut %zu: got %zu, want %zu",
				    rows[i].id, cut, got, rows[i].want);
		}
	}
}

/* A generator of our own, so that every run has the same inputs. */
static uint32_t
next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*seed >> 33);
}

/* No Organization field twice, whatever its case: replaced, not added. */
static void
check_single(struct xo_span got)
{
	struct xo_span names[64];
	size_t n = 0;
	size_t i;

	while (got.len > 0 && n < N(names)) {
		size_t line = xo_span_find(got, '\n') + 1;
		struct xo_span name = xo_span_first(got,
		    xo_span_find(got, ':'));

		got = xo_span_from(got, line);
		if (!xo_span_has_prefix_nocase(name, XO_LIT(ORG)))
			continue;
		for (i = 0; i < n; i++)
			assert_false(xo_span_is_equal_nocase(name, names[i]));
		names[n++] = name;
	}
}

#define A9 "aaaaaaaaa"
#define A99 A9 A9 A9 A9 A9 A9 A9 A9 A9 A9 A9
/* Behind it the careless cut. */
#define LONG A99 A99 A99 A99 A99 A99 A99 A99 A99 A99

static void
test_random(void **state)
{
	static const struct xo_span pieces[] = {
		S("\r\n"), S("\r\n"), S("\r\n"), S("\r\n"), S(": "), S(": "),
		S(":"), S(":"), S(" "), S("\t"), S("\r\n "), S("\r\n\t"),
		S("\r"), S("\n"), S("\0"), S("\xa0"), S("\v"), S("\x7f"),
		S(ORG), S(ORG "AuthAs"), S("X-MS-Exchange-"),
		S("x-ms-exchange-ORGANIZATION-scl"), S("Organization-a"),
		S(PREM "a"), S(PREM "A"), S(PREM "BCC: \r\n"), S(PREM),
		S(PREM "OriginatorOrganization: a\r\n"),
		S("X-MS-Exchange-Forest-a"), S("X-OriginatorOrg"),
		S("x-originatororganization"), S("X-MS-Exchange-CrossTenant-"),
		S("X-CrossPremisesHeadersFiltered"), S(R ":"), S(R),
		S(HOST ";"), S(HOST), S("("), S(")"), S("\\"), S("\""),
		S("Subject: a\r\n"), S("Subject"), S("a"), S("From "),
		S("DKIM-Signature: a\r\n b\r\n"), S("."), S(";"),
		S(LONG), S("X: " LONG), S("=?utf-8?q?" HOST "?="),
	};
	uint64_t seed = 20261123;
	size_t n_passed = 0;
	size_t round;

	(void)state;
	for (round = 0; round < 60000; round++) {
		enum who who = (enum who)(round % WHO_COUNT);
		struct xo_wall_report report;
		struct xo_buf in = {0};
		struct xo_buf out = {0};
		size_t n = 1 + next_random(&seed) % 14;

		while (n-- > 0)
			xo_buf_add(&in, pieces[next_random(&seed) %
			    N(pieces)]);
		if (xo_wall_apply(&walls[who], xo_buf_span(&in), &out,
		    &report) == OK) {
			check_output("random", who, xo_buf_span(&out));
			if (who == PROMOTING)
				check_single(xo_buf_span(&out));
			n_passed++;
		}
		xo_buf_fini(&in);
		xo_buf_fini(&out);
	}
	/* Else the loop would have tested nothing but refusals. */
	assert_true(n_passed > 3000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_hidden_name),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
