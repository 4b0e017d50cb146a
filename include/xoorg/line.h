/* SPDX-License-Identifier: ISC */
/*
 * Command lines: only CRLF ends one (RFC 5321 2.3.8).
 */
#ifndef XOORG_LINE_H
#define XOORG_LINE_H

#include <xoorg/bytes.h>

XO_API_BEGIN

enum xo_line_flaw {
	XO_LINE_CLEAN,
	XO_LINE_BARE_LF,	/* ended by LF alone: both sides may disagree */
	XO_LINE_BARE_CR,
	XO_LINE_NUL,
	XO_LINE_FLAW_COUNT
};

struct xo_line {
	struct xo_span text;	/* without the line end; points into the input */
	size_t size;		/* octets to consume, the line end included */
	enum xo_line_flaw flaw;
};

/*
 * The first line of `in`. XO_MORE: no line end yet. XO_ERR_LIMIT: longer than
 * `limit` octets, line end included; size is then what to skip, 0 if its end
 * has not been seen either. XO_ERR_SYNTAX: see flaw; text and size are set. A
 * bare LF is reported before the length: a caller that skipped such a line would
 * take what follows for a command. NUL and bare CR come after both.
 */
XO_MUST_CHECK enum xo_err xo_line_next(struct xo_span in, size_t limit,
    struct xo_line *line_r);

XO_API_END

#endif
