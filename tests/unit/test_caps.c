/* SPDX-License-Identifier: ISC */
/* Capability sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/caps.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A16 "abcdefghijklmnop"
#define S(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define EXTENSION(i) XO_CAP_BIT(XO_CAP_COUNT + (i))
#define A95 A16 A16 A16 A16 A16 "abcdefghijklmno"

static const struct xo_span names[] = {S("XVERP"), S("RRVS"), S("X-1")};
static const struct xo_extensions extensions = {names, N(names)};

static void
test_lines(void **state)
{
	static const struct {
		const char *line;
		uint32_t set;
		uint64_t size;
		size_t argument;
	} rows[] = {
		{"XOORG", XO_CAP_BIT(XO_CAP_XOORG), 0, 0},
		{"xoorg whatever", XO_CAP_BIT(XO_CAP_XOORG), 0, 8},
		{"XOORGS", 0, 0, 0},
		{"XOOR", 0, 0, 0},
		{"X-OORG", 0, 0, 0},
		{"", 0, 0, 0},
		{" ", 0, 0, 0},
		{"250-XOORG", 0, 0, 0},
		{"AUTH NTLM", 0, 0, 0},
		{"SIZE 37748736", XO_CAP_BIT(XO_CAP_SIZE), 37748736, 0},
		{"size\t5 ", XO_CAP_BIT(XO_CAP_SIZE), 5, 0},
		{"SIZE", XO_CAP_BIT(XO_CAP_SIZE), 0, 0},
		{"SIZE 0", XO_CAP_BIT(XO_CAP_SIZE), 0, 0},
		{"SIZE -1", 0, 0, 0},
		{"SIZE 5 6", 0, 0, 0},
		{"SIZE=5", 0, 0, 0},
		{"8bitmime", XO_CAP_BIT(XO_CAP_8BITMIME), 0, 0},
		{"8BITMIME?", 0, 0, 0},
		{"XVERP", EXTENSION(0), 0, 0},
		{"rrvs\t1 2 ", EXTENSION(1), 0, 3},
		{"X-1 " A95 "x", 0, 0, 0},
		{"X-12", 0, 0, 0},
		{"XVERP=1", 0, 0, 0},
		{"XCLIENT NAME ADDR", XO_CAP_BIT(XO_CAP_XCLIENT), 0, 9},
		{"XCLIENT " A95, XO_CAP_BIT(XO_CAP_XCLIENT), 0, 95},
		{"XCLIENT " A95 "x", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_caps got = {.set = 0};
		size_t argument = 0;

		xo_caps_add_line(&got, xo_span_from_cstr(rows[i].line),
		    &extensions);
		for (size_t c = 0; c < XO_CAP_MAX; c++)
			argument += xo_caps_argument(&got,
			    (enum xo_cap)c).len;
		if (got.set != rows[i].set || got.size != rows[i].size ||
		    argument != rows[i].argument)
			fail_msg("%s: got %x %llu %zu", rows[i].line, got.set,
			    (unsigned long long)got.size, argument);
	}
}

static void
test_names(void **state)
{
	(void)state;
	for (size_t c = 0; c < XO_CAP_COUNT; c++) {
		struct xo_caps got = {.set = 0};

		xo_caps_add_line(&got,
		    xo_span_from_cstr(xo_cap_name((enum xo_cap)c)), NULL);
		assert_int_equal(got.set, XO_CAP_BIT(c));
		assert_true(xo_caps_has(&got, (enum xo_cap)c));
	}
	assert_string_equal(xo_cap_name(XO_CAP_COUNT), "");
	assert_int_equal(xo_cap_find(names[1], &extensions), XO_CAP_COUNT + 1);
	assert_int_equal(xo_cap_find(names[1], NULL), XO_CAP_MAX);
}

static void
fill(struct xo_caps *caps, const char *const *lines)
{
	memset(caps, 0, sizeof(*caps));
	for (; *lines != NULL; lines++)
		xo_caps_add_line(caps, xo_span_from_cstr(*lines), &extensions);
}

static void
test_intersect(void **state)
{
	static const struct {
		const char *id;
		const char *a[4], *b[4];
		uint32_t set;
		uint64_t size;
	} rows[] = {
		{"none", {"XOORG"}, {"DSN"}, 0, 0},
		{"empty", {NULL}, {"DSN", "SIZE 5"}, 0, 0},
		{"one", {"DSN", "XOORG"}, {"8BITMIME", "DSN"},
		    XO_CAP_BIT(XO_CAP_DSN), 0},
		{"a smaller", {"SIZE 5"}, {"SIZE 6"},
		    XO_CAP_BIT(XO_CAP_SIZE), 5},
		{"b smaller", {"SIZE 6"}, {"SIZE 5"},
		    XO_CAP_BIT(XO_CAP_SIZE), 5},
		{"a without", {"SIZE"}, {"SIZE 5"},
		    XO_CAP_BIT(XO_CAP_SIZE), 5},
		{"b without", {"SIZE 5"}, {"SIZE 0"},
		    XO_CAP_BIT(XO_CAP_SIZE), 5},
		{"no SIZE in b", {"SIZE 5", "DSN"}, {"DSN"},
		    XO_CAP_BIT(XO_CAP_DSN), 0},
		{"no SIZE in a", {"DSN"}, {"SIZE 5", "DSN"},
		    XO_CAP_BIT(XO_CAP_DSN), 0},
		{"equal arguments", {"DELIVERBY 240"}, {"deliverby 240"},
		    XO_CAP_BIT(XO_CAP_DELIVERBY), 0},
		{"other arguments", {"DELIVERBY 240"}, {"DELIVERBY 100"},
		    0, 0},
		{"one argument", {"DELIVERBY 240"}, {"DELIVERBY"}, 0, 0},
		{"extension", {"XVERP", "RRVS", "X-1 a"}, {"rrvs", "x-1 b"},
		    EXTENSION(1), 0},
		{"first counts", {"SIZE 5", "SIZE 9"}, {"SIZE 7"},
		    XO_CAP_BIT(XO_CAP_SIZE), 5},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_caps a, b;

		fill(&a, rows[i].a);
		fill(&b, rows[i].b);
		xo_caps_intersect(&a, &b);
		if (a.set != rows[i].set || a.size != rows[i].size)
			fail_msg("%s: got %x %llu", rows[i].id, a.set,
			    (unsigned long long)a.size);
		for (size_t c = 0; c < XO_CAP_MAX; c++)
			assert_true(xo_caps_has(&a, (enum xo_cap)c) ||
			    xo_caps_argument(&a,
			    (enum xo_cap)c).len == 0);
	}
}

/* Which names may be in the list, and what is said of others. */
static void
test_extensions(void **state)
{
	static const struct {
		const char *name;
		const char *want;
	} rows[] = {
		{"XVERP", NULL},
		{"rrvs", NULL},
		{"8-a", NULL},
		{"VERP", NULL},
		{A16 A16 A16 A16, NULL},
		{A16 A16 A16 A16 "a", "a keyword as in"},
		{"", "a keyword as in"},
		{"-A", "a keyword as in"},
		{"A_B", "a keyword as in"},
		{"A B", "a keyword as in"},
		{"A=B", "a keyword as in"},
		{"A\xc3\xa9", "a keyword as in"},
		{"BURL", "a keyword that only"},
		{"auth", "a keyword that only"},
		{"Etrn", "a keyword that only"},
		{"X-ANONYMOUSTLS", "a keyword that only"},
		{"XATTRORGID", "a keyword that only"},
		{"NO-SOLICITING", "a keyword that only"},
		{"PRDR", "a keyword that only"},
		{"STARTTLS", "a keyword that the gateway"},
		{"XOORG", "a keyword that the gateway"},
		{"xclient", "a keyword that the gateway"},
		{"DSN", "a keyword that the gateway"},
		{"NOTIFY", "a keyword that the gateway"},
		{"body", "a keyword that the gateway"},
		{"BY", "a keyword that the gateway"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *got = xo_extension_expected(
		    xo_span_from_cstr(rows[i].name));

		if ((got == NULL) != (rows[i].want == NULL) || (got != NULL &&
		    strncmp(got, rows[i].want, strlen(rows[i].want)) != 0))
			fail_msg("%s: got %s, want %s", rows[i].name,
			    got != NULL ? got : "nothing",
			    rows[i].want != NULL ? rows[i].want : "nothing");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_intersect),
		cmocka_unit_test(test_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
