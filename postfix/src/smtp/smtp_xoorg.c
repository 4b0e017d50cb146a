/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * XOORG in smtp(8) and lmtp(8). What is decided is decided by xoorg_rules(3).
 */
#include <sys_defs.h>
#include <string.h>

#include <dict.h>
#include <msg.h>
#include <stringops.h>
#include <vstring.h>

#include <deliver_request.h>
#include <ehlo_mask.h>
#include <mail_params.h>
#include <mail_proto.h>
#include <maps.h>
#include <xtext.h>
#include <xoorg_rules.h>

#include "smtp.h"
#include "smtp_xoorg.h"

char *var_smtp_xoorg;
char *var_smtp_xoorg_maps;
int var_smtp_xoorg_pass;
int var_smtp_xoorg_required;
int var_smtp_xoorg_unverified;

static MAPS *maps;

/* Of the mail at hand; set anew before each MAIL. "" is none. */
static char chosen[XOORG_VALUE_SIZE];

void
smtp_xoorg_init(void)
{
	if (*var_smtp_xoorg_maps != '\0')
		maps = maps_create(VAR_LMTP_SMTP(XOORG_MAPS),
		    var_smtp_xoorg_maps, DICT_FLAG_LOCK | DICT_FLAG_FOLD_FIX |
		    DICT_FLAG_UTF8_REQUEST);
}

int
smtp_xoorg_ehlo(SMTP_SESSION *session, const char *word, int discard_mask)
{
	if (strcasecmp(word, "XOORG") != 0)
		return 0;
#ifdef USE_TLS
	if (session->tls_context != NULL &&
	    (discard_mask & EHLO_MASK_XOORG) == 0)
		session->features |= SMTP_FEATURE_XOORG;
#endif
	return 1;
}

/* By address, then by @domain. NULL: none, or an error of the table. */
static const char *
value_of_sender(const char *sender)
{
	const char *value, *at;

	if (maps == NULL)
		return NULL;
	/* As in other tables by sender: one that may be written down. */
	value = maps_find(maps, *sender != '\0' ? sender : "<>", 0);
	if (value == NULL && maps->error == 0 &&
	    (at = strrchr(sender, '@')) != NULL)
		value = maps_find(maps, at, 0);
	return value;
}

static int
fail(SMTP_STATE *state, const char *dsn, const char *what)
{
	SMTP_SESSION *session = state->session;
	SMTP_RESP fake;

	/* Not "throttle": what failed is this mail, not all for the host. */
	smtp_mesg_fail(state, DSN_BY_LOCAL_MTA, SMTP_RESP_FAKE(&fake, dsn),
	    "%s %s", what, session->namaddr);
	/* A session that is kept is good for other mail. */
	if (!THIS_SESSION_IS_CACHED)
		smtp_quit(state);
	return 1;
}

static enum xoorg_send
decide(SMTP_STATE *state, const char *value)
{
	SMTP_SESSION *session = state->session;
	struct xoorg_delivery delivery = {
		.value = value,
		.is_required = var_smtp_xoorg_required != 0,
		.is_announced = (session->features & SMTP_FEATURE_XOORG) != 0,
#ifdef USE_TLS
		.is_tls = session->tls_context != NULL,
		.is_verified = TLS_CERT_IS_SECURED(session->tls_context) != 0,
#endif
		.is_unverified_fine = var_smtp_xoorg_unverified != 0,
	};

	return xoorg_send_decide(&delivery);
}

int
smtp_xoorg_fails(SMTP_STATE *state)
{
	DELIVER_REQUEST *request = state->request;
	const char *of_sender = value_of_sender(request->sender), *value;

	chosen[0] = '\0';
	if (maps != NULL && maps->error != 0)
		return fail(state, "4.3.0", "XOORG table lookup problem, "
		    "mail not sent to");
	value = xoorg_value_choose(var_smtp_xoorg_pass != 0, request->xoorg,
	    of_sender, var_smtp_xoorg);
	switch (decide(state, value)) {
	case XOORG_SEND_NOT:
		break;
	case XOORG_SEND:
		/* A valid domain has room. */
		memcpy(chosen, value, strlen(value) + 1);
		msg_info("%s: xoorg=%s, to %s", request->queue_id, value,
		    state->session->namaddrport);
		break;
	case XOORG_SEND_FAIL_VALUE:
		msg_warn("%s: XOORG: expected a domain, found \"%.300s\"",
		    request->queue_id, value);
		return fail(state, "4.3.5", "XOORG value is not a domain, "
		    "mail not sent to");
	case XOORG_SEND_FAIL_ABSENT:
		return fail(state, "4.7.4", "XOORG is required, "
		    "but was not offered inside TLS by host");
	case XOORG_SEND_FAIL_UNVERIFIED:
		return fail(state, "4.7.4", "XOORG is required, "
		    "but there is no verified TLS with host");
	}
	return 0;
}

void
smtp_xoorg_mail(VSTRING *command)
{
	if (chosen[0] == '\0')
		return;
	vstring_strcat(command, " XOORG=");
	xtext_quote_append(command, chosen, "+=");
}
