/* SPDX-License-Identifier: ISC */
/*
 * Taking lines from workers and writing them: see log_writer.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/clock.h>

#include "log_writer.h"
#include "privileges.h"
#include "sandbox.h"
#include "title.h"

/* Waits of at most 1 ms, in a row, that show a stream of lines. */
#define STREAM 16
/* ms for which the lines of a stream gather, so that a worker does not wake this
 * process for each of them. */
#define GATHER 5
/* ms between two tries where the target takes nothing. */
#define TRY_AGAIN 20
/* So many at the end, when nobody is left to write for. */
#define LAST_TRIES 50

struct writer {
	struct xo_log *log;
	struct pollfd *fds;		/* the control's, then the workers' */
	size_t n;			/* of workers */
	size_t n_open;
	int n_quick;			/* waits that were short, in a row */
	uint8_t record[XO_LOG_LINE_MAX];
};

/* False: nothing is here now. */
static bool
take_record(struct writer *w, struct pollfd *p)
{
	ssize_t n = recv(p->fd, w->record, sizeof(w->record), MSG_DONTWAIT);

	if (n > 0) {
		xo_log_add_lines(w->log, xo_span(w->record, (size_t)n));
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		/* Nobody has the other end any more. */
		p->fd = -1;
		w->n_open--;
	}
	return false;
}

static void
take_new_file(struct writer *w)
{
	int fd = xo_descriptor_receive(w->fds[0].fd);

	if (fd >= 0)
		xo_log_take(w->log, fd);
	else
		w->fds[0].fd = -1;	/* the master is gone */
}

/* All workers have gone, or there are none. */
static bool
is_alone(const struct writer *w)
{
	for (size_t i = 1; i <= w->n; i++)
		if (w->fds[i].fd >= 0 && (w->fds[i].revents & POLLHUP) == 0)
			return false;
	return true;
}

static void
take_records(struct writer *w)
{
	for (size_t i = 1; i <= w->n; i++) {
		if (w->fds[i].fd < 0 || w->fds[i].revents == 0)
			continue;
		while (xo_log_has_room(w->log) && take_record(w, &w->fds[i]))
			continue;
	}
}

/* Returns when there are lines to take, or, if the last ones could not be written,
 * after TRY_AGAIN. False: poll() failed. */
static bool
wait_for_lines(struct writer *w, bool is_written)
{
	bool has_room = xo_log_has_room(w->log);
	uint64_t began;

	for (size_t i = 1; i <= w->n; i++)
		w->fds[i].events = has_room ? POLLIN : 0;
	/* Where nothing is taken a hang-up would end the wait at once. */
	if (!is_written || w->n_quick >= STREAM)
		(void)poll(w->fds, 1, is_written ? GATHER : TRY_AGAIN);
	began = xo_clock_now();
	if (poll(w->fds, w->n + 1, is_written ? -1 : 0) < 0 && errno != EINTR)
		return false;
	if (xo_clock_now() > began + 1)
		w->n_quick = 0;
	else if (w->n_quick < STREAM)
		w->n_quick++;
	return true;
}

static void
serve(struct writer *w)
{
	bool is_written = true;
	int tries = LAST_TRIES;

	while (w->n_open > 0 && tries > 0) {
		if (!wait_for_lines(w, is_written))
			return;
		if (w->fds[0].revents != 0)
			take_new_file(w);
		take_records(w);
		is_written = xo_log_flush(w->log);
		tries = is_written || !is_alone(w) ? LAST_TRIES : tries - 1;
	}
}

/* The ends of the workers would keep this process from seeing theirs. */
static bool
take_own_ends(struct writer *w, const struct xo_pairs *pairs, int control)
{
	int *kept = calloc(pairs->n + 2, sizeof(*kept));

	w->fds = calloc(pairs->n + 1, sizeof(*w->fds));
	if (kept == NULL || w->fds == NULL) {
		free(kept);
		return false;
	}
	w->n = w->n_open = pairs->n;
	w->fds[0] = (struct pollfd){.fd = control, .events = POLLIN};
	for (size_t i = 0; i < pairs->n; i++) {
		w->fds[i + 1].fd = pairs->others[i];
		kept[i] = pairs->others[i];
	}
	kept[pairs->n] = control;
	kept[pairs->n + 1] = xo_log_fd(w->log);
	xo_descriptors_close_but(kept, pairs->n + 2);
	free(kept);
	return true;
}

static bool
confine(const struct xo_conf *conf, struct xo_buf *error)
{
	const struct xo_sandbox sandbox = {
		.role = XO_SANDBOX_LOG,
		.mode = conf->process.sandbox,
		.is_writing_files = true,
	};

	return xo_privileges_drop(conf->process.user, error) &&
	    xo_sandbox_enter(&sandbox, error);
}

static _Noreturn void
run(const struct xo_pairs *pairs, int control, struct xo_log *log,
    const struct xo_conf *conf)
{
	struct writer w = {.log = log};
	struct xo_buf error = {0};

	/* It ends when its workers have gone, not by a signal to the group. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	(void)prctl(PR_SET_NAME, "xoorgd: log");
	xo_title_set("log", 0);
	xo_log_after_fork(log);
	if (!take_own_ends(&w, pairs, control) || !confine(conf, &error)) {
		xo_buf_add_byte(&error, '\0');
		xo_log_note(log, XO_LOG_ERROR, "log", error.p != NULL ?
		    (const char *)error.p : "no memory");
		xo_log_close(&log);
		_exit(1);
	}
	serve(&w);
	xo_log_close(&log);
	_exit(0);
}

pid_t
xo_log_writer_start(const struct xo_pairs *pairs, int control,
    struct xo_log *log, const struct xo_conf *conf)
{
	pid_t pid = fork();

	if (pid == 0)
		run(pairs, control, log, conf);
	return pid;
}
