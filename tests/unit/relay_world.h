/* SPDX-License-Identifier: ISC */
/*
 * A world around the pure relay: a client's octets go in, a next hop that acts
 * as planned answers, and what each side got is kept in a ledger. It holds the
 * relay to its contract with every call; the first breach is `violation`.
 */
#ifndef XO_RELAY_WORLD_H
#define XO_RELAY_WORLD_H

#include <xoorg/domain.h>
#include <xoorg/relay.h>

/* Where a next hop may be told to do something else. */
enum hop_phase {
	HOP_ACQUIRE,		/* `reply`: fails; `is_silent`: never ready */
	HOP_MAIL,
	HOP_RCPT,
	HOP_DATA,
	HOP_BODY,		/* at the first octet of content */
	HOP_CHUNK,
	HOP_FINAL,
	HOP_HELLO,		/* behind the content */
	HOP_PHASE_COUNT
};

struct hop_plan {
	enum hop_phase phase;
	size_t connection;	/* 1 is the first; 0: each */
	size_t nth;		/* in that connection; 0: each */
	const char *reply;	/* octets; NULL: nothing */
	bool closes;		/* behind the reply */
	bool is_silent;		/* says nothing more */
	bool commits;		/* FINAL: although it does not say so */
	bool is_before;		/* `reply` comes in front of the usual one */
	bool is_behind;		/* the same, behind it */
};

/* What a policy may lack, or have beside the usual. */
enum world_hole {
	HOLE_UPSTREAM = 1 << 0,		/* the listener's */
	HOLE_DEMOTE_TO = 1 << 1,
	HOLE_TENANTS = 1 << 2,		/* there are none */
	HOLE_PEERS = 1 << 3,		/* the same */
	HOLE_TENANT_UPSTREAM = 1 << 4,	/* the tenant has one of its own */
	HOLE_CERTIFICATE = 1 << 5,	/* the upstreams show a tenant's */
	HOLE_OBSERVE = 1 << 6,		/* mode = "observe" */
	HOLE_ACCEPT = 1 << 7,		/* all verdicts are accepted */
};

enum world_client { CLIENT_STRANGER, CLIENT_LOCAL, CLIENT_EXCHANGE };

/* What a bystander gets to see, in order (relay_watch.h). */
enum world_seen {
	WORLD_CLIENT,		/* octets offered, each once */
	WORLD_TO_CLIENT,
	WORLD_TLS,		/* the handshake is done */
	WORLD_CLOSE,
	WORLD_LINK,		/* a connection to the next hop */
	WORLD_RELEASE,		/* it may be kept */
	WORLD_TO_HOP,
	WORLD_HOP,		/* octets offered, each once */
};

struct world_watch {
	void (*saw)(struct world_watch *watch, enum world_seen what,
	    struct xo_span s);
};

struct world;

/* All-zero: a stranger, a plain next hop that takes everything. */
struct world_options {
	enum world_client client;
	const char *caps;	/* of the next hop, blanks between them */
	const char *later_caps;	/* of its later connections; NULL: the same */
	bool is_reused;		/* its first connection was kept */
	bool is_unknown;	/* its capabilities are, at first */
	bool normalizes, is_safe;
	bool repairs;		/* malformed headers */
	bool is_lmtp;
	bool has_message_xoorg;	/* upstream: xoorg = "message" */
	unsigned int holes;	/* of enum world_hole */
	uint64_t size_limit;
	struct xo_limits limits; /* zero: the usual */
	const struct hop_plan *plans;
	size_t n_plans;
	/* Cut what comes in behind so many octets; 0: not at all. */
	size_t front_cut, hop_cut;
	bool is_front_bytewise, is_hop_bytewise;
	bool is_hop_first;	/* its replies before the client's octets */
	/* The next hop says what world_hop_says() is told, and nothing else. */
	bool is_wild;
	/* What STARTTLS brings; NULL: what the client usually has. */
	const struct xo_certificate *certificate;
	int bits;		/* of its cipher; 0: enough */
	struct world_watch *watch;
	/* Answers `asked`, by policy.guests, while this runs; false: not yet.
	 * NULL: never, but by world_tell(). */
	bool (*look_up)(struct world *w);
	void *arg;		/* of the test's */
	/* Changes the policy before it is used; NULL: it stays as it is. */
	void (*shape)(struct world *w);
};

struct commit {
	struct xo_buf envelope;		/* the lines as they came */
	struct xo_buf content;
	size_t n_rcpts;
	bool by_data;
};

struct hop {
	bool is_linked, is_claimed, is_fresh;
	size_t n_connections, n_acquires;
	struct xo_caps caps;
	enum { HOP_IN_COMMAND, HOP_IN_DATA, HOP_IN_CHUNK } state;
	bool has_mail, is_spoilt, is_silent, closes, has_begun, is_last;
	bool waits_for_354;
	size_t n[HOP_PHASE_COUNT];
	size_t n_rcpts;
	uint64_t chunk_left;
	struct xo_buf line, envelope, content;
	/* What it says: `delivered` octets of it are the relay's. */
	struct xo_buf out;
	size_t delivered;
	size_t shown;			/* to the bystander */
	size_t total;			/* of all connections, for hop_cut */
	size_t final_end;		/* where a final 250 is complete; or 0 */
	bool has_final_250, has_said_5xx;
};

#define WORLD_COMMITS 64
#define WORLD_REPLIES 4096

struct world {
	struct world_options options;
	struct xo_relay *relay;
	uint64_t now;
	/* the policy */
	struct xo_policy policy;
	struct xo_tenant tenant;
	struct xo_listener listener;
	struct xo_upstream upstreams[2];
	struct xo_known known[2];
	/* the client */
	struct xo_buf in;		/* sent, not yet used */
	size_t fed;			/* octets offered in all, for front_cut */
	size_t offered;			/* of `in` */
	struct xo_buf got;
	uint16_t replies[WORLD_REPLIES];
	size_t n_replies, parsed;
	bool is_closed;			/* by the relay */
	bool is_gone;			/* the client */
	bool wants_tls, wants_caps, wants_tenant;
	/* What it asked for last, and how often it has. */
	struct xo_key asked;		/* the first key */
	struct xo_key asked_keys[XO_OPEN_NAMES_MAX + 1];
	uint8_t asked_domains[XO_OPEN_NAMES_MAX + 1][XO_DOMAIN_MAX];
	size_t n_asked_keys;
	size_t n_asked;
	/* the next hop */
	struct hop hop;
	struct xo_heard heard;		/* of its connection */
	struct commit commits[WORLD_COMMITS];
	size_t n_commits;
	size_t n_acked;			/* complete final 250s, delivered */
	int acquired, acquired_tenant;	/* by the last ACQUIRE; XO_NOBODY: none */
	size_t n_out_of_step;
	size_t n_said;			/* words for the log; the last ones: */
	struct xo_buf said;
	/* the log */
	size_t n_reports, n_delivered, n_refused;
	uint16_t last_code;
	enum xo_refusal last_reason, last_refused;
	uint64_t last_size;
	char last_tenant[64];		/* of the last report */
	size_t last_stamped;		/* the same: fields of ours */
	size_t most_actions;
	struct xo_buf transcript;
	char violation[256];
};

/* True while the relay is being called: whose memory may fail. */
extern bool world_is_inside;

/* False: no memory for the relay. Greets, if it can. */
bool world_init(struct world *w, const struct world_options *options);
void world_fini(struct world *w);
/* The client sends; then everything runs until nobody has more to say. */
void world_send(struct world *w, struct xo_span octets);
void world_say(struct world *w, const char *text);
void world_settle(struct world *w);
/* The client is gone; for the relay before it has used what was sent, too. */
void world_leave(struct world *w);
/* Time passes up to the relay's deadline; false: it has none. */
bool world_wait(struct world *w);
/* Octets of a wild next hop. */
void world_hop_says(struct world *w, struct xo_span octets);
/* What it waits for is answered, or not, as policy.guests have it. */
void world_tell(struct world *w);
void world_shutdown(struct world *w, bool is_final);
/* Codes of all replies so far: "220 250 ...", in a static buffer. */
const char *world_codes(struct world *w);
/* Does the client's output hold this text? */
bool world_has(const struct world *w, const char *text);
bool world_span_has(struct xo_span s, const char *text);
void world_violate(struct world *w, const char *text);

#endif
