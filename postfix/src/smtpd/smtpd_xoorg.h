/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * XOORG in smtpd(8): what the hooks in smtpd call, in the order of a session.
 * Beside "smtpd.h", which has to come first.
 */
#ifndef SMTPD_XOORG_H
#define SMTPD_XOORG_H

#include <attr.h>

struct SMTPD_TOKEN;

struct SMTPD_XOORG;

/* A connection's. */
struct SMTPD_XOORG *smtpd_xoorg_alloc(void);
void smtpd_xoorg_free(struct SMTPD_XOORG *xoorg);

/* Before TLS is set up: a certificate is asked for if names are configured. */
void smtpd_xoorg_ask_ccert(void);

#ifdef USE_TLS
/* After. */
void smtpd_xoorg_tls(TLS_APPL_STATE *server);
#endif

/* At EHLO and HELO, first of all: 454 was said, the session is at its end. */
int smtpd_xoorg_refuses(SMTPD_STATE *state);

/* In the reply to EHLO: is it to be announced? This answer is remembered. */
int smtpd_xoorg_announces(SMTPD_STATE *state, int discard_mask);

/* HELO, STARTTLS and a new EHLO: what was announced is not any more. */
void smtpd_xoorg_unannounce(SMTPD_STATE *state);

/* XCLIENT: from here on the client is not the one of the certificate. */
void smtpd_xoorg_xclient(SMTPD_STATE *state);

/* At MAIL, before its parameters are read. NULL, or a reply. */
const char *smtpd_xoorg_mail_begin(SMTPD_STATE *state);

/*
 * One parameter of MAIL. Zero: not ours. Else `*err_r` is a reply to refuse
 * MAIL with, or NULL.
 */
int smtpd_xoorg_mail_opt(SMTPD_STATE *state, const char *arg,
    const char **err_r);

/* The end of a mail, however it came. */
void smtpd_xoorg_reset(SMTPD_STATE *state);

/* The value of the mail in progress, or "". */
const char *smtpd_xoorg_value(SMTPD_STATE *state);

/* The same in small letters, to look it up. */
const char *smtpd_xoorg_key(SMTPD_STATE *state);

/* For a policy server: nothing at all unless names are configured. */
int smtpd_xoorg_print(ATTR_PRINT_COMMON_FN print, VSTREAM *stream, int flags,
    const void *state);

/* For a milter: the value, or NULL. */
#define SMTPD_XOORG_MACRO	"{mail_xoorg}"
const char *smtpd_xoorg_macro(SMTPD_STATE *state);

/* Into the queue file. */
void smtpd_xoorg_record(SMTPD_STATE *state);

/*
 * A filter before the queue: MAIL as it was said, but without our parameter;
 * what the filter announces; MAIL as it is said to the filter.
 */
void smtpd_xoorg_proxy_mail(SMTPD_STATE *state, int argc,
    struct SMTPD_TOKEN *argv);
void smtpd_xoorg_proxy_ehlo(SMTPD_STATE *state, const char *reply);
const char *smtpd_xoorg_proxy_from(SMTPD_STATE *state, const char *mail_from);

#endif
