/* SPDX-License-Identifier: ISC */
/*
 * What is told about a session: one line a message, one a session, one a
 * refusal, and the counters that go with them.
 */

#include <net/clock.h>
#include <watch/log.h>
#include <watch/metrics.h>
#include <xoorg/domain.h>

#include "hint.h"
#include "session_internal.h"

static const struct xo_policy *
policy_of(const struct xo_session *s)
{
	return &s->all->env->conf->policy;
}

/* A message always has its line. */
static bool
may_log(const struct xo_session *s)
{
	const struct xo_env *env = s->all->env;

	if (xo_log_rate_take(&s->all->log_rate, env->log, xo_clock_now()))
		return true;
	xo_metrics_log_limited(env->metrics);
	return false;
}

static void
add_client(struct xo_log_line *line, const struct xo_session *s)
{
	struct xo_buf text = {0};

	const struct xo_address *address = s->relay != NULL ?
	    xo_relay_address(s->relay) : &s->address;

	xo_log_cstr(line, "session", s->id);
	xo_log_str(line, "listener",
	    policy_of(s)->listeners[s->listener].name);
	xo_address_write(&text, address);
	xo_log_str(line, "client", xo_buf_span(&text));
	xo_buf_fini(&text);
}

static void
add_tls(struct xo_log_line *line, const struct xo_session *s)
{
	const struct xo_rights *rights = xo_relay_rights(s->relay);

	xo_log_cstr(line, "tls", xo_relay_tls_description(s->relay));
	if (rights->peer != XO_NOBODY)
		xo_log_str(line, "peer",
		    policy_of(s)->peers[rights->peer].name);
	else
		xo_log_cstr(line, "peer", "");
}

static struct xo_span
tenant_name(const struct xo_session *s, int tenant)
{
	const struct xo_tenant *t = xo_tenant_at(policy_of(s), tenant);

	return t != NULL ? t->name : XO_LIT("");
}

static void
add_reply(struct xo_log_line *line, const struct xo_report *report)
{
	struct xo_buf text = {0};

	if (report->code == 0) {
		xo_log_cstr(line, "reply", "");
		return;
	}
	xo_buf_add_u64(&text, report->code);
	xo_buf_add_byte(&text, ' ');
	xo_buf_add(&text, report->reply);
	xo_log_words(line, "reply", xo_buf_span(&text));
	xo_buf_fini(&text);
}

static void
add_own_reply(struct xo_log_line *line, const struct xo_refusal_info *info)
{
	struct xo_buf text = {0};

	xo_buf_add_u64(&text, info->code);
	xo_buf_add_all(&text, " ", info->enhanced, " ", info->text,
	    (char *)NULL);
	xo_log_str(line, "reply", xo_buf_span(&text));
	xo_buf_fini(&text);
}

/* Only of what the next hop itself said: our own replies have a reason. */
static void
add_hint(struct xo_log_line *line, const struct xo_report *report)
{
	const char *hint = report->reason == XO_REFUSAL_UPSTREAM_SAID ?
	    xo_hint_of_reply(report->reply) : NULL;

	if (hint != NULL)
		xo_log_cstr(line, "hint", hint);
}

static void
add_to(struct xo_log_line *line, struct xo_span recipient)
{
	xo_log_address(line, "to", recipient);
	xo_log_str(line, "to_domain", xo_address_domain(recipient));
}

/* "a:1 b:2": what is not zero, by its name. */
static void
add_counts(struct xo_log_line *line, const char *key, const uint32_t *counts,
    size_t n, const char *(*name)(size_t i))
{
	struct xo_buf text = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		xo_buf_add_all(&text, text.len > 0 ? " " : "", name(i),
		    ":", (char *)NULL);
		xo_buf_add_u64(&text, counts[i]);
	}
	if (text.len > 0)
		xo_log_str(line, key, xo_buf_span(&text));
	xo_buf_fini(&text);
}

static const char *
fault_name(size_t i)
{
	return xo_fault_name((enum xo_fault_kind)i);
}

/* What was done to the header; only what there is to tell. */
static void
add_wall(struct xo_log_line *line, const struct xo_wall_report *wall)
{
	add_counts(line, "removed", wall->n_of, XO_WALL_FAMILIES,
	    xo_wall_family_name);
	add_counts(line, "repaired", wall->n_repaired, XO_FAULT_REPAIRABLE,
	    fault_name);
	if (wall->n_promoted > 0)
		xo_log_u64(line, "promoted", wall->n_promoted);
	if (wall->n_stamped > 0)
		xo_log_u64(line, "stamped", wall->n_stamped);
}

/* What is wrong with the header, and what stands there. */
static void
add_fault(struct xo_log_line *line, const struct xo_fault *fault)
{
	struct xo_buf text = {0};
	size_t len;

	if (fault->kind == XO_FAULT_NONE)
		return;
	xo_fault_write(&text, fault);
	xo_buf_add(&text, XO_LIT(": "));
	len = text.len;
	/* What stands there may name anybody. */
	if (!xo_log_hides_persons(line))
		xo_fault_write_place(&text, fault);
	if (text.len == len)
		text.len -= 2;
	xo_log_str(line, "because", xo_buf_span(&text));
	xo_buf_fini(&text);
}

/* Why a message was not delivered, in the table's words. */
static const char *
reason_of(const struct xo_report *report)
{
	if (report->reason != XO_REFUSAL_NONE)
		return xo_refusal_info(report->reason)->id;
	if (report->code == 250)
		return "delivered";
	return report->is_client_gone ? "client-gone" : "abandoned";
}

static void
count_message(struct xo_session *s, const struct xo_report *report,
    uint64_t now)
{
	struct xo_metrics *m = s->all->env->metrics;
	struct xo_answer answer = report->answer;

	/* Our own systems' mail has one by its address. */
	answer.tenant = report->tenant;
	xo_metrics_wall(m, s->listener, report->wall);
	xo_metrics_message(m, s->listener, &answer, report->size, now);
	/* Nobody knows whether it is known here. */
	if (report->has_xoorg &&
	    report->reason != XO_REFUSAL_TENANT_NOT_KNOWN)
		xo_metrics_org(m, report->xoorg, &report->answer,
		    xo_clock_wall());
}

void
xo_session_log_message(struct xo_session *s, const struct xo_report *report)
{
	bool is_odd = report->answer.decision != report->answer.would ||
	    report->reason != XO_REFUSAL_NONE;
	struct xo_log_line *line = xo_log_begin(s->all->env->log,
	    is_odd ? XO_LOG_WARNING : XO_LOG_INFO, "message");
	uint64_t now = xo_clock_now();

	s->n_messages++;
	add_client(line, s);
	add_tls(line, s);
	xo_log_cstr(line, "verdict",
	    xo_verdict_name(report->answer.verdict));
	xo_log_str(line, "tenant", tenant_name(s, report->tenant));
	xo_log_str(line, "xoorg", report->xoorg);
	if (report->xoorg_sent.len > 0)
		xo_log_str(line, "xoorg_sent", report->xoorg_sent);
	xo_log_cstr(line, "action",
	    xo_decision_name(report->answer.decision));
	if (report->answer.decision != report->answer.would)
		xo_log_cstr(line, "would",
		    xo_decision_name(report->answer.would));
	xo_log_address(line, "from", report->sender);
	if (report->recipient.len > 0)
		add_to(line, report->recipient);
	xo_log_u64(line, "rcpts", report->n_recipients);
	if (report->n_refused > 0)
		xo_log_u64(line, "refused", report->n_refused);
	xo_log_u64(line, "size", report->size);
	xo_log_str(line, "upstream", report->upstream == XO_NOBODY ?
	    XO_LIT("") : policy_of(s)->upstreams[report->upstream].name);
	add_reply(line, report);
	xo_log_cstr(line, "reason", reason_of(report));
	add_fault(line, &report->wall->fault);
	add_hint(line, report);
	add_wall(line, report->wall);
	if (report->is_client_gone)
		xo_log_cstr(line, "client_gone", "true");
	xo_log_u64(line, "ms", now - report->began);
	xo_log_end(line);
	count_message(s, report, now);
}

/* Whose recipient it is that is refused, and whose mail. */
static void
add_recipient(struct xo_log_line *line, const struct xo_session *s,
    struct xo_span recipient)
{
	xo_log_str(line, "tenant", tenant_name(s,
	    xo_relay_treatment(s->relay)->answer.tenant));
	xo_log_str(line, "xoorg", xo_relay_xoorg(s->relay));
	xo_log_address(line, "from", xo_relay_sender(s->relay));
	add_to(line, recipient);
}

static void
count_recipient(struct xo_session *s, const struct xo_action *a)
{
	struct xo_metrics *m = s->all->env->metrics;
	int tenant = xo_relay_treatment(s->relay)->answer.tenant;
	bool is_observed = a->type == XO_ACTION_OBSERVED;

	if (a->recipient.len == 0)
		return;
	xo_metrics_recipient(m, tenant, a->refusal, is_observed);
	xo_metrics_recipient_domain(m, xo_address_domain(a->recipient),
	    tenant_name(s, tenant), a->refusal, is_observed,
	    (int64_t)time(NULL));
}

void
xo_session_log_observed(struct xo_session *s, const struct xo_action *a)
{
	struct xo_log_line *line;

	count_recipient(s, a);
	if (!may_log(s))
		return;
	line = xo_log_begin(s->all->env->log, XO_LOG_WARNING, "observed");
	add_client(line, s);
	add_tls(line, s);
	add_recipient(line, s, a->recipient);
	xo_log_cstr(line, "would", xo_decision_name(XO_DECISION_REJECT));
	xo_log_cstr(line, "reason", xo_refusal_info(a->refusal)->id);
	xo_log_end(line);
}

void
xo_session_log_said(struct xo_session *s, const struct xo_action *a)
{
	struct xo_log_line *line;

	if (!may_log(s))
		return;
	line = xo_log_begin(s->all->env->log, XO_LOG_WARNING, "upstream");
	add_client(line, s);
	xo_log_str(line, "upstream",
	    policy_of(s)->upstreams[a->upstream].name);
	xo_log_cstr(line, "reason",
	    xo_refusal_info(XO_REFUSAL_UPSTREAM_SAID)->id);
	xo_log_words(line, "said", a->bytes);
	xo_log_end(line);
}

void
xo_session_log_refusal(struct xo_session *s, const struct xo_action *a)
{
	const struct xo_refusal_info *info = xo_refusal_info(a->refusal);
	struct xo_log_line *line;

	xo_metrics_refusal(s->all->env->metrics, a->refusal);
	count_recipient(s, a);
	if (a->is_reported || !may_log(s))
		return;
	line = xo_log_begin(s->all->env->log, XO_LOG_WARNING, "refused");
	add_client(line, s);
	add_tls(line, s);
	if (a->recipient.len > 0)
		add_recipient(line, s, a->recipient);
	add_own_reply(line, info);
	xo_log_cstr(line, "reason", info->id);
	if (a->refusal == XO_REFUSAL_TLS_CERTIFICATE ||
	    a->refusal == XO_REFUSAL_XOORG_NOT_ANNOUNCED)
		xo_log_cstr(line, "because",
		    xo_relay_rights(s->relay)->reason);
	xo_log_end(line);
}

void
xo_session_log_proxy(struct xo_session *s)
{
	struct xo_log_line *line;

	if (!may_log(s))
		return;
	line = xo_log_begin(s->all->env->log, XO_LOG_WARNING, "refused");
	add_client(line, s);
	xo_log_cstr(line, "reason", "proxy-header");
	xo_log_end(line);
}

static enum xo_tls_result
tls_result(const struct xo_session *s)
{
	const struct xo_rights *rights = xo_relay_rights(s->relay);

	if (!xo_tls_peer(s->front.tls)->is_present)
		return XO_TLS_RESULT_NO_CERTIFICATE;
	if (rights->name.len == 0)
		return XO_TLS_RESULT_OTHER_NAME;
	return rights->is_verified ? XO_TLS_RESULT_VERIFIED :
	    XO_TLS_RESULT_BAD_CERTIFICATE;
}

void
xo_session_log_handshake(struct xo_session *s, bool is_ok)
{
	enum xo_tls_result result = is_ok ? tls_result(s) :
	    XO_TLS_RESULT_FAILED;
	struct xo_log_line *line;

	xo_metrics_tls(s->all->env->metrics, s->listener, result);
	if ((is_ok && result != XO_TLS_RESULT_BAD_CERTIFICATE) ||
	    !may_log(s))
		return;
	line = xo_log_begin(s->all->env->log, XO_LOG_WARNING, "tls");
	add_client(line, s);
	xo_log_cstr(line, "reason", is_ok ? xo_relay_rights(s->relay)->reason :
	    xo_tls_error(s->front.tls));
	xo_log_end(line);
}

void
xo_session_log_end(struct xo_session *s)
{
	struct xo_log_line *line = NULL;

	if (s->relay != NULL && (s->n_messages > 0 || may_log(s)))
		line = xo_log_begin(s->all->env->log, XO_LOG_INFO, "session");
	if (line != NULL) {
		add_client(line, s);
		add_tls(line, s);
		xo_log_cstr(line, "because",
		    xo_relay_rights(s->relay)->reason);
		xo_log_str(line, "helo", xo_relay_said_hello(s->relay));
		xo_log_u64(line, "messages", s->n_messages);
		xo_log_u64(line, "ms", xo_clock_now() - s->began);
		xo_log_end(line);
	}
	xo_metrics_session_closed(s->all->env->metrics, s->listener);
}
