/* SPDX-License-Identifier: ISC */
/* See gate_tell.h. */
#include <watch/text.h>

#include "gate_tell.h"

static const struct xo_policy *
policy_of(const struct xo_gate *gate)
{
	return &gate->conf->policy;
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
put_places(struct xo_log_line *line, const struct xo_conf_listener *l)
{
	struct xo_buf text = {0};

	for (size_t i = 0; i < l->n_listen; i++) {
		bool is_ipv6 = strchr(l->listen[i].host, ':') != NULL;

		add_blank(&text);
		xo_buf_add_all(&text, is_ipv6 ? "[" : "",
		    l->listen[i].host, is_ipv6 ? "]:" : ":", (char *)NULL);
		xo_buf_add_u64(&text, l->listen[i].port);
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
tell_listener(const struct xo_gate *gate, size_t i)
{
	const struct xo_policy *policy = policy_of(gate);
	const struct xo_listener *l = &policy->listeners[i];
	int tls = gate->conf->listeners[i].tls;
	struct xo_log_line *line = xo_log_begin(gate->log, XO_LOG_INFO,
	    "listener");

	xo_log_str(line, "listener", l->name);
	put_places(line, &gate->conf->listeners[i]);
	xo_log_cstr(line, "mode", l->mode == XO_MODE_OBSERVE ? "observe" :
	    "enforce");
	xo_log_cstr(line, "tls", tls == XO_NOBODY ? "" :
	    gate->conf->tls[tls].name);
	put_peers(line, policy, l);
	xo_log_str(line, "upstream", name_of(policy, l->upstream));
	xo_log_str(line, "demote_to", name_of(policy, l->demote_to));
	xo_log_end(line);
}

static void
tell_tenants(const struct xo_gate *gate)
{
	const struct xo_policy *policy = policy_of(gate);
	struct xo_log_line *line = xo_log_begin(gate->log, XO_LOG_INFO,
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
tell_certificate(const struct xo_gate *gate, const char *kind,
    struct xo_span name, int64_t until, int64_t now)
{
	struct xo_log_line *line;
	char stamp[XO_TIME_LEN + 1];

	if (until == 0)
		return;
	line = xo_log_begin(gate->log, until < now ? XO_LOG_ERROR :
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
is_told(const struct xo_gate *gate, size_t listener)
{
	for (size_t i = 0; i < listener; i++)
		if (gate->listeners[i] != NULL && gate->conf->listeners[i].tls ==
		    gate->conf->listeners[listener].tls)
			return true;
	return false;
}

static void
tell_tenants_certificate(const struct xo_gate *gate, int64_t now)
{
	const struct xo_policy *policy = policy_of(gate);
	struct xo_span name = XO_LIT("");
	int64_t first = 0;

	for (size_t i = 0; i < policy->n_tenants; i++) {
		int64_t until = gate->tenants[i] == NULL ? 0 :
		    xo_tls_credential_expiry(gate->tenants[i]);

		if (until == 0 || (first != 0 && until >= first))
			continue;
		first = until;
		name = policy->tenants[i].name;
	}
	tell_certificate(gate, "tenant", name, first, now);
}

void
xo_gate_tell(const struct xo_gate *gate, int64_t now)
{
	const struct xo_policy *policy = policy_of(gate);

	for (size_t i = 0; i < policy->n_listeners; i++)
		tell_listener(gate, i);
	tell_tenants(gate);
	for (size_t i = 0; i < policy->n_listeners; i++) {
		int tls = gate->conf->listeners[i].tls;

		if (gate->listeners[i] != NULL && !is_told(gate, i))
			tell_certificate(gate, "tls", xo_span_from_cstr(
			    gate->conf->tls[tls].name),
			    xo_tls_context_expiry(gate->listeners[i]), now);
	}
	for (size_t i = 0; i < policy->n_upstreams; i++)
		if (gate->upstreams[i] != NULL)
			tell_certificate(gate, "upstream",
			    policy->upstreams[i].name,
			    xo_tls_context_expiry(gate->upstreams[i]), now);
	tell_tenants_certificate(gate, now);
}
