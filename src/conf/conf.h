/* SPDX-License-Identifier: ISC */
/*
 * The configuration: one file (with @include) in libconfig's syntax, read and
 * checked whole, immutable afterwards. One table of settings (settings.c) says
 * section, name, type, default, bounds and help of each; the parser, the
 * printout of `xoorg check`, the sample file and the manual come from it.
 *
 * What needs more than the file itself (do key and certificate fit, does the
 * user exist) is checked by who uses it; it says where with xo_conf_where.
 */
#ifndef XO_CONF_H
#define XO_CONF_H

#include <stdio.h>

#include <xoorg/policy.h>

/* Where a setting stands. `file` lives as long as the configuration. */
struct xo_conf_where {
	const char *file;
	int line;
};

/* The name of a file, made absolute against the folder of the configuration. */
struct xo_conf_path {
	const char *path;		/* NULL: not set ("") */
	struct xo_conf_where where;
};

/* HOST:PORT, "[2001:db8::1]:25", "name:25", "name" (port 25); of a listener
 * "unix:/PATH", too. */
struct xo_conf_host {
	const char *host;		/* without brackets; unix: its path */
	uint16_t port;			/* 0: unix */
	struct xo_conf_where where;
};

/* What is odd with a configuration: warning.h. All-zero is the empty list. */
struct xo_warning;
struct xo_warnings {
	struct xo_warning *list;
	size_t n;
};

enum xo_table_kind {
	XO_TABLE_CSV,				/* read whole */
	XO_TABLE_JSONL,				/* the same, an object a line */
	XO_TABLE_CDB,				/* asked, as those below */
	XO_TABLE_SOCKETMAP,
	XO_TABLE_REDIS,
	XO_TABLE_KIND_COUNT
};

/* Tenants that stand elsewhere: TABLES OF TENANTS in xoorgd.conf(5). */
struct xo_conf_table {
	enum xo_table_kind kind;
	const char *text;			/* "csv:FILE", FILE absolute */
	const char *path;			/* a file, or a local socket */
	struct xo_conf_host host;		/* of a server, if that is NULL */
	const char *name;			/* of a socketmap */
	bool is_tls;				/* rediss: */
	/* A redis: server that is asked if this one cannot be; or NULL. */
	const struct xo_conf_table *next;
	struct xo_span content;			/* if set: instead of FILE's */
	struct xo_conf_where where;
};

/* Of the server of redis: tables. */
struct xo_conf_redis {
	const char *user;			/* NULL: the default one */
	struct xo_conf_path password_file;
	const char *password;			/* what stands in it, or NULL */
	const char *prefix;			/* before each key; or NULL */
	/* Of rediss: tables. */
	const char *tls_name;			/* NULL: the table's address */
	const char *trust;			/* "system", or a file */
	struct xo_conf_where trust_where;
	struct xo_conf_path client_certificate;
	struct xo_conf_path client_key;
};

/* Of tables that are asked. */
struct xo_conf_lookup {
	uint32_t cache;				/* answers kept, a worker */
	uint32_t fresh;				/* ms, of servers' answers */
	uint32_t nobody_fresh;
	uint32_t stale;
	struct xo_conf_redis redis;
};

enum xo_log_format {
	XO_LOG_TEXT,
	XO_LOG_JSON,
	XO_LOG_FORMAT_COUNT
};

/* Local parts of addresses in the log. */
enum xo_log_persons {
	XO_LOG_PERSONS_PLAIN,
	XO_LOG_PERSONS_HASHED,
	XO_LOG_PERSONS_COUNT
};

enum xo_tls_minimum {
	XO_TLS_1_2,
	XO_TLS_1_3,
	XO_TLS_MINIMUM_COUNT
};

/* What a row that cannot be taken means. */
enum xo_table_errors {
	XO_TABLE_ERRORS_FATAL,
	XO_TABLE_ERRORS_SKIP,			/* the row, with a warning */
	XO_TABLE_ERRORS_COUNT
};

enum xo_sandbox_mode {
	XO_SANDBOX_AUTO,			/* as far as the system has it */
	XO_SANDBOX_REQUIRED,
	XO_SANDBOX_OFF,
	XO_SANDBOX_MODE_COUNT
};

/* `tls.NAME`: our certificate, and whom we believe. */
struct xo_conf_tls {
	const char *name;
	struct xo_conf_where where;
	struct xo_conf_path certificate;	/* leaf and chain, PEM */
	struct xo_conf_path key;
	const char *trust;			/* "system", or a file (absolute) */
	struct xo_conf_where trust_where;
	enum xo_tls_minimum minimum;
	const char *ciphers;			/* NULL: the library's */
	const char *groups;			/* NULL: the library's */
	enum xo_crl_mode crl;
	struct xo_conf_path crl_file;
};

/* Beside policy.peers[i]. */
struct xo_conf_peer {
	struct xo_conf_path crl_file;
};

/* Who may connect to a unix socket. */
enum xo_socket_mode {
	XO_SOCKET_OWNER,
	XO_SOCKET_GROUP,
	XO_SOCKET_ALL,
	XO_SOCKET_MODE_COUNT
};

/* Beside policy.listeners[i]. */
struct xo_conf_listener {
	const struct xo_conf_host *listen;
	size_t n_listen;
	int tls;				/* index, XO_NOBODY: none */
	enum xo_socket_mode socket_mode;
	struct xo_conf_where where;
};

/* Beside policy.tenants[i]. */
struct xo_conf_tenant {
	struct xo_conf_path client_certificate;
	struct xo_conf_path client_key;
	struct xo_conf_where where;
};

/* Beside policy.upstreams[i]. */
struct xo_conf_upstream {
	const struct xo_conf_host *hosts;
	size_t n_hosts;
	const char *mx;				/* NULL: use hosts */
	bool client_names;			/* looked up, for XCLIENT */
	const char *tls_name;			/* NULL: the host's name */
	const char *trust;			/* "system", or a file */
	struct xo_conf_where trust_where;
	enum xo_tls_minimum minimum;
	const char *ciphers;
	const char *groups;
	struct xo_conf_path client_certificate;	/* not with "tenant" */
	struct xo_conf_path client_key;
	enum xo_crl_mode crl;
	struct xo_conf_path crl_file;
	uint32_t max_connections;		/* a worker; 0: no bound */
	uint32_t max_idle;			/* kept open, a worker */
	uint32_t idle_timeout;			/* ms */
	uint32_t refresh;			/* ms: of its capabilities */
	struct xo_conf_where where;
};

/* What is told, and where. */
struct xo_conf_log {
	const char *target;			/* "stderr", "syslog", a file */
	struct xo_conf_where where;
	enum xo_log_format format;
	uint32_t rate;				/* a worker; 0: no limit */
	enum xo_log_persons persons;
	struct xo_conf_path key;
};

struct xo_conf_status {
	bool is_set;
	struct xo_conf_host host;
	struct xo_span *names;			/* of Host, beside addresses */
	size_t n_names;
};

/* How the program runs. */
struct xo_conf_process {
	const char *user;			/* NULL: stay */
	struct xo_conf_where user_where;
	uint32_t workers;			/* 0: one a core */
	struct xo_conf_path pid_file;
	const char *seen_file;			/* "auto", "off", a file */
	struct xo_conf_where seen_file_where;
	bool key_process;
	enum xo_sandbox_mode sandbox;
	uint32_t drain_timeout;			/* ms */
};

/* How many clients; 0: no limit. */
struct xo_conf_clients {
	uint32_t max_sessions;			/* all workers */
	uint32_t max_sessions_per_address;
	uint32_t max_sessions_per_network;
	uint32_t network_prefix_ipv4;
	uint32_t network_prefix_ipv6;
	uint32_t max_tls_per_minute;		/* an address */
};

struct xo_conf {
	struct xo_policy policy;		/* indexed, ready to use */
	struct xo_conf_process process;
	struct xo_conf_log log;
	struct xo_conf_status status;
	struct xo_conf_clients clients;
	bool has_resolver;
	struct xo_conf_host resolver;		/* instead of the system's */
	const struct xo_conf_table *tables;	/* of tenants */
	size_t n_tables;
	enum xo_table_errors table_errors;
	struct xo_conf_lookup lookup;
	struct xo_conf_path tenant_certificates; /* a folder: NAME.pem */
	uint32_t certificate_warning;		/* days before its end */
	const struct xo_conf_tls *tls;
	size_t n_tls;
	const struct xo_conf_peer *peers;
	const struct xo_conf_listener *listeners;
	const struct xo_conf_tenant *tenants;
	size_t n_own_tenants;			/* the first; others: tables */
	const struct xo_conf_upstream *upstreams;
	const char *const *files;		/* it was read from */
	size_t n_files;
	struct xo_warnings warnings;		/* of what stands in them */
	struct xo_warnings found;		/* of this machine, by who looks */
	void *arena;				/* private */
};

/*
 * Reads and checks `path`. On failure NULL, with one line for the first thing
 * that is wrong in `error` ("FILE:LINE: what was expected", no line end);
 * `error` is the caller's.
 */
struct xo_conf *xo_conf_load(const char *path, struct xo_buf *error);
void xo_conf_free(struct xo_conf **conf);
/*
 * The same with the tenants of this one table, and no others. Its `kind` is one
 * that is read whole.
 */
struct xo_conf *xo_conf_load_table(const char *path,
    const struct xo_conf_table *table, struct xo_buf *error);

/* Every setting as it is in force, in the syntax of the file; `is_changed`: only
 * those that are not as by default. */
int xo_conf_print(const struct xo_conf *conf, bool is_changed, FILE *out);
/* The same of one tenant, which may be a table's. */
void xo_conf_print_tenant(const struct xo_conf *conf, size_t i,
    struct xo_buf *out);
/* The same as a JSON object in one line, without what is as by default. */
void xo_conf_print_object(const struct xo_conf *conf, size_t i,
    struct xo_buf *out);
/* The settings that a table may have as columns, beside `name`. */
size_t xo_conf_tenant_columns(const char **names, size_t max);
/* One of them, as a table has it; `out` has nothing else then. */
void xo_conf_print_cell(const struct xo_conf *conf, size_t i,
    const char *column, struct xo_buf *out);

#endif
