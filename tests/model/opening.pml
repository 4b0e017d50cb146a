/* SPDX-License-Identifier: ISC */
/*
 * The opening of src/relay/opening.c as a model for spin: the gateway, and a
 * next hop that answers what it likes, announces what it likes, and slips
 * replies in before the handshake. States and functions have their names there;
 * tests/unit/test_model.c plays what this prints.
 *
 * What must hold: a connection that is ready for mail is in TLS if that was
 * wanted, its extensions are what the last EHLO was answered with and nothing
 * older, XOORG counts from verified TLS alone, no reply that came in clear text
 * is read behind the handshake, and the next hop takes the session for that of
 * the client it is for.
 */
#ifndef IS_LMTP
#define IS_LMTP 0
#endif
#ifndef IS_RESUMED
#define IS_RESUMED 0		/* kept, and used for another client */
#endif
#ifndef N_INJECTED
#define N_INJECTED 1		/* replies to nothing */
#endif
#ifdef N_MISCHIEF
#undef N_INJECTED
#define N_INJECTED N_MISCHIEF
#endif
#ifndef DEFECT
#define DEFECT 0
#endif

mtype = {
	/* enum xo_opening_state */
	XO_OPENING_GREETING, XO_OPENING_EHLO, XO_OPENING_HELO,
	XO_OPENING_STARTTLS, XO_OPENING_HANDSHAKE, XO_OPENING_RSET,
	XO_OPENING_XCLIENT, XO_OPENING_DONE, XO_OPENING_FAILED,
	/* enum xo_refusal */
	NONE, UPSTREAM_GREETING, UPSTREAM_TLS, UPSTREAM_XOORG,
	UPSTREAM_HANDOVER, UPSTREAM_LOST, UPSTREAM_CONFUSED,
	/* enum xo_tls_mode */
	XO_TLS_NONE, XO_TLS_ENCRYPT, XO_TLS_VERIFY,
	/* what is said */
	EHLO, LHLO, HELO, STARTTLS, XCLIENT, RSET,
	/* what happens */
	REPLY, REPLY_AHEAD, TLS_DONE, RESUME, RESUME_RESET
};

/* Extensions, as bits. */
#define CAP_STARTTLS 1
#define CAP_XOORG 2
#define CAP_XCLIENT 4

/* --- struct xo_opening ---------------------------------------------------- */

mtype tls = XO_TLS_NONE;		/* upstream's */
bool require_xoorg, has_handover;
mtype state = XO_OPENING_GREETING, why = NONE;
byte caps;
bool is_tls, is_handed_over;

/* --- the wires and the ledger --------------------------------------------- */

chan to_hop = [2] of { mtype };
chan from_hop = [3] of { short, byte, bool };	/* code, extensions, in TLS */
byte injected = N_INJECTED;
bool hop_is_tls, hop_has_mail;
byte client = 1, hop_client;		/* whose session it is, and is thought */
byte announced;				/* by the latest EHLO that was read */
bool announced_in_tls;
bool has_resumed;

mtype ev = NONE;
short ev_code;
byte ev_caps;
bool ev_is_tls;
#ifdef WAYS
bool is_new;
#endif

#ifdef COVER
c_code {
	static unsigned char covered[128][128];

	static int
	cover(int state, int event)
	{
		if (covered[state][event])
			return 0;
		printf("COVER %d 0 %d 0\n", state, event);
		return covered[state][event] = 1;
	}
};
#endif

inline fail(r)
{
	state = XO_OPENING_FAILED;
	why = r
}

inline say(next, word)
{
	printf("  say %e\n", word);
	assert(len(to_hop) < 2);
	to_hop!word;
	state = next
}

inline say_ehlo()
{
#if DEFECT != 21	/* what was announced before TLS is remembered */
	caps = 0;
#endif
	if
	:: IS_LMTP -> say(XO_OPENING_EHLO, LHLO)
	:: else -> say(XO_OPENING_EHLO, EHLO)
	fi
}

#define wants_xclient (has_handover && !is_handed_over)

/* Without the address it would take our own for the client's. */
inline hand_over()
{
	if
	:: caps & CAP_XCLIENT ->
		is_handed_over = true;
		say(XO_OPENING_XCLIENT, XCLIENT)
	:: else -> fail(UPSTREAM_HANDOVER)
	fi
}

/* The last EHLO has been answered: what is still to do? */
inline settle()
{
	if
	:: wants_xclient -> hand_over()
	:: else ->
		if
		:: !is_tls || tls != XO_TLS_VERIFY -> caps = caps & 5
		:: else
		fi;
		if
		:: require_xoorg && !(caps & CAP_XOORG) -> fail(UPSTREAM_XOORG)
		:: else -> state = XO_OPENING_DONE
		fi
	fi
}

inline on_greeting()
{
	if
	:: ev_code == 220 -> say_ehlo()
	:: else -> fail(UPSTREAM_GREETING)
	fi
}

inline on_ehlo()
{
	if
	:: ev_code >= 500 && !IS_LMTP -> say(XO_OPENING_HELO, HELO)
	:: ev_code != 250 && !(ev_code >= 500 && !IS_LMTP) ->
		fail(UPSTREAM_GREETING)
	:: else ->
		caps = caps | ev_caps;
		announced = ev_caps;
		announced_in_tls = is_tls;
		if
		:: is_tls || tls == XO_TLS_NONE -> settle()
		:: !(is_tls || tls == XO_TLS_NONE) && (caps & CAP_STARTTLS) ->
			say(XO_OPENING_STARTTLS, STARTTLS)
		:: else ->
#if DEFECT == 23	/* does without what is not offered */
			settle()
#else
			fail(UPSTREAM_TLS)
#endif
		fi
	fi
}

inline on_helo()
{
	if
	:: ev_code != 250 -> fail(UPSTREAM_GREETING)
	:: ev_code == 250 && !is_tls && tls != XO_TLS_NONE ->
		fail(UPSTREAM_TLS)
	:: else ->
		announced = 0;
		settle()
	fi
}

inline on_starttls()
{
	if
	:: ev_code == 220 -> state = XO_OPENING_HANDSHAKE
	:: else -> fail(UPSTREAM_TLS)
	fi
}

inline on_rset()
{
	if
	:: ev_code != 250 -> fail(UPSTREAM_LOST)
	:: ev_code == 250 && wants_xclient -> hand_over()
	:: else -> state = XO_OPENING_DONE
	fi
}

inline on_xclient()
{
	if
	:: ev_code == 220 -> say_ehlo()
	:: else -> fail(UPSTREAM_HANDOVER)
	fi
}

inline xo_opening_bytes(is_ahead)
{
	/* Nothing that came in clear text is read behind the handshake. */
	assert(!is_tls || ev_is_tls);
	if
	:: state == XO_OPENING_DONE || state == XO_OPENING_HANDSHAKE ->
		fail(UPSTREAM_CONFUSED)
	:: state != XO_OPENING_DONE && state != XO_OPENING_HANDSHAKE &&
	    is_ahead ->
		if
		:: state == XO_OPENING_STARTTLS -> fail(UPSTREAM_TLS)
		:: else -> fail(UPSTREAM_CONFUSED)
		fi
	:: state != XO_OPENING_DONE && state != XO_OPENING_HANDSHAKE &&
	    !is_ahead ->
		if
		:: state == XO_OPENING_GREETING -> on_greeting()
		:: state == XO_OPENING_EHLO -> on_ehlo()
		:: state == XO_OPENING_HELO -> on_helo()
		:: state == XO_OPENING_STARTTLS -> on_starttls()
		:: state == XO_OPENING_RSET -> on_rset()
		:: state == XO_OPENING_XCLIENT -> on_xclient()
		fi
	fi
}

inline xo_opening_resume(needs_reset)
{
	has_resumed = true;
	client = 2;
	hop_has_mail = needs_reset;
#if DEFECT != 24	/* goes on as whom it went before */
	is_handed_over = false;
#endif
	if
	:: needs_reset -> say(XO_OPENING_RSET, RSET)
	:: !needs_reset && wants_xclient -> hand_over()
	:: else
	fi
}

inline check()
{
	/* Ready for mail: as the settings want it. */
	assert(state != XO_OPENING_DONE || is_tls || tls == XO_TLS_NONE);
	assert(state != XO_OPENING_DONE || (caps & ~announced) == 0);
	assert(state != XO_OPENING_DONE || !(caps & CAP_XOORG) ||
	    (is_tls && announced_in_tls && tls == XO_TLS_VERIFY));
	assert(state != XO_OPENING_DONE || !require_xoorg ||
	    (caps & CAP_XOORG));
	/* It was told whose this is, and that what was open is over. */
	assert(state != XO_OPENING_DONE || !has_handover ||
	    hop_client == client);
	assert(state != XO_OPENING_DONE || !hop_has_mail);
	printf("= %e %d %d %e\n", state, is_tls, caps, why);
	ev = NONE; ev_code = 0; ev_caps = 0; ev_is_tls = false
}

active proctype gateway()
{
	atomic {
		if
		:: tls = XO_TLS_NONE
		:: tls = XO_TLS_ENCRYPT
		:: tls = XO_TLS_VERIFY
		fi;
		if
		:: require_xoorg = true
		:: skip
		fi;
		if
		:: has_handover = true
		:: skip
		fi;
		printf("# opening tls %e require %d handover %d lmtp %d\n",
		    tls, require_xoorg, has_handover, IS_LMTP)
	};
	do
	:: state == XO_OPENING_FAILED -> break
	:: state != XO_OPENING_FAILED ->
end_wait:
		atomic {
			if
			:: empty(to_hop) && nempty(from_hop) ->
				from_hop?ev_code, ev_caps, ev_is_tls;
				if
#if DEFECT != 22	/* what came along is kept for later */
				:: len(from_hop) > 0 -> ev = REPLY_AHEAD
				:: len(from_hop) == 0 -> ev = REPLY
#else
				:: ev = REPLY
#endif
				fi
#if DEFECT == 22
			:: state == XO_OPENING_HANDSHAKE -> ev = TLS_DONE
#else
			:: state == XO_OPENING_HANDSHAKE && empty(from_hop) ->
				ev = TLS_DONE
#endif
#if IS_RESUMED
			:: state == XO_OPENING_DONE && !has_resumed &&
			    empty(from_hop) ->
				if
				:: ev = RESUME
				:: ev = RESUME_RESET
				fi
#endif
			fi;
			d_step {
				printf("> %e %d %d\n", ev, ev_code, ev_caps);
#ifdef REPLAY
				is_new = false;
#elif defined(WAYS)
				c_code { now.is_new = cover(now.state,
				    now.ev); };
#elif defined(COVER)
				c_code { cover(now.state, now.ev); };
#endif
				if
				:: ev == REPLY -> xo_opening_bytes(false)
				:: ev == REPLY_AHEAD -> xo_opening_bytes(true)
				:: ev == TLS_DONE ->
					hop_is_tls = true;
					is_tls = true;
					say_ehlo()
				:: ev == RESUME -> xo_opening_resume(false)
				:: ev == RESUME_RESET ->
					xo_opening_resume(true)
				fi;
				check()
			}
#ifdef WAYS
			assert(!is_new)
#endif
		}
	od
}

/* --- the next hop --------------------------------------------------------- */

inline hop_says(c, x)
{
	skip;
	if
	:: len(from_hop) < 3 -> from_hop!c, x, hop_is_tls
	:: else
	fi
}

active proctype hop()
{
	mtype word;
	byte offered;

	hop_says(220, 0);
end_hop:
	do
	:: atomic {
		to_hop?word ->
		/* Clear text is for what may be seen. */
		assert(word != XCLIENT || hop_is_tls || tls == XO_TLS_NONE);
		/* It was told, whatever it says. */
		hop_client = (word == XCLIENT -> client : hop_client);
		hop_has_mail = (word == RSET -> false : hop_has_mail);
		if
		:: word == EHLO || word == LHLO ->
			if
			:: offered = 0
			:: offered = CAP_STARTTLS
			:: offered = CAP_XOORG
			:: offered = CAP_STARTTLS | CAP_XCLIENT
			:: offered = CAP_STARTTLS | CAP_XOORG
			:: offered = CAP_XOORG | CAP_XCLIENT
			:: offered = CAP_STARTTLS | CAP_XOORG | CAP_XCLIENT
			fi;
			hop_says(250, offered);
			offered = 0
		:: word == XCLIENT || word == STARTTLS -> hop_says(220, 0)
		:: word == RSET || word == HELO -> hop_says(250, 0)
		:: hop_says(450, 0)
		:: hop_says(550, 0)
		:: skip			/* nothing more, ever */
		fi
	}
	:: atomic { injected > 0 && empty(to_hop) ->
		injected--;
		if
		:: hop_says(220, 0)
		:: hop_says(250, CAP_XOORG)
		:: hop_says(250, CAP_STARTTLS | CAP_XOORG | CAP_XCLIENT)
		fi
	}
	od
}
