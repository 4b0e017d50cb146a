/* SPDX-License-Identifier: ISC */
/*
 * Contexts, from the configuration: one SSL_CTX for each `tls` section and each
 * upstream, never one a connection.
 */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "tls_internal.h"

#define MAX_CERTIFICATE_LIST (100 * 1024)
/* Four records a read. Not kept by an idle connection. */
#define READ_BUFFER (64 * 1024)
/* 112 bits, for what the list of ciphers does not say itself. */
#define SECURITY_LEVEL 2
/* OpenSSL's list without those of TLS 1.2 that have a MAC of their own (CBC). */
#define SERVER_CIPHERS "DEFAULT:!SHA1:!SHA256:!SHA384"

/* What both sides of a configuration have in common. */
struct settings {
	const struct xo_conf_where *where;
	enum xo_tls_minimum minimum;
	const char *ciphers;
	const char *groups;
};

static void
set_modes(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION);
	/* A stream that ends without close_notify may have been cut. */
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF |
	    SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
	    SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* AUTO_RETRY: a read that wants more has left nothing whole behind. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_NO_AUTO_CHAIN |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	SSL_CTX_set_max_cert_list(ctx, MAX_CERTIFICATE_LIST);
	xo_tls_watch(ctx);
}

/* TLS 1.3 names its suites "TLS_..." and OpenSSL wants them apart. */
static bool
split_ciphers(const char *ciphers, struct xo_buf *suites, struct xo_buf *older)
{
	struct xo_span rest = xo_span_from_cstr(ciphers);

	while (rest.len > 0) {
		size_t end = xo_span_find(rest, ':');
		struct xo_span name = xo_span_first(rest, end);
		struct xo_buf *list =
		    xo_span_has_prefix_nocase(name, XO_LIT("TLS_")) ?
		    suites : older;

		rest = xo_span_from(rest, end + 1);
		if (list->len > 0)
			xo_buf_add_byte(list, ':');
		xo_buf_add(list, name);
	}
	xo_buf_add_byte(suites, '\0');
	xo_buf_add_byte(older, '\0');
	return suites->err == XO_OK && older->err == XO_OK;
}

static bool
set_ciphers(SSL_CTX *ctx, const char *ciphers)
{
	struct xo_buf suites = {0};
	struct xo_buf older = {0};
	bool is_set = split_ciphers(ciphers, &suites, &older) &&
	    (suites.len == 1 ||
	    SSL_CTX_set_ciphersuites(ctx, (const char *)suites.p) == 1) &&
	    (older.len == 1 ||
	    SSL_CTX_set_cipher_list(ctx, (const char *)older.p) == 1);

	xo_buf_fini(&suites);
	xo_buf_fini(&older);
	return is_set;
}

static bool
apply(SSL_CTX *ctx, const struct settings *settings, struct xo_buf *error)
{
	int minimum = settings->minimum == XO_TLS_1_3 ? TLS1_3_VERSION :
	    TLS1_2_VERSION;

	set_modes(ctx);
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	if (SSL_CTX_set_min_proto_version(ctx, minimum) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, 0) != 1) {
		xo_tls_complain(error, settings->where, "TLS", NULL,
		    xo_tls_take_reason("not in this OpenSSL"));
		return false;
	}
	if (settings->ciphers != NULL && !set_ciphers(ctx, settings->ciphers)) {
		xo_tls_complain(error, settings->where,
		    "ciphers that OpenSSL knows", settings->ciphers,
		    xo_tls_take_reason(NULL));
		return false;
	}
	if (settings->groups != NULL &&
	    SSL_CTX_set1_groups_list(ctx, settings->groups) != 1) {
		xo_tls_complain(error, settings->where,
		    "groups that OpenSSL knows", settings->groups,
		    xo_tls_take_reason(NULL));
		return false;
	}
	return true;
}

/* NULL with a line in `error`. */
static struct xo_tls_context *
new_context(const SSL_METHOD *method, const struct settings *settings,
    struct xo_buf *error)
{
	struct xo_tls_context *context = calloc(1, sizeof(*context));

	ERR_clear_error();
	if (context != NULL)
		context->ssl = SSL_CTX_new(method);
	if (context == NULL || context->ssl == NULL) {
		xo_tls_complain(error, settings->where, "TLS", NULL,
		    xo_tls_take_reason("no memory"));
		xo_tls_context_free(&context);
		return NULL;
	}
	if (!apply(context->ssl, settings, error))
		xo_tls_context_free(&context);
	return context;
}

struct xo_tls_context *
xo_tls_context_new_bare(bool is_server, struct xo_buf *error)
{
	static const struct xo_conf_where nowhere;
	const struct settings settings = {.where = &nowhere,
		.minimum = XO_TLS_1_2};

	return new_context(is_server ? TLS_server_method() :
	    TLS_client_method(), &settings, error);
}

static bool
use_certificate(struct xo_tls_context *context,
    const struct xo_conf_path *certificate, const struct xo_conf_path *key,
    struct xo_tls_keyring *keyring, struct xo_buf *error)
{
	struct xo_tls_credential *own =
	    xo_tls_credential_new(certificate, key, keyring, error);
	bool is_used;

	if (own == NULL)
		return false;
	is_used = SSL_CTX_use_cert_and_key(context->ssl, own->leaf, own->key,
	    own->chain, 1) == 1;
	if (!is_used)
		xo_tls_complain(error, &certificate->where,
		    "a certificate for TLS", certificate->path,
		    xo_tls_take_reason("unusable"));
	context->expiry = own->expiry;
	xo_tls_credential_free(&own);
	return is_used;
}

/* ALPACA: a client that wants another protocol is not ours to talk to. */
static int
select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *unused)
{
	struct xo_span offered = xo_span(in, in_len);

	(void)ssl;
	(void)unused;
	while (offered.len > 0) {
		struct xo_span name = xo_span_first(xo_span_from(offered, 1),
		    offered.p[0]);

		if (xo_span_is_equal(name, XO_LIT("smtp"))) {
			*out = name.p;
			*out_len = (unsigned char)name.len;
			return SSL_TLSEXT_ERR_OK;
		}
		offered = xo_span_from(offered, 1 + (size_t)offered.p[0]);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/*
 * No verdict may outlive its handshake (a resumed session is never verified):
 * neither cache nor tickets, and a session id context that no other context
 * has, should a session turn up all the same.
 */
static bool
forbid_resumption(SSL_CTX *ctx)
{
	unsigned char id[SSL_MAX_SID_CTX_LENGTH];

	return RAND_bytes(id, sizeof(id)) == 1 &&
	    SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) == 1 &&
	    SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	    SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
	    SSL_CTX_set_recv_max_early_data(ctx, 0) == 1;
}

static bool
use_lists(struct xo_tls_context *context, enum xo_crl_mode crl,
    const struct xo_conf_path *file, struct xo_buf *error)
{
	context->crl = crl;
	return crl == XO_CRL_OFF || (xo_tls_load_crls(context->ssl, file,
	    &context->crl_expiry, error) &&
	    xo_tls_context_add_crls(context, &(struct xo_conf_path){0}, NULL,
	    error));
}

static bool
ask_for_certificate(struct xo_tls_context *context,
    const struct xo_conf_tls *conf, struct xo_buf *error)
{
	SSL_CTX *ctx = context->ssl;

	context->duty = XO_TLS_DUTY_RECORD;
	/* Empty: which CAs we believe is nobody's business, and long. */
	SSL_CTX_set_client_CA_list(ctx, sk_X509_NAME_new_null());
	return xo_tls_load_trust(ctx, conf->trust, &conf->trust_where, error) &&
	    use_lists(context, conf->crl, &conf->crl_file, error);
}

struct xo_tls_context *
xo_tls_context_new_server(const struct xo_conf_tls *conf,
    bool wants_certificate, struct xo_tls_keyring *keyring,
    struct xo_buf *error)
{
	const struct settings settings = {
		.where = &conf->where, .minimum = conf->minimum,
		.ciphers = conf->ciphers != NULL ? conf->ciphers :
		    SERVER_CIPHERS,
		.groups = conf->groups
	};
	struct xo_tls_context *context =
	    new_context(TLS_server_method(), &settings, error);

	if (context == NULL)
		return NULL;
	SSL_CTX_set_alpn_select_cb(context->ssl, select_protocol, NULL);
	if (!use_certificate(context, &conf->certificate, &conf->key, keyring,
	    error) ||
	    (wants_certificate && !ask_for_certificate(context, conf, error)))
		xo_tls_context_free(&context);
	else if (!forbid_resumption(context->ssl) ||
	    !xo_tls_verify_setup(context->ssl, context->duty, true)) {
		xo_tls_complain(error, &conf->where, "TLS", NULL,
		    xo_tls_take_reason("no memory"));
		xo_tls_context_free(&context);
	}
	ERR_clear_error();
	return context;
}

struct xo_tls_context *
xo_tls_context_new_client(const struct xo_conf_upstream *conf,
    enum xo_tls_level level, struct xo_tls_keyring *keyring,
    struct xo_buf *error)
{
	const struct settings settings = {
		.where = &conf->where, .minimum = conf->minimum,
		.ciphers = conf->ciphers, .groups = conf->groups
	};
	bool has_certificate = conf->client_certificate.path != NULL ||
	    conf->client_key.path != NULL;
	struct xo_tls_context *context =
	    new_context(TLS_client_method(), &settings, error);

	if (context == NULL)
		return NULL;
	if (level == XO_TLS_VERIFY)
		context->duty = XO_TLS_DUTY_DEMAND;
	if ((has_certificate && !use_certificate(context,
	    &conf->client_certificate, &conf->client_key, keyring, error)) ||
	    (level == XO_TLS_VERIFY && (!xo_tls_load_trust(context->ssl,
	    conf->trust, &conf->trust_where, error) ||
	    !use_lists(context, conf->crl, &conf->crl_file, error))))
		xo_tls_context_free(&context);
	else if (!xo_tls_verify_setup(context->ssl, context->duty, false)) {
		xo_tls_complain(error, &conf->where, "TLS", NULL,
		    xo_tls_take_reason("no memory"));
		xo_tls_context_free(&context);
	}
	ERR_clear_error();
	return context;
}

void
xo_tls_context_free(struct xo_tls_context **context)
{
	if (*context == NULL)
		return;
	SSL_CTX_free((*context)->ssl);
	free(*context);
	*context = NULL;
}

int64_t
xo_tls_context_expiry(const struct xo_tls_context *context)
{
	return context->expiry;
}

int64_t
xo_tls_context_crl_expiry(const struct xo_tls_context *context)
{
	return context->crl_expiry;
}

bool
xo_tls_context_add_crls(struct xo_tls_context *context,
    const struct xo_conf_path *file, int64_t *expiry_r, struct xo_buf *error)
{
	if (file->path != NULL && !xo_tls_load_crls(context->ssl, file,
	    expiry_r, error))
		return false;
	context->has_lists = xo_tls_verify_with_lists(context->ssl);
	if (!context->has_lists)
		xo_tls_complain(error, &file->where, "TLS", NULL,
		    xo_tls_take_reason("no memory"));
	return context->has_lists;
}
