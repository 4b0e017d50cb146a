/* SPDX-License-Identifier: ISC */
/*
 * Files of tenants in the format of cdb (cr.yp.to/cdb.html): read in place, and
 * made anew and renamed over the old one, never changed. The keys are those of
 * question.h, the values records of tenants, and XO_QUESTION_MARK is among them.
 *
 * Of a file that was cut, is not finished or is another's xo_cdb_open() says so. One
 * that is written over while it is open, instead of renamed over, is not to be
 * trusted, and the process may get SIGBUS; xo_cdb_is_current() is for that.
 */
#ifndef XO_CONF_CDB_H
#define XO_CONF_CDB_H

#include <sys/types.h>

#include <xoorg/bytes.h>

struct xo_cdb;

/* False: a build without cdb, in which no file is ever good. */
bool xo_cdb_is_built(void);

/* NULL: `*problem_r` says why. The text is not to be freed. */
struct xo_cdb *xo_cdb_open(const char *path, const char **problem_r);
void xo_cdb_close(struct xo_cdb **cdb);
/* It is the file at `path`, as that was when it was opened. */
bool xo_cdb_is_current(const struct xo_cdb *cdb, const char *path);

enum xo_cdb_found {
	XO_CDB_BROKEN,
	XO_CDB_NONE,
	XO_CDB_FOUND,
};
/* The first value of a key, which is valid until the file is closed. */
enum xo_cdb_found xo_cdb_find(struct xo_cdb *cdb, struct xo_span key,
    struct xo_span *value_r);

/* All, in the order of writing. `*at`: 0 at first. */
enum xo_cdb_found xo_cdb_next(struct xo_cdb *cdb, unsigned int *at,
    struct xo_span *key_r, struct xo_span *value_r);

/*
 * Makes a file: `fd` is empty and stays the caller's. The mark is written by
 * finish(). False: errno says why (more than 4 GiB: ENOMEM).
 */
struct xo_cdb_maker;
struct xo_cdb_maker *xo_cdb_make(int fd);
bool xo_cdb_add(struct xo_cdb_maker *maker, struct xo_span key,
    struct xo_span value);
/* Leaves NULL, whatever comes of it. */
bool xo_cdb_finish(struct xo_cdb_maker **maker);

#endif
