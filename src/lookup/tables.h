/* SPDX-License-Identifier: ISC */
/*
 * The sources of tenants that are asked while mail waits, in the order of
 * tenant_tables. One that does not know a key is followed by the next; one that
 * cannot answer now ends the question, because the tenant might be there.
 */
#ifndef XO_LOOKUP_TABLES_H
#define XO_LOOKUP_TABLES_H

#include <conf/conf.h>
#include <net/env.h>
#include <xoorg/guests.h>

struct xo_source_type;
struct xo_tables;
struct xo_table_ask;

struct xo_table_answer {
	enum xo_knowledge known;
	/* Of XO_KNOWN_TENANT, the receiver's now: xo_guest_free(). */
	struct xo_guest *guest;
	/* As xo_guests_put() takes them; 0: the source is asked each time. */
	uint32_t fresh, stale;
};

typedef void xo_table_done(void *arg, const struct xo_table_answer *answer);

/* `env` is kept. No connection is made before the first question. NULL: no
 * memory. */
struct xo_tables *xo_tables_new(const struct xo_env *env);
/* All questions that are open are cancelled: nobody hears of them. */
void xo_tables_free(struct xo_tables **tables);

/* NULL: tables of this kind are read, and not asked. */
const struct xo_source_type *xo_tables_find_source(enum xo_table_kind kind);

/* How many sources there are; 0: each question is answered with "nobody". */
size_t xo_tables_count(const struct xo_tables *tables);

/*
 * Asks. `done` is called once, with an answer that is of this key
 * (xo_guest_answers), or is none; perhaps before this returns, which is then NULL.
 * `key` is copied.
 */
struct xo_table_ask *xo_tables_ask(struct xo_tables *tables,
    const struct xo_key *key, xo_table_done *done, void *arg);
/* `done` is not called any more. Not from within `done`, and not after it. NULL is
 * fine; leaves NULL. */
void xo_tables_cancel(struct xo_table_ask **ask);

#endif
