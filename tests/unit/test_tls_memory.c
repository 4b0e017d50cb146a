/* SPDX-License-Identifier: ISC */
/* What OpenSSL gives back is wiped, once that was asked for, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include <net/tls.h>

#define SIZE 100

/* What is looked at when it is freed. */
static const uint8_t *watched;
static bool was_freed, was_wiped;

void __real_free(void *p);
void __wrap_free(void *p);

void
__wrap_free(void *p)
{
	if (p != NULL && p == watched) {
		was_freed = was_wiped = true;
		for (size_t i = 0; i < SIZE; i++)
			was_wiped = was_wiped && watched[i] == 0;
		watched = NULL;
	}
	__real_free(p);
}

static uint8_t *
secret(void)
{
	uint8_t *p = OPENSSL_malloc(SIZE);

	assert_non_null(p);
	memset(p, 0x5a, SIZE);
	watched = p;
	was_freed = was_wiped = false;
	return p;
}

static void
test_before(void **state)
{
	(void)state;
	OPENSSL_free(secret());
	assert_true(was_freed);
	assert_false(was_wiped);
}

static void
test_wiped(void **state)
{
	uint8_t *p;

	(void)state;
	xo_tls_memory_wipe();
	OPENSSL_free(secret());
	assert_true(was_freed && was_wiped);
	/* What grows goes elsewhere, and leaves nothing behind. */
	p = OPENSSL_realloc(secret(), 100 * SIZE);
	assert_non_null(p);
	assert_true(was_freed && was_wiped);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(p[i], 0x5a);
	OPENSSL_free(p);
	assert_null(OPENSSL_realloc(secret(), 0));
	assert_true(was_freed && was_wiped);
	p = OPENSSL_realloc(NULL, SIZE);
	assert_non_null(p);
	OPENSSL_free(p);
	OPENSSL_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_wiped),
	};

	xo_tls_memory_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
