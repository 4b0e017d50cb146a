/* SPDX-License-Identifier: ISC */
/*
 * xoorg tenant: the parts of the subcommand. A source is a configuration that
 * was loaded, and which of its tenants are meant.
 */
#ifndef XO_CMD_TENANT_H
#define XO_CMD_TENANT_H

#include <conf/arena.h>
#include <conf/conf.h>

struct xo_tenant_source {
	const char *name;		/* as it was given */
	struct xo_conf *conf;
	size_t n;			/* the first so many */
	struct xo_conf_arena *arena;
	struct xo_buf rows;		/* of a source that was enumerated */
};

struct xo_tenant_settings {
	const char *config;
	uint64_t days;
	bool is_json;
};

/*
 * tenant_source.c. `name`: "conf", the group tenants of the configuration; "csv:FILE" or the
 * like, a table that need not be named in it; NULL: all that is in force. False: complained.
 * `wanted`, or NULL: the one organisation that it is about.
 */
bool xo_tenant_source_open(const struct xo_tenant_settings *settings,
    const char *name, const char *wanted, struct xo_tenant_source *source_r);
/* tenant_ask.c: the record of one organisation, as a row, of a source that is
 * asked. False: complained. */
bool xo_tenant_ask(const struct xo_conf *conf,
    const struct xo_conf_table *table, const char *org, struct xo_buf *rows);
void xo_tenant_source_close(struct xo_tenant_source *source);

/* By its name; SIZE_MAX: there is none. */
size_t xo_tenant_source_find(const struct xo_tenant_source *source,
    struct xo_span name);

/* tenant_records.c: a record, and the keys under which it stands, in the memory of
 * an arena; that of its first organisation is the first. False: it is none. */
struct xo_tenant_record {
	struct xo_span text;
	struct xo_span *keys;
	size_t n;
};
bool xo_tenant_record_read(struct xo_span text, struct xo_conf_arena *arena,
    struct xo_tenant_record *record_r);
/* Which of its keys that is; `n`: none. */
size_t xo_tenant_record_find(const struct xo_tenant_record *record,
    struct xo_span key);

/*
 * Records as rows, each once, for xo_conf_load_table(): of those under the keys
 * of a source (question.h). False: complained, of a key too many.
 */
struct xo_tenant_rows {
	const char *source;		/* for complaints */
	struct xo_buf *out;
	struct xo_conf_arena *scratch;
	size_t n_keys, n_entries;
};
bool xo_tenant_rows_add(struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span text);
/* False: complained, of keys that are not there. */
bool xo_tenant_rows_end(const struct xo_tenant_rows *rows);
/* The parts of that: reads what stands under a key, which of its keys that is;
 * writes one; complains. */
bool xo_tenant_rows_read(const struct xo_tenant_rows *rows, struct xo_span key,
    struct xo_span text, struct xo_tenant_record *record_r, size_t *at_r);
void xo_tenant_rows_put(struct xo_tenant_rows *rows, struct xo_span record);
bool xo_tenant_rows_complain(const struct xo_tenant_rows *rows,
    struct xo_span key, const char *what);

/* Each key of each tenant, those of one in a row. False: complained, or `put` was
 * false, and errno is its. */
typedef bool xo_tenant_put(void *arg, struct xo_span key,
    struct xo_span record, bool is_first);
bool xo_tenant_records_put(const struct xo_conf *conf, xo_tenant_put *put,
    void *arg);
/* All tenants into a source. False: complained. */
bool xo_tenant_write_cdb(const struct xo_conf *conf, int fd);

/* tenant_fetch.c: all tenants of a redis: table. False: complained. */
bool xo_tenant_fetch(const struct xo_conf *conf,
    const struct xo_conf_table *table, struct xo_tenant_rows *rows);
/* tenant_store.c: these, and no others, into one. False: complained. */
bool xo_tenant_store(const struct xo_conf *conf,
    const struct xo_conf_table *table);

/* The verbs, each of which returns an enum xo_exit. */
int xo_tenant_export(const struct xo_tenant_source *source, bool is_json);
/* Reads rows from standard input. */
int xo_tenant_import(const struct xo_tenant_settings *settings,
    const char *target);
int xo_tenant_diff(const struct xo_tenant_source *from,
    const struct xo_tenant_source *to);
int xo_tenant_check(const struct xo_tenant_settings *settings,
    const struct xo_tenant_source *source);
/* tenant_check_records.c: of a table that is asked, how many of its records the
 * gateway would not take; each is told of. */
size_t xo_tenant_check_records(const struct xo_tenant_settings *settings,
    const struct xo_tenant_source *source);

#endif
