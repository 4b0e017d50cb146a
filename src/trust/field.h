/* SPDX-License-Identifier: ISC */
/*
 * The fields of a header section, one logical field at a time, as the wall
 * reads them: strictly, so that no other reader can see other fields.
 */
#ifndef XO_FIELD_H
#define XO_FIELD_H

#include <xoorg/refusal.h>

struct xo_field {
	struct xo_span raw;	/* all its lines, CRLFs included; empty: none */
	struct xo_span name;
	struct xo_span colon;	/* from the colon to the end of `raw` */
	bool has_blanks;	/* between name and colon */
	bool has_fold;		/* the colon stands on a line of its own */
};

struct xo_field_reader {
	struct xo_span rest;
	size_t max_line;	/* octets without CRLF */
	size_t max_fields;	/* 0: no bound */
	size_t n_fields;
	struct xo_span end;	/* at the end: the closing empty line, if any */
};

/*
 * Only what has been through this may be read: no NUL, no CR and no LF outside
 * CRLF, no other control but TAB and the shifts of ISO 2022.
 */
XO_MUST_CHECK enum xo_refusal xo_field_check_octets(struct xo_span section);

/* The next field, or one with an empty `raw` at the end. */
XO_MUST_CHECK enum xo_refusal xo_field_next(struct xo_field_reader *reader,
    struct xo_field *field_r);

/* Behind the colon, without the blanks and line ends around it. */
struct xo_span xo_field_value(const struct xo_field *field);

/*
 * Could anybody take this value of Authentication-Results for one that
 * `hostname` wrote? RFC 8601: CFWS, authserv-id, CFWS, version. Comments,
 * quotes, backslashes and blanks are looked through wherever they stand, encoded
 * words (RFC 2047) are decoded as well as left. A value that cannot be decoded up
 * to the end of its authserv-id is taken for ours; one without any is nobody's.
 */
bool xo_field_is_authserv(struct xo_span value, struct xo_span hostname);

#endif
