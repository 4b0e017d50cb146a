/* SPDX-License-Identifier: ISC */
/*
 * What a certificate says, for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <cmd/common/tls_tool.h>
#include <cmd/common/tool.h>
#include <net/tls_internal.h>

/* What was written to `bio` as a string of its own; frees `bio`. */
static char *
take_text(BIO *bio)
{
	char *p = NULL;
	long len = BIO_get_mem_data(bio, &p);
	char *text = len > 0 ? strndup(p, (size_t)len) : strdup("");

	BIO_free(bio);
	return xo_tool_require(text);
}

static char *
name_text(const X509_NAME *name)
{
	BIO *bio = xo_tool_require(BIO_new(BIO_s_mem()));

	X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	return take_text(bio);
}

static char *
serial_text(X509 *x509)
{
	BIO *bio = xo_tool_require(BIO_new(BIO_s_mem()));

	i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(x509));
	return take_text(bio);
}

static char *
key_text(X509 *x509)
{
	EVP_PKEY *key = X509_get0_pubkey(x509);
	const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
	char text[64];

	snprintf(text, sizeof(text), "%s %d", type != NULL ? type : "unknown",
	    key != NULL ? EVP_PKEY_get_bits(key) : 0);
	return xo_tool_require(strdup(text));
}

static char *
fingerprint_text(const X509 *x509)
{
	char text[XO_TLS_FINGERPRINT_SIZE];

	xo_tls_leaf_fingerprint(xo_tls_leaf_of(x509), text);
	return xo_tool_require(strdup(text));
}

static char *
time_text(const ASN1_TIME *at)
{
	struct tm tm;
	char text[32];

	if (ASN1_TIME_to_tm(at, &tm) != 1 ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return xo_tool_require(strdup("unreadable"));
	return xo_tool_require(strdup(text));
}

/* `from`: NULL for now. */
static int64_t
days_between(const ASN1_TIME *from, const ASN1_TIME *until)
{
	int days = 0, seconds = 0;

	/* Both have the same sign; a certificate that ended today has -1. */
	if (ASN1_TIME_diff(&days, &seconds, from, until) != 1)
		return 0;
	return days < 0 || seconds < 0 ? days - 1 : days;
}

static char *
usages_text(X509 *x509)
{
	EXTENDED_KEY_USAGE *usages =
	    X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	BIO *bio = xo_tool_require(BIO_new(BIO_s_mem()));
	char oid[80];

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
		const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
		int nid = OBJ_obj2nid(usage);

		OBJ_obj2txt(oid, sizeof(oid), usage, 1);
		BIO_printf(bio, "%s%s", i > 0 ? ", " : "",
		    nid != NID_undef ? OBJ_nid2sn(nid) : oid);
	}
	EXTENDED_KEY_USAGE_free(usages);
	return take_text(bio);
}

/*
 * "DNS:gw.contoso.com", "IP:192.0.2.1"; as openssl(1) has it, but as printable
 * as a peer's names must be.
 */
static char *
general_name_text(GENERAL_NAME *name)
{
	static const char address[] = "IP Address:";
	BIO *bio = xo_tool_require(BIO_new(BIO_s_mem()));
	struct xo_buf printable = {.p = NULL};
	struct xo_span all;
	char *text;

	GENERAL_NAME_print(bio, name);
	text = take_text(bio);
	all = xo_span_from_cstr(text);
	if (strncmp(text, address, sizeof(address) - 1) == 0) {
		xo_buf_add_cstr(&printable, "IP:");
		all = xo_span_from(all, sizeof(address) - 1);
	}
	xo_buf_add_printable(&printable, all, 300);
	free(text);
	text = xo_tool_require(strdup(xo_tool_cstr(&printable)));
	xo_buf_fini(&printable);
	return text;
}

static void
read_names(X509 *x509, struct xo_tls_tool_certificate *certificate)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(names);

	if (n > 0) {
		certificate->names = xo_tool_require(
		    calloc((size_t)n, sizeof(*certificate->names)));
		for (int i = 0; i < n; i++)
			certificate->names[certificate->n_names++] =
			    general_name_text(sk_GENERAL_NAME_value(names, i));
	}
	GENERAL_NAMES_free(names);
}

static void
read_certificate(X509 *x509, struct xo_tls_tool_certificate *certificate)
{
	certificate->subject = name_text(X509_get_subject_name(x509));
	certificate->issuer = name_text(X509_get_issuer_name(x509));
	certificate->usages = usages_text(x509);
	certificate->key = key_text(x509);
	certificate->serial = serial_text(x509);
	certificate->fingerprint = fingerprint_text(x509);
	certificate->not_before = time_text(X509_get0_notBefore(x509));
	certificate->not_after = time_text(X509_get0_notAfter(x509));
	certificate->days_left = days_between(NULL, X509_get0_notAfter(x509));
	certificate->days_life = days_between(X509_get0_notBefore(x509),
	    X509_get0_notAfter(x509));
	read_names(x509, certificate);
}

static void
add_to_chain(struct xo_tls_tool_chain *chain, X509 *x509)
{
	chain->certificates = xo_tool_require(realloc(chain->certificates,
	    (chain->n + 1) * sizeof(*chain->certificates)));
	memset(&chain->certificates[chain->n], 0,
	    sizeof(*chain->certificates));
	read_certificate(x509, &chain->certificates[chain->n++]);
}

void
xo_tls_tool_peer_chain(const struct xo_tls *tls,
    struct xo_tls_tool_chain *chain_r)
{
	STACK_OF(X509) *shown = SSL_get_peer_cert_chain(tls->ssl);
	X509 *leaf = SSL_get0_peer_certificate(tls->ssl);

	*chain_r = (struct xo_tls_tool_chain){NULL, 0};
	/* On a server's side the library keeps the leaf apart. */
	if (leaf != NULL && SSL_is_server(tls->ssl))
		add_to_chain(chain_r, leaf);
	for (int i = 0; i < sk_X509_num(shown); i++)
		add_to_chain(chain_r, sk_X509_value(shown, i));
}

void
xo_tls_tool_own_chain(const struct xo_tls_context *context,
    struct xo_tls_tool_chain *chain_r)
{
	X509 *leaf = SSL_CTX_get0_certificate(context->ssl);

	*chain_r = (struct xo_tls_tool_chain){NULL, 0};
	if (leaf != NULL)
		add_to_chain(chain_r, leaf);
}

void
xo_tls_tool_chain_fini(struct xo_tls_tool_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		struct xo_tls_tool_certificate *c = &chain->certificates[i];

		for (size_t k = 0; k < c->n_names; k++)
			free(c->names[k]);
		free(c->names);
		free(c->subject);
		free(c->issuer);
		free(c->usages);
		free(c->key);
		free(c->serial);
		free(c->fingerprint);
		free(c->not_before);
		free(c->not_after);
	}
	free(chain->certificates);
	*chain = (struct xo_tls_tool_chain){NULL, 0};
}

const char *
xo_tls_tool_certificate_name(const struct xo_tls_tool_certificate *certificate)
{
	for (size_t i = 0; i < certificate->n_names; i++) {
		if (strncmp(certificate->names[i], "DNS:", 4) == 0)
			return certificate->names[i] + 4;
	}
	return certificate->subject;
}

const char *
xo_tls_tool_flaw(struct xo_tls *tls)
{
	const struct xo_certificate *peer = xo_tls_peer(tls);

	if (!peer->is_present)
		return "no certificate";
	return peer->is_chain_valid ? NULL : peer->flaw;
}

static bool
has_address(const struct xo_tls *tls, const struct xo_address *address)
{
	bool is_ipv4 = xo_address_is_ipv4(address);
	size_t len = is_ipv4 ? 4 : 16;

	return X509_check_ip(SSL_get0_peer_certificate(tls->ssl),
	    address->octets + 16 - len, len, 0) == 1;
}

bool
xo_tls_tool_has_name(struct xo_tls *tls, const char *name, bool has_wildcards)
{
	const struct xo_certificate *peer = xo_tls_peer(tls);
	struct xo_span wanted = xo_span_from_cstr(name);
	struct xo_address address;

	if (peer->is_present && xo_address_read(wanted, &address) == XO_OK)
		return has_address(tls, &address);
	for (size_t i = 0; i < peer->n_dns_names; i++)
		if (xo_certificate_name_matches(wanted, peer->dns_names[i],
		    has_wildcards))
			return xo_certificate_permits(peer, wanted);
	return false;
}

struct xo_tls_tool_digest {
	EVP_MD_CTX *context;
};

struct xo_tls_tool_digest *
xo_tls_tool_digest_new(void)
{
	struct xo_tls_tool_digest *digest =
	    xo_tool_require(calloc(1, sizeof(*digest)));

	digest->context = xo_tool_require(EVP_MD_CTX_new());
	EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL);
	return digest;
}

void
xo_tls_tool_digest_add(struct xo_tls_tool_digest *digest, struct xo_span s)
{
	EVP_DigestUpdate(digest->context, s.p, s.len);
}

void
xo_tls_tool_digest_end(struct xo_tls_tool_digest **digest, char hex_r[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t octets[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	hex_r[0] = '\0';
	if (*digest == NULL)
		return;
	EVP_DigestFinal_ex((*digest)->context, octets, &len);
	for (unsigned i = 0; i < len && i < 32; i++) {
		hex_r[2 * i] = digits[octets[i] >> 4];
		hex_r[2 * i + 1] = digits[octets[i] & 15];
		hex_r[2 * i + 2] = '\0';
	}
	EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}
