/* SPDX-License-Identifier: ISC */
/*
 * Names of files in a configuration.
 */
#ifndef XO_CONF_FILE_H
#define XO_CONF_FILE_H

#include <conf/arena.h>

/* The absolute folder of the file `path`; NULL: no memory. */
const char *xo_file_folder(struct xo_conf_arena *arena, const char *path);
/* `name` against `folder`; NULL: no memory. */
const char *xo_file_absolute(struct xo_conf_arena *arena, const char *folder,
    struct xo_span name);
/* NULL, or why the file cannot be read. */
const char *xo_file_problem(const char *path);

#endif
