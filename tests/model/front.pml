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
	:: state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: state == FRONT_CHUNKS -> refuse_with = COMMAND_SEQUENCE
	:: (state == FRONT_READY || state == FRONT_MAIL) && is_tls ->
		refuse_with = TLS_TWICE
	:: (state == FRONT_READY || state == FRONT_MAIL) && !is_tls &&
	    is_followed ->
		refuse_with = PIPELINING
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

/* The verdict, and the upstream that follows from it. */
inline envelope_mail(what)
{
	if
	:: state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: state == FRONT_MAIL || state == FRONT_CHUNKS ->
		refuse_with = MAIL_NESTED
	:: state == FRONT_READY && is_draining -> refuse_with = SHUTDOWN
	:: state == FRONT_READY && !is_draining && what != MAIL &&
	    !announced_xoorg ->
		refuse_with = XOORG_NOT_ANNOUNCED
	:: else ->
		assert(announced);
		assert(what == MAIL || (is_tls && has_tls_right));
		mid++;
		state = FRONT_MAIL;
		has_xoorg_said = (what == MAIL_XOORG);
		if
		:: what == MAIL_OTHER -> finish_with = UNKNOWN_ORG
		:: else ->
			if
			:: what == MAIL_XOORG ->
				is_verified = true; is_trusted = true
			:: what == MAIL && IS_MESSAGE -> is_trusted = true
			:: else
			fi;
			relay_reply(250)
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
	owed++;
	if
	:: what == EHLO -> handle_ehlo()
	:: what == STARTTLS -> handle_starttls()
	:: what == MAIL || what == MAIL_XOORG || what == MAIL_OTHER ->
		envelope_mail(what)
	:: what == RCPT || what == RCPT_BAD -> envelope_rcpt(what)
	:: what == DATA -> handle_data()
	:: what == RSET || what == QUIT -> wants_quiet = true
	:: else -> content_bdat(what)
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
	:: !is_final && (state == FRONT_MAIL || state == FRONT_CHUNKS ||
	    state == FRONT_DATA || state == FRONT_CHUNK ||
	    state == FRONT_FINAL) -> skip
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
