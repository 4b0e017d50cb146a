/* SPDX-License-Identifier: ISC */
/* xtext (RFC 3461 4). */
#include <xoorg/xtext.h>

/* Takes one octet off `*in`. False: there is none, or it is ill-formed. */
static bool
next_octet(struct xo_span *in, uint8_t *c_r)
{
	uint8_t c = in->p[0];
	int high, low;

	if (c < 33 || c > 126 || c == '=')
		return false;
	if (c != '+') {
		*c_r = c;
		*in = xo_span_from(*in, 1);
		return true;
	}
	if (in->len < 3)
		return false;
	high = xo_ascii_hex_value(in->p[1]);
	low = xo_ascii_hex_value(in->p[2]);
	if (high < 0 || low < 0)
		return false;
	*c_r = (uint8_t)(high * 16 + low);
	*in = xo_span_from(*in, 3);
	return true;
}

enum xo_err
xo_xtext_decode(struct xo_span in, uint8_t *out, size_t cap, size_t *len_r)
{
	size_t len = 0;
	uint8_t c;

	while (in.len > 0) {
		if (!next_octet(&in, &c))
			return XO_ERR_SYNTAX;
		if (len == cap)
			return XO_ERR_LIMIT;
		out[len++] = c;
	}
	*len_r = len;
	return XO_OK;
}

bool
xo_xtext_is_clean(struct xo_span in)
{
	uint8_t c;

	while (in.len > 0) {
		if (!next_octet(&in, &c) || c < 32 || c == 127)
			return false;
	}
	return true;
}

void
xo_xtext_encode(struct xo_buf *out, struct xo_span in)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t start = out->len;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.p[i];

		if (c > 32 && c < 127 && c != '+' && c != '=') {
			xo_buf_add_byte(out, c);
			continue;
		}
		xo_buf_add_byte(out, '+');
		xo_buf_add_byte(out, (uint8_t)hex[c >> 4]);
		xo_buf_add_byte(out, (uint8_t)hex[c & 15]);
	}
	if (out->err != XO_OK)
		out->len = start;
}
