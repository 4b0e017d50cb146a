/* SPDX-License-Identifier: ISC */
/*
 * The next hop of the soak. It fails at each boundary now and then, in the ways
 * of the fault matrix that do not take time.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "soak.h"

enum reading { READING_LINES, READING_DATA, READING_CHUNK };

struct sink {
	struct conn conn;
	struct sink *next;		/* of the unused */
	struct sink *older;		/* of all */
	enum reading reading;
	struct key key;
	bool has_mail, has_rcpt, is_last;
	bool is_void;			/* refused before its end */
	size_t chunk_left;
	uint8_t content[BUFFER_MAX];
	size_t content_len;
	bool at_line_start;
};

static int listener = -1;
static struct sink *unused;
static struct sink *made;

static void
gone(struct sink *s, enum ending how)
{
	conn_close(&s->conn, how);
}

static enum ending
any_ending(void)
{
	return soak_below(2) == 0 ? ENDING_RST : ENDING_FIN;
}

/* Before a commit: true if it failed. */
static bool
fails(struct sink *s)
{
	static const char *const words[] = {
		"451 4.3.0 later\r\n", "421 4.3.2 busy\r\n", "what\r\n",
		"999 x\r\n", "250-no end\r\n", "25",
	};
	uint32_t n = sizeof(words) / sizeof(words[0]), way;

	if (!soak_strikes())
		return false;
	n_sink_faults++;
	way = soak_below(n + 2);
	if (way < n)
		conn_say(&s->conn, words[way]);
	/* Only the first is an answer that leaves everybody in step. */
	if (way != 0)
		gone(s, any_ending());
	return true;
}

/* Behind a commit: true if the client cannot have heard of it. */
static bool
fails_after(struct sink *s)
{
	static const char *const words[] = {
		"25", "250 2.0.0 no end", "250-2.0.0 no end\r\n",
		"250-a\r\n451 b\r\n", "999 x\r\n", "354 x\r\n", "\1\2\3\r\n",
	};
	uint32_t n = sizeof(words) / sizeof(words[0]), way;

	if (!soak_strikes())
		return false;
	n_sink_faults++;
	ledger_explain(s->key);
	way = soak_below(n + 2);
	if (way < n)
		conn_say(&s->conn, words[way]);
	gone(s, way < n ? ENDING_FIN : any_ending());
	return true;
}

static void
finish(struct sink *s)
{
	char line[100];

	s->reading = READING_LINES;
	s->has_mail = s->has_rcpt = false;
	if (s->is_void) {
		gone(s, ENDING_FIN);
		return;
	}
	if (fails(s))
		return;
	ledger_committed(s->key, s->content, s->content_len);
	if (fails_after(s))
		return;
	ledger_acknowledged(s->key);
	(void)snprintf(line, sizeof(line), "250 2.0.0 id=%" PRIu32 ".%" PRIu32
	    ";\r\n", s->key.id, s->key.try);
	conn_say(&s->conn, line);
}

static void
do_mail(struct sink *s, const char *line)
{
	unsigned int id, try;

	if (fails(s))
		return;
	if (sscanf(line, "MAIL FROM:<m%u.%u@", &id, &try) != 2 ||
	    id >= options.n_messages || try >= TRIES_MAX) {
		ledger_violation("H", s->key, line);
		return;
	}
	s->key = (struct key){id, try};
	s->has_mail = true;
	s->has_rcpt = false;
	s->is_void = false;
	s->content_len = 0;
	conn_say(&s->conn, "250 2.1.0 ok\r\n");
}

static void
do_rcpt(struct sink *s, const char *line)
{
	(void)line;
	if (!s->has_mail) {
		conn_say(&s->conn, "503 5.5.1 MAIL first\r\n");
	} else if (!fails(s)) {
		s->has_rcpt = true;
		conn_say(&s->conn, "250 2.1.5 ok\r\n");
	}
}

static void
do_data(struct sink *s, const char *line)
{
	(void)line;
	if (!s->has_rcpt) {
		conn_say(&s->conn, "503 5.5.1 RCPT first\r\n");
	} else if (!fails(s)) {
		s->reading = READING_DATA;
		s->at_line_start = true;
		conn_say(&s->conn, "354 go\r\n");
	}
}

static void
do_bdat(struct sink *s, const char *line)
{
	s->chunk_left = strtoul(line + 5, NULL, 10);
	s->is_last = strstr(line, "LAST") != NULL;
	s->reading = READING_CHUNK;
}

static void
do_ehlo(struct sink *s, const char *line)
{
	(void)line;
	s->has_mail = s->has_rcpt = false;
	if (!fails(s))
		conn_say(&s->conn, "250-sink.example\r\n250-PIPELINING\r\n"
		    "250-8BITMIME\r\n250-CHUNKING\r\n250-SIZE 1000000\r\n"
		    "250 ENHANCEDSTATUSCODES\r\n");
}

static void
do_rset(struct sink *s, const char *line)
{
	(void)line;
	s->has_mail = s->has_rcpt = false;
	if (!fails(s))
		conn_say(&s->conn, "250 2.0.0 ok\r\n");
}

static void
do_quit(struct sink *s, const char *line)
{
	(void)line;
	conn_say(&s->conn, "221 2.0.0 bye\r\n");
	gone(s, ENDING_FIN);
}

static const struct {
	const char *verb;
	void (*handle)(struct sink *s, const char *line);
} verbs[] = {
	{"MAIL FROM:", do_mail}, {"RCPT TO:", do_rcpt}, {"DATA", do_data},
	{"BDAT ", do_bdat}, {"EHLO ", do_ehlo}, {"RSET", do_rset},
	{"QUIT", do_quit},
};

static void
command(struct sink *s, const char *line)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strncmp(line, verbs[i].verb, strlen(verbs[i].verb)) == 0) {
			verbs[i].handle(s, line);
			return;
		}
	ledger_violation("H", s->key, line);
	conn_say(&s->conn, "500 5.5.2 what?\r\n");
}

static void
keep(struct sink *s, const void *p, size_t len)
{
	if (len > BUFFER_MAX - s->content_len)
		len = BUFFER_MAX - s->content_len;
	memcpy(s->content + s->content_len, p, len);
	s->content_len += len;
}

/* False: more is needed. */
static bool
read_data(struct sink *s)
{
	const uint8_t *end = memchr(s->conn.in, '\n', s->conn.in_len);
	const uint8_t *p = s->conn.in;
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - p) + 1;
	if (len < 2 || p[len - 2] != '\r')
		ledger_violation("G", s->key, "a bare LF");
	if (len == 3 && p[0] == '.') {
		conn_used(&s->conn, len);
		finish(s);
		return true;
	}
	keep(s, p[0] == '.' ? p + 1 : p, p[0] == '.' ? len - 1 : len);
	conn_used(&s->conn, len);
	/* In the middle of the content. */
	if (soak_below(20) == 0 && fails(s))
		s->is_void = true;
	return true;
}

static bool
read_chunk(struct sink *s)
{
	size_t n = s->conn.in_len < s->chunk_left ? s->conn.in_len :
	    s->chunk_left;

	keep(s, s->conn.in, n);
	conn_used(&s->conn, n);
	s->chunk_left -= n;
	if (s->chunk_left > 0)
		return false;
	s->reading = READING_LINES;
	if (!s->has_rcpt) {
		conn_say(&s->conn, "503 5.5.1 RCPT first\r\n");
	} else if (s->is_last) {
		finish(s);
	} else if (fails(s)) {
		/* Refused once is refused. */
		s->has_mail = s->has_rcpt = false;
	} else {
		conn_say(&s->conn, "250 2.0.0 ok\r\n");
	}
	return true;
}

static bool
read_line(struct sink *s)
{
	char line[1000];

	if (!conn_line(&s->conn, line, sizeof(line)))
		return false;
	command(s, line);
	return true;
}

static void
ready(struct conn *conn)
{
	struct sink *s = conn->owner;
	bool has_moved = true;

	while (conn->fd >= 0 && has_moved)
		has_moved = s->reading == READING_DATA ? read_data(s) :
		    s->reading == READING_CHUNK ? read_chunk(s) : read_line(s);
	if (conn->fd < 0) {
		s->next = unused;
		unused = s;
	}
}

bool
sink_start(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(options.listen_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	return listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR,
	    &one, sizeof(one)) == 0 &&
	    bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(listener, 1024) == 0;
}

int
sink_fd(void)
{
	return listener;
}

/* Kept in a list, so that those in use at the end are no leak. */
static struct sink *
make_sink(void)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->older = made;
	made = s;
	return s;
}

void
sink_accept(void)
{
	struct sink *s;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	s = unused;
	if (s != NULL)
		unused = s->next;
	else
		s = make_sink();
	s->conn.ready = ready;
	s->conn.owner = s;
	s->reading = READING_LINES;
	s->has_mail = s->has_rcpt = false;
	(void)conn_open(&s->conn, fd);
	if (fails(s)) {
		if (s->conn.fd < 0)
			ready(&s->conn);
		return;
	}
	conn_say(&s->conn, "220 sink.example ESMTP\r\n");
}
