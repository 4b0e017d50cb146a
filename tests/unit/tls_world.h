/* SPDX-License-Identifier: ISC */
/*
 * What the tests of TLS share: a root, its twin, an intermediate, a gateway
 * with a configuration; and a connection between our side and a peer that is
 * plain OpenSSL, so that it may be as odd as a test wants it.
 */
#ifndef XO_TEST_TLS_WORLD_H
#define XO_TEST_TLS_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/tls.h>

#include "tls_pki.h"

struct world {
	struct pki_identity root;
	struct pki_identity twin;	/* same name, another key */
	struct pki_identity intermediate;
	struct pki_identity gateway;
	char *root_file;
	char *certificate_file;
	char *key_file;
	struct xo_conf_tls conf;	/* a listener's; trusts root */
};

extern struct world world;

/* Group fixtures of cmocka. */
int world_setup(void **state);
int world_teardown(void **state);

struct xo_conf_path path_of(const char *path);
/* Must work. */
struct xo_tls_context *server_context(const struct xo_conf_tls *conf);

/* Plain OpenSSL at level 0, with a certificate if `identity` is not NULL. */
SSL_CTX *plain_context(const SSL_METHOD *method,
    const struct pki_identity *identity, X509 *const *chain);

struct pair {
	int fd[2];			/* ours, theirs */
	struct xo_tls *ours;
	SSL *theirs;
	enum xo_io our_end;		/* OK: our handshake is done */
	bool is_their_end_good;
	int their_reason;		/* SSL_R_*, of their first error */
};

/* Connected sockets, both non-blocking. */
void pair_open(struct pair *pair);
void pair_add_plain(struct pair *pair, SSL_CTX *ctx, bool is_server);
/* To the end, good or bad; `ours` and `theirs` are set. */
void pair_handshake(struct pair *pair);
/* One octet from them to us, which must arrive. */
void pair_send_octet(struct pair *pair);
void pair_close(struct pair *pair);

#endif
