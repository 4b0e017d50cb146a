/* SPDX-License-Identifier: ISC */
/*
 * What load, sink and pump share: sockets, TLS, time. Programs of a benchmark:
 * what goes wrong at start-up ends them with a line on stderr.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* A socket, with TLS or not. */
struct wire {
	int fd;
	SSL *ssl;			/* NULL: clear text */
};

enum wire_result {
	WIRE_BLOCKED = 0,
	WIRE_ENDED = -1,
	WIRE_FAILED = -2,
};

_Noreturn void bench_die(const char *what, const char *detail);
/* Microseconds of the monotonic clock. */
uint64_t bench_now(void);
/* A whole number of at most `max`, or the end. */
uint64_t bench_number(const char *option, const char *text, uint64_t max);
void *bench_alloc(size_t n, size_t size);

/* "HOST:PORT", numeric IPv4; -1 never. */
int bench_listen(const char *where);
/* Begins to connect; -1 with errno. */
int bench_connect(const char *where);
void bench_set_nodelay(int fd);
/* As many descriptors as the hard limit allows. */
void bench_raise_limit(void);

/* `ca`: whose certificates are asked for and verified; NULL: nobody's. */
SSL_CTX *bench_tls_server(const char *cert, const char *key, const char *ca);
SSL_CTX *bench_tls_client(const char *cert, const char *key);

/* Octets moved (> 0) or an enum wire_result. */
long wire_read(struct wire *wire, void *p, size_t len);
long wire_write(struct wire *wire, const void *p, size_t len);
/* 1: done, else an enum wire_result. */
int wire_handshake(struct wire *wire);
void wire_close(struct wire *wire);

#endif
