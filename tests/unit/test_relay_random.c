/* SPDX-License-Identifier: ISC */
/*
 * Sessions nobody wrote: seeded clients and next hops, and memory that fails at
 * each place in turn. What must hold in all of them: relay_world.h, and here
 * what the client is told against what was committed.
 *
 * XO_SEEDS=N runs more of them, XO_SEED=N this one alone.
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

#include "relay_watch.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define SEEDS 20000

/* Memory */

static size_t fail_at, n_allocated;
static bool fails_on;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool
is_out_of_memory(void)
{
	if (!world_is_inside || fail_at == 0)
		return false;
	n_allocated++;
	return n_allocated == fail_at || (fails_on && n_allocated > fail_at);
}

void *
__wrap_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return is_out_of_memory() ? NULL : __real_realloc(p, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_reallocarray(p, n, size);
}

/* Chance */

static uint64_t chance;

static uint64_t
draw(void)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t
below(size_t n)
{
	return (size_t)(draw() % n);
}

static bool
one_in(size_t n)
{
	return below(n) == 0;
}

static const char *
any_of(const char *const *list, size_t n)
{
	return list[below(n)];
}

static void
breach(const struct world *w, const char *what)
{
	fprintf(stderr, "%s\n%.*s", what, (int)w->transcript.len,
	    (const char *)w->transcript.p);
	fail();
}

/* A client with a message */

struct letter {
	struct xo_buf sent, want;
	bool is_dirty;			/* body has bare newlines or NUL */
	bool has_end;			/* ends with CRLF */
};

static void
write_header(struct letter *l)
{
	static const char *const kept[] = {
		"From: a@example.org\r\n", "Subject: x\r\n y\r\n",
		"To: \r\n", "X-MS-Exchange-Other: 1\r\n", "a:b\r\n",
	};
	static const char *const dropped[] = {
		"X-OriginatorOrg: evil.example\r\n",
		"X-OriginatorOrg: contoso.com\r\n",
		"x-originatororg\t : evil.example\r\n",
		"X-MS-Exchange-Organization-A: b\r\n\tc\r\n",
		"X-MS-EXCHANGE-FOREST-b:\r\n",
		"Authentication-Results: gw.contoso.com; x-xoorg=pass\r\n",
	};

	for (size_t i = below(6); i > 0; i--) {
		bool is_kept = !one_in(3);
		const char *line = is_kept ? any_of(kept, N(kept)) :
		    any_of(dropped, N(dropped));

		xo_buf_add_cstr(&l->sent, line);
		if (is_kept)
			xo_buf_add_cstr(&l->want, line);
	}
}

static void
write_body(struct letter *l, bool is_lines)
{
	static const char *const lines[] = {
		"\r\n", ".\r\n", "..\r\n", ".x\r\n", "text\r\n", "BDAT 5\r\n",
		"DATA\r\n", "QUIT\r\n", ".\r\nMAIL FROM:<smuggled@x>\r\n",
		"0123456789012345678901234567890123456789012345678901234\r\n",
	};
	static const char *const dirt[] = {"\n", "\r", "\n.\r\n", "\r.\r\n"};
	size_t start = l->sent.len;

	for (size_t i = below(8); i > 0; i--)
		xo_buf_add_cstr(&l->sent, any_of(lines, N(lines)));
	l->has_end = true;
	if (!is_lines && one_in(2)) {
		xo_buf_add_cstr(&l->sent, "end");
		l->has_end = false;
	}
	if (l->is_dirty) {
		xo_buf_add_cstr(&l->sent, any_of(dirt, N(dirt)));
		xo_buf_add_cstr(&l->sent, is_lines ? "\r\n" : "");
	}
	xo_buf_add(&l->want, xo_span_from(xo_buf_span(&l->sent), start));
}

/* The header ends here, and what would have been fields is body. */
static void
write_malformed(struct letter *l)
{
	static const char *const odd[] = {
		"gar bage\r\n", ".\r\n", "..x: y\r\n", ": x\r\n", "(a): b\r\n",
	};
	size_t start = l->sent.len;

	if (start == 0 && one_in(2))
		xo_buf_add_cstr(&l->sent, one_in(2) ? " \t" :
		    "\xef\xbb\xbf");
	start = l->sent.len;
	xo_buf_add_cstr(&l->sent, any_of(odd, N(odd)));
	xo_buf_add_cstr(&l->sent, "X-OriginatorOrg: in.the.body\r\n");
	xo_buf_add_cstr(&l->want, "\r\n");
	xo_buf_add(&l->want, xo_span_from(xo_buf_span(&l->sent), start));
}

static void
write_letter(struct letter *l, bool is_lines, bool is_malformed)
{
	memset(l, 0, sizeof(*l));
	write_header(l);
	if (is_malformed)
		write_malformed(l);
	/* Some end in the header. */
	if (l->sent.len > 0 && one_in(10)) {
		l->has_end = true;
		return;
	}
	xo_buf_add_cstr(&l->sent, "\r\n");
	xo_buf_add_cstr(&l->want, "\r\n");
	l->is_dirty = one_in(8);
	write_body(l, is_lines);
}

static void
fini_letter(struct letter *l)
{
	xo_buf_fini(&l->sent);
	xo_buf_fini(&l->want);
}

/* Lines of a letter as DATA has them. */
static void
stuff(struct xo_buf *out, struct xo_span s)
{
	bool is_begin = true;

	for (size_t i = 0; i < s.len; i++) {
		if (is_begin && s.p[i] == '.')
			xo_buf_add_byte(out, '.');
		xo_buf_add_byte(out, s.p[i]);
		is_begin = s.p[i] == '\n' && i > 0 && s.p[i - 1] == '\r';
	}
	xo_buf_add_cstr(out, ".\r\n");
}

/* Things that happen while somebody waits. */
static void
disturb(struct world *w)
{
	if (one_in(30))
		world_leave(w);
	else if (one_in(30))
		world_shutdown(w, one_in(2));
	else if (one_in(25))
		w->hop.closes = true;
	else if (one_in(15))
		w->now += below(70000);
}

static bool
is_over(const struct world *w)
{
	return w->is_closed || w->is_gone || w->violation[0] != '\0';
}

/* Until the client has `n` replies, or nobody is left to give them. */
static bool
await(struct world *w, size_t n)
{
	for (size_t i = 0; i < 20 && w->n_replies < n && !is_over(w); i++)
		if (!world_wait(w)) {
			/* A claim that hangs is ended by the caller. */
			if (!w->hop.is_claimed)
				break;
			w->options.n_plans = 0;
			world_settle(w);
		}
	return w->n_replies >= n && !is_over(w);
}

static void
send_in_pieces(struct world *w, struct xo_span s)
{
	while (s.len > 0 && !is_over(w)) {
		size_t n = one_in(2) ? s.len : 1 + below(s.len);

		world_send(w, xo_span_first(s, n));
		s = xo_span_from(s, n);
		disturb(w);
	}
}

static uint16_t
send_data(struct world *w, const struct letter *l)
{
	struct xo_buf wire = {0};
	size_t n = w->n_replies;

	world_say(w, "DATA\r\n");
	if (!await(w, n + 1))
		return 0;
	if (w->replies[n] != 354)
		return w->replies[n];
	stuff(&wire, xo_buf_span(&l->sent));
	send_in_pieces(w, xo_buf_span(&wire));
	xo_buf_fini(&wire);
	(void)await(w, n + 2);
	return w->n_replies > n + 1 ? w->replies[n + 1] : 0;
}

/* The first reply that is no 250, else the last. */
static uint16_t
send_chunks(struct world *w, const struct letter *l)
{
	struct xo_span rest = xo_buf_span(&l->sent);
	struct xo_buf wire = {0};
	size_t n = w->n_replies, sent = 0;
	bool is_group = one_in(2), is_last;
	uint16_t code = 0;

	do {
		size_t len = one_in(3) ? rest.len : below(rest.len + 1);

		is_last = len == rest.len && !one_in(5);
		xo_buf_add_cstr(&wire, "BDAT ");
		xo_buf_add_u64(&wire, len);
		xo_buf_add_cstr(&wire, is_last ? " LAST\r\n" : "\r\n");
		xo_buf_add(&wire, xo_span_first(rest, len));
		rest = xo_span_from(rest, len);
		sent++;
		if (is_group && !is_last)
			continue;
		send_in_pieces(w, xo_buf_span(&wire));
		xo_buf_clear(&wire);
		if (!await(w, n + sent))
			break;
	} while (!is_last && w->replies[w->n_replies - 1] == 250);
	xo_buf_fini(&wire);
	for (size_t i = n; i < n + sent && i < w->n_replies; i++)
		if (code == 0 || code == 250)
			code = w->replies[i];
	if (code == 250 && (!is_last || w->n_replies < n + sent))
		return 0;
	return code;
}

/* Who talks out of turn is not believed when he says 250, either. */
static bool
is_confusing(const struct world *w)
{
	/* What goes wrong at the end counts where EHLO may be said behind it. */
	for (size_t i = 0; i < w->options.n_plans; i++)
		if (w->options.plans[i].phase != HOP_ACQUIRE &&
		    (w->options.plans[i].phase != HOP_FINAL ||
		    (w->n_commits > 0 && !w->commits[w->n_commits - 1].by_data)))
			return true;
	return false;
}

static void
check_letter(const struct world *w, const struct letter *l, size_t n_accepted)
{
	const struct commit *c = &w->commits[w->n_commits - 1];
	struct xo_span got = xo_buf_span(&c->content);
	struct xo_span want = xo_buf_span(&l->want);

	if (c->n_rcpts != n_accepted)
		breach(w, "other recipients than the client was told");
	if (l->is_dirty && c->by_data && !w->options.normalizes)
		breach(w, "bare newlines passed on by DATA");
	if (l->is_dirty && (c->by_data || w->options.normalizes))
		return;
	if (c->by_data && !l->has_end)
		got.len -= 2;
	if (got.len < want.len || !xo_span_is_equal(
	    xo_span_from(got, got.len - want.len), want))
		breach(w, "other content than was sent");
	got.len -= want.len;
	if (got.len == 0 || got.p[got.len - 1] != '\n' ||
	    world_span_has(got, "evil") || world_span_has(got, "\r\n\r\n"))
		breach(w, "something else than a stamp above it");
}

static void
check_outcome(struct world *w, const struct letter *l, uint16_t code,
    size_t n_acked, size_t n_commits, size_t n_accepted)
{
	if (w->violation[0] != '\0')
		breach(w, w->violation);
	if (w->n_commits > n_commits + 1)
		breach(w, "committed twice");
	if (code / 100 == 2 && w->n_acked != n_acked + 1)
		breach(w, "A: 2xx without the next hop's");
	if (code / 100 != 2 && w->n_acked != n_acked && !is_over(w) &&
	    !is_confusing(w))
		breach(w, "D: the next hop's 2xx was lost");
	if (code / 100 == 5 && !l->is_dirty &&
	    !w->hop.has_said_5xx && w->options.size_limit == 0)
		breach(w, "C: 5xx that nobody said");
	if (code == 250)
		check_letter(w, l, n_accepted);
}

static void
transact(struct world *w)
{
	size_t n = w->n_replies, n_acked = w->n_acked;
	size_t n_commits = w->n_commits, n_rcpts = 1 + below(4), n_accepted = 0;
	bool is_group = one_in(2), by_data = one_in(2) ||
	    !has_cap(w->relay->front.announced, XO_CAP_CHUNKING);
	struct xo_buf wire = {0};
	struct letter l;
	uint16_t code;

	xo_buf_add_cstr(&wire, "MAIL FROM:<a@example.org>");
	if (w->options.client == CLIENT_EXCHANGE && xo_relay_is_tls(w->relay) &&
	    one_in(2))
		xo_buf_add_cstr(&wire, " XOORG=contoso.com");
	xo_buf_add_cstr(&wire, "\r\n");
	for (size_t i = 0; i < n_rcpts; i++) {
		if (!is_group) {
			send_in_pieces(w, xo_buf_span(&wire));
			xo_buf_clear(&wire);
		}
		xo_buf_add_cstr(&wire, one_in(12) ? "RCPT TO:<>\r\n" :
		    "RCPT TO:<b@contoso.com>\r\n");
	}
	send_in_pieces(w, xo_buf_span(&wire));
	xo_buf_fini(&wire);
	if (!await(w, n + 1 + n_rcpts))
		return;
	for (size_t i = 1; i <= n_rcpts; i++)
		n_accepted += w->replies[n + i] == 250;
	if (w->replies[n] != 250 || n_accepted == 0 || one_in(12)) {
		world_say(w, "RSET\r\n");
		return;
	}
	write_letter(&l, by_data,
	    w->options.repairs && one_in(3));
	code = by_data ? send_data(w, &l) : send_chunks(w, &l);
	check_outcome(w, &l, code, n_acked, n_commits, n_accepted);
	fini_letter(&l);
	if (!is_over(w))
		world_say(w, "RSET\r\n");
}

/* Whole commands: each has one reply. */
static void
talk(struct world *w)
{
	static const char *const commands[] = {
		"NOOP\r\n", "VRFY x\r\n", "HELP\r\n", "RSET\r\n", "AUTH x\r\n",
		"RCPT TO:<a@b>\r\n", "DATA\r\n", "EHLO again\r\n",
		"HELO again\r\n", "XFORWARD a\r\n", "FOO\r\n", "NO\0P\r\n",
		"EHLO \r\n", "BDAT 0 LAST\r\n", "BDAT 3\r\nabc", "\r\n",
		"MAIL FROM:<a@b> FOO=1\r\n", "MAIL FROM:<a@b> SIZE=999999\r\n",
	};
	size_t n = w->n_replies;

	world_say(w, any_of(commands, N(commands)));
	if (!await(w, n + 1) && w->violation[0] == '\0' && !is_over(w))
		breach(w, "a command without a reply");
	if (w->n_replies > n + 1 && !w->is_closed)
		breach(w, "more than one reply");
}

/* Anything: only what always holds is checked. */
static void
rave(struct world *w)
{
	static const char *const pieces[] = {
		"EHLO c.example\r\n", "MAIL FROM:<a@example.org>\r\n",
		"RCPT TO:<b@contoso.com>\r\n", "DATA\r\n", "BDAT 10\r\n",
		"BDAT 5 LAST\r\n", "RSET\r\n", "\r\n.\r\n", "a: b\r\n", "\r\n",
		".", "\r", "\n", "x", "QUIT\r\n", "STARTTLS\r\n", "12345",
		"RCPT TO:<c@contoso.com> NOTIFY=NEVER\r\n",
		"MAIL FROM:<a@b> BODY=BINARYMIME\r\n", "BDAT 0\r\n",
		"BDAT 2000000\r\n", "MAIL FROM:<a@b> XOORG=contoso.com\r\n",
	};
	struct xo_buf wire = {0};

	for (size_t i = below(12); i > 0; i--) {
		xo_buf_add_cstr(&wire, any_of(pieces, N(pieces)));
		if (one_in(10))
			xo_buf_add_byte(&wire, (uint8_t)draw());
	}
	send_in_pieces(w, xo_buf_span(&wire));
	xo_buf_fini(&wire);
	if (one_in(4))
		(void)world_wait(w);
}

/* Next hops */

static const char *const hop_caps[] = {
	"", "PIPELINING", "CHUNKING", "PIPELINING CHUNKING",
	"PIPELINING CHUNKING DSN SIZE 8BITMIME BINARYMIME", "DSN CHUNKING",
	"XOORG", "XOORG PIPELINING CHUNKING",
};

static void
plan_a_fault(struct hop_plan *p)
{
	static const char *const replies[] = {
		NULL, "250 ok\r\n", "250-a\r\n250 b\r\n", "451 later\r\n",
		"550 no\r\n", "421 bye\r\n", "354 go\r\n", "220 hello\r\n",
		"250-a\r\n451 b\r\n", "999 x\r\n", "\r\n", "250 text", "25",
		"250 a\r\n250 b\r\n", "250\n", "354 go\r\n250 b\r\n",
		"550 no\r\n421 bye\r\n", "250-a\r\n",
	};

	*p = (struct hop_plan){
		.phase = (enum hop_phase)below(HOP_PHASE_COUNT),
		.connection = below(4), .nth = below(4),
		.reply = any_of(replies, N(replies)),
		.closes = one_in(4), .is_silent = one_in(6),
		.commits = one_in(3), .is_before = one_in(8),
	};
	/* A 250 too many in the right place is believed by anybody; those in
	 * places where it shows are test_relay.c's. */
	if (p->phase != HOP_FINAL && (p->is_before || (p->reply != NULL &&
	    (strstr(p->reply, "\n250") != NULL || (p->phase > HOP_RCPT &&
	    p->reply[0] == '2'))))) {
		p->reply = "451 later\r\n";
		p->is_before = false;
	}
}

static void
run_seed(uint64_t seed)
{
	struct hop_plan plans[3];
	struct world_options o = {
		.client = (enum world_client)below(3),
		.is_reused = one_in(2), .is_unknown = one_in(8),
		.normalizes = one_in(8), .is_safe = one_in(8),
		.repairs = one_in(2),
		.is_lmtp = one_in(8), .has_message_xoorg = one_in(6),
		.holes = one_in(4) ? (unsigned int)below(256) : 0,
		.size_limit = one_in(6) ? 300 : 0,
		.plans = plans, .n_plans = below(4),
		.is_front_bytewise = one_in(10),
		.is_hop_bytewise = one_in(6), .is_hop_first = one_in(3),
	};
	struct watch watch;
	struct world w;

	o.caps = any_of(hop_caps, N(hop_caps));
	o.later_caps = one_in(2) ? NULL : any_of(hop_caps, N(hop_caps));
	o.front_cut = one_in(2) ? 1 + below(300) : 0;
	o.hop_cut = one_in(2) ? 1 + below(100) : 0;
	for (size_t i = 0; i < N(plans); i++)
		plan_a_fault(&plans[i]);
	watch_init(&watch, &w);
	watch.gives_right = o.client == CLIENT_EXCHANGE &&
	    (o.holes & HOLE_PEERS) == 0;
	o.watch = &watch.hook;
	assert_true(world_init(&w, &o));
	world_say(&w, "EHLO c.example\r\n");
	if (o.client == CLIENT_EXCHANGE && !one_in(4)) {
		world_say(&w, "STARTTLS\r\n");
		world_say(&w, "EHLO c.example\r\n");
	}
	for (size_t i = 0; i < 6 && !is_over(&w); i++) {
		if (one_in(8))
			talk(&w);
		else
			transact(&w);
	}
	for (size_t i = below(3); i > 0 && !is_over(&w); i--)
		rave(&w);
	world_leave(&w);
	for (size_t i = 0; i < 20 && !w.is_closed && world_wait(&w); i++)
		;
	if (w.violation[0] != '\0') {
		fprintf(stderr, "XO_SEED=%llu: ", (unsigned long long)seed);
		breach(&w, w.violation);
	}
	world_fini(&w);
	watch_fini(&watch);
}

static void
test_seeds(void **state)
{
	const char *one = getenv("XO_SEED"), *many = getenv("XO_SEEDS");
	uint64_t from = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = many != NULL ? strtoull(many, NULL, 10) : SEEDS;

	(void)state;
	for (uint64_t seed = from; seed < (one != NULL ? from + 1 : n);
	    seed++) {
		chance = seed * 0x2545f4914f6cdd1d;
		run_seed(seed);
	}
}

/* Memory that fails */

#define MAIL "MAIL FROM:<a@example.org>\r\n"
#define RCPT "RCPT TO:<b@contoso.com>\r\n"
#define RCPT5 RCPT RCPT RCPT RCPT RCPT
#define LONG "x: 0123456789012345678901234567890123456789012345678\r\n"
#define LONG5 LONG LONG LONG LONG LONG
#define TEXT "From: a@example.org\r\nSubject: x\r\n\r\n.Body.\r\n..\r\n"
#define WIRE "From: a@example.org\r\nSubject: x\r\n\r\n..Body.\r\n...\r\n.\r\n"

static const struct hop_plan refuses[] = {
	{HOP_RCPT, .connection = 1, .nth = 1, .reply = "550 5.1.1 no\r\n"}
};
static const struct hop_plan refuses_late[] = {
	{HOP_FINAL, .reply = "554-5.6.0 no\r\n554 5.6.0 never\r\n"}
};
static const struct hop_plan leaves[] = {
	{HOP_RCPT, .connection = 1, .nth = 1, .closes = true}
};

static const struct {
	struct world_options options;
	const char *say[9];
	bool is_single;			/* each has a reply */
} scripts[] = {
	{{.caps = ""}, {MAIL, RCPT, RCPT, "RSET\r\n", MAIL, RCPT, "DATA\r\n",
	    WIRE, "NOOP\r\n"}, true},
	{{.caps = "PIPELINING CHUNKING"}, {MAIL, RCPT, "BDAT 3\r\na:b",
	    "BDAT 0 LAST\r\n", "VRFY x\r\n", "QUIT\r\n"}, true},
	{{.caps = "PIPELINING", .limits = {.recipients = 40, .errors = 9,
	    .header_octets = 9000, .command_timeout = 1, .mail_timeout = 1,
	    .data_timeout = 1, .final_timeout = 1, .content_timeout = 1,
	    .request_timeout = 1}}, {MAIL RCPT5 RCPT5 RCPT5 RCPT5 RCPT5 RCPT5
	    "DATA\r\n", LONG5 LONG5 "\r\n..x\r\n" LONG5 LONG5, ".\r\n"}, false},
	{{.caps = ""}, {MAIL RCPT RCPT "DATA\r\n", WIRE MAIL RCPT, "DATA\r\n",
	    WIRE}, false},
	{{.caps = "PIPELINING CHUNKING"}, {MAIL RCPT "DATA\r\n", WIRE MAIL RCPT
	    "BDAT 40\r\n" "From: a@example.org\r\nSubject: x\r\n\r\n.Bod",
	    "BDAT 9 LAST\r\ny.\r\n..\r\nxQUIT\r\n"}, false},
	{{.caps = "PIPELINING"}, {MAIL RCPT RCPT RCPT RCPT RCPT RCPT RCPT RCPT
	    RCPT "BDAT 9\r\na: b\r\n\r\n." "BDAT 5 LAST\r\n\r\n.\r\n"}, false},
	{{.caps = "PIPELINING", .plans = refuses, .n_plans = 1},
	    {MAIL RCPT RCPT "RCPT TO:<>\r\n" "DATA\r\n", WIRE}, false},
	{{.caps = "CHUNKING", .plans = refuses_late, .n_plans = 1},
	    {MAIL RCPT "DATA\r\n", WIRE MAIL RCPT, "RSET\r\n"}, false},
	{{.caps = "", .plans = leaves, .n_plans = 1, .is_reused = true},
	    {MAIL RCPT "DATA\r\n", "From: x\r\n\r\n", "..\r\n", "x\r\n.\r\n"}, false},
	{{.caps = "PIPELINING", .client = CLIENT_EXCHANGE}, {"STARTTLS\r\n",
	    "EHLO c.example\r\n", "MAIL FROM:<a@b> XOORG=contoso.com\r\n" RCPT
	    "DATA\r\n", WIRE "VRFY x\r\n"}, false},
};

/* True: memory lasted. */
static bool
run_script(size_t i, size_t n, bool is_for_good)
{
	static const char hello[] = "EHLO c.example\r\n";
	struct world_options o = scripts[i].options;
	struct world w;

	n_allocated = 0;
	fail_at = n;
	fails_on = is_for_good;
	o.is_hop_bytewise = n % 2 == 0;
	if (world_init(&w, &o)) {
		world_say(&w, hello);
		for (size_t j = 0; j < N(scripts[i].say) &&
		    scripts[i].say[j] != NULL && !is_over(&w); j++) {
			size_t n_before = w.n_replies;

			world_say(&w, scripts[i].say[j]);
			if (!scripts[i].is_single || is_over(&w))
				continue;
			if (w.n_replies != n_before + 1)
				breach(&w, "not one reply");
			if (scripts[i].say[j][0] == 'D' &&
			    w.replies[n_before] != 354)
				break;
		}
		for (size_t j = 0; j < 9 && !w.is_closed && world_wait(&w); j++)
			;
		world_leave(&w);
		if (w.violation[0] != '\0') {
			fprintf(stderr, "script %zu, allocation %zu: %s\n", i,
			    n, w.violation);
			breach(&w, w.violation);
		}
		/* A client's 250s behind a content are the next hop's. */
		for (size_t j = 0; j < w.n_commits; j++)
			if (!world_span_has(xo_buf_span(
			    &w.commits[j].content), "Received: "))
				breach(&w, "committed without our stamp");
		world_fini(&w);
	}
	fail_at = 0;
	return n_allocated < n;
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(scripts); i++) {
		size_t n = 1;

		while (!run_script(i, n, false))
			n++;
		assert_true(n > 5);
		for (n = 1; !run_script(i, n, true); n++)
			;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
