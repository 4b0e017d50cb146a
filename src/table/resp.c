/* SPDX-License-Identifier: ISC */
/*
 * Replies of Redis: see resp.h.
 */
#include <table/resp.h>

#define END XO_LIT("\r\n")

/* The first line without its end, and its octets with that. */
static enum xo_err
read_line(struct xo_span in, struct xo_span *line_r, size_t *used_r)
{
	size_t n = xo_span_find(xo_span_first(in, XO_RESP_LINE), '\r');

	if (n == XO_RESP_LINE)
		return XO_ERR_LIMIT;
	if (xo_span_find(xo_span_first(in, n), '\n') < n)
		return XO_ERR_SYNTAX;
	if (in.len < n + END.len)
		return XO_MORE;
	if (in.p[n + 1] != '\n')
		return XO_ERR_SYNTAX;
	*line_r = xo_span_first(in, n);
	*used_r = n + END.len;
	return XO_OK;
}

/* Behind the line of its length. */
static enum xo_err
read_value(struct xo_span in, size_t n, struct xo_span *value_r)
{
	struct xo_span end = xo_span_from(in, n);

	if (end.len >= 1 && end.p[0] != '\r')
		return XO_ERR_SYNTAX;
	if (end.len < END.len)
		return XO_MORE;
	if (end.p[1] != '\n')
		return XO_ERR_SYNTAX;
	*value_r = xo_span_first(in, n);
	return XO_OK;
}

static enum xo_err
read_bulk(struct xo_span in, struct xo_span length, size_t max,
    struct xo_resp *reply, size_t *used)
{
	uint64_t n;
	enum xo_err err;

	reply->kind = XO_RESP_NIL;
	reply->text = xo_span_first(length, 0);
	if (xo_span_is_equal(length, XO_LIT("-1")))
		return XO_OK;
	err = xo_span_to_u64(length, &n);
	if (err != XO_OK)
		return err;
	if (n > max)
		return XO_ERR_LIMIT;
	reply->kind = XO_RESP_VALUE;
	err = read_value(xo_span_from(in, *used), (size_t)n, &reply->text);
	*used += (size_t)n + END.len;
	return err;
}

enum xo_err
xo_resp_read(struct xo_span in, size_t max, struct xo_resp *reply_r,
    size_t *used_r)
{
	struct xo_resp reply;
	struct xo_span line;
	size_t used;
	enum xo_err err;

	if (in.len == 0)
		return XO_MORE;
	if (in.p[0] != '+' && in.p[0] != '-' && in.p[0] != '$')
		return XO_ERR_SYNTAX;
	err = read_line(in, &line, &used);
	if (err != XO_OK)
		return err;
	reply.kind = line.p[0] == '+' ? XO_RESP_STATUS : XO_RESP_ERROR;
	reply.text = xo_span_from(line, 1);
	if (line.p[0] == '$')
		err = read_bulk(in, reply.text, max, &reply, &used);
	if (err != XO_OK)
		return err;
	*reply_r = reply;
	*used_r = used;
	return XO_OK;
}

enum xo_err
xo_resp_read_number(struct xo_span in, char sign, uint64_t *n_r,
    size_t *used_r)
{
	struct xo_span line;
	size_t used;
	enum xo_err err;

	if (in.len == 0)
		return XO_MORE;
	if (in.p[0] != (uint8_t)sign)
		return XO_ERR_SYNTAX;
	err = read_line(in, &line, &used);
	if (err == XO_OK)
		err = xo_span_to_u64(xo_span_from(line, 1), n_r);
	if (err == XO_OK)
		*used_r = used;
	return err;
}

static void
write_length(struct xo_buf *out, char sign, size_t n)
{
	xo_buf_add_byte(out, (uint8_t)sign);
	xo_buf_add_u64(out, n);
	xo_buf_add(out, END);
}

void
xo_resp_write_head(struct xo_buf *out, size_t n)
{
	write_length(out, '*', n);
}

void
xo_resp_write_word(struct xo_buf *out, struct xo_span first,
    struct xo_span second)
{
	write_length(out, '$', first.len + second.len);
	xo_buf_add(out, first);
	xo_buf_add(out, second);
	xo_buf_add(out, END);
}

void
xo_resp_write(struct xo_buf *out, const struct xo_span *words, size_t n)
{
	xo_resp_write_head(out, n);
	for (size_t i = 0; i < n; i++)
		xo_resp_write_word(out, words[i], XO_LIT(""));
}
