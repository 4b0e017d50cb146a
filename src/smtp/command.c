/* SPDX-License-Identifier: ISC */
/*
 * Commands and their addresses: see command.h.
 */
#include <xoorg/command.h>
#include <xoorg/domain.h>

#define ADDRESS_MAX 320
#define LOCAL_MAX 255
#define HELLO_MAX 255

static const struct {
	const char *name;
	enum xo_verb verb;
} verbs[] = {
	{"HELO", XO_VERB_HELO},
	{"EHLO", XO_VERB_EHLO},
	{"STARTTLS", XO_VERB_STARTTLS},
	{"MAIL", XO_VERB_MAIL},
	{"RCPT", XO_VERB_RCPT},
	{"DATA", XO_VERB_DATA},
	{"BDAT", XO_VERB_BDAT},
	{"RSET", XO_VERB_RSET},
	{"NOOP", XO_VERB_NOOP},
	{"VRFY", XO_VERB_VRFY},
	{"HELP", XO_VERB_HELP},
	{"QUIT", XO_VERB_QUIT},
	{"AUTH", XO_VERB_AUTH},
	{"XCLIENT", XO_VERB_XCLIENT},
	{"XFORWARD", XO_VERB_XFORWARD},
	{"PROXY", XO_VERB_PROXY},
	{"GET", XO_VERB_HTTP},
	{"POST", XO_VERB_HTTP},
	{"PUT", XO_VERB_HTTP},
	{"HEAD", XO_VERB_HTTP},
	{"OPTIONS", XO_VERB_HTTP},
	{"CONNECT", XO_VERB_HTTP},
};

/* A control character anywhere makes a command unknown. */
static bool
has_control(struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < 32 && s.p[i] != '\t') || s.p[i] == 127)
			return true;
	return false;
}

void
xo_command_parse(struct xo_span line, struct xo_command *command_r)
{
	size_t n = xo_span_find(line, ' ');

	command_r->verb = XO_VERB_UNKNOWN;
	command_r->name = xo_span_first(line, n);
	command_r->args = xo_span_from(line, n + 1);
	/* Blanks at the end mean nothing; those in front would be ours to
	 * interpret, and are the handler's to refuse. */
	while (command_r->args.len > 0 &&
	    (command_r->args.p[command_r->args.len - 1] == ' ' ||
	    command_r->args.p[command_r->args.len - 1] == '\t'))
		command_r->args.len--;
	if (has_control(command_r->name))
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (xo_span_is_equal_nocase(command_r->name,
		    xo_span_from_cstr(verbs[i].name)))
			command_r->verb = verbs[i].verb;
	/* "GET" alone is somebody's typing; "GET /" is a web client. */
	if (command_r->verb == XO_VERB_HTTP && command_r->args.len == 0)
		command_r->verb = XO_VERB_UNKNOWN;
}

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

/* Dots may stand anywhere but in front: real addresses are not as strict as
 * RFC 5321. */
static bool
take_local_part(struct reader *r)
{
	size_t n = 0;

	if (take_octet(r, '"'))
		return take_quoted_string(r);
	while (take_character(r, is_atext) || (n > 0 && take_octet(r, '.')))
		n++;
	return n > 0;
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
	} while (n > 0 && take_octet(r, '.'));
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

	if (!skip_source_route(r))
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
	} else if (!is_forward ||
	    !xo_span_is_equal_nocase(local, XO_LIT("postmaster"))) {
		return false;
	}
	path_r->address = between(start, r->rest);
	return local.len <= LOCAL_MAX && path_r->domain.len <= XO_DOMAIN_MAX &&
	    path_r->address.len <= ADDRESS_MAX;
}

enum xo_refusal
xo_path_parse(struct xo_span args, struct xo_span keyword,
    struct xo_path *path_r, struct xo_span *params_r)
{
	bool is_forward = xo_span_is_equal_nocase(keyword, XO_LIT("TO:"));
	struct reader r = {.rest = xo_span_from(args, keyword.len)};

	*path_r = (struct xo_path){.has_utf8 = false};
	*params_r = xo_span(NULL, 0);
	if (!xo_span_has_prefix_nocase(args, keyword))
		return XO_REFUSAL_MAIL_SYNTAX;
	/* Many write a blank here; what we pass on has none. */
	(void)take_octet(&r, ' ');
	if (!take_octet(&r, '<'))
		return XO_REFUSAL_ADDRESS_SYNTAX;
	if (!take_octet(&r, '>') && !(read_mailbox(&r, is_forward, path_r) &&
	    take_octet(&r, '>')))
		return XO_REFUSAL_ADDRESS_SYNTAX;
	path_r->has_utf8 = r.has_utf8;
	*params_r = r.rest;
	return XO_REFUSAL_NONE;
}

enum xo_refusal
xo_bdat_parse(struct xo_span args, struct xo_chunk *chunk_r)
{
	size_t n = xo_span_find(args, ' ');
	bool is_last = n < args.len;
	uint64_t size;
	enum xo_err err;

	*chunk_r = (struct xo_chunk){.is_last = false};
	if (is_last && !xo_span_is_equal_nocase(xo_span_from(args, n + 1),
	    XO_LIT("LAST")))
		return XO_REFUSAL_BDAT_SYNTAX;
	err = xo_span_to_u64(xo_span_first(args, n), &size);
	if (err == XO_ERR_LIMIT)
		return XO_REFUSAL_BDAT_TOO_LARGE;
	if (err != XO_OK)
		return XO_REFUSAL_BDAT_SYNTAX;
	*chunk_r = (struct xo_chunk){.size = size, .is_last = is_last};
	return XO_REFUSAL_NONE;
}
