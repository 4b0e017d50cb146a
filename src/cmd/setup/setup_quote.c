/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: one encoder for each language that is printed.
 */
#include <cmd/setup/setup.h>

static bool
is_printable(uint8_t c)
{
	return c >= ' ' && c < 0x7f;
}

void
xo_setup_quote_comment(struct xo_buf *out, struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++)
		xo_buf_add_byte(out, is_printable(s.p[i]) ? s.p[i] : '?');
}

void
xo_setup_quote_powershell(struct xo_buf *out, struct xo_span s)
{
	xo_buf_add_byte(out, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\'')
			xo_buf_add_byte(out, '\'');
		xo_buf_add_byte(out, is_printable(s.p[i]) ? s.p[i] : '?');
	}
	xo_buf_add_byte(out, '\'');
}

void
xo_setup_quote_conf(struct xo_buf *out, struct xo_span s)
{
	static const char digits[] = "0123456789abcdef";

	xo_buf_add_byte(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c < ' ' || c == 0x7f) {
			xo_buf_add_cstr(out, "\\x");
			xo_buf_add_byte(out, (uint8_t)digits[c >> 4]);
			xo_buf_add_byte(out, (uint8_t)digits[c & 0xf]);
			continue;
		}
		if (c == '"' || c == '\\')
			xo_buf_add_byte(out, '\\');
		xo_buf_add_byte(out, c);
	}
	xo_buf_add_byte(out, '"');
}

void
xo_setup_quote_postfix(struct xo_buf *out, struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '$')
			xo_buf_add_byte(out, '$');
		xo_buf_add_byte(out, s.p[i] > ' ' && s.p[i] < 0x7f &&
		    strchr("{},\"'", s.p[i]) == NULL ? s.p[i] : '?');
	}
}

void
xo_setup_quote_exim(struct xo_buf *out, struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '$' || c == '\\')
			xo_buf_add_byte(out, '\\');
		if (c == ':')
			xo_buf_add_byte(out, ':');
		xo_buf_add_byte(out, c > ' ' && c < 0x7f ? c : '?');
	}
}
