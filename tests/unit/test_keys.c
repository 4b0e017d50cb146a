/* SPDX-License-Identifier: ISC */
/*
 * The key process as somebody sees it who took a worker over: he writes what he
 * likes to its socket. Whatever it is, others get their signatures, and the
 * process stays.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <proc/keys.h>

#include "tls_world.h"

/* As keys.c writes it. */
struct question {
	uint64_t id;
	uint32_t key;
	uint16_t kind, scheme, digest;
	struct xo_tls_owner owner;
	uint8_t input[65536];
};

#define HEAD offsetof(struct question, input)
#define N_WORKERS ((size_t)2)

struct answer {
	uint64_t id;
	uint8_t signature[XO_SIGNATURE_MAX];
};

static struct {
	struct pki_identity id;
	char *certificate_file, *key_file;
	struct xo_tls_keyring *keyring;
	struct xo_tls_credential *credential;
	struct xo_pairs pairs;
	pid_t pid;
} keys;

static const struct xo_conf conf = {.process.sandbox = XO_SANDBOX_AUTO};

static int
start(void **state)
{
	const struct pki_spec spec = {
		.dns = {PKI_NAME("gw.contoso.test")},
		.key = PKI_RSA_2048,
	};
	struct xo_buf error = {0};
	struct xo_conf_path certificate, key;

	(void)state;
	keys.id = pki_issue(&spec, &world.root);
	keys.certificate_file = pki_write_certificates("own",
	    (X509 *[]){keys.id.x, NULL});
	keys.key_file = pki_write_key("own-key", keys.id.key, NULL);
	certificate = path_of(keys.certificate_file);
	key = path_of(keys.key_file);
	keys.keyring = xo_tls_keyring_new();
	assert_non_null(keys.keyring);
	keys.credential = xo_tls_credential_new(&certificate, &key,
	    keys.keyring, &error);
	assert_non_null(keys.credential);
	assert_true(xo_pairs_open(&keys.pairs, N_WORKERS));
	keys.pid = xo_keys_start(&keys.pairs, keys.keyring, &conf, &error);
	if (keys.pid == 0)
		fail_msg("%.*s", (int)error.len, (const char *)error.p);
	xo_buf_fini(&error);
	return 0;
}

/* Ended by the last end that is closed, and well. */
static int
stop(void **state)
{
	int status;

	(void)state;
	assert_int_equal(waitpid(keys.pid, &status, WNOHANG), 0);
	xo_pairs_close(&keys.pairs);
	assert_int_equal(waitpid(keys.pid, &status, 0), keys.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	xo_tls_credential_free(&keys.credential);
	xo_tls_keyring_free(&keys.keyring);
	pki_identity_fini(&keys.id);
	free(keys.certificate_file);
	free(keys.key_file);
	return 0;
}

static struct question
good_question(uint64_t id)
{
	struct question q = {
		.id = id,
		.scheme = XO_SIGN_RSA_PKCS1,
		.digest = XO_SIGN_SHA256,
	};

	memset(q.input, 7, 32);
	return q;
}

static bool
say(size_t worker, const void *p, size_t len)
{
	return send(keys.pairs.workers[worker], p, len,
	    MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

/* Octets of the signature in the answer to `id`; others are passed over. */
static size_t
hear(size_t worker, uint64_t id, struct answer *a)
{
	struct pollfd p = {.fd = keys.pairs.workers[worker], .events = POLLIN};

	for (;;) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, 60000), 1);
		n = recv(p.fd, a, sizeof(*a), 0);
		assert_true(n >= (ssize_t)sizeof(a->id));
		if (a->id == id)
			return (size_t)n - sizeof(a->id);
	}
}

static bool
is_good(const uint8_t *signature, size_t len, const uint8_t *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, keys.id.key, NULL);
	bool is_verified = ctx != NULL &&
	    EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_verify(ctx, signature, len, digest, 32) == 1;

	EVP_PKEY_CTX_free(ctx);
	return is_verified;
}

static void
expect_service(size_t worker, uint64_t id)
{
	struct question q = good_question(id);
	struct answer a;

	assert_true(say(worker, &q, HEAD + 32));
	assert_int_equal(hear(worker, id, &a), 256);
	assert_true(is_good(a.signature, 256, q.input));
}

static void
test_good(void **state)
{
	(void)state;
	for (uint64_t id = 1; id < 20; id++)
		expect_service(id % N_WORKERS, id);
}

/* A record of these many octets; what is not said is good. */
static const struct {
	const char *name;
	size_t len;
	uint32_t key;
	uint16_t scheme, digest;
	bool is_answered;		/* by no signature */
} odd[] = {
	{"nothing", 0, 0, 0, 0, false},
	{"an octet", 1, 0, 0, 0, false},
	{"half a head", HEAD - 1, 0, 0, 0, false},
	{"no digest", HEAD, 0, XO_SIGN_RSA_PKCS1, XO_SIGN_SHA256, true},
	{"a short one", HEAD + 31, 0, XO_SIGN_RSA_PKCS1, XO_SIGN_SHA256, true},
	{"a long one", HEAD + 33, 0, XO_SIGN_RSA_PSS, XO_SIGN_SHA256, true},
	{"the longest", HEAD + XO_SIGN_INPUT_MAX, 0, XO_SIGN_RSA_PSS,
		XO_SIGN_SHA256, true},
	{"longer", sizeof(struct question), 0, XO_SIGN_RSA_PSS, XO_SIGN_SHA256,
		true},
	{"another's key", HEAD + 32, 1, XO_SIGN_RSA_PSS, XO_SIGN_SHA256, true},
	{"no key", HEAD + 32, UINT32_MAX, XO_SIGN_RSA_PSS, XO_SIGN_SHA256,
		true},
	{"another kind", HEAD + 32, 0, XO_SIGN_ECDSA, XO_SIGN_SHA256, true},
	{"a text", HEAD + 32, 0, XO_SIGN_ED25519, XO_SIGN_NO_DIGEST, true},
	{"no kind", HEAD + 32, 0, UINT16_MAX, XO_SIGN_SHA256, true},
	{"no digest's name", HEAD + 32, 0, XO_SIGN_RSA_PKCS1, UINT16_MAX, true},
	{"bare octets", HEAD + 32, 0, XO_SIGN_RSA_PKCS1, XO_SIGN_NO_DIGEST,
		true},
};

static void
test_odd(void **state)
{
	uint64_t id = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++, id += 2) {
		struct question q = good_question(id);
		struct answer a;

		q.key = odd[i].key;
		q.scheme = odd[i].scheme;
		q.digest = odd[i].digest;
		if (!say(0, &q, odd[i].len))
			fail_msg("%s: not sent", odd[i].name);
		if (odd[i].is_answered && hear(0, id, &a) != 0)
			fail_msg("%s: signed", odd[i].name);
		expect_service(0, id + 1);
		expect_service(1, id + 1);
	}
}

/* He never reads an answer. */
static void
test_flood(void **state)
{
	struct question q = good_question(5000);

	(void)state;
	for (int turn = 0; turn < 4; turn++) {
		for (int i = 0; i < 2000; i++)
			if (!say(0, &q, HEAD + 31))
				break;
		expect_service(1, 6000 + (uint64_t)turn);
	}
}

static void
test_no_file(void **state)
{
	struct xo_buf error = {0};
	struct xo_pairs pairs;

	(void)state;
	assert_int_equal(unlink(keys.key_file), 0);
	assert_true(xo_pairs_open(&pairs, 1));
	assert_int_equal(xo_keys_start(&pairs, keys.keyring, &conf, &error), 0);
	xo_buf_add_byte(&error, '\0');
	assert_non_null(strstr((const char *)error.p,
	    "expected a PEM file with a private key"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	xo_pairs_close(&pairs);
	xo_buf_fini(&error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, start, stop),
		cmocka_unit_test_setup_teardown(test_odd, start, stop),
		cmocka_unit_test_setup_teardown(test_flood, start, stop),
		cmocka_unit_test_setup_teardown(test_no_file, start, stop),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
