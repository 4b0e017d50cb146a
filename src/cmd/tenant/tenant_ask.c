/* SPDX-License-Identifier: ISC */
/*
 * One record of a source that is asked, as the gateway asks for it.
 */
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <stdlib.h>

#include <event2/event.h>

#include <lookup/access.h>
#include <lookup/source.h>
#include <lookup/tables.h>
#include <net/leg.h>
#include <net/tls.h>

struct answer {
	const char *source, *org;
	struct xo_buf *rows;
	enum xo_knowledge known;
	bool is_there;
};

static void
note(void *arg, const struct xo_source_answer *given)
{
	struct answer *a = arg;

	a->is_there = true;
	a->known = given->known;
	if (given->known == XO_KNOWN_NOT_NOW)
		xo_tool_complain("tenant: %s: no answer: %s", a->source,
		    given->why);
	if (given->known == XO_KNOWN_NOBODY)
		xo_tool_complain("tenant: expected a tenant's organisation, "
		    "found none: '%s'", a->org);
	for (size_t i = 0; i < given->record.len; i++)
		xo_buf_add_byte(a->rows, given->record.p[i] == '\n' ||
		    given->record.p[i] == '\r' ? ' ' : given->record.p[i]);
	xo_buf_add_byte(a->rows, '\n');
}

static bool
ask(const struct xo_env *env, const struct xo_conf_table *table,
    const struct xo_question *question, struct answer *a)
{
	const struct xo_source_type *type = xo_tables_find_source(table->kind);
	void *source = xo_tool_require(type->open(env, table));

	(void)type->ask(source, question, note, a);
	while (!a->is_there && event_base_loop(env->base, EVLOOP_ONCE) == 0)
		;
	type->close(source);
	return a->known == XO_KNOWN_TENANT;
}

/* False: complained. */
static bool
make_env(const struct xo_conf *conf, const struct xo_conf_table *table,
    struct xo_env *env)
{
	struct xo_buf error = {0};

	*env = (struct xo_env){.conf = conf};
	env->base = xo_tool_require(event_base_new());
	env->scratch = xo_tool_require(malloc(XO_LEG_READ));
	if (table->is_tls)
		env->redis = xo_table_access_tls(conf, NULL, &error);
	if (table->is_tls && env->redis == NULL)
		xo_tool_complain("tenant: %s", xo_tool_cstr(&error));
	xo_buf_fini(&error);
	return !table->is_tls || env->redis != NULL;
}

bool
xo_tenant_ask(const struct xo_conf *conf, const struct xo_conf_table *table,
    const char *org, struct xo_buf *rows)
{
	const struct xo_key key = {XO_KEY_ORG, xo_span_from_cstr(org)};
	struct answer a = {table->text, org, rows, XO_KNOWN_NOT_NOW, false};
	struct xo_question *question = xo_tool_require(calloc(1,
	    sizeof(*question)));
	bool is_good = xo_question_make(question, &key);
	struct xo_env env;

	if (!is_good)
		xo_tool_complain("tenant: expected an organisation, a domain: "
		    "'%s'", org);
	is_good = make_env(conf, table, &env) && is_good &&
	    ask(&env, table, question, &a);
	xo_tls_context_free(&env.redis);
	event_base_free(env.base);
	free(env.scratch);
	free(question);
	return is_good;
}
