/* SPDX-License-Identifier: ISC */
/*
 * Names of files. Symbolic links are left alone: they are how certificates get
 * renewed.
 */
#include <conf/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)65536)

const char *
xo_file_absolute(struct xo_conf_arena *arena, const char *folder,
    struct xo_span name)
{
	struct xo_buf joined = {0};
	const char *path = NULL;

	if (name.len == 0 || name.p[0] != '/')
		xo_buf_add_all(&joined, folder, strcmp(folder, "/") == 0 ? "" :
		    "/", (char *)NULL);
	xo_buf_add(&joined, name);
	if (joined.err == XO_OK)
		path = xo_conf_arena_copy(arena, xo_buf_span(&joined));
	xo_buf_fini(&joined);
	return path;
}

const char *
xo_file_folder(struct xo_conf_arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct xo_span folder = {NULL, 0};
	const char *absolute;
	char *here;

	if (slash != NULL)
		folder = xo_span(path, slash > path ? (size_t)(slash - path) :
		    1);
	if (folder.len != 0 && path[0] == '/')
		return xo_conf_arena_copy(arena, folder);
	here = getcwd(NULL, 0);
	if (here == NULL)
		return NULL;
	absolute = folder.len != 0 && !xo_span_is_equal(folder, XO_LIT(".")) ?
	    xo_file_absolute(arena, here, folder) :
	    xo_conf_arena_copy(arena, xo_span_from_cstr(here));
	free(here);
	return absolute;
}

static const char *
kind_problem(const struct stat *status)
{
	if (S_ISDIR(status->st_mode))
		return strerror(EISDIR);
	return S_ISREG(status->st_mode) ? NULL : "Is not a regular file";
}

const char *
xo_file_problem(const char *path)
{
	struct stat status;

	if (access(path, R_OK) != 0 || stat(path, &status) != 0)
		return strerror(errno);
	return kind_problem(&status);
}

const char *
xo_file_folder_problem(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return strerror(errno);
	return S_ISDIR(status.st_mode) ? NULL : strerror(ENOTDIR);
}

int
xo_file_open(const char *path, const char **problem_r)
{
	/* O_NONBLOCK: the other end of a FIFO may never come. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		*problem_r = strerror(errno);
	else
		*problem_r = kind_problem(&status);
	if (fd < 0 || *problem_r == NULL)
		return fd;
	(void)close(fd);
	return -1;
}

/* Everything `fd` has to give. An errno, or 0. */
static int
read_all(int fd, struct xo_buf *content)
{
	for (;;) {
		uint8_t *p = xo_buf_reserve(content, READ_SIZE);
		ssize_t n;

		if (p == NULL)
			return content->err == XO_ERR_LIMIT ? EFBIG : ENOMEM;
		n = read(fd, p, READ_SIZE);
		if (n == 0)
			return 0;
		if (n > 0)
			content->len += (size_t)n;
		else if (errno != EINTR)
			return errno;
	}
}

const char *
xo_file_read(const char *path, struct xo_buf *content)
{
	const char *problem;
	int fd = xo_file_open(path, &problem);
	int error;

	if (fd < 0)
		return problem;
	error = read_all(fd, content);
	(void)close(fd);
	return error == 0 ? NULL : strerror(error);
}
