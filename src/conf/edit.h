/* SPDX-License-Identifier: ISC */
/*
 * A change to the text of a configuration that leaves all else in it as it is:
 * comments, blanks, order.
 */
#ifndef XO_CONF_EDIT_H
#define XO_CONF_EDIT_H

#include <conf/conf.h>

struct xo_conf_edit {
	char *file;			/* where the list stands, maybe included */
	int line;
	struct xo_buf text;		/* of that file, changed */
};

/*
 * `value`, a text without quotes, as the last of the list `setting` in the group
 * `name` of `section` ("tenants"). False: one line in `error`. Free the edit in
 * any case.
 */
bool xo_conf_edit_add(const char *path, const char *section, const char *name,
    const char *setting, struct xo_span value, struct xo_conf_edit *edit_r,
    struct xo_buf *error);
void xo_conf_edit_fini(struct xo_conf_edit *edit);

/* Replaces the file, whole or not at all, its owner and mode kept; a symbolic link
 * stays one. */
bool xo_conf_edit_write(const struct xo_conf_edit *edit, struct xo_buf *error);

#endif
