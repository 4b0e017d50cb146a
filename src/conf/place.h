/* SPDX-License-Identifier: ISC */
/*
 * Where a host of the configuration is, however it is written: whether two are
 * one place. Nothing is looked up, so of names the answer may be "perhaps".
 */
#ifndef XO_CONF_PLACE_H
#define XO_CONF_PLACE_H

#include <conf/conf.h>

enum xo_meeting {
	XO_MEETING_NO,
	XO_MEETING_PERHAPS,
	XO_MEETING_YES,
};

/*
 * One server at both? Ports first; addresses by value (an IPv4 one mapped into
 * IPv6 is the same); 0.0.0.0 and :: as this machine's loopback, localhost as
 * both of its addresses; names without case. Perhaps: two names, a name and an
 * address, two addresses of this machine.
 */
enum xo_meeting xo_hosts_meet(const struct xo_conf_host *a,
    const struct xo_conf_host *b);
/* Any of the hosts of each; the mail exchangers of a domain are at port 25. */
enum xo_meeting xo_upstreams_meet(const struct xo_conf_upstream *a,
    const struct xo_conf_upstream *b);
/* Would a connection to `to` come to a socket that is bound to `listen`? */
bool xo_host_reaches(const struct xo_conf_host *to,
    const struct xo_conf_host *listen);

/* 127.0.0.0/8, ::1, localhost, and what stands for them; a unix socket. */
bool xo_host_is_loopback(const struct xo_conf_host *host);
/* An address that is neither of this machine, nor of a private network. */
bool xo_host_is_public(const struct xo_conf_host *host);
/* An address of an interface; false if that cannot be told. */
bool xo_host_is_own(const struct xo_conf_host *host);
/* 0.0.0.0 or :: */
bool xo_host_is_any(const struct xo_conf_host *host);
/* All of it is private: 10.0.0.0/8, fc00::/7, loopback and the like. */
bool xo_network_is_private(const struct xo_network *network);

/*
 * A domain below which anybody can have a name: a single label, `co.uk` and
 * its like, and those of Microsoft's clouds. A leading `*.` counts nothing.
 */
bool xo_domain_is_shared(struct xo_span domain);

#endif
