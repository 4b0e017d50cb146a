/* SPDX-License-Identifier: ISC */
/*
 * The relay of src/relay as a model for spin: client, gateway and next hop,
 * and every place where one of them can be lost. States, events and functions
 * have the names that they have there; what the code is replayed against
 * (tests/unit/test_model.c) is what this prints.
 *
 * tests/model/run checks it, in the configurations listed there: no assertion
 * fails, nobody waits for ever. The rules are those of the ledger: A no false
 * acknowledgement, B no loss, C no invented refusal, D no needless retry, E the
 * gap (taken, and not said so: never refused for good), F one copy a try, G
 * whole messages, H no cross-talk.
 */
#include "session.pml"

/* What a step leaves to be done behind it, where C calls in the midst of it. */
byte i, j;
mtype ev = NONE, what = NONE;
short ev_code;
mtype awaited = NONE;
bool is_word, is_followed, wants_quiet, wants_pump, wants_chunk_done, has_reply,
    has_reset;
mtype refuse_with = NONE, fail_with = NONE, fail_content_with = NONE,
    finish_with = NONE;

/* What tests/model/run wants to know: which events come in which states, and a
 * way to each. */
#ifdef COVER
c_code {
	static unsigned char covered[128][128][128][128 / 8];

	/* Is it the first time? */
	static int
	cover(int state, int back, int event, int awaited)
	{
		unsigned char *at =
		    &covered[state][back][event][awaited / 8];

		if ((*at & 1 << awaited % 8) != 0)
			return 0;
		printf("COVER %d %d %d %d\n", state, back, event, awaited);
		*at |= (unsigned char)(1 << awaited % 8);
		return 1;
	}
};
#endif
#ifdef WAYS
bool is_new;
#endif

#include "finish.pml"
#include "content.pml"
#include "back.pml"
#include "front.pml"
#include "world.pml"

#define reads_commands (state == FRONT_GREETED || state == FRONT_READY || \
	state == FRONT_MAIL || state == FRONT_CHUNKS)
#if DEFECT == 19	/* reads on while it waits */
#define waits_for_tenant false
#else
#define waits_for_tenant (state == FRONT_WAIT_TENANT)
#endif
#define is_waiting (state == FRONT_WAIT_CAPS || waits_for_tenant || \
	state == FRONT_HANDSHAKE || \
	state == FRONT_FINAL || ((state == FRONT_CHUNKS || \
	state == FRONT_DATA || state == FRONT_CHUNK) && content_is_waiting))
#define has_front_deadline (state == FRONT_HANDSHAKE || \
	((state == FRONT_DATA || state == FRONT_CHUNK) && \
	!content_is_waiting) || (reads_commands && envelope_is_settled && \
	!is_waiting))
#if DEFECT == 11	/* waits for the final reply as long as it takes */
#define has_back_deadline (back == BACK_READY && len(expected) > 0 && \
	!(expected?[EXPECT_FINAL]))
#else
#define has_back_deadline (back == BACK_READY && len(expected) > 0)
#endif
/* Replies keep the order of the commands: only recipients may wait together. */
#define is_in_turn (!reads_commands || envelope_is_settled || \
	to_gate?[RCPT] || to_gate?[RCPT_BAD] || to_gate?[RCPT_TABLE])

inline xo_relay_back_ready(is_kept_one)
{
	if
	:: is_kept_one ->
		if
		:: kept_needs_reset ->
			/* The first that comes is taken for RSET's. */
			hop_forget();
			if
			:: len(from_hop) > 0 ->
				from_hop?_;
				from_hop!250
			:: else
			fi
		:: else
		fi
	:: else ->
		hop_unlink();
		hop_forget();
		hop_is_open = true;
		hop_is_trusted = is_trusted;
		back_chunking = (ev == READY_CHUNKING ||
		    (ev == READY_OTHER && HOP_CHUNKING == 1))
	fi;
	is_kept = false; kept_needs_reset = false;
	wants_fresh = false;
	back = BACK_READY;
	is_back_replaceable = (is_kept_one || ev == READY_OTHER);
	is_back_ahead = false;
	forget_expected();
	wants_pump = true
}

inline take_event()
{
	if
	:: ev == REPLY || ev == REPLY_AHEAD ->
		on_reply(ev_code, (ev == REPLY_AHEAD))
	:: ev == PARTIAL -> is_back_ahead = true
	:: ev == BACK_CLOSED -> fail_with = UPSTREAM_LOST
	:: ev == READY_KEPT || ev == READY_FRESH || ev == READY_CHUNKING ||
	    ev == READY_OTHER ->
		xo_relay_back_ready((ev == READY_KEPT))
	:: ev == ACQUIRE_FAILED -> fail_with = UPSTREAM_CONNECT
	:: ev == FRONT_GONE -> xo_relay_front_closed()
	:: ev == TIMER_FRONT -> xo_relay_timer_front()
	:: ev == TIMER_BACK -> fail_with = UPSTREAM_TIMEOUT
	:: ev == TLS_NONE || ev == TLS_GOOD || ev == TLS_BAD ->
		xo_relay_tls_done(ev)
	:: ev == CAPS || ev == CAPS_UNKNOWN ->
		is_known = (ev == CAPS);
		announce_hello()
	:: ev == TENANT || ev == NOBODY || ev == NOT_NOW ->
		xo_relay_tenant_arrived(ev)
	:: ev == DRAIN || ev == STOP -> xo_relay_shutdown((ev == STOP))
	:: else
	fi
}

inline take_words()
{
	if
	:: is_word ->
		if
		:: state == FRONT_DATA -> content_data_bytes(ev)
		:: state == FRONT_CHUNK -> content_chunk_bytes(ev)
		:: state == FRONT_CLOSED -> skip
		:: else -> dispatch(ev)
		fi
	:: else
	fi
}

/* What the handlers have left to do, in the order in which C does it. */
inline settle_front()
{
	if
	:: refuse_with != NONE -> relay_refuse(refuse_with)
	:: else
	fi;
	if
	:: wants_quiet ->
		finish_quietly(refuse_with);
		go_on()
	:: else
	fi
}

inline settle_back()
{
	do
	:: fail_content_with != NONE ->
		content_fail(fail_content_with);
		fail_content_with = NONE
	:: fail_content_with == NONE && finish_with != NONE ->
		finish_with_refusal(finish_with);
		finish_with = NONE
	:: fail_content_with == NONE && finish_with == NONE &&
	    fail_with != NONE ->
		has_reply = false;
		back_fail(fail_with);
		fail_with = NONE
	:: fail_content_with == NONE && finish_with == NONE &&
	    fail_with == NONE && has_reply ->
		has_reply = false;
		if
		:: back == BACK_READY && is_ahead ->
			fail_with = UPSTREAM_OUT_OF_STEP
		:: else -> wants_pump = true
		fi
	:: fail_content_with == NONE && finish_with == NONE &&
	    fail_with == NONE && !has_reply && (wants_pump || has_reset) ->
		wants_pump = false; has_reset = false;
		back_pump()
	:: fail_content_with == NONE && finish_with == NONE &&
	    fail_with == NONE && !has_reply && !wants_pump && !has_reset &&
	    wants_chunk_done ->
		wants_chunk_done = false;
		if
		:: state == FRONT_CHUNK -> chunk_done()
		:: else
		fi
	:: else -> break
	od
}

inline check()
{
	if
	:: has_ended -> transaction_clear()
	:: else
	fi;
	/* Nobody waits for ever: a deadline, or what is ours to tell. */
	assert(state == FRONT_CLOSED || has_front_deadline ||
	    has_back_deadline || back == BACK_ACQUIRING ||
	    state == FRONT_WAIT_CAPS || is_asked);
	/* One reply to each command, no more. */
	assert(is_front_gone || !reads_commands || !envelope_is_settled ||
	    owed == 0);
	/* Nothing is left behind. */
	assert(state != FRONT_CLOSED || (back != BACK_READY &&
	    back != BACK_ACQUIRING));
	printf("= %e %e %e %e expected %d slots %d told %d accepted %d timers %d %d\n",
	    state, back, mail_state, content, len(expected), n_slots, n_told,
	    n_accepted, has_front_deadline, has_back_deadline);
	ev = NONE; what = NONE; ev_code = 0; awaited = NONE;
	is_followed = false;
	is_word = false;
	refuse_with = NONE; wants_quiet = false;
	known = NONE; has_answer = false
}

/* The next client. What was kept for the one before is still there. */
inline xo_relay_new()
{
	do
	:: len(to_gate) > 0 -> to_gate?_
	:: else -> break
	od;
	state = FRONT_GREETED;
	is_tls = false; is_draining = false; is_front_gone = false;
	has_right = false; is_refused = false;
	announced = false; announced_xoorg = false;
	client_is_gone = false; has_tls_right = false;
	owed = 0;
	transaction_clear();
	sessions--;
	printf("> SESSION 0 0 NONE\n")
}

active proctype gateway()
{
	hop_is_open = IS_KEPT;
	hop_is_trusted = IS_MESSAGE;
	back_chunking = (HOP_CHUNKING == 1);
	is_known = !HAS_CAPS;
	printf("# pipelining %d chunking %d words %d lmtp %d message %d known %d table %d\n",
	    HOP_PIPELINING, HOP_CHUNKING, HOP_WORDS, IS_LMTP, IS_MESSAGE,
	    !HAS_CAPS, HAS_TABLE);
	do
	:: state == FRONT_CLOSED && sessions == 1 -> break
	:: atomic { state == FRONT_CLOSED && sessions > 1 &&
	    client_is_done && empty(to_hop) ->
		d_step { xo_relay_new() }
	}
	:: state != FRONT_CLOSED ->
		atomic {
			if
			:: empty(to_hop) && nempty(to_gate) && !is_waiting &&
			    is_in_turn && !is_front_gone ->
				to_gate?ev;
				is_word = true;
				is_followed = (len(to_gate) > 0)
			:: empty(to_hop) && back == BACK_READY &&
			    nempty(from_hop) ->
				from_hop?ev_code;
				if
				:: ev_code == 0 -> ev = PARTIAL
				:: ev_code != 0 && (!IS_PROMPT ||
				    len(from_hop) == 0) -> ev = REPLY
				:: ev_code != 0 && len(from_hop) > 0 ->
					ev = REPLY_AHEAD
				fi
			:: empty(to_hop) && back == BACK_READY &&
			    empty(from_hop) && hop_has_closed ->
				ev = BACK_CLOSED
			:: empty(to_hop) && back == BACK_ACQUIRING ->
				if
				:: is_kept && !wants_fresh &&
				    hop_is_trusted == is_trusted &&
				    (!IS_PROMPT || (len(from_hop) == 0 &&
				    !hop_has_closed)) && !(kept_needs_reset &&
				    (hop_is_silent || hop_has_closed ||
				    (len(from_hop) > 0 &&
				    !from_hop?[250]))) ->
					ev = READY_KEPT
				:: HOP_CHUNKING != 1 -> ev = READY_FRESH
				:: HOP_CHUNKING != 0 -> ev = READY_CHUNKING
				:: HAS_HOSTS -> ev = READY_OTHER
				:: ev = ACQUIRE_FAILED
				fi
			:: empty(to_hop) && client_is_gone && !is_front_gone ->
				ev = FRONT_GONE
			:: empty(to_hop) && has_front_deadline &&
			    !is_front_gone && empty(to_gate) &&
			    (!TRACE || client_is_done) ->
				ev = TIMER_FRONT
			:: empty(to_hop) && has_back_deadline &&
			    (!(IS_PROMPT || TRACE) || (len(from_hop) == 0 &&
			    !hop_has_closed)) ->
				ev = TIMER_BACK
			:: state == FRONT_HANDSHAKE ->
				if
				:: ev = TLS_NONE
				:: ev = TLS_GOOD
				:: ev = TLS_BAD
				fi
			:: state == FRONT_WAIT_CAPS ->
				if
				:: ev = CAPS
				:: ev = CAPS_UNKNOWN
				fi
#if HAS_TABLE
			:: empty(to_hop) && is_asked ->
				if
				:: ev = TENANT
				:: ev = NOBODY
				:: ev = NOT_NOW
				fi
#endif
#if HAS_SHUTDOWN
			:: empty(to_hop) && !is_draining && !is_front_gone &&
			    (!TRACE || n_slots > 0) ->
				ev = DRAIN
			:: empty(to_hop) && !is_front_gone &&
			    (!TRACE || client_is_done) -> ev = STOP
#endif
			fi;
			d_step {
				awaited = NONE;
				if
				:: len(expected) > 0 -> expected?<awaited>
				:: else
				fi;
				printf("> %e %d %d %e\n", ev, ev_code,
				    is_followed, awaited);
#ifdef REPLAY
				is_new = false;
#elif defined(WAYS)
				c_code { now.is_new = cover(now.state,
				    now.back, now.ev, now.awaited); };
#elif defined(COVER)
				c_code { cover(now.state, now.back, now.ev,
				    now.awaited); };
#endif
				take_event()
			};
			d_step { take_words() };
			d_step { settle_front() };
			d_step { settle_back() };
			d_step { check() }
#ifdef WAYS
			assert(!is_new)
#endif
		}
	od
}
