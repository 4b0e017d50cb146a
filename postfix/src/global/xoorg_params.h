/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * The parameters of main.cf and the names on the wire and in the queue. What
 * they mean stands in README.md; postconf(1) takes names and defaults from here.
 */
#ifndef XOORG_PARAMS_H
#define XOORG_PARAMS_H

/* smtp(8) and lmtp(8): one variable, two names. */
#define VAR_SMTP_XOORG			"smtp_xoorg"
#define VAR_LMTP_XOORG			"lmtp_xoorg"
#define DEF_SMTP_XOORG			""
#define DEF_LMTP_XOORG			""
extern char *var_smtp_xoorg;

#define VAR_SMTP_XOORG_MAPS		"smtp_xoorg_maps"
#define VAR_LMTP_XOORG_MAPS		"lmtp_xoorg_maps"
#define DEF_SMTP_XOORG_MAPS		""
#define DEF_LMTP_XOORG_MAPS		""
extern char *var_smtp_xoorg_maps;

#define VAR_SMTP_XOORG_PASS		"smtp_xoorg_pass"
#define VAR_LMTP_XOORG_PASS		"lmtp_xoorg_pass"
#define DEF_SMTP_XOORG_PASS		0
#define DEF_LMTP_XOORG_PASS		0
extern int var_smtp_xoorg_pass;

#define VAR_SMTP_XOORG_REQUIRED		"smtp_xoorg_required"
#define VAR_LMTP_XOORG_REQUIRED		"lmtp_xoorg_required"
#define DEF_SMTP_XOORG_REQUIRED		0
#define DEF_LMTP_XOORG_REQUIRED		0
extern int var_smtp_xoorg_required;

#define VAR_SMTP_XOORG_UNVERIFIED	"smtp_xoorg_unverified_tls"
#define VAR_LMTP_XOORG_UNVERIFIED	"lmtp_xoorg_unverified_tls"
#define DEF_SMTP_XOORG_UNVERIFIED	0
#define DEF_LMTP_XOORG_UNVERIFIED	0
extern int var_smtp_xoorg_unverified;

/* smtpd(8) */
#define VAR_SMTPD_XOORG_NAMES		"smtpd_xoorg_ccert_names"
#define DEF_SMTPD_XOORG_NAMES		""
extern char *var_smtpd_xoorg_names;

#define CHECK_XOORG_ACL			"check_xoorg_access"

/* The TLS library; Postfix 3.12 has a parameter of this name. */
#define VAR_TLS_TRUST_SERVER_CCERTS	"tls_trust_server_ccerts"
#define DEF_TLS_TRUST_SERVER_CCERTS	0
extern int var_tls_trust_server_ccerts;

/*
 * In the queue file, in a delivery request and in a policy request. Not in
 * rec_attr_map(3): postdrop(1) takes from any local user what stands there.
 */
#define MAIL_ATTR_XOORG			"xoorg"
#define MAIL_ATTR_XOORG_CCERT_NAME	"xoorg_ccert_name"

/* A bit that no release uses: of the keywords of EHLO to discard. */
#define EHLO_MASK_XOORG			(1 << 28)

#endif
