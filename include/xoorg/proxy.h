/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol, versions 1 and 2, as HAProxy specifies it: what a proxy
 * says about its client before the first octet of SMTP.
 *
 * Whether a header comes is never guessed: a listed proxy must send exactly one,
 * and from all other clients it is not a header. What a header says about TLS is
 * ignored: it raises no trust.
 */
#ifndef XOORG_PROXY_H
#define XOORG_PROXY_H

#include <xoorg/address.h>

XO_API_BEGIN

/* Octets of a version 1 line, and of a version 2 header with its TLVs. */
#define XO_PROXY_V1_MAX 107
#define XO_PROXY_V2_MAX 536

struct xo_proxy {
	bool is_local;		/* LOCAL or UNKNOWN: the proxy speaks itself */
	struct xo_address client, server;
	uint16_t client_port, server_port;
};

/*
 * XO_OK: *used_r octets are the header. XO_MORE: its end has not come.
 * XO_ERR_SYNTAX, XO_ERR_LIMIT: close.
 */
XO_MUST_CHECK enum xo_err xo_proxy_read(struct xo_span in,
    struct xo_proxy *proxy_r, size_t *used_r);

void xo_proxy_write_v1(struct xo_buf *out, const struct xo_proxy *proxy);
void xo_proxy_write_v2(struct xo_buf *out, const struct xo_proxy *proxy);

XO_API_END

#endif
