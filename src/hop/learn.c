/* SPDX-License-Identifier: ISC */
/* What upstreams can do: see learn.h. */
#include <stdlib.h>

#include "claim.h"
#include "hop_internal.h"
#include "learn.h"
#include "pool.h"

/* An upstream that could not be asked is not asked again at once. */
#define ASK_AGAIN ((uint64_t)10 * 1000)
/* There may be many upstreams: they are looked through so often at most. */
#define LOOK_AGAIN ((uint64_t)1000)

struct hop_question {
	struct xo_hops *hops;
	int upstream;
	struct xo_claim *claim;
};

static void
answered(void *arg, struct xo_link *link, enum xo_refusal why,
    struct xo_span said)
{
	struct hop_question *q = arg;
	struct xo_hops *hops = q->hops;
	struct hop_upstream *upstream = &hops->upstreams[q->upstream];

	(void)why;
	(void)said;
	upstream->question = NULL;
	free(q);
	/* Opening it has told what there is to know. */
	if (link != NULL)
		xo_link_release(link, false);
	if (--hops->n_learning == 0)
		hops->learnt(hops->arg);
}

static bool
ask(struct xo_hops *hops, int u)
{
	struct hop_upstream *upstream = &hops->upstreams[u];
	struct hop_question *q = malloc(sizeof(*q));
	struct xo_wish wish = {
		.upstream = u,
		.tenant = XO_NOBODY,
		.is_question = true,
	};

	if (q == NULL)
		return false;
	*q = (struct hop_question){
		hops, u, xo_hops_claim(hops, &wish, answered, q)
	};
	if (q->claim == NULL) {
		free(q);
		return false;
	}
	upstream->question = q;
	upstream->asked_at = xo_clock_now();
	hops->n_learning++;
	return true;
}

static bool
learn_one(struct xo_hops *hops, int u)
{
	struct hop_upstream *upstream = &hops->upstreams[u];

	if (upstream->question != NULL)
		return true;
	if (hops->known[u].is_known ||
	    (upstream->asked_at != 0 &&
	    xo_clock_now() - upstream->asked_at < ASK_AGAIN))
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
		if (hops->known[u].is_known &&
		    hops->upstreams[u].question == NULL &&
		    now - hops->upstreams[u].asked_at >=
		    xo_hop_conf(hops, (int)u)->refresh)
			(void)ask(hops, (int)u);
}

void
xo_hops_ask_the_lost(struct xo_hops *hops)
{
	uint64_t now = xo_clock_now();

	if (hops->is_draining)
		return;
	/* Held up: nobody waits for this round. */
	hops->n_learning++;
	for (size_t u = 0; u < hops->n; u++)
		if (xo_metrics_is_upstream_down(hops->env->metrics,
		    (int)u) && hops->upstreams[u].question == NULL &&
		    now - hops->upstreams[u].asked_at >= ASK_AGAIN)
			(void)ask(hops, (int)u);
	hops->n_learning--;
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

void
xo_hop_give_up_asking(struct hop_upstream *upstream)
{
	if (upstream->question == NULL)
		return;
	xo_claim_cancel(&upstream->question->claim);
	free(upstream->question);
	upstream->question = NULL;
}
