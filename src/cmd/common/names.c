/* SPDX-License-Identifier: ISC */
/*
 * DNS for a tool that may wait: see names.h.
 */
#include <cmd/common/names.h>

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include <cmd/common/tool.h>

struct xo_names {
	struct event_base *base;
	struct xo_resolver *resolver;
	/* Of the question that is open: where the answer goes. */
	enum xo_lookup_result result;
	struct xo_resolved *hosts;
	struct xo_mx *mx;
	char *name;
	size_t n;
};

struct xo_names *
xo_names_new(const char *server)
{
	struct xo_names *names = xo_tool_require(calloc(1, sizeof(*names)));

	names->base = xo_tool_require(event_base_new());
	names->resolver = xo_resolver_new(names->base, server);
	if (names->resolver == NULL)
		xo_names_free(&names);
	return names;
}

void
xo_names_free(struct xo_names **names)
{
	if (*names == NULL)
		return;
	xo_resolver_free(&(*names)->resolver);
	event_base_free((*names)->base);
	free(*names);
	*names = NULL;
}

static void
end(struct xo_names *names, enum xo_lookup_result result, size_t n)
{
	names->result = result;
	names->n = n;
	event_base_loopbreak(names->base);
}

/* A lookup ends by itself. */
static enum xo_lookup_result
answer_to(struct xo_names *names, const struct xo_lookup *lookup)
{
	names->result = XO_LOOKUP_TEMPORARY;
	names->n = 0;
	if (lookup != NULL)
		event_base_dispatch(names->base);
	return names->result;
}

static void
take_hosts(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct xo_names *names = arg;

	for (size_t i = 0; i < n; i++)
		names->hosts[i] = list[i];
	end(names, result, n);
}

enum xo_lookup_result
xo_names_hosts(struct xo_names *names, const char *name,
    struct xo_resolved list[XO_RESOLVED_MAX], size_t *n_r)
{
	enum xo_lookup_result result;

	names->hosts = list;
	result = answer_to(names, xo_resolver_host(names->resolver, name, 0,
	    take_hosts, names));
	*n_r = names->n;
	return result;
}

static void
take_mx(void *arg, enum xo_lookup_result result, const struct xo_mx *list,
    size_t n)
{
	struct xo_names *names = arg;

	for (size_t i = 0; i < n; i++)
		names->mx[i] = list[i];
	end(names, result, n);
}

enum xo_lookup_result
xo_names_mx(struct xo_names *names, const char *domain,
    struct xo_mx list[XO_MX_MAX], size_t *n_r)
{
	enum xo_lookup_result result;

	names->mx = list;
	result = answer_to(names, xo_resolver_mx(names->resolver, domain,
	    take_mx, names));
	*n_r = names->n;
	return result;
}

static void
take_name(void *arg, enum xo_lookup_result result, const char *name)
{
	struct xo_names *names = arg;

	if (name != NULL)
		(void)snprintf(names->name, XO_MX_NAME_SIZE, "%s", name);
	end(names, result, name != NULL);
}

enum xo_lookup_result
xo_names_of(struct xo_names *names, const struct sockaddr *address,
    char name_r[XO_MX_NAME_SIZE])
{
	names->name = name_r;
	name_r[0] = '\0';
	return answer_to(names, xo_resolver_name(names->resolver, address,
	    take_name, names));
}
