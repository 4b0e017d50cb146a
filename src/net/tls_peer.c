/* SPDX-License-Identifier: ISC */
/*
 * What a peer's certificate says, with lengths: no name here ever becomes a C
 * string, so that one with a NUL in it stays a different name.
 */
#include <stdlib.h>

#include <openssl/err.h>

#include "tls_internal.h"

/* False: there are names, but they cannot be told. */
static bool
read_dns_names(struct xo_tls *tls, const X509 *x)
{
	int criticality;
	int n;
	int i;

	tls->alt_names = X509_get_ext_d2i(x, NID_subject_alt_name,
	    &criticality, NULL);
	/* -1: there is no such extension; else it is broken, or there twice. */
	tls->peer.has_alt_names = criticality != -1;
	if (tls->alt_names == NULL)
		return !tls->peer.has_alt_names;
	n = sk_GENERAL_NAME_num(tls->alt_names);
	if (n <= 0)
		return true;
	tls->dns_names = calloc((size_t)n, sizeof(*tls->dns_names));
	if (tls->dns_names == NULL)
		return false;
	tls->peer.dns_names = tls->dns_names;
	for (i = 0; i < n; i++) {
		const GENERAL_NAME *name =
		    sk_GENERAL_NAME_value(tls->alt_names, i);

		if (name->type == GEN_DNS)
			tls->dns_names[tls->peer.n_dns_names++] =
			    xo_tls_span(name->d.dNSName);
	}
	return true;
}

/* Only where there is one: of several nobody knows which was checked. */
static void
read_common_name(struct xo_tls *tls, const X509 *x)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	const ASN1_STRING *value;
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	int len;

	if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName,
	    first) >= 0)
		return;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
	len = ASN1_STRING_to_UTF8(&tls->common_name, value);
	if (len > 0)
		tls->peer.common_name = xo_span(tls->common_name, (size_t)len);
}

static bool
read_constraints(struct xo_tls *tls)
{
	struct xo_tls_constraints *c = &tls->constraints;

	if (!xo_tls_constraints_read(c, SSL_get0_verified_chain(tls->ssl)))
		return false;
	tls->peer.constraints = c->list;
	tls->peer.n_constraints = c->n;
	return true;
}

static void
judge(struct xo_tls *tls, bool has_readable_names)
{
	const struct xo_tls_judgement *judgement = &tls->judgement;

	if (SSL_session_reused(tls->ssl)) {
		tls->peer.flaw = "resumed session";
	} else if (!judgement->is_made) {
		tls->peer.flaw = "not verified";
	} else if (!judgement->is_valid) {
		tls->peer.flaw = xo_tls_flaw(judgement->error);
	} else if (!has_readable_names || !read_constraints(tls)) {
		tls->peer.flaw = "unreadable names";
	} else {
		tls->peer.is_chain_valid = true;
		tls->peer.is_for_servers =
		    (judgement->usages & XKU_SSL_SERVER) != 0;
		tls->peer.is_for_clients =
		    (judgement->usages & XKU_SSL_CLIENT) != 0;
		tls->peer.crl = judgement->crl;
	}
}

const struct xo_certificate *
xo_tls_peer(struct xo_tls *tls)
{
	X509 *x;
	bool has_readable_names;

	if (tls->is_peer_read || !tls->is_open)
		return &tls->peer;
	tls->is_peer_read = true;
	x = SSL_get1_peer_certificate(tls->ssl);
	if (x == NULL)
		return &tls->peer;
	tls->peer.is_present = true;
	has_readable_names = read_dns_names(tls, x);
	if (has_readable_names)
		read_common_name(tls, x);
	judge(tls, has_readable_names);
	X509_free(x);
	ERR_clear_error();
	return &tls->peer;
}

void
xo_tls_peer_fini(struct xo_tls *tls)
{
	GENERAL_NAMES_free(tls->alt_names);
	free(tls->dns_names);
	OPENSSL_free(tls->common_name);
	xo_tls_constraints_fini(&tls->constraints);
}
