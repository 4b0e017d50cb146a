/* SPDX-License-Identifier: ISC */
/*
 * The attributes of XCLIENT (Postfix XCLIENT_README) in one place: the names that
 * EHLO announces, that a client may say, and that are said to a next hop.
 */
#ifndef XO_XCLIENT_TABLE_H
#define XO_XCLIENT_TABLE_H

#include <xoorg/address.h>
#include <xoorg/err.h>

enum xo_xclient {
	XO_XCLIENT_NAME,
	XO_XCLIENT_ADDR,
	XO_XCLIENT_PORT,
	XO_XCLIENT_PROTO,
	XO_XCLIENT_HELO,
	XO_XCLIENT_REVERSE_NAME,
	XO_XCLIENT_DESTADDR,
	XO_XCLIENT_DESTPORT,
	XO_XCLIENT_LOGIN,
	XO_XCLIENT_COUNT
};

const char *xo_xclient_name(enum xo_xclient attribute);
/* Without regard to case; XO_XCLIENT_COUNT: none of them. */
enum xo_xclient xo_xclient_find(struct xo_span name);
/* Is it in the next hop's `list`, which it announced? */
bool xo_xclient_is_listed(struct xo_span list, enum xo_xclient attribute);
/* What we announce, each with a blank before it. */
void xo_xclient_announce(struct xo_buf *text);

/* The value of ADDR and DESTADDR: IPv6 with a prefix of its own. */
void xo_xclient_write_address(struct xo_buf *text,
    const struct xo_address *address);
XO_MUST_CHECK bool xo_xclient_read_address(struct xo_span value,
    struct xo_address *address_r);

#endif
