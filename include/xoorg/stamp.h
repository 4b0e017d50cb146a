/* SPDX-License-Identifier: ISC */
/*
 * What the gateway adds on top of a header: Received (RFC 5321 4.4),
 * Authentication-Results (RFC 8601), X-OriginatorOrg (protocol.md 5.4).
 */
#ifndef XOORG_STAMP_H
#define XOORG_STAMP_H

#include <xoorg/policy.h>

XO_API_BEGIN

struct xo_stamp {
	struct xo_span hostname;
	struct xo_span session;		/* id, in Received */
	/* Received */
	struct xo_span hello;		/* what the client called itself */
	const struct xo_address *address;
	bool is_esmtp;
	bool is_tls;
	bool is_utf8;			/* SMTPUTF8 transaction: UTF8SMTP[S] */
	struct xo_span tls;		/* "TLSv1.3 with cipher ..." or empty */
	int64_t time;			/* seconds since 1970, UTC */
	/* Authentication-Results */
	bool has_results;
	enum xo_verdict verdict;
	struct xo_span tenant;		/* name, or empty */
	bool has_xoorg;
	struct xo_span xoorg;
	/* X-OriginatorOrg; empty: none */
	struct xo_span originator_org;
};

/*
 * Appends the fields, each folded at 78 octets where it can be, each ended by
 * CRLF; X-OriginatorOrg is never folded. Everything from the wire is written as
 * printable ASCII without `()<>@,;"\`, cut at 255 octets.
 */
void xo_stamp_write(struct xo_buf *out, const struct xo_stamp *stamp);
/* How many fields that are. */
size_t xo_stamp_count(const struct xo_stamp *stamp);

XO_API_END

#endif
