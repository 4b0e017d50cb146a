/* SPDX-License-Identifier: ISC */
/*
 * What the sources of a configuration need of a confined process.
 */
#ifndef XO_LOOKUP_ACCESS_H
#define XO_LOOKUP_ACCESS_H

#include <conf/conf.h>

/*
 * Files and folders whose files are read: `first`, and of each table that is
 * opened again at run time the folder, in which the next one appears under its
 * name; if that is a link, the folder of what it names, too. Ended by NULL; NULL:
 * no memory.
 */
char **xo_table_access_list(const struct xo_conf *conf, const char *first);
/* A worker connects to a local socket. */
bool xo_table_access_is_local(const struct xo_conf *conf);
void xo_table_access_free(char ***list);

#endif
