/* SPDX-License-Identifier: ISC */
/*
 * Parameters and xtext: what is accepted is written on well-formed, and is
 * accepted again; what is decoded is encoded to the same.
 */
#include <xoorg/param.h>
#include <xoorg/xtext.h>

#include "fuzz.h"

#define ALL (XO_CAP_BIT(XO_CAP_MAX) - 1)
#define S(text) {(const uint8_t *)(text), sizeof(text) - 1}

static const struct xo_span names[] = {S("XVERP"), S("RRVS"), S("X-1")};
static const struct xo_extensions extensions = {names, 3};

static void
check_written(struct xo_buf *out)
{
	for (size_t i = 0; i < out->len; i++)
		MUST(out->p[i] >= 32 && out->p[i] != 127);
}

static void
check_mail(struct xo_span args, uint32_t announced, enum xo_syntax syntax)
{
	struct xo_mail mail, again;
	struct xo_buf out = {0};

	if (xo_mail_parse(args, announced, &extensions, syntax, &mail) !=
	    XO_REFUSAL_NONE)
		return;
	MUST((mail.needs & ~announced) == 0);
	MUST(fuzz_is_inside(mail.from.address, args));
	if (mail.has_xoorg)
		MUST(xo_domain_is_valid(xo_mail_xoorg(&mail)));
	xo_buf_add_cstr(&out, "FROM:<");
	xo_buf_add(&out, mail.from.address);
	xo_buf_add_cstr(&out, ">");
	MUST(xo_params_write(&out, mail.params, announced,
	    &extensions) == XO_OK);
	check_written(&out);
	MUST(xo_mail_parse(xo_buf_span(&out), announced, &extensions,
	    syntax, &again) == XO_REFUSAL_NONE);
	MUST((again.needs & XO_CAP_EXTENSIONS) ==
	    (mail.needs & XO_CAP_EXTENSIONS));
	MUST(again.size == mail.size && again.body == mail.body);
	MUST(!again.has_xoorg);
	xo_buf_fini(&out);
}

static void
check_rcpt(struct xo_span args, uint32_t announced, bool allow_utf8,
    enum xo_syntax syntax)
{
	struct xo_rcpt rcpt, again;
	struct xo_buf out = {0};

	if (xo_rcpt_parse(args, announced, &extensions, allow_utf8,
	    syntax, &rcpt) != XO_REFUSAL_NONE)
		return;
	MUST(rcpt.to.address.len > 0);
	xo_buf_add_cstr(&out, "TO:<");
	xo_buf_add(&out, rcpt.to.address);
	xo_buf_add_cstr(&out, ">");
	MUST(xo_params_write(&out, rcpt.params, announced,
	    &extensions) == XO_OK);
	check_written(&out);
	MUST(xo_rcpt_parse(xo_buf_span(&out), announced, &extensions,
	    allow_utf8, syntax, &again) == XO_REFUSAL_NONE);
	MUST(again.needs == rcpt.needs);
	xo_buf_fini(&out);
}

static int
hex_digit(uint8_t c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* RFC 3461 4, as one would write it down; false: ill-formed. */
static bool
decode_plainly(struct xo_span in, uint8_t *out, size_t *len_r)
{
	size_t i = 0;

	for (*len_r = 0; i < in.len; i++) {
		uint8_t c = in.p[i];

		if (c < '!' || c > '~' || c == '=')
			return false;
		if (c == '+') {
			if (in.len - i < 3 || hex_digit(in.p[i + 1]) < 0 ||
			    hex_digit(in.p[i + 2]) < 0)
				return false;
			c = (uint8_t)(hex_digit(in.p[i + 1]) * 16 +
			    hex_digit(in.p[i + 2]));
			i += 2;
		}
		out[(*len_r)++] = c;
	}
	return true;
}

static void
check_xtext(struct xo_span in)
{
	uint8_t decoded[64], again[64], plain[64];
	size_t len = 0, len2 = 0, plain_len;
	struct xo_buf out = {0};
	enum xo_err err;
	bool is_clean, is_plain;

	in = xo_span_first(in, sizeof(plain));
	err = xo_xtext_decode(in, decoded, sizeof(decoded), &len);
	is_plain = decode_plainly(in, plain, &plain_len);
	MUST((err == XO_OK) == is_plain);
	is_clean = is_plain;
	for (size_t i = 0; is_plain && i < plain_len; i++)
		is_clean &= plain[i] >= 32 && plain[i] != 127;
	MUST(xo_xtext_is_clean(in) == is_clean);
	if (err != XO_OK)
		return;
	MUST(xo_span_is_equal(xo_span(decoded, len),
	    xo_span(plain, plain_len)));
	xo_xtext_encode(&out, xo_span(decoded, len));
	MUST(out.err == XO_OK);
	MUST(xo_xtext_decode(xo_buf_span(&out), again, sizeof(again),
	    &len2) == XO_OK);
	MUST(xo_span_is_equal(xo_span(decoded, len), xo_span(again, len2)));
	xo_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);
	uint32_t announced = ALL;

	if (size == 0)
		return 0;
	/* The first octet: what is announced. */
	if (data[0] != '*')
		announced = (uint32_t)data[0] * 0x01010101 & ALL;
	in = xo_span_from(in, 1);
	check_mail(in, announced, XO_SYNTAX_STRICT);
	check_mail(in, announced, XO_SYNTAX_LENIENT);
	check_rcpt(in, announced, false, XO_SYNTAX_STRICT);
	check_rcpt(in, announced, true, XO_SYNTAX_STRICT);
	check_rcpt(in, announced, true, XO_SYNTAX_LENIENT);
	check_xtext(in);
	return 0;
}
