/* SPDX-License-Identifier: ISC */
/*
 * The one line that says what is wrong, and what goes into it.
 */
#ifndef XO_CONF_FAIL_H
#define XO_CONF_FAIL_H

#include <conf/conf.h>

/*
 * "FILE:LINE: ..." (without a line: "FILE: ..."), always one line and without
 * control characters. Only the first failure is kept. Returns false, so that
 * it can be returned.
 */
bool xo_conf_fail(struct xo_buf *error, const struct xo_conf_where *where,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Appends it with `?` for all that is no character, or that a terminal acts on:
 * U+0080 to U+009F, too. */
void xo_conf_add_shown(struct xo_buf *error, struct xo_span text);

bool xo_conf_fail_memory(struct xo_buf *error);

/* Text of the file as it is shown: cut. Use: xo_conf_show(span).text. */
struct xo_conf_shown {
	char text[84];
};
struct xo_conf_shown xo_conf_show(struct xo_span text);

/*
 * The candidate that is most like `word`, if it is like it at all. All-zero
 * but for `word` is ready.
 */
struct xo_conf_nearest {
	const char *word;
	const char *best;		/* NULL: none is close */
	size_t distance;		/* of the best */
};
void xo_conf_nearest_try(struct xo_conf_nearest *nearest,
    const char *candidate);

/* "; did you mean `hosts`?", or nothing. */
struct xo_conf_shown xo_conf_nearest_hint(
    const struct xo_conf_nearest *nearest);

#endif
