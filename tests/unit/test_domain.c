/* SPDX-License-Identifier: ISC */
/* Domains, addresses and networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/domain.h>
#include <xoorg/policy.h>

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void
test_valid(void **state)
{
	static const struct {
		const char *id;
		const char *domain;
		bool want;
	} rows[] = {
		{"M1", "contoso.com", true},
		{"M3", "Contoso.COM", true},
		{"M14", "contoso.com.", false},
		{"M15 front", ".contoso.com", false},
		{"M15 middle", "contoso..com", false},
		{"M16 v4", "[192.0.2.1]", false},
		{"M16 v6", "[IPv6:::1]", false},
		{"M17 at", "user@contoso.com", false},
		{"M17 star", "con*oso.com", false},
		{"M17 slash", "con/toso.com", false},
		{"wildcard", "*.contoso.com", false},
		{"M18", "localhost", true},
		{"M19", "_a-.contoso.com", true},
		{"M20 63", L63 ".com", true},
		{"M20 64", L63 "a.com", false},
		{"M20 64 last", "com." L63 "a", false},
		{"M22", "conto\xc3\xb6so.com", false},
		{"M23 CR", "contoso\r\ncom", false},
		{"M23 SP", "contoso com", false},
		{"M24", "xn--bcher-kva.example", true},
		{"M25", "contoso\\x{2E}com", false},
		{"M27", "sct-15-20-9412-4-msonline-outlook-990eb."
		    "templateTenant", true},
		{"empty", "", false},
		{"dot", ".", false},
		{"blank", " ", false},
		{"colon", "a:b", false},
		{"equals", "a=b.com", false},
		{"tab", "a\tb", false},
		{"DEL", "a\x7f", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool got = xo_domain_is_valid(xo_span_from_cstr(
		    rows[i].domain));

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].id, got,
			    rows[i].want);
	}
	assert_false(xo_domain_is_valid(xo_span("a\0.com", 6)));
	assert_false(xo_domain_is_valid(xo_span(NULL, 0)));
}

/* M21, and every octet in a label of its own. */
static void
test_valid_bounds(void **state)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_";
	char text[257];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 4 == 3 ? '.' : 'a';
	text[255] = 'a';
	assert_true(xo_domain_is_valid(xo_span(text, 255)));
	assert_false(xo_domain_is_valid(xo_span(text, 256)));
	for (i = 0; i < 256; i++) {
		uint8_t c = (uint8_t)i;
		bool want = c != 0 && strchr(letters, c) != NULL;

		assert_int_equal(xo_domain_is_valid(xo_span(&c, 1)), want);
	}
}

static void
test_address_domain(void **state)
{
	static const struct {
		const char *address;
		const char *want;
	} rows[] = {
		{"u@contoso.com", "contoso.com"},
		{"\"a@evil.example\"@contoso.com", "contoso.com"},
		{"a@b@c", "c"},
		{"postmaster", ""},
		{"u@", ""},
		{"", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_span got = xo_address_domain(xo_span_from_cstr(
		    rows[i].address));

		if (!xo_span_is_equal(got, xo_span_from_cstr(rows[i].want)))
			fail_msg("%s: got %.*s, want %s", rows[i].address,
			    (int)got.len, (const char *)got.p, rows[i].want);
	}
}

static struct xo_address
v6(const uint16_t groups[8])
{
	struct xo_address a;
	size_t i;

	for (i = 0; i < 8; i++) {
		a.octets[2 * i] = (uint8_t)(groups[i] >> 8);
		a.octets[2 * i + 1] = (uint8_t)(groups[i] & 0xff);
	}
	return a;
}

static struct xo_address
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct xo_address){
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}
	};
}

static void
test_address_write(void **state)
{
	static const struct {
		uint16_t groups[8];
		const char *want;
	} rows[] = {
		{{0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201}, "192.0.2.1"},
		{{0, 0, 0, 0, 0, 0xffff, 0, 0}, "0.0.0.0"},
		{{0, 0, 0, 0, 0, 0xffff, 0xffff, 0xffff}, "255.255.255.255"},
		{{0x2001, 0xdb8, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
		{{0, 0, 0, 0, 0, 0, 0, 1}, "::1"},
		{{0, 0, 0, 0, 0, 0, 0, 0}, "::"},
		{{1, 0, 0, 0, 0, 0, 0, 0}, "1::"},
		{{0x2001, 0xdb8, 0, 1, 1, 1, 1, 1}, "2001:db8:0:1:1:1:1:1"},
		{{0x2001, 0, 0, 1, 0, 0, 0, 1}, "2001:0:0:1::1"},
		{{0x2001, 0xdb8, 0, 0, 1, 0, 0, 1}, "2001:db8::1:0:0:1"},
		{{0xfe80, 1, 2, 3, 4, 5, 6, 0x10a0}, "fe80:1:2:3:4:5:6:10a0"},
		{{0, 0, 0, 0, 0, 0, 0xc000, 0x201}, "::c000:201"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_address a = v6(rows[i].groups);
		struct xo_buf got = {0};

		xo_address_write(&got, &a);
		assert_int_equal(got.err, XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&got),
		    xo_span_from_cstr(rows[i].want)))
			fail_msg("got %.*s, want %s", (int)got.len,
			    (const char *)got.p, rows[i].want);
		xo_buf_fini(&got);
	}
}

static void
test_network(void **state)
{
	static const uint16_t any[8] = {0};
	static const uint16_t doc[8] = {0x2001, 0xdb8, 0, 0, 0, 0, 0, 1};
	static const uint16_t other[8] = {0x2001, 0xdb9, 0, 0, 0, 0, 0, 1};
	const struct {
		const char *id;
		struct xo_network network;
		struct xo_address address;
		bool want;
	} rows[] = {
		{"host", {v4(127, 0, 0, 1), 128}, v4(127, 0, 0, 1), true},
		{"other host", {v4(127, 0, 0, 1), 128}, v4(127, 0, 0, 2),
		    false},
		{"/8", {v4(127, 0, 0, 0), 104}, v4(127, 9, 8, 7), true},
		{"not /8", {v4(127, 0, 0, 0), 104}, v4(128, 0, 0, 1), false},
		{"/31 in", {v4(10, 0, 0, 2), 127}, v4(10, 0, 0, 3), true},
		{"/31 out", {v4(10, 0, 0, 2), 127}, v4(10, 0, 0, 4), false},
		{"/15 in", {v4(40, 92, 0, 0), 111}, v4(40, 93, 1, 1), true},
		{"/15 out", {v4(40, 92, 0, 0), 111}, v4(40, 94, 1, 1), false},
		{"0.0.0.0/0", {v4(0, 0, 0, 0), 96}, v4(198, 51, 100, 1), true},
		{"0.0.0.0/0 of IPv6", {v4(0, 0, 0, 0), 96}, v6(doc), false},
		{"::/0", {v6(any), 0}, v6(doc), true},
		{"::/0 of IPv4", {v6(any), 0}, v4(198, 51, 100, 1), false},
		{"::/80 of IPv4", {v6(any), 80}, v4(198, 51, 100, 1), false},
		{"/31 IPv6", {v6(doc), 31}, v6(other), true},
		{"/32 IPv6", {v6(doc), 32}, v6(other), false},
		{"129 bits", {v6(doc), 129}, v6(doc), false},
		{"255 bits", {v6(doc), 255}, v6(doc), false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool got = xo_network_contains(&rows[i].network,
		    &rows[i].address);

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].id, got,
			    rows[i].want);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_valid_bounds),
		cmocka_unit_test(test_address_domain),
		cmocka_unit_test(test_address_write),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
