/* SPDX-License-Identifier: ISC */
/*
 * Replies: read the same whole and octet by octet, and whatever was read is
 * written as well-formed lines.
 */
#include <xoorg/reply.h>

#include "fuzz.h"

#define LIMIT 2000

static void
check_written(const struct xo_reply *reply)
{
	struct xo_buf out = {0};
	struct xo_reply again = {0};
	size_t used = 0, line = 0;

	MUST(reply->text.len <= XO_REPLY_TEXT_MAX);
	xo_reply_write(&out, reply->code, NULL,
	    xo_buf_span(&reply->text));
	MUST(out.err == XO_OK);
	for (size_t i = 0; i < out.len; i++) {
		line++;
		if (out.p[i] != '\n') {
			MUST(out.p[i] == '\r' || out.p[i] == '\t' ||
			    (out.p[i] >= 32 && out.p[i] < 127));
			continue;
		}
		MUST(i > 0 && out.p[i - 1] == '\r' && line <= 512);
		line = 0;
	}
	MUST(line == 0);
	MUST(xo_reply_read(&again, xo_buf_span(&out), SIZE_MAX, &used) ==
	    XO_OK);
	MUST(used == out.len && again.code == reply->code);
	xo_reply_fini(&again);
	xo_buf_fini(&out);
}

/* One reply; *used_r octets. */
static enum xo_err
read_slowly(struct xo_reply *reply, struct xo_span in, size_t *used_r)
{
	enum xo_err err = XO_MORE;
	size_t n;

	*used_r = 0;
	while (err == XO_MORE && *used_r < in.len) {
		err = xo_reply_read(reply, xo_span(in.p + *used_r, 1), LIMIT,
		    &n);
		MUST(n == 1 || err == XO_ERR_LIMIT);
		*used_r += n;
	}
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);
	struct xo_reply whole = {0}, slow = {0};
	size_t used, used_slowly;
	enum xo_err err = XO_OK;

	while (err == XO_OK && in.len > 0) {
		err = xo_reply_read(&whole, in, LIMIT, &used);
		MUST(read_slowly(&slow, in, &used_slowly) == err);
		MUST(used == used_slowly && used <= in.len);
		if (err == XO_OK) {
			MUST(whole.code >= 200 && whole.code <= 599);
			MUST(whole.code == slow.code);
			MUST(xo_span_is_equal(xo_buf_span(&whole.text),
			    xo_buf_span(&slow.text)));
			check_written(&whole);
		}
		in = xo_span_from(in, used);
		xo_reply_clear(&whole);
		xo_reply_clear(&slow);
	}
	xo_reply_fini(&whole);
	xo_reply_fini(&slow);
	return 0;
}
