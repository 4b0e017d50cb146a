/* SPDX-License-Identifier: ISC */
/*
 * One session: a client in front, a next hop behind, and the decisions between
 * them. Bytes and events in, actions out; no socket, no clock. A connection to a
 * next hop is a link, which may serve one session after the other.
 *
 * Use: call one of the functions that feed it, then take all actions with
 * xo_relay_next() before the next call. Bytes it did not use stay with the
 * caller, who offers them again, with more after them, after any other event.
 *
 * The one promise: it writes a 2xx for a message only after it has read the next
 * hop's own 2xx for it. Every wait ends by xo_relay_deadline().
 */
#ifndef XOORG_RELAY_H
#define XOORG_RELAY_H

#include <xoorg/caps.h>
#include <xoorg/refusal.h>
#include <xoorg/reply.h>
#include <xoorg/rights.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

XO_API_BEGIN

struct xo_relay;

enum xo_side {
	XO_FRONT,			/* the client */
	XO_BACK,			/* the next hop */
};

enum xo_action_type {
	/* `bytes` to `side`: valid until the next call that feeds. */
	XO_ACTION_SEND,
	/* Front: handshake after what was sent; xo_relay_tls_done() or close. */
	XO_ACTION_START_TLS,
	/*
	 * The capabilities of an upstream are not known: ask, then call
	 * xo_relay_caps_arrived(), with or without success.
	 */
	XO_ACTION_NEED_CAPS,
	/*
	 * Whose the keys of xo_relay_lacks() are must be asked (guests.h): put
	 * the answers into policy->guests, then call xo_relay_tenant_arrived()
	 * while all are found there. Without that in limits.lookup_timeout it
	 * goes on as if it had been called. There is one question at a time;
	 * another LOOKUP takes its place.
	 */
	XO_ACTION_LOOKUP,
	/* A link to `upstream`, opened, with the certificate of `tenant`, if it
	 * is not XO_NOBODY; a guest keeps its number until it is let go:
	 * xo_relay_back_ready() or xo_relay_back_failed(). Gives up by itself
	 * after the settings' times. */
	XO_ACTION_ACQUIRE,
	/* The link is free for another message. */
	XO_ACTION_RELEASE,
	/* The same, but a transaction is open in it: RSET before its reuse. */
	XO_ACTION_RELEASE_RESET,
	/* Close the link, or stop opening it, at once. */
	XO_ACTION_DROP,
	/* `upstream` was found out of step: log and count it, and give it no
	 * BDAT any more (a DROP of the link follows). */
	XO_ACTION_OUT_OF_STEP,
	/* The next hop said `bytes`, which no reply to the client may have;
	 * for the log. */
	XO_ACTION_SAID,
	/* Close the client's connection once all is sent. */
	XO_ACTION_CLOSE,
	/* `refusal` was given to the client; log and count it. */
	XO_ACTION_REFUSED,
	/* The same would have been given to it, were it not only observed. */
	XO_ACTION_OBSERVED,
	/* A message ended: xo_relay_report() tells how. */
	XO_ACTION_REPORT,
};

struct xo_action {
	enum xo_action_type type;
	enum xo_side side;
	struct xo_span bytes;
	int upstream;
	int tenant;
	bool is_fresh;			/* ACQUIRE: not a kept link */
	enum xo_refusal refusal;
	bool is_reported;		/* REFUSED: a REPORT says it, too */
	/* REFUSED, OBSERVED: whom it is about, else empty; as `bytes`. */
	struct xo_span recipient;
};

/* What is known of an upstream's capabilities; kept by the caller. */
struct xo_known {
	bool is_known;
	bool serves_tenants;		/* some tenant's own upstream */
	struct xo_caps caps;		/* after TLS, as a session would see */
};

/* Kept until xo_relay_free(). */
struct xo_relay_setup {
	const struct xo_policy *policy;
	const struct xo_listener *listener;
	const struct xo_known *known;	/* one an upstream; may change */
	struct xo_address address;	/* the client's */
	uint16_t port;
	/* Told by a proxy: its network gives the client no right. */
	bool is_proxied;
	const char *session;		/* id */
};

/* What XCLIENT told beside address, port and hello, to be handed on as it is; it
 * decides nothing here. */
struct xo_told {
	struct xo_span name, reverse_name;	/* empty: not told */
	bool has_server;			/* where the client came to */
	struct xo_address server;
	uint16_t server_port;
};

/* How a message ended; spans valid while the action is handled. */
struct xo_report {
	struct xo_answer answer;
	bool has_xoorg;
	struct xo_span xoorg;
	struct xo_span xoorg_sent;	/* to the next hop; empty: none */
	struct xo_span sender;
	/* Not delivered: the first that was accepted. Else the last that the
	 * next hop, or its absence, refused; empty: none. */
	struct xo_span recipient;
	size_t n_recipients;		/* accepted by the next hop */
	size_t n_refused;		/* by it, or for want of one */
	uint64_t size;			/* octets of content received */
	int upstream;			/* XO_NOBODY: none was chosen */
	int tenant;
	enum xo_refusal reason;		/* _NONE: delivered */
	uint16_t code;			/* of the final reply */
	struct xo_span reply;		/* its text, as the client sees it */
	bool is_client_gone;		/* before it heard the reply */
	uint64_t began;			/* time of MAIL, as given */
	/* What the wall did to the header, and what was wrong with it. Never
	 * NULL. */
	const struct xo_wall_report *wall;
};

/* NULL: no memory. `now`: milliseconds of a clock that only goes forward. */
struct xo_relay *xo_relay_new(const struct xo_relay_setup *setup, uint64_t now);
void xo_relay_free(struct xo_relay **relay);

/*
 * Before each feed of a loop turn. `wall_clock`: seconds since 1970, for
 * Received.
 */
void xo_relay_set_time(struct xo_relay *relay, uint64_t now, int64_t wall_clock);

/*
 * At any time. `tls_refusal`: what STARTTLS would get from now on (_NONE: its
 * 220). `is_pressed`: others wait for this client's place, so that none of its
 * deadlines is longer than limits.load_timeout.
 */
void xo_relay_set_tls_refusal(struct xo_relay *relay,
    enum xo_refusal tls_refusal);
void xo_relay_set_pressed(struct xo_relay *relay, bool is_pressed);

/* The client is connected: the banner, or 421 with `refusal`. */
void xo_relay_start(struct xo_relay *relay, enum xo_refusal refusal);
/* Bytes of the client; returns how many were used. */
size_t xo_relay_front_bytes(struct xo_relay *relay, struct xo_span in);
/* After START_TLS. `description` ("TLSv1.3 ...") is copied. */
void xo_relay_tls_done(struct xo_relay *relay,
    const struct xo_certificate *certificate, const char *description,
    int bits);
/* The client is gone, by a close or an error. */
void xo_relay_front_closed(struct xo_relay *relay);
void xo_relay_caps_arrived(struct xo_relay *relay);
/* After LOOKUP: what is asked for; valid as long as it is wanted. */
const struct xo_lack *xo_relay_lacks(const struct xo_relay *relay);
/* After LOOKUP: the answer is in policy->guests, for as long as this call takes, or
 * there is none, which is refused by 451. At any other time it does nothing. */
void xo_relay_tenant_arrived(struct xo_relay *relay);
/* A LOOKUP is not answered yet; false: nor need it be any more. */
bool xo_relay_wants_tenant(const struct xo_relay *relay);

/* After ACQUIRE. `caps` of this very link; XOORG in it only if announced
 * over verified TLS. `is_replaceable`: it carried a message before, or the
 * upstream has other places; should it be lost before content was opened, the
 * envelope is said again, to another, twice at most. `heard` is the link's
 * and kept until it is released or dropped. */
void xo_relay_back_ready(struct xo_relay *relay, const struct xo_caps *caps,
    struct xo_heard *heard, bool is_replaceable);
void xo_relay_back_failed(struct xo_relay *relay, enum xo_refusal why,
    struct xo_span said);
size_t xo_relay_back_bytes(struct xo_relay *relay, struct xo_span in);
void xo_relay_back_closed(struct xo_relay *relay);

/* Finish what is open, then 421; `is_final`: now. */
void xo_relay_shutdown(struct xo_relay *relay, bool is_final);

/* When xo_relay_timer() is due; UINT64_MAX: never. May change with each call. */
uint64_t xo_relay_deadline(const struct xo_relay *relay);
void xo_relay_timer(struct xo_relay *relay);

/* Takes the next action. False: none left. */
bool xo_relay_next(struct xo_relay *relay, struct xo_action *action_r);

/* While a REPORT is handled. */
const struct xo_report *xo_relay_report(struct xo_relay *relay);

/* True: xo_relay_front_bytes() would use nothing now; stop reading. */
bool xo_relay_is_waiting(const struct xo_relay *relay);
/* A message is under way: MAIL was accepted and not yet answered. */
bool xo_relay_is_busy(const struct xo_relay *relay);
/* Of the transaction that is open, if one is, while actions are taken. */
const struct xo_treatment *xo_relay_treatment(const struct xo_relay *relay);
struct xo_span xo_relay_sender(const struct xo_relay *relay);
struct xo_span xo_relay_xoorg(const struct xo_relay *relay);
/* For log and metrics. */
const struct xo_rights *xo_relay_rights(const struct xo_relay *relay);
struct xo_span xo_relay_hello(const struct xo_relay *relay);
/* As it was said, for the log alone: it may be no name at all. */
struct xo_span xo_relay_said_hello(const struct xo_relay *relay);
bool xo_relay_is_tls(const struct xo_relay *relay);
bool xo_relay_is_esmtp(const struct xo_relay *relay);
/* The client's, as XCLIENT may have told it. */
const struct xo_address *xo_relay_address(const struct xo_relay *relay);
uint16_t xo_relay_port(const struct xo_relay *relay);
/* Valid until the next XCLIENT. */
const struct xo_told *xo_relay_told(const struct xo_relay *relay);
const char *xo_relay_tls_description(const struct xo_relay *relay);

XO_API_END

#endif
