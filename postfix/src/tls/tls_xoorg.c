/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/* Certificates of clients, as XOORG needs them; see the header. */
#include <sys_defs.h>

#ifdef USE_TLS

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include <mail_params.h>

#define TLS_INTERNAL
#include <tls.h>

#include <xoorg_rules.h>

#include "tls_xoorg.h"

#define SECURITY_BITS	112
#define ANY_PEER	((uint32_t)(XKU_SSL_SERVER | XKU_SSL_CLIENT))

int var_tls_trust_server_ccerts;

/* --- which certificates are a client's --- */

/* Which usages a certificate leaves open to what is below it. */
static uint32_t
tls_usages(X509 *cert, bool is_leaf)
{
	uint32_t usages = X509_get_extended_key_usage(cert);

	if (usages == UINT32_MAX)
		return ANY_PEER;
	/* anyExtendedKeyUsage says something of a CA, nothing of a peer. */
	if (!is_leaf && (usages & XKU_ANYEKU) != 0)
		return ANY_PEER;
	return usages & ANY_PEER;
}

static bool
can_sign_handshake(X509 *leaf)
{
	/* All bits are set where there is no keyUsage. */
	return (X509_get_key_usage(leaf) &
	    (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) != 0;
}

/* The depth of the certificate that is for no TLS, or -1. The root may be. */
static int
find_misuse(STACK_OF(X509) *chain)
{
	uint32_t usages = ANY_PEER;
	int i, n = sk_X509_num(chain);

	for (i = 0; i == 0 || i < n - 1; i++) {
		X509 *cert = sk_X509_value(chain, i);

		if (cert == NULL || (i == 0 && !can_sign_handshake(cert)))
			return i;
		usages &= tls_usages(cert, i == 0);
		if (usages == 0)
			return i;
	}
	return -1;
}

/*
 * In the place of OpenSSL's own step, with a purpose that refuses nothing. The
 * callback of Postfix lets everything pass and keeps what was wrong; so it is
 * told of a misuse in the way in which it is told of all else.
 */
static int
verify_chain(X509_STORE_CTX *store, void *unused)
{
	int depth, result = X509_verify_cert(store);

	(void)unused;
	if (result != 1 || X509_STORE_CTX_get_error(store) != X509_V_OK)
		return result;
	depth = find_misuse(X509_STORE_CTX_get0_chain(store));
	if (depth < 0)
		return 1;
	X509_STORE_CTX_set_error_depth(store, depth);
	X509_STORE_CTX_set_current_cert(store,
	    sk_X509_value(X509_STORE_CTX_get0_chain(store), depth));
	X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
	return tls_verify_certificate_callback(0, store);
}

void
tls_xoorg_trust_server_ccerts(SSL_CTX *ctx)
{
	if (var_tls_trust_server_ccerts == 0)
		return;
	if (X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(ctx),
	    X509_PURPOSE_ANY) == 1)
		SSL_CTX_set_cert_verify_callback(ctx, verify_chain, NULL);
}

void
tls_xoorg_setup(TLS_APPL_STATE *server)
{
	SSL_CTX *contexts[2];
	int i;

	if (server == NULL)
		return;
	contexts[0] = server->ssl_ctx;
	contexts[1] = server->sni_ctx;
	for (i = 0; i < 2; i++) {
		SSL_CTX_set_options(contexts[i], SSL_OP_NO_TICKET);
		(void)SSL_CTX_set_num_tickets(contexts[i], 0);
		SSL_CTX_set_session_cache_mode(contexts[i], SSL_SESS_CACHE_OFF);
		SSL_CTX_set_client_CA_list(contexts[i],
		    sk_X509_NAME_new_null());
	}
}

/* --- what a certificate says --- */

/* The dNSNames of the SAN, to be freed as one; the texts are `general`'s. */
static struct xoorg_name *
dns_names(const GENERAL_NAMES *general, size_t *n_r)
{
	int i, n = general != NULL ? sk_GENERAL_NAME_num(general) : 0;
	struct xoorg_name *names = calloc((size_t)n + 1, sizeof(*names));

	*n_r = 0;
	for (i = 0; names != NULL && i < n; i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(general, i);

		if (one->type != GEN_DNS)
			continue;
		names[*n_r].text = (const char *)
		    ASN1_STRING_get0_data(one->d.dNSName);
		names[*n_r].len = (size_t)ASN1_STRING_length(one->d.dNSName);
		*n_r += 1;
	}
	return names;
}

/* The common name if there is exactly one, to be freed with OPENSSL_free(). */
static unsigned char *
common_name(X509 *cert, struct xoorg_name *name_r)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int len;

	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return NULL;
	len = ASN1_STRING_to_UTF8(&text,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len < 0)
		return NULL;
	name_r->text = (const char *)text;
	name_r->len = (size_t)len;
	return text;
}

/* `name_r` (NULL: nowhere): the one of them that it has. */
static bool
is_named(X509 *cert, const char *listed, char *name_r)
{
	struct xoorg_name cn = {NULL, 0}, *sans;
	const struct xoorg_name *found;
	unsigned char *text = common_name(cert, &cn);
	int critical = 0;
	GENERAL_NAMES *general = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    &critical, NULL);
	size_t n_sans;
	bool is_match;

	sans = dns_names(general, &n_sans);
	/* -1 is "no such extension"; one that cannot be read names nobody. */
	found = sans != NULL ? xoorg_names_find(listed, sans, n_sans,
	    critical != -1, text != NULL ? &cn : NULL) : NULL;
	is_match = found != NULL;
	if (is_match && name_r != NULL && found->len < XOORG_VALUE_SIZE) {
		memcpy(name_r, found->text, found->len);
		name_r[found->len] = '\0';
	}
	free(sans);
	GENERAL_NAMES_free(general);
	OPENSSL_free(text);
	return is_match;
}

int
tls_xoorg_has_name(const TLS_SESS_STATE *session, const char *listed,
    char *name_r)
{
	X509 *cert;
	int is_match;

	if (name_r != NULL)
		name_r[0] = '\0';
	if (session == NULL || session->con == NULL ||
	    (cert = SSL_get1_peer_certificate(session->con)) == NULL)
		return false;
	is_match = is_named(cert, listed, name_r);
	X509_free(cert);
	return is_match;
}

static bool
is_strong(X509 *cert, bool is_root)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int bits;

	if (key == NULL || EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return false;
	/* Nobody relies on what a root says of itself. */
	return is_root || (X509_get_signature_info(cert, NULL, NULL, &bits,
	    NULL) == 1 && bits >= SECURITY_BITS);
}

/*
 * OpenSSL holds names to the constraints of the CAs above, but a wildcard in
 * the common name is no name to it.
 */
static bool
is_unbound(STACK_OF(X509) *chain)
{
	X509 *leaf = sk_X509_value(chain, 0);
	struct xoorg_name cn = {NULL, 0};
	unsigned char *text = common_name(leaf, &cn);
	bool is_wildcard = text != NULL && cn.len > 0 && cn.text[0] == '*' &&
	    X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0;
	int i, n = sk_X509_num(chain);

	OPENSSL_free(text);
	for (i = 1; is_wildcard && i < n; i++) {
		if (X509_get_ext_by_NID(sk_X509_value(chain, i),
		    NID_name_constraints, -1) >= 0)
			return true;
	}
	return false;
}

int
tls_xoorg_is_chain_good(const TLS_SESS_STATE *session)
{
	STACK_OF(X509) *chain;
	int i, n;

	/* A resumed session brings no chain, either. */
	if (!TLS_CERT_IS_TRUSTED(session) || session->con == NULL ||
	    session->session_reused ||
	    (chain = SSL_get0_verified_chain(session->con)) == NULL)
		return false;
	n = sk_X509_num(chain);
	for (i = 0; i < n; i++) {
		if (!is_strong(sk_X509_value(chain, i), i > 0 && i == n - 1))
			return false;
	}
	return n > 0 && !is_unbound(chain);
}

#else
int var_tls_trust_server_ccerts;
#endif
