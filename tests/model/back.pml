/* SPDX-License-Identifier: ISC */
/* envelope.c's queue, back.c and its like: the next hop during a transaction. */

#define may_pipeline ((len(expected) == 0) || HOP_PIPELINING)
#define is_envelope_done (mail_state == MAIL_ACCEPTED && (len(expected) == 0) && \
	next_send == n_slots)
#define envelope_is_settled (n_told == n_slots)

/* --- envelope.c: replies in order ----------------------------------------- */

inline tell()
{
	do
	:: n_told < n_slots && slot_state[n_told] != SLOT_WAITING ->
		relay_reply(slot_code[n_told]);
		if
		:: slot_state[n_told] == SLOT_ACCEPTED ->
			told = told | (1 << n_told)
		:: else
		fi;
		n_told++
	:: else -> break
	od
}

inline envelope_answer(s, is_yes, c, r)
{
	if
	:: slot_state[s] == SLOT_WAITING ->
		slot_code[s] = c;
		if
		:: is_yes ->
			slot_state[s] = SLOT_ACCEPTED;
			slot_why[s] = NONE;
			n_accepted++
		:: else ->
			slot_state[s] = SLOT_REFUSED;
			slot_why[s] = r
		fi;
#if DEFECT == 13	/* replies as they come, not in order */
		relay_reply(c);
		assert(s == n_told);
		n_told++
#else
		tell()
#endif
	:: else
	fi
}

/* --- failures ------------------------------------------------------------- */

inline refuse_waiting()
{
	j = 0;
	do
	:: j < n_slots ->
		if
		:: slot_state[j] == SLOT_WAITING && back == BACK_FAILED ->
			xo_refusal_info(back_why);
			envelope_answer(j, false, the_code, back_why)
		:: slot_state[j] == SLOT_WAITING && back != BACK_FAILED ->
			envelope_answer(j, false, code, UPSTREAM_SAID)
		:: else
		fi;
		j++
	:: else -> break
	od;
	j = 0;
	next_send = n_slots
}

inline forget_said()
{
	mail_state = MAIL_UNSENT;
	next_send = 0; next_reply = 0;
	i = 0;
	do
	:: i < n_slots -> slot_is_sent[i] = false; i++
	:: else -> break
	od;
	i = 0
}

/* The message cannot be delivered: the rest of it is read and dropped. */
inline content_fail(r)
{
	if
	:: outcome != NONE -> skip
	:: else ->
		outcome = r;
		is_asked = false;
		if
		:: back != BACK_FAILED -> back_leave()
		:: else
		fi;
		content = CONTENT_DISCARD;
		held = 0;
		if
		:: state == FRONT_FINAL -> finish_with = outcome
		:: else
		fi
	fi
}

/* By itself, or with last words: 421. */
#define is_lost(r) (r == UPSTREAM_LOST || r == UPSTREAM_SAID)

#if DEFECT == 3		/* begins anew although content was opened */
#define may_retry(r) (is_lost(r) && is_back_replaceable && n_retries < 2)
#elif DEFECT == 8	/* begins anew for ever */
#define may_retry(r) (is_lost(r) && !is_opened)
#elif DEFECT == 14	/* to another host, even behind the dot */
#define may_retry(r) (is_lost(r) && n_retries < 2 && \
	(state == FRONT_FINAL || !is_opened))
#else
#define may_retry(r) (is_lost(r) && is_back_replaceable && \
	n_retries < 2 && !is_opened)
#endif

inline back_fail(r)
{
	if
	:: back == BACK_FAILED -> skip
	:: back != BACK_FAILED && may_retry(r) ->
		back_drop();
#if DEFECT != 8
		n_retries++;
#endif
		forget_said();
		back = BACK_ACQUIRING;
		wants_fresh = true;
#if DEFECT == 3
		is_opened = false;
		content = (content == CONTENT_BODY -> CONTENT_OPENING :
		    content);
#endif
#if DEFECT == 14
		is_opened = false;
		held = (state == FRONT_FINAL -> given : held);
		content = (state == FRONT_FINAL -> CONTENT_OPENING : content);
#endif
		printf("  acquire fresh\n")
	:: else ->
		if
		:: r == UPSTREAM_OUT_OF_STEP || (uses_bdat &&
		    expected?[EXPECT_HELLO]) -> printf("  out-of-step\n")
		:: else
		fi;
		back_drop();
		back = BACK_FAILED;
		back_why = r;
		/* Its words go on as a 451. */
		code = (r == UPSTREAM_SAID -> 451 : code);
		refuse_waiting();
		if
		:: state == FRONT_DATA || state == FRONT_CHUNK ||
		    state == FRONT_FINAL || state == FRONT_CHUNKS ->
			fail_content_with = r
		:: else
		fi
	fi
}

/* --- commands out --------------------------------------------------------- */

inline back_expect(what)
{
	assert(len(expected) < 6);
	expected!what
}

inline send_mail()
{
	has_xoorg_out = is_said_again;
	relay_send(MAIL, (is_trusted -> 2 : 0) + (is_said_again -> 1 : 0));
	mail_state = MAIL_SENT;
	back_expect(EXPECT_MAIL)
}

inline send_envelope()
{
	if
	:: mail_state == MAIL_UNSENT && may_pipeline -> send_mail()
	:: else
	fi;
	do
	:: mail_state != MAIL_UNSENT && next_send < n_slots && may_pipeline ->
		if
		:: !slot_is_local[next_send] &&
		    slot_state[next_send] != SLOT_REFUSED ->
			relay_send(RCPT, next_send);
			slot_is_sent[next_send] = true;
			back_expect(EXPECT_RCPT)
		:: else
		fi;
		next_send++
	:: else -> break
	od
}

/* As far as the next hop allows it. */
inline back_pump()
{
	if
	:: has_ended -> skip
	:: !has_ended && (back == BACK_FAILED || mail_state == MAIL_REFUSED) ->
		refuse_waiting()
	:: !has_ended && back == BACK_READY && mail_state != MAIL_REFUSED ->
		send_envelope();
		if
		:: content == CONTENT_OPENING && !is_opened &&
		    is_envelope_done ->
			content_open()
		:: else
		fi
	:: else
	fi
}

/* --- replies in ----------------------------------------------------------- */

#define is_refusal(c) (c >= 400 && c <= 599)

/* about.c: what the reply carries belongs to another command. */
#if DEFECT == 16
#define is_anothers_final(c) false
#else
#define is_anothers_final(c) (uses_bdat && !wants_hello && about_envelope(c))
#endif
#if DEFECT == 7		/* minds no words of a reply */
#define about_another(c, what) false
#else
#define about_another(c, what) ( \
	(what == EXPECT_HELLO) -> (c != SAYS_HELLO) : ( \
	(what == EXPECT_RSET) -> (c == SAYS_HELLO || about_envelope(c)) : ( \
	(what == EXPECT_DATA) -> (c >= 200 && c <= 299) : ( \
	(what == EXPECT_FINAL) -> (c == SAYS_HELLO || is_anothers_final(c)) : \
	(c == SAYS_HELLO)))))
#endif

inline on_rset(c)
{
	if
	:: c != 250 -> fail_with = UPSTREAM_CONFUSED
	:: else
	fi
}

inline on_mail(c)
{
	if
	:: is_yes(c) ->
		mail_state = MAIL_ACCEPTED;
		is_in_step = (c == SAYS_MAIL && HOP_WORDS && !IS_LMTP)
	:: !is_yes(c) && !is_refusal(c) ->
		fail_with = UPSTREAM_CONFUSED
	:: !is_yes(c) && is_refusal(c) && is_said_again ->
		code = (c >= 500 -> 451 : c);
		fail_content_with = UPSTREAM_SAID
	:: !is_yes(c) && is_refusal(c) && !is_said_again && n_accepted > 0 ->
		fail_with = UPSTREAM_CONFUSED
	:: else ->
		mail_state = MAIL_REFUSED;
		code = c;
		refuse_waiting()
	fi
}

inline on_rcpt(c)
{
	do
	:: next_reply < n_slots && !slot_is_sent[next_reply] -> next_reply++
	:: else -> break
	od;
	if
	:: next_reply == n_slots -> skip
	:: next_reply < n_slots && mail_state == MAIL_REFUSED ->
		next_reply++
	:: next_reply < n_slots && mail_state != MAIL_REFUSED ->
		next_reply++;
		if
		:: !is_yes(c) && !is_refusal(c) ->
			fail_with = UPSTREAM_CONFUSED
		:: is_yes(c) || is_refusal(c) ->
			is_in_step = is_in_step && (!is_yes(c) ||
			    c == SAYS_RCPT);
			if
			:: slot_state[next_reply - 1] == SLOT_WAITING ->
				envelope_answer(next_reply - 1, (is_yes(c)),
				    (is_yes(c) -> 250 : c), UPSTREAM_SAID)
			:: slot_state[next_reply - 1] == SLOT_ACCEPTED &&
			    !is_yes(c) ->
				fail_with = UPSTREAM_CONFUSED
			:: else
			fi
		fi
	:: else
	fi
}

inline on_data(c)
{
	if
	:: c == 354 && !is_back_ahead ->
		content_go()
	:: c == 354 && is_back_ahead ->
		fail_with = UPSTREAM_OUT_OF_STEP
	:: is_refusal(c) ->
		code = c;
		fail_content_with = UPSTREAM_SAID
	:: else ->
		fail_with = UPSTREAM_CONFUSED
	fi
}

inline on_chunk(c, is_expected)
{
	if
	:: is_refusal(c) ->
		code = c;
		fail_content_with = UPSTREAM_SAID
	:: !is_refusal(c) && !is_expected && c >= 200 && c <= 299 ->
		fail_with = UPSTREAM_OUT_OF_STEP
	:: !is_refusal(c) && !(!is_expected && c >= 200 && c <= 299) &&
	    (!is_expected || !is_yes(c)) ->
		fail_with = UPSTREAM_CONFUSED
	:: else
	fi
}

/* All final replies are here, and they are this message's. */
inline finish()
{
	has_final = (worst == 250);
	if
	:: is_back_ahead ->
		printf("  out-of-step\n");
		back_drop()
	:: else ->
		printf("  release\n");
		hop_keep(false);
		back = BACK_NONE
	fi;
	finish_with_reply(worst);
	/* D: a yes that came is told. */
	assert(worst != 250 || has_acked)
}

inline on_final(c)
{
	if
	:: !is_yes(c) && !is_refusal(c) ->
		fail_with = UPSTREAM_CONFUSED
	:: else ->
		n_finals++;
		if
		:: is_yes(c) -> n_delivered++
		:: else
		fi;
		if
		:: is_yes(c) && worst < 250 -> worst = 250; code = 250
		/* What is to be tried again outweighs a refusal for good. */
		:: !is_yes(c) && (worst <= 250 || (c < 500 && worst >= 500)) ->
			worst = c; code = c
		:: else
		fi;
		if
		:: len(expected) > 0 -> skip	/* LMTP: another recipient's */
		:: len(expected) == 0 && (!wants_hello || worst != 250) ->
			finish()
		:: len(expected) == 0 && wants_hello && worst == 250 &&
		    is_back_ahead ->
			fail_with = UPSTREAM_OUT_OF_STEP
		:: else ->
			relay_send(EHLO, 0);
			back_expect(EXPECT_HELLO)
		fi
	fi
}

/* `ahead`: more octets came with it. */
inline on_reply(c, ahead)
{
#if DEFECT == 10	/* does not mind what came too early */
	is_back_ahead = false;
#else
	is_back_ahead = ahead;
#endif
	if
	:: c == 999 ->
		fail_with = UPSTREAM_CONFUSED
	:: c == 421 ->
		fail_with = UPSTREAM_SAID
	:: c != 999 && c != 421 && (len(expected) == 0) ->
		if
		:: is_opened -> on_chunk(c, false)
		:: else -> fail_with = UPSTREAM_OUT_OF_STEP
		fi
	:: else ->
		expected?what;
		if
		:: about_another(c, what) -> fail_with = UPSTREAM_OUT_OF_STEP
		:: else ->
			if
			:: what == EXPECT_RSET -> on_rset(c)
			:: what == EXPECT_MAIL -> on_mail(c)
			:: what == EXPECT_RCPT -> on_rcpt(c)
			:: what == EXPECT_DATA -> on_data(c)
			:: what == EXPECT_CHUNK -> on_chunk(c, true)
			:: what == EXPECT_FINAL -> on_final(c)
			:: what == EXPECT_HELLO -> finish()
			fi;
			has_reply = true
		fi
	fi
}

/* A reply to nothing must not answer what is about to be said. */
#define is_ahead (is_back_ahead && (len(expected) == 0) && \
	(what == EXPECT_RSET || what == EXPECT_MAIL || what == EXPECT_RCPT))
