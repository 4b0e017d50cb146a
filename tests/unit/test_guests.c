/* SPDX-License-Identifier: ISC */
/* Guest tenants: who is not found, who is, for how long, and what is pinned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct xo_span contoso_orgs[] = {
	S("contoso.com"), S("*.contoso.com"),
};
static const struct xo_span contoso_senders[] = {
	S("mail.example"), S("*.mail.example"),
};
static const struct xo_span contoso_names[] = {
	S("app.contoso.com"), S("app.mail2.example"), S("*.wild.example"),
};
static const struct xo_span own_orgs[] = {S("own.example"), S("*.own.example")};

/* Made and not freed yet. */
static int n_alive;

static void
free_guest(struct xo_guest *guest)
{
	n_alive--;
	free(guest);
}

static struct xo_guest *
contoso(void)
{
	struct xo_guest *guest = calloc(1, sizeof(*guest));

	assert_non_null(guest);
	guest->tenant = (struct xo_tenant){.name = XO_LIT("contoso"),
	    .originator_orgs = contoso_orgs,
	    .n_originator_orgs = N(contoso_orgs),
	    .sender_domains = contoso_senders,
	    .n_sender_domains = N(contoso_senders),
	    .certificate_names = contoso_names,
	    .n_certificate_names = N(contoso_names)};
	guest->free = free_guest;
	n_alive++;
	return guest;
}

static struct xo_key
org(const char *domain)
{
	return (struct xo_key){XO_KEY_ORG, xo_span_from_cstr(domain)};
}

static enum xo_knowledge
put(struct xo_guests *g, struct xo_key key, struct xo_guest *guest,
    uint32_t fresh, uint32_t stale)
{
	enum xo_knowledge known = xo_guests_put(g, &key, XO_KNOWN_TENANT,
	    &guest, fresh, stale);

	assert_null(guest);
	return known;
}

static void
tell(struct xo_guests *g, struct xo_key key, struct xo_guest *guest,
    uint32_t fresh, uint32_t stale)
{
	assert_int_equal(put(g, key, guest, fresh, stale), XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
}

static enum xo_knowledge
put_word(struct xo_guests *g, struct xo_key key, enum xo_knowledge known,
    uint32_t fresh)
{
	return xo_guests_put(g, &key, known, NULL, fresh, 0);
}

static enum xo_knowledge
find(struct xo_guests *g, struct xo_key key, int *slot_r)
{
	int slot;

	return xo_guests_find(g, &key, slot_r != NULL ? slot_r : &slot);
}

static void
must_be(struct xo_guests *g, const char *domain, enum xo_knowledge want)
{
	int slot = 7;
	enum xo_knowledge got = find(g, org(domain), &slot);

	if (got != want || (slot != XO_NOBODY) != (want == XO_KNOWN_TENANT))
		fail_msg("%s: got %d in slot %d, want %d", domain, got, slot,
		    want);
}

/* A source that answers for another key, in every way. */
static void
test_not_believed(void **state)
{
	static const struct {
		enum xo_key_kind kind;
		const char *domain;
		bool want;
	} rows[] = {
		{XO_KEY_ORG, "fabrikam.com", false},
		{XO_KEY_ORG, "com", false},
		{XO_KEY_ORG, "xcontoso.com", false},
		{XO_KEY_ORG, "contoso.com.evil.example", false},
		{XO_KEY_ORG, "contoso.com.", false},
		{XO_KEY_ORG, ".contoso.com", false},
		{XO_KEY_ORG, "a..contoso.com", false},
		{XO_KEY_ORG, "*.contoso.com", false},
		{XO_KEY_ORG, "", false},
		/* that is a sender's domain, and says nothing of XOORG */
		{XO_KEY_ORG, "mail.example", false},
		{XO_KEY_ORG, "a.mail.example", false},
		{XO_KEY_SENDER, "fabrikam.com", false},
		{XO_KEY_SENDER, "example", false},
		{XO_KEY_SENDER, "xmail.example", false},
		{XO_KEY_KIND_COUNT, "contoso.com", false},
		/* Neither a domain of it, nor what a wildcard would cover. */
		{XO_KEY_CERTIFICATE, "contoso.com", false},
		{XO_KEY_CERTIFICATE, "mail.example", false},
		{XO_KEY_CERTIFICATE, "x.app.contoso.com", false},
		{XO_KEY_CERTIFICATE, "x.wild.example", false},
		{XO_KEY_CERTIFICATE, "wild.example", false},
		{XO_KEY_CERTIFICATE, "*.wild.example", false},
		{XO_KEY_CERTIFICATE, "app.contoso.com.", false},
		{XO_KEY_CERTIFICATE, "", false},
		{XO_KEY_SENDER, "app.mail2.example", false},
		{XO_KEY_ORG, "app.mail2.example", false},
		{XO_KEY_CERTIFICATE, "app.contoso.com", true},
		{XO_KEY_CERTIFICATE, "App.Mail2.example", true},
		{XO_KEY_ORG, "contoso.com", true},
		{XO_KEY_ORG, "CONTOSO.com", true},
		{XO_KEY_ORG, "a.b.contoso.com", true},
		{XO_KEY_SENDER, "mail.example", true},
		{XO_KEY_SENDER, "a.MAIL.example", true},
		{XO_KEY_SENDER, "contoso.com", true},
		{XO_KEY_SENDER, "a.contoso.com", true},
	};
	struct xo_guests *g = xo_guests_new(8);

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct xo_key key = {rows[i].kind,
			xo_span_from_cstr(rows[i].domain)};
		enum xo_knowledge got = put(g, key, contoso(), 1000, 1000);
		enum xo_knowledge want = rows[i].want ? XO_KNOWN_TENANT :
		    XO_KNOWN_NOT_NOW;

		if (got != want || find(g, key, NULL) != want)
			fail_msg("%d %s: got %d, then %d", rows[i].kind,
			    rows[i].domain, got, find(g, key, NULL));
		xo_guests_told(g, &key);
	}
	/* One kind says nothing of the other. */
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	assert_int_equal(find(g, (struct xo_key){XO_KEY_SENDER,
	    XO_LIT("b.contoso.com")}, NULL), XO_KNOWN_NOT_NOW);
	must_be(g, "c.contoso.com", XO_KNOWN_NOT_NOW);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

static void
test_certificate(void **state)
{
	struct xo_guests *g = xo_guests_new(8);
	struct xo_guest *guest = contoso();

	(void)state;
	guest->tenant.has_client_certificate = true;
	assert_int_equal(put(g, org("contoso.com"), guest, 1000, 1000),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* Answers that are none. */
static void
test_no_answer(void **state)
{
	struct xo_guests *g = xo_guests_new(8);
	struct xo_key key = org("contoso.com");
	struct xo_guest *guest = NULL;

	(void)state;
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 1000),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	/* "A tenant", and none comes with it. */
	assert_int_equal(put_word(g, key, XO_KNOWN_TENANT, 1000),
	    XO_KNOWN_NOT_NOW);
	assert_int_equal(xo_guests_put(g, &key, XO_KNOWN_TENANT, &guest, 1000,
	    1000), XO_KNOWN_NOT_NOW);
	assert_int_equal(put_word(g, key, XO_KNOWLEDGE_COUNT, 1000),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	/* "Nobody", and one comes with it. */
	guest = contoso();
	assert_int_equal(xo_guests_put(g, &key, XO_KNOWN_NOBODY, &guest, 1000,
	    1000), XO_KNOWN_NOBODY);
	assert_null(guest);
	must_be(g, "contoso.com", XO_KNOWN_NOBODY);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* No slots, no memory of any, numbers that are nobody's. */
static void
test_total(void **state)
{
	static const int slots[] = {XO_NOBODY, -7, 8, 1000000, 3};
	struct xo_guests *none = NULL;
	struct xo_guests *g = xo_guests_new(8);
	struct xo_policy policy = {.n_tenants = 0};
	struct xo_key key = org("contoso.com");
	size_t n;

	(void)state;
	assert_null(xo_guests_new(0));
	assert_null(xo_guests_new(SIZE_MAX));
	assert_int_equal(put(none, org("contoso.com"), contoso(), 9, 9),
	    XO_KNOWN_NOT_NOW);
	must_be(none, "contoso.com", XO_KNOWN_NOT_NOW);
	xo_guests_told(none, &key);
	xo_guests_told(g, &key);
	xo_guests_set_time(none, 1);
	assert_int_equal(xo_guests_count(none, &n), 0);
	for (size_t i = 0; i < N(slots); i++) {
		assert_null(xo_guests_tenant(g, slots[i]));
		assert_null(xo_guests_tenant(none, slots[i]));
		xo_guests_pin(g, slots[i]);
		xo_guests_unpin(g, slots[i]);
		xo_guests_pin(none, slots[i]);
		xo_guests_unpin(none, slots[i]);
		policy.guests = g;
		assert_null(xo_tenant_at(&policy, slots[i]));
		policy.guests = NULL;
		assert_null(xo_tenant_at(&policy, slots[i]));
	}
	assert_int_equal(xo_guests_count(g, &n), 0);
	assert_int_equal(n, 0);
	xo_guests_free(&g);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

static void
test_lifetimes(void **state)
{
	struct xo_guests *g = xo_guests_new(8);
	int slot;

	(void)state;
	xo_guests_set_time(g, 5000);
	/* Not at all: only for those who wait for it. */
	assert_int_equal(put(g, org("contoso.com"), contoso(), 0, 0),
	    XO_KNOWN_TENANT);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &(struct xo_key){XO_KEY_ORG, XO_LIT("Contoso.com")});
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	assert_int_equal(n_alive, 0);
	assert_int_equal(put_word(g, org("nobody.example"), XO_KNOWN_NOBODY, 0),
	    XO_KNOWN_NOBODY);
	must_be(g, "nobody.example", XO_KNOWN_NOBODY);
	xo_guests_told(g, &(struct xo_key){XO_KEY_ORG,
	    XO_LIT("nobody.example")});
	must_be(g, "nobody.example", XO_KNOWN_NOT_NOW);

	tell(g, org("contoso.com"), contoso(), 100, 0);
	xo_guests_set_time(g, 5099);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	must_be(g, "CONTOSO.COM", XO_KNOWN_TENANT);
	xo_guests_set_time(g, 5100);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	/* Told twice, counted twice. */
	(void)put_word(g, org("a.example"), XO_KNOWN_NOBODY, 0);
	(void)put_word(g, org("a.example"), XO_KNOWN_NOBODY, 0);
	xo_guests_told(g, &(struct xo_key){XO_KEY_ORG, XO_LIT("a.example")});
	assert_int_equal(find(g, org("a.example"), &slot), XO_KNOWN_NOBODY);
	xo_guests_told(g, &(struct xo_key){XO_KEY_ORG, XO_LIT("a.example")});
	assert_int_equal(find(g, org("a.example"), &slot), XO_KNOWN_NOT_NOW);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* Where the source is down an old answer may do, but not beyond its limit. */
static void
test_stale(void **state)
{
	struct xo_guests *g = xo_guests_new(8);
	struct xo_key key = org("contoso.com");

	(void)state;
	tell(g, key, contoso(), 100, 1000);
	xo_guests_set_time(g, 999);
	/* Not without having asked. */
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
	    XO_KNOWN_TENANT);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	xo_guests_set_time(g, 1000);
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	/* "Nobody" is never stale: it would be a 550. */
	assert_int_equal(xo_guests_put(g, &key, XO_KNOWN_NOBODY, NULL, 100,
	    1000), XO_KNOWN_NOBODY);
	xo_guests_told(g, &key);
	xo_guests_set_time(g, 1100);
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
	    XO_KNOWN_NOT_NOW);
	/* A later "nobody" ends what was stale. */
	tell(g, key, contoso(), 10, 100000);
	(void)put_word(g, key, XO_KNOWN_NOBODY, 0);
	xo_guests_told(g, &key);
	assert_int_equal(n_alive, 0);
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
	    XO_KNOWN_NOT_NOW);
	/* A bad record is no answer, either. */
	tell(g, key, contoso(), 10, 1000);
	xo_guests_set_time(g, 1200);
	{
		struct xo_guest *bad = contoso();

		bad->tenant.n_originator_orgs = 0;
		assert_int_equal(put(g, key, bad, 1000, 100000),
		    XO_KNOWN_TENANT);
		xo_guests_told(g, &key);
		xo_guests_set_time(g, 2100);
		assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
		    XO_KNOWN_NOT_NOW);
	}
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* Who works with a guest keeps it, and its slot. */
static void
test_pin_replaced(void **state)
{
	struct xo_guests *g = xo_guests_new(8);
	struct xo_key key = org("contoso.com");
	const struct xo_tenant *tenant;
	int old, new;
	size_t n;

	(void)state;
	tell(g, key, contoso(), 1000, 0);
	(void)find(g, key, &old);
	xo_guests_pin(g, old);
	xo_guests_pin(g, old);
	tenant = xo_guests_tenant(g, old);
	tell(g, key, contoso(), 1000, 0);
	assert_int_equal(find(g, key, &new), XO_KNOWN_TENANT);
	assert_int_not_equal(old, new);
	assert_ptr_equal(xo_guests_tenant(g, old), tenant);
	assert_ptr_not_equal(xo_guests_tenant(g, new), tenant);
	assert_int_equal(xo_guests_count(g, &n), 1);
	assert_int_equal(n, 1);
	/* Replaced by nobody, told, expired: it stays. */
	(void)put_word(g, key, XO_KNOWN_NOBODY, 0);
	xo_guests_told(g, &key);
	xo_guests_set_time(g, 1000000);
	assert_ptr_equal(xo_guests_tenant(g, old), tenant);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	xo_guests_unpin(g, old);
	assert_ptr_equal(xo_guests_tenant(g, old), tenant);
	xo_guests_unpin(g, old);
	assert_null(xo_guests_tenant(g, old));
	assert_int_equal(n_alive, 0);
	xo_guests_unpin(g, old);
	xo_guests_free(&g);
}

static void
test_evicted(void **state)
{
	static const char *const domains[] = {"a.contoso.com", "b.contoso.com",
		"c.contoso.com", "d.contoso.com", "e.contoso.com"};
	struct xo_guests *g = xo_guests_new(3);
	const struct xo_tenant *tenant;
	int a, b, c, slot;

	(void)state;
	for (int i = 0; i < 3; i++)
		tell(g, org(domains[i]), contoso(), 1000, 1000);
	(void)find(g, org(domains[0]), &a);
	xo_guests_pin(g, a);
	tenant = xo_guests_tenant(g, a);
	/* Used last, so the other goes. */
	(void)find(g, org(domains[1]), &b);
	tell(g, org(domains[3]), contoso(), 1000, 1000);
	must_be(g, "c.contoso.com", XO_KNOWN_NOT_NOW);
	must_be(g, "b.contoso.com", XO_KNOWN_TENANT);
	must_be(g, "a.contoso.com", XO_KNOWN_TENANT);
	assert_ptr_equal(xo_guests_tenant(g, a), tenant);
	assert_int_equal(n_alive, 3);
	/* All pinned: no room, and nothing else is lost by that. */
	(void)find(g, org(domains[3]), &c);
	xo_guests_pin(g, b);
	xo_guests_pin(g, c);
	assert_int_equal(put(g, org(domains[4]), contoso(), 1000, 1000),
	    XO_KNOWN_NOT_NOW);
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 1000),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "e.contoso.com", XO_KNOWN_NOT_NOW);
	must_be(g, "d.contoso.com", XO_KNOWN_TENANT);
	/* An answer that cannot be kept does not leave the old one in force. */
	assert_int_equal(put(g, org(domains[3]), contoso(), 1000, 1000),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "d.contoso.com", XO_KNOWN_NOT_NOW);
	assert_non_null(xo_guests_tenant(g, c));
	xo_guests_unpin(g, c);
	assert_null(xo_guests_tenant(g, c));
	tell(g, org(domains[4]), contoso(), 1000, 1000);
	assert_int_equal(find(g, org(domains[4]), &slot), XO_KNOWN_TENANT);
	assert_int_equal(slot, c);
	xo_guests_unpin(g, a);
	xo_guests_unpin(g, b);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* An answer that is being told cannot be evicted. */
static void
test_telling(void **state)
{
	struct xo_guests *g = xo_guests_new(1);
	struct xo_key key = org("contoso.com");

	(void)state;
	assert_int_equal(put(g, key, contoso(), 0, 0), XO_KNOWN_TENANT);
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 9),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 0),
	    XO_KNOWN_NOBODY);
	xo_guests_told(g, &(struct xo_key){XO_KEY_ORG, XO_LIT("x.example")});
	/* Nor can an earlier one that is told again, since no other came. */
	tell(g, key, contoso(), 10, 1000);
	xo_guests_set_time(g, 20);
	assert_int_equal(put_word(g, key, XO_KNOWN_NOT_NOW, 0),
	    XO_KNOWN_TENANT);
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 9),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	/* Nor one that is held. */
	tell(g, key, contoso(), 10, 0);
	assert_true(xo_guests_hold(g, &key));
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 9),
	    XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	assert_int_equal(put_word(g, org("x.example"), XO_KNOWN_NOBODY, 9),
	    XO_KNOWN_NOBODY);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* Behind the configuration, and with numbers of their own. */
static void
test_in_policy(void **state)
{
	static const struct xo_tenant own = {.name = S("own"),
		.originator_orgs = own_orgs, .n_originator_orgs = 2};
	struct xo_policy policy = {.tenants = &own, .n_tenants = 1};
	struct xo_key wanted[] = {
		org("contoso.com"), {XO_KEY_SENDER, S("mail.example")},
	};
	struct xo_key not_wanted[] = {
		org("own.example"), org("a.own.example"), org("a..b"),
		org("a b.example"), org("b\xc3\xbc"), org(""),
		{XO_KEY_SENDER, S("own.example")},
		{XO_KEY_SENDER, S("[192.0.2.1]")},
	};
	int first, second, tenant;

	(void)state;
	assert_int_equal(xo_tenants_index(&policy, &first, &second), XO_OK);
	/* Without sources nothing is ever lacking. */
	assert_false(xo_tenants_lack(&policy, &wanted[0]));
	policy.guests = xo_guests_new(8);
	for (size_t i = 0; i < N(not_wanted); i++)
		if (xo_tenants_lack(&policy, &not_wanted[i]))
			fail_msg("row %zu is asked for", i);
	for (size_t i = 0; i < N(wanted); i++)
		assert_true(xo_tenants_lack(&policy, &wanted[i]));
	assert_int_equal(xo_tenants_by_org(&policy, XO_LIT("contoso.com")),
	    XO_NOBODY);
	tell(policy.guests, org("contoso.com"), contoso(), 100, 0);
	tenant = xo_tenants_by_org(&policy, XO_LIT("contoso.com"));
	assert_true(tenant >= 1);
	assert_true(xo_tenant_is_guest(&policy, tenant));
	assert_true(xo_span_is_equal(xo_tenant_at(&policy, tenant)->name,
	    XO_LIT("contoso")));
	assert_false(xo_tenants_lack(&policy, &wanted[0]));
	/* What is an org to the one is no sender to the other. */
	assert_int_equal(xo_tenants_by_sender_domain(&policy,
	    XO_LIT("contoso.com")), XO_NOBODY);
	/* A source cannot take from the configuration, by no record. */
	(void)put_word(policy.guests, org("own.example"), XO_KNOWN_NOBODY, 99);
	assert_int_equal(xo_tenants_by_org(&policy, XO_LIT("own.example")), 0);
	assert_false(xo_tenant_is_guest(&policy, 0));
	assert_false(xo_tenant_is_guest(&policy, XO_NOBODY));
	(void)put_word(policy.guests, wanted[1], XO_KNOWN_NOBODY, 100);
	assert_false(xo_tenants_lack(&policy, &wanted[1]));
	xo_guests_told(policy.guests, &wanted[1]);
	xo_guests_set_time(policy.guests, 100);
	assert_true(xo_tenants_lack(&policy, &wanted[0]));
	assert_true(xo_tenants_lack(&policy, &wanted[1]));
	assert_int_equal(xo_tenants_by_org(&policy, XO_LIT("contoso.com")),
	    XO_NOBODY);
	xo_guests_free(&policy.guests);
	xo_tenants_index_free(&policy.tenant_index);
	assert_int_equal(n_alive, 0);
}

/* Keys that meet in one chain stay apart. */
static void
test_one_chain(void **state)
{
	struct xo_guests *g = xo_guests_new(1);

	(void)state;
	tell(g, org("contoso.com"), contoso(), 1000, 0);
	assert_int_equal(find(g, (struct xo_key){XO_KEY_SENDER,
	    XO_LIT("contoso.com")}, NULL), XO_KNOWN_NOT_NOW);
	must_be(g, "a.contoso.com", XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.co", XO_KNOWN_NOT_NOW);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* What is done at random, against a list that is searched from its front. */
static void
test_random(void **state)
{
	enum { SLOTS = 16, DOMAINS = 40, STEPS = 200000 };
	struct {
		enum xo_knowledge known;
		uint64_t until;
	} want[DOMAINS] = {{XO_KNOWN_NOT_NOW, 0}};
	int pins[SLOTS];
	size_t n_pins = 0, n;
	struct xo_guests *g = xo_guests_new(SLOTS);
	uint64_t now = 0, x = 88172645463325252U;
	char domain[32];

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		size_t d;
		struct xo_key key;
		enum xo_knowledge got;
		int slot;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		d = (x >> 8) % DOMAINS;
		(void)snprintf(domain, sizeof(domain), "d%zu.contoso.com", d);
		key = org(domain);
		xo_guests_set_time(g, now += x % 3);
		got = find(g, key, &slot);
		/* It may have forgotten; it may not have made up. */
		if (got != XO_KNOWN_NOT_NOW && (got != want[d].known ||
		    now >= want[d].until))
			fail_msg("step %d: %s is %d", step, domain, got);
		switch (x >> 32 & 7) {
		case 0:
		case 1:
		case 2:
			got = put(g, key, contoso(), (uint32_t)(x >> 40 & 63),
			    0);
			want[d].known = got;
			want[d].until = now + (x >> 40 & 63);
			xo_guests_told(g, &key);
			break;
		case 3:
			want[d].known = put_word(g, key, XO_KNOWN_NOBODY,
			    (uint32_t)(x >> 40 & 63));
			want[d].until = now + (x >> 40 & 63);
			xo_guests_told(g, &key);
			break;
		case 4:
		case 5:
			if (got == XO_KNOWN_TENANT && n_pins < SLOTS - 1) {
				xo_guests_pin(g, slot);
				pins[n_pins++] = slot;
			}
			break;
		default:
			if (n_pins > 0)
				xo_guests_unpin(g, pins[--n_pins]);
			break;
		}
		for (size_t i = 0; i < n_pins; i++)
			assert_non_null(xo_guests_tenant(g, pins[i]));
		assert_true(xo_guests_count(g, &n) <= SLOTS && n <= n_pins);
		assert_true(n_alive <= SLOTS);
	}
	while (n_pins > 0)
		xo_guests_unpin(g, pins[--n_pins]);
	xo_guests_free(&g);
	assert_int_equal(n_alive, 0);
}

/* An answer for those who wait is there until the last of them was told, even if
 * another takes its place; what is not there is not held. */
static void
test_held(void **state)
{
	struct xo_guests *g = xo_guests_new(4), *none = NULL;
	struct xo_key key = org("contoso.com"), other = org("a.example");

	(void)state;
	assert_false(xo_guests_hold(none, &key));
	assert_false(xo_guests_hold(g, &key));
	assert_int_equal(put(g, key, contoso(), 0, 0), XO_KNOWN_TENANT);
	assert_true(xo_guests_hold(g, &key));
	assert_false(xo_guests_hold(g, &other));
	xo_guests_told(g, &key);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	assert_int_equal(put(g, key, contoso(), 0, 0), XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	must_be(g, "contoso.com", XO_KNOWN_TENANT);
	xo_guests_told(g, &key);
	must_be(g, "contoso.com", XO_KNOWN_NOT_NOW);
	assert_int_equal(n_alive, 0);
	/* What is stale is not found, and is nothing to hold. */
	tell(g, key, contoso(), 100, 1000);
	xo_guests_set_time(g, 200);
	assert_false(xo_guests_hold(g, &key));
	xo_guests_free(&g);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_believed),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_pin_replaced),
		cmocka_unit_test(test_evicted),
		cmocka_unit_test(test_telling),
		cmocka_unit_test(test_in_policy),
		cmocka_unit_test(test_one_chain),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
