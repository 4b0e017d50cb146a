/* SPDX-License-Identifier: ISC */
/*
 * The soak: honest clients and a next hop in one process, so that one ledger
 * sees both ends of what lies between them, in the order in which it happens.
 *
 *   soak.c         options, the loop, the closing of the books
 *   soak_conn.c    connections: buffers, lines, ends
 *   soak_ledger.c  messages, their tries, and the rules
 *   soak_client.c  sends each message until it has its 250
 *   soak_sink.c    takes them, and fails at random boundaries
 */
#ifndef SOAK_H
#define SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tries of one message; whoever needs more is stuck. */
#define TRIES_MAX 32
#define MESSAGE_MAX ((size_t)4096)
#define BUFFER_MAX ((size_t)32 * 1024)

struct options {
	uint32_t n_messages;		/* bound of the ledger */
	uint32_t seconds;		/* no new message afterwards; 0: all */
	uint32_t n_clients;
	uint32_t faults;		/* in a thousand, at each boundary */
	uint64_t seed;
	uint16_t listen_port, connect_port;
	bool has_kills;			/* workers die: drops explain themselves */
};

extern struct options options;

/* random */
uint64_t soak_random(void);
/* 0 to n - 1 */
uint32_t soak_below(uint32_t n);
/* One boundary: true if it is to fail. */
bool soak_strikes(void);
uint64_t soak_now(void);		/* milliseconds */

/* connections */
struct conn {
	int fd;				/* -1: closed */
	bool is_connecting;
	bool is_watched_for_write;
	uint8_t in[BUFFER_MAX], out[BUFFER_MAX];
	size_t in_len, out_len;
	void (*ready)(struct conn *c);	/* octets came; or the end, then fd is -1 */
	void *owner;
};

enum ending { ENDING_FIN, ENDING_RST };

bool conn_open(struct conn *c, int fd);
bool conn_connect(struct conn *c);
void conn_send(struct conn *c, const void *p, size_t len);
void conn_say(struct conn *c, const char *text);
void conn_close(struct conn *c, enum ending how);
void conn_event(struct conn *c, uint32_t events);
/* The next line without its end; false: there is none yet. Valid until the next
 * call. */
bool conn_line(struct conn *c, char *line, size_t size);
void conn_used(struct conn *c, size_t n);
int conn_poll_fd(void);

/* the ledger */
struct key {
	uint32_t id;
	uint32_t try;
};

bool ledger_init(void);
/* The next message to send; false: none now. */
bool ledger_take(struct key *key);
/* What the client has of its try. */
void ledger_heard(struct key key, int code, const char *text);
void ledger_gone(struct key key);
/* The client cut the content, so that nobody may have it. */
void ledger_cut(struct key key);
/* An event E: a second copy is nobody's fault. */
void ledger_explain(struct key key);
/* At the next hop. */
void ledger_committed(struct key key, const uint8_t *content, size_t len);
void ledger_acknowledged(struct key key);
void ledger_violation(const char *rule, struct key key, const char *why);
void ledger_stop_new(void);
bool ledger_is_closed(void);
/* Prints the books; true if all rules were kept. */
bool ledger_close(uint64_t ms);
/* Octets of a message, its end of data not included; stuffed if so wished. */
size_t ledger_write(struct key key, bool is_stuffed, uint8_t *out, size_t size);
extern uint64_t n_client_faults, n_sink_faults;

/* both ends */
bool clients_start(void);
bool clients_tick(void);
bool sink_start(void);
void sink_accept(void);
int sink_fd(void);

#endif
