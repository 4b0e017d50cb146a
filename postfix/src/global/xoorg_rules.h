/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * All that decides about XOORG, and nothing else: no I/O, no Postfix, no
 * OpenSSL. The grammar is libxoorg's. Everything starts at "no".
 *
 * After <mail_params.h> if that is included: it has a `bool` of its own.
 */
#ifndef XOORG_RULES_H
#define XOORG_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* Room for a value and its NUL. */
#define XOORG_VALUE_SIZE	256

/* --- server: who is offered it (protocol.md 1.2, 4.5) --- */

struct xoorg_session {
	bool is_configured;		/* smtpd_xoorg_ccert_names */
	bool is_discarded;		/* the keyword, for this client */
	bool is_starttls;		/* TLS by STARTTLS, not by the port */
	bool is_xclient;		/* XCLIENT: the client is another */
	bool has_name;			/* the certificate has a listed name */
	bool is_chain_good;		/* verified in this very handshake */
};

enum xoorg_offer {
	XOORG_OFFER_NONE,		/* an ordinary session */
	XOORG_OFFER_REFUSE,		/* 454 4.7.5 and the end */
	XOORG_OFFER_YES,
};

enum xoorg_offer xoorg_offer_decide(const struct xoorg_session *session);

/* A name of a certificate, with its length: there may be a NUL in it. */
struct xoorg_name {
	const char *text;
	size_t len;
};

/*
 * Does one of `listed` (between blanks or commas) stand in the certificate?
 * Exact, without case; SAN dNSNames, and the common name only in a certificate
 * without any SAN (`has_san`: of whatever kind) and if it is a domain, or `*.`
 * and a domain. `cn`: NULL unless there is exactly one. _find: which of the
 * certificate's names that is, or NULL.
 */
const struct xoorg_name *xoorg_names_find(const char *listed,
    const struct xoorg_name *sans, size_t n_sans, bool has_san,
    const struct xoorg_name *cn);
bool xoorg_names_match(const char *listed, const struct xoorg_name *sans,
    size_t n_sans, bool has_san, const struct xoorg_name *cn);

/* --- server: the parameter (protocol.md 2) --- */

enum xoorg_param {
	XOORG_PARAM_UNKNOWN,		/* not ours: what Postfix always said */
	XOORG_PARAM_GOOD,
	XOORG_PARAM_MALFORMED,
	XOORG_PARAM_TWICE,
};

/*
 * One parameter of MAIL. Without an announcement every XOORG is an unknown
 * parameter. XOORG_PARAM_GOOD: `value` has it, decoded, in its own case.
 */
enum xoorg_param xoorg_param_judge(const char *arg, bool is_announced,
    bool has_one, char value[XOORG_VALUE_SIZE]);

/* --- client (protocol.md 3.1) --- */

struct xoorg_delivery {
	const char *value;		/* "" is none */
	bool is_required;
	bool is_announced;		/* in the last EHLO, inside TLS */
	bool is_tls;
	bool is_verified;		/* name and chain of the server */
	bool is_unverified_fine;	/* smtp_xoorg_unverified_tls */
};

enum xoorg_send {
	XOORG_SEND_NOT,			/* the mail goes without */
	XOORG_SEND,
	XOORG_SEND_FAIL_VALUE,		/* is no domain: 4.3.5 */
	XOORG_SEND_FAIL_ABSENT,		/* required: the next host, or 4.7.4 */
	XOORG_SEND_FAIL_UNVERIFIED,	/* the same */
};

enum xoorg_send xoorg_send_decide(const struct xoorg_delivery *delivery);

/*
 * Which value a mail gets: the one it came with, if that is passed on; else
 * its sender's; else the transport's. NULL and "" are none.
 */
const char *xoorg_value_choose(bool is_passed, const char *came_with,
    const char *of_sender, const char *of_transport);

bool xoorg_value_is_valid(const char *value);

#endif
