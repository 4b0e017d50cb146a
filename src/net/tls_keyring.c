/* SPDX-License-Identifier: ISC */
/*
 * The list of keys, reading them, and signing: see tls_keyring.h.
 */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "tls_internal.h"

/* Locked and not dumped, as far as the limit of locked memory goes; what keys
 * take of it, rounded up. */
#define SECURE_A_KEY ((size_t)16 * 1024)
#define SECURE_MIN ((size_t)256 * 1024)
/* The same of one that is expected: what RSA-8192 is without its passing needs. */
#define SECURE_EXPECTED ((size_t)4 * 1024)

struct entry {
	struct xo_conf_path file;
	EVP_PKEY *public;
	EVP_PKEY *private;		/* NULL: not in this process */
};

struct xo_tls_keyring {
	struct entry *entries;
	size_t n, cap;
	size_t n_expected;
};

static const char *const digest_names[XO_SIGN_DIGEST_COUNT] = {
	[XO_SIGN_SHA256] = "SHA256",
	[XO_SIGN_SHA384] = "SHA384",
	[XO_SIGN_SHA512] = "SHA512",
};

const char *
xo_tls_digest_name(enum xo_sign_digest digest)
{
	return digest_names[digest];
}

struct xo_tls_keyring *
xo_tls_keyring_new(void)
{
	struct xo_tls_keyring *k;

	if (!xo_tls_provider_load())
		return NULL;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		xo_tls_provider_unload();
	return k;
}

void
xo_tls_keyring_free(struct xo_tls_keyring **keyring)
{
	struct xo_tls_keyring *k = *keyring;

	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++) {
		EVP_PKEY_free(k->entries[i].public);
		EVP_PKEY_free(k->entries[i].private);
	}
	free(k->entries);
	free(k);
	*keyring = NULL;
	xo_tls_provider_unload();
}

size_t
xo_tls_keyring_count(const struct xo_tls_keyring *k)
{
	return k->n;
}

void
xo_tls_keyring_expect(struct xo_tls_keyring *k, size_t n_more)
{
	k->n_expected = n_more;
}

/* The same file for the same certificate is one key. */
static size_t
find(const struct xo_tls_keyring *k, const struct xo_conf_path *file,
    const EVP_PKEY *public)
{
	size_t i = 0;

	while (i < k->n && (strcmp(k->entries[i].file.path, file->path) != 0 ||
	    EVP_PKEY_eq(k->entries[i].public, public) != 1))
		i++;
	return i;
}

static bool
add(struct xo_tls_keyring *k, const struct xo_conf_path *file,
    EVP_PKEY *public)
{
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 8 : 2 * k->cap;
		struct entry *p = reallocarray(k->entries, cap, sizeof(*p));

		if (p == NULL)
			return false;
		k->entries = p;
		k->cap = cap;
	}
	if (EVP_PKEY_up_ref(public) != 1)
		return false;
	k->entries[k->n++] = (struct entry){.file = *file, .public = public};
	return true;
}

EVP_PKEY *
xo_tls_keyring_add(struct xo_tls_keyring *k, const struct xo_conf_path *file,
    const X509 *leaf)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf);
	size_t i;

	if (public == NULL)
		return NULL;
	i = find(k, file, public);
	if (i == k->n && !add(k, file, public))
		return NULL;
	return xo_tls_provider_key(public, (uint32_t)i, NULL);
}

/* Without it private keys are in ordinary memory: no reason to fail. */
static void
reserve_secure_memory(const struct xo_tls_keyring *k)
{
	size_t needed = k->n * SECURE_A_KEY + k->n_expected * SECURE_EXPECTED;
	size_t size = SECURE_MIN;

	if (CRYPTO_secure_malloc_initialized())
		return;
	while (size < needed)
		size *= 2;
	(void)CRYPTO_secure_malloc_init(size, 32);
}

/* Better said now than by every handshake. */
static bool
is_fit(const struct entry *e, struct xo_buf *error)
{
	if (EVP_PKEY_eq(e->public, e->private) != 1) {
		xo_tls_complain(error, &e->file.where,
		    "a key and a certificate that fit", e->file.path,
		    xo_tls_take_reason("they do not"));
		return false;
	}
	if ((size_t)EVP_PKEY_get_size(e->private) > XO_SIGNATURE_MAX) {
		xo_tls_complain(error, &e->file.where,
		    "a key of at most 8192 bits", e->file.path, NULL);
		return false;
	}
	return true;
}

bool
xo_tls_keyring_load(struct xo_tls_keyring *k, struct xo_buf *error)
{
	reserve_secure_memory(k);
	for (size_t i = 0; i < k->n; i++) {
		struct entry *e = &k->entries[i];

		EVP_PKEY_free(e->private);
		e->private = xo_tls_read_key(&e->file, error);
		if (e->private == NULL || !is_fit(e, error))
			return false;
	}
	ERR_clear_error();
	return true;
}

void
xo_tls_keyring_forget(struct xo_tls_keyring *k)
{
	for (size_t i = 0; i < k->n; i++) {
		EVP_PKEY_free(k->entries[i].private);
		k->entries[i].private = NULL;
	}
}

/* The digest has its length, and the key is of the scheme's kind. */
static bool
is_sound(const struct xo_sign_request *request, const EVP_PKEY *key,
    const EVP_MD *md)
{
	static const char *const kinds[XO_SIGN_SCHEME_COUNT] = {
		[XO_SIGN_RSA_PKCS1] = "RSA",
		[XO_SIGN_RSA_PSS] = "RSA",
		[XO_SIGN_ECDSA] = "EC",
		[XO_SIGN_ED25519] = "ED25519",
	};

	if (key == NULL || EVP_PKEY_is_a(key, kinds[request->scheme]) != 1)
		return false;
	if (request->scheme == XO_SIGN_ED25519)
		return md == NULL && request->input.len <= XO_SIGN_INPUT_MAX;
	return md != NULL &&
	    request->input.len == (size_t)EVP_MD_get_size(md);
}

static bool
sign_text(EVP_PKEY *key, struct xo_span text, uint8_t *signature, size_t *len_r)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_signed = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, signature, len_r, text.p, text.len) == 1;

	EVP_MD_CTX_free(ctx);
	return is_signed;
}

static bool
set_padding(EVP_PKEY_CTX *ctx, enum xo_sign_scheme scheme)
{
	if (scheme == XO_SIGN_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx,
		    RSA_PSS_SALTLEN_DIGEST) == 1;
	return scheme != XO_SIGN_RSA_PKCS1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
}

static bool
sign_digest(EVP_PKEY *key, const EVP_MD *md,
    const struct xo_sign_request *request, uint8_t *signature, size_t *len_r)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool is_signed = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    set_padding(ctx, request->scheme) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
	    EVP_PKEY_sign(ctx, signature, len_r, request->input.p,
	    request->input.len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return is_signed;
}

bool
xo_tls_sign(EVP_PKEY *key, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	const char *name;
	const EVP_MD *md;
	bool is_signed;

	if (request->scheme >= XO_SIGN_SCHEME_COUNT ||
	    request->digest >= XO_SIGN_DIGEST_COUNT)
		return false;
	name = digest_names[request->digest];
	md = name != NULL ? EVP_get_digestbyname(name) : NULL;
	*len_r = XO_SIGNATURE_MAX;
	is_signed = is_sound(request, key, md) &&
	    (request->scheme == XO_SIGN_ED25519 ?
	    sign_text(key, request->input, signature, len_r) :
	    sign_digest(key, md, request, signature, len_r));
	ERR_clear_error();
	return is_signed;
}

bool
xo_tls_keyring_sign(void *keyring, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	const struct xo_tls_keyring *k = keyring;

	return request->owner == NULL && request->key < k->n &&
	    xo_tls_sign(k->entries[request->key].private, request, signature,
	    len_r);
}
