/* SPDX-License-Identifier: ISC */
/*
 * Trace fields, newest first: what we think of the message stands above the
 * Received that says how it came.
 */
#include <xoorg/stamp.h>

#define WIDTH 78
#define VALUE_MAX 255
#define SECONDS_PER_DAY 86400
/* The last second of the year 9999: RFC 5322 dates have no more digits. */
#define LAST_TIME 253402300799

struct writer {
	struct xo_buf *out;
	size_t line_start;
};

static void
begin_line(struct writer *w)
{
	xo_buf_add(w->out, XO_LIT("\r\n\t"));
	w->line_start = w->out->len - (w->out->len > 0 ? 1 : 0);
}

static void
begin_field(struct writer *w, struct xo_span name)
{
	w->line_start = w->out->len;
	xo_buf_add(w->out, name);
	xo_buf_add_byte(w->out, ':');
}

static void
end_field(struct writer *w)
{
	xo_buf_add(w->out, XO_LIT("\r\n"));
}

/* Blank or fold, so that `len` octets fit behind it if they ever can. */
static void
separate(struct writer *w, size_t len)
{
	size_t column = w->out->len - w->line_start;

	if (column + 1 + len > WIDTH)
		begin_line(w);
	else if (w->out->len > 0 && w->out->p[w->out->len - 1] != '\t')
		xo_buf_add_byte(w->out, ' ');
}

static bool
is_plain(uint8_t c)
{
	switch (c) {
	case '(':
	case ')':
	case '<':
	case '>':
	case '@':
	case ',':
	case ';':
	case '"':
	case '\\':
		return false;
	default:
		return c > ' ' && c < 0x7f;
	}
}

/* No octet of it may end a comment, a field or a list. */
static void
add_clean(struct xo_buf *out, struct xo_span s)
{
	uint8_t *to;

	s = xo_span_first(s, VALUE_MAX);
	to = xo_buf_reserve(out, s.len);
	if (to == NULL)
		return;
	for (size_t i = 0; i < s.len; i++)
		to[i] = is_plain(s.p[i]) ? s.p[i] : '?';
	out->len += s.len;
}

static size_t
clean_len(struct xo_span s)
{
	return s.len < VALUE_MAX ? s.len : VALUE_MAX;
}

/* `before` and `after` are ours; all three are one word. */
static void
add_word(struct writer *w, struct xo_span before, struct xo_span s,
    struct xo_span after)
{
	separate(w, before.len + clean_len(s) + after.len);
	xo_buf_add(w->out, before);
	add_clean(w->out, s);
	xo_buf_add(w->out, after);
}

static void
add_text(struct writer *w, struct xo_span text)
{
	separate(w, text.len);
	xo_buf_add(w->out, text);
}

/* Days since 1970 to a date of the Gregorian calendar, by whole cycles. */
static void
civil_date(int64_t days, int64_t *year_r, int64_t *month_r, int64_t *day_r)
{
	int64_t d = days + 719468;	/* since 0000-03-01 */
	int64_t era = d / 146097;	/* of 400 years */
	int64_t doe = d % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t m = (5 * doy + 2) / 153;	/* 0 is March */

	*day_r = doy - (153 * m + 2) / 5 + 1;
	*month_r = m < 10 ? m + 3 : m - 9;
	*year_r = yoe + era * 400 + (*month_r <= 2 ? 1 : 0);
}

static void
add_padded(struct xo_buf *out, int64_t n, int width)
{
	xo_buf_add_padded(out, (uint64_t)n, width);
}

/* "Mon, 23 Nov 2026 21:44:40 +0000" */
static void
add_date(struct writer *w, int64_t time)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t year, month, day, second;

	if (time < 0)
		time = 0;
	if (time > LAST_TIME)
		time = LAST_TIME;
	civil_date(time / SECONDS_PER_DAY, &year, &month, &day);
	second = time % SECONDS_PER_DAY;
	separate(w, sizeof("Mon, 23 Nov 2026 21:44:40 +0000") - 1);
	xo_buf_add(w->out, xo_span(days + time / SECONDS_PER_DAY % 7 * 3,
	    3));
	xo_buf_add(w->out, XO_LIT(", "));
	add_padded(w->out, day, 1);
	xo_buf_add_byte(w->out, ' ');
	xo_buf_add(w->out, xo_span(months + (month - 1) * 3, 3));
	xo_buf_add_byte(w->out, ' ');
	add_padded(w->out, year, 4);
	xo_buf_add_byte(w->out, ' ');
	add_padded(w->out, second / 3600, 2);
	xo_buf_add_byte(w->out, ':');
	add_padded(w->out, second / 60 % 60, 2);
	xo_buf_add_byte(w->out, ':');
	add_padded(w->out, second % 60, 2);
	xo_buf_add(w->out, XO_LIT(" +0000"));
}

/* RFC 8601: what the verdict is worth. */
static const char *
result_of(const struct xo_stamp *stamp)
{
	switch (stamp->verdict) {
	case XO_VERDICT_VERIFIED:
		return "x-xoorg=pass";
	case XO_VERDICT_UNKNOWN_ORG:
	case XO_VERDICT_SENDER_MISMATCH:
		if (stamp->has_xoorg)
			return "x-xoorg=fail";
		break;
	case XO_VERDICT_NO_ORG:
	case XO_VERDICT_UNAUTHENTICATED:
	case XO_VERDICT_OURS:
	case XO_VERDICT_ATTRIBUTED:
	case XO_VERDICT_COUNT:
		break;
	}
	return "x-xoorg=none";
}

/* Mail of our own systems gets this field only once it was demoted, and then it is
 * anybody's. */
static const char *
word_of(enum xo_verdict verdict)
{
	return xo_verdict_name(verdict == XO_VERDICT_OURS ||
	    verdict == XO_VERDICT_ATTRIBUTED ?
	    XO_VERDICT_UNAUTHENTICATED : verdict);
}

static void
add_results(struct writer *w, const struct xo_stamp *stamp)
{
	begin_field(w, XO_LIT("Authentication-Results"));
	add_word(w, XO_LIT(""), stamp->hostname, XO_LIT(";"));
	add_text(w, xo_span_from_cstr(result_of(stamp)));
	if (stamp->has_xoorg && stamp->xoorg.len > 0)
		add_word(w, XO_LIT("smtp.xoorg="), stamp->xoorg, XO_LIT(""));
	if (stamp->tenant.len > 0)
		add_word(w, XO_LIT("policy.tenant="), stamp->tenant, XO_LIT(""));
	add_word(w, XO_LIT("policy.verdict="),
	    xo_span_from_cstr(word_of(stamp->verdict)), XO_LIT(""));
	end_field(w);
}

/* Never folded: not every reader of it would unfold. */
static void
add_originator_org(struct writer *w, const struct xo_stamp *stamp)
{
	begin_field(w, XO_LIT("X-OriginatorOrg"));
	xo_buf_add_byte(w->out, ' ');
	add_clean(w->out, stamp->originator_org);
	end_field(w);
}

/* RFC 3848, RFC 6531 4.3; TLS below HELO has no name of its own. */
static const char *
protocol_of(const struct xo_stamp *stamp)
{
	if (stamp->is_utf8)
		return stamp->is_tls ? "UTF8SMTPS" : "UTF8SMTP";
	if (!stamp->is_esmtp)
		return "SMTP";
	return stamp->is_tls ? "ESMTPS" : "ESMTP";
}

static void
add_from(struct writer *w, const struct xo_stamp *stamp)
{
	struct xo_buf text = {0};
	struct xo_span before = XO_LIT("([IPv6:");

	add_text(w, XO_LIT("from"));
	add_word(w, XO_LIT(""), stamp->hello.len > 0 ? stamp->hello :
	    XO_LIT("unknown"), XO_LIT(""));
	if (stamp->address == NULL)
		return;
	if (xo_address_is_ipv4(stamp->address))
		before = XO_LIT("([");
	xo_address_write(&text, stamp->address);
	if (text.err == XO_OK)
		add_word(w, before, xo_buf_span(&text), XO_LIT("])"));
	else
		w->out->err = text.err;
	xo_buf_fini(&text);
}

/* The words of the description, in parentheses. */
static void
add_tls(struct writer *w, struct xo_span tls)
{
	struct xo_span before = XO_LIT("(");

	tls = xo_span_trim(xo_span_first(tls, VALUE_MAX));
	while (tls.len > 0) {
		size_t n = xo_span_find(tls, ' ');
		struct xo_span word = xo_span_first(tls, n);

		tls = xo_span_trim(xo_span_from(tls, n));
		add_word(w, before, word,
		    tls.len == 0 ? XO_LIT(")") : XO_LIT(""));
		before = XO_LIT("");
	}
}

static void
add_received(struct writer *w, const struct xo_stamp *stamp)
{
	begin_field(w, XO_LIT("Received"));
	add_from(w, stamp);
	begin_line(w);
	add_text(w, XO_LIT("by"));
	add_word(w, XO_LIT(""), stamp->hostname, XO_LIT(""));
	add_text(w, XO_LIT("(xoorgd)"));
	add_text(w, XO_LIT("with"));
	add_text(w, xo_span_from_cstr(protocol_of(stamp)));
	if (stamp->is_tls)
		add_tls(w, stamp->tls);
	begin_line(w);
	if (stamp->session.len > 0) {
		add_text(w, XO_LIT("id"));
		add_word(w, XO_LIT(""), stamp->session, XO_LIT(";"));
	} else {
		xo_buf_add_byte(w->out, ';');
	}
	add_date(w, stamp->time);
	end_field(w);
}

void
xo_stamp_write(struct xo_buf *out, const struct xo_stamp *stamp)
{
	struct writer w = {.out = out};

	if (stamp->has_results)
		add_results(&w, stamp);
	if (stamp->originator_org.len > 0)
		add_originator_org(&w, stamp);
	add_received(&w, stamp);
}

size_t
xo_stamp_count(const struct xo_stamp *stamp)
{
	return 1 + (stamp->has_results ? 1U : 0U) +
	    (stamp->originator_org.len > 0 ? 1U : 0U);
}
