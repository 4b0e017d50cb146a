/* SPDX-License-Identifier: ISC */
/*
 * Deceptive text, HTML and time stamps: see text.h.
 */
#include <time.h>

#include "text.h"

bool
xo_code_is_deceptive(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD ||
	    code == 0x061C || (code >= 0x200B && code <= 0x200F) ||
	    (code >= 0x2028 && code <= 0x202E) ||
	    (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
	    (code >= 0xFFF9 && code <= 0xFFFB);
}

void
xo_buf_add_html(struct xo_buf *out, struct xo_span s)
{
	uint32_t code = 0;

	for (size_t n; s.len > 0; s = xo_span_from(s, n)) {
		n = xo_utf8_first(s, &code);
		if (n == 0 || xo_code_is_deceptive(code)) {
			xo_buf_add_byte(out, '?');
			n = n == 0 ? 1 : n;
		} else if (code == '<') {
			xo_buf_add_cstr(out, "&lt;");
		} else if (code == '>') {
			xo_buf_add_cstr(out, "&gt;");
		} else if (code == '&') {
			xo_buf_add_cstr(out, "&amp;");
		} else if (code == '"') {
			xo_buf_add_cstr(out, "&quot;");
		} else if (code == '\'') {
			xo_buf_add_cstr(out, "&#39;");
		} else {
			xo_buf_add(out, xo_span_first(s, n));
		}
	}
}

static void
put_digits(char *out, int n, int width)
{
	for (int i = width - 1; i >= 0; i--, n /= 10)
		out[i] = (char)('0' + n % 10);
}

void
xo_time_write(char out[XO_TIME_LEN], int64_t seconds)
{
	struct tm tm = {0};
	time_t t = (time_t)seconds;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_year = 70;
		tm.tm_mday = 1;
	}
	memcpy(out, "0000-00-00T00:00:00", XO_TIME_LEN);
	put_digits(out, tm.tm_year + 1900, 4);
	put_digits(out + 5, tm.tm_mon + 1, 2);
	put_digits(out + 8, tm.tm_mday, 2);
	put_digits(out + 11, tm.tm_hour, 2);
	put_digits(out + 14, tm.tm_min, 2);
	put_digits(out + 17, tm.tm_sec, 2);
}
