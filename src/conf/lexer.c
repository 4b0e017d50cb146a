/* SPDX-License-Identifier: ISC */
/*
 * One file into tokens: strings, words, marks; comments and blanks between.
 */
#include <conf/lexer.h>

#include <conf/fail.h>

struct xo_conf_where
xo_lexer_where(const struct xo_lexer *lexer)
{
	return (struct xo_conf_where){lexer->file, lexer->line};
}

static void
next_line(struct xo_lexer *lexer)
{
	lexer->line++;
	lexer->text_line++;
}

static void
add_token(struct xo_lexer *lexer, enum xo_token_kind kind, size_t len)
{
	struct xo_token token = {
		.kind = kind,
		.text_line = lexer->text_line,
		.text = xo_span(lexer->in.p + lexer->at, len),
		.where = xo_lexer_where(lexer),
		.at = lexer->at,
	};

	xo_buf_add(&lexer->source->tokens, xo_span(&token, sizeof(token)));
}

static uint8_t
octet(const struct xo_lexer *lexer, size_t at)
{
	return at < lexer->in.len ? lexer->in.p[at] : 0;
}

static bool
is_word_octet(uint8_t c)
{
	return xo_ascii_is_alpha(c) || xo_ascii_is_digit(c) || c == '_' ||
	    c == '-' || c == '+' || c == '*' || c == '.';
}

void
xo_lexer_skip_line(struct xo_lexer *lexer)
{
	lexer->at += xo_span_find(xo_span_from(lexer->in, lexer->at), '\n');
}

static bool
skip_comment(struct xo_lexer *lexer)
{
	struct xo_conf_where start = xo_lexer_where(lexer);

	for (lexer->at += 2; lexer->at < lexer->in.len; lexer->at++) {
		if (octet(lexer, lexer->at) == '\n')
			next_line(lexer);
		if (octet(lexer, lexer->at) == '*' &&
		    octet(lexer, lexer->at + 1) == '/') {
			lexer->at += 2;
			return true;
		}
	}
	return xo_conf_fail(lexer->source->error, &start,
	    "expected `*/` to end the comment that begins here, found the "
	    "end of the file");
}

/* A NUL would cut the value where nobody sees it. */
static bool
is_nul_escape(const struct xo_lexer *lexer, size_t at)
{
	return octet(lexer, at) == '\\' && octet(lexer, at + 1) == 'x' &&
	    octet(lexer, at + 2) == '0' && octet(lexer, at + 3) == '0';
}

/*
 * libconfig lets a string go on in the next line. No setting needs that, and a
 * forgotten quote is found where it was forgotten.
 */
static bool
read_string(struct xo_lexer *lexer)
{
	struct xo_conf_where where = xo_lexer_where(lexer);
	struct xo_span line = xo_span_from(lexer->in, lexer->at);
	size_t end = 1;

	line = xo_span_first(line, xo_span_find(line, '\n'));
	for (; end < line.len && line.p[end] != '"'; end++) {
		if (is_nul_escape(lexer, lexer->at + end))
			return xo_conf_fail(lexer->source->error, &where,
			    "expected a string without NUL, found \\x00");
		if (line.p[end] == '\\')
			end++;
	}
	if (end >= line.len)
		return xo_conf_fail(lexer->source->error, &where,
		    "expected `\"` to end the string in its line, found %s",
		    xo_conf_show(xo_span_trim(line)).text);
	add_token(lexer, XO_TOKEN_STRING, end + 1);
	lexer->at += end + 1;
	return true;
}

void
xo_lexer_skip_blanks(struct xo_lexer *lexer)
{
	while (octet(lexer, lexer->at) == ' ' ||
	    octet(lexer, lexer->at) == '\t' || octet(lexer, lexer->at) == '\r')
		lexer->at++;
}

static bool
read_token(struct xo_lexer *lexer)
{
	struct xo_conf_where where = xo_lexer_where(lexer);
	struct xo_span rest = xo_span_from(lexer->in, lexer->at);
	uint8_t c = rest.p[0];
	size_t len = 0;

	if (c == '"')
		return read_string(lexer);
	while (len < rest.len && is_word_octet(rest.p[len]))
		len++;
	if (len != 0) {
		add_token(lexer, XO_TOKEN_WORD, len);
	} else if (strchr("=:{}[](),;", c) != NULL) {
		len = 1;
		add_token(lexer, XO_TOKEN_MARK, len);
	} else {
		rest = xo_span_first(rest, xo_span_find(rest, '\n'));
		return xo_conf_fail(lexer->source->error, &where,
		    "expected a setting, found %s", xo_conf_show(rest).text);
	}
	lexer->at += len;
	return true;
}

/* Blanks, line ends and comments, else a token. */
static bool
read_next(struct xo_lexer *lexer)
{
	uint8_t c = octet(lexer, lexer->at);
	uint8_t next = octet(lexer, lexer->at + 1);

	if (c == '\n') {
		next_line(lexer);
		lexer->at++;
		lexer->is_line_empty = true;
		return true;
	}
	if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
		lexer->at++;
		return true;
	}
	if (c == '#' || (c == '/' && next == '/')) {
		xo_lexer_skip_line(lexer);
		return true;
	}
	if (c == '/' && next == '*')
		return skip_comment(lexer);
	if (!read_token(lexer))
		return false;
	lexer->is_line_empty = false;
	return true;
}

static bool
is_include(const struct xo_lexer *lexer)
{
	return lexer->is_line_empty && octet(lexer, lexer->at) == '@' &&
	    xo_span_has_prefix_nocase(xo_span_from(lexer->in, lexer->at),
		XO_LIT("@include"));
}

bool
xo_lexer_run(struct xo_lexer *lexer, bool *is_include_r)
{
	*is_include_r = false;
	while (lexer->at < lexer->in.len) {
		if (is_include(lexer)) {
			*is_include_r = true;
			return true;
		}
		if (!read_next(lexer))
			return false;
	}
	return true;
}
