/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/*
 * XOORG in smtpd(8). What is decided is decided by xoorg_rules(3); here its
 * facts are gathered and its answers said.
 */
#include <sys_defs.h>
#include <string.h>

#include <attr.h>
#include <msg.h>
#include <mymalloc.h>
#include <stringops.h>
#include <vstream.h>
#include <vstring.h>

#include <ehlo_mask.h>
#include <mail_error.h>
#include <mail_params.h>
#include <mail_proto.h>
#include <rec_type.h>
#include <record.h>
#include <xoorg_rules.h>

#include "smtpd.h"
#include "smtpd_chat.h"
#include "smtpd_token.h"
#include "smtpd_xoorg.h"

#ifdef USE_TLS
#include <tls_xoorg.h>
#endif

struct SMTPD_XOORG {
	bool is_announced;
	bool is_xclient;
	bool is_announced_by_filter;
	char name[XOORG_VALUE_SIZE];	/* of its certificate, if announced */
	char value[XOORG_VALUE_SIZE];
	char key[XOORG_VALUE_SIZE];
	VSTRING *scratch;
};

char *var_smtpd_xoorg_names;

struct SMTPD_XOORG *
smtpd_xoorg_alloc(void)
{
	struct SMTPD_XOORG *xoorg = mymalloc(sizeof(*xoorg));

	memset(xoorg, 0, sizeof(*xoorg));
	xoorg->scratch = vstring_alloc(100);
	return xoorg;
}

void
smtpd_xoorg_free(struct SMTPD_XOORG *xoorg)
{
	vstring_free(xoorg->scratch);
	myfree(xoorg);
}

void
smtpd_xoorg_ask_ccert(void)
{
	if (*var_smtpd_xoorg_names != '\0')
		var_smtpd_tls_ask_ccert = 1;
}

#ifdef USE_TLS
void
smtpd_xoorg_tls(TLS_APPL_STATE *server)
{
	if (*var_smtpd_xoorg_names != '\0')
		tls_xoorg_setup(server);
}
#endif

/* --- EHLO --- */

static enum xoorg_offer
offer(SMTPD_STATE *state, int discard_mask)
{
	struct xoorg_session session = {
		.is_configured = *var_smtpd_xoorg_names != '\0',
		.is_discarded = (discard_mask & EHLO_MASK_XOORG) != 0,
		.is_xclient = state->xoorg->is_xclient,
	};

#ifdef USE_TLS
	if (session.is_configured && state->tls_context != NULL) {
		session.is_starttls = var_smtpd_tls_wrappermode == 0;
		session.has_name = tls_xoorg_has_name(state->tls_context,
		    var_smtpd_xoorg_names, state->xoorg->name);
		session.is_chain_good =
		    tls_xoorg_is_chain_good(state->tls_context);
	}
#endif
	return xoorg_offer_decide(&session);
}

int
smtpd_xoorg_refuses(SMTPD_STATE *state)
{
	if (offer(state, state->ehlo_discard_mask) != XOORG_OFFER_REFUSE)
		return 0;
	msg_info("NOQUEUE: abort: %s: the certificate has a name of %s, "
	    "but is not valid", state->namaddr, VAR_SMTPD_XOORG_NAMES);
	state->error_mask |= MAIL_ERROR_POLICY;
	smtpd_chat_reply(state, "454 4.7.5 Certificate validation failure");
	state->flags |= SMTPD_FLAG_HANGUP;
	return 1;
}

int
smtpd_xoorg_announces(SMTPD_STATE *state, int discard_mask)
{
	state->xoorg->is_announced =
	    offer(state, discard_mask) == XOORG_OFFER_YES;
	return state->xoorg->is_announced;
}

void
smtpd_xoorg_unannounce(SMTPD_STATE *state)
{
	state->xoorg->is_announced = false;
}

void
smtpd_xoorg_xclient(SMTPD_STATE *state)
{
	state->xoorg->is_xclient = true;
	state->xoorg->is_announced = false;
}

/* --- MAIL --- */

const char *
smtpd_xoorg_mail_begin(SMTPD_STATE *state)
{
	smtpd_xoorg_reset(state);
	/* Postfix goes on with what fits: a value must not be half of one. */
	if (!state->xoorg->is_announced ||
	    VSTRING_LEN(state->buffer) < var_line_limit)
		return NULL;
	state->error_mask |= MAIL_ERROR_PROTOCOL;
	return "500 5.5.2 Command too long";
}

int
smtpd_xoorg_mail_opt(SMTPD_STATE *state, const char *arg, const char **err_r)
{
	struct SMTPD_XOORG *xoorg = state->xoorg;

	*err_r = NULL;
	switch (xoorg_param_judge(arg, xoorg->is_announced,
	    xoorg->value[0] != '\0', xoorg->value)) {
	case XOORG_PARAM_UNKNOWN:
		return 0;
	case XOORG_PARAM_GOOD:
		return 1;
	case XOORG_PARAM_TWICE:
		*err_r = "501 5.5.4 XOORG parameter given twice";
		break;
	case XOORG_PARAM_MALFORMED:
		*err_r = "501 5.5.4 Bad XOORG parameter syntax";
		break;
	}
	state->error_mask |= MAIL_ERROR_PROTOCOL;
	return 1;
}

void
smtpd_xoorg_reset(SMTPD_STATE *state)
{
	state->xoorg->value[0] = '\0';
}

const char *
smtpd_xoorg_value(SMTPD_STATE *state)
{
	/* A MAIL that was refused may have left one. */
	return state->sender != NULL ? state->xoorg->value : "";
}

const char *
smtpd_xoorg_key(SMTPD_STATE *state)
{
	const char *value = smtpd_xoorg_value(state);

	memcpy(state->xoorg->key, value, strlen(value) + 1);
	return lowercase(state->xoorg->key);
}

int
smtpd_xoorg_print(ATTR_PRINT_COMMON_FN print, VSTREAM *stream, int flags,
    const void *ptr)
{
	SMTPD_STATE *state = (SMTPD_STATE *)ptr;

	if (*var_smtpd_xoorg_names == '\0')
		return 0;
	return print(stream, flags,
	    SEND_ATTR_STR(MAIL_ATTR_XOORG, smtpd_xoorg_value(state)),
	    SEND_ATTR_STR(MAIL_ATTR_XOORG_CCERT_NAME,
	    state->xoorg->is_announced ? state->xoorg->name : ""),
	    ATTR_TYPE_END);
}

const char *
smtpd_xoorg_macro(SMTPD_STATE *state)
{
	const char *value = smtpd_xoorg_value(state);

	return *value != '\0' ? value : NULL;
}

void
smtpd_xoorg_record(SMTPD_STATE *state)
{
	const char *value = smtpd_xoorg_value(state);

	if (*value == '\0')
		return;
	msg_info("%s: xoorg=%s", state->queue_id, value);
	rec_fprintf(state->cleanup, REC_TYPE_ATTR, "%s=%s", MAIL_ATTR_XOORG,
	    value);
}

/* --- a filter before the queue --- */

void
smtpd_xoorg_proxy_mail(SMTPD_STATE *state, int argc, SMTPD_TOKEN *argv)
{
	VSTRING *buf = state->xoorg->scratch;
	char ignored[XOORG_VALUE_SIZE];
	int i;

	/* Whoever did not use the parameter is passed on to the octet. */
	if (state->proxy_mail == NULL || state->xoorg->value[0] == '\0')
		return;
	vstring_sprintf(buf, "MAIL FROM:%s", argv[2].strval);
	for (i = 3; i < argc; i++) {
		if (xoorg_param_judge(argv[i].strval, true, false, ignored) ==
		    XOORG_PARAM_UNKNOWN)
			vstring_sprintf_append(buf, " %s", argv[i].strval);
	}
	myfree(state->proxy_mail);
	state->proxy_mail = mystrdup(vstring_str(buf));
}

void
smtpd_xoorg_proxy_ehlo(SMTPD_STATE *state, const char *reply)
{
	const char *line = reply;

	state->xoorg->is_announced_by_filter = false;
	while ((line = strchr(line, '\n')) != NULL) {
		line += 1;
		/* "250-XOORG", with or without more behind it */
		if (strlen(line) >= 9 &&
		    strncasecmp(line + 4, "XOORG", 5) == 0 &&
		    strchr(" \t\r\n", line[9]) != NULL)
			state->xoorg->is_announced_by_filter = true;
	}
}

const char *
smtpd_xoorg_proxy_from(SMTPD_STATE *state, const char *mail_from)
{
	const char *value = smtpd_xoorg_value(state);

	if (*value == '\0' || !state->xoorg->is_announced_by_filter)
		return mail_from;
	vstring_sprintf(state->xoorg->scratch, "%s XOORG=%s", mail_from, value);
	return vstring_str(state->xoorg->scratch);
}
