/* SPDX-License-Identifier: ISC */
/*
 * What a process may still do once it has what it needs: user, groups, and the
 * switches that no process of ours needs. System call filters are not here.
 */
#ifndef XO_PRIVILEGES_H
#define XO_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>

#include <xoorg/bytes.h>

/*
 * Becomes `user` (NULL: stays who it is) with the user's groups and no others,
 * for good, and sees to it that there is no way back; then no new privileges
 * by exec, no capabilities (unless it stays root), no core files, no tracing by
 * others of the same user. Not as root, `user` must be the one it runs as, and
 * groups stay. False: `error` (the caller's) holds one line, and the process
 * must end: it may be half way.
 *
 * The kernel forgets PR_SET_PDEATHSIG with a change of user: set it afterwards.
 * One thread only, before any other is made. Needs the user database, so
 * before any sandbox.
 */
XO_MUST_CHECK bool xo_privileges_drop(const char *user, struct xo_buf *error);

/*
 * For the master, which starts workers again and reads configurations: of
 * root's capabilities it keeps those to bind ports, to become the user, to
 * signal its workers and to read and write files of others. Not root: it has
 * what it was given. No new privileges, no core files and no tracing either way.
 */
XO_MUST_CHECK bool xo_privileges_keep_few(struct xo_buf *error);

bool xo_user_exists(const char *user);

/*
 * The soft limit of open files becomes the hard one. Returns what is in force
 * now (UINT64_MAX: no limit), 0 if that cannot be told.
 */
uint64_t xo_privileges_raise_nofile(void);

#endif
