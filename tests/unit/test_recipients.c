/* SPDX-License-Identifier: ISC */
/*
 * Mail that is no tenant's, to whom it may go; and what a tenant lists: the index
 * against a walk over all tenants and all entries, with policies and recipients at
 * random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/domain.h>
#include <xoorg/routing.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define TENANTS 6
#define ENTRIES 14
#define TEXT 64

static uint64_t random_state = 20260301;

static unsigned int
draw(unsigned int n)
{
	random_state = random_state * 6364136223846793005U +
	    1442695040888963407U;
	return (unsigned int)(random_state >> 33) % n;
}

/* The model: each tenant asked in turn, and the kindest answer. */
static enum xo_refusal
check_plainly(const struct xo_policy *policy, const struct xo_path *to,
    int *first_r)
{
	enum xo_refusal why = XO_REFUSAL_RCPT_RELAY;

	*first_r = XO_NOBODY;
	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *t = &policy->tenants[i];

		if (!xo_domain_is_listed(t->recipient_domains,
		    t->n_recipient_domains, to->domain))
			continue;
		if (*first_r == XO_NOBODY)
			*first_r = (int)i;
		if (t->allow_untrusted_routing ||
		    !xo_address_is_routed(to->address))
			return XO_REFUSAL_NONE;
		why = XO_REFUSAL_RCPT_ROUTED;
	}
	return why;
}

/* Of few words, so that they meet; some are no domain. */
static void
draw_domain(char text[TEXT])
{
	static const char *const odd[] = {"", ".", "*", "*.", "a.", ".a",
		"a..b", "*.*.a", "*..a", "*.a.", "a b.c", "[192.0.2.1]"};
	static const char *const labels[] = {"a", "b", "C", "A", "ab", "b-"};
	size_t n = 0;

	if (draw(12) == 0) {
		(void)snprintf(text, TEXT, "%s", odd[draw(N(odd))]);
		return;
	}
	if (draw(4) == 0)
		n += (size_t)snprintf(text, TEXT, "*.");
	for (unsigned int i = draw(4) + 1; i > 0; i--)
		n += (size_t)snprintf(text + n, TEXT - n, "%s%s",
		    labels[draw(N(labels))], i > 1 ? "." : "");
}

struct world {
	char texts[XO_TENANT_LIST_COUNT][TENANTS][ENTRIES][TEXT];
	struct xo_span entries[XO_TENANT_LIST_COUNT][TENANTS][ENTRIES];
	struct xo_tenant tenants[TENANTS];
	struct xo_policy policy;
};

/* An organisation is one tenant's. */
static bool
has_org(const struct world *w, struct xo_span org)
{
	for (size_t i = 0; i < TENANTS; i++)
		for (size_t k = 0; k < w->tenants[i].n_originator_orgs; k++)
			if (xo_span_is_equal_nocase(
			    w->entries[XO_TENANT_ORGS][i][k], org))
				return true;
	return false;
}

/* Long ones and short ones; a list that is not there now and then. */
static const struct xo_span *
draw_list(struct world *w, enum xo_tenant_list list, size_t tenant, size_t *n_r)
{
	size_t n = draw(3) == 0 ? draw(ENTRIES + 1) : draw(4);

	*n_r = 0;
	for (size_t i = 0; i < n; i++) {
		char *text = w->texts[list][tenant][*n_r];
		struct xo_span *entry = &w->entries[list][tenant][*n_r];

		draw_domain(text);
		*entry = xo_span_from_cstr(text);
		if (list != XO_TENANT_ORGS || !has_org(w, *entry))
			++*n_r;
	}
	return draw(20) == 0 ? NULL : w->entries[list][tenant];
}

static void
draw_policy(struct world *w)
{
	int first, second;

	memset(w, 0, sizeof(*w));
	w->policy.tenants = w->tenants;
	w->policy.n_tenants = draw(TENANTS + 1);
	for (size_t i = 0; i < w->policy.n_tenants; i++) {
		struct xo_tenant *t = &w->tenants[i];

		t->originator_orgs = draw_list(w, XO_TENANT_ORGS, i,
		    &t->n_originator_orgs);
		t->sender_domains = draw_list(w, XO_TENANT_SENDERS, i,
		    &t->n_sender_domains);
		t->recipient_domains = draw_list(w, XO_TENANT_RECIPIENTS, i,
		    &t->n_recipient_domains);
		t->allow_untrusted_routing = draw(4) == 0;
	}
	assert_int_equal(xo_tenants_index(&w->policy, &first, &second), XO_OK);
}

/* How many of a tenant's lists have it. */
static size_t
check_lists(const struct xo_policy *policy, int tenant, struct xo_span domain)
{
	const struct xo_tenant *t = xo_tenant_at(policy, tenant);
	const bool want[XO_TENANT_LIST_COUNT] = {
		[XO_TENANT_ORGS] = xo_domain_is_listed(t->originator_orgs,
		    t->n_originator_orgs, domain),
		[XO_TENANT_SENDERS] = xo_domain_is_listed(t->sender_domains,
		    t->n_sender_domains, domain),
		[XO_TENANT_RECIPIENTS] = xo_domain_is_listed(
		    t->recipient_domains, t->n_recipient_domains, domain),
	};
	size_t n = 0;

	for (int i = 0; i < XO_TENANT_LIST_COUNT; i++) {
		bool got = xo_tenant_lists(policy, tenant,
		    (enum xo_tenant_list)i, domain);

		if (got != want[i])
			fail_msg("%.*s: list %d of tenant %d: got %d, want %d",
			    (int)domain.len, (const char *)domain.p, i, tenant,
			    got, want[i]);
		n += got;
	}
	return n;
}

static void
draw_recipient(char text[2 * TEXT], struct xo_path *to_r)
{
	static const char *const locals[] = {"r", "r", "\"r\"", "r%x.example",
		"x.example!r", "\"r@x.example\"", "postmaster"};
	char domain[TEXT];

	draw_domain(domain);
	(void)snprintf(text, 2 * TEXT, "%s%s%s", locals[draw(N(locals))],
	    draw(20) == 0 ? "" : "@", domain);
	to_r->address = xo_span_from_cstr(text);
	to_r->domain = xo_address_domain(to_r->address);
}

static void
check_recipient(const struct xo_policy *policy, size_t counts[4])
{
	struct xo_path to = {.address = S("")};
	char text[2 * TEXT];
	enum xo_refusal got, want;
	int first;

	draw_recipient(text, &to);
	want = check_plainly(policy, &to, &first);
	got = xo_recipient_check(policy, XO_NOBODY, 0, &to);
	if (got != want)
		fail_msg("%s: got %d, want %d", text, (int)got, (int)want);
	if (xo_tenants_by_recipient_domain(policy, to.domain, false) != first)
		fail_msg("%s: of tenant %d, want %d", text,
		    xo_tenants_by_recipient_domain(policy, to.domain, false),
		    first);
	counts[want == XO_REFUSAL_NONE ? 0 : want == XO_REFUSAL_RCPT_ROUTED ?
	    1 : 2]++;
	for (size_t i = 0; i < policy->n_tenants; i++)
		counts[3] += check_lists(policy, (int)i, to.domain);
}

static void
test_random(void **state)
{
	static struct world w;
	size_t counts[4] = {0};

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		draw_policy(&w);
		for (size_t k = 0; k < 20; k++)
			check_recipient(&w.policy, counts);
		xo_tenants_index_free(&w.policy.tenant_index);
	}
	for (size_t i = 0; i < N(counts); i++)
		assert_true(counts[i] > 10000);
}

static const struct xo_span strict[] = {S("*.a.example"), S("b.example")};
static const struct xo_span lax[] = {S("*.example"), S("b.a.example")};

/* An entry of a stricter tenant takes nothing from a laxer one, be it nearer. */
static void
test_routed(void **state)
{
	static const struct {
		const char *address;
		enum xo_refusal want;
		int first;
	} rows[] = {
		{"r@example", XO_REFUSAL_RCPT_RELAY, XO_NOBODY},
		{"r%x@example", XO_REFUSAL_RCPT_RELAY, XO_NOBODY},
		{"r@", XO_REFUSAL_RCPT_RELAY, XO_NOBODY},
		{"r@b.example.", XO_REFUSAL_RCPT_RELAY, XO_NOBODY},
		{"r@.b.example", XO_REFUSAL_RCPT_RELAY, XO_NOBODY},
		{"r%x@c.test", XO_REFUSAL_RCPT_ROUTED, 2},
		{"r%x@b.c.test", XO_REFUSAL_RCPT_ROUTED, 2},
		{"r@c.test", XO_REFUSAL_NONE, 2},
		{"r%x@b.example", XO_REFUSAL_NONE, 0},
		{"r%x@c.a.example", XO_REFUSAL_NONE, 0},
		{"r%x@b.a.example", XO_REFUSAL_NONE, 0},
		{"r%x@a.example", XO_REFUSAL_NONE, 1},
	};
	static const struct xo_span last[] = {S("c.test"), S("*.c.test")};
	static const struct xo_tenant tenants[] = {
		{.recipient_domains = strict, .n_recipient_domains = 2},
		{.recipient_domains = lax, .n_recipient_domains = 2,
		    .allow_untrusted_routing = true},
		{.recipient_domains = last, .n_recipient_domains = 2},
	};
	struct xo_policy policy = {.tenants = tenants, .n_tenants = 3};
	int first, second;

	(void)state;
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_path to = {
			.address = xo_span_from_cstr(rows[i].address)};
		enum xo_refusal got;

		to.domain = xo_address_domain(to.address);
		got = xo_recipient_check(&policy, XO_NOBODY, 0, &to);
		first = xo_tenants_by_recipient_domain(&policy, to.domain,
		    false);
		if (got != rows[i].want || first != rows[i].first)
			fail_msg("%s: got %d of %d, want %d of %d",
			    rows[i].address, (int)got, first,
			    (int)rows[i].want, rows[i].first);
	}
	xo_tenants_index_free(&policy.tenant_index);
	/* Without its index nobody has any. */
	assert_int_equal(xo_recipient_check(&policy, XO_NOBODY, 0,
	    &(struct xo_path){.address = XO_LIT("r@c.test"),
	    .domain = XO_LIT("c.test")}), XO_REFUSAL_RCPT_RELAY);
}

static void
free_guest(struct xo_guest *guest)
{
	(void)guest;
}

/* A guest stands in no index: its list is what it says itself. */
static void
test_guest(void **state)
{
	static const struct xo_span orgs[] = {S("guest.example")};
	static const struct xo_span listed[] = {S("a.test"), S("b.test"),
		S("c.test"), S("d.test"), S("e.test"), S("f.test"), S("g.test"),
		S("h.test"), S("i.test"), S("*.j.test")};
	static const struct xo_tenant own[] = {
		{.recipient_domains = listed, .n_recipient_domains = 1}};
	struct xo_guest guest = {.free = free_guest, .tenant = {
		.originator_orgs = orgs, .n_originator_orgs = 1,
		.recipient_domains = listed,
		.n_recipient_domains = N(listed)}}, *given = &guest;
	struct xo_policy policy = {.tenants = own, .n_tenants = 1,
		.guests = xo_guests_new(2)};
	int first, second, tenant;

	(void)state;
	assert_non_null(policy.guests);
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	assert_int_equal(xo_guests_put(policy.guests,
	    &(struct xo_key){XO_KEY_ORG, orgs[0]}, XO_KNOWN_TENANT, &given,
	    1000, 0), XO_KNOWN_TENANT);
	tenant = xo_tenants_by_org(&policy, orgs[0]);
	assert_true(xo_tenant_is_guest(&policy, tenant));
	assert_int_equal(check_lists(&policy, tenant, XO_LIT("z.test")), 0);
	assert_int_equal(check_lists(&policy, tenant, XO_LIT("j.test")), 0);
	assert_int_equal(check_lists(&policy, tenant, XO_LIT("a.test")), 1);
	assert_int_equal(check_lists(&policy, tenant, XO_LIT("x.j.test")), 1);
	assert_false(xo_tenant_lists(&policy, tenant + 1, XO_TENANT_RECIPIENTS,
	    listed[0]));
	assert_false(xo_tenant_lists(&policy, XO_NOBODY, XO_TENANT_RECIPIENTS,
	    listed[0]));
	xo_guests_free(&policy.guests);
	xo_tenants_index_free(&policy.tenant_index);
}

/* Lists that are not there, whatever their length says. */
static void
test_holes(void **state)
{
	static const struct xo_tenant tenants[] = {
		{.n_recipient_domains = 3, .n_originator_orgs = 1,
		    .n_sender_domains = 2, .n_certificate_names = 1,
		    .allow_untrusted_routing = true},
		{.n_recipient_domains = 1},
	};
	struct xo_policy policy = {.tenants = tenants, .n_tenants = 2};
	const struct xo_path to = {.address = S("r%x@b.example"),
		.domain = S("b.example")};
	int first, second;

	(void)state;
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	for (int i = XO_NOBODY; i < 3; i++)
		assert_int_equal(xo_recipient_check(&policy, i, 0, &to),
		    XO_REFUSAL_RCPT_RELAY);
	assert_int_equal(xo_tenants_by_sender_domain(&policy, to.domain),
	    XO_NOBODY);
	xo_tenants_index_free(&policy.tenant_index);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routed),
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
