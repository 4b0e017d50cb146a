/* SPDX-License-Identifier: ISC */
/*
 * Keys that are asked for by number: handshakes of both sides in TLS 1.2 and 1.3
 * with every kind of key, keys that do not fit, a signer that does not sign.
 */
#include "tls_world.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static unsigned int n_asked;

/* As in a worker, but the keys are here. */
static bool
ask(void *keyring, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	n_asked++;
	return xo_tls_keyring_sign(keyring, request, signature, len_r);
}

static bool
refuse(void *keyring, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	(void)keyring;
	(void)request;
	(void)signature;
	(void)len_r;
	n_asked++;
	return false;
}

struct identity {
	struct pki_identity made;
	struct xo_conf_path certificate, key;
	char *certificate_file, *key_file;
};

static struct identity
make_identity(enum pki_key kind)
{
	const struct pki_spec spec = {
		.dns = {PKI_NAME("gw.contoso.test")},
		.key = kind,
	};
	struct identity id = {.made = pki_issue(&spec, &world.root)};
	X509 *chain[] = {id.made.x, NULL};

	id.certificate_file = pki_write_certificates("own", chain);
	id.key_file = pki_write_key("own-key", id.made.key, NULL);
	id.certificate = path_of(id.certificate_file);
	id.key = path_of(id.key_file);
	return id;
}

static void
identity_fini(struct identity *id)
{
	pki_identity_fini(&id->made);
	free(id->certificate_file);
	free(id->key_file);
}

static struct xo_tls_keyring *
new_keyring(void)
{
	struct xo_tls_keyring *keyring = xo_tls_keyring_new();

	assert_non_null(keyring);
	return keyring;
}

static void
load(struct xo_tls_keyring *keyring)
{
	struct xo_buf error = {0};

	if (!xo_tls_keyring_load(keyring, &error))
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	xo_buf_fini(&error);
}

static SSL_CTX *
peer_context(const SSL_METHOD *method, int version)
{
	SSL_CTX *ctx = plain_context(method, NULL, NULL);

	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	return ctx;
}

/* We are the server; the peer verifies what we sign. */
static bool
serve(struct xo_tls_context *context, int version)
{
	SSL_CTX *ctx = peer_context(TLS_client_method(), version);
	struct pair pair;
	bool is_good;

	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
	    world.root.x), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	pair_open(&pair);
	pair.ours = xo_tls_new_server(context, pair.fd[0]);
	assert_non_null(pair.ours);
	pair_add_plain(&pair, ctx, false);
	pair_handshake(&pair);
	is_good = pair.our_end == XO_IO_OK && pair.is_their_end_good;
	if (is_good)
		pair_send_octet(&pair);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	return is_good;
}

static const struct {
	const char *name;
	enum pki_key kind;
	int version;
} kinds[] = {
	{"EC, TLS 1.2", PKI_EC, TLS1_2_VERSION},
	{"EC, TLS 1.3", PKI_EC, TLS1_3_VERSION},
	{"P-384, TLS 1.2", PKI_EC_384, TLS1_2_VERSION},
	{"P-384, TLS 1.3", PKI_EC_384, TLS1_3_VERSION},
	{"P-521, TLS 1.2", PKI_EC_521, TLS1_2_VERSION},
	{"P-521, TLS 1.3", PKI_EC_521, TLS1_3_VERSION},
	{"RSA-4096, TLS 1.3", PKI_RSA_4096, TLS1_3_VERSION},
	{"RSA, TLS 1.2", PKI_RSA_2048, TLS1_2_VERSION},
	{"RSA, TLS 1.3", PKI_RSA_2048, TLS1_3_VERSION},
	{"Ed25519, TLS 1.2", PKI_ED25519, TLS1_2_VERSION},
	{"Ed25519, TLS 1.3", PKI_ED25519, TLS1_3_VERSION},
};

static void
test_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct identity id = make_identity(kinds[i].kind);
		struct xo_tls_keyring *keyring = new_keyring();
		struct xo_conf_tls conf = world.conf;
		struct xo_tls_context *context;
		struct xo_buf error = {0};

		conf.certificate = id.certificate;
		conf.key = id.key;
		context = xo_tls_context_new_server(&conf, true, keyring,
		    &error);
		assert_non_null(context);
		assert_int_equal(xo_tls_keyring_count(keyring), 1);
		xo_tls_keyring_use(ask, keyring);
		n_asked = 0;
		/* Nobody has the key yet. */
		if (serve(context, kinds[i].version) || n_asked == 0)
			fail_msg("%s: signed without a key", kinds[i].name);
		load(keyring);
		n_asked = 0;
		if (!serve(context, kinds[i].version))
			fail_msg("%s: no handshake", kinds[i].name);
		assert_int_equal(n_asked, 1);
		xo_tls_keyring_use(refuse, NULL);
		if (serve(context, kinds[i].version))
			fail_msg("%s: a signature from nowhere",
			    kinds[i].name);
		xo_tls_keyring_use(NULL, NULL);
		assert_false(serve(context, kinds[i].version));
		xo_tls_context_free(&context);
		xo_tls_keyring_free(&keyring);
		xo_buf_fini(&error);
		identity_fini(&id);
	}
}

/* We are the client, with a tenant's certificate; the peer demands one. */
static bool
show(const struct xo_tls_credential *credential, int version)
{
	const struct xo_conf_upstream conf = {.trust = world.root_file};
	struct xo_buf error = {0};
	struct xo_tls_context *context = xo_tls_context_new_client(&conf,
	    XO_TLS_ENCRYPT, NULL, &error);
	SSL_CTX *ctx = plain_context(TLS_server_method(), &world.gateway, NULL);
	struct pair pair;
	bool is_good;

	assert_non_null(context);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
	    world.root.x), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	pair_open(&pair);
	pair.ours = xo_tls_new_client(context, pair.fd[0], "gw.contoso.test",
	    credential);
	assert_non_null(pair.ours);
	pair_add_plain(&pair, ctx, true);
	pair_handshake(&pair);
	is_good = pair.our_end == XO_IO_OK && pair.is_their_end_good;
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
	xo_buf_fini(&error);
	return is_good;
}

static void
test_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct identity id = make_identity(kinds[i].kind);
		struct xo_tls_keyring *keyring = new_keyring();
		struct xo_buf error = {0};
		struct xo_tls_credential *credential = xo_tls_credential_new(
		    &id.certificate, &id.key, keyring, &error);

		assert_non_null(credential);
		load(keyring);
		xo_tls_keyring_use(ask, keyring);
		n_asked = 0;
		if (!show(credential, kinds[i].version))
			fail_msg("%s: no handshake", kinds[i].name);
		assert_int_equal(n_asked, 1);
		xo_tls_keyring_use(refuse, NULL);
		assert_false(show(credential, kinds[i].version));
		xo_tls_keyring_use(NULL, NULL);
		xo_tls_credential_free(&credential);
		xo_tls_keyring_free(&keyring);
		xo_buf_fini(&error);
		identity_fini(&id);
	}
}

static void
test_load(void **state)
{
	struct identity one = make_identity(PKI_RSA_2048);
	struct xo_tls_keyring *keyring = new_keyring();
	struct xo_buf error = {0};
	struct xo_conf_path wrong = path_of(world.key_file);
	struct xo_tls_credential *a, *b, *c;

	(void)state;
	a = xo_tls_credential_new(&one.certificate, &one.key, keyring, &error);
	b = xo_tls_credential_new(&one.certificate, &one.key, keyring, &error);
	assert_non_null(a);
	assert_non_null(b);
	/* The same key is one key. */
	assert_int_equal(xo_tls_keyring_count(keyring), 1);
	load(keyring);
	load(keyring);
	c = xo_tls_credential_new(&one.certificate, &wrong, keyring, &error);
	assert_non_null(c);
	assert_false(xo_tls_keyring_load(keyring, &error));
	xo_buf_add_byte(&error, '\0');
	assert_non_null(strstr((const char *)error.p,
	    "expected a key and a certificate that fit"));
	xo_tls_credential_free(&a);
	xo_tls_credential_free(&b);
	xo_tls_credential_free(&c);
	xo_tls_keyring_free(&keyring);
	xo_buf_fini(&error);
	identity_fini(&one);
}

/* What somebody who took a worker over might ask. */
static void
test_nonsense(void **state)
{
	struct identity rsa = make_identity(PKI_RSA_2048);
	struct xo_tls_keyring *keyring = new_keyring();
	struct xo_buf error = {0};
	struct xo_tls_credential *credential = xo_tls_credential_new(
	    &rsa.certificate, &rsa.key, keyring, &error);
	uint8_t signature[XO_SIGNATURE_MAX], digest[32] = {1};
	const struct xo_sign_request good = {.scheme = XO_SIGN_RSA_PSS,
		.digest = XO_SIGN_SHA256, .input = xo_span(digest, 32)};
	struct xo_sign_request bad[7];
	size_t len;

	(void)state;
	load(keyring);
	assert_true(xo_tls_keyring_sign(keyring, &good, signature, &len));
	assert_int_equal(len, 256);
	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].key = 1;
	bad[1].key = UINT32_MAX;
	bad[2].scheme = XO_SIGN_ECDSA;
	bad[3].scheme = XO_SIGN_SCHEME_COUNT;
	bad[4].digest = XO_SIGN_DIGEST_COUNT;
	bad[5].digest = XO_SIGN_NO_DIGEST;
	bad[6].input.len = 31;
	for (size_t i = 0; i < 7; i++)
		if (xo_tls_keyring_sign(keyring, &bad[i], signature, &len))
			fail_msg("row %zu was signed", i);
	xo_tls_keyring_forget(keyring);
	assert_false(xo_tls_keyring_sign(keyring, &good, signature, &len));
	xo_tls_credential_free(&credential);
	xo_tls_keyring_free(&keyring);
	xo_buf_fini(&error);
	identity_fini(&rsa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
