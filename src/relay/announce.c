/* SPDX-License-Identifier: ISC */
/*
 * What EHLO announces: rights, and what we implement, and what every upstream
 * that this session may still be given announced or we bridge ourselves.
 */
#include <assert.h>

#include "actions.h"
#include "announce.h"
#include "finish.h"
#include "xclient_table.h"

#define BRIDGED (XO_CAP_BIT(XO_CAP_PIPELINING) |			\
	XO_CAP_BIT(XO_CAP_CHUNKING) |					\
	XO_CAP_BIT(XO_CAP_ENHANCEDSTATUSCODES) |			\
	XO_CAP_BIT(XO_CAP_SIZE))

/* Passed through, if the upstream has it. */
#define CARRIED (XO_CAP_BIT(XO_CAP_DSN) |				\
	XO_CAP_BIT(XO_CAP_8BITMIME) |					\
	XO_CAP_BIT(XO_CAP_BINARYMIME) |					\
	XO_CAP_BIT(XO_CAP_SMTPUTF8) |					\
	XO_CAP_BIT(XO_CAP_REQUIRETLS) |					\
	XO_CAP_BIT(XO_CAP_MT_PRIORITY) |				\
	XO_CAP_BIT(XO_CAP_DELIVERBY) |					\
	XO_CAP_BIT(XO_CAP_FUTURERELEASE) |				\
	XO_CAP_EXTENSIONS)

struct gathered {
	struct xo_caps caps;
	uint64_t size;			/* the smallest limit; 0: none */
	size_t n;			/* upstreams in the intersection */
	bool is_known;			/* all of them have been asked */
};

static void
set_size(uint64_t *size, uint64_t limit)
{
	if (limit != 0 && (*size == 0 || limit < *size))
		*size = limit;
}

static void
narrow(const struct xo_relay *r, struct gathered *g, int upstream)
{
	const struct xo_known *known;

	if (upstream < 0 || (size_t)upstream >= r->setup.policy->n_upstreams)
		return;
	known = &r->setup.known[upstream];
	/* An upstream without SIZE does not relax another's limit. */
	if (known->is_known)
		set_size(&g->size, known->caps.size);
	if (!known->is_known) {
		g->is_known = false;
		memset(&g->caps, 0, sizeof(g->caps));
	} else if (g->n == 0) {
		g->caps = known->caps;
	} else {
		xo_caps_intersect(&g->caps, &known->caps);
	}
	g->n++;
}

static void
gather(const struct xo_relay *r, struct gathered *g)
{
	const struct xo_listener *l = r->setup.listener;
	struct xo_ways ways = xo_treatment_ways(l, &r->front.rights);

	if (ways.upstream)
		narrow(r, g, xo_listener_upstream(l));
	if (ways.demote_to)
		narrow(r, g, xo_listener_demote_to(l));
	for (size_t u = 0; ways.tenants && u < r->setup.policy->n_upstreams;
	    u++)
		if (r->setup.known[u].serves_tenants)
			narrow(r, g, (int)u);
}

/* False: ask the upstreams first. */
static bool
compute(const struct xo_relay *r, struct xo_caps *caps)
{
	struct gathered g = {.is_known = true};

	gather(r, &g);
	*caps = g.caps;
	/* Binary content goes on by BDAT or not at all. */
	if (!xo_caps_has(caps, XO_CAP_CHUNKING))
		caps->set &= ~XO_CAP_BIT(XO_CAP_BINARYMIME);
	caps->set = (caps->set & CARRIED) | BRIDGED;
	caps->size = g.size;
	set_size(&caps->size, r->setup.listener->size_limit);
	if (r->setup.listener->is_safe)
		caps->set &= ~(XO_CAP_BIT(XO_CAP_PIPELINING) |
		    XO_CAP_BIT(XO_CAP_CHUNKING) |
		    XO_CAP_BIT(XO_CAP_BINARYMIME));
	if (!r->front.is_tls) {
		caps->set &= ~XO_CAP_BIT(XO_CAP_REQUIRETLS);
		if (r->setup.listener->has_tls)
			caps->set |= XO_CAP_BIT(XO_CAP_STARTTLS);
	} else if ((r->front.rights.rights & XO_RIGHT_XOORG) != 0) {
		caps->set |= XO_CAP_BIT(XO_CAP_XOORG);
	}
	if (r->spoken.is_permitted)
		caps->set |= XO_CAP_BIT(XO_CAP_XCLIENT);
	return g.is_known;
}

/* What stands after a keyword: the next hop's word for what goes through to it. */
static void
write_argument(struct xo_buf *text, const struct xo_caps *caps, enum xo_cap cap)
{
	struct xo_span argument = xo_caps_argument(caps, cap);

	if (cap == XO_CAP_SIZE) {
		xo_buf_add_byte(text, ' ');
		xo_buf_add_u64(text, caps->size);
	} else if (cap == XO_CAP_XCLIENT) {
		xo_xclient_announce(text);
	} else if ((XO_CAP_BIT(cap) & CARRIED) != 0 && argument.len > 0) {
		xo_buf_add_byte(text, ' ');
		xo_buf_add(text, argument);
	}
}

static struct xo_span
keyword(const struct xo_relay *r, enum xo_cap cap)
{
	return cap < XO_CAP_COUNT ? xo_span_from_cstr(xo_cap_name(cap)) :
	    extensions(r)->names[cap - XO_CAP_COUNT];
}

/* In Exchange's order, which is the order of enum xo_cap. */
static void
write_reply(struct xo_relay *r, const struct xo_caps *caps)
{
	struct xo_buf text = {0};

	xo_buf_add(&text, r->setup.policy->hostname);
	xo_buf_add_cstr(&text, " Hello [");
	xo_address_write(&text, &r->setup.address);
	xo_buf_add_byte(&text, ']');
	for (enum xo_cap c = XO_CAP_SIZE; c < XO_CAP_MAX && r->front.is_esmtp;
	    c++) {
		if (!xo_caps_has(caps, c))
			continue;
		xo_buf_add_byte(&text, '\n');
		xo_buf_add(&text, keyword(r, c));
		write_argument(&text, caps, c);
	}
	if (text.err == XO_OK) {
		relay_reply(r, 250, NULL, xo_buf_span(&text));
	} else {
		/* What was not said is not announced. */
		r->front.announced = 0;
		relay_refuse(r, XO_REFUSAL_MEMORY);
	}
	xo_buf_fini(&text);
}

void
announce_hello(struct xo_relay *r, bool is_final)
{
	struct xo_caps caps = {0};

	if (!r->front.is_esmtp) {
		/* HELO announces nothing, so it permits nothing. */
		caps.size = r->setup.listener->size_limit;
	} else if (!compute(r, &caps) && !is_final) {
		relay_act(r, XO_ACTION_NEED_CAPS);
		r->front.state = FRONT_WAIT_CAPS;
		return;
	}
	assert(!xo_caps_has(&caps, XO_CAP_XOORG) || (r->front.is_tls &&
	    (r->front.rights.rights & XO_RIGHT_XOORG) != 0));
	r->front.announced = caps.set;
	r->front.size_limit = caps.size;
	r->front.state = FRONT_READY;
	write_reply(r, &caps);
}
