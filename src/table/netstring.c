/* SPDX-License-Identifier: ISC */
/*
 * Netstrings: see netstring.h.
 */
#include <table/netstring.h>

#define DIGITS_MAX (XO_NETSTRING_FRAME - 2)

/* The length that `in` begins with, and the number of its digits. */
static enum xo_err
read_length(struct xo_span in, size_t *n_r, size_t *digits_r)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < in.len && xo_ascii_is_digit(in.p[i]); i++) {
		if (i == DIGITS_MAX)
			return XO_ERR_LIMIT;
		if (i == 1 && n == 0)
			return XO_ERR_SYNTAX;
		n = n * 10 + (size_t)(in.p[i] - '0');
	}
	*n_r = n;
	*digits_r = i;
	if (i == in.len)
		return XO_MORE;
	return i > 0 && in.p[i] == ':' ? XO_OK : XO_ERR_SYNTAX;
}

enum xo_err
xo_netstring_read(struct xo_span in, size_t max, struct xo_span *text_r,
    size_t *used_r)
{
	size_t n, digits;
	enum xo_err err = read_length(in, &n, &digits);

	if (err != XO_OK)
		return err;
	if (n > max)
		return XO_ERR_LIMIT;
	in = xo_span_from(in, digits + 1);
	if (in.len <= n)
		return XO_MORE;
	if (in.p[n] != ',')
		return XO_ERR_SYNTAX;
	*text_r = xo_span_first(in, n);
	*used_r = digits + 1 + n + 1;
	return XO_OK;
}

void
xo_netstring_write(struct xo_buf *out, struct xo_span text)
{
	xo_buf_add_u64(out, text.len);
	xo_buf_add_byte(out, ':');
	xo_buf_add(out, text);
	xo_buf_add_byte(out, ',');
}
