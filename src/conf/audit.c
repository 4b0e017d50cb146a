/* SPDX-License-Identifier: ISC */
/*
 * Runs the looks.
 */
#include <conf/audit.h>
#include <conf/routes.h>
#include <conf/table_place.h>

static void
note_route(void *arg, const struct xo_route *route)
{
	struct xo_audit *a = arg;

	if (route->upstream == XO_NOBODY)
		return;
	a->is_used[route->upstream] = true;
	if (xo_route_is_trusted(route))
		a->is_trusted[route->upstream] = true;
}

static void
run(struct xo_audit *a, const struct xo_look *looks)
{
	for (; looks->look != NULL; looks++) {
		size_t n = a->loader->sections[looks->section].n;

		a->look = looks;
		for (a->i = 0; a->i < n; a->i++)
			looks->look(a, a->i);
	}
}

/*
 * A guest may name any upstream that its reader takes (guest.c), and what it
 * sends there is trusted. Without a name it goes to the listener's.
 */
static void
note_guests(struct xo_audit *a)
{
	for (size_t i = 0; i < a->policy->n_upstreams; i++)
		if (xo_upstream_takes_guests(a->policy, (int)i))
			a->is_trusted[i] = a->is_used[i] = true;
	for (size_t i = 0; i < a->policy->n_listeners; i++) {
		const struct xo_listener *l = &a->policy->listeners[i];

		if (l->has_upstream && xo_listener_takes_tenants(a->policy, l))
			a->is_trusted[l->upstream] =
			    a->is_used[l->upstream] = true;
	}
}

bool
xo_loader_audit(const struct xo_loader *loader)
{
	const struct xo_policy *policy = &loader->conf->policy;
	struct xo_audit a = {
		.loader = loader,
		.conf = loader->conf,
		.policy = policy,
		.warnings = &loader->conf->warnings,
		.has_guests = xo_tables_have_source(loader->conf),
		.is_trusted = xo_conf_arena_alloc(loader->scratch,
		    policy->n_upstreams, sizeof(bool)),
		.is_used = xo_conf_arena_alloc(loader->scratch,
		    policy->n_upstreams, sizeof(bool)),
	};

	if (a.is_trusted == NULL || a.is_used == NULL)
		return xo_conf_fail_memory(loader->error);
	for (size_t i = 0; i < policy->n_listeners; i++)
		xo_routes_visit(policy, &policy->listeners[i], note_route, &a);
	if (a.has_guests)
		note_guests(&a);
	run(&a, xo_looks_at_places);
	run(&a, xo_looks_at_routes);
	run(&a, xo_looks_at_names);
	run(&a, xo_looks_at_peers);
	return loader->error->len == 0;
}
