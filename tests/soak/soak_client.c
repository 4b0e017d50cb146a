/* SPDX-License-Identifier: ISC */
/*
 * The clients of the soak. Each sends one message after the other, in lock step
 * or in groups, by DATA or by BDAT, and goes at a boundary now and then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

/* What is waited for. */
enum step {
	STEP_IDLE,
	STEP_BANNER,
	STEP_EHLO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_FINAL,
	STEP_COUNT
};

/* Longer than any timer in between. */
#define STUCK ((uint64_t)120 * 1000)

struct client {
	struct conn conn;
	struct key key;
	enum step step;
	bool has_message;
	bool is_grouped, is_chunked;
	uint64_t since;
};

static struct client *clients;

static void next_message(struct client *c);

static void
lose(struct client *c, enum ending how)
{
	conn_close(&c->conn, how);
	c->step = STEP_IDLE;
}

/* The client goes: true. */
static bool
goes(struct client *c)
{
	if (!soak_strikes())
		return false;
	n_client_faults++;
	lose(c, soak_below(2) == 0 ? ENDING_RST : ENDING_FIN);
	c->has_message = false;
	ledger_gone(c->key);
	return true;
}

static void
say_mail(struct client *c)
{
	char line[200];

	c->is_grouped = soak_below(2) == 0;
	c->is_chunked = soak_below(3) == 0;
	(void)snprintf(line, sizeof(line), "MAIL FROM:<m%" PRIu32 ".%" PRIu32
	    "@contoso.com>\r\n%s", c->key.id, c->key.try,
	    c->is_grouped ? "RCPT TO:<r@contoso.com>\r\n" : "");
	c->step = STEP_MAIL;
	conn_say(&c->conn, line);
	(void)goes(c);
}

/* The content, or less of it. */
static void
say_content(struct client *c)
{
	static uint8_t out[MESSAGE_MAX + 64];
	size_t len = 0, head = 0;

	if (c->is_chunked) {
		uint8_t content[MESSAGE_MAX];
		size_t n = ledger_write(c->key, false, content,
		    sizeof(content));

		head = (size_t)snprintf((char *)out, sizeof(out),
		    "BDAT %zu LAST\r\n", n);
		memcpy(out + head, content, n);
		len = head + n;
	} else {
		len = ledger_write(c->key, true, out, MESSAGE_MAX);
		memcpy(out + len, ".\r\n", 3);
		len += 3;
	}
	c->step = STEP_FINAL;
	if (soak_strikes()) {
		n_client_faults++;
		conn_send(&c->conn, out, soak_below((uint32_t)len));
		ledger_cut(c->key);
		lose(c, soak_below(2) == 0 ? ENDING_RST : ENDING_FIN);
		c->has_message = false;
		ledger_gone(c->key);
		return;
	}
	conn_send(&c->conn, out, len);
	if (soak_strikes()) {
		n_client_faults++;
		ledger_explain(c->key);
		lose(c, soak_below(2) == 0 ? ENDING_RST : ENDING_FIN);
		c->has_message = false;
		ledger_gone(c->key);
	}
}

static void
on_banner(struct client *c)
{
	c->step = STEP_EHLO;
	conn_say(&c->conn, "EHLO soak.example\r\n");
	(void)goes(c);
}

static void
on_mail(struct client *c)
{
	c->step = STEP_RCPT;
	if (!c->is_grouped)
		conn_say(&c->conn, "RCPT TO:<r@contoso.com>\r\n");
	(void)goes(c);
}

static void
on_rcpt(struct client *c)
{
	if (c->is_chunked) {
		say_content(c);
		return;
	}
	c->step = STEP_DATA;
	conn_say(&c->conn, "DATA\r\n");
	(void)goes(c);
}

static const struct {
	int code;
	void (*next)(struct client *c);
} steps[STEP_COUNT] = {
	[STEP_BANNER] = {220, on_banner},
	[STEP_EHLO] = {250, say_mail},
	[STEP_MAIL] = {250, on_mail},
	[STEP_RCPT] = {250, on_rcpt},
	[STEP_DATA] = {354, say_content},
};

static void
on_final(struct client *c, int code, const char *text)
{
	ledger_heard(c->key, code, text);
	c->has_message = false;
	/* Some leave without a word, some stay. */
	if (code != 250 || soak_below(20) == 0)
		lose(c, ENDING_FIN);
}

static void
on_reply(struct client *c, int code, const char *text)
{
	if (c->step == STEP_FINAL) {
		on_final(c, code, text);
	} else if (code == steps[c->step].code) {
		steps[c->step].next(c);
	} else {
		ledger_heard(c->key, code / 100 == 5 ? code : 451, text);
		c->has_message = false;
		conn_say(&c->conn, "QUIT\r\n");
		lose(c, ENDING_FIN);
	}
}

static void
ready(struct conn *conn)
{
	struct client *c = conn->owner;
	char line[600];

	c->since = soak_now();
	while (conn->fd >= 0 && conn_line(conn, line, sizeof(line)))
		if (strlen(line) >= 4 && line[3] == ' ' && c->has_message)
			on_reply(c, atoi(line), line);
	/* Last words were heard; this is a 4xx by being none. */
	if (conn->fd < 0 && c->has_message) {
		ledger_heard(c->key, 400, "connection lost");
		c->has_message = false;
		c->step = STEP_IDLE;
	}
	if (!c->has_message)
		next_message(c);
}

static void
next_message(struct client *c)
{
	if (!ledger_take(&c->key))
		return;
	c->has_message = true;
	c->since = soak_now();
	if (c->conn.fd >= 0) {
		say_mail(c);
		return;
	}
	c->step = STEP_BANNER;
	c->conn.in_len = 0;
	if (!conn_connect(&c->conn)) {
		c->has_message = false;
		c->step = STEP_IDLE;
		ledger_gone(c->key);
	}
}

bool
clients_start(void)
{
	clients = calloc(options.n_clients, sizeof(*clients));
	if (clients == NULL)
		return false;
	for (uint32_t i = 0; i < options.n_clients; i++) {
		clients[i].conn.fd = -1;
		clients[i].conn.ready = ready;
		clients[i].conn.owner = &clients[i];
	}
	return true;
}

/* Gives work to who has none. False: somebody is stuck. */
bool
clients_tick(void)
{
	uint64_t now = soak_now();

	for (uint32_t i = 0; i < options.n_clients; i++) {
		struct client *c = &clients[i];

		if (!c->has_message) {
			next_message(c);
		} else if (now - c->since > STUCK) {
			ledger_violation("stuck", c->key, "no answer");
			return false;
		}
	}
	return true;
}
