/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: the recipes of each MTA.
 */
#include <cmd/setup/setup_mta.h>

#define PIECES(p) .pieces = (p), .n_pieces = sizeof(p) / sizeof((p)[0])

static const struct xo_setup_piece postfix_pieces[] = {
	{"/etc/postfix/master.cf, in place of the line \"smtp inet ... smtpd\"",
	    "postfix/behind/verified.cf", "postfix/behind/verified-relay.cf",
	    XO_SETUP_FOR_VERIFIED},
	{NULL, "postfix/behind/ordinary.cf", NULL, XO_SETUP_FOR_ORDINARY},
	{"/etc/postfix/main.cf", "postfix/behind/routing.cf", NULL,
	    XO_SETUP_ALWAYS},
	{NULL, "postfix/in-front/transport.cf", NULL, XO_SETUP_FOR_WAY_BACK},
	{"/etc/postfix/master.cf, below the services of our own users",
	    "postfix/in-front/own.cf", NULL, XO_SETUP_FOR_WAY_BACK},
};
static const struct xo_setup_piece exim_pieces[] = {
	{"/etc/exim4/conf.d/main/00_xoorg", "exim/behind/main", NULL,
	    XO_SETUP_ALWAYS},
	{"Exim, at the top of the ACL for RCPT", "exim/behind/rcpt", NULL,
	    XO_SETUP_ALWAYS},
	{NULL, "exim/behind/rcpt-verified", "exim/behind/rcpt-verified-relay",
	    XO_SETUP_FOR_VERIFIED},
	{NULL, "exim/behind/rcpt-no-handover", NULL, XO_SETUP_FOR_UNTOLD},
	{"Exim, routers", "exim/in-front/router", NULL, XO_SETUP_FOR_WAY_BACK},
	{"Exim, transports", "exim/in-front/transport", NULL,
	    XO_SETUP_FOR_WAY_BACK},
	{"Exim, at the top of the ACL for DATA", "exim/in-front/own", NULL,
	    XO_SETUP_FOR_WAY_BACK},
};
static const struct xo_setup_piece opensmtpd_pieces[] = {
	{"/etc/xoorg-domains", "domains", NULL, XO_SETUP_ALWAYS},
	{"/etc/smtpd.conf, among the listeners", "opensmtpd/behind/listen", NULL,
	    XO_SETUP_ALWAYS},
	{"/etc/smtpd.conf, before the other rules",
	    "opensmtpd/behind/match-verified",
	    "opensmtpd/behind/match-verified-relay", XO_SETUP_FOR_VERIFIED},
	{NULL, "opensmtpd/behind/match-no-handover", NULL, XO_SETUP_FOR_UNTOLD},
	{NULL, "opensmtpd/in-front/route", NULL, XO_SETUP_FOR_WAY_BACK},
};
static const struct xo_setup_piece sendmail_pieces[] = {
	{"/etc/mail/relay-domains", "domains", NULL, XO_SETUP_ALWAYS},
	{"/etc/mail/sendmail.mc, before MAILER(`smtp')",
	    "sendmail/behind/daemons.m4", NULL, XO_SETUP_ALWAYS},
	{NULL, "sendmail/in-front/route.m4", NULL, XO_SETUP_FOR_WAY_BACK},
	{"/etc/mail/sendmail.mc, its end; mind the tabs",
	    "sendmail/behind/rules.m4", "sendmail/behind/rules-relay.m4",
	    XO_SETUP_ALWAYS},
	{"/etc/mail/mailertable", "sendmail/in-front/mailertable", NULL,
	    XO_SETUP_FOR_WAY_BACK},
};
static const struct xo_setup_piece haraka_pieces[] = {
	{"xoorg-domains", "domains", NULL, XO_SETUP_ALWAYS},
	{"plugins/xoorg.js; first in config/plugins but for xclient",
	    "haraka/behind/xoorg.js", "haraka/behind/xoorg-relay.js",
	    XO_SETUP_ALWAYS},
	{"plugins/xoorg-route.js; before the other plugins that queue",
	    "haraka/in-front/xoorg-route.js", NULL, XO_SETUP_FOR_WAY_BACK},
};

const struct xo_setup_mta_table xo_setup_mtas[XO_SETUP_MTA_COUNT] = {
	[XO_SETUP_POSTFIX] = {
		.name = "Postfix", .quote = xo_setup_quote_postfix,
		.handover_files = {
			[XO_HANDOVER_NONE] = "postfix/behind/handover-none.cf",
			[XO_HANDOVER_XCLIENT] =
			    "postfix/behind/handover-xclient.cf",
			[XO_HANDOVER_PROXY] =
			    "postfix/behind/handover-proxy.cf",
			[XO_HANDOVER_PROXY_V2] =
			    "postfix/behind/handover-proxy.cf",
		},
		.takes = {true, true, true, true},
		PIECES(postfix_pieces),
	},
	[XO_SETUP_EXIM] = {
		.name = "Exim", .quote = xo_setup_quote_exim,
		.handover_files = {
			[XO_HANDOVER_PROXY] = "exim/behind/handover-proxy",
			[XO_HANDOVER_PROXY_V2] = "exim/behind/handover-proxy",
		},
		.takes = {
			[XO_HANDOVER_NONE] = true, [XO_HANDOVER_PROXY] = true,
			[XO_HANDOVER_PROXY_V2] = true,
		},
		PIECES(exim_pieces),
	},
	[XO_SETUP_OPENSMTPD] = {
		.name = "OpenSMTPD", .etc = "/etc",
		.quote = xo_setup_quote_postfix,
		.takes = {
			[XO_HANDOVER_NONE] = true,
			[XO_HANDOVER_PROXY_V2] = true,
		},
		PIECES(opensmtpd_pieces),
	},
	[XO_SETUP_SENDMAIL] = {
		.name = "Sendmail", .quote = xo_setup_quote_postfix,
		.takes = {[XO_HANDOVER_NONE] = true},
		PIECES(sendmail_pieces),
	},
	[XO_SETUP_HARAKA] = {
		.name = "Haraka", .quote = xo_setup_quote_postfix,
		.takes = {
			[XO_HANDOVER_NONE] = true, [XO_HANDOVER_XCLIENT] = true,
		},
		PIECES(haraka_pieces),
	},
};
