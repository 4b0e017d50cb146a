/* SPDX-License-Identifier: ISC */
/*
 * Whose a message is, asked of tables for the relay. That an answer takes too
 * long is the relay's to notice (xo_relay_deadline).
 */
#include "session_internal.h"

/* Without memory for the question there is no answer: its time runs out. */
void
xo_session_look_up(struct xo_session *s, const struct xo_action *a,
    void (*done)(void *arg))
{
	struct xo_lookups *lookups = s->all->env->lookups;
	struct xo_key key = {a->key_kind, a->bytes};

	s->lookup.done = done;
	s->lookup.arg = s;
	if (lookups != NULL)
		(void)xo_lookups_ask(lookups, &s->lookup, &key);
}

void
xo_session_mind_lookup(struct xo_session *s)
{
	if (s->lookup.lookup != NULL && !xo_relay_wants_tenant(s->relay))
		xo_lookups_leave(&s->lookup);
}
