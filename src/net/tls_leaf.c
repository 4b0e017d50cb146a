/* SPDX-License-Identifier: ISC */
/*
 * What our own certificates say: when, and whose. A leaf is OpenSSL's X509.
 */
#include <stdio.h>
#include <time.h>

#include <openssl/x509v3.h>

#include <xoorg/domain.h>

#include "tls_internal.h"

/* OpenSSL asks for one that it may change, and does not. */
static X509 *
x509_of(const struct xo_tls_leaf *leaf)
{
	return (X509 *)(uintptr_t)leaf;
}

const struct xo_tls_leaf *
xo_tls_context_leaf(const struct xo_tls_context *context)
{
	return xo_tls_leaf_of(SSL_CTX_get0_certificate(context->ssl));
}

const struct xo_tls_leaf *
xo_tls_credential_leaf(const struct xo_tls_credential *credential)
{
	return xo_tls_leaf_of(credential->leaf);
}

static bool
is_for_clients(X509 *leaf, const STACK_OF(X509) *chain)
{
	const uint32_t usages = XKU_SSL_CLIENT | XKU_ANYEKU;

	/* All bits, if there is no such extension. */
	if ((X509_get_extended_key_usage(leaf) & usages) == 0)
		return false;
	for (int i = 0; i < sk_X509_num(chain); i++)
		if ((X509_get_extended_key_usage(sk_X509_value(chain, i)) &
		    usages) == 0)
			return false;
	return true;
}

bool
xo_tls_context_is_for_clients(const struct xo_tls_context *context)
{
	STACK_OF(X509) *chain = NULL;

	(void)SSL_CTX_get0_chain_certs(context->ssl, &chain);
	return is_for_clients(SSL_CTX_get0_certificate(context->ssl), chain);
}

bool
xo_tls_credential_is_for_clients(const struct xo_tls_credential *credential)
{
	return is_for_clients(credential->leaf, credential->chain);
}

bool
xo_tls_context_trusts(const struct xo_tls_context *context,
    const uint8_t sha1[XO_TLS_SHA1_SIZE])
{
	const STACK_OF(X509_OBJECT) *known = X509_STORE_get0_objects(
	    SSL_CTX_get_cert_store(context->ssl));
	uint8_t octets[EVP_MAX_MD_SIZE];

	for (int i = 0; i < sk_X509_OBJECT_num(known); i++) {
		const X509 *x = X509_OBJECT_get0_X509(
		    sk_X509_OBJECT_value(known, i));

		if (x != NULL &&
		    X509_digest(x, EVP_sha1(), octets, NULL) == 1 &&
		    memcmp(octets, sha1, XO_TLS_SHA1_SIZE) == 0)
			return true;
	}
	return false;
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
