/* SPDX-License-Identifier: ISC */
/*
 * SMTP commands: the verb, and the arguments of those that carry addresses
 * (RFC 5321 4.1, RFC 3030 2). Spans point into the line.
 */
#ifndef XOORG_COMMAND_H
#define XOORG_COMMAND_H

#include <xoorg/refusal.h>

XO_API_BEGIN

enum xo_verb {
	XO_VERB_UNKNOWN,
	XO_VERB_HELO,
	XO_VERB_EHLO,
	XO_VERB_STARTTLS,
	XO_VERB_MAIL,
	XO_VERB_RCPT,
	XO_VERB_DATA,
	XO_VERB_BDAT,
	XO_VERB_RSET,
	XO_VERB_NOOP,
	XO_VERB_VRFY,
	XO_VERB_HELP,
	XO_VERB_QUIT,
	XO_VERB_AUTH,
	XO_VERB_XCLIENT,
	XO_VERB_XFORWARD,
	XO_VERB_PROXY,		/* where no such header belongs */
	XO_VERB_HTTP,		/* a web client's request line */
	XO_VERB_COUNT
};

struct xo_command {
	enum xo_verb verb;
	struct xo_span name;	/* as it was written */
	struct xo_span args;	/* after one SP, trailing blanks cut */
};

/* Never fails: an unknown command is XO_VERB_UNKNOWN. */
void xo_command_parse(struct xo_span line, struct xo_command *command_r);

struct xo_chunk {
	uint64_t size;
	bool is_last;
};

/*
 * The arguments of BDAT: 1 to 19 digits, then nothing or LAST. More digits are
 * XO_REFUSAL_BDAT_TOO_LARGE, anything else is XO_REFUSAL_BDAT_SYNTAX. After
 * either *chunk_r is zero, the framing is lost and the session must end.
 */
XO_MUST_CHECK enum xo_refusal xo_bdat_parse(struct xo_span args,
    struct xo_chunk *chunk_r);

XO_API_END

#endif
