/* SPDX-License-Identifier: ISC */
/* A client's name: PTR, then the addresses of what it says. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "client_name.h"
#include "resolve.h"

struct xo_client_name {
	struct xo_resolver *resolver;
	struct xo_lookup *lookup;
	struct xo_address address;
	bool is_settled;
	enum xo_lookup_result reverse;	/* of the name */
	enum xo_lookup_result forward;	/* of the address, by it */
	char text[XO_MX_NAME_SIZE];
	void (*done)(void *arg);
	void *arg;
};

static bool
is_loopback(const struct xo_address *a)
{
	static const struct xo_address ipv6 = {
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	};

	return xo_address_is_ipv4(a) ? a->octets[12] == 127 :
	    memcmp(a, &ipv6, sizeof(ipv6)) == 0;
}

static socklen_t
to_sockaddr(const struct xo_address *a, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (xo_address_is_ipv4(a)) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, a->octets + 12, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, a->octets, 16);
	return sizeof(*in6);
}

static void
settle(struct xo_client_name *n)
{
	n->is_settled = true;
	n->done(n->arg);
}

static void
found_addresses(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n)
{
	struct xo_client_name *name = arg;
	struct xo_place own;

	own.len = to_sockaddr(&name->address, &own.address);
	name->lookup = NULL;
	name->forward = result == XO_LOOKUP_OK ? XO_LOOKUP_NOT_FOUND : result;
	for (size_t i = 0; i < n; i++)
		if (xo_place_is_equal(&list[i].place, &own))
			name->forward = XO_LOOKUP_OK;
	settle(name);
}

/*
 * Whose address it is chooses the name, and Postfix says 501 to XCLIENT with one
 * that begins or ends a label with a hyphen, or has digits alone: such a client's
 * mail would never get through, and the next hop would seem to be broken.
 */
static bool
is_host_name(const char *name)
{
	bool is_numeric = true;
	char before = '.';

	for (; *name != '\0'; before = *name++) {
		if (*name == '-' &&
		    (before == '.' || name[1] == '.' || name[1] == '\0'))
			return false;
		if (*name != '.' && !xo_ascii_is_digit((uint8_t)*name))
			is_numeric = false;
	}
	return !is_numeric;
}

static void
found_name(void *arg, enum xo_lookup_result result, const char *text)
{
	struct xo_client_name *n = arg;

	n->lookup = NULL;
	if (result == XO_LOOKUP_OK && !is_host_name(text))
		result = XO_LOOKUP_NOT_FOUND;
	n->reverse = n->forward = result;
	if (result == XO_LOOKUP_OK) {
		memcpy(n->text, text, strlen(text) + 1);
		n->lookup = xo_resolver_host(n->resolver, text, 0,
		    found_addresses, n);
		if (n->lookup != NULL)
			return;
		n->forward = XO_LOOKUP_TEMPORARY;
	}
	settle(n);
}

bool
xo_client_name_ask(struct xo_client_name **name, struct xo_resolver *resolver,
    const struct xo_address *address, void (*done)(void *arg), void *arg)
{
	struct xo_client_name *n = *name;
	struct sockaddr_storage storage;

	if (n == NULL)
		n = *name = calloc(1, sizeof(*n));
	if (n == NULL)
		return true;
	if (n->is_settled &&
	    memcmp(&n->address, address, sizeof(*address)) == 0)
		return true;
	xo_client_name_cancel(n);
	*n = (struct xo_client_name){
		.resolver = resolver,
		.address = *address,
		.reverse = XO_LOOKUP_NOT_FOUND,
		.forward = XO_LOOKUP_NOT_FOUND,
		.done = done,
		.arg = arg,
	};
	n->is_settled = is_loopback(address);
	if (n->is_settled)
		return true;
	(void)to_sockaddr(address, &storage);
	n->lookup = xo_resolver_name(resolver,
	    (const struct sockaddr *)&storage, found_name, n);
	if (n->lookup != NULL)
		return false;
	n->reverse = n->forward = XO_LOOKUP_TEMPORARY;
	n->is_settled = true;
	return true;
}

void
xo_client_name_tell(const struct xo_client_name *n,
    struct xo_handover_info *info)
{
	if (n == NULL || !n->is_settled ||
	    memcmp(&n->address, info->address, sizeof(n->address)) != 0)
		return;
	info->is_name_uncertain = n->forward == XO_LOOKUP_TEMPORARY;
	info->is_reverse_uncertain = n->reverse == XO_LOOKUP_TEMPORARY;
	if (n->forward == XO_LOOKUP_OK)
		info->name = xo_span_from_cstr(n->text);
	if (n->reverse == XO_LOOKUP_OK)
		info->reverse_name = xo_span_from_cstr(n->text);
}

void
xo_client_name_cancel(struct xo_client_name *n)
{
	if (n != NULL)
		xo_lookup_cancel(&n->lookup);
}

void
xo_client_name_free(struct xo_client_name **name)
{
	xo_client_name_cancel(*name);
	free(*name);
	*name = NULL;
}
