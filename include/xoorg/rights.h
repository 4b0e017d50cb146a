/* SPDX-License-Identifier: ISC */
/*
 * From a client's certificate and address to its rights.
 *
 * The rules (protocol.md 4.2, 4.5): a configured name matches a
 * SAN dNSName exactly, ASCII case-insensitively. The subject's CN counts only
 * in a certificate without any SAN and with exactly one CN. A wildcard SAN
 * covers exactly one label, and only for a peer with `has_wildcards`; a name that
 * is configured as a wildcard matches the same wildcard. A peer with
 * XO_MATCH_CN_TOO takes the CN beside a SAN, too. The chain matters only for a
 * certificate whose name matched: all of it has to be valid, and every issuer
 * in it has to permit the name that matched, wherever it stands. Usage and
 * revocation are judged for each peer by its own `eku` and `crl`.
 */
#ifndef XOORG_RIGHTS_H
#define XOORG_RIGHTS_H

#include <xoorg/policy.h>

XO_API_BEGIN

/*
 * A certificate as far as rights depend on it. Names come with their lengths:
 * one with a NUL in it is a name like any other and matches nothing.
 */
enum xo_crl_finding {
	XO_CRL_NOT_ASKED,
	XO_CRL_GOOD,			/* every certificate is in force */
	XO_CRL_UNUSABLE,		/* a list is missing, stale, another's */
	XO_CRL_REVOKED,
};

/* Of a certificate above the leaf (RFC 5280 4.2.1.10), as far as it is about
 * dNSNames. Those of one certificate stand together. */
struct xo_name_constraint {
	size_t issuer;			/* whose: its index in the chain */
	bool is_excluded;		/* else permitted */
	struct xo_span base;
};

struct xo_certificate {
	bool is_present;
	bool has_alt_names;			/* a SAN, of whatever kind */
	const struct xo_span *dns_names;	/* SAN dNSName */
	size_t n_dns_names;
	struct xo_span common_name;		/* empty unless exactly one */
	const struct xo_name_constraint *constraints;
	size_t n_constraints;			/* of a valid chain */
	bool is_chain_valid;			/* chain, dates, any usage */
	const char *flaw;			/* why not, for the log */
	/* What the peer decides about; of a valid chain. */
	bool is_for_servers, is_for_clients;
	enum xo_crl_finding crl;
};

#define XO_REASON_SIZE 256

/* Sources are asked for so many names of one certificate. */
#define XO_OPEN_NAMES_MAX 16
/* The place of the common name; those of dns_names are before it. */
#define XO_OPEN_NAMES_CN 63

struct xo_rights {
	uint32_t rights;
	int peer;		/* the certificate's peer, else the address's */
	struct xo_span name;	/* the configured name that matched, or empty */
	bool is_refused;	/* 454 4.7.5: its name matched, its chain not */
	bool is_verified;	/* `name` is in a certificate good for its peer */
	bool is_attributed;	/* its mail is this tenant's, and no other's */
	bool is_by_name;	/* the same, by its certificate */
	int tenant;
	/* Names of the certificate, a bit each, of which only sources can say
	 * whose they are: what follows is known at MAIL (treatment.h). 0: none */
	uint64_t open_names;
	int open_peer;		/* the first that would know it by them */
	char reason[XO_REASON_SIZE];	/* a sentence for log and probe */
};

/*
 * A configured name against a certificate's. `has_wildcards`: a presented `*.x`
 * matches, too; x needs a dot.
 */
bool xo_certificate_name_matches(struct xo_span configured,
    struct xo_span presented, bool has_wildcards);

/*
 * Do all issuers of its chain permit `name`? A wildcard is excluded, too, if it
 * could stand for an excluded name.
 */
bool xo_certificate_permits(const struct xo_certificate *certificate,
    struct xo_span name);

/*
 * The name that a next hop's certificate must have. `host` is as configured, and
 * then `domain` is empty; or it is as the MX of `domain` names it. Unsigned DNS
 * proves nothing: a host outside the configured domain must have a certificate for
 * that domain.
 */
struct xo_span xo_server_name(struct xo_span host, struct xo_span domain);

/*
 * The rights of a session: the union of what the listener's matching peers
 * give. Without TLS `certificate` is NULL. An address never gives
 * XO_RIGHT_XOORG, whatever its peer lists, nor XO_RIGHT_RELAY of a peer that lists
 * both. With is_refused there are no rights at all.
 *
 * A matching peer with a tenant makes the session that tenant's: by certificate
 * before by address. If two of a kind name two tenants, it is nobody's, and has
 * no XO_RIGHT_RELAY (protocol.md 9.9).
 *
 * Where tenants are asked for, names of a certificate that is good for a peer with
 * tenant_names are open, unless they are a tenant's or a peer's with
 * XO_RIGHT_XOORG: they give nothing here. More than XO_OPEN_NAMES_MAX of them
 * make the session nobody's, as two tenants do (protocol.md 9.13).
 */
void xo_rights_decide(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_certificate *certificate,
    const struct xo_address *address, struct xo_rights *rights_r);

/* The open names; point into `certificate`. Returns how many. */
size_t xo_rights_open_names(const struct xo_rights *rights,
    const struct xo_certificate *certificate,
    struct xo_span names_r[XO_OPEN_NAMES_MAX]);

/* With what the sources may add: for what has to be said before they are asked. */
uint32_t xo_rights_most(const struct xo_rights *rights);

XO_API_END

#endif
