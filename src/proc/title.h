/* SPDX-License-Identifier: ISC */
/*
 * What ps(1) shows of a process: "xoorgd: worker 1" instead of the command
 * line, which is the same for all of them.
 */
#ifndef XO_TITLE_H
#define XO_TITLE_H

#include <stddef.h>

/*
 * First of all, in main(): where arguments and environment stood is room for
 * titles; the environment is copied elsewhere. Without memory for it, there are
 * no titles. `argv` must not be read after the first title.
 */
void xo_title_init(int argc, char **argv);

/* "xoorgd: WHAT", or with `number` above 0 "xoorgd: WHAT NUMBER"; cut to what
 * there is room for. */
void xo_title_set(const char *what, size_t number);

#endif
