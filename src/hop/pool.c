/* SPDX-License-Identifier: ISC */
/* Links that are kept: see pool.h. */
#include <errno.h>
#include <sys/socket.h>

#include "hop_internal.h"
#include "link.h"
#include "pool.h"
#include "step.h"

static void
unlink_idle(struct xo_link *link)
{
	struct hop_upstream *upstream =
	    &link->hops->upstreams[link->upstream];
	struct xo_link **p = &upstream->idle;

	while (*p != NULL && *p != link)
		p = &(*p)->next;
	if (*p == link) {
		*p = link->next;
		upstream->n_idle--;
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

/* A kept link has nothing to say: if it speaks, it is of no more use. */
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
	    hops->upstreams[link->upstream].n_idle <
	    xo_hop_conf(hops, link->upstream)->max_idle;
}

void
xo_link_release(struct xo_link *link, bool needs_reset)
{
	struct hop_upstream *upstream =
	    &link->hops->upstreams[link->upstream];

	if (!may_keep(link)) {
		xo_link_quit(link);
		return;
	}
	link->needs_reset = needs_reset;
	link->is_idle = true;
	link->is_reused = true;
	link->idle_since = xo_clock_now();
	link->next = upstream->idle;
	upstream->idle = link;
	upstream->n_idle++;
	xo_link_attach(link, idle_ready, link);
}

bool
xo_hop_close_oldest(struct hop_upstream *upstream)
{
	struct xo_link *link = upstream->idle;

	if (link == NULL)
		return false;
	while (link->next != NULL)
		link = link->next;
	unlink_idle(link);
	xo_link_quit(link);
	return true;
}

/* What showed one tenant's certificate carries no other's mail. */
static bool
is_same_tenants(const struct xo_link *link, const struct xo_wish *wish)
{
	return link->tenant == wish->tenant && strcmp(link->guest,
	    wish->guest != NULL ? wish->guest : "") == 0;
}

/* A link that was told of a client serves that one, or takes another XCLIENT. */
static bool
suits(const struct xo_link *link, const struct xo_wish *wish)
{
	return is_same_tenants(link, wish) && (!link->has_client ||
	    xo_link_is_for(link, &wish->client) ||
	    xo_caps_has(&link->opening.caps, XO_CAP_XCLIENT));
}

/* The tenant has another certificate by now. */
static bool
is_outdated(const struct xo_link *link, const struct xo_wish *wish)
{
	return is_same_tenants(link, wish) &&
	    memcmp(link->mark, wish->mark, sizeof(link->mark)) != 0;
}

struct xo_link *
xo_hop_take_idle(struct xo_hops *hops, const struct xo_wish *wish)
{
	struct xo_link *link, *next;

	for (link = hops->upstreams[wish->upstream].idle; link != NULL;
	    link = next) {
		next = link->next;
		if (is_outdated(link, wish)) {
			unlink_idle(link);
			xo_link_quit(link);
			continue;
		}
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
		for (link = hops->upstreams[u].idle; link != NULL; link = next) {
			next = link->next;
			if (!xo_link_is_for(link, client) ||
			    xo_caps_has(&link->opening.caps, XO_CAP_XCLIENT))
				continue;
			unlink_idle(link);
			xo_link_quit(link);
		}
}

void
xo_hop_close_idle(struct hop_upstream *upstream)
{
	while (upstream->idle != NULL) {
		struct xo_link *link = upstream->idle;

		upstream->idle = link->next;
		upstream->n_idle--;
		link->is_idle = false;
		xo_link_quit(link);
	}
}

void
xo_hop_close_stale(struct hop_upstream *upstream, uint32_t idle_timeout)
{
	uint64_t now = xo_clock_now();
	struct xo_link *link, *next;

	for (link = upstream->idle; link != NULL; link = next) {
		next = link->next;
		if (now - link->idle_since < idle_timeout)
			continue;
		unlink_idle(link);
		xo_link_quit(link);
	}
}
