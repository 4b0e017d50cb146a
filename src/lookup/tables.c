/* SPDX-License-Identifier: ISC */
/*
 * One source after the other: see tables.h.
 */
#include "tables.h"

#include <stdlib.h>

#include <conf/guest.h>
#include <watch/log.h>

#include "source.h"

struct source {
	struct xo_tables *tables;
	const struct xo_source_type *type;
	const struct xo_conf_table *table;
	void *state;
	bool is_down;			/* and the log has been told */
};

struct xo_tables {
	const struct xo_env *env;
	struct xo_guest_reader *reader;
	struct xo_table_ask *first;	/* a list of those that wait */
	size_t n;
	struct source sources[];
};

struct xo_table_ask {
	struct xo_tables *tables;
	struct xo_table_ask *next, *previous;
	xo_table_done *done;
	void *arg;
	size_t at;			/* which source has it */
	void *request;			/* of that source; NULL: none yet */
	bool is_asking;			/* within the source's ask() */
	bool is_answered;
	bool is_over;
	struct xo_key key;
	uint8_t domain[XO_QUESTION_DOMAIN];
	struct xo_question question;
};

static const struct xo_source_type *const types[] = {
	&xo_source_cdb,
	&xo_source_socketmap,
	&xo_source_redis,
	NULL,
};

const struct xo_source_type *
xo_tables_find_source(enum xo_table_kind kind)
{
	for (size_t i = 0; types[i] != NULL; i++)
		if (types[i]->kind == kind)
			return types[i];
	return NULL;
}

static bool
open_source(struct xo_tables *t, const struct xo_conf_table *table)
{
	const struct xo_source_type *type = xo_tables_find_source(table->kind);
	struct source *s = &t->sources[t->n];

	if (type == NULL)
		return true;
	*s = (struct source){.tables = t, .type = type, .table = table};
	s->state = type->open(t->env, table);
	t->n += s->state != NULL;
	return s->state != NULL;
}

struct xo_tables *
xo_tables_new(const struct xo_env *env)
{
	const struct xo_conf *conf = env->conf;
	struct xo_tables *t = calloc(1, sizeof(*t) +
	    conf->n_tables * sizeof(t->sources[0]));
	bool is_good;

	if (t == NULL)
		return NULL;
	t->env = env;
	t->reader = xo_guest_reader_new(conf);
	is_good = t->reader != NULL;
	for (size_t i = 0; is_good && i < conf->n_tables; i++)
		is_good = open_source(t, &conf->tables[i]);
	if (!is_good)
		xo_tables_free(&t);
	return t;
}

void
xo_tables_free(struct xo_tables **tables)
{
	struct xo_tables *t = *tables;

	if (t == NULL)
		return;
	while (t->first != NULL) {
		struct xo_table_ask *ask = t->first;

		xo_tables_cancel(&ask);
	}
	for (size_t i = 0; i < t->n; i++)
		t->sources[i].type->close(t->sources[i].state);
	xo_guest_reader_free(&t->reader);
	free(t);
	*tables = NULL;
}

size_t
xo_tables_count(const struct xo_tables *tables)
{
	return tables->n;
}

/* --- what is told ---------------------------------------------------------- */

static void
tell(const struct source *s, enum xo_log_level level, const char *state,
    const char *why)
{
	struct xo_log_line *line = xo_log_begin(s->tables->env->log, level,
	    "table");

	xo_log_cstr(line, "table", s->table->text);
	xo_log_cstr(line, "state", state);
	if (why != NULL)
		xo_log_str(line, "reason", xo_span_from_cstr(why));
	xo_log_end(line);
}

/* Once when it begins, and once when it is over. */
static void
note_state(struct source *s, bool is_down, const char *why)
{
	if (s->is_down == is_down)
		return;
	s->is_down = is_down;
	tell(s, is_down ? XO_LOG_ERROR : XO_LOG_INFO, is_down ? "down" : "up",
	    why);
}

/* --- an answer ------------------------------------------------------------- */

static void
remove_ask(struct xo_table_ask *ask)
{
	struct xo_tables *t = ask->tables;

	if (ask->previous != NULL)
		ask->previous->next = ask->next;
	else
		t->first = ask->next;
	if (ask->next != NULL)
		ask->next->previous = ask->previous;
	free(ask);
}

/* The guest of the record, or NULL: it is not to be believed. */
static struct xo_guest *
read_guest(const struct xo_table_ask *ask, struct xo_span record)
{
	const struct source *s = &ask->tables->sources[ask->at];
	struct xo_buf error = {0};
	struct xo_guest *guest = xo_guest_read(ask->tables->reader, record,
	    &error);

	xo_buf_add_byte(&error, '\0');
	if (guest == NULL) {
		tell(s, XO_LOG_ERROR, "bad", error.err == XO_OK ?
		    (const char *)error.p : "out of memory");
	} else if (!xo_guest_answers(&guest->tenant, &ask->key)) {
		tell(s, XO_LOG_ERROR, "bad", "a record that does not list the "
		    "domain that was asked for");
		xo_guest_free(&guest);
	}
	xo_buf_fini(&error);
	return guest;
}

/* A file is cheap to ask, and is asked each time. Where an answer took more than
 * one source it is kept as the dearest of them is. */
static bool
has_remote(const struct xo_table_ask *ask)
{
	for (size_t i = 0; i <= ask->at; i++)
		if (ask->tables->sources[i].type->is_remote)
			return true;
	return false;
}

static void
set_lifetimes(const struct xo_table_ask *ask, struct xo_table_answer *answer)
{
	const struct xo_conf *conf = ask->tables->env->conf;

	if (!has_remote(ask))
		return;
	if (answer->known == XO_KNOWN_NOBODY)
		answer->fresh = conf->lookup.nobody_fresh;
	if (answer->known != XO_KNOWN_TENANT)
		return;
	answer->fresh = conf->lookup.fresh;
	answer->stale = conf->lookup.stale > conf->lookup.fresh ?
	    conf->lookup.stale : conf->lookup.fresh;
}

/* True: the next source is to be asked. */
static bool
take_answer(struct xo_table_ask *ask, const struct xo_source_answer *given,
    struct xo_table_answer *answer)
{
	struct source *s = &ask->tables->sources[ask->at];

	note_state(s, given->known == XO_KNOWN_NOT_NOW, given->why);
	answer->known = given->known;
	if (given->known == XO_KNOWN_NOBODY && ask->at + 1 < ask->tables->n) {
		ask->at++;
		return true;
	}
	if (given->known == XO_KNOWN_TENANT) {
		answer->guest = read_guest(ask, given->record);
		if (answer->guest == NULL)
			answer->known = XO_KNOWN_NOT_NOW;
	}
	set_lifetimes(ask, answer);
	return false;
}

/* In the order of calls: a source may answer before its ask() returns, and the
 * loop in go_on() then goes on; else this does. */
static bool go_on(struct xo_table_ask *ask);

static void
on_answer(void *arg, const struct xo_source_answer *given)
{
	struct xo_table_ask *ask = arg;
	struct xo_table_answer answer = {.known = XO_KNOWN_NOT_NOW};

	ask->request = NULL;
	ask->is_answered = true;
	ask->is_over = !take_answer(ask, given, &answer);
	if (ask->is_over)
		ask->done(ask->arg, &answer);
	if (!ask->is_asking)
		(void)go_on(ask);
}

/* Asks until one is waited for. False: it is over, and the question is gone. */
static bool
go_on(struct xo_table_ask *ask)
{
	ask->is_answered = true;
	while (!ask->is_over && ask->is_answered) {
		const struct source *s = &ask->tables->sources[ask->at];

		ask->is_answered = false;
		ask->is_asking = true;
		ask->request = s->type->ask(s->state, &ask->question,
		    on_answer, ask);
		ask->is_asking = false;
	}
	if (!ask->is_over)
		return true;
	remove_ask(ask);
	return false;
}

/* --- a question ------------------------------------------------------------ */

static struct xo_table_ask *
new_ask(struct xo_tables *t, const struct xo_key *key)
{
	struct xo_table_ask *ask = calloc(1, sizeof(*ask));

	if (ask == NULL)
		return NULL;
	ask->tables = t;
	ask->next = t->first;
	if (t->first != NULL)
		t->first->previous = ask;
	t->first = ask;
	ask->key.kind = key->kind;
	return ask;
}

static void
set_domain(struct xo_table_ask *ask, struct xo_span domain)
{
	for (size_t i = 0; i < domain.len; i++)
		ask->domain[i] = xo_ascii_lower(domain.p[i]);
	ask->key.domain = xo_span(ask->domain, domain.len);
}

static struct xo_table_ask *
answer_at_once(xo_table_done *done, void *arg, enum xo_knowledge known)
{
	const struct xo_table_answer answer = {.known = known};

	done(arg, &answer);
	return NULL;
}

struct xo_table_ask *
xo_tables_ask(struct xo_tables *t, const struct xo_key *key,
    xo_table_done *done, void *arg)
{
	struct xo_table_ask *ask;

	if (t->n == 0 || key->domain.len > XO_QUESTION_DOMAIN)
		return answer_at_once(done, arg, XO_KNOWN_NOBODY);
	ask = new_ask(t, key);
	if (ask == NULL)
		return answer_at_once(done, arg, XO_KNOWN_NOT_NOW);
	set_domain(ask, key->domain);
	if (!xo_question_make(&ask->question, &ask->key)) {
		remove_ask(ask);
		return answer_at_once(done, arg, XO_KNOWN_NOBODY);
	}
	ask->done = done;
	ask->arg = arg;
	return go_on(ask) ? ask : NULL;
}

void
xo_tables_cancel(struct xo_table_ask **ask)
{
	struct xo_table_ask *a = *ask;

	*ask = NULL;
	if (a == NULL)
		return;
	/* analyser: one that is done has told its owner, who has NULL */
	if (a->request != NULL)
		a->tables->sources[a->at].type->cancel(
		    a->tables->sources[a->at].state, a->request);
	remove_ask(a);
}
