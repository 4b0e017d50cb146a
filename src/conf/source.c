/* SPDX-License-Identifier: ISC */
/*
 * Files to text and tokens. @include is done here and not by libconfig, which
 * (1.5) knows one folder only and no absolute names: an included name is
 * relative to the folder of the file that includes it.
 */
#include <conf/source.h>

#include <errno.h>

#include <conf/fail.h>
#include <conf/file.h>
#include <conf/lexer.h>

#define DEPTH_MAX 10
#define TEXT_MAX ((size_t)64 << 20)

static bool read_file(struct xo_source *source, const char *file, int depth,
    const struct xo_conf_where *from);

static void
add_text(struct xo_source *source, struct xo_span text)
{
	size_t i;

	xo_buf_add(&source->text, text);
	for (i = xo_span_find(text, '\n'); i < text.len;
	    i = xo_span_find(text, '\n')) {
		source->n_lines++;
		text = xo_span_from(text, i + 1);
	}
}

/* What follows stands in a line of its own. */
static void
end_line(struct xo_source *source)
{
	if (source->text.len != 0 &&
	    source->text.p[source->text.len - 1] != '\n')
		add_text(source, XO_LIT("\n"));
}

/* `name` against the folder of the including file. */
static char *
included_name(const struct xo_lexer *lexer, struct xo_span name)
{
	struct xo_span file = xo_span_from_cstr(lexer->file);
	struct xo_buf joined = {0};
	char *copy = NULL;

	while (file.len > 0 && file.p[file.len - 1] != '/')
		file.len--;
	/* analyser: a name is not empty */
	if (name.p[0] != '/')
		xo_buf_add(&joined, file);
	xo_buf_add(&joined, name);
	if (joined.err == XO_OK)
		copy = xo_conf_arena_copy(lexer->source->names,
		    xo_buf_span(&joined));
	xo_buf_fini(&joined);
	return copy;
}

/* The name in quotes behind @include, and nothing behind it in its line. */
static bool
read_include_name(struct xo_lexer *lexer, struct xo_span *name_r)
{
	struct xo_conf_where where = xo_lexer_where(lexer);
	struct xo_span rest;
	size_t end;

	xo_lexer_skip_blanks(lexer);
	rest = xo_span_from(lexer->in, lexer->at);
	rest = xo_span_first(rest, xo_span_find(rest, '\n'));
	end = xo_span_find(xo_span_from(rest, 1), '"') + 1;
	/* analyser: a span with octets has a place */
	if (rest.len < 3 || rest.p[0] != '"' || end >= rest.len || end == 1)
		return xo_conf_fail(lexer->source->error, &where,
		    "expected @include \"FILE\", found @include %s",
		    xo_conf_show(xo_span_trim(rest)).text);
	*name_r = xo_span_first(xo_span_from(rest, 1), end - 1);
	lexer->at += end + 1;
	xo_lexer_skip_blanks(lexer);
	rest = xo_span_from(lexer->in, lexer->at);
	if (rest.len == 0 || rest.p[0] == '\n' || rest.p[0] == '#' ||
	    xo_span_has_prefix_nocase(rest, XO_LIT("//")))
		return true;
	rest = xo_span_first(rest, xo_span_find(rest, '\n'));
	return xo_conf_fail(lexer->source->error, &where,
	    "expected nothing behind @include \"FILE\", found %s",
	    xo_conf_show(rest).text);
}

static bool
read_include(struct xo_lexer *lexer)
{
	struct xo_source *source = lexer->source;
	struct xo_conf_where where = xo_lexer_where(lexer);
	struct xo_span name;
	const char *file;

	add_text(source, xo_span(lexer->in.p + lexer->copied,
	    lexer->at - lexer->copied));
	lexer->at += XO_LIT("@include").len;
	if (!read_include_name(lexer, &name))
		return false;
	xo_lexer_skip_line(lexer);
	lexer->copied = lexer->at;
	file = included_name(lexer, name);
	if (file == NULL)
		return xo_conf_fail_memory(source->error);
	if (!read_file(source, file, lexer->depth + 1, &where))
		return false;
	end_line(source);
	lexer->text_line = source->n_lines + 1;
	return true;
}

static bool
read_text(struct xo_lexer *lexer)
{
	struct xo_source *source = lexer->source;
	bool is_include;

	/* The byte order mark of some editors. */
	if (xo_span_has_prefix_nocase(lexer->in, XO_LIT("\xef\xbb\xbf")))
		lexer->at = lexer->copied = 3;
	do {
		if (!xo_lexer_run(lexer, &is_include))
			return false;
		if (is_include && !read_include(lexer))
			return false;
	} while (is_include);
	add_text(source, xo_span_from(lexer->in, lexer->copied));
	if (source->text.err != XO_OK || source->tokens.err != XO_OK ||
	    source->files.err != XO_OK)
		return xo_conf_fail_memory(source->error);
	return true;
}

/* NULL, or why it cannot be read. */
static const char *
load_file(struct xo_source *source, const char *file, struct xo_span *text_r)
{
	struct xo_buf content = {.max = TEXT_MAX};
	const char *problem = xo_file_read(file, &content);
	char *copy;

	if (problem == NULL && content.len + source->text.len > TEXT_MAX)
		problem = strerror(EFBIG);
	if (problem == NULL) {
		copy = xo_conf_arena_copy(source->scratch,
		    xo_buf_span(&content));
		*text_r = xo_span(copy, content.len);
		if (copy == NULL)
			problem = strerror(ENOMEM);
	}
	xo_buf_fini(&content);
	return problem;
}

/* libconfig would stop there and see nothing of what follows. */
static bool
check_nul(struct xo_source *source, const char *file, struct xo_span text)
{
	struct xo_conf_where where = {file, 1};
	size_t nul = xo_span_find(text, '\0');
	size_t i;

	if (nul == text.len)
		return true;
	for (i = 0; i < nul; i++)
		/* analyser: a span with octets has a place */
		where.line += text.p[i] == '\n';
	return xo_conf_fail(source->error, &where,
	    "expected text, found a NUL octet");
}

static bool
read_file(struct xo_source *source, const char *file, int depth,
    const struct xo_conf_where *from)
{
	struct xo_lexer lexer = {.source = source, .file = file, .line = 1,
	    .depth = depth, .is_line_empty = true};
	const char *problem;

	if (depth > DEPTH_MAX)
		return xo_conf_fail(source->error, from,
		    "expected files included at most %d deep, found %s still "
		    "deeper", DEPTH_MAX, file);
	problem = load_file(source, file, &lexer.in);
	if (problem != NULL && from != NULL)
		return xo_conf_fail(source->error, from,
		    "expected a readable file, found %s: %s", file, problem);
	if (problem != NULL)
		return xo_conf_fail(source->error,
		    &(struct xo_conf_where){file, 0}, "cannot be read: %s",
		    problem);
	if (!check_nul(source, file, lexer.in))
		return false;
	xo_buf_add(&source->files, xo_span((const uint8_t *)&file,
	    sizeof(file)));
	end_line(source);
	lexer.text_line = source->n_lines + 1;
	return read_text(&lexer);
}

bool
xo_source_read(struct xo_source *source, const char *path)
{
	const char *file = xo_conf_arena_copy(source->names,
	    xo_span_from_cstr(path));

	if (file == NULL)
		return xo_conf_fail_memory(source->error);
	if (!read_file(source, file, 0, NULL))
		return false;
	end_line(source);
	xo_buf_add_byte(&source->text, '\0');
	if (source->text.err != XO_OK)
		return xo_conf_fail_memory(source->error);
	return xo_grammar_check(source);
}

void
xo_source_fini(struct xo_source *source)
{
	xo_buf_fini(&source->text);
	xo_buf_fini(&source->tokens);
	xo_buf_fini(&source->files);
}

const struct xo_token *
xo_source_tokens(const struct xo_source *source, size_t *n_r)
{
	*n_r = source->tokens.len / sizeof(struct xo_token);
	return (const struct xo_token *)(const void *)source->tokens.p;
}
