/* SPDX-License-Identifier: ISC */
/*
 * What we show to peers: a certificate with its chain, and its key or the key's
 * number in a keyring. Read when the configuration is, so that a worker opens
 * no file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls_internal.h"

int
xo_tls_refuse_password(char *password, int size, int is_writing, void *was_asked)
{
	(void)password;
	(void)size;
	(void)is_writing;
	*(bool *)was_asked = true;
	return -1;
}

static bool
read_certificates(struct xo_tls_credential *credential, BIO *in)
{
	X509 *x;

	credential->leaf = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
	credential->chain = sk_X509_new_null();
	if (credential->leaf == NULL || credential->chain == NULL)
		return false;
	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(credential->chain, x) == 0) {
			X509_free(x);
			return false;
		}
	}
	return xo_tls_is_at_end();
}

static bool
load_certificates(struct xo_tls_credential *credential,
    const struct xo_conf_path *file, struct xo_buf *error)
{
	BIO *in = xo_tls_open_file(file->path);
	bool is_loaded = in != NULL && read_certificates(credential, in);

	if (!is_loaded)
		xo_tls_complain(error, &file->where,
		    "a PEM file with a certificate and its chain", file->path,
		    xo_tls_file_reason());
	BIO_free(in);
	return is_loaded;
}

EVP_PKEY *
xo_tls_read_key(const struct xo_conf_path *file, struct xo_buf *error)
{
	char buffer[4096];
	bool was_asked = false;
	EVP_PKEY *key = NULL;
	FILE *stream = NULL;
	BIO *in = xo_tls_open_file(file->path);

	/* A buffer of our own: stdio would leave the key in its. */
	if (in != NULL && BIO_get_fp(in, &stream) == 1 &&
	    setvbuf(stream, buffer, _IOFBF, sizeof(buffer)) == 0)
		key = PEM_read_bio_PrivateKey(in, NULL,
		    xo_tls_refuse_password, &was_asked);
	if (key == NULL)
		xo_tls_complain(error, &file->where,
		    "a PEM file with a private key and no password", file->path,
		    was_asked ? "encrypted" : xo_tls_file_reason());
	BIO_free(in);
	explicit_bzero(buffer, sizeof(buffer));
	ERR_clear_error();
	return key;
}

static bool
load_key(struct xo_tls_credential *credential, const struct xo_conf_path *file,
    struct xo_tls_keyring *keyring, struct xo_buf *error)
{
	if (keyring == NULL) {
		credential->key = xo_tls_read_key(file, error);
		return credential->key != NULL;
	}
	credential->key = xo_tls_keyring_add(keyring, file, credential->leaf);
	if (credential->key == NULL)
		xo_tls_complain(error, &file->where,
		    "a certificate with an RSA, EC or Ed25519 key", file->path,
		    xo_tls_take_reason("another"));
	return credential->key != NULL;
}

int64_t
xo_tls_end_of(const X509 *x)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

struct xo_tls_credential *
xo_tls_credential_new(const struct xo_conf_path *certificate,
    const struct xo_conf_path *key, struct xo_tls_keyring *keyring,
    struct xo_buf *error)
{
	struct xo_tls_credential *credential;
	/* Fit for a connection? Better asked now than at the first one. */
	SSL_CTX *trial = SSL_CTX_new(TLS_method());

	credential = calloc(1, sizeof(*credential));
	if (credential == NULL || trial == NULL) {
		xo_tls_complain(error, &certificate->where, "free memory",
		    "none", NULL);
		goto fail;
	}
	if (certificate->path == NULL || key->path == NULL) {
		xo_tls_complain(error, certificate->path != NULL ?
		    &certificate->where : &key->where,
		    "a certificate and its key", "one without the other", NULL);
		goto fail;
	}
	if (!load_certificates(credential, certificate, error) ||
	    !load_key(credential, key, keyring, error))
		goto fail;
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(trial, credential->leaf, credential->key,
	    credential->chain, 1) != 1) {
		xo_tls_complain(error, &key->where,
		    "a key and a certificate that fit", key->path,
		    xo_tls_take_reason("they do not"));
		goto fail;
	}
	credential->expiry = xo_tls_end_of(credential->leaf);
	SSL_CTX_free(trial);
	return credential;
fail:
	SSL_CTX_free(trial);
	xo_tls_credential_free(&credential);
	ERR_clear_error();
	return NULL;
}

void
xo_tls_credential_free(struct xo_tls_credential **credential)
{
	if (*credential == NULL)
		return;
	X509_free((*credential)->leaf);
	sk_X509_pop_free((*credential)->chain, X509_free);
	EVP_PKEY_free((*credential)->key);
	free(*credential);
	*credential = NULL;
}

int64_t
xo_tls_credential_expiry(const struct xo_tls_credential *credential)
{
	return credential->expiry;
}

const uint8_t *
xo_tls_credential_mark(const struct xo_tls_credential *credential)
{
	return credential->mark;
}
