/* SPDX-License-Identifier: ISC */
/*
 * The master process: see master.h. It waits for signals and nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"
#include "listen.h"
#include "master.h"
#include "notify.h"
#include "privileges.h"
#include "status.h"
#include "worker.h"

/* A worker that lives no longer than this is not started again at once. */
#define SHORT_LIFE ((uint64_t)1000)

struct child {
	pid_t pid;			/* 0: not running */
	uint64_t started;
	uint64_t start_at;		/* not before; 0: at once */
};

/* The workers of one configuration. */
struct generation {
	struct xo_gate *gate;
	struct xo_sockets sockets;
	struct child *workers;
	size_t n_workers;
	struct child status;
	int status_fd;			/* -1: none */
	bool is_old;
	struct generation *next;
};

struct master {
	const char *path;
	struct xo_log *log;
	struct generation *generations;	/* the newest first */
	bool is_ending;
	uint64_t end_by;
};

static size_t
count_workers(const struct xo_conf *conf)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->workers != 0)
		return conf->workers;
	return n > 0 ? (size_t)n : 1;
}

/* Children */

/* Signals wait for sigtimedwait() in the master; children take them. */
static void
set_signals(bool is_blocked)
{
	static const int list[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD, SIGUSR1};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		sigaddset(&set, list[i]);
	sigprocmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
start_worker(struct master *m, struct generation *g, size_t slot)
{
	struct child *c = &g->workers[slot];
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGHUP, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
		set_signals(false);
		_exit(xo_worker_run(g->gate, &g->sockets, slot, parent));
	}
	if (pid < 0)
		xo_log_note(m->log, XO_LOG_ERROR, "worker", strerror(errno));
	c->started = xo_worker_now();
	c->pid = pid > 0 ? pid : 0;
	c->start_at = pid > 0 ? 0 : c->started + SHORT_LIFE;
}

static bool
confine_status(void *arg)
{
	const struct xo_conf *conf = arg;
	struct xo_buf error = {0};

	return xo_privileges_drop(conf->user, &error);
}

static void
start_status(struct generation *g)
{
	struct child *c = &g->status;
	struct xo_status_setup setup = {
		.conf = g->gate->conf,
		.metrics = g->gate->metrics,
		.listen_fd = g->status_fd,
		.parent = getpid(),
		.confine = confine_status,
		.arg = g->gate->conf,
	};
	pid_t pid;

	if (g->status_fd < 0)
		return;
	pid = fork();
	if (pid == 0) {
		signal(SIGHUP, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
		set_signals(false);
		xo_status_run(&setup);
	}
	c->started = xo_worker_now();
	c->pid = pid > 0 ? pid : 0;
	c->start_at = pid > 0 ? 0 : c->started + SHORT_LIFE;
}

static void
tell_workers(const struct generation *g, int signal_number)
{
	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			kill(g->workers[i].pid, signal_number);
}

static size_t
count_running(const struct generation *g)
{
	size_t n = g->status.pid != 0;

	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			n++;
	return n;
}

/* Generations */

static void
generation_free(struct generation *g)
{
	free(g->workers);
	xo_gate_free(&g->gate);
	free(g);
}

/* Ends of certificates and of revocation lists, for the metrics. */
static void
tell_expiry(const struct xo_gate *gate)
{
	const struct xo_conf *conf = gate->conf;
	struct xo_metrics *m = gate->metrics;

	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		size_t tls = (size_t)conf->listeners[i].tls;

		if (gate->listeners[i] == NULL)
			continue;
		xo_metrics_expiry(m, XO_METRIC_EXPIRY, tls,
		    xo_tls_context_expiry(gate->listeners[i]));
		/* A listener that asks for no certificate has no list. */
		if (xo_tls_context_crl_expiry(gate->listeners[i]) != 0)
			xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY, tls,
			    xo_tls_context_crl_expiry(gate->listeners[i]));
	}
	for (size_t i = 0; i < conf->policy.n_peers; i++)
		xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY_PEER, i,
		    gate->crl_expiry[i]);
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (gate->upstreams[i] == NULL)
			continue;
		xo_metrics_expiry(m, XO_METRIC_EXPIRY_UPSTREAM, i,
		    xo_tls_context_expiry(gate->upstreams[i]));
		xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY_UPSTREAM, i,
		    xo_tls_context_crl_expiry(gate->upstreams[i]));
	}
	for (size_t i = 0; i < conf->policy.n_tenants; i++)
		if (gate->tenants[i] != NULL)
			xo_metrics_expiry(m, XO_METRIC_EXPIRY_TENANT, i,
			    xo_tls_credential_expiry(gate->tenants[i]));
}

static bool
is_same_place(const struct xo_conf *a, const struct xo_conf *b)
{
	return a->has_status && b->has_status &&
	    a->status.port == b->status.port &&
	    strcmp(a->status.host, b->status.host) == 0;
}

static bool
open_status(struct generation *g, const struct generation *old,
    struct xo_buf *error)
{
	g->status_fd = -1;
	if (!g->gate->conf->has_status)
		return true;
	if (old != NULL && is_same_place(g->gate->conf, old->gate->conf))
		g->status_fd = old->status_fd;
	else
		g->status_fd = xo_status_listen(&g->gate->conf->status, error);
	return g->status_fd >= 0;
}

/* Only what a newer one has not taken over. */
static void
close_sockets(struct generation *g, const struct generation *other)
{
	xo_sockets_close(&g->sockets, other != NULL ? &other->sockets : NULL);
	if (g->status_fd >= 0 &&
	    (other == NULL || other->status_fd != g->status_fd))
		close(g->status_fd);
	g->status_fd = -1;
}

static struct xo_census *
new_census(const struct generation *g)
{
	const struct xo_conf *conf = g->gate->conf;
	const struct xo_census_setup setup = {
		.n_workers = g->n_workers,
		.max_sessions = conf->max_sessions,
		.prefix_ipv4 = (uint8_t)conf->network_prefix_ipv4,
		.prefix_ipv6 = (uint8_t)conf->network_prefix_ipv6,
	};

	return xo_census_new(&setup);
}

/* NULL: one line in `error`, and nothing has changed. */
static struct generation *
generation_new(struct master *m, struct xo_buf *error)
{
	struct generation *old = m->generations;
	struct generation *g = calloc(1, sizeof(*g));
	struct xo_conf *conf;

	if (g == NULL)
		return NULL;
	g->status_fd = -1;
	g->gate = xo_gate_load(m->path, error);
	if (g->gate == NULL)
		goto fail;
	conf = g->gate->conf;
	g->n_workers = count_workers(conf);
	g->workers = calloc(g->n_workers, sizeof(*g->workers));
	if (g->workers == NULL || !open_status(g, old, error) ||
	    !xo_sockets_open(&g->sockets, conf, g->n_workers,
	    old != NULL ? &old->sockets : NULL, error))
		goto fail;
	g->gate->census = new_census(g);
	if (g->gate->census != NULL)
		g->gate->metrics = xo_metrics_new(conf, g->n_workers,
		    old != NULL ? old->gate->metrics : NULL);
	if (g->gate->metrics == NULL)
		goto fail;
	xo_census_follow(g->gate->census,
	    old != NULL ? old->gate->census : NULL);
	tell_expiry(g->gate);
	return g;
fail:
	close_sockets(g, old);
	if (g->gate != NULL)
		xo_census_free(&g->gate->census);
	if (error->len == 0)
		(void)xo_buf_add_cstr(error, "no memory");
	generation_free(g);
	return NULL;
}

static void
generation_start(struct master *m, struct generation *g)
{
	g->gate->log = m->log;
	g->next = m->generations;
	m->generations = g;
	for (size_t i = 0; i < g->n_workers; i++)
		start_worker(m, g, i);
	start_status(g);
}

/* Its workers finish what they have; new connections are the next one's. */
static void
generation_retire(struct generation *g, const struct generation *successor)
{
	g->is_old = true;
	tell_workers(g, SIGTERM);
	if (g->status.pid != 0)
		kill(g->status.pid, SIGTERM);
	close_sockets(g, successor);
}

static void
write_pid(const struct master *m)
{
	const char *path = m->generations->gate->conf->pid_file.path;
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

/* Signals */

static void
reload(struct master *m)
{
	struct xo_buf error = {0};
	struct generation *old = m->generations;
	struct generation *g;

	if (m->is_ending)
		return;
	xo_notify("RELOADING=1");
	g = generation_new(m, &error);
	if (g == NULL) {
		(void)xo_buf_add_byte(&error, '\0');
		xo_metrics_reload(old->gate->metrics, false);
		xo_log_note(m->log, XO_LOG_ERROR, "reload",
		    (const char *)error.p);
		xo_buf_fini(&error);
		xo_notify("READY=1");
		return;
	}
	generation_retire(old, g);
	generation_start(m, g);
	xo_metrics_reload(g->gate->metrics, true);
	xo_log_note(m->log, XO_LOG_INFO, "reload", "new configuration");
	xo_notify("READY=1");
	xo_buf_fini(&error);
}

static void
terminate(struct master *m)
{
	struct xo_conf *conf = m->generations->gate->conf;

	if (m->is_ending) {
		/* Told twice: no more patience. */
		m->end_by = xo_worker_now();
		return;
	}
	m->is_ending = true;
	m->end_by = xo_worker_now() + conf->drain_timeout + 2000;
	xo_notify("STOPPING=1");
	xo_log_note(m->log, XO_LOG_INFO, "stop", "draining");
	generation_retire(m->generations, NULL);
}

/* A child that was not told to go. */
static void
mourn(struct master *m, struct generation *g, struct child *c, int status)
{
	uint64_t now = xo_worker_now();
	struct xo_log_line *line = xo_log_begin(m->log, XO_LOG_ERROR,
	    c == &g->status ? "status_died" : "worker_died");

	xo_log_u64(line, "pid", (uint64_t)c->pid);
	if (WIFSIGNALED(status))
		xo_log_u64(line, "signal", (uint64_t)WTERMSIG(status));
	else
		xo_log_u64(line, "exit", (uint64_t)WEXITSTATUS(status));
	xo_log_end(line);
	if (c != &g->status)
		xo_metrics_worker_restarted(g->gate->metrics);
	c->start_at = now - c->started < SHORT_LIFE ? now + SHORT_LIFE : now;
}

static void
reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct generation *g = m->generations; g != NULL;
		    g = g->next) {
			struct child *c = g->status.pid == pid ? &g->status :
			    NULL;

			for (size_t i = 0; i < g->n_workers; i++)
				if (g->workers[i].pid == pid) {
					c = &g->workers[i];
					xo_metrics_worker_gone(
					    g->gate->metrics, i);
					xo_census_worker_gone(
					    g->gate->census, i);
				}
			if (c == NULL)
				continue;
			if (!g->is_old)
				mourn(m, g, c, status);
			c->pid = 0;
		}
}

/* Old generations without a process are forgotten. */
static void
bury(struct master *m)
{
	struct generation **p = &m->generations->next;
	bool had_old = m->generations->next != NULL;

	while (*p != NULL) {
		struct generation *g = *p;

		if (count_running(g) > 0) {
			p = &g->next;
			continue;
		}
		*p = g->next;
		generation_free(g);
	}
	if (had_old && m->generations->next == NULL) {
		xo_metrics_settle(m->generations->gate->metrics);
		xo_census_settle(m->generations->gate->census);
	}
}

static void
start_again(struct master *m)
{
	struct generation *g = m->generations;
	uint64_t now = xo_worker_now();

	if (m->is_ending)
		return;
	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid == 0 && now >= g->workers[i].start_at)
			start_worker(m, g, i);
	if (g->gate->conf->has_status && g->status.pid == 0 &&
	    now >= g->status.start_at)
		start_status(g);
}

static bool
is_over(struct master *m)
{
	size_t n = 0;

	if (!m->is_ending)
		return false;
	for (struct generation *g = m->generations; g != NULL; g = g->next) {
		n += count_running(g);
		if (xo_worker_now() < m->end_by)
			continue;
		tell_workers(g, SIGKILL);
		if (g->status.pid != 0)
			kill(g->status.pid, SIGKILL);
	}
	return n == 0;
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
			(void)xo_log_reopen(m->log);
			break;
		default:
			break;
		}
		reap(m);
		bury(m);
		start_again(m);
		xo_log_flush(m->log);
	}
}

int
xo_master_run(const char *path)
{
	struct master m = {.path = path};
	struct xo_buf error = {0};
	struct xo_metrics *metrics;
	struct xo_census *census;
	struct generation *g;

	set_signals(true);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	(void)umask(027);
	g = generation_new(&m, &error);
	if (g != NULL)
		m.log = xo_log_open(g->gate->conf->log,
		    g->gate->conf->log_format, &error);
	if (m.log == NULL) {
		fprintf(stderr, "%.*s\n", (int)error.len,
		    (const char *)error.p);
		xo_buf_fini(&error);
		return 1;
	}
	generation_start(&m, g);
	write_pid(&m);
	xo_log_note(m.log, XO_LOG_INFO, "start", "xoorgd " XO_VERSION);
	xo_notify("READY=1");
	loop(&m);
	if (m.generations->gate->conf->pid_file.path != NULL)
		(void)unlink(m.generations->gate->conf->pid_file.path);
	xo_log_note(m.log, XO_LOG_INFO, "stop", "done");
	xo_log_close(&m.log);
	metrics = m.generations->gate->metrics;
	census = m.generations->gate->census;
	for (g = m.generations; g != NULL; g = m.generations) {
		m.generations = g->next;
		/* The newest owns the counters of all. */
		if (g->gate->metrics == metrics) {
			xo_metrics_free(&metrics);
			xo_census_free(&census);
		}
		generation_free(g);
	}
	return 0;
}
