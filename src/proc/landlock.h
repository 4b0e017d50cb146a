/* SPDX-License-Identifier: ISC */
/*
 * Landlock (landlock(7)), by system call: there is no library, and the C
 * library knows no names for it.
 */
#ifndef XO_LANDLOCK_H
#define XO_LANDLOCK_H

#include <stdbool.h>

/* The version that this kernel has; 0: none, or not switched on. */
int xo_landlock_abi(void);

/*
 * From now on no file but these may be opened, and those only to be read; as
 * far as the kernel's version goes, no TCP port may be bound and nobody outside
 * be signalled. What is open stays open. `readable` ends with NULL; NULL is an
 * empty list. Of a folder it is all below it. What is not there is passed over.
 */
bool xo_landlock_enter(const char *const *readable);

#endif
