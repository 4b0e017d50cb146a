/* SPDX-License-Identifier: ISC */
/*
 * The rows. Data and a search; the meaning of a type is in value.c (from text)
 * and print.c (to text).
 */
#include <conf/settings.h>

#define DAY 86400U
#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const seen_words[] = {"auto", "off", NULL};
static const char *const log_words[] = {"stderr", "syslog", NULL};
static const char *const trust_words[] = {"system", NULL};
static const char *const certificate_words[] = {"tenant", NULL};

static const char *const log_format_words[] = {
	[XO_LOG_TEXT] = "text",
	[XO_LOG_JSON] = "json",
	[XO_LOG_FORMAT_COUNT] = NULL
};
static const char *const log_persons_words[] = {
	[XO_LOG_PERSONS_PLAIN] = "plain",
	[XO_LOG_PERSONS_HASHED] = "hashed",
	[XO_LOG_PERSONS_COUNT] = NULL
};
static const char *const sandbox_words[] = {
	[XO_SANDBOX_AUTO] = "auto",
	[XO_SANDBOX_REQUIRED] = "required",
	[XO_SANDBOX_OFF] = "off",
	[XO_SANDBOX_MODE_COUNT] = NULL
};
static const char *const table_error_words[] = {
	[XO_TABLE_ERRORS_FATAL] = "fatal",
	[XO_TABLE_ERRORS_SKIP] = "skip",
	[XO_TABLE_ERRORS_COUNT] = NULL
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
	[XO_DECISION_REJECT] = "reject",
	[XO_DECISION_TEMPFAIL] = "tempfail",
	[XO_DECISION_DEMOTE] = "demote",
	[XO_DECISION_ACCEPT] = "accept",
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
static const char *const service_words[] = {
	[XO_SERVICE_SMTP] = "smtp",
	[XO_SERVICE_POLICY] = "policy",
	[XO_SERVICE_SOCKETMAP] = "socketmap",
	[XO_SERVICE_COUNT] = NULL
};
static const char *const socket_mode_words[] = {
	[XO_SOCKET_OWNER] = "0600",
	[XO_SOCKET_GROUP] = "0660",
	[XO_SOCKET_ALL] = "0666",
	[XO_SOCKET_MODE_COUNT] = NULL
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
    .help = "Our name in the greeting, in EHLO and in what we stamp"},
{TOP("user", TEXT, process.user),
    OTHER(struct xo_conf, process.user_where), DEFAULT("xoorg"),
    .help = "The user to become once the ports are bound; \"\": do not change"},
{TOP("workers", NUMBER, process.workers), DEFAULT("0"), BOUNDS(0, 1024),
    .help = "How many worker processes run; 0: one for each core"},
{TOP("log", WORD_OR_NEW_FILE, log.target), OTHER(struct xo_conf, log.where),
    DEFAULT("stderr"), BOUNDS(1, 0), .words = log_words,
    .help = "Where the log goes: stderr, syslog, or a file"},
{TOP("log_format", WORD, log.format), DEFAULT("text"),
    .words = log_format_words,
    .help = "How a line of the log is written: text (key=value) or json"},
{TOP("log_rate", NUMBER, log.rate), DEFAULT("1000"), BOUNDS(0, 1000000000),
    .help = "How many lines without a message a worker logs a second; 0: no limit"},
{TOP("log_persons", WORD, log.persons), DEFAULT("plain"),
    .words = log_persons_words,
    .help = "How the log has the local parts of addresses: plain, or hashed"},
{TOP("log_key", FILE, log.key), DEFAULT(""),
    .help = "A file with the hash's key; \"\": a key that is drawn at start"},
{TOP("status", ADDRESS, status.host), OTHER(struct xo_conf, status.is_set),
    DEFAULT(""), BOUNDS(9025, 0),
    .help = "Where /metrics, /healthz, /readyz and the status page are; \"\": nowhere"},
{TOP("status_names", DOMAINS, status.names),
    OTHER(struct xo_conf, status.n_names), DEFAULT(""),
    .help = "Names, beside addresses, to which the status server answers"},
{TOP("pid_file", NEW_FILE, process.pid_file), DEFAULT(""),
    .help = "Where the master writes its process id; \"\": nowhere"},
{TOP("seen_file", WORD_OR_NEW_FILE, process.seen_file),
    OTHER(struct xo_conf, process.seen_file_where), DEFAULT("auto"),
    BOUNDS(1, 0),
    .words = seen_words,
    .help = "What keeps the organisations seen over a restart: auto, off, or a file"},
{TOP("sandbox", WORD, process.sandbox), DEFAULT("auto"), .words = sandbox_words,
    .help = "Whether system calls and files are limited: auto, required, off"},
{TOP("key_process", BOOL, process.key_process), DEFAULT("true"),
    .help = "Whether a process of its own has the private keys, not the workers"},
{TOP("resolver", ADDRESS, resolver), OTHER(struct xo_conf, has_resolver),
    DEFAULT(""), BOUNDS(53, 0),
    .help = "The name server to ask, IP:PORT; \"\": the system's"},
{TOP("extensions", EXTENSIONS, policy.extensions.names),
    OTHER(struct xo_conf, policy.extensions.n), DEFAULT(""),
    BOUNDS(0, XO_EXTENSIONS_MAX),
    .help = "ESMTP keywords whose parameters pass unread"},
{TOP("tenant_tables", TABLES, tables), OTHER(struct xo_conf, n_tables),
    DEFAULT(""),
    .help = "Tables with further tenants: csv:, jsonl:, cdb:, socketmap:, redis:, rediss:"},
{TOP("tenant_table_errors", WORD, table_errors), DEFAULT("fatal"),
    .words = table_error_words,
    .help = "What a bad row of them means: fatal, or skip it with a warning"},
{TOP("tenant_fresh", SECONDS, lookup.fresh), DEFAULT("60"), BOUNDS(0, 86400),
    .help = "How long the answer of a server of tenants is used again"},
{TOP("tenant_nobody_fresh", SECONDS, lookup.nobody_fresh), DEFAULT("10"),
    BOUNDS(0, 3600),
    .help = "How long its answer that a tenant is unknown is used again"},
{TOP("tenant_stale", SECONDS, lookup.stale), DEFAULT("0"), BOUNDS(0, 86400),
    .help = "How long a tenant is still known while its server cannot answer"},
{TOP("redis_user", TEXT, lookup.redis.user), DEFAULT(""),
    .help = "The user (ACL) of redis: tables; \"\": the default user"},
{TOP("redis_password_file", FILE, lookup.redis.password_file), DEFAULT(""),
    .help = "The file with its password, in the first line; \"\": none"},
{TOP("redis_prefix", TEXT, lookup.redis.prefix), DEFAULT(""),
    .help = "What stands before each key of redis: tables"},
{TOP("redis_tls_name", DOMAIN, lookup.redis.tls_name), DEFAULT(""),
    .help = "The name that the certificate of a rediss: server must have; \"\": its address"},
{TOP("redis_trust", WORD_OR_FILE, lookup.redis.trust),
    OTHER(struct xo_conf, lookup.redis.trust_where), DEFAULT("system"),
    BOUNDS(1, 0), .words = trust_words,
    .help = "Which CAs may vouch for a rediss: server: system, or a file of CAs"},
{TOP("redis_client_certificate", FILE, lookup.redis.client_certificate),
    DEFAULT(""), .help = "The certificate that a rediss: server is shown; \"\": none"},
{TOP("redis_client_key", FILE, lookup.redis.client_key), DEFAULT(""),
    .help = "The private key of the certificate"},
{TOP("tenant_cache", NUMBER, lookup.cache), DEFAULT("4096"),
    BOUNDS(64, 1000000),
    .help = "How many answers of tables that are asked a worker remembers"},
{TOP("tenant_lookup_timeout", SECONDS, policy.limits.lookup_timeout),
    DEFAULT("5"), BOUNDS(1, 60),
    .help = "How long such a table may take to answer; then 451"},
{TOP("tenant_certificates", FOLDER, tenant_certificates), DEFAULT(""),
    .help = "A folder with TENANT.pem for those without client_certificate; \"\": none"},
{TOP("max_sessions", NUMBER, clients.max_sessions), DEFAULT("10000"),
    BOUNDS(0, 1000000), .help = "How many sessions may be open; then 421; 0: no limit"},
{TOP("max_sessions_per_address", NUMBER, clients.max_sessions_per_address),
    DEFAULT("0"), BOUNDS(0, 1000000),
    .help = "The same for one client address, IPv6: /64; 0: no limit"},
{TOP("max_sessions_per_network", NUMBER, clients.max_sessions_per_network),
    DEFAULT("0"), BOUNDS(0, 1000000),
    .help = "The same for one network; 0: no limit"},
{TOP("network_prefix_ipv4", NUMBER, clients.network_prefix_ipv4), DEFAULT("24"),
    BOUNDS(1, 32), .help = "How many bits make an IPv4 network"},
{TOP("network_prefix_ipv6", NUMBER, clients.network_prefix_ipv6), DEFAULT("64"),
    BOUNDS(1, 64), .help = "How many bits make an IPv6 network"},
{TOP("max_tls_per_minute", NUMBER, clients.max_tls_per_minute),
    DEFAULT("60000"),
    BOUNDS(0, 1000000000),
    .help = "How many TLS sessions an address may begin a minute; 0: no limit"},
{TOP("drain_timeout", SECONDS, process.drain_timeout), DEFAULT("600"),
    BOUNDS(0, DAY),
    .help = "How long sessions may go on after a reload or a stop"},
{TOP("certificate_warning", NUMBER, certificate_warning), DEFAULT("14"),
    BOUNDS(1, 365),
    .help = "How many days before its end a certificate of ours is warned of"},

{LIMIT("line_octets", NUMBER, line_octets), DEFAULT("4096"),
    BOUNDS(1024, 32768), .help = "How long a command line may be, its end included; then 500"},
{LIMIT("commands", NUMBER, commands), DEFAULT("100"), BOUNDS(0, 1000000),
    .help = "How many commands in a row may bring no message on; then 421; 0: no limit"},
{LIMIT("recipients", NUMBER, recipients), DEFAULT("1000"), BOUNDS(1, 100000),
    .help = "How many recipients a message may have; more get 452"},
{LIMIT("errors", NUMBER, errors), DEFAULT("20"), BOUNDS(1, 100000),
    .help = "How many commands of a session may be refused; then 421"},
{LIMIT("resets", NUMBER, resets), DEFAULT("100"), BOUNDS(1, 1000000),
    .help = "How many transactions may end without a message; then 421"},
{LIMIT("empty_chunks", NUMBER, empty_chunks), DEFAULT("100"),
    BOUNDS(1, 1000000), .help = "How often a message may have BDAT 0; then 421"},
{LIMIT("chunks", NUMBER, chunks), DEFAULT("100000"), BOUNDS(0, 1000000000),
    .help = "How often a message may have BDAT; then 421; 0: no limit"},
{LIMIT("header_octets", NUMBER, header_octets), DEFAULT("262144"),
    BOUNDS(4096, 16777216), .help = "How long a header section may be; then 552"},
{LIMIT("header_fields", NUMBER, header_fields), DEFAULT("10000"),
    BOUNDS(10, 100000), .help = "How many fields a header section may have; then 552"},
{LIMIT("hops", NUMBER, hops), DEFAULT("100"), BOUNDS(0, 100000),
    .help = "How many Received fields a message may have; more is a loop; 0: no limit"},
{LIMIT("data_rate", NUMBER, data_rate), DEFAULT("500"), BOUNDS(0, 1000000000),
    .help = "How many octets a second content must bring after data_grace; 0: any"},
{LIMIT("data_grace", SECONDS, data_grace), DEFAULT("60"), BOUNDS(0, DAY),
    .help = "How long content may be waited for before data_rate counts"},
{LIMIT("command_timeout", SECONDS, command_timeout), DEFAULT("300"),
    BOUNDS(1, DAY), .help = "How long a client may stay silent between commands; then 421"},
{LIMIT("request_timeout", SECONDS, request_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "How long a client may take for a command that it has begun; then 421"},
{LIMIT("handshake_timeout", SECONDS, handshake_timeout), DEFAULT("30"),
    BOUNDS(1, DAY), .help = "How long a TLS handshake may take, with a client or a next hop"},
{LIMIT("content_timeout", SECONDS, content_timeout), DEFAULT("180"),
    BOUNDS(1, DAY), .help = "How long a client may send no octet of the content; then 421"},
{LIMIT("load_timeout", SECONDS, load_timeout), DEFAULT("10"), BOUNDS(1, DAY),
    .help = "How long any client is waited for while max_sessions are open"},
{LIMIT("connect_timeout", SECONDS, connect_timeout), DEFAULT("30"),
    BOUNDS(1, DAY), .help = "How long a next hop may take to accept a connection"},
{LIMIT("greeting_timeout", SECONDS, greeting_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "How long it may take for its greeting and each reply up to MAIL"},
{LIMIT("mail_timeout", SECONDS, mail_timeout), DEFAULT("300"), BOUNDS(1, DAY),
    .help = "How long it may take for its reply to MAIL, RCPT or RSET"},
{LIMIT("data_timeout", SECONDS, data_timeout), DEFAULT("180"), BOUNDS(1, DAY),
    .help = "How long it may take for its reply to DATA or a chunk"},
{LIMIT("final_timeout", SECONDS, final_timeout), DEFAULT("600"),
    BOUNDS(1, DAY), .help = "How long it may take for its reply to a message"},

{TLS("certificate", FILE, certificate), BOUNDS(1, 0),
    .help = "Our certificate and then its chain, PEM"},
{TLS("key", FILE, key), BOUNDS(1, 0), .help = "The private key of the certificate, PEM"},
{TLS("trust", WORD_OR_FILE, trust), OTHER(struct xo_conf_tls, trust_where),
    DEFAULT("system"), BOUNDS(1, 0), .words = trust_words,
    .help = "Which CAs may vouch for a client: system, or a file of CAs"},
{TLS("minimum", WORD, minimum), DEFAULT("1.2"), .words = minimum_words,
    .help = "The lowest version of TLS: 1.2 or 1.3"},
{TLS("ciphers", TEXT, ciphers), DEFAULT(""),
    .help = "The cipher list of OpenSSL for TLS 1.2; \"\": the library's, without CBC"},
{TLS("groups", TEXT, groups), DEFAULT(""),
    .help = "The key exchange groups of OpenSSL; \"\": the library's"},
{TLS("crl", WORD, crl), DEFAULT("off"), .words = crl_words,
    .help = "Whether revocation counts: off, soft (no usable list: go on), hard (refuse)"},
{TLS("crl_file", FILE, crl_file), DEFAULT(""),
    .help = "The revocation lists, PEM"},

{PEER("names", DOMAINS, policy.names), PEER_COUNT(policy.n_names), DEFAULT(""),
    .help = "The peer's verified certificate has one of these names"},
{PEER("networks", NETWORKS, policy.networks), PEER_COUNT(policy.n_networks),
    DEFAULT(""),
    .help = "The peer comes from one of these; an address never gives the right xoorg"},
{PEER("rights", WORDS, policy.rights), DEFAULT(""), .words = right_words,
    .help = "What the peer may do: xoorg, relay, xclient, proxy"},
{PEER("bad_certificate", WORD, policy.bad_certificate), DEFAULT("refuse"),
    .words = bad_certificate_words,
    .help = "What a peer's name with a bad chain means: refuse, or go on as untrusted"},
{PEER("wildcards", BOOL, policy.has_wildcards), DEFAULT("false"),
    .help = "Whether *.x in a certificate stands for any one label"},
{PEER("match", WORD, policy.match), DEFAULT("san"), .words = match_words,
    .help = "Which names count: san; cn-too: the CN beside a SAN as well"},
{PEER("eku", WORD, policy.eku), DEFAULT("either"), .words = eku_words,
    .help = "What its certificate must be for: either, server, client"},
{PEER("crl", WORD, policy.crl), DEFAULT(""), .words = peer_crl_words,
    .help = "Whether revocation counts: off, soft, hard; \"\": as tls of the listener says"},
{PEER("crl_file", FILE, conf.crl_file), DEFAULT(""),
    .help = "Its revocation lists, PEM, beside those of tls"},
{PEER("tenant", REFERENCE, policy.tenant), PEER_COUNT(policy.has_tenant),
    DEFAULT(""), .target = XO_SECTION_TENANTS,
    .help = "Whose mail it sends, beside the right relay; \"\": the sender's tenant's"},
{PEER("tenant_names", BOOL, policy.has_tenant_names), DEFAULT("false"),
    .help = "Whether certificate_names of tenants are its names, and its mail is theirs"},

{TENANT("originator_orgs", DOMAINS, policy.originator_orgs),
    TENANT_COUNT(policy.n_originator_orgs), BOUNDS(1, 0),
    .help = "The values of XOORG that belong to this tenant"},
{TENANT("sender_domains", DOMAINS, policy.sender_domains),
    TENANT_COUNT(policy.n_sender_domains), DEFAULT(""),
    .help = "Where its verified mail may come from; []: anywhere"},
{TENANT("recipient_domains", DOMAINS, policy.recipient_domains),
    TENANT_COUNT(policy.n_recipient_domains), DEFAULT(""),
    .help = "Where its verified mail may go; absent: to its originator_orgs"},
{TENANT("certificate_names", DOMAINS, policy.certificate_names),
    TENANT_COUNT(policy.n_certificate_names), DEFAULT(""),
    .help = "Names by which a peer with tenant_names knows the tenant's own systems"},
{TENANT("relay", BOOL, policy.relay), DEFAULT("false"),
    .help = "Whether its verified mail may go anywhere (centralized mail transport)"},
{TENANT("allow_untrusted_routing", BOOL, policy.allow_untrusted_routing),
    DEFAULT("false"),
    .help = "Whether its addresses may hold a route, as user%other@contoso.com"},
{TENANT("client_certificate", FILE, conf.client_certificate), DEFAULT(""),
    .help = "The certificate that upstreams with \"tenant\" are shown for this tenant"},
{TENANT("client_key", FILE, conf.client_key), DEFAULT(""),
    .help = "The private key of the certificate"},
{TENANT("upstream", REFERENCE, policy.upstream),
    TENANT_COUNT(policy.has_upstream), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS,
    .help = "Where its verified mail goes; \"\": to the listener's upstream"},

{LISTENER("listen", ADDRESSES, conf.listen), LISTENER_COUNT(conf.n_listen),
    BOUNDS(1, 0), .help = "Where it listens: IP:PORT, [IPv6]:PORT, unix:/PATH"},
{LISTENER("protocol", WORD, policy.service), DEFAULT("smtp"),
    .words = service_words,
    .help = "What is spoken there: smtp; policy, socketmap: Postfix asks"},
{LISTENER("socket_mode", WORD, conf.socket_mode), DEFAULT("0660"),
    .words = socket_mode_words,
    .help = "Who may connect to its unix sockets: 0600, 0660, 0666"},
{LISTENER("tls", REFERENCE, conf.tls), DEFAULT(""), .target = XO_SECTION_TLS,
    .help = "Which group of `tls` STARTTLS uses; \"\": no STARTTLS"},
{LISTENER("require_tls", BOOL, policy.require_tls), DEFAULT("false"),
    .help = "Whether MAIL before STARTTLS is refused"},
{LISTENER("peers", REFERENCES, policy.peers), LISTENER_COUNT(policy.n_peers),
    DEFAULT(""), .target = XO_SECTION_PEERS,
    .help = "Which peers may have rights here"},
{LISTENER("mode", WORD, policy.mode), DEFAULT("enforce"), .words = mode_words,
    .help = "enforce; observe: demote what would be refused, and log it"},
{LISTENER("unknown_org", WORD, policy.on[XO_VERDICT_UNKNOWN_ORG]),
    DEFAULT("reject"), .words = decision_words,
    .help = "What XOORG of no tenant here gets: accept, demote, reject, tempfail"},
{LISTENER("no_org", WORD, policy.on[XO_VERDICT_NO_ORG]), DEFAULT("demote"),
    .words = decision_words,
    .help = "What mail without XOORG from a peer with the right xoorg gets"},
{LISTENER("sender_mismatch", WORD, policy.on[XO_VERDICT_SENDER_MISMATCH]),
    DEFAULT("reject"), .words = decision_words,
    .help = "What a tenant's mail from outside its sender_domains gets"},
{LISTENER("unauthenticated", WORD, policy.on[XO_VERDICT_UNAUTHENTICATED]),
    DEFAULT("demote"), .words = decision_words,
    .help = "What mail of the ordinary Internet gets, which has no right xoorg"},
{LISTENER("upstream", REFERENCE, policy.upstream),
    LISTENER_COUNT(policy.has_upstream), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS, .help = "Where verified mail goes"},
{LISTENER("demote_to", REFERENCE, policy.demote_to),
    LISTENER_COUNT(policy.has_demote_to), DEFAULT(""),
    .target = XO_SECTION_UPSTREAMS,
    .help = "Where all other mail goes; \"\": nowhere, it is refused"},
{LISTENER("size_limit", SIZE, policy.size_limit), DEFAULT("157286400"),
    BOUNDS(0, (uint64_t)1 << 40), .help = "How long a message may be, in octets; 0: no limit"},
{LISTENER("bare_newline", WORD, policy.bare_newline), DEFAULT("reject"),
    .words = bare_newline_words,
    .help = "What to do with CR or LF alone in a body: reject, or normalize to CRLF"},
{LISTENER("malformed_header", WORD, policy.malformed_header),
    DEFAULT("repair"), .words = malformed_header_words,
    .help = "What to do with a malformed header: repair what then has one reading, or refuse"},
{LISTENER("lenient_envelope", BOOL, policy.lenient_envelope), DEFAULT("true"),
    .help = "Whether names and addresses of ordinary mail may be as devices write them"},
{LISTENER("safe", BOOL, policy.is_safe), DEFAULT("false"),
    .help = "Whether EHLO leaves PIPELINING and CHUNKING out"},

{UPSTREAM("hosts", HOSTS, conf.hosts),
    OTHER(struct xo_upstream_record, conf.n_hosts), DEFAULT(""),
    .help = "The servers, HOST:PORT, tried in order; port 25 may be left out"},
{UPSTREAM("mx", DOMAIN, conf.mx), DEFAULT(""),
    .help = "Instead of hosts: the domain whose mail exchangers get the mail"},
{UPSTREAM("protocol", WORD, policy.protocol), DEFAULT("smtp"),
    .words = protocol_words,
    .help = "What the next hop speaks: smtp or lmtp (RFC 2033)"},
{UPSTREAM("handover", WORD, policy.handover), DEFAULT("none"),
    .words = handover_words,
    .help = "How it learns the client's address: none, xclient, proxy, proxy-v2"},
{UPSTREAM("client_names", BOOL, conf.client_names), DEFAULT("false"),
    .help = "Whether XCLIENT also tells the client's name, looked up in DNS"},
{UPSTREAM("tls", WORD, policy.tls), DEFAULT("none"), .words = tls_level_words,
    .help = "none, encrypt (any certificate), verify (chain and name)"},
{UPSTREAM("tls_name", DOMAIN, conf.tls_name), DEFAULT(""),
    .help = "The name that its certificate must have; \"\": the host's"},
{UPSTREAM("trust", WORD_OR_FILE, conf.trust),
    OTHER(struct xo_upstream_record, conf.trust_where), DEFAULT("system"),
    BOUNDS(1, 0), .words = trust_words,
    .help = "Which CAs may vouch for it: system, or a file of CAs"},
{UPSTREAM("crl", WORD, conf.crl), DEFAULT("off"), .words = crl_words,
    .help = "Whether revocation counts: off, soft (no usable list: go on), hard (refuse)"},
{UPSTREAM("crl_file", FILE, conf.crl_file), DEFAULT(""),
    .help = "The revocation lists, PEM"},
{UPSTREAM("minimum", WORD, conf.minimum), DEFAULT("1.2"),
    .words = minimum_words, .help = "The lowest version of TLS: 1.2 or 1.3"},
{UPSTREAM("ciphers", TEXT, conf.ciphers), DEFAULT(""),
    .help = "The cipher list of OpenSSL for TLS 1.2; \"\": the library's"},
{UPSTREAM("groups", TEXT, conf.groups), DEFAULT(""),
    .help = "The key exchange groups of OpenSSL; \"\": the library's"},
{UPSTREAM("client_certificate", CERTIFICATE, conf.client_certificate),
    OTHER(struct xo_upstream_record, policy.has_tenant_certificate),
    DEFAULT(""), .words = certificate_words,
    .help = "What we show it: a file, or \"tenant\": the tenant's own"},
{UPSTREAM("client_key", FILE, conf.client_key), DEFAULT(""),
    .help = "The private key of the certificate"},
{UPSTREAM("xoorg", XOORG, policy.xoorg_source),
    OTHER(struct xo_upstream_record, policy.xoorg), DEFAULT(""),
    .words = xoorg_words,
    .help = "What MAIL says as XOORG: \"\" nothing, a domain, \"tenant\", \"message\""},
{UPSTREAM("require_xoorg", BOOL, policy.require_xoorg), DEFAULT("false"),
    .help = "Whether a next hop without XOORG is a temporary failure"},
{UPSTREAM("cross_premises", WORD, policy.cross_premises), DEFAULT(""),
    .words = cross_premises_words,
    .help = "What becomes of CrossPremises fields: keep, strip, promote; \"\": by verdict"},
{UPSTREAM("max_connections", NUMBER, conf.max_connections), DEFAULT("0"),
    BOUNDS(0, 100000), .help = "How many connections a worker may have to it; 0: no limit"},
{UPSTREAM("max_idle", NUMBER, conf.max_idle), DEFAULT("20"),
    BOUNDS(0, 100000), .help = "How many connections a worker keeps for later messages"},
{UPSTREAM("idle_timeout", SECONDS, conf.idle_timeout), DEFAULT("60"),
    BOUNDS(1, DAY), .help = "How long an unused connection is kept"},
{UPSTREAM("refresh", SECONDS, conf.refresh), DEFAULT("600"), BOUNDS(1, DAY),
    .help = "How long what its EHLO announced is believed without asking again"},
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
