/* SPDX-License-Identifier: ISC */
/*
 * The pool of connections to the next hops, and what is known of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <session/session.h>

#include "hop_internal.h"

/* An upstream that could not be asked is not asked again at once. */
#define ASK_AGAIN ((uint64_t)10 * 1000)
/* There may be many upstreams: they are looked through so often at most. */
#define LOOK_AGAIN ((uint64_t)1000)

const struct xo_upstream *
xo_hop_policy(const struct xo_hops *hops, int u)
{
	return &hops->worker->conf->policy.upstreams[u];
}

const struct xo_conf_upstream *
xo_hop_conf(const struct xo_hops *hops, int u)
{
	return &hops->worker->conf->upstreams[u];
}

struct xo_hops *
xo_hops_new(struct xo_worker *worker)
{
	struct xo_hops *hops = calloc(1, sizeof(*hops));

	if (hops == NULL)
		return NULL;
	hops->worker = worker;
	hops->n = worker->conf->policy.n_upstreams;
	hops->hops = calloc(hops->n + 1, sizeof(*hops->hops));
	if (hops->hops == NULL) {
		free(hops);
		return NULL;
	}
	return hops;
}

static void
close_idle(struct hop *hop)
{
	while (hop->idle != NULL) {
		struct xo_link *link = hop->idle;

		hop->idle = link->next;
		hop->n_idle--;
		link->is_idle = false;
		xo_link_quit(link);
	}
}

void
xo_hops_free(struct xo_hops **hops)
{
	struct xo_hops *h = *hops;

	if (h == NULL)
		return;
	for (size_t u = 0; u < h->n; u++) {
		close_idle(&h->hops[u]);
		xo_hop_forget_targets(&h->hops[u]);
	}
	free(h->hops);
	free(h);
	*hops = NULL;
}

void
xo_hop_trim(const struct hop *hop, struct xo_caps *caps)
{
	if (hop->was_out_of_step)
		caps->set &= ~(XO_CAP_BIT(XO_CAP_CHUNKING) |
		    XO_CAP_BIT(XO_CAP_BINARYMIME));
}

void
xo_hops_out_of_step(struct xo_hops *hops, int upstream)
{
	enum xo_refusal why = XO_REFUSAL_UPSTREAM_OUT_OF_STEP;
	struct xo_log_line *line = xo_log_begin(hops->worker->log,
	    XO_LOG_WARNING, "out-of-step");
	struct hop *hop = &hops->hops[upstream];

	xo_log_str(line, "upstream", xo_hop_policy(hops, upstream)->name);
	xo_log_cstr(line, "reason", xo_refusal_info(why)->id);
	xo_log_end(line);
	xo_metrics_upstream_out_of_step(hops->worker->metrics, upstream);
	/* By DATA it shows before the content is said. */
	hop->was_out_of_step = true;
	xo_hop_trim(hop, &hops->worker->known[upstream].caps);
}

/* link: life */

struct xo_link *
xo_link_new(struct xo_hops *hops, int upstream, int tenant)
{
	struct xo_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->hops = hops;
	link->upstream = upstream;
	link->tenant = tenant;
	link->leg.fd = -1;
	return link;
}

void
xo_link_count(struct xo_link *link)
{
	link->is_counted = true;
	link->hops->hops[link->upstream].n_links++;
	xo_metrics_upstream_connections(link->hops->worker->metrics,
	    link->upstream, 1);
}

void
xo_link_close(struct xo_link *link)
{
	struct hop *hop = &link->hops->hops[link->upstream];

	if (link->is_counted) {
		hop->n_links--;
		xo_metrics_upstream_connections(
		    link->hops->worker->metrics, link->upstream, -1);
	}
	if (link->leg.tls != NULL && !link->leg.is_handshaking &&
	    !link->leg.is_broken)
		xo_tls_shutdown(link->leg.tls);
	xo_leg_close(&link->leg);
	xo_opening_fini(&link->opening);
	xo_buf_fini(&link->client_hello);
	free(link);
}

/* Its word of goodbye is not waited for: nothing depends on it. */
void
xo_link_quit(struct xo_link *link)
{
	struct xo_leg *leg = &link->leg;

	if (!leg->has_ended && !leg->is_broken && !leg->is_handshaking &&
	    leg->out.len == 0) {
		xo_leg_send(leg, XO_LIT("QUIT\r\n"));
		xo_leg_flush(leg);
	}
	xo_link_close(link);
}

struct xo_leg *
xo_link_leg(struct xo_link *link)
{
	return &link->leg;
}

const struct xo_caps *
xo_link_caps(const struct xo_link *link)
{
	return &link->opening.caps;
}

struct xo_heard *
xo_link_heard(struct xo_link *link)
{
	return &link->opening.heard;
}

bool
xo_link_is_replaceable(const struct xo_link *link)
{
	return link->is_reused || link->has_others;
}

struct xo_place
xo_link_fresh_place(const struct xo_link *link)
{
	/* analyser: a compound literal is no syntax error */
	return link->is_reused ? (struct xo_place){.len = 0} : link->place;
}

void
xo_link_attach(struct xo_link *link, xo_leg_ready *ready, void *owner)
{
	link->leg.ready = ready;
	link->leg.owner = owner;
}

/* the pool */

static void
unlink_idle(struct xo_link *link)
{
	struct hop *hop = &link->hops->hops[link->upstream];
	struct xo_link **p = &hop->idle;

	while (*p != NULL && *p != link)
		p = &(*p)->next;
	if (*p == link) {
		*p = link->next;
		hop->n_idle--;
	}
	link->is_idle = false;
}

/*
 * Neither its end nor a word has come; TLS may have had something to say to
 * itself (tickets). Not by way of the scratch buffer: somebody's octets may be
 * in it. Whatever comes from here on is an edge.
 */
static bool
is_quiet(struct xo_link *link)
{
	struct xo_leg *leg = &link->leg;
	bool has_spoken, is_quiet;
	enum xo_io io;
	uint8_t octet;
	ssize_t got;
	size_t n;

	leg->is_readable = false;
	if (leg->tls != NULL) {
		io = xo_tls_read(leg->tls, &octet, 1, &n);
		has_spoken = io == XO_IO_OK && n == 1;
		is_quiet = io == XO_IO_WANT_READ;
	} else {
		got = recv(leg->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
		has_spoken = got == 1;
		is_quiet = got < 0 && (errno == EAGAIN ||
		    errno == EWOULDBLOCK);
	}
	/* 421 is a proper good-bye. */
	if (has_spoken && octet != '4')
		xo_hops_out_of_step(link->hops, link->upstream);
	return is_quiet;
}

/* A kept connection has nothing to say: if it speaks, it is of no more use. */
static void
idle_ready(struct xo_leg *leg, void *owner)
{
	struct xo_link *link = owner;

	if (leg->is_readable && !is_quiet(link)) {
		unlink_idle(link);
		xo_link_close(link);
	}
}

static bool
may_keep(const struct xo_link *link)
{
	const struct xo_hops *hops = link->hops;

	return !hops->is_draining && !link->leg.has_ended &&
	    !link->leg.is_broken && link->leg.in.len == 0 &&
	    link->leg.out.len == 0 &&
	    xo_hop_policy(hops, link->upstream)->handover <
	    XO_HANDOVER_PROXY &&
	    hops->hops[link->upstream].n_idle <
	    xo_hop_conf(hops, link->upstream)->max_idle;
}

void
xo_link_release(struct xo_link *link, bool needs_reset)
{
	struct hop *hop = &link->hops->hops[link->upstream];

	if (!may_keep(link)) {
		xo_link_quit(link);
		return;
	}
	link->needs_reset = needs_reset;
	link->is_idle = true;
	link->is_reused = true;
	link->idle_since = xo_clock_now();
	link->next = hop->idle;
	hop->idle = link;
	hop->n_idle++;
	xo_link_attach(link, idle_ready, link);
}

bool
xo_hop_close_oldest(struct hop *hop)
{
	struct xo_link *link = hop->idle;

	if (link == NULL)
		return false;
	while (link->next != NULL)
		link = link->next;
	unlink_idle(link);
	xo_link_quit(link);
	return true;
}

bool
xo_link_is_for(const struct xo_link *link,
    const struct xo_handover_info *client)
{
	return link->has_client && link->client_port == client->port &&
	    memcmp(&link->client, client->address, sizeof(link->client)) ==
	    0 && xo_span_is_equal(xo_buf_span(&link->client_hello),
	    client->hello);
}

void
xo_link_set_client(struct xo_link *link, const struct xo_handover_info *client)
{
	xo_buf_clear(&link->client_hello);
	link->has_client = true;
	link->client = *client->address;
	/* A name that could not be kept is nobody's: it is told anew. */
	link->client_port = xo_buf_add(&link->client_hello, client->hello) ==
	    XO_OK ? client->port : 0;
}

/* Whoever was told of a client serves him, or takes another XCLIENT. */
static bool
suits(const struct xo_link *link, const struct xo_wish *wish)
{
	return link->tenant == wish->tenant && (!link->has_client ||
	    xo_link_is_for(link, &wish->client) ||
	    xo_caps_has(&link->opening.caps, XO_CAP_XCLIENT));
}

struct xo_link *
xo_hop_take_idle(struct xo_hops *hops, const struct xo_wish *wish)
{
	struct xo_link *link, *next;

	for (link = hops->hops[wish->upstream].idle; link != NULL;
	    link = next) {
		next = link->next;
		if (!suits(link, wish))
			continue;
		unlink_idle(link);
		/* Its end, or a 421, may have come and not been seen yet. */
		if (is_quiet(link))
			return link;
		xo_link_close(link);
	}
	return NULL;
}

void
xo_hops_client_gone(struct xo_hops *hops,
    const struct xo_handover_info *client)
{
	struct xo_link *link, *next;

	for (size_t u = 0; u < hops->n; u++)
		for (link = hops->hops[u].idle; link != NULL; link = next) {
			next = link->next;
			if (!xo_link_is_for(link, client) ||
			    xo_caps_has(&link->opening.caps, XO_CAP_XCLIENT))
				continue;
			unlink_idle(link);
			xo_link_quit(link);
		}
}

void
xo_hops_drain(struct xo_hops *hops)
{
	hops->is_draining = true;
	for (size_t u = 0; u < hops->n; u++)
		close_idle(&hops->hops[u]);
}

/* learning */

struct question {
	struct xo_hops *hops;
	int upstream;
};

static void
answered(void *arg, struct xo_link *link, enum xo_refusal why,
    struct xo_span said)
{
	struct question *q = arg;
	struct xo_hops *hops = q->hops;
	struct hop *hop = &hops->hops[q->upstream];

	(void)why;
	(void)said;
	hop->is_learning = false;
	free(q);
	/* Opening it has told what there is to know. */
	if (link != NULL)
		xo_link_release(link, false);
	if (--hops->n_learning == 0)
		xo_sessions_caps(hops->worker);
}

static bool
ask(struct xo_hops *hops, int u)
{
	struct hop *hop = &hops->hops[u];
	struct question *q = malloc(sizeof(*q));
	struct xo_wish wish = {
		.upstream = u,
		.tenant = XO_NOBODY,
		.is_question = true,
	};

	if (q == NULL)
		return false;
	*q = (struct question){hops, u};
	if (xo_hops_claim(hops, &wish, answered, q) == NULL) {
		free(q);
		return false;
	}
	hop->is_learning = true;
	hop->asked_at = xo_clock_now();
	hops->n_learning++;
	return true;
}

static bool
learn_one(struct xo_hops *hops, int u)
{
	struct hop *hop = &hops->hops[u];

	if (hop->is_learning)
		return true;
	if (hops->worker->known[u].is_known ||
	    (hop->asked_at != 0 &&
	    xo_clock_now() - hop->asked_at < ASK_AGAIN))
		return false;
	return ask(hops, u);
}

void
xo_hops_refresh(struct xo_hops *hops)
{
	uint64_t now = xo_clock_now();

	if (now < hops->refresh_at || hops->is_draining)
		return;
	hops->refresh_at = now + LOOK_AGAIN;
	for (size_t u = 0; u < hops->n; u++)
		if (hops->worker->known[u].is_known &&
		    !hops->hops[u].is_learning &&
		    now - hops->hops[u].asked_at >=
		    xo_hop_conf(hops, (int)u)->refresh)
			(void)ask(hops, (int)u);
}

/* What could not be connected to is tried again without mail, which others may
 * keep away until they hear that it is there: /readyz. */
static void
ask_the_lost(struct xo_hops *hops, uint64_t now)
{
	if (hops->is_draining)
		return;
	/* Held up: nobody waits for this round. */
	hops->n_learning++;
	for (size_t u = 0; u < hops->n; u++)
		if (xo_metrics_is_upstream_down(hops->worker->metrics,
		    (int)u) && !hops->hops[u].is_learning &&
		    now - hops->hops[u].asked_at >= ASK_AGAIN)
			(void)ask(hops, (int)u);
	hops->n_learning--;
}

void
xo_hops_tick(struct xo_hops *hops)
{
	uint64_t now = xo_clock_now();
	struct xo_link *link, *next;

	ask_the_lost(hops, now);
	for (size_t u = 0; u < hops->n; u++)
		for (link = hops->hops[u].idle; link != NULL; link = next) {
			next = link->next;
			if (now - link->idle_since <
			    hops->worker->conf->upstreams[u].idle_timeout)
				continue;
			unlink_idle(link);
			xo_link_quit(link);
		}
}

bool
xo_hops_learn(struct xo_hops *hops)
{
	bool is_asking = false;

	for (size_t u = 0; u < hops->n; u++)
		if (learn_one(hops, (int)u))
			is_asking = true;
	return is_asking;
}
