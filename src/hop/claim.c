/* SPDX-License-Identifier: ISC */
/* How a link is had: see claim.h. */
#include <errno.h>
#include <stdlib.h>

#include <net/named.h>
#include <net/resolve.h>

#include "claim.h"
#include "dial.h"
#include "failure.h"
#include "hop_internal.h"
#include "link.h"
#include "pool.h"
#include "search.h"
#include "shown.h"
#include "step.h"

struct xo_claim {
	struct xo_claim *next, *previous;	/* of all in hops->claims */
	struct xo_hops *hops;
	struct xo_wish wish;
	char guest[XO_NAMED_MAX + 1];	/* of the wish */
	xo_claim_done *done;
	void *arg;
	struct event *timer;
	struct xo_search search;
	struct xo_lookup *lookup;
	struct xo_dial dial;		/* its link is the result in the end */
	bool is_kept;			/* it came from the pool */
	bool is_over;			/* `done` is to be called */
	uint64_t deadline;		/* of the whole search */
	enum xo_refusal why;
	struct xo_buf said;
};

static void on_leg(struct xo_leg *leg, void *owner);
static void go_on(struct xo_claim *c);

static struct hop_upstream *
upstream_of(const struct xo_claim *c)
{
	return &c->hops->upstreams[c->wish.upstream];
}

static struct xo_places *
places_of(const struct xo_claim *c)
{
	return &upstream_of(c)->places;
}

static void
add_claim(struct xo_claim *c)
{
	c->next = c->hops->claims;
	if (c->next != NULL)
		c->next->previous = c;
	c->hops->claims = c;
}

static void
remove_claim(struct xo_claim *c)
{
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		c->hops->claims = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
}

static void
claim_free(struct xo_claim *c)
{
	remove_claim(c);
	xo_lookup_cancel(&c->lookup);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->dial.link != NULL && c->is_over)
		xo_link_quit(c->dial.link);
	else if (c->dial.link != NULL)
		xo_link_close(c->dial.link);
	xo_search_fini(&c->search);
	xo_buf_fini(&c->said);
	xo_buf_fini(&c->dial.text);
	free(c);
}

void
xo_claim_cancel(struct xo_claim **claim)
{
	struct xo_claim *c = *claim;

	*claim = NULL;
	if (c != NULL)
		claim_free(c);
}

void
xo_hops_look_for_ends(struct xo_hops *hops)
{
	for (struct xo_claim *c = hops->claims; c != NULL; c = c->next)
		if (c->dial.link != NULL)
			xo_leg_look_for_end(&c->dial.link->leg);
}

/* It is over, with a link or without: the loop will tell its owner, and free it.
 * Nobody else does but by cancelling it. */
static void
conclude(struct xo_claim *c)
{
	struct xo_hops *hops = c->hops;
	struct xo_known *known = &hops->known[c->wish.upstream];

	c->is_over = true;
	evtimer_del(c->timer);
	event_active(c->timer, EV_TIMEOUT, 1);
	if (c->dial.link != NULL && !c->is_kept) {
		known->caps = c->dial.link->opening.caps;
		known->is_known = true;
		upstream_of(c)->asked_at = xo_clock_now();
		xo_metrics_upstream_connect(hops->env->metrics,
		    c->wish.upstream, true);
	} else if (c->dial.link != NULL) {
		xo_metrics_upstream_reused(hops->env->metrics,
		    c->wish.upstream);
	}
}

/* Straight from the loop, and the last that is done with a claim. */
static void
tell(struct xo_claim *c)
{
	struct xo_link *link = c->dial.link;

	c->dial.link = NULL;
	c->done(c->arg, link, c->why, xo_buf_span(&c->said));
	claim_free(c);
}

static void
set_timer(struct xo_claim *c)
{
	uint64_t now = xo_clock_now();
	uint64_t left = c->deadline > now ? c->deadline - now : 0;
	struct timeval tv = xo_clock_timeval(
	    left < c->dial.timeout ? left : c->dial.timeout);

	evtimer_add(c->timer, &tv);
}

/* A place that will not do: note why. `name`: of one that was not found. */
static void
note_failure(struct xo_claim *c, const char *name, enum xo_refusal why,
    struct xo_span said)
{
	const struct xo_failure failure = {
		.upstream = c->wish.upstream,
		.candidate = c->search.candidate,
		.name = name,
		.opening = c->dial.link != NULL ? &c->dial.link->opening : NULL,
		.why = why,
		.said = said,
	};

	c->why = why;
	xo_buf_clear(&c->said);
	xo_buf_add(&c->said, said);
	if (failure.candidate != NULL)
		xo_places_set_dead(places_of(c), &failure.candidate->place,
		    true);
	xo_hop_log_failure(c->hops, &failure);
	xo_metrics_upstream_connect(c->hops->env->metrics,
	    c->wish.upstream, false);
}

/* No place can help that: none is tried, and none is to blame. */
static void
give_up_certificate(struct xo_claim *c)
{
	const struct xo_failure failure = {
		.upstream = c->wish.upstream,
		.why = XO_REFUSAL_TENANT_CERTIFICATE,
		.said = xo_buf_span(&c->said),
	};

	c->why = failure.why;
	xo_hop_log_failure(c->hops, &failure);
	xo_metrics_refusal(c->hops->env->metrics, failure.why);
	conclude(c);
}

/* This link will not do: try what is next. */
static void
give_up_link(struct xo_claim *c, enum xo_refusal why, struct xo_span said)
{
	bool has_certificate = why != XO_REFUSAL_TENANT_CERTIFICATE;

	if (!has_certificate) {
		xo_buf_clear(&c->said);
		xo_buf_add(&c->said, said);
	} else if (why == XO_REFUSAL_UPSTREAM_OUT_OF_STEP) {
		xo_hops_out_of_step(c->hops, c->wish.upstream);
	} else if (!c->is_kept) {
		note_failure(c, NULL, why, said);
	}
	/* A next hop out of step may take QUIT for something else. */
	if (c->dial.link->opening.state == XO_OPENING_FAILED &&
	    why != XO_REFUSAL_UPSTREAM_CONFUSED &&
	    why != XO_REFUSAL_UPSTREAM_OUT_OF_STEP &&
	    why != XO_REFUSAL_UPSTREAM_TLS)
		xo_link_quit(c->dial.link);
	else
		xo_link_close(c->dial.link);
	c->dial.link = NULL;
	c->is_kept = false;
	evtimer_del(c->timer);
	if (has_certificate)
		go_on(c);
	else
		give_up_certificate(c);
}

static void
opened(struct xo_claim *c)
{
	struct xo_candidate *candidate = c->search.candidate;
	struct xo_link *link = c->dial.link;

	if (candidate != NULL) {
		xo_places_set_dead(places_of(c), &candidate->place, false);
		link->place = candidate->place;
		link->has_others = xo_search_has_others(&c->search);
	}
	xo_hop_trim(upstream_of(c), &link->opening.caps);
	if (link->opening.is_handed_over)
		xo_link_set_client(link, &c->wish.client);
	c->why = XO_REFUSAL_NONE;
	conclude(c);
}

static void
run(struct xo_claim *c)
{
	while (!c->is_over && c->dial.link != NULL) {
		switch (xo_dial_move(&c->dial)) {
		case XO_DIAL_WAITS:
			return;
		case XO_DIAL_MOVED:
			set_timer(c);
			break;
		case XO_DIAL_OPEN:
			opened(c);
			return;
		case XO_DIAL_FAILED:
			give_up_link(c, c->dial.why, c->dial.said);
			return;
		}
	}
}

static void
on_leg(struct xo_leg *leg, void *owner)
{
	(void)leg;
	run(owner);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct xo_claim *c = arg;

	(void)fd;
	(void)what;
	if (c->is_over)
		tell(c);
	else if (c->dial.link != NULL)
		give_up_link(c, xo_dial_timed_out(&c->dial),
		    XO_LIT("timed out"));
}

/* Places */

/* A link that is kept for others gives way. */
static bool
may_connect(struct xo_claim *c)
{
	uint32_t most =
	    xo_hop_conf(c->hops, c->wish.upstream)->max_connections;

	return most == 0 || upstream_of(c)->n_links < most ||
	    xo_hop_close_oldest(upstream_of(c));
}

static void
try_candidate(struct xo_claim *c)
{
	if (!may_connect(c)) {
		c->why = XO_REFUSAL_UPSTREAM_CONNECT;
		conclude(c);
	} else if (xo_dial_connect(&c->dial, c->search.candidate, on_leg, c)) {
		set_timer(c);
	} else {
		note_failure(c, NULL, XO_REFUSAL_UPSTREAM_CONNECT,
		    xo_span_from_cstr(strerror(errno)));
	}
}

/* Lookups */

/* Why nothing came of a name. */
static void
note_lookup(struct xo_claim *c, const char *name, enum xo_lookup_result result)
{
	c->search.candidate = NULL;
	note_failure(c, name, XO_REFUSAL_UPSTREAM_CONNECT,
	    xo_span_from_cstr(xo_lookup_result_name(result)));
}

static void
found_host(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct xo_claim *c = arg;
	uint16_t port;

	c->lookup = NULL;
	if (result == XO_LOOKUP_OK)
		xo_search_found_host(&c->search, list, n);
	else
		note_lookup(c, xo_search_name(&c->search, &port), result);
	go_on(c);
}

static void
found_mx(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	struct xo_claim *c = arg;

	c->lookup = NULL;
	if (result == XO_LOOKUP_TEMPORARY || result == XO_LOOKUP_NO_MAIL)
		note_lookup(c, c->search.conf->mx, result);
	else
		xo_search_found_mx(&c->search, list,
		    result == XO_LOOKUP_OK ? n : 0);
	go_on(c);
}

static void
ask_host(struct xo_claim *c)
{
	uint16_t port;
	const char *name = xo_search_name(&c->search, &port);

	c->lookup = xo_resolver_host(c->hops->env->resolver, name, port,
	    found_host, c);
}

static void
ask_mx(struct xo_claim *c)
{
	c->lookup = xo_resolver_mx(c->hops->env->resolver,
	    c->search.conf->mx, found_mx, c);
}

/* Until something is under way, or it is over. */
static void
go_on(struct xo_claim *c)
{
	while (c->dial.link == NULL && c->lookup == NULL && !c->is_over) {
		if (xo_clock_now() >= c->deadline) {
			conclude(c);
			return;
		}
		switch (xo_search_next(&c->search)) {
		case XO_SEARCH_TRY:
			try_candidate(c);
			break;
		case XO_SEARCH_ASK_HOST:
			ask_host(c);
			break;
		case XO_SEARCH_ASK_MX:
			ask_mx(c);
			break;
		case XO_SEARCH_END:
			conclude(c);
			break;
		}
	}
}

static bool
claim_kept(struct xo_claim *c)
{
	struct xo_link *link;

	if (c->wish.is_fresh || c->wish.is_question)
		return false;
	link = xo_hop_take_idle(c->hops, &c->wish);
	if (link == NULL)
		return false;
	c->is_kept = true;
	xo_dial_resume(&c->dial, link, on_leg, c);
	if (link->opening.state == XO_OPENING_DONE) {
		opened(c);
	} else {
		set_timer(c);
		run(c);
	}
	return true;
}

/* False: it is gone, or its name is that of no file. */
static bool
name_guest(struct xo_claim *c)
{
	const struct xo_tenant *who = xo_tenant_at(
	    &c->hops->env->conf->policy, c->wish.tenant);

	c->wish.tenant = XO_NOBODY;
	c->wish.guest = c->guest;
	if (who == NULL || !xo_named_is_fit(who->name)) {
		xo_buf_add_cstr(&c->said, "a tenant without a name of a file");
		return false;
	}
	memcpy(c->guest, who->name.p, who->name.len);
	return true;
}

/* A tenant's certificate is part of a link's identity only where it is shown. */
static bool
name_tenant(struct xo_claim *c)
{
	c->wish.guest = NULL;
	if (!xo_hop_policy(c->hops, c->wish.upstream)->has_tenant_certificate)
		c->wish.tenant = XO_NOBODY;
	return !xo_tenant_is_guest(&c->hops->env->conf->policy,
	    c->wish.tenant) || name_guest(c);
}

/* Before anything is opened. False: it is over. */
static bool
choose_certificate(struct xo_claim *c)
{
	const struct xo_tls_credential *credential;

	memset(c->wish.mark, 0, sizeof(c->wish.mark));
	if (!name_tenant(c) ||
	    !xo_hop_shown(c->hops, &c->wish, &credential, &c->said)) {
		give_up_certificate(c);
		return false;
	}
	if (credential != NULL)
		memcpy(c->wish.mark, xo_tls_credential_mark(credential),
		    sizeof(c->wish.mark));
	return true;
}

struct xo_claim *
xo_hops_claim(struct xo_hops *hops, const struct xo_wish *wish,
    xo_claim_done *done, void *arg)
{
	struct xo_claim *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->timer = evtimer_new(hops->env->base, on_timer, c);
	if (c == NULL || c->timer == NULL) {
		free(c);
		return NULL;
	}
	c->hops = hops;
	add_claim(c);
	c->wish = *wish;
	c->dial.hops = hops;
	c->dial.wish = &c->wish;
	c->done = done;
	c->arg = arg;
	c->why = XO_REFUSAL_UPSTREAM_CONNECT;
	xo_search_init(&c->search, xo_hop_conf(hops, wish->upstream),
	    places_of(c));
	/* The client waits for its reply to RCPT meanwhile. */
	c->deadline = xo_clock_now() +
	    hops->env->conf->policy.limits.mail_timeout;
	if (wish->lost.len > 0)
		xo_places_set_dead(places_of(c), &wish->lost, true);
	if (choose_certificate(c) && !claim_kept(c))
		go_on(c);
	return c;
}
