/* SPDX-License-Identifier: ISC */
/* Records of sources: which are no tenant, and what one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <conf/guest.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
/* A hundred letters. */
#define LONG_5 "nnnnnnnnnnnnnnnnnnnn"
#define LONG LONG_5 LONG_5 LONG_5 LONG_5 LONG_5
#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct xo_upstream upstreams[] = {
	{.name = {(const uint8_t *)"first", 5}},
	{.name = {(const uint8_t *)"second", 6}},
};
static const struct xo_span own_orgs[] = {
	S("own.example"), S("*.own.example")
};
static const struct xo_span own_names[] = {S("app.names.example")};
static struct xo_tenant tenants[] = {
	{.name = S("own"), .originator_orgs = own_orgs,
	    .n_originator_orgs = N(own_orgs), .certificate_names = own_names,
	    .n_certificate_names = N(own_names)},
	{.name = S("other")}, {.name = S("own-2")},
};
static struct xo_conf conf = {
	.policy = {.upstreams = upstreams, .n_upstreams = N(upstreams),
	    .tenants = tenants, .n_tenants = N(tenants)},
};

static void
check_bad(const struct xo_guest_reader *reader, struct xo_span record,
    const char *want)
{
	struct xo_buf error = {0};
	struct xo_guest *guest = xo_guest_read(reader, record, &error);

	if (guest != NULL)
		fail_msg("%.*s: taken", (int)record.len,
		    (const char *)record.p);
	xo_buf_add_byte(&error, '\0');
	if (strstr((const char *)error.p, want) == NULL)
		fail_msg("%.*s: got %s, want %s", (int)record.len,
		    (const char *)record.p, (const char *)error.p, want);
	xo_buf_fini(&error);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *record, *want;
	} rows[] = {
		{"", "record: expected a JSON object"},
		{"contoso", "expected a JSON object"},
		{"[]", "expected a JSON object"},
		{"null", "expected a JSON object"},
		{"{}", "name: expected a string, found none"},
		{"{\"name\":\"c\"}", "tenants.c.originator_orgs: expected a "
		    "list of domains"},
		{"{\"name\":\"c\",\"originator_orgs\":[]}", "at least one"},
		{"{\"name\":\"c c\",\"originator_orgs\":[\"c.example\"]}",
		    "name: expected a name of letters"},
		{"{\"name\":\"c\",\"originator_orgs\":[\"*.c.example\"]}",
		    "found a wildcard"},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\",\"*.co.uk\"]}",
		    "belongs to the tenant alone, found \"*.co.uk\""},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"]}{}",
		    "expected a JSON object"},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"upstream\":\"third\"}",
		    "expected a name from `upstreams`, found \"third\""},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"relais\":true}", "did you mean `relay`?"},
		/* Nor is it the name of another file than its own. */
		{"{\"name\":\"../own\",\"originator_orgs\":[\"c.example\"]}",
		    "name: expected a name of letters"},
		{"{\"name\":\"a/b\",\"originator_orgs\":[\"c.example\"]}",
		    "name: expected a name of letters"},
		{"{\"name\":\".pem\",\"originator_orgs\":[\"c.example\"]}",
		    "name: expected a name of letters"},
		{"{\"name\":\"own\\u0000\",\"originator_orgs\":["
		    "\"c.example\"]}", "expected"},
		/* That of the configuration is its own. */
		{"{\"name\":\"own\",\"originator_orgs\":[\"c.example\"]}",
		    "name: expected one that no tenant of the configuration "
		    "has, found `own`"},
		{"{\"name\":\"own-2\",\"originator_orgs\":[\"c.example\"]}",
		    "found `own-2`"},
		{"{\"name\":\"other\",\"originator_orgs\":[\"c.example\"]}",
		    "found `other`"},
		/* So are its organisations, as mail goes out with them. */
		{"{\"name\":\"c\",\"originator_orgs\":[\"own.example\"]}",
		    "originator_orgs: expected a domain that no tenant of the "
		    "configuration has, found \"own.example\""},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\","
		    "\"OWN.Example\"]}", "found \"OWN.Example\""},
		{"{\"name\":\"c\",\"originator_orgs\":["
		    "\"a.own.example\"]}", "found \"a.own.example\""},
		/* Nor are names of certificates that many share, or cover. */
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"certificate_names\":[\"a.c.example\",\"co.uk\"]}",
		    "certificate_names: expected a domain that belongs to the "
		    "tenant alone, found \"co.uk\""},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"certificate_names\":[\"*.c.example\"]}",
		    "certificate_names: expected names without a wildcard"},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"certificate_names\":[\"APP.names.example\"]}",
		    "certificate_names: expected a domain that no tenant of the "
		    "configuration has, found \"APP.names.example\""},
		/* It stands in a line of a header. */
		{"{\"name\":\"c" LONG "\",\"originator_orgs\":["
		    "\"c.example\"]}", "name: expected a name of letters"},
		/* Files are nothing that a worker opens. */
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"client_certificate\":\"/etc/passwd\","
		    "\"client_key\":\"/etc/passwd\"}",
		    "expected no files in a record, found client_"},
		{"{\"name\":\"c\",\"originator_orgs\":[\"c.example\"],"
		    "\"client_key\":\"\"}", "found client_key"},
	};
	struct xo_guest_reader *reader = xo_guest_reader_new(&conf);
	static char longest[XO_GUEST_RECORD_MAX + 1];

	(void)state;
	assert_non_null(reader);
	for (size_t i = 0; i < N(rows); i++)
		check_bad(reader, xo_span_from_cstr(rows[i].record),
		    rows[i].want);
	check_bad(reader, XO_LIT("{\"name\":\"c\"}\0"), "a JSON object");
	memset(longest, ' ', sizeof(longest));
	check_bad(reader, xo_span(longest, sizeof(longest)), "at most 65536");
	xo_guest_reader_free(&reader);
}

/* What a record has stays, whatever becomes of it and of the reader. */
static void
test_good(void **state)
{
	struct xo_guest_reader *reader = xo_guest_reader_new(&conf);
	struct xo_buf error = {0};
	char *record = strdup("{\"name\":\"contoso\",\"originator_orgs\":["
	    "\"contoso.com\",\"*.contoso.com\"],\"relay\":true,"
	    "\"upstream\":\"second\"}");
	struct xo_guest *guest;
	const struct xo_tenant *t;

	(void)state;
	guest = xo_guest_read(reader, xo_span_from_cstr(record), &error);
	memset(record, 'x', strlen(record));
	free(record);
	xo_guest_reader_free(&reader);
	assert_non_null(guest);
	t = &guest->tenant;
	assert_true(xo_span_is_equal(t->name, XO_LIT("contoso")));
	assert_int_equal(t->n_originator_orgs, 2);
	assert_true(xo_span_is_equal(t->originator_orgs[1],
	    XO_LIT("*.contoso.com")));
	/* Absent: its own. */
	assert_ptr_equal(t->recipient_domains, t->originator_orgs);
	assert_int_equal(t->n_recipient_domains, 2);
	assert_int_equal(t->n_sender_domains, 0);
	assert_true(t->relay);
	assert_false(t->allow_untrusted_routing);
	assert_false(t->has_client_certificate);
	assert_int_equal(t->upstream, 1);
	xo_guest_free(&guest);
	assert_null(guest);
	xo_buf_fini(&error);
}

static int
set_up(void **state)
{
	int first, second;

	(void)state;
	return xo_tenants_index(&conf.policy, &first, &second) == XO_OK ? 0 :
	    -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_tenants_index_free(&conf.policy.tenant_index);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
