/* SPDX-License-Identifier: ISC */
/*
 * The folder of `tenant_certificates`, as its names tell: whose files stand in
 * it, and which are missing. What is in a file is looked at by who reads it.
 */
#ifndef XO_CONF_FOLDER_H
#define XO_CONF_FOLDER_H

#include <conf/conf.h>

/* Appends FOLDER/NAME.pem, with a NUL. False: no memory. */
bool xo_folder_file(const struct xo_conf *conf, struct xo_span tenant,
    struct xo_buf *path);
/* The tenant's certificate is looked for there. */
bool xo_folder_is_for(const struct xo_conf *conf, size_t tenant);

/* Warns of files that belong to no tenant, of those that are missing where an
 * upstream wants one, and of keys that others can read. */
void xo_folder_check(const struct xo_conf *conf, struct xo_warnings *warnings);

#endif
