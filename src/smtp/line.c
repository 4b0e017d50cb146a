/* SPDX-License-Identifier: ISC */
/* Command lines, ended by CRLF and by nothing else. */
#include <xoorg/line.h>

enum xo_err
xo_line_next(struct xo_span in, size_t limit, struct xo_line *line_r)
{
	size_t lf = xo_span_find(in, '\n');
	struct xo_span text;

	*line_r = (struct xo_line){.flaw = XO_LINE_CLEAN};
	if (lf == in.len)
		return in.len >= limit ? XO_ERR_LIMIT : XO_MORE;
	line_r->size = lf + 1;
	if (lf == 0 || in.p[lf - 1] != '\r') {
		line_r->text = xo_span_first(in, lf);
		line_r->flaw = XO_LINE_BARE_LF;
		return XO_ERR_SYNTAX;
	}
	text = xo_span_first(in, lf - 1);
	line_r->text = text;
	if (line_r->size > limit)
		return XO_ERR_LIMIT;
	if (xo_span_find(text, '\0') < text.len)
		line_r->flaw = XO_LINE_NUL;
	else if (xo_span_find(text, '\r') < text.len)
		line_r->flaw = XO_LINE_BARE_CR;
	return line_r->flaw == XO_LINE_CLEAN ? XO_OK : XO_ERR_SYNTAX;
}
