/* SPDX-License-Identifier: ISC */
/*
 * Files of tenants, by tinycdb: see cdb.h.
 */
#include <conf/cdb.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cdb.h>

#include <table/question.h>

/* 256 hash tables: the place and the number of slots of each. */
#define TABLES 256
#define HEAD_SIZE (TABLES * 8)

struct xo_cdb {
	struct cdb file;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct xo_cdb_maker {
	struct cdb_make make;
};

bool
xo_cdb_is_built(void)
{
	return true;
}

/*
 * The hash tables lie behind the records, and end where the file does. Where the
 * head has not been written yet there are none.
 */
static bool
is_whole(const struct xo_cdb *cdb)
{
	const unsigned char *head = cdb_get(&cdb->file, HEAD_SIZE, 0);
	uint64_t octets = 0;
	uint64_t records;

	if (head == NULL)
		return false;
	records = cdb_unpack(head);
	for (size_t i = 0; i < TABLES; i++)
		octets += (uint64_t)cdb_unpack(head + i * 8 + 4) * 8;
	return records >= HEAD_SIZE &&
	    records + octets == (uint64_t)cdb->size;
}

static bool
has_mark(struct xo_cdb *cdb)
{
	struct xo_span value;

	return xo_cdb_find(cdb, XO_LIT(XO_QUESTION_MARK), &value) ==
	    XO_CDB_FOUND &&
	    xo_span_is_equal(value, XO_LIT(XO_QUESTION_MARK_VALUE));
}

/* Takes `fd`, which a map does not need any more, whatever it returns. */
static const char *
map_file(struct xo_cdb *cdb, int fd)
{
	struct stat st;
	const char *problem = NULL;

	if (fstat(fd, &st) != 0)
		problem = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		problem = "not a regular file";
	else if (st.st_size < HEAD_SIZE)
		problem = "shorter than a cdb file";
	else if (cdb_init(&cdb->file, fd) != 0)
		problem = errno == EPROTO ? "no cdb file" : strerror(errno);
	close(fd);
	if (problem != NULL)
		return problem;
	cdb->file.cdb_fd = -1;
	cdb->device = st.st_dev;
	cdb->inode = st.st_ino;
	cdb->size = st.st_size;
	cdb->changed = st.st_mtim;
	return NULL;
}

struct xo_cdb *
xo_cdb_open(const char *path, const char **problem_r)
{
	struct xo_cdb *cdb = calloc(1, sizeof(*cdb));
	int fd = cdb != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) :
	    -1;

	*problem_r = fd < 0 ? strerror(errno) : map_file(cdb, fd);
	if (*problem_r != NULL) {
		free(cdb);
		return NULL;
	}
	if (!is_whole(cdb))
		*problem_r = "a cdb file that is cut or not finished, or none";
	else if (!has_mark(cdb))
		*problem_r = "a cdb file without the key " XO_QUESTION_MARK;
	if (*problem_r != NULL)
		xo_cdb_close(&cdb);
	return cdb;
}

void
xo_cdb_close(struct xo_cdb **cdb)
{
	if (*cdb == NULL)
		return;
	cdb_free(&(*cdb)->file);
	free(*cdb);
	*cdb = NULL;
}

bool
xo_cdb_is_current(const struct xo_cdb *cdb, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == cdb->device &&
	    st.st_ino == cdb->inode && st.st_size == cdb->size &&
	    st.st_mtim.tv_sec == cdb->changed.tv_sec &&
	    st.st_mtim.tv_nsec == cdb->changed.tv_nsec;
}

static bool
get(const struct xo_cdb *cdb, unsigned int len, unsigned int at,
    struct xo_span *span_r)
{
	const void *p = cdb_get(&cdb->file, len, at);

	*span_r = xo_span(p, p != NULL ? len : 0);
	return p != NULL;
}

enum xo_cdb_found
xo_cdb_find(struct xo_cdb *cdb, struct xo_span key, struct xo_span *value_r)
{
	int found = cdb_find(&cdb->file, key.p, (unsigned int)key.len);

	*value_r = xo_span(NULL, 0);
	/* analyser: `cdb` is one that was opened */
	if (found <= 0)
		return found == 0 ? XO_CDB_NONE : XO_CDB_BROKEN;
	return get(cdb, cdb_datalen(&cdb->file), cdb_datapos(&cdb->file),
	    value_r) ? XO_CDB_FOUND : XO_CDB_BROKEN;
}

enum xo_cdb_found
xo_cdb_next(struct xo_cdb *cdb, unsigned int *at, struct xo_span *key_r,
    struct xo_span *value_r)
{
	int found;

	if (*at == 0)
		cdb_seqinit(at, &cdb->file);
	found = cdb_seqnext(at, &cdb->file);
	if (found <= 0)
		return found == 0 ? XO_CDB_NONE : XO_CDB_BROKEN;
	return get(cdb, cdb_keylen(&cdb->file), cdb_keypos(&cdb->file),
	    key_r) && get(cdb, cdb_datalen(&cdb->file),
	    cdb_datapos(&cdb->file), value_r) ? XO_CDB_FOUND : XO_CDB_BROKEN;
}

struct xo_cdb_maker *
xo_cdb_make(int fd)
{
	struct xo_cdb_maker *maker = calloc(1, sizeof(*maker));

	if (maker != NULL && cdb_make_start(&maker->make, fd) != 0) {
		free(maker);
		maker = NULL;
	}
	return maker;
}

bool
xo_cdb_add(struct xo_cdb_maker *maker, struct xo_span key,
    struct xo_span value)
{
	if (key.len > UINT32_MAX || value.len > UINT32_MAX) {
		errno = ENOMEM;
		return false;
	}
	return cdb_make_add(&maker->make, key.p, (unsigned int)key.len,
	    value.p, (unsigned int)value.len) == 0;
}

bool
xo_cdb_finish(struct xo_cdb_maker **maker)
{
	bool is_good = xo_cdb_add(*maker, XO_LIT(XO_QUESTION_MARK),
	    XO_LIT(XO_QUESTION_MARK_VALUE));

	/* It also gives its memory back. */
	is_good = cdb_make_finish(&(*maker)->make) == 0 && is_good;
	free(*maker);
	*maker = NULL;
	return is_good;
}
