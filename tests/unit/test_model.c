/* SPDX-License-Identifier: ISC */
/*
 * The model's traces (tests/model/traces) played on the relay itself: the same
 * event in, and then the same words out, in the same order, and the same state
 * on both sides. What differs is a mistake of one of the two.
 *
 * A line of a trace: `# ...` the configuration of what follows, `> EVENT CODE
 * FOLLOWED` what happens, `  ...` what comes of it, `= ...` the state then.
 * Other traces: XO_TRACES=FOLDER.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xoorg/domain.h>
#include <xoorg/opening.h>
#include <xoorg/tenants.h>

#include <relay/relay_internal.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define FAR (1u << 30)
#define TRACE_LINE 256

/* --- names ---------------------------------------------------------------- */

static const char *const front_names[] = {
	[FRONT_GREETED] = "FRONT_GREETED", [FRONT_READY] = "FRONT_READY",
	[FRONT_MAIL] = "FRONT_MAIL", [FRONT_CHUNKS] = "FRONT_CHUNKS",
	[FRONT_WAIT_CAPS] = "FRONT_WAIT_CAPS",
	[FRONT_WAIT_TENANT] = "FRONT_WAIT_TENANT",
	[FRONT_HANDSHAKE] = "FRONT_HANDSHAKE", [FRONT_DATA] = "FRONT_DATA",
	[FRONT_CHUNK] = "FRONT_CHUNK", [FRONT_FINAL] = "FRONT_FINAL",
	[FRONT_CLOSED] = "FRONT_CLOSED",
};
static const char *const back_names[] = {
	[BACK_NONE] = "BACK_NONE", [BACK_ACQUIRING] = "BACK_ACQUIRING",
	[BACK_READY] = "BACK_READY", [BACK_FAILED] = "BACK_FAILED",
};
static const char *const mail_names[] = {
	[MAIL_UNSENT] = "MAIL_UNSENT", [MAIL_SENT] = "MAIL_SENT",
	[MAIL_ACCEPTED] = "MAIL_ACCEPTED", [MAIL_REFUSED] = "MAIL_REFUSED",
};
static const char *const content_names[] = {
	[CONTENT_NONE] = "CONTENT_NONE", [CONTENT_HEADER] = "CONTENT_HEADER",
	[CONTENT_OPENING] = "CONTENT_OPENING", [CONTENT_BODY] = "CONTENT_BODY",
	[CONTENT_DISCARD] = "CONTENT_DISCARD",
};

/* What the client says. A piece of content has 40 octets and one
 * '#'; our own stamp has one, too. */

static const struct {
	const char *name;
	struct xo_span octets;
} words[] = {
	{"EHLO", S("EHLO client.example\r\n")},
	{"STARTTLS", S("STARTTLS\r\n")},
	{"MAIL", S("MAIL FROM:<a@example.org>\r\n")},
	{"MAIL_XOORG", S("MAIL FROM:<a@contoso.com> XOORG=contoso.com\r\n")},
	{"MAIL_OTHER", S("MAIL FROM:<a@example.org> XOORG=other.example\r\n")},
	{"MAIL_NULL", S("MAIL FROM:<>\r\n")},
	{"RCPT", S("RCPT TO:<b@contoso.com>\r\n")},
	{"RCPT_BAD", S("RCPT TO:<b@@contoso.com>\r\n")},
	{"RCPT_TABLE", S("RCPT TO:<b@guest.example>\r\n")},
	{"DATA", S("DATA\r\n")},
	{"BDAT_1", S("BDAT 40\r\n")},
	{"BDAT_2", S("BDAT 80\r\n")},
	{"BDAT_LAST_0", S("BDAT 0 LAST\r\n")},
	{"BDAT_LAST_1", S("BDAT 40 LAST\r\n")},
	{"BDAT_LAST_2", S("BDAT 80 LAST\r\n")},
	{"RSET", S("RSET\r\n")},
	{"QUIT", S("QUIT\r\n")},
	{"PIECE", S("A: #0123456789012345678901234567890123\r\n")},
	{"HEADER_END", S("A: b\r\n\r\n#01234567890123456789012345678\r\n")},
	{"HEADER_VALUE", S("X-OriginatorOrg: contoso.com\r\n\r\n#12345\r\n")},
	{"HEADER_TABLE", S("X-OriginatorOrg: guest.example\r\n\r\n#123\r\n")},
	{"HEADER_BAD", S("no field #\r\n\r\n------------------------\r\n")},
	{"NUL", S("\0#------------------------------------\r\n")},
	{"END", S(".\r\n")},
	{"WHOLE", S("A: b\r\n\r\n#01234567890123456789012345678\r\n.\r\n")},
};

/* --- the stage ------------------------------------------------------------ */

struct trace {
	const char *file;
	size_t line;			/* of its latest event */
	/* the configuration */
	int pipelining, chunking, words, lmtp, message, known, table;
};

struct stage {
	uint8_t in[128];	/* what SENDs of the body point into */
	struct trace *trace;
	struct xo_policy policy;
	struct xo_listener listener;
	struct xo_upstream upstreams[2];
	struct xo_known known[2];
	struct xo_relay *relay;
	struct xo_key asked;
	uint8_t asked_domain[XO_DOMAIN_MAX];
	struct xo_heard heard;
	size_t n_replies;
	bool kept_has_chunking;
	bool has_first_octet;		/* of the next reply */
	/* What came out, a line each, as a trace has it. */
	struct xo_buf said;
	/* Octets to the client and to the next hop, not yet a line. */
	struct xo_buf front, back;
	bool hop_in_data;
	uint64_t hop_chunk;
	bool hop_has_chunk;
	size_t n_pieces;
	bool has_content;
};

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
static const struct xo_tenant tenants[] = {
	{.name = S("contoso"), .originator_orgs = contoso,
	    .n_originator_orgs = 1, .recipient_domains = contoso,
	    .n_recipient_domains = 1},
};

static void
set_front_times(struct xo_limits *l, uint32_t ms)
{
	l->command_timeout = l->request_timeout = ms;
	l->handshake_timeout = l->content_timeout = ms;
}

static void
set_back_times(struct xo_limits *l, uint32_t ms)
{
	l->mail_timeout = l->data_timeout = l->final_timeout = ms;
}

static void
set_policy(struct stage *s)
{
	int first, second;

	s->listener = (struct xo_listener){
		.name = S("test"), .peers = listener_peers, .n_peers = 2,
		.has_tls = true, .has_upstream = true, .upstream = 0,
		.has_demote_to = true, .demote_to = 1,
		.on = {
			[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT,
			[XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
			[XO_VERDICT_SENDER_MISMATCH] = XO_DECISION_REJECT,
			[XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE,
		},
	};
	for (size_t i = 0; i < 2; i++)
		s->upstreams[i] = (struct xo_upstream){
			.name = S("hop"),
			.protocol = s->trace->lmtp ? XO_PROTOCOL_LMTP :
			    XO_PROTOCOL_SMTP,
			.xoorg_source = s->trace->message ? XO_XOORG_MESSAGE :
			    XO_XOORG_NONE,
		};
	s->policy = (struct xo_policy){
		.hostname = S("gw.contoso.com"), .peers = peers, .n_peers = 2,
		.tenants = tenants, .n_tenants = 1,
		.listeners = &s->listener, .n_listeners = 1,
		.upstreams = s->upstreams, .n_upstreams = 2,
		.limits = {
			.recipients = 100, .errors = 100, .resets = 100,
			.empty_chunks = 100, .header_octets = 20000, .line_octets = 4096,
			.header_fields = 100, .data_rate = 1, .data_grace = FAR,
			.lookup_timeout = FAR,
		},
	};
	if (s->trace->table)
		s->policy.guests = xo_guests_new(4);
	set_front_times(&s->policy.limits, FAR);
	set_back_times(&s->policy.limits, FAR);
	assert_int_equal(xo_tenants_index(&s->policy, &first, &second), XO_OK);
}

static void
new_relay(struct stage *s)
{
	struct xo_relay_setup setup = {
		.policy = &s->policy, .listener = &s->listener,
		.known = s->known, .session = "S#1",
	};

	setup.address.octets[10] = setup.address.octets[11] = 0xff;
	setup.address.octets[12] = s->trace->message ? 127 : 192;
	setup.address.octets[15] = 1;
	xo_relay_free(&s->relay);
	s->relay = xo_relay_new(&setup, 1000);
	assert_non_null(s->relay);
	xo_relay_set_time(s->relay, 1000, 1700000000);
}

static void
stage_init(struct stage *s, struct trace *trace)
{
	memset(s, 0, sizeof(*s));
	s->trace = trace;
	set_policy(s);
	s->known[0].is_known = s->known[1].is_known = trace->known != 0;
	s->kept_has_chunking = trace->chunking == 1;
	new_relay(s);
}

static void
stage_fini(struct stage *s)
{
	xo_relay_free(&s->relay);
	xo_guests_free(&s->policy.guests);
	xo_tenants_index_free(&s->policy.tenant_index);
	xo_buf_fini(&s->said);
	xo_buf_fini(&s->front);
	xo_buf_fini(&s->back);
}

/* --- what comes out ------------------------------------------------------- */

static void
say(struct stage *s, const char *verb, const char *what, uint64_t n)
{
	xo_buf_add_all(&s->said, "  ", verb, (char *)NULL);
	if (what != NULL)
		xo_buf_add_all(&s->said, " ", what, (char *)NULL);
	if (n != UINT64_MAX) {
		xo_buf_add_byte(&s->said, ' ');
		xo_buf_add_u64(&s->said, n);
	}
	xo_buf_add_byte(&s->said, '\n');
}

/* content-nul -> CONTENT_NUL: as the model and the enum have it. */
static const char *
refusal_name(enum xo_refusal why)
{
	static char name[64];
	const char *id = xo_refusal_info(why)->id;
	size_t i;

	for (i = 0; id[i] != '\0' && i + 1 < sizeof(name); i++)
		name[i] = id[i] == '-' ? '_' : (char)(id[i] - 'a' + 'A');
	name[i] = '\0';
	return name;
}

static void
end_content(struct stage *s)
{
	if (s->has_content)
		say(s, "back", "CONTENT", s->n_pieces);
	s->has_content = false;
	s->n_pieces = 0;
}

static void
hop_command(struct stage *s, struct xo_span line)
{
	static const char *const names[XO_VERB_COUNT] = {
		[XO_VERB_MAIL] = "MAIL", [XO_VERB_RCPT] = "RCPT",
		[XO_VERB_RSET] = "RSET", [XO_VERB_DATA] = "DATA",
		[XO_VERB_BDAT] = "BDAT", [XO_VERB_EHLO] = "EHLO",
	};
	struct xo_command command;
	struct xo_chunk chunk = {0};
	const char *name;

	xo_command_parse(line, &command);
	name = names[command.verb];
	if (xo_span_is_equal(command.name, XO_LIT("LHLO")))
		name = "EHLO";
	if (command.verb == XO_VERB_BDAT) {
		assert_int_equal(xo_bdat_parse(command.args, &chunk),
		    XO_REFUSAL_NONE);
		s->hop_chunk = chunk.size;
		name = chunk.is_last ? "BDAT last" : "BDAT";
	}
	say(s, "back", name != NULL ? name : "?", UINT64_MAX);
}

/* One octet to the next hop, which is where it is: a line, or content. */
static void
hop_octet(struct stage *s, uint8_t c)
{
	struct xo_buf *line = &s->back;

	if (s->hop_chunk > 0) {
		s->hop_chunk--;
		s->has_content = true;
		s->n_pieces += c == '#';
		return;
	}
	if (!s->hop_in_data)
		end_content(s);
	xo_buf_add_byte(line, c);
	if (c != '\n')
		return;
	if (!s->hop_in_data) {
		hop_command(s, xo_span_first(xo_buf_span(line),
		    line->len - 2));
	} else if (line->len == 3 && line->p[0] == '.') {
		end_content(s);
		say(s, "back", "END", UINT64_MAX);
		s->hop_in_data = false;
	} else {
		s->has_content = true;
		for (size_t i = 0; i < line->len; i++)
			s->n_pieces += line->p[i] == '#';
	}
	xo_buf_clear(line);
}

static void
client_octet(struct stage *s, uint8_t c)
{
	struct xo_buf *line = &s->front;

	xo_buf_add_byte(line, c);
	if (c != '\n')
		return;
	if (line->p[3] == ' ')
		say(s, "front", NULL, (uint64_t)((line->p[0] - '0') * 100 +
		    (line->p[1] - '0') * 10 + line->p[2] - '0'));
	xo_buf_clear(line);
}

static void
hop_is_gone(struct stage *s)
{
	end_content(s);
	s->hop_in_data = false;
	s->hop_chunk = 0;
	s->has_first_octet = false;
	xo_buf_clear(&s->back);
}

static void
take_action(struct stage *s, const struct xo_action *a)
{
	const struct xo_report *report;

	if (a->type == XO_ACTION_SEND) {
		for (size_t i = 0; i < a->bytes.len; i++)
			if (a->side == XO_FRONT)
				client_octet(s, a->bytes.p[i]);
			else
				hop_octet(s, a->bytes.p[i]);
		end_content(s);
		return;
	}
	switch (a->type) {
	case XO_ACTION_LOOKUP:
		s->asked = xo_relay_lacks(s->relay)->key;
		memcpy(s->asked_domain, s->asked.domain.p,
		    s->asked.domain.len);
		s->asked.domain.p = s->asked_domain;
		say(s, "lookup", NULL, UINT64_MAX);
		break;
	case XO_ACTION_START_TLS:
		say(s, "start-tls", NULL, UINT64_MAX);
		break;
	case XO_ACTION_NEED_CAPS:
		say(s, "need-caps", NULL, UINT64_MAX);
		break;
	case XO_ACTION_ACQUIRE:
		say(s, "acquire", a->is_fresh ? "fresh" : NULL, UINT64_MAX);
		break;
	case XO_ACTION_RELEASE:
		say(s, "release", NULL, UINT64_MAX);
		hop_is_gone(s);
		break;
	case XO_ACTION_RELEASE_RESET:
		say(s, "release-reset", NULL, UINT64_MAX);
		hop_is_gone(s);
		break;
	case XO_ACTION_DROP:
		say(s, "drop", NULL, UINT64_MAX);
		hop_is_gone(s);
		break;
	case XO_ACTION_OUT_OF_STEP:
		say(s, "out-of-step", NULL, UINT64_MAX);
		break;
	case XO_ACTION_CLOSE:
		say(s, "close", NULL, UINT64_MAX);
		break;
	case XO_ACTION_OBSERVED:
	case XO_ACTION_REFUSED:
		say(s, "refused", refusal_name(a->refusal), UINT64_MAX);
		break;
	case XO_ACTION_REPORT:
		report = xo_relay_report(s->relay);
		say(s, "report", refusal_name(report->reason), report->code);
		break;
	case XO_ACTION_SEND:
	case XO_ACTION_SAID:
	default:
		break;
	}
}

/* Two SENDs in a row may be one content. */
static void
join_content(struct xo_buf *said)
{
	static const char word[] = "  back CONTENT ";
	struct xo_buf joined = {0};
	struct xo_span rest = xo_buf_span(said), line;
	uint64_t sum = 0, n;
	bool is_open = false;

	while (rest.len > 0 || is_open) {
		size_t len = xo_span_find(rest, '\n');

		line = xo_span_first(rest, len);
		if (rest.len > 0 && line.len > sizeof(word) - 1 &&
		    memcmp(line.p, word, sizeof(word) - 1) == 0) {
			n = (uint64_t)(line.p[sizeof(word) - 1] - '0');
			sum += n;
			is_open = true;
			rest = xo_span_from(rest, len + 1);
			continue;
		}
		if (is_open) {
			xo_buf_add_cstr(&joined, word);
			xo_buf_add_u64(&joined, sum);
			xo_buf_add_byte(&joined, '\n');
			is_open = false;
			sum = 0;
			continue;
		}
		xo_buf_add(&joined, xo_span_first(rest, len + 1));
		rest = xo_span_from(rest, len + 1);
	}
	xo_buf_fini(said);
	*said = joined;
}

static void
take_actions(struct stage *s)
{
	struct xo_action a;

	while (xo_relay_next(s->relay, &a))
		take_action(s, &a);
	join_content(&s->said);
}

/* --- what goes in --------------------------------------------------------- */

static bool
is_event(const char *event, const char *name)
{
	return strcmp(event, name) == 0;
}

static void
play_word(struct stage *s, const char *event, bool is_followed)
{
	static const char behind[] = "N";
	uint8_t *in = s->in;
	size_t used, len;
	bool minds = is_event(event, "EHLO") || is_event(event, "DATA") ||
	    is_event(event, "STARTTLS");

	for (size_t i = 0; i < N(words); i++) {
		if (!is_event(event, words[i].name))
			continue;
		len = words[i].octets.len;
		memcpy(in, words[i].octets.p, len);
		if (is_followed && minds)
			in[len++] = (uint8_t)behind[0];
		used = xo_relay_front_bytes(s->relay, xo_span(in, len));
		if (used != words[i].octets.len &&
		    s->relay->front.state != FRONT_CLOSED)
			fail_msg("%s:%zu: %s: %zu octets used",
			    s->trace->file, s->trace->line, event, used);
		return;
	}
	fail_msg("%s:%zu: what is %s?", s->trace->file, s->trace->line, event);
}

/* 210, 215, 290: MAIL's, RCPT's and EHLO's 250, which the model tells apart. No
 * final reply is like another: each has a queue's name. */
static int
write_reply(struct stage *s, int code, char *text, size_t size)
{
	if (code == 210 || code == 215)
		return snprintf(text, size, "250 2.1.%d x%zu\r\n",
		    code - 210, s->n_replies++);
	if (code == 250)
		return snprintf(text, size, "250 2.0.0 x%zu\r\n",
		    s->n_replies++);
	if (code == 290)
		return snprintf(text, size, "250-x\r\n%s%s%s250 8BITMIME\r\n",
		    s->trace->pipelining ? "250-PIPELINING\r\n" : "",
		    s->trace->words ? "250-ENHANCEDSTATUSCODES\r\n" : "",
		    s->kept_has_chunking ? "250-CHUNKING\r\n" : "");
	return snprintf(text, size, "%d x\r\n", code);
}

/* `next`: the first octet of the reply that comes along in part; 0: none. */
static void
play_reply(struct stage *s, int code, char next)
{
	char text[160];
	int len = write_reply(s, code, text, sizeof(text));
	size_t at = s->has_first_octet ? 1 : 0;

	if (code == 0)
		len = snprintf(text, sizeof(text), "25");
	s->has_first_octet = next != '\0';
	if (next != '\0')
		text[len++] = next;
	if (code == 354)
		s->hop_in_data = true;
	(void)xo_relay_back_bytes(s->relay,
	    xo_span((const uint8_t *)text + at, (size_t)len - at));
	if (code == 354 && (s->relay->back.state != BACK_READY ||
	    s->relay->t.content.state != CONTENT_BODY))
		s->hop_in_data = false;
}

static void
play_ready(struct stage *s, const char *event)
{
	struct xo_caps caps = {0};

	if (is_event(event, "READY_OTHER"))
		s->kept_has_chunking = s->trace->chunking == 1;
	else if (!is_event(event, "READY_KEPT"))
		s->kept_has_chunking = is_event(event, "READY_CHUNKING");
	if (s->trace->pipelining)
		xo_caps_add_line(&caps, (struct xo_span)S("PIPELINING"), NULL);
	if (s->kept_has_chunking)
		xo_caps_add_line(&caps, (struct xo_span)S("CHUNKING"), NULL);
	if (s->trace->words)
		xo_caps_add_line(&caps, (struct xo_span)S("ENHANCEDSTATUSCODES"),
		    NULL);
	xo_caps_add_line(&caps, (struct xo_span)S("8BITMIME"), NULL);
	if (s->trace->message)
		xo_caps_add_line(&caps, (struct xo_span)S("XOORG"), NULL);
	xo_relay_back_ready(s->relay, &caps, &s->heard, is_event(event, "READY_KEPT") ||
	    is_event(event, "READY_OTHER"));
}

static void
play_tls(struct stage *s, const char *event)
{
	struct xo_certificate certificate = {
		.is_present = !is_event(event, "TLS_NONE"),
		.dns_names = exchange_names, .n_dns_names = 1,
		.is_chain_valid = is_event(event, "TLS_GOOD"),
	};

	if (!certificate.is_present)
		certificate.n_dns_names = 0;
	xo_relay_tls_done(s->relay, &certificate, "TLSv1.3", 256);
}

static void
play_timer(struct stage *s, bool is_front)
{
	struct xo_limits *l = &s->policy.limits;

	set_front_times(l, is_front ? 0 : FAR);
	set_back_times(l, is_front ? FAR : 0);
	xo_relay_timer(s->relay);
	set_front_times(l, FAR);
	set_back_times(l, FAR);
}

static void
keep_guest(struct xo_guest *guest)
{
	(void)guest;
}

/* Whatever is asked for, it lists it. No answer at all is the timer's. */
static void
play_answer(struct stage *s, const char *event)
{
	static const struct xo_span orgs[] = {
		S("other.example"), S("example.org"), S("guest.example"),
	};
	static struct xo_guest tenant = {.free = keep_guest, .tenant = {
		.originator_orgs = orgs, .n_originator_orgs = N(orgs),
		.recipient_domains = contoso, .n_recipient_domains = 1}};
	struct xo_guest *guest = &tenant;
	bool is_tenant = is_event(event, "TENANT");
	struct xo_key key = s->asked;

	if (is_event(event, "NOT_NOW")) {
		s->policy.limits.lookup_timeout = 0;
		xo_relay_timer(s->relay);
		s->policy.limits.lookup_timeout = FAR;
		return;
	}
	assert_int_not_equal(xo_guests_put(s->policy.guests, &key, is_tenant ?
	    XO_KNOWN_TENANT : XO_KNOWN_NOBODY, is_tenant ? &guest : NULL, 0,
	    0), XO_KNOWN_NOT_NOW);
	xo_relay_tenant_arrived(s->relay);
	take_actions(s);
	xo_guests_told(s->policy.guests, &key);
}

static bool
play_other(struct stage *s, const char *event)
{
	if (is_event(event, "BACK_CLOSED"))
		xo_relay_back_closed(s->relay);
	else if (strncmp(event, "READY_", 6) == 0)
		play_ready(s, event);
	else if (is_event(event, "ACQUIRE_FAILED"))
		xo_relay_back_failed(s->relay, XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span(NULL, 0));
	else if (is_event(event, "FRONT_GONE"))
		xo_relay_front_closed(s->relay);
	else if (strncmp(event, "TIMER_", 6) == 0)
		play_timer(s, is_event(event, "TIMER_FRONT"));
	else if (strncmp(event, "TLS_", 4) == 0)
		play_tls(s, event);
	else if (is_event(event, "TENANT") || is_event(event, "NOBODY") ||
	    is_event(event, "NOT_NOW"))
		play_answer(s, event);
	else if (is_event(event, "DRAIN") || is_event(event, "STOP"))
		xo_relay_shutdown(s->relay, is_event(event, "STOP"));
	else if (is_event(event, "SESSION"))
		new_relay(s);
	else
		return false;
	return true;
}

static void
play(struct stage *s, const char *event, int code, bool is_followed, char next)
{
	xo_buf_clear(&s->said);
	if (is_event(event, "REPLY") || is_event(event, "PARTIAL")) {
		play_reply(s, code, '\0');
	} else if (is_event(event, "REPLY_AHEAD")) {
		play_reply(s, code, next);
	} else if (strncmp(event, "CAPS", 4) == 0) {
		s->known[0].is_known = s->known[1].is_known =
		    is_event(event, "CAPS");
		xo_relay_caps_arrived(s->relay);
	} else if (!play_other(s, event)) {
		play_word(s, event, is_followed);
	}
	take_actions(s);
}

/* --- comparing ------------------------------------------------------------ */

static bool
has_deadline(struct stage *s, bool is_front)
{
	struct xo_limits *l = &s->policy.limits;
	bool is_near;

	if (is_front)
		set_front_times(l, 10);
	else
		set_back_times(l, 10);
	is_near = xo_relay_deadline(s->relay) < 1000 + FAR;
	set_front_times(l, FAR);
	set_back_times(l, FAR);
	return is_near;
}

static void
describe(struct stage *s, char *out, size_t size)
{
	const struct xo_relay *r = s->relay;

	(void)snprintf(out, size, "= %s %s %s %s expected %zu slots %zu "
	    "told %zu accepted %zu timers %d %d", front_names[r->front.state],
	    back_names[r->back.state], mail_names[r->t.envelope.state],
	    content_names[r->t.content.state], r->back.n_expected, r->t.envelope.n_slots,
	    r->t.envelope.n_told, r->t.envelope.n_accepted, has_deadline(s, true),
	    has_deadline(s, false));
}

/* The model counts pieces, and says which recipient: not for comparison. */
static void
normalize(char *line)
{
	int n;

	if (sscanf(line, "  back BDAT %d", &n) == 1)
		(void)snprintf(line, TRACE_LINE, "  back BDAT%s",
		    n % 2 != 0 ? " last" : "");
	else if (strncmp(line, "  back ", 7) == 0 &&
	    strncmp(line, "  back CONTENT", 14) != 0)
		*strrchr(line, ' ') = '\0';
}

/* --- the opening ---------------------------------------------------------- */

static const char *const opening_names[] = {
	[XO_OPENING_GREETING] = "XO_OPENING_GREETING",
	[XO_OPENING_EHLO] = "XO_OPENING_EHLO",
	[XO_OPENING_HELO] = "XO_OPENING_HELO",
	[XO_OPENING_STARTTLS] = "XO_OPENING_STARTTLS",
	[XO_OPENING_HANDSHAKE] = "XO_OPENING_HANDSHAKE",
	[XO_OPENING_RSET] = "XO_OPENING_RSET",
	[XO_OPENING_XCLIENT] = "XO_OPENING_XCLIENT",
	[XO_OPENING_DONE] = "XO_OPENING_DONE",
	[XO_OPENING_FAILED] = "XO_OPENING_FAILED",
};
_Static_assert(N(opening_names) == XO_OPENING_STATE_COUNT, "a name each");

struct opening_stage {
	struct trace *trace;
	struct xo_upstream upstream;
	struct xo_address address;
	struct xo_handover_info handover;
	struct xo_opening opening;
	struct xo_buf said;
};

static void
opening_init(struct opening_stage *s, struct trace *trace, const char *line)
{
	char tls[32];
	int require, handover, lmtp;

	memset(s, 0, sizeof(*s));
	s->trace = trace;
	if (sscanf(line, "# opening tls %31s require %d handover %d lmtp %d",
	    tls, &require, &handover, &lmtp) != 4)
		fail_msg("%s: %s", trace->file, line);
	s->upstream = (struct xo_upstream){
		.name = S("hop"),
		.tls = is_event(tls, "XO_TLS_NONE") ? XO_TLS_NONE :
		    is_event(tls, "XO_TLS_VERIFY") ? XO_TLS_VERIFY :
		    XO_TLS_ENCRYPT,
		.require_xoorg = require != 0,
		.handover = handover != 0 ? XO_HANDOVER_XCLIENT :
		    XO_HANDOVER_NONE,
		.protocol = lmtp != 0 ? XO_PROTOCOL_LMTP : XO_PROTOCOL_SMTP,
	};
	s->address.octets[10] = s->address.octets[11] = 0xff;
	s->address.octets[12] = 192;
	s->handover = (struct xo_handover_info){
		.address = &s->address, .port = 1025,
		.hello = S("client.example"), .is_esmtp = true,
	};
	xo_opening_start(&s->opening, &s->upstream,
	    (struct xo_span)S("gw.contoso.com"), NULL, &s->handover);
}

/* `caps`: STARTTLS, XOORG and XCLIENT, as bits. */
static void
opening_reply(struct opening_stage *s, int code, int caps, bool is_ahead)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "%d%sx\r\n%s%s%s%s", code,
	    caps != 0 ? "-" : " ", (caps & 1) != 0 ? "250-STARTTLS\r\n" : "",
	    (caps & 2) != 0 ? "250-XOORG\r\n" : "",
	    (caps & 4) != 0 ? "250-XCLIENT NAME ADDR\r\n" : "",
	    caps != 0 ? "250 HELP\r\n" : "");

	if (is_ahead)
		text[len++] = '2';
	(void)xo_opening_bytes(&s->opening,
	    xo_span((const uint8_t *)text, (size_t)len));
}

static void
opening_play(struct opening_stage *s, const char *event, int code, int caps)
{
	if (is_event(event, "REPLY") || is_event(event, "REPLY_AHEAD"))
		opening_reply(s, code, caps, is_event(event, "REPLY_AHEAD"));
	else if (is_event(event, "TLS_DONE"))
		xo_opening_tls_done(&s->opening);
	else if (strncmp(event, "RESUME", 6) == 0)
		xo_opening_resume(&s->opening, is_event(event, "RESUME_RESET"),
		    &s->handover);
	else
		fail_msg("%s:%zu: what is %s?", s->trace->file,
		    s->trace->line, event);
}

/* The verb of what it says, as a trace has it; then the state. */
static void
opening_describe(struct opening_stage *s)
{
	struct xo_opening *o = &s->opening;
	struct xo_span out = xo_buf_span(&o->out);
	char line[TRACE_LINE];

	xo_buf_clear(&s->said);
	if (out.len > 0) {
		size_t lf = xo_span_find(out, '\n');
		struct xo_span verb = xo_span_first(out, lf - 1);

		assert_int_equal(lf + 1, out.len);
		verb = xo_span_first(verb, xo_span_find(verb, ' '));
		xo_buf_add_cstr(&s->said, "  say ");
		xo_buf_add(&s->said, verb);
		xo_buf_add_byte(&s->said, '\n');
	}
	xo_buf_clear(&o->out);
	(void)snprintf(line, sizeof(line), "= %s %d %d %s\n",
	    opening_names[o->state], o->is_tls,
	    (xo_caps_has(&o->caps, XO_CAP_STARTTLS) ? 1 : 0) +
	    (xo_caps_has(&o->caps, XO_CAP_XOORG) ? 2 : 0) +
	    (xo_caps_has(&o->caps, XO_CAP_XCLIENT) ? 4 : 0),
	    refusal_name(o->why));
	xo_buf_add_cstr(&s->said, line);
	xo_buf_add_byte(&s->said, '\0');
}

/* All of one file in memory: what comes next must be seen. */
struct lines {
	char *text;
	char **line;
	size_t n;
};

static void
load(struct lines *l, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t len = 0, cap = 0;
	ssize_t n;
	char *line = NULL;

	memset(l, 0, sizeof(*l));
	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (l->n % 1024 == 0)
			l->line = reallocarray(l->line, l->n + 1024,
			    sizeof(*l->line));
		l->line[l->n] = calloc(1, TRACE_LINE);
		(void)snprintf(l->line[l->n++], TRACE_LINE, "%s", line);
		len += (size_t)n;
	}
	free(line);
	(void)fclose(f);
	assert_true(len > 0);
}

static void
unload(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	free(l->line);
}

/* The first octet of the reply behind the one at `at`. */
static char
next_reply(const struct lines *l, size_t at)
{
	char event[TRACE_LINE];
	int code;

	for (at++; at < l->n && l->line[at][0] != '#'; at++) {
		if (sscanf(l->line[at], "> %s %d", event, &code) != 2)
			continue;
		if (is_event(event, "PARTIAL"))
			return '2';
		if (strncmp(event, "REPLY", 5) == 0)
			return (char)('0' + code / 100);
	}
	return '2';
}

static void
expect(const struct stage *s, const char *want, const char *got,
    const char *event)
{
	if (strcmp(want, got) != 0)
		fail_msg("%s:%zu: %s\nthe model:\n%s\nthe relay:\n%s",
		    s->trace->file, s->trace->line, event, want, got);
}

/* The event at `at`, and what follows it; where the next one is. */
static size_t
play_event(struct stage *s, struct lines *l, size_t at)
{
	char event[TRACE_LINE], got[2 * TRACE_LINE];
	struct xo_buf want = {0};
	int code, is_followed;
	size_t start = at;

	s->trace->line = at + 1;
	if (sscanf(l->line[at], "> %s %d %d", event, &code, &is_followed) != 3)
		fail_msg("%s:%zu: no event", s->trace->file, at + 1);
	play(s, event, code, is_followed != 0, next_reply(l, at));
	for (at++; at < l->n && l->line[at][0] == ' '; at++) {
		normalize(l->line[at]);
		xo_buf_add_all(&want, l->line[at], "\n", (char *)NULL);
	}
	xo_buf_add_byte(&want, '\0');
	xo_buf_add_byte(&s->said, '\0');
	expect(s, (const char *)want.p, (const char *)s->said.p,
	    l->line[start]);
	xo_buf_fini(&want);
	if (at < l->n && l->line[at][0] == '=') {
		describe(s, got, sizeof(got));
		if (!is_event(event, "SESSION"))
			expect(s, l->line[at], got, l->line[start]);
		at++;
	}
	return at;
}

static size_t
play_opening(struct trace *trace, struct lines *l, size_t at)
{
	struct opening_stage s;
	char event[TRACE_LINE];
	int code, caps;
	size_t start;

	opening_init(&s, trace, l->line[at]);
	for (at++; at < l->n && l->line[at][0] != '#';) {
		struct xo_buf want = {0};

		start = at;
		trace->line = at + 1;
		assert_int_equal(sscanf(l->line[at], "> %s %d %d", event,
		    &code, &caps), 3);
		opening_play(&s, event, code, caps);
		for (at++; at < l->n && l->line[at][0] != '>' &&
		    l->line[at][0] != '#'; at++)
			xo_buf_add_all(&want, l->line[at], "\n",
			    (char *)NULL);
		xo_buf_add_byte(&want, '\0');
		opening_describe(&s);
		if (strcmp((const char *)want.p, (const char *)s.said.p) != 0)
			fail_msg("%s:%zu: %s\nthe model:\n%s\nthe code:\n%s",
			    trace->file, start + 1, l->line[start],
			    (const char *)want.p, (const char *)s.said.p);
		xo_buf_fini(&want);
	}
	xo_opening_fini(&s.opening);
	xo_buf_fini(&s.said);
	return at;
}

static size_t
play_relay(struct trace *trace, struct lines *l, size_t at)
{
	struct stage stage;

	assert_int_equal(sscanf(l->line[at], "# pipelining %d chunking %d "
	    "words %d lmtp %d message %d known %d table %d", &trace->pipelining,
	    &trace->chunking, &trace->words, &trace->lmtp, &trace->message,
	    &trace->known, &trace->table), 7);
	stage_init(&stage, trace);
	for (at++; at < l->n && l->line[at][0] != '#';)
		at = play_event(&stage, l, at);
	stage_fini(&stage);
	return at;
}

static size_t
play_file(const char *folder, const char *name)
{
	char path[512];
	struct lines lines;
	struct trace trace = {.file = name};
	size_t at = 0, n = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	load(&lines, path);
	for (; at < lines.n; n++)
		if (strncmp(lines.line[at], "# opening", 9) == 0)
			at = play_opening(&trace, &lines, at);
		else
			at = play_relay(&trace, &lines, at);
	unload(&lines);
	return n;
}

static void
test_traces(void **state)
{
	const char *folder = getenv("XO_TRACES");
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	(void)state;
	if (folder == NULL)
		folder = MODEL_TRACES;
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".trace") != NULL)
			n += play_file(folder, entry->d_name);
	(void)closedir(dir);
	print_message("# %zu traces\n", n);
	assert_true(n > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
