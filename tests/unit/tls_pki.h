/* SPDX-License-Identifier: ISC */
/*
 * A small certificate authority for the tests of TLS: certificates from a
 * description, good ones and every kind of bad ones, and PEM files of them.
 * A failure in here ends the test.
 */
#ifndef XO_TEST_TLS_PKI_H
#define XO_TEST_TLS_PKI_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <xoorg/bytes.h>

/* A span in a table; XO_LIT is no constant in pedantic C. */
#define PKI_NAME(s) {(const uint8_t *)("" s), sizeof(s) - 1}

#define PKI_DAY (24L * 60 * 60)

enum pki_key {
	PKI_EC,			/* P-256, one for all leaves: fast */
	PKI_RSA_1024,
	PKI_RSA_2048,
	PKI_RSA_4096,
	PKI_ED25519,
	PKI_EC_384,
	PKI_EC_521,
};

/* What a certificate is to say. All-zero: a valid leaf without any name. */
struct pki_spec {
	struct xo_span cn[2];
	struct xo_span dns[3];
	const char *ip;
	int n_fillers;			/* more SANs: filler-N.example */
	int eku[2];			/* NIDs */
	unsigned int key_usage;		/* KU_*; 0: no extension */
	bool is_ca;
	bool has_no_basic_constraints;
	bool has_path_length;
	long path_length;
	const char *permitted;		/* name constraint, a dNSName */
	const char *excluded;		/* the same */
	bool has_unknown_critical;
	bool is_sha1;
	bool is_expired;
	bool is_future;
	enum pki_key key;
};

struct pki_identity {
	X509 *x;
	EVP_PKEY *key;
};

/* Signed by `issuer`; by itself if that is NULL. */
struct pki_identity pki_issue(const struct pki_spec *spec,
    const struct pki_identity *issuer);
void pki_identity_fini(struct pki_identity *identity);

/* A list of `issuer` that ends `days` from now and has `revoked` on it. */
X509_CRL *pki_issue_crl(const struct pki_identity *issuer, long days,
    const X509 *revoked);

/* A folder of its own, and files in it; the names are the caller's to free. */
void pki_folder_init(void);
void pki_folder_fini(void);
/* Certificates in their order, up to a NULL. */
char *pki_write_certificates(const char *name, X509 *const *x);
/* Encrypted with `password`, unless that is NULL. */
char *pki_write_key(const char *name, EVP_PKEY *key, const char *password);
char *pki_write_crls(const char *name, X509_CRL *const *crls);
char *pki_write_text(const char *name, const char *text);

#endif
