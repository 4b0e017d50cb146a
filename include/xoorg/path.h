/* SPDX-License-Identifier: ISC */
/*
 * The names of EHLO, and the addresses of MAIL and RCPT (RFC 5321 4.1.2). Spans
 * point into the line.
 */
#ifndef XOORG_PATH_H
#define XOORG_PATH_H

#include <xoorg/refusal.h>

XO_API_BEGIN

/*
 * The name of EHLO, HELO or LHLO: one printable ASCII word of at most 255
 * octets, a domain or an address literal (RFC 5321 4.1.1.1). It accepts the names
 * that real clients give (underscores, single labels).
 */
bool xo_hello_name_is_valid(struct xo_span args);

/*
 * It is not a valid name, but a text of at most 255 octets as devices send:
 * blanks, `*`, 8-bit. It must never be passed on as it stands.
 */
bool xo_hello_name_is_odd(struct xo_span args);

/* How paths are read; xo_treatment_is_lenient() says which mail gets which. */
enum xo_syntax {
	XO_SYNTAX_STRICT,
	XO_SYNTAX_LENIENT,
};

struct xo_path {
	struct xo_span address;	/* without < > and source route; empty: null */
	struct xo_span domain;	/* of the address, may be an address literal */
	bool has_utf8;
};

/*
 * `keyword` is "FROM:" or "TO:". The path is `<...>` with an optional quoted
 * local part and an ignored source route; `*params_r` is what follows, as it
 * stands: the parameter parser decides whether it is glued to the path. One SP
 * after the keyword is ignored. The null path is valid here for both;
 * `<Postmaster>` without a domain only as a forward path. Dots may stand anywhere
 * in a local part except in front, because real addresses have them. Refusals:
 * XO_REFUSAL_MAIL_SYNTAX without the keyword, else XO_REFUSAL_ADDRESS_SYNTAX.
 *
 * XO_SYNTAX_LENIENT accepts that and also what devices write, as far as there is
 * one reading: any number of blanks in front of the keyword, of
 * the path, and inside `<` and `>`; no `<` and `>` at all, if the local part is
 * not quoted; dots in front of a local part; a final dot of the domain, which
 * is left out of `address`; a local part alone, of letters, digits, `_`, and
 * after the first `.`, `-`, `+`, `$`. `address` between `<` and `>` is the one
 * way to pass it on.
 */
XO_MUST_CHECK enum xo_refusal xo_path_parse(struct xo_span args,
    struct xo_span keyword, enum xo_syntax syntax, struct xo_path *path_r,
    struct xo_span *params_r);

XO_API_END

#endif
