/* SPDX-License-Identifier: ISC */
/* See runtime_tell.h. */
#include <conf/address.h>
#include <watch/text.h>

#include "runtime_tell.h"

static const struct xo_policy *
policy_of(const struct xo_runtime *runtime)
{
	return &runtime->conf->policy;
}

static void
add_blank(struct xo_buf *text)
{
	if (text->len > 0)
		xo_buf_add_byte(text, ' ');
}

static void
put(struct xo_log_line *line, const char *key, struct xo_buf *text)
{
	xo_log_str(line, key, xo_buf_span(text));
	xo_buf_fini(text);
}

static void
put_addresses(struct xo_log_line *line, const struct xo_conf_listener *l)
{
	struct xo_buf text = {0};

	for (size_t i = 0; i < l->n_listen; i++) {
		add_blank(&text);
		xo_conf_host_write(&text, &l->listen[i]);
	}
	put(line, "listen", &text);
}

static void
put_peers(struct xo_log_line *line, const struct xo_policy *policy,
    const struct xo_listener *l)
{
	struct xo_buf text = {0};

	for (size_t i = 0; i < l->n_peers; i++) {
		add_blank(&text);
		xo_buf_add(&text, policy->peers[l->peers[i]].name);
	}
	put(line, "peers", &text);
}

static struct xo_span
name_of(const struct xo_policy *policy, int upstream)
{
	return upstream == XO_NOBODY ? XO_LIT("") :
	    policy->upstreams[upstream].name;
}

static void
tell_listener(const struct xo_runtime *runtime, size_t i)
{
	const struct xo_policy *policy = policy_of(runtime);
	const struct xo_listener *l = &policy->listeners[i];
	int tls = runtime->conf->listeners[i].tls;
	struct xo_log_line *line = xo_log_begin(runtime->log, XO_LOG_INFO,
	    "listener");

	xo_log_str(line, "listener", l->name);
	put_addresses(line, &runtime->conf->listeners[i]);
	if (xo_listener_is_asked(l))
		xo_log_cstr(line, "protocol",
		    l->service == XO_SERVICE_POLICY ? "policy" : "socketmap");
	xo_log_cstr(line, "mode", l->mode == XO_MODE_OBSERVE ? "observe" :
	    "enforce");
	xo_log_cstr(line, "tls", tls == XO_NOBODY ? "" :
	    runtime->conf->tls[tls].name);
	put_peers(line, policy, l);
	xo_log_str(line, "upstream", name_of(policy,
	    xo_listener_upstream(l)));
	xo_log_str(line, "demote_to", name_of(policy,
	    xo_listener_demote_to(l)));
	xo_log_end(line);
}

static void
tell_tenants(const struct xo_runtime *runtime)
{
	const struct xo_policy *policy = policy_of(runtime);
	struct xo_log_line *line = xo_log_begin(runtime->log, XO_LOG_INFO,
	    "tenants");
	struct xo_buf text = {0};

	/* More than a value may have is cut there. */
	for (size_t i = 0; i < policy->n_tenants &&
	    text.len <= XO_LOG_VALUE_MAX; i++) {
		add_blank(&text);
		xo_buf_add(&text, policy->tenants[i].name);
	}
	xo_log_u64(line, "count", policy->n_tenants);
	put(line, "names", &text);
	xo_log_end(line);
}

static void
tell_certificate(const struct xo_runtime *runtime, const char *kind,
    struct xo_span name, int64_t until, int64_t now)
{
	struct xo_log_line *line;
	char stamp[XO_TIME_LEN + 1];

	if (until == 0)
		return;
	line = xo_log_begin(runtime->log, until < now ? XO_LOG_ERROR :
	    XO_LOG_INFO, "certificate");
	xo_time_write(stamp, until);
	stamp[XO_TIME_LEN] = 'Z';
	xo_log_cstr(line, "kind", kind);
	xo_log_str(line, "name", name);
	xo_log_str(line, "until", xo_span((const uint8_t *)stamp,
	    sizeof(stamp)));
	xo_log_u64(line, "days", until < now ? 0 :
	    (uint64_t)(until - now) / 86400);
	xo_log_end(line);
}

/* Several listeners may have the same. */
static bool
is_told(const struct xo_runtime *runtime, size_t listener)
{
	for (size_t i = 0; i < listener; i++)
		if (runtime->listeners[i] != NULL &&
		    runtime->conf->listeners[i].tls ==
		    runtime->conf->listeners[listener].tls)
			return true;
	return false;
}

static void
tell_tenants_certificate(const struct xo_runtime *runtime, int64_t now)
{
	const struct xo_policy *policy = policy_of(runtime);
	struct xo_span name = XO_LIT("");
	int64_t first = 0;

	for (size_t i = 0; i < policy->n_tenants; i++) {
		int64_t until = runtime->tenants[i] == NULL ? 0 :
		    xo_tls_credential_expiry(runtime->tenants[i]);

		if (until == 0 || (first != 0 && until >= first))
			continue;
		first = until;
		name = policy->tenants[i].name;
	}
	tell_certificate(runtime, "tenant", name, first, now);
}

void
xo_runtime_tell(const struct xo_runtime *runtime, int64_t now)
{
	const struct xo_policy *policy = policy_of(runtime);

	for (size_t i = 0; i < policy->n_listeners; i++)
		tell_listener(runtime, i);
	tell_tenants(runtime);
	for (size_t i = 0; i < policy->n_listeners; i++) {
		int tls = runtime->conf->listeners[i].tls;

		if (runtime->listeners[i] != NULL && !is_told(runtime, i))
			tell_certificate(runtime, "tls", xo_span_from_cstr(
			    runtime->conf->tls[tls].name),
			    xo_tls_context_expiry(runtime->listeners[i]), now);
	}
	for (size_t i = 0; i < policy->n_upstreams; i++)
		if (runtime->upstreams[i] != NULL)
			tell_certificate(runtime, "upstream",
			    policy->upstreams[i].name,
			    xo_tls_context_expiry(runtime->upstreams[i]), now);
	tell_tenants_certificate(runtime, now);
}
