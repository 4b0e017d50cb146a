/* SPDX-License-Identifier: ISC */
/*
 * TLS for both legs. OpenSSL is seen by the tls*.c files alone.
 *
 * Files: tls_context.c (contexts and credentials, from the configuration),
 * tls_verify.c (our rules for a chain: purpose, EKU, level, depth, CRL),
 * tls_constraints.c (what the issuers say of names),
 * tls_credential.c and tls_trust.c (PEM files), tls_peer.c (what a peer's
 * certificate says), tls.c (one connection), tls_keyring.c and tls_provider.c
 * (private keys that are in another process), tls_folder.c and tls_shelf.c
 * (certificates of tenants out of a folder, there and here).
 *
 * Server side: a client certificate is asked for, never required; the handshake
 * ends with any certificate or none, the verdict is read afterwards. No session
 * is ever resumed, no ticket given, no renegotiation, no early data; ALPN other
 * than "smtp" gets the no_application_protocol alert.
 * Client side: `verify` means chain and name (SAN dNSName exact or one-label
 * wildcard, never a CN), checked inside the handshake, which fails otherwise.
 */
#ifndef XO_TLS_H
#define XO_TLS_H

#include <conf/conf.h>
#include <xoorg/rights.h>

#include "tls_keyring.h"

struct xo_tls_context;		/* one SSL_CTX, shared by all its connections */
struct xo_tls_credential;	/* certificate, chain and key shown to a peer */
struct xo_tls;			/* one connection */

/*
 * From `tls.NAME` of the configuration. `wants_certificate`: ask clients for
 * one (an empty list of CAs is sent). NULL: `error` holds one line,
 * "FILE:LINE: what was expected".
 *
 * `keyring`, here and below: where the private key's number is noted, to be
 * loaded elsewhere; it and `conf` must outlive what is made. NULL: the key is
 * read now and stays in this process.
 */
struct xo_tls_context *xo_tls_context_new_server(const struct xo_conf_tls *conf,
    bool wants_certificate, struct xo_tls_keyring *keyring,
    struct xo_buf *error);
/*
 * A peer's own revocation lists; its `path` may be NULL. From now on the chains
 * of clients are looked up in these and in those of the `tls` group.
 * `*expiry_r`: seconds since 1970 at which the first of them is stale; 0: none.
 */
bool xo_tls_context_add_crls(struct xo_tls_context *context,
    const struct xo_conf_path *file, int64_t *expiry_r, struct xo_buf *error);
/* From `upstreams.NAME`; its own client certificate is part of the context. */
struct xo_tls_context *xo_tls_context_new_client(
    const struct xo_conf_upstream *conf, enum xo_tls_level level,
    struct xo_tls_keyring *keyring, struct xo_buf *error);
void xo_tls_context_free(struct xo_tls_context **context);

/*
 * Seconds since 1970 at which the context's own certificate ends; 0 if it has
 * none. For the metric.
 */
int64_t xo_tls_context_expiry(const struct xo_tls_context *context);
/* The same of its `crl_file`: the first list that is stale. */
int64_t xo_tls_context_crl_expiry(const struct xo_tls_context *context);

/* A tenant's certificate, for client contexts of `client_certificate="tenant"`. */
struct xo_tls_credential *xo_tls_credential_new(
    const struct xo_conf_path *certificate, const struct xo_conf_path *key,
    struct xo_tls_keyring *keyring, struct xo_buf *error);
void xo_tls_credential_free(struct xo_tls_credential **credential);
int64_t xo_tls_credential_expiry(const struct xo_tls_credential *credential);
/* Which one it is, of those of a folder (tls_shelf.h): XO_TLS_MARK_SIZE octets.
 * Zeros: of the configuration. */
const uint8_t *xo_tls_credential_mark(
    const struct xo_tls_credential *credential);

/*
 * The certificate that is shown, to be looked at; it lives as long as the object
 * that it was asked of. NULL: none.
 */
struct xo_tls_leaf;
const struct xo_tls_leaf *xo_tls_context_leaf(
    const struct xo_tls_context *context);
const struct xo_tls_leaf *xo_tls_credential_leaf(
    const struct xo_tls_credential *credential);
/* Leaf and issuers may be used by a client: they have no extended key usage, or
 * one with clientAuth. */
bool xo_tls_context_is_for_clients(const struct xo_tls_context *context);
bool xo_tls_credential_is_for_clients(
    const struct xo_tls_credential *credential);
/* The context believes this CA, by the SHA-1 of its certificate. */
#define XO_TLS_SHA1_SIZE 20
bool xo_tls_context_trusts(const struct xo_tls_context *context,
    const uint8_t sha1[XO_TLS_SHA1_SIZE]);
/* Seconds since 1970. */
void xo_tls_leaf_validity(const struct xo_tls_leaf *leaf, int64_t *from_r,
    int64_t *until_r);
/* SHA-256, as "AB:CD:..."; NULL: "". */
#define XO_TLS_FINGERPRINT_SIZE 96
void xo_tls_leaf_fingerprint(const struct xo_tls_leaf *leaf,
    char text_r[XO_TLS_FINGERPRINT_SIZE]);
/* As a client looks at a server: SAN, the CN only in want of one, `*.x` for
 * one label. `is_below`: a name below the domain is good, too. */
bool xo_tls_leaf_has_name(const struct xo_tls_leaf *leaf,
    struct xo_span domain, bool is_below);

enum xo_io {
	XO_IO_OK,
	XO_IO_WANT_READ,
	XO_IO_WANT_WRITE,
	XO_IO_CLOSED,		/* close_notify; in clear text: end of file */
	XO_IO_ERROR,		/* xo_tls_error() says what */
};

/*
 * `fd` is a connected non-blocking socket and stays the caller's. Server.
 */
struct xo_tls *xo_tls_new_server(struct xo_tls_context *context, int fd);
/*
 * Client. `server_name`: SNI (not of an address), and the name that `verify`
 * demands. `credential` may be NULL: the context's own, if any. NULL: no memory,
 * or `verify` without a name that can be demanded (none, empty, ".x").
 */
struct xo_tls *xo_tls_new_client(struct xo_tls_context *context, int fd,
    const char *server_name, const struct xo_tls_credential *credential);
void xo_tls_free(struct xo_tls **tls);

/*
 * TLS 1.3: the client is done before the server has looked at its certificate;
 * a refusal shows only at the client's first read.
 */
enum xo_io xo_tls_handshake(struct xo_tls *tls);
/* *n_r > 0 with XO_IO_OK. A truncated stream (no close_notify) is XO_IO_ERROR. */
enum xo_io xo_tls_read(struct xo_tls *tls, void *p, size_t len, size_t *n_r);
/*
 * May write less than `len`. After WANT_*, come again with the same bytes or
 * more, at any address.
 */
enum xo_io xo_tls_write(struct xo_tls *tls, const void *p, size_t len,
    size_t *n_r);
/*
 * Octets have been read ahead: read before waiting for the socket. Such a read
 * may still be WANT_READ (half a record); this is false from then on.
 */
bool xo_tls_has_pending(const struct xo_tls *tls);
/* Sends close_notify, once, without waiting for the peer's. */
void xo_tls_shutdown(struct xo_tls *tls);

/* Why the last call was XO_IO_ERROR, for the log: one line, printable. */
const char *xo_tls_error(const struct xo_tls *tls);

/*
 * What the peer showed, as rights.h wants it: valid until xo_tls_free. After
 * the handshake only. is_present is false if it showed nothing. With
 * `encrypt` no chain is looked at: flaw is "not verified". What lists say of a
 * client's chain is in `crl`, and makes none invalid by itself.
 */
const struct xo_certificate *xo_tls_peer(struct xo_tls *tls);
const char *xo_tls_version(const struct xo_tls *tls);
const char *xo_tls_cipher(const struct xo_tls *tls);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", valid until xo_tls_free. */
const char *xo_tls_description(struct xo_tls *tls);
/* Strength of the cipher in bits (E14: below 128 is refused). */
int xo_tls_bits(const struct xo_tls *tls);

/* Before the first use of anything here, in each process. */
bool xo_tls_library_init(void);
/* Before even that, in a program whose processes may call the other; from then on
 * what OpenSSL gives back is wiped in this process. tls_memory.c. */
void xo_tls_memory_init(void);
void xo_tls_memory_wipe(void);

#endif
