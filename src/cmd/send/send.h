/* SPDX-License-Identifier: ISC */
/*
 * Between the parts of `xoorg send`: what was asked for, and one transaction.
 */
#ifndef XO_SEND_H
#define XO_SEND_H

#include <cmd/common/dialogue.h>
#include <cmd/send/send_body.h>

enum xo_send_tls {
	XO_SEND_TLS_DEFAULT,	/* starttls with a certificate, else none */
	XO_SEND_TLS_NONE,
	XO_SEND_TLS_STARTTLS,
	XO_SEND_TLS_VERIFY,
};

struct xo_send_settings {
	const char *from;
	struct xo_option_list to;
	struct xo_option_list mail_params;
	struct xo_option_list rcpt_params;
	struct xo_send_body_settings body;
	uint64_t count;
	uint64_t per_connection;	/* 0: all on one */
	bool is_bdat;
	uint64_t chunk;			/* 0: one for the whole message */
	bool is_pipelining;
	int tls;			/* enum xo_send_tls */
	const char *certificate;
	const char *key;
	const char *trust;
	const char *tls_name;
	const char *helo;
	const char *expect;		/* NULL: all must be 2xx */
	uint64_t timeout;		/* s */
	bool is_quiet;
	bool has_transcript;
	bool has_size;
};

/* How one message, or the way to it, ended. */
struct xo_send_outcome {
	char failing[512];	/* the first 4xx or 5xx; "": none */
	char final[512];	/* the last reply of the transaction */
	bool is_lost;
};

/* Notes the dialogue's last reply. */
void xo_send_note(struct xo_send_outcome *outcome,
    const struct xo_dialogue *dialogue, enum xo_step step);

/* One transaction, number `number` of the run, on an open dialogue. */
void xo_send_message(struct xo_dialogue *dialogue,
    const struct xo_send_settings *settings, struct xo_send_body *body,
    uint64_t number, struct xo_send_outcome *outcome);

#endif
