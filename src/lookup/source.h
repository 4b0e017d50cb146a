/* SPDX-License-Identifier: ISC */
/*
 * What a source of tenants is to tables.c, and to a tool that asks one alone.
 */
#ifndef XO_LOOKUP_SOURCE_H
#define XO_LOOKUP_SOURCE_H

#include <conf/conf.h>
#include <net/env.h>
#include <table/question.h>

/* Of XO_KNOWN_TENANT its record, which is valid during the call. `why`, of
 * XO_KNOWN_NOT_NOW, is for the log, and not kept. */
struct xo_source_answer {
	enum xo_knowledge known;
	struct xo_span record;
	const char *why;
};

typedef void xo_source_done(void *arg, const struct xo_source_answer *answer);

struct xo_source_type {
	enum xo_table_kind kind;
	/* NULL: no memory. Both are kept. */
	void *(*open)(const struct xo_env *env,
	    const struct xo_conf_table *table);
	void (*close)(void *source);
	/*
	 * Asks; `question` is kept until the answer. `done` may be called before
	 * this returns, which is then NULL.
	 */
	void *(*ask)(void *source, const struct xo_question *question,
	    xo_source_done *done, void *arg);
	/* `done` is not called any more, and `question` not looked at. */
	void (*cancel)(void *source, void *request);
	/* Its answers may be kept for as long as settings say. */
	bool is_remote;
};

extern const struct xo_source_type xo_source_cdb;
extern const struct xo_source_type xo_source_socketmap;
extern const struct xo_source_type xo_source_redis;

#endif
