/* SPDX-License-Identifier: ISC */
/*
 * The text of a configuration: the file and all it includes, as one text for
 * libconfig and as tokens with their true places for us.
 *
 * libconfig knows neither the line of a string (only that of the token behind
 * it) nor numbers above 2^31 (1.5), joins adjacent strings without a word, and
 * says "syntax error" to everything. So the tokens are ours: what they show to
 * be wrong is said here, what they show to be right libconfig makes a tree of.
 */
#ifndef XO_CONF_SOURCE_H
#define XO_CONF_SOURCE_H

#include <conf/arena.h>
#include <conf/conf.h>

enum xo_token_kind {
	XO_TOKEN_STRING,		/* text: with its quotes */
	XO_TOKEN_WORD,			/* a name, a number, a boolean */
	XO_TOKEN_MARK,			/* one of = : { } [ ] ( ) , ; */
	XO_TOKEN_KIND_COUNT
};

struct xo_token {
	enum xo_token_kind kind;
	int text_line;			/* in the joined text */
	bool is_name;			/* a word before = or : */
	struct xo_span text;
	struct xo_conf_where where;
	size_t at;			/* of `text`, in its file */
};

/* All-zero but for the first three is ready to read. */
struct xo_source {
	struct xo_conf_arena *names;	/* file names live here: they stay */
	struct xo_conf_arena *scratch;	/* everything else */
	struct xo_buf *error;
	struct xo_buf text;		/* of libconfig, with a final NUL */
	struct xo_buf tokens;		/* of struct xo_token */
	struct xo_buf files;		/* of const char *: all that was read */
	int n_lines;			/* line ends in `text` */
};

/* Reads `path` and what it includes. False: see error. */
bool xo_source_read(struct xo_source *source, const char *path);
void xo_source_fini(struct xo_source *source);

/* The tokens, in the order of the text. */
const struct xo_token *xo_source_tokens(const struct xo_source *source,
    size_t *n_r);

/*
 * grammar.c. Tells names from values; false if it is no configuration, or has
 * two strings side by side.
 */
bool xo_grammar_check(struct xo_source *source);
/*
 * explain.c. What libconfig found wrong in `line` of the joined text, said
 * better. Always false.
 */
bool xo_source_explain(const struct xo_source *source, const char *path,
    int line, const char *cause);

#endif
