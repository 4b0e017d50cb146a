/* SPDX-License-Identifier: ISC */
/*
 * A bystander at both legs of the pure relay: a small automaton of its own for
 * each, which sees what is offered and what comes out, in order, and says what
 * must not be (world_violate()). It shares no code with the relay, and knows
 * nothing of the next hop but its octets: it may be anybody.
 *
 * What it holds the relay to:
 *  - each command has one reply, in order; what comes unasked is a 4xx or 5xx
 *    and the last word; nothing comes behind CLOSE;
 *  - behind what is no command, or may be a BDAT that was not understood, nothing
 *    is taken for a command;
 *  - XOORG and STARTTLS are announced, and XOORG= is taken, only by right;
 *  - a 250 for a message follows the next hop's own, read whole, for the same
 *    sender, the same recipients in order, and the same body; and only if
 *    that 250 cannot be MAIL's, RCPT's or a chunk's, and was not heard before, or
 *    if EHLO was answered behind it, which LMTP with several recipients needs in
 *    any case;
 *  - the next hop gets well-formed commands in an order that it allowed, no CR
 *    or LF outside CRLF but in chunks, and no XOORG= it did not ask for;
 *  - no protected field goes out untrusted, however one reads the header.
 */
#ifndef XO_RELAY_WATCH_H
#define XO_RELAY_WATCH_H

#include "relay_world.h"

#define WATCH_UNITS 64

enum watch_verb {
	WATCH_OTHER,
	WATCH_EHLO,
	WATCH_HELO,
	WATCH_STARTTLS,
	WATCH_MAIL,
	WATCH_RCPT,
	WATCH_DATA,
	WATCH_BDAT,
	WATCH_RSET,
	WATCH_QUIT,
	WATCH_FINAL			/* the content behind a DATA */
};

/* Something that has one reply. */
struct watch_unit {
	enum watch_verb verb;
	bool is_flawed;			/* no line: a reply, and no success */
	bool is_last;			/* BDAT */
	struct xo_buf text;		/* the address */
	bool has_xoorg;
	struct xo_buf xoorg;
};

/* One leg: commands go in, replies come out. */
struct watch_leg {
	struct xo_buf commands, replies;	/* not yet understood */
	struct watch_unit units[WATCH_UNITS];
	size_t first, n_units;
	bool is_in_data, is_in_chunk, is_last;
	uint64_t chunk_left;
	struct xo_buf content;
	/* the transaction */
	enum { WATCH_NO, WATCH_PERHAPS, WATCH_YES } has_mail;
	bool is_chunked;
	struct xo_buf from, rcpts;	/* `rcpts`: accepted, a line each */
	size_t n_rcpts;
};

struct watch {
	struct world_watch hook;	/* for world_options.watch */
	/* Set by the caller: does TLS give the xoorg right? */
	bool gives_right;
	struct world *world;
	struct watch_leg front, back;
	bool has_greeted, is_tls, has_hello, is_parting, is_closed;
	bool has_said_421;
	bool is_verified;		/* the client's transaction */
	/* the next hop's */
	bool is_linked, is_confused, is_data_said, has_xoorg_out;
	size_t n_finals, n_final_250s;	/* LMTP */
	bool is_worded;			/* MAIL's and RCPT's replies: 2.1.y */
	size_t n_chunks;
	bool is_ack_due;		/* EHLO's answer will make it one */
	bool is_old;			/* the reply was said before */
	struct xo_buf said;		/* its 2xx, whole, 0 between them */
	/* Its last 250 for a message, until it is used. */
	bool has_ack, ack_by_data;
	struct xo_buf ack_from, ack_rcpts, ack_content;
};

void watch_init(struct watch *watch, struct world *world);
void watch_fini(struct watch *watch);

#endif
