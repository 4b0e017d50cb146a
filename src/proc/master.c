/* SPDX-License-Identifier: ISC */
/*
 * The master process: see master.h. It waits for signals and nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <net/clock.h>

#include "generation.h"
#include "master.h"
#include "notify.h"
#include "privileges.h"
#include "sandbox.h"
#include "seen_file.h"
#include "title.h"
#include "worker.h"

struct master {
	const char *path;
	struct xo_log *log;
	struct xo_generation *generations;	/* the newest first */
	bool is_ending;
	uint64_t end_by;
	struct xo_seen_file seen;
};

static const char *
pid_file_of(const struct master *m)
{
	return m->generations->runtime->conf->process.pid_file.path;
}

static void
write_pid(const struct master *m)
{
	const char *path = pid_file_of(m);
	FILE *f;

	if (path == NULL)
		return;
	f = fopen(path, "w");
	if (f == NULL) {
		xo_log_note(m->log, XO_LOG_WARNING, "pid_file",
		    strerror(errno));
		return;
	}
	fprintf(f, "%ld\n", (long)getpid());
	fclose(f);
}

/* The newest from now on. */
static void
add_generation(struct master *m, struct xo_generation *g)
{
	const struct xo_runtime *runtime = g->runtime;

	g->runtime->log = m->log;
	if (!xo_log_hide_persons(m->log,
	    runtime->conf->log.persons == XO_LOG_PERSONS_HASHED,
	    runtime->conf->log.key.path != NULL ? runtime->log_key : NULL))
		xo_log_note(m->log, XO_LOG_ERROR, "log",
		    "there is no randomness for log_persons: local parts are "
		    "left out");
	g->next = m->generations;
	m->generations = g;
	xo_generation_start(g);
}

/* Signals */

static void
reload(struct master *m)
{
	struct xo_buf error = {0};
	struct xo_generation *old = m->generations;
	struct xo_generation *g;

	if (m->is_ending)
		return;
	xo_notify("RELOADING=1");
	g = xo_generation_new(m->path, old, &old->sockets, &error);
	if (g == NULL) {
		xo_buf_add_byte(&error, '\0');
		xo_metrics_reload(old->runtime->metrics, false);
		xo_log_note(m->log, XO_LOG_ERROR, "reload",
		    (const char *)error.p);
		xo_buf_fini(&error);
		xo_notify("READY=1");
		return;
	}
	xo_sockets_keep(&g->sockets, &old->sockets);
	xo_sockets_forget(&old->sockets, &g->sockets);
	xo_generation_retire(old, g);
	add_generation(m, g);
	xo_metrics_reload(g->runtime->metrics, true);
	xo_log_note(m->log, XO_LOG_INFO, "reload", "new configuration");
	xo_generation_warn(g);
	xo_notify("READY=1");
	xo_buf_fini(&error);
}

static void
terminate(struct master *m)
{
	struct xo_conf *conf = m->generations->runtime->conf;

	if (m->is_ending) {
		/* Told twice: no more patience. */
		m->end_by = xo_clock_now();
		return;
	}
	m->is_ending = true;
	m->end_by = xo_clock_now() + conf->process.drain_timeout + 2000;
	xo_notify("STOPPING=1");
	xo_log_note(m->log, XO_LOG_INFO, "stop", "draining");
	xo_generation_retire(m->generations, NULL);
}

static void
reopen_log(const struct master *m)
{
	if (!xo_log_reopen(m->log)) {
		xo_log_note(m->log, XO_LOG_ERROR, "log", strerror(errno));
		return;
	}
	for (const struct xo_generation *g = m->generations; g != NULL;
	    g = g->next)
		xo_generation_pass_log(g);
}

static void
reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct xo_generation *g = m->generations; g != NULL;
		    g = g->next) {
			struct xo_child *c = xo_generation_find(g, pid);

			if (c != NULL)
				xo_generation_lost(g, c, status);
		}
}

/* Old generations without a process are forgotten. */
static void
bury(struct master *m)
{
	struct xo_generation **p = &m->generations->next;
	bool had_old = m->generations->next != NULL;

	while (*p != NULL) {
		struct xo_generation *g = *p;

		if (xo_generation_count(g) > 0) {
			p = &g->next;
			continue;
		}
		*p = g->next;
		xo_generation_free(&g);
	}
	if (had_old && m->generations->next == NULL) {
		xo_metrics_settle(m->generations->runtime->metrics,
		    xo_clock_now());
		xo_census_settle(m->generations->runtime->census);
	}
}

static bool
is_over(struct master *m)
{
	size_t n = 0;

	if (!m->is_ending)
		return false;
	for (struct xo_generation *g = m->generations; g != NULL; g = g->next) {
		n += xo_generation_count(g);
		xo_generation_end(g);
		if (xo_clock_now() >= m->end_by)
			xo_generation_kill(g);
	}
	return n == 0;
}

static void
save_seen(struct master *m, bool is_now)
{
	const struct xo_runtime *runtime = m->generations->runtime;

	xo_seen_file_save(&m->seen, runtime->conf, runtime->metrics, m->log,
	    is_now);
}

static void
loop(struct master *m)
{
	/* Also the longest wait before a dead worker's successor starts. */
	const struct timespec wait = {.tv_nsec = 200 * 1000 * 1000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	while (!is_over(m)) {
		switch (sigtimedwait(&set, NULL, &wait)) {
		case SIGHUP:
			reload(m);
			break;
		case SIGTERM:
		case SIGINT:
			terminate(m);
			break;
		case SIGUSR1:
			reopen_log(m);
			break;
		default:
			break;
		}
		reap(m);
		bury(m);
		if (!m->is_ending) {
			xo_generation_inspect(m->generations);
			xo_generation_start(m->generations);
		}
		save_seen(m, false);
		xo_log_flush(m->log);
	}
	save_seen(m, true);
}

static void
tell_start(const struct master *m)
{
	struct xo_buf text = {0};

	xo_sandbox_describe(m->generations->runtime->conf->process.sandbox,
	    &text);
	xo_buf_add_byte(&text, '\0');
	xo_log_note(m->log, XO_LOG_INFO, "start", "xoorgd " XO_VERSION);
	xo_log_note(m->log, XO_LOG_INFO, "sandbox", (const char *)text.p);
	xo_buf_fini(&text);
}

/* The newest owns the counters of all. */
static void
forget_all(struct master *m)
{
	struct xo_metrics *metrics = m->generations->runtime->metrics;
	struct xo_census *census = m->generations->runtime->census;

	while (m->generations != NULL) {
		struct xo_generation *g = m->generations;

		m->generations = g->next;
		if (g->runtime->metrics == metrics) {
			xo_metrics_free(&metrics);
			xo_census_free(&census);
		}
		xo_generation_free(&g);
	}
}

/* What only the start needs is given up: see privileges.h and sandbox.h. */
static bool
confine(const struct xo_conf *conf, struct xo_buf *error)
{
	const struct xo_sandbox sandbox = {
		.role = XO_SANDBOX_MASTER,
		.mode = conf->process.sandbox,
	};

	return xo_privileges_keep_few(error) &&
	    xo_sandbox_enter(&sandbox, error);
}

/* What an earlier process left with the service manager, and it will leave. */
static struct xo_generation *
first_generation(const char *path, struct xo_buf *error)
{
	struct xo_sockets inherited;
	struct xo_generation *g;

	xo_sockets_inherit(&inherited);
	g = xo_generation_new(path, NULL, &inherited, error);
	if (g != NULL) {
		xo_sockets_keep(&g->sockets, &inherited);
		xo_sockets_forget(&inherited, &g->sockets);
	}
	xo_sockets_close(&inherited, g != NULL ? &g->sockets : NULL);
	return g;
}

int
xo_master_run(const char *path)
{
	struct master m = {.path = path};
	struct xo_buf error = {0};
	struct xo_generation *g;

	xo_generation_signals(true);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	(void)umask(027);
	g = first_generation(path, &error);
	if (g != NULL && confine(g->runtime->conf, &error))
		m.log = xo_log_open(g->runtime->conf->log.target,
		    g->runtime->conf->log.format, &error);
	if (m.log == NULL) {
		fprintf(stderr, "%.*s\n", (int)error.len,
		    (const char *)error.p);
		xo_buf_fini(&error);
		return 1;
	}
	xo_title_set("master", 0);
	xo_seen_file_load(g->runtime->conf, g->runtime->metrics, m.log);
	m.seen.write_at = xo_clock_now() + XO_SEEN_FILE_FIRST;
	add_generation(&m, g);
	write_pid(&m);
	tell_start(&m);
	xo_generation_warn(g);
	xo_notify("READY=1");
	loop(&m);
	if (pid_file_of(&m) != NULL)
		(void)unlink(pid_file_of(&m));
	xo_log_note(m.log, XO_LOG_INFO, "stop", "done");
	xo_log_close(&m.log);
	xo_seen_file_fini(&m.seen);
	forget_all(&m);
	return 0;
}
