/* SPDX-License-Identifier: ISC */
/* Addresses from text and to text, and networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/policy.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
test_read(void **state)
{
	/* `want`: as xo_address_write() has it; NULL: refused. */
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:c000:201", "192.0.2.1"},
		{"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"::192.0.2.1", "::c000:201"},
		{"", NULL},
		{" ", NULL},
		{"192.0.2", NULL},
		{"192.0.2.", NULL},
		{".192.0.2", NULL},
		{"192.0.2.1.", NULL},
		{"192.0.2.1.5", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.01", NULL},
		{"192.0.2.1 ", NULL},
		{"192.0.2.+1", NULL},
		{"192.0.2.0x1", NULL},
		{"192..2.1", NULL},
		{"3221225985", NULL},
		{"[192.0.2.1]", NULL},
		{":", NULL},
		{":::", NULL},
		{"::1::", NULL},
		{"1::2::3", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"1:2:3:4::5:6:7:8", NULL},
		{"1:2:3:4:5:6:7:8::", NULL},
		{":1:2:3:4:5:6:7:8", NULL},
		{"1:2:3:4:5:6:7:8:", NULL},
		{":1", NULL},
		{"1:", NULL},
		{"::12345", NULL},
		{"::g", NULL},
		{"fe80::1%eth0", NULL},
		{"[::1]", NULL},
		{"::ffff:192.0.2", NULL},
		{"::ffff:192.0.2.256", NULL},
		{"::ffff:192.0.2.1:1", NULL},
		{"192.0.2.1::", NULL},
		{"1:2:3:4:5:6:7:192.0.2.1", NULL},
		{"1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0:192.0.2.1", NULL},
		{"2001:0db8:0000:0000:0000:0000:0000:00001", NULL},
		{"IPv6:::1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_address a;
		struct xo_buf text = {0};
		bool is_read = xo_address_read(xo_span_from_cstr(rows[i].in),
		    &a) == XO_OK;

		if (is_read)
			xo_address_write(&text, &a);
		assert_int_equal(text.err, XO_OK);
		if (is_read != (rows[i].want != NULL) || (is_read &&
		    !xo_span_is_equal(xo_buf_span(&text),
		    xo_span_from_cstr(rows[i].want))))
			fail_msg("%s: got %s'%.*s', want %s", rows[i].in,
			    is_read ? "" : "refused ", (int)text.len,
			    (const char *)text.p,
			    rows[i].want != NULL ? rows[i].want : "refused");
		xo_buf_fini(&text);
	}
}

static void
test_read_span(void **state)
{
	struct xo_address a;
	static const uint8_t nul[] = "192.0.2.1\0";

	(void)state;
	/* What stands behind the span is none of its octets. */
	assert_int_equal(xo_address_read(xo_span("192.0.2.199", 9), &a),
	    XO_OK);
	assert_int_equal(a.octets[15], 1);
	assert_int_equal(xo_address_read(xo_span(nul, sizeof(nul) - 1), &a),
	    XO_ERR_SYNTAX);
}

/* What is written is read again, for a walk through all shapes of zeros. */
static void
test_there_and_back(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < 256; bits++) {
		struct xo_address a = {{0}}, b;
		struct xo_buf text = {0};

		for (unsigned int i = 0; i < 8; i++)
			if ((bits >> i & 1) != 0)
				a.octets[2 * i + 1] = (uint8_t)(i + 1);
		xo_address_write(&text, &a);
		assert_int_equal(text.err, XO_OK);
		assert_int_equal(xo_address_read(xo_buf_span(&text), &b),
		    XO_OK);
		assert_memory_equal(&a, &b, sizeof(a));
		xo_buf_fini(&text);
	}
}

static void
test_network(void **state)
{
	static const struct {
		const char *network;
		uint8_t bits;
		const char *address;
		bool want;
	} rows[] = {
		{"127.0.0.0", 104, "127.9.9.9", true},
		{"127.0.0.0", 104, "::ffff:127.0.0.1", true},
		{"127.0.0.0", 104, "128.0.0.0", false},
		{"127.0.0.0", 104, "::1", false},
		{"127.0.0.0", 104, "::127.0.0.1", false},
		{"127.0.0.0", 104, "64:ff9b::127.0.0.1", false},
		{"::", 0, "2001:db8::1", true},
		{"::", 0, "127.0.0.1", false},
		{"0.0.0.0", 96, "127.0.0.1", true},
		{"0.0.0.0", 96, "::1", false},
		{"192.0.2.128", 121, "192.0.2.255", true},
		{"192.0.2.128", 121, "192.0.2.127", false},
		{"::1", 128, "::1", true},
		{"::1", 128, "::2", false},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_network n = {.bits = rows[i].bits};
		struct xo_address a;

		assert_int_equal(xo_address_read(xo_span_from_cstr(
		    rows[i].network), &n.address), XO_OK);
		assert_int_equal(xo_address_read(xo_span_from_cstr(
		    rows[i].address), &a), XO_OK);
		if (xo_network_contains(&n, &a) != rows[i].want)
			fail_msg("%s/%d %s: want %d", rows[i].network,
			    rows[i].bits, rows[i].address, rows[i].want);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_span),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
