/* SPDX-License-Identifier: ISC */
/*
 * A question of Postfix: its answer, and what is told of it. One line for each
 * verdict, with the keys that a message's line has.
 */
#include <ask/delegation.h>
#include <ask/map.h>
#include <table/netstring.h>
#include <watch/log.h>
#include <xoorg/domain.h>

#include "asks_internal.h"

static const struct xo_policy *
policy_of(const struct xo_asks *all)
{
	return &all->env->conf->policy;
}

static bool
may_log(struct xo_asks *all)
{
	if (xo_log_rate_take(&all->log_rate, all->env->log, xo_clock_now()))
		return true;
	xo_metrics_log_limited(all->env->metrics);
	return false;
}

static void
add_session(struct xo_log_line *line, const struct xo_asks *all, int listener,
    const char *id)
{
	xo_log_cstr(line, "session", id);
	xo_log_str(line, "listener",
	    policy_of(all)->listeners[listener].name);
}

static struct xo_span
tenant_name(const struct xo_asks *all, int tenant)
{
	const struct xo_tenant *t = xo_tenant_at(policy_of(all), tenant);

	return t == NULL ? XO_LIT("") : t->name;
}

void
xo_ask_log_refusal(struct xo_asks *all, int listener, const char *id,
    enum xo_refusal why)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);
	struct xo_log_line *line;

	xo_metrics_refusal(all->env->metrics, why);
	if (!may_log(all))
		return;
	line = xo_log_begin(all->env->log, XO_LOG_WARNING, "refused");
	add_session(line, all, listener, id);
	xo_log_cstr(line, "reason", info->id);
	xo_log_end(line);
}

void
xo_ask_log_end(struct xo_ask *a)
{
	struct xo_log_line *line;

	xo_metrics_session_closed(a->all->env->metrics, a->listener);
	/* A probe whether anybody is there. */
	if (a->n_questions == 0 || !may_log(a->all))
		return;
	line = xo_log_begin(a->all->env->log, XO_LOG_INFO, "session");
	add_session(line, a->all, a->listener, a->id);
	xo_log_u64(line, "questions", a->n_questions);
	xo_log_u64(line, "ms", xo_clock_now() - a->began);
	xo_log_end(line);
}

static enum xo_answered
answered_by(enum xo_refusal why)
{
	return xo_refusal_info(why)->code >= 500 ? XO_ANSWERED_REFUSED :
	    XO_ANSWERED_DEFERRED;
}

/* --- policy delegation --- */

/* Of one message there are as many questions as recipients. */
static bool
is_another_message(struct xo_ask *a, struct xo_span instance)
{
	instance = xo_span_first(instance, sizeof(a->instance));
	if (instance.len > 0 && xo_span_is_equal(instance,
	    xo_span(a->instance, a->instance_len)))
		return false;
	if (instance.len > 0)
		memcpy(a->instance, instance.p, instance.len);
	a->instance_len = instance.len;
	return true;
}

static void
count(struct xo_ask *a, const struct xo_delegation *question,
    const struct xo_delegation_answer *answer)
{
	struct xo_metrics *m = a->all->env->metrics;
	int tenant = answer->treatment.answer.tenant;
	bool is_observed = answer->refusal == XO_REFUSAL_NONE;
	enum xo_refusal told = is_observed ? answer->would : answer->refusal;

	if (answer->refusal != XO_REFUSAL_NONE)
		xo_metrics_refusal(m, answer->refusal);
	if (answer->recipient.len > 0 && told != XO_REFUSAL_NONE) {
		xo_metrics_recipient(m, tenant, told, is_observed);
		xo_metrics_recipient_domain(m,
		    xo_address_domain(answer->recipient),
		    tenant_name(a->all, tenant), told, is_observed,
		    xo_clock_wall());
	}
	if (answer->xoorg.len > 0 &&
	    (answer->rights.rights & XO_RIGHT_XOORG) != 0 &&
	    is_another_message(a, question->values[XO_ATTRIBUTE_INSTANCE]))
		xo_metrics_org(m, answer->xoorg, &answer->treatment.answer,
		    xo_clock_wall());
}

static void
add_client(struct xo_log_line *line, const struct xo_asks *all,
    const struct xo_delegation *question,
    const struct xo_delegation_answer *answer)
{
	struct xo_buf text = {0};
	int peer = answer->rights.peer;

	if (answer->has_address)
		xo_address_write(&text, &answer->address);
	xo_log_str(line, "client", xo_buf_span(&text));
	xo_buf_fini(&text);
	xo_log_str(line, "tls", question->values[XO_ATTRIBUTE_TLS]);
	xo_log_str(line, "peer", peer == XO_NOBODY ? XO_LIT("") :
	    policy_of(all)->peers[peer].name);
}

static void
add_verdict(struct xo_log_line *line, const struct xo_asks *all,
    const struct xo_delegation_answer *answer)
{
	const struct xo_answer *verdict = &answer->treatment.answer;

	xo_log_cstr(line, "verdict", xo_verdict_name(verdict->verdict));
	xo_log_str(line, "tenant", tenant_name(all, verdict->tenant));
	xo_log_str(line, "xoorg", answer->xoorg);
	xo_log_cstr(line, "action", xo_decision_name(
	    answer->refusal == XO_REFUSAL_NONE ? verdict->decision :
	    answered_by(answer->refusal) == XO_ANSWERED_REFUSED ?
	    XO_DECISION_REJECT : XO_DECISION_TEMPFAIL));
	if (answer->would != answer->refusal)
		xo_log_cstr(line, "would", xo_decision_name(
		    answered_by(answer->would) == XO_ANSWERED_REFUSED ?
		    XO_DECISION_REJECT : XO_DECISION_TEMPFAIL));
}

static void
tell(struct xo_ask *a, const struct xo_delegation *question,
    const struct xo_delegation_answer *answer, struct xo_span action)
{
	struct xo_asks *all = a->all;
	enum xo_refusal why = answer->would;
	struct xo_log_line *line;

	if (!may_log(all))
		return;
	line = xo_log_begin(all->env->log, why != XO_REFUSAL_NONE ?
	    XO_LOG_WARNING : XO_LOG_INFO, "asked");
	add_session(line, all, a->listener, a->id);
	add_client(line, all, question, answer);
	add_verdict(line, all, answer);
	xo_log_address(line, "from", answer->sender);
	if (answer->recipient.len > 0) {
		xo_log_address(line, "to", answer->recipient);
		xo_log_str(line, "to_domain",
		    xo_address_domain(answer->recipient));
	}
	xo_log_str(line, "reply", action);
	if (why != XO_REFUSAL_NONE)
		xo_log_cstr(line, "reason", xo_refusal_info(why)->id);
	if (why == XO_REFUSAL_TLS_CERTIFICATE ||
	    answer->treatment.answer.verdict == XO_VERDICT_UNAUTHENTICATED)
		xo_log_cstr(line, "because", answer->rights.reason);
	xo_log_end(line);
}

static enum xo_answered
answered(const struct xo_delegation_answer *answer)
{
	if (answer->refusal != XO_REFUSAL_NONE)
		return answered_by(answer->refusal);
	return answer->may_relay ? XO_ANSWERED_OK : XO_ANSWERED_DUNNO;
}

/* Nothing of it is known, so nobody is let in. */
static void
refuse(struct xo_ask *a, enum xo_err err, bool has_reply)
{
	enum xo_refusal why = err == XO_ERR_LIMIT ? XO_REFUSAL_ASK_LIMIT :
	    err == XO_ERR_SYNTAX ? XO_REFUSAL_ASK_SYNTAX : XO_REFUSAL_MEMORY;
	struct xo_buf out = {0};

	xo_metrics_question(a->all->env->metrics, a->listener,
	    XO_ANSWERED_ERROR);
	xo_ask_log_refusal(a->all, a->listener, a->id, why);
	if (has_reply)
		xo_delegation_write(&out, false, why);
	xo_leg_send(&a->leg, xo_buf_span(&out));
	xo_buf_fini(&out);
}

/* A table must say it first. True: it is asked, and the question waits. */
static bool
waits(struct xo_ask *a, enum xo_refusal why, const struct xo_lack *lacks)
{
	struct xo_lookups *lookups = a->all->env->lookups;

	return why == XO_REFUSAL_TENANT_NOT_KNOWN && !a->is_told &&
	    lookups != NULL && xo_lookups_ask(lookups, &a->lookup, lacks);
}

static enum xo_err
answer_policy(struct xo_ask *a, const struct xo_listener *listener,
    struct xo_span in, size_t *used_r)
{
	struct xo_delegation question;
	struct xo_delegation_answer answer;
	struct xo_buf out = {0};
	enum xo_err err = xo_delegation_read(in, &question, used_r);

	if (err == XO_OK)
		err = xo_delegation_judge(policy_of(a->all), listener,
		    &question, &answer);
	if (err == XO_MORE || (err == XO_OK && waits(a, answer.refusal,
	    &answer.treatment.lacks)))
		return XO_MORE;
	if (err == XO_OK) {
		xo_delegation_write_action(&out, answer.may_relay,
		    answer.refusal);
		err = out.err;
	}
	if (err != XO_OK) {
		xo_buf_fini(&out);
		refuse(a, err, true);
		return err;
	}
	xo_metrics_question(a->all->env->metrics, a->listener,
	    answered(&answer));
	if (answer.is_judged) {
		count(a, &question, &answer);
		tell(a, &question, &answer, xo_buf_span(&out));
	}
	xo_leg_send(&a->leg, XO_LIT("action="));
	xo_leg_send(&a->leg, xo_buf_span(&out));
	xo_leg_send(&a->leg, XO_LIT("\n\n"));
	xo_buf_fini(&out);
	return XO_OK;
}

/* --- tables --- */

/* Of what decides about mail; other lookups are only counted. */
static void
tell_lookup(struct xo_ask *a, const struct xo_map_answer *answer,
    struct xo_span reply)
{
	bool is_error = answer->result == XO_MAP_PERM;
	struct xo_log_line *line;

	if ((!is_error && !answer->is_access) || !may_log(a->all))
		return;
	line = xo_log_begin(a->all->env->log,
	    is_error || answer->refusal != XO_REFUSAL_NONE ? XO_LOG_WARNING :
	    XO_LOG_INFO, "asked");
	add_session(line, a->all, a->listener, a->id);
	xo_log_str(line, "table", answer->map);
	xo_log_str(line, "tenant", tenant_name(a->all, answer->tenant));
	if (!is_error)
		xo_log_str(line, "xoorg", answer->key);
	xo_log_str(line, "reply", reply);
	if (is_error)
		xo_log_cstr(line, "reason",
		    xo_refusal_info(XO_REFUSAL_ASK_SYNTAX)->id);
	else if (answer->refusal != XO_REFUSAL_NONE)
		xo_log_cstr(line, "reason",
		    xo_refusal_info(answer->refusal)->id);
	xo_log_end(line);
}

static enum xo_answered
answered_lookup(const struct xo_map_answer *answer)
{
	switch (answer->result) {
	case XO_MAP_OK:
		if (answer->refusal != XO_REFUSAL_NONE)
			return answered_by(answer->refusal);
		return answer->is_access ? XO_ANSWERED_DUNNO : XO_ANSWERED_OK;
	case XO_MAP_NOTFOUND:
		return XO_ANSWERED_NOTFOUND;
	case XO_MAP_TEMP:
		return answered_by(answer->refusal);
	case XO_MAP_PERM:
	case XO_MAP_RESULT_COUNT:
	default:
		return XO_ANSWERED_ERROR;
	}
}

static enum xo_err
answer_lookup(struct xo_ask *a, const struct xo_listener *listener,
    struct xo_span in, size_t *used_r)
{
	struct xo_map_answer answer;
	struct xo_buf reply = {0}, out = {0};
	struct xo_span request;
	enum xo_err err = xo_netstring_read(in, XO_MAP_REQUEST, &request,
	    used_r);

	if (err == XO_MORE)
		return err;
	if (err == XO_OK) {
		xo_map_answer(policy_of(a->all), listener, request, &reply,
		    &answer);
		if (waits(a, answer.refusal, &answer.lacks)) {
			xo_buf_fini(&reply);
			return XO_MORE;
		}
		xo_netstring_write(&out, xo_buf_span(&reply));
		err = reply.err != XO_OK ? reply.err : out.err;
	}
	if (err == XO_OK) {
		xo_metrics_question(a->all->env->metrics, a->listener,
		    answered_lookup(&answer));
		if (answer.refusal != XO_REFUSAL_NONE)
			xo_metrics_refusal(a->all->env->metrics,
			    answer.refusal);
		tell_lookup(a, &answer, xo_buf_span(&reply));
		xo_leg_send(&a->leg, xo_buf_span(&out));
	} else {
		refuse(a, err, false);
	}
	xo_buf_fini(&reply);
	xo_buf_fini(&out);
	return err;
}

enum xo_err
xo_ask_answer(struct xo_ask *a, struct xo_span in, size_t *used_r)
{
	const struct xo_listener *listener =
	    &policy_of(a->all)->listeners[a->listener];

	enum xo_err err;

	xo_guests_set_time(policy_of(a->all)->guests, xo_clock_now());
	err = listener->service == XO_SERVICE_POLICY ?
	    answer_policy(a, listener, in, used_r) :
	    answer_lookup(a, listener, in, used_r);
	if (err != XO_MORE)
		a->is_told = false;
	return err;
}
