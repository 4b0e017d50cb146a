/* SPDX-License-Identifier: ISC */
/*
 * Reading, keeping and replacing what is in the folder: see tls_folder.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls_folder.h"
#include "tls_internal.h"

#define SUFFIX ".pem"

/* By which a file is known to be the same. */
struct version {
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec written, changed;
};

struct pair {
	EVP_PKEY *key;			/* NULL: none */
	uint8_t mark[XO_TLS_MARK_SIZE];
};

/* What is kept of a file. */
struct entry {
	bool is_read;			/* `version` is what was read */
	struct version version;
	const char *problem;		/* NULL: it was good */
	struct pair now, old;
	uint64_t old_until;
	struct xo_buf chain;		/* DER */
};

struct xo_tls_folder {
	int fd;
	size_t n_old;			/* entries with an old pair, or more */
	struct xo_named named;
	struct entry entries[XO_NAMED_SLOTS];
};

static void
drop_pair(struct pair *pair)
{
	/* OpenSSL wipes what it frees of a key. */
	EVP_PKEY_free(pair->key);
	pair->key = NULL;
}

static void
drop(struct entry *e)
{
	drop_pair(&e->now);
	drop_pair(&e->old);
	xo_buf_fini(&e->chain);
	*e = (struct entry){.is_read = false};
}

struct xo_tls_folder *
xo_tls_folder_open(const struct xo_conf_path *path, struct xo_buf *error)
{
	struct xo_tls_folder *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		xo_tls_complain(error, &path->where, "free memory", "none",
		    NULL);
		return NULL;
	}
	f->fd = open(path->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->fd >= 0 && faccessat(f->fd, ".", X_OK, AT_EACCESS) == 0)
		return f;
	xo_tls_complain(error, &path->where, "a folder that the user of the "
	    "processes may search", path->path, strerror(errno));
	xo_tls_folder_close(&f);
	return NULL;
}

void
xo_tls_folder_close(struct xo_tls_folder **folder)
{
	struct xo_tls_folder *f = *folder;

	if (f == NULL)
		return;
	for (size_t i = 0; i < f->named.n; i++)
		drop(&f->entries[i]);
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f);
	*folder = NULL;
}

/* Reading */

static struct version
version_of(const struct stat *st)
{
	return (struct version){st->st_dev, st->st_ino, st->st_size,
	    st->st_mtim, st->st_ctim};
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
is_same(const struct version *a, const struct version *b)
{
	return a->device == b->device && a->number == b->number &&
	    a->size == b->size && is_same_time(&a->written, &b->written) &&
	    is_same_time(&a->changed, &b->changed);
}

static const char *
kind_problem(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return "a symbolic link";
	return S_ISREG(st->st_mode) ? NULL : "not a regular file";
}

/* NULL, or what is wrong. It may be another file by now than that which was
 * looked at: what counts is what is read. */
static const char *
read_file(int folder, const char *file, uint8_t *text, size_t *len_r,
    struct version *version_r)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY);
	const char *problem = NULL;
	struct stat st;
	ssize_t n = 1;

	*len_r = 0;
	if (fd < 0)
		return strerror(errno);
	problem = fstat(fd, &st) == 0 ? kind_problem(&st) : strerror(errno);
	if (problem == NULL)
		*version_r = version_of(&st);
	while (problem == NULL && n != 0) {
		n = read(fd, text + *len_r, XO_TLS_FOLDER_FILE_MAX + 1 -
		    *len_r);
		if (n > 0)
			*len_r += (size_t)n;
		else if (n < 0 && errno != EINTR)
			problem = strerror(errno);
		if (*len_r > XO_TLS_FOLDER_FILE_MAX)
			problem = "too large";
	}
	(void)close(fd);
	return problem;
}

static EVP_PKEY *
parse_key(const uint8_t *text, size_t len, const char **problem_r)
{
	bool was_asked = false;
	BIO *in = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL,
	    xo_tls_refuse_password, &was_asked) : NULL;

	BIO_free(in);
	if (key != NULL)
		return key;
	*problem_r = was_asked ? "its private key is encrypted" :
	    "no private key in it";
	return NULL;
}

static bool
add_der(struct xo_buf *chain, const X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	if (len > 0)
		xo_buf_add(chain, xo_span(der, (size_t)len));
	OPENSSL_free(der);
	return len > 0 && chain->err == XO_OK && chain->len <= XO_TLS_CHAIN_MAX;
}

/* The leaf, to hold the key against. */
static X509 *
parse_chain(const uint8_t *text, size_t len, struct xo_buf *chain,
    const char **problem_r)
{
	BIO *in = BIO_new_mem_buf(text, (int)len);
	X509 *leaf = NULL, *x;
	bool is_good = true;

	while (is_good && in != NULL &&
	    (x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		is_good = add_der(chain, x);
		if (leaf == NULL)
			leaf = x;
		else
			X509_free(x);
	}
	if (!is_good)
		*problem_r = "its chain is too long";
	else if (leaf == NULL)
		*problem_r = "no certificate in it";
	else if (!xo_tls_is_at_end())
		*problem_r = "a certificate in it is broken";
	BIO_free(in);
	return leaf;
}

/* NULL, or what is wrong with them together. */
static const char *
misfit(const X509 *leaf, const EVP_PKEY *key)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf);

	if (public == NULL || EVP_PKEY_eq(public, key) != 1)
		return "its key and its certificate do not fit";
	if ((size_t)EVP_PKEY_get_size(key) > XO_SIGNATURE_MAX)
		return "its key has more than 8192 bits";
	if (EVP_PKEY_is_a(key, "RSA") != 1 && EVP_PKEY_is_a(key, "EC") != 1 &&
	    EVP_PKEY_is_a(key, "ED25519") != 1)
		return "its key is neither RSA nor EC nor Ed25519";
	return NULL;
}

/* NULL, or what is wrong; then nothing is in `pair`. */
static const char *
parse(const uint8_t *text, size_t len, struct pair *pair, struct xo_buf *chain)
{
	const char *problem = NULL;
	EVP_PKEY *key = NULL;
	X509 *leaf;

	ERR_clear_error();
	leaf = parse_chain(text, len, chain, &problem);
	if (problem == NULL)
		key = parse_key(text, len, &problem);
	if (problem == NULL)
		problem = misfit(leaf, key);
	if (problem == NULL && EVP_Digest(chain->p, chain->len, pair->mark,
	    NULL, EVP_sha256(), NULL) != 1)
		problem = "no memory";
	X509_free(leaf);
	ERR_clear_error();
	if (problem != NULL) {
		EVP_PKEY_free(key);
		return problem;
	}
	pair->key = key;
	return NULL;
}

/* Another file than before, or one that was never read. */
static void
read_entry(struct xo_tls_folder *f, struct entry *e, const char *file,
    uint64_t now)
{
	uint8_t text[XO_TLS_FOLDER_FILE_MAX + 1];
	struct pair pair = {.key = NULL};
	size_t len;

	xo_buf_clear(&e->chain);
	e->is_read = true;
	e->problem = read_file(f->fd, file, text, &len, &e->version);
	if (e->problem == NULL)
		e->problem = parse(text, len, &pair, &e->chain);
	explicit_bzero(text, sizeof(text));
	if (e->now.key != NULL) {
		drop_pair(&e->old);
		e->old = e->now;
		e->old_until = now + XO_TLS_FOLDER_OLD;
		f->n_old++;
	}
	e->now = pair;
}

/* Questions */

/* Its entry, as the file is now; NULL: there is none, and why. */
static struct entry *
find(struct xo_tls_folder *f, struct xo_span name, uint64_t now,
    const char **problem_r)
{
	char file[XO_NAMED_MAX + sizeof(SUFFIX)];
	size_t i = xo_named_find(&f->named, name);
	struct version version;
	struct stat st;

	memcpy(file, name.p, name.len);
	memcpy(file + name.len, SUFFIX, sizeof(SUFFIX));
	*problem_r = fstatat(f->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 ?
	    kind_problem(&st) : strerror(errno);
	if (*problem_r != NULL) {
		if (i != XO_NAMED_NOWHERE) {
			drop(&f->entries[i]);
			xo_named_leave(&f->named, i);
		}
		return NULL;
	}
	version = version_of(&st);
	if (i == XO_NAMED_NOWHERE) {
		i = xo_named_take(&f->named, name);
		drop(&f->entries[i]);
	}
	if (!f->entries[i].is_read ||
	    !is_same(&f->entries[i].version, &version))
		read_entry(f, &f->entries[i], file, now);
	*problem_r = f->entries[i].problem;
	return &f->entries[i];
}

static void
tell_problem(struct xo_buf *answer, const char *problem)
{
	xo_buf_add_byte(answer, XO_TLS_FOUND_NONE);
	xo_buf_add_cstr(answer, problem);
}

void
xo_tls_folder_look(struct xo_tls_folder *f, const struct xo_tls_owner *known,
    uint64_t now, struct xo_buf *answer)
{
	struct xo_span name = xo_span_from_cstr(known->name);
	const char *problem = "not the name of a file";
	struct entry *e;

	if (!xo_named_is_fit(name)) {
		tell_problem(answer, problem);
		return;
	}
	e = find(f, name, now, &problem);
	if (e == NULL || problem != NULL) {
		tell_problem(answer, problem);
	} else if (memcmp(e->now.mark, known->mark, sizeof(known->mark)) ==
	    0) {
		xo_buf_add_byte(answer, XO_TLS_FOUND_SAME);
	} else {
		xo_buf_add_byte(answer, XO_TLS_FOUND_NEW);
		xo_buf_add(answer, xo_span(e->now.mark, sizeof(e->now.mark)));
		xo_buf_add(answer, xo_buf_span(&e->chain));
	}
}

static EVP_PKEY *
key_of(const struct entry *e, const uint8_t *mark, uint64_t now)
{
	/* analyser: a mark is an array in the request's owner */
	if (e->now.key != NULL &&
	    memcmp(e->now.mark, mark, XO_TLS_MARK_SIZE) == 0)
		return e->now.key;
	if (e->old.key != NULL && now < e->old_until &&
	    memcmp(e->old.mark, mark, XO_TLS_MARK_SIZE) == 0)
		return e->old.key;
	return NULL;
}

bool
xo_tls_folder_sign(struct xo_tls_folder *f,
    const struct xo_sign_request *request, uint64_t now,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	struct xo_span name = xo_span_from_cstr(request->owner->name);
	const char *problem;
	const struct entry *e;
	size_t i;

	if (!xo_named_is_fit(name))
		return false;
	i = xo_named_find(&f->named, name);
	/* It had to make room since it was told, or this is a new process. */
	e = i != XO_NAMED_NOWHERE ? &f->entries[i] :
	    find(f, name, now, &problem);
	return e != NULL && xo_tls_sign(key_of(e, request->owner->mark, now),
	    request, signature, len_r);
}

bool
xo_tls_folder_tidy(struct xo_tls_folder *f, uint64_t now)
{
	size_t n = 0;

	if (f->n_old == 0)
		return true;
	for (size_t i = 0; i < f->named.n; i++) {
		struct entry *e = &f->entries[i];

		if (e->old.key == NULL)
			continue;
		if (now >= e->old_until)
			drop_pair(&e->old);
		else
			n++;
	}
	f->n_old = n;
	return n == 0;
}
