/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: everything that runs, in turn.
 */
#include <cmd/check/check.h>

#include <conf/address.h>

bool
xo_check_visit(struct xo_live *live, const struct xo_finding_of *of,
    const struct xo_visit *visit)
{
	switch (visit->step) {
	case XO_STEP_OK:
		return true;
	case XO_STEP_REFUSED:
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
		    "it refuses %s with %s", xo_visit_stage_name(visit),
		    visit->last);
		return false;
	case XO_STEP_TLS:
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
		    "the TLS handshake failed: %s", visit->last);
		return false;
	case XO_STEP_LOST:
		break;
	}
	xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
	    "no answer at %s: %s", xo_visit_stage_name(visit), visit->last);
	return false;
}

void
xo_check_end(struct xo_live *live, const struct xo_finding_of *of,
    const struct xo_visit *visit)
{
	int64_t limit = live->conf->certificate_warning;
	const struct xo_tls_tool_certificate *leaf;

	if (visit->chain.n == 0)
		return;
	leaf = &visit->chain.certificates[0];
	if (limit > leaf->days_life / 4)
		limit = leaf->days_life / 4;
	if (leaf->days_left < 0)
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, of,
		    "its certificate ended %s", leaf->not_after);
	else if (leaf->days_left < limit)
		xo_findings_add(live->findings, XO_FINDING_WARNING, of,
		    "its certificate ends %s", leaf->not_after);
}

static struct xo_names *
resolver_of(const struct xo_conf *conf)
{
	struct xo_buf server = {.p = NULL};
	struct xo_names *names;

	if (!conf->has_resolver)
		return xo_names_new(NULL);
	xo_conf_host_write(&server, &conf->resolver);
	xo_buf_add_byte(&server, '\0');
	names = server.err == XO_OK
	    ? xo_names_new((const char *)server.p) : NULL;
	xo_buf_fini(&server);
	return names;
}

void
xo_check_live(const struct xo_runtime *runtime,
    const struct xo_check_settings *settings, struct xo_findings *findings)
{
	struct xo_live live = {
		.conf = runtime->conf, .runtime = runtime, .findings = findings,
		.names = resolver_of(runtime->conf),
		.timeout = settings->timeout,
	};
	const struct xo_policy *policy = &runtime->conf->policy;

	for (size_t i = 0; i < policy->n_listeners; i++)
		if (!xo_listener_is_asked(&policy->listeners[i]))
			xo_check_listener(&live, i);
	for (size_t i = 0; i < policy->n_upstreams; i++)
		xo_check_upstream(&live, i);
	xo_check_names(&live);
	xo_check_clock(&live);
	xo_names_free(&live.names);
}
