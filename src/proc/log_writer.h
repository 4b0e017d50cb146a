/* SPDX-License-Identifier: ISC */
/*
 * The log process: one for each generation of workers. It alone of those that
 * strangers' octets reach has the log's target; a worker has one end of a pair
 * of sockets, into which it can put lines, and out of which it can take or change
 * none. A file can so be neither rewound nor cut by it.
 *
 * Nobody waits for the log: what the sockets and the buffers here do not hold is
 * dropped by the worker, and counted (log.h).
 */
#ifndef XO_LOG_WRITER_H
#define XO_LOG_WRITER_H

#include <sys/types.h>

#include <watch/log.h>

#include "descriptors.h"

/*
 * In the master. `control`: its end of a pair whose other end the master has, to
 * send a log file that was opened anew. The process ends by itself when the ends
 * of all workers are closed and their lines are written. -1: errno says why.
 */
pid_t xo_log_writer_start(const struct xo_pairs *pairs, int control,
    struct xo_log *log, const struct xo_conf *conf);

#endif
