/* SPDX-License-Identifier: ISC */
/*
 * The relay's inside: one session, one transaction at a time in it, at most one
 * next hop. The files, in the way of a message:
 *
 *   relay.c     the door: life, time, the loop over the client's bytes
 *   front.c     the command table: state x verb -> handler
 *   announce.c  what EHLO announces
 *   xclient.c   whom a proxy of ours speaks for
 *   envelope.c  MAIL and RCPT: verdict, upstream, replies in order
 *   lookup.c    tenants that must be asked for
 *   back.c      the next hop: got, let go, failed; back_ask.c what is said to
 *               it, back_answer.c what it replies
 *   final.c     what the replies to the content come to
 *   about.c     what a reply of the next hop is about, and whose it is
 *   content.c   DATA and BDAT in, header held for the wall
 *   writer.c    content out, in the next hop's framing
 *   finish.c    how a message ends, for whatever cause, and refusals
 *   actions.c   the cellar: what is to be done, and what is said
 *   tell.c      what a session tells of itself
 *
 * The same states and functions, by the same names, are a model for spin in
 * tests/model; what that does is played on this (tests/unit/test_model.c). Who
 * changes one changes the other.
 */
#ifndef XO_RELAY_INTERNAL_H
#define XO_RELAY_INTERNAL_H

#include <xoorg/line.h>
#include <xoorg/relay.h>
#include <xoorg/reply.h>

#include <relay/transaction.h>

/* Actions that wait to be taken: room for a few, grown for a crowd. A few are
 * what give_up() needs. */
#define ACTIONS_FEW 4
#define ACTIONS_MAX 64

struct queued {
	struct xo_action action;
	/* A SEND of our own text points into `sends`: an offset until it is
	 * taken, because that may still grow. */
	size_t offset;
};

/* The client's side. */
struct front {
	uint64_t since;			/* last progress of the client */
	uint64_t request_since;		/* a command began; 0: none */
	struct xo_rights rights;
	uint64_t size_limit;		/* 0: none */
	struct xo_buf hello;
	struct xo_buf odd_hello;	/* as it was said, if `hello` is not */
	uint32_t announced;		/* of XO_CAP_BIT() */
	uint32_t errors, resets, commands;
	enum front_state state;
	enum xo_refusal tls_refusal;	/* what STARTTLS would get */
	bool is_tls;
	bool is_weak;
	bool is_esmtp;
	bool is_gone;
	bool is_draining;
	bool is_pressed;		/* under load: less patience */
	bool is_followed;		/* octets came behind the command */
	bool is_followed_by_quit;
	char tls_description[64];
};

/* xclient.c: for whom the client speaks */
struct spoken_for {
	struct xo_buf hello, name, reverse_name;
	struct xo_told told;		/* points into them */
	bool is_permitted;
	bool is_set;
};

/* The next hop's side. */
struct back {
	uint64_t since;			/* last progress of the next hop */
	struct xo_heard *heard;		/* the link's */
	struct xo_reply reply;
	uint8_t *expected;		/* ring of enum expected */
	size_t expected_head, n_expected, cap_expected;
	uint32_t caps;			/* of XO_CAP_BIT() */
	enum back_state state;
	enum xo_refusal why;		/* it has failed */
	bool is_replaceable;
	bool is_ahead;			/* octets came behind its last reply */
};

/* lookup.c: whose it is is asked */
struct lookup {
	uint64_t since;
	struct xo_buf args;		/* RCPT's */
	enum front_state back_to;	/* of FRONT_WAIT_TENANT */
	bool is_open;			/* there is no answer yet */
	bool is_answered;		/* what is done, is done with it */
};

/* actions.c: what is to be done, and said */
struct cellar {
	struct queued *actions;		/* ACTIONS_FEW at least */
	size_t cap_actions, n_actions, next_action;
	struct xo_buf sends;
	struct queued lost;		/* there was no room for it */
	bool has_lost;
};

struct xo_relay {
	struct xo_relay_setup setup;
	uint64_t now;
	int64_t wall_clock;
	struct front front;
	struct spoken_for spoken;
	struct back back;
	struct lookup lookup;
	struct transaction t;
	struct xo_span recipient;	/* of the RCPT that is judged */
	struct xo_buf args;		/* MAIL's, kept for its spans */
	struct xo_buf text;		/* of slots and outcome */
	struct xo_buf header;		/* held header, then held body */
	struct xo_buf clean;		/* what the wall and the stamp made */
	struct xo_report report;
	bool has_ended;			/* forget t when actions are taken */
	bool has_reported;		/* the same, and `report` tells of it */
	struct cellar out;
};

/* Room for the longest line of our own, and buffers kept between messages. */
#define KEEP_MAX ((size_t)16 * 1024)
/* The same while a session is between messages: there may be thousands. */
#define KEEP_IDLE 256

static inline bool
has_cap(uint32_t set, enum xo_cap cap)
{
	return (set & XO_CAP_BIT(cap)) != 0;
}

static inline const struct xo_limits *
limits(const struct xo_relay *r)
{
	return &r->setup.policy->limits;
}

static inline const struct xo_extensions *
extensions(const struct xo_relay *r)
{
	return &r->setup.policy->extensions;
}

/* Of a transaction that may go on: envelope.c saw that there is one. */
static inline const struct xo_upstream *
upstream_of(const struct xo_relay *r)
{
	return xo_upstream_at(r->setup.policy, r->t.trust.upstream);
}

/* actions.c */
struct xo_action *relay_act(struct xo_relay *r, enum xo_action_type type);
void relay_act_refused(struct xo_relay *r, enum xo_refusal why);
/* What the next hop said: `sends` from there on. */
void relay_act_said(struct xo_relay *r, size_t start);
/* Bytes of the caller's, passed on as they are. */
void relay_send_span(struct xo_relay *r, enum xo_side side, struct xo_span s);
/* Between these two, text is added to the returned buffer. */
struct xo_buf *relay_send_begin(struct xo_relay *r);
void relay_send_end(struct xo_relay *r, enum xo_side side, size_t start);
void relay_send(struct xo_relay *r, enum xo_side side, struct xo_span s);
void relay_reply(struct xo_relay *r, uint16_t code, const char *enhanced,
    struct xo_span text);
/* Only counts: the reply waits in a queue. */
void relay_count_error(struct xo_relay *r, enum xo_refusal why);
/* What the client waited for is here: its own time begins anew. */
void relay_client_turn(struct xo_relay *r);
void relay_close(struct xo_relay *r);
void relay_banner(struct xo_relay *r);
bool relay_is_full(const struct xo_relay *r);

/* front.c. Octets used. */
size_t front_command(struct xo_relay *r, struct xo_span in);

/* xclient.c */
void xclient(struct xo_relay *r, struct xo_span args);

/* announce.c */
void announce_hello(struct xo_relay *r, bool is_final);

/* envelope.c */
void envelope_mail(struct xo_relay *r, struct xo_span args);
/* With the arguments that it had. */
void envelope_mail_again(struct xo_relay *r);
void envelope_rcpt(struct xo_relay *r, struct xo_span args);
/* How its addresses may be read. */
enum xo_syntax envelope_syntax(const struct xo_relay *r);
bool envelope_is_settled(const struct xo_relay *r);
/* No room for another recipient until it is settled. */
bool envelope_is_full(const struct xo_relay *r);
/* Gives `slot` its reply; tells the client what is next in order. */
void envelope_answer(struct xo_relay *r, struct slot *slot, bool is_accepted,
    uint16_t code, const char *enhanced, struct xo_span text);
void envelope_answer_refusal(struct xo_relay *r, struct slot *slot,
    enum xo_refusal why);
/* The same with what finish_note_reply() kept. */
void envelope_answer_noted(struct xo_relay *r, struct slot *slot);

/* lookup.c. Each of the three asks for `trust.lacks`; false: this is the answer,
 * and it is still not known. */
bool lookup_for_mail(struct xo_relay *r);
bool lookup_for_rcpt(struct xo_relay *r, struct xo_span args);
bool lookup_for_value(struct xo_relay *r);
/* There is an answer, or none: the state is what it was. */
void lookup_end(struct xo_relay *r);
/* It waits, and the transaction has begun. */
bool lookup_is_in_transaction(const struct xo_relay *r);
/* The guest that the treatment names by now stays until the transaction ends. */
void lookup_pin(struct xo_relay *r);
/* No question, and nobody's guest. */
void lookup_forget(struct xo_relay *r);

/* back_ask.c */
void back_pump(struct xo_relay *r);
void back_expect(struct xo_relay *r, enum expected what);
/* The same envelope again, after RSET, with what is known by now. */
void back_say_again(struct xo_relay *r);
/* EHLO behind the content, as opening.c said it. */
void back_say_hello(struct xo_relay *r);
void back_forget_said(struct envelope *e);
/* No next hop, or one that refused the sender: nobody will be accepted. */
void back_refuse_waiting(struct xo_relay *r);
/* The value for XOORG= on this transaction; empty: none. */
struct xo_span back_xoorg(const struct xo_relay *r);

/* back.c */
/* To the treatment's upstream; fails at once if that is none. */
void back_acquire(struct xo_relay *r, bool is_fresh);
void back_fail(struct xo_relay *r, enum xo_refusal why);
/* What was said on a lost link is said on another, if it may be. */
bool back_retry(struct xo_relay *r, enum xo_refusal why);
/* For the log: what the client does not get to hear. */
void back_tell_said(struct xo_relay *r);
/* The link goes: to be used again if it may, else closed. */
void back_leave(struct xo_relay *r);
void back_drop(struct xo_relay *r);

/* final.c: the reply just read, and how all of them come to one. */
void final_note(struct xo_relay *r);
void final_sum_up(struct xo_relay *r);

/* about.c */
/* The reply just read is about MAIL or RCPT: x.1.y. */
bool about_envelope(const struct xo_relay *r);
/* More than that: it is MAIL's 2.1.0, or RCPT's 2.1.5. */
bool about_itself(const struct xo_relay *r, enum expected what);
/* It is about this gateway and what it says, and no fault of the message. */
bool about_us(const struct xo_relay *r, enum expected what);
/* Its like was heard before on this link, and EHLO can tell. */
bool about_before(const struct xo_relay *r);
/* It is an answer to EHLO or LHLO, and to nothing else. */
bool about_hello(const struct xo_relay *r);
/* Its EHLO announces what can be told from all else. */
bool about_can_prove(const struct xo_relay *r);
/* What it carries belongs to another command than `what`. */
bool about_another(const struct xo_relay *r, enum expected what);

/* content.c */
void content_data(struct xo_relay *r);
void content_bdat(struct xo_relay *r, struct xo_span args);
size_t content_data_bytes(struct xo_relay *r, struct xo_span in);
size_t content_chunk_bytes(struct xo_relay *r, struct xo_span in);
/* The header is whole and the envelope done: past the wall, on to the next hop. */
void content_open(struct xo_relay *r);
/* The next hop is ready for content. */
void content_go(struct xo_relay *r);
/* The message cannot be delivered: the rest of it is read and dropped. */
void content_fail(struct xo_relay *r, enum xo_refusal why);
bool content_is_waiting(const struct xo_relay *r);

/* writer.c */
/* Says DATA, or goes on at once with BDAT. */
void writer_open(struct xo_relay *r);
/* What was held: the cleaned header, and the body that came with it. */
void writer_held(struct xo_relay *r);
/* A chunk of the client's begins or ends; nothing happens towards DATA. */
void writer_chunk_begin(struct xo_relay *r, uint64_t size, bool is_last);
void writer_chunk_end(struct xo_relay *r);
/* Content that a scanner has seen, or raw octets towards BDAT. */
void writer_span(struct xo_relay *r, struct xo_span span);
void writer_end(struct xo_relay *r);
/* BDAT in, DATA out: what the scanner found can go on, as *span: CR and LF alone
 * as CRLF, if bare_newline says so. */
bool writer_mends(const struct xo_relay *r, enum xo_content event,
    struct xo_span *span);

/* finish.c */
/* Replies as the table says, counts errors, closes if the table says so. */
void relay_refuse(struct xo_relay *r, enum xo_refusal why);
void finish_with_refusal(struct xo_relay *r, enum xo_refusal why);
/* With what finish_note_reply() kept. */
void finish_with_noted(struct xo_relay *r);
/* Without a reply: RSET, EHLO, the client is gone. */
void finish_quietly(struct xo_relay *r, enum xo_refusal why);
/* Keeps the next hop's own words as the outcome. */
void finish_note_reply(struct xo_relay *r, uint16_t code, struct xo_span text);
/* The text of a refusal of ours: the table's, and what is wrong with the header
 * if it is that. */
void finish_write_text(const struct xo_relay *r, struct xo_buf *out,
    enum xo_refusal why);
struct xo_span finish_noted(const struct xo_relay *r);
void transaction_clear(struct xo_relay *r);

#endif
