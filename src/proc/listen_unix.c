/* SPDX-License-Identifier: ISC */
/*
 * Listening unix sockets: see listen_unix.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listen_unix.h"

static const mode_t modes[] = {
	[XO_SOCKET_OWNER] = 0600,
	[XO_SOCKET_GROUP] = 0660,
	[XO_SOCKET_ALL] = 0666,
};
_Static_assert(sizeof(modes) / sizeof(modes[0]) == XO_SOCKET_MODE_COUNT,
    "a mode for each word");

bool
xo_unix_is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

void
xo_unix_remove(const char *path)
{
	if (xo_unix_is_there(path))
		(void)unlink(path);
}

void
xo_unix_set_mode(const char *path, enum xo_socket_mode mode)
{
	if (xo_unix_is_there(path))
		(void)chmod(path, modes[mode]);
}

static int
new_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Its maker is gone, and nobody would miss it. */
static bool
is_left_over(const char *path)
{
	struct sockaddr_un address;
	bool is_refused;
	int fd;

	if (!xo_unix_is_there(path))
		return false;
	fd = new_socket(path, &address);
	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* It has its mode from the first moment on. */
static int
bind_as(int fd, const struct sockaddr_un *address, enum xo_socket_mode mode)
{
	mode_t before = umask((mode_t)~modes[mode] & 0777);
	int result = bind(fd, (const struct sockaddr *)address,
	    sizeof(*address));
	int error = errno;

	(void)umask(before);
	errno = error;
	return result;
}

int
xo_unix_listen(const char *path, enum xo_socket_mode mode, int backlog)
{
	struct sockaddr_un address;
	int error, fd;

	if (is_left_over(path))
		(void)unlink(path);
	fd = new_socket(path, &address);
	if (fd < 0)
		return -1;
	if (bind_as(fd, &address, mode) != 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (listen(fd, backlog) != 0) {
		error = errno;
		close(fd);
		xo_unix_remove(path);
		errno = error;
		return -1;
	}
	return fd;
}
