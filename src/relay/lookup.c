/* SPDX-License-Identifier: ISC */
/*
 * Tenants that are asked for: one question at a time, of MAIL, of a first RCPT, or
 * of a header that is whole. Until the answer nothing that hangs on it is said to
 * anybody, and no more of the client is read. The command is then done as if it
 * came only now. What is still not known then is refused: nobody is asked twice
 * for one command.
 *
 * A transaction keeps the guest whose it is: see guests.h.
 */
#include <stdlib.h>

#include "actions.h"
#include "lookup.h"

static struct xo_guests *
guests_of(const struct xo_relay *r)
{
	return r->setup.policy->guests;
}

static bool
ask(struct xo_relay *r)
{
	if (r->lookup.is_answered)
		return false;
	r->lookup.is_open = true;
	r->lookup.since = r->now;
	relay_act(r, XO_ACTION_LOOKUP);
	return true;
}

bool
lookup_for_mail(struct xo_relay *r)
{
	if (!ask(r))
		return false;
	r->lookup.back_to = FRONT_READY;
	r->front.state = FRONT_WAIT_TENANT;
	return true;
}

bool
lookup_for_rcpt(struct xo_relay *r, struct xo_span args)
{
	if (r->lookup.is_answered)
		return false;
	xo_buf_clear(&r->lookup.args);
	xo_buf_add(&r->lookup.args, args);
	if (r->lookup.args.err != XO_OK || !ask(r))
		return false;
	r->lookup.back_to = FRONT_MAIL;
	r->front.state = FRONT_WAIT_TENANT;
	return true;
}

bool
lookup_for_value(struct xo_relay *r)
{
	return r->lookup.is_open || ask(r);
}

void
lookup_end(struct xo_relay *r)
{
	r->lookup.is_open = false;
	r->lookup.is_answered = true;
	relay_client_turn(r);
	if (r->front.state == FRONT_WAIT_TENANT)
		r->front.state = r->lookup.back_to;
}

bool
lookup_is_in_transaction(const struct xo_relay *r)
{
	return r->front.state == FRONT_WAIT_TENANT &&
	    r->lookup.back_to == FRONT_MAIL;
}

static void
unpin(struct xo_relay *r)
{
	if (r->t.has_guest)
		xo_guests_unpin(guests_of(r), r->t.guest);
	r->t.has_guest = false;
}

void
lookup_pin(struct xo_relay *r)
{
	const struct xo_policy *policy = r->setup.policy;
	const struct xo_treatment *trust = &r->t.trust;
	int tenant, slot;

	if (policy->guests == NULL)
		return;
	tenant = trust->answer.tenant != XO_NOBODY ? trust->answer.tenant :
	    trust->tenant;
	slot = tenant - (int)policy->n_tenants;
	/* Without its pin it might be gone at once. */
	if (r->t.has_guest && slot == r->t.guest)
		return;
	unpin(r);
	if (!xo_tenant_is_guest(policy, tenant))
		return;
	r->t.guest = slot;
	r->t.has_guest = true;
	xo_guests_pin(policy->guests, slot);
}

void
lookup_forget(struct xo_relay *r)
{
	unpin(r);
	r->lookup.is_open = false;
	if (r->lookup.args.cap > 0)
		xo_buf_fini(&r->lookup.args);
}

static struct open_names *
copy_names(const struct xo_span *names, size_t n)
{
	struct open_names *open;
	size_t size = 0, used = 0;

	for (size_t i = 0; i < n; i++)
		size += names[i].len;
	open = malloc(sizeof(*open) + size);
	if (open == NULL)
		return NULL;
	open->n = n;
	for (size_t i = 0; i < n; i++) {
		memcpy(open->text + used, names[i].p, names[i].len);
		open->names[i] = xo_span(open->text + used, names[i].len);
		used += names[i].len;
	}
	return open;
}

void
lookup_keep_names(struct xo_relay *r, const struct xo_certificate *certificate)
{
	struct xo_rights *rights = &r->front.rights;
	struct xo_span names[XO_OPEN_NAMES_MAX];

	free(r->front.open);
	r->front.open = NULL;
	if (rights->open_names == 0)
		return;
	r->front.open = copy_names(names,
	    xo_rights_open_names(rights, certificate, names));
	if (r->front.open != NULL)
		return;
	/* Whose it is will not be known. */
	rights->rights = 0;
	rights->is_attributed = false;
	rights->open_names = 0;
}
