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

/* Where a tenant's certificate and its key are, and the name of their file if it
 * is one of the folder. All-zero is empty. */
struct xo_shown {
	struct xo_conf_path certificate, key;
	struct xo_buf file;
};
/* By its settings, else in the folder, where the file is. False: it has none, or
 * no memory. */
bool xo_shown_find(struct xo_shown *shown, const struct xo_conf *conf,
    size_t tenant);
void xo_shown_fini(struct xo_shown *shown);

/* The tenant's file is there, and this process may not read it. */
bool xo_folder_hides(const struct xo_conf *conf, size_t tenant);

/* Warns of files that belong to no tenant, of those that are missing where an
 * upstream wants one, and of keys that others can read. */
void xo_folder_check(const struct xo_conf *conf, struct xo_warnings *warnings);

#endif
