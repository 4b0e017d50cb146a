/* SPDX-License-Identifier: ISC */
/*
 * From a configuration to what the workers need: see runtime.h.
 */
#include <stdlib.h>
#include <time.h>

#include <conf/fail.h>
#include <conf/table_place.h>
#include <lookup/access.h>

#include "runtime.h"
#include "inspect.h"
#include "privileges.h"

/* Clients are asked for a certificate where one can give a right. */
static bool
wants_certificate(const struct xo_policy *policy, const struct xo_listener *l)
{
	for (size_t i = 0; i < l->n_peers; i++)
		if (policy->peers[l->peers[i]].n_names > 0 ||
		    policy->peers[l->peers[i]].has_tenant_names)
			return true;
	return false;
}

/* Of each peer that goes by revocation lists, whatever the listener's tls says. */
static bool
load_crls(struct xo_runtime *r, const struct xo_listener *l,
    struct xo_tls_context *context, struct xo_buf *error)
{
	for (size_t i = 0; i < l->n_peers; i++) {
		int peer = l->peers[i];
		enum xo_crl_mode crl = r->conf->policy.peers[peer].crl;

		if ((crl == XO_CRL_SOFT || crl == XO_CRL_HARD) &&
		    !xo_tls_context_add_crls(context,
		    &r->conf->peers[peer].crl_file, &r->crl_expiry[peer],
		    error))
			return false;
	}
	return true;
}

static bool
load_listeners(struct xo_runtime *r, struct xo_buf *error)
{
	const struct xo_policy *policy = &r->conf->policy;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		int tls = r->conf->listeners[i].tls;

		if (tls == XO_NOBODY)
			continue;
		r->listeners[i] = xo_tls_context_new_server(
		    &r->conf->tls[tls],
		    wants_certificate(policy, &policy->listeners[i]),
		    r->keyring, error);
		if (r->listeners[i] == NULL || !load_crls(r,
		    &policy->listeners[i], r->listeners[i], error))
			return false;
	}
	return true;
}

static bool
load_upstreams(struct xo_runtime *r, struct xo_buf *error)
{
	const struct xo_policy *policy = &r->conf->policy;

	for (size_t i = 0; i < policy->n_upstreams; i++) {
		if (policy->upstreams[i].tls == XO_TLS_NONE)
			continue;
		r->upstreams[i] = xo_tls_context_new_client(
		    &r->conf->upstreams[i], policy->upstreams[i].tls,
		    r->keyring, error);
		if (r->upstreams[i] == NULL)
			return false;
	}
	return true;
}

static bool
load_tables(struct xo_runtime *r, struct xo_buf *error)
{
	if (!xo_tables_have_tls(r->conf))
		return true;
	r->redis = xo_table_access_tls(r->conf, r->keyring, error);
	return r->redis != NULL;
}

static bool
load_tenants(struct xo_runtime *r, struct xo_buf *error)
{
	for (size_t i = 0; i < r->conf->policy.n_tenants; i++) {
		const struct xo_conf_tenant *t = &r->conf->tenants[i];

		if (t->client_certificate.path == NULL)
			continue;
		r->tenants[i] = xo_tls_credential_new(&t->client_certificate,
		    &t->client_key, r->keyring, error);
		if (r->tenants[i] == NULL)
			return false;
	}
	return true;
}

static bool
check_user(const struct xo_runtime *r, struct xo_buf *error)
{
	const struct xo_conf *conf = r->conf;

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
load_log_key(struct xo_runtime *r, struct xo_buf *error)
{
	const struct xo_conf_path *file = &r->conf->log.key;

	return file->path == NULL ||
	    xo_log_key_read(file->path, r->log_key) ||
	    xo_conf_fail(error, &file->where, "log_key: expected a file with "
	    "32 random octets or more (openssl rand -hex 32), found %s",
	    file->path);
}

static bool
make_keyring(struct xo_runtime *r, struct xo_buf *error)
{
	if (!r->conf->process.key_process)
		return true;
	r->keyring = xo_tls_keyring_new();
	if (r->keyring != NULL && r->conf->tenant_certificates.path != NULL)
		xo_tls_keyring_expect(r->keyring, XO_NAMED_SLOTS);
	if (r->keyring == NULL)
		xo_buf_add_cstr(error, "expected an OpenSSL that takes a "
		    "provider of ours, found another, or no memory; "
		    "key_process = false does without");
	return r->keyring != NULL;
}

struct xo_runtime *
xo_runtime_load(const char *path, struct xo_buf *error)
{
	struct xo_runtime *r = calloc(1, sizeof(*r));
	bool is_ok = false;

	if (r == NULL) {
		xo_buf_add_cstr(error, "no memory");
		return NULL;
	}
	r->conf = xo_conf_load(path, error);
	if (r->conf == NULL)
		goto out;
	r->listeners = calloc(r->conf->policy.n_listeners + 1,
	    sizeof(*r->listeners));
	r->upstreams = calloc(r->conf->policy.n_upstreams + 1,
	    sizeof(*r->upstreams));
	r->tenants = calloc(r->conf->policy.n_tenants + 1,
	    sizeof(*r->tenants));
	r->crl_expiry = calloc(r->conf->policy.n_peers + 1,
	    sizeof(*r->crl_expiry));
	if (r->listeners == NULL || r->upstreams == NULL ||
	    r->tenants == NULL || r->crl_expiry == NULL) {
		xo_buf_add_cstr(error, "no memory");
		goto out;
	}
	is_ok = check_user(r, error) && load_log_key(r, error) &&
	    make_keyring(r, error) &&
	    load_listeners(r, error) &&
	    load_upstreams(r, error) && load_tenants(r, error) &&
	    load_tables(r, error) &&
	    xo_runtime_inspect(r, false, (int64_t)time(NULL), error);
out:
	if (!is_ok)
		xo_runtime_free(&r);
	return r;
}

void
xo_runtime_free(struct xo_runtime **runtime)
{
	struct xo_runtime *r = *runtime;

	if (r == NULL)
		return;
	for (size_t i = 0; r->conf != NULL && r->listeners != NULL &&
	    i < r->conf->policy.n_listeners; i++)
		xo_tls_context_free(&r->listeners[i]);
	for (size_t i = 0; r->conf != NULL && r->upstreams != NULL &&
	    i < r->conf->policy.n_upstreams; i++)
		xo_tls_context_free(&r->upstreams[i]);
	for (size_t i = 0; r->conf != NULL && r->tenants != NULL &&
	    i < r->conf->policy.n_tenants; i++)
		xo_tls_credential_free(&r->tenants[i]);
	free(r->listeners);
	free(r->upstreams);
	free(r->tenants);
	free(r->crl_expiry);
	xo_tls_context_free(&r->redis);
	xo_tls_keyring_free(&r->keyring);
	xo_conf_free(&r->conf);
	free(r);
	*runtime = NULL;
}
