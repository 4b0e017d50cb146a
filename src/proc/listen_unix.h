/* SPDX-License-Identifier: ISC */
/*
 * Listening unix sockets: a name in a folder, which outlives who made it.
 */
#ifndef XO_LISTEN_UNIX_H
#define XO_LISTEN_UNIX_H

#include <conf/conf.h>

/*
 * Makes a socket at `path` that those of `mode` may connect to. The name of one
 * that nobody listens at any more is taken over; any other file stays. -1: errno
 * says why.
 */
int xo_unix_listen(const char *path, enum xo_socket_mode mode, int backlog);

/* Is there (still) a socket of that name? Whose, cannot be told. */
bool xo_unix_is_there(const char *path);
/* For a socket that stays over a reload. */
void xo_unix_set_mode(const char *path, enum xo_socket_mode mode);
void xo_unix_remove(const char *path);

#endif
