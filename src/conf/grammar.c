/* SPDX-License-Identifier: ISC */
/*
 * The grammar of a configuration, checked over tokens: for the sake of its
 * messages, and so that libconfig gets only what it can read (1.5 leaks when a
 * string stands where none may).
 */
#include <conf/source.h>

#include <conf/fail.h>

#define NESTING_MAX 16
#define DIGITS_MAX 18			/* fits 63 bits, and libconfig 1.7 */

enum expect {
	EXPECT_NAME,			/* or the end of the group */
	EXPECT_EQUALS,
	EXPECT_VALUE,
	EXPECT_FIRST,			/* a value, or the end of the list */
	EXPECT_NEXT			/* what may follow a value */
};

struct grammar {
	struct xo_buf *error;
	enum expect expect;
	const struct xo_token *previous;
	const struct xo_token *open[NESTING_MAX];
	size_t n_open;
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

/* '[' or '(' in a list, '{' in a group, '\0' outside. */
static char
inside(const struct grammar *grammar)
{
	return grammar->n_open == 0 ? '\0' :
	    (char)grammar->open[grammar->n_open - 1]->text.p[0];
}

static bool
is_in_list(const struct grammar *grammar)
{
	return inside(grammar) == '[' || inside(grammar) == '(';
}

static bool
fail(const struct grammar *grammar, const struct xo_token *token,
    const char *expected)
{
	const char *quote = token->kind == XO_TOKEN_STRING ? "" : "`";

	return xo_conf_fail(grammar->error, &token->where,
	    "expected %s, found %s%s%s", expected, quote,
	    xo_conf_show(token->text).text, quote);
}

static bool
open_bracket(struct grammar *grammar, const struct xo_token *token)
{
	if (inside(grammar) == '[')
		return fail(grammar, token, "a string or a number in [ ]");
	if (grammar->n_open == NESTING_MAX)
		return xo_conf_fail(grammar->error, &token->where,
		    "expected at most %d brackets in each other, found one "
		    "more", NESTING_MAX);
	grammar->open[grammar->n_open++] = token;
	grammar->expect = is_mark(token, "{") ? EXPECT_NAME : EXPECT_FIRST;
	return true;
}

static bool
close_bracket(struct grammar *grammar, const struct xo_token *token)
{
	const struct xo_token *open;

	if (grammar->n_open == 0)
		return fail(grammar, token,
		    "NAME = VALUE (no bracket is open here)");
	open = grammar->open[--grammar->n_open];
	grammar->expect = EXPECT_NEXT;
	if (closing(open) == (char)token->text.p[0])
		return true;
	return xo_conf_fail(grammar->error, &token->where,
	    "expected `%c` to close the `%c` of %s:%d, found `%c`",
	    closing(open), open->text.p[0], open->where.file,
	    open->where.line, token->text.p[0]);
}

/* [A-Za-z*][-A-Za-z0-9_*]* */
static bool
is_name(struct xo_span word)
{
	return (xo_ascii_is_alpha(word.p[0]) || word.p[0] == '*') &&
	    xo_span_find(word, '.') == word.len &&
	    xo_span_find(word, '+') == word.len;
}

static bool
is_digits(struct xo_span text, bool is_hex)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (is_hex ? xo_ascii_hex_value(text.p[i]) < 0 :
		    !xo_ascii_is_digit(text.p[i]))
			return false;
	}
	return text.len != 0;
}

/* Decimal, with a fraction or with L, or hexadecimal. */
static bool
is_number(struct xo_span word)
{
	size_t dot, i;

	for (i = 0; i < 2 && word.len > 1 && word.p[word.len - 1] == 'L'; i++)
		word.len--;
	if (xo_span_has_prefix_nocase(word, XO_LIT("0x")))
		return is_digits(xo_span_from(word, 2), true);
	if (word.p[0] == '+' || word.p[0] == '-')
		word = xo_span_from(word, 1);
	dot = xo_span_find(word, '.');
	if (dot == word.len || i != 0)
		return is_digits(word, false);
	return is_digits(xo_span_first(word, dot), false) &&
	    is_digits(xo_span_from(word, dot + 1), false);
}

static bool
read_name(struct grammar *grammar, struct xo_token *token)
{
	if (is_mark(token, "}])"))
		return close_bracket(grammar, token);
	if (token->kind != XO_TOKEN_WORD)
		return fail(grammar, token, "NAME = VALUE");
	if (!is_name(token->text))
		return fail(grammar, token, "a name of letters, digits, `-` "
		    "and `_` that begins with a letter");
	token->is_name = true;
	grammar->expect = EXPECT_EQUALS;
	return true;
}

static bool
read_value(struct grammar *grammar, const struct xo_token *token)
{
	if (is_mark(token, "{[("))
		return open_bracket(grammar, token);
	if (grammar->expect == EXPECT_FIRST && is_mark(token, "}])"))
		return close_bracket(grammar, token);
	grammar->expect = EXPECT_NEXT;
	if (token->kind == XO_TOKEN_STRING)
		return true;
	if (token->kind == XO_TOKEN_WORD && is_number(token->text))
		return token->text.len <= DIGITS_MAX ||
		    fail(grammar, token, "a number of at most 18 digits");
	if (xo_span_is_equal_nocase(token->text, XO_LIT("true")) ||
	    xo_span_is_equal_nocase(token->text, XO_LIT("false")))
		return true;
	return fail(grammar, token,
	    "a value (a string in quotes, a number, true or false)");
}

static bool
read_next(struct grammar *grammar, struct xo_token *token)
{
	const struct xo_token *previous = grammar->previous;

	if (token->kind == XO_TOKEN_STRING &&
	    previous->kind == XO_TOKEN_STRING)
		return xo_conf_fail(grammar->error, &token->where,
		    "expected `,` between two strings, found %s right behind "
		    "%s", xo_conf_show(token->text).text,
		    xo_conf_show(previous->text).text);
	if (is_mark(token, "}])"))
		return close_bracket(grammar, token);
	if (!is_in_list(grammar)) {
		grammar->expect = EXPECT_NAME;
		return is_mark(token, ";,") || read_name(grammar, token);
	}
	grammar->expect = EXPECT_VALUE;
	return is_mark(token, ",") || fail(grammar, token,
	    inside(grammar) == '[' ? "`,` or `]`" : "`,` or `)`");
}

static bool
read_token(struct grammar *grammar, struct xo_token *token)
{
	char expected[128];

	switch (grammar->expect) {
	case EXPECT_NAME:
		return read_name(grammar, token);
	case EXPECT_VALUE:
	case EXPECT_FIRST:
		return read_value(grammar, token);
	case EXPECT_NEXT:
		return read_next(grammar, token);
	case EXPECT_EQUALS:
		break;
	}
	grammar->expect = EXPECT_VALUE;
	if (is_mark(token, "=:"))
		return true;
	(void)snprintf(expected, sizeof(expected), "`=` behind the name `%s`",
	    xo_conf_show(grammar->previous->text).text);
	return fail(grammar, token, expected);
}

static bool
read_end(const struct grammar *grammar)
{
	const struct xo_token *open;

	if (grammar->n_open != 0) {
		open = grammar->open[grammar->n_open - 1];
		return xo_conf_fail(grammar->error, &open->where,
		    "expected `%c` to close this `%c`, found the end of the "
		    "file", closing(open), open->text.p[0]);
	}
	if (grammar->expect == EXPECT_NAME || grammar->expect == EXPECT_NEXT)
		return true;
	return xo_conf_fail(grammar->error, &grammar->previous->where,
	    "expected NAME = VALUE, found the end of the file");
}

bool
xo_grammar_check(struct xo_source *source)
{
	struct xo_token *tokens = (struct xo_token *)(void *)source->tokens.p;
	size_t n = source->tokens.len / sizeof(*tokens);
	struct grammar grammar = {.error = source->error,
	    .expect = EXPECT_NAME};
	size_t i;

	for (i = 0; i < n; i++) {
		if (!read_token(&grammar, &tokens[i]))
			return false;
		grammar.previous = &tokens[i];
	}
	return read_end(&grammar);
}
