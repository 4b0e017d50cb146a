/* SPDX-License-Identifier: ISC */
/*
 * The opening of a link to a next hop: greeting, EHLO, STARTTLS, EHLO
 * again, XCLIENT, EHLO again (RFC 5321 3.1, RFC 3207). Pure: bytes in, bytes
 * and one question out. The next hop is as hostile as a client.
 */
#ifndef XOORG_OPENING_H
#define XOORG_OPENING_H

#include <xoorg/policy.h>
#include <xoorg/caps.h>
#include <xoorg/reply.h>

XO_API_BEGIN

enum xo_opening_state {
	XO_OPENING_GREETING,
	XO_OPENING_EHLO,
	XO_OPENING_HELO,
	XO_OPENING_STARTTLS,
	XO_OPENING_HANDSHAKE,
	XO_OPENING_RSET,
	XO_OPENING_XCLIENT,
	XO_OPENING_DONE,
	XO_OPENING_FAILED,
	XO_OPENING_STATE_COUNT
};

/* Whom the next hop shall take for its client (Postfix XCLIENT). */
struct xo_handover_info {
	const struct xo_address *address;
	uint16_t port;
	struct xo_span hello;
	bool is_esmtp;
	/* By DNS: the name of its address, and that name if it has the address;
	 * empty: none, or the lookup failed. */
	struct xo_span reverse_name, name;
	bool is_reverse_uncertain, is_name_uncertain;
	const struct xo_address *server; /* where it came to; NULL: not told */
	uint16_t server_port;
};

/* All-zero, then xo_opening_start(). */
struct xo_opening {
	const struct xo_upstream *upstream;	/* kept */
	struct xo_span hostname;		/* kept: for EHLO */
	const struct xo_extensions *extensions;	/* kept; NULL: none */
	enum xo_opening_state state;
	enum xo_refusal why;			/* of FAILED */
	struct xo_caps caps;			/* of the latest EHLO */
	struct xo_reply reply;
	struct xo_buf out;			/* to send; the caller empties it */
	struct xo_buf said;			/* its refusal, for the log */
	struct xo_heard heard;			/* of the link */
	bool is_tls;
	bool is_handed_over;
	const struct xo_handover_info *handover; /* kept; NULL: none */
};

/* A new link: waits for the greeting. */
void xo_opening_start(struct xo_opening *opening,
    const struct xo_upstream *upstream, struct xo_span hostname,
    const struct xo_extensions *extensions,
    const struct xo_handover_info *handover);
/*
 * A kept link, DONE before, for another client: RSET first if a
 * transaction is open in it, XCLIENT again if the upstream wants it. May be
 * DONE at once.
 */
void xo_opening_resume(struct xo_opening *opening, bool needs_reset,
    const struct xo_handover_info *handover);
/* Uses `in`, returns how much. Look at `state` and `out` afterwards. */
size_t xo_opening_bytes(struct xo_opening *opening, struct xo_span in);
/* After HANDSHAKE; the caller reports its failures. */
void xo_opening_tls_done(struct xo_opening *opening);
void xo_opening_fini(struct xo_opening *opening);

XO_API_END

#endif
