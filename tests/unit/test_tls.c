/* SPDX-License-Identifier: ISC */
/*
 * One connection: what a server of ours refuses, and the octets that go through.
 * Certificates are test_tls_chain.c's, clients test_tls_client.c's.
 */
#include "tls_world.h"

#include <sys/socket.h>
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

/* New keys now and then are fine, without end they are not; the read that meets
 * them ends by itself, though more of them wait. */
static void
test_endless_key_updates(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), NULL, NULL);
	struct pair pair;
	char octet;
	size_t n;
	int i;

	(void)state;
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	open_server(&pair, context, ctx);
	pair_handshake(&pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	for (i = 0; i < 60; i++) {
		assert_int_equal(SSL_key_update(pair.theirs,
		    SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		pair_send_octet(&pair);
	}
	for (i = 0; i < 60; i++) {
		assert_int_equal(SSL_key_update(pair.theirs,
		    SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(pair.theirs), 1);
	}
	assert_int_equal(xo_tls_read(pair.ours, &octet, 1, &n), XO_IO_ERROR);
	assert_string_equal(xo_tls_error(pair.ours),
	    "too many handshake records");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_endless_key_updates),
		cmocka_unit_test(test_no_resumption),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_bad_ends),
		cmocka_unit_test(test_good_end),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_bulk_out),
		cmocka_unit_test(test_bulk_in),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
