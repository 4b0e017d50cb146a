/* SPDX-License-Identifier: ISC */
/*
 * What a reply of the next hop is about, and whether it can be the answer to
 * what we wait for.
 *
 * SMTP replies carry no number. A next hop that answers something twice is one
 * reply behind from there on, and each of its words is taken for the answer to
 * the next command: RCPT's 250 would be the message's. So 250 to a message is
 * believed only if it can be no other command's:
 *
 *   by DATA: 354 answers nothing else. A next hop that is behind gives RCPT's
 *   250 there, and no content is sent. Between 354 and the end nothing is asked.
 *
 *   by one BDAT: the next hop announced ENHANCEDSTATUSCODES, and the replies
 *   to MAIL and to each RCPT that it took were 2.1.0 and 2.1.5 ("address
 *   status", RFC 3463), as Postfix and Exchange word them. Then whatever it is
 *   behind with is x.1.y, too, and a 250 that is not is the message's. RSET's
 *   reply must not be x.1.y either, and an envelope whose replies were worded
 *   in another way leaves no link to the next: where the status changes
 *   from one command to the next, nobody can be behind unseen.
 *
 *   else (several BDAT, whose replies are worded alike; a client's chunks for
 *   a next hop that words its replies in another way; LMTP with several
 *   recipients, whose final replies may be alike): after the content we say
 *   EHLO or LHLO, and what it announces answers nothing else. Only then the
 *   client hears of its 250.
 *
 * So it is, however the content went, if the final 250 is word for word one
 * that this link has said before: then it may be that one again, much
 * later than it was due. A queue's name in it, which most say, spares this.
 *
 * A next hop that words its replies as what they are cannot fool us, however
 * often it repeats them. One that lies can: it need only say 250. So can one
 * without ESMTP, which has nothing to announce, if it holds a repeated word back
 * until the end of a message.
 */
#include "about.h"

/* What settle() in opening.c takes away, what the pool does for a next hop that
 * was found out of step, and what only the first EHLO may say. */
#define NOT_ALWAYS (XO_CAP_BIT(XO_CAP_XOORG) |				\
	XO_CAP_BIT(XO_CAP_REQUIRETLS) |					\
	XO_CAP_BIT(XO_CAP_CHUNKING) |					\
	XO_CAP_BIT(XO_CAP_BINARYMIME) |					\
	XO_CAP_BIT(XO_CAP_XCLIENT))

#define SUBJECT_ADDRESS 1
#define DETAIL_MAIL 0			/* other address status */
#define DETAIL_RCPT 5			/* destination address valid */
#define SUBJECT_SYSTEM 3
#define SUBJECT_PROTOCOL 5
#define SUBJECT_SECURITY 7

bool
about_envelope(const struct xo_relay *r)
{
	struct xo_enhanced e;

	return xo_reply_enhanced(&r->back.reply, &e) &&
	    e.subject == SUBJECT_ADDRESS;
}

bool
about_itself(const struct xo_relay *r, enum expected what)
{
	struct xo_enhanced e;

	return xo_reply_enhanced(&r->back.reply, &e) &&
	    e.subject == SUBJECT_ADDRESS &&
	    e.detail == (what == EXPECT_MAIL ? DETAIL_MAIL : DETAIL_RCPT);
}

bool
about_can_prove(const struct xo_relay *r)
{
	return (r->back.caps & ~NOT_ALWAYS) != 0;
}

bool
about_hello(const struct xo_relay *r)
{
	struct xo_span text = xo_buf_span(&r->back.reply.text), line;
	struct xo_caps caps = {0};
	size_t n = 0;

	if (r->back.reply.code != 250)
		return false;
	(void)xo_reply_line(&text, &line);
	for (; xo_reply_line(&text, &line); n++)
		xo_caps_add_line(&caps, line, extensions(r));
	/* Who announced nothing says one line to it, like to all else. */
	return (n > 0 || !about_can_prove(r)) &&
	    (caps.set & ~NOT_ALWAYS) == (r->back.caps & ~NOT_ALWAYS);
}

bool
about_before(const struct xo_relay *r)
{
	return about_can_prove(r) &&
	    xo_heard_before(r->back.heard, &r->back.reply);
}

static bool
has_refused_recipient(const struct xo_relay *r)
{
	for (size_t i = 0; i < r->t.envelope.n_slots; i++)
		if (r->t.envelope.slots[i].is_sent &&
		    r->t.envelope.slots[i].state == SLOT_REFUSED)
			return true;
	return false;
}

/* The end of the content, by one BDAT and without EHLO after it. */
static bool
is_anothers_final(const struct xo_relay *r)
{
	struct xo_enhanced e;

	if (!r->t.writer.uses_bdat || r->t.final.wants_hello)
		return false;
	if (r->back.reply.code == 250)
		return !xo_reply_enhanced(&r->back.reply, &e) ||
		    e.subject == SUBJECT_ADDRESS;
	return about_envelope(r) && has_refused_recipient(r);
}

bool
about_another(const struct xo_relay *r, enum expected what)
{
	bool is_hello = about_can_prove(r) && about_hello(r);

	switch (what) {
	case EXPECT_HELLO:
		return !about_hello(r);
	case EXPECT_RSET:
		return is_hello || about_envelope(r);
	case EXPECT_DATA:
		return r->back.reply.code / 100 == 2 ||
		    (r->back.reply.code >= 500 && about_envelope(r) &&
		    has_refused_recipient(r));
	case EXPECT_FINAL:
		return is_hello || is_anothers_final(r);
	case EXPECT_MAIL:
	case EXPECT_RCPT:
	case EXPECT_CHUNK:
	default:
		return is_hello;
	}
}

/* Commands that it does not know or take at all, and what it demands before:
 * STARTTLS, AUTH. 504 is not among them: Postfix says it to addresses. */
static bool
is_our_code(uint16_t code)
{
	static const uint16_t codes[] = {500, 502, 503, 530, 534, 535, 538};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Of RFC 3463 and its registry: the system's own state, and how one must come
 * to it. */
static bool
is_our_status(const struct xo_enhanced *e)
{
	static const struct {
		uint16_t subject, detail;
	} rows[] = {
		{SUBJECT_SYSTEM, 2},	/* takes no mail from the network */
		{SUBJECT_SYSTEM, 5},	/* is set up wrongly */
		{SUBJECT_PROTOCOL, 6},	/* AUTH */
		{SUBJECT_SECURITY, 8},	/* credentials */
		{SUBJECT_SECURITY, 9},	/* AUTH's mechanism is too weak */
		{SUBJECT_SECURITY, 10},	/* encryption needed */
		{SUBJECT_SECURITY, 11},	/* the same, for AUTH */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (e->subject == rows[i].subject &&
		    e->detail == rows[i].detail)
			return true;
	return false;
}

bool
about_us(const struct xo_relay *r, enum expected what)
{
	uint16_t code = r->back.reply.code;
	struct xo_enhanced e = {0};
	bool has_enhanced = xo_reply_enhanced(&r->back.reply, &e);

	if (code < 500)
		return false;
	if (is_our_code(code) || (has_enhanced && is_our_status(&e)) ||
	    (code == 521 && !has_enhanced))	/* RFC 7504 */
		return true;
	/* "No valid recipients", where it has taken some. */
	if (what == EXPECT_DATA && code == 554 &&
	    e.subject == SUBJECT_PROTOCOL && e.detail == 1)
		return true;
	/* XOORG= is the one parameter of our own, and 555 is about parameters;
	 * 501 of an Exchange may be about any, and is final (vectors.md C9). */
	return what == EXPECT_MAIL && r->t.envelope.has_xoorg_out &&
	    code == 555;
}
