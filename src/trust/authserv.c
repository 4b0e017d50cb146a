/* SPDX-License-Identifier: ISC */
/*
 * Whose is this Authentication-Results? (RFC 8601 2.2, 5)
 *
 * The authserv-id is compared while it is read: what may stand around and,
 * for careless readers, inside of it (comments, quotes, blanks) is skipped, and
 * the name ends where no domain can go on. Not everybody knows that comments
 * nest and that a backslash hides a parenthesis, and some decode encoded words:
 * the value is ours if it is in any of these readings.
 */
#include <trust/encoded.h>
#include <trust/field.h>

enum reading {
	READING_NESTS = 1 << 0,
	READING_ESCAPES = 1 << 1,
	READING_HAS_COMMENTS = 1 << 2,
};

static const unsigned int readings[] = {
	READING_HAS_COMMENTS | READING_NESTS | READING_ESCAPES,
	READING_HAS_COMMENTS | READING_NESTS,
	READING_HAS_COMMENTS | READING_ESCAPES,
	READING_HAS_COMMENTS,
	0,
};

struct cursor {
	struct xo_span rest;
	unsigned int reading;
	bool is_broken;		/* what comes next cannot be read */
};

/* `rest` begins with the parenthesis. */
static void
skip_comment(struct cursor *c)
{
	size_t depth = 0;
	size_t i;

	for (i = 0; i < c->rest.len; i++) {
		uint8_t octet = c->rest.p[i];

		if (octet == '\\' && (c->reading & READING_ESCAPES) != 0)
			i++;
		else if (octet == '(' &&
		    (depth == 0 || (c->reading & READING_NESTS) != 0))
			depth++;
		else if (octet == ')' && --depth == 0)
			break;
	}
	c->is_broken |= i >= c->rest.len;
	c->rest = xo_span_from(c->rest, i + 1);
}

static bool
is_gap(uint8_t c)
{
	return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '(' ||
	    c == ')';
}

/* Over all that is no part of a name. */
static void
skip_gap(struct cursor *c)
{
	while (c->rest.len > 0 && is_gap(c->rest.p[0])) {
		if (c->rest.p[0] == '(' &&
		    (c->reading & READING_HAS_COMMENTS) != 0)
			skip_comment(c);
		else
			c->rest = xo_span_from(c->rest, 1);
	}
}

static bool
is_name_octet(uint8_t c)
{
	return xo_ascii_is_alpha(c) || xo_ascii_is_digit(c) || c == '-' ||
	    c == '_';
}

/* Behind the whole name: does a longer one go on? Final dots are no part. */
static bool
goes_on(struct cursor *c)
{
	while (c->rest.len > 0 && c->rest.p[0] == '.')
		c->rest = xo_span_from(c->rest, 1);
	return c->rest.len > 0 && is_name_octet(c->rest.p[0]);
}

/* To where a name begins. */
static void
skip_to_name(struct cursor *c)
{
	skip_gap(c);
	while (c->rest.len > 0 && !is_name_octet(c->rest.p[0])) {
		c->rest = xo_span_from(c->rest, 1);
		skip_gap(c);
	}
}

static bool
is_ours(struct cursor *c, struct xo_span hostname)
{
	size_t i;

	if (hostname.len == 0)
		return false;
	skip_to_name(c);
	for (i = 0; i < hostname.len; i++) {
		skip_gap(c);
		if (c->rest.len == 0)
			return c->is_broken;
		if (xo_ascii_lower(c->rest.p[0]) !=
		    xo_ascii_lower(hostname.p[i]))
			return false;
		c->rest = xo_span_from(c->rest, 1);
	}
	return !goes_on(c);
}

static bool
is_read_as_ours(struct xo_span text, bool is_broken, struct xo_span hostname)
{
	size_t i;

	for (i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		struct cursor c = {
			.rest = text,
			.reading = readings[i],
			.is_broken = is_broken,
		};

		if (is_ours(&c, hostname))
			return true;
	}
	return false;
}

static bool
has_encoded_word(struct xo_span s)
{
	while (s.len > 1) {
		size_t n = xo_span_find(s, '=');

		s = xo_span_from(s, n + 1);
		if (s.len > 0 && s.p[0] == '?')
			return true;
	}
	return false;
}

bool
xo_field_is_authserv(struct xo_span value, struct xo_span hostname)
{
	struct xo_buf text = {0};
	bool is_whole, is_found;

	if (is_read_as_ours(value, false, hostname))
		return true;
	if (!has_encoded_word(value))
		return false;
	is_whole = xo_encoded_read(value, &text);
	is_found = is_read_as_ours(xo_buf_span(&text), !is_whole, hostname);
	xo_buf_fini(&text);
	return is_found;
}
