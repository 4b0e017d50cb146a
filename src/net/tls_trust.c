/* SPDX-License-Identifier: ISC */
/*
 * Whom we believe, and whom no more: CA certificates and revocation lists, from
 * PEM files. Everything is read when the configuration is: a handshake never
 * waits for a disk.
 */
#include <dirent.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls_internal.h"

#define HASH_DIGITS 8

void
xo_tls_complain(struct xo_buf *error, const struct xo_conf_where *where,
    const char *expected, const char *found, const char *detail)
{
	xo_buf_clear(error);
	if (where->file != NULL) {
		xo_buf_add_all(error, where->file, ":", (char *)NULL);
		xo_buf_add_u64(error, where->line > 0 ?
		    (uint64_t)where->line : 0);
		xo_buf_add_cstr(error, ": ");
	}
	xo_buf_add_all(error, "expected ", expected, (char *)NULL);
	if (found != NULL)
		xo_buf_add_all(error, ", found ", found, (char *)NULL);
	if (detail != NULL)
		xo_buf_add_all(error, ": ", detail, (char *)NULL);
}

BIO *
xo_tls_open_file(const char *path)
{
	ERR_clear_error();
	return BIO_new_file(path, "r");
}

bool
xo_tls_is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM &&
	    ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

const char *
xo_tls_file_reason(void)
{
	return xo_tls_is_at_end() ? "none in it" :
	    xo_tls_take_reason("unreadable");
}

/* How many certificates the file gave; -1: unreadable, or broken. */
static int
add_trusted_file(X509_STORE *store, const char *path)
{
	BIO *in = xo_tls_open_file(path);
	X509 *x;
	bool is_added = true;
	int n = 0;

	if (in == NULL)
		return -1;
	while (is_added &&
	    (x = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)) != NULL) {
		is_added = X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
		n++;
	}
	BIO_free(in);
	return is_added && xo_tls_is_at_end() ? n : -1;
}

/* "3bde41ac.0", as c_rehash and update-ca-certificates name them. */
static bool
is_hash_name(const char *name)
{
	static const char hex[] = "0123456789abcdef";
	static const char decimal[] = "0123456789";

	return strspn(name, hex) == HASH_DIGITS && name[HASH_DIGITS] == '.' &&
	    name[HASH_DIGITS + 1] != '\0' &&
	    name[HASH_DIGITS + 1 + strspn(name + HASH_DIGITS + 1, decimal)] ==
	    '\0';
}

static void
add_trusted_folder(X509_STORE *store, const char *folder)
{
	char path[4096];
	const struct dirent *entry;
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int len;

		if (!is_hash_name(entry->d_name))
			continue;
		len = snprintf(path, sizeof(path), "%s/%s", folder,
		    entry->d_name);
		if (len > 0 && (size_t)len < sizeof(path))
			(void)add_trusted_file(store, path);
	}
	(void)closedir(dir);
}

static const char *
path_of(const char *variable, const char *fallback)
{
	const char *value = secure_getenv(variable);

	return value != NULL ? value : fallback;
}

/*
 * The paths of SSL_CTX_set_default_verify_paths, but now: that one looks a CA
 * up when a handshake needs it, where a sandbox may forbid it. A system without
 * any CA trusts nobody, which is no error.
 */
static void
add_system_trust(X509_STORE *store)
{
	(void)add_trusted_file(store, path_of(X509_get_default_cert_file_env(),
	    X509_get_default_cert_file()));
	add_trusted_folder(store, path_of(X509_get_default_cert_dir_env(),
	    X509_get_default_cert_dir()));
}

bool
xo_tls_load_trust(SSL_CTX *ctx, const char *trust,
    const struct xo_conf_where *where, struct xo_buf *error)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	int n = 1;

	if (trust == NULL || strcmp(trust, "system") == 0)
		add_system_trust(store);
	else
		n = add_trusted_file(store, trust);
	if (n <= 0)
		xo_tls_complain(error, where, "\"system\" or a PEM file of CA "
		    "certificates", trust, xo_tls_file_reason());
	ERR_clear_error();
	return n > 0;
}

/* A list without an end never is stale. */
static void
note_expiry(const X509_CRL *crl, int64_t *expiry_r)
{
	const ASN1_TIME *end = X509_CRL_get0_nextUpdate(crl);
	struct tm tm = {0};
	int64_t time;

	if (end == NULL || ASN1_TIME_to_tm(end, &tm) != 1)
		return;
	time = (int64_t)timegm(&tm);
	if (*expiry_r == 0 || time < *expiry_r)
		*expiry_r = time;
}

bool
xo_tls_load_crls(SSL_CTX *ctx, const struct xo_conf_path *file,
    int64_t *expiry_r, struct xo_buf *error)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_CRL *crl;
	bool is_added = true;
	BIO *in = NULL;
	int n = 0;

	*expiry_r = 0;
	if (file->path != NULL)
		in = xo_tls_open_file(file->path);
	while (in != NULL && is_added &&
	    (crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)) != NULL) {
		is_added = X509_STORE_add_crl(store, crl) == 1;
		note_expiry(crl, expiry_r);
		X509_CRL_free(crl);
		n++;
	}
	is_added = in != NULL && is_added && n > 0 && xo_tls_is_at_end();
	if (!is_added)
		xo_tls_complain(error, &file->where,
		    "a PEM file of revocation lists", file->path != NULL ?
		    file->path : "none", file->path != NULL ?
		    xo_tls_file_reason() : NULL);
	BIO_free(in);
	ERR_clear_error();
	return is_added;
}
