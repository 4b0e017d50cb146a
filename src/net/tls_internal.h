/* SPDX-License-Identifier: ISC */
/*
 * What the tls*.c files share, the tool's (cmd/common) among them. Nobody else
 * includes this: OpenSSL's types stop here.
 */
#ifndef XO_TLS_INTERNAL_H
#define XO_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls.h"
#include "tls_keyring.h"

/* What to do about the peer's chain. */
enum xo_tls_duty {
	XO_TLS_DUTY_SKIP,	/* never look: encryption only */
	XO_TLS_DUTY_RECORD,	/* look, and let the handshake end anyway */
	XO_TLS_DUTY_DEMAND,	/* a bad chain or name ends the handshake */
};

struct xo_tls_context {
	SSL_CTX *ssl;
	enum xo_tls_duty duty;
	enum xo_crl_mode crl;		/* of DEMAND: else the peer decides */
	bool has_lists;
	int64_t crl_expiry;		/* of `crl_file`; 0: none */
	int64_t expiry;			/* of our own certificate; 0: none */
};

struct xo_tls_credential {
	X509 *leaf;
	STACK_OF(X509) *chain;		/* without the leaf, perhaps empty */
	EVP_PKEY *key;
	int64_t expiry;
	uint8_t mark[XO_TLS_MARK_SIZE];	/* zeros: not from a folder */
};

/* What came of the chain. All-zero: never looked at, hence not valid. */
struct xo_tls_judgement {
	bool is_made;
	bool is_valid;
	int error;			/* X509_V_ERR_*, the first */
	uint32_t usages;		/* XKU_SSL_*, that the chain leaves */
	enum xo_crl_finding crl;
};

/* What the issuers of a chain permit and exclude. */
struct xo_tls_constraints {
	NAME_CONSTRAINTS **read;	/* of each; NULL: it has none */
	size_t n_read;
	struct xo_name_constraint *list; /* pointing into them */
	size_t n;
};

#define XO_TLS_TEXT_SIZE 192

struct xo_tls {
	SSL *ssl;
	enum xo_tls_duty duty;
	enum xo_crl_mode crl;
	bool has_lists;
	struct xo_tls_judgement judgement;
	bool is_open;			/* the handshake was good */
	bool is_broken;			/* no close_notify on such a one */
	bool is_drained;		/* the last read left nothing whole */
	bool has_said_goodbye;
	uint32_t n_late;		/* handshake records behind the handshake */
	bool was_asked;			/* client: for a certificate, if noted */
	bool is_peer_read;
	struct xo_certificate peer;
	GENERAL_NAMES *alt_names;	/* what peer.dns_names points into */
	struct xo_span *dns_names;
	unsigned char *common_name;
	struct xo_tls_constraints constraints;
	char error[XO_TLS_TEXT_SIZE];
	char description[XO_TLS_TEXT_SIZE];
};

/* tls_verify.c: our rules for the chains of the peers of `ctx`. */
bool xo_tls_verify_setup(SSL_CTX *ctx, enum xo_tls_duty duty, bool is_server);
/* From now on every certificate of a chain is looked up in the lists. */
bool xo_tls_verify_with_lists(SSL_CTX *ctx);
/* Short and stable, for the log: "expired". */
const char *xo_tls_flaw(int x509_error);

/* tls_context.c: of no configuration, without certificate and trust; TLS 1.2 or
 * later. NULL with a line in `error`. */
struct xo_tls_context *xo_tls_context_new_bare(bool is_server,
    struct xo_buf *error);

/* tls.c: what every connection of `ctx` has watched. */
void xo_tls_watch(SSL_CTX *ctx);

/* tls_constraints.c: of a chain that was found good, the leaf first. False: they
 * cannot be told, so no name is permitted. In either case _fini() is due. */
bool xo_tls_constraints_read(struct xo_tls_constraints *constraints,
    const STACK_OF(X509) *chain);
void xo_tls_constraints_fini(struct xo_tls_constraints *constraints);

static inline struct xo_span
xo_tls_span(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	return xo_span(ASN1_STRING_get0_data(s), len > 0 ? (size_t)len : 0);
}

/* tls_leaf.c: what a leaf is. */
static inline const struct xo_tls_leaf *
xo_tls_leaf_of(const X509 *x)
{
	return (const struct xo_tls_leaf *)(const void *)x;
}

/* tls_peer.c */
void xo_tls_peer_fini(struct xo_tls *tls);

/*
 * tls_trust.c: PEM files. On failure false, with the line for the operator in
 * `error`.
 */
bool xo_tls_load_trust(SSL_CTX *ctx, const char *trust,
    const struct xo_conf_where *where, struct xo_buf *error);
/* `*expiry_r`: when the first of its lists is stale; 0: never. */
bool xo_tls_load_crls(SSL_CTX *ctx, const struct xo_conf_path *file,
    int64_t *expiry_r, struct xo_buf *error);

/* tls_keyring.c: a key for TLS, with the public half of `leaf`, that signs by
 * its number in the keyring. NULL: no memory, or of no kind that TLS knows. */
EVP_PKEY *xo_tls_keyring_add(struct xo_tls_keyring *keyring,
    const struct xo_conf_path *file, const X509 *leaf);
const char *xo_tls_digest_name(enum xo_sign_digest digest);

/* tls_provider.c: one load, one unload. */
bool xo_tls_provider_load(void);
void xo_tls_provider_unload(void);
/* One that signs by number, or as `owner`'s. */
EVP_PKEY *xo_tls_provider_key(const EVP_PKEY *public, uint32_t number,
    const struct xo_tls_owner *owner);

/* tls_keyring.c: with this key, whatever the request calls it. NULL signs
 * nothing. */
bool xo_tls_sign(EVP_PKEY *key, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r);

/* tls_credential.c. For a PEM reader: nobody is asked for a password; `*arg`, a
 * bool, says that one was wanted. */
int xo_tls_refuse_password(char *password, int size, int is_writing,
    void *was_asked);
/* Seconds since 1970; 0: it cannot be told. */
int64_t xo_tls_end_of(const X509 *x);
/* A private key, in this process. NULL with a line. */
EVP_PKEY *xo_tls_read_key(const struct xo_conf_path *file,
    struct xo_buf *error);

/*
 * "FILE:LINE: expected WHAT", and ", found FOUND: DETAIL" as far as the two
 * are not NULL.
 */
void xo_tls_complain(struct xo_buf *error, const struct xo_conf_where *where,
    const char *expected, const char *found, const char *detail);
/* NULL: no such file; OpenSSL's queue says why. */
BIO *xo_tls_open_file(const char *path);
/* A PEM reader failed at the end of its file, not in something broken. */
bool xo_tls_is_at_end(void);
/* Why a file gave nothing, for the operator. */
const char *xo_tls_file_reason(void);
/*
 * tls.c: the reason of the oldest entry of OpenSSL's error queue, which is emptied;
 * `fallback` if there is none.
 */
const char *xo_tls_take_reason(const char *fallback);

#endif
