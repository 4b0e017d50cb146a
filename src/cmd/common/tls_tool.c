/* SPDX-License-Identifier: ISC */
/*
 * TLS for the tool: its contexts. Connections, and the judgement of a chain,
 * are the gateway's (net/tls.h); what certificates say is told by
 * tls_tool_peer.c.
 */
#include <cmd/common/tls_tool.h>

#include <stdio.h>

#include <cmd/common/tool.h>
#include <net/tls_internal.h>

static const struct xo_conf_where nowhere;

/* Client only: called if, and only if, the server asked. */
static int
note_request(SSL *ssl, void *unused)
{
	struct xo_tls *tls = SSL_get_app_data(ssl);

	(void)unused;
	tls->was_asked = true;
	return 1;
}

static bool
load_credential(SSL_CTX *ctx, const struct xo_tls_tool_settings *settings,
    struct xo_buf *error)
{
	const char *key = settings->key;

	if (settings->certificate == NULL)
		return true;
	if (key == NULL)
		key = settings->certificate;
	if (SSL_CTX_use_certificate_chain_file(ctx,
	    settings->certificate) != 1) {
		xo_buf_add_all(error, settings->certificate,
		    ": no certificate: ", xo_tls_file_reason(), (char *)NULL);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		xo_buf_add_all(error, key, ": no key for ",
		    settings->certificate, ": ", xo_tls_file_reason(),
		    (char *)NULL);
		return false;
	}
	return true;
}

static bool
set_up(struct xo_tls_context *context,
    const struct xo_tls_tool_settings *settings, struct xo_buf *error)
{
	SSL_CTX *ctx = context->ssl;

	if (!settings->is_server || settings->wants_certificate)
		context->duty = XO_TLS_DUTY_RECORD;
	if (!settings->is_server)
		SSL_CTX_set_cert_cb(ctx, note_request, NULL);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	    xo_tls_verify_setup(ctx, context->duty, settings->is_server) &&
	    load_credential(ctx, settings, error) &&
	    xo_tls_load_trust(ctx, settings->trust, &nowhere, error);
}

struct xo_tls_context *
xo_tls_tool_context_new(const struct xo_tls_tool_settings *settings,
    char *error, size_t error_len)
{
	struct xo_buf text = {.p = NULL};
	struct xo_tls_context *context = xo_tool_require(
	    xo_tls_context_new_bare(settings->is_server, &text));

	if (!set_up(context, settings, &text)) {
		snprintf(error, error_len, "%s", xo_tool_cstr(&text));
		xo_tls_context_free(&context);
	}
	xo_buf_fini(&text);
	return context;
}

bool
xo_tls_tool_was_asked(const struct xo_tls *tls)
{
	return tls->was_asked;
}

size_t
xo_tls_tool_asked_authorities(const struct xo_tls *tls)
{
	const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(tls->ssl);
	int n = names != NULL ? sk_X509_NAME_num(names) : 0;

	return n > 0 ? (size_t)n : 0;
}
