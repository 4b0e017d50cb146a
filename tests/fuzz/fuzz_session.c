/* SPDX-License-Identifier: ISC */
/*
 * Whole sessions over the pure relay, both peers hostile, in the world of the
 * unit tests and under the eyes of its bystander (unit/relay_watch.h), who
 * compares with an automaton of his own after every step. The first octets
 * choose client, certificate, policy and next hop; the rest is what the client sends,
 * with controls in it:
 *
 *   0xff  all that was sent is worked off   0xf8  the gateway stops
 *   0xfe  time passes to the deadline       0xf7  the next hop: 250
 *   0xfd  the next hop closes               0xf6  354
 *   0xfc  LENGTH octets of the next hop     0xf5  451
 *   0xfb  CRLF . CRLF                       0xf4  550
 *   0xfa  the client leaves                 0xf3  half a minute passes
 *   0xf9  the gateway drains            0xf2  HOW: a source of tenants answers
 *
 * A wild next hop (option) says nothing but by these; any other answers as
 * planned, and these come on top.
 */
#include <stdlib.h>
#include <string.h>

#include <unit/relay_watch.h>

#include "fuzz.h"

#define OPTIONS 8
#define FIRST_CONTROL 0xf2
#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const char *const caps[] = {
	"", "PIPELINING", "CHUNKING ENHANCEDSTATUSCODES", "PIPELINING CHUNKING",
	("PIPELINING CHUNKING DSN SIZE 8BITMIME BINARYMIME SMTPUTF8 "
	 "ENHANCEDSTATUSCODES"),
	"SIZE 100 DSN", "CHUNKING BINARYMIME XOORG", "XCLIENT XOORG PIPELINING",
};

static const char *const replies[] = {
	NULL, "250 ok\r\n", "250-a\r\n250 b\r\n", "451 later\r\n",
	"550 no\r\n", "421 bye\r\n", "354 go\r\n", "250-a\r\n451 b\r\n",
	"999 x\r\n", "250 text", "25", "250\n", "250-a\r\n", "\r\n",
	"550 no\r\n421 bye\r\n", "250 a\r\n250 b\r\n", "250 2.1.5 ok\r\n",
	"250 2.0.0 ok\r\n250 2.0.0 ok\r\n", "530 5.7.0 no\r\n",
};

/* Who comes by TLS, and whether that gives the right to XOORG. */
static const struct xo_span right_name[] = {S("mail.protection.outlook.com")};
static const struct xo_span upper_name[] = {
	S("other.example"), S("MAIL.PROTECTION.OUTLOOK.COM")
};
static const struct xo_span other_name[] = {S("mail.protection.outlook.co")};
static const struct xo_span nul_name[] = {
	S("mail.protection.outlook.com\0.evil.example")
};
static const struct xo_span wildcard[] = {S("*.protection.outlook.com")};
/* Of tenants, where they are asked for. */
static const struct xo_span named[] = {
	S("app.example"), S("other.example"), S("*.app.example"),
};

static const struct identity {
	struct xo_certificate certificate;
	int bits;
	bool gives_right;
} identities[] = {
	{{.is_present = true, .dns_names = right_name, .n_dns_names = 1,
	    .is_chain_valid = true}, 256, true},
	{{.is_present = false}, 256, false},
	{{.is_present = true, .dns_names = right_name, .n_dns_names = 1,
	    .flaw = "expired"}, 256, false},
	{{.is_present = true, .dns_names = upper_name, .n_dns_names = 2,
	    .is_chain_valid = true}, 256, true},
	{{.is_present = true, .dns_names = other_name, .n_dns_names = 1,
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .dns_names = nul_name, .n_dns_names = 1,
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .dns_names = wildcard, .n_dns_names = 1,
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .common_name = S("mail.protection.outlook.com"),
	    .is_chain_valid = true}, 256, true},
	{{.is_present = true, .dns_names = other_name, .n_dns_names = 1,
	    .common_name = S("mail.protection.outlook.com"),
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .dns_names = right_name, .n_dns_names = 1,
	    .is_chain_valid = true}, 56, false},
	{{.is_present = true, .dns_names = named, .n_dns_names = 1,
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .dns_names = named, .n_dns_names = 3,
	    .is_chain_valid = true}, 256, false},
	{{.is_present = true, .dns_names = named, .n_dns_names = 1,
	    .flaw = "expired"}, 256, false},
};

/* As in the random tests: a 250 too many in its place is believed. */
static void
set_plan(struct hop_plan *p, uint8_t a, uint8_t b)
{
	*p = (struct hop_plan){
		.phase = (enum hop_phase)((a & 7) % HOP_PHASE_COUNT),
		.connection = (a >> 3) & 3, .nth = (a >> 5) & 3,
		.reply = replies[b & 15], .closes = (b & 16) != 0,
		.is_silent = (b & 32) != 0, .commits = (b & 64) != 0,
	};
	if (p->phase != HOP_FINAL && ((b & 15) == 15 || (p->phase > HOP_RCPT &&
	    p->reply != NULL && p->reply[0] == '2')))
		p->reply = "451 later\r\n";
}

static void
set_options(struct world_options *o, struct hop_plan *plans,
    const uint8_t *data)
{
	set_plan(&plans[0], data[2], data[3]);
	set_plan(&plans[1], data[4], data[5]);
	*o = (struct world_options){
		.client = (enum world_client)((data[0] & 3) % 3),
		.caps = caps[(data[0] >> 2) & 7],
		.later_caps = caps[(data[0] >> 5) & 7],
		.is_reused = (data[1] & 1) != 0,
		.is_unknown = (data[1] & 2) != 0,
		.normalizes = (data[1] & 4) != 0,
		.is_safe = (data[1] & 8) != 0,
		.size_limit = (data[1] & 16) != 0 ? 300 : 0,
		.is_front_bytewise = (data[1] & 32) != 0,
		.is_hop_bytewise = (data[1] & 64) != 0,
		.is_hop_first = (data[1] & 128) != 0,
		.is_lmtp = (data[2] & 128) != 0,
		.has_message_xoorg = (data[3] & 128) != 0,
		.is_wild = (data[7] & 1) != 0,
		.repairs = (data[2] & 64) != 0,
		.holes = data[7] >> 1 | (data[3] & 128U),
		.plans = plans, .n_plans = data[2] == 0 ? 0 : 2,
	};
}

/* Guests: of what was asked for last, or of what nobody has asked for. */

static struct xo_guests *guests;

struct record {
	struct xo_guest guest;
	struct xo_span domain;
	uint8_t octets[XO_DOMAIN_MAX];
};

static void
free_record(struct xo_guest *guest)
{
	free(guest);
}

static struct xo_guest *
make_guest(struct xo_span domain, bool is_odd)
{
	struct record *r = calloc(1, sizeof(*r));

	MUST(r != NULL);
	memcpy(r->octets, domain.p, domain.len);
	r->domain = xo_span(r->octets, domain.len);
	r->guest = (struct xo_guest){.free = free_record, .tenant = {
		.name = is_odd ? XO_LIT("odd") : XO_LIT("guest"),
		.certificate_names = &r->domain, .n_certificate_names = 1,
		.originator_orgs = &r->domain, .n_originator_orgs = 1,
		.sender_domains = &r->domain,
		.n_sender_domains = is_odd ? 1 : 0,
		.recipient_domains = &r->domain, .n_recipient_domains = 1,
		.relay = is_odd, .has_upstream = is_odd, .upstream = 1}};
	return &r->guest;
}

/* True: it is to be told. */
static bool
put(struct xo_key *key, uint8_t how)
{
	struct xo_span domain = (how & 4) == 0 && key->domain.len > 0 ?
	    key->domain : XO_LIT("other.example");
	enum xo_knowledge known = (enum xo_knowledge)(how & 3);
	struct xo_guest *guest = NULL;
	bool is_told;

	if ((how & 8) != 0)
		key->domain = domain;
	if (known >= XO_KNOWN_TENANT)
		guest = make_guest(domain, (how & 16) != 0);
	is_told = xo_guests_put(guests, key, known, &guest,
	    (how & 32) != 0 ? 60000 : 0, (how & 64) != 0 ? 120000 : 0) !=
	    XO_KNOWN_NOT_NOW;
	MUST(guest == NULL);
	return is_told;
}

/* `how`: what is known, whether of another, for how long; with the highest bit the
 * keys behind the first are known otherwise. */
static void
tell(struct world *w, uint8_t how)
{
	struct xo_key keys[XO_OPEN_NAMES_MAX + 1];
	bool is_told[XO_OPEN_NAMES_MAX + 1];
	size_t n = w->n_asked_keys;

	if (guests == NULL)
		return;
	xo_guests_set_time(guests, w->now);
	for (size_t i = 0; i < n; i++) {
		keys[i] = w->asked_keys[i];
		is_told[i] = put(&keys[i], i > 0 && (how & 128) != 0 ?
		    how ^ 17 : how);
	}
	world_tell(w);
	for (size_t i = 0; i < n; i++)
		if (is_told[i])
			xo_guests_told(guests, &keys[i]);
}

static void
shape(struct world *w)
{
	static const int listed[] = {0, 1, 2};
	static struct xo_peer peers[3];

	w->policy.guests = guests;
	if (guests == NULL || w->listener.n_peers != 2)
		return;
	memcpy(peers, w->policy.peers, 2 * sizeof(peers[0]));
	peers[2] = (struct xo_peer){.has_tenant_names = true,
		.rights = XO_RIGHT_RELAY,
		.bad_certificate = XO_BAD_CERTIFICATE_UNTRUSTED};
	w->policy.peers = peers;
	w->policy.n_peers = w->listener.n_peers = 3;
	w->listener.peers = listed;
}

static void
control(struct world *w, uint8_t c, struct xo_span *rest)
{
	static const char *const words[] = {
		[0xf7 - 0xf4] = "250 2.0.0 ok\r\n",
		[0xf6 - 0xf4] = "354 go\r\n",
		[0xf5 - 0xf4] = "451 4.0.0 later\r\n",
		[0xf4 - 0xf4] = "550 5.0.0 no\r\n",
	};
	size_t n;

	if (c >= 0xf4 && c <= 0xf7 && w->options.is_wild)
		world_hop_says(w, xo_span_from_cstr(words[c - 0xf4]));
	else if (c == 0xfe)
		(void)world_wait(w);
	else if (c == 0xfd)
		w->hop.closes = true;
	else if (c == 0xfb)
		world_say(w, "\r\n.\r\n");
	else if (c == 0xfa)
		world_leave(w);
	else if (c == 0xf9 || c == 0xf8)
		world_shutdown(w, c == 0xf8);
	else if (c == 0xf3)
		w->now += 30000;
	if (c == 0xf2 && rest->len > 0) {
		tell(w, rest->p[0]);
		*rest = xo_span_from(*rest, 1);
	}
	if (c == 0xfc && rest->len > 0) {
		n = rest->p[0];
		if (w->options.is_wild)
			world_hop_says(w, xo_span_first(xo_span_from(*rest, 1),
			    n));
		*rest = xo_span_from(*rest, n + 1);
	}
	if (!w->is_closed)
		world_settle(w);
}

static void
play(struct world *w, struct xo_span in)
{
	while (in.len > 0 && !w->is_closed && w->violation[0] == '\0') {
		size_t n = 0;
		uint8_t c;

		while (n < in.len && in.p[n] < FIRST_CONTROL)
			n++;
		if (n > 0 && !w->is_gone)
			world_send(w, xo_span_first(in, n));
		if (n == in.len)
			break;
		c = in.p[n];
		in = xo_span_from(in, n + 1);
		if (!w->is_closed)
			control(w, c, &in);
	}
}

/* Whatever still happens: a closed session says nothing. */
static void
prod(struct world *w)
{
	struct xo_relay *r = w->relay;
	struct xo_action action;

	if (!w->is_closed)
		return;
	MUST(xo_relay_deadline(r) == UINT64_MAX);
	xo_relay_set_time(r, w->now + 10000000, 1700000000);
	xo_relay_timer(r);
	(void)xo_relay_front_bytes(r, XO_LIT("NOOP\r\nEHLO x\r\n"));
	(void)xo_relay_back_bytes(r, XO_LIT("250 ok\r\n"));
	xo_relay_back_closed(r);
	xo_relay_back_failed(r, XO_REFUSAL_UPSTREAM_CONNECT, xo_span(NULL, 0));
	xo_relay_caps_arrived(r);
	xo_relay_tenant_arrived(r);
	xo_relay_tls_done(r, NULL, "TLSv1.3", 256);
	xo_relay_front_closed(r);
	xo_relay_shutdown(r, true);
	MUST(!xo_relay_next(r, &action));
}

static void
run(struct world *w, const struct world_options *options, struct xo_span in)
{
	MUST(world_init(w, options));
	world_say(w, "EHLO c.example\r\n");
	if (options->client == CLIENT_EXCHANGE) {
		world_say(w, "STARTTLS\r\n");
		world_say(w, "EHLO c.example\r\n");
	}
	play(w, in);
	if (!w->is_closed)
		world_leave(w);
	for (size_t i = 0; i < 20 && !w->is_closed && world_wait(w); i++)
		;
	if (w->violation[0] != '\0') {
		fprintf(stderr, "%s\n%.*s", w->violation, (int)w->transcript.len,
		    (const char *)w->transcript.p);
		abort();
	}
	prod(w);
}

/* Nobody is left that a session worked with. */
static void
check_guests(void)
{
	size_t n_pinned;

	(void)xo_guests_count(guests, &n_pinned);
	MUST(n_pinned == 0);
	xo_guests_free(&guests);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static struct watch watch;
	struct world_options options;
	struct hop_plan plans[2];
	const struct identity *identity;

	if (size < OPTIONS)
		return 0;
	set_options(&options, plans, data);
	identity = &identities[data[6] %
	    (sizeof(identities) / sizeof(identities[0]))];
	options.certificate = &identity->certificate;
	options.bits = identity->bits;
	options.watch = &watch.hook;
	guests = data[6] >= 128 ? xo_guests_new(3) : NULL;
	options.shape = shape;
	watch_init(&watch, &w);
	watch.gives_right = identity->gives_right &&
	    (options.holes & HOLE_PEERS) == 0;
	run(&w, &options, xo_span(data + OPTIONS, size - OPTIONS));
	world_fini(&w);
	watch_fini(&watch);
	if (guests != NULL)
		check_guests();
	return 0;
}
