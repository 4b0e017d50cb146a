/* SPDX-License-Identifier: ISC */
/*
 * Certificates of tenants out of a folder, both ends in one process: what is
 * told of a file, what is signed for it and what is not, when it is replaced,
 * taken away or had to make room, and what a worker makes of the answers.
 */
#include "tls_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <net/tls_folder.h>
#include <net/tls_shelf.h>

#define NOW ((uint64_t)1000000)

static struct {
	char path[64];
	struct xo_tls_folder *folder;
	struct xo_buf answer;
	unsigned int n_asked;
} here;

static int
start(void **state)
{
	struct xo_conf_path path = {.path = here.path};
	struct xo_buf error = {0};

	(void)state;
	(void)snprintf(here.path, sizeof(here.path),
	    "/tmp/xoorg-folder-XXXXXX");
	assert_non_null(mkdtemp(here.path));
	here.folder = xo_tls_folder_open(&path, &error);
	assert_non_null(here.folder);
	here.n_asked = 0;
	return 0;
}

static int
stop(void **state)
{
	char command[128];

	(void)state;
	xo_tls_folder_close(&here.folder);
	xo_buf_fini(&here.answer);
	(void)snprintf(command, sizeof(command), "rm -r %s", here.path);
	assert_int_equal(system(command), 0);
	return 0;
}

static const char *
file_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s.pem", here.path, name);
	return path;
}

/* A file of its own for each certificate, put in place at once. */
static void
put(const char *name, const struct pki_identity *id)
{
	char new[256];
	FILE *f;

	(void)snprintf(new, sizeof(new), "%s/.new", here.path);
	f = fopen(new, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL,
	    NULL), 1);
	assert_int_equal(PEM_write_X509(f, id->x), 1);
	assert_int_equal(PEM_write_X509(f, world.intermediate.x), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(new, file_of(name)), 0);
}

static struct pki_identity
issue(enum pki_key kind)
{
	const struct pki_spec spec = {
		.dns = {PKI_NAME("contoso.test")},
		.key = kind,
	};

	return pki_issue(&spec, &world.root);
}

static struct xo_tls_owner
owner_of(const char *name)
{
	struct xo_tls_owner owner = {.name = ""};

	(void)snprintf(owner.name, sizeof(owner.name), "%s", name);
	return owner;
}

/* The first octet of the answer; a new mark goes into `owner`. */
static enum xo_tls_found
look(struct xo_tls_owner *owner, uint64_t now)
{
	xo_buf_clear(&here.answer);
	xo_tls_folder_look(here.folder, owner, now, &here.answer);
	assert_true(here.answer.len >= 1);
	if (here.answer.p[0] == XO_TLS_FOUND_NEW)
		memcpy(owner->mark, here.answer.p + 1, sizeof(owner->mark));
	return (enum xo_tls_found)here.answer.p[0];
}

static bool
says(const char *text)
{
	return xo_span_is_equal(xo_span_from(xo_buf_span(&here.answer), 1),
	    xo_span_from_cstr(text));
}

static const uint8_t digest[32] = {7};

static bool
sign(const struct xo_tls_owner *owner, uint64_t now)
{
	const struct xo_sign_request request = {
		.owner = owner,
		.scheme = XO_SIGN_ECDSA,
		.digest = XO_SIGN_SHA256,
		.input = xo_span(digest, sizeof(digest)),
	};
	uint8_t signature[XO_SIGNATURE_MAX];
	size_t len;

	return xo_tls_folder_sign(here.folder, &request, now, signature, &len);
}

/* What is signed is that certificate's, and for its tenant by its name. */
static void
test_signs_for_its_own_alone(void **state)
{
	struct pki_identity a = issue(PKI_EC), b = issue(PKI_EC);
	struct xo_tls_owner contoso = owner_of("contoso");
	struct xo_tls_owner fabrikam = owner_of("fabrikam");
	struct xo_tls_owner wrong;

	(void)state;
	put("contoso", &a);
	put("fabrikam", &b);
	assert_false(sign(&contoso, NOW));
	assert_int_equal(look(&contoso, NOW), XO_TLS_FOUND_NEW);
	assert_int_equal(look(&fabrikam, NOW), XO_TLS_FOUND_NEW);
	wrong = contoso;
	memcpy(wrong.mark, fabrikam.mark, sizeof(wrong.mark));
	assert_false(sign(&wrong, NOW));
	wrong = contoso;
	wrong.mark[31] ^= 1;
	assert_false(sign(&wrong, NOW));
	memset(wrong.mark, 0, sizeof(wrong.mark));
	assert_false(sign(&wrong, NOW));
	assert_true(sign(&contoso, NOW));
	assert_true(sign(&fabrikam, NOW));
	assert_int_equal(look(&contoso, NOW), XO_TLS_FOUND_SAME);
	pki_identity_fini(&a);
	pki_identity_fini(&b);
}

#define PADDED 8192

/* The file with line ends behind it, so that each has one size. */
static void
read_padded(const char *name, char octets[PADDED])
{
	FILE *f = fopen(file_of(name), "r");

	assert_non_null(f);
	memset(octets, '\n', PADDED);
	assert_true(fread(octets, 1, PADDED, f) < PADDED);
	assert_int_equal(fclose(f), 0);
}

/* Over what is there, at a time of its own. */
static void
write_over(const char *name, const char octets[PADDED], time_t when)
{
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
	FILE *f = fopen(file_of(name), "r+");

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, PADDED, f), PADDED);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimensat(AT_FDCWD, file_of(name), times, 0), 0);
}

/* The same file, and as long: by its time alone it is another. */
static void
test_in_place(void **state)
{
	struct pki_identity a = issue(PKI_EC), b = issue(PKI_EC);
	struct xo_tls_owner contoso = owner_of("contoso"), before;
	static char first[PADDED], second[PADDED];

	(void)state;
	put("contoso", &a);
	put("new", &b);
	read_padded("contoso", first);
	read_padded("new", second);
	write_over("contoso", first, 1000);
	assert_int_equal(look(&contoso, NOW), XO_TLS_FOUND_NEW);
	before = contoso;
	write_over("contoso", second, 2000);
	assert_int_equal(look(&contoso, NOW), XO_TLS_FOUND_NEW);
	assert_memory_not_equal(contoso.mark, before.mark,
	    sizeof(before.mark));
	assert_true(sign(&contoso, NOW));
	pki_identity_fini(&a);
	pki_identity_fini(&b);
}

static void
test_names(void **state)
{
	static const char *const names[] = {"", "..", "../contoso",
		"x/contoso", "contoso.pem", "con toso", "contoso\n"};
	struct pki_identity id = issue(PKI_EC);

	(void)state;
	put("contoso", &id);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct xo_tls_owner owner = owner_of(names[i]);

		assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NONE);
		assert_true(says("not the name of a file"));
		assert_false(sign(&owner, NOW));
	}
	pki_identity_fini(&id);
}

/* The one before signs for what is under way, and then no more. */
static void
test_replaced(void **state)
{
	struct pki_identity a = issue(PKI_EC), b = issue(PKI_EC);
	struct xo_tls_owner old = owner_of("contoso"), new, wrong;

	(void)state;
	put("contoso", &a);
	assert_int_equal(look(&old, NOW), XO_TLS_FOUND_NEW);
	put("contoso", &b);
	new = old;
	assert_int_equal(look(&new, NOW), XO_TLS_FOUND_NEW);
	assert_memory_not_equal(old.mark, new.mark, sizeof(old.mark));
	assert_true(sign(&new, NOW) && sign(&old, NOW));
	wrong = old;
	wrong.mark[0] ^= 1;
	assert_false(sign(&wrong, NOW));
	assert_true(sign(&old, NOW + XO_TLS_FOLDER_OLD - 1));
	assert_false(xo_tls_folder_tidy(here.folder,
	    NOW + XO_TLS_FOLDER_OLD - 1));
	assert_false(sign(&old, NOW + XO_TLS_FOLDER_OLD));
	assert_true(xo_tls_folder_tidy(here.folder, NOW + XO_TLS_FOLDER_OLD));
	/* It is not there any more, whatever the time is. */
	assert_false(sign(&old, NOW));
	assert_true(sign(&new, NOW));
	pki_identity_fini(&a);
	pki_identity_fini(&b);
}

static void
test_taken_away(void **state)
{
	struct pki_identity id = issue(PKI_EC);
	struct xo_tls_owner owner = owner_of("contoso");

	(void)state;
	put("contoso", &id);
	assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NEW);
	assert_int_equal(unlink(file_of("contoso")), 0);
	assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NONE);
	assert_true(says("No such file or directory"));
	assert_false(sign(&owner, NOW));
	put("contoso", &id);
	assert_true(sign(&owner, NOW));
	pki_identity_fini(&id);
}

/* A bad file is told of each time, read once, and replaced by a good one. */
static void
test_broken(void **state)
{
	struct pki_identity id = issue(PKI_EC);
	struct xo_tls_owner owner = owner_of("contoso");
	FILE *f = fopen(file_of("contoso"), "w");

	(void)state;
	assert_true(f != NULL && fputs("rubbish\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NONE);
		assert_true(says("no certificate in it"));
	}
	assert_false(sign(&owner, NOW));
	put("contoso", &id);
	assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NEW);
	assert_true(sign(&owner, NOW));
	/* The good one before it is of no more use than any that was replaced. */
	f = fopen(file_of("contoso"), "w");
	assert_true(f != NULL && fputs("rubbish\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NONE);
	assert_true(sign(&owner, NOW));
	assert_false(sign(&owner, NOW + XO_TLS_FOLDER_OLD));
	pki_identity_fini(&id);
}

/* More than there is room for: each is read again when its turn comes, also by a
 * process that was never asked for the certificate. */
static void
test_many(void **state)
{
	enum { N = XO_NAMED_SLOTS + 50 };
	static struct xo_tls_owner owners[N];
	struct pki_identity id = issue(PKI_EC), other = issue(PKI_EC);

	(void)state;
	for (int i = 0; i < N; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "t%d", i);
		put(name, &id);
		owners[i] = owner_of(name);
		assert_int_equal(look(&owners[i], NOW), XO_TLS_FOUND_NEW);
	}
	for (int i = 0; i < N; i++)
		assert_true(sign(&owners[i], NOW));
	/* It had to go, and came back as another. */
	put("t0", &other);
	assert_false(sign(&owners[0], NOW));
	pki_identity_fini(&id);
	pki_identity_fini(&other);
}

/* The other end */

static bool
ask(void *arg, const struct xo_tls_owner *known, struct xo_buf *answer)
{
	const uint64_t *now = arg;

	here.n_asked++;
	if (*now == 0)
		return false;
	xo_tls_folder_look(here.folder, known, *now, answer);
	return true;
}

static const struct xo_tls_credential *
get(struct xo_tls_shelf *shelf, uint64_t now, const char *want)
{
	const char *problem = "";
	const struct xo_tls_credential *credential = xo_tls_shelf_get(shelf,
	    XO_LIT("contoso"), now, &problem);

	if (want != NULL && (credential != NULL ||
	    strcmp(problem, want) != 0))
		fail_msg("%s instead of %s", problem, want);
	if (want == NULL && credential == NULL)
		fail_msg("%s", problem);
	return credential;
}

static void
test_shelf(void **state)
{
	struct pki_identity a = issue(PKI_EC), b = issue(PKI_EC);
	struct xo_tls_owner owner = owner_of("contoso");
	struct xo_tls_keyring *keyring = xo_tls_keyring_new();
	const struct xo_tls_credential *credential;
	uint64_t now = NOW;
	struct xo_tls_shelf *shelf = xo_tls_shelf_new(ask, &now);

	(void)state;
	assert_true(keyring != NULL && shelf != NULL);
	get(shelf, NOW, "No such file or directory");
	put("contoso", &a);
	/* Not even asked, for a second. */
	get(shelf, NOW + XO_TLS_SHELF_AGE - 1, "No such file or directory");
	assert_int_equal(here.n_asked, 1);
	credential = get(shelf, NOW + XO_TLS_SHELF_AGE, NULL);
	assert_int_equal(look(&owner, NOW), XO_TLS_FOUND_NEW);
	assert_memory_equal(xo_tls_credential_mark(credential), owner.mark,
	    XO_TLS_MARK_SIZE);
	assert_true(xo_tls_credential_expiry(credential) > 0);
	assert_ptr_equal(get(shelf, NOW + 2 * XO_TLS_SHELF_AGE, NULL),
	    credential);
	assert_int_equal(here.n_asked, 3);
	put("contoso", &b);
	credential = get(shelf, NOW + 3 * XO_TLS_SHELF_AGE, NULL);
	assert_memory_not_equal(xo_tls_credential_mark(credential), owner.mark,
	    XO_TLS_MARK_SIZE);
	/* Nobody answers: what is known stands, and the new is asked for. */
	now = 0;
	assert_ptr_equal(get(shelf, NOW + 4 * XO_TLS_SHELF_AGE, NULL),
	    credential);
	now = NOW;
	assert_int_equal(unlink(file_of("contoso")), 0);
	get(shelf, NOW + 5 * XO_TLS_SHELF_AGE, "No such file or directory");
	now = 0;
	get(shelf, NOW + 6 * XO_TLS_SHELF_AGE,
	    "the key process does not answer");
	xo_tls_shelf_free(&shelf);
	xo_tls_keyring_free(&keyring);
	pki_identity_fini(&a);
	pki_identity_fini(&b);
}

/* Whatever comes, it is a certificate or none. */
static struct xo_span odd;

static bool
answer_oddly(void *arg, const struct xo_tls_owner *known,
    struct xo_buf *answer)
{
	(void)arg;
	(void)known;
	xo_buf_add(answer, odd);
	return true;
}

static void
test_odd_answers(void **state)
{
	static const uint8_t texts[][64] = {
		{XO_TLS_FOUND_NEW},
		{XO_TLS_FOUND_NEW, 1, 2, 3},
		{XO_TLS_FOUND_NEW, [40] = 0x30, 0x82, 0xff, 0xff},
		{XO_TLS_FOUND_SAME},
		{XO_TLS_FOUND_COUNT, 'x'},
		{0xff},
	};
	static const size_t lengths[] = {1, 33, 34, 64};
	struct xo_tls_keyring *keyring = xo_tls_keyring_new();
	struct xo_tls_shelf *shelf = xo_tls_shelf_new(answer_oddly, NULL);
	uint64_t now = NOW;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t k = 0; k < 4; k++) {
			const char *problem;

			odd = xo_span(texts[i], lengths[k]);
			now += XO_TLS_SHELF_AGE;
			assert_null(xo_tls_shelf_get(shelf, XO_LIT("contoso"),
			    now, &problem));
		}
	xo_tls_shelf_free(&shelf);
	xo_tls_keyring_free(&keyring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signs_for_its_own_alone,
		    start, stop),
		cmocka_unit_test_setup_teardown(test_in_place, start, stop),
		cmocka_unit_test_setup_teardown(test_names, start, stop),
		cmocka_unit_test_setup_teardown(test_replaced, start, stop),
		cmocka_unit_test_setup_teardown(test_taken_away, start, stop),
		cmocka_unit_test_setup_teardown(test_broken, start, stop),
		cmocka_unit_test_setup_teardown(test_many, start, stop),
		cmocka_unit_test_setup_teardown(test_shelf, start, stop),
		cmocka_unit_test_setup_teardown(test_odd_answers, start, stop),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
