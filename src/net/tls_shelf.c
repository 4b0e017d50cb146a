/* SPDX-License-Identifier: ISC */
/* See tls_shelf.h. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "tls_internal.h"
#include "tls_shelf.h"

#define PROBLEM_SIZE 128
/* As contexts have it: a key that is too weak is better seen now. */
#define SECURITY_LEVEL 2

struct entry {
	struct xo_tls_credential *credential;	/* NULL: none */
	bool was_asked;
	uint64_t asked_at;
	char problem[PROBLEM_SIZE];	/* where there is none */
};

struct xo_tls_shelf {
	xo_tls_shelf_ask *ask;
	void *arg;
	SSL_CTX *trial;
	struct xo_buf answer;
	struct xo_named named;
	struct entry entries[XO_NAMED_SLOTS];
};

struct xo_tls_shelf *
xo_tls_shelf_new(xo_tls_shelf_ask *ask, void *arg)
{
	struct xo_tls_shelf *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ask = ask;
	s->arg = arg;
	s->trial = SSL_CTX_new(TLS_method());
	if (s->trial == NULL)
		xo_tls_shelf_free(&s);
	else
		SSL_CTX_set_security_level(s->trial, SECURITY_LEVEL);
	return s;
}

static void
drop(struct entry *e)
{
	xo_tls_credential_free(&e->credential);
	*e = (struct entry){.was_asked = false};
}

void
xo_tls_shelf_free(struct xo_tls_shelf **shelf)
{
	struct xo_tls_shelf *s = *shelf;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->named.n; i++)
		drop(&s->entries[i]);
	SSL_CTX_free(s->trial);
	xo_buf_fini(&s->answer);
	free(s);
	*shelf = NULL;
}

/* The leaf and what is behind it. */
static bool
read_chain(struct xo_tls_credential *c, struct xo_span der)
{
	const uint8_t *p = der.p;
	const uint8_t *end = der.p + der.len;
	X509 *x = NULL;

	c->leaf = d2i_X509(NULL, &p, (long)der.len);
	c->chain = sk_X509_new_null();
	while (c->leaf != NULL && c->chain != NULL && p < end) {
		x = d2i_X509(NULL, &p, end - p);
		if (x == NULL || sk_X509_push(c->chain, x) == 0) {
			X509_free(x);
			return false;
		}
	}
	return c->leaf != NULL && c->chain != NULL;
}

/* NULL: it cannot be shown. */
static struct xo_tls_credential *
make(const struct xo_tls_shelf *s, const struct xo_tls_owner *owner,
    struct xo_span der)
{
	struct xo_tls_credential *c = calloc(1, sizeof(*c));
	EVP_PKEY *public;

	if (c == NULL)
		return NULL;
	if (!read_chain(c, der))
		goto fail;
	public = X509_get0_pubkey(c->leaf);
	c->key = public != NULL ? xo_tls_provider_key(public, 0, owner) : NULL;
	if (c->key == NULL || SSL_CTX_use_cert_and_key(s->trial, c->leaf,
	    c->key, c->chain, 1) != 1)
		goto fail;
	c->expiry = xo_tls_end_of(c->leaf);
	memcpy(c->mark, owner->mark, sizeof(c->mark));
	return c;
fail:
	xo_tls_credential_free(&c);
	return NULL;
}

static void
set_problem(struct entry *e, struct xo_span text)
{
	(void)snprintf(e->problem, sizeof(e->problem), "%.*s", (int)text.len,
	    (const char *)text.p);
}

static void
take_new(const struct xo_tls_shelf *s, struct entry *e,
    struct xo_tls_owner *owner, struct xo_span body)
{
	ERR_clear_error();
	memcpy(owner->mark, body.p, XO_TLS_MARK_SIZE);
	e->credential = make(s, owner, xo_span_from(body, XO_TLS_MARK_SIZE));
	if (e->credential == NULL)
		set_problem(e, xo_span_from_cstr(xo_tls_take_reason(
		    "its certificate is of no use for TLS")));
	ERR_clear_error();
}

/*
 * Without an answer what is known stands: nothing can be signed meanwhile, and
 * connections that are open show what they showed.
 */
static void
ask(struct xo_tls_shelf *s, struct entry *e, struct xo_span name)
{
	struct xo_tls_owner owner = {.name = ""};
	struct xo_span said;

	memcpy(owner.name, name.p, name.len);
	if (e->credential != NULL)
		memcpy(owner.mark, e->credential->mark, sizeof(owner.mark));
	xo_buf_clear(&s->answer);
	if (!s->ask(s->arg, &owner, &s->answer) || s->answer.len == 0) {
		set_problem(e, XO_LIT("the key process does not answer"));
		return;
	}
	said = xo_span_from(xo_buf_span(&s->answer), 1);
	if (s->answer.p[0] == XO_TLS_FOUND_SAME && e->credential != NULL)
		return;
	xo_tls_credential_free(&e->credential);
	if (s->answer.p[0] == XO_TLS_FOUND_NEW && said.len > XO_TLS_MARK_SIZE)
		take_new(s, e, &owner, said);
	else
		set_problem(e, said);
}

const struct xo_tls_credential *
xo_tls_shelf_get(struct xo_tls_shelf *s, struct xo_span name, uint64_t now,
    const char **problem_r)
{
	struct entry *e;
	size_t i;

	if (!xo_named_is_fit(name)) {
		*problem_r = "not the name of a file";
		return NULL;
	}
	i = xo_named_find(&s->named, name);
	if (i == XO_NAMED_NOWHERE) {
		i = xo_named_take(&s->named, name);
		drop(&s->entries[i]);
	}
	e = &s->entries[i];
	if (!e->was_asked || now - e->asked_at >= XO_TLS_SHELF_AGE) {
		ask(s, e, name);
		e->was_asked = true;
		e->asked_at = now;
	}
	*problem_r = e->problem;
	return e->credential;
}
