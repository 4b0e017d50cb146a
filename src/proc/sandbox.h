/* SPDX-License-Identifier: ISC */
/*
 * What a process may still ask the kernel for, once it has all it needs: a list
 * of system calls, with their arguments where those matter (seccomp), the few
 * files it may read (Landlock), no file to write, no child. On top of
 * privileges.h; nothing of it can be undone.
 *
 * A call that is on no list fails with EPERM: a library of tomorrow may try
 * one, and mail shall flow. What only an attacker would call (another program,
 * another's memory, another root) ends the process.
 *
 * A build with sanitizers does none of it: they need what is forbidden here.
 */
#ifndef XO_SANDBOX_H
#define XO_SANDBOX_H

#include <conf/conf.h>

enum xo_sandbox_role {
	/* It starts the others: all calls but those that only attackers make. */
	XO_SANDBOX_MASTER,
	XO_SANDBOX_WORKER,
	XO_SANDBOX_STATUS,
	XO_SANDBOX_KEYS,
	XO_SANDBOX_KEYS_FOLDER,		/* and it reads one */
	XO_SANDBOX_LOG,
	XO_SANDBOX_ROLE_COUNT
};

struct xo_sandbox {
	enum xo_sandbox_role role;
	enum xo_sandbox_mode mode;
	const char *const *readable;	/* and below; ended by NULL, or NULL */
	bool has_local_server;		/* a worker may connect to one */
	bool is_writing_files;		/* files that are open already */
};

/*
 * False: something is not to be had and the mode is REQUIRED; one line in
 * `error`, and the process must end.
 */
XO_MUST_CHECK bool xo_sandbox_enter(const struct xo_sandbox *sandbox,
    struct xo_buf *error);

/* A build with sanitizers: all of this is off, and they write to stderr. */
bool xo_sandbox_is_sanitized(void);

/* "seccomp, Landlock 7", "seccomp, no Landlock", "off": for the log. */
void xo_sandbox_describe(enum xo_sandbox_mode mode, struct xo_buf *out);

#endif
