/* SPDX-License-Identifier: ISC */
/* Who waits for the tables of a worker: equal questions, late and early answers,
 * who leaves, who asks again. The tables are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include <conf/conf.h>
#include <lookup/lookups.h>
#include <lookup/tables.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* The tables */

struct xo_table_ask {
	xo_table_done *done;
	void *arg;
	struct xo_key key;
};

static struct xo_table_ask asks[16];
static size_t n_asks, n_cancelled;
/* What the next question is answered at once; COUNT: not at once. */
static enum xo_knowledge at_once;
static int n_alive;

static void
free_guest(struct xo_guest *guest)
{
	n_alive--;
	free(guest);
}

static void
answer(struct xo_table_ask *ask, enum xo_knowledge known, uint32_t fresh)
{
	static const struct xo_span orgs[] = {S("*.example")};
	static const struct xo_span names[] = {S("a.example"), S("b.example")};
	struct xo_table_answer a = {.known = known, .fresh = fresh};

	if (known == XO_KNOWN_TENANT) {
		a.guest = calloc(1, sizeof(*a.guest));
		assert_non_null(a.guest);
		n_alive++;
		*a.guest = (struct xo_guest){.free = free_guest, .tenant = {
			.originator_orgs = orgs, .n_originator_orgs = 1,
			.certificate_names = names, .n_certificate_names = 2}};
	}
	ask->done(ask->arg, &a);
}

struct xo_tables *__wrap_xo_tables_new(const struct xo_env *env);
void __wrap_xo_tables_free(struct xo_tables **tables);
struct xo_table_ask *__wrap_xo_tables_ask(struct xo_tables *tables,
    const struct xo_key *key, xo_table_done *done, void *arg);
void __wrap_xo_tables_cancel(struct xo_table_ask **ask);

struct xo_tables *
__wrap_xo_tables_new(const struct xo_env *env)
{
	(void)env;
	return (struct xo_tables *)asks;
}

void
__wrap_xo_tables_free(struct xo_tables **tables)
{
	*tables = NULL;
}

struct xo_table_ask *
__wrap_xo_tables_ask(struct xo_tables *tables, const struct xo_key *key,
    xo_table_done *done, void *arg)
{
	struct xo_table_ask *ask = &asks[n_asks++];

	(void)tables;
	*ask = (struct xo_table_ask){done, arg, *key};
	if (at_once == XO_KNOWLEDGE_COUNT)
		return ask;
	answer(ask, at_once, 0);
	return NULL;
}

void
__wrap_xo_tables_cancel(struct xo_table_ask **ask)
{
	n_cancelled += *ask != NULL;
	*ask = NULL;
}

/* Who waits */

static struct xo_conf conf;
static struct xo_env env;
static struct xo_lookups *lookups;

struct waiter {
	struct xo_lookup_wait wait;
	struct xo_key key;
	size_t n_told;
	enum xo_knowledge known;	/* when it was told */
	bool asks_again;
	struct waiter *leaves;		/* which leaves, when this is told */
};

static void
on_told(void *arg)
{
	struct waiter *w = arg;
	int slot;

	w->n_told++;
	w->known = xo_guests_find(conf.policy.guests, &w->key, &slot);
	if (w->leaves != NULL)
		xo_lookups_leave(&w->leaves->wait);
	if (w->asks_again) {
		w->asks_again = false;
		assert_true(xo_lookups_ask(lookups, &w->wait,
		    &(struct xo_lack){.key = w->key}));
	}
}

static void
ask(struct waiter *w, enum xo_key_kind kind, const char *domain)
{
	w->wait.done = on_told;
	w->wait.arg = w;
	w->key = (struct xo_key){kind, xo_span_from_cstr(domain)};
	assert_true(xo_lookups_ask(lookups, &w->wait,
		    &(struct xo_lack){.key = w->key}));
}

static void
turn(void)
{
	(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
}

static int
set_up(void **state)
{
	(void)state;
	n_asks = n_cancelled = 0;
	at_once = XO_KNOWLEDGE_COUNT;
	conf.policy.guests = xo_guests_new(8);
	env = (struct xo_env){.base = event_base_new(), .conf = &conf};
	lookups = xo_lookups_new(&env);
	return lookups != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	xo_lookups_free(&lookups);
	xo_guests_free(&conf.policy.guests);
	event_base_free(env.base);
	return n_alive == 0 ? 0 : -1;
}

static void
test_equal(void **state)
{
	struct waiter w[4] = {0};

	(void)state;
	ask(&w[0], XO_KEY_ORG, "a.example");
	ask(&w[1], XO_KEY_ORG, "A.Example");
	ask(&w[2], XO_KEY_SENDER, "a.example");
	ask(&w[3], XO_KEY_ORG, "b.example");
	assert_int_equal(n_asks, 3);
	answer(&asks[0], XO_KNOWN_TENANT, 0);
	/* From the loop, and those alone. */
	assert_int_equal(w[0].n_told + w[1].n_told, 0);
	turn();
	for (int i = 0; i < 4; i++)
		assert_int_equal(w[i].n_told, i < 2);
	assert_int_equal(w[0].known, XO_KNOWN_TENANT);
	assert_int_equal(w[1].known, XO_KNOWN_TENANT);
	/* It was for those who waited. */
	assert_int_equal(n_alive, 0);
	answer(&asks[1], XO_KNOWN_NOT_NOW, 0);
	answer(&asks[2], XO_KNOWN_NOBODY, 60000);
	turn();
	assert_int_equal(w[2].n_told, 1);
	assert_int_equal(w[2].known, XO_KNOWN_NOT_NOW);
	assert_int_equal(w[3].known, XO_KNOWN_NOBODY);
	assert_int_equal(n_cancelled, 0);
}

/* The answer comes before the question returns. */
static void
test_at_once(void **state)
{
	struct waiter w[2] = {0};

	(void)state;
	at_once = XO_KNOWN_TENANT;
	ask(&w[0], XO_KEY_ORG, "a.example");
	assert_int_equal(w[0].n_told, 0);
	/* An answer that is there is an earlier question's. */
	ask(&w[1], XO_KEY_ORG, "a.example");
	assert_int_equal(n_asks, 2);
	turn();
	assert_int_equal(w[0].n_told, 1);
	assert_int_equal(w[1].n_told, 1);
	assert_int_equal(w[1].known, XO_KNOWN_TENANT);
	assert_int_equal(n_alive, 0);
}

static void
test_leaving(void **state)
{
	struct waiter w[3] = {0};

	(void)state;
	xo_lookups_leave(&w[0].wait);
	ask(&w[0], XO_KEY_ORG, "a.example");
	ask(&w[1], XO_KEY_ORG, "a.example");
	xo_lookups_leave(&w[0].wait);
	assert_int_equal(n_cancelled, 0);
	xo_lookups_leave(&w[1].wait);
	assert_int_equal(n_cancelled, 1);
	/* Another question leaves the former one. */
	ask(&w[0], XO_KEY_ORG, "b.example");
	ask(&w[0], XO_KEY_ORG, "c.example");
	assert_int_equal(n_asks, 3);
	assert_int_equal(n_cancelled, 2);
	/* Answered, and then all are gone: nobody is told. */
	answer(&asks[2], XO_KNOWN_TENANT, 0);
	xo_lookups_leave(&w[0].wait);
	turn();
	assert_int_equal(w[0].n_told, 0);
	assert_int_equal(n_alive, 0);
	/* The same question again is a new one: its time was up, perhaps. */
	ask(&w[0], XO_KEY_ORG, "e.example");
	ask(&w[0], XO_KEY_ORG, "e.example");
	assert_int_equal(n_asks, 5);
	assert_int_equal(n_cancelled, 3);
	answer(&asks[4], XO_KNOWN_TENANT, 0);
	turn();
	assert_int_equal(w[0].n_told, 1);
	assert_int_equal(w[0].known, XO_KNOWN_TENANT);
	/* One that is told has another leave. */
	ask(&w[0], XO_KEY_ORG, "d.example");
	ask(&w[1], XO_KEY_ORG, "d.example");
	ask(&w[2], XO_KEY_ORG, "d.example");
	w[0].leaves = &w[1];
	answer(&asks[5], XO_KNOWN_NOBODY, 0);
	turn();
	assert_int_equal(w[0].n_told, 2);
	assert_int_equal(w[1].n_told, 0);
	assert_int_equal(w[2].n_told, 1);
	assert_int_equal(n_cancelled, 3);
}

/* One that is told asks for the same again: the source says it anew. */
static void
test_again(void **state)
{
	struct waiter w = {.asks_again = true};

	(void)state;
	ask(&w, XO_KEY_ORG, "a.example");
	answer(&asks[0], XO_KNOWN_NOT_NOW, 0);
	turn();
	assert_int_equal(w.n_told, 1);
	assert_int_equal(n_asks, 2);
	answer(&asks[1], XO_KNOWN_TENANT, 0);
	turn();
	assert_int_equal(w.n_told, 2);
	assert_int_equal(w.known, XO_KNOWN_TENANT);
}

/* It is judged by the time at which it comes, not by that of the question. */
static void
test_time(void **state)
{
	static const struct xo_span orgs[] = {S("a.example")};
	struct xo_guests *guests = conf.policy.guests;
	static struct xo_guest guest = {.tenant = {.originator_orgs = orgs,
		.n_originator_orgs = 1}};
	struct xo_guest *given = &guest;
	struct waiter w = {0};

	(void)state;
	xo_guests_set_time(guests, 0);
	ask(&w, XO_KEY_ORG, "a.example");
	assert_int_equal(xo_guests_put(guests, &w.key, XO_KNOWN_TENANT, &given,
	    0, 1), XO_KNOWN_TENANT);
	xo_guests_told(guests, &w.key);
	answer(&asks[0], XO_KNOWN_NOT_NOW, 0);
	turn();
	assert_int_equal(w.n_told, 1);
	assert_int_equal(w.known, XO_KNOWN_NOT_NOW);
}

/* The domain need not outlive the question, nor the question the lookups. */
static void
test_ownership(void **state)
{
	struct waiter w = {0};
	char domain[] = "a.example";

	(void)state;
	ask(&w, XO_KEY_ORG, domain);
	memset(domain, 'x', sizeof(domain) - 1);
	assert_true(xo_span_is_equal(asks[0].key.domain, XO_LIT("a.example")));
	xo_lookups_free(&lookups);
	assert_int_equal(n_cancelled, 1);
	assert_int_equal(w.n_told, 0);
	lookups = xo_lookups_new(&env);
}

/* Several keys at once */

struct party {
	struct xo_lookup_wait wait;
	struct xo_span names[3];
	struct xo_lack lack;
	unsigned int n_told;
	enum xo_knowledge known[4];
};

static struct xo_key
key_of(const struct party *p, size_t i)
{
	return i == p->lack.n_names ? p->lack.key :
	    (struct xo_key){XO_KEY_CERTIFICATE, p->lack.names[i]};
}

static void
on_party_told(void *arg)
{
	struct party *p = arg;
	int slot;

	p->n_told++;
	for (size_t i = 0; i <= p->lack.n_names; i++) {
		struct xo_key key = key_of(p, i);

		p->known[i] = xo_guests_find(conf.policy.guests, &key, &slot);
	}
}

/* `sender` NULL: none. */
static void
ask_for(struct party *p, const char *first, const char *second,
    const char *sender)
{
	*p = (struct party){.wait = {.done = on_party_told, .arg = p},
		.names = {xo_span_from_cstr(first), xo_span_from_cstr(second)}};
	p->lack = (struct xo_lack){.names = p->names, .n_names = 2};
	if (sender != NULL)
		p->lack.key = (struct xo_key){XO_KEY_SENDER,
			xo_span_from_cstr(sender)};
	assert_false(xo_lookups_is_waiting(&p->wait));
	assert_true(xo_lookups_ask(lookups, &p->wait, &p->lack));
	assert_true(xo_lookups_is_waiting(&p->wait));
}

/* Told once, when the last is answered, and then all answers are there, though
 * they are for those alone who wait; and none afterwards. */
static void
test_several(void **state)
{
	static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct party p;
		int slot;

		n_asks = 0;
		ask_for(&p, "a.example", "b.example", "c.example");
		assert_int_equal(n_asks, 3);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(p.n_told, 0);
			answer(&asks[orders[k][i]], orders[k][i] == 1 ?
			    XO_KNOWN_NOBODY : XO_KNOWN_TENANT, 0);
			assert_int_equal(p.n_told, 0);
			turn();
		}
		assert_int_equal(p.n_told, 1);
		assert_false(xo_lookups_is_waiting(&p.wait));
		assert_int_equal(p.known[0], XO_KNOWN_TENANT);
		assert_int_equal(p.known[1], XO_KNOWN_NOBODY);
		assert_int_equal(p.known[2], XO_KNOWN_TENANT);
		assert_int_equal(n_alive, 0);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(xo_guests_find(conf.policy.guests,
			    &(struct xo_key){key_of(&p, i).kind,
			    key_of(&p, i).domain}, &slot), XO_KNOWN_NOT_NOW);
	}
}

/* One that is not known leaves the others known. One that is remembered is not
 * asked for; but if all are, it is told from the loop all the same. */
static void
test_several_known(void **state)
{
	struct party p, q;

	(void)state;
	ask_for(&p, "a.example", "b.example", NULL);
	assert_int_equal(n_asks, 2);
	answer(&asks[0], XO_KNOWN_TENANT, 60000);
	answer(&asks[1], XO_KNOWN_NOT_NOW, 0);
	turn();
	assert_int_equal(p.n_told, 1);
	assert_int_equal(p.known[0], XO_KNOWN_TENANT);
	assert_int_equal(p.known[1], XO_KNOWN_NOT_NOW);
	ask_for(&p, "a.example", "b.example", NULL);
	ask_for(&q, "b.example", "b.example", NULL);
	assert_int_equal(n_asks, 3);
	answer(&asks[2], XO_KNOWN_NOBODY, 60000);
	turn();
	assert_int_equal(p.n_told + q.n_told, 2);
	assert_int_equal(p.known[0], XO_KNOWN_TENANT);
	assert_int_equal(p.known[1], XO_KNOWN_NOBODY);
	assert_int_equal(q.known[1], XO_KNOWN_NOBODY);
	at_once = XO_KNOWN_NOBODY;
	ask_for(&p, "a.example", "b.example", NULL);
	assert_int_equal(p.n_told, 0);
	turn();
	assert_int_equal(p.n_told, 1);
}

/* Who leaves is not told, and keeps nothing. */
static void
test_several_leave(void **state)
{
	struct party p;
	struct waiter w = {0};

	(void)state;
	for (size_t n = 0; n <= 2; n++) {
		n_asks = n_cancelled = 0;
		ask_for(&p, "a.example", "b.example", NULL);
		ask(&w, XO_KEY_CERTIFICATE, "b.example");
		assert_int_equal(n_asks, 2);
		for (size_t i = 0; i < n; i++)
			answer(&asks[i], XO_KNOWN_TENANT, 0);
		if (n == 1)
			turn();
		xo_lookups_leave(&p.wait);
		assert_false(xo_lookups_is_waiting(&p.wait));
		turn();
		assert_int_equal(p.n_told, 0);
		assert_int_equal(n_cancelled, n == 0);
		if (n < 2)
			answer(&asks[1], XO_KNOWN_TENANT, 0);
		turn();
		assert_int_equal(w.n_told, n + 1);
		assert_int_equal(w.known, XO_KNOWN_TENANT);
		assert_int_equal(n_alive, 0);
	}
	/* Another question leaves the former one. */
	ask_for(&p, "a.example", "b.example", NULL);
	p.wait.done = on_told;
	p.wait.arg = &w;
	n_cancelled = 0;
	assert_true(xo_lookups_ask(lookups, &p.wait,
	    &(struct xo_lack){.key = w.key}));
	assert_int_equal(n_cancelled, 2);
	xo_lookups_leave(&p.wait);
	/* What is no domain is not asked, and nothing of the rest. */
	p.names[1] = XO_LIT("");
	n_cancelled = 0;
	assert_false(xo_lookups_ask(lookups, &p.wait, &p.lack));
	assert_false(xo_lookups_is_waiting(&p.wait));
	assert_int_equal(n_cancelled, 1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_equal),
		TEST(test_at_once),
		TEST(test_leaving),
		TEST(test_again),
		TEST(test_time),
		TEST(test_ownership),
		TEST(test_several),
		TEST(test_several_known),
		TEST(test_several_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
