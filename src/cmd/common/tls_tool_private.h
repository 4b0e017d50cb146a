/* SPDX-License-Identifier: ISC */
/*
 * Between tls_tool.c and tls_tool_peer.c.
 */
#ifndef XO_TLS_TOOL_PRIVATE_H
#define XO_TLS_TOOL_PRIVATE_H

#include <openssl/ssl.h>

#include <cmd/common/tls_tool.h>

struct xo_tls_tool_context {
	SSL_CTX *ctx;
};

struct xo_tls_tool {
	SSL *ssl;
	bool was_asked;
	bool is_verified;
	bool is_broken;
	int verify_error;	/* X509_V_... */
	const char *error;	/* static text */
};

#endif
