/* SPDX-License-Identifier: ISC */
/*
 * What the sources of a configuration need of a confined process.
 */
#ifndef XO_LOOKUP_ACCESS_H
#define XO_LOOKUP_ACCESS_H

#include <conf/conf.h>

struct xo_tls_context;
struct xo_tls_keyring;

/*
 * Files and folders whose files are read: `first`, and of each table that is
 * opened again at run time the folder, in which the next one appears under its
 * name; if that is a link, the folder of what it names, too. Ended by NULL; NULL:
 * no memory.
 */
char **xo_table_access_list(const struct xo_conf *conf, const char *first);
/* A worker connects to a local socket. */
bool xo_table_access_is_local(const struct xo_conf *conf);
/* For rediss: servers, which it verifies: to be made while files can be read.
 * `keyring` as in net/tls.h. NULL: one line in `error`. */
struct xo_tls_context *xo_table_access_tls(const struct xo_conf *conf,
    struct xo_tls_keyring *keyring, struct xo_buf *error);
void xo_table_access_free(char ***list);

#endif
