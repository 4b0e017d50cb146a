/* SPDX-License-Identifier: ISC */
/*
 * From the text of one file to tokens. Private to source.c and lexer.c.
 */
#ifndef XO_CONF_LEXER_H
#define XO_CONF_LEXER_H

#include <conf/source.h>

struct xo_lexer {
	struct xo_source *source;
	const char *file;
	struct xo_span in;
	size_t at;
	size_t copied;			/* of `in`, into the joined text */
	int line;
	int text_line;			/* the same one in the joined text */
	int depth;
	bool is_line_empty;		/* nothing before `at` in its line */
};

struct xo_conf_where xo_lexer_where(const struct xo_lexer *lexer);
void xo_lexer_skip_blanks(struct xo_lexer *lexer);
void xo_lexer_skip_line(struct xo_lexer *lexer);

/*
 * To the end of the text, or to an @include (*is_include_r), before which it
 * stops. False: see the error of the source.
 */
bool xo_lexer_run(struct xo_lexer *lexer, bool *is_include_r);

#endif
