/* SPDX-License-Identifier: ISC */
/*
 * Hosts, ports and networks as text.
 */
#ifndef XO_CONF_ADDRESS_H
#define XO_CONF_ADDRESS_H

#include <conf/arena.h>
#include <conf/conf.h>

/*
 * HOST:PORT, HOST, [IPv6]:PORT, [IPv6]; HOST is an IPv4 address or a domain.
 * NULL, or what was expected. host_r->where is not touched.
 */
const char *xo_conf_host_parse(struct xo_span text, uint16_t default_port,
    struct xo_conf_arena *arena, struct xo_conf_host *host_r);
bool xo_conf_host_is_address(const struct xo_conf_host *host);
bool xo_conf_host_is_unix(const struct xo_conf_host *host);
/* The same text again, with the port. */
void xo_conf_host_write(struct xo_buf *out,
    const struct xo_conf_host *host);

/* ADDRESS or ADDRESS/BITS. NULL, or what was expected. */
const char *xo_conf_network_parse(struct xo_span text,
    struct xo_network *network_r);
void xo_conf_network_write(struct xo_buf *out,
    const struct xo_network *network);

#endif
