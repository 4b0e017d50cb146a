/* SPDX-License-Identifier: ISC */
/*
 * Keys that are elsewhere, as OpenSSL sees them: a provider inside the program.
 *
 * A key of ours is the public half, from the certificate, and a number. It calls
 * itself RSA, EC or ED25519, because TLS asks for that; all that can be asked of
 * it is answered by the public half, except a signature, which is asked for by
 * number (tls_keyring.h). TLS signs in one call, so there is no update and no
 * final; and nothing is ever verified by one of these keys.
 *
 * Names: the signatures have names that no other provider has, so that a key of
 * ours cannot end up with OpenSSL's own; and nobody but us must be given our
 * kind of key, hence the default property query.
 */
#include <stdlib.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "tls_internal.h"

#define NAME "xoorg"
#define PROPERTIES "provider=" NAME ",fips=yes"
#define NUMBER "xoorg-number"
#define OWNER "xoorg-owner"

/* Kinds of keys */

struct kind {
	const char *name;		/* as TLS and the default provider say */
	const char *signature;
	enum xo_sign_scheme scheme;	/* unless RSA is told otherwise */
};

static const struct kind rsa = {"RSA", "XOORG-RSA", XO_SIGN_RSA_PKCS1};
static const struct kind ec = {"EC", "XOORG-EC", XO_SIGN_ECDSA};
static const struct kind ed25519 = {"ED25519", "XOORG-ED25519",
	XO_SIGN_ED25519};

struct key {
	const struct kind *kind;
	EVP_PKEY *public;
	uint32_t number;
	bool has_number;		/* stands for a private key */
	bool has_owner;			/* who names it, instead */
	struct xo_tls_owner owner;
};

static struct {
	xo_sign_ask *ask;
	void *arg;
} signer;

void
xo_tls_keyring_use(xo_sign_ask *ask, void *arg)
{
	signer.ask = ask;
	signer.arg = arg;
}

/* Key management */

static void *
new_key(const struct kind *kind)
{
	struct key *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->kind = kind;
	return k;
}

static void *
new_rsa(void *provider)
{
	(void)provider;
	return new_key(&rsa);
}

static void *
new_ec(void *provider)
{
	(void)provider;
	return new_key(&ec);
}

static void *
new_ed25519(void *provider)
{
	(void)provider;
	return new_key(&ed25519);
}

static void
free_key(void *key)
{
	struct key *k = key;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->public);
	free(k);
}

static int
has(const void *key, int selection)
{
	const struct key *k = key;

	if (k->public == NULL)
		return 0;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 ||
	    k->has_number;
}

static int
match(const void *a, const void *b, int selection)
{
	const struct key *x = a, *y = b;

	(void)selection;
	return x->public != NULL && y->public != NULL &&
	    EVP_PKEY_eq(x->public, y->public) == 1;
}

/* From what EVP_PKEY_todata() said of a public key, with or without number. */
static int
import(void *key, int selection, const OSSL_PARAM params[])
{
	struct key *k = key;
	const OSSL_PARAM *number = OSSL_PARAM_locate_const(params, NUMBER);
	const OSSL_PARAM *owner = OSSL_PARAM_locate_const(params, OWNER);
	void *to = &k->owner;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->kind->name,
	    "provider!=" NAME);
	int is_ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &k->public, EVP_PKEY_PUBLIC_KEY,
	    (OSSL_PARAM *)(uintptr_t)params) == 1;

	(void)selection;
	EVP_PKEY_CTX_free(ctx);
	if (is_ok && number != NULL)
		is_ok = k->has_number =
		    OSSL_PARAM_get_uint32(number, &k->number) == 1;
	if (is_ok && owner != NULL)
		is_ok = k->has_owner = OSSL_PARAM_get_octet_string(owner,
		    &to, sizeof(k->owner), NULL) == 1;
	return is_ok;
}

static int
export(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
	const struct key *k = key;
	OSSL_PARAM *params = NULL;
	int is_ok;

	(void)selection;
	if (k->public == NULL ||
	    EVP_PKEY_todata(k->public, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return 0;
	is_ok = callback(params, arg);
	OSSL_PARAM_free(params);
	return is_ok;
}

/* A superset: a caller that knows fewer takes fewer. */
static const OSSL_PARAM *
key_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_uint32(NUMBER, NULL),
		OSSL_PARAM_octet_string(OWNER, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static int
get_params(void *key, OSSL_PARAM params[])
{
	const struct key *k = key;

	return k->public != NULL && EVP_PKEY_get_params(k->public, params) > 0;
}

static const OSSL_PARAM *
gettable_params(void *provider)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL,
		    0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)provider;
	return gettable;
}

static const char *
rsa_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? rsa.signature : NULL;
}

static const char *
ec_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? ec.signature : NULL;
}

static const char *
ed25519_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? ed25519.signature : NULL;
}

#define FUNCTION(id, name) {id, (void (*)(void))(name)}
#define KEY_MANAGEMENT(kind)						\
	FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_##kind),			\
	FUNCTION(OSSL_FUNC_KEYMGMT_FREE, free_key),			\
	FUNCTION(OSSL_FUNC_KEYMGMT_HAS, has),				\
	FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, match),			\
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import),			\
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_types),		\
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, export),			\
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_types),		\
	FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),		\
	FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params),	\
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, kind##_signature), \
	{0, NULL}

static const OSSL_DISPATCH rsa_keys[] = {KEY_MANAGEMENT(rsa)};
static const OSSL_DISPATCH ec_keys[] = {KEY_MANAGEMENT(ec)};
static const OSSL_DISPATCH ed25519_keys[] = {KEY_MANAGEMENT(ed25519)};

/* Signatures */

struct signing {
	const struct key *key;
	EVP_MD *md;
	enum xo_sign_scheme scheme;
	enum xo_sign_digest digest;
};

static void *
new_signing(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(struct signing));
}

static void
free_signing(void *signing)
{
	struct signing *s = signing;

	if (s == NULL)
		return;
	EVP_MD_free(s->md);
	free(s);
}

static bool
set_digest(struct signing *s, const char *name)
{
	if (s->scheme == XO_SIGN_ED25519)
		return name == NULL || *name == '\0';
	if (name == NULL)
		return false;
	s->md = EVP_MD_fetch(NULL, name, NULL);
	for (int d = XO_SIGN_SHA256; s->md != NULL && d < XO_SIGN_DIGEST_COUNT;
	    d++)
		if (EVP_MD_is_a(s->md, xo_tls_digest_name(
		    (enum xo_sign_digest)d)))
			s->digest = (enum xo_sign_digest)d;
	return s->digest != XO_SIGN_NO_DIGEST;
}

static bool
is_word(const OSSL_PARAM *param, const char *word, int number)
{
	const char *text;
	int n;

	if (param->data_type == OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_utf8_string_ptr(param, &text) == 1 &&
		    strcmp(text, word) == 0;
	return OSSL_PARAM_get_int(param, &n) == 1 && n == number;
}

static bool
set_padding(struct signing *s, const OSSL_PARAM *mode)
{
	if (s->key->kind != &rsa)
		return false;
	if (is_word(mode, OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING))
		s->scheme = XO_SIGN_RSA_PSS;
	else if (is_word(mode, OSSL_PKEY_RSA_PAD_MODE_PKCSV15,
	    RSA_PKCS1_PADDING))
		s->scheme = XO_SIGN_RSA_PKCS1;
	else
		return false;
	return true;
}

static int
set_params(void *signing, const OSSL_PARAM params[])
{
	struct signing *s = signing;
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && !set_padding(s, p))
		return 0;
	/* The one length that TLS uses, and the one that is asked for. */
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	return p == NULL || is_word(p, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST,
	    RSA_PSS_SALTLEN_DIGEST);
}

static const OSSL_PARAM *
settable_params(void *signing, void *provider)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)signing;
	(void)provider;
	return settable;
}

static int
start_signing(void *signing, const char *digest, void *key,
    const OSSL_PARAM params[])
{
	struct signing *s = signing;

	s->key = key;
	if (s->key == NULL || !s->key->has_number)
		return 0;
	s->scheme = s->key->kind->scheme;
	return set_digest(s, digest) && set_params(s, params);
}

static int
sign(void *signing, unsigned char *signature, size_t *len, size_t size,
    const unsigned char *text, size_t text_len)
{
	struct signing *s = signing;
	struct xo_sign_request request = {
		.key = s->key->number,
		.owner = s->key->has_owner ? &s->key->owner : NULL,
		.scheme = s->scheme,
		.digest = s->digest,
		.input = xo_span(text, text_len),
	};
	uint8_t digest[EVP_MAX_MD_SIZE], made[XO_SIGNATURE_MAX];
	unsigned int digest_len;

	if (signature == NULL) {
		*len = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	if (s->md != NULL) {
		if (EVP_Digest(text, text_len, digest, &digest_len, s->md,
		    NULL) != 1)
			return 0;
		request.input = xo_span(digest, digest_len);
	}
	if (signer.ask == NULL || request.input.len > XO_SIGN_INPUT_MAX ||
	    !signer.ask(signer.arg, &request, made, len) ||
	    *len > sizeof(made) || *len > size)
		return 0;
	memcpy(signature, made, *len);
	return 1;
}

static const OSSL_DISPATCH signing[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, new_signing),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, free_signing),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, start_signing),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_params),
	{0, NULL}
};

/* The provider */

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
		{"RSA:rsaEncryption", PROPERTIES, rsa_keys, "RSA elsewhere"},
		{"EC:id-ecPublicKey", PROPERTIES, ec_keys, "EC elsewhere"},
		{"ED25519", PROPERTIES, ed25519_keys, "Ed25519 elsewhere"},
		{NULL, NULL, NULL, NULL}
	};
	static const OSSL_ALGORITHM signatures[] = {
		{"XOORG-RSA", PROPERTIES, signing, "signed elsewhere"},
		{"XOORG-EC", PROPERTIES, signing, "signed elsewhere"},
		{"XOORG-ED25519", PROPERTIES, signing, "signed elsewhere"},
		{NULL, NULL, NULL, NULL}
	};

	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int
init_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		{0, NULL}
	};

	(void)in;
	*out = functions;
	*context = (void *)(uintptr_t)handle;
	return 1;
}

static struct {
	unsigned int users;		/* keyrings */
	bool is_added;			/* cannot be taken back */
	OSSL_PROVIDER *standard, *ours;
} loaded;

static bool
load(void)
{
	if (!loaded.is_added)
		loaded.is_added = OSSL_PROVIDER_add_builtin(NULL, NAME,
		    init_provider) == 1;
	/* The first that is loaded by name ends the loading of the default by
	 * itself. */
	loaded.standard = OSSL_PROVIDER_load(NULL, "default");
	if (loaded.is_added && loaded.standard != NULL)
		loaded.ours = OSSL_PROVIDER_load(NULL, NAME);
	return loaded.ours != NULL && EVP_set_default_properties(NULL,
	    EVP_default_properties_is_fips_enabled(NULL) ?
	    "fips=yes,?provider!=" NAME : "?provider!=" NAME) == 1;
}

void
xo_tls_provider_unload(void)
{
	if (--loaded.users > 0)
		return;
	if (loaded.ours != NULL)
		(void)OSSL_PROVIDER_unload(loaded.ours);
	if (loaded.standard != NULL)
		(void)OSSL_PROVIDER_unload(loaded.standard);
	loaded.ours = loaded.standard = NULL;
}

bool
xo_tls_provider_load(void)
{
	ERR_clear_error();
	if (loaded.users++ > 0 || load())
		return true;
	xo_tls_provider_unload();
	return false;
}

EVP_PKEY *
xo_tls_provider_key(const EVP_PKEY *public, uint32_t number,
    const struct xo_tls_owner *owner)
{
	struct xo_tls_owner copy = owner != NULL ? *owner :
	    (struct xo_tls_owner){.name = ""};
	OSSL_PARAM numbered[] = {
		OSSL_PARAM_uint32(NUMBER, &number),
		OSSL_PARAM_octet_string(OWNER, &copy, sizeof(copy)),
		OSSL_PARAM_END
	};
	OSSL_PARAM *params = NULL, *all = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (owner == NULL)
		numbered[1] = numbered[2];
	if (EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return NULL;
	all = OSSL_PARAM_merge(params, numbered);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(public),
	    "provider=" NAME);
	if (all != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(all);
	OSSL_PARAM_free(params);
	return key;
}
