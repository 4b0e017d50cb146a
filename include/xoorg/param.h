/* SPDX-License-Identifier: ISC */
/*
 * ESMTP parameters of MAIL and RCPT: read in order, checked by one table,
 * written on in the same order (RFC 5321 4.1.2, RFC 1870, RFC 6152, RFC 3461,
 * RFC 4954, RFC 6531, RFC 8689, protocol.md 2).
 */
#ifndef XOORG_PARAM_H
#define XOORG_PARAM_H

#include <xoorg/caps.h>
#include <xoorg/domain.h>
#include <xoorg/path.h>

XO_API_BEGIN

struct xo_param {
	struct xo_span name;
	struct xo_span value;
	bool has_value;		/* there was a `=` */
};

/*
 * Takes one parameter off `*rest`. Separators are SP and TAB (protocol.md
 * 2.1); XO_END when nothing is left. XO_ERR_SYNTAX: glued to the path, an empty
 * or ill-formed name, `=` with nothing after it, an octet outside 33..126
 * (`allow_utf8`: UTF-8 is fine too). The name is set as far as there is one.
 */
XO_MUST_CHECK enum xo_err xo_param_next(struct xo_span *rest, bool allow_utf8,
    struct xo_param *param_r);

/* esmtp-keyword and ehlo-keyword: RFC 5321 4.1.2, 4.1.1.1. */
bool xo_param_is_name(struct xo_span name);
/* In the table: of MAIL or of RCPT. */
bool xo_param_is_known(struct xo_span name);

enum xo_body {
	XO_BODY_7BIT,
	XO_BODY_8BITMIME,
	XO_BODY_BINARYMIME,
};

/* MAIL, checked. Spans point into the line. */
struct xo_mail {
	struct xo_path from;
	struct xo_span params;		/* all of them, as they came */
	uint32_t needs;			/* XO_CAP_BIT() its parameters need;
					   BODY=7BIT may be lost, so none */
	bool has_size;
	uint64_t size;
	enum xo_body body;
	bool is_utf8;			/* SMTPUTF8 was given */
	bool has_xoorg;
	uint8_t xoorg_len;
	uint8_t xoorg[XO_DOMAIN_MAX];	/* decoded, case kept */
};

static inline struct xo_span
xo_mail_xoorg(const struct xo_mail *mail)
{
	return (struct xo_span){mail->xoorg, mail->xoorg_len};
}

/*
 * `args` is what stands after "MAIL ". `announced` is the set that this
 * session's EHLO gave; a parameter of anything else is refused, XOORG with the
 * words Exchange uses. One of `extensions` (NULL: none) may have any
 * esmtp-value (RFC 5321 4.1.2), or none, both here and on RCPT. The first error
 * wins, errors of syntax (an unknown name is one) before what was not
 * announced. Syntax comes before meaning: a SIZE too large is for the caller to
 * refuse. All-zero after a refusal.
 */
XO_MUST_CHECK enum xo_refusal xo_mail_parse(struct xo_span args,
    uint32_t announced, const struct xo_extensions *extensions,
    enum xo_syntax syntax, struct xo_mail *mail_r);

struct xo_rcpt {
	struct xo_path to;
	struct xo_span params;
	uint32_t needs;
};

/*
 * The same for RCPT; every flaw of the path is XO_REFUSAL_RCPT_SYNTAX, the null
 * path among them. `allow_utf8`: the transaction's MAIL had SMTPUTF8.
 */
XO_MUST_CHECK enum xo_refusal xo_rcpt_parse(struct xo_span args,
    uint32_t announced, const struct xo_extensions *extensions,
    bool allow_utf8, enum xo_syntax syntax, struct xo_rcpt *rcpt_r);

/*
 * Writes the parameters on, in order, for a next hop that announced `caps`:
 * parameters of a capability that it lacks, XOORG and AUTH are left out. A caller
 * that may not lose a parameter compares `needs` with the next hop's set first.
 */
enum xo_err xo_params_write(struct xo_buf *out, struct xo_span params,
    uint32_t caps, const struct xo_extensions *extensions);

XO_API_END

#endif
