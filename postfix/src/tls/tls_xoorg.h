/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * What XOORG wants to know of a client's certificate, and which certificates
 * count as a client's. Beside <tls.h>, which has to come first.
 */
#ifndef TLS_XOORG_H
#define TLS_XOORG_H

/*
 * tls_trust_server_ccerts: the chain of a client may be for servers, for
 * clients or for both; codeSigning and the like stay refused. Does nothing if
 * the parameter is off.
 */
void tls_xoorg_trust_server_ccerts(SSL_CTX *ctx);

/*
 * For a server that offers XOORG: no resumption, so that a verdict never
 * outlives its handshake, and no list of CAs that a client could choose by.
 */
void tls_xoorg_setup(TLS_APPL_STATE *server);

/* Does the client's certificate have one of these names, whatever it is worth?
 * `name_r` (NULL: nowhere), of XOORG_VALUE_SIZE octets: which, else empty. */
int tls_xoorg_has_name(const TLS_SESS_STATE *session, const char *listed,
    char *name_r);

/* Verified in this handshake, and nothing in the chain below 112 bits. */
int tls_xoorg_is_chain_good(const TLS_SESS_STATE *session);

#endif
