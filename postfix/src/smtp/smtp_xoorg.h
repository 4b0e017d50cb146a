/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * XOORG in smtp(8) and lmtp(8): what the hooks call, in the order of a
 * delivery. Beside "smtp.h", which has to come first.
 */
#ifndef SMTP_XOORG_H
#define SMTP_XOORG_H

/*
 * A feature of a session like the others, and cached with it. The bit is one
 * that no release uses. Nothing else about XOORG outlives a mail.
 */
#define SMTP_FEATURE_XOORG	(1 << 28)

/* Before privileges are dropped: opens the tables. */
void smtp_xoorg_init(void);

/* A keyword of EHLO; nonzero if it is ours. Counts only inside TLS. */
int smtp_xoorg_ehlo(SMTP_SESSION *session, const char *word, int discard_mask);

/*
 * For each mail, in whatever session: finds the value and decides. Nonzero: the
 * mail does not go over this session; its recipients are kept for the next
 * host, or deferred.
 */
int smtp_xoorg_fails(SMTP_STATE *state);

/* Writes the parameter of the mail last decided about behind MAIL, if any. */
void smtp_xoorg_mail(VSTRING *command);

#endif
