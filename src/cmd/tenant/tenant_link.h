/* SPDX-License-Identifier: ISC */
/*
 * A connection to Redis, for who lists a table or writes it: commands are gathered,
 * and sent at the latest when a reply is read. What fails is complained of, with the
 * name of the table.
 */
#ifndef XO_CMD_TENANT_LINK_H
#define XO_CMD_TENANT_LINK_H

#include <cmd/tenant/tenant_keys.h>
#include <conf/conf.h>
#include <table/resp.h>

struct xo_tenant_link;

/* Connected, and authenticated as `conf` says, which gives the prefix of keys and
 * the time that each wait may take, too; both are kept. NULL: complained. */
struct xo_tenant_link *xo_tenant_link_open(const struct xo_conf *conf,
    const struct xo_conf_table *table);
void xo_tenant_link_close(struct xo_tenant_link **link);

/* A command of one word and so many more, which follow: words, and keys, before
 * which the prefix is put. */
void xo_tenant_link_say(struct xo_tenant_link *link, const char *command,
    size_t n);
void xo_tenant_link_word(struct xo_tenant_link *link, struct xo_span word);
void xo_tenant_link_key(struct xo_tenant_link *link, struct xo_span key);

/* "" if there is none. */
struct xo_span xo_tenant_link_prefix(const struct xo_tenant_link *link);

/* The next reply, which is valid until another one is read. An error of the
 * server's, or anything else: false. */
bool xo_tenant_link_read(struct xo_tenant_link *link, struct xo_resp *reply_r);
/* One that has to be a number (':'), or the head of an array ('*'), of at most
 * `max`. */
bool xo_tenant_link_read_number(struct xo_tenant_link *link, char sign,
    uint64_t max, uint64_t *n_r);

/* Adds all keys that may be those of tenants. Sorted. */
bool xo_tenant_link_scan(struct xo_tenant_link *link,
    struct xo_tenant_keys *keys);
/* The table is whole, by its mark. */
bool xo_tenant_link_has_mark(struct xo_tenant_link *link, bool *has_mark_r);

/* "tenant: TABLE: WHAT: WHY"; false. */
bool xo_tenant_link_complain(const struct xo_tenant_link *link,
    const char *what, const char *why);

#endif
