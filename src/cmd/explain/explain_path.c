/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: how the message came. Received as Postfix, Exim, Sendmail,
 * Exchange and we write it, and the Authentication-Results of a gateway.
 */
#include <cmd/explain/explain.h>

#include <xoorg/policy.h>

#define WORD_MAX 128

struct hop {
	struct xo_span from;
	struct xo_span address;		/* in brackets, behind `from` */
	struct xo_span by;
	struct xo_span with;
	struct xo_span date;
	bool is_xoorgd;
};

/* The length of a comment, quoted strings in it looked through. */
static size_t
comment_len(struct xo_span s)
{
	size_t depth = 0;
	bool is_quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

static struct xo_span
find_literal(struct xo_span comment)
{
	struct xo_span s = xo_span_from(comment, xo_span_find(comment, '['));

	return xo_span_first(s, xo_span_find(s, ']') + 1);
}

static size_t
word_len(struct xo_span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] > ' ' && s.p[n] != '(' && s.p[n] != ';')
		n++;
	return n;
}

/* The field that `word` begins, or NULL. `with` takes several words. */
static struct xo_span *
find_clause(struct hop *hop, struct xo_span word, bool *is_clause_r)
{
	static const char *const others[] = {"id", "for", "via"};

	*is_clause_r = true;
	if (xo_span_is_equal_nocase(word, XO_LIT("from")))
		return &hop->from;
	if (xo_span_is_equal_nocase(word, XO_LIT("by")))
		return &hop->by;
	if (xo_span_is_equal_nocase(word, XO_LIT("with")))
		return &hop->with;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (xo_span_is_equal_nocase(word, xo_span_from_cstr(others[i])))
			return NULL;
	}
	*is_clause_r = false;
	return NULL;
}

static void
read_word(struct hop *hop, struct xo_span word, struct xo_span **clause)
{
	bool is_clause;
	struct xo_span *next = find_clause(hop, word, &is_clause);

	if (is_clause) {
		/* Only the first of each: the rest is not the syntax. */
		/* analyser: the caller has one */
		*clause = next != NULL && next->len == 0 ? next : NULL;
	} else if (*clause != NULL && (*clause)->len == 0) {
		**clause = word;
	} else if (*clause == &hop->with) {
		(*clause)->len = (size_t)(word.p - (*clause)->p) + word.len;
	}
}

static void
read_received(struct xo_span s, struct hop *hop)
{
	struct xo_span *clause = NULL;

	*hop = (struct hop){.is_xoorgd = false};
	while (s.len > 0) {
		size_t n = 1;

		if (s.p[0] == ';') {
			hop->date = xo_span_from(s, 1);
			return;
		}
		if (s.p[0] == '(') {
			n = comment_len(s);
			if (clause == &hop->from && hop->address.len == 0)
				hop->address = find_literal(
				    xo_span_first(s, n));
			if (clause == &hop->by && xo_span_is_equal_nocase(
			    xo_span_first(s, n), XO_LIT("(xoorgd)")))
				hop->is_xoorgd = true;
		} else if (s.p[0] > ' ') {
			n = word_len(s);
			read_word(hop, xo_span_first(s, n), &clause);
		}
		s = xo_span_from(s, n);
	}
}

/* "1.3", from TLSv1.3, TLS1_3 or TLS1.3; or empty. */
static struct xo_span
find_tls_version(struct xo_span s)
{
	for (; s.len >= 6; s = xo_span_from(s, 1)) {
		struct xo_span at = xo_span_from(s, 3);

		if (!xo_span_has_prefix_nocase(s, XO_LIT("TLS")))
			continue;
		/* analyser: a span with octets has a place */
		if (at.p[0] == 'v')
			at = xo_span_from(at, 1);
		if (at.len >= 3 && at.p[0] == '1' &&
		    (at.p[1] == '.' || at.p[1] == '_') &&
		    xo_ascii_is_digit(at.p[2]))
			return xo_span_first(at, 3);
	}
	return xo_span(NULL, 0);
}

/* RFC 3848: an S, with or without an A behind it. */
static bool
is_secure_protocol(struct xo_span with)
{
	size_t n = with.len;

	if (n > 0 && xo_ascii_lower(with.p[n - 1]) == 'a')
		n--;
	return n > 5 ? xo_ascii_lower(with.p[n - 1]) == 's' :
	    xo_span_is_equal_nocase(with, XO_LIT("HTTPS"));
}

static void
explain_tls(struct xo_span value, const struct hop *hop,
    struct xo_explain_note *note)
{
	struct xo_span version = find_tls_version(value);
	char text[] = "TLS 1.x";

	if (version.len > 0) {
		text[6] = (char)version.p[2];
		xo_buf_add_all(&note->meaning, ", ", text, (char *)NULL);
		if (version.p[2] < '2')
			xo_buf_add_cstr(&note->meaning, " (old)");
	} else if (is_secure_protocol(hop->with)) {
		xo_buf_add_cstr(&note->meaning, ", TLS of some version");
	} else if (xo_explain_contains(hop->with, "SMTP")) {
		xo_buf_add_cstr(&note->meaning, ", no TLS noted");
	}
}

/* Returns whether a client certificate was verified. */
static bool
explain_certificate(struct xo_span value, struct xo_explain_note *note)
{
	/* Sendmail's NOT begins with its NO. */
	static const struct {
		const char *text;
		const char *meaning;
		bool is_verified;
	} table[] = {
		{"(verified OK)", ", client certificate verified", true},
		{"verify=OK", ", client certificate verified", true},
		{"(not verified)", ", client certificate not verified", false},
		{"verify=FAIL", ", client certificate not verified", false},
		{"no client certificate requested",
		    ", no client certificate asked for", false},
		{"verify=NOT", ", no client certificate asked for", false},
		{"did not present a certificate",
		    ", client showed no certificate", false},
		{"verify=NO", ", client showed no certificate", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (xo_explain_contains(value, table[i].text)) {
			xo_buf_add_cstr(&note->meaning, table[i].meaning);
			return table[i].is_verified;
		}
	}
	return false;
}

static bool
is_outlook(struct xo_span host)
{
	struct xo_span suffix = XO_LIT(".outlook.com");

	return host.len > suffix.len && xo_span_is_equal_nocase(
	    xo_span_from(host, host.len - suffix.len), suffix);
}

void
xo_explain_received(struct xo_explain *explain, struct xo_span value)
{
	struct xo_explain_note *note;
	struct hop hop;
	bool is_verified;

	read_received(value, &hop);
	note = xo_explain_note(explain, XO_EXPLAIN_PATH, XO_LIT("Received"),
	    xo_span(NULL, 0));
	xo_explain_add_printable(&note->value,
	    hop.from.len > 0 ? hop.from : XO_LIT("(not said)"), WORD_MAX);
	if (hop.address.len > 0) {
		xo_buf_add_byte(&note->value, ' ');
		xo_explain_add_printable(&note->value, hop.address, WORD_MAX);
	}
	xo_buf_add_cstr(&note->value, " -> ");
	xo_explain_add_printable(&note->value,
	    hop.by.len > 0 ? hop.by : XO_LIT("(not said)"), WORD_MAX);
	xo_buf_add_cstr(&note->meaning, "By ");
	xo_explain_add_printable(&note->meaning,
	    hop.with.len > 0 ? hop.with : XO_LIT("unknown means"), WORD_MAX);
	explain_tls(value, &hop, note);
	is_verified = explain_certificate(value, note);
	xo_buf_add_cstr(&note->meaning, hop.is_xoorgd ?
	    ", received by xoorgd." : ".");
	if (is_outlook(hop.from) && !is_outlook(hop.by) && !hop.is_xoorgd &&
	    !is_verified) {
		note->is_warning = true;
		xo_buf_add_cstr(&note->meaning, " Here a host that calls "
		    "itself Exchange Online handed it over, and this line does "
		    "not say that its certificate was verified.");
	}
	if (hop.date.len > 0) {
		xo_buf_add_byte(&note->meaning, ' ');
		xo_explain_add_printable(&note->meaning, hop.date, WORD_MAX);
	}
}

/* What follows `key` ("policy.verdict="), to the next blank or semicolon. */
static struct xo_span
find_property(struct xo_span s, const char *key)
{
	struct xo_span wanted = xo_span_from_cstr(key);

	for (; s.len >= wanted.len; s = xo_span_from(s, 1)) {
		if (xo_span_has_prefix_nocase(s, wanted)) {
			s = xo_span_from(s, wanted.len);
			return xo_span_first(s, word_len(s));
		}
	}
	return xo_span(NULL, 0);
}

static const char *
verdict_meaning(struct xo_span verdict)
{
	static const struct {
		enum xo_verdict verdict;
		const char *meaning;
	} table[] = {
		{XO_VERDICT_VERIFIED, "the client proved itself by its "
		    "certificate, and XOORG named a tenant of the gateway."},
		{XO_VERDICT_UNKNOWN_ORG, "the client proved itself, but XOORG "
		    "named no tenant of the gateway: another customer of the "
		    "same cloud, or a domain missing in originator_orgs."},
		{XO_VERDICT_NO_ORG, "the client proved itself, but gave no "
		    "XOORG with this message."},
		{XO_VERDICT_SENDER_MISMATCH, "XOORG named a tenant, but the "
		    "envelope sender is not in its sender_domains."},
		{XO_VERDICT_UNAUTHENTICATED, "the client did not prove itself "
		    "by a certificate: ordinary Internet mail."},
		{XO_VERDICT_OURS, "one of the gateway's own systems sent it."},
		{XO_VERDICT_ATTRIBUTED, "a peer that relays as this tenant sent "
		    "it; XOORG verified nothing."},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (xo_span_is_equal_nocase(verdict, xo_span_from_cstr(
		    xo_verdict_name(table[i].verdict))))
			return table[i].meaning;
	}
	return "no known verdict.";
}

void
xo_explain_results(struct xo_explain *explain, struct xo_span value)
{
	struct xo_explain_note *note;
	struct xo_span verdict;

	if (!xo_explain_contains(value, "x-xoorg="))
		return;
	verdict = find_property(value, "policy.verdict=");
	xo_explain_keep_fact(explain, XO_FACT_VERDICT, verdict);
	note = xo_explain_note(explain, XO_EXPLAIN_GATEWAY,
	    XO_LIT("Authentication-Results"), value);
	xo_buf_add_cstr(&note->meaning, "The gateway ");
	xo_explain_add_printable(&note->meaning,
	    xo_span_first(value, word_len(value)), WORD_MAX);
	xo_buf_add_all(&note->meaning, " says: ", verdict_meaning(verdict),
	    " Worth something only if that gateway is yours and you stand "
	    "behind it.", (char *)NULL);
}
