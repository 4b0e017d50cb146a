/* SPDX-License-Identifier: ISC */
/*
 * The sink's SMTP: commands, replies, and where content ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sink.h"

void
session_say(struct session *s, const char *text)
{
	size_t len = strlen(text);

	if (s->out_len + len > s->out_cap) {
		size_t cap = (s->out_len + len) * 2;
		char *p = realloc(s->out, cap);

		if (p == NULL)
			bench_die("no memory", NULL);
		s->out = p;
		s->out_cap = cap;
	}
	memcpy(s->out + s->out_len, text, len);
	s->out_len += len;
}

static void
say_hello(const struct sink *sink, struct session *s)
{
	session_say(s, "250-sink.example\r\n");
	if (sink->has_pipelining)
		session_say(s, "250-PIPELINING\r\n");
	if (sink->has_chunking)
		session_say(s, "250-CHUNKING\r\n");
	if (sink->tls != NULL && s->wire.ssl == NULL)
		session_say(s, "250-STARTTLS\r\n");
	session_say(s, "250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250 SIZE 157286400\r\n");
}

static void
begin_chunk(struct sink *sink, struct session *s, const char *args)
{
	char *end;

	s->chunk_size = s->chunk_left = strtoull(args, &end, 10);
	s->is_last = strncasecmp(end, " LAST", 5) == 0;
	s->state = SESSION_CHUNK;
	if (!s->has_chunks)
		sink->counts.bdat++;
	s->has_chunks = true;
}

static void
begin_data(struct sink *sink, struct session *s)
{
	session_say(s, "354 go ahead\r\n");
	s->state = SESSION_DATA;
	s->matched = 2;		/* an empty message ends with a dot at once */
	sink->counts.data++;
}

static void
begin_tls(const struct sink *sink, struct session *s)
{
	if (sink->tls == NULL || s->wire.ssl != NULL) {
		session_say(s, "503 5.5.1 no TLS here\r\n");
		return;
	}
	session_say(s, "220 2.0.0 go ahead\r\n");
	s->wants_tls = true;
	s->state = SESSION_HANDSHAKE;
}

static bool
is_verb(const char *line, const char *verb)
{
	return strncasecmp(line, verb, strlen(verb)) == 0;
}

static void
command(struct sink *sink, struct session *s, const char *line)
{
	if (is_verb(line, "MAIL")) {
		session_say(s, "250 2.1.0 sender ok\r\n");
	} else if (is_verb(line, "RCPT")) {
		session_say(s, "250 2.1.5 recipient ok\r\n");
	} else if (is_verb(line, "DATA")) {
		begin_data(sink, s);
	} else if (is_verb(line, "BDAT ")) {
		begin_chunk(sink, s, line + 5);
	} else if (is_verb(line, "EHLO")) {
		say_hello(sink, s);
	} else if (is_verb(line, "HELO")) {
		session_say(s, "250 sink.example\r\n");
	} else if (is_verb(line, "STARTTLS")) {
		begin_tls(sink, s);
	} else if (is_verb(line, "QUIT")) {
		session_say(s, "221 2.0.0 bye\r\n");
		s->state = SESSION_QUIT;
	} else if (is_verb(line, "RSET") || is_verb(line, "NOOP")) {
		session_say(s, "250 2.0.0 ok\r\n");
	} else {
		sink->counts.unknown++;
		session_say(s, "500 5.5.2 what?\r\n");
	}
}

/* A command that came in pieces is put together in s->line. */
static size_t
take_command(struct sink *sink, struct session *s, const uint8_t *p, size_t len)
{
	const uint8_t *lf = memchr(p, '\n', len);
	size_t n = lf != NULL ? (size_t)(lf - p) + 1 : len;
	char line[SINK_LINE + 1];

	if (s->line_len + n > SINK_LINE) {
		session_end(sink, s);
		return len;
	}
	if (lf == NULL) {
		if (s->line == NULL)
			s->line = bench_alloc(1, SINK_LINE);
		memcpy(s->line + s->line_len, p, n);
		s->line_len += n;
		return n;
	}
	if (s->line_len > 0)
		memcpy(line, s->line, s->line_len);
	memcpy(line + s->line_len, p, n);
	line[s->line_len + n] = '\0';
	free(s->line);
	s->line = NULL;
	s->line_len = 0;
	command(sink, s, line);
	return n;
}

static void
accept_message(struct sink *sink, struct session *s)
{
	char text[64];

	sink->counts.messages++;
	s->state = SESSION_COMMAND;
	s->has_chunks = false;
	/* As an MTA does: no two alike. */
	(void)snprintf(text, sizeof(text), "250 2.0.0 Ok: queued as %llX\r\n",
	    (unsigned long long)sink->counts.messages);
	session_say(s, text);
}

/* Looks for the end only at its last octet but two: dots are rare. */
static size_t
take_data(struct sink *sink, struct session *s, const uint8_t *p, size_t len)
{
	static const char end[] = "\r\n.\r\n";
	size_t i = 0;

	while (i < len) {
		if (s->matched == 0) {
			const uint8_t *found = memmem(p + i, len - i, end,
			    sizeof(end) - 1);

			if (found == NULL) {
				/* A part of it may end the octets. */
				i = len - i >= 4 ? len - 4 : i;
				while (i < len && p[i] != '\r')
					i++;
				if (i == len)
					break;
			} else {
				i = (size_t)(found - p);
			}
		}
		if (p[i] == (uint8_t)end[s->matched]) {
			s->matched++;
			i++;
		} else if (s->matched > 0) {
			s->matched = p[i] == '\r' ? 1 : 0;
			i++;
		} else {
			i++;
		}
		if (s->matched == sizeof(end) - 1) {
			s->matched = 0;
			sink->counts.octets += i;
			accept_message(sink, s);
			return i;
		}
	}
	sink->counts.octets += len;
	return len;
}

static size_t
take_chunk(struct sink *sink, struct session *s, size_t len)
{
	size_t n = s->chunk_left < len ? (size_t)s->chunk_left : len;
	char text[64];

	s->chunk_left -= n;
	sink->counts.octets += n;
	if (s->chunk_left > 0)
		return n;
	if (s->is_last) {
		accept_message(sink, s);
		return n;
	}
	s->state = SESSION_COMMAND;
	(void)snprintf(text, sizeof(text), "250 2.0.0 %llu octets\r\n",
	    (unsigned long long)s->chunk_size);
	session_say(s, text);
	return n;
}

size_t
session_take(struct sink *sink, struct session *s, const uint8_t *p, size_t len)
{
	switch (s->state) {
	case SESSION_COMMAND:
		return take_command(sink, s, p, len);
	case SESSION_DATA:
		return take_data(sink, s, p, len);
	case SESSION_CHUNK:
		return take_chunk(sink, s, len);
	case SESSION_HANDSHAKE:
	case SESSION_QUIT:
	default:
		return len;
	}
}
