/* SPDX-License-Identifier: ISC */
/*
 * From a configuration to what the workers need: see gate.h.
 */
#include <stdlib.h>
#include <time.h>

#include <conf/fail.h>

#include "gate.h"
#include "inspect.h"
#include "privileges.h"

/* Clients are asked for a certificate where one can give a right. */
static bool
wants_certificate(const struct xo_policy *policy, const struct xo_listener *l)
{
	for (size_t i = 0; i < l->n_peers; i++)
		if (policy->peers[l->peers[i]].n_names > 0)
			return true;
	return false;
}

/* Of each peer that goes by revocation lists, whatever the listener's tls says. */
static bool
load_crls(struct xo_gate *g, const struct xo_listener *l,
    struct xo_tls_context *context, struct xo_buf *error)
{
	for (size_t i = 0; i < l->n_peers; i++) {
		int peer = l->peers[i];
		enum xo_crl_mode crl = g->conf->policy.peers[peer].crl;

		if ((crl == XO_CRL_SOFT || crl == XO_CRL_HARD) &&
		    !xo_tls_context_add_crls(context,
		    &g->conf->peers[peer].crl_file, &g->crl_expiry[peer],
		    error))
			return false;
	}
	return true;
}

static bool
load_listeners(struct xo_gate *g, struct xo_buf *error)
{
	const struct xo_policy *policy = &g->conf->policy;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		int tls = g->conf->listeners[i].tls;

		if (tls == XO_NOBODY)
			continue;
		g->listeners[i] = xo_tls_context_new_server(
		    &g->conf->tls[tls],
		    wants_certificate(policy, &policy->listeners[i]),
		    g->keyring, error);
		if (g->listeners[i] == NULL || !load_crls(g,
		    &policy->listeners[i], g->listeners[i], error))
			return false;
	}
	return true;
}

static bool
load_upstreams(struct xo_gate *g, struct xo_buf *error)
{
	const struct xo_policy *policy = &g->conf->policy;

	for (size_t i = 0; i < policy->n_upstreams; i++) {
		if (policy->upstreams[i].tls == XO_TLS_NONE)
			continue;
		g->upstreams[i] = xo_tls_context_new_client(
		    &g->conf->upstreams[i], policy->upstreams[i].tls,
		    g->keyring, error);
		if (g->upstreams[i] == NULL)
			return false;
	}
	return true;
}

static bool
load_tenants(struct xo_gate *g, struct xo_buf *error)
{
	for (size_t i = 0; i < g->conf->policy.n_tenants; i++) {
		const struct xo_conf_tenant *t = &g->conf->tenants[i];

		if (t->client_certificate.path == NULL)
			continue;
		g->tenants[i] = xo_tls_credential_new(&t->client_certificate,
		    &t->client_key, g->keyring, error);
		if (g->tenants[i] == NULL)
			return false;
	}
	return true;
}

static bool
check_user(const struct xo_gate *g, struct xo_buf *error)
{
	const struct xo_conf *conf = g->conf;

	if (conf->process.user == NULL || xo_user_exists(conf->process.user))
		return true;
	xo_buf_add_all(error, conf->process.user_where.file != NULL ?
	    conf->process.user_where.file : "user", ":", (char *)NULL);
	xo_buf_add_u64(error, (uint64_t)conf->process.user_where.line);
	xo_buf_add_all(error, ": user: expected the name of a user of "
	    "this system (or \"\" to stay), found \"", conf->process.user, "\"",
	    (char *)NULL);
	return false;
}

static bool
load_log_key(struct xo_gate *g, struct xo_buf *error)
{
	const struct xo_conf_path *file = &g->conf->log.key;

	return file->path == NULL ||
	    xo_log_key_read(file->path, g->log_key) ||
	    xo_conf_fail(error, &file->where, "log_key: expected a file with "
	    "32 random octets or more (openssl rand -hex 32), found %s",
	    file->path);
}

static bool
make_keyring(struct xo_gate *g, struct xo_buf *error)
{
	if (!g->conf->process.key_process)
		return true;
	g->keyring = xo_tls_keyring_new();
	if (g->keyring == NULL)
		xo_buf_add_cstr(error, "expected an OpenSSL that takes a "
		    "provider of ours, found another, or no memory; "
		    "key_process = false does without");
	return g->keyring != NULL;
}

struct xo_gate *
xo_gate_load(const char *path, struct xo_buf *error)
{
	struct xo_gate *g = calloc(1, sizeof(*g));
	bool is_ok = false;

	if (g == NULL) {
		xo_buf_add_cstr(error, "no memory");
		return NULL;
	}
	g->conf = xo_conf_load(path, error);
	if (g->conf == NULL)
		goto out;
	g->listeners = calloc(g->conf->policy.n_listeners + 1,
	    sizeof(*g->listeners));
	g->upstreams = calloc(g->conf->policy.n_upstreams + 1,
	    sizeof(*g->upstreams));
	g->tenants = calloc(g->conf->policy.n_tenants + 1,
	    sizeof(*g->tenants));
	g->crl_expiry = calloc(g->conf->policy.n_peers + 1,
	    sizeof(*g->crl_expiry));
	if (g->listeners == NULL || g->upstreams == NULL ||
	    g->tenants == NULL || g->crl_expiry == NULL) {
		xo_buf_add_cstr(error, "no memory");
		goto out;
	}
	is_ok = check_user(g, error) && load_log_key(g, error) &&
	    make_keyring(g, error) &&
	    load_listeners(g, error) &&
	    load_upstreams(g, error) && load_tenants(g, error) &&
	    xo_gate_inspect(g, false, (int64_t)time(NULL), error);
out:
	if (!is_ok)
		xo_gate_free(&g);
	return g;
}

void
xo_gate_free(struct xo_gate **gate)
{
	struct xo_gate *g = *gate;

	if (g == NULL)
		return;
	for (size_t i = 0; g->conf != NULL && g->listeners != NULL &&
	    i < g->conf->policy.n_listeners; i++)
		xo_tls_context_free(&g->listeners[i]);
	for (size_t i = 0; g->conf != NULL && g->upstreams != NULL &&
	    i < g->conf->policy.n_upstreams; i++)
		xo_tls_context_free(&g->upstreams[i]);
	for (size_t i = 0; g->conf != NULL && g->tenants != NULL &&
	    i < g->conf->policy.n_tenants; i++)
		xo_tls_credential_free(&g->tenants[i]);
	free(g->listeners);
	free(g->upstreams);
	free(g->tenants);
	free(g->crl_expiry);
	xo_tls_keyring_free(&g->keyring);
	xo_conf_free(&g->conf);
	free(g);
	*gate = NULL;
}
