/* SPDX-License-Identifier: ISC */
/*
 * A build without cdb: see cdb.h. No setting names such a file there, and the
 * tool does not make one.
 */
#include <conf/cdb.h>

#include <errno.h>

bool
xo_cdb_is_built(void)
{
	return false;
}

struct xo_cdb *
xo_cdb_open(const char *path, const char **problem_r)
{
	(void)path;
	*problem_r = "a file that this build, without cdb, does not read";
	return NULL;
}

void
xo_cdb_close(struct xo_cdb **cdb)
{
	*cdb = NULL;
}

bool
xo_cdb_is_current(const struct xo_cdb *cdb, const char *path)
{
	(void)cdb;
	(void)path;
	return false;
}

enum xo_cdb_found
xo_cdb_find(struct xo_cdb *cdb, struct xo_span key, struct xo_span *value_r)
{
	(void)cdb;
	(void)key;
	(void)value_r;
	return XO_CDB_BROKEN;
}

enum xo_cdb_found
xo_cdb_next(struct xo_cdb *cdb, unsigned int *at, struct xo_span *key_r,
    struct xo_span *value_r)
{
	(void)cdb;
	(void)at;
	(void)key_r;
	(void)value_r;
	return XO_CDB_BROKEN;
}

struct xo_cdb_maker *
xo_cdb_make(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return NULL;
}

bool
xo_cdb_add(struct xo_cdb_maker *maker, struct xo_span key,
    struct xo_span value)
{
	(void)maker;
	(void)key;
	(void)value;
	return false;
}

bool
xo_cdb_finish(struct xo_cdb_maker **maker)
{
	*maker = NULL;
	return false;
}
