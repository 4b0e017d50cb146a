/* SPDX-License-Identifier: ISC */
/*
 * See edit.h. The place is found by the tokens that the loader reads.
 */
#include <conf/edit.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <conf/beside.h>
#include <conf/fail.h>
#include <conf/file.h>
#include <conf/source.h>

struct view {
	const struct xo_token *list;
	size_t n;
};

static bool
is_mark(const struct xo_token *token, char mark)
{
	return token->kind == XO_TOKEN_MARK && token->text.p[0] == (uint8_t)mark;
}

static bool
opens(const struct xo_token *token)
{
	return is_mark(token, '{') || is_mark(token, '[') ||
	    is_mark(token, '(');
}

static bool
closes(const struct xo_token *token)
{
	return is_mark(token, '}') || is_mark(token, ']') ||
	    is_mark(token, ')');
}

/* Behind the bracket at `i`: the one that closes it. */
static size_t
end_of(const struct view *v, size_t i)
{
	size_t depth = 0;

	for (; i < v->n; i++) {
		if (opens(&v->list[i]))
			depth++;
		else if (closes(&v->list[i]) && --depth == 0)
			return i;
	}
	return v->n;
}

/* The value of `name` among the settings that begin at `i`; n: none. */
static size_t
value_of(const struct view *v, size_t i, const char *name)
{
	while (i + 2 < v->n && !closes(&v->list[i])) {
		if (v->list[i].kind == XO_TOKEN_WORD &&
		    (is_mark(&v->list[i + 1], '=') ||
		    is_mark(&v->list[i + 1], ':')) &&
		    xo_span_is_equal(v->list[i].text, xo_span_from_cstr(name)))
			return i + 2;
		i = opens(&v->list[i]) ? end_of(v, i) + 1 : i + 1;
	}
	return v->n;
}

/* The list's opening bracket, or n with a line in `error`. */
static size_t
find(const struct view *v, const char *path, const char *const names[3],
    struct xo_buf *error)
{
	const struct xo_conf_where top = {path, 0};
	size_t i = 0;

	for (int level = 0; level < 3; level++) {
		i = value_of(v, i, names[level]);
		if (i >= v->n || !opens(&v->list[i])) {
			(void)xo_conf_fail(error, &top, "expected %s%s%s%s%s "
			    "with a value in brackets, found none", names[0],
			    level > 0 ? "." : "", level > 0 ? names[1] : "",
			    level > 1 ? "." : "", level > 1 ? names[2] : "");
			return v->n;
		}
		i += level < 2;
	}
	return i;
}

/* The text of the file up to `at`, then the value, then the rest. */
static bool
splice(struct xo_conf_edit *edit, size_t at, bool is_first,
    struct xo_span value, struct xo_buf *error)
{
	struct xo_conf_where where = {edit->file, 0};
	const char *problem;
	int fd = xo_file_open(edit->file, &problem);
	struct xo_buf old = {0};
	uint8_t *p;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && (p = xo_buf_reserve(&old, 65536)) != NULL) {
		n = read(fd, p, 65536);
		old.len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	xo_buf_add(&edit->text, xo_span_first(xo_buf_span(&old), at));
	xo_buf_add_cstr(&edit->text, is_first ? "\"" : ", \"");
	xo_buf_add(&edit->text, value);
	xo_buf_add_byte(&edit->text, '"');
	xo_buf_add(&edit->text, xo_span_from(xo_buf_span(&old), at));
	if (fd < 0 || n < 0 || old.err != XO_OK || edit->text.err != XO_OK ||
	    at > old.len)
		(void)xo_conf_fail(error, &where, "expected to read it");
	xo_buf_fini(&old);
	return error->len == 0;
}

bool
xo_conf_edit_add(const char *path, const char *section, const char *name,
    const char *setting, struct xo_span value, struct xo_conf_edit *edit_r,
    struct xo_buf *error)
{
	const char *const names[3] = {section, name, setting};
	struct xo_source source = {
		.names = xo_conf_arena_new(),
		.scratch = xo_conf_arena_new(),
		.error = error,
	};
	const struct xo_token *before;
	struct view v = {NULL, 0};
	size_t open = 0;

	*edit_r = (struct xo_conf_edit){.file = NULL};
	if (source.names == NULL || source.scratch == NULL)
		(void)xo_conf_fail_memory(error);
	else if (xo_source_read(&source, path) && xo_grammar_check(&source))
		v.list = xo_source_tokens(&source, &v.n);
	if (v.n > 0)
		open = find(&v, path, names, error);
	if (open < v.n) {
		before = &v.list[end_of(&v, open) - 1];
		if (is_mark(before, ','))
			before--;
		edit_r->file = realpath(before->where.file, NULL);
		edit_r->line = before->where.line;
		if (edit_r->file == NULL)
			(void)xo_conf_fail_memory(error);
		else
			(void)splice(edit_r, before->at + before->text.len,
			    opens(before), value, error);
	} else if (error->len == 0) {
		(void)xo_conf_fail(error, &(struct xo_conf_where){path, 0},
		    "expected %s, found an empty file", section);
	}
	xo_source_fini(&source);
	xo_conf_arena_free(&source.scratch);
	xo_conf_arena_free(&source.names);
	return error->len == 0;
}

void
xo_conf_edit_fini(struct xo_conf_edit *edit)
{
	free(edit->file);
	xo_buf_fini(&edit->text);
	*edit = (struct xo_conf_edit){.file = NULL};
}

static bool
write_all(int fd, struct xo_span text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n < 0)
			return false;
		text = xo_span_from(text, (size_t)n);
	}
	return fsync(fd) == 0;
}

bool
xo_conf_edit_write(const struct xo_conf_edit *edit, struct xo_buf *error)
{
	struct xo_conf_where where = {edit->file, 0};
	char beside[PATH_MAX];
	int fd = xo_beside_open(edit->file, beside);
	bool is_fine;

	is_fine = fd >= 0 && write_all(fd, xo_buf_span(&edit->text)) &&
	    rename(beside, edit->file) == 0;
	if (!is_fine)
		(void)xo_conf_fail(error, &where,
		    "expected to write it, found: %s", strerror(errno));
	if (!is_fine && fd >= 0)
		unlink(beside);
	if (fd >= 0)
		close(fd);
	return is_fine;
}
