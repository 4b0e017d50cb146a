/* SPDX-License-Identifier: ISC */
#include "tls_pki.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define MAX_FILES 64

static EVP_PKEY *leaf_key;
static char folder[] = "/tmp/xoorg-tls-XXXXXX";
static char *files[MAX_FILES];
static size_t n_files;

static EVP_PKEY *
make_key(const struct pki_spec *spec)
{
	switch (spec->key) {
	case PKI_RSA_1024:
		return EVP_RSA_gen(1024);
	case PKI_RSA_2048:
		return EVP_RSA_gen(2048);
	case PKI_RSA_4096:
		return EVP_RSA_gen(4096);
	case PKI_EC_384:
		return EVP_EC_gen("P-384");
	case PKI_EC_521:
		return EVP_EC_gen("P-521");
	case PKI_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case PKI_EC:
		break;
	}
	if (spec->is_ca)
		return EVP_EC_gen("P-256");
	if (leaf_key == NULL)
		leaf_key = EVP_EC_gen("P-256");
	assert_non_null(leaf_key);
	assert_int_equal(EVP_PKEY_up_ref(leaf_key), 1);
	return leaf_key;
}

static void
add(X509 *x, int nid, void *value, int is_critical)
{
	assert_int_equal(X509_add1_ext_i2d(x, nid, value, is_critical, 0), 1);
}

static void
push_dns(GENERAL_NAMES *names, struct xo_span name)
{
	GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(value, name.p, (int)name.len), 1);
	GENERAL_NAME_set0_value(entry, GEN_DNS, value);
	assert_true(sk_GENERAL_NAME_push(names, entry) > 0);
}

static void
push_ip(GENERAL_NAMES *names, const char *ip)
{
	GENERAL_NAME *entry = GENERAL_NAME_new();

	GENERAL_NAME_set0_value(entry, GEN_IPADD, a2i_IPADDRESS(ip));
	assert_true(sk_GENERAL_NAME_push(names, entry) > 0);
}

static void
add_names(X509 *x, const struct pki_spec *spec)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int i;

	for (i = 0; i < 3; i++) {
		if (spec->dns[i].len > 0)
			push_dns(names, spec->dns[i]);
	}
	if (spec->ip != NULL)
		push_ip(names, spec->ip);
	for (i = 0; i < spec->n_fillers; i++) {
		char text[40];
		int len = snprintf(text, sizeof(text), "filler-%d.example", i);

		push_dns(names, xo_span(text, (size_t)len));
	}
	if (sk_GENERAL_NAME_num(names) > 0)
		add(x, NID_subject_alt_name, names, 0);
	GENERAL_NAMES_free(names);
}

static void
add_usages(X509 *x, const struct pki_spec *spec)
{
	EXTENDED_KEY_USAGE *eku = sk_ASN1_OBJECT_new_null();
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int i;

	for (i = 0; i < 2 && spec->eku[i] != 0; i++)
		sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(spec->eku[i]));
	if (i > 0)
		add(x, NID_ext_key_usage, eku, 0);
	for (i = 0; i < 8; i++) {
		if ((spec->key_usage & (0x80U >> i)) != 0)
			ASN1_BIT_STRING_set_bit(bits, i, 1);
	}
	if (spec->key_usage != 0)
		add(x, NID_key_usage, bits, 1);
	sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
	ASN1_BIT_STRING_free(bits);
}

static void
add_basic_constraints(X509 *x, const struct pki_spec *spec)
{
	BASIC_CONSTRAINTS *basic;

	if (spec->has_no_basic_constraints)
		return;
	basic = BASIC_CONSTRAINTS_new();
	basic->ca = spec->is_ca ? 0xff : 0;
	if (spec->has_path_length) {
		basic->pathlen = ASN1_INTEGER_new();
		ASN1_INTEGER_set(basic->pathlen, spec->path_length);
	}
	add(x, NID_basic_constraints, basic, 1);
	BASIC_CONSTRAINTS_free(basic);
}

static STACK_OF(GENERAL_SUBTREE) *
make_subtrees(const char *base)
{
	STACK_OF(GENERAL_SUBTREE) *trees = sk_GENERAL_SUBTREE_new_null();
	GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	ASN1_STRING_set(value, base, (int)strlen(base));
	GENERAL_NAME_set0_value(tree->base, GEN_DNS, value);
	sk_GENERAL_SUBTREE_push(trees, tree);
	return trees;
}

static void
add_name_constraints(X509 *x, const struct pki_spec *spec)
{
	NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();

	if (spec->permitted != NULL)
		constraints->permittedSubtrees =
		    make_subtrees(spec->permitted);
	if (spec->excluded != NULL)
		constraints->excludedSubtrees = make_subtrees(spec->excluded);
	add(x, NID_name_constraints, constraints, 1);
	NAME_CONSTRAINTS_free(constraints);
}

static void
add_unknown_critical(X509 *x)
{
	ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ASN1_OCTET_STRING_set(value, (const unsigned char *)"\005\000", 2);
	extension = X509_EXTENSION_create_by_OBJ(NULL, id, 1, value);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(id);
}

static void
add_subject(X509 *x, const struct pki_spec *spec)
{
	X509_NAME *subject = X509_NAME_new();
	int i;

	X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8,
	    (const unsigned char *)"Test", -1, -1, 0);
	for (i = 0; i < 2; i++) {
		if (spec->cn[i].len > 0)
			assert_int_equal(X509_NAME_add_entry_by_NID(subject,
			    NID_commonName, V_ASN1_UTF8STRING, spec->cn[i].p,
			    (int)spec->cn[i].len, -1, 0), 1);
	}
	assert_int_equal(X509_set_subject_name(x, subject), 1);
	X509_NAME_free(subject);
}

struct pki_identity
pki_issue(const struct pki_spec *spec, const struct pki_identity *issuer)
{
	static long serial = 1000;
	struct pki_identity made = {X509_new(), make_key(spec)};
	const struct pki_identity *signer = issuer != NULL ? issuer : &made;
	X509 *x = made.x;

	assert_non_null(x);
	assert_non_null(made.key);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x),
	    spec->is_future ? PKI_DAY : -30 * PKI_DAY);
	X509_gmtime_adj(X509_getm_notAfter(x),
	    spec->is_expired ? -PKI_DAY : 30 * PKI_DAY);
	X509_set_pubkey(x, made.key);
	add_subject(x, spec);
	X509_set_issuer_name(x, X509_get_subject_name(signer->x));
	add_basic_constraints(x, spec);
	add_names(x, spec);
	add_usages(x, spec);
	if (spec->permitted != NULL || spec->excluded != NULL)
		add_name_constraints(x, spec);
	if (spec->has_unknown_critical)
		add_unknown_critical(x);
	assert_true(X509_sign(x, signer->key,
	    EVP_PKEY_is_a(signer->key, "ED25519") ? NULL :
	    spec->is_sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	return made;
}

void
pki_identity_fini(struct pki_identity *identity)
{
	X509_free(identity->x);
	EVP_PKEY_free(identity->key);
	*identity = (struct pki_identity){NULL, NULL};
}

X509_CRL *
pki_issue_crl(const struct pki_identity *issuer, long days, const X509 *revoked)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -20 * PKI_DAY);
	ASN1_TIME *to = X509_gmtime_adj(NULL, days * PKI_DAY);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	if (revoked != NULL) {
		X509_REVOKED *entry = X509_REVOKED_new();
		ASN1_INTEGER *number =
		    ASN1_INTEGER_dup(X509_get0_serialNumber(revoked));

		X509_REVOKED_set_serialNumber(entry, number);
		X509_REVOKED_set_revocationDate(entry, from);
		assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
		ASN1_INTEGER_free(number);
	}
	assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return crl;
}

void
pki_folder_init(void)
{
	assert_non_null(mkdtemp(folder));
}

void
pki_folder_fini(void)
{
	while (n_files > 0) {
		n_files--;
		(void)unlink(files[n_files]);
		free(files[n_files]);
	}
	(void)rmdir(folder);
	EVP_PKEY_free(leaf_key);
	leaf_key = NULL;
}

static BIO *
create(const char *name, char **path_r)
{
	BIO *out;
	int len = asprintf(path_r, "%s/%s", folder, name);

	assert_true(len > 0);
	out = BIO_new_file(*path_r, "w");
	assert_non_null(out);
	assert_true(n_files < MAX_FILES);
	files[n_files] = strdup(*path_r);
	n_files++;
	return out;
}

char *
pki_write_certificates(const char *name, X509 *const *x)
{
	char *path;
	BIO *out = create(name, &path);

	for (; *x != NULL; x++)
		assert_int_equal(PEM_write_bio_X509(out, *x), 1);
	BIO_free(out);
	return path;
}

char *
pki_write_key(const char *name, EVP_PKEY *key, const char *password)
{
	char *path;
	BIO *out = create(name, &path);
	int len = password != NULL ? (int)strlen(password) : 0;

	assert_int_equal(PEM_write_bio_PrivateKey(out, key,
	    password != NULL ? EVP_aes_128_cbc() : NULL,
	    (const unsigned char *)password, len, NULL, NULL), 1);
	BIO_free(out);
	return path;
}

char *
pki_write_crls(const char *name, X509_CRL *const *crls)
{
	char *path;
	BIO *out = create(name, &path);

	for (; *crls != NULL; crls++)
		assert_int_equal(PEM_write_bio_X509_CRL(out, *crls), 1);
	BIO_free(out);
	return path;
}

char *
pki_write_text(const char *name, const char *text)
{
	char *path;
	BIO *out = create(name, &path);

	assert_true(BIO_puts(out, text) >= 0);
	BIO_free(out);
	return path;
}
