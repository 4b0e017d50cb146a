/* SPDX-License-Identifier: ISC */
/*
 * The capabilities of an EHLO, and the whole opening with a next hop: it ends,
 * says whole lines, and XOORG comes out of verified TLS alone.
 */
#include <xoorg/opening.h>

#include "fuzz.h"

static void
check_out(struct xo_opening *o)
{
	for (size_t i = 0; i < o->out.len; i++) {
		bool is_end = i + 2 == o->out.len;

		MUST((o->out.p[i] >= 32 && o->out.p[i] < 127) || (is_end &&
		    o->out.p[i] == '\r') || (i + 1 == o->out.len &&
		    o->out.p[i] == '\n'));
	}
	xo_buf_clear(&o->out);
}

static void
check_caps(struct xo_span in)
{
	static const struct xo_span names[] = {
		{(const uint8_t *)"XVERP", 5}, {(const uint8_t *)"RRVS", 4},
	};
	static const struct xo_extensions extensions = {names, 2};
	struct xo_caps a = {0}, b = {0};
	struct xo_span line;

	while (xo_reply_line(&in, &line)) {
		xo_caps_add_line(&a, line, &extensions);
		if (line.len % 2 == 0)
			xo_caps_add_line(&b, line, &extensions);
	}
	xo_caps_intersect(&a, &b);
	MUST((a.set & ~b.set) == 0 && a.set < XO_CAP_BIT(XO_CAP_COUNT + 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xo_address address = {{[10] = 0xff, 0xff, 192}};
	struct xo_upstream upstream = {0};
	struct xo_handover_info info = {.address = &address, .port = 25};
	struct xo_span in = xo_span(data, size), turn;
	struct xo_opening o = {0};

	if (size < 2)
		return 0;
	check_caps(xo_span_from(in, 2));
	upstream.tls = (enum xo_tls_level)(data[0] % XO_TLS_LEVEL_COUNT);
	upstream.require_xoorg = (data[0] & 16) != 0;
	upstream.handover = (data[0] & 32) != 0 ? XO_HANDOVER_XCLIENT :
	    XO_HANDOVER_NONE;
	upstream.protocol = (data[0] & 64) != 0 ? XO_PROTOCOL_LMTP :
	    XO_PROTOCOL_SMTP;
	info.hello = xo_span(data + 1, 1);
	if (data[1] <= 32 || data[1] >= 127)
		info.hello.len = 0;
	in = xo_span_from(in, 2);
	xo_opening_start(&o, &upstream, XO_LIT("gw"), NULL, &info);
	/* A turn ends at `~`. */
	while (in.len > 0 && o.state != XO_OPENING_DONE &&
	    o.state != XO_OPENING_FAILED) {
		turn = xo_span_first(in, xo_span_find(in, '~'));
		in = xo_span_from(in, turn.len + 1);
		if (o.state == XO_OPENING_HANDSHAKE)
			xo_opening_tls_done(&o);
		else if (turn.len > 0)
			MUST(xo_opening_bytes(&o, turn) == turn.len);
		check_out(&o);
	}
	if (o.state == XO_OPENING_DONE && xo_caps_has(&o.caps, XO_CAP_XOORG))
		MUST(o.is_tls && upstream.tls == XO_TLS_VERIFY);
	if (o.state == XO_OPENING_DONE && upstream.tls != XO_TLS_NONE)
		MUST(o.is_tls);
	xo_opening_fini(&o);
	return 0;
}
