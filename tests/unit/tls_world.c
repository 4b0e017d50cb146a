/* SPDX-License-Identifier: ISC */
#include "tls_world.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#define MAX_TURNS 1000

struct world world;

struct xo_conf_path
path_of(const char *path)
{
	return (struct xo_conf_path){path, {"xoorg.conf", 7}};
}

int
world_setup(void **state)
{
	static const struct pki_spec root = {
		.cn = {PKI_NAME("Root")}, .is_ca = true,
		.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN
	};
	static const struct pki_spec intermediate = {
		.cn = {PKI_NAME("Intermediate")}, .is_ca = true,
		.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN
	};
	static const struct pki_spec gateway = {
		.cn = {PKI_NAME("gw.contoso.com")},
		.dns = {PKI_NAME("gw.contoso.com")},
	};

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_true(xo_tls_library_init());
	pki_folder_init();
	world.root = pki_issue(&root, NULL);
	world.twin = pki_issue(&root, NULL);
	world.intermediate = pki_issue(&intermediate, &world.root);
	world.gateway = pki_issue(&gateway, &world.root);
	world.root_file = pki_write_certificates("root.pem",
	    (X509 *[]){world.root.x, NULL});
	world.certificate_file = pki_write_certificates("gw.pem",
	    (X509 *[]){world.gateway.x, NULL});
	world.key_file = pki_write_key("gw.key", world.gateway.key, NULL);
	world.conf = (struct xo_conf_tls){
		.name = "default",
		.where = {"xoorg.conf", 5},
		.certificate = path_of(world.certificate_file),
		.key = path_of(world.key_file),
		.trust = world.root_file,
		.trust_where = {"xoorg.conf", 8},
	};
	return 0;
}

int
world_teardown(void **state)
{
	(void)state;
	pki_identity_fini(&world.root);
	pki_identity_fini(&world.twin);
	pki_identity_fini(&world.intermediate);
	pki_identity_fini(&world.gateway);
	free(world.root_file);
	free(world.certificate_file);
	free(world.key_file);
	pki_folder_fini();
	return 0;
}

struct xo_tls_context *
server_context(const struct xo_conf_tls *conf)
{
	struct xo_buf error = {0};
	struct xo_tls_context *context =
	    xo_tls_context_new_server(conf, true, NULL, &error);

	if (context == NULL)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	xo_buf_fini(&error);
	return context;
}

SSL_CTX *
plain_context(const SSL_METHOD *method, const struct pki_identity *identity,
    X509 *const *chain)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	if (identity == NULL)
		return ctx;
	assert_int_equal(SSL_CTX_use_certificate(ctx, identity->x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, identity->key), 1);
	for (; chain != NULL && *chain != NULL; chain++)
		assert_true(SSL_CTX_add1_chain_cert(ctx, *chain) > 0);
	return ctx;
}

void
pair_open(struct pair *pair)
{
	*pair = (struct pair){.fd = {-1, -1}};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair->fd), 0);
}

void
pair_add_plain(struct pair *pair, SSL_CTX *ctx, bool is_server)
{
	pair->theirs = SSL_new(ctx);
	assert_non_null(pair->theirs);
	assert_int_equal(SSL_set_fd(pair->theirs, pair->fd[1]), 1);
	if (is_server)
		SSL_set_accept_state(pair->theirs);
	else
		SSL_set_connect_state(pair->theirs);
}

static bool
is_waiting(int code)
{
	return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
}

/* False at its end. */
static bool
turn_theirs(struct pair *pair)
{
	int result;

	if (pair->is_their_end_good)
		return false;
	ERR_clear_error();
	result = SSL_do_handshake(pair->theirs);
	pair->is_their_end_good = result == 1;
	if (result == 1)
		return false;
	if (is_waiting(SSL_get_error(pair->theirs, result)))
		return true;
	pair->their_reason = ERR_GET_REASON(ERR_peek_error());
	return false;
}

void
pair_handshake(struct pair *pair)
{
	bool is_ours_going = true;
	bool is_theirs_going = true;
	int turns;

	for (turns = 0; turns < MAX_TURNS; turns++) {
		if (is_theirs_going)
			is_theirs_going = turn_theirs(pair);
		if (is_ours_going) {
			pair->our_end = xo_tls_handshake(pair->ours);
			is_ours_going = pair->our_end == XO_IO_WANT_READ ||
			    pair->our_end == XO_IO_WANT_WRITE;
		}
		if (!is_ours_going && !is_theirs_going)
			return;
		/* A side that has given up never feeds the other again. */
		if (!is_ours_going && pair->our_end != XO_IO_OK)
			(void)shutdown(pair->fd[0], SHUT_WR);
		if (!is_theirs_going && !pair->is_their_end_good)
			(void)shutdown(pair->fd[1], SHUT_WR);
	}
	fail_msg("the handshake does not end");
}

void
pair_send_octet(struct pair *pair)
{
	char octet = 0;
	size_t n;

	assert_int_equal(SSL_write(pair->theirs, "x", 1), 1);
	assert_int_equal(xo_tls_read(pair->ours, &octet, 1, &n), XO_IO_OK);
	assert_int_equal(n, 1);
	assert_int_equal(octet, 'x');
}

void
pair_close(struct pair *pair)
{
	xo_tls_free(&pair->ours);
	SSL_free(pair->theirs);
	(void)close(pair->fd[0]);
	(void)close(pair->fd[1]);
	ERR_clear_error();
}
