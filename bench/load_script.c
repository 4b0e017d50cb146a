/* SPDX-License-Identifier: ISC */
/*
 * What a session of the load says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char header[] =
    "From: Alice <alice@contoso.com>\r\n"
    "To: Bob <bob@contoso.com>\r\n"
    "Subject: A message of the benchmark\r\n"
    "Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n"
    "Message-ID: <benchmark@contoso.com>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n";

static const char line[] =
    "The quick brown fox jumps over the lazy dog, and the dog does not care.\r\n";

/* Header, then a body so that it all comes to `size`, or a body of one octet
 * and its line end at least. */
static char *
make_content(size_t size, size_t *len_r)
{
	size_t head = sizeof(header) - 1, one = sizeof(line) - 1;
	size_t body = size > head + 3 ? size - head - 2 : 1;
	char *p = bench_alloc(head + body + 3, 1);

	memcpy(p, header, head);
	for (size_t i = 0; i < body; i++)
		p[head + i] = line[i % one];
	/* No line end may be cut by the last one. */
	if (p[head + body - 1] == '\r')
		p[head + body - 1] = '.';
	memcpy(p + head + body, "\r\n", 3);
	*len_r = head + body + 2;
	return p;
}

static void
add(struct script *s, const char *text, size_t len, const char *wants)
{
	if (s->n == STEPS_MAX)
		bench_die("script", "too long");
	s->steps[s->n++] = (struct step){.text = text, .len = len,
	    .wants = wants};
}

static void
add_text(struct script *s, const char *text, const char *wants)
{
	add(s, text, strlen(text), wants);
}

static const char hello[] = "EHLO client.example\r\n";

static void
add_opening(struct load *load)
{
	struct script *s = &load->script;

	add_text(s, "", "2");
	add_text(s, hello, "2");
	if (load->tls == LOAD_STARTTLS) {
		add_text(s, "STARTTLS\r\n", "2");
		s->steps[s->n - 1].begins_tls = true;
		add_text(s, hello, "2");
	}
	if (load->auth != NULL) {
		char *auth = bench_alloc(1, strlen(load->auth) + 16);

		(void)snprintf(auth, strlen(load->auth) + 16,
		    "AUTH PLAIN %s\r\n", load->auth);
		add_text(s, auth, "2");
	}
}

static char *
envelope(const struct load *load, char *mail, char *rcpt, size_t max)
{
	char *both;

	(void)snprintf(mail, max, "MAIL FROM:<%s>%s%s\r\n", load->from,
	    *load->mail_parameters != '\0' ? " " : "", load->mail_parameters);
	(void)snprintf(rcpt, max, "RCPT TO:<%s>\r\n", load->to);
	both = bench_alloc(2, max);
	(void)snprintf(both, 2 * max, "%s%s", mail, rcpt);
	return both;
}

/* `before` and the content in one piece. */
static void
add_content(struct load *load, const char *before, const char *wants)
{
	size_t len, n = strlen(before);
	char *content = make_content(load->size, &len), *all;
	char bdat[64] = "";
	const char *end = load->has_chunks ? "" : ".\r\n";

	if (load->has_chunks)
		(void)snprintf(bdat, sizeof(bdat), "BDAT %zu LAST\r\n", len);
	all = bench_alloc(n + strlen(bdat) + len + 4, 1);
	memcpy(all, before, n);
	memcpy(all + n, bdat, strlen(bdat));
	n += strlen(bdat);
	memcpy(all + n, content, len);
	n += len;
	memcpy(all + n, end, strlen(end) + 1);
	add(&load->script, all, n + strlen(end), wants);
	free(content);
}

static void
add_message(struct load *load)
{
	struct script *s = &load->script;
	enum { LINE = 1024 };
	char *mail = bench_alloc(1, LINE), *rcpt = bench_alloc(1, LINE);
	char *both = envelope(load, mail, rcpt, LINE);

	s->first = s->n;
	if (!load->is_pipelined) {
		add_text(s, mail, "2");
		add_text(s, rcpt, "2");
		if (!load->has_chunks)
			add_text(s, "DATA\r\n", "3");
		add_content(load, "", "2");
	} else if (load->has_chunks) {
		add_content(load, both, "222");
	} else {
		strncat(both, "DATA\r\n", LINE);
		add_text(s, both, "223");
		add_content(load, "", "2");
	}
	s->steps[s->first].begins_message = true;
	s->end = s->n;
	s->steps[s->end - 1].ends_message = true;
}

void
script_make(struct load *load)
{
	add_opening(load);
	add_message(load);
	add_text(&load->script, "QUIT\r\n", "2");
}
