/* SPDX-License-Identifier: ISC */
/*
 * The addresses of this machine, as its interfaces have them now.
 */
#include <conf/place.h>

#include <ifaddrs.h>
#include <netinet/in.h>

static bool
is_at(const struct xo_address *address, const struct sockaddr *at)
{
	const struct sockaddr_in *ipv4 = (const void *)at;
	const struct sockaddr_in6 *ipv6 = (const void *)at;

	if (at == NULL)
		return false;
	if (at->sa_family == AF_INET)
		return xo_address_is_ipv4(address) &&
		    memcmp(address->octets + 12, &ipv4->sin_addr, 4) == 0;
	return at->sa_family == AF_INET6 &&
	    memcmp(address->octets, &ipv6->sin6_addr, 16) == 0;
}

bool
xo_host_is_own(const struct xo_conf_host *host)
{
	struct xo_address address;
	struct ifaddrs *all = NULL;
	bool is_own = false;

	if (xo_address_read(xo_span_from_cstr(host->host), &address) != XO_OK ||
	    getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *one = all; one != NULL && !is_own;
	    one = one->ifa_next)
		is_own = is_at(&address, one->ifa_addr);
	freeifaddrs(all);
	return is_own;
}
