/* SPDX-License-Identifier: ISC */
/*
 * The table of settings: everything that may stand in a configuration, once.
 * The parser, the printout, the sample file and the manual follow it. A new
 * setting is a row here and a field in a struct of conf.h or policy.h.
 */
#ifndef XO_CONF_SETTINGS_H
#define XO_CONF_SETTINGS_H

#include <conf/conf.h>

enum xo_section {
	XO_SECTION_TOP,			/* no group of its own */
	XO_SECTION_LIMITS,		/* one group */
	XO_SECTION_TLS,			/* from here on: a group of groups */
	XO_SECTION_PEERS,
	XO_SECTION_TENANTS,
	XO_SECTION_LISTENERS,
	XO_SECTION_UPSTREAMS,
	XO_SECTION_COUNT
};

/* What a setting holds, and (in brackets) what is stored of it. */
enum xo_setting_type {
	XO_SETTING_BOOL,		/* (bool) */
	XO_SETTING_NUMBER,		/* (uint32_t) */
	XO_SETTING_SIZE,		/* octets (uint64_t) */
	XO_SETTING_SECONDS,		/* (uint32_t, milliseconds) */
	XO_SETTING_TEXT,		/* (const char *, NULL if empty) */
	XO_SETTING_WORD,		/* one of `words` (enum) */
	XO_SETTING_WORDS,		/* a list of `words` (uint32_t, bits) */
	XO_SETTING_HOSTNAME,		/* a domain (struct xo_span) */
	XO_SETTING_DOMAIN,		/* a domain (const char *, or NULL) */
	XO_SETTING_EXTENSIONS,		/* (struct xo_span) */
	XO_SETTING_DOMAINS,		/* and *.DOMAIN (struct xo_span) */
	XO_SETTING_NETWORKS,		/* CIDR (struct xo_network) */
	XO_SETTING_ADDRESS,		/* IP:PORT (struct xo_conf_host) */
	XO_SETTING_ADDRESSES,		/* (struct xo_conf_host) */
	XO_SETTING_HOSTS,		/* HOST:PORT (struct xo_conf_host) */
	XO_SETTING_FILE,		/* is readable (struct xo_conf_path) */
	XO_SETTING_NEW_FILE,		/* need not be (struct xo_conf_path) */
	XO_SETTING_FOLDER,		/* is one (struct xo_conf_path) */
	XO_SETTING_WORD_OR_FILE,	/* must be readable (const char *) */
	XO_SETTING_WORD_OR_NEW_FILE,	/* (const char *) */
	XO_SETTING_CERTIFICATE,		/* FILE, or the word "tenant" */
	XO_SETTING_XOORG,		/* "", a domain, or a word (enum) */
	XO_SETTING_TABLES,		/* KIND:PLACE (struct xo_conf_table) */
	XO_SETTING_REFERENCE,		/* a name in `target` (int) */
	XO_SETTING_REFERENCES,		/* (int) */
	XO_SETTING_TYPE_COUNT
};

struct xo_setting {
	enum xo_section section;
	const char *name;
	enum xo_setting_type type;
	/* Where the value is, in the record of the section. */
	size_t offset;
	/*
	 * A second field, 0 if there is none: of lists the number of elements
	 * (size_t), of ADDRESS whether it is set (bool), of TEXT and
	 * WORD_OR_* its place (struct xo_conf_where), of CERTIFICATE whether it
	 * is the tenant's (bool), of REFERENCE whether it is set (bool), of
	 * XOORG the domain (struct xo_span).
	 */
	size_t other;
	/* As in the file, without quotes; NULL: must be given. Lists: "". */
	const char *default_text;
	/* Of numbers, their bounds; of lists and files, `min` 1: not empty; of
	 * lists `max` elements, 0: any number. */
	uint64_t min;
	uint64_t max;
	const char *const *words;	/* ended by NULL */
	enum xo_section target;
	const char *help;		/* one line */
};

const struct xo_setting *xo_settings(size_t *n_r);
const struct xo_setting *xo_setting_find(enum xo_section section,
    struct xo_span name);

/* "upstreams"; "" for the top. */
const char *xo_section_name(enum xo_section section);
const char *xo_section_help(enum xo_section section);
/* Octets of a record. */
size_t xo_section_size(enum xo_section section);

/*
 * A record is what the offsets of a section count in. Of TOP and LIMITS it is
 * struct xo_conf itself, of TLS struct xo_conf_tls, of the
 * others these, since conf.h keeps their two halves apart.
 */
struct xo_tenant_record {
	struct xo_tenant policy;
	struct xo_conf_tenant conf;
};

struct xo_peer_record {
	struct xo_peer policy;
	struct xo_conf_peer conf;
};

struct xo_listener_record {
	struct xo_listener policy;
	struct xo_conf_listener conf;
};

struct xo_upstream_record {
	struct xo_upstream policy;
	struct xo_conf_upstream conf;
};

#endif
