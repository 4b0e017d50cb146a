/* SPDX-License-Identifier: ISC */
/*
 * Recipes of the cookbook, with values in them.
 */
#include <cmd/setup/recipe.h>

#include <assert.h>
#include <string.h>

#define DOMAIN_MARK XO_LIT("@DOMAIN@")

static const char *
find_text(const char *file)
{
	size_t i = 0;

	while (i < xo_n_recipes && strcmp(xo_recipes[i].file, file) != 0)
		i++;
	/* The build takes in each file that the programs name. */
	assert(i < xo_n_recipes);
	return i < xo_n_recipes ? xo_recipes[i].text : "";
}

static const struct xo_buf *
find_value(const struct xo_recipe_values *values, struct xo_span name)
{
	for (size_t i = 0; i < values->n; i++) {
		if (xo_span_is_equal(
		        xo_span_from_cstr(values->v[i].name), name))
			return &values->v[i].text;
	}
	return NULL;
}

void
xo_recipe_values_fini(struct xo_recipe_values *values)
{
	for (size_t i = 0; i < values->n; i++)
		xo_buf_fini(&values->v[i].text);
	xo_buf_fini(&values->domains);
	values->n = 0;
}

struct xo_buf *
xo_recipe_value(struct xo_recipe_values *values, const char *name)
{
	for (size_t i = 0; i < values->n; i++) {
		if (strcmp(values->v[i].name, name) == 0) {
			xo_buf_clear(&values->v[i].text);
			return &values->v[i].text;
		}
	}
	assert(values->n < XO_RECIPE_VALUES_MAX);
	values->v[values->n].name = name;
	return &values->v[values->n++].text;
}

void
xo_recipe_set(
    struct xo_recipe_values *values, const char *name, const char *text)
{
	xo_buf_add_cstr(xo_recipe_value(values, name), text);
}

static bool
is_name_octet(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '_';
}

/* The length of @NAME@ at the start of `s`; 0: there is none. */
static size_t
mark_length(struct xo_span s)
{
	size_t n = 1;

	if (s.len < 3 || s.p[0] != '@')
		return 0;
	while (n < s.len && is_name_octet(s.p[n]))
		n++;
	return n > 1 && n < s.len && s.p[n] == '@' ? n + 1 : 0;
}

static struct xo_span
name_of(struct xo_span mark, size_t n)
{
	return xo_span_first(xo_span_from(mark, 1), n - 2);
}

static void
add_line(struct xo_buf *out, struct xo_span line,
    const struct xo_recipe_values *values, struct xo_span domain)
{
	while (line.len > 0) {
		size_t n = mark_length(line);
		const struct xo_buf *value =
		    n == 0 ? NULL : find_value(values, name_of(line, n));

		if (xo_span_is_equal(xo_span_first(line, n), DOMAIN_MARK)) {
			xo_buf_add(out, domain);
		} else if (value != NULL) {
			xo_buf_add(out, xo_buf_span(value));
		} else {
			n = 1;
			xo_buf_add_byte(out, line.p[0]);
		}
		line = xo_span_from(line, n);
	}
}

/* Takes a line with its end off `text`. */
static struct xo_span
next_line(struct xo_span *text)
{
	size_t n = xo_span_find(*text, '\n');
	struct xo_span line =
	    xo_span_first(*text, n < text->len ? n + 1 : text->len);

	*text = xo_span_from(*text, line.len);
	return line;
}

static bool
has_domain_mark(struct xo_span line)
{
	for (; line.len > 0; line = xo_span_from(line, 1)) {
		if (xo_span_is_equal(
		        xo_span_first(line, mark_length(line)), DOMAIN_MARK))
			return true;
	}
	return false;
}

static void
add_for_domains(struct xo_buf *out, struct xo_span line,
    const struct xo_recipe_values *values)
{
	struct xo_span domains = xo_buf_span(&values->domains);

	while (domains.len > 0) {
		struct xo_span domain = next_line(&domains);

		add_line(
		    out, line, values, xo_span_first(domain, domain.len - 1));
	}
}

void
xo_recipe_print(
    struct xo_buf *out, const char *file, const struct xo_recipe_values *values)
{
	struct xo_span text = xo_span_from_cstr(find_text(file));

	while (text.len > 0) {
		struct xo_span line = next_line(&text);
		size_t n = mark_length(line);
		const struct xo_buf *lines =
		    n == 0 || n + 1 != line.len
		        ? NULL
		        : find_value(values, name_of(line, n));

		if (has_domain_mark(line))
			add_for_domains(out, line, values);
		else if (lines != NULL)
			xo_buf_add(out, xo_buf_span(lines));
		else
			add_line(out, line, values, (struct xo_span){NULL, 0});
	}
}

void
xo_recipe_set_part(
    struct xo_recipe_values *values, const char *name, const char *file)
{
	struct xo_buf text = {.p = NULL};

	if (file != NULL)
		xo_recipe_print(&text, file, values);
	xo_buf_add(xo_recipe_value(values, name), xo_buf_span(&text));
	xo_buf_fini(&text);
}
