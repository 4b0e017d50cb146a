/* SPDX-License-Identifier: ISC */
/*
 * TLS for the tool: contexts and connections. What certificates say is told by
 * tls_tool_peer.c.
 */
#include <cmd/common/tls_tool.h>

#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cmd/common/tls_tool_private.h>
#include <cmd/common/tool.h>

/* The oldest entry of the queue is the cause; what came later follows it. */
static const char *
library_error(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return reason != NULL ? reason : "unknown TLS error";
}

/* Client only: called if, and only if, the server asked. */
static int
note_request(SSL *ssl, void *unused)
{
	struct xo_tls_tool *tls = SSL_get_app_data(ssl);

	(void)unused;
	tls->was_asked = true;
	return 1;
}

/*
 * Verifies, keeps the first flaw and goes on in any case. A client's chain is
 * verified for any purpose: public CAs give no clientAuth any more. The EKU of
 * its leaf is looked at by xo_tls_tool_flaw().
 */
static int
verify_chain(X509_STORE_CTX *store, void *unused)
{
	int index = SSL_get_ex_data_X509_STORE_CTX_idx();
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, index);
	struct xo_tls_tool *tls = SSL_get_app_data(ssl);

	(void)unused;
	if (SSL_is_server(ssl))
		X509_VERIFY_PARAM_set_purpose(
		    X509_STORE_CTX_get0_param(store), X509_PURPOSE_ANY);
	tls->is_verified = true;
	tls->verify_error = X509_V_OK;
	if (X509_verify_cert(store) != 1) {
		tls->verify_error = X509_STORE_CTX_get_error(store);
		if (tls->verify_error == X509_V_OK)
			tls->verify_error = X509_V_ERR_UNSPECIFIED;
	}
	return 1;
}

static bool
load_credential(SSL_CTX *ctx, const struct xo_tls_tool_settings *settings,
    char *error, size_t error_len)
{
	const char *key = settings->key;

	if (settings->certificate == NULL)
		return true;
	if (key == NULL)
		key = settings->certificate;
	if (SSL_CTX_use_certificate_chain_file(ctx,
	    settings->certificate) != 1) {
		snprintf(error, error_len, "%s: no certificate: %s",
		    settings->certificate, library_error());
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		snprintf(error, error_len, "%s: no key for %s: %s", key,
		    settings->certificate, library_error());
		return false;
	}
	return true;
}

static bool
load_trust(SSL_CTX *ctx, const char *trust, char *error, size_t error_len)
{
	if (trust == NULL || strcmp(trust, "system") == 0) {
		SSL_CTX_set_default_verify_paths(ctx);
		return true;
	}
	if (SSL_CTX_load_verify_file(ctx, trust) != 1) {
		snprintf(error, error_len, "%s: no CA certificates: %s",
		    trust, library_error());
		return false;
	}
	return true;
}

struct xo_tls_tool_context *
xo_tls_tool_context_new(const struct xo_tls_tool_settings *settings,
    char *error, size_t error_len)
{
	struct xo_tls_tool_context *context =
	    xo_tool_require(calloc(1, sizeof(*context)));
	SSL_CTX *ctx = SSL_CTX_new(settings->is_server
	    ? TLS_server_method() : TLS_client_method());

	context->ctx = xo_tool_require(ctx);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_cert_verify_callback(ctx, verify_chain, NULL);
	if (!settings->is_server)
		SSL_CTX_set_cert_cb(ctx, note_request, NULL);
	else if (settings->wants_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (!load_credential(ctx, settings, error, error_len) ||
	    !load_trust(ctx, settings->trust, error, error_len))
		xo_tls_tool_context_free(&context);
	return context;
}

void
xo_tls_tool_context_free(struct xo_tls_tool_context **context)
{
	if (*context != NULL)
		SSL_CTX_free((*context)->ctx);
	free(*context);
	*context = NULL;
}

static bool
is_address(const char *name)
{
	uint8_t octets[16];

	return inet_pton(AF_INET, name, octets) == 1 ||
	    inet_pton(AF_INET6, name, octets) == 1;
}

struct xo_tls_tool *
xo_tls_tool_new(struct xo_tls_tool_context *context, int fd,
    const char *server_name)
{
	struct xo_tls_tool *tls = xo_tool_require(calloc(1, sizeof(*tls)));

	tls->ssl = xo_tool_require(SSL_new(context->ctx));
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_fd(tls->ssl, fd);
	if (SSL_is_server(tls->ssl)) {
		SSL_set_accept_state(tls->ssl);
	} else {
		SSL_set_connect_state(tls->ssl);
		if (server_name != NULL && !is_address(server_name))
			SSL_set_tlsext_host_name(tls->ssl, server_name);
	}
	return tls;
}

void
xo_tls_tool_free(struct xo_tls_tool **tls)
{
	if (*tls != NULL)
		SSL_free((*tls)->ssl);
	free(*tls);
	*tls = NULL;
}

/* `result` is what the last call on `tls` returned. */
static enum xo_tls_tool_io
classify(struct xo_tls_tool *tls, int result)
{
	if (result > 0)
		return XO_TLS_TOOL_OK;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return XO_TLS_TOOL_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return XO_TLS_TOOL_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return XO_TLS_TOOL_CLOSED;
	case SSL_ERROR_SYSCALL:
		tls->error = "connection lost";
		ERR_clear_error();
		break;
	default:
		tls->error = library_error();
		break;
	}
	tls->is_broken = true;
	return XO_TLS_TOOL_ERROR;
}

enum xo_tls_tool_io
xo_tls_tool_handshake(struct xo_tls_tool *tls)
{
	ERR_clear_error();
	return classify(tls, SSL_do_handshake(tls->ssl));
}

enum xo_tls_tool_io
xo_tls_tool_read(struct xo_tls_tool *tls, void *p, size_t len, size_t *n_r)
{
	*n_r = 0;
	ERR_clear_error();
	return classify(tls, SSL_read_ex(tls->ssl, p, len, n_r));
}

enum xo_tls_tool_io
xo_tls_tool_write(struct xo_tls_tool *tls, const void *p, size_t len,
    size_t *n_r)
{
	*n_r = 0;
	ERR_clear_error();
	return classify(tls, SSL_write_ex(tls->ssl, p, len, n_r));
}

void
xo_tls_tool_shutdown(struct xo_tls_tool *tls)
{
	/* After a fatal error the library must not be called again. */
	if (!tls->is_broken && SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

const char *
xo_tls_tool_error(const struct xo_tls_tool *tls)
{
	return tls->error != NULL ? tls->error : "unknown TLS error";
}

const char *
xo_tls_tool_version(const struct xo_tls_tool *tls)
{
	return SSL_get_version(tls->ssl);
}

const char *
xo_tls_tool_cipher(const struct xo_tls_tool *tls)
{
	return SSL_get_cipher_name(tls->ssl);
}

int
xo_tls_tool_bits(const struct xo_tls_tool *tls)
{
	return SSL_get_cipher_bits(tls->ssl, NULL);
}

bool
xo_tls_tool_was_asked(const struct xo_tls_tool *tls)
{
	return tls->was_asked;
}

size_t
xo_tls_tool_asked_authorities(const struct xo_tls_tool *tls)
{
	const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(tls->ssl);
	int n = names != NULL ? sk_X509_NAME_num(names) : 0;

	return n > 0 ? (size_t)n : 0;
}
