/* SPDX-License-Identifier: ISC */
/*
 * What one configuration is at run time: the settings and all that is loaded
 * for them (TLS contexts, keys, revocation lists), and where its processes
 * count and log. Loaded by the master before the workers are, which inherit
 * it; a reload makes another. `xoorgd -t` and `xoorg check` load it, too, and
 * look at it without running it.
 */
#ifndef XO_RUNTIME_H
#define XO_RUNTIME_H

#include <conf/conf.h>
#include <net/tls.h>
#include <watch/census.h>
#include <watch/log.h>
#include <watch/metrics.h>

struct xo_runtime {
	struct xo_conf *conf;
	struct xo_log *log;
	struct xo_metrics *metrics;
	struct xo_census *census;
	struct xo_tls_context **listeners;	/* NULL: offers none */
	struct xo_tls_context **upstreams;
	struct xo_tls_context *redis;		/* NULL: no rediss: table */
	struct xo_tls_credential **tenants;
	struct xo_tls_keyring *keyring;		/* NULL: keys are in these */
	uint8_t log_key[XO_LOG_KEY_SIZE];	/* of conf->log_key, if set */
	int64_t *crl_expiry;			/* of each peer's; 0: none */
};

/*
 * Reads the configuration and all it names. NULL: one line in `error`,
 * "FILE:LINE: what was expected".
 */
struct xo_runtime *xo_runtime_load(const char *path, struct xo_buf *error);
void xo_runtime_free(struct xo_runtime **runtime);

#endif
