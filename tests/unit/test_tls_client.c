/* SPDX-License-Identifier: ISC */
/*
 * The way out: what a client of ours demands of a server, and what it shows.
 */
#include "tls_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* U03: against the certificates of servers. */
static const struct pki_spec good_server = {
	.dns = {PKI_NAME("mx.contoso.com"), PKI_NAME("*.mail.contoso.com")},
	.eku = {NID_server_auth}
};
static const struct pki_spec cn_server = {.cn = {PKI_NAME("mx.contoso.com")}};
static const struct pki_spec client_only = {
	.dns = {PKI_NAME("mx.contoso.com")}, .eku = {NID_client_auth}
};
static const struct pki_spec old_server = {
	.dns = {PKI_NAME("mx.contoso.com")}, .is_expired = true
};
static const struct pki_spec weak_server = {
	.dns = {PKI_NAME("mx.contoso.com")}, .key = PKI_RSA_1024
};
static const struct pki_spec ip_server = {
	.dns = {PKI_NAME("192.0.2.2")}, .ip = "192.0.2.1"
};
static const struct pki_spec nul_server = {
	.dns = {PKI_NAME("mx.contoso.com\0.evil.example")}
};
static const struct pki_spec partial_server = {
	.dns = {PKI_NAME("m*.contoso.com"), PKI_NAME("*.com")}
};

static const struct {
	const char *name;
	const struct pki_spec *spec;
	const char *flaw;		/* NULL: goes through */
	bool is_by_twin;
} servers[] = {
	{"mx.contoso.com", &good_server, NULL, false},
	{"MX.contoso.com", &good_server, NULL, false},
	{"mx.contoso.com.", &good_server, NULL, false},
	{"a.mail.contoso.com", &good_server, NULL, false},
	{"a.b.mail.contoso.com", &good_server, "wrong name", false},
	{"mail.contoso.com", &good_server, "wrong name", false},
	{"contoso.com", &good_server, "wrong name", false},
	{"mx.contoso.com", &good_server, "bad signature", true},
	{"mx.contoso.com", &cn_server, "wrong name", false},
	{"mx.contoso.com", &client_only, "wrong usage", false},
	{"mx.contoso.com", &old_server, "expired", false},
	{"mx.contoso.com", &weak_server, "weak key", false},
	{"mx.contoso.com", &nul_server, "wrong name", false},
	{"mx.contoso.com", &partial_server, "wrong name", false},
	{"contoso.com", &partial_server, "wrong name", false},
	{"192.0.2.1", &ip_server, NULL, false},
	{"192.0.2.2", &ip_server, "wrong name", false},
	{"192.0.2.1", &good_server, "wrong name", false},
};

static struct xo_tls_context *
client_context(enum xo_tls_level level, const char *certificate,
    const char *key)
{
	const struct xo_conf_upstream conf = {
		.trust = world.root_file,
		.where = {"xoorg.conf", 20},
		.trust_where = {"xoorg.conf", 21},
		.client_certificate = path_of(certificate),
		.client_key = path_of(key),
	};
	struct xo_buf error = {0};
	struct xo_tls_context *context =
	    xo_tls_context_new_client(&conf, level, NULL, &error);

	if (context == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	xo_buf_fini(&error);
	return context;
}

static void
check_server(size_t i, struct xo_tls_context *context, bool is_demanding)
{
	struct pki_identity server = pki_issue(servers[i].spec,
	    servers[i].is_by_twin ? &world.twin : &world.root);
	SSL_CTX *ctx = plain_context(TLS_server_method(), &server, NULL);
	bool want = !is_demanding || servers[i].flaw == NULL;
	struct pair pair;

	pair_open(&pair);
	pair.ours = xo_tls_new_client(context, pair.fd[0], servers[i].name,
	    NULL);
	assert_non_null(pair.ours);
	pair_add_plain(&pair, ctx, true);
	pair_handshake(&pair);
	if ((pair.our_end == XO_IO_OK) != want)
		fail_msg("%s, %zu: got %d (%s)", servers[i].name, i,
		    (int)pair.our_end, xo_tls_error(pair.ours));
	if (!want) {
		char text[80];

		(void)snprintf(text, sizeof(text),
		    "certificate verify failed: %s", servers[i].flaw);
		assert_string_equal(xo_tls_error(pair.ours), text);
	} else {
		assert_true(xo_tls_peer(pair.ours)->is_present);
		assert_int_equal(xo_tls_peer(pair.ours)->is_chain_valid,
		    is_demanding);
		pair_send_octet(&pair);
	}
	pair_close(&pair);
	SSL_CTX_free(ctx);
	pki_identity_fini(&server);
}

static void
test_client_verify(void **state)
{
	struct xo_tls_context *context =
	    client_context(XO_TLS_VERIFY, NULL, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		check_server(i, context, true);
	xo_tls_context_free(&context);
}

static void
test_client_encrypt(void **state)
{
	struct xo_tls_context *context =
	    client_context(XO_TLS_ENCRYPT, NULL, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		check_server(i, context, false);
	xo_tls_context_free(&context);
}

/* A name that OpenSSL would take for "any" is none to demand. */
static void
test_client_names(void **state)
{
	static const char *const bad[] = {NULL, "", ".", ".contoso.com"};
	struct xo_tls_context *verify =
	    client_context(XO_TLS_VERIFY, NULL, NULL);
	struct xo_tls_context *encrypt =
	    client_context(XO_TLS_ENCRYPT, NULL, NULL);
	struct pair pair;
	size_t i;

	(void)state;
	pair_open(&pair);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(xo_tls_new_client(verify, pair.fd[0], bad[i],
		    NULL));
		pair.ours = xo_tls_new_client(encrypt, pair.fd[0], bad[i],
		    NULL);
		assert_non_null(pair.ours);
		xo_tls_free(&pair.ours);
	}
	pair_close(&pair);
	xo_tls_context_free(&verify);
	xo_tls_context_free(&encrypt);
}

/* What our client shows to a server, and which name it asks for. */
static void
check_shown(struct xo_tls_context *context,
    const struct xo_tls_credential *credential, const char *server_name,
    const X509 *want, int want_chain)
{
	SSL_CTX *ctx = plain_context(TLS_server_method(), &world.gateway, NULL);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	const X509 *got;
	const char *name;
	struct pair pair;

	assert_int_equal(X509_STORE_add_cert(store, world.root.x), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	pair_open(&pair);
	pair.ours = xo_tls_new_client(context, pair.fd[0], server_name,
	    credential);
	assert_non_null(pair.ours);
	pair_add_plain(&pair, ctx, true);
	pair_handshake(&pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	assert_true(pair.is_their_end_good);
	got = SSL_get0_peer_certificate(pair.theirs);
	assert_int_equal(got != NULL, want != NULL);
	/* A server's view of the chain is without the leaf. */
	if (want != NULL) {
		assert_int_equal(X509_cmp(got, want), 0);
		assert_int_equal(
		    sk_X509_num(SSL_get_peer_cert_chain(pair.theirs)),
		    want_chain);
	}
	name = SSL_get_servername(pair.theirs, TLSEXT_NAMETYPE_host_name);
	if (server_name != NULL && strcmp(server_name, "192.0.2.1") != 0)
		assert_string_equal(name, server_name);
	else
		assert_null(name);
	pair_close(&pair);
	SSL_CTX_free(ctx);
}

static void
test_client_certificates(void **state)
{
	static const struct pki_spec spec = {
		.dns = {PKI_NAME("contoso.com")}, .eku = {NID_client_auth}
	};
	struct pki_identity tenant = pki_issue(&spec, &world.intermediate);
	char *file = pki_write_certificates("tenant.pem",
	    (X509 *[]){tenant.x, world.intermediate.x, NULL});
	char *key_file = pki_write_key("tenant.key", tenant.key, NULL);
	struct xo_conf_path certificate = path_of(file);
	struct xo_conf_path key = path_of(key_file);
	struct xo_buf error = {0};
	struct xo_tls_credential *credential =
	    xo_tls_credential_new(&certificate, &key, NULL, &error);
	struct xo_tls_context *none = client_context(XO_TLS_ENCRYPT, NULL, NULL);
	struct xo_tls_context *own = client_context(XO_TLS_VERIFY,
	    world.certificate_file, world.key_file);

	(void)state;
	assert_non_null(credential);
	assert_true(xo_tls_credential_expiry(credential) > time(NULL));
	assert_int_equal(xo_tls_context_expiry(none), 0);
	assert_true(xo_tls_context_expiry(own) > time(NULL) + 29 * PKI_DAY);
	check_shown(none, NULL, "gw.contoso.com", NULL, 0);
	check_shown(none, credential, "192.0.2.1", tenant.x, 1);
	check_shown(none, NULL, NULL, NULL, 0);
	check_shown(own, NULL, "gw.contoso.com", world.gateway.x, 0);
	check_shown(own, credential, "gw.contoso.com", tenant.x, 1);
	check_shown(own, NULL, "gw.contoso.com", world.gateway.x, 0);
	xo_tls_credential_free(&credential);
	xo_tls_context_free(&none);
	xo_tls_context_free(&own);
	free(file);
	free(key_file);
	pki_identity_fini(&tenant);
}

/* TLS 1.3: the server's refusal reaches the client at its first read. */
static void
test_refused_certificate(void **state)
{
	struct xo_tls_context *context =
	    client_context(XO_TLS_ENCRYPT, NULL, NULL);
	SSL_CTX *ctx = plain_context(TLS_server_method(), &world.gateway, NULL);
	struct pair pair;
	char octet;
	size_t n;

	(void)state;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	pair_open(&pair);
	pair.ours = xo_tls_new_client(context, pair.fd[0], "x.example", NULL);
	pair_add_plain(&pair, ctx, true);
	pair_handshake(&pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	assert_false(pair.is_their_end_good);
	assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_ERROR);
	assert_non_null(strstr(xo_tls_error(pair.ours), "certificate required"));
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_verify),
		cmocka_unit_test(test_client_encrypt),
		cmocka_unit_test(test_client_names),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_refused_certificate),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
