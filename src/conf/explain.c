/* SPDX-License-Identifier: ISC */
/*
 * What only libconfig finds wrong (a name given twice, elements of two types),
 * said with names and places.
 */
#include <conf/source.h>

#include <conf/fail.h>

static bool
is_mark(const struct xo_token *token, const char *marks)
{
	return token->kind == XO_TOKEN_MARK &&
	    strchr(marks, token->text.p[0]) != NULL;
}

/* The same name before it, on the same level of the same group. */
static const struct xo_token *
find_twin(const struct xo_token *tokens, const struct xo_token *name)
{
	const struct xo_token *token = name;
	int depth = 0;

	while (token > tokens) {
		token--;
		if (is_mark(token, "}])"))
			depth++;
		else if (is_mark(token, "{[(") && --depth < 0)
			return NULL;
		else if (depth == 0 && token->is_name &&
		    xo_span_is_equal(token->text, name->text))
			return token;
	}
	return NULL;
}

static bool
explain_twin(const struct xo_source *source, const struct xo_token *tokens,
    const struct xo_token *name)
{
	const struct xo_token *twin = find_twin(tokens, name);

	if (twin == NULL)
		return false;
	(void)xo_conf_fail(source->error, &name->where,
	    "expected each name once in its group, found `%s` again, which is "
	    "in %s:%d already", xo_conf_show(name->text).text,
	    twin->where.file, twin->where.line);
	return true;
}

/* From the token to the end of its line. */
static struct xo_span
rest_of_line(const struct xo_token *token, const struct xo_token *end)
{
	const struct xo_token *last = token;
	const uint8_t *stop;

	while (last + 1 < end && last[1].text_line == token->text_line)
		last++;
	stop = last->text.p + last->text.len;
	return xo_span(token->text.p, (size_t)(stop - token->text.p));
}

bool
xo_source_explain(const struct xo_source *source, const char *path, int line,
    const char *cause)
{
	size_t n;
	const struct xo_token *tokens = xo_source_tokens(source, &n);
	const struct xo_token *token = tokens;
	const struct xo_token *end = tokens + n;
	const struct xo_token *i;

	if (n == 0)
		return xo_conf_fail(source->error,
		    &(struct xo_conf_where){path, 1},
		    "expected settings, found a %s", cause);
	while (token + 1 < end && token->text_line < line)
		token++;
	for (i = token; i < end && i->text_line == line; i++) {
		if (i->is_name && explain_twin(source, tokens, i))
			return false;
	}
	if (strstr(cause, "mismatched") != NULL)
		return xo_conf_fail(source->error, &token->where,
		    "expected values of one type in [ ], found another in "
		    "`%s`", xo_conf_show(rest_of_line(token, end)).text);
	return xo_conf_fail(source->error, &token->where,
	    "expected NAME = VALUE, found a %s in or before `%s`", cause,
	    xo_conf_show(rest_of_line(token, end)).text);
}
