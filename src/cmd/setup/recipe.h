/* SPDX-License-Identifier: ISC */
/*
 * The recipes of doc/cookbook, which are built into the tool: what is printed
 * is what README and cookbook show and the tests run.
 *
 * @NAME@ in a recipe gives way to a value; one without a value stays, for the
 * reader to fill in. A line that is nothing but @NAME@ gives way to lines of
 * their own, maybe none; a line with @DOMAIN@ comes once for each domain.
 */
#ifndef XO_RECIPE_H
#define XO_RECIPE_H

#include <xoorg/bytes.h>

struct xo_recipe {
	const char *file; /* below doc/cookbook */
	const char *text;
};

extern const struct xo_recipe xo_recipes[];
extern const size_t xo_n_recipes;

#define XO_RECIPE_VALUES_MAX 40

/* All-zero is empty. Names are kept: literals. Texts are copied. */
struct xo_recipe_values {
	struct {
		const char *name;
		struct xo_buf text;
	} v[XO_RECIPE_VALUES_MAX];
	size_t n;
	struct xo_buf domains; /* each with a line end */
};

void xo_recipe_values_fini(struct xo_recipe_values *values);
/* The text of `name`, empty, to be written by the caller; not kept longer
 * than until the next one is asked for. */
struct xo_buf *xo_recipe_value(
    struct xo_recipe_values *values, const char *name);
void xo_recipe_set(
    struct xo_recipe_values *values, const char *name, const char *text);
/* `file` has to be one of them. */
void xo_recipe_print(struct xo_buf *out, const char *file,
    const struct xo_recipe_values *values);
/* The recipe `file` as the value `name`; NULL: no lines. */
void xo_recipe_set_part(
    struct xo_recipe_values *values, const char *name, const char *file);

#endif
