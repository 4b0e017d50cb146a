/* SPDX-License-Identifier: ISC */
/*
 * TLS for the tool: both roles, nothing ever refused inside the handshake, so
 * that what is wrong with a certificate can be told and tested afterwards. The
 * gateway's own TLS, which does refuse, is net/tls.h.
 *
 * Sockets are non-blocking; wire.h waits for them. Nothing is resumed.
 */
#ifndef XO_TLS_TOOL_H
#define XO_TLS_TOOL_H

#include <xoorg/bytes.h>

struct xo_tls_tool_context;	/* shared by any number of connections */
struct xo_tls_tool;		/* one connection */

struct xo_tls_tool_settings {
	const char *certificate;	/* PEM, leaf and chain; NULL: none */
	const char *key;		/* PEM; NULL: in `certificate` */
	const char *trust;		/* a file, or "system" */
	bool is_server;
	bool wants_certificate;		/* server: asks for one, any or none */
};

/* NULL: one line in `error`. */
struct xo_tls_tool_context *xo_tls_tool_context_new(
    const struct xo_tls_tool_settings *settings, char *error, size_t error_len);
void xo_tls_tool_context_free(struct xo_tls_tool_context **context);

/* A self-signed certificate with this name is shown from now on. False: not to
 * be had from the library. */
bool xo_tls_tool_forge(struct xo_tls_tool_context *context, const char *name);
/* No TLS 1.3. */
void xo_tls_tool_set_maximum_1_2(struct xo_tls_tool_context *context);

/* `server_name` is for SNI; NULL or an address: none. */
struct xo_tls_tool *xo_tls_tool_new(struct xo_tls_tool_context *context, int fd,
    const char *server_name);
void xo_tls_tool_free(struct xo_tls_tool **tls);

enum xo_tls_tool_io {
	XO_TLS_TOOL_OK,
	XO_TLS_TOOL_WANT_READ,
	XO_TLS_TOOL_WANT_WRITE,
	XO_TLS_TOOL_CLOSED,
	XO_TLS_TOOL_ERROR,
};

enum xo_tls_tool_io xo_tls_tool_handshake(struct xo_tls_tool *tls);
enum xo_tls_tool_io xo_tls_tool_read(struct xo_tls_tool *tls, void *p,
    size_t len, size_t *n_r);
enum xo_tls_tool_io xo_tls_tool_write(struct xo_tls_tool *tls, const void *p,
    size_t len, size_t *n_r);
/* Sends close_notify, if that can be done at once. */
void xo_tls_tool_shutdown(struct xo_tls_tool *tls);
/* Why the last call was XO_TLS_TOOL_ERROR. */
const char *xo_tls_tool_error(const struct xo_tls_tool *tls);

/* After the handshake. */
const char *xo_tls_tool_version(const struct xo_tls_tool *tls);
const char *xo_tls_tool_cipher(const struct xo_tls_tool *tls);
int xo_tls_tool_bits(const struct xo_tls_tool *tls);
/* Client: the server asked for a certificate; for those of so many CAs. */
bool xo_tls_tool_was_asked(const struct xo_tls_tool *tls);
size_t xo_tls_tool_asked_authorities(const struct xo_tls_tool *tls);

/*
 * Why the peer's chain is not good, or NULL: it is, for its purpose. A server's
 * certificate must be one for serverAuth; a client's one for serverAuth or
 * clientAuth, or without any EKU (protocol.md 4.3).
 */
const char *xo_tls_tool_flaw(const struct xo_tls_tool *tls);

/*
 * The peer's certificate carries `name`: as a SAN dNSName, exactly or, if
 * `has_wildcards`, by a wildcard for one label; an address: as iPAddress.
 * A CN never counts.
 */
bool xo_tls_tool_has_name(const struct xo_tls_tool *tls, const char *name,
    bool has_wildcards);

/* What a certificate says, for people. */
struct xo_tls_tool_certificate {
	char *subject;
	char *issuer;
	char **names;		/* SANs: "DNS:gw.contoso.com" */
	size_t n_names;
	char *usages;		/* "serverAuth, clientAuth"; "" if no EKU */
	char *key;		/* "RSA 2048" */
	char *serial;
	char *fingerprint;	/* SHA-256, pairs of digits with colons */
	char *not_before;	/* "2026-01-31T12:00:00Z" */
	char *not_after;
	int64_t days_left;	/* negative: expired */
	int64_t days_life;	/* from beginning to end */
};

struct xo_tls_tool_chain {
	struct xo_tls_tool_certificate *certificates;	/* leaf first */
	size_t n;
};

/* What the peer showed, as it showed it. */
void xo_tls_tool_peer_chain(const struct xo_tls_tool *tls,
    struct xo_tls_tool_chain *chain_r);
/* The context's own leaf, if it has one. */
void xo_tls_tool_own_chain(const struct xo_tls_tool_context *context,
    struct xo_tls_tool_chain *chain_r);
void xo_tls_tool_chain_fini(struct xo_tls_tool_chain *chain);
/* The first SAN dNSName, or else the subject. */
const char *xo_tls_tool_certificate_name(
    const struct xo_tls_tool_certificate *certificate);

/* SHA-256 of what is added. */
struct xo_tls_tool_digest;
struct xo_tls_tool_digest *xo_tls_tool_digest_new(void);
void xo_tls_tool_digest_add(struct xo_tls_tool_digest *digest,
    struct xo_span s);
/* Frees it too. */
void xo_tls_tool_digest_end(struct xo_tls_tool_digest **digest,
    char hex_r[65]);

#endif
