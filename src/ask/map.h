/* SPDX-License-Identifier: ISC */
/*
 * The tenants as Postfix' lookup tables (socketmap_table(5)): a request is `NAME
 * KEY`, a reply `OK VALUE`, `NOTFOUND `, `TEMP ...` or `PERM ...`; both are
 * netstrings on the wire (table/netstring.h).
 *
 *   org            a domain as XOORG says it: the name of its tenant
 *   org_access     the same: what access(5) shall do with mail that bears it
 *   sender         an address, or a domain: the name of the tenant it is of
 *   sender_xoorg   the same: the tenant's first originator org
 *   recipient      a domain: the name of the tenant that gets its mail, if the
 *                  tenant is one of the configuration
 *
 * A key proves nothing of who handed a mail over, so no value lets anybody
 * relay. Pure.
 */
#ifndef XO_ASK_MAP_H
#define XO_ASK_MAP_H

#include <xoorg/policy.h>
#include <xoorg/refusal.h>
#include <xoorg/treatment.h>

/* Of a request, in octets. */
#define XO_MAP_REQUEST ((size_t)2048)

enum xo_map_result {
	XO_MAP_OK,
	XO_MAP_NOTFOUND,
	XO_MAP_TEMP,			/* whose it is must be asked first */
	XO_MAP_PERM,			/* no such table, or no request */
	XO_MAP_RESULT_COUNT
};

struct xo_map_answer {
	enum xo_map_result result;
	struct xo_span map, key;	/* of the request */
	int tenant;			/* XO_NOBODY: none */
	bool is_access;			/* the value is an action of access(5) */
	enum xo_refusal refusal;	/* of that, or of XO_MAP_TEMP */
	struct xo_lack lacks;		/* of XO_MAP_TEMP; as xo_treatment.lacks */
};

/* Answers what stands in the netstring; `out` has the text of the reply. */
void xo_map_answer(const struct xo_policy *policy,
    const struct xo_listener *listener, struct xo_span request,
    struct xo_buf *out, struct xo_map_answer *answer_r);

#endif
