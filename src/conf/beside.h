/* SPDX-License-Identifier: ISC */
/*
 * A new file beside an old one, to be renamed into its place once it is whole:
 * nobody sees half of it.
 */
#ifndef XO_CONF_BESIDE_H
#define XO_CONF_BESIDE_H

#include <limits.h>

/*
 * Makes a file in the folder of `path` and puts its name in `beside`. It has the
 * owner and the mode of `path`; where that is not there, those of any new file.
 * Returns a descriptor to write to, which is the caller's, or -1 with errno set
 * and no file left.
 */
int xo_beside_open(const char *path, char beside[PATH_MAX]);

#endif
