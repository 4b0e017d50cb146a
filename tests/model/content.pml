/* SPDX-License-Identifier: ISC */
/* content.c and writer.c: content in, the header held, content out. */

#define content_is_waiting ((state == FRONT_CHUNKS) -> \
	(uses_bdat && len(expected) > 0) : \
	(content == CONTENT_OPENING))

/* --- writer.c ------------------------------------------------------------- */

inline writer_chunk_begin(n, is_last)
{
	if
	:: !uses_bdat || (n == 0 && !is_last) -> skip
	:: else ->
		relay_send(BDAT, (n) * 2 + (is_last -> 1 : 0));
		has_chunk_out = true;
		if
		:: is_last -> finishing()
		:: else
		fi
	fi
}

inline writer_chunk_end()
{
	if
	:: has_chunk_out ->
#if DEFECT != 6		/* forgets that a chunk is answered, too */
		back_expect(EXPECT_CHUNK);
#endif
		has_chunk_out = false
	:: else
	fi
}

inline writer_content(n)
{
	relay_send(CONTENT, n)
}

/* G: the end of the content is said for a client that has said it. */
inline finishing()
{
	is_finishing = true
}

inline writer_end()
{
	if
	:: !uses_bdat -> relay_send(END, 0); finishing()
	:: else
	fi;
	back_expect(EXPECT_FINAL);
	i = 1;
	do
	:: IS_LMTP && i < n_accepted -> back_expect(EXPECT_FINAL); i++
	:: else -> break
	od;
	i = 0
}

/* What was held: the cleaned header, and the body that came with it. Our own
 * stamp is a piece more. */
inline writer_held()
{
	held++;
	if
	:: uses_bdat && is_chunked ->
		writer_chunk_begin(held + chunk_left, chunk_is_last);
		writer_content(held);
		if
		:: chunk_left == 0 && !chunk_is_last &&
		    state != FRONT_CHUNK -> writer_chunk_end()
		:: else
		fi
	:: uses_bdat && !is_chunked ->
		writer_chunk_begin(held, true);
		writer_content(held)
	:: else ->
		writer_content(held)
	fi;
	held = 0
}

/* --- content.c ------------------------------------------------------------ */

/* The next hop is ready for content. */
inline content_go()
{
	content = CONTENT_BODY;
	writer_held();
	if
	:: is_complete && content == CONTENT_BODY -> writer_end()
	:: else
	fi
}

/* lookup.c: one question at a time. */
inline lookup_ask()
{
	is_asked = true;
	printf("  lookup\n")
}

#define lacks_value (!has_header_bad && has_header_table && IS_MESSAGE && \
	!is_said_again)

/* The header is whole and the envelope done: past the wall. */
inline content_open()
{
	if
	:: has_header_bad ->
		fail_content_with = HEADER_SYNTAX
	:: lacks_value && known == NONE ->
		if
		:: is_asked -> skip
		:: else -> lookup_ask()
		fi
	:: lacks_value && known == NOT_NOW ->
		fail_content_with = TENANT_NOT_KNOWN
	:: !has_header_bad && IS_MESSAGE && !is_said_again &&
	    (has_header_value || (has_header_table && known == TENANT)) ->
		is_said_again = true;
		forget_said();
		relay_send(RSET, 0);
		back_expect(EXPECT_RSET);
		has_reset = true	/* pump again */
	:: else ->
		is_opened = true;
		/* H: each accepted recipient was accepted on this connection,
		 * and no other. */
#if DEFECT == 16	/* BDAT to anybody */
		uses_bdat = (back_chunking && (is_chunked || is_complete));
#else
		uses_bdat = (back_chunking &&
		    (is_chunked || (is_in_step && is_complete)));
#endif
#if DEFECT != 6 && DEFECT != 17	/* asks nothing behind the content */
		wants_hello = (uses_bdat && is_chunked &&
		    !(is_in_step && chunk_is_last)) ||
		    (IS_LMTP && n_accepted > 1);
#endif
		if
		:: uses_bdat -> content_go()
		:: else ->
			relay_send(DATA, 0);
			back_expect(EXPECT_DATA)
		fi
	fi
}

inline finish_discarded()
{
	if
	:: !is_stray ->
		finish_with = outcome
	:: else ->
		is_stray = false;
		state = back_to;
		back_to = FRONT_READY;
		content = CONTENT_NONE;
		refuse_with = outcome;
		outcome = NONE;
		xo_refusal_info(refuse_with);
		relay_reply(the_code);
		printf("  refused %e\n", refuse_with);
		refuse_with = NONE
	fi
}

/* All content is here. */
inline complete()
{
	if
	:: content == CONTENT_DISCARD ->
		finish_discarded()
	:: else ->
		is_complete = true;
		is_finished = true;
		state = FRONT_FINAL;
#if DEFECT == 1		/* takes the dot for the end of it */
		relay_reply(250);
		acknowledge();
		owed++;
#endif
		if
		:: content == CONTENT_BODY -> writer_end()
		:: content != CONTENT_BODY ->
			content = CONTENT_OPENING;
			wants_pump = true
		fi
	fi
}

/* A piece of content. NUL only where the header is whole. */
inline take(what)
{
	if
	:: content == CONTENT_HEADER ->
		held++; given++;
		if
		:: what == HEADER_END || what == WHOLE ->
			content = CONTENT_OPENING
		:: what == HEADER_VALUE ->
			has_header_value = true;
			content = CONTENT_OPENING
		:: what == HEADER_TABLE ->
			has_header_table = true;
			content = CONTENT_OPENING
		:: what == HEADER_BAD ->
			has_header_bad = true;
			content = CONTENT_OPENING
		:: else
		fi
	:: content == CONTENT_OPENING -> held++; given++
	:: content == CONTENT_BODY -> given++; writer_content(1)
	:: else
	fi
}

inline content_data_bytes(what)
{
	if
	:: what == NUL -> fail_content_with = CONTENT_NUL
	:: what != NUL && what != END -> take(what)
	:: else
	fi;
	if
	:: what == END || what == WHOLE -> complete()
	:: else
	fi;
	if
	:: content == CONTENT_OPENING -> wants_pump = true
	:: else
	fi
}

inline chunk_done()
{
	if
	:: chunk_is_last || content == CONTENT_DISCARD ->
		complete()
	:: else ->
		if
		:: content == CONTENT_BODY -> writer_chunk_end()
		:: else
		fi;
		state = FRONT_CHUNKS;
		relay_reply(250)
	fi
}

inline content_chunk_bytes(what)
{
	chunk_left--;
	if
	:: content == CONTENT_BODY && !uses_bdat && what == NUL ->
		fail_content_with = CONTENT_NEEDS_CHUNKING
	:: else -> take(what)
	fi;
	if
	:: content == CONTENT_OPENING -> wants_pump = true
	:: else
	fi;
	wants_chunk_done = (chunk_left == 0)
}

inline check_transaction()
{
	if
	:: state == FRONT_GREETED -> refuse_with = HELLO_FIRST
	:: state == FRONT_READY ||
	    (state != FRONT_GREETED && n_slots == 0) ->
		refuse_with = COMMAND_SEQUENCE
	:: state != FRONT_GREETED && state != FRONT_READY && n_slots > 0 &&
	    n_accepted == 0 -> refuse_with = NO_RECIPIENTS
	:: else
	fi
}

inline content_data()
{
	check_transaction();
	if
	:: refuse_with == NONE && back == BACK_FAILED ->
		finish_with = back_why
	:: refuse_with == NONE && back != BACK_FAILED ->
		content = CONTENT_HEADER;
		state = FRONT_DATA;
		relay_reply(354);
		owed++
	:: else
	fi
}

inline content_bdat(what)
{
	chunk_left = (what == BDAT_LAST_0 -> 0 :
	    (what == BDAT_1 || what == BDAT_LAST_1 -> 1 : 2));
	chunk_is_last = (what != BDAT_1 && what != BDAT_2);
	check_transaction();
	if
	:: refuse_with != NONE ->
		is_stray = true;
		back_to = state;
		content = CONTENT_DISCARD;
		outcome = refuse_with;
		refuse_with = NONE;
		state = FRONT_CHUNK
	:: else ->
		state = FRONT_CHUNK;
		is_chunked = true;
		if
		:: back == BACK_FAILED -> fail_content_with = back_why
		:: back != BACK_FAILED && content == CONTENT_NONE ->
			content = CONTENT_HEADER
		:: back != BACK_FAILED && content == CONTENT_BODY ->
			writer_chunk_begin(chunk_left, chunk_is_last)
		:: else
		fi
	fi;
	wants_chunk_done = (chunk_left == 0)
}
