/* SPDX-License-Identifier: ISC */
/*
 * c-ares' answers: statuses, lists of addresses, MX records.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xoorg/domain.h>

#include "resolve_internal.h"

/*
 * Only what a server said about the name is final; all else may pass. A bad
 * name is not ours (it would not have been asked for) but one in the answer.
 */
enum xo_lookup_result
xo_answer_result(int status)
{
	if (status == ARES_SUCCESS)
		return XO_LOOKUP_OK;
	if (status == ARES_ENODATA || status == ARES_ENOTFOUND)
		return XO_LOOKUP_NOT_FOUND;
	return XO_LOOKUP_TEMPORARY;
}

static const struct ares_addrinfo_node *
next_of(const struct ares_addrinfo_node *node, int family)
{
	while (node != NULL && node->ai_family != family)
		node = node->ai_next;
	return node;
}

static bool
set_address(struct xo_resolved *to, const struct ares_addrinfo_node *from,
    uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to->place.address;
	struct sockaddr_in *in = (struct sockaddr_in *)&to->place.address;

	if (from->ai_addr == NULL || (size_t)from->ai_addrlen >
	    sizeof(to->place.address))
		return false;
	memset(to, 0, sizeof(*to));
	memcpy(&to->place.address, from->ai_addr, (size_t)from->ai_addrlen);
	to->place.len = (socklen_t)from->ai_addrlen;
	to->ttl = from->ai_ttl > 0 ? (uint32_t)from->ai_ttl : 0;
	if (from->ai_family == AF_INET6)
		in6->sin6_port = htons(port);
	else
		in->sin_port = htons(port);
	return true;
}

enum xo_lookup_result
xo_answer_addresses(const struct ares_addrinfo *info, uint16_t port,
    struct xo_resolved **list_r, size_t *n_r)
{
	const struct ares_addrinfo_node *next[2];
	struct xo_resolved *list = calloc(XO_RESOLVED_MAX, sizeof(*list));
	uint32_t alias_ttl = UINT32_MAX;
	size_t n = 0;

	if (list == NULL)
		return XO_LOOKUP_TEMPORARY;
	for (const struct ares_addrinfo_cname *alias = info->cnames;
	    alias != NULL; alias = alias->next)
		if (alias->ttl >= 0 && (uint32_t)alias->ttl < alias_ttl)
			alias_ttl = (uint32_t)alias->ttl;
	next[0] = next_of(info->nodes, AF_INET6);
	next[1] = next_of(info->nodes, AF_INET);
	for (size_t turn = 0; n < XO_RESOLVED_MAX &&
	    (next[0] != NULL || next[1] != NULL); turn ^= 1) {
		const struct ares_addrinfo_node *node = next[turn];

		if (node == NULL)
			continue;
		if (set_address(&list[n], node, port)) {
			if (list[n].ttl > alias_ttl)
				list[n].ttl = alias_ttl;
			n++;
		}
		next[turn] = next_of(node->ai_next, node->ai_family);
	}
	if (n == 0) {
		free(list);
		return XO_LOOKUP_NOT_FOUND;
	}
	*list_r = list;
	*n_r = n;
	return XO_LOOKUP_OK;
}

/* MX */

struct candidate {
	const struct ares_mx_reply *mx;
	uint32_t lot;			/* among equals */
};

static int
compare(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->mx->priority != right->mx->priority)
		return left->mx->priority < right->mx->priority ? -1 : 1;
	return (left->lot > right->lot) - (left->lot < right->lot);
}

static bool
is_host(const char *name)
{
	size_t len = strlen(name);

	return len < XO_MX_NAME_SIZE &&
	    xo_domain_is_valid(xo_span(name, len));
}

/*
 * Sorts the usable records into `list`; returns how many. A root name beside
 * others means nothing (RFC 7505 3).
 */
static size_t
choose(const struct ares_mx_reply *records, struct candidate *candidates,
    struct xo_mx *list)
{
	size_t n = 0, i;

	for (; records != NULL; records = records->next)
		if (records->host != NULL && is_host(records->host)) {
			candidates[n].mx = records;
			/* Without randomness: the order that qsort leaves. */
			if (getrandom(&candidates[n].lot, sizeof(uint32_t),
			    GRND_NONBLOCK) < 0)
				candidates[n].lot = 0;
			n++;
		}
	qsort(candidates, n, sizeof(*candidates), compare);
	if (n > XO_MX_MAX)
		n = XO_MX_MAX;
	for (i = 0; i < n; i++) {
		const struct ares_mx_reply *mx = candidates[i].mx;

		memcpy(list[i].name, mx->host, strlen(mx->host) + 1);
		list[i].preference = mx->priority;
	}
	return n;
}

enum xo_lookup_result
xo_answer_name(const unsigned char *reply, int len, char *name)
{
	struct hostent *host = NULL;
	enum xo_lookup_result result = xo_answer_result(
	    ares_parse_ptr_reply(reply, len, NULL, 0, AF_INET, &host));

	if (result == XO_LOOKUP_OK) {
		const char *p = host->h_name != NULL ? host->h_name : "";

		if (is_host(p))
			memcpy(name, p, strlen(p) + 1);
		else
			result = XO_LOOKUP_NOT_FOUND;
	}
	if (host != NULL)
		ares_free_hostent(host);
	return result;
}

/* Behind the name at `p`; NULL: there is none. */
static const unsigned char *
skip_name(const unsigned char *p, const unsigned char *reply, int len)
{
	char *name = NULL;
	long n;

	if (p == NULL || p >= reply + len ||
	    ares_expand_name(p, reply, len, &name, &n) != ARES_SUCCESS)
		return NULL;
	ares_free_string(name);
	return p + n;
}

static uint32_t
read_number(const unsigned char *p, size_t n)
{
	uint32_t value = 0;

	while (n-- > 0)
		value = value << 8 | *p++;
	return value;
}

/* The least TTL in the answer section, which c-ares does not tell; 0: the
 * answer cannot be read so far. */
static uint32_t
least_ttl(const unsigned char *reply, int len)
{
	const unsigned char *p = reply + 12, *end = reply + len;
	uint32_t questions, answers, least = UINT32_MAX, ttl;

	if (len < 12)
		return 0;
	questions = read_number(reply + 4, 2);
	answers = read_number(reply + 6, 2);
	while (questions-- > 0) {
		p = skip_name(p, reply, len);
		if (p == NULL || end - p < 4)
			return 0;
		p += 4;
	}
	while (answers-- > 0) {
		p = skip_name(p, reply, len);
		if (p == NULL || end - p < 10 ||
		    end - p < 10 + (ptrdiff_t)read_number(p + 8, 2))
			return 0;
		ttl = read_number(p + 4, 4);
		/* RFC 2181 8: the top bit set is none. */
		if (ttl > INT32_MAX)
			ttl = 0;
		if (ttl < least)
			least = ttl;
		p += 10 + read_number(p + 8, 2);
	}
	return least == UINT32_MAX ? 0 : least;
}

enum xo_lookup_result
xo_answer_mx(const unsigned char *reply, int len, struct xo_mx **list_r,
    size_t *n_r)
{
	struct ares_mx_reply *records = NULL;
	struct candidate *candidates = NULL;
	struct xo_mx *list = NULL;
	enum xo_lookup_result result;
	size_t n = 0;

	result = xo_answer_result(ares_parse_mx_reply(reply, len, &records));
	if (result != XO_LOOKUP_OK)
		goto out;
	for (const struct ares_mx_reply *mx = records; mx != NULL;
	    mx = mx->next)
		n++;
	candidates = calloc(n + 1, sizeof(*candidates));
	list = calloc(XO_MX_MAX, sizeof(*list));
	if (candidates == NULL || list == NULL) {
		result = XO_LOOKUP_TEMPORARY;
		goto out;
	}
	n = choose(records, candidates, list);
	/*
	 * Records, but none of a host: the null MX, or a domain whose owner
	 * did not mean the domain itself to get its mail.
	 */
	if (n == 0) {
		result = XO_LOOKUP_NO_MAIL;
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		list[i].ttl = least_ttl(reply, len);
	*list_r = list;
	*n_r = n;
	list = NULL;
out:
	free(list);
	free(candidates);
	if (records != NULL)
		ares_free_data(records);
	return result;
}
