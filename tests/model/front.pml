/* SPDX-License-Identifier: ISC */
/* front.c, announce.c and envelope.c: the client's commands. */

inline announce_hello()
{
	announced = true;
#if DEFECT == 9		/* to anybody within TLS */
	announced_xoorg = is_tls;
#else
	announced_xoorg = (is_tls && has_right);
#endif
	assert(!announced_xoorg || (is_tls && has_tls_right));
	state = FRONT_READY;
	relay_reply(250)
}

inline handle_ehlo()
{
	if
	:: is_followed -> refuse_with = PIPELINING
	:: !is_followed && is_refused -> refuse_with = TLS_CERTIFICATE
	:: else ->
		wants_quiet = true
	fi
}

inline handle_starttls()
{
	if
	:: is_followed -> refuse_with = PIPELINING
	:: !is_followed && state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: !is_followed && state == FRONT_CHUNKS ->
		refuse_with = COMMAND_SEQUENCE
	:: !is_followed && (state == FRONT_READY || state == FRONT_MAIL) &&
	    is_tls ->
		refuse_with = TLS_TWICE
	:: else ->
		wants_quiet = true
	fi
}

inline xo_relay_tls_done(certificate)
{
	is_tls = true;
	has_right = (certificate == TLS_GOOD);
	is_refused = (certificate == TLS_BAD);
	has_tls_right = has_right;
	state = FRONT_GREETED;
	assert(!announced && !announced_xoorg && n_slots == 0);
	assert(back == BACK_NONE || back == BACK_FAILED)
}

/* The rest of what ends a transaction, once that has ended. */
inline go_on()
{
	if
	:: refuse_with != NONE ->
		printf("  refused %e\n", refuse_with);
		relay_close()
	:: ev == FRONT_GONE -> relay_close()
	:: refuse_with == NONE && ev == EHLO ->
		if
		:: is_known -> announce_hello()
		:: else ->
			printf("  need-caps\n");
			state = FRONT_WAIT_CAPS
		fi
	:: refuse_with == NONE && ev == STARTTLS ->
		relay_reply(220);
		printf("  start-tls\n");
#if DEFECT != 5		/* what was said in clear text lives on */
		announced = false; announced_xoorg = false;
#endif
		state = FRONT_HANDSHAKE
	:: refuse_with == NONE && ev == RSET ->
		if
		:: state != FRONT_GREETED -> state = FRONT_READY
		:: else
		fi;
		relay_reply(250)
	:: refuse_with == NONE && ev == QUIT ->
		relay_reply(221);
		relay_close()
	:: else
	fi
}

/* FRONT_WAIT_TENANT: nothing more is read, or said, until it is known. */
inline lookup_for(what, back_to_state)
{
	lookup_ask();
	lookup_word = what;
	lookup_back_to = back_to_state;
	state = FRONT_WAIT_TENANT
}

/* Whose mail it is hangs on a source: XOORG of one that is no tenant of the
 * configuration, the sender of our own. */
#define must_ask(what) (HAS_TABLE && known == NONE && (what == MAIL_OTHER || \
	(what == MAIL && IS_MESSAGE)))

/* The verdict, and the upstream that follows from it. */
inline judge_mail(what)
{
	mid++;
	state = FRONT_MAIL;
	is_null = (what == MAIL_NULL);
	has_xoorg_said = (what == MAIL_XOORG ||
	    (what == MAIL_OTHER && known == TENANT));
	if
#if DEFECT == 20	/* takes what is not known for nobody's */
	:: what == MAIL_OTHER && known != TENANT -> finish_with = UNKNOWN_ORG
#else
	:: known == NOT_NOW -> finish_with = TENANT_NOT_KNOWN
	:: what == MAIL_OTHER && known != TENANT && known != NOT_NOW ->
		finish_with = UNKNOWN_ORG
#endif
	:: else ->
		if
		:: what == MAIL_XOORG || what == MAIL_OTHER ->
			is_verified = true; is_trusted = true;
			assert(what == MAIL_XOORG || has_answer)
		:: (what == MAIL || what == MAIL_NULL) && IS_MESSAGE ->
			is_trusted = true
		:: else
		fi;
		relay_reply(250)
	fi
}

inline envelope_mail(what)
{
	if
	:: state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: state == FRONT_MAIL || state == FRONT_CHUNKS ->
		refuse_with = MAIL_NESTED
	:: state == FRONT_READY && is_draining -> refuse_with = SHUTDOWN
	:: state == FRONT_READY && !is_draining && what != MAIL &&
	    what != MAIL_NULL && !announced_xoorg ->
		refuse_with = XOORG_NOT_ANNOUNCED
	:: else ->
		assert(announced);
		assert(what == MAIL || what == MAIL_NULL ||
		    (is_tls && has_tls_right));
		if
		:: must_ask(what) ->
#if DEFECT == 18	/* decides before the answer */
			known = TENANT;
			judge_mail(what);
			known = NONE;
			lookup_ask()
#else
			lookup_for(what, FRONT_READY)
#endif
		:: else -> judge_mail(what)
		fi
	fi
}

inline add_slot()
{
	assert(n_slots < N_RCPTS);
	n_slots++
}

inline refuse_rcpt()
{
	if
	:: envelope_is_settled -> refuse_with = RCPT_SYNTAX
	:: else ->
		add_slot();
		slot_is_local[n_slots - 1] = true;
		envelope_answer(n_slots - 1, false, 501, RCPT_SYNTAX);
		printf("  refused %e\n", RCPT_SYNTAX)
	fi
}

inline envelope_rcpt(what)
{
	if
	:: state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: state == FRONT_READY || state == FRONT_CHUNKS ->
		refuse_with = COMMAND_SEQUENCE
	:: state == FRONT_MAIL && what == RCPT_BAD -> refuse_rcpt()
	:: state == FRONT_MAIL && what == RCPT_TABLE && back == BACK_NONE &&
	    is_null && known == NONE ->
		lookup_for(what, FRONT_MAIL)
	:: state == FRONT_MAIL && what == RCPT_TABLE && back == BACK_NONE &&
	    is_null && known == NOT_NOW ->
		refuse_with = TENANT_NOT_KNOWN
	:: else ->
		add_slot();
		if
		:: back == BACK_NONE ->
			back = BACK_ACQUIRING;
			printf("  acquire\n")
		:: else -> wants_pump = true
		fi
	fi
}

inline handle_data()
{
	if
	:: is_followed -> refuse_with = PIPELINING
	:: !is_followed && state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: !is_followed && (state == FRONT_READY || state == FRONT_CHUNKS) ->
		refuse_with = COMMAND_SEQUENCE
	:: else -> content_data()
	fi
}

/* What is not a command: content, where it is due. */
inline dispatch(what)
{
	/* Nothing is read behind a command that waits. */
	assert(state != FRONT_WAIT_TENANT);
	owed++;
	if
	:: what == EHLO -> handle_ehlo()
	:: what == STARTTLS -> handle_starttls()
	:: what == MAIL || what == MAIL_XOORG || what == MAIL_OTHER ||
	    what == MAIL_NULL ->
		envelope_mail(what)
	:: what == RCPT || what == RCPT_BAD || what == RCPT_TABLE ->
		envelope_rcpt(what)
	:: what == DATA -> handle_data()
	:: what == RSET || what == QUIT -> wants_quiet = true
	:: else -> content_bdat(what)
	fi
}

/* The command is done as if it came only now. */
inline xo_relay_tenant_arrived(answer)
{
	is_asked = false;
	known = answer;
	has_answer = (answer == TENANT);
	if
	:: state == FRONT_WAIT_TENANT && lookup_back_to == FRONT_READY ->
		state = FRONT_READY;
		envelope_mail(lookup_word)
	:: state == FRONT_WAIT_TENANT && lookup_back_to == FRONT_MAIL ->
		state = FRONT_MAIL;
		envelope_rcpt(lookup_word)
	:: else -> wants_pump = true
	fi
}

inline xo_relay_front_closed()
{
	is_front_gone = true;
	if
	:: state == FRONT_FINAL && outcome == NONE -> skip
	:: else ->
#if DEFECT == 2		/* says the end that the client has not said */
		if
		:: state == FRONT_DATA && content == CONTENT_BODY &&
		    !uses_bdat -> relay_send(END, 0)
		:: else
		fi;
#elif DEFECT == 12	/* the same for the last chunk */
		if
		:: state == FRONT_CHUNKS && content == CONTENT_BODY &&
		    uses_bdat -> relay_send(BDAT, 1)
		:: else
		fi;
#endif
		wants_quiet = true
	fi
}

inline xo_relay_shutdown(is_final)
{
	is_draining = true;
	if
	:: !is_final && is_busy -> skip
	:: else ->
		if
		:: state == FRONT_HANDSHAKE -> relay_close()
		:: else -> refuse_with = SHUTDOWN
		fi
	fi
}

inline xo_relay_timer_front()
{
	if
	:: state == FRONT_HANDSHAKE ->
		printf("  refused %e\n", TIMEOUT);
		relay_close()
	:: else -> refuse_with = TIMEOUT
	fi
}
