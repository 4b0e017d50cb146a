/* SPDX-License-Identifier: ISC */
/* relay.c's actions and finish.c: how a message ends, whoever ends it. */

/* --- the refusal table ---------------------------------------------------- */

short the_code;
bool closes;

inline xo_refusal_info(r)
{
	closes = (r == PIPELINING || r == TLS_CERTIFICATE ||
	    r == CONTENT_NUL || r == TIMEOUT || r == SHUTDOWN);
	if
	:: r == HELLO_FIRST || r == COMMAND_SEQUENCE || r == TLS_TWICE ||
	    r == MAIL_NESTED -> the_code = 503
	:: r == PIPELINING || r == NO_RECIPIENTS ||
	    r == CONTENT_NEEDS_CHUNKING || r == HEADER_SYNTAX ->
		the_code = 554
	:: r == TLS_CERTIFICATE -> the_code = 454
	:: r == XOORG_NOT_ANNOUNCED || r == RCPT_SYNTAX -> the_code = 501
	:: r == UNKNOWN_ORG || r == CONTENT_NUL -> the_code = 550
	:: r == TIMEOUT || r == SHUTDOWN -> the_code = 421
	:: else -> the_code = 451
	fi
}

/* --- actions -------------------------------------------------------------- */

/* One reply to the client. */
inline relay_reply(c)
{
	if
	:: !is_front_gone ->
		printf("  front %d\n", c);
		assert(state != FRONT_CLOSED);
		/* Replies answer commands, one each; 421 may come unasked. */
		assert(owed > 0 || c == 421);
		if
		:: owed > 0 -> owed--
		:: else
		fi
	:: else -> owed = (owed > 0 -> owed - 1 : 0)
	fi
}

/* To the next hop: what, of which message, pieces. */
inline relay_send(what, n)
{
	printf("  back %e %d\n", what, n);
	assert(hop_is_open && len(to_hop) < 10);
	to_hop!what, mid, n
}

inline relay_close()
{
	if
	:: state != FRONT_CLOSED ->
		state = FRONT_CLOSED;
		printf("  close\n")
	:: else
	fi
}

/* --- the next hop is let go (back.c) -------------------------------------- */

inline forget_expected()
{
	do
	:: len(expected) > 0 -> expected?_
	:: else -> break
	od
}

/* What is on its way there still arrives; what it says does not. */
inline hop_unlink()
{
	hop_is_open = false; hop_has_closed = false; hop_is_silent = false;
	do
	:: len(from_hop) > 0 -> from_hop?_
	:: else -> break
	od;
	if
	:: len(to_hop) == 0 -> hop_forget()
	:: else
	fi
}

inline back_drop()
{
	if
	:: back == BACK_READY ->
		printf("  drop\n");
		hop_unlink()
	:: back == BACK_ACQUIRING ->
		printf("  drop\n");
		wants_fresh = false
	:: else
	fi;
	back = BACK_NONE;
	forget_expected()
}

/* The pool keeps it. That it is gone, or speaks, may be seen later. */
inline hop_keep(needs_reset)
{
	is_kept = true;
	kept_needs_reset = needs_reset
}

#define may_be_behind (mail_state == MAIL_ACCEPTED && !is_in_step && \
	back_chunking && HOP_WORDS && !IS_LMTP)

inline back_leave()
{
	if
	:: back == BACK_READY && (len(expected) == 0) && !is_opened &&
	    !is_back_ahead && !may_be_behind ->
		printf("  release-reset\n");
#if DEFECT == 4		/* keeps the transaction for the next message */
		hop_keep(false);
#else
		hop_keep(true);
#endif
		back = BACK_NONE
	:: else ->
		back_drop()
	fi
}

/* --- finish.c ------------------------------------------------------------- */

inline transaction_clear()
{
#if DEFECT != 15	/* the verdict outlives its message */
	is_trusted = false; is_verified = false;
#endif
	is_null = false; is_chunked = false; n_retries = 0;
	mail_state = MAIL_UNSENT;
	i = 0;
	do
	:: i < N_RCPTS ->
		slot_state[i] = SLOT_WAITING; slot_why[i] = NONE;
		slot_code[i] = 0;
		slot_is_local[i] = false; slot_is_sent[i] = false;
		i++
	:: else -> break
	od;
	i = 0;
	n_slots = 0; n_told = 0; next_send = 0; next_reply = 0; n_accepted = 0;
	content = CONTENT_NONE;
	has_header_value = false; has_header_table = false;
	has_header_bad = false;
	is_asked = false; lookup_back_to = FRONT_READY; lookup_word = NONE;
	held = 0;
	is_complete = false; is_opened = false; uses_bdat = false;
	has_chunk_out = false; has_xoorg_out = false; is_said_again = false;
	is_in_step = false; wants_hello = false; is_exact = false;
	n_finals = 0; n_delivered = 0; worst = 0;
	chunk_is_last = false; chunk_left = 0;
	is_stray = false; back_to = FRONT_READY;
	outcome = NONE; code = 0;
	has_ended = false;
	if
	:: back == BACK_FAILED -> back = BACK_NONE; back_why = NONE
	:: else
	fi;
	/* the ledger's */
	told = 0; given = 0; is_finished = false; is_finishing = false;
	has_final = false; has_acked = false; has_xoorg_said = false
}

inline forget()
{
	has_ended = true;
	if
	:: state != FRONT_CLOSED -> state = FRONT_READY
	:: else
	fi
}

/* The transaction is over: what is left of it is the report. */
inline end_transaction(r, c)
{
	printf("  report %e %d\n", r, c);
	/* C: a 5xx has the next hop's word or a rule of ours behind it;
	 * E: what the next hop has taken is never refused for good. */
	assert(IS_LMTP || IS_CONFUSED || IS_TWICE || c < 500 || !is_committed[mid]);
	assert(!(c >= 500 && (r == UPSTREAM_CONNECT || r == UPSTREAM_LOST ||
	    r == UPSTREAM_TIMEOUT || r == UPSTREAM_CONFUSED ||
	    r == UPSTREAM_OUT_OF_STEP)));
	/* What is not known is nobody's, and refused, for nobody. */
	assert(!(known == NOT_NOW && c >= 500));
	forget()
}

/* What ends the session ends the transaction first. */
inline relay_refuse(r)
{
	xo_refusal_info(r);
	relay_reply(the_code);
	wants_quiet = closes;
	if
	:: !closes -> printf("  refused %e\n", r)
	:: else
	fi
}

/* A transaction is open: tell.c */
#define is_busy (state == FRONT_MAIL || state == FRONT_CHUNKS || \
	state == FRONT_DATA || state == FRONT_CHUNK || \
	state == FRONT_FINAL || (state == FRONT_WAIT_TENANT && \
	lookup_back_to == FRONT_MAIL))

inline finish_quietly(r)
{
	if
	:: has_ended || !is_busy -> skip
	:: else ->
		if
		:: back == BACK_READY || back == BACK_ACQUIRING ->
			back_leave()
		:: else
		fi;
		if
		:: n_slots == 0 ->
			forget()
		:: n_slots > 0 && n_accepted == 0 && n_told > 0 ->
			end_transaction(slot_why[n_told - 1],
			    slot_code[n_told - 1])
		:: else ->
			/* A refusal that ends the connection was the last word
			 * on the message, too. */
			xo_refusal_info(r);
			the_code = (closes -> the_code : 0);
			end_transaction(r, the_code)
		fi
	fi
}

inline after()
{
	if
	:: state == FRONT_CLOSED -> skip
	:: state != FRONT_CLOSED && is_front_gone ->
		relay_close()
	:: state != FRONT_CLOSED && !is_front_gone && is_draining ->
		relay_reply(421);
		printf("  refused %e\n", SHUTDOWN);
		relay_close()
	:: else
	fi
}

/* A and D: the client's 250 and the next hop's are one. */
inline acknowledge()
{
	assert(has_final);
	assert(IS_CONFUSED || (is_committed[mid] && is_exact));
	assert(IS_CONFUSED || !IS_LMTP || lmtp_delivered == n_accepted);
	assert(is_finished && is_finishing);
	has_acked = true
}

inline finish_with_reply(c)
{
	relay_reply(c);
	if
	:: c == 250 ->
		acknowledge();
		end_transaction(NONE, c)
	:: else ->
		end_transaction(UPSTREAM_SAID, c)
	fi;
	after()
}

inline finish_with_refusal(r)
{
	if
	:: back == BACK_READY || back == BACK_ACQUIRING -> back_leave()
	:: else
	fi;
	if
	:: r == UPSTREAM_SAID ->
		assert(code >= 400);
		relay_reply(code);
		end_transaction(r, code)
	:: else ->
		xo_refusal_info(r);
		end_transaction(r, the_code);
		relay_reply(the_code);
		printf("  refused %e\n", r);
		if
		:: closes -> relay_close()
		:: else
		fi
	fi;
	after()
}
