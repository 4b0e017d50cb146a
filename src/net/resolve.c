/* SPDX-License-Identifier: ISC */
/*
 * Lookups, and how their owners are told.
 *
 * A lookup that c-ares has been asked for cannot be taken back, so it lives
 * until c-ares calls; and c-ares may call at once, or in the middle of its own
 * work. Both are kept from the caller by a queue: c-ares' calls only note the
 * answer, and one event takes lookups off the queue and tells their owners.
 */
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xoorg/domain.h>

#include "resolve_internal.h"

#define LIMIT 15000			/* ms: of a lookup */

struct xo_resolver {
	struct event_base *base;
	struct xo_channel channel;
	struct event *ready;		/* something is queued */
	struct xo_lookup *queue;	/* the oldest first */
	uint32_t limit;
};

struct xo_lookup {
	struct xo_resolver *resolver;
	struct event *deadline;
	struct xo_lookup *next;		/* in the queue */
	char name[XO_MX_NAME_SIZE];	/* "": one that cannot exist; PTR: the
					   answer, in the end */
	uint16_t port;
	size_t step;			/* of `families` */
	xo_lookup_done *host_done;	/* one of these three */
	xo_mx_done *mx_done;
	xo_name_done *name_done;
	void *arg;
	bool is_asked;			/* c-ares holds it */
	bool is_queued;
	bool is_done;			/* `result` stands */
	bool is_told;			/* its owner is being called */
	bool is_abandoned;		/* to be freed when c-ares calls */
	enum xo_lookup_result result;
	struct xo_resolved *addresses;
	struct xo_mx *mx;
	size_t n;
};

/*
 * Asked for both families, c-ares answers what the last of the two queries
 * said: "no such data" may hide that the other failed. So that this never ends
 * in a permanent refusal, it is believed only after asking for each alone.
 */
static const int families[] = {AF_UNSPEC, AF_INET6, AF_INET};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

static const char *const result_names[] = {
	[XO_LOOKUP_OK] = "ok",
	[XO_LOOKUP_NOT_FOUND] = "not found",
	[XO_LOOKUP_NO_MAIL] = "takes no mail (null MX)",
	[XO_LOOKUP_TEMPORARY] = "no answer from DNS",
};

_Static_assert(sizeof(result_names) / sizeof(result_names[0]) ==
    XO_LOOKUP_RESULT_COUNT, "a name for each result");

const char *
xo_lookup_result_name(enum xo_lookup_result result)
{
	return result_names[result];
}

/* the queue */

static void
enqueue(struct xo_lookup *lookup)
{
	struct xo_lookup **p = &lookup->resolver->queue;

	if (lookup->is_queued)
		return;
	while (*p != NULL)
		p = &(*p)->next;
	*p = lookup;
	lookup->next = NULL;
	lookup->is_queued = true;
	event_active(lookup->resolver->ready, EV_TIMEOUT, 1);
}

static void
dequeue(struct xo_lookup *lookup)
{
	/* analyser: what is freed is not queued any more */
	struct xo_lookup **p = &lookup->resolver->queue;

	if (!lookup->is_queued)
		return;
	while (*p != lookup)
		p = &(*p)->next;
	*p = lookup->next;
	lookup->is_queued = false;
}

static void
lookup_free(struct xo_lookup *lookup)
{
	if (lookup->deadline != NULL)
		event_free(lookup->deadline);
	free(lookup->addresses);
	free(lookup->mx);
	free(lookup);
}

static void
release(struct xo_lookup *lookup)
{
	dequeue(lookup);
	(void)event_del(lookup->deadline);
	if (lookup->is_asked)
		lookup->is_abandoned = true;
	else
		lookup_free(lookup);
}

static void
finish(struct xo_lookup *lookup, enum xo_lookup_result result)
{
	if (lookup->is_done)
		return;
	lookup->is_done = true;
	lookup->result = result;
	enqueue(lookup);
}

static void
deadline_passed(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, XO_LOOKUP_TEMPORARY);
}

/* c-ares' calls */

/* False: nobody waits for this answer any more. */
static bool
is_wanted(struct xo_lookup *lookup, int status)
{
	lookup->is_asked = false;
	/* Destruction frees what is not queued; the rest is freed with it. */
	if (lookup->is_abandoned ||
	    (status == ARES_EDESTRUCTION && !lookup->is_done)) {
		lookup_free(lookup);
		return false;
	}
	return !lookup->is_done;
}

static void
addresses_arrived(void *arg, int status, int timeouts,
    struct ares_addrinfo *info)
{
	struct xo_lookup *lookup = arg;
	enum xo_lookup_result result = xo_answer_result(status);

	(void)timeouts;
	if (is_wanted(lookup, status)) {
		if (result == XO_LOOKUP_OK)
			result = xo_answer_addresses(info, lookup->port,
			    &lookup->addresses, &lookup->n);
		if (result == XO_LOOKUP_NOT_FOUND &&
		    ++lookup->step < N_FAMILIES)
			enqueue(lookup);
		else
			finish(lookup, result);
	}
	if (info != NULL)
		ares_freeaddrinfo(info);
}

static void
mx_arrived(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct xo_lookup *lookup = arg;
	enum xo_lookup_result result = xo_answer_result(status);

	(void)timeouts;
	if (!is_wanted(lookup, status))
		return;
	if (result == XO_LOOKUP_OK)
		result = xo_answer_mx(reply, len, &lookup->mx, &lookup->n);
	finish(lookup, result);
}

static void
name_arrived(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct xo_lookup *lookup = arg;
	enum xo_lookup_result result = xo_answer_result(status);

	(void)timeouts;
	if (!is_wanted(lookup, status))
		return;
	if (result == XO_LOOKUP_OK)
		result = xo_answer_name(reply, len, lookup->name);
	finish(lookup, result);
}

static void
ask(struct xo_lookup *lookup)
{
	struct xo_resolver *resolver = lookup->resolver;

	if (lookup->name[0] == '\0') {
		finish(lookup, XO_LOOKUP_NOT_FOUND);
		return;
	}
	lookup->is_asked = true;
	if (lookup->name_done != NULL) {
		ares_query(resolver->channel.ares, lookup->name, 1 /* IN */,
		    12 /* PTR */, name_arrived, lookup);
	} else if (lookup->mx_done != NULL) {
		ares_query(resolver->channel.ares, lookup->name, 1 /* IN */,
		    15 /* MX */, mx_arrived, lookup);
	} else {
		struct ares_addrinfo_hints hints = {
			.ai_flags = ARES_AI_NOSORT,
			.ai_family = families[lookup->step],
			.ai_socktype = SOCK_STREAM,
		};

		ares_getaddrinfo(resolver->channel.ares, lookup->name, NULL, &hints,
		    addresses_arrived, lookup);
	}
	xo_channel_set_timer(&resolver->channel);
}

/* The next of the queue: to be asked again, or its owner told. */
static void
queue_ready(evutil_socket_t fd, short what, void *arg)
{
	struct xo_resolver *resolver = arg;
	struct xo_lookup *lookup = resolver->queue;

	(void)fd;
	(void)what;
	if (lookup == NULL)
		return;
	dequeue(lookup);
	/* One at a time: the owner may free the resolver. */
	if (resolver->queue != NULL)
		event_active(resolver->ready, EV_TIMEOUT, 1);
	if (!lookup->is_done) {
		ask(lookup);
		return;
	}
	(void)event_del(lookup->deadline);
	lookup->is_told = true;
	if (lookup->name_done != NULL)
		lookup->name_done(lookup->arg, lookup->result,
		    lookup->result == XO_LOOKUP_OK ? lookup->name : NULL);
	else if (lookup->mx_done != NULL)
		lookup->mx_done(lookup->arg, lookup->result, lookup->mx,
		    lookup->n);
	else
		lookup->host_done(lookup->arg, lookup->result,
		    lookup->addresses, lookup->n);
	release(lookup);
}

/* the resolver */

struct xo_resolver *
xo_resolver_new(struct event_base *base, const char *servers)
{
	struct xo_resolver *resolver;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return NULL;
	resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		ares_library_cleanup();
		return NULL;
	}
	resolver->base = base;
	resolver->limit = LIMIT;
	resolver->ready = evtimer_new(base, queue_ready, resolver);
	if (resolver->ready == NULL ||
	    !xo_channel_open(&resolver->channel, base, servers))
		xo_resolver_free(&resolver);
	return resolver;
}

void
xo_resolver_free(struct xo_resolver **resolver)
{
	struct xo_resolver *r = *resolver;

	if (r == NULL)
		return;
	/* c-ares frees what it holds, by its calls; the queue is ours. */
	xo_channel_close(&r->channel);
	while (r->queue != NULL) {
		/* analyser: dequeue() moves the queue on */
		struct xo_lookup *lookup = r->queue;

		dequeue(lookup);
		lookup_free(lookup);
	}
	if (r->ready != NULL)
		event_free(r->ready);
	free(r);
	ares_library_cleanup();
	*resolver = NULL;
}

void
xo_resolver_set_limit(struct xo_resolver *resolver, uint32_t milliseconds)
{
	resolver->limit = milliseconds;
}

/* lookups */

static struct xo_lookup *
lookup_new(struct xo_resolver *resolver, const char *name, void *arg)
{
	struct xo_lookup *lookup;
	struct xo_span span = xo_span_from_cstr(name);
	struct timeval limit = {
		.tv_sec = (time_t)(resolver->limit / 1000),
		.tv_usec = (suseconds_t)(resolver->limit % 1000) * 1000,
	};

	if (span.len > 0 && span.p[span.len - 1] == '.')
		span.len--;
	lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return NULL;
	lookup->resolver = resolver;
	lookup->arg = arg;
	if (xo_domain_is_valid(span))
		memcpy(lookup->name, span.p, span.len);
	lookup->deadline = evtimer_new(resolver->base, deadline_passed, lookup);
	if (lookup->deadline == NULL ||
	    evtimer_add(lookup->deadline, &limit) != 0) {
		lookup_free(lookup);
		return NULL;
	}
	return lookup;
}

struct xo_lookup *
xo_resolver_host(struct xo_resolver *resolver, const char *name, uint16_t port,
    xo_lookup_done *done, void *arg)
{
	struct xo_lookup *lookup = lookup_new(resolver, name, arg);

	if (lookup == NULL)
		return NULL;
	lookup->port = port;
	lookup->host_done = done;
	ask(lookup);
	return lookup;
}

/* "7.2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa". */
static void
write_reverse(const struct sockaddr *address, char *name)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const uint8_t *p;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		p = (const uint8_t *)&in.sin_addr;
		(void)snprintf(name, XO_MX_NAME_SIZE,
		    "%u.%u.%u.%u.in-addr.arpa", p[3], p[2], p[1], p[0]);
		return;
	}
	memcpy(&in6, address, sizeof(in6));
	p = (const uint8_t *)&in6.sin6_addr;
	for (size_t i = 16; i-- > 0; name += 4)
		(void)snprintf(name, 5, "%x.%x.", p[i] & 15, p[i] >> 4);
	memcpy(name, "ip6.arpa", sizeof("ip6.arpa"));
}

struct xo_lookup *
xo_resolver_name(struct xo_resolver *resolver, const struct sockaddr *address,
    xo_name_done *done, void *arg)
{
	char name[XO_MX_NAME_SIZE];
	struct xo_lookup *lookup;

	write_reverse(address, name);
	lookup = lookup_new(resolver, name, arg);
	if (lookup == NULL)
		return NULL;
	lookup->name_done = done;
	ask(lookup);
	return lookup;
}

struct xo_lookup *
xo_resolver_mx(struct xo_resolver *resolver, const char *domain,
    xo_mx_done *done, void *arg)
{
	struct xo_lookup *lookup = lookup_new(resolver, domain, arg);

	if (lookup == NULL)
		return NULL;
	lookup->mx_done = done;
	ask(lookup);
	return lookup;
}

void
xo_lookup_cancel(struct xo_lookup **lookup)
{
	struct xo_lookup *l = *lookup;

	*lookup = NULL;
	if (l != NULL && !l->is_told)
		release(l);
}
