/* SPDX-License-Identifier: ISC */
/*
 * What a configuration can get wrong about TLS, and the line the operator reads.
 */
#include "tls_world.h"

#include <stdlib.h>
#include <time.h>

/* `want` is how the line begins. */
static void
check_line(const struct xo_buf *error, const char *want)
{
	if (error->len < strlen(want) ||
	    memcmp(error->p, want, strlen(want)) != 0)
		fail_msg("got \"%.*s\", want \"%s\"", (int)error->len,
		    (const char *)error->p, want);
	assert_null(memchr(error->p, '\n', error->len));
}

static void
check_server(const struct xo_conf_tls *conf, const char *want)
{
	struct xo_buf error = {0};
	struct xo_tls_context *context =
	    xo_tls_context_new_server(conf, true, NULL, &error);

	if (want == NULL && context == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	assert_int_equal(context == NULL, want != NULL);
	if (want != NULL)
		check_line(&error, want);
	xo_tls_context_free(&context);
	xo_buf_fini(&error);
}

static void
test_certificate(void **state)
{
	struct xo_conf_tls conf = world.conf;
	char *empty = pki_write_text("empty.pem", "");
	char *broken = pki_write_text("broken.pem",
	    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

	(void)state;
	check_server(&conf, NULL);
	conf.certificate = path_of("/nonexistent/gw.pem");
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a "
	    "certificate and its chain, found /nonexistent/gw.pem: "
	    "No such file or directory");
	conf.certificate = path_of(empty);
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a "
	    "certificate and its chain, found ");
	conf.certificate = path_of(broken);
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a "
	    "certificate and its chain, found ");
	conf.certificate = path_of(world.key_file);
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a "
	    "certificate and its chain, found ");
	conf.certificate = path_of("/tmp");
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a "
	    "certificate and its chain, found /tmp: ");
	conf.certificate = path_of(NULL);
	check_server(&conf, "xoorg.conf:7: expected a certificate and its key");
	free(empty);
	free(broken);
}

static void
test_key(void **state)
{
	static const struct pki_spec weak = {.key = PKI_RSA_1024};
	struct pki_identity identity = pki_issue(&weak, &world.root);
	char *locked = pki_write_key("locked.key", world.gateway.key, "secret");
	char *other = pki_write_key("other.key", world.root.key, NULL);
	char *weak_file = pki_write_certificates("weak.pem",
	    (X509 *[]){identity.x, NULL});
	char *weak_key = pki_write_key("weak.key", identity.key, NULL);
	struct xo_conf_tls conf = world.conf;

	(void)state;
	conf.key = path_of(locked);
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a private "
	    "key and no password, found ");
	conf.key = path_of(world.certificate_file);
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a private "
	    "key and no password, found ");
	conf.key = path_of("/nonexistent/gw.key");
	check_server(&conf, "xoorg.conf:7: expected a PEM file with a private "
	    "key and no password, found /nonexistent/gw.key: "
	    "No such file or directory");
	conf.key = path_of(other);
	check_server(&conf, "xoorg.conf:7: expected a key and a certificate "
	    "that fit, found ");
	conf.certificate = path_of(weak_file);
	conf.key = path_of(weak_key);
	check_server(&conf, "xoorg.conf:7: expected a key and a certificate "
	    "that fit, found ");
	free(locked);
	free(other);
	free(weak_file);
	free(weak_key);
	pki_identity_fini(&identity);
}

static void
test_trust(void **state)
{
	struct xo_conf_tls conf = world.conf;
	char *text = pki_write_text("trust.pem", "# nobody\n");
	char *cut = pki_write_text("cut.pem", "-----BEGIN CERTIFICATE-----\nMII");
	X509 *twice[] = {world.root.x, world.twin.x, world.root.x, NULL};
	char *several = pki_write_certificates("several.pem", twice);

	(void)state;
	conf.trust = several;
	check_server(&conf, NULL);
	conf.trust = text;
	check_server(&conf, "xoorg.conf:8: expected \"system\" or a PEM file "
	    "of CA certificates, found ");
	conf.trust = cut;
	check_server(&conf, "xoorg.conf:8: expected \"system\" or a PEM file "
	    "of CA certificates, found ");
	conf.trust = "/nonexistent/ca.pem";
	check_server(&conf, "xoorg.conf:8: expected \"system\" or a PEM file "
	    "of CA certificates, found /nonexistent/ca.pem: "
	    "No such file or directory");
	free(text);
	free(cut);
	free(several);
}

/* The system's CAs, from a folder and a file of the test's own. */
static bool
is_trusted_by_system(void)
{
	static const struct pki_spec spec = {
		.dns = {PKI_NAME("client.example")}
	};
	struct pki_identity leaf = pki_issue(&spec, &world.root);
	SSL_CTX *ctx = plain_context(TLS_client_method(), &leaf, NULL);
	struct xo_conf_tls conf = world.conf;
	struct xo_tls_context *context;
	struct pair pair;
	bool is_valid;

	conf.trust = "system";
	context = server_context(&conf);
	pair_open(&pair);
	pair.ours = xo_tls_new_server(context, pair.fd[0]);
	pair_add_plain(&pair, ctx, false);
	pair_handshake(&pair);
	is_valid = xo_tls_peer(pair.ours)->is_chain_valid;
	pair_close(&pair);
	xo_tls_context_free(&context);
	SSL_CTX_free(ctx);
	pki_identity_fini(&leaf);
	return is_valid;
}

static void
test_system_trust(void **state)
{
	char *hashed = pki_write_certificates("0123abcd.0",
	    (X509 *[]){world.root.x, NULL});
	char *folder = strdup(hashed);

	(void)state;
	*strrchr(folder, '/') = '\0';
	(void)setenv("SSL_CERT_FILE", "/nonexistent", 1);
	(void)setenv("SSL_CERT_DIR", "/nonexistent", 1);
	assert_false(is_trusted_by_system());
	(void)setenv("SSL_CERT_DIR", folder, 1);
	assert_true(is_trusted_by_system());
	(void)setenv("SSL_CERT_DIR", "/nonexistent", 1);
	(void)setenv("SSL_CERT_FILE", world.root_file, 1);
	assert_true(is_trusted_by_system());
	(void)unsetenv("SSL_CERT_DIR");
	(void)unsetenv("SSL_CERT_FILE");
	assert_false(is_trusted_by_system());
	free(hashed);
	free(folder);
}

static void
test_lists(void **state)
{
	struct xo_conf_tls conf = world.conf;

	(void)state;
	conf.crl = XO_CRL_SOFT;
	check_server(&conf, "expected a PEM file of revocation lists, "
	    "found none");
	conf.crl_file = path_of(world.root_file);
	check_server(&conf, "xoorg.conf:7: expected a PEM file of revocation "
	    "lists, found ");
	conf.crl = XO_CRL_OFF;
	check_server(&conf, NULL);
}

/* An old certificate of our own is the peer's problem, and the metric's. */
static void
test_expired(void **state)
{
	static const struct pki_spec spec = {.is_expired = true};
	struct pki_identity old = pki_issue(&spec, &world.root);
	char *file = pki_write_certificates("old.pem", (X509 *[]){old.x, NULL});
	struct xo_conf_tls conf = world.conf;
	struct xo_tls_context *context;

	(void)state;
	conf.certificate = path_of(file);
	context = server_context(&conf);
	assert_true(xo_tls_context_expiry(context) < time(NULL));
	assert_true(xo_tls_context_expiry(context) > time(NULL) - 2 * PKI_DAY);
	xo_tls_context_free(&context);
	free(file);
	pki_identity_fini(&old);
}

static void
test_ciphers(void **state)
{
	static const struct {
		const char *ciphers;
		const char *groups;
		const char *want;
	} rows[] = {
		{"ECDHE-ECDSA-AES256-GCM-SHA384", NULL, NULL},
		{"TLS_AES_256_GCM_SHA384", "P-256", NULL},
		{"TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
		    "TLS_AES_128_GCM_SHA256", "X25519:P-256", NULL},
		{"HIGH:!aNULL", NULL, NULL},
		{"NONSENSE", NULL, "xoorg.conf:5: expected ciphers that "
		    "OpenSSL knows, found NONSENSE"},
		{"TLS_NONSENSE", NULL, "xoorg.conf:5: expected ciphers that "
		    "OpenSSL knows, found TLS_NONSENSE"},
		{NULL, "P-0", "xoorg.conf:5: expected groups that OpenSSL "
		    "knows, found P-0"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_conf_tls conf = world.conf;

		conf.ciphers = rows[i].ciphers;
		conf.groups = rows[i].groups;
		check_server(&conf, rows[i].want);
	}
}

static void
test_client(void **state)
{
	struct xo_conf_upstream conf = {
		.where = {"xoorg.conf", 20},
		.trust = "/nonexistent",
		.trust_where = {"xoorg.conf", 21},
	};
	struct xo_buf error = {0};
	struct xo_tls_context *context =
	    xo_tls_context_new_client(&conf, XO_TLS_ENCRYPT, NULL, &error);

	(void)state;
	assert_non_null(context);
	xo_tls_context_free(&context);
	assert_null(xo_tls_context_new_client(&conf, XO_TLS_VERIFY, NULL, &error));
	check_line(&error, "xoorg.conf:21: expected ");
	conf.client_certificate = path_of(world.certificate_file);
	assert_null(xo_tls_context_new_client(&conf, XO_TLS_ENCRYPT, NULL, &error));
	check_line(&error, "xoorg.conf:7: expected a certificate and its key");
	xo_buf_fini(&error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_system_trust),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
