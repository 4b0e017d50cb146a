/* SPDX-License-Identifier: ISC */
/*
 * What all of a worker's sessions and links stand on: its loop, its
 * configuration with what was made of it, and whom they tell. The worker makes
 * it, and it stays as it is as long as they live: the pointer is kept.
 */
#ifndef XO_ENV_H
#define XO_ENV_H

#include <stdint.h>

struct event_base;
struct xo_census;
struct xo_conf;
struct xo_log;
struct xo_lookups;
struct xo_metrics;
struct xo_resolver;
struct xo_tls_context;
struct xo_tls_credential;
struct xo_tls_shelf;

struct xo_env {
	struct event_base *base;
	const struct xo_conf *conf;
	struct xo_log *log;
	struct xo_metrics *metrics;	/* with this worker's slot */
	struct xo_census *census;	/* the same */
	struct xo_resolver *resolver;
	struct xo_lookups *lookups;	/* NULL: no table is asked */
	struct xo_tls_context *const *listeners;	/* NULL: offers none */
	struct xo_tls_context *const *upstreams;
	struct xo_tls_context *redis;	/* of rediss: tables; NULL: none */
	struct xo_tls_credential *const *tenants;
	struct xo_tls_shelf *shelf;	/* for other tenants; NULL: no folder */
	/* XO_LEG_READ octets, for one read: used up in the same turn. */
	uint8_t *scratch;
};

#endif
