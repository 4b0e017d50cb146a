/* SPDX-License-Identifier: ISC */
/*
 * A certificate that anybody can make: any name, and signed by itself. To ask a
 * server what it makes of one.
 */
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <cmd/common/tls_tool.h>
#include <net/tls_internal.h>

#define HOUR 3600

static bool
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool is_added = extension != NULL &&
	    X509_add_ext(x, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return is_added;
}

static bool
fill(X509 *x, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);
	char san[300];

	snprintf(san, sizeof(san), "DNS:%s", name);
	return X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -HOUR) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), HOUR) != NULL &&
	    X509_set_pubkey(x, key) == 1 &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, subject) == 1 &&
	    add_extension(x, NID_subject_alt_name, san) &&
	    add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    X509_sign(x, key, EVP_sha256()) > 0;
}

bool
xo_tls_tool_forge(struct xo_tls_context *context, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	bool is_made = key != NULL && x != NULL && fill(x, key, name) &&
	    SSL_CTX_use_certificate(context->ssl, x) == 1 &&
	    SSL_CTX_use_PrivateKey(context->ssl, key) == 1;

	X509_free(x);
	EVP_PKEY_free(key);
	return is_made;
}

void
xo_tls_tool_set_maximum_1_2(struct xo_tls_context *context)
{
	SSL_CTX_set_max_proto_version(context->ssl, TLS1_2_VERSION);
}
