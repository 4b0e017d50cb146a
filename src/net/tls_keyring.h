/* SPDX-License-Identifier: ISC */
/*
 * The private keys of a configuration, and which process has them.
 *
 * A keyring is a list of key files, each with the public half that its
 * certificate tells. Where it is loaded (xo_tls_keyring_load) it can sign; in
 * all other processes TLS asks for signatures by number, through what
 * xo_tls_keyring_use() named. So a worker has certificates and no key: an
 * attacker who takes it over can have signatures made while it lives, and can
 * take nothing along.
 */
#ifndef XO_TLS_KEYRING_H
#define XO_TLS_KEYRING_H

#include <conf/conf.h>

#include "named.h"

struct xo_tls_keyring;

/*
 * Whose certificate it is, and which, for those that are read at run time
 * (tls_folder.h): no number could outlive them.
 */
#define XO_TLS_MARK_SIZE 32
struct xo_tls_owner {
	char name[XO_NAMED_MAX + 1];	/* of the tenant */
	uint8_t mark[XO_TLS_MARK_SIZE];	/* SHA-256 of it and its chain */
};

enum xo_sign_scheme {
	XO_SIGN_RSA_PKCS1,		/* TLS 1.2 */
	XO_SIGN_RSA_PSS,		/* salt as long as the digest */
	XO_SIGN_ECDSA,
	XO_SIGN_ED25519,		/* of the text, not of a digest */
	XO_SIGN_SCHEME_COUNT
};

enum xo_sign_digest {
	XO_SIGN_NO_DIGEST,		/* Ed25519 alone */
	XO_SIGN_SHA256,
	XO_SIGN_SHA384,
	XO_SIGN_SHA512,
	XO_SIGN_DIGEST_COUNT
};

/* Octets to sign: a digest, or with Ed25519 what TLS has said so far. */
#define XO_SIGN_INPUT_MAX ((size_t)32 * 1024)
/* RSA-8192. */
#define XO_SIGNATURE_MAX ((size_t)1024)

struct xo_sign_request {
	uint32_t key;			/* its number in the keyring */
	const struct xo_tls_owner *owner; /* NULL: it is in the keyring */
	enum xo_sign_scheme scheme;
	enum xo_sign_digest digest;
	struct xo_span input;
};

/* False: no signature, and the handshake fails. Must not wait for long. */
typedef bool xo_sign_ask(void *arg, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r);

/* NULL: no memory, or an OpenSSL that takes no provider of ours. */
struct xo_tls_keyring *xo_tls_keyring_new(void);
void xo_tls_keyring_free(struct xo_tls_keyring **keyring);
size_t xo_tls_keyring_count(const struct xo_tls_keyring *keyring);

/* Room for so many keys more, of others, in memory that is locked. */
void xo_tls_keyring_expect(struct xo_tls_keyring *keyring, size_t n_more);

/*
 * Reads the files, in the one process that is to have the keys, and holds each
 * against its certificate. False: a line in `error`, "FILE:LINE: ...". What was
 * read before is replaced.
 */
bool xo_tls_keyring_load(struct xo_tls_keyring *keyring, struct xo_buf *error);
/* Wipes what was read: it signs no more. */
void xo_tls_keyring_forget(struct xo_tls_keyring *keyring);
/* With a loaded keyring. An xo_sign_ask; `keyring` is the argument. */
bool xo_tls_keyring_sign(void *keyring, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r);

/* Whom TLS asks in this process, for all keyrings. NULL: nobody. */
void xo_tls_keyring_use(xo_sign_ask *ask, void *arg);

#endif
