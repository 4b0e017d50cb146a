/* SPDX-License-Identifier: ISC */
/*
 * The relay's inside: one session, one transaction at a time in it, at most one
 * next hop. This is the state that all its files share; what each of them does
 * for the others stands in a header of its name. In the way of a message:
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
 * tests/model; what that does is played on this (tests/unit/test_model.c).
 * Change both together.
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

/* lookup.c: of a certificate that is not kept (rights.h) */
struct open_names {
	size_t n;
	struct xo_span names[XO_OPEN_NAMES_MAX];	/* point into `text` */
	uint8_t text[];
};

/* The client's side. */
struct front {
	uint64_t since;			/* last progress of the client */
	uint64_t request_since;		/* a command began; 0: none */
	struct xo_rights rights;
	struct open_names *open;	/* NULL: none */
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
	bool is_followed;		/* octets came after the command */
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
	bool is_ahead;			/* octets came after its last reply */
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

#endif
