/* SPDX-License-Identifier: ISC */
/*
 * Our rules for a peer's chain, on top of OpenSSL's path building: auth level,
 * depth, what the certificates may be used for, revocation lists.
 *
 * OpenSSL's purpose check for clients refuses a certificate that is for servers
 * only, which is what Exchange Online and soon everybody shows; so clients are
 * checked with the purpose "any", and the usage rule here does the rest. It
 * goes down the whole chain: what an intermediate is not for, its leaf is not.
 */
#include <openssl/err.h>

#include "tls_internal.h"

/* 112 bits: neither RSA 1024 nor SHA-1, whatever the library's default is. */
#define AUTH_LEVEL 2
#define MAX_INTERMEDIATES 9

#define ANY_PEER ((uint32_t)(XKU_SSL_SERVER | XKU_SSL_CLIENT))

static const struct {
	int error;
	const char *text;
} flaws[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED, "expired"},
	{X509_V_ERR_CERT_NOT_YET_VALID, "not yet valid"},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "self-signed"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "untrusted root"},
	{X509_V_ERR_CERT_UNTRUSTED, "untrusted root"},
	{X509_V_ERR_CERT_REJECTED, "untrusted root"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "unknown issuer"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "unknown issuer"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "unknown issuer"},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, "bad signature"},
	{X509_V_ERR_CERT_REVOKED, "revoked"},
	{X509_V_ERR_INVALID_PURPOSE, "wrong usage"},
	{X509_V_ERR_INVALID_CA, "issuer is not a CA"},
	{X509_V_ERR_KEYUSAGE_NO_CERTSIGN, "issuer is not a CA"},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED, "chain too long"},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG, "chain too long"},
	{X509_V_ERR_PERMITTED_VIOLATION, "outside name constraints"},
	{X509_V_ERR_EXCLUDED_VIOLATION, "outside name constraints"},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, "unknown critical extension"},
	{X509_V_ERR_INVALID_EXTENSION, "malformed extension"},
	{X509_V_ERR_EE_KEY_TOO_SMALL, "weak key"},
	{X509_V_ERR_CA_KEY_TOO_SMALL, "weak key"},
	{X509_V_ERR_CA_MD_TOO_WEAK, "weak signature"},
	{X509_V_ERR_HOSTNAME_MISMATCH, "wrong name"},
	{X509_V_ERR_IP_ADDRESS_MISMATCH, "wrong name"},
};

/* All the ways in which a list says nothing about a certificate. */
static const int crl_errors[] = {
	X509_V_ERR_UNABLE_TO_GET_CRL,
	X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
	X509_V_ERR_CRL_SIGNATURE_FAILURE,
	X509_V_ERR_CRL_NOT_YET_VALID,
	X509_V_ERR_CRL_HAS_EXPIRED,
	X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
	X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
	X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
	X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
	X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
	X509_V_ERR_DIFFERENT_CRL_SCOPE,
	X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
};

static bool
is_crl_error(int error)
{
	size_t i;

	for (i = 0; i < sizeof(crl_errors) / sizeof(crl_errors[0]); i++) {
		if (crl_errors[i] == error)
			return true;
	}
	return false;
}

const char *
xo_tls_flaw(int x509_error)
{
	size_t i;

	if (is_crl_error(x509_error))
		return "CRL unusable";
	for (i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		if (flaws[i].error == x509_error)
			return flaws[i].text;
	}
	return X509_verify_cert_error_string(x509_error);
}

/* NULL for the nested check of the signer of a list. */
static struct xo_tls *
owner(X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());

	return ssl != NULL ? SSL_get_app_data(ssl) : NULL;
}

/* Which of its TLS usages a certificate leaves open to what is below it. */
static uint32_t
tls_usages(X509 *x, bool is_leaf)
{
	uint32_t usages = X509_get_extended_key_usage(x);

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

/*
 * The rules that OpenSSL does not apply to the purpose "any". The anchor is
 * the operator's choice and not judged, unless it is the leaf itself.
 */
static int
judge_usage(X509_STORE_CTX *store, uint32_t usages, uint32_t *usages_r)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	int n = sk_X509_num(chain);
	int i;

	for (i = 0; i == 0 || i < n - 1; i++) {
		X509 *x = sk_X509_value(chain, i);

		if (x == NULL)
			return X509_V_ERR_UNSPECIFIED;
		X509_STORE_CTX_set_error_depth(store, i);
		if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
			return X509_V_ERR_INVALID_EXTENSION;
		if (i == 0 && !can_sign_handshake(x))
			return X509_V_ERR_INVALID_PURPOSE;
		usages &= tls_usages(x, i == 0);
		if (usages == 0)
			return X509_V_ERR_INVALID_PURPOSE;
	}
	*usages_r = usages;
	return X509_V_OK;
}

/* Called by OpenSSL for every certificate (ok) and every problem (not ok). */
static int
on_step(int ok, X509_STORE_CTX *store)
{
	struct xo_tls *tls;
	int error;

	if (ok)
		return 1;
	tls = owner(store);
	error = X509_STORE_CTX_get_error(store);
	if (tls == NULL)
		return 0;
	/* The worst of all certificates; what it means is not said here. */
	if (error == X509_V_ERR_CERT_REVOKED)
		tls->judgement.crl = XO_CRL_REVOKED;
	else if (!is_crl_error(error))
		return 0;
	else if (tls->judgement.crl != XO_CRL_REVOKED)
		tls->judgement.crl = XO_CRL_UNUSABLE;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* Of a chain that was found good so far. */
static int
judge_lists(struct xo_tls *tls)
{
	struct xo_tls_judgement *j = &tls->judgement;

	if (!tls->has_lists)
		return X509_V_OK;
	if (j->crl == XO_CRL_NOT_ASKED)
		j->crl = XO_CRL_GOOD;
	/* Clients are many peers, and each has its own mode: rights.h. */
	if (tls->duty != XO_TLS_DUTY_DEMAND || j->crl == XO_CRL_GOOD)
		return X509_V_OK;
	if (j->crl == XO_CRL_REVOKED)
		return X509_V_ERR_CERT_REVOKED;
	return tls->crl == XO_CRL_SOFT ? X509_V_OK :
	    X509_V_ERR_UNABLE_TO_GET_CRL;
}

/* May the server have the name that was demanded of it? A SAN with a wildcard
 * was judged as it stands. */
static int
judge_name(X509_STORE_CTX *store)
{
	const char *name = X509_VERIFY_PARAM_get0_host(
	    X509_STORE_CTX_get0_param(store), 0);
	struct xo_tls_constraints c = {0};
	struct xo_certificate peer = {0};
	bool is_permitted = name == NULL;

	if (!is_permitted && xo_tls_constraints_read(&c,
	    X509_STORE_CTX_get0_chain(store))) {
		peer.constraints = c.list;
		peer.n_constraints = c.n;
		is_permitted = xo_certificate_permits(&peer,
		    xo_span_from_cstr(name));
	}
	xo_tls_constraints_fini(&c);
	return is_permitted ? X509_V_OK : X509_V_ERR_PERMITTED_VIOLATION;
}

/*
 * Instead of OpenSSL's own verification: its result is ours to weigh, and
 * nothing is valid that did not come out of here so.
 */
static int
on_chain(X509_STORE_CTX *store, void *unused)
{
	struct xo_tls *tls = owner(store);
	int error;

	(void)unused;
	if (tls == NULL)
		return 0;
	tls->judgement = (struct xo_tls_judgement){.error = X509_V_OK};
	if (tls->duty == XO_TLS_DUTY_SKIP)
		return 1;
	if (X509_verify_cert(store) == 1) {
		error = judge_usage(store, SSL_is_server(tls->ssl) ? ANY_PEER :
		    XKU_SSL_SERVER, &tls->judgement.usages);
		if (error == X509_V_OK && tls->duty == XO_TLS_DUTY_DEMAND)
			error = judge_name(store);
		if (error == X509_V_OK)
			error = judge_lists(tls);
	} else {
		error = X509_STORE_CTX_get_error(store);
		if (error == X509_V_OK)
			error = X509_V_ERR_UNSPECIFIED;
	}
	X509_STORE_CTX_set_error(store, error);
	tls->judgement.is_made = true;
	tls->judgement.is_valid = error == X509_V_OK;
	tls->judgement.error = error;
	/* What went wrong on the way is no error of the connection. */
	ERR_clear_error();
	return tls->duty == XO_TLS_DUTY_RECORD || error == X509_V_OK;
}

bool
xo_tls_verify_setup(SSL_CTX *ctx, enum xo_tls_duty duty, bool is_server)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	SSL_CTX_set_cert_verify_callback(ctx, on_chain, NULL);
	SSL_CTX_set_verify(ctx, duty == XO_TLS_DUTY_SKIP ?
	    SSL_VERIFY_NONE : SSL_VERIFY_PEER, on_step);
	SSL_CTX_set_verify_depth(ctx, MAX_INTERMEDIATES);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	/* Not an anchor by itself: a chain ends at a root. */
	if (X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return false;
	/* A client keeps OpenSSL's own, the stricter: sslserver. */
	return !is_server ||
	    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY) == 1;
}

bool
xo_tls_verify_with_lists(SSL_CTX *ctx)
{
	return X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
	    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}
