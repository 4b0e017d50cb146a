/* SPDX-License-Identifier: ISC */
/* The tenant table and lists of domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct xo_span contoso_orgs[] = {
	S("contoso.com"), S("Contoso.onmicrosoft.com"), S("localhost"),
};
static const struct xo_span contoso_senders[] = {
	S("contoso.com"), S("*.contoso.com"), S("shared.example"),
};
static const struct xo_span fabrikam_orgs[] = {
	S("fabrikam.com"), S("*.fabrikam.com"), S("eu.fabrikam.com"),
};
static const struct xo_span fabrikam_senders[] = {
	S("shared.example"), S("eu.contoso.com"), S("fabrikam-mail.example"),
};
static const struct xo_span eu_orgs[] = {S("*.eu.fabrikam.com")};

static const struct xo_tenant tenants[] = {
	{.originator_orgs = contoso_orgs, .n_originator_orgs = 3,
	    .sender_domains = contoso_senders, .n_sender_domains = 3},
	{.originator_orgs = fabrikam_orgs, .n_originator_orgs = 3,
	    .sender_domains = fabrikam_senders, .n_sender_domains = 3},
	{.originator_orgs = eu_orgs, .n_originator_orgs = 1},
};

struct row {
	const char *domain;
	int want;
};

static void
check(const struct row *rows, size_t n,
    int (*find)(const struct xo_policy *, struct xo_span))
{
	struct xo_policy policy = {.tenants = tenants, .n_tenants = 3};
	int first, second;
	size_t i;

	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	for (i = 0; i < n; i++) {
		int got = find(&policy, xo_span_from_cstr(rows[i].domain));

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].domain, got,
			    rows[i].want);
	}
	xo_tenants_index_free(&policy.tenant_index);
	assert_null(policy.tenant_index);
	xo_tenants_index_free(&policy.tenant_index);
}

static void
test_by_org(void **state)
{
	static const struct row rows[] = {
		{"contoso.com", 0},
		{"CONTOSO.com", 0},
		{"contoso.ONMICROSOFT.com", 0},
		{"localhost", 0},
		{"fabrikam.com", 1},
		{"us.fabrikam.com", 1},
		{"a.b.fabrikam.com", 1},
		{"eu.fabrikam.com", 1},
		{"a.eu.fabrikam.com", 2},
		{"a.b.eu.fabrikam.com", 2},
		{"", XO_NOBODY},
		{"com", XO_NOBODY},
		{"contoso", XO_NOBODY},
		{"contoso.com.", XO_NOBODY},
		{".contoso.com", XO_NOBODY},
		{"a.contoso.com", XO_NOBODY},
		{"xcontoso.com", XO_NOBODY},
		{"contoso.com.evil.example", XO_NOBODY},
		{"onmicrosoft.com", XO_NOBODY},
		{"xn--contso-3ta.com", XO_NOBODY},
		{"xfabrikam.com", XO_NOBODY},
		{".fabrikam.com", XO_NOBODY},
		{"*.fabrikam.com", XO_NOBODY},
		{"a..fabrikam.com", XO_NOBODY},
		{"a b.fabrikam.com", XO_NOBODY},
		{"shared.example", XO_NOBODY},
		{"sct-15-20-9412-4-msonline-outlook-990eb.templateTenant",
		    XO_NOBODY},
	};
	struct xo_policy bare = {.tenants = tenants, .n_tenants = 3};

	(void)state;
	check(rows, N(rows), xo_tenants_by_org);
	/* Without its index the table is empty. */
	assert_int_equal(xo_tenants_by_org(&bare, XO_LIT("contoso.com")),
	    XO_NOBODY);
	assert_int_equal(xo_tenants_by_sender_domain(&bare,
	    XO_LIT("contoso.com")), XO_NOBODY);
}

static void
test_by_sender(void **state)
{
	static const struct row rows[] = {
		{"contoso.com", 0},
		{"us.contoso.com", 0},
		{"EU.contoso.com", 1},
		{"a.eu.contoso.com", 0},
		{"shared.example", 0},
		{"fabrikam-mail.example", 1},
		{"contoso.onmicrosoft.com", 0},
		{"fabrikam.com", 1},
		{"x.eu.fabrikam.com", 2},
		{"", XO_NOBODY},
		{"a.shared.example", XO_NOBODY},
		{"example", XO_NOBODY},
		{"[192.0.2.1]", XO_NOBODY},
		{"contoso.com.", XO_NOBODY},
		{"a@.contoso.com", XO_NOBODY},
	};

	(void)state;
	check(rows, N(rows), xo_tenants_by_sender_domain);
}

/* A sender that is read as a route is no tenant's. */
static void
test_by_address(void **state)
{
	static const struct row rows[] = {
		{"u@contoso.com", 0},
		{"\"u\"@contoso.com", 0},
		{"u%evil.example@contoso.com", XO_NOBODY},
		{"\"u@evil.example\"@contoso.com", XO_NOBODY},
		{"evil.example!u@contoso.com", XO_NOBODY},
		{"u@evil.example", XO_NOBODY},
		{"", XO_NOBODY},
	};

	(void)state;
	check(rows, N(rows), xo_tenants_by_address);
}

static void
test_listed(void **state)
{
	static const struct xo_span list[] = {
		S("contoso.com"), S("*.fabrikam.com"), S(""), S("*."), S("*"),
	};
	static const struct {
		const char *domain;
		bool want;
	} rows[] = {
		{"contoso.com", true},
		{"ConToso.Com", true},
		{"a.fabrikam.com", true},
		{"a.b.FABRIKAM.com", true},
		{"a.contoso.com", false},
		{"contoso.com.", false},
		{"fabrikam.com", false},
		{".fabrikam.com", false},
		{"xfabrikam.com", false},
		{"wwwfabrikam.com", false},
		{"*.fabrikam.com", false},
		{"a..fabrikam.com", false},
		{"a@b.fabrikam.com", false},
		{"(.fabrikam.com", false},
		{"a.fabrikam.com.evil.example", false},
		{"", false},
		{"x", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		bool got = xo_domain_is_listed(list, N(list),
		    xo_span_from_cstr(rows[i].domain));

		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].domain, got,
			    rows[i].want);
	}
	assert_false(xo_domain_is_listed(NULL, 0, XO_LIT("contoso.com")));
}

static void
test_org_twice(void **state)
{
	static const struct xo_span a[] = {S("a.example"), S("*.b.example")};
	static const struct xo_span b[] = {S("c.example"), S("A.Example")};
	static const struct xo_span c[] = {S("*.B.example")};
	static const struct xo_span d[] = {S("d.example"), S("D.example")};
	static const struct xo_span e[] = {S("b.example"), S("*.a.example")};
	static const struct {
		const struct xo_span *orgs[2];
		size_t n[2];
		enum xo_err want;
		int want_first;
		int want_second;
	} rows[] = {
		{{a, b}, {2, 2}, XO_ERR_POLICY, 0, 1},
		{{a, c}, {2, 1}, XO_ERR_POLICY, 0, 1},
		{{b, d}, {2, 2}, XO_ERR_POLICY, 1, 1},
		{{a, a}, {2, 2}, XO_ERR_POLICY, 0, 1},
		{{a, e}, {2, 2}, XO_OK, XO_NOBODY, XO_NOBODY},
		{{b, c}, {2, 1}, XO_OK, XO_NOBODY, XO_NOBODY},
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		struct xo_tenant two[2] = {
			{.originator_orgs = rows[i].orgs[0],
			    .n_originator_orgs = rows[i].n[0]},
			{.originator_orgs = rows[i].orgs[1],
			    .n_originator_orgs = rows[i].n[1]},
		};
		struct xo_policy policy = {.tenants = two, .n_tenants = 2};
		int first, second;
		enum xo_err got = xo_tenants_index(&policy, &first, &second);

		if (got != rows[i].want || first != rows[i].want_first ||
		    second != rows[i].want_second)
			fail_msg("row %zu: got %d %d %d, want %d %d %d", i,
			    (int)got, first, second, (int)rows[i].want,
			    rows[i].want_first, rows[i].want_second);
		assert_int_equal(policy.tenant_index != NULL, got == XO_OK);
		xo_tenants_index_free(&policy.tenant_index);
	}
}

/* Ten thousand tenants, each found, and none of as many others. */
static void
test_many(void **state)
{
	static char names[10000][24];
	static struct xo_span orgs[10000];
	static struct xo_tenant many[10000];
	struct xo_policy policy = {.tenants = many, .n_tenants = 10000};
	int first, second;
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "*.t%zu.example", i);
		/* Half of them are wildcards. */
		orgs[i] = xo_span_from_cstr(names[i] + (i % 2 == 0 ? 2 : 0));
		many[i].originator_orgs = &orgs[i];
		many[i].n_originator_orgs = 1;
	}
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	for (i = 0; i < 10000; i++) {
		int exact = i % 2 == 0 ? (int)i : XO_NOBODY;
		int below = i % 2 == 0 ? XO_NOBODY : (int)i;

		assert_int_equal(xo_tenants_by_org(&policy,
		    xo_span_from_cstr(names[i] + 2)), exact);
		assert_int_equal(xo_tenants_by_sender_domain(&policy,
		    xo_span_from_cstr(names[i] + 2)), exact);
		names[i][0] = names[i][1];
		names[i][1] = 'a';
		assert_int_equal(xo_tenants_by_org(&policy,
		    xo_span_from_cstr(names[i] + 1)), XO_NOBODY);
		names[i][0] = 'b';
		names[i][1] = '.';
		assert_int_equal(xo_tenants_by_org(&policy,
		    xo_span_from_cstr(names[i])), below);
	}
	xo_tenants_index_free(&policy.tenant_index);
}

/* Names of certificates: exact ones, each once in all, and never a wildcard. */
static void
test_by_certificate_name(void **state)
{
	static const struct xo_span a[] = {
		S("app.contoso.com"), S("*.contoso.net")
	};
	static const struct xo_span b[] = {S("App.Fabrikam.com")};
	static const struct xo_span twice[] = {S("APP.contoso.com")};
	struct xo_tenant two[] = {
		{.certificate_names = a, .n_certificate_names = 2},
		{.certificate_names = b, .n_certificate_names = 1},
	};
	static const struct row rows[] = {
		{"", XO_NOBODY}, {"contoso.com", XO_NOBODY},
		{"x.app.contoso.com", XO_NOBODY}, {"x.contoso.net", XO_NOBODY},
		{"*.contoso.net", XO_NOBODY}, {"contoso.net", XO_NOBODY},
		{"app.contoso.com.", XO_NOBODY}, {"app.contoso.com", 0},
		{"APP.fabrikam.com", 1},
	};
	struct xo_policy policy = {.tenants = two, .n_tenants = 2};
	int first, second;

	(void)state;
	assert_int_equal(xo_tenants_by_certificate_name(&policy, a[0]),
	    XO_NOBODY);
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	for (size_t i = 0; i < N(rows); i++) {
		int got = xo_tenants_by_certificate_name(&policy,
		    xo_span_from_cstr(rows[i].domain));

		if (got != rows[i].want)
			fail_msg("%s: %d", rows[i].domain, got);
	}
	xo_tenants_index_free(&policy.tenant_index);
	two[1].certificate_names = twice;
	assert_int_equal(xo_tenants_index(&policy, &first, &second),
	    XO_ERR_POLICY);
	assert_true(first == 0 && second == 1);
}

static void
test_none(void **state)
{
	struct xo_policy policy = {0};
	int first, second;

	(void)state;
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	assert_int_equal(xo_tenants_by_org(&policy, XO_LIT("a.example")),
	    XO_NOBODY);
	xo_tenants_index_free(&policy.tenant_index);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_org),
		cmocka_unit_test(test_by_sender),
		cmocka_unit_test(test_by_address),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_org_twice),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_by_certificate_name),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
