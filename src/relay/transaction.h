/* SPDX-License-Identifier: ISC */
/*
 * One message on its way through the relay: its states, and what is kept of it
 * until its end, in a struct for each file that keeps it.
 */
#ifndef XO_TRANSACTION_H
#define XO_TRANSACTION_H

#include <xoorg/command.h>
#include <xoorg/content.h>
#include <xoorg/header.h>
#include <xoorg/param.h>
#include <xoorg/refusal.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

enum front_state {
	FRONT_GREETED,			/* no EHLO since the last STARTTLS */
	FRONT_READY,
	FRONT_MAIL,			/* a transaction is open */
	FRONT_CHUNKS,			/* the same, some BDAT came */
	FRONT_COMMAND_STATES,		/* those above read commands */
	FRONT_WAIT_CAPS = FRONT_COMMAND_STATES,
	FRONT_WAIT_TENANT,		/* MAIL or RCPT waits for whose it is */
	FRONT_HANDSHAKE,
	FRONT_DATA,			/* content until CRLF . CRLF */
	FRONT_CHUNK,			/* content of one BDAT */
	FRONT_FINAL,			/* all content is here: the next hop's turn */
	FRONT_CLOSED,
};

enum back_state {
	BACK_NONE,
	BACK_ACQUIRING,
	BACK_READY,
	BACK_FAILED,			/* for this transaction */
};

/* What a reply of the next hop will answer. */
enum expected {
	EXPECT_RSET,
	EXPECT_MAIL,
	EXPECT_RCPT,
	EXPECT_DATA,
	EXPECT_CHUNK,
	EXPECT_FINAL,
	EXPECT_HELLO,			/* after the content: about.c says why */
};

enum slot_state {
	SLOT_WAITING,			/* for the next hop */
	SLOT_ACCEPTED,
	SLOT_REFUSED,
};

/* One RCPT: its command, and its reply once it is known. */
struct slot {
	enum slot_state state;
	bool is_local;			/* never meant for the next hop */
	bool is_sent;
	uint16_t code;
	enum xo_refusal why;		/* of a refusal */
	size_t command, command_len;	/* into transaction.text */
	size_t reply, reply_len;	/* the same */
};

enum content_state {
	CONTENT_NONE,
	CONTENT_HEADER,			/* held until it is whole */
	CONTENT_OPENING,		/* the next hop's 354 is awaited */
	CONTENT_BODY,
	CONTENT_DISCARD,		/* its end is awaited; outcome is set */
};

enum mail_state {
	MAIL_UNSENT,
	MAIL_SENT,
	MAIL_ACCEPTED,
	MAIL_REFUSED,
};

/* envelope.c, and what the next hop makes of it */
struct envelope {
	struct slot *slots;
	size_t n_slots, cap_slots;
	size_t n_told;			/* slots whose reply the client has */
	size_t n_answered;		/* slots that have a reply */
	size_t next_send, next_reply;	/* slots, towards the next hop */
	size_t n_accepted;
	/* The value that the message itself brought (xoorg = "message"). */
	size_t message_xoorg, message_xoorg_len;	/* into text */
	enum mail_state state;
	uint8_t n_retries;		/* elsewhere */
	bool is_in_step;		/* its replies prove it */
	bool is_said_again;		/* with the message's value */
	bool has_xoorg_out;
};

/* content.c: what comes from the client */
struct content {
	uint64_t size;			/* octets */
	uint64_t waited;		/* ms spent waiting for the client */
	struct xo_scanner scanner;
	struct xo_header_finder finder;
	size_t header_len;		/* of what is in `header`, once found */
	struct xo_chunk chunk;		/* the client's current */
	uint64_t chunk_left;
	uint32_t empty_chunks, chunks;
	enum content_state state;
	enum front_state back_to;	/* after a stray chunk */
	bool is_stray;			/* a chunk that belongs to no message */
	bool is_chunked;		/* it comes by BDAT */
	bool is_complete;		/* all of it has come */
};

/* writer.c: what goes to the next hop */
struct writer {
	struct xo_scanner scanner;	/* BDAT in, DATA out */
	struct xo_stuffer stuffer;
	struct xo_stuffer held_stuffer;	/* of what is held: */
	bool has_held_dot;		/* a line begins with a dot */
	bool is_opened;			/* DATA or BDAT was said */
	bool uses_bdat;
	bool has_chunk_out;		/* one whose reply is not yet expected */
};

/* final.c: the replies to it, by LMTP one a recipient */
struct final {
	size_t n, n_delivered;
	uint16_t worst;
	bool wants_hello;		/* EHLO shall prove them, at the end */
};

/* finish.c: what it came to */
struct outcome {
	size_t text, text_len;		/* into text; of UPSTREAM_SAID */
	enum xo_refusal why;
	uint16_t code;
};

struct transaction {
	uint64_t began;
	struct xo_mail mail;		/* its spans point into `args` */
	struct xo_treatment trust;
	int guest;			/* its slot, pinned */
	bool has_guest;
	struct envelope envelope;
	struct content content;
	struct writer writer;
	struct final final;
	struct outcome outcome;
	struct xo_wall_report wall;	/* what the wall did, or found */
};

#endif
