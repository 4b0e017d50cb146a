/* SPDX-License-Identifier: ISC */
/*
 * Descriptors between processes of ours: pairs of sockets that are made before
 * a fork, what a child does not need, and one that is handed over later.
 */
#ifndef XO_DESCRIPTORS_H
#define XO_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

/* A pair for each worker. All-zero: none. */
struct xo_pairs {
	size_t n;
	int *workers;			/* their ends; -1: closed, or taken */
	int *others;
};

/* Of records (SOCK_SEQPACKET). False: no descriptors, no memory. */
bool xo_pairs_open(struct xo_pairs *pairs, size_t n_workers);
/* Both ends of all. */
void xo_pairs_close(struct xo_pairs *pairs);
/* In a worker: its end, which is the caller's now; the rest is closed. -1: there
 * are no pairs. */
int xo_pairs_take(struct xo_pairs *pairs, size_t slot);

/* In a child, from 3 on. `kept` need not be in order. */
void xo_descriptors_close_but(int *kept, size_t n);

/* Sends a copy of `fd` to the process at the other end of `socket`. Never waits. */
bool xo_descriptor_send(int socket, int fd);
/* The same beside a text that is not empty; -1: the text alone. */
bool xo_descriptor_send_with(int socket, const char *text, size_t len, int fd);
/* The next one that was sent; -1: none is here. */
int xo_descriptor_receive(int socket);

#endif
