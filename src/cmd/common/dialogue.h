/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SMTP up to the first MAIL, shared by probe and send:
 * banner, EHLO, STARTTLS, EHLO. One command, one reply; what was said is
 * kept and, if wished, printed.
 */
#ifndef XO_DIALOGUE_H
#define XO_DIALOGUE_H

#include <stdio.h>

#include <cmd/common/wire.h>
#include <xoorg/caps.h>

enum xo_step {
	XO_STEP_OK,
	XO_STEP_REFUSED,	/* the reply is not what the step needs */
	XO_STEP_TLS,		/* the handshake failed: wire.error */
	XO_STEP_LOST,		/* no reply: wire.error */
};

struct xo_dialogue {
	struct xo_wire wire;
	struct xo_reply reply;		/* the last one */
	struct xo_caps caps;		/* of the latest EHLO; HELO: none */
	FILE *transcript;		/* NULL: silent */
	/* Set before opening: */
	bool is_lmtp;			/* LHLO, and no HELO */
	int proxy;			/* version of the PROXY header; 0: none */
};

/* Connects and reads the banner. */
enum xo_step xo_dialogue_open(struct xo_dialogue *dialogue,
    const struct xo_target *target, int64_t timeout);
/* EHLO; a server that does not know it (500, 502, 504) gets HELO. */
enum xo_step xo_dialogue_hello(struct xo_dialogue *dialogue, const char *name);
/* STARTTLS and the handshake. What EHLO announced is forgotten. */
enum xo_step xo_dialogue_starttls(struct xo_dialogue *dialogue,
    struct xo_tls_context *context, const char *server_name);

/* Queues a command; the line end is added. */
bool xo_dialogue_put(struct xo_dialogue *dialogue, struct xo_span line);
/* Sends what is queued, reads one reply. OK is a 2xx or 3xx. */
enum xo_step xo_dialogue_listen(struct xo_dialogue *dialogue);
/* Both: one command of one word. */
enum xo_step xo_dialogue_say(struct xo_dialogue *dialogue, const char *line);
/* A remark for the transcript. */
void xo_dialogue_note(const struct xo_dialogue *dialogue, const char *format,
    ...) __attribute__((format(printf, 2, 3)));

/* The reply's first line, as it came: "250 2.1.0 Sender OK". */
void xo_dialogue_reply_line(const struct xo_dialogue *dialogue, char *text,
    size_t text_len);

/* Closes without QUIT; frees. */
void xo_dialogue_fini(struct xo_dialogue *dialogue);

/* Our host's name, for EHLO: static text. */
const char *xo_dialogue_default_name(void);

#endif
