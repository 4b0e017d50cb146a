/* SPDX-License-Identifier: ISC */
/*
 * Postfix' policy delegation: a question is lines `name=value` and an empty line,
 * an answer is `action=...` and an empty line (Postfix' SMTPD_POLICY_README).
 *
 * Pure. What a question proves, and what follows, is decided in <xoorg/asked.h>;
 * here it is read and written.
 */
#ifndef XO_ASK_DELEGATION_H
#define XO_ASK_DELEGATION_H

#include <xoorg/asked.h>

/* Bounds of a question, line ends included. */
#define XO_DELEGATION_LINE ((size_t)8192)
#define XO_DELEGATION_OCTETS ((size_t)65536)
#define XO_DELEGATION_LINES ((size_t)200)
/* Of a CN: ub-common-name is 64 characters, each of up to four octets. */
#define XO_DELEGATION_NAME 256

/* Those that matter here; Postfix sends more, and others of its own. */
enum xo_attribute {
	XO_ATTRIBUTE_REQUEST,
	XO_ATTRIBUTE_STATE,
	XO_ATTRIBUTE_INSTANCE,
	XO_ATTRIBUTE_CLIENT_ADDRESS,
	XO_ATTRIBUTE_SENDER,
	XO_ATTRIBUTE_RECIPIENT,
	XO_ATTRIBUTE_TLS,		/* its version; empty: none */
	XO_ATTRIBUTE_CCERT_SUBJECT,
	XO_ATTRIBUTE_XOORG,		/* Postfix with XOORG in it: both */
	XO_ATTRIBUTE_XOORG_CCERT_NAME,
	XO_ATTRIBUTE_COUNT
};

/* Spans point into what was read. One that was not there is empty. */
struct xo_delegation {
	struct xo_span values[XO_ATTRIBUTE_COUNT];
};

/*
 * The question that `in` begins with. XO_MORE: it is good so far, and not whole.
 * XO_ERR_SYNTAX: a line without `=` or without a name, a NUL, one of our
 * attributes twice or with a control character in its value, no attribute at all.
 * XO_ERR_LIMIT: beyond the bounds. After an error nothing behind it can be read.
 */
XO_MUST_CHECK enum xo_err xo_delegation_read(struct xo_span in,
    struct xo_delegation *question_r, size_t *used_r);

/* What is answered, and what the log tells of it. Points into itself. */
struct xo_delegation_answer {
	bool is_judged;			/* else it was asked before MAIL */
	bool may_relay;
	enum xo_refusal refusal;
	enum xo_refusal would;		/* had it been enforced */
	bool has_address;
	struct xo_address address;	/* of the client */
	struct xo_rights rights;
	struct xo_span open_name;	/* of its certificate: rights.h */
	uint8_t common_name[XO_DELEGATION_NAME];	/* may be that */
	struct xo_treatment treatment;
	struct xo_span sender, recipient, xoorg;	/* the question's */
};

/*
 * Judges the sender, and at RCPT the recipient as well; before MAIL, and of VRFY
 * and ETRN, nothing is said. XO_ERR_SYNTAX: the question is of another kind, or
 * Postfix would not have sent such a value; *answer_r trusts nobody.
 */
XO_MUST_CHECK enum xo_err xo_delegation_judge(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_delegation *question,
    struct xo_delegation_answer *answer_r);

/* "OK", "DUNNO", or the refusal's code and text: access(5). */
void xo_delegation_write_action(struct xo_buf *out, bool may_relay,
    enum xo_refusal refusal);
/* All of the answer. */
void xo_delegation_write(struct xo_buf *out, bool may_relay,
    enum xo_refusal refusal);

#endif
