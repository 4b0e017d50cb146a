/* SPDX-License-Identifier: ISC */
/* See relay_world.h. The next hop reads as strictly as one can. */
#include "relay_world.h"

#include <stdio.h>
#include <stdlib.h>

#include <relay/relay_internal.h>
#include <xoorg/tenants.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define ROUNDS_MAX 200000

bool world_is_inside;

#define INSIDE(call) \
	do { \
		world_is_inside = true; \
		call; \
		world_is_inside = false; \
	} while (false)

void
world_violate(struct world *w, const char *text)
{
	if (w->violation[0] == '\0')
		(void)snprintf(w->violation, sizeof(w->violation), "%s", text);
}

static void
show(struct world *w, enum world_seen what, struct xo_span s)
{
	if (w->options.watch != NULL)
		w->options.watch->saw(w->options.watch, what, s);
}

static void
note(struct world *w, const char *who, struct xo_span s)
{
	static const char hex[] = "0123456789abcdef";
	struct xo_buf *t = &w->transcript;

	if (t->len > 64 * 1024)
		return;
	xo_buf_add_cstr(t, who);
	s = xo_span_first(s, 400);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c >= 32 && c < 127) {
			xo_buf_add_byte(t, c);
		} else if (c == '\r' || c == '\n') {
			xo_buf_add_cstr(t, c == '\r' ? "\\r" : "\\n");
		} else {
			xo_buf_add_cstr(t, "\\x");
			xo_buf_add_byte(t, (uint8_t)hex[c >> 4]);
			xo_buf_add_byte(t, (uint8_t)hex[c & 15]);
		}
	}
	xo_buf_add_byte(t, '\n');
}

/* The policy */

static const struct xo_span exchange_names[] = {
	S("mail.protection.outlook.com")
};
static const struct xo_network loopback[] = {
	{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}}, 104}
};
static const struct xo_peer peers[] = {
	{.name = S("exchange"), .names = exchange_names, .n_names = 1,
	    .rights = XO_RIGHT_XOORG},
	{.name = S("local"), .networks = loopback, .n_networks = 1,
	    .rights = XO_RIGHT_RELAY},
};
static const int listener_peers[] = {0, 1};
static const struct xo_span contoso[] = {S("contoso.com")};
static const struct xo_tenant usual_tenant = {
	.name = S("contoso"), .originator_orgs = contoso,
	.n_originator_orgs = 1, .recipient_domains = contoso,
	.n_recipient_domains = 1,
};

static const struct xo_limits usual_limits = {
	.line_octets = 4096, .recipients = 10, .errors = 5, .resets = 3,
	.empty_chunks = 5,
	.header_octets = 2000, .header_fields = 20, .data_rate = 500,
	.data_grace = 60000, .load_timeout = 10000,
	.command_timeout = 300000, .request_timeout = 60000,
	.handshake_timeout = 30000, .content_timeout = 180000,
	.connect_timeout = 30000, .greeting_timeout = 60000,
	.mail_timeout = 300000, .data_timeout = 180000,
	.final_timeout = 600000, .lookup_timeout = 5000,
};

/* A policy that nobody should write, and somebody will. */
static void
make_holes(struct world *w, unsigned int holes)
{
	if ((holes & HOLE_UPSTREAM) != 0)
		w->listener.has_upstream = false;
	if ((holes & HOLE_DEMOTE_TO) != 0)
		w->listener.has_demote_to = false;
	if ((holes & HOLE_TENANTS) != 0)
		w->policy.n_tenants = 0;
	if ((holes & HOLE_PEERS) != 0)
		w->listener.n_peers = 0;
	w->tenant.upstream = 1;
	w->tenant.has_upstream = (holes & HOLE_TENANT_UPSTREAM) != 0;
	w->known[1].serves_tenants = w->tenant.has_upstream;
	for (size_t i = 0; i < 2; i++)
		w->upstreams[i].has_tenant_certificate =
		    (holes & HOLE_CERTIFICATE) != 0;
	if ((holes & HOLE_OBSERVE) != 0)
		w->listener.mode = XO_MODE_OBSERVE;
	for (size_t v = XO_VERDICT_UNKNOWN_ORG; (holes & HOLE_ACCEPT) != 0 &&
	    v < XO_VERDICT_COUNT; v++)
		w->listener.on[v] = XO_DECISION_ACCEPT;
}

static void
set_policy(struct world *w)
{
	const struct world_options *o = &w->options;
	int first, second;

	w->tenant = usual_tenant;
	w->listener = (struct xo_listener){
		.name = S("test"), .peers = listener_peers, .n_peers = 2,
		.has_tls = true, .has_upstream = true, .upstream = 0,
		.has_demote_to = true, .demote_to = 1,
		.size_limit = o->size_limit, .is_safe = o->is_safe,
		.bare_newline = o->normalizes ? XO_BARE_NEWLINE_NORMALIZE :
		    XO_BARE_NEWLINE_REJECT,
		.malformed_header = o->repairs ? XO_MALFORMED_HEADER_REPAIR :
		    XO_MALFORMED_HEADER_REFUSE,
		.on = {
			[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT,
			[XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
			[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT,
			[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE,
		},
	};
	w->upstreams[0].name = (struct xo_span)S("postfix");
	w->upstreams[1].name = (struct xo_span)S("inbound");
	for (size_t i = 0; i < 2; i++) {
		w->upstreams[i].protocol = o->is_lmtp ? XO_PROTOCOL_LMTP :
		    XO_PROTOCOL_SMTP;
		w->upstreams[i].xoorg_source = o->has_message_xoorg ?
		    XO_XOORG_MESSAGE : XO_XOORG_NONE;
	}
	w->policy = (struct xo_policy){
		.hostname = S("gw.contoso.com"), .peers = peers, .n_peers = 2,
		.tenants = &w->tenant, .n_tenants = 1, .listeners = &w->listener,
		.n_listeners = 1, .upstreams = w->upstreams, .n_upstreams = 2,
		.limits = o->limits.recipients != 0 ? o->limits : usual_limits,
	};
	if (w->policy.limits.line_octets == 0)
		w->policy.limits.line_octets = usual_limits.line_octets;
	make_holes(w, o->holes);
	if (o->shape != NULL)
		o->shape(w);
	if (xo_tenants_index(&w->policy, &first, &second) != XO_OK)
		abort();
}

static void
set_caps(struct xo_caps *caps, const char *words)
{
	struct xo_span rest = xo_span_from_cstr(words);

	memset(caps, 0, sizeof(*caps));
	while (rest.len > 0) {
		size_t n = xo_span_find(rest, ' ');

		xo_caps_add_line(caps, xo_span_first(rest, n), NULL);
		rest = xo_span_from(rest, n + 1);
	}
}

/* The next hop */

static const struct hop_plan *
plan_for(struct world *w, enum hop_phase phase)
{
	struct hop *h = &w->hop;

	h->n[phase]++;
	for (size_t i = 0; i < w->options.n_plans; i++) {
		const struct hop_plan *p = &w->options.plans[i];

		if (p->phase == phase &&
		    (p->connection == 0 || p->connection == h->n_connections) &&
		    (p->nth == 0 || p->nth == h->n[phase]))
			return p;
	}
	return NULL;
}

/* Octets of the first reply in `s` if it is a whole 250; else 0. */
static size_t
whole_250(struct xo_span s)
{
	size_t at = 0;

	for (;;) {
		struct xo_span line = xo_span_from(s, at);
		size_t lf = xo_span_find(line, '\n');

		if (lf == line.len || lf < 3 || memcmp(line.p, "250", 3) != 0)
			return 0;
		at += lf + 1;
		if (line.p[3] != '-')
			return at;
	}
}

static void
hop_utter(struct world *w, const char *text)
{
	w->hop.has_said_5xx |= strstr(text, "5") == text ||
	    strstr(text, "\n5") != NULL;
	if (!w->hop.is_silent && !w->hop.closes && !w->options.is_wild)
		xo_buf_add_cstr(&w->hop.out, text);
}

/* True: the plan's words, or none, instead of the usual ones. */
static bool
hop_follow(struct world *w, const struct hop_plan *p, const char *usual)
{
	struct hop *h = &w->hop;

	if (p == NULL) {
		hop_utter(w, usual);
		return false;
	}
	if (p->is_behind)
		hop_utter(w, usual);
	if (p->reply != NULL)
		hop_utter(w, p->reply);
	if (p->is_before)
		hop_utter(w, usual);
	h->is_silent |= p->is_silent;
	h->closes |= p->closes;
	return !p->is_before && !p->is_behind;
}

static bool
is_good(const struct hop_plan *p)
{
	return p == NULL || p->is_before || p->is_behind ||
	    (p->reply != NULL && p->reply[0] == '2' &&
	    strstr(p->reply, "\n4") == NULL);
}

static void
hop_forget(struct hop *h)
{
	h->has_mail = h->is_spoilt = h->has_begun = false;
	h->waits_for_354 = false;
	h->n_rcpts = 0;
	xo_buf_clear(&h->envelope);
	xo_buf_clear(&h->content);
	h->state = HOP_IN_COMMAND;
}

static void
hop_commit(struct world *w, bool by_data)
{
	struct commit *c = &w->commits[w->n_commits];

	if (w->n_commits == WORLD_COMMITS) {
		world_violate(w, "world: too many commits");
		return;
	}
	c->n_rcpts = w->hop.n_rcpts;
	c->by_data = by_data;
	xo_buf_add(&c->envelope, xo_buf_span(&w->hop.envelope));
	xo_buf_add(&c->content, xo_buf_span(&w->hop.content));
	w->n_commits++;
}

/* Octets of as many 250s as were asked for; 0: there are not. */
static size_t
whole_250s(struct world *w, size_t start)
{
	size_t n = w->options.is_lmtp ? w->hop.n_rcpts : 1, at = start;

	for (; n > 0; n--) {
		size_t len = whole_250(xo_span_from(xo_buf_span(&w->hop.out),
		    at));

		if (len == 0)
			return 0;
		at += len;
	}
	return at;
}

/* The content is whole. */
static void
hop_final(struct world *w, bool by_data)
{
	struct hop *h = &w->hop;
	const struct hop_plan *p;
	char usual[64];
	size_t start = h->out.len, end;

	if (w->is_gone && w->relay->front.state != FRONT_FINAL)
		world_violate(w, "content completed for a client that is gone");
	if (h->is_spoilt || h->n_rcpts == 0) {
		hop_utter(w, "503 5.5.1 no\r\n");
		hop_forget(h);
		return;
	}
	p = plan_for(w, HOP_FINAL);
	(void)snprintf(usual, sizeof(usual), "250 2.0.0 queued as %zu\r\n",
	    w->n_commits);
	if (is_good(p) || p->commits)
		hop_commit(w, by_data);
	if (!hop_follow(w, p, usual))
		for (size_t i = 1; w->options.is_lmtp && i < h->n_rcpts; i++)
			hop_utter(w, usual);
	end = whole_250s(w, start);
	if (end > 0 && !h->has_final_250) {
		h->has_final_250 = true;
		h->final_end = end;
	}
	hop_forget(h);
}

static void
hop_mail(struct world *w, struct xo_span line)
{
	const struct hop_plan *p = plan_for(w, HOP_MAIL);

	if (w->hop.has_mail)
		world_violate(w, "nested MAIL to the next hop");
	hop_forget(&w->hop);
	(void)hop_follow(w, p, "250 2.1.0 ok\r\n");
	w->hop.has_mail = is_good(p);
	xo_buf_add(&w->hop.envelope, line);
}

static void
hop_rcpt(struct world *w, struct xo_span line)
{
	const struct hop_plan *p;

	if (!w->hop.has_mail) {
		hop_utter(w, "503 5.5.1 MAIL first\r\n");
		return;
	}
	p = plan_for(w, HOP_RCPT);
	(void)hop_follow(w, p, "250 2.1.5 ok\r\n");
	if (!is_good(p))
		return;
	w->hop.n_rcpts++;
	xo_buf_add(&w->hop.envelope, line);
}

static void
hop_data(struct world *w)
{
	const struct hop_plan *p;

	if (w->hop.n_rcpts == 0) {
		hop_utter(w, "554 5.5.1 no valid recipients\r\n");
		return;
	}
	p = plan_for(w, HOP_DATA);
	(void)hop_follow(w, p, "354 go\r\n");
	if (p == NULL || p->is_before || p->is_behind || p->is_silent ||
	    (p->reply != NULL && p->reply[0] == '3')) {
		w->hop.state = HOP_IN_DATA;
		w->hop.waits_for_354 = true;
	}
}

static void
hop_chunk_end(struct world *w)
{
	struct hop *h = &w->hop;
	const struct hop_plan *p;

	h->state = HOP_IN_COMMAND;
	if (h->is_last) {
		hop_final(w, false);
		return;
	}
	if (h->is_spoilt || h->n_rcpts == 0) {
		hop_utter(w, "503 5.5.1 no\r\n");
		return;
	}
	p = plan_for(w, HOP_CHUNK);
	(void)hop_follow(w, p, "250 2.0.0 chunk\r\n");
	h->is_spoilt = !is_good(p);
}

static void
hop_bdat(struct world *w, struct xo_span args)
{
	struct xo_chunk chunk;

	if (xo_bdat_parse(args, &chunk) != XO_REFUSAL_NONE) {
		world_violate(w, "ill-formed BDAT to the next hop");
		return;
	}
	if (!xo_caps_has(&w->hop.caps, XO_CAP_CHUNKING))
		world_violate(w, "BDAT to a next hop without CHUNKING");
	w->hop.state = HOP_IN_CHUNK;
	w->hop.chunk_left = chunk.size;
	w->hop.is_last = chunk.is_last;
	if (chunk.size == 0)
		hop_chunk_end(w);
}

static void
hop_rset(struct world *w)
{
	hop_forget(&w->hop);
	hop_utter(w, "250 2.0.0 reset\r\n");
}

static const char *
hop_words(const struct world *w)
{
	const char *words = w->options.caps;

	if (w->hop.n_connections > 1 && w->options.later_caps != NULL)
		words = w->options.later_caps;
	return words != NULL ? words : "";
}

static void
hop_hello(struct world *w)
{
	struct xo_span rest = xo_span_from_cstr(hop_words(w));
	const struct hop_plan *p = plan_for(w, HOP_HELLO);
	struct xo_buf text = {0};

	hop_forget(&w->hop);
	xo_buf_add_cstr(&text, rest.len > 0 ? "250-hop.example\r\n" :
	    "250 hop.example\r\n");
	while (rest.len > 0) {
		size_t n = xo_span_find(rest, ' ');

		xo_buf_add_cstr(&text, n < rest.len ? "250-" : "250 ");
		xo_buf_add(&text, xo_span_first(rest, n));
		xo_buf_add_cstr(&text, "\r\n");
		rest = xo_span_from(rest, n + 1);
	}
	xo_buf_add_byte(&text, '\0');
	(void)hop_follow(w, p, (const char *)text.p);
	xo_buf_fini(&text);
}

static bool
is_hello(const struct world *w, enum xo_verb verb, struct xo_span name)
{
	return w->options.is_lmtp ? verb == XO_VERB_UNKNOWN &&
	    xo_span_is_equal(name, XO_LIT("LHLO")) : verb == XO_VERB_EHLO;
}

static void
hop_command(struct world *w)
{
	struct hop *h = &w->hop;
	struct xo_span line = xo_buf_span(&h->line);
	struct xo_command command;
	bool may_go_on = xo_caps_has(&h->caps, XO_CAP_PIPELINING);

	if (h->out.len > h->delivered && !may_go_on && w->options.n_plans == 0)
		world_violate(w, "pipelined to a next hop that forbids it");
	xo_command_parse(xo_span_first(line, line.len - 2), &command);
	if (command.verb == XO_VERB_MAIL)
		hop_mail(w, line);
	else if (command.verb == XO_VERB_RCPT)
		hop_rcpt(w, line);
	else if (command.verb == XO_VERB_DATA)
		hop_data(w);
	else if (command.verb == XO_VERB_BDAT)
		hop_bdat(w, command.args);
	else if (command.verb == XO_VERB_RSET && w->options.has_message_xoorg)
		hop_rset(w);
	else if (is_hello(w, command.verb, command.name))
		hop_hello(w);
	else
		world_violate(w, "a command the next hop should not see");
	xo_buf_clear(&h->line);
}

/* One octet of a command or of DATA's content; lines end with CRLF alone. */
static void
hop_octet(struct world *w, uint8_t c)
{
	struct hop *h = &w->hop;
	struct xo_buf *line = &h->line;
	bool has_cr = line->len > 0 && line->p[line->len - 1] == '\r';

	if ((c == '\n') != has_cr)
		world_violate(w, "CR or LF outside CRLF to the next hop");
	xo_buf_add_byte(line, c);
	if (c != '\n')
		return;
	if (h->state == HOP_IN_COMMAND) {
		hop_command(w);
		return;
	}
	if (line->len == 3 && line->p[0] == '.') {
		xo_buf_clear(line);
		hop_final(w, true);
		return;
	}
	xo_buf_add(&h->content, xo_span_from(xo_buf_span(line),
	    line->p[0] == '.' ? 1 : 0));
	xo_buf_clear(line);
}

static void
hop_begin_content(struct world *w)
{
	const struct hop_plan *p;

	if (w->hop.has_begun)
		return;
	w->hop.has_begun = true;
	p = plan_for(w, HOP_BODY);
	if (p != NULL)
		(void)hop_follow(w, p, "");
}

static void
hop_take(struct world *w, struct xo_span s)
{
	struct hop *h = &w->hop;
	size_t n;

	note(w, "H< ", s);
	show(w, WORLD_TO_HOP, s);
	/* Who does not listen has no state. */
	while (s.len > 0 && !w->options.is_wild) {
		if (h->state == HOP_IN_DATA && h->waits_for_354 &&
		    h->out.len > h->delivered)
			world_violate(w, "content before the 354 was read");
		if (h->state != HOP_IN_COMMAND)
			hop_begin_content(w);
		if (h->state == HOP_IN_CHUNK) {
			n = h->chunk_left < s.len ? (size_t)h->chunk_left :
			    s.len;
			xo_buf_add(&h->content, xo_span_first(s, n));
			h->chunk_left -= n;
			s = xo_span_from(s, n);
			if (h->chunk_left == 0)
				hop_chunk_end(w);
			continue;
		}
		h->waits_for_354 = false;
		hop_octet(w, s.p[0]);
		s = xo_span_from(s, 1);
	}
}

static void
hop_unlink(struct hop *h)
{
	h->is_linked = false;
	xo_buf_clear(&h->out);
	xo_buf_clear(&h->line);
	h->delivered = h->shown = 0;
	h->is_silent = h->closes = h->has_final_250 = false;
	h->final_end = 0;
	memset(h->n, 0, sizeof(h->n));
	hop_forget(h);
}

/* Actions */

static void
on_release(struct world *w, bool needs_reset)
{
	struct hop *h = &w->hop;

	if (!h->is_linked)
		world_violate(w, "RELEASE without a connection");
	if (h->state != HOP_IN_COMMAND || h->line.len > 0 ||
	    h->content.len > 0 || h->is_spoilt)
		world_violate(w, "RELEASE with content under way");
	/* What an odd one says too much may still be on its way. */
	if (h->out.len > h->delivered && w->options.n_plans == 0 &&
	    !w->options.is_wild)
		world_violate(w, "RELEASE with replies under way");
	if (!needs_reset && h->has_mail)
		world_violate(w, "RELEASE with an open transaction");
	show(w, WORLD_RELEASE, (struct xo_span){NULL, 0});
	hop_unlink(h);
}

static void
on_send(struct world *w, const struct xo_action *a)
{
	if (a->bytes.p == NULL || a->bytes.len == 0) {
		world_violate(w, "empty SEND");
	} else if (a->side == XO_FRONT) {
		note(w, "S: ", a->bytes);
		if (w->is_gone)
			world_violate(w, "SEND to a client that is gone");
		if (w->is_closed)
			world_violate(w, "SEND behind CLOSE");
		show(w, WORLD_TO_CLIENT, a->bytes);
		xo_buf_add(&w->got, a->bytes);
	} else if (!w->hop.is_linked) {
		world_violate(w, "SEND without a connection");
	} else {
		hop_take(w, a->bytes);
	}
}

static void
note_tenant(struct world *w, int number)
{
	const struct xo_tenant *tenant = xo_tenant_at(&w->policy, number);
	struct xo_span name = tenant != NULL ? tenant->name : XO_LIT("");

	if (tenant == NULL && number != XO_NOBODY)
		world_violate(w, "a report of a tenant that is gone");
	(void)snprintf(w->last_tenant, sizeof(w->last_tenant), "%.*s",
	    (int)name.len, (const char *)name.p);
}

static void
on_report(struct world *w)
{
	const struct xo_report *report = xo_relay_report(w->relay);

	note(w, "   report ", report->reply);
	w->n_reports++;
	w->last_code = report->code;
	w->last_reason = report->reason;
	w->last_size = report->size;
	w->last_stamped = report->wall != NULL ? report->wall->n_stamped : 0;
	note_tenant(w, report->tenant);
	if (report->code != 250)
		return;
	w->n_delivered++;
	if (report->reason != XO_REFUSAL_NONE)
		world_violate(w, "delivered, for a reason");
	/* Of a wild one's only the bystander can tell. */
	if (w->n_delivered > w->n_acked && !w->options.is_wild)
		world_violate(w, "250 without the next hop's");
}

static void
on_acquire(struct world *w, const struct xo_action *a)
{
	struct hop *h = &w->hop;

	if (h->is_linked || h->is_claimed)
		world_violate(w, "ACQUIRE with a connection at hand");
	if (w->relay->front.state == FRONT_WAIT_TENANT)
		world_violate(w, "ACQUIRE before it is known whose it is");
	if (a->upstream < 0 || a->upstream > 1)
		world_violate(w, "ACQUIRE without an upstream");
	w->acquired = a->upstream;
	w->acquired_tenant = a->tenant;
	h->is_claimed = true;
	h->is_fresh = a->is_fresh;
	h->n_acquires++;
	note(w, "   acquire", (struct xo_span){NULL, 0});
}

/* What is asked for is not kept. */
static void
note_key(struct world *w, enum xo_key_kind kind, struct xo_span domain)
{
	uint8_t *copy = w->asked_domains[w->n_asked_keys];

	if (!xo_domain_is_valid(domain)) {
		world_violate(w, "LOOKUP of what nobody can know");
		return;
	}
	note(w, "   lookup ", domain);
	memcpy(copy, domain.p, domain.len);
	w->asked_keys[w->n_asked_keys++] = (struct xo_key){kind,
		xo_span(copy, domain.len)};
}

static void
on_lookup(struct world *w)
{
	const struct xo_lack *lack = xo_relay_lacks(w->relay);

	w->n_asked_keys = 0;
	for (size_t i = 0; i < lack->n_names; i++)
		note_key(w, XO_KEY_CERTIFICATE, lack->names[i]);
	if (lack->key.domain.len > 0)
		note_key(w, lack->key.kind, lack->key.domain);
	if (w->policy.guests == NULL || w->n_asked_keys == 0) {
		world_violate(w, "LOOKUP of what nobody can know");
		return;
	}
	if (w->relay->front.state == FRONT_WAIT_TENANT &&
	    (w->hop.is_linked || w->hop.is_claimed))
		world_violate(w, "LOOKUP with a connection at hand");
	w->wants_tenant = true;
	w->n_asked++;
	w->asked = w->asked_keys[0];
}

static void
on_action(struct world *w, const struct xo_action *a)
{
	switch (a->type) {
	case XO_ACTION_LOOKUP:
		on_lookup(w);
		break;
	case XO_ACTION_SEND:
		on_send(w, a);
		break;
	case XO_ACTION_START_TLS:
		w->wants_tls = true;
		break;
	case XO_ACTION_NEED_CAPS:
		w->wants_caps = true;
		break;
	case XO_ACTION_ACQUIRE:
		on_acquire(w, a);
		break;
	case XO_ACTION_RELEASE:
		on_release(w, false);
		break;
	case XO_ACTION_RELEASE_RESET:
		on_release(w, true);
		break;
	case XO_ACTION_DROP:
		w->hop.is_claimed = false;
		hop_unlink(&w->hop);
		note(w, "   drop", (struct xo_span){NULL, 0});
		break;
	case XO_ACTION_SAID:
		w->n_said++;
		xo_buf_clear(&w->said);
		xo_buf_add(&w->said, a->bytes);
		break;
	case XO_ACTION_OUT_OF_STEP:
		w->n_out_of_step++;
		note(w, "   out of step", (struct xo_span){NULL, 0});
		break;
	case XO_ACTION_CLOSE:
		if (w->is_closed)
			world_violate(w, "CLOSE twice");
		show(w, WORLD_CLOSE, (struct xo_span){NULL, 0});
		w->is_closed = true;
		note(w, "   close", (struct xo_span){NULL, 0});
		break;
	case XO_ACTION_OBSERVED:
		break;
	case XO_ACTION_REFUSED:
		w->n_refused++;
		w->last_refused = a->refusal;
		break;
	case XO_ACTION_REPORT:
		on_report(w);
		break;
	}
}

/* Whole replies of what the client got, one code each. */
static void
parse_replies(struct world *w)
{
	uint16_t code = 0;
	size_t at = w->parsed;

	for (;;) {
		struct xo_span rest = xo_span_from(xo_buf_span(&w->got), at);
		size_t lf = xo_span_find(rest, '\n');

		if (lf == rest.len)
			return;
		if (lf < 5 || lf > 511 || rest.p[lf - 1] != '\r' ||
		    rest.p[0] < '2' || rest.p[0] > '5' ||
		    (rest.p[3] != ' ' && rest.p[3] != '-')) {
			world_violate(w, "ill-formed reply to the client");
			return;
		}
		code = (uint16_t)((rest.p[0] - '0') * 100 +
		    (rest.p[1] - '0') * 10 + rest.p[2] - '0');
		at += lf + 1;
		if (rest.p[3] == '-')
			continue;
		w->parsed = at;
		if (w->n_replies < WORLD_REPLIES)
			w->replies[w->n_replies++] = code;
	}
}

static void
take_actions(struct world *w)
{
	struct xo_action a;
	bool has_more;

	if (w->relay->out.n_actions > w->most_actions)
		w->most_actions = w->relay->out.n_actions;
	if (w->relay->out.n_actions >= ACTIONS_MAX)
		world_violate(w, "too many actions");
	for (;;) {
		INSIDE(has_more = xo_relay_next(w->relay, &a));
		if (!has_more)
			break;
		on_action(w, &a);
	}
	parse_replies(w);
	if (w->relay->out.n_actions != 0 || w->relay->has_ended)
		world_violate(w, "a transaction that has not ended");
}

/* Moving */

/* A copy in memory of its own, so that a sanitizer sees who keeps it. */
static uint8_t *
own_copy(struct xo_span s)
{
	uint8_t *p = malloc(s.len > 0 ? s.len : 1);

	if (p == NULL)
		abort();
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return p;
}

/* How much of `left` more octets may come now, `seen` having come before. */
static size_t
step(size_t left, size_t seen, size_t cut, bool is_bytewise)
{
	if (is_bytewise)
		return left > 0 ? 1 : 0;
	if (cut > seen && cut - seen < left)
		return cut - seen;
	return left;
}

static bool
feed_front(struct world *w)
{
	const struct world_options *o = &w->options;
	size_t more = step(w->in.len - w->offered, w->fed, o->front_cut,
	    o->is_front_bytewise);
	size_t used, len = w->offered + more;
	bool is_waiting;
	uint8_t *copy;

	if (w->is_gone || w->is_closed || len == 0)
		return false;
	is_waiting = xo_relay_is_waiting(w->relay);
	if (is_waiting && more == 0)
		return false;
	copy = own_copy(xo_span(w->in.p, len));
	show(w, WORLD_CLIENT, xo_span(copy + w->offered, more));
	INSIDE(used = xo_relay_front_bytes(w->relay, xo_span(copy, len)));
	if (used > len)
		world_violate(w, "more used than was given");
	if (is_waiting && used > 0)
		world_violate(w, "used octets although it was waiting");
	take_actions(w);
	free(copy);
	xo_buf_consume(&w->in, used);
	w->offered = len - used;
	w->fed += more;
	return used > 0 || more > 0;
}

static void
count_acked(struct world *w)
{
	struct hop *h = &w->hop;

	if (h->has_final_250 && h->delivered >= h->final_end) {
		h->has_final_250 = false;
		w->n_acked++;
	}
}

static bool
feed_back(struct world *w)
{
	const struct world_options *o = &w->options;
	struct hop *h = &w->hop;
	size_t left = h->out.len - h->delivered, n, used;
	uint8_t *copy;

	if (!h->is_linked)
		return false;
	n = step(left, h->total, o->hop_cut, o->is_hop_bytewise);
	if (n == 0) {
		if (!h->closes)
			return false;
		hop_unlink(h);
		note(w, "H> closed", (struct xo_span){NULL, 0});
		INSIDE(xo_relay_back_closed(w->relay));
		take_actions(w);
		return true;
	}
	copy = own_copy(xo_span(h->out.p + h->delivered, n));
	note(w, "H> ", xo_span(copy, n));
	/* Whatever it makes of them, they are complete now. */
	h->delivered += n;
	h->total += n;
	count_acked(w);
	if (h->delivered > h->shown)
		show(w, WORLD_HOP, xo_span(h->out.p + h->shown,
		    h->delivered - h->shown));
	if (h->delivered > h->shown)
		h->shown = h->delivered;
	INSIDE(used = xo_relay_back_bytes(w->relay, xo_span(copy, n)));
	if (used > n)
		world_violate(w, "more used than the next hop gave");
	h->delivered -= n - used;
	h->total -= n - used;
	take_actions(w);
	free(copy);
	return used > 0;
}

static void
hop_connect(struct world *w)
{
	struct hop *h = &w->hop;
	bool is_reused = w->options.is_reused && h->n_connections == 0 &&
	    !h->is_fresh;

	h->is_linked = true;
	h->n_connections++;
	set_caps(&h->caps, hop_words(w));
	memset(&w->heard, 0, sizeof(w->heard));
	show(w, WORLD_LINK, (struct xo_span){NULL, 0});
	INSIDE(xo_relay_back_ready(w->relay, &h->caps, &w->heard,
	    is_reused));
	take_actions(w);
}

static bool
feed_claim(struct world *w)
{
	struct hop *h = &w->hop;
	const struct hop_plan *p = NULL;

	if (!h->is_claimed)
		return false;
	for (size_t i = 0; i < w->options.n_plans; i++)
		if (w->options.plans[i].phase == HOP_ACQUIRE &&
		    (w->options.plans[i].connection == 0 ||
		    w->options.plans[i].connection == h->n_acquires))
			p = &w->options.plans[i];
	if (p != NULL && p->is_silent)
		return false;
	h->is_claimed = false;
	if (p != NULL) {
		INSIDE(xo_relay_back_failed(w->relay,
		    p->reply != NULL ? XO_REFUSAL_UPSTREAM_GREETING :
		    XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span_from_cstr(p->reply)));
		take_actions(w);
	} else {
		hop_connect(w);
	}
	return true;
}

static bool
feed_tls(struct world *w)
{
	static const struct xo_span names[] = {
		S("mail.protection.outlook.com")
	};
	struct xo_certificate certificate = {0};

	if (!w->wants_tls || w->is_closed)
		return false;
	w->wants_tls = false;
	if (xo_relay_deadline(w->relay) == UINT64_MAX)
		world_violate(w, "a handshake without a deadline");
	if (w->offered > 0)
		world_violate(w, "STARTTLS with octets behind it");
	/* What comes later is the handshake's. */
	xo_buf_clear(&w->in);
	if (w->options.client == CLIENT_EXCHANGE)
		certificate = (struct xo_certificate){
			.is_present = true, .dns_names = names,
			.n_dns_names = 1, .is_chain_valid = true,
		};
	if (w->options.certificate != NULL)
		certificate = *w->options.certificate;
	show(w, WORLD_TLS, (struct xo_span){NULL, 0});
	INSIDE(xo_relay_tls_done(w->relay, &certificate, "TLSv1.3",
	    w->options.bits != 0 ? w->options.bits : 256));
	take_actions(w);
	return true;
}

static bool
feed_caps(struct world *w)
{
	if (!w->wants_caps || w->is_closed)
		return false;
	w->wants_caps = false;
	w->known[0].is_known = w->known[1].is_known = true;
	INSIDE(xo_relay_caps_arrived(w->relay));
	take_actions(w);
	return true;
}

void
world_tell(struct world *w)
{
	w->wants_tenant = false;
	INSIDE(xo_relay_tenant_arrived(w->relay));
	take_actions(w);
}

static bool
feed_lookup(struct world *w)
{
	if (w->wants_tenant && !xo_relay_wants_tenant(w->relay))
		w->wants_tenant = false;
	if (!w->wants_tenant || w->options.look_up == NULL ||
	    !w->options.look_up(w))
		return false;
	world_tell(w);
	return true;
}

static void
set_time(struct world *w)
{
	xo_relay_set_time(w->relay, w->now, 1700000000);
}

/* All waiting ends: by a deadline, or by something that is ours to tell. */
static void
check_waiting(struct world *w)
{
	bool is_ours = w->hop.is_claimed || w->wants_tls || w->wants_caps;

	if (!w->is_closed && !is_ours &&
	    xo_relay_deadline(w->relay) == UINT64_MAX)
		world_violate(w, "waits for ever");
	if (w->is_closed && (w->hop.is_linked || w->hop.is_claimed))
		world_violate(w, "closed, with a connection left");
	if (!w->is_closed && w->in.len > 0 && !w->is_gone &&
	    w->in.len > 70000 && !xo_relay_is_waiting(w->relay))
		world_violate(w, "octets that nobody takes");
}

void
world_settle(struct world *w)
{
	size_t rounds = 0;
	bool has_moved;

	do {
		set_time(w);
		has_moved = w->options.is_hop_first && feed_back(w);
		has_moved |= feed_front(w);
		has_moved |= feed_tls(w);
		has_moved |= feed_caps(w);
		has_moved |= feed_lookup(w);
		has_moved |= feed_claim(w);
		has_moved |= feed_back(w);
		if (++rounds > ROUNDS_MAX) {
			world_violate(w, "no end");
			break;
		}
	} while (has_moved && w->violation[0] == '\0');
	check_waiting(w);
}

void
world_send(struct world *w, struct xo_span octets)
{
	note(w, "C: ", octets);
	xo_buf_add(&w->in, octets);
	world_settle(w);
}

void
world_hop_says(struct world *w, struct xo_span octets)
{
	if (!w->hop.is_linked || w->hop.closes)
		return;
	xo_buf_add(&w->hop.out, octets);
	world_settle(w);
}

void
world_say(struct world *w, const char *text)
{
	world_send(w, xo_span_from_cstr(text));
}

void
world_leave(struct world *w)
{
	if (w->is_gone)
		return;
	note(w, "C: closed", (struct xo_span){NULL, 0});
	w->is_gone = true;
	set_time(w);
	INSIDE(xo_relay_front_closed(w->relay));
	take_actions(w);
	world_settle(w);
}

bool
world_wait(struct world *w)
{
	uint64_t due = xo_relay_deadline(w->relay);

	if (due == UINT64_MAX)
		return false;
	w->now = due > w->now ? due : w->now;
	note(w, "   timer", (struct xo_span){NULL, 0});
	set_time(w);
	/* Both sides' may be due. */
	for (int i = 0; i < 2 && !w->is_closed &&
	    xo_relay_deadline(w->relay) <= w->now; i++) {
		INSIDE(xo_relay_timer(w->relay));
		take_actions(w);
	}
	if (xo_relay_deadline(w->relay) <= w->now && !w->is_closed)
		world_violate(w, "a timer that changes nothing");
	world_settle(w);
	return true;
}

void
world_shutdown(struct world *w, bool is_final)
{
	set_time(w);
	INSIDE(xo_relay_shutdown(w->relay, is_final));
	take_actions(w);
	world_settle(w);
}

const char *
world_codes(struct world *w)
{
	static char codes[WORLD_REPLIES * 4 + 1];
	size_t at = 0;

	codes[0] = '\0';
	for (size_t i = 0; i < w->n_replies; i++)
		at += (size_t)snprintf(codes + at, sizeof(codes) - at, "%s%u",
		    i > 0 ? " " : "", w->replies[i]);
	return codes;
}

bool
world_span_has(struct xo_span s, const char *text)
{
	return s.len > 0 && memmem(s.p, s.len, text, strlen(text)) != NULL;
}

bool
world_has(const struct world *w, const char *text)
{
	return world_span_has(xo_buf_span(&w->got), text);
}

/* Life */

bool
world_init(struct world *w, const struct world_options *options)
{
	struct xo_relay_setup setup;

	memset(w, 0, sizeof(*w));
	w->options = *options;
	w->now = 1000;
	w->acquired = w->acquired_tenant = XO_NOBODY;
	set_policy(w);
	for (size_t i = 0; i < 2; i++) {
		w->known[i].is_known = !options->is_unknown;
		set_caps(&w->known[i].caps,
		    options->caps != NULL ? options->caps : "");
	}
	setup = (struct xo_relay_setup){
		.policy = &w->policy, .listener = &w->listener,
		.known = w->known, .session = "S1",
	};
	setup.address.octets[10] = setup.address.octets[11] = 0xff;
	setup.address.octets[12] = options->client == CLIENT_LOCAL ? 127 : 192;
	setup.address.octets[15] = 1;
	INSIDE(w->relay = xo_relay_new(&setup, w->now));
	if (w->relay == NULL) {
		world_fini(w);
		return false;
	}
	set_time(w);
	INSIDE(xo_relay_start(w->relay, XO_REFUSAL_NONE));
	take_actions(w);
	return true;
}

void
world_fini(struct world *w)
{
	xo_relay_free(&w->relay);
	xo_tenants_index_free(&w->policy.tenant_index);
	for (size_t i = 0; i < WORLD_COMMITS; i++) {
		xo_buf_fini(&w->commits[i].envelope);
		xo_buf_fini(&w->commits[i].content);
	}
	xo_buf_fini(&w->in);
	xo_buf_fini(&w->said);
	xo_buf_fini(&w->got);
	xo_buf_fini(&w->transcript);
	xo_buf_fini(&w->hop.line);
	xo_buf_fini(&w->hop.envelope);
	xo_buf_fini(&w->hop.content);
	xo_buf_fini(&w->hop.out);
}
