/* SPDX-License-Identifier: ISC */
/*
 * What a client is called, as DNS has it, for a next hop that XCLIENT tells of
 * it: the name of its address, and whether that name has this address. Both are
 * for the next hop's rules and log; no right of ours comes from a name. What
 * Postfix would not take for a host's name is none.
 */
#ifndef XO_CLIENT_NAME_H
#define XO_CLIENT_NAME_H

#include <xoorg/opening.h>

struct xo_resolver;
struct xo_client_name;

/*
 * True: what can be known of `address` is known, and stays so; else `done` is
 * called once it is. `*name` is NULL at first and for the caller to free.
 * Loopback has no name, and is not asked for.
 */
bool xo_client_name_ask(struct xo_client_name **name,
    struct xo_resolver *resolver, const struct xo_address *address,
    void (*done)(void *arg), void *arg);
/* Fills the names of `info`, if they are its address'; spans valid until the next
 * call. NULL: none has been asked for. */
void xo_client_name_tell(const struct xo_client_name *name,
    struct xo_handover_info *info);
/* No call any more; what is known stays. */
void xo_client_name_cancel(struct xo_client_name *name);
void xo_client_name_free(struct xo_client_name **name);

#endif
