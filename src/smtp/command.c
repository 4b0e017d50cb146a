/* SPDX-License-Identifier: ISC */
/*
 * Commands, and the size of BDAT: see command.h.
 */
#include <xoorg/command.h>

/* A message's first: they are looked for from the front. */
static const struct {
	const char *name;
	enum xo_verb verb;
} verbs[] = {
	{"RCPT", XO_VERB_RCPT},
	{"MAIL", XO_VERB_MAIL},
	{"BDAT", XO_VERB_BDAT},
	{"DATA", XO_VERB_DATA},
	{"RSET", XO_VERB_RSET},
	{"EHLO", XO_VERB_EHLO},
	{"STARTTLS", XO_VERB_STARTTLS},
	{"HELO", XO_VERB_HELO},
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

static enum xo_verb
find_verb(struct xo_span name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (xo_span_is_equal_nocase(name,
		    xo_span_from_cstr(verbs[i].name)))
			return verbs[i].verb;
	return XO_VERB_UNKNOWN;
}

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
	command_r->verb = find_verb(command_r->name);
	/* "GET" alone is somebody's typing; "GET /" is a web client. */
	if (command_r->verb == XO_VERB_HTTP && command_r->args.len == 0)
		command_r->verb = XO_VERB_UNKNOWN;
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
