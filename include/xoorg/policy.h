/* SPDX-License-Identifier: ISC */
/*
 * The policy: peers, tenants, listeners and upstreams, as the trust decisions
 * see them. Immutable once built; its builder (the configuration) owns every span
 * and array in it. References between the four are indexes into the arrays of
 * struct xo_policy. One that may be absent counts only if the `has_` beside it says
 * so: what is all-zero, or was forgotten, leads nowhere. Functions that take or give
 * an index know XO_NOBODY for none.
 */
#ifndef XOORG_POLICY_H
#define XOORG_POLICY_H

#include <xoorg/address.h>
#include <xoorg/bytes.h>
#include <xoorg/extension.h>

XO_API_BEGIN

#define XO_NOBODY (-1)

enum xo_right {
	XO_RIGHT_XOORG = 1 << 0,
	XO_RIGHT_RELAY = 1 << 1,	/* send to anybody: our own systems */
	XO_RIGHT_XCLIENT = 1 << 2,
	XO_RIGHT_PROXY = 1 << 3,
};

enum xo_bad_certificate {
	XO_BAD_CERTIFICATE_REFUSE,	/* 454 4.7.5 to EHLO, close */
	XO_BAD_CERTIFICATE_UNTRUSTED,	/* go on without the right */
	XO_BAD_CERTIFICATE_COUNT
};

enum xo_crl_mode {
	XO_CRL_OFF,
	XO_CRL_SOFT,			/* unusable list: log, go on */
	XO_CRL_HARD,			/* unusable list: certificate is bad */
	XO_CRL_INHERIT,			/* of a peer: as the listener has it */
	XO_CRL_MODE_COUNT
};

/* What a certificate has to be for, beside anything else. */
enum xo_eku {
	XO_EKU_EITHER,
	XO_EKU_SERVER,
	XO_EKU_CLIENT,
	XO_EKU_COUNT
};

/* Which names of a certificate count. */
enum xo_match {
	XO_MATCH_SAN,			/* the CN only in want of any SAN */
	XO_MATCH_CN_TOO,
	XO_MATCH_COUNT
};

/* An identity and its rights: by certificate name or by address. */
struct xo_peer {
	struct xo_span name;
	const struct xo_span *names;
	size_t n_names;
	const struct xo_network *networks;
	size_t n_networks;
	uint32_t rights;		/* of enum xo_right */
	enum xo_bad_certificate bad_certificate;
	bool has_wildcards;		/* `*.x` in a certificate counts */
	enum xo_match match;
	enum xo_eku eku;
	enum xo_crl_mode crl;
	/* What our own system sends is this tenant's, and no other's. */
	bool has_tenant;
	int tenant;
	/* Its names are the certificate_names of all tenants, and what it sends
	 * is that of the tenant whose name it has. */
	bool has_tenant_names;
};

struct xo_tenant {
	struct xo_span name;
	const struct xo_span *originator_orgs;
	size_t n_originator_orgs;
	const struct xo_span *sender_domains;	/* none: no sender rule */
	size_t n_sender_domains;
	const struct xo_span *recipient_domains;
	size_t n_recipient_domains;
	/* By which its own systems are known; no wildcards. */
	const struct xo_span *certificate_names;
	size_t n_certificate_names;
	bool relay;			/* centralized mail transport */
	bool allow_untrusted_routing;	/* routed addresses, too (routing.h) */
	bool has_upstream;
	int upstream;			/* else the listener's */
	bool has_client_certificate;
};

enum xo_verdict {
	XO_VERDICT_VERIFIED,
	XO_VERDICT_UNKNOWN_ORG,
	XO_VERDICT_NO_ORG,
	XO_VERDICT_SENDER_MISMATCH,
	XO_VERDICT_UNAUTHENTICATED,
	XO_VERDICT_OURS,		/* our own systems': always accepted */
	XO_VERDICT_ATTRIBUTED,		/* the same, of a tenant's: by its peer */
	XO_VERDICT_COUNT
};

enum xo_decision {
	XO_DECISION_REJECT,		/* unless somebody says otherwise */
	XO_DECISION_TEMPFAIL,
	XO_DECISION_DEMOTE,
	XO_DECISION_ACCEPT,
	XO_DECISION_COUNT
};

enum xo_mode {
	XO_MODE_ENFORCE,
	XO_MODE_OBSERVE,
	XO_MODE_COUNT
};

enum xo_bare_newline {
	XO_BARE_NEWLINE_REJECT,
	XO_BARE_NEWLINE_NORMALIZE,	/* in a DATA body only */
	XO_BARE_NEWLINE_COUNT
};

/* A header section that is not one: see wall.h. */
enum xo_malformed_header {
	XO_MALFORMED_HEADER_REFUSE,
	XO_MALFORMED_HEADER_REPAIR,	/* where that leaves one reading */
	XO_MALFORMED_HEADER_COUNT
};

/* What is spoken at a listener. */
enum xo_service {
	XO_SERVICE_SMTP,
	XO_SERVICE_POLICY,		/* Postfix' policy delegation */
	XO_SERVICE_SOCKETMAP,		/* Postfix' socketmap tables */
	XO_SERVICE_COUNT
};

struct xo_listener {
	struct xo_span name;
	enum xo_service service;
	const int *peers;		/* indexes into xo_policy.peers */
	size_t n_peers;
	bool has_tls;			/* offers STARTTLS */
	bool require_tls;
	enum xo_crl_mode crl;		/* of peers that inherit it */
	enum xo_mode mode;
	enum xo_decision on[XO_VERDICT_COUNT];
	bool has_upstream, has_demote_to;
	int upstream;			/* verified mail, and our own systems' */
	int demote_to;			/* all other mail; none: refuse it */
	uint64_t size_limit;		/* octets of content; 0: none */
	enum xo_bare_newline bare_newline;
	enum xo_malformed_header malformed_header;
	bool lenient_envelope;		/* of ordinary mail (treatment.h) */
	bool is_safe;			/* offers no PIPELINING, no CHUNKING */
};

enum xo_tls_level {
	XO_TLS_NONE,
	XO_TLS_ENCRYPT,
	XO_TLS_VERIFY,
	XO_TLS_LEVEL_COUNT
};

enum xo_handover {
	XO_HANDOVER_NONE,
	XO_HANDOVER_XCLIENT,
	XO_HANDOVER_PROXY,		/* version 1 */
	XO_HANDOVER_PROXY_V2,
	XO_HANDOVER_COUNT
};

enum xo_protocol {
	XO_PROTOCOL_SMTP,
	XO_PROTOCOL_LMTP,		/* RFC 2033 */
	XO_PROTOCOL_COUNT
};

enum xo_xoorg_source {
	XO_XOORG_NONE,
	XO_XOORG_DOMAIN,		/* always the same */
	XO_XOORG_TENANT,		/* the tenant's */
	XO_XOORG_MESSAGE,		/* the X-OriginatorOrg of the message */
	XO_XOORG_SOURCE_COUNT
};

enum xo_cross_premises {
	XO_CROSS_PREMISES_DEFAULT,	/* keep for verified mail, else strip */
	XO_CROSS_PREMISES_KEEP,
	XO_CROSS_PREMISES_STRIP,
	XO_CROSS_PREMISES_PROMOTE,
	XO_CROSS_PREMISES_COUNT
};

struct xo_upstream {
	struct xo_span name;
	enum xo_protocol protocol;
	enum xo_tls_level tls;
	enum xo_handover handover;
	enum xo_xoorg_source xoorg_source;
	struct xo_span xoorg;		/* of XO_XOORG_DOMAIN */
	bool require_xoorg;
	bool has_tenant_certificate;	/* client_certificate = "tenant" */
	enum xo_cross_premises cross_premises;
};

/* Bounds of one session; every one a setting (threat-model.md 2.9). */
struct xo_limits {
	uint32_t line_octets;		/* of a command */
	uint32_t commands;		/* that bring no message on; 0: any */
	uint32_t recipients;		/* accepted, a message */
	uint32_t errors;		/* 5xx replies, a session */
	uint32_t resets;		/* transactions without a message */
	uint32_t empty_chunks;
	uint32_t chunks;		/* a message; 0: any */
	uint32_t header_octets;
	uint32_t header_fields;
	uint32_t hops;			/* Received fields; 0: any */
	uint32_t data_rate;		/* octets a second, after a grace */
	/* all in milliseconds */
	uint32_t command_timeout;	/* waiting for a command */
	uint32_t request_timeout;	/* a command that has begun */
	uint32_t handshake_timeout;
	uint32_t content_timeout;	/* no octet of the content */
	uint32_t data_grace;		/* before data_rate counts */
	uint32_t load_timeout;		/* bounds those above, under load */
	uint32_t connect_timeout;	/* upstream: TCP */
	uint32_t greeting_timeout;	/* upstream: each opening reply */
	uint32_t mail_timeout;		/* upstream: MAIL, RCPT, RSET */
	uint32_t data_timeout;		/* upstream: the 354, a chunk */
	uint32_t final_timeout;		/* upstream: after the dot */
	uint32_t lookup_timeout;	/* a tenant that is asked for */
};

struct xo_guests;

struct xo_policy {
	struct xo_span hostname;
	struct xo_extensions extensions;
	const struct xo_peer *peers;
	size_t n_peers;
	const struct xo_tenant *tenants;
	size_t n_tenants;
	const struct xo_listener *listeners;
	size_t n_listeners;
	const struct xo_upstream *upstreams;
	size_t n_upstreams;
	struct xo_limits limits;
	/* Made by xo_tenants_index() from `tenants`. */
	struct xo_tenant_index *tenant_index;
	/* NULL: all tenants are in `tenants`. Else what is remembered of those
	 * that are asked for when their mail comes (guests.h): the one thing in
	 * a policy that changes. */
	struct xo_guests *guests;
	/* They are shown as tenants are, by files that bear their names. */
	bool guests_have_certificates;
};

/*
 * Total. A tenant's number is an index into `tenants`, or n_tenants + slot for a
 * guest. NULL: XO_NOBODY, or any other number that is nobody's: who gets NULL
 * trusts nobody.
 */
const struct xo_tenant *xo_tenant_at(const struct xo_policy *policy, int i);

/* It stands in no configuration: no array beside `tenants` has an entry for it. */
bool xo_tenant_is_guest(const struct xo_policy *policy, int i);

/* Total: for XO_NOBODY, or any other index out of range, it gives an upstream
 * that asks for nothing and is told nothing. */
const struct xo_upstream *xo_upstream_at(const struct xo_policy *policy, int i);

/* Where mail goes by a listener or a tenant: XO_NOBODY if it says nothing. */
int xo_listener_upstream(const struct xo_listener *listener);
int xo_listener_demote_to(const struct xo_listener *listener);
int xo_tenant_upstream(const struct xo_tenant *tenant);

/* An MTA asks there and brings no mail: next hops are its own (asked.h). */
bool xo_listener_is_asked(const struct xo_listener *listener);

/* Does it repair a malformed header? In observe mode always, since that refuses
 * nothing that can be passed on with one reading. */
bool xo_listener_repairs(const struct xo_listener *listener);

/* The words of the configuration and of the log. */
const char *xo_verdict_name(enum xo_verdict verdict);
const char *xo_decision_name(enum xo_decision decision);

XO_API_END

#endif
