/* SPDX-License-Identifier: ISC */
/*
 * The key process: one for each generation of workers. It reads the private
 * keys, gives up all else, and signs what workers ask it to. Where there is a
 * folder of tenants' certificates, it alone reads that, at run time.
 *
 * Each worker has a pair of sockets with it, made before either is started, so
 * that who asks needs no further proof. The master keeps both ends: a worker or
 * a key process that died is replaced at the same sockets. A request is one
 * record, and so is the answer; a worker waits for it (as long as signing
 * itself would take it, and never longer than KEYS_WAIT), and a request that is
 * not answered is a handshake that fails.
 */
#ifndef XO_KEYS_H
#define XO_KEYS_H

#include <sys/types.h>

#include <net/tls_folder.h>
#include <net/tls_keyring.h>

#include "descriptors.h"

/*
 * In the master. Starts the process and waits until it has the keys and has
 * given up its privileges. 0: it could not; one line in `error`. It ends by
 * itself when the ends of all workers are closed.
 */
pid_t xo_keys_start(const struct xo_pairs *pairs,
    struct xo_tls_keyring *keyring, const struct xo_conf *conf,
    struct xo_buf *error);

/* In a worker: TLS asks through `fd`, its end of a pair, from now on. */
void xo_keys_attach(int fd);
/* The same for certificates of tenants: an xo_tls_shelf_ask, without `arg`. */
bool xo_keys_ask_certificate(void *arg, const struct xo_tls_owner *known,
    struct xo_buf *answer);

#endif
