/* SPDX-License-Identifier: ISC */
/*
 * The processes of one configuration: its workers, the status server and the
 * key process, with the sockets they listen on and those between them. The
 * master has the newest, which is kept alive, and older ones, which drain.
 */
#ifndef XO_GENERATION_H
#define XO_GENERATION_H

#include <sys/types.h>

#include "descriptors.h"
#include "runtime.h"
#include "listen.h"

struct xo_child {
	const char *died;		/* its event in the log */
	pid_t pid;			/* 0: not running */
	uint64_t started;
	uint64_t start_at;		/* not before; 0: at once */
};

struct xo_generation {
	struct xo_runtime *runtime;
	struct xo_sockets sockets;
	struct xo_pairs key_pairs;	/* worker, key process */
	struct xo_pairs log_pairs;	/* worker, log process */
	struct xo_pairs log_control;	/* log process, master: a new file */
	struct xo_child *workers;
	size_t n_workers;
	struct xo_child keys;
	struct xo_child log;
	struct xo_child status;
	bool is_old;
	bool is_status_told;		/* the status process is to end */
	uint64_t inspect_at;		/* the next look at certificates */
	struct xo_generation *next;
};

/*
 * Reads the configuration, binds, and starts the key process. `old`: what it
 * will succeed, or NULL. `sockets`, of that or of an earlier process: what both
 * listen on is taken over. NULL: one line in `error`, and nothing has changed.
 */
struct xo_generation *xo_generation_new(const char *path,
    const struct xo_generation *old, const struct xo_sockets *sockets,
    struct xo_buf *error);
/* Its processes are gone, or never were. */
void xo_generation_free(struct xo_generation **generation);

/* Starts what is not running and whose time has come. */
void xo_generation_start(struct xo_generation *generation);
/* Its workers finish what they have; new connections are the successor's, which
 * may be NULL: then its status process stays, and says that it drains. */
void xo_generation_retire(struct xo_generation *generation,
    const struct xo_generation *successor);

/* Logs what it is, and all warnings: once it is the newest. */
void xo_generation_warn(struct xo_generation *generation);
/* Each day, or when a certificate begins or ends, looks at certificates and
 * files again, and logs what it finds. */
void xo_generation_inspect(struct xo_generation *generation);

/* All but the status process are gone: that one may go, too. */
void xo_generation_end(const struct xo_generation *generation);
/* SIGKILL to all of its processes. */
void xo_generation_kill(const struct xo_generation *generation);
/* The log was opened anew: its log process gets the file. */
void xo_generation_pass_log(const struct xo_generation *generation);
size_t xo_generation_count(const struct xo_generation *generation);
/* NULL: not one of its. */
struct xo_child *xo_generation_find(struct xo_generation *generation,
    pid_t pid);
/* `child` is gone; unless it was told to go, the log says so with the status of
 * wait(2), and it is started again in its time. */
void xo_generation_lost(struct xo_generation *generation,
    struct xo_child *child, int status);

/* Signals wait for sigtimedwait() in the master; children take them. */
void xo_generation_signals(bool is_blocked);

#endif
