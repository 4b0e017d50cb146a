/* SPDX-License-Identifier: ISC */
/*
 * The rows. Data and a search; the meaning of a type is in value.c (from text)
 * and print.c (to text).
 */
#include <conf/settings.h>

#define DAY 86400U
#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const log_words[] = {"stderr", "syslog", NULL};
static const char *const trust_words[] = {"system", NULL};
static const char *const certificate_words[] = {"tenant", NULL};

static const char *const log_format_words[] = {
	[XO_LOG_TEXT] = "text",
	[XO_LOG_JSON] = "json",
	[XO_LOG_FORMAT_COUNT] = NULL
};
static const char *const sandbox_words[] = {
	[XO_SANDBOX_AUTO] = "auto",
	[XO_SANDBOX_REQUIRED] = "required",
	[XO_SANDBOX_OFF] = "off",
	[XO_SANDBOX_MODE_COUNT] = NULL
};
static const char *const minimum_words[] = {
	[XO_TLS_1_2] = "1.2",
	[XO_TLS_1_3] = "1.3",
	[XO_TLS_MINIMUM_COUNT] = NULL
};
static const char *const crl_words[] = {
	[XO_CRL_OFF] = "off",
	[XO_CRL_SOFT] = "soft",
	[XO_CRL_HARD] = "hard",
	[XO_CRL_INHERIT] = NULL
};
static const char *const peer_crl_words[] = {
	[XO_CRL_OFF] = "off",
	[XO_CRL_SOFT] = "soft",
	[XO_CRL_HARD] = "hard",
	[XO_CRL_INHERIT] = "",
	[XO_CRL_MODE_COUNT] = NULL
};
static const char *const eku_words[] = {
	[XO_EKU_EITHER] = "either",
	[XO_EKU_SERVER] = "server",
	[XO_EKU_CLIENT] = "client",
	[XO_EKU_COUNT] = NULL
};
static const char *const match_words[] = {
	[XO_MATCH_SAN] = "san",
	[XO_MATCH_CN_TOO] = "cn-too",
	[XO_MATCH_COUNT] = NULL
};
/* By bit: enum xo_right. */
static const char *const right_words[] = {
	"xoorg", "relay", "xclient", "proxy", NULL
};
_Static_assert(XO_RIGHT_XOORG == 1 << 0 && XO_RIGHT_RELAY == 1 << 1 &&
    XO_RIGHT_XCLIENT == 1 << 2 && XO_RIGHT_PROXY == 1 << 3,
    "right_words has another order");
static const char *const bad_certificate_words[] = {
	[XO_BAD_CERTIFICATE_REFUSE] = "refuse",
	[XO_BAD_CERTIFICATE_UNTRUSTED] = "untrusted",
	[XO_BAD_CERTIFICATE_COUNT] = NULL
};
static const char *const mode_words[] = {
	[XO_MODE_ENFORCE] = "enforce",
	[XO_MODE_OBSERVE] = "observe",
	[XO_MODE_COUNT] = NULL
};
static const char *const decision_words[] = {
	[XO_DECISION_ACCEPT] = "accept",
	[XO_DECISION_DEMOTE] = "demote",
	[XO_DECISION_REJECT] = "reject",
	[XO_DECISION_TEMPFAIL] = "tempfail",
	[XO_DECISION_COUNT] = NULL
};
static const char *const bare_newline_words[] = {
	[XO_BARE_NEWLINE_REJECT] = "reject",
	[XO_BARE_NEWLINE_NORMALIZE] = "normalize",
	[XO_BARE_NEWLINE_COUNT] = NULL
};
static const char *const malformed_header_words[] = {
	[XO_MALFORMED_HEADER_REFUSE] = "refuse",
	[XO_MALFORMED_HEADER_REPAIR] = "repair",
	[XO_MALFORMED_HEADER_COUNT] = NULL
};
static const char *const tls_level_words[] = {
	[XO_TLS_NONE] = "none",
	[XO_TLS_ENCRYPT] = "encrypt",
	[XO_TLS_VERIFY] = "verify",
	[XO_TLS_LEVEL_COUNT] = NULL
};
static const char *const handover_words[] = {
	[XO_HANDOVER_NONE] = "none",
	[XO_HANDOVER_XCLIENT] = "xclient",
	[XO_HANDOVER_PROXY] = "proxy",
	[XO_HANDOVER_PROXY_V2] = "proxy-v2",
	[XO_HANDOVER_COUNT] = NULL
};
static const char *const protocol_words[] = {
	[XO_PROTOCOL_SMTP] = "smtp",
	[XO_PROTOCOL_LMTP] = "lmtp",
	[XO_PROTOCOL_COUNT] = NULL
};
/* XO_XOORG_DOMAIN has no word: it is any domain. */
static const char *const xoorg_words[] = {
	[XO_XOORG_NONE] = "",
	[XO_XOORG_DOMAIN] = "a domain",
	[XO_XOORG_TENANT] = "tenant",
	[XO_XOORG_MESSAGE] = "message",
	[XO_XOORG_SOURCE_COUNT] = NULL
};
static const char *const cross_premises_words[] = {
	[XO_CROSS_PREMISES_DEFAULT] = "",
	[XO_CROSS_PREMISES_KEEP] = "keep",
	[XO_CROSS_PREMISES_STRIP] = "strip",
	[XO_CROSS_PREMISES_PROMOTE] = "promote",
	[XO_CROSS_PREMISES_COUNT] = NULL
};

#define ROW(section_, record, name_, type_, field) \
	.section = XO_SECTION_##section_, .name = name_, \
	.type = XO_SETTING_##type_, .offset = offsetof(record, field)
#define TOP(...) ROW(TOP, struct xo_conf, __VA_ARGS__)
#define LIMIT(name_, type_, field) \
	ROW(LIMITS, struct xo_conf, name_, type_, policy.limits.field)
#define TLS(...) ROW(TLS, struct xo_conf_tls, __VA_ARGS__)
#define PEER(...) ROW(PEERS, struct xo_peer_record, __VA_ARGS__)
#define TENANT(...) ROW(TENANTS, struct xo_tenant_record, __VA_ARGS__)
#define LISTENER(...) ROW(LISTENERS, struct xo_listener_record, __VA_ARGS__)
#define UPSTREAM(...) ROW(UPSTREAMS, struct xo_upstream_record, __VA_ARGS__)

#define OTHER(record, field) .other = offsetof(record, field)
#define PEER_COUNT(field) OTHER(struct xo_peer_record, field)
#define TENANT_COUNT(field) OTHER(struct xo_tenant_record, field)
#define LISTENER_COUNT(field) OTHER(struct xo_listener_record, field)
#define DEFAULT(text) .default_text = (text)
#define BOUNDS(min_, max_) .min = (min_), .max = (max_)

static const struct xo_setting settings[] = {
{TOP("hostname", HOSTNAME, policy.hostname),
    .help = "our name: in the greeting, in EHLO and in what we stamp"},
{TOP("user", TEXT, user), OTHER(struct xo_conf, user_where), DEFAULT("xoorg"),
    .help = "whose rights are taken once the ports are bound; \"\": stay"},
{TOP("workers", NUMBER, workers), DEFAULT("0"), BOUNDS(0, 1024),
    .help = "worker processes; 0: one a core"},
{TOP("log", WORD_OR_NEW_FILE, log), OTHER(struct xo_conf, log_where),
    DEFAULT("stderr"), BOUNDS(1, 0), .words = log_words, .help = "stderr, syslog, or a file"},
{TOP("log_format", WORD, log_format), DEFAULT("text"),
    .words = log_format_words, .help = "text (key=value) or json"},
{TOP("log_rate", NUMBER, log_rate), DEFAULT("1000"), BOUNDS(0, 1000000000),
    .help = "lines a second without a message, a worker; 0: no limit"},
{TOP("status", ADDRESS, status), OTHER(struct xo_conf, has_status),
    DEFAULT(""), BOUNDS(9025, 0),
    .help = "IP:PORT of /metrics, /healthz, /readyz and the status page; \"\": off"},
{TOP("status_names", DOMAINS, status_names),
    OTHER(struct xo_conf, n_status_names), DEFAULT(""),
    .help = "names under which the status is asked for, beside addresses"},
{TOP("pid_file", NEW_FILE, pid_file), DEFAULT(""),
    .help = "where the master writes its process id; \"\": nowhere"},
{TOP("sandbox", WORD, sandbox), DEFAULT("auto"), .words = sandbox_words,
    .help = "system calls and files are limited: auto, required, off"},
{TOP("key_process", BOOL, key_process), DEFAULT("true"),
    .help = "private keys are in a process of their own, not in workers"},
{TOP("resolver", ADDRESS, resolver), OTHER(struct xo_conf, has_resolver),
    DEFAULT(""), BOUNDS(53, 0),
    .help = "IP:PORT of the name server; \"\": the system's"},
{TOP("extensions", EXTENSIONS, policy.extensions.names),
    OTHER(struct xo_conf, policy.extensions.n), DEFAULT(""),
    BOUNDS(0, XO_EXTENSIONS_MAX),
    .help = "ESMTP keywords whose parameters are passed on unread"},
{TOP("max_sessions", NUMBER, max_sessions), DEFAULT("10000"),
    BOUNDS(0, 1000000), .help = "sessions at a time; 0: no limit"},
{TOP("max_sessions_per_address", NUMBER, max_sessions_per_address),
    DEFAULT("0"), BOUNDS(0, 1000000),
    .help = "the same for one client address, IPv6: /64; 0: no limit"},
{TOP("max_sessions_per_network", NUMBER, max_sessions_per_network),
    DEFAULT("0"), BOUNDS(0, 1000000),
    .help = "the same for one network; 0: no limit"},
{TOP("network_prefix_ipv4", NUMBER, network_prefix_ipv4), DEFAULT("24"),
    BOUNDS(1, 32), .help = "bits of an IPv4 network"},
{TOP("network_prefix_ipv6", NUMBER, network_prefix_ipv6), DEFAULT("64"),
    BOUNDS(1, 64), .help = "bits of an IPv6 network"},
{TOP("max_tls_per_minute", NUMBER, max_tls_per_minute), DEFAULT("60000"),
    BOUNDS(0, 1000000000),
    .help = "TLS sessions a minute, one client address; 0: no limit"},
{TOP("drain_timeout", SECONDS, drain_timeout), DEFAULT("600"), BOUNDS(0, DAY),
    .help = "seconds that sessions may go on after a reload or a stop"},

{LIMIT("line_octets", NUMBER, line_octets), DEFAULT("4096"),
    BOUNDS(1024, 32768), .help = "octets of a command line, its end included"},
{LIMIT("commands", NUMBER, commands), DEFAULT("100"), BOUNDS(0, 1000000),
    .help = "commands that bring no message on; then 421; 0: no limit"},
{LIMIT("recipients", NUMBER, recipients), DEFAULT("1000"), BOUNDS(1, 100000),
    .help = "recipients of a message; more are 452"},
{LIMIT("errors", NUMBER, errors), DEFAULT("20"), BOUNDS(1, 100000),
    .help = "refused commands of a session; then 421"},
{LIMIT("resets", NUMBER, resets), DEFAULT("100"), BOUNDS(1, 1000000),
    .help = "transactions without a message; then 421"},
{LIMIT("empty_chunks", NUMBER, empty_chunks), DEFAULT("100"),
    BOUNDS(1, 1000000), .help = "BDAT 0 in a message; then 421"},
{LIMIT("chunks", NUMBER, chunks), DEFAULT("100000"), BOUNDS(0, 1000000000),
    .help = "BDAT in a message; then 421; 0: no limit"},
{LIMIT("header_octets", NUMBER, header_octets), DEFAULT("262144"),
    BOUNDS(4096, 16777216), .help = "octets of a header section"},
{LIMIT("header_fields", NUMBER, header_fields), DEFAULT("10000"),
    BOUNDS(10, 100000), .help = "fields of a header section"},
{LIMIT("hops", NUMBER, hops), DEFAULT("100"), BOUNDS(0, 100000),
    .help = "Received fields; more is a loop; 0: no limit"},
{LIMIT("data_rate", NUMBER, data_rate), DEFAULT("500"), BOUNDS(0, 1000000000),
    .help = "slowest content, octets a second after a grace; 0: no bound"},
{LIMIT("data_grace", SECONDS, data_grace), DEFAULT("60"), BOUNDS(0, DAY),
    .help = "seconds of waiting for content before data_rate counts"},
{LIMIT("command_timeout", SECONDS, command_timeout), DEFAULT("300"),
    BOUNDS(1, DAY), .help = "seconds without a command"},
{LIMIT("request_timeout", SECONDS, request_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "seconds for a command that has begun"},
{LIMIT("handshake_timeout", SECONDS, handshake_timeout), DEFAULT("30"),
    BOUNDS(1, DAY), .help = "seconds for a TLS handshake"},
{LIMIT("content_timeout", SECONDS, content_timeout), DEFAULT("180"),
    BOUNDS(1, DAY), .help = "seconds without an octet of the content"},
{LIMIT("load_timeout", SECONDS, load_timeout), DEFAULT("10"), BOUNDS(1, DAY),
    .help = "the longest wait for a client while max_sessions are here"},
{LIMIT("connect_timeout", SECONDS, connect_timeout), DEFAULT("30"),
    BOUNDS(1, DAY), .help = "upstream: seconds to connect"},
{LIMIT("greeting_timeout", SECONDS, greeting_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "upstream: seconds for each reply up to MAIL"},
{LIMIT("mail_timeout", SECONDS, mail_timeout), DEFAULT("300"), BOUNDS(1, DAY),
    .help = "upstream: seconds for the reply to MAIL, RCPT, RSET"},
{LIMIT("data_timeout", SECONDS, data_timeout), DEFAULT("180"), BOUNDS(1, DAY),
    .help = "upstream: seconds for the reply to DATA or a chunk"},
{LIMIT("final_timeout", SECONDS, final_timeout), DEFAULT("600"),
    BOUNDS(1, DAY), .help = "upstream: seconds for the reply to a message"},

{TLS("certificate", FILE, certificate), BOUNDS(1, 0),
    .help = "our certificate and its chain, PEM"},
{TLS("key", FILE, key), BOUNDS(1, 0), .help = "its private key, PEM"},
{TLS("trust", WORD_OR_FILE, trust), OTHER(struct xo_conf_tls, trust_where),
    DEFAULT("system"), BOUNDS(1, 0), .words = trust_words,
    .help = "whose client certificates: system, or a file of CAs"},
{TLS("minimum", WORD, minimum), DEFAULT("1.2"), .words = minimum_words,
    .help = "lowest version of TLS: 1.2 or 1.3"},
{TLS("ciphers", TEXT, ciphers), DEFAULT(""),
    .help = "cipher list of OpenSSL for TLS 1.2; \"\": the library's"},
{TLS("groups", TEXT, groups), DEFAULT(""),
    .help = "key exchange groups of OpenSSL; \"\": the library's"},
{TLS("crl", WORD, crl), DEFAULT("off"), .words = crl_words,
    .help = "revocation: off, soft (no usable list: go on), hard (refuse)"},
{TLS("crl_file", FILE, crl_file), DEFAULT(""),
    .help = "revocation lists, PEM"},

{PEER("names", DOMAINS, policy.names), PEER_COUNT(policy.n_names), DEFAULT(""),
    .help = "names in the peer's verified certificate, one is enough"},
{PEER("networks", NETWORKS, policy.networks), PEER_COUNT(policy.n_networks),
    DEFAULT(""),
    .help = "addresses of the peer; they never give the right xoorg"},
{PEER("rights", WORDS, policy.rights), DEFAULT(""), .words = right_words,
    .help = "what the peer may: xoorg, relay, xclient, proxy"},
{PEER("bad_certificate", WORD, policy.bad_certificate), DEFAULT("refuse"),
    .words = bad_certificate_words,
    .help = "its name, but no good chain: refuse, or go on as untrusted"},
{PEER("wildcards", BOOL, policy.has_wildcards), DEFAULT("false"),
    .help = "*.x in a certificate stands for any one label"},
{PEER("match", WORD, policy.match), DEFAULT("san"), .words = match_words,
    .help = "names that count: san; cn-too: the CN beside a SAN, too"},
{PEER("eku", WORD, policy.eku), DEFAULT("either"), .words = eku_words,
    .help = "what its certificate has to be for: either, server, client"},
{PEER("crl", WORD, policy.crl), DEFAULT(""), .words = peer_crl_words,
    .help = "revocation: off, soft, hard; \"\": as tls of the listener says"},
{PEER("crl_file", FILE, conf.crl_file), DEFAULT(""),
    .help = "its revocation lists, PEM, beside those of tls"},

{TENANT("originator_orgs", DOMAINS, policy.originator_orgs),
    TENANT_COUNT(policy.n_originator_orgs), BOUNDS(1, 0),
    .help = "the values of XOORG that are this tenant's"},
{TENANT("sender_domains", DOMAINS, policy.sender_domains),
    TENANT_COUNT(policy.n_sender_domains), DEFAULT(""),
    .help = "domains its verified mail may be from; []: any"},
{TENANT("recipient_domains", DOMAINS, policy.recipient_domains),
    TENANT_COUNT(policy.n_recipient_domains), DEFAULT(""),
    .help = "domains its verified mail may go to; absent: originator_orgs"},
{TENANT("relay", BOOL, policy.relay), DEFAULT("false"),
    .help = "to all other domains too (centralized mail transport)"},
{TENANT("allow_untrusted_routing", BOOL, policy.allow_untrusted_routing),
    DEFAULT("false"),
    .help = "its addresses may hold a route, as user%other@contoso.com"},
{TENANT("client_certificate", FILE, conf.client_certificate), DEFAULT(""),
    .help = "shown for this tenant to upstreams with \"tenant\""},
{TENANT("client_key", FILE, conf.client_key), DEFAULT(""),
    .help = "its private key"},
{TENANT("upstream", REFERENCE, policy.upstream), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS,
    .help = "its verified mail; \"\": the listener's upstream"},

{LISTENER("listen", ADDRESSES, conf.listen), LISTENER_COUNT(conf.n_listen),
    BOUNDS(1, 0), .help = "IP:PORT, [IPv6]:PORT"},
{LISTENER("tls", REFERENCE, conf.tls), DEFAULT(""), .target = XO_SECTION_TLS,
    .help = "STARTTLS with this group of `tls`; \"\": none"},
{LISTENER("require_tls", BOOL, policy.require_tls), DEFAULT("false"),
    .help = "no mail without STARTTLS"},
{LISTENER("peers", REFERENCES, policy.peers), LISTENER_COUNT(policy.n_peers),
    DEFAULT(""), .target = XO_SECTION_PEERS,
    .help = "who may have rights here"},
{LISTENER("mode", WORD, policy.mode), DEFAULT("enforce"), .words = mode_words,
    .help = "enforce; observe: demote what would be refused, and log it"},
{LISTENER("unknown_org", WORD, policy.on[XO_VERDICT_UNKNOWN_ORG]),
    DEFAULT("reject"), .words = decision_words,
    .help = "XOORG of no tenant here: accept, demote, reject, tempfail"},
{LISTENER("no_org", WORD, policy.on[XO_VERDICT_NO_ORG]), DEFAULT("demote"),
    .words = decision_words, .help = "right xoorg, but no XOORG"},
{LISTENER("sender_mismatch", WORD, policy.on[XO_VERDICT_SENDER_MISMATCH]),
    DEFAULT("reject"), .words = decision_words,
    .help = "verified, but the sender is not in sender_domains"},
{LISTENER("unauthenticated", WORD, policy.on[XO_VERDICT_UNAUTHENTICATED]),
    DEFAULT("demote"), .words = decision_words,
    .help = "no right xoorg: the ordinary Internet"},
{LISTENER("upstream", REFERENCE, policy.upstream), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS, .help = "verified mail"},
{LISTENER("demote_to", REFERENCE, policy.demote_to), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS,
    .help = "all other mail; \"\": refuse it"},
{LISTENER("size_limit", SIZE, policy.size_limit), DEFAULT("157286400"),
    BOUNDS(0, (uint64_t)1 << 40), .help = "octets of a message; 0: no limit"},
{LISTENER("bare_newline", WORD, policy.bare_newline), DEFAULT("reject"),
    .words = bare_newline_words,
    .help = "CR or LF alone in a body: reject, or normalize to CRLF"},
{LISTENER("malformed_header", WORD, policy.malformed_header),
    DEFAULT("repair"), .words = malformed_header_words,
    .help = "a header that is not one: repair what then has one reading, "
    "or refuse"},
{LISTENER("lenient_envelope", BOOL, policy.lenient_envelope), DEFAULT("true"),
    .help = "of ordinary mail, read names and addresses as devices write them"},
{LISTENER("safe", BOOL, policy.is_safe), DEFAULT("false"),
    .help = "announce neither PIPELINING nor CHUNKING"},

{UPSTREAM("hosts", HOSTS, conf.hosts),
    OTHER(struct xo_upstream_record, conf.n_hosts), DEFAULT(""),
    .help = "HOST:PORT, tried in order; the port may be left out: 25"},
{UPSTREAM("mx", DOMAIN, conf.mx), DEFAULT(""),
    .help = "instead of hosts: the mail exchangers of this domain"},
{UPSTREAM("protocol", WORD, policy.protocol), DEFAULT("smtp"),
    .words = protocol_words,
    .help = "smtp or lmtp (RFC 2033)"},
{UPSTREAM("handover", WORD, policy.handover), DEFAULT("none"),
    .words = handover_words,
    .help = "client's address handed on by: none, xclient, proxy, proxy-v2"},
{UPSTREAM("client_names", BOOL, conf.client_names), DEFAULT("false"),
    .help = "xclient: look the client's name up in DNS and tell it"},
{UPSTREAM("tls", WORD, policy.tls), DEFAULT("none"), .words = tls_level_words,
    .help = "none, encrypt (any certificate), verify (chain and name)"},
{UPSTREAM("tls_name", DOMAIN, conf.tls_name), DEFAULT(""),
    .help = "name in its certificate; \"\": the host's"},
{UPSTREAM("trust", WORD_OR_FILE, conf.trust),
    OTHER(struct xo_upstream_record, conf.trust_where), DEFAULT("system"),
    BOUNDS(1, 0), .words = trust_words,
    .help = "whose certificates: system, or a file of CAs"},
{UPSTREAM("crl", WORD, conf.crl), DEFAULT("off"), .words = crl_words,
    .help = "revocation: off, soft (no usable list: go on), hard (refuse)"},
{UPSTREAM("crl_file", FILE, conf.crl_file), DEFAULT(""),
    .help = "revocation lists, PEM"},
{UPSTREAM("minimum", WORD, conf.minimum), DEFAULT("1.2"),
    .words = minimum_words, .help = "lowest version of TLS: 1.2 or 1.3"},
{UPSTREAM("ciphers", TEXT, conf.ciphers), DEFAULT(""),
    .help = "cipher list of OpenSSL for TLS 1.2; \"\": the library's"},
{UPSTREAM("groups", TEXT, conf.groups), DEFAULT(""),
    .help = "key exchange groups of OpenSSL; \"\": the library's"},
{UPSTREAM("client_certificate", CERTIFICATE, conf.client_certificate),
    OTHER(struct xo_upstream_record, policy.has_tenant_certificate),
    DEFAULT(""), .words = certificate_words,
    .help = "shown to it: a file, or \"tenant\": the tenant's own"},
{UPSTREAM("client_key", FILE, conf.client_key), DEFAULT(""),
    .help = "its private key"},
{UPSTREAM("xoorg", XOORG, policy.xoorg_source),
    OTHER(struct xo_upstream_record, policy.xoorg), DEFAULT(""),
    .words = xoorg_words,
    .help = "XOORG on MAIL: \"\" none, a domain, \"tenant\", \"message\""},
{UPSTREAM("require_xoorg", BOOL, policy.require_xoorg), DEFAULT("false"),
    .help = "XOORG not announced: a temporary failure"},
{UPSTREAM("cross_premises", WORD, policy.cross_premises), DEFAULT(""),
    .words = cross_premises_words,
    .help = "CrossPremises fields: keep, strip, promote; \"\": by verdict"},
{UPSTREAM("max_connections", NUMBER, conf.max_connections), DEFAULT("0"),
    BOUNDS(0, 100000), .help = "connections, a worker; 0: no limit"},
{UPSTREAM("max_idle", NUMBER, conf.max_idle), DEFAULT("20"),
    BOUNDS(0, 100000), .help = "connections kept open unused, a worker"},
{UPSTREAM("idle_timeout", SECONDS, conf.idle_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "seconds that they are kept"},
{UPSTREAM("refresh", SECONDS, conf.refresh), DEFAULT("600"), BOUNDS(1, DAY),
    .help = "seconds that what its EHLO announced is believed unasked"},
};

static const struct {
	const char *name;
	size_t size;
	const char *help;
} sections[] = {
	[XO_SECTION_TOP] = {"", sizeof(struct xo_conf), ""},
	[XO_SECTION_LIMITS] = {"limits", sizeof(struct xo_conf),
	    "bounds of a session"},
	[XO_SECTION_TLS] = {"tls", sizeof(struct xo_conf_tls),
	    "our certificates, and whose we believe"},
	[XO_SECTION_PEERS] = {"peers", sizeof(struct xo_peer_record),
	    "who may do what, by certificate name or address"},
	[XO_SECTION_TENANTS] = {"tenants", sizeof(struct xo_tenant_record),
	    "organisations that XOORG may name"},
	[XO_SECTION_LISTENERS] = {"listeners",
	    sizeof(struct xo_listener_record), "where mail comes in"},
	[XO_SECTION_UPSTREAMS] = {"upstreams",
	    sizeof(struct xo_upstream_record), "where mail goes"},
};
_Static_assert(N(sections) == XO_SECTION_COUNT, "a section without a row");

const struct xo_setting *
xo_settings(size_t *n_r)
{
	*n_r = N(settings);
	return settings;
}

const struct xo_setting *
xo_setting_find(enum xo_section section, struct xo_span name)
{
	size_t i;

	for (i = 0; i < N(settings); i++) {
		if (settings[i].section == section && xo_span_is_equal(name,
		    xo_span_from_cstr(settings[i].name)))
			return &settings[i];
	}
	return NULL;
}

const char *
xo_section_name(enum xo_section section)
{
	return sections[section].name;
}

const char *
xo_section_help(enum xo_section section)
{
	return sections[section].help;
}

size_t
xo_section_size(enum xo_section section)
{
	return sections[section].size;
}
