/* SPDX-License-Identifier: ISC */
/*
 * The client certificates of the threat model, each through a handshake:
 * what the server makes of the chain, and whether the session would be trusted.
 */
#include "tls_world.h"

#include <stdio.h>
#include <time.h>
#include <stdlib.h>

#define NAME "mail.protection.outlook.com"
#define GOOD_NAME .cn = {PKI_NAME(NAME)}, .dns = {PKI_NAME(NAME)}
#define BOTH .eku = {NID_server_auth, NID_client_auth}
#define VALID NULL
#define CA .is_ca = true, .cn = {PKI_NAME("Other CA")}

/* Who signs the leaf, or the issuer of the row if it has one. */
enum anchor {
	BY_INTERMEDIATE,
	BY_ROOT,
	BY_TWIN,
	BY_ITSELF,
};

struct row {
	const char *name;
	struct pki_spec leaf;
	const struct pki_spec *issuer;	/* one more, between anchor and leaf */
	enum anchor anchor;
	bool is_chain_hidden;
	const char *flaw;
	bool is_stranger;		/* its name gives it nothing */
	bool is_fenced;			/* nor may it have it */
	size_t n_names;			/* 0: one */
};

static const struct pki_spec plain_ca = {CA};
static const struct pki_spec not_a_ca = {
	.cn = {PKI_NAME("Leaf")}, .dns = {PKI_NAME("leaf.example")}
};
static const struct pki_spec old_ca = {
	.cn = {PKI_NAME("Old")}, .has_no_basic_constraints = true,
	.key_usage = KU_KEY_CERT_SIGN
};
static const struct pki_spec code_ca = {CA, .eku = {NID_code_sign}};
static const struct pki_spec client_ca = {CA, .eku = {NID_client_auth}};
static const struct pki_spec any_ca = {CA, .eku = {NID_anyExtendedKeyUsage}};
static const struct pki_spec fenced_ca = {CA, .permitted = "contoso.com"};
static const struct pki_spec hole_ca = {CA, .excluded = NAME};
static const struct pki_spec sha1_ca = {CA, .is_sha1 = true};
static const struct pki_spec expired_ca = {CA, .is_expired = true};

static const struct row rows[] = {
	{"C01 good", {GOOD_NAME, BOTH}, .flaw = VALID},
	{"C02 serverAuth", {GOOD_NAME, .eku = {NID_server_auth}}, .flaw = VALID},
	{"C03 clientAuth", {GOOD_NAME, .eku = {NID_client_auth}}, .flaw = VALID},
	{"C04 no EKU", {GOOD_NAME}, .flaw = VALID},
	{"C05 codeSigning", {GOOD_NAME, .eku = {NID_code_sign}},
	    .flaw = "wrong usage"},
	{"anyEKU alone", {GOOD_NAME, .eku = {NID_anyExtendedKeyUsage}},
	    .flaw = "wrong usage"},
	{"anyEKU and serverAuth",
	    {GOOD_NAME, .eku = {NID_anyExtendedKeyUsage, NID_server_auth}}, .flaw = VALID},
	{"digitalSignature",
	    {GOOD_NAME, BOTH, .key_usage = KU_DIGITAL_SIGNATURE}, .flaw = VALID},
	{"keyEncipherment only",
	    {GOOD_NAME, BOTH, .key_usage = KU_KEY_ENCIPHERMENT},
	    .flaw = "wrong usage"},
	{"C06 expired", {GOOD_NAME, BOTH, .is_expired = true},
	    .flaw = "expired"},
	{"C07 future", {GOOD_NAME, BOTH, .is_future = true},
	    .flaw = "not yet valid"},
	{"C08 self-signed", {GOOD_NAME, BOTH}, .anchor = BY_ITSELF,
	    .flaw = "self-signed"},
	{"C09 CA twin", {GOOD_NAME, BOTH}, .anchor = BY_TWIN,
	    .is_chain_hidden = true, .flaw = "bad signature"},
	{"C09 CA twin, shown", {GOOD_NAME, BOTH}, .anchor = BY_TWIN,
	    .flaw = "bad signature"},
	{"C10 CA under a twin", {GOOD_NAME, BOTH}, &plain_ca,
	    .anchor = BY_TWIN, .flaw = "bad signature"},
	{"C11 one more CA", {GOOD_NAME, BOTH}, &plain_ca, .flaw = VALID},
	{"C12 no intermediate", {GOOD_NAME, BOTH}, .is_chain_hidden = true,
	    .flaw = "unknown issuer"},
	{"C13 leaf as CA", {GOOD_NAME, BOTH}, &not_a_ca,
	    .flaw = "issuer is not a CA"},
	{"CA without basicConstraints", {GOOD_NAME, BOTH}, &old_ca,
	    .flaw = "issuer is not a CA"},
	{"C15 name constraint", {GOOD_NAME, BOTH}, &fenced_ca,
	    .flaw = "outside name constraints"},
	{"name constraint, CN", {.cn = {PKI_NAME(NAME)}, BOTH}, &fenced_ca,
	    .flaw = "outside name constraints", .n_names = SIZE_MAX},
	{"name constraint, CN beside a SAN", {.cn = {PKI_NAME(NAME)},
	    .dns = {PKI_NAME("a.contoso.com")}, BOTH}, &fenced_ca,
	    .is_stranger = true, .is_fenced = true},
	{"name constraint, CN beside an address", {.cn = {PKI_NAME(NAME)},
	    .ip = "192.0.2.1", BOTH}, &fenced_ca,
	    .flaw = "outside name constraints", .n_names = SIZE_MAX},
	{"name constraint, wildcard CN",
	    {.cn = {PKI_NAME("*.protection.outlook.com")}, BOTH}, &fenced_ca,
	    .is_stranger = true, .is_fenced = true, .n_names = SIZE_MAX},
	{"name constraint, excluded", {GOOD_NAME, BOTH}, &hole_ca,
	    .flaw = "outside name constraints"},
	{"name constraint, excluded wildcard",
	    {.dns = {PKI_NAME("*.protection.outlook.com")}, BOTH}, &hole_ca,
	    .is_stranger = true, .is_fenced = true},
	{"C36 unknown critical",
	    {GOOD_NAME, BOTH, .has_unknown_critical = true},
	    .flaw = "unknown critical extension"},
	{"expired CA", {GOOD_NAME, BOTH}, &expired_ca, .flaw = "expired"},
	{"CA for code", {GOOD_NAME, BOTH}, &code_ca, .flaw = "wrong usage"},
	{"CA for clients, leaf for servers",
	    {GOOD_NAME, .eku = {NID_server_auth}}, &client_ca,
	    .flaw = "wrong usage"},
	{"CA for clients", {GOOD_NAME, BOTH}, &client_ca, .flaw = VALID},
	{"CA for anything", {GOOD_NAME, BOTH}, &any_ca, .flaw = VALID},
	{"C37 RSA 1024", {GOOD_NAME, BOTH, .key = PKI_RSA_1024},
	    .flaw = "weak key"},
	{"RSA 2048", {GOOD_NAME, BOTH, .key = PKI_RSA_2048}, .flaw = VALID},
	{"C38 SHA-1", {GOOD_NAME, BOTH, .is_sha1 = true},
	    .flaw = "weak signature"},
	{"SHA-1 CA", {GOOD_NAME, BOTH}, &sha1_ca, .flaw = "weak signature"},
	{"C45 Ed25519", {GOOD_NAME, BOTH, .key = PKI_ED25519}, .flaw = VALID},
	{"C39 300 SANs", {GOOD_NAME, BOTH, .n_fillers = 300}, .n_names = 301},
	/* names: the chain is good in all of these */
	{"C17 CN right, SAN other", {.cn = {PKI_NAME(NAME)},
	    .dns = {PKI_NAME("other.example")}, BOTH}, .is_stranger = true},
	{"C18 SAN right, CN other", {.cn = {PKI_NAME("other.example")},
	    .dns = {PKI_NAME(NAME)}, BOTH}, .flaw = VALID},
	{"C19 CN only", {.cn = {PKI_NAME(NAME)}, BOTH}, .n_names = SIZE_MAX},
	{"CN and an address", {.cn = {PKI_NAME(NAME)}, .ip = "192.0.2.1", BOTH},
	    .is_stranger = true, .n_names = SIZE_MAX},
	{"C20 NUL in CN", {.cn = {PKI_NAME(NAME "\0.evil.example")}, BOTH},
	    .is_stranger = true, .n_names = SIZE_MAX},
	{"C21 NUL in SAN", {.dns = {PKI_NAME(NAME "\0.evil.example")}, BOTH},
	    .is_stranger = true},
	{"NUL at the end of SAN", {.dns = {PKI_NAME(NAME "\0")}, BOTH},
	    .is_stranger = true},
	{"C22 wildcard", {.dns = {PKI_NAME("*.protection.outlook.com")}, BOTH},
	    .is_stranger = true},
	{"C26 partial wildcard",
	    {.dns = {PKI_NAME("m*.protection.outlook.com")}, BOTH},
	    .is_stranger = true},
	{"C30 capitals", {.dns = {PKI_NAME("MAIL.Protection.Outlook.COM")},
	    BOTH}, .flaw = VALID},
	{"C32 two CNs",
	    {.cn = {PKI_NAME(NAME), PKI_NAME("other.example")}, BOTH},
	    .is_stranger = true, .n_names = SIZE_MAX},
	{"C33 two CNs",
	    {.cn = {PKI_NAME("other.example"), PKI_NAME(NAME)}, BOTH},
	    .is_stranger = true, .n_names = SIZE_MAX},
	{"no name", {BOTH}, .is_stranger = true, .n_names = SIZE_MAX},
};

/* To a peer that goes by lists as `crl` says. */
static bool
has_right_by(const struct xo_certificate *certificate, enum xo_crl_mode crl)
{
	static const struct xo_span names[] = {PKI_NAME(NAME)};
	static const struct xo_peer peer = {
		.names = names, .n_names = 1, .rights = XO_RIGHT_XOORG,
		.crl = XO_CRL_INHERIT
	};
	static const int peers[] = {0};
	const struct xo_listener listener = {
		.peers = peers, .n_peers = 1, .crl = crl
	};
	static const struct xo_policy policy = {.peers = &peer, .n_peers = 1};
	struct xo_address address = {{0}};
	struct xo_rights rights;

	xo_rights_decide(&policy, &listener, certificate, &address, &rights);
	return (rights.rights & XO_RIGHT_XOORG) != 0;
}

static bool
has_right(const struct xo_certificate *certificate)
{
	return has_right_by(certificate, XO_CRL_OFF);
}

/* What to send with the leaf; `issuer` is made here. */
static struct pki_identity
issue_leaf(const struct row *row, struct pki_identity *issuer, X509 **chain)
{
	const struct pki_identity *by = row->anchor == BY_TWIN ? &world.twin :
	    row->anchor == BY_ROOT ? &world.root : &world.intermediate;

	if (row->anchor == BY_ITSELF)
		return pki_issue(&row->leaf, NULL);
	if (row->issuer != NULL) {
		*issuer = pki_issue(row->issuer, by);
		if (!row->is_chain_hidden)
			*chain++ = issuer->x;
	}
	if (!row->is_chain_hidden)
		*chain++ = by->x;
	return pki_issue(&row->leaf, row->issuer != NULL ? issuer : by);
}

static void
check_row(const struct row *row, const struct pair *pair)
{
	const struct xo_certificate *got = xo_tls_peer(pair->ours);
	size_t want_names = row->n_names == 0 ? 1 :
	    row->n_names == SIZE_MAX ? 0 : row->n_names;

	if (pair->our_end != XO_IO_OK)
		fail_msg("%s: no handshake: %s", row->name,
		    xo_tls_error(pair->ours));
	if (!got->is_present)
		fail_msg("%s: no certificate", row->name);
	if (got->is_chain_valid != (row->flaw == NULL) || (row->flaw != NULL &&
	    strcmp(got->flaw, row->flaw) != 0) ||
	    (row->flaw == NULL && got->flaw != NULL))
		fail_msg("%s: got %s, want %s", row->name,
		    got->flaw != NULL ? got->flaw : "valid",
		    row->flaw != NULL ? row->flaw : "valid");
	if (got->n_dns_names != want_names)
		fail_msg("%s: got %zu names, want %zu", row->name,
		    got->n_dns_names, want_names);
	if ((got->common_name.len > 0) !=
	    (row->leaf.cn[0].len > 0 && row->leaf.cn[1].len == 0))
		fail_msg("%s: got a CN of %zu octets", row->name,
		    got->common_name.len);
	if (xo_certificate_permits(got, XO_LIT(NAME)) == row->is_fenced)
		fail_msg("%s: got %zu constraints", row->name,
		    got->n_constraints);
	if (has_right(got) != (row->flaw == NULL && !row->is_stranger))
		fail_msg("%s: got right %d", row->name, has_right(got));
}

static void
test_matrix(void **state)
{
	struct xo_tls_context *context = server_context(&world.conf);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pki_identity issuer = {NULL, NULL};
		X509 *chain[3] = {NULL};
		struct pki_identity leaf = issue_leaf(&rows[i], &issuer, chain);
		SSL_CTX *ctx = plain_context(TLS_client_method(), &leaf, chain);
		struct pair pair;

		/* Both versions read the certificate in other places. */
		SSL_CTX_set_max_proto_version(ctx,
		    i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
		pair_open(&pair);
		pair.ours = xo_tls_new_server(context, pair.fd[0]);
		pair_add_plain(&pair, ctx, false);
		pair_handshake(&pair);
		check_row(&rows[i], &pair);
		pair_send_octet(&pair);
		pair_close(&pair);
		SSL_CTX_free(ctx);
		pki_identity_fini(&issuer);
		pki_identity_fini(&leaf);
	}
	xo_tls_context_free(&context);
}

/* A handshake with `leaf`; the context is freed before the verdict is read. */
static void
connect_with(const struct xo_conf_tls *conf, const struct pki_identity *leaf,
    X509 *const *chain, struct pair *pair)
{
	struct xo_tls_context *context = server_context(conf);
	SSL_CTX *ctx = plain_context(TLS_client_method(), leaf, chain);

	pair_open(pair);
	pair->ours = xo_tls_new_server(context, pair->fd[0]);
	pair_add_plain(pair, ctx, false);
	xo_tls_context_free(&context);
	SSL_CTX_free(ctx);
	pair_handshake(pair);
}

static void
test_none(void **state)
{
	struct pair pair;

	(void)state;
	connect_with(&world.conf, NULL, NULL, &pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	assert_false(xo_tls_peer(pair.ours)->is_present);
	assert_false(xo_tls_peer(pair.ours)->is_chain_valid);
	pair_close(&pair);
}

/* Above the 100 KiB that a list of certificates may have. */
static void
test_3000_names(void **state)
{
	static const struct pki_spec spec = {
		GOOD_NAME, BOTH, .n_fillers = 6000
	};
	struct pki_identity leaf = pki_issue(&spec, &world.root);
	struct pair pair;

	(void)state;
	connect_with(&world.conf, &leaf, NULL, &pair);
	assert_int_equal(pair.our_end, XO_IO_ERROR);
	assert_false(xo_tls_peer(pair.ours)->is_chain_valid);
	pair_close(&pair);
	pki_identity_fini(&leaf);
}

/* C14 and C41: `n` CAs in a row between root and leaf. */
static const char *
flaw_with_cas(int n, const struct pki_spec *first)
{
	static const struct pki_spec leaf_spec = {GOOD_NAME, BOTH};
	struct pki_identity cas[40];
	X509 *chain[41] = {NULL};
	struct pki_identity leaf;
	struct pair pair;
	const char *flaw;
	int i;

	for (i = 0; i < n; i++) {
		struct pki_spec spec = plain_ca;
		char name[16];

		(void)snprintf(name, sizeof(name), "CA %d", i);
		spec.cn[0] = xo_span_from_cstr(name);
		cas[i] = pki_issue(i == 0 ? first : &spec,
		    i == 0 ? &world.root : &cas[i - 1]);
		chain[n - 1 - i] = cas[i].x;
	}
	leaf = pki_issue(&leaf_spec, &cas[n - 1]);
	connect_with(&world.conf, &leaf, chain, &pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	flaw = xo_tls_peer(pair.ours)->flaw;
	assert_int_equal(xo_tls_peer(pair.ours)->is_chain_valid, flaw == NULL);
	pair_close(&pair);
	pki_identity_fini(&leaf);
	for (i = 0; i < n; i++)
		pki_identity_fini(&cas[i]);
	return flaw;
}

static void
test_long_chains(void **state)
{
	static const struct pki_spec short_ca = {
		CA, .has_path_length = true, .path_length = 0
	};

	(void)state;
	assert_null(flaw_with_cas(9, &plain_ca));
	assert_string_equal(flaw_with_cas(10, &plain_ca), "chain too long");
	assert_string_equal(flaw_with_cas(40, &plain_ca), "chain too long");
	assert_null(flaw_with_cas(1, &short_ca));
	assert_string_equal(flaw_with_cas(2, &short_ca), "chain too long");
}

enum list {
	LIST_GOOD,
	LIST_REVOKES,
	LIST_EXPIRED,
	LIST_EXPIRED_REVOKES,
	LIST_OF_TWIN,
	LIST_MISSING,
};

static const struct {
	const char *name;
	enum list intermediates;	/* what the root's list is */
	enum list leaves;		/* the intermediate's */
	enum xo_crl_finding want;
} lists[] = {
	{"good", LIST_GOOD, LIST_GOOD, XO_CRL_GOOD},
	{"leaf revoked", LIST_GOOD, LIST_REVOKES, XO_CRL_REVOKED},
	{"CA revoked", LIST_REVOKES, LIST_GOOD, XO_CRL_REVOKED},
	{"leaf's missing", LIST_GOOD, LIST_MISSING, XO_CRL_UNUSABLE},
	{"CA's missing", LIST_MISSING, LIST_GOOD, XO_CRL_UNUSABLE},
	{"CA's missing, leaf revoked", LIST_MISSING, LIST_REVOKES,
	    XO_CRL_REVOKED},
	{"CA revoked, leaf's missing", LIST_REVOKES, LIST_MISSING,
	    XO_CRL_REVOKED},
	{"leaf's expired", LIST_GOOD, LIST_EXPIRED, XO_CRL_UNUSABLE},
	{"expired, and revokes", LIST_GOOD, LIST_EXPIRED_REVOKES,
	    XO_CRL_REVOKED},
	{"CA's of a twin", LIST_OF_TWIN, LIST_GOOD, XO_CRL_UNUSABLE},
};

static X509_CRL *
make_list(enum list list, const struct pki_identity *issuer, const X509 *x)
{
	switch (list) {
	case LIST_REVOKES:
		return pki_issue_crl(issuer, 10, x);
	case LIST_EXPIRED:
		return pki_issue_crl(issuer, -1, NULL);
	case LIST_EXPIRED_REVOKES:
		return pki_issue_crl(issuer, -1, x);
	case LIST_OF_TWIN:
		return pki_issue_crl(&world.twin, 10, NULL);
	case LIST_MISSING:
	case LIST_GOOD:
		break;
	}
	return pki_issue_crl(issuer, 10, NULL);
}

/* As lists of the `tls` group, and as a peer's own. */
static void
check_lists(size_t i, const struct pki_identity *leaf, const char *file,
    bool is_peer_own)
{
	struct xo_conf_tls conf = world.conf;
	const struct xo_conf_path path = path_of(file);
	struct xo_tls_context *context;
	struct xo_buf error = {0};
	const struct xo_certificate *got;
	X509 *chain[] = {world.intermediate.x, NULL};
	SSL_CTX *ctx = plain_context(TLS_client_method(), leaf, chain);
	struct pair pair;
	int64_t expiry;

	if (!is_peer_own) {
		conf.crl = XO_CRL_SOFT;
		conf.crl_file = path;
	}
	context = server_context(&conf);
	if (is_peer_own)
		assert_true(xo_tls_context_add_crls(context, &path, &expiry,
		    &error));
	else
		expiry = xo_tls_context_crl_expiry(context);
	/* The first that ends: days are what the lists were made for. */
	if (lists[i].leaves == LIST_EXPIRED ||
	    lists[i].leaves == LIST_EXPIRED_REVOKES)
		assert_true(expiry < (int64_t)time(NULL));
	else
		assert_true(expiry > (int64_t)time(NULL) + 9 * 86400 &&
		    expiry < (int64_t)time(NULL) + 11 * 86400);
	pair_open(&pair);
	pair.ours = xo_tls_new_server(context, pair.fd[0]);
	pair_add_plain(&pair, ctx, false);
	xo_tls_context_free(&context);
	SSL_CTX_free(ctx);
	pair_handshake(&pair);
	assert_int_equal(pair.our_end, XO_IO_OK);
	got = xo_tls_peer(pair.ours);
	assert_true(got->is_chain_valid);
	if (got->crl != lists[i].want)
		fail_msg("%s: got %d, want %d", lists[i].name, (int)got->crl,
		    (int)lists[i].want);
	assert_int_equal(has_right_by(got, XO_CRL_SOFT),
	    lists[i].want != XO_CRL_REVOKED);
	assert_int_equal(has_right_by(got, XO_CRL_HARD),
	    lists[i].want == XO_CRL_GOOD);
	assert_true(has_right_by(got, XO_CRL_OFF));
	pair_close(&pair);
}

static void
test_revocation(void **state)
{
	static const struct pki_spec spec = {GOOD_NAME, BOTH};
	struct pki_identity leaf = pki_issue(&spec, &world.intermediate);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		X509_CRL *crls[3] = {NULL};
		size_t n = 0;
		char name[16];
		char *file;

		if (lists[i].intermediates != LIST_MISSING)
			crls[n++] = make_list(lists[i].intermediates,
			    &world.root, world.intermediate.x);
		if (lists[i].leaves != LIST_MISSING)
			crls[n++] = make_list(lists[i].leaves,
			    &world.intermediate, leaf.x);
		(void)snprintf(name, sizeof(name), "crl-%zu.pem", i);
		file = pki_write_crls(name, crls);
		check_lists(i, &leaf, file, false);
		check_lists(i, &leaf, file, true);
		free(file);
		while (n > 0)
			X509_CRL_free(crls[--n]);
	}
	pki_identity_fini(&leaf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_3000_names),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_revocation),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
