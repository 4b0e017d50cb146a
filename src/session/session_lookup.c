/* SPDX-License-Identifier: ISC */
/*
 * Whose a message is, asked of tables for the relay. That an answer takes too
 * long is the relay's to notice (xo_relay_deadline).
 */
#include "session_internal.h"

/* Without memory for the question there is no answer: its time runs out. */
void
xo_session_look_up(struct xo_session *s, void (*done)(void *arg))
{
	struct xo_lookups *lookups = s->all->env->lookups;

	s->lookup.done = done;
	s->lookup.arg = s;
	if (lookups != NULL)
		(void)xo_lookups_ask(lookups, &s->lookup,
		    xo_relay_lacks(s->relay));
}

void
xo_session_mind_lookup(struct xo_session *s)
{
	if (xo_lookups_is_waiting(&s->lookup) &&
	    !xo_relay_wants_tenant(s->relay))
		xo_lookups_leave(&s->lookup);
}
