/* SPDX-License-Identifier: ISC */
/*
 * What is made of a configuration before the workers are: TLS contexts, keys,
 * listening addresses. Loaded by the master, inherited by the workers, never
 * changed.
 */
#ifndef XO_GATE_H
#define XO_GATE_H

#include <conf/conf.h>
#include <net/tls.h>
#include <watch/census.h>
#include <watch/log.h>
#include <watch/metrics.h>

struct xo_gate {
	struct xo_conf *conf;
	struct xo_log *log;
	struct xo_metrics *metrics;
	struct xo_census *census;
	struct xo_tls_context **listeners;	/* NULL: offers none */
	struct xo_tls_context **upstreams;
	struct xo_tls_credential **tenants;
	struct xo_tls_keyring *keyring;		/* NULL: keys are in these */
	uint8_t log_key[XO_LOG_KEY_SIZE];	/* of conf->log_key, if set */
	int64_t *crl_expiry;			/* of each peer's; 0: none */
};

/*
 * Reads the configuration and all it names. NULL: one line in `error`,
 * "FILE:LINE: what was expected".
 */
struct xo_gate *xo_gate_load(const char *path, struct xo_buf *error);
void xo_gate_free(struct xo_gate **gate);

#endif
