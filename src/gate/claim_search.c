/* SPDX-License-Identifier: ISC */
/*
 * Which place is tried next: the upstream's hosts in order, or those of its MX,
 * each with all its addresses; what is known from an earlier answer is not
 * asked again, and what failed a moment ago waits until all else has failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "claim_internal.h"

#define ATTEMPTS_MAX 10
#define SMTP_PORT 25

static void
add_target(struct xo_claim *c, const void *address, socklen_t len,
    const char *name)
{
	struct xo_target *t;

	if (c->n_targets == XO_TARGETS_MAX || len > sizeof(t->address))
		return;
	t = &c->targets[c->n_targets++];
	memset(t, 0, sizeof(*t));
	memcpy(&t->address, address, len);
	t->len = len;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
}

static bool
add_numeric(struct xo_claim *c, const char *host, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		in.sin_port = htons(port);
		add_target(c, &in, sizeof(in), host);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		in6.sin6_port = htons(port);
		add_target(c, &in6, sizeof(in6), host);
		return true;
	}
	return false;
}

static void
add_resolved(struct xo_claim *c, const struct xo_resolved *list, size_t n,
    const char *name)
{
	for (size_t i = 0; i < n; i++)
		add_target(c, &list[i].address, list[i].len, name);
}

static const char *
name_of(const struct xo_claim *c, size_t i)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);

	return conf->mx != NULL ? c->names[i].name : conf->hosts[i].host;
}

static uint16_t
port_of(const struct xo_claim *c, size_t i)
{
	const struct xo_conf_upstream *conf =
	    xo_hop_conf(c->hops, c->wish.upstream);

	return conf->mx != NULL ? SMTP_PORT : conf->hosts[i].port;
}

/* Why nothing came of a name: for the log, which names no host. */
static void
note_lookup(struct xo_claim *c, enum xo_lookup_result result)
{
	c->target = NULL;
	xo_claim_note_failure(c, XO_REFUSAL_UPSTREAM_CONNECT,
	    xo_span_from_cstr(xo_lookup_result_name(result)));
}

static void
found_addresses(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct xo_claim *c = arg;
	size_t i = c->next_name - 1;

	c->lookup = NULL;
	if (result == XO_LOOKUP_OK) {
		xo_hop_learn_host(xo_claim_hop(c), name_of(c, i), port_of(c, i),
		    list, n);
		add_resolved(c, list, n, name_of(c, i));
	} else {
		note_lookup(c, result);
	}
	xo_claim_go_on(c);
}

/* Equals in random order, each time anew: the answer is remembered, and no
 * exchanger shall have all mail for the whole of its TTL (RFC 5321 5.1). */
static void
shuffle_equals(struct xo_mx *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		size_t first = i, other;
		uint32_t lot = 0;
		struct xo_mx mx = list[i];

		while (first > 0 &&
		    list[first - 1].preference == mx.preference)
			first--;
		/* Without randomness: as DNS gave them. */
		if (getrandom(&lot, sizeof(lot), GRND_NONBLOCK) < 0)
			return;
		other = first + lot % (i - first + 1);
		list[i] = list[other];
		list[other] = mx;
	}
}

static void
take_names(struct xo_claim *c, const struct xo_mx *list, size_t n)
{
	c->names = calloc(n + 1, sizeof(*c->names));
	if (c->names == NULL)
		return;
	if (n > 0)
		memcpy(c->names, list, n * sizeof(*list));
	shuffle_equals(c->names, n);
	c->n_names = n;
}

static void
found_mx(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	struct xo_claim *c = arg;
	struct hop *hop = xo_claim_hop(c);

	c->lookup = NULL;
	if (result == XO_LOOKUP_TEMPORARY || result == XO_LOOKUP_NO_MAIL) {
		note_lookup(c, result);
	} else {
		xo_hop_learn_mx(hop, xo_hop_conf(c->hops,
		    c->wish.upstream)->mx, list,
		    result == XO_LOOKUP_OK ? n : 0);
		take_names(c, hop->mx, hop->n_mx);
	}
	if (c->names == NULL)
		xo_claim_conclude(c);
	else
		xo_claim_go_on(c);
}

/* The names of an upstream that is given by its domain. */
static void
ask_mx(struct xo_claim *c)
{
	size_t n;
	const struct xo_mx *list = xo_hop_known_mx(xo_claim_hop(c), &n);

	if (list != NULL) {
		take_names(c, list, n);
	} else {
		c->lookup = xo_resolver_mx(c->hops->worker->resolver,
		    xo_hop_conf(c->hops, c->wish.upstream)->mx, found_mx, c);
	}
	if (c->names == NULL && c->lookup == NULL)
		xo_claim_conclude(c);
}

static void
ask_next_name(struct xo_claim *c)
{
	size_t i = c->next_name++, n;
	const char *name = name_of(c, i);
	const struct xo_resolved *list;

	if (add_numeric(c, name, port_of(c, i)))
		return;
	list = xo_hop_known_host(xo_claim_hop(c), name, port_of(c, i), &n);
	if (list != NULL)
		add_resolved(c, list, n, name);
	else
		c->lookup = xo_resolver_host(c->hops->worker->resolver, name,
		    port_of(c, i), found_addresses, c);
}

/* The next address in its turn; those that failed a moment ago come when all
 * others have failed, too. */
static bool
next_target(struct xo_claim *c)
{
	while (c->next_target < c->n_targets) {
		struct xo_target *t = &c->targets[c->next_target++];

		if (c->is_last_resort ? !t->is_skipped :
		    xo_hop_is_dead(xo_claim_hop(c), t)) {
			t->is_skipped = true;
			continue;
		}
		c->target = t;
		return true;
	}
	return false;
}

/* Whatever is kept for somebody else gives way. */
static bool
may_connect(struct xo_claim *c)
{
	uint32_t most =
	    xo_hop_conf(c->hops, c->wish.upstream)->max_connections;

	return most == 0 || xo_claim_hop(c)->n_links < most ||
	    xo_hop_close_oldest(xo_claim_hop(c));
}

static void
try_target(struct xo_claim *c)
{
	if (!may_connect(c)) {
		c->why = XO_REFUSAL_UPSTREAM_CONNECT;
		xo_claim_conclude(c);
		return;
	}
	c->n_attempts++;
	if (!xo_claim_connect(c))
		xo_claim_note_failure(c, XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span_from_cstr(strerror(errno)));
}

/* The next address, the next name, or the end. */
void
xo_claim_go_on(struct xo_claim *c)
{
	while (c->link == NULL && c->lookup == NULL && !c->is_over) {
		if (c->n_attempts == ATTEMPTS_MAX ||
		    xo_worker_now() >= c->deadline) {
			xo_claim_conclude(c);
		} else if (next_target(c)) {
			try_target(c);
		} else if (c->names == NULL && xo_hop_conf(c->hops,
		    c->wish.upstream)->mx != NULL) {
			ask_mx(c);
		} else if (c->next_name < c->n_names) {
			ask_next_name(c);
		} else if (!c->is_last_resort) {
			c->is_last_resort = true;
			c->next_target = 0;
		} else {
			xo_claim_conclude(c);
		}
	}
}
