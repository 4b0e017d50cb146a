/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink: looks a header field up, as Exchange would see it: any case,
 * unfolded, the last of several (protocol.md 5.5).
 */
#include <cmd/sink/sink.h>

/* Takes a line, without its CRLF, off `*rest`. */
static bool
next_line(struct xo_span *rest, struct xo_span *line_r)
{
	size_t n = xo_span_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line_r = xo_span_first(*rest, n);
	if (line_r->len > 0 && line_r->p[line_r->len - 1] == '\r')
		line_r->len--;
	*rest = xo_span_from(*rest, n + 1);
	return true;
}

static bool
is_folded(struct xo_span line)
{
	return line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
}

bool
xo_sink_header_find(const struct xo_buf *header, const char *name,
    struct xo_buf *value_r)
{
	struct xo_span rest = xo_buf_span(header), line;
	struct xo_span wanted = xo_span_from_cstr(name);
	struct xo_span value;
	bool is_inside = false, is_found = false;

	while (next_line(&rest, &line) && line.len > 0) {
		if (!is_folded(line)) {
			size_t colon = xo_span_find(line, ':');

			is_inside = colon < line.len &&
			    xo_span_is_equal_nocase(wanted,
			    xo_span_trim(xo_span_first(line, colon)));
			if (!is_inside)
				continue;
			is_found = true;
			xo_buf_clear(value_r);
			value = xo_span_trim(xo_span_from(line, colon + 1));
		} else if (is_inside) {
			value = xo_span_trim(line);
			if (value_r->len > 0 && value.len > 0)
				xo_buf_add_byte(value_r, ' ');
		} else {
			continue;
		}
		xo_buf_add(value_r, value);
	}
	return is_found;
}
