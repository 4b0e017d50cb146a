/* SPDX-License-Identifier: ISC */
/*
 * load: the client of the benchmark. Prints one line of JSON at its end. With
 * --idle it opens its sessions up to EHLO, says "ready", and holds them until
 * its standard input ends.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

#define EVENTS 256
#define NUMBER_MAX ((uint64_t)1 << 40)

static const char usage[] =
    "usage: load --connect HOST:PORT [--sessions N] [--messages N] [--size N]\n"
    "            [--total N] [--milliseconds N] [--tls starttls|implicit]\n"
    "            [--cert FILE --key FILE] [--pipelined] [--chunks]\n"
    "            [--mail-parameters TEXT] [--from A] [--to A] [--over US]\n"
    "            [--auth TEXT] [--idle]";

enum option_id {
	OPT_CONNECT, OPT_TLS, OPT_CERT, OPT_KEY, OPT_PARAMETERS, OPT_FROM,
	OPT_TO, OPT_AUTH, OPT_PIPELINED, OPT_CHUNKS, OPT_IDLE,
	OPT_NUMBERS,
	OPT_SESSIONS = OPT_NUMBERS, OPT_MESSAGES, OPT_SIZE, OPT_TOTAL,
	OPT_MILLISECONDS, OPT_OVER,
};

static const struct option options[] = {
	{"connect", 1, NULL, OPT_CONNECT}, {"tls", 1, NULL, OPT_TLS},
	{"cert", 1, NULL, OPT_CERT}, {"key", 1, NULL, OPT_KEY},
	{"mail-parameters", 1, NULL, OPT_PARAMETERS},
	{"from", 1, NULL, OPT_FROM}, {"to", 1, NULL, OPT_TO},
	{"auth", 1, NULL, OPT_AUTH},
	{"pipelined", 0, NULL, OPT_PIPELINED}, {"chunks", 0, NULL, OPT_CHUNKS},
	{"idle", 0, NULL, OPT_IDLE},
	{"sessions", 1, NULL, OPT_SESSIONS},
	{"messages", 1, NULL, OPT_MESSAGES}, {"size", 1, NULL, OPT_SIZE},
	{"total", 1, NULL, OPT_TOTAL}, {"milliseconds", 1, NULL, OPT_MILLISECONDS},
	{"over", 1, NULL, OPT_OVER},
	{NULL, 0, NULL, 0},
};

static void
set_number(struct load *load, int option, const char *text)
{
	uint64_t *const table[] = {
		&load->sessions, &load->messages, &load->size, &load->total,
		&load->milliseconds, &load->over,
	};

	*table[option - OPT_NUMBERS] = bench_number("a number", text,
	    NUMBER_MAX);
}

static void
set_text(struct load *load, int option, const char *text)
{
	switch (option) {
	case OPT_CONNECT:
		load->target = text;
		break;
	case OPT_TLS:
		if (strcmp(text, "starttls") == 0)
			load->tls = LOAD_STARTTLS;
		else if (strcmp(text, "implicit") == 0)
			load->tls = LOAD_IMPLICIT;
		else
			bench_die(text, "not starttls or implicit");
		break;
	case OPT_CERT:
		load->cert = text;
		break;
	case OPT_KEY:
		load->key = text;
		break;
	case OPT_PARAMETERS:
		load->mail_parameters = text;
		break;
	case OPT_FROM:
		load->from = text;
		break;
	case OPT_TO:
		load->to = text;
		break;
	case OPT_AUTH:
		load->auth = text;
		break;
	default:
		bench_die(usage, NULL);
	}
}

static void
parse(struct load *load, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_PIPELINED)
			load->is_pipelined = true;
		else if (c == OPT_CHUNKS)
			load->has_chunks = true;
		else if (c == OPT_IDLE)
			load->is_idle = true;
		else if (c >= OPT_NUMBERS && c <= OPT_OVER)
			set_number(load, c, optarg);
		else
			set_text(load, c, optarg);
	}
	if (optind != argc || load->target == NULL || load->sessions == 0 ||
	    load->messages == 0 || (load->cert == NULL) != (load->key == NULL))
		bench_die(usage, NULL);
	if (load->total == 0 && load->milliseconds == 0 && !load->is_idle)
		bench_die("--total or --milliseconds", "one is needed");
}

void
samples_add(struct samples *s, uint64_t us)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 4096;
		uint32_t *p = realloc(s->us, cap * sizeof(*p));

		if (p == NULL)
			bench_die("no memory", NULL);
		s->us = p;
		s->cap = cap;
	}
	s->us[s->n++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
print_times(const char *name, struct samples *s)
{
	static const struct {
		const char *name;
		unsigned permille;
	} table[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

	if (s->n > 0)
		qsort(s->us, s->n, sizeof(*s->us), compare);
	(void)printf(", \"%s\": {\"n\": %zu", name, s->n);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t at = s->n > 0 ? (s->n - 1) * table[i].permille / 1000 : 0;

		(void)printf(", \"%s\": %u", table[i].name,
		    s->n > 0 ? (unsigned)s->us[at] : 0U);
	}
	(void)printf("}");
}

static void
print_report(struct load *load, uint64_t us)
{
	(void)printf("{\"messages\": %llu, \"failed\": %llu, "
	    "\"connections\": %llu, \"seconds\": %.6f, \"over\": %llu",
	    (unsigned long long)load->done, (unsigned long long)load->failed,
	    (unsigned long long)load->connections, (double)us / 1e6,
	    (unsigned long long)load->n_over);
	print_times("message_us", &load->message_times);
	print_times("connection_us", &load->connection_times);
	for (char *p = load->complaint; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = ' ';
	(void)printf(", \"complaint\": \"%s\"}\n", load->complaint);
	(void)fflush(stdout);
}

static void
turn(struct load *load, int timeout)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(load->epoll, events, EVENTS, timeout);

	for (int i = 0; i < n; i++)
		client_event(load, events[i].data.ptr, events[i].events);
}

/* A storm of connections would measure the backlog: a few at a time. */
static void
open_idle(struct load *load)
{
	enum { STRIDE = 50 };
	char octet;

	for (uint64_t i = 0; i < load->sessions; i++) {
		if (client_start(load, client_new()))
			load->n_live++;
		while (load->n_live > load->n_ready + STRIDE)
			turn(load, 1000);
	}
	while (load->n_ready < load->n_live)
		turn(load, 1000);
	(void)printf("ready %llu\n", (unsigned long long)load->n_ready);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		;
}

int
main(int argc, char **argv)
{
	static struct load load = {
		.sessions = 1, .messages = 1, .size = 4096,
		.mail_parameters = "", .from = "alice@contoso.com",
		.to = "bob@contoso.com",
	};
	uint64_t began;

	parse(&load, argc, argv);
	bench_raise_limit();
	(void)signal(SIGPIPE, SIG_IGN);
	if (load.tls != LOAD_PLAIN)
		load.ctx = bench_tls_client(load.cert, load.key);
	script_make(&load);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll < 0)
		bench_die("epoll", strerror(errno));
	began = bench_now();
	if (load.milliseconds != 0)
		load.until = began + load.milliseconds * 1000;
	if (load.is_idle) {
		open_idle(&load);
		return 0;
	}
	for (uint64_t i = 0; i < load.sessions; i++)
		if (client_start(&load, client_new()))
			load.n_live++;
	while (load.n_live > 0)
		turn(&load, -1);
	print_report(&load, bench_now() - began);
	return load.failed == 0 ? 0 : 1;
}
