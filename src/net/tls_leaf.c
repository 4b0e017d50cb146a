/* SPDX-License-Identifier: ISC */
/*
 * What our own certificates say: when, and whose. A leaf is OpenSSL's X509.
 */
#include <stdio.h>
#include <time.h>

#include <openssl/x509v3.h>

#include <xoorg/domain.h>

#include "tls_internal.h"

static const struct xo_tls_leaf *
leaf_of(const X509 *x)
{
	return (const struct xo_tls_leaf *)(const void *)x;
}

/* OpenSSL asks for one that it may change, and does not. */
static X509 *
x509_of(const struct xo_tls_leaf *leaf)
{
	return (X509 *)(uintptr_t)leaf;
}

const struct xo_tls_leaf *
xo_tls_context_leaf(const struct xo_tls_context *context)
{
	return leaf_of(SSL_CTX_get0_certificate(context->ssl));
}

const struct xo_tls_leaf *
xo_tls_credential_leaf(const struct xo_tls_credential *credential)
{
	return leaf_of(credential->leaf);
}

static int64_t
seconds(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void
xo_tls_leaf_validity(const struct xo_tls_leaf *leaf, int64_t *from_r,
    int64_t *until_r)
{
	*from_r = seconds(X509_get0_notBefore(x509_of(leaf)));
	*until_r = seconds(X509_get0_notAfter(x509_of(leaf)));
}

void
xo_tls_leaf_fingerprint(const struct xo_tls_leaf *leaf,
    char text_r[XO_TLS_FINGERPRINT_SIZE])
{
	uint8_t octets[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *at = text_r;

	*at = '\0';
	if (leaf == NULL ||
	    X509_digest(x509_of(leaf), EVP_sha256(), octets, &len) != 1)
		return;
	for (unsigned i = 0; i < len && i < 32; i++)
		at += snprintf(at, 4, "%s%02X", i > 0 ? ":" : "", octets[i]);
}

static bool
has_host(const struct xo_tls_leaf *leaf, const char *name, size_t len)
{
	return X509_check_host(x509_of(leaf), name, len,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

bool
xo_tls_leaf_has_name(const struct xo_tls_leaf *leaf, struct xo_span domain,
    bool is_below)
{
	/* In front, a dot stands for any labels. */
	char name[XO_DOMAIN_MAX + 2] = ".";

	if (domain.len == 0 || domain.len > XO_DOMAIN_MAX)
		return false;
	memcpy(name + 1, domain.p, domain.len);
	return has_host(leaf, name + 1, domain.len) ||
	    (is_below && has_host(leaf, name, domain.len + 1));
}
