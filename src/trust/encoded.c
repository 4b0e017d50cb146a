/* SPDX-License-Identifier: ISC */
/*
 * Encoded words: see encoded.h.
 */
#include <trust/encoded.h>

/*
 * Charsets in which ASCII is ASCII, maybe with NULs between its octets. Of any
 * other we cannot say what a name in it looks like.
 */
static const char *const charsets[] = {
	"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-", "windows-",
	"cp125", "koi8-", "gb2312", "gbk", "gb18030", "big5", "shift_jis",
	"euc-", "iso-2022-", "ks_c_5601", "utf-16", "utf-32",
};

struct encoded_word {
	struct xo_span charset;
	uint8_t encoding;
	struct xo_span text;
	size_t size;		/* from the first `=` to the last */
};

static bool
is_known(struct xo_span charset)
{
	size_t i;

	for (i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (xo_span_has_prefix_nocase(charset,
		    xo_span_from_cstr(charsets[i])))
			return true;
	}
	return false;
}

/* No blank, no `?` and nothing special: else it is no encoded word. */
static bool
is_token(struct xo_span s)
{
	size_t i;

	/* analyser: a span with octets has a place */
	for (i = 0; i < s.len; i++) {
		if (!xo_ascii_is_alpha(s.p[i]) && !xo_ascii_is_digit(s.p[i]) &&
		    memchr("-_*.:+'", s.p[i], 7) == NULL)
			return false;
	}
	return s.len > 0;
}

/*
 * `s` begins with `=?`. XO_MORE: that is no encoded word, but text; _SYNTAX: it
 * is one that cannot be read.
 */
static enum xo_err
split(struct xo_span s, struct encoded_word *word_r)
{
	struct xo_span rest = xo_span_from(s, 2);
	size_t n = xo_span_find(rest, '?');

	word_r->charset = xo_span_first(rest, n);
	if (n + 2 >= rest.len || rest.p[n + 2] != '?' ||
	    !is_token(word_r->charset))
		return XO_MORE;
	word_r->encoding = xo_ascii_lower(rest.p[n + 1]);
	rest = xo_span_from(rest, n + 3);
	n = 0;
	do {
		n += xo_span_find(xo_span_from(rest, n), '?') + 1;
	} while (n < rest.len && rest.p[n] != '=');
	if (n >= rest.len)
		return XO_ERR_SYNTAX;
	word_r->text = xo_span_first(rest, n - 1);
	word_r->size = (size_t)(rest.p + n + 1 - s.p);
	return is_known(word_r->charset) ? XO_OK : XO_ERR_SYNTAX;
}

static bool
read_q(struct xo_span text, struct xo_buf *out)
{
	size_t i;

	/* analyser: a span with octets has a place */
	for (i = 0; i < text.len; i++) {
		uint8_t c = text.p[i] == '_' ? ' ' : text.p[i];

		if (c == '=') {
			int high = i + 2 < text.len ?
			    xo_ascii_hex_value(text.p[i + 1]) : -1;
			int low = i + 2 < text.len ?
			    xo_ascii_hex_value(text.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high * 16 + low);
			i += 2;
		}
		xo_buf_add_byte(out, c);
	}
	return true;
}

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (xo_ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool
read_b(struct xo_span text, struct xo_buf *out)
{
	uint32_t bits = 0;
	size_t n = 0;
	size_t i;

	while (text.len > 0 && text.p[text.len - 1] == '=')
		text.len--;
	/* analyser: a span with octets has a place */
	for (i = 0; i < text.len; i++) {
		int value = base64_value(text.p[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		xo_buf_add_byte(out, (uint8_t)(bits >> n & 0xff));
	}
	return true;
}

static bool
read_word(const struct encoded_word *word, struct xo_buf *out)
{
	if (word->encoding == 'q')
		return read_q(word->text, out);
	return word->encoding == 'b' && read_b(word->text, out);
}

bool
xo_encoded_read(struct xo_span value, struct xo_buf *out)
{
	struct encoded_word word;

	while (value.len > 0) {
		size_t n = xo_span_find(value, '=');
		enum xo_err err;

		xo_buf_add(out, xo_span_first(value, n));
		value = xo_span_from(value, n);
		if (value.len < 2 || value.p[1] != '?') {
			xo_buf_add(out, xo_span_first(value, 1));
			value = xo_span_from(value, 1);
			continue;
		}
		err = split(value, &word);
		if (err == XO_MORE) {
			xo_buf_add(out, xo_span_first(value, 2));
			value = xo_span_from(value, 2);
			continue;
		}
		if (err != XO_OK || !read_word(&word, out))
			return false;
		value = xo_span_from(value, word.size);
	}
	return out->err == XO_OK;
}
