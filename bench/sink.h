/* SPDX-License-Identifier: ISC */
/*
 * The sink: an SMTP server that says yes to everything and keeps nothing.
 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "common.h"

#define SINK_LINE 2048			/* the longest command line */
#define SINK_READ ((size_t)256 * 1024)

struct sink_counts {
	uint64_t connections, open;
	uint64_t handshakes, resumed, failed_handshakes;
	uint64_t certificates;		/* handshakes with a client's */
	uint64_t messages, octets;	/* octets of content, as on the wire */
	uint64_t data, bdat;		/* messages that began so */
	uint64_t unknown;		/* commands */
};

struct sink {
	SSL_CTX *tls;			/* NULL: no TLS */
	uint64_t delay;			/* microseconds before each flush */
	bool has_pipelining, has_chunking;
	int epoll;
	struct sink_counts counts;
	/* Sessions whose replies wait, the first due first. */
	struct session *first_due, *last_due;
	struct session *dead;
	uint8_t scratch[SINK_READ];
};

enum session_state {
	SESSION_COMMAND,
	SESSION_DATA,
	SESSION_CHUNK,
	SESSION_HANDSHAKE,
	SESSION_QUIT,			/* closed once the reply is out */
};

struct session {
	struct wire wire;
	enum session_state state;
	bool is_readable, is_writable, has_fin;
	bool wants_tls;			/* when the 220 is out */
	bool is_dead, is_waiting, has_chunks;
	bool owes_greeting;		/* implicit TLS: behind the handshake */
	uint64_t due;
	struct session *next_due, *next_dead;
	uint8_t matched;		/* of CRLF . CRLF */
	bool is_last;
	uint64_t chunk_left;
	uint64_t chunk_size;
	char *line;			/* an unfinished command, or NULL */
	size_t line_len;
	char *out;			/* replies not yet out, or NULL */
	size_t out_len, out_cap;
};

void session_new(struct sink *sink, int fd, bool is_implicit);
void session_run(struct sink *sink, struct session *s);
void session_flush(struct sink *sink, struct session *s);
void session_end(struct sink *sink, struct session *s);

/* sink_talk.c: what was read, as far as it goes; octets used. */
size_t session_take(struct sink *sink, struct session *s, const uint8_t *p,
    size_t len);
void session_say(struct session *s, const char *text);

#endif
