/* SPDX-License-Identifier: ISC */
/* One link's life: see link.h. */
#include <stdlib.h>

#include "claim.h"
#include "hop_internal.h"
#include "link.h"

struct xo_link *
xo_link_new(struct xo_hops *hops, const struct xo_wish *wish)
{
	struct xo_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->hops = hops;
	link->upstream = wish->upstream;
	link->tenant = wish->tenant;
	if (wish->guest != NULL)
		memcpy(link->guest, wish->guest, strlen(wish->guest));
	link->leg.fd = -1;
	return link;
}

void
xo_link_count(struct xo_link *link)
{
	link->is_counted = true;
	link->hops->upstreams[link->upstream].n_links++;
	xo_metrics_upstream_connections(link->hops->env->metrics,
	    link->upstream, 1);
}

void
xo_link_close(struct xo_link *link)
{
	if (link->is_counted) {
		link->hops->upstreams[link->upstream].n_links--;
		xo_metrics_upstream_connections(
		    link->hops->env->metrics, link->upstream, -1);
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
	xo_buf_add(&link->client_hello, client->hello);
	/* A name that could not be kept is nobody's: it is told anew. */
	link->client_port = link->client_hello.err == XO_OK ? client->port : 0;
}
