/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: from a configuration of the gateway to what has to be done at
 * its neighbours, and from a few options to a configuration.
 *
 * What is printed is pasted into shells and configuration files: every value
 * goes through the one encoder of its language.
 */
#ifndef XO_SETUP_H
#define XO_SETUP_H

#include <stdio.h>

#include <cmd/common/options.h>
#include <conf/conf.h>

enum xo_setup_mta {
	XO_SETUP_POSTFIX,
	XO_SETUP_EXIM,
	XO_SETUP_OPENSMTPD,
	XO_SETUP_SENDMAIL,
	XO_SETUP_HARAKA,
	XO_SETUP_MTA_COUNT
};

struct xo_setup_settings {
	const char *config;
	int target;			/* index into the words of --for */
	bool is_hybrid;
	/* --new */
	bool is_new;
	const char *hostname;
	const char *tenant;
	struct xo_option_list orgs;
	struct xo_option_list listen;
	const char *mta;
	const char *inbound;
	const char *exchange;
	const char *certificate;
	const char *key;
	const char *user;
	int handover;
	int cloud;
};

/* What the printers read. */
struct xo_setup {
	const struct xo_conf *conf;
	bool is_hybrid;
	FILE *out;
};

/* --- the languages ------------------------------------------------------- */

/*
 * One line of printable ASCII, for comments in all of them and for the plain
 * words of Postfix: other octets become `?`.
 */
void xo_setup_quote_comment(struct xo_buf *out, struct xo_span s);
/* '...', quotes doubled. Other octets than printable ASCII become `?`:
 * PowerShell takes several Unicode characters for quotes, too. */
void xo_setup_quote_powershell(struct xo_buf *out, struct xo_span s);
/* "...", as libconfig reads it. */
void xo_setup_quote_conf(struct xo_buf *out, struct xo_span s);
/* A value of main.cf or of -o in master.cf: $ doubled, blanks become `?`. */
void xo_setup_quote_postfix(struct xo_buf *out, struct xo_span s);
/* An element of a list of Exim: colons doubled, $ and \ escaped. */
void xo_setup_quote_exim(struct xo_buf *out, struct xo_span s);

/* --- the configuration, seen from outside -------------------------------- */

enum xo_setup_role {
	XO_SETUP_VERIFIED = 1 << 0,	/* upstream: verified mail */
	XO_SETUP_DEMOTED = 1 << 1,	/* upstream: all other mail */
	XO_SETUP_OUT = 1 << 2,		/* upstream: our own systems' mail */
};

/* Takes mail by XOORG: one of its peers has the right. */
bool xo_setup_is_public(const struct xo_conf *conf, size_t listener);
/* Takes mail of our own systems only. */
bool xo_setup_is_own(const struct xo_conf *conf, size_t listener);
bool xo_setup_has_own(const struct xo_conf *conf);
/* Of enum xo_setup_role. */
unsigned int xo_setup_upstream_roles(const struct xo_conf *conf, int upstream);
bool xo_setup_listens_on(const struct xo_conf *conf, uint16_t port);
bool xo_setup_has_relay(const struct xo_conf *conf);
bool xo_setup_is_loopback(const char *host);
/* Where a client finds this address: our name instead of 0.0.0.0 and ::. */
struct xo_span xo_setup_connect_host(const struct xo_conf *conf,
    const struct xo_conf_host *listen);
/*
 * The name in the certificate that is shown for `tenant` (XO_NOBODY: for any)
 * on the way out; our hostname if the file cannot be read or holds no domain.
 */
void xo_setup_client_name(const struct xo_conf *conf, int tenant,
    struct xo_buf *name_r);
/* NULL: fine, or why Exchange Online would not accept our certificate. */
const char *xo_setup_server_flaw(const struct xo_conf *conf);

/* --- the printers -------------------------------------------------------- */

void xo_setup_exchange_online(const struct xo_setup *setup);
void xo_setup_exchange(const struct xo_setup *setup);
void xo_setup_mta(const struct xo_setup *setup, enum xo_setup_mta which);
bool xo_setup_mta_takes(enum xo_setup_mta mta, enum xo_handover handover);
/* Whether it takes the handover of all upstreams that it is behind. */
bool xo_setup_mta_fits(enum xo_setup_mta mta, const struct xo_conf *conf);
void xo_setup_cipp(const struct xo_setup *setup);
/* For an MTA, which decides on the handover if none is given. An exit code. */
int xo_setup_new(const struct xo_setup_settings *settings,
    enum xo_setup_mta mta, FILE *out);

#endif
