/* SPDX-License-Identifier: ISC */
/*
 * One TLS connection over a non-blocking socket. A connection holds no pointer
 * to its context, which may go first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "tls_internal.h"

#define MAX_NAME 253
/* Tickets, and new keys now and then, each of many gigabytes. */
#define MAX_LATE 64

bool
xo_tls_library_init(void)
{
	return OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1 && RAND_status() == 1;
}

const char *
xo_tls_take_reason(const char *fallback)
{
	unsigned long code = ERR_peek_error();
	const char *reason = NULL;

	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	else if (code != 0)
		reason = ERR_reason_error_string(code);
	ERR_clear_error();
	return reason != NULL ? reason : fallback;
}

/*
 * One read of OpenSSL goes on as long as handshake records arrive that bring no
 * octet of ours: KeyUpdate, or ClientHellos that are refused one by one. A peer
 * that sends them without end would keep the loop to itself: at the limit the
 * next record finds the connection closed.
 */
static void
on_record(int is_written, int version, int type, const void *p, size_t len,
    SSL *ssl, void *unused)
{
	struct xo_tls *tls = SSL_get_app_data(ssl);

	(void)version;
	(void)unused;
	if (is_written != 0 || tls == NULL || !tls->is_open || len == 0 ||
	    (type != SSL3_RT_HEADER && type != SSL3_RT_INNER_CONTENT_TYPE) ||
	    *(const uint8_t *)p != SSL3_RT_HANDSHAKE)
		return;
	if (++tls->n_late == MAX_LATE)
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) |
		    SSL_RECEIVED_SHUTDOWN);
}

void
xo_tls_watch(SSL_CTX *ctx)
{
	SSL_CTX_set_msg_callback(ctx, on_record);
}

static struct xo_tls *
new_connection(struct xo_tls_context *context, int fd)
{
	struct xo_tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	tls->duty = context->duty;
	tls->crl = context->crl;
	tls->has_lists = context->has_lists;
	tls->is_drained = true;
	tls->ssl = SSL_new(context->ssl);
	if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1 ||
	    SSL_set_app_data(tls->ssl, tls) != 1)
		xo_tls_free(&tls);
	ERR_clear_error();
	return tls;
}

struct xo_tls *
xo_tls_new_server(struct xo_tls_context *context, int fd)
{
	struct xo_tls *tls = new_connection(context, fd);

	if (tls != NULL)
		SSL_set_accept_state(tls->ssl);
	return tls;
}

static bool
is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 ||
	    inet_pton(AF_INET6, name, &address) == 1;
}

/*
 * OpenSSL reads a leading dot as "any subdomain" and an empty name as "any
 * name"; a trailing dot never matches.
 */
static bool
copy_name(char name[MAX_NAME + 1], const char *server_name)
{
	size_t len = strlen(server_name);

	if (len > 0 && server_name[len - 1] == '.')
		len--;
	if (len == 0 || len > MAX_NAME || server_name[0] == '.')
		return false;
	memcpy(name, server_name, len);
	name[len] = '\0';
	return true;
}

static bool
expect_name(SSL *ssl, const char *server_name, bool is_demanded)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	char name[MAX_NAME + 1];

	if (server_name == NULL || !copy_name(name, server_name))
		return !is_demanded;
	if (is_address(name))
		return !is_demanded ||
		    X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	if (SSL_set_tlsext_host_name(ssl, name) != 1)
		return false;
	if (!is_demanded)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

struct xo_tls *
xo_tls_new_client(struct xo_tls_context *context, int fd,
    const char *server_name, const struct xo_tls_credential *credential)
{
	struct xo_tls *tls = new_connection(context, fd);

	if (tls == NULL)
		return NULL;
	SSL_set_connect_state(tls->ssl);
	if (!expect_name(tls->ssl, server_name,
	    context->duty == XO_TLS_DUTY_DEMAND) ||
	    (credential != NULL && SSL_use_cert_and_key(tls->ssl,
	    credential->leaf, credential->key, credential->chain, 1) != 1))
		xo_tls_free(&tls);
	ERR_clear_error();
	return tls;
}

void
xo_tls_free(struct xo_tls **tls)
{
	if (*tls == NULL)
		return;
	xo_tls_peer_fini(*tls);
	SSL_free((*tls)->ssl);
	free(*tls);
	*tls = NULL;
}

/* The reason strings of OpenSSL are ASCII; a locale's strerror need not be. */
static void
set_error(struct xo_tls *tls, const char *text, const char *detail)
{
	char *p;

	(void)snprintf(tls->error, sizeof(tls->error), "%s%s%s", text,
	    detail != NULL ? ": " : "", detail != NULL ? detail : "");
	for (p = tls->error; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

static enum xo_io
fail(struct xo_tls *tls, int code, int saved_errno)
{
	const char *flaw = NULL;
	const char *fallback = saved_errno != 0 ? strerror(saved_errno) :
	    "the peer closed the connection";

	tls->is_broken = true;
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
	    ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		ERR_clear_error();
	else if (code == SSL_ERROR_SSL)
		fallback = "unknown TLS error";
	if (tls->duty == XO_TLS_DUTY_DEMAND && tls->judgement.is_made &&
	    !tls->judgement.is_valid)
		flaw = xo_tls_flaw(tls->judgement.error);
	else if (!tls->is_open)
		flaw = "during the TLS handshake";
	set_error(tls, xo_tls_take_reason(fallback), flaw);
	return XO_IO_ERROR;
}

static enum xo_io
to_io(struct xo_tls *tls, int result)
{
	int saved_errno = errno;
	int code = result > 0 ? SSL_ERROR_NONE :
	    SSL_get_error(tls->ssl, result);

	switch (code) {
	case SSL_ERROR_NONE:
		return XO_IO_OK;
	case SSL_ERROR_WANT_READ:
		return XO_IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return XO_IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return XO_IO_CLOSED;
	default:
		return fail(tls, code, saved_errno);
	}
}

/* OpenSSL judges a call by queue and errno, even if an earlier call filled them. */
static bool
begin(struct xo_tls *tls)
{
	ERR_clear_error();
	errno = 0;
	return !tls->is_broken;
}

enum xo_io
xo_tls_handshake(struct xo_tls *tls)
{
	enum xo_io io;

	if (!begin(tls))
		return XO_IO_ERROR;
	io = to_io(tls, SSL_do_handshake(tls->ssl));
	/* The peer's first octets may have come along with its last flight. */
	if (io == XO_IO_OK && !tls->is_open) {
		tls->is_open = true;
		tls->is_drained = false;
	}
	return io;
}

enum xo_io
xo_tls_read(struct xo_tls *tls, void *p, size_t len, size_t *n_r)
{
	enum xo_io io;

	*n_r = 0;
	if (!begin(tls))
		return XO_IO_ERROR;
	io = to_io(tls, SSL_read_ex(tls->ssl, p, len, n_r));
	tls->is_drained = io != XO_IO_OK;
	if (io == XO_IO_CLOSED && tls->n_late >= MAX_LATE) {
		tls->is_broken = true;
		set_error(tls, "too many handshake records", NULL);
		return XO_IO_ERROR;
	}
	return io;
}

enum xo_io
xo_tls_write(struct xo_tls *tls, const void *p, size_t len, size_t *n_r)
{
	*n_r = 0;
	if (!begin(tls))
		return XO_IO_ERROR;
	if (len == 0)
		return XO_IO_OK;
	return to_io(tls, SSL_write_ex(tls->ssl, p, len, n_r));
}

/*
 * With read-ahead OpenSSL may hold a part of a record and call it pending; but
 * a read that wanted more had used up all that was whole.
 */
bool
xo_tls_has_pending(const struct xo_tls *tls)
{
	return !tls->is_broken && !tls->is_drained &&
	    SSL_has_pending(tls->ssl) == 1;
}

void
xo_tls_shutdown(struct xo_tls *tls)
{
	if (!begin(tls) || !tls->is_open || tls->has_said_goodbye)
		return;
	tls->has_said_goodbye = true;
	(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

const char *
xo_tls_error(const struct xo_tls *tls)
{
	return tls->error;
}

const char *
xo_tls_version(const struct xo_tls *tls)
{
	return SSL_get_version(tls->ssl);
}

const char *
xo_tls_cipher(const struct xo_tls *tls)
{
	return SSL_get_cipher_name(tls->ssl);
}

const char *
xo_tls_description(struct xo_tls *tls)
{
	(void)snprintf(tls->description, sizeof(tls->description), "%s %s",
	    xo_tls_version(tls), xo_tls_cipher(tls));
	return tls->description;
}

int
xo_tls_bits(const struct xo_tls *tls)
{
	return SSL_get_cipher_bits(tls->ssl, NULL);
}
