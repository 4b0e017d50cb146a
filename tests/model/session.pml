/* SPDX-License-Identifier: ISC */
/*
 * What src/relay/transaction.h declares: the same states by the same names. Then
 * what only the model has: the ledger of who said what, and the configuration.
 */

/* The configuration, by -D. Zero is off. */
#ifndef N_MAILS
#define N_MAILS 1		/* MAIL commands the client says at most */
#endif
#ifndef N_SESSIONS
#define N_SESSIONS 1		/* one after the other; the pool stays */
#endif
#ifndef N_RCPTS
#define N_RCPTS 2
#endif
#ifndef N_UNITS
#define N_UNITS 2		/* pieces of one message's content */
#endif
#ifndef N_WORDS
#define N_WORDS 7		/* commands of the client in all */
#endif
#ifndef N_AHEAD
#define N_AHEAD 2		/* what a client sends without waiting */
#endif
#ifndef N_MISCHIEF
#define N_MISCHIEF 1		/* replies to nothing */
#endif
#ifndef BY_DATA
#define BY_DATA 1
#endif
#ifndef BY_BDAT
#define BY_BDAT 0
#endif
#ifndef HOP_PIPELINING
#define HOP_PIPELINING 1
#endif
#ifndef HOP_CHUNKING
#define HOP_CHUNKING 0		/* 2: each connection as it likes */
#endif
#ifndef HOP_WORDS
#define HOP_WORDS 1		/* 2.1.0 to MAIL, 2.1.5 to RCPT, 2.0.0 else */
#endif
#ifndef IS_TWICE
#define IS_TWICE 0		/* so many replies that it says again */
#endif
#ifndef IS_LMTP
#define IS_LMTP 0
#endif
#ifndef IS_MESSAGE
#define IS_MESSAGE 0		/* xoorg = "message", from our own MTA */
#endif
#ifndef IS_CONFUSED
#define IS_CONFUSED 0		/* the next hop */
#endif
#ifndef IS_PROMPT
#define IS_PROMPT 0		/* what it said has come when one looks */
#endif
#ifndef HAS_HOSTS
#define HAS_HOSTS 0		/* the upstream has another place */
#endif
#ifndef IS_KEPT
#define IS_KEPT 1		/* a kept connection is there at the start */
#endif
#ifndef HAS_TLS
#define HAS_TLS 0
#endif
#ifndef HAS_SHUTDOWN
#define HAS_SHUTDOWN 0
#endif
#ifndef HAS_RESET
#define HAS_RESET 0		/* RSET, EHLO again, QUIT in mid transaction */
#endif
#ifndef HAS_DIRT
#define HAS_DIRT 0		/* content that is refused here */
#endif
#ifndef HAS_LOCAL
#define HAS_LOCAL 0		/* recipients that are refused here */
#endif
#ifndef HAS_CAPS
#define HAS_CAPS 0		/* the upstreams are not known at first */
#endif
#ifndef HAS_TABLE
#define HAS_TABLE 0		/* tenants that must be asked for */
#endif
#ifndef TRACE
#define TRACE 0			/* draws lots for long sessions: for traces */
#endif
#ifndef DEFECT
#define DEFECT 0
#endif

mtype = {
	/* enum front_state */
	FRONT_GREETED, FRONT_READY, FRONT_MAIL, FRONT_CHUNKS, FRONT_WAIT_CAPS,
	FRONT_WAIT_TENANT,
	FRONT_HANDSHAKE, FRONT_DATA, FRONT_CHUNK, FRONT_FINAL, FRONT_CLOSED,
	/* enum back_state */
	BACK_NONE, BACK_ACQUIRING, BACK_READY, BACK_FAILED,
	/* enum expected */
	EXPECT_RSET, EXPECT_MAIL, EXPECT_RCPT, EXPECT_DATA, EXPECT_CHUNK,
	EXPECT_FINAL, EXPECT_HELLO,
	/* enum slot_state */
	SLOT_WAITING, SLOT_ACCEPTED, SLOT_REFUSED,
	/* enum content_state */
	CONTENT_NONE, CONTENT_HEADER, CONTENT_OPENING, CONTENT_BODY,
	CONTENT_DISCARD,
	/* enum mail_state */
	MAIL_UNSENT, MAIL_SENT, MAIL_ACCEPTED, MAIL_REFUSED,
	/* enum xo_refusal, as far as it matters here */
	NONE, PIPELINING, HELLO_FIRST, COMMAND_SEQUENCE, TLS_TWICE,
	TLS_CERTIFICATE, MAIL_NESTED, XOORG_NOT_ANNOUNCED, UNKNOWN_ORG,
	TENANT_NOT_KNOWN,
	RCPT_SYNTAX, NO_RECIPIENTS, CONTENT_NUL, CONTENT_NEEDS_CHUNKING,
	HEADER_SYNTAX, UPSTREAM_CONNECT, UPSTREAM_LOST, UPSTREAM_TIMEOUT,
	UPSTREAM_CONFUSED, UPSTREAM_OUT_OF_STEP, UPSTREAM_SAID, TIMEOUT, SHUTDOWN,
	/* what a client sends */
	EHLO, STARTTLS, MAIL, MAIL_XOORG, MAIL_OTHER, MAIL_NULL, RCPT, RCPT_BAD,
	RCPT_TABLE, DATA,
	BDAT_1, BDAT_2, BDAT_LAST_0, BDAT_LAST_1, BDAT_LAST_2, RSET, QUIT,
	/* content, in pieces of one size, and the dot */
	PIECE,			/* of the header, or of the body */
	HEADER_END,		/* the piece in which the header section ends */
	HEADER_VALUE,		/* the same, behind X-OriginatorOrg: a tenant's */
	HEADER_TABLE,		/* the same: a source must say whose */
	HEADER_BAD,		/* the same, behind a line that is no field */
	NUL,			/* a piece of the body that begins so */
	END,
	WHOLE,			/* HEADER_END and END at once */
	/* what the next hop is told; EHLO, MAIL, RCPT, DATA, RSET, END as above */
	BDAT, CONTENT,
	/* what else happens to the relay */
	REPLY, REPLY_AHEAD, GARBAGE, PARTIAL, BACK_CLOSED, READY_KEPT,
	READY_FRESH, READY_CHUNKING, READY_OTHER, ACQUIRE_FAILED, FRONT_GONE, TIMER_FRONT,
	TIMER_BACK, TLS_NONE, TLS_GOOD, TLS_BAD, CAPS, CAPS_UNKNOWN, TENANT, NOBODY, NOT_NOW, DRAIN,
	STOP
};

/* --- struct xo_relay ------------------------------------------------------ */

mtype state = FRONT_GREETED;
bool is_tls, is_draining, is_front_gone, is_known;
bool has_right, is_refused;		/* rights */
bool announced, announced_xoorg;

mtype back = BACK_NONE, back_why = NONE;
bool is_back_replaceable, is_back_ahead;
bool back_chunking;			/* back_caps */
chan expected = [6] of { mtype };

/* 250, by what it says of itself: 2.0.0 or nothing, MAIL's, RCPT's, EHLO's. */
#define SAYS_MAIL 210
#define SAYS_RCPT 215
#define SAYS_HELLO 290
#define is_yes(c) (c == 250 || c == SAYS_MAIL || c == SAYS_RCPT)
#define about_envelope(c) (c == SAYS_MAIL || c == SAYS_RCPT)

/* lookup: what was asked, and what is done with the answer at the moment */
bool is_asked;
mtype lookup_back_to = FRONT_READY;
mtype lookup_word = NONE;		/* the command that waits */
mtype known = NONE;			/* TENANT, NOBODY, NOT_NOW; NONE: ask */

/* --- struct transaction --------------------------------------------------- */

bool is_null;				/* sender, of our own */
bool is_trusted, is_verified;		/* upstream; answer */
bool is_chunked;
byte n_retries;
mtype mail_state = MAIL_UNSENT;
mtype slot_state[N_RCPTS] = SLOT_WAITING;
mtype slot_why[N_RCPTS] = NONE;
short slot_code[N_RCPTS];
bool slot_is_local[N_RCPTS], slot_is_sent[N_RCPTS];
byte n_slots, n_told, next_send, next_reply, n_accepted;
mtype content = CONTENT_NONE;
bool has_header_value, has_header_table, has_header_bad;	/* what the held header holds */
byte held;				/* pieces in `header` */
bool is_complete, is_opened, uses_bdat, has_chunk_out, has_xoorg_out;
bool is_in_step, wants_hello;
bool is_said_again;
byte n_finals, n_delivered;
short worst;
bool chunk_is_last;
byte chunk_left;
bool is_stray;
mtype back_to = FRONT_READY;
mtype outcome = NONE;
short code;				/* of UPSTREAM_SAID */
bool has_ended;

/* --- the wires ------------------------------------------------------------ */

chan to_gate = [N_AHEAD] of { mtype };
chan to_hop = [10] of { mtype, byte, byte };	/* what, message, pieces */
chan from_hop = [6] of { short };		/* codes; 0: PARTIAL */

/* The connection at the next hop's end. */
bool hop_is_open, hop_has_closed, hop_is_silent;
bool hop_has_mail, hop_in_data, hop_in_chunk, hop_is_last, hop_is_spoilt;
bool hop_is_trusted;			/* the port for verified mail */
byte hop_mid, hop_rcpts, hop_units, hop_left, hop_owes;
byte hop_accepted;			/* which recipients, as bits */
byte mischief = N_MISCHIEF;
byte doubles = IS_TWICE;
/* The pool. */
bool is_kept = IS_KEPT, kept_needs_reset;
bool wants_fresh;

/* --- the ledger ----------------------------------------------------------- */

byte mid;				/* the message: counts accepted MAILs */
byte told;				/* recipients the client believes in, bits */
byte given;				/* pieces of content the client gave */
bool is_finished;			/* and its dot or last chunk */
bool is_finishing;			/* that went out to the next hop */
bool has_final;				/* its complete 250 came in */
bool is_committed[N_SESSIONS * N_MAILS + 1];
bool is_exact;				/* and for whom the client knows of */
bool has_acked;				/* the client has a 250 for it */
byte owed;				/* replies to commands taken */
byte lmtp_delivered;
bool client_is_gone, client_is_done;
byte sessions = N_SESSIONS;
bool has_tls_right;			/* the handshake proved it */
bool has_answer;			/* a source says: a tenant's */
bool has_xoorg_said;			/* by this message's MAIL */
