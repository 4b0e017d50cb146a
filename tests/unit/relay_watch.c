/* SPDX-License-Identifier: ISC */
/* See relay_watch.h. Simple, not fast: all is kept and looked at again. */
#include "relay_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "wall_views.h"

static void
object(struct watch *x, const char *text)
{
	world_violate(x->world, text);
}

static void
copy(struct xo_buf *to, const struct xo_buf *from)
{
	xo_buf_clear(to);
	xo_buf_add(to, xo_buf_span(from));
}

static bool
begins(struct xo_span s, const char *word)
{
	return s.len >= strlen(word) && strncasecmp((const char *)s.p, word,
	    strlen(word)) == 0;
}

/* Commands */

static enum watch_verb
verb_of(struct xo_span line)
{
	static const struct {
		const char *word;
		enum watch_verb verb;
	} verbs[] = {
		{"EHLO", WATCH_EHLO}, {"LHLO", WATCH_EHLO},
		{"HELO", WATCH_HELO},
		{"STARTTLS", WATCH_STARTTLS}, {"MAIL", WATCH_MAIL},
		{"RCPT", WATCH_RCPT}, {"DATA", WATCH_DATA},
		{"BDAT", WATCH_BDAT}, {"RSET", WATCH_RSET},
		{"QUIT", WATCH_QUIT},
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		size_t len = strlen(verbs[i].word);

		if (begins(line, verbs[i].word) && (line.len == len ||
		    line.p[len] == ' '))
			return verbs[i].verb;
	}
	return WATCH_OTHER;
}

/* Between < and >, without a route; quotes hide both. */
static struct xo_span
address_of(struct xo_span line, struct xo_span *rest_r)
{
	size_t start = xo_span_find(line, '<') + 1, i;
	bool is_quoted = false;

	*rest_r = (struct xo_span){NULL, 0};
	for (i = start; i < line.len && (is_quoted || line.p[i] != '>'); i++) {
		if (line.p[i] == '\\' && is_quoted)
			i++;
		else if (line.p[i] == '"')
			is_quoted = !is_quoted;
		else if (line.p[i] == ':' && line.p[start] == '@' && !is_quoted)
			start = i + 1;
	}
	if (i >= line.len)
		return (struct xo_span){NULL, 0};
	*rest_r = xo_span_from(line, i + 1);
	return xo_span(line.p + start, i - start);
}

static void
read_envelope(struct watch_unit *u, struct xo_span line)
{
	struct xo_span rest;

	xo_buf_add(&u->text, address_of(line, &rest));
	for (size_t i = 0; i < rest.len; i++) {
		struct xo_span word = xo_span_from(rest, i);

		if (rest.p[i] != ' ' || !begins(word, " XOORG"))
			continue;
		u->has_xoorg = true;
		word = xo_span_from(word, 6);
		xo_buf_add(&u->xoorg, xo_span_first(word,
		    xo_span_find(word, ' ')));
	}
}

static struct watch_unit *
add_unit(struct watch_leg *leg, enum watch_verb verb)
{
	struct watch_unit *u = &leg->units[(leg->first + leg->n_units++) %
	    WATCH_UNITS];

	xo_buf_clear(&u->text);
	xo_buf_clear(&u->xoorg);
	u->verb = verb;
	u->is_flawed = u->is_last = u->has_xoorg = false;
	return u;
}

/* "BDAT 5 LAST"; false: it is none. */
static bool
read_bdat(struct xo_span args, uint64_t *size_r, bool *is_last_r)
{
	size_t n = 0;

	*size_r = 0;
	while (n < args.len && args.p[n] >= '0' && args.p[n] <= '9') {
		if (*size_r > (UINT64_MAX - 9) / 10)
			return false;
		*size_r = *size_r * 10 + (uint64_t)(args.p[n++] - '0');
	}
	if (n == 0)
		return false;
	args = xo_span_from(args, n);
	*is_last_r = args.len > 0;
	return args.len == 0 || (args.len == 5 && begins(args, " LAST"));
}

/* What was said of it is not whole: no reply is due. */
static bool
has_flaw(struct xo_span line)
{
	return xo_span_find(line, '\r') < line.len ||
	    xo_span_find(line, '\0') < line.len;
}

/* Commands that carry any words; BDAT among those is one of them. */
static bool
is_other_command(struct xo_span line)
{
	static const char *const verbs[] = {
		"NOOP ", "VRFY ", "HELP ", "AUTH ", "XCLIENT ", "XFORWARD ",
		"PROXY ", "GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ",
		"CONNECT ",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (begins(line, verbs[i]))
			return true;
	return false;
}

static bool
may_be_bdat(struct xo_span line)
{
	if (is_other_command(line))
		return false;
	for (size_t i = 0; i < line.len; i++)
		if (begins(xo_span_from(line, i), "BDAT"))
			return true;
	return false;
}

static void
begin_chunk(struct watch_leg *leg, struct watch_unit *u, struct xo_span line)
{
	bool is_last = false;
	uint64_t size;

	if (!read_bdat(xo_span_from(line, 5), &size, &is_last)) {
		u->is_flawed = true;
		return;
	}
	/* Its reply is due behind its octets. */
	leg->n_units--;
	leg->is_in_chunk = true;
	leg->is_last = is_last;
	leg->chunk_left = size;
}

/* At the end they are nothing to anybody. */
static struct xo_span
without_blanks(struct xo_span line)
{
	while (line.len > 0 && (line.p[line.len - 1] == ' ' ||
	    line.p[line.len - 1] == '\t'))
		line.len--;
	return line;
}

static void
add_command(struct watch_leg *leg, struct xo_span line)
{
	struct watch_unit *u;

	line = without_blanks(line);
	u = add_unit(leg, verb_of(line));
	u->is_flawed = has_flaw(line) ||
	    (u->verb == WATCH_OTHER && may_be_bdat(line));
	if (u->is_flawed)
		return;
	if (u->verb == WATCH_MAIL || u->verb == WATCH_RCPT)
		read_envelope(u, line);
	else if (u->verb == WATCH_BDAT)
		begin_chunk(leg, u, line);
}

static bool
take_chunk(struct watch_leg *leg)
{
	size_t n = leg->chunk_left < leg->commands.len ?
	    (size_t)leg->chunk_left : leg->commands.len;

	xo_buf_add(&leg->content,
	    xo_span_first(xo_buf_span(&leg->commands), n));
	xo_buf_consume(&leg->commands, n);
	leg->chunk_left -= n;
	if (leg->chunk_left > 0)
		return false;
	leg->is_in_chunk = false;
	add_unit(leg, WATCH_BDAT)->is_last = leg->is_last;
	return true;
}

/* Up to CRLF . CRLF: stuffed as it came. */
static bool
take_data(struct watch_leg *leg)
{
	struct xo_span in = xo_buf_span(&leg->commands);
	const uint8_t *end = NULL;
	size_t n = 0;

	if (in.len >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		n = 3;
	else if (in.len >= 5)
		end = memmem(in.p, in.len, "\r\n.\r\n", 5);
	if (end != NULL)
		n = (size_t)(end - in.p) + 5;
	if (n == 0)
		return false;
	xo_buf_add(&leg->content, xo_span_first(in, n - 3));
	xo_buf_consume(&leg->commands, n);
	leg->is_in_data = false;
	(void)add_unit(leg, WATCH_FINAL);
	return true;
}

/* What the content means; bare newlines are counted, and lines if `mends`. */
static size_t
unstuff(struct xo_span in, bool mends, struct xo_buf *out)
{
	size_t n_bare = 0;
	bool is_begin = true;

	xo_buf_clear(out);
	for (size_t i = 0; i < in.len; i++) {
		bool has_cr = i > 0 && in.p[i - 1] == '\r';
		bool has_lf = i + 1 < in.len && in.p[i + 1] == '\n';
		bool is_bare = (in.p[i] == '\n' && !has_cr) ||
		    (in.p[i] == '\r' && !has_lf);

		n_bare += is_bare;
		if (!is_begin || in.p[i] != '.')
			xo_buf_add(out, is_bare && mends ?
			    XO_LIT("\r\n") : xo_span(in.p + i, 1));
		is_begin = in.p[i] == '\n' && has_cr;
	}
	return n_bare;
}

/* Replies */

/* A whole one: its octets; 0: not yet; SIZE_MAX: that is none. */
static size_t
find_reply(struct xo_span in, uint16_t *code_r)
{
	size_t at = 0;

	for (;;) {
		struct xo_span line = xo_span_from(in, at);
		size_t lf = xo_span_find(line, '\n');
		uint16_t code = 0;

		for (size_t i = 0; i < 3 && i < line.len; i++) {
			if (line.p[i] < '0' || line.p[i] > '9')
				return SIZE_MAX;
			code = (uint16_t)(code * 10 + line.p[i] - '0');
		}
		if (line.len >= 3 && (code < 200 || code > 599 ||
		    (at > 0 && code != *code_r)))
			return SIZE_MAX;
		if (line.len > 3 && strchr(" -\r\n", line.p[3]) == NULL)
			return SIZE_MAX;
		if (lf == line.len)
			return 0;
		*code_r = code;
		at += lf + 1;
		if (line.p[3] != '-')
			return at;
	}
}

/* The client's leg */

static bool
is_right(const struct watch *x)
{
	return x->is_tls && x->gives_right;
}

static bool
has_line(struct xo_span reply, const char *word)
{
	for (size_t i = 0; i + 4 + strlen(word) <= reply.len; i++)
		if ((i == 0 || reply.p[i - 1] == '\n') &&
		    begins(xo_span_from(reply, i + 4), word))
			return true;
	return false;
}

static void
check_hello(struct watch *x, const struct watch_unit *u, struct xo_span reply)
{
	bool is_ehlo = u->verb == WATCH_EHLO;

	if (has_line(reply, "XOORG") != (is_ehlo && is_right(x)))
		object(x, "XOORG announced without the right, or not with it");
	if (has_line(reply, "STARTTLS") != (is_ehlo && !x->is_tls))
		object(x, "STARTTLS announced in TLS, or not outside");
	x->has_hello = true;
}

static bool
is_ours(struct xo_span value)
{
	return value.len == 12 && begins(value, "=contoso.com");
}

static bool
has_hole(const struct watch *x, unsigned int holes)
{
	return (x->world->options.holes & holes) != 0;
}

/* Not refused, which is not to say believed. */
static bool
takes_any_value(const struct watch *x)
{
	return has_hole(x, HOLE_OBSERVE | HOLE_ACCEPT);
}

static bool
is_local(const struct watch *x)
{
	return x->world->options.client == CLIENT_LOCAL &&
	    !has_hole(x, HOLE_PEERS);
}

/* Written in another way it may be the same. */
static bool
may_be_ours(const struct watch *x, struct xo_span value)
{
	return !has_hole(x, HOLE_TENANTS) &&
	    (is_ours(value) || xo_span_find(value, '+') < value.len);
}

static void
check_mail(struct watch *x, const struct watch_unit *u)
{
	bool is_ours = u->has_xoorg && may_be_ours(x, xo_buf_span(&u->xoorg));

	if (!x->has_hello || x->front.has_mail == WATCH_YES)
		object(x, "MAIL accepted out of order");
	if (u->has_xoorg && !is_right(x))
		object(x, "XOORG= taken from somebody without the right");
	if (u->has_xoorg && !is_ours && !takes_any_value(x))
		object(x, "XOORG= taken that is no tenant's");
	x->is_verified = is_ours;
	x->front.has_mail = WATCH_YES;
	x->front.is_chunked = false;
	x->front.n_rcpts = 0;
	copy(&x->front.from, &u->text);
	xo_buf_clear(&x->front.rcpts);
	xo_buf_clear(&x->front.content);
}

static void
check_rcpt(struct watch *x, const struct watch_unit *u)
{
	struct watch_leg *f = &x->front;

	if (f->has_mail == WATCH_NO || f->is_chunked)
		object(x, "RCPT accepted out of order");
	f->n_rcpts++;
	xo_buf_add(&f->rcpts, xo_buf_span(&u->text));
	xo_buf_add_byte(&f->rcpts, '\n');
}

/* Behind the header section, or nothing. */
static struct xo_span
body_of(struct xo_span content)
{
	const uint8_t *end;

	if (content.len >= 2 && memcmp(content.p, "\r\n", 2) == 0)
		return xo_span_from(content, 2);
	end = content.len < 4 ? NULL :
	    memmem(content.p, content.len, "\r\n\r\n", 4);
	return end == NULL ? (struct xo_span){NULL, 0} :
	    xo_span_from(content, (size_t)(end - content.p) + 4);
}

/* Without our own field, which is the first of its name. */
static void
without_own_results(struct xo_span header, struct xo_buf *out)
{
	bool is_own = false, has_seen = false;

	for (size_t at = 0, n; at < header.len; at += n) {
		struct xo_span line = xo_span_from(header, at);

		n = xo_span_find(line, '\n');
		n += n < line.len;
		if (line.p[0] != ' ' && line.p[0] != '\t') {
			is_own = !has_seen &&
			    begins(line, "Authentication-Results:");
			has_seen |= is_own;
		}
		if (!is_own)
			xo_buf_add(out, xo_span_first(line, n));
	}
}

static void
check_header(struct watch *x, struct xo_span header)
{
	static const char *const always[] = {
		"X-MS-Exchange-Organization-", "X-MS-Exchange-Forest-",
		"=X-OriginatorOrganization", NULL
	};
	static const char *const strangers[] = {
		"X-MS-Exchange-Organization-", "X-MS-Exchange-Forest-",
		"X-MS-Exchange-CrossPremises-", "=X-OriginatorOrg",
		"=X-OriginatorOrganization", NULL
	};
	bool may_have_org = x->is_verified || (x->has_xoorg_out &&
	    is_local(x));
	struct view_search search = {may_have_org ? always : strangers,
	    {NULL, 0}, 0};
	struct xo_buf rest = {0};
	char name[80];

	without_own_results(header, &rest);
	if (views_find(xo_buf_span(&rest), &search, name, sizeof(name)) >= 0)
		object(x, "a protected field went out");
	for (size_t at = 0, n; at < rest.len; at += n + 1) {
		struct xo_span line = xo_span_from(xo_buf_span(&rest), at);

		n = xo_span_find(line, '\n');
		if (begins(line, "Authentication-Results:") &&
		    memmem(line.p, n, " gw.contoso.com;", 16) != NULL)
			object(x, "a foreign result in our name went out");
	}
	xo_buf_fini(&rest);
}

static bool
may_end_early(const struct watch *x)
{
	return x->world->options.repairs ||
	    (x->world->options.holes & HOLE_OBSERVE) != 0;
}

/* CR and LF on their own, as CRLF. */
static void
mend(struct xo_span in, struct xo_buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		bool is_end = in.p[i] == '\r' && i + 1 < in.len &&
		    in.p[i + 1] == '\n';

		if (in.p[i] == '\r' || in.p[i] == '\n')
			xo_buf_add_cstr(out, "\r\n");
		else
			xo_buf_add_byte(out, in.p[i]);
		i += is_end;
	}
}

static void
check_content(struct watch *x, bool by_data)
{
	bool mends = x->world->options.normalizes;
	struct xo_buf sent = {0}, got = {0};
	struct xo_span want, is;

	if (by_data) {
		if (unstuff(xo_buf_span(&x->front.content), mends, &sent) > 0 &&
		    !mends)
			object(x, "bare newlines were accepted by DATA");
	} else if (mends && x->ack_by_data) {
		mend(xo_buf_span(&x->front.content), &sent);
	} else {
		copy(&sent, &x->front.content);
	}
	if (x->ack_by_data)
		(void)unstuff(xo_buf_span(&x->ack_content), false, &got);
	else
		copy(&got, &x->ack_content);
	is = body_of(xo_buf_span(&got));
	check_header(x, xo_span_first(xo_buf_span(&got), got.len - is.len));
	want = body_of(xo_buf_span(&sent));
	if (x->ack_by_data && is.len >= 2 &&
	    (sent.len < 2 || memcmp(sent.p + sent.len - 2, "\r\n", 2) != 0))
		is.len -= 2;
	/* A header that ends early: the body began before. */
	if (may_end_early(x) && is.len > want.len)
		want = xo_span_from(xo_buf_span(&sent), sent.len < is.len ?
		    sent.len : sent.len - is.len);
	if (want.p != NULL && !xo_span_is_equal(is, want))
		object(x, "another body than the client's");
	xo_buf_fini(&sent);
	xo_buf_fini(&got);
}

static void
check_final(struct watch *x, bool by_data)
{
	struct watch_leg *f = &x->front;

	if (f->has_mail == WATCH_NO || f->n_rcpts == 0)
		object(x, "content accepted out of order");
	if (!x->has_ack) {
		object(x, "250 without the next hop's own");
		return;
	}
	x->has_ack = false;
	if (!xo_span_is_equal(xo_buf_span(&f->from),
	    xo_buf_span(&x->ack_from)))
		object(x, "250 for another sender");
	if (!xo_span_is_equal(xo_buf_span(&f->rcpts),
	    xo_buf_span(&x->ack_rcpts)))
		object(x, "250 for other recipients");
	check_content(x, by_data);
}

static void
end_transaction(struct watch_leg *leg)
{
	leg->has_mail = WATCH_NO;
	leg->is_chunked = false;
	leg->n_rcpts = 0;
	xo_buf_clear(&leg->rcpts);
	xo_buf_clear(&leg->content);
}

static void
judge_good(struct watch *x, const struct watch_unit *u, struct xo_span reply)
{
	struct watch_leg *f = &x->front;

	switch (u->verb) {
	case WATCH_EHLO:
	case WATCH_HELO:
		check_hello(x, u, reply);
		end_transaction(f);
		break;
	case WATCH_STARTTLS:
		if (x->is_tls || !x->has_hello)
			object(x, "STARTTLS accepted out of order");
		end_transaction(f);
		x->has_hello = false;
		break;
	case WATCH_MAIL:
		check_mail(x, u);
		break;
	case WATCH_RCPT:
		check_rcpt(x, u);
		break;
	case WATCH_BDAT:
		if (f->has_mail == WATCH_NO || f->n_rcpts == 0)
			object(x, "BDAT accepted out of order");
		f->is_chunked = true;
		if (u->is_last)
			check_final(x, false);
		if (u->is_last)
			end_transaction(f);
		break;
	case WATCH_FINAL:
		check_final(x, true);
		end_transaction(f);
		break;
	case WATCH_DATA:
		object(x, "2xx to DATA");
		break;
	case WATCH_RSET:
		end_transaction(f);
		break;
	case WATCH_QUIT:
		x->is_parting = true;
		break;
	case WATCH_OTHER:
	default:
		break;
	}
}

static void
judge_reply(struct watch *x, const struct watch_unit *u, uint16_t code,
    struct xo_span reply)
{
	struct watch_leg *f = &x->front;

	if (u->is_flawed && code < 400)
		object(x, "success for what is no command");
	if (code / 100 == 2) {
		judge_good(x, u, reply);
	} else if (code == 354) {
		if (u->verb != WATCH_DATA || f->has_mail == WATCH_NO ||
		    f->n_rcpts == 0 || f->is_chunked)
			object(x, "354 out of order");
		f->is_in_data = true;
		xo_buf_clear(&f->content);
	} else if (code / 100 == 3) {
		object(x, "3xx to the client");
	} else if (u->verb == WATCH_FINAL) {
		end_transaction(f);
	} else if (u->verb == WATCH_DATA || u->verb == WATCH_BDAT) {
		/* Over, or only not now. */
		if (f->has_mail == WATCH_YES)
			f->has_mail = WATCH_PERHAPS;
		xo_buf_clear(&f->content);
	}
}

/* Behind RCPT, another RCPT may wait with it; all else waits alone. */
static bool
may_take(const struct watch_leg *f, struct xo_span line)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (f->units[(f->first + i) % WATCH_UNITS].verb != WATCH_RCPT)
			return false;
	return f->n_units == 0 ||
	    (f->n_units < WATCH_UNITS && verb_of(line) == WATCH_RCPT);
}

static bool
front_take(struct watch *x)
{
	struct watch_leg *f = &x->front;
	struct xo_span in = xo_buf_span(&f->commands);
	size_t lf = xo_span_find(in, '\n');
	bool is_line = lf > 0 && lf < in.len && in.p[lf - 1] == '\r';
	struct xo_span line = xo_span_first(in, lf - is_line);

	if (f->is_in_chunk)
		return take_chunk(f);
	if (f->is_in_data)
		return take_data(f);
	if (lf == in.len || !may_take(f, without_blanks(line)))
		return false;
	if (is_line)
		add_command(f, line);
	else
		add_unit(f, WATCH_OTHER)->is_flawed = true;
	xo_buf_consume(&f->commands, lf + 1);
	return true;
}

/* Unasked: the banner, or the last word. */
static void
judge_unasked(struct watch *x, uint16_t code)
{
	if (!x->has_greeted && code == 220) {
		x->has_greeted = true;
		return;
	}
	if (code < 400)
		object(x, "success that nobody asked for");
	x->is_parting = true;
}

static bool
front_reply(struct watch *x)
{
	struct watch_leg *f = &x->front;
	struct xo_span reply = xo_buf_span(&f->replies);
	uint16_t code = 0;
	size_t n = find_reply(reply, &code);

	if (n == SIZE_MAX)
		object(x, "no reply, but sent to the client");
	if (n == 0 || n == SIZE_MAX)
		return false;
	/* The refusal that was one too many has two replies. */
	if (x->is_parting && (code != 421 || x->has_said_421))
		object(x, "a reply behind the last word");
	x->has_said_421 |= code == 421;
	if (f->n_units > 0 && x->has_greeted) {
		struct watch_unit *u = &f->units[f->first];

		f->first = (f->first + 1) % WATCH_UNITS;
		f->n_units--;
		judge_reply(x, u, code, xo_span_first(reply, n));
		/* What follows it may be content. */
		x->is_parting |= u->is_flawed;
	} else {
		judge_unasked(x, code);
	}
	xo_buf_consume(&f->replies, n);
	return true;
}

static void
front_run(struct watch *x)
{
	bool has_moved;

	do {
		has_moved = false;
		while (front_take(x))
			has_moved = true;
		has_moved |= front_reply(x);
	} while (has_moved && x->world->violation[0] == '\0');
}

/* The next hop's leg */

static bool
is_client_rcpt(const struct watch *x, struct xo_span address)
{
	const struct watch_leg *f = &x->front;
	struct xo_span known = xo_buf_span(&f->rcpts);

	while (known.len > 0) {
		size_t n = xo_span_find(known, '\n');

		if (xo_span_is_equal(xo_span_first(known, n), address))
			return true;
		known = xo_span_from(known, n + 1);
	}
	for (size_t i = 0; i < f->n_units; i++)
		if (xo_span_is_equal(xo_buf_span(&f->units[(f->first + i) %
		    WATCH_UNITS].text), address))
			return true;
	return false;
}

static bool
may_pipeline(const struct watch *x)
{
	return xo_caps_has(&x->world->hop.caps, XO_CAP_PIPELINING);
}

static void
check_xoorg_out(struct watch *x, const struct watch_unit *u)
{
	const struct world_options *o = &x->world->options;

	x->has_xoorg_out = u->has_xoorg;
	if (!u->has_xoorg)
		return;
	if (!xo_caps_has(&x->world->hop.caps, XO_CAP_XOORG))
		object(x, "XOORG= to a next hop that did not announce it");
	if (!o->has_message_xoorg ||
	    !(x->is_verified || is_local(x)))
		object(x, "XOORG= for mail of unknown origin");
	if (!is_ours(xo_buf_span(&u->xoorg)))
		object(x, "XOORG= that is no tenant's");
}

static void
check_back_unit(struct watch *x, const struct watch_unit *u, bool is_first)
{
	struct watch_leg *b = &x->back;

	if (!is_first && !may_pipeline(x))
		object(x, "pipelined to a next hop that forbids it");
	if (u->is_flawed)
		object(x, "an ill-formed command to the next hop");
	switch (u->verb) {
	case WATCH_MAIL:
		if (b->has_mail == WATCH_YES)
			object(x, "nested MAIL to the next hop");
		if (!xo_span_is_equal(xo_buf_span(&u->text),
		    xo_buf_span(&x->front.from)))
			object(x, "another sender to the next hop");
		check_xoorg_out(x, u);
		b->has_mail = WATCH_YES;
		break;
	case WATCH_RCPT:
		if (!is_client_rcpt(x, xo_buf_span(&u->text)))
			object(x, "a recipient nobody gave to the next hop");
		break;
	case WATCH_DATA:
		x->is_data_said = true;
		break;
	case WATCH_RSET:
		b->has_mail = WATCH_NO;
		break;
	case WATCH_EHLO:
		if (!x->is_ack_due || !is_first)
			object(x, "EHLO, and no final reply before it");
		b->has_mail = WATCH_NO;
		break;
	case WATCH_BDAT:
	case WATCH_FINAL:
		break;
	case WATCH_OTHER:
	case WATCH_HELO:
	case WATCH_STARTTLS:
	case WATCH_QUIT:
	default:
		object(x, "a command that is not the relay's to say");
		break;
	}
}

static void
check_lines(struct watch *x, struct xo_span in)
{
	for (size_t i = 0; i < in.len; i++)
		if ((in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r')) ||
		    (in.p[i] == '\r' && i + 1 < in.len && in.p[i + 1] != '\n'))
			object(x, "CR or LF outside CRLF to the next hop");
}

static bool
back_take(struct watch *x)
{
	struct watch_leg *b = &x->back;
	struct xo_span in = xo_buf_span(&b->commands);
	size_t lf = xo_span_find(in, '\n'), n = b->n_units;

	if (n == WATCH_UNITS) {
		object(x, "watch: too many commands to the next hop");
		return false;
	}
	if (!b->is_in_chunk)
		check_lines(x, in);
	if (b->is_in_chunk && !take_chunk(b))
		return false;
	if (b->n_units > n)
		return true;
	if (b->is_in_data)
		return take_data(b);
	if (x->is_data_said && in.len > 0) {
		if (b->n_units > 0)
			object(x, "content before the 354 was read");
		return false;
	}
	if (lf == in.len)
		return false;
	if (lf > 0)
		add_command(b, xo_span_first(in, lf - 1));
	xo_buf_consume(&b->commands, lf + 1);
	if (b->n_units > n)
		check_back_unit(x, &b->units[(b->first + n) % WATCH_UNITS],
		    n == 0);
	else if (n > 0 && !may_pipeline(x))
		object(x, "BDAT pipelined to a next hop that forbids it");
	if (b->is_in_chunk &&
	    !xo_caps_has(&x->world->hop.caps, XO_CAP_CHUNKING))
		object(x, "BDAT to a next hop without CHUNKING");
	return true;
}

/* "250 2.1.5 ...": does it say this of itself? */
static bool
is_status(struct xo_span reply, const char *status)
{
	return reply.len > 9 && begins(xo_span_from(reply, 4), status) &&
	    (reply.p[9] == ' ' || reply.p[9] == '\r' || reply.p[9] == '\n');
}

/* Its subject; 0: there is none. */
static char
subject_of(struct xo_span reply)
{
	return reply.len > 8 && reply.p[4] == '2' && reply.p[5] == '.' &&
	    reply.p[7] == '.' ? (char)reply.p[6] : '\0';
}

/* No other command's answer can have been taken for this 250. */
static bool
is_plain(const struct watch *x, bool by_data, struct xo_span reply)
{
	char subject = subject_of(reply);

	return by_data || (x->is_worded && x->n_chunks == 1 &&
	    subject != '1' && subject != '\0');
}

/* Word for word what it has said before? From here on it has. */
static bool
was_said(struct watch *x, struct xo_span reply)
{
	bool is_old;

	xo_buf_add_byte(&x->said, '\0');
	is_old = memmem(x->said.p, x->said.len, reply.p, reply.len) != NULL;
	xo_buf_add(&x->said, reply);
	return is_old;
}

static bool
can_say_hello(const struct watch *x)
{
	return (x->world->hop.caps.set & ~(XO_CAP_BIT(XO_CAP_XOORG) |
	    XO_CAP_BIT(XO_CAP_REQUIRETLS) | XO_CAP_BIT(XO_CAP_CHUNKING) |
	    XO_CAP_BIT(XO_CAP_BINARYMIME) | XO_CAP_BIT(XO_CAP_XCLIENT))) != 0;
}

/* The content was answered. */
static void
hear_final(struct watch *x, uint16_t code, bool by_data, struct xo_span reply)
{
	struct watch_leg *b = &x->back;
	bool is_lmtp = x->world->options.is_lmtp;
	size_t n_due = is_lmtp ? b->n_rcpts : 1;

	x->n_finals++;
	x->n_final_250s += code == 250;
	if (x->n_finals < n_due) {
		/* LMTP: the next one is for the same content. */
		b->first = (b->first + WATCH_UNITS - 1) % WATCH_UNITS;
		b->n_units++;
		return;
	}
	if (x->n_final_250s == x->n_finals && b->n_rcpts > 0 &&
	    !x->is_confused) {
		x->has_ack = is_plain(x, by_data, reply) &&
		    (!x->is_old || !can_say_hello(x)) &&
		    (!is_lmtp || (by_data && b->n_rcpts == 1));
		x->is_ack_due = !x->has_ack;
		x->ack_by_data = by_data;
		copy(&x->ack_from, &b->from);
		copy(&x->ack_rcpts, &b->rcpts);
		copy(&x->ack_content, &b->content);
	}
	x->n_finals = x->n_final_250s = 0;
	end_transaction(b);
}

/* What it announces has a line for each, and nothing else has. */
static void
hear_hello(struct watch *x, uint16_t code, struct xo_span reply)
{
	x->has_ack = x->is_ack_due && code == 250 &&
	    (reply.p[3] == '-' || !can_say_hello(x));
	x->is_ack_due = false;
}

static void
hear_rcpt(struct watch *x, const struct watch_unit *u, struct xo_span reply)
{
	struct watch_leg *b = &x->back;

	x->is_worded &= is_status(reply, "2.1.5");
	b->n_rcpts++;
	xo_buf_add(&b->rcpts, xo_buf_span(&u->text));
	xo_buf_add_byte(&b->rcpts, '\n');
}

static void
hear(struct watch *x, const struct watch_unit *u, uint16_t code,
    struct xo_span reply)
{
	struct watch_leg *b = &x->back;

	x->is_old = code / 100 == 2 && was_said(x, reply);
	switch (u->verb) {
	case WATCH_MAIL:
		b->n_rcpts = x->n_chunks = 0;
		x->is_ack_due = false;
		x->is_worded = is_status(reply, "2.1.0") && !x->world->options.is_lmtp &&
		    xo_caps_has(&x->world->hop.caps,
		    XO_CAP_ENHANCEDSTATUSCODES);
		xo_buf_clear(&b->rcpts);
		copy(&b->from, &u->text);
		break;
	case WATCH_RCPT:
		if (code == 250 || code == 251)
			hear_rcpt(x, u, reply);
		break;
	case WATCH_DATA:
		x->is_data_said = false;
		b->is_in_data = code == 354;
		xo_buf_clear(&b->content);
		break;
	case WATCH_BDAT:
		x->n_chunks++;
		if (u->is_last)
			hear_final(x, code, false, reply);
		else
			x->is_confused |= code != 250;
		break;
	case WATCH_FINAL:
		hear_final(x, code, true, reply);
		break;
	case WATCH_EHLO:
		hear_hello(x, code, reply);
		break;
	case WATCH_OTHER:
	case WATCH_HELO:
	case WATCH_STARTTLS:
	case WATCH_RSET:
	case WATCH_QUIT:
	default:
		break;
	}
}

static bool
back_reply(struct watch *x)
{
	struct watch_leg *b = &x->back;
	uint16_t code = 0;
	size_t n = find_reply(xo_buf_span(&b->replies), &code);

	if (n == 0 || x->is_confused)
		return false;
	/* Unasked, ill-formed, or good-bye: nothing is believed from here. */
	if (n == SIZE_MAX || b->n_units == 0 || code == 421) {
		x->is_confused = true;
		return false;
	}
	b->n_units--;
	b->first = (b->first + 1) % WATCH_UNITS;
	hear(x, &b->units[(b->first + WATCH_UNITS - 1) % WATCH_UNITS], code,
	    xo_span_first(xo_buf_span(&b->replies), n));
	xo_buf_consume(&b->replies, n);
	return true;
}

static void
back_run(struct watch *x)
{
	bool has_moved;

	do {
		has_moved = back_take(x);
	} while (has_moved && x->world->violation[0] == '\0');
}

static void
back_hear(struct watch *x)
{
	while (back_reply(x))
		back_run(x);
}

static void
back_reset(struct watch *x)
{
	struct watch_leg *b = &x->back;

	end_transaction(b);
	xo_buf_clear(&x->said);
	xo_buf_clear(&b->commands);
	xo_buf_clear(&b->replies);
	b->n_units = 0;
	b->is_in_data = b->is_in_chunk = false;
	x->is_confused = x->is_data_said = x->is_ack_due = false;
	x->n_finals = x->n_final_250s = 0;
}

/* Entry */

static void
saw(struct world_watch *hook, enum world_seen what, struct xo_span s)
{
	struct watch *x = (struct watch *)hook;

	if (x->is_closed && (what == WORLD_TO_CLIENT || what == WORLD_TO_HOP))
		object(x, "something came behind CLOSE");
	switch (what) {
	case WORLD_CLIENT:
		xo_buf_add(&x->front.commands, s);
		front_run(x);
		break;
	case WORLD_TO_CLIENT:
		xo_buf_add(&x->front.replies, s);
		front_run(x);
		break;
	case WORLD_TLS:
		x->is_tls = true;
		xo_buf_clear(&x->front.commands);
		break;
	case WORLD_CLOSE:
		x->is_closed = true;
		break;
	case WORLD_LINK:
		back_reset(x);
		break;
	case WORLD_RELEASE:
		break;
	case WORLD_TO_HOP:
		xo_buf_add(&x->back.commands, s);
		back_run(x);
		break;
	case WORLD_HOP:
		xo_buf_add(&x->back.replies, s);
		back_hear(x);
		break;
	}
}

void
watch_init(struct watch *x, struct world *w)
{
	memset(x, 0, sizeof(*x));
	x->hook.saw = saw;
	x->world = w;
}

static void
leg_fini(struct watch_leg *leg)
{
	for (size_t i = 0; i < WATCH_UNITS; i++) {
		xo_buf_fini(&leg->units[i].text);
		xo_buf_fini(&leg->units[i].xoorg);
	}
	xo_buf_fini(&leg->commands);
	xo_buf_fini(&leg->replies);
	xo_buf_fini(&leg->content);
	xo_buf_fini(&leg->from);
	xo_buf_fini(&leg->rcpts);
}

void
watch_fini(struct watch *x)
{
	leg_fini(&x->front);
	leg_fini(&x->back);
	xo_buf_fini(&x->said);
	xo_buf_fini(&x->ack_from);
	xo_buf_fini(&x->ack_rcpts);
	xo_buf_fini(&x->ack_content);
}
