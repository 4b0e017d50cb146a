/* SPDX-License-Identifier: ISC */
/*
 * What the resolve*.c files share: resolve.c (lookups and their owners),
 * resolve_channel.c (c-ares on the event loop), resolve_answer.c (what c-ares
 * answers; no loop, no sockets).
 */
#ifndef XO_RESOLVE_INTERNAL_H
#define XO_RESOLVE_INTERNAL_H

/* ares_query() and its parsers are what 1.18 has; 1.28 calls them old. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <netdb.h>

#include "resolve.h"

struct event;

struct xo_channel {
	ares_channel ares;		/* NULL: not open */
	struct event_base *base;
	struct event *timer;		/* c-ares' own timeouts */
	struct xo_channel_watch *watches; /* its sockets */
};

/* All-zero is closed; after a failure, too, xo_channel_close() is due. */
bool xo_channel_open(struct xo_channel *channel, struct event_base *base,
    const char *servers);
void xo_channel_close(struct xo_channel *channel);
/* After each question put to c-ares. */
void xo_channel_set_timer(struct xo_channel *channel);

enum xo_lookup_result xo_answer_result(int status);

/* Fills *list_r (free() it) and *n_r if the result is XO_LOOKUP_OK. */
enum xo_lookup_result xo_answer_addresses(const struct ares_addrinfo *info,
    uint16_t port, struct xo_resolved **list_r, size_t *n_r);
/* Fills `name`, of XO_MX_NAME_SIZE, if the result is XO_LOOKUP_OK. */
enum xo_lookup_result xo_answer_name(const unsigned char *reply, int len,
    char *name);
enum xo_lookup_result xo_answer_mx(const unsigned char *reply, int len,
    struct xo_mx **list_r, size_t *n_r);

#endif
