/* SPDX-License-Identifier: ISC */
/* Who the client is: its address, and how a next hop shall see it. */
#include <netinet/in.h>
#include <string.h>

#include <net/client_name.h>

#include "session_internal.h"

static void
set_address(struct xo_address *a, uint16_t *port, const struct sockaddr *from)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof(*a));
	/* analyser: the kernel wrote it */
	if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof(in));
		a->octets[10] = a->octets[11] = 0xff;
		memcpy(a->octets + 12, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
	} else if (from->sa_family == AF_INET6) {
		memcpy(&in6, from, sizeof(in6));
		memcpy(a->octets, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
	}
}

void
xo_session_set_addresses(struct xo_session *s,
    const struct sockaddr *peer)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);

	set_address(&s->address, &s->port, peer);
	if (getsockname(s->front.fd, (struct sockaddr *)&local, &len) == 0)
		set_address(&s->server, &s->server_port,
		    (const struct sockaddr *)&local);
}

struct xo_handover_info
xo_session_client(const struct xo_session *s)
{
	const struct xo_told *told = xo_relay_told(s->relay);
	struct xo_handover_info info = {
		.address = xo_relay_address(s->relay),
		.port = xo_relay_port(s->relay),
		.hello = xo_relay_hello(s->relay),
		.is_esmtp = xo_relay_is_esmtp(s->relay),
		.server = told->has_server ? &told->server : &s->server,
		.server_port = told->has_server ? told->server_port :
		    s->server_port,
	};

	xo_client_name_tell(s->want.name, &info);
	/* One of our own has told better than we could find out. */
	if (told->name.len > 0)
		info.name = told->name;
	if (told->reverse_name.len > 0)
		info.reverse_name = told->reverse_name;
	return info;
}
