/* SPDX-License-Identifier: ISC */
/*
 * One connection: what a server of ours refuses, what a client of ours demands,
 * and the octets that go through. Certificates are test_tls_chain.c's.
 */
#include "tls_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#define BULK (3 * 1024 * 1024)

/* Our server against a plain client. */
static void
open_server(struct pair *pair, struct xo_tls_context *context, SSL_CTX *ctx)
{
	pair_open(pair);
	pair->ours = xo_tls_new_server(context, pair->fd[0]);
	assert_non_null(pair->ours);
	pair_add_plain(pair, ctx, false);
}

static void
test_description(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;

	(void)state;
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384");
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_string_equal(xo_tls_description(pair.ours),
	    "TLSv1.3 TLS_AES_256_GCM_SHA384");
	assert_int_equal(xo_tls_bits(pair.ours), 256);
	assert_string_equal(xo_tls_error(pair.ours), "");
	/* Asked for a certificate, without a word about whom we believe. */
	assert_true(SSL_get0_peer_CA_list(pair.theirs) == NULL ||
	    sk_X509_NAME_num(SSL_get0_peer_CA_list(pair.theirs)) == 0);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* V01: with `version`, the client that kept its session gets a new one. */
static void
check_resumption(int version)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), &world.gateway, NULL);
	SSL_SESSION *session = NULL;
	char octet;
	size_t n;
	int i;

	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	for (i = 0; i < 3; i++) {
		struct pair pair;

		open_server(&pair, context, ctx);
		if (session != NULL)
			assert_int_equal(SSL_set_session(pair.theirs, session),
			    1);
		pair_handshake(&pair);
		assert_int_equal(pair.our_end, XO_IO_OK);
		assert_int_equal(SSL_session_reused(pair.theirs), 0);
		assert_true(xo_tls_peer(pair.ours)->is_chain_valid);
		/* A ticket would come with the first octets. */
		assert_int_equal(xo_tls_write(pair.ours, "x", 1, &n), XO_IO_OK);
		assert_int_equal(SSL_read(pair.theirs, &octet, 1), 1);
		SSL_SESSION_free(session);
		session = SSL_get1_session(pair.theirs);
		assert_int_equal(SSL_SESSION_has_ticket(session), 0);
		if (version == TLS1_3_VERSION)
			assert_int_equal(SSL_SESSION_is_resumable(session), 0);
		/* Only the session of a good end would be kept. */
		xo_tls_shutdown(pair.ours);
		(void)SSL_shutdown(pair.theirs);
		assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n),
		    XO_IO_CLOSED);
		pair_close(&pair);
	}
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

static void
test_no_resumption(void **state)
{
	(void)state;
	check_resumption(TLS1_2_VERSION);
	check_resumption(TLS1_3_VERSION);
}

/* T07 */
static void
test_alpn(void **state)
{
	static const struct {
		const char *offer;
		unsigned int len;
		bool is_fine;
	} rows[] = {
		{"\010http/1.1", 9, false},
		{"\004smtp", 5, true},
		{"\002h2\004smtp", 8, true},
		{"\005smtps", 6, false},
		{"\003smt", 4, false},
	};
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair pair;

		assert_int_equal(SSL_CTX_set_alpn_protos(ctx,
		    (const unsigned char *)rows[i].offer, rows[i].len), 0);
		open_server(&pair, context, ctx);
		pair_handshake(&pair);
		assert_int_equal(pair.our_end == XO_IO_OK, rows[i].is_fine);
		if (!rows[i].is_fine)
			assert_int_equal(pair.their_reason,
			    SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
		pair_close(&pair);
	}
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* T08, and `minimum`. */
static void
test_versions(void **state)
{
	static const struct {
		enum xo_tls_minimum minimum;
		int version;
		bool is_fine;
	} rows[] = {
		{XO_TLS_1_2, TLS1_1_VERSION, false},
		{XO_TLS_1_2, TLS1_2_VERSION, true},
		{XO_TLS_1_2, TLS1_3_VERSION, true},
		{XO_TLS_1_3, TLS1_2_VERSION, false},
		{XO_TLS_1_3, TLS1_3_VERSION, true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xo_conf_tls conf = world.conf;
		struct xo_tls_context *context;
		SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
		struct pair pair;

		conf.minimum = rows[i].minimum;
		context = server_context(&conf);
		SSL_CTX_set_min_proto_version(ctx, rows[i].version);
		SSL_CTX_set_max_proto_version(ctx, rows[i].version);
		open_server(&pair, context, ctx);
		pair_handshake(&pair);
		assert_int_equal(pair.our_end == XO_IO_OK, rows[i].is_fine);
		if (!rows[i].is_fine) {
			assert_int_equal(pair.their_reason,
			    SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
			assert_string_equal(xo_tls_error(pair.ours),
			    "unsupported protocol: during the TLS handshake");
		}
		pair_close(&pair);
		SSL_CTX_free(ctx);
		xo_tls_context_free(&context);
	}
}

/* T11 */
static void
test_no_renegotiation(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;
	char octet;
	size_t n;

	(void)state;
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_int_equal(SSL_renegotiate(pair.theirs), 1);
	(void)SSL_do_handshake(pair.theirs);
	assert_int_not_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_OK);
	ERR_clear_error();
	assert_int_not_equal(SSL_do_handshake(pair.theirs), 1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
	    SSL_R_NO_RENEGOTIATION);
	assert_false(xo_tls_peer(pair.ours)->is_present);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* T03, T09, T06: not TLS at all, half of it, and a stream that is cut. */
static void
test_bad_ends(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;
	char octet;
	size_t n;

	(void)state;
	open_server(&pair, context, ctx);
	assert_int_equal(write(pair.fd[1], "EHLO x\r\n", 8), 8);
	assert_int_equal(xo_tls_handshake(pair.ours), XO_IO_ERROR);
	assert_true(strlen(xo_tls_error(pair.ours)) > 0);
	assert_int_equal(xo_tls_handshake(pair.ours), XO_IO_ERROR);
	xo_tls_shutdown(pair.ours);
	pair_close(&pair);

	open_server(&pair, context, ctx);
	assert_int_equal(write(pair.fd[1], "\026\003\001\002\000\001\000", 7), 7);
	assert_int_equal(xo_tls_handshake(pair.ours), XO_IO_WANT_READ);
	assert_int_equal(shutdown(pair.fd[1], SHUT_WR), 0);
	assert_int_equal(xo_tls_handshake(pair.ours), XO_IO_ERROR);
	assert_string_equal(xo_tls_error(pair.ours),
	    "the peer closed the connection: during the TLS handshake");
	pair_close(&pair);

	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_WANT_READ);
	pair_send_octet(&pair);
	assert_int_equal(shutdown(pair.fd[1], SHUT_WR), 0);
	assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_ERROR);
	assert_string_equal(xo_tls_error(pair.ours),
	    "the peer closed the connection");
	pair_close(&pair);

	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

static void
test_good_end(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;
	char octet;
	size_t n;

	(void)state;
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_int_equal(SSL_shutdown(pair.theirs), 0);
	assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_CLOSED);
	assert_int_equal(xo_tls_write(pair.ours, "x", 1, &n), XO_IO_OK);
	xo_tls_shutdown(pair.ours);
	xo_tls_shutdown(pair.ours);
	assert_int_equal(SSL_read(pair.theirs, &octet, 1), 1);
	assert_int_equal(SSL_read(pair.theirs, &octet, 1), 0);
	assert_int_equal(SSL_get_error(pair.theirs, 0), SSL_ERROR_ZERO_RETURN);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* A whole record is pending, half a one only until a read has seen it. */
static void
test_pending(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;
	char octets[8];
	size_t n;

	(void)state;
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_false(xo_tls_has_pending(pair.ours));
	assert_int_equal(SSL_write(pair.theirs, "abc", 3), 3);
	assert_int_equal(SSL_write(pair.theirs, "def", 3), 3);
	assert_int_equal(write(pair.fd[1], "\027\003\003", 3), 3);
	assert_int_equal(xo_tls_read(pair.ours, octets, 1, &n), XO_IO_OK);
	assert_true(xo_tls_has_pending(pair.ours));
	assert_int_equal(xo_tls_read(pair.ours, octets, 8, &n), XO_IO_OK);
	assert_int_equal(n, 2);
	assert_true(xo_tls_has_pending(pair.ours));
	assert_int_equal(xo_tls_read(pair.ours, octets, 8, &n), XO_IO_OK);
	assert_int_equal(n, 3);
	assert_memory_equal(octets, "def", 3);
	assert_int_equal(xo_tls_read(pair.ours, octets, 8, &n),
	    XO_IO_WANT_READ);
	assert_false(xo_tls_has_pending(pair.ours));
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* Octet i of the stream, so that a lost or doubled piece shows. */
static char
octet_at(size_t i)
{
	return (char)(i % 251);
}

/* Writes what goes, from a copy that never stands where the last one did. */
static size_t
push_bulk(struct xo_tls *tls, size_t sent)
{
	static char places[2][50000];
	static unsigned int turn;
	size_t len = BULK - sent < sizeof(places[0]) ? BULK - sent :
	    sizeof(places[0]);
	char *copy = places[turn++ % 2];
	enum xo_io io;
	size_t i;
	size_t n = 0;

	for (i = 0; i < len; i++)
		copy[i] = octet_at(sent + i);
	io = xo_tls_write(tls, copy, len, &n);
	assert_true(io == XO_IO_OK || io == XO_IO_WANT_WRITE);
	assert_int_equal(n > 0, io == XO_IO_OK);
	return n;
}

static void
test_bulk_out(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	static char in[70000];
	struct pair pair;
	size_t sent = 0;
	size_t received = 0;
	int waits = 0;
	int turns;

	(void)state;
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	for (turns = 0; turns < 100000 && received < BULK; turns++) {
		size_t n = sent < BULK ? push_bulk(pair.ours, sent) : 0;
		int got;
		int i;

		sent += n;
		if (n > 0)
			continue;
		waits++;
		got = SSL_read(pair.theirs, in, sizeof(in));
		for (i = 0; i < got; i++)
			assert_int_equal(in[i],
			    octet_at(received + (size_t)i));
		received += got > 0 ? (size_t)got : 0;
	}
	assert_int_equal(received, BULK);
	assert_true(waits > 10);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

static void
test_bulk_in(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	static char out[BULK];
	static char in[70000];
	struct pair pair;
	size_t sent = 0;
	size_t received = 0;
	size_t i;
	int turns;

	(void)state;
	for (i = 0; i < BULK; i++)
		out[i] = octet_at(i);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	for (turns = 0; turns < 100000 && received < BULK; turns++) {
		int n = sent < BULK ? SSL_write(pair.theirs, out + sent,
		    (int)(BULK - sent)) : 0;
		size_t got;

		sent += n > 0 ? (size_t)n : 0;
		while (xo_tls_read(pair.ours, in, sizeof(in), &got) ==
		    XO_IO_OK) {
			assert_memory_equal(in, out + received, got);
			received += got;
		}
	}
	assert_int_equal(received, BULK);
	pair_close(&pair);
	SSL_CTX_free(ctx);
	xo_tls_context_free(&context);
}

/* U03: our client against the certificates of servers. */
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
	    xo_tls_context_new_client(&conf, level, &error);

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

	/* An RSA key of 1024 bits fails at level 2 whoever looks at it. */
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
	    xo_tls_credential_new(&certificate, &key, &error);
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
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_no_resumption),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_bad_ends),
		cmocka_unit_test(test_good_end),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_bulk_out),
		cmocka_unit_test(test_bulk_in),
		cmocka_unit_test(test_client_verify),
		cmocka_unit_test(test_client_encrypt),
		cmocka_unit_test(test_client_names),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_refused_certificate),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
