/* SPDX-License-Identifier: ISC */
/*
 * What is wrong, or odd, with a configuration that can be read: one table of
 * rules, each with an id that stays, and the list of what was found.
 *
 * An error is what can never be meant, or is unsafe without doubt: the
 * configuration is not taken. A warning is all else that may turn a right
 * verdict into a relay, a leak or a silence: it is told and the gateway runs.
 * xoorgd.conf(5), CHECKS, has a row for each.
 */
#ifndef XO_CONF_WARNING_H
#define XO_CONF_WARNING_H

#include <conf/conf.h>

enum xo_severity {
	XO_SEVERITY_ERROR,
	XO_SEVERITY_WARNING,
};

enum xo_rule_id {
	/* routes: where mail goes */
	XO_RULE_NO_NEXT_HOP,
	XO_RULE_DEMOTE_TO_VERIFIED,
	XO_RULE_DEMOTE_MAY_BE_VERIFIED,
	XO_RULE_DEMOTE_WITH_CERTIFICATE,
	XO_RULE_ACCEPTS_UNVERIFIED,
	XO_RULE_STRANGERS_AS_LOCAL,
	XO_RULE_VERIFIED_IN_CLEAR,
	XO_RULE_OBSERVE_REFUSES,
	XO_RULE_TENANT_CERTIFICATE,
	XO_RULE_NEEDS_TENANT,
	/* places: what listens where */
	XO_RULE_UPSTREAM_IS_LISTENER,
	XO_RULE_STATUS_IS_LISTENER,
	XO_RULE_STATUS_PUBLIC,
	/* names and networks that are too wide */
	XO_RULE_OPEN_RELAY,
	XO_RULE_WIDE_NETWORK,
	XO_RULE_WIDE_NAME,
	XO_RULE_TWO_TENANTS,
	XO_RULE_NAME_OF_TWO,
	XO_RULE_WIDE_ORG,
	XO_RULE_WIDE_DOMAIN,
	XO_RULE_HOSTNAME_ADDRESS,
	XO_RULE_HOSTNAME_LOCAL,
	/* what does nothing */
	XO_RULE_NO_TENANTS,
	XO_RULE_XOORG_OF_NOBODY,
	XO_RULE_RELAY_ANY_SENDER,
	XO_RULE_PEER_UNUSED,
	XO_RULE_PEER_WITHOUT_RIGHTS,
	XO_RULE_TENANT_UNUSED,
	XO_RULE_NAMES_UNUSED,
	XO_RULE_UPSTREAM_UNUSED,
	XO_RULE_TLS_UNUSED,
	/* this machine */
	XO_RULE_KEY_READABLE,
	XO_RULE_FILE_WRITABLE,
	XO_RULE_FOLDER_WRITABLE,
	XO_RULE_USER_CANNOT_READ,
	XO_RULE_RUNS_AS_ROOT,
	XO_RULE_LOG_FOLDER,
	XO_RULE_PID_FOLDER,
	/* tables and certificates of tenants */
	XO_RULE_ROW_SKIPPED,
	XO_RULE_TENANT_FILE_MISSING,
	XO_RULE_TENANT_FILE_UNUSED,
	XO_RULE_TENANT_FILE_UNREADABLE,
	/* certificates */
	XO_RULE_CERTIFICATE_EXPIRED,
	XO_RULE_CERTIFICATE_TOO_NEW,
	XO_RULE_CERTIFICATE_ENDS,
	XO_RULE_CERTIFICATE_NAME,
	XO_RULE_CERTIFICATE_PURPOSE,
	XO_RULE_MICROSOFT_ROOT,
	XO_RULE_CRL_STALE,
	XO_RULE_COUNT
};

struct xo_rule {
	const char *id;			/* "demote-to-verified" */
	enum xo_severity severity;
	const char *risk;		/* what may happen */
	/* Of a warning what to do; of an error what was expected. */
	const char *cure;
};

const struct xo_rule *xo_rule(enum xo_rule_id id);

struct xo_warning {
	enum xo_rule_id rule;
	/* FILE:LINE: warning: SETTING: WHAT; RISK; CURE [ID] */
	char *text;
};

/*
 * Adds what was found of a warning. Without memory it is left out: a warning
 * is no reason to stop.
 */
void xo_warnings_add(struct xo_warnings *warnings, enum xo_rule_id rule,
    const struct xo_conf_where *where, const char *setting,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Copies of another list's. */
void xo_warnings_join(struct xo_warnings *warnings,
    const struct xo_warnings *other);
/* The same texts in the same order. */
bool xo_warnings_are_equal(const struct xo_warnings *a,
    const struct xo_warnings *b);
void xo_warnings_fini(struct xo_warnings *warnings);

/*
 * What the files say: who else may read or write them, and what the user of
 * the processes can read (with `is_test`, where nothing has been read as
 * somebody else). False: one line in `error`, for a rule that is one.
 */
bool xo_conf_check_files(const struct xo_conf *conf, bool is_test,
    struct xo_warnings *warnings, struct xo_buf *error);

#endif
