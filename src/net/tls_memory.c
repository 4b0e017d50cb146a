/* SPDX-License-Identifier: ISC */
/*
 * OpenSSL's ordinary memory, wiped when it is given back. Its readers of PEM and
 * DER leave copies of a key behind in there, which would outlive the key.
 */
#include <malloc.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "tls_internal.h"

static bool is_wiping;

static void *
take(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n > 0 ? malloc(n) : NULL;
}

static void
give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	/* A worker comes here 200 times a message. */
	if (!is_wiping) {
		free(p);
		return;
	}
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *
take_more(void *p, size_t n, const char *file, int line)
{
	size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *more;

	if (!is_wiping && n > 0)
		return realloc(p, n);
	more = take(n, file, line);
	if (more != NULL && p != NULL)
		memcpy(more, p, old < n ? old : n);
	/* What could not be had leaves the old one as it is. */
	if (more != NULL || n == 0)
		give_back(p, file, line);
	return more;
}

void
xo_tls_memory_init(void)
{
	(void)CRYPTO_set_mem_functions(take, take_more, give_back);
}

void
xo_tls_memory_wipe(void)
{
	is_wiping = true;
}
