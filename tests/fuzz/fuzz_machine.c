/* SPDX-License-Identifier: ISC */
/*
 * The relay between a client and a next hop that both do what they like, event
 * by event, against a small automaton of its own that sees only what goes in
 * and out. After every step:
 *
 *   a message is delivered only if its end was said to the next hop, everything
 *   said up to there was answered, and the last of it by 250;
 *   XOORG is announced to, and given for, those alone who may;
 *   what goes to the next hop are commands and content in order, with no CR or
 *   LF but in CRLF, and content only after a 354 or a size;
 *   a stranger's X-OriginatorOrg is not in it;
 *   whoever is waited for, there is a deadline; a closed session says nothing.
 *
 * The input: an octet of options, then steps, an octet each with what belongs to
 * it. See step().
 */
#include <string.h>

#include <xoorg/domain.h>
#include <xoorg/relay.h>
#include <xoorg/tenants.h>

#include "fuzz.h"

#define IN_MAX 65536

enum who { WHO_STRANGER, WHO_EXCHANGE, WHO_BAD_CHAIN, WHO_OTHER, WHO_COUNT };

/* The automaton's idea of the next hop's connection. */
enum hop_state { HOP_COMMAND, HOP_WAITS_354, HOP_DATA, HOP_CHUNK };

struct machine {
	struct xo_relay *relay;
	struct xo_heard heard;
	uint64_t now;
	bool is_tls, may_xoorg, is_stranger;
	bool is_closed, is_gone, wants_tls, wants_caps;
	struct xo_key asked;		/* of a source of tenants */
	uint8_t asked_domain[XO_DOMAIN_MAX];
	/* front */
	uint8_t in[IN_MAX];
	size_t in_len;
	struct xo_buf said;		/* to the client, its last line */
	bool has_last_reply;
	/* back */
	bool is_claiming, is_linked;
	uint32_t caps;
	uint8_t replies[IN_MAX];
	size_t replies_len;
	enum hop_state hop;
	struct xo_buf line;		/* of a command */
	struct xo_buf field;		/* of the header, its line */
	uint64_t chunk_left;
	bool is_last_chunk, is_bol, is_header, has_end;
	size_t n_asked, n_answered, end_at;
	uint16_t code;			/* of the last whole reply */
	uint8_t last, before;		/* octets of content */
	size_t n_dots;			/* of ".CRLF" or "..", at a line's begin */
	uint8_t reply_line[4];
	size_t reply_len;
};

static const struct xo_span names[] = {
	{(const uint8_t *)"mail.protection.outlook.com", 27}
};
static const struct xo_span orgs[] = {
	{(const uint8_t *)"contoso.com", 11}
};
static const struct xo_network loopback = {
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}}, 104
};
static const int peer_numbers[] = {0, 1};

static struct xo_peer peers[2];
static struct xo_tenant tenant;
static struct xo_listener listener;
static struct xo_upstream upstreams[2];
static struct xo_known known[2];
static struct xo_policy policy;

/* Policies that nobody should write (unit/relay_world.h has the same). */
static void
make_holes(uint8_t holes)
{
	if ((holes & 1) != 0)
		listener.has_upstream = false;
	if ((holes & 2) != 0)
		listener.has_demote_to = false;
	if ((holes & 4) != 0)
		policy.n_tenants = 0;
	if ((holes & 8) != 0)
		listener.n_peers = 0;
	tenant.upstream = 1;
	tenant.has_upstream = (holes & 16) != 0;
	known[1].serves_tenants = tenant.has_upstream;
	for (size_t i = 0; i < 2; i++)
		upstreams[i].has_tenant_certificate = (holes & 32) != 0;
	if ((holes & 64) != 0)
		listener.mode = XO_MODE_OBSERVE;
	for (size_t v = XO_VERDICT_UNKNOWN_ORG;
	    (holes & 128) != 0 && v < XO_VERDICT_COUNT; v++)
		listener.on[v] = XO_DECISION_ACCEPT;
}

static void
set_policy(uint8_t options, uint8_t holes)
{
	int first, second;

	peers[0] = (struct xo_peer){.name = XO_LIT("exo"), .names = names,
		.n_names = 1, .rights = XO_RIGHT_XOORG};
	peers[1] = (struct xo_peer){.name = XO_LIT("ours"),
		.networks = &loopback, .n_networks = 1,
		.rights = XO_RIGHT_RELAY | XO_RIGHT_XCLIENT};
	tenant = (struct xo_tenant){.name = XO_LIT("contoso"),
		.originator_orgs = orgs, .n_originator_orgs = 1,
		.recipient_domains = orgs, .n_recipient_domains = 1};
	listener = (struct xo_listener){.name = XO_LIT("in"),
		.peers = peer_numbers, .n_peers = 2, .has_tls = true,
		.on = {XO_DECISION_ACCEPT, XO_DECISION_REJECT,
		XO_DECISION_DEMOTE, XO_DECISION_REJECT, XO_DECISION_DEMOTE},
		.has_upstream = true, .upstream = 0,
		.has_demote_to = true, .demote_to = 1, .size_limit = 4000,
		.lenient_envelope = (options & 2) != 0,
		.bare_newline = (options & 8) != 0 ?
		XO_BARE_NEWLINE_NORMALIZE : XO_BARE_NEWLINE_REJECT};
	for (size_t i = 0; i < 2; i++) {
		upstreams[i] = (struct xo_upstream){.name = XO_LIT("up"),
			.tls = XO_TLS_VERIFY,
			.protocol = (options & 16) != 0 ? XO_PROTOCOL_LMTP :
			XO_PROTOCOL_SMTP,
			.xoorg_source = (enum xo_xoorg_source)(options >> 5 &
			3), .xoorg = orgs[0]};
		known[i] = (struct xo_known){.is_known = (options & 4) == 0,
			.caps = {.set = XO_CAP_BIT(XO_CAP_DSN) |
			XO_CAP_BIT(XO_CAP_BINARYMIME) |
			XO_CAP_BIT(XO_CAP_8BITMIME)}};
	}
	policy = (struct xo_policy){.hostname = XO_LIT("gw.test"),
		.peers = peers, .n_peers = 2, .tenants = &tenant,
		.n_tenants = 1, .listeners = &listener, .n_listeners = 1,
		.upstreams = upstreams, .n_upstreams = 2,
		.limits = {.line_octets = 512, .recipients = 5, .errors = 20,
		.resets = 10, .empty_chunks = 3, .chunks = 20,
		.header_octets = 1000, .header_fields = 20, .data_rate = 1,
		.command_timeout = 1000, .request_timeout = 900,
		.handshake_timeout = 800, .content_timeout = 700,
		.data_grace = 500, .load_timeout = 100,
		.connect_timeout = 100, .greeting_timeout = 100,
		.mail_timeout = 600, .data_timeout = 650,
		.final_timeout = 2000, .lookup_timeout = 300}};
	if ((options & 128) != 0)
		policy.guests = xo_guests_new(2);
	make_holes(holes);
	MUST(xo_tenants_index(&policy, &first, &second) == XO_OK);
}

/* To the client */

static void
check_said(struct machine *m)
{
	struct xo_span line = xo_buf_span(&m->said), rest;

	MUST(line.len >= 6 && line.len <= 512);
	MUST(line.p[line.len - 2] == '\r');
	MUST(line.p[0] >= '2' && line.p[0] <= '5');
	MUST(line.p[3] == '-' || line.p[3] == ' ');
	for (size_t i = 0; i + 2 < line.len; i++)
		MUST(line.p[i] >= 32 && line.p[i] < 127);
	rest = xo_span_first(xo_span_from(line, 4), line.len - 6);
	if (xo_span_is_equal_nocase(xo_span_first(rest, 5), XO_LIT("XOORG")))
		MUST(rest.len == 5 && m->is_tls && m->may_xoorg);
	xo_buf_clear(&m->said);
}

static void
say_front(struct machine *m, struct xo_span s)
{
	MUST(!m->is_closed);
	for (size_t i = 0; i < s.len; i++) {
		xo_buf_add_byte(&m->said, s.p[i]);
		if (s.p[i] == '\n')
			check_said(m);
	}
}

/* To the next hop */

static bool
begins(struct xo_span line, const char *verb)
{
	return xo_span_has_prefix_nocase(line, xo_span_from_cstr(verb));
}

static void
begin_content(struct machine *m)
{
	m->is_bol = true;
	m->last = m->before = 0;
}

static void
on_command(struct machine *m, struct xo_span line)
{
	uint64_t n;
	struct xo_span size;

	MUST(line.len >= 2 && line.p[line.len - 2] == '\r');
	line.len -= 2;
	for (size_t i = 0; i < line.len; i++)
		MUST(line.p[i] >= 32 && line.p[i] != 127);
	if (begins(line, "DATA")) {
		MUST(line.len == 4);
		m->hop = HOP_WAITS_354;
		m->is_header = true;
		begin_content(m);
	} else if (begins(line, "BDAT ")) {
		size = xo_span_from(line, 5);
		m->is_last_chunk = xo_span_find(size, ' ') < size.len;
		MUST(xo_span_to_u64(xo_span_first(size,
		    xo_span_find(size, ' ')), &n) == XO_OK);
		MUST(n <= 4000 + 2000 && (n > 0 || m->is_last_chunk));
		m->chunk_left = n;
		m->hop = HOP_CHUNK;
	} else if (begins(line, "MAIL FROM:<")) {
		m->has_end = false;
		m->is_header = true;
		begin_content(m);
		for (size_t i = 0; i + 6 < line.len; i++)
			if (begins(xo_span_from(line, i), " XOORG="))
				MUST((m->caps & XO_CAP_BIT(XO_CAP_XOORG)) != 0);
	} else {
		MUST(begins(line, "RCPT TO:<") || xo_span_is_equal(line,
		    XO_LIT("RSET")) || (m->has_end &&
		    (begins(line, "EHLO ") || begins(line, "LHLO "))));
	}
	m->n_asked++;
}

/* One octet of content, as the next hop will keep it. */
static void
on_content(struct machine *m, uint8_t c, bool is_by_data)
{
	if (is_by_data) {
		MUST(c != '\0');
		MUST(c != '\n' || m->last == '\r');
		MUST(m->last != '\r' || c == '\n');
	}
	if (m->is_header) {
		if (m->is_bol)
			xo_buf_clear(&m->field);
		xo_buf_add_byte(&m->field, c);
		m->is_bol = c == '\n';
		if (m->is_bol && m->field.len == 2)
			m->is_header = false;
		else if (m->is_bol && m->is_stranger)
			MUST(!begins(xo_buf_span(&m->field),
			    "X-OriginatorOrg"));
	}
	m->before = m->last;
	m->last = c;
}

static void
end_content(struct machine *m)
{
	m->has_end = true;
	m->end_at = m->n_asked;
	m->hop = HOP_COMMAND;
}

/* Where a line of DATA begins with a dot: stuffed, or the end. */
static void
on_data(struct machine *m, uint8_t c)
{
	bool is_line = m->last == 0 || (m->before == '\r' && m->last == '\n');

	if (m->n_dots == 0 && is_line && c == '.') {
		m->n_dots = 1;
	} else if (m->n_dots == 0) {
		on_content(m, c, true);
	} else if (m->n_dots == 1 && c == '\r') {
		m->n_dots = 2;
	} else if (m->n_dots == 1) {
		/* The one dot that a line may begin with is stuffed. */
		MUST(c == '.');
		m->n_dots = 0;
		on_content(m, '.', true);
	} else {
		MUST(c == '\n');
		m->n_dots = 0;
		m->n_asked++;
		end_content(m);
	}
}

static void
say_back(struct machine *m, struct xo_span s)
{
	MUST(m->is_linked);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (m->hop == HOP_WAITS_354) {
			MUST(m->n_answered >= m->n_asked && m->code == 354);
			m->hop = HOP_DATA;
		}
		if (m->hop == HOP_DATA) {
			on_data(m, c);
		} else if (m->hop == HOP_CHUNK && m->chunk_left > 0) {
			on_content(m, c, false);
			m->chunk_left--;
		} else {
			xo_buf_add_byte(&m->line, c);
			if (c == '\n') {
				on_command(m, xo_buf_span(&m->line));
				xo_buf_clear(&m->line);
			}
		}
		if (m->hop == HOP_CHUNK && m->chunk_left == 0) {
			m->hop = HOP_COMMAND;
			if (m->is_last_chunk)
				end_content(m);
		}
	}
}

/* Actions */

static void
forget_back(struct machine *m)
{
	m->is_claiming = m->is_linked = false;
	m->replies_len = 0;
}

static void
act(struct machine *m, const struct xo_action *a)
{
	const struct xo_report *report;

	switch (a->type) {
	case XO_ACTION_SEND:
		if (a->side == XO_FRONT)
			say_front(m, a->bytes);
		else
			say_back(m, a->bytes);
		break;
	case XO_ACTION_START_TLS:
		MUST(!m->is_tls);
		m->wants_tls = true;
		break;
	case XO_ACTION_NEED_CAPS:
		m->wants_caps = true;
		break;
	case XO_ACTION_LOOKUP:
		m->asked = xo_relay_lacks(m->relay)->key;
		MUST(policy.guests != NULL &&
		    xo_domain_is_valid(m->asked.domain));
		MUST(!m->is_stranger && !m->is_claiming);
		memcpy(m->asked_domain, m->asked.domain.p,
		    m->asked.domain.len);
		m->asked.domain.p = m->asked_domain;
		break;
	case XO_ACTION_ACQUIRE:
		MUST(!m->is_claiming && !m->is_linked);
		MUST(a->upstream == 0 || a->upstream == 1);
		MUST(a->tenant == XO_NOBODY || a->tenant == 0);
		m->is_claiming = true;
		break;
	case XO_ACTION_RELEASE:
	case XO_ACTION_RELEASE_RESET:
		/* Nothing may be under way on it. */
		MUST(m->is_linked && m->hop == HOP_COMMAND);
		MUST(m->n_answered >= m->n_asked);
		forget_back(m);
		break;
	case XO_ACTION_DROP:
		/* Also of what has just failed by itself. */
		forget_back(m);
		break;
	case XO_ACTION_SAID:
		MUST(a->bytes.len > 0);
		break;
	case XO_ACTION_OUT_OF_STEP:
		MUST(m->is_linked);
		break;
	case XO_ACTION_CLOSE:
		MUST(!m->is_closed);
		m->is_closed = true;
		break;
	case XO_ACTION_OBSERVED:
		break;
	case XO_ACTION_REFUSED:
		break;
	case XO_ACTION_REPORT:
		report = xo_relay_report(m->relay);
		if (report->reason == XO_REFUSAL_NONE && report->code == 250)
			MUST(m->has_end && m->n_answered >= m->end_at &&
			    m->code == 250);
		break;
	}
}

static void
take_actions(struct machine *m)
{
	struct xo_action a;

	while (xo_relay_next(m->relay, &a))
		act(m, &a);
}

/* Events */

static void
consume(uint8_t *p, size_t *len, size_t used)
{
	MUST(used <= *len);
	memmove(p, p + used, *len - used);
	*len -= used;
}

/* Whole replies among the octets that the relay has read. */
static void
count_replies(struct machine *m, struct xo_span used)
{
	const uint8_t *line = m->reply_line;

	for (size_t i = 0; i < used.len; i++) {
		if (m->reply_len < 4)
			m->reply_line[m->reply_len] = used.p[i];
		m->reply_len++;
		if (used.p[i] != '\n')
			continue;
		if (m->reply_len > 3 && line[3] != '-') {
			m->n_answered++;
			m->code = (uint16_t)((line[0] - '0') * 100 +
			    (line[1] - '0') * 10 + line[2] - '0');
		}
		m->reply_len = 0;
	}
}

/* Everything that is there is offered until nothing more is used. */
static void
settle(struct machine *m)
{
	size_t n;

	do {
		n = 0;
		if (m->in_len > 0 && !m->wants_tls && !m->is_closed) {
			n = xo_relay_front_bytes(m->relay,
			    xo_span(m->in, m->in_len));
			take_actions(m);
			consume(m->in, &m->in_len, n);
			/* What was sent behind STARTTLS is never used. */
			MUST(!m->wants_tls || m->in_len == 0);
		}
		if (m->is_linked && m->replies_len > 0) {
			size_t used = xo_relay_back_bytes(m->relay,
			    xo_span(m->replies, m->replies_len));

			MUST(used <= m->replies_len);
			count_replies(m, xo_span(m->replies, used));
			consume(m->replies, &m->replies_len, used);
			take_actions(m);
			n += used;
		}
	} while (n > 0);
}

static void
check(struct machine *m)
{
	if (m->is_closed || m->is_claiming || m->wants_caps)
		return;
	MUST(xo_relay_deadline(m->relay) != UINT64_MAX);
}

static void
send_front(struct machine *m, struct xo_span s)
{
	if (m->is_gone || m->wants_tls || s.len > sizeof(m->in) - m->in_len)
		return;
	if (s.len > 0)
		memcpy(m->in + m->in_len, s.p, s.len);
	m->in_len += s.len;
}

static void
send_reply(struct machine *m, struct xo_span s)
{
	if (!m->is_linked || s.len > sizeof(m->replies) - m->replies_len)
		return;
	if (s.len > 0)
		memcpy(m->replies + m->replies_len, s.p, s.len);
	m->replies_len += s.len;
}

static void
link_up(struct machine *m, uint8_t c)
{
	static const enum xo_cap choice[] = {XO_CAP_PIPELINING, XO_CAP_CHUNKING,
		XO_CAP_XOORG, XO_CAP_DSN, XO_CAP_BINARYMIME, XO_CAP_8BITMIME};
	struct xo_caps caps = {.set = 0};

	if (!m->is_claiming)
		return;
	for (size_t i = 0; i < 6; i++)
		if ((c & 1 << i) != 0)
			caps.set |= XO_CAP_BIT(choice[i]);
	if ((c & 128) != 0)
		caps.set |= XO_CAP_BIT(XO_CAP_ENHANCEDSTATUSCODES);
	m->is_claiming = false;
	m->is_linked = true;
	memset(&m->heard, 0, sizeof(m->heard));
	m->caps = caps.set;
	m->hop = HOP_COMMAND;
	m->n_asked = m->n_answered = 0;
	m->has_end = false;
	m->code = 0;
	m->replies_len = m->reply_len = m->n_dots = 0;
	xo_buf_clear(&m->line);
	xo_relay_back_ready(m->relay, &caps, &m->heard, (c & 64) != 0);
}

static void
shake_hands(struct machine *m, uint8_t c)
{
	enum who who = (enum who)(c % WHO_COUNT);
	const struct xo_span other = XO_LIT("other.example");
	struct xo_certificate certificate = {
		.is_present = who != WHO_STRANGER,
		.dns_names = who == WHO_OTHER ? &other : names,
		.n_dns_names = who == WHO_STRANGER ? 0 : 1,
		.is_chain_valid = who == WHO_EXCHANGE || who == WHO_OTHER,
		.is_for_servers = true,
	};

	if (!m->wants_tls)
		return;
	m->wants_tls = false;
	m->is_tls = true;
	m->may_xoorg = who == WHO_EXCHANGE && listener.n_peers > 0;
	m->is_stranger = m->is_stranger && !m->may_xoorg;
	xo_relay_tls_done(m->relay, &certificate, "TLS", (c & 128) != 0 ? 64 :
	    256);
}

/* Guests: one record, which lists one domain whatever was asked for. */

static void
keep_record(struct xo_guest *guest)
{
	(void)guest;
}

static const struct xo_span guest_orgs[] = {
	{(const uint8_t *)"fabrikam.com", 12}, {(const uint8_t *)"e.example", 9}
};
static struct xo_guest record = {.free = keep_record, .tenant = {
	.originator_orgs = guest_orgs, .n_originator_orgs = 2,
	.recipient_domains = guest_orgs, .n_recipient_domains = 1,
	.has_upstream = true, .upstream = 1}};

static void
tell(struct machine *m, uint8_t how)
{
	struct xo_guest *guest = &record;
	enum xo_knowledge got;

	if (policy.guests == NULL || m->asked.domain.len == 0)
		return;
	got = xo_guests_put(policy.guests, &m->asked,
	    (enum xo_knowledge)(how & 3), &guest, how & 4 ? 500 : 0,
	    how & 8 ? 1000 : 0);
	xo_relay_tenant_arrived(m->relay);
	take_actions(m);
	if (got != XO_KNOWN_NOT_NOW)
		xo_guests_told(policy.guests, &m->asked);
}

static const char *const lines[] = {
	"EHLO a.example\r\n", "HELO a.example\r\n", "STARTTLS\r\n",
	"MAIL FROM:<a@contoso.com>\r\n",
	"MAIL FROM:<a@contoso.com> XOORG=contoso.com\r\n",
	"MAIL FROM:<> BODY=8BITMIME XOORG=contoso.com\r\n",
	"MAIL FROM:<b@e.example> XOORG=fabrikam.com\r\n",
	"MAIL FROM:<b@e.example> BODY=BINARYMIME RET=HDRS\r\n",
	"RCPT TO:<r@contoso.com>\r\n", "RCPT TO:<s@contoso.com> NOTIFY=NEVER\r\n",
	"RCPT TO:<t@elsewhere.example>\r\n", "DATA\r\n", "RSET\r\n", "NOOP\r\n",
	"QUIT\r\n", "VRFY x\r\n", "BDAT 10\r\nA: b\r\n\r\nxy", "BDAT 3 LAST\r\nabc",
	"BDAT 0 LAST\r\n", "BDAT 0\r\n",
	"BDAT 36 LAST\r\nX-OriginatorOrg: contoso.com\r\nA: b\r\n",
	"A: b\r\n\r\nbody\r\n..dot\r\n.\r\n",
	"X-OriginatorOrg: contoso.com\r\nB: c\r\n\r\n.\r\n", ".\r\n", "\r\n.\r\n",
	"x\n.\n", "A: b\r\n\r\n", "body\r\n", "XCLIENT ADDR=192.0.2.9\r\n",
	"JUNK\r\n", "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<r@contoso.com>\r\n",
	"X-MS-Exchange-Organization-A: b\r\n",
};

static const char *const answers[] = {
	"250 ok\r\n", "354 go\r\n", "451 later\r\n", "550 no\r\n", "421 bye\r\n",
	"250-a\r\n250 b\r\n", "250-a\r\n451 b\r\n", "999 x\r\n", "220 x\r\n",
	"250 a\r\n250 b\r\n250 c\r\n", "250", " ok\r\n", "250-\r\n", "\r\n",
	"251 maybe\r\n", "250 ok\n", "552 5.3.4 too large\r\n", "200 x\r\n",
	"354 go\r\n250 early\r\n", "5", "50 no\r\n", "250 a\r\n354 b\r\n",
	"250 2.1.0 ok\r\n", "250 2.1.5 ok\r\n", "250 2.0.0 q1\r\n",
	"250 2.0.0 q2\r\n", "250-x\r\n250-CHUNKING\r\n250 8BITMIME\r\n",
	"250-x\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Octets of the input that the step took. */
static size_t
step(struct machine *m, struct xo_span in)
{
	uint8_t op = in.p[0];
	uint8_t more = in.len > 1 ? in.p[1] : 0;
	struct xo_span raw = xo_span_first(xo_span_from(in, 2), more & 63);

	if (op < 96) {
		send_front(m, xo_span_from_cstr(lines[op % COUNT(lines)]));
		return 1;
	}
	if (op < 160) {
		send_reply(m, xo_span_from_cstr(
		    answers[(op - 96U) % COUNT(answers)]));
		return 1;
	}
	switch (op % 16) {
	case 0:
		send_front(m, raw);
		return 2 + raw.len;
	case 1:
		send_reply(m, raw);
		return 2 + raw.len;
	case 2:
	case 3:
	case 4:
		link_up(m, more);
		return 2;
	case 5:
		if (m->is_claiming) {
			m->is_claiming = false;
			xo_relay_back_failed(m->relay,
			    XO_REFUSAL_UPSTREAM_CONNECT, more % 2 == 0 ?
			    xo_span(NULL, 0) : XO_LIT("421 4.7.0 busy"));
		}
		return 1;
	case 6:
		if (m->is_linked)
			xo_relay_back_closed(m->relay);
		return 1;
	case 7:
		if (!m->is_gone)
			xo_relay_front_closed(m->relay);
		m->is_gone = true;
		m->in_len = 0;
		return 1;
	case 8:
		if (xo_relay_deadline(m->relay) != UINT64_MAX &&
		    xo_relay_deadline(m->relay) > m->now)
			m->now = xo_relay_deadline(m->relay);
		xo_relay_set_time(m->relay, m->now, 0);
		xo_relay_timer(m->relay);
		return 1;
	case 9:
	case 10:
		shake_hands(m, more);
		return 2;
	case 11:
		if (m->wants_caps)
			xo_relay_caps_arrived(m->relay);
		m->wants_caps = false;
		return 1;
	case 13:
		tell(m, more);
		return 2;
	case 12:
		xo_relay_shutdown(m->relay, (more & 1) != 0);
		return 2;
	default:
		m->now += more;
		xo_relay_set_time(m->relay, m->now, 0);
		return 2;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	struct xo_span in = xo_span(data, size);
	struct xo_relay_setup setup;

	if (size < 2)
		return 0;
	set_policy(data[0], (data[0] & 2) != 0 ? data[1] : 0);
	m = (struct machine){.now = 1000, .is_stranger = (data[0] & 1) == 0};
	setup = (struct xo_relay_setup){.policy = &policy,
		.listener = &listener, .known = known, .session = "S"};
	setup.address.octets[10] = setup.address.octets[11] = 0xff;
	setup.address.octets[12] = m.is_stranger ? 192 : 127;
	m.relay = xo_relay_new(&setup, m.now);
	MUST(m.relay != NULL);
	xo_relay_set_time(m.relay, m.now, 0);
	xo_relay_start(m.relay, XO_REFUSAL_NONE);
	take_actions(&m);
	for (in = xo_span_from(in, 1); in.len > 0 && !m.is_closed;) {
		in = xo_span_from(in, step(&m, in));
		take_actions(&m);
		settle(&m);
		check(&m);
	}
	xo_relay_free(&m.relay);
	xo_guests_free(&policy.guests);
	xo_tenants_index_free(&policy.tenant_index);
	xo_buf_fini(&m.said);
	xo_buf_fini(&m.line);
	xo_buf_fini(&m.field);
	return 0;
}
