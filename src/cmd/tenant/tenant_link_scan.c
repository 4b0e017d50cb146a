/* SPDX-License-Identifier: ISC */
/*
 * Which keys there are. SCAN goes on while others write: what is there all the time
 * is given, some of it twice; what comes or goes meanwhile may be.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant_link.h>

#include <stdio.h>

#include <table/question.h>
#include <xoorg/domain.h>

/* Keys that are asked for in one step, and that one may bring at most. */
#define STEP XO_LIT("1000")
#define STEP_MAX 100000
/* In all: ten for each of a million tenants, and a bound for one that lies. */
#define KEYS_MAX 20000000
/* Digits of a cursor. */
#define CURSOR_MAX 20
/* Steps: what a thousand million keys take, of which most are others'. */
#define STEPS_MAX 1000000

/* What is asked for ends up as such a key, and no other: a word, a domain or the
 * wildcard of one. */
static bool
is_key(struct xo_span key)
{
	const struct xo_span any = XO_LIT("*.");
	size_t n = xo_span_find(key, ':');
	struct xo_span word = xo_span_first(key, n);
	struct xo_span domain = xo_span_from(key, n + 1);

	if (!xo_span_is_equal(word, XO_LIT("org")) &&
	    !xo_span_is_equal(word, XO_LIT("sender")) &&
	    !xo_span_is_equal(word, XO_LIT("certificate")))
		return false;
	if (xo_span_is_equal(xo_span_first(domain, any.len), any))
		domain = xo_span_from(domain, any.len);
	return domain.len <= XO_QUESTION_DOMAIN && xo_domain_is_valid(domain);
}

/* The prefix, in which nothing is a wildcard. */
static void
add_pattern(struct xo_span prefix, struct xo_buf *pattern)
{
	for (size_t i = 0; i < prefix.len; i++) {
		if (strchr("*?[]^\\", prefix.p[i]) != NULL)
			xo_buf_add_byte(pattern, '\\');
		xo_buf_add_byte(pattern, prefix.p[i]);
	}
	/* "org:", "sender:" and "certificate:" */
	xo_buf_add_cstr(pattern, "[cos]*");
	(void)xo_tool_require(pattern->err == XO_OK ? pattern : NULL);
}

static bool
is_end(struct xo_span cursor)
{
	return xo_span_is_equal(cursor, XO_LIT("0"));
}

static bool
read_cursor(struct xo_tenant_link *link, struct xo_buf *cursor)
{
	struct xo_resp reply;
	uint64_t n;

	if (!xo_tenant_link_read_number(link, '*', 2, &n) ||
	    !xo_tenant_link_read(link, &reply))
		return false;
	if (!is_end(reply.text) && xo_span_is_equal(reply.text,
	    xo_buf_span(cursor)))
		return xo_tenant_link_complain(link, "SCAN",
		    "a cursor that stands still");
	xo_buf_clear(cursor);
	xo_buf_add(cursor, reply.text);
	return (n == 2 && reply.kind == XO_RESP_VALUE && reply.text.len > 0 &&
	    reply.text.len <= CURSOR_MAX && cursor->err == XO_OK) ||
	    xo_tenant_link_complain(link, "SCAN", "no cursor in the reply");
}

static bool
read_keys(struct xo_tenant_link *link, size_t prefix_len,
    struct xo_tenant_keys *keys)
{
	struct xo_resp reply;
	uint64_t n = 0;

	if (!xo_tenant_link_read_number(link, '*', STEP_MAX, &n))
		return false;
	if (keys->n > KEYS_MAX)
		return xo_tenant_link_complain(link, "SCAN", "too many keys");
	for (; n > 0; n--) {
		struct xo_span key;

		if (!xo_tenant_link_read(link, &reply))
			return false;
		key = xo_span_from(reply.text, prefix_len);
		if (is_key(key))
			xo_tenant_keys_add(keys, key);
	}
	return true;
}

bool
xo_tenant_link_scan(struct xo_tenant_link *link, struct xo_tenant_keys *keys)
{
	struct xo_span prefix = xo_tenant_link_prefix(link);
	struct xo_buf pattern = {0}, cursor = {0};
	size_t n_steps = 0;
	bool is_good = true;

	add_pattern(prefix, &pattern);
	xo_buf_add_byte(&cursor, '0');
	do {
		xo_tenant_link_say(link, "SCAN", 5);
		xo_tenant_link_word(link, xo_buf_span(&cursor));
		xo_tenant_link_word(link, XO_LIT("MATCH"));
		xo_tenant_link_word(link, xo_buf_span(&pattern));
		xo_tenant_link_word(link, XO_LIT("COUNT"));
		xo_tenant_link_word(link, STEP);
		is_good = read_cursor(link, &cursor) &&
		    read_keys(link, prefix.len, keys);
		if (is_good && ++n_steps > STEPS_MAX)
			is_good = xo_tenant_link_complain(link, "SCAN",
			    "it does not end");
	} while (is_good && !is_end(xo_buf_span(&cursor)));
	xo_buf_fini(&pattern);
	xo_buf_fini(&cursor);
	xo_tenant_keys_sort(keys);
	return is_good;
}

bool
xo_tenant_link_has_mark(struct xo_tenant_link *link, bool *has_mark_r)
{
	struct xo_resp reply;

	xo_tenant_link_say(link, "GET", 1);
	xo_tenant_link_key(link, XO_LIT(XO_QUESTION_MARK));
	if (!xo_tenant_link_read(link, &reply))
		return false;
	*has_mark_r = reply.kind == XO_RESP_VALUE && xo_span_is_equal(
	    reply.text, XO_LIT(XO_QUESTION_MARK_VALUE));
	return true;
}
