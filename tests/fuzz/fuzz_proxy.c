/* SPDX-License-Identifier: ISC */
/*
 * PROXY headers against a reader that takes the specification word by word; in
 * pieces the same as whole; and what is written is read as it was.
 */
#include <arpa/inet.h>
#include <string.h>

#include <xoorg/proxy.h>

#include "fuzz.h"

static const uint8_t mark[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U',
	'I', 'T', '\n'};

static bool
read_port(const char *text, uint16_t *port_r)
{
	unsigned long n = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9' && n <= 65535; i++)
		n = n * 10 + (unsigned long)(text[i] - '0');
	*port_r = (uint16_t)n;
	return i > 0 && text[i] == '\0' && n <= 65535 &&
	    (i == 1 || text[0] != '0');
}

static bool
read_ip(int family, const char *text, struct xo_address *a)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET6)
		return inet_pton(AF_INET6, text, a->octets) == 1;
	a->octets[10] = a->octets[11] = 0xff;
	return inet_pton(AF_INET, text, a->octets + 12) == 1;
}

/* A whole line without its CRLF. */
static bool
read_line(char *line, struct xo_proxy *p)
{
	char *word[7], *at = line;
	size_t n = 0;
	int family;

	if (strncmp(line, "PROXY UNKNOWN", 13) == 0 &&
	    (line[13] == '\0' || line[13] == ' ')) {
		p->is_local = true;
		return true;
	}
	for (; n < 7 && at != NULL; n++) {
		word[n] = at;
		at = strchr(at, ' ');
		if (at != NULL)
			*at++ = '\0';
	}
	if (n != 6 || at != NULL || strcmp(word[0], "PROXY") != 0)
		return false;
	if (strcmp(word[1], "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(word[1], "TCP6") == 0)
		family = AF_INET6;
	else
		return false;
	return read_ip(family, word[2], &p->client) &&
	    read_ip(family, word[3], &p->server) &&
	    read_port(word[4], &p->client_port) &&
	    read_port(word[5], &p->server_port);
}

static enum xo_err
reference_v1(struct xo_span in, struct xo_proxy *p, size_t *used)
{
	char line[XO_PROXY_V1_MAX + 1];
	const uint8_t *lf = memchr(in.p, '\n', in.len);
	size_t len = lf != NULL ? (size_t)(lf - in.p) + 1 : in.len;

	if (len > XO_PROXY_V1_MAX)
		return XO_ERR_LIMIT;
	if (lf == NULL)
		return XO_MORE;
	if (len < 2 || in.p[len - 2] != '\r')
		return XO_ERR_SYNTAX;
	/* Behind UNKNOWN stands what it likes. */
	if ((memchr(in.p, '\0', len) != NULL ||
	    memchr(in.p, '\r', len - 2) != NULL) &&
	    !(len > 14 && memcmp(in.p, "PROXY UNKNOWN ", 14) == 0))
		return XO_ERR_SYNTAX;
	memcpy(line, in.p, len - 2);
	line[len - 2] = '\0';
	*used = len;
	return read_line(line, p) ? XO_OK : XO_ERR_SYNTAX;
}

/* Only of good ones and of those that are too short: what is bad, is bad. */
static bool
reference_v2(struct xo_span in, struct xo_proxy *p, size_t *used)
{
	size_t len;
	const uint8_t *a = in.p + 16;

	if (in.len < 16 || memcmp(in.p, mark, 12) != 0 || in.p[12] >> 4 != 2)
		return false;
	len = (size_t)in.p[14] << 8 | in.p[15];
	if (len > XO_PROXY_V2_MAX - 16 || in.len < 16 + len)
		return false;
	*used = 16 + len;
	if ((in.p[12] & 15) == 0) {
		p->is_local = true;
		return true;
	}
	if ((in.p[12] & 15) != 1)
		return false;
	if (in.p[13] == 0x11 && len >= 12) {
		p->client.octets[10] = p->client.octets[11] = 0xff;
		p->server = p->client;
		memcpy(p->client.octets + 12, a, 4);
		memcpy(p->server.octets + 12, a + 4, 4);
		a += 8;
	} else if (in.p[13] == 0x21 && len >= 36) {
		memcpy(p->client.octets, a, 16);
		memcpy(p->server.octets, a + 16, 16);
		a += 32;
	} else if (in.p[13] == 0x11 || in.p[13] == 0x21) {
		return false;
	} else {
		/* Of a family that is not ours: nobody is known by it. */
		p->is_local = true;
		return true;
	}
	p->client_port = (uint16_t)(a[0] << 8 | a[1]);
	p->server_port = (uint16_t)(a[2] << 8 | a[3]);
	return true;
}

static void
must_be_same(const struct xo_proxy *got, const struct xo_proxy *want)
{
	MUST(got->is_local == want->is_local);
	if (want->is_local)
		return;
	MUST(memcmp(&got->client, &want->client, sizeof(got->client)) == 0);
	MUST(memcmp(&got->server, &want->server, sizeof(got->server)) == 0);
	MUST(got->client_port == want->client_port);
	MUST(got->server_port == want->server_port);
}

static void
check_written(const struct xo_proxy *proxy)
{
	struct xo_buf out = {0};
	struct xo_proxy again;
	size_t used;

	xo_proxy_write_v1(&out, proxy);
	MUST(out.err == XO_OK);
	MUST(out.len <= XO_PROXY_V1_MAX);
	MUST(xo_proxy_read(xo_buf_span(&out), &again, &used) == XO_OK);
	MUST(used == out.len);
	must_be_same(&again, proxy);
	xo_buf_clear(&out);
	xo_proxy_write_v2(&out, proxy);
	MUST(out.err == XO_OK);
	MUST(xo_proxy_read(xo_buf_span(&out), &again, &used) == XO_OK);
	MUST(used == out.len);
	must_be_same(&again, proxy);
	xo_buf_fini(&out);
}

/* Fewer octets never say anything else than "more", or what all of them say. */
static void
check_pieces(struct xo_span in, enum xo_err whole, size_t used)
{
	struct xo_proxy proxy;
	size_t n;

	for (size_t len = 0; len < in.len; len++) {
		enum xo_err err = xo_proxy_read(xo_span_first(in, len), &proxy,
		    &n);

		MUST(err == XO_MORE || err == whole);
		MUST(err != XO_OK || (n == used && len >= used));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size < 700 ? size : 700);
	struct xo_proxy got, want = {0};
	size_t used = 0, want_used = 0;
	enum xo_err err = xo_proxy_read(in, &got, &used), expected;

	check_pieces(in, err, used);
	if (in.len > 0 && in.p[0] == 'P') {
		expected = reference_v1(in, &want, &want_used);
		MUST((err == XO_OK) == (expected == XO_OK));
		/* What cannot become a header may be refused early. */
		MUST(err != XO_MORE || expected == XO_MORE);
	} else {
		MUST((err == XO_OK) == reference_v2(in, &want, &want_used));
	}
	if (err == XO_OK) {
		MUST(used == want_used);
		must_be_same(&got, &want);
		check_written(&got);
	}
	return 0;
}
