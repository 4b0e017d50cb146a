/* SPDX-License-Identifier: ISC */
/*
 * The tenant table against a search that looks at everything; and the verdict
 * that follows: nobody is verified without the right and an organisation that
 * stands in the table.
 *
 * The input is lines: "+" a tenant begins, "oNAME" an organisation of it,
 * "sNAME" a sender domain, "rNAME" a recipient domain, "?NAME" a question.
 */
#include <string.h>

#include <xoorg/domain.h>
#include <xoorg/path.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>

#include "fuzz.h"

#define TENANTS_MAX 8
#define NAMES_MAX 8

struct table {
	struct xo_tenant tenants[TENANTS_MAX];
	struct xo_span names[3][TENANTS_MAX][NAMES_MAX];
	size_t n;
};

static size_t *
count_of(struct xo_tenant *t, char what)
{
	return what == 'o' ? &t->n_originator_orgs : what == 's' ?
	    &t->n_sender_domains : &t->n_recipient_domains;
}

static void
add(struct table *t, char what, struct xo_span name)
{
	struct xo_tenant *last;
	size_t *n, kind = what == 'o' ? 0 : what == 's' ? 1 : 2;

	if (what == '+' && t->n < TENANTS_MAX) {
		last = &t->tenants[t->n];
		*last = (struct xo_tenant){
			.name = XO_LIT("t"),
			.originator_orgs = t->names[0][t->n],
			.sender_domains = t->names[1][t->n],
			.recipient_domains = t->names[2][t->n],
		};
		t->n++;
		return;
	}
	if (t->n == 0 || (what != 'o' && what != 's' && what != 'r'))
		return;
	last = &t->tenants[t->n - 1];
	n = count_of(last, what);
	/* As the configuration takes it: a domain, or *. before one. */
	if (*n < NAMES_MAX && (xo_domain_is_valid(name) || (name.len > 2 &&
	    name.p[0] == '*' && name.p[1] == '.' &&
	    xo_domain_is_valid(xo_span_from(name, 2)))))
		t->names[kind][t->n - 1][(*n)++] = name;
}

/* How well: 0 not at all, SIZE_MAX exactly, else the length behind `*`. */
static size_t
fit(struct xo_span entry, struct xo_span domain)
{
	struct xo_span tail;

	if (entry.len < 2 || entry.p[0] != '*')
		return xo_span_is_equal_nocase(entry, domain) ? SIZE_MAX : 0;
	tail = xo_span_from(entry, 1);
	if (domain.len <= tail.len || !xo_span_is_equal_nocase(
	    xo_span_from(domain, domain.len - tail.len), tail))
		return 0;
	return tail.len;
}

static int
find_plainly(const struct table *t, struct xo_span org)
{
	size_t best = 0;
	int found = XO_NOBODY;

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->tenants[i].n_originator_orgs; k++) {
			size_t n = fit(t->tenants[i].originator_orgs[k], org);

			if (n > best) {
				best = n;
				found = (int)i;
			}
		}
	return found;
}

static bool
is_listed_plainly(const struct xo_span *list, size_t n, struct xo_span domain)
{
	for (size_t i = 0; i < n; i++)
		if (fit(list[i], domain) > 0)
			return true;
	return false;
}

static void
check_verdict(const struct xo_policy *policy, const struct table *t,
    struct xo_span org, uint32_t rights)
{
	struct xo_listener listener = {.mode = XO_MODE_ENFORCE,
		.on = {XO_DECISION_ACCEPT, XO_DECISION_REJECT,
		XO_DECISION_DEMOTE, XO_DECISION_REJECT, XO_DECISION_DEMOTE}};
	struct xo_buf sender = {0};
	struct xo_question question = {.rights = rights, .has_xoorg = true,
		.xoorg = org};
	struct xo_answer answer;
	int want = find_plainly(t, org);
	bool is_sender = true;

	xo_buf_add_cstr(&sender, "u@");
	xo_buf_add(&sender, org);
	question.sender = xo_buf_span(&sender);
	xo_verdict_decide(policy, &listener, &question, &answer);
	if (want != XO_NOBODY && t->tenants[want].n_sender_domains > 0)
		is_sender = is_listed_plainly(t->tenants[want].sender_domains,
		    t->tenants[want].n_sender_domains, org);
	MUST((answer.verdict == XO_VERDICT_VERIFIED) == (want != XO_NOBODY &&
	    is_sender && (rights & XO_RIGHT_XOORG) != 0));
	if (answer.verdict == XO_VERDICT_VERIFIED)
		MUST(answer.tenant == want &&
		    answer.decision == XO_DECISION_ACCEPT);
	else if ((rights & XO_RIGHT_RELAY) == 0 || rights & XO_RIGHT_XOORG)
		MUST(answer.decision != XO_DECISION_ACCEPT);
	xo_buf_fini(&sender);
}

/* Mail of no tenant, which may go to any tenant's own. */
static void
check_anybodys(const struct xo_policy *policy, const struct table *t,
    struct xo_span domain)
{
	const struct xo_path to = {.address = XO_LIT("u@"), .domain = domain};
	int first = XO_NOBODY;

	for (size_t i = t->n; i > 0; i--)
		if (is_listed_plainly(t->tenants[i - 1].recipient_domains,
		    t->tenants[i - 1].n_recipient_domains, domain))
			first = (int)i - 1;
	MUST(xo_tenants_by_recipient_domain(policy, domain, false) == first);
	MUST((xo_recipient_check(policy, XO_NOBODY, 0, &to) ==
	    XO_REFUSAL_NONE) == (first != XO_NOBODY));
}

static void
ask(const struct xo_policy *policy, const struct table *t, struct xo_span org)
{
	int got = xo_tenants_by_org(policy, org);

	if (!xo_domain_is_valid(org))
		return;
	MUST(got == find_plainly(t, org));
	for (uint32_t rights = 0; rights < 4; rights++)
		check_verdict(policy, t, org, rights);
	check_anybodys(policy, t, org);
	for (int i = 0; i < (int)t->n; i++) {
		const struct xo_tenant *one = &t->tenants[i];

		MUST(xo_domain_is_listed(one->recipient_domains,
		    one->n_recipient_domains, org) == is_listed_plainly(
		    one->recipient_domains, one->n_recipient_domains, org));
		MUST((xo_recipient_check(policy, i, 0, &(struct xo_path){
		    .address = XO_LIT("u@"), .domain = org}) ==
		    XO_REFUSAL_NONE) == is_listed_plainly(one->recipient_domains,
		    one->n_recipient_domains, org));
	}
}

/* The same name twice in the table, by whoever. */
static bool
has_twice(const struct table *t)
{
	for (size_t i = 0; i < t->n * NAMES_MAX; i++)
		for (size_t k = 0; k < i; k++) {
			const struct xo_tenant *a = &t->tenants[i / NAMES_MAX];
			const struct xo_tenant *b = &t->tenants[k / NAMES_MAX];

			if (i % NAMES_MAX < a->n_originator_orgs &&
			    k % NAMES_MAX < b->n_originator_orgs &&
			    xo_span_is_equal_nocase(
			    a->originator_orgs[i % NAMES_MAX],
			    b->originator_orgs[k % NAMES_MAX]))
				return true;
		}
	return false;
}

static struct xo_span
next_line(struct xo_span *in)
{
	struct xo_span line = xo_span_first(*in, xo_span_find(*in, '\n'));

	*in = xo_span_from(*in, line.len + 1);
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct table table;
	struct xo_policy policy = {.hostname = XO_LIT("gw")};
	struct xo_span in = xo_span(data, size), line;
	int first, second;

	memset(&table, 0, sizeof(table));
	while (in.len > 0) {
		line = next_line(&in);
		if (line.len > 0)
			add(&table, (char)line.p[0], xo_span_from(line, 1));
	}
	policy.tenants = table.tenants;
	policy.n_tenants = table.n;
	if (xo_tenants_index(&policy, &first, &second) != XO_OK) {
		MUST(has_twice(&table));
		return 0;
	}
	MUST(!has_twice(&table));
	in = xo_span(data, size);
	while (in.len > 0) {
		line = next_line(&in);
		if (line.len > 0 && line.p[0] == '?')
			ask(&policy, &table, xo_span_from(line, 1));
	}
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}
