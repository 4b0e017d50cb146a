/* SPDX-License-Identifier: ISC */
/*
 * The load: N sessions at once, each sending M messages a connection, in a
 * closed loop. What a session says is a script of steps, made once and shared.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "common.h"

enum load_tls { LOAD_PLAIN, LOAD_STARTTLS, LOAD_IMPLICIT };

/* Something said, and the first digits of the replies it gets. */
struct step {
	const char *text;
	size_t len;
	const char *wants;
	bool begins_tls;		/* behind its replies */
	bool begins_message, ends_message;
};

#define STEPS_MAX 16

struct script {
	struct step steps[STEPS_MAX];
	size_t n;
	size_t first, end;		/* the message's, repeated */
};

struct samples {
	uint32_t *us;
	size_t n, cap;
};

struct load {
	/* what is asked for */
	const char *target;
	enum load_tls tls;
	const char *cert, *key;
	const char *mail_parameters, *from, *to;
	const char *auth;		/* behind AUTH PLAIN; NULL: none */
	uint64_t sessions, messages, size;
	uint64_t total;			/* messages in all; 0: no bound */
	uint64_t milliseconds;		/* 0: no bound */
	uint64_t over;			/* microseconds; 0: not counted */
	bool is_pipelined, has_chunks, is_idle;
	/* how it is done */
	SSL_CTX *ctx;
	struct script script;
	int epoll;
	uint64_t until;			/* no new message from then on */
	uint64_t begun;			/* messages */
	uint64_t n_live, n_ready;
	/* what came of it */
	struct samples message_times, connection_times;
	uint64_t done, failed, connections, n_over;
	char complaint[256];		/* of the first failure */
};

struct client;

void script_make(struct load *load);
/* False: no further connection is wanted, or none can be had. */
bool client_start(struct load *load, struct client *client);
void client_event(struct load *load, struct client *client, uint32_t events);
struct client *client_new(void);
void samples_add(struct samples *samples, uint64_t us);

#endif
