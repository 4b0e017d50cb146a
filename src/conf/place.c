/* SPDX-License-Identifier: ISC */
/*
 * Hosts as places: see place.h.
 */
#include <conf/place.h>

#include <conf/address.h>

#define MX_PORT 25

enum kind {
	KIND_NAME,
	KIND_LOCALHOST,			/* 127.0.0.1 and ::1 */
	KIND_ADDRESS,
};

struct place {
	enum kind kind;
	struct xo_address address;
};

static const char *const private_networks[] = {
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"169.254.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10",
};

static bool
is_within(const char *text, const struct xo_network *network)
{
	struct xo_network outer;

	return xo_conf_network_parse(xo_span_from_cstr(text), &outer) == NULL &&
	    network->bits >= outer.bits &&
	    xo_network_contains(&outer, &network->address);
}

bool
xo_network_is_private(const struct xo_network *network)
{
	for (size_t i = 0; i < sizeof(private_networks) /
	    sizeof(private_networks[0]); i++)
		if (is_within(private_networks[i], network))
			return true;
	return false;
}

static bool
is_localhost(struct xo_span name)
{
	static const char *const names[] = {"localhost",
		"localhost.localdomain", "ip6-localhost", "ip6-loopback"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (xo_span_is_equal_nocase(name, xo_span_from_cstr(names[i])))
			return true;
	return name.len > 10 && xo_span_is_equal_nocase(xo_span_from(name,
	    name.len - 10), XO_LIT(".localhost"));
}

static bool
is_zero(const uint8_t *octets, size_t n)
{
	while (n > 0 && octets[n - 1] == 0)
		n--;
	return n == 0;
}

bool
xo_host_is_any(const struct xo_conf_host *host)
{
	struct xo_address a;

	return xo_address_read(xo_span_from_cstr(host->host), &a) == XO_OK &&
	    (is_zero(a.octets, 16) ||
	    (xo_address_is_ipv4(&a) && is_zero(a.octets + 12, 4)));
}

static struct place
place_of(const struct xo_conf_host *host)
{
	struct xo_span name = xo_span_from_cstr(host->host);
	struct place place = {.kind = KIND_NAME};

	if (is_localhost(name)) {
		place.kind = KIND_LOCALHOST;
	} else if (xo_address_read(name, &place.address) == XO_OK) {
		place.kind = KIND_ADDRESS;
		/* Linux connects to loopback for it. */
		if (!xo_host_is_any(host))
			return place;
		if (xo_address_is_ipv4(&place.address))
			place.address.octets[12] = 127;
		place.address.octets[15] = 1;
	}
	return place;
}

static bool
is_loopback(const struct place *place)
{
	const struct xo_network network = {place->address, 128};

	return place->kind == KIND_LOCALHOST || (place->kind == KIND_ADDRESS &&
	    (is_within("127.0.0.0/8", &network) ||
	    is_within("::1/128", &network)));
}

static bool
are_equal(const struct xo_address *a, const struct xo_address *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static bool
is_at_localhost(const struct place *place)
{
	static const uint8_t ipv4[16] = {[10] = 255, [11] = 255, [12] = 127,
		[15] = 1};
	static const uint8_t ipv6[16] = {[15] = 1};

	return place->kind == KIND_LOCALHOST ||
	    memcmp(place->address.octets, ipv4, sizeof(ipv4)) == 0 ||
	    memcmp(place->address.octets, ipv6, sizeof(ipv6)) == 0;
}

enum xo_meeting
xo_hosts_meet(const struct xo_conf_host *a, const struct xo_conf_host *b)
{
	struct place x = place_of(a);
	struct place y = place_of(b);

	if (a->port != b->port)
		return XO_MEETING_NO;
	if (x.kind == KIND_NAME || y.kind == KIND_NAME)
		return x.kind == y.kind && xo_span_is_equal_nocase(
		    xo_span_from_cstr(a->host), xo_span_from_cstr(b->host)) ?
		    XO_MEETING_YES : XO_MEETING_PERHAPS;
	if (x.kind == KIND_LOCALHOST || y.kind == KIND_LOCALHOST ?
	    is_at_localhost(&x) && is_at_localhost(&y) :
	    are_equal(&x.address, &y.address))
		return XO_MEETING_YES;
	/* A server at all addresses of this machine is at both. */
	return is_loopback(&x) || is_loopback(&y) ? XO_MEETING_PERHAPS :
	    XO_MEETING_NO;
}

static enum xo_meeting
meets_exchangers(const struct xo_conf_upstream *upstream, const char *mx)
{
	if (upstream->mx != NULL)
		return xo_span_is_equal_nocase(xo_span_from_cstr(mx),
		    xo_span_from_cstr(upstream->mx)) ? XO_MEETING_YES :
		    XO_MEETING_PERHAPS;
	for (size_t i = 0; i < upstream->n_hosts; i++)
		if (upstream->hosts[i].port == MX_PORT)
			return XO_MEETING_PERHAPS;
	return XO_MEETING_NO;
}

enum xo_meeting
xo_upstreams_meet(const struct xo_conf_upstream *a,
    const struct xo_conf_upstream *b)
{
	enum xo_meeting most = XO_MEETING_NO;

	if (a->mx != NULL)
		return meets_exchangers(b, a->mx);
	if (b->mx != NULL)
		return meets_exchangers(a, b->mx);
	for (size_t i = 0; i < a->n_hosts; i++) {
		for (size_t k = 0; k < b->n_hosts; k++) {
			enum xo_meeting one = xo_hosts_meet(&a->hosts[i],
			    &b->hosts[k]);

			most = one > most ? one : most;
		}
	}
	return most;
}

bool
xo_host_reaches(const struct xo_conf_host *to,
    const struct xo_conf_host *listen)
{
	struct place place = place_of(to);
	bool is_ipv4 = xo_address_is_ipv4(&place.address);

	if (to->port != listen->port || place.kind == KIND_NAME)
		return false;
	if (!xo_host_is_any(listen))
		return xo_hosts_meet(to, listen) == XO_MEETING_YES;
	return place.kind == KIND_LOCALHOST || (is_loopback(&place) &&
	    is_ipv4 == (strchr(listen->host, ':') == NULL));
}

bool
xo_host_is_loopback(const struct xo_conf_host *host)
{
	struct place place = place_of(host);

	return xo_conf_host_is_unix(host) || is_loopback(&place);
}

bool
xo_host_is_public(const struct xo_conf_host *host)
{
	struct place place = place_of(host);
	const struct xo_network network = {place.address, 128};

	return place.kind == KIND_ADDRESS && !xo_network_is_private(&network);
}

/* Names of the second level under a country's. */
static bool
is_second_level(struct xo_span label)
{
	static const char *const labels[] = {"ac", "co", "com", "edu", "go",
		"gob", "gov", "gv", "ltd", "me", "ne", "net", "nhs", "or",
		"org", "plc", "police", "sch"};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (xo_span_is_equal_nocase(label,
		    xo_span_from_cstr(labels[i])))
			return true;
	return false;
}

bool
xo_domain_is_shared(struct xo_span domain)
{
	static const char *const clouds[] = {"onmicrosoft.com",
		"mail.onmicrosoft.com", "onmicrosoft.us",
		"mail.onmicrosoft.us", "onmicrosoft.de", "onmschina.cn",
		"partner.onmschina.cn", "mail.partner.onmschina.cn"};
	size_t dot;

	if (xo_span_has_prefix_nocase(domain, XO_LIT("*.")))
		domain = xo_span_from(domain, 2);
	dot = xo_span_find(domain, '.');
	for (size_t i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++)
		if (xo_span_is_equal_nocase(domain,
		    xo_span_from_cstr(clouds[i])))
			return true;
	return dot == domain.len || (domain.len - dot == 3 &&
	    is_second_level(xo_span_first(domain, dot)));
}
