/* SPDX-License-Identifier: ISC */
/*
 * Who stands around the relay. The client says what it likes when it likes,
 * waits or does not, stops or vanishes. The next hop answers as it likes, is
 * silent or is gone; a confused one says what nobody asked. It notes what it
 * has taken for good.
 */

inline hop_forget()
{
	hop_has_mail = false; hop_in_data = false; hop_in_chunk = false;
	hop_is_last = false; hop_is_spoilt = false;
	hop_mid = 0; hop_rcpts = 0; hop_units = 0; hop_left = 0;
	hop_accepted = 0
}

/* --- the client ----------------------------------------------------------- */

/* Lots: one word at a time, and content once there is somebody to have it. */
#define may_say (nfull(to_gate) && !client_is_gone && \
	state != FRONT_CLOSED && (TRACE != 1 || empty(to_gate)))
#define is_worth_it (TRACE != 1 || n_told > 0)

active proctype client()
{
	byte words = N_WORDS, mails = N_MAILS, units = 0, left = 0,
	    mine = N_SESSIONS;

command:
end_command:
	if
	:: may_say && words > 0 && words == N_WORDS ->
		to_gate!EHLO; words--; goto command
	:: may_say && words > 0 && words < N_WORDS && mails > 0 ->
		atomic {
			if
			:: to_gate!MAIL
#if HAS_TABLE && IS_MESSAGE
			:: to_gate!MAIL_NULL
#endif
#if HAS_TLS
			:: to_gate!MAIL_XOORG
			:: to_gate!MAIL_OTHER
#endif
			fi;
			words--; mails--; units = 0
		};
		goto command
	:: may_say && words > 0 && mails < N_MAILS &&
	    n_slots + len(to_gate) < N_RCPTS ->
		atomic {
			if
			:: to_gate!RCPT
#if HAS_LOCAL
			:: to_gate!RCPT_BAD
#endif
#if HAS_TABLE && IS_MESSAGE
			:: to_gate!RCPT_TABLE
#endif
			fi;
			words--
		};
		goto command
#if BY_DATA
	:: may_say && words > 0 && mails < N_MAILS && is_worth_it ->
		to_gate!DATA; words--; goto taken
#endif
#if BY_BDAT
	:: may_say && words > 0 && mails < N_MAILS && is_worth_it ->
		atomic {
			if
			:: units < N_UNITS -> to_gate!BDAT_1; left = 1
			:: units + 1 < N_UNITS -> to_gate!BDAT_2; left = 2
			:: to_gate!BDAT_LAST_0; left = 0
			:: units < N_UNITS -> to_gate!BDAT_LAST_1; left = 1
			:: units + 1 < N_UNITS -> to_gate!BDAT_LAST_2; left = 2
			fi;
			words--
		};
		goto in_chunk
#endif
#if HAS_RESET
	:: may_say && words > 0 && words < N_WORDS ->
		atomic {
			if
			:: to_gate!RSET
			:: to_gate!EHLO
			:: to_gate!QUIT
			fi;
			words--; units = 0
		};
		goto command
#endif
#if HAS_TLS
	:: may_say && words > 0 && words < N_WORDS ->
		to_gate!STARTTLS; words--; goto taken
	:: may_say && words > 0 && words < N_WORDS ->
		to_gate!EHLO; words--; goto command
#endif
	:: !TRACE || words == 0 || state == FRONT_CLOSED -> goto leave
	fi;

	/* STARTTLS or DATA was said: who does not wait goes on in clear text, or
	 * says content as commands. */
taken:
end_taken:
	if
	:: empty(to_gate) && state == FRONT_DATA -> goto in_data
	:: empty(to_gate) && state != FRONT_DATA && state != FRONT_HANDSHAKE ->
		goto command
	:: atomic { may_say && nempty(to_gate) && words > 0 ->
			to_gate!RSET; words-- };
		goto taken
	:: client_is_gone || state == FRONT_CLOSED -> goto done
	:: !TRACE || words < 2 -> goto leave
	fi;

in_data:
end_in_data:
	if
	:: may_say && units < N_UNITS ->
		atomic {
			if
			:: to_gate!PIECE
			:: to_gate!HEADER_END
#if IS_MESSAGE
			:: to_gate!HEADER_VALUE
#if HAS_TABLE
			:: to_gate!HEADER_TABLE
#endif
#endif
#if HAS_DIRT
			:: to_gate!HEADER_BAD
			:: (content == CONTENT_BODY ||
			    content == CONTENT_DISCARD) && empty(to_gate) ->
				to_gate!NUL
#endif
			fi;
			units++
		};
		goto in_data
	:: may_say && units < N_UNITS ->
		to_gate!WHOLE; units = 0; goto command
	:: may_say -> to_gate!END; units = 0; goto command
	:: client_is_gone || state == FRONT_CLOSED -> goto done
	:: !TRACE || words < 2 -> goto leave
	fi;

in_chunk:
end_in_chunk:
	if
	:: left == 0 -> goto command
	:: left > 0 && may_say ->
		atomic {
			if
			:: to_gate!PIECE
			:: to_gate!HEADER_END
#if IS_MESSAGE
			:: to_gate!HEADER_VALUE
#if HAS_TABLE
			:: to_gate!HEADER_TABLE
#endif
#endif
#if HAS_DIRT
			:: to_gate!HEADER_BAD
			:: (content == CONTENT_BODY ||
			    content == CONTENT_DISCARD) && empty(to_gate) ->
				to_gate!NUL
#endif
			fi;
			units++; left--
		};
		goto in_chunk
	:: client_is_gone || state == FRONT_CLOSED -> goto done
	:: !TRACE || words < 2 -> goto leave
	fi;

	/* It hangs, for ever, or vanishes. */
leave:
	if
	:: client_is_gone = true
	:: skip
	fi;
done:
	words = N_WORDS; mails = N_MAILS; units = 0; left = 0;
	client_is_done = true;
end_done:
	if
	:: mine == 1 -> skip
	:: atomic { sessions < mine -> mine--; client_is_done = false };
		goto command
	fi
}

/* --- the next hop --------------------------------------------------------- */

inline hop_says(c)
{
	skip;
	if
	:: hop_is_open && !hop_is_silent && !hop_has_closed &&
	    len(from_hop) < 6 ->
		from_hop!c;
		do
		:: doubles > 0 && len(from_hop) < 6 -> from_hop!c; doubles--
		:: break
		od
	:: else
	fi
}

/* Anything but a yes. */
inline hop_errs()
{
	if
	:: hop_is_silent = true
	:: hop_has_closed = true
#if IS_CONFUSED
	:: hop_says(220)
	:: hop_says(354)
	:: hop_says(999)
	:: hop_says(421)
	:: hop_says(0); hop_is_silent = true
	:: hop_says(0); hop_has_closed = true
#endif
	fi
}

/* F, G: once, whole, for whom the client was told of. */
inline hop_commit()
{
	assert(hop_mid > 0 && hop_mid == mid && !is_committed[hop_mid]);
	assert(is_finished && hop_units == given + 1);
	is_exact = (hop_accepted == told);
	assert(IS_CONFUSED || IS_TWICE || is_exact);
	is_committed[hop_mid] = true
}

inline hop_final()
{
	if
	:: hop_is_spoilt || hop_rcpts == 0 -> hop_says(550)
	:: else ->
		n = (IS_LMTP -> hop_rcpts : 1);
		lmtp_delivered = 0;
		do
		:: n > 0 ->
			if
			:: hop_says(250);
				if
				:: !is_committed[hop_mid] -> hop_commit()
				:: IS_LMTP && is_committed[hop_mid] -> skip
				fi;
				lmtp_delivered++
			:: hop_says(550)
			:: hop_says(450)
				/* E: it has the message and does not say so */
			:: !is_committed[hop_mid] -> hop_commit(); hop_errs()
			:: hop_errs()
			fi;
			n--
		:: else -> break
		od
	fi;
	hop_forget()
}

inline hop_chunk_end()
{
	hop_in_chunk = false;
	if
	:: hop_is_last -> hop_final()
	:: !hop_is_last && (hop_is_spoilt || hop_rcpts == 0) -> hop_says(550)
	:: else ->
		if
		:: hop_says(250)
		:: hop_is_spoilt = true; hop_says(550)
		:: hop_is_spoilt = true; hop_errs()
		fi
	fi
}

active proctype hop()
{
	mtype word;
	byte m, n;

end_hop:
	do
	:: atomic {
		to_hop?word, m, n ->
		/* Content that is not within content would run as commands. */
		assert((IS_CONFUSED && !IS_PROMPT) ||
		    (word == CONTENT || word == END) ==
		    (hop_in_data || hop_in_chunk));
		if
		:: word == MAIL ->
			assert(!hop_has_mail);
			/* H: on its own port, and with its own right. */
			assert(hop_is_trusted == (n >= 2));
			assert(n < 2 || has_xoorg_said || IS_MESSAGE);
			hop_mid = m;
			if
			:: hop_has_mail = true; hop_says((HOP_WORDS -> SAYS_MAIL : 250))
#if TRACE
			:: hop_has_mail = true; hop_says((HOP_WORDS -> SAYS_MAIL : 250))
			:: hop_has_mail = true; hop_says((HOP_WORDS -> SAYS_MAIL : 250))
#endif
			:: hop_says(550)
			:: hop_errs()
			fi
		:: word == RCPT ->
			if
			:: !hop_has_mail -> hop_says(550)
			:: hop_has_mail ->
				assert(hop_mid == m);
				if
				:: hop_rcpts++;
					hop_accepted = hop_accepted | (1 << n);
					hop_says((HOP_WORDS -> SAYS_RCPT : 250))
#if TRACE
				:: hop_rcpts++;
					hop_accepted = hop_accepted | (1 << n);
					hop_says((HOP_WORDS -> SAYS_RCPT : 250))
#endif
				:: hop_says(550)
				:: hop_errs()
				fi
			fi
		:: word == DATA ->
			if
			:: hop_rcpts == 0 -> hop_says(550)
			:: hop_rcpts > 0 ->
				assert(hop_mid == m);
				if
				:: hop_in_data = true; hop_says(354)
#if TRACE
				:: hop_in_data = true; hop_says(354)
				:: hop_in_data = true; hop_says(354)
#endif
				:: hop_says(550)
				:: hop_in_data = true; hop_errs()
				fi
			fi
		:: word == BDAT ->
			hop_in_chunk = true;
			hop_left = n / 2;
			hop_is_last = n % 2;
			assert(m == hop_mid || hop_rcpts == 0);
			if
			:: hop_left == 0 -> hop_chunk_end()
			:: else
			fi
		:: word == CONTENT ->
			assert(hop_mid == m || hop_rcpts == 0);
			hop_units = hop_units + n;
			if
			:: hop_in_chunk ->
				assert(hop_left >= n);
				hop_left = hop_left - n;
				if
				:: hop_left == 0 -> hop_chunk_end()
				:: else
				fi
			:: else
			fi
		:: word == END ->
			hop_in_data = false;
			hop_final()
		:: word == RSET ->
			hop_forget();
			if
			:: hop_says(250)
			:: hop_errs()
			fi
		:: word == EHLO ->
			hop_forget();
			if
			:: hop_says(SAYS_HELLO)
#if TRACE
			:: hop_says(SAYS_HELLO)
			:: hop_says(SAYS_HELLO)
#endif
			:: hop_errs()
			fi
		fi;
		m = 0; n = 0; word = NONE;
		if
		:: !hop_is_open && len(to_hop) == 0 -> hop_forget()
		:: else
		fi
	}
	/* It may go at any time, and a confused one speaks unasked. */
	:: atomic { hop_is_open && empty(to_hop) && !hop_has_closed &&
	    mischief > 0 ->
		mischief--;
		if
		:: hop_has_closed = true
#if IS_CONFUSED
		:: hop_says(250)
		:: hop_says(354)
		:: hop_says(550)
		:: hop_says(421)
#endif
		fi
	}
	od
}
