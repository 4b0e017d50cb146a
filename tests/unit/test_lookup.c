/* SPDX-License-Identifier: ISC */
/*
 * Tenants that are asked for, in the relay: what may not follow from an answer
 * that is none, what each answer leads to, and that no tenant's mail is ever
 * another's. doc/protocol.md 9.12.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <relay/relay_internal.h>

#include "relay_world.h"

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define EHLO "EHLO c.example\r\n"
#define XOORG_MAIL "MAIL FROM:<a@guest.example> XOORG=guest.example\r\n"
#define OUR_MAIL "MAIL FROM:<a@guest.example>\r\n"
#define OWN_RCPT "RCPT TO:<r@guest.example>\r\n"
#define CONTENT "Subject: x\r\n\r\nbody\r\n.\r\n"
#define BROUGHT "X-OriginatorOrg: guest.example\r\n" CONTENT

/* Guests, each from memory of its own so that a sanitizer sees who keeps one. */

static int n_alive;

struct record {
	struct xo_guest guest;
	char name[16], domain[32], second[32];
	struct xo_span domains[1], names[2];
};

static void
free_record(struct xo_guest *guest)
{
	n_alive--;
	free(guest);
}

static struct xo_guest *
make(const char *name, const char *domain, int upstream)
{
	struct record *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	(void)snprintf(r->domain, sizeof(r->domain), "%s", domain);
	r->domains[0] = r->names[0] = xo_span_from_cstr(r->domain);
	(void)snprintf(r->second, sizeof(r->second), "erp.%s", domain);
	r->names[1] = xo_span_from_cstr(r->second);
	r->guest = (struct xo_guest){.free = free_record, .tenant = {
		.name = xo_span_from_cstr(r->name),
		.originator_orgs = r->domains, .n_originator_orgs = 1,
		.sender_domains = r->domains, .n_sender_domains = 1,
		.recipient_domains = r->domains, .n_recipient_domains = 1,
		.certificate_names = r->names, .n_certificate_names = 2,
		.has_upstream = upstream != XO_NOBODY,
		.upstream = upstream}};
	n_alive++;
	return &r->guest;
}

static struct xo_guests *guests;

static bool may_speak_for_others;

/* Beside the peers of the world, one whose names are tenants'. */
static void
add_peer(struct world *w)
{
	static const int listed[] = {0, 1, 2};
	static struct xo_peer peers[3];

	memcpy(peers, w->policy.peers, 2 * sizeof(peers[0]));
	for (int i = 0; i < 2 && may_speak_for_others; i++)
		peers[i].rights |= XO_RIGHT_XCLIENT;
	peers[2] = (struct xo_peer){.has_tenant_names = true,
		.rights = XO_RIGHT_RELAY};
	w->policy.peers = peers;
	w->policy.n_peers = w->listener.n_peers = 3;
	w->listener.peers = listed;
}

static void
shape(struct world *w)
{
	w->policy.guests = guests;
	w->listener.lenient_envelope = true;
	add_peer(w);
}

/* Of a tenant's system, and of two tenants'. */
static const struct xo_span named[] = {S("guest.example"), S("o.example")};
static const struct xo_certificate named_once = {.is_present = true,
	.dns_names = named, .n_dns_names = 1, .is_chain_valid = true};
static const struct xo_certificate named_twice = {.is_present = true,
	.dns_names = named, .n_dns_names = 2, .is_chain_valid = true};

static int
set_up(void **state)
{
	(void)state;
	guests = xo_guests_new(8);
	return guests != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	size_t n_pinned;

	(void)state;
	(void)xo_guests_count(guests, &n_pinned);
	xo_guests_free(&guests);
	return n_alive == 0 && n_pinned == 0 ? 0 : -1;
}

/* What is asked for is answered so, and told. */
static void
answer(struct world *w, enum xo_knowledge known, uint32_t fresh)
{
	struct xo_guest *guest = known == XO_KNOWN_TENANT ?
	    make("guest", "guest.example", 1) : NULL;
	struct xo_key key = w->asked;
	bool is_told;

	assert_true(w->wants_tenant);
	xo_guests_set_time(guests, w->now);
	is_told = xo_guests_put(guests, &key, known, &guest, fresh, 0) !=
	    XO_KNOWN_NOT_NOW;
	world_tell(w);
	if (is_told)
		xo_guests_told(guests, &key);
	world_settle(w);
}

static void
open_world(struct world *w, struct world_options o)
{
	o.shape = shape;
	assert_true(world_init(w, &o));
	world_say(w, EHLO);
	if (o.client == CLIENT_EXCHANGE || o.certificate != NULL) {
		world_say(w, "STARTTLS\r\n");
		world_say(w, EHLO);
	}
	w->n_replies = 0;
}

static void
close_world(struct world *w)
{
	if (w->violation[0] != '\0')
		fail_msg("%s", w->violation);
	world_fini(w);
}

static void
must_have_said(struct world *w, const char *codes)
{
	if (strcmp(world_codes(w), codes) != 0)
		fail_msg("got \"%s\", want \"%s\"", world_codes(w), codes);
}

/* Where a question is asked, and what comes before and behind it. */

static const struct place {
	const char *name;
	enum world_client client;
	bool is_message;		/* xoorg = "message" */
	/* Up to the question, content apart, and the replies. */
	const char *before, *content, *codes;
	const char *behind;
	/* With a tenant, with nobody, with neither. */
	const char *tenant, *nobody, *not_now;
	int upstream[2];		/* of the first two */
	bool is_named;			/* by its certificate */
} places[] = {
	{"XOORG", CLIENT_EXCHANGE, false, XOORG_MAIL, "", "",
	    OWN_RCPT "DATA\r\n", "250 250 354", "550 503 503", "451 503 503",
	    {1, XO_NOBODY}, false},
	{"our sender", CLIENT_LOCAL, false, OUR_MAIL, "", "",
	    OWN_RCPT "DATA\r\n", "250 250 354", "250 250 354", "451 503 503",
	    {1, 0}, false},
	{"our bounce", CLIENT_LOCAL, false, "MAIL FROM:<>\r\n" OWN_RCPT, "",
	    "250", "DATA\r\n", "250 250 354", "250 250 354", "250 451 503",
	    {1, 0}, false},
	{"a name", CLIENT_STRANGER, false, OUR_MAIL, "", "",
	    OWN_RCPT "DATA\r\n", "250 250 354", "250 250 354", "451 503 503",
	    {1, 1}, true},
	{"brought", CLIENT_LOCAL, true, "MAIL FROM:<>\r\n"
	    "RCPT TO:<r@contoso.com>\r\nDATA\r\n", BROUGHT, "250 250 354", "",
	    "250 250 354 250", "250 250 354 250", "250 250 354 451", {0, 0}, false},
	{"brought, in chunks", CLIENT_LOCAL, true, "MAIL FROM:<>\r\n"
	    "RCPT TO:<r@contoso.com>\r\nBDAT 34\r\n"
	    "X-OriginatorOrg: guest.example\r\n\r\n", "", "250 250 250",
	    "BDAT 3 LAST\r\nabc", "250 250 250 250", "250 250 250 250",
	    "250 250 250 451", {0, 0}, false},
};

static void
come_to(struct world *w, const struct place *place)
{
	open_world(w, (struct world_options){.client = place->client,
		.caps = "PIPELINING XOORG CHUNKING ENHANCEDSTATUSCODES",
		.has_message_xoorg = place->is_message,
		.certificate = place->is_named ? &named_once : NULL});
	world_say(w, place->before);
	world_say(w, place->content);
	must_have_said(w, place->codes);
	if (!w->wants_tenant)
		fail_msg("%s: nothing is asked", place->name);
	assert_int_equal(w->n_asked, 1);
	assert_true(xo_span_is_equal(w->asked.domain,
	    XO_LIT("guest.example")));
}

/* No content, no recipient: nothing of the message is with a next hop. */
static void
must_be_untouched(struct world *w, const struct place *place)
{
	assert_int_equal(w->n_commits, 0);
	assert_false(world_span_has(xo_buf_span(&w->transcript), "H< DATA"));
	assert_false(world_span_has(xo_buf_span(&w->transcript), "H< BDAT"));
	if (!place->is_message)
		assert_int_equal(w->hop.n_acquires, 0);
}

/* Answers that are none: an error, another's record, time. */
static void
test_not_now(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		for (int how = 0; how < 4; how++) {
			struct world w;
			struct xo_guest *other = make("o", "o.example", 1);
			struct xo_key key;

			come_to(&w, &places[i]);
			key = w.asked;
			if (how == 0) {
				answer(&w, XO_KNOWN_NOT_NOW, 0);
			} else if (how == 1) {
				assert_true(world_wait(&w));
			} else if (how == 2) {
				assert_int_equal(xo_guests_put(guests, &key,
				    XO_KNOWN_TENANT, &other, 1000, 1000),
				    XO_KNOWN_NOT_NOW);
				world_tell(&w);
			} else {
				/* Told, and nothing was put at all. */
				world_tell(&w);
			}
			world_say(&w, places[i].behind);
			must_have_said(&w, places[i].not_now);
			must_be_untouched(&w, &places[i]);
			assert_true(world_has(&w, "451 4.3.0 Organisations"));
			/* It is asked anew each time, and not remembered. */
			assert_int_equal(w.n_asked, 1);
			assert_int_equal(xo_guests_find(guests, &key,
			    &(int){0}), XO_KNOWN_NOT_NOW);
			xo_guest_free(&other);
			close_world(&w);
		}
	}
}

static void
test_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		struct world w;

		come_to(&w, &places[i]);
		answer(&w, XO_KNOWN_NOBODY, 0);
		world_say(&w, places[i].behind);
		must_have_said(&w, places[i].nobody);
		assert_int_equal(w.acquired, places[i].upstream[1]);
		assert_int_equal(w.acquired_tenant, places[i].is_message ?
		    0 : XO_NOBODY);
		assert_false(world_span_has(xo_buf_span(&w.transcript),
		    "H< MAIL FROM:<> XOORG"));
		close_world(&w);
	}
}

static void
test_tenant(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		struct world w;

		come_to(&w, &places[i]);
		answer(&w, XO_KNOWN_TENANT, 0);
		world_say(&w, places[i].behind);
		must_have_said(&w, places[i].tenant);
		assert_int_equal(w.acquired, places[i].upstream[0]);
		/* Its own number is none of a certificate's. */
		assert_int_equal(w.acquired_tenant, places[i].is_message ?
		    0 : XO_NOBODY);
		if (places[i].is_message)
			assert_true(world_span_has(xo_buf_span(&w.transcript),
			    "XOORG=guest.example"));
		close_world(&w);
	}
}

/* Names of certificates */

/* Each key that is asked for is answered so, and all are told together. */
static void
answer_each(struct world *w, const enum xo_knowledge *known)
{
	bool is_told[XO_OPEN_NAMES_MAX + 1];

	assert_true(w->wants_tenant);
	xo_guests_set_time(guests, w->now);
	for (size_t i = 0; i < w->n_asked_keys; i++) {
		bool is_other = xo_span_is_equal(w->asked_keys[i].domain,
		    named[1]);
		struct xo_guest *guest = known[i] != XO_KNOWN_TENANT ? NULL :
		    is_other ? make("o", "o.example", 0) :
		    make("guest", "guest.example", 1);

		is_told[i] = xo_guests_put(guests, &w->asked_keys[i],
		    known[i], &guest, 0, 0) != XO_KNOWN_NOT_NOW;
	}
	world_tell(w);
	for (size_t i = 0; i < w->n_asked_keys; i++)
		if (is_told[i])
			xo_guests_told(guests, &w->asked_keys[i]);
	world_settle(w);
}

#define NOT_NOW XO_KNOWN_NOT_NOW
#define NOBODY XO_KNOWN_NOBODY
#define TENANT XO_KNOWN_TENANT

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		enum world_client client;
		const struct xo_certificate *certificate;
		enum xo_knowledge known[3];
		size_t n_keys;
		uint16_t want;		/* to MAIL */
		enum xo_verdict verdict;
	} rows[] = {
		{"two tenants", CLIENT_STRANGER, &named_twice,
		    {TENANT, TENANT}, 2, 250, XO_VERDICT_UNAUTHENTICATED},
		{"two tenants, ours by address", CLIENT_LOCAL, &named_twice,
		    {TENANT, TENANT, TENANT}, 3, 250,
		    XO_VERDICT_UNAUTHENTICATED},
		{"the second not known", CLIENT_STRANGER, &named_twice,
		    {TENANT, NOT_NOW}, 2, 451, XO_VERDICT_UNAUTHENTICATED},
		{"the first not known", CLIENT_STRANGER, &named_twice,
		    {NOT_NOW, TENANT}, 2, 451, XO_VERDICT_UNAUTHENTICATED},
		{"nobody's, the second not known", CLIENT_STRANGER,
		    &named_twice, {NOBODY, NOT_NOW}, 2, 451,
		    XO_VERDICT_UNAUTHENTICATED},
		{"another's", CLIENT_STRANGER, &named_twice, {NOBODY, TENANT},
		    2, 550, XO_VERDICT_SENDER_MISMATCH},
		{"ours by address, the sender not known", CLIENT_LOCAL,
		    &named_once, {NOBODY, NOT_NOW}, 2, 451,
		    XO_VERDICT_UNAUTHENTICATED},
		{"ours by address, the name not known", CLIENT_LOCAL,
		    &named_once, {NOT_NOW, TENANT}, 2, 451,
		    XO_VERDICT_UNAUTHENTICATED},
		{"nobody's", CLIENT_STRANGER, &named_twice, {NOBODY, NOBODY},
		    2, 250, XO_VERDICT_UNAUTHENTICATED},
		{"nobody's, ours by address", CLIENT_LOCAL, &named_once,
		    {NOBODY, TENANT}, 2, 250, XO_VERDICT_OURS},
		{"its own, ours by address", CLIENT_LOCAL, &named_once,
		    {TENANT, NOT_NOW}, 2, 250, XO_VERDICT_ATTRIBUTED},
		{"its own", CLIENT_STRANGER, &named_twice, {TENANT, NOBODY}, 2,
		    250, XO_VERDICT_ATTRIBUTED},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		open_world(&w, (struct world_options){.client =
			rows[i].client, .caps = "PIPELINING",
			.certificate = rows[i].certificate});
		world_say(&w, OUR_MAIL);
		assert_int_equal(w.n_replies, 0);
		if (w.n_asked != 1 || w.n_asked_keys != rows[i].n_keys)
			fail_msg("%s: %zu questions, %zu keys", rows[i].name,
			    w.n_asked, w.n_asked_keys);
		answer_each(&w, rows[i].known);
		if (w.n_replies != 1 || w.replies[0] != rows[i].want ||
		    xo_relay_treatment(w.relay)->answer.verdict !=
		    (rows[i].want == 250 ? rows[i].verdict :
		    XO_VERDICT_UNAUTHENTICATED))
			fail_msg("%s: got %s, %s", rows[i].name,
			    world_codes(&w), xo_verdict_name(
			    xo_relay_treatment(w.relay)->answer.verdict));
		/* One question a command, and one for each. */
		assert_int_equal(w.n_asked, 1);
		world_say(&w, "RSET\r\n" OUR_MAIL);
		assert_int_equal(w.n_asked, 2);
		close_world(&w);
	}
}

/* What its certificate says is enough: neither for a sender nor for a bounce is
 * anything else asked. */
static void
test_named(void **state)
{
	static const enum xo_knowledge known[] = {TENANT};
	struct world w;

	(void)state;
	for (int is_bounce = 0; is_bounce < 2; is_bounce++) {
		open_world(&w, (struct world_options){.caps = "PIPELINING",
			.certificate = &named_once});
		world_say(&w, is_bounce ? "MAIL FROM:<>\r\n" : OUR_MAIL);
		answer_each(&w, known);
		world_say(&w, "RCPT TO:<r@nobody.example>\r\nDATA\r\n");
		world_say(&w, CONTENT);
		must_have_said(&w, "250 250 354 250");
		assert_string_equal(w.last_tenant, "guest");
		assert_int_equal(w.acquired, 1);
		assert_int_equal(w.n_asked, 1);
		/* By whom it is known is told now, and not before. */
		assert_int_equal(xo_relay_rights(w.relay)->peer, 2);
		close_world(&w);
	}
	/* Nothing is asked of a certificate that is not good. */
	for (int how = 0; how < 2; how++) {
		struct xo_certificate bad = named_once;

		bad.is_chain_valid = how == 0;
		bad.is_present = how == 1;
		open_world(&w, (struct world_options){.caps = "PIPELINING",
			.certificate = &bad});
		world_say(&w, OUR_MAIL OWN_RCPT);
		must_have_said(&w, "250 250");
		assert_int_equal(w.n_asked, 0);
		assert_int_equal(xo_relay_treatment(w.relay)->answer.verdict,
		    XO_VERDICT_UNAUTHENTICATED);
		close_world(&w);
	}
}

/* Behind XCLIENT the certificate is another's. */
static void
test_names_behind_xclient(void **state)
{
	struct world w;

	(void)state;
	may_speak_for_others = true;
	open_world(&w, (struct world_options){.client = CLIENT_LOCAL,
		.caps = "PIPELINING", .certificate = &named_once});
	may_speak_for_others = false;
	world_say(&w, "XCLIENT ADDR=192.0.2.9\r\n");
	world_say(&w, EHLO);
	world_say(&w, OUR_MAIL);
	assert_int_equal(w.n_asked, 0);
	assert_int_equal(xo_relay_treatment(w.relay)->answer.verdict,
	    XO_VERDICT_UNAUTHENTICATED);
	close_world(&w);
}

/* Whoever is a stranger, or stands in the configuration, or says what is no
 * domain, has nobody asked. */
static void
test_not_asked(void **state)
{
	static const struct {
		enum world_client client;
		const char *say, *codes;
	} rows[] = {
		{CLIENT_STRANGER, OUR_MAIL OWN_RCPT, "250 250"},
		{CLIENT_STRANGER, "MAIL FROM:<>\r\n" OWN_RCPT, "250 250"},
		{CLIENT_STRANGER, XOORG_MAIL, "501"},
		{CLIENT_EXCHANGE, OUR_MAIL OWN_RCPT, "250 250"},
		{CLIENT_EXCHANGE, "MAIL FROM:<a@guest.example> "
		    "XOORG=contoso.com\r\n" OWN_RCPT, "250 550"},
		{CLIENT_EXCHANGE, "MAIL FROM:<a@b@guest.example> "
		    "XOORG=guest.example\r\n", "501"},
		{CLIENT_LOCAL, "MAIL FROM:<a@contoso.com>\r\n" OWN_RCPT,
		    "250 250"},
		{CLIENT_LOCAL, "MAIL FROM:<a@[192.0.2.1]>\r\n" OWN_RCPT,
		    "250 250"},
		{CLIENT_LOCAL, "MAIL FROM:<>\r\nRCPT TO:<r@contoso.com>\r\n"
		    OWN_RCPT, "250 250 250"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		open_world(&w, (struct world_options){
			.client = rows[i].client, .caps = "PIPELINING"});
		world_say(&w, rows[i].say);
		if (w.n_asked > 0)
			fail_msg("row %zu asks", i);
		must_have_said(&w, rows[i].codes);
		close_world(&w);
	}
}

/* What was sent behind it waits unread, whatever it is. */
static void
test_pipelined(void **state)
{
	static const struct {
		const char *behind, *codes;	/* with the answer's */
	} rows[] = {
		{OWN_RCPT OWN_RCPT, "250 250 250"},
		{OWN_RCPT "DATA\r\n", "250 250 354"},
		{OWN_RCPT "BDAT 14 LAST\r\nA: b\r\n\r\nbody\r\n",
		    "250 250 250"},
		{"RSET\r\n" XOORG_MAIL, "250 250 250"},
		{"QUIT\r\n", "250 221"},
		{"NOOP\r\nNOOP\r\n", "250 250 250"},
		{XOORG_MAIL, "250 503"},
		{"\n", "250 500"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		xo_guests_free(&guests);
		guests = xo_guests_new(8);
		open_world(&w, (struct world_options){
			.client = CLIENT_EXCHANGE,
			.caps = "PIPELINING CHUNKING ENHANCEDSTATUSCODES"});
		xo_buf_add_cstr(&w.in, XOORG_MAIL);
		world_say(&w, rows[i].behind);
		assert_true(xo_relay_is_waiting(w.relay));
		assert_int_equal(w.n_replies, 0);
		assert_int_equal(w.in.len, strlen(rows[i].behind));
		assert_int_equal(w.hop.n_acquires, 0);
		answer(&w, XO_KNOWN_TENANT, 1000);
		must_have_said(&w, rows[i].codes);
		assert_int_equal(w.n_asked, 1);
		close_world(&w);
	}
}

/* The client goes, and the answer comes too late. */
static void
test_client_gone(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		struct world w;
		bool is_final;

		come_to(&w, &places[i]);
		/* Behind the end of its content it is done all the same. */
		is_final = w.relay->front.state == FRONT_FINAL;
		world_leave(&w);
		assert_int_equal(w.is_closed, !is_final);
		assert_int_equal(xo_relay_wants_tenant(w.relay), is_final);
		if (is_final)
			answer(&w, XO_KNOWN_NOT_NOW, 0);
		else
			world_tell(&w);
		must_have_said(&w, places[i].codes);
		must_be_untouched(&w, &places[i]);
		assert_true(w.is_closed);
		close_world(&w);
	}
}

static void
test_shutdown(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		for (int is_final = 0; is_final < 2; is_final++) {
			struct world w;
			bool is_busy;

			come_to(&w, &places[i]);
			is_busy = xo_relay_is_busy(w.relay);
			assert_int_equal(is_busy, places[i].codes[0] != '\0');
			world_shutdown(&w, is_final);
			if (is_busy && !is_final) {
				assert_false(w.is_closed);
				answer(&w, XO_KNOWN_TENANT, 0);
				world_say(&w, places[i].behind);
			} else {
				assert_true(w.is_closed);
				assert_true(world_has(&w, "421 4.3.2"));
				world_tell(&w);
				must_be_untouched(&w, &places[i]);
			}
			close_world(&w);
		}
	}
}

/* Time: the question's own, and less where others wait. Not the client's. */
static void
test_time(void **state)
{
	struct world w;

	(void)state;
	come_to(&w, &places[0]);
	assert_int_equal(xo_relay_deadline(w.relay), w.now + 5000);
	w.policy.limits.lookup_timeout = 60000;
	xo_relay_set_pressed(w.relay, true);
	assert_int_equal(xo_relay_deadline(w.relay), w.now + 10000);
	assert_true(world_wait(&w));
	must_have_said(&w, "451");
	/* What comes too late changes nothing, and the next is asked anew. */
	world_tell(&w);
	must_have_said(&w, "451");
	world_say(&w, XOORG_MAIL);
	assert_int_equal(w.n_asked, 2);
	answer(&w, XO_KNOWN_TENANT, 0);
	must_have_said(&w, "451 250");
	close_world(&w);
}

/* An answer that was another question's is none. */
static void
test_another_question(void **state)
{
	struct world w;
	struct xo_key old;
	struct xo_guest *guest = make("guest", "guest.example", 1);

	(void)state;
	come_to(&w, &places[0]);
	old = (struct xo_key){XO_KEY_ORG, XO_LIT("guest.example")};
	world_wait(&w);
	world_say(&w, "MAIL FROM:<a@b.example> XOORG=b.example\r\n");
	assert_true(w.wants_tenant);
	assert_int_equal(xo_guests_put(guests, &old, XO_KNOWN_TENANT, &guest,
	    1000, 0), XO_KNOWN_TENANT);
	world_tell(&w);
	must_have_said(&w, "451 451");
	xo_guests_told(guests, &old);
	close_world(&w);
}

/* Not leniently read as long as it may be a tenant's. */
static void
test_lenient(void **state)
{
	static const struct {
		enum xo_knowledge known;
		const char *codes;
	} rows[] = {
		{XO_KNOWN_NOT_NOW, "451"}, {XO_KNOWN_TENANT, "501"},
		{XO_KNOWN_NOBODY, "250"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct world w;

		open_world(&w, (struct world_options){
			.client = CLIENT_EXCHANGE});
		w.listener.on[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_DEMOTE;
		world_say(&w, "MAIL FROM:root XOORG=guest.example\r\n");
		assert_true(w.wants_tenant);
		answer(&w, rows[i].known, 0);
		must_have_said(&w, rows[i].codes);
		close_world(&w);
	}
}

/* One session, two transactions, two tenants: nothing is left of the first. */
static void
test_two_mails(void **state)
{
	struct world w;
	struct xo_guest *guest;
	struct xo_key key;
	size_t n_pinned;

	(void)state;
	come_to(&w, &places[0]);
	answer(&w, XO_KNOWN_TENANT, 100000);
	world_say(&w, OWN_RCPT "RCPT TO:<r@b.example>\r\nDATA\r\n");
	world_say(&w, CONTENT);
	must_have_said(&w, "250 250 550 354 250");
	assert_string_equal(w.last_tenant, "guest");
	(void)xo_guests_count(guests, &n_pinned);
	assert_int_equal(n_pinned, 0);
	w.n_replies = 0;
	world_say(&w, "MAIL FROM:<a@b.example> XOORG=b.example\r\n");
	key = w.asked;
	guest = make("b", "b.example", 0);
	assert_int_equal(xo_guests_put(guests, &key, XO_KNOWN_TENANT, &guest,
	    0, 0), XO_KNOWN_TENANT);
	world_tell(&w);
	xo_guests_told(guests, &key);
	(void)xo_guests_count(guests, &n_pinned);
	assert_int_equal(n_pinned, 1);
	world_say(&w, OWN_RCPT "RCPT TO:<r@b.example>\r\nDATA\r\n");
	world_say(&w, CONTENT);
	must_have_said(&w, "250 550 250 354 250");
	assert_string_equal(w.last_tenant, "b");
	assert_int_equal(w.acquired, 0);
	assert_true(world_span_has(xo_buf_span(&w.commits[1].content),
	    "policy.tenant=b"));
	/* What is known is not asked for. */
	w.n_replies = 0;
	world_say(&w, XOORG_MAIL OWN_RCPT);
	must_have_said(&w, "250 250");
	assert_int_equal(w.n_asked, 2);
	close_world(&w);
}

/* Between MAIL and the content its record is replaced, expires, and all slots are
 * wanted by others. */
static void
test_pinned(void **state)
{
	struct world w;
	struct xo_guest *guest = make("guest", "guest.example", 0);
	struct xo_key key = {XO_KEY_ORG, XO_LIT("guest.example")};

	(void)state;
	come_to(&w, &places[0]);
	answer(&w, XO_KNOWN_TENANT, 10);
	world_say(&w, OWN_RCPT "DATA\r\n");
	((struct record *)(void *)guest)->guest.tenant.name = XO_LIT("new");
	assert_int_equal(xo_guests_put(guests, &key, XO_KNOWN_TENANT, &guest,
	    0, 0), XO_KNOWN_TENANT);
	xo_guests_told(guests, &key);
	for (int i = 0; i < 20; i++) {
		char domain[32];

		(void)snprintf(domain, sizeof(domain), "d%d.example", i);
		key.domain = xo_span_from_cstr(domain);
		guest = make("d", domain, 0);
		assert_int_equal(xo_guests_put(guests, &key, XO_KNOWN_TENANT,
		    &guest, 100000, 0), XO_KNOWN_TENANT);
		xo_guests_told(guests, &key);
	}
	w.now += 60000;
	world_say(&w, CONTENT);
	must_have_said(&w, "250 250 354 250");
	assert_string_equal(w.last_tenant, "guest");
	assert_true(world_span_has(xo_buf_span(&w.commits[0].content),
	    "policy.tenant=guest"));
	close_world(&w);
}

/* The next hop is lost while the answer is awaited, and another is told the
 * envelope; or there is none. */
static void
test_next_hop_lost(void **state)
{
	static const struct hop_plan plans[] = {
		{.phase = HOP_RCPT, .connection = 1, .reply = "250 2.1.5 ok\r\n",
		    .closes = true},
	};

	(void)state;
	for (int is_reused = 0; is_reused < 2; is_reused++) {
		struct world w;

		open_world(&w, (struct world_options){.client = CLIENT_LOCAL,
			.caps = "PIPELINING XOORG", .has_message_xoorg = true,
			.is_reused = is_reused != 0, .plans = plans,
			.n_plans = 1});
		world_say(&w, "MAIL FROM:<>\r\nRCPT TO:<r@contoso.com>\r\n"
		    "DATA\r\n");
		world_say(&w, BROUGHT);
		if (is_reused) {
			assert_true(w.wants_tenant);
			answer(&w, XO_KNOWN_TENANT, 1000);
			must_have_said(&w, "250 250 354 250");
			assert_int_equal(w.n_commits, 1);
		} else {
			must_have_said(&w, "250 250 354 451");
			assert_false(w.wants_tenant);
		}
		close_world(&w);
	}
}

/* Many sessions of many tenants, some of the configuration and some asked for, a
 * few at a time over one small cache, and a source that lies, fails and is slow. */

enum { OWN = 10, KNOWN = 45, TENANTS = 50, SEATS = 4, SESSIONS = 20000 };

/* Beside tenants: nobody, and two at once. */
enum { NONE = -1, TORN = -2 };

struct seat {
	struct world w;
	enum { SEAT_FREE, SEAT_MAIL, SEAT_RCPT, SEAT_DATA, SEAT_BODY } at;
	bool is_exchange, is_named, has_recipient;
	int claim;			/* by its certificate */
	bool is_asked;			/* for a name of that */
	struct xo_span names[2];
	struct xo_certificate certificate;
	int org, sender, n_mails;
	size_t n_replies;		/* seen */
};

static char domains[TENANTS][16], seconds[TENANTS][24];
static struct xo_span domain_spans[TENANTS], name_spans[TENANTS][2];
static struct xo_tenant own[OWN];
static uint64_t seed, now;
static size_t n_delivered, n_later, n_guests_delivered, n_named_delivered,
    n_torn;

static size_t
draw(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 11) % n;
}

/* The reference. A source has those from OWN on, up to KNOWN. */

static uint16_t
want_mail(const struct seat *s)
{
	if (s->is_named)
		return s->claim < 0 || s->claim == s->sender ? 250 : 550;
	if (!s->is_exchange)
		return 250;
	return s->org < KNOWN && s->org == s->sender ? 250 : 550;
}

static uint16_t
want_rcpt(const struct seat *s, int to)
{
	return !s->is_exchange || to == s->org ? 250 : 550;
}

/* Whose it is in the end. */
static int
whose(const struct seat *s)
{
	if (s->is_named)
		return s->claim < 0 ? NONE : s->claim;
	return s->org < KNOWN ? s->org : NONE;
}

/* A stranger's goes to demote_to. */
static int
want_upstream(const struct seat *s)
{
	return whose(s) != NONE ? whose(s) % 2 : s->is_named;
}

static const char *
want_tenant(const struct seat *s)
{
	return whose(s) != NONE ? domains[whose(s)] : "";
}

/* By its name: the file that is shown is that of the name. */
static const char *
shown_to_next_hop(const struct seat *s)
{
	static char name[32];
	const struct xo_tenant *t = xo_tenant_at(&s->w.policy,
	    s->w.acquired_tenant);

	(void)snprintf(name, sizeof(name), "%.*s",
	    t != NULL ? (int)t->name.len : 0,
	    t != NULL ? (const char *)t->name.p : "");
	return name;
}

static void
shape_crowd(struct world *w)
{
	w->policy.guests = guests;
	w->policy.guests_have_certificates = true;
	w->policy.tenants = own;
	w->policy.n_tenants = OWN;
	add_peer(w);
}

/* The tenant of a domain or a name: its number stands in both. */
static int
number_of(struct xo_span domain)
{
	int n = 0;

	for (size_t i = 0; i < domain.len; i++)
		if (xo_ascii_is_digit(domain.p[i]))
			n = 10 * n + (domain.p[i] - '0');
	return n;
}

/* True: it is told. */
static bool
crowd_put(const struct xo_key *key)
{
	int who = number_of(key->domain);
	enum xo_knowledge known = who < KNOWN ? XO_KNOWN_TENANT :
	    XO_KNOWN_NOBODY;
	struct xo_guest *guest = NULL;

	if (draw(6) == 0)
		known = XO_KNOWN_NOT_NOW;
	else if (draw(6) == 0) {
		/* Another's record. */
		known = XO_KNOWN_TENANT;
		who = (who + 1 + (int)draw(TENANTS - 1)) % TENANTS;
	}
	if (known == XO_KNOWN_TENANT)
		guest = make(domains[who], domains[who], who % 2);
	return xo_guests_put(guests, key, known, &guest,
	    (uint32_t)(draw(3) * 5000), (uint32_t)(draw(3) * 5000)) !=
	    XO_KNOWN_NOT_NOW;
}

static void
crowd_answer(struct seat *s)
{
	bool is_told[XO_OPEN_NAMES_MAX + 1];
	size_t n = s->w.n_asked_keys;

	xo_guests_set_time(guests, now);
	for (size_t i = 0; i < n; i++)
		is_told[i] = crowd_put(&s->w.asked_keys[i]);
	world_tell(&s->w);
	for (size_t i = 0; i < n; i++)
		if (is_told[i])
			xo_guests_told(guests, &s->w.asked_keys[i]);
	world_settle(&s->w);
}

static void
crowd_say(struct seat *s, const char *before, int who, const char *behind)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "%s@%s>%s\r\n", before,
	    domains[who], behind);
	world_say(&s->w, line);
}

static uint16_t
crowd_reply(struct seat *s)
{
	if (s->w.n_replies != s->n_replies + 1)
		fail_msg("%zu replies, not %zu", s->w.n_replies,
		    s->n_replies + 1);
	return s->w.replies[s->n_replies++];
}

/* A name or two, of one tenant, of two, or of nobody's. */
static void
crowd_name(struct seat *s)
{
	size_t n = 1 + draw(2);

	s->claim = NONE;
	s->is_asked = false;
	for (size_t i = 0; i < n; i++) {
		int who = i == 0 || draw(2) == 0 ? (int)draw(TENANTS) :
		    number_of(s->names[0]);

		s->names[i] = name_spans[who][draw(2)];
		s->is_asked |= who >= OWN;
		if (who < KNOWN)
			s->claim = s->claim == NONE || s->claim == who ? who :
			    TORN;
	}
	s->certificate = (struct xo_certificate){.is_present = true,
		.dns_names = s->names, .n_dns_names = n,
		.is_chain_valid = true};
}

static void
crowd_begin(struct seat *s)
{
	struct world_options o = {.caps = "PIPELINING", .shape = shape_crowd};

	s->is_exchange = draw(2) == 0;
	s->is_named = !s->is_exchange && draw(2) == 0;
	o.client = s->is_exchange ? CLIENT_EXCHANGE :
	    s->is_named ? CLIENT_STRANGER : CLIENT_LOCAL;
	if (s->is_named) {
		crowd_name(s);
		o.certificate = &s->certificate;
	}
	assert_true(world_init(&s->w, &o));
	s->w.now = now;
	world_say(&s->w, EHLO);
	if (s->is_exchange || s->is_named) {
		world_say(&s->w, "STARTTLS\r\n");
		world_say(&s->w, EHLO);
	}
	s->n_replies = s->w.n_replies;
	s->n_mails = 1 + (int)draw(3);
	s->at = SEAT_MAIL;
}

static void
crowd_mail(struct seat *s)
{
	char xoorg[64];

	s->org = s->is_named && s->claim >= 0 ? s->claim :
	    (int)draw(TENANTS);
	s->sender = (s->is_exchange || s->is_named) && draw(4) == 0 ?
	    (int)draw(TENANTS) : s->org;
	s->has_recipient = false;
	(void)snprintf(xoorg, sizeof(xoorg), " XOORG=%s", domains[s->org]);
	crowd_say(s, "MAIL FROM:<u", s->sender, s->is_exchange ? xoorg : "");
	s->at = SEAT_RCPT;
}

/* MAIL's reply has come, and a recipient is told. */
static void
crowd_rcpt(struct seat *s)
{
	int to = draw(2) == 0 ? s->org : (int)draw(TENANTS);
	uint16_t got = crowd_reply(s), want = want_mail(s);

	if (got == 451 && (s->is_named ? s->is_asked : s->org >= OWN)) {
		n_later++;
		s->at = SEAT_MAIL;
		return;
	}
	assert_int_equal(got, want);
	s->at = SEAT_MAIL;
	if (want != 250)
		return;
	crowd_say(s, "RCPT TO:<r", to, "");
	got = crowd_reply(s);
	assert_int_equal(got, want_rcpt(s, to));
	s->at = SEAT_DATA;
	if (got != 250)
		return;
	s->has_recipient = true;
	assert_int_equal(s->w.acquired, want_upstream(s));
	assert_string_equal(shown_to_next_hop(s), want_tenant(s));
}

static void
crowd_data(struct seat *s)
{
	world_say(&s->w, s->has_recipient ? "DATA\r\n" : "RSET\r\n");
	assert_int_equal(crowd_reply(s), s->has_recipient ? 354 : 250);
	s->at = s->has_recipient ? SEAT_BODY : SEAT_MAIL;
}

static void
crowd_body(struct seat *s)
{
	const struct commit *c;
	char want[64];

	world_say(&s->w, CONTENT);
	assert_int_equal(crowd_reply(s), 250);
	assert_string_equal(s->w.last_tenant, want_tenant(s));
	c = &s->w.commits[s->w.n_commits - 1];
	(void)snprintf(want, sizeof(want), "policy.tenant=%s ",
	    domains[s->org]);
	assert_int_equal(world_span_has(xo_buf_span(&c->content), want),
	    s->is_exchange);
	(void)snprintf(want, sizeof(want), "MAIL FROM:<u@%s>",
	    domains[s->sender]);
	assert_true(world_span_has(xo_buf_span(&c->envelope), want));
	n_delivered++;
	n_guests_delivered += whose(s) >= OWN;
	n_named_delivered += s->is_named && whose(s) >= OWN;
	n_torn += s->is_named && s->claim == TORN;
	s->at = SEAT_MAIL;
}

/* True: a session is over. */
static bool
crowd_step(struct seat *s)
{
	static void (*const steps[])(struct seat *) = {
		[SEAT_FREE] = crowd_begin, [SEAT_MAIL] = crowd_mail,
		[SEAT_RCPT] = crowd_rcpt, [SEAT_DATA] = crowd_data,
		[SEAT_BODY] = crowd_body,
	};
	bool is_over;

	now += draw(100);
	s->w.now = now;
	if (s->at != SEAT_FREE && s->w.wants_tenant && draw(8) != 0) {
		if (draw(8) == 0)
			(void)world_wait(&s->w);
		else
			crowd_answer(s);
		now = s->w.now;
	} else if (s->at == SEAT_FREE || !s->w.wants_tenant) {
		steps[s->at](s);
	}
	is_over = s->at == SEAT_MAIL ? s->n_mails-- == 0 : draw(50) == 0;
	if (!is_over)
		return false;
	world_leave(&s->w);
	world_tell(&s->w);
	close_world(&s->w);
	s->at = SEAT_FREE;
	return true;
}

static void
test_crowd(void **state)
{
	static struct seat seats[SEATS];
	size_t n_over = 0, n_pinned;

	(void)state;
	seed = 20260729;
	now = 1000;
	for (int i = 0; i < TENANTS; i++) {
		(void)snprintf(domains[i], sizeof(domains[i]), "t%d.example",
		    i);
		domain_spans[i] = xo_span_from_cstr(domains[i]);
		(void)snprintf(seconds[i], sizeof(seconds[i]), "erp.%s",
		    domains[i]);
		name_spans[i][0] = domain_spans[i];
		name_spans[i][1] = xo_span_from_cstr(seconds[i]);
	}
	for (int i = 0; i < OWN; i++)
		own[i] = (struct xo_tenant){.name = domain_spans[i],
			.originator_orgs = &domain_spans[i],
			.n_originator_orgs = 1,
			.sender_domains = &domain_spans[i],
			.n_sender_domains = 1,
			.recipient_domains = &domain_spans[i],
			.n_recipient_domains = 1,
			.certificate_names = name_spans[i],
			.n_certificate_names = 2,
			.has_upstream = true, .upstream = i % 2,
			.has_client_certificate = true};
	while (n_over < SESSIONS) {
		struct seat *s = &seats[draw(SEATS)];

		n_over += crowd_step(s);
		if (s->at != SEAT_FREE && s->w.violation[0] != '\0')
			fail_msg("%s", s->w.violation);
		(void)xo_guests_count(guests, &n_pinned);
		assert_true(n_pinned <= SEATS);
	}
	for (size_t i = 0; i < SEATS; i++)
		if (seats[i].at != SEAT_FREE)
			close_world(&seats[i].w);
	/* It is no test of refusals alone. */
	print_message("delivered %zu, of guests %zu, by name %zu, torn %zu, "
	    "later %zu\n", n_delivered, n_guests_delivered, n_named_delivered,
	    n_torn, n_later);
	assert_true(n_guests_delivered > 2000 && n_delivered >
	    n_guests_delivered && n_named_delivered > 500 && n_torn > 500 &&
	    n_later > 2000);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_not_now),
		TEST(test_nobody),
		TEST(test_tenant),
		TEST(test_names),
		TEST(test_named),
		TEST(test_names_behind_xclient),
		TEST(test_not_asked),
		TEST(test_pipelined),
		TEST(test_client_gone),
		TEST(test_shutdown),
		TEST(test_time),
		TEST(test_another_question),
		TEST(test_lenient),
		TEST(test_two_mails),
		TEST(test_pinned),
		TEST(test_next_hop_lost),
		TEST(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
