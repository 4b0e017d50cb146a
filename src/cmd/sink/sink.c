/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink: an SMTP server for tests and demos. Command line, listening,
 * threads, the end. It is no gateway: it believes whom it is told to believe.
 */
#include <cmd/sink/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmd/common/tool.h>

/* After --count: so long may the other side take to say QUIT. */
#define GRACE_MS 2000

#define FIELD(name) offsetof(struct xo_sink_settings, name)

static const char *const xoorg_words[] = {
	[XO_SINK_XOORG_NAMED] = "named",
	[XO_SINK_XOORG_ALWAYS] = "always",
	[XO_SINK_XOORG_NEVER] = "never",
	[XO_SINK_XOORG_BEFORE_TLS] = "before-tls",
	NULL,
};

static const struct xo_option options[] = {
	{"listen", XO_OPTION_TEXT, FIELD(listen), "ADDRESS:PORT",
	    "where to listen; port 0 takes a free one", NULL},
	{"port-file", XO_OPTION_TEXT, FIELD(port_file), "FILE",
	    "write the port there once it is open", NULL},
	{"directory", XO_OPTION_TEXT, FIELD(directory), "DIR",
	    "keep messages: NNNNNN.eml and NNNNNN.json", NULL},
	{"hostname", XO_OPTION_TEXT, FIELD(hostname), "NAME",
	    "our name (default: sink.test)", NULL},
	{"certificate", XO_OPTION_TEXT, FIELD(certificate), "FILE",
	    "offer STARTTLS with it (PEM, with its chain)", NULL},
	{"key", XO_OPTION_TEXT, FIELD(key), "FILE",
	    "its key (default: in the same file)", NULL},
	{"trust", XO_OPTION_TEXT, FIELD(trust), "system|FILE",
	    "CAs of client certificates; asks clients for one", NULL},
	{"announce-xoorg-to", XO_OPTION_LIST, FIELD(names), "NAME",
	    "play an Exchange receive connector: XOORG after TLS\n"
	    "for a verified client certificate with this name;\n"
	    "may be repeated", NULL},
	{"xoorg", XO_OPTION_WORD, FIELD(xoorg), "always|never|before-tls",
	    "announce XOORG by another, wrong rule", xoorg_words},
	{"xclient", XO_OPTION_FLAG, FIELD(has_xclient), NULL,
	    "announce and accept XCLIENT, from any client", NULL},
	{"extensions", XO_OPTION_TEXT, FIELD(extensions), "WORDS",
	    "what EHLO announces, separated by blanks", NULL},
	{"refuse", XO_OPTION_LIST, FIELD(refuse), "STAGE[:ADDRESS]=REPLY",
	    "give this reply at banner, ehlo, starttls, mail, rcpt,\n"
	    "data or final: \"rcpt:bad@x.test=550 5.1.1 unknown\";\n"
	    "\"close\" closes without a word; may be repeated", NULL},
	{"delay-ms", XO_OPTION_NUMBER, FIELD(delay), "N",
	    "wait before each reply", NULL},
	{"count", XO_OPTION_NUMBER, FIELD(count), "N",
	    "exit after N messages", NULL},
	{"timeout", XO_OPTION_NUMBER, FIELD(timeout), "SECONDS",
	    "the longest wait for a client (default: 300)", NULL},
	{"quiet", XO_OPTION_FLAG, FIELD(is_quiet), NULL,
	    "no line for each message", NULL},
};

static const struct xo_usage usage = {
	.command = "sink",
	.operands = "--listen ADDRESS:PORT [OPTION]...",
	.purpose = "An SMTP server for tests and demos: takes mail from "
		   "anybody and keeps it, or not.",
	.exits = "0 ended by --count, SIGTERM or SIGINT; 2 usage; "
		 "3 cannot listen",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 0,
};

static volatile sig_atomic_t is_ended;

static void
on_signal(int number)
{
	(void)number;
	is_ended = 1;
}

/* What the process shall exit with; XO_EXIT_OK: it listens. */
static int
open_listener(struct xo_sink *sink)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *list;
	struct xo_target target;
	int one = 1;

	if (!xo_target_parse(sink->settings.listen, "", &target) ||
	    getaddrinfo(target.host, target.port, &hints, &list) != 0) {
		xo_tool_complain("sink: --listen: expected ADDRESS:PORT: '%s'",
		    sink->settings.listen);
		return XO_EXIT_USAGE;
	}
	sink->listener = socket(list->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(sink->listener, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one));
	if (bind(sink->listener, list->ai_addr, list->ai_addrlen) != 0 ||
	    listen(sink->listener, SOMAXCONN) != 0) {
		xo_tool_complain("sink: %s: %s", sink->settings.listen,
		    strerror(errno));
		freeaddrinfo(list);
		return XO_EXIT_CONNECTION;
	}
	freeaddrinfo(list);
	return XO_EXIT_OK;
}

/* A script that waits for the file may connect as soon as it is there. */
static bool
write_port_file(const struct xo_sink *sink)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char port[NI_MAXSERV];
	struct xo_buf name = {.p = NULL};
	FILE *file;
	bool is_written;

	if (sink->settings.port_file == NULL)
		return true;
	if (getsockname(sink->listener, (struct sockaddr *)&address,
	    &len) != 0 || getnameinfo((struct sockaddr *)&address, len, NULL, 0,
	    port, sizeof(port), NI_NUMERICSERV) != 0)
		return false;
	xo_buf_add_all(&name, sink->settings.port_file, ".tmp", (char *)NULL);
	file = fopen(xo_tool_cstr(&name), "we");
	is_written = file != NULL && fprintf(file, "%s\n", port) > 0;
	if (file != NULL && fclose(file) != 0)
		is_written = false;
	is_written = is_written && rename((const char *)name.p,
	    sink->settings.port_file) == 0;
	if (!is_written)
		xo_tool_complain("sink: %s: %s", sink->settings.port_file,
		    strerror(errno));
	xo_buf_fini(&name);
	return is_written;
}

/* "SIZE=37748736" and the like to EHLO lines. */
static void
read_extensions(struct xo_sink *sink)
{
	struct xo_span rest =
	    xo_span_trim(xo_span_from_cstr(sink->settings.extensions));

	while (rest.len > 0) {
		size_t end = xo_span_find(rest, ' ');
		struct xo_span word = xo_span_first(rest, end);
		size_t equals = xo_span_find(word, '=');
		size_t start = sink->extensions.len;

		xo_buf_add(&sink->extensions, xo_span_first(word, equals));
		if (equals < word.len) {
			xo_buf_add_byte(&sink->extensions, ' ');
			xo_buf_add(&sink->extensions,
			    xo_span_from(word, equals + 1));
		}
		xo_caps_add_line(&sink->caps, xo_span_from(
		    xo_buf_span(&sink->extensions), start), NULL);
		xo_buf_add_byte(&sink->extensions, '\n');
		rest = xo_span_trim(xo_span_from(rest, end));
	}
}

static bool
load_tls(struct xo_sink *sink)
{
	const struct xo_sink_settings *settings = &sink->settings;
	char error[256];

	if (settings->certificate == NULL) {
		if (settings->names.n == 0)
			return true;
		xo_tool_complain("sink: --announce-xoorg-to needs "
		    "--certificate");
		return false;
	}
	sink->tls = xo_tls_tool_context_new(&(struct xo_tls_tool_settings){
	    .certificate = settings->certificate,
	    .key = settings->key,
	    .trust = settings->trust,
	    .is_server = true,
	    .wants_certificate = settings->trust != NULL ||
	    settings->names.n > 0}, error, sizeof(error));
	if (sink->tls == NULL)
		xo_tool_complain("sink: %s", error);
	return sink->tls != NULL;
}

/* Under the lock. -1: no slot is free. */
static int
find_slot(struct xo_sink *sink)
{
	for (int i = 0; i < XO_SINK_SESSIONS; i++) {
		if (!sink->slots[i].is_used)
			return i;
	}
	return -1;
}

static void
start_session(struct xo_sink *sink, int fd)
{
	static const char busy[] = "421 4.3.2 Too many connections\r\n";
	struct xo_sink_session *session;
	int slot;

	pthread_mutex_lock(&sink->lock);
	slot = find_slot(sink);
	if (slot < 0) {
		if (write(fd, busy, sizeof(busy) - 1) < 0)
			xo_tool_complain("sink: too many connections");
		close(fd);
		goto out;
	}
	session = xo_tool_require(calloc(1, sizeof(*session)));
	session->sink = sink;
	session->id = ++sink->n_sessions;
	session->slot = (size_t)slot;
	session->fd = fd;
	sink->slots[slot].fd = fd;
	sink->slots[slot].is_done = false;
	sink->slots[slot].is_used = pthread_create(&sink->slots[slot].thread,
	    NULL, xo_sink_session_run, session) == 0;
	if (!sink->slots[slot].is_used) {
		xo_tool_complain("sink: cannot start a thread");
		close(fd);
		free(session);
	}
out:
	pthread_mutex_unlock(&sink->lock);
}

/* Joins threads that are done; returns how many still run. */
static size_t
join_done(struct xo_sink *sink)
{
	size_t n = 0;

	for (size_t i = 0; i < XO_SINK_SESSIONS; i++) {
		bool is_done;

		if (!sink->slots[i].is_used)
			continue;
		pthread_mutex_lock(&sink->lock);
		is_done = sink->slots[i].is_done;
		pthread_mutex_unlock(&sink->lock);
		if (is_done) {
			pthread_join(sink->slots[i].thread, NULL);
			sink->slots[i].is_used = false;
		} else {
			n++;
		}
	}
	return n;
}

static void
drain_pipe(int fd)
{
	char bytes[256];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		continue;
}

/* Waits for a client, a thread's word, or a signal. */
static void
wait_for_event(struct xo_sink *sink, const sigset_t *unblocked, int ms)
{
	struct pollfd pfds[] = {
		{.fd = sink->wake[0], .events = POLLIN},
		{.fd = sink->listener, .events = POLLIN},
	};
	struct timespec limit = {.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000};
	int fd;

	if (ppoll(pfds, 2, ms >= 0 ? &limit : NULL, unblocked) <= 0)
		return;
	if (pfds[0].revents != 0)
		drain_pipe(sink->wake[0]);
	if (pfds[1].revents == 0)
		return;
	fd = accept(sink->listener, NULL, NULL);
	if (fd >= 0)
		start_session(sink, fd);
}

static bool
has_enough(struct xo_sink *sink)
{
	bool is_enough;

	pthread_mutex_lock(&sink->lock);
	is_enough = sink->settings.count > 0 &&
	    sink->n_accepted >= sink->settings.count;
	pthread_mutex_unlock(&sink->lock);
	return is_enough;
}

static void
serve(struct xo_sink *sink)
{
	sigset_t blocked, unblocked;
	int64_t deadline;

	/* Signals interrupt the main thread's wait and nothing else. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	pthread_sigmask(SIG_BLOCK, &blocked, &unblocked);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigdelset(&unblocked, SIGTERM);
	sigdelset(&unblocked, SIGINT);
	while (!is_ended && !has_enough(sink)) {
		wait_for_event(sink, &unblocked, -1);
		(void)join_done(sink);
	}
	close(sink->listener);
	sink->listener = -1;
	deadline = xo_tool_now() + GRACE_MS;
	while (!is_ended && join_done(sink) > 0 && xo_tool_now() < deadline)
		wait_for_event(sink, &unblocked, 50);
	pthread_mutex_lock(&sink->lock);
	for (size_t i = 0; i < XO_SINK_SESSIONS; i++) {
		if (sink->slots[i].is_used && sink->slots[i].fd >= 0)
			shutdown(sink->slots[i].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&sink->lock);
	while (join_done(sink) > 0)
		wait_for_event(sink, &unblocked, 50);
}

static int
run(struct xo_sink *sink)
{
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_extensions(sink);
	if (!xo_sink_refuse_parse(sink) || !load_tls(sink) ||
	    !xo_sink_store_open(sink))
		return XO_EXIT_USAGE;
	if (pipe2(sink->wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return XO_EXIT_CONNECTION;
	result = open_listener(sink);
	if (result != XO_EXIT_OK)
		return result;
	if (!write_port_file(sink))
		return XO_EXIT_USAGE;
	serve(sink);
	return XO_EXIT_OK;
}

static void
sink_fini(struct xo_sink *sink)
{
	if (sink->listener >= 0)
		close(sink->listener);
	for (size_t i = 0; i < 2; i++) {
		if (sink->wake[i] >= 0)
			close(sink->wake[i]);
	}
	xo_sink_refuse_fini(sink);
	xo_tls_context_free(&sink->tls);
	xo_buf_fini(&sink->extensions);
	xo_option_list_fini(&sink->settings.names);
	xo_option_list_fini(&sink->settings.refuse);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

int
xo_cmd_sink(int argc, char **argv)
{
	struct xo_sink *sink = xo_tool_require(calloc(1, sizeof(*sink)));
	int result;

	sink->listener = sink->wake[0] = sink->wake[1] = -1;
	pthread_mutex_init(&sink->lock, NULL);
	sink->settings = (struct xo_sink_settings){
		.hostname = "sink.test",
		.timeout = 300,
		.extensions = "SIZE=37748736 PIPELINING DSN "
			      "ENHANCEDSTATUSCODES 8BITMIME BINARYMIME "
			      "CHUNKING SMTPUTF8",
	};
	if (!xo_options_parse(&usage, argc, argv, &sink->settings, &result))
		goto out;
	if (sink->settings.listen == NULL) {
		xo_tool_complain("sink: --listen is missing");
		result = XO_EXIT_USAGE;
		goto out;
	}
	result = run(sink);
out:
	sink_fini(sink);
	return result;
}
