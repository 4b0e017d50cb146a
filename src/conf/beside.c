/* SPDX-License-Identifier: ISC */
/* A new file beside an old one: see beside.h. */
#include <conf/beside.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_like(int fd, const char *path)
{
	struct stat st;
	mode_t mask;

	if (stat(path, &st) == 0)
		return fchown(fd, st.st_uid, st.st_gid) == 0 &&
		    fchmod(fd, st.st_mode & 07777) == 0;
	mask = umask(0);
	(void)umask(mask);
	return errno == ENOENT && fchmod(fd, 0666 & ~mask) == 0;
}

int
xo_beside_open(const char *path, char beside[PATH_MAX])
{
	int fd, error;

	if (snprintf(beside, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkstemp(beside);
	if (fd < 0 || is_like(fd, path))
		return fd;
	error = errno;
	close(fd);
	unlink(beside);
	errno = error;
	return -1;
}
