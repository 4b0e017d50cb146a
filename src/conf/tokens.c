/* SPDX-License-Identifier: ISC */
/*
 * What can be wrong before there is a tree: brackets, names, bare words, and
 * strings side by side.
 */
#include <conf/source.h>

#include <conf/fail.h>

#define NESTING_MAX 16
#define DIGITS_MAX 18			/* fits 63 bits, and libconfig 1.7 */

struct brackets {
	const struct xo_token *open[NESTING_MAX];
	size_t n;
};

static bool
is_mark(const struct xo_token *token, const char *marks)
{
	return token->kind == XO_TOKEN_MARK &&
	    strchr(marks, token->text.p[0]) != NULL;
}

static char
closing(const struct xo_token *open)
{
	return open->text.p[0] == '{' ? '}' : open->text.p[0] == '[' ? ']' :
	    ')';
}

static bool
check_bracket(struct xo_buf *error, struct brackets *brackets,
    const struct xo_token *token)
{
	const struct xo_token *open;

	if (is_mark(token, "{[(")) {
		if (brackets->n == NESTING_MAX)
			return xo_conf_fail(error, &token->where,
			    "expected at most %d brackets in each other, found "
			    "one more", NESTING_MAX);
		brackets->open[brackets->n++] = token;
		return true;
	}
	if (!is_mark(token, "}])"))
		return true;
	if (brackets->n == 0)
		return xo_conf_fail(error, &token->where,
		    "expected a setting, found `%c`, which closes nothing",
		    token->text.p[0]);
	open = brackets->open[--brackets->n];
	if (closing(open) == (char)token->text.p[0])
		return true;
	return xo_conf_fail(error, &token->where,
	    "expected `%c` to close the `%c` of %s:%d, found `%c`",
	    closing(open), open->text.p[0], open->where.file,
	    open->where.line, token->text.p[0]);
}

/* [A-Za-z*][-A-Za-z0-9_*]* */
static bool
is_name(struct xo_span word)
{
	size_t i;

	if (!xo_ascii_is_alpha(word.p[0]) && word.p[0] != '*')
		return false;
	for (i = 0; i < word.len; i++) {
		if (word.p[i] == '.' || word.p[i] == '+')
			return false;
	}
	return true;
}

/* Roughly: what libconfig takes for a number begins like one. */
static bool
is_value(struct xo_span word)
{
	uint8_t c = word.p[0];
	size_t i;

	if (xo_span_is_equal_nocase(word, XO_LIT("true")) ||
	    xo_span_is_equal_nocase(word, XO_LIT("false")))
		return true;
	if (!xo_ascii_is_digit(c) && strchr("+-.", c) == NULL)
		return false;
	for (i = 0; i < word.len; i++) {
		c = word.p[i];
		if (xo_ascii_hex_value(c) < 0 && strchr("+-.xXlL", c) == NULL)
			return false;
	}
	return true;
}

/* `previous` and `next` are NULL at the ends. */
static bool
check_word(struct xo_buf *error, struct xo_token *token,
    const struct xo_token *previous, const struct xo_token *next)
{
	token->is_name = next != NULL && is_mark(next, "=:");
	if (token->is_name) {
		if (is_name(token->text))
			return true;
		return xo_conf_fail(error, &token->where,
		    "expected a name of letters, digits, `-` and `_` that "
		    "begins with a letter, found `%s`",
		    xo_conf_show(token->text).text);
	}
	if (is_value(token->text) && token->text.len > DIGITS_MAX)
		return xo_conf_fail(error, &token->where,
		    "expected a number of at most %d digits, found %s",
		    DIGITS_MAX, xo_conf_show(token->text).text);
	if (is_value(token->text))
		return true;
	if (previous != NULL && is_mark(previous, "=:[(,"))
		return xo_conf_fail(error, &token->where,
		    "expected a value (a string in quotes, a number, true or "
		    "false), found `%s`", xo_conf_show(token->text).text);
	return xo_conf_fail(error, &token->where,
	    "expected NAME = VALUE, found `%s` without `=`",
	    xo_conf_show(token->text).text);
}

static bool
check_token(struct xo_buf *error, struct brackets *brackets,
    struct xo_token *tokens, size_t i, size_t n)
{
	struct xo_token *token = &tokens[i];
	const struct xo_token *previous = i > 0 ? token - 1 : NULL;

	if (token->kind == XO_TOKEN_MARK)
		return check_bracket(error, brackets, token);
	if (token->kind == XO_TOKEN_WORD)
		return check_word(error, token, previous,
		    i + 1 < n ? token + 1 : NULL);
	if (previous == NULL || previous->kind != XO_TOKEN_STRING)
		return true;
	return xo_conf_fail(error, &token->where,
	    "expected `,` between two strings, found %s right behind %s",
	    xo_conf_show(token->text).text,
	    xo_conf_show(previous->text).text);
}

bool
xo_tokens_check(struct xo_source *source)
{
	struct xo_token *tokens = (struct xo_token *)(void *)source->tokens.p;
	size_t n = source->tokens.len / sizeof(*tokens);
	struct brackets brackets = {.n = 0};
	const struct xo_token *open;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!check_token(source->error, &brackets, tokens, i, n))
			return false;
	}
	if (brackets.n == 0)
		return true;
	open = brackets.open[brackets.n - 1];
	return xo_conf_fail(source->error, &open->where,
	    "expected `%c` to close this `%c`, found the end of the file",
	    closing(open), open->text.p[0]);
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
xo_tokens_explain(const struct xo_source *source, const char *path, int line,
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
		    "expected settings, found none");
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
