/* SPDX-License-Identifier: ISC */
/*
 * The fields of a header section, one logical field at a time, as the wall
 * reads them: strictly, so that no other reader can see other fields.
 */
#ifndef XO_FIELD_H
#define XO_FIELD_H

#include <xoorg/fault.h>
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
	/* Of a refusal: what is wrong, and with what. */
	enum xo_fault_kind fault;
	struct xo_span at;
};

bool xo_field_is_blank(uint8_t c);

/*
 * Only what has been through this may be read: no NUL, no CR and no LF outside
 * CRLF. The first octet that stands against it; XO_FAULT_NONE: none does. Other
 * controls than TAB and the shifts of ISO 2022 are XO_FAULT_CONTROL, unless
 * `has_controls_r` is there to be told of them.
 */
enum xo_fault_kind xo_field_check_octets(struct xo_span section,
    bool *has_controls_r, struct xo_span *at_r);
/* Such a control. */
bool xo_field_is_odd_control(uint8_t c);

/* What stands before the colon of a field. */
struct xo_field_head {
	size_t name_len;
	size_t colon;		/* where it is */
	bool has_fold;		/* CR or LF before it */
};

/*
 * The head of the field that `text` begins with, be that its first line or all
 * of it. XO_FAULT_NONE; or why it begins no field: _NO_COLON with *head_r.colon
 * text.len, if only blanks came behind the name.
 */
enum xo_fault_kind xo_field_read_head(struct xo_span text,
    struct xo_field_head *head_r);

/*
 * The next field, or one with an empty `raw` at the end. What is no field is
 * XO_REFUSAL_HEADER_SYNTAX, and the reader goes on behind it.
 */
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
