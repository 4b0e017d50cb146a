/* SPDX-License-Identifier: ISC */
/*
 * Tenants in a cdb file. The file is looked at before each question, so that the
 * next one after a rename is answered by the new file; one that is gone, cut or
 * another's answers nothing.
 */
#include "source.h"

#include <stdlib.h>

#include <conf/cdb.h>

struct source {
	const char *path;
	struct xo_cdb *cdb;		/* NULL: none that is good */
};

static void *
open_source(const struct xo_env *env, const struct xo_conf_table *table)
{
	struct source *s = calloc(1, sizeof(*s));

	(void)env;
	if (s != NULL)
		s->path = table->path;
	return s;
}

static void
close_source(void *source)
{
	struct source *s = source;

	xo_cdb_close(&s->cdb);
	free(s);
}

/* The file as it is now. NULL, or why there is none. */
static const char *
look(struct source *s)
{
	const char *problem = NULL;

	if (s->cdb != NULL && xo_cdb_is_current(s->cdb, s->path))
		return NULL;
	xo_cdb_close(&s->cdb);
	s->cdb = xo_cdb_open(s->path, &problem);
	return problem;
}

static struct xo_source_answer
find(struct source *s, const struct xo_question *question)
{
	struct xo_source_answer answer = {.why = look(s)};

	if (answer.why != NULL)
		return answer;
	for (size_t i = 0; i < question->n; i++) {
		enum xo_cdb_found found = xo_cdb_find(s->cdb,
		    question->texts[i], &answer.record);

		if (found == XO_CDB_NONE)
			continue;
		if (found == XO_CDB_FOUND)
			answer.known = XO_KNOWN_TENANT;
		else
			answer.why = "a cdb file that is broken";
		return answer;
	}
	answer.known = XO_KNOWN_NOBODY;
	return answer;
}

static void *
ask(void *source, const struct xo_question *question, xo_source_done *done,
    void *arg)
{
	const struct xo_source_answer answer = find(source, question);

	done(arg, &answer);
	return NULL;
}

/* Each question is over when ask() returns. */
static void
cancel(void *source, void *request)
{
	(void)source;
	(void)request;
}

const struct xo_source_type xo_source_cdb = {
	.kind = XO_TABLE_CDB,
	.open = open_source,
	.close = close_source,
	.ask = ask,
	.cancel = cancel,
};
