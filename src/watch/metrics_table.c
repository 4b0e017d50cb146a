/* SPDX-License-Identifier: ISC */
/*
 * The table of metrics: names, types, labels, help. See metrics_table.h.
 */
#include "metrics_table.h"

static const struct xo_metric_info metrics[] = {
	[XO_METRIC_MESSAGES] = {"xoorg_messages_total",
		XO_METRIC_COUNTER, true,
		{XO_DIM_LISTENER, XO_DIM_TENANT, XO_DIM_VERDICT, XO_DIM_ACTION},
		"Messages, by verdict and what was done with them."},
	[XO_METRIC_MESSAGES_OTHER] = {"xoorg_messages_total",
		XO_METRIC_COUNTER, true,
		{XO_DIM_LISTENER, XO_DIM_NO_TENANT, XO_DIM_VERDICT_OTHER,
		XO_DIM_ACTION}, NULL},
	[XO_METRIC_OBSERVED] = {"xoorg_messages_observed_total",
		XO_METRIC_COUNTER, true, {XO_DIM_LISTENER, XO_DIM_ACTION},
		"Messages that were only observed, by what enforcing would have "
		"done with them."},
	[XO_METRIC_MESSAGE_BYTES] = {"xoorg_message_bytes_total",
		XO_METRIC_COUNTER, false, {XO_DIM_LISTENER},
		"Octets of message content received."},
	[XO_METRIC_SESSIONS] = {"xoorg_sessions",
		XO_METRIC_GAUGE, false, {XO_DIM_LISTENER},
		"Sessions open now."},
	[XO_METRIC_SESSIONS_TOTAL] = {"xoorg_sessions_total",
		XO_METRIC_COUNTER, false, {XO_DIM_LISTENER},
		"Sessions begun."},
	[XO_METRIC_REFUSALS] = {"xoorg_refusals_total",
		XO_METRIC_COUNTER, false, {XO_DIM_REASON},
		"Refusals given to clients, by reason."},
	[XO_METRIC_RECIPIENTS] = {"xoorg_recipients_refused_total",
		XO_METRIC_COUNTER, true,
		{XO_DIM_TENANT, XO_DIM_RECIPIENT, XO_DIM_MODE},
		"Recipients that a tenant's mail may not go to; observed: were "
		"not refused."},
	[XO_METRIC_HEADER_REPAIRS] = {"xoorg_header_repairs_total",
		XO_METRIC_COUNTER, true, {XO_DIM_LISTENER, XO_DIM_REPAIR},
		"Malformed headers made canonical, by what was wrong."},
	[XO_METRIC_FIELDS_REMOVED] = {"xoorg_fields_removed_total",
		XO_METRIC_COUNTER, true, {XO_DIM_LISTENER, XO_DIM_FAMILY},
		"Protected header fields removed, by family."},
	[XO_METRIC_TLS_HANDSHAKES] = {"xoorg_tls_handshakes_total",
		XO_METRIC_COUNTER, false, {XO_DIM_LISTENER, XO_DIM_TLS_RESULT},
		"TLS handshakes of clients, by what became of them."},
	[XO_METRIC_UPSTREAM_CONNECTIONS] = {"xoorg_upstream_connections",
		XO_METRIC_GAUGE, false, {XO_DIM_UPSTREAM},
		"Connections to the next hop open now, in use or kept."},
	[XO_METRIC_UPSTREAM_CONNECTS] = {"xoorg_upstream_connects_total",
		XO_METRIC_COUNTER, false, {XO_DIM_UPSTREAM, XO_DIM_RESULT},
		"New connections to the next hop, opening included."},
	[XO_METRIC_UPSTREAM_REUSED] = {"xoorg_upstream_reused_total",
		XO_METRIC_COUNTER, false, {XO_DIM_UPSTREAM},
		"Messages given to a kept connection."},
	[XO_METRIC_UPSTREAM_DOWN] = {"xoorg_upstream_down",
		XO_METRIC_GAUGE, false, {XO_DIM_UPSTREAM},
		"Workers whose last try to connect to the next hop failed."},
	[XO_METRIC_UPSTREAM_OUT_OF_STEP] = {"xoorg_upstream_out_of_step_total",
		XO_METRIC_COUNTER, false, {XO_DIM_UPSTREAM},
		"Connections on which the next hop answered more than it was asked."},
	[XO_METRIC_EXPIRY] = {"xoorg_certificate_expiry_seconds",
		XO_METRIC_EXPIRES, true, {XO_DIM_KIND_TLS, XO_DIM_NAME_TLS},
		"Seconds until a certificate of ours ends; below 0: it has."},
	[XO_METRIC_EXPIRY_UPSTREAM] = {"xoorg_certificate_expiry_seconds",
		XO_METRIC_EXPIRES, true,
		{XO_DIM_KIND_UPSTREAM, XO_DIM_NAME_UPSTREAM}, NULL},
	[XO_METRIC_EXPIRY_TENANT] = {"xoorg_certificate_expiry_seconds",
		XO_METRIC_EXPIRES, true,
		{XO_DIM_KIND_TENANT, XO_DIM_NAME_TENANT}, NULL},
	[XO_METRIC_CRL_EXPIRY] = {"xoorg_crl_expiry_seconds",
		XO_METRIC_EXPIRES, true, {XO_DIM_KIND_TLS, XO_DIM_NAME_TLS},
		"Seconds until a revocation list is stale; below 0: it is."},
	[XO_METRIC_CRL_EXPIRY_PEER] = {"xoorg_crl_expiry_seconds",
		XO_METRIC_EXPIRES, true,
		{XO_DIM_KIND_PEER, XO_DIM_NAME_PEER}, NULL},
	[XO_METRIC_CRL_EXPIRY_UPSTREAM] = {"xoorg_crl_expiry_seconds",
		XO_METRIC_EXPIRES, true,
		{XO_DIM_KIND_UPSTREAM, XO_DIM_NAME_UPSTREAM}, NULL},
	[XO_METRIC_QUESTIONS] = {"xoorg_questions_total",
		XO_METRIC_COUNTER, true, {XO_DIM_LISTENER, XO_DIM_ANSWER},
		"Questions and lookups of Postfix, by what was answered."},
	[XO_METRIC_SEEN_ORGS] = {"xoorg_seen_orgs",
		XO_METRIC_COMPUTED, false, {XO_DIM_NONE},
		"Originator organisations in the table of those seen."},
	[XO_METRIC_UNKNOWN_ORGS] = {"xoorg_unknown_orgs",
		XO_METRIC_COMPUTED, false, {XO_DIM_NONE},
		"Those of them whose last message was nobody's here."},
	[XO_METRIC_ORGS_FORGOTTEN] = {"xoorg_orgs_forgotten_total",
		XO_METRIC_COUNTER, false, {XO_DIM_NONE},
		"Seen organisations that made room for newer ones."},
	[XO_METRIC_LOG_DROPPED] = {"xoorg_log_dropped_total",
		XO_METRIC_COUNTER, false, {XO_DIM_NONE},
		"Log lines dropped because the target took no more."},
	[XO_METRIC_LOG_LIMITED] = {"xoorg_log_limited_total",
		XO_METRIC_COUNTER, false, {XO_DIM_NONE},
		"Log lines left out because log_rate was reached."},
	[XO_METRIC_WORKERS] = {"xoorg_workers",
		XO_METRIC_COMPUTED, false, {XO_DIM_NONE},
		"Workers alive, draining ones included."},
	[XO_METRIC_WORKER_RESTARTS] = {"xoorg_worker_restarts_total",
		XO_METRIC_COUNTER, false, {XO_DIM_NONE},
		"Workers that died and were started anew."},
	[XO_METRIC_RELOADS] = {"xoorg_reloads_total",
		XO_METRIC_COUNTER, false, {XO_DIM_RESULT},
		"Reloads of the configuration."},
	[XO_METRIC_RELOAD_FAILED] = {"xoorg_reload_failed",
		XO_METRIC_STATE, false, {XO_DIM_NONE},
		"1: the last reload failed; the configuration before is in force."},
	[XO_METRIC_WARNINGS] = {"xoorg_configuration_warnings",
		XO_METRIC_STATE, false, {XO_DIM_NONE},
		"Warnings about the configuration in force, xoorgd -t has them."},
	[XO_METRIC_BUILD_INFO] = {"xoorg_build_info",
		XO_METRIC_COMPUTED, false, {XO_DIM_VERSION},
		"Always 1; the version is in the label."},
	[XO_METRIC_START_TIME] = {"xoorg_start_time_seconds",
		XO_METRIC_COMPUTED, false, {XO_DIM_NONE},
		"When the gateway was started, seconds since 1970."},
};
_Static_assert(sizeof(metrics) / sizeof(metrics[0]) == XO_METRIC_COUNT,
    "a row for each metric");

/* Which verdicts know a tenant; the others need no cell for each. */
static const struct xo_verdict_cell cells[] = {
	[XO_VERDICT_VERIFIED] = {true, 0},
	[XO_VERDICT_SENDER_MISMATCH] = {true, 1},
	[XO_VERDICT_OURS] = {true, 2},
	[XO_VERDICT_ATTRIBUTED] = {true, 3},
	[XO_VERDICT_UNKNOWN_ORG] = {false, 0},
	[XO_VERDICT_NO_ORG] = {false, 1},
	[XO_VERDICT_UNAUTHENTICATED] = {false, 2},
};
_Static_assert(sizeof(cells) / sizeof(cells[0]) == XO_VERDICT_COUNT,
    "a cell for each verdict");

static const char *const labels[] = {
	[XO_DIM_NONE] = "",
	[XO_DIM_LISTENER] = "listener",
	[XO_DIM_UPSTREAM] = "upstream",
	[XO_DIM_TENANT] = "tenant",
	[XO_DIM_NO_TENANT] = "tenant",
	[XO_DIM_VERDICT] = "verdict",
	[XO_DIM_VERDICT_OTHER] = "verdict",
	[XO_DIM_ACTION] = "action",
	[XO_DIM_REASON] = "reason",
	[XO_DIM_RECIPIENT] = "reason",
	[XO_DIM_MODE] = "mode",
	[XO_DIM_REPAIR] = "repair",
	[XO_DIM_FAMILY] = "family",
	[XO_DIM_TLS_RESULT] = "result",
	[XO_DIM_RESULT] = "result",
	[XO_DIM_ANSWER] = "answer",
	[XO_DIM_KIND_TLS] = "kind",
	[XO_DIM_KIND_UPSTREAM] = "kind",
	[XO_DIM_KIND_TENANT] = "kind",
	[XO_DIM_KIND_PEER] = "kind",
	[XO_DIM_NAME_TLS] = "name",
	[XO_DIM_NAME_UPSTREAM] = "name",
	[XO_DIM_NAME_TENANT] = "name",
	[XO_DIM_NAME_PEER] = "name",
	[XO_DIM_VERSION] = "version",
};
_Static_assert(sizeof(labels) / sizeof(labels[0]) == XO_DIM_COUNT,
    "a label for each dimension");

const struct xo_metric_info *
xo_metric_info(enum xo_metric row)
{
	return &metrics[row];
}

const char *
xo_dim_label(enum xo_dim dim)
{
	return labels[dim];
}

struct xo_verdict_cell
xo_verdict_cell(enum xo_verdict verdict)
{
	return cells[verdict];
}
