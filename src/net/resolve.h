/* SPDX-License-Identifier: ISC */
/*
 * Names to addresses and domains to mail exchangers, without waiting: c-ares on
 * the worker's event loop. c-ares is seen by the resolve*.c files alone.
 *
 * Names are absolute: no search list and no HOSTALIASES ever turns one name
 * into another. /etc/hosts counts for addresses. Each server is asked twice at
 * most (5 s, then longer); a lookup as a whole ends after 15 s.
 *
 * Make the resolver after the fork, and before the process is locked in: it
 * reads /etc/resolv.conf once, and /etc/hosts at each lookup.
 */
#ifndef XO_RESOLVE_H
#define XO_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "place.h"

struct event_base;
struct xo_resolver;
struct xo_lookup;		/* one question */

/* Longer lists are cut. */
#define XO_RESOLVED_MAX 32
#define XO_MX_MAX 32
#define XO_MX_NAME_SIZE 256

enum xo_lookup_result {
	XO_LOOKUP_OK,		/* the list has one entry at least */
	XO_LOOKUP_NOT_FOUND,	/* no such name, or nothing of this kind */
	XO_LOOKUP_NO_MAIL,	/* null MX (RFC 7505), or no MX names a host */
	XO_LOOKUP_TEMPORARY,	/* no answer, or none of use: may differ later */
	XO_LOOKUP_RESULT_COUNT
};

/* "ok", "not found", ... for the log. */
const char *xo_lookup_result_name(enum xo_lookup_result result);

struct xo_resolved {
	struct xo_place place;		/* with the port asked for */
	uint32_t ttl;			/* seconds; 0: /etc/hosts */
};

struct xo_mx {
	char name[XO_MX_NAME_SIZE];		/* without final dot */
	uint16_t preference;
	uint32_t ttl;			/* seconds: of the whole answer */
};

/*
 * The answer. Never called before the call that asked has returned, nor after
 * xo_lookup_cancel(). The lookup is over when it is called: forget the handle.
 * `list` is valid during the call, NULL unless XO_LOOKUP_OK. It may ask again,
 * cancel other lookups, and free the resolver.
 */
typedef void xo_lookup_done(void *arg, enum xo_lookup_result result,
    const struct xo_resolved *list, size_t n);
typedef void xo_mx_done(void *arg, enum xo_lookup_result result,
    const struct xo_mx *list, size_t n);

/* `name` is NULL unless XO_LOOKUP_OK. */
typedef void xo_name_done(void *arg, enum xo_lookup_result result,
    const char *name);

/*
 * `servers`: NULL for the system's, else "192.0.2.53,127.0.0.1:5353,[::1]:53".
 * NULL if there is no memory or `servers` cannot be read. `base` is kept.
 */
struct xo_resolver *xo_resolver_new(struct event_base *base,
    const char *servers);
/* Open lookups end without a call; their handles are void. */
void xo_resolver_free(struct xo_resolver **resolver);

/* How long a lookup begun from now on may take in all. */
void xo_resolver_set_limit(struct xo_resolver *resolver, uint32_t milliseconds);

/*
 * A and AAAA: IPv6 and IPv4 in turn, beginning with IPv6, each in the order
 * given. XO_LOOKUP_NOT_FOUND only if that is so for both kinds: if one does not
 * exist and the other could not be had, it is XO_LOOKUP_TEMPORARY. A name that
 * xo_domain_is_valid() refuses is not found; one final dot is fine. NULL: no
 * memory.
 */
struct xo_lookup *xo_resolver_host(struct xo_resolver *resolver,
    const char *name, uint16_t port, xo_lookup_done *done, void *arg);

/*
 * PTR: what an address (AF_INET or AF_INET6) is called; a name that
 * xo_domain_is_valid() refuses is none, and /etc/hosts does not count. The owner
 * of the address can write any name there: ask for the addresses of that name
 * before it is believed.
 */
struct xo_lookup *xo_resolver_name(struct xo_resolver *resolver,
    const struct sockaddr *address, xo_name_done *done, void *arg);

/*
 * MX, by preference, equal ones in random order (RFC 5321 5.1). After
 * XO_LOOKUP_NOT_FOUND the caller takes the domain itself as its only host,
 * after XO_LOOKUP_NO_MAIL nobody. Names that no host can have are left out.
 */
struct xo_lookup *xo_resolver_mx(struct xo_resolver *resolver,
    const char *domain, xo_mx_done *done, void *arg);

/* Cancelling NULL is fine. */
void xo_lookup_cancel(struct xo_lookup **lookup);

#endif
