/* SPDX-License-Identifier: ISC */
/* What the gateway writes on top of a header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/stamp.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct xo_address client4 = {
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}
};
static const struct xo_address client6 = {
	{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
};

/* Mon, 23 Nov 2026 21:44:40 +0000 */
#define MONDAY 1795470280

static struct xo_stamp
plain(void)
{
	return (struct xo_stamp){
		.hostname = XO_LIT("gw.contoso.com"),
		.session = XO_LIT("4Xk2a"),
		.hello = XO_LIT("mx.example"),
		.address = &client4,
		.is_esmtp = true,
		.time = MONDAY,
	};
}

static void
check(const char *id, const struct xo_stamp *stamp, const char *want)
{
	struct xo_buf got = {0};

	xo_stamp_write(&got, stamp);
	assert_int_equal(got.err, XO_OK);
	if (!xo_span_is_equal(xo_buf_span(&got), xo_span_from_cstr(want)))
		fail_msg("%s:\ngot\n%.*s\nwant\n%s", id, (int)got.len,
		    (const char *)got.p, want);
	xo_buf_fini(&got);
}

static void
test_received(void **state)
{
	struct xo_stamp s = plain();

	(void)state;
	check("plain", &s,
	    "Received: from mx.example ([192.0.2.1])\r\n"
	    "\tby gw.contoso.com (xoorgd) with ESMTP\r\n"
	    "\tid 4Xk2a; Mon, 23 Nov 2026 21:44:40 +0000\r\n");
	s.is_tls = true;
	s.tls = XO_LIT("TLSv1.3 TLS_AES_256_GCM_SHA384");
	s.address = &client6;
	check("TLS", &s,
	    "Received: from mx.example ([IPv6:2001:db8::1])\r\n"
	    "\tby gw.contoso.com (xoorgd) with ESMTPS (TLSv1.3 "
	    "TLS_AES_256_GCM_SHA384)\r\n"
	    "\tid 4Xk2a; Mon, 23 Nov 2026 21:44:40 +0000\r\n");
	s.tls = XO_LIT("");
	s.session = XO_LIT("");
	s.hello = XO_LIT("");
	s.address = NULL;
	check("nothing known", &s,
	    "Received: from unknown\r\n"
	    "\tby gw.contoso.com (xoorgd) with ESMTPS\r\n"
	    "\t; Mon, 23 Nov 2026 21:44:40 +0000\r\n");
}

static void
test_protocols(void **state)
{
	static const struct {
		bool is_esmtp, is_tls, is_utf8;
		const char *want;
	} rows[] = {
		{false, false, false, " with SMTP\r\n"},
		{false, true, false, " with SMTP\r\n"},
		{true, false, false, " with ESMTP\r\n"},
		{true, true, false, " with ESMTPS\r\n"},
		{true, false, true, " with UTF8SMTP\r\n"},
		{true, true, true, " with UTF8SMTPS\r\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct xo_stamp s = plain();
		struct xo_buf got = {0};

		s.is_esmtp = rows[i].is_esmtp;
		s.is_tls = rows[i].is_tls;
		s.is_utf8 = rows[i].is_utf8;
		xo_stamp_write(&got, &s);
		assert_int_equal(got.err, XO_OK);
		xo_buf_add_byte(&got, 0);
		assert_int_equal(got.err, XO_OK);
		if (strstr((const char *)got.p, rows[i].want) == NULL)
			fail_msg("row %zu: got %s, want %s", i,
			    (const char *)got.p, rows[i].want);
		xo_buf_fini(&got);
	}
}

static void
test_date(void **state)
{
	static const struct {
		int64_t time;
		const char *want;
	} rows[] = {
		{0, "; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{-1, "; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{INT64_MIN, "; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{86399, "; Thu, 1 Jan 1970 23:59:59 +0000\r\n"},
		{951782400, "; Tue, 29 Feb 2000 00:00:00 +0000\r\n"},
		{951868800, "; Wed, 1 Mar 2000 00:00:00 +0000\r\n"},
		{1709251199, "; Thu, 29 Feb 2024 23:59:59 +0000\r\n"},
		{1735689599, "; Tue, 31 Dec 2024 23:59:59 +0000\r\n"},
		{1735689600, "; Wed, 1 Jan 2025 00:00:00 +0000\r\n"},
		{MONDAY, "; Mon, 23 Nov 2026 21:44:40 +0000\r\n"},
		{2147483648, "; Tue, 19 Jan 2038 03:14:08 +0000\r\n"},
		{4107542399, "; Sun, 28 Feb 2100 23:59:59 +0000\r\n"},
		{4107542400, "; Mon, 1 Mar 2100 00:00:00 +0000\r\n"},
		{253402300799, "; Fri, 31 Dec 9999 23:59:59 +0000\r\n"},
		{INT64_MAX, "; Fri, 31 Dec 9999 23:59:59 +0000\r\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct xo_stamp s = plain();
		struct xo_buf got = {0};

		s.time = rows[i].time;
		xo_stamp_write(&got, &s);
		assert_int_equal(got.err, XO_OK);
		xo_buf_add_byte(&got, 0);
		assert_int_equal(got.err, XO_OK);
		if (strstr((const char *)got.p, rows[i].want) == NULL)
			fail_msg("got %s, want %s", (const char *)got.p,
			    rows[i].want);
		xo_buf_fini(&got);
	}
}

#define RECEIVED \
	"Received: from mx.example ([192.0.2.1])\r\n" \
	"\tby gw.contoso.com (xoorgd) with ESMTP\r\n" \
	"\tid 4Xk2a; Mon, 23 Nov 2026 21:44:40 +0000\r\n"

static void
test_results(void **state)
{
	static const struct {
		enum xo_verdict verdict;
		const char *tenant, *xoorg, *originator_org, *want;
	} rows[] = {
		{XO_VERDICT_VERIFIED, "contoso", "contoso.com", "contoso.com",
		    "Authentication-Results: gw.contoso.com; x-xoorg=pass "
		    "smtp.xoorg=contoso.com\r\n\tpolicy.tenant=contoso "
		    "policy.verdict=verified\r\n"
		    "X-OriginatorOrg: contoso.com\r\n" RECEIVED},
		{XO_VERDICT_UNKNOWN_ORG, "", "fabrikam.com", "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=fail "
		    "smtp.xoorg=fabrikam.com\r\n"
		    "\tpolicy.verdict=unknown_org\r\n" RECEIVED},
		{XO_VERDICT_SENDER_MISMATCH, "contoso", "contoso.com", "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=fail "
		    "smtp.xoorg=contoso.com\r\n\tpolicy.tenant=contoso "
		    "policy.verdict=sender_mismatch\r\n" RECEIVED},
		{XO_VERDICT_NO_ORG, "", NULL, "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=none "
		    "policy.verdict=no_org\r\n" RECEIVED},
		{XO_VERDICT_UNAUTHENTICATED, "", NULL, "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=none\r\n"
		    "\tpolicy.verdict=unauthenticated\r\n" RECEIVED},
		/* Its peer named the tenant, nobody XOORG. */
		{XO_VERDICT_SENDER_MISMATCH, "contoso", NULL, "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=none "
		    "policy.tenant=contoso\r\n"
		    "\tpolicy.verdict=sender_mismatch\r\n" RECEIVED},
		{XO_VERDICT_ATTRIBUTED, "", NULL, "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=none\r\n"
		    "\tpolicy.verdict=unauthenticated\r\n" RECEIVED},
		/* Demoted, it is anybody's. */
		{XO_VERDICT_OURS, "", NULL, "",
		    "Authentication-Results: gw.contoso.com; x-xoorg=none\r\n"
		    "\tpolicy.verdict=unauthenticated\r\n" RECEIVED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct xo_stamp s = plain();

		s.has_results = true;
		s.verdict = rows[i].verdict;
		s.tenant = xo_span_from_cstr(rows[i].tenant);
		s.has_xoorg = rows[i].xoorg != NULL;
		s.xoorg = xo_span_from_cstr(rows[i].xoorg);
		s.originator_org = xo_span_from_cstr(rows[i].originator_org);
		check(xo_verdict_name(rows[i].verdict), &s, rows[i].want);
	}
}

/* Whatever the client called itself: three lines of clean ASCII. */
static void
test_hostile_hello(void **state)
{
	static const char *const rows[] = {
		"a\r\nX-OriginatorOrg: contoso.com",
		"a\nX-MS-Exchange-Organization-AuthAs: Internal",
		"a) by gw.contoso.com (x", "a\"b", "a\\b", "a;b", "<a@b>",
		"a\x1b[2Jb\x7f", "h\xc3\xa9", "a b c", " ", "\t",
	};
	uint8_t all[600];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i % 256);
	for (i = 0; i <= N(rows); i++) {
		struct xo_stamp s = plain();
		struct xo_buf got = {0};
		size_t n_lines = 0;
		size_t width = 0;

		s.hello = i < N(rows) ? xo_span_from_cstr(rows[i]) :
		    xo_span(all, sizeof(all));
		xo_stamp_write(&got, &s);
		assert_int_equal(got.err, XO_OK);
		for (j = 0; j < got.len; j++) {
			uint8_t c = got.p[j];
			bool is_end = c == '\n';

			assert_true((c >= ' ' && c < 0x7f) || c == '\t' ||
			    (c == '\r' && got.p[j + 1] == '\n') ||
			    (is_end && got.p[j - 1] == '\r'));
			if (is_end && j + 1 < got.len)
				assert_int_equal(got.p[j + 1], '\t');
			n_lines += is_end;
			width = is_end ? 0 : width + 1;
			assert_true(width < 300);
		}
		assert_true(n_lines >= 3 && n_lines <= 5);
		assert_true(got.len < 500);
		assert_memory_equal(got.p, "Received: from", 14);
		xo_buf_fini(&got);
	}
}

/* Folded at 78 wherever a blank is. */
static void
test_width(void **state)
{
	struct xo_stamp s = plain();
	struct xo_buf got = {0};
	size_t width = 0;
	size_t i;

	(void)state;
	s.has_results = true;
	s.has_xoorg = true;
	s.is_tls = true;
	s.tls = XO_LIT("TLSv1.2  with cipher ECDHE-RSA-AES256-GCM-SHA384 "
	    "(256/256 bits) and more words, quite a lot of them indeed");
	s.hello = XO_LIT("nam12-dm6-obe.outbound.protection.outlook.com.with."
	    "a.long.tail");
	s.xoorg = s.tenant = s.hostname =
	    XO_LIT("a-rather-long-name.of-a-gateway.in.contoso.example.com");
	s.address = &client6;
	xo_stamp_write(&got, &s);
	assert_int_equal(got.err, XO_OK);
	for (i = 0; i < got.len; i++) {
		if (got.p[i] == '\r') {
			assert_true(width <= 78);
			assert_true(got.p[i - 1] != ' ' &&
			    got.p[i - 1] != '\t');
			width = 0;
			i++;
			continue;
		}
		width++;
	}
	xo_buf_fini(&got);
}

static void
test_no_room(void **state)
{
	struct xo_stamp s = plain();
	struct xo_buf full = {0};
	size_t max;

	(void)state;
	s.has_results = true;
	xo_stamp_write(&full, &s);
	assert_int_equal(full.err, XO_OK);
	for (max = 1; max < full.len; max++) {
		struct xo_buf got = {.max = max};

		xo_stamp_write(&got, &s);
		assert_int_equal(got.err, XO_ERR_LIMIT);
		xo_buf_fini(&got);
	}
	xo_buf_fini(&full);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_hostile_hello),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
