/* SPDX-License-Identifier: ISC */
/*
 * Paths and the names of EHLO: see path.h. Whatever stands around an address,
 * what comes out of here is the address alone, so that there is one way to pass
 * it on.
 */
#include <xoorg/path.h>
#include <xoorg/domain.h>

#define ADDRESS_MAX 320
#define LOCAL_MAX 255
#define HELLO_MAX 255

static bool
is_atext(uint8_t c)
{
	const struct xo_span others = XO_LIT("!#$%&'*+-/=?^_`{|}~");

	return xo_ascii_is_alpha(c) || xo_ascii_is_digit(c) ||
	    xo_span_find(others, c) < others.len;
}

/* A forward-only reader of a path. */
struct reader {
	struct xo_span rest;
	bool has_utf8;
	bool is_lenient;
	bool is_bare;			/* an address without < > */
};

/* One octet or one UTF-8 character, if `is_ok` allows the octet. C1 controls
 * are none (bytes.h). */
static bool
take_character(struct reader *r, bool (*is_ok)(uint8_t))
{
	size_t n = 1;

	if (r->rest.len == 0)
		return false;
	if (r->rest.p[0] >= 0x80) {
		n = xo_utf8_len(r->rest);
		if (n == 0)
			return false;
		r->has_utf8 = true;
	} else if (!is_ok(r->rest.p[0])) {
		return false;
	}
	r->rest = xo_span_from(r->rest, n);
	return true;
}

static bool
take_octet(struct reader *r, uint8_t c)
{
	if (r->rest.len == 0 || r->rest.p[0] != c)
		return false;
	r->rest = xo_span_from(r->rest, 1);
	return true;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct reader *r)
{
	while (r->rest.len > 0 && is_blank(r->rest.p[0]))
		r->rest = xo_span_from(r->rest, 1);
}

/* Nothing of the address is left. */
static bool
is_at_end(struct xo_span rest)
{
	return rest.len == 0 || is_blank(rest.p[0]) || rest.p[0] == '>';
}

static bool
is_quoted(uint8_t c)
{
	return c >= 32 && c <= 126 && c != '"' && c != '\\';
}

static bool
is_printable(uint8_t c)
{
	return c >= 32 && c <= 126;
}

static bool
take_quoted_string(struct reader *r)
{
	while (!take_octet(r, '"'))
		if (take_octet(r, '\\')) {
			if (!take_character(r, is_printable))
				return false;
		} else if (!take_character(r, is_quoted)) {
			return false;
		}
	return true;
}

/* Dots may stand anywhere but in front, and leniently there, too: real addresses
 * are not as strict as RFC 5321. */
static bool
take_local_part(struct reader *r)
{
	size_t n = 0;

	if (take_octet(r, '"'))
		return !r->is_bare && take_quoted_string(r);
	while (r->is_lenient && take_octet(r, '.'))
		;
	while (take_character(r, is_atext) || (n > 0 && take_octet(r, '.')))
		n++;
	return n > 0;
}

/*
 * A name that a device gives in the place of an address. The MTA behind puts
 * its own domain to it, so it must be one that nobody could take for more: no
 * route, no option, no parameter.
 */
static bool
is_plain_name(struct xo_span local)
{
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.p[i];

		if (!xo_ascii_is_alpha(c) && !xo_ascii_is_digit(c) &&
		    c != '_' && (i == 0 || (c != '-' && c != '.' &&
		    c != '+' && c != '$')))
			return false;
	}
	return local.len > 0;
}

static bool
is_label(uint8_t c)
{
	return xo_ascii_is_alpha(c) || xo_ascii_is_digit(c) || c == '-' ||
	    c == '_';
}

static bool
is_literal(uint8_t c)
{
	return c > 32 && c <= 126 && c != '[' && c != ']' && c != '\\' &&
	    c != '<' && c != '>';
}

/* The final dot of a DNS name. */
static bool
is_final_dot(const struct reader *r)
{
	return r->is_lenient && r->rest.len > 0 && r->rest.p[0] == '.' &&
	    is_at_end(xo_span_from(r->rest, 1));
}

static bool
take_domain(struct reader *r)
{
	size_t n = 0;

	if (take_octet(r, '[')) {
		while (r->rest.len > 0 && is_literal(r->rest.p[0]) &&
		    take_octet(r, r->rest.p[0]))
			n++;
		return n > 0 && take_octet(r, ']');
	}
	do {
		for (n = 0; take_character(r, is_label); n++)
			;
	} while (n > 0 && !is_final_dot(r) && take_octet(r, '.'));
	return n > 0;
}

bool
xo_hello_name_is_valid(struct xo_span args)
{
	struct reader r = {.rest = args};

	/* It will stand in comments of the trace header. */
	for (size_t i = 0; i < args.len; i++) {
		if (args.p[i] == '(' || args.p[i] == ')' || args.p[i] == '"')
			return false;
	}
	/* The final dot of a DNS name is more than RFC 5321 grants. */
	if (args.len > 1 && args.p[args.len - 1] == '.')
		r.rest.len--;
	return args.len <= HELLO_MAX && take_domain(&r) && !r.has_utf8 &&
	    r.rest.len == 0;
}

bool
xo_hello_name_is_odd(struct xo_span args)
{
	for (size_t i = 0; i < args.len; i++)
		if (args.p[i] < 32 || args.p[i] == 127)
			return false;
	return args.len > 0 && args.len <= HELLO_MAX &&
	    !xo_hello_name_is_valid(args);
}

/* "@a,@b:" is read and forgotten (RFC 5321 4.1.2, appendix F.2). */
static bool
skip_source_route(struct reader *r)
{
	if (r->rest.len == 0 || r->rest.p[0] != '@')
		return true;
	do {
		if (!take_octet(r, '@') || !take_domain(r))
			return false;
	} while (take_octet(r, ','));
	return take_octet(r, ':');
}

static struct xo_span
between(struct xo_span from, struct xo_span to)
{
	return xo_span_first(from, from.len - to.len);
}

static bool
read_mailbox(struct reader *r, bool is_forward, struct xo_path *path_r)
{
	struct xo_span start, local;

	if (!r->is_bare && !skip_source_route(r))
		return false;
	r->has_utf8 = false;	/* what is dropped needs no SMTPUTF8 */
	start = r->rest;
	if (!take_local_part(r))
		return false;
	local = between(start, r->rest);
	if (take_octet(r, '@')) {
		struct xo_span domain = r->rest;

		if (!take_domain(r))
			return false;
		path_r->domain = between(domain, r->rest);
	} else if (!(is_forward &&
	    xo_span_is_equal_nocase(local, XO_LIT("postmaster"))) &&
	    !(r->is_lenient && is_plain_name(local))) {
		return false;
	}
	path_r->address = between(start, r->rest);
	if (path_r->domain.len > 0 && path_r->domain.p[0] != '[' &&
	    is_final_dot(r))
		(void)take_octet(r, '.');
	return local.len <= LOCAL_MAX && path_r->domain.len <= XO_DOMAIN_MAX &&
	    path_r->address.len <= ADDRESS_MAX;
}

/* `<...>`, or leniently an address without them, up to a blank. */
static bool
read_path(struct reader *r, bool is_forward, struct xo_path *path_r)
{
	if (!r->is_lenient)
		/* Many write a blank here; what we pass on has none. */
		(void)take_octet(r, ' ');
	else
		skip_blanks(r);
	r->is_bare = r->is_lenient && r->rest.len > 0 && r->rest.p[0] != '<';
	if (r->is_bare)
		return read_mailbox(r, is_forward, path_r) &&
		    (r->rest.len == 0 || is_blank(r->rest.p[0]));
	if (!take_octet(r, '<'))
		return false;
	if (r->is_lenient)
		skip_blanks(r);
	if (take_octet(r, '>'))
		return true;
	if (!read_mailbox(r, is_forward, path_r))
		return false;
	if (r->is_lenient)
		skip_blanks(r);
	return take_octet(r, '>');
}

enum xo_refusal
xo_path_parse(struct xo_span args, struct xo_span keyword,
    enum xo_syntax syntax, struct xo_path *path_r, struct xo_span *params_r)
{
	struct reader r = {.rest = args, .is_lenient =
	    syntax == XO_SYNTAX_LENIENT};
	bool is_forward = xo_span_is_equal_nocase(keyword, XO_LIT("TO:"));

	*path_r = (struct xo_path){.has_utf8 = false};
	*params_r = xo_span(NULL, 0);
	if (r.is_lenient)
		skip_blanks(&r);
	if (!xo_span_has_prefix_nocase(r.rest, keyword))
		return XO_REFUSAL_MAIL_SYNTAX;
	r.rest = xo_span_from(r.rest, keyword.len);
	if (!read_path(&r, is_forward, path_r))
		return XO_REFUSAL_ADDRESS_SYNTAX;
	path_r->has_utf8 = r.has_utf8;
	*params_r = r.rest;
	return XO_REFUSAL_NONE;
}
