/* SPDX-License-Identifier: ISC */
/*
 * TLS for the tool: contexts of both roles in which nothing is ever refused
 * inside the handshake, so that what is wrong with a certificate can be told and
 * tested afterwards; and what certificates say, for people. Connections are those
 * of net/tls.h, and a chain is judged as the gateway judges it.
 */
#ifndef XO_TLS_TOOL_H
#define XO_TLS_TOOL_H

#include <net/tls.h>

struct xo_tls_tool_settings {
	const char *certificate;	/* PEM, leaf and chain; NULL: none */
	const char *key;		/* PEM; NULL: in `certificate` */
	const char *trust;		/* a file, or "system" */
	bool is_server;
	bool wants_certificate;		/* server: asks for one, any or none */
};

/* NULL: one line in `error`. */
struct xo_tls_context *xo_tls_tool_context_new(
    const struct xo_tls_tool_settings *settings, char *error, size_t error_len);

/* A self-signed certificate with this name is shown from now on. False: not to
 * be had from the library. */
bool xo_tls_tool_forge(struct xo_tls_context *context, const char *name);
/* No TLS 1.3. */
void xo_tls_tool_set_maximum_1_2(struct xo_tls_context *context);

/* After the handshake, also a failed one. Client: the server asked for a
 * certificate; for those of so many CAs. */
bool xo_tls_tool_was_asked(const struct xo_tls *tls);
size_t xo_tls_tool_asked_authorities(const struct xo_tls *tls);

/*
 * Why the peer's chain is not good, in the gateway's words, or NULL: it is, for
 * its purpose. A server's certificate must be one for serverAuth; a client's one
 * for serverAuth or clientAuth, or without any EKU (protocol.md 4.3).
 */
const char *xo_tls_tool_flaw(struct xo_tls *tls);

/*
 * The peer's certificate carries `name`, and its issuers permit it: as a SAN
 * dNSName, exactly or, if `has_wildcards`, by a wildcard for one label; an
 * address: as iPAddress. A CN never counts.
 */
bool xo_tls_tool_has_name(struct xo_tls *tls, const char *name,
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
void xo_tls_tool_peer_chain(const struct xo_tls *tls,
    struct xo_tls_tool_chain *chain_r);
/* The context's own leaf, if it has one. */
void xo_tls_tool_own_chain(const struct xo_tls_context *context,
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
