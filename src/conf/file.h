/* SPDX-License-Identifier: ISC */
/*
 * Names of files in a configuration. A file is a regular one: a FIFO would be waited
 * for, and is empty when the keys or the next configuration are read.
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
/* NULL, or why it is no folder. */
const char *xo_file_folder_problem(const char *path);
/* A descriptor for reading, at once; -1, and `*problem_r` says why there is none. */
int xo_file_open(const char *path, const char **problem_r);
/* Appends all of it, up to content->max. NULL, or why it cannot be read. */
const char *xo_file_read(const char *path, struct xo_buf *content);

#endif
