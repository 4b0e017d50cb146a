/* SPDX-License-Identifier: ISC */
/*
 * See common.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "common.h"

#define BACKLOG 8192
#define READ_BUFFER (64 * 1024)

void
bench_die(const char *what, const char *detail)
{
	(void)fprintf(stderr, "%s%s%s\n", what, detail != NULL ? ": " : "",
	    detail != NULL ? detail : "");
	exit(2);
}

uint64_t
bench_now(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
bench_number(const char *option, const char *text, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n > max)
		bench_die(option, "not a number it takes");
	return n;
}

void *
bench_alloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		bench_die("no memory", NULL);
	return p;
}

static struct sockaddr_in
address_of(const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	const char *colon = strrchr(where, ':');
	char host[64];

	if (colon == NULL || (size_t)(colon - where) >= sizeof(host))
		bench_die(where, "not HOST:PORT");
	memcpy(host, where, (size_t)(colon - where));
	host[colon - where] = '\0';
	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		bench_die(where, "not a numeric address");
	in.sin_port = htons((uint16_t)bench_number(where, colon + 1,
	    UINT16_MAX));
	return in;
}

int
bench_listen(const char *where)
{
	struct sockaddr_in in = address_of(where);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (const struct sockaddr *)&in, sizeof(in)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		bench_die(where, strerror(errno));
	return fd;
}

int
bench_connect(const char *where)
{
	struct sockaddr_in in = address_of(where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	bench_set_nodelay(fd);
	if (connect(fd, (const struct sockaddr *)&in, sizeof(in)) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

void
bench_set_nodelay(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void
bench_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* TLS */

static _Noreturn void
die_tls(const char *what)
{
	bench_die(what, ERR_reason_error_string(ERR_peek_error()));
}

static void
set_modes(SSL_CTX *ctx)
{
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	/* Peers that hang up without close_notify are not what is measured. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static void
use_certificate(SSL_CTX *ctx, const char *cert, const char *key)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		die_tls(cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die_tls(key);
}

SSL_CTX *
bench_tls_server(const char *cert, const char *key, const char *ca)
{
	static const unsigned char id[] = "bench";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		die_tls("TLS");
	set_modes(ctx);
	use_certificate(ctx, cert, key);
	/* Without it a session with a client certificate is never resumed. */
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	if (ca != NULL) {
		if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
			die_tls(ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	return ctx;
}

SSL_CTX *
bench_tls_client(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		die_tls("TLS");
	set_modes(ctx);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (cert != NULL)
		use_certificate(ctx, cert, key);
	return ctx;
}

/* wire */

static long
tls_result(struct wire *wire, int result, size_t n)
{
	switch (SSL_get_error(wire->ssl, result)) {
	case SSL_ERROR_NONE:
		return n > 0 ? (long)n : 1;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return WIRE_BLOCKED;
	case SSL_ERROR_ZERO_RETURN:
		return WIRE_ENDED;
	default:
		return WIRE_FAILED;
	}
}

static long
plain_result(ssize_t n)
{
	if (n > 0)
		return (long)n;
	if (n == 0)
		return WIRE_ENDED;
	return errno == EAGAIN || errno == EINTR ? WIRE_BLOCKED : WIRE_FAILED;
}

long
wire_read(struct wire *wire, void *p, size_t len)
{
	size_t n = 0;
	int result;

	if (wire->ssl == NULL)
		return plain_result(recv(wire->fd, p, len, 0));
	ERR_clear_error();
	result = SSL_read_ex(wire->ssl, p, len, &n);
	return tls_result(wire, result, n);
}

long
wire_write(struct wire *wire, const void *p, size_t len)
{
	size_t n = 0;
	int result;

	if (wire->ssl == NULL)
		return plain_result(send(wire->fd, p, len, MSG_NOSIGNAL));
	ERR_clear_error();
	result = SSL_write_ex(wire->ssl, p, len, &n);
	return tls_result(wire, result, n);
}

int
wire_handshake(struct wire *wire)
{
	ERR_clear_error();
	return (int)tls_result(wire, SSL_do_handshake(wire->ssl), 0);
}

void
wire_close(struct wire *wire)
{
	if (wire->ssl != NULL) {
		(void)SSL_shutdown(wire->ssl);
		SSL_free(wire->ssl);
		wire->ssl = NULL;
	}
	if (wire->fd >= 0)
		(void)close(wire->fd);
	wire->fd = -1;
}
