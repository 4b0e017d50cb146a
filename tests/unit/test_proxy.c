/* SPDX-License-Identifier: ISC */
/* The PROXY protocol: what is read, what is refused, and both ways round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/proxy.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROW(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\0\2\1\xc6\x33\x64\2\x30\x39\0\x19"
#define V6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1" \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x30\x39\0\x19"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1" \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\2\x30\x39\0\x19"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct row {
	const char *id;
	struct xo_span in;
	enum xo_err want;
	const char *client;	/* "": LOCAL; with the header of `in` whole */
};

static const struct row rows[] = {
	/* version 1 */
	{"tcp4", ROW("PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n"), XO_OK,
	    "192.0.2.1"},
	{"tcp6", ROW("PROXY TCP6 2001:db8::1 2001:db8::2 12345 25\r\n"), XO_OK,
	    "2001:db8::1"},
	{"tcp6 mapped", ROW("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 "
	    "12345 25\r\n"), XO_OK, "192.0.2.1"},
	{"unknown", ROW("PROXY UNKNOWN\r\n"), XO_OK, ""},
	{"unknown with words", ROW("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"),
	    XO_OK, ""},
	{"107 octets", ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:"
	    "ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535"
	    "\r\n"), XO_OK, ""},
	{"108 octets", ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:"
	    "ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 "
	    "\r\n"), XO_ERR_LIMIT, NULL},
	{"endless", ROW("PROXY TCP4 " HUNDRED), XO_ERR_LIMIT, NULL},
	{"begun", ROW("PROXY TCP4 192.0.2.1"), XO_MORE, NULL},
	{"lower case", ROW("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"family in lower case", ROW("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"no family", ROW("PROXY \r\n"), XO_ERR_SYNTAX, NULL},
	{"nothing", ROW("PROXY\r\n"), XO_ERR_SYNTAX, NULL},
	{"LF alone", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"),
	    XO_ERR_SYNTAX, NULL},
	{"LF alone, a digit for CR",
	    ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\n"), XO_ERR_SYNTAX,
	    NULL},
	{"LF at once", ROW("PROXY \n"), XO_ERR_SYNTAX, NULL},
	{"CR inside", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r \r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"NUL", ROW("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"two blanks", ROW("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"tab", ROW("PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"blank at the end", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"one word more", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"one word less", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"port too large", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"port negative", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"port with a zero in front",
	    ROW("PROXY TCP4 192.0.2.1 192.0.2.2 025 2\r\n"), XO_ERR_SYNTAX, NULL},
	{"port long", ROW("PROXY TCP4 192.0.2.1 192.0.2.2 000025 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"wrong family 4", ROW("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"wrong family 6", ROW("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"mixed family", ROW("PROXY TCP6 2001:db8::1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"mapped as TCP4", ROW("PROXY TCP4 ::ffff:192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"UDP4", ROW("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"), XO_ERR_SYNTAX,
	    NULL},
	{"zone", ROW("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"), XO_ERR_SYNTAX,
	    NULL},
	{"brackets", ROW("PROXY TCP6 [::1] [::1] 1 2\r\n"), XO_ERR_SYNTAX,
	    NULL},
	{"SMTP", ROW("EHLO x\r\n"), XO_ERR_SYNTAX, NULL},
	{"blank", ROW(" PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
	    XO_ERR_SYNTAX, NULL},
	{"TLS", ROW("\x16\x03\x01\0\x05"), XO_ERR_SYNTAX, NULL},
	/* version 2 */
	{"v2 4", ROW(SIGNATURE "\x21\x11\0\x0c" V4), XO_OK, "192.0.2.1"},
	{"v2 6", ROW(SIGNATURE "\x21\x21\0\x24" V6), XO_OK, "2001:db8::1"},
	{"v2 6 mapped", ROW(SIGNATURE "\x21\x21\0\x24" MAPPED), XO_OK,
	    "192.0.2.1"},
	{"v2 local", ROW(SIGNATURE "\x20\0\0\0"), XO_OK, ""},
	{"v2 local with an address", ROW(SIGNATURE "\x20\x11\0\x0c" V4),
	    XO_OK, ""},
	{"v2 unspecified", ROW(SIGNATURE "\x21\0\0\0"), XO_OK, ""},
	{"v2 UDP", ROW(SIGNATURE "\x21\x12\0\x0c" V4), XO_OK, ""},
	{"v2 unix", ROW(SIGNATURE "\x21\x31\0\x04" "abcd"), XO_OK, ""},
	{"v2 TLV", ROW(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\1x"), XO_OK,
	    "192.0.2.1"},
	{"v2 SSL", ROW(SIGNATURE "\x21\x11\0\x2f" V4 "\x20\0\x20\7\0\0\0\0"
	    "\x22\0\x18mail.protection.test.com"), XO_OK, "192.0.2.1"},
	{"v2 TLV that lies", ROW(SIGNATURE "\x21\x11\0\x0f" V4 "\x20\xff\xff"),
	    XO_OK, "192.0.2.1"},
	{"v2 length too short", ROW(SIGNATURE "\x21\x11\0\x0b" V4),
	    XO_ERR_SYNTAX, NULL},
	{"v2 4 for 6", ROW(SIGNATURE "\x21\x21\0\x0c" V4), XO_ERR_SYNTAX,
	    NULL},
	{"v2 length 0", ROW(SIGNATURE "\x21\x11\0\0"), XO_ERR_SYNTAX, NULL},
	{"v2 version 1", ROW(SIGNATURE "\x11\x11\0\x0c" V4), XO_ERR_SYNTAX,
	    NULL},
	{"v2 version 3", ROW(SIGNATURE "\x31\x11\0\x0c" V4), XO_ERR_SYNTAX,
	    NULL},
	{"v2 command 2", ROW(SIGNATURE "\x22\x11\0\x0c" V4), XO_ERR_SYNTAX,
	    NULL},
	{"v2 65535", ROW(SIGNATURE "\x21\x11\xff\xff"), XO_ERR_LIMIT, NULL},
	{"v2 521", ROW(SIGNATURE "\x21\x11\2\x09"), XO_ERR_LIMIT, NULL},
	{"v2 520", ROW(SIGNATURE "\x21\x11\2\x08"), XO_MORE, NULL},
	{"v2 begun", ROW(SIGNATURE "\x21\x11\0\x0c" "\xc0\0\2"), XO_MORE,
	    NULL},
	{"v2 signature broken", ROW("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" V4),
	    XO_ERR_SYNTAX, NULL},
};

/* In memory of its own size, so that a sanitizer sees what is read behind. */
static enum xo_err
read_copy(const uint8_t *p, size_t len, struct xo_proxy *proxy, size_t *used_r)
{
	uint8_t *copy = malloc(len + (len == 0));
	enum xo_err err;

	assert_non_null(copy);
	memcpy(copy, p, len);
	err = xo_proxy_read(xo_span(copy, len), proxy, used_r);
	free(copy);
	return err;
}

static void
test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct row *row = &rows[i];
		struct xo_proxy proxy;
		struct xo_buf text = {0};
		size_t used;
		enum xo_err got = read_copy(row->in.p, row->in.len, &proxy,
		    &used);

		if (got != row->want)
			fail_msg("%s: got %d, want %d", row->id, got,
			    row->want);
		if (got != XO_OK)
			continue;
		if (used != row->in.len ||
		    proxy.is_local != (row->client[0] == '\0'))
			fail_msg("%s: %zu of %zu octets, local %d", row->id,
			    used, row->in.len, proxy.is_local);
		if (proxy.is_local)
			continue;
		xo_address_write(&text, &proxy.client);
		assert_int_equal(text.err, XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&text),
		    xo_span_from_cstr(row->client)))
			fail_msg("%s: client %.*s", row->id, (int)text.len,
			    (const char *)text.p);
		assert_int_equal(proxy.client_port, 12345);
		assert_int_equal(proxy.server_port, 25);
		xo_buf_fini(&text);
	}
}

/* Cut at every octet: more is awaited, or the refusal comes early. */
static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		for (size_t n = 0; n < rows[i].in.len; n++) {
			struct xo_proxy proxy;
			size_t used;
			enum xo_err got = read_copy(rows[i].in.p, n, &proxy,
			    &used);

			if (got != XO_MORE && (got != rows[i].want ||
			    got == XO_OK))
				fail_msg("%s at %zu: got %d", rows[i].id, n,
				    got);
		}
}

/* What follows the header is not of it. */
static void
test_followed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_proxy proxy;
		uint8_t in[1024];
		size_t used, len = rows[i].in.len;

		if (rows[i].want != XO_OK)
			continue;
		memcpy(in, rows[i].in.p, len);
		memcpy(in + len, "PROXY UNKNOWN\r\nEHLO x\r\n", 23);
		assert_int_equal(read_copy(in, len + 23, &proxy, &used), XO_OK);
		assert_int_equal(used, len);
	}
}

/* Octets at random behind each beginning: nothing is read beyond the end. */
static void
test_random(void **state)
{
	static const struct xo_span heads[] = {
		ROW("PROXY "), ROW("PROXY TCP4 "), ROW(SIGNATURE),
		ROW(SIGNATURE "\x21\x11"), ROW(SIGNATURE "\x21\x21\0"),
		ROW(""),
	};
	uint32_t x = 2463534242U;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		struct xo_span head = heads[round % N(heads)];
		uint8_t in[700];
		struct xo_proxy proxy;
		size_t used, len;

		memcpy(in, head.p, head.len);
		for (size_t i = head.len; i < sizeof(in); i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			in[i] = (round & 8) != 0 ? (uint8_t)x :
			    (uint8_t)"0123456789.: \r\nTCP46"[x % 20];
		}
		len = head.len + x % (sizeof(in) - head.len);
		if (read_copy(in, len, &proxy, &used) == XO_OK)
			assert_in_range(used, 1, len);
		else
			assert_int_equal(used, 0);
	}
}

static void
set(struct xo_proxy *p, const char *client, const char *server)
{
	*p = (struct xo_proxy){.client_port = 12345, .server_port = 25};
	assert_int_equal(xo_address_read(xo_span_from_cstr(client),
	    &p->client), XO_OK);
	assert_int_equal(xo_address_read(xo_span_from_cstr(server),
	    &p->server), XO_OK);
}

/* The client's address always arrives, whatever the family of the server. */
static void
test_write(void **state)
{
	static const struct {
		const char *client, *server, *want;
	} out[] = {
		{"192.0.2.1", "198.51.100.2",
		    "PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n"},
		{"2001:db8::1", "2001:db8::2",
		    "PROXY TCP6 2001:db8::1 2001:db8::2 12345 25\r\n"},
		{"2001:db8::1", "198.51.100.2",
		    "PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 12345 25\r\n"},
		{"192.0.2.1", "2001:db8::2",
		    "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 12345 25\r\n"},
	};
	struct xo_proxy p, back;
	size_t used;

	(void)state;
	for (size_t i = 0; i < N(out); i++) {
		struct xo_buf b = {0};

		set(&p, out[i].client, out[i].server);
		xo_proxy_write_v1(&b, &p);
		assert_int_equal(b.err, XO_OK);
		if (!xo_span_is_equal(xo_buf_span(&b),
		    xo_span_from_cstr(out[i].want)))
			fail_msg("got %.*s, want %s", (int)b.len,
			    (const char *)b.p, out[i].want);
		assert_int_equal(xo_proxy_read(xo_buf_span(&b), &back, &used),
		    XO_OK);
		assert_memory_equal(&p.client, &back.client, 16);
		assert_memory_equal(&p.server, &back.server, 16);
		xo_buf_clear(&b);
		xo_proxy_write_v2(&b, &p);
		assert_int_equal(b.err, XO_OK);
		assert_int_equal(xo_proxy_read(xo_buf_span(&b), &back, &used),
		    XO_OK);
		assert_int_equal(used, b.len);
		assert_false(back.is_local);
		assert_memory_equal(&p.client, &back.client, 16);
		assert_memory_equal(&p.server, &back.server, 16);
		assert_int_equal(back.client_port, 12345);
		assert_int_equal(back.server_port, 25);
		xo_buf_fini(&b);
	}
}

static void
test_write_local(void **state)
{
	struct xo_proxy p = {.is_local = true};
	struct xo_buf b = {0};

	(void)state;
	xo_proxy_write_v1(&b, &p);
	assert_int_equal(b.err, XO_OK);
	assert_true(xo_span_is_equal(xo_buf_span(&b),
	    XO_LIT("PROXY UNKNOWN\r\n")));
	xo_buf_clear(&b);
	xo_proxy_write_v2(&b, &p);
	assert_int_equal(b.err, XO_OK);
	assert_true(xo_span_is_equal(xo_buf_span(&b),
	    xo_span(SIGNATURE "\x20\0\0\0", 16)));
	xo_buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
