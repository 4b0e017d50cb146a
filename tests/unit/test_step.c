/* SPDX-License-Identifier: ISC */
/*
 * A next hop that answers more than once. Each of its replies is true, and any
 * of them comes several times: at once, or just when the next one is waited
 * for, so that it is taken for that. Whichever it is, however often, wherever
 * the refusal lies: the client gets no 250 for a message that was not taken.
 *
 * The next hop here keeps its connection from message to message as the pool
 * does, RSET by way of the real opening dialogue, and is read by nothing that
 * the relay shares.
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
#include <xoorg/opening.h>

#include "relay_world.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT "From: a@example.org\r\nSubject: x\r\n\r\nBody.\r\n"
#define REPLIES_MAX 64
#define MESSAGES 3

enum manner {
	DATA_IN_PIECES,
	DATA_AT_ONCE,
	ONE_CHUNK,
	TWO_CHUNKS,
	BINARY,
	MANNER_COUNT
};

/* How the next hop words what it says, and what it offers. */
struct wording {
	const char *name, *caps;
	const char *mail, *rcpt, *chunk, *final;
	bool is_lmtp;
	bool has_ids;		/* no two finals are alike */
};

static const struct wording wordings[] = {
	{"as Postfix", "CHUNKING ENHANCEDSTATUSCODES 8BITMIME BINARYMIME",
	    "250 2.1.0 Ok", "250 2.1.5 Ok", "250 2.0.0 Ok",
	    "250 2.0.0 Ok: queued as", false, true},
	{"as Postfix, pipelining", "PIPELINING CHUNKING ENHANCEDSTATUSCODES "
	    "8BITMIME BINARYMIME", "250 2.1.0 Ok", "250 2.1.5 Ok",
	    "250 2.0.0 Ok", "250 2.0.0 Ok: queued as", false, true},
	{"nameless", "PIPELINING CHUNKING ENHANCEDSTATUSCODES "
	    "8BITMIME BINARYMIME", "250 2.1.0 Ok", "250 2.1.5 Ok",
	    "250 2.0.0 Ok", "250 2.0.0 Ok", false, false},
	{"as Exim", "PIPELINING CHUNKING 8BITMIME BINARYMIME", "250 OK",
	    "250 Accepted", "250 OK", "250 OK id=", false, true},
	{"by rote", "CHUNKING ENHANCEDSTATUSCODES BINARYMIME 8BITMIME",
	    "250 2.1.0 Ok", "250 OK", "250 2.0.0 Ok", "250 2.0.0 Ok", false, false},
	{"RCPT as MAIL", "PIPELINING CHUNKING ENHANCEDSTATUSCODES 8BITMIME",
	    "250 2.1.0 Ok", "250 2.1.0 Ok", "250 2.0.0 Ok", "250 2.0.0 Ok",
	    false, false},
	{"RCPT as the end", "CHUNKING ENHANCEDSTATUSCODES BINARYMIME 8BITMIME",
	    "250 2.1.0 Ok", "250 2.0.0 OK", "250 2.0.0 Ok", "250 2.0.0 Ok",
	    false, false},
	{"final as RCPT", "PIPELINING CHUNKING ENHANCEDSTATUSCODES 8BITMIME "
	    "BINARYMIME", "250 2.1.0 Ok", "250 2.1.5 Ok", "250 2.1.5 Ok",
	    "250 2.1.5 Ok", false, false},
	{"DATA alone", "PIPELINING ENHANCEDSTATUSCODES", "250 2.1.0 Ok",
	    "250 2.1.5 Ok", "", "250 2.0.0 Ok", false, false},
	{"nothing at all", "", "250 OK", "250 OK", "", "250 OK", false, false},
	{"LMTP as Dovecot", "PIPELINING CHUNKING ENHANCEDSTATUSCODES 8BITMIME "
	    "BINARYMIME", "250 2.1.0 Ok", "250 2.1.5 Ok", "250 2.0.0 Ok",
	    "250 2.0.0 Saved", true, false},
	{"LMTP as Cyrus", "PIPELINING ENHANCEDSTATUSCODES", "250 2.1.0 ok",
	    "250 2.1.5 ok", "", "250 2.1.5 Ok", true, false},
};

struct scene {
	const struct wording *wording;
	enum manner manner;
	bool is_late;		/* a reply comes when one is waited for */
	bool is_group;		/* the client does not wait for replies */
	bool leaves;		/* an envelope that is RSET, before the third */
	/* Refused at its end: which message; -1: none. */
	int refused_final;
	/* Its second recipient is refused, too: at RCPT, or by LMTP at the
	 * end; -1: none. */
	int refused_rcpt;
	/* Two replies that come more than once: which, how often. */
	size_t at[2], times[2];
	size_t gap;		/* the first one's come so many replies later */
};

struct teller {
	struct world_watch hook;
	struct world *w;
	const struct scene *scene;
	struct xo_buf line;
	bool is_kept, is_linked, has_mail, is_in_data;
	uint64_t chunk_left;
	bool is_last_chunk;
	int message;
	size_t n_rcpts;
	bool is_second_refused;
	/* What it has said and what was heard of that. */
	char queue[4 * REPLIES_MAX][160];
	size_t head, tail, n_replies;
	bool is_taken[MESSAGES];
	struct xo_heard heard;
	/* Held back: until so many replies more have been said. */
	char held[160];
	size_t n_held, held_for;
};

static void
push(struct teller *t, const char *text, size_t n)
{
	for (; n > 0 && t->tail < N(t->queue); n--)
		(void)snprintf(t->queue[t->tail++], sizeof(t->queue[0]),
		    "%s\r\n", text);
	assert_true(t->tail < N(t->queue));
}

static void
tell(struct teller *t, const char *text)
{
	const struct scene *s = t->scene;
	size_t n = 1;

	if (t->n_held > 0 && --t->held_for == 0) {
		push(t, t->held, t->n_held);
		t->n_held = 0;
	}
	for (size_t i = 0; i < N(s->at); i++)
		if (s->at[i] == t->n_replies && s->times[i] > n)
			n = s->times[i];
	t->n_replies++;
	if (n > 1 && s->gap > 1) {
		(void)snprintf(t->held, sizeof(t->held), "%s", text);
		t->n_held = n - 1;
		t->held_for = s->gap;
		n = 1;
	}
	push(t, text, n);
}

static void
tell_hello(struct teller *t)
{
	struct xo_span rest = xo_span_from_cstr(t->scene->wording->caps);
	struct xo_buf text = {0};

	xo_buf_add_cstr(&text, rest.len > 0 ? "250-hop.example" :
	    "250 hop.example");
	while (rest.len > 0) {
		size_t n = xo_span_find(rest, ' ');

		xo_buf_add_cstr(&text, n < rest.len ? "\r\n250-" :
		    "\r\n250 ");
		xo_buf_add(&text, xo_span_first(rest, n));
		rest = xo_span_from(rest, n + 1);
	}
	xo_buf_add_byte(&text, '\0');
	tell(t, (const char *)text.p);
	xo_buf_fini(&text);
}

static void
forget(struct teller *t)
{
	t->has_mail = t->is_in_data = t->is_second_refused = false;
	t->n_rcpts = 0;
}

static void
on_final(struct teller *t)
{
	const struct scene *s = t->scene;
	bool is_refused = s->refused_final == t->message;
	char text[64];

	if (t->n_rcpts == 0) {
		tell(t, "503 5.5.1 RCPT first");
		return;
	}
	for (size_t i = 0; i < (s->wording->is_lmtp ? t->n_rcpts : 1); i++) {
		bool is_no = is_refused || (s->wording->is_lmtp && i == 1 &&
		    s->refused_rcpt == t->message);

		(void)snprintf(text, sizeof(text), s->wording->has_ids ?
		    "%s %zu" : "%s", s->wording->final, t->n_replies);
		tell(t, is_no ? "554 5.6.0 no" : text);
		is_refused |= is_no;
	}
	t->is_taken[t->message] = !is_refused;
	forget(t);
}

static void
on_rcpt(struct teller *t, struct xo_span line)
{
	const struct scene *s = t->scene;

	if (!t->has_mail) {
		tell(t, "503 5.5.1 MAIL first");
	} else if (!s->wording->is_lmtp && s->refused_rcpt == t->message &&
	    line.p[9] == 's') {
		tell(t, "550 5.1.1 no such user");
	} else {
		t->n_rcpts++;
		tell(t, s->wording->rcpt);
	}
}

static void
on_line(struct teller *t, struct xo_span line)
{
	struct xo_command c;
	struct xo_chunk chunk;

	xo_command_parse(line, &c);
	if (c.verb == XO_VERB_MAIL) {
		forget(t);
		t->has_mail = true;
		t->message = line.p[11] - '0';
		tell(t, t->scene->wording->mail);
	} else if (c.verb == XO_VERB_RCPT) {
		on_rcpt(t, line);
	} else if (c.verb == XO_VERB_DATA) {
		t->is_in_data = t->n_rcpts > 0;
		tell(t, t->is_in_data ? "354 go" : "503 5.5.1 RCPT first");
	} else if (c.verb == XO_VERB_BDAT) {
		assert_int_equal(xo_bdat_parse(c.args, &chunk),
		    XO_REFUSAL_NONE);
		t->chunk_left = chunk.size;
		t->is_last_chunk = chunk.is_last;
	} else {
		forget(t);
		tell_hello(t);
	}
}

static void
on_chunk_end(struct teller *t)
{
	if (t->is_last_chunk)
		on_final(t);
	else
		tell(t, t->n_rcpts > 0 ? t->scene->wording->chunk :
		    "503 5.5.1 RCPT first");
}

static void
on_octet(struct teller *t, uint8_t c)
{
	struct xo_span line;

	if (t->chunk_left > 0) {
		if (--t->chunk_left == 0)
			on_chunk_end(t);
		return;
	}
	xo_buf_add_byte(&t->line, c);
	if (c != '\n')
		return;
	line = xo_span_first(xo_buf_span(&t->line), t->line.len - 2);
	if (!t->is_in_data) {
		on_line(t, line);
	} else if (line.len == 1 && line.p[0] == '.') {
		t->is_in_data = false;
		on_final(t);
	}
	xo_buf_clear(&t->line);
}

/* RSET, as the pool says it: false: the connection will not do. */
static bool
reset(struct teller *t)
{
	struct xo_upstream upstream = {.tls = XO_TLS_NONE};
	struct xo_opening o = {.state = XO_OPENING_DONE};
	bool is_done;

	o.upstream = &upstream;
	forget(t);
	tell(t, "250 2.0.0 Ok");
	o.heard = t->heard;
	xo_opening_resume(&o, true, NULL);
	(void)xo_opening_bytes(&o,
	    xo_span_from_cstr(t->queue[t->head++]));
	is_done = o.state == XO_OPENING_DONE;
	t->heard = o.heard;
	xo_opening_fini(&o);
	return is_done;
}

static void
on_link(struct teller *t)
{
	bool is_kept = t->is_kept && (!t->has_mail || reset(t));

	t->is_kept = false;
	t->is_linked = true;
	if (is_kept) {
		t->w->heard = t->heard;
		return;
	}
	t->head = t->tail = t->n_held = 0;
	t->chunk_left = 0;
	xo_buf_clear(&t->line);
	forget(t);
	/* The opening took the first of them. */
	tell_hello(t);
	t->head++;
}

static void
keep(struct teller *t)
{
	t->is_kept = true;
	t->heard = t->w->heard;
}

static void
saw(struct world_watch *hook, enum world_seen what, struct xo_span s)
{
	struct teller *t = (struct teller *)hook;

	if (what == WORLD_LINK)
		on_link(t);
	else if (what == WORLD_RELEASE)
		keep(t);
	else if (what == WORLD_TO_HOP)
		for (size_t i = 0; i < s.len; i++)
			on_octet(t, s.p[i]);
}

/* What it has to say reaches the relay. */
static void
hear(struct teller *t)
{
	struct xo_buf all = {0};

	while (t->w->hop.is_linked && t->head < t->tail &&
	    (!t->scene->is_late || t->w->relay->back.n_expected > 0)) {
		xo_buf_clear(&all);
		do {
			xo_buf_add_cstr(&all, t->queue[t->head++]);
		} while (!t->scene->is_late && t->head < t->tail);
		world_hop_says(t->w, xo_buf_span(&all));
	}
	xo_buf_fini(&all);
}

static void
say(struct teller *t, const char *text)
{
	world_say(t->w, text);
	hear(t);
}

static void
say_envelope(struct teller *t, int message)
{
	bool is_binary = t->scene->manner == BINARY;
	char text[160];

	(void)snprintf(text, sizeof(text), "MAIL FROM:<%d@example.org>%s\r\n%s"
	    "RCPT TO:<s@contoso.com>\r\n", message,
	    is_binary && has_cap(t->w->relay->front.announced, XO_CAP_BINARYMIME) ?
	    " BODY=BINARYMIME" : "", "RCPT TO:<r@contoso.com>\r\n");
	if (t->scene->is_group) {
		say(t, text);
		return;
	}
	for (char *p = text, *end; *p != '\0'; p = end) {
		char line[80];

		end = strchr(p, '\n') + 1;
		(void)snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
		say(t, line);
	}
}

static void
say_content(struct teller *t)
{
	switch (t->scene->manner) {
	case DATA_IN_PIECES:
		say(t, "DATA\r\n");
		say(t, "From: a@example.org\r\n\r\nBo");
		say(t, "dy.\r\n.\r\n");
		break;
	case DATA_AT_ONCE:
		say(t, "DATA\r\n");
		say(t, TEXT ".\r\n");
		break;
	case ONE_CHUNK:
		say(t, "BDAT 42 LAST\r\n" TEXT);
		break;
	case TWO_CHUNKS:
	case BINARY:
		say(t, "BDAT 42\r\n" TEXT);
		say(t, "BDAT 3 LAST\r\nab\n");
		break;
	case MANNER_COUNT:
	default:
		break;
	}
}

static void
fail_scene(const struct scene *s, const struct world *w, const char *what,
    int message)
{
	fprintf(stderr, "%s, message %d: %s, manner %d, %s%s%s, refused %d %d, "
	    "reply %zu %zu times, %zu %zu times\n%.*s", what, message,
	    s->wording->name, s->manner, s->is_late ? "late" : "at once",
	    s->is_group ? ", group" : "", s->leaves ? ", leaves" : "",
	    s->refused_final, s->refused_rcpt, s->at[0], s->times[0],
	    s->at[1], s->times[1], (int)w->transcript.len,
	    (const char *)w->transcript.p);
	fail();
}

struct tally {
	size_t n_sessions, n_taken, n_told, n_found;
};

static void
play_message(struct teller *t, int message)
{
	size_t n = t->w->n_replies, n_reports = t->w->n_reports;

	say_envelope(t, message);
	while (t->w->n_replies < n + 3 && world_wait(t->w))
		hear(t);
	if (t->w->is_closed || t->w->replies[n] != 250)
		return;
	if (t->w->replies[n + 1] / 100 == 2 || t->w->replies[n + 2] / 100 == 2)
		say_content(t);
	for (int i = 0; i < 5 && t->w->n_reports == n_reports &&
	    xo_relay_is_busy(t->w->relay) && world_wait(t->w); i++)
		hear(t);
	if (!t->w->is_closed)
		say(t, "RSET\r\n");
}

/* Truth on both sides: told is taken; and if nothing is doubled, the reverse. */
static void
play(const struct scene *s, struct tally *tally)
{
	struct teller t = {.hook.saw = saw, .scene = s};
	struct world_options o = {
		.caps = s->wording->caps, .is_lmtp = s->wording->is_lmtp,
		.is_wild = true, .watch = &t.hook,
	};
	/* Whose end of data is worded as RCPT is told no by BDAT; then the pool
	 * gives it DATA. */
	bool is_plain = s->times[0] < 2 && s->times[1] < 2 &&
	    (s->wording->is_lmtp || s->wording->final[6] != '1');
	struct world w;

	t.w = &w;
	assert_true(world_init(&w, &o));
	say(&t, "EHLO c.example\r\n");
	for (int m = 0; m < MESSAGES; m++) {
		size_t n = w.n_delivered;

		if (w.is_closed)
			break;
		if (m == 2 && s->leaves) {
			say_envelope(&t, m);
			say(&t, "RSET\r\n");
		}
		play_message(&t, m);
		if (w.violation[0] != '\0')
			fail_scene(s, &w, w.violation, m);
		if (w.n_delivered > n && !t.is_taken[m])
			fail_scene(s, &w, "a false 250", m);
		if (is_plain && w.n_delivered == n && t.is_taken[m])
			fail_scene(s, &w, "taken, and not told", m);
		tally->n_taken += t.is_taken[m];
		tally->n_told += w.n_delivered - n;
	}
	tally->n_sessions++;
	tally->n_found += w.n_out_of_step;
	xo_buf_fini(&t.line);
	world_fini(&w);
}

/* All that may be done twice, in one scene. */
static void
play_doubles(struct scene *s, bool has_pairs, struct tally *tally)
{
	const size_t n = 20;

	s->times[0] = s->times[1] = 0;
	play(s, tally);
	/* EHLO's own reply, held back until EHLO is said, would be a lie; and who
	 * announces nothing cannot be asked. */
	for (s->gap = 2; s->gap < 9 && s->is_late && !s->is_group &&
	    s->wording->caps[0] != '\0'; s->gap++)
		for (s->at[0] = 1; s->at[0] < n; s->at[0]++) {
			s->times[0] = 2;
			play(s, tally);
		}
	s->gap = 0;
	for (s->at[0] = 0; s->at[0] < n; s->at[0]++)
		for (s->times[0] = 2; s->times[0] < 10;
		    s->times[0] += 1 + s->times[0] / 4)
			play(s, tally);
	for (s->at[0] = 0; has_pairs && s->at[0] < n; s->at[0]++)
		for (s->at[1] = s->at[0] + 1; s->at[1] < n; s->at[1]++)
			for (size_t i = 2; i < 4; i++) {
				s->times[0] = i;
				s->times[1] = 2;
				play(s, tally);
			}
}

/* At once: seen as soon as it comes, so a few of these will do. */
static void
play_wording(const struct wording *wording, struct tally *tally)
{
	for (int manner = 0; manner < MANNER_COUNT; manner++)
		for (int mode = 0; mode < 8; mode++)
			for (int no = mode & 1 ? 1 : -1;
			    no < 2 * MESSAGES - (mode & 1 ? 2 : 0); no++) {
				struct scene s = {
					.wording = wording,
					.manner = (enum manner)manner,
					.is_late = (mode & 1) == 0,
					.is_group = (mode & 2) != 0,
					.leaves = (mode & 4) != 0,
					.refused_final = no < MESSAGES ? no :
					    -1,
					.refused_rcpt = no >= MESSAGES ?
					    no - MESSAGES : -1,
				};

				play_doubles(&s, mode == 4 && no == 2, tally);
			}
}

static void
test_doubles(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(wordings); i++) {
		struct tally tally = {0};

		play_wording(&wordings[i], &tally);
		print_message("# %s: %zu sessions, %zu messages taken, %zu told, "
		    "found %zu times\n", wordings[i].name, tally.n_sessions,
		    tally.n_taken, tally.n_told, tally.n_found);
		assert_true(tally.n_told > tally.n_sessions / 4);
		assert_true(tally.n_found > tally.n_sessions / 4);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
