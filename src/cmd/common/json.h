/* SPDX-License-Identifier: ISC */
/*
 * JSON of what a peer said: never fails for the octets in it.
 */
#ifndef XO_JSON_H
#define XO_JSON_H

#include <jansson.h>

#include <cmd/common/tls_tool.h>

/* Octets that are no UTF-8 become `?`, and then all that are not ASCII do. */
json_t *xo_json_text(struct xo_span s);
/* The lines of `text`, parted by LF, as an array. */
json_t *xo_json_lines(struct xo_span text);
json_t *xo_json_certificate(const struct xo_tls_tool_certificate *certificate);

#endif
